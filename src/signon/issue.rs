//! Issuing: authorisation decided now, attributes released by the mapping, the response written and signed, event
//! and session at the service provider made durable before it leaves.

use std::sync::Arc;

use crate::applications::subject::Subject;
use crate::auth::SessionView;
use crate::base::binding::AcsBinding;
use crate::base::name_id::NameIdFormat;
use crate::base::{Ctx, Error, Kind, Result};
use crate::catalog::sso::transform::TooLong;
use crate::catalog::sso::{DenyTo, SsoSettings};
use crate::db::group_commit::Step;
use crate::events::{self, Event, EventName};
use crate::metrics::{Initiator, SignonOutcome};
use crate::saml::binding::{RelayState, STANDARD_RELAY_STATE};
use crate::saml::ecp::ClientAdvice;
use crate::saml::receive::Trusted;
use crate::saml::refusal::{Reason, Refusal, Reply};
use crate::saml::response::{Attribute, ErrorResponse, NameId};
use crate::saml::status::Status;
use crate::settings::SEEN_REQUEST_LIFETIME;
use crate::signon::artifact::Keeper;
use crate::signon::context_class::{Standing, of_password, standing};
use crate::signon::outcome::{Outcome, PostForm, Refused};
use crate::signon::signing::{Addressed, Taker, sign_and_keep, signing};
use crate::signon::store::NOBODY_NAMED;
use crate::signon::target::Target;
use crate::signon::{Installation, artifact, name_id, refusal, release, store, subject};

/// A person who may use an application at this instant. Only [`authorise`] makes one.
#[derive(Clone, Debug)]
pub struct Authorized {
    target: Arc<Target>,
    subject: Arc<Subject>,
    by_group: String,
}

impl Authorized {
    /// The application.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The person.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The group that gives access.
    #[must_use]
    pub fn by_group(&self) -> &str {
        &self.by_group
    }
}

/// Why a person may not use an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The application is not active.
    NotActive,
    /// None of the person's groups is bound.
    NotBound,
    /// The person's account is not active.
    PersonNotActive,
}

impl Denied {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotActive => "application_not_active",
            Self::NotBound => "not_bound",
            Self::PersonNotActive => "person_not_active",
        }
    }

    /// The refusal for the person.
    #[must_use]
    pub fn refused(self, label: &str) -> Refused {
        let message = match self {
            Self::NotActive => format!(
                "{label} is not switched on at the moment. Ask your administrator whether it will be."
            ),
            Self::NotBound => format!(
                "You are signed in, but no group that you are in gives access to {label}. Ask your administrator to add you to one that does."
            ),
            Self::PersonNotActive => "Your account is not active. Ask your administrator.".to_owned(),
        };
        refusal::own(Kind::Forbidden, self.code(), message, Some(label))
    }
}

/// Decides, now, whether a person may use an application (SAML-129).
pub fn authorise(target: &Arc<Target>, subject: &Arc<Subject>) -> Result<Authorized, Denied> {
    if !target.application.is_active() {
        return Err(Denied::NotActive);
    }
    if !subject.is_active() {
        return Err(Denied::PersonNotActive);
    }
    let (_, by_group) = subject.grant(&target.bound).ok_or(Denied::NotBound)?;
    Ok(Authorized { target: target.clone(), subject: subject.clone(), by_group: by_group.clone() })
}

/// What the response answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The request; `None` when Tessera begins.
    pub request: Option<&'a Trusted>,
    /// RelayState to give along, when Tessera begins.
    pub relay_state: Option<&'a str>,
    /// Hash of the handle under which the request waited: consumed with the response.
    pub consume: Option<&'a str>,
    /// Remember the ID of this signed request: it has just come for the first time.
    pub remember_request: bool,
    /// The password was entered for this very sign-on.
    pub fresh: bool,
    /// What the application is told of the enhanced client that has asked.
    pub advice: Option<&'a ClientAdvice>,
}

impl Asked<'_> {
    fn initiator(&self) -> Initiator {
        initiator(self.request)
    }
}

fn initiator(request: Option<&Trusted>) -> Initiator {
    if request.is_some() { Initiator::Sp } else { Initiator::Idp }
}

/// Issues a response for an authorised person, or says why not.
pub async fn issue(
    installation: &Installation,
    ctx: &Ctx,
    authorized: &Authorized,
    session: &SessionView,
    asked: Asked<'_>,
) -> Result<Outcome> {
    let done = respond(installation, ctx, authorized, session, asked).await;
    if let Err(error) = &done {
        let outcome = match error.kind {
            Kind::Internal | Kind::Unavailable | Kind::StorageFull => SignonOutcome::Failed,
            _ => SignonOutcome::Refused,
        };
        if outcome == SignonOutcome::Refused {
            installation.metrics.refusal(error.code);
        }
        installation.metrics.signon(asked.initiator(), outcome);
    }
    done
}

async fn respond(
    installation: &Installation,
    ctx: &Ctx,
    authorized: &Authorized,
    session: &SessionView,
    asked: Asked<'_>,
) -> Result<Outcome> {
    let target = &authorized.target;
    let settings = target.settings()?;
    let (subject, request) = (&authorized.subject, asked.request);
    let prepared = match prepare(installation, ctx, target, subject, settings, asked).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(refusal)) => return refuse(installation, ctx, target, true, &refusal).await,
        Err(error) => match request {
            Some(trusted) if tells_there(settings, trusted) && is_of_the_person(&error) => {
                installation.metrics.signon(Initiator::Sp, SignonOutcome::Refused);
                let id = Some(target.application.id);
                refusal::note_answered(installation, ctx, true, error.code, id).await?;
                return request_denied(installation, ctx, target, trusted, error.code).await;
            }
            _ => return Err(error),
        },
    };
    let session_index = ctx.random.saml_id();
    let (acs_url, binding) = match asked.request {
        Some(trusted) => (trusted.acs_url().to_owned(), trusted.binding()),
        None => settings.default_acs().map(|acs| (acs.url.clone(), acs.binding)).ok_or_else(no_acs)?,
    };
    let in_response_to = asked.request.map(|trusted| trusted.request().id.clone());
    let steps = durable_steps(ctx, authorized, session, asked, &prepared, &session_index)?;
    let audience = target.sp_entity_id()?.to_owned();
    let taker = Taker::Application;
    let advice = asked.advice.cloned();
    let to = Addressed {
        taker,
        session_index,
        acs_url: acs_url.clone(),
        binding,
        audience,
        in_response_to,
        advice,
    };
    let signing = signing(installation, ctx, target, session, prepared, to)?;
    let signed = sign_and_keep(installation, signing, steps).await?;
    installation.metrics.signon(asked.initiator(), SignonOutcome::Issued);
    let relay_state = match asked.request {
        Some(trusted) => trusted.relay_state().map(|state| state.as_str().to_owned()),
        None => asked.relay_state.map(str::to_owned),
    };
    Ok(Outcome::Post(PostForm {
        label: target.application.label.clone(),
        acs_url,
        saml_response: signed.saml_response,
        artifact: signed.artifact,
        relay_state,
        told: None,
    }))
}

/// Whether the error says that this person can't be told of there: where the application is set so, that is told by a
/// Response like any other denial (decision 5); else on a page of ours, which says what to do.
fn is_of_the_person(error: &Error) -> bool {
    error.code == TooLong::CODE || name_id::CODES.contains(&error.code)
}

fn no_acs() -> Error {
    Error::internal("an active application has no ACS URL")
}

/// Everything that is decided before signing.
pub(in crate::signon) struct Prepared {
    /// `None`: nobody is named.
    pub(in crate::signon) name_id: Option<NameId>,
    pub(in crate::signon) encrypt_name_id: bool,
    pub(in crate::signon) attributes: Vec<Attribute>,
    pub(in crate::signon) context_class: String,
}

pub(in crate::signon) async fn prepare(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    subject: &Arc<Subject>,
    settings: &SsoSettings,
    asked: Asked<'_>,
) -> Result<std::result::Result<Prepared, Refusal>> {
    let request = asked.request;
    let mut context_class = of_password(installation.base_url.is_secure()).to_owned();
    let mut format = settings.name_id.format;
    let mut encrypt_name_id = settings.encrypt_name_id;
    let mut omit_name_id = settings.omit_name_id;
    if let Some(trusted) = request {
        let can_encrypt = target.recipient()?.is_some() && settings.may_encrypt();
        let wanted = match trusted.name_id_format(format, &target.offered_formats(), can_encrypt) {
            Ok(wanted) => wanted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        format = wanted.format;
        encrypt_name_id |= wanted.encrypted;
        // Who speaks of somebody by name is answered by name (Core 3.3.4).
        omit_name_id &= !wanted.asked && trusted.request().subject.is_none();
        match standing(installation, settings, trusted, Some(asked.fresh)) {
            Standing::Enough(class) => context_class = class.unwrap_or(context_class),
            Standing::AskPassword | Standing::Refuse(_) => {
                return Ok(Err(trusted.refuse(Reason::AuthnContext)));
            }
        }
        let policy = trusted.request().name_id_policy.as_ref();
        // By the standard an AllowCreate that is left out is `false` (Core 3.4.1.1). Here only one that is written out
        // is: most service providers leave it out and do want somebody new to come in.
        if format == NameIdFormat::Persistent
            && !omit_name_id
            && policy.is_some_and(|policy| policy.allow_create == Some(false))
            && name_id::made(installation, target, subject).await?.is_none()
        {
            return Ok(Err(trusted.refuse(Reason::NameIdPolicy)));
        }
    }
    let wanted = request.and_then(|trusted| Some((trusted, trusted.request().subject.as_ref()?)));
    let mut name_id = None;
    if !omit_name_id {
        let named = name_id::of(installation, ctx, (target, subject), settings, format).await?;
        if let Some((trusted, wanted)) = wanted
            && !wanted.matches(&named)
        {
            return Ok(Err(trusted.refuse(Reason::SubjectMismatch)));
        }
        name_id = Some(named);
    }
    let wanted = match request.map(|trusted| release::wanted(settings, trusted)) {
        Some(Err(refusal)) => return Ok(Err(refusal)),
        Some(Ok(wanted)) => wanted,
        None => None,
    };
    let mut attributes = release::attributes(&settings.attributes, wanted, subject).map_err(|fault| {
        Error::new(
            Kind::Unavailable,
            fault.code,
            format!("{} The attribute is {}.", fault.message, fault.attribute),
        )
    })?;
    let identifier =
        name_id::as_attribute(installation, ctx, (target, subject), settings.subject_identifier).await?;
    release::add_identifier(&mut attributes, identifier);
    Ok(Ok(Prepared { name_id, encrypt_name_id, attributes, context_class }))
}

fn durable_steps(
    ctx: &Ctx,
    authorized: &Authorized,
    session: &SessionView,
    asked: Asked<'_>,
    prepared: &Prepared,
    session_index: &str,
) -> Result<Vec<Step>> {
    let application = &authorized.target.application;
    let mut steps = Vec::with_capacity(8);
    if let Some(handle_hash) = asked.consume {
        steps.push(Step::One(store::consume_pending(handle_hash, ctx.now()), already_answered));
    }
    if let (Some(trusted), true) = (asked.request, asked.remember_request) {
        let request = trusted.request();
        let expires_at = ctx.now().plus(SEEN_REQUEST_LIFETIME);
        steps.push(Step::One(store::insert_seen(application.id, &request.id, expires_at), replayed));
    }
    let (value, format) = prepared
        .name_id
        .as_ref()
        .map_or(("", NOBODY_NAMED), |name_id| (name_id.value.as_str(), name_id.format.short()));
    let mut event = Event::new(EventName::SsoAuth)
        .target("application", application.id, application.label.as_str())
        .application(application.id)
        .detail("initiated_by", if asked.request.is_some() { "sp" } else { "idp" })
        .detail("name_id_format", format)
        .detail("session_index", session_index)
        .detail("key", authorized.target.key.map(|key| key.to_string()).unwrap_or_default())
        .personal("by_group", authorized.by_group.as_str());
    if let Some(trusted) = asked.request.filter(|trusted| trusted.client().is_some()) {
        event = event.detail("binding", trusted.binding().as_str());
    }
    // Accepted, but longer than the standard has it: another IdP may refuse it (SAML-127).
    let ours = || asked.relay_state.is_some_and(|state| state.len() > STANDARD_RELAY_STATE);
    if asked.request.and_then(Trusted::relay_state).is_some_and(RelayState::exceeds_standard) || ours() {
        event = event.detail("warning", Reason::RelayStateOverStandard.code());
    }
    let sp_session = store::SpSession {
        session_index,
        session: session.session_id,
        application: application.id,
        name_id: value,
        name_id_format: format,
        name_id_encrypted: prepared.encrypt_name_id,
    };
    steps.push(Step::One(store::insert_sp_session(&sp_session, ctx.now()), signed_out));
    steps.extend(events::steps(ctx, event)?);
    let last_use = store::touch_last_use(authorized.subject.person.id, application.id, ctx.now());
    steps.push(Step::Latest(last_use, 2));
    Ok(steps)
}

/// The request was answered already, in another tab or by a second click.
pub(in crate::signon) fn already_answered() -> Error {
    Error::conflict(
        "request_already_answered",
        "This sign-in was already completed. Go back to the application and start again.",
    )
}

/// A signed request came a second time (SAML-131).
pub(in crate::signon) fn replayed() -> Error {
    Error::forbidden(
        "request_replayed",
        "This sign-in request was used before. Go back to the application and start again.",
    )
}

/// Refuses a request: at its ACS where there is one to trust, else on a page of ours.
pub async fn refuse(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    signed_in: bool,
    refusal: &Refusal,
) -> Result<Outcome> {
    let application = &target.application;
    installation.metrics.signon(Initiator::Sp, SignonOutcome::Refused);
    let (code, id) = (refusal.code(), Some(application.id));
    let Some(reply) = &refusal.reply else {
        refusal::note(installation, ctx, signed_in, code, id).await?;
        return Ok(Outcome::Refused(refusal::page(refusal, &application.label)));
    };
    refusal::note_answered(installation, ctx, signed_in, code, id).await?;
    error_response(installation, ctx, target, signed_in, reply, code).await
}

/// Tells that a person may not use the application: on a page of ours, or by `RequestDenied` where the application
/// is set so and asked.
pub async fn deny(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    denied: Denied,
    request: Option<&Trusted>,
) -> Result<Outcome> {
    let application = &target.application;
    installation.metrics.signon(initiator(request), SignonOutcome::Refused);
    let told = request.filter(|trusted| {
        let settings = target.settings.as_ref();
        denied == Denied::NotBound && settings.is_some_and(|settings| tells_there(settings, trusted))
    });
    let (code, id) = (denied.code(), Some(application.id));
    if let Some(trusted) = told {
        refusal::note_answered(installation, ctx, true, code, id).await?;
        return request_denied(installation, ctx, target, trusted, code).await;
    }
    refusal::note(installation, ctx, true, code, id).await?;
    Ok(Outcome::Refused(denied.refused(&application.label)))
}

/// Whether the service provider is told that a person may not come in: where it is set so, and always when it asked for
/// an answer without any page of ours (SAML-119), or there is nobody to read one.
fn tells_there(settings: &SsoSettings, trusted: &Trusted) -> bool {
    settings.deny_to == DenyTo::Sp || trusted.request().is_passive || trusted.client().is_some()
}

/// Tells a failure of ours at the ACS, once there is one to trust (SAML-128, decision 5). What is said of the person,
/// and what is no failure, goes on as it is; so does the failure when not even that can be said.
pub(in crate::signon) async fn or_tell_there(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    signed_in: bool,
    trusted: &Trusted,
    outcome: Result<Outcome>,
) -> Result<Outcome> {
    let error = match outcome {
        Err(error) if is_ours(&error) => error,
        other => return other,
    };
    tracing::error!(
        request_id = %ctx.request_id,
        code = error.code,
        cause = ?error.internal_cause(),
        "a sign-on failed on our side; the application is told"
    );
    let reply = trusted.reply(Status::Responder);
    error_response(installation, ctx, target, signed_in, &reply, error.code).await.or(Err(error))
}

fn is_ours(error: &Error) -> bool {
    matches!(error.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull) && !is_of_the_person(error)
}

async fn request_denied(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    trusted: &Trusted,
    told: &'static str,
) -> Result<Outcome> {
    let reply = trusted.reply(Status::RequestDenied);
    error_response(installation, ctx, target, true, &reply, told).await
}

/// An error Response. To a browser without a live session it is unsigned unless the application says otherwise
/// (decision 6): nobody anonymous gets XML signed with an assertion key.
async fn error_response(
    installation: &Installation,
    ctx: &Ctx,
    target: &Arc<Target>,
    signed_in: bool,
    reply: &Reply,
    told: &'static str,
) -> Result<Outcome> {
    // What an artifact stands for is signed whoever asks: only the service provider can fetch it (ART-601).
    let by_artifact = reply.binding == AcsBinding::Artifact;
    let sign = signed_in || by_artifact || target.settings()?.sign_error_responses;
    let signer = if sign { Some(target.signer()?) } else { None };
    let (response_id, issued_at) = (ctx.random.saml_id(), ctx.now());
    let issuer = target.application.idp_entity_id.clone();
    let answers = reply.clone();
    let keeper = by_artifact.then(|| Keeper::of_error(installation, ctx, target));
    let work = move || -> Result<_> {
        let response = ErrorResponse {
            response_id: &response_id,
            issued_at,
            issuer: &issuer,
            acs_url: &answers.acs_url,
            in_response_to: Some(&answers.in_response_to),
            status: answers.status,
            message: None,
        };
        let response = response.write(signer.as_deref()).map_err(Error::internal)?;
        let kept = keeper.map(|keeper| keeper.keep(response.as_xml())).transpose()?;
        Ok((response.to_base64(), kept))
    };
    let (saml_response, kept) = installation.on_cpu(work).await??;
    let artifact = match kept {
        Some(kept) => Some(artifact::write_error(installation, ctx, kept).await?),
        None => None,
    };
    Ok(Outcome::Post(PostForm {
        label: target.application.label.clone(),
        acs_url: reply.acs_url.clone(),
        saml_response,
        artifact,
        relay_state: reply.relay_state.as_ref().map(|state| state.as_str().to_owned()),
        told: Some(told),
    }))
}

/// Reads the person of a session as they are now.
pub async fn subject_of(
    installation: &Installation,
    epochs: crate::db::epoch::Epochs,
    session: &SessionView,
) -> Result<Arc<Subject>> {
    subject::load(installation, epochs, session.user_id).await?.ok_or_else(signed_out)
}

/// The session ended, at the latest while the answer was being made.
fn signed_out() -> Error {
    Error::new(Kind::Unauthenticated, "session_ended", "You are signed out. Sign in again.")
}
