//! What is odd about one application's single sign-on, each finding with its repair: for the console, the API and
//! `tessera doctor`. It reads and changes nothing; what can't be accepted at all is refused when it is saved, by
//! [`crate::applications::sso`].

mod metadata;

use serde::Serialize;

use crate::applications::model::{Application, Kind};
use crate::applications::sso::missing;
use crate::applications::{binding, resolved, sp_source, store, upgrade};
use crate::base::clock::DAY;
use crate::base::name_id::NameIdFormat;
use crate::base::property::{Property, Source};
use crate::base::{Result, Timestamp};
use crate::catalog::Catalog;
use crate::catalog::sso::{GroupFilter, IdpInitiated, SignMode, SsoSettings, SubjectIdentifier, ValueFrom};
use crate::db::Executor;
use crate::directory::groups;
use crate::keys::{self, KeyState, KeyView};
use crate::saml::certificate::{Certificate, CertificateWarning, parse_certificate};

/// Days before its end from which a certificate is spoken of.
const SOON: i64 = 60 * DAY;
/// How long a next key may wait before it is spoken of.
const WAITING: i64 = 30 * DAY;
/// Most group names of one person that applications are known to take without trouble.
const MANY_GROUPS: usize = 50;
/// Bytes of them: cookies and headers at the other side end at 4 KiB.
const LONG_GROUPS: usize = 4096;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nobody can sign on, or soon nobody will.
    Fault,
    /// It works, and is weaker or more fragile than it should be.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something odd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// The setting it is about, dotted as in `PATCH …/sso`; empty where it is none of them.
    pub field: String,
    /// What is odd.
    pub message: String,
    /// What to do.
    pub repair: String,
}

/// What is odd about an application; nothing for a bookmark.
pub async fn lint(
    executor: &mut impl Executor,
    catalog: &Catalog,
    application: &Application,
    now: Timestamp,
) -> Result<Vec<Finding>> {
    if application.kind == Kind::Bookmark {
        return Ok(Vec::new());
    }
    let keys = keys::list(executor, application.id).await?;
    let bound = binding::groups_of(executor, application.id).await?;
    let mut found = Found::default();
    found.completeness(catalog, application, bound.len());
    found.our_keys(&keys, now);
    found.their_certificates(&application.sso, now);
    found.requests(&application.sso);
    found.tile(application);
    found.answers(&application.sso);
    found.attributes(&application.sso);
    found.departures(&application.sso)?;
    let source = sp_source::find(executor, application.id).await?;
    found.metadata_source(source.as_ref(), now);
    let filters = group_filters(&application.sso);
    // Costly where there are many people, and the same for every attribute.
    let most = if filters.is_empty() { None } else { store::find_most_memberships(executor).await? };
    if let Some(person) = most {
        let names = groups::names_of_user(executor, person).await?;
        for filter in filters {
            let sent: Vec<&str> =
                names.iter().map(|(_, name)| name.as_str()).filter(|name| filter.accepts(name)).collect();
            found.groups_of_one_person(&sent);
        }
    }
    if let Some(id) = &application.sso.sp_entity_id {
        let others = store::count_with_sp_entity_id(executor, application.id, id).await?;
        found.shared_entity_id(others);
    }
    found.findings.sort_by_key(|finding| finding.severity);
    Ok(found.findings)
}

fn group_filters(sso: &SsoSettings) -> Vec<&GroupFilter> {
    let values =
        sso.attributes.iter().filter(|attribute| attribute.enabled).map(|attribute| &attribute.value);
    values
        .filter_map(|value| if let ValueFrom::Groups(filter) = value { Some(filter) } else { None })
        .collect()
}

#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
}

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
        repair: impl Into<String>,
    ) {
        let (field, message, repair) = (field.into(), message.into(), repair.into());
        self.findings.push(Finding { code, severity, field, message, repair });
    }

    fn completeness(&mut self, catalog: &Catalog, application: &Application, bound: usize) {
        use Severity::{Fault, Note, Warning};
        let sso = &application.sso;
        if catalog.find(&application.made_from.id).is_none() {
            let message =
                format!("Its connector, {}, is not in the catalog any more.", application.made_from.name);
            self.add(
                Note,
                "connector_gone",
                "",
                message,
                "It works as before. A later version can be offered only when the connector is put back.",
            );
        }
        if upgrade::is_another(catalog, application) {
            let message = "The catalog has an earlier version of its connector, or one of another kind.";
            let repair = "It works as before. Put the connector back that it was made from, or a later one.";
            self.add(Note, "connector_differs", "", message, repair);
        }
        if let Some(to) = upgrade::offered(catalog, application) {
            let message = format!(
                "The catalog has version {} of its connector; it was made from version {}.",
                to.version, application.made_from.version
            );
            self.add(
                Note,
                "connector_newer",
                "",
                message,
                "See what differs on its General tab, and decide.",
            );
        }
        for missing in missing(application) {
            let message =
                format!("{} is not filled in. It stands in {}.", missing.label, missing.used_in.join(", "));
            let field = format!("placeholders.{}", missing.placeholder);
            self.add(Fault, "placeholder_unfilled", field, message, "Fill it in.");
        }
        if sso.sp_entity_id.is_none() {
            let message =
                "The application's entity ID is not known, so no assertion could say whom it is for.";
            self.add(
                Fault,
                "no_audience",
                "sp_entity_id",
                message,
                "Upload its metadata, or type its entity ID.",
            );
        }
        if sso.acs_urls.is_empty() {
            let message = "No ACS URL is registered, so there is nowhere to send an assertion.";
            self.add(Fault, "no_acs", "acs_urls", message, "Upload its metadata, or type its ACS URL.");
        } else if missing_nothing(application)
            && let Err(error) = resolved::resolve(application)
        {
            for fault in error.fields {
                self.add(Fault, "unusable_setting", fault.field, fault.message, "Correct it.");
            }
        }
        if bound == 0 {
            let message = "No group is bound, so nobody can use it.";
            self.add(Warning, "nobody_bound", "", message, "Bind a group.");
        }
        if !application.is_active() {
            self.add(Note, "not_active", "", "It is not active.", "Activate it when it is ready.");
        }
    }

    fn our_keys(&mut self, keys: &[KeyView], now: Timestamp) {
        use Severity::{Fault, Note, Warning};
        let Some(current) = keys.iter().find(|key| key.state == KeyState::Current) else {
            let message = "It has no signing key.";
            self.add(Fault, "no_signing_key", "", message, "Make a next key and switch to it.");
            return;
        };
        let left = current.not_after.since(now);
        let ends = date(current.not_after);
        if left <= 0 {
            let message = format!("Our certificate for it ended on {ends}. Many applications refuse it now.");
            self.add(
                Fault,
                "certificate_expired",
                "",
                message,
                "Make the next key, give it to the application, switch.",
            );
        } else if left <= SOON {
            let message = format!("Our certificate for it ends on {ends}, in {} days.", left / DAY);
            self.add(
                Warning,
                "certificate_ends_soon",
                "",
                message,
                "Make the next key and give it to the application in time.",
            );
        }
        let waits = keys
            .iter()
            .find(|key| key.state == KeyState::Next)
            .and_then(|key| key.published_at)
            .is_some_and(|since| now.since(since) > WAITING);
        if waits {
            let message = "A next key has stood in the metadata for more than 30 days.";
            self.add(Note, "next_key_waits", "", message, "Switch to it, or delete it.");
        }
    }

    fn their_certificates(&mut self, sso: &SsoSettings, now: Timestamp) {
        use Severity::{Note, Warning};
        for (field, list, purpose) in [
            ("sp_certificates", &sso.sp_certificates, "signatures"),
            ("sp_encryption_certificates", &sso.sp_encryption_certificates, "encryption"),
        ] {
            let known: Vec<Certificate> =
                list.iter().filter_map(|pem| parse_certificate(pem.as_bytes()).ok()).collect();
            for certificate in &known {
                let name = &certificate.subject;
                let warnings = certificate.warnings(now);
                if warnings.contains(&CertificateWarning::Expired) {
                    let ended = date(certificate.not_after);
                    let message = format!(
                        "Its certificate for {purpose}, {name}, ended on {ended}. It is used all the same."
                    );
                    self.add(
                        Warning,
                        "sp_certificate_expired",
                        field,
                        message,
                        "Ask the application for its current metadata.",
                    );
                } else if certificate.not_after.since(now) <= SOON {
                    let ends = date(certificate.not_after);
                    let message = format!("Its certificate for {purpose}, {name}, ends on {ends}.");
                    self.add(
                        Note,
                        "sp_certificate_ends_soon",
                        field,
                        message,
                        "Expect a new one; upload it beside this one.",
                    );
                }
                if warnings.contains(&CertificateWarning::WeakSignature) {
                    let message = format!(
                        "Its certificate for {purpose}, {name}, is signed with SHA-1 or MD5. Only its key is used, so that harms nothing here."
                    );
                    self.add(
                        Note,
                        "sp_certificate_sha1",
                        field,
                        message,
                        "Ask the application for one signed with SHA-256.",
                    );
                }
            }
        }
        if !sso.sp_encryption_certificates.is_empty() && !sso.encrypt_assertion {
            let message = "It has given a certificate to encrypt for, and assertions are sent unencrypted.";
            self.add(
                Note,
                "encryption_not_used",
                "encrypt_assertion",
                message,
                "Switch encryption on if the application takes it.",
            );
        }
    }

    fn requests(&mut self, sso: &SsoSettings) {
        use Severity::{Note, Warning};
        if !sso.sp_certificates.is_empty() && !sso.require_signed_requests {
            let message = "Its certificate is known, and unsigned requests are accepted all the same.";
            self.add(
                Note,
                "unsigned_requests_accepted",
                "require_signed_requests",
                message,
                "Refuse unsigned ones if the application signs all of its requests.",
            );
        }
        if sso.allow_missing_destination {
            let message = "Signed requests are accepted that do not say which address they are for.";
            self.add(
                Warning,
                "destination_not_demanded",
                "allow_missing_destination",
                message,
                "Ask the application for Destination, and switch this off.",
            );
        }
        if sso.redirect_enveloped_signature {
            let message = "Signatures inside the XML of a redirect request are accepted, which the standard does not allow.";
            self.add(
                Warning,
                "enveloped_on_redirect",
                "redirect_enveloped_signature",
                message,
                "Switch this off once the application signs the address.",
            );
        }
        if sso.relay_states.iter().any(|state| state == "*") && sso.idp_initiated != IdpInitiated::Off {
            let message = "A link to its address may carry any RelayState, so whoever makes the link chooses where people land.";
            self.add(
                Note,
                "any_relay_state",
                "relay_states",
                message,
                "List the values that are needed, or none.",
            );
        }
    }

    /// Where a click on the tile leads.
    fn tile(&mut self, application: &Application) {
        use Severity::{Note, Warning};
        let sso = &application.sso;
        if sso.login_url.is_some() || !application.show_in_portal {
            return;
        }
        if sso.idp_initiated == IdpInitiated::Off {
            let message =
                "Sign-ons begin at the application, and no login URL says where: its tile leads nowhere.";
            let repair = "Give it the address at which people sign in there, or let sign-ons begin here if it takes them.";
            self.add(Warning, "tile_leads_nowhere", "login_url", message, repair);
        } else if application.made_from.is_begun_there() {
            let message = "Sign-ons are known to begin at the application. Nobody has said whether it takes those that begin with its tile.";
            let repair = "Try the tile. If the application refuses it, give the address at which people sign in there.";
            self.add(Note, "tile_not_known", "login_url", message, repair);
        }
    }

    fn answers(&mut self, sso: &SsoSettings) {
        use Severity::{Note, Warning};
        if sso.sign_error_responses {
            let message = "Anybody can get an error response with our signature, without signing in.";
            self.add(
                Warning,
                "errors_signed_for_anybody",
                "sign_error_responses",
                message,
                "Switch this off unless the application refuses unsigned errors.",
            );
        }
        if sso.ecp && sso.acs_urls.iter().all(|acs| acs.binding.is_of_browsers()) {
            let message = "Clients without a browser are let in, but no ACS URL takes responses by PAOS, so none can sign in.";
            self.add(
                Note,
                "ecp_without_acs",
                "acs_urls",
                message,
                "Upload the application’s metadata, or switch this off.",
            );
        }
        if sso.omit_name_id
            && sso.subject_identifier == SubjectIdentifier::None
            && !sso.attributes.iter().any(|attribute| attribute.enabled)
        {
            let message =
                "The application is told neither a Name ID nor an attribute, so it can’t know who signs in.";
            self.add(
                Warning,
                "nobody_named",
                "attributes",
                message,
                "Add the attribute that it knows people by.",
            );
        }
        if sso.sign == SignMode::Response && !sso.encrypt_assertion {
            let message = "Only the response is signed. The assertion has no signature of its own once it is taken out of it.";
            self.add(Note, "assertion_unsigned", "sign", message, "Sign both if the application takes it.");
        }
        for (at, mapped) in sso.authn_contexts.iter().enumerate() {
            if promises_more(&mapped.class) {
                let message = format!(
                    "A password is all that is asked for, and the application is told {}, by which it understands more than that.",
                    mapped.class
                );
                self.add(
                    Warning,
                    "authn_context_overstated",
                    format!("authn_contexts.{at}"),
                    message,
                    "Take the class out, unless the people who rely on it have agreed to a password.",
                );
            }
        }
        if sso.name_id.format == NameIdFormat::EmailAddress
            && matches!(&sso.name_id.value, ValueFrom::Property(source) if *source != Source::Property(Property::Email))
        {
            let message = "The Name ID is said to be an e-mail address and comes from another property. Whoever has none there can't sign on.";
            self.add(
                Warning,
                "name_id_not_email",
                "name_id.source",
                message,
                "Take it from the e-mail address, or choose another format.",
            );
        }
    }

    fn attributes(&mut self, sso: &SsoSettings) {
        use Severity::Warning;
        for (at, attribute) in sso.attributes.iter().enumerate() {
            if attribute.jit.is_some() && !attribute.enabled {
                let message = format!(
                    "It makes accounts from the attribute {}, which is switched off.",
                    attribute.name
                );
                self.add(
                    Warning,
                    "jit_attribute_off",
                    format!("attributes.{at}"),
                    message,
                    "Switch it on unless accounts are made in another way.",
                );
            }
        }
        let sent = |name: &str| sso.attributes.iter().any(|row| row.enabled && row.name == name);
        let mut asked: Vec<&str> = sso
            .attribute_services
            .iter()
            .flat_map(|service| &service.attributes)
            .filter(|attribute| attribute.required && !sent(&attribute.name))
            .map(|attribute| attribute.name.as_str())
            .collect();
        asked.sort_unstable();
        asked.dedup();
        for name in asked {
            let message = format!(
                "Its metadata says that it can't do without the attribute {name}, which is not sent."
            );
            self.add(Warning, "required_attribute_missing", "attributes", message, "Add it.");
        }
    }

    fn groups_of_one_person(&mut self, sent: &[&str]) {
        let bytes: usize = sent.iter().map(|name| name.len()).sum();
        if sent.len() > MANY_GROUPS || bytes > LONG_GROUPS {
            let message = format!(
                "For the person with the most groups, {} names of {bytes} bytes are sent. Many applications cut or refuse as much.",
                sent.len()
            );
            let repair = "Name the groups that the application needs, by patterns.";
            self.add(Severity::Warning, "group_attribute_large", "attributes", message, repair);
        }
    }

    fn shared_entity_id(&mut self, others: i64) {
        if others > 0 {
            let message = "Another application here has the same SP entity ID. They are told apart by address, key and IdP entity ID.";
            self.add(
                Severity::Note,
                "entity_id_shared",
                "sp_entity_id",
                message,
                "Check that the application itself tells its tenants apart.",
            );
        }
    }
}

fn missing_nothing(application: &Application) -> bool {
    missing(application).is_empty()
}

fn date(at: Timestamp) -> String {
    at.to_xs_date_time().chars().take(10).collect()
}

/// Whether a class of authentication is known for more than a password: several factors, a token, a card.
fn promises_more(class: &str) -> bool {
    let class = class.to_ascii_lowercase();
    ["mfa", "multifactor", "multi-factor", "twofactor", "timesynctoken", "smartcard", "x509"]
        .iter()
        .any(|word| class.contains(word))
}
