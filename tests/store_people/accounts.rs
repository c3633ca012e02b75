//! People with passwords: creating, setting, changing.

use secrecy::{ExposeSecret as _, SecretString};
use tessera::auth::{NewAccount, Role, account};
use tessera::base::Kind;
use tessera::directory::{PersonState, people};
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::{OTHER, PASSWORD, World, field_code};

async fn decision_13_a_person_with_a_password_is_active_else_staged(world: World) {
    for (name, password, state) in
        [("ada", Some(PASSWORD), PersonState::Active), ("bob", None, PersonState::Staged)]
    {
        let mut body = serde_json::json!({"username": name, "email": format!("{name}@example.com")});
        if let Some(password) = password {
            body["password"] = password.into();
        }
        let new: NewAccount = serde_json::from_value(body).unwrap();
        let made = account::create(&world.db, &world.ctx, &world.passwords, new).await.unwrap();
        assert_eq!(made.state, state);
    }
    world.sign_in("ada").await;
    for field in ["role", "state", "id", "passwords"] {
        let body = serde_json::json!({"username": "x", "email": "x@example.com", field: "owner"});
        assert!(serde_json::from_value::<NewAccount>(body).is_err(), "a_38: {field}");
    }
}

async fn one_s_own_password_needs_the_current_one_and_ends_other_sessions(world: World) {
    let ada = world.person("ada").await;
    let (here, session) = world.sign_in("ada").await;
    let (elsewhere, _) = world.sign_in("ada").await;
    let change = async |current: &str, new: &str| {
        let (current, new) = (SecretString::from(current), SecretString::from(new));
        let ctx = world.as_user(&ada);
        let pair = [&current, &new];
        account::change_password(&world.db, &ctx, &world.vault, &world.passwords, &session, pair).await
    };
    assert_eq!(change(OTHER, OTHER).await.unwrap_err().code, "wrong_password");
    assert_eq!(field_code(&change(PASSWORD, "short").await.unwrap_err()), "too_short");
    assert!(world.session(&elsewhere).await.is_some());

    let renewed = change(PASSWORD, OTHER).await.unwrap();
    assert!(world.session(renewed.token.expose_secret()).await.is_some());
    assert!(world.session(&here).await.is_none() && world.session(&elsewhere).await.is_none());
    assert_eq!(world.try_sign_in("192.0.2.9", "ada", PASSWORD).await.unwrap_err().code, "sign_in_failed");
    world.try_sign_in("192.0.2.9", "ada", OTHER).await.unwrap();
    let events = world.events(EventName::UserPasswordChange).await;
    assert_eq!((events.len(), &events[0].details["by"]), (1, &serde_json::json!("self")));
}

async fn a_27_a_rejected_new_password_is_no_failed_guess(world: World) {
    let ada = world.person("ada").await;
    let (_, session) = world.sign_in("ada").await;
    let ctx = world.as_user(&ada);
    for _ in 0..12 {
        let pair = [&SecretString::from(PASSWORD), &SecretString::from("short")];
        let change =
            account::change_password(&world.db, &ctx, &world.vault, &world.passwords, &session, pair).await;
        assert_eq!(field_code(&change.unwrap_err()), "too_short");
    }
    world.sign_in("ada").await;
}

async fn a_28_a_new_password_lifts_the_block_under_every_name_and_at_every_place(world: World) {
    let ada = world.person("ada").await;
    world.sign_in("ada").await;
    let logins = ["ada", "ada@example.com"];
    for place in ["192.0.2.1", "198.51.100.1"] {
        for login in logins {
            while world.try_sign_in(place, login, OTHER).await.unwrap_err().kind != Kind::TooMany {}
        }
    }
    account::set_password(&world.db, &world.ctx, &world.passwords, ada.id, &OTHER.into()).await.unwrap();
    for place in ["192.0.2.1", "198.51.100.1"] {
        for login in logins {
            world.try_sign_in(place, login, OTHER).await.unwrap();
        }
    }
}

async fn a_password_set_by_an_administrator_ends_all_sessions_and_the_throttle(world: World) {
    let ada = world.person("ada").await;
    let (token, _) = world.sign_in("ada").await;
    for _ in 0..10 {
        world.try_sign_in("198.51.100.1", "ada", OTHER).await.unwrap_err();
    }
    let set = account::set_password(&world.db, &world.ctx, &world.passwords, ada.id, &OTHER.into()).await;
    set.unwrap();
    assert!(world.session(&token).await.is_none());
    world.try_sign_in("198.51.100.1", "ada", OTHER).await.unwrap();
    assert!(account::password_changed_at(&mut world.db.reader(), ada.id).await.unwrap().is_some());
}

async fn a_36_nobody_sets_the_password_of_someone_above_them(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    let admin = world.admin("admin", Role::ApplicationAdmin).await;
    let person = world.person("person").await;
    let set = async |by, of| {
        let ctx = world.as_user(by);
        account::set_password(&world.db, &ctx, &world.passwords, of, &OTHER.into()).await
    };
    let error = set(&admin, owner.id).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Forbidden, "role_too_low"));
    assert_eq!(set(&person, admin.id).await.unwrap_err().kind, Kind::Forbidden);
    set(&owner, admin.id).await.unwrap();
    people::suspend(&world.db, &world.ctx, admin.id).await.unwrap();
    assert_eq!(
        set(&admin, admin.id).await.unwrap_err().kind,
        Kind::Forbidden,
        "a suspended caller has no role"
    );
}

async fn w_15_a_sign_in_and_a_new_password_at_the_same_instant_leave_no_old_session(world: World) {
    for round in 0..10 {
        let name = format!("ada{round}");
        let ada = world.person(&name).await;
        let signing_in = (0..4).map(|n| {
            let (world, name) = (&world, name.as_str());
            async move { world.try_sign_in(&format!("203.0.{n}.1"), name, PASSWORD).await }
        });
        let setting = async {
            account::set_password(&world.db, &world.ctx, &world.passwords, ada.id, &OTHER.into()).await
        };
        let (signed_in, set) = tokio::join!(futures_util::future::join_all(signing_in), setting);
        set.unwrap();
        for new in signed_in.into_iter().flatten() {
            assert!(
                world.session(new.token.expose_secret()).await.is_none(),
                "signed in by the old password"
            );
        }
    }
}

on_both_databases!(
    decision_13_a_person_with_a_password_is_active_else_staged,
    one_s_own_password_needs_the_current_one_and_ends_other_sessions,
    a_27_a_rejected_new_password_is_no_failed_guess,
    a_28_a_new_password_lifts_the_block_under_every_name_and_at_every_place,
    a_password_set_by_an_administrator_ends_all_sessions_and_the_throttle,
    a_36_nobody_sets_the_password_of_someone_above_them,
    w_15_a_sign_in_and_a_new_password_at_the_same_instant_leave_no_old_session,
);
