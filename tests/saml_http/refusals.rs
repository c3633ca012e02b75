//! The closed lists of refusals: each is reached over HTTP, has its own code, its sentence on the page or its status
//! at the ACS, and leaves its event.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::json;
use tessera::applications::create::{NewApplication, Surroundings, create};
use tessera::applications::{binding, delete, sso};
use tessera::directory::people;
use tessera::saml::refusal::{Class, Reason};
use tessera::saml::xml::XmlFault;
use tessera::signon::issue::Denied;

use crate::house::{Answered, BASE, Browser, House};
use crate::sp::{ENTITY_ID, Posted, Request, body_of, escaped, key_pair, query_of, unescaped};

/// Reasons that no request over HTTP can give, because something else stands before them; each has a test of its own
/// beside the code that refuses.
const NOT_OVER_HTTP: [Reason; 11] = [
    // Of clients without a browser, which have tests of their own.
    Reason::ChannelBindings,
    Reason::GeneratedKey,
    // No request's fault: the person presses a button.
    Reason::GivenUp,
    // Without a `SAMLRequest` it is a visit, not a request.
    Reason::MissingRequest,
    // By SOAP only, and only of who signs: both with their readers in `saml::logout`.
    Reason::SoapInvalid,
    Reason::NameIdEncrypted,
    // Neither can be saved, nor activated.
    Reason::RequiredKeyMissing,
    Reason::AcsNone,
    // The message is refused as too large before its XML is looked at.
    Reason::Xml(XmlFault::TooLarge),
    // Wants 64 KiB in one text, and so more than the whole of a message by POST; by Redirect, more than a head holds
    // unless it is a bomb.
    Reason::Xml(XmlFault::TextTooLong),
    // The reader refuses what canonicalisation can't take before a signature is looked at.
    Reason::Xml(XmlFault::NotCanonical),
];

#[derive(Clone)]
enum Sent {
    Query(String),
    Body(String),
}

fn query(request: Request) -> Sent {
    Sent::Query(request.query(None))
}

fn xml(text: impl AsRef<[u8]>) -> Sent {
    Sent::Query(query_of(text))
}

fn with(attributes: &str) -> Sent {
    query(Request::new("_r").with(attributes))
}

fn containing(child: &str) -> Sent {
    query(Request::new("_r").child(child))
}

fn plus(parameters: &str) -> Sent {
    Sent::Query(format!("{}&{parameters}", Request::new("_r").query(None)))
}

fn changed(from: &str, to: &str) -> Sent {
    xml(Request::new("_r").xml().replacen(from, to, 1))
}

/// Refusals of the bindings' outer layer.
fn of_the_binding() -> Vec<(&'static str, Reason, Sent)> {
    vec![
        ("app", Reason::ParameterPollution, plus(&Request::new("_r").query(None))),
        ("app", Reason::BadEncoding, Sent::Query("SAMLRequest=%%%".to_owned())),
        ("app", Reason::UnknownEncoding, plus("SAMLEncoding=gzip")),
        ("app", Reason::BadDeflate, Sent::Query("SAMLRequest=AAAA".to_owned())),
        ("app", Reason::RequestTooLarge, Sent::Body(format!("SAMLRequest={}", "A".repeat(70_000)))),
        ("app", Reason::RelayStateTooLong, plus(&format!("RelayState={}", "r".repeat(2049)))),
        ("strict", Reason::RelayStateOverStandard, plus(&format!("RelayState={}", "r".repeat(81)))),
        ("app", Reason::RelayStateUnusable, plus("RelayState=%00")),
        ("app", Reason::SignatureIncomplete, plus("SigAlg=x")),
        ("app", Reason::SimpleSign, Sent::Body(format!("{}&Signature=AAAA", Request::new("_r").body()))),
    ]
}

/// Refusals by what the message says, before its sender is trusted.
fn of_the_message() -> Vec<(&'static str, Reason, Sent)> {
    let at = |instant: &str| query(Request { issue_instant: instant.to_owned(), ..Request::new("_r") });
    let foreign = Request { issuer: "https://evil.example".to_owned(), ..Request::new("_r") };
    vec![
        (
            "app",
            Reason::NotAnAuthnRequest,
            xml(Request::new("_r").xml().replace("AuthnRequest", "LogoutRequest")),
        ),
        ("app/logout", Reason::NotALogoutMessage, query(Request::new("_r"))),
        ("app", Reason::BadId, query(Request::new("1"))),
        ("app", Reason::BadIssueInstant, at("yesterday")),
        ("app", Reason::IssuerMissing, changed(&format!("<saml:Issuer>{ENTITY_ID}</saml:Issuer>"), "")),
        ("app", Reason::IssuerUnknown, query(foreign)),
        ("app", Reason::IssuerFormat, changed("<saml:Issuer>", "<saml:Issuer Format=\"urn:x\">")),
        ("app", Reason::Stale, at("2026-11-22T07:40:00Z")),
        ("app", Reason::FromTheFuture, at("2026-11-22T08:10:00Z")),
        ("app", Reason::DestinationMismatch, with("Destination=\"https://evil.example\"")),
        ("app", Reason::AcsUnregistered, with("AssertionConsumerServiceURL=\"https://evil.example\"")),
        ("app", Reason::AcsIndexUnknown, with("AssertionConsumerServiceIndex=\"9\"")),
        (
            "app",
            Reason::AcsAmbiguous,
            with(
                "AssertionConsumerServiceIndex=\"0\" AssertionConsumerServiceURL=\"https://sp.example/acs\"",
            ),
        ),
    ]
}

/// Refusals by the signature.
fn of_the_signature(key: &openssl::pkey::PKey<openssl::pkey::Private>) -> Vec<(&'static str, Reason, Sent)> {
    let destination = format!("Destination=\"{BASE}/saml2/signed\"");
    let signed = |request: Request, key| Sent::Query(request.signed_query(key));
    let (stranger, _) = key_pair();
    let empty = Request::new("_r").child("<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>");
    let sha1 = escaped("http://www.w3.org/2000/09/xmldsig#rsa-sha1");
    vec![
        ("signed", Reason::SignatureMissing, query(Request::new("_r"))),
        ("signed", Reason::SignatureMalformed, Sent::Body(empty.body())),
        ("signed", Reason::SignatureEnveloped, query(empty)),
        ("signed", Reason::SignatureAlgorithm, plus(&format!("SigAlg={sha1}&Signature=AAAA"))),
        ("app", Reason::SignatureKeyUnknown, signed(Request::new("_r"), key)),
        ("signed", Reason::SignatureInvalid, signed(Request::new("_r").with(&destination), &stranger)),
        ("signed", Reason::DestinationMissing, signed(Request::new("_r"), key)),
    ]
}

/// Refusals that are answered at the ACS.
fn at_the_acs() -> Vec<(&'static str, Reason, Sent)> {
    let version = |text: &str| changed("Version=\"2.0\"", &format!("Version=\"{text}\""));
    let subject = |inside: &str| containing(&format!("<saml:Subject>{inside}</saml:Subject>"));
    vec![
        ("app", Reason::SchemaViolation, with("ForceAuthn=\"maybe\"")),
        ("app", Reason::VersionTooLow, version("1.1")),
        ("app", Reason::VersionTooHigh, version("3.0")),
        ("app", Reason::VersionInvalid, version("")),
        (
            "app",
            Reason::BindingUnsupported,
            with("ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\""),
        ),
        (
            "app",
            Reason::SubjectConfirmation,
            subject("<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"/>"),
        ),
        ("app", Reason::SubjectMismatch, subject("<saml:NameID>marcus@example.com</saml:NameID>")),
        (
            "app",
            Reason::NameIdPolicy,
            containing("<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos\"/>"),
        ),
        (
            "app",
            Reason::AuthnContext,
            containing(
                "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>https://refeds.org/profile/mfa\
                 </saml:AuthnContextClassRef></samlp:RequestedAuthnContext>",
            ),
        ),
        ("app", Reason::AttributeServiceUnknown, with("AttributeConsumingServiceIndex=\"2\"")),
        ("app", Reason::Passive, with("IsPassive=\"1\" ForceAuthn=\"1\"")),
        (
            "app",
            Reason::IdpNotListed,
            containing(
                "<samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID=\"https://else.example\"/>\
                 </samlp:IDPList></samlp:Scoping>",
            ),
        ),
    ]
}

/// Refusals of the XML.
fn of_the_xml() -> Vec<(&'static str, Reason, Sent)> {
    let plain = || Request::new("_r").xml();
    let many = |count: usize, make: &dyn Fn(usize) -> String| (0..count).map(make).collect::<String>();
    let extensions = |inside: &str| containing(&format!("<samlp:Extensions>{inside}</samlp:Extensions>"));
    let mut not_utf8 = plain().into_bytes();
    not_utf8.splice(not_utf8.len() - 1.., *b"\xff>");
    let nested = format!("{}{}", "<x>".repeat(40), "</x>".repeat(40));
    let spaces = many(40, &|i| format!(" xmlns:n{i}=\"urn:{i}\""));
    let cases = [
        (XmlFault::NotUtf8, Sent::Body(body_of(not_utf8))),
        (XmlFault::NotWellFormed, xml(plain().replace("</samlp:AuthnRequest>", ""))),
        (XmlFault::Doctype, xml(format!("<!DOCTYPE x>{}", plain()))),
        (XmlFault::Entity, extensions("&x;")),
        (XmlFault::ProcessingInstruction, extensions("<?x y?>")),
        (XmlFault::TooDeep, extensions(&nested)),
        (XmlFault::TooManyElements, extensions(&many(2001, &|i| format!("<x{}/>", i % 977)))),
        (XmlFault::TooManyAttributes, extensions(&format!("<x{}/>", many(65, &|i| format!(" a{i}=\"\""))))),
        (XmlFault::TooManyNamespaces, extensions(&format!("<x{spaces}/>"))),
        (XmlFault::DuplicateId, extensions("<x ID=\"_r\"/>")),
        (XmlFault::ForeignId, extensions("<x xml:id=\"_x\"/>")),
        (XmlFault::MixedContent, changed(ENTITY_ID, "https://sp.example/<!---->metadata")),
    ];
    cases.into_iter().map(|(fault, sent)| ("app", Reason::Xml(fault), sent)).collect()
}

async fn send(house: &House, browser: &mut Browser, slug: &str, sent: Sent) -> Answered {
    let path = format!("/saml2/{slug}");
    match sent {
        Sent::Query(query) => house.get(browser, &format!("{path}?{query}")).await,
        Sent::Body(body) => house.post(browser, &path, body).await,
    }
}

/// A page of ours says what happened and what to do; what goes to the ACS says which status, and nothing else.
fn check(reason: Reason, answered: &Answered) {
    let code = reason.code();
    if let Some(status) = reason.status() {
        let posted = Posted::read(&answered.body)
            .unwrap_or_else(|| panic!("{code} is answered at the ACS: {}", answered.body));
        assert_eq!(posted.action, crate::sp::ACS, "{code}");
        assert!(posted.xml.contains(status.top_level()), "{code}: {}", posted.xml);
        assert!(status.second_level().is_none_or(|second| posted.xml.contains(second)), "{code}");
        assert!(!posted.holds_assertion(), "{code}");
        assert!(!posted.xml.contains("StatusMessage") && !posted.xml.contains("StatusDetail"), "{code}");
        return;
    }
    let expected = match reason.class() {
        Class::Malformed => StatusCode::BAD_REQUEST,
        Class::Misbehaved | Class::Incompatible => StatusCode::FORBIDDEN,
        Class::Ours => StatusCode::SERVICE_UNAVAILABLE,
    };
    assert_eq!(answered.status, expected, "{code}: {}", answered.body);
    assert!(Posted::read(&answered.body).is_none(), "{code}");
    let shown = unescaped(&answered.body);
    let sentences = [reason.sentence(), reason.sentence_of_logout()];
    assert!(sentences.iter().any(|sentence| shown.contains(sentence)), "{code}: {shown}");
    assert!(shown.contains(code), "{code} stands in the folded part");
}

#[tokio::test]
async fn saml_128_w_14_every_reason_is_reached_and_leaves_its_event() {
    let house = House::open().await;
    let (key, certificate) = key_pair();
    let services = json!([{ "index": 1, "attributes": [] }]);
    house.application("app", json!({ "attribute_services": services })).await;
    house.application("strict", json!({ "strict_relay_state": true })).await;
    let signed = json!({ "sp_certificates": [certificate], "require_signed_requests": true });
    house.application("signed", signed).await;
    let mut browser = house.member("livia").await;
    let cases = of_the_binding()
        .into_iter()
        .chain(of_the_message())
        .chain(of_the_signature(&key))
        .chain(at_the_acs())
        .chain(of_the_xml());
    let mut reached = Vec::new();
    for (slug, reason, sent) in cases {
        let answered = send(&house, &mut browser, slug, sent).await;
        check(reason, &answered);
        reached.push(reason);
    }
    let mut codes = house.refusal_codes().await;
    let mut expected: Vec<&str> = reached.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(codes, expected, "one event for each");
    let all = Reason::ALL.iter().copied().chain(XmlFault::ALL.iter().copied().map(Reason::Xml));
    let missing: Vec<Reason> =
        all.filter(|reason| !reached.contains(reason) && !NOT_OVER_HTTP.contains(reason)).collect();
    assert!(missing.is_empty(), "no request reaches {missing:?}");
}

/// Addresses that are almost the registered one. More stand with the check itself.
const NEAR_MISSES: [&str; 14] = [
    "https://evil.example/acs",
    "https://sp.example.evil.tld/acs",
    "https://sp.example@evil.tld/acs",
    "https://sp.example:443/acs",
    "http://sp.example/acs",
    "HTTPS://sp.example/acs",
    "https://sp.example/ACS",
    "https://sp.example/acs/",
    "https://sp.example/acs/../evil",
    "https://sp.example/acs?x=y",
    "https://sp.example/acs#",
    "https://sp.example/acs%00",
    "//sp.example/acs",
    "javascript:alert(1)//https://sp.example/acs",
];

#[tokio::test]
async fn a_01_no_answer_goes_to_an_address_that_is_not_registered() {
    let house = House::open().await;
    let (key, certificate) = key_pair();
    let limits = json!({ "saml_refusals_per_address_minute": 1_000, "sign_ons_per_session_minute": 1_000, "sign_ons_per_account_minute": 1_000, "sign_ons_per_application_minute": 1_000 });
    let set = house.api("PATCH", "/settings", "application/json", limits.to_string()).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    house.application("plain", json!({})).await;
    house
        .application("signed", json!({ "sp_certificates": [certificate], "require_signed_requests": true }))
        .await;
    let mut signed_in = house.member("livia").await;
    for url in NEAR_MISSES {
        let attribute = format!("AssertionConsumerServiceURL=\"{url}\"");
        let addressed = format!("{attribute} Destination=\"{BASE}/saml2/signed\"");
        for (slug, sent) in [
            ("plain", Sent::Query(Request::new("_a").with(&attribute).query(Some(url)))),
            ("plain", Sent::Body(Request::new("_b").with(&attribute).body())),
            ("signed", Sent::Query(Request::new("_c").with(&addressed).signed_query(&key))),
        ] {
            for browser in [&mut signed_in, &mut Browser::default()] {
                let answered = send(&house, browser, slug, sent.clone()).await;
                assert_eq!(answered.status, StatusCode::FORBIDDEN, "{url}: {}", answered.body);
                assert!(answered.body.contains("acs_unregistered"), "{url}: {}", answered.body);
                assert!(!answered.body.contains("<form id=\"saml\""), "{url}");
                assert!(!answered.body.contains(&format!("href=\"{url}")), "{url}");
            }
        }
    }
}

#[tokio::test]
async fn saml_107_a_13_what_would_fail_open_can_not_be_saved() {
    let house = House::open().await;
    let (_, certificate) = key_pair();
    let wanted = json!({ "sp_certificates": [certificate], "require_signed_requests": true });
    let application = house.application("app", wanted).await;
    let path = format!("/applications/{}/sso", application.id);
    let patch =
        async |body: serde_json::Value| house.api("PATCH", &path, "application/json", body.to_string()).await;
    for (body, code) in [
        (json!({ "sp_certificates": [] }), "sp_certificate_missing"),
        (json!({ "acs_urls": [] }), "sso_incomplete"),
    ] {
        let refused = patch(body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert!(refused.body.contains(code), "{code}: {}", refused.body);
    }
    // Metadata without a key, and which says nothing of signing, takes the key away: refused as well.
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ENTITY_ID}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:AssertionConsumerService index=\"0\" Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://sp.example/acs\"/></md:SPSSODescriptor></md:EntityDescriptor>"
    );
    let upload = format!("/applications/{}/sp-metadata", application.id);
    let refused = house.api("PUT", &upload, "application/samlmetadata+xml", metadata).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    let mut browser = house.member("livia").await;
    let answered = send(&house, &mut browser, "app", query(Request::new("_u"))).await;
    assert!(Posted::read(&answered.body).is_none(), "unsigned requests are still refused");
}

/// Opens an address and holds the page to its status, its code and its event.
async fn refused(house: &House, browser: &mut Browser, path: &str, status: StatusCode, code: &'static str) {
    let count = async || house.refusal_codes().await.iter().filter(|seen| *seen == code).count();
    let (before, all) = (count().await, house.refusal_codes().await.len());
    let answered = house.get(browser, path).await;
    assert_eq!(answered.status, status, "{code}: {}", answered.body);
    assert!(Posted::read(&answered.body).is_none(), "{code}");
    assert!(answered.body.contains(code), "{code}: {}", answered.body);
    assert_eq!(count().await, before + 1, "{code} leaves an event");
    assert_eq!(house.refusal_codes().await.len(), all + 1, "{code} leaves no other");
}

#[tokio::test]
async fn saml_128_129_w_14_every_refusal_of_sign_on_itself_leaves_its_event() {
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    let house = House::open().await;
    let (db, ctx) = (&house.installation.db, &house.ctx());
    let (key, certificate) = key_pair();
    let off = house.application("off", json!({})).await;
    sso::deactivate(db, ctx, off.id, None).await.unwrap();
    let unbound = house.application("unbound", json!({})).await;
    binding::unbind(db, ctx, unbound.id, house.group).await.unwrap();
    let deleted = house.application("deleted", json!({})).await;
    delete::delete(db, ctx, &[deleted.id], 1).await.unwrap();
    house.application("own", json!({ "idp_initiated": "off" })).await;
    house.application("signed", json!({ "sp_certificates": [certificate] })).await;
    let name_id = |settings: serde_json::Value| json!({ "name_id": settings });
    house.application("empty", name_id(json!({ "format": "unspecified", "source": "job_title" }))).await;
    house.application("odd", name_id(json!({ "format": "emailAddress", "source": "username" }))).await;
    let long = json!([{ "name": "a", "source": "email", "transforms": [{ "prefix": "x".repeat(70_000) }] }]);
    house.application("long", json!({ "attributes": long })).await;
    bookmark(&house).await;
    let mut browser = house.member("livia").await;
    let asked = |slug: &str| format!("/saml2/{slug}?{}", Request::new("_r").query(None));
    for (path, status, code) in [
        (asked("off"), FORBIDDEN, "application_not_active"),
        (asked("unbound"), FORBIDDEN, "not_bound"),
        (asked("deleted"), StatusCode::GONE, "application_deleted"),
        (asked("never"), StatusCode::NOT_FOUND, "unknown_idp_url"),
        ("/saml2/own".to_owned(), FORBIDDEN, "idp_initiated_off"),
        (asked("link"), FORBIDDEN, "not_saml"),
        ("/saml2/own/continue?request=nothing".to_owned(), StatusCode::GONE, "request_expired"),
        (asked("empty"), FORBIDDEN, "name_id_empty"),
        (asked("odd"), FORBIDDEN, "name_id_not_an_address"),
        (asked("long"), StatusCode::SERVICE_UNAVAILABLE, "attribute_too_long"),
    ] {
        refused(&house, &mut browser, &path, status, code).await;
    }
    // SAML-131, with a session and without one.
    let destination = format!("Destination=\"{BASE}/saml2/signed\"");
    for (id, mut who) in [("_one", browser), ("_two", Browser::default())] {
        let query = Request::new(id).with(&destination).signed_query(&key);
        let path = format!("/saml2/signed?{query}");
        assert!(house.get(&mut who, &path).await.status.as_u16() < 400);
        refused(&house, &mut who, &path, FORBIDDEN, "request_replayed").await;
    }
}

async fn bookmark(house: &House) {
    let around = &house.installation;
    let surroundings =
        Surroundings { catalog: &around.catalog, vault: &around.vault, base_url: &around.base_url };
    let new = NewApplication {
        connector: "bookmark".to_owned(),
        label: Some("link".to_owned()),
        slug: Some("link".to_owned()),
        bookmark_url: Some("https://else.example".to_owned()),
        ..NewApplication::default()
    };
    let made = create(&around.db, &house.ctx(), surroundings, new, None).await.unwrap();
    binding::bind(&around.db, &house.ctx(), made.id, house.group).await.unwrap();
    if !made.is_active() {
        sso::activate(&around.db, &house.ctx(), made.id, None).await.unwrap();
    }
}

#[test]
fn saml_129_w_14_every_denial_has_a_code_and_a_sentence_of_its_own() {
    let denials = [Denied::NotActive, Denied::NotBound, Denied::PersonNotActive].map(|denied| {
        // A denial more is a line more here.
        match denied {
            Denied::NotActive | Denied::NotBound | Denied::PersonNotActive => denied.refused("Heap"),
        }
    });
    let codes: BTreeSet<&str> = denials.iter().map(|refused| refused.code).collect();
    let sentences: BTreeSet<&str> = denials.iter().map(|refused| refused.message.as_str()).collect();
    assert_eq!((codes.len(), sentences.len()), (3, 3));
    let protocol: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert!(codes.is_disjoint(&protocol), "one code, one meaning");
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
}

#[tokio::test]
async fn saml_129_a_person_suspended_meanwhile_is_asked_to_sign_in_and_never_let_on() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    people::suspend(&house.installation.db, &house.ctx(), browser.user.unwrap()).await.unwrap();
    let sent = send(&house, &mut browser, "app", query(Request::new("_r"))).await;
    let typed = house.log_in(&mut browser, &sent.location(), "livia").await;
    assert_eq!(typed.status, StatusCode::UNAUTHORIZED, "A-26: as if the password were wrong");
    assert!(Posted::read(&typed.body).is_none());
}
