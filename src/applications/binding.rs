//! Binding groups to applications, from either side. Takes effect at the next sign-on, at once.

use crate::applications::model::Application;
use crate::applications::{require, store};
use crate::base::id::{ApplicationId, GroupId};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor};
use crate::directory::{Group, groups};
use crate::events::{Event, EventName, record};

/// Binds a group; answers whether it was not bound before.
pub async fn bind(db: &Db, ctx: &Ctx, application: ApplicationId, group: GroupId) -> Result<bool> {
    change(db, ctx, application, group, true).await
}

/// Unbinds a group; answers whether it was bound before.
pub async fn unbind(db: &Db, ctx: &Ctx, application: ApplicationId, group: GroupId) -> Result<bool> {
    change(db, ctx, application, group, false).await
}

/// Deletes a group with its memberships and bindings, each unbinding with its event. `if_match` is the version of the
/// group that the caller saw.
pub async fn delete_group(db: &Db, ctx: &Ctx, group: GroupId, if_match: Option<i64>) -> Result<()> {
    let mut tx = db.begin().await?;
    let group = groups::hold(&mut tx, group, if_match).await?;
    for application in store::list_bound_applications(&mut tx, group.id).await? {
        store::delete_binding(&mut tx, application.id, group.id).await?;
        record(&mut tx, ctx, changed(EventName::ApplicationUnbind, application, &group)).await?;
    }
    groups::delete(&mut tx, ctx, &group).await?;
    bump(&mut tx, Scope::Applications).await?;
    tx.commit().await
}

fn changed(name: EventName, application: Application, group: &Group) -> Event {
    Event::new(name)
        .target("group", group.id, group.name.as_str())
        .application(application.id)
        .detail("application", application.label)
}

async fn change(db: &Db, ctx: &Ctx, application: ApplicationId, group: GroupId, bound: bool) -> Result<bool> {
    let mut tx = db.begin().await?;
    let application = require(&mut tx, application).await?;
    let group = groups::find(&mut tx, group).await?.ok_or_else(|| Error::not_found("group"))?;
    let is_new = if bound {
        store::insert_binding(&mut tx, application.id, group.id, ctx.now()).await?
    } else {
        store::delete_binding(&mut tx, application.id, group.id).await?
    };
    if is_new {
        bump(&mut tx, Scope::Applications).await?;
        let name = if bound { EventName::ApplicationBind } else { EventName::ApplicationUnbind };
        record(&mut tx, ctx, changed(name, application, &group)).await?;
    }
    tx.commit().await?;
    Ok(is_new)
}

/// The groups bound to an application, by name, each with the instant of binding.
pub async fn groups_of(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<(GroupId, Timestamp)>> {
    store::list_bound_groups(executor, application).await
}

/// The applications a group is bound to, by label.
pub async fn applications_of(executor: &mut impl Executor, group: GroupId) -> Result<Vec<Application>> {
    store::list_bound_applications(executor, group).await
}
