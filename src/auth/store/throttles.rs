//! SQL of the throttles.

use crate::base::clock::MINUTE;
use crate::base::id::UserId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Tx, sql};

/// Counts one attempt if there is room for it: not blocked, and fewer than `limit` in this minute. Answers how many
/// in a row that makes, or `None` when there is no room. Check and count are one statement. `user` is whose failures
/// these are, if anybody's.
pub(in crate::auth) async fn reserve(
    tx: &mut Tx,
    key: &str,
    user: Option<UserId>,
    limit: u32,
    now: Timestamp,
) -> Result<Option<i64>> {
    let query = sql("INSERT INTO throttles (throttle_key, window_start, failures, consecutive, blocked_until, user_id) \
         VALUES ($1, $2, 1, 1, 0, $5) ON CONFLICT (throttle_key) DO UPDATE SET \
         failures = CASE WHEN throttles.window_start <= $3 OR throttles.window_start > $2 \
         THEN 1 ELSE throttles.failures + 1 END, \
         window_start = CASE WHEN throttles.window_start <= $3 OR throttles.window_start > $2 \
         THEN $2 ELSE throttles.window_start END, \
         consecutive = throttles.consecutive + 1, user_id = excluded.user_id \
         WHERE throttles.blocked_until <= $2 AND (throttles.window_start <= $3 OR throttles.window_start > $2 \
         OR throttles.failures < $4) RETURNING consecutive")
    .bind(key)
    .bind(now)
    .bind(now.plus(-MINUTE))
    .bind(limit)
    .bind(user.map(|user| user.to_string()));
    tx.optional(query).await?.map(|row| row.int("consecutive")).transpose()
}

pub(in crate::auth) async fn block(tx: &mut Tx, key: &str, until: Timestamp) -> Result<()> {
    let query = sql("UPDATE throttles SET blocked_until = $2 WHERE throttle_key = $1").bind(key).bind(until);
    tx.run(query).await.map(drop)
}

/// From when on there is room again. The minute counts only once it is full.
pub(in crate::auth) async fn room_at(
    executor: &mut impl Executor,
    key: &str,
    limit: u32,
) -> Result<Option<Timestamp>> {
    let query = sql("SELECT window_start, failures, blocked_until FROM throttles WHERE throttle_key = $1");
    let Some(row) = executor.optional(query.bind(key)).await? else { return Ok(None) };
    let blocked = row.time("blocked_until")?;
    let full = row.int("failures")? >= i64::from(limit);
    Ok(Some(if full { blocked.max(row.time("window_start")?.plus(MINUTE)) } else { blocked }))
}

pub(in crate::auth) async fn consecutive(executor: &mut impl Executor, key: &str) -> Result<i64> {
    let query = sql("SELECT consecutive FROM throttles WHERE throttle_key = $1").bind(key);
    executor.optional(query).await?.map_or(Ok(0), |row| row.int("consecutive"))
}

/// Takes one attempt back that was counted and was no failure.
pub(in crate::auth) async fn release(tx: &mut Tx, key: &str) -> Result<()> {
    let query = sql("UPDATE throttles SET \
         failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END, \
         consecutive = CASE WHEN consecutive > 0 THEN consecutive - 1 ELSE 0 END WHERE throttle_key = $1");
    tx.run(query.bind(key)).await.map(drop)
}

/// Forgets the failures in a row, and the block with them.
pub(in crate::auth) async fn forget(tx: &mut Tx, key: &str) -> Result<()> {
    let query = sql("UPDATE throttles SET consecutive = 0, blocked_until = 0 WHERE throttle_key = $1");
    tx.run(query.bind(key)).await.map(drop)
}

/// Forgets all failures of a person, under every name and at every place: their password was set anew. The names go
/// before the account, in the order in which an attempt takes them; one that is counted in between stays.
pub(in crate::auth) async fn clear(tx: &mut Tx, user: UserId) -> Result<()> {
    let names = sql("DELETE FROM throttles WHERE user_id = $1 AND throttle_key LIKE 'login:%'");
    tx.run(names.bind_text(user)).await?;
    let accounts = sql("DELETE FROM throttles WHERE user_id = $1 AND throttle_key NOT LIKE 'login:%'");
    tx.run(accounts.bind_text(user)).await.map(drop)
}

pub(in crate::auth) async fn prune(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64> {
    let query = sql("DELETE FROM throttles WHERE window_start < $1 AND blocked_until < $2");
    tx.run(query.bind(before).bind(now)).await
}
