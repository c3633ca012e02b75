//! People over SCIM.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::error::noted;
use super::request::{Conditions, Parameters, Sent};
use crate::base::id::UserId;
use crate::base::{Error, urls};
use crate::directory::Person;
use crate::directory::inbound::{Asked, users};
use crate::scim::Projection;
use crate::web::error::{Answer, Failure};
use crate::web::extract::ApiToken;
use crate::web::extract::permission::ScimUse;
use crate::web::state::{Shared, Web};

fn id(text: &str) -> Result<UserId, Error> {
    // What is no id is the id of nobody.
    text.parse().map_err(|_| Error::not_found("person"))
}

/// The person as an answer; groups are read only where they are shown.
async fn shown(
    web: &Web,
    person: &Person,
    projection: &Projection,
    status: StatusCode,
) -> Result<Response, Failure> {
    let origin = web.installation.base_url.as_str();
    let groups = if projection.shows("groups") {
        let people = std::slice::from_ref(person);
        Some(users::groups_of(&mut web.installation.db.reader(), people).await?)
    } else {
        None
    };
    let body = projection.apply(users::shown(origin, person, groups.as_ref()));
    let location = web.installation.base_url.join(&urls::scim_user(&person.id.to_string()));
    Ok(answer::resource(status, &body, &users::tag(person), &location))
}

/// `GET /scim/v2/Users`
pub(super) async fn list_users(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
) -> Answer {
    let (filter, page) = (parameters.filter()?, parameters.page()?);
    let projection = parameters.projection()?;
    let (db, origin) = (&web.installation.db, web.installation.base_url.as_str());
    let found = users::list(db, origin, &Asked { filter: filter.as_ref(), page }).await?;
    let groups = if projection.shows("groups") {
        Some(users::groups_of(&mut db.reader(), &found.items).await?)
    } else {
        None
    };
    let shown = |person| projection.apply(users::shown(origin, person, groups.as_ref()));
    Ok(answer::page(found.items.iter().map(shown).collect(), page, found.total))
}

/// `POST /scim/v2/Users`
pub(super) async fn create_user(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    parameters: Parameters,
    Sent(sent): Sent,
) -> Answer {
    let projection = parameters.projection()?;
    let person = users::create(&web.installation.db, &caller.ctx, sent).await?;
    shown(&web, &person, &projection, StatusCode::CREATED).await
}

/// `GET /scim/v2/Users/{id}`
pub(super) async fn show_user(
    _: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    parameters: Parameters,
    conditions: Conditions,
) -> Answer {
    let projection = parameters.projection()?;
    let person = users::find(&mut web.installation.db.reader(), id(&user)?).await?;
    let tag = users::tag(&person);
    // The version says nothing of the groups: who shows them shows them as they are.
    if conditions.has(&tag) && !projection.shows("groups") {
        return Ok(answer::unchanged(&tag));
    }
    shown(&web, &person, &projection, StatusCode::OK).await
}

/// `PUT /scim/v2/Users/{id}`
pub(super) async fn replace_user(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    parameters: Parameters,
    conditions: Conditions,
    Sent(sent): Sent,
) -> Answer {
    let projection = parameters.projection()?;
    let db = &web.installation.db;
    let outcome = users::replace(db, &caller.ctx, id(&user)?, &conditions.seen, sent).await;
    let person = noted(&web, &caller.ctx, ["PUT", &urls::scim_user("{id}")], outcome).await?;
    shown(&web, &person, &projection, StatusCode::OK).await
}

/// `PATCH /scim/v2/Users/{id}`
pub(super) async fn patch_user(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    parameters: Parameters,
    conditions: Conditions,
    sent: Sent,
) -> Answer {
    let (projection, patch) = (parameters.projection()?, sent.patch()?);
    let (db, origin) = (&web.installation.db, web.installation.base_url.as_str());
    let outcome = users::patch(db, &caller.ctx, origin, id(&user)?, &conditions.seen, &patch).await;
    let person = noted(&web, &caller.ctx, ["PATCH", &urls::scim_user("{id}")], outcome).await?;
    shown(&web, &person, &projection, StatusCode::OK).await
}

/// `DELETE /scim/v2/Users/{id}`
pub(super) async fn delete_user(
    caller: ApiToken<ScimUse>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    conditions: Conditions,
) -> Answer {
    let outcome = users::delete(&web.installation.db, &caller.ctx, id(&user)?, &conditions.seen).await;
    noted(&web, &caller.ctx, ["DELETE", &urls::scim_user("{id}")], outcome).await?;
    Ok(answer::done())
}
