//! Where a sign-in leads: to the stored request of a sign-on, to a page of ours, or to the portal. Nothing else that
//! comes from outside becomes a redirect.

use crate::base::{Result, urls};
use crate::signon::Epochs;
use crate::signon::pending;
use crate::signon::receive::{self, Purpose, Visitor};
use crate::web::extract::Gate;
use crate::web::pages::parts::Mark;
use crate::web::paths::SafePath;
use crate::web::state::Web;

/// What a sign-in is for.
pub(super) struct Onward {
    /// Handle as it came; empty when there is none or it does not count.
    pub(super) handle: String,
    /// The stored request behind it.
    pub(super) purpose: Option<Purpose>,
    /// The page to go on to.
    pub(super) next: Option<SafePath>,
}

impl Onward {
    /// Reads what the query or form says, and keeps only what can be trusted.
    pub(super) async fn read(
        web: &Web,
        gate: &Gate,
        epochs: Epochs,
        handle: Option<String>,
        next: Option<&str>,
    ) -> Result<Self> {
        let visitor =
            Visitor { session: gate.live.as_ref().map(|live| &live.session), browser: &gate.browser, epochs };
        let handle = handle.unwrap_or_default();
        let purpose = if handle.is_empty() {
            None
        } else {
            receive::purpose(&web.installation, &gate.ctx, visitor, &handle).await?
        };
        let handle = if purpose.is_some() { handle } else { String::new() };
        Ok(Self { handle, purpose, next: next.and_then(SafePath::parse) })
    }

    /// The application a person is on the way to.
    pub(super) fn going_to(&self) -> Option<Mark> {
        let application = &self.purpose.as_ref()?.target.application;
        Some(Mark::letter(application.label.as_str(), application.accent))
    }

    /// The page to go on to, as the form carries it.
    pub(super) fn next_field(&self) -> String {
        self.next.as_ref().map(|next| next.as_str().to_owned()).unwrap_or_default()
    }

    /// Where to go once the person has proved who they are at this instant.
    pub(super) async fn proved(&self, web: &Web, at: crate::base::Timestamp) -> Result<String> {
        if let Some(purpose) = &self.purpose {
            pending::mark_authenticated(&web.installation.db, &purpose.pending, at).await?;
        }
        Ok(self.path())
    }

    /// Where to go.
    pub(super) fn path(&self) -> String {
        match (&self.purpose, &self.next) {
            (Some(purpose), _) => {
                format!("{}?request={}", urls::idp_continue(&purpose.target.application.slug), self.handle)
            }
            (None, Some(next)) => next.as_str().to_owned(),
            (None, None) => urls::portal().to_owned(),
        }
    }
}
