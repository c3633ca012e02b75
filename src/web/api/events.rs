//! Events, and their export.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;

use crate::base::id::ApplicationId;
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Ctx, Error};
use crate::events::query::{self, CSV_HEADER, EventFilter, EventView};
use crate::events::{self, Event, EventName, Outcome};
use crate::signon::Installation;
use crate::web::api::answer::Listing;
use crate::web::api::input::{Query, choice, instant, page};
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{EventsExport, EventsRead};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, export)
}

macro_rules! event_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Only events of this name.
            name: Option<String>,
            /// Only events by the person or token of this id.
            actor: Option<String>,
            /// Only events on the thing of this id.
            target: Option<String>,
            /// Only events concerning the application of this id.
            application: Option<String>,
            /// Only events with this outcome: `success`, `denied` or `failure`.
            outcome: Option<String>,
            /// From this time on.
            since: Option<String>,
            /// Before this time.
            until: Option<String>,
            /// With this text in a name or address, or with this reference.
            q: Option<String>,
            $($(#[$field_doc])* $field: Option<String>),+
        }

        impl $name {
            fn filter(&self) -> Result<EventFilter, Error> {
                let application = self.application.as_deref().map(|id| {
                    id.parse::<ApplicationId>()
                        .map_err(|_| Error::field("application", "wrong_type", "Write the id of an application."))
                });
                Ok(EventFilter {
                    name: choice::<EventName>("name", self.name.as_deref(), "the names of the reference")?,
                    actor: self.actor.clone(),
                    target: self.target.clone(),
                    application: application.transpose()?,
                    outcome: choice::<Outcome>("outcome", self.outcome.as_deref(), "success, denied, failure")?,
                    since: instant("since", self.since.as_deref())?,
                    until: instant("until", self.until.as_deref())?,
                    text: self.q.clone(),
                })
            }
        }
    };
}

event_query! {
    /// Which events.
    EventsQuery {
        /// Most items, 1 to 200.
        #[param(value_type = Option<u32>)]
        limit,
        /// `next_cursor` of the page before.
        cursor,
    }
}

event_query! {
    /// Which events, and how.
    ExportQuery {
        /// `jsonl` (when nothing is said) or `csv`.
        format,
    }
}

/// List events
///
/// Newest first.
#[utoipa::path(get, path = "/events", tag = "Events", params(EventsQuery),
    responses((status = 200, description = "Events", body = Listing<EventView>)))]
async fn list(
    _: ApiToken<EventsRead>,
    State(web): State<Shared>,
    Query(wanted): Query<EventsQuery>,
) -> Answer<Listing<EventView>> {
    let request = page(wanted.limit.as_deref(), wanted.cursor.as_deref())?;
    Ok(query::list(&mut web.installation.db.reader(), &wanted.filter()?, &request).await?.into())
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// RFC 4180 with a header.
    Csv,
}

impl Format {
    /// Reads `jsonl` or `csv`; nothing means the first.
    pub fn parse(text: Option<&str>) -> Result<Self, Error> {
        match text {
            None | Some("jsonl") => Ok(Self::JsonLines),
            Some("csv") => Ok(Self::Csv),
            Some(_) => Err(Error::field("format", "unknown_value", "Write jsonl or csv.")),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn write(self, events: &[EventView]) -> Result<String, Error> {
        let line = |event: &EventView| match self {
            Self::JsonLines => event.to_json_line(),
            Self::Csv => Ok(event.to_csv_record()),
        };
        events.iter().map(line).collect()
    }
}

/// Export events
///
/// As a stream, newest first, up to the moment of the call.
#[utoipa::path(get, path = "/events/export", tag = "Events", params(ExportQuery),
    responses((status = 200, description = "Events",
        content((String = "application/jsonl"), (String = "text/csv")))))]
async fn export(
    caller: ApiToken<EventsExport>,
    State(web): State<Shared>,
    Query(wanted): Query<ExportQuery>,
) -> Answer<Response> {
    let format = Format::parse(wanted.format.as_deref())?;
    Ok(stream_events(web.installation.clone(), &caller.ctx, wanted.filter()?, format).await?)
}

/// Streams all events of a filter, page by page, so that memory holds one page whatever their number. The export is
/// an event itself, written before the first byte leaves.
pub async fn stream_events(
    installation: Arc<Installation>,
    ctx: &Ctx,
    mut filter: EventFilter,
    format: Format,
) -> Result<Response, Error> {
    // What happens meanwhile is left out, so that the stream ends.
    filter.until = Some(filter.until.map_or(ctx.now(), |until| until.min(ctx.now())));
    let event = Event::new(EventName::EventExport).detail("format", format.as_str());
    installation.commits.write(events::steps(ctx, event)?).await?;
    let name = format!("attachment; filename=\"events.{}\"", format.as_str());
    let lines = stream::try_unfold(Some(None), move |state: Option<Option<PageRequest>>| {
        let (installation, filter) = (installation.clone(), filter.clone());
        async move {
            let Some(state) = state else { return Ok(None) };
            let header = if state.is_none() && format == Format::Csv { CSV_HEADER } else { "" };
            let request = state.unwrap_or(PageRequest { limit: MAX_LIMIT, after: None });
            let page = query::list(&mut installation.db.reader(), &filter, &request).await.map_err(broken)?;
            let text = format!("{header}{}", format.write(&page.items).map_err(broken)?);
            let next = match page.next_cursor.as_deref() {
                Some(cursor) => {
                    Some(Some(PageRequest::parse(Some(MAX_LIMIT), Some(cursor)).map_err(broken)?))
                }
                None => None,
            };
            Ok::<_, io::Error>(Some((Bytes::from(text), next)))
        }
    });
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The connection is cut, so that nobody takes a part for the whole.
fn broken(error: Error) -> io::Error {
    tracing::error!(
        code = error.code,
        cause = error.internal_cause().map(tracing::field::display),
        "an export broke off"
    );
    io::Error::other(error)
}
