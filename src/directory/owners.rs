//! The one rule about roles that the directory must keep: at least one active owner is left, whoever is suspended,
//! deleted or demoted, and however many try at the same instant (W-15). `auth` grants roles and uses this too.

use crate::base::id::UserId;
use crate::base::{Error, Result};
use crate::db::{Tx, dialect};
use crate::directory::store::people as store;

/// Name of the lock that all changes to who is an owner pass through.
const OWNERS_LOCK: i64 = 0x0074_6573_736f_776e;

/// Lets one transaction at a time change who is an owner. Call it before the transaction reads anything.
pub async fn lock(tx: &mut Tx) -> Result<()> {
    dialect::lock_for_transaction(tx, OWNERS_LOCK).await
}

/// Refuses when this person is the only active owner. The caller holds [`lock`].
pub async fn require_another(tx: &mut Tx, leaving: UserId) -> Result<()> {
    if store::is_active_owner(tx, leaving).await? && !store::other_active_owner(tx, leaving).await? {
        return Err(Error::conflict(
            "last_owner",
            "This is the last active owner. Make someone else an owner first.",
        ));
    }
    Ok(())
}
