//! One row of an application's SCIM mapping: which attribute of a resource takes its value from where. The flat form
//! in REST and in the database is that of attributes in assertions (decision 26).

use serde::{Deserialize, Serialize};

use super::model::{ScimMapping, ScimSource};
use super::sso::value::{ValueKeys, is_false, value_fault, yes};
use super::sso::{ByGroup, GroupFilter, GroupRule, Transform, ValueFrom};
use crate::base::property::Source;

/// Which attribute of a person's resource takes its value from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MappingForm", into = "MappingForm")]
pub struct Mapping {
    /// SCIM attribute, a path as in RFC 7644 3.5.2: `name.givenName`, `emails[type eq "work"].value`.
    pub scim: String,
    /// What the application calls it, for people only.
    pub remote: Option<String>,
    /// Whether it is sent.
    pub enabled: bool,
    /// Whether the application makes no account without it. Set by connectors.
    pub required: bool,
    /// Where the value comes from.
    pub value: ValueFrom,
    /// What happens to it on the way.
    pub transforms: Vec<Transform>,
}

/// [`Mapping`] as it stands in JSON and OpenAPI.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Mapping)]
pub struct MappingForm {
    /// SCIM attribute, a path as in RFC 7644 3.5.2.
    scim: String,
    /// What the application calls it, for people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    /// Whether it is sent.
    #[serde(default = "yes")]
    enabled: bool,
    /// Whether the application makes no account without it. Set by connectors; can't be changed.
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    /// A property of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Source>,
    /// The same text for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constant: Option<String>,
    /// Names of the person's groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<GroupFilter>,
    /// A value by group: the first rule that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_group: Option<Vec<GroupRule>>,
    /// With `by_group`: the value when no rule matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// With `by_group`: every rule that matches, as several values.
    #[serde(default, skip_serializing_if = "is_false")]
    all: bool,
    /// What happens to the values on the way, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    transforms: Vec<Transform>,
}

impl TryFrom<MappingForm> for Mapping {
    type Error = String;
    fn try_from(form: MappingForm) -> Result<Self, String> {
        let MappingForm { scim, remote, enabled, required, transforms, .. } = form;
        let keys = ValueKeys {
            source: form.source,
            constant: form.constant,
            groups: form.groups,
            by_group: form.by_group,
            default: form.default,
            all: form.all,
        };
        let value =
            keys.into_value().map_err(|fault| format!("mapping {scim:?}: {fault}"))?.ok_or_else(|| {
                format!("mapping {scim:?} needs a value: name one of source, constant, groups and by_group")
            })?;
        Ok(Self { scim, remote, enabled, required, value, transforms })
    }
}

impl From<Mapping> for MappingForm {
    fn from(mapping: Mapping) -> Self {
        let keys = ValueKeys::from(mapping.value);
        Self {
            scim: mapping.scim,
            remote: mapping.remote,
            enabled: mapping.enabled,
            required: mapping.required,
            source: keys.source,
            constant: keys.constant,
            groups: keys.groups,
            by_group: keys.by_group,
            default: keys.default,
            all: keys.all,
            transforms: mapping.transforms,
        }
    }
}

impl From<&ScimMapping> for Mapping {
    /// What a connector says of an attribute, as an application of it begins.
    fn from(row: &ScimMapping) -> Self {
        let value = match (&row.source, &row.constant) {
            (Some(ScimSource::Property(source)), _) => ValueFrom::Property(source.clone()),
            (Some(ScimSource::ByGroup), _) | (None, None) => ValueFrom::ByGroup(ByGroup::default()),
            (None, Some(constant)) => ValueFrom::Constant(constant.clone()),
        };
        Self {
            scim: row.scim.clone(),
            remote: row.remote.clone(),
            enabled: true,
            required: row.required,
            value,
            transforms: row.transforms.clone(),
        }
    }
}

impl Mapping {
    /// What its value may not hold: a stable code and the sentence that says so.
    #[must_use]
    pub fn value_fault(&self) -> Option<(&'static str, &'static str)> {
        value_fault(&self.value, &self.transforms)
    }
}
