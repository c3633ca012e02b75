//! Artifacts: made, asked for, answered.

use super::*;
use crate::base::name_id::NameIdFormat;
use crate::saml::binding::Carried;
use crate::saml::certificate::VerificationKey;
use crate::saml::dsig::verify_element;
use crate::saml::names::{ATTRIBUTE_BASIC, AUTHN_PASSWORD_PROTECTED, SOAP};
use crate::saml::response::{Attribute, Lifetimes, NameId, ResponseInput, SignMode};
use crate::saml::sign::SignatureAlgorithm;
use crate::saml::testing::{ACS, IDP, Identity, MALLORY, NOW, SP, SP_ID};

const HERE: &str = "https://idp.example/saml2/app/artifact";
const ENTITY: &str = "https://idp.example/saml2/app/metadata";

fn keys(identity: &Identity) -> Vec<VerificationKey> {
    vec![VerificationKey::from_certificate_der(&identity.certificate).unwrap()]
}

fn judged(octets: &str, keys: &[VerificationKey]) -> Result<ArtifactResolve, Reason> {
    let sp = ServiceProvider {
        entity_id: SP_ID,
        acs: &[],
        signing_keys: keys,
        require_signed_requests: false,
        redirect_enveloped_signature: false,
        allow_missing_destination: false,
        strict_relay_state: false,
    };
    let message = soap::decode(octets.as_bytes().to_vec(), Carried::Request);
    let endpoint = Endpoint { url: HERE, entity_id: ENTITY };
    receive(&message, &sp, &endpoint, Timing::at(NOW)).map_err(|refusal| refusal.reason)
}

fn asked(artifact: &str, issued: &str, by: Option<&Identity>) -> String {
    let xml = format!(
        "<samlp:ArtifactResolve xmlns:samlp=\"{PROTOCOL}\" ID=\"_ask\" IssueInstant=\"{issued}\" Version=\"2.0\">\
         <saml:Issuer xmlns:saml=\"{ASSERTION}\">{SP_ID}</saml:Issuer>\
         <samlp:Artifact>{artifact}</samlp:Artifact></samlp:ArtifactResolve>"
    );
    let Some(by) = by else { return xml };
    let mut w = Writer::default();
    w.insert(0, &xml);
    let after_issuer = xml.find("</saml:Issuer>").unwrap() + "</saml:Issuer>".len();
    let element = Finished { start: 0, after_issuer, id: "_ask", keeps_xs: false };
    envelop::sign(&mut w, &element, &by.signer(SignatureAlgorithm::RsaSha256)).unwrap();
    w.finish().unwrap()
}

#[test]
fn art_601_an_artifact_is_of_type_four_and_names_its_issuer() {
    use base64::Engine as _;
    let random = Random::seeded(7);
    let (one, other) = (Artifact::fresh(ENTITY, &random), Artifact::fresh(ENTITY, &random));
    assert_ne!(one, other);
    let octets = base64::engine::general_purpose::STANDARD.decode(one.to_base64().as_str()).unwrap();
    assert_eq!(octets.len(), 44);
    assert_eq!(octets[..4], [0, 4, 0, 0]);
    assert_eq!(octets[4..24], sha1(ENTITY.as_bytes()));
    assert!(!format!("{one:?}").contains(one.to_base64().as_str()), "a log does not tell it");
}

#[test]
fn art_601_only_the_registered_service_provider_asks_and_only_signed() {
    const NOW_TEXT: &str = "2026-11-22T07:59:58Z";
    let keys_of = keys(&SP);
    let good = asked("AAQ=", NOW_TEXT, Some(&SP));
    let read = judged(&soap::envelope(&good), &keys_of).unwrap();
    assert_eq!((read.id.as_str(), read.artifact.as_str()), ("_ask", "AAQ="));
    let refused = |envelope: &str, reason: Reason| {
        assert_eq!(judged(envelope, &keys_of).err(), Some(reason), "{envelope}");
    };
    refused(&soap::envelope(&asked("AAQ=", NOW_TEXT, None)), Reason::SignatureMissing);
    refused(&soap::envelope(&asked("AAQ=", NOW_TEXT, Some(&MALLORY))), Reason::SignatureInvalid);
    refused(&soap::envelope(&good.replace("AAQ=", "AAR=")), Reason::SignatureInvalid);
    refused(&soap::envelope(&good.replace(SP_ID, "https://other.example")), Reason::IssuerUnknown);
    refused(&soap::envelope(&asked("AAQ=", "2026-11-22T07:00:00Z", Some(&SP))), Reason::Stale);
    refused(&good, Reason::SoapInvalid);
    refused(&soap::envelope(&good.replace("ArtifactResolve", "ManageNameIDRequest")), Reason::SoapInvalid);
    // Wrapped: the signed one stands aside, the one to be read is the forger's.
    let evil = asked("EVIL", NOW_TEXT, None).replace("_ask", "_evil");
    refused(&soap::envelope(&format!("{evil}{good}")), Reason::SoapInvalid);
    let inside = evil
        .replace("<samlp:Artifact>", &format!("<samlp:Extensions>{good}</samlp:Extensions><samlp:Artifact>"));
    refused(&soap::envelope(&inside), Reason::SignatureMalformed);
    let aside = soap::envelope(&evil).replacen(
        "<soap11:Body>",
        &format!("<soap11:Header>{good}</soap11:Header><soap11:Body>"),
        1,
    );
    refused(&aside, Reason::SignatureMalformed);
    // Without a certificate of its there is nobody to believe.
    assert_eq!(judged(&soap::envelope(&good), &[]).err(), Some(Reason::RequiredKeyMissing));
}

#[test]
fn art_601_the_answer_holds_the_response_as_it_was_signed() {
    let signer = IDP.signer(SignatureAlgorithm::RsaSha256);
    let name_id = NameId {
        format: NameIdFormat::EmailAddress,
        value: "ada@example.com".to_owned(),
        name_qualifier: None,
        sp_name_qualifier: None,
    };
    let attributes = [Attribute {
        name: "role".to_owned(),
        name_format: ATTRIBUTE_BASIC.to_owned(),
        friendly_name: None,
        values: vec!["<&>".to_owned()],
    }];
    let response = ResponseInput {
        response_id: "_response",
        assertion_id: "_assertion",
        issued_at: NOW,
        issuer: ENTITY,
        acs_url: ACS,
        in_response_to: Some("_req"),
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
    let response = response.sign(SignMode::Both, &signer).unwrap();
    let answer = |message: Option<&str>| {
        let input = ArtifactResponseInput {
            id: "_answer",
            issued_at: NOW,
            issuer: ENTITY,
            in_response_to: "_ask",
            message,
        };
        soap::envelope(&input.sign(&signer).unwrap())
    };
    let full = answer(Some(response.as_xml()));
    let source = Source::new(full.as_bytes(), &Limits::METADATA).unwrap();
    let document = source.parse().unwrap();
    check_ids(&document).unwrap();
    let keys = keys(&IDP);
    // Each of the three is verified where it stands, by whoever canonicalises anew.
    for name in ["ArtifactResponse", "Response", "Assertion"] {
        let element = document.descendants().find(|node| node.tag_name().name() == name).unwrap();
        verify_element(element, &keys).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    }
    let body = soap::body(&document).unwrap();
    assert_eq!(body.attribute("InResponseTo"), Some("_ask"));
    assert_eq!(document.root_element().tag_name().namespace(), Some(SOAP));
    // Nothing there: a success without a message, signed too.
    let empty = answer(None);
    let source = Source::new(empty.as_bytes(), &Limits::METADATA).unwrap();
    let document = source.parse().unwrap();
    let body = soap::body(&document).unwrap();
    verify_element(body, &keys).unwrap();
    assert!(empty.contains(Status::Success.top_level()) && !empty.contains("Assertion"));
}
