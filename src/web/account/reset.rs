//! A new password behind a one-time link. Nobody is signed in by it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::link;
use crate::base::{Error, Kind, urls};
use crate::web::account::password_min;
use crate::web::account::setup::unusable;
use crate::web::admin::frame;
use crate::web::error::Answer;
use crate::web::extract::{Gate, GateForm};
use crate::web::pages::setup::ResetPage;
use crate::web::shown::time;
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `GET /reset/{token}`
pub async fn show_reset(gate: Gate, State(web): State<Shared>, Path(token): Path<String>) -> Answer {
    draw(&web, &gate, &token, None).await
}

async fn draw(web: &Web, gate: &Gate, token: &str, error: Option<Error>) -> Answer {
    let db = &web.installation.db;
    let person = link::find_reset(db, &gate.ctx, token).await?.ok_or_else(unusable)?;
    let ends = link::ends_at(db, &gate.ctx, token).await?.ok_or_else(unusable)?;
    let mut shell = gate.shell(web, "Choose a new password").await;
    let status = match error {
        Some(error) => frame::refuse(&mut shell, error)?,
        None => StatusCode::OK,
    };
    let page = ResetPage {
        shell,
        action: urls::reset(token),
        username: person.username,
        password_min: password_min(web),
        link_ends: time::until(ends, gate.ctx.now()),
    };
    html(status, &page)
}

/// The posted form.
#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    password: String,
}

/// `POST /reset/{token}`
pub async fn complete_reset(
    gate: Gate,
    State(web): State<Shared>,
    Path(token): Path<String>,
    GateForm(form): GateForm<NewPassword>,
) -> Answer {
    let installation = &web.installation;
    let password = SecretString::from(form.password);
    let (db, passwords) = (&installation.db, &installation.passwords);
    match link::complete_reset(db, &gate.ctx, passwords, &token, &password).await {
        Ok(_) => Ok(see_other(&format!("{}?notice=password_set", urls::login()))),
        Err(error) if error.kind == Kind::Invalid => draw(&web, &gate, &token, Some(error)).await,
        Err(error) => Err(error.into()),
    }
}
