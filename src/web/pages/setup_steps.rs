//! The steps at the application's side: a connector's Markdown turned into typed pieces with live values, so that no
//! HTML from a connector file reaches a page.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::web::pages::parts::{CopyValue, Piece, Sentence};

/// Steps in order.
#[derive(Clone, Default)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Default)]
pub struct Step {
    /// What to do.
    pub sentence: Sentence,
    /// Values to paste there.
    pub values: Vec<CopyValue>,
}
