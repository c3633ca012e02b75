//! Which state of a key follows which. Each step can be taken back, and no sign-on fails in between (MD-310):
//!
//! 1. *stage*: a next key is made; *publish* puts its certificate into the metadata beside the current one.
//! 2. *promote*: it signs from now on; the one before it is retired and stays published, so that service providers
//!    which have not changed over yet, or must go back, find both. Promoting a retired key is the way back: the key
//!    that signed becomes the next one again.
//! 3. *withdraw*: a key that is not current leaves the metadata. *delete*: it is gone for good.
//!
//! The caller holds the application's lock for the transaction, and bumps the cache epoch.

use crate::base::id::{ApplicationId, KeyId};
use crate::base::{Ctx, Error, Result};
use crate::db::{Executor, Tx};
use crate::events::{Event, EventName, record};
use crate::keys::{KeyState, KeyView, NewKey, insert, list, store};
use crate::vault::Vault;

/// Most keys of one application: the oldest retired ones are to be deleted by somebody who knows them.
const MAX_KEYS: usize = 20;

/// Adds the next key, published at once or not.
pub async fn stage(
    tx: &mut Tx,
    ctx: &Ctx,
    vault: &Vault,
    application: ApplicationId,
    key: &NewKey,
    publish: bool,
) -> Result<KeyView> {
    let known = list(tx, application).await?;
    if known.iter().any(|key| key.state == KeyState::Next) {
        return Err(next_exists());
    }
    if known.len() >= MAX_KEYS {
        return Err(Error::conflict(
            "too_many_keys",
            "This application has twenty keys. Delete retired ones first.",
        ));
    }
    let published_at = publish.then(|| ctx.now());
    let id = insert(tx, ctx, vault, application, key, KeyState::Next, published_at).await?;
    require(tx, application, id).await
}

/// Puts the certificate of a key into the metadata.
pub async fn publish(tx: &mut Tx, ctx: &Ctx, application: ApplicationId, id: KeyId) -> Result<KeyView> {
    let key = require(tx, application, id).await?;
    if key.published_at.is_some() {
        return Ok(key);
    }
    store::set_published(tx, id, Some(ctx.now())).await?;
    record(tx, ctx, event(EventName::CertificatePublish, application, &key)).await?;
    require(tx, application, id).await
}

/// Takes the certificate of a key that is not current out of the metadata.
pub async fn withdraw(tx: &mut Tx, ctx: &Ctx, application: ApplicationId, id: KeyId) -> Result<KeyView> {
    let key = require(tx, application, id).await?;
    if key.state == KeyState::Current {
        return Err(in_use());
    }
    if key.published_at.is_none() {
        return Ok(key);
    }
    store::set_published(tx, id, None).await?;
    record(tx, ctx, event(EventName::CertificateWithdraw, application, &key)).await?;
    require(tx, application, id).await
}

/// Lets a key sign from now on. Answers it as it is then.
pub async fn promote(tx: &mut Tx, ctx: &Ctx, application: ApplicationId, id: KeyId) -> Result<KeyView> {
    let keys = list(tx, application).await?;
    let chosen = keys.iter().find(|key| key.id == id).ok_or_else(|| Error::not_found("key"))?;
    let current = keys
        .iter()
        .find(|key| key.state == KeyState::Current)
        .ok_or_else(|| Error::internal(format!("application {application} has no signing key")))?;
    let left = match chosen.state {
        KeyState::Current => return Err(Error::conflict("key_current", "This key signs already.")),
        KeyState::Next => KeyState::Retired,
        KeyState::Retired if keys.iter().any(|key| key.state == KeyState::Next) => {
            return Err(next_exists());
        }
        KeyState::Retired => KeyState::Next,
    };
    if chosen.published_at.is_none() {
        return Err(Error::conflict(
            "key_not_published",
            "The metadata does not show this certificate. Publish it first, and give it to the application.",
        ));
    }
    // There is never a second current key, not for an instant.
    store::set_state(tx, current.id, left).await?;
    store::set_state(tx, id, KeyState::Current).await?;
    let event = event(EventName::CertificateRotate, application, chosen)
        .detail("before", current.id.to_string())
        .detail("back", chosen.state == KeyState::Retired);
    record(tx, ctx, event).await?;
    require(tx, application, id).await
}

/// Deletes a key that is not current, its private part with it.
pub async fn delete(tx: &mut Tx, ctx: &Ctx, application: ApplicationId, id: KeyId) -> Result<()> {
    let key = require(tx, application, id).await?;
    if key.state == KeyState::Current {
        return Err(in_use());
    }
    store::delete(tx, id).await?;
    record(tx, ctx, event(EventName::CertificateDelete, application, &key)).await
}

fn event(name: EventName, application: ApplicationId, key: &KeyView) -> Event {
    Event::new(name)
        .target("key", key.id, "")
        .application(application)
        .detail("fingerprint", key.fingerprint.as_str())
}

/// One key of an application.
pub async fn require(executor: &mut impl Executor, application: ApplicationId, id: KeyId) -> Result<KeyView> {
    let found = store::find(executor, application, id).await?;
    found.map(|(view, _)| view).ok_or_else(|| Error::not_found("key"))
}

fn next_exists() -> Error {
    Error::conflict("next_key_exists", "There is a next key already. Switch to it, or delete it first.")
}

fn in_use() -> Error {
    Error::conflict("key_in_use", "This key signs. Switch to another one first.")
}
