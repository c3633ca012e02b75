//! Pools, transactions, dialect and migrations: one set of SQL texts with `$n` binds on SQLite and PostgreSQL.
//!
//! SQL texts themselves stand in the `store.rs` of each room; this room must not know what they mean. SQLite has
//! exactly one write connection (several only fight for the lock) and a pool of readers; PostgreSQL one pool.
//! Start with [`Db`] and [`query::sql`].

pub mod dialect;
pub mod epoch;
pub mod group_commit;
pub mod lock;
pub mod query;
pub mod reserve;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::base::{Error, Kind, Result};
pub use query::{Executor, Query, Row, Value, sql};

/// Statements that a connection keeps prepared: those of the rooms, and those for several rows.
pub const STATEMENTS: usize = 512;
/// How long a request waits for a connection before it is told to come back.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database.
#[derive(Clone, Debug)]
pub enum Db {
    /// The embedded database: one writer, several readers.
    Sqlite {
        /// Pool of read-only connections.
        read: SqlitePool,
        /// Pool of exactly one writing connection.
        write: SqlitePool,
    },
    /// A PostgreSQL server.
    Postgres(PgPool),
}

/// A transaction; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite, begun with `BEGIN IMMEDIATE`.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// On PostgreSQL, `READ COMMITTED`.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Db {
    /// Opens `sqlite://PATH` or `postgres://…`, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self> {
        let db = Self::connect(url).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Opens the database without touching its schema.
    pub async fn connect(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            Self::connect_sqlite(Path::new(path)).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::connect_postgres(url).await
        } else {
            Err(Error::field(
                "database_url",
                "unknown_database",
                "Write the database URL as sqlite://PATH or postgres://USER@HOST/NAME.",
            ))
        }
    }

    async fn connect_sqlite(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose committed transactions when the power goes (AV-02).
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(STATEMENTS)
            .pragma("trusted_schema", "OFF")
            // What a statement of many rows needs in order to be taken back stays out of the file system.
            .pragma("temp_store", "MEMORY")
            .optimize_on_close(false, None);
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let writing = options
            .clone()
            // KiB: the pages that sign-ons write to stay at hand.
            .pragma("cache_size", "-16384")
            // Pages (16 MiB of log): a page that many commits wrote is folded back once.
            .pragma("wal_autocheckpoint", "4096");
        let write = pool.clone().min_connections(1).max_connections(1).connect_with(writing).await;
        let write = write.map_err(map_error)?;
        let read = pool.max_connections(4).connect_with(options.read_only(true)).await.map_err(map_error)?;
        Ok(Self::Sqlite { read, write })
    }

    async fn connect_postgres(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url).map_err(|error| {
            Error::field("database_url", "unknown_database", "The PostgreSQL URL can't be read.")
                .because(error)
        })?;
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.application_name("tessera").statement_cache_capacity(STATEMENTS))
            .await
            .map_err(map_error)?;
        Ok(Self::Postgres(pool))
    }

    /// Applies the migrations that are missing. Safe to call from several nodes at once.
    pub async fn migrate(&self) -> Result<()> {
        let result = match self {
            Self::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await,
            Self::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await,
        };
        result.map_err(|error| {
            Error::new(
                Kind::Internal,
                "migration_failed",
                format!("The database's schema can't be brought up to date: {error}. A database that a newer Tessera has written can't be opened by an older one."),
            )
        })
    }

    /// Whether it is SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Begins a writing transaction.
    pub async fn begin(&self) -> Result<Tx> {
        // Boxed: the driver's way to a connection takes 4 KiB, which would be in the future of everything that writes.
        match self {
            Self::Sqlite { write, .. } => {
                let begun = Box::pin(write.begin_with("BEGIN IMMEDIATE")).await;
                Ok(Tx::Sqlite(begun.map_err(map_error)?))
            }
            Self::Postgres(pool) => Ok(Tx::Postgres(Box::pin(pool.begin()).await.map_err(map_error)?)),
        }
    }

    /// Answers when the database can be read and its schema is there (readiness).
    pub async fn check(&self) -> Result<()> {
        let mut read = self.reader();
        read.optional(sql("SELECT directory FROM cache_epochs WHERE id = 1")).await.map(drop)
    }

    /// A handle for reads outside a transaction, each statement on its own.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader(self)
    }

    /// Closes all connections; SQLite's write-ahead log is folded back into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Reads outside a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub(in crate::db) &'a Db);

impl Tx {
    /// Makes the transaction's writes durable.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await.map_err(map_error),
            Self::Postgres(tx) => tx.commit().await.map_err(map_error),
        }
    }

    /// Takes the transaction's writes back.
    pub async fn rollback(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await.map_err(map_error),
            Self::Postgres(tx) => tx.rollback().await.map_err(map_error),
        }
    }
}

/// Code of the error that a unique key refused; see [`is_unique_violation`].
const UNIQUE_VIOLATION: &str = "already_exists";

/// Whether the statement failed because a unique key already holds the value.
#[must_use]
pub fn is_unique_violation(error: &Error) -> bool {
    error.code == UNIQUE_VIOLATION
}

/// Runs a task that every request relies on. Should it ever panic, the process ends, for whoever watches it to start it
/// again: without the task it would only look alive.
fn spawn_essential(name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        if AssertUnwindSafe(task).catch_unwind().await.is_err() {
            tracing::error!(name, "a task that everything relies on has panicked; the process ends");
            std::process::abort();
        }
    });
}

/// Turns the driver's error into the house's.
fn map_error(error: sqlx::Error) -> Error {
    if let sqlx::Error::Database(database) = &error {
        let code = database.code().unwrap_or_default().into_owned();
        let message = database.message();
        if database.is_unique_violation() {
            return Error::conflict(UNIQUE_VIOLATION, "That already exists.").because(error);
        }
        if message.contains("idp_url_immutable") {
            return Error::conflict(
                "idp_url_immutable",
                "The IdP URL can't be changed. Delete the application and create it again to get another one.",
            );
        }
        // SQLITE_FULL and its kin; PostgreSQL 53100 disk_full.
        if code == "13" || code == "53100" || message.contains("database or disk is full") {
            return Error::new(
                Kind::StorageFull,
                "storage_full",
                "The server's disk is full. Nothing was changed; tell your administrator.",
            )
            .because(error);
        }
        // PostgreSQL 40001 serialisation, 40P01 deadlock: another transaction was in the way of this one.
        if code.starts_with("40") {
            return unavailable(error).with_code(IN_THE_WAY);
        }
        // SQLITE_BUSY; PostgreSQL 57P0x shutting down.
        if code == "5" || code == "517" || code.starts_with("57P") {
            return unavailable(error);
        }
        return Error::internal(error);
    }
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::WorkerCrashed => unavailable(error),
        other => Error::internal(other),
    }
}

/// Code of a transaction that was given up because of another one. Nothing of it was done; the same may well succeed now.
pub(in crate::db) const IN_THE_WAY: &str = "database_conflict";

fn unavailable(error: sqlx::Error) -> Error {
    Error::new(
        Kind::Unavailable,
        "database_unavailable",
        "We can't reach our database just now. Try again in a moment.",
    )
    .because(error)
    .retry_after(2)
}
