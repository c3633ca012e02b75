//! SE-05: what somebody else did there is found, told, and put right; what is none of ours is left alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tessera::lab::scim::{Fault, Quirks, Rule, profile};
use tessera::provisioning::engine::reconcile::Difference;
use tessera::provisioning::model::State;
use tokio::net::TcpListener;

use crate::world::World;

#[tokio::test]
async fn se_05_sc_15_what_was_changed_there_is_told_and_put_right() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let (ada, bob, cid) = (world.person("ada").await, world.person("bob").await, world.person("cid").await);
    world.join(group, &[ada, bob, cid]).await;
    world.bind(group).await;
    world.connect(true).await;
    world.turn().await;
    let lab = &world.service.lab;
    let id = |name: &str| lab.user_named(name).unwrap()["id"].as_str().unwrap().to_owned();
    let stranger = lab.seed_user(json!({ "userName": "stranger", "active": true })).unwrap();
    let sales = lab.group_named("Sales").unwrap()["id"].as_str().unwrap().to_owned();
    let patch = |operation| json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
    lab.change(&id("ada"), &patch(json!({ "op": "replace", "path": "active", "value": false }))).unwrap();
    let renamed = json!({ "op": "replace", "path": "name.familyName", "value": "Somebody" });
    lab.change(&id("cid"), &patch(renamed)).unwrap();
    let one_more = json!({ "op": "add", "path": "members", "value": [{ "value": stranger }] });
    lab.change(&sales, &patch(one_more)).unwrap();
    let out = json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", id("ada")) });
    lab.change(&sales, &patch(out)).unwrap();
    lab.remove(&id("bob"));

    let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((drift.missing, drift.changed, drift.unmanaged), (1, 2, 1), "{drift:?}");
    assert_eq!((drift.extra_members, drift.missing_members), (1, 2), "{drift:?}");
    let changed = drift.items.iter().find(|one| one.name == "cid").unwrap();
    assert_eq!(
        (changed.difference, changed.fields.as_slice()),
        (Difference::Changed, ["name.familyName".to_owned()].as_slice())
    );
    world.turn().await;
    assert_eq!((world.is_active("ada"), world.is_active("bob")), (Some(true), Some(true)));
    assert_eq!(lab.user_named("cid").unwrap()["name"]["familyName"], json!("cid"));
    assert_eq!(world.members("Sales"), ["ada", "bob", "cid", "stranger"]);
    for name in ["ada", "bob", "cid"] {
        assert_eq!(world.standing(name).await.state, State::Synced, "{name}");
    }
    let again = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((again.missing, again.changed, again.missing_members), (0, 0, 0), "{again:?}");
}

#[tokio::test]
async fn sc_10_half_a_list_says_nothing() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let mut all = Vec::new();
    for n in 0..150 {
        all.push(world.person(&format!("p{n:03}")).await);
    }
    world.join(group, &all).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    let broken = Fault::Status { status: 500, retry_after: None };
    world.service.lab.add_fault(Rule::new(broken).on("GET", "Users").after(1).times(1));
    let refused = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "scim_unavailable");
    assert_eq!(world.turn().await, [] as [&str; 0], "nobody is missing because a page is");
    let whole = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((whole.read, whole.missing), (150, 0));
}

#[tokio::test]
async fn sc_11_a_cursor_that_ends_is_begun_anew_once() {
    let quirks = Quirks { cursor_paging: true, page_max: 10, ..Quirks::default() };
    let world = World::with(quirks, "custom-saml").await;
    for n in 0..35 {
        world.service.lab.seed_user(json!({ "userName": format!("p{n:02}"), "active": true })).unwrap();
    }
    world.connect(false).await;
    let ended = || Rule::new(Fault::Status { status: 400, retry_after: None }).on("GET", "Users").after(2);
    world.service.lab.add_fault(ended().times(1));
    let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((drift.read, drift.unmanaged), (35, 35), "each is read once");
    world.service.lab.clear_faults();
    world.service.lab.add_fault(ended());
    let refused = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap_err();
    assert!(refused.message.starts_with("It could not be read whole"), "{refused:?}");
}

/// Pages of one person each; the second page is lost once, and from then on the cursors lead in a circle.
async fn circling(
    Shared(asked): Shared<Arc<AtomicUsize>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let list = |resources: serde_json::Value, next: Option<&str>| {
        let mut list = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "Resources": resources });
        if let Some(next) = next {
            list["nextCursor"] = json!(next);
        }
        Json(list).into_response()
    };
    let one = |id: &str| json!([{ "id": id, "userName": id, "active": true }]);
    match query.get("cursor").map(String::as_str) {
        Some("c1") if asked.fetch_add(1, Ordering::Relaxed) == 0 => StatusCode::BAD_REQUEST.into_response(),
        Some("c1") => list(one("b"), Some("c2")),
        Some(_) => list(one("a"), Some("c1")),
        None => list(json!([]), None),
    }
}

#[tokio::test]
async fn sc_11_cursors_that_lead_in_a_circle_come_to_an_end() {
    let mut world = World::open().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let config = json!({ "patch": { "supported": true }, "filter": { "supported": true }, "pagination": { "cursor": true } });
    let router = Router::new()
        .route("/Users", get(circling))
        .route("/ServiceProviderConfig", get(async move || Json(config)))
        .with_state(asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.address.0 = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the runtime of the test.
    drop(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    world.connect(false).await;
    let refused = world.engine.scan_people(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "scim_incomplete");
    assert!(asked.load(Ordering::Relaxed) < 10, "{asked:?} requests");
}

#[tokio::test]
async fn se_05_every_night_comes_once() {
    let world = World::open().await;
    world.connect(false).await;
    let reads = async || {
        world.service.lab.clear_requests();
        world.engine.reconcile_due().await.unwrap();
        world.service.lab.requests().len()
    };
    assert_eq!(reads().await, 0);
    world.clock.advance(26 * 3_600_000);
    assert_eq!((reads().await, reads().await), (2, 0), "what it can, and who is there");
}

#[tokio::test]
async fn se_05_a_group_that_somebody_emptied_is_filled_again() {
    for quirks in [profile("none").unwrap(), profile("scimmy").unwrap(), profile("scim2-server").unwrap()] {
        let world = World::with(quirks, "custom-saml").await;
        let (group, all) = world.bound("Sales", 3).await;
        world.connect(true).await;
        world.turn().await;
        let id = world.service.lab.group_named("Sales").unwrap()["id"].as_str().unwrap().to_owned();
        let empty = json!({ "Operations": [{ "op": "remove", "path": "members" }] });
        world.service.lab.change(&id, &empty).unwrap();
        assert_eq!(world.members("Sales"), [] as [&str; 0]);
        let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
        assert_eq!(drift.missing_members, 3);
        // Whoever leaves before they are added again is not added.
        world.leave(group, &all[..1]).await;
        world.turn().await;
        assert_eq!(world.members("Sales"), ["p001", "p002"]);
        let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
        assert_eq!((drift.missing_members, drift.extra_members), (0, 0));
    }
}
