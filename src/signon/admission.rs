//! How much of sign-on one visitor may ask for (decision 16). By address only refusals count, since an office shares
//! one; whoever is signed in is counted by session, by person and by application, successes and refusals alike, so
//! that nobody can fill the events or keep the signing cores busy alone.

use crate::applications::Application;
use crate::base::clock::MINUTE;
use crate::base::id::{ApplicationId, SessionId, UserId};
use crate::base::rate::Rate;
use crate::base::{Ctx, Error, Kind, Result};
use crate::signon::receive::Visitor;
use crate::signon::{Installation, refusal};

/// Sign-ons counted in memory.
#[derive(Debug)]
pub struct Admission {
    sessions: Rate<SessionId>,
    accounts: Rate<UserId>,
    applications: Rate<ApplicationId>,
    sign_outs: Rate<ApplicationId>,
}

/// Sign-outs that one application asks for in a minute. Each may make many messages to others.
const SIGN_OUTS: u32 = 1_200;

impl Default for Admission {
    fn default() -> Self {
        Self {
            sessions: Rate::new(MINUTE),
            accounts: Rate::new(MINUTE),
            applications: Rate::new(MINUTE),
            sign_outs: Rate::new(MINUTE),
        }
    }
}

/// At the door of every way in, before anything of the request is read.
pub(in crate::signon) async fn at_the_door(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
) -> Result<()> {
    let settings = installation.settings(visitor.epochs).await?;
    if installation.refusals.is_over(ctx, settings.saml_refusals_per_address_minute) {
        return Err(refusal::too_many());
    }
    let Some(session) = visitor.session else { return Ok(()) };
    let (counts, now) = (&installation.admission, ctx.now());
    counts
        .sessions
        .call(session.session_id, now, settings.sign_ons_per_session_minute)
        .and_then(|()| counts.accounts.call(session.user_id, now, settings.sign_ons_per_account_minute))
        .map_err(|seconds| {
            too_many(seconds, "You opened applications very often in the last minute.".to_owned())
        })
}

/// Once it is known where to: strangers don't count, or they could close an application to its people.
pub(in crate::signon) async fn at_the_application(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    application: &Application,
) -> Result<()> {
    if visitor.session.is_none() {
        return Ok(());
    }
    let settings = installation.settings(visitor.epochs).await?;
    let counts = &installation.admission.applications;
    counts.call(application.id, ctx.now(), settings.sign_ons_per_application_minute).map_err(|seconds| {
        too_many(seconds, format!("More people than usual are signing in to {}.", application.label))
    })
}

/// Once a request for a sign-out is known to be the application's.
pub(in crate::signon) fn at_a_sign_out(
    installation: &Installation,
    ctx: &Ctx,
    application: &Application,
) -> Result<()> {
    installation.admission.sign_outs.call(application.id, ctx.now(), SIGN_OUTS).map_err(|seconds| {
        too_many(seconds, format!("{} wants more people signed out than usual.", application.label))
    })
}

fn too_many(seconds: u32, what: String) -> Error {
    let message = format!("{what} Wait a minute, then try again.");
    Error::new(Kind::TooMany, "too_many_sign_ons", message).retry_after(seconds)
}
