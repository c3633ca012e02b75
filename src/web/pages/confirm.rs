//! The page of a decision, for those without JavaScript and for decisions whose effects are counted first.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Crumbs, Decision};
use crate::web::pages::shell::Shell;

/// Says what a decision does to people and asks; posts `confirmed=yes`, the hidden inputs and `count`.
#[derive(Template)]
#[template(path = "console/confirm.html")]
pub struct ConfirmPage {
    /// Around the page.
    pub shell: Shell,
    /// The way here.
    pub crumbs: Crumbs,
    /// The decision.
    pub decision: Decision,
    /// Names of the things concerned, shown as badges; may be empty.
    pub names: Vec<String>,
}

/// A secret that is shown once: a reset link, a new API token.
#[derive(Template)]
#[template(path = "console/shown_once.html")]
pub struct ShownOncePage {
    /// Around the page; its title is the heading: "Reset link for Livia Ferrante".
    pub shell: Shell,
    /// The way here.
    pub crumbs: Crumbs,
    /// What to do with it, and how long it works.
    pub lead: String,
    /// "Reset link"
    pub label: String,
    /// The secret.
    pub secret: String,
    /// Where *Done* leads.
    pub done_href: String,
}
