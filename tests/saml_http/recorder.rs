//! The recorder over HTTP: what was refused can be looked into by its reference, by who may, without what could be used
//! again; successes only while somebody has switched that on.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::json;
use tessera::auth::{NewAccount, Role, account};
use tessera::base::clock::{DAY, MINUTE};
use tessera::db::sql;
use tessera::directory::NewPerson;
use tessera::signon::recorder::{self, Reference};

use crate::house::{Browser, House, PASSWORD};
use crate::sp::{Posted, Request, key_pair};

pub async fn references(
    house: &House,
    application: &tessera::applications::Application,
) -> Vec<(String, Option<String>)> {
    let lines = recorder::list(&house.installation, &house.ctx(), application.id).await.unwrap();
    lines.into_iter().map(|line| (line.reference, line.code)).collect()
}

pub async fn opened(
    house: &House,
    application: &tessera::applications::Application,
    reference: &str,
) -> recorder::Exchange {
    let reference: Reference = reference.parse().unwrap();
    recorder::open(&house.installation, &house.ctx(), application.id, &reference).await.unwrap().1
}

#[tokio::test]
async fn decision_11_a_refusal_is_recorded_and_found_by_the_reference_on_its_page() {
    for house in [House::open().await, House::on_postgres().await] {
        let (key, pem) = key_pair();
        let application = house.application("app", json!({ "sp_certificates": [pem] })).await;
        let mut browser = house.member("livia").await;
        let request = Request::new("_r").with(
            "AssertionConsumerServiceURL=\"https://evil.example/acs\" Destination=\"https://id.example/saml2/app\"",
        );
        let refused = house.get(&mut browser, &format!("/saml2/app?{}", request.signed_query(&key))).await;
        let known = references(&house, &application).await;
        assert_eq!(known.len(), 1);
        let (reference, code) = &known[0];
        assert_eq!(code.as_deref(), Some("acs_unregistered"));
        assert!(refused.body.contains(reference.as_str()), "the page shows {reference}");
        let exchange = opened(&house, &application, reference).await;
        assert_eq!(exchange.expected.as_deref(), Some(crate::sp::ACS));
        assert_eq!(exchange.received.as_deref(), Some("https://evil.example/acs"));
        assert!(exchange.request.unwrap().contains("ID=\"_r\""));
        assert_eq!((exchange.binding.as_str(), exchange.answer), ("redirect", None));
        assert_eq!(exchange.person, browser.user.map(|user| user.to_string()));
        // Looking is an event, and what lies in the database can't be read.
        let events = house.events("exchange_open").await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].details["reference"], reference.as_str());
        // A denial at the ACS is one too.
        let passive = Request::new("_p").with("IsPassive=\"true\" ForceAuthn=\"true\"").query(Some("state"));
        house.get(&mut browser, &format!("/saml2/app?{passive}")).await;
        let known = references(&house, &application).await;
        let (reference, _) =
            known.iter().find(|(_, code)| code.as_deref() == Some("passive")).expect("recorded");
        let exchange = opened(&house, &application, reference).await;
        assert_eq!(exchange.relay_state.as_deref(), Some("state"));
        assert!(exchange.answer.as_ref().unwrap().contains("NoPassive"));
        assert!(!exchange.answer.unwrap().contains("</ds:SignatureValue>A"));
        // After a day it is gone.
        house.clock.advance(DAY + MINUTE);
        assert_eq!(references(&house, &application).await, []);
    }
}

#[tokio::test]
async fn decision_11_successes_are_recorded_only_for_a_time_and_without_their_signature() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let sign_on = async |browser: &mut Browser| {
        let query = Request::new("_r").query(Some("secret state"));
        let answered = house.get(browser, &format!("/saml2/app?{query}")).await;
        Posted::read(&answered.body).expect("a response")
    };
    sign_on(&mut browser).await;
    assert_eq!(references(&house, &application).await, [], "nobody wants it");
    let db = &house.installation.db;
    recorder::switch(db, &house.ctx(), application.id, 15).await.unwrap();
    let sent = sign_on(&mut browser).await;
    let known = references(&house, &application).await;
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].1, None);
    let exchange = opened(&house, &application, &known[0].0).await;
    assert_eq!(exchange.relay_state, None);
    let answer = exchange.answer.unwrap();
    assert!(answer.contains(">livia@example.com</saml:NameID>"));
    let signature = sent.value("<ds:SignatureValue>", "<").unwrap();
    assert!(!answer.contains(&signature) && answer.contains("<ds:SignatureValue>(taken out)<"));
    assert!(!house.disk().windows(17).any(|bytes| bytes == b"livia@example.com</saml"), "sealed");
    house.clock.advance(16 * MINUTE);
    let answered = house.get(&mut browser, "/saml2/app").await;
    assert!(Posted::read(&answered.body).is_some(), "{}", answered.body);
    assert_eq!(references(&house, &application).await.len(), 1, "the time is over");
    for (minutes, is_ok) in [(0, true), (1440, true), (1441, false), (-1, false)] {
        let switched = recorder::switch(db, &house.ctx(), application.id, minutes).await;
        assert_eq!(switched.is_ok(), is_ok, "{minutes}");
    }
}

#[tokio::test]
async fn a_17_a_flood_of_refusals_leaves_a_bounded_record() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let other = house.application("other", json!({ "sp_entity_id": "https://other.example" })).await;
    let mut browser = house.member("livia").await;
    let ask = |slug: &str, n: usize| {
        format!(
            "/saml2/{slug}?{}",
            Request::new(&format!("_{n}")).with("Destination=\"https://evil.example\"").query(None)
        )
    };
    for round in 0..4 {
        for n in 0..25 {
            house.get(&mut browser, &ask("app", round * 100 + n)).await;
        }
        assert!(references(&house, &application).await.len() <= 25);
    }
    assert_eq!(references(&house, &application).await.len(), 25);
    let mut stranger = Browser::default();
    house.get(&mut stranger, &ask("other", 1)).await;
    assert_eq!(references(&house, &other).await.len(), 1, "and another application has room of its own");
}

/// What is recorded, by network and code.
async fn recorded(
    house: &House,
    application: &tessera::applications::Application,
) -> BTreeMap<(String, Option<String>), usize> {
    let mut out = BTreeMap::new();
    for (reference, code) in references(house, application).await {
        let source = opened(house, application, &reference).await.source;
        *out.entry((source, code)).or_default() += 1;
    }
    out
}

#[tokio::test]
async fn a_17_strangers_push_out_nothing_that_others_did() {
    for house in [House::open().await, House::on_postgres().await] {
        let (key, pem) = key_pair();
        let application = house.application("app", json!({ "sp_certificates": [pem] })).await;
        recorder::switch(&house.installation.db, &house.ctx(), application.id, 60).await.unwrap();
        // A success, a refusal of a person, and one of nobody known in a request that the application signed.
        let mut livia = house.member("livia").await;
        assert!(Posted::read(&house.get(&mut livia, "/saml2/app").await.body).is_some());
        house.get(&mut livia, "/saml2/app?SAMLRequest=AAAA").await;
        let here = "Destination=\"https://id.example/saml2/app\"";
        let elsewhere = format!("{here} AssertionConsumerServiceURL=\"https://evil.example\"");
        let signed = format!("/saml2/app?{}", Request::new("_s").with(&elsewhere).signed_query(&key));
        let mut guest = Browser { source: Some([203, 0, 113, 1].into()), ..Browser::default() };
        house.get(&mut guest, &signed).await;
        let known = recorded(&house, &application).await;
        assert_eq!(known.values().sum::<usize>(), 3, "{known:?}");
        // Then a flood from many networks, of what needs no more than an address ...
        for network in 0..40 {
            let mut stranger = Browser { source: Some([198, 51, network, 1].into()), ..Browser::default() };
            for _ in 0..7 {
                house.clock.advance(1);
                house.get(&mut stranger, "/saml2/app?SAMLRequest=AAAA").await;
            }
            recorder::list(&house.installation, &house.ctx(), application.id).await.unwrap();
        }
        // ... and of a captured request, again and again: from four networks while it is fresh, then from many.
        for network in 0..30 {
            if network == 4 {
                house.clock.advance(30 * MINUTE);
            }
            let mut thief = Browser { source: Some([198, 18, network, 1].into()), ..Browser::default() };
            for _ in 0..6 {
                house.clock.advance(1);
                house.get(&mut thief, &signed).await;
            }
            recorder::list(&house.installation, &house.ctx(), application.id).await.unwrap();
        }
        let now = recorded(&house, &application).await;
        for (what, count) in &known {
            assert_eq!(now.get(what), Some(count), "{what:?} is gone: {now:?}");
        }
        assert!(now.values().all(|count| *count <= 5), "{now:?}");
        let thief = ("198.18.0.0/24".to_owned(), Some("acs_unregistered".to_owned()));
        assert_eq!(now.get(&thief), Some(&5), "{now:?}");
        assert_eq!(now.values().sum::<usize>(), 3 + 25 + 4 * 5, "{now:?}");
    }
}

#[tokio::test]
async fn what_can_not_be_written_now_is_written_later() {
    for house in [House::open().await, House::on_postgres().await] {
        let application = house.application("app", json!({})).await;
        let mut stranger = Browser::default();
        let answered = house.get(&mut stranger, "/saml2/app?SAMLRequest=AAAA").await;
        let run = async |statement: &'static str| {
            let mut tx = house.installation.db.begin().await.unwrap();
            tx.run(sql(statement)).await.unwrap();
            tx.commit().await.unwrap();
        };
        run("ALTER TABLE exchanges RENAME TO elsewhere").await;
        for _ in 0..2 {
            assert!(recorder::list(&house.installation, &house.ctx(), application.id).await.is_err());
        }
        run("ALTER TABLE elsewhere RENAME TO exchanges").await;
        let known = references(&house, &application).await;
        assert_eq!(known.len(), 1, "it was not lost, and is there once");
        assert!(answered.body.contains(&known[0].0));
    }
}

#[tokio::test]
async fn what_was_received_is_offered_where_there_is_a_record_of_it() {
    const OFFER: &str = "See what was received";
    let house = House::open().await;
    house.application("app", json!({})).await;
    let person = NewPerson {
        username: "olivia".to_owned(),
        email: "olivia@example.com".to_owned(),
        ..NewPerson::default()
    };
    let new = NewAccount { person, password: Some(PASSWORD.into()), role: Some(Role::Owner) };
    let installation = &house.installation;
    account::create(&installation.db, &house.ctx(), &installation.passwords, new).await.unwrap();
    let mut owner = Browser::default();
    house.sign_in(&mut owner, "olivia").await;
    for (path, offered) in [
        ("/saml2/app?SAMLRequest=AAAA", true),
        ("/saml2/app/logout?SAMLRequest=AAAA", false),
        ("/saml2/none?SAMLRequest=AAAA", false),
    ] {
        let refused = house.get(&mut owner, path).await;
        assert!(
            refused.status != StatusCode::OK && refused.body.contains("For your administrator"),
            "{path}"
        );
        assert_eq!(refused.body.contains(OFFER), offered, "{path}: {}", refused.body);
    }
    // When there is no more room, there is none.
    for _ in 0..19 {
        house.get(&mut owner, "/saml2/app?SAMLRequest=AAAA").await;
    }
    let refused = house.get(&mut owner, "/saml2/app?SAMLRequest=AAAA").await;
    assert!(!refused.body.contains(OFFER), "{}", refused.body);
}
