//! Several sign-ins in one browser at the same time, and what another site's forms may not do to them.

use axum::http::StatusCode;
use serde_json::json;

use crate::house::{Browser, House};
use crate::sp::{Posted, Request};

#[tokio::test]
async fn a_24_a_request_by_post_leaves_the_sign_in_of_another_tab_alone() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.person("livia", true).await;
    let mut browser = Browser::default();
    // One tab stands at the sign-in page, by Redirect; two more come by POST, without any cookie of ours.
    let query = Request::new("_one").query(None);
    let first = house.get_from_elsewhere(&mut browser, &format!("/saml2/app?{query}")).await;
    let before = browser.cookies.clone();
    let second = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_two").body()).await;
    let third = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_three").body()).await;
    assert!(
        before.iter().all(|(name, value)| browser.cookies.get(name) == Some(value)),
        "a cookie was replaced"
    );
    let mut pages = vec![first.location()];
    for parked in [second, third] {
        assert_eq!(parked.status, StatusCode::SEE_OTHER, "{}", parked.body);
        let to_login = house.get(&mut browser, &parked.location()).await;
        assert_eq!(to_login.status, StatusCode::SEE_OTHER, "{}", to_login.body);
        pages.push(to_login.location());
    }
    assert_eq!(browser.cookies.len(), before.len(), "the cookies of the hops are gone");
    // All three tabs come to their end, whichever signs in.
    house.sign_in(&mut browser, "livia").await;
    for (page, id) in pages.iter().zip(["_one", "_two", "_three"]) {
        let onward = page.replace("/login?", "/saml2/app/continue?");
        let answered = house.get(&mut browser, &onward).await;
        let posted = Posted::read(&answered.body).unwrap_or_else(|| panic!("{id}: {}", answered.body));
        assert_eq!(posted.in_response_to().as_deref(), Some(id));
    }
}

#[tokio::test]
async fn a_23_a_form_of_another_site_sets_no_cookie_where_nothing_waits() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    for path in ["/login", "/setup/guessed", "/saml2/app", "/saml2/nowhere"] {
        let answered =
            house.post_from_elsewhere(&mut Browser::default(), path, "username=a".to_owned()).await;
        assert!(answered.status.is_client_error(), "{path}: {}", answered.status);
        assert!(!answered.headers.contains_key("set-cookie"), "{path} sets a cookie");
    }
}

#[tokio::test]
async fn a_17_the_cookie_of_one_hop_opens_no_other_handle() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let (mut victim, mut other) = (Browser::default(), house.member("marcus").await);
    let parked = house.post_from_elsewhere(&mut victim, "/saml2/app", Request::new("_v").body()).await;
    house.post_from_elsewhere(&mut other, "/saml2/app", Request::new("_o").body()).await;
    assert_eq!(house.get(&mut other, &parked.location()).await.status, StatusCode::GONE);
    // Under the victim's name, the other's secret is no better.
    let name = victim.cookies.keys().next().unwrap().clone();
    let secret = other.cookies.iter().find(|(name, _)| name.contains("hop")).unwrap().1.clone();
    other.cookies.insert(name, secret);
    assert_eq!(house.get(&mut other, &parked.location()).await.status, StatusCode::GONE);
    assert_eq!(house.get(&mut victim, &parked.location()).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_17_a_made_up_hop_cookie_waits_for_no_writer() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut stranger = Browser::default();
    let handle = "A".repeat(43);
    stranger.cookies.insert(format!("__Host-tessera-hop-{}", &handle[..16]), "B".repeat(43));
    // Whoever can make the server write can keep others from it; here the only writer is taken.
    let writer = house.installation.db.begin().await.unwrap();
    let path = format!("/saml2/app/continue?request={handle}");
    let answer = tokio::time::timeout(std::time::Duration::from_secs(4), house.get(&mut stranger, &path));
    assert_eq!(answer.await.expect("no write").status, StatusCode::GONE);
    drop(writer);
}

#[tokio::test]
async fn saml_101_a_message_comes_from_one_place_under_any_spelling() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let query = Request::new("_q").query(None);
    let mixed = house
        .post_from_elsewhere(&mut browser, &format!("/saml2/app?{query}"), Request::new("_b").body())
        .await;
    assert_eq!(mixed.status, StatusCode::BAD_REQUEST);
    assert!(mixed.body.contains("mixed_sources"), "{}", mixed.body);
    // An escaped name is still the request's: it must not turn into a visit without one.
    let escaped = query.replacen("SAMLRequest", "SAML%52equest", 1);
    let answered = house.get(&mut browser, &format!("/saml2/app?{escaped}")).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{}", answered.body);
    assert!(Posted::read(&answered.body).is_none());
}
