//! Events, and their export.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::applications;
use crate::base::Error;
use crate::base::id::ApplicationId;
use crate::directory::people;
use crate::events::query::{EventFilter, EventView};
use crate::events::{EventName, Outcome};
use crate::web::api::answer::Listing;
use crate::web::api::input::{Query, choice, instant, page, switch};
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
            /// Only events by this person or token: id, username, e-mail address, or name of the token.
            actor: Option<String>,
            /// Only events on this thing: id, username, slug, or its name at the time.
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
            /// `true`: only what identity management did, and what was decided about it.
            #[param(value_type = Option<bool>)]
            provisioning: Option<String>,
            $($(#[$field_doc])* $field: Option<String>),+
        }

        impl $name {
            async fn filter(&self, web: &Shared) -> Result<EventFilter, Error> {
                let (actor_id, target_id) = ids(web, self.actor.as_deref(), self.target.as_deref()).await?;
                let application = self.application.as_deref().map(|id| {
                    id.parse::<ApplicationId>()
                        .map_err(|_| Error::field("application", "wrong_type", "Write the id of an application."))
                });
                Ok(EventFilter {
                    provisioning: switch("provisioning", self.provisioning.as_deref())?,
                    name: choice::<EventName>("name", self.name.as_deref(), "the names of the reference")?,
                    actor: given(self.actor.as_deref()),
                    actor_id,
                    target: given(self.target.as_deref()),
                    target_id,
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

/// A parameter that says something.
fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The ids of what bears these names today; events of before a change of name are found by the id.
async fn ids(
    web: &Shared,
    actor: Option<&str>,
    target: Option<&str>,
) -> Result<(Option<String>, Option<String>), Error> {
    let mut reader = web.installation.db.reader();
    let mut person = async |name: Option<String>| -> Result<Option<String>, Error> {
        let Some(name) = name else { return Ok(None) };
        Ok(people::find_by_login_name(&mut reader, &name).await?.map(|person| person.id.to_string()))
    };
    let actor_id = person(given(actor)).await?;
    let mut target_id = person(given(target)).await?;
    if let (None, Some(slug)) = (&target_id, given(target)) {
        let found = applications::find_by_slug(&mut web.installation.db.reader(), &slug).await?;
        target_id = found.map(|application| application.id.to_string());
    }
    Ok((actor_id, target_id))
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
    Ok(web.installation.search_events(&wanted.filter(&web).await?, &request).await?.into())
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
    Ok(stream_events(web.installation.clone(), &caller.ctx, wanted.filter(&web).await?, format).await?)
}
