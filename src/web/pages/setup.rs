//! Pages behind a one-time link: the owner's account, and a new password.

use askama::Template;

use crate::web::pages::parts::When;
use crate::web::pages::shell::Shell;

/// `GET /setup/{token}`. Posts `organisation`, `first_name`, `last_name`, `email`, `username`, `password`, `csrf` to `action`.
#[derive(Template)]
#[template(path = "gate/setup.html")]
pub struct SetupPage {
    /// Around the page; its `errors` stand beside the fields.
    pub shell: Shell,
    /// `urls::setup(token)`.
    pub action: String,
    /// What was typed.
    pub values: SetupValues,
    /// Shortest password.
    pub password_min: u32,
    /// When the link ends.
    pub link_ends: When,
}

/// What was typed on the set-up page. The password never comes back.
#[derive(Clone, Default)]
pub struct SetupValues {
    /// Name of the organisation.
    pub organisation: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// E-mail.
    pub email: String,
    /// Username.
    pub username: String,
}

/// `GET /reset/{token}`. Posts `password` and `csrf` to `action`.
#[derive(Template)]
#[template(path = "gate/reset.html")]
pub struct ResetPage {
    /// Around the page.
    pub shell: Shell,
    /// `urls::reset(token)`.
    pub action: String,
    /// Username of the person, shown and given to password managers.
    pub username: String,
    /// Shortest password.
    pub password_min: u32,
    /// When the link ends.
    pub link_ends: When,
}
