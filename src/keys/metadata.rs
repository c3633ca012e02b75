//! Keys that sign the installation's metadata and nothing else (decision 8), so that nobody anonymous gets XML signed
//! with a key that assertions are signed with (SAML-209). One is *current* and signs. One other may stand beside it: the
//! *next*, whose certificate is given out ahead, or the *retired* one that signed before; so switching can be taken back.
//!
//! Start with [`make`] and [`stage`]. All changes of them hold the lock of the settings.

use openssl::pkey::PKey;
use serde::Serialize;

use crate::base::id::KeyId;
use crate::base::signature::{KeyType, SignatureAlgorithm};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::{Executor, Tx};
use crate::events::{Event, EventName, record};
use crate::keys::store::metadata as store;
use crate::keys::{KeyState, NewKey, certificate, generate_for};
use crate::saml::sign::OpensslSigner;
use crate::vault::Vault;

/// Years a certificate is good for: it is pinned by hand at every consumer.
const YEARS: i64 = 10;
/// Kind of the keys.
const KEY_TYPE: KeyType = KeyType::Rsa3072;
/// What they sign with: what every consumer can verify.
const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::RsaSha256;

/// What may be shown of a key that signs metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MetadataKey {
    /// Its id.
    #[schema(value_type = String)]
    pub id: KeyId,
    /// What it does.
    pub state: KeyState,
    /// Its kind and size.
    pub key_type: KeyType,
    /// SHA-256 over the certificate, upper-case hexadecimal in pairs.
    pub fingerprint: String,
    /// Valid from.
    #[schema(value_type = String)]
    pub not_before: Timestamp,
    /// Valid until.
    #[schema(value_type = String)]
    pub not_after: Timestamp,
    /// The certificate, DER.
    #[serde(skip)]
    pub certificate: Vec<u8>,
}

impl MetadataKey {
    /// The certificate in PEM, as it is downloaded.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        certificate::to_pem(&self.certificate)
    }
}

/// Makes a key. Takes up to a second: call it on a pool of cores, before the transaction.
pub fn make(ctx: &Ctx, common_name: &str) -> Result<NewKey> {
    generate_for(ctx, KEY_TYPE, common_name, YEARS)
}

/// All keys, the one that signs first.
pub async fn list(executor: &mut impl Executor) -> Result<Vec<MetadataKey>> {
    store::list(executor).await
}

/// The key that signs, if there is one.
pub async fn current(executor: &mut impl Executor) -> Result<Option<MetadataKey>> {
    Ok(list(executor).await?.into_iter().find(|key| key.state == KeyState::Current))
}

/// Opens a key for signing.
pub async fn open(executor: &mut impl Executor, vault: &Vault, key: &MetadataKey) -> Result<OpensslSigner> {
    let sealed = store::find_sealed(executor, key.id).await?.ok_or_else(|| Error::not_found("key"))?;
    let der = vault.open(&aad(key.id), &sealed)?;
    let private = PKey::private_key_from_der(&der).map_err(Error::internal)?;
    OpensslSigner::new(private, &key.certificate, ALGORITHM).map_err(Error::internal)
}

/// Adds a key: the first one signs, another one is the next.
pub async fn stage(tx: &mut Tx, ctx: &Ctx, vault: &Vault, key: &NewKey) -> Result<MetadataKey> {
    let known = list(tx).await?;
    let state = match known.len() {
        0 => KeyState::Current,
        1 => KeyState::Next,
        _ => {
            return Err(Error::conflict(
                "too_many_keys",
                "There is a second key already. Switch to it, or delete it first.",
            ));
        }
    };
    let key_view = MetadataKey {
        id: KeyId::generate(ctx.now(), &ctx.random),
        state,
        key_type: key.key_type,
        fingerprint: certificate::fingerprint(&key.certificate),
        not_before: key.not_before,
        not_after: key.not_after,
        certificate: key.certificate.clone(),
    };
    let sealed = vault.seal(&aad(key_view.id), &key.key_der, &ctx.random)?;
    store::insert(tx, ctx.now(), &key_view, sealed).await?;
    let event = event(EventName::MetadataKeyCreate, &key_view)
        .detail("state", state.as_str())
        .detail("not_after", key_view.not_after.to_rfc3339());
    record(tx, ctx, event).await?;
    Ok(key_view)
}

/// Signs with the other key from now on; the one before stays, to go back to.
pub async fn promote(tx: &mut Tx, ctx: &Ctx, id: KeyId) -> Result<MetadataKey> {
    let keys = list(tx).await?;
    let chosen = keys.iter().find(|key| key.id == id).ok_or_else(|| Error::not_found("key"))?;
    if chosen.state == KeyState::Current {
        return Err(Error::conflict("key_current", "This key signs already."));
    }
    let current = keys.iter().find(|key| key.state == KeyState::Current);
    let current = current.ok_or_else(|| Error::internal("keys for metadata, and none that signs"))?;
    let left = if chosen.state == KeyState::Next { KeyState::Retired } else { KeyState::Next };
    // There is never a second current key, not for an instant.
    store::set_state(tx, current.id, left).await?;
    store::set_state(tx, chosen.id, KeyState::Current).await?;
    let event = event(EventName::MetadataKeyRotate, chosen)
        .detail("before", current.id.to_string())
        .detail("back", left == KeyState::Next);
    record(tx, ctx, event).await?;
    Ok(MetadataKey { state: KeyState::Current, ..chosen.clone() })
}

/// Deletes the key that does not sign, its private part with it.
pub async fn delete(tx: &mut Tx, ctx: &Ctx, id: KeyId) -> Result<()> {
    let keys = list(tx).await?;
    let chosen = keys.iter().find(|key| key.id == id).ok_or_else(|| Error::not_found("key"))?;
    if chosen.state == KeyState::Current {
        return Err(Error::conflict("key_in_use", "This key signs. Switch to another one first."));
    }
    store::delete(tx, id).await?;
    record(tx, ctx, event(EventName::MetadataKeyDelete, chosen)).await
}

fn event(name: EventName, key: &MetadataKey) -> Event {
    Event::new(name).target("key", key.id, "").detail("fingerprint", key.fingerprint.as_str())
}

/// What a sealed key is bound to: itself, so that it can't stand in for a key of an application.
fn aad(id: KeyId) -> String {
    format!("metadata_keys/{id}")
}
