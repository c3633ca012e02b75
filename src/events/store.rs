//! SQL of the events. Only this room's modules use it.

use crate::base::{Result, Timestamp};
use crate::db::{Executor, Query, Row, Tx, sql};
use crate::events::Prepared;
use crate::events::query::{EventFilter, StoredEvent};

/// The statements that insert one event.
pub(super) fn insert(event: Prepared) -> [Query; 3] {
    let id = event.id.to_string();
    let (target_kind, target_id) = event.target.map_or((None, None), |(kind, id)| (Some(kind), Some(id)));
    [
        sql("INSERT INTO events (id, at, name, outcome, actor_kind, actor_id, target_kind, target_id, \
             application_id, request_id, details, commitment) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind(id.as_str())
        .bind(event.at)
        .bind(event.name.as_str())
        .bind(event.outcome.as_str())
        .bind(event.actor_kind)
        .bind(event.actor_id)
        .bind(target_kind)
        .bind(target_id)
        .bind(event.application)
        .bind(event.request_id)
        .bind(event.details)
        .bind(event.commitment),
        sql("INSERT INTO event_persons (event_id, salt, person) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(event.salt)
            .bind(event.person),
        sql("INSERT INTO unsealed_events (event_id) VALUES ($1)").bind(id),
    ]
}

fn read(row: &Row) -> Result<StoredEvent> {
    Ok(StoredEvent {
        id: row.parse("id")?,
        at: row.time("at")?,
        name: row.text("name")?,
        outcome: row.text("outcome")?,
        actor_kind: row.text("actor_kind")?,
        actor_id: row.opt_text("actor_id")?,
        target_kind: row.opt_text("target_kind")?,
        target_id: row.opt_text("target_id")?,
        application_id: row.opt_text("application_id")?,
        request_id: row.text("request_id")?,
        details: row.text("details")?,
        commitment: row.text("commitment")?,
        salt: row.opt_text("salt")?,
        person: row.opt_text("person")?,
    })
}

/// Events that pass the filter, newest first, before the id `before`.
pub(super) async fn list(
    executor: &mut impl Executor,
    filter: &EventFilter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<StoredEvent>> {
    let query =
        sql("SELECT e.id, e.at, e.name, e.outcome, e.actor_kind, e.actor_id, e.target_kind, e.target_id, \
         e.application_id, e.request_id, e.details, e.commitment, p.salt, p.person \
         FROM events e LEFT JOIN event_persons p ON p.event_id = e.id \
         WHERE e.id < $1 AND e.id >= $2 AND e.at >= $3 AND e.at < $4 \
         AND ($5 = '' OR e.name = $5) AND ($6 = '' OR e.actor_id = $6 OR e.actor_id = $13 OR p.person LIKE $14 ESCAPE '!') \
         AND ($7 = '' OR e.target_id = $7 OR e.target_id = $15 OR p.person LIKE $16 ESCAPE '!') \
         AND ($8 = '' OR e.application_id = $8) AND ($9 = '' OR e.outcome = $9) \
         AND ($10 = '' OR e.request_id = $10 OR e.name LIKE $11 ESCAPE '!' OR p.person LIKE $11 ESCAPE '!') \
         ORDER BY e.id DESC LIMIT $12")
        .bind(before.unwrap_or("~"))
        .bind("")
        .bind(filter.since.unwrap_or(Timestamp(i64::MIN)))
        .bind(filter.until.unwrap_or(Timestamp(i64::MAX)))
        .bind(filter.name.map_or("", |name| name.as_str()))
        .bind(filter.actor.as_deref().unwrap_or(""))
        .bind(filter.target.as_deref().unwrap_or(""))
        .bind(filter.application.map(|id| id.to_string()).unwrap_or_default())
        .bind(filter.outcome.map_or("", |outcome| outcome.as_str()))
        .bind(filter.text.as_deref().unwrap_or(""))
        .bind(like(filter.text.as_deref().unwrap_or("")))
        .bind(limit)
        .bind(filter.actor_id.as_deref())
        .bind(named("actor_name", filter.actor.as_deref()))
        .bind(filter.target_id.as_deref())
        .bind(named("target_name", filter.target.as_deref()));
    executor.all(query).await?.iter().map(read).collect()
}

/// The pattern of a member of the personal data that says just this.
fn named(member: &str, name: Option<&str>) -> Option<String> {
    let value = serde_json::Value::from(name?);
    Some(like(&format!("\"{member}\":{value}")))
}

fn like(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

/// The oldest events that wait for the sealer.
pub(super) async fn list_unsealed(executor: &mut impl Executor, limit: i64) -> Result<Vec<StoredEvent>> {
    let query =
        sql("SELECT e.id, e.at, e.name, e.outcome, e.actor_kind, e.actor_id, e.target_kind, e.target_id, \
         e.application_id, e.request_id, e.details, e.commitment, p.salt, p.person \
         FROM unsealed_events u JOIN events e ON e.id = u.event_id \
         LEFT JOIN event_persons p ON p.event_id = e.id ORDER BY u.event_id LIMIT $1")
        .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

/// The end of the chain: number and hash of the last seal.
pub(super) async fn last_seal(executor: &mut impl Executor) -> Result<Option<(i64, String)>> {
    let row = executor.optional(sql("SELECT seq, hash FROM event_seals ORDER BY seq DESC LIMIT 1")).await?;
    row.map(|row| Ok((row.int("seq")?, row.text("hash")?))).transpose()
}

/// Adds a seal and takes the event off the waiting list.
pub(super) async fn insert_seal(tx: &mut Tx, seq: i64, event_id: &str, hash: &str) -> Result<()> {
    tx.run(
        sql("INSERT INTO event_seals (seq, event_id, hash) VALUES ($1, $2, $3)")
            .bind(seq)
            .bind(event_id)
            .bind(hash),
    )
    .await?;
    tx.run(sql("DELETE FROM unsealed_events WHERE event_id = $1").bind(event_id)).await.map(drop)
}

/// Sealed events from number `from` on, with their numbers and hashes; an event that is gone is `None`.
pub(super) async fn list_sealed(
    executor: &mut impl Executor,
    from: i64,
    limit: i64,
) -> Result<Vec<(i64, String, String, Option<StoredEvent>)>> {
    let query = sql("SELECT s.seq, s.hash, s.event_id, e.id, e.at, e.name, e.outcome, e.actor_kind, e.actor_id, \
         e.target_kind, e.target_id, e.application_id, e.request_id, e.details, e.commitment, p.salt, p.person \
         FROM event_seals s LEFT JOIN events e ON e.id = s.event_id \
         LEFT JOIN event_persons p ON p.event_id = e.id \
         WHERE s.seq >= $1 ORDER BY s.seq LIMIT $2")
    .bind(from)
    .bind(limit);
    let mut out = Vec::new();
    for row in executor.all(query).await? {
        let event = if row.opt_text("id")?.is_some() { Some(read(&row)?) } else { None };
        out.push((row.int("seq")?, row.text("hash")?, row.text("event_id")?, event));
    }
    Ok(out)
}

/// An event that is neither sealed nor waiting: someone wrote it past the application.
pub(super) async fn find_stray(executor: &mut impl Executor) -> Result<Option<String>> {
    let query = sql(
        "SELECT e.id FROM events e WHERE NOT EXISTS (SELECT 1 FROM event_seals s WHERE s.event_id = e.id) \
         AND NOT EXISTS (SELECT 1 FROM unsealed_events u WHERE u.event_id = e.id) LIMIT 1",
    );
    executor.optional(query).await?.map(|row| row.text("id")).transpose()
}

/// The last checkpoint's number and instant.
pub(super) async fn last_checkpoint(executor: &mut impl Executor) -> Result<Option<(i64, Timestamp)>> {
    let row =
        executor.optional(sql("SELECT seq, at FROM event_checkpoints ORDER BY seq DESC LIMIT 1")).await?;
    row.map(|row| Ok((row.int("seq")?, row.time("at")?))).transpose()
}

/// Adds a checkpoint.
pub(super) async fn insert_checkpoint(
    tx: &mut Tx,
    seq: i64,
    at: Timestamp,
    hash: &str,
    mac: &str,
) -> Result<()> {
    tx.run(
        sql("INSERT INTO event_checkpoints (seq, at, hash, mac) VALUES ($1, $2, $3, $4)")
            .bind(seq)
            .bind(at)
            .bind(hash)
            .bind(mac),
    )
    .await
    .map(drop)
}

/// All checkpoints, in order: number, instant, hash, mac.
pub(super) async fn list_checkpoints(
    executor: &mut impl Executor,
) -> Result<Vec<(i64, i64, String, String)>> {
    let rows = executor.all(sql("SELECT seq, at, hash, mac FROM event_checkpoints ORDER BY seq")).await?;
    rows.iter()
        .map(|row| Ok((row.int("seq")?, row.int("at")?, row.text("hash")?, row.text("mac")?)))
        .collect()
}
