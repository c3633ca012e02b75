//! Groups over SCIM.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::error::noted;
use super::request::{Conditions, Parameters, Sent};
use crate::applications::binding;
use crate::base::id::GroupId;
use crate::base::{Error, urls};
use crate::directory::Group;
use crate::directory::inbound::{Asked, groups};
use crate::scim::Projection;
use crate::web::error::{Answer, Failure};
use crate::web::extract::ApiToken;
use crate::web::extract::permission::ScimUse;
use crate::web::state::{Shared, Web};

fn id(text: &str) -> Result<GroupId, Error> {
    // What is no id is the id of nothing.
    text.parse().map_err(|_| Error::not_found("group"))
}

/// The group as an answer; members are read only where they are shown.
async fn shown(
    web: &Web,
    group: &Group,
    projection: &Projection,
    status: StatusCode,
) -> Result<Response, Failure> {
    let origin = web.installation.base_url.as_str();
    let members = if projection.shows_members() {
        let groups = std::slice::from_ref(group);
        Some(groups::members_of(&mut web.installation.db.reader(), groups).await?)
    } else {
        None
    };
    let body = projection.apply(groups::shown(origin, group, members.as_ref()));
    let location = web.installation.base_url.join(&urls::scim_group(&group.id.to_string()));
    Ok(answer::resource(status, &body, &groups::tag(group), &location))
}

/// `GET /scim/v2/Groups`
pub(super) async fn list_groups(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
) -> Answer {
    let (filter, page) = (parameters.filter()?, parameters.page()?);
    let projection = parameters.projection()?;
    let (db, origin) = (&web.installation.db, web.installation.base_url.as_str());
    let found = groups::list(db, origin, &Asked { filter: filter.as_ref(), page }).await?;
    let members = if projection.shows_members() {
        Some(groups::members_of(&mut db.reader(), &found.items).await?)
    } else {
        None
    };
    let shown = |group| projection.apply(groups::shown(origin, group, members.as_ref()));
    Ok(answer::page(found.items.iter().map(shown).collect(), page, found.total))
}

/// `POST /scim/v2/Groups`
pub(super) async fn create_group(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
    Sent(sent): Sent,
) -> Answer {
    let projection = parameters.projection()?;
    let outcome = groups::create(&web.installation.db, &caller.ctx, sent).await;
    let group = noted(&web, &caller.ctx, ["POST", urls::scim_groups()], outcome).await?;
    shown(&web, &group, &projection, StatusCode::CREATED).await
}

/// `GET /scim/v2/Groups/{id}`
pub(super) async fn show_group(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    parameters: Parameters,
    conditions: Conditions,
) -> Answer {
    let projection = parameters.projection()?;
    let group = groups::find(&mut web.installation.db.reader(), id(&group)?).await?;
    let tag = groups::tag(&group);
    // Who is in the built-in group changes without it.
    if conditions.has(&tag) && !group.built_in {
        return Ok(answer::unchanged(&tag));
    }
    shown(&web, &group, &projection, StatusCode::OK).await
}

/// `PUT /scim/v2/Groups/{id}`
pub(super) async fn replace_group(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    parameters: Parameters,
    conditions: Conditions,
    Sent(sent): Sent,
) -> Answer {
    let projection = parameters.projection()?;
    let db = &web.installation.db;
    let outcome = groups::replace(db, &caller.ctx, id(&group)?, &conditions.seen, sent).await;
    let group = noted(&web, &caller.ctx, ["PUT", &urls::scim_group("{id}")], outcome).await?;
    shown(&web, &group, &projection, StatusCode::OK).await
}

/// `PATCH /scim/v2/Groups/{id}`
pub(super) async fn patch_group(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    parameters: Parameters,
    conditions: Conditions,
    sent: Sent,
) -> Answer {
    let (projection, patch) = (parameters.projection()?, sent.patch()?);
    let (db, origin) = (&web.installation.db, web.installation.base_url.as_str());
    let outcome = groups::patch(db, &caller.ctx, origin, id(&group)?, &conditions.seen, &patch).await;
    let group = noted(&web, &caller.ctx, ["PATCH", &urls::scim_group("{id}")], outcome).await?;
    shown(&web, &group, &projection, StatusCode::OK).await
}

/// `DELETE /scim/v2/Groups/{id}`
pub(super) async fn delete_group(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    conditions: Conditions,
) -> Answer {
    let db = &web.installation.db;
    let outcome = binding::delete_managed_group(db, &caller.ctx, id(&group)?, &conditions.seen).await;
    noted(&web, &caller.ctx, ["DELETE", &urls::scim_group("{id}")], outcome.map_err(Into::into)).await?;
    Ok(answer::done())
}
