//! The password again, for somebody who is signed in: before what weighs heavily in the console, and for a sign-on
//! that asks for it (ForceAuthn, SAML-118).

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::reauthenticate::reauthenticate;
use crate::base::{Error, Kind, urls};
use crate::signon::pending::mark_authenticated;
use crate::signon::receive::Purpose;
use crate::web::account::login::{Going, continue_path, give_up_path, going, mark_of};
use crate::web::account::set_session;
use crate::web::context::Notes;
use crate::web::error::Answer;
use crate::web::extract::session::Live;
use crate::web::extract::{Gate, Person, Queried, SignedForm};
use crate::web::pages::login::ConfirmPasswordPage;
use crate::web::paths::Onward;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `?next=` a page of ours, or `?request=HANDLE`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    request: Option<String>,
    next: Option<String>,
}

/// `GET /login/confirm`
pub async fn ask_password(
    person: Person,
    gate: Gate,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let onward = Onward::parse(wanted.request.as_deref().or(wanted.next.as_deref()).unwrap_or_default());
    let purpose = match going(&web, &gate, &onward).await? {
        Going::To(purpose) => Some(purpose),
        Going::Page(_) => None,
        Going::Nowhere => return Ok(see_other(urls::portal())),
    };
    draw(&web, &gate, &person.live, &onward, purpose.as_deref(), None).await
}

/// The page, with why it is asked.
pub(super) async fn draw(
    web: &Web,
    gate: &Gate,
    live: &Live,
    onward: &Onward,
    purpose: Option<&Purpose>,
    error: Option<Error>,
) -> Answer {
    let status = match &error {
        None => StatusCode::OK,
        Some(error) if error.kind == Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNAUTHORIZED,
    };
    let mut shell = gate.shell(web, "Enter your password again").await;
    shell.csrf = web.csrf_token(&gate.ctx, &live.token);
    let reason = match purpose {
        Some(purpose) => {
            format!("{} asks that you prove again who you are.", purpose.target.application.label)
        }
        None => "The console asks again when your password was entered a while ago, and before changes that decide \
                 who gets in where. Then it leads you back, and you can go on."
            .to_owned(),
    };
    let page = ConfirmPasswordPage {
        shell,
        action: urls::confirm_password().to_owned(),
        carried: Vec::new(),
        password_field: "password",
        reason,
        going_to: purpose.map(|purpose| mark_of(&web.installation.catalog, purpose, true)),
        username: live.session.username.clone(),
        handle: onward.as_field().to_owned(),
        error: error.map(|error| error.message.into_owned()),
        cancel_href: urls::portal().to_owned(),
        give_up: purpose.and_then(give_up_path),
    };
    html(status, &page)
}

/// The posted form. The username is there for password managers; who it is says the session.
#[derive(Deserialize)]
pub struct Again {
    #[serde(default)]
    password: String,
    #[serde(default)]
    handle: String,
}

/// `POST /login/confirm`
pub async fn confirm_password(
    person: Person,
    gate: Gate,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    SignedForm(form): SignedForm<Again>,
) -> Answer {
    let onward = Onward::parse(&form.handle);
    let live = &person.live;
    let going = going(&web, &gate, &onward).await?;
    let installation = &web.installation;
    let password = SecretString::from(form.password);
    let (db, vault, passwords) = (&installation.db, &installation.vault, &installation.passwords);
    let renewed = match reauthenticate(db, &person.ctx, vault, passwords, &live.session, &password).await {
        Ok(renewed) => renewed,
        Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::TooMany | Kind::Invalid) => {
            let purpose = match &going {
                Going::To(purpose) => Some(purpose.as_ref()),
                _ => None,
            };
            return draw(&web, &gate, live, &onward, purpose, Some(error)).await;
        }
        Err(error) => return Err(error.into()),
    };
    set_session(&web, &notes, &renewed);
    match (&going, &onward) {
        (Going::To(purpose), Onward::Handle(handle)) => {
            mark_authenticated(db, &purpose.pending, renewed.session.authenticated_at).await?;
            Ok(see_other(&continue_path(purpose, handle)))
        }
        (Going::Page(path), _) => Ok(see_other(path)),
        _ => Ok(see_other(urls::portal())),
    }
}
