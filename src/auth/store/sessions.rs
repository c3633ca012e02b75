//! SQL of sessions.

use std::collections::HashMap;

use crate::auth::session::{SessionSummary, SessionView};
use crate::base::id::{SessionId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};

/// A session to be stored.
pub(in crate::auth) struct NewRow<'a> {
    pub(in crate::auth) view: &'a SessionView,
    pub(in crate::auth) token_hash: String,
    pub(in crate::auth) user_epoch: i64,
    pub(in crate::auth) source: Option<String>,
    pub(in crate::auth) source_prefix: Option<String>,
    pub(in crate::auth) user_agent: Option<String>,
}

fn read(row: &Row) -> Result<SessionView> {
    Ok(SessionView {
        session_id: row.parse("id")?,
        user_id: row.parse("user_id")?,
        username: row.text("username")?,
        email: row.text("email")?,
        display_name: row.text("display_name")?,
        role: row.opt_parse("role")?,
        created_at: row.time("created_at")?,
        authenticated_at: row.time("authenticated_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
        remembered: row.bool("remembered")?,
    })
}

pub(in crate::auth) async fn insert(tx: &mut Tx, new: NewRow<'_>) -> Result<()> {
    let view = new.view;
    let query =
        sql("INSERT INTO sessions (id, token_hash, user_id, user_epoch, created_at, authenticated_at, \
         last_seen_at, expires_at, remembered, source, source_prefix, user_agent, ended_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)")
        .bind_text(view.session_id)
        .bind(new.token_hash)
        .bind_text(view.user_id)
        .bind(new.user_epoch)
        .bind(view.created_at)
        .bind(view.authenticated_at)
        .bind(view.last_seen_at)
        .bind(view.expires_at)
        .bind(view.remembered)
        .bind(new.source)
        .bind(new.source_prefix)
        .bind(new.user_agent);
    tx.run(query).await.map(drop)
}

/// How many sessions have neither ended nor come to their last instant.
pub(in crate::auth) async fn count_unexpired(executor: &mut impl Executor, now: Timestamp) -> Result<i64> {
    let query = sql("SELECT COUNT(*) AS n FROM sessions WHERE expires_at > $1 AND ended_at IS NULL");
    executor.one(query.bind(now)).await?.int("n")
}

/// The session of this token, if it has not ended and its person is active and of the same epoch. Times are the
/// caller's to judge.
pub(in crate::auth) async fn by_token(
    executor: &mut impl Executor,
    token_hash: &str,
) -> Result<Option<SessionView>> {
    let query =
        sql("SELECT s.id, s.user_id, s.created_at, s.authenticated_at, s.last_seen_at, s.expires_at, \
         s.remembered, u.username, u.email, u.display_name, r.role FROM sessions s \
         JOIN users u ON u.id = s.user_id LEFT JOIN roles r ON r.user_id = u.id \
         WHERE s.token_hash = $1 AND s.ended_at IS NULL AND u.state = 'active' AND u.epoch = s.user_epoch");
    executor.optional(query.bind(token_hash)).await?.as_ref().map(read).transpose()
}

/// The same by id, within a transaction that is about to rotate its token.
pub(in crate::auth) async fn by_id(
    executor: &mut impl Executor,
    id: SessionId,
) -> Result<Option<SessionView>> {
    let query =
        sql("SELECT s.id, s.user_id, s.created_at, s.authenticated_at, s.last_seen_at, s.expires_at, \
         s.remembered, u.username, u.email, u.display_name, r.role FROM sessions s \
         JOIN users u ON u.id = s.user_id LEFT JOIN roles r ON r.user_id = u.id \
         WHERE s.id = $1 AND s.ended_at IS NULL AND u.state = 'active' AND u.epoch = s.user_epoch");
    executor.optional(query.bind_text(id)).await?.as_ref().map(read).transpose()
}

/// Gives the session another token after its person has proved again who they are.
pub(in crate::auth) async fn rotate(
    tx: &mut Tx,
    id: SessionId,
    token_hash: &str,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE sessions SET token_hash = $2, authenticated_at = $3, last_seen_at = $3 \
         WHERE id = $1 AND ended_at IS NULL")
    .bind_text(id)
    .bind(token_hash)
    .bind(now);
    tx.run_one(query, || Error::not_found("session")).await
}

pub(in crate::auth) async fn touch(tx: &mut Tx, id: SessionId, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE sessions SET last_seen_at = $2 \
         WHERE id = $1 AND last_seen_at < $2 AND ended_at IS NULL");
    tx.run(query.bind_text(id).bind(now)).await.map(drop)
}

/// Ends one session of a person; answers whether it was running.
pub(in crate::auth) async fn end(tx: &mut Tx, id: SessionId, user: UserId, now: Timestamp) -> Result<bool> {
    let query = sql("UPDATE sessions SET ended_at = $3 WHERE id = $1 AND user_id = $2 AND ended_at IS NULL");
    Ok(tx.run(query.bind_text(id).bind_text(user).bind(now)).await? == 1)
}

/// Ends a session whoever has it; answers whether it was running.
pub(in crate::auth) async fn end_any(tx: &mut Tx, id: SessionId, now: Timestamp) -> Result<bool> {
    let query = sql("UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL");
    Ok(tx.run(query.bind_text(id).bind(now)).await? == 1)
}

/// Ends all sessions of a person but one; answers how many.
pub(in crate::auth) async fn end_all(
    tx: &mut Tx,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<u64> {
    let keep = keep.map(|id| id.to_string()).unwrap_or_default();
    // In the order of ids, like everybody who holds several of them: else two could wait for each other.
    let held =
        sql("SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL ORDER BY id");
    tx.all(held.bind_text(user).bind(keep.as_str()).for_update()).await?;
    let query = sql("UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL")
        .bind_text(user)
        .bind(keep)
        .bind(now);
    tx.run(query).await
}

/// Whether anybody, and whether this person, signed in from this place since then.
pub(in crate::auth) async fn known_place(
    executor: &mut impl Executor,
    user: Option<UserId>,
    prefix: &str,
    since: Timestamp,
) -> Result<(bool, bool)> {
    let query = sql("SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM sessions \
         WHERE source_prefix = $2 AND created_at > $3) THEN 1 ELSE 0 END AS BIGINT) AS anybody, \
         CAST(CASE WHEN EXISTS (SELECT 1 FROM sessions \
         WHERE user_id = $1 AND source_prefix = $2 AND created_at > $3) THEN 1 ELSE 0 END AS BIGINT) AS theirs")
    .bind(user.map(|user| user.to_string()).unwrap_or_default())
    .bind(prefix)
    .bind(since);
    let row = executor.one(query).await?;
    Ok((row.int("anybody")? > 0, row.int("theirs")? > 0))
}

/// The running sessions of a person, newest first.
pub(in crate::auth) async fn list(
    executor: &mut impl Executor,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SessionSummary>> {
    let query =
        sql("SELECT s.id, s.created_at, s.authenticated_at, s.last_seen_at, s.expires_at, s.remembered, \
         s.source, s.user_agent FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 \
         AND u.state = 'active' AND u.epoch = s.user_epoch ORDER BY s.created_at DESC, s.id DESC LIMIT 200");
    let rows = executor.all(query.bind_text(user).bind(now)).await?;
    rows.iter()
        .map(|row| {
            Ok(SessionSummary {
                id: row.parse("id")?,
                created_at: row.time("created_at")?,
                authenticated_at: row.time("authenticated_at")?,
                last_seen_at: row.time("last_seen_at")?,
                expires_at: row.time("expires_at")?,
                remembered: row.bool("remembered")?,
                source: row.opt_text("source")?,
                user_agent: row.opt_text("user_agent")?,
            })
        })
        .collect()
}

pub(in crate::auth) async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.run(sql("DELETE FROM sessions WHERE expires_at < $1 OR ended_at < $1").bind(before)).await
}

/// People that [`last_sign_ins`] takes at once.
pub(in crate::auth) const PAGE: usize = 50;

/// When each of these people last signed in, as far as sessions are kept.
pub(in crate::auth) async fn last_sign_ins(
    executor: &mut impl Executor,
    users: &[UserId],
) -> Result<HashMap<UserId, Timestamp>> {
    let mut query = sql("SELECT user_id, MAX(created_at) AS at FROM sessions WHERE user_id IN \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, \
         $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50) GROUP BY user_id");
    for at in 0..PAGE {
        query = query.bind(users.get(at).map(ToString::to_string).unwrap_or_default());
    }
    let rows = executor.all(query).await?;
    rows.iter().map(|row| Ok((row.parse("user_id")?, row.time("at")?))).collect()
}

/// The id of the session with this hash, whether it runs or has ended.
pub(in crate::auth) async fn id_by_token(
    executor: &mut impl Executor,
    token_hash: &str,
) -> Result<Option<SessionId>> {
    let query = sql("SELECT id FROM sessions WHERE token_hash = $1").bind(token_hash);
    executor.optional(query).await?.map(|row| row.parse("id")).transpose()
}
