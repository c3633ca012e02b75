//! A sign-on to see what an application receives: for an administrator's own person, to the built-in service
//! provider, never to the application. The response is signed with the application's key, but its audience and its
//! recipient are the built-in service provider's, so that the application would refuse it. For the same reason it is never
//! encrypted: only the application could read it, and it is to be shown.

use std::fmt::Debug;

use crate::applications::model::Kind as ApplicationKind;
use crate::applications::sso::check_complete;
use crate::applications::{self, Application};
use crate::auth::SessionView;
use crate::base::binding::AcsBinding;
use crate::base::id::{ApplicationId, KeyId};
use crate::base::{Ctx, Error, Result};
use crate::catalog::sso::IdpInitiated;
use crate::db::epoch::Epochs;
use crate::events::{Event, EventName, record};
use crate::keys::{self, KeyState};
use crate::signon::issue::{Asked, authorise, deny, issue, prepare, refuse, subject_of};
use crate::signon::outcome::{Outcome, PostForm};
use crate::signon::signing::{Addressed, Taker, sign};
use crate::signon::target::Target;
use crate::signon::{Installation, target};

/// What the built-in service provider is told of an application.
#[derive(Clone, Debug)]
pub struct TrialApplication {
    /// Its slug.
    pub slug: String,
    /// How it is shown.
    pub label: String,
    /// The IdP URL.
    pub idp_url: String,
    /// Entity ID of the IdP towards it.
    pub idp_entity_id: String,
    /// Signing certificate, PEM.
    pub certificate: String,
    /// What differs from what the application itself gets, to be said where the response is shown.
    pub note: Option<String>,
}

/// Where the built-in service provider takes the response.
#[derive(Clone, Debug)]
pub struct TrialAddress {
    /// Its ACS URL.
    pub acs_url: String,
    /// Its entity ID.
    pub entity_id: String,
}

/// The built-in service provider, as far as it is known here.
pub trait TrialProvider: Debug + Send + Sync {
    /// Gets ready for a response of this application.
    fn prepare(&self, application: TrialApplication) -> Result<TrialAddress>;
}

/// Issues a response about the person of the session to the built-in service provider.
pub async fn trial(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    session: &SessionView,
    id: ApplicationId,
    provider: &dyn TrialProvider,
) -> Result<Outcome> {
    let application = applications::require(&mut installation.db.reader(), id).await?;
    if application.kind != ApplicationKind::Saml {
        return Err(Error::conflict(
            "not_saml",
            "A bookmark only opens an address. There is nothing to test.",
        ));
    }
    check_complete(&application)?;
    let target = target::load(installation, epochs, &application.slug)
        .await?
        .ok_or_else(|| Error::not_found("application"))?;
    let subject = subject_of(installation, epochs, session).await?;
    let prepared =
        match prepare(installation, ctx, &target, &subject, target.settings()?, Asked::default()).await? {
            Ok(prepared) => prepared,
            Err(refusal) => return refuse(installation, ctx, &target, true, &refusal).await,
        };
    let note_of = unlike_the_application(ctx, &target)?;
    let address = provider.prepare(described(installation, &application, note_of).await?)?;
    let to = Addressed {
        taker: Taker::BuiltIn,
        session_index: ctx.random.saml_id(),
        acs_url: address.acs_url.clone(),
        binding: AcsBinding::Post,
        audience: address.entity_id,
        in_response_to: None,
        advice: None,
    };
    let saml_response = sign(installation, ctx, &target, session, prepared, to).await?;
    note(installation, ctx, &application).await?;
    let label = target.application.label.clone();
    Ok(Outcome::Post(PostForm {
        label,
        acs_url: address.acs_url,
        saml_response,
        artifact: None,
        relay_state: None,
        told: None,
    }))
}

/// Signs the person of the session on to the application itself as if the key signed already, so that an administrator
/// sees whether the application takes it before everybody depends on it. Nothing else differs from a sign-on: who may
/// not use the application is refused.
pub async fn try_key(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    session: &SessionView,
    id: ApplicationId,
    key: KeyId,
) -> Result<Outcome> {
    let application = applications::require(&mut installation.db.reader(), id).await?;
    check_complete(&application)?;
    let target = target::load_with_key(installation, &application.slug, key).await?;
    let settings = target.settings()?;
    if settings.idp_initiated == IdpInitiated::Off || settings.login_url.is_some() {
        let message = format!(
            "Sign-ons of {} begin there, not here, so a key can't be tried from here. Switch to it, sign in there, and go back if that fails.",
            application.label
        );
        return Err(Error::conflict("begins_there", message));
    }
    let subject = subject_of(installation, epochs, session).await?;
    let authorized = match authorise(&target, &subject) {
        Ok(authorized) => authorized,
        Err(denied) => return deny(installation, ctx, &target, denied, None).await,
    };
    let relay_state = target.settings()?.default_relay_state.as_deref();
    let asked = Asked { relay_state, ..Asked::default() };
    issue(installation, ctx, &authorized, session, asked).await
}

/// What the application itself gets otherwise than it is shown.
fn unlike_the_application(ctx: &Ctx, target: &Target) -> Result<Option<String>> {
    let (settings, label) = (target.settings()?, &target.application.label);
    let what = match (settings.encrypt_assertion, settings.encrypt_name_id) {
        (true, _) => "assertion",
        (false, true) => "Name ID",
        (false, false) => return Ok(None),
    };
    let ends = if target.metadata_has_ended(ctx.now()) {
        ". Not now, though: its signed metadata has ended, so nobody gets in there until it is fetched anew."
    } else {
        "."
    };
    Ok(Some(format!(
        "This test is not encrypted, or it could not be shown. {label} itself gets the {what} encrypted{ends}"
    )))
}

async fn described(
    installation: &Installation,
    application: &Application,
    note: Option<String>,
) -> Result<TrialApplication> {
    let keys = keys::list(&mut installation.db.reader(), application.id).await?;
    let current = keys.iter().find(|key| key.state == KeyState::Current);
    let key = current.ok_or_else(|| Error::internal("an application has no signing key"))?;
    Ok(TrialApplication {
        slug: application.slug.clone(),
        label: application.label.clone(),
        idp_url: installation.base_url.join(&crate::base::urls::idp(&application.slug)),
        idp_entity_id: application.idp_entity_id.clone(),
        certificate: key.certificate_pem(),
        note,
    })
}

async fn note(installation: &Installation, ctx: &Ctx, application: &Application) -> Result<()> {
    let mut tx = installation.db.begin().await?;
    let event = Event::new(EventName::SsoTest)
        .target("application", application.id, application.label.as_str())
        .application(application.id);
    record(&mut tx, ctx, event).await?;
    tx.commit().await
}
