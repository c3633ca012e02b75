//! How many requests an application takes in a time (SC-13): a bucket for each address, in the database, so that all nodes
//! and all applications at one service keep to it together. Who leaves may take more than there is (SC-16).

use crate::base::clock::{DAY, MINUTE};
use crate::base::{Result, Timestamp};
use crate::catalog::model;
use crate::db::Db;
use crate::provisioning::store::paces::{self, Left};

/// A request, in the unit of the bucket: what comes to it in a millisecond is then as many as requests in a minute.
const REQUEST: i64 = 60_000;
/// Clocks of nodes may differ by so much (AV-06). One that says more than that was set back.
const SKEW: i64 = 10 * MINUTE;

struct Bucket {
    full: i64,
    growth: i64,
}

impl Bucket {
    fn of(limits: model::Pace) -> Self {
        let full = i64::from(limits.burst.max(1)) * REQUEST;
        Self { full, growth: i64::from(limits.per_minute.max(1)) }
    }

    /// What is in it now. A node whose clock is behind adds nothing, so that two nodes never fill it twice.
    fn filled(&self, left: Option<Left>, now: Timestamp) -> Left {
        let Some(left) = left else { return Left { room: self.full, at: now } };
        let passed = now.since(left.at);
        if passed < 0 && passed > -SKEW {
            return left;
        }
        let grown = passed.max(0).saturating_mul(self.growth);
        Left { room: left.room.saturating_add(grown).min(self.full), at: now }
    }
}

/// For how many milliseconds nothing is to be begun at an address; `None`: not at all. Who leaves may go on credit, up to
/// as much as is there after a rest.
pub(super) async fn wait(
    db: &Db,
    address: &str,
    limits: model::Pace,
    leaves: bool,
    now: Timestamp,
) -> Result<Option<i64>> {
    let bucket = Bucket::of(limits);
    let room = bucket.filled(paces::find(&mut db.reader(), address).await?, now).room;
    let least = if leaves { REQUEST - bucket.full } else { REQUEST };
    Ok((room < least).then(|| (least - room) / bucket.growth + 1))
}

/// Takes a request out of the bucket of an address, on credit if need be.
pub(super) async fn take(db: &Db, address: &str, limits: model::Pace, now: Timestamp) -> Result<()> {
    let bucket = Bucket::of(limits);
    let mut tx = db.begin().await?;
    let left = bucket.filled(paces::lock(&mut tx, address).await?, now);
    let room = (left.room - REQUEST).max(-bucket.full);
    tx.run(paces::put(address, Left { room, ..left })).await?;
    tx.commit().await
}

/// Forgets what is long full again.
pub(super) async fn tidy(db: &Db, now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    tx.run(paces::forget(now.plus(-7 * DAY))).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_13_av_06_clocks_that_differ_fill_nothing_twice_and_one_that_is_set_back_stops_nothing() {
        let bucket = Bucket::of(model::Pace { per_minute: 60, burst: 5 });
        let (now, empty) = (Timestamp(100 * MINUTE), 0);
        let left = |room, at| Some(Left { room, at });
        // A node that is five minutes behind, then the one that is ahead again.
        let behind = bucket.filled(left(empty, now), now.plus(-5 * MINUTE));
        assert_eq!((behind.room, behind.at), (empty, now));
        assert_eq!(bucket.filled(Some(behind), now.plus(1_000)).room, REQUEST);
        // An hour back: from there it goes on.
        let back = bucket.filled(left(empty, now), now.plus(-60 * MINUTE));
        assert_eq!((back.room, back.at), (empty, now.plus(-60 * MINUTE)));
        assert_eq!(bucket.filled(Some(back), back.at.plus(2_000)).room, 2 * REQUEST);
        assert_eq!(bucket.filled(left(empty, now), Timestamp(i64::MAX)).room, 5 * REQUEST);
        assert_eq!(bucket.filled(None, now).room, 5 * REQUEST);
    }
}
