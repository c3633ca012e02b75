//! SQL of one-time links.

use crate::auth::link::Purpose;
use crate::base::id::UserId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};

/// Whose link it is: nobody's for set-up; else a person's, as they stood when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) struct Holder {
    pub(in crate::auth) user: Option<UserId>,
    pub(in crate::auth) epoch: Option<i64>,
}

fn read(row: &Row) -> Result<Holder> {
    Ok(Holder { user: row.opt_parse("user_id")?, epoch: row.opt_int("user_epoch")? })
}

pub(in crate::auth) async fn insert(
    tx: &mut Tx,
    token_hash: &str,
    purpose: Purpose,
    holder: Holder,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    let query =
        sql("INSERT INTO one_time_links (token_hash, purpose, user_id, user_epoch, created_at, expires_at, \
         used_at) VALUES ($1, $2, $3, $4, $5, $6, NULL)")
        .bind(token_hash)
        .bind(purpose.as_str())
        .bind(holder.user.map(|id| id.to_string()))
        .bind(holder.epoch)
        .bind(now)
        .bind(expires_at);
    tx.run(query).await.map(drop)
}

/// Whose link it is, if it can still be used.
pub(in crate::auth) async fn find(
    executor: &mut impl Executor,
    token_hash: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Holder>> {
    let query = sql("SELECT user_id, user_epoch FROM one_time_links \
         WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3")
    .bind(token_hash)
    .bind(purpose.as_str())
    .bind(now);
    executor.optional(query).await?.as_ref().map(read).transpose()
}

/// Uses the link up: of any number at the same instant, one gets it.
pub(in crate::auth) async fn consume(
    tx: &mut Tx,
    token_hash: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Holder>> {
    let query = sql("UPDATE one_time_links SET used_at = $3 \
         WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 \
         RETURNING user_id, user_epoch")
    .bind(token_hash)
    .bind(purpose.as_str())
    .bind(now);
    tx.optional(query).await?.as_ref().map(read).transpose()
}

/// Makes a person's unused links useless.
pub(in crate::auth) async fn void_of_user(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE one_time_links SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL");
    tx.run(query.bind_text(user).bind(now)).await.map(drop)
}

/// Makes all unused set-up links useless.
pub(in crate::auth) async fn void_setup(tx: &mut Tx, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE one_time_links SET used_at = $1 WHERE purpose = 'setup' AND used_at IS NULL");
    tx.run(query.bind(now)).await.map(drop)
}

pub(in crate::auth) async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.run(sql("DELETE FROM one_time_links WHERE expires_at < $1").bind(before)).await
}

/// When a link ends that can still be used.
pub(in crate::auth) async fn find_end(
    executor: &mut impl Executor,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let query = sql(
        "SELECT expires_at FROM one_time_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
    );
    executor.optional(query.bind(token_hash).bind(now)).await?.map(|row| row.time("expires_at")).transpose()
}
