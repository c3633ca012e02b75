//! How a sign-out of several applications stands.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::Tone;
use crate::web::pages::shell::Shell;

/// `GET /logout?run=`: each application with its state, and a way on. Posts `run` and `wish` to `urls::logout_next()`.
#[derive(Template)]
#[template(path = "gate/logout.html")]
pub struct LogoutPage {
    /// Around the page.
    pub shell: Shell,
    /// "You are signed out of Tessera"
    pub heading: String,
    /// The applications, in order.
    pub legs: Vec<LogoutLeg>,
    /// The run; empty when there is nothing to go on with.
    pub run: String,
    /// The application that was asked and has not answered.
    pub waits_for: Option<String>,
    /// Whether every application says that it is signed out.
    pub complete: bool,
    /// The application that asked for it all; empty when the person did.
    pub asked_by: String,
    /// Whether the person can go back to that application.
    pub answerable: bool,
    /// Whether a session runs in this browser all the same: another one than the one that has ended.
    pub signed_in: bool,
}

/// One application.
#[derive(Clone, Debug)]
pub struct LogoutLeg {
    /// Its name.
    pub application: String,
    /// How it stands, in words.
    pub state: &'static str,
    /// The colour of that.
    pub tone: Tone,
}

impl LogoutLeg {
    fn class(&self) -> &'static str {
        match self.tone {
            Tone::Ok => "status--ok",
            Tone::Warn | Tone::Danger => "status--warn",
            _ => "status--draft",
        }
    }
}
