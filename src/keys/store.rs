//! SQL of the signing keys.

use std::collections::HashMap;

use crate::base::id::{ApplicationId, KeyId};
use crate::base::{Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};
use crate::keys::{GeneratedKey, KeyView};

pub(super) async fn insert(
    tx: &mut Tx,
    now: Timestamp,
    id: KeyId,
    application: ApplicationId,
    sealed: Vec<u8>,
    key: &GeneratedKey,
    fingerprint: &str,
) -> Result<()> {
    tx.run(
        sql("INSERT INTO signing_keys (id, application_id, state, key_type, sealed_key, certificate, fingerprint, \
             not_before, not_after, created_at) VALUES ($1, $2, 'current', 'rsa-2048', $3, $4, $5, $6, $7, $8)")
        .bind_text(id)
        .bind_text(application)
        .bind(sealed)
        .bind(key.certificate.as_slice())
        .bind(fingerprint)
        .bind(key.not_before)
        .bind(key.not_after)
        .bind(now),
    )
    .await
    .map(drop)
}

fn view(row: &Row) -> Result<KeyView> {
    Ok(KeyView {
        id: row.parse("id")?,
        state: row.text("state")?,
        key_type: row.text("key_type")?,
        fingerprint: row.text("fingerprint")?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        certificate: row.blob("certificate")?,
    })
}

pub(super) async fn list(executor: &mut impl Executor, application: ApplicationId) -> Result<Vec<KeyView>> {
    let query =
        sql("SELECT id, state, key_type, fingerprint, not_before, not_after, certificate FROM signing_keys \
         WHERE application_id = $1 ORDER BY state, created_at DESC")
        .bind_text(application);
    executor.all(query).await?.iter().map(view).collect()
}

pub(super) async fn find_current(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<(KeyView, Vec<u8>)>> {
    let query =
        sql("SELECT id, state, key_type, fingerprint, not_before, not_after, certificate, sealed_key \
         FROM signing_keys WHERE application_id = $1 AND state = 'current'")
        .bind_text(application);
    let row = executor.optional(query).await?;
    row.map(|row| Ok((view(&row)?, row.blob("sealed_key")?))).transpose()
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
