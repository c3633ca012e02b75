//! What everybody may read of an application: its IdP metadata and signing certificate. Both are there from the
//! moment it is created, since the service provider is set up with them before it is switched on.

use openssl::sha::sha256;

use crate::applications::create::freed_label;
use crate::applications::{self, model::Kind};
use crate::base::binding::AcsBinding;
use crate::base::clock::{DAY, HOUR};
use crate::base::name_id::NameIdFormat;
use crate::base::signature::KeyType;
use crate::base::subject_id::SubjectIdentifier;
use crate::base::{Ctx, Error, Result, urls};
use crate::catalog::sso::AcsUrl;
use crate::db::epoch::Epochs;
use crate::keys::{self, KeyState, KeyView};
use crate::saml::metadata::{IdpMetadata, Stamp};
use crate::signon::{Installation, refusal, target};

/// How long signed metadata is valid, and how often it is signed anew, in milliseconds.
const SIGNED_FOR: i64 = 7 * DAY;
const SIGNED_ANEW: i64 = 12 * HOUR;

async fn application(
    installation: &Installation,
    ctx: &Ctx,
    slug: &str,
) -> Result<applications::Application> {
    let mut reader = installation.db.reader();
    match applications::find_for_sign_on(&mut reader, slug).await? {
        Some(application) if application.kind == Kind::Saml => Ok(application),
        Some(_) => Err(Error::not_found("application")),
        None => Err(match freed_label(&mut reader, ctx, slug).await? {
            Some(label) => {
                let gone = refusal::deleted(&label);
                Error::new(gone.kind, gone.code, gone.message)
            }
            None => Error::not_found("application"),
        }),
    }
}

/// The metadata of an application (MD-301): only what works. `by_program`: it is no person who looks at it, so that it
/// is noted who has it now.
pub async fn metadata(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    slug: &str,
    by_program: bool,
) -> Result<String> {
    let application = application(installation, ctx, slug).await?;
    if by_program {
        installation.fetches.note(ctx, application.id);
    }
    let keys = keys::list(&mut installation.db.reader(), application.id).await?;
    let published: Vec<KeyView> = keys.into_iter().filter(|key| key.published_at.is_some()).collect();
    let mut formats = vec![application.sso.name_id.format];
    let target = target::load(installation, epochs, slug).await?;
    let offered = target
        .map_or_else(|| vec![NameIdFormat::Persistent, NameIdFormat::Transient], |t| t.offered_formats());
    for format in offered {
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    let sso_url = installation.base_url.join(&urls::idp(slug));
    // Only what works: a LogoutRequest must be signed, and over SOAP no application can be told that takes none itself, so
    // that a service provider that would prefer it does better without.
    let can_sign = !application.sso.sp_certificates.is_empty();
    let logout_url = can_sign.then(|| installation.base_url.join(&urls::idp_logout(slug)));
    // Opened by whichever of our RSA keys it is for; the one that signs now is the one to take.
    let rsa = |key: &&KeyView| matches!(key.key_type, KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096);
    let current = published.iter().filter(rsa).find(|key| key.state == KeyState::Current);
    let opens = current.or_else(|| published.iter().find(rsa)).filter(|_| can_sign);
    let encryption_certificate = opens.map(|key| key.certificate.clone());
    let certificates = published.into_iter().map(|key| key.certificate).collect();
    let takes_artifacts = |acs: &AcsUrl| acs.binding == AcsBinding::Artifact;
    let artifact_url = (can_sign && application.sso.acs_urls.iter().any(takes_artifacts))
        .then(|| installation.base_url.join(&urls::idp_artifact(slug)));
    let takes_clients = application.sso.acs_urls.iter().any(|acs| !acs.binding.is_of_browsers());
    let takes_passwords = installation.base_url.is_secure() || installation.base_url.is_loopback();
    let client_sso_url = (application.sso.ecp && takes_clients && takes_passwords)
        .then(|| installation.base_url.join(&urls::idp_ecp(slug)));
    // The standard wants https here; without it there is none to give.
    let error_url =
        installation.base_url.is_secure().then(|| installation.base_url.join(urls::sign_in_help()));
    let metadata = IdpMetadata {
        entity_id: application.idp_entity_id,
        sso_url,
        client_sso_url,
        scope: (application.sso.subject_identifier != SubjectIdentifier::None)
            .then(|| installation.base_url.host().to_owned()),
        logout_url,
        artifact_url,
        certificates,
        encryption_certificate,
        name_id_formats: formats,
        want_authn_requests_signed: application.sso.require_signed_requests,
        error_url,
        organisation: None,
    };
    let plain = metadata.write().map_err(Error::internal)?;
    if !installation.settings(epochs).await?.sign_metadata {
        return Ok(plain);
    }
    signed(installation, ctx, slug, metadata, &plain).await
}

/// The same, signed. That costs a signature once for each state of the document and each half day, on each node; all
/// nodes give the same octets.
async fn signed(
    installation: &Installation,
    ctx: &Ctx,
    slug: &str,
    metadata: IdpMetadata,
    plain: &str,
) -> Result<String> {
    let mut reader = installation.db.reader();
    let key = keys::metadata::current(&mut reader).await?;
    let key = key.ok_or_else(|| Error::internal("metadata is to be signed, and there is no key"))?;
    let now = ctx.now();
    let valid_until = now.plus(-now.0.rem_euclid(SIGNED_ANEW)).plus(SIGNED_FOR);
    let digest = sha256(format!("{plain}{valid_until}{}", key.id).as_bytes());
    if let Some(known) = installation.cache.signed_metadata(slug, digest) {
        return Ok(known.to_string());
    }
    let signer = keys::metadata::open(&mut reader, &installation.vault, &key).await?;
    let work = move || {
        let id = digest[..16].iter().fold(String::from("_"), |id, byte| format!("{id}{byte:02x}"));
        metadata.sign(Stamp { id: &id, valid_until }, &signer)
    };
    let signed = installation.on_cpu(work).await?.map_err(Error::internal)?;
    installation.cache.put_signed_metadata(slug, digest, signed.as_str().into());
    Ok(signed)
}

/// The certificates of the keys that metadata is signed with, PEM: the one that signs, then the other one, which will or
/// did. None while metadata is not signed.
pub async fn metadata_certificates(installation: &Installation, epochs: Epochs) -> Result<String> {
    if !installation.settings(epochs).await?.sign_metadata {
        return Err(Error::not_found("certificate"));
    }
    let keys = keys::metadata::list(&mut installation.db.reader()).await?;
    Ok(keys.iter().map(keys::metadata::MetadataKey::certificate_pem).collect())
}

/// The signing certificate of an application, PEM.
pub async fn certificate(installation: &Installation, ctx: &Ctx, slug: &str) -> Result<String> {
    let application = application(installation, ctx, slug).await?;
    let keys = keys::list(&mut installation.db.reader(), application.id).await?;
    let current = keys.iter().find(|key| key.state == KeyState::Current);
    current.map(keys::KeyView::certificate_pem).ok_or_else(|| Error::not_found("certificate"))
}
