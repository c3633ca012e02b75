//! A dry run: exactly which requests would be sent.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::base::id::ApplicationId;
use crate::provisioning::engine::dry_run::{DryRun, Planned, Step};
use crate::provisioning::model::{ResourceKind, State as Standing};
use crate::web::api::input::{Id, optional};
use crate::web::api::once::Key;
use crate::web::api::provisioning_input::ProvisioningInput;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::permission::ApplicationsWrite;
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

/// The operation.
pub fn section() -> Section {
    operations!(dry_run)
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
        Ok(axum::Json(DryRunBody::from(run)))
    };
    key.once(web, &caller, &bytes, Box::pin(work)).await
}
