//! SQL of the answers kept under idempotency keys.

use crate::base::{Result, Timestamp};
use crate::db::{Executor, Tx, sql};

/// What stands under a key.
#[derive(Debug)]
pub(in crate::auth) struct Found {
    pub(in crate::auth) request_hash: String,
    pub(in crate::auth) body: Option<Vec<u8>>,
}

/// Takes a key; answers whether it was free.
pub(in crate::auth) async fn claim(
    tx: &mut Tx,
    key_hash: &str,
    request_hash: &str,
    now: Timestamp,
) -> Result<bool> {
    let query = sql("INSERT INTO idempotency_keys (key_hash, request_hash, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (key_hash) DO NOTHING");
    Ok(tx.run(query.bind(key_hash).bind(request_hash).bind(now)).await? == 1)
}

pub(in crate::auth) async fn find(executor: &mut impl Executor, key_hash: &str) -> Result<Option<Found>> {
    let query = sql("SELECT request_hash, body FROM idempotency_keys WHERE key_hash = $1").bind(key_hash);
    let row = executor.optional(query).await?;
    row.map(|row| Ok(Found { request_hash: row.text("request_hash")?, body: row.opt_blob("body")? }))
        .transpose()
}

/// Keeps the sealed answer; its headers are sealed with the body.
pub(in crate::auth) async fn keep(tx: &mut Tx, key_hash: &str, status: u16, sealed: Vec<u8>) -> Result<()> {
    let query = sql("UPDATE idempotency_keys SET status = $2, body = $3 WHERE key_hash = $1")
        .bind(key_hash)
        .bind(i64::from(status))
        .bind(sealed);
    tx.run(query).await.map(drop)
}

pub(in crate::auth) async fn release(tx: &mut Tx, key_hash: &str) -> Result<()> {
    tx.run(sql("DELETE FROM idempotency_keys WHERE key_hash = $1").bind(key_hash)).await.map(drop)
}

pub(in crate::auth) async fn prune(tx: &mut Tx, before: Timestamp) -> Result<()> {
    tx.run(sql("DELETE FROM idempotency_keys WHERE created_at < $1").bind(before)).await.map(drop)
}
