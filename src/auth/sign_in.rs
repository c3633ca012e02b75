//! One sign-in attempt: reserve a slot, compute one hash whoever it is, check again and issue. Every way that does
//! not end in a session gives the same answer; the event says which it was.

use secrecy::SecretString;

use crate::auth::password::{Passwords, Verdict};
use crate::auth::session::{self, NewSession};
use crate::auth::store::credentials::{self, Credentials, Stored};
use crate::auth::store::sessions;
use crate::auth::throttle::{self, Slot};
use crate::auth::{reauthenticate, token_hash};
use crate::base::id::SessionId;
use crate::base::{Actor, Ctx, Error, Kind, Result};
use crate::db::Db;
use crate::db::epoch::{Scope, bump};
use crate::db::reserve::DiskReserve;
use crate::directory::PersonState;
use crate::directory::login_name::{MAX_LOGIN, login_key};
use crate::events::{Event, EventName, Outcome, record};
use crate::settings::{self, Settings};
use crate::vault::Vault;

/// What a person entered.
#[derive(Debug)]
pub struct SignIn {
    /// Username or e-mail address.
    pub login: String,
    /// Password.
    pub password: SecretString,
    /// *Keep me signed in*.
    pub remember: bool,
    /// The session the browser still has, which ends when this one begins.
    pub replaces: Option<SessionId>,
}

/// Signs a person in. Always a new session with a new token. `disk` says whether there is room for the event of
/// a refusal.
///
/// Errors: `sign_in_failed` for every reason there is, `too_many_attempts` with seconds to wait, `overloaded`.
pub async fn sign_in(
    db: &Db,
    disk: &DiskReserve,
    ctx: &Ctx,
    vault: &Vault,
    passwords: &Passwords,
    attempt: SignIn,
) -> Result<NewSession> {
    if attempt.login.len() > MAX_LOGIN {
        return Err(Error::field("username", "too_long", "Too long to be anyone's username."));
    }
    let mut reader = db.reader();
    let settings = settings::read(&mut reader).await?;
    let found = credentials::by_login_key(&mut reader, &login_key(&attempt.login)).await?;
    let user = found.as_ref().map(|found| found.user_id);
    let keys = throttle::keys_for(&mut reader, ctx, vault, user, &attempt.login).await?;
    let slot = throttle::reserve(db, ctx, &settings, keys).await?;

    let usable = found.as_ref().filter(|found| found.state == PersonState::Active && !slot.is_capped());
    let stored = usable.and_then(|found| found.password.clone());
    let hash = stored.as_ref().map(|stored| stored.hash.clone());
    let verdict = evaluate(db, ctx, passwords, &slot, hash, &attempt.password).await?;
    let (Some(found), Some(stored), Verdict::Right { outdated }) = (&found, stored, verdict) else {
        let reason = if slot.is_capped() { "locked" } else { reason(found.as_ref()) };
        return refuse(db, disk, ctx, found.as_ref(), reason, &slot).await;
    };
    let renewed =
        if outdated { passwords.rehash(&ctx.random, &attempt.password).await? } else { stored.hash.clone() };
    match issue(db, ctx, &settings, &attempt, &slot, found, (&stored, &renewed)).await? {
        Ok(session) => Ok(session),
        Err(reason) => refuse(db, disk, ctx, Some(found), reason, &slot).await,
    }
}

/// Computes the hash for a counted attempt; when there was no thread for it, the attempt does not count.
pub(in crate::auth) async fn evaluate(
    db: &Db,
    ctx: &Ctx,
    passwords: &Passwords,
    slot: &Slot,
    hash: Option<String>,
    password: &SecretString,
) -> Result<Verdict> {
    match passwords.verify(hash, password).await {
        Err(error) if error.kind == Kind::Unavailable => {
            throttle::undo(db, ctx, slot).await?;
            Err(error)
        }
        other => other,
    }
}

/// Why an attempt with a wrong verdict failed, for the event alone.
fn reason(found: Option<&Credentials>) -> &'static str {
    match found {
        None => "unknown_user",
        Some(found) => match (found.state, &found.password) {
            (PersonState::Staged, _) => "staged",
            (PersonState::Suspended, _) => "suspended",
            (PersonState::Active, None) => "no_password",
            (PersonState::Active, Some(_)) => "wrong_password",
        },
    }
}

/// Checks again and issues the session, all in one transaction; the inner error is the reason of a refusal. While
/// it runs nobody changes the password; a suspension that comes between raises the epoch and the session is void.
async fn issue(
    db: &Db,
    ctx: &Ctx,
    settings: &Settings,
    attempt: &SignIn,
    slot: &Slot,
    found: &Credentials,
    (verified, renewed): (&Stored, &str),
) -> Result<Result<NewSession, &'static str>> {
    let mut tx = db.begin().await?;
    if throttle::locked_since(&mut tx, slot).await? {
        return Ok(Err("locked"));
    }
    throttle::succeeded(&mut tx, slot).await?;
    if !credentials::hold_password(&mut tx, found.user_id, verified, renewed).await? {
        return Ok(Err("password_changed"));
    }
    let standing = credentials::standing(&mut tx, found.user_id).await?;
    let Some(standing) = standing.filter(|standing| standing.state == PersonState::Active) else {
        return Ok(Err("suspended"));
    };
    let token = ctx.random.token();
    let view = session::begin(ctx, settings, found.user_id, &standing, attempt.remember);
    let row = sessions::NewRow {
        view: &view,
        token_hash: token_hash(&token),
        user_epoch: standing.epoch,
        source: ctx.source.map(|source| source.to_string()),
        source_prefix: ctx.source.map(throttle::source_prefix),
        user_agent: ctx.user_agent.as_deref().map(str::to_owned),
    };
    sessions::insert(&mut tx, row).await?;
    let actor = Actor::User { id: found.user_id, username: standing.username.as_str().into() };
    let event = Event::new(EventName::UserLoginAttempt)
        .target("user", found.user_id, &standing.username)
        .detail("factor", "password")
        .detail("session", view.session_id.to_string());
    record(&mut tx, &ctx.acting_as(actor), event).await?;
    if let Some(old) = attempt.replaces
        && sessions::end_any(&mut tx, old, ctx.now()).await?
    {
        bump(&mut tx, Scope::Sessions).await?;
    }
    tx.commit().await?;
    Ok(Ok(NewSession { token: SecretString::from(token), session: view }))
}

async fn refuse(
    db: &Db,
    disk: &DiskReserve,
    ctx: &Ctx,
    found: Option<&Credentials>,
    reason: &'static str,
    slot: &Slot,
) -> Result<NewSession> {
    // What is kept back of the disk is not for strangers to fill (decision 17). The attempt counts all the same.
    match disk.check(db).await {
        Ok(()) => {
            let name = EventName::UserLoginAttempt;
            reauthenticate::record_refusal(db, ctx, name, found, reason, slot).await?;
        }
        Err(error) => {
            tracing::warn!(request_id = %ctx.request_id, code = error.code, reason, "a refused sign-in stands in no event");
        }
    }
    Err(Error::new(Kind::Unauthenticated, "sign_in_failed", "That username and password do not go together."))
}

/// The event of a refused attempt. What was typed is not kept: people type passwords into the wrong field.
pub(in crate::auth) fn refusal(
    name: EventName,
    found: Option<&Credentials>,
    reason: &'static str,
    slot: &Slot,
) -> Event {
    let mut event = Event::new(name).outcome(Outcome::Denied).detail("reason", reason);
    if let Some(found) = found {
        event = event.target("user", found.user_id, &found.username);
    }
    if slot.delay_seconds() > 0 {
        event = event.detail("delayed_seconds", slot.delay_seconds());
    }
    event
}
