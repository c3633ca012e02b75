//! Attribute release: what of a person goes into an assertion, by the application's mapping and nothing else
//! (SAML-213). Pure: the same mapping and subject always give the same attributes.

use crate::applications::subject::Subject;
use crate::applications::value;
use crate::catalog::sso::{
    Attribute, AttributeService, NameId, SsoSettings, SubjectIdentifier, Transform, ValueFrom,
};
use crate::saml;
use crate::saml::receive::Trusted;
use crate::saml::refusal::{Reason, Refusal};

/// A value could not be released: which attribute, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFault {
    /// Name of the attribute; `NameID` for the NameID.
    pub attribute: String,
    /// Stable code.
    pub code: &'static str,
    /// Sentence for the administrator.
    pub message: String,
}

/// The set of attributes that a request names, which narrows what is released and never widens it (SAML-123); `None`:
/// the whole mapping. An index means nothing to an application of which no set is known.
pub fn wanted<'a>(
    settings: &'a SsoSettings,
    trusted: &Trusted,
) -> Result<Option<&'a AttributeService>, Refusal> {
    let services = &settings.attribute_services;
    let Some(index) = trusted.request().attribute_service_index.filter(|_| !services.is_empty()) else {
        return Ok(None);
    };
    let found = services.iter().find(|service| service.index == index);
    found.map(Some).ok_or_else(|| trusted.refuse(Reason::AttributeServiceUnknown))
}

/// The attributes to release, in the order of the mapping; those without a value are left out (SAML-212), and those that
/// are not in the set `wanted`.
pub fn attributes(
    mapping: &[Attribute],
    wanted: Option<&AttributeService>,
    subject: &Subject,
) -> Result<Vec<saml::response::Attribute>, ReleaseFault> {
    let mut out: Vec<saml::response::Attribute> = Vec::new();
    let is_wanted = |attribute: &&Attribute| {
        wanted.is_none_or(|set| set.attributes.iter().any(|asked| asked.name == attribute.name))
    };
    for attribute in mapping.iter().filter(|attribute| attribute.enabled).filter(is_wanted) {
        let values = values(&attribute.name, &attribute.value, &attribute.transforms, subject)?;
        if !values.is_empty() {
            out.push(saml::response::Attribute {
                name: attribute.name.clone(),
                name_format: attribute.name_format.urn().to_owned(),
                friendly_name: attribute.friendly_name.clone(),
                values,
            });
        }
    }
    Ok(out)
}

/// An identifier as an attribute: unique, then where it is unique (Subject Identifier Attributes Profile 3). `None`: there
/// is none to release.
pub fn identifier(kind: SubjectIdentifier, unique: &str, scope: &str) -> Option<saml::response::Attribute> {
    Some(saml::response::Attribute {
        name: kind.attribute()?.to_owned(),
        name_format: saml::names::ATTRIBUTE_URI.to_owned(),
        friendly_name: Some(kind.as_str().to_owned()),
        values: vec![format!("{unique}@{scope}")],
    })
}

/// Adds an identifier, unless the mapping makes it itself and so has the say.
pub fn add_identifier(
    attributes: &mut Vec<saml::response::Attribute>,
    identifier: Option<saml::response::Attribute>,
) {
    let is_new = |ours: &saml::response::Attribute| attributes.iter().all(|mapped| mapped.name != ours.name);
    if let Some(identifier) = identifier.filter(is_new) {
        attributes.push(identifier);
    }
}

/// The NameID's value from the mapping; `None` when the person has no such value. Persistent and transient ones
/// are made elsewhere.
pub fn name_id_value(name_id: &NameId, subject: &Subject) -> Result<Option<String>, ReleaseFault> {
    let values = values("NameID", &name_id.value, &name_id.transforms, subject)?;
    Ok(values.into_iter().next())
}

fn values(
    attribute: &str,
    from: &ValueFrom,
    transforms: &[Transform],
    subject: &Subject,
) -> Result<Vec<String>, ReleaseFault> {
    value::values(from, transforms, subject).map_err(|error| ReleaseFault {
        attribute: attribute.to_owned(),
        code: error.code(),
        message: error.to_string(),
    })
}
