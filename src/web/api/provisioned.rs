//! How it stands with each person and group at an application, what waits for a yes, and trying again.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Timestamp};
use crate::provisioning::connection;
use crate::provisioning::model::{Change, Entry, Local, Origin, ResourceKind, State as Standing};
use crate::provisioning::state::{self, Decision};
use crate::web::api::answer::Listing;
use crate::web::api::input::{Id, Input, Query, choice, optional, page};
use crate::web::api::once::Key;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(standing, retry, approvals, decide)
}

/// How it stands with one person or group.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StandingBody {
    /// People or groups.
    kind: ResourceKind,
    /// Id of the person or group here.
    id: String,
    /// What they are called.
    name: String,
    /// Their id at the application; `null`: nothing of theirs is known there.
    remote_id: Option<String>,
    /// Whether we made it there or found it: `created`, `adopted`.
    origin: Option<&'static str>,
    /// Whether the account is active there; for a group, whether it is kept in step.
    active: bool,
    /// How it stands.
    status: Standing,
    /// What waits or failed.
    change: Option<Change>,
    /// Stable code of what is in the way.
    code: Option<String>,
    /// The same in words.
    message: Option<String>,
    /// When it is looked at next; `null`: when something changes.
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
    /// Since when it stands so.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Name it to approve or reject exactly this; `null`: nothing waits.
    approval: Option<String>,
    /// What an approval is of: the resource as it would be, who would be in a group, or the account that would be taken over.
    approval_of: Option<serde_json::Value>,
}

impl From<Entry> for StandingBody {
    fn from(entry: Entry) -> Self {
        Self {
            kind: entry.local.kind(),
            id: entry.local.to_string(),
            name: entry.name,
            remote_id: entry.remote_id,
            origin: entry.origin.map(Origin::as_str),
            active: entry.active,
            status: entry.state,
            change: entry.change,
            code: entry.code,
            message: entry.message,
            retry_at: entry.due_at,
            since: entry.changed_at,
            approval_of: entry.asked_for.filter(|_| entry.asked.is_some()),
            approval: entry.asked,
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StandingQuery {
    /// `user` (unless said) or `group`.
    kind: Option<String>,
    /// Only entries in this state: `synced`, `pending`, `failed`, `conflict`, `awaiting_approval`, `drift`, `accepted`.
    status: Option<String>,
    /// How many on a page, 1 to 200.
    limit: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// List how it stands
///
/// Each person and group with the last result in words.
#[utoipa::path(get, path = "/applications/{id}/provisioning/state", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application"), StandingQuery),
    responses((status = 200, description = "One page", body = Listing<StandingBody>)))]
async fn standing(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Query(query): Query<StandingQuery>,
) -> Answer<Listing<StandingBody>> {
    let kind = choice::<ResourceKind>("kind", query.kind.as_deref(), "user, group")?.unwrap_or_default();
    let status = choice::<Standing>(
        "status",
        query.status.as_deref(),
        "synced, pending, failed, conflict, awaiting_approval, drift, accepted",
    )?;
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let mut reader = web.installation.db.reader();
    connection::require(&mut reader, id).await?;
    let page = state::list(&mut reader, id, kind, status, &page).await?;
    Ok(page.map(StandingBody::from).into())
}

/// What waits for a yes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApprovalsQuery {
    /// Only `user` or only `group`.
    kind: Option<String>,
    /// How many on a page, 1 to 200.
    limit: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// List what waits for approval
///
/// People, then groups; also those that are in conflict with what is there and can be approved.
#[utoipa::path(get, path = "/applications/{id}/provisioning/approvals", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application"), ApprovalsQuery),
    responses((status = 200, description = "One page", body = Listing<StandingBody>)))]
async fn approvals(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Query(query): Query<ApprovalsQuery>,
) -> Answer<Listing<StandingBody>> {
    let kind = choice::<ResourceKind>("kind", query.kind.as_deref(), "user, group")?;
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let mut reader = web.installation.db.reader();
    connection::require(&mut reader, id).await?;
    let page = state::approvals(&mut reader, id, kind, &page).await?;
    Ok(page.map(StandingBody::from).into())
}

/// One person or group.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// `user` or `group`.
    kind: ResourceKind,
    /// Id of the person or group here.
    id: String,
}

impl Named {
    fn local(&self) -> Result<Local, Error> {
        let wrong = || Error::field("id", "wrong_type", "Write the id of a person or group.");
        Ok(match self.kind {
            ResourceKind::User => Local::User(self.id.parse().map_err(|_| wrong())?),
            ResourceKind::Group => Local::Group(self.id.parse().map_err(|_| wrong())?),
        })
    }
}

/// Decisions, carried out all or none.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// 1 to 1,000.
    items: Vec<DecisionInput>,
}

/// One decision.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionInput {
    /// `user` or `group`.
    kind: ResourceKind,
    /// Id of the person or group here.
    id: String,
    /// `approval` of what was shown.
    approval: String,
    /// Yes or no.
    approve: bool,
}

/// How many.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Counted {
    /// How many.
    count: u64,
}

/// Approve or reject
///
/// 409 `approval_changed` when one of them is not what was shown any more; then none is decided.
#[utoipa::path(post, path = "/applications/{id}/provisioning/approvals", tag = "Identity management",
    request_body = Decisions,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "How many were decided", body = Counted)))]
async fn decide(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    Input(input, bytes): Input<Decisions>,
) -> Answer<Response> {
    let decisions: Result<Vec<Decision>, Error> = input
        .items
        .into_iter()
        .map(|item| {
            let local = Named { kind: item.kind, id: item.id }.local()?;
            Ok(Decision { local, asked: item.approval, approve: item.approve })
        })
        .collect();
    let decisions = decisions?;
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        state::decide(&shared.installation.db, &ctx, id, &decisions).await?;
        Ok(axum::Json(Counted { count: decisions.len() as u64 }))
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}

/// What is tried again.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryInput {
    /// `user` or `group`; left out with `id`: everything that failed.
    #[serde(default)]
    kind: Option<ResourceKind>,
    /// Id of the person or group here.
    #[serde(default)]
    id: Option<String>,
}

/// Try again
///
/// One person or group, or everything that failed, at once.
#[utoipa::path(post, path = "/applications/{id}/provisioning/retry", tag = "Identity management",
    request_body = RetryInput,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "How many are tried again", body = Counted)))]
async fn retry(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    RawBody(bytes): RawBody,
) -> Answer<Response> {
    let input: RetryInput = optional(&bytes)?;
    let which = match (input.kind, input.id) {
        (None, None) => None,
        (Some(kind), Some(id)) => Some(Named { kind, id }.local()?),
        _ => return Err(Error::field("id", "required", "Give kind and id, or neither.").into()),
    };
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move { again(&shared, &ctx, id, which).await };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}

async fn again(
    web: &Shared,
    ctx: &Ctx,
    id: ApplicationId,
    which: Option<Local>,
) -> Result<axum::Json<Counted>, crate::web::error::Failure> {
    let count = state::retry(&web.installation.db, ctx, id, which).await?;
    Ok(axum::Json(Counted { count }))
}
