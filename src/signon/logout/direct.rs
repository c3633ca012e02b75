//! One message to a service provider from server to server (SOAP, Bindings 3.2): it needs no browser, and so reaches
//! sessions of other browsers too. Each call is bounded in time and size, and so are all of them together; whatever
//! goes wrong only means that the service provider has to be told in another way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result};
use crate::outbound::{Caps, Method, Request};
use crate::saml::binding::Carried;
use crate::saml::logout::LogoutMessage;
use crate::saml::soap;
use crate::signon::Installation;
use crate::signon::logout::leg::{Leg, LegState};
use crate::signon::logout::run::{forget, leave, renew, set_state, usable};
use crate::signon::logout::{examine, hop};
use crate::signon::receive::Visitor;
use crate::signon::target::Target;

/// From the first lookup to the last byte: somebody waits before a page.
const WITHIN: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const MAX_ANSWER: usize = 128 << 10;
/// Calls of this process at the same time, and of them to one application. Who finds no place is told by the browser, as
/// far as it goes.
const MAX_CALLS: usize = 64;
const MAX_CALLS_TO_ONE: usize = 8;
/// The value that SAML gives to this field (Bindings 3.2.3.1).
const SOAP_ACTION: &str = "\"http://www.oasis-open.org/committees/security\"";

/// Places for calls.
#[derive(Debug)]
pub(in crate::signon) struct Calls {
    all: Arc<Semaphore>,
    of_one: Mutex<HashMap<ApplicationId, Arc<Semaphore>>>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_CALLS)), of_one: Mutex::default() }
    }
}

impl Calls {
    /// Waits for a place with an application, then for one of all: so that one that hangs keeps none of the others.
    async fn places(&self, application: ApplicationId) -> Option<[OwnedSemaphorePermit; 2]> {
        let of_one = {
            let mut all = self.of_one.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(application).or_insert_with(|| Arc::new(Semaphore::new(MAX_CALLS_TO_ONE))).clone()
        };
        let of_one = of_one.acquire_owned().await.ok()?;
        let of_all = self.all.clone().acquire_owned().await.ok()?;
        Some([of_one, of_all])
    }
}

/// Tells, all at once, those of these legs that take messages from server to server.
pub(super) async fn tell_all(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    legs: impl Iterator<Item = &mut Leg>,
) -> Result<()> {
    let told = join_all(legs.map(|leg| tell(installation, ctx, visitor, leg))).await;
    told.into_iter().collect()
}

/// Tells one that waits, or that belongs to another browser. The first has moved on then: back to waiting, for another
/// message, if it did not say that it has ended its session and there is a way through the browser. The other is
/// forgotten when it is signed out.
async fn tell(installation: &Installation, ctx: &Ctx, visitor: Visitor<'_>, leg: &mut Leg) -> Result<()> {
    let is_elsewhere = leg.state == LegState::Direct;
    let (_, target) = usable(installation, visitor.epochs, leg.application).await?;
    let target = target.filter(|target| hop::can_be_named_to(target, leg, ctx.now()));
    let Some((target, url)) = target.and_then(|target| address(&target).map(|url| (target, url))) else {
        return if is_elsewhere { leave(installation, ctx, leg, LegState::Elsewhere).await } else { Ok(()) };
    };
    // Another tab of this browser has gone on meanwhile: what comes of it there is what counts.
    if !is_elsewhere && !set_state(installation, ctx, leg, LegState::Asked).await? {
        return Ok(());
    }
    let came_to = ask(installation, ctx, visitor, &target, &url, leg).await.unwrap_or_else(|error| {
        tracing::error!(application = %leg.application, code = error.code, cause = ?error.internal_cause(), "a sign-out could not be sent");
        LegState::NoAnswer
    });
    match came_to {
        LegState::SignedOut if is_elsewhere => forget(installation, ctx, leg).await,
        _ if is_elsewhere => leave(installation, ctx, leg, came_to).await,
        LegState::SignedOut => set_state(installation, ctx, leg, came_to).await.map(drop),
        _ if hop::reachable(target).is_some() => renew(installation, ctx, leg).await,
        _ => set_state(installation, ctx, leg, came_to).await.map(drop),
    }
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
    let Ok(_places) = tokio::time::timeout(WITHIN, installation.direct_calls.places(leg.application)).await
    else {
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
