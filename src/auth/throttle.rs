//! Throttling of password guesses (A-27, A-28, W-12): an attempt is counted before anything is computed, in one
//! statement with the check, and taken back when it turns out right. So however many come at the same instant, no
//! more than the limit are evaluated, on any number of nodes.
//!
//! By what was typed: a delay that grows with the failures in a row, whether anybody has that name or not, so that
//! the delay tells nothing. A place from which people sign in is counted apart, so that a stranger elsewhere
//! can't keep them out. By account: from [`HARD_CAP`] failures in a row on, under whichever of its names, one attempt
//! an hour is evaluated, and the others fail like a wrong password; it ends by itself. By source: failures of its /24
//! or /64 in a minute.

use std::net::IpAddr;

use crate::auth::store::{sessions, throttles};
use crate::base::clock::{DAY, HOUR};
use crate::base::id::UserId;
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::{Db, Executor, Tx};
use crate::directory::login_name::login_key;
use crate::settings::Settings;
use crate::vault::Vault;

/// Failures in a row after which an account has one attempt an hour evaluated (SP 800-63B-4: at most 100).
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

/// An address as a source that failures are counted of: an IPv4 address by itself, of IPv6 the /64 (W-12).
#[must_use]
pub fn source_key(source: IpAddr) -> String {
    match source.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        address @ IpAddr::V6(_) => source_prefix(address),
    }
}

/// What an attempt is counted under.
pub(in crate::auth) struct Keys {
    login: String,
    account: String,
    user: Option<UserId>,
}

/// An attempt that was counted and not yet evaluated.
#[derive(Debug)]
pub(in crate::auth) struct Slot {
    login: String,
    account: String,
    source: Option<String>,
    consecutive: i64,
    /// Failures in a row of the account with this one; `None` when it is at the cap, and this one not counted.
    in_a_row: Option<i64>,
}

impl Slot {
    /// Seconds that the name has to wait if this attempt fails.
    pub(in crate::auth) fn delay_seconds(&self) -> i64 {
        delay(self.consecutive) / 1000
    }

    /// Whether the account is at the hard cap: the attempt must fail, and as any other does.
    pub(in crate::auth) fn is_capped(&self) -> bool {
        self.in_a_row.is_none()
    }
}

/// The keys for what was typed. Of it only a MAC is kept, since people type what is nobody's business by mistake.
pub(in crate::auth) async fn keys_for(
    executor: &mut impl Executor,
    ctx: &Ctx,
    vault: &Vault,
    user: Option<UserId>,
    login: &str,
) -> Result<Keys> {
    let mac = vault.mac("throttle", login_key(login).as_bytes());
    let mac = mac[..16].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut account = user.map_or_else(|| format!("account:?{mac}"), |user| format!("account:{user}"));
    let mut login = format!("login:{mac}");
    if let Some(source) = ctx.source {
        let prefix = source_prefix(source);
        let since = ctx.now().plus(-PLACE_KNOWN);
        let (anybody, theirs) = sessions::known_place(executor, user, &prefix, since).await?;
        // Whose place it is must not show in the delay: to a neighbour it would tell who signs in there.
        if anybody {
            login = format!("{login}@{prefix}");
        }
        if theirs {
            account = format!("{account}@{prefix}");
        }
    }
    Ok(Keys { login, account, user })
}

/// Counts the attempt, or refuses it, in a transaction of its own. The order name, source, account is that of all
/// who write here.
pub(in crate::auth) async fn reserve(db: &Db, ctx: &Ctx, settings: &Settings, keys: Keys) -> Result<Slot> {
    let now = ctx.now();
    let Keys { login, account, user } = keys;
    let mut tx = db.begin().await?;
    let limit = settings.login_failures_per_account_minute;
    let Some(consecutive) = throttles::reserve(&mut tx, &login, user, limit, now).await? else {
        return Err(refused(&mut tx, ctx, &login, limit).await?);
    };
    let source = ctx.source.map(|source| format!("source:{}", source_key(source)));
    if let Some(source) = &source {
        let limit = settings.login_failures_per_address_minute;
        if throttles::reserve(&mut tx, source, None, limit, now).await?.is_none() {
            return Err(refused(&mut tx, ctx, source, limit).await?);
        }
    }
    let in_a_row = throttles::reserve(&mut tx, &account, user, u32::MAX, now).await?;
    if in_a_row.is_some_and(|failures| failures >= HARD_CAP) {
        throttles::block(&mut tx, &account, now.plus(HOUR)).await?;
    }
    let wait = delay(consecutive);
    if wait > 0 {
        throttles::block(&mut tx, &login, now.plus(wait)).await?;
    }
    tx.commit().await?;
    Ok(Slot { login, account, source, consecutive, in_a_row })
}

async fn refused(tx: &mut Tx, ctx: &Ctx, key: &str, limit: u32) -> Result<Error> {
    let until = throttles::room_at(tx, key, limit).await?.unwrap_or_else(|| ctx.now());
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
    Ok(now >= HARD_CAP && slot.in_a_row.is_none_or(|counted| now > counted))
}

/// The attempt was right: it does not count, and the failures before it are forgotten.
pub(in crate::auth) async fn succeeded(tx: &mut Tx, slot: &Slot) -> Result<()> {
    throttles::release(tx, &slot.login).await?;
    throttles::forget(tx, &slot.login).await?;
    if let Some(source) = &slot.source {
        throttles::release(tx, source).await?;
    }
    throttles::release(tx, &slot.account).await?;
    throttles::forget(tx, &slot.account).await
}

/// The attempt was never evaluated: it does not count.
pub(in crate::auth) async fn undo(db: &Db, ctx: &Ctx, slot: &Slot) -> Result<()> {
    let mut tx = db.begin().await?;
    throttles::release(&mut tx, &slot.login).await?;
    // A block that this attempt set is its own: nobody else was counted while it stood.
    if slot.delay_seconds() > 0 {
        throttles::block(&mut tx, &slot.login, ctx.now()).await?;
    }
    if let Some(source) = &slot.source {
        throttles::release(&mut tx, source).await?;
    }
    if let Some(in_a_row) = slot.in_a_row {
        throttles::release(&mut tx, &slot.account).await?;
        if in_a_row >= HARD_CAP {
            throttles::block(&mut tx, &slot.account, ctx.now()).await?;
        }
    }
    tx.commit().await
}

/// The person's password was set anew: the failures before are forgotten, under each of their names.
pub(in crate::auth) async fn clear(tx: &mut Tx, user: UserId) -> Result<()> {
    throttles::clear(tx, user).await
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
