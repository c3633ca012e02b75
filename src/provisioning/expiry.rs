//! Warnings before a connection's secret ends, as far as an administrator said when: an event, and a mail to the owners, at
//! each of the steps at which it is warned of certificates, each once.

use crate::applications;
use crate::auth::roles;
use crate::base::clock::DAY;
use crate::base::urls::{self, BaseUrl};
use crate::base::{Ctx, Result};
use crate::db::Db;
use crate::events::{EventName, record};
use crate::keys::expiry::{STEPS, step};
use crate::mail;
use crate::provisioning::connection::event;
use crate::provisioning::store::connections as store;

/// Warns of every secret that has come nearer to its end than it was last warned of. Answers how many.
pub async fn warn(db: &Db, ctx: &Ctx, base: &BaseUrl) -> Result<usize> {
    let now = ctx.now();
    let mut warned = 0;
    for ending in store::list_ending(&mut db.reader(), now.plus(STEPS[0] * DAY)).await? {
        let Some(days) = step(ending.ends_at, now) else { continue };
        let mut tx = db.begin().await?;
        if store::set_warned(&mut tx, ending.application, days).await? {
            let application = applications::require(&mut tx, ending.application).await?;
            let event = event(EventName::IdmTokenExpiring, &application)
                .detail("days", days)
                .detail("ends_at", ending.ends_at.to_rfc3339());
            record(&mut tx, ctx, event).await?;
            let page = base.join(&urls::admin_provisioning(&application.id.to_string()));
            let message = mail::Message::TokenEnds { application: &application.label, days, page: &page };
            for to in roles::owners(&mut tx).await? {
                mail::queue(&mut tx, ctx, &to, &message).await?;
            }
            warned += 1;
        }
        tx.commit().await?;
    }
    Ok(warned)
}
