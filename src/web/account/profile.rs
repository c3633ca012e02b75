//! The person's own page: what is known of them, their sessions, their colours.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::auth::{account, session};
use crate::base::id::{SessionId, UserId};
use crate::base::{Error, urls};
use crate::directory::people;
use crate::web::account::password_min;
use crate::web::admin::frame::{self, After, Done};
use crate::web::admin::posted::Posted;
use crate::web::context::Notes;
use crate::web::error::Answer;
use crate::web::extract::{Person, Queried, SignedForm};
use crate::web::pages::account::AccountPage;
use crate::web::pages::shell::{Nav, Theme};
use crate::web::shown::{person as show, time};
use crate::web::state::{Shared, Web};
use crate::web::{html, see_other};

/// `GET /account`
pub async fn show_account(
    person: Person,
    State(web): State<Shared>,
    Queried(after): Queried<After>,
) -> Answer {
    draw(&web, &person, None, after.done.as_deref()).await
}

/// The page, with what was wrong with the password form.
pub(super) async fn draw(web: &Web, viewer: &Person, error: Option<Error>, done: Option<&str>) -> Answer {
    let db = &web.installation.db;
    let now = viewer.ctx.now();
    let person = people::find(&mut db.reader(), viewer.id()).await?;
    let person = person.ok_or_else(|| Error::not_found("person"))?;
    let sessions = session::list(db, &viewer.ctx, person.id).await?;
    let changed = account::password_changed_at(&mut db.reader(), person.id).await?;
    let manager = match person.profile.manager.as_deref().and_then(|id| id.parse::<UserId>().ok()) {
        Some(id) => people::find(&mut db.reader(), id).await?.map(|manager| manager.shown_name()),
        None => None,
    };
    let mut shell = viewer.shell(web, "Your account", Nav::Account).await;
    shell.toast = frame::toast(done);
    let status = match error {
        Some(error) => frame::refuse(&mut shell, error)?,
        None => StatusCode::OK,
    };
    let profile = &person.profile;
    let meta = [Some(person.email.clone()), profile.job_title.clone(), profile.department.clone()];
    let page = AccountPage {
        shell,
        meta: meta.into_iter().flatten().collect(),
        facts: show::facts(&person, manager.as_deref()),
        username: person.username.clone(),
        password_changed: changed.map(|at| format!("Changed {}.", time::ago(at, now))).unwrap_or_default(),
        password_min: password_min(web),
        sessions: show::sessions(&sessions, Some(viewer.live.session.session_id), now, |id| {
            urls::account_session_end(&id.to_string())
        }),
    };
    html(status, &page)
}

/// `POST /account/sessions/{session}/end`
pub async fn end_session(
    person: Person,
    State(web): State<Shared>,
    Path(ended): Path<String>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let id: SessionId = frame::id(&ended)?;
    session::revoke(&web.installation.db, &person.ctx, person.id(), id).await?;
    Ok(see_other(&Done::Removed.at(urls::account())))
}

/// `POST /account/sessions/end-others`
pub async fn sign_out_everywhere(
    person: Person,
    State(web): State<Shared>,
    SignedForm(_): SignedForm<Posted>,
) -> Answer {
    let keep = Some(person.live.session.session_id);
    session::revoke_all(&web.installation.db, &person.ctx, person.id(), keep).await?;
    Ok(see_other(&Done::SignedOut.at(urls::account())))
}

/// The choice of colours; empty for the device's way.
#[derive(Debug, Deserialize)]
pub struct Colours {
    #[serde(default)]
    theme: String,
}

/// `POST /account/theme`
pub async fn choose_theme(
    _: Person,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    SignedForm(colours): SignedForm<Colours>,
) -> Answer {
    let theme = match colours.theme.as_str() {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        _ => Theme::Auto,
    };
    notes.set_cookie(web.cookies.set_theme(theme));
    Ok(see_other(urls::account()))
}
