//! Metadata by address: what the SSO tab says of it, the form that sets it, and what a copy would change.

use askama::Template;

use crate::base::urls;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::parts::{Change, Choice, Decision, Facts, Status};
use crate::web::pages::shell::Shell;

/// What the SSO tab says of the address.
#[derive(Clone, Default)]
pub struct SourceCard {
    /// "Fetched", "Changed", "Failing".
    pub status: Status,
    /// Address, signature, when and how it was fetched last, when next.
    pub facts: Facts,
    /// Fetching it no more.
    pub removal: Decision,
}

/// `GET /admin/applications/{id}/sso/metadata/url`: posts `metadata_url` and `certificate` there.
#[derive(Template)]
#[template(path = "console/sp_source.html")]
pub struct SpSourcePage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// `metadata_url`
    pub url: String,
    /// `certificate`, PEM.
    pub certificate: String,
}

/// What metadata from an address would change: before it is set, or when a later copy asks for something else. Nothing
/// is stored before *Save these changes*.
#[derive(Template)]
#[template(path = "console/sp_source_changes.html")]
pub struct SpSourceChangesPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Where it comes from.
    pub url: String,
    /// Where *save* posts.
    pub action: String,
    /// What is posted along, name and value.
    pub carried: Vec<(String, String)>,
    /// Entities to choose from, when the document has several (`entity_id_required`); else empty.
    pub entities: Vec<Choice>,
    /// What would change; empty: nothing would.
    pub changes: Vec<Change>,
    /// What is odd but usable.
    pub notes: Vec<String>,
    /// Where *discard* posts, when it is a later copy.
    pub discard: Option<String>,
}
