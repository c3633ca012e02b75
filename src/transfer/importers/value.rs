//! What an export says of one value: where it comes from, what happens to it on the way, and how it is called.

use serde_json::{Value as Json, json};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A property of the person: `email`, `custom.badge`.
    Source(String),
    /// The same for everyone; several texts are several values.
    Constant(Vec<String>),
    /// Names of the person's groups that match one of these patterns; none: all of them.
    Groups(Vec<String>),
}

impl Value {
    /// A property.
    pub(super) fn source(name: impl Into<String>) -> Self {
        Self::Source(name.into())
    }
}

/// What happens to a value on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What stands before the `@`.
    LocalPart,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Text before it.
    Prefix(String),
    /// Text after it.
    Suffix(String),
}

impl Step {
    /// As a document has it.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::LocalPart => json!("local_part"),
            Self::Lower => json!("lower"),
            Self::Upper => json!("upper"),
            Self::Prefix(text) => json!({ "prefix": text }),
            Self::Suffix(text) => json!({ "suffix": text }),
        }
    }

    /// The text that is added.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Prefix(text) | Self::Suffix(text) => Some(text),
            Self::LocalPart | Self::Lower | Self::Upper => None,
        }
    }
}

/// An attribute as an export names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The application's name for it.
    pub(super) name: String,
    /// `basic`, `uri` or `unspecified`.
    pub(super) name_format: &'static str,
    /// For people only.
    pub(super) friendly_name: Option<String>,
    /// Where the value comes from.
    pub(super) value: Value,
    /// What happens to it.
    pub(super) steps: Vec<Step>,
}

/// What a certificate of the application is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its signatures.
    Signing,
    /// Encrypting for it.
    Encryption,
}

impl Purpose {
    /// The field that holds such certificates.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Signing => "sp_certificates",
            Self::Encryption => "sp_encryption_certificates",
        }
    }
}
