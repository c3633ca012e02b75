//! `/login/confirm`: the password again, before something that matters in the console, or because an application
//! wants a fresh sign-in (ForceAuthn).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::reauthenticate::reauthenticate;
use crate::base::{Error, Kind, urls};
use crate::web::account::onward::Onward;
use crate::web::account::session_cookie;
use crate::web::context::Notes;
use crate::web::error::{Answer, status_of};
use crate::web::extract::session::Live;
use crate::web::extract::{Gate, Person, Queried, SignedForm};
use crate::web::pages::ConfirmPasswordPage;
use crate::web::render::{html, see_other};
use crate::web::state::{Shared, Web};

#[derive(Deserialize)]
pub(super) struct Query {
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    password: SecretString,
    /// For password managers only: whose password it is, the session says.
    #[serde(default, rename = "username")]
    _username: String,
    handle: Option<String>,
    next: Option<String>,
}

/// The form, on the way to a page of ours.
pub(super) async fn form(
    _: Person,
    gate: Gate,
    State(web): State<Shared>,
    Queried(query): Queried<Query>,
) -> Answer {
    let epochs = web.installation.epochs().await?;
    let onward = Onward::read(&web, &gate, epochs, None, query.next.as_deref()).await?;
    for_request(&web, &gate, &onward, None).await
}

/// The page, for whatever the sign-in is for.
pub(super) async fn for_request(
    web: &Web,
    gate: &Gate,
    onward: &Onward,
    error: Option<Error>,
) -> Answer<Response> {
    let Some(live) = &gate.live else { return Ok(see_other(urls::login())) };
    let status = error.as_ref().map_or(StatusCode::OK, |error| status_of(error.kind));
    let page = page_of(web, gate, live, onward, error.map(|error| error.message.into_owned())).await;
    html(status, &page)
}

async fn page_of(
    web: &Web,
    gate: &Gate,
    live: &Live,
    onward: &Onward,
    error: Option<String>,
) -> ConfirmPasswordPage {
    let going_to = onward.going_to();
    let reason = match &going_to {
        Some(mark) => format!("{} asks you to show again that it is you.", mark.name),
        None => "You have been signed in for a while, and what comes next matters. We ask to be sure that it is you."
            .to_owned(),
    };
    let mut shell = gate.shell(web, "Enter your password again").await;
    shell.csrf = web.csrf_token(&gate.ctx, &live.token);
    ConfirmPasswordPage {
        shell,
        reason,
        going_to,
        username: live.session.username.clone(),
        handle: onward.handle.clone(),
        next: onward.next_field(),
        error,
        cancel_href: urls::portal().to_owned(),
    }
}

/// Takes the password; the session goes on under a new token.
pub(super) async fn submit(
    person: Person,
    gate: Gate,
    State(web): State<Shared>,
    axum::Extension(notes): axum::Extension<Notes>,
    SignedForm(form): SignedForm<Form>,
) -> Answer {
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    let onward = Onward::read(&web, &gate, epochs, form.handle, form.next.as_deref()).await?;
    let session = &person.live.session;
    let (db, vault, passwords) = (&installation.db, &installation.vault, &installation.passwords);
    match reauthenticate(db, &person.ctx, vault, passwords, session, &form.password).await {
        Ok(new) => {
            notes.set_cookie(session_cookie(&web, &new));
            Ok(see_other(&onward.proved(&web, new.session.authenticated_at).await?))
        }
        Err(error) if matches!(error.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull) => {
            Err(error.into())
        }
        Err(error) => for_request(&web, &gate, &onward, Some(error)).await,
    }
}
