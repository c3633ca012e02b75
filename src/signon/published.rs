//! What everybody may read of an application: its IdP metadata and signing certificate. Both are there from the
//! moment it is created, since the service provider is set up with them before it is switched on.

use crate::applications::create::freed_label;
use crate::applications::{self, model::Kind};
use crate::base::binding::AcsBinding;
use crate::base::name_id::NameIdFormat;
use crate::base::{Ctx, Error, Result, urls};
use crate::catalog::sso::AcsUrl;
use crate::db::epoch::Epochs;
use crate::keys::{self, KeyState};
use crate::saml::metadata::IdpMetadata;
use crate::signon::{Installation, refusal, target};

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
    let certificates: Vec<&[u8]> =
        keys.iter().filter(|key| key.published_at.is_some()).map(|key| key.certificate.as_slice()).collect();
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
    // Only what works: a LogoutRequest must be signed, and SOAP can't tell other applications, so that a service
    // provider that would prefer it does better without.
    let can_sign = !application.sso.sp_certificates.is_empty();
    let logout_url = can_sign.then(|| installation.base_url.join(&urls::idp_logout(slug)));
    let takes_artifacts = |acs: &AcsUrl| acs.binding == AcsBinding::Artifact;
    let artifact_url = (can_sign && application.sso.acs_urls.iter().any(takes_artifacts))
        .then(|| installation.base_url.join(&urls::idp_artifact(slug)));
    // The standard wants https here; without it there is none to give.
    let error_url =
        installation.base_url.is_secure().then(|| installation.base_url.join(urls::sign_in_help()));
    let metadata = IdpMetadata {
        entity_id: &application.idp_entity_id,
        sso_url: &sso_url,
        logout_url: logout_url.as_deref(),
        artifact_url: artifact_url.as_deref(),
        certificates: &certificates,
        name_id_formats: &formats,
        want_authn_requests_signed: application.sso.require_signed_requests,
        error_url: error_url.as_deref(),
        organisation: None,
    };
    metadata.write().map_err(Error::internal)
}

/// The signing certificate of an application, PEM.
pub async fn certificate(installation: &Installation, ctx: &Ctx, slug: &str) -> Result<String> {
    let application = application(installation, ctx, slug).await?;
    let keys = keys::list(&mut installation.db.reader(), application.id).await?;
    let current = keys.iter().find(|key| key.state == KeyState::Current);
    current.map(keys::KeyView::certificate_pem).ok_or_else(|| Error::not_found("certificate"))
}
