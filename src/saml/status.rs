//! The status codes of SAML responses (Core 3.2.2.2): a closed list of the pairs that we send.

use serde::Serialize;

/// What a Response says about the request: a top-level code and, mostly, a second-level one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It succeeded.
    Success,
    /// The session here has ended, but not every session at a service provider has (Core 3.7.3.2).
    PartialLogout,
    /// The request can't be processed, by a fault of the service provider.
    Requester,
    /// The SAML version is not 2.0, neither clearly higher nor lower.
    VersionMismatch,
    /// The version is lower than 2.0.
    RequestVersionTooLow,
    /// The version is higher than 2.0.
    RequestVersionTooHigh,
    /// The response was asked for by a binding that we don't speak.
    UnsupportedBinding,
    /// The NameID policy can't be met.
    InvalidNameIdPolicy,
    /// The attributes asked for are unknown to us.
    InvalidAttrNameOrValue,
    /// The authentication context can't be met.
    NoAuthnContext,
    /// It can't be done without asking the person.
    NoPassive,
    /// The subject asked for is not the person who signed in.
    UnknownPrincipal,
    /// The person has no access.
    RequestDenied,
    /// The person could not sign in.
    AuthnFailed,
    /// None of the identity providers listed is us.
    NoSupportedIdp,
    /// A fault of ours.
    Responder,
}

const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
const VERSION_MISMATCH: &str = "urn:oasis:names:tc:SAML:2.0:status:VersionMismatch";

impl Status {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Success,
        Self::PartialLogout,
        Self::Requester,
        Self::VersionMismatch,
        Self::RequestVersionTooLow,
        Self::RequestVersionTooHigh,
        Self::UnsupportedBinding,
        Self::InvalidNameIdPolicy,
        Self::InvalidAttrNameOrValue,
        Self::NoAuthnContext,
        Self::NoPassive,
        Self::UnknownPrincipal,
        Self::RequestDenied,
        Self::AuthnFailed,
        Self::NoSupportedIdp,
        Self::Responder,
    ];

    /// URI of the top-level code: one of the four that Core 3.2.2.2 allows there.
    #[must_use]
    pub fn top_level(self) -> &'static str {
        match self {
            Self::Success | Self::PartialLogout => "urn:oasis:names:tc:SAML:2.0:status:Success",
            Self::VersionMismatch | Self::RequestVersionTooLow | Self::RequestVersionTooHigh => {
                VERSION_MISMATCH
            }
            Self::Requester
            | Self::UnsupportedBinding
            | Self::InvalidNameIdPolicy
            | Self::InvalidAttrNameOrValue
            | Self::UnknownPrincipal
            | Self::NoSupportedIdp => REQUESTER,
            Self::NoAuthnContext
            | Self::NoPassive
            | Self::RequestDenied
            | Self::AuthnFailed
            | Self::Responder => RESPONDER,
        }
    }

    /// URI of the second-level code.
    #[must_use]
    pub fn second_level(self) -> Option<&'static str> {
        match self {
            Self::Success | Self::Requester | Self::VersionMismatch | Self::Responder => None,
            Self::PartialLogout => Some("urn:oasis:names:tc:SAML:2.0:status:PartialLogout"),
            Self::RequestVersionTooLow => Some("urn:oasis:names:tc:SAML:2.0:status:RequestVersionTooLow"),
            Self::RequestVersionTooHigh => Some("urn:oasis:names:tc:SAML:2.0:status:RequestVersionTooHigh"),
            Self::UnsupportedBinding => Some("urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding"),
            Self::InvalidNameIdPolicy => Some("urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"),
            Self::InvalidAttrNameOrValue => Some("urn:oasis:names:tc:SAML:2.0:status:InvalidAttrNameOrValue"),
            Self::NoAuthnContext => Some("urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"),
            Self::NoPassive => Some("urn:oasis:names:tc:SAML:2.0:status:NoPassive"),
            Self::UnknownPrincipal => Some("urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"),
            Self::RequestDenied => Some("urn:oasis:names:tc:SAML:2.0:status:RequestDenied"),
            Self::AuthnFailed => Some("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"),
            Self::NoSupportedIdp => Some("urn:oasis:names:tc:SAML:2.0:status:NoSupportedIDP"),
        }
    }
}
