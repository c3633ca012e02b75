//! Logout messages: written, read back, refused, wrapped.

use super::*;
use crate::base::Random;
use crate::base::name_id::NameIdFormat;
use crate::saml::binding::{Carried, Message, decode_post_either, decode_redirect_either};
use crate::saml::certificate::{VerificationKey, parse_certificate};
use crate::saml::dsig::envelop::{self, Finished};
use crate::saml::encrypt::{EncryptionAlgorithm, KeyTransport, Recipient};
use crate::saml::names::{ASSERTION, DSIG, PROTOCOL, SOAP};
use crate::saml::receive::{Endpoint, ServiceProvider, Timing};
use crate::saml::refusal::{Reason, Refusal};
use crate::saml::response::NameId;
use crate::saml::sign::{SignatureAlgorithm, Signer};
use crate::saml::soap;
use crate::saml::status::Status;
use crate::saml::testing::{IDP, Identity, MALLORY, NOW, SP, SP_ID, deflate, percent, sign_query};
use crate::saml::xml::writer::Writer;

const HERE: &str = "https://idp.example/saml2/app/logout";

fn signer() -> impl Signer {
    SP.signer(SignatureAlgorithm::RsaSha256)
}

fn keys(identity: &Identity) -> Vec<VerificationKey> {
    vec![VerificationKey::from_certificate_der(&identity.certificate).unwrap()]
}

fn judged(message: &Message, keys: &[VerificationKey]) -> Result<LogoutMessage, Refusal> {
    let sp = ServiceProvider {
        entity_id: SP_ID,
        acs: &[],
        signing_keys: keys,
        require_signed_requests: false,
        redirect_enveloped_signature: false,
        allow_missing_destination: false,
        strict_relay_state: false,
    };
    let ours = [IDP.key.clone()];
    receive(message, &sp, &Endpoint { url: HERE, entity_id: "https://idp.example" }, &ours, Timing::at(NOW))
}

/// A LogoutRequest in canonical form, changed as the test wants.
fn request(id: &str, name: &str) -> String {
    format!(
        "<samlp:LogoutRequest xmlns:samlp=\"{PROTOCOL}\" Destination=\"{HERE}\" ID=\"{id}\" \
         IssueInstant=\"2026-11-22T07:59:58Z\" Version=\"2.0\">\
         <saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>\
         <saml:NameID xmlns:saml=\"{ASSERTION}\">{name}</saml:NameID>\
         <samlp:SessionIndex>_one</samlp:SessionIndex><samlp:SessionIndex>_two</samlp:SessionIndex>\
         </samlp:LogoutRequest>"
    )
}

fn response(status: &str) -> String {
    format!(
        "<samlp:LogoutResponse xmlns:samlp=\"{PROTOCOL}\" Destination=\"{HERE}\" ID=\"_a\" InResponseTo=\"_q\" \
         IssueInstant=\"2026-11-22T07:59:58Z\" Version=\"2.0\">\
         <saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>{status}</samlp:LogoutResponse>"
    )
}

fn status(inside: &str) -> String {
    format!("<samlp:Status>{inside}</samlp:Status>")
}

fn enveloped(xml: &str, signer: &dyn Signer) -> String {
    let mut w = Writer::default();
    w.insert(0, xml);
    let after_issuer = xml.find("</saml:Issuer>").unwrap() + "</saml:Issuer>".len();
    let from = xml.find(" ID=\"").unwrap() + 5;
    let id = &xml[from..from + xml[from..].find('"').unwrap()];
    envelop::sign(&mut w, &Finished { start: 0, after_issuer, id, keeps_xs: false }, signer).unwrap();
    w.finish().unwrap()
}

fn posted(parameter: &str, xml: &str) -> Message {
    use base64::Engine as _;
    let message = base64::engine::general_purpose::STANDARD.encode(xml);
    decode_post_either(&format!("{parameter}={}", percent(&message))).unwrap()
}

fn by_query(xml: &str, signer: &dyn Signer) -> Message {
    let query = format!("SAMLRequest={}", percent(&deflate(xml.as_bytes())));
    decode_redirect_either(&sign_query(&query, signer)).unwrap()
}

fn reason(result: Result<LogoutMessage, Refusal>) -> Reason {
    result.map_or_else(|refusal| refusal.reason, |read| panic!("accepted {read:?}"))
}

#[test]
fn slo_501_a_signed_request_is_read_whole_by_each_binding() {
    let xml = request("_r", "ada@example.com");
    let signed = enveloped(&xml, &signer());
    let messages = [
        by_query(&xml, &signer()),
        posted("SAMLRequest", &signed),
        soap::decode(soap::envelope(&signed).into_bytes(), Carried::Request),
    ];
    for message in messages {
        let LogoutMessage::Request(read) = judged(&message, &keys(&SP)).unwrap() else { panic!("a request") };
        assert_eq!((read.id.as_str(), read.name_id.value.as_str()), ("_r", "ada@example.com"));
        assert_eq!(read.session_indexes, ["_one", "_two"]);
        assert!(!read.asynchronous);
    }
}

#[test]
fn slo_503_an_asynchronous_request_wants_no_answer() {
    let extension = "<samlp:Extensions><aslo:Asynchronous \
        xmlns:aslo=\"urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo\"></aslo:Asynchronous></samlp:Extensions>";
    let xml = request("_r", "a").replace("</saml:Issuer>", &format!("</saml:Issuer>{extension}"));
    let LogoutMessage::Request(read) = judged(&by_query(&xml, &signer()), &keys(&SP)).unwrap() else {
        panic!("a request")
    };
    assert!(read.asynchronous);
}

#[test]
fn slo_501_what_is_not_as_it_must_be_is_refused() {
    let good = request("_r", "a");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let issuer = format!("<saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>");
    let name = format!("<saml:NameID xmlns:saml=\"{ASSERTION}\">a</saml:NameID>");
    let encrypted = format!("<saml:EncryptedID xmlns:saml=\"{ASSERTION}\"></saml:EncryptedID>");
    let ends = |at: &str| changed(" Version", &format!(" NotOnOrAfter=\"{at}\" Version"));
    for (xml, expected) in [
        (changed("ID=\"_r\"", "ID=\"1\""), Reason::BadId),
        (changed("2026-11-22T07:59:58Z", "soon"), Reason::BadIssueInstant),
        (changed("2026-11-22T07:59:58Z", "2026-11-22T07:40:00Z"), Reason::Stale),
        (changed("2026-11-22T07:59:58Z", "2026-11-22T08:20:00Z"), Reason::FromTheFuture),
        (ends("2026-11-22T07:50:00Z"), Reason::Stale),
        (ends("later"), Reason::SchemaViolation),
        (changed(HERE, "https://idp.example/saml2/app"), Reason::DestinationMismatch),
        (changed(&format!(" Destination=\"{HERE}\""), ""), Reason::DestinationMissing),
        (changed(&issuer, &issuer.replace(SP_ID, "https://evil.example")), Reason::IssuerUnknown),
        (changed(&issuer, ""), Reason::IssuerMissing),
        (changed(&name, ""), Reason::SchemaViolation),
        (changed(&name, &encrypted), Reason::NameIdEncrypted),
        (changed("Version=\"2.0\"", "Version=\"1.1\""), Reason::VersionTooLow),
        (changed("Version=\"2.0\"", "Version=\"3.0\""), Reason::VersionTooHigh),
        (changed("Version=\"2.0\"", "Version=\"\""), Reason::VersionInvalid),
        (good.replace("LogoutRequest", "AuthnRequest"), Reason::NotALogoutMessage),
        (good.replace("LogoutRequest", "LogoutResponse"), Reason::NotALogoutMessage),
    ] {
        assert_eq!(reason(judged(&by_query(&xml, &signer()), &keys(&SP))), expected, "{xml}");
    }
    let many = changed(
        "<samlp:SessionIndex>",
        &format!("{}<samlp:SessionIndex>", "<samlp:SessionIndex>x</samlp:SessionIndex>".repeat(100)),
    );
    assert_eq!(reason(judged(&by_query(&many, &signer()), &keys(&SP))), Reason::SchemaViolation);
}

#[test]
fn slo_501_a_request_must_be_signed_by_a_registered_key() {
    let xml = request("_r", "a");
    let unsigned =
        decode_redirect_either(&format!("SAMLRequest={}", percent(&deflate(xml.as_bytes())))).unwrap();
    let mallory = MALLORY.signer(SignatureAlgorithm::RsaSha256);
    let envelope = |xml: &str| soap::decode(soap::envelope(xml).into_bytes(), Carried::Request);
    for (message, expected) in [
        (unsigned, Reason::SignatureMissing),
        (posted("SAMLRequest", &xml), Reason::SignatureMissing),
        (envelope(&xml), Reason::SignatureMissing),
        (by_query(&xml, &mallory), Reason::SignatureInvalid),
        (posted("SAMLRequest", &enveloped(&xml, &mallory)), Reason::SignatureInvalid),
        (envelope(&enveloped(&xml, &mallory)), Reason::SignatureInvalid),
        (by_query(&enveloped(&xml, &signer()), &signer()), Reason::SignatureEnveloped),
        (posted("SAMLRequest", &enveloped(&xml, &signer()).replace(">a<", ">b<")), Reason::SignatureInvalid),
    ] {
        assert_eq!(reason(judged(&message, &keys(&SP))), expected);
        assert_eq!(
            reason(judged(&message, &[])),
            Reason::RequiredKeyMissing,
            "without a certificate nobody can ask"
        );
    }
}

#[test]
fn a_02_saml_105_wrapped_signatures_on_a_logout_request_are_refused() {
    let signed = enveloped(&request("_r", "mallory"), &signer());
    let bare = request("_r", "mallory");
    let start = signed.find("<ds:Signature ").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &signed[start..end];
    let with_inside = |inner: &str| signature.replace("</ds:Signature>", &format!("{inner}</ds:Signature>"));
    let extensions = |inner: &str| format!("<samlp:Extensions>{inner}</samlp:Extensions>");
    let object = |inner: &str| format!("<ds:Object xmlns:ds=\"{DSIG}\">{inner}</ds:Object>");
    for id in ["_r", "_evil"] {
        let evil = |inner: &str| {
            request(id, "victim").replace("</samlp:LogoutRequest>", &format!("{inner}</samlp:LogoutRequest>"))
        };
        let shapes = [
            evil(&with_inside(&bare)),
            evil(&format!("{signature}{bare}")),
            evil("").replacen("<saml:Issuer", &format!("{signed}<saml:Issuer"), 1),
            evil(&signed),
            evil(signature),
            evil(&format!("{bare}{signature}")),
            evil(&with_inside(&object(&bare))),
            evil(&extensions(&signed)),
            evil(&format!("{}{signature}", extensions(&bare))),
            evil(&with_inside(&object(&signed))),
            signed.replace(signature, &signature.repeat(2)),
            signed.replace("URI=\"#_r\"", "URI=\"\""),
            bare.replace(
                "</samlp:LogoutRequest>",
                &format!("{}</samlp:LogoutRequest>", extensions(signature)),
            ),
        ];
        for shape in &shapes {
            assert!(judged(&posted("SAMLRequest", shape), &keys(&SP)).is_err(), "{shape}");
            let message = soap::decode(soap::envelope(shape).into_bytes(), Carried::Request);
            assert!(judged(&message, &keys(&SP)).is_err(), "by SOAP: {shape}");
        }
        // The signed one beside the forged one, wherever an envelope has room.
        for envelope in [
            soap::envelope(&format!("{}{signed}", evil(""))),
            soap::envelope(&format!("{signed}{}", evil(""))),
            soap::envelope(&evil("")).replacen(
                "<soap11:Body>",
                &format!("<soap11:Header>{signed}</soap11:Header><soap11:Body>"),
                1,
            ),
            soap::envelope(&evil("")).replacen("<soap11:Body>", &format!("{signed}<soap11:Body>"), 1),
        ] {
            let message = soap::decode(envelope.clone().into_bytes(), Carried::Request);
            assert!(judged(&message, &keys(&SP)).is_err(), "{envelope}");
        }
    }
}

#[test]
fn slo_501_an_envelope_is_read_strictly() {
    let signed = enveloped(&request("_r", "a"), &signer());
    let good = soap::envelope(&signed);
    let judge = |text: String| judged(&soap::decode(text.into_bytes(), Carried::Request), &keys(&SP));
    let header = |entry: &str| {
        good.replacen("<soap11:Body>", &format!("<soap11:Header>{entry}</soap11:Header><soap11:Body>"), 1)
    };
    assert!(judge(header("")).is_ok());
    assert!(judge(header("<x:y xmlns:x=\"urn:x\" soap11:mustUnderstand=\"0\"/>")).is_ok());
    for bad in [
        signed.clone(),
        header("<x:y xmlns:x=\"urn:x\" soap11:mustUnderstand=\"1\"/>"),
        good.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"),
        soap::envelope(""),
        soap::envelope(&format!("{signed}<x/>")),
        good.replace("</soap11:Body>", "</soap11:Body><soap11:Body></soap11:Body>"),
    ] {
        let refused = reason(judge(bad.clone()));
        assert_eq!(refused, Reason::SoapInvalid, "{bad}");
    }
}

#[test]
fn slo_502_a_response_says_whether_its_session_has_ended() {
    let code = |value: &str, below: &str| {
        format!(
            "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{value}\">{below}</samlp:StatusCode>"
        )
    };
    for (inside, ended) in [
        (code("Success", ""), true),
        (code("Success", &code("PartialLogout", "")), false),
        (code("Responder", ""), false),
        (code("Requester", &code("UnknownPrincipal", "")), false),
    ] {
        let xml = response(&status(&inside));
        let message = posted("SAMLResponse", &enveloped(&xml, &signer()));
        let LogoutMessage::Response(read) = judged(&message, &keys(&SP)).unwrap() else {
            panic!("a response")
        };
        assert_eq!((read.in_response_to.as_str(), read.is_success), ("_q", ended), "{inside}");
        // Whoever has a certificate registered must use it; of who has none the unguessable InResponseTo is all there is.
        let unsigned = posted("SAMLResponse", &xml);
        assert_eq!(reason(judged(&unsigned, &keys(&SP))), Reason::SignatureMissing);
        assert!(judged(&unsigned, &[]).is_ok());
    }
    let signed = |xml: &str| posted("SAMLResponse", &enveloped(xml, &signer()));
    for broken in [
        response(""),
        response(&status("")),
        response(&status(&code("Success", ""))).replace(" InResponseTo=\"_q\"", ""),
    ] {
        assert_eq!(reason(judged(&signed(&broken), &keys(&SP))), Reason::SchemaViolation, "{broken}");
    }
}

#[test]
fn saml_104_a_request_beside_a_response_is_refused_in_any_order() {
    for query in [
        "SAMLRequest=a&SAMLResponse=b",
        "SAMLResponse=b&SAMLRequest=a",
        "SAMLResponse=a&SAMLResponse=a",
        "%53AMLResponse=a",
        "SAMLResponse=a&SAMLart=b",
    ] {
        assert_eq!(decode_redirect_either(query).unwrap_err().reason, Reason::ParameterPollution, "{query}");
        assert_eq!(decode_post_either(query).unwrap_err().reason, Reason::ParameterPollution, "{query}");
    }
}

#[test]
fn slo_501_an_encrypted_identifier_is_opened_once_its_sender_is_known() {
    let name_id = NameId {
        format: NameIdFormat::EmailAddress,
        value: "zoë@example.com".to_owned(),
        name_qualifier: None,
        sp_name_qualifier: None,
    };
    let certificate = parse_certificate(&IDP.certificate).unwrap();
    let recipient =
        Recipient::of(&certificate, EncryptionAlgorithm::Aes256Gcm, KeyTransport::RsaOaepMgf1p).unwrap();
    let random = Random::seeded(3);
    let input = LogoutRequestInput {
        id: "_out",
        issued_at: NOW,
        not_on_or_after: NOW.plus(60_000),
        issuer: SP_ID,
        destination: HERE,
        name_id: &name_id,
        session_indexes: &[],
        encryption: Some((&recipient, &random)),
    };
    let xml = input.write(None).unwrap();
    assert!(
        xml.contains("<saml:EncryptedID ") && !xml.contains("zoë") && !xml.contains("<saml:NameID"),
        "{xml}"
    );
    let Ok(LogoutMessage::Request(read)) = judged(&by_query(&xml, &signer()), &keys(&SP)) else {
        panic!("it is opened")
    };
    assert!(read.name_id.matches(&name_id));
    let forged = by_query(&xml, &MALLORY.signer(SignatureAlgorithm::RsaSha256));
    assert_eq!(
        reason(judged(&forged, &keys(&SP))),
        Reason::SignatureInvalid,
        "nothing is opened for anybody else"
    );
    let both = xml.replacen(
        "<saml:EncryptedID ",
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">a</saml:NameID><saml:EncryptedID ",
        1,
    );
    assert_eq!(reason(judged(&by_query(&both, &signer()), &keys(&SP))), Reason::SchemaViolation);
}

#[test]
fn slo_501_our_own_messages_are_what_we_would_accept() {
    let name_id = NameId {
        format: NameIdFormat::Persistent,
        value: "A<&>B".to_owned(),
        name_qualifier: Some("https://idp.example".to_owned()),
        sp_name_qualifier: Some(SP_ID.to_owned()),
    };
    let input = LogoutRequestInput {
        id: "_out",
        issued_at: NOW,
        not_on_or_after: NOW.plus(60_000),
        issuer: SP_ID,
        destination: HERE,
        name_id: &name_id,
        session_indexes: &["_i".to_owned()],
        encryption: None,
    };
    let url = redirect_url(
        "https://sp.example/slo?x=1",
        Carried::Request,
        &input.write(None).unwrap(),
        Some("a b&c"),
        &signer(),
    )
    .unwrap();
    let query = url.strip_prefix("https://sp.example/slo?x=1&").unwrap();
    let message = decode_redirect_either(query).unwrap();
    assert_eq!(message.relay_state.as_ref().unwrap().as_str(), "a b&c");
    let LogoutMessage::Request(read) = judged(&message, &keys(&SP)).unwrap() else { panic!("a request") };
    assert!(read.name_id.matches(&name_id));
    assert_eq!(read.session_indexes, ["_i"]);
    assert!(judged(&posted("SAMLRequest", &input.write(Some(&signer())).unwrap()), &keys(&SP)).is_ok());

    let output = LogoutResponseInput {
        id: "_back",
        issued_at: NOW,
        issuer: SP_ID,
        destination: Some(HERE),
        in_response_to: "_r",
        status: Status::PartialLogout,
    };
    let message = posted("SAMLResponse", &output.write(Some(&signer())).unwrap());
    let LogoutMessage::Response(read) = judged(&message, &keys(&SP)).unwrap() else { panic!("a response") };
    assert!(!read.is_success);
}

#[test]
fn slo_501_queries_follow_whatever_the_address_has() {
    for (location, start) in [
        ("https://a/x", "https://a/x?SAMLRequest="),
        ("https://a/x?", "https://a/x?SAMLRequest="),
        ("https://a/x?y", "https://a/x?y&SAMLRequest="),
        ("https://a/x?y&", "https://a/x?y&SAMLRequest="),
    ] {
        let url = redirect_url(location, Carried::Request, "<a/>", None, &signer()).unwrap();
        assert!(url.starts_with(start), "{url}");
    }
}
