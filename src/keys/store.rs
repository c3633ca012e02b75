//! SQL of the signing keys.

pub(super) mod metadata;

use std::collections::HashMap;

use crate::base::id::{ApplicationId, KeyId};
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::keys::{KeyState, KeyView, NewKey};

/// A row to be added.
pub(super) struct Sealed<'a> {
    pub(super) id: KeyId,
    pub(super) application: ApplicationId,
    pub(super) state: KeyState,
    pub(super) key: &'a NewKey,
    pub(super) private: Vec<u8>,
    pub(super) fingerprint: &'a str,
    pub(super) published_at: Option<Timestamp>,
}

pub(super) async fn insert(tx: &mut Tx, now: Timestamp, row: Sealed<'_>) -> Result<()> {
    tx.run(
        sql("INSERT INTO signing_keys (id, application_id, state, key_type, imported, sealed_key, certificate, \
             fingerprint, not_before, not_after, published_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind_text(row.id)
        .bind_text(row.application)
        .bind(row.state.as_str())
        .bind(row.key.key_type.as_str())
        .bind(row.key.imported)
        .bind(row.private)
        .bind(row.key.certificate.as_slice())
        .bind(row.fingerprint)
        .bind(row.key.not_before)
        .bind(row.key.not_after)
        .bind(row.published_at)
        .bind(now),
    )
    .await
    .map(drop)
}

fn view(row: &Row) -> Result<KeyView> {
    Ok(KeyView {
        id: row.parse("id")?,
        state: row.parse("state")?,
        key_type: row.parse("key_type")?,
        imported: row.bool("imported")?,
        fingerprint: row.text("fingerprint")?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        published_at: row.opt_time("published_at")?,
        certificate: row.blob("certificate")?,
    })
}

pub(super) async fn list(executor: &mut impl Executor, application: ApplicationId) -> Result<Vec<KeyView>> {
    // By their names the states stand in the order in which they are shown: current, next, retired.
    let query = sql(
        "SELECT id, state, key_type, imported, fingerprint, not_before, not_after, published_at, certificate \
         FROM signing_keys WHERE application_id = $1 ORDER BY state, created_at DESC, id DESC",
    )
    .bind_text(application);
    executor.all(query).await?.iter().map(view).collect()
}

/// A key with its sealed private part.
pub(super) async fn find(
    executor: &mut impl Executor,
    application: ApplicationId,
    id: KeyId,
) -> Result<Option<(KeyView, Vec<u8>)>> {
    let query = sql(
        "SELECT id, state, key_type, imported, fingerprint, not_before, not_after, published_at, certificate, \
         sealed_key FROM signing_keys WHERE application_id = $1 AND id = $2",
    )
    .bind_text(application)
    .bind_text(id);
    let row = executor.optional(query).await?;
    row.map(|row| Ok((view(&row)?, row.blob("sealed_key")?))).transpose()
}

pub(super) async fn find_current(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<(KeyView, Vec<u8>)>> {
    let query = sql(
        "SELECT id, state, key_type, imported, fingerprint, not_before, not_after, published_at, certificate, \
         sealed_key FROM signing_keys WHERE application_id = $1 AND state = 'current'",
    )
    .bind_text(application);
    let row = executor.optional(query).await?;
    row.map(|row| Ok((view(&row)?, row.blob("sealed_key")?))).transpose()
}

pub(super) async fn set_state(tx: &mut Tx, id: KeyId, state: KeyState) -> Result<()> {
    let query = sql("UPDATE signing_keys SET state = $2 WHERE id = $1");
    tx.run(query.bind_text(id).bind(state.as_str())).await.map(drop)
}

pub(super) async fn set_published(tx: &mut Tx, id: KeyId, at: Option<Timestamp>) -> Result<()> {
    let query = sql("UPDATE signing_keys SET published_at = $2 WHERE id = $1");
    tx.run(query.bind_text(id).bind(at)).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, id: KeyId) -> Result<()> {
    tx.run(sql("DELETE FROM signing_keys WHERE id = $1").bind_text(id)).await.map(drop)
}

/// When the current certificate of each application ends.
pub(super) async fn list_ends(executor: &mut impl Executor) -> Result<HashMap<ApplicationId, Timestamp>> {
    let query = sql("SELECT application_id, not_after FROM signing_keys WHERE state = 'current'");
    executor
        .all(query)
        .await?
        .iter()
        .map(|row| Ok((row.parse("application_id")?, row.time("not_after")?)))
        .collect()
}

/// A current certificate whose end comes near.
pub(super) struct Ending {
    pub(super) id: KeyId,
    pub(super) application: ApplicationId,
    pub(super) fingerprint: String,
    pub(super) not_after: Timestamp,
    /// The days for which it was warned of last.
    pub(super) warned_days: Option<i64>,
}

/// Current certificates that end before `until`.
pub(super) async fn list_ending(executor: &mut impl Executor, until: Timestamp) -> Result<Vec<Ending>> {
    let query = sql("SELECT id, application_id, fingerprint, not_after, warned_days FROM signing_keys \
         WHERE state = 'current' AND not_after < $1 ORDER BY not_after, id")
    .bind(until);
    let read = |row: &Row| {
        Ok(Ending {
            id: row.parse("id")?,
            application: row.parse("application_id")?,
            fingerprint: row.text("fingerprint")?,
            not_after: row.time("not_after")?,
            warned_days: row.opt_int("warned_days")?,
        })
    };
    executor.all(query).await?.iter().map(read).collect()
}

/// Notes for how many days a key was warned of, unless another node did; answers whether it was this one.
pub(super) async fn set_warned(tx: &mut Tx, id: KeyId, days: i64) -> Result<bool> {
    let query = sql(
        "UPDATE signing_keys SET warned_days = $2 WHERE id = $1 AND (warned_days IS NULL OR warned_days > $2)",
    );
    Ok(tx.run(query.bind_text(id).bind(days)).await? == 1)
}
