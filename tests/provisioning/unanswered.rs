//! Whatever was sent and never answered may have been done or not (SE-02): what is there is looked at before it is
//! taken for what it was, whichever way things have turned meanwhile.

use serde_json::json;
use tessera::applications::binding;
use tessera::base::clock::{DAY, HOUR};
use tessera::directory::{GroupPatch, groups, people};
use tessera::lab::scim::{Fault, Quirks, Rule};
use tessera::provisioning::model::{Origin, State};

use crate::held::own;
use crate::world::World;

/// The next such request is done, and its answer is lost.
fn lose(world: &World, method: &str, resources: &str) {
    world.service.lab.add_fault(Rule::new(Fault::AppliedThenReset).on(method, resources).times(1));
}

/// A turn after which the answer was lost, and one that comes later.
async fn later(world: &World) {
    world.clock.advance(DAY / 2);
    world.turn().await;
}

#[tokio::test]
async fn se_02_whoever_leaves_a_group_before_an_answer_comes_is_taken_out() {
    for world in [World::open().await, World::on_postgres().await] {
        let group = world.group("Sales").await;
        let (ada, bob, cid) =
            (world.person("ada").await, world.person("bob").await, world.person("cid").await);
        world.join(group, &[ada, bob]).await;
        world.bind(group).await;
        world.connect(true).await;
        lose(&world, "POST", "Groups");
        world.turn().await;
        assert_eq!(world.members("Sales"), ["ada", "bob"], "it was done, and no answer came");
        people::suspend(&world.db, &world.ctx(), bob).await.unwrap();
        later(&world).await;
        assert_eq!(world.members("Sales"), ["ada"]);

        world.join(group, &[cid]).await;
        lose(&world, "PATCH", "Groups");
        world.turn().await;
        assert_eq!(world.members("Sales"), ["ada", "cid"], "this too");
        people::suspend(&world.db, &world.ctx(), cid).await.unwrap();
        later(&world).await;
        assert_eq!(world.members("Sales"), ["ada"]);
        assert_eq!(world.turn().await, [] as [&str; 0]);

        lose(&world, "PATCH", "Groups");
        world.leave(group, &[ada]).await;
        world.turn().await;
        assert_eq!(world.members("Sales"), [] as [&str; 0], "taken out, and no answer came");
        world.join(group, &[ada]).await;
        later(&world).await;
        assert_eq!(world.members("Sales"), ["ada"], "who is back is put in again");
    }
}

#[tokio::test]
async fn se_02_a_group_that_was_begun_is_found_under_its_name_of_then() {
    let world = World::open().await;
    let ada = world.person("ada").await;
    world.connect(true).await;
    for name in ["Renamed", "Deleted", "Unbound"] {
        let group = world.group(name).await;
        world.join(group, &[ada]).await;
        world.bind(group).await;
        lose(&world, "POST", "Groups");
        world.turn().await;
        assert_eq!(world.members(name), ["ada"], "it was made, and no answer came");
        match name {
            "Renamed" => rename(&world, group, "New name").await,
            "Deleted" => binding::delete_group(&world.db, &world.ctx(), group, None).await.unwrap(),
            _ => {
                world.unbind(group).await;
                later(&world).await;
                world.bind(group).await;
            }
        }
        later(&world).await;
    }
    let groups = world.service.lab.groups();
    let mut names: Vec<&str> = groups.iter().map(|group| group["displayName"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["New name", "Unbound"]);
    let origin = world.standing("Unbound").await.origin;
    assert_eq!(origin, Some(Origin::Created), "it is ours, not taken over");
}

async fn rename(world: &World, group: tessera::base::id::GroupId, name: &str) {
    let patch = GroupPatch { name: Some(name.to_owned()), ..GroupPatch::default() };
    groups::update(&world.db, &world.ctx(), group, None, patch).await.unwrap();
}

#[tokio::test]
async fn se_02_a_name_that_is_taken_back_before_an_answer_comes_is_taken_back_there() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.patch(ada, json!({ "last_name": "Byron" })).await;
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(true).await;
    world.turn().await;
    let family = |world: &World| world.service.lab.user_named("ada").unwrap()["name"]["familyName"].clone();

    lose(&world, "PATCH", "Users");
    world.patch(ada, json!({ "last_name": "Lovelace" })).await;
    world.turn().await;
    assert_eq!(family(&world), "Lovelace", "it was done, and no answer came");
    world.patch(ada, json!({ "last_name": "Byron" })).await;
    later(&world).await;
    assert_eq!((family(&world), world.standing("ada").await.state), (json!("Byron"), State::Synced));

    lose(&world, "PATCH", "Groups");
    rename(&world, group, "Field sales").await;
    world.turn().await;
    assert_eq!(world.members("Field sales"), ["ada"], "this too");
    rename(&world, group, "Sales").await;
    later(&world).await;
    assert_eq!(world.members("Sales"), ["ada"]);
    assert_eq!(world.turn().await, [] as [&str; 0]);
}

#[tokio::test]
async fn se_02_whoever_comes_or_goes_before_an_answer_comes_ends_as_they_should() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;

    lose(&world, "PATCH", "Users");
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(false), "it was done, and no answer came");
    people::activate(&world.db, &world.ctx(), ada).await.unwrap();
    later(&world).await;
    assert_eq!(world.is_active("ada"), Some(true), "who is back is let in");

    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.turn().await;
    lose(&world, "PATCH", "Users");
    people::activate(&world.db, &world.ctx(), ada).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(true), "it was done, and no answer came");
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(false), "who left is not left in");
}

/// A turn that ends, as a process does, once such a request, but for the first of them, has done this; another one goes
/// on later.
async fn killed(world: &mut World, method: &str, resources: &str, first: u64, done: impl Fn(&World) -> bool) {
    let slow = Rule::new(Fault::Slow { millis: 600_000 }).on(method, resources).after(first);
    world.service.lab.add_fault(slow);
    let carried_out = async {
        while !done(world) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = carried_out => {}
        _ = world.engine.turn() => panic!("it was to be ended in the middle"),
    }
    world.service.lab.clear_faults();
    world.succeed().await;
    world.clock.advance(HOUR);
}

#[tokio::test]
async fn se_01_a_large_group_that_was_begun_is_still_known_when_the_process_ends_amid_its_portions() {
    for then in ["renamed", "deleted", "unbound"] {
        let mut world = World::by(Quirks::default(), own("{membership_limit: 2}"), "own").await;
        let group = world.group("Sales").await;
        let mut people = Vec::new();
        for n in 0..7 {
            people.push(world.person(&format!("p{n}")).await);
        }
        world.join(group, &people).await;
        world.bind(group).await;
        world.connect(true).await;
        killed(&mut world, "PATCH", "Groups", 1, |world| world.members("Sales").len() == 6).await;
        people::suspend(&world.db, &world.ctx(), people[0]).await.unwrap();
        match then {
            "renamed" => rename(&world, group, "New name").await,
            "deleted" => binding::delete_group(&world.db, &world.ctx(), group, None).await.unwrap(),
            _ => world.unbind(group).await,
        }
        world.turn().await;
        let there = world.service.lab.groups();
        match then {
            "renamed" => {
                assert_eq!(there.len(), 1, "it is made once");
                assert_eq!(world.members("New name"), ["p1", "p2", "p3", "p4", "p5", "p6"]);
                assert_eq!(world.standing("New name").await.origin, Some(Origin::Created));
            }
            "deleted" => assert!(there.is_empty(), "we made it, so it goes"),
            _ => assert_eq!(there.len(), 1, "it stays as it is"),
        }
    }
}

#[tokio::test]
async fn se_01_whoever_was_being_taken_away_when_the_process_ended_goes() {
    let mut world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    lose(&world, "POST", "Users");
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.clock.advance(HOUR);
    // Nothing is carried out of it this time.
    world.service.lab.add_fault(Rule::new(Fault::Hang { millis: 600_000 }).on("PATCH", "Users"));
    let lab = world.service.lab.clone();
    let asked = async {
        while !lab.requests().iter().any(|one| one.method == "PATCH") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = asked => {}
        _ = world.engine.turn() => panic!("it hangs"),
    }
    lab.clear_faults();
    world.succeed().await;
    later(&world).await;
    assert_eq!(world.is_active("ada"), Some(false));
}

#[tokio::test]
async fn se_01_whose_account_was_being_taken_over_when_the_process_ended_is_known() {
    let mut world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.service.lab.seed_user(json!({ "userName": "ada", "active": false })).unwrap();
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    killed(&mut world, "PATCH", "Users", 0, |world| world.is_active("ada") == Some(true)).await;
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(false));
}

#[tokio::test]
async fn se_02_a_refusal_says_nothing_of_what_was_never_answered_before() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.turn().await;
    people::activate(&world.db, &world.ctx(), ada).await.unwrap();
    lose(&world, "PATCH", "Users");
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    let refused = Rule::new(Fault::Status { status: 400, retry_after: None }).on("PATCH", "Users").times(1);
    world.service.lab.add_fault(refused);
    later(&world).await;
    assert_eq!(world.is_active("ada"), Some(true), "it was refused");
    later(&world).await;
    assert_eq!(world.is_active("ada"), Some(false), "and it is tried again");
}
