//! Tests of responses: what is said, and that it is signed.

use proptest::prelude::*;

use super::*;
use crate::saml::certificate::VerificationKey;
use crate::saml::dsig::verify_root;
use crate::saml::names::{ATTRIBUTE_BASIC, ATTRIBUTE_URI, AUTHN_PASSWORD_PROTECTED};
use crate::saml::sign::SignatureAlgorithm;
use crate::saml::testing::{ACS, IDP, NOW, P256, P384, SP_ID};
use crate::saml::xml::Limits;
use crate::saml::xml::reader::{Source, is, plain_text};

fn attribute(name: &str, values: &[&str]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        name_format: ATTRIBUTE_BASIC.to_owned(),
        friendly_name: None,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

fn name_id() -> NameId {
    NameId {
        format: NameIdFormat::EmailAddress,
        value: "zoë@example.com".to_owned(),
        name_qualifier: None,
        sp_name_qualifier: None,
    }
}

fn input<'a>(name_id: &'a NameId, attributes: &'a [Attribute]) -> ResponseInput<'a> {
    ResponseInput {
        response_id: "_response",
        assertion_id: "_assertion",
        issued_at: NOW,
        issuer: "https://idp.example/saml2/app/metadata",
        acs_url: ACS,
        in_response_to: Some("_req"),
        audience: SP_ID,
        name_id: Some(name_id),
        authn_instant: NOW.plus(-60_000),
        session_index: "_session",
        session_not_on_or_after: Some(NOW.plus(3_600_000)),
        authn_context_class: AUTHN_PASSWORD_PROTECTED,
        attributes,
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption: None,
    }
}

/// One line an element, and what depends on the key named instead of shown.
fn readable(xml: &str) -> String {
    let mut out = xml.to_owned();
    for element in ["ds:DigestValue", "ds:SignatureValue", "ds:X509Certificate"] {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let mut rest = out.as_str();
        let mut redacted = String::new();
        while let Some((before, after)) = rest.split_once(&open) {
            redacted.push_str(before);
            redacted.extend(["<", element, "/>"]);
            rest = after.split_once(&close).unwrap().1;
        }
        redacted.push_str(rest);
        out = redacted;
    }
    out.replace("><", ">\n<")
}

fn assertion_of(response: &SignedResponse) -> &str {
    let xml = response.as_xml();
    let end = xml.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    &xml[xml.find("<saml:Assertion ").unwrap()..end]
}

/// Whether our own verifier takes the document, by the key of the identity provider.
fn verifies(xml: &str) -> bool {
    let source = Source::new(xml.as_bytes(), &Limits::MESSAGE).unwrap();
    let key = VerificationKey::from_certificate_der(&IDP.certificate).unwrap();
    verify_root(&source.parse().unwrap(), &[key]).is_ok()
}

#[test]
fn saml_202_203_204_205_207_the_golden_response() {
    let name_id = name_id();
    let attributes = [
        attribute("groups", &["R&D", "<admins>"]),
        Attribute {
            name: "urn:oid:0.9.2342.19200300.100.1.3".to_owned(),
            name_format: ATTRIBUTE_URI.to_owned(),
            friendly_name: Some("mail".to_owned()),
            values: vec!["zoë@example.com".to_owned()],
        },
        attribute("none", &[]),
    ];
    let response = input(&name_id, &attributes)
        .sign(SignMode::Both, &IDP.signer(SignatureAlgorithm::RsaSha256))
        .unwrap();
    insta::assert_snapshot!(readable(response.as_xml()));
}

#[test]
fn saml_202_203_an_unsolicited_response_answers_nothing() {
    let name_id = NameId {
        format: NameIdFormat::Persistent,
        value: "abc".to_owned(),
        name_qualifier: Some("idp".to_owned()),
        sp_name_qualifier: Some("sp".to_owned()),
    };
    let input = ResponseInput { in_response_to: None, session_not_on_or_after: None, ..input(&name_id, &[]) };
    let response = input.sign(SignMode::Response, &IDP.signer(SignatureAlgorithm::RsaSha384)).unwrap();
    assert!(!response.as_xml().contains("InResponseTo"));
    insta::assert_snapshot!(readable(response.as_xml()));
    assert!(verifies(response.as_xml()));
}

#[test]
fn saml_201_one_assertion_one_authn_statement_at_most_one_attribute_statement() {
    let name_id = name_id();
    for (attributes, statements) in [
        (vec![], 0),
        (vec![attribute("a", &[])], 0),
        (vec![attribute("a", &["1"]), attribute("b", &["2", "3"])], 1),
    ] {
        for sign in [SignMode::Response, SignMode::Assertion, SignMode::Both] {
            let signer = IDP.signer(SignatureAlgorithm::RsaSha256);
            let response = input(&name_id, &attributes).sign(sign, &signer).unwrap();
            let count = |name: &str| {
                response.as_xml().matches(&format!("<{name}>")).count()
                    + response.as_xml().matches(&format!("<{name} ")).count()
            };
            assert_eq!(count("saml:Assertion"), 1);
            assert_eq!(count("saml:AuthnStatement"), 1);
            assert_eq!(count("saml:AttributeStatement"), statements);
            assert_eq!(count("ds:Signature"), if sign == SignMode::Both { 2 } else { 1 });
        }
    }
}

#[test]
fn saml_203_lifetimes_are_held_to_five_minutes() {
    assert_eq!(Lifetimes::usable_for(i64::MAX), Lifetimes::default());
    assert_eq!(Lifetimes::usable_for(-5).usable_for, 1000);
    let name_id = name_id();
    let preview = input(&name_id, &[]).preview().unwrap();
    let data = &preview
        [preview.find("<saml:SubjectConfirmationData").unwrap()..preview.find("<saml:Conditions").unwrap()];
    assert!(data.contains("NotOnOrAfter=\"2026-11-22T08:05:00Z\"") && !data.contains("NotBefore"));
    assert!(preview.contains(
        "<saml:Conditions NotBefore=\"2026-11-22T07:59:50Z\" NotOnOrAfter=\"2026-11-22T08:05:00Z\">"
    ));
    assert!(!preview.contains("ds:"));
}

#[test]
fn saml_208_alg_401_what_is_signed_is_what_was_written() {
    let name_id = name_id();
    let attributes = [attribute("groups", &["R&D\r\n\t\"x\"", "𝄞 <b>&amp;"])];
    let input = input(&name_id, &attributes);
    for algorithm in
        [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::RsaSha384, SignatureAlgorithm::RsaSha512]
    {
        let signer = IDP.signer(algorithm);
        assert!(verifies(input.sign(SignMode::Response, &signer).unwrap().as_xml()), "{algorithm}");
        // An assertion stands alone, with all its namespaces.
        assert!(verifies(assertion_of(&input.sign(SignMode::Assertion, &signer).unwrap())), "{algorithm}");
        let both = input.sign(SignMode::Both, &signer).unwrap();
        assert!(verifies(assertion_of(&both)), "{algorithm}");
        assert!(!verifies(&assertion_of(&both).replace("R&amp;D", "R&amp;E")));
    }
    for (signer, identity) in [
        (P256.signer(SignatureAlgorithm::EcdsaSha256), &P256),
        (P384.signer(SignatureAlgorithm::EcdsaSha384), &P384),
    ] {
        let response = input.sign(SignMode::Response, &signer).unwrap();
        let source = Source::new(response.as_xml().as_bytes(), &Limits::MESSAGE).unwrap();
        let key = VerificationKey::from_certificate_der(&identity.certificate).unwrap();
        assert!(verify_root(&source.parse().unwrap(), &[key]).is_ok());
    }
}

#[test]
fn saml_128_error_responses_carry_both_codes_and_no_assertion() {
    let signer = IDP.signer(SignatureAlgorithm::RsaSha256);
    for status in
        Status::ALL.iter().copied().filter(|status| status.top_level() != Status::Success.top_level())
    {
        let error = ErrorResponse {
            response_id: "_r",
            issued_at: NOW,
            issuer: "idp",
            acs_url: ACS,
            in_response_to: Some("_req"),
            status,
            message: Some("A <sentence> & no detail."),
        };
        let unsigned = error.write(None).unwrap();
        assert!(!unsigned.as_xml().contains("Assertion ") && !unsigned.as_xml().contains("ds:Signature"));
        assert!(unsigned.as_xml().contains(status.top_level()));
        assert!(status.second_level().is_none_or(|second| unsigned.as_xml().contains(second)));
        assert!(verifies(error.write(Some(&signer)).unwrap().as_xml()));
    }
}

#[test]
fn saml_128_the_golden_error() {
    let error = ErrorResponse {
        response_id: "_r",
        issued_at: NOW,
        issuer: "https://idp.example/saml2/app/metadata",
        acs_url: ACS,
        in_response_to: Some("_req"),
        status: Status::NoPassive,
        message: None,
    };
    insta::assert_snapshot!(readable(error.write(None).unwrap().as_xml()));
}

#[test]
fn a_11_values_that_xml_cannot_carry_are_refused() {
    let name_id = name_id();
    let signer = IDP.signer(SignatureAlgorithm::RsaSha256);
    for bad in ["a\0b", "\u{8}", "\u{fffe}"] {
        let attributes = [attribute("x", &[bad])];
        let refused = input(&name_id, &attributes).sign(SignMode::Both, &signer).unwrap_err();
        assert_eq!(refused.code(), "value_not_xml");
        let attributes = [attribute(bad, &["x"])];
        assert!(input(&name_id, &attributes).sign(SignMode::Response, &signer).is_err());
    }
}

/// Text of any characters that XML can carry, with those that matter to mark-up made frequent.
fn xml_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_filter("XML character", |c| crate::saml::xml::is_xml_text(c.encode_utf8(&mut [0; 4]))).prop_map(String::from),
        3 => prop::sample::select(vec!["<", ">", "&", "\"", "'", "\r", "\n", "\t", "]]>", "<!--", "</saml:AttributeValue>", "&amp;", "\u{85}", "\u{2028}", " "]).prop_map(str::to_owned),
        2 => "[a-z]{1,8}",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_11_saml_212_random_values_come_back_unchanged(
        value in xml_text(),
        name in xml_text(),
        subject in xml_text(),
    ) {
        let name_id = NameId { value: subject.clone(), ..name_id() };
        let attributes = [Attribute { friendly_name: Some(name.clone()), ..attribute(&name, &[&value]) }];
        let signer = P256.signer(SignatureAlgorithm::EcdsaSha256);
        let response = input(&name_id, &attributes).sign(SignMode::Both, &signer).unwrap();
        let source = Source::new(response.as_xml().as_bytes(), &Limits::MESSAGE).unwrap();
        let document = source.parse().unwrap();
        let find = |name: &'static str| {
            let found: Vec<_> = document.descendants().filter(|node| is(*node, ASSERTION, name)).collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0]
        };
        prop_assert_eq!(plain_text(find("AttributeValue")).unwrap(), value);
        prop_assert_eq!(find("Attribute").attribute("Name").unwrap(), name.as_str());
        prop_assert_eq!(plain_text(find("NameID")).unwrap(), subject);
    }
}
