//! SQL of single logout: sessions at service providers that a request names, runs and their legs.

use crate::base::id::{ApplicationId, SessionId, UserId};
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::signon::logout::leg::{Leg, LegState};
use crate::signon::logout::run::Run;

/// A session at a service provider, with the session here that it belongs to.
pub(in crate::signon) struct Joined {
    pub(in crate::signon) session: SessionId,
    pub(in crate::signon) session_index: String,
    pub(in crate::signon) application: ApplicationId,
    pub(in crate::signon) name_id: String,
    pub(in crate::signon) name_id_format: String,
    /// Whether its service provider was given the NameID encrypted.
    pub(in crate::signon) name_id_encrypted: bool,
    pub(in crate::signon) user: UserId,
    pub(in crate::signon) username: String,
    /// When it began at the service provider.
    pub(in crate::signon) created_at: Timestamp,
    /// Whether the session here runs.
    pub(in crate::signon) is_running: bool,
}

fn joined(row: &Row) -> Result<Joined> {
    Ok(Joined {
        session: row.parse("session_id")?,
        session_index: row.text("session_index")?,
        application: row.parse("application_id")?,
        name_id: row.text("name_id")?,
        name_id_format: row.text("name_id_format")?,
        name_id_encrypted: row.bool("name_id_encrypted")?,
        user: row.parse("user_id")?,
        username: row.text("username")?,
        created_at: row.time("created_at")?,
        is_running: row.opt_time("session_ended_at")?.is_none(),
    })
}

/// The session of this index at a service provider.
pub(in crate::signon) async fn sp_session_of_index(
    executor: &mut impl Executor,
    application: ApplicationId,
    session_index: &str,
) -> Result<Option<Joined>> {
    let query = sql("SELECT p.session_id, p.session_index, p.application_id, p.name_id, p.name_id_format, \
         p.name_id_encrypted, p.created_at, s.ended_at AS session_ended_at, s.user_id, u.username FROM sp_sessions p JOIN sessions s ON s.id = p.session_id \
         JOIN users u ON u.id = s.user_id WHERE p.application_id = $1 AND p.session_index = $2");
    let row = executor.optional(query.bind_text(application).bind(session_index)).await?;
    row.as_ref().map(joined).transpose()
}

/// The sessions of this name at a service provider that began until then: of each session here and format the newest,
/// those whose session here runs before those where it has ended.
pub(in crate::signon) async fn sp_sessions_of_name(
    executor: &mut impl Executor,
    application: ApplicationId,
    name_id: &str,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Joined>> {
    let query = sql("SELECT session_id, session_index, application_id, name_id, name_id_format, name_id_encrypted, \
         created_at, session_ended_at, user_id, username FROM (SELECT p.session_id, p.session_index, p.application_id, p.name_id, \
         p.name_id_format, p.name_id_encrypted, p.created_at, s.user_id, s.ended_at AS session_ended_at, u.username, ROW_NUMBER() OVER \
         (PARTITION BY p.session_id, p.name_id_format ORDER BY p.created_at DESC, p.session_index) AS place \
         FROM sp_sessions p JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id \
         WHERE p.application_id = $1 AND p.name_id = $2 AND p.created_at <= $3) AS seats WHERE place = 1 \
         ORDER BY CASE WHEN session_ended_at IS NULL THEN 0 ELSE 1 END, created_at DESC, session_id LIMIT $4")
    .bind_text(application)
    .bind(name_id)
    .bind(until)
    .bind(limit);
    executor.all(query).await?.iter().map(joined).collect()
}

/// Sessions at service providers that one LogoutRequest names at most.
pub(in crate::signon) const MAX_INDEXES: usize = 50;

/// The sessions at service providers that belong to a session here and may be open, without those of `except`: of each
/// application and name the newest [`MAX_INDEXES`], the oldest first. None of a session that had ended before now and
/// whose time is over: its service providers were told that time with the assertion.
pub(in crate::signon) async fn open_sp_sessions(
    executor: &mut impl Executor,
    session: SessionId,
    except: Option<ApplicationId>,
    now: Timestamp,
) -> Result<Vec<Joined>> {
    let query = sql(
        "SELECT session_id, session_index, application_id, name_id, name_id_format, name_id_encrypted, created_at, session_ended_at, \
         user_id, username \
         FROM (SELECT p.session_id, p.session_index, p.application_id, p.name_id, p.name_id_format, p.name_id_encrypted, p.created_at, \
         s.ended_at AS session_ended_at, s.user_id, u.username, ROW_NUMBER() OVER (PARTITION BY p.application_id, p.name_id, p.name_id_format \
         ORDER BY p.created_at DESC, p.session_index) AS place FROM sp_sessions p \
         JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = s.user_id \
         WHERE p.session_id = $1 AND p.application_id <> $2 AND p.ended_at IS NULL \
         AND (s.ended_at IS NULL OR s.ended_at >= $3 OR s.expires_at > $3)) AS seats WHERE place <= $4 \
         ORDER BY created_at, session_index",
    )
    .bind_text(session)
    .bind(except.map(|id| id.to_string()).unwrap_or_default())
    .bind(now)
    .bind(i64::try_from(MAX_INDEXES).unwrap_or(i64::MAX));
    executor.all(query).await?.iter().map(joined).collect()
}

/// Notes that the sessions of this name at a service provider have ended.
pub(in crate::signon) async fn end_sp_sessions(
    tx: &mut Tx,
    session: SessionId,
    application: ApplicationId,
    name_id: &str,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE sp_sessions SET ended_at = $4 \
         WHERE session_id = $1 AND application_id = $2 AND name_id = $3 AND ended_at IS NULL")
    .bind_text(session)
    .bind_text(application)
    .bind(name_id)
    .bind(now);
    tx.run(query).await.map(drop)
}

/// Gives what may be open at service providers to another session of the same person.
pub(in crate::signon) async fn move_sp_sessions(
    tx: &mut Tx,
    from: SessionId,
    to: SessionId,
    now: Timestamp,
) -> Result<u64> {
    let query = sql("UPDATE sp_sessions SET session_id = $2 WHERE session_id = $1 AND ended_at IS NULL \
         AND EXISTS (SELECT 1 FROM sessions o JOIN sessions n ON n.user_id = o.user_id \
         WHERE o.id = $1 AND n.id = $2 AND o.expires_at > $3)");
    tx.run(query.bind_text(from).bind_text(to).bind(now)).await
}

pub(in crate::signon) async fn insert_run(tx: &mut Tx, run: &Run) -> Result<()> {
    let query = sql("INSERT INTO logout_runs (id, browser_hash, application_id, request_id, relay_state, \
         user_id, answer_by, begun_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(run.id.as_str())
    .bind(run.browser_hash.as_str())
    .bind(run.application.map(|id| id.to_string()))
    .bind(run.request_id.clone())
    .bind(run.relay_state.clone())
    .bind(run.user.map(|id| id.to_string()))
    .bind(run.answer_by.map(|by| by.as_str().to_owned()))
    .bind(run.begun_at)
    .bind(run.expires_at);
    tx.run(query).await.map(drop)
}

pub(in crate::signon) async fn insert_leg(tx: &mut Tx, run: &str, position: i64, leg: &Leg) -> Result<()> {
    let query = sql(
        "INSERT INTO logout_legs (run_id, position, application_id, session_id, name_id, name_id_format, \
         name_id_encrypted, session_indexes, request_id, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(run)
    .bind(position)
    .bind_text(leg.application)
    .bind_text(leg.session)
    .bind(leg.name_id.as_str())
    .bind(leg.name_id_format.as_str())
    .bind(leg.name_id_encrypted)
    .bind(serde_json::to_string(&leg.session_indexes).map_err(crate::base::Error::internal)?)
    .bind(leg.request_id.as_str())
    .bind(leg.state.as_str());
    tx.run(query).await.map(drop)
}

fn run(row: &Row) -> Result<Run> {
    Ok(Run {
        id: row.text("id")?,
        browser_hash: row.text("browser_hash")?,
        application: row.opt_parse("application_id")?,
        request_id: row.opt_text("request_id")?,
        relay_state: row.opt_text("relay_state")?,
        user: row.opt_parse("user_id")?,
        answer_by: row.opt_parse("answer_by")?,
        begun_at: row.time("begun_at")?,
        expires_at: row.time("expires_at")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

pub(in crate::signon) async fn find_run(executor: &mut impl Executor, id: &str) -> Result<Option<Run>> {
    let query = sql(
        "SELECT id, browser_hash, application_id, request_id, relay_state, user_id, answer_by, begun_at, \
         expires_at, ended_at FROM logout_runs WHERE id = $1",
    );
    executor.optional(query.bind(id)).await?.as_ref().map(run).transpose()
}

/// The run of a browser that has not come to its end, the latest one.
pub(in crate::signon) async fn find_open_run(
    executor: &mut impl Executor,
    browser_hash: &str,
    now: Timestamp,
) -> Result<Option<Run>> {
    let query = sql(
        "SELECT id, browser_hash, application_id, request_id, relay_state, user_id, answer_by, begun_at, \
         expires_at, ended_at FROM logout_runs WHERE browser_hash = $1 AND expires_at > $2 AND ended_at IS NULL \
         ORDER BY begun_at DESC, id LIMIT 1",
    );
    executor.optional(query.bind(browser_hash).bind(now)).await?.as_ref().map(run).transpose()
}

/// Gives a run to another browser secret, once.
pub(in crate::signon) async fn set_run_browser(
    tx: &mut Tx,
    id: &str,
    old_browser_hash: &str,
    browser_hash: &str,
) -> Result<u64> {
    let query = sql("UPDATE logout_runs SET browser_hash = $3 WHERE id = $1 AND browser_hash = $2");
    tx.run(query.bind(id).bind(old_browser_hash).bind(browser_hash)).await
}

/// Ends a run once: touches one row, or none when it was ended already.
pub(in crate::signon) async fn end_run(tx: &mut Tx, id: &str, now: Timestamp) -> Result<u64> {
    let query = sql("UPDATE logout_runs SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL");
    tx.run(query.bind(id).bind(now)).await
}

fn leg(row: &Row) -> Result<Leg> {
    Ok(Leg {
        run: row.text("run_id")?,
        application: row.parse("application_id")?,
        session: row.parse("session_id")?,
        person: row.opt_parse("user_id")?.zip(row.opt_text("username")?),
        name_id: row.text("name_id")?,
        name_id_format: row.text("name_id_format")?,
        name_id_encrypted: row.bool("name_id_encrypted")?,
        session_indexes: row.json("session_indexes")?,
        request_id: row.text("request_id")?,
        state: row.parse("state")?,
    })
}

/// The legs of a run, in order.
pub(in crate::signon) async fn list_legs(executor: &mut impl Executor, run: &str) -> Result<Vec<Leg>> {
    let query = sql(
        "SELECT l.run_id, l.application_id, l.session_id, l.name_id, l.name_id_format, l.name_id_encrypted, l.session_indexes, \
         l.request_id, l.state, u.id AS user_id, u.username FROM logout_legs l \
         LEFT JOIN sessions s ON s.id = l.session_id LEFT JOIN users u ON u.id = s.user_id \
         WHERE l.run_id = $1 ORDER BY l.position",
    );
    executor.all(query.bind(run)).await?.iter().map(leg).collect()
}

/// The leg of a LogoutRequest of ours at this application: of the last one, or of the one before it.
pub(in crate::signon) async fn find_leg(
    executor: &mut impl Executor,
    application: ApplicationId,
    request_id: &str,
) -> Result<Option<Leg>> {
    let query = sql(
        "SELECT l.run_id, l.application_id, l.session_id, l.name_id, l.name_id_format, l.name_id_encrypted, l.session_indexes, \
         l.request_id, l.state, u.id AS user_id, u.username FROM logout_legs l \
         LEFT JOIN sessions s ON s.id = l.session_id LEFT JOIN users u ON u.id = s.user_id \
         WHERE l.application_id = $1 AND (l.request_id = $2 OR l.former_request_id = $2)",
    );
    executor.optional(query.bind_text(application).bind(request_id)).await?.as_ref().map(leg).transpose()
}

/// Legs that were not brought to an end in runs that are past their time, at most `limit`.
pub(in crate::signon) async fn list_stranded(
    executor: &mut impl Executor,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Leg>> {
    let query = sql(
        "SELECT l.run_id, l.application_id, l.session_id, l.name_id, l.name_id_format, l.name_id_encrypted, l.session_indexes, \
         l.request_id, l.state, u.id AS user_id, u.username FROM logout_runs r JOIN logout_legs l ON l.run_id = r.id \
         LEFT JOIN sessions s ON s.id = l.session_id LEFT JOIN users u ON u.id = s.user_id \
         WHERE r.expires_at < $1 AND l.state IN ('waiting', 'asked', 'direct') ORDER BY r.expires_at, l.run_id, l.position LIMIT $2",
    );
    executor.all(query.bind(now).bind(limit)).await?.iter().map(leg).collect()
}

/// Forgets runs that are past their time and have no leg in want of an end.
pub(in crate::signon) async fn delete_expired_runs(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let query = sql("DELETE FROM logout_runs WHERE expires_at < $1 AND NOT EXISTS \
         (SELECT 1 FROM logout_legs l WHERE l.run_id = logout_runs.id AND l.state IN ('waiting', 'asked', 'direct'))");
    tx.run(query.bind(now)).await
}

/// Moves a leg on: touches one row, or none when it is not in the state it is moved from.
pub(in crate::signon) async fn move_leg(
    tx: &mut Tx,
    request_id: &str,
    from: LegState,
    to: LegState,
) -> Result<u64> {
    let query = sql("UPDATE logout_legs SET state = $3 WHERE request_id = $1 AND state = $2");
    tx.run(query.bind(request_id).bind(from.as_str()).bind(to.as_str())).await
}

/// Gives a leg of another browser that is to be told the ID of its next message.
pub(in crate::signon) async fn rename_leg(tx: &mut Tx, request_id: &str, fresh: &str) -> Result<u64> {
    let query = sql("UPDATE logout_legs SET request_id = $2 WHERE request_id = $1 AND state = 'direct'");
    tx.run(query.bind(request_id).bind(fresh)).await
}

/// The place behind the last leg of a run.
pub(in crate::signon) async fn next_position(executor: &mut impl Executor, run: &str) -> Result<i64> {
    let query = sql("SELECT COALESCE(MAX(position) + 1, 0) AS next FROM logout_legs WHERE run_id = $1");
    executor.one(query.bind(run)).await?.int("next")
}

/// Forgets a leg of another browser: touches one row, or none.
pub(in crate::signon) async fn delete_leg(tx: &mut Tx, request_id: &str) -> Result<u64> {
    let query = sql("DELETE FROM logout_legs WHERE request_id = $1 AND state = 'direct'");
    tx.run(query.bind(request_id)).await
}

/// Lets a leg that was asked wait for being asked again, by a message with another ID (Core 1.3.4).
pub(in crate::signon) async fn renew_leg(tx: &mut Tx, request_id: &str, fresh: &str) -> Result<u64> {
    let query =
        sql("UPDATE logout_legs SET state = 'waiting', former_request_id = request_id, request_id = $2 \
         WHERE request_id = $1 AND state = 'asked'");
    tx.run(query.bind(request_id).bind(fresh)).await
}
