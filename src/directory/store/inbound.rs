//! SQL of inbound SCIM. Statements that take several ids take [`MANY`] of them; what is missing is filled up with the last.

use std::collections::HashMap;

use crate::base::id::{GroupId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Query, Row, Tx, Value, sql};
use crate::directory::groups::Group;
use crate::directory::login_name::{fold, login_key};
use crate::directory::person::Person;
use crate::directory::store::{groups, people};

/// Ids in one statement.
const MANY: usize = 32;

/// Binds [`MANY`] ids.
fn bind_many<T: ToString>(query: Query, ids: &[T]) -> Query {
    let last = ids.last().map(ToString::to_string).unwrap_or_default();
    let rest = std::iter::repeat_n(last, MANY.saturating_sub(ids.len()));
    ids.iter().map(ToString::to_string).chain(rest).fold(query, Query::bind_text)
}

/// The role of a person, as it is stored.
pub(in crate::directory) async fn role_of(tx: &mut Tx, id: UserId) -> Result<Option<String>> {
    let query = sql("SELECT role FROM roles WHERE user_id = $1").bind_text(id);
    tx.optional(query).await?.map(|row| row.text("role")).transpose()
}

/// Whether it was inbound SCIM that kept the person out.
pub(in crate::directory) async fn is_held(executor: &mut impl Executor, id: UserId) -> Result<bool> {
    let query = sql("SELECT id FROM users WHERE id = $1 AND held_by_scim").bind_text(id);
    Ok(executor.optional(query).await?.is_some())
}

/// Notes whether it is inbound SCIM that keeps the person out.
pub(in crate::directory) async fn set_held(tx: &mut Tx, id: UserId, held: bool) -> Result<()> {
    let query = sql("UPDATE users SET held_by_scim = $2 WHERE id = $1").bind_text(id).bind(held);
    tx.run_one(query, || Error::not_found("person")).await
}

/// Somebody who is in a group, or may come into it.
pub(in crate::directory) struct Candidate {
    pub(in crate::directory) id: UserId,
    /// Whether inbound SCIM may change them: they are managed and have no role.
    pub(in crate::directory) is_managed: bool,
    pub(in crate::directory) is_member: bool,
}

fn candidate(row: &Row) -> Result<Candidate> {
    Ok(Candidate {
        id: row.parse("id")?,
        is_managed: row.bool("scim_managed")? && row.opt_text("role")?.is_none(),
        is_member: row.opt_text("member")?.is_some(),
    })
}

/// These people, kept as they are until the transaction ends; who is unknown is missing.
pub(in crate::directory) async fn candidates(
    tx: &mut Tx,
    group: GroupId,
    ids: &[UserId],
) -> Result<Vec<Candidate>> {
    let mut out = Vec::new();
    for ids in ids.chunks(MANY) {
        let query = sql("SELECT u.id, u.scim_managed, (SELECT r.role FROM roles r WHERE r.user_id = u.id) AS role, \
             (SELECT m.user_id FROM memberships m WHERE m.user_id = u.id AND m.group_id = $1) AS member \
             FROM users u WHERE u.id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
             $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33) ORDER BY u.id")
        .bind_text(group)
        .for_share();
        out.extend(tx.all(bind_many(query, ids)).await?.iter().map(candidate).collect::<Result<Vec<_>>>()?);
    }
    Ok(out)
}

/// All members of a group.
pub(in crate::directory) async fn members(tx: &mut Tx, group: GroupId) -> Result<Vec<Candidate>> {
    let query = sql(
        "SELECT u.id, u.scim_managed, (SELECT r.role FROM roles r WHERE r.user_id = u.id) AS role, \
         m.user_id AS member FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.group_id = $1 ORDER BY u.id",
    );
    tx.all(query.bind_text(group)).await?.iter().map(candidate).collect()
}

pub(in crate::directory) async fn insert_members(
    tx: &mut Tx,
    group: GroupId,
    people: &[UserId],
    now: Timestamp,
) -> Result<()> {
    let rows: Vec<[Value; 3]> =
        people.iter().map(|user| [user.to_string().into(), group.to_string().into(), now.into()]).collect();
    let rows: Vec<&[Value]> = rows.iter().map(<[Value; 3]>::as_slice).collect();
    tx.insert_rows(
        "INSERT INTO memberships (user_id, group_id, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, group_id) DO NOTHING",
        &rows,
    )
    .await
}

pub(in crate::directory) async fn delete_members(
    tx: &mut Tx,
    group: GroupId,
    people: &[UserId],
) -> Result<()> {
    for people in people.chunks(MANY) {
        let query = sql(
            "DELETE FROM memberships WHERE group_id = $1 AND user_id IN ($2, $3, $4, $5, $6, $7, $8, $9, \
             $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, \
             $31, $32, $33)",
        );
        tx.run(bind_many(query.bind_text(group), people)).await?;
    }
    Ok(())
}

/// Ids and names of the groups of these people, by name, `Everyone` among them where somebody is active.
pub(in crate::directory) async fn groups_of(
    executor: &mut impl Executor,
    people: &[UserId],
) -> Result<HashMap<UserId, Vec<(GroupId, String)>>> {
    let mut out: HashMap<UserId, Vec<(GroupId, String)>> = HashMap::new();
    for people in people.chunks(MANY) {
        let query = sql("SELECT u.id AS user_id, g.id, g.name FROM users u JOIN groups g ON \
             (g.built_in AND u.state = 'active') OR EXISTS \
             (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.group_id = g.id) \
             WHERE u.id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
             $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) ORDER BY g.name_key");
        for row in executor.all(bind_many(query, people)).await? {
            out.entry(row.parse("user_id")?).or_default().push((row.parse("id")?, row.text("name")?));
        }
    }
    Ok(out)
}

/// Who is in these groups, in the order of their ids; `most` in all, or a few more.
pub(in crate::directory) async fn members_of(
    executor: &mut impl Executor,
    groups: &[Group],
    most: i64,
) -> Result<HashMap<GroupId, Vec<UserId>>> {
    let mut out: HashMap<GroupId, Vec<UserId>> = HashMap::new();
    let mut left = most;
    for group in groups.iter().filter(|group| group.built_in) {
        let query = sql("SELECT id FROM users WHERE state = 'active' ORDER BY id LIMIT $1").bind(left.max(0));
        let all = executor.all(query).await?.iter().map(|row| row.parse("id")).collect::<Result<Vec<_>>>()?;
        left -= i64::try_from(all.len()).unwrap_or(i64::MAX);
        out.insert(group.id, all);
    }
    let ids: Vec<GroupId> = groups.iter().filter(|group| !group.built_in).map(|group| group.id).collect();
    for ids in ids.chunks(MANY) {
        let query = sql(
            "SELECT group_id, user_id FROM memberships WHERE group_id IN ($1, $2, $3, $4, $5, $6, $7, $8, \
             $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, \
             $30, $31, $32) ORDER BY group_id, user_id LIMIT $33",
        );
        let rows = executor.all(bind_many(query, ids).bind(left.max(0))).await?;
        left -= i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for row in rows {
            out.entry(row.parse("group_id")?).or_default().push(row.parse("user_id")?);
        }
    }
    Ok(out)
}

/// By what people, or groups, are found without looking at all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) enum Key<'a> {
    Id(&'a str),
    /// A username, or a group's name.
    Name(&'a str),
    Email(&'a str),
    External(&'a str),
    /// The id of a member.
    Member(&'a str),
}

/// People with this key; there is one at most, but for external ids.
pub(in crate::directory) async fn people_by(
    executor: &mut impl Executor,
    key: Key<'_>,
) -> Result<Vec<Person>> {
    let query = match key {
        Key::Id(id) => sql("SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, \
             email_marks, version, created_at, updated_at FROM users WHERE id = $1")
        .bind(storable(id)),
        Key::Name(name) => sql("SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, \
             email_marks, version, created_at, updated_at FROM users WHERE username_key = $1")
        .bind(login_key(name)),
        Key::Email(email) => sql("SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, \
             email_marks, version, created_at, updated_at FROM users WHERE email_key = $1")
        .bind(login_key(email)),
        Key::External(id) => sql("SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, \
             email_marks, version, created_at, updated_at FROM users WHERE external_id = $1 ORDER BY username_key")
        .bind(storable(id)),
        Key::Member(_) => return Ok(Vec::new()),
    };
    executor.all(query).await?.iter().map(people::read).collect()
}

/// Groups with this key.
pub(in crate::directory) async fn groups_by(
    executor: &mut impl Executor,
    key: Key<'_>,
) -> Result<Vec<Group>> {
    let query = match key {
        Key::Id(id) => sql("SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, \
             g.members_version, g.members_at, g.version, g.created_at, g.updated_at, \
             CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
             ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
             FROM groups g WHERE g.id = $1")
        .bind(storable(id)),
        Key::Name(name) => sql("SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, \
             g.members_version, g.members_at, g.version, g.created_at, g.updated_at, \
             CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
             ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
             FROM groups g WHERE g.name_key = $1")
        .bind(fold(name.trim())),
        Key::External(id) => sql("SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, \
             g.members_version, g.members_at, g.version, g.created_at, g.updated_at, \
             CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
             ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
             FROM groups g WHERE g.external_id = $1 ORDER BY g.name_key")
        .bind(storable(id)),
        Key::Member(id) => sql("SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, \
             g.members_version, g.members_at, g.version, g.created_at, g.updated_at, \
             CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
             ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
             FROM groups g WHERE EXISTS (SELECT 1 FROM memberships m WHERE m.group_id = g.id AND m.user_id = $1) \
             OR (g.built_in AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.state = 'active')) \
             ORDER BY g.name_key")
        .bind(storable(id)),
        Key::Email(_) => return Ok(Vec::new()),
    };
    executor.all(query).await?.iter().map(groups::read).collect()
}

/// PostgreSQL can hold no U+0000; no id and no name has one.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// People from a place on, by username; `active` chooses who is, or who is not.
pub(in crate::directory) async fn people_page(
    executor: &mut impl Executor,
    active: Option<bool>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Person>> {
    let query = sql(
        "SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, email_marks, \
         version, created_at, updated_at FROM users WHERE $1 = '' OR ($1 = 'active' AND state = 'active') \
         OR ($1 = 'inactive' AND state <> 'active') ORDER BY username_key LIMIT $2 OFFSET $3",
    )
    .bind(chosen(active))
    .bind(limit)
    .bind(offset);
    executor.all(query).await?.iter().map(people::read).collect()
}

/// How many of them there are.
pub(in crate::directory) async fn count_people(
    executor: &mut impl Executor,
    active: Option<bool>,
) -> Result<i64> {
    let query = sql("SELECT count(*) AS n FROM users WHERE $1 = '' OR ($1 = 'active' AND state = 'active') \
         OR ($1 = 'inactive' AND state <> 'active')");
    executor.one(query.bind(chosen(active))).await?.int("n")
}

fn chosen(active: Option<bool>) -> &'static str {
    match active {
        None => "",
        Some(true) => "active",
        Some(false) => "inactive",
    }
}

/// Groups from a place on, by name.
pub(in crate::directory) async fn groups_page(
    executor: &mut impl Executor,
    limit: i64,
    offset: i64,
) -> Result<Vec<Group>> {
    let query = sql("SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, \
         g.members_version, g.members_at, g.version, g.created_at, g.updated_at, \
             CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
             ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
         FROM groups g ORDER BY g.name_key LIMIT $1 OFFSET $2");
    executor.all(query.bind(limit).bind(offset)).await?.iter().map(groups::read).collect()
}

/// How many groups there are.
pub(in crate::directory) async fn count_groups(executor: &mut impl Executor) -> Result<i64> {
    executor.one(sql("SELECT count(*) AS n FROM groups")).await?.int("n")
}
