//! Settings, and API tokens.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Choice, Decision, Facts, Status, When};
use crate::web::pages::shell::Shell;

/// `GET /admin/settings`. Inputs are the names of the settings.
#[derive(Template)]
#[template(path = "console/settings.html")]
pub struct SettingsPage {
    /// Around the page.
    pub shell: Shell,
    /// `organisation`
    pub organisation: String,
    /// The state that the form is drawn from.
    pub version: String,
    /// `allow_key_import`
    pub allow_key_import: bool,
    /// Groups of numbers, each drawn as a section.
    pub sections: Vec<SettingsSection>,
    /// Whether our metadata is signed.
    pub metadata: MetadataSigning,
    /// What is fixed at start: base URL, version, database.
    pub facts: Facts,
}

/// Whether our metadata is signed, and with what.
#[derive(Clone, Default)]
pub struct MetadataSigning {
    /// Whether it is.
    pub signs: bool,
    /// Whether there is no place for another key.
    pub full: bool,
    /// The keys, the one that signs first.
    pub keys: Vec<MetadataKeyCard>,
}

/// A key that metadata is signed with.
#[derive(Clone, Default)]
pub struct MetadataKeyCard {
    /// "In use"
    pub title: String,
    /// End, kind and fingerprint.
    pub facts: Facts,
    /// Switching to it; `None` for the one in use.
    pub promotion: Option<Decision>,
    /// Deleting it; `None` for the one in use.
    pub deletion: Option<Decision>,
}

/// A group of settings.
#[derive(Clone, Default)]
pub struct SettingsSection {
    /// Letters and dashes, unique: `sessions`.
    pub id: String,
    /// "Sessions"
    pub title: String,
    /// What they do.
    pub lead: String,
    /// The settings.
    pub settings: Vec<Setting>,
}

/// One setting: a number with its unit.
#[derive(Clone, Default)]
pub struct Setting {
    /// Name of the input.
    pub name: String,
    /// "Signed out after no activity for"
    pub label: String,
    /// The number, as typed.
    pub value: String,
    /// "hours"
    pub unit: String,
    /// A sentence; may be empty.
    pub help: String,
    /// Whether it is fixed by the configuration file, and so read-only here.
    pub fixed: bool,
}

/// `GET /admin/tokens`. The form posts `name`, `role`, `expires_days`.
#[derive(Template)]
#[template(path = "console/tokens.html")]
pub struct TokensPage {
    /// Around the page.
    pub shell: Shell,
    /// Tokens, newest first.
    pub rows: Vec<TokenRow>,
    /// What was typed as its name.
    pub name: String,
    /// Roles a token may have.
    pub roles: Vec<Choice>,
    /// How long it may live.
    pub lifetimes: Vec<Choice>,
}

/// A token.
#[derive(Clone)]
pub struct TokenRow {
    /// Its name.
    pub name: String,
    /// First letters of it, to tell it from others.
    pub hint: String,
    /// Role in words.
    pub role: String,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub made: When,
    /// When it was last used.
    pub used: When,
    /// Its state: active, ends soon, ended.
    pub status: Status,
    /// When it ends.
    pub ends: When,
    /// Revoking it; `None` once it is ended.
    pub revocation: Option<Decision>,
}
