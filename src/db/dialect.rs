//! The few statements that can't be written the same for both databases.

use crate::base::Result;
use crate::db::{Db, Executor, Query, Tx, sql};

/// Takes a lock that lasts until the transaction ends, for work only one node may do at a time (the sealing of
/// events). SQLite has one writer anyway.
pub async fn lock_for_transaction(tx: &mut Tx, name: i64) -> Result<()> {
    match tx {
        Tx::Sqlite(_) => Ok(()),
        Tx::Postgres(_) => tx.run(sql("SELECT pg_advisory_xact_lock($1)").bind(name)).await.map(drop),
    }
}

/// Whether Tessera's tables are there.
pub async fn has_schema(db: &Db) -> Result<bool> {
    let query = if db.is_sqlite() {
        sql("PRAGMA table_info(settings)")
    } else {
        sql("SELECT 'settings' AS name WHERE to_regclass('settings') IS NOT NULL")
    };
    Ok(db.reader().optional(query).await?.is_some())
}

/// A check of the whole file for damage; PostgreSQL does its own.
#[must_use]
pub fn integrity_check(db: &Db) -> Option<Query> {
    db.is_sqlite().then(|| sql("PRAGMA integrity_check"))
}
