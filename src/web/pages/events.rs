//! Events.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Choice, EventDay, Pager, Status};
use crate::web::pages::shell::Shell;

/// `GET /admin/events?q=&name=&outcome=&since=&until=&cursor=`.
#[derive(Template)]
#[template(path = "console/events.html")]
pub struct EventsPage {
    /// Around the page; a broken chain is a banner.
    pub shell: Shell,
    /// What was searched for.
    pub query: String,
    /// Names of events, the chosen one marked; the first is "All kinds".
    pub names: Vec<Choice>,
    /// Outcomes; the first is "Any outcome".
    pub outcomes: Vec<Choice>,
    /// `2026-06-11`; may be empty.
    pub since: String,
    /// `2026-06-12`; may be empty.
    pub until: String,
    /// "2,318 events from 11 to 12 June"
    pub summary: String,
    /// "Chain unbroken", with its tone.
    pub chain: Status,
    /// "checked 4 minutes ago"
    pub chain_note: String,
    /// Events by day, newest first.
    pub days: Vec<EventDay>,
    /// "Times are in your time zone, Europe/Rome"
    pub zone: String,
    /// Paging: `next` leads to older events.
    pub pager: Pager,
    /// The same selection as JSON lines.
    pub export_jsonl: String,
    /// The same selection as CSV.
    pub export_csv: String,
}
