//! SE-05: what somebody else did there is found, told, and put right; what is none of ours is left alone.

use serde_json::json;
use tessera::lab::scim::{Fault, Quirks, Rule};
use tessera::provisioning::engine::reconcile::Difference;
use tessera::provisioning::model::State;

use crate::world::World;

#[tokio::test]
async fn se_05_what_was_changed_there_is_told_and_put_right() {
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
