//! Sessions: their token, their end, who ends them, and that memory never honours one that has ended.

use secrecy::{ExposeSecret as _, SecretString};
use tessera::auth::reauthenticate::reauthenticate;
use tessera::auth::session::{self, list, prune, revoke, revoke_all, sign_out};
use tessera::auth::{Role, SessionCache, SignIn, account, roles, sign_in};
use tessera::base::Kind;
use tessera::base::clock::{DAY, HOUR, MINUTE};
use tessera::db::Executor as _;
use tessera::db::epoch::{self, Scope};
use tessera::directory::{PersonPatch, people};
use tessera::events::EventName;
use tessera::settings::{self, Settings};

use crate::on_both_databases;
use crate::world::{OTHER, PASSWORD, World};

async fn cached(world: &World, cache: &SessionCache, token: &str) -> bool {
    let epochs = epoch::read(world.db.reader()).await.unwrap();
    cache.authenticate(&world.db, &world.ctx, epochs, token).await.unwrap().is_some()
}

async fn remembered(world: &World, login: &str) -> String {
    let attempt = SignIn {
        login: login.to_owned(),
        password: SecretString::from(PASSWORD),
        remember: true,
        replaces: None,
    };
    let ctx = world.from("192.0.2.1");
    let new = sign_in(&world.db, &world.disk, &ctx, &world.vault, &world.passwords, attempt).await.unwrap();
    assert!(new.session.remembered);
    new.token.expose_secret().to_owned()
}

async fn a_session_tells_whose_it_is(world: World) {
    let owner = world.admin("owner", Role::Owner).await;
    let (token, begun) = world.sign_in("owner").await;
    let view = world.session(&token).await.unwrap();
    assert_eq!(view, begun);
    assert_eq!((view.user_id, view.role, view.display_name.as_str()), (owner.id, Some(Role::Owner), "owner"));
    assert_eq!(view.expires_at, world.ctx.now().plus(12 * HOUR));
    for not_one in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(43), "é"] {
        assert!(world.session(not_one).await.is_none(), "{not_one}");
    }
}

async fn a_25_each_sign_in_is_a_new_session_and_ends_the_one_it_replaces(world: World) {
    world.person("ada").await;
    let (first, old) = world.sign_in("ada").await;
    let attempt = SignIn {
        login: "ada".to_owned(),
        password: SecretString::from(PASSWORD),
        remember: false,
        replaces: Some(old.session_id),
    };
    let ctx = world.from("192.0.2.1");
    let new = sign_in(&world.db, &world.disk, &ctx, &world.vault, &world.passwords, attempt).await.unwrap();
    assert_ne!(new.session.session_id, old.session_id);
    assert!(world.session(&first).await.is_none());
    assert!(world.session(new.token.expose_secret()).await.is_some());
}

async fn w_08_sessions_end_by_idleness_and_by_age(world: World) {
    world.person("ada").await;
    let (used, _) = world.sign_in("ada").await;
    let (unused, _) = world.sign_in("ada").await;
    let kept = remembered(&world, "ada").await;
    world.clock.advance(7 * HOUR);
    assert!(world.session(&used).await.is_some());
    world.clock.advance(HOUR);
    assert!(world.session(&unused).await.is_none(), "idle for 8 hours");
    assert!(world.session(&used).await.is_some(), "used an hour ago");
    world.clock.advance(4 * HOUR);
    assert!(world.session(&used).await.is_none(), "12 hours old");
    world.clock.advance(29 * DAY);
    assert!(world.session(&kept).await.is_some(), "kept signed in");
    world.clock.advance(DAY);
    assert!(world.session(&kept).await.is_none(), "30 days old");
}

async fn w_08_shorter_times_count_for_running_sessions_too(world: World) {
    world.person("ada").await;
    let cache = SessionCache::default();
    let (token, _) = world.sign_in("ada").await;
    world.clock.advance(30 * MINUTE);
    assert!(cached(&world, &cache, &token).await);
    let mut tx = world.db.begin().await.unwrap();
    let shorter = Settings { session_absolute_minutes: 20, session_idle_minutes: 10, ..Settings::default() };
    settings::store(&mut tx, &shorter).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!cached(&world, &cache, &token).await);
}

async fn last_seen_is_written_once_a_minute(world: World) {
    let ada = world.person("ada").await;
    let cache = SessionCache::default();
    let (token, begun) = world.sign_in("ada").await;
    let seen = async || list(&world.db, &world.ctx, ada.id).await.unwrap()[0].last_seen_at;
    for _ in 0..5 {
        world.clock.advance(11_000);
        assert!(cached(&world, &cache, &token).await);
        assert_eq!(seen().await, begun.created_at);
    }
    world.clock.advance(11_000);
    assert!(cached(&world, &cache, &token).await);
    assert_eq!(seen().await, world.ctx.now());
}

async fn av_05_w_08_whatever_ends_a_session_memory_sees_it_at_once(world: World) {
    // Two nodes: each has its own memory.
    let (one, two) = (SessionCache::default(), SessionCache::default());
    world.admin("other", Role::Owner).await;
    for end in 0..7 {
        let ada = world.admin(&format!("ada{end}"), Role::Owner).await;
        let (token, view) = world.sign_in(&ada.username).await;
        assert!(cached(&world, &one, &token).await && cached(&world, &two, &token).await);
        let (db, ctx) = (&world.db, &world.ctx);
        match end {
            0 => sign_out(db, ctx, &view).await.unwrap(),
            1 => revoke(db, ctx, ada.id, view.session_id).await.unwrap(),
            2 => assert_eq!(revoke_all(db, ctx, ada.id, None).await.unwrap(), 1),
            3 => drop(people::suspend(db, ctx, ada.id).await.unwrap()),
            4 => people::delete(db, ctx, ada.id).await.unwrap(),
            5 => account::set_password(db, ctx, &world.passwords, ada.id, &OTHER.into()).await.unwrap(),
            _ => {
                let current = SecretString::from(PASSWORD);
                let ctx = &world.as_user(&ada);
                let (vault, passwords) = (&world.vault, &world.passwords);
                let renewed = reauthenticate(db, ctx, vault, passwords, &view, &current).await.unwrap();
                assert!(cached(&world, &one, renewed.token.expose_secret()).await);
            }
        }
        for cache in [&one, &two] {
            assert!(!cached(&world, cache, &token).await, "end {end}");
        }
        if end == 3 {
            people::activate(&world.db, &world.ctx, ada.id).await.unwrap();
            assert!(!cached(&world, &one, &token).await, "a suspension ends sessions for good");
        }
    }
}

async fn w_08_a_lost_role_is_lost_at_the_next_request(world: World) {
    let cache = SessionCache::default();
    world.admin("other", Role::Owner).await;
    let ada = world.admin("ada", Role::Owner).await;
    let (token, _) = world.sign_in("ada").await;
    let role = async || {
        let epochs = epoch::read(world.db.reader()).await.unwrap();
        cache.authenticate(&world.db, &world.ctx, epochs, &token).await.unwrap().unwrap().role
    };
    assert_eq!(role().await, Some(Role::Owner));
    roles::set_role(&world.db, &world.ctx, ada.id, Some(Role::Auditor)).await.unwrap();
    assert_eq!(role().await, Some(Role::Auditor));
    roles::set_role(&world.db, &world.ctx, ada.id, None).await.unwrap();
    assert_eq!(role().await, None);
    let patch: PersonPatch = serde_json::from_str(r#"{"display_name": "Ada"}"#).unwrap();
    people::update(&world.db, &world.ctx, ada.id, None, patch).await.unwrap();
    let epochs = epoch::read(world.db.reader()).await.unwrap();
    let view = cache.authenticate(&world.db, &world.ctx, epochs, &token).await.unwrap().unwrap();
    assert_eq!(view.display_name, "Ada");
}

async fn memory_is_trusted_while_nothing_changed(world: World) {
    world.person("ada").await;
    let cache = SessionCache::default();
    let (token, view) = world.sign_in("ada").await;
    assert!(cached(&world, &cache, &token).await);
    // A hand in the database that raises no epoch is not seen; one that does is.
    let mut tx = world.db.begin().await.unwrap();
    let query = tessera::db::sql("UPDATE sessions SET ended_at = 1 WHERE id = $1").bind_text(view.session_id);
    tx.run(query).await.unwrap();
    tx.commit().await.unwrap();
    assert!(cached(&world, &cache, &token).await, "so it came from memory");
    let mut tx = world.db.begin().await.unwrap();
    epoch::bump(&mut tx, Scope::Sessions).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!cached(&world, &cache, &token).await);
}

async fn saml_118_the_password_again_is_a_fresh_instant_and_a_new_token(world: World) {
    world.person("ada").await;
    let (old, begun) = world.sign_in("ada").await;
    world.clock.advance(HOUR);
    let again = async |password: &str| {
        let ctx = world.from("192.0.2.1");
        let password = SecretString::from(password);
        reauthenticate(&world.db, &ctx, &world.vault, &world.passwords, &begun, &password).await
    };
    let error = again(OTHER).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Unauthenticated, "wrong_password"));
    assert_eq!(world.session(&old).await.unwrap().authenticated_at, begun.authenticated_at);

    world.clock.advance(1);
    let new = again(PASSWORD).await.unwrap();
    assert!(world.session(&old).await.is_none());
    let view = world.session(new.token.expose_secret()).await.unwrap();
    assert_eq!((view.session_id, view.created_at), (begun.session_id, begun.created_at));
    assert_eq!((view.authenticated_at, view.expires_at), (world.ctx.now(), begun.expires_at));
    let outcomes: Vec<_> =
        world.events(EventName::UserReauthenticate).await.into_iter().map(|e| e.outcome).collect();
    assert_eq!(outcomes, ["success", "denied"]);

    // A session that is over by its times stays over, whatever view of it somebody still has.
    world.clock.advance(8 * HOUR);
    assert_eq!(again(PASSWORD).await.unwrap_err().code, "session_ended");
    assert!(world.session(new.token.expose_secret()).await.is_none());
    let (_, begun) = world.sign_in("ada").await;
    let again = async |password: &str| {
        let ctx = world.from("192.0.2.1");
        let password = SecretString::from(password);
        reauthenticate(&world.db, &ctx, &world.vault, &world.passwords, &begun, &password).await
    };
    let view = again(PASSWORD).await.unwrap().session;

    // Guesses here are counted with those at the door.
    for _ in 0..12 {
        again(OTHER).await.unwrap_err();
    }
    assert_eq!(again(PASSWORD).await.unwrap_err().kind, Kind::TooMany);
    assert_eq!(world.try_sign_in("192.0.2.1", "ada", PASSWORD).await.unwrap_err().kind, Kind::TooMany);
    world.clock.advance(MINUTE);
    session::sign_out(&world.db, &world.ctx, &view).await.unwrap();
    assert_eq!(again(PASSWORD).await.unwrap_err().code, "session_ended");
}

async fn a_37_another_person_s_session_is_as_unknown_as_none(world: World) {
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let (token, view) = world.sign_in("ada").await;
    let error = revoke(&world.db, &world.as_user(&bob), bob.id, view.session_id).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(world.session(&token).await.is_some());
    assert!(list(&world.db, &world.ctx, bob.id).await.unwrap().is_empty());
    assert_eq!(list(&world.db, &world.ctx, ada.id).await.unwrap().len(), 1);
}

async fn sign_out_everywhere_may_keep_this_one(world: World) {
    let ada = world.person("ada").await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(world.sign_in("ada").await);
    }
    let keep = tokens[1].1.session_id;
    assert_eq!(revoke_all(&world.db, &world.ctx, ada.id, Some(keep)).await.unwrap(), 2);
    let alive = [
        world.session(&tokens[0].0).await.is_some(),
        world.session(&tokens[1].0).await.is_some(),
        world.session(&tokens[2].0).await.is_some(),
    ];
    assert_eq!(alive, [false, true, false]);
    assert_eq!(revoke_all(&world.db, &world.ctx, ada.id, None).await.unwrap(), 1);
    assert_eq!(revoke_all(&world.db, &world.ctx, ada.id, None).await.unwrap(), 0);
    assert_eq!(world.events(EventName::SessionRevoke).await.len(), 2);
}

async fn the_database_holds_no_usable_session_token(world: World) {
    world.person("ada").await;
    let (token, _) = world.sign_in("ada").await;
    let mut tx = world.db.begin().await.unwrap();
    let rows = tx.all(tessera::db::sql("SELECT token_hash FROM sessions")).await.unwrap();
    let stored = rows[0].text("token_hash").unwrap();
    assert_ne!(stored, token);
    assert!(world.session(&stored).await.is_none());
}

async fn what_is_over_for_30_days_is_deleted(world: World) {
    let ada = world.person("ada").await;
    world.sign_in("ada").await;
    assert_eq!(prune(&world.db, &world.ctx).await.unwrap(), 0);
    world.clock.advance(31 * DAY);
    let (token, _) = world.sign_in("ada").await;
    assert!(prune(&world.db, &world.ctx).await.unwrap() >= 1);
    assert!(world.session(&token).await.is_some());
    assert_eq!(list(&world.db, &world.ctx, ada.id).await.unwrap().len(), 1);
}

on_both_databases!(
    a_session_tells_whose_it_is,
    a_25_each_sign_in_is_a_new_session_and_ends_the_one_it_replaces,
    w_08_sessions_end_by_idleness_and_by_age,
    w_08_shorter_times_count_for_running_sessions_too,
    last_seen_is_written_once_a_minute,
    av_05_w_08_whatever_ends_a_session_memory_sees_it_at_once,
    w_08_a_lost_role_is_lost_at_the_next_request,
    memory_is_trusted_while_nothing_changed,
    saml_118_the_password_again_is_a_fresh_instant_and_a_new_token,
    a_37_another_person_s_session_is_as_unknown_as_none,
    sign_out_everywhere_may_keep_this_one,
    the_database_holds_no_usable_session_token,
    what_is_over_for_30_days_is_deleted,
);
