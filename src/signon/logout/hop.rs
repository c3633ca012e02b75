//! One message to a service provider through the browser: where it goes, whom it names, how it is signed. What it says
//! is the same from server to server.

use std::sync::Arc;

use crate::base::clock::MINUTE;
use crate::base::vocabulary::vocabulary;
use crate::base::{Ctx, Error, Kind, Result, Timestamp};
use crate::catalog::sso::Slo;
use crate::saml::binding::{Binding, Carried};
use crate::saml::logout::{LogoutRequestInput, redirect_url};
use crate::saml::response::{Base64, WriteError};
use crate::saml::sign::Signer;
use crate::signon::Installation;
use crate::signon::logout::leg::Leg;
use crate::signon::logout::{Outcome, name_id_of};
use crate::signon::target::Target;

/// How long a LogoutRequest of ours counts.
const USABLE_FOR: i64 = 5 * MINUTE;

vocabulary! {
    /// How a LogoutResponse of ours travels.
    AnswerBy {
        /// HTTP-Redirect.
        #[default]
        Redirect = "redirect",
        /// HTTP-POST.
        Post = "post",
    }
}

impl AnswerBy {
    /// By the binding that the request came by, if there is an address for it; else by the other.
    pub(super) fn of(target: &Target, came_by: Binding) -> Result<Option<Self>> {
        let slo = &target.settings()?.slo;
        let order = if came_by == Binding::Post {
            [Self::Post, Self::Redirect]
        } else {
            [Self::Redirect, Self::Post]
        };
        Ok(order.into_iter().find(|by| by.request_url(slo).is_some()))
    }

    fn request_url(self, slo: &Slo) -> Option<&String> {
        match self {
            Self::Redirect => slo.redirect_url.as_ref(),
            Self::Post => slo.post_url.as_ref(),
        }
    }

    /// Where answers go.
    pub(super) fn url(self, target: &Target) -> Result<String> {
        let slo = &target.settings()?.slo;
        let elsewhere = match self {
            Self::Redirect => slo.redirect_response_url.as_ref(),
            Self::Post => slo.post_response_url.as_ref(),
        };
        let url = elsewhere.or(self.request_url(slo)).cloned();
        url.ok_or_else(|| {
            let message = "The application has no address for sign-out messages any more. You are signed out of Tessera.";
            Error::new(Kind::Gone, "logout_address_gone", message)
        })
    }
}

/// Whether the NameID of a leg goes encrypted: where the application encrypts, or was given it so.
fn is_encrypted(target: &Target, leg: &Leg) -> Result<bool> {
    Ok(leg.name_id_encrypted || target.settings()?.encrypts())
}

/// Whether a service provider can be named the person: what has to be encrypted needs a key that is relied on, and is
/// never sent plain instead (SAML-211, MD-307).
pub(super) fn can_be_named_to(target: &Target, leg: &Leg, now: Timestamp) -> bool {
    let has_key = || matches!(target.recipient(), Ok(Some(_))) && !target.metadata_has_ended(now);
    is_encrypted(target, leg).is_ok_and(|encrypted| !encrypted || has_key())
}

/// How a service provider is told in the browser: by redirect if it takes that, since its own cookies always come along
/// then; else by a form.
pub(super) fn reachable(target: Arc<Target>) -> Option<(Arc<Target>, AnswerBy, String)> {
    let slo = &target.settings.as_ref()?.slo;
    let found = AnswerBy::ALL.iter().find_map(|by| by.request_url(slo).map(|url| (*by, url.clone())));
    found.map(|(by, url)| (target, by, url))
}

/// Leads the browser to a service provider with a LogoutRequest.
pub(super) async fn request(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    by: AnswerBy,
    url: String,
    leg: &Leg,
) -> Result<Outcome> {
    let (signer, write) = (target.signer()?, written(ctx, target, &url, leg)?);
    dispatch(installation, target, by, url, Carried::Request, signer, write, None).await
}

/// The work of writing a LogoutRequest to that address.
pub(super) fn written(
    ctx: &Ctx,
    target: &Target,
    url: &str,
    leg: &Leg,
) -> Result<impl FnOnce(Option<&dyn Signer>) -> std::result::Result<String, WriteError> + Send + use<>> {
    let name_id = name_id_of(target, target.sp_entity_id()?, &leg.name_id, &leg.name_id_format)
        .ok_or_else(|| Error::internal("a stored NameID has an unknown format"))?;
    let (issued_at, random) = (ctx.now(), ctx.random.clone());
    let (issuer, destination) = (target.application.idp_entity_id.clone(), url.to_owned());
    let (id, indexes) = (leg.request_id.clone(), leg.session_indexes.clone());
    let recipient = if is_encrypted(target, leg)? { target.recipient()? } else { None };
    Ok(move |signer: Option<&dyn Signer>| {
        let input = LogoutRequestInput {
            id: &id,
            issued_at,
            not_on_or_after: issued_at.plus(USABLE_FOR),
            issuer: &issuer,
            destination: &destination,
            name_id: &name_id,
            session_indexes: &indexes,
            encryption: recipient.as_deref().map(|recipient| (recipient, &random)),
        };
        input.write(signer)
    })
}

/// Writes and signs a message on the pool of cores, as its binding wants it.
#[expect(clippy::too_many_arguments, reason = "what a message and its way consist of")]
pub(super) async fn dispatch(
    installation: &Installation,
    target: &Arc<Target>,
    by: AnswerBy,
    url: String,
    carried: Carried,
    signer: Arc<dyn Signer>,
    write: impl FnOnce(Option<&dyn Signer>) -> std::result::Result<String, WriteError> + Send + 'static,
    relay_state: Option<String>,
) -> Result<Outcome> {
    let asks = carried == Carried::Request;
    let label = target.application.label.clone();
    match by {
        AnswerBy::Redirect => {
            let work =
                move || redirect_url(&url, carried, &write(None)?, relay_state.as_deref(), signer.as_ref());
            let url = installation.on_cpu(work).await?.map_err(Error::internal)?;
            Ok(Outcome::HandOver { target: target.clone(), asks, url })
        }
        AnswerBy::Post => {
            let work = move || write(Some(signer.as_ref())).map(Base64::encode);
            let message = installation.on_cpu(work).await?.map_err(Error::internal)?;
            Ok(Outcome::Post { label, asks, url, message, relay_state })
        }
    }
}
