//! SQL of responses by artifact.

use crate::base::id::ApplicationId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Query, Tx, sql};
use crate::signon::artifact::Row;

pub(in crate::signon) fn insert(row: &Row<'_>) -> Query {
    sql("INSERT INTO artifacts (handle_hash, application_id, session_id, sealed, source_prefix, issued_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(row.handle_hash)
    .bind_text(row.application)
    .bind(row.session.map(|id| id.to_string()))
    .bind(row.sealed.to_vec())
    .bind(row.source_prefix.map(str::to_owned))
    .bind(row.issued_at)
    .bind(row.expires_at)
}

/// Keeps the newest errors of a network.
pub(in crate::signon) async fn evict_errors(tx: &mut Tx, source_prefix: &str, kept: i64) -> Result<()> {
    let query = sql("DELETE FROM artifacts WHERE handle_hash IN (SELECT handle_hash FROM artifacts \
         WHERE source_prefix = $1 ORDER BY issued_at DESC, handle_hash LIMIT 1000 OFFSET $2)");
    tx.run(query.bind(source_prefix).bind(kept)).await.map(drop)
}

/// Takes the sealed message of an artifact: once, for its application, in time, and while the session stands.
pub(in crate::signon) async fn take(
    tx: &mut Tx,
    application: ApplicationId,
    handle_hash: &str,
    now: Timestamp,
) -> Result<Option<Vec<u8>>> {
    let query = sql("DELETE FROM artifacts WHERE handle_hash = $1 AND application_id = $2 AND expires_at > $3 \
         AND (session_id IS NULL OR session_id IN (SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.ended_at IS NULL AND s.expires_at > $3 AND s.user_epoch = u.epoch AND u.state = 'active')) RETURNING sealed")
    .bind(handle_hash)
    .bind_text(application)
    .bind(now);
    tx.optional(query).await?.map(|row| row.blob("sealed")).transpose()
}

pub(in crate::signon) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    tx.run(sql("DELETE FROM artifacts WHERE expires_at <= $1").bind(now)).await
}
