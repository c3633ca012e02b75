//! How many requests an application takes in a time: a bucket for each, of this process. One process sends at a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::Timestamp;
use crate::base::id::ApplicationId;
use crate::catalog::model;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In thousandths of a request.
    left: i64,
    at: Timestamp,
}

/// The buckets.
#[derive(Debug, Default)]
pub(in crate::provisioning) struct Pace(Mutex<HashMap<ApplicationId, Bucket>>);

impl Pace {
    /// For how many milliseconds nothing is to be begun; `None`: not at all.
    pub(super) fn wait(
        &self,
        application: ApplicationId,
        limits: model::Pace,
        now: Timestamp,
    ) -> Option<i64> {
        let left = self.filled(application, limits, now, 0);
        (left < 1000).then(|| (1000 - left) * 60 / i64::from(limits.per_minute.max(1)) + 1)
    }

    /// Takes a request out of the bucket, on credit if need be.
    pub(super) fn take(&self, application: ApplicationId, limits: model::Pace, now: Timestamp) {
        self.filled(application, limits, now, 1000);
    }

    /// What is left of the bucket once this much is taken.
    fn filled(&self, application: ApplicationId, limits: model::Pace, now: Timestamp, taken: i64) -> i64 {
        let full = i64::from(limits.burst.max(1)) * 1000;
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(application).or_insert(Bucket { left: full, at: now });
        let grown = now.since(bucket.at).max(0).saturating_mul(i64::from(limits.per_minute.max(1))) / 60;
        if grown > 0 {
            bucket.left = bucket.left.saturating_add(grown).min(full);
            bucket.at = now;
        }
        bucket.left -= taken;
        bucket.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    #[test]
    fn sc_13_a_minute_never_holds_more_than_its_share_and_the_burst() {
        let pace = Pace::default();
        let id = ApplicationId::generate(Timestamp(0), &Random::seeded(1));
        let limits = model::Pace { per_minute: 60, burst: 5 };
        let mut now = Timestamp(1_000_000);
        let mut sent = 0;
        while now.0 < 1_060_000 {
            match pace.wait(id, limits, now) {
                None => {
                    pace.take(id, limits, now);
                    sent += 1;
                }
                Some(wait) => {
                    assert!(wait > 0);
                    now = now.plus(wait);
                }
            }
        }
        assert!((60..=66).contains(&sent), "{sent}");
    }
}
