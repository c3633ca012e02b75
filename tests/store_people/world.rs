//! An empty installation with a clock that stands still and hashes that cost next to nothing.

use std::net::IpAddr;
use std::sync::OnceLock;

use secrecy::{ExposeSecret as _, SecretString};
use support::PrivatePostgres;
use tessera::auth::{
    Cost, NewAccount, NewSession, PasswordOptions, Passwords, Role, SessionView, SignIn, account, session,
    sign_in,
};
use tessera::base::paging::PageRequest;
use tessera::base::{Actor, Clock, Ctx, Error, Random, Result, Timestamp};
use tessera::db::Db;
use tessera::db::reserve::DiskReserve;
use tessera::directory::{NewPerson, Person, groups};
use tessera::events::EventName;
use tessera::events::query::{self, EventFilter, EventView};
use tessera::vault::Vault;

/// A password that the policy accepts.
pub const PASSWORD: &str = "violet tram on the ninth hill";
/// Another.
pub const OTHER: &str = "seven quiet herons under glass";

/// The installation of one case.
pub struct World {
    pub db: Db,
    pub clock: Clock,
    pub ctx: Ctx,
    pub vault: Vault,
    pub disk: DiskReserve,
    pub passwords: Passwords,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    /// On SQLite.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/t.db", folder.path().display());
        Self::open(&url, Some(folder)).await
    }

    /// On PostgreSQL.
    pub async fn postgres() -> Self {
        static CLUSTER: OnceLock<PrivatePostgres> = OnceLock::new();
        Self::open(&CLUSTER.get_or_init(PrivatePostgres::start).create_database(), None).await
    }

    async fn open(url: &str, folder: Option<tempfile::TempDir>) -> Self {
        let (clock, random) = (Clock::frozen(Timestamp(1_795_334_400_000)), Random::System);
        let db = Db::open(url).await.unwrap();
        let ctx = Ctx::background(Actor::CommandLine, clock.clone(), random.clone());
        groups::ensure_everyone(&db, &ctx).await.unwrap();
        let passwords = Self::passwords_of(Cost::trifling());
        let (vault, disk) = (Vault::new([7; 32]), DiskReserve::default());
        Self { db, clock, ctx, vault, disk, passwords, _folder: folder }
    }

    /// A hashing pool of another cost.
    pub fn passwords_of(cost: Cost) -> Passwords {
        Passwords::new(PasswordOptions { cost, ..PasswordOptions::default() }, &Random::System).unwrap()
    }

    /// The same installation with another hashing pool.
    pub fn with(self, passwords: Passwords) -> Self {
        Self { passwords, ..self }
    }

    /// Somebody at this address who is not signed in.
    pub fn from(&self, address: &str) -> Ctx {
        let source: IpAddr = address.parse().unwrap();
        Ctx { source: Some(source), ..self.ctx.acting_as(Actor::Anonymous) }
    }

    /// This person, signed in.
    pub fn as_user(&self, person: &Person) -> Ctx {
        self.ctx.acting_as(Actor::User { id: person.id, username: person.username.as_str().into() })
    }

    /// An active person with [`PASSWORD`].
    pub async fn person(&self, name: &str) -> Person {
        self.account(name, None).await
    }

    /// An active person with a role.
    pub async fn admin(&self, name: &str, role: Role) -> Person {
        self.account(name, Some(role)).await
    }

    async fn account(&self, name: &str, role: Option<Role>) -> Person {
        let new = NewAccount { person: new_person(name), password: Some(PASSWORD.into()), role };
        account::create(&self.db, &self.ctx, &self.passwords, new).await.unwrap()
    }

    /// A sign-in attempt from an address.
    pub async fn try_sign_in(&self, address: &str, login: &str, password: &str) -> Result<NewSession> {
        let attempt = SignIn {
            login: login.to_owned(),
            password: SecretString::from(password),
            remember: false,
            replaces: None,
        };
        sign_in(&self.db, &self.disk, &self.from(address), &self.vault, &self.passwords, attempt).await
    }

    /// A sign-in that works: the token and the session.
    pub async fn sign_in(&self, login: &str) -> (String, SessionView) {
        let new = self.try_sign_in("192.0.2.1", login, PASSWORD).await.unwrap();
        (new.token.expose_secret().to_owned(), new.session)
    }

    /// The session of a token, if it runs.
    pub async fn session(&self, token: &str) -> Option<SessionView> {
        session::authenticate(&self.db, &self.ctx, token).await.unwrap()
    }

    /// The events of a name, newest first.
    pub async fn events(&self, name: EventName) -> Vec<EventView> {
        let filter = EventFilter { name: Some(name), ..EventFilter::default() };
        let page = PageRequest { limit: 200, after: None };
        query::list(&mut self.db.reader(), &filter, &page).await.unwrap().items
    }

    /// Everything any event says, as text.
    pub async fn all_event_text(&self) -> String {
        let page = PageRequest { limit: 200, after: None };
        let events = query::list(&mut self.db.reader(), &EventFilter::default(), &page).await.unwrap();
        assert!(events.next_cursor.is_none());
        serde_json::to_string(&events.items).unwrap()
    }
}

/// A person of this username, with an address to match.
pub fn new_person(name: &str) -> NewPerson {
    NewPerson { username: name.to_owned(), email: format!("{name}@example.com"), ..NewPerson::default() }
}

/// The code of the first field at fault.
pub fn field_code(error: &Error) -> &str {
    error.fields.first().map_or("", |field| field.code.as_ref())
}
