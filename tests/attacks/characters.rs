//! Every awkward character through a whole signed Response: it comes out of other readers as it went in, under a
//! signature that xmlsec1 accepts, or the Response is not written at all (A-11, SAML-212).

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use tessera::base::name_id::NameIdFormat;
use tessera::saml::names::{ATTRIBUTE_BASIC, AUTHN_PASSWORD_PROTECTED};
use tessera::saml::{
    Attribute, Lifetimes, NameId, OpensslSigner, ResponseInput, SignMode, SignatureAlgorithm, WriteError,
};

use crate::libxml2::Libxml2;
use crate::peer::{ACS, NOW, SP, SP_ID};

/// Texts that want to be mark-up, to end something, or to be something else to the next reader.
const HOSTILE: [&str; 34] = [
    "<",
    ">",
    "&",
    "\"",
    "'",
    "\t",
    "\n",
    "\r",
    "\r\n",
    " ",
    "  two  ",
    "]]>",
    "<![CDATA[x]]>",
    "<!-- x -->",
    "--><x/>",
    "<?x y?>",
    "<!DOCTYPE x>",
    "&amp;",
    "&lt;script&gt;",
    "&#60;",
    "&#x0;",
    "%3Cx%3E",
    "</saml:AttributeValue><saml:AttributeValue>admin",
    "</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"role\"><saml:AttributeValue>admin",
    "\"><x y=\"",
    "' onload='x",
    "${jndi:x}",
    "=cmd|' /C calc'!A0",
    "\\u003c\\x3c",
    "xmlns:saml=\"urn:evil\"",
    "e\u{301}\u{fb01}\u{130}\u{1e9e}",
    "\u{202e}gnp.exe\u{202c}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{fe0f}",
    "\u{feff}x\u{feff}",
];

/// Where something begins or ends in Unicode or in XML, each of them legal in XML 1.0.
const BORDERS: [char; 30] = [
    '\t',
    '\n',
    '\r',
    ' ',
    '~',
    '\u{7f}',
    '\u{80}',
    '\u{85}',
    '\u{9f}',
    '\u{a0}',
    '\u{ad}',
    '\u{200b}',
    '\u{200e}',
    '\u{2028}',
    '\u{2029}',
    '\u{202e}',
    '\u{2066}',
    '\u{3000}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{f8ff}',
    '\u{fdd0}',
    '\u{feff}',
    '\u{fff9}',
    '\u{fffd}',
    '\u{10000}',
    '\u{1fffe}',
    '\u{1ffff}',
    '\u{e0001}',
    '\u{10ffff}',
];

/// And what XML 1.0 can't carry, not even by reference.
fn impossible() -> Vec<char> {
    let controls = ('\0'..' ').filter(|c| !matches!(c, '\t' | '\n' | '\r'));
    controls.chain(['\u{fffe}', '\u{ffff}']).collect()
}

fn attribute(name: &str, values: Vec<String>) -> Attribute {
    Attribute {
        name: name.to_owned(),
        name_format: ATTRIBUTE_BASIC.to_owned(),
        friendly_name: Some(name.to_owned()),
        values,
    }
}

fn respond(subject: &str, attributes: &[Attribute], sign: SignMode) -> Result<String, WriteError> {
    let name_id = NameId {
        format: NameIdFormat::Unspecified,
        value: subject.to_owned(),
        name_qualifier: Some(subject.to_owned()),
        sp_name_qualifier: None,
    };
    let signer =
        OpensslSigner::new(SP.key.clone(), &SP.certificate.to_der().unwrap(), SignatureAlgorithm::RsaSha256)
            .unwrap();
    let input = ResponseInput {
        response_id: "_response",
        assertion_id: "_assertion",
        issued_at: NOW,
        issuer: "https://idp.example/saml2/app/metadata",
        acs_url: ACS,
        in_response_to: Some("_request"),
        audience: SP_ID,
        name_id: Some(&name_id),
        authn_instant: NOW,
        session_index: "_session",
        session_not_on_or_after: None,
        authn_context_class: AUTHN_PASSWORD_PROTECTED,
        attributes,
        advice: None,
        lifetimes: Lifetimes::default(),
        encryption: None,
    };
    input.sign(sign, &signer).map(|response| response.as_xml().to_owned())
}

/// What xmlsec1 says of the signature that is a child of this element.
fn xmlsec1_accepts(xml: &str, parent: &str) -> Result<(), String> {
    let dir = TempDir::new().unwrap();
    let (pem, file) = (dir.path().join("certificate.pem"), dir.path().join("message.xml"));
    fs::write(&pem, SP.certificate.to_pem().unwrap()).unwrap();
    fs::write(&file, xml).unwrap();
    let mut command = Command::new("xmlsec1");
    command.arg("--verify").arg("--trusted-pem").arg(&pem).arg("--pubkey-cert-pem").arg(&pem);
    for element in ["assertion:Assertion", "protocol:Response"] {
        command.args(["--id-attr:ID", &format!("urn:oasis:names:tc:SAML:2.0:{element}")]);
    }
    command.arg("--node-xpath").arg(format!("//*[local-name()='{parent}']/*[local-name()='Signature']"));
    let output = command.arg(&file).output().expect("xmlsec1 is installed");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Each border alone, doubled, and within text.
fn values() -> Vec<String> {
    let borders = BORDERS
        .iter()
        .flat_map(|c| [c.to_string(), format!("{c}{c}"), format!("a{c}b"), format!("<{c}>&{c}")]);
    HOSTILE.iter().map(|text| (*text).to_owned()).chain(borders).chain([String::new()]).collect()
}

#[test]
fn a_11_saml_212_every_awkward_value_comes_back_from_libxml2_under_a_signature_of_xmlsec1() {
    let mut libxml2 = Libxml2::start();
    let values = values();
    for (sign, signed) in [
        (SignMode::Both, &["Response", "Assertion"][..]),
        (SignMode::Response, &["Response"]),
        (SignMode::Assertion, &["Assertion"]),
    ] {
        let attributes = [attribute("all", values.clone()), attribute("groups", vec!["a".to_owned()])];
        let xml = respond("a@example.com", &attributes, sign).unwrap();
        for parent in signed {
            assert_eq!(xmlsec1_accepts(&xml, parent), Ok(()), "{sign:?}");
        }
        let mut expected = values.clone();
        expected.push("a".to_owned());
        assert_eq!(libxml2.texts(xml.as_bytes(), "AttributeValue").unwrap(), expected);
        assert_eq!(
            libxml2.texts(xml.as_bytes(), "Attribute").unwrap().len(),
            2,
            "no value made another attribute"
        );
        assert_eq!(libxml2.texts(xml.as_bytes(), "NameID").unwrap(), ["a@example.com"]);
        // The whole is in canonical form as it leaves: reading and writing it again changes nothing.
        assert_eq!(libxml2.canonical(xml.as_bytes(), "xs").unwrap(), xml);
    }
}

#[test]
fn a_11_saml_212_names_subjects_and_qualifiers_hold_what_values_hold() {
    let mut libxml2 = Libxml2::start();
    // Names are XML attributes: each in a Response of its own, verified in bundles of one signature.
    let values: Vec<String> = values().into_iter().filter(|value| !value.is_empty()).collect();
    let attributes: Vec<Attribute> =
        values.iter().map(|value| attribute(value, vec![value.clone()])).collect();
    let xml = respond("x", &attributes, SignMode::Both).unwrap();
    for parent in ["Response", "Assertion"] {
        assert_eq!(xmlsec1_accepts(&xml, parent), Ok(()));
    }
    assert_eq!(libxml2.values(xml.as_bytes(), "Name").unwrap(), values);
    assert_eq!(libxml2.values(xml.as_bytes(), "FriendlyName").unwrap(), values);
    for value in &values {
        let xml = respond(value, &[], SignMode::Assertion).unwrap();
        assert_eq!(libxml2.texts(xml.as_bytes(), "NameID").unwrap(), [value.as_str()]);
        assert_eq!(libxml2.values(xml.as_bytes(), "NameQualifier").unwrap(), [value.as_str()]);
        assert_eq!(libxml2.canonical(xml.as_bytes(), "").unwrap(), xml);
    }
}

#[test]
fn a_11_every_character_that_xml_has_comes_back() {
    let mut libxml2 = Libxml2::start();
    let refused = impossible();
    let all: Vec<char> = ('\0'..='\u{ffff}').chain(('\u{10000}'..='\u{10ffff}').step_by(251)).collect();
    let legal: Vec<char> = all.into_iter().filter(|c| !refused.contains(c)).collect();
    let values: Vec<String> = legal.chunks(2000).map(|chunk| chunk.iter().collect()).collect();
    let xml = respond("x", &[attribute("all", values.clone())], SignMode::Both).unwrap();
    assert_eq!(xmlsec1_accepts(&xml, "Response"), Ok(()));
    assert_eq!(xmlsec1_accepts(&xml, "Assertion"), Ok(()));
    assert_eq!(libxml2.texts(xml.as_bytes(), "AttributeValue").unwrap(), values);
}

#[test]
fn saml_130_strings_of_256_characters_and_more_pass_whole() {
    let mut libxml2 = Libxml2::start();
    let alphabets =
        ["a", "\u{e9}", "\u{5d0}\u{202b}", "e\u{301}", "\u{1d11e}", "\u{10ffff}\u{fffd}", "&<\"\r"];
    for length in [1, 255, 256, 257, 4096] {
        let values: Vec<String> =
            alphabets.iter().map(|alphabet| alphabet.chars().cycle().take(length).collect()).collect();
        let attributes: Vec<Attribute> =
            values.iter().map(|value| attribute(value, vec![value.clone()])).collect();
        let xml = respond(&values[4], &attributes, SignMode::Assertion).unwrap();
        assert_eq!(libxml2.texts(xml.as_bytes(), "AttributeValue").unwrap(), values, "{length}");
        assert_eq!(libxml2.values(xml.as_bytes(), "Name").unwrap(), values, "{length}");
        assert_eq!(libxml2.texts(xml.as_bytes(), "NameID").unwrap(), [values[4].as_str()], "{length}");
    }
}

#[test]
fn a_11_what_xml_can_not_carry_makes_no_response() {
    for c in impossible() {
        for text in [c.to_string(), format!("a{c}"), format!("{c}a"), format!("{}{c}", "x".repeat(5000))] {
            let fine = || vec!["x".to_owned()];
            let named = |name: &str, friendly: &str, value: &str| Attribute {
                friendly_name: Some(friendly.to_owned()),
                ..attribute(name, vec![value.to_owned()])
            };
            for (subject, attributes) in [
                (text.as_str(), vec![attribute("x", fine())]),
                ("x", vec![named("x", "x", &text)]),
                ("x", vec![named("x", &text, "x")]),
                ("x", vec![named(&text, "x", "x")]),
            ] {
                for sign in [SignMode::Both, SignMode::Response, SignMode::Assertion] {
                    let refused = respond(subject, &attributes, sign).expect_err("refused");
                    assert_eq!(refused.code(), "value_not_xml", "{c:?}");
                }
            }
        }
    }
}
