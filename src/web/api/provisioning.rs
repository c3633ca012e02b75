//! Identity management of an application: its connection, a dry run, and holding it against what is there.

use axum::extract::State;
use axum::response::Response;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::applications;
use crate::base::id::ApplicationId;
use crate::base::{Error, Timestamp};
use crate::catalog::mapping::{Mapping, MappingForm};
use crate::catalog::model::ScimAuth;
use crate::provisioning::connection::{self, ConnectionPatch, NewSecret};
use crate::provisioning::engine::dry_run::{DryRun, Planned, Step};
use crate::provisioning::engine::reconcile::Drift;
use crate::provisioning::model::{
    Change, Connection, ConnectionStatus, OnUserDelete, ResourceKind, State as Standing,
};
use crate::provisioning::state;
use crate::provisioning::{Credentials, address, tls};
use crate::web::api::answer::Tagged;
use crate::web::api::input::{Id, Input, optional};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::provisioning_certificate::ProvisioningCertificate;
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(show, put, set_token, activate, deactivate, dry_run, reconcile)
}

/// How Tessera proves itself to a SCIM service. Never shown again.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// A token.
    Bearer {
        /// The token.
        #[schema(value_type = String)]
        token: SecretString,
    },
    /// Username and password.
    Basic {
        /// Username.
        username: String,
        /// Password.
        #[schema(value_type = String)]
        password: SecretString,
    },
    /// A token that is fetched with client credentials (RFC 6749 4.4).
    Oauth2ClientCredentials {
        /// Where it is fetched.
        token_url: String,
        /// Id of the client.
        client_id: String,
        /// Secret of the client.
        #[schema(value_type = String)]
        client_secret: SecretString,
        /// What it is asked for.
        #[serde(default)]
        scope: Option<String>,
    },
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(..)")
    }
}

impl From<Auth> for Credentials {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::Bearer { token } => Self::Bearer { token },
            Auth::Basic { username, password } => Self::Basic { username, password },
            Auth::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
                Self::Oauth2ClientCredentials { token_url, client_id, client_secret, scope }
            }
        }
    }
}

/// Changes of a connection; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisioningInput {
    /// Base URL of the SCIM service; placeholders may stand in it. Empty: the connector's. Another address drops the
    /// token.
    #[serde(default)]
    base_url: Option<String>,
    /// A bearer token; the short form of `auth`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// How Tessera proves itself there.
    #[serde(default)]
    auth: Option<Auth>,
    /// When the secret ends, so that you are warned before.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    token_expires_at: Option<Timestamp>,
    /// Whether groups, and who is in them, are sent.
    #[serde(default)]
    manage_groups: Option<bool>,
    /// What becomes of the account of a person who is deleted here.
    #[serde(default)]
    on_user_delete: Option<OnUserDelete>,
    /// What somebody has to say yes to: `create`, `update`, `delete`.
    #[serde(default)]
    require_approval: Option<Vec<Change>>,
    /// The mapping, whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<MappingForm>>)]
    mappings: Option<Vec<Mapping>>,
    /// Certificates (PEM, at most 64 KiB) of the authorities that are trusted for this application in place of the public
    /// ones. Empty: the public ones. Another choice drops the token.
    #[serde(default)]
    ca_certificate: Option<String>,
}

impl ProvisioningInput {
    fn into_patch(self) -> Result<ConnectionPatch, Error> {
        let credentials = one_secret(self.token, self.auth)?;
        if credentials.is_none() && self.token_expires_at.is_some() {
            return Err(Error::field(
                "token_expires_at",
                "token_needed",
                "Give it together with the token it is of.",
            ));
        }
        let expires_at = self.token_expires_at;
        Ok(ConnectionPatch {
            base_url: self.base_url,
            manage_groups: self.manage_groups,
            on_user_delete: self.on_user_delete,
            require_approval: self.require_approval,
            mappings: self.mappings,
            ca_certificate: self.ca_certificate,
            secret: credentials.map(|credentials| NewSecret { credentials, expires_at }),
        })
    }
}

fn one_secret(token: Option<SecretString>, auth: Option<Auth>) -> Result<Option<Credentials>, Error> {
    match (token, auth) {
        (Some(_), Some(_)) => Err(Error::field("token", "two_secrets", "Give token or auth, not both.")),
        (Some(token), None) => Ok(Some(connection::bearer(token))),
        (None, auth) => Ok(auth.map(Credentials::from)),
    }
}

/// Another secret.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenInput {
    /// A bearer token; the short form of `auth`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// How Tessera proves itself there.
    #[serde(default)]
    auth: Option<Auth>,
    /// When the secret ends.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    token_expires_at: Option<Timestamp>,
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
        failed: counts.of(kind, Standing::Failed),
        conflict: counts.of(kind, Standing::Conflict),
        awaiting_approval: counts.of(kind, Standing::AwaitingApproval),
        drift: counts.of(kind, Standing::Drift),
        accepted: counts.of(kind, Standing::Accepted),
    };
    let (catalog, outbound) = (&installation.catalog, &installation.outbound);
    let certificate = tls::certificate(&connection, &connection::quirks(catalog, &application))?;
    let settings = &connection.settings;
    let resolved_url = address::base_url(catalog, outbound, &application, settings).ok();
    // A secret that was given for another address is as good as none.
    let fits = connection.secret_for.is_some() && connection.secret_for == resolved_url;
    let body = ProvisioningBody {
        status: connection.status,
        base_url: address::base_template(catalog, &application, settings),
        resolved_url,
        auth: connection.auth.filter(|_| fits),
        token_set_at: connection.secret_set_at.filter(|_| fits),
        token_expires_at: connection.secret_expires_at.filter(|_| fits),
        manage_groups: settings.manage_groups,
        on_user_delete: settings.on_user_delete,
        require_approval: settings.require_approval.clone(),
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
