//! Where an answer goes when something does not work: to the service provider wherever there is an ACS to trust, and
//! what counts against whom.

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use serde_json::json;
use tessera::applications::create::{NewApplication, Surroundings, create};
use tessera::applications::{binding, sso};
use tessera::db::sql;
use tessera::settings::Settings;
use tessera::signon::configure::change_settings;

use crate::house::{Browser, House, hidden};
use crate::sp::{Posted, Request, escaped};

async fn limit(house: &House, refusals: u32) {
    let change = |settings: &mut Settings| settings.saml_refusals_per_address_minute = refusals;
    change_settings(&house.installation, &house.ctx(), None, change).await.unwrap();
}

#[tokio::test]
async fn decision_16_what_the_application_is_told_counts_against_nobody() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    limit(&house, 10).await;
    let mut nobody = Browser::default();
    for turn in 0..15 {
        let query = Request::new(&format!("_p{turn}")).with("IsPassive=\"true\"").query(None);
        let answered = house.get(&mut nobody, &format!("/saml2/app?{query}")).await;
        assert_eq!(Posted::read(&answered.body).unwrap().status(), ["Responder", "NoPassive"], "{turn}");
    }
    let query = Request::new("_r").query(None);
    let asked = house.get(&mut nobody, &format!("/saml2/app?{query}")).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "a colleague starts at the application: {}", asked.body);
}

#[tokio::test]
async fn decision_16_what_another_page_loads_closes_the_door_to_nobody() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    limit(&house, 10).await;
    let picture = |path: &str| {
        let request = HttpRequest::get(path).header("sec-fetch-site", "cross-site");
        request.header("sec-fetch-dest", "image").body(Body::empty()).unwrap()
    };
    let mut victim = Browser::default();
    for _ in 0..15 {
        house.send(&mut victim, picture("/saml2/nothing")).await;
    }
    let more = house.send(&mut victim, picture("/saml2/nothing")).await;
    assert_eq!(more.status, StatusCode::TOO_MANY_REQUESTS, "such loads have a limit of their own");
    let query = Request::new("_r").query(None);
    let asked = house.get(&mut victim, &format!("/saml2/app?{query}")).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
}

#[tokio::test]
async fn w_12_neighbours_in_a_network_are_counted_by_themselves() {
    let house = House::open().await;
    limit(&house, 10).await;
    let mut noisy = Browser { source: Some([198, 51, 100, 1].into()), ..Browser::default() };
    for _ in 0..10 {
        house.get(&mut noisy, "/saml2/nothing").await;
    }
    assert_eq!(house.get(&mut noisy, "/saml2/nothing").await.status, StatusCode::TOO_MANY_REQUESTS);
    let mut neighbour = Browser { source: Some([198, 51, 100, 2].into()), ..Browser::default() };
    assert_eq!(house.get(&mut neighbour, "/saml2/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn saml_119_a_passive_request_is_answered_there_whatever_stands_in_the_way() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house
        .application("staff", json!({"name_id": {"format": "unspecified", "source": "employee_identifier"}}))
        .await;
    house.person("otto", false).await;
    let mut otto = Browser::default();
    house.sign_in(&mut otto, "otto").await;
    let passive = |id: &str| Request::new(id).with("IsPassive=\"1\"").query(None);
    let answered = house.get(&mut otto, &format!("/saml2/app?{}", passive("_a"))).await;
    let posted = Posted::read(&answered.body).expect("no page of ours");
    assert_eq!(posted.status(), ["Responder", "RequestDenied"]);
    let mut livia = house.member("livia").await;
    let answered = house.get(&mut livia, &format!("/saml2/staff?{}", passive("_b"))).await;
    let posted = Posted::read(&answered.body).expect("no page of ours");
    assert_eq!(posted.status(), ["Responder", "RequestDenied"]);
    assert!(!posted.holds_assertion());
    let codes = house.refusal_codes().await;
    assert!(
        codes.contains(&"not_bound".to_owned()) && codes.contains(&"name_id_empty".to_owned()),
        "{codes:?}"
    );
}

#[tokio::test]
async fn saml_128_a_failure_of_ours_is_told_at_the_acs() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut livia = house.member("livia").await;
    let mut tx = house.installation.db.begin().await.unwrap();
    tx.run(sql("DROP TABLE sp_sessions")).await.unwrap();
    tx.run(sql("DROP TABLE pending_requests")).await.unwrap();
    tx.commit().await.unwrap();
    let query = Request::new("_a").query(Some("state-7"));
    let answered = house.get(&mut livia, &format!("/saml2/app?{query}")).await;
    let posted = Posted::read(&answered.body).expect("the application is told");
    assert_eq!(posted.status(), ["Responder"]);
    assert!(!posted.holds_assertion());
    assert!(answered.body.contains("state-7"), "RelayState goes back");
    // Before anybody is signed in too, and then unsigned.
    let query = Request::new("_b").query(None);
    let answered = house.get(&mut Browser::default(), &format!("/saml2/app?{query}")).await;
    let posted = Posted::read(&answered.body).expect("the application is told");
    assert_eq!(posted.status(), ["Responder"]);
    assert!(!posted.is_signed());
    // Nobody asked: the person reads it.
    let visited = house.get(&mut livia, "/saml2/app").await;
    assert_eq!(visited.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn w_14_what_is_wrong_at_the_very_door_leaves_its_event() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let query = Request::new("_q").query(None);
    house.post_from_elsewhere(&mut browser, &format!("/saml2/app?{query}"), Request::new("_b").body()).await;
    house.get(&mut browser, &format!("/saml2/app?RelayState={}", "x".repeat(3000))).await;
    house.post_from_elsewhere(&mut browser, "/saml2/app", "csrf=x".to_owned()).await;
    limit(&house, 10).await;
    let mut stranger = Browser { source: Some([203, 0, 113, 5].into()), ..Browser::default() };
    for _ in 0..12 {
        house.get(&mut stranger, "/saml2/nothing").await;
    }
    let events = house.events("sso_refused").await;
    let of = |code: &str| events.iter().find(|event| event.details["code"] == code);
    for code in ["mixed_sources", "relay_state_too_long", "cross_site_request"] {
        let event = of(code).unwrap_or_else(|| panic!("no event of {code}: {events:?}"));
        assert_eq!(event.application_id, Some(application.id.to_string()), "{code}");
    }
    assert_eq!(of("too_many_refusals").expect("the throttle tells").details["count"], 2);
}

#[tokio::test]
async fn a_16_another_site_opens_no_bookmark_in_somebody_s_name() {
    let house = House::open().await;
    let db = &house.installation.db;
    let around = Surroundings {
        catalog: &house.installation.catalog,
        vault: &house.installation.vault,
        base_url: &house.installation.base_url,
    };
    let new = NewApplication {
        connector: "bookmark".to_owned(),
        label: Some("Wiki".to_owned()),
        slug: Some("wiki".to_owned()),
        bookmark_url: Some("https://wiki.example/".to_owned()),
        ..NewApplication::default()
    };
    let wiki = create(db, &house.ctx(), around, new, None).await.unwrap();
    binding::bind(db, &house.ctx(), wiki.id, house.group).await.unwrap();
    sso::activate(db, &house.ctx(), wiki.id, None).await.unwrap();
    house.application("begins-there", json!({ "login_url": "https://sp.example/login" })).await;
    let mut livia = house.member("livia").await;
    for path in ["/saml2/wiki", "/saml2/begins-there"] {
        let asked = house.get_from_elsewhere(&mut livia, path).await;
        assert_eq!(asked.status, StatusCode::OK);
        assert!(asked.body.contains("Continue to"), "{path}: {}", asked.body);
        assert!(!asked.body.contains("http-equiv=\"refresh\""), "{path} is asked first");
    }
    assert!(house.events("application_open").await.is_empty());
    let opened = house.get(&mut livia, "/saml2/wiki").await;
    assert!(opened.body.contains("https://wiki.example/"), "{}", opened.body);
    assert_eq!(house.events("application_open").await.len(), 1);
}

#[tokio::test]
async fn another_tab_that_signed_in_meanwhile_is_enough() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.person("livia", true).await;
    let mut browser = Browser::default();
    let first = house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_1").query(None))).await;
    let second = house.get(&mut browser, &format!("/saml2/app?{}", Request::new("_2").query(None))).await;
    house.log_in(&mut browser, &second.location(), "livia").await;
    // The first tab is loaded again: no password is asked for.
    let again = house.get(&mut browser, &first.location()).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    let issued = house.get(&mut browser, &again.location()).await;
    assert!(Posted::read(&issued.body).unwrap().holds_assertion(), "{}", issued.body);
    // One that demands the password anew still asks.
    let demanding = Request::new("_3").with("ForceAuthn=\"true\"").query(None);
    let sent = house.get(&mut browser, &format!("/saml2/app?{demanding}")).await;
    let asked = house.get(&mut browser, &sent.location()).await;
    assert!(asked.body.contains("Enter your password again"), "{}", asked.body);
}

#[tokio::test]
async fn saml_128_whoever_goes_back_without_signing_in_is_told_of_there_once() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut nobody = Browser::default();
    let query = Request::new("_g").query(Some("state-7"));
    let sent = house.get(&mut nobody, &format!("/saml2/app?{query}")).await;
    let page = house.get(&mut nobody, &sent.location()).await;
    assert!(page.body.contains("Go back to app"), "{}", page.body);
    let (csrf, handle) = (hidden(&page.body, "csrf"), hidden(&page.body, "request"));
    let back = |csrf: &str| format!("csrf={}&request={}", escaped(csrf), escaped(&handle));
    // Nobody else can give up in their name.
    let forged = house.post_from_elsewhere(&mut nobody, "/saml2/app/give-up", back(&csrf)).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(house.post(&mut nobody, "/saml2/app/give-up", back("x")).await.status, StatusCode::FORBIDDEN);
    let told = house.post(&mut nobody, "/saml2/app/give-up", back(&csrf)).await;
    let posted = Posted::read(&told.body).unwrap_or_else(|| panic!("{}", told.body));
    assert_eq!(posted.status(), ["Responder", "AuthnFailed"]);
    assert_eq!(posted.in_response_to().as_deref(), Some("_g"));
    assert_eq!(posted.relay_state.as_deref(), Some("state-7"));
    assert!(!posted.is_signed() && !posted.holds_assertion());
    let again = house.post(&mut nobody, "/saml2/app/give-up", back(&csrf)).await;
    assert!(Posted::read(&again.body).is_none(), "{}", again.body);
    assert!(house.refusal_codes().await.contains(&"given_up".to_owned()));
    // A tile of ours has nobody to go back to.
    let visit = house.get(&mut nobody, "/saml2/app").await;
    let page = house.get(&mut nobody, &visit.location()).await;
    assert!(!page.body.contains("Go back to"), "{}", page.body);
}
