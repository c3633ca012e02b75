//! The person's own page.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Facts, When};
use crate::web::pages::shell::{Shell, Theme};

/// `GET /account`.
#[derive(Template)]
#[template(path = "person/account.html")]
pub struct AccountPage {
    /// Around the page; errors of the password form are named `current_password` and `password`.
    pub shell: Shell,
    /// Line under the name: e-mail, job title, department; empty ones left out.
    pub meta: Vec<String>,
    /// Facts that the person may read, not change.
    pub facts: Facts,
    /// Username, for password managers.
    pub username: String,
    /// "Changed 9 months ago."
    pub password_changed: String,
    /// Shortest password.
    pub password_min: u32,
    /// Sessions, this one first.
    pub sessions: Vec<SessionRow>,
}

/// A session, on the account page and on a person's page in the console.
#[derive(Clone)]
pub struct SessionRow {
    /// "Firefox on Linux"
    pub device: String,
    /// Whether it is a phone, for the icon.
    pub phone: bool,
    /// "Signed in with a password"
    pub how: String,
    /// Address it was last used from.
    pub address: String,
    /// When it was last used.
    pub seen: When,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Where *Sign out* posts: `urls::account_session_end(id)`.
    pub end_action: String,
}
