//! Identifiers of people as attributes (SAML V2.0 Subject Identifier Attributes Profile 1.0): a closed vocabulary that
//! connectors, settings and the protocol share.

use crate::base::vocabulary::vocabulary;

/// What a service provider's metadata says that it needs (section 4).
pub const REQUIREMENT: &str = "urn:oasis:names:tc:SAML:profiles:subject-id:req";

vocabulary! {
    /// The identifier that goes into an assertion as an attribute.
    SubjectIdentifier {
        /// None.
        #[default]
        None = "none",
        /// `subject-id`: the same at every application.
        Subject = "subject-id",
        /// `pairwise-id`: another one at each application, so that two of them can't put together what they know.
        Pairwise = "pairwise-id",
    }
}

impl SubjectIdentifier {
    /// Name of the attribute; `None` where there is none.
    #[must_use]
    pub fn attribute(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Subject => Some("urn:oasis:names:tc:SAML:attribute:subject-id"),
            Self::Pairwise => Some("urn:oasis:names:tc:SAML:attribute:pairwise-id"),
        }
    }

    /// What fulfils a requirement; of any, the one that tells less. `None`: no requirement that is known.
    #[must_use]
    pub fn fulfilling(requirement: &str) -> Option<Self> {
        match requirement {
            "subject-id" => Some(Self::Subject),
            "pairwise-id" | "any" => Some(Self::Pairwise),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}
