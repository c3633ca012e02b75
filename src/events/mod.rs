//! Events: who did what, to what, from where, with which outcome. A closed list of names; each event commits with
//! the change it tells of. A sealer chains them afterwards, so that any tampering shows (decision 24, A-47).
//!
//! Personal data stands apart, in a row that can be erased: the event keeps a commitment to it. This room must not
//! know the rooms whose events it keeps. Start with [`Event`] and [`record`].

pub mod chain;
pub mod name;
pub mod query;
mod store;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub use name::EventName;

use crate::base::id::{ApplicationId, EventId};
use crate::base::{Actor, Ctx, Error, Result};
use crate::db::Tx;
use crate::db::group_commit::Step;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Success,
    /// Refused by a rule.
    Denied,
    /// Tried and not done.
    Failure,
}

impl Outcome {
    /// The stored text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "success" => Ok(Self::Success),
            "denied" => Ok(Self::Denied),
            "failure" => Ok(Self::Failure),
            _ => Err(()),
        }
    }
}

/// An event about to be recorded.
#[derive(Clone, Debug)]
pub struct Event {
    name: EventName,
    outcome: Outcome,
    target: Option<(&'static str, String)>,
    target_name: Option<String>,
    application: Option<ApplicationId>,
    details: Map<String, Json>,
    person: Map<String, Json>,
}

impl Event {
    /// A successful event.
    #[must_use]
    pub fn new(name: EventName) -> Self {
        Self {
            name,
            outcome: Outcome::Success,
            target: None,
            target_name: None,
            application: None,
            details: Map::new(),
            person: Map::new(),
        }
    }

    /// With another outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// On what: `kind` is `user`, `group`, `application` …; the name is kept with the personal data.
    #[must_use]
    pub fn target(mut self, kind: &'static str, id: impl ToString, name: impl Into<String>) -> Self {
        self.target = Some((kind, id.to_string()));
        self.target_name = Some(name.into());
        self
    }

    /// Concerning this application.
    #[must_use]
    pub fn application(mut self, id: ApplicationId) -> Self {
        self.application = Some(id);
        self
    }

    /// A detail without personal data and without secrets.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// A detail that is personal data: it can be erased later.
    #[must_use]
    pub fn personal(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.person.insert(key.to_owned(), value.into());
        self
    }
}

/// An event as it stands in the database, ready to insert.
pub(in crate::events) struct Prepared {
    id: EventId,
    at: i64,
    name: EventName,
    outcome: Outcome,
    actor_kind: &'static str,
    actor_id: Option<String>,
    target: Option<(&'static str, String)>,
    application: Option<String>,
    request_id: String,
    details: String,
    salt: String,
    person: String,
    commitment: String,
}

fn prepare(ctx: &Ctx, event: Event) -> Result<Prepared> {
    let mut person = event.person;
    let (actor_kind, actor_id) = match &ctx.actor {
        Actor::Anonymous => ("anonymous", None),
        Actor::System(what) => {
            person.insert("actor_name".to_owned(), (*what).into());
            ("system", None)
        }
        Actor::CommandLine => ("command_line", None),
        Actor::User { id, username } => {
            person.insert("actor_name".to_owned(), (**username).into());
            ("user", Some(id.to_string()))
        }
        Actor::Token { id, name } => {
            person.insert("actor_name".to_owned(), (**name).into());
            ("token", Some(id.to_string()))
        }
    };
    if let Some(source) = ctx.source {
        person.insert("source".to_owned(), source.to_string().into());
    }
    if let Some(agent) = &ctx.user_agent {
        person.insert("user_agent".to_owned(), (**agent).into());
    }
    if let Some(name) = event.target_name {
        person.insert("target_name".to_owned(), name.into());
    }
    let person = serde_json::to_string(&person).map_err(Error::internal)?;
    let salt = ctx.random.token();
    let commitment = chain::commitment(&salt, &person);
    let now = ctx.now();
    Ok(Prepared {
        id: EventId::generate(now, &ctx.random),
        at: now.0,
        name: event.name,
        outcome: event.outcome,
        actor_kind,
        actor_id,
        target: event.target,
        application: event.application.map(|id| id.to_string()),
        request_id: ctx.request_id.to_string(),
        details: serde_json::to_string(&event.details).map_err(Error::internal)?,
        salt,
        person,
        commitment,
    })
}

/// Records the event in the transaction of its change.
pub async fn record(tx: &mut Tx, ctx: &Ctx, event: Event) -> Result<()> {
    for query in store::insert(prepare(ctx, event)?) {
        tx.run(query).await?;
    }
    Ok(())
}

/// The event as steps of a group commit.
pub fn steps(ctx: &Ctx, event: Event) -> Result<Vec<Step>> {
    Ok(store::insert(prepare(ctx, event)?).into_iter().map(Step::Row).collect())
}
