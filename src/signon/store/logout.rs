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
    pub(in crate::signon) user: UserId,
    pub(in crate::signon) username: String,
    pub(in crate::signon) ended: bool,
}

fn joined(row: &Row) -> Result<Joined> {
    Ok(Joined {
        session: row.parse("session_id")?,
        session_index: row.text("session_index")?,
        application: row.parse("application_id")?,
        name_id: row.text("name_id")?,
        name_id_format: row.text("name_id_format")?,
        user: row.parse("user_id")?,
        username: row.text("username")?,
        ended: row.opt_time("ended_at")?.is_some(),
    })
}

/// The session of this index at a service provider.
pub(in crate::signon) async fn sp_session_of_index(
    executor: &mut impl Executor,
    application: ApplicationId,
    session_index: &str,
) -> Result<Option<Joined>> {
    let query = sql("SELECT p.session_id, p.session_index, p.application_id, p.name_id, p.name_id_format, \
         s.user_id, s.ended_at, u.username FROM sp_sessions p JOIN sessions s ON s.id = p.session_id \
         JOIN users u ON u.id = s.user_id WHERE p.application_id = $1 AND p.session_index = $2");
    let row = executor.optional(query.bind_text(application).bind(session_index)).await?;
    row.as_ref().map(joined).transpose()
}

/// The sessions of this name at a service provider, the newest first; those whose session here has ended come last.
pub(in crate::signon) async fn sp_sessions_of_name(
    executor: &mut impl Executor,
    application: ApplicationId,
    name_id: &str,
    limit: i64,
) -> Result<Vec<Joined>> {
    let query = sql("SELECT p.session_id, p.session_index, p.application_id, p.name_id, p.name_id_format, \
         s.user_id, s.ended_at, u.username FROM sp_sessions p JOIN sessions s ON s.id = p.session_id \
         JOIN users u ON u.id = s.user_id WHERE p.application_id = $1 AND p.name_id = $2 \
         ORDER BY CASE WHEN s.ended_at IS NULL THEN 0 ELSE 1 END, p.created_at DESC LIMIT $3")
    .bind_text(application)
    .bind(name_id)
    .bind(limit);
    executor.all(query).await?.iter().map(joined).collect()
}

/// The sessions at service providers that belong to a session here, the oldest first.
pub(in crate::signon) async fn sp_sessions_of_session(
    executor: &mut impl Executor,
    session: SessionId,
) -> Result<Vec<Joined>> {
    let query = sql("SELECT p.session_id, p.session_index, p.application_id, p.name_id, p.name_id_format, \
         s.user_id, s.ended_at, u.username FROM sp_sessions p JOIN sessions s ON s.id = p.session_id \
         JOIN users u ON u.id = s.user_id WHERE p.session_id = $1 ORDER BY p.created_at, p.session_index LIMIT 1000");
    executor.all(query.bind_text(session)).await?.iter().map(joined).collect()
}

pub(in crate::signon) async fn insert_run(tx: &mut Tx, run: &Run) -> Result<()> {
    let query = sql("INSERT INTO logout_runs (id, browser_hash, application_id, request_id, relay_state, \
         answer_by, begun_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(run.id.as_str())
    .bind(run.browser_hash.as_str())
    .bind(run.application.map(|id| id.to_string()))
    .bind(run.request_id.clone())
    .bind(run.relay_state.clone())
    .bind(run.answer_by.map(|by| by.as_str().to_owned()))
    .bind(run.begun_at)
    .bind(run.expires_at);
    tx.run(query).await.map(drop)
}

pub(in crate::signon) async fn insert_leg(tx: &mut Tx, run: &str, position: i64, leg: &Leg) -> Result<()> {
    let query = sql(
        "INSERT INTO logout_legs (run_id, position, application_id, session_id, name_id, name_id_format, \
         session_indexes, request_id, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(run)
    .bind(position)
    .bind_text(leg.application)
    .bind_text(leg.session)
    .bind(leg.name_id.as_str())
    .bind(leg.name_id_format.as_str())
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
        answer_by: row.opt_parse("answer_by")?,
        begun_at: row.time("begun_at")?,
        expires_at: row.time("expires_at")?,
        ended_at: row.opt_time("ended_at")?,
    })
}

pub(in crate::signon) async fn find_run(executor: &mut impl Executor, id: &str) -> Result<Option<Run>> {
    let query =
        sql("SELECT id, browser_hash, application_id, request_id, relay_state, answer_by, begun_at, \
         expires_at, ended_at FROM logout_runs WHERE id = $1");
    executor.optional(query.bind(id)).await?.as_ref().map(run).transpose()
}

/// The run of a browser that has not come to its end, the latest one.
pub(in crate::signon) async fn find_open_run(
    executor: &mut impl Executor,
    browser_hash: &str,
    now: Timestamp,
) -> Result<Option<Run>> {
    let query = sql(
        "SELECT id, browser_hash, application_id, request_id, relay_state, answer_by, begun_at, \
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
        name_id: row.text("name_id")?,
        name_id_format: row.text("name_id_format")?,
        session_indexes: row.json("session_indexes")?,
        request_id: row.text("request_id")?,
        state: row.parse("state")?,
    })
}

/// The legs of a run, in order.
pub(in crate::signon) async fn list_legs(executor: &mut impl Executor, run: &str) -> Result<Vec<Leg>> {
    let query = sql(
        "SELECT run_id, application_id, session_id, name_id, name_id_format, session_indexes, request_id, state \
         FROM logout_legs WHERE run_id = $1 ORDER BY position",
    );
    executor.all(query.bind(run)).await?.iter().map(leg).collect()
}

/// The leg of a LogoutRequest of ours at this application.
pub(in crate::signon) async fn find_leg(
    executor: &mut impl Executor,
    application: ApplicationId,
    request_id: &str,
) -> Result<Option<Leg>> {
    let query = sql(
        "SELECT run_id, application_id, session_id, name_id, name_id_format, session_indexes, request_id, state \
         FROM logout_legs WHERE application_id = $1 AND request_id = $2",
    );
    executor.optional(query.bind_text(application).bind(request_id)).await?.as_ref().map(leg).transpose()
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
