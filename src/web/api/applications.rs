//! Applications: the general part.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::applications::create::{self, NewApplication, Surroundings};
use crate::applications::update::{self, ApplicationPatch};
use crate::applications::{self, Application, Kind, Status, delete, logo};
use crate::auth::Permission;
use crate::base::accent::Accent;
use crate::base::id::{ApplicationId, UserId};
use crate::base::urls::{self, BaseUrl};
use crate::base::{Ctx, Error, Timestamp};
use crate::catalog::model::ConnectorKind;
use crate::signon::preview::{self, Preview};
use crate::web::api::answer::{Created, Done, Listing, Tagged};
use crate::web::api::input::{Id, Input, Query, page, require_type};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{ApiToken, RawBody};
use crate::web::headers::Policy;
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, create_one, show, change, delete_one, logo_show, logo_set, logo_remove, preview_one)
}

/// An application.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Application)]
pub struct ApplicationView {
    /// Its id.
    #[schema(value_type = String)]
    id: ApplicationId,
    /// What sort of tile it is.
    kind: Kind,
    /// Connector it was made from.
    connector: String,
    /// Version of that connector at the time.
    connector_version: u32,
    /// Name on the tile.
    label: String,
    /// Sentence under it.
    description: String,
    /// Last part of the IdP URL; never changes.
    slug: String,
    /// The IdP URL; never changes.
    idp_url: String,
    /// The IdP's metadata for this application; `null` for bookmarks.
    metadata_url: Option<String>,
    /// The signing certificate; `null` for bookmarks.
    certificate_url: Option<String>,
    /// Entity ID of the IdP towards this application; `null` for bookmarks.
    idp_entity_id: Option<String>,
    /// Colour of the tile.
    color: Accent,
    /// Whether the portal shows it.
    show_in_portal: bool,
    /// Whether people can use it.
    status: Status,
    /// Where a bookmark leads.
    bookmark_url: Option<String>,
    /// The picture, if it has one.
    logo_url: Option<String>,
    /// Raised by each change; the `ETag`.
    version: i64,
    /// Since when it is there.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ApplicationView {
    /// An application as the API shows it.
    #[must_use]
    pub fn new(base_url: &BaseUrl, a: &Application) -> Self {
        let saml = a.kind == Kind::Saml;
        Self {
            id: a.id,
            kind: a.kind,
            connector: a.made_from.id.clone(),
            connector_version: a.made_from.version,
            label: a.label.clone(),
            description: a.description.clone(),
            slug: a.slug.clone(),
            idp_url: base_url.join(&urls::idp(&a.slug)),
            metadata_url: saml.then(|| base_url.join(&urls::idp_metadata(&a.slug))),
            certificate_url: saml.then(|| base_url.join(&urls::idp_certificate(&a.slug))),
            idp_entity_id: saml.then(|| a.idp_entity_id.clone()),
            color: a.accent,
            show_in_portal: a.show_in_portal,
            status: a.status,
            bookmark_url: a.bookmark_url.clone(),
            logo_url: a.logo.as_ref().map(|_| format!("{}/applications/{}/logo", super::ROOT, a.id)),
            version: a.version,
            created_at: a.created_at,
            updated_at: a.updated_at,
        }
    }

    /// With its version as `ETag`.
    #[must_use]
    pub fn tagged(web: &Shared, application: &Application) -> Tagged<Self> {
        Tagged(application.version, Self::new(&web.installation.base_url, application))
    }
}

/// Which applications.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApplicationsQuery {
    /// Part of a label or slug, in any case.
    q: Option<String>,
    /// Most items, 1 to 200.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List applications
///
/// By label.
#[utoipa::path(get, path = "/applications", tag = "Applications", params(ApplicationsQuery),
    responses((status = 200, description = "Applications", body = Listing<ApplicationView>)))]
async fn list(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Query(query): Query<ApplicationsQuery>,
) -> Answer<Listing<ApplicationView>> {
    let request = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let text = query.q.unwrap_or_default();
    let found = applications::list(&mut web.installation.db.reader(), &text, &request).await?;
    Ok(found.map(|application| ApplicationView::new(&web.installation.base_url, &application)).into())
}

/// Add an application
///
/// From a connector of the catalog, with a key and certificate of its own. The slug, chosen or derived from the
/// label, makes the IdP URL and never changes.
#[utoipa::path(post, path = "/applications", tag = "Applications", request_body = NewApplication,
    responses((status = 201, description = "The draft", body = ApplicationView)))]
async fn create_one(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    key: Key,
    Input(new, bytes): Input<NewApplication>,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    key.once(web, &caller, &bytes, Box::pin(async move { add(&shared, &ctx, new).await })).await
}

async fn add(web: &Shared, ctx: &Ctx, new: NewApplication) -> Answer<Created<ApplicationView>> {
    let installation = &web.installation;
    let connector = create::require_connector(&installation.catalog, &new.connector)?;
    let key = if connector.kind == ConnectorKind::Saml {
        Some(installation.make_first_key(ctx, connector, &connector.name).await?)
    } else {
        None
    };
    let around = Surroundings {
        catalog: &installation.catalog,
        vault: &installation.vault,
        base_url: &installation.base_url,
    };
    let made = create::create(&installation.db, ctx, around, new, key.as_ref()).await?;
    Ok(Created {
        location: format!("{}/applications/{}", super::ROOT, made.id),
        version: Some(made.version),
        body: ApplicationView::new(&installation.base_url, &made),
    })
}

/// Show an application
#[utoipa::path(get, path = "/applications/{id}", tag = "Applications",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The application", body = ApplicationView)))]
async fn show(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Tagged<ApplicationView>> {
    let application = applications::require(&mut web.installation.db.reader(), id).await?;
    Ok(ApplicationView::tagged(&web, &application))
}

/// Change an application
///
/// What is left out stays. Naming the slug is refused with 409 `idp_url_immutable`.
#[utoipa::path(patch, path = "/applications/{id}", tag = "Applications", request_body = ApplicationPatch,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The application now", body = ApplicationView)))]
async fn change(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    Input(patch, _): Input<ApplicationPatch>,
) -> Answer<Tagged<ApplicationView>> {
    let changed = update::update(&web.installation.db, &caller.ctx, id, patch, seen.version()?).await?;
    Ok(ApplicationView::tagged(&web, &changed))
}

/// Delete an application
///
/// With its key, bindings and sessions. Its address answers 410 for 90 days.
#[utoipa::path(delete, path = "/applications/{id}", tag = "Applications",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 204, description = "Deleted")))]
async fn delete_one(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
) -> Answer<Done> {
    delete::delete_one(&web.installation.db, &caller.ctx, id, seen.version()?).await?;
    Ok(Done)
}

/// Show the picture
#[utoipa::path(get, path = "/applications/{id}/logo", tag = "Applications",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The picture", body = Vec<u8>, content_type = "image/png")))]
async fn logo_show(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Response> {
    applications::require(&mut web.installation.db.reader(), id).await?;
    let found = logo::find(&mut web.installation.db.reader(), id).await?;
    let (png, _) = found.ok_or_else(|| Error::not_found("picture"))?;
    let mut response = (StatusCode::OK, png).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    // whatever a browser makes of it, it stays a picture.
    response.extensions_mut().insert(Policy::File);
    Ok(response)
}

/// Set the picture
///
/// PNG, JPEG or WebP of at most 256 KiB; kept as PNG of at most 256 by 256 pixels.
#[utoipa::path(put, path = "/applications/{id}/logo", tag = "Applications",
    params(("id" = String, Path, description = "Id of the application")),
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
    responses((status = 204, description = "Set")))]
async fn logo_set(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> Answer<Done> {
    require_type(
        &headers,
        "image/png, image/jpeg or image/webp",
        &["image/png", "image/jpeg", "image/webp"],
    )?;
    seen.unversioned()?;
    let png = web.installation.on_cpu(move || logo::re_encode(&bytes)).await??;
    logo::set(&web.installation.db, &caller.ctx, id, png).await?;
    Ok(Done)
}

/// Remove the picture
#[utoipa::path(delete, path = "/applications/{id}/logo", tag = "Applications",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 204, description = "Removed; the tile shows its monogram")))]
async fn logo_remove(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    logo::remove(&web.installation.db, &caller.ctx, id).await?;
    Ok(Done)
}

/// Of whom to preview a sign-on or an account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// Id of the person.
    user_id: String,
}

impl PreviewRequest {
    /// Whom it names.
    pub(super) fn person(&self) -> Result<UserId, Error> {
        self.user_id.parse().map_err(|_| Self::unknown())
    }

    /// There is no such person.
    pub(super) fn unknown() -> Error {
        Error::field("user_id", "unknown_person", "There is no person with this id.")
    }
}

/// Preview a sign-on
///
/// The assertion that would be sent for a person now, decoded. Nothing is signed, stored or sent.
#[utoipa::path(post, path = "/applications/{id}/preview", tag = "Applications", request_body = PreviewRequest,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The assertion", body = Preview)))]
async fn preview_one(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    Input(request, bytes): Input<PreviewRequest>,
) -> Answer<Response> {
    caller.require(Permission::PeopleRead)?;
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let user = request.person()?;
        let application = applications::require(&mut shared.installation.db.reader(), id).await?;
        let found = preview::preview(&shared.installation, &ctx, &application, user).await?;
        Ok(Json(found.ok_or_else(PreviewRequest::unknown)?))
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}
