//! SQL of sign-on: pending requests, seen requests, artifacts, persistent `NameIDs`, sessions at service providers, last uses,
//! fetches of metadata.

pub(super) mod artifact;
pub(super) mod logout;

use crate::base::id::{ApplicationId, SessionId, UserId};
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Query, Row, Tx, sql};
use crate::signon::fetches::Fetch;
use crate::signon::pending::{Kept, Pending};
use crate::signon::recorder::{self, ExchangeLine};

pub(super) async fn insert_pending(
    tx: &mut Tx,
    pending: &Pending,
    request: &str,
    source_prefix: &str,
) -> Result<()> {
    tx.run(
        sql("INSERT INTO pending_requests (handle_hash, browser_hash, application_id, request, source_prefix, \
             received_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(pending.handle_hash.as_str())
        .bind(pending.browser_hash.as_str())
        .bind_text(pending.application)
        .bind(request)
        .bind(source_prefix)
        .bind(pending.received_at)
        .bind(pending.expires_at),
    )
    .await
    .map(drop)
}

/// How many requests wait.
pub(super) async fn count_pending(executor: &mut impl Executor, now: Timestamp) -> Result<i64> {
    let query =
        sql("SELECT COUNT(*) AS n FROM pending_requests WHERE expires_at > $1 AND consumed_at IS NULL");
    executor.one(query.bind(now)).await?.int("n")
}

/// Keeps the newest requests of a source prefix and of a browser; older ones of the same prefix or browser go (decision
/// 17).
pub(super) async fn evict_pending(
    tx: &mut Tx,
    source_prefix: &str,
    browser_hash: &str,
    kept: Kept,
) -> Result<()> {
    tx.run(
        sql("DELETE FROM pending_requests WHERE handle_hash IN (SELECT handle_hash FROM pending_requests \
             WHERE source_prefix = $1 ORDER BY received_at DESC LIMIT 1000 OFFSET $2)")
        .bind(source_prefix)
        .bind(kept.rows),
    )
    .await?;
    tx.run(
        sql("DELETE FROM pending_requests WHERE handle_hash IN (SELECT handle_hash FROM pending_requests \
             WHERE source_prefix = $1 AND browser_hash = $2 ORDER BY received_at DESC LIMIT 1000 OFFSET $3)")
        .bind(source_prefix)
        .bind(browser_hash)
        .bind(kept.rows_of_browser),
    )
    .await?;
    tx.run(
        sql("DELETE FROM pending_requests WHERE handle_hash IN (SELECT t.handle_hash FROM (SELECT handle_hash, \
             SUM(LENGTH(request)) OVER (ORDER BY received_at DESC, handle_hash) AS total FROM pending_requests \
             WHERE source_prefix = $1) t WHERE t.total > $2)")
        .bind(source_prefix)
        .bind(kept.size),
    )
    .await
    .map(drop)
}

pub(super) async fn find_pending(
    executor: &mut impl Executor,
    handle_hash: &str,
) -> Result<Option<(Pending, String)>> {
    let query = sql("SELECT handle_hash, browser_hash, application_id, request, received_at, expires_at, \
         authenticated_at, consumed_at FROM pending_requests WHERE handle_hash = $1")
    .bind(handle_hash);
    let Some(row) = executor.optional(query).await? else { return Ok(None) };
    let pending = Pending {
        handle_hash: row.text("handle_hash")?,
        browser_hash: row.text("browser_hash")?,
        application: row.parse("application_id")?,
        received_at: row.time("received_at")?,
        expires_at: row.time("expires_at")?,
        authenticated_at: row.opt_time("authenticated_at")?,
        consumed_at: row.opt_time("consumed_at")?,
    };
    Ok(Some((pending, row.text("request")?)))
}

pub(super) async fn set_pending_browser(
    tx: &mut Tx,
    handle_hash: &str,
    old_browser_hash: &str,
    browser_hash: &str,
) -> Result<u64> {
    let query = sql("UPDATE pending_requests SET browser_hash = $3 \
         WHERE handle_hash = $1 AND browser_hash = $2 AND consumed_at IS NULL");
    tx.run(query.bind(handle_hash).bind(old_browser_hash).bind(browser_hash)).await
}

pub(super) async fn set_pending_authenticated(tx: &mut Tx, handle_hash: &str, at: Timestamp) -> Result<u64> {
    let query = sql(
        "UPDATE pending_requests SET authenticated_at = $2 WHERE handle_hash = $1 AND consumed_at IS NULL",
    );
    tx.run(query.bind(handle_hash).bind(at)).await
}

/// Consumes a handle once: touches one row, or none when it was used already.
pub(super) fn consume_pending(handle_hash: &str, at: Timestamp) -> Query {
    sql("UPDATE pending_requests SET consumed_at = $2 WHERE handle_hash = $1 AND consumed_at IS NULL")
        .bind(handle_hash)
        .bind(at)
}

pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let pending = tx.run(sql("DELETE FROM pending_requests WHERE expires_at < $1").bind(now)).await?;
    let seen = tx.run(sql("DELETE FROM seen_requests WHERE expires_at < $1").bind(now)).await?;
    let artifacts = artifact::delete_expired(tx, now).await?;
    Ok(pending + seen + artifacts)
}

/// Remembers a signed request's ID: touches one row, or none when it was seen before.
pub(super) fn insert_seen(application: ApplicationId, request_id: &str, expires_at: Timestamp) -> Query {
    sql("INSERT INTO seen_requests (application_id, request_id, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (application_id, request_id) DO NOTHING")
    .bind_text(application)
    .bind(request_id)
    .bind(expires_at)
}

pub(super) async fn find_persistent(
    executor: &mut impl Executor,
    application: ApplicationId,
    user: UserId,
) -> Result<Option<String>> {
    let query = sql("SELECT value FROM persistent_name_ids WHERE application_id = $1 AND user_id = $2");
    executor
        .optional(query.bind_text(application).bind_text(user))
        .await?
        .map(|row| row.text("value"))
        .transpose()
}

pub(super) async fn insert_persistent(
    tx: &mut Tx,
    application: ApplicationId,
    user: UserId,
    value: &str,
    now: Timestamp,
) -> Result<()> {
    let query = sql("INSERT INTO persistent_name_ids (value, application_id, user_id, created_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (application_id, user_id) DO NOTHING");
    tx.run(query.bind(value).bind_text(application).bind_text(user).bind(now)).await.map(drop)
}

/// What stands in place of a format where an assertion names nobody: such a session can't be named in a logout message.
pub(super) const NOBODY_NAMED: &str = "none";

/// A session at a service provider, beginning now.
pub(super) struct SpSession<'a> {
    pub(super) session_index: &'a str,
    pub(super) session: SessionId,
    pub(super) application: ApplicationId,
    pub(super) name_id: &'a str,
    pub(super) name_id_format: &'a str,
    pub(super) name_id_encrypted: bool,
}

/// Touches one row, or none when the session here has ended meanwhile: who was told of its end must not gain another.
pub(super) fn insert_sp_session(session: &SpSession<'_>, now: Timestamp) -> Query {
    sql("INSERT INTO sp_sessions (session_id, session_index, application_id, name_id, name_id_format, name_id_encrypted, \
         created_at) SELECT $1, $2, $3, $4, $5, $6, $7 FROM sessions WHERE id = $1 AND ended_at IS NULL")
    .for_share()
    .bind_text(session.session)
    .bind(session.session_index)
    .bind_text(session.application)
    .bind(session.name_id)
    .bind(session.name_id_format)
    .bind(session.name_id_encrypted)
    .bind(now)
}

pub(super) fn touch_last_use(user: UserId, application: ApplicationId, now: Timestamp) -> Query {
    sql("INSERT INTO last_uses (user_id, application_id, used_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, application_id) DO UPDATE SET used_at = excluded.used_at")
    .bind_text(user)
    .bind_text(application)
    .bind(now)
}

/// Applications a person used lately, newest first.
pub(super) async fn list_last_uses(
    executor: &mut impl Executor,
    user: UserId,
    limit: i64,
) -> Result<Vec<(ApplicationId, Timestamp)>> {
    let query = sql(
        "SELECT application_id, used_at FROM last_uses WHERE user_id = $1 ORDER BY used_at DESC LIMIT $2",
    );
    let rows = executor.all(query.bind_text(user).bind(limit)).await?;
    rows.iter().map(|row| Ok((row.parse("application_id")?, row.time("used_at")?))).collect()
}

/// Notes the last fetch of a source, unless the application is gone.
pub(super) async fn upsert_fetch(tx: &mut Tx, application: ApplicationId, fetch: &Fetch) -> Result<()> {
    let query = sql("INSERT INTO metadata_fetches (application_id, source, user_agent, fetched_at) \
         SELECT a.id, $2, $3, $4 FROM applications a WHERE a.id = $1 \
         ON CONFLICT (application_id, source) DO UPDATE SET \
         user_agent = excluded.user_agent, fetched_at = excluded.fetched_at")
    .bind_text(application)
    .bind(fetch.source.as_str())
    .bind(fetch.user_agent.as_str())
    .bind(fetch.fetched_at);
    tx.run(query).await.map(drop)
}

/// Forgets the fetches of an application before an instant, and all but the latest so many.
pub(super) async fn prune_fetches(
    tx: &mut Tx,
    application: ApplicationId,
    kept: i64,
    before: Timestamp,
) -> Result<()> {
    let query =
        sql("DELETE FROM metadata_fetches WHERE application_id = $1 AND (fetched_at < $2 OR source NOT IN \
         (SELECT f.source FROM metadata_fetches f WHERE f.application_id = $1 \
         ORDER BY f.fetched_at DESC, f.source LIMIT $3))")
        .bind_text(application)
        .bind(before)
        .bind(kept);
    tx.run(query).await.map(drop)
}

/// Fetches since an instant, the latest first.
pub(super) async fn list_fetches(
    executor: &mut impl Executor,
    application: ApplicationId,
    since: Timestamp,
) -> Result<Vec<Fetch>> {
    let query = sql("SELECT source, user_agent, fetched_at FROM metadata_fetches \
         WHERE application_id = $1 AND fetched_at >= $2 ORDER BY fetched_at DESC, source")
    .bind_text(application)
    .bind(since);
    let read = |row: &Row| {
        Ok(Fetch {
            source: row.text("source")?,
            user_agent: row.text("user_agent")?,
            fetched_at: row.time("fetched_at")?,
        })
    };
    executor.all(query).await?.iter().map(read).collect()
}

/// Keeps an exchange, unless the application is gone.
pub(super) async fn insert_exchange(tx: &mut Tx, row: &recorder::Row) -> Result<()> {
    let query =
        sql("INSERT INTO exchanges (reference, application_id, recorded_at, expires_at, code, room, \
         source_prefix, sealed) SELECT $2, a.id, $3, $4, $5, $6, $7, $8 FROM applications a WHERE a.id = $1 \
         ON CONFLICT (reference) DO NOTHING")
        .bind_text(row.application)
        .bind(row.line.reference.as_str())
        .bind(row.line.recorded_at)
        .bind(row.expires_at)
        .bind(row.line.code.clone())
        .bind(row.room.as_str())
        .bind(row.source_prefix.clone())
        .bind(row.sealed.clone());
    tx.run(query).await.map(drop)
}

/// Forgets all but the latest so many of an application, counted apart by room; of
/// those without a session first all but the latest so many of each network.
pub(super) async fn prune_exchanges(
    tx: &mut Tx,
    application: ApplicationId,
    kept: i64,
    kept_of_source: i64,
) -> Result<()> {
    let of_source =
        sql("DELETE FROM exchanges WHERE reference IN (SELECT t.reference FROM (SELECT reference, \
         ROW_NUMBER() OVER (PARTITION BY room, source_prefix ORDER BY recorded_at DESC, reference) AS place \
         FROM exchanges WHERE application_id = $1 AND source_prefix IS NOT NULL) t WHERE t.place > $2)");
    tx.run(of_source.bind_text(application).bind(kept_of_source)).await?;
    let of_all = sql("DELETE FROM exchanges WHERE reference IN (SELECT t.reference FROM (SELECT reference, \
         ROW_NUMBER() OVER (PARTITION BY room ORDER BY recorded_at DESC, reference) AS place \
         FROM exchanges WHERE application_id = $1) t WHERE t.place > $2)");
    tx.run(of_all.bind_text(application).bind(kept)).await.map(drop)
}

pub(super) async fn delete_old_exchanges(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    tx.run(sql("DELETE FROM exchanges WHERE expires_at <= $1").bind(now)).await
}

fn read_exchange(row: &Row) -> Result<ExchangeLine> {
    Ok(ExchangeLine {
        reference: row.text("reference")?,
        recorded_at: row.time("recorded_at")?,
        code: row.opt_text("code")?,
    })
}

pub(super) async fn list_exchanges(
    executor: &mut impl Executor,
    application: ApplicationId,
    now: Timestamp,
) -> Result<Vec<ExchangeLine>> {
    let query = sql("SELECT reference, recorded_at, code FROM exchanges \
         WHERE application_id = $1 AND expires_at > $2 ORDER BY recorded_at DESC, reference")
    .bind_text(application)
    .bind(now);
    executor.all(query).await?.iter().map(read_exchange).collect()
}

pub(super) async fn find_exchange(
    executor: &mut impl Executor,
    application: ApplicationId,
    reference: &str,
    now: Timestamp,
) -> Result<Option<(ExchangeLine, Vec<u8>)>> {
    let query = sql("SELECT reference, recorded_at, code, sealed FROM exchanges \
         WHERE application_id = $1 AND reference = $2 AND expires_at > $3")
    .bind_text(application)
    .bind(reference)
    .bind(now);
    let row = executor.optional(query).await?;
    row.map(|row| Ok((read_exchange(&row)?, row.blob("sealed")?))).transpose()
}

pub(super) async fn find_exchange_application(
    executor: &mut impl Executor,
    reference: &str,
    now: Timestamp,
) -> Result<Option<ApplicationId>> {
    let query = sql("SELECT application_id FROM exchanges WHERE reference = $1 AND expires_at > $2")
        .bind(reference)
        .bind(now);
    executor.optional(query).await?.map(|row| row.parse("application_id")).transpose()
}

/// Until when an application's successes are recorded; `None` stops it.
pub(super) async fn set_recording(
    tx: &mut Tx,
    application: ApplicationId,
    until: Option<Timestamp>,
) -> Result<()> {
    let query = match until {
        None => sql("DELETE FROM recordings WHERE application_id = $1").bind_text(application),
        Some(until) => sql("INSERT INTO recordings (application_id, record_until) VALUES ($1, $2) \
             ON CONFLICT (application_id) DO UPDATE SET record_until = excluded.record_until")
        .bind_text(application)
        .bind(until),
    };
    tx.run(query).await.map(drop)
}

pub(super) async fn find_recording(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Timestamp>> {
    let query = sql("SELECT record_until FROM recordings WHERE application_id = $1").bind_text(application);
    executor.optional(query).await?.map(|row| row.time("record_until")).transpose()
}
