//! Sign-on by an enhanced client (ECP 2.0): a program that brings the request itself and proves who it acts for by
//! username and password. It passes the same doors as a browser: what is refused there is refused here, the sign-in is
//! the same sign-in, and each response belongs to a session that can be ended (ECP-610).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::applications::model::Kind as ApplicationKind;
use crate::auth::session::sign_out;
use crate::auth::{SessionView, SignIn, sign_in};
use crate::base::{Actor, Ctx, Error, Kind, Result};
use crate::db::epoch::Epochs;
use crate::saml::ecp::{ClientAdvice, ClientAnswer};
use crate::saml::receive::{Client, Stage, Trusted};
use crate::saml::refusal::{Reason, Refusal};
use crate::signon::context_class::{Standing, standing};
use crate::signon::issue::{Asked, authorise, deny, issue, or_tell_there, refuse, subject_of};
use crate::signon::outcome::{Outcome, PostForm, Refused};
use crate::signon::pending::Waiting;
use crate::signon::receive::{Trail, Visitor, examine, find_target_of, first_look, keep, key_is_over, noted};
use crate::signon::target::Target;
use crate::signon::{Installation, admission, refusal};

/// Bytes of the key that client and service provider share.
const KEY: usize = 32;

/// What a client proves itself by.
#[derive(Debug)]
pub struct Credentials {
    /// Username or e-mail address.
    pub login: String,
    /// Password.
    pub password: SecretString,
}

/// What a client is told.
#[derive(Debug)]
pub enum Answer {
    /// An envelope with a Response.
    Envelope(String),
    /// Who it acts for is not proved: `None`, it has not tried.
    Unauthenticated(Option<Error>),
    /// It ends here.
    Refused(Refused),
}

/// What has come of a request, and what goes into the header of the answer.
#[derive(Default)]
struct Course {
    trail: Trail,
    request_authenticated: bool,
    advice: ClientAdvice,
}

/// An envelope has come from an enhanced client.
pub async fn arrive(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    slug: &str,
    octets: Vec<u8>,
    credentials: Option<Credentials>,
) -> Result<Answer> {
    // A client has no cookies: who it acts for is known once the password is right.
    let stranger = Visitor { session: None, browser: "", epochs };
    let mut course = Course::default();
    let waiting = String::from_utf8(octets).map(|raw_body| Waiting::Soap { raw_body });
    let Ok(waiting) = waiting else {
        let refused = Err(Error::new(Kind::Malformed, "xml_not_utf8", "The message is not UTF-8."));
        return answered(noted(installation, ctx, stranger, slug, refused).await, &course);
    };
    match look_at(installation, ctx, stranger, slug, &waiting, &mut course).await {
        Ok(Ok(_)) => {}
        Ok(Err(outcome)) => {
            return record(installation, ctx, stranger, slug, &course, &waiting, Ok(outcome)).await;
        }
        Err(error) => return record(installation, ctx, stranger, slug, &course, &waiting, Err(error)).await,
    }
    // Nobody is asked for a password for a request that could not be answered.
    let Some(credentials) = credentials else { return Ok(Answer::Unauthenticated(None)) };
    let attempt =
        SignIn { login: credentials.login, password: credentials.password, remember: false, replaces: None };
    let (db, disk) = (&installation.db, &installation.disk);
    let signed_in = sign_in(db, disk, ctx, &installation.vault, &installation.passwords, attempt).await;
    installation.metrics.sign_in(signed_in.as_ref().err().map(|error| error.kind));
    let session = match signed_in {
        Ok(new) => new.session,
        Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::Invalid) => {
            return Ok(Answer::Unauthenticated(Some(error)));
        }
        Err(error) => return answered(Err(error), &course),
    };
    let actor = Actor::User { id: session.user_id, username: session.username.as_str().into() };
    let ctx = ctx.acting_as(actor);
    // Checking a password takes its time: everything that may have changed meanwhile is judged as it is now.
    let visitor = Visitor { session: Some(&session), browser: "", epochs: installation.epochs().await? };
    let mut course = Course::default();
    let outcome = match look_at(installation, &ctx, visitor, slug, &waiting, &mut course).await {
        Ok(Ok((target, trusted))) => {
            go_on(installation, &ctx, visitor, &session, &target, &trusted, &course.advice).await
        }
        Ok(Err(outcome)) => Ok(outcome),
        Err(error) => Err(error),
    };
    if !matches!(&outcome, Ok(Outcome::Post(form)) if form.told.is_none()) {
        // A session of which nobody knows is of no use.
        sign_out(&installation.db, &ctx, &session).await?;
    }
    record(installation, &ctx, visitor, slug, &course, &waiting, outcome).await
}

/// The recorder, the events, and the envelope of what it came to.
async fn record(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    course: &Course,
    waiting: &Waiting,
    outcome: Result<Outcome>,
) -> Result<Answer> {
    let outcome = keep(installation, ctx, visitor, &course.trail, Some(waiting), outcome);
    answered(noted(installation, ctx, visitor, slug, outcome).await, course)
}

/// Everything that is decided of a request but for who comes, before and once that is known; else the outcome that it is
/// refused with.
async fn look_at(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    waiting: &Waiting,
    course: &mut Course,
) -> Result<std::result::Result<(Arc<Target>, Trusted), Outcome>> {
    admission::at_the_door(installation, ctx, visitor).await?;
    let trail = &mut course.trail;
    let target = match find_target_of(installation, ctx, visitor, slug, trail).await? {
        Ok(target) => target,
        Err(outcome) => return Ok(Err(outcome)),
    };
    let signed_in = visitor.session.is_some();
    if let Some(refused) = closed(installation, ctx, &target) {
        let id = Some(target.application.id);
        refusal::note(installation, ctx, signed_in, refused.code, id).await?;
        return Ok(Err(Outcome::Refused(refused)));
    }
    // Age and destination were judged when it came.
    let stage = if signed_in { Stage::Resumed } else { first_look(installation, ctx, visitor).await? };
    let examined = examine(installation, &target, waiting, stage).await?;
    trail.saw(&examined);
    let trusted = match examined {
        Ok(trusted) => trusted,
        Err(refusal) => return refused(installation, ctx, &target, signed_in, &refusal).await,
    };
    if let Some(outcome) = key_is_over(installation, ctx, visitor, &target, &trusted).await? {
        trail.mistrust();
        return Ok(Err(outcome));
    }
    course.request_authenticated = trusted.is_signed();
    let Client { channel_binding, wants_key } = trusted.client().cloned().unwrap_or_default();
    let may_encrypt = target.settings()?.may_encrypt() && !target.metadata_has_ended(ctx.now());
    if wants_key && !(may_encrypt && target.recipient()?.is_some()) {
        return refused(installation, ctx, &target, signed_in, &trusted.refuse(Reason::GeneratedKey)).await;
    }
    // What no password makes true is said before it is tried.
    if let Standing::Refuse(reason) = standing(installation, target.settings()?, &trusted, Some(true)) {
        return refused(installation, ctx, &target, signed_in, &trusted.refuse(reason)).await;
    }
    course.advice = ClientAdvice {
        channel_binding,
        generated_key: wants_key.then(|| STANDARD.encode(ctx.random.bytes::<KEY>())),
    };
    Ok(Ok((target, trusted)))
}

async fn refused(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    signed_in: bool,
    refusal: &Refusal,
) -> Result<std::result::Result<(Arc<Target>, Trusted), Outcome>> {
    refuse(installation, ctx, target, signed_in, refusal).await.map(Err)
}

/// Why this application takes no enhanced clients, if so.
fn closed(installation: &Installation, ctx: &Ctx, target: &Target) -> Option<Refused> {
    let label = Some(target.application.label.as_str());
    let base_url = &installation.base_url;
    if target.application.kind != ApplicationKind::Saml {
        let message = "This application only opens an address; it takes no sign-in requests.";
        return Some(refusal::own(Kind::Forbidden, "not_saml", message, label));
    }
    if !target.settings.as_ref().is_some_and(|settings| settings.ecp) {
        let message = "Clients without a browser are not let in here. An administrator can allow it in the settings of the application.";
        return Some(refusal::own(Kind::Forbidden, "ecp_off", message, label));
    }
    let is_near =
        base_url.is_loopback() && ctx.source.is_some_and(|source| source.to_canonical().is_loopback());
    if !base_url.is_secure() && !is_near {
        let message = "Passwords are taken from clients over https only. Run Tessera under an https address.";
        return Some(refusal::own(Kind::Forbidden, "ecp_not_secure", message, label));
    }
    None
}

/// The person is known: access and answer, as of anybody.
async fn go_on(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    session: &SessionView,
    target: &Arc<Target>,
    trusted: &Trusted,
    advice: &ClientAdvice,
) -> Result<Outcome> {
    let asked = Asked {
        request: Some(trusted),
        remember_request: trusted.is_signed(),
        fresh: true,
        advice: Some(advice),
        ..Asked::default()
    };
    let subject = subject_of(installation, visitor.epochs, session).await?;
    let outcome = match authorise(target, &subject) {
        Ok(authorized) => issue(installation, ctx, &authorized, session, asked).await,
        Err(denied) => deny(installation, ctx, target, denied, asked.request).await,
    };
    or_tell_there(installation, ctx, target, true, trusted, outcome).await
}

/// The answer that an outcome is given by. What has no envelope is a fault.
fn answered(outcome: Result<Outcome>, course: &Course) -> Result<Answer> {
    match outcome {
        Ok(Outcome::Post(form)) => envelope(&form, course).map(Answer::Envelope),
        Ok(Outcome::Refused(refused)) => Ok(Answer::Refused(refused)),
        Ok(_) => Err(Error::internal("an enhanced client was led to a page")),
        Err(error) if error.kind == Kind::Internal => Err(error),
        Err(error) => Ok(Answer::Refused(error.into())),
    }
}

fn envelope(form: &PostForm, course: &Course) -> Result<String> {
    let response = form.saml_response.decode();
    let response = response.ok_or_else(|| Error::internal("a Response of ours is no text"))?;
    // What a client and its service provider share goes along with an assertion alone.
    let none = ClientAdvice::default();
    let advice = if form.told.is_none() { &course.advice } else { &none };
    let answer = ClientAnswer {
        acs_url: &form.acs_url,
        request_authenticated: course.request_authenticated,
        advice,
        response: &response,
    };
    answer.write().map_err(Error::internal)
}
