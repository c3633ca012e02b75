//! Why a message is refused: a closed list, each reason with its class, its stable code, its sentence, and the
//! status it is answered with once the ACS is trusted (SAML-128).

use std::fmt;

use crate::base::binding::AcsBinding;
use crate::saml::binding::RelayState;
use crate::saml::dsig::SignatureFault;
use crate::saml::status::Status;
use crate::saml::xml::XmlFault;

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The octets are not what they claim to be: 400.
    Malformed,
    /// The peer breaks a rule that protects people: 403.
    Misbehaved,
    /// The peer wants what we don't do, or is set up differently: 403, or a status.
    Incompatible,
    /// Our settings or our fault: 503.
    Ours,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident: $class:ident, $code:literal, $sentence:literal;)+) => {
        /// The reason of a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            /// The XML can't be read or breaks a limit.
            Xml(XmlFault),
            $($(#[$doc])* $name),+
        }

        impl Reason {
            /// All of them but the faults of XML.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Whose fault it is.
            #[must_use]
            pub fn class(self) -> Class {
                match self { Self::Xml(_) => Class::Malformed, $(Self::$name => Class::$class),+ }
            }

            /// Stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { Self::Xml(fault) => fault.code(), $(Self::$name => $code),+ }
            }

            fn fixed_sentence(self) -> Option<&'static str> {
                match self { Self::Xml(_) => None, $(Self::$name => Some($sentence)),+ }
            }
        }
    };
}

reasons! {
    /// A parameter came twice, or together with one that excludes it.
    ParameterPollution: Malformed, "parameter_pollution",
        "The application sent a sign-in request with contradictory parameters. Go back to the application and try again.";
    /// No `SAMLRequest`.
    MissingRequest: Malformed, "request_missing",
        "No sign-in request arrived. Go back to the application and try again.";
    /// A parameter is not percent-encoded UTF-8, or the message not base64.
    BadEncoding: Malformed, "encoding_invalid",
        "The sign-in request is damaged. Go back to the application and try again.";
    /// `SAMLEncoding` is not DEFLATE.
    UnknownEncoding: Incompatible, "encoding_unknown",
        "The application encodes its sign-in requests in a way that is not supported. Ask its administrator to use DEFLATE.";
    /// The DEFLATE stream is broken or followed by something.
    BadDeflate: Malformed, "deflate_invalid",
        "The sign-in request is damaged. Go back to the application and try again.";
    /// It is, or inflates to, more than we read.
    RequestTooLarge: Malformed, "request_too_large",
        "The sign-in request is too large. Go back to the application and try again.";
    /// RelayState above 2048 bytes.
    RelayStateTooLong: Malformed, "relay_state_too_long",
        "The application sent a RelayState of more than 2048 bytes. Ask its administrator to shorten it.";
    /// RelayState above 80 bytes while the application is strict (SAML-127).
    RelayStateOverStandard: Misbehaved, "relay_state_over_80",
        "The application sent a RelayState of more than 80 bytes, which its settings here do not allow.";
    /// RelayState can't be given back unchanged.
    RelayStateUnusable: Malformed, "relay_state_unusable",
        "The application sent a RelayState that can't be given back unchanged. Ask its administrator to use plain text.";
    /// `Signature` without `SigAlg`, or the other way round.
    SignatureIncomplete: Malformed, "signature_incomplete",
        "The signature of the sign-in request is incomplete. Go back to the application and try again.";
    /// A signature over the form (`SimpleSign`).
    SimpleSign: Incompatible, "binding_simple_sign",
        "The application signs its requests by the SimpleSign binding, which is not supported. Ask its administrator to use HTTP-POST or HTTP-Redirect.";
    /// Not an AuthnRequest.
    NotAnAuthnRequest: Malformed, "not_an_authn_request",
        "The message is not a SAML 2.0 sign-in request. Check the address that is set up at the application.";
    /// Neither a LogoutRequest where a request is due, nor a LogoutResponse where a response is.
    NotALogoutMessage: Malformed, "not_a_logout_message",
        "The message is not a SAML 2.0 sign-out message. Check the sign-out address that is set up at the application.";
    /// Not an envelope of SOAP 1.1 with one message in it.
    SoapInvalid: Malformed, "soap_invalid",
        "The message is not a SOAP 1.1 envelope with one SAML message in it. Ask the application's administrator to check its SAML software.";
    /// The person to be signed out is named in encrypted form, which none of our keys opens.
    NameIdEncrypted: Incompatible, "name_id_encrypted",
        "The application names the person to sign out in encrypted form, and none of the keys here opens it. Ask its administrator to take the certificate of our metadata, with AES-GCM and RSA-OAEP, or to send the NameID in the clear.";
    /// ID missing or no NCName.
    BadId: Malformed, "id_invalid",
        "The sign-in request has no usable ID. Ask the application's administrator to check its SAML software.";
    /// IssueInstant missing or not a time in UTC.
    BadIssueInstant: Malformed, "issue_instant_invalid",
        "The sign-in request has no usable time. Ask the application's administrator to check its SAML software.";
    /// A value that the schema does not allow.
    SchemaViolation: Malformed, "request_invalid",
        "The sign-in request is not valid SAML. Ask the application's administrator to check its SAML software.";
    /// Issuer missing.
    IssuerMissing: Malformed, "issuer_missing",
        "The sign-in request does not say which application it is from. Check the entity ID that is set up at the application.";
    /// Issuer is not the registered entity ID (SAML-109).
    IssuerUnknown: Misbehaved, "issuer_unknown",
        "The sign-in request is not from the application that belongs to this address. Its entity ID must equal the one that is registered here, to the letter.";
    /// Issuer in a format other than entity.
    IssuerFormat: Misbehaved, "issuer_format",
        "The sign-in request names its sender in a format that is not supported.";
    /// No signature although one is required (SAML-107).
    SignatureMissing: Misbehaved, "signature_missing",
        "The sign-in request is not signed, but requests of this application must be. Ask its administrator to sign requests.";
    /// Signed in a way that XML Signature in SAML does not allow (SAML-105).
    SignatureMalformed: Misbehaved, "signature_malformed",
        "The signature of the sign-in request is not built as SAML demands. Ask the application's administrator to check its SAML software.";
    /// An enveloped signature on the Redirect binding.
    SignatureEnveloped: Misbehaved, "signature_enveloped_on_redirect",
        "The sign-in request came by redirect with an embedded signature. Ask the application's administrator to sign the address instead, or allow it in the application's settings here.";
    /// An algorithm that is not on the list (ALG-402).
    SignatureAlgorithm: Misbehaved, "signature_algorithm",
        "The sign-in request is signed with an algorithm that is not accepted. Ask the application's administrator to use RSA or ECDSA with SHA-256.";
    /// Signed, but no certificate is registered (SAML-106).
    SignatureKeyUnknown: Incompatible, "signature_key_unknown",
        "The sign-in request is signed, but no certificate of the application is registered here. Upload the application's certificate.";
    /// Signatures are required, but no certificate is registered.
    RequiredKeyMissing: Ours, "required_key_missing",
        "Requests of this application must be signed, but no certificate of it is registered here. Upload the application's certificate.";
    /// The signature does not verify.
    SignatureInvalid: Misbehaved, "signature_invalid",
        "The signature of the sign-in request does not fit the application's registered certificate. If the application has a new certificate, upload it.";
    /// Issued too long ago.
    Stale: Misbehaved, "request_stale",
        "The sign-in request is too old. Go back to the application and try again; if it goes on, check the application's clock.";
    /// Issued in the future.
    FromTheFuture: Misbehaved, "request_from_the_future",
        "The sign-in request is from the future. Check the application's clock.";
    /// For another address (SAML-112).
    DestinationMismatch: Misbehaved, "destination_mismatch",
        "The sign-in request is meant for another address. Set the sign-in address at the application to the one shown here.";
    /// Signed without Destination (Bindings 3.5.5.2).
    DestinationMissing: Misbehaved, "destination_missing",
        "The signed sign-in request does not say which address it is for. Ask the application's administrator to send Destination.";
    /// The ACS URL is not registered (SAML-113).
    AcsUnregistered: Misbehaved, "acs_unregistered",
        "The application wants the answer at an address that is not registered here. Register the ACS URL, to the letter, or correct it at the application.";
    /// The ACS index is not registered (SAML-114).
    AcsIndexUnknown: Misbehaved, "acs_index_unknown",
        "The application wants the answer at an ACS index that is not registered here.";
    /// Index and URL, or index and binding, together.
    AcsAmbiguous: Malformed, "acs_ambiguous",
        "The sign-in request names the address of the answer twice. Ask the application's administrator to check its SAML software.";
    /// No ACS is registered.
    AcsNone: Ours, "acs_none_registered",
        "No address for the answer is registered for this application. Add its ACS URL.";
    /// Version lower than 2.0.
    VersionTooLow: Incompatible, "version_too_low",
        "The application speaks an older version of SAML than 2.0.";
    /// Version higher than 2.0.
    VersionTooHigh: Incompatible, "version_too_high",
        "The application speaks a newer version of SAML than 2.0.";
    /// Version missing or no number.
    VersionInvalid: Incompatible, "version_invalid",
        "The sign-in request does not say which version of SAML it is in.";
    /// The answer is wanted by a binding that the address is not registered for.
    BindingUnsupported: Incompatible, "binding_unsupported",
        "The application wants the answer by a binding that its address is not registered for here. Ask its administrator to use HTTP-POST, or upload its current metadata.";
    /// A subject with confirmation (Core 3.4.1).
    SubjectConfirmation: Incompatible, "subject_confirmation",
        "The application asks for a confirmation of the subject, which is not supported.";
    /// The NameID policy can't be met.
    NameIdPolicy: Incompatible, "name_id_policy",
        "The application asks for a NameID in a form that it is not set up for here.";
    /// The authentication context can't be met.
    AuthnContext: Incompatible, "authn_context",
        "The application asks for a kind of sign-in that is not available.";
    /// An index of a set of attributes that is not registered.
    AttributeServiceUnknown: Incompatible, "attribute_service_unknown",
        "The application asks for a set of attributes that is not registered here. Upload its current metadata.";
    /// Client and service provider do not agree on their connection, or not under a signature (ECP 2.3.6.2).
    ChannelBindings: Misbehaved, "channel_bindings",
        "The client and the application do not name the same connection under the application's signature, so somebody may stand between them.";
    /// A key for client and service provider is wanted, and nobody can be encrypted for (SAML-EC 5.3.1).
    GeneratedKey: Incompatible, "generated_key",
        "The client asks for a key to share with the application, which needs a certificate of the application to encrypt for. Upload its current metadata.";
    /// Interaction is needed but not allowed.
    Passive: Incompatible, "passive",
        "The application wants a sign-in without interaction, which is not possible now.";
    /// The person went back without signing in.
    GivenUp: Incompatible, "given_up",
        "The person went back to the application without signing in.";
    /// The person signed in is not the one asked for.
    SubjectMismatch: Incompatible, "subject_mismatch",
        "The application asks for another person than the one who is signed in.";
    /// `IDPList` without us.
    IdpNotListed: Incompatible, "idp_not_listed",
        "The application asks for identity providers of which this is none.";
}

impl Reason {
    /// Sentence for the person: what happened, then what to do.
    #[must_use]
    pub fn sentence(self) -> String {
        match (self, self.fixed_sentence()) {
            (_, Some(sentence)) => sentence.to_owned(),
            (Self::Xml(fault), None) => format!(
                "The message is refused because {}. Ask the application's administrator to check its SAML software.",
                fault.reason()
            ),
            (_, None) => String::new(),
        }
    }

    /// The same of a message that came to the address for logout.
    #[must_use]
    pub fn sentence_of_logout(self) -> String {
        self.sentence()
            .replace("sign-in request", "sign-out message")
            .replace("sign-in address", "sign-out address")
    }

    /// The status it is answered with at a trusted ACS; `None` when it is only ever shown on a page of ours.
    #[must_use]
    pub fn status(self) -> Option<Status> {
        match self {
            Self::VersionTooLow => Some(Status::RequestVersionTooLow),
            Self::VersionTooHigh => Some(Status::RequestVersionTooHigh),
            Self::VersionInvalid => Some(Status::VersionMismatch),
            Self::BindingUnsupported => Some(Status::UnsupportedBinding),
            Self::SubjectConfirmation | Self::SchemaViolation => Some(Status::Requester),
            Self::NameIdPolicy => Some(Status::InvalidNameIdPolicy),
            Self::AuthnContext => Some(Status::NoAuthnContext),
            Self::AttributeServiceUnknown => Some(Status::InvalidAttrNameOrValue),
            Self::Passive => Some(Status::NoPassive),
            Self::GivenUp => Some(Status::AuthnFailed),
            Self::SubjectMismatch => Some(Status::UnknownPrincipal),
            Self::IdpNotListed => Some(Status::NoSupportedIdp),
            Self::ChannelBindings => Some(Status::RequestDenied),
            Self::GeneratedKey => Some(Status::Responder),
            _ => None,
        }
    }
}

impl From<XmlFault> for Reason {
    fn from(fault: XmlFault) -> Self {
        Self::Xml(fault)
    }
}

impl From<SignatureFault> for Reason {
    fn from(fault: SignatureFault) -> Self {
        match fault {
            SignatureFault::Xml(fault) => Self::Xml(fault),
            SignatureFault::Misplaced | SignatureFault::Structure | SignatureFault::Reference => {
                Self::SignatureMalformed
            }
            SignatureFault::Algorithm => Self::SignatureAlgorithm,
            SignatureFault::NoKey => Self::SignatureKeyUnknown,
            SignatureFault::Value | SignatureFault::Digest => Self::SignatureInvalid,
        }
    }
}

/// What was registered and what came: for the recorder and the admin, never to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What is registered here.
    pub expected: String,
    /// What the message says, cut to 512 characters.
    pub received: String,
}

/// Where an error Response goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The registered ACS URL.
    pub acs_url: String,
    /// How that address takes it.
    pub binding: AcsBinding,
    /// ID of the request.
    pub in_response_to: String,
    /// The status to send.
    pub status: Status,
    /// What the request brought: it goes back with an error too (Bindings 3.5.3, SAML-126).
    pub relay_state: Option<RelayState>,
}

/// A refused message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// What differs, where something was compared.
    pub mismatch: Option<Mismatch>,
    /// The trusted ACS to answer at; without it the refusal is a page of ours.
    pub reply: Option<Box<Reply>>,
    /// Whether a signature of the message had been verified before, and it is not out of its time.
    pub signed: bool,
}

impl Refusal {
    /// A refusal shown on a page of ours.
    #[must_use]
    pub fn local(reason: Reason) -> Self {
        Self { reason, mismatch: None, reply: None, signed: false }
    }

    /// Adds what was compared.
    #[must_use]
    pub fn because(mut self, expected: impl Into<String>, received: &str) -> Self {
        self.mismatch =
            Some(Mismatch { expected: expected.into(), received: received.chars().take(512).collect() });
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.reason.class()
    }

    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}

impl<T: Into<Reason>> From<T> for Refusal {
    fn from(reason: T) -> Self {
        Self::local(reason.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason.sentence())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn saml_128_every_reason_has_its_own_code_and_a_sentence() {
        let codes: HashSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let sentence = reason.sentence();
            assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{sentence}");
            assert!(reason.code().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        }
        assert!(Reason::Xml(XmlFault::Doctype).sentence().contains("document type"));
    }

    #[test]
    fn saml_128_reasons_answered_at_the_acs_have_the_status_of_the_table() {
        let pairs: Vec<(&str, &str, Option<&str>)> = Reason::ALL
            .iter()
            .filter_map(|reason| reason.status().map(|status| (reason.code(), status)))
            .map(|(code, s)| {
                let last = |uri: &'static str| uri.rsplit(':').next().unwrap_or_default();
                (code, last(s.top_level()), s.second_level().map(last))
            })
            .collect();
        assert_eq!(
            pairs,
            [
                ("request_invalid", "Requester", None),
                ("version_too_low", "VersionMismatch", Some("RequestVersionTooLow")),
                ("version_too_high", "VersionMismatch", Some("RequestVersionTooHigh")),
                ("version_invalid", "VersionMismatch", None),
                ("binding_unsupported", "Requester", Some("UnsupportedBinding")),
                ("subject_confirmation", "Requester", None),
                ("name_id_policy", "Requester", Some("InvalidNameIDPolicy")),
                ("authn_context", "Responder", Some("NoAuthnContext")),
                ("attribute_service_unknown", "Requester", Some("InvalidAttrNameOrValue")),
                ("channel_bindings", "Responder", Some("RequestDenied")),
                ("generated_key", "Responder", None),
                ("passive", "Responder", Some("NoPassive")),
                ("given_up", "Responder", Some("AuthnFailed")),
                ("subject_mismatch", "Requester", Some("UnknownPrincipal")),
                ("idp_not_listed", "Requester", Some("NoSupportedIDP")),
            ]
        );
    }
}
