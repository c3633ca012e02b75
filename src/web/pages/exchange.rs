//! Recorded exchanges: the list on the activity tab, and one of them.

use askama::Template;

use crate::base::urls;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::parts::{Facts, Link, Tone, When};
use crate::web::pages::shell::Shell;

/// The last exchanges of an application.
#[derive(Clone, Default)]
pub struct Exchanges {
    /// The newest first.
    pub rows: Vec<ExchangeRow>,
    /// Where the switch posts `minutes`.
    pub record: String,
    /// Until when successes are recorded; `None`: they are not.
    pub recorded_until: Option<When>,
}

/// An exchange in the list.
#[derive(Clone, Default)]
pub struct ExchangeRow {
    /// Its page.
    pub href: String,
    /// The reference that the person was shown.
    pub reference: String,
    /// When.
    pub when: When,
    /// Code of the refusal; `None`: an assertion was sent.
    pub code: Option<String>,
}

/// `GET /admin/applications/{id}/activity/{reference}`
#[derive(Template)]
#[template(path = "console/exchange.html")]
pub struct ExchangePage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Its reference.
    pub reference: String,
    /// When, how, from where.
    pub facts: Facts,
    /// The checks that were made, in their order; empty where nothing is known of them.
    pub checks: Vec<CheckLine>,
    /// How many were not reached.
    pub not_reached: usize,
    /// What is registered, where the failure is about that; may be empty.
    pub expected: String,
    /// What came instead.
    pub received: String,
    /// Where it is put right.
    pub repair: Option<Link>,
    /// The request, set out in lines; empty where there was none that could be read.
    pub request: String,
    /// The answer, set out in lines; empty where none was sent.
    pub answer: String,
}

/// A check and how it ended.
#[derive(Clone, Default)]
pub struct CheckLine {
    /// Its tone.
    pub tone: Tone,
    /// "Held", "Failed".
    pub verdict: String,
    /// What was checked.
    pub title: String,
    /// Where it is demanded.
    pub section: String,
}
