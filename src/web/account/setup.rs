//! First-run set-up behind its one-time link: the owner's account and the organisation's name.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::link;
use crate::base::{Error, Kind, Result, urls};
use crate::directory::NewPerson;
use crate::web::account::password_min;
use crate::web::error::{Answer, Failure};
use crate::web::extract::{Gate, GateForm};
use crate::web::pages::setup::{SetupPage, SetupValues};
use crate::web::shown::time;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `GET /setup/{token}`
pub async fn show_setup(gate: Gate, State(web): State<Shared>, Path(token): Path<String>) -> Answer {
    if !link::is_setup_link(&web.installation.db, &gate.ctx, &token).await? {
        return Err(unusable().into());
    }
    draw(&web, &gate, &token, SetupValues::default(), None).await
}

/// The link is used up, too old, or was never made: all of it looks the same.
pub(super) fn unusable() -> Error {
    Error::new(
        Kind::Gone,
        "link_unusable",
        "This link can't be used any more. Links work once and for an hour; ask for a new one.",
    )
}

async fn draw(web: &Web, gate: &Gate, token: &str, values: SetupValues, error: Option<Error>) -> Answer {
    let ends = link::ends_at(&web.installation.db, &gate.ctx, token).await?.ok_or_else(unusable)?;
    let mut shell = gate.shell(web, "Set Tessera up").await;
    let status = match error {
        Some(error) => crate::web::admin::frame::refuse(&mut shell, error)?,
        None => StatusCode::OK,
    };
    let page = SetupPage {
        shell,
        action: urls::setup(token),
        values,
        password_min: password_min(web),
        link_ends: time::until(ends, gate.ctx.now()),
    };
    html(status, &page)
}

/// The posted form.
#[derive(Clone, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Owner {
    organisation: String,
    first_name: String,
    last_name: String,
    email: String,
    username: String,
    password: String,
}

/// `POST /setup/{token}`
pub async fn complete_setup(
    gate: Gate,
    State(web): State<Shared>,
    Path(token): Path<String>,
    GateForm(owner): GateForm<Owner>,
) -> Answer {
    match make_owner(&web, &gate, &token, &owner).await {
        Ok(()) => Ok(see_other(&format!("{}?notice=set_up", urls::login()))),
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            let values = SetupValues {
                organisation: owner.organisation,
                first_name: owner.first_name,
                last_name: owner.last_name,
                email: owner.email,
                username: owner.username,
            };
            draw(&web, &gate, &token, values, Some(error)).await
        }
        Err(error) => Err(Failure::from(error)),
    }
}

async fn make_owner(web: &Web, gate: &Gate, token: &str, owner: &Owner) -> Result<()> {
    let installation = &web.installation;
    let organisation = owner.organisation.trim();
    if organisation.is_empty() || organisation.chars().count() > 80 {
        let message = "Give your organisation a name of 1 to 80 characters.";
        return Err(Error::field("organisation", "unusable_name", message));
    }
    let text = |value: &String| Some(value.trim().to_owned()).filter(|value| !value.is_empty());
    let new = NewPerson {
        username: owner.username.clone(),
        email: owner.email.clone(),
        first_name: text(&owner.first_name),
        last_name: text(&owner.last_name),
        ..NewPerson::default()
    };
    let password = SecretString::from(owner.password.as_str());
    let (db, passwords) = (&installation.db, &installation.passwords);
    link::complete_setup(db, &gate.ctx, passwords, token, organisation, new, &password).await.map(drop)
}
