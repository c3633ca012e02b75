//! SQL of connections.

use crate::base::clock::HOUR;
use crate::base::id::ApplicationId;
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Query, Row, Tx, sql};
use crate::provisioning::model::{ClientCertificate, Connection, Failing};

fn read(row: &Row) -> Result<Connection> {
    let since = row.opt_time("failing_since")?;
    let code = row.opt_text("failure_code")?;
    let failing = match (since, code) {
        (Some(since), Some(code)) => Some(Failing {
            code,
            message: row.opt_text("failure_message")?.unwrap_or_default(),
            since,
            times: row.int("failures")?,
        }),
        _ => None,
    };
    let capabilities = row.opt_text("capabilities")?;
    let client = match (row.opt_blob("client_certificate")?, row.opt_blob("sealed_client_key")?) {
        (Some(certificate), Some(sealed_key)) => {
            Some(Box::new(ClientCertificate { certificate, sealed_key }))
        }
        _ => None,
    };
    Ok(Connection {
        application: row.parse("application_id")?,
        status: row.parse("status")?,
        settings: row.json("settings")?,
        auth: row.opt_parse("auth")?,
        sealed_secret: row.opt_blob("sealed_secret")?,
        secret_for: row.opt_text("secret_for")?,
        client,
        ledger_for: row.opt_text("ledger_for")?,
        secret_set_at: row.opt_time("secret_set_at")?,
        secret_expires_at: row.opt_time("secret_expires_at")?,
        capabilities: capabilities
            .map(|text| serde_json::from_str(&text).map_err(Error::internal))
            .transpose()?,
        verified_at: row.opt_time("verified_at")?,
        written_at: row.opt_time("written_at")?,
        failing,
        paused_until: row.time("paused_until")?,
        reconciled_at: row.opt_time("reconciled_at")?,
        drift: row
            .opt_text("drift")?
            .map(|text| serde_json::from_str(&text).map_err(Error::internal))
            .transpose()?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(in crate::provisioning) async fn find(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Connection>> {
    let query = sql("SELECT * FROM connections WHERE application_id = $1").bind_text(application);
    executor.optional(query).await?.as_ref().map(read).transpose()
}

/// The labels of other applications that are kept in step at this address.
pub(in crate::provisioning) async fn list_sharing(
    executor: &mut impl Executor,
    application: ApplicationId,
    url: &str,
) -> Result<Vec<String>> {
    let query = sql("SELECT a.label FROM connections c JOIN applications a ON a.id = c.application_id \
         WHERE c.ledger_for = $2 AND c.status = 'active' AND c.application_id <> $1 ORDER BY a.label, a.id");
    let rows = executor.all(query.bind_text(application).bind(url)).await?;
    rows.iter().map(|row| row.text("label")).collect()
}

/// Every connection, also of applications that are gone.
pub(in crate::provisioning) async fn list(executor: &mut impl Executor) -> Result<Vec<Connection>> {
    let rows = executor.all(sql("SELECT * FROM connections ORDER BY application_id")).await?;
    rows.iter().map(read).collect()
}

/// Reads a connection and keeps every other writer away from it until the transaction ends.
pub(in crate::provisioning) async fn lock(
    tx: &mut Tx,
    application: ApplicationId,
) -> Result<Option<Connection>> {
    let query = sql("UPDATE connections SET version = version WHERE application_id = $1 RETURNING *");
    tx.optional(query.bind_text(application)).await?.as_ref().map(read).transpose()
}

/// Adds a connection, or changes what an administrator sets of it; how it goes stays as it is.
pub(in crate::provisioning) async fn put(tx: &mut Tx, connection: &Connection) -> Result<()> {
    let settings = serde_json::to_string(&connection.settings).map_err(Error::internal)?;
    let query = sql(
        "INSERT INTO connections (application_id, status, settings, manage_groups, auth, sealed_secret, \
         secret_for, secret_set_at, secret_expires_at, failures, paused_until, paced_until, left_count, left_since, \
         lease_renewals, version, created_at, updated_at, client_certificate, sealed_client_key) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, 0, 0, $10, $11, $12, $13, $14) \
         ON CONFLICT (application_id) DO UPDATE SET status = excluded.status, settings = excluded.settings, \
         manage_groups = excluded.manage_groups, auth = excluded.auth, \
         sealed_secret = excluded.sealed_secret, secret_for = excluded.secret_for, \
         secret_set_at = excluded.secret_set_at, secret_expires_at = excluded.secret_expires_at, \
         version = excluded.version, updated_at = excluded.updated_at, \
         client_certificate = excluded.client_certificate, sealed_client_key = excluded.sealed_client_key",
    )
    .bind_text(connection.application)
    .bind(connection.status.as_str())
    .bind(settings)
    .bind(connection.settings.manage_groups)
    .bind(connection.auth.map(crate::catalog::model::ScimAuth::as_str))
    .bind(connection.sealed_secret.clone())
    .bind(connection.secret_for.clone())
    .bind(connection.secret_set_at)
    .bind(connection.secret_expires_at)
    .bind(connection.version)
    .bind(connection.created_at)
    .bind(connection.updated_at)
    .bind(connection.client.as_ref().map(|client| client.certificate.clone()))
    .bind(connection.client.as_ref().map(|client| client.sealed_key.clone()));
    tx.run(query).await.map(drop)
}

/// Notes that the other side answered as it should, and what it says it can.
pub(in crate::provisioning) async fn note_verified(
    tx: &mut Tx,
    application: ApplicationId,
    capabilities: String,
    now: Timestamp,
) -> Result<()> {
    let query = sql(
        "UPDATE connections SET capabilities = $2, verified_at = $3, failures = 0, failing_since = NULL, \
         failure_code = NULL, failure_message = NULL, paused_until = 0 WHERE application_id = $1",
    );
    tx.run(query.bind_text(application).bind(capabilities).bind(now)).await.map(drop)
}

/// Who has an application to themselves, and how often they said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provisioning) struct Lease {
    pub(in crate::provisioning) holder: String,
    renewals: i64,
}

fn lease_of(row: &Row) -> Result<Option<Lease>> {
    let renewals = row.int("lease_renewals")?;
    Ok(row.opt_text("leased_by")?.map(|holder| Lease { holder, renewals }))
}

/// An application where something is due, or that somebody has to themselves.
pub(in crate::provisioning) struct Waiting {
    pub(in crate::provisioning) application: ApplicationId,
    pub(in crate::provisioning) lease: Option<Lease>,
    /// Something is due and may be sent.
    pub(in crate::provisioning) is_due: bool,
}

/// The applications whose connection is active and that somebody has, or that are not paused and have something to do.
/// The pace of a service holds up everybody but those who leave.
pub(in crate::provisioning) async fn list_with_work(
    executor: &mut impl Executor,
    now: Timestamp,
) -> Result<Vec<Waiting>> {
    let query = sql("SELECT * FROM (SELECT c.application_id, c.leased_by, c.lease_renewals, \
         CASE WHEN c.paused_until <= $1 AND EXISTS (SELECT 1 FROM provisioned p \
         WHERE p.application_id = c.application_id AND p.due_at <= $1 AND (c.paced_until <= $1 OR p.turn = 0)) \
         THEN TRUE ELSE FALSE END AS is_due FROM connections c WHERE c.status = 'active') w \
         WHERE is_due OR leased_by IS NOT NULL ORDER BY application_id");
    let rows = executor.all(query.bind(now)).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                application: row.parse("application_id")?,
                lease: lease_of(row)?,
                is_due: row.bool("is_due")?,
            })
        })
        .collect()
}

/// Whoever has an application to themselves.
pub(in crate::provisioning) async fn find_lease(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Lease>> {
    let query = sql("SELECT leased_by, lease_renewals FROM connections WHERE application_id = $1");
    let row = executor.optional(query.bind_text(application)).await?;
    row.as_ref().map(lease_of).transpose().map(Option::flatten)
}

/// Takes or renews the lease, from nobody, from ourselves or from `over`, as long as that was not renewed; answers whether
/// it is the holder's.
pub(in crate::provisioning) async fn lease(
    tx: &mut Tx,
    application: ApplicationId,
    holder: &str,
    over: Option<&Lease>,
) -> Result<bool> {
    let query = sql("UPDATE connections SET leased_by = $2, lease_renewals = lease_renewals + 1 \
         WHERE application_id = $1 AND (leased_by IS NULL OR leased_by = $2 \
         OR (leased_by = $3 AND lease_renewals = $4))");
    let query = query
        .bind_text(application)
        .bind(holder)
        .bind(over.map(|lease| lease.holder.clone()))
        .bind(over.map(|lease| lease.renewals));
    Ok(tx.run(query).await? == 1)
}

/// Gives the lease back.
pub(in crate::provisioning) async fn release(
    tx: &mut Tx,
    application: ApplicationId,
    holder: &str,
) -> Result<()> {
    let query = sql("UPDATE connections SET leased_by = NULL WHERE application_id = $1 AND leased_by = $2");
    tx.run(query.bind_text(application).bind(holder)).await.map(drop)
}

/// Gives every lease back.
pub(in crate::provisioning) async fn release_all(tx: &mut Tx) -> Result<()> {
    tx.run(sql("UPDATE connections SET leased_by = NULL")).await.map(drop)
}

/// The other side failed as a whole: nothing is sent before `paused_until`.
pub(in crate::provisioning) fn pause(
    application: ApplicationId,
    code: &str,
    message: &str,
    now: Timestamp,
    paused_until: Timestamp,
) -> Query {
    sql("UPDATE connections SET failures = failures + 1, failing_since = COALESCE(failing_since, $4), \
         failure_code = $2, failure_message = $3, \
         paused_until = CASE WHEN paused_until > $5 THEN paused_until ELSE $5 END WHERE application_id = $1")
    .bind_text(application)
    .bind(code)
    .bind(message)
    .bind(now)
    .bind(paused_until)
}

/// The other side wants to be left alone until then.
pub(in crate::provisioning) fn wait(application: ApplicationId, paused_until: Timestamp) -> Query {
    sql("UPDATE connections SET paused_until = CASE WHEN paused_until > $2 THEN paused_until ELSE $2 END \
         WHERE application_id = $1")
    .bind_text(application)
    .bind(paused_until)
}

/// It takes no more before then, but of who leaves.
pub(in crate::provisioning) fn keep_pace(application: ApplicationId, paced_until: Timestamp) -> Query {
    sql("UPDATE connections SET paced_until = $2 WHERE application_id = $1")
        .bind_text(application)
        .bind(paced_until)
}

/// The other side answers again.
pub(in crate::provisioning) fn recover(application: ApplicationId) -> Query {
    // Whoever asked to be left alone still is.
    sql(
        "UPDATE connections SET paused_until = CASE WHEN failing_since IS NULL THEN paused_until ELSE 0 END, \
         failures = 0, failing_since = NULL, failure_code = NULL, failure_message = NULL \
         WHERE application_id = $1",
    )
    .bind_text(application)
}

/// The other side took a change.
pub(in crate::provisioning) fn note_written(application: ApplicationId, now: Timestamp) -> Query {
    sql("UPDATE connections SET written_at = $2 WHERE application_id = $1 AND written_at IS NULL")
        .bind_text(application)
        .bind(now)
}

/// Whether anything is provisioned anywhere.
pub(in crate::provisioning) async fn is_any(executor: &mut impl Executor) -> Result<bool> {
    Ok(executor.optional(sql("SELECT application_id FROM connections LIMIT 1")).await?.is_some())
}

/// Forgets a connection and all of its ledger, once the application is gone.
pub(in crate::provisioning) async fn forget(tx: &mut Tx, application: ApplicationId) -> Result<()> {
    for text in [
        "DELETE FROM provisioned_members WHERE application_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.id = $1)",
        "DELETE FROM provisioned WHERE application_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.id = $1)",
        "DELETE FROM import_rows WHERE application_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.id = $1)",
        "DELETE FROM import_jobs WHERE application_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.id = $1)",
        "DELETE FROM connections WHERE application_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM applications a WHERE a.id = $1)",
    ] {
        tx.run(sql(text).bind_text(application)).await?;
    }
    Ok(())
}

/// A secret and when it ends.
pub(in crate::provisioning) struct Ending {
    pub(in crate::provisioning) application: ApplicationId,
    pub(in crate::provisioning) ends_at: Timestamp,
}

/// Secrets that end by then, the first first.
pub(in crate::provisioning) async fn list_ending(
    executor: &mut impl Executor,
    by: Timestamp,
) -> Result<Vec<Ending>> {
    let query = sql("SELECT application_id, secret_expires_at FROM connections \
         WHERE secret_expires_at < $1 AND status <> 'inactive' ORDER BY secret_expires_at");
    let rows = executor.all(query.bind(by)).await?;
    rows.iter()
        .map(|row| {
            Ok(Ending { application: row.parse("application_id")?, ends_at: row.time("secret_expires_at")? })
        })
        .collect()
}

/// Notes for how many days a secret was warned of; answers whether it was not yet.
pub(in crate::provisioning) async fn set_warned(
    tx: &mut Tx,
    application: ApplicationId,
    days: i64,
) -> Result<bool> {
    let query = sql("UPDATE connections SET warned_days = $2 WHERE application_id = $1 \
         AND (warned_days IS NULL OR warned_days > $2)");
    Ok(tx.run(query.bind_text(application).bind(days)).await? == 1)
}

/// People who were to lose their accounts and still have them, or may.
pub(in crate::provisioning) struct Overdue {
    pub(in crate::provisioning) application: ApplicationId,
    pub(in crate::provisioning) people: i64,
    pub(in crate::provisioning) reason: String,
}

/// Connections with people whom nothing gives the application since an instant, and who still have their accounts: active
/// ones, and such as wait for a token because their address was changed. Whom an administrator was asked about is not among
/// them.
pub(in crate::provisioning) async fn list_overdue(
    executor: &mut impl Executor,
    since: Timestamp,
) -> Result<Vec<Overdue>> {
    let query = sql("SELECT c.application_id, COUNT(*) AS people, COALESCE(c.failure_message, \
         MAX(CASE WHEN p.change IN ('deactivate', 'delete') THEN p.message END), '') AS reason \
         FROM connections c CROSS JOIN provisioned p LEFT JOIN users u ON u.id = p.local_id \
         WHERE (c.status = 'active' OR (c.status = 'draft' AND c.ledger_for IS NOT NULL)) AND p.application_id = c.application_id AND p.kind = 'user' \
         AND p.changed_at <= $1 AND (p.attempt IS NOT NULL OR (p.active AND p.remote_id IS NOT NULL)) \
         AND COALESCE(p.code, '') <> 'rejected' AND (p.state IN ('pending', 'failed', 'conflict') OR (p.state <> 'awaiting_approval' AND p.due_at IS NOT NULL)) \
         AND (u.id IS NULL OR u.state <> 'active' OR NOT (EXISTS (SELECT 1 FROM memberships m CROSS JOIN bindings b \
         WHERE m.user_id = u.id AND b.application_id = c.application_id AND b.group_id = m.group_id) \
         OR EXISTS (SELECT 1 FROM groups g CROSS JOIN bindings b WHERE g.built_in \
         AND b.application_id = c.application_id AND b.group_id = g.id))) \
         GROUP BY c.application_id, c.failure_message ORDER BY c.application_id");
    let rows = executor.all(query.bind(since)).await?;
    rows.iter()
        .map(|row| {
            Ok(Overdue {
                application: row.parse("application_id")?,
                people: row.int("people")?,
                reason: row.text("reason")?,
            })
        })
        .collect()
}

/// Notes that it was told; answers whether it was not since `before`.
pub(in crate::provisioning) async fn set_stuck_told(
    tx: &mut Tx,
    application: ApplicationId,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let query = sql("UPDATE connections SET stuck_told_at = $3 WHERE application_id = $1 \
         AND (stuck_told_at IS NULL OR stuck_told_at <= $2)");
    Ok(tx.run(query.bind_text(application).bind(before).bind(now)).await? == 1)
}

/// The applications of which it was told.
pub(in crate::provisioning) async fn list_stuck_told(
    executor: &mut impl Executor,
) -> Result<Vec<ApplicationId>> {
    let query = sql("SELECT application_id FROM connections WHERE stuck_told_at IS NOT NULL");
    executor.all(query).await?.iter().map(|row| row.parse("application_id")).collect()
}

/// It is so no more: the next time it is told at once.
pub(in crate::provisioning) fn forget_stuck_told(application: ApplicationId) -> Query {
    sql("UPDATE connections SET stuck_told_at = NULL WHERE application_id = $1").bind_text(application)
}

/// Another secret: it is warned of anew.
pub(in crate::provisioning) async fn forget_warning(tx: &mut Tx, application: ApplicationId) -> Result<()> {
    let query = sql("UPDATE connections SET warned_days = NULL WHERE application_id = $1");
    tx.run(query.bind_text(application)).await.map(drop)
}

/// The ledger is of this address from now on. What was known of another one is forgotten: its ids mean nothing here.
pub(in crate::provisioning) async fn set_ledger_for(
    tx: &mut Tx,
    application: ApplicationId,
    address: &str,
    is_other: bool,
) -> Result<()> {
    let query = sql("UPDATE connections SET ledger_for = $2 WHERE application_id = $1");
    tx.run(query.bind_text(application).bind(address)).await?;
    if is_other {
        let query = sql("DELETE FROM provisioned_members WHERE application_id = $1");
        tx.run(query.bind_text(application)).await?;
        let query = sql("DELETE FROM provisioned WHERE application_id = $1");
        tx.run(query.bind_text(application)).await?;
        let query = sql("DELETE FROM import_rows WHERE application_id = $1");
        tx.run(query.bind_text(application)).await?;
    }
    Ok(())
}

/// What may have changed while entries are looked at.
pub(in crate::provisioning) struct Glance {
    pub(in crate::provisioning) version: i64,
    /// Somebody who leaves is due.
    pub(in crate::provisioning) leaving: bool,
}

/// A look at a connection between two entries.
pub(in crate::provisioning) async fn look(
    executor: &mut impl Executor,
    application: ApplicationId,
    now: Timestamp,
) -> Result<Option<Glance>> {
    let query = sql("SELECT c.version, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM provisioned p \
         WHERE p.application_id = $1 AND p.turn = 0 AND p.due_at <= $2 LIMIT 1) l) AS leaving \
         FROM connections c WHERE c.application_id = $1");
    let row = executor.optional(query.bind_text(application).bind(now)).await?;
    row.map(|row| Ok(Glance { version: row.int("version")?, leaving: row.int("leaving")? > 0 })).transpose()
}

/// Somebody's account went, and nobody said so of them by name.
pub(in crate::provisioning) fn note_left(application: ApplicationId, now: Timestamp) -> Query {
    sql("UPDATE connections SET left_count = CASE WHEN left_since > $2 THEN left_count + 1 ELSE 1 END, \
         left_since = CASE WHEN left_since > $2 THEN left_since ELSE $3 END WHERE application_id = $1")
    .bind_text(application)
    .bind(now.plus(-HOUR))
    .bind(now)
}

/// How it stands with a connection, in numbers.
pub(in crate::provisioning) struct Measures {
    pub(in crate::provisioning) secret_ends_at: Option<Timestamp>,
    pub(in crate::provisioning) due: i64,
    pub(in crate::provisioning) troubled: i64,
    pub(in crate::provisioning) failing: bool,
}

/// Of every active connection, by the slug of its application.
pub(in crate::provisioning) async fn read_measures(
    executor: &mut impl Executor,
) -> Result<Vec<(String, Measures)>> {
    let query = sql("SELECT a.slug, c.secret_expires_at, c.failing_since, \
         (SELECT COUNT(*) FROM provisioned p WHERE p.application_id = c.application_id \
         AND p.due_at IS NOT NULL) AS due, \
         (SELECT COUNT(*) FROM provisioned p WHERE p.application_id = c.application_id \
         AND p.state IN ('failed', 'conflict', 'drift', 'awaiting_approval')) AS troubled \
         FROM connections c JOIN applications a ON a.id = c.application_id \
         WHERE c.status = 'active' ORDER BY a.slug");
    let rows = executor.all(query).await?;
    rows.iter()
        .map(|row| {
            let measures = Measures {
                secret_ends_at: row.opt_time("secret_expires_at")?,
                due: row.int("due")?,
                troubled: row.int("troubled")?,
                failing: row.opt_time("failing_since")?.is_some(),
            };
            Ok((row.text("slug")?, measures))
        })
        .collect()
}
