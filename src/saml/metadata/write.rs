//! One application's IdP metadata (MD-301). Unsigned, or signed by a key for metadata alone: nobody anonymous gets XML
//! that an assertion key has signed (SAML-209). It says only what works.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::Timestamp;
use crate::base::encryption::{EncryptionAlgorithm, KeyTransport};
use crate::base::name_id::NameIdFormat;
use crate::saml::dsig::envelop::{self, Finished};
use crate::saml::names::{
    ALG_SUPPORT, BINDING_POST, BINDING_REDIRECT, BINDING_SOAP, CHANNEL_BINDING, DSIG, METADATA,
    METADATA_SCOPE, PROTOCOL,
};
use crate::saml::response::WriteError;
use crate::saml::sign::{DigestAlgorithm, SignatureAlgorithm, Signer};
use crate::saml::xml::writer::Writer;

/// How long it may be used before it is fetched again: shorter than anybody waits with the next certificate.
const CACHE_DURATION: &str = "PT6H";

/// What an application's metadata says.
#[derive(Clone, Debug)]
pub struct IdpMetadata {
    /// The IdP entity ID.
    pub entity_id: String,
    /// The IdP URL, for both bindings.
    pub sso_url: String,
    /// Where enhanced clients bring requests; `None` for a service provider that takes none from them.
    pub client_sso_url: Option<String>,
    /// Where logout messages are taken through the browser; `None` for a service provider that can't sign them.
    pub logout_url: Option<String>,
    /// Where artifacts are resolved; `None` for a service provider that takes none.
    pub artifact_url: Option<String>,
    /// The part after `@` of subject identifiers; `None` where none are released.
    pub scope: Option<String>,
    /// Signing certificates, DER: the active one first, then the next.
    pub certificates: Vec<Vec<u8>>,
    /// What a service provider encrypts identifiers for in its LogoutRequests, DER; `None` where there are none.
    pub encryption_certificate: Option<Vec<u8>>,
    /// The NameID formats that can be had.
    pub name_id_formats: Vec<NameIdFormat>,
    /// Whether requests must be signed. Some service providers compare it with their own setting (interop 2).
    pub want_authn_requests_signed: bool,
    /// Where a service provider may send people it can't help; https.
    pub error_url: Option<String>,
    /// Name of the organisation and its page.
    pub organisation: Option<(String, String)>,
}

/// What a signed document has beside its signature.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The `ID` that the signature names.
    pub id: &'a str,
    /// Until when it is valid.
    pub valid_until: Timestamp,
}

fn key_info(w: &mut Writer, der: &[u8]) {
    w.open("ds:KeyInfo").namespace("ds", DSIG).open("ds:X509Data");
    w.leaf("ds:X509Certificate", &STANDARD.encode(der)).close().close();
}

impl IdpMetadata {
    /// The document, with an XML declaration.
    pub fn write(&self) -> Result<String, WriteError> {
        let mut w = self.writer();
        self.element(&mut w, None);
        with_declaration(w)
    }

    /// The same with an enveloped signature over its root (Metadata 3.1).
    pub fn sign(&self, stamp: Stamp<'_>, signer: &dyn Signer) -> Result<String, WriteError> {
        let mut w = self.writer();
        let start = w.position();
        let inside = self.element(&mut w, Some(stamp));
        let element = Finished { start, after_issuer: inside, id: stamp.id, keeps_xs: false };
        envelop::sign(&mut w, &element, signer)?;
        with_declaration(w)
    }

    fn writer(&self) -> Writer {
        Writer::with_capacity(4096 + self.certificates.iter().map(|der| der.len() * 2).sum::<usize>())
    }

    /// Writes the element in canonical form. Answers the place right after its start tag.
    fn element(&self, w: &mut Writer, stamp: Option<Stamp<'_>>) -> usize {
        w.open("md:EntityDescriptor")
            .namespace("md", METADATA)
            .attribute_if("ID", stamp.map(|stamp| stamp.id))
            .attribute("cacheDuration", CACHE_DURATION)
            .attribute("entityID", &self.entity_id);
        if let Some(stamp) = stamp {
            w.attribute("validUntil", &stamp.valid_until.to_xs_date_time());
        }
        let inside = w.position();
        // What requests may be signed with (Algorithm Support 2.3 and 2.4, ALG-405).
        w.open("md:Extensions");
        for algorithm in DigestAlgorithm::ALL {
            w.open("alg:DigestMethod")
                .namespace("alg", ALG_SUPPORT)
                .attribute("Algorithm", algorithm.uri())
                .close();
        }
        for algorithm in SignatureAlgorithm::ALL {
            w.open("alg:SigningMethod")
                .namespace("alg", ALG_SUPPORT)
                .attribute("Algorithm", algorithm.uri())
                .close();
        }
        w.close();
        w.open("md:IDPSSODescriptor")
            .attribute(
                "WantAuthnRequestsSigned",
                if self.want_authn_requests_signed { "true" } else { "false" },
            )
            .attribute_if("errorURL", self.error_url.as_deref())
            .attribute("protocolSupportEnumeration", PROTOCOL);
        if let Some(scope) = &self.scope {
            w.open("md:Extensions");
            w.open("shibmd:Scope").namespace("shibmd", METADATA_SCOPE).attribute("regexp", "false");
            w.text(scope).close().close();
        }
        for der in &self.certificates {
            w.open("md:KeyDescriptor").attribute("use", "signing");
            key_info(w, der);
            w.close();
        }
        if let Some(der) = &self.encryption_certificate {
            w.open("md:KeyDescriptor").attribute("use", "encryption");
            key_info(w, der);
            let ciphers = EncryptionAlgorithm::ALL.iter().map(|algorithm| algorithm.uri());
            for algorithm in ciphers.chain(KeyTransport::ALL.iter().map(|transport| transport.uri())) {
                w.open("md:EncryptionMethod").attribute("Algorithm", algorithm).close();
            }
            w.close();
        }
        if let Some(location) = &self.artifact_url {
            w.open("md:ArtifactResolutionService")
                .attribute("Binding", BINDING_SOAP)
                .attribute("Location", location)
                .attribute("index", "0")
                .attribute("isDefault", "true")
                .close();
        }
        if let Some(location) = &self.logout_url {
            for binding in [BINDING_REDIRECT, BINDING_POST] {
                w.open("md:SingleLogoutService")
                    .attribute("Binding", binding)
                    .attribute("Location", location)
                    .close();
            }
        }
        for format in &self.name_id_formats {
            w.leaf("md:NameIDFormat", format.urn());
        }
        for binding in [BINDING_REDIRECT, BINDING_POST] {
            w.open("md:SingleSignOnService")
                .attribute("Binding", binding)
                .attribute("Location", &self.sso_url)
                .close();
        }
        if let Some(location) = &self.client_sso_url {
            w.open("md:SingleSignOnService")
                .namespace("cb", CHANNEL_BINDING)
                .attribute("Binding", BINDING_SOAP)
                .attribute("Location", location)
                .attribute("cb:supportsChannelBindings", "true")
                .close();
        }
        w.close();
        if let Some((name, url)) = &self.organisation {
            w.open("md:Organization");
            for (element, text) in [
                ("md:OrganizationName", name),
                ("md:OrganizationDisplayName", name),
                ("md:OrganizationURL", url),
            ] {
                w.open(element).attribute("xml:lang", "en").text(text).close();
            }
            w.close();
        }
        w.close();
        inside
    }
}

fn with_declaration(w: Writer) -> Result<String, WriteError> {
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", w.finish()?))
}
