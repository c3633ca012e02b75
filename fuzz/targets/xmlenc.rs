//! F-07: whatever an assertion says, what the recipient's key opens is what was signed, and nothing of it can be read
//! without that key.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use openssl::encrypt::Decrypter;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::symm::{Cipher, decrypt_aead};
use tessera_fuzz::base::Random;
use tessera_fuzz::base::name_id::NameIdFormat;
use tessera_fuzz::choice::Choice;
use tessera_fuzz::peer::{ACS, Identity, NOW, SP, SP_ID};
use tessera_fuzz::saml::dsig::verify_element;
use tessera_fuzz::saml::names::AUTHN_PASSWORD_PROTECTED;
use tessera_fuzz::saml::xml::reader::Source;
use tessera_fuzz::saml::xml::{Limits, is_xml_text};
use tessera_fuzz::saml::{
    Encryption, EncryptionAlgorithm, KeyTransport, Lifetimes, NameId, OpensslSigner, Recipient,
    ResponseInput, SignMode, SignatureAlgorithm, VerificationKey, parse_certificate,
};

static KEY: LazyLock<(OpensslSigner, VerificationKey)> = LazyLock::new(|| {
    let identity = Identity::ec();
    let der = identity.certificate.to_der().expect("DER");
    let signer = OpensslSigner::new(identity.key.clone(), &der, SignatureAlgorithm::EcdsaSha256);
    (signer.expect("it fits"), identity.verification_key())
});

fn values(xml: &str) -> Vec<Vec<u8>> {
    let parts = xml.split("<xenc:CipherValue>").skip(1);
    parts.map(|part| STANDARD.decode(part.split('<').next().expect("text")).expect("base64")).collect()
}

fn opened(xml: &str, algorithm: EncryptionAlgorithm, transport: KeyTransport) -> String {
    let [carried, sealed] = values(xml).try_into().expect("a key and what it opens");
    let digest = match transport {
        KeyTransport::RsaOaepMgf1p => MessageDigest::sha1(),
        KeyTransport::RsaOaepSha256 => MessageDigest::sha256(),
    };
    let mut decrypter = Decrypter::new(&SP.key).expect("a key");
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP).expect("RSA");
    decrypter.set_rsa_oaep_md(digest).expect("RSA");
    decrypter.set_rsa_mgf1_md(digest).expect("RSA");
    let mut key = vec![0; decrypter.decrypt_len(&carried).expect("RSA")];
    let length = decrypter.decrypt(&carried, &mut key).expect("the recipient's key opens it");
    let cipher = match algorithm {
        EncryptionAlgorithm::Aes256Gcm => Cipher::aes_256_gcm(),
        EncryptionAlgorithm::Aes128Gcm => Cipher::aes_128_gcm(),
    };
    assert_eq!(length, cipher.key_len());
    let (nonce, rest) = sealed.split_at(12);
    let (text, tag) = rest.split_at(rest.len() - 16);
    let plain = decrypt_aead(cipher, &key[..length], Some(nonce), &[], text, tag).expect("the tag fits");
    String::from_utf8(plain).expect("text")
}

fn verifies(xml: &str) -> bool {
    let source = Source::new(xml.as_bytes(), &Limits::METADATA).expect("readable");
    let document = source.parse().expect("well-formed");
    verify_element(document.root_element(), std::slice::from_ref(&KEY.1)).is_ok()
}

fuzz_target!(|data: &[u8]| {
    let (head, tail) = data.split_at(data.len().min(4));
    let mut choice = Choice::new(head);
    let algorithm = choice.of(EncryptionAlgorithm::ALL);
    let transport = choice.of(KeyTransport::ALL);
    let assertion = choice.one_in(2);
    let value = String::from_utf8_lossy(tail).into_owned();
    if !is_xml_text(&value) || value.len() > 8192 {
        return;
    }
    let certificate = parse_certificate(&SP.certificate.to_der().expect("DER")).expect("a certificate");
    let recipient = Recipient::of(&certificate, algorithm, transport).expect("an RSA key");
    let random = Random::seeded(u64::try_from(data.len()).expect("small"));
    let name_id = NameId {
        format: NameIdFormat::EmailAddress,
        value: format!("<secret> {value}"),
        name_qualifier: None,
        sp_name_qualifier: None,
    };
    let input = ResponseInput {
        response_id: "_response",
        assertion_id: "_assertion",
        issued_at: NOW,
        issuer: "https://idp.example/saml2/app/metadata",
        acs_url: ACS,
        in_response_to: None,
        audience: SP_ID,
        name_id: Some(&name_id),
        authn_instant: NOW,
        session_index: "_session",
        session_not_on_or_after: None,
        authn_context_class: AUTHN_PASSWORD_PROTECTED,
        attributes: &[],
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption: Some(Encryption {
            recipient: &recipient,
            random: &random,
            assertion,
            name_id: !assertion,
        }),
    };
    let response = input.sign(SignMode::Both, &KEY.0).expect("it is written");
    let xml = response.as_xml();
    assert!(!xml.contains("secret"), "nothing is readable");
    assert!(verifies(xml));
    let inside = opened(xml, algorithm, transport);
    if assertion {
        assert!(verifies(&inside), "the assertion stands alone");
    }
    let source = Source::new(inside.as_bytes(), &Limits::METADATA).expect("readable");
    let document = source.parse().expect("well-formed");
    let named = document.descendants().find(|node| node.tag_name().name() == "NameID").expect("a NameID");
    assert_eq!(named.text(), Some(name_id.value.as_str()));
});
