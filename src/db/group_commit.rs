//! Group commit: writes that arrive together share one transaction and one disk flush, and each caller hears of
//! its own only once it is durable. Sign-on events go this way: alone, each would cost a flush.
//!
//! A write is all or nothing by itself. One that finds what it needs gone (a handle that was used, a request that was seen
//! before) drops out and harms no other; when the group fails for another reason, each is tried alone. Rows that a group
//! adds to one table go in one statement.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::base::{Error, Kind, Result};
use crate::db::{Db, IN_THE_WAY, Query, Tx, Value, spawn_essential};

/// For how long writes gather while several come at once.
const GATHER: Duration = Duration::from_millis(8);
/// How long a write may wait for its turn. What was decided longer ago is not to be made good any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most writes in one transaction.
const MAX_GROUP: usize = 256;
/// Writes that may wait; beyond it callers are told to come back.
const MAX_WAITING: usize = 4096;

/// One statement of a write.
#[derive(Clone, Debug)]
pub enum Step {
    /// Must touch exactly one row; the error is for when it does not. Runs before any row is added.
    One(Query, fn() -> Error),
    /// Touches as many rows as it touches. Runs before any row is added, after those that must touch one.
    Any(Query),
    /// Adds one row (`INSERT … VALUES (…)`), in one statement with those of the same text.
    Row(Query),
    /// Adds one row or replaces it; so many leading values are its key. The last one of a key counts.
    Latest(Query, usize),
}

type Done = Box<dyn FnOnce(Result<()>) + Send>;

struct Waiting {
    steps: Vec<Step>,
    done: Done,
    since: Instant,
}

/// Handle to the writing task. Cheap to clone; the task ends when the last handle is gone.
#[derive(Clone, Debug)]
pub struct GroupCommit {
    queue: mpsc::Sender<Waiting>,
}

impl GroupCommit {
    /// Starts the writing task on the current runtime.
    #[must_use]
    pub fn start(db: Db) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        spawn_essential("group commit", run(db, waiting));
        Self { queue }
    }

    /// Writes the steps in one transaction, shared with others; answers when it is durable.
    pub async fn write(&self, steps: Vec<Step>) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.write_then(steps, move |result| {
            // A caller that went away has nobody to tell; its write is durable all the same.
            let _ = done.send(result);
        });
        answer.await.map_err(|_| Error::internal("the writing task has ended"))?
    }

    /// Writes the steps in one transaction, shared with others, and calls `done` when it is durable or has failed. For
    /// threads that don't wait; `done` runs on the writing task and must be short.
    pub fn write_then(&self, steps: Vec<Step>, done: impl FnOnce(Result<()>) + Send + 'static) {
        let waiting = Waiting { steps, done: Box::new(done), since: Instant::now() };
        match self.queue.try_send(waiting) {
            Ok(()) => {}
            Err(TrySendError::Full(waiting)) => (waiting.done)(Err(overloaded())),
            Err(TrySendError::Closed(waiting)) => {
                (waiting.done)(Err(Error::internal("the writing task has ended")));
            }
        }
    }
}

fn overloaded() -> Error {
    Error::new(Kind::Unavailable, "overloaded", "Too many people are signing on at this moment. Try again.")
        .retry_after(1)
}

async fn run(db: Db, mut queue: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while queue.recv_many(&mut group, MAX_GROUP).await > 0 {
        let (mut writes, mut callers) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for waiting in group.drain(..) {
            if waiting.since.elapsed() > PATIENCE {
                (waiting.done)(Err(overloaded()));
            } else {
                writes.push(waiting.steps);
                callers.push(waiting.done);
            }
        }
        let crowded = writes.len() > 1;
        // Who locks several rows locks them in one order, else two groups of two nodes could wait for each other.
        let mut both: Vec<_> = writes.into_iter().zip(callers).collect();
        both.sort_by(|(one, _), (other, _)| {
            last_checked(one).partial_cmp(&last_checked(other)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let (writes, callers): (Vec<_>, Vec<_>) = both.into_iter().unzip();
        match commit(&db, &writes).await {
            Ok(results) => {
                for (done, result) in callers.into_iter().zip(results) {
                    done(result);
                }
            }
            // The database is out of reach or full: it is so for each of them.
            Err(error)
                if matches!(error.kind, Kind::Unavailable | Kind::StorageFull)
                    && error.code != IN_THE_WAY =>
            {
                for done in callers {
                    done(Err(error.again()));
                }
            }
            Err(_) => {
                for (steps, done) in writes.iter().zip(callers) {
                    let alone = commit(&db, std::slice::from_ref(steps)).await;
                    done(alone.and_then(|results| results.into_iter().collect()));
                }
            }
        }
        if crowded {
            // Others come at the same time: the next flush is for more of them. Nobody waits who comes alone.
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// The values of the last step that must touch a row.
fn last_checked(steps: &[Step]) -> Option<&[Value]> {
    steps.iter().rev().find_map(|step| match step {
        Step::One(query, _) => Some(query.values.as_slice()),
        _ => None,
    })
}

/// Answers what became of each write.
async fn commit(db: &Db, writes: &[Vec<Step>]) -> Result<Vec<Result<()>>> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let mut rows = Rows::default();
    let mut results = Vec::with_capacity(writes.len());
    for steps in writes {
        let result = take_up(&mut tx, steps).await?;
        if result.is_ok() {
            for step in steps {
                match step {
                    Step::One(..) | Step::Any(_) => {}
                    Step::Row(query) => rows.add(query),
                    Step::Latest(query, key) => rows.replace(query, *key),
                }
            }
        }
        results.push(result);
    }
    rows.write(&mut tx).await?;
    tx.commit().await?;
    Ok(results)
}

/// Runs the steps of one write that must each touch a row. The inner error: the first of them touched none, so that
/// nothing of the write is done.
async fn take_up(tx: &mut Tx, steps: &[Step]) -> Result<Result<()>> {
    let ones = steps.iter().filter_map(|step| match step {
        Step::One(query, missing) => Some((query, missing)),
        _ => None,
    });
    for (nth, (query, missing)) in ones.enumerate() {
        match tx.run(query.clone()).await? {
            1 => {}
            0 if nth == 0 => return Ok(Err(missing())),
            0 => return Err(missing()),
            n => return Err(Error::internal(format!("a statement for one row touched {n}"))),
        }
    }
    for step in steps {
        if let Step::Any(query) = step {
            tx.run(query.clone()).await?;
        }
    }
    Ok(Ok(()))
}

/// Rows by statement, the statements in the order in which they first came: a row that others refer to comes before
/// them.
#[derive(Default)]
struct Rows<'a> {
    texts: Vec<&'static str>,
    by_text: HashMap<&'static str, Vec<&'a [Value]>>,
}

impl<'a> Rows<'a> {
    fn of(&mut self, text: &'static str) -> &mut Vec<&'a [Value]> {
        self.by_text.entry(text).or_insert_with(|| {
            self.texts.push(text);
            Vec::new()
        })
    }

    fn add(&mut self, query: &'a Query) {
        self.of(query.text).push(&query.values);
    }

    fn replace(&mut self, query: &'a Query, key: usize) {
        let rows = self.of(query.text);
        match rows.iter_mut().find(|row| row[..key] == query.values[..key]) {
            Some(row) => *row = &query.values,
            None => rows.push(&query.values),
        }
    }

    async fn write(self, tx: &mut Tx) -> Result<()> {
        for text in self.texts {
            tx.insert_rows(text, &self.by_text[text]).await?;
        }
        Ok(())
    }
}
