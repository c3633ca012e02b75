//! One-time links: set-up and reset, used once, by one, in time.

use secrecy::ExposeSecret as _;
use tessera::auth::link::{
    complete_reset, complete_setup, create_reset, create_setup, find_reset, is_setup_link, is_setup_pending,
};
use tessera::auth::{Role, account, roles};
use tessera::base::Kind;
use tessera::base::clock::HOUR;
use tessera::directory::people;
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::{OTHER, PASSWORD, World, field_code, new_person};

async fn setup_link(world: &World) -> String {
    create_setup(&world.db, &world.ctx).await.unwrap().token.expose_secret().to_owned()
}

async fn a_49_the_first_owner_is_made_by_the_link_and_the_link_is_gone(world: World) {
    assert!(is_setup_pending(&mut world.db.reader()).await.unwrap());
    let token = setup_link(&world).await;
    assert!(is_setup_link(&world.db, &world.ctx, &token).await.unwrap());
    let setup = async |token: &str, password: &str| {
        let anyone = world.from("192.0.2.1");
        complete_setup(
            &world.db,
            &anyone,
            &world.passwords,
            token,
            "Acme",
            new_person("owner"),
            &password.into(),
        )
        .await
    };
    let before = world.passwords.computed();
    assert_eq!(setup("guessed", PASSWORD).await.unwrap_err().code, "link_unusable");
    assert_eq!(world.passwords.computed(), before, "a stranger costs nothing");
    assert_eq!(field_code(&setup(&token, "short").await.unwrap_err()), "too_short");

    let owner = setup(&token, PASSWORD).await.unwrap();
    assert_eq!(roles::of_user(&mut world.db.reader(), owner.id).await.unwrap(), Some(Role::Owner));
    world.sign_in("owner").await;
    assert!(!is_setup_link(&world.db, &world.ctx, &token).await.unwrap());
    assert_eq!(setup(&token, PASSWORD).await.unwrap_err().kind, Kind::Gone);
    assert_eq!(create_setup(&world.db, &world.ctx).await.unwrap_err().code, "already_set_up");
    assert_eq!(world.events(EventName::SetupComplete).await.len(), 1);
    let settings = tessera::settings::read(&mut world.db.reader()).await.unwrap();
    assert_eq!(settings.organisation_name, "Acme");
}

async fn a_49_a_set_up_link_lives_an_hour_and_a_newer_one_voids_it(world: World) {
    let first = setup_link(&world).await;
    let second = setup_link(&world).await;
    assert!(!is_setup_link(&world.db, &world.ctx, &first).await.unwrap());
    world.clock.advance(HOUR - 1);
    assert!(is_setup_link(&world.db, &world.ctx, &second).await.unwrap());
    world.clock.advance(1);
    assert!(!is_setup_link(&world.db, &world.ctx, &second).await.unwrap());
}

async fn a_49_of_50_who_set_up_at_the_same_instant_one_becomes_owner(world: World) {
    let token = setup_link(&world).await;
    let attempts = (0..50).map(|n| {
        let (db, ctx, passwords) = (world.db.clone(), world.ctx.clone(), world.passwords.clone());
        let token = token.clone();
        tokio::spawn(async move {
            let owner = new_person(&format!("owner{n}"));
            complete_setup(&db, &ctx, &passwords, &token, "Acme", owner, &PASSWORD.into()).await
        })
    });
    let mut made = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.kind, Kind::Gone, "{error:?}"),
        }
    }
    assert_eq!((made, people::count(&mut world.db.reader(), None).await.unwrap()), (1, 1));
    assert_eq!(roles::holders(&world.db).await.unwrap().len(), 1);
}

async fn a_29_a_reset_link_sets_the_password_once_and_signs_nobody_in(world: World) {
    let ada = world.person("ada").await;
    let (session, _) = world.sign_in("ada").await;
    let link = create_reset(&world.db, &world.ctx, ada.id).await.unwrap();
    let token = link.token.expose_secret();
    assert_eq!(find_reset(&world.db, &world.ctx, token).await.unwrap().map(|p| p.id), Some(ada.id));
    assert!(!is_setup_link(&world.db, &world.ctx, token).await.unwrap(), "of its own purpose only");
    let reset = async |token: &str, password: &str| {
        complete_reset(&world.db, &world.from("192.0.2.1"), &world.passwords, token, &password.into()).await
    };
    assert_eq!(field_code(&reset(token, "short").await.unwrap_err()), "too_short");
    reset(token, OTHER).await.unwrap();
    assert!(world.session(&session).await.is_none(), "all sessions end");
    assert_eq!(reset(token, PASSWORD).await.unwrap_err().code, "link_unusable");
    world.try_sign_in("192.0.2.1", "ada", OTHER).await.unwrap();
    let text = world.all_event_text().await;
    assert!(!text.contains(token));
}

async fn a_29_of_50_who_use_a_link_at_the_same_instant_one_does(world: World) {
    let ada = world.person("ada").await;
    let link = create_reset(&world.db, &world.ctx, ada.id).await.unwrap();
    let attempts = (0..50).map(|_| {
        let (db, ctx, passwords) = (world.db.clone(), world.ctx.clone(), world.passwords.clone());
        let token = link.token.expose_secret().to_owned();
        tokio::spawn(async move { complete_reset(&db, &ctx, &passwords, &token, &OTHER.into()).await })
    });
    let mut used = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => used += 1,
            Err(error) => assert_eq!(error.code, "link_unusable"),
        }
    }
    assert_eq!((used, world.events(EventName::UserPasswordChange).await.len()), (1, 1));
}

async fn a_29_a_reset_link_does_not_outlive_what_made_it_right(world: World) {
    for end in 0..5 {
        let ada = world.person(&format!("ada{end}")).await;
        let link = create_reset(&world.db, &world.ctx, ada.id).await.unwrap();
        let (db, ctx) = (&world.db, &world.ctx);
        match end {
            0 => world.clock.advance(HOUR),
            1 => {
                people::suspend(db, ctx, ada.id).await.unwrap();
                people::activate(db, ctx, ada.id).await.unwrap();
            }
            2 => account::set_password(db, ctx, &world.passwords, ada.id, &OTHER.into()).await.unwrap(),
            3 => drop(create_reset(db, ctx, ada.id).await.unwrap()),
            _ => people::delete(db, ctx, ada.id).await.unwrap(),
        }
        let token = link.token.expose_secret();
        assert!(find_reset(db, ctx, token).await.unwrap().is_none(), "end {end}");
        let error = complete_reset(db, ctx, &world.passwords, token, &OTHER.into()).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Gone, "link_unusable"));
    }
}

async fn a_36_nobody_makes_a_link_for_someone_above_them(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    let admin = world.admin("admin", Role::ApplicationAdmin).await;
    let error = create_reset(&world.db, &world.as_user(&admin), owner.id).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    let staged = people::create(&world.db, &world.ctx, new_person("staged")).await.unwrap();
    let error = create_reset(&world.db, &world.as_user(&owner), staged.id).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "person_not_active"));
}

on_both_databases!(
    a_49_the_first_owner_is_made_by_the_link_and_the_link_is_gone,
    a_49_a_set_up_link_lives_an_hour_and_a_newer_one_voids_it,
    a_49_of_50_who_set_up_at_the_same_instant_one_becomes_owner,
    a_29_a_reset_link_sets_the_password_once_and_signs_nobody_in,
    a_29_of_50_who_use_a_link_at_the_same_instant_one_does,
    a_29_a_reset_link_does_not_outlive_what_made_it_right,
    a_36_nobody_makes_a_link_for_someone_above_them,
);
