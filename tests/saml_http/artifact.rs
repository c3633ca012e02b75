//! Responses by artifact over HTTP: fetched once, in time, by the service provider that they were made for, and by
//! nobody else (ART-601).

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use openssl::pkey::{PKey, Private};
use serde_json::{Value, json};
use tessera::applications::sso;
use tessera::auth::session;
use tessera::db::sql;
use tessera::saml::soap::envelope;

use crate::house::{Answered, Browser, House};
use crate::sp::{ENTITY_ID, Posted, Request, enveloped, key_pair, unescaped};

const BINDING: &str = "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\"";
const AT: &str = "https://sp.example/artifact";

on_both_databases!(
    art_601_what_an_artifact_stands_for_is_given_once_to_whom_it_was_made_for,
    art_601_artifacts_count_for_a_minute_and_only_while_the_session_stands,
    art_601_errors_go_by_artifact_too_and_are_bounded,
);

/// An application that takes both bindings, and its service provider's key.
async fn application(house: &House, slug: &str, more: Value) -> PKey<Private> {
    let (key, pem) = key_pair();
    let mut settings = json!({ "sp_certificates": [pem], "acs_urls": [
        { "url": "https://sp.example/acs", "binding": "post" }, { "url": AT, "binding": "artifact" }] });
    for (field, value) in more.as_object().unwrap() {
        settings[field] = value.clone();
    }
    house.application(slug, settings).await;
    key
}

/// The artifact that a page posts, and where.
fn artifact_of(page: &Answered) -> (String, String) {
    let between = |start: &str| {
        let from = page.body.find(start).unwrap_or_else(|| panic!("no {start}: {}", page.body)) + start.len();
        unescaped(&page.body[from..from + page.body[from..].find('"').unwrap()])
    };
    assert!(Posted::read(&page.body).is_none(), "no response beside it");
    (between("name=\"SAMLart\" value=\""), between("method=\"post\" action=\""))
}

async fn issue(house: &House, browser: &mut Browser, slug: &str, id: &str) -> String {
    let query = Request::new(id).with(BINDING).query(Some("here & there"));
    let page = house.get(browser, &format!("/saml2/{slug}?{query}")).await;
    let (artifact, action) = artifact_of(&page);
    assert_eq!(action, AT);
    assert!(page.body.contains("name=\"RelayState\""));
    artifact
}

fn resolve(house: &House, id: &str, artifact: &str, by: Option<&PKey<Private>>) -> String {
    let text = format!(
        "<samlp:ArtifactResolve xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"{id}\" \
         IssueInstant=\"{}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
         {ENTITY_ID}</saml:Issuer><samlp:Artifact>{artifact}</samlp:Artifact></samlp:ArtifactResolve>",
        house.ctx().now().to_xs_date_time()
    );
    envelope(&by.map_or(text.clone(), |by| enveloped(&text, id, by)))
}

async fn send(house: &House, slug: &str, body: String) -> Answered {
    let request = HttpRequest::post(format!("/saml2/{slug}/artifact"))
        .header("content-type", "text/xml")
        .header("soapaction", "http://www.oasis-open.org/committees/security")
        .body(Body::from(body))
        .unwrap();
    house.send(&mut Browser::default(), request).await
}

/// Whether it is an answer of success, and whether it holds a response.
fn judged(answer: &Answered) -> bool {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(answer.body.contains("<p:ArtifactResponse") && answer.body.contains("status:Success"));
    assert!(answer.body.contains("SignatureValue"), "the answer is signed whatever is in it");
    answer.body.contains("<samlp:Response")
}

async fn art_601_what_an_artifact_stands_for_is_given_once_to_whom_it_was_made_for(house: House) {
    let (sp, other) = (
        application(&house, "a", json!({ "sign": "assertion" })).await,
        application(&house, "b", json!({})).await,
    );
    let metadata = house.get(&mut Browser::default(), "/saml2/a/metadata").await.body;
    let service = "<md:ArtifactResolutionService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\" \
        Location=\"https://id.example/saml2/a/artifact\" index=\"0\" isDefault=\"true\">";
    assert!(metadata.contains(service), "{metadata}");
    let mut browser = house.member("livia").await;
    let artifact = issue(&house, &mut browser, "a", "_1").await;
    if house.is_on_disk() {
        // What is stored neither holds the response nor the artifact.
        let disk = house.disk();
        assert!(!disk.windows(artifact.len()).any(|bytes| bytes == artifact.as_bytes()));
        assert!(!disk.windows(16).any(|bytes| bytes == b"<samlp:Response "));
    }
    // Nobody else: unsigned, by another key, at another application, with a certificate that it brings itself.
    for (slug, by, code) in [
        ("a", None, "signature_missing"),
        ("a", Some(&other), "signature_invalid"),
        ("b", Some(&sp), "signature_invalid"),
    ] {
        let answer = send(&house, slug, resolve(&house, "_r0", &artifact, by)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.body.contains(code), "{}", answer.body);
    }
    assert!(!judged(&send(&house, "b", resolve(&house, "_r1", &artifact, Some(&other))).await));
    let tampered = format!("AAQAAA{}", &artifact[6..artifact.len() - 4].to_owned()) + "AAA=";
    assert!(!judged(&send(&house, "a", resolve(&house, "_r2", &tampered, Some(&sp))).await));
    // The one that it is for has it, whole and signed itself, although only assertions are signed else.
    let question = resolve(&house, "_r3", &artifact, Some(&sp));
    let answer = send(&house, "a", question.clone()).await;
    assert!(judged(&answer));
    assert_eq!(answer.body.matches("<ds:SignatureValue>").count(), 3, "answer, response, assertion");
    assert!(answer.body.contains("InResponseTo=\"_r3\"") && answer.body.contains("InResponseTo=\"_1\""));
    assert!(
        answer.body.contains("livia@example.com") && answer.body.contains(&format!("Destination=\"{AT}\""))
    );
    // Once: neither a new question nor the old one again.
    assert!(!judged(&send(&house, "a", resolve(&house, "_r4", &artifact, Some(&sp))).await));
    let replayed = send(&house, "a", question).await;
    assert!(replayed.body.contains("request_replayed"), "{}", replayed.body);
    let codes = house.refusal_codes().await;
    assert_eq!(codes.iter().filter(|code| *code == "artifact_unknown").count(), 3, "{codes:?}");
    // Many at once: one has it.
    let artifact = issue(&house, &mut browser, "a", "_2").await;
    let questions =
        (0..8).map(|n| send(&house, "a", resolve(&house, &format!("_many{n}"), &artifact, Some(&sp))));
    let questions: Vec<_> = questions.collect();
    let answers = futures_util::future::join_all(questions).await;
    assert_eq!(answers.iter().filter(|answer| judged(answer)).count(), 1);
}

async fn art_601_artifacts_count_for_a_minute_and_only_while_the_session_stands(house: House) {
    let sp = application(&house, "a", json!({})).await;
    let mut browser = house.member("livia").await;
    let late = issue(&house, &mut browser, "a", "_1").await;
    let timely = issue(&house, &mut browser, "a", "_2").await;
    house.clock.advance(59_999);
    assert!(judged(&send(&house, "a", resolve(&house, "_r1", &timely, Some(&sp))).await));
    house.clock.advance(1);
    assert!(!judged(&send(&house, "a", resolve(&house, "_r2", &late, Some(&sp))).await));
    let artifact = issue(&house, &mut browser, "a", "_3").await;
    session::revoke_all(&house.installation.db, &house.ctx(), browser.user.unwrap(), None).await.unwrap();
    assert!(!judged(&send(&house, "a", resolve(&house, "_r3", &artifact, Some(&sp))).await), "A-14");
    house.sign_in(&mut browser, "livia").await;
    let artifact = issue(&house, &mut browser, "a", "_last").await;
    let mut tx = house.installation.db.begin().await.unwrap();
    let soon = sql("UPDATE sessions SET expires_at = $1").bind(house.clock.now().plus(1000));
    tx.run(soon).await.unwrap();
    tx.commit().await.unwrap();
    house.clock.advance(1000);
    assert!(
        !judged(&send(&house, "a", resolve(&house, "_rlast", &artifact, Some(&sp))).await),
        "nor past its end"
    );
    house.sign_in(&mut browser, "livia").await;
    let artifact = issue(&house, &mut browser, "a", "_4").await;
    let listed = house.api("GET", "/applications", "application/json", "").await;
    let listed: Value = serde_json::from_str(&listed.body).unwrap();
    let id = listed["items"][0]["id"].as_str().unwrap().parse().unwrap();
    sso::deactivate(&house.installation.db, &house.ctx(), id, None).await.unwrap();
    let off = send(&house, "a", resolve(&house, "_r4", &artifact, Some(&sp))).await;
    assert!(off.body.contains("application_not_active"), "{}", off.body);
    assert!(tessera::signon::pending::sweep(&house.installation.db, house.ctx().now()).await.unwrap() > 0);
}

async fn art_601_errors_go_by_artifact_too_and_are_bounded(house: House) {
    let sp = application(&house, "a", json!({})).await;
    let mut nobody = Browser::default();
    let passive = |id: &str| Request::new(id).with(BINDING).with("IsPassive=\"true\"").query(None);
    let page = house.get(&mut nobody, &format!("/saml2/a?{}", passive("_1"))).await;
    let (artifact, _) = artifact_of(&page);
    let answer = send(&house, "a", resolve(&house, "_r1", &artifact, Some(&sp))).await;
    assert!(judged(&answer));
    assert!(answer.body.contains("status:NoPassive") && !answer.body.contains("<saml:Assertion"));
    assert_eq!(
        answer.body.matches("<ds:SignatureValue>").count(),
        2,
        "answer and response, though nobody is signed in"
    );
    // Of what anybody can have made, the newest are kept; those of signed-in people stay.
    let mut browser = house.member("livia").await;
    let mine = issue(&house, &mut browser, "a", "_mine").await;
    let mut made = Vec::new();
    for n in 0..60 {
        house.clock.advance(1);
        let page = house.get(&mut nobody, &format!("/saml2/a?{}", passive(&format!("_e{n}")))).await;
        made.push(artifact_of(&page).0);
    }
    assert!(!judged(&send(&house, "a", resolve(&house, "_r2", &made[9], Some(&sp))).await));
    assert!(judged(&send(&house, "a", resolve(&house, "_r3", &made[10], Some(&sp))).await));
    assert!(judged(&send(&house, "a", resolve(&house, "_r4", &mine, Some(&sp))).await));
}

#[tokio::test]
async fn art_601_without_a_key_of_the_service_provider_there_are_no_artifacts() {
    let house = House::open().await;
    let made = house.application("a", json!({})).await;
    let path = format!("/applications/{}/sso", made.id);
    let wanted = json!({ "acs_urls": [{ "url": AT, "binding": "artifact" }] }).to_string();
    let refused = house.api("PATCH", &path, "application/json", wanted.clone()).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("artifact_needs_certificate") && refused.body.contains("acs_urls.0.binding")
    );
    let (_, pem) = key_pair();
    let certificate = json!({ "sp_certificates": [pem] }).to_string();
    assert_eq!(house.api("PATCH", &path, "application/json", certificate).await.status, StatusCode::OK);
    assert_eq!(house.api("PATCH", &path, "application/json", wanted).await.status, StatusCode::OK);
    let taken_away = json!({ "sp_certificates": [] }).to_string();
    let refused = house.api("PATCH", &path, "application/json", taken_away).await;
    assert!(refused.body.contains("artifact_needs_certificate"), "{}", refused.body);
    let metadata = house.get(&mut Browser::default(), "/saml2/a/metadata").await.body;
    assert!(metadata.contains("ArtifactResolutionService"));
    // Sign-ons that begin here go the same way.
    let mut browser = house.member("livia").await;
    let (_, action) = artifact_of(&house.get(&mut browser, "/saml2/a").await);
    assert_eq!(action, AT);
}
