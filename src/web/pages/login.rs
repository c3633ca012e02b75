//! Signing in.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::Mark;
use crate::web::pages::shell::Shell;

/// `GET /login`, and the answer to a sign-in that failed. Posts `username`, `password`, `remember`, `handle`, `csrf`.
#[derive(Template)]
#[template(path = "gate/login.html")]
pub struct LoginPage {
    /// Around the page; its title is "Sign in" or "Sign in to Heap".
    pub shell: Shell,
    /// The application the person is on the way to.
    pub going_to: Option<Mark>,
    /// Handle of the pending request, never a URL; empty when there is none.
    pub handle: String,
    /// What was typed as the username.
    pub username: String,
    /// Why it did not work, never saying which half: "That username and password do not go together."
    pub error: Option<String>,
    /// How long to wait after too many failures: "Wait 4 minutes, then try again."; the form stays usable.
    pub throttled: Option<String>,
    /// A quiet message above the form: "Your password is changed. Sign in with it."
    pub notice: Option<String>,
    /// Whether *keep me signed in* is offered.
    pub offer_remember: bool,
    /// Where *go back* posts `request`, for who comes from an application.
    pub give_up: Option<String>,
}

/// `GET /login/confirm`: the password again, before something that matters. Posts `password`, `handle`, `csrf`; or, for
/// a form that is carried through, all its fields with the password to where the form was going.
#[derive(Template)]
#[template(path = "gate/confirm_password.html")]
pub struct ConfirmPasswordPage {
    /// Around the page.
    pub shell: Shell,
    /// Where it posts: `urls::confirm_password()`, or where the carried form was going.
    pub action: String,
    /// Fields of the carried form; empty without one.
    pub carried: Vec<(String, String)>,
    /// Name of the input: `password`, or one that the carried form does not have.
    pub password_field: &'static str,
    /// Why it is asked: "You are about to change who may sign in to Heap."
    pub reason: String,
    /// The application that asked for a fresh sign-in (ForceAuthn), if it was one.
    pub going_to: Option<Mark>,
    /// Username of the person, shown and posted for password managers.
    pub username: String,
    /// Handle of what goes on afterwards.
    pub handle: String,
    /// Why it did not work.
    pub error: Option<String>,
    /// Where *Cancel* leads.
    pub cancel_href: String,
    /// Where *go back* posts `request` instead, for who comes from an application.
    pub give_up: Option<String>,
}

impl ConfirmPasswordPage {
    /// A name that a carried form does not have: its own `username` must not come twice.
    fn username_field(&self) -> &'static str {
        if self.carried.is_empty() { "username" } else { "signed_in_as" }
    }
}

/// After signing out.
#[derive(Template)]
#[template(path = "gate/signed_out.html")]
pub struct SignedOutPage {
    /// Around the page.
    pub shell: Shell,
}

/// A sign-in that took longer than its pending request lives (30 minutes), or came back in another browser.
#[derive(Template)]
#[template(path = "gate/expired.html")]
pub struct ExpiredPage {
    /// Around the page.
    pub shell: Shell,
    /// The application, when it is still known.
    pub going_to: Option<Mark>,
    /// Where *Start again* leads: the application's own address, or the portal.
    pub again_href: String,
    /// When the request expired, in words: "30 minutes".
    pub lifetime: String,
}
