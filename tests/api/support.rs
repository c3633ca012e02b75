//! An installation on a temporary database, asked through its router by programs with tokens.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use tessera::applications;
use tessera::auth::{NewApiToken, PasswordOptions, Passwords, Role, SignIn, api_token, password, sign_in};
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::catalog::{Catalog, Connector};
use tessera::db::epoch::{Scope, bump};
use tessera::db::{Db, sql};
use tessera::directory::groups;
use tessera::outbound::Outbound;
use tessera::provisioning::import;
use tessera::signon::Installation;
use tessera::vault::Vault;
use tessera::web::server::Peer;
use tessera::web::{Shared, Web, WebOptions, router};
use tower::ServiceExt as _;

/// A password that the policy takes.
pub const PASSWORD: &str = "violet tram on the ninth hill";
/// The id of nothing.
pub const NOTHING: &str = "0190a5c0-0000-7000-8000-000000000000";

/// The installation.
pub struct House {
    folder: TempDir,
    router: Router,
    web: Shared,
    pub clock: Clock,
}

/// A program with a token.
#[derive(Clone)]
pub struct Api {
    router: Router,
    pub token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.body
    }

    /// Holds a problem to its status and code.
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.text());
        self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl House {
    pub async fn open() -> Self {
        Self::with_catalog(Catalog::built_in()).await
    }

    /// With connectors of the test's own.
    pub async fn with_catalog(catalog: Arc<Catalog>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let random = Random::seeded(7);
        let db = Db::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let options = PasswordOptions { cost: password::Cost::trifling(), ..PasswordOptions::default() };
        let passwords = Passwords::new(options, &random).unwrap();
        let base_url = BaseUrl::parse("https://id.example.com", false).unwrap();
        let vault = Vault::new([7; 32]);
        let mut installation =
            Installation::new(db, vault, catalog, base_url, clock.clone(), random, passwords).unwrap();
        // Services of a test are on this machine.
        installation.outbound = Arc::new(Outbound::new(vec!["127.0.0.1/32".parse().unwrap()], None).unwrap());
        let web = Web::new(Arc::new(installation), WebOptions::default());
        let house = Self { folder, router: router(&web), web, clock };
        groups::ensure_everyone(&house.web.installation.db, &house.ctx()).await.unwrap();
        house
    }

    /// Does all that is due beside the requests.
    pub async fn turn(&self) {
        let installation = &self.web.installation;
        self.web.provisioning.turn().await.unwrap();
        import::turn(&installation.db, &self.ctx(), &installation.base_url).await.unwrap();
    }

    /// As if an application had been made from an earlier version of its connector, which said this.
    pub async fn was_made_from(&self, id: &str, change: impl FnOnce(&mut Connector)) {
        let db = &self.web.installation.db;
        let application = applications::require(&mut db.reader(), id.parse().unwrap()).await.unwrap();
        let mut earlier = Connector::clone(&application.made_from);
        earlier.version -= 1;
        change(&mut earlier);
        let text = |value| serde_json::to_string(&value).unwrap();
        let settings = text(json!(earlier.sso_settings().unwrap()));
        let mut tx = db.begin().await.unwrap();
        let change = sql("UPDATE applications SET made_from = $2, sso = $3 WHERE id = $1");
        tx.run(change.bind(id).bind(text(json!(earlier))).bind(settings)).await.unwrap();
        bump(&mut tx, Scope::Applications).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn ctx(&self) -> Ctx {
        let installation = &self.web.installation;
        Ctx::background(Actor::CommandLine, installation.clock.clone(), installation.random.clone())
    }

    /// A program with a token of this role.
    pub async fn api(&self, role: Role) -> Api {
        let new = NewApiToken { name: role.to_string(), role: Some(role.to_string()), expires_in_days: None };
        let made = api_token::create(&self.web.installation.db, &self.ctx(), new).await.unwrap();
        self.with(made.expose())
    }

    /// A program with this token.
    pub fn with(&self, token: &str) -> Api {
        Api { router: self.router.clone(), token: token.to_owned() }
    }

    /// The cookie of a person who has just signed in.
    pub async fn cookie(&self, username: &str) -> String {
        let installation = &self.web.installation;
        let attempt = SignIn {
            login: username.to_owned(),
            password: SecretString::from(PASSWORD),
            remember: false,
            replaces: None,
        };
        let (db, disk, vault) = (&installation.db, &installation.disk, &installation.vault);
        let new = sign_in(db, disk, &self.ctx(), vault, &installation.passwords, attempt).await.unwrap();
        format!("__Host-tessera={}", new.token.expose_secret())
    }

    /// Every byte that is on disk.
    pub fn disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// A draft of the Heap connector.
    pub async fn heap(&self, owner: &Api) -> String {
        let made = owner.post("/applications", json!({ "connector": "heap" })).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }
}

impl Api {
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let full = if path.starts_with("/api/") { path.to_owned() } else { format!("/api/v1{path}") };
        let mut request = Request::builder().method(method).uri(full);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(Peer(([192, 0, 2, 7], 4000).into()));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, body }
    }

    pub async fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(method, path, &headers, body.to_string().into_bytes()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        if body.is_null() {
            return self.send("POST", path, &[], Vec::new()).await;
        }
        self.json("POST", path, &[], &body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, &[], &body).await
    }

    pub async fn put(&self, path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let headers: &[(&str, &str)] =
            if media_type.is_empty() { &[] } else { &[("content-type", media_type)] };
        self.send("PUT", path, headers, body.into()).await
    }
}

/// The id in a body.
pub fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}
