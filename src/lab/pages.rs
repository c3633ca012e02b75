//! The lab's own pages, apart from the product's: another origin, another hand.

use askama::Template;

use crate::lab::judge::{Check, Received, Verdict};

/// An application in the list.
pub(super) struct Row {
    pub name: String,
    pub label: String,
    pub entity_id: String,
    pub idp_url: String,
}

/// `/`: all applications.
#[derive(Template)]
#[template(path = "lab/index.html")]
pub(super) struct IndexPage {
    pub title: String,
    pub applications: Vec<Row>,
}

/// What an application received.
#[derive(Template)]
#[template(path = "lab/received.html")]
pub(super) struct ReceivedPage {
    pub title: String,
    pub name: String,
    pub label: String,
    pub accepted: bool,
    pub note: Option<String>,
    pub received: Received,
    pub relay_state: Option<String>,
    pub facts: Vec<(&'static str, String)>,
    pub xml: String,
}

/// Posts an AuthnRequest.
#[derive(Template)]
#[template(path = "lab/send.html")]
pub(super) struct SendPage {
    pub title: String,
    pub action: String,
    pub message: String,
    pub relay_state: Option<String>,
}

/// A sentence.
#[derive(Template)]
#[template(path = "lab/message.html")]
pub(super) struct MessagePage {
    pub title: String,
    pub text: String,
}

impl Check {
    fn tone(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => "ok",
            Verdict::Failed => "danger",
            Verdict::Absent => "off",
        }
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => "Passed",
            Verdict::Failed => "Failed",
            Verdict::Absent => "Not there",
        }
    }
}
