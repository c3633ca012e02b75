//! SP-initiated sign-on: a request arrives, is checked, waits for its person if it must, and is answered.

use std::sync::Arc;

use crate::applications::create::freed_label;
use crate::applications::model::Kind as ApplicationKind;
use crate::auth::SessionView;
use crate::base::{Ctx, Error, Kind, Result};
use crate::catalog::sso::transform::TooLong;
use crate::db::epoch::Epochs;
use crate::db::group_commit::Step;
use crate::saml::binding::{Carried, decode_post, decode_redirect};
use crate::saml::receive::{Stage, Timing, Trusted, receive as check};
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::soap;
use crate::signon::context_class::{Standing, standing};
use crate::signon::issue::{
    Asked, Denied, already_answered, authorise, deny, issue, or_tell_there, refuse, subject_of,
};
use crate::signon::outcome::{Outcome, Refused};
use crate::signon::pending::{self, Pending, Waiting};
use crate::signon::recorder::Origin;
use crate::signon::target::{self, Target};
use crate::signon::{Installation, admission, idp_initiated, refusal, store};

/// Who is at the browser.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The live session, if there is one.
    pub session: Option<&'a SessionView>,
    /// Secret of the browser's own cookie: handles count only together with it.
    pub browser: &'a str,
    /// Epochs read for this request.
    pub epochs: Epochs,
}

/// What is found out of an exchange on its way, for its record.
#[derive(Debug, Default)]
pub(in crate::signon) struct Trail {
    target: Option<Arc<Target>>,
    /// A signature of the service provider was verified, by a key that counts.
    signed: bool,
}

impl Trail {
    pub(in crate::signon) fn saw(&mut self, examined: &std::result::Result<Trusted, Refusal>) {
        self.signed = match examined {
            Ok(trusted) => trusted.is_signed(),
            Err(refusal) => refusal.signed,
        };
    }

    /// The key of the signature does not count any more.
    pub(in crate::signon) fn mistrust(&mut self) {
        self.signed = false;
    }
}

/// The application behind an IdP URL, or the page that says it is gone, unknown or off.
pub async fn find_target(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
) -> Result<std::result::Result<Arc<Target>, Outcome>> {
    find_target_of(installation, ctx, visitor, slug, &mut Trail::default()).await
}

/// The same of an exchange that is recorded.
pub(in crate::signon) async fn find_target_of(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    trail: &mut Trail,
) -> Result<std::result::Result<Arc<Target>, Outcome>> {
    let signed_in = visitor.session.is_some();
    if let Some(target) = target::load(installation, visitor.epochs, slug).await? {
        trail.target = Some(target.clone());
        admission::at_the_application(installation, ctx, visitor, &target.application).await?;
        let label = &target.application.label;
        let refused = if !target.application.is_active() {
            Denied::NotActive.refused(label)
        } else if !target.is_complete() {
            refusal::incomplete(label)
        } else {
            return Ok(Ok(target));
        };
        let id = Some(target.application.id);
        refusal::note(installation, ctx, signed_in, refused.code, id).await?;
        return Ok(Err(Outcome::Refused(refused)));
    }
    let freed = freed_label(&mut installation.db.reader(), ctx, slug).await?;
    let refused = match freed {
        Some(label) => refusal::deleted(&label),
        None => refusal::own(
            Kind::NotFound,
            "unknown_idp_url",
            "No application has this address. Check the sign-in address that is set up at the application.",
            None,
        ),
    };
    refusal::note(installation, ctx, signed_in, refused.code, None).await?;
    Ok(Err(Outcome::Refused(refused)))
}

/// An AuthnRequest has arrived; the verb has fixed the binding.
pub async fn arrive(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    waiting: Waiting,
) -> Result<Outcome> {
    let mut trail = Trail::default();
    let outcome = look_at(installation, ctx, visitor, slug, &waiting, &mut trail).await;
    let outcome = keep(installation, ctx, visitor, &trail, Some(&waiting), outcome);
    noted(installation, ctx, visitor, slug, outcome).await
}

/// Leaves the event of a refusal that travels as an error, and hands it on. A fault of ours that is no decision, such
/// as a database out of reach, is a matter for the log.
pub(in crate::signon) async fn noted(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    outcome: Result<Outcome>,
) -> Result<Outcome> {
    if let Err(error) = &outcome {
        note_error(installation, ctx, visitor, slug, error).await?;
    }
    outcome
}

/// The event of a refusal that travels as an error, wherever at the door it was found.
pub async fn note_error(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    error: &Error,
) -> Result<()> {
    let decided = matches!(
        error.kind,
        Kind::Malformed | Kind::Invalid | Kind::Forbidden | Kind::Conflict | Kind::Gone | Kind::TooMany
    );
    if !decided && error.code != TooLong::CODE {
        return Ok(());
    }
    let signed_in = visitor.session.is_some();
    if error.kind == Kind::TooMany {
        // It is refused because it counted already, and to stay cheap: nothing is looked up for it.
        return refusal::note_answered(installation, ctx, signed_in, error.code, None).await;
    }
    let id = target::load(installation, visitor.epochs, slug).await?.map(|target| target.application.id);
    refusal::note(installation, ctx, signed_in, error.code, id).await
}

async fn look_at(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    waiting: &Waiting,
    trail: &mut Trail,
) -> Result<Outcome> {
    admission::at_the_door(installation, ctx, visitor).await?;
    let target = match find_target_of(installation, ctx, visitor, slug, trail).await? {
        Ok(target) => target,
        Err(outcome) => return Ok(outcome),
    };
    if target.application.kind == ApplicationKind::Bookmark {
        let refused = refusal::own(
            Kind::Forbidden,
            "not_saml",
            "This application only opens an address; it takes no sign-in requests.",
            Some(&target.application.label),
        );
        let (signed_in, id) = (visitor.session.is_some(), Some(target.application.id));
        refusal::note(installation, ctx, signed_in, refused.code, id).await?;
        return Ok(Outcome::Refused(refused));
    }
    let stage = first_look(installation, ctx, visitor).await?;
    let examined = examine(installation, &target, waiting, stage).await?;
    trail.saw(&examined);
    let trusted = match examined {
        Ok(trusted) => trusted,
        Err(refusal) => return refuse(installation, ctx, &target, visitor.session.is_some(), &refusal).await,
    };
    if let Some(outcome) = key_is_over(installation, ctx, visitor, &target, &trusted).await? {
        trail.mistrust();
        return Ok(outcome);
    }
    // A form from another site brings no Lax cookie: whether somebody is signed in shows at the next GET.
    if let Waiting::Redirect { .. } = waiting {
        let stands = stands(installation, &target, &trusted, visitor.session, None)?;
        let asked = Asked {
            request: Some(&trusted),
            relay_state: None,
            consume: None,
            remember_request: trusted.is_signed(),
            fresh: false,
            advice: None,
        };
        if let Some(outcome) = decide(installation, ctx, visitor, &target, &trusted, stands, asked).await? {
            return Ok(outcome);
        }
    }
    let remember = trusted.is_signed().then(|| trusted.request().id.as_str());
    let id = target.application.id;
    let parked = pending::park(installation, ctx, id, visitor.browser, waiting, remember).await;
    let outcome = parked.map(|handle| match waiting {
        Waiting::Post { .. } => Outcome::Resume { handle },
        _ => Outcome::SignIn { handle },
    });
    or_tell_there(installation, ctx, &target, visitor.session.is_some(), &trusted, outcome).await
}

/// The stage of a message that has just arrived, by the settings of now.
pub(in crate::signon) async fn first_look(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
) -> Result<Stage> {
    let settings = installation.settings(visitor.epochs).await?;
    let skew = i64::from(settings.clock_skew_seconds) * 1000;
    let max_age = i64::from(settings.request_max_age_seconds) * 1000;
    Ok(Stage::First(Timing::at(ctx.now()).within(skew, max_age)))
}

/// A signature is not believed by a key out of signed metadata that has ended: whoever published it may have taken the
/// key back since (MD-307).
pub(in crate::signon) async fn key_is_over(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Target,
    trusted: &Trusted,
) -> Result<Option<Outcome>> {
    if !trusted.is_signed() || !target.metadata_has_ended(ctx.now()) {
        return Ok(None);
    }
    let refused = refusal::metadata_ended(&target.application.label);
    let (signed_in, id) = (visitor.session.is_some(), Some(target.application.id));
    refusal::note(installation, ctx, signed_in, refused.code, id).await?;
    Ok(Some(Outcome::Refused(refused)))
}

/// Goes on with a stored request: after a sign-in, or after the bounce of a POST.
pub async fn resume(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    handle: &str,
) -> Result<Outcome> {
    let mut trail = Trail::default();
    let found = find_waiting(installation, ctx, visitor, slug, handle, &mut trail).await;
    let (waiting, outcome) = match found {
        Ok(Ok(parked)) => {
            let outcome = take_up(installation, ctx, visitor, handle, &parked, &mut trail).await;
            (Some(parked.waiting), outcome)
        }
        Ok(Err(outcome)) => (None, Ok(outcome)),
        Err(error) => (None, Err(error)),
    };
    let outcome = keep(installation, ctx, visitor, &trail, waiting.as_ref(), outcome);
    noted(installation, ctx, visitor, slug, outcome).await
}

/// Hands an exchange to the recorder of its application, as far as that was found. Nothing is looked up for it and
/// nothing of it can fail: what was refused to stay cheap stays cheap, and what has been issued is sent. Answers the
/// outcome, which knows whether there is a record of it.
pub(in crate::signon) fn keep(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    trail: &Trail,
    waiting: Option<&Waiting>,
    outcome: Result<Outcome>,
) -> Result<Outcome> {
    let Some(target) = &trail.target else { return outcome };
    let origin = Origin { signed_in: visitor.session.is_some(), signed: trail.signed };
    let noted = installation.recorder.note(ctx, target, origin, waiting, &outcome);
    match outcome {
        Ok(Outcome::Refused(refused)) => Ok(Outcome::Refused(Refused { recorded: noted, ..refused })),
        other => other,
    }
}

/// A stored request with its application.
struct Parked {
    pending: Pending,
    waiting: Waiting,
    target: Arc<Target>,
}

/// A stored request with its application, or the outcome that this one can't be used.
async fn find_waiting(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    handle: &str,
    trail: &mut Trail,
) -> Result<std::result::Result<Parked, Outcome>> {
    admission::at_the_door(installation, ctx, visitor).await?;
    let target = match find_target_of(installation, ctx, visitor, slug, trail).await? {
        Ok(target) => target,
        Err(outcome) => return Ok(Err(outcome)),
    };
    let found = pending::find(&installation.db, ctx, handle, visitor.browser).await?;
    let (pending, waiting) = found.ok_or_else(expired)?;
    if pending.application != target.application.id {
        return Err(expired());
    }
    Ok(Ok(Parked { pending, waiting, target }))
}

async fn take_up(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    handle: &str,
    parked: &Parked,
    trail: &mut Trail,
) -> Result<Outcome> {
    let Parked { pending, waiting, target } = parked;
    if let Waiting::IdpInitiated { relay_state, confirm } = waiting {
        let Some(session) = visitor.session else { return Ok(Outcome::SignIn { handle: handle.to_owned() }) };
        let visit = idp_initiated::Visit {
            relay_state: relay_state.as_deref(),
            ask_first: *confirm,
            confirmed: false,
        };
        return idp_initiated::go_on(
            installation,
            ctx,
            visitor.epochs,
            target,
            session,
            visit,
            Some(pending),
        )
        .await;
    }
    let examined = examine(installation, target, waiting, Stage::Resumed).await?;
    trail.saw(&examined);
    let trusted = match examined {
        Ok(trusted) => trusted,
        Err(refusal) => return refuse(installation, ctx, target, visitor.session.is_some(), &refusal).await,
    };
    if let Some(outcome) = key_is_over(installation, ctx, visitor, target, &trusted).await? {
        trail.mistrust();
        return Ok(outcome);
    }
    let stands = stands(installation, target, &trusted, visitor.session, Some(pending))?;
    let asked = Asked {
        request: Some(&trusted),
        relay_state: None,
        consume: Some(&pending.handle_hash),
        remember_request: false,
        fresh: visitor.session.is_some_and(|session| is_fresh(pending, session)),
        advice: None,
    };
    let decided = decide(installation, ctx, visitor, target, &trusted, stands, asked).await?;
    Ok(decided.unwrap_or_else(|| Outcome::SignIn { handle: handle.to_owned() }))
}

/// How whoever is at the browser stands to a request.
fn stands(
    installation: &Installation,
    target: &Target,
    trusted: &Trusted,
    session: Option<&SessionView>,
    pending: Option<&Pending>,
) -> Result<Standing> {
    let fresh = session.map(|session| pending.is_some_and(|pending| is_fresh(pending, session)));
    Ok(standing(installation, target.settings()?, trusted, fresh))
}

/// Answers or refuses a request; `None` while a password is needed first.
async fn decide(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    trusted: &Trusted,
    stands: Standing,
    asked: Asked<'_>,
) -> Result<Option<Outcome>> {
    let outcome = match (stands, visitor.session) {
        (Standing::Refuse(reason), session) => {
            refuse(installation, ctx, target, session.is_some(), &trusted.refuse(reason)).await
        }
        (Standing::Enough(_), Some(session)) => {
            let answered = answer(installation, ctx, visitor.epochs, target, session, asked).await;
            or_tell_there(installation, ctx, target, true, trusted, answered).await
        }
        (Standing::AskPassword | Standing::Enough(_), _) => return Ok(None),
    };
    outcome.map(Some)
}

/// Whether the password was entered for this very request.
fn is_fresh(pending: &Pending, session: &SessionView) -> bool {
    pending.authenticated_at.is_some_and(|at| session.authenticated_at >= at)
}

/// The person goes back to the application without signing in: it is told so, once (SAML-128).
pub async fn give_up(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    handle: &str,
) -> Result<Outcome> {
    let mut trail = Trail::default();
    let found = find_waiting(installation, ctx, visitor, slug, handle, &mut trail).await;
    let (waiting, outcome) = match found {
        Ok(Ok(parked)) => {
            let outcome = turn_back(installation, ctx, visitor, &parked, &mut trail).await;
            (Some(parked.waiting), outcome)
        }
        Ok(Err(outcome)) => (None, Ok(outcome)),
        Err(error) => (None, Err(error)),
    };
    let outcome = keep(installation, ctx, visitor, &trail, waiting.as_ref(), outcome);
    noted(installation, ctx, visitor, slug, outcome).await
}

async fn turn_back(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    parked: &Parked,
    trail: &mut Trail,
) -> Result<Outcome> {
    let Parked { pending, waiting, target } = parked;
    if !waiting.is_request() {
        return Err(expired());
    }
    let signed_in = visitor.session.is_some();
    let examined = examine(installation, target, waiting, Stage::Resumed).await?;
    trail.saw(&examined);
    let trusted = match examined {
        Ok(trusted) => trusted,
        Err(refusal) => return refuse(installation, ctx, target, signed_in, &refusal).await,
    };
    let consume = Step::One(store::consume_pending(&pending.handle_hash, ctx.now()), already_answered);
    installation.commits.write(vec![consume]).await?;
    refuse(installation, ctx, target, signed_in, &trusted.refuse(Reason::GivenUp)).await
}

/// Decodes and checks on a bounded pool: XML and signatures cost time that an attacker chooses.
pub(in crate::signon) async fn examine(
    installation: &Installation,
    target: &Arc<Target>,
    waiting: &Waiting,
    stage: Stage,
) -> Result<std::result::Result<Trusted, Refusal>> {
    let (target, waiting) = (target.clone(), waiting.clone());
    installation.on_cpu(move || decode_and_check(&target, &waiting, stage)).await?
}

fn decode_and_check(
    target: &Target,
    waiting: &Waiting,
    stage: Stage,
) -> Result<std::result::Result<Trusted, Refusal>> {
    let decoded = match waiting {
        Waiting::Redirect { raw_query } => decode_redirect(raw_query),
        Waiting::Post { raw_body } => decode_post(raw_body),
        Waiting::Soap { raw_body } => Ok(soap::decode(raw_body.clone().into_bytes(), Carried::Request)),
        Waiting::IdpInitiated { .. } => {
            return Err(Error::internal("a visit without a request has no message"));
        }
    };
    match decoded {
        Ok(message) => {
            let endpoint = target.endpoint(matches!(waiting, Waiting::Soap { .. }));
            Ok(check(&message, &target.service_provider()?, &endpoint, stage))
        }
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Authorises and answers.
async fn answer(
    installation: &Installation,
    ctx: &Ctx,
    epochs: Epochs,
    target: &Arc<Target>,
    session: &SessionView,
    asked: Asked<'_>,
) -> Result<Outcome> {
    let subject = subject_of(installation, epochs, session).await?;
    match authorise(target, &subject) {
        Ok(authorized) => issue(installation, ctx, &authorized, session, asked).await,
        Err(denied) => deny(installation, ctx, target, denied, asked.request).await,
    }
}

/// What a sign-in page may tell of a waiting request: for which application, and whether the password is asked for
/// although somebody is signed in.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// The application.
    pub target: Arc<Target>,
    /// The stored request.
    pub pending: Pending,
    /// Whether the session that is there is not enough for it.
    pub wants_password: bool,
    /// Whether the application has asked, and so can be told that nobody comes.
    pub was_asked: bool,
}

/// The purpose of a sign-in, for its page; `None` when the handle does not count (any more).
pub async fn purpose(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    handle: &str,
) -> Result<Option<Purpose>> {
    let Some((pending, waiting)) = pending::find(&installation.db, ctx, handle, visitor.browser).await?
    else {
        return Ok(None);
    };
    let slug = crate::applications::slug_of(&mut installation.db.reader(), pending.application).await?;
    let Some(slug) = slug else { return Ok(None) };
    let Some(target) = target::load(installation, visitor.epochs, &slug).await? else {
        return Ok(None);
    };
    let wants_password = match (visitor.session, &waiting) {
        (None, _) => true,
        (Some(_), Waiting::IdpInitiated { .. }) => false,
        // What is wrong with a request is said where it goes on.
        (session, _) => match examine(installation, &target, &waiting, Stage::Resumed).await? {
            Ok(trusted) => {
                stands(installation, &target, &trusted, session, Some(&pending))? == Standing::AskPassword
            }
            Err(_) => false,
        },
    };
    let was_asked = waiting.is_request();
    Ok(Some(Purpose { target, pending, wants_password, was_asked }))
}

/// The request can't be found: too old, answered already, or from another browser.
pub fn expired() -> Error {
    Error::new(
        Kind::Gone,
        "request_expired",
        "This sign-in can't be continued: it is too old, was completed already, or began in another browser. Go back to the application and start again.",
    )
}
