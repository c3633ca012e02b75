//! The catalog.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Crumbs, Fact, Facts, Mark, Tone};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::Shell;

/// `GET /admin/catalog?q=&category=`.
#[derive(Template)]
#[template(path = "console/catalog.html")]
pub struct CatalogPage {
    /// Around the page.
    pub shell: Shell,
    /// What was searched for.
    pub query: String,
    /// "214 connectors", "6 of 214 connectors match “hea”".
    pub found: String,
    /// Categories with counts.
    pub categories: Vec<Category>,
    /// Connectors that match: the first of them, or all.
    pub connectors: Vec<ConnectorCard>,
    /// "Show all 214"; empty where all are there.
    pub more: String,
    /// Where all are.
    pub all_href: String,
}

/// A category to narrow by.
#[derive(Clone, Default)]
pub struct Category {
    /// "Analytics"
    pub name: String,
    /// Value of `category`; empty for *All*.
    pub value: String,
    /// How many match in it.
    pub count: usize,
    /// The page narrowed to it.
    pub href: String,
    /// Whether it is the current one.
    pub current: bool,
}

/// A connector in a list.
#[derive(Clone)]
pub struct ConnectorCard {
    /// Its id.
    pub id: String,
    /// Its mark with its name.
    pub mark: Mark,
    /// One line.
    pub description: String,
    /// "Verified live"; empty for no badge.
    pub badge: String,
    /// Colour of the badge.
    pub badge_tone: Tone,
    /// Where it leads: `urls::admin_connector(id)`, or the new-application form with it chosen.
    pub href: String,
    /// Whether it is the chosen one, in the form.
    pub chosen: bool,
}

/// `GET /admin/catalog/{connector}`.
#[derive(Template)]
#[template(path = "console/connector.html")]
pub struct ConnectorPage {
    /// Around the page.
    pub shell: Shell,
    /// The way here.
    pub crumbs: Crumbs,
    /// Its mark with its name.
    pub mark: Mark,
    /// One line.
    pub description: String,
    /// "Checked against documentation"; empty for none.
    pub verified: String,
    /// What one should know.
    pub facts: Facts,
    /// Placeholders it asks for: label and help.
    pub placeholders: Vec<Fact>,
    /// Names of the attributes it sends.
    pub attributes: Vec<String>,
    /// Steps at the application's side, without live values.
    pub steps: Steps,
    /// Sources it was checked against.
    pub sources: Vec<String>,
    /// The new-application form with it chosen.
    pub add_href: String,
}
