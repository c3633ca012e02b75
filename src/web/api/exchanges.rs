//! Recorded exchanges of an application: the list, one of them, and the switch that keeps successes too.

use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::applications;
use crate::auth::Permission;
use crate::base::Timestamp;
use crate::base::id::ApplicationId;
use crate::saml::checks::{Check, trace};
use crate::signon::recorder::{self, Exchange, ExchangeLine, Reference};
use crate::web::api::answer::Listing;
use crate::web::api::input::{Id, Ids, Input};
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(list, show, switch)
}

/// List recorded exchanges
///
/// Refusals of the last 24 hours, and successes while they were recorded; at most 50, the newest first.
#[utoipa::path(get, path = "/applications/{id}/exchanges", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "Exchanges", body = Listing<ExchangeLine>)))]
async fn list(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Listing<ExchangeLine>> {
    caller.require(Permission::PeopleRead)?;
    applications::require(&mut web.installation.db.reader(), id).await?;
    let items = recorder::list(&web.installation, &caller.ctx, id).await?;
    Ok(Listing { items, next_cursor: None })
}

/// An exchange as it was on the wire, without what could be used again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExchangeAnswer {
    #[serde(flatten)]
    line: ExchangeLine,
    #[serde(flatten)]
    exchange: Exchange,
    /// The checks in their order; empty where the code is none of a check.
    checks: Vec<Check>,
}

/// Show a recorded exchange
///
/// Leaves an event: it may hold what an assertion said of a person.
#[utoipa::path(get, path = "/applications/{id}/exchanges/{reference}", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application"),
        ("reference" = String, Path, description = "Reference on the page that was shown")),
    responses((status = 200, description = "The exchange", body = ExchangeAnswer)))]
async fn show(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Ids(id, reference): Ids<ApplicationId, Reference>,
) -> Answer<axum::Json<ExchangeAnswer>> {
    caller.require(Permission::PeopleRead)?;
    applications::require(&mut web.installation.db.reader(), id).await?;
    let (line, exchange) = recorder::open(&web.installation, &caller.ctx, id, &reference).await?;
    let checks = trace(line.code.as_deref(), exchange.has_request());
    Ok(axum::Json(ExchangeAnswer { line, exchange, checks }))
}

/// For how long successes are recorded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Minutes from now, at most 1,440; 0 stops it.
    minutes: i64,
}

/// Until when successes are recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecordingAnswer {
    /// `null`: they are not.
    #[schema(value_type = Option<String>)]
    recorded_until: Option<Timestamp>,
}

/// Record successes too
#[utoipa::path(put, path = "/applications/{id}/recorder", tag = "Single sign-on", request_body = Recording,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "Until when", body = RecordingAnswer)))]
async fn switch(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Input(wanted, _): Input<Recording>,
) -> Answer<axum::Json<RecordingAnswer>> {
    // As in the console: what is recorded may hold what an assertion says of people.
    caller.require(Permission::PeopleRead)?;
    let db = &web.installation.db;
    let recorded_until = recorder::switch(db, &caller.ctx, id, wanted.minutes).await?;
    Ok(axum::Json(RecordingAnswer { recorded_until }))
}
