//! Responses: one assertion for one person at one service provider, or an error status. Everything is written in
//! canonical form and signed in place; what comes out is bytes that nobody opens again (SAML-201 to SAML-208).
//!
//! It must not decide anything: who may sign in, what is released, how long a session lives are arguments.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::clock::MINUTE;
use crate::base::name_id::NameIdFormat;
pub use crate::base::signature::SignMode;
use crate::base::{Random, Timestamp};
use crate::saml::dsig::envelop::{self, Finished};
use crate::saml::ecp::ClientAdvice;
use crate::saml::encrypt::{Encryption, Recipient};
use crate::saml::names::{ASSERTION, CM_BEARER, PROTOCOL, XS, XSI};
use crate::saml::sign::{SignError, Signer};
use crate::saml::status::Status;
use crate::saml::xml::writer::{IllegalCharacter, Writer};

/// Who the assertion is about (Core 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// Its format.
    pub format: NameIdFormat,
    /// Its value.
    pub value: String,
    /// `NameQualifier`: the IdP's entity ID for persistent ones (Core 8.3.7).
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`: the service provider's entity ID for persistent ones.
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    /// The rest of an open element.
    pub(in crate::saml) fn finish(&self, w: &mut Writer) {
        w.attribute("Format", self.format.urn())
            .attribute_if("NameQualifier", self.name_qualifier.as_deref())
            .attribute_if("SPNameQualifier", self.sp_name_qualifier.as_deref())
            .text(&self.value)
            .close();
    }

    /// Its `EncryptedData`.
    pub(in crate::saml) fn encrypted(
        &self,
        recipient: &Recipient,
        random: &Random,
    ) -> Result<String, WriteError> {
        let mut w = Writer::with_capacity(512);
        w.open("saml:NameID").namespace("saml", ASSERTION);
        self.finish(&mut w);
        recipient.encrypt(&w.finish()?, random)
    }
}

/// One attribute to release (Core 2.7.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name: any text.
    pub name: String,
    /// URI of the name's format; see [`crate::saml::names::ATTRIBUTE_BASIC`] and its neighbours.
    pub name_format: String,
    /// For people only.
    pub friendly_name: Option<String>,
    /// The values, each in an element of its own. An attribute without values is left out (SAML-212).
    pub values: Vec<String>,
}

/// How long what we say may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    usable_for: i64,
    backdated_by: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { usable_for: 5 * MINUTE, backdated_by: 10_000 }
    }
}

impl Lifetimes {
    /// Usable for this many milliseconds after issue; held between one second and five minutes (SAML-203).
    #[must_use]
    pub fn usable_for(millis: i64) -> Self {
        Self { usable_for: millis.clamp(1000, 5 * MINUTE), ..Self::default() }
    }
}

/// Everything a success Response says.
#[derive(Clone, Debug)]
pub struct ResponseInput<'a> {
    /// Fresh ID of the Response (SAML-206: `Random::saml_id`).
    pub response_id: &'a str,
    /// Fresh ID of the Assertion.
    pub assertion_id: &'a str,
    /// The instant of issue.
    pub issued_at: Timestamp,
    /// The application's IdP entity ID.
    pub issuer: &'a str,
    /// The registered ACS URL: Destination and Recipient.
    pub acs_url: &'a str,
    /// ID of the request; `None` when nobody asked (IdP-initiated).
    pub in_response_to: Option<&'a str>,
    /// The service provider's entity ID.
    pub audience: &'a str,
    /// Who it is about; `None`: the attributes alone tell (IIP-IDP11).
    pub name_id: Option<&'a NameId>,
    /// When the person proved who they are.
    pub authn_instant: Timestamp,
    /// Opaque, one for each session at a service provider.
    pub session_index: &'a str,
    /// When the IdP session ends for good.
    pub session_not_on_or_after: Option<Timestamp>,
    /// URI of the class that states what really happened.
    pub authn_context_class: &'a str,
    /// What is released, in order.
    pub attributes: &'a [Attribute],
    /// What an enhanced client's service provider is told beside.
    pub advice: Option<&'a ClientAdvice>,
    /// How long it may be used.
    pub lifetimes: Lifetimes,
    /// What is encrypted, and for whom; `None` for nothing.
    pub encryption: Option<Encryption<'a>>,
}

/// A Response could not be written.
#[derive(Debug)]
pub enum WriteError {
    /// A value holds a character that XML can't carry.
    IllegalCharacter(IllegalCharacter),
    /// The signature could not be made.
    Sign(SignError),
    /// What was to be encrypted could not be. It is never sent plain (SAML-211).
    Encrypt(openssl::error::ErrorStack),
}

impl WriteError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::IllegalCharacter(_) => "value_not_xml",
            Self::Sign(error) => error.code(),
            Self::Encrypt(_) => "encryption_failed",
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IllegalCharacter(error) => error.fmt(f),
            Self::Sign(error) => error.fmt(f),
            Self::Encrypt(_) => f.write_str("the assertion could not be encrypted"),
        }
    }
}

impl std::error::Error for WriteError {}

impl From<IllegalCharacter> for WriteError {
    fn from(error: IllegalCharacter) -> Self {
        Self::IllegalCharacter(error)
    }
}

impl From<SignError> for WriteError {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}

/// Text in base64 (RFC 4648, section 4): nothing else can be made one, so that what shows it need not escape it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(String);

impl Base64 {
    /// The bytes in base64.
    #[must_use]
    pub fn encode(bytes: impl AsRef<[u8]>) -> Self {
        Self(STANDARD.encode(bytes))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was encoded, where it is text.
    #[must_use]
    pub fn decode(&self) -> Option<String> {
        STANDARD.decode(&self.0).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

impl std::fmt::Display for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! sealed_message {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The bytes, exactly as signed.
            #[must_use]
            pub fn as_xml(&self) -> &str {
                &self.0
            }

            /// Base64 for the `SAMLResponse` field of the POST binding (Bindings 3.5.4).
            #[must_use]
            pub fn to_base64(&self) -> Base64 {
                Base64::encode(&self.0)
            }
        }
    };
}

sealed_message! {
    /// A success Response with its one assertion, signed. It can only come from [`ResponseInput::sign`], and nothing
    /// re-serialises it.
    SignedResponse
}

sealed_message! {
    /// A Response that carries an error status and no assertion.
    StatusResponse
}

impl ResponseInput<'_> {
    /// Writes and signs the Response. An encrypted assertion is signed first, and the Response around it is signed
    /// too, whatever the mode: else anybody could put another ciphertext into it (SAML-211).
    pub fn sign(&self, sign: SignMode, signer: &dyn Signer) -> Result<SignedResponse, WriteError> {
        let capacity = 8192 + self.attributes.iter().map(Attribute::estimate).sum::<usize>();
        let mut w = Writer::with_capacity(capacity);
        let start = w.position();
        let head = Head {
            id: self.response_id,
            issued_at: self.issued_at,
            issuer: self.issuer,
            destination: self.acs_url,
            in_response_to: self.in_response_to,
        };
        let after_issuer = head.open(&mut w);
        w.open("samlp:Status");
        w.open("samlp:StatusCode").attribute("Value", Status::Success.top_level()).close();
        w.close();
        let subject = self.encrypted_name_id()?;
        let mut sign = sign;
        let mut keeps_xs = false;
        if let Some(encryption) = self.encryption.filter(|encryption| encryption.assertion) {
            sign = SignMode::Both;
            let mut alone = Writer::with_capacity(capacity);
            let assertion = self.write_assertion(&mut alone, subject.as_deref());
            envelop::sign(&mut alone, &assertion, signer)?;
            let sealed = encryption.recipient.encrypt(&alone.finish()?, encryption.random)?;
            w.open("saml:EncryptedAssertion").namespace("saml", ASSERTION);
            w.written(&sealed).close();
        } else {
            let assertion = self.write_assertion(&mut w, subject.as_deref());
            keeps_xs = assertion.keeps_xs;
            if sign != SignMode::Response {
                envelop::sign(&mut w, &assertion, signer)?;
            }
        }
        w.close();
        if sign != SignMode::Assertion {
            let response = Finished { start, after_issuer, id: self.response_id, keeps_xs };
            envelop::sign(&mut w, &response, signer)?;
        }
        Ok(SignedResponse(w.finish()?))
    }

    /// The assertion without a signature and not encrypted, for the console's preview. Never send it anywhere.
    pub fn preview(&self) -> Result<String, WriteError> {
        let mut w = Writer::with_capacity(4096);
        self.write_assertion(&mut w, None);
        Ok(w.finish()?)
    }

    /// The NameID's `EncryptedData`, where it is to be encrypted.
    fn encrypted_name_id(&self) -> Result<Option<String>, WriteError> {
        let encryption = self.encryption.filter(|encryption| encryption.name_id);
        let (Some(encryption), Some(name_id)) = (encryption, self.name_id) else { return Ok(None) };
        name_id.encrypted(encryption.recipient, encryption.random).map(Some)
    }

    fn write_assertion(&self, w: &mut Writer, encrypted_name_id: Option<&str>) -> Finished<'_> {
        let keeps_xs = self.attributes.iter().any(|attribute| !attribute.values.is_empty());
        let start = w.position();
        w.open("saml:Assertion").namespace("saml", ASSERTION);
        if keeps_xs {
            w.namespace("xs", XS);
        }
        w.attribute("ID", self.assertion_id)
            .attribute("IssueInstant", &self.issued_at.to_xs_date_time())
            .attribute("Version", "2.0");
        w.leaf("saml:Issuer", self.issuer);
        let after_issuer = w.position();
        self.write_subject(w, encrypted_name_id);
        self.write_conditions(w);
        if let Some(advice) = self.advice.filter(|advice| !advice.is_empty()) {
            w.open("saml:Advice");
            advice.write(w, false);
            w.close();
        }
        self.write_authn_statement(w);
        if keeps_xs {
            self.write_attributes(w);
        }
        w.close();
        Finished { start, after_issuer, id: self.assertion_id, keeps_xs }
    }

    fn not_on_or_after(&self) -> String {
        self.issued_at.plus(self.lifetimes.usable_for).to_xs_date_time()
    }

    fn write_subject(&self, w: &mut Writer, encrypted_name_id: Option<&str>) {
        w.open("saml:Subject");
        if let Some(sealed) = encrypted_name_id {
            w.open("saml:EncryptedID").written(sealed).close();
        } else if let Some(name_id) = self.name_id {
            w.open("saml:NameID");
            name_id.finish(w);
        }
        w.open("saml:SubjectConfirmation").attribute("Method", CM_BEARER);
        // No NotBefore here: Profiles 4.1.4.2 forbids it.
        w.open("saml:SubjectConfirmationData")
            .attribute_if("InResponseTo", self.in_response_to)
            .attribute("NotOnOrAfter", &self.not_on_or_after())
            .attribute("Recipient", self.acs_url)
            .close();
        w.close().close();
    }

    fn write_conditions(&self, w: &mut Writer) {
        w.open("saml:Conditions")
            .attribute("NotBefore", &self.issued_at.plus(-self.lifetimes.backdated_by).to_xs_date_time())
            .attribute("NotOnOrAfter", &self.not_on_or_after());
        w.open("saml:AudienceRestriction").leaf("saml:Audience", self.audience).close();
        w.close();
    }

    fn write_authn_statement(&self, w: &mut Writer) {
        let session_end = self.session_not_on_or_after.map(Timestamp::to_xs_date_time);
        w.open("saml:AuthnStatement")
            .attribute("AuthnInstant", &self.authn_instant.to_xs_date_time())
            .attribute("SessionIndex", self.session_index)
            .attribute_if("SessionNotOnOrAfter", session_end.as_deref());
        w.open("saml:AuthnContext").leaf("saml:AuthnContextClassRef", self.authn_context_class).close();
        w.close();
    }

    fn write_attributes(&self, w: &mut Writer) {
        w.open("saml:AttributeStatement");
        for attribute in self.attributes.iter().filter(|attribute| !attribute.values.is_empty()) {
            w.open("saml:Attribute")
                .attribute_if("FriendlyName", attribute.friendly_name.as_deref())
                .attribute("Name", &attribute.name)
                .attribute("NameFormat", &attribute.name_format);
            for value in &attribute.values {
                w.open("saml:AttributeValue").namespace("xsi", XSI).attribute("xsi:type", "xs:string");
                w.text(value).close();
            }
            w.close();
        }
        w.close();
    }
}

impl Attribute {
    fn estimate(&self) -> usize {
        256 + self.name.len() + self.values.iter().map(|value| 160 + value.len()).sum::<usize>()
    }
}

/// The head that all Responses share.
struct Head<'a> {
    id: &'a str,
    issued_at: Timestamp,
    issuer: &'a str,
    destination: &'a str,
    in_response_to: Option<&'a str>,
}

impl Head<'_> {
    /// Opens the Response and writes its Issuer; answers where a signature goes.
    fn open(&self, w: &mut Writer) -> usize {
        w.open("samlp:Response")
            .namespace("samlp", PROTOCOL)
            .attribute("Destination", self.destination)
            .attribute("ID", self.id)
            .attribute_if("InResponseTo", self.in_response_to)
            .attribute("IssueInstant", &self.issued_at.to_xs_date_time())
            .attribute("Version", "2.0");
        w.open("saml:Issuer").namespace("saml", ASSERTION).text(self.issuer).close();
        w.position()
    }
}

/// A Response that says no (SAML-128).
#[derive(Clone, Debug)]
pub struct ErrorResponse<'a> {
    /// Fresh ID of the Response.
    pub response_id: &'a str,
    /// The instant of issue.
    pub issued_at: Timestamp,
    /// The application's IdP entity ID.
    pub issuer: &'a str,
    /// The registered ACS URL.
    pub acs_url: &'a str,
    /// ID of the request.
    pub in_response_to: Option<&'a str>,
    /// What went wrong; must not be [`Status::Success`].
    pub status: Status,
    /// A sentence without internal detail.
    pub message: Option<&'a str>,
}

impl ErrorResponse<'_> {
    /// Writes it. Without a signer it goes out unsigned: so must every answer to a browser that has no live session
    /// (SAML-209).
    pub fn write(&self, signer: Option<&dyn Signer>) -> Result<StatusResponse, WriteError> {
        debug_assert!(self.status != Status::Success, "a success carries an assertion");
        let mut w = Writer::with_capacity(4096);
        let start = w.position();
        let head = Head {
            id: self.response_id,
            issued_at: self.issued_at,
            issuer: self.issuer,
            destination: self.acs_url,
            in_response_to: self.in_response_to,
        };
        let after_issuer = head.open(&mut w);
        w.open("samlp:Status").open("samlp:StatusCode").attribute("Value", self.status.top_level());
        if let Some(second) = self.status.second_level() {
            w.open("samlp:StatusCode").attribute("Value", second).close();
        }
        w.close();
        if let Some(message) = self.message {
            w.leaf("samlp:StatusMessage", message);
        }
        w.close().close();
        if let Some(signer) = signer {
            let response = Finished { start, after_issuer, id: self.response_id, keeps_xs: false };
            envelop::sign(&mut w, &response, signer)?;
        }
        Ok(StatusResponse(w.finish()?))
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
