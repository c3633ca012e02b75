//! Algorithms, keys and values that are not what they seem (A-12, ALG-402, ALG-403, MD-305), over enveloped signatures
//! made here and over queries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use tessera::saml::{Reason, decode_post, decode_redirect};

use crate::peer::{
    EXC_C14N, Identity, MALLORY, Plain, RSA_SHA256, SP, Setup, percent, post, redirect, signature_over,
    signed_query,
};

const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";

fn honest() -> Plain {
    Plain::honest("AuthnRequest", "_honest")
}

fn digest_with(key: &PKey<Private>, digest: MessageDigest, octets: &[u8]) -> Vec<u8> {
    Signer::new(digest, key).unwrap().sign_oneshot_to_vec(octets).unwrap()
}

/// What the service provider's certificate, which anybody can read, gives as a key for HMAC.
fn public_secrets() -> Vec<Vec<u8>> {
    let certificate = &SP.certificate;
    let public = certificate.public_key().unwrap();
    vec![
        certificate.to_der().unwrap(),
        certificate.to_pem().unwrap(),
        STANDARD.encode(certificate.to_der().unwrap()).into_bytes(),
        public.public_key_to_der().unwrap(),
        public.public_key_to_pem().unwrap(),
        Vec::new(),
    ]
}

#[test]
fn a_12_alg_402_hmac_under_anything_public_is_refused_in_both_bindings() {
    for secret in public_secrets() {
        let Ok(key) = PKey::hmac(&secret) else { continue };
        for (uri, digest) in [
            (format!("{XMLDSIG}hmac-sha1"), MessageDigest::sha1()),
            (format!("{MORE}hmac-sha256"), MessageDigest::sha256()),
            (format!("{MORE}hmac-sha512"), MessageDigest::sha512()),
            // The right name over the wrong kind of value.
            (RSA_SHA256.to_owned(), MessageDigest::sha256()),
        ] {
            let expected =
                if uri == RSA_SHA256 { Reason::SignatureInvalid } else { Reason::SignatureAlgorithm };
            let sign = |octets: &[u8]| digest_with(&key, digest, octets);
            let signature = signature_over(&honest().xml(), "#_honest", &uri, sign);
            assert_eq!(
                Setup::REQUIRED.post(honest().around("", &signature, "")).err(),
                Some(expected),
                "{uri}"
            );
            let query = format!("{}&SigAlg={}", redirect(honest().xml()), percent(&uri));
            let query = format!("{query}&Signature={}", percent(&STANDARD.encode(sign(query.as_bytes()))));
            assert_eq!(Setup::REQUIRED.redirect(&query).err(), Some(expected), "{uri}");
        }
    }
}

#[test]
fn a_12_alg_402_weak_and_unknown_algorithms_are_refused_however_well_they_are_signed() {
    let (sha1, md5) = (MessageDigest::sha1(), MessageDigest::md5());
    for (uri, digest) in [
        (format!("{XMLDSIG}rsa-sha1"), sha1),
        (format!("{MORE}rsa-md5"), md5),
        (format!("{MORE}rsa-ripemd160"), sha1),
        (format!("{XMLDSIG}dsa-sha1"), sha1),
        ("http://www.w3.org/2007/05/xmldsig-more#rsa-pss".to_owned(), MessageDigest::sha256()),
        ("http://www.w3.org/2009/xmldsig11#dsa-sha256".to_owned(), MessageDigest::sha256()),
        (RSA_SHA256.to_uppercase(), MessageDigest::sha256()),
        (format!("{RSA_SHA256}#"), MessageDigest::sha256()),
        (format!(" {RSA_SHA256}"), MessageDigest::sha256()),
        ("rsa-sha256".to_owned(), MessageDigest::sha256()),
        ("none".to_owned(), MessageDigest::sha256()),
        (String::new(), MessageDigest::sha256()),
    ] {
        let sign = |octets: &[u8]| digest_with(&SP.key, digest, octets);
        let signature = signature_over(&honest().xml(), "#_honest", &uri, sign);
        let found = Setup::REQUIRED.post(honest().around("", &signature, "")).err();
        assert_eq!(found, Some(Reason::SignatureAlgorithm), "{uri}");
        let query = format!("{}&SigAlg={}", redirect(honest().xml()), percent(&uri));
        let query = format!("{query}&Signature={}", percent(&STANDARD.encode(sign(query.as_bytes()))));
        assert_eq!(Setup::REQUIRED.redirect(&query).err(), Some(Reason::SignatureAlgorithm), "{uri}");
    }
    // A listed name over a value of another padding.
    let pss = |octets: &[u8]| {
        let mut signer = Signer::new(MessageDigest::sha256(), &SP.key).unwrap();
        signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
        signer.sign_oneshot_to_vec(octets).unwrap()
    };
    let signature = signature_over(&honest().xml(), "#_honest", RSA_SHA256, pss);
    let found = Setup::REQUIRED.post(honest().around("", &signature, "")).err();
    assert_eq!(found, Some(Reason::SignatureInvalid));
}

#[test]
fn a_12_transforms_that_could_change_what_is_signed_are_refused() {
    let signed = honest().signed(&SP);
    let enveloped = format!("<ds:Transform Algorithm=\"{XMLDSIG}enveloped-signature\"/>");
    let exclusive = format!("<ds:Transform Algorithm=\"{EXC_C14N}\"/>");
    let transform =
        |uri: &str, inner: &str| format!("<ds:Transform Algorithm=\"{uri}\">{inner}</ds:Transform>");
    let xpath = "http://www.w3.org/TR/1999/REC-xpath-19991116";
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    let filter = "http://www.w3.org/2002/06/xmldsig-filter2";
    let true_path = transform(xpath, "<ds:XPath>1</ds:XPath>");
    let costly = transform(xpath, "<ds:XPath>count(//. | //@* | //namespace::*) &gt; count(//.)</ds:XPath>");
    let sheet = transform(
        xslt,
        "<xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"/>",
    );
    let subtract = transform(
        filter,
        "<XPath xmlns=\"http://www.w3.org/2002/06/xmldsig-filter2\" Filter=\"subtract\">//*</XPath>",
    );
    let cases = [
        (exclusive.clone(), format!("{exclusive}{true_path}"), Reason::SignatureMalformed),
        (enveloped.clone(), true_path, Reason::SignatureMalformed),
        (enveloped.clone(), costly, Reason::SignatureMalformed),
        (enveloped.clone(), sheet, Reason::SignatureMalformed),
        (enveloped.clone(), subtract, Reason::SignatureMalformed),
        (enveloped.clone(), transform(xslt, ""), Reason::SignatureAlgorithm),
        (enveloped.clone(), transform(&format!("{XMLDSIG}base64"), ""), Reason::SignatureAlgorithm),
        (enveloped.clone(), exclusive.clone(), Reason::SignatureAlgorithm),
        (enveloped.clone(), String::new(), Reason::SignatureMalformed),
        (exclusive.clone(), String::new(), Reason::SignatureMalformed),
        (format!("{enveloped}{exclusive}"), format!("{exclusive}{enveloped}"), Reason::SignatureAlgorithm),
        (exclusive.clone(), exclusive.repeat(9), Reason::SignatureMalformed),
    ];
    for (from, to, expected) in cases {
        assert!(signed.contains(&from));
        assert_eq!(Setup::REQUIRED.post(signed.replace(&from, &to)).err(), Some(expected), "{to}");
    }
    for method in [
        format!("{EXC_C14N}WithComments"),
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315".to_owned(),
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments".to_owned(),
        "http://www.w3.org/2006/12/xml-c14n11".to_owned(),
        String::new(),
    ] {
        let own = |tag: &str| {
            signed
                .replace(&format!("{tag} Algorithm=\"{EXC_C14N}\""), &format!("{tag} Algorithm=\"{method}\""))
        };
        for tag in ["<ds:CanonicalizationMethod", "<ds:Transform"] {
            assert_eq!(
                Setup::REQUIRED.post(own(tag)).err(),
                Some(Reason::SignatureAlgorithm),
                "{tag} {method}"
            );
        }
    }
}

#[test]
fn alg_403_a_12_a_key_verifies_only_by_the_algorithms_of_its_kind() {
    let ec = Identity::ec();
    let (rsa_key, ec_key) = (SP.verification_key(), ec.verification_key());
    let ecdsa = format!("{MORE}ecdsa-sha256");
    // XML Signature wants r and s side by side, not DER; both are tried where they must fail.
    let raw = |octets: &[u8]| {
        let der = openssl::ecdsa::EcdsaSig::from_der(&ec.sign(octets)).unwrap();
        [der.r().to_vec_padded(32).unwrap(), der.s().to_vec_padded(32).unwrap()].concat()
    };
    for (uri, sign, keys, expected) in [
        (
            RSA_SHA256,
            &(|o: &[u8]| ec.sign(o)) as &dyn Fn(&[u8]) -> Vec<u8>,
            vec![ec_key.clone()],
            Some(Reason::SignatureInvalid),
        ),
        (RSA_SHA256, &|o| raw(o), vec![ec_key.clone()], Some(Reason::SignatureInvalid)),
        (&ecdsa, &|o| SP.sign(o), vec![rsa_key.clone()], Some(Reason::SignatureInvalid)),
        (&ecdsa, &|o| raw(o), vec![rsa_key.clone()], Some(Reason::SignatureInvalid)),
        (&ecdsa, &|_| vec![0; 64], vec![ec_key.clone()], Some(Reason::SignatureInvalid)),
        (&ecdsa, &|_| Vec::new(), vec![ec_key.clone()], Some(Reason::SignatureInvalid)),
        (&ecdsa, &|o| raw(o), vec![rsa_key.clone(), ec_key.clone()], None),
        (RSA_SHA256, &|o| SP.sign(o), vec![ec_key.clone(), rsa_key.clone()], None),
    ] {
        let signature = signature_over(&honest().xml(), "#_honest", uri, sign);
        let message = decode_post(&post(honest().around("", &signature, ""))).unwrap();
        assert_eq!(Setup::REQUIRED.judge_by(&message, &keys).err().map(|r| r.reason), expected, "{uri}");
    }
}

#[test]
fn a_12_saml_105_values_cut_short_emptied_or_filled_up_are_refused() {
    let signed = honest().signed(&SP);
    let between = |text: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap() + from.len();
        text[start..start + text[start..].find(to).unwrap()].to_owned()
    };
    let value = between(&signed, "<ds:SignatureValue>", "<");
    let digest = between(&signed, "<ds:DigestValue>", "<");
    let octets = STANDARD.decode(&value).unwrap();
    let own = |octets: &[u8]| signed.replace(&value, &STANDARD.encode(octets));
    let longer = [octets.as_slice(), &[0]].concat();
    let shifted = [&[0], octets.as_slice()].concat();
    for octets in
        [&octets[..255], &octets[1..], &octets[..1], &[], &[0; 256], &[0xff; 256], &longer, &shifted]
    {
        assert_eq!(
            Setup::REQUIRED.post(own(octets)).err(),
            Some(Reason::SignatureInvalid),
            "{}",
            octets.len()
        );
    }
    for (from, to) in [
        (format!("<ds:SignatureValue>{value}</ds:SignatureValue>"), String::new()),
        (value.clone(), "*".to_owned()),
        (value.clone(), value[..value.len() - 1].to_owned()),
        (digest.clone(), "*".to_owned()),
        (format!("<ds:DigestValue>{digest}</ds:DigestValue>"), String::new()),
    ] {
        assert_eq!(
            Setup::REQUIRED.post(signed.replace(&from, &to)).err(),
            Some(Reason::SignatureMalformed),
            "{to}"
        );
    }
    // A digest of nothing, empty or the right one of the wrong length: the value over SignedInfo fails first.
    for to in ["", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", &digest[..40]] {
        assert_eq!(
            Setup::REQUIRED.post(signed.replace(&digest, to)).err(),
            Some(Reason::SignatureInvalid),
            "{to}"
        );
    }
    // With the value over such a SignedInfo made by the right key, the content still has to fit.
    let empty_content = signature_over("<a/>", "#_honest", RSA_SHA256, |octets| SP.sign(octets));
    let found = Setup::REQUIRED.post(honest().around("", &empty_content, "")).err();
    assert_eq!(found, Some(Reason::SignatureInvalid));
}

#[test]
fn a_12_md_305_what_key_info_says_is_never_looked_at() {
    let certificate = STANDARD.encode(MALLORY.certificate.to_der().unwrap());
    let forged = honest().signature(&MALLORY);
    let true_one = honest().signature(&SP);
    let deep = format!("{}{}", "<ds:X509Data>".repeat(20), "</ds:X509Data>".repeat(20));
    for inside in [
        format!("<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data>"),
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQ==</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>".to_owned(),
        "<ds:KeyName>sp.example.com</ds:KeyName>".to_owned(),
        "<ds:RetrievalMethod URI=\"file:///etc/passwd\"/>".to_owned(),
        "<xenc:EncryptedKey xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"/>".to_owned(),
        deep,
        String::new(),
    ] {
        let with = |signature: &str| {
            let info = format!("<ds:KeyInfo>{inside}</ds:KeyInfo></ds:Signature>");
            honest().around("", &signature.replace("</ds:Signature>", &info), "")
        };
        assert_eq!(Setup::REQUIRED.post(with(&forged)).err(), Some(Reason::SignatureInvalid), "{inside}");
        assert!(Setup::REQUIRED.post(with(&true_one)).is_ok(), "{inside}");
    }
}

#[test]
fn a_12_saml_104_a_query_signed_by_another_or_for_another_is_refused() {
    let honest = redirect(honest().xml());
    let evil = redirect(Plain::evil("AuthnRequest", "_honest").xml());
    let signed = signed_query(&honest, &SP);
    assert!(Setup::REQUIRED.redirect(&signed).is_ok());
    let (_, rest) = signed.split_once("&SigAlg=").unwrap();
    for (query, expected) in [
        (signed_query(&honest, &MALLORY), Reason::SignatureInvalid),
        (format!("{evil}&SigAlg={rest}"), Reason::SignatureInvalid),
        (format!("{honest}&RelayState=added&SigAlg={rest}"), Reason::SignatureInvalid),
        (format!("{honest}&RelayState=&SigAlg={rest}"), Reason::SignatureInvalid),
        (
            format!("{honest}&SigAlg={}", rest.replace("&Signature=", "&Signature=AAAA")),
            Reason::SignatureInvalid,
        ),
        (format!("{honest}&SigAlg={}&Signature=", percent(RSA_SHA256)), Reason::SignatureInvalid),
        (format!("{honest}&SigAlg=&Signature=AAAA"), Reason::SignatureAlgorithm),
        (honest.clone(), Reason::SignatureMissing),
    ] {
        assert_eq!(Setup::REQUIRED.redirect(&query).err(), Some(expected), "{query}");
    }
    assert!(decode_redirect(&signed).is_ok());
}
