//! The password once more, in a session that is running: before what weighs heavily, and for ForceAuthn (SAML-118).
//!
//! It is throttled like a sign-in. The session keeps its id, its beginning and its end, and gets a new token; the old
//! token is void at once.

use secrecy::SecretString;

use crate::auth::password::{Passwords, Verdict};
use crate::auth::session::{Limits, NewSession, SessionView};
use crate::auth::sign_in::{evaluate, refusal};
use crate::auth::store::credentials::{self, Credentials, Stored};
use crate::auth::store::sessions;
use crate::auth::throttle::{self, Slot};
use crate::auth::token_hash;
use crate::base::{Ctx, Error, Kind, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Tx};
use crate::directory::PersonState;
use crate::events::{Event, EventName, record};
use crate::settings;
use crate::vault::Vault;

/// A password that was right a moment ago.
pub(in crate::auth) struct Proof {
    pub(in crate::auth) found: Credentials,
    pub(in crate::auth) stored: Stored,
}

/// Takes the password again; `session.authenticated_at` of the answer is this instant.
pub async fn reauthenticate(
    db: &Db,
    ctx: &Ctx,
    vault: &Vault,
    passwords: &Passwords,
    session: &SessionView,
    password: &SecretString,
) -> Result<NewSession> {
    let proof = prove(db, ctx, vault, passwords, session, password).await?;
    let mut tx = db.begin().await?;
    hold(&mut tx, &proof, &proof.stored.hash).await?;
    let renewed = rotate(&mut tx, ctx, session).await?;
    let event = Event::new(EventName::UserReauthenticate).target("user", session.user_id, &session.username);
    record(&mut tx, ctx, event).await?;
    bump(&mut tx, Scope::Sessions).await?;
    tx.commit().await?;
    Ok(renewed)
}

/// Verifies the password of the session's person, throttled by account and source.
pub(in crate::auth) async fn prove(
    db: &Db,
    ctx: &Ctx,
    vault: &Vault,
    passwords: &Passwords,
    session: &SessionView,
    password: &SecretString,
) -> Result<Proof> {
    let mut reader = db.reader();
    let settings = settings::read(&mut reader).await?;
    let found = credentials::by_user(&mut reader, session.user_id).await?.ok_or_else(gone)?;
    let keys = throttle::keys_for(&mut reader, ctx, vault, Some(found.user_id), &found.username).await?;
    let slot = throttle::reserve(db, ctx, &settings, keys).await?;
    let usable = found.state == PersonState::Active && !slot.is_capped();
    let stored = found.password.clone().filter(|_| usable);
    let hash = stored.as_ref().map(|stored| stored.hash.clone());
    let verdict = evaluate(db, ctx, passwords, &slot, hash, password).await?;
    let mut reason = if slot.is_capped() { "locked" } else { "wrong_password" };
    if let (Some(stored), Verdict::Right { .. }) = (stored, verdict) {
        if give_back(db, &slot).await? {
            return Ok(Proof { found, stored });
        }
        reason = "locked";
    }
    record_refusal(db, ctx, EventName::UserReauthenticate, Some(&found), reason, &slot).await?;
    Err(wrong())
}

/// A right password is no failed guess, whatever becomes of what it was for: so this does not wait for that. Answers
/// false when others have driven the account to the cap meanwhile.
async fn give_back(db: &Db, slot: &Slot) -> Result<bool> {
    let mut tx = db.begin().await?;
    if throttle::locked_since(&mut tx, slot).await? {
        return Ok(false);
    }
    throttle::succeeded(&mut tx, slot).await?;
    tx.commit().await?;
    Ok(true)
}

/// Uses the proof in the transaction of what it is for: refused when the password was changed in between.
pub(in crate::auth) async fn hold(tx: &mut Tx, proof: &Proof, to: &str) -> Result<()> {
    if credentials::hold_password(tx, proof.found.user_id, &proof.stored, to).await? {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// Gives the session a new token; refused when it has ended meanwhile, by an act or by its times: a password would
/// else bring back what was idle for too long.
pub(in crate::auth) async fn rotate(tx: &mut Tx, ctx: &Ctx, session: &SessionView) -> Result<NewSession> {
    let mut current = sessions::by_id(tx, session.session_id).await?.ok_or_else(gone)?;
    // Use is written down late; the request that carries the session knows of it at once.
    current.last_seen_at = current.last_seen_at.max(session.last_seen_at);
    let (token, now) = (ctx.random.token(), ctx.now());
    let current = Limits::of(&settings::read(tx).await?).judge(current, now).ok_or_else(gone)?;
    sessions::rotate(tx, session.session_id, &token_hash(&token), now).await?;
    let session = SessionView { authenticated_at: now, last_seen_at: now, ..current };
    Ok(NewSession { token: SecretString::from(token), session })
}

/// Records a refused attempt in a transaction of its own.
pub(in crate::auth) async fn record_refusal(
    db: &Db,
    ctx: &Ctx,
    name: EventName,
    found: Option<&Credentials>,
    reason: &'static str,
    slot: &Slot,
) -> Result<()> {
    let mut tx = db.begin().await?;
    record(&mut tx, ctx, refusal(name, found, reason, slot)).await?;
    tx.commit().await
}

fn wrong() -> Error {
    Error::new(Kind::Unauthenticated, "wrong_password", "That is not your password.")
}

fn gone() -> Error {
    Error::new(Kind::Unauthenticated, "session_ended", "You are signed out. Sign in again.")
}
