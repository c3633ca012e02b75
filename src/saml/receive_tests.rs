//! Tests of requests: every check that decides whether one is trusted.

use super::*;
use crate::saml::binding::{Carried, decode_post, decode_redirect};
use crate::saml::names::{ASSERTION, BINDING_ARTIFACT, BINDING_POST, DSIG, ENVELOPED, EXC_C14N};
use crate::saml::refusal::Class;
use crate::saml::sign::SignatureAlgorithm::{EcdsaSha384, RsaSha256, RsaSha512};
use crate::saml::sign::{OpensslSigner, Signer};
use crate::saml::testing::{
    ACS, ENDPOINT, MALLORY, NOW, P384, RequestXml, SP, SP_ID, deflate, percent, post, redirect, sign_query,
};
use crate::saml::xml::XmlFault;

#[path = "receive_client_tests.rs"]
mod clients;
#[path = "receive_signature_tests.rs"]
mod signatures;

const FIRST: Stage = Stage::First(Timing { now: NOW, skew: 3 * MINUTE, max_age: 10 * MINUTE });

fn acs(url: &str, index: Option<u16>, is_default: Option<bool>) -> AssertionConsumer {
    AssertionConsumer { url: url.to_owned(), index, is_default, binding: Some(AcsBinding::Post) }
}

#[expect(clippy::struct_excessive_bools, reason = "the switches of `ServiceProvider`")]
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
fn av_06_saml_111_ids_and_times_are_bounded() {
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
    let second = RequestXml::default().with("AssertionConsumerServiceURL", "https://sp.example.com/second");
    setup.acs[1].binding = None;
    let (reason, to, _) = answered(setup.post(&second.clone().unsigned()));
    assert_eq!((reason, to.as_str()), (Reason::BindingUnsupported, ACS));
    // Where it is registered for artifacts, they are what it gets, asked for or not, and nothing else.
    setup.acs[1].binding = Some(AcsBinding::Artifact);
    let trusted = setup.post(&second.clone().unsigned()).unwrap();
    assert_eq!(
        (trusted.binding(), trusted.acs_url()),
        (AcsBinding::Artifact, "https://sp.example.com/second")
    );
    let trusted = setup.post(&second.clone().with("ProtocolBinding", BINDING_ARTIFACT).unsigned()).unwrap();
    assert_eq!(trusted.binding(), AcsBinding::Artifact);
    let (reason, to, _) =
        answered(setup.post(&second.clone().with("ProtocolBinding", BINDING_POST).unsigned()));
    assert_eq!((reason, to.as_str()), (Reason::BindingUnsupported, "https://sp.example.com/second"));
    // A binding without an address means the default one of that binding.
    let bare = RequestXml::default().without("AssertionConsumerServiceURL");
    let trusted = setup.post(&bare.clone().with("ProtocolBinding", BINDING_ARTIFACT).unsigned()).unwrap();
    assert_eq!(
        (trusted.binding(), trusted.acs_url()),
        (AcsBinding::Artifact, "https://sp.example.com/second")
    );
    let trusted = setup.post(&bare.with("ProtocolBinding", BINDING_POST).unsigned()).unwrap();
    assert_eq!((trusted.binding(), trusted.acs_url()), (AcsBinding::Post, ACS));
    // One address for both: what was asked for, else the form.
    setup.acs.push(acs("https://sp.example.com/second", Some(9), None));
    for (asked, binding) in [
        (Some(BINDING_ARTIFACT), AcsBinding::Artifact),
        (Some(BINDING_POST), AcsBinding::Post),
        (None, AcsBinding::Post),
    ] {
        let xml = asked.map_or(second.clone(), |uri| second.clone().with("ProtocolBinding", uri));
        assert_eq!(setup.post(&xml.unsigned()).unwrap().binding(), binding, "{asked:?}");
    }
}

#[test]
fn saml_116_the_name_id_policy_is_met_or_refused() {
    use NameIdFormat::{EmailAddress, Persistent, Transient};
    let ask = |policy: &str| {
        let xml = RequestXml::default().containing(policy).unsigned();
        let trusted = Setup::default().post(&xml).unwrap();
        let refused = |refusal: Refusal| {
            assert_eq!(refusal.reply.as_ref().map(|reply| reply.status), Some(Status::InvalidNameIdPolicy));
        };
        let able = trusted.name_id_format(EmailAddress, &[Persistent, Transient], true).ok();
        let wanted = trusted.name_id_format(EmailAddress, &[Persistent, Transient], false);
        let wanted = wanted.map(|wanted| wanted.format).map_err(refused);
        assert_eq!(able.is_some_and(|able| able.encrypted), policy.contains(FORMAT_ENCRYPTED), "{policy}");
        wanted
    };
    let format = |urn: &str| ask(&format!("<samlp:NameIDPolicy Format=\"{urn}\"></samlp:NameIDPolicy>"));
    assert_eq!(ask(""), Ok(EmailAddress));
    assert_eq!(ask("<samlp:NameIDPolicy AllowCreate=\"true\"></samlp:NameIDPolicy>"), Ok(EmailAddress));
    assert_eq!(format(NameIdFormat::Unspecified.urn()), Ok(EmailAddress));
    assert_eq!(format(EmailAddress.urn()), Ok(EmailAddress));
    assert_eq!(format(Persistent.urn()), Ok(Persistent));
    assert_eq!(format(Transient.urn()), Ok(Transient));
    for urn in [NameIdFormat::X509SubjectName.urn(), FORMAT_ENCRYPTED, "urn:x", "", "emailAddress"] {
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
        let entries = entries
            .iter()
            .map(|id| format!("<samlp:IDPEntry ProviderID=\"{id}\"></samlp:IDPEntry>"))
            .collect::<Vec<_>>()
            .concat();
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
    let many = (0..100)
        .map(|n| format!("<x:e{n} xmlns:x=\"urn:x\" ID=\"e{n}\">y</x:e{n}>"))
        .collect::<Vec<_>>()
        .concat();
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
            carried: Carried::Request,
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
