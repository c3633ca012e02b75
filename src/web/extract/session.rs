//! People with a running session.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use crate::auth::session::id_of;
use crate::auth::{Role, SessionView};
use crate::base::id::UserId;
use crate::base::{Actor, Ctx, Error, urls};
use crate::signon::Epochs;
use crate::web::context::Notes;
use crate::web::error::Failure;
use crate::web::extract::sealed::Sealed;
use crate::web::extract::{Access, Credential};
use crate::web::pages::{Nav, Shell};
use crate::web::paths::SafePath;
use crate::web::render::{dress, see_other};
use crate::web::state::{Shared, Web};

/// A running session and the token in its cookie.
#[derive(Clone)]
pub struct Live {
    /// The session.
    pub session: SessionView,
    /// The cookie's value: the secret of this session's forms.
    pub token: String,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({})", self.session.session_id)
    }
}

/// Context, notes and headers of the request, as [`crate::web::context::surround`] left them.
pub(in crate::web) fn context_of(parts: &Parts) -> Result<(Ctx, Notes), Failure> {
    let ctx = parts.extensions.get::<Ctx>().cloned();
    let notes = parts.extensions.get::<Notes>().cloned();
    if let (Some(notes), Some(template)) = (&notes, parts.extensions.get::<MatchedPath>()) {
        notes.route(template);
    }
    ctx.zip(notes).ok_or_else(|| Error::internal("the request has no context").into())
}

/// Cache epochs of this request, read once, before anything cached is trusted.
pub(in crate::web) async fn epochs_of(web: &Web, parts: &mut Parts) -> Result<Epochs, Failure> {
    if let Some(epochs) = parts.extensions.get::<Epochs>() {
        return Ok(*epochs);
    }
    let epochs = web.installation.epochs().await?;
    parts.extensions.insert(epochs);
    Ok(epochs)
}

/// What was found out about the session once, for all extractors of the request.
#[derive(Clone)]
struct Found(Option<Live>);

/// The running session of the request's cookie. A cookie of no session at all is taken away.
pub(in crate::web) async fn find(web: &Web, parts: &mut Parts) -> Result<Option<Live>, Failure> {
    if let Some(Found(live)) = parts.extensions.get::<Found>() {
        return Ok(live.clone());
    }
    let (ctx, notes) = context_of(parts)?;
    let live = match web.cookies.session(&parts.headers) {
        None => None,
        Some(token) => {
            let epochs = epochs_of(web, parts).await?;
            let installation = &web.installation;
            let session = installation.sessions.authenticate(&installation.db, &ctx, epochs, &token).await?;
            // One that is over still says whose applications are open in this browser, until somebody signs in.
            if session.is_none() && id_of(&mut installation.db.reader(), &token).await?.is_none() {
                notes.set_cookie(web.cookies.clear_session());
            }
            session.map(|session| Live { session, token })
        }
    };
    if let Some(live) = &live {
        notes.live(live);
        notes.actor(&actor_of(&live.session));
    }
    parts.extensions.insert(Found(live.clone()));
    Ok(live)
}

pub(in crate::web) fn actor_of(session: &SessionView) -> Actor {
    Actor::User { id: session.user_id, username: session.username.as_str().into() }
}

/// A person with a running session. Without one: to the sign-in page, and back here for what can be repeated.
#[derive(Clone, Debug)]
pub struct Person {
    /// The context, with the person as the actor.
    pub ctx: Ctx,
    /// The session with its token.
    pub live: Live,
    headers: HeaderMap,
}

impl Person {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.live.session.user_id
    }

    /// Their role, if they have one.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.live.session.role
    }

    /// The shell of a page for this person, ready for forms.
    pub async fn shell(&self, web: &Web, title: &str, nav: Nav) -> Shell {
        let shell = web.shell_of(&self.live, title).await;
        Shell { nav, ..dress(shell, web, &self.ctx, &self.headers) }
    }
}

impl Sealed for Person {}
impl Credential for Person {
    const ACCESS: Access = Access::Person;
}

impl FromRequestParts<Shared> for Person {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Failure> {
        let (ctx, _) = context_of(parts)?;
        match find(web, parts).await? {
            Some(live) => {
                let ctx = ctx.acting_as(actor_of(&live.session));
                Ok(Self { ctx, live, headers: parts.headers.clone() })
            }
            None => Err(see_other(&sign_in_path(parts)).into()),
        }
    }
}

/// `/login`, with the way back when the request can be repeated.
fn sign_in_path(parts: &Parts) -> String {
    match way_back(parts) {
        Some(next) if next.as_str() != "/" => with_next(urls::login(), &next),
        _ => urls::login().to_owned(),
    }
}

/// The path of a request that can be repeated.
pub(in crate::web) fn way_back(parts: &Parts) -> Option<SafePath> {
    let repeatable = matches!(parts.method, Method::GET | Method::HEAD);
    SafePath::of(&parts.uri).filter(|_| repeatable)
}

/// `path?next=…`
pub(in crate::web) fn with_next(path: &str, next: &SafePath) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    format!("{path}?next={next}")
}

// `Option<Person>` is no credential: use `Gate`, which tells the same and is one.
impl OptionalFromRequestParts<Shared> for Live {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Option<Self>, Infallible> {
        Ok(find(web, parts).await.ok().flatten())
    }
}
