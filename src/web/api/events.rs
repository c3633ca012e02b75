//! Events, and their export.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::base::Error;
use crate::base::id::ApplicationId;
use crate::events::query::{self, EventFilter, EventView};
use crate::events::{EventName, Outcome};
use crate::web::api::answer::Listing;
use crate::web::api::input::{Query, choice, instant, page};
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::event_export::{Format, stream_events};
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
