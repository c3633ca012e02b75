//! What would be: exactly which requests a dry run would send, and what one person's account would hold.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::applications;
use crate::auth::Permission;
use crate::base::id::ApplicationId;
use crate::provisioning::engine::dry_run::{DryRun, Planned, Step};
use crate::provisioning::model::{ResourceKind, State as Standing};
use crate::provisioning::preview::preview;
use crate::web::api::applications::PreviewRequest;
use crate::web::api::input::{Id, Input, optional};
use crate::web::api::once::Key;
use crate::web::api::provisioning_input::ProvisioningInput;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(dry_run, preview_account)
}

/// A request that would be sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlannedRequest {
    /// Method of HTTP.
    method: &'static str,
    /// Path below the base URL.
    path: String,
    /// Body; ids that begin with `new-` are those that the application would give.
    body: Option<serde_json::Value>,
}

/// What would happen to one person or group.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DryRunStep {
    /// People or groups.
    kind: ResourceKind,
    /// Id of the person or group here.
    id: String,
    /// What they are called.
    name: String,
    /// What would be sent, in order.
    requests: Vec<PlannedRequest>,
    /// How it would stand, where something is in the way.
    status: Option<Standing>,
    /// Stable code of what is in the way.
    code: Option<String>,
    /// The same in words.
    message: Option<String>,
}

/// What would happen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DryRunBody {
    /// People and groups that were looked at.
    looked_at: usize,
    /// Requests that would be sent.
    requests: usize,
    /// People and groups for which nothing is to be done.
    unchanged: usize,
    /// People and groups for which something is in the way.
    held: usize,
    /// People, then groups, for which something would be sent or is in the way; the first 1,000.
    items: Vec<DryRunStep>,
}

impl From<DryRun> for DryRunBody {
    fn from(run: DryRun) -> Self {
        let request = |planned: Planned| PlannedRequest {
            method: planned.method.as_str(),
            path: planned.path,
            body: planned.body,
        };
        let item = |step: Step| {
            let (status, code, message) = match step.held {
                Some(held) => (Some(held.state), Some(held.code), Some(held.message)),
                None => (None, None, None),
            };
            DryRunStep {
                kind: step.local.kind(),
                id: step.local.to_string(),
                name: step.name,
                requests: step.requests.into_iter().map(request).collect(),
                status,
                code,
                message,
            }
        };
        Self {
            looked_at: run.looked_at,
            requests: run.requests,
            unchanged: run.unchanged,
            held: run.held,
            items: run.steps.into_iter().map(item).collect(),
        }
    }
}

/// See what would be sent
///
/// Exactly the requests that would be sent if the connection were changed as the body says and active. The application is
/// read; nothing is written there, and nothing is stored here.
#[utoipa::path(post, path = "/applications/{id}/provisioning/dry-run", tag = "Identity management",
    request_body = ProvisioningInput,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "What would be sent", body = DryRunBody)))]
async fn dry_run(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    RawBody(bytes): RawBody,
) -> Answer<Response> {
    let input: ProvisioningInput = optional(&bytes)?;
    let patch = input.into_patch()?;
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let run = shared.provisioning.dry_run(&ctx, id, patch).await?;
        Ok(Json(DryRunBody::from(run)))
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}

/// What one person's account would hold.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccountPreview {
    /// The resource of RFC 7643; `null`: it can't be made.
    resource: Option<serde_json::Value>,
    /// Stable code of what is in the way.
    code: Option<&'static str>,
    /// The same in words.
    message: Option<String>,
}

/// Preview an account
///
/// What the application would hold of a person, by the mapping as it is stored. Whether they are in a bound group does not
/// count. Nothing is sent.
#[utoipa::path(post, path = "/applications/{id}/provisioning/preview", tag = "Identity management",
    request_body = PreviewRequest,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The account", body = AccountPreview)))]
async fn preview_account(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
    Input(request, bytes): Input<PreviewRequest>,
) -> Answer<Response> {
    caller.require(Permission::PeopleRead)?;
    let shared = web.clone();
    let work = async move {
        let installation = &shared.installation;
        let user = request.person()?;
        let mut reader = installation.db.reader();
        let application = applications::require(&mut reader, id).await?;
        let found = preview(&mut reader, &application, user).await?;
        let body = match found.ok_or_else(PreviewRequest::unknown)? {
            Ok(resource) => AccountPreview { resource: Some(resource), code: None, message: None },
            Err(fault) => {
                AccountPreview { resource: None, code: Some(fault.code), message: Some(fault.message) }
            }
        };
        Ok(Json(body))
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}
