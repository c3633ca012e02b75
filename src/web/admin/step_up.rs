//! The password once more, for a form whose weight shows only in what it says (decision 15): the form is carried
//! through the page that asks, so that nothing typed is lost, and goes on with the right password.

use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;

use crate::auth::reauthenticate::reauthenticate;
use crate::base::clock::MINUTE;
use crate::base::{Error, Kind};
use crate::web::admin::posted::Posted;
use crate::web::context::Notes;
use crate::web::error::Failure;
use crate::web::extract::Person;
use crate::web::pages::ConfirmPasswordPage;
use crate::web::pages::shell::Nav;
use crate::web::state::Web;
use crate::web::{account, html};

/// How long a password counts as fresh.
const FRESH: i64 = 5 * MINUTE;
/// Name of the field that brings the password.
pub const FIELD: &str = "step_up_password";

/// What the page needs to say.
pub struct Asked<'a> {
    /// Where the form posts.
    pub action: &'a str,
    /// "You are about to change where Heap's people are sent."
    pub reason: String,
    /// Where *Cancel* leads.
    pub cancel_href: String,
}

/// Goes on when the password is fresh, or was right just now; else answers with the page that asks for it.
pub async fn require_fresh(
    web: &Web,
    person: &Person,
    notes: &Notes,
    posted: &Posted,
    asked: Asked<'_>,
) -> Result<(), Failure> {
    let session = &person.live.session;
    if person.ctx.now().since(session.authenticated_at) < FRESH {
        return Ok(());
    }
    let password = posted.raw(FIELD);
    if password.is_empty() {
        return Err(ask(web, person, posted, asked, None).await?.into());
    }
    let installation = &web.installation;
    let given = SecretString::from(password);
    let renewed = reauthenticate(
        &installation.db,
        &person.ctx,
        &installation.vault,
        &installation.passwords,
        session,
        &given,
    );
    match renewed.await {
        Ok(renewed) => {
            account::set_session(web, notes, &renewed);
            Ok(())
        }
        Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::TooMany) => {
            Err(ask(web, person, posted, asked, Some(error)).await?.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask(
    web: &Web,
    person: &Person,
    posted: &Posted,
    asked: Asked<'_>,
    error: Option<Error>,
) -> Result<Response, Failure> {
    let status = match &error {
        None => StatusCode::OK,
        Some(error) if error.kind == Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = ConfirmPasswordPage {
        shell: person.shell(web, "Enter your password again", Nav::None).await,
        action: asked.action.to_owned(),
        carried: posted.without(&[FIELD]),
        password_field: FIELD,
        reason: asked.reason,
        going_to: None,
        username: person.live.session.username.clone(),
        handle: String::new(),
        error: error.map(|error| error.message.into_owned()),
        cancel_href: asked.cancel_href,
        give_up: None,
    };
    html(status, &page)
}
