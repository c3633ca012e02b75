//! The SSO tab of an application: placeholders, the service provider, signing, attributes, the certificate and the
//! steps at the other side. Names of inputs are the names of `PATCH /applications/{id}/sso`, dotted.

use std::borrow::Borrow;

use askama::Template;

use crate::base::urls;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::parts::{Change, Choice, Crumbs, Decision, Facts, Link, Status, Tone};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::Shell;
use crate::web::pages::sp_source::EntityChoice;
use crate::web::pages::sp_source::SourceCard;

/// `GET /admin/applications/{id}/sso`. The form posts everything below `values`, and `action=save|activate`.
#[derive(Template)]
#[template(path = "console/application_sso.html")]
pub struct ApplicationSsoPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Whether sign-on is active: then *Deactivate* is offered, else *Activate*.
    pub active: bool,
    /// Switching it off.
    pub deactivation: Decision,
    /// What is missing before activation: text and the id of its input as `#f-placeholders-YOUR-ID`.
    pub missing: Vec<Link>,
    /// What is odd, and what to do: grave things first.
    pub findings: Vec<FindingLine>,
    /// Whether *Test* is offered: the built-in service provider runs where the administrator's browser reaches it, and
    /// nothing is missing.
    pub testable: bool,
    /// Placeholders of the connector.
    pub placeholders: Vec<PlaceholderField>,
    /// The service provider's settings.
    pub values: SsoValues,
    /// Rows of `acs_urls`, the last one empty for another.
    pub acs_urls: Vec<AcsRow>,
    /// Rows of `attributes`, the last one empty for another.
    pub attributes: Vec<AttributeRow>,
    /// What the application's metadata asks for: "mail (required)".
    pub asks_for: Vec<String>,
    /// Properties a value can come from, for the lists: `email`, "E-mail".
    pub properties: Vec<Choice>,
    /// The SP's certificates.
    pub sp_certificates: Vec<SpCertificate>,
    /// `use` of a certificate that is added.
    pub certificate_uses: Vec<Choice>,
    /// Where its metadata is fetched from.
    pub source: Option<SourceCard>,
    /// The deployment profile that it keeps to.
    pub profile: ProfilePanel,
    /// Our keys and certificates.
    pub keys: KeyPanel,
    /// What the SP is given.
    pub idp: IdpValues,
    /// Steps at the SP's side, with live values; empty: no panel of steps, only the values.
    pub steps: Steps,
    /// "Steps checked against Heap’s help centre"; may be empty.
    pub steps_source: String,
}

impl ApplicationSsoPage {
    fn has_warnings(&self) -> bool {
        self.findings.iter().any(|finding| finding.tone != Tone::Info)
    }

    fn makes_accounts(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.jit)
    }
}

/// The deployment profile of an application.
#[derive(Clone, Default)]
pub struct ProfilePanel {
    /// Which, and whether it is kept to.
    pub status: Status,
    /// Applying it, with all that would change; `None` where it is kept to.
    pub application: Option<Decision>,
    /// Leaving it.
    pub leaving: Option<Decision>,
}

/// Something odd about the settings.
#[derive(Clone, Default)]
pub struct FindingLine {
    /// Its tone.
    pub tone: Tone,
    /// "Fault", "Warning", "Note".
    pub grade: String,
    /// What is odd.
    pub message: String,
    /// What to do.
    pub repair: String,
    /// The input it is about; may be empty.
    pub href: String,
}

/// A placeholder: asked once, shown wherever it lands.
#[derive(Clone, Default)]
pub struct PlaceholderField {
    /// `YOUR_ID`; the input is named `placeholders.YOUR_ID`.
    pub token: String,
    /// "Heap ID"
    pub label: String,
    /// Where to find it.
    pub help: String,
    /// What it is now; empty while missing.
    pub value: String,
    /// An example.
    pub example: String,
    /// Regular expression of a whole value, as HTML understands it; may be empty.
    pub pattern: String,
    /// The places it lands in.
    pub used_in: Vec<UrlPreview>,
}

/// A value with placeholders in it.
#[derive(Clone, Default)]
pub struct UrlPreview {
    /// "ACS URL"
    pub label: String,
    /// Its pieces.
    pub pieces: Vec<UrlPiece>,
}

/// A piece of such a value.
#[derive(Clone, Default)]
pub struct UrlPiece {
    /// The text: as it stands, the value of the placeholder, or its token while it has none.
    pub text: String,
    /// The placeholder's token; empty for fixed text.
    pub token: String,
    /// Whether the placeholder has a value.
    pub filled: bool,
}

/// The single settings. A list marks the chosen one.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a checkbox of its own")]
pub struct SsoValues {
    /// `idp_entity_id`, read-only once active if `idp_entity_id_fixed`.
    pub idp_entity_id: String,
    /// `sp_entity_id`, with its tokens.
    pub sp_entity_id: String,
    /// `name_id.format`
    pub name_id_formats: Vec<Choice>,
    /// `name_id.source`
    pub name_id_sources: Vec<Choice>,
    /// `login_url`
    pub login_url: String,
    /// `default_relay_state`
    pub default_relay_state: String,
    /// `relay_states`, one a line.
    pub relay_states: String,
    /// `sign`, with a sentence each.
    pub sign: Vec<Choice>,
    /// `signature_algorithm`
    pub signature_algorithms: Vec<Choice>,
    /// `require_signed_requests`
    pub require_signed_requests: bool,
    /// `encrypt_assertion`
    pub encrypt_assertion: bool,
    /// `encrypt_name_id`
    pub encrypt_name_id: bool,
    /// `encryption_algorithm`
    pub encryption_algorithms: Vec<Choice>,
    /// `key_transport`
    pub key_transports: Vec<Choice>,
    /// `idp_initiated`
    pub idp_initiated: Vec<Choice>,
    /// `deny_to`
    pub deny_to: Vec<Choice>,
    /// `authn_contexts`, one a line.
    pub authn_contexts: String,
    /// `sign_error_responses`
    pub sign_error_responses: bool,
    /// `redirect_enveloped_signature`
    pub redirect_enveloped_signature: bool,
    /// `subject_identifier`
    pub subject_identifiers: Vec<Choice>,
    /// `omit_name_id`
    pub omit_name_id: bool,
    /// `ecp`
    pub ecp: bool,
    /// `slo`
    pub slo: SloValues,
}

/// The addresses for logout; inputs are `slo.redirect_url` and so on, empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SloValues {
    /// By redirect.
    pub redirect_url: String,
    /// Answers by redirect.
    pub redirect_response_url: String,
    /// By POST.
    pub post_url: String,
    /// Answers by POST.
    pub post_response_url: String,
    /// By SOAP.
    pub soap_url: String,
}

impl SloValues {
    /// Each as `value` gives it.
    pub fn of(value: impl Fn(&str) -> String) -> Self {
        Self {
            redirect_url: value("redirect_url"),
            redirect_response_url: value("redirect_response_url"),
            post_url: value("post_url"),
            post_response_url: value("post_response_url"),
            soap_url: value("soap_url"),
        }
    }
}

/// A row of ACS URLs; inputs are `acs_urls.{n}.url`, `.index`, `.binding`, `.remove`, and `acs_urls.default` with the row's number.
#[derive(Clone, Debug, Default)]
pub struct AcsRow {
    /// URL with its tokens.
    pub url: String,
    /// Index, as typed.
    pub index: String,
    /// Whether it is the default.
    pub default: bool,
    /// `post` or `artifact`; empty is `post`.
    pub binding: String,
}

/// A row of attributes; inputs are `attributes.{n}.name`, `.enabled`, `.kind`, `.source`, `.constant`, `.groups.include`,
/// `.groups.exclude`, `.by_group.rows`, `.by_group.all`, `.name_format`, `.friendly_name`, `.transforms`, `.remove`.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a checkbox of its own, or says how the row is drawn"
)]
pub struct AttributeRow {
    /// Name at the SP; empty in the spare row.
    pub name: String,
    /// Whether the connector fixes the name (JIT rows): it can be switched off, not renamed or removed.
    pub fixed: bool,
    /// Whether accounts are made from it.
    pub jit: bool,
    /// Whether it is sent.
    pub enabled: bool,
    /// `source`, `constant`, `groups`, `by_group`; see [`AttributeRow::KINDS`].
    pub kind: String,
    /// Name of the property.
    pub source: String,
    /// The constant.
    pub constant: String,
    /// Patterns of group names that are sent, one a line.
    pub include: String,
    /// Patterns of group names that are not, one a line.
    pub exclude: String,
    /// `Group = value`, one a line, first match first; `* = value` for everybody else.
    pub by_group: String,
    /// Whether all matches are sent, as several values.
    pub by_group_all: bool,
    /// `basic`, `uri`, `unspecified`.
    pub name_format: String,
    /// Friendly name.
    pub friendly_name: String,
    /// Transforms, one a line: `lower`, `prefix acme-`.
    pub transforms: String,
}

impl AttributeRow {
    /// Kinds of value: name and label.
    pub const KINDS: &'static [(&'static str, &'static str)] =
        &[("source", "Property"), ("constant", "Constant"), ("groups", "Groups"), ("by_group", "By group")];
    /// Name formats: name and label.
    pub const NAME_FORMATS: &'static [(&'static str, &'static str)] =
        &[("basic", "Basic"), ("uri", "URI"), ("unspecified", "Unspecified")];
    /// Parts of a row whose errors are shown under its value.
    const PARTS: &'static [&'static str] =
        &["source", "constant", "groups", "by_group", "name_format", "friendly_name", "transforms"];

    fn title(&self, number: impl Borrow<usize>) -> String {
        if self.name.is_empty() { format!("attribute {}", number.borrow() + 1) } else { self.name.clone() }
    }
}

/// A certificate of the SP.
#[derive(Clone, Default)]
pub struct SpCertificate {
    /// Its subject.
    pub subject: String,
    /// What it is for: "Signatures", "Encryption".
    pub uses: Vec<String>,
    /// Validity and fingerprint.
    pub facts: Facts,
    /// Whether it has ended.
    pub expired: bool,
    /// Taking it away.
    pub removal: Decision,
}

/// Our keys: the one that signs, the next, those before.
#[derive(Clone, Default)]
pub struct KeyPanel {
    /// The one that signs.
    pub current: CertificateCard,
    /// The one that is to follow.
    pub next: Option<NextKey>,
    /// Those before, the newest first.
    pub earlier: Vec<EarlierKey>,
    /// `key_type` of a next key that is to be made.
    pub key_types: Vec<Choice>,
}

/// A key that is to sign.
#[derive(Clone, Default)]
pub struct NextKey {
    /// Validity, kind, fingerprint.
    pub facts: Facts,
    /// Whether the metadata shows its certificate.
    pub published: bool,
    /// Who has fetched the metadata since then: "203.0.113.7 (python-requests), 2 hours ago".
    pub fetched: Vec<String>,
    /// The certificate as a file.
    pub download: String,
    /// Where *publish* posts.
    pub publish: String,
    /// Where *withdraw* posts.
    pub withdraw: String,
    /// Where *try it* posts; `None` while the application is off.
    pub trial: Option<String>,
    /// Switching to it.
    pub promotion: Decision,
    /// Deleting it.
    pub deletion: Decision,
}

/// A key that has signed.
#[derive(Clone, Default)]
pub struct EarlierKey {
    /// Validity, kind, fingerprint.
    pub facts: Facts,
    /// Whether the metadata shows its certificate.
    pub published: bool,
    /// Going back to it, where that is possible.
    pub back: Option<Decision>,
    /// Where *publish* posts.
    pub publish: String,
    /// Where *withdraw* posts.
    pub withdraw: String,
    /// Deleting it.
    pub deletion: Decision,
}

/// Our own certificate.
#[derive(Clone, Default)]
pub struct CertificateCard {
    /// "18 August 2029 (3 years left)", key, fingerprint.
    pub facts: Facts,
    /// "12 Jun 2026"
    pub from: String,
    /// "12 Jun 2029"
    pub until: String,
    /// Days of its life that are over.
    pub days_used: u32,
    /// Days of its life.
    pub days_total: u32,
    /// Whether it ends soon.
    pub ends_soon: bool,
}

/// What the SP is given; all absolute.
#[derive(Clone, Default)]
pub struct IdpValues {
    /// IdP URL.
    pub url: String,
    /// Metadata URL.
    pub metadata_url: String,
    /// Metadata as a file.
    pub metadata_download: String,
    /// Name of that file: `tessera-heap-metadata.xml`.
    pub metadata_file: String,
    /// Certificate as a file.
    pub certificate_download: String,
    /// Certificate in PEM.
    pub certificate_pem: String,
    /// Logout URL.
    pub logout_url: String,
}

/// `GET /admin/applications/{id}/sso/preview?person=`: what the application would be told of a person now.
#[derive(Template)]
#[template(path = "console/application_preview.html")]
pub struct ApplicationPreviewPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Who was asked for: a username or an e-mail address.
    pub person: String,
    /// What is missing before anything can be shown.
    pub missing: Vec<Link>,
    /// The answer; `None` while something is missing, or for nobody of that name.
    pub previewed: Option<Previewed>,
}

/// What would be sent about a person.
#[derive(Clone, Default)]
pub struct Previewed {
    /// "Livia Ferrante"
    pub name: String,
    /// "Through Everyone", or why a sign-on would be refused now.
    pub verdict: String,
    /// Whether it would be refused.
    pub refused: bool,
    /// `NameID`, audience, where it is posted, what is signed.
    pub facts: Facts,
    /// The attributes with their values.
    pub attributes: Vec<PreviewedAttribute>,
    /// The assertion, set out in lines; empty when none can be made.
    pub xml: String,
}

/// An attribute that would be sent.
#[derive(Clone, Default)]
pub struct PreviewedAttribute {
    /// Its name.
    pub name: String,
    /// Its name for people; may be empty.
    pub friendly_name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// What an upload of SP metadata would change (decision 9): nothing is stored before this is confirmed. Posts
/// `confirmed=yes`, `metadata` and `entity_id`.
#[derive(Template)]
#[template(path = "console/sp_metadata.html")]
pub struct SpMetadataPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// The way here.
    pub crumbs: Crumbs,
    /// The entity it is about.
    pub entity_id: String,
    /// Which entity, when the file has several (`entity_id_required`).
    pub choice: Option<EntityChoice>,
    /// What would change; empty: nothing would.
    pub changes: Vec<Change>,
    /// What the metadata says that is not taken over, and why.
    pub notes: Vec<String>,
    /// The document, carried along to be posted back.
    pub document: String,
}

/// `GET /admin/applications/{id}/sso` of a bookmark: just an address. Posts `bookmark_url`, `action=save|activate`.
#[derive(Template)]
#[template(path = "console/bookmark.html")]
pub struct BookmarkPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Whether it is active.
    pub active: bool,
    /// Switching it off.
    pub deactivation: Decision,
    /// The address.
    pub bookmark_url: String,
}
