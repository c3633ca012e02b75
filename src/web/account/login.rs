//! Signing in and out.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::{SignIn, sign_in};
use crate::base::{Error, Kind, urls};
use crate::catalog::Catalog;
use crate::signon::logout::carry_over;
use crate::signon::pending::mark_authenticated;
use crate::signon::receive::{Purpose, Visitor, purpose};
use crate::web::account::set_session;
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::{Gate, GateForm, Queried};
use crate::web::pages::login::{ExpiredPage, LoginPage};
use crate::web::pages::parts::Mark;
use crate::web::paths::Onward;
use crate::web::shown::application::mark;
use crate::web::state::{Shared, Web};
use crate::web::{html, page, see_other};

/// What follows a sign-in, as it stands in the query: `?request=HANDLE` of a waiting sign-on, or `?next=` a page of
/// ours. `notice` is one of a closed list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    request: Option<String>,
    next: Option<String>,
    notice: Option<String>,
}

impl Wanted {
    fn onward(&self) -> Onward {
        Onward::parse(self.request.as_deref().or(self.next.as_deref()).unwrap_or_default())
    }
}

/// What is said above the form.
fn notice(code: Option<&str>) -> Option<String> {
    let text = match code? {
        "password_set" => "Your password is set. Sign in with it.",
        "set_up" => "Your account is made. Sign in with it.",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Where a sign-in is going.
pub(super) enum Going {
    /// To a sign-on that waits.
    To(Box<Purpose>),
    /// To a page of ours.
    Page(String),
    /// To a sign-on that does not wait any more.
    Nowhere,
}

/// What the handle or the path stands for now.
pub(super) async fn going(web: &Web, gate: &Gate, onward: &Onward) -> Result<Going, Failure> {
    let handle = match onward {
        Onward::Page(page) => return Ok(Going::Page(page.as_str().to_owned())),
        Onward::Handle(handle) => handle,
    };
    let epochs = web.installation.epochs().await?;
    let session = gate.live.as_ref().map(|live| &live.session);
    let visitor = Visitor { session, browser: &gate.browser, epochs };
    let found = purpose(&web.installation, &gate.ctx, visitor, handle).await?;
    Ok(found.map_or(Going::Nowhere, |purpose| Going::To(Box::new(purpose))))
}

/// The application's mark. Its picture is for signed-in people, so the gate shows the letter.
pub(super) fn mark_of(catalog: &Catalog, purpose: &Purpose, signed_in: bool) -> Mark {
    let application = &purpose.target.application;
    if signed_in {
        mark(catalog, application)
    } else {
        Mark::letter(application.label.as_str(), application.accent)
    }
}

/// The path on which a waiting sign-on goes on.
pub(super) fn continue_path(purpose: &Purpose, handle: &str) -> String {
    // A handle is base64url and needs no escaping.
    format!("{}?request={handle}", urls::idp_continue(&purpose.target.application.slug))
}

/// Where a person goes back to the application, if it has asked.
pub(super) fn give_up_path(purpose: &Purpose) -> Option<String> {
    purpose.was_asked.then(|| urls::idp_give_up(&purpose.target.application.slug))
}

/// `GET /login`
pub async fn show_login(gate: Gate, State(web): State<Shared>, Queried(wanted): Queried<Wanted>) -> Answer {
    let onward = wanted.onward();
    let going = going(&web, &gate, &onward).await?;
    if let (Some(_), Going::Page(path)) = (&gate.live, &going) {
        return Ok(see_other(path));
    }
    let form =
        Form { onward: &onward, going: &going, username: "", notice: notice(wanted.notice.as_deref()) };
    match (&gate.live, &going) {
        (_, Going::Nowhere) => expired(&web, &gate).await,
        // Another tab has signed the person in meanwhile.
        (Some(_), Going::To(purpose)) if !purpose.wants_password => {
            Ok(see_other(&continue_path(purpose, onward.as_field())))
        }
        (Some(live), Going::To(purpose)) => {
            super::confirm::draw(&web, &gate, live, &onward, Some(purpose), None).await
        }
        _ => draw(&web, &gate, form, None).await,
    }
}

async fn expired(web: &Web, gate: &Gate) -> Answer {
    let page = ExpiredPage {
        shell: gate.shell(web, "This sign-in has expired").await,
        going_to: None,
        again_href: urls::portal().to_owned(),
        lifetime: "30 minutes".to_owned(),
    };
    html(StatusCode::GONE, &page)
}

/// What the form is drawn with.
struct Form<'a> {
    onward: &'a Onward,
    going: &'a Going,
    username: &'a str,
    notice: Option<String>,
}

async fn draw(web: &Web, gate: &Gate, form: Form<'_>, error: Option<Error>) -> Answer {
    let settings = web.installation.settings(web.installation.epochs().await?).await?;
    let going_to = match form.going {
        Going::To(purpose) => Some(mark_of(&web.installation.catalog, purpose, false)),
        _ => None,
    };
    let title =
        going_to.as_ref().map_or_else(|| "Sign in".to_owned(), |app| format!("Sign in to {}", app.name));
    let mut login = LoginPage {
        shell: gate.shell(web, &title).await,
        going_to,
        handle: form.onward.as_field().to_owned(),
        username: form.username.to_owned(),
        error: None,
        throttled: None,
        notice: form.notice,
        offer_remember: settings.remember_days > 0,
        give_up: match form.going {
            Going::To(purpose) => give_up_path(purpose),
            _ => None,
        },
    };
    let Some(error) = error else { return page(&login) };
    let (status, wait) = match error.kind {
        Kind::TooMany => (StatusCode::TOO_MANY_REQUESTS, error.retry_after),
        _ => (StatusCode::UNAUTHORIZED, None),
    };
    let message = error.message.into_owned();
    if error.kind == Kind::TooMany {
        login.throttled = Some(message);
    } else {
        login.error = Some(message);
    }
    let mut response = html(status, &login)?;
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// The posted form.
#[derive(Deserialize)]
pub struct Credentials {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    remember: bool,
    #[serde(default)]
    handle: String,
}

/// `POST /login`. Whatever goes wrong with name and password, the answer is the same.
pub async fn sign_in_here(
    gate: Gate,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    GateForm(form): GateForm<Credentials>,
) -> Answer {
    let onward = Onward::parse(&form.handle);
    let going = going(&web, &gate, &onward).await?;
    let installation = &web.installation;
    let attempt = SignIn {
        login: form.username.clone(),
        password: SecretString::from(form.password),
        remember: form.remember,
        replaces: gate.live.as_ref().map(|live| live.session.session_id),
    };
    // Nobody acts until the password is right, whoever was signed in before.
    let ctx = gate.ctx.acting_as(crate::base::Actor::Anonymous);
    let signed_in = sign_in(
        &installation.db,
        &installation.disk,
        &ctx,
        &installation.vault,
        &installation.passwords,
        attempt,
    )
    .await;
    installation.metrics.sign_in(signed_in.as_ref().err().map(|error| error.kind));
    let new = match signed_in {
        Ok(new) => new,
        Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::TooMany | Kind::Invalid) => {
            let drawn = Form { onward: &onward, going: &going, username: &form.username, notice: None };
            return draw(&web, &gate, drawn, Some(error)).await;
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(token) = gate.session_token(&web) {
        carry_over(&installation.db, &ctx, &token, &new.session).await?;
    }
    set_session(&web, &notes, &new);
    match (&going, &onward) {
        (Going::To(purpose), Onward::Handle(handle)) => {
            mark_authenticated(&installation.db, &purpose.pending, new.session.authenticated_at).await?;
            Ok(see_other(&continue_path(purpose, handle)))
        }
        (Going::Page(path), _) => Ok(see_other(path)),
        // The sign-in is good; the sign-on it was for has to begin again.
        _ => Ok(see_other(urls::portal())),
    }
}
