//! Two nodes on one database: what ends on one has ended on the other, at whatever step somebody is, and what counts
//! once counts once.

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;
use tessera::applications::{Application, binding, delete, sso};
use tessera::directory::{memberships, people};

use crate::house::{Answered, BASE, Browser, House, hidden};
use crate::sp::{Posted, Request, escaped, key_pair};

on_both_databases!(
    av_05_slo_504_a_session_that_ended_is_dead_on_every_node_at_once,
    av_05_a_14_off_on_one_node_is_off_on_the_other_at_every_step,
    av_05_a_15_of_50_who_answer_one_request_on_two_nodes_one_does,
    av_05_saml_131_a_15_a_signed_request_is_taken_once_before_and_after_a_restart,
);

/// Whether the browser is still somebody on this node: at the portal, and at an application.
async fn lives(node: &House, browser: &Browser, round: usize) -> bool {
    let mut browser = browser.clone();
    let portal = node.get(&mut browser, "/").await;
    let query = Request::new(&format!("_s{round}")).query(None);
    let answered = node.get(&mut browser, &format!("/saml2/app?{query}")).await;
    let signed_on = Posted::read(&answered.body).is_some();
    assert_eq!(portal.status == StatusCode::OK, signed_on, "portal and sign-on agree: {}", answered.body);
    if !signed_on {
        assert_eq!(portal.status, StatusCode::SEE_OTHER);
        assert!(answered.location().starts_with("/login?request="), "{}", answered.location());
    }
    signed_on
}

async fn post_own(node: &House, browser: &mut Browser, path: &str) -> Answered {
    let page = node.get(browser, "/account").await;
    let body = format!("csrf={}", escaped(&hidden(&page.body, "csrf")));
    node.post(browser, path, body).await
}

async fn av_05_slo_504_a_session_that_ended_is_dead_on_every_node_at_once(house: House) {
    let other = house.another_node().await;
    house.application("app", json!({})).await;
    for (round, end) in ["logout", "own page", "sessions", "suspend", "delete"].into_iter().enumerate() {
        let name = format!("livia{round}");
        let mut browser = house.member(&name).await;
        let id = browser.user.unwrap();
        let stolen = browser.clone();
        let mut second = Browser::default();
        house.sign_in(&mut second, &name).await;
        for node in [&house, &other] {
            assert!(lives(node, &stolen, round).await, "{end}");
        }
        let answered = match end {
            "logout" => post_own(&house, &mut browser, "/logout").await,
            "own page" => post_own(&house, &mut second, "/account/sessions/end-others").await,
            "sessions" => house.api("DELETE", &format!("/users/{id}/sessions"), "application/json", "").await,
            "suspend" => house.api("POST", &format!("/users/{id}/suspend"), "application/json", "").await,
            _ => house.api("DELETE", &format!("/users/{id}"), "application/json", "").await,
        };
        assert!(answered.status.as_u16() < 400, "{end}: {}", answered.body);
        for node in [&other, &house] {
            assert!(!lives(node, &stolen, round).await, "{end}: a copied cookie opens nothing");
        }
        // Whoever signs out here stays signed in elsewhere; an administrator ends all of it.
        let second_lives = lives(&other, &second, round).await;
        assert_eq!(second_lives, matches!(end, "logout" | "own page"), "{end}");
        if end == "suspend" {
            people::activate(&house.installation.db, &house.ctx(), id).await.unwrap();
            assert!(!lives(&other, &stolen, round).await, "ended for good");
        }
    }
}

/// What is switched off while somebody is on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Off {
    Nothing,
    ApplicationDeactivated,
    ApplicationDeleted,
    GroupUnbound,
    MemberRemoved,
    PersonSuspended,
    PersonDeleted,
}

impl Off {
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::ApplicationDeactivated,
        Self::ApplicationDeleted,
        Self::GroupUnbound,
        Self::MemberRemoved,
        Self::PersonSuspended,
        Self::PersonDeleted,
    ];

    async fn happen(self, node: &House, application: &Application, browser: &Browser) {
        let (db, ctx, user) = (&node.installation.db, &node.ctx(), browser.user.unwrap());
        match self {
            Self::Nothing => {}
            Self::ApplicationDeactivated => {
                drop(sso::deactivate(db, ctx, application.id, None).await.unwrap());
            }
            Self::ApplicationDeleted => {
                drop(delete::delete(db, ctx, &[application.id], 1).await.unwrap());
            }
            Self::GroupUnbound => {
                binding::unbind(db, ctx, application.id, node.group).await.unwrap();
            }
            Self::MemberRemoved => drop(memberships::remove(db, ctx, node.group, user).await.unwrap()),
            Self::PersonSuspended => drop(people::suspend(db, ctx, user).await.unwrap()),
            Self::PersonDeleted => people::delete(db, ctx, user).await.unwrap(),
        }
    }
}

/// Where somebody is when it happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    BeforeTheRequest,
    RequestByPostWaits,
    AtTheSignInPage,
    SignedInForIt,
    BeforeTheTile,
    AskedWhetherToGoOn,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::BeforeTheRequest,
        Self::RequestByPostWaits,
        Self::AtTheSignInPage,
        Self::SignedInForIt,
        Self::BeforeTheTile,
        Self::AskedWhetherToGoOn,
    ];
}

/// Walks up to a step on one node, lets it happen on the other, and walks on; gives the page it ends on.
async fn walk(house: &House, other: &House, slug: &str, step: Step, off: Off) -> Answered {
    let application = house.application(slug, json!({})).await;
    let mut browser = house.member(slug).await;
    let path = format!("/saml2/{slug}");
    let request =
        |id: &str| Request { issue_instant: house.clock.now().to_xs_date_time(), ..Request::new(id) };
    let asked = format!("{path}?{}", request("_r").query(None));
    match step {
        Step::BeforeTheRequest => {
            house.get(&mut browser, &asked).await;
            off.happen(other, &application, &browser).await;
            house.get(&mut browser, &asked).await
        }
        Step::RequestByPostWaits => {
            let parked = house.post_from_elsewhere(&mut browser, &path, request("_p").body()).await;
            off.happen(other, &application, &browser).await;
            house.get(&mut browser, &parked.location()).await
        }
        Step::AtTheSignInPage | Step::SignedInForIt => {
            browser.cookies.clear();
            let sent = house.get(&mut browser, &asked).await;
            if matches!(step, Step::AtTheSignInPage) {
                house.get(&mut browser, &sent.location()).await;
                let typed = house.get(&mut browser, &sent.location()).await;
                off.happen(other, &application, &browser).await;
                let led = house.type_into(&mut browser, &typed, slug).await;
                if led.location().is_empty() {
                    return led;
                }
                return house.get(&mut browser, &led.location()).await;
            }
            let led = house.log_in(&mut browser, &sent.location(), slug).await;
            off.happen(other, &application, &browser).await;
            house.get(&mut browser, &led.location()).await
        }
        Step::BeforeTheTile => {
            house.get(&mut browser, "/").await;
            off.happen(other, &application, &browser).await;
            house.get(&mut browser, &path).await
        }
        Step::AskedWhetherToGoOn => {
            let page = house.get_from_elsewhere(&mut browser, &path).await;
            let body = format!("csrf={}", escaped(&hidden(&page.body, "csrf")));
            off.happen(other, &application, &browser).await;
            house.post(&mut browser, &path, body).await
        }
    }
}

async fn av_05_a_14_off_on_one_node_is_off_on_the_other_at_every_step(house: House) {
    let other = house.another_node().await;
    for (number, (step, off)) in
        Step::ALL.into_iter().flat_map(|step| Off::ALL.map(|off| (step, off))).enumerate()
    {
        // The limit on refusals is another test's business.
        house.clock.advance(60_000);
        let slug = format!("app{number}");
        let ended = walk(&house, &other, &slug, step, off).await;
        let issued = Posted::read(&ended.body).is_some();
        assert_eq!(issued, off == Off::Nothing, "{off:?} at {step:?}: {} {}", ended.status, ended.body);
        assert!(ended.status.as_u16() < 500, "{off:?} at {step:?}");
    }
}

async fn av_05_a_15_of_50_who_answer_one_request_on_two_nodes_one_does(house: House) {
    let other = house.another_node().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let parked = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_p").body()).await;
    let onward = parked.location();
    let tabs = (0..50).map(|tab| {
        let (mut browser, onward) = (browser.clone(), onward.clone());
        let node = if tab % 2 == 0 { &house } else { &other };
        async move {
            let answered = node.get(&mut browser, &onward).await;
            let issued = Posted::read(&answered.body).is_some();
            let lost = matches!(answered.status, StatusCode::GONE | StatusCode::CONFLICT);
            assert!(issued || lost, "{} {}", answered.status, answered.body);
            issued
        }
    });
    let issued = join_all(tabs).await;
    assert_eq!(issued.iter().filter(|issued| **issued).count(), 1);
    assert_eq!(house.events("sso_auth").await.len(), 1);
    other.refusal_codes().await;
    let codes = house.refusal_codes().await;
    assert_eq!(codes.len(), 49, "everyone else is told of");
    assert!(codes.iter().all(|code| matches!(&**code, "request_expired" | "request_already_answered")));
}

#[tokio::test]
async fn saml_129_access_taken_away_at_the_sign_in_page_is_gone_when_the_form_is_sent() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    house.person("livia", true).await;
    let mut browser = Browser::default();
    let asked = format!("/saml2/app?{}", Request::new("_r").query(None));
    let sent = house.get(&mut browser, &asked).await;
    let page = house.get(&mut browser, &sent.location()).await;
    binding::unbind(&house.installation.db, &house.ctx(), application.id, house.group).await.unwrap();
    let led = house.type_into(&mut browser, &page, "livia").await;
    let ended = house.get(&mut browser, &led.location()).await;
    assert_eq!(ended.status, StatusCode::FORBIDDEN);
    assert!(Posted::read(&ended.body).is_none());
    assert_eq!(house.refusal_codes().await, ["not_bound"]);
}

async fn av_05_saml_131_a_15_a_signed_request_is_taken_once_before_and_after_a_restart(house: House) {
    let (key, certificate) = key_pair();
    house
        .application("app", json!({ "sp_certificates": [certificate], "require_signed_requests": true }))
        .await;
    let livia = house.member("livia").await;
    let destination = format!("Destination=\"{BASE}/saml2/app\"");
    let path = format!("/saml2/app?{}", Request::new("_once").with(&destination).signed_query(&key));
    let first = house.get(&mut livia.clone(), &path).await;
    assert_eq!(Posted::read(&first.body).unwrap().in_response_to().as_deref(), Some("_once"));
    // Another node has the database of the first and nothing of its memory, as the same one has after a restart.
    let restarted = house.another_node().await;
    for node in [&restarted, &house] {
        for mut browser in [livia.clone(), Browser::default()] {
            let again = node.get(&mut browser, &path).await;
            assert_eq!(again.status, StatusCode::FORBIDDEN, "{}", again.body);
            assert!(again.body.contains("request_replayed"), "{}", again.body);
            assert!(Posted::read(&again.body).is_none());
        }
    }
    let fresh = format!("/saml2/app?{}", Request::new("_fresh").with(&destination).signed_query(&key));
    let answered = restarted.get(&mut livia.clone(), &fresh).await;
    assert!(Posted::read(&answered.body).is_some(), "{}", answered.body);
}
