//! One person's account: made, changed, set inactive, taken over, deleted, with the least requests there are.

use serde_json::json;
use tessera::base::clock::HOUR;
use tessera::base::paging::PageRequest;
use tessera::directory::{NewPerson, PersonPatch, people};
use tessera::lab::scim::{Fault, Rule};
use tessera::provisioning::connection::{self, ConnectionPatch};
use tessera::provisioning::model::{OnUserDelete, Origin, ResourceKind, State};
use tessera::provisioning::state;

use crate::world::World;

#[tokio::test]
async fn sc_03_a_person_of_a_bound_group_gets_an_account_and_loses_it() {
    for world in [World::open().await, World::on_postgres().await] {
        let (group, ada) = (world.group("Sales").await, world.person("ada").await);
        world.bind(group).await;
        world.connect(false).await;
        assert_eq!(world.turn().await, [] as [&str; 0], "nobody is in the group");
        world.join(group, &[ada]).await;
        assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "POST /Users"]);
        let account = world.service.lab.user_named("ada").unwrap();
        assert_eq!(account["active"], json!(true));
        assert_eq!(account["emails"][0]["value"], json!("ada@example.com"));
        assert_eq!(account["name"]["givenName"], json!("Livia"));
        assert!(account["externalId"].as_str().unwrap().starts_with("tsr_"), "SC-06: opaque and no number");
        assert_eq!(world.turn().await, [] as [&str; 0], "nothing is different");

        world.patch(ada, json!({ "first_name": "Augusta", "job_title": "Counter" })).await;
        assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
        let account = world.service.lab.user_named("ada").unwrap();
        assert_eq!(
            (&account["name"]["givenName"], &account["title"]),
            (&json!("Augusta"), &json!("Counter"))
        );
        world.patch(ada, json!({ "job_title": null })).await;
        assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
        assert_eq!(
            world.service.lab.user_named("ada").unwrap().get("title"),
            None,
            "what is gone here goes there"
        );

        world.leave(group, &[ada]).await;
        assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
        assert_eq!(world.is_active("ada"), Some(false));
        world.join(group, &[ada]).await;
        assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
        assert_eq!(world.is_active("ada"), Some(true));
        people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
        assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
        assert_eq!(world.is_active("ada"), Some(false));
        people::activate(&world.db, &world.ctx(), ada).await.unwrap();
        world.turn().await;
        assert_eq!(world.is_active("ada"), Some(true));
        let mut events = world.events().await;
        events.sort();
        let mut expected =
            vec!["idm_integration_activate", "idm_integration_reauth", "idm_integration_update"];
        expected.extend(["user_create_provision", "user_deprovision", "user_deprovision"]);
        expected.extend(["user_update_provision"; 4]);
        assert_eq!(events, expected);
    }
}

#[tokio::test]
async fn sc_06_the_external_id_tells_nothing_and_never_changes() {
    let world = World::open().await;
    let (group, ada, bob) =
        (world.group("Sales").await, world.person("ada").await, world.person("bob").await);
    world.join(group, &[ada, bob]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    let of = |name: &str| {
        let there = world.service.lab.user_named(name).unwrap();
        there["externalId"].as_str().unwrap().to_owned()
    };
    let first = of("ada");
    assert!(
        first.starts_with("tsr_") && !first.contains("ada") && !first.contains(&ada.to_string()),
        "{first}"
    );
    assert_ne!(first, of("bob"));
    world.patch(ada, json!({ "username": "augusta", "email": "augusta@example.com" })).await;
    world.turn().await;
    assert_eq!(of("augusta"), first);
}

#[tokio::test]
async fn sc_16_who_is_deleted_here_is_deleted_suspended_or_left_there() {
    for (choice, active) in [
        (OnUserDelete::Delete, None),
        (OnUserDelete::Suspend, Some(false)),
        (OnUserDelete::Nothing, Some(true)),
    ] {
        let world = World::open().await;
        let (group, ada) = (world.group("Sales").await, world.person("ada").await);
        world.join(group, &[ada]).await;
        world.bind(group).await;
        world.configure(ConnectionPatch { on_user_delete: Some(choice), ..ConnectionPatch::default() }).await;
        world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
        world.turn().await;
        assert_eq!(world.is_active("ada"), Some(true));
        people::delete(&world.db, &world.ctx(), ada).await.unwrap();
        world.turn().await;
        assert_eq!(world.is_active("ada"), active, "{choice:?}");
    }
}

#[tokio::test]
async fn sc_04_who_is_there_already_is_taken_over_and_only_what_differs_is_sent() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    let home = json!({ "type": "home", "value": "home@example.org" });
    let work = json!({ "type": "work", "value": "old@example.com", "primary": true });
    let found = json!({ "userName": "ADA", "active": false, "emails": [home, work], "nickName": "Countess" });
    let remote = world.service.lab.seed_user(found).unwrap();
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "PATCH /Users/{id}"]);
    let account = world.service.lab.user_named("ada").unwrap();
    assert_eq!(account["id"], json!(remote), "no second account");
    assert_eq!((&account["active"], &account["nickName"]), (&json!(true), &json!("Countess")));
    let emails = account["emails"].as_array().unwrap();
    assert!(
        emails.iter().any(|email| email["value"] == "home@example.org"),
        "what is not ours stays: {emails:?}"
    );
    assert!(emails.iter().any(|email| email["value"] == "ada@example.com"), "{emails:?}");
    let entry = world.standing("ada").await;
    assert_eq!((entry.origin, entry.state), (Some(Origin::Adopted), State::Synced));
    assert!(world.events().await.contains(&"user_lookup_provision".to_owned()));
}

#[tokio::test]
async fn sc_05_an_administrator_there_is_taken_over_only_when_somebody_says_so() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    let admin = json!({ "userName": "ada", "active": true, "roles": [{ "value": "Workspace Admin" }] });
    world.service.lab.seed_user(admin).unwrap();
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    assert_eq!(world.turn().await, ["GET /Users", "GET /Users"]);
    let entry = world.standing("ada").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Conflict, Some("account_privileged")));
    let decision = tessera::provisioning::state::Decision {
        local: entry.local,
        asked: entry.asked.unwrap(),
        approve: true,
    };
    tessera::provisioning::state::decide(&world.db, &world.ctx(), world.id(), &[decision]).await.unwrap();
    assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "PATCH /Users/{id}"]);
    assert_eq!(world.standing("ada").await.state, State::Synced);
}

#[tokio::test]
async fn sc_22_the_token_goes_nowhere_else_and_is_nowhere_to_be_seen() {
    let world = World::open().await;
    world.connect(false).await;
    let other = crate::world::Service::start(tessera::lab::scim::Quirks::default(), &world.clock).await;
    world.change(ConnectionPatch { base_url: Some(other.url.clone()), ..ConnectionPatch::default() }).await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.turn().await;
    assert!(other.lab.requests().is_empty(), "nothing at all is sent to the other address");
    let refused = world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "needs_token");
    let dry = world.engine.dry_run(&world.ctx(), world.id(), ConnectionPatch::default()).await.unwrap_err();
    assert_eq!(dry.code, "needs_token");
    assert!(other.lab.requests().is_empty(), "not even to be asked");
}

#[tokio::test]
async fn another_address_has_ids_of_its_own() {
    let mut world = World::open().await;
    let (group, ada, bob) =
        (world.group("Sales").await, world.person("ada").await, world.person("bob").await);
    world.join(group, &[ada, bob]).await;
    world.bind(group).await;
    world.connect(true).await;
    world.turn().await;
    // A service where the same ids are other people's.
    let other = crate::world::Service::start(tessera::lab::scim::Quirks::default(), &world.clock).await;
    for user in world.service.lab.users() {
        other
            .lab
            .seed_user(
                json!({ "id": user["id"], "userName": format!("not-{}", user["userName"]), "active": true }),
            )
            .unwrap();
    }
    let before = other.lab.users();
    world.address.0.clone_from(&other.url);
    world.configure(ConnectionPatch::default()).await;
    world.turn().await;
    assert_eq!(other.lab.users(), before, "it is activated again before anything is sent");
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.leave(group, &[bob]).await;
    world.engine.turn().await.unwrap();
    let there = other.lab.users();
    assert_eq!(there[..2], before, "whose ids they were once is nothing here");
    let names: Vec<&str> = there[2..].iter().map(|user| user["userName"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada"], "who should be there is made there, and nobody else");
}

#[tokio::test]
async fn sc_02_every_request_has_what_strict_services_ask_for() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    let requests = world.service.lab.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(request.is_authorized, "{request:?}");
        assert_eq!(request.accept.as_deref(), Some("application/scim+json"));
        assert!(request.user_agent.as_deref().is_some_and(|agent| agent.starts_with("Tessera/")));
        if request.method == "POST" {
            assert_eq!(request.content_type.as_deref(), Some("application/scim+json"));
        }
    }
}

#[tokio::test]
async fn sc_16_what_was_decided_of_an_account_stays_when_something_else_is_decided_later() {
    use OnUserDelete::{Delete, Nothing, Suspend};
    let world = World::open().await;
    let (group, all) = world.bound("Sales", 3).await;
    world.connect(false).await;
    world.turn().await;
    let decide = |choice| ConnectionPatch { on_user_delete: Some(choice), ..ConnectionPatch::default() };
    world.change(decide(Suspend)).await;
    people::delete(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    world.change(decide(Delete)).await;
    world.turn().await;
    assert_eq!(world.is_active("p000"), Some(false), "it was to be kept");
    // Somebody there lets it in again: it is set inactive, and kept.
    let kept = world.service.lab.user_named("p000").unwrap()["id"].as_str().unwrap().to_owned();
    let on = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": true }] });
    world.service.lab.change(&kept, &on).unwrap();
    world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("p000"), Some(false), "it was to be kept");
    // Whoever has the name now does not get the account with it.
    let new = NewPerson {
        username: "p000".to_owned(),
        email: "p000@example.com".to_owned(),
        reuse: true,
        ..NewPerson::default()
    };
    let heir = people::create(&world.db, &world.ctx(), new).await.unwrap().id;
    people::activate(&world.db, &world.ctx(), heir).await.unwrap();
    world.join(group, &[heir]).await;
    world.turn().await;
    assert_eq!(world.is_active("p000"), Some(false));
    let (mut reader, page) = (world.db.reader(), PageRequest::parse(None, None).unwrap());
    let conflicts = Some(State::Conflict);
    let held = state::list(&mut reader, world.id(), ResourceKind::User, conflicts, &page).await.unwrap();
    assert_eq!(held.items[0].code.as_deref(), Some("account_taken"));
    let down = Rule::new(Fault::Status { status: 503, retry_after: None }).on("DELETE", "Users").times(1);
    world.service.lab.add_fault(down);
    people::delete(&world.db, &world.ctx(), all[1]).await.unwrap();
    world.turn().await;
    world.change(decide(Nothing)).await;
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.is_active("p001"), None, "it was to go");
    people::delete(&world.db, &world.ctx(), all[2]).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("p002"), Some(true));
}

#[tokio::test]
async fn se_04_whose_manager_is_deleted_shows_none_any_more() {
    let world = World::open().await;
    let (group, all) = world.bound("Sales", 2).await;
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let mut mappings = connection::starting(&world.application).mappings;
    let row = json!({ "scim": format!("{urn}:manager.value"), "source": "manager" });
    mappings.push(serde_json::from_value(row).unwrap());
    world.configure(ConnectionPatch { mappings: Some(mappings), ..ConnectionPatch::default() }).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.patch(all[0], json!({ "manager": all[1].to_string() })).await;
    world.turn().await;
    let manager = || world.service.lab.user_named("p000").unwrap()[urn]["manager"]["value"].clone();
    assert_eq!(manager(), world.service.lab.user_named("p001").unwrap()["id"]);
    // Some can't read `…:User:manager.value` in a change.
    let third = world.person("third").await;
    world.join(group, &[third]).await;
    world.turn().await;
    world.patch(all[0], json!({ "manager": third.to_string() })).await;
    world.turn().await;
    let sent = world.service.lab.requests().into_iter().rfind(|sent| sent.method == "PATCH").unwrap();
    let operation = &sent.body["Operations"][0];
    assert_eq!(operation["path"], json!(format!("{urn}:manager")));
    assert_eq!(manager(), world.service.lab.user_named("third").unwrap()["id"]);
    people::delete(&world.db, &world.ctx(), third).await.unwrap();
    world.turn().await;
    assert_eq!(manager(), serde_json::Value::Null);
}

#[tokio::test]
async fn sc_04_whoever_waits_for_a_name_gets_it_once_it_is_given_up() {
    let world = World::open().await;
    let (_, all) = world.bound("Sales", 2).await;
    world.connect(false).await;
    world.turn().await;
    // The change that gives the name up comes later.
    world.patch(all[0], json!({ "username": "other" })).await;
    let slow = Rule::new(Fault::Status { status: 503, retry_after: None }).on("PATCH", "Users").times(1);
    world.service.lab.add_fault(slow);
    world.turn().await;
    let renamed: PersonPatch = serde_json::from_value(json!({ "username": "p000", "reuse": true })).unwrap();
    people::update(&world.db, &world.ctx(), all[1], None, renamed).await.unwrap();
    world.turn().await;
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Failed, Some("scim_conflict")));
    world.clock.advance(HOUR);
    world.turn().await;
    for name in ["other", "p000"] {
        assert_eq!(world.standing(name).await.state, State::Synced, "{name}");
        assert_eq!(world.is_active(name), Some(true), "{name}");
    }
}
