//! SQL of mails that are to be sent.

use crate::base::{Result, Timestamp};
use crate::db::{Executor as _, Row, Tx, sql};

/// A mail on its way.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    /// Its id; the `Message-ID` is made from it, so that a mail that comes twice can be told.
    pub(super) id: String,
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) created_at: Timestamp,
    /// How often it was tried, this time included.
    pub(super) attempts: i64,
}

fn read(row: &Row) -> Result<Mail> {
    Ok(Mail {
        id: row.text("id")?,
        to: row.text("recipient")?,
        subject: row.text("subject")?,
        body: row.text("body")?,
        created_at: row.time("created_at")?,
        attempts: row.int("attempts")?,
    })
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: &str,
    to: &str,
    subject: &str,
    body: &str,
    now: Timestamp,
) -> Result<()> {
    let query = sql("INSERT INTO mails (id, recipient, subject, body, created_at, due_at, attempts) \
         VALUES ($1, $2, $3, $4, $5, $5, 0)");
    tx.run(query.bind(id).bind(to).bind(subject).bind(body).bind(now)).await.map(drop)
}

/// Takes the mail that is due first: until `until` nobody else does.
pub(super) async fn take(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<Option<Mail>> {
    let query = sql("UPDATE mails SET due_at = $2, attempts = attempts + 1 WHERE due_at <= $1 AND id IN \
         (SELECT id FROM mails WHERE due_at <= $1 ORDER BY due_at, id LIMIT 1) \
         RETURNING id, recipient, subject, body, created_at, attempts");
    tx.optional(query.bind(now).bind(until)).await?.as_ref().map(read).transpose()
}

pub(super) async fn postpone(tx: &mut Tx, id: &str, until: Timestamp) -> Result<()> {
    tx.run(sql("UPDATE mails SET due_at = $2 WHERE id = $1").bind(id).bind(until)).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run(sql("DELETE FROM mails WHERE id = $1").bind(id)).await.map(drop)
}
