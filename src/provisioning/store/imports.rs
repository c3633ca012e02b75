//! SQL of people who are brought in. A row is taken from its import in the transaction that makes the person.

use crate::base::id::{ApplicationId, ImportId, UserId};
use crate::base::{Error, Result, Timestamp};
use crate::db::{Executor, Row as DbRow, Tx, sql};
use crate::directory::NewPerson;
use crate::directory::login_name::fold;
use crate::provisioning::import::{Asker, Counts, Job, Problem, Row, RowStatus, Verdict};

/// Characters of a name that lists are ordered by.
const SORTED_BY: usize = 200;

/// A name as lists are ordered by it: its beginning, without the characters that separate a name from an id.
pub(in crate::provisioning) fn folded(name: &str) -> String {
    fold(name).chars().filter(|character| !character.is_control()).take(SORTED_BY).collect()
}

fn read(row: &DbRow) -> Result<Row> {
    Ok(Row {
        remote_id: row.text("remote_id")?,
        user_name: row.text("user_name")?,
        name: row.text("name")?,
        email: row.text("email")?,
        active: row.bool("active")?,
        status: row.parse("status")?,
        code: row.opt_text("code")?,
        message: row.opt_text("message")?,
        user: row.opt_parse("user_id")?,
        waiting: row.bool("waiting")?,
        seen_at: row.time("seen_at")?,
    })
}

fn read_job(row: &DbRow) -> Result<Job> {
    Ok(Job {
        id: row.parse("id")?,
        status: row.text("status")?,
        total: row.int("total")?,
        imported: row.int("imported")?,
        skipped: row.int("skipped")?,
        failed: row.int("failed")?,
        created_at: row.time("created_at")?,
        finished_at: row.opt_time("finished_at")?,
    })
}

/// Stages somebody as they were read. What an import that runs has yet to make of them stays.
pub(in crate::provisioning) async fn stage(
    tx: &mut Tx,
    application: ApplicationId,
    row: &Row,
    person: &NewPerson,
) -> Result<()> {
    let person = serde_json::to_string(person).map_err(Error::internal)?;
    let query = sql(
        "INSERT INTO import_rows (application_id, remote_id, sort_key, user_name, name, email, active, person, \
         status, code, message, user_id, waiting, seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, FALSE, $13) \
         ON CONFLICT (application_id, remote_id) DO UPDATE SET sort_key = excluded.sort_key, \
         user_name = excluded.user_name, name = excluded.name, email = excluded.email, active = excluded.active, \
         person = excluded.person, status = excluded.status, code = excluded.code, message = excluded.message, \
         user_id = excluded.user_id, seen_at = excluded.seen_at",
    );
    let query = query
        .bind_text(application)
        .bind(row.remote_id.clone())
        .bind(folded(&row.name))
        .bind(row.user_name.clone())
        .bind(row.name.clone())
        .bind(row.email.clone())
        .bind(row.active)
        .bind(person)
        .bind(row.status.as_str())
        .bind(row.code.clone())
        .bind(row.message.clone())
        .bind(row.user.map(|user| user.to_string()))
        .bind(row.seen_at);
    tx.run(query).await.map(drop)
}

/// Keeps every other writer away from somebody who was read before, until the transaction ends. Answers whom an import
/// made of them.
pub(in crate::provisioning) async fn hold(
    tx: &mut Tx,
    application: ApplicationId,
    remote_id: &str,
) -> Result<Option<UserId>> {
    let query = sql("UPDATE import_rows SET waiting = waiting WHERE application_id = $1 AND remote_id = $2 \
         RETURNING CASE WHEN job_id IS NULL THEN NULL ELSE user_id END AS user_id");
    let row = tx.optional(query.bind_text(application).bind(remote_id)).await?;
    Ok(row.map(|row| row.opt_parse("user_id")).transpose()?.flatten())
}

/// Of those who were not read any more since `began`, notes of whoever is somebody here that they are missing there (IM-06),
/// and forgets the others, but for those whom an import is about to make.
pub(in crate::provisioning) async fn settle_unseen(
    tx: &mut Tx,
    application: ApplicationId,
    began: Timestamp,
    hides_inactive: bool,
) -> Result<()> {
    let query = sql("DELETE FROM import_rows WHERE application_id = $1 AND seen_at < $2 AND NOT waiting \
         AND (status <> 'imported' OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = import_rows.user_id) \
         OR user_id IN (SELECT o.user_id FROM import_rows o WHERE o.application_id = $1 AND o.seen_at >= $2 \
         AND o.status = 'imported'))");
    tx.run(query.bind_text(application).bind(began)).await?;
    if hides_inactive {
        // They may be there, and inactive.
        return Ok(());
    }
    let query = sql("UPDATE import_rows SET code = 'missing_there', message = \
         'Not there any more. Nobody here is changed by that.' \
         WHERE application_id = $1 AND seen_at < $2 AND NOT waiting AND status = 'imported'");
    tx.run(query.bind_text(application).bind(began)).await.map(drop)
}

/// Whether the last reading for an import found this account to be of somebody who is here.
pub(in crate::provisioning) async fn is_of_ours(
    executor: &mut impl Executor,
    application: ApplicationId,
    remote_id: &str,
) -> Result<bool> {
    let query = sql("SELECT u.id FROM import_rows r JOIN users u ON u.id = r.user_id \
         WHERE r.application_id = $1 AND r.remote_id = $2 AND r.status = 'imported'");
    Ok(executor.optional(query.bind_text(application).bind(remote_id)).await?.is_some())
}

/// By name; `after`: the name and id that the page before ended with.
pub(in crate::provisioning) async fn list(
    executor: &mut impl Executor,
    application: ApplicationId,
    status: Option<RowStatus>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Row>> {
    let (name, remote_id) = after.and_then(|after| after.split_once('\u{1f}')).unwrap_or_default();
    let query = sql("SELECT * FROM import_rows WHERE application_id = $1 AND ($2 = '' OR status = $2) \
         AND (sort_key > $3 OR (sort_key = $3 AND remote_id > $4)) ORDER BY sort_key, remote_id LIMIT $5");
    let query = query
        .bind_text(application)
        .bind(status.map_or("", RowStatus::as_str))
        .bind(name)
        .bind(remote_id)
        .bind(limit);
    executor.all(query).await?.iter().map(read).collect()
}

pub(in crate::provisioning) async fn counts(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Counts> {
    let query = sql("SELECT status, COUNT(*) AS n, \
         CAST(SUM(CASE WHEN active AND NOT waiting THEN 1 ELSE 0 END) AS BIGINT) AS open, \
         MAX(seen_at) AS read_at FROM import_rows WHERE application_id = $1 GROUP BY status");
    let mut counts = Counts::default();
    for row in executor.all(query.bind_text(application)).await? {
        let n = row.int("n")?;
        counts.all += n;
        counts.read_at = counts.read_at.max(row.opt_time("read_at")?);
        match row.parse("status")? {
            RowStatus::New => (counts.new, counts.open) = (n, row.int("open")?),
            RowStatus::Imported => counts.imported = n,
            RowStatus::Conflict => counts.conflict = n,
            RowStatus::Error => counts.error = n,
        }
    }
    Ok(counts)
}

/// Puts somebody into an import. Answers whether they are known.
pub(in crate::provisioning) async fn choose(
    tx: &mut Tx,
    application: ApplicationId,
    remote_id: &str,
    job: ImportId,
) -> Result<bool> {
    let query = sql("UPDATE import_rows SET job_id = $3, waiting = TRUE \
         WHERE application_id = $1 AND remote_id = $2");
    Ok(tx.run(query.bind_text(application).bind(remote_id).bind_text(job)).await? == 1)
}

/// Puts everyone who is new and active into an import. Answers how many.
pub(in crate::provisioning) async fn choose_all_new(
    tx: &mut Tx,
    application: ApplicationId,
    job: ImportId,
) -> Result<i64> {
    let query = sql("UPDATE import_rows SET job_id = $2, waiting = TRUE \
         WHERE application_id = $1 AND status = 'new' AND active");
    let count = tx.run(query.bind_text(application).bind_text(job)).await?;
    i64::try_from(count).map_err(Error::internal)
}

pub(in crate::provisioning) async fn insert_job(
    tx: &mut Tx,
    application: ApplicationId,
    job: ImportId,
    total: i64,
    asker: &Asker,
    now: Timestamp,
) -> Result<()> {
    let query = sql(
        "INSERT INTO import_jobs (id, application_id, status, total, imported, skipped, failed, asker_kind, \
         asker_id, asker_name, created_at) VALUES ($1, $2, 'running', $3, 0, 0, 0, $4, $5, $6, $7)",
    );
    let query = query
        .bind_text(job)
        .bind_text(application)
        .bind(total)
        .bind(asker.kind.clone())
        .bind(asker.id.clone())
        .bind(asker.name.clone())
        .bind(now);
    tx.run(query).await.map(drop)
}

pub(in crate::provisioning) async fn find_job(
    executor: &mut impl Executor,
    application: ApplicationId,
    job: ImportId,
) -> Result<Option<Job>> {
    let query = sql("SELECT * FROM import_jobs WHERE application_id = $1 AND id = $2");
    executor.optional(query.bind_text(application).bind_text(job)).await?.as_ref().map(read_job).transpose()
}

pub(in crate::provisioning) async fn latest_job(
    executor: &mut impl Executor,
    application: ApplicationId,
) -> Result<Option<Job>> {
    let query =
        sql("SELECT * FROM import_jobs WHERE application_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1");
    executor.optional(query.bind_text(application)).await?.as_ref().map(read_job).transpose()
}

pub(in crate::provisioning) async fn problems(
    executor: &mut impl Executor,
    job: ImportId,
    limit: i64,
) -> Result<Vec<Problem>> {
    let query =
        sql("SELECT remote_id, name, code, message FROM import_rows WHERE job_id = $1 AND NOT waiting \
         AND code IS NOT NULL AND code <> 'missing_there' ORDER BY sort_key, remote_id LIMIT $2");
    let rows = executor.all(query.bind_text(job).bind(limit)).await?;
    let problem = |row: &DbRow| {
        Ok(Problem {
            remote_id: row.text("remote_id")?,
            name: row.text("name")?,
            code: row.opt_text("code")?.unwrap_or_default(),
            message: row.opt_text("message")?.unwrap_or_default(),
        })
    };
    rows.iter().map(problem).collect()
}

/// An import that runs.
pub(in crate::provisioning) struct Running {
    pub(in crate::provisioning) id: ImportId,
    pub(in crate::provisioning) application: ApplicationId,
    pub(in crate::provisioning) asker: Asker,
}

pub(in crate::provisioning) async fn list_running(executor: &mut impl Executor) -> Result<Vec<Running>> {
    let rows = executor
        .all(sql("SELECT * FROM import_jobs WHERE status = 'running' ORDER BY created_at, id"))
        .await?;
    let running = |row: &DbRow| {
        Ok(Running {
            id: row.parse("id")?,
            application: row.parse("application_id")?,
            asker: Asker {
                kind: row.text("asker_kind")?,
                id: row.text("asker_id")?,
                name: row.text("asker_name")?,
            },
        })
    };
    rows.iter().map(running).collect()
}

pub(in crate::provisioning) async fn next_waiting(
    executor: &mut impl Executor,
    job: ImportId,
) -> Result<Option<String>> {
    let query = sql("SELECT remote_id FROM import_rows WHERE job_id = $1 AND waiting \
         ORDER BY sort_key, remote_id LIMIT 1");
    executor.optional(query.bind_text(job)).await?.map(|row| row.text("remote_id")).transpose()
}

/// Somebody who is to be made.
pub(in crate::provisioning) struct Waiting {
    pub(in crate::provisioning) status: RowStatus,
    pub(in crate::provisioning) active: bool,
    pub(in crate::provisioning) code: Option<String>,
    pub(in crate::provisioning) message: Option<String>,
    /// JSON of a [`NewPerson`].
    pub(in crate::provisioning) person: String,
}

/// Takes somebody from their import; `None`: somebody else has.
pub(in crate::provisioning) async fn take_waiting(
    tx: &mut Tx,
    job: &Running,
    remote_id: &str,
) -> Result<Option<Waiting>> {
    let query = sql("UPDATE import_rows SET waiting = FALSE WHERE application_id = $1 AND remote_id = $2 \
         AND job_id = $3 AND waiting RETURNING *");
    let row = tx.optional(query.bind_text(job.application).bind(remote_id).bind_text(job.id)).await?;
    let waiting = |row: DbRow| {
        Ok(Waiting {
            status: row.parse("status")?,
            active: row.bool("active")?,
            code: row.opt_text("code")?,
            message: row.opt_text("message")?,
            person: row.text("person")?,
        })
    };
    row.map(waiting).transpose()
}

pub(in crate::provisioning) async fn note_made(
    tx: &mut Tx,
    job: &Running,
    remote_id: &str,
    user: UserId,
) -> Result<()> {
    let query = sql("UPDATE import_rows SET status = 'imported', code = NULL, message = NULL, user_id = $3 \
         WHERE application_id = $1 AND remote_id = $2");
    tx.run(query.bind_text(job.application).bind(remote_id).bind_text(user)).await?;
    tx.run(sql("UPDATE import_jobs SET imported = imported + 1 WHERE id = $1").bind_text(job.id))
        .await
        .map(drop)
}

pub(in crate::provisioning) async fn note_left_out(
    tx: &mut Tx,
    job: &Running,
    remote_id: &str,
    code: &str,
    message: &str,
) -> Result<()> {
    let query = sql("UPDATE import_rows SET code = $3, message = $4 \
         WHERE application_id = $1 AND remote_id = $2");
    tx.run(query.bind_text(job.application).bind(remote_id).bind(code).bind(message)).await?;
    tx.run(sql("UPDATE import_jobs SET skipped = skipped + 1 WHERE id = $1").bind_text(job.id))
        .await
        .map(drop)
}

pub(in crate::provisioning) async fn note_failed(
    tx: &mut Tx,
    job: &Running,
    remote_id: &str,
    verdict: &Verdict,
) -> Result<()> {
    let query = sql("UPDATE import_rows SET status = $3, code = $4, message = $5 \
         WHERE application_id = $1 AND remote_id = $2");
    let query = query
        .bind_text(job.application)
        .bind(remote_id)
        .bind(verdict.status.as_str())
        .bind(verdict.code.clone())
        .bind(verdict.message.clone());
    tx.run(query).await?;
    tx.run(sql("UPDATE import_jobs SET failed = failed + 1 WHERE id = $1").bind_text(job.id)).await.map(drop)
}

/// Ends an import before its time: whoever waits is let go of. `None`: it has ended.
pub(in crate::provisioning) async fn cancel(
    tx: &mut Tx,
    job: ImportId,
    now: Timestamp,
) -> Result<Option<Job>> {
    // People before their import, as in the making of them.
    tx.run(sql("UPDATE import_rows SET waiting = FALSE WHERE job_id = $1 AND waiting").bind_text(job))
        .await?;
    let query = sql("UPDATE import_jobs SET status = 'cancelled', finished_at = $2 \
         WHERE id = $1 AND status = 'running' RETURNING *");
    tx.optional(query.bind_text(job).bind(now)).await?.as_ref().map(read_job).transpose()
}

/// Ends an import in which nobody waits any more. `None`: somebody else has, or somebody waits. Some were let go of where
/// not all were brought to an end.
pub(in crate::provisioning) async fn finish(
    tx: &mut Tx,
    job: ImportId,
    now: Timestamp,
) -> Result<Option<Job>> {
    let query = sql(
        "UPDATE import_jobs SET finished_at = $2, status = CASE WHEN imported + skipped + failed < total \
         THEN 'cancelled' ELSE 'done' END WHERE id = $1 AND status = 'running' \
         AND NOT EXISTS (SELECT 1 FROM import_rows r WHERE r.job_id = $1 AND r.waiting) RETURNING *",
    );
    tx.optional(query.bind_text(job).bind(now)).await?.as_ref().map(read_job).transpose()
}
