//! NameID formats (SAML Core 8.3): the closed vocabulary, with the last part of each URN as its short name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Format of a NameID.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub enum NameIdFormat {
    /// `urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified`
    #[serde(rename = "unspecified")]
    Unspecified,
    /// `urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress`
    #[serde(rename = "emailAddress")]
    EmailAddress,
    /// `urn:oasis:names:tc:SAML:2.0:nameid-format:persistent`
    #[serde(rename = "persistent")]
    Persistent,
    /// `urn:oasis:names:tc:SAML:2.0:nameid-format:transient`
    #[serde(rename = "transient")]
    Transient,
    /// `urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName`
    #[serde(rename = "X509SubjectName")]
    X509SubjectName,
    /// `urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName`
    #[serde(rename = "WindowsDomainQualifiedName")]
    WindowsDomainQualifiedName,
    /// `urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos`
    #[serde(rename = "kerberos")]
    Kerberos,
    /// `urn:oasis:names:tc:SAML:2.0:nameid-format:entity`
    #[serde(rename = "entity")]
    Entity,
}

impl NameIdFormat {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Unspecified,
        Self::EmailAddress,
        Self::Persistent,
        Self::Transient,
        Self::X509SubjectName,
        Self::WindowsDomainQualifiedName,
        Self::Kerberos,
        Self::Entity,
    ];

    /// The URN.
    #[must_use]
    pub fn urn(self) -> &'static str {
        match self {
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            Self::EmailAddress => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
            Self::X509SubjectName => "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
            Self::WindowsDomainQualifiedName => {
                "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName"
            }
            Self::Kerberos => "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",
            Self::Entity => "urn:oasis:names:tc:SAML:2.0:nameid-format:entity",
        }
    }

    /// The last part of the URN.
    #[must_use]
    pub fn short(self) -> &'static str {
        self.urn().rsplit(':').next().unwrap_or_default()
    }

    /// The format with exactly this URN.
    #[must_use]
    pub fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.urn() == urn)
    }
}

impl fmt::Display for NameIdFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl FromStr for NameIdFormat {
    type Err = ();
    /// From the short name.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|format| format.short() == text).ok_or(())
    }
}
