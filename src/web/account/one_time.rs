//! `/setup/{token}` and `/reset/{token}`: pages behind one-time links. A link that does not count any more answers
//! like one that never was.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::link;
use crate::base::{Error, Kind, urls};
use crate::directory::NewPerson;
use crate::web::error::{Answer, status_of};
use crate::web::extract::{Gate, GateForm};
use crate::web::pages::parts::When;
use crate::web::pages::setup::SetupValues;
use crate::web::pages::{ResetPage, SetupPage};
use crate::web::render::{html, see_other};
use crate::web::state::{Shared, Web};

#[derive(Deserialize)]
pub(super) struct SetupForm {
    #[serde(default)]
    organisation: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: SecretString,
}

#[derive(Deserialize)]
pub(super) struct ResetForm {
    #[serde(default)]
    password: SecretString,
    #[serde(default, rename = "username")]
    _username: String,
}

fn unusable() -> Error {
    Error::new(
        Kind::Gone,
        "link_unusable",
        "This link has been used, is older than an hour, or is incomplete. Ask for a new one.",
    )
}

/// When a link made at the latest now would end: shown as a duration, since the page does not know the link's age.
fn ends(gate: &Gate) -> When {
    let at = gate.ctx.now().plus(link::LIFE);
    When { iso: at.to_rfc3339(), text: "an hour after it was made".to_owned() }
}

fn is_ours(error: &Error) -> bool {
    matches!(error.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull | Kind::Gone | Kind::NotFound)
}

async fn setup_page(
    web: &Web,
    gate: &Gate,
    token: &str,
    values: SetupValues,
    error: Option<Error>,
) -> Answer<Response> {
    let mut shell = gate.shell(web, "Set up Tessera").await;
    let status = error.as_ref().map_or(StatusCode::OK, |error| status_of(error.kind));
    shell.errors = error.map(|error| error.fields).unwrap_or_default();
    let page = SetupPage {
        shell,
        action: urls::setup(token),
        values,
        password_min: u32::try_from(web.installation.passwords.min_length()).unwrap_or(15),
        link_ends: ends(gate),
    };
    html(status, &page)
}

/// The set-up form.
pub(super) async fn setup_form(gate: Gate, State(web): State<Shared>, Path(token): Path<String>) -> Answer {
    if !link::is_setup_link(&web.installation.db, &gate.ctx, &token).await? {
        return Err(unusable().into());
    }
    setup_page(&web, &gate, &token, SetupValues::default(), None).await
}

/// Makes the owner; the link and these pages are gone afterwards.
pub(super) async fn setup_submit(
    gate: Gate,
    State(web): State<Shared>,
    Path(token): Path<String>,
    GateForm(form): GateForm<SetupForm>,
) -> Answer {
    let installation = &web.installation;
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let owner = NewPerson {
        username: form.username.trim().to_owned(),
        email: form.email.trim().to_owned(),
        first_name: some(&form.first_name),
        last_name: some(&form.last_name),
        ..NewPerson::default()
    };
    let made = link::complete_setup(
        &installation.db,
        &gate.ctx,
        &installation.passwords,
        &token,
        some(&form.organisation),
        owner,
        &form.password,
    );
    match made.await {
        Ok(_) => Ok(see_other(&format!("{}?done=set_up", urls::login()))),
        Err(error) if is_ours(&error) => Err(error.into()),
        Err(error) => {
            let values = SetupValues {
                organisation: form.organisation,
                first_name: form.first_name,
                last_name: form.last_name,
                email: form.email,
                username: form.username,
            };
            setup_page(&web, &gate, &token, values, Some(error)).await
        }
    }
}

async fn reset_page(web: &Web, gate: &Gate, token: &str, error: Option<Error>) -> Answer<Response> {
    let person = link::find_reset(&web.installation.db, &gate.ctx, token).await?.ok_or_else(unusable)?;
    let mut shell = gate.shell(web, "Choose a new password").await;
    let status = error.as_ref().map_or(StatusCode::OK, |error| status_of(error.kind));
    shell.errors = error.map(|error| error.fields).unwrap_or_default();
    let page = ResetPage {
        shell,
        action: urls::reset(token),
        username: person.username,
        password_min: u32::try_from(web.installation.passwords.min_length()).unwrap_or(15),
        link_ends: ends(gate),
    };
    html(status, &page)
}

/// The form of a new password.
pub(super) async fn reset_form(gate: Gate, State(web): State<Shared>, Path(token): Path<String>) -> Answer {
    reset_page(&web, &gate, &token, None).await
}

/// Sets the new password, ends every session, and leads to the sign-in page: the link signs nobody in.
pub(super) async fn reset_submit(
    gate: Gate,
    State(web): State<Shared>,
    Path(token): Path<String>,
    GateForm(form): GateForm<ResetForm>,
) -> Answer {
    let installation = &web.installation;
    match link::complete_reset(&installation.db, &gate.ctx, &installation.passwords, &token, &form.password)
        .await
    {
        Ok(_) => Ok(see_other(&format!("{}?done=password_changed", urls::login()))),
        Err(error) if is_ours(&error) => Err(error.into()),
        Err(error) => reset_page(&web, &gate, &token, Some(error)).await,
    }
}
