//! Signing keys and certificates: one key for each application, made with it, sealed at rest, never given out.
//!
//! It must not know what an application is beyond its id, nor what is signed. Start with [`generate`] and
//! [`insert_current`].

mod certificate;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use openssl::pkey::{PKey, Private};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::base::id::{ApplicationId, KeyId};
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::db::{Executor, Tx};
use crate::events::{Event, EventName};
use crate::vault::Vault;

/// Years a certificate is good for (decision 8).
const YEARS: i64 = 3;

/// A key pair and certificate not yet stored. The private key is wiped when this is dropped.
pub struct GeneratedKey {
    key_der: Zeroizing<Vec<u8>>,
    certificate: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// What may be shown of a key.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: KeyId,
    /// `current`, `next` or `retired`.
    pub state: String,
    /// `rsa-2048` …
    pub key_type: String,
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

impl KeyView {
    /// The certificate in PEM, as it is downloaded.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        certificate::to_pem(&self.certificate)
    }
}

/// Makes an RSA-2048 key and its self-signed certificate. Takes a tenth of a second and more: call it on a blocking
/// thread, before the transaction.
pub fn generate(ctx: &Ctx, common_name: &str) -> Result<GeneratedKey> {
    let not_before = ctx.now();
    let not_after = not_before.plus(YEARS * 365 * crate::base::clock::DAY);
    let (key_der, certificate) = certificate::self_signed(&ctx.random, common_name, not_before, not_after)?;
    Ok(GeneratedKey { key_der, certificate, not_before, not_after })
}

/// Stores a key as the application's current one, in the transaction that creates the application.
pub async fn insert_current(
    tx: &mut Tx,
    ctx: &Ctx,
    vault: &Vault,
    application: ApplicationId,
    key: &GeneratedKey,
) -> Result<KeyId> {
    let id = KeyId::generate(ctx.now(), &ctx.random);
    let sealed = vault.seal(&aad(id, application), &key.key_der, &ctx.random)?;
    let fingerprint = certificate::fingerprint(&key.certificate);
    store::insert(tx, ctx.now(), id, application, sealed, key, &fingerprint).await?;
    let event = Event::new(EventName::CertificateCreate)
        .target("key", id, "")
        .application(application)
        .detail("fingerprint", fingerprint)
        .detail("not_after", key.not_after.to_rfc3339());
    crate::events::record(tx, ctx, event).await?;
    Ok(id)
}

/// The keys of an application, current first.
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
    let (view, sealed) = store::find_current(executor, application)
        .await?
        .ok_or_else(|| Error::internal(format!("application {application} has no signing key")))?;
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

    #[test]
    fn md_306_generated_certificate_is_rsa_2048_and_lasts_three_years() {
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let ctx = Ctx::background(Actor::System("test"), clock, Random::seeded(1));
        let key = generate(&ctx, "Heap at id.example.com").unwrap();
        let info = parse_certificate(&key.certificate).unwrap();
        assert_eq!(info.key_kind, "RSA 2048");
        assert_eq!(info.subject, "CN=Heap at id.example.com");
        assert_eq!(info.not_after.since(info.not_before), 3 * 365 * crate::base::clock::DAY);
        let private = PKey::private_key_from_der(&key.key_der).unwrap();
        let certificate = openssl::x509::X509::from_der(&key.certificate).unwrap();
        assert!(certificate.public_key().unwrap().public_eq(&private));
        assert!(certificate.verify(&certificate.public_key().unwrap()).unwrap());
    }
}
