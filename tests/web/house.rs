//! An installation with people and tokens, and a way to ask its router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tessera::auth::{
    NewAccount, NewApiToken, PasswordOptions, Passwords, Role, SessionView, SignIn, api_token, sign_in,
};
use tessera::auth::{account, csrf, password};
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::catalog::Catalog;
use tessera::db::Db;
use tessera::directory::{NewPerson, people};
use tessera::signon::Installation;
use tessera::vault::Vault;
use tessera::web::server::Peer;
use tessera::web::{Routes, Shared, Web, WebOptions, assemble, route_table};
use tower::ServiceExt as _;

const PASSWORD: &str = "violet tram on the ninth hill";

/// An installation on a database of its own.
pub struct House {
    _folder: TempDir,
    router: Router,
    web: Shared,
    /// The time in it.
    pub clock: Clock,
}

/// A cookie as a browser sends it.
pub struct Sent {
    pub name: &'static str,
    pub value: String,
}

impl Sent {
    pub fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

/// An answer.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answered {
    /// A header's value; empty when there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

/// A request.
pub struct Asked(Request<Body>);

impl Asked {
    pub fn new(method: &str, path: &str) -> Self {
        Self(Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A form.
    pub fn post(path: &str, body: impl Into<Body>) -> Self {
        let mut asked = Self::new("POST", path).header("content-type", "application/x-www-form-urlencoded");
        *asked.0.body_mut() = body.into();
        asked
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    pub fn cookie(self, pair: &str) -> Self {
        self.header("cookie", pair)
    }
}

pub struct Closed {
    folder: TempDir,
    web: Shared,
    clock: Clock,
}

impl Closed {
    /// The house with these routes beside its own.
    pub fn with(self, more: Routes) -> House {
        let taken = route_table();
        let clash = more.table().iter().any(|route| taken.iter().any(|own| own.path == route.path));
        // Samples may stand in for routes of the house; then they stand alone.
        let router = if clash {
            assemble(more.with(tessera::web::health::routes()).with(tessera::web::files::routes()), &self.web)
        } else {
            assemble(more.with(tessera::web::all_routes()), &self.web)
        };
        House { _folder: self.folder, router, web: self.web, clock: self.clock }
    }
}

impl House {
    pub async fn open(base_url: &str) -> Closed {
        Self::open_with(base_url, 64).await
    }

    pub async fn open_with(base_url: &str, concurrency: usize) -> Closed {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let random = Random::seeded(42);
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let db = Db::open(&url).await.unwrap();
        let options = PasswordOptions { cost: password::Cost::trifling(), ..PasswordOptions::default() };
        let passwords = Passwords::new(options, &random).unwrap();
        let base_url = BaseUrl::parse(base_url, false).unwrap();
        let vault = Vault::new([7; 32]);
        let installation =
            Installation::new(db, vault, Catalog::built_in(), base_url, clock.clone(), random, passwords)
                .unwrap();
        let web = Web::new(Arc::new(installation), WebOptions { concurrency, ..WebOptions::default() });
        Closed { folder, web, clock }
    }

    pub async fn ask(&self, mut asked: Asked) -> Answered {
        asked.0.extensions_mut().insert(Peer(([192, 0, 2, 7], 4000).into()));
        let response = self.router.clone().oneshot(asked.0).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.ask(Asked::get(path)).await
    }

    fn ctx(&self) -> Ctx {
        let installation = &self.web.installation;
        Ctx::background(Actor::CommandLine, installation.clock.clone(), installation.random.clone())
    }

    /// A person who has just signed in.
    pub async fn sign_in(&self, username: &str, role: Option<Role>) -> (Sent, SessionView) {
        let (house, ctx) = (&self.web.installation, self.ctx());
        let person = NewPerson {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            ..NewPerson::default()
        };
        let new = NewAccount { person, password: Some(SecretString::from(PASSWORD)), role };
        account::create(&house.db, &ctx, &house.passwords, new).await.unwrap();
        let attempt = SignIn {
            login: username.to_owned(),
            password: SecretString::from(PASSWORD),
            remember: false,
            replaces: None,
        };
        let new =
            sign_in(&house.db, &house.disk, &ctx, &house.vault, &house.passwords, attempt).await.unwrap();
        let name = if house.base_url.is_secure() { "__Host-tessera" } else { "tessera" };
        (Sent { name, value: new.token.expose_secret().to_owned() }, new.session)
    }

    /// Keeps a person out.
    pub async fn suspend(&self, session: &SessionView) {
        people::suspend(&self.web.installation.db, &self.ctx(), session.user_id).await.unwrap();
    }

    /// A new API token.
    pub async fn token(&self, role: Role) -> String {
        let new =
            NewApiToken { name: "test".to_owned(), role: Some(role.to_string()), expires_in_days: None };
        api_token::create(&self.web.installation.db, &self.ctx(), new).await.unwrap().expose().to_owned()
    }

    /// A form's token for whoever holds this cookie.
    pub fn csrf(&self, cookie: &Sent) -> String {
        let house = &self.web.installation;
        csrf::token(&house.vault, &house.random, &cookie.value)
    }
}

/// A route's path with something in place of its parameters.
pub fn filled(template: &str) -> String {
    let segment = |part: &str| match part.strip_prefix('{') {
        Some(_) => "0190a5c0-0000-7000-8000-000000000000".to_owned(),
        None => part.to_owned(),
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}
