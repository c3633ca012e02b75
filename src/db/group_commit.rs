//! Group commit: writes that arrive together share one transaction and one disk flush, and each caller hears of
//! its own only once it is durable. Sign-on events go this way: alone, each would cost a flush.
//!
//! A write is all or nothing by itself: when one of a group fails, the group is rolled back and each is tried
//! alone, so that a bad one harms no other. Rows that a group adds to one table go in one statement: what a statement
//! costs is the way to the database and back, not the row.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use crate::base::{Error, Kind, Result};
use crate::db::{Db, Query, Tx, Value};

/// Most writes in one transaction.
const MAX_GROUP: usize = 256;
/// Writes that may wait; beyond it callers are told to come back.
const MAX_WAITING: usize = 4096;

/// Most rows in one statement: twelve columns each stay far below what either database binds.
const MAX_ROWS: usize = 64;

/// One statement of a write.
#[derive(Clone, Debug)]
pub enum Step {
    /// Must touch exactly one row; the error is for when it does not. Runs before any row is added.
    One(Query, fn() -> Error),
    /// Adds one row (`INSERT … VALUES (…)`), in one statement with those of the same text.
    Row(Query),
    /// Adds one row or replaces it; so many leading values are its key. The last one of a key counts.
    Latest(Query, usize),
}

struct Waiting {
    steps: Vec<Step>,
    done: oneshot::Sender<Result<()>>,
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
        tokio::spawn(run(db, waiting));
        Self { queue }
    }

    /// Writes the steps in one transaction, shared with others; answers when it is durable.
    pub async fn write(&self, steps: Vec<Step>) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Waiting { steps, done }).map_err(|_| {
            Error::new(
                Kind::Unavailable,
                "overloaded",
                "Too many people are signing on at this moment. Try again.",
            )
            .retry_after(1)
        })?;
        answer.await.map_err(|_| Error::internal("the writing task has ended"))?
    }
}

async fn run(db: Db, mut queue: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while queue.recv_many(&mut group, MAX_GROUP).await > 0 {
        if commit(&db, &group).await.is_ok() {
            for waiting in group.drain(..) {
                // A caller that went away has nobody to tell; its write is durable all the same.
                let _ = waiting.done.send(Ok(()));
            }
        } else {
            for waiting in group.drain(..) {
                let result = commit(&db, std::slice::from_ref(&waiting)).await;
                let _ = waiting.done.send(result);
            }
        }
    }
}

async fn commit(db: &Db, writes: &[Waiting]) -> Result<()> {
    let mut tx = db.begin().await?;
    let mut rows = Rows::default();
    for step in writes.iter().flat_map(|write| &write.steps) {
        match step {
            Step::One(query, missing) => tx.run_one(query.clone(), *missing).await?,
            Step::Row(query) => rows.add(query),
            Step::Latest(query, key) => rows.replace(query, *key),
        }
    }
    rows.write(&mut tx).await?;
    tx.commit().await
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
            let mut rest = self.by_text[text].as_slice();
            while !rest.is_empty() {
                // Powers of two, so that few texts have to be prepared.
                let count = MAX_ROWS.min(1 << rest.len().ilog2());
                let (rows, later) = rest.split_at(count);
                tx.insert_rows(text, rows).await?;
                rest = later;
            }
        }
        Ok(())
    }
}
