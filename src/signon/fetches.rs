//! Who has fetched an application's metadata lately: after the next certificate is published, it tells whether a
//! service provider has had a chance to learn it. Kept in memory and written once a minute; anybody can fetch metadata,
//! so it is a hint and bounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::DAY;
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Result, Timestamp};
use crate::db::{Db, Executor};
use crate::signon::store;

/// Fetches kept in memory between two writes.
const MAX_WAITING: usize = 1_000;
/// Sources kept of one application.
const MAX_SOURCES: i64 = 20;
/// How long a fetch is remembered.
const REMEMBERED: i64 = 90 * DAY;
/// Longest part of a `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 120;

/// The last fetch from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The address.
    pub source: String,
    /// What the client called itself.
    pub user_agent: String,
    /// When.
    pub fetched_at: Timestamp,
}

/// Fetches not yet written.
#[derive(Debug, Default)]
pub struct Fetches(Mutex<HashMap<(ApplicationId, String), Fetch>>);

impl Fetches {
    /// Notes a fetch.
    pub fn note(&self, ctx: &Ctx, application: ApplicationId) {
        let Some(source) = ctx.source.map(|source| source.to_canonical().to_string()) else { return };
        let user_agent = ctx.user_agent.as_deref().unwrap_or_default();
        let user_agent: String =
            user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (application, source.clone());
        if waiting.len() < MAX_WAITING || waiting.contains_key(&key) {
            waiting.insert(key, Fetch { source, user_agent, fetched_at: ctx.now() });
        }
    }

    /// Writes what was noted since the last time. On a failure it is lost: it was a hint.
    pub async fn flush(&self, db: &Db, now: Timestamp) -> Result<()> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        for ((application, _), fetch) in &waiting {
            store::upsert_fetch(&mut tx, *application, fetch).await?;
            store::prune_fetches(&mut tx, *application, MAX_SOURCES, now.plus(-REMEMBERED)).await?;
        }
        tx.commit().await
    }
}

/// Who has fetched the metadata of an application since an instant, the latest first.
pub async fn since(
    executor: &mut impl Executor,
    application: ApplicationId,
    since: Timestamp,
) -> Result<Vec<Fetch>> {
    store::list_fetches(executor, application, since).await
}
