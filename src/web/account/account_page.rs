//! `/account`: what is known of the person, their password, sessions and colours.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::{account, session};
use crate::base::id::SessionId;
use crate::base::property::{Property, Source};
use crate::base::{Error, Kind, urls};
use crate::directory::{people, value_of};
use crate::web::account::session_cookie;
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure, status_of};
use crate::web::extract::{Person, Queried, SignedForm};
use crate::web::pages::AccountPage;
use crate::web::pages::account::SessionRow;
use crate::web::pages::parts::{Fact, Facts};
use crate::web::pages::shell::{Nav, Theme, Toast};
use crate::web::render::{html, see_other};
use crate::web::state::{Shared, Web};
use crate::web::words::{device, is_phone, when};

#[derive(Deserialize)]
pub(super) struct Query {
    done: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    #[serde(default)]
    current_password: SecretString,
    #[serde(default)]
    password: SecretString,
    #[serde(default, rename = "username")]
    _username: String,
}

#[derive(Deserialize)]
pub(super) struct Empty {}

#[derive(Deserialize)]
pub(super) struct ThemeForm {
    #[serde(default)]
    theme: String,
}

fn toast(done: Option<&str>) -> Option<Toast> {
    let text = match done? {
        "password" => "Your password is changed. Your other sessions have ended.",
        "session" => "That session has ended.",
        "others" => "All your other sessions have ended.",
        _ => return None,
    };
    Some(Toast { failed: false, text: text.to_owned() })
}

async fn draw(web: &Web, person: &Person, toast: Option<Toast>, error: Option<Error>) -> Answer<Response> {
    let db = &web.installation.db;
    let status = error.as_ref().map_or(StatusCode::OK, |error| status_of(error.kind));
    let me = people::find(&mut db.reader(), person.id()).await?.ok_or_else(|| Error::not_found("person"))?;
    let mut shell = person.shell(web, "Your account", Nav::Account).await;
    shell.toast = toast;
    shell.errors = error.map(|error| error.fields).unwrap_or_default();
    let text = |property| value_of(&me, &Source::Property(property));
    let meta =
        [Property::Email, Property::JobTitle, Property::Department].into_iter().filter_map(text).collect();
    let shown = [
        Property::Username,
        Property::Email,
        Property::FirstName,
        Property::LastName,
        Property::EmployeeIdentifier,
        Property::JobTitle,
        Property::Department,
        Property::Company,
        Property::Location,
    ];
    let facts = shown.into_iter().filter_map(|p| text(p).map(|value| Fact::new(p.label(), value))).collect();
    let changed = account::password_changed_at(&mut db.reader(), person.id()).await?;
    let now = person.ctx.now();
    let mut sessions: Vec<SessionRow> = Vec::new();
    let current = person.live.session.session_id;
    for row in session::list(db, &person.ctx, person.id()).await? {
        let agent = row.user_agent.as_deref().unwrap_or_default();
        sessions.push(SessionRow {
            device: device(agent),
            phone: is_phone(agent),
            how: "Signed in with a password".to_owned(),
            address: row.source.clone().unwrap_or_default(),
            seen: when(row.last_seen_at, now),
            current: row.id == current,
            end_action: urls::account_session_end(&row.id.to_string()),
        });
    }
    sessions.sort_by_key(|row| !row.current);
    let page = AccountPage {
        shell,
        meta,
        facts: Facts { facts },
        username: me.username.clone(),
        password_changed: changed
            .map_or_else(String::new, |at| format!("Last changed: {}.", when(at, now).text)),
        password_min: u32::try_from(web.installation.passwords.min_length()).unwrap_or(15),
        sessions,
    };
    html(status, &page)
}

/// The page.
pub(super) async fn page(
    person: Person,
    State(web): State<Shared>,
    Queried(query): Queried<Query>,
) -> Answer {
    draw(&web, &person, toast(query.done.as_deref()), None).await
}

fn done(what: &str) -> Response {
    see_other(&format!("{}?done={what}", urls::account()))
}

/// Changes the person's own password; the other sessions end, this one goes on under a new token.
pub(super) async fn change_password(
    person: Person,
    State(web): State<Shared>,
    axum::Extension(notes): axum::Extension<Notes>,
    SignedForm(form): SignedForm<PasswordForm>,
) -> Answer {
    let installation = &web.installation;
    let changed = account::change_password(
        &installation.db,
        &person.ctx,
        &installation.vault,
        &installation.passwords,
        &person.live.session,
        [&form.current_password, &form.password],
    );
    match changed.await {
        Ok(new) => {
            notes.set_cookie(session_cookie(&web, &new));
            Ok(done("password"))
        }
        Err(error) if matches!(error.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull) => {
            Err(error.into())
        }
        Err(mut error) => {
            if error.fields.is_empty() {
                error = Error::field("current_password", error.code, error.message.into_owned());
            }
            draw(&web, &person, None, Some(error)).await
        }
    }
}

/// Ends one session; ending this one signs out.
pub(super) async fn end_session(
    person: Person,
    State(web): State<Shared>,
    axum::Extension(notes): axum::Extension<Notes>,
    Path(id): Path<String>,
    SignedForm(Empty {}): SignedForm<Empty>,
) -> Answer {
    let id: SessionId = id.parse().map_err(|_| Failure::from(Error::not_found("session")))?;
    session::revoke(&web.installation.db, &person.ctx, person.id(), id).await?;
    if id == person.live.session.session_id {
        notes.set_cookie(web.cookies.clear_session());
        return Ok(see_other(urls::logout()));
    }
    Ok(done("session"))
}

/// Ends all sessions but this one.
pub(super) async fn end_others(
    person: Person,
    State(web): State<Shared>,
    SignedForm(Empty {}): SignedForm<Empty>,
) -> Answer {
    let keep = Some(person.live.session.session_id);
    session::revoke_all(&web.installation.db, &person.ctx, person.id(), keep).await?;
    Ok(done("others"))
}

/// Keeps the choice of colours in this browser.
pub(super) async fn choose_theme(
    _: Person,
    State(web): State<Shared>,
    axum::Extension(notes): axum::Extension<Notes>,
    SignedForm(form): SignedForm<ThemeForm>,
) -> Answer {
    let theme = match form.theme.as_str() {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        _ => Theme::Auto,
    };
    notes.set_cookie(web.cookies.set_theme(theme));
    Ok(see_other(urls::account()))
}
