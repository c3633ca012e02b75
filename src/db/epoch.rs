//! Cache epochs: every write that memory may have copied bumps a counter in its own transaction, and memory is
//! trusted only after the counter was read (decision 22). So a node, or a command beside the server, can't leave
//! another with a revoked session, binding or key.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::base::{Error, Result};
use crate::db::{Db, Executor, Reader, Tx, spawn_essential, sql};

/// For how long callers gather while several come at once.
const GATHER: Duration = Duration::from_millis(2);
/// Callers answered by one read at most.
const MAX_CALLERS: usize = 1024;

/// The counters, one for each family of things that memory copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Epochs {
    /// People, groups, memberships.
    pub directory: i64,
    /// Applications, bindings, keys.
    pub applications: i64,
    /// Ended sessions, revoked tokens, changed roles.
    pub sessions: i64,
    /// Settings.
    pub settings: i64,
}

/// Which counter to bump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// People, groups, memberships.
    Directory,
    /// Applications, bindings, keys.
    Applications,
    /// Ended sessions, revoked tokens, changed roles.
    Sessions,
    /// Settings.
    Settings,
}

/// Reads the counters for many requests at once: each gets a read that began after it had asked, and those who ask
/// meanwhile share the next one. Cheap to clone; the reading task ends when the last handle is gone.
#[derive(Clone, Debug)]
pub struct EpochReader(mpsc::UnboundedSender<oneshot::Sender<Result<Epochs>>>);

impl EpochReader {
    /// Starts the reading task on the current runtime.
    #[must_use]
    pub fn start(db: Db) -> Self {
        let (asking, mut asked) = mpsc::unbounded_channel();
        spawn_essential("epochs", async move {
            let mut callers: Vec<oneshot::Sender<Result<Epochs>>> = Vec::new();
            while asked.recv_many(&mut callers, MAX_CALLERS).await > 0 {
                let read = read(db.reader()).await;
                let crowded = callers.len() > 1;
                for caller in callers.drain(..) {
                    // Who went away meanwhile needs no answer.
                    let _ = caller.send(match &read {
                        Ok(epochs) => Ok(*epochs),
                        Err(error) => Err(error.again()),
                    });
                }
                if crowded {
                    // Requests come thick and fast: the next read is for more of them.
                    tokio::time::sleep(GATHER).await;
                }
            }
        });
        Self(asking)
    }

    /// The counters as they are now.
    pub async fn read(&self) -> Result<Epochs> {
        let (caller, answer) = oneshot::channel();
        self.0.send(caller).map_err(|_| Error::internal("the reading task has ended"))?;
        answer.await.map_err(|_| Error::internal("the reading task has ended"))?
    }
}

/// Reads all counters: one statement, before anything cached is used.
pub async fn read(mut reader: Reader<'_>) -> Result<Epochs> {
    let row = reader
        .one(sql("SELECT directory, applications, sessions, settings FROM cache_epochs WHERE id = 1"))
        .await?;
    Ok(Epochs {
        directory: row.int("directory")?,
        applications: row.int("applications")?,
        sessions: row.int("sessions")?,
        settings: row.int("settings")?,
    })
}

/// Bumps a counter in the transaction of the change.
pub async fn bump(tx: &mut Tx, scope: Scope) -> Result<()> {
    let query = match scope {
        Scope::Directory => sql("UPDATE cache_epochs SET directory = directory + 1 WHERE id = 1"),
        Scope::Applications => sql("UPDATE cache_epochs SET applications = applications + 1 WHERE id = 1"),
        Scope::Sessions => sql("UPDATE cache_epochs SET sessions = sessions + 1 WHERE id = 1"),
        Scope::Settings => sql("UPDATE cache_epochs SET settings = settings + 1 WHERE id = 1"),
    };
    tx.run(query).await.map(drop)
}
