//! Reading events: filters, pages, export lines.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::base::id::{ApplicationId, EventId};
use crate::base::paging::{Page, PageRequest};
use crate::base::{Error, Result, Timestamp};
use crate::db::Executor;
use crate::events::{EventName, Outcome, store};

/// Which events are wanted; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// This name.
    pub name: Option<EventName>,
    /// By the user or token of this id, or of this name at the time.
    pub actor: Option<String>,
    /// Another id that counts as the actor: whose name `actor` is today.
    pub actor_id: Option<String>,
    /// On the thing of this id, or of this name at the time.
    pub target: Option<String>,
    /// Another id that counts as the target: whose name `target` is today.
    pub target_id: Option<String>,
    /// Concerning this application.
    pub application: Option<ApplicationId>,
    /// Only what provisioning did and what was decided about it.
    pub provisioning: bool,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// This text in a name, an address or a person's name; or this reference exactly.
    pub text: Option<String>,
}

/// An event as stored.
#[derive(Clone, Debug)]
pub(in crate::events) struct StoredEvent {
    pub id: EventId,
    pub at: Timestamp,
    pub name: String,
    pub outcome: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub target_kind: Option<String>,
    pub target_id: Option<String>,
    pub application_id: Option<String>,
    pub request_id: String,
    pub details: String,
    pub commitment: String,
    pub salt: Option<String>,
    pub person: Option<String>,
}

/// An event as shown and exported.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EventView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: EventId,
    /// When.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Its name, from the closed list.
    pub name: String,
    /// `success`, `denied` or `failure`.
    pub outcome: String,
    /// `anonymous`, `system`, `command_line`, `user` or `token`.
    pub actor_kind: String,
    /// Id of the user or token.
    pub actor_id: Option<String>,
    /// Name of the actor at the time; absent once erased.
    pub actor_name: Option<String>,
    /// What sort of thing it was done to.
    pub target_kind: Option<String>,
    /// Id of the thing.
    pub target_id: Option<String>,
    /// Name of the thing at the time; absent once erased.
    pub target_name: Option<String>,
    /// Application concerned.
    pub application_id: Option<String>,
    /// Reference of the request.
    pub request_id: String,
    /// Address of the client.
    pub source: Option<String>,
    /// `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// What else there is to say.
    #[schema(value_type = Object)]
    pub details: Map<String, Json>,
}

fn view(event: StoredEvent) -> Result<EventView> {
    let mut details: Map<String, Json> = serde_json::from_str(&event.details).map_err(Error::internal)?;
    let mut person: Map<String, Json> = match &event.person {
        Some(text) => serde_json::from_str(text).map_err(Error::internal)?,
        None => Map::new(),
    };
    let mut take = |key: &str| match person.remove(key) {
        Some(Json::String(text)) => Some(text),
        _ => None,
    };
    let (actor_name, target_name) = (take("actor_name"), take("target_name"));
    let (source, user_agent) = (take("source"), take("user_agent"));
    details.extend(person);
    Ok(EventView {
        id: event.id,
        at: event.at,
        name: event.name,
        outcome: event.outcome,
        actor_kind: event.actor_kind,
        actor_id: event.actor_id,
        actor_name,
        target_kind: event.target_kind,
        target_id: event.target_id,
        target_name,
        application_id: event.application_id,
        request_id: event.request_id,
        source,
        user_agent,
        details,
    })
}

/// One page of events, newest first.
pub async fn list(
    executor: &mut impl Executor,
    filter: &EventFilter,
    page: &PageRequest,
) -> Result<Page<EventView>> {
    let rows = store::list(executor, filter, page.after.as_deref(), page.fetch()).await?;
    let views = rows.into_iter().map(view).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(views, page, |event| event.id.to_string()))
}

/// The header line of the CSV export.
pub const CSV_HEADER: &str = "at,name,outcome,actor_kind,actor_id,actor_name,target_kind,target_id,target_name,application_id,request_id,source,user_agent,details\r\n";

impl EventView {
    /// One line of JSON, with its line end.
    pub fn to_json_line(&self) -> Result<String> {
        let mut line = serde_json::to_string(self).map_err(Error::internal)?;
        line.push('\n');
        Ok(line)
    }

    /// One CSV record (RFC 4180), with its line end. A value that a spreadsheet would run as a formula is
    /// preceded by an apostrophe.
    #[must_use]
    pub fn to_csv_record(&self) -> String {
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        let fields = [
            self.at.to_rfc3339(),
            self.name.clone(),
            self.outcome.clone(),
            self.actor_kind.clone(),
            optional(&self.actor_id),
            optional(&self.actor_name),
            optional(&self.target_kind),
            optional(&self.target_id),
            optional(&self.target_name),
            optional(&self.application_id),
            self.request_id.clone(),
            optional(&self.source),
            optional(&self.user_agent),
            Json::Object(self.details.clone()).to_string(),
        ];
        let mut line = fields.map(|field| csv_field(&field)).join(",");
        line.push_str("\r\n");
        line
    }
}

fn csv_field(value: &str) -> String {
    let guarded = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{value}")
    } else {
        value.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_45_csv_values_never_run_as_formulas() {
        assert_eq!(csv_field("=1+1"), "'=1+1");
        assert_eq!(csv_field("@cmd,x"), "\"'@cmd,x\"");
        assert_eq!(csv_field("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(csv_field("plain"), "plain");
    }
}
