//! Pages that say why something did not happen: sign-on refusals and the general ones (404, 403, 500, 503, …).

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Fact, Link, Mark, When};
use crate::web::pages::shell::Shell;

/// What happened, what to do, one reference; the technical part folded. One page for every refusal.
#[derive(Template)]
#[template(path = "gate/refusal.html")]
pub struct RefusalPage {
    /// Around the page; its title is `heading`, its `reference` is shown to be copied.
    pub shell: Shell,
    /// "You can't open Keeper yet"
    pub heading: String,
    /// What happened, in one or two sentences, and that it is not the person's fault where it is not.
    pub lead: String,
    /// What the person can do, one sentence each.
    pub advice: Vec<String>,
    /// The application, if one is concerned.
    pub application: Option<Mark>,
    /// Small line above the application's name in the doorway: "Not open to you yet".
    pub door: String,
    /// Where *Try again* leads; `None` where trying again can't help.
    pub again: Option<Link>,
    /// Instant, for the folded part.
    pub when: When,
    /// Folded part for the administrator: code, event, correlation id, how to put it right. Empty: no fold.
    pub technical: Vec<Fact>,
}
