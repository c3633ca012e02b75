//! The NameID and the attributes of an assertion, as configured: where each value comes from and how it is called.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::change::Change;
use super::transform::Transform;
use super::value::{GroupFilter, GroupRule, ValueFrom, ValueKeys, is_false, yes};
use crate::base::binding::AcsBinding;
use crate::base::name_id::NameIdFormat;
use crate::base::property::{Property, Source};

/// `NameFormat` of an attribute (Core 8.2).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Default,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NameFormat {
    /// `urn:oasis:names:tc:SAML:2.0:attrname-format:basic`
    #[default]
    Basic,
    /// `urn:oasis:names:tc:SAML:2.0:attrname-format:uri`
    Uri,
    /// `urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified`
    Unspecified,
}

impl NameFormat {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Basic, Self::Uri, Self::Unspecified];

    /// The URN.
    #[must_use]
    pub fn urn(self) -> &'static str {
        match self {
            Self::Basic => "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
            Self::Uri => "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
            Self::Unspecified => "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
        }
    }

    /// The name used in YAML and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Uri => "uri",
            Self::Unspecified => "unspecified",
        }
    }
}

/// Whether the application makes accounts from this attribute at the first sign-on (just in time). The name of
/// such an attribute is the application's and can't be changed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Jit {
    /// It makes no account without it.
    Required,
    /// It takes it when it comes.
    Optional,
}

/// One attribute of the assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The application's name for it, 1 to 256 characters.
    pub name: String,
    /// Format of that name.
    pub name_format: NameFormat,
    /// `FriendlyName`, for people only.
    pub friendly_name: Option<String>,
    /// Whether it is sent.
    pub enabled: bool,
    /// Set by connectors of applications that make accounts just in time.
    pub jit: Option<Jit>,
    /// Where the value comes from.
    pub value: ValueFrom,
    /// What happens to it on the way.
    pub transforms: Vec<Transform>,
}

/// [`Attribute`] as it stands in YAML, JSON and OpenAPI.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Attribute")]
#[schema(as = Attribute)]
pub struct AttributeForm {
    /// The application's name for it, 1 to 256 characters.
    name: String,
    /// Format of that name.
    #[serde(default)]
    name_format: NameFormat,
    /// `FriendlyName`, for people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    friendly_name: Option<String>,
    /// Whether it is sent.
    #[serde(default = "yes")]
    enabled: bool,
    /// Set by connectors of applications that make accounts just in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jit: Option<Jit>,
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

impl TryFrom<AttributeForm> for Attribute {
    type Error = String;
    fn try_from(form: AttributeForm) -> Result<Self, String> {
        let AttributeForm { name, name_format, friendly_name, enabled, jit, transforms, .. } = form;
        let keys = ValueKeys {
            source: form.source,
            constant: form.constant,
            groups: form.groups,
            by_group: form.by_group,
            default: form.default,
            all: form.all,
        };
        let value =
            keys.into_value().map_err(|fault| format!("attribute {name:?}: {fault}"))?.ok_or_else(|| {
                format!("attribute {name:?} needs a value: name one of source, constant, groups and by_group")
            })?;
        Ok(Self { name, name_format, friendly_name, enabled, jit, value, transforms })
    }
}

impl From<&Attribute> for AttributeForm {
    fn from(attribute: &Attribute) -> Self {
        let keys = ValueKeys::from(attribute.value.clone());
        Self {
            name: attribute.name.clone(),
            name_format: attribute.name_format,
            friendly_name: attribute.friendly_name.clone(),
            enabled: attribute.enabled,
            jit: attribute.jit,
            source: keys.source,
            constant: keys.constant,
            groups: keys.groups,
            by_group: keys.by_group,
            default: keys.default,
            all: keys.all,
            transforms: attribute.transforms.clone(),
        }
    }
}

/// The NameID: its format, where its value comes from, and what happens to it on the way. For `persistent` and
/// `transient` the value is made by Tessera and the source is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// Format.
    pub format: NameIdFormat,
    /// Where the value comes from; never [`ValueFrom::Groups`].
    pub value: ValueFrom,
    /// What happens to it on the way.
    pub transforms: Vec<Transform>,
}

impl Default for NameId {
    fn default() -> Self {
        Self {
            format: NameIdFormat::EmailAddress,
            value: ValueFrom::Property(Source::Property(Property::Email)),
            transforms: Vec::new(),
        }
    }
}

/// A change of the [`NameId`]; what it does not name stays. Naming one of `source`, `constant` and `by_group`
/// replaces the others.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NameId")]
pub struct NameIdPatch {
    /// Last part of the format's URN.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<NameIdFormat>)]
    pub(super) format: Change<NameIdFormat>,
    /// A property of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Source>,
    /// The same text for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constant: Option<String>,
    /// A value by group: the first rule that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_group: Option<Vec<GroupRule>>,
    /// With `by_group`: the value when no rule matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// What happens to the value on the way, in order.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<Transform>>)]
    pub(super) transforms: Change<Vec<Transform>>,
}

impl NameIdPatch {
    /// Whether it touches where the value comes from, which needs a fresh password entry (decision 15).
    #[must_use]
    pub fn touches_source(&self) -> bool {
        self.source.is_some() || self.constant.is_some() || self.by_group.is_some() || self.default.is_some()
    }

    pub(super) fn merge_into(self, name_id: &mut NameId) -> Result<(), &'static str> {
        let keys = ValueKeys {
            source: self.source,
            constant: self.constant,
            groups: None,
            by_group: self.by_group,
            default: self.default,
            all: false,
        };
        if let Some(value) = keys.into_value()? {
            name_id.value = value;
        }
        match self.format {
            Change::Keep => {}
            Change::Reset => name_id.format = NameId::default().format,
            Change::Set(format) => name_id.format = format,
        }
        self.transforms.apply_to(&mut name_id.transforms);
        Ok(())
    }
}

impl From<&NameId> for NameIdPatch {
    fn from(name_id: &NameId) -> Self {
        let keys = ValueKeys::from(name_id.value.clone());
        let transforms = if name_id.transforms.is_empty() {
            Change::Keep
        } else {
            Change::Set(name_id.transforms.clone())
        };
        Self {
            format: Change::Set(name_id.format),
            source: keys.source,
            constant: keys.constant,
            by_group: keys.by_group,
            default: keys.default,
            transforms,
        }
    }
}

impl TryFrom<NameIdPatch> for NameId {
    type Error = &'static str;
    fn try_from(patch: NameIdPatch) -> Result<Self, &'static str> {
        let mut name_id = Self::default();
        patch.merge_into(&mut name_id)?;
        Ok(name_id)
    }
}

/// One assertion consumer service, with index and default filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcsUrl {
    /// The address; a template in connectors.
    pub url: String,
    /// What `AssertionConsumerServiceIndex` calls it.
    pub index: u16,
    /// Whether it is used when a request names none. Exactly one is.
    pub default: bool,
    /// How it takes responses.
    #[serde(default)]
    pub binding: AcsBinding,
}

/// An [`AcsUrl`] as written: a bare address, or an object whose `index`, `default` and `binding` may be left out.
#[derive(Clone, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = AcsUrlInput)]
pub struct AcsUrlForm {
    /// The address.
    pub url: String,
    /// Index; the lowest free one when left out.
    pub index: Option<u16>,
    /// Default; the first one when none says so.
    pub default: Option<bool>,
    /// How it takes responses; `post` when left out.
    pub binding: Option<AcsBinding>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct AcsUrlObject {
    url: String,
    index: Option<u16>,
    default: Option<bool>,
    binding: Option<AcsBinding>,
}

impl<'de> Deserialize<'de> for AcsUrlForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = AcsUrlForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or an object with url, index, default and binding")
            }
            fn visit_str<E: serde::de::Error>(self, url: &str) -> Result<AcsUrlForm, E> {
                Ok(AcsUrlForm { url: url.to_owned(), index: None, default: None, binding: None })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<AcsUrlForm, A::Error> {
                let AcsUrlObject { url, index, default, binding } =
                    AcsUrlObject::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(AcsUrlForm { url, index, default, binding })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Serialize for AcsUrlForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("url", &self.url)?;
        if let Some(index) = self.index {
            map.serialize_entry("index", &index)?;
        }
        if let Some(default) = self.default {
            map.serialize_entry("default", &default)?;
        }
        if let Some(binding) = self.binding {
            map.serialize_entry("binding", &binding)?;
        }
        map.end()
    }
}

impl schemars::JsonSchema for AcsUrlForm {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AcsUrl".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let object = <AcsUrlObject as schemars::JsonSchema>::json_schema(generator);
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, object] })
    }
}

macro_rules! through_form {
    ($type:ty, $form:ty, $name:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::from(self).serialize(serializer)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$form>::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$form as schemars::JsonSchema>::json_schema(generator)
            }
        }
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <$form as utoipa::PartialSchema>::schema()
            }
        }
        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
                <$form as utoipa::ToSchema>::schemas(schemas);
            }
        }
    };
}

through_form!(Attribute, AttributeForm, "Attribute");
through_form!(NameId, NameIdPatch, "NameId");
