//! Groups and their members.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::applications::binding;
use crate::auth::Permission;
use crate::base::Error;
use crate::base::id::{GroupId, UserId};
use crate::directory::{Group, GroupPatch, NewGroup, Person, groups, memberships};
use crate::web::api::answer::{Created, Done, Listing, Tagged};
use crate::web::api::input::{Id, Ids, Input, Query, page};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{GroupsRead, GroupsWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, create, show, change, delete_one, list_members, add_member, remove_member)
}

/// What to look for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Part of a name, in any case.
    q: Option<String>,
    /// Most items, 1 to 200.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn tagged(group: Group) -> Tagged<Group> {
    Tagged(group.version, group)
}

/// List groups
///
/// By name; the built-in group `Everyone` is among them.
#[utoipa::path(get, path = "/groups", tag = "Groups", params(SearchQuery),
    responses((status = 200, description = "Groups", body = Listing<Group>)))]
async fn list(
    _: ApiToken<GroupsRead>,
    State(web): State<Shared>,
    Query(query): Query<SearchQuery>,
) -> Answer<Listing<Group>> {
    let request = page(query.limit.as_deref(), query.cursor.as_deref())?;
    Ok(groups::list(&web.installation.db, query.q.as_deref(), &request).await?.into())
}

/// Create a group
#[utoipa::path(post, path = "/groups", tag = "Groups", request_body = NewGroup,
    responses((status = 201, description = "The group", body = Group)))]
async fn create(
    caller: ApiToken<GroupsWrite>,
    State(web): State<Shared>,
    key: Key,
    Input(new, bytes): Input<NewGroup>,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    key.once(
        web,
        &caller,
        &bytes,
        Box::pin(async move {
            let made = groups::create(&shared.installation.db, &ctx, new).await?;
            let location = format!("{}/groups/{}", super::ROOT, made.id);
            Ok(Created { location, version: Some(made.version), body: made })
        }),
    )
    .await
}

/// Show a group
#[utoipa::path(get, path = "/groups/{id}", tag = "Groups",
    params(("id" = String, Path, description = "Id of the group")),
    responses((status = 200, description = "The group", body = Group)))]
async fn show(
    _: ApiToken<GroupsRead>,
    State(web): State<Shared>,
    Id(id): Id<GroupId>,
) -> Answer<Tagged<Group>> {
    let found = groups::find(&mut web.installation.db.reader(), id).await?;
    Ok(tagged(found.ok_or_else(|| Error::not_found("group"))?))
}

/// Change a group
///
/// What is left out stays.
#[utoipa::path(patch, path = "/groups/{id}", tag = "Groups", request_body = GroupPatch,
    params(("id" = String, Path, description = "Id of the group")),
    responses((status = 200, description = "The group now", body = Group)))]
async fn change(
    caller: ApiToken<GroupsWrite>,
    State(web): State<Shared>,
    Id(id): Id<GroupId>,
    seen: IfMatch,
    Input(patch, _): Input<GroupPatch>,
) -> Answer<Tagged<Group>> {
    Ok(tagged(groups::update(&web.installation.db, &caller.ctx, id, seen.version()?, patch).await?))
}

/// Delete a group
///
/// With its memberships and bindings. The name is free at once.
#[utoipa::path(delete, path = "/groups/{id}", tag = "Groups",
    params(("id" = String, Path, description = "Id of the group")),
    responses((status = 204, description = "Deleted")))]
async fn delete_one(
    caller: ApiToken<GroupsWrite>,
    State(web): State<Shared>,
    Id(id): Id<GroupId>,
    seen: IfMatch,
) -> Answer<Done> {
    binding::delete_group(&web.installation.db, &caller.ctx, id, seen.version()?).await?;
    Ok(Done)
}

/// List members
///
/// By username.
#[utoipa::path(get, path = "/groups/{id}/members", tag = "Groups",
    params(("id" = String, Path, description = "Id of the group"), SearchQuery),
    responses((status = 200, description = "People", body = Listing<Person>)))]
async fn list_members(
    caller: ApiToken<GroupsRead>,
    State(web): State<Shared>,
    Id(id): Id<GroupId>,
    Query(query): Query<SearchQuery>,
) -> Answer<Listing<Person>> {
    caller.require(Permission::PeopleRead)?;
    let request = page(query.limit.as_deref(), query.cursor.as_deref())?;
    Ok(memberships::list(&web.installation.db, id, query.q.as_deref(), &request).await?.into())
}

/// Add a member
///
/// Adding somebody who is in changes nothing.
#[utoipa::path(put, path = "/groups/{id}/members/{user}", tag = "Groups",
    params(("id" = String, Path, description = "Id of the group"), ("user" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "In the group")))]
async fn add_member(
    caller: ApiToken<GroupsWrite>,
    State(web): State<Shared>,
    Ids(group, user): Ids<GroupId, UserId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    memberships::add(&web.installation.db, &caller.ctx, group, user).await?;
    Ok(Done)
}

/// Remove a member
///
/// Removing somebody who is not in changes nothing.
#[utoipa::path(delete, path = "/groups/{id}/members/{user}", tag = "Groups",
    params(("id" = String, Path, description = "Id of the group"), ("user" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "Not in the group")))]
async fn remove_member(
    caller: ApiToken<GroupsWrite>,
    State(web): State<Shared>,
    Ids(group, user): Ids<GroupId, UserId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    memberships::remove(&web.installation.db, &caller.ctx, group, user).await?;
    Ok(Done)
}
