//! Applications that start, receive and refuse, asked through the router.

use axum::body::Body;
use base64::Engine as _;
use futures_util::future::BoxFuture;
use tower::ServiceExt as _;

use super::*;
use crate::base::name_id::NameIdFormat;
use crate::base::signature::SignMode;
use crate::base::{Clock, Random, Timestamp};
use crate::lab::{IdpCertificates, Lab, LabSp};
use crate::saml::names::{ATTRIBUTE_BASIC, AUTHN_PASSWORD_PROTECTED};
use crate::saml::testing::{IDP, Identity, MALLORY};
use crate::saml::{
    Attribute, Binding, Lifetimes, NameId, ResponseInput, SignatureAlgorithm, decode_post, decode_redirect,
};

const ORIGIN: &str = "http://127.0.0.1:4000";
const NOW: Timestamp = Timestamp(1_795_334_400_000);

fn lab() -> Arc<Shared> {
    let lab = Shared::new(ORIGIN.to_owned(), Clock::frozen(NOW), Random::seeded(7), None);
    lab.register(sp("crm")).unwrap();
    lab.register(sp("wiki")).unwrap();
    Arc::new(lab)
}

fn sp(name: &str) -> LabSp {
    LabSp {
        name: name.to_owned(),
        label: name.to_uppercase(),
        idp_url: format!("http://localhost:8080/saml2/{name}"),
        idp_entity_id: format!("http://localhost:8080/saml2/{name}/metadata"),
        idp_certificate: pem(&IDP),
        entity_id: format!("https://{name}.example"),
        note: None,
    }
}

fn pem(identity: &Identity) -> String {
    let pem = openssl::x509::X509::from_der(&identity.certificate).unwrap().to_pem().unwrap();
    String::from_utf8(pem).unwrap()
}

async fn ask(lab: &Arc<Shared>, request: axum::http::Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = router(Arc::clone(lab)).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(lab: &Arc<Shared>, path: &str) -> (StatusCode, HeaderMap, String) {
    ask(lab, axum::http::Request::get(path).body(Body::empty()).unwrap()).await
}

/// A Response for `crm`, bent by a test.
struct Answer<'a> {
    sign: SignMode,
    signer: &'a Identity,
    issuer: &'a str,
    acs: &'a str,
    audience: &'a str,
    in_response_to: Option<&'a str>,
    issued_at: Timestamp,
    assertion_id: &'a str,
}

impl Default for Answer<'_> {
    fn default() -> Self {
        Self {
            sign: SignMode::Both,
            signer: &IDP,
            issuer: "http://localhost:8080/saml2/crm/metadata",
            acs: "http://127.0.0.1:4000/acs/crm",
            audience: "https://crm.example",
            in_response_to: None,
            issued_at: NOW,
            assertion_id: "_a1",
        }
    }
}

impl Answer<'_> {
    fn xml(&self) -> String {
        let attributes = [Attribute {
            name: "email".to_owned(),
            name_format: ATTRIBUTE_BASIC.to_owned(),
            friendly_name: None,
            values: vec!["livia@example.com".to_owned()],
        }];
        let name_id = NameId {
            format: NameIdFormat::EmailAddress,
            value: "livia <R&D>@example.com".to_owned(),
            name_qualifier: None,
            sp_name_qualifier: None,
        };
        let input = ResponseInput {
            response_id: "_r1",
            assertion_id: self.assertion_id,
            issued_at: self.issued_at,
            issuer: self.issuer,
            acs_url: self.acs,
            in_response_to: self.in_response_to,
            audience: self.audience,
            name_id: Some(&name_id),
            authn_instant: self.issued_at,
            session_index: "_s1",
            session_not_on_or_after: None,
            authn_context_class: AUTHN_PASSWORD_PROTECTED,
            attributes: &attributes,
            advice: None,
            lifetimes: Lifetimes::default(),
            encryption: None,
        };
        let signer = self.signer.signer(SignatureAlgorithm::RsaSha256);
        input.sign(self.sign, &signer).unwrap().as_xml().to_owned()
    }

    async fn post(&self, lab: &Arc<Shared>) -> (String, String) {
        post(lab, "crm", &self.xml(), None).await
    }
}

async fn post(lab: &Arc<Shared>, name: &str, xml: &str, relay_state: Option<&str>) -> (String, String) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("SAMLResponse", &STANDARD.encode(xml));
    if let Some(state) = relay_state {
        form.append_pair("RelayState", state);
    }
    let request = axum::http::Request::post(format!("/acs/{name}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.finish()))
        .unwrap();
    let (_, headers, body) = ask(lab, request).await;
    (headers.get(VERDICT).map_or("none", |value| value.to_str().unwrap()).to_owned(), body)
}

#[tokio::test]
async fn what_a_good_response_says_is_shown_escaped() {
    for sign in [SignMode::Both, SignMode::Response, SignMode::Assertion] {
        let (verdict, body) = Answer { sign, ..Answer::default() }.post(&lab()).await;
        assert_eq!(verdict, "accepted", "{sign:?} {body}");
        assert!(body.contains("livia &#60;R&#38;D&#62;@example.com"), "{body}");
        assert!(body.contains("livia@example.com") && body.contains("_s1"));
    }
}

#[tokio::test]
async fn what_a_careful_application_refuses_is_refused() {
    let other_acs = "http://127.0.0.1:4000/acs/wiki";
    let cases = [
        ("Signature of the response", Answer { signer: &MALLORY, ..Answer::default() }),
        ("Issuer of the assertion", Answer { issuer: "https://evil.example", ..Answer::default() }),
        ("Recipient", Answer { acs: other_acs, ..Answer::default() }),
        ("Audience", Answer { audience: "https://wiki.example", ..Answer::default() }),
        ("Answers a request of ours", Answer { in_response_to: Some("_never"), ..Answer::default() }),
        ("Conditions in time", Answer { issued_at: NOW.plus(-600_000), ..Answer::default() }),
        ("Conditions in time", Answer { issued_at: NOW.plus(600_000), ..Answer::default() }),
    ];
    for (check, answer) in cases {
        let (verdict, body) = answer.post(&lab()).await;
        assert_eq!(verdict, "refused", "{check}");
        let row = body.split("<tr ").find(|row| row.contains(&format!("data-head>{check}</td>"))).unwrap();
        assert!(row.contains("Failed"), "{check}: {row}");
    }
    let changed = Answer::default().xml().replace("livia@example.com", "gaius@example.com");
    assert_eq!(post(&lab(), "crm", &changed, None).await.0, "refused");
    let xml = Answer::default().xml();
    let signature = xml.find("<ds:Signature ").unwrap()..xml.rfind("</ds:Signature>").unwrap() + 15;
    let bare = format!("{}{}", &xml[..signature.start], &xml[signature.end..]);
    for xml in [bare.as_str(), "", "<x/>", "<!DOCTYPE x><x/>"] {
        assert_eq!(post(&lab(), "crm", xml, None).await.0, "refused", "{xml}");
    }
}

#[tokio::test]
async fn a_02_a_wrapped_assertion_is_refused() {
    let xml = Answer { sign: SignMode::Assertion, ..Answer::default() }.xml();
    let at = xml.find("<saml:Assertion").unwrap();
    let evil =
        xml[at..xml.rfind("</samlp:Response>").unwrap()].replace("_a1", "_a2").replace("livia", "gaius");
    let wrapped = format!("{}{evil}{}", &xml[..at], &xml[at..]);
    assert_eq!(post(&lab(), "crm", &wrapped, None).await.0, "refused");
}

#[tokio::test]
async fn an_assertion_is_used_once() {
    let lab = lab();
    assert_eq!(Answer::default().post(&lab).await.0, "accepted");
    assert_eq!(Answer::default().post(&lab).await.0, "refused");
    assert_eq!(Answer { assertion_id: "_a2", ..Answer::default() }.post(&lab).await.0, "accepted");
}

/// The ID of the request that an answer of `/start` carries.
fn request_id(xml: &[u8]) -> String {
    let text = String::from_utf8(xml.to_vec()).unwrap();
    text.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_on_by_redirect_is_answered_once_with_its_relay_state() {
    let lab = lab();
    let (status, headers, _) = get(&lab, "/start/crm?relay_state=a%26b").await;
    assert_eq!(status, StatusCode::FOUND);
    let location = headers[header::LOCATION].to_str().unwrap();
    let query = location.strip_prefix("http://localhost:8080/saml2/crm?").unwrap();
    let message = decode_redirect(query).unwrap();
    assert_eq!((message.binding, message.relay_state.unwrap().as_str()), (Binding::Redirect, "a&b"));
    let id = request_id(&message.xml);
    let answer = Answer { in_response_to: Some(&id), ..Answer::default() };
    assert_eq!(post(&lab, "crm", &answer.xml(), Some("a&b")).await.0, "accepted");
    let again = Answer { in_response_to: Some(&id), assertion_id: "_a2", ..Answer::default() };
    assert_eq!(post(&lab, "crm", &again.xml(), Some("a&b")).await.0, "refused", "answered already");
    let (_, headers, _) = get(&lab, "/start/crm?relay_state=x").await;
    let location = headers[header::LOCATION].to_str().unwrap().to_owned();
    let id = request_id(&decode_redirect(location.split_once('?').unwrap().1).unwrap().xml);
    let bent = Answer { in_response_to: Some(&id), assertion_id: "_a3", ..Answer::default() };
    assert_eq!(post(&lab, "crm", &bent.xml(), Some("y")).await.0, "refused", "another RelayState");
}

#[tokio::test]
async fn a_sign_on_by_post_needs_no_script() {
    let lab = lab();
    let (status, headers, body) = get(&lab, "/start/crm?binding=post&force_authn=true").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("form-action"));
    assert!(body.contains("<form id=\"saml\" method=\"post\" action=\"http://localhost:8080/saml2/crm\">"));
    let value = body.split("name=\"SAMLRequest\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let value = value.replace("&#43;", "+").replace("&#61;", "=");
    let form =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLRequest", &value).finish();
    let xml = String::from_utf8(decode_post(&form).unwrap().xml).unwrap();
    assert!(xml.contains(" ForceAuthn=\"true\"") && xml.contains("<saml:Issuer"), "{xml}");
}

#[tokio::test]
async fn pages_files_and_metadata_are_served() {
    let lab = lab();
    for (path, status, part) in [
        ("/", 200, "Sign in to CRM"),
        ("/static/app.css", 200, ".card"),
        ("/static/tokens.css", 200, "--"),
        ("/metadata/crm", 200, "Location=\"http://127.0.0.1:4000/acs/crm\""),
        ("/metadata/none", 404, "no such application"),
        ("/start/none", 404, "no such application"),
    ] {
        let (answered, headers, body) = get(&lab, path).await;
        assert_eq!(answered, status, "{path}");
        assert!(body.contains(part), "{path}: {body}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_in_memory() {
    let lab = lab();
    let long = "a".repeat(2049);
    let (status, _, body) = get(&lab, &format!("/start/crm?relay_state={long}")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("at most 2048 bytes"), "{body}");
    assert_eq!(get(&lab, &format!("/start/crm?relay_state={}", &long[1..])).await.0, StatusCode::FOUND);
    let foreign = Answer { signer: &MALLORY, ..Answer::default() };
    assert_eq!(foreign.post(&lab).await.0, "refused");
    lab.sent.run_pending_tasks();
    lab.seen.run_pending_tasks();
    assert_eq!((lab.sent.entry_count(), lab.seen.entry_count()), (1, 0));
    assert_eq!(Answer::default().post(&lab).await.0, "accepted", "a stranger can't use up its ID");
    lab.seen.run_pending_tasks();
    assert_eq!(lab.seen.entry_count(), 1);
}

/// Metadata that says another certificate than the one at registration.
#[derive(Debug)]
struct Rotated(Vec<String>);

impl IdpCertificates for Rotated {
    fn published<'a>(&'a self, _: &'a str) -> BoxFuture<'a, crate::base::Result<Vec<String>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

#[tokio::test]
async fn md_310_a_lab_goes_by_what_is_published_now() {
    let knows = |published: Vec<String>| {
        let certificates: Arc<dyn IdpCertificates> = Arc::new(Rotated(published));
        let lab = Shared::new(ORIGIN.to_owned(), Clock::frozen(NOW), Random::seeded(1), Some(certificates));
        let lab = Arc::new(lab);
        lab.register(sp("crm")).unwrap();
        lab
    };
    let (ours, other) = (pem(&IDP), pem(&MALLORY));
    assert_eq!(Answer::default().post(&knows(vec![other.clone(), ours])).await.0, "accepted", "one of two");
    assert_eq!(Answer::default().post(&knows(vec![other])).await.0, "refused", "it was withdrawn");
    assert_eq!(Answer::default().post(&knows(Vec::new())).await.0, "accepted", "nothing to be had");
}

#[test]
fn a_lab_knows_where_it_is_and_takes_applications() {
    let at = |address: &str, origin: Option<&str>| {
        let address = address.parse().unwrap();
        Lab::new(address, origin.map(str::to_owned), Clock::frozen(NOW), Random::seeded(1), None)
    };
    let lab = at("127.0.0.1:4000", None);
    assert_eq!(lab.acs_url("crm"), "http://127.0.0.1:4000/acs/crm");
    let known = at("0.0.0.0:4000", Some("https://lab.example"));
    assert_eq!(known.acs_url("crm"), "https://lab.example/acs/crm", "behind a proxy");
    assert_eq!(at("0.0.0.0:4000", None).origin(), "http://127.0.0.1:4000", "an address one can go to");
    lab.register(sp("crm")).unwrap();
    assert_eq!(lab.register(LabSp { name: "a/b".into(), ..sp("crm") }).unwrap_err().fields[0].field, "name");
    let broken = LabSp { idp_certificate: "none".into(), ..sp("crm") };
    assert_eq!(lab.register(broken).unwrap_err().fields[0].field, "idp_certificate");
}
