//! SQL of the keys that sign metadata.

use crate::base::id::KeyId;
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::keys::KeyState;
use crate::keys::metadata::MetadataKey;

pub(in crate::keys) async fn insert(
    tx: &mut Tx,
    now: Timestamp,
    key: &MetadataKey,
    sealed: Vec<u8>,
) -> Result<()> {
    let query = sql(
        "INSERT INTO metadata_keys (id, state, key_type, sealed_key, certificate, fingerprint, not_before, \
         not_after, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind_text(key.id)
    .bind(key.state.as_str())
    .bind(key.key_type.as_str())
    .bind(sealed)
    .bind(key.certificate.as_slice())
    .bind(key.fingerprint.as_str())
    .bind(key.not_before)
    .bind(key.not_after)
    .bind(now);
    tx.run(query).await.map(drop)
}

fn view(row: &Row) -> Result<MetadataKey> {
    Ok(MetadataKey {
        id: row.parse("id")?,
        state: row.parse("state")?,
        key_type: row.parse("key_type")?,
        fingerprint: row.text("fingerprint")?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        certificate: row.blob("certificate")?,
    })
}

/// All of them, the one that signs first.
pub(in crate::keys) async fn list(executor: &mut impl Executor) -> Result<Vec<MetadataKey>> {
    let query = sql("SELECT id, state, key_type, fingerprint, not_before, not_after, certificate \
         FROM metadata_keys ORDER BY state, id");
    executor.all(query).await?.iter().map(view).collect()
}

pub(in crate::keys) async fn find_sealed(executor: &mut impl Executor, id: KeyId) -> Result<Option<Vec<u8>>> {
    let query = sql("SELECT sealed_key FROM metadata_keys WHERE id = $1").bind_text(id);
    executor.optional(query).await?.map(|row| row.blob("sealed_key")).transpose()
}

pub(in crate::keys) async fn set_state(tx: &mut Tx, id: KeyId, state: KeyState) -> Result<()> {
    let query = sql("UPDATE metadata_keys SET state = $2 WHERE id = $1");
    tx.run(query.bind_text(id).bind(state.as_str())).await.map(drop)
}

pub(in crate::keys) async fn delete(tx: &mut Tx, id: KeyId) -> Result<()> {
    tx.run(sql("DELETE FROM metadata_keys WHERE id = $1").bind_text(id)).await.map(drop)
}
