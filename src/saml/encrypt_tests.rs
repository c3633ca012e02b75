//! Tests of encryption: what the private key opens is what was signed, and nothing else is readable.

use openssl::encrypt::Decrypter;
use openssl::pkey::Private;
use openssl::symm::decrypt_aead;

use super::*;
use crate::base::name_id::NameIdFormat;
use crate::saml::certificate::{VerificationKey, parse_certificate};
use crate::saml::dsig::verify_root;
use crate::saml::names::{ASSERTION, AUTHN_PASSWORD_PROTECTED};
use crate::saml::response::{Lifetimes, NameId, ResponseInput, SignMode};
use crate::saml::sign::SignatureAlgorithm;
use crate::saml::testing::{ACS, IDP, NOW, P256, SP, SP_ID};
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, is, plain_text};

fn recipient(algorithm: EncryptionAlgorithm, transport: KeyTransport) -> Recipient {
    Recipient::of(&parse_certificate(&SP.certificate).unwrap(), algorithm, transport).unwrap()
}

/// Opens the one `EncryptedData` of a document as the service provider would, written anew from the specification.
fn open(xml: &str, key: &PKey<Private>) -> Option<String> {
    let source = Source::new(xml.as_bytes(), &Limits::MESSAGE).unwrap();
    let document = source.parse().unwrap();
    let data: Vec<_> = document.descendants().filter(|node| is(*node, XENC, "EncryptedData")).collect();
    assert_eq!(data.len(), 1, "{xml}");
    assert_eq!(data[0].attribute("Type"), Some("http://www.w3.org/2001/04/xmlenc#Element"));
    let inside = |name: &'static str| data[0].descendants().filter(move |node| is(*node, XENC, name));
    let algorithms: Vec<_> =
        inside("EncryptionMethod").filter_map(|node| node.attribute("Algorithm")).collect();
    let values: Vec<_> =
        inside("CipherValue").map(|node| STANDARD.decode(plain_text(node).unwrap()).unwrap()).collect();
    let sha256 = algorithms[1] == "http://www.w3.org/2009/xmlenc11#rsa-oaep";
    let digest = if sha256 { MessageDigest::sha256() } else { MessageDigest::sha1() };
    let mut decrypter = Decrypter::new(key).unwrap();
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
    decrypter.set_rsa_oaep_md(digest).unwrap();
    decrypter.set_rsa_mgf1_md(digest).unwrap();
    let mut content_key = vec![0; decrypter.decrypt_len(&values[0]).unwrap()];
    let length = decrypter.decrypt(&values[0], &mut content_key).ok()?;
    content_key.truncate(length);
    let cipher = match algorithms[0] {
        "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Cipher::aes_256_gcm(),
        "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Cipher::aes_128_gcm(),
        other => panic!("{other}"),
    };
    let (nonce, rest) = values[1].split_at(NONCE);
    let (sealed, tag) = rest.split_at(rest.len() - TAG);
    let plain = decrypt_aead(cipher, &content_key, Some(nonce), &[], sealed, tag).ok()?;
    Some(String::from_utf8(plain).unwrap())
}

fn name_id() -> NameId {
    NameId {
        format: NameIdFormat::EmailAddress,
        value: "zoë@example.com".to_owned(),
        name_qualifier: None,
        sp_name_qualifier: None,
    }
}

fn issue(sign: SignMode, encryption: Encryption<'_>) -> String {
    let name_id = name_id();
    let input = ResponseInput {
        response_id: "_response",
        assertion_id: "_assertion",
        issued_at: NOW,
        issuer: "https://idp.example/saml2/app/metadata",
        acs_url: ACS,
        in_response_to: Some("_req"),
        audience: SP_ID,
        name_id: Some(&name_id),
        authn_instant: NOW,
        session_index: "_session",
        session_not_on_or_after: None,
        authn_context_class: AUTHN_PASSWORD_PROTECTED,
        attributes: &[],
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption: Some(encryption),
    };
    input.sign(sign, &IDP.signer(SignatureAlgorithm::RsaSha256)).unwrap().as_xml().to_owned()
}

fn verifies(xml: &str) -> bool {
    let source = Source::new(xml.as_bytes(), &Limits::MESSAGE).unwrap();
    let key = VerificationKey::from_certificate_der(&IDP.certificate).unwrap();
    verify_root(&source.parse().unwrap(), &[key]).is_ok()
}

#[test]
fn saml_210_211_alg_404_assertion_and_response_are_signed_around_what_only_the_recipient_opens() {
    let random = Random::seeded(1);
    for algorithm in EncryptionAlgorithm::ALL {
        for transport in KeyTransport::ALL {
            for sign in [SignMode::Response, SignMode::Assertion, SignMode::Both] {
                let recipient = recipient(*algorithm, *transport);
                let encryption =
                    Encryption { recipient: &recipient, random: &random, assertion: true, name_id: false };
                let xml = issue(sign, encryption);
                assert!(!xml.contains("zoë") && !xml.contains("<saml:Assertion"), "{xml}");
                assert!(verifies(&xml), "{sign:?}: the response is signed");
                let assertion = open(&xml, &SP.key).unwrap();
                assert!(assertion.contains(">zoë@example.com</saml:NameID>"), "{assertion}");
                assert!(verifies(&assertion), "{sign:?}: the assertion stands alone and is signed");
                assert_eq!(open(&xml, &IDP.key), None, "nobody else's key opens it");
            }
        }
    }
}

#[test]
fn saml_210_two_runs_share_no_block_of_ciphertext() {
    let random = Random::seeded(2);
    let recipient = recipient(EncryptionAlgorithm::Aes256Gcm, KeyTransport::RsaOaepMgf1p);
    let encryption = Encryption { recipient: &recipient, random: &random, assertion: true, name_id: false };
    let ciphertexts = |xml: &str| -> Vec<Vec<u8>> {
        xml.split("<xenc:CipherValue>")
            .skip(1)
            .map(|rest| STANDARD.decode(rest.split_once('<').unwrap().0).unwrap())
            .collect()
    };
    let (one, two) =
        (ciphertexts(&issue(SignMode::Both, encryption)), ciphertexts(&issue(SignMode::Both, encryption)));
    assert_eq!((one.len(), two.len()), (2, 2));
    for (one, two) in one.iter().zip(&two) {
        let blocks: Vec<&[u8]> = one.chunks(16).collect();
        assert!(two.chunks(16).all(|block| block.len() < 16 || !blocks.contains(&block)));
    }
}

#[test]
fn alg_404_a_cut_or_changed_ciphertext_is_not_opened() {
    let random = Random::seeded(3);
    let recipient = recipient(EncryptionAlgorithm::Aes128Gcm, KeyTransport::RsaOaepSha256);
    let encryption = Encryption { recipient: &recipient, random: &random, assertion: true, name_id: false };
    let xml = issue(SignMode::Both, encryption);
    let at = xml.rfind("<xenc:CipherValue>").unwrap() + "<xenc:CipherValue>".len();
    let end = at + xml[at..].find('<').unwrap();
    let value = STANDARD.decode(&xml[at..end]).unwrap();
    let with = |value: &[u8]| format!("{}{}{}", &xml[..at], STANDARD.encode(value), &xml[end..]);
    assert!(open(&with(&value), &SP.key).is_some());
    let mut flipped = value.clone();
    flipped[NONCE + 3] ^= 1;
    for bad in [&flipped[..], &value[..value.len() - 4], &value[..value.len() - TAG]] {
        assert_eq!(open(&with(bad), &SP.key), None);
        assert!(!verifies(&with(bad)), "the response's own signature shows it first");
    }
}

#[test]
fn saml_210_a_name_id_is_encrypted_inside_a_readable_assertion() {
    let random = Random::seeded(4);
    let recipient = recipient(EncryptionAlgorithm::Aes256Gcm, KeyTransport::RsaOaepMgf1p);
    let encryption = Encryption { recipient: &recipient, random: &random, assertion: false, name_id: true };
    let xml = issue(SignMode::Assertion, encryption);
    assert!(!xml.contains("zoë") && xml.contains("<saml:Subject><saml:EncryptedID><xenc:EncryptedData "));
    let assertion = &xml[xml.find("<saml:Assertion").unwrap()..xml.find("</samlp:Response>").unwrap()];
    assert!(verifies(assertion));
    let opened = open(&xml, &SP.key).unwrap();
    let source = Source::new(opened.as_bytes(), &Limits::MESSAGE).unwrap();
    let document = source.parse().unwrap();
    assert!(is(document.root_element(), ASSERTION, "NameID"));
    assert_eq!(plain_text(document.root_element()).unwrap(), "zoë@example.com");
    assert_eq!(document.root_element().attribute("Format"), Some(NameIdFormat::EmailAddress.urn()));
}

#[test]
fn alg_404_only_rsa_keys_can_be_encrypted_for() {
    let elliptic = parse_certificate(&P256.certificate).unwrap();
    let (algorithm, transport) = (EncryptionAlgorithm::default(), KeyTransport::default());
    assert!(Recipient::of(&elliptic, algorithm, transport).is_none());
}
