//! Identity management of an application: its connection, and holding it against what is there.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::applications;
use crate::base::id::ApplicationId;
use crate::base::{Error, Timestamp};
use crate::catalog::mapping::{Mapping, MappingForm};
use crate::catalog::model::ScimAuth;
use crate::provisioning::connection::{self, NewSecret};
use crate::provisioning::engine::reconcile::Drift;
use crate::provisioning::model::{
    Change, Connection, ConnectionStatus, MassChange, OnUserDelete, ResourceKind, State as Standing,
};
use crate::provisioning::state;
use crate::provisioning::{address, tls};
use crate::web::api::answer::Tagged;
use crate::web::api::input::{Id, Input};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::provisioning_certificate::ProvisioningCertificate;
use crate::web::api::provisioning_input::{ProvisioningInput, TokenInput, one_secret};
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(show, put, set_token, activate, deactivate, reconcile)
}

/// Why nothing is sent now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProvisioningFailure {
    /// Stable code.
    code: String,
    /// What happened and what to do.
    message: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When it is tried again.
    #[schema(value_type = String, format = DateTime)]
    retry_at: Timestamp,
}

/// How many people or groups are in each state.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StandingCounts {
    /// As they should be.
    synced: i64,
    /// To be looked at, or tried again.
    pending: i64,
    /// A change was begun, and its answer is awaited.
    running: i64,
    /// Refused, or failed for too long.
    failed: i64,
    /// Something of the same name is there.
    conflict: i64,
    /// Waits for a yes.
    awaiting_approval: i64,
    /// The other side said yes and shows something else.
    drift: i64,
    /// The other side took it and has yet to act.
    accepted: i64,
}

/// A connection. Its secret is never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProvisioningBody {
    /// Whether people and groups are sent: `draft` (never yet), `active`, `inactive`.
    status: ConnectionStatus,
    /// Base URL as a template; `null`: it has to be given.
    base_url: Option<String>,
    /// What it comes to; `null` while a placeholder is empty.
    resolved_url: Option<String>,
    /// How Tessera proves itself there; `null`: a secret has to be given, also after the address has changed.
    auth: Option<ScimAuth>,
    /// When the secret was given.
    #[schema(value_type = Option<String>, format = DateTime)]
    token_set_at: Option<Timestamp>,
    /// When the secret ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    token_expires_at: Option<Timestamp>,
    /// Whether groups, and who is in them, are sent.
    manage_groups: bool,
    /// What becomes of the account of a person who is deleted here.
    on_user_delete: OnUserDelete,
    /// What somebody has to say yes to.
    require_approval: Vec<Change>,
    /// When departures wait for a yes because they are many.
    mass_change: MassChange,
    /// The mapping.
    #[schema(value_type = Vec<MappingForm>)]
    mappings: Vec<Mapping>,
    /// The authorities that are trusted in place of the public ones, PEM; `null`: the public ones.
    ca_certificate: Option<String>,
    /// The client certificate that the application knows Tessera by; `null` where its connector asks for none.
    certificate: Option<ProvisioningCertificate>,
    /// When the other side last answered as a SCIM service should.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// Whether it took a change yet: activation only reads.
    write_access: WriteAccess,
    /// What it says it can; `null` before it was asked.
    capabilities: Option<serde_json::Value>,
    /// When what is there was last read and compared.
    #[schema(value_type = Option<String>, format = DateTime)]
    reconciled_at: Option<Timestamp>,
    /// What was found then; `null` before the first time.
    #[schema(value_type = Option<Drift>)]
    drift: Option<serde_json::Value>,
    /// Why nothing is sent now; `null` when all is well.
    failure: Option<ProvisioningFailure>,
    /// How it stands with people.
    users: StandingCounts,
    /// How it stands with groups.
    groups: StandingCounts,
}

/// Whether changes are taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteAccess {
    /// A change was taken.
    Yes,
    /// None was sent yet.
    NotTriedYet,
}

async fn body(web: &Shared, connection: Connection) -> Result<Tagged<ProvisioningBody>, Error> {
    let installation = &web.installation;
    let mut reader = installation.db.reader();
    let application = applications::require(&mut reader, connection.application).await?;
    let counts = state::counts(&mut reader, connection.application).await?;
    let of = |kind: ResourceKind| StandingCounts {
        synced: counts.of(kind, Standing::Synced),
        pending: counts.of(kind, Standing::Pending),
        running: counts.of(kind, Standing::Running),
        failed: counts.of(kind, Standing::Failed),
        conflict: counts.of(kind, Standing::Conflict),
        awaiting_approval: counts.of(kind, Standing::AwaitingApproval),
        drift: counts.of(kind, Standing::Drift),
        accepted: counts.of(kind, Standing::Accepted),
    };
    let outbound = &installation.outbound;
    let certificate = tls::certificate(&connection, &connection::quirks(&application))?;
    let settings = &connection.settings;
    let resolved_url = address::base_url(outbound, &application, settings).ok();
    // A secret that was given for another address is as good as none.
    let fits = connection.secret_for.is_some() && connection.secret_for == resolved_url;
    let body = ProvisioningBody {
        status: connection.status,
        base_url: address::base_template(&application, settings),
        resolved_url,
        auth: connection.auth.filter(|_| fits),
        token_set_at: connection.secret_set_at.filter(|_| fits),
        token_expires_at: connection.secret_expires_at.filter(|_| fits),
        manage_groups: settings.manage_groups,
        on_user_delete: settings.on_user_delete,
        require_approval: settings.require_approval.clone(),
        mass_change: settings.mass_change,
        mappings: settings.mappings.clone(),
        ca_certificate: settings.ca_certificate.clone(),
        certificate: certificate.map(ProvisioningCertificate::from),
        verified_at: connection.verified_at,
        write_access: if connection.written_at.is_some() {
            WriteAccess::Yes
        } else {
            WriteAccess::NotTriedYet
        },
        capabilities: connection.capabilities,
        reconciled_at: connection.reconciled_at,
        drift: connection.drift,
        failure: connection.failing.map(|failing| ProvisioningFailure {
            code: failing.code,
            message: failing.message,
            since: failing.since,
            retry_at: connection.paused_until,
        }),
        users: of(ResourceKind::User),
        groups: of(ResourceKind::Group),
    };
    Ok(Tagged(connection.version, body))
}

/// Show identity management
///
/// 404 `provisioning_not_configured` when it was never configured.
#[utoipa::path(get, path = "/applications/{id}/provisioning", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connection", body = ProvisioningBody)))]
async fn show(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Tagged<ProvisioningBody>> {
    let mut reader = web.installation.db.reader();
    applications::require(&mut reader, id).await?;
    let connection = connection::require(&mut reader, id).await?;
    Ok(body(&web, connection).await?)
}

/// Configure identity management
///
/// What is left out stays. Nothing is sent; an active connection looks at everybody again. Another address or other
/// authorities drop the token.
#[utoipa::path(put, path = "/applications/{id}/provisioning", tag = "Identity management",
    request_body = ProvisioningInput,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connection", body = ProvisioningBody)))]
async fn put(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    Input(input, _): Input<ProvisioningInput>,
) -> Answer<Tagged<ProvisioningBody>> {
    let patch = input.into_patch()?;
    let connections = web.provisioning.connections();
    let connection = connections.configure(&caller.ctx, id, patch, seen.version()?).await?;
    Ok(body(&web, connection).await?)
}

/// Give another token
///
/// An active connection tries it first, and keeps the old one when it is refused. 409 `deactivate_first` where the
/// application wants it so.
#[utoipa::path(put, path = "/applications/{id}/provisioning/token", tag = "Identity management",
    request_body = TokenInput,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connection", body = ProvisioningBody)))]
async fn set_token(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Input(input, _): Input<TokenInput>,
) -> Answer<Tagged<ProvisioningBody>> {
    let credentials = one_secret(input.token, input.auth)?
        .ok_or_else(|| Error::field("token", "required", "Give the token, or auth."))?;
    let secret = NewSecret { credentials, expires_at: input.token_expires_at };
    let connection = web.provisioning.connections().set_secret(&caller.ctx, id, secret).await?;
    Ok(body(&web, connection).await?)
}

/// Activate identity management
///
/// The application is asked: what it is, one filtered read of people, and one of groups if they are managed. Only then is
/// anything sent. A refusal says what failed, and nothing changes.
#[utoipa::path(post, path = "/applications/{id}/provisioning/activate", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connection, active and verified", body = ProvisioningBody)))]
async fn activate(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let connection = shared.provisioning.connections().activate(&ctx, id).await?;
        Ok(body(&shared, connection).await?)
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// Deactivate identity management
///
/// Nothing is sent any more. What is there stays as it is, and is remembered for when it is activated again.
#[utoipa::path(post, path = "/applications/{id}/provisioning/deactivate", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The connection, inactive", body = ProvisioningBody)))]
async fn deactivate(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let connection = shared.provisioning.connections().deactivate(&ctx, id).await?;
        Ok(body(&shared, connection).await?)
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// Reconcile now
///
/// Everything there is read and held against what it should be, as it happens every night. What was changed or is missing
/// is put right; what is none of ours is counted and never touched. Nothing is changed when it can't be read whole.
#[utoipa::path(post, path = "/applications/{id}/provisioning/reconcile", tag = "Identity management",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "What was found", body = Drift)))]
async fn reconcile(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move { Ok(axum::Json(shared.provisioning.reconcile(&ctx, id).await?)) };
    key.once(web, &caller, &[], Box::pin(work)).await
}
