//! The service provider's own word about itself: metadata by upload or paste, and its certificates. Applying it is an
//! explicit act that names every difference; a dry run stores nothing (decision 9).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};

use crate::applications::model::Application;
use crate::applications::sp_algorithms::{choose, listed};
use crate::applications::sso::{artifact_needs_certificate, patched};
use crate::applications::update::{check_version, save};
use crate::applications::{group_rules, locked};
use crate::base::binding::AcsBinding;
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, FieldError, Kind, Result, Timestamp};
use crate::catalog::model::PlaceholderKind;
use crate::catalog::placeholder::{Part, Values, parts, unfilled};
use crate::catalog::sso::{
    AcsUrlForm, AttributeService, Change, EncryptionAlgorithm, KeyTransport, ListedAlgorithms, NameIdPatch,
    RequestedAttribute, SignMode, Slo, SsoPatch, SsoSettings,
};
use crate::db::{Db, Executor, Tx};
use crate::events::EventName;
use crate::keys::{self, KeyState};
use crate::saml::certificate::{Certificate, parse_certificate};
use crate::saml::encrypt::Recipient;
use crate::saml::metadata::{
    KeyUse, MetadataFault, Picked, SpMetadata, Trust, Wanted, read_signed_sp_metadata, read_sp_metadata,
};
use crate::saml::names::{BINDING_POST, BINDING_REDIRECT, BINDING_SOAP};

/// ACS URLs that are looked at for values of placeholders.
const MOST_ACS_URLS: usize = 10;

/// One difference between what is stored and what the metadata says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldChange {
    /// Name of the field.
    pub field: String,
    /// What is stored.
    #[schema(value_type = Object)]
    pub old: serde_json::Value,
    /// What would be, or is now.
    #[schema(value_type = Object)]
    pub new: serde_json::Value,
}

/// What an upload comes to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The application afterwards; on a dry run, as it would be.
    pub application: Application,
    /// What differs.
    pub changes: Vec<FieldChange>,
    /// What is odd but usable, in words.
    pub warnings: Vec<String>,
}

/// What metadata asks for, whatever application it is meant for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    patch: SsoPatch,
    wants_signed_assertions: bool,
    algorithms: ListedAlgorithms,
    warnings: Vec<String>,
    /// When it ceases to be valid.
    pub valid_until: Option<Timestamp>,
    /// How long it may be kept before it is fetched again, in milliseconds.
    pub cache_duration: Option<i64>,
}

impl Reading {
    /// Digest of what it asks for: two documents that ask for the same have the same, whatever else they say.
    pub fn revision(&self) -> Result<String> {
        let text = serde_json::to_vec(&(&self.patch, self.wants_signed_assertions, &self.algorithms))
            .map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(&sha256(&text)[..16]))
    }

    /// What is odd but usable, in words.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Reads the service provider's metadata; `wanted` picks one of several. It may be two MiB of XML with many
/// certificates, so it is work for the pool of cores, not for the reactor (AV-08).
pub fn read(xml: &[u8], wanted: Wanted<'_>, now: Timestamp) -> Result<Reading> {
    let metadata = read_sp_metadata(xml, wanted, now, false).map_err(|fault| refusal(&fault))?;
    reading(&metadata, now)
}

/// The same for metadata that must be signed by a key known from elsewhere (MD-307).
pub fn read_signed(xml: &[u8], wanted: Wanted<'_>, now: Timestamp, trust: &Trust) -> Result<Reading> {
    let metadata = read_signed_sp_metadata(xml, wanted, now, false, trust);
    reading(&metadata.map_err(|fault| refusal(&fault))?, now)
}

/// The same for an entity that was picked out of an aggregate, signed or not.
pub fn read_picked(picked: &Picked, now: Timestamp) -> Result<Reading> {
    let wanted = Some(picked.entity_id.as_str());
    let metadata = read_sp_metadata(picked.xml.as_bytes(), wanted, now, false);
    let mut metadata = metadata.map_err(|fault| refusal(&fault))?;
    metadata.valid_until = metadata.valid_until.into_iter().chain(picked.valid_until).min();
    metadata.cache_duration = metadata.cache_duration.into_iter().chain(picked.cache_duration).min();
    reading(&metadata, now)
}

fn reading(metadata: &SpMetadata, now: Timestamp) -> Result<Reading> {
    let algorithms = listed(metadata);
    let mut warnings = warnings(metadata, now);
    if algorithms.forbids_encryption() {
        let sentence = "It lists only ways to encrypt that are broken and not used here, so assertions can't be encrypted for it.";
        warnings.push(sentence.to_owned());
    }
    Ok(Reading {
        patch: patch_of(metadata)?,
        wants_signed_assertions: metadata.want_assertions_signed == Some(true),
        algorithms,
        warnings,
        valid_until: metadata.valid_until,
        cache_duration: metadata.cache_duration,
    })
}

/// Takes what [`read`] found: entity ID, ACS URLs, certificates, addresses for logout, whether it signs its requests, and
/// its preferred NameID format replace what is stored.
pub async fn apply(db: &Db, ctx: &Ctx, id: ApplicationId, reading: Reading, mode: Mode) -> Result<Applied> {
    let mut tx = db.begin().await?;
    let applied = apply_in(&mut tx, ctx, id, reading, mode).await?;
    if !mode.dry_run {
        tx.commit().await?;
    }
    Ok(applied)
}

/// [`apply`] in the caller's transaction.
pub(in crate::applications) async fn apply_in(
    tx: &mut Tx,
    ctx: &Ctx,
    id: ApplicationId,
    reading: Reading,
    mode: Mode,
) -> Result<Applied> {
    let old = locked(tx, id).await?;
    check_version(&old, mode.if_version)?;
    let warnings = reading.warnings.clone();
    let new = changed_by(tx, &old, reading).await?;
    let changes = changes(&old, &new)?;
    let application = if mode.dry_run {
        group_rules::shown(tx, new).await?
    } else {
        save(tx, ctx, &old, new, EventName::ApplicationUpdate).await?
    };
    Ok(Applied { application, changes, warnings })
}

/// The application as it would be.
pub(in crate::applications) async fn changed_by(
    executor: &mut impl Executor,
    old: &Application,
    reading: Reading,
) -> Result<Application> {
    let mut patch = reading.patch;
    // Whoever wants assertions signed gets them signed; how else to sign stays the administrator's choice (SAML-207).
    if reading.wants_signed_assertions && old.sso.sign == SignMode::Response {
        patch.sign = Change::Set(SignMode::Both);
    }
    let keys = keys::list(executor, old.id).await?;
    let key = keys.iter().find(|key| key.state == KeyState::Current).map(|key| key.key_type);
    choose(reading.algorithms, &old.sso, key, &mut patch)?;
    let told = told_by(&patch, old);
    let mut new = patched(old, patch)?;
    new.placeholders.extend(told);
    Ok(new)
}

/// The values of placeholders that are not filled in yet and follow from the entity ID and an ACS URL, where these are just
/// what the application's templates come to. What would be a whole host has to stand in both: it may lead elsewhere too.
fn told_by(patch: &SsoPatch, old: &Application) -> Values {
    let declared = &old.made_from.placeholders;
    let (Some(template), Some(entity_id)) = (&old.sso.sp_entity_id, patch.sp_entity_id.set_value()) else {
        return Values::new();
    };
    let acs_urls = patch.acs_urls.set_value().into_iter().flatten().take(MOST_ACS_URLS);
    let by_acs =
        acs_urls.flat_map(|acs| old.sso.acs_urls.iter().map(move |own| (Source::AcsUrl, &acs.url, &own.url)));
    let mut said: BTreeMap<String, Vec<(Source, String)>> = BTreeMap::new();
    for (source, text, template) in std::iter::once((Source::EntityId, entity_id, template)).chain(by_acs) {
        let asked_for_whole = matches!(parts(template, declared).as_slice(), [Part::Token(_)]);
        let values = if asked_for_whole { None } else { unfilled(text, template, declared) };
        for (token, value) in values.unwrap_or_default() {
            said.entry(token).or_default().push((source, value));
        }
    }
    let is_host = |token: &str| {
        let kind = declared.get(token).map(|placeholder| placeholder.kind);
        matches!(kind, Some(PlaceholderKind::Host | PlaceholderKind::HostPort))
    };
    let told = said.into_iter().filter_map(|(token, said)| {
        let (first, value) = said.first()?;
        // Two that disagree tell nothing.
        let agree = said.iter().all(|(_, other)| other == value);
        let stands_in_both = said.iter().any(|(source, _)| source != first);
        let is_told = agree && (stands_in_both || !is_host(&token)) && !old.placeholders.contains_key(&token);
        is_told.then(|| (token, value.clone()))
    });
    told.collect()
}

/// Which field of metadata a value of a placeholder was read from.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    EntityId,
    AcsUrl,
}

/// How [`apply`] goes about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mode {
    /// Show what would change, store nothing.
    pub dry_run: bool,
    /// Refuse when the application has changed since this version.
    pub if_version: Option<i64>,
}

/// The refusal for a fault, with the entity IDs to choose from where one is missing.
pub(in crate::applications) fn refusal(fault: &MetadataFault) -> Error {
    let mut error = Error::new(Kind::Invalid, fault.code(), fault.to_string());
    if let MetadataFault::EntityIdRequired(choices) | MetadataFault::EntityUnknown(choices) = fault {
        error.fields = choices
            .entity_ids
            .iter()
            .map(|id| FieldError {
                field: "entity_id".to_owned(),
                code: "choice".into(),
                message: id.clone(),
            })
            .collect();
    }
    error
}

fn patch_of(metadata: &SpMetadata) -> Result<SsoPatch> {
    let mut acs: Vec<AcsUrlForm> = Vec::new();
    // An artifact is only of use to whoever can sign a request for what it stands for.
    let can_sign = metadata.certificates.iter().any(|entry| entry.usage != KeyUse::Encryption);
    for service in &metadata.acs {
        let usable = |binding: &AcsBinding| can_sign || *binding != AcsBinding::Artifact;
        let Some(binding) = service.binding.filter(usable) else { continue };
        if acs.iter().all(|known| known.url != service.url || known.binding != Some(binding)) {
            acs.push(AcsUrlForm {
                url: service.url.clone(),
                index: service.index,
                default: service.is_default.filter(|_| binding.is_of_browsers()),
                binding: Some(binding),
            });
        }
    }
    if acs.iter().all(|acs| acs.binding == Some(AcsBinding::Paos)) {
        return Err(artifact_needs_certificate("metadata"));
    }
    // Several may say isDefault; the first counts (Metadata 2.4.4).
    let mut seen = false;
    for service in &mut acs {
        if service.default == Some(true) {
            if seen {
                service.default = Some(false);
            }
            seen = true;
        }
    }
    // A certificate without a word of its use is for both (MD-304).
    let but_for = |other: KeyUse| -> Vec<String> {
        let entries = metadata.certificates.iter().filter(|entry| entry.usage != other);
        entries.map(|entry| entry.certificate.to_pem()).collect()
    };
    let mut patch = SsoPatch {
        sp_entity_id: Change::Set(metadata.entity_id.clone()),
        acs_urls: Change::Set(acs),
        sp_certificates: Change::Set(but_for(KeyUse::Encryption)),
        sp_encryption_certificates: Change::Set(but_for(KeyUse::Signing)),
        slo: Change::Set(logout_of(metadata).replacing()),
        ..SsoPatch::default()
    };
    let services = metadata.attribute_services.iter().map(|service| AttributeService {
        index: service.index,
        attributes: service
            .attributes
            .iter()
            .map(|asked| RequestedAttribute { name: asked.name.clone(), required: asked.is_required })
            .collect(),
    });
    patch.attribute_services = Change::Set(services.collect());
    if let Some(signed) = metadata.authn_requests_signed {
        patch.require_signed_requests = Change::Set(signed);
    }
    if let Some(identifier) = metadata.subject_identifier {
        patch.subject_identifier = Change::Set(identifier);
    }
    if let Some(format) = metadata.preferred_name_id_format() {
        let part: NameIdPatch =
            serde_json::from_value(serde_json::json!({ "format": format })).map_err(Error::internal)?;
        patch.name_id = Change::Set(part);
    }
    Ok(patch)
}

/// The addresses for logout: the first of each binding counts.
fn logout_of(metadata: &SpMetadata) -> Slo {
    let first = |binding: &str| metadata.single_logout.iter().find(|service| service.binding == binding);
    let elsewhere = |binding: &str| first(binding).and_then(|service| service.response_location.clone());
    let at = |binding: &str| first(binding).map(|service| service.location.clone());
    Slo {
        redirect_url: at(BINDING_REDIRECT),
        redirect_response_url: elsewhere(BINDING_REDIRECT),
        post_url: at(BINDING_POST),
        post_response_url: elsewhere(BINDING_POST),
        soap_url: at(BINDING_SOAP),
    }
}

fn warnings(metadata: &SpMetadata, now: Timestamp) -> Vec<String> {
    let mut out: Vec<String> = metadata
        .certificates
        .iter()
        .flat_map(|entry| entry.certificate.warnings(now))
        .map(|warning| warning.sentence().to_owned())
        .collect();
    out.extend(metadata.refused_certificates.iter().map(|fault| fault.sentence().to_owned()));
    out.dedup();
    out
}

/// Every setting for single sign-on, and every value of a placeholder, in which two states of an application differ.
pub fn changes(old: &Application, new: &Application) -> Result<Vec<FieldChange>> {
    let object = |settings: &SsoSettings| match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::internal("settings are not an object")),
        Err(error) => Err(Error::internal(error)),
    };
    let (before, after) = (object(&old.sso)?, object(&new.sso)?);
    let mut out = Vec::new();
    for (field, value) in after {
        let earlier = before.get(&field).cloned().unwrap_or_default();
        if earlier != value {
            out.push(FieldChange { field, old: earlier, new: value });
        }
    }
    for (token, value) in &new.placeholders {
        let earlier = old.placeholders.get(token);
        if earlier != Some(value) {
            let field = format!("placeholders.{token}");
            out.push(FieldChange { field, old: earlier.cloned().into(), new: value.clone().into() });
        }
    }
    Ok(out)
}

/// Whether a certificate that is given for `usage` goes among those to encrypt for. One without an RSA key can't, and is
/// refused where it is for nothing else.
pub fn encrypts_for(certificate: &Certificate, usage: KeyUse) -> Result<bool> {
    if usage == KeyUse::Signing {
        return Ok(false);
    }
    let can = Recipient::of(certificate, EncryptionAlgorithm::default(), KeyTransport::default()).is_some();
    if !can && usage == KeyUse::Encryption {
        return Err(Error::field(
            "certificate",
            "certificate_not_for_encryption",
            "Nothing can be encrypted for a key of this kind. Upload a certificate with an RSA key.",
        ));
    }
    Ok(can)
}

/// Reads an uploaded certificate (PEM or DER): work for the pool of cores, too.
pub fn read_certificate(bytes: &[u8]) -> Result<Certificate> {
    parse_certificate(bytes)
        .map_err(|fault| Error::field("certificate", fault.code(), fault.sentence().to_owned()))
}

/// Replaces the service provider's certificates for `usage` by this one.
pub async fn set_certificate(
    db: &Db,
    ctx: &Ctx,
    id: ApplicationId,
    certificate: &Certificate,
    usage: KeyUse,
    if_version: Option<i64>,
) -> Result<(Application, Vec<String>)> {
    let mut patch = SsoPatch::default();
    if usage != KeyUse::Encryption {
        patch.sp_certificates = Change::Set(vec![certificate.to_pem()]);
    }
    let encrypts = encrypts_for(certificate, usage)?;
    if encrypts {
        patch.sp_encryption_certificates = Change::Set(vec![certificate.to_pem()]);
    }
    let application = crate::applications::sso::patch(db, ctx, id, patch, if_version).await?;
    let odd = certificate.warnings(ctx.now()).into_iter().map(|warning| warning.sentence().to_owned());
    let mut warnings: Vec<String> = odd.collect();
    if usage == KeyUse::Both && !encrypts && !application.sso.sp_encryption_certificates.is_empty() {
        let sentence = "Nothing can be encrypted for a key of this kind, so it replaces the certificate for signatures only: the one before is still encrypted for. Upload one with an RSA key for encryption (use=encryption), or take the one before away.";
        warnings.push(sentence.to_owned());
    }
    Ok((application, warnings))
}
