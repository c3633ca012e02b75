//! What services answer, and what is made of it: a yes that is none, a no for one of many, a no that tells a secret.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::json;
use tessera::base::clock::HOUR;
use tessera::directory::{GroupPatch, groups, people};
use tessera::lab::scim::{Fault, PatchAnswer, Quirks, Rule, profile};
use tessera::provisioning::connection::ConnectionPatch;
use tessera::provisioning::model::{Change, State};
use tessera::provisioning::state;
use tokio::net::TcpListener;

use crate::held::own;
use crate::world::{TOKEN, World};

#[tokio::test]
async fn sc_19_a_yes_that_is_none_is_seen() {
    let world = World::open().await;
    let all = world.bound("Sales", 1).await.1;
    world.connect(false).await;
    world.turn().await;
    let lies =
        || world.service.lab.add_fault(Rule::new(Fault::Lie { echo: false }).on("PATCH", "Users").times(1));
    lies();
    world.patch(all[0], json!({ "last_name": "Lovelace" })).await;
    world.turn().await;
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Drift, Some("not_applied")));
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    world.turn().await;
    assert_eq!(world.standing("p000").await.state, State::Synced);

    lies();
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Pending, Some("not_applied")));
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.is_active("p000"), Some(false), "it is said again until it is so");
}

#[tokio::test]
async fn sc_19_a_yes_that_is_none_is_seen_of_groups_too() {
    let echoes = Quirks { patch_group: PatchAnswer::Body, ..Quirks::default() };
    let world = World::with(echoes, "custom-saml").await;
    let (group, _) = world.bound("Sales", 1).await;
    world.connect(true).await;
    world.turn().await;
    let lies =
        || world.service.lab.add_fault(Rule::new(Fault::Lie { echo: false }).on("PATCH", "Groups").times(1));
    let newcomer = world.person("newcomer").await;
    lies();
    world.join(group, &[newcomer]).await;
    world.turn().await;
    let entry = world.standing("Sales").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Drift, Some("not_applied")), "who is in it");
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    world.turn().await;
    assert_eq!(world.members("Sales"), ["newcomer", "p000"]);
    assert_eq!(world.standing("Sales").await.state, State::Synced);

    lies();
    let patch = GroupPatch { name: Some("Field sales".to_owned()), ..GroupPatch::default() };
    groups::update(&world.db, &world.ctx(), group, None, patch).await.unwrap();
    world.turn().await;
    let entry = world.standing("Field sales").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Drift, Some("not_applied")), "its name");
    // Whatever is looked at next in it, its name is tried again.
    let another = world.person("another").await;
    world.join(group, &[another]).await;
    world.turn().await;
    assert_eq!(world.members("Field sales").len(), 3);
    assert_eq!(world.standing("Field sales").await.state, State::Synced);

    // And every night.
    lies();
    let last = world.person("last").await;
    world.join(group, &[last]).await;
    world.turn().await;
    assert_eq!(world.standing("Field sales").await.state, State::Drift);
    world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    assert_eq!(
        (world.members("Field sales").len(), world.standing("Field sales").await.state),
        (4, State::Synced)
    );
}

#[tokio::test]
async fn sc_20_what_waits_for_somebody_there_is_not_said_to_be_done() {
    let world = World::with(profile("keeper").unwrap(), "keeper-cloud").await;
    world.bound("Sales", 2).await;
    world.connect(true).await;
    world.turn().await;
    assert_eq!(world.standing("Sales").await.state, State::Accepted);
    assert_eq!(world.members("Sales"), [] as [&str; 0]);
    assert_eq!(world.turn().await, [] as [&str; 0], "it is not asked all the time");
    world.service.lab.approve(None);
    world.clock.advance(2 * HOUR);
    world.turn().await;
    assert_eq!((world.standing("Sales").await.state, world.members("Sales").len()), (State::Synced, 2));
}

#[tokio::test]
async fn sc_08_many_come_and_go_in_portions_that_the_service_takes() {
    let world = World::with(profile("aws").unwrap(), "aws-iam-identity-center").await;
    let all = world.bound("Sales", 250).await.1;
    world.connect(true).await;
    world.turn().await;
    let group = groups::find_by_name(&mut world.db.reader(), "Sales").await.unwrap().unwrap().id;
    let members = |world: &World| world.members("Sales").len();
    assert_eq!(members(&world), 250);
    for person in &all[..137] {
        people::suspend(&world.db, &world.ctx(), *person).await.unwrap();
    }
    let newcomer = world.person("newcomer").await;
    world.join(group, &[newcomer]).await;
    world.turn().await;
    assert_eq!(members(&world), 114);
    let patches: Vec<_> = world
        .service
        .lab
        .requests()
        .into_iter()
        .filter(|one| one.method == "PATCH" && one.path.starts_with("/Groups"))
        .collect();
    assert!(
        patches.iter().all(|one| one.status.is_some_and(|status| status < 300)),
        "the service takes a hundred at a time"
    );
    assert!(patches.len() >= 3, "a hundred, thirty-seven, and one who comes: {}", patches.len());
}

#[tokio::test]
async fn se_06_a_name_that_is_refused_and_a_member_who_is_gone_hold_up_nobody() {
    let world = World::by(Quirks::default(), own("{}"), "own").await;
    let all = world.bound("Sales", 3).await.1;
    world.connect(true).await;
    world.turn().await;
    let group = groups::find_by_name(&mut world.db.reader(), "Sales").await.unwrap().unwrap().id;
    // The first change of the group is its name.
    let refused = Rule::new(Fault::Status { status: 400, retry_after: None }).on("PATCH", "Groups").times(1);
    world.service.lab.add_fault(refused);
    let patch = GroupPatch { name: Some("Field sales".to_owned()), ..GroupPatch::default() };
    groups::update(&world.db, &world.ctx(), group, None, patch).await.unwrap();
    world.turn().await;
    assert_eq!(world.standing("Field sales").await.state, State::Failed);
    world.service.lab.add_fault(
        Rule::new(Fault::Status { status: 400, retry_after: None }).on("PATCH", "Groups").after(1).times(1),
    );
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    assert_eq!(world.members("Sales"), ["p001", "p002"], "the name is refused again, and who left is out");

    // One of two who leave is not known there any more: the portion is refused as a whole.
    world.service.lab.clear_faults();
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    world.turn().await;
    let not_found =
        Rule::new(Fault::Status { status: 404, retry_after: None }).on("PATCH", "Groups").times(1);
    world.service.lab.add_fault(not_found);
    world.leave(group, &all[1..]).await;
    world.turn().await;
    assert_eq!(world.members("Field sales"), [] as [&str; 0]);
    assert_eq!(world.standing("Field sales").await.state, State::Synced);
}

#[tokio::test]
async fn decision_34_whoever_is_suspended_leaves_a_group_without_a_yes() {
    let world = World::open().await;
    let all = world.bound("Sales", 2).await.1;
    world.connect(true).await;
    world.turn().await;
    let group = groups::find_by_name(&mut world.db.reader(), "Sales").await.unwrap().unwrap().id;
    let asks = ConnectionPatch { require_approval: Some(vec![Change::Update]), ..ConnectionPatch::default() };
    world.change(asks).await;
    let cid = world.person("cid").await;
    world.join(group, &[cid]).await;
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    assert_eq!(world.members("Sales"), ["p001"]);
    assert_eq!(world.standing("Sales").await.state, State::AwaitingApproval, "who comes waits for a yes");
}

#[tokio::test]
async fn sc_05_an_account_that_is_there_is_changed_after_a_yes_where_changes_need_one() {
    let world = World::open().await;
    world.bound("Sales", 1).await;
    world.service.lab.seed_user(json!({ "userName": "p000", "active": true })).unwrap();
    let asks = ConnectionPatch { require_approval: Some(vec![Change::Update]), ..ConnectionPatch::default() };
    world.configure(asks).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.change), (State::AwaitingApproval, Some(Change::Update)));
    assert!(world.service.lab.requests().iter().all(|one| one.method == "GET"));
    state::decide_all(&world.db, &world.ctx(), world.id(), true, world.clock.now()).await.unwrap();
    world.turn().await;
    let account = world.service.lab.user_named("p000").unwrap();
    assert_eq!(account["emails"][0]["value"], json!("p000@example.com"));
}

#[tokio::test]
async fn sc_17_what_comes_to_wait_in_place_of_what_was_seen_is_not_approved_with_it() {
    let world = World::open().await;
    let all = world.bound("Sales", 1).await.1;
    world.connect(false).await;
    world.turn().await;
    let asks = vec![Change::Update, Change::Delete];
    world.change(ConnectionPatch { require_approval: Some(asks), ..ConnectionPatch::default() }).await;
    world.patch(all[0], json!({ "last_name": "Lovelace" })).await;
    world.turn().await;
    assert_eq!(world.standing("p000").await.change, Some(Change::Update));
    let seen = world.clock.now();
    world.clock.advance(HOUR);
    let group = groups::find_by_name(&mut world.db.reader(), "Sales").await.unwrap().unwrap().id;
    world.leave(group, &all).await;
    world.turn().await;
    assert_eq!(world.standing("p000").await.change, Some(Change::Deactivate));
    let decided = state::decide_all(&world.db, &world.ctx(), world.id(), true, seen).await.unwrap();
    world.turn().await;
    assert_eq!((decided, world.is_active("p000")), (0, Some(true)), "a yes to a name is none to a departure");
}

#[tokio::test]
async fn sc_24_where_a_change_makes_a_second_account_the_first_is_set_inactive() {
    let world = World::with(profile("heap").unwrap(), "heap").await;
    let all = world.bound("Sales", 1).await.1;
    world.connect(true).await;
    world.turn().await;
    world.patch(all[0], json!({ "email": "new@example.com" })).await;
    world.turn().await;
    assert_eq!(world.standing("p000").await.code.as_deref(), Some("immutable_attribute"));
    state::decide_all(&world.db, &world.ctx(), world.id(), true, world.clock.now()).await.unwrap();
    world.turn().await;
    let active = || {
        let users = world.service.lab.users();
        let mut active: Vec<String> = users
            .iter()
            .filter(|user| user["active"] == json!(true))
            .map(|user| user["userName"].as_str().unwrap().to_owned())
            .collect();
        active.sort();
        active
    };
    assert_eq!(active(), ["new@example.com"], "one account is theirs");
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    assert_eq!(active(), [] as [&str; 0], "and goes when they go");
}

#[tokio::test]
async fn sc_16_who_leaves_overtakes_a_group_that_is_being_filled() {
    let world = World::by(Quirks::default(), own("{membership_limit: 1}"), "own").await;
    let all = world.bound("Sales", 40).await.1;
    world.connect(true).await;
    world.service.lab.add_fault(Rule::new(Fault::Slow { millis: 100 }).on("PATCH", "Groups"));
    let engine = Arc::new(world.another_engine());
    let running = tokio::spawn(engine.run());
    let of = |method: &str, resources: &str| {
        let requests = world.service.lab.requests();
        requests.iter().filter(|one| one.method == method && one.path.starts_with(resources)).count()
    };
    while of("PATCH", "/Groups") < 3 {
        tokio::task::yield_now().await;
    }
    people::suspend(&world.db, &world.ctx(), all[39]).await.unwrap();
    while world.is_active("p039") != Some(false) {
        tokio::task::yield_now().await;
    }
    let by_then = of("PATCH", "/Groups");
    running.abort();
    assert!(by_then < 30, "{by_then} of 39 portions came first");
}

#[tokio::test]
async fn sc_21_a_service_that_repeats_the_token_gives_it_away_to_nobody() {
    let mut world = World::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scim/v2", listener.local_addr().unwrap());
    let answer = |headers: HeaderMap| async move {
        let sent = headers["authorization"].to_str().unwrap().to_owned();
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400",
            "detail": format!("You sent {sent}, which is not good.") });
        (axum::http::StatusCode::BAD_REQUEST, axum::Json(body))
    };
    let router = axum::Router::new().fallback(answer);
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    world.address = (url, TOKEN.to_owned());
    world.configure(ConnectionPatch::default()).await;
    let refused = world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap_err();
    task.abort();
    assert!(refused.message.contains("You sent Bearer […], which is not good."), "{}", refused.message);
    assert!(!refused.message.contains(TOKEN));
}

#[tokio::test]
async fn se_06_a_service_that_fails_for_every_member_is_not_asked_for_each_of_them() {
    let world = World::open().await;
    let all = world.bound("Sales", 60).await.1;
    world.connect(true).await;
    world.turn().await;
    let broken = Rule::new(Fault::Status { status: 500, retry_after: None }).on("PATCH", "Groups");
    world.service.lab.add_fault(broken);
    for person in &all[..50] {
        people::suspend(&world.db, &world.ctx(), *person).await.unwrap();
    }
    let asked = world.turn().await.into_iter().filter(|one| one == "PATCH /Groups/{id}").count();
    assert!(asked <= 10, "{asked} times for fifty who left");
    world.service.lab.clear_faults();
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.members("Sales").len(), 10, "and all of them go when it is well again");
}
