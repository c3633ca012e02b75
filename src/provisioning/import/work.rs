//! Making those who were chosen, one by one: each in a transaction of its own that takes them from the import, so that a
//! process that ends in the middle, or two nodes at once, make nobody twice and lose nobody (IM-02, IM-04).

use crate::applications::{self, Application};
use crate::auth::{self, Permission};
use crate::base::id::{ApplicationId, UserId};
use crate::base::urls::{self, BaseUrl};
use crate::base::{Actor, Ctx, Error, FieldError, Kind, Result};
use crate::db::{Db, Tx};
use crate::directory::person::PersonState;
use crate::directory::{NewPerson, people};
use crate::events::{Event, Outcome, record};
use crate::mail;
use crate::provisioning::import::scan::Verdict;
use crate::provisioning::import::{Job, MAILED_FROM, RowStatus, end_event};
use crate::provisioning::store::connections;
use crate::provisioning::store::imports::{self as store, Running, Waiting};

/// Takes up every import that runs and brings it to its end; one that fails holds up none of the others. Answers
/// whether there was one.
pub async fn turn(db: &Db, ctx: &Ctx, base: &BaseUrl) -> Result<bool> {
    let running = store::list_running(&mut db.reader()).await?;
    let mut failed = None;
    for job in &running {
        let ctx = ctx.acting_as(job.asker.actor());
        if let Err(error) = bring(db, &ctx, job, base).await {
            failed = Some(error);
        }
    }
    failed.map_or(Ok(!running.is_empty()), Err)
}

async fn bring(db: &Db, ctx: &Ctx, job: &Running, base: &BaseUrl) -> Result<()> {
    while let Some(remote_id) = store::next_waiting(&mut db.reader(), job.id).await? {
        make(db, ctx, job, &remote_id, base).await?;
    }
    finish(db, ctx, job, base).await
}

/// What ends an import before its time: whoever asked may not make people any more, or the application was switched off
/// for people.
async fn hindrance(tx: &mut Tx, ctx: &Ctx, job: &Running) -> Result<Option<&'static str>> {
    if !auth::roles::may(tx, ctx, Permission::PeopleWrite).await? {
        return Ok(Some("role_too_low"));
    }
    let connection = connections::find(tx, job.application).await?;
    Ok((!connection.is_some_and(|connection| connection.is_active())).then_some("provisioning_inactive"))
}

async fn make(db: &Db, ctx: &Ctx, job: &Running, remote_id: &str, base: &BaseUrl) -> Result<()> {
    let mut tx = db.begin().await?;
    if let Some(code) = hindrance(&mut tx, ctx, job).await? {
        connections::lock(&mut tx, job.application).await?;
        if let Some(ended) = store::cancel(&mut tx, job.id, ctx.now()).await?
            && let Some(application) = applications::find(&mut tx, job.application).await?
        {
            let event = end_event(&application, &ended).outcome(Outcome::Failure).detail("code", code);
            record(&mut tx, ctx, event).await?;
            tell_end(&mut tx, ctx, &application, &ended, false, base).await?;
        }
        return tx.commit().await;
    }
    let Some(row) = store::take_waiting(&mut tx, job, remote_id).await? else { return Ok(()) };
    let refused = match try_make(&mut tx, ctx, &row, (job.application, remote_id)).await {
        Ok(Made::Person(user)) => {
            store::note_made(&mut tx, job, remote_id, user).await?;
            return tx.commit().await;
        }
        Ok(Made::LeftOut(code, message)) => {
            store::note_left_out(&mut tx, job, remote_id, code, message).await?;
            return tx.commit().await;
        }
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => error,
        Err(error) => return Err(error),
    };
    // What was half done is undone before it is noted.
    tx.rollback().await?;
    let verdict = Verdict::of(&refused);
    let mut tx = db.begin().await?;
    if store::take_waiting(&mut tx, job, remote_id).await?.is_some() {
        store::note_failed(&mut tx, job, remote_id, &verdict).await?;
    }
    tx.commit().await
}

enum Made {
    Person(UserId),
    LeftOut(&'static str, &'static str),
}

async fn try_make(tx: &mut Tx, ctx: &Ctx, row: &Waiting, from: (ApplicationId, &str)) -> Result<Made> {
    match row.status {
        RowStatus::Imported => return Ok(Made::LeftOut("already_here", "They are here already.")),
        RowStatus::New => {}
        RowStatus::Conflict | RowStatus::Error => {
            let code = row.code.clone().unwrap_or_default();
            let message = row.message.clone().unwrap_or_default();
            return Err(not_importable(row.status, code, message));
        }
    }
    if !row.active {
        return Ok(Made::LeftOut("remote_suspended", "They are suspended at the application."));
    }
    let person: NewPerson = serde_json::from_str(&row.person).map_err(Error::internal)?;
    let (application, remote_id) = from;
    let label = applications::require(tx, application).await?.label;
    let told = |event: Event| {
        event.application(application).detail("application", label.as_str()).detail("remote_id", remote_id)
    };
    let person = people::insert_told(tx, ctx, person, PersonState::Staged, told).await?;
    Ok(Made::Person(person.id))
}

/// What was in their way when they were read still is.
fn not_importable(status: RowStatus, code: String, message: String) -> Error {
    let mut error = if status == RowStatus::Conflict {
        Error::conflict("not_importable", message.clone())
    } else {
        Error::new(Kind::Invalid, "not_importable", message.clone())
    };
    error.fields.push(FieldError { field: "person".to_owned(), code: code.into(), message });
    error
}

async fn finish(db: &Db, ctx: &Ctx, job: &Running, base: &BaseUrl) -> Result<()> {
    let mut tx = db.begin().await?;
    // Whoever finishes it tells.
    let Some(done) = store::finish(&mut tx, job.id, ctx.now()).await? else { return Ok(()) };
    if let Some(application) = applications::find(&mut tx, job.application).await? {
        record(&mut tx, ctx, end_event(&application, &done)).await?;
        tell_end(&mut tx, ctx, &application, &done, true, base).await?;
    }
    tx.commit().await
}

/// Of one that took long, by mail.
async fn tell_end(
    tx: &mut Tx,
    ctx: &Ctx,
    application: &Application,
    job: &Job,
    whole: bool,
    base: &BaseUrl,
) -> Result<()> {
    if job.total < MAILED_FROM {
        return Ok(());
    }
    let page = base.join(&urls::admin_provisioning_import(&application.id.to_string()));
    let message = mail::Message::ImportDone {
        application: &application.label,
        whole,
        imported: job.imported,
        skipped: job.skipped,
        failed: job.failed,
        page: &page,
    };
    for to in recipients(tx, &ctx.actor).await? {
        mail::queue(tx, ctx, &to, &message).await?;
    }
    Ok(())
}

/// Whoever began it; for a program whoever made its token; else the owners.
async fn recipients(tx: &mut Tx, actor: &Actor) -> Result<Vec<String>> {
    let person = match actor {
        Actor::User { id, .. } => Some(*id),
        Actor::Token { id, .. } => auth::api_token::maker(tx, *id).await?,
        Actor::Anonymous | Actor::System(_) | Actor::CommandLine => None,
    };
    if let Some(person) = person
        && let Some(person) = people::find(tx, person).await?
    {
        return Ok(vec![person.email]);
    }
    auth::roles::owners(tx).await
}
