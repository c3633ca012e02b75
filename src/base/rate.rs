//! Counting calls in fixed windows, in memory: for what a person may repeat at will and only the flood is refused.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;

use crate::base::Timestamp;

/// Keys kept at most; the least used are forgotten first.
const CAPACITY: u64 = 20_000;

/// Calls counted by key.
#[derive(Debug)]
pub struct Rate<K: Hash + Eq + Send + Sync + 'static> {
    window: i64,
    counts: Cache<K, Arc<Mutex<(i64, u32)>>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Rate<K> {
    /// Windows of this many milliseconds.
    #[must_use]
    pub fn new(window: i64) -> Self {
        Self { window, counts: Cache::new(CAPACITY) }
    }

    /// Forgets the calls of a key: what they were counted for did not come about.
    pub fn forget(&self, key: &K) {
        self.counts.invalidate(key);
    }

    /// Counts a call. Beyond `limit` in this window: the seconds until the next one.
    pub fn call(&self, key: K, now: Timestamp, limit: u32) -> Result<(), u32> {
        let (window, rest) = (now.0.div_euclid(self.window), self.window - now.0.rem_euclid(self.window));
        let count = self.counts.get_with(key, Arc::default);
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        if count.0 != window {
            *count = (window, 0);
        }
        count.1 = count.1.saturating_add(1);
        if count.1 > limit { Err(u32::try_from((rest + 999) / 1000).unwrap_or(u32::MAX)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_12_calls_beyond_the_limit_wait_for_the_next_window() {
        let rate = Rate::new(60_000);
        let at = |second: i64| Timestamp(second * 1000);
        assert_eq!([rate.call(1, at(0), 2), rate.call(1, at(30), 2)], [Ok(()), Ok(())]);
        assert_eq!(rate.call(1, at(50), 2), Err(10));
        assert_eq!(rate.call(2, at(50), 2), Ok(()), "another key");
        assert_eq!(rate.call(1, at(60), 2), Ok(()));
        assert_eq!([rate.call(1, at(61), 2), rate.call(1, at(62), 2)], [Ok(()), Err(58)]);
        rate.forget(&1);
        assert_eq!(rate.call(1, at(63), 2), Ok(()), "as if it had never called");
    }
}
