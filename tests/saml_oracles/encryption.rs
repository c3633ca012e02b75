//! What we encrypt, opened by xmlsec1 and bergshamra; what xmlsec1 encrypts, opened by us.

use std::fs;
use std::path::Path;
use std::process::Command;

use openssl::pkey::{PKey, Private};
use tempfile::TempDir;
use tessera::base::Random;
use tessera::saml::binding::{Carried, Message, decode_redirect_either};
use tessera::saml::logout::{self, LogoutMessage, redirect_url};
use tessera::saml::receive::{Endpoint, ServiceProvider, Timing};
use tessera::saml::{
    Attribute, Encryption, EncryptionAlgorithm, KeyTransport, Recipient, SignMode, SignatureAlgorithm,
    SignedResponse, VerificationKey, parse_certificate,
};

use crate::{
    IDP_ID, NOW, RSA, SP, SP_ID, awkward_attributes, bergshamra_accepts, name_id, respond_with, run,
    xmlsec_accepts,
};

/// Every way to encrypt: what is said of it, and a response made so.
pub fn encrypted_responses(attributes: &[Attribute]) -> Vec<(String, KeyTransport, SignedResponse)> {
    let certificate = parse_certificate(&SP.der()).expect("a certificate");
    let signer = RSA.signer(SignatureAlgorithm::RsaSha256);
    let mut out = Vec::new();
    for algorithm in EncryptionAlgorithm::ALL {
        for transport in KeyTransport::ALL {
            for (assertion, name_id_too) in [(true, false), (true, true), (false, true)] {
                let recipient = Recipient::of(&certificate, *algorithm, *transport).expect("an RSA key");
                let random = Random::seeded(7);
                let encryption =
                    Encryption { recipient: &recipient, random: &random, assertion, name_id: name_id_too };
                let subject = name_id("zoë@example.com");
                let response =
                    respond_with(NOW, &subject, attributes, SignMode::Both, &signer, Some(encryption));
                let told =
                    format!("{algorithm:?} {transport:?}, assertion {assertion}, NameID {name_id_too}");
                out.push((told, *transport, response));
            }
        }
    }
    out
}

#[test]
fn saml_210_alg_404_xmlsec1_opens_what_is_encrypted_and_verifies_what_was_inside() {
    let dir = TempDir::new().expect("temp dir");
    let (key, file) = (dir.path().join("sp.pem"), dir.path().join("encrypted.xml"));
    fs::write(&key, SP.key.private_key_to_pem_pkcs8().expect("openssl")).expect("temp dir");
    let opened = dir.path().join("opened.xml");
    let decrypt = |xml: &str| {
        fs::write(&file, xml).expect("temp dir");
        let mut command = Command::new("xmlsec1");
        command.arg("--decrypt").arg("--privkey-pem").arg(&key).arg("--output").arg(&opened);
        command.args(["--node-xpath", "//*[local-name()='EncryptedData']"]);
        let (done, said) = run(command.arg(&file));
        (done, if done { fs::read_to_string(&opened).expect("it was written") } else { said })
    };
    for (told, transport, response) in encrypted_responses(&awkward_attributes()) {
        // This release of it does not know the newer key transport; bergshamra does.
        if transport == KeyTransport::RsaOaepSha256 {
            continue;
        }
        let (accepted, said) = xmlsec_accepts(dir.path(), response.as_xml(), &RSA, "Response");
        assert!(accepted, "{told}: {said}");
        let mut xml = response.as_xml().to_owned();
        while xml.contains("<xenc:EncryptedData") {
            let (opened, said) = decrypt(&xml);
            assert!(opened, "{told}: {said}");
            xml = said;
            // Inside the assertion, the NameID is opened only after the signature around it was checked.
            if xml.contains("<saml:Assertion") {
                let assertion = assertion_in(&xml).to_owned();
                if assertion.contains("EncryptedData") || !told.contains("NameID true") {
                    let (accepted, said) = xmlsec_accepts(dir.path(), &assertion, &RSA, "Assertion");
                    assert!(accepted, "{told}: {said}");
                }
            }
        }
        // xmlsec1 writes what is not ASCII as references.
        assert!(xml.contains(">zo&#xEB;@example.com</saml:NameID>"), "{told}: {xml}");
    }
}

fn assertion_in(xml: &str) -> &str {
    let end = xml.find("</saml:Assertion>").expect("an assertion") + "</saml:Assertion>".len();
    &xml[xml.find("<saml:Assertion").expect("an assertion")..end]
}

/// A LogoutRequest by Redirect whose NameID xmlsec1 has encrypted for us.
fn encrypted_by_xmlsec(dir: &Path, cipher: &str, key_size: &str) -> Message {
    let (template, plain) = (dir.join("template.xml"), dir.join("plain.xml"));
    let (certificate, out) = (dir.join("idp.crt"), dir.join("out.xml"));
    fs::write(&certificate, RSA.certificate.to_pem().expect("openssl")).expect("temp dir");
    fs::write(
        &plain,
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
         Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">zoë</saml:NameID>",
    )
    .expect("temp dir");
    let xenc = "http://www.w3.org/2001/04/xmlenc#";
    let of_template = format!(
        "<xenc:EncryptedData xmlns:xenc=\"{xenc}\" Type=\"{xenc}Element\"><xenc:EncryptionMethod Algorithm=\"{cipher}\"/>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey><xenc:EncryptionMethod \
         Algorithm=\"{xenc}rsa-oaep-mgf1p\"/><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey>\
         </ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    );
    fs::write(&template, of_template).expect("temp dir");
    let mut command = Command::new("xmlsec1");
    command.arg("--encrypt").arg("--pubkey-cert-pem").arg(&certificate).args(["--session-key", key_size]);
    command.arg("--xml-data").arg(&plain).arg("--output").arg(&out);
    let (done, said) = run(command.arg(&template));
    assert!(done, "{said}");
    let sealed = fs::read_to_string(&out).expect("it was written");
    let sealed = sealed.split_once("?>").map_or(sealed.as_str(), |(_, rest)| rest);
    let xml = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_out\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"https://idp.example/logout\"><saml:Issuer \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{SP_ID}</saml:Issuer><saml:EncryptedID \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{sealed}</saml:EncryptedID></samlp:LogoutRequest>",
        NOW.to_xs_date_time(),
    );
    let signer = SP.signer(SignatureAlgorithm::RsaSha256);
    let url =
        redirect_url("https://idp.example/logout", Carried::Request, &xml, None, &signer).expect("signed");
    decode_redirect_either(url.split_once('?').expect("a query").1).expect("our own encoding")
}

#[test]
fn slo_501_alg_404_an_identifier_that_xmlsec1_encrypts_is_opened_and_cbc_is_not() {
    let dir = TempDir::new().expect("temp dir");
    let ours = [SP.key.clone(), RSA.key.clone()];
    let signing =
        [VerificationKey::from_certificate_der(&SP.certificate.to_der().expect("openssl")).expect("a key")];
    let sp = ServiceProvider {
        entity_id: SP_ID,
        acs: &[],
        signing_keys: &signing,
        require_signed_requests: false,
        redirect_enveloped_signature: false,
        allow_missing_destination: false,
        strict_relay_state: false,
    };
    let endpoint = Endpoint { url: "https://idp.example/logout", entity_id: IDP_ID };
    for (cipher, size, opens) in [
        ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256", true),
        ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128", true),
        ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256", false),
    ] {
        let message = encrypted_by_xmlsec(dir.path(), cipher, size);
        let read = |keys: &[PKey<Private>]| logout::receive(&message, &sp, &endpoint, keys, Timing::at(NOW));
        let none = read(&ours[..1]).expect_err("not for this key");
        assert_eq!(none.code(), "name_id_encrypted", "{cipher}");
        match read(&ours) {
            Ok(LogoutMessage::Request(request)) => {
                assert!(opens && request.name_id.value == "zoë", "{cipher}");
            }
            other => assert!(!opens && other.is_err(), "{cipher}: {other:?}"),
        }
    }
}

#[test]
fn saml_210_alg_404_bergshamra_opens_what_is_encrypted() {
    let pem = SP.key.private_key_to_pem_pkcs8().expect("openssl");
    for (told, _, response) in encrypted_responses(&awkward_attributes()) {
        let mut keys = bergshamra::KeysManager::new();
        keys.add_key(bergshamra::keys::loader::load_pem_auto(&pem, None).expect("bergshamra reads the key"));
        let context = bergshamra::EncContext::new(keys);
        let opened = bergshamra::decrypt(&context, response.as_xml())
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        if told.contains("assertion true") {
            bergshamra_accepts(assertion_in(&opened), &RSA).unwrap_or_else(|fault| panic!("{told}: {fault}"));
        } else {
            assert!(opened.contains(">zoë@example.com</saml:NameID>"), "{told}: {opened}");
        }
    }
}
