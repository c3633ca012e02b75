//! The single sign-on settings of an application: reading, changing, activating.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::applications::model::{Application, Kind, Status};
use crate::applications::resolved::resolve;
use crate::applications::update::{check_version, save};
use crate::applications::{group_rules, locked};
use crate::base::binding::AcsBinding;
use crate::base::id::ApplicationId;
use crate::base::urls::is_absolute_uri;
use crate::base::{Ctx, Error, FieldError, Result};
use crate::catalog::model::{Placeholder, PlaceholderKind};
use crate::catalog::placeholder::{Missing, Scope, check_value, extract_one};
use crate::catalog::sso::{Change, SsoPatch, SsoSettings};
use crate::db::{Db, Tx, is_unique_violation};
use crate::events::EventName;
use crate::keys::{self, KeyState};
use crate::saml::certificate::parse_certificate;
use crate::saml::encrypt::Recipient;

/// Longest entity ID of ours, in characters (MD-301).
const MAX_ENTITY_ID: usize = 256;

/// The settings as the API gives them: each templated field as `{template, value}`.
#[derive(Clone, Debug, Serialize)]
pub struct SsoView {
    /// Values of the connector's placeholders.
    pub placeholders: BTreeMap<String, Option<String>>,
    /// The settings.
    #[serde(flatten)]
    pub settings: Json,
    /// What is not filled in yet, and where it is used.
    pub missing: Vec<Missing>,
    /// Whether people can use it.
    pub status: Status,
}

/// The settings of an application, with what each template comes to.
pub fn view(application: &Application) -> Result<SsoView> {
    let declared = &application.made_from.placeholders;
    let scope = Scope::new(declared, &application.placeholders);
    let mut settings = application.sso.clone();
    settings.idp_entity_id = Some(application.idp_entity_id.clone());
    let mut out = serde_json::to_value(&settings).map_err(Error::internal)?;
    for (field, template) in application.sso.templates() {
        if let Some(place) = out.pointer_mut(&format!("/{}", field.replace('.', "/"))) {
            *place = json!({ "template": template, "value": scope.fill(template).ok() });
        }
    }
    let placeholders = declared
        .keys()
        .map(|token| {
            (token.clone(), application.placeholders.get(token).filter(|value| !value.is_empty()).cloned())
        })
        .collect();
    Ok(SsoView {
        placeholders,
        settings: out,
        missing: scope.missing(&application.sso),
        status: application.status,
    })
}

/// What of an application is not filled in yet, and where it is used.
pub fn missing(application: &Application) -> Vec<Missing> {
    Scope::new(&application.made_from.placeholders, &application.placeholders).missing(&application.sso)
}

/// Carries a patch out. Nothing is stored unless all of it can be accepted; an active application must stay
/// complete.
pub async fn patch(
    db: &Db,
    ctx: &Ctx,
    id: ApplicationId,
    patch: SsoPatch,
    if_version: Option<i64>,
) -> Result<Application> {
    let mut tx = db.begin().await?;
    let new = patch_in(&mut tx, ctx, id, patch, if_version).await?;
    tx.commit().await?;
    Ok(new)
}

/// [`patch`] in the caller's transaction.
pub async fn patch_in(
    tx: &mut Tx,
    ctx: &Ctx,
    id: ApplicationId,
    patch: SsoPatch,
    if_version: Option<i64>,
) -> Result<Application> {
    if let Some(field) = patch.connector_only().first() {
        return Err(Error::field(
            *field,
            "unknown_field",
            format!("{field} belongs to connectors, not to applications."),
        ));
    }
    let old = locked(tx, id).await?;
    check_version(&old, if_version)?;
    let new = patched(&group_rules::shown(tx, old.clone()).await?, patch)?;
    check_algorithm(tx, &new).await?;
    let new = group_rules::stored(tx, new, &[&old.sso]).await?;
    save(tx, ctx, &old, new, EventName::ApplicationUpdate).await.map_err(|error| {
        if is_unique_violation(&error) {
            Error::conflict(
                "entity_id_taken",
                "Another application already has this IdP entity ID. Choose another.",
            )
        } else {
            error
        }
    })
}

/// The application as it would be after a patch; nothing is stored.
pub fn patched(old: &Application, mut patch: SsoPatch) -> Result<Application> {
    require_saml(old)?;
    let mut new = old.clone();
    let mut faults = with_placeholders(&mut new, std::mem::take(&mut patch.placeholders));
    match std::mem::take(&mut patch.idp_entity_id) {
        Change::Keep => {}
        Change::Set(text) if is_absolute_uri(&text) && text.chars().count() <= MAX_ENTITY_ID => {
            new.idp_entity_id = text;
        }
        Change::Set(_) | Change::Reset => faults.push(fault(
            "idp_entity_id",
            "unusable_entity_id",
            "Write the IdP entity ID as an absolute address or URN of at most 256 characters.",
        )),
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    new.sso = new.sso.merged(patch)?;
    accepted(old, new)
}

/// Values of placeholders in one request.
const MOST_PLACEHOLDERS: usize = 100;

/// Puts values of placeholders into an application, `None`: empties one. An address in the place of a value is taken
/// apart. Answers what can't be taken.
pub(in crate::applications) fn with_placeholders(
    new: &mut Application,
    values: BTreeMap<String, Option<String>>,
) -> Vec<FieldError> {
    let connector = Arc::clone(&new.made_from);
    let templates = templates(new);
    let mut faults = Vec::new();
    if values.len() > MOST_PLACEHOLDERS {
        let message = format!("No connector has more than {MOST_PLACEHOLDERS} placeholders.");
        return vec![fault("placeholders", "too_many", message)];
    }
    for (token, value) in values {
        let field = format!("placeholders.{token}");
        let Some(placeholder) = connector.placeholders.get(&token) else {
            faults.push(fault(field, "unknown_placeholder", "The connector has no such placeholder."));
            continue;
        };
        let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) else {
            new.placeholders.remove(&token);
            continue;
        };
        let is_stored = new.placeholders.get(&token).is_some_and(|stored| stored == value);
        let checked = match check_value(placeholder, value) {
            Ok(checked) if is_stored || !value.contains("://") => Ok(checked),
            // Without its scheme an address is told from a value only where a value has neither dots nor slashes.
            checked if !value.contains("://") && placeholder.kind != PlaceholderKind::Label => checked,
            checked => {
                let texts = templates.iter().map(String::as_str);
                taken_apart(placeholder, checked, || {
                    extract_one(value, &token, texts, &connector.placeholders)
                })
            }
        };
        match checked {
            Ok(checked) => drop(new.placeholders.insert(token, checked)),
            Err(message) => faults.push(fault(field, "placeholder_value", message)),
        }
    }
    faults
}

/// What is stored of a text that may be an address with the value in it.
fn taken_apart(
    placeholder: &Placeholder,
    checked: Result<String, String>,
    found: impl FnOnce() -> Option<String>,
) -> Result<String, String> {
    match (placeholder.kind, checked) {
        // An address is what they are, or may be.
        (PlaceholderKind::Url | PlaceholderKind::Opaque, checked) => checked,
        (PlaceholderKind::Query, checked) if placeholder.example.contains("://") => {
            found().map_or(checked, Ok)
        }
        // Whole as it stands, or refused: a port or a path that is cut off would lead elsewhere.
        (_, Ok(_)) => found().ok_or_else(|| {
            format!(
                "The {} is not where it is expected in this address. Give it alone, for example {}.",
                placeholder.label, placeholder.example
            )
        }),
        (_, Err(message)) => found().ok_or(message),
    }
}

/// Every address in which placeholders may stand: the application's, and its connector's.
fn templates(application: &Application) -> Vec<String> {
    let own = application.sso.templates().into_iter().map(|(_, text)| text.to_owned());
    let said = application.made_from.templates().unwrap_or_default();
    own.chain(said.into_iter().map(|(_, text)| text)).collect()
}

/// Judges changed settings as a whole: the application as it is stored then, or why it can't be.
pub(in crate::applications) fn accepted(old: &Application, mut new: Application) -> Result<Application> {
    keep_jit_rows(&mut new)?;
    check_certificates(&mut new.sso)?;
    check_signing(&new.sso)?;
    recipient(&new.sso)?;
    // An application that was set up otherwise before can be changed in everything else.
    if !new.sso.has_algorithms_of(&old.sso) {
        new.sso.check_listed()?;
    }
    if old.is_active() && new.kind == Kind::Saml {
        check_complete(&new)?;
    }
    Ok(new)
}

fn fault(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), code: code.into(), message: message.into() }
}

fn require_saml(application: &Application) -> Result<()> {
    if application.kind == Kind::Saml {
        return Ok(());
    }
    Err(Error::conflict("not_saml", "A bookmark only opens an address. It has no single sign-on settings."))
}

/// The names of attributes from which an application makes accounts are the application's: rows may be switched
/// off and take another source, but neither vanish nor be renamed.
fn keep_jit_rows(application: &mut Application) -> Result<()> {
    let template = application.made_from.sso_settings()?;
    for attribute in &mut application.sso.attributes {
        let fixed = template.attributes.iter().find(|row| row.name == attribute.name && row.jit.is_some());
        attribute.jit = fixed.and_then(|row| row.jit);
        if let Some(row) = fixed {
            attribute.name_format = row.name_format;
        }
    }
    for row in template.attributes.iter().filter(|row| row.jit.is_some()) {
        if !application.sso.attributes.iter().any(|attribute| attribute.name == row.name) {
            return Err(Error::field(
                "attributes",
                "jit_attribute_fixed",
                format!(
                    "{} makes accounts from the attribute {}. Its name can't be changed and its row can't be removed; switch it off instead.",
                    application.label, row.name
                ),
            ));
        }
    }
    Ok(())
}

/// The key that signs must be able to make such signatures (ALG-403).
pub(in crate::applications) async fn check_algorithm(tx: &mut Tx, application: &Application) -> Result<()> {
    let keys = keys::list(tx, application.id).await?;
    let current = keys.iter().find(|key| key.state == KeyState::Current);
    let algorithm = application.sso.signature_algorithm;
    match current {
        Some(key) if !key.key_type.makes(algorithm) => {
            let fitting: Vec<&str> = key.key_type.algorithms().iter().map(|a| a.as_str()).collect();
            Err(Error::field(
                "signature_algorithm",
                "key_type_mismatch",
                format!(
                    "The key that signs for this application is {}, which does not make {algorithm}. Choose {}, or switch to another key first.",
                    key.key_type.label(),
                    fitting.join(" or ")
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses what needs the application's certificate for signatures where there is none.
pub fn check_signing(sso: &SsoSettings) -> Result<()> {
    if sso.require_signed_requests && sso.sp_certificates.is_empty() {
        return Err(Error::field(
            "require_signed_requests",
            "sp_certificate_missing",
            "Upload the application's certificate first: without it no signature can be checked.",
        ));
    }
    let by_artifact = sso.acs_urls.iter().position(|acs| acs.binding == AcsBinding::Artifact);
    match by_artifact {
        Some(at) if sso.sp_certificates.is_empty() => {
            Err(artifact_needs_certificate(format!("acs_urls.{at}.binding")))
        }
        _ => Ok(()),
    }
}

/// What an artifact stands for is given only to whoever signs the request for it (ART-601).
pub(in crate::applications) fn artifact_needs_certificate(field: impl Into<String>) -> Error {
    Error::field(
        field,
        "artifact_needs_certificate",
        "An address by artifact needs the application's signing certificate: what the artifact stands for is given to nobody else. Upload the certificate first.",
    )
}

/// Each certificate must be readable and strong enough (MD-306); it is stored as PEM without anything around it.
fn check_certificates(sso: &mut SsoSettings) -> Result<()> {
    for (field, certificates) in [
        ("sp_certificates", &mut sso.sp_certificates),
        ("sp_encryption_certificates", &mut sso.sp_encryption_certificates),
    ] {
        for (i, pem) in certificates.iter_mut().enumerate() {
            let certificate = parse_certificate(pem.as_bytes()).map_err(|fault| {
                Error::field(format!("{field}.{i}"), fault.code(), fault.sentence().to_owned())
            })?;
            *pem = certificate.to_pem();
        }
    }
    Ok(())
}

/// Whom can be encrypted for; `None` where there is no certificate for it. Settings that want encryption and have nobody
/// to encrypt for are refused here, and a sign-on with them too: it is never sent plain instead (SAML-211).
pub fn recipient(sso: &SsoSettings) -> Result<Option<Recipient>> {
    let field = if sso.encrypt_assertion { "encrypt_assertion" } else { "encrypt_name_id" };
    let mut certificates = sso.sp_encryption_certificates.iter();
    let found = certificates.find_map(|pem| {
        let certificate = parse_certificate(pem.as_bytes()).ok()?;
        Recipient::of(&certificate, sso.encryption_algorithm, sso.key_transport)
    });
    if found.is_none() && sso.encrypts() {
        return Err(Error::field(
            field,
            "encryption_certificate_missing",
            "Upload a certificate of the application to encrypt for first: one with an RSA key.",
        ));
    }
    Ok(found)
}

/// Refuses what can't go live: first the placeholders by name and place, then anything else.
pub fn check_complete(application: &Application) -> Result<()> {
    let missing = missing(application);
    if !missing.is_empty() {
        let faults = missing
            .iter()
            .map(|m| {
                let places = m.used_in.join(", ");
                fault(
                    format!("placeholders.{}", m.placeholder),
                    "placeholder_unfilled",
                    format!("Fill in {}. It stands in: {places}.", m.label),
                )
            })
            .collect();
        let mut error = Error::invalid(faults);
        error.code = "placeholders_unfilled";
        return Err(error);
    }
    let mut faults = Vec::new();
    if application.sso.sp_entity_id.is_none() {
        faults.push(fault(
            "sp_entity_id",
            "required",
            "Give the application's entity ID, or upload its metadata.",
        ));
    }
    if application.sso.acs_urls.is_empty() {
        faults.push(fault(
            "acs_urls",
            "required",
            "Give at least one ACS URL, or upload the application's metadata.",
        ));
    }
    if let Err(error) = resolve(application) {
        faults.extend(error.fields);
    }
    if faults.is_empty() {
        return Ok(());
    }
    let mut error = Error::invalid(faults);
    error.code = "sso_incomplete";
    Err(error)
}

/// Whether an active application can't be signed on to, because Tessera is stricter than it was when it was activated.
#[must_use]
pub fn is_broken(application: &Application) -> bool {
    application.kind == Kind::Saml && application.is_active() && check_complete(application).is_err()
}

/// Makes an application usable for the people of its bound groups. `if_version`: refuse when it has changed since.
pub async fn activate(db: &Db, ctx: &Ctx, id: ApplicationId, if_version: Option<i64>) -> Result<Application> {
    let mut tx = db.begin().await?;
    let new = activate_in(&mut tx, ctx, id, if_version).await?;
    tx.commit().await?;
    Ok(new)
}

/// [`activate`] in the caller's transaction.
pub async fn activate_in(
    tx: &mut Tx,
    ctx: &Ctx,
    id: ApplicationId,
    if_version: Option<i64>,
) -> Result<Application> {
    let old = locked(tx, id).await?;
    check_version(&old, if_version)?;
    if old.kind == Kind::Saml {
        check_complete(&old)?;
    }
    let mut new = old.clone();
    new.status = Status::Active;
    save(tx, ctx, &old, new, EventName::ApplicationActivate).await
}

/// Takes an application out of use at once; nothing else about it changes. `if_version`: refuse when it has changed
/// since.
pub async fn deactivate(
    db: &Db,
    ctx: &Ctx,
    id: ApplicationId,
    if_version: Option<i64>,
) -> Result<Application> {
    let mut tx = db.begin().await?;
    let old = locked(&mut tx, id).await?;
    check_version(&old, if_version)?;
    let new = if old.is_active() { retire_in(&mut tx, ctx, id).await? } else { old };
    tx.commit().await?;
    Ok(new)
}

/// Makes an application inactive whatever it was, a draft too, in the caller's transaction: what is declared as out of
/// use is so without having been in use here.
pub async fn retire_in(tx: &mut Tx, ctx: &Ctx, id: ApplicationId) -> Result<Application> {
    let old = locked(tx, id).await?;
    let mut new = old.clone();
    new.status = Status::Inactive;
    save(tx, ctx, &old, new, EventName::ApplicationDeactivate).await
}
