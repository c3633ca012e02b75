//! What every SCIM service provider does.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::house::{ENTERPRISE, House, refs, user};

#[tokio::test]
async fn a_user_is_made_read_changed_and_deleted() {
    let house = House::of("none").await;
    let mut sent = user("bjensen");
    sent["password"] = json!("never shown");
    sent["schemas"] = json!([crate::house::USER, ENTERPRISE]);
    sent[ENTERPRISE] = json!({ "department": "Tours" });
    let made = house.post("/Users", sent.clone()).await.expect(201);
    let path = format!("/Users/{}", made.id());
    assert_eq!(made.header("location"), Some(format!("{}{path}", house.lab.base_url()).as_str()));
    assert_eq!(made.header("content-type"), Some("application/scim+json"));
    assert_eq!(made.body["meta"]["version"].as_str(), made.header("etag"));
    assert_eq!(made.body.get("password"), None);
    assert!(tessera::scim::lacking(&sent, &made.body).is_empty());
    let again = house.post("/Users", user("BJENSEN")).await.expect(409);
    assert_eq!(again.scim_type(), "uniqueness");
    let patched = house
        .patch(
            &path,
            json!([
                { "op": "replace", "path": "active", "value": false },
                { "op": "add", "path": "emails[type eq \"home\"].value", "value": "b@home.test" },
                { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Sales" },
            ]),
        )
        .await
        .expect(200);
    assert_eq!(patched.body["active"], json!(false));
    assert_eq!(patched.body["emails"].as_array().unwrap().len(), 2);
    assert_eq!(patched.body[ENTERPRISE]["department"], json!("Sales"));
    let put =
        house.put(&path, json!({ "schemas": [crate::house::USER], "userName": "b2" })).await.expect(200);
    assert_eq!((put.body.get("emails"), &put.body["active"]), (None, &json!(false)));
    assert_eq!(house.find("Users", "userName eq \"bjensen\"").await.body["totalResults"], json!(0));
    house.delete(&path).await.expect(204);
    house.get(&path).await.expect(404);
    house.delete(&path).await.expect(404);
    house.close().await;
}

#[tokio::test]
async fn entity_tags_hold_back_a_lost_update() {
    let house = House::of("none").await;
    let path = format!("/Users/{}", house.user("a").await);
    let tag = house.get(&path).await.header("etag").unwrap().to_owned();
    house.patch(&path, json!([{ "op": "replace", "path": "title", "value": "x" }])).await.expect(200);
    let old = house.try_send(Method::PUT, &path, &[("if-match", &tag)], Some(&user("a"))).await.unwrap();
    assert_eq!(old.status, 412);
    let now = house.get(&path).await.header("etag").unwrap().to_owned();
    let unchanged = house.try_send(Method::GET, &path, &[("if-none-match", &now)], None).await.unwrap();
    assert_eq!(unchanged.status, 304);
    let put = house.try_send(Method::PUT, &path, &[("if-match", &now)], Some(&user("a"))).await.unwrap();
    assert_eq!(put.status, 200);
    let gone = house.try_send(Method::DELETE, &path, &[("if-match", &now)], None).await.unwrap();
    assert_eq!(gone.status, 412);
    house.close().await;
}

#[tokio::test]
async fn lists_are_filtered_paged_and_cut_to_what_is_asked_for() {
    let house = House::of("none").await;
    let ids = house.users(25);
    let page = house.get("/Users?startIndex=21&count=10").await.expect(200);
    assert_eq!(page.body["totalResults"], json!(25));
    assert_eq!((&page.body["startIndex"], &page.body["itemsPerPage"]), (&json!(21), &json!(5)));
    let seen: Vec<&str> =
        page.body["Resources"].as_array().unwrap().iter().map(|u| u["id"].as_str().unwrap()).collect();
    assert_eq!(seen, ids[20..].iter().map(String::as_str).collect::<Vec<_>>());
    for (filter, count) in [
        ("userName eq \"P7@example.com\"", 1),
        ("externalId eq \"ext-p7@example.com\"", 1),
        ("externalId eq \"EXT-p7@example.com\"", 0),
        ("emails.value sw \"p1\"", 11),
        ("userName eq \"p1@example.com\" and active eq false", 0),
        ("not (userName sw \"p1\")", 14),
    ] {
        assert_eq!(house.find("Users", filter).await.body["totalResults"], json!(count), "{filter}");
    }
    let bad = house.find("Users", "userName is \"x\"").await.expect(400);
    assert_eq!(bad.scim_type(), "invalidFilter");
    let only = house.get("/Users?count=1&attributes=userName").await;
    let keys: Vec<&String> = only.body["Resources"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schemas", "id", "userName"]);
    house.group("g", &ids[..3]).await.expect(201);
    let hidden = house.get("/Groups?excludedAttributes=members").await;
    assert_eq!(hidden.body["Resources"][0].get("members"), None);
    let found = house.find("Groups", &format!("members.value eq \"{}\"", ids[1])).await;
    assert_eq!(found.body["totalResults"], json!(1));
    let found = house.find("Groups", &format!("displayName eq \"G\" and members eq \"{}\"", ids[9])).await;
    assert_eq!(found.body["totalResults"], json!(0));
    house.close().await;
}

#[tokio::test]
async fn members_come_and_go_and_a_deleted_user_leaves() {
    let house = House::of("none").await;
    let ids = house.users(4);
    let made = house.group("Tours", &ids[..2]).await.expect(201);
    assert_eq!(made.body["members"].as_array().unwrap().len(), 2);
    assert_eq!(house.group("TOURS", &[]).await.expect(409).scim_type(), "uniqueness");
    let path = format!("/Groups/{}", made.id());
    let add = json!([{ "op": "add", "path": "members", "value": refs(&ids[1..]) }]);
    house.patch(&path, add.clone()).await.expect(204);
    house.patch(&path, add).await.expect(204);
    let members = |count: usize| assert_eq!(house.lab.members(&made.id()).len(), count);
    members(4);
    house
        .patch(&path, json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[0]) }]))
        .await
        .expect(204);
    house
        .patch(&path, json!([{ "op": "remove", "path": "members", "value": refs(&ids[1..2]) }]))
        .await
        .expect(204);
    members(2);
    let groups = house.get(&format!("/Users/{}", ids[2])).await.body["groups"].clone();
    assert_eq!(groups[0]["display"], json!("Tours"));
    house.delete(&format!("/Users/{}", ids[2])).await.expect(204);
    members(1);
    let unknown = json!([{ "op": "add", "path": "members", "value": [{ "value": "nobody" }] }]);
    assert_eq!(house.patch(&path, unknown).await.expect(400).scim_type(), "invalidValue");
    house
        .patch(
            &path,
            json!([{ "op": "replace", "value": { "displayName": "T", "members": refs(&ids[..1]) } }]),
        )
        .await
        .expect(204);
    assert_eq!(house.lab.members(&made.id()), [ids[0].clone()]);
    house.delete(&path).await.expect(204);
    assert_eq!(house.get(&format!("/Users/{}", ids[0])).await.body.get("groups"), None);
    house.close().await;
}

#[tokio::test]
async fn each_kind_of_credentials_opens_and_others_do_not() {
    use base64::Engine as _;
    let mut house = House::of("none").await;
    let form = reqwest::Client::new()
        .post(format!("{}/oauth/token", house.origin()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&client_id=lab&client_secret=lab-token");
    let text = form.send().await.unwrap().text().await.unwrap();
    let issued: serde_json::Value = serde_json::from_str(&text).unwrap();
    let access = format!("Bearer {}", issued["access_token"].as_str().unwrap());
    let basic = |pair: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    for (authorization, status) in [
        (access.clone(), 200),
        (basic("lab:lab-token"), 200),
        (basic("lab:other"), 401),
        ("Bearer other".to_owned(), 401),
        ("lab-token".to_owned(), 401),
        (String::new(), 401),
    ] {
        house = house.with_authorization(&authorization);
        assert_eq!(house.get("/Users").await.status, status, "{authorization}");
    }
    house.clock.advance(3_600_000);
    house = house.with_authorization(&access);
    house.get("/Users").await.expect(401);
    house.lab.set_token("another");
    house = house.with_authorization("Bearer lab-token");
    house.get("/Users").await.expect(401);
    house = house.with_authorization("Bearer another");
    house.get("/Users").await.expect(200);
    let log = house.lab.requests();
    assert_eq!((log[0].is_authorized, log[5].has_authorization), (true, false));
    assert!(!format!("{log:?}").contains("lab-token"), "the log keeps no token");
    house.close().await;
}

#[tokio::test]
async fn what_the_server_is_can_be_read() {
    let house = House::of("none").await;
    let config = house.get("/ServiceProviderConfig").await.expect(200);
    let capabilities = tessera::scim::Capabilities::read(&config.body).unwrap();
    assert_eq!((capabilities.patch, capabilities.filter, capabilities.etag), (Some(true), Some(true), true));
    assert_eq!(house.get("/ResourceTypes").await.body["totalResults"], json!(2));
    assert_eq!(house.get("/Schemas").await.body["totalResults"], json!(3));
    house.get(&format!("/Schemas/{ENTERPRISE}")).await.expect(200);
    house.get("/ResourceTypes/User").await.expect(200);
    house.get("/Schemas?filter=id%20pr").await.expect(403);
    for path in ["/Things", "/Users/a/b", "/Schemas/x"] {
        house.get(path).await.expect(404);
    }
    house.get("/Me").await.expect(501);
    house.post("/Schemas", json!({})).await.expect(405);
    house.send(Method::POST, "/Users/x", Some(json!({}))).await.expect(405);
    house.send(Method::POST, "/Users", Some(json!("x"))).await.expect(400);
    house.close().await;
}

#[tokio::test]
async fn large_sets_cost_no_more_than_small_ones() {
    let house = House::of("none").await;
    let ids = house.users(10_000);
    for number in 0..200 {
        let members: Vec<String> = ids.iter().skip(number * 20).take(3000).cloned().collect();
        let group = crate::house::group(&format!("g{number}"), &members);
        house.lab.seed_group(group).unwrap();
    }
    house.lab.set_latency(Duration::from_millis(20));
    let group = house.lab.group_named("G7").unwrap()["id"].as_str().unwrap().to_owned();
    let each = |client: usize| {
        let (house, ids, group) = (&house, &ids, &group);
        async move {
            for round in 0..10 {
                let id = &ids[client * 100 + round];
                house
                    .find("Users", &format!("userName eq \"p{}@example.com\"", client * 100 + round))
                    .await
                    .expect(200);
                let title = json!([{ "op": "replace", "path": "title", "value": format!("t{round}") }]);
                house.patch(&format!("/Users/{id}"), title).await.expect(200);
                let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
                house.patch(&format!("/Groups/{group}"), add).await.expect(204);
            }
        }
    };
    let start = Instant::now();
    futures_util::future::join_all((0..10).map(each)).await;
    let took = start.elapsed();
    // Thirty requests one after the other, ten at a time: the latency is what is waited for.
    assert!(took < Duration::from_millis(30 * 20 * 3), "{took:?}");
    assert_eq!(house.lab.counts()["PATCH /Groups"], 100);
    house.close().await;
}
