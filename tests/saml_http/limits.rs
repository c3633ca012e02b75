//! What one person, or everybody together, may ask for, and how refusals are kept (decisions 16 and 17).

use axum::http::StatusCode;
use serde_json::json;
use tessera::applications::sso;
use tessera::base::clock::MINUTE;
use tessera::db::epoch::{Scope, bump};
use tessera::db::sql;
use tessera::settings::Settings;
use tessera::signon::configure::change_settings;
use tessera::signon::pending;

use crate::house::{BASE, Browser, House};
use crate::sp::{Posted, Request, key_pair};

async fn set(house: &House, change: impl FnOnce(&mut Settings) + Send) {
    change_settings(&house.installation, &house.ctx(), None, change).await.unwrap();
}

#[tokio::test]
async fn w_14_repeated_refusals_of_one_person_become_one_event_with_a_count() {
    let house = House::open().await;
    let application = house.application("off", json!({})).await;
    sso::deactivate(&house.installation.db, &house.ctx(), application.id, None).await.unwrap();
    let (mut livia, mut otto) = (house.member("livia").await, house.member("otto").await);
    for _ in 0..50 {
        assert_eq!(house.get(&mut livia, "/saml2/off").await.status, StatusCode::FORBIDDEN);
    }
    house.get(&mut otto, "/saml2/off").await;
    let events = house.events("sso_refused").await;
    let told: Vec<(Option<&str>, Option<u64>)> = events
        .iter()
        .map(|event| {
            (event.actor_name.as_deref(), event.details.get("count").and_then(serde_json::Value::as_u64))
        })
        .collect();
    assert_eq!(events.len(), 3, "{told:?}");
    assert!(told.contains(&(Some("livia"), None)), "the first at once: {told:?}");
    assert!(told.contains(&(Some("livia"), Some(49))), "its repeats together: {told:?}");
    assert!(told.contains(&(Some("otto"), None)), "everybody for themselves: {told:?}");
    assert!(events.iter().all(|event| event.application_id == Some(application.id.to_string())));
    house.clock.advance(MINUTE);
    house.get(&mut livia, "/saml2/off").await;
    assert_eq!(house.events("sso_refused").await.len(), 4, "a new minute");
}

#[tokio::test]
async fn w_12_sign_ons_are_limited_by_session_and_person() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    set(&house, |settings| {
        settings.sign_ons_per_session_minute = 10;
        settings.sign_ons_per_account_minute = 15;
    })
    .await;
    let mut livia = house.member("livia").await;
    let query = format!("/saml2/app?{}", Request::new("_a").query(None));
    for turn in 0..10 {
        let path = if turn % 2 == 0 { "/saml2/app" } else { query.as_str() };
        assert!(Posted::read(&house.get(&mut livia, path).await.body).is_some(), "{turn}");
    }
    for path in ["/saml2/app", query.as_str(), "/saml2/app/continue?request=x"] {
        let refused = house.get(&mut livia, path).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    }
    let mut otto = house.member("otto").await;
    assert!(Posted::read(&house.get(&mut otto, "/saml2/app").await.body).is_some(), "others go on");
    let mut second = Browser::default();
    house.sign_in(&mut second, "livia").await;
    let mut taken = 0;
    for _ in 0..10 {
        taken += usize::from(house.get(&mut second, "/saml2/app").await.status == StatusCode::OK);
    }
    assert_eq!(taken, 5, "another session of hers has what is left for the person");
    house.clock.advance(MINUTE);
    assert!(Posted::read(&house.get(&mut livia, "/saml2/app").await.body).is_some());
}

#[tokio::test]
async fn w_12_sign_ons_are_limited_by_application_and_strangers_cannot_use_that_up() {
    let house = House::open().await;
    house.application("app", json!({ "idp_initiated": "off" })).await;
    house.application("other", json!({})).await;
    set(&house, |settings| settings.sign_ons_per_application_minute = 100).await;
    let mut stranger = Browser::default();
    for _ in 0..110 {
        house.get(&mut stranger, "/saml2/app").await;
    }
    let (mut livia, mut otto) = (house.member("livia").await, house.member("otto").await);
    for _ in 0..50 {
        assert_eq!(house.get(&mut livia, "/saml2/app").await.status, StatusCode::FORBIDDEN);
        assert_eq!(house.get(&mut otto, "/saml2/app").await.status, StatusCode::FORBIDDEN);
    }
    let refused = house.get(&mut livia, "/saml2/app").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.body.contains("too_many_sign_ons"), "{}", refused.body);
    assert!(Posted::read(&house.get(&mut livia, "/saml2/other").await.body).is_some());
}

#[tokio::test]
async fn a_17_refusals_count_on_visits_too() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    set(&house, |settings| settings.saml_refusals_per_address_minute = 10).await;
    let mut stranger = Browser::default();
    for _ in 0..10 {
        assert_eq!(house.get(&mut stranger, "/saml2/nothing").await.status, StatusCode::NOT_FOUND);
    }
    for path in ["/saml2/nothing", "/saml2/app", "/saml2/app/continue?request=x"] {
        assert_eq!(house.get(&mut stranger, path).await.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    let mut livia = house.member("livia").await;
    assert_eq!(house.get(&mut livia, "/saml2/app").await.status, StatusCode::OK, "not for a neighbour's");
}

#[tokio::test]
async fn a_17_beyond_the_limit_nothing_is_looked_up() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    set(&house, |settings| settings.saml_refusals_per_address_minute = 10).await;
    let mut stranger = Browser::default();
    for _ in 0..10 {
        assert_eq!(house.get(&mut stranger, "/saml2/nothing").await.status, StatusCode::NOT_FOUND);
    }
    // Whoever looks for an application now fails.
    let mut tx = house.installation.db.begin().await.unwrap();
    tx.run(sql("ALTER TABLE applications RENAME TO elsewhere")).await.unwrap();
    tx.commit().await.unwrap();
    for path in ["/saml2/new?SAMLRequest=x", "/saml2/newer", "/saml2/newest/continue?request=x"] {
        let answered = house.get(&mut stranger, path).await;
        assert_eq!(answered.status, StatusCode::TOO_MANY_REQUESTS, "{path}: {}", answered.body);
    }
}

#[tokio::test]
async fn active_application_whose_connector_is_gone_is_refused_by_a_name_of_its_own() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut livia = house.member("livia").await;
    // As after a restart without the operator's own connectors: the tokens in the addresses mean nothing any more.
    let mut tx = house.installation.db.begin().await.unwrap();
    let mut settings = application.sso.clone();
    settings.acs_urls[0].url = "https://sp.example/acs/YOUR_TENANT".to_owned();
    let gone = sql("UPDATE applications SET connector = 'gone', sso = $2 WHERE id = $1")
        .bind_text(application.id)
        .bind(serde_json::to_string(&settings).unwrap());
    tx.run(gone).await.unwrap();
    bump(&mut tx, Scope::Applications).await.unwrap();
    tx.commit().await.unwrap();
    let mut stranger = Browser::default();
    let query = format!("/saml2/app?{}", Request::new("_a").query(None));
    for browser in [&mut livia, &mut stranger] {
        for path in ["/saml2/app", query.as_str()] {
            let refused = house.get(browser, path).await;
            assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(refused.body.contains("application_incomplete"), "{}", refused.body);
        }
    }
    let events = house.events("sso_refused").await;
    assert!(events.iter().all(|event| event.details["code"] == "application_incomplete"));
    assert_eq!(events.len(), 3, "one and its repeat, and those of the stranger");
    assert_eq!(house.get(&mut stranger, "/saml2/app/metadata").await.status, StatusCode::OK);
}

#[tokio::test]
async fn av_06_saml_131_a_request_is_remembered_as_long_as_it_could_be_accepted() {
    let house = House::open().await;
    let (key, pem) = key_pair();
    house.application("app", json!({ "sp_certificates": [pem], "require_signed_requests": true })).await;
    set(&house, |settings| {
        settings.clock_skew_seconds = 300;
        settings.request_max_age_seconds = 3600;
    })
    .await;
    let mut livia = house.member("livia").await;
    let destination = format!("Destination=\"{BASE}/saml2/app\"");
    let mut request = Request::new("_s").with(&destination);
    request.issue_instant = "2026-11-22T08:04:50Z".to_owned();
    let path = format!("/saml2/app?{}", request.signed_query(&key));
    assert!(Posted::read(&house.get(&mut livia, &path).await.body).is_some());
    for minutes in [61, 3] {
        house.clock.advance(minutes * MINUTE);
        pending::sweep(&house.installation.db, house.clock.now()).await.unwrap();
        let again = house.get(&mut livia, &path).await;
        assert_eq!(again.status, StatusCode::FORBIDDEN);
        assert!(again.body.contains("request_replayed"), "{}", again.body);
    }
}

#[tokio::test]
async fn md_301_error_url_is_published_and_answers() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut stranger = Browser::default();
    let metadata = house.get(&mut stranger, "/saml2/app/metadata").await.body;
    let (_, rest) = metadata.split_once("errorURL=\"").expect("it names one");
    let url = rest.split('"').next().unwrap();
    let path = url.strip_prefix(BASE).expect("it is ours, by https");
    let page = house.get(&mut stranger, &format!("{path}?ERRORURL_CODE=%3Cb%3E&RelayState=evil")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("could not sign you in"), "{}", page.body);
    assert!(!page.body.contains("evil") && !page.body.contains("ERRORURL"), "{}", page.body);
}
