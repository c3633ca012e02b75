//! What a later version of an application's connector says otherwise.

use askama::Template;

use crate::base::urls;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::application_sso::PlaceholderField;
use crate::web::pages::parts::Change;
use crate::web::pages::shell::Shell;

/// `GET /admin/applications/{id}/connector`. Posts `revision`, `version`, `take` for each field that is chosen, and
/// `placeholders.TOKEN`.
#[derive(Template)]
#[template(path = "console/connector_upgrade.html")]
pub struct ConnectorUpgradePage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// The version that the application has.
    pub from: u32,
    /// The one that is offered.
    pub to: u32,
    /// Digest of it.
    pub revision: String,
    /// What can be chosen.
    pub choices: Vec<OfferedField>,
    /// Placeholders that the version has anew or otherwise.
    pub placeholders: Vec<PlaceholderField>,
    /// What comes with it.
    pub fixed: Vec<Change>,
}

/// A setting that the version says otherwise.
#[derive(Clone)]
pub struct OfferedField {
    /// Dotted name.
    pub field: String,
    /// The same in words.
    pub label: String,
    /// Whether it is ticked.
    pub chosen: bool,
    /// Whether the application has something of its own there.
    pub own: bool,
    /// What else it means; may be empty.
    pub note: String,
    /// What is here, and what would be.
    pub changes: Vec<Change>,
    /// What the earlier version said.
    pub before: Vec<String>,
}
