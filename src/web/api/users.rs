//! People.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::auth::account::{self, NewAccount};
use crate::auth::{Permission, Role, link, roles, session};
use crate::base::id::UserId;
use crate::base::{Error, Timestamp, urls};
use crate::directory::{Group, PeopleFilter, Person, PersonPatch, PersonState, groups, people};
use crate::web::api::answer::{Created, Done, Listing, Tagged};
use crate::web::api::bindings::PageQuery;
use crate::web::api::input::{Id, Input, Query, choice, page};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{GroupsRead, PeopleRead, PeopleWrite, RolesRead, RolesWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(
        list,
        create,
        show,
        change,
        delete_one,
        suspend,
        activate,
        set_password,
        reset_link,
        list_groups,
        end_sessions,
        show_role,
        set_role,
        remove_role
    )
}

/// Which people.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// Part of a name, username, e-mail or employee id, in any case.
    q: Option<String>,
    /// Only people in this state.
    #[param(value_type = Option<PersonState>)]
    state: Option<String>,
    /// Most items, 1 to 200.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn tagged(person: Person) -> Tagged<Person> {
    Tagged(person.version, person)
}

async fn require(web: &Shared, id: UserId) -> Result<Person, Error> {
    people::find(&mut web.installation.db.reader(), id).await?.ok_or_else(|| Error::not_found("person"))
}

/// List people
///
/// By username.
#[utoipa::path(get, path = "/users", tag = "People", params(UsersQuery),
    responses((status = 200, description = "People", body = Listing<Person>)))]
async fn list(
    _: ApiToken<PeopleRead>,
    State(web): State<Shared>,
    Query(query): Query<UsersQuery>,
) -> Answer<Listing<Person>> {
    let request = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let state = choice("state", query.state.as_deref(), "staged, active, suspended")?;
    let filter = PeopleFilter { search: query.q, state };
    Ok(people::list(&web.installation.db, &filter, &request).await?.into())
}

/// Create a person
///
/// Active with a password, else staged.
#[utoipa::path(post, path = "/users", tag = "People", request_body = NewAccount,
    responses((status = 201, description = "The person", body = Person)))]
async fn create(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    key: Key,
    Input(new, bytes): Input<NewAccount>,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    key.once(
        web,
        &caller,
        &bytes,
        Box::pin(async move {
            let installation = &shared.installation;
            let made = account::create(&installation.db, &ctx, &installation.passwords, new).await?;
            let location = format!("{}/users/{}", super::ROOT, made.id);
            Ok(Created { location, version: Some(made.version), body: made })
        }),
    )
    .await
}

/// Show a person
#[utoipa::path(get, path = "/users/{id}", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The person", body = Person)))]
async fn show(
    _: ApiToken<PeopleRead>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
) -> Answer<Tagged<Person>> {
    Ok(tagged(require(&web, id).await?))
}

/// Change a person
///
/// What is left out stays, `null` clears, lists replace (RFC 7396).
#[utoipa::path(patch, path = "/users/{id}", tag = "People", request_body = PersonPatch,
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The person now", body = Person)))]
async fn change(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Input(patch, _): Input<PersonPatch>,
) -> Answer<Tagged<Person>> {
    Ok(tagged(people::update(&web.installation.db, &caller.ctx, id, seen.version()?, patch).await?))
}

/// Delete a person
///
/// With memberships, password, role and sessions. Refused for the last owner.
#[utoipa::path(delete, path = "/users/{id}", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "Deleted")))]
async fn delete_one(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
) -> Answer<Done> {
    people::delete_seen(&web.installation.db, &caller.ctx, id, seen.version()?).await?;
    Ok(Done)
}

/// Suspend a person
///
/// Sessions end at once. Refused for the last owner.
#[utoipa::path(post, path = "/users/{id}/suspend", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The person, suspended", body = Person)))]
async fn suspend(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let version = seen.version()?;
        Ok(tagged(people::suspend_seen(&shared.installation.db, &ctx, id, version).await?))
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// Activate a person
#[utoipa::path(post, path = "/users/{id}/activate", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The person, active", body = Person)))]
async fn activate(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let version = seen.version()?;
        Ok(tagged(people::activate_seen(&shared.installation.db, &ctx, id, version).await?))
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// A new password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// At least 15 characters, hard to guess. Never shown again.
    #[schema(value_type = String, format = Password, write_only)]
    password: SecretText,
}

/// A text that is never printed.
pub struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

/// Set a person's password
///
/// Ends all sessions of the person.
#[utoipa::path(post, path = "/users/{id}/password", tag = "People", request_body = NewPassword,
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "Set")))]
async fn set_password(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    key: Key,
    Input(new, bytes): Input<NewPassword>,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let (version, installation) = (seen.version()?, &shared.installation);
        let (db, passwords) = (&installation.db, &installation.passwords);
        account::set_password_seen(db, &ctx, passwords, id, version, &new.password.0).await?;
        Ok(Done)
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}

/// A one-time link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkAnswer {
    /// The address to give to the person. Shown once.
    url: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Make a password-reset link
///
/// For an active person; links made before are void.
#[utoipa::path(post, path = "/users/{id}/reset-link", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The link", body = LinkAnswer)))]
async fn reset_link(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    key: Key,
) -> Answer<Response> {
    use secrecy::ExposeSecret as _;
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        seen.unversioned()?;
        let made = link::create_reset(&shared.installation.db, &ctx, id).await?;
        let url = shared.installation.base_url.join(&urls::reset(made.token.expose_secret()));
        Ok(Json(LinkAnswer { url, expires_at: made.expires_at }))
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// List a person's groups
///
/// By name; `Everyone` is among them while the person is active.
#[utoipa::path(get, path = "/users/{id}/groups", tag = "People",
    params(("id" = String, Path, description = "Id of the person"), PageQuery),
    responses((status = 200, description = "Groups", body = Listing<Group>)))]
async fn list_groups(
    caller: ApiToken<GroupsRead>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    Query(query): Query<PageQuery>,
) -> Answer<Listing<Group>> {
    caller.require(Permission::PeopleRead)?;
    require(&web, id).await?;
    Ok(groups::of_user(&web.installation.db, id, &query.page()?).await?.into())
}

/// End a person's sessions
///
/// All of them, on every node, at once.
#[utoipa::path(delete, path = "/users/{id}/sessions", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "Ended")))]
async fn end_sessions(
    caller: ApiToken<PeopleWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
) -> Answer<Done> {
    require(&web, id).await?;
    session::revoke_all(&web.installation.db, &caller.ctx, id, None).await?;
    Ok(Done)
}

/// The role of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RoleAnswer {
    /// `null` for most people.
    role: Option<Role>,
}

/// A role to give.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// The role.
    #[schema(value_type = Role)]
    role: String,
}

/// Show a person's role
#[utoipa::path(get, path = "/users/{id}/role", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The role", body = RoleAnswer)))]
async fn show_role(
    _: ApiToken<RolesRead>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
) -> Answer<Json<RoleAnswer>> {
    require(&web, id).await?;
    Ok(Json(RoleAnswer { role: roles::of_user(&mut web.installation.db.reader(), id).await? }))
}

/// Give a person a role
///
/// At most the caller's own; in the place of the one the person has.
#[utoipa::path(put, path = "/users/{id}/role", tag = "People", request_body = RoleRequest,
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The role now", body = RoleAnswer)))]
async fn set_role(
    caller: ApiToken<RolesWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Input(request, _): Input<RoleRequest>,
) -> Answer<Json<RoleAnswer>> {
    seen.unversioned()?;
    let role = Role::parse(&request.role)?;
    roles::set_role(&web.installation.db, &caller.ctx, id, Some(role)).await?;
    Ok(Json(RoleAnswer { role: Some(role) }))
}

/// Take a person's role
///
/// Refused for the last owner.
#[utoipa::path(delete, path = "/users/{id}/role", tag = "People",
    params(("id" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "Taken")))]
async fn remove_role(
    caller: ApiToken<RolesWrite>,
    State(web): State<Shared>,
    Id(id): Id<UserId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    roles::set_role(&web.installation.db, &caller.ctx, id, None).await?;
    Ok(Done)
}
