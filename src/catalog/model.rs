//! A connector: everything the catalog knows of one application. The YAML files, their JSON Schema and the API all
//! come from these types.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sso::{Initiation, SsoPatch, SsoSettings, Transform};
use crate::base::Result;
use crate::base::accent::Accent;
use crate::base::property::Source;
use crate::base::vocabulary::vocabulary;

vocabulary! {
    /// What an application is for; the shelves of the catalog.
    Category {
        /// Figures and reports.
        Analytics = "analytics",
        /// Mail, chat, meetings, intranets.
        Communication = "communication",
        /// Customers and deals.
        Crm = "crm",
        /// For those who write software.
        DeveloperTools = "developer-tools",
        /// Drawing and prototyping.
        Design = "design",
        /// Learning and teaching.
        Education = "education",
        /// Money.
        Finance = "finance",
        /// People and pay.
        Hr = "hr",
        /// Running machines and services.
        ItOps = "it-ops",
        /// Contracts and compliance.
        Legal = "legal",
        /// Campaigns and sites.
        Marketing = "marketing",
        /// Notes, documents, daily work.
        Productivity = "productivity",
        /// Plans and tasks.
        ProjectManagement = "project-management",
        /// Selling.
        Sales = "sales",
        /// Passwords, access, defence.
        Security = "security",
        /// Files.
        Storage = "storage",
        /// Help desks.
        Support = "support",
        /// Anything else.
        #[default]
        Other = "other",
    }
}

vocabulary! {
    /// How the facts of a connector were checked.
    Verified {
        /// Not at all.
        #[default]
        None = "none",
        /// Against documentation, named in `sources`.
        Documentation = "documentation",
        /// By signing on to the application itself.
        Live = "live",
    }
}

vocabulary! {
    /// What becomes of it.
    ConnectorKind {
        /// An application that speaks SAML.
        #[default]
        Saml = "saml",
        /// A tile that only opens an address.
        Bookmark = "bookmark",
    }
}

vocabulary! {
    /// Where the value of a placeholder lands, and so how it is checked and written (decision 27).
    PlaceholderKind {
        /// One label of a host name: `acme` in `acme.example.com`.
        Label = "label",
        /// A whole host name or IP address.
        Host = "host",
        /// A host, with or without a port.
        HostPort = "host_port",
        /// One segment of a path; percent-encoded.
        #[default]
        Segment = "segment",
        /// Several segments of a path; percent-encoded but for `/`.
        Path = "path",
        /// A value in a query; percent-encoded.
        Query = "query",
        /// Inserted as it is, never into a host.
        Opaque = "opaque",
        /// A whole address, where an application shows one that nobody can know before.
        Url = "url",
    }
}

/// The customer's own part of a template: asked once, checked, and shown wherever it lands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Placeholder {
    /// Label of the form field, for example *Heap ID*.
    pub label: String,
    /// Where the administrator finds the value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Where it lands.
    #[serde(default)]
    pub kind: PlaceholderKind,
    /// Regular expression that the whole value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// A value as it might be.
    pub example: String,
    /// Regular expression whose first group finds the value in a pasted text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<String>,
}

/// The placeholders a connector declares, by token.
pub type Placeholders = BTreeMap<String, Placeholder>;

/// A connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Name in addresses and files: lower-case letters, digits and single hyphens.
    pub id: String,
    /// Name as its maker writes it.
    pub name: String,
    /// One sentence or less.
    pub description: String,
    /// Site of its maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Shelves it stands on.
    pub categories: Vec<Category>,
    /// Words people may search for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Other and earlier names; unique over the catalog.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Name of a brand glyph; without one a monogram in the accent is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glyph: Option<String>,
    /// Colour of its tile.
    pub accent: Accent,
    /// Raised with every change, from 1.
    pub version: u32,
    /// What becomes of it.
    #[serde(default)]
    pub kind: ConnectorKind,
    /// How its facts were checked.
    #[serde(default)]
    pub verified: Verified,
    /// Id of the connector to use in its place: the application has another name by now, or is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// Where its facts come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Fields that say otherwise than the collected facts, each with the reason (decision 30).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub differs: BTreeMap<String, String>,
    /// What is odd about a field and meant so, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
    /// The customer's own parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Placeholder>)]
    pub placeholders: Placeholders,
    /// Whether accounts are made there at the first sign-on (just in time). An attribute with `jit` says so too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub jit: bool,
    /// Single sign-on: the keys of `PATCH …/sso`.
    #[serde(default)]
    pub sso: SsoPatch,
    /// Identity management over SCIM 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning: Option<Provisioning>,
    /// What to do on the application's side; what is left out is said in general.
    #[serde(default)]
    pub setup: Setup,
}

impl Connector {
    /// The outline of its glyph, if it names one that is in the program.
    #[must_use]
    pub fn glyph_path(&self) -> Option<&'static str> {
        self.glyph.as_deref().and_then(super::glyphs::path)
    }

    /// Whether accounts are made there at the first sign-on.
    #[must_use]
    pub fn makes_accounts(&self) -> bool {
        let attributes = self.sso.attributes.set_value();
        self.jit || attributes.is_some_and(|rows| rows.iter().any(|row| row.jit.is_some()))
    }

    /// The settings a fresh application of this connector starts with: the defaults with its `sso` block on top.
    pub fn sso_settings(&self) -> Result<SsoSettings> {
        SsoSettings::default().merged(self.sso.clone())
    }

    /// Whether sign-ons are known to begin there, and nothing is known of those that begin here.
    #[must_use]
    pub fn is_begun_there(&self) -> bool {
        let begins_there = |who: &Vec<Initiation>| !who.is_empty() && !who.contains(&Initiation::Idp);
        self.sso.initiation.set_value().is_some_and(begins_there)
    }

    /// The same before they are checked, for a linter that goes on after a fault.
    pub(super) fn unchecked_settings(&self) -> Result<SsoSettings> {
        SsoSettings::default().unchecked(self.sso.clone())
    }

    /// Every text in it that may hold placeholders, with its dotted place in the file. The settings need not be good
    /// ones.
    pub fn templates(&self) -> Result<Vec<(String, String)>> {
        let settings = self.unchecked_settings()?;
        let mut out: Vec<(String, String)> = settings
            .templates()
            .into_iter()
            .map(|(place, text)| (format!("sso.{place}"), text.to_owned()))
            .collect();
        if let Some(url) = self.sso.sp_metadata_url.set_value() {
            out.push(("sso.sp_metadata_url".to_owned(), url.clone()));
        }
        if let Some(provisioning) = &self.provisioning {
            out.extend(provisioning.templates());
        }
        Ok(out)
    }
}

/// Set-up steps in Markdown (see [`super::steps`]).
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// For single sign-on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso: Option<String>,
    /// For identity management.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning: Option<String>,
}

vocabulary! {
    /// How Tessera proves itself to a SCIM endpoint.
    ScimAuth {
        /// A token.
        #[default]
        Bearer = "bearer",
        /// Username and password.
        Basic = "basic",
        /// A token fetched with client credentials (RFC 6749 4.4).
        Oauth2ClientCredentials = "oauth2_client_credentials",
    }
}

/// What a connector says of SCIM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Provisioning {
    /// Base URL; a template. Without one the administrator pastes it from the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// How to prove oneself.
    #[serde(default)]
    pub auth: ScimAuth,
    /// Whether groups can be managed.
    #[serde(default)]
    pub groups: bool,
    /// Attributes of people.
    #[serde(default)]
    pub user_attributes: Vec<ScimMapping>,
    /// What is peculiar to this application.
    #[serde(default)]
    pub quirks: Quirks,
}

impl Provisioning {
    fn templates(&self) -> Vec<(String, String)> {
        let base = self.base_url.iter().map(|url| ("provisioning.base_url".to_owned(), url.clone()));
        let constants = self.user_attributes.iter().enumerate().filter_map(|(i, mapping)| {
            let text = mapping.constant.clone()?;
            Some((format!("provisioning.user_attributes.{i}.constant"), text))
        });
        base.chain(constants).collect()
    }
}

/// One row of the attribute mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimMapping {
    /// SCIM attribute, for example `name.givenName`.
    pub scim: String,
    /// Where the value comes from; `{by_group: true}` leaves the rules to the administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ScimSource>,
    /// The same value for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<String>,
    /// What the application calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Can't be removed.
    #[serde(default)]
    pub required: bool,
    /// What happens to the value on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<Transform>,
}

/// Source of a mapped SCIM attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScimSource {
    /// A property of the person.
    Property(Source),
    /// A value by group, whose rules the administrator writes.
    ByGroup,
}

#[derive(Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ByGroupMark {
    by_group: bool,
}

impl<'de> Deserialize<'de> for ScimSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = ScimSource;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a property, or {by_group: true}")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ScimSource, E> {
                Source::deserialize(serde::de::value::StrDeserializer::new(text)).map(ScimSource::Property)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<ScimSource, A::Error> {
                let mark = ByGroupMark::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                if mark.by_group {
                    Ok(ScimSource::ByGroup)
                } else {
                    Err(serde::de::Error::custom("by_group can only be true here"))
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Serialize for ScimSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        match self {
            Self::Property(source) => source.serialize(serializer),
            Self::ByGroup => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("by_group", &true)?;
                map.end()
            }
        }
    }
}

impl schemars::JsonSchema for ScimSource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ScimSource".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let property = generator.subschema_for::<Source>();
        let mark = <ByGroupMark as schemars::JsonSchema>::json_schema(generator);
        schemars::json_schema!({ "anyOf": [property, mark] })
    }
}

impl utoipa::PartialSchema for ScimSource {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{OneOfBuilder, Schema};
        let one_of = OneOfBuilder::new().item(String::schema()).item(ByGroupMark::schema()).build();
        utoipa::openapi::RefOr::T(Schema::OneOf(one_of))
    }
}

impl utoipa::ToSchema for ScimSource {
    fn name() -> std::borrow::Cow<'static, str> {
        "ScimSource".into()
    }
}

vocabulary! {
    /// What the application does with an account that is taken away.
    RemoteDeactivation {
        /// Sets it inactive.
        #[default]
        Deactivate = "deactivate",
        /// Locks it and keeps its contents.
        Lock = "lock",
        /// Deletes it.
        Delete = "delete",
    }
}

vocabulary! {
    /// What happens when the application already has a group of the same name (decision 33).
    AdoptGroups {
        /// It is taken over.
        #[default]
        Auto = "auto",
        /// An administrator is asked.
        Ask = "ask",
    }
}

vocabulary! {
    /// What happens when an account that was there is not there any more.
    MissingAccount {
        /// It is made anew.
        #[default]
        Recreate = "recreate",
        /// An administrator is asked.
        Ask = "ask",
    }
}

vocabulary! {
    /// How members are taken out of a group there.
    MemberRemoval {
        /// `members[value eq "…"]`, one operation for each (RFC 7644 3.5.2.2).
        #[default]
        Filter = "filter",
        /// `members` with the list of those who go.
        List = "list",
    }
}

vocabulary! {
    /// How changes are written there.
    PatchDialect {
        /// As RFC 7644 has them.
        #[default]
        Rfc = "rfc",
        /// As Microsoft Entra ID writes them: names of operations in capitals, booleans as text.
        Entra = "entra",
    }
}

/// How many changes an application takes in a time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Requests a minute, in the long run.
    pub per_minute: u32,
    /// Requests at once after a rest.
    pub burst: u32,
}

/// What is peculiar to an application's SCIM: a closed list, so that each entry is code that is tested.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "independent peculiarities, each named in the YAML")]
pub struct Quirks {
    /// SCIM attributes that never change there once set: a change makes a second account, so it is asked first.
    #[serde(skip_serializing_if = "is_default")]
    pub immutable: Vec<String>,
    /// What becomes of an account that is taken away.
    #[serde(skip_serializing_if = "is_default")]
    pub remote_deactivation: RemoteDeactivation,
    /// The user name must be the e-mail address.
    #[serde(skip_serializing_if = "is_default")]
    pub username_equals_email: bool,
    /// New groups wait for an approval on the application's side.
    #[serde(skip_serializing_if = "is_default")]
    pub groups_need_approval: bool,
    /// The enterprise extension of users is refused (RFC 7643 4.3).
    #[serde(skip_serializing_if = "is_default")]
    pub no_enterprise_extension: bool,
    /// Attributes that are unknown there are ignored, not refused.
    #[serde(skip_serializing_if = "is_default")]
    pub unknown_attributes_ignored: bool,
    /// SCIM attributes it has no use for; not offered in the mapping.
    #[serde(skip_serializing_if = "is_default")]
    pub unused: Vec<String>,
    /// Accounts made at sign-on should be switched off there while SCIM is on.
    #[serde(skip_serializing_if = "is_default")]
    pub jit_off: bool,
    /// The connection must be deactivated before its token can be changed.
    #[serde(skip_serializing_if = "is_default")]
    pub deactivate_to_change_token: bool,
    /// A public certificate is made for the connection, for the application to keep.
    #[serde(skip_serializing_if = "is_default")]
    pub certificate: bool,
    /// Groups of these names (patterns) are never taken over without being asked.
    #[serde(skip_serializing_if = "is_default")]
    pub privileged_groups: Vec<String>,
    /// What happens when it already has a group of the same name.
    #[serde(skip_serializing_if = "is_default")]
    pub adopt_groups: AdoptGroups,
    /// What happens when somebody has taken an account away there.
    #[serde(skip_serializing_if = "is_default")]
    pub missing_account: MissingAccount,
    /// SCIM attributes of which it takes one value only, though the standard has several: the first is sent.
    #[serde(skip_serializing_if = "is_default")]
    pub single_valued: Vec<String>,
    /// It understands no PATCH: what changes is read, changed and put back whole.
    #[serde(skip_serializing_if = "is_default")]
    pub no_patch: bool,
    /// How changes are written.
    #[serde(skip_serializing_if = "is_default")]
    pub patch_dialect: PatchDialect,
    /// How members are taken out of a group.
    #[serde(skip_serializing_if = "is_default")]
    pub member_removal: MemberRemoval,
    /// Most members in one request that makes or changes a group; 100 unless said.
    #[serde(skip_serializing_if = "is_default")]
    pub membership_limit: Option<u32>,
    /// Most resources on one page of a list; 100 unless said.
    #[serde(skip_serializing_if = "is_default")]
    pub page_limit: Option<u32>,
    /// Its lists go on by a cursor (RFC 9865), though it does not say so of itself.
    #[serde(skip_serializing_if = "is_default")]
    pub cursor_paging: bool,
    /// It never shows who is in a group: what was sent is all that is known.
    #[serde(skip_serializing_if = "is_default")]
    pub members_hidden: bool,
    /// `externalId` is refused.
    #[serde(skip_serializing_if = "is_default")]
    pub no_external_id: bool,
    /// Its filters can't be relied on: accounts are found by reading all of them.
    #[serde(skip_serializing_if = "is_default")]
    pub no_filter: bool,
    /// It takes `application/json` and not `application/scim+json`.
    #[serde(skip_serializing_if = "is_default")]
    pub plain_json: bool,
    /// It may say yes and change nothing: what was changed is read again.
    #[serde(skip_serializing_if = "is_default")]
    pub read_back: bool,
    /// An account that is set inactive can't be seen any more.
    #[serde(skip_serializing_if = "is_default")]
    pub inactive_hidden: bool,
    /// How many requests it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub pace: Option<Pace>,
    /// Requests at the same time; 4 unless said.
    #[serde(skip_serializing_if = "is_default")]
    pub concurrency: Option<u32>,
}

/// What a connector leaves out is left out when it is written, too.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Quirks {
    /// Whether it takes one value only of a SCIM attribute.
    #[must_use]
    pub fn has_one_value(&self, attribute: &str) -> bool {
        self.single_valued.iter().any(|name| name.eq_ignore_ascii_case(attribute))
    }
}
