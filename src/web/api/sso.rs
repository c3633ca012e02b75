//! Single sign-on settings of an application.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::applications::lint::{Finding, lint};
use crate::applications::sp_metadata::{self, FieldChange, Mode};
use crate::applications::sso::{self, SsoView};
use crate::applications::{self, Application, Status};
use crate::base::Error;
use crate::base::binding::AcsBinding;
use crate::base::encryption::KeyUse;
use crate::base::id::ApplicationId;
use crate::base::name_id::NameIdFormat;
use crate::catalog::placeholder::Missing;
use crate::catalog::sso::{
    AttributeForm, AttributeService, AuthnContextClass, DenyTo, EncryptionAlgorithm, IdpInitiated,
    KeyTransport, ListedAlgorithms, Profile, SignMode, SignatureAlgorithm, SsoPatch, SubjectIdentifier,
};
use crate::saml::metadata::Wanted;
use crate::web::api::answer::{Listing, Tagged};
use crate::web::api::applications::ApplicationView;
use crate::web::api::input::{Id, Input, Query, media_type, require_type, switch};
use crate::web::api::once::Key;
use crate::web::api::precondition::IfMatch;
use crate::web::api::section::{Section, operations};
use crate::web::api::sp_source::{self, MetadataUrl};
use crate::web::error::Answer;
use crate::web::extract::permission::{ApplicationsRead, ApplicationsWrite};
use crate::web::extract::{ApiToken, RawBody};
use crate::web::state::Shared;

const METADATA_TYPES: [&str; 3] = ["application/samlmetadata+xml", "application/xml", "text/xml"];
const CERTIFICATE_TYPES: [&str; 6] = [
    "application/x-pem-file",
    "application/pem-certificate-chain",
    "application/x-x509-ca-cert",
    "application/pkix-cert",
    "text/plain",
    "application/octet-stream",
];

/// The operations.
pub fn section() -> Section {
    operations!(show, change, activate, deactivate, put_metadata, put_certificate, findings)
}

/// A field that may hold placeholders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Templated {
    /// As it is stored.
    template: String,
    /// What it comes to; `null` while a placeholder is not filled.
    value: Option<String>,
}

/// An assertion consumer service.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SsoAcsUrl {
    url: Templated,
    /// Index in metadata and requests.
    index: u16,
    /// Whether it is used when a request names none.
    default: bool,
    /// How it takes responses.
    binding: AcsBinding,
}

/// Where the application takes logout messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the settings that it describes")]
pub struct SsoSlo {
    /// By HTTP-Redirect.
    redirect_url: Option<Templated>,
    /// LogoutResponses by HTTP-Redirect, when elsewhere.
    redirect_response_url: Option<Templated>,
    /// By HTTP-POST.
    post_url: Option<Templated>,
    /// LogoutResponses by HTTP-POST, when elsewhere.
    post_response_url: Option<Templated>,
    /// By SOAP, from server to server.
    soap_url: Option<Templated>,
}

/// The NameID.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SsoNameId {
    /// Last part of the format's URN.
    format: NameIdFormat,
    /// Property it is taken from; or `constant`, `groups` or `by_group` stands here.
    source: Option<String>,
}

/// The settings as they are shown. This type only describes them: templated fields become [`Templated`].
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Sso)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the settings page")]
pub struct SsoShape {
    /// Values of the connector's placeholders; `null` for one that is not filled.
    placeholders: BTreeMap<String, Option<String>>,
    /// The deployment profile that they keep to.
    profile: Profile,
    /// Entity ID of the IdP towards this application.
    idp_entity_id: String,
    /// The application's entity ID.
    sp_entity_id: Option<Templated>,
    /// Assertion consumer services.
    acs_urls: Vec<SsoAcsUrl>,
    name_id: SsoNameId,
    /// Name nobody: assertions without a NameID.
    omit_name_id: bool,
    /// An identifier of the person that goes along as an attribute.
    subject_identifier: SubjectIdentifier,
    /// What is signed.
    sign: SignMode,
    /// How it is signed.
    signature_algorithm: SignatureAlgorithm,
    /// Encrypt the assertion; the response is then always signed.
    encrypt_assertion: bool,
    /// Encrypt the NameID inside the assertion.
    encrypt_name_id: bool,
    /// The cipher of what is encrypted.
    encryption_algorithm: EncryptionAlgorithm,
    /// How the cipher's key is carried.
    key_transport: KeyTransport,
    /// Refuse requests without a valid signature.
    require_signed_requests: bool,
    /// Accept requests without `Destination`.
    allow_missing_destination: bool,
    /// Accept an enveloped signature on the Redirect binding.
    redirect_enveloped_signature: bool,
    /// Sign error responses to browsers without a session too.
    sign_error_responses: bool,
    /// RelayState of a sign-on that Tessera begins.
    default_relay_state: Option<Templated>,
    /// RelayState values that a link may carry; `*` stands for any.
    relay_states: Vec<Templated>,
    /// Refuse a RelayState of more than 80 bytes.
    strict_relay_state: bool,
    /// Where the tile starts, so that the application begins.
    login_url: Option<Templated>,
    /// What a visit to the IdP URL without a request does.
    idp_initiated: IdpInitiated,
    /// Who is told when a person has no access.
    deny_to: DenyTo,
    /// Authentication context classes that the application asks for, weakest first.
    authn_contexts: Vec<AuthnContextClass>,
    /// Sets of attributes that its metadata names.
    attribute_services: Vec<AttributeService>,
    /// Algorithms that its metadata lists: what is sent keeps to them.
    listed_algorithms: ListedAlgorithms,
    /// Attributes, in order; constants are shown as `{template, value}`.
    #[schema(value_type = Vec<AttributeForm>)]
    attributes: Vec<()>,
    /// The application's certificates for signatures, PEM.
    sp_certificates: Vec<String>,
    /// The application's certificates to encrypt for, PEM.
    sp_encryption_certificates: Vec<String>,
    /// Where the application takes logout messages.
    slo: SsoSlo,
    /// Let clients without a browser sign people in with username and password.
    ecp: bool,
    /// What is not filled in yet, and where it is used.
    missing: Vec<Missing>,
    /// Whether people can use it.
    status: Status,
}

fn shown(application: &Application) -> Answer<Tagged<SsoView>> {
    if application.kind != applications::Kind::Saml {
        return Err(Error::conflict(
            "not_saml",
            "A bookmark only opens an address. It has no single sign-on settings.",
        )
        .into());
    }
    Ok(Tagged(application.version, sso::view(application)?))
}

/// Show single sign-on settings
#[utoipa::path(get, path = "/applications/{id}/sso", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The settings", body = SsoShape)))]
async fn show(
    _: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Tagged<SsoView>> {
    let application = applications::require(&mut web.installation.db.reader(), id).await?;
    shown(&application)
}

/// Change single sign-on settings
///
/// What is left out stays, `null` brings a field back to its default, objects merge and lists replace (RFC 7396).
/// Answers the whole, with what is still missing.
#[utoipa::path(patch, path = "/applications/{id}/sso", tag = "Single sign-on", request_body = SsoPatch,
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The settings now", body = SsoShape)))]
async fn change(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    Input(patch, _): Input<SsoPatch>,
) -> Answer<Tagged<SsoView>> {
    let installation = &web.installation;
    let changed = sso::patch(&installation.db, &caller.ctx, id, patch, seen.version()?).await?;
    shown(&changed)
}

/// Activate an application
///
/// Refused with 422 `placeholders_unfilled` or `sso_incomplete` while something is missing.
#[utoipa::path(post, path = "/applications/{id}/sso/activate", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The application, active", body = ApplicationView)))]
async fn activate(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let installation = &shared.installation;
        let changed = sso::activate(&installation.db, &ctx, id, seen.version()?).await?;
        Ok(ApplicationView::tagged(&shared, &changed))
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// Deactivate an application
///
/// Nobody signs on to it any more, at once; nothing else about it changes.
#[utoipa::path(post, path = "/applications/{id}/sso/deactivate", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "The application, inactive", body = ApplicationView)))]
async fn deactivate(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    seen: IfMatch,
    key: Key,
) -> Answer<Response> {
    let (ctx, shared) = (caller.ctx.clone(), web.clone());
    let work = async move {
        let installation = &shared.installation;
        let changed = sso::deactivate(&installation.db, &ctx, id, seen.version()?).await?;
        Ok(ApplicationView::tagged(&shared, &changed))
    };
    key.once(web, &caller, &[], Box::pin(work)).await
}

/// What is odd about an application's sign-on
///
/// Each finding has a stable code, its severity (`fault`, `warning`, `note`; faults first) and its repair.
#[utoipa::path(get, path = "/applications/{id}/findings", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application")),
    responses((status = 200, description = "Findings", body = Listing<Finding>)))]
async fn findings(
    caller: ApiToken<ApplicationsRead>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
) -> Answer<Listing<Finding>> {
    let mut reader = web.installation.db.reader();
    let application = applications::require(&mut reader, id).await?;
    let items = lint(&mut reader, &web.installation.catalog, &application, caller.ctx.now()).await?;
    Ok(Listing { items, next_cursor: None })
}

/// How to take metadata.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetadataQuery {
    /// Say what would change, store nothing.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
    /// Which of several entities. Without it 422 `entity_id_required` names the first hundred.
    entity_id: Option<String>,
    /// Name only entities with this in their entity ID or a name.
    q: Option<String>,
}

/// What an upload came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MetadataAnswer {
    /// Whether nothing was stored.
    pub(super) dry_run: bool,
    /// Every field that differs, before and after.
    pub(super) changes: Vec<FieldChange>,
    /// What is odd but usable.
    pub(super) warnings: Vec<String>,
    /// Digest of what the metadata asks for.
    pub(super) revision: String,
    /// The settings afterwards; on a dry run, as they would be.
    #[schema(value_type = SsoShape)]
    pub(super) sso: SsoView,
}

/// Take the application's metadata
///
/// Entity ID, ACS URLs, certificates and NameID format of the metadata replace what is stored, and placeholders that follow from
/// the entity ID and the ACS URLs are filled in where they are empty. It is sent as XML of up to
/// 2 MiB, or fetched from an address that is sent as JSON; that may be a federation's aggregate of up to 64 MiB. It is
/// then fetched again on schedule, and what a later copy changes waits to be accepted.
#[utoipa::path(put, path = "/applications/{id}/sp-metadata", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application"), MetadataQuery),
    request_body(content((String = "application/samlmetadata+xml"), (String = "application/xml"), (MetadataUrl = "application/json"))),
    responses((status = 200, description = "What changed", body = MetadataAnswer)))]
async fn put_metadata(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Query(query): Query<MetadataQuery>,
    seen: IfMatch,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> Answer<Tagged<MetadataAnswer>> {
    let dry_run = switch("dry_run", query.dry_run.as_deref())?;
    let mode = Mode { dry_run, if_version: seen.version()? };
    if media_type(&headers) == "application/json" {
        return sp_source::put(&web, &caller.ctx, id, &bytes, (query.entity_id, query.q), mode).await;
    }
    require_type(&headers, "application/samlmetadata+xml", &METADATA_TYPES)?;
    let db = &web.installation.db;
    let now = caller.ctx.now();
    let read = move || {
        let wanted = Wanted { entity_id: query.entity_id.as_deref(), search: query.q.as_deref() };
        sp_metadata::read(&bytes, wanted, now)
    };
    let reading = web.installation.on_cpu(read).await??;
    let revision = reading.revision()?;
    let applied = sp_metadata::apply(db, &caller.ctx, id, reading, mode).await?;
    let sso = sso::view(&applied.application)?;
    let answer =
        MetadataAnswer { dry_run, changes: applied.changes, warnings: applied.warnings, revision, sso };
    Ok(Tagged(applied.application.version, answer))
}

/// What a certificate is for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CertificateQuery {
    /// `signing`, `encryption` or `both`, as it is without a word.
    #[serde(rename = "use")]
    #[param(value_type = Option<String>)]
    usage: Option<String>,
}

/// What a certificate came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificateAnswer {
    /// What is odd but usable.
    warnings: Vec<String>,
    /// The settings now.
    #[schema(value_type = SsoShape)]
    sso: SsoView,
}

/// Set the application's certificate
///
/// PEM or DER; replaces the certificates that are stored for its use. One that says nothing of its use is for signatures
/// and for encryption; where nothing can be encrypted for its key, it is for signatures alone, and `warnings` say so when
/// another one stays for encryption.
#[utoipa::path(put, path = "/applications/{id}/sp-certificate", tag = "Single sign-on",
    params(("id" = String, Path, description = "Id of the application"), CertificateQuery),
    request_body(content((String = "application/x-pem-file"), (Vec<u8> = "application/pkix-cert"))),
    responses((status = 200, description = "Set", body = CertificateAnswer)))]
async fn put_certificate(
    caller: ApiToken<ApplicationsWrite>,
    State(web): State<Shared>,
    Id(id): Id<ApplicationId>,
    Query(query): Query<CertificateQuery>,
    seen: IfMatch,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> Answer<Tagged<CertificateAnswer>> {
    let wanted = query.usage.as_deref().unwrap_or(KeyUse::default().as_str());
    let usage = KeyUse::ALL
        .iter()
        .copied()
        .find(|usage| usage.as_str() == wanted)
        .ok_or_else(|| Error::field("use", "unknown_value", "Write signing, encryption or both."))?;
    require_type(&headers, "application/x-pem-file", &CERTIFICATE_TYPES)?;
    let db = &web.installation.db;
    let version = seen.version()?;
    let certificate = web.installation.on_cpu(move || sp_metadata::read_certificate(&bytes)).await??;
    let (application, warnings) =
        sp_metadata::set_certificate(db, &caller.ctx, id, &certificate, usage, version).await?;
    let sso = sso::view(&application)?;
    Ok(Tagged(application.version, CertificateAnswer { warnings, sso }))
}
