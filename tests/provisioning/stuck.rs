//! What could stay as it is for ever: new people who are never reached, members who are forgotten, names that nobody is
//! told of, accounts that nobody takes away. Each comes to its end by itself.

use serde_json::json;
use tessera::applications::binding;
use tessera::base::clock::{HOUR, MINUTE};
use tessera::directory::{GroupPatch, NewPerson, groups, people};
use tessera::lab::scim::{Fault, Rule, profile};
use tessera::provisioning::connection::ConnectionPatch;
use tessera::provisioning::engine::reconcile::Difference;
use tessera::provisioning::model::{Change, OnUserDelete, State};
use tessera::provisioning::state;

use crate::world::World;

fn status(status: u16) -> Rule {
    Rule::new(Fault::Status { status, retry_after: None })
}

async fn rename(world: &World, group: &str, name: &str) {
    let found = groups::find_by_name(&mut world.db.reader(), group).await.unwrap().unwrap().id;
    let patch = GroupPatch { name: Some(name.to_owned()), ..GroupPatch::default() };
    groups::update(&world.db, &world.ctx(), found, None, patch).await.unwrap();
}

#[tokio::test]
async fn sc_13_reading_ahead_does_not_use_up_what_a_slow_service_takes() {
    let world = World::with(profile("github").unwrap(), "github-enterprise-managed-users").await;
    world.bound("Sales", 160).await;
    world.connect(false).await;
    // Sixteen a minute: what the engine looks at is half a second later each time, as in a server.
    for _ in 0..1_200 {
        world.turn().await;
        world.clock.advance(500);
    }
    assert_eq!(world.service.lab.users().len(), 160);
    let reads = world.service.lab.requests().iter().filter(|one| one.method == "GET").count();
    assert!(reads < 40, "{reads}");
}

#[tokio::test]
async fn sc_13_a_service_that_can_not_be_read_whole_gets_its_new_people_all_the_same() {
    let world = World::open().await;
    for nth in 0..150 {
        let name = format!("there{nth}");
        world.service.lab.seed_user(json!({ "userName": name, "active": true })).unwrap();
    }
    world.bound("Sales", 30).await;
    world.connect(false).await;
    let second_page = Rule::new(Fault::TooMany { retry_after: None }).on("GET", "Users").after(1).times(3);
    world.service.lab.add_fault(second_page);
    for _ in 0..4 {
        world.turn().await;
        world.clock.advance(10_000);
    }
    assert_eq!(world.service.lab.users().len(), 180);
}

#[tokio::test]
async fn se_02_whoever_was_put_into_a_group_and_refused_the_second_time_is_taken_out_again() {
    let world = World::with(profile("aws").unwrap(), "aws-iam-identity-center").await;
    let (group, _) = world.bound("Sales", 2).await;
    world.connect(true).await;
    world.turn().await;
    let cid = world.person("cid").await;
    world.service.lab.add_fault(Rule::new(Fault::AppliedThenReset).on("PATCH", "Groups").times(1));
    world.service.lab.add_fault(status(409).on("PATCH", "Groups").times(1));
    world.join(group, &[cid]).await;
    world.turn().await;
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.members("Sales").len(), 3, "they came in, and no answer said so");
    world.service.lab.clear_faults();
    world.leave(group, &[cid]).await;
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.members("Sales").len(), 2);
}

#[tokio::test]
async fn sc_04_a_name_that_becomes_free_in_any_way_is_taken_by_whoever_waits_for_it() {
    let world = World::open().await;
    let (sales, all) = world.bound("Sales", 2).await;
    world.connect(true).await;
    world.turn().await;
    // One gives the name up, and another has it: both at once.
    rename(&world, "Sales", "Sales EU").await;
    let second = world.group("Sales").await;
    world.join(second, &all[..1]).await;
    world.bind(second).await;
    world.turn().await;
    world.clock.advance(10 * MINUTE);
    world.turn().await;
    // Whoever asked a moment too early is woken, and needs no more time.
    world.turn().await;
    assert_eq!(
        (world.members("Sales EU"), world.members("Sales")),
        (vec!["p000".into(), "p001".into()], vec!["p000".into()])
    );
    // One is deleted, and another has its name.
    let down = status(503).on("DELETE", "Groups").times(1);
    world.service.lab.add_fault(down);
    binding::delete_group(&world.db, &world.ctx(), sales, None).await.unwrap();
    let third = world.group("Sales EU").await;
    world.join(third, &all[1..]).await;
    world.bind(third).await;
    world.turn().await;
    world.clock.advance(10 * MINUTE);
    world.turn().await;
    world.turn().await;
    assert_eq!(world.members("Sales EU"), ["p001"]);
    assert_eq!(world.standing("Sales EU").await.state, State::Synced);
}

#[tokio::test]
async fn se_06_a_group_whose_name_and_member_are_both_refused_does_not_wake_itself() {
    let world = World::open().await;
    let (group, _) = world.bound("Sales", 1).await;
    world.connect(true).await;
    world.turn().await;
    let cid = world.person("cid").await;
    world.join(group, &[cid]).await;
    world.service.lab.add_fault(Rule::new(Fault::Lie { echo: false }).on("PATCH", "Groups").times(1));
    world.service.lab.add_fault(status(409).on("PATCH", "Groups").times(30));
    rename(&world, "Sales", "Field sales").await;
    let asked = world.turn().await;
    assert!(asked.len() < 12, "{asked:?}");
}

#[tokio::test]
async fn se_07_the_first_of_two_accounts_is_taken_away_however_long_that_takes() {
    let world = World::with(profile("heap").unwrap(), "heap").await;
    let all = world.bound("Sales", 1).await.1;
    world.connect(true).await;
    world.turn().await;
    world.patch(all[0], json!({ "email": "new@example.com" })).await;
    world.turn().await;
    state::decide_all(&world.db, &world.ctx(), world.id(), true, world.clock.now()).await.unwrap();
    // The change makes the second account; setting the first inactive fails.
    world.service.lab.add_fault(status(503).on("PATCH", "Users").after(1).times(1));
    world.turn().await;
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Conflict, Some("second_account")));
    world.service.lab.add_fault(status(503).on("PATCH", "Users").after(1).times(1));
    world.patch(all[0], json!({ "last_name": "Somebody" })).await;
    world.turn().await;
    assert_eq!(world.standing("p000").await.code.as_deref(), Some("second_account"), "nothing is forgotten");
    world.clock.advance(10 * MINUTE);
    world.turn().await;
    let active = world.service.lab.users().iter().filter(|user| user["active"] == json!(true)).count();
    assert_eq!((active, world.standing("p000").await.state), (1, State::Synced));
}

#[tokio::test]
async fn sc_08_a_group_that_was_unbound_before_it_was_deleted_here_stays_there() {
    let world = World::open().await;
    let (group, _) = world.bound("Sales", 1).await;
    world.connect(true).await;
    world.turn().await;
    let cid = world.person("cid").await;
    world.join(group, &[cid]).await;
    world.service.lab.add_fault(Rule::new(Fault::AppliedThenReset).on("PATCH", "Groups").times(1));
    world.turn().await;
    world.unbind(group).await;
    binding::delete_group(&world.db, &world.ctx(), group, None).await.unwrap();
    world.clock.advance(HOUR);
    world.turn().await;
    assert!(world.service.lab.group_named("Sales").is_some());
}

#[tokio::test]
async fn se_07_whoever_was_suspended_goes_also_where_they_are_deleted_before_it_can_be_done() {
    let world = World::open().await;
    let (group, all) = world.bound("Sales", 3).await;
    world.connect(false).await;
    let nothing =
        ConnectionPatch { on_user_delete: Some(OnUserDelete::Nothing), ..ConnectionPatch::default() };
    world.change(nothing).await;
    world.turn().await;
    // Nobody is looked at for a quarter of an hour.
    world.service.lab.add_fault(status(401).times(1));
    world.patch(all[2], json!({ "last_name": "Somebody" })).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.leave(group, &all[1..2]).await;
    world.turn().await;
    for user in &all {
        people::delete(&world.db, &world.ctx(), *user).await.unwrap();
    }
    world.turn().await;
    world.clock.advance(HOUR);
    world.turn().await;
    let active = |name| world.is_active(name);
    assert_eq!((active("p000"), active("p001")), (Some(false), Some(false)), "they were to go before");
    assert_eq!(active("p002"), Some(true), "nothing was to become of this one");
}

#[tokio::test]
async fn se_05_what_is_not_kept_in_step_is_not_told_of_at_night() {
    let world = World::open().await;
    let (group, all) = world.bound("Sales", 2).await;
    world.connect(true).await;
    world.turn().await;
    let lab = &world.service.lab;
    let id = |name: &str| lab.user_named(name).unwrap()["id"].as_str().unwrap().to_owned();
    let sales = lab.group_named("Sales").unwrap()["id"].as_str().unwrap().to_owned();
    // Bound by another group from now on.
    let other = world.group("Others").await;
    world.join(other, &all).await;
    world.bind(other).await;
    world.unbind(group).await;
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    let patch = |operation| json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
    lab.change(&sales, &patch(json!({ "op": "replace", "path": "displayName", "value": "Theirs" }))).unwrap();
    let out = json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", id("p001")) });
    lab.change(&sales, &patch(out)).unwrap();
    lab.remove(&id("p000"));
    for _ in 0..2 {
        let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
        assert_eq!((drift.missing, drift.changed), (0, 0), "{drift:?}");
        assert_eq!((drift.missing_members, drift.extra_members), (0, 0), "{drift:?}");
        assert!(!drift.items.iter().any(|one| one.difference == Difference::Missing));
        assert_eq!(world.turn().await, [] as [&str; 0]);
    }
}

#[tokio::test]
async fn sc_16_what_was_approved_of_a_group_is_approved_once() {
    let world = World::open().await;
    let (group, _) = world.bound("Sales", 1).await;
    let (all, x, y) = (world.group("All").await, world.person("x").await, world.person("y").await);
    world.join(all, &[x, y]).await;
    world.bind(all).await;
    world.connect(true).await;
    world.turn().await;
    let asks = ConnectionPatch { require_approval: Some(vec![Change::Update]), ..ConnectionPatch::default() };
    world.change(asks).await;
    world.join(group, &[x, y]).await;
    world.turn().await;
    let yes = async || {
        state::decide_all(&world.db, &world.ctx(), world.id(), true, world.clock.now()).await.unwrap();
        world.turn().await;
    };
    // Both at once are refused, then the second of them alone.
    world.service.lab.add_fault(status(400).on("PATCH", "Groups").times(1));
    world.service.lab.add_fault(status(400).on("PATCH", "Groups").after(1));
    yes().await;
    assert_eq!(world.standing("Sales").await.state, State::Failed);
    let came = world.members("Sales").into_iter().find(|name| name != "p000").unwrap();
    world.service.lab.clear_faults();
    world.service.lab.add_fault(status(400).on("PATCH", "Groups").after(1));
    world.leave(group, &[if came == "x" { x } else { y }]).await;
    world.turn().await;
    yes().await;
    assert_eq!(world.members("Sales"), ["p000"]);
    world.join(group, &[if came == "x" { x } else { y }]).await;
    world.turn().await;
    assert_eq!(world.members("Sales"), ["p000"], "coming back is asked about anew");
    assert_eq!(world.standing("Sales").await.state, State::AwaitingApproval);
}

#[tokio::test]
async fn se_07_whoever_is_suspended_and_deleted_in_one_breath_goes_too() {
    let world = World::open().await;
    let (_, all) = world.bound("Sales", 2).await;
    world.connect(false).await;
    let nothing =
        ConnectionPatch { on_user_delete: Some(OnUserDelete::Nothing), ..ConnectionPatch::default() };
    world.change(nothing).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    for user in &all {
        people::delete(&world.db, &world.ctx(), *user).await.unwrap();
    }
    world.turn().await;
    assert_eq!((world.is_active("p000"), world.is_active("p001")), (Some(false), Some(true)));
}

#[tokio::test]
async fn sc_14_a_name_that_stays_taken_is_not_asked_about_for_ever() {
    let world = World::open().await;
    let (group, all) = world.bound("Sales", 1).await;
    world.connect(false).await;
    world.turn().await;
    people::delete(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    let new = NewPerson {
        username: "p000".to_owned(),
        email: "p000@example.com".to_owned(),
        reuse: true,
        ..NewPerson::default()
    };
    let heir = people::create(&world.db, &world.ctx(), new).await.unwrap().id;
    people::activate(&world.db, &world.ctx(), heir).await.unwrap();
    world.join(group, &[heir]).await;
    for _ in 0..3 {
        world.turn().await;
        world.clock.advance(10 * MINUTE);
    }
    assert_eq!(world.turn().await, [] as [&str; 0], "the account is kept for whoever had it");
    assert_eq!(world.is_active("p000"), Some(false));
}
