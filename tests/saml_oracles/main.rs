//! What we issue, judged by others: xmlsec1 and libxml2 (programs), the OASIS schemas, samael as a service provider
//! and bergshamra as a second verifier. What we canonicalise is held against libxml2 in `tests/attacks`.

mod encryption;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
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
use proptest::prelude::*;
use samael::crypto::{Crypto, CryptoProvider as _};
use tempfile::TempDir;
use tessera::base::name_id::NameIdFormat;
use tessera::base::{Clock, Random, Timestamp};
use tessera::saml::metadata::Stamp;
use tessera::saml::names::{ATTRIBUTE_BASIC, ATTRIBUTE_URI, AUTHN_PASSWORD_PROTECTED};
use tessera::saml::xml::is_xml_text;
use tessera::saml::{
    Attribute, Encryption, ErrorResponse, IdpMetadata, Lifetimes, NameId, OpensslSigner, ResponseInput,
    SignMode, SignatureAlgorithm, SignedResponse, Status,
};

use crate::encryption::encrypted_responses;

const IDP_ID: &str = "https://idp.example/saml2/app/metadata";
const SP_ID: &str = "https://sp.example.com/metadata";
const ACS: &str = "https://sp.example.com/acs";
const NOW: Timestamp = Timestamp(1_795_334_400_000);

struct Identity {
    key: PKey<Private>,
    certificate: X509,
}

impl Identity {
    fn new(key: PKey<Private>) -> Self {
        let mut name = X509NameBuilder::new().expect("openssl");
        name.append_entry_by_text("CN", "idp.example").expect("openssl");
        let name = name.build();
        let mut builder = X509::builder().expect("openssl");
        let serial = BigNum::from_u32(1).and_then(|n| n.to_asn1_integer()).expect("openssl");
        builder.set_version(2).expect("openssl");
        builder.set_serial_number(&serial).expect("openssl");
        builder.set_subject_name(&name).expect("openssl");
        builder.set_issuer_name(&name).expect("openssl");
        // xmlsec1 reads the real clock and dates with two digits of the year.
        builder.set_not_before(&Asn1Time::from_unix(1_577_836_800).expect("openssl")).expect("openssl");
        builder.set_not_after(&Asn1Time::from_unix(2_400_000_000).expect("openssl")).expect("openssl");
        builder.set_pubkey(&key).expect("openssl");
        builder.sign(&key, MessageDigest::sha256()).expect("openssl");
        Self { key, certificate: builder.build() }
    }

    fn der(&self) -> Vec<u8> {
        self.certificate.to_der().expect("openssl")
    }

    fn signer(&self, algorithm: SignatureAlgorithm) -> OpensslSigner {
        OpensslSigner::new(self.key.clone(), &self.der(), algorithm).expect("the algorithm fits the key")
    }
}

static RSA: LazyLock<Identity> =
    LazyLock::new(|| Identity::new(PKey::from_rsa(Rsa::generate(2048).expect("openssl")).expect("openssl")));
static SP: LazyLock<Identity> =
    LazyLock::new(|| Identity::new(PKey::from_rsa(Rsa::generate(2048).expect("openssl")).expect("openssl")));
static EC: LazyLock<Identity> = LazyLock::new(|| {
    let group = EcGroup::from_curve_name(Nid::SECP384R1).expect("openssl");
    Identity::new(PKey::from_ec_key(EcKey::generate(&group).expect("openssl")).expect("openssl"))
});

fn awkward_attributes() -> Vec<Attribute> {
    let attribute = |name: &str, name_format: &str, values: &[&str]| Attribute {
        name: name.to_owned(),
        name_format: name_format.to_owned(),
        friendly_name: (name_format == ATTRIBUTE_URI).then(|| "friendly & <odd>".to_owned()),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    vec![
        attribute("displayName", ATTRIBUTE_BASIC, &["R&D O'Neill <x> Zoë"]),
        attribute("urn:oid:2.5.4.3", ATTRIBUTE_URI, &["\"quoted\"", "]]>", "tab\tcr\rlf\n𝄞"]),
        attribute("groups", ATTRIBUTE_BASIC, &["a", "b", ""]),
        attribute("nothing", ATTRIBUTE_BASIC, &[]),
    ]
}

fn name_id(value: &str) -> NameId {
    NameId {
        format: NameIdFormat::EmailAddress,
        value: value.to_owned(),
        name_qualifier: Some(IDP_ID.to_owned()),
        sp_name_qualifier: Some(SP_ID.to_owned()),
    }
}

fn respond(
    issued_at: Timestamp,
    name_id: &NameId,
    attributes: &[Attribute],
    sign: SignMode,
    signer: &OpensslSigner,
) -> SignedResponse {
    respond_with(issued_at, name_id, attributes, sign, signer, None)
}

fn respond_with(
    issued_at: Timestamp,
    name_id: &NameId,
    attributes: &[Attribute],
    sign: SignMode,
    signer: &OpensslSigner,
    encryption: Option<Encryption<'_>>,
) -> SignedResponse {
    let random = Random::seeded(1);
    let input = ResponseInput {
        response_id: &random.saml_id(),
        assertion_id: &random.saml_id(),
        issued_at,
        issuer: IDP_ID,
        acs_url: ACS,
        in_response_to: Some("_request"),
        audience: SP_ID,
        name_id: Some(name_id),
        authn_instant: issued_at,
        session_index: &random.saml_id(),
        session_not_on_or_after: Some(issued_at.plus(3_600_000)),
        authn_context_class: AUTHN_PASSWORD_PROTECTED,
        attributes,
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption,
    };
    input.sign(sign, signer).expect("a Response can be written")
}

fn error(status: Status) -> ErrorResponse<'static> {
    ErrorResponse {
        response_id: "_error",
        issued_at: NOW,
        issuer: IDP_ID,
        acs_url: ACS,
        in_response_to: Some("_request"),
        status,
        message: Some("No & never."),
    }
}

fn idp_metadata() -> IdpMetadata {
    IdpMetadata {
        logout_url: Some("https://idp.example/saml2/app/logout".to_owned()),
        client_sso_url: Some("https://idp.example/saml2/app/ecp".into()),
        scope: Some("idp.example".into()),
        artifact_url: Some("https://idp.example/saml2/app/artifact".to_owned()),
        entity_id: IDP_ID.to_owned(),
        sso_url: "https://idp.example/saml2/app".to_owned(),
        certificates: vec![RSA.der(), EC.der()],
        encryption_certificate: Some(RSA.der()),
        name_id_formats: NameIdFormat::ALL.to_vec(),
        want_authn_requests_signed: false,
        error_url: Some("https://idp.example/help".to_owned()),
        organisation: Some(("R&D".to_owned(), "https://example.com".to_owned())),
    }
}

fn metadata() -> String {
    idp_metadata().write().expect("metadata can be written")
}

fn signed_metadata() -> String {
    let stamp = Stamp { id: "_metadata", valid_until: NOW };
    let signer = RSA.signer(SignatureAlgorithm::RsaSha256);
    idp_metadata().sign(stamp, &signer).expect("metadata can be signed")
}

/// Runs a program and answers whether it succeeded, and what it said.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("the oracle is installed");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

fn xmlsec_accepts(dir: &Path, xml: &str, identity: &Identity, parent: &str) -> (bool, String) {
    let (pem, file) = (dir.join("certificate.pem"), dir.join("message.xml"));
    fs::write(&pem, identity.certificate.to_pem().expect("openssl")).expect("temp dir");
    fs::write(&file, xml).expect("temp dir");
    let mut command = Command::new("xmlsec1");
    command.arg("--verify").arg("--trusted-pem").arg(&pem).arg("--pubkey-cert-pem").arg(&pem);
    for element in ["assertion:Assertion", "protocol:Response", "metadata:EntityDescriptor"] {
        command.args(["--id-attr:ID", &format!("urn:oasis:names:tc:SAML:2.0:{element}")]);
    }
    command.arg("--node-xpath").arg(format!("//*[local-name()='{parent}']/*[local-name()='Signature']"));
    run(command.arg(&file))
}

#[test]
fn saml_207_saml_208_xmlsec1_accepts_every_signing_mode_and_algorithm() {
    let dir = TempDir::new().expect("temp dir");
    let (name_id, attributes) = (name_id("zoë@example.com"), awkward_attributes());
    for algorithm in SignatureAlgorithm::ALL {
        let identity: &Identity = if algorithm.is_ecdsa() { &EC } else { &RSA };
        for (sign, signed) in [
            (SignMode::Response, &["Response"][..]),
            (SignMode::Assertion, &["Assertion"]),
            (SignMode::Both, &["Response", "Assertion"]),
        ] {
            for attributes in [&attributes[..], &[]] {
                let response = respond(NOW, &name_id, attributes, sign, &identity.signer(*algorithm));
                for parent in signed {
                    let (accepted, said) = xmlsec_accepts(dir.path(), response.as_xml(), identity, parent);
                    assert!(accepted, "{algorithm} {sign:?} {parent}: {said}");
                    let tampered =
                        response.as_xml().replace("example.com</saml:NameID>", "evil.tld</saml:NameID>");
                    assert_ne!(tampered, response.as_xml());
                    assert!(
                        !xmlsec_accepts(dir.path(), &tampered, identity, parent).0,
                        "{algorithm} {sign:?}"
                    );
                }
            }
        }
    }
    let refusal = error(Status::NoPassive).write(Some(&RSA.signer(SignatureAlgorithm::RsaSha256)));
    let (accepted, said) = xmlsec_accepts(dir.path(), refusal.expect("writes").as_xml(), &RSA, "Response");
    assert!(accepted, "{said}");
}

/// The schemas of the Debian packages, found through their file lists, with a catalog in place of the network.
struct Schemas {
    dir: TempDir,
    files: Vec<PathBuf>,
}

impl Schemas {
    fn find() -> Self {
        let mut list = Command::new("dpkg-query");
        let (found, said) = run(list.args(["--listfiles", "opensaml-schemas", "xmltooling-schemas"]));
        assert!(found, "install opensaml-schemas and xmltooling-schemas: {said}");
        let files = said
            .lines()
            .map(PathBuf::from)
            .filter(|file| file.extension().is_some_and(|e| e == "xsd"))
            .collect();
        let schemas = Self { dir: TempDir::new().expect("temp dir"), files };
        let mut catalog = "<catalog xmlns=\"urn:oasis:names:tc:entity:xmlns:xml:catalog\">".to_owned();
        for (url, file) in [
            (
                "http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd",
                "xmldsig-core-schema.xsd",
            ),
            (
                "http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xmldsig-core-schema.xsd",
                "xmldsig-core-schema.xsd",
            ),
            ("http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xenc-schema.xsd", "xenc-schema.xsd"),
            ("http://www.w3.org/2001/xml.xsd", "xml.xsd"),
        ] {
            let path = schemas.path(file).display().to_string();
            for (element, attribute) in [("system", "systemId"), ("uri", "name")] {
                write!(catalog, "<{element} {attribute}=\"{url}\" uri=\"{path}\"/>").expect("a string");
            }
        }
        fs::write(schemas.dir.path().join("catalog.xml"), catalog + "</catalog>").expect("temp dir");
        schemas
    }

    fn path(&self, name: &str) -> &Path {
        self.files.iter().find(|file| file.ends_with(name)).expect("the package holds the schema")
    }

    fn check(&self, schema: &str, xml: &str) -> (bool, String) {
        self.check_by(self.path(schema), xml)
    }

    /// The same with XML Encryption 1.1, which the schema of SAML does not import.
    fn check_with_encryption(&self, schema: &str, xml: &str) -> (bool, String) {
        let both = self.dir.path().join("both.xsd");
        let mut text = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">".to_owned();
        for (namespace, file) in [
            ("urn:oasis:names:tc:SAML:2.0:protocol", schema),
            ("http://www.w3.org/2009/xmlenc11#", "xenc11-schema.xsd"),
        ] {
            let path = self.path(file).display().to_string();
            write!(text, "<xs:import namespace=\"{namespace}\" schemaLocation=\"{path}\"/>")
                .expect("a string");
        }
        fs::write(&both, text + "</xs:schema>").expect("temp dir");
        self.check_by(&both, xml)
    }

    fn check_by(&self, schema: &Path, xml: &str) -> (bool, String) {
        let file = self.dir.path().join("document.xml");
        fs::write(&file, xml).expect("temp dir");
        let mut command = Command::new("xmllint");
        command.env("XML_CATALOG_FILES", self.dir.path().join("catalog.xml"));
        run(command.args(["--nonet", "--noout", "--schema"]).arg(schema).arg(&file))
    }
}

#[test]
fn saml_208_md_301_everything_we_write_is_valid_by_schema() {
    let schemas = Schemas::find();
    let protocol = "saml-schema-protocol-2.0.xsd";
    let signer = RSA.signer(SignatureAlgorithm::RsaSha256);
    for sign in [SignMode::Response, SignMode::Assertion, SignMode::Both] {
        for attributes in [&awkward_attributes()[..], &[]] {
            let response = respond(NOW, &name_id("a@example.com"), attributes, sign, &signer);
            let (valid, said) = schemas.check(protocol, response.as_xml());
            assert!(valid, "{sign:?}: {said}");
            let broken = response.as_xml().replace(" Version=\"2.0\"", "");
            assert!(!schemas.check(protocol, &broken).0, "the schema is really applied");
        }
    }
    for (told, _, response) in encrypted_responses(&awkward_attributes()) {
        let (valid, said) = schemas.check_with_encryption(protocol, response.as_xml());
        assert!(valid, "{told}: {said}");
    }
    for status in
        Status::ALL.iter().copied().filter(|status| status.top_level() != Status::Success.top_level())
    {
        for signer in [None, Some(&signer as &dyn tessera::saml::Signer)] {
            let (valid, said) =
                schemas.check(protocol, error(status).write(signer).expect("writes").as_xml());
            assert!(valid, "{status:?}: {said}");
        }
    }
    for document in [metadata(), signed_metadata()] {
        let (valid, said) = schemas.check("saml-schema-metadata-2.0.xsd", &document);
        assert!(valid, "{said}");
    }
}

#[test]
fn md_301_saml_209_xmlsec1_accepts_signed_metadata_whole_and_not_a_letter_else() {
    let dir = TempDir::new().expect("temp dir");
    let document = signed_metadata();
    let (accepted, said) = xmlsec_accepts(dir.path(), &document, &RSA, "EntityDescriptor");
    assert!(accepted, "{said}");
    for (said, instead) in [("/saml2/app\"", "/saml2/apq\""), ("validUntil=\"2", "validUntil=\"3")] {
        let forged = document.replacen(said, instead, 1);
        assert_ne!(forged, document);
        assert!(!xmlsec_accepts(dir.path(), &forged, &RSA, "EntityDescriptor").0, "{instead}");
    }
    assert!(!xmlsec_accepts(dir.path(), &document, &EC, "EntityDescriptor").0, "another key");
}

#[test]
fn saml_207_samael_as_a_service_provider_accepts_us() {
    let now = Clock::System.now();
    let sp = samael::service_provider::ServiceProvider {
        entity_id: Some(SP_ID.to_owned()),
        acs_url: Some(ACS.to_owned()),
        idp_metadata: metadata().parse().expect("samael reads our metadata"),
        ..samael::service_provider::ServiceProvider::default()
    };
    let certificate = RSA.der().into();
    for sign in [SignMode::Response, SignMode::Assertion, SignMode::Both] {
        let signer = RSA.signer(SignatureAlgorithm::RsaSha256);
        let response = respond(now, &name_id("zoë@example.com"), &awkward_attributes(), sign, &signer);
        Crypto::verify_signed_xml(response.as_xml(), &certificate, Some("ID"))
            .expect("the signature verifies");
        let assertion = sp
            .parse_base64_response(response.to_base64().as_str(), Some(&["_request"]))
            .unwrap_or_else(|error| panic!("{sign:?}: {error}"));
        let subject = assertion.subject.and_then(|subject| subject.name_id).expect("a NameID");
        assert_eq!(subject.value, "zoë@example.com");
        let other = samael::service_provider::ServiceProvider {
            entity_id: Some("https://other.example".into()),
            ..sp.clone()
        };
        assert!(
            other.parse_base64_response(response.to_base64().as_str(), Some(&["_request"])).is_err(),
            "SAML-204"
        );
    }
}

/// Whether bergshamra, strict and with our certificate only, takes every signature of the document.
fn bergshamra_accepts(xml: &str, identity: &Identity) -> Result<(), String> {
    let mut keys = bergshamra::KeysManager::new();
    let key = bergshamra::keys::loader::load_x509_cert_der(&identity.der())
        .expect("bergshamra reads our certificate");
    keys.add_key(key);
    let context = bergshamra::DsigContext::new(keys);
    let results = bergshamra::verify_all(&context, xml).map_err(|error| error.to_string())?;
    match results.iter().find(|result| !result.is_valid() || !result.all_reference_digests_verified()) {
        Some(refused) => Err(format!("{refused:?}")),
        None if results.is_empty() => Err("no signature found".to_owned()),
        None => Ok(()),
    }
}

#[test]
fn saml_207_bergshamra_accepts_every_signing_mode_and_algorithm() {
    for algorithm in SignatureAlgorithm::ALL {
        let identity: &Identity = if algorithm.is_ecdsa() { &EC } else { &RSA };
        for sign in [SignMode::Response, SignMode::Assertion, SignMode::Both] {
            let signer = identity.signer(*algorithm);
            let response = respond(NOW, &name_id("zoë@example.com"), &awkward_attributes(), sign, &signer);
            assert_eq!(bergshamra_accepts(response.as_xml(), identity), Ok(()), "{algorithm} {sign:?}");
            let tampered = response.as_xml().replace("R&amp;D", "R&amp;E");
            assert!(bergshamra_accepts(&tampered, identity).is_err());
        }
    }
}

/// The text that libxml2 finds in the one element of this name.
fn libxml2_reads(dir: &Path, xml: &str, element: &str) -> String {
    let file = dir.join("message.xml");
    fs::write(&file, xml).expect("temp dir");
    let xpath = format!("string(//*[local-name()='{element}'][count(//*[local-name()='{element}']) = 1])");
    let output =
        Command::new("xmllint").args(["--nonet", "--xpath", &xpath]).arg(&file).output().expect("xmllint");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.strip_suffix('\n').expect("xmllint ends with a line feed").to_owned()
}

fn xml_text() -> impl Strategy<Value = String> {
    let special = [
        "<",
        "&",
        "\"",
        "'",
        "\r",
        "\n",
        "\t",
        "]]>",
        "<!--",
        "</saml:Attribute>",
        "&#0;",
        "\u{85}",
        "\u{2028}",
    ];
    let character = any::<char>().prop_filter("XML carries it", |c| is_xml_text(c.encode_utf8(&mut [0; 4])));
    let piece = prop_oneof![
        3 => character.prop_map(String::from),
        3 => prop::sample::select(special.to_vec()).prop_map(str::to_owned),
        1 => "[a-z ]{1,6}",
    ];
    prop::collection::vec(piece, 1..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_11_saml_208_random_values_verify_and_come_back_in_other_parsers(value in xml_text(), subject in xml_text()) {
        let attributes = [Attribute {
            name: "x".to_owned(),
            name_format: ATTRIBUTE_BASIC.to_owned(),
            friendly_name: None,
            values: vec![value.clone()],
        }];
        let signer = RSA.signer(SignatureAlgorithm::RsaSha256);
        let response = respond(NOW, &name_id(&subject), &attributes, SignMode::Both, &signer);
        prop_assert!(Crypto::verify_signed_xml(response.as_xml(), &RSA.der().into(), Some("ID")).is_ok());
        prop_assert_eq!(bergshamra_accepts(response.as_xml(), &RSA), Ok(()));
        let dir = TempDir::new().expect("temp dir");
        for (element, expected) in [("AttributeValue", &value), ("NameID", &subject)] {
            prop_assert_eq!(&libxml2_reads(dir.path(), response.as_xml(), element), expected);
        }
    }
}

#[test]
fn responses_travel_as_base64_of_the_very_bytes() {
    let signer = RSA.signer(SignatureAlgorithm::RsaSha256);
    let response = respond(NOW, &name_id("a@example.com"), &[], SignMode::Both, &signer);
    assert_eq!(STANDARD.decode(response.to_base64().as_str()).expect("base64"), response.as_xml().as_bytes());
}
