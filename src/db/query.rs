//! A statement as data: static text and bound values, run on either database through [`Executor`].

use std::future::Future;
use std::str::FromStr;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Sqlite};

use crate::base::{Error, Result, Timestamp};
use crate::db::{Db, Reader, Tx, map_error};

/// Most rows in one statement. Each number of rows is a statement of its own, which stays prepared: see
/// [`crate::db::STATEMENTS`].
const MAX_ROWS: usize = 32;

/// A value bound to a statement: the few portable column types there are.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Value {
    /// TEXT: ids, enums, strings, JSON.
    Text(Option<String>),
    /// BIGINT: counts and instants.
    Int(Option<i64>),
    /// BOOLEAN.
    Bool(bool),
    /// BLOB or BYTEA.
    Blob(Option<Vec<u8>>),
}

macro_rules! values {
    ($($from:ty => |$v:ident| $to:expr;)+) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self { $to }
        }
    )+};
}

values! {
    &str => |v| Self::Text(Some(v.to_owned()));
    String => |v| Self::Text(Some(v));
    &String => |v| Self::Text(Some(v.clone()));
    Option<String> => |v| Self::Text(v);
    Option<&str> => |v| Self::Text(v.map(str::to_owned));
    i64 => |v| Self::Int(Some(v));
    u32 => |v| Self::Int(Some(v.into()));
    Option<i64> => |v| Self::Int(v);
    Timestamp => |v| Self::Int(Some(v.0));
    Option<Timestamp> => |v| Self::Int(v.map(|t| t.0));
    bool => |v| Self::Bool(v);
    Vec<u8> => |v| Self::Blob(Some(v));
    &[u8] => |v| Self::Blob(Some(v.to_vec()));
    Option<Vec<u8>> => |v| Self::Blob(v);
}

/// A statement with its bound values.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text, the same for both databases.
    pub text: &'static str,
    /// `$1`, `$2` … in order.
    pub values: Vec<Value>,
    lock: Option<&'static str>,
}

/// A statement. The text is static, so no value can be written into it.
#[must_use]
pub fn sql(text: &'static str) -> Query {
    Query { text, values: Vec::new(), lock: None }
}

impl Query {
    /// Binds the next `$n`.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Binds the next `$n` to an id or any other thing by its text.
    #[must_use]
    pub fn bind_text(self, value: impl ToString) -> Self {
        self.bind(value.to_string())
    }

    /// Keeps the rows that it reads as they are until the transaction ends: who changes one of them waits, and whom it
    /// waits for is read as it became. On SQLite one transaction writes at a time anyway.
    #[must_use]
    pub fn for_share(self) -> Self {
        Self { lock: Some("FOR SHARE"), ..self }
    }

    /// Keeps the rows that it reads for a change of them in this transaction, in the order that it reads them in.
    #[must_use]
    pub fn for_update(self) -> Self {
        Self { lock: Some("FOR UPDATE"), ..self }
    }

    fn sqlite(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query::<Sqlite>(self.text), bind_sqlite)
    }

    fn postgres(self) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        let query = match self.lock {
            Some(lock) => sqlx::query::<Postgres>(AssertSqlSafe(format!("{} {lock}", self.text))),
            None => sqlx::query::<Postgres>(self.text),
        };
        self.values.into_iter().fold(query, bind_postgres)
    }
}

type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
type PgQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

fn bind_sqlite(query: SqliteQuery, value: Value) -> SqliteQuery {
    match value {
        Value::Text(v) => query.bind(v),
        Value::Int(v) => query.bind(v),
        Value::Bool(v) => query.bind(v),
        Value::Blob(v) => query.bind(v),
    }
}

fn bind_postgres(query: PgQuery, value: Value) -> PgQuery {
    match value {
        Value::Text(v) => query.bind(v),
        Value::Int(v) => query.bind(v),
        Value::Bool(v) => query.bind(v),
        Value::Blob(v) => query.bind(v),
    }
}

/// `INSERT … VALUES ($1, $2) …` for so many rows: `VALUES ($1, $2), ($3, $4) …`, or `VALUES (?, ?), (?, ?) …` where
/// binds are told by their place: SQLite looks for a bind's name from the first on, which takes time squared.
fn for_rows(text: &str, columns: usize, rows: usize, bind: impl Fn(usize) -> String) -> Result<String> {
    let one = || Error::internal("a statement for rows holds no row of binds alone");
    let (head, rest) = text.split_once("VALUES (").ok_or_else(one)?;
    let (row, tail) = rest.split_once(')').ok_or_else(one)?;
    let expected = (1..=columns).map(numbered).collect::<Vec<_>>().join(", ");
    if row != expected {
        return Err(one());
    }
    let tuples = (0..rows).map(|nth| {
        let binds = (1..=columns).map(|n| bind(nth * columns + n)).collect::<Vec<_>>();
        format!("({})", binds.join(", "))
    });
    Ok(format!("{head}VALUES {}{tail}", tuples.collect::<Vec<_>>().join(", ")))
}

fn numbered(n: usize) -> String {
    format!("${n}")
}

fn in_place(_: usize) -> String {
    "?".to_owned()
}

/// A row of either database. A column that is missing or of another type is a fault of ours.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! column {
    ($(#[$doc:meta])* $name:ident -> $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: &str) -> Result<$type> {
            match self {
                Self::Sqlite(row) => row.try_get(column).map_err(map_error),
                Self::Postgres(row) => row.try_get(column).map_err(map_error),
            }
        }
    };
}

impl Row {
    column!(/// A TEXT column.
        text -> String);
    column!(/// A TEXT column that may be NULL.
        opt_text -> Option<String>);
    column!(/// A BIGINT column.
        int -> i64);
    column!(/// A BIGINT column that may be NULL.
        opt_int -> Option<i64>);
    column!(/// A BOOLEAN column.
        bool -> bool);
    column!(/// A blob.
        blob -> Vec<u8>);
    column!(/// A blob that may be NULL.
        opt_blob -> Option<Vec<u8>>);

    /// An instant.
    pub fn time(&self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp)
    }

    /// An instant that may be NULL.
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp))
    }

    /// A TEXT column read as an id or enum.
    pub fn parse<T: FromStr>(&self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| Error::internal(format!("column {column} holds an unreadable value")))
    }

    /// A TEXT column that may be NULL, read as an id or enum.
    pub fn opt_parse<T: FromStr>(&self, column: &str) -> Result<Option<T>> {
        let Some(text) = self.opt_text(column)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| Error::internal(format!("column {column} holds an unreadable value")))
    }

    /// A TEXT column that holds JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(Error::internal)
    }
}

/// Where statements run: a transaction, or the pool of readers. Stores take `&mut impl Executor`, so that one
/// look-up serves both.
pub trait Executor: Send {
    /// All rows.
    fn all(&mut self, query: Query) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The first row, if any.
    fn optional(&mut self, query: Query) -> impl Future<Output = Result<Option<Row>>> + Send;

    /// The one row there must be.
    fn one(&mut self, query: Query) -> impl Future<Output = Result<Row>> + Send {
        async move {
            let text = query.text;
            self.optional(query).await?.ok_or_else(|| Error::internal(format!("no row: {text}")))
        }
    }
}

impl Executor for Tx {
    async fn all(&mut self, query: Query) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => {
                let rows = query.sqlite().fetch_all(&mut **tx).await.map_err(map_error)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(tx) => {
                let rows = query.postgres().fetch_all(&mut **tx).await.map_err(map_error)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn optional(&mut self, query: Query) -> Result<Option<Row>> {
        match self {
            Self::Sqlite(tx) => {
                Ok(query.sqlite().fetch_optional(&mut **tx).await.map_err(map_error)?.map(Row::Sqlite))
            }
            Self::Postgres(tx) => {
                Ok(query.postgres().fetch_optional(&mut **tx).await.map_err(map_error)?.map(Row::Postgres))
            }
        }
    }
}

impl Tx {
    /// Runs a writing statement; answers the number of rows it touched.
    pub async fn run(&mut self, query: Query) -> Result<u64> {
        match self {
            Self::Sqlite(tx) => {
                Ok(query.sqlite().execute(&mut **tx).await.map_err(map_error)?.rows_affected())
            }
            Self::Postgres(tx) => {
                Ok(query.postgres().execute(&mut **tx).await.map_err(map_error)?.rows_affected())
            }
        }
    }

    /// Adds rows by the statement for one, many rows in one statement: what a statement costs is the way to the database
    /// and back, not the row.
    pub async fn insert_rows(&mut self, text: &'static str, rows: &[&[Value]]) -> Result<()> {
        for rows in rows.chunks(MAX_ROWS) {
            self.insert_at_once(text, rows).await?;
        }
        Ok(())
    }

    /// Nothing but the numbers of binds is written into the text.
    async fn insert_at_once(&mut self, text: &'static str, rows: &[&[Value]]) -> Result<()> {
        let columns = rows.first().map_or(0, |row| row.len());
        let values = || rows.iter().flat_map(|row| row.iter().cloned());
        match self {
            Self::Sqlite(tx) => {
                let text = AssertSqlSafe(for_rows(text, columns, rows.len(), in_place)?);
                let query = values().fold(sqlx::query::<Sqlite>(text), bind_sqlite);
                query.execute(&mut **tx).await.map_err(map_error)?;
            }
            Self::Postgres(tx) => {
                let text = AssertSqlSafe(for_rows(text, columns, rows.len(), numbered)?);
                let query = values().fold(sqlx::query::<Postgres>(text), bind_postgres);
                query.execute(&mut **tx).await.map_err(map_error)?;
            }
        }
        Ok(())
    }

    /// Runs a writing statement that must touch exactly one row; `missing` is the error when it touches none.
    pub async fn run_one(&mut self, query: Query, missing: impl FnOnce() -> Error) -> Result<()> {
        match self.run(query).await? {
            1 => Ok(()),
            0 => Err(missing()),
            n => Err(Error::internal(format!("a statement for one row touched {n}"))),
        }
    }
}

impl Executor for Reader<'_> {
    async fn all(&mut self, query: Query) -> Result<Vec<Row>> {
        match self.0 {
            Db::Sqlite { read, .. } => {
                let rows = query.sqlite().fetch_all(read).await.map_err(map_error)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Db::Postgres(pool) => {
                let rows = query.postgres().fetch_all(pool).await.map_err(map_error)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn optional(&mut self, query: Query) -> Result<Option<Row>> {
        match self.0 {
            Db::Sqlite { read, .. } => {
                Ok(query.sqlite().fetch_optional(read).await.map_err(map_error)?.map(Row::Sqlite))
            }
            Db::Postgres(pool) => {
                Ok(query.postgres().fetch_optional(pool).await.map_err(map_error)?.map(Row::Postgres))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_one_row_becomes_one_for_several() {
        let upsert = "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = excluded.b";
        let upserts =
            |row| format!("INSERT INTO t (a, b) VALUES {row} ON CONFLICT (a) DO UPDATE SET b = excluded.b");
        assert_eq!(for_rows(upsert, 2, 2, numbered).unwrap(), upserts("($1, $2), ($3, $4)"));
        assert_eq!(for_rows(upsert, 2, 2, in_place).unwrap(), upserts("(?, ?), (?, ?)"));
        assert_eq!(for_rows(upsert, 2, 1, numbered).unwrap(), upsert);
        assert!(for_rows("INSERT INTO t (a, b) VALUES ($1, 7)", 1, 2, numbered).is_err());
        assert!(for_rows("DELETE FROM t WHERE a = $1", 1, 2, numbered).is_err());
    }
}
