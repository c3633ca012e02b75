//! Metadata by address: what the SSO tab says of it, the form that sets it, and what a copy would change.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::base::{Error, urls};
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

/// Which of several entities: posts `entity_id`, or `q` to search.
#[derive(Clone, Default, Template)]
#[template(path = "parts/entity_choice.html")]
pub struct EntityChoice {
    /// What was searched for.
    pub search: String,
    /// That there are several, or that nothing was found, in words.
    pub lead: String,
    /// Those to choose from.
    pub entities: Vec<Choice>,
}

impl HtmlSafe for EntityChoice {}

impl EntityChoice {
    /// Whether there is something to search in.
    fn is_long(&self) -> bool {
        self.entities.len() > 10 || !self.search.is_empty()
    }

    /// The choice that a refusal with `entity_id_required` asks for.
    #[must_use]
    pub fn of(refused: &Error, search: Option<&str>) -> Self {
        let entities = refused.fields.iter().map(|field| Choice::new(&field.message, &field.message, false));
        Self {
            search: search.unwrap_or_default().to_owned(),
            lead: refused.message.to_string(),
            entities: entities.collect(),
        }
    }
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
    /// Which entity, when the document has several (`entity_id_required`).
    pub choice: Option<EntityChoice>,
    /// What would change; empty: nothing would.
    pub changes: Vec<Change>,
    /// What is odd but usable.
    pub notes: Vec<String>,
    /// Where *discard* posts, when it is a later copy.
    pub discard: Option<String>,
}
