//! Telling that people who left still have their accounts, because an application can't be reached or says no (SE-07): an
//! event, and a mail to the owners, after an hour and then once a day for as long as it lasts.

use crate::applications;
use crate::auth::roles;
use crate::base::clock::{DAY, HOUR};
use crate::base::urls::{self, BaseUrl};
use crate::base::{Ctx, Result};
use crate::db::Db;
use crate::events::{EventName, Outcome, record};
use crate::mail;
use crate::provisioning::connection::event;
use crate::provisioning::store::connections::{self as store, Overdue};

/// Tells of every application where it is so. Answers of how many.
pub async fn tell(db: &Db, ctx: &Ctx, base: &BaseUrl) -> Result<usize> {
    let overdue = store::list_overdue(&mut db.reader(), ctx.now().plus(-HOUR)).await?;
    for id in store::list_stuck_told(&mut db.reader()).await? {
        if overdue.iter().all(|one| one.application != id) {
            let mut tx = db.begin().await?;
            tx.run(store::forget_stuck_told(id)).await?;
            tx.commit().await?;
        }
    }
    let mut told = 0;
    for one in &overdue {
        told += usize::from(tell_of(db, ctx, base, one).await?);
    }
    Ok(told)
}

/// Tells of one, unless it was told within the day, or is gone meanwhile.
async fn tell_of(db: &Db, ctx: &Ctx, base: &BaseUrl, overdue: &Overdue) -> Result<bool> {
    let now = ctx.now();
    let mut tx = db.begin().await?;
    let Some(application) = applications::find(&mut tx, overdue.application).await? else {
        return Ok(false);
    };
    if !store::set_stuck_told(&mut tx, application.id, now.plus(-DAY), now).await? {
        return Ok(false);
    }
    let event = event(EventName::IdmDepartureOverdue, &application)
        .outcome(Outcome::Failure)
        .detail("people", overdue.people);
    record(&mut tx, ctx, event).await?;
    let page = base.join(&urls::admin_provisioning(&application.id.to_string()));
    let message = mail::Message::DepartureOverdue {
        application: &application.label,
        people: overdue.people,
        reason: &overdue.reason,
        page: &page,
    };
    for to in roles::owners(&mut tx).await? {
        mail::queue(&mut tx, ctx, &to, &message).await?;
    }
    tx.commit().await?;
    Ok(true)
}
