//! The application of a sign-on, ready for use: settings with placeholders filled, keys opened, bindings read. Kept
//! in memory while the applications stand still.

use std::fmt;
use std::sync::Arc;

use openssl::pkey::{PKey, Private};

use crate::applications::model::{Application, Kind};
use crate::applications::{self, binding, resolved, sp_source, sso};
use crate::base::id::{GroupId, KeyId};
use crate::base::name_id::NameIdFormat;
use crate::base::property::{Property, Source};
use crate::base::{Error, Result, Timestamp, urls};
use crate::catalog::sso::{SsoSettings, ValueFrom};
use crate::db::epoch::Epochs;
use crate::keys;
use crate::saml::certificate::{VerificationKey, parse_certificate};
use crate::saml::encrypt::Recipient;
use crate::saml::receive::{AssertionConsumer, Endpoint, ServiceProvider};
use crate::saml::sign::{OpensslSigner, Signer};
use crate::signon::{Installation, recorder};

/// An application with everything a sign-on needs.
pub struct Target {
    /// The application.
    pub application: Application,
    /// Its settings, placeholders filled; `None` when they can't be: it is not set up yet, or more is
    /// asked for than when it was activated.
    pub settings: Option<SsoSettings>,
    /// Groups bound to it.
    pub bound: Vec<GroupId>,
    /// The IdP URL, as configured.
    pub endpoint_url: String,
    /// Where enhanced clients come.
    pub client_url: String,
    /// The key that signs.
    pub key: Option<KeyId>,
    /// Until when exchanges that succeed are recorded.
    pub record_until: Option<Timestamp>,
    signer: Option<Arc<OpensslSigner>>,
    acs: Vec<AssertionConsumer>,
    signing_keys: Vec<VerificationKey>,
    recipient: Option<Arc<Recipient>>,
    decryption_keys: Vec<PKey<Private>>,
    metadata_ends: Option<Timestamp>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("application", &self.application.id).finish_non_exhaustive()
    }
}

impl Target {
    /// Whether there is all that a sign-on needs. An application is active only when it was complete, but its
    /// connector may be another one after a restart.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.application.kind == Kind::Bookmark
            || self
                .settings
                .as_ref()
                .is_some_and(|settings| settings.sp_entity_id.is_some() && !settings.acs_urls.is_empty())
    }

    /// The settings, of an application that can be signed on to.
    pub fn settings(&self) -> Result<&SsoSettings> {
        self.settings
            .as_ref()
            .ok_or_else(|| Error::internal("an active application has no complete settings"))
    }

    /// The key that signs for this application.
    pub fn signer(&self) -> Result<Arc<dyn Signer>> {
        let signer =
            self.signer.clone().ok_or_else(|| Error::internal("an application has no signing key"))?;
        Ok(signer)
    }

    /// Whom can be encrypted for; `None` where there is no certificate for it. Never `None` where something is to be
    /// (SAML-211).
    pub fn recipient(&self) -> Result<Option<Arc<Recipient>>> {
        if self.recipient.is_none() && self.settings()?.encrypts() {
            return Err(Error::internal("an application wants encryption and has nobody to encrypt for"));
        }
        Ok(self.recipient.clone())
    }

    /// The keys that open what it encrypts for us: those whose certificates it may have.
    #[must_use]
    pub fn decryption_keys(&self) -> &[PKey<Private>] {
        &self.decryption_keys
    }

    /// What is registered of the service provider.
    pub fn service_provider(&self) -> Result<ServiceProvider<'_>> {
        let settings = self.settings()?;
        Ok(ServiceProvider {
            entity_id: self.sp_entity_id()?,
            acs: &self.acs,
            signing_keys: &self.signing_keys,
            require_signed_requests: settings.require_signed_requests,
            redirect_enveloped_signature: settings.redirect_enveloped_signature,
            allow_missing_destination: settings.allow_missing_destination,
            strict_relay_state: settings.strict_relay_state,
        })
    }

    /// Whether its keys came from signed metadata whose end has passed: then they are not relied on any more, neither
    /// for its signatures nor to encrypt for it (MD-307).
    #[must_use]
    pub fn metadata_has_ended(&self, now: Timestamp) -> bool {
        self.metadata_ends.is_some_and(|end| end <= now)
    }

    /// Who we are towards it; `by_client`: where enhanced clients come.
    #[must_use]
    pub fn endpoint(&self, by_client: bool) -> Endpoint<'_> {
        let url = if by_client { &self.client_url } else { &self.endpoint_url };
        Endpoint { url, entity_id: &self.application.idp_entity_id }
    }

    /// The service provider's entity ID.
    pub fn sp_entity_id(&self) -> Result<&str> {
        let id = self.settings()?.sp_entity_id.as_deref();
        id.ok_or_else(|| Error::internal("an active application has no SP entity ID"))
    }

    /// NameID formats that a request may ask for beside the default: the opaque ones always, the e-mail address
    /// only where the mapping gives it anyway (SAML-213).
    #[must_use]
    pub fn offered_formats(&self) -> Vec<NameIdFormat> {
        let mut offered = vec![NameIdFormat::Persistent, NameIdFormat::Transient];
        let email = ValueFrom::Property(Source::Property(Property::Email));
        if self.settings.as_ref().is_some_and(|settings| settings.name_id.value == email) {
            offered.push(NameIdFormat::EmailAddress);
        }
        offered
    }
}

/// The application behind an IdP URL, as it is now.
pub async fn load(installation: &Installation, epochs: Epochs, slug: &str) -> Result<Option<Arc<Target>>> {
    if let Some(target) = installation.cache.target(epochs, slug) {
        return Ok(Some(target));
    }
    let mut reader = installation.db.reader();
    let Some(application) = applications::find_for_sign_on(&mut reader, slug).await? else { return Ok(None) };
    let target = Arc::new(build(installation, application, None).await?);
    installation.cache.put_target(epochs, slug, target.clone());
    Ok(Some(target))
}

/// The same as if another of its keys signed already. Not kept.
pub async fn load_with_key(installation: &Installation, slug: &str, key: KeyId) -> Result<Arc<Target>> {
    let mut reader = installation.db.reader();
    let application = applications::find_for_sign_on(&mut reader, slug).await?;
    let application = application.ok_or_else(|| Error::not_found("application"))?;
    build(installation, application, Some(key)).await.map(Arc::new)
}

async fn build(installation: &Installation, application: Application, key: Option<KeyId>) -> Result<Target> {
    let mut reader = installation.db.reader();
    let bound = binding::groups_of(&mut reader, application.id).await?;
    let bound = bound.into_iter().map(|(group, _)| group).collect();
    let endpoint_url = installation.base_url.join(&urls::idp(&application.slug));
    let client_url = installation.base_url.join(&urls::idp_ecp(&application.slug));
    let mut target = Target {
        settings: None,
        bound,
        endpoint_url,
        client_url,
        key: None,
        record_until: recorder::recorded_until(&mut reader, application.id).await?,
        signer: None,
        acs: Vec::new(),
        signing_keys: Vec::new(),
        recipient: None,
        decryption_keys: Vec::new(),
        metadata_ends: None,
        application,
    };
    if target.application.kind == Kind::Bookmark {
        return Ok(target);
    }
    // Settings that can't be filled leave the target without any: a sign-on to it is refused.
    let Ok(settings) = resolved::resolve(&target.application) else {
        return Ok(target);
    };
    // Without anybody to encrypt for, such an application counts as not set up.
    let Ok(recipient) = sso::recipient(&settings) else { return Ok(target) };
    target.recipient = recipient.map(Arc::new);
    target.metadata_ends = sp_source::signed_until(&mut reader, target.application.id).await?;
    for pem in &settings.sp_certificates {
        target.signing_keys.push(parse_certificate(pem.as_bytes()).map_err(Error::internal)?.key);
    }
    target.acs = settings
        .acs_urls
        .iter()
        .map(|acs| AssertionConsumer {
            url: acs.url.clone(),
            index: Some(acs.index),
            is_default: Some(acs.default),
            binding: Some(acs.binding),
        })
        .collect();
    let (vault, id) = (&installation.vault, target.application.id);
    let mut algorithm = settings.signature_algorithm;
    let key = match key {
        None => keys::open_current(&mut reader, vault, id).await?,
        Some(key) => keys::open(&mut reader, vault, id, key).await?,
    };
    if !key.view.key_type.makes(algorithm) {
        // As it will be when the key is switched to.
        algorithm = key.view.key_type.algorithms()[0];
    }
    target.key = Some(key.view.id);
    // Only what is signed is opened, so without a certificate of the service provider there is nothing to open.
    if !target.signing_keys.is_empty() {
        for view in keys::list(&mut reader, id).await? {
            target.decryption_keys.push(keys::open(&mut reader, vault, id, view.id).await?.private);
        }
    }
    let signer =
        OpensslSigner::new(key.private, &key.view.certificate, algorithm).map_err(Error::internal)?;
    target.signer = Some(Arc::new(signer));
    target.settings = Some(settings);
    Ok(target)
}
