//! The HTTP-Artifact binding and the Artifact Resolution protocol (Bindings 3.6, Core 3.5): references to a response,
//! the request of a service provider for it, and the answer.
//!
//! What a reference stands for, whom it was issued to and whether it was used are not known here.

use openssl::sha::sha1;

use crate::base::{Random, Timestamp};
use crate::saml::binding::Message;
use crate::saml::dsig::envelop::{self, Finished};
use crate::saml::logout::{check_signature, check_version};
use crate::saml::names::{ASSERTION, PROTOCOL};
use crate::saml::receive::{Endpoint, ServiceProvider, Timing, check_age, check_destination, check_issuer};
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::request::Outline;
use crate::saml::response::{Base64, WriteError};
use crate::saml::sign::Signer;
use crate::saml::soap;
use crate::saml::status::Status;
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, check_ids, child, is, plain_text};
use crate::saml::xml::writer::Writer;

/// `ArtifactResolutionService` index: there is one.
const ENDPOINT_INDEX: [u8; 2] = [0, 0];
/// Type 4 (Bindings 3.6.4.2).
const TYPE: [u8; 2] = [0, 4];
const HANDLE: usize = 20;

/// A reference of type 4: type code, index of the place to ask, SHA-1 of the IdP's entity ID, 20 random octets
/// (Bindings 3.6.4.2). The SHA-1 is a name here, not a protection.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact([u8; 4 + 20 + HANDLE]);

impl Artifact {
    /// A fresh one of this IdP: 160 random bits.
    #[must_use]
    pub fn fresh(idp_entity_id: &str, random: &Random) -> Self {
        let mut octets = [0; 44];
        octets[..2].copy_from_slice(&TYPE);
        octets[2..4].copy_from_slice(&ENDPOINT_INDEX);
        octets[4..24].copy_from_slice(&sha1(idp_entity_id.as_bytes()));
        octets[24..].copy_from_slice(&random.bytes::<HANDLE>());
        Self(octets)
    }

    /// As the browser carries it, in `SAMLart`.
    #[must_use]
    pub fn to_base64(&self) -> Base64 {
        Base64::encode(self.0)
    }
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Artifact(..)")
    }
}

/// A trusted service provider's wish to have what an artifact stands for. Always signed (ART-601).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactResolve {
    /// Its ID, to be repeated as InResponseTo.
    pub id: String,
    /// The artifact as it came; anything, until it is looked up.
    pub artifact: String,
}

/// Checks an ArtifactResolve in a SOAP envelope against what is registered. `endpoint.url` is the address for it.
pub fn receive(
    message: &Message,
    sp: &ServiceProvider<'_>,
    endpoint: &Endpoint<'_>,
    timing: Timing,
) -> Result<ArtifactResolve, Refusal> {
    let source = Source::new(&message.xml, &Limits::MESSAGE)?;
    let document = source.parse()?;
    check_ids(&document)?;
    let root = soap::body(&document)?;
    if !is(root, PROTOCOL, "ArtifactResolve") {
        return Err(Reason::SoapInvalid.into());
    }
    check_issuer(root, sp)?;
    let (node, _) = check_signature(message, &document, root, sp)?;
    let outline = Outline::read(node)?;
    check_version(outline.version)?;
    // It goes straight to us and need not say so (Bindings 3.2).
    check_destination(&outline, sp, endpoint, false)?;
    check_age(&outline, timing)?;
    let artifact = child(node, PROTOCOL, "Artifact")?.ok_or(Reason::SchemaViolation)?;
    Ok(ArtifactResolve { id: outline.id, artifact: plain_text(artifact)?.trim().to_owned() })
}

/// Everything an ArtifactResponse says.
#[derive(Clone, Debug)]
pub struct ArtifactResponseInput<'a> {
    /// Fresh ID.
    pub id: &'a str,
    /// The instant of issue.
    pub issued_at: Timestamp,
    /// The application's IdP entity ID.
    pub issuer: &'a str,
    /// ID of the ArtifactResolve.
    pub in_response_to: &'a str,
    /// The message that the artifact stands for, in canonical form; `None` when there is none (any more), which is a
    /// success all the same (Core 3.5.3).
    pub message: Option<&'a str>,
}

impl ArtifactResponseInput<'_> {
    /// Writes and signs it.
    ///
    /// Its prefixes are others than those of the message in it: canonical form would leave out a declaration that
    /// stands around it already, and the message was signed as it is.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String, WriteError> {
        let mut w = Writer::with_capacity(4096 + self.message.map_or(0, str::len));
        let start = w.position();
        w.open("p:ArtifactResponse")
            .namespace("p", PROTOCOL)
            .attribute("ID", self.id)
            .attribute("InResponseTo", self.in_response_to)
            .attribute("IssueInstant", &self.issued_at.to_xs_date_time())
            .attribute("Version", "2.0");
        w.open("a:Issuer").namespace("a", ASSERTION).text(self.issuer).close();
        let after_issuer = w.position();
        w.open("p:Status").open("p:StatusCode").attribute("Value", Status::Success.top_level()).close();
        w.close();
        if let Some(message) = self.message {
            w.written(message);
        }
        w.close();
        // The message may hold `xs:string` as a value.
        envelop::sign(&mut w, &Finished { start, after_issuer, id: self.id, keeps_xs: true }, signer)?;
        Ok(w.finish()?)
    }
}

#[cfg(test)]
#[path = "artifact_tests.rs"]
mod tests;
