//! Binding groups to applications, from either side. Takes effect at the next sign-on, at once.

use crate::applications::model::Application;
use crate::applications::{require, store};
use crate::base::id::{ApplicationId, GroupId};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::inbound::{self, Seen};
use crate::directory::{Group, groups};
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify};

/// Binds a group; answers whether it was not bound before.
pub async fn bind(db: &Db, ctx: &Ctx, application: ApplicationId, group: GroupId) -> Result<bool> {
    let mut tx = db.begin().await?;
    let changed = bind_in(&mut tx, ctx, application, group).await?;
    tx.commit().await?;
    Ok(changed)
}

/// [`bind`] in the caller's transaction.
pub async fn bind_in(tx: &mut Tx, ctx: &Ctx, application: ApplicationId, group: GroupId) -> Result<bool> {
    change(tx, ctx, application, group, true).await
}

/// Unbinds a group; answers whether it was bound before.
pub async fn unbind(db: &Db, ctx: &Ctx, application: ApplicationId, group: GroupId) -> Result<bool> {
    let mut tx = db.begin().await?;
    let changed = unbind_in(&mut tx, ctx, application, group).await?;
    tx.commit().await?;
    Ok(changed)
}

/// [`unbind`] in the caller's transaction.
pub async fn unbind_in(tx: &mut Tx, ctx: &Ctx, application: ApplicationId, group: GroupId) -> Result<bool> {
    change(tx, ctx, application, group, false).await
}

/// Deletes a group with its memberships and bindings, each unbinding with its event. `if_match` is the version of the
/// group that the caller saw.
pub async fn delete_group(db: &Db, ctx: &Ctx, group: GroupId, if_match: Option<i64>) -> Result<()> {
    let mut tx = db.begin().await?;
    delete_group_in(&mut tx, ctx, group, if_match).await?;
    tx.commit().await
}

/// Deletes a group as [`delete_group`] does, for a SCIM client, if it is its to delete.
pub async fn delete_managed_group(db: &Db, ctx: &Ctx, group: GroupId, seen: &Seen) -> Result<()> {
    let mut tx = db.begin().await?;
    let group = inbound::groups::hold_to_delete(&mut tx, group, seen).await?;
    delete_held_group(&mut tx, ctx, &group).await?;
    tx.commit().await
}

/// [`delete_group`] in the caller's transaction.
pub async fn delete_group_in(tx: &mut Tx, ctx: &Ctx, group: GroupId, if_match: Option<i64>) -> Result<()> {
    let group = groups::hold(tx, group, if_match).await?;
    delete_held_group(tx, ctx, &group).await
}

async fn delete_held_group(tx: &mut Tx, ctx: &Ctx, group: &Group) -> Result<()> {
    for application in store::list_bound_applications(tx, group.id).await? {
        store::delete_binding(tx, application.id, group.id).await?;
        record(tx, ctx, changed(EventName::ApplicationUnbind, application, group)).await?;
    }
    groups::delete(tx, ctx, group).await?;
    bump(tx, Scope::Applications).await
}

fn changed(name: EventName, application: Application, group: &Group) -> Event {
    Event::new(name)
        .target("group", group.id, group.name.as_str())
        .application(application.id)
        .detail("application", application.label)
}

async fn change(
    tx: &mut Tx,
    ctx: &Ctx,
    application: ApplicationId,
    group: GroupId,
    bound: bool,
) -> Result<bool> {
    let application = require(tx, application).await?;
    let group = groups::find(tx, group).await?.ok_or_else(|| Error::not_found("group"))?;
    let is_new = if bound {
        store::insert_binding(tx, application.id, group.id, ctx.now()).await?
    } else {
        store::delete_binding(tx, application.id, group.id).await?
    };
    if is_new {
        bump(tx, Scope::Applications).await?;
        notify(tx, Notice::Binding { application: application.id, group: group.id, leaving: !bound }).await?;
        let name = if bound { EventName::ApplicationBind } else { EventName::ApplicationUnbind };
        record(tx, ctx, changed(name, application, &group)).await?;
    }
    Ok(is_new)
}

/// The groups bound to an application, by name, each with the instant of binding.
pub async fn groups_of(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<(GroupId, Timestamp)>> {
    store::list_bound_groups(executor, application).await
}

/// Names of the groups bound to an application, without counting who is in them.
pub async fn names_of(executor: &mut impl Executor, application: ApplicationId) -> Result<Vec<String>> {
    store::list_bound_names(executor, application).await
}

/// The applications a group is bound to, by label.
pub async fn applications_of(executor: &mut impl Executor, group: GroupId) -> Result<Vec<Application>> {
    store::list_bound_applications(executor, group).await
}
