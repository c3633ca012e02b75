//! SQL of the ledger's entries.

use serde_json::Value as Json;

use crate::base::clock::HOUR;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Query, Row, sql};
use crate::provisioning::model::{Change, Entry, Local, Origin, ResourceKind, State};

/// An entry as it is shown.
fn shown(row: &Row) -> Result<Entry> {
    let mut entry = read(row)?;
    if entry.state == State::Pending && entry.attempt.is_some() && entry.attempts == 0 {
        entry.state = State::Running;
    }
    Ok(entry)
}

pub(super) fn read(row: &Row) -> Result<Entry> {
    let local = match row.parse::<ResourceKind>("kind")? {
        ResourceKind::User => Local::User(row.parse("local_id")?),
        ResourceKind::Group => Local::Group(row.parse("local_id")?),
    };
    let sent = row.opt_text("sent")?;
    Ok(Entry {
        application: row.parse("application_id")?,
        local,
        name: row.text("name")?,
        remote_id: row.opt_text("remote_id")?,
        origin: row.opt_parse("origin")?,
        active: row.bool("active")?,
        kept: row.bool("kept")?,
        owed: row.bool("owed")?,
        former_id: row.opt_text("former_id")?,
        sent: sent.map(|text| serde_json::from_str(&text).map_err(Error::internal)).transpose()?,
        marks: row.int("marks")?,
        due_at: row.opt_time("due_at")?,
        state: row.parse("state")?,
        attempt: row.opt_parse("attempt")?,
        attempts: row.int("attempts")?,
        failing_since: row.opt_time("failing_since")?,
        change: row.opt_parse("change")?,
        asked: row.opt_text("asked")?,
        asked_for: row
            .opt_text("asked_for")?
            .map(|text| serde_json::from_str(&text).map_err(Error::internal))
            .transpose()?,
        approved: row.opt_text("approved")?,
        code: row.opt_text("code")?,
        message: row.opt_text("message")?,
        changed_at: row.time("changed_at")?,
    })
}

pub(in crate::provisioning) async fn find(
    executor: &mut impl Executor,
    application: ApplicationId,
    local: Local,
) -> Result<Option<Entry>> {
    let query = sql("SELECT * FROM provisioned WHERE application_id = $1 AND kind = $2 AND local_id = $3");
    let query = query.bind_text(application).bind(local.kind().as_str()).bind_text(local);
    executor.optional(query).await?.as_ref().map(read).transpose()
}

/// What is due, who leaves first and groups last.
pub(in crate::provisioning) async fn list_due(
    executor: &mut impl Executor,
    application: ApplicationId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Local, i64)>> {
    let query = sql("SELECT kind, local_id, turn FROM provisioned \
         WHERE application_id = $1 AND due_at <= $2 ORDER BY turn, due_at LIMIT $3");
    let rows = executor.all(query.bind_text(application).bind(now).bind(limit)).await?;
    rows.iter()
        .map(|row| {
            let local = match row.parse::<ResourceKind>("kind")? {
                ResourceKind::User => Local::User(row.parse("local_id")?),
                ResourceKind::Group => Local::Group(row.parse("local_id")?),
            };
            Ok((local, row.int("turn")?))
        })
        .collect()
}

/// How many of a kind are due of which nothing is known there.
pub(in crate::provisioning) async fn count_new_due(
    executor: &mut impl Executor,
    application: ApplicationId,
    kind: ResourceKind,
    now: Timestamp,
) -> Result<i64> {
    let query = sql("SELECT COUNT(*) AS n FROM provisioned WHERE application_id = $1 AND kind = $2 \
         AND due_at <= $3 AND remote_id IS NULL AND state <> 'conflict'");
    executor.one(query.bind_text(application).bind(kind.as_str()).bind(now)).await?.int("n")
}

/// What became of looking at an entry.
#[derive(Clone, Debug)]
pub(in crate::provisioning) struct Finish {
    pub(in crate::provisioning) name: String,
    pub(in crate::provisioning) remote_id: Option<String>,
    pub(in crate::provisioning) origin: Option<&'static str>,
    pub(in crate::provisioning) active: bool,
    pub(in crate::provisioning) kept: bool,
    pub(in crate::provisioning) owed: bool,
    pub(in crate::provisioning) former_id: Option<String>,
    pub(in crate::provisioning) sent: Option<Json>,
    /// When to look again, if nothing marks it before.
    pub(in crate::provisioning) due_at: Option<Timestamp>,
    pub(in crate::provisioning) turn: i64,
    pub(in crate::provisioning) state: State,
    pub(in crate::provisioning) attempt: Option<Change>,
    pub(in crate::provisioning) attempts: i64,
    pub(in crate::provisioning) failing_since: Option<Timestamp>,
    pub(in crate::provisioning) change: Option<Change>,
    pub(in crate::provisioning) asked: Option<String>,
    pub(in crate::provisioning) asked_for: Option<Json>,
    pub(in crate::provisioning) approved: Option<String>,
    pub(in crate::provisioning) code: Option<String>,
    pub(in crate::provisioning) message: Option<String>,
}

impl From<&Entry> for Finish {
    /// The entry as it is.
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.name.clone(),
            remote_id: entry.remote_id.clone(),
            origin: entry.origin.map(Origin::as_str),
            active: entry.active,
            kept: entry.kept,
            owed: entry.owed,
            former_id: entry.former_id.clone(),
            sent: entry.sent.clone(),
            due_at: None,
            turn: match entry.local {
                Local::User(_) => 1,
                Local::Group(_) => 2,
            },
            state: entry.state,
            attempt: entry.attempt,
            attempts: entry.attempts,
            failing_since: entry.failing_since,
            change: entry.change,
            asked: entry.asked.clone(),
            asked_for: entry.asked_for.clone(),
            approved: entry.approved.clone(),
            code: entry.code.clone(),
            message: entry.message.clone(),
        }
    }
}

impl Finish {
    /// What was approved is approved still.
    pub(in crate::provisioning) fn keep_approval(&mut self, entry: &Entry) {
        self.approved.clone_from(&entry.approved);
        self.asked_for = entry.asked_for.clone().filter(|_| entry.approved.is_some());
    }
}

/// Writes what became of an entry, as long as this node still holds the lease. If the entry was marked meanwhile it is
/// due at once, and a group that was unbound meanwhile stays so.
pub(in crate::provisioning) fn finish(
    entry: &Entry,
    holder: &str,
    finish: &Finish,
    now: Timestamp,
) -> Result<Query> {
    let text =
        |json: &Option<Json>| json.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal);
    let (sent, asked_for) = (text(&finish.sent)?, text(&finish.asked_for)?);
    let query = sql("UPDATE provisioned SET name = $5, remote_id = $6, origin = $7, \
         active = CASE WHEN kind = 'group' AND marks <> $10 AND $28 AND NOT active THEN active ELSE $8 END, sent = $9, \
         due_at = CASE WHEN marks = $10 THEN CAST($11 AS BIGINT) ELSE CAST($12 AS BIGINT) END, \
         turn = CASE WHEN marks = $10 THEN CAST($13 AS BIGINT) ELSE turn END, \
         changed_at = CASE WHEN state = $14 AND COALESCE(asked, '') = COALESCE($19, '') THEN changed_at \
         ELSE CAST($12 AS BIGINT) END, state = $14, \
         attempt = CASE WHEN kind = 'group' AND marks <> $10 AND $28 AND NOT active THEN attempt ELSE $15 END, \
         attempts = $16, failing_since = $17, change = $18, asked = CASE WHEN marks = $10 THEN $19 ELSE asked END, \
         approved = CASE WHEN marks = $10 OR approved = $24 THEN $20 ELSE approved END, \
         asked_for = CASE WHEN marks = $10 THEN $23 ELSE asked_for END, code = $21, message = $22, kept = $25, \
         owed = CASE WHEN marks = $10 THEN $26 ELSE owed END, former_id = $27 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND EXISTS \
         (SELECT 1 FROM connections c WHERE c.application_id = $1 AND c.leased_by = $4)");
    Ok(query
        .bind_text(entry.application)
        .bind(entry.local.kind().as_str())
        .bind_text(entry.local)
        .bind(holder)
        .bind(&finish.name)
        .bind(finish.remote_id.clone())
        .bind(finish.origin)
        .bind(finish.active)
        .bind(sent)
        .bind(entry.marks)
        .bind(finish.due_at)
        .bind(now)
        .bind(finish.turn)
        .bind(finish.state.as_str())
        .bind(finish.attempt.map(Change::as_str))
        .bind(finish.attempts)
        .bind(finish.failing_since)
        .bind(finish.change.map(Change::as_str))
        .bind(finish.asked.clone())
        .bind(finish.approved.clone())
        .bind(finish.code.clone())
        .bind(finish.message.clone())
        .bind(asked_for)
        .bind(entry.approved.clone())
        .bind(finish.kept)
        .bind(finish.owed)
        .bind(finish.former_id.clone())
        .bind(entry.active))
}

/// Notes that a change is begun, before anything is sent (SE-01), and of what it is: who was found or made by then.
pub(in crate::provisioning) fn begin(
    entry: &Entry,
    holder: &str,
    change: Option<Change>,
    wanted: Option<&Json>,
) -> Result<Query> {
    let wanted = wanted.map(serde_json::to_string).transpose().map_err(Error::internal)?;
    let query = sql(
        "UPDATE provisioned SET attempt = $5, sent = COALESCE($6, sent), remote_id = $7, origin = $8, former_id = $9 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND EXISTS (SELECT 1 FROM connections c WHERE c.application_id = $1 AND c.leased_by = $4)",
    );
    Ok(query
        .bind_text(entry.application)
        .bind(entry.local.kind().as_str())
        .bind_text(entry.local)
        .bind(holder)
        .bind(change.map(Change::as_str))
        .bind(wanted)
        .bind(entry.remote_id.clone())
        .bind(entry.origin.map(Origin::as_str))
        .bind(entry.former_id.clone()))
}

/// Has the others of a kind looked at again who wait because of a name that was taken: this one gave one up.
pub(in crate::provisioning) fn wake_refused(entry: &Entry, now: Timestamp) -> Query {
    sql("UPDATE provisioned SET marks = marks + 1, due_at = $3 WHERE application_id = $1 AND kind = $2 \
         AND local_id <> $4 AND state IN ('failed', 'conflict') AND (due_at IS NULL OR due_at > $3) AND code IN \
         ('scim_conflict', 'group_taken', 'account_taken', 'group_hidden', 'account_hidden')")
    .bind_text(entry.application)
    .bind(entry.local.kind().as_str())
    .bind(now)
    .bind_text(entry.local)
}

/// The same of this one: another gave a name up while this one was being refused.
pub(in crate::provisioning) fn wake_if_refused(entry: &Entry, now: Timestamp) -> Query {
    sql("UPDATE provisioned SET marks = marks + 1, due_at = $3 WHERE application_id = $1 AND kind = $2 \
         AND local_id = $4 AND state IN ('failed', 'conflict') AND (due_at IS NULL OR due_at > $3) AND code IN \
         ('scim_conflict', 'group_taken', 'account_taken', 'group_hidden', 'account_hidden')")
    .bind_text(entry.application)
    .bind(entry.local.kind().as_str())
    .bind(now)
    .bind_text(entry.local)
}

/// Takes an entry out of the ledger, unless it was marked meanwhile.
pub(in crate::provisioning) fn forget(entry: &Entry, holder: &str) -> Query {
    sql("DELETE FROM provisioned WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND marks = $5 \
         AND EXISTS (SELECT 1 FROM connections c WHERE c.application_id = $1 AND c.leased_by = $4)")
    .bind_text(entry.application)
    .bind(entry.local.kind().as_str())
    .bind_text(entry.local)
    .bind(holder)
    .bind(entry.marks)
}

/// What an application's id of a person's account is.
pub(in crate::provisioning) async fn remote_id_of(
    executor: &mut impl Executor,
    application: ApplicationId,
    user: &str,
) -> Result<Option<String>> {
    let query = sql("SELECT remote_id FROM provisioned WHERE application_id = $1 AND kind = 'user' \
         AND local_id = $2 AND remote_id IS NOT NULL");
    let row = executor.optional(query.bind_text(application).bind(user)).await?;
    row.map(|row| row.text("remote_id")).transpose()
}

/// Which entry holds an account or group of the other side.
pub(in crate::provisioning) async fn holder_of(
    executor: &mut impl Executor,
    application: ApplicationId,
    kind: ResourceKind,
    remote_id: &str,
) -> Result<Option<String>> {
    let query = sql("SELECT local_id FROM provisioned WHERE application_id = $1 AND kind = $2 \
         AND (remote_id = $3 OR former_id = $3) LIMIT 1");
    let row = executor.optional(query.bind_text(application).bind(kind.as_str()).bind(remote_id)).await?;
    row.map(|row| row.text("local_id")).transpose()
}

/// How many accounts are active there, and of these how many belong to people who are active here and whom nothing
/// gives the application any more (SC-17).
pub(in crate::provisioning) async fn count_leaving(
    executor: &mut impl Executor,
    application: ApplicationId,
    now: Timestamp,
) -> Result<(i64, i64)> {
    let query = sql("SELECT (SELECT c.left_count FROM connections c WHERE c.application_id = $1 \
         AND c.left_since > $2) AS left_lately, COUNT(*) AS managed, CAST(COALESCE(SUM(CASE WHEN u.state = 'active' AND NOT (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b WHERE m.user_id = u.id \
         AND b.application_id = $1 AND b.group_id = m.group_id) OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b \
         WHERE g.built_in AND b.application_id = $1 AND b.group_id = g.id)) \
         THEN 1 ELSE 0 END), 0) AS BIGINT) AS leaving \
         FROM provisioned p LEFT JOIN users u ON u.id = p.local_id \
         WHERE p.application_id = $1 AND p.kind = 'user' AND p.active AND p.remote_id IS NOT NULL");
    let row = executor.one(query.bind_text(application).bind(now.plus(-HOUR))).await?;
    // Those who went within the hour count as if they still were to go: many small changes are one large one.
    let lately = row.opt_int("left_lately")?.unwrap_or(0);
    Ok((row.int("managed")? + lately, row.int("leaving")? + lately))
}

/// Whether any entry waits for an administrator for this reason.
pub(in crate::provisioning) async fn is_any_held(
    executor: &mut impl Executor,
    application: ApplicationId,
    code: &str,
) -> Result<bool> {
    let query = sql("SELECT local_id FROM provisioned WHERE application_id = $1 \
         AND state = 'awaiting_approval' AND code = $2 LIMIT 1");
    Ok(executor.optional(query.bind_text(application).bind(code)).await?.is_some())
}

/// How many entries are in each state. A group that is not kept there is in none.
pub(in crate::provisioning) async fn count_states(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<(ResourceKind, State, i64)>> {
    let query = sql("SELECT kind, CASE WHEN state = 'pending' AND attempt IS NOT NULL AND attempts = 0 \
         THEN 'running' ELSE state END AS shown, COUNT(*) AS n FROM provisioned WHERE application_id = $1 \
         AND NOT (kind = 'group' AND state = 'synced' AND (remote_id IS NULL OR NOT active)) \
         GROUP BY 1, 2 ORDER BY 1, 2");
    let rows = executor.all(query.bind_text(application)).await?;
    rows.iter().map(|row| Ok((row.parse("kind")?, row.parse("shown")?, row.int("n")?))).collect()
}

/// Everything in the ledger of an application, people first.
pub(in crate::provisioning) async fn list_all(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<Entry>> {
    let query = sql("SELECT * FROM provisioned WHERE application_id = $1 ORDER BY turn, local_id");
    executor.all(query.bind_text(application)).await?.iter().map(read).collect()
}

/// Active people who may use an application and are not in its ledger.
pub(in crate::provisioning) async fn list_new_people(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<(UserId, String)>> {
    let query = sql(
        "SELECT u.id, u.username FROM users u WHERE u.state = 'active' AND (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b WHERE m.user_id = u.id \
         AND b.application_id = $1 AND b.group_id = m.group_id) OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b \
         WHERE g.built_in AND b.application_id = $1 AND b.group_id = g.id)) \
         AND NOT EXISTS (SELECT 1 FROM provisioned p WHERE p.application_id = $1 AND p.kind = 'user' \
         AND p.local_id = u.id) ORDER BY u.username_key",
    );
    let rows = executor.all(query.bind_text(application)).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.text("username")?))).collect()
}

/// Groups that are bound to an application and are not in its ledger.
pub(in crate::provisioning) async fn list_new_groups(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Vec<(GroupId, String)>> {
    let query = sql("SELECT g.id, g.name FROM bindings b JOIN groups g ON g.id = b.group_id \
         WHERE b.application_id = $1 AND NOT EXISTS (SELECT 1 FROM provisioned p WHERE p.application_id = $1 \
         AND p.kind = 'group' AND p.local_id = g.id) ORDER BY g.name_key");
    let rows = executor.all(query.bind_text(application)).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.text("name")?))).collect()
}

/// Entries by kind and local id, from after one on; `state` empty: all.
pub(in crate::provisioning) async fn list(
    executor: &mut impl Executor,
    application: ApplicationId,
    kind: ResourceKind,
    state: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Entry>> {
    let query = sql("SELECT * FROM provisioned WHERE application_id = $1 AND kind = $2 \
         AND ($3 = '' OR CASE WHEN state = 'pending' AND attempt IS NOT NULL AND attempts = 0 \
         THEN 'running' ELSE state END = $3) AND local_id > $4 ORDER BY local_id LIMIT $5");
    let query = query.bind_text(application).bind(kind.as_str()).bind(state).bind(after).bind(limit);
    executor.all(query).await?.iter().map(shown).collect()
}

/// What can be approved, from after a digit for its kind and its local id on.
pub(in crate::provisioning) async fn list_approvals(
    executor: &mut impl Executor,
    application: ApplicationId,
    kind: Option<ResourceKind>,
    after: &str,
    limit: i64,
) -> Result<Vec<Entry>> {
    let query = sql("SELECT * FROM provisioned WHERE application_id = $1 AND asked IS NOT NULL \
         AND ($2 = '' OR kind = $2) AND CASE kind WHEN 'user' THEN '1' ELSE '2' END || local_id > $3 \
         ORDER BY CASE kind WHEN 'user' THEN 1 ELSE 2 END, local_id LIMIT $4");
    let query =
        query.bind_text(application).bind(kind.map_or("", ResourceKind::as_str)).bind(after).bind(limit);
    executor.all(query).await?.iter().map(shown).collect()
}

/// Who waits for an administrator since no later than an instant, people before groups.
pub(in crate::provisioning) async fn list_asked(
    executor: &mut impl Executor,
    application: ApplicationId,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Entry>> {
    let query = sql("SELECT * FROM provisioned WHERE application_id = $1 AND state = 'awaiting_approval' \
         AND asked IS NOT NULL AND changed_at <= $2 ORDER BY kind DESC, local_id LIMIT $3");
    executor.all(query.bind_text(application).bind(until).bind(limit)).await?.iter().map(read).collect()
}

/// How many they are.
pub(in crate::provisioning) async fn count_asked(
    executor: &mut impl Executor,
    application: ApplicationId,
    until: Timestamp,
) -> Result<i64> {
    let query = sql("SELECT COUNT(*) AS n FROM provisioned WHERE application_id = $1 \
         AND state = 'awaiting_approval' AND asked IS NOT NULL AND changed_at <= $2");
    executor.one(query.bind_text(application).bind(until)).await?.int("n")
}

/// What is known of a person's accounts.
pub(in crate::provisioning) async fn list_of_user(
    executor: &mut impl Executor,
    user: UserId,
) -> Result<Vec<Entry>> {
    let query =
        sql("SELECT p.* FROM provisioned p JOIN connections c ON c.application_id = p.application_id \
         AND c.status = 'active' WHERE p.local_id = $1 AND p.kind = 'user' ORDER BY p.application_id");
    executor.all(query.bind_text(user)).await?.iter().map(shown).collect()
}
