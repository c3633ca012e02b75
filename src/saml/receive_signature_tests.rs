//! Tests of signed requests: wrapping, confusion, forgery.

use super::*;

/// The shapes of XML signature wrapping, over a genuine signed request and a forged one that wants to be read.
fn wrapped(evil_id: &str) -> Vec<(&'static str, String)> {
    let signed = RequestXml::default().signed(&signer());
    let bare = RequestXml::default().unsigned();
    let start = signed.find("<ds:Signature ").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &signed[start..end];
    let with_inside = |inner: &str| signature.replace("</ds:Signature>", &format!("{inner}</ds:Signature>"));
    let evil = |inner: &str| {
        RequestXml::default()
            .with("ID", evil_id)
            .with("AssertionConsumerServiceURL", "https://sp.example.com/second")
            .with("ForceAuthn", "false")
            .containing(inner)
            .unsigned()
    };
    let extensions = |inner: &str| format!("<samlp:Extensions>{inner}</samlp:Extensions>");
    let object = |inner: &str| format!("<ds:Object xmlns:ds=\"{DSIG}\">{inner}</ds:Object>");
    vec![
        ("XSW1", evil(&with_inside(&bare))),
        ("XSW2", evil(&format!("{signature}{bare}"))),
        ("XSW3", evil("").replacen("<saml:Issuer", &format!("{signed}<saml:Issuer"), 1)),
        ("XSW4", evil(&signed)),
        ("XSW5", evil(signature) + ""),
        ("XSW5b", evil(&format!("{bare}{signature}"))),
        ("XSW6", evil(&with_inside(&object(&bare)))),
        ("XSW7", evil(&extensions(&signed))),
        ("XSW7b", evil(&format!("{}{signature}", extensions(&bare)))),
        ("XSW8", evil(&with_inside(&object(&signed)))),
        ("XSW9", format!("<x>{}{signed}</x>", evil(""))),
        ("two signatures", signed.replace(signature, &signature.repeat(2))),
        (
            "relocated",
            bare.replace("</samlp:AuthnRequest>", &format!("{}</samlp:AuthnRequest>", extensions(signature))),
        ),
        (
            "in the Issuer",
            signed.replace(signature, "").replace("</saml:Issuer>", &format!("{signature}</saml:Issuer>")),
        ),
    ]
}

#[test]
fn a_02_saml_105_wrapped_signatures_are_refused() {
    for id in ["_evil", "_req"] {
        for (name, xml) in wrapped(id) {
            for setup in [Setup::default(), Setup::required()] {
                let reason = local(setup.post(&xml));
                assert!(
                    matches!(
                        reason,
                        Reason::SignatureMalformed
                            | Reason::SignatureInvalid
                            | Reason::NotAnAuthnRequest
                            | Reason::Xml(XmlFault::DuplicateId | XmlFault::MixedContent)
                    ),
                    "{name}: {reason:?}"
                );
            }
        }
    }
    assert!(Setup::required().post(&RequestXml::default().signed(&signer())).is_ok(), "the honest one");
}

#[test]
fn saml_105_only_one_shape_of_signature_is_accepted() {
    let signed = RequestXml::default().signed(&signer());
    let info = &signed[signed.find("<ds:SignedInfo>").unwrap()..signed.find("<ds:SignatureValue>").unwrap()];
    let reference = &info[info.find("<ds:Reference").unwrap()..info.find("</ds:SignedInfo>").unwrap()];
    let c14n11 = "http://www.w3.org/2006/12/xml-c14n11";
    let transforms = &info[info.find("<ds:Transforms>").unwrap()..info.find("<ds:DigestMethod").unwrap()];
    let cases = [
        ("two SignedInfo", info, info.repeat(2), Reason::SignatureMalformed),
        ("two References", reference, reference.repeat(2), Reason::SignatureMalformed),
        ("no Reference", reference, String::new(), Reason::SignatureMalformed),
        ("empty URI", "URI=\"#_req\"", "URI=\"\"".to_owned(), Reason::SignatureMalformed),
        ("no URI", " URI=\"#_req\"", String::new(), Reason::SignatureMalformed),
        ("another ID", "URI=\"#_req\"", "URI=\"#_other\"".to_owned(), Reason::SignatureMalformed),
        ("a URL", "URI=\"#_req\"", "URI=\"http://127.0.0.1:1/x\"".to_owned(), Reason::SignatureMalformed),
        ("XPointer", "URI=\"#_req\"", "URI=\"#xpointer(id('_req'))\"".to_owned(), Reason::SignatureMalformed),
        ("no transforms", transforms, String::new(), Reason::SignatureMalformed),
        (
            "XSLT",
            ENVELOPED,
            "http://www.w3.org/TR/1999/REC-xslt-19991116".to_owned(),
            Reason::SignatureAlgorithm,
        ),
        (
            "XPath",
            ENVELOPED,
            "http://www.w3.org/TR/1999/REC-xpath-19991116".to_owned(),
            Reason::SignatureAlgorithm,
        ),
        ("c14n with comments", EXC_C14N, format!("{EXC_C14N}WithComments"), Reason::SignatureAlgorithm),
        ("inclusive c14n", EXC_C14N, c14n11.to_owned(), Reason::SignatureAlgorithm),
        (
            "SHA-1 digest",
            "http://www.w3.org/2001/04/xmlenc#sha256",
            format!("{DSIG}sha1"),
            Reason::SignatureAlgorithm,
        ),
        ("SHA-1", RsaSha256.uri(), format!("{DSIG}rsa-sha1"), Reason::SignatureAlgorithm),
        ("HMAC", RsaSha256.uri(), format!("{DSIG}hmac-sha1"), Reason::SignatureAlgorithm),
        ("no algorithm", RsaSha256.uri(), String::new(), Reason::SignatureAlgorithm),
        ("EC algorithm, RSA key", RsaSha256.uri(), EcdsaSha384.uri().to_owned(), Reason::SignatureInvalid),
        ("another RSA algorithm", RsaSha256.uri(), RsaSha512.uri().to_owned(), Reason::SignatureInvalid),
        (
            "Object",
            "</ds:Signature>",
            "<ds:Object></ds:Object></ds:Signature>".to_owned(),
            Reason::SignatureMalformed,
        ),
        (
            "comment in DigestValue",
            "<ds:DigestValue>",
            "<ds:DigestValue><!--x-->".to_owned(),
            Reason::Xml(XmlFault::MixedContent),
        ),
        ("text in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo>x".to_owned(), Reason::SignatureMalformed),
        (
            "content changed",
            "IssueInstant=\"2026-11-22T07:59:58Z\"",
            "IssueInstant=\"2026-11-22T07:59:59Z\"".to_owned(),
            Reason::SignatureInvalid,
        ),
        (
            "content added",
            "</samlp:AuthnRequest>",
            "<samlp:Scoping></samlp:Scoping></samlp:AuthnRequest>".to_owned(),
            Reason::SignatureInvalid,
        ),
    ];
    for (name, from, to, expected) in cases {
        let xml = signed.replace(from, &to);
        assert_ne!(xml, signed, "{name}");
        assert_eq!(local(Setup::default().post(&xml)), expected, "{name}");
    }
    // White space between the signature's elements and a comment outside values change nothing that is signed.
    let spaced = signed
        .replace("<ds:KeyInfo>", "\n  <ds:KeyInfo>")
        .replace("</saml:Issuer>", "</saml:Issuer><!-- x -->");
    assert!(Setup::required().post(&spaced).is_ok());
}

#[test]
fn saml_106_a_signature_that_is_not_required_must_verify_all_the_same() {
    let signed = RequestXml::default().signed(&signer());
    let at = signed.find("<ds:SignatureValue>").unwrap() + 30;
    let flipped = if &signed[at..=at] == "A" { "B" } else { "A" };
    let broken = format!("{}{flipped}{}", &signed[..at], &signed[at + 1..]);
    assert_eq!(local(Setup::default().post(&broken)), Reason::SignatureInvalid);
    let query = sign_query(&redirect(&RequestXml::default().unsigned()), &MALLORY.signer(RsaSha256));
    assert_eq!(local(Setup::default().query(&query)), Reason::SignatureInvalid);
    let keyless = Setup { keys: vec![], ..Setup::default() };
    assert_eq!(local(keyless.post(&signed)), Reason::SignatureKeyUnknown);
    assert_eq!(local(keyless.query(&query)), Reason::SignatureKeyUnknown);
    assert!(keyless.post(&RequestXml::default().unsigned()).is_ok());
}

#[test]
fn saml_107_unsigned_requests_are_refused_when_signatures_are_required() {
    let xml = RequestXml::default().unsigned();
    assert_eq!(local(Setup::required().post(&xml)), Reason::SignatureMissing);
    assert_eq!(local(Setup::required().query(&redirect(&xml))), Reason::SignatureMissing);
}

#[test]
fn a_13_required_signatures_without_a_key_fail_closed() {
    let keyless = Setup { keys: vec![], ..Setup::required() };
    for xml in [RequestXml::default().unsigned(), RequestXml::default().signed(&MALLORY.signer(RsaSha256))] {
        let refusal = keyless.post(&xml).unwrap_err();
        assert_eq!((refusal.reason, refusal.class()), (Reason::RequiredKeyMissing, Class::Ours));
    }
}

#[test]
fn md_305_a_12_the_certificate_in_the_message_is_never_trusted() {
    let forged = RequestXml::default().signed(&MALLORY.signer(RsaSha256));
    assert!(forged.contains("X509Certificate"));
    assert_eq!(local(Setup::default().post(&forged)), Reason::SignatureInvalid);
    // And a foreign certificate beside an honest signature does no harm.
    let honest = RequestXml::default().signed(&signer());
    let swapped =
        honest.replace(signer().certificate_base64(), MALLORY.signer(RsaSha256).certificate_base64());
    assert!(Setup::required().post(&swapped).is_ok());
    let start = honest.find("<ds:KeyInfo>").unwrap();
    let end = honest.find("</ds:KeyInfo>").unwrap() + "</ds:KeyInfo>".len();
    let retrieval =
        "<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1:1/\"></ds:RetrievalMethod></ds:KeyInfo>";
    for key_info in ["", retrieval] {
        let xml = format!("{}{key_info}{}", &honest[..start], &honest[end..]);
        assert!(Setup::required().post(&xml).is_ok());
    }
}

#[test]
fn alg_401_every_listed_algorithm_verifies_enveloped() {
    for (signer, identity) in
        [(SP.signer(RsaSha256), &SP), (SP.signer(RsaSha512), &SP), (P384.signer(EcdsaSha384), &P384)]
    {
        let key = VerificationKey::from_certificate_der(&identity.certificate).unwrap();
        let setup = Setup { keys: vec![key], ..Setup::required() };
        assert!(setup.post(&RequestXml::default().signed(&signer)).is_ok());
    }
}

#[test]
fn decision_7_an_enveloped_signature_on_redirect_is_a_switch() {
    let query = redirect(&RequestXml::default().signed(&signer()));
    assert_eq!(local(Setup::default().query(&query)), Reason::SignatureEnveloped);
    let allowed = Setup { redirect_enveloped: true, ..Setup::required() };
    assert!(allowed.query(&query).unwrap().is_signed());
    let forged = redirect(&RequestXml::default().signed(&MALLORY.signer(RsaSha256)));
    assert_eq!(local(allowed.query(&forged)), Reason::SignatureInvalid);
    for (name, xml) in wrapped("_evil") {
        assert!(allowed.query(&redirect(&xml)).is_err(), "{name}");
    }
}
