//! The person's own pages: signing in and out, the password again, set-up, reset, and the account.
//!
//! Start with `login`. What follows a sign-in is a waiting sign-on under its handle or a page of ours, never an
//! address out of a request.

mod confirm;
mod help;
mod login;
pub(in crate::web) mod logout;
mod password;
mod profile;
mod reset;
mod setup;

use secrecy::ExposeSecret as _;

use crate::auth::NewSession;
use crate::base::urls;
use crate::web::context::Notes;
use crate::web::routes::Routes;
use crate::web::state::Web;

/// The routes of these pages.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get(urls::login(), login::show_login)
        .post(urls::login(), login::sign_in_here)
        .get(urls::sign_in_help(), help::show_help)
        .get(urls::confirm_password(), confirm::ask_password)
        .post(urls::confirm_password(), confirm::confirm_password)
        .get(urls::logout(), logout::show_logout)
        .post(urls::logout(), logout::sign_out_here)
        .post(urls::logout_next(), logout::go_on_with_logout)
        .get(&urls::setup("{token}"), setup::show_setup)
        .post(&urls::setup("{token}"), setup::complete_setup)
        .get(&urls::reset("{token}"), reset::show_reset)
        .post(&urls::reset("{token}"), reset::complete_reset)
        .get(urls::account(), profile::show_account)
        .post(urls::account_password(), password::change_password)
        .post(urls::account_sign_out_everywhere(), profile::sign_out_everywhere)
        .post(&urls::account_session_end("{session}"), profile::end_session)
        .post(urls::account_theme(), profile::choose_theme)
}

/// Gives the browser the cookie of a session just begun or renewed. It outlives the browser only where the person
/// chose *keep me signed in*.
pub(in crate::web) fn set_session(web: &Web, notes: &Notes, new: &NewSession) {
    let session = &new.session;
    let rest = session.expires_at.since(session.last_seen_at) / 1000;
    let max_age = session.remembered.then_some(rest.max(0));
    notes.set_cookie(web.cookies.set_session(new.token.expose_secret(), max_age));
}

/// Fewest characters of a new password.
pub(in crate::web) fn password_min(web: &Web) -> u32 {
    u32::try_from(web.installation.passwords.min_length()).unwrap_or(u32::MAX)
}
