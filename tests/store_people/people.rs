//! People: names, properties, states, deletion, lists.

use tessera::auth::Role;
use tessera::base::clock::DAY;
use tessera::base::paging::PageRequest;
use tessera::base::{Kind, Result};
use tessera::directory::people::{self, PeopleFilter};
use tessera::directory::{NewPerson, Person, PersonPatch, PersonState};
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::{World, field_code, new_person};

async fn create(world: &World, name: &str, email: &str) -> Result<Person> {
    let new = NewPerson { email: email.to_owned(), ..new_person(name) };
    people::create(&world.db, &world.ctx, new).await
}

fn patch(json: serde_json::Value) -> PersonPatch {
    serde_json::from_value(json).unwrap()
}

async fn a_person_is_stored_as_given_and_found_by_either_name(world: World) {
    let new: NewPerson = serde_json::from_value(serde_json::json!({
        "username": "Ada", "email": "Ada@Example.com", "first_name": " Ada ", "last_name": "Lovelace",
        "phone_numbers": [{"type": "work", "value": "+44 20 1"}], "custom": {"badge": "7"},
        "addresses": [{"type": "work", "locality": "London"}], "locale": "en-GB", "timezone": "Europe/London",
    }))
    .unwrap();
    let made = people::create(&world.db, &world.ctx, new).await.unwrap();
    assert_eq!((made.state, made.version), (PersonState::Staged, 1));
    assert_eq!(made.profile.first_name.as_deref(), Some("Ada"));
    for name in ["ada", "ADA", "ada@example.COM", " Ada "] {
        let found = people::find_by_login_name(&mut world.db.reader(), name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&made), "{name}");
    }
    assert_eq!(people::find_by_login_name(&mut world.db.reader(), "ad\0a").await.unwrap(), None);
    assert_eq!(world.events(EventName::UserCreate).await.len(), 1);
}

async fn decision_13_usernames_and_addresses_are_one_name_space(world: World) {
    create(&world, "ada", "ada@example.com").await.unwrap();
    for (name, email, code) in [
        ("ADA", "other@example.com", "username_taken"),
        ("Ada@Example.com", "other@example.com", "username_taken"),
        ("other", "ADA@example.com", "email_taken"),
    ] {
        let error = create(&world, name, email).await.unwrap_err();
        assert_eq!((error.kind, error.code, field_code(&error)), (Kind::Conflict, code, code), "{name}");
    }
    // One's own address as username is no clash.
    create(&world, "bob@example.com", "bob@example.com").await.unwrap();
    assert_eq!(people::count(&mut world.db.reader(), None).await.unwrap(), 2);
}

async fn every_fault_is_told_at_once_and_nothing_is_stored(world: World) {
    let new = NewPerson {
        username: "a b".to_owned(),
        email: "nobody".to_owned(),
        first_name: Some("x\u{1}".to_owned()),
        manager: Some("01890000-0000-7000-8000-000000000000".to_owned()),
        ..NewPerson::default()
    };
    let error = people::create(&world.db, &world.ctx, new).await.unwrap_err();
    let codes: Vec<_> = error.fields.iter().map(|f| format!("{}:{}", f.field, f.code)).collect();
    assert_eq!(
        codes,
        [
            "username:username_shape",
            "email:email_shape",
            "first_name:control_character",
            "manager:unknown_manager"
        ]
    );
    assert_eq!(people::count(&mut world.db.reader(), None).await.unwrap(), 0);
    assert!(world.events(EventName::UserCreate).await.is_empty());
}

async fn decision_18_a_freed_name_waits_90_days_unless_reuse_is_said(world: World) {
    let first = create(&world, "ada", "ada@example.com").await.unwrap();
    let renamed = patch(serde_json::json!({"username": "countess"}));
    people::update(&world.db, &world.ctx, first.id, None, renamed).await.unwrap();

    let error = create(&world, "Ada", "new@example.com").await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "recently_used"));
    // Its former owner may have it back.
    let back = patch(serde_json::json!({"username": "ada"}));
    people::update(&world.db, &world.ctx, first.id, None, back).await.unwrap();
    people::delete(&world.db, &world.ctx, first.id).await.unwrap();

    let error = create(&world, "other", "ada@example.com").await.unwrap_err();
    assert_eq!(error.code, "recently_used", "a deleted person's address too");
    let reuse = NewPerson { reuse: true, ..new_person("ada") };
    let second = people::create(&world.db, &world.ctx, reuse).await.unwrap();
    assert_ne!(second.id, first.id);
    people::delete(&world.db, &world.ctx, second.id).await.unwrap();

    world.clock.advance(90 * DAY);
    create(&world, "ada", "ada@example.com").await.unwrap();
}

async fn update_merges_and_honours_the_version_seen(world: World) {
    let ada = create(&world, "ada", "ada@example.com").await.unwrap();
    let change = || patch(serde_json::json!({"first_name": "Ada", "department": "Engines"}));
    let changed = people::update(&world.db, &world.ctx, ada.id, Some(1), change()).await.unwrap();
    assert_eq!((changed.version, changed.profile.department.as_deref()), (2, Some("Engines")));

    let error = people::update(&world.db, &world.ctx, ada.id, Some(1), change()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::PreconditionFailed, "changed_meanwhile"));
    let same = people::update(&world.db, &world.ctx, ada.id, Some(2), change()).await.unwrap();
    assert_eq!(same.version, 2, "what changes nothing raises nothing");

    let events = world.events(EventName::UserUpdate).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["fields"], serde_json::json!(["first_name", "department"]));
}

async fn w_15_parallel_updates_are_all_kept(world: World) {
    let ada = create(&world, "ada", "ada@example.com").await.unwrap();
    let updates = (0..20).map(|n| {
        let (db, ctx) = (world.db.clone(), world.ctx.clone());
        let change = patch(serde_json::json!({"custom": {format!("k{n}"): "v"}}));
        tokio::spawn(async move { people::update(&db, &ctx, ada.id, None, change).await.unwrap() })
    });
    for update in updates.collect::<Vec<_>>() {
        update.await.unwrap();
    }
    let found = people::find(&mut world.db.reader(), ada.id).await.unwrap().unwrap();
    assert_eq!((found.profile.custom.len(), found.version), (20, 21));
}

async fn w_15_of_50_people_of_one_name_one_is_made(world: World) {
    let attempts = (0..50).map(|n| {
        let (db, ctx) = (world.db.clone(), world.ctx.clone());
        let new = NewPerson { email: format!("a{n}@example.com"), ..new_person("ada") };
        tokio::spawn(async move { people::create(&db, &ctx, new).await })
    });
    let mut made = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.code, "username_taken"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(people::count(&mut world.db.reader(), None).await.unwrap(), 1);
}

async fn a_manager_exists_is_not_oneself_and_may_leave(world: World) {
    let boss = create(&world, "boss", "boss@example.com").await.unwrap();
    let ada = create(&world, "ada", "ada@example.com").await.unwrap();
    let own = patch(serde_json::json!({"manager": ada.id.to_string()}));
    let error = people::update(&world.db, &world.ctx, ada.id, None, own).await.unwrap_err();
    assert_eq!(field_code(&error), "own_manager");
    let change = patch(serde_json::json!({"manager": boss.id.to_string()}));
    let changed = people::update(&world.db, &world.ctx, ada.id, None, change).await.unwrap();
    assert_eq!(changed.profile.manager, Some(boss.id.to_string()));
    people::delete(&world.db, &world.ctx, boss.id).await.unwrap();
    let found = people::find(&mut world.db.reader(), ada.id).await.unwrap().unwrap();
    assert_eq!(found.profile.manager, None);
}

async fn states_change_once_and_leave_one_event(world: World) {
    let ada = create(&world, "ada", "ada@example.com").await.unwrap();
    for _ in 0..2 {
        let active = people::activate(&world.db, &world.ctx, ada.id).await.unwrap();
        assert_eq!((active.state, active.version), (PersonState::Active, 2));
    }
    for _ in 0..2 {
        let suspended = people::suspend(&world.db, &world.ctx, ada.id).await.unwrap();
        assert_eq!(suspended.state, PersonState::Suspended);
    }
    assert_eq!(world.events(EventName::UserActivate).await.len(), 1);
    assert_eq!(world.events(EventName::UserSuspend).await.len(), 1);
    people::delete(&world.db, &world.ctx, ada.id).await.unwrap();
    assert_eq!(people::delete(&world.db, &world.ctx, ada.id).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(world.events(EventName::UserDelete).await.len(), 1);
}

async fn w_15_the_last_owner_stays(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    for result in [
        people::suspend(&world.db, &world.ctx, owner.id).await.map(drop),
        people::delete(&world.db, &world.ctx, owner.id).await,
    ] {
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Conflict, "last_owner"));
    }
    // A suspended owner does not count.
    let second = world.admin("second", Role::Owner).await;
    people::suspend(&world.db, &world.ctx, second.id).await.unwrap();
    let error = people::delete(&world.db, &world.ctx, owner.id).await.unwrap_err();
    assert_eq!(error.code, "last_owner");
    people::activate(&world.db, &world.ctx, second.id).await.unwrap();
    people::delete(&world.db, &world.ctx, owner.id).await.unwrap();
}

async fn lists_are_paged_and_searched_whatever_the_case(world: World) {
    for n in 0..25 {
        let new = NewPerson {
            last_name: Some(if n % 5 == 0 { "Straße" } else { "Smith" }.to_owned()),
            ..new_person(&format!("Person{n:02}"))
        };
        people::create(&world.db, &world.ctx, new).await.unwrap();
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest::parse(Some(10), after.as_deref()).unwrap();
        let page = people::list(&world.db, &PeopleFilter::default(), &page).await.unwrap();
        names.extend(page.items.into_iter().map(|person| person.username));
        match page.next_cursor {
            Some(cursor) => after = Some(cursor),
            None => break,
        }
    }
    assert_eq!(names, (0..25).map(|n| format!("Person{n:02}")).collect::<Vec<_>>());

    for (search, found) in
        [("STRASSE", 5), ("erson07@", 1), ("person1", 10), ("100%", 0), ("_", 0), ("\0", 0)]
    {
        let filter = PeopleFilter { search: Some(search.to_owned()), state: None };
        let page = people::list(&world.db, &filter, &PageRequest::first()).await.unwrap();
        assert_eq!(page.items.len(), found, "{search}");
    }
    let filter = PeopleFilter { state: Some(PersonState::Active), ..PeopleFilter::default() };
    assert!(people::list(&world.db, &filter, &PageRequest::first()).await.unwrap().items.is_empty());
}

on_both_databases!(
    a_person_is_stored_as_given_and_found_by_either_name,
    decision_13_usernames_and_addresses_are_one_name_space,
    every_fault_is_told_at_once_and_nothing_is_stored,
    decision_18_a_freed_name_waits_90_days_unless_reuse_is_said,
    update_merges_and_honours_the_version_seen,
    w_15_parallel_updates_are_all_kept,
    w_15_of_50_people_of_one_name_one_is_made,
    a_manager_exists_is_not_oneself_and_may_leave,
    states_change_once_and_leave_one_event,
    w_15_the_last_owner_stays,
    lists_are_paged_and_searched_whatever_the_case,
);
