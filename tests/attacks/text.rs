//! Comments, instructions, CDATA and references in the midst of what is compared and repeated: the value is the whole
//! text, or the message is refused.

use tessera::saml::xml::XmlFault;
use tessera::saml::{Reason, Status, decode_post};

use crate::libxml2::Libxml2;
use crate::peer::{ASSERTION, Plain, SP, SP_ID, Setup, post};

/// What cuts a text in two for one reader and not for another.
const CUTS: [(&str, XmlFault); 8] = [
    ("<!---->", XmlFault::MixedContent),
    ("<!-- > -->", XmlFault::MixedContent),
    ("<!--x--><!--y-->", XmlFault::MixedContent),
    ("<![CDATA[]]>", XmlFault::MixedContent),
    ("<x></x>", XmlFault::MixedContent),
    (
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:NameID>",
        XmlFault::MixedContent,
    ),
    ("<?cut?>", XmlFault::ProcessingInstruction),
    ("&cut;", XmlFault::Entity),
];

fn issued_by(text: &str) -> String {
    Plain::honest("AuthnRequest", "_honest").xml().replace(&format!(">{SP_ID}<"), &format!(">{text}<"))
}

#[test]
fn a_05_an_issuer_that_is_cut_anywhere_is_refused() {
    for (cut, fault) in CUTS {
        for at in [0, 1, 8, SP_ID.len() / 2, SP_ID.len() - 1, SP_ID.len()] {
            let text = format!("{}{cut}{}", &SP_ID[..at], &SP_ID[at..]);
            assert_eq!(Setup::default().post(issued_by(&text)).err(), Some(Reason::Xml(fault)), "{text}");
            let longer = format!("{SP_ID}{cut}.evil.example");
            assert!(Setup::default().post(issued_by(&longer)).is_err(), "{longer}");
        }
    }
    // The whole in CDATA is one text to some readers and none to others.
    let whole = format!("<![CDATA[{SP_ID}]]>");
    assert_eq!(Setup::default().post(issued_by(&whole)).err(), Some(Reason::Xml(XmlFault::MixedContent)));
    // References are no cut: every reader sees the same text.
    let referred: String = SP_ID.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect();
    assert!(Setup::default().post(issued_by(&referred)).is_ok());
    let beside = Plain::honest("AuthnRequest", "_honest").around("<!-- x -->", "", "<!-- y -->");
    assert!(Setup::default().post(beside).is_ok(), "comments beside values are passed over");
}

#[test]
fn a_05_a_signed_name_id_that_is_cut_is_never_read_in_part() {
    let value = "a@example.com";
    for (cut, fault) in CUTS {
        for at in [0, 1, value.len() - 4, value.len()] {
            let text = format!("{}{cut}{}", &value[..at], &value[at..]);
            let mut plain = Plain::honest("AuthnRequest", "_honest");
            plain.children = plain.children.replace(value, &text);
            // Signed by the right key as it is where it can be canonicalised, unsigned otherwise.
            let outside = matches!(fault, XmlFault::ProcessingInstruction | XmlFault::Entity);
            let xml = if outside { plain.xml() } else { plain.signed(&SP) };
            let message = decode_post(&post(&xml)).unwrap();
            let refusal = Setup::default().judge_by(&message, &[SP.verification_key()]).unwrap_err();
            if outside {
                assert_eq!(refusal.reason, Reason::Xml(fault), "{text}");
            } else {
                assert_eq!(refusal.reason, Reason::SchemaViolation, "{text}");
                assert_eq!(refusal.reply.unwrap().status, Status::Requester);
            }
        }
    }
}

#[test]
fn a_05_comments_put_into_a_signed_message_afterwards_gain_nothing() {
    let signed = Plain::honest("AuthnRequest", "_honest").signed(&SP);
    let expected = Setup::REQUIRED.post(&signed).unwrap();
    let mut passed = 0;
    for at in 0..signed.len() {
        let xml = format!("{}<!---->{}", &signed[..at], &signed[at..]);
        if let Ok(trusted) = Setup::REQUIRED.post(&xml) {
            assert_eq!(trusted.request(), expected.request(), "at {at}");
            passed += 1;
        }
    }
    assert!(passed > 5, "between elements they change nothing: {passed}");
}

#[test]
fn a_04_a_05_text_is_what_libxml2_reads() {
    let mut libxml2 = Libxml2::start();
    for (written, value) in [
        ("a@example.com", "a@example.com"),
        ("&#97;&#64;x", "a@x"),
        ("a&amp;lt;b", "a&lt;b"),
        (" a \n b\r\n", " a \n b\n"),
        ("\u{feff}a\u{1d11e}\u{301}", "\u{feff}a\u{1d11e}\u{301}"),
        ("&#13;&#10;&#9;", "\r\n\t"),
        ("", ""),
    ] {
        let mut plain = Plain::honest("AuthnRequest", "_honest");
        plain.children = format!(
            "<saml:Subject xmlns:saml=\"{ASSERTION}\"><saml:NameID>{written}</saml:NameID></saml:Subject>"
        );
        let xml = plain.signed(&SP);
        let trusted = Setup::REQUIRED.post(&xml).unwrap();
        assert_eq!(trusted.request().subject.as_ref().unwrap().value, value);
        assert_eq!(libxml2.texts(xml.as_bytes(), "NameID").unwrap(), [value]);
    }
}
