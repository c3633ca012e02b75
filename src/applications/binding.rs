//! Binding groups to applications, from either side. Takes effect at the next sign-on, at once.

use crate::applications::model::Application;
use crate::applications::{require, store};
use crate::base::id::{ApplicationId, GroupId};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx};
use crate::directory::groups;
use crate::events::{Event, EventName, record};

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

async fn change(
    tx: &mut Tx,
    ctx: &Ctx,
    application: ApplicationId,
    group: GroupId,
    bound: bool,
) -> Result<bool> {
    let application = require(tx, application).await?;
    let group = groups::find(tx, group).await?.ok_or_else(|| Error::not_found("group"))?;
    let changed = if bound {
        store::insert_binding(tx, application.id, group.id, ctx.now()).await?
    } else {
        store::delete_binding(tx, application.id, group.id).await?
    };
    if changed {
        bump(tx, Scope::Applications).await?;
        let name = if bound { EventName::ApplicationBind } else { EventName::ApplicationUnbind };
        let event = Event::new(name)
            .target("group", group.id, group.name.as_str())
            .application(application.id)
            .detail("application", application.label);
        record(tx, ctx, event).await?;
    }
    Ok(changed)
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
