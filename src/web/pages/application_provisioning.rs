//! The tab *Identity management* of an application: how the connection stands, what fails, what waits, its settings and
//! the attribute mapping; and the pages beside it. Names of inputs are those of `PUT /applications/{id}/provisioning`,
//! dotted.

use askama::Template;

use crate::base::urls;
use crate::web::pages::application::{ApplicationHead, Tab};
use crate::web::pages::application_sso::PlaceholderField;
use crate::web::pages::parts::{Choice, Decision, Facts, Link, Pager, Status, When};
use crate::web::pages::setup_steps::Steps;
use crate::web::pages::shell::Shell;

/// `GET /admin/applications/{id}/provisioning`.
#[derive(Template)]
#[template(path = "console/application_provisioning.html")]
pub struct ApplicationProvisioningPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Whether people and groups are sent.
    pub active: bool,
    /// Whether address and token are there, so that the application can be asked.
    pub usable: bool,
    /// Switching it off; `None` while it is off.
    pub deactivation: Option<Decision>,
    /// How it stands; `None` before the first activation.
    pub standing: Option<Standing>,
    /// The first that failed, and where the others are.
    pub troubles: Vec<EntryLine>,
    /// "3 people and 1 group need a look"
    pub troubles_title: String,
    /// The first that wait for a yes.
    pub waiting: Vec<EntryLine>,
    /// "4 changes wait for your yes"
    pub waiting_title: String,
    /// Saying yes to all of them at once, and no; where there are several.
    pub waiting_all: Vec<Decision>,
    /// The settings.
    pub settings: SettingsForm,
    /// How Tessera proves itself.
    pub proof: ProofForm,
    /// The client certificate; `None` where the connector asks for none.
    pub certificate: Option<ClientCertificate>,
    /// Placeholders of the base URL.
    pub placeholders: Vec<PlaceholderField>,
    /// The version that the forms are drawn from; 0 before there is one.
    pub version: i64,
    /// The mapping.
    pub mapping: MappingForm,
    /// What is peculiar to the application, a sentence each.
    pub hints: Vec<String>,
    /// Steps at the application's side.
    pub steps: Steps,
    /// How these were checked; may be empty.
    pub steps_source: String,
}

/// The certificate that the application knows Tessera by.
#[derive(Clone, Default)]
pub struct ClientCertificate {
    /// When it ends, its fingerprint.
    pub facts: Facts,
    /// Where it is downloaded.
    pub download: String,
    /// Making it anew.
    pub renewal: Decision,
}

/// How a connection stands.
#[derive(Clone, Default)]
pub struct Standing {
    /// Active, failing, off.
    pub status: Status,
    /// "Connected to Heap, and verified"
    pub title: String,
    /// When it was asked last, and what is known of it.
    pub lines: Vec<String>,
    /// Numbers: label and figure.
    pub figures: Vec<(String, String)>,
    /// People and groups that are as they should be.
    pub done: i64,
    /// All of them.
    pub all: i64,
    /// How many are being looked at.
    pub pending: i64,
    /// "131 of 145 done"
    pub progress: String,
    /// "Compared 12 June 2026"; may be empty.
    pub compared: String,
}

/// One person or group, as it stands at the application.
#[derive(Clone, Default)]
pub struct EntryLine {
    /// `user` or `group`.
    pub kind: String,
    /// Its id here.
    pub id: String,
    /// Its name, and its page here.
    pub name: Link,
    /// One or two letters; empty for a group.
    pub initials: String,
    /// How it stands.
    pub status: Status,
    /// "Create", "Change": what waits or failed; may be empty.
    pub change: String,
    /// What happened last, in words.
    pub message: String,
    /// Stable code; may be empty.
    pub code: String,
    /// Since when it stands so.
    pub since: When,
    /// "In 4 minutes", "Waits for you".
    pub next: String,
    /// Names exactly what waits; empty when nothing does.
    pub asked: String,
    /// What waits, set out in lines: the resource, the members, or the account that would be taken over; may be empty.
    pub asked_for: String,
    /// Whether trying again is offered.
    pub can_retry: bool,
}

impl EntryLine {
    /// What a ticked box posts: `user:0190…:digest`.
    fn ticket(&self) -> String {
        format!("{}:{}:{}", self.kind, self.id, self.asked)
    }
}

/// The settings of a connection.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "boxes of the form, each ticked or not")]
pub struct SettingsForm {
    /// `base_url`, with its placeholders.
    pub base_url: String,
    /// What is said about it.
    pub base_url_help: String,
    /// What it comes to; empty when it says so itself.
    pub resolved_url: String,
    /// `manage_groups`
    pub manage_groups: bool,
    /// Whether the application takes groups.
    pub groups_offered: bool,
    /// `on_user_delete`
    pub on_user_delete: Vec<Choice>,
    /// `confirm_delete`
    pub confirm_delete: bool,
    /// `require_approval`, a box each.
    pub require_approval: Vec<Choice>,
    /// `mass_change_count`
    pub mass_change_count: String,
    /// `mass_change_percent`
    pub mass_change_percent: String,
    /// Whether a mail server is set up.
    pub mails: bool,
    /// `ca_certificate`
    pub ca_certificate: String,
}

/// How Tessera proves itself to the application; secrets are never shown.
#[derive(Clone, Default)]
pub struct ProofForm {
    /// `auth`: `bearer`, `basic`, `oauth2_client_credentials`.
    pub kinds: Vec<Choice>,
    /// "Set 3 March 2026"; empty: none was given.
    pub known: String,
    /// Why it can't be changed now; empty: it can.
    pub locked: String,
    /// `scim_username`
    pub username: String,
    /// `token_url`
    pub token_url: String,
    /// `client_id`
    pub client_id: String,
    /// `scope`
    pub scope: String,
    /// `token_expires_at`
    pub expires_at: String,
}

/// The mapping of people to what the application holds of them.
#[derive(Clone, Default)]
pub struct MappingForm {
    /// Its rows.
    pub rows: Vec<MappingRow>,
    /// Properties a value can come from.
    pub properties: Vec<Choice>,
    /// `add`: attributes that have no row.
    pub addable: Vec<Choice>,
    /// Whether it is another than the one that is stored.
    pub unsaved: bool,
}

/// A row of the mapping; inputs are `mappings.{n}.scim`, `.remote`, `.enabled`, `.kind`, `.source`, `.constant`,
/// `.by_group.rows`, `.by_group.all`, `.transforms`, `.remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingRow {
    /// Path of the attribute.
    pub scim: String,
    /// What the application calls it; may be empty.
    pub remote: String,
    /// Whether the application makes no account without it: then the row stays.
    pub required: bool,
    /// What the application does with it: "Heap never lets it change"; may be empty.
    pub note: String,
    /// Whether it is sent.
    pub enabled: bool,
    /// `source`, `constant`, `by_group`, or `kept` for what only the API can set.
    pub kind: String,
    /// Name of the property.
    pub source: String,
    /// The constant.
    pub constant: String,
    /// `Group = value`, one a line; `* = value` for everybody else.
    pub by_group: String,
    /// Whether all matches are sent.
    pub by_group_all: bool,
    /// Transforms, one a line.
    pub transforms: String,
}

impl MappingRow {
    /// Kinds of value: name and label.
    const KINDS: &'static [(&'static str, &'static str)] =
        &[("source", "Property"), ("constant", "Constant"), ("by_group", "By group")];
    /// Parts of a row whose errors are shown under its value.
    const PARTS: &'static [&'static str] = &["scim", "source", "constant", "by_group", "transforms"];

    /// The name of its attribute as people say it.
    #[must_use]
    pub fn title(&self) -> &str {
        // Of an extension's attribute, without the URN.
        let short = self.scim.rsplit(':').next().unwrap_or(&self.scim);
        if self.remote.is_empty() { short } else { &self.remote }
    }
}

/// What would be sent. Posts back what it was asked of, so that it can be saved.
#[derive(Template)]
#[template(path = "console/provisioning_dry_run.html")]
pub struct DryRunPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Whether it is of a mapping that is not saved yet: then its fields, to save it.
    pub carried: Option<Vec<(String, String)>>,
    /// Numbers: label and figure; empty when it could not be found out.
    pub figures: Vec<(String, String)>,
    /// People and groups for which something would be sent or is in the way.
    pub steps: Vec<DryRunLine>,
    /// How many more there are than are shown.
    pub more: String,
}

/// What would happen to one person or group.
#[derive(Clone, Default)]
pub struct DryRunLine {
    /// Its name, and its page here.
    pub name: Link,
    /// One or two letters; empty for a group.
    pub initials: String,
    /// What is in the way: empty when nothing is.
    pub held: String,
    /// Whether that is a yes, after which the requests are sent.
    pub waits: bool,
    /// Stable code of that.
    pub code: String,
    /// The requests.
    pub requests: Vec<RequestLine>,
}

/// A request that would be sent.
#[derive(Clone, Default)]
pub struct RequestLine {
    /// Method.
    pub method: String,
    /// Path below the base URL.
    pub path: String,
    /// Body, set out in lines; may be empty.
    pub body: String,
}

/// What the application would hold of a person.
#[derive(Template)]
#[template(path = "console/provisioning_preview.html")]
pub struct ProvisioningPreviewPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Who was asked for.
    pub person: String,
    /// "Livia Ferrante"; empty for nobody of that name.
    pub name: String,
    /// Why no account can be made; empty when one can.
    pub fault: String,
    /// The resource, set out in lines.
    pub resource: String,
}

/// How it stands with each person and group.
#[derive(Template)]
#[template(path = "console/provisioning_state.html")]
pub struct ProvisioningStatePage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// People and groups, as links; the chosen one is marked.
    pub kinds: Vec<KindLink>,
    /// `kind` as chosen.
    pub kind: String,
    /// `status`
    pub statuses: Vec<Choice>,
    /// The entries.
    pub rows: Vec<EntryLine>,
    /// Paging.
    pub pager: Pager,
    /// Whether something can be tried again.
    pub can_retry: bool,
}

/// A choice between people and groups.
#[derive(Clone, Default)]
pub struct KindLink {
    /// "People", and where they are.
    pub link: Link,
    /// How many.
    pub count: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// What was found when the application was last compared.
#[derive(Template)]
#[template(path = "console/provisioning_comparison.html")]
pub struct ComparisonPage {
    /// Around the page.
    pub shell: Shell,
    /// Title and tabs.
    pub app: ApplicationHead,
    /// Whether comparing now is possible.
    pub active: bool,
    /// When it was; empty: never.
    pub when: String,
    /// Numbers: label and figure.
    pub figures: Vec<(String, String)>,
    /// The named differences.
    pub items: Vec<DifferenceLine>,
    /// How many more there are than are named; may be empty.
    pub more: String,
}

/// One difference.
#[derive(Clone, Default)]
pub struct DifferenceLine {
    /// What it is called.
    pub name: String,
    /// "Person", "Group".
    pub kind: String,
    /// Its id at the application.
    pub remote_id: String,
    /// "Changed there", and its tone.
    pub status: Status,
    /// What is different, and what becomes of it.
    pub message: String,
}
