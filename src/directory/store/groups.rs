//! SQL of groups and memberships. The built-in group has no membership rows: its members are the active people.

use crate::base::id::{GroupId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::directory::groups::Group;
use crate::directory::login_name::fold;
use crate::directory::person::Person;
use crate::directory::store::{contains, needle, people};

pub(in crate::directory) fn read(row: &Row) -> Result<Group> {
    Ok(Group {
        id: row.parse("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        built_in: row.bool("built_in")?,
        member_count: row.int("members")?,
        scim_managed: row.bool("scim_managed")?,
        external_id: row.opt_text("external_id")?,
        members_version: row.int("members_version")?,
        members_at: row.time("members_at")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(in crate::directory) async fn find(executor: &mut impl Executor, id: GroupId) -> Result<Option<Group>> {
    let query = sql(
        "SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, g.members_version, \
         g.members_at, g.version, g.created_at, g.updated_at, \
         CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
         ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
         FROM groups g WHERE g.id = $1",
    );
    executor.optional(query.bind_text(id)).await?.as_ref().map(read).transpose()
}

pub(in crate::directory) async fn find_id_by_name(
    executor: &mut impl Executor,
    name: &str,
) -> Result<Option<GroupId>> {
    let query = sql("SELECT id FROM groups WHERE name_key = $1").bind(fold(name.trim()));
    executor.optional(query).await?.map(|row| row.parse("id")).transpose()
}

pub(in crate::directory) async fn find_name(
    executor: &mut impl Executor,
    id: GroupId,
) -> Result<Option<String>> {
    let query = sql("SELECT name FROM groups WHERE id = $1").bind_text(id);
    executor.optional(query).await?.map(|row| row.text("name")).transpose()
}

pub(in crate::directory) async fn find_built_in(executor: &mut impl Executor) -> Result<Option<GroupId>> {
    let query = sql("SELECT id FROM groups WHERE built_in = $1 ORDER BY id LIMIT 1").bind(true);
    executor.optional(query).await?.map(|row| row.parse("id")).transpose()
}

/// Keeps every other writer away from the group until the transaction ends; answers whether it is there.
pub(in crate::directory) async fn lock(tx: &mut Tx, id: GroupId) -> Result<bool> {
    let query = sql("UPDATE groups SET version = version WHERE id = $1").bind_text(id);
    Ok(tx.run(query).await? == 1)
}

/// Inserts the group unless its name is taken; answers whether it did.
pub(in crate::directory) async fn insert(tx: &mut Tx, group: &Group) -> Result<bool> {
    let query = sql(
        "INSERT INTO groups (id, name, name_key, description, built_in, scim_managed, external_id, members_version, \
         members_at, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (name_key) DO NOTHING",
    )
    .bind_text(group.id)
    .bind(&group.name)
    .bind(fold(&group.name))
    .bind(&group.description)
    .bind(group.built_in)
    .bind(group.scim_managed)
    .bind(group.external_id.clone())
    .bind(group.members_version)
    .bind(group.members_at)
    .bind(group.version)
    .bind(group.created_at)
    .bind(group.updated_at);
    Ok(tx.run(query).await? == 1)
}

pub(in crate::directory) async fn update(tx: &mut Tx, group: &Group) -> Result<()> {
    let query = sql(
        "UPDATE groups SET name = $2, name_key = $3, description = $4, scim_managed = $5, external_id = $6, \
         version = $7, updated_at = $8 WHERE id = $1",
    )
    .bind_text(group.id)
    .bind(&group.name)
    .bind(fold(&group.name))
    .bind(&group.description)
    .bind(group.scim_managed)
    .bind(group.external_id.clone())
    .bind(group.version)
    .bind(group.updated_at);
    tx.run_one(query, || Error::not_found("group")).await
}

pub(in crate::directory) async fn delete(tx: &mut Tx, id: GroupId) -> Result<()> {
    tx.run_one(sql("DELETE FROM groups WHERE id = $1").bind_text(id), || Error::not_found("group")).await
}

pub(in crate::directory) async fn member_ids(
    executor: &mut impl Executor,
    group: GroupId,
) -> Result<Vec<UserId>> {
    let query = sql("SELECT user_id FROM memberships WHERE group_id = $1").bind_text(group);
    executor.all(query).await?.iter().map(|row| row.parse("user_id")).collect()
}

pub(in crate::directory) async fn list(
    executor: &mut impl Executor,
    search: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Group>> {
    let search = needle(search);
    let query = sql(
        "SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, g.members_version, \
         g.members_at, g.version, g.created_at, g.updated_at, \
         CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
         ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
         FROM groups g WHERE g.name_key > $1 AND ($2 = '' OR g.name_key LIKE $3 ESCAPE '!') \
         ORDER BY g.name_key LIMIT $4",
    )
    .bind(after.unwrap_or(""))
    .bind(search.as_str())
    .bind(contains(&search))
    .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

pub(in crate::directory) async fn of_user(
    executor: &mut impl Executor,
    user: UserId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Group>> {
    let query = sql(
        "SELECT g.id, g.name, g.description, g.built_in, g.scim_managed, g.external_id, g.members_version, \
         g.members_at, g.version, g.created_at, g.updated_at, \
         CASE WHEN g.built_in THEN (SELECT count(*) FROM users u WHERE u.state = 'active') \
         ELSE (SELECT count(*) FROM memberships m WHERE m.group_id = g.id) END AS members \
         FROM groups g WHERE g.name_key > $2 AND (\
         EXISTS (SELECT 1 FROM memberships m WHERE m.group_id = g.id AND m.user_id = $1) OR (g.built_in \
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.state = 'active'))) \
         ORDER BY g.name_key LIMIT $3",
    )
    .bind_text(user)
    .bind(after.unwrap_or(""))
    .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

pub(in crate::directory) async fn ids_of_user(
    executor: &mut impl Executor,
    user: UserId,
) -> Result<Vec<GroupId>> {
    let query = sql("SELECT m.group_id AS id FROM memberships m WHERE m.user_id = $1 \
         UNION SELECT g.id AS id FROM groups g WHERE g.built_in \
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.state = 'active')");
    executor.all(query.bind_text(user)).await?.iter().map(|row| row.parse("id")).collect()
}

pub(in crate::directory) async fn names_of_user(
    executor: &mut impl Executor,
    user: UserId,
) -> Result<Vec<(GroupId, String)>> {
    let query = sql("SELECT g.id, g.name FROM groups g WHERE g.id IN \
         (SELECT m.group_id FROM memberships m WHERE m.user_id = $1 UNION ALL \
         SELECT e.id FROM groups e WHERE e.built_in \
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.state = 'active')) ORDER BY g.name_key");
    let rows = executor.all(query.bind_text(user)).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.text("name")?))).collect()
}

pub(in crate::directory) async fn members(
    executor: &mut impl Executor,
    group: GroupId,
    search: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Person>> {
    let search = needle(search);
    let query =
        sql("SELECT u.id, u.username, u.email, u.manager_id, u.profile, u.state, u.scim_managed, u.external_id, \
         u.email_marks, u.version, u.created_at, u.updated_at FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.group_id = $1 AND u.username_key > $2 AND ($3 = '' OR u.search_key LIKE $4 ESCAPE '!') \
         ORDER BY u.username_key LIMIT $5")
        .bind_text(group)
        .bind(after.unwrap_or(""))
        .bind(search.as_str())
        .bind(contains(&search))
        .bind(limit);
    executor.all(query).await?.iter().map(people::read).collect()
}

/// Adds a membership; answers whether there was none.
pub(in crate::directory) async fn add_member(
    tx: &mut Tx,
    group: GroupId,
    user: UserId,
    now: Timestamp,
) -> Result<bool> {
    let query = sql("INSERT INTO memberships (user_id, group_id, created_at) \
         SELECT u.id, $2, $3 FROM users u WHERE u.id = $1 ON CONFLICT (user_id, group_id) DO NOTHING")
    .bind_text(user)
    .bind_text(group)
    .bind(now);
    Ok(tx.run(query).await? == 1)
}

/// Removes a membership; answers whether there was one.
pub(in crate::directory) async fn remove_member(tx: &mut Tx, group: GroupId, user: UserId) -> Result<bool> {
    let query = sql("DELETE FROM memberships WHERE group_id = $1 AND user_id = $2");
    Ok(tx.run(query.bind_text(group).bind_text(user)).await? == 1)
}

/// Notes that somebody came into the group or went.
pub(in crate::directory) async fn touch_members(tx: &mut Tx, group: GroupId, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE groups SET members_version = members_version + 1, members_at = $2 WHERE id = $1");
    tx.run_one(query.bind_text(group).bind(now), || Error::not_found("group")).await
}

/// The same of all groups that a person is in.
pub(in crate::directory) async fn touch_groups_of(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE groups SET members_version = members_version + 1, members_at = $2 \
         WHERE id IN (SELECT m.group_id FROM memberships m WHERE m.user_id = $1)");
    tx.run(query.bind_text(user).bind(now)).await.map(drop)
}
