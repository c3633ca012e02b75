//! Metadata by address: where it is fetched from, how that went, and what waits to be accepted.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::applications::sp_metadata::{FieldChange, Mode};
use crate::applications::sp_source::{self, NewSource, Set, Source};
use crate::applications::{self, sso};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Timestamp};
use crate::web::api::answer::Tagged;
use crate::web::api::input::{Id, object, optional};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::api::sso::MetadataAnswer;
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(show, remove, refresh, accept, discard)
}

/// Metadata by address.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataUrl {
    /// Where it is fetched from, now and on schedule.
    url: String,
    /// Which of several entities; the same as the parameter.
    #[serde(default)]
    entity_id: Option<String>,
    /// The certificate whose key must have signed it, PEM. With one, the metadata must say until when it is valid, at
    /// most 30 days ahead.
    #[serde(default)]
    certificate: Option<String>,
    /// `revision` of a dry run: refused with 409 `metadata_changed_meanwhile` when the metadata asks for something else
    /// by now.
    #[serde(default)]
    revision: Option<String>,
}

/// Why the metadata can't be fetched or trusted now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MetadataFailure {
    /// Stable code.
    code: String,
    /// What happened and what to do.
    message: String,
    /// Since when. What was taken over before stays in use.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Where metadata is fetched from, and how that went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MetadataSource {
    /// The address.
    url: String,
    /// Which of several entities.
    entity_id: Option<String>,
    /// Whether it must be signed.
    signed: bool,
    /// The certificate whose key must have signed it, PEM.
    certificate: Option<String>,
    /// When it was last fetched or found unchanged.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// When it was last tried.
    #[schema(value_type = String, format = DateTime)]
    tried_at: Timestamp,
    /// When it is fetched next.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    /// Until when it says to be valid.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<Timestamp>,
    /// Why it can't be fetched or trusted now; `null` while it can.
    failure: Option<MetadataFailure>,
    /// What waits to be accepted: name it in `accept` and `discard`. `null` when nothing waits.
    revision: Option<String>,
    /// Since when it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    pending_since: Option<Timestamp>,
    /// Every field that accepting would change.
    pending_changes: Vec<FieldChange>,
    /// What is odd but usable in what waits.
    warnings: Vec<String>,
}

async fn shown(web: &Shared, source: Source) -> Result<Tagged<MetadataSource>, Error> {
    let installation = &web.installation;
    let mut reader = installation.db.reader();
    let application = applications::require(&mut reader, source.application).await?;
    let waiting = sp_source::waiting(&mut reader, &application).await?;
    let (pending_changes, warnings) =
        waiting.map(|waiting| (waiting.changes, waiting.warnings)).unwrap_or_default();
    let (revision, pending_since) = source.pending.map(|pending| (pending.revision, pending.since)).unzip();
    let body = MetadataSource {
        url: source.url,
        entity_id: source.entity_id,
        signed: source.certificate.is_some(),
        certificate: source.certificate,
        fetched_at: source.fetched_at,
        tried_at: source.tried_at,
        due_at: source.due_at,
        valid_until: source.valid_until,
        failure: source.failing.map(|failing| MetadataFailure {
            code: failing.code,
            message: failing.message,
            since: failing.since,
        }),
        revision,
        pending_since,
        pending_changes,
        warnings,
    };
    Ok(Tagged(application.version, body))
}

/// Takes metadata by address: what `PUT …/sp-metadata` does with a body of JSON.
pub(super) async fn put(
    web: &Shared,
    ctx: &Ctx,
    id: ApplicationId,
    bytes: &[u8],
    (entity_id, search): (Option<String>, Option<String>),
    mode: Mode,
) -> Answer<Tagged<MetadataAnswer>> {
    let MetadataUrl { url, entity_id: named, certificate, revision } = object(bytes)?;
    let wanted = NewSource { url, entity_id: named.or(entity_id), search, certificate, shown: revision };
    let Set { applied, revision } = web.installation.sp_sources().set(ctx, id, wanted, mode).await?;
    let sso = sso::view(&applied.application)?;
    let answer = MetadataAnswer {
        dry_run: mode.dry_run,
        changes: applied.changes,
        warnings: applied.warnings,
        revision,
        sso,
    };
    Ok(Tagged(applied.application.version, answer))
}

/// Show where metadata is fetched from
///
/// With what waits to be accepted: a later copy is never taken over by itself. 404 when it is not fetched.
#[utoipa::path(get, path = "/applications/{id}/sp-metadata", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The address, and how it went", body = MetadataSource)))]
async fn show(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Tagged<MetadataSource>> {
    let source = sp_source::find(&mut web.installation.db.reader(), id).await?;
    let source = source.ok_or_else(|| Error::not_found("metadata address"))?;
    Ok(shown(&web, source).await?)
}

/// Stop fetching metadata
///
/// What was taken over stays.
#[utoipa::path(delete, path = "/applications/{id}/sp-metadata", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 204, description = "It is not fetched any more")))]
async fn remove(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<StatusCode> {
    web.installation.sp_sources().remove(&caller.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetch metadata now
///
/// As it happens on schedule: other metadata waits to be accepted, and a failure is told in `failure`.
#[utoipa::path(post, path = "/applications/{id}/sp-metadata/refresh", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "How it went", body = MetadataSource)))]
async fn refresh(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let source = shared.installation.sp_sources().refresh(&ctx, id).await?;
        Ok(shown(&shared, source).await?)
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// What was shown, and is decided on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// `revision` of what was shown; refused with 409 `metadata_changed_meanwhile` when something else waits by now.
    revision: String,
}

/// What is discarded.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Discarded {
    /// `revision` of what was shown; refused with 409 `metadata_changed_meanwhile` when something else waits by now.
    /// Without it whatever waits is discarded.
    #[serde(default)]
    revision: Option<String>,
}

/// Accept other metadata
///
/// Takes over what waits and was shown, by its `revision`. 409 `metadata_nothing_pending` when nothing waits.
#[utoipa::path(post, path = "/applications/{id}/sp-metadata/accept", tag = "Single sign-on", request_body = Shown,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "What changed", body = MetadataAnswer)))]
async fn accept(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    key: Key,
    RawBody(bytes): RawBody,
) -> Answer<Response> {
    // No body at all is one without a revision.
    let Shown { revision } = object(if bytes.is_empty() { b"{}" } else { &bytes })?;
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let installation = &shared.installation;
        let version = seen.version()?;
        let accepted = installation.sp_sources().accept(&ctx, id, &revision, version).await?;
        let sso = sso::view(&accepted.applied.application)?;
        let answer = MetadataAnswer {
            dry_run: false,
            changes: accepted.applied.changes,
            warnings: accepted.applied.warnings,
            revision: accepted.revision,
            sso,
        };
        Ok(Tagged(accepted.applied.application.version, answer))
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}

/// Discard other metadata
///
/// What waits is let go of. The same is not put forward again; something else is.
#[utoipa::path(post, path = "/applications/{id}/sp-metadata/discard", tag = "Single sign-on", request_body = Discarded,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The address, with nothing waiting", body = MetadataSource)))]
async fn discard(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    RawBody(bytes): RawBody,
) -> Answer<Response> {
    let Discarded { revision } = optional(&bytes)?;
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let source = shared.installation.sp_sources().discard(&ctx, id, revision.as_deref()).await?;
        Ok(shown(&shared, source).await?)
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}
