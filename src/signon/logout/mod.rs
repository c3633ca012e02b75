//! Single logout (SLO-501 to SLO-504): a service provider asks, or the person does in the portal; the session here ends
//! at once and for good, and then the other service providers of that session are told, one after another in the
//! person's browser. Nothing that they answer, or fail to answer, brings the session back.
//!
//! What a service provider may end is what it was given: the NameID and the session index of a session of its own.
//! Start at [`arrive`]; the way through the service providers is in [`run`].

pub(in crate::signon) mod direct;
pub(in crate::signon) mod hop;
pub mod leg;
pub mod run;
pub(in crate::signon) mod soap;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::applications::model::Kind as ApplicationKind;
use crate::auth::{SessionView, session};
use crate::base::id::{ApplicationId, SessionId, UserId};
use crate::base::name_id::NameIdFormat;
use crate::base::{Ctx, Error, Kind, Result, Timestamp, urls};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, record};
use crate::saml::binding::{
    Binding, Carried, Message, RelayState, decode_post_either, decode_redirect_either,
};
use crate::saml::logout::{LogoutMessage, LogoutRequest, LogoutResponse, LogoutResponseInput, receive};
use crate::saml::receive::{Endpoint, Timing};
use crate::saml::refusal::Refusal;
use crate::saml::response::{Base64, NameId};
use crate::saml::status::Status;
use crate::settings::SEEN_REQUEST_LIFETIME;
use crate::signon::logout::hop::AnswerBy;
use crate::signon::logout::run::{Progress, Run};
use crate::signon::outcome::{Outcome as SignOn, Refused};
use crate::signon::receive::{Visitor, find_target, note_error};
use crate::signon::store::logout::{self as store, Joined};
use crate::signon::target::Target;
use crate::signon::{Installation, admission, refusal};

/// Sessions of one name that one request ends at most.
const MAX_SESSIONS: usize = 200;

/// A message at the address for logout, as it came; the verb has fixed the binding.
#[derive(Clone, Debug)]
pub enum Arrived {
    /// The query.
    Redirect(String),
    /// The form.
    Post(String),
}

/// What a step of signing out comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Go on with a run by a same-site GET.
    GoOn {
        /// The run.
        run: String,
    },
    /// Lead the browser to this address, which carries a message, by a page of ours (decision 3).
    HandOver {
        /// The application.
        target: Arc<Target>,
        /// Whether it is asked to sign the person out; else it is answered.
        asks: bool,
        /// Where to.
        url: String,
    },
    /// Send a form to this address.
    Post {
        /// Name of the application.
        label: String,
        /// Whether it is asked to sign the person out; else it is answered.
        asks: bool,
        /// The registered address.
        url: String,
        /// The message.
        message: Base64,
        /// `RelayState`; no field without one.
        relay_state: Option<String>,
    },
    /// Tell how it stands.
    Progress(Box<Progress>),
    /// It ends here, and nothing has ended.
    Refused(Refused),
}

/// A message has arrived at the address for logout of an application.
pub async fn arrive(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    arrived: Arrived,
) -> Result<Outcome> {
    let outcome = look_at(installation, ctx, visitor, slug, arrived).await;
    if let Err(error) = &outcome {
        note_error(installation, ctx, visitor, slug, error).await?;
    }
    outcome
}

async fn look_at(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
    arrived: Arrived,
) -> Result<Outcome> {
    admission::at_the_door(installation, ctx, visitor).await?;
    let target = match saml_target(installation, ctx, visitor, slug).await? {
        Ok(target) => target,
        Err(refused) => return Ok(Outcome::Refused(refused)),
    };
    let decode = move || match arrived {
        Arrived::Redirect(query) => decode_redirect_either(&query),
        Arrived::Post(body) => decode_post_either(&body),
    };
    let url = installation.base_url.join(&urls::idp_logout(slug));
    match examine(installation, ctx, visitor, &target, url, decode).await? {
        Err(refusal) => {
            let signed_in = visitor.session.is_some();
            Ok(Outcome::Refused(refuse(installation, ctx, &target, signed_in, &refusal).await?))
        }
        Ok((LogoutMessage::Request(request), message)) => {
            let asked = Asked { request, binding: message.binding, relay_state: message.relay_state };
            requested(installation, ctx, visitor, &target, asked).await
        }
        Ok((LogoutMessage::Response(response), _)) => {
            answered(installation, ctx, visitor, &target, &response).await
        }
    }
}

/// The application behind an address for signed messages, if it is one that speaks SAML, is in use, and whose keys are
/// relied on.
pub(in crate::signon) async fn saml_target(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    slug: &str,
) -> Result<std::result::Result<Arc<Target>, Refused>> {
    let target = match find_target(installation, ctx, visitor, slug).await? {
        Ok(target) => target,
        Err(SignOn::Refused(refused)) => return Ok(Err(refused)),
        Err(_) => return Err(Error::internal("an application that is not found has one outcome")),
    };
    let refused = if target.application.kind != ApplicationKind::Saml {
        refusal::own(
            Kind::Forbidden,
            "not_saml",
            "This application only opens an address; it takes no messages.",
            Some(&target.application.label),
        )
    } else if target.metadata_has_ended(ctx.now()) {
        refusal::metadata_ended(&target.application.label)
    } else {
        return Ok(Ok(target));
    };
    let (signed_in, id) = (visitor.session.is_some(), Some(target.application.id));
    refusal::note(installation, ctx, signed_in, refused.code, id).await?;
    Ok(Err(refused))
}

/// Decodes and checks on the pool of cores.
pub(in crate::signon) async fn examine(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    url: String,
    decode: impl FnOnce() -> std::result::Result<Message, Refusal> + Send + 'static,
) -> Result<std::result::Result<(LogoutMessage, Message), Refusal>> {
    let settings = installation.settings(visitor.epochs).await?;
    let skew = i64::from(settings.clock_skew_seconds) * 1000;
    let max_age = i64::from(settings.request_max_age_seconds) * 1000;
    let timing = Timing::at(ctx.now()).within(skew, max_age);
    let target = target.clone();
    let work = move || -> Result<_> {
        let message = match decode() {
            Ok(message) => message,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let endpoint = Endpoint { url: &url, entity_id: &target.application.idp_entity_id };
        let read =
            receive(&message, &target.service_provider()?, &endpoint, target.decryption_keys(), timing);
        Ok(read.map(|read| (read, message)))
    };
    installation.on_cpu(work).await?
}

/// Notes a refusal by the protocol; answers its page.
pub(in crate::signon) async fn refuse(
    installation: &Installation,
    ctx: &Ctx,
    target: &Target,
    signed_in: bool,
    refused: &Refusal,
) -> Result<Refused> {
    let application = &target.application;
    refusal::note(installation, ctx, signed_in, refused.code(), Some(application.id)).await?;
    let mut page = refusal::page(refused, &application.label);
    page.message = refused.reason.sentence_of_logout();
    Ok(page)
}

/// A verified request, and how it came.
struct Asked {
    request: LogoutRequest,
    binding: Binding,
    relay_state: Option<RelayState>,
}

async fn requested(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    asked: Asked,
) -> Result<Outcome> {
    admission::at_a_sign_out(installation, ctx, &target.application)?;
    let Asked { request, binding, relay_state } = asked;
    let by = if request.asynchronous { None } else { AnswerBy::of(target, binding)? };
    let relay_state = relay_state.map(|state| state.as_str().to_owned());
    let skew = skew(installation, visitor).await?;
    let mut tx = installation.db.begin().await?;
    let matched = matching(&mut tx, ctx, target, &request, skew).await?;
    let Some(first) = matched.sessions.first() else {
        tx.commit().await?;
        let (signed_in, id) = (visitor.session.is_some(), Some(target.application.id));
        refusal::note_answered(installation, ctx, signed_in, UNKNOWN, id).await?;
        let Some(by) = by else { return Ok(Outcome::Refused(unknown_session(&target.application.label))) };
        let status = Status::UnknownPrincipal;
        return respond(installation, ctx, target, by, &request.id, status, relay_state).await;
    };
    let mut run = Run::of_browser(ctx, visitor.browser);
    run.application = Some(target.application.id);
    run.request_id = Some(request.id.clone());
    run.relay_state = relay_state;
    run.user = Some(first.user).filter(|user| matched.sessions.iter().all(|found| found.user == *user));
    run.answer_by = by;
    let open = end_sessions(&mut tx, ctx, target, matched).await?;
    run::insert(&mut tx, ctx, &run, &leg::legs_of(ctx, open, 0, run.application)).await?;
    tx.commit().await?;
    // Also when nobody else is to be told: only the next step, on our own site, sees who is signed in here.
    Ok(Outcome::GoOn { run: run.id })
}

/// The clock skew allowed, ms.
async fn skew(installation: &Installation, visitor: Visitor<'_>) -> Result<i64> {
    let settings = installation.settings(visitor.epochs).await?;
    Ok(i64::from(settings.clock_skew_seconds) * 1000)
}

/// Sessions that a request names, and one more where there are too many for one request.
struct Matched {
    sessions: Vec<Joined>,
    beyond: Option<Joined>,
}

/// Ends the sessions that a request names, once, with an event each; answers what may still be open. A session that had
/// ended before is not passed over: its other service providers may never have been told. What is too much for one
/// request stays open, and so the answer is never that all has ended.
async fn end_sessions(tx: &mut Tx, ctx: &Ctx, target: &Target, matched: Matched) -> Result<Vec<Joined>> {
    let application = target.application.id;
    let person = |found: &Joined| (found.session, (found.user, found.username.clone()));
    let people = matched.sessions.iter().map(person).collect();
    let mut open = end_in(tx, ctx, application, &people).await?;
    for found in &matched.sessions {
        store::end_sp_sessions(tx, found.session, application, &found.name_id, ctx.now()).await?;
    }
    open.extend(matched.beyond);
    Ok(open)
}

/// Ends sessions because an application wants their people signed out, with an event for each that was running; answers
/// what may be open at others. That is read once they have ended: whoever signs on until then is seen, and nobody does
/// after.
async fn end_in(
    tx: &mut Tx,
    ctx: &Ctx,
    application: ApplicationId,
    people: &BTreeMap<SessionId, (UserId, String)>,
) -> Result<Vec<Joined>> {
    for session in session::end_in(tx, ctx, people.keys().copied().collect()).await? {
        let (user, username) = &people[&session];
        let event = Event::new(EventName::SsoLogout)
            .target("user", *user, username)
            .application(application)
            .detail("initiated_by", "sp")
            .detail("session", session.to_string());
        record(tx, ctx, event).await?;
    }
    let mut others = Vec::new();
    for session in people.keys() {
        others.extend(store::open_sp_sessions(tx, *session, Some(application), ctx.now()).await?);
    }
    Ok(others)
}

/// The sessions of this service provider that the request names: by NameID and, where it says so, by session index
/// (Core 3.3.4 and 3.7.1). A session of another service provider or of another name is none of them.
///
/// The request is taken once, whatever it names (SAML-131): else it would lie in wait for a session that begins later.
/// For the same reason it means none that began after it was issued, give or take the skew of clocks.
async fn matching(
    tx: &mut Tx,
    ctx: &Ctx,
    target: &Target,
    request: &LogoutRequest,
    skew: i64,
) -> Result<Matched> {
    let (application, wanted) = (target.application.id, &request.name_id);
    let expires_at = ctx.now().plus(SEEN_REQUEST_LIFETIME);
    let seen = crate::signon::store::insert_seen(application, &request.id, expires_at);
    tx.run_one(seen, replayed).await?;
    let until: Timestamp = request.issue_instant.plus(skew);
    let mut found = Vec::new();
    if request.session_indexes.is_empty() {
        let limit = i64::try_from(MAX_SESSIONS + 1).map_err(Error::internal)?;
        found = store::sp_sessions_of_name(tx, application, &wanted.value, until, limit).await?;
    }
    for index in &request.session_indexes {
        found.extend(store::sp_session_of_index(tx, application, index).await?);
    }
    let sp_entity_id = target.sp_entity_id()?;
    found.retain(|session| {
        session.created_at <= until
            && name_id_of(target, sp_entity_id, &session.name_id, &session.name_id_format)
                .is_some_and(|issued| wanted.matches(&issued))
    });
    // Those that run come first.
    let beyond = if found.len() > MAX_SESSIONS { found.pop().filter(|found| found.is_running) } else { None };
    Ok(Matched { sessions: found, beyond })
}

/// A NameID as the assertion had it.
fn name_id_of(target: &Target, sp_entity_id: &str, value: &str, format: &str) -> Option<NameId> {
    let format: NameIdFormat = format.parse().ok()?;
    let is_persistent = format == NameIdFormat::Persistent;
    Some(NameId {
        format,
        value: value.to_owned(),
        name_qualifier: is_persistent.then(|| target.application.idp_entity_id.clone()),
        sp_name_qualifier: is_persistent.then(|| sp_entity_id.to_owned()),
    })
}

/// Code of a request that names no session of its sender.
const UNKNOWN: &str = "logout_session_unknown";

/// A request came a second time (SAML-131).
fn replayed() -> Error {
    Error::forbidden("request_replayed", "This sign-out message was used before, so nothing was done.")
}

fn unknown_session(label: &str) -> Refused {
    let message = format!(
        "{label} wants to sign somebody out who is not signed in to it from here, so nothing was done. Sign out in Tessera itself if you want to end your session."
    );
    refusal::own(Kind::Forbidden, UNKNOWN, message, Some(label))
}

/// Writes and signs a LogoutResponse and says how it travels. It answers a verified request, so it is signed whoever is
/// at the browser.
pub(in crate::signon) async fn respond(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    by: AnswerBy,
    in_response_to: &str,
    status: Status,
    relay_state: Option<String>,
) -> Result<Outcome> {
    let url = by.url(target)?;
    let (id, issued_at, signer) = (ctx.random.saml_id(), ctx.now(), target.signer()?);
    let (issuer, destination) = (target.application.idp_entity_id.clone(), url.clone());
    let in_response_to = in_response_to.to_owned();
    let write = move |signer: Option<&dyn crate::saml::sign::Signer>| {
        let input = LogoutResponseInput {
            id: &id,
            issued_at,
            issuer: &issuer,
            destination: Some(&destination),
            in_response_to: &in_response_to,
            status,
        };
        input.write(signer)
    };
    hop::dispatch(installation, target, by, url, Carried::Response, signer, write, relay_state).await
}

/// A service provider answers a LogoutRequest of ours: one that was sent, to it, and is waited for.
async fn answered(
    installation: &Installation,
    ctx: &Ctx,
    visitor: Visitor<'_>,
    target: &Arc<Target>,
    response: &LogoutResponse,
) -> Result<Outcome> {
    if let Some(run) = run::note_answer(installation, ctx, target, response).await? {
        return Ok(Outcome::GoOn { run });
    }
    let label = &target.application.label;
    let refused = refusal::own(
        Kind::Forbidden,
        "logout_response_unasked",
        format!("{label} answers a sign-out that is over, or that it was never asked for. Nothing was done."),
        Some(label),
    );
    let (signed_in, id) = (visitor.session.is_some(), Some(target.application.id));
    refusal::note(installation, ctx, signed_in, refused.code, id).await?;
    Ok(Outcome::Refused(refused))
}

/// The person signs out in the portal: their session ends, and a run begins to tell the service providers of it; `None`
/// when there are none.
pub async fn sign_out(
    installation: &Installation,
    ctx: &Ctx,
    session: &SessionView,
    browser: &str,
) -> Result<Option<String>> {
    let mut tx = installation.db.begin().await?;
    session::sign_out_in(&mut tx, ctx, session).await?;
    let all = store::open_sp_sessions(&mut tx, session.session_id, None, ctx.now()).await?;
    let legs = leg::legs_of(ctx, all, 0, None);
    let run = Run::of_browser(ctx, browser);
    if !legs.is_empty() {
        run::insert(&mut tx, ctx, &run, &legs).await?;
    }
    tx.commit().await?;
    Ok((!legs.is_empty()).then_some(run.id))
}

/// What is open at service providers goes along to a new session of the same person in the same browser, so that signing
/// out of the one means the other too. `token`: what the browser had before, whether or not that session still counts.
pub async fn carry_over(db: &Db, ctx: &Ctx, token: &str, new: &SessionView) -> Result<()> {
    let Some(old) = session::id_of(&mut db.reader(), token).await?.filter(|id| *id != new.session_id) else {
        return Ok(());
    };
    let mut tx = db.begin().await?;
    store::move_sp_sessions(&mut tx, old, new.session_id, ctx.now()).await?;
    tx.commit().await
}
