//! SQL of the events. Only this room's modules use it.

use crate::base::id::EventId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Query, Row, Tx, Value, sql};
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

/// The list of events along one index, or along all of them.
macro_rules! list_along {
    ($path:literal) => {
        sql(concat!(
            "SELECT e.id, e.at, e.name, e.outcome, e.actor_kind, e.actor_id, e.target_kind, e.target_id, \
             e.application_id, e.request_id, e.details, e.commitment, p.salt, p.person \
             FROM events e LEFT JOIN event_persons p ON p.event_id = e.id \
             WHERE e.id < $1 AND e.id >= $2 AND e.at >= $3 AND e.at < $4 AND ",
            $path,
            " AND ($5 = '' OR e.name = $5) \
             AND ($6 = '' OR e.actor_id = $6 OR e.actor_id = $13 OR p.person LIKE $14 ESCAPE '!') \
             AND ($7 = '' OR e.target_id = $7 OR e.target_id = $15 OR p.person LIKE $16 ESCAPE '!') \
             AND ($8 = '' OR e.application_id = $8) AND ($9 = '' OR e.outcome = $9) \
             AND ($17 = '' OR e.name LIKE 'idm!_%' ESCAPE '!' OR e.name LIKE '%!_provision' ESCAPE '!' \
             OR e.name IN ('user_deprovision', 'user_import', 'user_import_end')) \
             AND ($10 = '' OR e.request_id = $10 OR e.name LIKE $11 ESCAPE '!' OR p.person LIKE $11 ESCAPE '!') \
             ORDER BY e.id DESC LIMIT $12"
        ))
    };
}

/// The statement that goes along the index which leaves least to look at. Names of people stand in no index, so a
/// search for them goes through all events of the time asked for.
async fn along(executor: &mut impl Executor, filter: &EventFilter) -> Result<Query> {
    let is_id = |text: &Option<String>| text.as_deref().is_some_and(|text| text.parse::<EventId>().is_ok());
    if filter.application.is_some() {
        return Ok(list_along!("e.application_id = $8"));
    }
    if is_id(&filter.actor) && filter.actor_id.is_none() {
        return Ok(list_along!("e.actor_id = $6"));
    }
    if is_id(&filter.target) && filter.target_id.is_none() {
        let concerned = sql("SELECT id FROM events WHERE application_id = $1 LIMIT 1");
        let concerned = executor.optional(concerned.bind(filter.target.as_deref())).await?;
        return Ok(match concerned {
            Some(_) => list_along!("e.application_id = $7 AND e.target_id = $7"),
            None => list_along!("e.target_id = $7 AND e.target_kind <> 'application'"),
        });
    }
    Ok(list_along!("TRUE"))
}

/// Events that pass the filter, newest first, before the id `before`.
pub(super) async fn list(
    executor: &mut impl Executor,
    filter: &EventFilter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<StoredEvent>> {
    // Ids begin with their instant, so a time leaves a range of the primary key; `at` decides to the millisecond.
    let (since, until) = (filter.since.map(first_id_at), filter.until.map(first_id_at));
    let before = before.unwrap_or("~").min(until.as_deref().unwrap_or("~"));
    let query = along(executor, filter)
        .await?
        .bind(before)
        .bind(since.unwrap_or_default())
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
        .bind(named("target_name", filter.target.as_deref()))
        .bind(if filter.provisioning { "provisioning" } else { "" });
    executor.all(query).await?.iter().map(read).collect()
}

/// What every id of this instant or later is not below (RFC 9562, section 5.7: 48 bits of Unix milliseconds come first).
fn first_id_at(instant: Timestamp) -> String {
    let millis = instant.0.clamp(0, (1 << 48) - 1);
    format!("{:08x}-{:04x}", millis >> 16, millis & 0xffff)
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

/// What the head says of the chain's end.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) hash: String,
    /// MAC of the last checkpoint; empty before the first.
    pub(super) checkpoint: String,
    pub(super) mac: String,
}

/// A checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) hash: String,
    pub(super) mac: String,
}

/// The end of the chain at one instant: the head, the last seal with its hash, the last checkpoint.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) head: Option<Head>,
    pub(super) last: Option<(i64, String)>,
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Reads the end in one statement, so that the sealer can't come in between.
pub(super) async fn end(executor: &mut impl Executor) -> Result<End> {
    let row = executor
        .one(sql(
            "SELECT h.seq AS head_seq, h.at AS head_at, h.hash AS head_hash, h.checkpoint AS head_checkpoint, \
             h.mac AS head_mac, s.seq, s.hash, c.seq AS c_seq, c.at AS c_at, c.hash AS c_hash, c.mac AS c_mac \
             FROM (SELECT 1 AS one) o LEFT JOIN event_head h ON h.id = 1 \
             LEFT JOIN event_seals s ON s.seq = (SELECT MAX(seq) FROM event_seals) \
             LEFT JOIN event_checkpoints c ON c.seq = (SELECT MAX(seq) FROM event_checkpoints)",
        ))
        .await?;
    let head = match row.opt_int("head_seq")? {
        Some(seq) => Some(Head {
            seq,
            at: row.int("head_at")?,
            hash: row.text("head_hash")?,
            checkpoint: row.text("head_checkpoint")?,
            mac: row.text("head_mac")?,
        }),
        None => None,
    };
    let checkpoint = match row.opt_int("c_seq")? {
        Some(seq) => {
            Some(Checkpoint { seq, at: row.int("c_at")?, hash: row.text("c_hash")?, mac: row.text("c_mac")? })
        }
        None => None,
    };
    Ok(End { head, last: row.opt_int("seq")?.zip(row.opt_text("hash")?), checkpoint })
}

/// Makes the head, unless there is one.
pub(super) async fn insert_head(tx: &mut Tx, head: &Head) -> Result<()> {
    write_head(
        tx,
        sql("INSERT INTO event_head (seq, at, hash, checkpoint, mac, id) VALUES ($1, $2, $3, $4, $5, 1) \
             ON CONFLICT (id) DO NOTHING"),
        head,
    )
    .await
}

/// Moves the head.
pub(super) async fn update_head(tx: &mut Tx, head: &Head) -> Result<()> {
    write_head(
        tx,
        sql("UPDATE event_head SET seq = $1, at = $2, hash = $3, checkpoint = $4, mac = $5 WHERE id = 1"),
        head,
    )
    .await
}

async fn write_head(tx: &mut Tx, query: Query, head: &Head) -> Result<()> {
    let query = query.bind(head.seq).bind(head.at).bind(head.hash.as_str()).bind(head.checkpoint.as_str());
    tx.run(query.bind(head.mac.as_str())).await.map(drop)
}

/// A seal: its number, its event, its hash.
pub(super) type Seal = [Value; 3];

/// Adds seals, all of a number above `after`, and takes their events off the waiting list.
pub(super) async fn insert_seals(tx: &mut Tx, after: i64, seals: &[Seal]) -> Result<()> {
    let rows: Vec<&[Value]> = seals.iter().map(<[Value; 3]>::as_slice).collect();
    tx.insert_rows("INSERT INTO event_seals (seq, event_id, hash) VALUES ($1, $2, $3)", &rows).await?;
    let sealed = sql("DELETE FROM unsealed_events \
         WHERE event_id IN (SELECT s.event_id FROM event_seals s WHERE s.seq > $1)");
    tx.run(sealed.bind(after)).await.map(drop)
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

/// Adds a checkpoint.
pub(super) async fn insert_checkpoint(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<()> {
    tx.run(
        sql("INSERT INTO event_checkpoints (seq, at, hash, mac) VALUES ($1, $2, $3, $4)")
            .bind(checkpoint.seq)
            .bind(checkpoint.at)
            .bind(checkpoint.hash.as_str())
            .bind(checkpoint.mac.as_str()),
    )
    .await
    .map(drop)
}

/// All checkpoints, in order, each with the hash of its seal, if that is there.
pub(super) async fn list_checkpoints(
    executor: &mut impl Executor,
) -> Result<Vec<(Checkpoint, Option<String>)>> {
    let query = sql("SELECT c.seq, c.at, c.hash, c.mac, s.hash AS sealed FROM event_checkpoints c \
         LEFT JOIN event_seals s ON s.seq = c.seq ORDER BY c.seq");
    let read = |row: &Row| {
        let (hash, mac) = (row.text("hash")?, row.text("mac")?);
        let checkpoint = Checkpoint { seq: row.int("seq")?, at: row.int("at")?, hash, mac };
        Ok((checkpoint, row.opt_text("sealed")?))
    };
    executor.all(query).await?.iter().map(read).collect()
}
