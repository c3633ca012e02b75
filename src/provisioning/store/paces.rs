//! SQL of the paces at which addresses are asked.

use crate::base::{Result, Timestamp};
use crate::db::{Executor, Query, Row, Tx, sql};

/// What was left when an address was asked last.
#[derive(Clone, Copy, Debug)]
pub(in crate::provisioning) struct Left {
    /// In sixty-thousandths of a request; below nothing: on credit.
    pub(in crate::provisioning) room: i64,
    pub(in crate::provisioning) at: Timestamp,
}

fn read(row: &Row) -> Result<Left> {
    Ok(Left { room: row.int("room")?, at: row.time("filled_at")? })
}

/// Of an address; `None`: it was not asked for long.
pub(in crate::provisioning) async fn find(
    executor: &mut impl Executor,
    address: &str,
) -> Result<Option<Left>> {
    let query = sql("SELECT room, filled_at FROM paces WHERE address = $1");
    executor.optional(query.bind(address)).await?.as_ref().map(read).transpose()
}

/// The same, and keeps every other writer away from it until the transaction ends.
pub(in crate::provisioning) async fn lock(tx: &mut Tx, address: &str) -> Result<Option<Left>> {
    let query = sql("UPDATE paces SET room = room WHERE address = $1 RETURNING room, filled_at");
    tx.optional(query.bind(address)).await?.as_ref().map(read).transpose()
}

/// Notes what is left.
pub(in crate::provisioning) fn put(address: &str, left: Left) -> Query {
    sql("INSERT INTO paces (address, room, filled_at) VALUES ($1, $2, $3) \
         ON CONFLICT (address) DO UPDATE SET room = excluded.room, filled_at = excluded.filled_at")
    .bind(address)
    .bind(left.room)
    .bind(left.at)
}

/// Forgets addresses that were not asked since `before`.
pub(in crate::provisioning) fn forget(before: Timestamp) -> Query {
    sql("DELETE FROM paces WHERE filled_at < $1").bind(before)
}
