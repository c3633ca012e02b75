//! Bringing people in from an application: reading who is there, showing what each would become here, and making those
//! who were chosen. What was read is staged and changes nobody (IM-01); people are made one by one, each once, whatever
//! happens in between (IM-02); and nothing but mapped properties comes in (IM-03).
//!
//! Whoever is brought in is staged, and none of the ledger's: they are managed at the application only once they are
//! active and in a bound group. Start with [`Engine::scan_people`](crate::provisioning::engine::Engine::scan_people) and
//! [`begin`]; [`turn`] does the work.

mod person;
mod scan;
mod work;

pub(in crate::provisioning) use scan::Verdict;
pub use work::turn;

use std::collections::HashSet;

use serde::Serialize;

use crate::applications::{self, Application};
use crate::base::id::{ApplicationId, ImportId, TokenId, UserId};
use crate::base::paging::{Page, PageRequest};
use crate::base::vocabulary::vocabulary;
use crate::base::{Actor, Ctx, Error, FieldError, Result, Timestamp};
use crate::db::{Db, Executor};
use crate::events::{Event, EventName, record};
use crate::provisioning::connection::{self, event};
use crate::provisioning::store::{connections, imports as store};

/// Most people that are chosen at once by name.
pub const MAX_CHOSEN: usize = 20_000;
/// From so many on, whoever began an import is told its end by mail.
pub const MAILED_FROM: i64 = 100;
/// People who could not be brought in that are named with a job.
const NAMED: i64 = 200;

vocabulary! {
    /// What a person of the other side is to us.
    RowStatus {
        /// Nobody here.
        #[default]
        New = "new",
        /// Somebody here.
        Imported = "imported",
        /// Not clearly nobody, and not clearly somebody.
        Conflict = "conflict",
        /// Nobody can be made of what is known of them.
        Error = "error",
    }
}

/// A person of the other side, as they were read last.
#[derive(Clone, Debug)]
pub struct Row {
    /// Their id there.
    pub remote_id: String,
    /// What they sign in as there.
    pub user_name: String,
    /// How they are called.
    pub name: String,
    /// Their address; may be empty.
    pub email: String,
    /// Whether they are active there. Whoever is not is not made here.
    pub active: bool,
    /// What they are to us.
    pub status: RowStatus,
    /// Stable code of what is in the way.
    pub code: Option<String>,
    /// The same in words.
    pub message: Option<String>,
    /// Who they are here, if they are.
    pub user: Option<UserId>,
    /// Whether an import is about to make them.
    pub waiting: bool,
    /// When they were read.
    pub seen_at: Timestamp,
}

impl Row {
    /// Whether they can be chosen.
    #[must_use]
    pub fn can_be_chosen(&self) -> bool {
        self.status == RowStatus::New && self.active && !self.waiting
    }

    /// Where they are in the list.
    fn sort_key(&self) -> String {
        format!("{}\u{1f}{}", store::folded(&self.name), self.remote_id)
    }
}

/// How an import goes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ImportId,
    /// `running`, `done`, `cancelled`
    pub status: String,
    /// How many were chosen.
    pub total: i64,
    /// How many people were made.
    pub imported: i64,
    /// How many were left out: suspended there, or here already.
    pub skipped: i64,
    /// How many could not be made.
    pub failed: i64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl Job {
    /// How many it is through with.
    #[must_use]
    pub fn done(&self) -> i64 {
        self.imported + self.skipped + self.failed
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// Whether it ended before its time.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.status == "cancelled"
    }
}

/// Whoever was chosen and not made.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Their id there.
    pub remote_id: String,
    /// How they are called.
    pub name: String,
    /// Stable code.
    pub code: String,
    /// What is in the way.
    pub message: String,
}

/// How many there are of each status, as they were read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub all: i64,
    /// Nobody here.
    pub new: i64,
    /// Nobody here, active there, and not about to be made.
    pub open: i64,
    /// Somebody here.
    pub imported: i64,
    /// In the way of somebody.
    pub conflict: i64,
    /// Not usable.
    pub error: i64,
    /// When they were read; `None`: never.
    pub read_at: Option<Timestamp>,
}

/// Who is chosen.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// These, by their ids there.
    These(Vec<String>),
    /// Everyone who is new and active.
    AllNew,
}

/// One page of those who were read last, by name; `status`: only those.
pub async fn list(
    executor: &mut impl Executor,
    id: ApplicationId,
    status: Option<RowStatus>,
    page: &PageRequest,
) -> Result<Page<Row>> {
    let rows = store::list(executor, id, status, page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, Row::sort_key))
}

/// How many there are of each status.
pub async fn counts(executor: &mut impl Executor, id: ApplicationId) -> Result<Counts> {
    store::counts(executor, id).await
}

/// An import of an application.
pub async fn find(executor: &mut impl Executor, id: ApplicationId, job: ImportId) -> Result<Option<Job>> {
    store::find_job(executor, id, job).await
}

/// The import of an application that began last.
pub async fn latest(executor: &mut impl Executor, id: ApplicationId) -> Result<Option<Job>> {
    store::latest_job(executor, id).await
}

/// The first of those who were chosen and not made.
pub async fn problems(executor: &mut impl Executor, job: ImportId) -> Result<Vec<Problem>> {
    store::problems(executor, job, NAMED).await
}

/// Begins an import. Everyone chosen must have been read; one import of an application runs at a time.
pub async fn begin(db: &Db, ctx: &Ctx, id: ApplicationId, chosen: Chosen) -> Result<Job> {
    let job = ImportId::generate(ctx.now(), &ctx.random);
    let mut tx = db.begin().await?;
    let application = applications::require(&mut tx, id).await?;
    let connection = connections::lock(&mut tx, id).await?.ok_or_else(connection::not_configured)?;
    if !connection.is_active() {
        return Err(connection::inactive());
    }
    if store::latest_job(&mut tx, id).await?.is_some_and(|job| job.is_running()) {
        return Err(Error::conflict(
            "import_running",
            "An import from this application is running. Wait for its end.",
        ));
    }
    let total = match chosen {
        Chosen::These(ids) => {
            check(&ids)?;
            let ids = distinct(ids);
            for (at, remote_id) in ids.iter().enumerate() {
                if !store::choose(&mut tx, id, remote_id, job).await? {
                    return Err(Error::field(
                        format!("remote_ids.{at}"),
                        "remote_unknown",
                        "Nobody of this id was seen at the application. List its people first.",
                    ));
                }
            }
            i64::try_from(ids.len()).map_err(Error::internal)?
        }
        Chosen::AllNew => store::choose_all_new(&mut tx, id, job).await?,
    };
    if total == 0 {
        return Err(Error::field("remote_ids", "required", "Choose somebody who is new and active there."));
    }
    store::insert_job(&mut tx, id, job, total, &Asker::of(&ctx.actor), ctx.now()).await?;
    record(&mut tx, ctx, event(EventName::UserImport, &application).detail("chosen", total)).await?;
    let made = store::find_job(&mut tx, id, job).await?.ok_or_else(|| Error::internal("no job"))?;
    tx.commit().await?;
    Ok(made)
}

/// Ends an import before its time. Whoever was made stays.
pub async fn cancel(db: &Db, ctx: &Ctx, id: ApplicationId, job: ImportId) -> Result<Job> {
    let mut tx = db.begin().await?;
    let application = applications::require(&mut tx, id).await?;
    let known = store::find_job(&mut tx, id, job).await?.ok_or_else(|| Error::not_found("import"))?;
    // Who changes many rows of an application holds its connection: one after the other.
    connections::lock(&mut tx, id).await?;
    let Some(ended) = store::cancel(&mut tx, known.id, ctx.now()).await? else {
        return Err(Error::conflict("import_ended", "This import has ended. Look at what became of it."));
    };
    record(&mut tx, ctx, end_event(&application, &ended)).await?;
    tx.commit().await?;
    Ok(ended)
}

/// The event of an import's end.
fn end_event(application: &Application, job: &Job) -> Event {
    event(EventName::UserImportEnd, application)
        .detail("status", job.status.as_str())
        .detail("imported", job.imported)
        .detail("skipped", job.skipped)
        .detail("failed", job.failed)
}

fn check(ids: &[String]) -> Result<()> {
    if ids.is_empty() {
        return Err(Error::field("remote_ids", "required", "Choose at least one person."));
    }
    if ids.len() > MAX_CHOSEN {
        return Err(Error::field(
            "remote_ids",
            "too_many",
            format!("Choose at most {MAX_CHOSEN} people at once."),
        ));
    }
    let faults: Vec<FieldError> = ids
        .iter()
        .enumerate()
        .filter(|(_, id)| id.is_empty() || id.contains('\0'))
        .map(|(at, _)| FieldError {
            field: format!("remote_ids.{at}"),
            code: "remote_unknown".into(),
            message: "That is no id of a person there.".to_owned(),
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

fn distinct(mut ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

/// Who asked for an import: people are made in their name, later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provisioning) struct Asker {
    pub(in crate::provisioning) kind: String,
    pub(in crate::provisioning) id: String,
    pub(in crate::provisioning) name: String,
}

impl Asker {
    fn of(actor: &Actor) -> Self {
        let (kind, id, name) = match actor {
            Actor::User { id, username } => ("user", id.to_string(), username.to_string()),
            Actor::Token { id, name } => ("token", id.to_string(), name.to_string()),
            Actor::CommandLine => ("command_line", String::new(), String::new()),
            Actor::System(_) => ("system", String::new(), String::new()),
            Actor::Anonymous => ("anonymous", String::new(), String::new()),
        };
        Self { kind: kind.to_owned(), id, name }
    }

    fn actor(&self) -> Actor {
        let user = || Some(Actor::User { id: self.id.parse().ok()?, username: self.name.as_str().into() });
        let token =
            || Some(Actor::Token { id: self.id.parse::<TokenId>().ok()?, name: self.name.as_str().into() });
        let actor = match self.kind.as_str() {
            "user" => user(),
            "token" => token(),
            "command_line" => Some(Actor::CommandLine),
            "system" => Some(Actor::System("import")),
            _ => None,
        };
        // Who can't be told may do nothing.
        actor.unwrap_or(Actor::Anonymous)
    }
}
