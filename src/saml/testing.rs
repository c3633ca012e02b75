//! For this room's tests: keys and certificates, made once for the test process, and requests of a service provider.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use crate::base::Timestamp;
use crate::saml::dsig::envelop::{self, Finished};
use crate::saml::names::{ASSERTION, PROTOCOL};
use crate::saml::sign::{OpensslSigner, SignatureAlgorithm, Signer};
use crate::saml::xml::writer::Writer;

/// A private key and its self-signed certificate, DER.
pub(crate) struct Identity {
    pub key: PKey<Private>,
    pub certificate: Vec<u8>,
}

impl Identity {
    pub(crate) fn signer(&self, algorithm: SignatureAlgorithm) -> OpensslSigner {
        OpensslSigner::new(self.key.clone(), &self.certificate, algorithm).unwrap()
    }
}

/// The identity provider's.
pub(crate) static IDP: LazyLock<Identity> = LazyLock::new(|| rsa(2048));
/// The service provider's.
pub(crate) static SP: LazyLock<Identity> = LazyLock::new(|| rsa(2048));
/// Somebody else's.
pub(crate) static MALLORY: LazyLock<Identity> = LazyLock::new(|| rsa(2048));
/// On P-256.
pub(crate) static P256: LazyLock<Identity> = LazyLock::new(|| ec(Nid::X9_62_PRIME256V1));
/// On P-384.
pub(crate) static P384: LazyLock<Identity> = LazyLock::new(|| ec(Nid::SECP384R1));

pub(crate) fn rsa(bits: u32) -> Identity {
    identity(PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(), MessageDigest::sha256(), 2_000_000_000)
}

pub(crate) fn ec(curve: Nid) -> Identity {
    let group = EcGroup::from_curve_name(curve).unwrap();
    identity(
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap(),
        MessageDigest::sha256(),
        2_000_000_000,
    )
}

/// A certificate over `key`, valid from 2020 until `not_after` (Unix seconds).
pub(crate) fn identity(key: PKey<Private>, digest: MessageDigest, not_after: i64) -> Identity {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "test.example").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_577_836_800).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(not_after).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, digest).unwrap();
    Identity { certificate: builder.build().to_der().unwrap(), key }
}

/// The instant at which this room's tests take place.
pub(crate) const NOW: Timestamp = Timestamp(1_795_334_400_000);
/// The service provider of this room's tests.
pub(crate) const SP_ID: &str = "https://sp.example.com/metadata";
/// Its ACS.
pub(crate) const ACS: &str = "https://sp.example.com/acs";
/// Our address for it.
pub(crate) const ENDPOINT: &str = "https://idp.example/saml2/app";

/// An AuthnRequest in the making, already in canonical form.
#[derive(Clone)]
pub(crate) struct RequestXml {
    pub attributes: BTreeMap<&'static str, String>,
    pub issuer: String,
    pub rest: String,
}

impl Default for RequestXml {
    fn default() -> Self {
        let attributes = [
            ("AssertionConsumerServiceURL", ACS),
            ("Destination", ENDPOINT),
            ("ID", "_req"),
            ("IssueInstant", "2026-11-22T07:59:58Z"),
            ("Version", "2.0"),
        ];
        Self {
            attributes: attributes.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
            issuer: format!("<saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>"),
            rest: String::new(),
        }
    }
}

impl RequestXml {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.insert(name, value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.attributes.remove(name);
        self
    }

    pub(crate) fn containing(mut self, rest: &str) -> Self {
        self.rest.push_str(rest);
        self
    }

    pub(crate) fn unsigned(&self) -> String {
        let mut w = Writer::default();
        w.open("samlp:AuthnRequest").namespace("samlp", PROTOCOL);
        for (name, value) in &self.attributes {
            w.attribute(name, value);
        }
        let inside = w.position();
        w.close();
        w.insert(inside, &format!("{}{}", self.issuer, self.rest));
        w.finish().unwrap()
    }

    pub(crate) fn signed(&self, signer: &dyn Signer) -> String {
        let mut w = Writer::default();
        w.insert(0, &self.unsigned());
        let after_issuer = w.written_from(0).find("</saml:Issuer>").unwrap() + "</saml:Issuer>".len();
        let id = &self.attributes["ID"];
        envelop::sign(&mut w, &Finished { start: 0, after_issuer, id, keeps_xs: false }, signer).unwrap();
        w.finish().unwrap()
    }
}

/// Raw DEFLATE, then base64.
pub(crate) fn deflate(octets: &[u8]) -> String {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(octets).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

/// As `encodeURIComponent` would, but for more characters.
pub(crate) fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A query with this message, unsigned.
pub(crate) fn redirect(xml: &str) -> String {
    format!("SAMLRequest={}", percent(&deflate(xml.as_bytes())))
}

/// The query with its signature appended.
pub(crate) fn sign_query(query: &str, signer: &dyn Signer) -> String {
    let query = format!("{query}&SigAlg={}", percent(signer.algorithm().uri()));
    let value = STANDARD.encode(signer.sign(query.as_bytes()).unwrap());
    format!("{query}&Signature={}", percent(&value))
}

/// A form body with this message.
pub(crate) fn post(xml: &str) -> String {
    format!("SAMLRequest={}", percent(&STANDARD.encode(xml)))
}
