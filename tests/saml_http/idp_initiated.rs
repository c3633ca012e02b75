//! Tessera begins: tiles, links, bookmarks.

use axum::http::StatusCode;
use serde_json::json;

use crate::house::{Browser, House, hidden};
use crate::sp::{ACS, Posted, escaped};

#[tokio::test]
async fn a_16_tile_signs_on_and_a_foreign_link_asks_first() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let tile = house.get(&mut browser, "/saml2/app").await;
    let posted = Posted::read(&tile.body).expect("the tile signs on at once");
    assert_eq!(posted.action, ACS);
    assert_eq!(posted.in_response_to(), None, "SAML-202: nobody asked");
    let asked = house.get_from_elsewhere(&mut browser, "/saml2/app?RelayState=deep").await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(Posted::read(&asked.body).is_none(), "a foreign link issues nothing");
    // The button of that page does; another site's form does not.
    let body = format!("csrf={}&RelayState=deep", escaped(&hidden(&asked.body, "csrf")));
    let confirmed = house.post(&mut browser, "/saml2/app", body.clone()).await;
    let posted = Posted::read(&confirmed.body).expect("confirmed");
    assert_eq!(posted.relay_state.as_deref(), Some("deep"));
    let forged = house.post_from_elsewhere(&mut browser, "/saml2/app", body).await;
    assert!(Posted::read(&forged.body).is_none());
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let without_token = house.post(&mut browser, "/saml2/app", "RelayState=deep".to_owned()).await;
    assert_eq!(without_token.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn relay_state_of_a_link_counts_only_when_it_is_allowed() {
    let house = House::open().await;
    house.application("app", json!({ "relay_states": ["/home"], "default_relay_state": "/start" })).await;
    let mut browser = house.member("livia").await;
    for (asked, sent) in [("/home", "/home"), ("https://evil.example", "/start"), ("", "/start")] {
        let answered = house.get(&mut browser, &format!("/saml2/app?RelayState={}", escaped(asked))).await;
        assert_eq!(Posted::read(&answered.body).unwrap().relay_state.as_deref(), Some(sent), "{asked}");
    }
}

#[tokio::test]
async fn w_13_a_relay_state_that_comes_twice_is_refused_and_not_dropped() {
    let house = House::open().await;
    let application = house.application("app", json!({ "relay_states": ["*"] })).await;
    let mut browser = house.member("livia").await;
    let asked = house.get_from_elsewhere(&mut browser, "/saml2/app").await;
    let token = format!("csrf={}", escaped(&hidden(&asked.body, "csrf")));
    for twice in ["RelayState=/a&RelayState=/b", "RelayState=/a&Relay%53tate=/a"] {
        let visited = house.get(&mut browser, &format!("/saml2/app?{twice}")).await;
        let confirmed = house.post(&mut browser, "/saml2/app", format!("{token}&{twice}")).await;
        for answered in [visited, confirmed] {
            assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{twice}");
            assert!(Posted::read(&answered.body).is_none(), "{twice}");
            assert!(answered.body.contains("RelayState came more than once."), "{}", answered.body);
            assert!(answered.body.contains("parameter_repeated"), "{}", answered.body);
        }
    }
    let events = house.events("sso_refused").await;
    let event = events.iter().find(|event| event.details["code"] == "parameter_repeated").expect("an event");
    assert_eq!(event.application_id, Some(application.id.to_string()));
    let once = house.get(&mut browser, "/saml2/app?RelayState=/a").await;
    assert_eq!(Posted::read(&once.body).unwrap().relay_state.as_deref(), Some("/a"));
}

#[tokio::test]
async fn switches_of_idp_initiated_sign_on_hold() {
    let house = House::open().await;
    house.application("off", json!({ "idp_initiated": "off" })).await;
    house.application("confirm", json!({ "idp_initiated": "confirm" })).await;
    house.application("elsewhere", json!({ "login_url": "https://sp.example/login?x=1&y=2" })).await;
    let mut browser = house.member("livia").await;
    assert_eq!(house.get(&mut browser, "/saml2/off").await.status, StatusCode::FORBIDDEN);
    let asked = house.get(&mut browser, "/saml2/confirm").await;
    assert!(Posted::read(&asked.body).is_none());
    let handed = house.get(&mut browser, "/saml2/elsewhere").await;
    assert_eq!(handed.status, StatusCode::OK, "decision 3: no redirect to another origin");
    assert!(
        handed.body.contains("https://sp.example/login?x=1&#38;y=2")
            || handed.body.contains("https://sp.example/login?x=1&amp;y=2"),
        "{}",
        handed.body
    );
    assert_eq!(house.events("application_open").await.len(), 1);
}

#[tokio::test]
async fn visitor_without_a_session_signs_in_first_and_foreign_links_still_ask() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.person("livia", true).await;
    for (foreign, issues) in [(false, true), (true, false)] {
        let mut browser = Browser::default();
        let sent = if foreign {
            house.get_from_elsewhere(&mut browser, "/saml2/app").await
        } else {
            house.get(&mut browser, "/saml2/app").await
        };
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
        let onward = sent.location().replace("/login?", "/saml2/app/continue?");
        house.sign_in(&mut browser, "livia").await;
        let answered = house.get(&mut browser, &onward).await;
        assert_eq!(Posted::read(&answered.body).is_some(), issues, "foreign: {foreign}");
    }
}

#[tokio::test]
async fn person_without_a_bound_group_is_told_why() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.person("outsider", false).await;
    let mut browser = Browser::default();
    house.sign_in(&mut browser, "outsider").await;
    let answered = house.get(&mut browser, "/saml2/app").await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN);
    assert!(answered.body.contains("no group that you are in gives access"), "{}", answered.body);
    assert!(answered.body.contains("not_bound"));
}
