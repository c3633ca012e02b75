//! What waits for a person, and for how long what fails is tried: by rules of the application, by names that are taken, by
//! the clock.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tessera::applications::binding;
use tessera::base::clock::{DAY, HOUR};
use tessera::catalog::Catalog;
use tessera::directory::people;
use tessera::lab::scim::{Fault, Quirks, Rule};
use tessera::provisioning::connection::{ConnectionPatch, NewSecret, bearer};
use tessera::provisioning::model::{Change, Entry, Origin, State};
use tessera::provisioning::state::{self, Decision};

use crate::world::{TOKEN, World};

/// The custom connector with these quirks.
pub fn own(quirks: &str) -> Arc<Catalog> {
    let text = format!(
        "id: own\nname: Own\ndescription: Our own\ncategories: [other]\naccent: lapis\nversion: 1\n\
         sso:\n  sp_entity_id: https://own.example.com\n  acs_urls: [https://own.example.com/acs]\n\
         provisioning:\n  auth: bearer\n  groups: true\n  quirks: {quirks}\nsetup: {{}}\n"
    );
    let connector = tessera::catalog::load::parse("own.yaml", text.as_bytes()).unwrap();
    Arc::new(Catalog::from_connectors([connector]))
}

/// A world by the custom connector with these quirks.
async fn world(quirks: &str) -> World {
    World::by(Quirks::default(), own(quirks), "own").await
}

async fn approve(world: &World, entry: &Entry) {
    let decision = Decision { local: entry.local, asked: entry.asked.clone().unwrap(), approve: true };
    state::decide(&world.db, &world.ctx(), world.id(), &[decision]).await.unwrap();
}

fn is(entry: &Entry) -> (State, Option<&str>) {
    (entry.state, entry.code.as_deref())
}

#[tokio::test]
async fn decision_33_a_group_that_is_there_is_asked_about_where_the_connector_says_so() {
    for (quirks, name) in
        [("{adopt_groups: ask}", "Sales"), ("{privileged_groups: [\"Admin*\"]}", "Administrators")]
    {
        let world = world(quirks).await;
        let (group, ada) = (world.group(name).await, world.person("ada").await);
        world.service.lab.seed_group(json!({ "displayName": name })).unwrap();
        world.join(group, &[ada]).await;
        world.bind(group).await;
        world.connect(true).await;
        world.turn().await;
        assert_eq!(
            is(&world.standing(name).await),
            (State::AwaitingApproval, Some("group_exists")),
            "{quirks}"
        );
        assert!(world.members(name).is_empty(), "{quirks}: nobody is let into it unasked");
        approve(&world, &world.standing(name).await).await;
        world.turn().await;
        assert_eq!(
            (world.members(name), world.standing(name).await.origin),
            (vec!["ada".to_owned()], Some(Origin::Adopted))
        );
    }
}

#[tokio::test]
async fn sc_24_what_never_changes_there_is_asked_about_and_the_rest_goes() {
    let world = world("{immutable: [userName]}").await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    world.patch(ada, json!({ "username": "augusta", "first_name": "Augusta" })).await;
    world.turn().await;
    let there = world.service.lab.user_named("ada").expect("she has the name that she had");
    assert_eq!(there["name"]["givenName"], "Augusta");
    assert_eq!(is(&world.standing("augusta").await), (State::AwaitingApproval, Some("immutable_attribute")));
    approve(&world, &world.standing("augusta").await).await;
    world.turn().await;
    assert!(world.service.lab.user_named("augusta").is_some());
    assert_eq!(world.standing("augusta").await.state, State::Synced);
}

#[tokio::test]
async fn sc_24_where_a_token_is_changed_only_while_nothing_is_sent() {
    let world = world("{deactivate_to_change_token: true}").await;
    world.connect(false).await;
    let secret = || NewSecret { credentials: bearer(SecretString::from(TOKEN)), expires_at: None };
    let connections = world.engine.connections();
    let refused = connections.set_secret(&world.ctx(), world.id(), secret()).await.unwrap_err();
    assert_eq!(refused.code, "deactivate_first");
    connections.deactivate(&world.ctx(), world.id()).await.unwrap();
    connections.set_secret(&world.ctx(), world.id(), secret()).await.unwrap();
    connections.activate(&world.ctx(), world.id()).await.unwrap();
}

#[tokio::test]
async fn sc_04_an_account_that_is_taken_and_never_shown_is_left_to_a_person() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world
        .service
        .lab
        .add_fault(Rule::new(Fault::Status { status: 409, retry_after: None }).on("POST", "Users"));
    let asked = world.turn().await;
    assert_eq!(asked.iter().filter(|request| *request == "POST /Users").count(), 1, "{asked:?}");
    assert_eq!(is(&world.standing("ada").await), (State::Conflict, Some("account_hidden")));
    world.clock.advance(2 * HOUR);
    assert_eq!(world.turn().await, [] as [&str; 0], "it is not tried by itself");
}

#[tokio::test]
async fn se_07_a_change_is_tried_for_a_day_and_a_departure_for_thirty() {
    let world = World::open().await;
    let (group, ada, bob) =
        (world.group("Sales").await, world.person("ada").await, world.person("bob").await);
    world.join(group, &[ada, bob]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    world
        .service
        .lab
        .add_fault(Rule::new(Fault::Status { status: 500, retry_after: None }).on("PATCH", "Users"));
    world.patch(ada, json!({ "first_name": "Augusta" })).await;
    people::suspend(&world.db, &world.ctx(), bob).await.unwrap();
    world.turn().await;
    let states = async || (world.standing("ada").await.state, world.standing("bob").await.state);
    assert_eq!(states().await, (State::Pending, State::Pending));
    world.clock.advance(23 * HOUR);
    world.turn().await;
    assert_eq!(states().await, (State::Pending, State::Pending));
    world.clock.advance(2 * HOUR);
    world.turn().await;
    assert_eq!(states().await, (State::Failed, State::Pending));
    world.clock.advance(28 * DAY);
    world.turn().await;
    assert_eq!(states().await.1, State::Pending, "whoever left is tried on");
    world.clock.advance(2 * DAY);
    world.turn().await;
    assert_eq!(states().await.1, State::Failed);
    world.service.lab.clear_faults();
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("bob"), Some(false), "and goes when somebody says so");
}

#[tokio::test]
async fn sc_17_many_who_leave_are_told_once() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let mut all = Vec::new();
    for n in 0..25 {
        all.push(world.person(&format!("p{n:02}")).await);
    }
    world.join(group, &all).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    world.unbind(group).await;
    world.turn().await;
    world.turn().await;
    let told = world.events().await.into_iter().filter(|name| name == "idm_mass_change").count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn an_activation_that_fails_and_a_change_of_address_leave_events() {
    let mut world = World::open().await;
    let sorted = async |world: &World| {
        let mut names = world.events().await;
        names.sort();
        names
    };
    world.address.1 = "another".to_owned();
    world.configure(ConnectionPatch::default()).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap_err();
    let told = sorted(&world).await;
    assert_eq!(told, ["idm_integration_activate", "idm_integration_reauth", "idm_integration_update"]);
    world.clock.advance(1000);
    world.address.1 = TOKEN.to_owned();
    world.connect(false).await;
    world.clock.advance(1000);
    let elsewhere = Some("http://127.0.0.1:9/scim/v2".to_owned());
    world.change(ConnectionPatch { base_url: elsewhere, ..Default::default() }).await;
    let told = world.events().await;
    assert!(told.contains(&"idm_integration_delete".to_owned()), "nothing is sent any more: {told:?}");
}

#[tokio::test]
async fn a_group_that_cannot_be_taken_away_holds_up_nobody() {
    let world = World::open().await;
    let (sales, staff, ada) =
        (world.group("Sales").await, world.group("Staff").await, world.person("ada").await);
    for group in [sales, staff] {
        world.join(group, &[ada]).await;
        world.bind(group).await;
    }
    world.connect(true).await;
    world.turn().await;
    world
        .service
        .lab
        .add_fault(Rule::new(Fault::Status { status: 500, retry_after: None }).on("DELETE", "Groups"));
    binding::delete_group(&world.db, &world.ctx(), sales, None).await.unwrap();
    world.turn().await;
    world.clock.advance(HOUR);
    world.patch(ada, json!({ "first_name": "Augusta" })).await;
    tokio::time::timeout(Duration::from_secs(30), world.turn()).await.expect("it comes to an end");
    assert_eq!(world.service.lab.user_named("ada").unwrap()["name"]["givenName"], "Augusta");
    assert!(world.service.lab.group_named("Sales").is_some(), "it is tried again");
}

#[tokio::test]
async fn sc_05_several_accounts_of_one_name_are_left_to_a_person() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    let lab = &world.service.lab;
    let first = lab.seed_user(json!({ "userName": "ada", "active": true })).unwrap();
    let second = lab.seed_user(json!({ "userName": "lovelace", "active": true })).unwrap();
    let renames = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "userName", "value": "ada" }] });
    assert!(lab.change(&second, &renames).unwrap());
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    assert_eq!(is(&world.standing("ada").await), (State::Conflict, Some("several_accounts")));
    assert!(lab.requests().iter().all(|request| request.method == "GET"), "neither is touched");
    lab.remove(&second);
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    world.turn().await;
    let entry = world.standing("ada").await;
    assert_eq!((entry.state, entry.remote_id), (State::Synced, Some(first)));
}

#[tokio::test]
async fn what_an_application_makes_no_use_of_is_not_sent() {
    let world = world("{unused: [title]}").await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.patch(ada, json!({ "job_title": "Countess", "display_name": "Ada L." })).await;
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    let account = world.service.lab.user_named("ada").unwrap();
    assert_eq!((&account["displayName"], account.get("title")), (&json!("Ada L."), None));
}

fn renames(attribute: &str, to: &str) -> serde_json::Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": attribute, "value": to }] })
}

#[tokio::test]
async fn sc_05_what_belongs_to_one_of_ours_is_given_to_no_other() {
    let world = World::open().await;
    let (sales, staff) = (world.group("Sales").await, world.group("Staff").await);
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    world.join(sales, &[ada]).await;
    world.join(staff, &[ada, bob]).await;
    world.bind(sales).await;
    world.connect(true).await;
    world.turn().await;
    let lab = &world.service.lab;
    // Somebody there calls her account, and her group, what others of ours are called.
    let account = lab.user_named("ada").unwrap()["id"].as_str().unwrap().to_owned();
    let group = lab.group_named("Sales").unwrap()["id"].as_str().unwrap().to_owned();
    assert!(lab.change(&account, &renames("userName", "bob")).unwrap());
    assert!(lab.change(&group, &renames("displayName", "Staff")).unwrap());
    world.bind(staff).await;
    world.turn().await;
    assert_eq!(is(&world.standing("bob").await), (State::Conflict, Some("account_taken")));
    assert_eq!(is(&world.standing("Staff").await), (State::Conflict, Some("group_taken")));
    assert_eq!((lab.users().len(), lab.groups().len()), (1, 1));
}

#[tokio::test]
async fn sc_05_several_groups_of_one_name_are_left_to_a_person() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    let lab = &world.service.lab;
    let first = lab.seed_group(json!({ "displayName": "Sales" })).unwrap();
    let second = lab.seed_group(json!({ "displayName": "Sales" })).unwrap();
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(true).await;
    world.turn().await;
    assert_eq!(is(&world.standing("Sales").await), (State::Conflict, Some("several_groups")));
    assert!(lab.members(&first).is_empty() && lab.members(&second).is_empty());
    lab.remove(&second);
    state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
    world.turn().await;
    let entry = world.standing("Sales").await;
    assert_eq!((entry.state, entry.remote_id), (State::Synced, Some(first)));
}

#[tokio::test]
async fn sc_15_an_account_that_somebody_took_away_is_made_anew_or_asked_about() {
    for (quirks, asks) in [("{}", false), ("{missing_account: ask}", true)] {
        let world = world(quirks).await;
        world.bound("Sales", 2).await;
        world.connect(false).await;
        world.turn().await;
        let there = world.standing("p000").await.remote_id.unwrap();
        world.service.lab.remove(&there);
        world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
        // That it can't be looked for at first is no reason to make it.
        let down = Rule::new(Fault::Status { status: 503, retry_after: None });
        world.service.lab.add_fault(down.on("GET", "Users").after(1).times(1));
        world.turn().await;
        world.clock.advance(HOUR);
        world.turn().await;
        if asks {
            let entry = world.standing("p000").await;
            assert_eq!(is(&entry), (State::AwaitingApproval, Some("account_missing")));
            assert_eq!(world.is_active("p000"), None);
            world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
            assert_eq!(world.turn().await, [] as [&str; 0], "it is asked once");
            // What was changed and changed back is no account.
            for name in ["Augusta", "p000"] {
                let user =
                    people::find_by_login_name(&mut world.db.reader(), "p000").await.unwrap().unwrap().id;
                world.patch(user, json!({ "last_name": name })).await;
                world.turn().await;
                let state = world.standing("p000").await.state;
                assert_eq!((state, world.is_active("p000")), (State::AwaitingApproval, None), "{name}");
            }
            approve(&world, &world.standing("p000").await).await;
            world.turn().await;
        }
        assert_eq!(world.is_active("p000"), Some(true), "{quirks}");
        assert_eq!(is(&world.standing("p000").await), (State::Synced, None));

        // Somebody made it anew there, under another id: nothing is to be asked.
        let there = world.standing("p001").await.remote_id.unwrap();
        world.service.lab.remove(&there);
        let anew = world.service.lab.seed_user(json!({ "userName": "p001", "active": true })).unwrap();
        world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
        world.turn().await;
        let entry = world.standing("p001").await;
        assert_eq!((is(&entry), entry.remote_id.clone()), ((State::Synced, None), Some(anew)));
    }
}

#[tokio::test]
async fn what_was_approved_of_a_large_group_is_not_asked_about_again_when_it_is_interrupted() {
    let world = world("{membership_limit: 2, pace: {per_minute: 60, burst: 4}}").await;
    let asks =
        |change| ConnectionPatch { require_approval: Some(vec![change]), ..ConnectionPatch::default() };
    let settle = async |until: &dyn Fn() -> bool| {
        for _ in 0..60 {
            world.clock.advance(10_000);
            world.turn().await;
            if until() {
                return;
            }
        }
        panic!("it comes to no end: {:?}", world.members("Sales"));
    };
    let (group, all) = world.bound("Sales", 4).await;
    world.connect(true).await;
    settle(&|| world.members("Sales").len() == 4).await;
    let mut more = Vec::new();
    for n in 0..12 {
        more.push(world.person(&format!("more{n:02}")).await);
    }
    let others = world.group("Others").await;
    world.join(others, &more).await;
    world.bind(others).await;
    settle(&|| world.members("Others").len() == 12).await;
    world.change(asks(Change::Update)).await;
    settle(&|| true).await;
    world.join(group, &more).await;
    settle(&|| world.service.lab.requests().is_empty()).await;
    let entry = world.standing("Sales").await;
    assert_eq!(is(&entry), (State::AwaitingApproval, Some("approval_required")));
    approve(&world, &entry).await;
    let mut turns = 0;
    while world.members("Sales").len() < 15 {
        world.turn().await;
        if turns == 0 {
            // Somebody of them leaves in between: the others are still meant.
            people::suspend(&world.db, &world.ctx(), more[11]).await.unwrap();
        }
        let state = world.standing("Sales").await.state;
        assert!(matches!(state, State::Pending | State::Synced), "it is not asked again: {state:?}");
        world.clock.advance(5_000);
        turns += 1;
        assert!(turns < 60, "it comes to no end");
    }
    assert!(turns > 1, "it was interrupted");

    // Who goes meanwhile was not approved.
    world.leave(group, &more[..11]).await;
    settle(&|| world.service.lab.requests().is_empty()).await;
    approve(&world, &world.standing("Sales").await).await;
    world.turn().await;
    assert!(world.members("Sales").len() > 4, "it was interrupted");
    world.leave(group, &all[..1]).await;
    settle(&|| world.service.lab.requests().is_empty()).await;
    assert_eq!(is(&world.standing("Sales").await), (State::AwaitingApproval, Some("approval_required")));
}
