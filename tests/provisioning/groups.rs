//! Groups: made with those who have an account, renamed, taken over, left alone, deleted, and who is in them by
//! differences.

use serde_json::json;
use tessera::applications::binding;
use tessera::directory::{GroupPatch, groups, people};
use tessera::lab::scim::{Fault, Rule};
use tessera::provisioning::connection::ConnectionPatch;
use tessera::provisioning::model::{Origin, State};

use crate::world::World;

#[tokio::test]
async fn sc_08_a_bound_group_is_made_with_its_people_and_follows_each_change() {
    for world in [World::open().await, World::on_postgres().await] {
        let group = world.group("Sales").await;
        let (ada, bob) = (world.person("ada").await, world.person("bob").await);
        world.bind(group).await;
        world.connect(true).await;
        assert_eq!(world.turn().await, [] as [&str; 0], "an empty group is not made");
        world.join(group, &[ada, bob]).await;
        let asked = world.turn().await;
        assert_eq!(asked.iter().filter(|one| *one == "POST /Users").count(), 2);
        assert_eq!(asked.last().map(String::as_str), Some("POST /Groups"), "people before groups: {asked:?}");
        assert_eq!(world.members("Sales"), ["ada", "bob"]);

        let cid = world.person("cid").await;
        world.join(group, &[cid]).await;
        assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "POST /Users", "PATCH /Groups/{id}"]);
        assert_eq!(world.members("Sales"), ["ada", "bob", "cid"]);
        world.leave(group, &[bob]).await;
        let mut asked = world.turn().await;
        asked.sort();
        assert_eq!(asked, ["PATCH /Groups/{id}", "PATCH /Users/{id}"]);
        assert_eq!(
            (world.members("Sales"), world.is_active("bob")),
            (vec!["ada".into(), "cid".into()], Some(false))
        );

        let patch = GroupPatch { name: Some("Field sales".to_owned()), ..GroupPatch::default() };
        groups::update(&world.db, &world.ctx(), group, None, patch).await.unwrap();
        assert_eq!(world.turn().await, ["PATCH /Groups/{id}"]);
        assert_eq!(world.members("Field sales"), ["ada", "cid"]);

        people::suspend(&world.db, &world.ctx(), cid).await.unwrap();
        world.turn().await;
        assert_eq!((world.members("Field sales"), world.is_active("cid")), (vec!["ada".into()], Some(false)));
        people::activate(&world.db, &world.ctx(), cid).await.unwrap();
        world.turn().await;
        assert_eq!(
            (world.members("Field sales"), world.is_active("cid")),
            (vec!["ada".into(), "cid".into()], Some(true))
        );

        binding::delete_group(&world.db, &world.ctx(), group, None).await.unwrap();
        world.turn().await;
        assert!(world.service.lab.groups().is_empty(), "we made it, so it goes");
        assert_eq!((world.is_active("ada"), world.is_active("cid")), (Some(false), Some(false)));
        assert_eq!(world.turn().await, [] as [&str; 0]);
    }
}

#[tokio::test]
async fn an_unbound_group_stays_as_it_is_and_its_people_go_unless_another_has_them() {
    let world = World::open().await;
    let (sales, staff) = (world.group("Sales").await, world.group("Staff").await);
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    world.join(sales, &[ada, bob]).await;
    world.join(staff, &[bob]).await;
    for group in [sales, staff] {
        world.bind(group).await;
    }
    world.connect(true).await;
    world.turn().await;
    world.unbind(sales).await;
    assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
    assert_eq!(world.members("Sales"), ["ada", "bob"], "the group stays as it is");
    assert_eq!((world.is_active("ada"), world.is_active("bob")), (Some(false), Some(true)));
    // Deleted after that, it is none of ours any more.
    binding::delete_group(&world.db, &world.ctx(), sales, None).await.unwrap();
    assert_eq!(world.turn().await, [] as [&str; 0]);
    assert!(world.service.lab.group_named("Sales").is_some());
}

#[tokio::test]
async fn groups_that_are_not_managed_any_more_stay_and_people_go_on() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(true).await;
    world.turn().await;
    world.change(ConnectionPatch { manage_groups: Some(false), ..ConnectionPatch::default() }).await;
    let bob = world.person("bob").await;
    world.join(group, &[bob]).await;
    assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "POST /Users"]);
    assert_eq!(world.members("Sales"), ["ada"], "membership is no longer sent");
    world.change(ConnectionPatch { manage_groups: Some(true), ..ConnectionPatch::default() }).await;
    assert_eq!(world.turn().await, ["PATCH /Groups/{id}"]);
    assert_eq!(world.members("Sales"), ["ada", "bob"]);
}

#[tokio::test]
async fn a_group_of_the_same_name_is_taken_over_and_given_back_without_what_we_added() {
    let world = World::open().await;
    let (group, ada, bob) =
        (world.group("Sales").await, world.person("ada").await, world.person("bob").await);
    let stranger = world.service.lab.seed_user(json!({ "userName": "stranger", "active": true })).unwrap();
    // Bob is there already, and in it.
    let old = world.service.lab.seed_user(json!({ "userName": "bob", "active": true })).unwrap();
    let members = json!([{ "value": stranger }, { "value": old }]);
    world.service.lab.seed_group(json!({ "displayName": "Sales", "members": members })).unwrap();
    world.join(group, &[ada, bob]).await;
    world.bind(group).await;
    world.connect(true).await;
    let asked = world.turn().await;
    assert!(!asked.contains(&"POST /Groups".to_owned()), "{asked:?}");
    assert_eq!(world.members("Sales"), ["ada", "bob", "stranger"], "whom we did not add is left");
    assert_eq!(world.standing("Sales").await.origin, Some(Origin::Adopted));
    binding::delete_group(&world.db, &world.ctx(), group, None).await.unwrap();
    world.turn().await;
    assert_eq!(world.members("Sales"), ["bob", "stranger"], "decision 33: cleared of what we added");
}

#[tokio::test]
async fn se_01_a_take_over_that_ends_in_the_middle_is_taken_up_again() {
    let mut world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    let old = world.service.lab.seed_user(json!({ "userName": "ada", "active": true })).unwrap();
    let theirs = json!({ "displayName": "SALES", "members": [{ "value": old }] });
    world.service.lab.seed_group(theirs).unwrap();
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(true).await;
    // The process is gone once it is noted who is in the group, before it is noted which group that is.
    world.service.lab.add_fault(Rule::new(Fault::Hang { millis: 600_000 }).on("PATCH", "Groups"));
    let renames = async {
        let is_asked = || {
            let requests = world.service.lab.requests();
            requests.iter().any(|one| one.method == "PATCH" && one.path.starts_with("/Groups"))
        };
        while !is_asked() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = renames => {}
        _ = world.engine.turn() => panic!("it hangs"),
    }
    world.service.lab.clear_faults();
    world.succeed().await;
    world.turn().await;
    let entry = world.standing("Sales").await;
    assert_eq!((entry.origin, entry.state), (Some(Origin::Adopted), State::Synced), "{:?}", entry.message);
    assert_eq!((world.members("Sales"), world.service.lab.groups().len()), (vec!["ada".to_owned()], 1));
}

#[tokio::test]
async fn sc_08_many_members_go_in_portions_and_one_change_is_one_request() {
    let world = World::open().await;
    let group = world.group("Everybody").await;
    let mut people = Vec::new();
    for n in 0..130 {
        people.push(world.person(&format!("p{n:03}")).await);
    }
    world.join(group, &people).await;
    world.bind(group).await;
    world.connect(true).await;
    let asked = world.turn().await;
    let count = |what: &str| asked.iter().filter(|one| *one == what).count();
    assert_eq!((count("POST /Users"), count("POST /Groups"), count("PATCH /Groups/{id}")), (130, 1, 1));
    assert!(count("GET /Users") <= 2, "SC-03: many are looked up at once: {}", count("GET /Users"));
    assert_eq!(world.members("Everybody").len(), 130);
    world.leave(group, &people[..1]).await;
    let mut asked = world.turn().await;
    asked.sort();
    assert_eq!(asked, ["PATCH /Groups/{id}", "PATCH /Users/{id}"]);
}

#[tokio::test]
async fn se_03_a_group_that_somebody_joined_before_they_were_back_gets_them_when_they_are() {
    let world = World::open().await;
    let (_, all) = world.bound("Sales", 2).await;
    let others = world.group("Others").await;
    world.join(others, &all[..1]).await;
    world.bind(others).await;
    world.connect(true).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), all[1]).await.unwrap();
    world.turn().await;
    people::activate(&world.db, &world.ctx(), all[1]).await.unwrap();
    world.join(others, &all[1..]).await;
    let broken = Rule::new(Fault::Status { status: 500, retry_after: None }).on("PATCH", "Users").times(1);
    world.service.lab.add_fault(broken);
    world.turn().await;
    assert_eq!((world.is_active("p001"), world.members("Others").len()), (Some(false), 1));
    world.clock.advance(3_600_000);
    world.turn().await;
    assert_eq!(world.is_active("p001"), Some(true));
    for group in ["Sales", "Others"] {
        assert_eq!(world.members(group), ["p000", "p001"], "{group}");
    }
}

#[tokio::test]
async fn a_group_that_is_bound_again_and_deleted_at_once_is_deleted_there() {
    let world = World::open().await;
    let (group, _) = world.bound("Sales", 1).await;
    world.connect(true).await;
    world.turn().await;
    world.unbind(group).await;
    world.turn().await;
    assert_eq!(world.service.lab.groups().len(), 1, "what is there stays");
    world.bind(group).await;
    binding::delete_group(&world.db, &world.ctx(), group, None).await.unwrap();
    world.turn().await;
    assert_eq!(world.service.lab.groups().len(), 0);
}
