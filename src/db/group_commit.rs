//! Group commit: writes that arrive together share one transaction and one disk flush, and each caller hears of
//! its own only once it is durable. Sign-on events go this way: alone, each would cost a flush.
//!
//! A write is all or nothing by itself: when one of a group fails, the group is rolled back and each is tried
//! alone, so that a bad one harms no other.

use tokio::sync::{mpsc, oneshot};

use crate::base::{Error, Kind, Result};
use crate::db::{Db, Query, Tx};

/// Most writes in one transaction.
const MAX_GROUP: usize = 256;
/// Writes that may wait; beyond it callers are told to come back.
const MAX_WAITING: usize = 4096;

/// One statement of a write.
#[derive(Clone, Debug)]
pub struct Step {
    /// The statement.
    pub query: Query,
    /// When set, the statement must touch exactly one row, and this is the error if it does not.
    pub must_touch: Option<fn() -> Error>,
}

impl Step {
    /// A statement that may touch any number of rows.
    #[must_use]
    pub fn any(query: Query) -> Self {
        Self { query, must_touch: None }
    }

    /// A statement that must touch exactly one row.
    #[must_use]
    pub fn one(query: Query, missing: fn() -> Error) -> Self {
        Self { query, must_touch: Some(missing) }
    }
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
        if commit(&db, group.iter().map(|w| w.steps.as_slice())).await.is_ok() {
            for waiting in group.drain(..) {
                // A caller that went away has nobody to tell; its write is durable all the same.
                let _ = waiting.done.send(Ok(()));
            }
        } else {
            for waiting in group.drain(..) {
                let result = commit(&db, std::iter::once(waiting.steps.as_slice())).await;
                let _ = waiting.done.send(result);
            }
        }
    }
}

async fn commit(db: &Db, writes: impl Iterator<Item = &[Step]> + Send) -> Result<()> {
    let mut tx = db.begin().await?;
    for steps in writes {
        apply(&mut tx, steps).await?;
    }
    tx.commit().await
}

async fn apply(tx: &mut Tx, steps: &[Step]) -> Result<()> {
    for step in steps {
        match step.must_touch {
            Some(missing) => tx.run_one(step.query.clone(), missing).await?,
            None => drop(tx.run(step.query.clone()).await?),
        }
    }
    Ok(())
}
