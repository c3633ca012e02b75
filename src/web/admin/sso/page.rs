//! The SSO tab as it is drawn: the form, stored or as typed, with everything around it.

use crate::applications::Application;
use crate::applications::lint::{Finding, Severity};
use crate::applications::sso::missing;
use crate::base::name_id::NameIdFormat;
use crate::base::property::{Property, Source};
use crate::base::signature::KeyType;
use crate::base::urls::{self, BaseUrl};
use crate::base::{Result, Timestamp};
use crate::catalog::model::{PlaceholderKind, Placeholders, Verified};
use crate::catalog::placeholder::{Piece, Scope, Values, parts};
use crate::catalog::sso::{SsoSettings, ValueFrom};
use crate::catalog::steps::LiveValue;
use crate::keys::KeyView;
use crate::signon::Installation;
use crate::web::admin::sso::certificates;
use crate::web::admin::sso::form::SsoForm;
use crate::web::pages::application::ApplicationHead;
use crate::web::pages::application_sso::{
    AcsRow, ApplicationSsoPage, AttributeRow, FindingLine, IdpValues, KeyPanel, PlaceholderField,
    ProfilePanel, SsoValues, UrlPiece, UrlPreview,
};
use crate::web::pages::parts::{Choice, Decision, Link, Tone, input_id};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::Shell;
use crate::web::pages::sp_source::SourceCard;
use crate::web::shown::application::field_label;
use crate::web::shown::{self, steps};

/// Days before its end from which a certificate is said to end soon.
pub const SOON_DAYS: i64 = 60;

/// What the page is drawn from.
pub struct Drawn<'a> {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub head: ApplicationHead,
    /// As stored.
    pub application: &'a Application,
    /// As typed, or as stored.
    pub form: &'a SsoForm,
    /// Our current key.
    pub key: Option<&'a KeyView>,
    /// What is said of all of them.
    pub keys: KeyPanel,
    /// What is odd.
    pub findings: Vec<Finding>,
    /// Where its metadata is fetched from.
    pub source: Option<SourceCard>,
    /// The profile that it keeps to.
    pub profile: ProfilePanel,
    /// How many people may use it.
    pub people: i64,
    /// Whether the built-in service provider runs.
    pub testable: bool,
    /// The instant now.
    pub now: Timestamp,
}

/// Draws the tab.
pub fn page(installation: &Installation, drawn: Drawn<'_>) -> Result<ApplicationSsoPage> {
    let Drawn { shell, head, application, form, key, keys, findings, source, profile, people, testable, now } =
        drawn;
    let idp = idp_values(&installation.base_url, application, key);
    let live = live_values(application, &idp, key);
    let missing = missing_links(application);
    Ok(ApplicationSsoPage {
        active: application.is_active(),
        deactivation: deactivation(application, people),
        findings: findings
            .into_iter()
            .filter(is_news)
            .map(|finding| finding_line(finding, application))
            .collect(),
        testable: testable && missing.is_empty(),
        missing,
        placeholders: placeholders(application, form),
        values: values(application, form, key),
        acs_urls: with_spare(form.acs_urls.clone(), AcsRow::default()),
        attributes: with_spare(form.attributes.clone(), spare_attribute()),
        asks_for: asks_for(application),
        properties: properties(application, form),
        sp_certificates: certificates::shown(application, now)?,
        certificate_uses: certificates::uses(),
        keys,
        source,
        profile,
        idp,
        steps: setup_steps(application, &live),
        steps_source: steps_source(application),
        shell,
        app: head,
    })
}

/// What the tab does not say elsewhere already.
fn is_news(finding: &Finding) -> bool {
    !matches!(
        finding.code,
        "placeholder_unfilled" | "no_audience" | "no_acs" | "not_active" | "connector_newer"
    )
}

fn finding_line(finding: Finding, application: &Application) -> FindingLine {
    let (tone, grade) = match finding.severity {
        Severity::Fault => (Tone::Danger, "Fault"),
        Severity::Warning => (Tone::Warn, "Warning"),
        Severity::Note => (Tone::Info, "Note"),
    };
    let href = match finding.field.as_str() {
        "" if finding.code == "nobody_bound" => urls::admin_bindings(&application.id.to_string()),
        "" => String::new(),
        "sp_certificates" | "sp_encryption_certificates" => "#h-spc".to_owned(),
        "attributes" | "allow_missing_destination" => "#h-att".to_owned(),
        field => anchor(field),
    };
    FindingLine { tone, grade: grade.to_owned(), message: finding.message, repair: finding.repair, href }
}

/// The attributes that the application's metadata asks for, each once.
fn asks_for(application: &Application) -> Vec<String> {
    let services = application.sso.attribute_services.iter();
    let mut out: Vec<String> = Vec::new();
    for asked in services.flat_map(|service| &service.attributes) {
        let told = if asked.required { format!("{} (required)", asked.name) } else { asked.name.clone() };
        if !out.contains(&told) {
            out.push(told);
        }
    }
    out
}

fn with_spare<T>(mut rows: Vec<T>, spare: T) -> Vec<T> {
    rows.push(spare);
    rows
}

fn spare_attribute() -> AttributeRow {
    AttributeRow {
        kind: "source".to_owned(),
        source: "email".to_owned(),
        name_format: "basic".to_owned(),
        enabled: true,
        ..AttributeRow::default()
    }
}

/// Switching an application off, with what it does to people.
#[must_use]
pub fn deactivation(application: &Application, people: i64) -> Decision {
    let (id, label) = (application.id.to_string(), &application.label);
    Decision {
        id: "deactivate".to_owned(),
        action: urls::admin_sso_deactivate(&id),
        button: "Deactivate…".to_owned(),
        title: format!("Switch off {label}?"),
        effects: vec![
            format!(
                "{} can no longer open {label} from here, and its tile disappears at once. Those who are inside stay \
                 until {label} signs them out.",
                shown::people(people)
            ),
            "Its address, key and settings are kept. Activate it again at any time.".to_owned(),
        ],
        confirm: format!("Deactivate {label}"),
        cancel: "Keep it on".to_owned(),
        cancel_href: urls::admin_sso(&id),
        ..Decision::default()
    }
}

/// The input of a field of the settings.
fn anchor(field: &str) -> String {
    let name = match field.split('.').collect::<Vec<_>>().as_slice() {
        ["attributes", at, "by_group", ..] => format!("attributes.{at}.by_group.rows"),
        ["relay_states", ..] => "relay_states".to_owned(),
        ["name_id", ..] => "name_id.source".to_owned(),
        _ => field.to_owned(),
    };
    format!("#{}", input_id(&name))
}

/// What is missing before activation, by name and place.
#[must_use]
pub fn missing_links(application: &Application) -> Vec<Link> {
    let mut out: Vec<Link> = missing(application)
        .iter()
        .map(|missing| {
            let places: Vec<String> = missing.used_in.iter().map(|field| field_label(field)).collect();
            let text = format!("{} is empty. It stands in: {}", missing.label, places.join(", "));
            Link::new(text, anchor(&format!("placeholders.{}", missing.placeholder)))
        })
        .collect();
    if application.sso.sp_entity_id.is_none() {
        out.push(Link::new("The SP entity ID is not given yet", anchor("sp_entity_id")));
    }
    if application.sso.acs_urls.is_empty() {
        out.push(Link::new("There is no ACS URL yet", anchor("acs_urls.0.url")));
    }
    out
}

fn placeholders(application: &Application, form: &SsoForm) -> Vec<PlaceholderField> {
    let mut templates = application.sso.templates();
    let published = application.made_from.sso.sp_metadata_url.set_value();
    templates.extend(published.map(|template| ("sp_metadata_url".to_owned(), template.as_str())));
    placeholder_fields(&application.made_from.placeholders, &form.placeholders, &templates)
}

/// The placeholders that stand in these templates, which come with the names of their fields.
#[must_use]
pub fn placeholder_fields(
    declared: &Placeholders,
    values: &Values,
    templates: &[(String, &str)],
) -> Vec<PlaceholderField> {
    // The preview shows what was typed, right or wrong.
    let scope = Scope::new(declared, values);
    declared
        .iter()
        .filter(|(token, _)| templates.iter().any(|(_, template)| holds(template, token, declared)))
        .map(|(token, placeholder)| PlaceholderField {
            token: token.clone(),
            label: placeholder.label.clone(),
            help: match placeholder.kind {
                PlaceholderKind::Url | PlaceholderKind::Opaque => placeholder.help.clone(),
                _ => format!("{} You can also paste an address that contains it.", placeholder.help)
                    .trim()
                    .to_owned(),
            },
            value: values.get(token).cloned().unwrap_or_default(),
            example: placeholder.example.clone(),
            pattern: placeholder.pattern.clone().unwrap_or_default(),
            used_in: templates
                .iter()
                .filter(|(_, template)| holds(template, token, declared))
                .map(|(field, template)| UrlPreview {
                    label: field_label(field),
                    pieces: pieces(scope, template),
                })
                .collect(),
        })
        .collect()
}

/// Whether a template holds this placeholder.
pub fn holds(template: &str, token: &str, declared: &Placeholders) -> bool {
    use crate::catalog::placeholder::Part;
    parts(template, declared).iter().any(|part| matches!(part, Part::Token(found) if *found == token))
}

fn pieces(scope: Scope<'_>, template: &str) -> Vec<UrlPiece> {
    scope
        .pieces(template)
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal { text } => UrlPiece { text, token: String::new(), filled: true },
            Piece::Filled { token, text } => UrlPiece { text, token, filled: true },
            Piece::Empty { token, .. } => UrlPiece { text: token.clone(), token, filled: false },
        })
        .collect()
}

fn listed(choices: &[(&str, &str)], chosen: &str) -> Vec<Choice> {
    choices.iter().map(|(value, label)| Choice::new(*value, *label, *value == chosen)).collect()
}

fn values(application: &Application, form: &SsoForm, key: Option<&KeyView>) -> SsoValues {
    let label = &application.label;
    let sign = [
        ("response", "Response", "The envelope around the assertion."),
        ("assertion", "Assertion", "The statement about the person."),
        ("both", "Both", "Strictest, and what most accept."),
    ];
    SsoValues {
        idp_entity_id: form.idp_entity_id.clone(),
        sp_entity_id: form.sp_entity_id.clone(),
        name_id_formats: name_id_formats(&form.name_id_format),
        name_id_sources: name_id_sources(application, form),
        login_url: form.login_url.clone(),
        default_relay_state: form.default_relay_state.clone(),
        relay_states: form.relay_states.clone(),
        sign: sign
            .iter()
            .map(|(value, label, help)| Choice::explained(*value, *label, *help, *value == form.sign))
            .collect(),
        signature_algorithms: key
            .map_or_else(KeyType::default, |key| key.key_type)
            .algorithms()
            .iter()
            .map(|algorithm| {
                let (name, label) = (algorithm.as_str(), algorithm.as_str().to_uppercase());
                Choice::new(name, label, name == form.signature_algorithm)
            })
            .collect(),
        require_signed_requests: form.require_signed_requests,
        encrypt_assertion: form.encrypt_assertion,
        encrypt_name_id: form.encrypt_name_id,
        encryption_algorithms: listed(
            &[("aes256-gcm", "AES-256-GCM"), ("aes128-gcm", "AES-128-GCM")],
            &form.encryption_algorithm,
        ),
        key_transports: listed(
            &[("rsa-oaep-mgf1p", "RSA-OAEP (SHA-1)"), ("rsa-oaep-sha256", "RSA-OAEP (SHA-256)")],
            &form.key_transport,
        ),
        idp_initiated: listed(
            &[("on", "Sign in at once"), ("confirm", "Ask the person first"), ("off", "Refuse")],
            &form.idp_initiated,
        ),
        deny_to: listed(&[("page", "Say so here"), ("sp", &format!("Tell {label}"))], &form.deny_to),
        authn_contexts: form.authn_contexts.clone(),
        sign_error_responses: form.sign_error_responses,
        redirect_enveloped_signature: form.redirect_enveloped_signature,
        subject_identifiers: listed(
            &[
                ("none", "None"),
                ("pairwise-id", "pairwise-id (another at each application)"),
                ("subject-id", "subject-id (the same everywhere)"),
            ],
            &form.subject_identifier,
        ),
        omit_name_id: form.omit_name_id,
        ecp: form.ecp,
        slo: form.slo.clone(),
    }
}

fn name_id_formats(chosen: &str) -> Vec<Choice> {
    let label = |format: NameIdFormat| match format {
        NameIdFormat::EmailAddress => "E-mail address",
        NameIdFormat::Persistent => "Persistent (made here, one for each person and application)",
        NameIdFormat::Transient => "Transient (new at each sign-on)",
        NameIdFormat::Unspecified => "Unspecified",
        NameIdFormat::X509SubjectName => "X.509 subject name",
        NameIdFormat::WindowsDomainQualifiedName => "Windows domain qualified name",
        NameIdFormat::Kerberos => "Kerberos",
        NameIdFormat::Entity => "Entity",
    };
    NameIdFormat::ALL
        .iter()
        .map(|format| Choice::new(format.short(), label(*format), format.short() == chosen))
        .collect()
}

fn name_id_sources(application: &Application, form: &SsoForm) -> Vec<Choice> {
    let mut choices = properties(application, form);
    for choice in &mut choices {
        choice.chosen = choice.value == form.name_id_source;
    }
    let special = match &application.sso.name_id.value {
        ValueFrom::Property(_) => None,
        ValueFrom::Constant(text) => Some(format!("The constant “{text}”")),
        ValueFrom::ByGroup(_) | ValueFrom::Groups(_) => Some("A value by group, set by the API".to_owned()),
    };
    if let Some(label) = special {
        choices.insert(0, Choice::new("", label, form.name_id_source.is_empty()));
    }
    choices
}

/// Every property a value can come from: the fixed ones, and the typed ones that are in use here.
fn properties(application: &Application, form: &SsoForm) -> Vec<Choice> {
    let used = form.attributes.iter().map(|row| row.source.clone()).chain([form.name_id_source.clone()]);
    let stored = application.sso.attributes.iter().filter_map(|attribute| match &attribute.value {
        ValueFrom::Property(source) => Some(source.to_string()),
        _ => None,
    });
    property_choices(used.chain(stored))
}

/// Every property a value can come from, with those that are in `use` beside the usual ones.
pub fn property_choices(used: impl Iterator<Item = String>) -> Vec<Choice> {
    let fixed = Property::ALL.iter().map(|property| Source::Property(*property));
    let usual =
        ["phone_numbers.work", "phone_numbers.mobile", "addresses.work.locality", "addresses.work.country"];
    let mut sources: Vec<String> =
        fixed.map(|source| source.to_string()).chain(usual.map(str::to_owned)).collect();
    for source in used {
        if source.parse::<Source>().is_ok() && !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources.iter().map(|source| Choice::new(source.as_str(), source_label(source), false)).collect()
}

/// "E-mail", "Phone, work".
#[must_use]
pub fn source_label(source: &str) -> String {
    match source.parse::<Source>() {
        Ok(Source::Property(property)) => property.label().to_owned(),
        Ok(Source::Phone(kind)) => format!("Phone, {kind}"),
        Ok(Source::Address(kind, part)) => format!("Address, {kind}: {}", part.replace('_', " ")),
        Ok(Source::Custom(name)) => format!("Custom: {name}"),
        Err(()) => source.to_owned(),
    }
}

/// What the application is given.
#[must_use]
pub fn idp_values(base_url: &BaseUrl, application: &Application, key: Option<&KeyView>) -> IdpValues {
    let slug = &application.slug;
    let metadata_url = base_url.join(&urls::idp_metadata(slug));
    IdpValues {
        url: base_url.join(&urls::idp(slug)),
        metadata_download: format!("{metadata_url}?download=1"),
        metadata_url,
        metadata_file: format!("tessera-{slug}-metadata.xml"),
        certificate_download: base_url.join(&urls::idp_certificate(slug)),
        certificate_pem: key.map(KeyView::certificate_pem).unwrap_or_default(),
        logout_url: base_url.join(&urls::idp_logout(slug)),
    }
}

/// What steps at the application's side may name.
#[must_use]
pub fn live_values(
    application: &Application,
    idp: &IdpValues,
    key: Option<&KeyView>,
) -> Vec<(LiveValue, String)> {
    let scope = Scope::new(&application.made_from.placeholders, &application.placeholders);
    let filled = |template: Option<&str>| template.and_then(|text| scope.fill(text).ok()).unwrap_or_default();
    let sso: &SsoSettings = &application.sso;
    vec![
        (LiveValue::IdpUrl, idp.url.clone()),
        (LiveValue::MetadataUrl, idp.metadata_url.clone()),
        (LiveValue::CertificateUrl, idp.certificate_download.clone()),
        (LiveValue::CertificatePem, idp.certificate_pem.clone()),
        (LiveValue::CertificateFingerprint, key.map(|key| key.fingerprint.clone()).unwrap_or_default()),
        (LiveValue::IdpEntityId, application.idp_entity_id.clone()),
        (LiveValue::SpEntityId, filled(sso.sp_entity_id.as_deref())),
        (LiveValue::AcsUrl, filled(sso.default_acs().map(|acs| acs.url.as_str()))),
        (LiveValue::LoginUrl, filled(sso.login_url.as_deref())),
    ]
}

fn setup_steps(application: &Application, values: &[(LiveValue, String)]) -> Steps {
    let connector = &application.made_from;
    let (declared, markdown) = (&connector.placeholders, connector.sso_steps());
    let filled: &Values = &application.placeholders;
    steps::steps(markdown.as_deref(), &steps::Live { declared, filled, values })
}

/// How the steps were checked.
fn steps_source(application: &Application) -> String {
    let connector = &application.made_from;
    if connector.setup.sso.is_none() {
        return String::new();
    }
    match connector.verified {
        Verified::None => String::new(),
        Verified::Documentation => format!("Steps checked against: {}", connector.sources.join(", ")),
        Verified::Live => "Steps checked by signing on to the application itself".to_owned(),
    }
}
