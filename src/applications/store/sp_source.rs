//! SQL of the addresses that metadata is fetched from.

use crate::applications::sp_metadata::Reading;
use crate::applications::sp_source::{Failing, Pending, Source};
use crate::base::id::ApplicationId;
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Row, Tx, sql};

fn read(row: &Row) -> Result<Source> {
    let failing = match (row.opt_text("failure_code")?, row.opt_time("failing_since")?) {
        (Some(code), Some(since)) => {
            Some(Failing { code, message: row.opt_text("failure_message")?.unwrap_or_default(), since })
        }
        _ => None,
    };
    let pending = match (row.opt_text("pending_revision")?, row.opt_time("pending_since")?) {
        (Some(revision), Some(since)) => Some(Pending { revision, since }),
        _ => None,
    };
    Ok(Source {
        application: row.parse("application_id")?,
        url: row.text("url")?,
        entity_id: row.opt_text("entity_id")?,
        certificate: row.opt_text("certificate")?,
        etag: row.opt_text("etag")?,
        last_modified: row.opt_text("last_modified")?,
        revision: row.text("revision")?,
        fetched_at: row.time("fetched_at")?,
        valid_until: row.opt_time("valid_until")?,
        tried_at: row.time("tried_at")?,
        failing,
        due_at: row.time("due_at")?,
        pending,
    })
}

pub(in crate::applications) async fn find(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Source>> {
    let query = sql(
        "SELECT application_id, url, entity_id, certificate, etag, last_modified, revision, fetched_at, valid_until, \
         tried_at, failure_code, failure_message, failing_since, due_at, pending_revision, pending_since \
         FROM sp_metadata_sources WHERE application_id = $1",
    );
    executor.optional(query.bind_text(application)).await?.as_ref().map(read).transpose()
}

/// What waits to be accepted.
pub(in crate::applications) async fn find_pending(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Reading>> {
    let query = sql("SELECT pending FROM sp_metadata_sources WHERE application_id = $1");
    let row = executor.optional(query.bind_text(application)).await?;
    let Some(text) = row.map(|row| row.opt_text("pending")).transpose()?.flatten() else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(Error::internal)
}

/// Applications whose metadata waits to be accepted.
pub(in crate::applications) async fn list_pending(
    executor: &mut impl Executor,
) -> Result<Vec<ApplicationId>> {
    let query = sql("SELECT application_id FROM sp_metadata_sources WHERE pending_revision IS NOT NULL");
    executor.all(query).await?.iter().map(|row| row.parse("application_id")).collect()
}

/// Applications whose metadata is to be fetched by now, the longest overdue first.
pub(in crate::applications) async fn list_due(
    executor: &mut impl Executor,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ApplicationId>> {
    let query =
        sql("SELECT application_id FROM sp_metadata_sources WHERE due_at <= $1 AND leased_until <= $1 \
         ORDER BY due_at, application_id LIMIT $2");
    let rows = executor.all(query.bind(now).bind(limit)).await?;
    rows.iter().map(|row| row.parse("application_id")).collect()
}

/// Takes the lease of a source that nobody holds; answers whether it is ours now. `due_by`: only if it is due by then.
pub(in crate::applications) async fn lease(
    tx: &mut Tx,
    application: ApplicationId,
    now: Timestamp,
    until: Timestamp,
    due_by: Timestamp,
) -> Result<bool> {
    let query = sql("UPDATE sp_metadata_sources SET leased_until = $3 \
         WHERE application_id = $1 AND leased_until <= $2 AND due_at <= $4");
    Ok(tx.run(query.bind_text(application).bind(now).bind(until).bind(due_by)).await? == 1)
}

/// Stores a source anew: nothing waits to be accepted, nothing has failed.
pub(in crate::applications) async fn put(tx: &mut Tx, source: &Source) -> Result<()> {
    let query = sql(
        "INSERT INTO sp_metadata_sources (application_id, url, entity_id, certificate, etag, last_modified, revision, \
         fetched_at, valid_until, tried_at, due_at, leased_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0) ON CONFLICT (application_id) DO UPDATE SET \
         url = excluded.url, entity_id = excluded.entity_id, certificate = excluded.certificate, \
         etag = excluded.etag, last_modified = excluded.last_modified, revision = excluded.revision, \
         fetched_at = excluded.fetched_at, valid_until = excluded.valid_until, tried_at = excluded.tried_at, \
         failure_code = NULL, failure_message = NULL, failing_since = NULL, due_at = excluded.due_at, \
         leased_until = 0, pending = NULL, pending_revision = NULL, pending_since = NULL",
    )
    .bind_text(source.application)
    .bind(source.url.as_str())
    .bind(source.entity_id.as_deref())
    .bind(source.certificate.as_deref())
    .bind(source.etag.as_deref())
    .bind(source.last_modified.as_deref())
    .bind(source.revision.as_str())
    .bind(source.fetched_at)
    .bind(source.valid_until)
    .bind(source.tried_at)
    .bind(source.due_at);
    tx.run(query).await.map(drop)
}

/// Notes how a fetch went, and lets go of the lease. Nothing happens without it: the source was set anew meanwhile, or
/// the fetch took so long that somebody else began.
pub(in crate::applications) async fn note(tx: &mut Tx, source: &Source, lease: Timestamp) -> Result<bool> {
    let failing = source.failing.as_ref();
    let query =
        sql("UPDATE sp_metadata_sources SET etag = $3, last_modified = $4, revision = $5, fetched_at = $6, \
         valid_until = $7, tried_at = $8, failure_code = $9, failure_message = $10, failing_since = $11, \
         due_at = $12, leased_until = 0 WHERE application_id = $1 AND leased_until = $2")
        .bind_text(source.application)
        .bind(lease)
        .bind(source.etag.as_deref())
        .bind(source.last_modified.as_deref())
        .bind(source.revision.as_str())
        .bind(source.fetched_at)
        .bind(source.valid_until)
        .bind(source.tried_at)
        .bind(failing.map(|failing| failing.code.as_str()))
        .bind(failing.map(|failing| failing.message.as_str()))
        .bind(failing.map(|failing| failing.since))
        .bind(source.due_at);
    Ok(tx.run(query).await? == 1)
}

/// Puts what was found where it waits to be accepted, or takes it away.
pub(in crate::applications) async fn set_pending(
    tx: &mut Tx,
    application: ApplicationId,
    pending: Option<(&Reading, &Pending)>,
) -> Result<()> {
    let text = pending.map(|(reading, _)| serde_json::to_string(reading)).transpose();
    let query =
        sql("UPDATE sp_metadata_sources SET pending = $2, pending_revision = $3, pending_since = $4 \
         WHERE application_id = $1")
        .bind_text(application)
        .bind(text.map_err(Error::internal)?)
        .bind(pending.map(|(_, pending)| pending.revision.as_str()))
        .bind(pending.map(|(_, pending)| pending.since));
    tx.run(query).await.map(drop)
}

pub(in crate::applications) async fn delete(tx: &mut Tx, application: ApplicationId) -> Result<bool> {
    let query = sql("DELETE FROM sp_metadata_sources WHERE application_id = $1");
    Ok(tx.run(query.bind_text(application)).await? == 1)
}
