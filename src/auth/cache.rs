//! Sessions in memory, so that a request does not read its session each time. An entry is trusted only while the
//! epochs that the caller has just read are those it was loaded under: a session ended, a role changed or a person
//! suspended on any node is seen at the next request (W-08, decision 22). Memory may only say yes; before it says no,
//! the database is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use moka::sync::Cache;

use crate::auth::session::{self, Limits, SessionView};
use crate::auth::token_hash;
use crate::base::{Ctx, Result, Timestamp};
use crate::db::Db;
use crate::db::epoch::Epochs;

/// Sessions kept in memory at most.
const CAPACITY: u64 = 100_000;

/// The epochs that a session depends on.
type Seen = (i64, i64, i64);

#[derive(Debug)]
struct Entry {
    view: SessionView,
    limits: Limits,
    epochs: Seen,
    last_seen: AtomicI64,
}

/// Sessions by the hash of their token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SessionCache(Cache<String, Arc<Entry>>);

impl Default for SessionCache {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl SessionCache {
    /// The running session of a token. `epochs` must have been read after the request came in.
    pub async fn authenticate(
        &self,
        db: &Db,
        ctx: &Ctx,
        epochs: Epochs,
        token: &str,
    ) -> Result<Option<SessionView>> {
        let epochs = (epochs.sessions, epochs.directory, epochs.settings);
        let key = token_hash(token);
        if let Some(entry) = self.0.get(&key).filter(|entry| entry.epochs == epochs) {
            let last_seen = Timestamp(entry.last_seen.load(Ordering::SeqCst));
            let view = SessionView { last_seen_at: last_seen, ..entry.view.clone() };
            if let Some(view) = entry.limits.judge(view, ctx.now()) {
                use_entry(db, ctx, &entry, &view).await;
                return Ok(Some(view));
            }
        }
        let Some((view, limits)) = session::load(db, ctx, token).await? else {
            self.0.invalidate(&key);
            return Ok(None);
        };
        let last_seen = AtomicI64::new(view.last_seen_at.0);
        let entry = Arc::new(Entry { view: view.clone(), limits, epochs, last_seen });
        self.0.insert(key, Arc::clone(&entry));
        use_entry(db, ctx, &entry, &view).await;
        Ok(Some(view))
    }
}

/// Writes *last seen* when it is due; of several requests at the same instant, one writes.
async fn use_entry(db: &Db, ctx: &Ctx, entry: &Entry, view: &SessionView) {
    let (old, now) = (view.last_seen_at, ctx.now());
    if session::is_due(old, now)
        && entry.last_seen.compare_exchange(old.0, now.0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    {
        session::seen(db, ctx, view).await;
    }
}
