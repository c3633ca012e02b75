//! The export of events, for the console and the API alike.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Ctx, Error};
use crate::events::query::{CSV_HEADER, EventFilter, EventView};
use crate::events::{self, Event, EventName};
use crate::signon::Installation;

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
            None | Some("" | "jsonl") => Ok(Self::JsonLines),
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
    let name = format!("attachment; filename=\"tessera-events.{}\"", format.as_str());
    let lines = stream::try_unfold(Some(None), move |state: Option<Option<PageRequest>>| {
        let (installation, filter) = (installation.clone(), filter.clone());
        async move {
            let Some(state) = state else { return Ok(None) };
            let header = if state.is_none() && format == Format::Csv { CSV_HEADER } else { "" };
            let request = state.unwrap_or(PageRequest { limit: MAX_LIMIT, after: None });
            let page = installation.search_events(&filter, &request).await.map_err(broken)?;
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
