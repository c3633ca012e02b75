//! The person's own pages: signing in and out, the password again, first-run set-up, a new password by link, the
//! account with its sessions.

mod account_page;
mod confirm;
mod login;
mod logout;
mod one_time;
mod onward;

use axum::http::HeaderValue;
use secrecy::ExposeSecret as _;

use crate::auth::NewSession;
use crate::base::urls;
use crate::web::routes::Routes;
use crate::web::state::Web;

/// The routes of this module.
pub(in crate::web) fn routes() -> Routes {
    Routes::new()
        .get(urls::login(), login::form)
        .post(urls::login(), login::submit)
        .get(urls::confirm_password(), confirm::form)
        .post(urls::confirm_password(), confirm::submit)
        .get(urls::logout(), logout::page)
        .post(urls::logout(), logout::submit)
        .get(&urls::setup("{token}"), one_time::setup_form)
        .post(&urls::setup("{token}"), one_time::setup_submit)
        .get(&urls::reset("{token}"), one_time::reset_form)
        .post(&urls::reset("{token}"), one_time::reset_submit)
        .get(urls::account(), account_page::page)
        .post(urls::account_password(), account_page::change_password)
        .post(urls::account_sign_out_everywhere(), account_page::end_others)
        .post(&urls::account_session_end("{session}"), account_page::end_session)
        .post(urls::account_theme(), account_page::choose_theme)
}

/// The cookie of a session that has just begun or was renewed.
pub(in crate::web) fn session_cookie(web: &Web, new: &NewSession) -> HeaderValue {
    let session = &new.session;
    let age = session.remembered.then(|| session.expires_at.since(session.authenticated_at) / 1000);
    web.cookies.set_session(new.token.expose_secret(), age)
}
