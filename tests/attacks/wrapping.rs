//! Signature wrapping: one genuine signature, and everything that can be built around it so that another message is
//! read than the one that was signed. The shapes know the message's root only by name, so that they serve every kind of
//! request.

use std::collections::BTreeMap;

use tessera::saml::dsig::{SignatureFault, verify_root};
use tessera::saml::xml::reader::{Source, attribute};
use tessera::saml::xml::{Limits, XmlFault};
use tessera::saml::{Reason, VerificationKey};

use crate::peer::{
    ASSERTION, DSIG, MALLORY, PROTOCOL, Plain, SP, SP_ID, Setup, redirect, signature_over, signed_query,
};

/// A wrapped message and how it came about.
pub struct Wrapped {
    pub name: String,
    pub xml: String,
}

/// Places inside an attacker's message for something that was not meant to be there.
const PLACES: [&str; 6] =
    ["first", "after the Issuer", "last", "in Extensions", "in an Object", "in Scoping"];

fn put(evil: &Plain, place: &str, inner: &str) -> String {
    let object = format!("<ds:Object xmlns:ds=\"{DSIG}\">{inner}</ds:Object>");
    match place {
        "first" => evil.around(inner, "", ""),
        "after the Issuer" => evil.around("", inner, ""),
        "last" => evil.around("", "", inner),
        "in Extensions" => evil.around("", &format!("<samlp:Extensions>{inner}</samlp:Extensions>"), ""),
        "in an Object" => evil.around("", &object, ""),
        _ => evil.around("", "", &format!("<samlp:Scoping>{inner}</samlp:Scoping>")),
    }
}

/// Every shape: the nine with a name of their own first, then each place of the original against each place of its
/// signature.
pub fn shapes(root: &'static str) -> Vec<Wrapped> {
    let honest = Plain::honest(root, "_honest");
    let (bare, signed, signature) = (honest.xml(), honest.signed(&SP), honest.signature(&SP));
    let inside = |inner: &str| signature.replace("</ds:Signature>", &format!("{inner}</ds:Signature>"));
    let object = |inner: &str| inside(&format!("<ds:Object>{inner}</ds:Object>"));
    let mut out = Vec::new();
    for id in ["_evil", "_honest"] {
        let evil = Plain::evil(root, id);
        let mut add =
            |name: &str, xml: String| out.push(Wrapped { name: format!("{root} {id}: {name}"), xml });
        add("XSW1", evil.around("", &inside(&bare), ""));
        add("XSW2", evil.around("", &format!("{bare}{signature}"), ""));
        add("XSW3", evil.around(&signed, "", ""));
        add("XSW4", evil.around("", "", &signed));
        add("XSW5", evil.around("", &signature, &bare));
        add("XSW6", evil.around("", &object(&bare), ""));
        add("XSW7", evil.around("", &format!("<samlp:Extensions>{bare}</samlp:Extensions>{signature}"), ""));
        add("XSW8", evil.around("", &object(&signed), ""));
        add(
            "XSW9",
            format!("<samlp:Envelope xmlns:samlp=\"{PROTOCOL}\">{}{signed}</samlp:Envelope>", evil.xml()),
        );
        for original in PLACES {
            add(&format!("signed original {original}"), put(&evil, original, &signed));
            add(
                &format!("original and signature {original}"),
                put(&evil, original, &format!("{bare}{signature}")),
            );
            let nested = put(&evil, original, &bare);
            for (place, at) in [("Issuer", "</saml:Issuer>"), ("root", "</samlp:")] {
                let at = nested.rfind(at).unwrap();
                let nested = format!("{}{signature}{}", &nested[..at], &nested[at..]);
                add(&format!("original {original}, signature at the end of the {place}"), nested);
            }
        }
        for (name, uri) in [("the whole document", ""), ("the attacker's ID", "#_evil")] {
            let renamed = signature.replace("URI=\"#_honest\"", &format!("URI=\"{uri}\""));
            add(&format!("reference to {name}"), evil.around("", &renamed, &bare));
        }
        add("a second signature, by the attacker", {
            let own =
                signature_over(&evil.xml(), &format!("#{id}"), crate::peer::RSA_SHA256, |o| MALLORY.sign(o));
            evil.around("", &format!("{own}{signature}"), &bare)
        });
    }
    // The honest message with more, or less, than it was signed with.
    let mut add = |name: &str, xml: String| out.push(Wrapped { name: format!("{root}: {name}"), xml });
    let after_issuer = |inner: &str| honest.around("", inner, "");
    add("the signature twice", after_issuer(&signature.repeat(2)));
    add(
        "the signature in Extensions",
        after_issuer(&format!("<samlp:Extensions>{signature}</samlp:Extensions>")),
    );
    let at = signature.find("<ds:SignedInfo").unwrap();
    let end = signature.find("<ds:SignatureValue>").unwrap();
    let info = &signature[at..end];
    let other = info.replace("#_honest", "#_evil");
    for (name, infos) in [("first", format!("{other}{info}")), ("second", format!("{info}{other}"))] {
        let two = format!("{}{infos}{}", &signature[..at], &signature[end..]);
        add(&format!("a forged SignedInfo {name}"), after_issuer(&two));
    }
    let reference = &info[info.find("<ds:Reference").unwrap()..info.find("</ds:SignedInfo>").unwrap()];
    add("two References", after_issuer(&signature.replace(reference, &reference.repeat(2))));
    // Signed by the right key with another signature in its content: a second one is one too many, wherever it is.
    let nested = format!("<samlp:Extensions>{signature}</samlp:Extensions>");
    let with = Plain { children: format!("{nested}{}", honest.children), ..honest.clone() };
    add("a signature inside what is signed", with.signed(&SP));
    let ids =
        ["xml:id=\"_honest\"", "samlp:ID=\"_honest\"", "xmlns:w=\"urn:w\" w:Id=\"_evil\"", "Id=\"_honest\""];
    for id in ids {
        let child = format!("<samlp:Extensions {id}></samlp:Extensions>");
        let with = Plain { children: format!("{child}{}", honest.children), ..honest.clone() };
        // Signed with it in place, by the right key: IDs that could be taken for another are refused all the same.
        let signature = signature_over(&with.xml(), "#_honest", crate::peer::RSA_SHA256, |o| SP.sign(o));
        add(&format!("an ID by another name: {id}"), with.around("", &signature, ""));
    }
    out
}

/// The text that stands for what is read of a message.
type Read = BTreeMap<String, String>;

/// All attributes and text of an element that are not in its signature.
fn read(xml: &str, keys: &[VerificationKey]) -> Result<Read, SignatureFault> {
    let source = Source::new(xml.as_bytes(), &Limits::MESSAGE)?;
    let document = source.parse()?;
    let verified = verify_root(&document, keys)?;
    let root = verified.element();
    assert_eq!(root, document.root_element());
    let mut out = Read::new();
    for node in root.descendants().filter(roxmltree::Node::is_element) {
        if node.ancestors().any(|above| above.tag_name().namespace() == Some(DSIG)) {
            continue;
        }
        let name = node.tag_name().name();
        for name_of in ["ID", "AssertionConsumerServiceURL", "ForceAuthn", "Format"] {
            if let Some(value) = attribute(node, name_of) {
                out.insert(format!("{name}/{name_of}"), value.to_owned());
            }
        }
        out.insert(name.to_owned(), node.text().unwrap_or_default().to_owned());
    }
    Ok(out)
}

fn is_refusal_of_a_wrapping(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SignatureMalformed
            | Reason::SignatureInvalid
            | Reason::NotAnAuthnRequest
            | Reason::SoapInvalid
            | Reason::Xml(XmlFault::DuplicateId | XmlFault::ForeignId | XmlFault::MixedContent)
    )
}

#[test]
fn a_02_saml_105_every_wrapping_of_a_signed_authn_request_is_refused() {
    let shapes = shapes("AuthnRequest");
    assert!(shapes.len() > 80, "{}", shapes.len());
    let enveloped = Setup { redirect_enveloped: true, ..Setup::REQUIRED };
    for Wrapped { name, xml } in &shapes {
        for setup in [Setup::default(), Setup::REQUIRED] {
            let reason = setup.post(xml).expect_err(name);
            assert!(is_refusal_of_a_wrapping(reason), "{name}: {reason:?}");
        }
        // By Redirect such a message has no business at all, unless the application allows it.
        let reason = Setup::default().redirect(&redirect(xml)).expect_err(name);
        assert!(
            reason == Reason::SignatureEnveloped || is_refusal_of_a_wrapping(reason),
            "{name}: {reason:?}"
        );
        let reason = enveloped.redirect(&redirect(xml)).expect_err(name);
        assert!(is_refusal_of_a_wrapping(reason), "{name}: {reason:?}");
        let reason = Setup::REQUIRED.soap("", xml).expect_err(name);
        assert!(is_refusal_of_a_wrapping(reason), "{name} by a client: {reason:?}");
    }
    let signed = Plain::honest("AuthnRequest", "_honest").signed(&SP);
    for honest in [Setup::REQUIRED.post(&signed), Setup::REQUIRED.soap("", &signed)] {
        let honest = honest.unwrap();
        assert_eq!((honest.request().id.as_str(), honest.request().force_authn), ("_honest", true));
    }
}

#[test]
fn a_02_saml_105_the_nine_named_wrappings_have_the_right_code() {
    let shapes = shapes("AuthnRequest");
    for (name, expected) in [
        ("XSW1", Reason::SignatureMalformed),
        ("XSW2", Reason::SignatureMalformed),
        ("XSW3", Reason::SignatureMalformed),
        ("XSW4", Reason::SignatureMalformed),
        ("XSW5", Reason::SignatureMalformed),
        ("XSW6", Reason::SignatureMalformed),
        ("XSW7", Reason::SignatureMalformed),
        ("XSW8", Reason::SignatureMalformed),
        ("XSW9", Reason::NotAnAuthnRequest),
    ] {
        let full = format!("AuthnRequest _evil: {name}");
        let wrapped = shapes.iter().find(|wrapped| wrapped.name == full).unwrap();
        let found = Setup::REQUIRED.post(&wrapped.xml).expect_err(name);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_02_saml_105_every_wrapping_of_a_signed_logout_request_is_refused() {
    let keys = [SP.verification_key()];
    for Wrapped { name, xml } in shapes("LogoutRequest") {
        assert!(read(&xml, &keys).is_err(), "{name}");
        let reason = Setup::default().log_out(&xml).expect_err(&name);
        let by_soap = Setup::default().log_out_by_soap("", &xml).expect_err(&name);
        for reason in [reason, by_soap] {
            let is_no_logout = reason == Reason::NotALogoutMessage;
            assert!(is_no_logout || is_refusal_of_a_wrapping(reason), "{name}: {reason:?}");
        }
    }
    let unsigned = Plain::honest("LogoutRequest", "_honest").xml();
    assert_eq!(Setup::default().log_out(unsigned).err(), Some(Reason::SignatureMissing));
    let honest = read(&Plain::honest("LogoutRequest", "_honest").signed(&SP), &keys).unwrap();
    assert_eq!(honest["NameID"], "a@example.com");
    assert_eq!(honest["LogoutRequest/ID"], "_honest");
}

#[test]
fn a_02_saml_105_an_envelope_gives_a_signature_no_other_place() {
    for root in ["AuthnRequest", "LogoutRequest"] {
        let honest = Plain::honest(root, "_honest");
        let (bare, signed, signature) = (honest.xml(), honest.signed(&SP), honest.signature(&SP));
        for id in ["_evil", "_honest"] {
            let evil = Plain::evil(root, id);
            let foreign = |inner: &str| format!("<x:y xmlns:x=\"urn:x\">{inner}</x:y>");
            let cases = [
                (signed.clone(), evil.xml()),
                (foreign(&signed), evil.xml()),
                (signature.clone(), evil.xml()),
                (format!("{bare}{signature}"), evil.xml()),
                (bare.clone(), evil.around("", &signature, "")),
                (foreign(&bare), evil.around("", &signature, "")),
                (String::new(), format!("{}{signed}", evil.xml())),
                (String::new(), format!("{signed}{}", evil.xml())),
            ];
            for (header, body) in cases {
                let reason = match root {
                    "AuthnRequest" => Setup::REQUIRED.soap(&header, &body).err(),
                    _ => Setup::default().log_out_by_soap(&header, &body).err(),
                };
                let reason = reason.unwrap_or_else(|| panic!("{header} {body}"));
                assert!(is_refusal_of_a_wrapping(reason), "{reason:?}: {header} {body}");
            }
        }
    }
}

#[test]
fn a_02_ids_that_could_be_taken_for_another_are_refused_without_a_signature_too() {
    for (id, fault) in [
        ("ID=\"_honest\"", XmlFault::DuplicateId),
        ("Id=\"_honest\"", XmlFault::DuplicateId),
        ("id=\"_honest\"", XmlFault::DuplicateId),
        ("xml:id=\"_other\"", XmlFault::ForeignId),
        ("xmlns:w=\"urn:w\" w:ID=\"_other\"", XmlFault::ForeignId),
    ] {
        let child = format!("<samlp:Extensions {id}></samlp:Extensions>");
        let xml = Plain::honest("AuthnRequest", "_honest").around("", &child, "");
        assert_eq!(Setup::default().post(&xml).err(), Some(Reason::Xml(fault)), "{id}");
        assert_eq!(Setup::default().redirect(&redirect(&xml)).err(), Some(Reason::Xml(fault)), "{id}");
        let query = signed_query(&redirect(&xml), &SP);
        assert_eq!(Setup::REQUIRED.redirect(&query).err(), Some(Reason::Xml(fault)), "{id}");
    }
}

#[test]
fn a_02_a_signature_in_another_namespace_is_none() {
    let signed = Plain::honest("AuthnRequest", "_honest").signed(&SP);
    for namespace in ["http://www.w3.org/2000/09/xmldsig", "http://www.w3.org/2000/09/xmldsig# ", "urn:x"] {
        let xml = signed.replace(&format!("xmlns:ds=\"{DSIG}\""), &format!("xmlns:ds=\"{namespace}\""));
        assert_eq!(Setup::REQUIRED.post(&xml).err(), Some(Reason::SignatureMissing), "{namespace}");
    }
}

#[test]
fn a_03_a_verifier_that_refuses_hands_nothing_out() {
    // `Verified` has no constructor but the verifier, so the type says it; here each step of the verifier is made to
    // fail in turn, the last ones behind a value or a digest that fits.
    let honest = Plain::honest("AuthnRequest", "_honest");
    let signed = honest.signed(&SP);
    let keys = [SP.verification_key()];
    let digest = signed.find("<ds:DigestValue>").unwrap() + "<ds:DigestValue>".len();
    let forged_digest = {
        // Content changed, its right digest put in: the value does not fit any more.
        let evil = Plain::evil("AuthnRequest", "_honest").xml();
        let own = signature_over(&evil, "#_honest", crate::peer::RSA_SHA256, |_| vec![0; 256]);
        Plain::evil("AuthnRequest", "_honest").around("", &own, "")
    };
    let cases = [
        (signed.replace("#_honest", "#_other"), SignatureFault::Reference),
        (signed.replace("rsa-sha256", "rsa-sha1"), SignatureFault::Algorithm),
        (signed.replace("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"), SignatureFault::Value),
        (format!("{}AAAA{}", &signed[..digest], &signed[digest + 4..]), SignatureFault::Value),
        (forged_digest, SignatureFault::Value),
        (signed.replace("ForceAuthn=\"true\"", "ForceAuthn=\"false\""), SignatureFault::Digest),
        (signed.replace("a@example.com", "b@example.com"), SignatureFault::Digest),
        (signed.replace(SP_ID, "https://evil.example"), SignatureFault::Digest),
    ];
    for (xml, expected) in cases {
        assert_eq!(read(&xml, &keys).err(), Some(expected));
    }
    assert_eq!(read(&signed, &[]).err(), Some(SignatureFault::NoKey));
    assert_eq!(read(&signed, &[MALLORY.verification_key()]).err(), Some(SignatureFault::Value));
    assert!(read(&signed, &keys).is_ok());
    assert!(signed.contains(ASSERTION));
}
