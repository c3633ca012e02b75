//! F-05: whatever a person and an application are made of, a Response says that and nothing else, or is not written.
//! The schema and other verifiers are asked by the tests (`tests/saml_oracles`, `tests/attacks/characters.rs`).
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use roxmltree::Node;
use tessera_fuzz::base::name_id::NameIdFormat;
use tessera_fuzz::choice::Choice;
use tessera_fuzz::libxml2;
use tessera_fuzz::peer::{ACS, Identity, NOW, SP_ID};
use tessera_fuzz::saml::dsig::verify_element;
use tessera_fuzz::saml::names::{ASSERTION, ATTRIBUTE_BASIC, AUTHN_PASSWORD_PROTECTED};
use tessera_fuzz::saml::xml::is_xml_text;
use tessera_fuzz::saml::{
    Attribute, Lifetimes, NameId, OpensslSigner, ResponseInput, SignMode, SignatureAlgorithm, VerificationKey,
};

static KEY: LazyLock<(OpensslSigner, VerificationKey)> = LazyLock::new(|| {
    let identity = Identity::ec();
    let der = identity.certificate.to_der().expect("DER");
    let signer = OpensslSigner::new(identity.key.clone(), &der, SignatureAlgorithm::EcdsaSha256);
    (signer.expect("it fits"), identity.verification_key())
});

fuzz_target!(|data: &[u8]| {
    // A few octets that decide, then texts that end with a NUL, which some keep within.
    let (head, tail) = data.split_at(data.len().min(8));
    let mut choice = Choice::new(head);
    let text = String::from_utf8_lossy(tail);
    let mut texts = text.split("\0\0").map(str::to_owned);
    let mut next = || texts.next().unwrap_or_default();
    let sign = choice.of(&[SignMode::Both, SignMode::Response, SignMode::Assertion]);
    let name_id = NameId {
        format: choice.of(NameIdFormat::ALL),
        value: next(),
        name_qualifier: choice.one_in(2).then(&mut next),
        sp_name_qualifier: choice.one_in(2).then(&mut next),
    };
    let attributes: Vec<Attribute> = (0..choice.below(5))
        .map(|_| Attribute {
            name: next(),
            name_format: ATTRIBUTE_BASIC.to_owned(),
            friendly_name: choice.one_in(2).then(&mut next),
            values: (0..choice.below(4)).map(|_| next()).collect(),
        })
        .collect();
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
        attributes: &attributes,
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption: None,
    };
    let released: Vec<&Attribute> =
        attributes.iter().filter(|attribute| !attribute.values.is_empty()).collect();
    let written =
        [&name_id.value].into_iter().chain(&name_id.name_qualifier).chain(&name_id.sp_name_qualifier);
    let attribute_texts =
        released.iter().flat_map(|a| a.values.iter().chain([&a.name]).chain(&a.friendly_name));
    let carried = written.chain(attribute_texts).all(|text| is_xml_text(text));
    let Ok(response) = input.sign(sign, &KEY.0) else {
        assert!(!carried, "what XML can carry is written");
        return;
    };
    assert!(carried, "what XML can't carry is not written");
    let xml = response.as_xml();
    let prefixes: &[&str] = if released.is_empty() { &[] } else { &["xs"] };
    let theirs = libxml2::Document::parse(xml.as_bytes()).expect("well-formed");
    assert_eq!(theirs.canonical(prefixes).as_deref(), Some(xml), "it leaves in canonical form");

    let document = roxmltree::Document::parse(xml).expect("well-formed");
    let all = |name: &str| -> Vec<Node<'_, '_>> {
        let of_name = |node: &Node<'_, '_>| {
            node.tag_name().name() == name && node.tag_name().namespace() == Some(ASSERTION)
        };
        document.descendants().filter(of_name).collect()
    };
    let [assertion] = all("Assertion")[..] else { panic!("one assertion") };
    let [subject] = all("NameID")[..] else { panic!("one NameID") };
    assert_eq!(subject.text().unwrap_or_default(), name_id.value);
    assert_eq!(subject.attribute("NameQualifier"), name_id.name_qualifier.as_deref());
    assert_eq!(subject.attribute("SPNameQualifier"), name_id.sp_name_qualifier.as_deref());
    let found = all("Attribute");
    assert_eq!(found.len(), released.len());
    for (node, attribute) in found.iter().zip(&released) {
        assert_eq!(node.attribute("Name"), Some(attribute.name.as_str()));
        assert_eq!(node.attribute("FriendlyName"), attribute.friendly_name.as_deref());
        let values: Vec<&str> = node.children().map(|value| value.text().unwrap_or_default()).collect();
        assert_eq!(values, attribute.values);
    }
    // Twelve that every assertion has, and those of its attributes.
    let values: usize = released.iter().map(|attribute| 1 + attribute.values.len()).sum();
    let expected = 12 + values + usize::from(!released.is_empty());
    let ours = |node: &Node<'_, '_>| node.is_element() && node.tag_name().namespace() == Some(ASSERTION);
    assert_eq!(assertion.descendants().filter(ours).count(), expected, "no element more");
    for (signed, element) in [(SignMode::Assertion, document.root_element()), (SignMode::Response, assertion)]
    {
        let verified = verify_element(element, std::slice::from_ref(&KEY.1)).is_ok();
        assert_eq!(verified, sign != signed, "{sign:?}");
    }
});
