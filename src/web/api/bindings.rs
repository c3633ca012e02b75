//! Which groups may use which application.

use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::applications::{self, binding};
use crate::base::id::{ApplicationId, GroupId};
use crate::base::paging::Page;
use crate::base::{Error, Timestamp};
use crate::directory::groups;
use crate::web::api::answer::{Done, Listing};
use crate::web::api::applications::ApplicationView;
use crate::web::api::input::{Id, Ids, Query, page};
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, bind, unbind, list_of_group)
}

/// A bound group.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BoundGroup {
    /// Id of the group.
    #[schema(value_type = String)]
    id: GroupId,
    /// Its name.
    name: String,
    /// How many people are in it.
    member_count: i64,
    /// Since when it is bound.
    #[schema(value_type = String, format = DateTime)]
    bound_at: Timestamp,
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most items, 1 to 200.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// The page asked for.
    pub fn page(&self) -> Result<crate::base::paging::PageRequest, Error> {
        page(self.limit.as_deref(), self.cursor.as_deref())
    }
}

/// What of a list follows the thing that the cursor names.
fn rest<T>(all: Vec<T>, after: Option<&str>, id: impl Fn(&T) -> String) -> Vec<T> {
    match after {
        None => all,
        Some(last) => all.into_iter().skip_while(|item| id(item) != last).skip(1).collect(),
    }
}

/// List bound groups
///
/// By name. People of these groups may use the application, and nobody else.
#[utoipa::path(get, path = "/applications/{id}/groups", tag = "Bindings",
    params(("id" = String, Path, description = "Id of the application"), PageQuery),
    responses((status = 200, description = "Groups", body = Listing<BoundGroup>)))]
async fn list(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Query(query): Query<PageQuery>,
) -> Answer<Listing<BoundGroup>> {
    let request = query.page()?;
    let mut reader = web.installation.db.reader();
    applications::require(&mut reader, id).await?;
    let bound = binding::groups_of(&mut reader, id).await?;
    let wanted = rest(bound, request.after.as_deref(), |(group, _)| group.to_string());
    let mut items = Vec::new();
    for (group, bound_at) in wanted.into_iter().take(request.limit as usize + 1) {
        if let Some(group) = groups::find(&mut reader, group).await? {
            items.push(BoundGroup {
                id: group.id,
                name: group.name,
                member_count: group.member_count,
                bound_at,
            });
        }
    }
    Ok(Page::cut(items, &request, |group| group.id.to_string()).into())
}

/// Bind a group
///
/// Its people may use the application from now on. Binding it again changes nothing.
#[utoipa::path(put, path = "/applications/{id}/groups/{group}", tag = "Bindings",
    params(("id" = String, Path, description = "Id of the application"), ("group" = String, Path, description = "Id of the group")),
    responses((status = 204, description = "Bound")))]
async fn bind(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Ids(application, group): Ids<ApplicationId, GroupId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    binding::bind(&web.installation.db, &caller.ctx, application, group).await?;
    Ok(Done)
}

/// Unbind a group
///
/// Its people may not use the application any more, unless another group lets them. Takes effect at once.
#[utoipa::path(delete, path = "/applications/{id}/groups/{group}", tag = "Bindings",
    params(("id" = String, Path, description = "Id of the application"), ("group" = String, Path, description = "Id of the group")),
    responses((status = 204, description = "Unbound")))]
async fn unbind(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Ids(application, group): Ids<ApplicationId, GroupId>,
    seen: IfMatch,
) -> Answer<Done> {
    seen.unversioned()?;
    binding::unbind(&web.installation.db, &caller.ctx, application, group).await?;
    Ok(Done)
}

/// List a group's applications
///
/// Those it is bound to, by label.
#[utoipa::path(get, path = "/groups/{id}/applications", tag = "Bindings",
    params(("id" = String, Path, description = "Id of the group"), PageQuery),
    responses((status = 200, description = "Applications", body = Listing<ApplicationView>)))]
async fn list_of_group(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<GroupId>,
    Query(query): Query<PageQuery>,
) -> Answer<Listing<ApplicationView>> {
    let request = query.page()?;
    let mut reader = web.installation.db.reader();
    groups::find(&mut reader, id).await?.ok_or_else(|| Error::not_found("group"))?;
    let bound = binding::applications_of(&mut reader, id).await?;
    let mut wanted = rest(bound, request.after.as_deref(), |application| application.id.to_string());
    wanted.truncate(request.limit as usize + 1);
    let found = Page::cut(wanted, &request, |application| application.id.to_string());
    Ok(found.map(|application| ApplicationView::new(&web.installation.base_url, &application)).into())
}
