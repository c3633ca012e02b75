//! SQL of what administrators see and decide of the ledger.

use crate::base::id::ApplicationId;
use crate::base::{Result, Timestamp};
use crate::db::{Tx, sql};
use crate::provisioning::model::Local;

/// Says yes to what is asked, if it still is what was shown. Answers whether it was.
pub(in crate::provisioning) async fn approve(
    tx: &mut Tx,
    application: ApplicationId,
    local: Local,
    asked: &str,
    now: Timestamp,
) -> Result<bool> {
    let query = sql(
        "UPDATE provisioned SET approved = COALESCE(approved || ' ', '') || asked, asked = NULL, marks = marks + 1, due_at = $5, \
         state = 'pending', changed_at = $5 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND asked = $4",
    );
    let query =
        query.bind_text(application).bind(local.kind().as_str()).bind_text(local).bind(asked).bind(now);
    Ok(tx.run(query).await? == 1)
}

/// Says no to what is asked: nothing happens until it is something else.
pub(in crate::provisioning) async fn reject(
    tx: &mut Tx,
    application: ApplicationId,
    local: Local,
    asked: &str,
    now: Timestamp,
) -> Result<bool> {
    let query = sql(
        "UPDATE provisioned SET asked = NULL, asked_for = NULL, approved = NULL, due_at = NULL, marks = marks + 1, state = 'failed', \
         code = 'rejected', message = 'An administrator said no to it. Try again to be asked anew.', \
         changed_at = $5 WHERE application_id = $1 AND kind = $2 AND local_id = $3 AND asked = $4",
    );
    let query =
        query.bind_text(application).bind(local.kind().as_str()).bind_text(local).bind(asked).bind(now);
    Ok(tx.run(query).await? == 1)
}

/// Has one entry tried again at once, from the beginning. What it shows there is read first.
pub(in crate::provisioning) async fn retry(
    tx: &mut Tx,
    application: ApplicationId,
    local: Local,
    now: Timestamp,
) -> Result<bool> {
    let query =
        sql("UPDATE provisioned SET marks = marks + 1, due_at = $4, attempts = 0, failing_since = NULL, \
         sent = CASE WHEN state = 'drift' THEN NULL ELSE sent END, state = 'pending', changed_at = $4 \
         WHERE application_id = $1 AND kind = $2 AND local_id = $3");
    let query = query.bind_text(application).bind(local.kind().as_str()).bind_text(local).bind(now);
    Ok(tx.run(query).await? == 1)
}

/// Has everything that failed tried again at once. Answers how many that is.
pub(in crate::provisioning) async fn retry_all(
    tx: &mut Tx,
    application: ApplicationId,
    now: Timestamp,
) -> Result<u64> {
    let query =
        sql("UPDATE provisioned SET marks = marks + 1, due_at = $2, attempts = 0, failing_since = NULL, \
         sent = CASE WHEN state = 'drift' THEN NULL ELSE sent END, state = 'pending', changed_at = $2 \
         WHERE application_id = $1 AND (state IN ('failed', 'conflict', 'drift') OR attempts > 0)");
    tx.run(query.bind_text(application).bind(now)).await
}
