//! A service provider's side: makes requests, reads responses.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::sign::Signer;
use openssl::x509::{X509, X509NameBuilder};

pub const ENTITY_ID: &str = "https://sp.example/metadata";
pub const ACS: &str = "https://sp.example/acs";
/// The frozen clock's instant.
pub const NOW: &str = "2026-11-22T08:00:00Z";

/// An AuthnRequest, with attributes and children added as text.
pub struct Request {
    pub id: String,
    pub issuer: String,
    pub attributes: String,
    pub children: String,
    pub issue_instant: String,
}

impl Request {
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            issuer: ENTITY_ID.to_owned(),
            attributes: String::new(),
            children: String::new(),
            issue_instant: NOW.to_owned(),
        }
    }

    pub fn with(mut self, attributes: &str) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(attributes);
        self
    }

    pub fn child(mut self, xml: &str) -> Self {
        self.children.push_str(xml);
        self
    }

    pub fn xml(&self) -> String {
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" Version=\"2.0\" \
             IssueInstant=\"{}\"{}><saml:Issuer>{}</saml:Issuer>{}</samlp:AuthnRequest>",
            self.id, self.issue_instant, self.attributes, self.issuer, self.children
        )
    }

    /// The query of the Redirect binding.
    pub fn query(&self, relay_state: Option<&str>) -> String {
        let mut out = query_of(self.xml());
        if let Some(state) = relay_state {
            out.push_str(&format!("&RelayState={}", escaped(state)));
        }
        out
    }

    /// The same, signed.
    pub fn signed_query(&self, key: &PKey<Private>) -> String {
        let mut out = self.query(None);
        out.push_str(&format!("&SigAlg={}", escaped("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")));
        let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
        let signature = signer.sign_oneshot_to_vec(out.as_bytes()).unwrap();
        out.push_str(&format!("&Signature={}", escaped(&STANDARD.encode(signature))));
        out
    }

    /// The body of the POST binding.
    pub fn body(&self) -> String {
        body_of(self.xml())
    }
}

/// The signature over a document in canonical form whose root has this ID; it is to be put into the root.
pub fn enveloped_signature(document: &str, id: &str, key: &PKey<Private>) -> String {
    let algorithm = |name: &str, uri: &str| format!("<ds:{name} Algorithm=\"{uri}\"></ds:{name}>");
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let info = [
        algorithm("CanonicalizationMethod", exclusive),
        algorithm("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        format!("<ds:Reference URI=\"#{id}\"><ds:Transforms>"),
        algorithm("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
        algorithm("Transform", exclusive),
        "</ds:Transforms>".to_owned(),
        algorithm("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"),
        format!(
            "<ds:DigestValue>{}</ds:DigestValue></ds:Reference>",
            STANDARD.encode(sha256(document.as_bytes()))
        ),
    ]
    .concat();
    let namespace = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.update(format!("<ds:SignedInfo {namespace}>{info}</ds:SignedInfo>").as_bytes()).unwrap();
    let value = STANDARD.encode(signer.sign_to_vec().unwrap());
    format!(
        "<ds:Signature {namespace}><ds:SignedInfo>{info}</ds:SignedInfo>\
         <ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    )
}

/// A message in canonical form with its signature behind the Issuer.
pub fn enveloped(message: &str, id: &str, key: &PKey<Private>) -> String {
    let signature = enveloped_signature(message, id, key);
    message.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
}

/// Any octets as a message by Redirect.
pub fn query_of(xml: impl AsRef<[u8]>) -> String {
    format!("SAMLRequest={}", escaped(&deflated(xml.as_ref())))
}

/// Any octets as a message by POST.
pub fn body_of(xml: impl AsRef<[u8]>) -> String {
    format!("SAMLRequest={}", escaped(&STANDARD.encode(xml)))
}

fn deflated(xml: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

pub fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A signing key of the service provider, with its certificate in PEM.
pub fn key_pair() -> (PKey<Private>, String) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "sp.example").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&openssl::asn1::Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
    certificate.set_not_after(&openssl::asn1::Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let pem = String::from_utf8(certificate.build().to_pem().unwrap()).unwrap();
    (key, pem)
}

/// The form of the POST binding, read out of a page.
#[derive(Debug)]
pub struct Posted {
    pub action: String,
    pub xml: String,
    pub relay_state: Option<String>,
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)? + start.len();
    Some(&text[from..from + text[from..].find(end)?])
}

pub fn unescaped(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

impl Posted {
    /// `None` when the page posts no `SAMLResponse`.
    pub fn read(page: &str) -> Option<Self> {
        let message = between(page, "name=\"SAMLResponse\" value=\"", "\"")?;
        let xml = STANDARD.decode(unescaped(message)).ok()?;
        Some(Self {
            action: unescaped(between(page, "id=\"saml\" method=\"post\" action=\"", "\"")?),
            xml: String::from_utf8(xml).ok()?,
            relay_state: between(page, "name=\"RelayState\" value=\"", "\"").map(unescaped),
        })
    }

    /// The message as it was posted.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.xml)
    }

    /// The value of an attribute or the text of an element, by the text around it.
    pub fn value(&self, start: &str, end: &str) -> Option<String> {
        between(&self.xml, start, end).map(str::to_owned)
    }

    pub fn in_response_to(&self) -> Option<String> {
        self.value("InResponseTo=\"", "\"")
    }

    pub fn name_id(&self) -> Option<String> {
        let element = between(&self.xml, "<saml:NameID", "</saml:NameID>")?;
        element.split_once('>').map(|(_, text)| text.to_owned())
    }

    /// The last parts of the status codes, top level first.
    pub fn status(&self) -> Vec<String> {
        self.xml
            .split("StatusCode Value=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.rsplit(':').next().map(str::to_owned))
            .collect()
    }

    pub fn is_signed(&self) -> bool {
        self.xml.contains("SignatureValue")
    }

    pub fn holds_assertion(&self) -> bool {
        self.xml.contains("<saml:Assertion")
    }
}
