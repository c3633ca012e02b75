//! F-11: whatever anyone does in whatever order, a session runs only if it was begun with the right password of an
//! active person and nothing has ended it since. A model says which sessions may run; both must agree at each step.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use secrecy::{ExposeSecret as _, SecretString};
use tessera::auth::reauthenticate::reauthenticate;
use tessera::auth::session::{revoke, revoke_all, sign_out};
use tessera::auth::{SessionCache, SessionView, account};
use tessera::base::clock::{HOUR, MINUTE};
use tessera::base::id::UserId;
use tessera::base::{Kind, Timestamp};
use tessera::db::epoch;
use tessera::directory::people;

use crate::world::{OTHER, PASSWORD, World};

const PASSWORDS: [&str; 3] = [PASSWORD, OTHER, "granite lanterns over water"];
const NAMES: [&str; 3] = ["ada", "bob", "nobody"];

#[derive(Clone, Debug)]
enum Action {
    SignIn { name: usize, password: usize },
    Reauthenticate { session: usize, password: usize },
    SignOut { session: usize },
    Revoke { session: usize },
    RevokeAll { person: usize },
    Suspend { person: usize },
    Activate { person: usize },
    SetPassword { person: usize, password: usize },
    Wait { minutes: i64 },
}

fn action() -> impl Strategy<Value = Action> {
    use Action as A;
    prop_oneof![
        6 => (0..3usize, 0..3usize).prop_map(|(name, password)| A::SignIn { name, password }),
        2 => (0..8usize, 0..3usize).prop_map(|(session, password)| A::Reauthenticate { session, password }),
        1 => (0..8usize).prop_map(|session| A::SignOut { session }),
        1 => (0..8usize).prop_map(|session| A::Revoke { session }),
        1 => (0..2usize).prop_map(|person| A::RevokeAll { person }),
        1 => (0..2usize).prop_map(|person| A::Suspend { person }),
        2 => (0..2usize).prop_map(|person| A::Activate { person }),
        1 => (0..2usize, 0..3usize).prop_map(|(person, password)| A::SetPassword { person, password }),
        2 => prop_oneof![Just(1), Just(60), Just(300)].prop_map(|minutes| A::Wait { minutes }),
    ]
}

/// What the model knows of one person.
struct Modelled {
    id: UserId,
    active: bool,
    password: usize,
}

/// What the model knows of one session.
struct Running {
    token: String,
    view: SessionView,
    person: usize,
    alive: bool,
    begun: Timestamp,
    seen: Timestamp,
}

struct Machine {
    world: World,
    caches: [SessionCache; 2],
    people: Vec<Modelled>,
    sessions: Vec<Running>,
}

impl Machine {
    async fn new(world: World) -> Self {
        let mut people = Vec::new();
        for name in &NAMES[..2] {
            people.push(Modelled { id: world.person(name).await.id, active: true, password: 0 });
        }
        Self {
            world,
            caches: [SessionCache::default(), SessionCache::default()],
            people,
            sessions: Vec::new(),
        }
    }

    fn may_enter(&self, name: usize, password: usize) -> bool {
        self.people.get(name).is_some_and(|person| person.active && person.password == password)
    }

    fn end_of(&mut self, person: usize) {
        self.sessions.iter_mut().filter(|s| s.person == person).for_each(|s| s.alive = false);
    }

    async fn step(&mut self, action: Action) {
        let (db, ctx) = (self.world.db.clone(), self.world.ctx.clone());
        match action {
            Action::SignIn { name, password } => self.sign_in(name, password).await,
            Action::Reauthenticate { session, password } => self.reauthenticate(session, password).await,
            Action::SignOut { session } => {
                if let Some(running) = self.sessions.get_mut(session) {
                    running.alive = false;
                    sign_out(&db, &ctx, &running.view).await.unwrap();
                }
            }
            Action::Revoke { session } => {
                if let Some(running) = self.sessions.get_mut(session) {
                    running.alive = false;
                    let _ = revoke(&db, &ctx, running.view.user_id, running.view.session_id).await;
                }
            }
            Action::RevokeAll { person } => {
                self.end_of(person);
                revoke_all(&db, &ctx, self.people[person].id, None).await.unwrap();
            }
            Action::Suspend { person } => {
                self.end_of(person);
                self.people[person].active = false;
                people::suspend(&db, &ctx, self.people[person].id).await.unwrap();
            }
            Action::Activate { person } => {
                self.people[person].active = true;
                people::activate(&db, &ctx, self.people[person].id).await.unwrap();
            }
            Action::SetPassword { person, password } => {
                self.end_of(person);
                self.people[person].password = password;
                let (id, new) = (self.people[person].id, SecretString::from(PASSWORDS[password]));
                account::set_password(&db, &ctx, &self.world.passwords, id, &new).await.unwrap();
            }
            Action::Wait { minutes } => self.world.clock.advance(minutes * MINUTE),
        }
        self.compare().await;
    }

    async fn sign_in(&mut self, name: usize, password: usize) {
        let result = self.world.try_sign_in("192.0.2.1", NAMES[name], PASSWORDS[password]).await;
        match result {
            Ok(new) => {
                assert!(self.may_enter(name, password), "{} came in with password {password}", NAMES[name]);
                assert_eq!(new.session.user_id, self.people[name].id);
                let now = self.world.ctx.now();
                let token = new.token.expose_secret().to_owned();
                let running =
                    Running { token, view: new.session, person: name, alive: true, begun: now, seen: now };
                self.sessions.push(running);
            }
            // The throttle may keep the right one waiting; nothing else may.
            Err(error) if error.kind == Kind::TooMany => {}
            Err(error) => {
                assert_eq!(error.code, "sign_in_failed");
                assert!(!self.may_enter(name, password), "{} was kept out", NAMES[name]);
            }
        }
    }

    async fn reauthenticate(&mut self, session: usize, password: usize) {
        let Some(running) = self.sessions.get(session) else { return };
        let (person, secret) = (running.person, SecretString::from(PASSWORDS[password]));
        let (ctx, world) = (self.world.from("192.0.2.1"), &self.world);
        let result =
            reauthenticate(&world.db, &ctx, &world.vault, &world.passwords, &running.view, &secret).await;
        let right = self.may_enter(person, password);
        let now = self.world.ctx.now();
        let running = &mut self.sessions[session];
        match result {
            Ok(new) => {
                assert!(right && running.alive, "a session was renewed that had no right to it");
                new.token.expose_secret().clone_into(&mut running.token);
                running.view = new.session;
                running.seen = now;
            }
            Err(error) if error.kind == Kind::TooMany => {}
            Err(error) => assert!(!right || !running.alive, "{error:?}"),
        }
    }

    /// Every token on both nodes: it opens what the model says, and nothing else.
    async fn compare(&mut self) {
        let now = self.world.ctx.now();
        for running in &mut self.sessions {
            let over = now.since(running.begun) >= 12 * HOUR || now.since(running.seen) >= 8 * HOUR;
            running.alive &= !over;
            for cache in &self.caches {
                let epochs = epoch::read(self.world.db.reader()).await.unwrap();
                let found = cache
                    .authenticate(&self.world.db, &self.world.ctx, epochs, &running.token)
                    .await
                    .unwrap();
                assert_eq!(found.is_some(), running.alive, "session of {}", NAMES[running.person]);
                if let Some(view) = found {
                    assert_eq!(view.user_id, self.people[running.person].id);
                    running.seen = now;
                }
            }
        }
    }
}

fn run(cases: u32, world: impl AsyncFn() -> World) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(action(), 1..40), |actions| {
        runtime.block_on(async {
            let mut machine = Machine::new(world().await).await;
            for action in actions {
                machine.step(action).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn f_11_no_sequence_opens_a_session_without_the_right_password_sqlite() {
    run(u32::try_from(support::rounds(24, 500)).unwrap(), World::sqlite);
}

#[test]
fn f_11_no_sequence_opens_a_session_without_the_right_password_postgres() {
    run(u32::try_from(support::rounds(6, 100)).unwrap(), World::postgres);
}
