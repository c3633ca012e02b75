//! Giving people and groups to inbound SCIM, and taking them back.

use axum::extract::{Path, State};

use crate::base::id::GroupId;
use crate::base::{Error, urls};
use crate::directory::{GroupPatch, PersonPatch, groups, people};
use crate::web::admin::frame::{self, Done};
use crate::web::admin::posted::Posted;
use crate::web::admin::user::{require_cover, somebody};
use crate::web::error::Answer;
use crate::web::extract::permission::{GroupsWrite, PeopleWrite};
use crate::web::extract::{Console, SignedForm};
use crate::web::see_other;
use crate::web::state::Shared;

fn managed(posted: &Posted) -> Result<Option<bool>, Error> {
    match posted.text("managed") {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(Error::field("managed", "unknown_value", "Say true or false.")),
    }
}

/// `POST /admin/users/{user}/scim`
pub async fn manage_user(
    console: Console<PeopleWrite>,
    State(web): State<Shared>,
    Path(user): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let person = somebody(&web, &user).await?;
    require_cover(&web, &console, &person).await?;
    let patch = PersonPatch { scim_managed: managed(&posted)?, ..PersonPatch::default() };
    people::update(&web.installation.db, console.ctx(), person.id, None, patch).await?;
    Ok(see_other(&Done::Saved.at(&urls::admin_user(&user))))
}

/// `POST /admin/groups/{group}/scim`
pub async fn manage_group(
    console: Console<GroupsWrite>,
    State(web): State<Shared>,
    Path(group): Path<String>,
    SignedForm(posted): SignedForm<Posted>,
) -> Answer {
    let id: GroupId = frame::id(&group)?;
    let patch = GroupPatch { scim_managed: managed(&posted)?, ..GroupPatch::default() };
    groups::update(&web.installation.db, console.ctx(), id, None, patch).await?;
    Ok(see_other(&Done::Saved.at(&urls::admin_group(&group))))
}
