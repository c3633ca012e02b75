//! SQL of people and their sign-in names.

use crate::base::id::UserId;
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::directory::login_name::{fold, login_key};
use crate::directory::people::PeopleFilter;
use crate::directory::person::{EmailMarks, Person, PersonState, Profile};
use crate::directory::store::{contains, needle};

pub(in crate::directory) fn read(row: &Row) -> Result<Person> {
    let mut profile: Profile = row.json("profile")?;
    profile.manager = row.opt_text("manager_id")?;
    let marks = row.opt_text("email_marks")?;
    Ok(Person {
        id: row.parse("id")?,
        username: row.text("username")?,
        email: row.text("email")?,
        profile,
        state: row.parse("state")?,
        scim_managed: row.bool("scim_managed")?,
        external_id: row.opt_text("external_id")?,
        email_marks: marks
            .map_or_else(|| Ok(EmailMarks::default()), |marks| serde_json::from_str(&marks))
            .map_err(Error::internal)?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The profile as stored: the manager has a column of its own, which forgets a manager who is deleted.
fn profile_json(person: &Person) -> Result<String> {
    let profile = Profile { manager: None, ..person.profile.clone() };
    serde_json::to_string(&profile).map_err(Error::internal)
}

fn marks_json(person: &Person) -> Result<Option<String>> {
    let marks = &person.email_marks;
    let is_said = *marks != EmailMarks::default();
    is_said.then(|| serde_json::to_string(marks).map_err(Error::internal)).transpose()
}

fn search_key(person: &Person) -> String {
    let profile = &person.profile;
    let names = [&profile.first_name, &profile.middle_name, &profile.last_name, &profile.employee_identifier];
    let mut text = format!("{} {} {}", person.username, person.email, person.shown_name());
    for name in names.into_iter().flatten() {
        text.push(' ');
        text.push_str(name);
    }
    fold(&text)
}

pub(in crate::directory) async fn find(executor: &mut impl Executor, id: UserId) -> Result<Option<Person>> {
    let query = sql("SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, \
         email_marks, version, created_at, updated_at \
         FROM users WHERE id = $1");
    executor.optional(query.bind_text(id)).await?.as_ref().map(read).transpose()
}

pub(in crate::directory) async fn find_by_key(
    executor: &mut impl Executor,
    key: &str,
) -> Result<Option<Person>> {
    let query = sql(
        "SELECT u.id, u.username, u.email, u.manager_id, u.profile, u.state, u.scim_managed, u.external_id, \
         u.email_marks, u.version, u.created_at, u.updated_at FROM login_names l JOIN users u ON u.id = l.user_id \
         WHERE l.name_key = $1 AND l.released_at IS NULL",
    );
    executor.optional(query.bind(key)).await?.as_ref().map(read).transpose()
}

/// Reads a person and keeps every other writer away from the row until the transaction ends.
pub(in crate::directory) async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<Person>> {
    let query = sql("UPDATE users SET version = version WHERE id = $1 \
         RETURNING id, username, email, manager_id, profile, state, scim_managed, external_id, \
         email_marks, version, created_at, updated_at");
    tx.optional(query.bind_text(id)).await?.as_ref().map(read).transpose()
}

pub(in crate::directory) async fn exists(executor: &mut impl Executor, id: &str) -> Result<bool> {
    Ok(executor.optional(sql("SELECT id FROM users WHERE id = $1").bind(id)).await?.is_some())
}

pub(in crate::directory) async fn insert(tx: &mut Tx, person: &Person) -> Result<()> {
    let query =
        sql("INSERT INTO users (id, username, username_key, email, email_key, display_name, search_key, \
         manager_id, profile, state, epoch, scim_managed, external_id, email_marks, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14, $15, $16)")
        .bind_text(person.id)
        .bind(&person.username)
        .bind(login_key(&person.username))
        .bind(&person.email)
        .bind(login_key(&person.email))
        .bind(person.shown_name())
        .bind(search_key(person))
        .bind(person.profile.manager.clone())
        .bind(profile_json(person)?)
        .bind(person.state.as_str())
        .bind(person.scim_managed)
        .bind(person.external_id.clone())
        .bind(marks_json(person)?)
        .bind(person.version)
        .bind(person.created_at)
        .bind(person.updated_at);
    tx.run(query).await.map(drop)
}

pub(in crate::directory) async fn update(tx: &mut Tx, person: &Person) -> Result<()> {
    let query = sql("UPDATE users SET username = $2, username_key = $3, email = $4, email_key = $5, \
         display_name = $6, search_key = $7, manager_id = $8, profile = $9, scim_managed = $10, external_id = $11, \
         email_marks = $12, version = $13, updated_at = $14 WHERE id = $1")
    .bind_text(person.id)
    .bind(&person.username)
    .bind(login_key(&person.username))
    .bind(&person.email)
    .bind(login_key(&person.email))
    .bind(person.shown_name())
    .bind(search_key(person))
    .bind(person.profile.manager.clone())
    .bind(profile_json(person)?)
    .bind(person.scim_managed)
    .bind(person.external_id.clone())
    .bind(marks_json(person)?)
    .bind(person.version)
    .bind(person.updated_at);
    tx.run_one(query, || Error::not_found("person")).await
}

/// Sets the state; leaving `active` raises the epoch, so that what was issued before stays dead.
pub(in crate::directory) async fn set_state(
    tx: &mut Tx,
    id: UserId,
    state: PersonState,
    now: Timestamp,
) -> Result<()> {
    let query =
        sql("UPDATE users SET state = $2, epoch = epoch + $3, version = version + 1, updated_at = $4 \
         WHERE id = $1")
        .bind_text(id)
        .bind(state.as_str())
        .bind(i64::from(state != PersonState::Active))
        .bind(now);
    tx.run_one(query, || Error::not_found("person")).await
}

/// Whose manager a person is.
pub(in crate::directory) async fn reports_of(tx: &mut Tx, id: UserId) -> Result<Vec<UserId>> {
    let rows = tx.all(sql("SELECT id FROM users WHERE manager_id = $1 ORDER BY id").bind_text(id)).await?;
    rows.iter().map(|row| row.parse("id")).collect()
}

pub(in crate::directory) async fn delete(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.run_one(sql("DELETE FROM users WHERE id = $1").bind_text(id), || Error::not_found("person")).await
}

/// Claims a sign-in name: free, the person's own, or given up before `cutoff`. Answers whether it is theirs now.
pub(in crate::directory) async fn claim_name(
    tx: &mut Tx,
    key: &str,
    user: UserId,
    cutoff: Timestamp,
) -> Result<bool> {
    let query = sql("INSERT INTO login_names (name_key, user_id, released_at) VALUES ($1, $2, NULL) \
         ON CONFLICT (name_key) DO UPDATE SET user_id = excluded.user_id, released_at = NULL \
         WHERE login_names.user_id = excluded.user_id OR login_names.released_at <= $3")
    .bind(key)
    .bind_text(user)
    .bind(cutoff);
    Ok(tx.run(query).await? == 1)
}

/// Whether somebody has the name now (and not only had it).
pub(in crate::directory) async fn name_is_held(tx: &mut Tx, key: &str) -> Result<bool> {
    let query = sql("SELECT user_id FROM login_names WHERE name_key = $1 AND released_at IS NULL");
    Ok(tx.optional(query.bind(key)).await?.is_some())
}

/// Whether nobody has the name, nor had it after `cutoff`.
pub(in crate::directory) async fn name_is_free(tx: &mut Tx, key: &str, cutoff: Timestamp) -> Result<bool> {
    let query = sql("SELECT user_id FROM login_names WHERE name_key = $1 \
         AND (released_at IS NULL OR released_at > $2)");
    Ok(tx.optional(query.bind(key).bind(cutoff)).await?.is_none())
}

/// Gives up the person's names but the two that are kept; they stay behind as tombstones.
pub(in crate::directory) async fn release_names(
    tx: &mut Tx,
    user: UserId,
    keep: [&str; 2],
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE login_names SET released_at = $4 \
         WHERE user_id = $1 AND released_at IS NULL AND name_key <> $2 AND name_key <> $3")
    .bind_text(user)
    .bind(keep[0])
    .bind(keep[1])
    .bind(now);
    tx.run(query).await.map(drop)
}

/// People whose key comes after `after`, in the order of the username key.
pub(in crate::directory) async fn list(
    executor: &mut impl Executor,
    filter: &PeopleFilter,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Person>> {
    let search = needle(filter.search.as_deref());
    let query = sql("SELECT id, username, email, manager_id, profile, state, scim_managed, external_id, \
         email_marks, version, created_at, updated_at \
         FROM users WHERE username_key > $1 AND ($2 = '' OR state = $2) \
         AND ($3 = '' OR search_key LIKE $4 ESCAPE '!') ORDER BY username_key LIMIT $5")
    .bind(after.unwrap_or(""))
    .bind(filter.state.map_or("", PersonState::as_str))
    .bind(search.as_str())
    .bind(contains(&search))
    .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

pub(in crate::directory) async fn count(
    executor: &mut impl Executor,
    state: Option<PersonState>,
) -> Result<i64> {
    let query = sql("SELECT count(*) AS n FROM users WHERE $1 = '' OR state = $1");
    executor.one(query.bind(state.map_or("", PersonState::as_str))).await?.int("n")
}

/// Whether the person is an active owner.
pub(in crate::directory) async fn is_active_owner(tx: &mut Tx, id: UserId) -> Result<bool> {
    let query = sql("SELECT u.id FROM roles r JOIN users u ON u.id = r.user_id \
         WHERE r.role = 'owner' AND u.state = 'active' AND u.id = $1");
    Ok(tx.optional(query.bind_text(id)).await?.is_some())
}

/// Whether an active owner other than this person exists.
pub(in crate::directory) async fn other_active_owner(tx: &mut Tx, id: UserId) -> Result<bool> {
    let query = sql("SELECT u.id FROM roles r JOIN users u ON u.id = r.user_id \
         WHERE r.role = 'owner' AND u.state = 'active' AND u.id <> $1 LIMIT 1");
    Ok(tx.optional(query.bind_text(id)).await?.is_some())
}
