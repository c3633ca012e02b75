//! SQL of passwords, and of what a sign-in must know of a person.

use crate::auth::role::Role;
use crate::base::id::UserId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::directory::PersonState;

/// A stored password: the hash, and which of the person's passwords it is.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Stored {
    pub(in crate::auth) hash: String,
    pub(in crate::auth) version: i64,
}

/// What a sign-in must know of the person who has the name.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Credentials {
    pub(in crate::auth) user_id: UserId,
    pub(in crate::auth) username: String,
    pub(in crate::auth) state: PersonState,
    pub(in crate::auth) password: Option<Stored>,
}

/// The person as they stand when a session is issued.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Standing {
    pub(in crate::auth) username: String,
    pub(in crate::auth) email: String,
    pub(in crate::auth) display_name: String,
    pub(in crate::auth) state: PersonState,
    pub(in crate::auth) epoch: i64,
    pub(in crate::auth) role: Option<Role>,
}

fn read(row: &Row) -> Result<Credentials> {
    let hash = row.opt_text("hash")?;
    let version = row.opt_int("password_version")?;
    Ok(Credentials {
        user_id: row.parse("id")?,
        username: row.text("username")?,
        state: row.parse("state")?,
        password: hash.zip(version).map(|(hash, version)| Stored { hash, version }),
    })
}

pub(in crate::auth) async fn by_login_key(
    executor: &mut impl Executor,
    key: &str,
) -> Result<Option<Credentials>> {
    let query =
        sql("SELECT u.id, u.username, u.state, p.hash, p.version AS password_version FROM login_names l \
         JOIN users u ON u.id = l.user_id LEFT JOIN passwords p ON p.user_id = u.id \
         WHERE l.name_key = $1 AND l.released_at IS NULL");
    executor.optional(query.bind(key)).await?.as_ref().map(read).transpose()
}

pub(in crate::auth) async fn by_user(
    executor: &mut impl Executor,
    user: UserId,
) -> Result<Option<Credentials>> {
    let query = sql("SELECT u.id, u.username, u.state, p.hash, p.version AS password_version FROM users u \
         LEFT JOIN passwords p ON p.user_id = u.id WHERE u.id = $1");
    executor.optional(query.bind_text(user)).await?.as_ref().map(read).transpose()
}

pub(in crate::auth) async fn standing(
    executor: &mut impl Executor,
    user: UserId,
) -> Result<Option<Standing>> {
    let query = sql("SELECT u.username, u.email, u.display_name, u.state, u.epoch, r.role FROM users u \
         LEFT JOIN roles r ON r.user_id = u.id WHERE u.id = $1");
    let Some(row) = executor.optional(query.bind_text(user)).await? else { return Ok(None) };
    Ok(Some(Standing {
        username: row.text("username")?,
        email: row.text("email")?,
        display_name: row.text("display_name")?,
        state: row.parse("state")?,
        epoch: row.int("epoch")?,
        role: row.opt_parse("role")?,
    }))
}

/// Stores the hash `to` of the password that was verified. Answers `false` when the person has another password by
/// now; else nobody changes it until the transaction ends.
pub(in crate::auth) async fn hold_password(
    tx: &mut Tx,
    user: UserId,
    verified: &Stored,
    to: &str,
) -> Result<bool> {
    let query = sql("UPDATE passwords SET hash = $3 WHERE user_id = $1 AND version = $2")
        .bind_text(user)
        .bind(verified.version)
        .bind(to);
    Ok(tx.run(query).await? == 1)
}

pub(in crate::auth) async fn set_password(
    tx: &mut Tx,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<()> {
    let query = sql("INSERT INTO passwords (user_id, hash, version, changed_at) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, version = passwords.version + 1, \
         changed_at = excluded.changed_at")
    .bind_text(user)
    .bind(hash)
    .bind(now);
    tx.run(query).await.map(drop)
}

/// When the password was last set; `None` when there is none.
pub(in crate::auth) async fn password_changed_at(
    executor: &mut impl Executor,
    user: UserId,
) -> Result<Option<Timestamp>> {
    let query = sql("SELECT changed_at FROM passwords WHERE user_id = $1").bind_text(user);
    executor.optional(query).await?.map(|row| row.time("changed_at")).transpose()
}
