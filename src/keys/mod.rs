//! Signing keys and certificates: each application has keys of its own, sealed at rest, never given out. One is
//! *current* and signs; a *next* one may stand beside it, published ahead in the metadata; *retired* ones may stay
//! published until every service provider has the new certificate, so that any step can be taken back (MD-310).
//!
//! It must not know what an application is beyond its id, nor what is signed. Start with [`generate`] and
//! [`insert_current`]; what may follow what is in [`rotation`].

mod certificate;
pub mod client;
pub mod expiry;
pub mod metadata;
pub mod rotation;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use openssl::pkey::{PKey, Private};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::base::id::{ApplicationId, KeyId};
use crate::base::signature::KeyType;
use crate::base::vocabulary::vocabulary;
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::{Executor, Tx};
use crate::events::{Event, EventName};
use crate::vault::Vault;

pub use certificate::{fingerprint, to_pem};

/// Years a certificate is good for (decision 8).
const YEARS: i64 = 3;

vocabulary! {
    /// What a key does.
    KeyState {
        /// It signs.
        #[default]
        Current = "current",
        /// It will sign.
        Next = "next",
        /// It has signed, and can be gone back to.
        Retired = "retired",
    }
}

/// A key pair and certificate not yet stored. The private key is wiped when this is dropped.
pub struct NewKey {
    key_der: Zeroizing<Vec<u8>>,
    certificate: Vec<u8>,
    key_type: KeyType,
    not_before: Timestamp,
    not_after: Timestamp,
    imported: bool,
}

impl NewKey {
    /// Whether it was made elsewhere.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        self.imported
    }
}

/// What may be shown of a key.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: KeyId,
    /// What it does.
    pub state: KeyState,
    /// Its kind and size.
    pub key_type: KeyType,
    /// Whether it was made elsewhere.
    pub imported: bool,
    /// SHA-256 over the certificate, upper-case hexadecimal in pairs.
    pub fingerprint: String,
    /// Valid from.
    #[schema(value_type = String)]
    pub not_before: Timestamp,
    /// Valid until.
    #[schema(value_type = String)]
    pub not_after: Timestamp,
    /// Since when the metadata has shown the certificate; `null`: it does not.
    #[schema(value_type = Option<String>)]
    pub published_at: Option<Timestamp>,
    /// The certificate, DER.
    #[serde(skip)]
    pub certificate: Vec<u8>,
}

impl KeyView {
    /// The certificate in PEM, as it is downloaded.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        certificate::to_pem(&self.certificate)
    }
}

/// Makes a key and its self-signed certificate. Takes a tenth of a second and more: call it on a pool of cores, before
/// the transaction.
pub fn generate(ctx: &Ctx, key_type: KeyType, common_name: &str) -> Result<NewKey> {
    generate_for(ctx, key_type, common_name, YEARS)
}

fn generate_for(ctx: &Ctx, key_type: KeyType, common_name: &str, years: i64) -> Result<NewKey> {
    let not_before = ctx.now();
    let not_after = not_before.plus(years * 365 * crate::base::clock::DAY);
    let (key_der, certificate) =
        certificate::self_signed(&ctx.random, key_type, common_name, not_before, not_after)?;
    Ok(NewKey { key_der, certificate, key_type, not_before, not_after, imported: false })
}

/// Takes over a key and its certificate that were made elsewhere, both PEM.
pub fn import(private_key_pem: &str, certificate_pem: &str) -> Result<NewKey> {
    certificate::imported(private_key_pem, certificate_pem)
}

/// Stores a key as the application's current one, in the transaction that creates the application.
pub async fn insert_current(
    tx: &mut Tx,
    ctx: &Ctx,
    vault: &Vault,
    application: ApplicationId,
    key: &NewKey,
) -> Result<KeyId> {
    insert(tx, ctx, vault, application, key, KeyState::Current, Some(ctx.now())).await
}

async fn insert(
    tx: &mut Tx,
    ctx: &Ctx,
    vault: &Vault,
    application: ApplicationId,
    key: &NewKey,
    state: KeyState,
    published_at: Option<Timestamp>,
) -> Result<KeyId> {
    let id = KeyId::generate(ctx.now(), &ctx.random);
    let private = vault.seal(&aad(id, application), &key.key_der, &ctx.random)?;
    let fingerprint = certificate::fingerprint(&key.certificate);
    let row = store::Sealed { id, application, state, key, private, fingerprint: &fingerprint, published_at };
    store::insert(tx, ctx.now(), row).await?;
    let name = if key.imported { EventName::CertificateImport } else { EventName::CertificateCreate };
    let event = Event::new(name)
        .target("key", id, "")
        .application(application)
        .detail("state", state.as_str())
        .detail("key_type", key.key_type.as_str())
        .detail("published", published_at.is_some())
        .detail("fingerprint", fingerprint)
        .detail("not_after", key.not_after.to_rfc3339());
    crate::events::record(tx, ctx, event).await?;
    Ok(id)
}

/// The keys of an application: the current one, the next, retired ones, the newest first.
pub async fn list(executor: &mut impl Executor, application: ApplicationId) -> Result<Vec<KeyView>> {
    store::list(executor, application).await
}

/// When the current certificate of each application ends: one statement for any list.
pub async fn certificate_ends(executor: &mut impl Executor) -> Result<HashMap<ApplicationId, Timestamp>> {
    store::list_ends(executor).await
}

/// An opened private key with its certificate. Kept in memory only.
#[derive(Clone)]
pub struct OpenedKey {
    /// What may be shown of it.
    pub view: Arc<KeyView>,
    /// The private key, for signing.
    pub private: PKey<Private>,
}

impl std::fmt::Debug for OpenedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpenedKey").field(&self.view.id).finish()
    }
}

/// Opens the current key of an application.
pub async fn open_current(
    executor: &mut impl Executor,
    vault: &Vault,
    application: ApplicationId,
) -> Result<OpenedKey> {
    let found = store::find_current(executor, application).await?;
    let found =
        found.ok_or_else(|| Error::internal(format!("application {application} has no signing key")))?;
    open_found(vault, application, found)
}

/// Opens a key of an application, whatever its state.
pub async fn open(
    executor: &mut impl Executor,
    vault: &Vault,
    application: ApplicationId,
    id: KeyId,
) -> Result<OpenedKey> {
    let found = store::find(executor, application, id).await?.ok_or_else(|| Error::not_found("key"))?;
    open_found(vault, application, found)
}

fn open_found(
    vault: &Vault,
    application: ApplicationId,
    (view, sealed): (KeyView, Vec<u8>),
) -> Result<OpenedKey> {
    let der = vault.open(&aad(view.id, application), &sealed)?;
    let private = PKey::private_key_from_der(&der).map_err(Error::internal)?;
    Ok(OpenedKey { view: Arc::new(view), private })
}

/// What a sealed key is bound to: itself and its application, so that it can't be moved to another.
fn aad(id: KeyId, application: ApplicationId) -> String {
    format!("signing_keys/{id}/{application}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Actor, Clock, Random};
    use crate::saml::certificate::parse_certificate;

    fn ctx() -> Ctx {
        Ctx::background(Actor::System("test"), Clock::frozen(Timestamp(1_795_334_400_000)), Random::seeded(1))
    }

    #[test]
    fn md_306_generated_certificate_is_rsa_2048_and_lasts_three_years() {
        let key = generate(&ctx(), KeyType::Rsa2048, "Heap at id.example.com").unwrap();
        let info = parse_certificate(&key.certificate).unwrap();
        assert_eq!(info.key_kind, "RSA 2048");
        assert_eq!(info.subject, "CN=Heap at id.example.com");
        assert_eq!(info.not_after.since(info.not_before), 3 * 365 * crate::base::clock::DAY);
        let private = PKey::private_key_from_der(&key.key_der).unwrap();
        let certificate = openssl::x509::X509::from_der(&key.certificate).unwrap();
        assert!(certificate.public_key().unwrap().public_eq(&private));
        assert!(certificate.verify(&certificate.public_key().unwrap()).unwrap());
    }

    #[test]
    fn every_kind_of_key_that_is_made_can_be_taken_over() {
        for key_type in KeyType::ALL {
            let made = generate(&ctx(), *key_type, "Heap").unwrap();
            let private = PKey::private_key_from_der(&made.key_der).unwrap();
            let pem = String::from_utf8(private.private_key_to_pem_pkcs8().unwrap()).unwrap();
            let taken = import(&pem, &certificate::to_pem(&made.certificate)).unwrap();
            assert_eq!((taken.key_type, taken.imported), (*key_type, true));
            assert_eq!(taken.not_after.0 / 1000, made.not_after.0 / 1000, "{key_type:?}");
            assert_eq!(taken.certificate, made.certificate);
        }
    }

    #[test]
    fn a_19_a_pair_that_does_not_fit_is_refused() {
        let pem = |key: &PKey<Private>| String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        let made = generate(&ctx(), KeyType::EcdsaP256, "Heap").unwrap();
        let certificate = certificate::to_pem(&made.certificate);
        let private = PKey::private_key_from_der(&made.key_der).unwrap();
        let other = PKey::private_key_from_der(&generate(&ctx(), KeyType::EcdsaP256, "x").unwrap().key_der);
        let weak = PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap();
        let encrypted = private
            .private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"secret")
            .map(|pem| String::from_utf8(pem).unwrap())
            .unwrap();
        for (key, certificate, code) in [
            (pem(&other.unwrap()), certificate.as_str(), "certificate_mismatch"),
            (pem(&weak), &certificate, "unusable_key"),
            (encrypted, &certificate, "unreadable_key"),
            ("no key".to_owned(), &certificate, "unreadable_key"),
            (pem(&private), "no certificate", "unreadable_certificate"),
        ] {
            let refused = import(&key, certificate).err().expect(code);
            assert_eq!(refused.fields[0].code, code);
        }
    }
}
