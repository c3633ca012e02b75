//! Throttling of password guesses (A-27, A-28, W-12): an attempt is counted before anything is computed, in one
//! statement with the check, and taken back when it turns out right. So however many come at the same instant, no
//! more than the limit are evaluated, on any number of nodes.
//!
//! By account: a delay that grows with the failures in a row, and from [`HARD_CAP`] on one attempt an hour; it ends
//! by itself. A person at a place they signed in from lately is counted apart, so that a stranger elsewhere can't
//! keep them out. By source: failures of its /24 or /64 in a minute.

use std::net::IpAddr;

use crate::auth::store::{sessions, throttles};
use crate::base::clock::{DAY, HOUR};
use crate::base::id::UserId;
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::{Db, Executor, Tx};
use crate::directory::login_name::login_key;
use crate::settings::Settings;
use crate::vault::Vault;

/// Failures in a row after which an account takes one attempt an hour (SP 800-63B-4: at most 100).
pub const HARD_CAP: i64 = 100;
/// Failures in a row without any delay.
const FREE: i64 = 4;
/// Longest delay before the hard cap, in milliseconds.
const LONGEST: i64 = 300_000;
/// How long a place is known after a sign-in from it.
const PLACE_KNOWN: i64 = 30 * DAY;

/// Milliseconds to wait after this many failures in a row: 1 s after the fifth, doubling.
#[must_use]
pub fn delay(consecutive: i64) -> i64 {
    match consecutive {
        ..=FREE => 0,
        n if n >= HARD_CAP => HOUR,
        n => (1000_i64 << (n - FREE - 1).min(20)).min(LONGEST),
    }
}

/// The /24 or /64 of an address, by which sources are counted: hosts of one network share it.
#[must_use]
pub fn source_prefix(source: IpAddr) -> String {
    match source.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// An attempt that was counted and not yet evaluated.
#[derive(Debug)]
pub(in crate::auth) struct Slot {
    account: String,
    source: Option<String>,
    consecutive: i64,
}

impl Slot {
    /// Seconds that the account has to wait if this attempt fails.
    pub(in crate::auth) fn delay_seconds(&self) -> i64 {
        delay(self.consecutive) / 1000
    }
}

/// The key under which failures of a person are counted.
fn account_key(user: UserId) -> String {
    format!("account:{user}")
}

/// The key for what was typed: the person's, by place if it is a known one; for a name that nobody has, a MAC of it,
/// so that what people type by mistake is not kept.
pub(in crate::auth) async fn key_for(
    executor: &mut impl Executor,
    ctx: &Ctx,
    vault: &Vault,
    user: Option<UserId>,
    login: &str,
) -> Result<String> {
    let Some(user) = user else {
        let mac = vault.mac("throttle", login_key(login).as_bytes());
        let text = mac[..16].iter().fold(String::from("account:?"), |text, byte| format!("{text}{byte:02x}"));
        return Ok(text);
    };
    let mut key = account_key(user);
    if let Some(source) = ctx.source {
        let prefix = source_prefix(source);
        if sessions::known_place(executor, user, &prefix, ctx.now().plus(-PLACE_KNOWN)).await? {
            key.push('@');
            key.push_str(&prefix);
        }
    }
    Ok(key)
}

/// Counts the attempt, or refuses it, in a transaction of its own.
pub(in crate::auth) async fn reserve(
    db: &Db,
    ctx: &Ctx,
    settings: &Settings,
    account: String,
) -> Result<Slot> {
    let now = ctx.now();
    let mut tx = db.begin().await?;
    let limit = settings.login_failures_per_account_minute;
    let Some(consecutive) = throttles::reserve(&mut tx, &account, limit, now).await? else {
        return Err(refused(&mut tx, ctx, &account).await?);
    };
    let source = ctx.source.map(|source| format!("source:{}", source_prefix(source)));
    if let Some(source) = &source {
        let limit = settings.login_failures_per_address_minute;
        if throttles::reserve(&mut tx, source, limit, now).await?.is_none() {
            return Err(refused(&mut tx, ctx, source).await?);
        }
    }
    let wait = delay(consecutive);
    if wait > 0 {
        throttles::block(&mut tx, &account, now.plus(wait)).await?;
    }
    tx.commit().await?;
    Ok(Slot { account, source, consecutive })
}

async fn refused(tx: &mut Tx, ctx: &Ctx, key: &str) -> Result<Error> {
    let until = throttles::room_at(tx, key).await?.unwrap_or_else(|| ctx.now());
    let seconds = u32::try_from((until.since(ctx.now()) + 999) / 1000).unwrap_or(1).max(1);
    Ok(too_many(seconds))
}

fn too_many(seconds: u32) -> Error {
    let wait = match seconds {
        1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    };
    Error::new(Kind::TooMany, "too_many_attempts", format!("Too many attempts. Wait {wait}, then try again."))
        .retry_after(seconds)
}

/// Whether others have driven the account to the hard cap since this attempt was counted.
pub(in crate::auth) async fn locked_since(executor: &mut impl Executor, slot: &Slot) -> Result<bool> {
    let now = throttles::consecutive(executor, &slot.account).await?;
    Ok(now >= HARD_CAP && now > slot.consecutive)
}

/// The attempt was right: it does not count, and the failures before it are forgotten.
pub(in crate::auth) async fn succeeded(tx: &mut Tx, slot: &Slot) -> Result<()> {
    throttles::release(tx, &slot.account).await?;
    throttles::forget(tx, &slot.account).await?;
    if let Some(source) = &slot.source {
        throttles::release(tx, source).await?;
    }
    Ok(())
}

/// The attempt was never evaluated: it does not count.
pub(in crate::auth) async fn undo(db: &Db, ctx: &Ctx, slot: &Slot) -> Result<()> {
    let mut tx = db.begin().await?;
    throttles::release(&mut tx, &slot.account).await?;
    // A block that this attempt set is its own: nobody else was counted while it stood.
    if slot.delay_seconds() > 0 {
        throttles::block(&mut tx, &slot.account, ctx.now()).await?;
    }
    if let Some(source) = &slot.source {
        throttles::release(&mut tx, source).await?;
    }
    tx.commit().await
}

/// The account's password was set anew: its failures are forgotten.
pub(in crate::auth) async fn clear(tx: &mut Tx, user: UserId) -> Result<()> {
    throttles::clear(tx, &account_key(user)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_27_the_delay_grows_and_a_28_it_ends() {
        assert_eq!([1, 4, 5, 6, 7].map(delay), [0, 0, 1000, 2000, 4000]);
        assert_eq!([13, 14, 99].map(delay), [256_000, LONGEST, LONGEST]);
        assert_eq!([100, 1_000_000].map(delay), [HOUR, HOUR]);
        assert!((1..200).all(|n| delay(n) <= delay(n + 1)));
    }

    #[test]
    fn w_12_a_network_is_one_source() {
        for (address, prefix) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.78", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(source_prefix(address.parse().unwrap()), prefix);
        }
    }
}
