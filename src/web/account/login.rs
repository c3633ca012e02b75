//! `/login`.

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::{SignIn, sign_in};
use crate::base::{Error, Kind};
use crate::web::account::onward::Onward;
use crate::web::account::session_cookie;
use crate::web::context::Notes;
use crate::web::error::{Answer, status_of};
use crate::web::extract::{Gate, GateForm, Queried};
use crate::web::pages::LoginPage;
use crate::web::render::{html, see_other};
use crate::web::state::{Shared, Web};

#[derive(Deserialize)]
pub(super) struct Query {
    request: Option<String>,
    next: Option<String>,
    /// `password_changed` or `set_up`: what has just happened.
    done: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    remember: bool,
    handle: Option<String>,
    next: Option<String>,
}

fn notice(done: Option<&str>) -> Option<String> {
    match done? {
        "password_changed" => Some("Your password is changed. Sign in with it.".to_owned()),
        "set_up" => Some("Tessera is set up. Sign in as its owner.".to_owned()),
        _ => None,
    }
}

/// The form. Somebody who is signed in already goes on, or is asked for the password again where the application
/// wants that.
pub(super) async fn form(gate: Gate, State(web): State<Shared>, Queried(query): Queried<Query>) -> Answer {
    let epochs = web.installation.epochs().await?;
    let onward = Onward::read(&web, &gate, epochs, query.request, query.next.as_deref()).await?;
    if gate.live.is_some() {
        return match &onward.purpose {
            Some(_) => super::confirm::for_request(&web, &gate, &onward, None).await,
            None => Ok(see_other(&onward.path())),
        };
    }
    let mut page = login_page(&web, &gate, &onward).await?;
    page.notice = notice(query.done.as_deref());
    html(StatusCode::OK, &page)
}

async fn login_page(web: &Web, gate: &Gate, onward: &Onward) -> Answer<LoginPage> {
    let going_to = onward.going_to();
    let title =
        going_to.as_ref().map_or_else(|| "Sign in".to_owned(), |mark| format!("Sign in to {}", mark.name));
    let epochs = web.installation.epochs().await?;
    let settings = web.installation.settings(epochs).await?;
    Ok(LoginPage {
        shell: gate.shell(web, &title).await,
        going_to,
        handle: onward.handle.clone(),
        next: onward.next_field(),
        username: String::new(),
        error: None,
        throttled: None,
        notice: None,
        offer_remember: settings.remember_days > 0,
    })
}

/// Signs in. Whatever was wrong, the page says the same.
pub(super) async fn submit(
    gate: Gate,
    State(web): State<Shared>,
    axum::Extension(notes): axum::Extension<Notes>,
    GateForm(form): GateForm<Form>,
) -> Answer {
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    let onward = Onward::read(&web, &gate, epochs, form.handle, form.next.as_deref()).await?;
    let attempt = SignIn {
        login: form.username.trim().to_owned(),
        password: form.password,
        remember: form.remember,
        replaces: gate.live.as_ref().map(|live| live.session.session_id),
    };
    let ctx = gate.ctx.acting_as(crate::base::Actor::Anonymous);
    match sign_in(&installation.db, &ctx, &installation.vault, &installation.passwords, attempt).await {
        Ok(new) => {
            notes.set_cookie(session_cookie(&web, &new));
            // What the browser knew before signing in is worth nothing afterwards, but for the request it waits for.
            Ok(see_other(&onward.proved(&web, new.session.authenticated_at).await?))
        }
        Err(error) if matches!(error.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull) => {
            Err(error.into())
        }
        Err(error) => refused(&web, &gate, &onward, form.username, error).await,
    }
}

async fn refused(web: &Web, gate: &Gate, onward: &Onward, username: String, error: Error) -> Answer {
    let mut page = login_page(web, gate, onward).await?;
    page.username = username;
    let message = error.message.to_string();
    if error.kind == Kind::TooMany {
        page.throttled = Some(message);
    } else {
        page.error = Some(message);
    }
    let mut response = html(status_of(error.kind), &page)?;
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}
