//! Several nodes at one service: one of them sends at a time, whatever their clocks say, and all of them together keep to
//! the pace that the service takes.

use serde_json::json;
use tessera::base::Clock;
use tessera::base::clock::HOUR;
use tessera::directory::people;
use tessera::lab::scim::{Fault, Quirks, Rule};
use tessera::provisioning::state;

use crate::held::own;
use crate::world::{World, asked};

#[tokio::test]
async fn av_06_sc_23_a_node_whose_clock_is_ahead_takes_nothing_from_one_that_is_at_work() {
    for world in [World::open().await, World::on_postgres().await] {
        Box::pin(clock_ahead(world)).await;
    }
}

async fn clock_ahead(world: World) {
    world.bound("Sales", 3).await;
    world.connect(false).await;
    let ahead = Clock::frozen(world.clock.now().plus(HOUR));
    let other = world.engine_by(&ahead);
    world.service.lab.add_fault(Rule::new(Fault::Slow { millis: 600_000 }).on("POST", "Users"));
    let is_at_work = async {
        while world.service.lab.users().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    // The node ends in the middle, and gives back nothing.
    tokio::select! {
        biased;
        () = is_at_work => {}
        _ = world.engine.turn() => panic!("it hangs"),
    }
    world.service.lab.clear_faults();
    world.service.lab.clear_requests();
    other.turn().await.unwrap();
    ahead.advance(44_000);
    other.turn().await.unwrap();
    assert_eq!(asked(&world.service.lab.requests()), [] as [&str; 0], "it may be at work yet");
    ahead.advance(2_000);
    other.turn().await.unwrap();
    assert_eq!(world.service.lab.users().len(), 3, "nobody is there twice");
    assert!(!world.service.lab.requests().is_empty(), "what was begun is looked at");
    world
        .patch(
            people::find_by_login_name(&mut world.db.reader(), "p000").await.unwrap().unwrap().id,
            json!({ "last_name": "Augusta" }),
        )
        .await;
    other.turn().await.unwrap();
    assert_eq!(world.service.lab.user_named("p000").unwrap()["name"]["familyName"], json!("Augusta"));
}

#[tokio::test]
async fn sc_13_two_nodes_keep_to_one_pace() {
    let catalog = own("{pace: {per_minute: 60, burst: 6}}");
    let sqlite = World::by(Quirks::default(), catalog.clone(), "own").await;
    for world in [sqlite, World::on_postgres_by(catalog, "own").await] {
        one_pace(world).await;
    }
}

async fn one_pace(world: World) {
    let (group, _) = world.bound("Sales", 12).await;
    world.connect(false).await;
    let first = world.turn().await.len();
    assert!((6..=8).contains(&first), "{first}");
    // Another node, and another application at the same service.
    world.connect_another(group).await;
    let other = world.another_engine();
    world.service.lab.clear_requests();
    other.turn().await.unwrap();
    assert_eq!(asked(&world.service.lab.requests()), [] as [&str; 0], "nothing is left for anybody");
    world.clock.advance(10_000);
    other.turn().await.unwrap();
    world.engine.turn().await.unwrap();
    let then = world.service.lab.requests().len();
    assert!((6..=8).contains(&then), "ten seconds later it is full again, for all together: {then}");
}

#[tokio::test]
async fn av_05_sc_23_two_nodes_never_send_to_one_service_at_a_time() {
    let world = World::open().await;
    world.bound("Sales", 40).await;
    world.connect(true).await;
    let other = world.another_engine();
    let (one, two) = tokio::join!(world.engine.turn(), other.turn());
    one.unwrap();
    two.unwrap();
    world.engine.turn().await.unwrap();
    let requests = world.service.lab.requests();
    let made = requests.iter().filter(|request| request.method == "POST" && request.path == "/Users").count();
    assert_eq!((made, world.service.lab.users().len(), world.members("Sales").len()), (40, 40, 40));
}

#[tokio::test]
async fn sc_13_no_more_is_sent_in_a_minute_than_the_service_takes() {
    let world = World::by(Quirks::default(), own("{pace: {per_minute: 60, burst: 5}}"), "own").await;
    world.bound("Sales", 12).await;
    world.connect(false).await;
    let mut counts = Vec::new();
    while world.service.lab.users().len() < 12 {
        counts.push(world.turn().await.len());
        world.clock.advance(2_000);
        assert!(counts.len() < 60, "it comes to no end: {counts:?}");
    }
    // What is begun comes to its end: two lookups and the making.
    assert!(counts[0] <= 5 + 3, "{counts:?}");
    let all: usize = counts.iter().sum();
    assert!(all <= 5 + 2 * counts.len() + 3, "{counts:?}");
}

#[tokio::test]
async fn sc_13_sc_16_the_pace_holds_up_nobody_who_leaves() {
    let world = World::by(Quirks::default(), own("{pace: {per_minute: 60, burst: 9}}"), "own").await;
    let (_, all) = world.bound("Sales", 12).await;
    world.connect(false).await;
    world.turn().await;
    assert!(world.service.lab.users().len() < 12, "the others wait");
    let there = (0..12).find(|n| world.is_active(&format!("p{n:03}")).is_some()).unwrap();
    people::suspend(&world.db, &world.ctx(), all[there]).await.unwrap();
    assert_eq!(world.turn().await, ["PATCH /Users/{id}"], "and whoever leaves does not");
    assert_eq!(world.is_active(&format!("p{there:03}")), Some(false));
}

#[tokio::test]
async fn sc_13_sc_19_members_who_are_not_shown_do_not_use_up_the_pace() {
    let quirks = "{pace: {per_minute: 60, burst: 3}, read_back: true, membership_limit: 2}";
    let world = World::by(Quirks::default(), own(quirks), "own").await;
    world.bound("Sales", 6).await;
    world.connect(true).await;
    world.service.lab.add_fault(Rule::new(Fault::Lie { echo: false }).on("PATCH", "Groups").times(2));
    for _ in 0..80 {
        world.turn().await;
        world.clock.advance(1_000);
        if world.members("Sales").len() == 4 {
            break;
        }
    }
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    for _ in 0..40 {
        world.turn().await;
        world.clock.advance(1_000);
    }
    assert_eq!(world.members("Sales").len(), 6, "{:?}", world.standing("Sales").await);
}
