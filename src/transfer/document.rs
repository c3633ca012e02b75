//! What a configuration file says: one YAML document with the version of this format at its top.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use crate::applications::Status;
use crate::base::accent::Accent;
use crate::catalog::mapping::Mapping;
use crate::catalog::sso::SsoPatch;
use crate::provisioning::model::{Change, MassChange, OnUserDelete};

/// The version of the format, under the key `tessera`.
pub const VERSION: u32 = 1;

/// One file. A section that is left out says nothing of what it would hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`VERSION`].
    pub tessera: u32,
    /// Settings of the installation, by the names of `GET /settings`; `null` brings one back to its default.
    #[serde(default)]
    pub settings: Option<Map<String, Json>>,
    /// Groups, each known by its name.
    #[serde(default)]
    pub groups: Option<Vec<GroupEntry>>,
    /// Applications, each known by its slug.
    #[serde(default)]
    pub applications: Option<Vec<ApplicationEntry>>,
}

/// A group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Its name, in any case the same group.
    pub name: String,
    /// What it is for; `null` or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    pub description: Option<String>,
}

/// An application. What is left out stays as it is, or is the connector's when the application is new.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationEntry {
    /// Last part of the IdP URL. Another slug is another application.
    pub slug: String,
    /// Id of the connector it is made from.
    pub connector: String,
    /// Which version of it the application had when the file was written. A new application is made from the version of
    /// the catalog, which is told; one that is there keeps its own.
    #[serde(default, deserialize_with = "present")]
    pub connector_version: Option<u32>,
    /// Name on the tile.
    #[serde(default, deserialize_with = "present")]
    pub label: Option<String>,
    /// Sentence under it; `null` or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    pub description: Option<String>,
    /// Colour of the tile.
    #[serde(default, deserialize_with = "present")]
    pub color: Option<Accent>,
    /// Whether the portal shows it.
    #[serde(default, deserialize_with = "present")]
    pub show_in_portal: Option<bool>,
    /// Where a bookmark leads.
    #[serde(default, deserialize_with = "present")]
    pub bookmark_url: Option<String>,
    /// Whether people can use it.
    #[serde(default, deserialize_with = "present")]
    pub status: Option<Status>,
    /// Names of all groups whose people may use it.
    #[serde(default, deserialize_with = "present")]
    pub groups: Option<Vec<String>>,
    /// Single sign-on, in the very keys of `PATCH /applications/{id}/sso`.
    #[serde(default, deserialize_with = "present")]
    pub sso: Option<SsoPatch>,
    /// Identity management, which is made where there is none.
    #[serde(default, deserialize_with = "present")]
    pub provisioning: Option<ProvisioningEntry>,
}

/// Identity management of an application, in the very keys of `PUT /applications/{id}/provisioning` but for secrets.
/// What is left out stays as it is, or is the connector's when it is new.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisioningEntry {
    /// Base URL of the SCIM service, a template; `null` or empty: the connector's.
    #[serde(default, deserialize_with = "nullable")]
    pub base_url: Option<String>,
    /// Whether groups and who is in them are sent.
    #[serde(default, deserialize_with = "present")]
    pub manage_groups: Option<bool>,
    /// What becomes of the account of a person who is deleted here.
    #[serde(default, deserialize_with = "present")]
    pub on_user_delete: Option<OnUserDelete>,
    /// What somebody has to say yes to.
    #[serde(default, deserialize_with = "present")]
    pub require_approval: Option<Vec<Change>>,
    /// When departures wait because they are many.
    #[serde(default, deserialize_with = "present")]
    pub mass_change: Option<MassChange>,
    /// The mapping, whole; rules name groups by their names.
    #[serde(default, deserialize_with = "present")]
    pub mappings: Option<Vec<Mapping>>,
    /// The certificate authorities that are trusted there, PEM; `null` or empty: the public ones.
    #[serde(default, deserialize_with = "nullable")]
    pub ca_certificate: Option<String>,
}

/// These can't be taken away, so `null` is a value like another, and a wrong one.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads `null` as the empty text, so that it clears where absence keeps.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| Some(text.unwrap_or_default()))
}
