//! One message to a service provider from server to server (SOAP, Bindings 3.2): it needs no browser, and so reaches
//! sessions of other browsers too. Each call is bounded in time and size, and so are all of them together; whatever
//! goes wrong only means that the service provider has to be told in another way.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::base::{Ctx, Error, Result};
use crate::outbound::{Caps, Method, Request};
use crate::saml::binding::Carried;
use crate::saml::logout::LogoutMessage;
use crate::saml::soap;
use crate::signon::Installation;
use crate::signon::logout::leg::{Leg, LegState};
use crate::signon::logout::run::{forget, set_state, usable};
use crate::signon::logout::{examine, hop};
use crate::signon::receive::Visitor;
use crate::signon::target::Target;

/// From the first lookup to the last byte: somebody waits before a page.
const WITHIN: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const MAX_ANSWER: usize = 128 << 10;
/// Calls of this process at the same time. Who finds no place is told by the browser, as far as it goes.
pub(in crate::signon) const MAX_CALLS: usize = 64;
/// The value that SAML gives to this field (Bindings 3.2.3.1).
const SOAP_ACTION: &str = "\"http://www.oasis-open.org/committees/security\"";

/// Tells, all at once, those of these legs that take messages from server to server.
pub(super) async fn tell_all(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    legs: impl Iterator<Item = &mut Leg>,
) -> Result<()> {
    let told = join_all(legs.map(|leg| tell(installation, ctx, visitor, leg))).await;
    told.into_iter().try_for_each(|told| told.map(drop))
}

/// Tells one; answers whether there was a way to. One that waits has moved on then: back to waiting, if it did not say
/// that it has ended its session and there is a way through the browser. One of another browser is forgotten when it is
/// signed out.
pub(super) async fn tell(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    leg: &mut Leg,
) -> Result<bool> {
    let (_, target) = usable(installation, visitor.epochs, leg.application).await?;
    let target = target.filter(|target| hop::can_be_named_to(target, leg, ctx.now()));
    let Some((target, url)) = target.and_then(|target| address(&target).map(|url| (target, url))) else {
        return Ok(false);
    };
    // Another tab of this browser has gone on meanwhile: what comes of it there is what counts.
    if leg.state == LegState::Waiting && !set_state(installation, ctx, leg, LegState::Asked).await? {
        return Ok(true);
    }
    let came_to = ask(installation, ctx, visitor, &target, &url, leg).await.unwrap_or_else(|error| {
        tracing::error!(application = %leg.application, code = error.code, cause = ?error.internal_cause(), "a sign-out could not be sent");
        LegState::NoAnswer
    });
    match (leg.state, came_to) {
        (LegState::Elsewhere, LegState::SignedOut) => forget(installation, ctx, leg).await?,
        (LegState::Elsewhere, _) => {}
        (_, LegState::SignedOut) => drop(set_state(installation, ctx, leg, came_to).await?),
        (_, _) if hop::reachable(target).is_some() => {
            set_state(installation, ctx, leg, LegState::Waiting).await?;
        }
        (_, _) => drop(set_state(installation, ctx, leg, came_to).await?),
    }
    Ok(true)
}

/// Where a service provider takes messages from server to server, if it does.
fn address(target: &Target) -> Option<String> {
    target.settings.as_ref()?.slo.soap_url.clone()
}

/// Asks a service provider to end its session; how it stands then: `SignedOut`, `Failed`, or `NoAnswer` also for an
/// answer that is none.
async fn ask(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    url: &str,
    leg: &Leg,
) -> Result<LegState> {
    let Ok(_place) = installation.direct_calls.try_acquire() else {
        tracing::warn!(application = %leg.application, "too many sign-outs are told at once, so this one is not");
        return Ok(LegState::NoAnswer);
    };
    let signer = target.signer()?;
    let write = hop::written(ctx, target, url, leg)?;
    let work = move || write(Some(signer.as_ref())).map(|message| soap::envelope(&message));
    let envelope = installation.on_cpu(work).await?.map_err(Error::internal)?;
    let mut request = Request::new(Method::Post, url)
        .header("content-type", "text/xml; charset=utf-8")
        .header("soapaction", SOAP_ACTION);
    request.body = envelope.into_bytes();
    request.caps = Caps { total: WITHIN, body: MAX_ANSWER };
    let answer = match installation.outbound.send(request).await {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => return Ok(no_answer(leg, "logout_answer_status", &answer.status.to_string())),
        Err(failure) => return Ok(no_answer(leg, failure.code(), "")),
    };
    let decode = move || Ok(soap::decode(answer.body, Carried::Response));
    let read = examine(installation, ctx, visitor, target, url.to_owned(), decode).await?;
    Ok(match read {
        Ok((LogoutMessage::Response(response), _)) if response.in_response_to == leg.request_id => {
            if response.is_success { LegState::SignedOut } else { LegState::Failed }
        }
        Ok(_) => no_answer(leg, "logout_response_unasked", ""),
        Err(refusal) => no_answer(leg, refusal.code(), ""),
    })
}

/// The log has why; the person reads that there was no answer.
fn no_answer(leg: &Leg, code: &str, status: &str) -> LegState {
    tracing::warn!(application = %leg.application, code, status, "a service provider did not answer to a sign-out by SOAP");
    LegState::NoAnswer
}
