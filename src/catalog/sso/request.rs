//! What of an application's requests is decided by its settings: which authentication context classes mean what, and
//! which sets of attributes its metadata names. Data; what a request makes of it is the business of `signon`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::check::fault;
use super::value::is_sendable;
use crate::base::FieldError;
use crate::base::vocabulary::vocabulary;

/// Most classes and most sets of attributes of one application.
const MOST: usize = 20;
/// Most attributes of one set.
const MOST_ATTRIBUTES: usize = 100;

vocabulary! {
    /// What a person must have done for a class to be true of a sign-on.
    AuthnEvidence {
        /// Entered their password in this session.
        #[default]
        Password = "password",
        /// Entered their password for this very sign-on.
        PasswordNow = "password_now",
    }
}

/// An authentication context class that an application asks for, and what it means here (SAML-120, SAML-121). The order
/// in which they stand is the order of their strength, weakest first; all are stronger than the standard's own classes of
/// a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthnContextClass {
    /// URI of the class.
    pub class: String,
    /// What makes it true.
    #[serde(default)]
    pub requires: AuthnEvidence,
}

/// A set of attributes that the application's metadata names (Metadata 2.4.4.1). A request that names it by its index
/// is answered with what of the mapping is in it (SAML-123).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeService {
    /// Its index.
    pub index: u16,
    /// What it asks for.
    pub attributes: Vec<RequestedAttribute>,
}

/// An attribute that the application asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedAttribute {
    /// Its name.
    pub name: String,
    /// Whether the application can't do without.
    #[serde(default)]
    pub required: bool,
}

/// What can't be accepted of the classes.
pub(super) fn check_classes(classes: &[AuthnContextClass]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if classes.len() > MOST {
        faults.push(fault("authn_contexts", "too_many", "Too many classes. Use at most 20."));
    }
    let mut seen = BTreeSet::new();
    for (i, entry) in classes.iter().enumerate() {
        let field = format!("authn_contexts.{i}.class");
        let class = entry.class.as_str();
        let usable = crate::base::urls::is_absolute_uri(class) && class.len() <= 1024 && is_sendable(class);
        if !usable {
            let message = "Write the class as the URI that the application asks for.";
            faults.push(fault(field, "unusable_class", message));
        } else if STANDARD.contains(&class) {
            let message = "This class is what a sign-in by password is by itself. Leave it out.";
            faults.push(fault(field, "standard_class", message));
        } else if !seen.insert(class) {
            faults.push(fault(
                field,
                "duplicate_class",
                "This class stands here twice. Remove one of the two.",
            ));
        }
    }
    faults
}

/// What a password makes true, or not, without anybody's word (AuthnContext 3.4).
const STANDARD: [&str; 3] = [
    "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
];

/// What can't be accepted of the sets of attributes.
pub(super) fn check_services(services: &[AttributeService]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let long = services.iter().any(|service| service.attributes.len() > MOST_ATTRIBUTES);
    if services.len() > MOST || long {
        let message = "Too many. Use at most 20 sets of at most 100 attributes.";
        faults.push(fault("attribute_services", "too_many", message));
    }
    for (i, service) in services.iter().enumerate() {
        if !seen.insert(service.index) {
            let message = "Two sets have this index. Give each its own.";
            faults.push(fault(format!("attribute_services.{i}.index"), "duplicate_index", message));
        }
        let bad = |name: &str| name.trim().is_empty() || name.len() > 256 || !is_sendable(name);
        if service.attributes.iter().any(|attribute| bad(&attribute.name)) {
            let message = "Give each attribute a name of 1 to 256 characters.";
            faults.push(fault(format!("attribute_services.{i}.attributes"), "bad_name", message));
        }
    }
    faults
}
