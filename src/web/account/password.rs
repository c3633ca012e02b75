//! Changing one's own password, with the current one. Other sessions end; this one gets a new token.

use axum::Extension;
use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;

use crate::auth::account;
use crate::base::{Error, Kind, urls};
use crate::web::account::{profile, set_session};
use crate::web::admin::frame::Done;
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::{Person, SignedForm};
use crate::web::see_other;
use crate::web::state::Shared;

/// The posted form.
#[derive(Deserialize)]
pub struct Passwords {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
}

/// `POST /account/password`
pub async fn change_password(
    person: Person,
    State(web): State<Shared>,
    Extension(notes): Extension<Notes>,
    SignedForm(form): SignedForm<Passwords>,
) -> Answer {
    let installation = &web.installation;
    let (current, new) = (SecretString::from(form.current_password), SecretString::from(form.password));
    let changed = account::change_password(
        &installation.db,
        &person.ctx,
        &installation.vault,
        &installation.passwords,
        &person.live.session,
        [&current, &new],
    );
    match changed.await {
        Ok(renewed) => {
            set_session(&web, &notes, &renewed);
            Ok(see_other(&Done::Saved.at(urls::account())))
        }
        Err(error) if error.kind == Kind::Unauthenticated && error.code == "wrong_password" => {
            let error = Error::field("current_password", error.code, error.message);
            profile::draw(&web, &person, Some(error), None).await
        }
        Err(error) if error.kind == Kind::TooMany => {
            let error = Error::field("current_password", error.code, error.message);
            profile::draw(&web, &person, Some(error), None).await
        }
        Err(error) if error.kind == Kind::Invalid => profile::draw(&web, &person, Some(error), None).await,
        Err(error) => Err(Failure::from(error)),
    }
}
