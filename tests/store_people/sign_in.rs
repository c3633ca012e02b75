//! The sign-in attempt: who gets in, what everyone else hears, and how many guesses are computed.

use secrecy::SecretString;
use tessera::auth::throttle::{HARD_CAP, delay};
use tessera::auth::{Cost, NewAccount, PasswordOptions, Passwords, SignIn, account, sign_in};
use tessera::base::clock::{HOUR, MINUTE};
use tessera::base::{Kind, Random};
use tessera::db::reserve::DiskReserve;
use tessera::directory::people;
use tessera::events::EventName;

use crate::on_both_databases;
use crate::world::{OTHER, PASSWORD, World, new_person};

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";

async fn an_active_person_signs_in_by_either_name(world: World) {
    let ada = world.person("ada").await;
    for login in ["ada", "ADA", "Ada@example.COM"] {
        let new = world.try_sign_in(HOME, login, PASSWORD).await.unwrap();
        assert_eq!((new.session.user_id, new.session.authenticated_at), (ada.id, world.ctx.now()));
    }
    let events = world.events(EventName::UserLoginAttempt).await;
    assert_eq!(events.len(), 3);
    assert!(
        events.iter().all(|event| event.outcome == "success" && event.actor_id == Some(ada.id.to_string()))
    );
    assert_eq!(events[0].source.as_deref(), Some(HOME));
}

async fn a_26_all_who_do_not_get_in_hear_the_same_and_cost_the_same(world: World) {
    world.person("ada").await;
    let suspended = world.person("suspended").await;
    people::suspend(&world.db, &world.ctx, suspended.id).await.unwrap();
    people::create(&world.db, &world.ctx, new_person("staged")).await.unwrap();
    let bare = people::create(&world.db, &world.ctx, new_person("bare")).await.unwrap();
    people::activate(&world.db, &world.ctx, bare.id).await.unwrap();

    let mut reasons = Vec::new();
    for (login, password) in [
        ("nobody", PASSWORD),
        ("ada", OTHER),
        ("suspended", PASSWORD),
        ("staged", PASSWORD),
        ("bare", PASSWORD),
    ] {
        let before = world.passwords.computed();
        let error = world.try_sign_in(HOME, login, password).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unauthenticated, "sign_in_failed"), "{login}");
        assert_eq!(error.to_string(), "That username and password do not go together.");
        assert_eq!(world.passwords.computed() - before, 1, "{login}: one hash, whoever it is");
        let event = world.events(EventName::UserLoginAttempt).await.remove(0);
        assert_eq!(event.outcome, "denied");
        reasons.push(event.details["reason"].as_str().unwrap().to_owned());
        world.clock.advance(1);
    }
    assert_eq!(reasons, ["unknown_user", "wrong_password", "suspended", "staged", "no_password"]);
}

async fn a_46_what_was_typed_stands_in_no_event(world: World) {
    world.person("ada").await;
    world.sign_in("ada").await;
    for (login, password) in [("ada", "CanaryWrongPassword"), ("CanaryTypedAsName", "x"), ("ada", PASSWORD)] {
        let _ = world.try_sign_in(HOME, login, password).await;
    }
    let text = world.all_event_text().await;
    assert!(!text.to_lowercase().contains("canary") && !text.contains(PASSWORD), "{text}");
}

async fn a_27_of_200_guesses_at_once_no_more_than_the_limit_are_computed(world: World) {
    world.person("ada").await;
    let before = world.passwords.computed();
    let guesses = (0..200).map(|n: u32| {
        let (db, vault, passwords) = (world.db.clone(), world.vault.clone(), world.passwords.clone());
        // From many places at once: the account is what is counted.
        let ctx = world.from(&format!("203.0.{}.{}", n / 4, n % 4 + 1));
        let attempt = SignIn {
            login: if n.is_multiple_of(2) { "ada" } else { "ada@example.com" }.to_owned(),
            password: SecretString::from(format!("guess {n}")),
            remember: false,
            replaces: None,
        };
        tokio::spawn(async move {
            sign_in(&db, &DiskReserve::default(), &ctx, &vault, &passwords, attempt).await.unwrap_err()
        })
    });
    let mut refused = 0;
    for guess in guesses.collect::<Vec<_>>() {
        let error = guess.await.unwrap();
        if error.kind == Kind::TooMany {
            assert_eq!(error.code, "too_many_attempts");
            assert!(error.retry_after.is_some_and(|seconds| seconds > 0));
            refused += 1;
        } else {
            assert_eq!(error.code, "sign_in_failed");
        }
    }
    let evaluated = world.passwords.computed() - before;
    assert_eq!(evaluated + refused, 200);
    assert!(evaluated <= 10, "{evaluated} guesses were computed");
    assert_eq!(world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap_err().kind, Kind::TooMany);
    world.clock.advance(MINUTE);
    world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap();
}

async fn a_27_nobody_s_name_is_throttled_as_somebody_s(world: World) {
    world.person("ada").await;
    let mut answers: Vec<Vec<(Kind, Option<u32>)>> = Vec::new();
    for login in ["ada", "nobody"] {
        let mut heard = Vec::new();
        for _ in 0..8 {
            let error = world.try_sign_in(HOME, login, OTHER).await.unwrap_err();
            heard.push((error.kind, error.retry_after));
        }
        answers.push(heard);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].iter().any(|(kind, _)| *kind == Kind::TooMany));
}

/// What an attempt is told: the kind and the seconds to wait.
async fn told(world: &World, place: &str, login: &str, password: &str) -> (Kind, Option<u32>) {
    let error = world.try_sign_in(place, login, password).await.unwrap_err();
    (error.kind, error.retry_after)
}

async fn a_26_the_second_name_of_an_account_is_no_oracle(world: World) {
    world.person("dora").await;
    world.sign_in("dora").await;
    for place in [ELSEWHERE, HOME] {
        for login in ["dora", "ghost"] {
            for _ in 0..6 {
                told(&world, place, login, OTHER).await;
            }
        }
        for (known, unknown) in [("dora@example.com", "ghost@example.com"), ("DORA", "Ghost")] {
            assert_eq!(
                told(&world, place, known, OTHER).await,
                told(&world, place, unknown, OTHER).await,
                "{known} from {place}"
            );
        }
    }
}

async fn a_26_a_neighbour_does_not_learn_who_signs_in_where(world: World) {
    world.person("dora").await;
    world.person("neighbour").await;
    world.sign_in("dora").await;
    world.sign_in("neighbour").await;
    for login in ["dora", "ghost"] {
        for _ in 0..6 {
            told(&world, ELSEWHERE, login, OTHER).await;
        }
    }
    assert_eq!(told(&world, HOME, "dora", OTHER).await, told(&world, HOME, "ghost", OTHER).await);
}

async fn a_26_an_account_at_the_hard_cap_answers_as_nobody(world: World) {
    world.person("dora").await;
    for n in 1..=HARD_CAP {
        world.try_sign_in(&format!("203.0.{}.1", n % 250), "dora", OTHER).await.unwrap_err();
        world.clock.advance(if n == HARD_CAP { MINUTE } else { delay(n).max(6001) });
    }
    for password in [OTHER, PASSWORD] {
        let before = world.passwords.computed();
        let heard = told(&world, ELSEWHERE, "dora@example.com", password).await;
        assert_eq!(world.passwords.computed() - before, 1, "as dear as any other");
        let event = world.events(EventName::UserLoginAttempt).await.remove(0);
        assert_eq!(event.details["reason"], "locked");
        assert_eq!(heard, told(&world, ELSEWHERE, "ghost@example.com", password).await);
        world.clock.advance(1);
    }
    assert_eq!(told(&world, ELSEWHERE, "dora", OTHER).await.0, Kind::TooMany);
    world.clock.advance(HOUR);
    world.try_sign_in(ELSEWHERE, "dora", PASSWORD).await.unwrap();
}

async fn a_27_the_wait_that_is_told_is_the_wait_there_is(world: World) {
    world.person("ada").await;
    for _ in 0..5 {
        assert_eq!(told(&world, HOME, "ada", OTHER).await.0, Kind::Unauthenticated);
    }
    assert_eq!(told(&world, HOME, "ada", PASSWORD).await, (Kind::TooMany, Some(1)));
    world.clock.advance(1000);
    world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap();
    // The limit of a minute is told by the minute: the fifth failure of a full window waits for its end.
    for n in 0..60 {
        told(&world, ELSEWHERE, &format!("nobody{n}"), OTHER).await;
    }
    world.clock.advance(MINUTE - 5000);
    assert_eq!(told(&world, ELSEWHERE, "nobody", OTHER).await, (Kind::TooMany, Some(5)));
}

async fn av_03_decision_17_a_stranger_s_refusal_leaves_the_reserve_alone(world: World) {
    world.person("ada").await;
    let full = DiskReserve::of("sqlite:///tmp/any.db", u64::MAX);
    let mut world = world;
    world.disk = full;
    for _ in 0..5 {
        let error = world.try_sign_in(HOME, "ada", OTHER).await.unwrap_err();
        assert_eq!(error.code, "sign_in_failed");
    }
    assert!(world.events(EventName::UserLoginAttempt).await.is_empty());
    // It counts all the same, and who gets in has an event.
    assert_eq!(told(&world, HOME, "ada", PASSWORD).await.0, Kind::TooMany);
    world.clock.advance(1000);
    world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap();
    assert_eq!(world.events(EventName::UserLoginAttempt).await.len(), 1);
}

async fn a_27_never_more_than_the_hard_cap_in_a_row_and_a_28_it_ends(world: World) {
    world.person("ada").await;
    let (before, mut waits) = (world.passwords.computed(), 0);
    for n in 1..=HARD_CAP {
        // Each time from another place, as soon as the account lets it.
        let place = format!("203.0.{}.1", n % 250);
        let error = world.try_sign_in(&place, "ada", OTHER).await.unwrap_err();
        assert_eq!(error.code, "sign_in_failed", "attempt {n}");
        let wait = delay(n).max(6001);
        world.clock.advance(wait);
        waits += wait;
    }
    assert_eq!(world.passwords.computed() - before, 100);
    assert!(waits > 7 * HOUR, "a hundred guesses took {waits} ms");
    // It ends by itself, and the right password then works.
    world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap();
    world.try_sign_in(HOME, "ada", OTHER).await.unwrap_err();
    world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap();
}

async fn a_28_a_stranger_elsewhere_does_not_keep_a_person_out(world: World) {
    world.person("ada").await;
    world.sign_in("ada").await;
    for _ in 0..20 {
        world.try_sign_in(ELSEWHERE, "ada", OTHER).await.unwrap_err();
    }
    assert_eq!(world.try_sign_in(ELSEWHERE, "ada", PASSWORD).await.unwrap_err().kind, Kind::TooMany);
    world.sign_in("ada").await;
    // At the known place guesses are counted too.
    for _ in 0..20 {
        world.try_sign_in(HOME, "ada", OTHER).await.unwrap_err();
    }
    assert_eq!(world.try_sign_in(HOME, "ada", PASSWORD).await.unwrap_err().kind, Kind::TooMany);
}

async fn w_12_failures_of_one_address_are_limited_and_successes_are_not(world: World) {
    for n in 0..5 {
        world.person(&format!("person{n}")).await;
    }
    for n in 0..100 {
        let login = format!("person{}", n % 5);
        world.try_sign_in(HOME, &login, PASSWORD).await.unwrap();
    }
    for n in 0..60 {
        let error = world.try_sign_in("192.0.2.200", &format!("nobody{n}"), OTHER).await.unwrap_err();
        assert_eq!(error.code, "sign_in_failed", "{n}");
    }
    let error = world.try_sign_in("192.0.2.200", "another", OTHER).await.unwrap_err();
    assert_eq!(error.kind, Kind::TooMany);
    for other in [ELSEWHERE, "192.0.2.201"] {
        let error = world.try_sign_in(other, "another", OTHER).await.unwrap_err();
        assert_eq!(error.code, "sign_in_failed", "a neighbour in the network pays for nothing");
    }
    // Of IPv6 whoever has one address has the whole /64.
    for n in 0..60 {
        let place = format!("2001:db8:1:2::{n:x}");
        world.try_sign_in(&place, &format!("nobody{n}"), OTHER).await.unwrap_err();
    }
    let error = world.try_sign_in("2001:db8:1:2:ffff::1", "another", OTHER).await.unwrap_err();
    assert_eq!(error.kind, Kind::TooMany);
    world.clock.advance(MINUTE);
    world.try_sign_in("192.0.2.200", "person0", PASSWORD).await.unwrap();
}

async fn w_07_a_hash_of_an_old_cost_is_made_anew_at_sign_in(world: World) {
    world.person("ada").await;
    let passwords = World::passwords_of(Cost { iterations: 2, ..Cost::trifling() });
    let world = world.with(passwords);
    world.sign_in("ada").await;
    assert_eq!(world.passwords.computed(), 2, "verified, then made anew");
    world.sign_in("ada").await;
    assert_eq!(world.passwords.computed(), 3, "once only");
}

async fn w_07_parallel_sign_ins_may_all_make_the_hash_anew(world: World) {
    world.person("ada").await;
    let cost = Cost { iterations: 3, ..Cost::trifling() };
    let world = world.with(World::passwords_of(cost));
    let signing_in = (0..4).map(|n| {
        let world = &world;
        async move { world.try_sign_in(&format!("203.0.{n}.1"), "ada", PASSWORD).await }
    });
    for result in futures_util::future::join_all(signing_in).await {
        result.unwrap();
    }
}

async fn w_07_an_attempt_that_found_no_thread_does_not_count(world: World) {
    world.person("ada").await;
    let options =
        PasswordOptions { parallel: 1, max_waiting: 0, cost: Cost::default(), ..PasswordOptions::default() };
    let world = world.with(Passwords::new(options, &Random::System).unwrap());
    let attempts = (0..40).map(|_| {
        let (db, vault, passwords, ctx) =
            (world.db.clone(), world.vault.clone(), world.passwords.clone(), world.from(HOME));
        let attempt = SignIn {
            login: "ada".to_owned(),
            password: SecretString::from(PASSWORD),
            remember: false,
            replaces: None,
        };
        tokio::spawn(
            async move { sign_in(&db, &DiskReserve::default(), &ctx, &vault, &passwords, attempt).await },
        )
    });
    for attempt in attempts.collect::<Vec<_>>() {
        if let Err(error) = attempt.await.unwrap() {
            assert!(matches!(error.code, "overloaded" | "too_many_attempts"), "{error:?}");
        }
    }
    world.sign_in("ada").await;
}

async fn w_06_a_megabyte_is_refused_before_hashing(world: World) {
    world.person("ada").await;
    let before = world.passwords.computed();
    let error = world.try_sign_in(HOME, "ada", &"x".repeat(1 << 20)).await.unwrap_err();
    assert_eq!((error.kind, world.passwords.computed()), (Kind::Invalid, before));
    let error = world.try_sign_in(HOME, &"x".repeat(1 << 20), PASSWORD).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert_eq!(world.try_sign_in(HOME, "ad\0a", PASSWORD).await.unwrap_err().code, "sign_in_failed");
}

async fn w_06_the_policy_holds_for_new_people(world: World) {
    for (password, code) in
        [("short", "too_short"), ("passwordpassword", "too_easy"), ("ada-example-com-ada", "personal_words")]
    {
        let new = NewAccount { person: new_person("ada"), password: Some(password.into()), role: None };
        let error = account::create(&world.db, &world.ctx, &world.passwords, new).await.unwrap_err();
        assert_eq!((error.fields[0].field.as_str(), error.fields[0].code.as_ref()), ("password", code));
    }
    assert_eq!(people::count(&mut world.db.reader(), None).await.unwrap(), 0);
}

on_both_databases!(
    an_active_person_signs_in_by_either_name,
    a_26_all_who_do_not_get_in_hear_the_same_and_cost_the_same,
    a_46_what_was_typed_stands_in_no_event,
    a_27_of_200_guesses_at_once_no_more_than_the_limit_are_computed,
    a_27_nobody_s_name_is_throttled_as_somebody_s,
    a_27_never_more_than_the_hard_cap_in_a_row_and_a_28_it_ends,
    a_26_the_second_name_of_an_account_is_no_oracle,
    a_26_a_neighbour_does_not_learn_who_signs_in_where,
    a_26_an_account_at_the_hard_cap_answers_as_nobody,
    a_27_the_wait_that_is_told_is_the_wait_there_is,
    av_03_decision_17_a_stranger_s_refusal_leaves_the_reserve_alone,
    a_28_a_stranger_elsewhere_does_not_keep_a_person_out,
    w_12_failures_of_one_address_are_limited_and_successes_are_not,
    w_07_a_hash_of_an_old_cost_is_made_anew_at_sign_in,
    w_07_parallel_sign_ins_may_all_make_the_hash_anew,
    w_07_an_attempt_that_found_no_thread_does_not_count,
    w_06_a_megabyte_is_refused_before_hashing,
    w_06_the_policy_holds_for_new_people,
);
