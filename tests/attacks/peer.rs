//! The service provider of these tests and its enemies: keys, messages of both kinds, signatures made here and not
//! by the product's own signer, and the judge, which is the product.

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::x509::{X509, X509NameBuilder};
use tessera::base::Timestamp;
use tessera::saml::binding::{Binding, Carried, Message};
use tessera::saml::logout::{self, LogoutMessage};
use tessera::saml::soap::decode;
use tessera::saml::xml::reader::Source;
use tessera::saml::xml::{Limits, c14n};
use tessera::saml::{
    AcsBinding, AssertionConsumer, Endpoint, Reason, Refusal, ServiceProvider, Stage, Timing, Trusted,
    VerificationKey, decode_post, decode_redirect, receive,
};

pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

pub const NOW: Timestamp = Timestamp(1_795_334_400_000);
pub const SP_ID: &str = "https://sp.example.com/metadata";
pub const ACS: &str = "https://sp.example.com/acs";
/// Registered too, but not what the honest request names.
pub const SECOND_ACS: &str = "https://sp.example.com/second";
pub const ENDPOINT: &str = "https://idp.example/saml2/app";

pub struct Identity {
    pub key: PKey<Private>,
    pub certificate: X509,
}

impl Identity {
    pub fn new(key: PKey<Private>) -> Self {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "sp.example.com").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(1).and_then(|n| n.to_asn1_integer()).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_577_836_800).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(2_400_000_000).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { key, certificate: builder.build() }
    }

    pub fn rsa() -> Self {
        Self::new(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap())
    }

    pub fn ec() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self::new(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap())
    }

    pub fn verification_key(&self) -> VerificationKey {
        VerificationKey::from_certificate_der(&self.certificate.to_der().unwrap()).unwrap()
    }

    /// RSA or ECDSA with SHA-256, as DER.
    pub fn sign(&self, octets: &[u8]) -> Vec<u8> {
        Signer::new(MessageDigest::sha256(), &self.key).unwrap().sign_oneshot_to_vec(octets).unwrap()
    }
}

/// The service provider's registered key.
pub static SP: LazyLock<Identity> = LazyLock::new(Identity::rsa);
/// Somebody else's.
pub static MALLORY: LazyLock<Identity> = LazyLock::new(Identity::rsa);

/// A protocol message as text, not signed yet. The root declares `samlp` alone, `saml` is declared where it is used.
#[derive(Clone, Debug)]
pub struct Plain {
    /// Local name of the root.
    pub root: &'static str,
    pub id: String,
    /// Further attributes, ` name="value"` each.
    pub attributes: String,
    /// What follows the Issuer.
    pub children: String,
}

impl Plain {
    /// What the service provider really sends.
    pub fn honest(root: &'static str, id: &str) -> Self {
        let mut plain = Self {
            root,
            id: id.to_owned(),
            attributes: format!(
                " IssueInstant=\"2026-11-22T07:59:58Z\" Version=\"2.0\" Destination=\"{ENDPOINT}\""
            ),
            children: String::new(),
        };
        let name_id = |value: &str| format!("<saml:NameID xmlns:saml=\"{ASSERTION}\">{value}</saml:NameID>");
        if root == "LogoutRequest" {
            plain.children =
                format!("{}<samlp:SessionIndex>_session</samlp:SessionIndex>", name_id("a@example.com"));
        } else {
            plain.attributes.push_str(&format!(" AssertionConsumerServiceURL=\"{ACS}\" ForceAuthn=\"true\""));
            plain.children = format!(
                "<saml:Subject xmlns:saml=\"{ASSERTION}\">{}</saml:Subject><samlp:NameIDPolicy AllowCreate=\"false\" \
                 Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"></samlp:NameIDPolicy>",
                name_id("a@example.com")
            );
        }
        plain
    }

    /// What an attacker wants to be read instead.
    pub fn evil(root: &'static str, id: &str) -> Self {
        let mut plain = Self::honest(root, id);
        plain.attributes = plain.attributes.replace(ACS, SECOND_ACS).replace(" ForceAuthn=\"true\"", "");
        plain.children = plain.children.replace("a@example.com", "admin@example.com");
        plain
    }

    /// The text, with `first` before the Issuer, `second` right behind it and `last` at the end.
    pub fn around(&self, first: &str, second: &str, last: &str) -> String {
        let Self { root, id, attributes, children } = self;
        format!(
            "<samlp:{root} xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\"{attributes}>{first}\
             <saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>{second}{children}{last}</samlp:{root}>"
        )
    }

    pub fn xml(&self) -> String {
        self.around("", "", "")
    }

    pub fn signature(&self, identity: &Identity) -> String {
        signature_over(&self.xml(), &format!("#{}", self.id), RSA_SHA256, |octets| identity.sign(octets))
    }

    pub fn signed(&self, identity: &Identity) -> String {
        self.around("", &self.signature(identity), "")
    }
}

/// The exclusive canonical form of a document's root.
pub fn canonical(xml: &str) -> String {
    let source = Source::new(xml.as_bytes(), &Limits::METADATA).unwrap();
    let document = source.parse().unwrap();
    c14n::exclusive(document.root_element(), &[], None).unwrap()
}

/// A `ds:Signature` over the whole of `xml`, which it is to be put into, by whatever `sign` does.
pub fn signature_over(xml: &str, uri: &str, algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let digest = hash(MessageDigest::sha256(), canonical(xml).as_bytes()).unwrap();
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{EXC_C14N}\"/><ds:SignatureMethod \
         Algorithm=\"{algorithm}\"/><ds:Reference URI=\"{uri}\"><ds:Transforms><ds:Transform \
         Algorithm=\"{DSIG}enveloped-signature\"/><ds:Transform Algorithm=\"{EXC_C14N}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>{}</ds:DigestValue>\
         </ds:Reference></ds:SignedInfo>",
        STANDARD.encode(digest)
    );
    let value = STANDARD.encode(sign(canonical(&info).as_bytes()));
    format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    )
}

/// Who we are.
const HERE: Endpoint<'static> =
    Endpoint { url: ENDPOINT, entity_id: "https://idp.example/saml2/app/metadata" };

/// How the service provider is set up here.
#[derive(Clone, Copy, Default)]
pub struct Setup {
    pub require_signed: bool,
    pub redirect_enveloped: bool,
    pub allow_missing_destination: bool,
}

impl Setup {
    pub const REQUIRED: Self =
        Self { require_signed: true, redirect_enveloped: false, allow_missing_destination: false };

    /// What the product makes of a message from the service provider whose key this is.
    pub fn judge_by(self, message: &Message, keys: &[VerificationKey]) -> Result<Trusted, Refusal> {
        let by_client = message.binding == Binding::Soap;
        let binding = if by_client { AcsBinding::Paos } else { AcsBinding::Post };
        let acs = [(ACS, 0), (SECOND_ACS, 7)].map(|(url, index)| AssertionConsumer {
            url: url.to_owned(),
            index: Some(index),
            is_default: None,
            binding: Some(binding),
        });
        receive(message, &self.service_provider(&acs, keys), &HERE, Stage::First(Timing::at(NOW)))
    }

    /// What the product makes of a logout message by POST.
    pub fn log_out(self, xml: impl AsRef<[u8]>) -> Result<LogoutMessage, Reason> {
        self.log_out_by(&decode_post(&post(xml)).map_err(|refusal| refusal.reason)?)
    }

    /// The same by SOAP, with this header.
    pub fn log_out_by_soap(self, header: &str, xml: &str) -> Result<LogoutMessage, Reason> {
        self.log_out_by(&soap(header, xml))
    }

    fn log_out_by(self, message: &Message) -> Result<LogoutMessage, Reason> {
        let keys = [SP.verification_key()];
        let sp = self.service_provider(&[], &keys);
        logout::receive(message, &sp, &HERE, &[], Timing::at(NOW)).map_err(|refusal| refusal.reason)
    }

    fn service_provider<'a>(
        self,
        acs: &'a [AssertionConsumer],
        signing_keys: &'a [VerificationKey],
    ) -> ServiceProvider<'a> {
        ServiceProvider {
            entity_id: SP_ID,
            acs,
            signing_keys,
            require_signed_requests: self.require_signed,
            redirect_enveloped_signature: self.redirect_enveloped,
            allow_missing_destination: self.allow_missing_destination,
            strict_relay_state: false,
        }
    }

    /// The same for a message in octets, by POST, from the usual service provider.
    pub fn post(self, xml: impl AsRef<[u8]>) -> Result<Trusted, Reason> {
        let message = decode_post(&post(xml)).map_err(|refusal| refusal.reason)?;
        self.judge_by(&message, &[SP.verification_key()]).map_err(|refusal| refusal.reason)
    }

    /// The same from a client without a browser: in an envelope with this header.
    pub fn soap(self, header: &str, xml: &str) -> Result<Trusted, Reason> {
        self.judge_by(&soap(header, xml), &[SP.verification_key()]).map_err(|refusal| refusal.reason)
    }

    /// The same by Redirect.
    pub fn redirect(self, query: &str) -> Result<Trusted, Reason> {
        let message = decode_redirect(query).map_err(|refusal| refusal.reason)?;
        self.judge_by(&message, &[SP.verification_key()]).map_err(|refusal| refusal.reason)
    }
}

/// A message in an envelope.
fn soap(header: &str, xml: &str) -> Message {
    const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
    let header = if header.is_empty() { String::new() } else { format!("<s:Header>{header}</s:Header>") };
    let envelope = format!("<s:Envelope xmlns:s=\"{SOAP}\">{header}<s:Body>{xml}</s:Body></s:Envelope>");
    decode(envelope.into_bytes(), Carried::Request)
}

pub fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub fn deflated(octets: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(octets.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// The query of an unsigned message.
pub fn redirect(xml: impl AsRef<[u8]>) -> String {
    format!("SAMLRequest={}", percent(&STANDARD.encode(deflated(xml))))
}

/// The query with its signature.
pub fn signed_query(query: &str, identity: &Identity) -> String {
    let query = format!("{query}&SigAlg={}", percent(RSA_SHA256));
    let value = STANDARD.encode(identity.sign(query.as_bytes()));
    format!("{query}&Signature={}", percent(&value))
}

/// The form body of a message.
pub fn post(xml: impl AsRef<[u8]>) -> String {
    format!("SAMLRequest={}", percent(&STANDARD.encode(xml)))
}
