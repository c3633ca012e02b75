//! Warnings before a certificate ends: an event 60, 30, 14, 7 and 1 days ahead, each once. An ended certificate goes on signing: most service providers don't look at its dates.

use crate::base::clock::DAY;
use crate::base::{Ctx, Result, Timestamp};
use crate::db::Db;
use crate::events::{Event, EventName, record};
use crate::keys::store;

/// Days ahead at which it is warned; 0: it has ended.
pub const STEPS: [i64; 6] = [60, 30, 14, 7, 1, 0];

/// The nearest step that has been reached by what ends then.
#[must_use]
pub fn step(not_after: Timestamp, now: Timestamp) -> Option<i64> {
    STEPS.into_iter().rev().find(|days| not_after.since(now) < days * DAY || not_after <= now)
}

/// Warns of every current certificate that has come nearer to its end than it was last warned of. Answers how many.
pub async fn warn(db: &Db, ctx: &Ctx) -> Result<usize> {
    let now = ctx.now();
    let ending = store::list_ending(&mut db.reader(), now.plus(STEPS[0] * DAY)).await?;
    let mut warned = 0;
    for key in &ending {
        let Some(days) = step(key.not_after, now) else { continue };
        if key.warned_days.is_some_and(|warned| warned <= days) {
            continue;
        }
        let mut tx = db.begin().await?;
        if store::set_warned(&mut tx, key.id, days).await? {
            let event = Event::new(EventName::CertificateExpiring)
                .target("key", key.id, "")
                .application(key.application)
                .detail("days", days)
                .detail("not_after", key.not_after.to_rfc3339())
                .detail("fingerprint", key.fingerprint.as_str());
            record(&mut tx, ctx, event).await?;
            warned += 1;
        }
        tx.commit().await?;
    }
    Ok(warned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_20_each_step_is_the_nearest_that_was_reached() {
        let now = Timestamp(1_795_334_400_000);
        let at = |days: i64, millis: i64| step(now.plus(days * DAY + millis), now);
        assert_eq!(at(60, 0), None, "sixty days and not less");
        assert_eq!(at(60, -1), Some(60));
        assert_eq!(at(30, -1), Some(30));
        assert_eq!(at(8, 0), Some(14));
        assert_eq!(at(7, -1), Some(7));
        assert_eq!(at(1, -1), Some(1));
        assert_eq!(at(0, 1), Some(1));
        assert_eq!(at(0, 0), Some(0));
        assert_eq!(at(-400, 0), Some(0));
    }
}
