//! The service provider begins.

use axum::http::StatusCode;
use serde_json::json;
use tessera::applications::{binding, sso};
use tessera::base::clock::MINUTE;
use tessera::directory::people;

use crate::house::{Browser, House};
use crate::sp::{ACS, Posted, Request, key_pair};

#[tokio::test]
async fn saml_101_202_203_204_request_by_redirect_is_answered_at_the_acs() {
    let house = House::open().await;
    house.application("app", json!({ "attributes": [{ "name": "dept", "source": "department" }] })).await;
    let mut browser = house.member("livia").await;
    let query = Request::new("_r1").query(Some("state \"<&'+%41é"));
    let answered = house.get_from_elsewhere(&mut browser, &format!("/saml2/app?{query}")).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    let posted = Posted::read(&answered.body).expect("a response");
    assert_eq!(posted.action, ACS);
    assert_eq!(posted.relay_state.as_deref(), Some("state \"<&'+%41é"), "SAML-126: byte for byte");
    assert_eq!(posted.in_response_to().as_deref(), Some("_r1"));
    assert_eq!(posted.name_id().as_deref(), Some("livia@example.com"));
    assert_eq!(posted.value("Destination=\"", "\"").as_deref(), Some(ACS));
    assert_eq!(posted.value("Recipient=\"", "\"").as_deref(), Some(ACS));
    assert_eq!(posted.value("<saml:Audience>", "<").as_deref(), Some(crate::sp::ENTITY_ID));
    assert_eq!(posted.xml.matches("<saml:Assertion").count(), 1);
    assert_eq!(posted.xml.matches("<ds:SignatureValue>").count(), 2, "response and assertion, by default");
    assert!(posted.xml.contains("Sales &amp; &lt;Care&gt;"));
    // SAML-217: nothing keeps the page, and it may post to the ACS.
    assert_eq!(answered.header("cache-control"), "no-store");
    assert!(!answered.header("content-security-policy").contains("form-action 'self'"));
    let events = house.events("sso_auth").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["initiated_by"], "sp");
}

#[tokio::test]
async fn saml_213_only_the_name_id_is_released_by_default() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let answered = house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_r").query(None))).await;
    let posted = Posted::read(&answered.body).unwrap();
    assert!(!posted.xml.contains("AttributeStatement"));
    assert_eq!(posted.relay_state, None, "no field when none came");
}

#[tokio::test]
async fn a_24_request_by_post_finds_the_session_by_a_same_site_get() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let parked = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_p").body()).await;
    assert_eq!(parked.status, StatusCode::SEE_OTHER, "{}", parked.body);
    let onward = parked.location();
    assert!(onward.starts_with("/saml2/app/continue?request="), "{onward}");
    let answered = house.get(&mut browser, &onward).await;
    let posted = Posted::read(&answered.body).expect("no second sign-in");
    assert_eq!(posted.in_response_to().as_deref(), Some("_p"));
    // the handle answers once.
    let again = house.get(&mut browser, &onward).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert!(Posted::read(&again.body).is_none());
}

#[tokio::test]
async fn a_15_many_tabs_answer_one_request_once() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let parked = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_p").body()).await;
    let onward = parked.location();
    let tabs = (0..20).map(|_| {
        let (mut browser, onward, house) = (browser.clone(), onward.clone(), &house);
        async move { Posted::read(&house.get(&mut browser, &onward).await.body).is_some() }
    });
    let answered = futures_util::future::join_all(tabs).await;
    assert_eq!(answered.iter().filter(|answered| **answered).count(), 1);
    assert_eq!(house.events("sso_auth").await.len(), 1);
}

#[tokio::test]
async fn handle_counts_only_in_the_browser_that_brought_it_and_for_half_an_hour() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = Browser::default();
    let sent = house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_r").query(None))).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let handle = sent.location().split("request=").nth(1).unwrap().to_owned();
    let onward = format!("/saml2/app/continue?request={handle}");
    // A signed-in stranger with the handle gets nothing.
    let mut other = house.member("marcus").await;
    let stolen = house.get(&mut other, &onward).await;
    assert_eq!(stolen.status, StatusCode::GONE);
    // Its own browser, signed in meanwhile, does.
    house.person("livia", true).await;
    house.sign_in(&mut browser, "livia").await;
    house.clock.advance(29 * MINUTE);
    let answered = house.get(&mut browser, &onward).await;
    assert!(Posted::read(&answered.body).is_some(), "{}", answered.body);
    // A later one is too old after half an hour.
    let mut late = Browser::default();
    let query =
        Request { issue_instant: "2026-11-22T08:29:00Z".to_owned(), ..Request::new("_late") }.query(None);
    let sent = house.get(&mut late, &format!("/saml2/app?{query}")).await;
    let onward = sent.location().replace("/login?", "/saml2/app/continue?");
    house.sign_in(&mut late, "livia").await;
    house.clock.advance(31 * MINUTE);
    assert_eq!(house.get(&mut late, &onward).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn saml_119_passive_request_without_a_session_is_answered_without_a_page() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut nobody = Browser::default();
    let query = Request::new("_r").with("IsPassive=\"true\"").query(None);
    let answered = house.get(&mut nobody, &format!("/saml2/app?{query}")).await;
    let posted = Posted::read(&answered.body).unwrap();
    assert_eq!(posted.status(), ["Responder", "NoPassive"]);
    assert!(!posted.holds_assertion());
    assert!(!posted.is_signed(), "SAML-209: nobody anonymous gets signed XML");
    // By POST the same, after the bounce.
    let parked = house
        .post_from_elsewhere(&mut nobody, "/saml2/app", Request::new("_p").with("IsPassive=\"1\"").body())
        .await;
    let answered = house.get(&mut nobody, &parked.location()).await;
    assert_eq!(Posted::read(&answered.body).unwrap().status(), ["Responder", "NoPassive"]);
    // With a session it is answered silently, ForceAuthn makes it impossible.
    let mut browser = house.member("livia").await;
    let query = Request::new("_s").with("IsPassive=\"true\"").query(None);
    let answered = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
    assert!(Posted::read(&answered.body).unwrap().holds_assertion());
    let query = Request::new("_f").with("IsPassive=\"true\" ForceAuthn=\"true\"").query(None);
    let answered = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
    let posted = Posted::read(&answered.body).unwrap();
    assert_eq!(posted.status(), ["Responder", "NoPassive"]);
    assert!(posted.is_signed(), "a person with a session gets it signed");
}

#[tokio::test]
async fn saml_118_force_authn_is_not_met_by_a_session() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    for flag in ["true", "1"] {
        let query = Request::new("_f").with(&format!("ForceAuthn=\"{flag}\"")).query(None);
        let sent = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
        assert!(sent.location().starts_with("/login?request="));
        // Skipping the form does not help, nor does a sign-in in another tab.
        let onward = sent.location().replace("/login?", "/saml2/app/continue?");
        let skipped = house.get(&mut browser, &onward).await;
        assert_eq!(skipped.location(), sent.location());
        house.clock.advance(1000);
        house.sign_in(&mut browser, "livia").await;
        let skipped = house.get(&mut browser, &onward).await;
        assert_eq!(skipped.location(), sent.location());
    }
}

#[tokio::test]
async fn saml_129_access_is_decided_when_the_response_is_issued() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let parked = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_p").body()).await;
    binding::unbind(&house.installation.db, &house.ctx(), application.id, house.group).await.unwrap();
    let answered = house.get(&mut browser, &parked.location()).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN);
    assert!(
        answered.body.contains("You can&#39;t open app yet")
            || answered.body.contains("You can't open app yet")
    );
    assert!(Posted::read(&answered.body).is_none());
    let refused = house.events("sso_refused").await;
    assert!(refused.iter().any(|event| event.details["code"] == "not_bound"));
}

#[tokio::test]
async fn saml_129_denial_goes_to_the_sp_where_the_application_says_so() {
    let house = House::open().await;
    house.application("app", json!({ "deny_to": "sp" })).await;
    house.person("outsider", false).await;
    let mut browser = Browser::default();
    house.sign_in(&mut browser, "outsider").await;
    let answered =
        house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_r").query(Some("x")))).await;
    let posted = Posted::read(&answered.body).unwrap();
    assert_eq!(posted.status(), ["Responder", "RequestDenied"]);
    assert_eq!(posted.in_response_to().as_deref(), Some("_r"));
    assert_eq!(posted.relay_state.as_deref(), Some("x"));
    assert!(!posted.holds_assertion());
}

#[tokio::test]
async fn saml_129_so_does_what_can_not_be_told_of_a_person() {
    let house = House::open().await;
    let empty = json!({ "format": "unspecified", "source": "job_title" });
    let odd = json!({ "format": "emailAddress", "source": "username" });
    let long = json!([{ "name": "a", "source": "email", "transforms": [{ "prefix": "x".repeat(70_000) }] }]);
    house.application("empty", json!({ "deny_to": "sp", "name_id": empty })).await;
    house.application("odd", json!({ "deny_to": "sp", "name_id": odd })).await;
    house.application("long", json!({ "deny_to": "sp", "attributes": long })).await;
    let mut browser = house.member("livia").await;
    for (slug, code) in
        [("empty", "name_id_empty"), ("odd", "name_id_not_an_address"), ("long", "attribute_too_long")]
    {
        let path = format!("/saml2/{slug}?{}", Request::new("_r").query(Some("x")));
        let posted = Posted::read(&house.get(&mut browser, &path).await.body).unwrap();
        assert_eq!(posted.status(), ["Responder", "RequestDenied"], "{slug}");
        assert_eq!(posted.in_response_to().as_deref(), Some("_r"));
        assert!(!posted.holds_assertion());
        let codes = house.refusal_codes().await;
        assert_eq!(codes.iter().filter(|seen| *seen == code).count(), 1, "{codes:?}");
    }
}

#[tokio::test]
async fn a_14_off_means_off_at_every_step() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let parked = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_p").body()).await;
    sso::deactivate(&house.installation.db, &house.ctx(), application.id, None).await.unwrap();
    for path in
        [parked.location(), format!("/saml2/app?{}", Request::new("_r").query(None)), "/saml2/app".to_owned()]
    {
        let answered = house.get(&mut browser, &path).await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN, "{path}");
        assert!(Posted::read(&answered.body).is_none(), "{path}");
    }
    // A suspended person: the session is dead at once.
    sso::activate(&house.installation.db, &house.ctx(), application.id, None).await.unwrap();
    people::suspend(&house.installation.db, &house.ctx(), browser.user.unwrap()).await.unwrap();
    let answered = house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_s").query(None))).await;
    assert_eq!(answered.status, StatusCode::SEE_OTHER, "to the sign-in page");
    assert!(Posted::read(&answered.body).is_none());
}

#[tokio::test]
async fn saml_107_131_signed_requests_are_demanded_verified_and_taken_once() {
    let house = House::open().await;
    let (key, pem) = key_pair();
    house.application("app", json!({ "sp_certificates": [pem], "require_signed_requests": true })).await;
    let mut browser = house.member("livia").await;
    let unsigned = house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_u").query(None))).await;
    assert_eq!(unsigned.status, StatusCode::FORBIDDEN);
    let destination = format!("Destination=\"{}/saml2/app\"", crate::house::BASE);
    let path = format!("/saml2/app?{}", Request::new("_s").with(&destination).signed_query(&key));
    let first = house.get(&mut browser, &path).await;
    assert!(Posted::read(&first.body).is_some(), "{}", first.body);
    let replayed = house.get(&mut browser, &path).await;
    assert_eq!(replayed.status, StatusCode::FORBIDDEN, "SAML-131");
    assert!(Posted::read(&replayed.body).is_none());
    let (other_key, _) = key_pair();
    let path = format!("/saml2/app?{}", Request::new("_f").with(&destination).signed_query(&other_key));
    let forged = house.get(&mut browser, &path).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let codes: Vec<String> = house
        .events("sso_refused")
        .await
        .iter()
        .map(|event| event.details["code"].as_str().unwrap_or_default().to_owned())
        .collect();
    for code in ["signature_missing", "signature_invalid"] {
        assert!(codes.iter().any(|seen| seen == code), "{code} in {codes:?}");
    }
}

#[tokio::test]
async fn saml_120_a_class_that_did_not_happen_is_not_asserted() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let ask = |class: &str| {
        Request::new("_c")
            .child(&format!(
                "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
            ))
            .query(None)
    };
    let answered =
        house.get(&mut browser, &format!("/saml2/app?{}", ask("https://refeds.org/profile/mfa"))).await;
    assert_eq!(Posted::read(&answered.body).unwrap().status(), ["Responder", "NoAuthnContext"]);
    let password = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    let answered = house.get(&mut browser, &format!("/saml2/app?{}", ask(password))).await;
    let posted = Posted::read(&answered.body).unwrap();
    assert_eq!(posted.value("<saml:AuthnContextClassRef>", "<").as_deref(), Some(password));
}

#[tokio::test]
async fn saml_122_subject_of_another_person_gets_no_assertion() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let ask = |name: &str| {
        Request::new("_s")
            .child(&format!("<saml:Subject><saml:NameID>{name}</saml:NameID></saml:Subject>"))
            .query(None)
    };
    let answered = house.get(&mut browser, &format!("/saml2/app?{}", ask("marcus@example.com"))).await;
    let posted = Posted::read(&answered.body).unwrap();
    assert_eq!(posted.status(), ["Requester", "UnknownPrincipal"]);
    assert!(!posted.holds_assertion());
    let answered = house.get(&mut browser, &format!("/saml2/app?{}", ask("livia@example.com"))).await;
    assert!(Posted::read(&answered.body).unwrap().holds_assertion());
}

#[tokio::test]
async fn saml_116_214_name_id_policy_is_met_or_refused_and_persistent_ids_are_pairwise() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.application("other", json!({ "sp_entity_id": "https://other.example" })).await;
    let mut browser = house.member("livia").await;
    let policy = |format: &str| format!("<samlp:NameIDPolicy Format=\"{format}\" AllowCreate=\"true\"/>");
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    let mut ids = Vec::new();
    for (slug, issuer) in
        [("app", crate::sp::ENTITY_ID), ("app", crate::sp::ENTITY_ID), ("other", "https://other.example")]
    {
        let request = Request { issuer: issuer.to_owned(), ..Request::new("_r") }.child(&policy(persistent));
        let answered = house.get(&mut browser, &format!("/saml2/{slug}?{}", request.query(None))).await;
        let posted = Posted::read(&answered.body).unwrap();
        assert!(posted.xml.contains(&format!("Format=\"{persistent}\"")), "{}", posted.xml);
        ids.push(posted.name_id().unwrap());
    }
    assert_eq!(ids[0], ids[1], "the same at every sign-on");
    assert_ne!(ids[0], ids[2], "another at another application");
    assert!(!ids[0].contains("livia"));
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let mut fresh = Vec::new();
    for _ in 0..2 {
        let query = Request::new("_t").child(&policy(transient)).query(None);
        let answered = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
        fresh.push(Posted::read(&answered.body).unwrap().name_id().unwrap());
    }
    assert_ne!(fresh[0], fresh[1]);
    let kerberos = "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos";
    let query = Request::new("_k").child(&policy(kerberos)).query(None);
    let answered = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
    assert_eq!(Posted::read(&answered.body).unwrap().status(), ["Requester", "InvalidNameIDPolicy"]);
}

#[tokio::test]
async fn md_309_applications_with_one_entity_id_are_told_apart_by_endpoint_and_key() {
    let house = House::open().await;
    house.application("one", json!({})).await;
    house.application("two", json!({})).await;
    let mut browser = house.member("livia").await;
    let mut certificates = Vec::new();
    let mut issuers = Vec::new();
    for slug in ["one", "two"] {
        let answered =
            house.get(&mut browser, &format!("/saml2/{slug}?{}", Request::new("_r").query(None))).await;
        let posted = Posted::read(&answered.body).unwrap();
        certificates.push(posted.value("<ds:X509Certificate>", "<").unwrap());
        issuers.push(
            posted.value("<saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "<").unwrap(),
        );
    }
    assert_ne!(certificates[0], certificates[1]);
    assert_ne!(issuers[0], issuers[1]);
}
