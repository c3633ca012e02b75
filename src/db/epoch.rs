//! Cache epochs: every write that memory may have copied bumps a counter in its own transaction, and memory is
//! trusted only after the counter was read (decision 22). So a node, or a command beside the server, can't leave
//! another with a revoked session, binding or key.

use crate::base::Result;
use crate::db::{Executor, Reader, Tx, sql};

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
