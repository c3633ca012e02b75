//! What a response says of whom it is for, when, and under which session; and what goes back beside it.

use samael::service_provider::ServiceProvider;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tessera::auth::{SignIn, sign_in};
use tessera::base::Clock;
use tessera::base::clock::{HOUR, MINUTE};

use crate::house::{Browser, House};
use crate::sp::{ACS, ENTITY_ID, Posted, Request};

const OTHER_ID: &str = "https://other.example";

/// A service provider as samael is one, that trusts the IdP metadata of an application.
async fn service_provider(house: &House, slug: &str, entity_id: &str) -> ServiceProvider {
    let metadata = house.get(&mut Browser::default(), &format!("/saml2/{slug}/metadata")).await.body;
    ServiceProvider {
        entity_id: Some(entity_id.to_owned()),
        acs_url: Some(ACS.to_owned()),
        idp_metadata: metadata.parse().expect("samael reads our metadata"),
        ..ServiceProvider::default()
    }
}

#[tokio::test]
async fn saml_204_each_response_is_for_one_service_provider_and_another_refuses_it() {
    let house = House::open().await;
    // samael looks at the clock of the machine.
    house.clock.advance(Clock::System.now().since(house.clock.now()));
    house.application("app", json!({})).await;
    house.application("other", json!({ "sp_entity_id": OTHER_ID })).await;
    let mut browser = house.member("livia").await;
    for (slug, entity_id, stranger) in [("app", ENTITY_ID, OTHER_ID), ("other", OTHER_ID, ENTITY_ID)] {
        let issue_instant = house.clock.now().to_xs_date_time();
        let request = Request { issuer: entity_id.to_owned(), issue_instant, ..Request::new("_r") };
        let answered = house.get(&mut browser, &format!("/saml2/{slug}?{}", request.query(None))).await;
        let posted = Posted::read(&answered.body).expect("a response");
        let conditions = posted.value("<saml:Conditions ", "</saml:Conditions>").unwrap();
        assert_eq!(posted.xml.matches("<saml:Conditions").count(), 1);
        assert_eq!(conditions.matches("<saml:AudienceRestriction>").count(), 1);
        assert_eq!(conditions.matches("<saml:Audience>").count(), 1);
        assert_eq!(posted.value("<saml:Audience>", "<").as_deref(), Some(entity_id));
        let instant = |name: &str| posted.value(&format!("<saml:Conditions {name}=\""), "\"");
        let not_before = instant("NotBefore").unwrap();
        let not_after = conditions.split("NotOnOrAfter=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(not_before.as_str() < not_after, "{conditions}");
        // The one it is for takes it. One that differs by nothing but its name, and so trusts the very same key and
        // issuer, does not.
        let message = posted.to_base64();
        let taken = service_provider(&house, slug, entity_id).await;
        taken.parse_base64_response(&message, Some(&["_r"])).expect("its own service provider takes it");
        let replayed = service_provider(&house, slug, stranger).await;
        assert!(replayed.parse_base64_response(&message, Some(&["_r"])).is_err(), "{slug} at {stranger}");
    }
}

#[tokio::test]
async fn md_309_what_is_for_one_of_two_applications_with_one_entity_id_is_nothing_to_the_other() {
    let house = House::open().await;
    house.clock.advance(Clock::System.now().since(house.clock.now()));
    for slug in ["one", "two"] {
        house.application(slug, json!({})).await;
    }
    let mut browser = house.member("livia").await;
    for (slug, other) in [("one", "two"), ("two", "one")] {
        let issue_instant = house.clock.now().to_xs_date_time();
        let destination = format!("Destination=\"{}/saml2/{slug}\"", crate::house::BASE);
        let query = Request { issue_instant, ..Request::new("_r") }.with(&destination).query(None);
        let crossed = house.get(&mut browser, &format!("/saml2/{other}?{query}")).await;
        assert!(Posted::read(&crossed.body).is_none());
        assert_eq!(house.refusal_codes().await[0], "destination_mismatch");
        let answered = house.get(&mut browser, &format!("/saml2/{slug}?{query}")).await;
        let message = Posted::read(&answered.body).expect("a response").to_base64();
        // Each is one service provider, which differs by the IdP metadata it trusts alone.
        let own = service_provider(&house, slug, ENTITY_ID).await;
        own.parse_base64_response(&message, Some(&["_r"])).expect("its own");
        let crossed = service_provider(&house, other, ENTITY_ID).await;
        assert!(crossed.parse_base64_response(&message, Some(&["_r"])).is_err(), "{slug} at {other}");
    }
}

#[tokio::test]
async fn saml_205_the_statement_tells_when_and_how_and_a_session_index_that_tells_nothing() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.application("other", json!({ "sp_entity_id": OTHER_ID })).await;
    let mut browser = house.member("livia").await;
    let begun = house.clock.now();
    let cookie = browser.cookies["__Host-tessera"].clone();
    let mut indexes = Vec::new();
    for slug in ["app", "app", "other"] {
        house.clock.advance(20 * MINUTE);
        let posted = Posted::read(&house.get(&mut browser, &format!("/saml2/{slug}")).await.body).unwrap();
        let of = |name: &str| posted.value(&format!("{name}=\""), "\"");
        assert_eq!(of("AuthnInstant"), Some(begun.to_xs_date_time()), "when the password was typed");
        assert_eq!(of("SessionNotOnOrAfter"), Some(begun.plus(12 * HOUR).to_xs_date_time()));
        let class = posted.value("<saml:AuthnContextClassRef>", "<").unwrap();
        assert_eq!(class, "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport");
        assert!(!posted.xml.contains(&cookie), "the token is nobody else's business");
        indexes.push(of("SessionIndex").unwrap());
    }
    indexes.dedup();
    assert_eq!(indexes.len(), 3, "one for each session at a service provider: {indexes:?}");
    let installation = &house.installation;
    let epochs = installation.epochs().await.unwrap();
    let live =
        installation.sessions.authenticate(&installation.db, &house.ctx(), epochs, &cookie).await.unwrap();
    let id = live.expect("the session runs").session_id.to_string();
    assert!(indexes.iter().all(|index| !index.contains(&id) && index.len() >= 33), "{indexes:?}");
    // A new sign-in is a new instant.
    house.sign_in(&mut browser, "livia").await;
    let posted = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
    assert_eq!(posted.value("AuthnInstant=\"", "\""), Some(house.clock.now().to_xs_date_time()));
}

#[tokio::test]
async fn saml_205_a_shorter_session_ends_the_session_at_the_application_sooner_and_a_kept_one_names_no_end() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let begun = house.clock.now();
    let shorter = house
        .api("PATCH", "/settings", "application/json", json!({"session_absolute_minutes": 60}).to_string())
        .await;
    assert_eq!(shorter.status.as_u16(), 200, "{}", shorter.body);
    let posted = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
    let end = posted.value("SessionNotOnOrAfter=\"", "\"");
    assert_eq!(end, Some(begun.plus(HOUR).to_xs_date_time()));
    let attempt = SignIn {
        login: "livia".to_owned(),
        password: SecretString::from(crate::house::PASSWORD),
        remember: true,
        replaces: None,
    };
    let installation = &house.installation;
    let (vault, passwords) = (&installation.vault, &installation.passwords);
    let kept =
        sign_in(&installation.db, &installation.disk, &house.ctx(), vault, passwords, attempt).await.unwrap();
    browser.cookies.insert("__Host-tessera".to_owned(), kept.token.expose_secret().to_owned());
    let posted = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
    assert!(!posted.xml.contains("SessionNotOnOrAfter"), "decision 15");
}

#[tokio::test]
async fn saml_118_force_authn_is_met_by_the_password_typed_for_this_request() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    house.clock.advance(5 * MINUTE);
    let request = Request { issue_instant: house.clock.now().to_xs_date_time(), ..Request::new("_f") };
    let query = request.with("ForceAuthn=\"true\"").query(None);
    let sent = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
    house.clock.advance(MINUTE);
    let led = house.log_in(&mut browser, &sent.location(), "livia").await;
    let answered = house.get(&mut browser, &led.location()).await;
    let posted = Posted::read(&answered.body).expect("now it is met");
    assert_eq!(posted.value("AuthnInstant=\"", "\""), Some(house.clock.now().to_xs_date_time()));
}

#[tokio::test]
async fn saml_126_relay_state_comes_back_with_errors_too() {
    let house = House::open().await;
    house.application("app", json!({ "deny_to": "sp" })).await;
    let state = "javascript:alert(1)//\"'<>&%41é\r\n+ ";
    let mut browser = house.member("livia").await;
    let mut nobody = Browser::default();
    for (attributes, status) in [
        ("IsPassive=\"true\" ForceAuthn=\"true\"", "NoPassive"),
        ("ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:PAOS\"", "UnsupportedBinding"),
    ] {
        for who in [&mut browser, &mut nobody] {
            let query = Request::new("_r").with(attributes).query(Some(state));
            let answered = house.get(who, &format!("/saml2/app?{query}")).await;
            let posted =
                Posted::read(&answered.body).unwrap_or_else(|| panic!("{status}: {}", answered.body));
            assert_eq!(posted.status().last().map(String::as_str), Some(status));
            assert_eq!(posted.action, ACS);
            assert_eq!(posted.relay_state.as_deref(), Some(state), "{status}");
        }
    }
}

#[tokio::test]
async fn saml_127_a_relay_state_longer_than_the_standard_leaves_a_warning() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    for (length, warning) in [(80, None), (81, Some("relay_state_over_80"))] {
        house.clock.advance(1000);
        let query = Request::new("_r").query(Some(&"r".repeat(length)));
        assert!(Posted::read(&house.get(&mut browser, &format!("/saml2/app?{query}")).await.body).is_some());
        let newest = &house.events("sso_auth").await[0];
        assert_eq!(newest.details.get("warning").and_then(|value| value.as_str()), warning, "{length}");
    }
}
