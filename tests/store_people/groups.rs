//! Groups, memberships and `Everyone`.

use tessera::applications::binding;
use tessera::base::Kind;
use tessera::base::id::GroupId;
use tessera::base::paging::PageRequest;
use tessera::directory::groups::{self, ensure_everyone};
use tessera::directory::{Group, GroupPatch, MembershipChange, NewGroup, memberships, people};
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::{World, field_code, new_person};

async fn create(world: &World, name: &str) -> Group {
    groups::create(&world.db, &world.ctx, NewGroup { name: name.to_owned(), description: None })
        .await
        .unwrap()
}

async fn everyone(world: &World) -> Group {
    groups::find_by_name(&mut world.db.reader(), "everyone").await.unwrap().unwrap()
}

async fn members(world: &World, group: GroupId) -> Vec<String> {
    let page = memberships::list(&world.db, group, None, &PageRequest::first()).await.unwrap();
    page.items.into_iter().map(|person| person.username).collect()
}

async fn names_are_unique_in_any_case_and_free_at_once(world: World) {
    let sales = create(&world, "Sales").await;
    let taken = NewGroup { name: "SALES".to_owned(), description: None };
    let error = groups::create(&world.db, &world.ctx, taken.clone()).await.unwrap_err();
    assert_eq!((error.kind, field_code(&error)), (Kind::Conflict, "name_taken"));
    let other = create(&world, "Other").await;
    let rename = GroupPatch { name: Some("sales".to_owned()), ..GroupPatch::default() };
    let error = groups::update(&world.db, &world.ctx, other.id, None, rename).await.unwrap_err();
    assert_eq!(error.code, "name_taken");
    binding::delete_group(&world.db, &world.ctx, sales.id, None).await.unwrap();
    groups::create(&world.db, &world.ctx, taken).await.unwrap();
    for bad in ["", "  ", "a\nb", &"x".repeat(129)] {
        let new = NewGroup { name: bad.to_owned(), description: None };
        assert_eq!(groups::create(&world.db, &world.ctx, new).await.unwrap_err().kind, Kind::Invalid);
    }
}

async fn a_group_is_renamed_and_described(world: World) {
    let sales = create(&world, "Sales").await;
    let patch: GroupPatch =
        serde_json::from_str(r#"{"name": "Sales EU", "description": "All of EU"}"#).unwrap();
    let changed = groups::update(&world.db, &world.ctx, sales.id, Some(1), patch.clone()).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("Sales EU", "All of EU"));
    let error = groups::update(&world.db, &world.ctx, sales.id, Some(1), patch).await.unwrap_err();
    assert_eq!(error.kind, Kind::PreconditionFailed);
    let cleared: GroupPatch = serde_json::from_str(r#"{"description": null}"#).unwrap();
    let changed = groups::update(&world.db, &world.ctx, sales.id, None, cleared).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str(), changed.version), ("Sales EU", "", 3));
    assert_eq!(world.events(EventName::GroupUpdate).await.len(), 2);
}

async fn memberships_change_once_and_say_what_changed(world: World) {
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let sales = create(&world, "Sales").await;
    let change = memberships::change(&world.db, &world.ctx, sales.id, &[ada.id, bob.id], &[]).await.unwrap();
    assert_eq!(change, MembershipChange { added: vec![ada.id, bob.id], removed: vec![] });
    world.clock.advance(1);
    assert!(!memberships::add(&world.db, &world.ctx, sales.id, ada.id).await.unwrap());
    assert!(memberships::remove(&world.db, &world.ctx, sales.id, ada.id).await.unwrap());
    assert!(!memberships::remove(&world.db, &world.ctx, sales.id, ada.id).await.unwrap());
    assert_eq!(members(&world, sales.id).await, ["bob"]);

    let events = world.events(EventName::GroupMembershipChange).await;
    assert_eq!(events.len(), 2, "what changes nothing leaves no event");
    assert_eq!(events[0].details["removed"], serde_json::json!([ada.id.to_string()]));
    assert_eq!(events[1].details["added"], serde_json::json!([ada.id.to_string(), bob.id.to_string()]));

    people::delete(&world.db, &world.ctx, bob.id).await.unwrap();
    assert!(members(&world, sales.id).await.is_empty());
    let error = memberships::add(&world.db, &world.ctx, sales.id, bob.id).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    binding::delete_group(&world.db, &world.ctx, sales.id, None).await.unwrap();
    let error = memberships::add(&world.db, &world.ctx, sales.id, ada.id).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}

async fn decision_13_everyone_is_all_active_people_and_can_not_be_changed(world: World) {
    let id = ensure_everyone(&world.db, &world.ctx).await.unwrap();
    assert_eq!(everyone(&world).await.id, id, "a second start finds the first one's");
    let ada = world.person("ada").await;
    people::create(&world.db, &world.ctx, new_person("staged")).await.unwrap();
    let suspended = world.person("suspended").await;
    people::suspend(&world.db, &world.ctx, suspended.id).await.unwrap();

    assert_eq!(members(&world, id).await, ["ada"]);
    assert_eq!(everyone(&world).await.member_count, 1);
    assert_eq!(groups::ids_of_user(&mut world.db.reader(), ada.id).await.unwrap(), [id]);
    assert!(groups::ids_of_user(&mut world.db.reader(), suspended.id).await.unwrap().is_empty());

    let patch = GroupPatch { name: Some("All".to_owned()), ..GroupPatch::default() };
    for error in [
        groups::update(&world.db, &world.ctx, id, None, patch).await.unwrap_err(),
        binding::delete_group(&world.db, &world.ctx, id, None).await.unwrap_err(),
        memberships::add(&world.db, &world.ctx, id, suspended.id).await.unwrap_err(),
        memberships::remove(&world.db, &world.ctx, id, ada.id).await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.code), (Kind::Conflict, "built_in_group"));
    }
    let new = NewGroup { name: "EVERYONE".to_owned(), description: None };
    assert_eq!(groups::create(&world.db, &world.ctx, new).await.unwrap_err().code, "name_taken");
}

async fn groups_of_a_person_and_lists_are_paged_with_counts(world: World) {
    let ada = world.person("ada").await;
    for n in 0..12 {
        let group = create(&world, &format!("Team {n:02}")).await;
        if n % 2 == 0 {
            memberships::add(&world.db, &world.ctx, group.id, ada.id).await.unwrap();
        }
    }
    let page = PageRequest::parse(Some(5), None).unwrap();
    let first = groups::of_user(&world.db, ada.id, &page).await.unwrap();
    let names: Vec<_> = first.items.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["Everyone", "Team 00", "Team 02", "Team 04", "Team 06"]);
    let page = PageRequest::parse(Some(5), first.next_cursor.as_deref()).unwrap();
    let rest = groups::of_user(&world.db, ada.id, &page).await.unwrap();
    assert_eq!((rest.items.len(), rest.next_cursor), (2, None));

    let found = groups::list(&world.db, Some("TEAM 0"), &PageRequest::first()).await.unwrap();
    let counts: Vec<_> = found.items.iter().map(|group| group.member_count).collect();
    assert_eq!(counts, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(groups::ids_of_user(&mut world.db.reader(), ada.id).await.unwrap().len(), 7);
}

async fn w_15_of_50_people_who_add_the_same_member_one_does(world: World) {
    let ada = world.person("ada").await;
    let sales = create(&world, "Sales").await;
    let adding = (0..50).map(|_| {
        let (db, ctx) = (world.db.clone(), world.ctx.clone());
        tokio::spawn(async move { memberships::add(&db, &ctx, sales.id, ada.id).await.unwrap() })
    });
    let mut added = 0;
    for task in adding.collect::<Vec<_>>() {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!((added, world.events(EventName::GroupMembershipChange).await.len()), (1, 1));
}

on_both_databases!(
    names_are_unique_in_any_case_and_free_at_once,
    a_group_is_renamed_and_described,
    memberships_change_once_and_say_what_changed,
    decision_13_everyone_is_all_active_people_and_can_not_be_changed,
    groups_of_a_person_and_lists_are_paged_with_counts,
    w_15_of_50_people_who_add_the_same_member_one_does,
);
