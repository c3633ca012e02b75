//! SQL of the throttles.

use crate::base::clock::MINUTE;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Tx, sql};

/// Counts one attempt if there is room for it: not blocked, and fewer than `limit` in this minute. Answers how many
/// in a row that makes, or `None` when there is no room. Check and count are one statement.
pub(in crate::auth) async fn reserve(
    tx: &mut Tx,
    key: &str,
    limit: u32,
    now: Timestamp,
) -> Result<Option<i64>> {
    let query = sql("INSERT INTO throttles (throttle_key, window_start, failures, consecutive, blocked_until) \
         VALUES ($1, $2, 1, 1, 0) ON CONFLICT (throttle_key) DO UPDATE SET \
         failures = CASE WHEN throttles.window_start <= $3 OR throttles.window_start > $2 \
         THEN 1 ELSE throttles.failures + 1 END, \
         window_start = CASE WHEN throttles.window_start <= $3 OR throttles.window_start > $2 \
         THEN $2 ELSE throttles.window_start END, \
         consecutive = throttles.consecutive + 1 \
         WHERE throttles.blocked_until <= $2 AND (throttles.window_start <= $3 OR throttles.window_start > $2 \
         OR throttles.failures < $4) RETURNING consecutive")
    .bind(key)
    .bind(now)
    .bind(now.plus(-MINUTE))
    .bind(limit);
    tx.optional(query).await?.map(|row| row.int("consecutive")).transpose()
}

pub(in crate::auth) async fn block(tx: &mut Tx, key: &str, until: Timestamp) -> Result<()> {
    let query = sql("UPDATE throttles SET blocked_until = $2 WHERE throttle_key = $1").bind(key).bind(until);
    tx.run(query).await.map(drop)
}

/// From when on there is room again.
pub(in crate::auth) async fn room_at(executor: &mut impl Executor, key: &str) -> Result<Option<Timestamp>> {
    let query = sql("SELECT window_start, blocked_until FROM throttles WHERE throttle_key = $1").bind(key);
    let Some(row) = executor.optional(query).await? else { return Ok(None) };
    Ok(Some(row.time("blocked_until")?.max(row.time("window_start")?.plus(MINUTE))))
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

/// Forgets all failures of an account: its password was set anew.
pub(in crate::auth) async fn clear(tx: &mut Tx, key: &str) -> Result<()> {
    tx.run(sql("DELETE FROM throttles WHERE throttle_key = $1").bind(key)).await.map(drop)
}

pub(in crate::auth) async fn prune(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64> {
    let query = sql("DELETE FROM throttles WHERE window_start < $1 AND blocked_until < $2");
    tx.run(query.bind(before).bind(now)).await
}
