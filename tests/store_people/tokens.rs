//! API tokens: made, used, revoked, and never worth more than their maker.

use tessera::auth::api_token::{authenticate, create, list, revoke};
use tessera::auth::{CreatedToken, NewApiToken, Role, TokenView, roles};
use tessera::base::clock::{DAY, MINUTE};
use tessera::base::paging::PageRequest;
use tessera::base::{Actor, Ctx, Kind};
use tessera::db::Executor as _;
use tessera::directory::people;
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::{World, field_code};

fn named(role: Option<&str>, days: Option<u32>) -> NewApiToken {
    NewApiToken { name: "sync".to_owned(), role: role.map(str::to_owned), expires_in_days: days }
}

async fn view(world: &World, created: &CreatedToken) -> Option<TokenView> {
    authenticate(&world.db, &world.ctx, created.expose()).await.unwrap()
}

fn as_token(world: &World, created: &CreatedToken) -> Ctx {
    world.ctx.acting_as(Actor::Token { id: created.api_token.id, name: "sync".into() })
}

async fn decision_19_a_token_is_an_auditor_for_90_days_unless_said(world: World) {
    let made = create(&world.db, &world.ctx, named(None, None)).await.unwrap();
    let found = view(&world, &made).await.unwrap();
    assert_eq!((found.role, found.expires_at), (Role::Auditor, world.ctx.now().plus(90 * DAY)));
    world.clock.advance(90 * DAY);
    assert!(view(&world, &made).await.is_none());
    for (new, code) in [
        (named(Some("help-desk"), None), "not_available"),
        (named(Some("root"), None), "unknown_role"),
        (named(None, Some(366)), "out_of_range"),
        (named(None, Some(0)), "out_of_range"),
        (NewApiToken { name: " ".to_owned(), ..named(None, None) }, "unusable_name"),
    ] {
        let error = create(&world.db, &world.ctx, new).await.unwrap_err();
        assert_eq!((error.kind, field_code(&error)), (Kind::Invalid, code));
    }
}

async fn w_11_neither_database_nor_list_holds_a_usable_token(world: World) {
    let made = create(&world.db, &world.ctx, named(Some("owner"), None)).await.unwrap();
    let listed = list(&world.db, &PageRequest::first()).await.unwrap().items;
    let text = serde_json::to_string(&listed).unwrap();
    assert!(!text.contains(&made.expose()[..20]));
    assert!(made.expose().ends_with(&listed[0].last_four));
    assert!(!world.all_event_text().await.contains(made.expose()));
    let rows = world.db.reader().all(tessera::db::sql("SELECT token_hash FROM api_tokens")).await.unwrap();
    let stored = rows[0].text("token_hash").unwrap();
    assert!(authenticate(&world.db, &world.ctx, &stored).await.unwrap().is_none());
    assert!(!format!("{made:?}").contains(made.expose()), "nor does a log line");
}

async fn a_revoked_token_is_refused_at_once(world: World) {
    let made = create(&world.db, &world.ctx, named(None, None)).await.unwrap();
    revoke(&world.db, &world.ctx, made.api_token.id).await.unwrap();
    assert!(view(&world, &made).await.is_none());
    assert_eq!(revoke(&world.db, &world.ctx, made.api_token.id).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(world.events(EventName::TokenRevoke).await.len(), 1);
}

async fn w_11_a_token_made_with_a_token_lives_no_longer_than_that_one(world: World) {
    let made = async |by: &Ctx, role, days| create(&world.db, by, named(role, Some(days))).await.unwrap();
    let first = made(&world.ctx, Some("owner"), 10).await;
    let second = made(&as_token(&world, &first), Some("owner"), 365).await;
    let third = made(&as_token(&world, &second), None, 1).await;
    let beside = made(&world.ctx, None, 10).await;
    let ends = |token: &CreatedToken| token.api_token.expires_at;
    assert_eq!((ends(&second), ends(&third)), (ends(&first), world.ctx.now().plus(DAY)));
    let listed = list(&world.db, &PageRequest::first()).await.unwrap().items;
    for (token, maker) in [(&first, None), (&second, Some(&first)), (&third, Some(&second))] {
        let row = listed.iter().find(|row| row.id == token.api_token.id).unwrap();
        assert_eq!(row, &token.api_token);
        assert_eq!(row.created_by_token, maker.map(|maker| maker.api_token.id));
        assert!(view(&world, token).await.is_some());
    }

    revoke(&world.db, &world.ctx, first.api_token.id).await.unwrap();
    for token in [&first, &second, &third] {
        assert!(view(&world, token).await.is_none());
        let error = create(&world.db, &as_token(&world, token), named(None, None)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Forbidden);
    }
    assert!(view(&world, &beside).await.is_some());
    let listed = list(&world.db, &PageRequest::first()).await.unwrap().items;
    assert_eq!(listed.iter().filter(|row| row.revoked_at == Some(world.ctx.now())).count(), 3);
    let events = world.events(EventName::TokenRevoke).await;
    let mut told: Vec<String> = events.into_iter().filter_map(|event| event.target_id).collect();
    let mut expected = [&first, &second, &third].map(|token| token.api_token.id.to_string());
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected, "an event for each");
}

async fn w_11_a_token_whose_maker_is_gone_is_refused(world: World) {
    let maker = create(&world.db, &world.ctx, named(Some("owner"), None)).await.unwrap();
    let made = create(&world.db, &as_token(&world, &maker), named(None, None)).await.unwrap();
    assert!(view(&world, &made).await.is_some());
    let mut tx = world.db.begin().await.unwrap();
    let delete = tessera::db::sql("DELETE FROM api_tokens WHERE id = $1").bind_text(maker.api_token.id);
    tx.run(delete).await.unwrap();
    tx.commit().await.unwrap();
    assert!(view(&world, &made).await.is_none());
}

async fn last_use_is_written_once_a_minute(world: World) {
    let made = create(&world.db, &world.ctx, named(None, None)).await.unwrap();
    let used = async || list(&world.db, &PageRequest::first()).await.unwrap().items[0].last_used_at;
    assert_eq!(used().await, None);
    view(&world, &made).await.unwrap();
    let first = used().await;
    assert_eq!(first, Some(world.ctx.now()));
    world.clock.advance(MINUTE - 1);
    view(&world, &made).await.unwrap();
    assert_eq!(used().await, first);
    world.clock.advance(1);
    view(&world, &made).await.unwrap();
    assert_eq!(used().await, Some(world.ctx.now()));
}

async fn a_36_a_token_s_role_is_covered_by_its_maker_s(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    let admin = world.admin("admin", Role::ApplicationAdmin).await;
    for (maker, role, allowed) in [
        (&owner, "owner", true),
        (&admin, "application-admin", true),
        (&admin, "owner", false),
        (&admin, "auditor", false),
    ] {
        let result = create(&world.db, &world.as_user(maker), named(Some(role), None)).await;
        match result {
            Ok(_) => assert!(allowed, "{role}"),
            Err(error) => assert_eq!((error.kind, allowed), (Kind::Forbidden, false), "{role}"),
        }
    }
    let token = create(&world.db, &world.ctx, named(Some("application-admin"), None)).await.unwrap();
    let ctx = as_token(&world, &token);
    let error = create(&world.db, &ctx, named(Some("owner"), None)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden, "a token makes no greater token");
    revoke(&world.db, &world.ctx, token.api_token.id).await.unwrap();
    let error = create(&world.db, &ctx, named(Some("application-admin"), None)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden, "and a revoked one makes none");
}

async fn w_08_a_token_counts_only_while_its_maker_has_what_it_has(world: World) {
    world.admin("other", Role::Owner).await;
    let owner = world.admin("owner", Role::Owner).await;
    let made = create(&world.db, &world.as_user(&owner), named(Some("owner"), None)).await.unwrap();
    let child = create(&world.db, &as_token(&world, &made), named(Some("auditor"), None)).await.unwrap();
    assert_eq!(child.api_token.created_by, Some(owner.id), "a token's token has the same maker");
    let (set, suspend) = (roles::set_role, people::suspend);

    set(&world.db, &world.ctx, owner.id, Some(Role::Auditor)).await.unwrap();
    assert!(view(&world, &made).await.is_none());
    assert!(view(&world, &child).await.is_some());
    set(&world.db, &world.ctx, owner.id, None).await.unwrap();
    assert!(view(&world, &child).await.is_none());
    set(&world.db, &world.ctx, owner.id, Some(Role::Owner)).await.unwrap();
    assert!(view(&world, &made).await.is_some());
    suspend(&world.db, &world.ctx, owner.id).await.unwrap();
    assert!(view(&world, &made).await.is_none());
    people::delete(&world.db, &world.ctx, owner.id).await.unwrap();
    assert!(view(&world, &made).await.is_none() && view(&world, &child).await.is_none());
}

on_both_databases!(
    decision_19_a_token_is_an_auditor_for_90_days_unless_said,
    w_11_neither_database_nor_list_holds_a_usable_token,
    a_revoked_token_is_refused_at_once,
    w_11_a_token_made_with_a_token_lives_no_longer_than_that_one,
    w_11_a_token_whose_maker_is_gone_is_refused,
    last_use_is_written_once_a_minute,
    a_36_a_token_s_role_is_covered_by_its_maker_s,
    w_08_a_token_counts_only_while_its_maker_has_what_it_has,
);
