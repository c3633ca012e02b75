use super::*;
use crate::saml::binding::{decode_post, decode_redirect};
use crate::saml::names::{ASSERTION, DSIG, ENVELOPED, EXC_C14N};
use crate::saml::refusal::Class;
use crate::saml::sign::SignatureAlgorithm::{EcdsaSha384, RsaSha256, RsaSha512};
use crate::saml::sign::{OpensslSigner, Signer};
use crate::saml::status::Status;
use crate::saml::testing::{
    ACS, ENDPOINT, MALLORY, NOW, P384, RequestXml, SP, SP_ID, deflate, percent, post, redirect, sign_query,
};
use crate::saml::xml::XmlFault;

const FIRST: Stage = Stage::First(Timing { now: NOW, skew: 3 * MINUTE, max_age: 10 * MINUTE });

fn acs(url: &str, index: Option<u16>, is_default: Option<bool>) -> AssertionConsumer {
    AssertionConsumer { url: url.to_owned(), index, is_default, binding: AcsBinding::Post }
}

struct Setup {
    acs: Vec<AssertionConsumer>,
    keys: Vec<VerificationKey>,
    require: bool,
    redirect_enveloped: bool,
    allow_missing_destination: bool,
    strict: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            acs: vec![acs(ACS, Some(0), None), acs("https://sp.example.com/second", Some(7), None)],
            keys: vec![VerificationKey::from_certificate_der(&SP.certificate).unwrap()],
            require: false,
            redirect_enveloped: false,
            allow_missing_destination: false,
            strict: false,
        }
    }
}

impl Setup {
    fn required() -> Self {
        Self { require: true, ..Self::default() }
    }

    fn receive(&self, message: &Message, stage: Stage) -> Result<Trusted, Refusal> {
        let sp = ServiceProvider {
            entity_id: SP_ID,
            acs: &self.acs,
            signing_keys: &self.keys,
            require_signed_requests: self.require,
            redirect_enveloped_signature: self.redirect_enveloped,
            allow_missing_destination: self.allow_missing_destination,
            strict_relay_state: self.strict,
        };
        let endpoint = Endpoint { url: ENDPOINT, entity_id: "https://idp.example/saml2/app/metadata" };
        receive(message, &sp, &endpoint, stage)
    }

    fn post(&self, xml: &str) -> Result<Trusted, Refusal> {
        self.receive(&decode_post(&post(xml)).unwrap(), FIRST)
    }

    fn query(&self, query: &str) -> Result<Trusted, Refusal> {
        self.receive(&decode_redirect(query).unwrap(), FIRST)
    }
}

fn signer() -> OpensslSigner {
    SP.signer(RsaSha256)
}

/// The reason of a refusal that stays on a page of ours.
fn local(result: Result<Trusted, Refusal>) -> Reason {
    let refusal = result.expect_err("refused");
    assert_eq!(refusal.reply, None, "{refusal:?}");
    refusal.reason
}

/// Reason and reply of a refusal that is answered at the ACS.
fn answered(result: Result<Trusted, Refusal>) -> (Reason, String, Status) {
    let refusal = result.expect_err("refused");
    let reply = refusal.reply.expect("answered at the ACS");
    assert_eq!(reply.in_response_to, "_req");
    (refusal.reason, reply.acs_url, reply.status)
}

#[test]
fn saml_101_requests_are_accepted_on_both_bindings() {
    let xml = RequestXml::default().unsigned();
    for trusted in [Setup::default().post(&xml), Setup::default().query(&redirect(&xml))] {
        let trusted = trusted.unwrap();
        assert_eq!((trusted.acs_url(), trusted.is_signed()), (ACS, false));
        assert_eq!(trusted.request().id, "_req");
        assert!(!trusted.request().force_authn && !trusted.request().is_passive);
    }
    for signed in [
        Setup::required().post(&RequestXml::default().signed(&signer())),
        Setup::required().query(&sign_query(&redirect(&xml), &signer())),
    ] {
        assert!(signed.unwrap().is_signed());
    }
}

#[test]
fn saml_102_a_document_type_is_refused_before_anything_else() {
    let xml = format!("<!DOCTYPE x>{}", RequestXml::default().signed(&signer()));
    assert_eq!(local(Setup::default().post(&xml)), Reason::Xml(XmlFault::Doctype));
}

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
        honest.replace(&signer().certificate_base64(), &MALLORY.signer(RsaSha256).certificate_base64());
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

#[test]
fn saml_108_nothing_of_an_unsigned_request_replaces_what_is_registered() {
    let xml = RequestXml::default()
        .without("AssertionConsumerServiceURL")
        .with("ProviderName", "<script>")
        .containing(&format!(
            "<samlp:Extensions><samlp:AuthnRequest AssertionConsumerServiceURL=\"https://evil.example\"></samlp:AuthnRequest>\
             <saml:Issuer xmlns:saml=\"{ASSERTION}\">https://evil.example</saml:Issuer></samlp:Extensions>"
        ))
        .unsigned();
    assert_eq!(Setup::default().post(&xml).unwrap().acs_url(), ACS);
}

#[test]
fn saml_109_the_issuer_equals_the_entity_id_to_the_byte() {
    let issuer = |text: &str| RequestXml {
        issuer: format!("<saml:Issuer xmlns:saml=\"{ASSERTION}\">{text}</saml:Issuer>"),
        ..RequestXml::default()
    };
    for text in [
        "",
        "https://other.example.com/metadata",
        "https://sp.example.com/metadata ",
        " https://sp.example.com/metadata",
        "\nhttps://sp.example.com/metadata\n",
        "https://sp.example.com/Metadata",
        "https://SP.example.com/metadata",
        "https://sp.example.com/metadata/",
        "https://sp.example.com/%6detadata",
        "https://sp.example.com:443/metadata",
        "https://sp.example.com/metadata\u{301}",
    ] {
        let refusal = Setup::default().post(&issuer(text).unsigned()).unwrap_err();
        assert_eq!((refusal.reason, refusal.reply.is_none()), (Reason::IssuerUnknown, true), "{text:?}");
        assert_eq!(refusal.mismatch.unwrap().expected, SP_ID);
    }
    let formatted = |format: &str| RequestXml {
        issuer: format!("<saml:Issuer xmlns:saml=\"{ASSERTION}\" Format=\"{format}\">{SP_ID}</saml:Issuer>"),
        ..RequestXml::default()
    };
    assert!(Setup::default().post(&formatted(crate::saml::names::FORMAT_ENTITY).unsigned()).is_ok());
    assert_eq!(local(Setup::default().post(&formatted("urn:x").unsigned())), Reason::IssuerFormat);
    let none = RequestXml { issuer: String::new(), ..RequestXml::default() };
    assert_eq!(local(Setup::default().post(&none.unsigned())), Reason::IssuerMissing);
}

#[test]
fn a_05_an_issuer_with_comments_or_cdata_is_refused() {
    for text in [
        "https://sp.example.com/metadata<!---->",
        "https://sp.example.com/<!-- -->metadata",
        "<![CDATA[https://sp.example.com/metadata]]>",
        "https://sp.example.com/metadata<x></x>",
    ] {
        let xml = RequestXml {
            issuer: format!("<saml:Issuer xmlns:saml=\"{ASSERTION}\">{text}</saml:Issuer>"),
            ..RequestXml::default()
        };
        assert_eq!(
            local(Setup::default().post(&xml.unsigned())),
            Reason::Xml(XmlFault::MixedContent),
            "{text}"
        );
    }
}

#[test]
fn saml_110_other_versions_are_answered_with_version_mismatch() {
    for (version, status) in [
        ("1.1", Status::RequestVersionTooLow),
        ("2.1", Status::RequestVersionTooHigh),
        ("3.0", Status::RequestVersionTooHigh),
        ("", Status::VersionMismatch),
    ] {
        let (_, to, found) =
            answered(Setup::default().post(&RequestXml::default().with("Version", version).unsigned()));
        assert_eq!((to.as_str(), found), (ACS, status), "{version}");
    }
}

#[test]
fn saml_111_ids_and_times_are_bounded() {
    let post = |name, value: &str| Setup::default().post(&RequestXml::default().with(name, value).unsigned());
    for id in ["", "1x", "a b", "-x", "a:b", "<", &"x".repeat(257)] {
        assert_eq!(local(post("ID", id)), Reason::BadId, "{id}");
    }
    for id in ["_a", "id-1.2", "ÅÄÖ", &"x".repeat(256)] {
        assert!(post("ID", id).is_ok(), "{id}");
    }
    let at =
        |millis: i64| post("IssueInstant", &NOW.plus(millis).to_rfc3339()).map(|_| ()).map_err(|r| r.reason);
    assert_eq!(at(-10 * MINUTE), Ok(()));
    assert_eq!(at(-10 * MINUTE - 1), Err(Reason::Stale));
    assert_eq!(at(3 * MINUTE), Ok(()));
    assert_eq!(at(3 * MINUTE + 1), Err(Reason::FromTheFuture));
    assert_eq!(local(post("IssueInstant", "yesterday")), Reason::BadIssueInstant);
    assert_eq!(
        local(Setup::default().post(&RequestXml::default().without("IssueInstant").unsigned())),
        Reason::BadIssueInstant
    );
    assert_eq!(Timing::at(NOW).within(60 * MINUTE, 0).skew, 5 * MINUTE);
}

#[test]
fn saml_112_the_destination_is_this_endpoint_as_configured() {
    let post = |xml: &RequestXml| Setup::default().post(&xml.unsigned()).map(|_| ()).map_err(|r| r.reason);
    for destination in [
        "",
        "https://idp.example/saml2/app/",
        "https://idp.example/saml2/App",
        "https://idp.example:443/saml2/app",
        "http://idp.example/saml2/app",
        "https://evil.example/saml2/app",
        "https://idp.example/saml2/app?x",
        "https://idp.example/saml2/other",
        "/saml2/app",
    ] {
        let xml = RequestXml::default().with("Destination", destination);
        assert_eq!(post(&xml), Err(Reason::DestinationMismatch), "{destination}");
    }
    let without = RequestXml::default().without("Destination");
    assert_eq!(post(&without), Ok(()));
    let signed = without.signed(&signer());
    assert_eq!(local(Setup::default().post(&signed)), Reason::DestinationMissing);
    let query = sign_query(&redirect(&without.unsigned()), &signer());
    assert_eq!(local(Setup::default().query(&query)), Reason::DestinationMissing);
    assert!(Setup { allow_missing_destination: true, ..Setup::default() }.post(&signed).is_ok());
}

/// Addresses that are almost the registered one.
const NEAR_MISSES: &[&str] = &[
    "",
    " ",
    "https://evil.example/acs",
    "https://sp.example.com.evil.tld/acs",
    "https://sp.example.com@evil.tld/acs",
    "https://evil.tld@sp.example.com/acs",
    "https://sp.example.com:443/acs",
    "https://sp.example.com:8443/acs",
    "http://sp.example.com/acs",
    "HTTPS://sp.example.com/acs",
    "https://SP.example.com/acs",
    "https://sp.example.com/ACS",
    "https://sp.example.com/acs/",
    "https://sp.example.com/acs//",
    "https://sp.example.com//acs",
    "https://sp.example.com/./acs",
    "https://sp.example.com/x/../acs",
    "https://sp.example.com/acs/../evil",
    "https://sp.example.com/acs/..;/evil",
    "https://sp.example.com/acs;x=y",
    "https://sp.example.com/acs?",
    "https://sp.example.com/acs?x=y",
    "https://sp.example.com/acs#",
    "https://sp.example.com/acs#x",
    "https://sp.example.com/acs%20",
    "https://sp.example.com/acs%00",
    "https://sp.example.com/%61cs",
    "https://sp.example.com/acs ",
    " https://sp.example.com/acs",
    "https://sp.example.com/acsx",
    "https://sp.example.com/ac",
    "https://sp.example.com",
    "https://sp.example.com./acs",
    "https://www.sp.example.com/acs",
    "https://sp.example.co/acs",
    "https://sp。example.com/acs",
    "https://ѕp.example.com/acs",
    "https://sp.example.com\\acs",
    "https:\\\\sp.example.com\\acs",
    "//sp.example.com/acs",
    "sp.example.com/acs",
    "javascript:alert(1)//https://sp.example.com/acs",
    "https://sp.example.com/acs,https://evil.example",
];

#[test]
fn a_01_saml_113_near_misses_of_the_acs_are_refused() {
    assert!(NEAR_MISSES.len() >= 40);
    for url in NEAR_MISSES {
        let xml = RequestXml::default().with("AssertionConsumerServiceURL", url);
        for result in [
            Setup::default().post(&xml.unsigned()),
            Setup::default().post(&xml.signed(&signer())),
            Setup::default().query(&redirect(&xml.unsigned())),
            Setup::default().query(&sign_query(&redirect(&xml.unsigned()), &signer())),
        ] {
            assert_eq!(local(result), Reason::AcsUnregistered, "{url}");
        }
    }
    let second = RequestXml::default().with("AssertionConsumerServiceURL", "https://sp.example.com/second");
    assert_eq!(Setup::default().post(&second.unsigned()).unwrap().acs_url(), "https://sp.example.com/second");
}

#[test]
fn saml_114_the_acs_is_found_by_index_or_default() {
    let bare = RequestXml::default().without("AssertionConsumerServiceURL");
    let index = |text: &str| bare.clone().with("AssertionConsumerServiceIndex", text).unsigned();
    assert_eq!(Setup::default().post(&index("7")).unwrap().acs_url(), "https://sp.example.com/second");
    assert_eq!(Setup::default().post(&index("0")).unwrap().acs_url(), ACS);
    for unknown in ["1", "65535", "65536", "-1", "x", ""] {
        assert_eq!(local(Setup::default().post(&index(unknown))), Reason::AcsIndexUnknown, "{unknown}");
    }
    let both = RequestXml::default().with("AssertionConsumerServiceIndex", "0");
    assert_eq!(local(Setup::default().post(&both.unsigned())), Reason::AcsAmbiguous);
    let binding =
        bare.clone().with("AssertionConsumerServiceIndex", "0").with("ProtocolBinding", BINDING_POST);
    assert_eq!(local(Setup::default().post(&binding.unsigned())), Reason::AcsAmbiguous);

    let default_of = |flags: &[Option<bool>]| {
        let list = flags
            .iter()
            .zip(0u16..)
            .map(|(flag, n)| acs(&format!("https://x/{n}"), Some(n), *flag))
            .collect();
        let setup = Setup { acs: list, ..Setup::default() };
        setup.post(&bare.unsigned()).map(|t| t.acs_url().to_owned()).map_err(|r| r.reason)
    };
    let at = |n: usize| Ok(format!("https://x/{n}"));
    assert_eq!(default_of(&[]), Err(Reason::AcsNone));
    assert_eq!(default_of(&[None, None]), at(0));
    assert_eq!(default_of(&[Some(false), None]), at(1));
    assert_eq!(default_of(&[None, Some(true), Some(true)]), at(1));
    assert_eq!(default_of(&[Some(false), Some(false)]), at(0));
}

#[test]
fn saml_115_responses_go_by_post_only() {
    let ask = |binding: &str| {
        Setup::default().post(&RequestXml::default().with("ProtocolBinding", binding).unsigned())
    };
    assert!(ask(BINDING_POST).is_ok());
    for binding in [
        "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
        "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact",
        "urn:oasis:names:tc:SAML:2.0:bindings:PAOS",
        "urn:oasis:names:tc:SAML:2.0:bindings:SOAP",
        "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST-SimpleSign",
        "",
    ] {
        assert_eq!(answered(ask(binding)).2, Status::UnsupportedBinding, "{binding}");
    }
    let mut setup = Setup::default();
    setup.acs[1].binding = AcsBinding::Artifact;
    let artifact = RequestXml::default().with("AssertionConsumerServiceURL", "https://sp.example.com/second");
    let (reason, to, _) = answered(setup.post(&artifact.unsigned()));
    assert_eq!((reason, to.as_str()), (Reason::BindingUnsupported, ACS));
}

#[test]
fn saml_116_the_name_id_policy_is_met_or_refused() {
    use NameIdFormat::{EmailAddress, Persistent, Transient};
    let ask = |policy: &str| {
        let xml = RequestXml::default().containing(policy).unsigned();
        let trusted = Setup::default().post(&xml).unwrap();
        trusted.name_id_format(EmailAddress, &[Persistent, Transient]).map_err(|refusal| {
            assert_eq!(refusal.reply.as_ref().map(|reply| reply.status), Some(Status::InvalidNameIdPolicy));
        })
    };
    let format = |urn: &str| ask(&format!("<samlp:NameIDPolicy Format=\"{urn}\"></samlp:NameIDPolicy>"));
    assert_eq!(ask(""), Ok(EmailAddress));
    assert_eq!(ask("<samlp:NameIDPolicy AllowCreate=\"true\"></samlp:NameIDPolicy>"), Ok(EmailAddress));
    assert_eq!(format(NameIdFormat::Unspecified.urn()), Ok(EmailAddress));
    assert_eq!(format(EmailAddress.urn()), Ok(EmailAddress));
    assert_eq!(format(Persistent.urn()), Ok(Persistent));
    assert_eq!(format(Transient.urn()), Ok(Transient));
    for urn in [
        NameIdFormat::X509SubjectName.urn(),
        crate::saml::names::FORMAT_ENCRYPTED,
        "urn:x",
        "",
        "emailAddress",
    ] {
        assert_eq!(format(urn), Err(()), "{urn}");
    }
    let qualifier =
        |q: &str| ask(&format!("<samlp:NameIDPolicy SPNameQualifier=\"{q}\"></samlp:NameIDPolicy>"));
    assert_eq!(qualifier(SP_ID), Ok(EmailAddress));
    assert_eq!(qualifier("https://affiliation.example"), Err(()));
}

#[test]
fn saml_118_119_force_authn_and_is_passive_in_both_spellings() {
    for (text, expected) in [("true", true), ("1", true), ("false", false), ("0", false)] {
        let xml = RequestXml::default().with("ForceAuthn", text).with("IsPassive", text).unsigned();
        let trusted = Setup::default().post(&xml).unwrap();
        assert_eq!((trusted.request().force_authn, trusted.request().is_passive), (expected, expected));
        assert_eq!(trusted.refuse(Reason::Passive).reply.unwrap().status, Status::NoPassive);
    }
    let xml = RequestXml::default().with("ForceAuthn", "yes").unsigned();
    assert_eq!(answered(Setup::default().post(&xml)).2, Status::Requester);
}

#[test]
fn saml_120_the_requested_context_is_read() {
    let xml = RequestXml::default().containing(&format!(
        "<samlp:RequestedAuthnContext Comparison=\"exact\"><saml:AuthnContextClassRef xmlns:saml=\"{ASSERTION}\">urn:a</saml:AuthnContextClassRef>\
         <saml:AuthnContextClassRef xmlns:saml=\"{ASSERTION}\">\n urn:b \n</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
    ));
    let trusted = Setup::default().post(&xml.unsigned()).unwrap();
    assert_eq!(trusted.request().authn_context.as_ref().unwrap().classes, ["urn:a", "urn:b"]);
    let odd = RequestXml::default()
        .containing("<samlp:RequestedAuthnContext Comparison=\"roughly\"></samlp:RequestedAuthnContext>");
    assert_eq!(answered(Setup::default().post(&odd.unsigned())).2, Status::Requester);
}

#[test]
fn saml_122_a_subject_is_read_and_confirmation_refused() {
    let subject = |inner: &str| {
        RequestXml::default()
            .containing(&format!("<saml:Subject xmlns:saml=\"{ASSERTION}\">{inner}</saml:Subject>"))
            .unsigned()
    };
    let trusted = Setup::default().post(&subject("<saml:NameID>a@x.example</saml:NameID>")).unwrap();
    assert_eq!(trusted.request().subject.as_ref().unwrap().value, "a@x.example");
    let confirmed = subject(
        "<saml:NameID>a</saml:NameID><saml:SubjectConfirmation Method=\"x\"></saml:SubjectConfirmation>",
    );
    assert_eq!(answered(Setup::default().post(&confirmed)).0, Reason::SubjectConfirmation);
    assert_eq!(
        answered(Setup::default().post(&subject("<saml:EncryptedID></saml:EncryptedID>"))).2,
        Status::UnknownPrincipal
    );
    let commented = subject("<saml:NameID>a@x.example<!---->.evil</saml:NameID>");
    assert_eq!(answered(Setup::default().post(&commented)).2, Status::Requester);
}

#[test]
fn saml_124_scoping_is_accepted_unless_it_leaves_us_out() {
    let scoping = |entries: &[&str]| {
        let entries: String = entries
            .iter()
            .map(|id| format!("<samlp:IDPEntry ProviderID=\"{id}\"></samlp:IDPEntry>"))
            .collect();
        RequestXml::default().containing(&format!(
            "<samlp:Scoping ProxyCount=\"0\"><samlp:IDPList>{entries}</samlp:IDPList><samlp:RequesterID>x</samlp:RequesterID></samlp:Scoping>"
        ))
    };
    let ours = "https://idp.example/saml2/app/metadata";
    assert!(Setup::default().post(&scoping(&["https://other.example", ours]).unsigned()).is_ok());
    let without = Setup::default().post(&scoping(&["https://other.example"]).unsigned());
    assert_eq!(answered(without).2, Status::NoSupportedIdp);
    let empty = RequestXml::default().containing("<samlp:Scoping></samlp:Scoping>");
    assert!(Setup::default().post(&empty.unsigned()).is_ok());
}

#[test]
fn saml_125_extensions_and_the_unknown_are_passed_over() {
    let many: String =
        (0..100).map(|n| format!("<x:e{n} xmlns:x=\"urn:x\" ID=\"e{n}\">y</x:e{n}>")).collect();
    let xml = RequestXml::default()
        .with("Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified")
        .with("ProviderName", "Sp")
        .containing(&format!("<samlp:Extensions>{many}</samlp:Extensions>"))
        .containing(&format!("<saml:Conditions xmlns:saml=\"{ASSERTION}\"></saml:Conditions>"));
    assert!(Setup::default().post(&xml.unsigned()).is_ok());
    assert!(Setup::required().post(&xml.signed(&signer())).is_ok());
}

#[test]
fn saml_127_the_strict_switch_holds_relay_state_to_80_bytes() {
    let strict = Setup { strict: true, ..Setup::default() };
    let query = |length: usize| {
        format!("{}&RelayState={}", redirect(&RequestXml::default().unsigned()), "x".repeat(length))
    };
    assert!(strict.query(&query(80)).is_ok());
    assert_eq!(local(strict.query(&query(81))), Reason::RelayStateOverStandard);
    assert!(Setup::default().query(&query(81)).unwrap().relay_state().unwrap().exceeds_standard());
}

#[test]
fn decision_2_resume_judges_again_all_but_age_and_destination() {
    let old = RequestXml::default()
        .with("IssueInstant", "2026-11-22T01:00:00Z")
        .with("Destination", "https://old.example");
    let message = decode_post(&post(&old.signed(&signer()))).unwrap();
    assert!(Setup::default().receive(&message, FIRST).is_err());
    assert!(Setup::default().receive(&message, Stage::Resumed).is_ok());
    let changed = Setup { acs: vec![acs("https://sp.example.com/new", None, None)], ..Setup::default() };
    assert_eq!(local(changed.receive(&message, Stage::Resumed)), Reason::AcsUnregistered);
    let rekeyed = Setup {
        keys: vec![VerificationKey::from_certificate_der(&MALLORY.certificate).unwrap()],
        ..Setup::default()
    };
    assert_eq!(local(rekeyed.receive(&message, Stage::Resumed)), Reason::SignatureInvalid);
}

#[test]
fn a_10_mutilated_messages_never_panic() {
    let xml = RequestXml::default().signed(&signer());
    for cut in (0..xml.len()).step_by(61) {
        if !xml.is_char_boundary(cut) {
            continue;
        }
        let message = Message {
            binding: Binding::Post,
            xml: xml.as_bytes()[..cut].to_vec(),
            relay_state: None,
            redirect_signature: None,
        };
        assert!(Setup::default().receive(&message, FIRST).is_err());
        for byte in [b'<', b'>', b'"', b'&', 0, 0xff, b' '] {
            let mut octets = xml.clone().into_bytes();
            octets[cut] = byte;
            let same = octets == xml.as_bytes();
            let message = Message { xml: octets, ..message.clone() };
            let accepted = Setup::required().receive(&message, FIRST).is_ok();
            // Only KeyInfo and white space outside what is signed may change.
            let key_info = xml.find("<ds:SignatureValue>").unwrap()..xml.find("</ds:Signature>").unwrap();
            assert!(!accepted || same || key_info.contains(&cut), "at {cut}");
        }
    }
    let query = format!("SAMLRequest={}", percent(&deflate(xml.as_bytes())));
    for cut in 0..query.len() {
        let _ = decode_redirect(&query[..cut]);
    }
}

#[test]
fn other_messages_are_not_sign_in_requests() {
    for xml in [
        "<a/>",
        "<AuthnRequest/>",
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:1.0:protocol\"/>",
    ] {
        assert_eq!(local(Setup::default().post(xml)), Reason::NotAnAuthnRequest);
    }
}
