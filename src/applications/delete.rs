//! Deleting applications: one or several at once, with the number typed by the person who does it.

use crate::applications::model::Application;
use crate::applications::update::check_version;
use crate::applications::{locked, store};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify};

/// Most applications deleted at once.
pub const MAX_AT_ONCE: usize = 100;

/// Deletes the applications, all or none; key, certificate, bindings and sessions at them go too. `typed_count`
/// must be their number. Answers the labels.
pub async fn delete(db: &Db, ctx: &Ctx, ids: &[ApplicationId], typed_count: usize) -> Result<Vec<String>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() > MAX_AT_ONCE {
        return Err(Error::field("ids", "out_of_range", format!("Choose 1 to {MAX_AT_ONCE} applications.")));
    }
    if typed_count != ids.len() {
        return Err(Error::field(
            "count",
            "count_differs",
            format!("You chose {} and typed {typed_count}. Type {0} to delete them.", ids.len()),
        ));
    }
    let mut tx = db.begin().await?;
    let mut labels = Vec::with_capacity(ids.len());
    for id in ids {
        let application = locked(&mut tx, id).await?;
        labels.push(remove(&mut tx, ctx, application).await?);
    }
    bump(&mut tx, Scope::Applications).await?;
    tx.commit().await?;
    Ok(labels)
}

/// Deletes one application; a program that names it by its id types no number. `if_version`: refuse when it has
/// changed since.
pub async fn delete_one(db: &Db, ctx: &Ctx, id: ApplicationId, if_version: Option<i64>) -> Result<()> {
    let mut tx = db.begin().await?;
    delete_one_in(&mut tx, ctx, id, if_version).await?;
    tx.commit().await
}

/// [`delete_one`] in the caller's transaction.
pub async fn delete_one_in(tx: &mut Tx, ctx: &Ctx, id: ApplicationId, if_version: Option<i64>) -> Result<()> {
    let application = locked(tx, id).await?;
    check_version(&application, if_version)?;
    remove(tx, ctx, application).await?;
    bump(tx, Scope::Applications).await
}

async fn remove(tx: &mut Tx, ctx: &Ctx, application: Application) -> Result<String> {
    if store::delete(tx, &application, ctx.now()).await? != 1 {
        return Err(Error::not_found("application"));
    }
    let event = Event::new(EventName::ApplicationDelete)
        .target("application", application.id, application.label.as_str())
        .application(application.id)
        .detail("slug", application.slug);
    record(tx, ctx, event).await?;
    notify(tx, Notice::Application { application: application.id }).await?;
    Ok(application.label)
}
