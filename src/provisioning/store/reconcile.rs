//! SQL of reconciliation.

use crate::base::id::ApplicationId;
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Tx, sql};
use crate::provisioning::engine::reconcile::Drift;
use crate::provisioning::model::{Entry, ResourceKind};
use crate::provisioning::store::ledger::read;

/// The entry that holds an account or group of the other side.
pub(in crate::provisioning) async fn find(
    executor: &mut impl Executor,
    application: ApplicationId,
    kind: ResourceKind,
    remote_id: &str,
) -> Result<Option<Entry>> {
    let query =
        sql("SELECT * FROM provisioned WHERE application_id = $1 AND kind = $2 AND remote_id = $3 LIMIT 1");
    let query = query.bind_text(application).bind(kind.as_str()).bind(remote_id);
    executor.optional(query).await?.as_ref().map(read).transpose()
}

/// Who holds something there that is active: the id there, and what they are called here. Who is inactive may be gone.
pub(in crate::provisioning) async fn list_linked(
    executor: &mut impl Executor,
    application: ApplicationId,
    kind: ResourceKind,
) -> Result<Vec<(String, String)>> {
    let query = sql("SELECT remote_id, name FROM provisioned WHERE application_id = $1 AND kind = $2 \
         AND remote_id IS NOT NULL AND active ORDER BY local_id");
    let rows = executor.all(query.bind_text(application).bind(kind.as_str())).await?;
    rows.iter().map(|row| Ok((row.text("remote_id")?, row.text("name")?))).collect()
}

/// It is not as it was sent: it is read and put right.
pub(in crate::provisioning) async fn changed(
    tx: &mut Tx,
    entry: &Entry,
    active: bool,
    now: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE provisioned SET sent = NULL, state = 'drift', code = 'changed_there', \
         message = 'Somebody else changed it there. It is put right.', \
         active = CASE WHEN kind = 'user' AND $4 THEN $4 ELSE active END, \
         marks = marks + 1, due_at = $5, changed_at = $5 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND marks = $6");
    let query = query
        .bind_text(entry.application)
        .bind(entry.local.kind().as_str())
        .bind_text(entry.local)
        .bind(active)
        .bind(now)
        .bind(entry.marks);
    tx.run(query).await.map(drop)
}

/// It was not among what was shown: it is read by itself, looked for by its name if it is gone, and made anew.
pub(in crate::provisioning) async fn missing(tx: &mut Tx, entry: &Entry, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE provisioned SET sent = NULL, state = 'drift', code = 'gone_there', \
         message = 'It is not there any more. It is looked for, and made anew unless somebody is asked first.', \
         marks = marks + 1, due_at = $4, changed_at = $4 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND marks = $5 \
         AND COALESCE(code, '') NOT IN ('account_missing', 'rejected')");
    let query = query
        .bind_text(entry.application)
        .bind(entry.local.kind().as_str())
        .bind_text(entry.local)
        .bind(now)
        .bind(entry.marks);
    tx.run(query).await.map(drop)
}

/// It said yes to a change and showed something else: once more, by what is there now.
pub(in crate::provisioning) async fn once_more(tx: &mut Tx, entry: &Entry, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE provisioned SET sent = NULL, marks = marks + 1, due_at = $4 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND marks = $5");
    let query = query
        .bind_text(entry.application)
        .bind(entry.local.kind().as_str())
        .bind_text(entry.local)
        .bind(now)
        .bind(entry.marks);
    tx.run(query).await.map(drop)
}

/// Something of it is different.
pub(in crate::provisioning) async fn look_again(tx: &mut Tx, entry: &Entry, now: Timestamp) -> Result<()> {
    let query = sql("UPDATE provisioned SET marks = marks + 1, due_at = $4 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3");
    let query =
        query.bind_text(entry.application).bind(entry.local.kind().as_str()).bind_text(entry.local).bind(now);
    tx.run(query).await.map(drop)
}

/// Notes what was found, and when to look next.
pub(in crate::provisioning) async fn note(
    tx: &mut Tx,
    application: ApplicationId,
    drift: &Drift,
    now: Timestamp,
    next: Timestamp,
) -> Result<()> {
    let drift = serde_json::to_string(drift).map_err(Error::internal)?;
    let query = sql("UPDATE connections SET drift = $2, reconciled_at = $3, reconcile_at = $4 \
         WHERE application_id = $1");
    tx.run(query.bind_text(application).bind(drift).bind(now).bind(next)).await.map(drop)
}

/// Looks again later.
pub(in crate::provisioning) async fn postpone(
    tx: &mut Tx,
    application: ApplicationId,
    until: Timestamp,
) -> Result<()> {
    let query = sql("UPDATE connections SET reconcile_at = $2 WHERE application_id = $1");
    tx.run(query.bind_text(application).bind(until)).await.map(drop)
}

/// Active connections that are to be reconciled by now.
pub(in crate::provisioning) async fn list_due(
    executor: &mut impl Executor,
    now: Timestamp,
) -> Result<Vec<ApplicationId>> {
    let query = sql("SELECT application_id FROM connections WHERE status = 'active' AND reconcile_at <= $1 \
         ORDER BY reconcile_at LIMIT 20");
    executor.all(query.bind(now)).await?.iter().map(|row| row.parse("application_id")).collect()
}
