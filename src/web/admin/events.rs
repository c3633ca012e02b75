//! Events in the console: filters, days, and the export.

use axum::extract::State;
use serde::Deserialize;

use crate::auth::Permission;
use crate::base::clock::DAY;
use crate::base::{Error, urls};
use crate::events::query::EventFilter;
use crate::events::{EventName, Outcome, chain};
use crate::web::admin::{exchanges, frame};
use crate::web::error::Answer;
use crate::web::event_export::{Format, stream_events};
use crate::web::extract::permission::{EventsExport, EventsRead};
use crate::web::extract::{Console, Fresh, Queried};
use crate::web::page;
use crate::web::pages::events::EventsPage;
use crate::web::pages::parts::{Choice, Link, Pager, Status, Tone};
use crate::web::pages::shell::{Banner, Nav, Shell};
use crate::web::shown::{counted, event, time};
use crate::web::state::{Shared, Web};

/// Seals that each view of the page checks.
const CHECKED: i64 = 500;

/// `?q=&name=&outcome=&since=&until=&cursor=`, and `format` of an export.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    name: String,
    outcome: String,
    since: String,
    until: String,
    cursor: Option<String>,
    format: String,
}

impl Wanted {
    /// The filter; what can't be read does not filter, and the form shows what counts.
    fn filter(&self) -> EventFilter {
        let until = time::parse_date(&self.until).map(|at| at.plus(DAY));
        EventFilter {
            name: self.name.parse().ok(),
            outcome: self.outcome.parse().ok(),
            since: time::parse_date(&self.since),
            until,
            text: Some(self.q.trim().to_owned()).filter(|text| !text.is_empty()),
            ..EventFilter::default()
        }
    }

    fn at(&self, path: &str, more: (&str, &str)) -> String {
        let pairs = [
            ("q", self.q.as_str()),
            ("name", self.name.as_str()),
            ("outcome", self.outcome.as_str()),
            ("since", self.since.as_str()),
            ("until", self.until.as_str()),
            more,
        ];
        frame::with_query(path, &pairs)
    }
}

/// `GET /admin/events`
pub async fn list_events(
    console: Console<EventsRead>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let filter = wanted.filter();
    let request = frame::page_request(wanted.cursor.as_deref())?;
    let found = web.installation.search_events(&filter, &request).await?;
    let mut shell =
        frame::shell(&web, &console.person, "Events", Nav::Events, Permission::EventsExport).await;
    let (chain, chain_note) = chain_state(&web, &mut shell).await?;
    if console.require(Permission::ApplicationsWrite).is_ok()
        && let Some(href) = exchanges::find(&web, console.ctx(), &wanted.q).await?
    {
        let mut banner = Banner::new(Tone::Info, "An exchange was recorded under this reference", "");
        banner.items = vec![Link::new("Look at what was received and answered", href)];
        shell.banners.push(banner);
    }
    let next = found.next_cursor.as_deref();
    let now = console.ctx().now();
    page(&EventsPage {
        shell,
        query: wanted.q.clone(),
        names: names(filter.name),
        outcomes: outcomes(filter.outcome),
        since: filter.since.map(|_| wanted.since.clone()).unwrap_or_default(),
        until: filter.until.map(|_| wanted.until.clone()).unwrap_or_default(),
        summary: format!(
            "{}{}",
            counted(i64::try_from(found.items.len()).unwrap_or(0), "event", "events"),
            if next.is_some() { " on this page" } else { "" }
        ),
        chain,
        chain_note,
        days: event::days(&found.items, now),
        zone: time::ZONE.to_owned(),
        pager: Pager {
            summary: String::new(),
            previous: None,
            next: next.map(|cursor| wanted.at(urls::admin_events(), ("cursor", cursor))),
        },
        export_jsonl: wanted.at(urls::admin_events_export(), ("format", "jsonl")),
        export_csv: wanted.at(urls::admin_events_export(), ("format", "csv")),
    })
}

fn names(chosen: Option<EventName>) -> Vec<Choice> {
    let any = Choice::new("", "All kinds", chosen.is_none());
    let each =
        EventName::ALL.iter().map(|name| Choice::new(name.as_str(), name.as_str(), chosen == Some(*name)));
    std::iter::once(any).chain(each).collect()
}

fn outcomes(chosen: Option<Outcome>) -> Vec<Choice> {
    let known = [
        (None, "", "Any outcome"),
        (Some(Outcome::Success), "success", "Done"),
        (Some(Outcome::Denied), "denied", "Refused"),
        (Some(Outcome::Failure), "failure", "Failed"),
    ];
    known.iter().map(|(outcome, value, label)| Choice::new(*value, *label, *outcome == chosen)).collect()
}

/// Whether the newest part of the chain holds; a break is a banner too.
async fn chain_state(web: &Web, shell: &mut Shell) -> Result<(Status, String), Error> {
    let verdict = chain::verify_newest(&web.installation.db, &web.installation.vault, CHECKED).await?;
    let note = format!("The newest {} are checked; “tessera events verify” checks all", verdict.verified);
    let Some(breach) = verdict.broken else {
        return Ok((Status::new(Tone::Ok, "Chain unbroken"), note));
    };
    let which = breach.event_id.map_or_else(String::new, |id| format!(" The first is {id}."));
    shell.banners.push(Banner::new(
        Tone::Danger,
        "The chain of events is broken",
        format!(
            "Somebody has changed events outside Tessera ({}).{which} Run “tessera events verify” and keep a copy of the database.",
            breach.code
        ),
    ));
    Ok((Status::new(Tone::Danger, "Chain broken"), note))
}

/// `GET /admin/events/export?format=jsonl|csv`: all events of the filter.
pub async fn export_events(
    console: Fresh<EventsExport>,
    State(web): State<Shared>,
    Queried(wanted): Queried<Wanted>,
) -> Answer {
    let format = Format::parse(Some(&wanted.format))?;
    Ok(stream_events(web.installation.clone(), console.ctx(), wanted.filter(), format).await?)
}
