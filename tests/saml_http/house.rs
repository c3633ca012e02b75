//! An installation with one application, people inside and outside its group, and browsers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use support::PrivatePostgres;
use tempfile::TempDir;
use tessera::applications::create::{NewApplication, Surroundings, create};
use tessera::applications::{Application, binding, sso};
use tessera::auth::{
    NewAccount, NewApiToken, PasswordOptions, Passwords, Role, SessionView, SignIn, account, api_token,
    password, sign_in,
};
use tessera::base::id::{GroupId, UserId};
use tessera::base::signature::KeyType;
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::catalog::Catalog;
use tessera::db::epoch::{Scope, bump};
use tessera::db::{Db, sql};
use tessera::directory::{NewGroup, NewPerson, groups, memberships};
use tessera::events::query::{EventFilter, EventView, list};
use tessera::keys;
use tessera::signon::Installation;
use tessera::vault::Vault;
use tessera::web::server::Peer;
use tessera::web::{Web, WebOptions, router};
use tower::ServiceExt as _;

use crate::sp::{ACS, ENTITY_ID, escaped};

pub const BASE: &str = "https://id.example";
pub const PASSWORD: &str = "violet tram on the ninth hill";

/// One node of the installation.
pub struct House {
    folder: Option<TempDir>,
    url: String,
    pub installation: Arc<Installation>,
    router: Router,
    pub clock: Clock,
    pub group: GroupId,
}

/// An answer.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answered {
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub fn location(&self) -> String {
        self.header("location")
    }
}

/// A browser: keeps cookies, is same-origin or not as the test says.
#[derive(Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
    pub user: Option<UserId>,
    /// Its address, where it matters.
    pub source: Option<IpAddr>,
}

async fn node(url: &str, clock: &Clock, seed: u64) -> (Arc<Installation>, Router) {
    let random = Random::seeded(seed);
    let db = Db::open(url).await.unwrap();
    let options = PasswordOptions { cost: password::Cost::trifling(), ..PasswordOptions::default() };
    let passwords = Passwords::new(options, &random).unwrap();
    let base_url = BaseUrl::parse(BASE, false).unwrap();
    let (vault, catalog) = (Vault::new([7; 32]), Catalog::built_in());
    let mut installation =
        Installation::new(db, vault, catalog, base_url, clock.clone(), random, passwords).unwrap();
    installation.outbound = std::sync::Arc::new(crate::sp_sources::outbound());
    let installation = Arc::new(installation);
    let router = router(&Web::new(installation.clone(), WebOptions::default()));
    (installation, router)
}

/// The value of a hidden field of a page of ours.
pub fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let from = page.find(&start).unwrap_or_else(|| panic!("no field {name} in {page}")) + start.len();
    page[from..from + page[from..].find('"').unwrap()].to_owned()
}

impl House {
    /// On SQLite.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self::on(Some(folder), url).await
    }

    /// On PostgreSQL.
    pub async fn on_postgres() -> Self {
        static CLUSTER: OnceLock<PrivatePostgres> = OnceLock::new();
        Self::on(None, CLUSTER.get_or_init(PrivatePostgres::start).create_database()).await
    }

    async fn on(folder: Option<TempDir>, url: String) -> Self {
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let (installation, router) = node(&url, &clock, 42).await;
        let ctx = Ctx::background(Actor::CommandLine, clock.clone(), installation.random.clone());
        groups::ensure_everyone(&installation.db, &ctx).await.unwrap();
        let new = NewGroup { name: "Sales".to_owned(), description: None };
        let group = groups::create(&installation.db, &ctx, new).await.unwrap().id;
        Self { folder, url, installation, router, clock, group }
    }

    /// Another node on the same data, with memory of its own. It must not outlive this one.
    pub async fn another_node(&self) -> Self {
        let (installation, router) = node(&self.url, &self.clock, 43).await;
        let (url, clock) = (self.url.clone(), self.clock.clone());
        Self { folder: None, url, installation, router, clock, group: self.group }
    }

    pub fn ctx(&self) -> Ctx {
        Ctx::background(Actor::CommandLine, self.clock.clone(), self.installation.random.clone())
    }

    /// A custom application, active, bound to the group.
    pub async fn application(&self, slug: &str, settings: serde_json::Value) -> Application {
        let house = &self.installation;
        let key = keys::generate(&self.ctx(), KeyType::Rsa2048, slug).unwrap();
        let around = Surroundings { catalog: &house.catalog, vault: &house.vault, base_url: &house.base_url };
        let new = NewApplication {
            connector: "custom-saml".to_owned(),
            label: Some(slug.to_owned()),
            slug: Some(slug.to_owned()),
            ..NewApplication::default()
        };
        let made = create(&house.db, &self.ctx(), around, new, Some(&key)).await.unwrap();
        let mut patch = json!({ "sp_entity_id": ENTITY_ID, "acs_urls": [ACS] });
        for (field, value) in settings.as_object().unwrap() {
            patch[field] = value.clone();
        }
        self.patch(&made, patch).await;
        binding::bind(&house.db, &self.ctx(), made.id, self.group).await.unwrap();
        sso::activate(&house.db, &self.ctx(), made.id, None).await.unwrap()
    }

    pub async fn patch(&self, application: &Application, patch: serde_json::Value) {
        let house = &self.installation;
        let patch = serde_json::from_value(patch).unwrap();
        sso::patch(&house.db, &self.ctx(), application.id, patch, None).await.unwrap();
    }

    /// A person; `member`: in the bound group.
    pub async fn person(&self, username: &str, member: bool) -> UserId {
        let house = &self.installation;
        let person = NewPerson {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            first_name: Some("Livia".to_owned()),
            department: Some("Sales & <Care>".to_owned()),
            ..NewPerson::default()
        };
        let new = NewAccount { person, password: Some(SecretString::from(PASSWORD)), role: None };
        let id = account::create(&house.db, &self.ctx(), &house.passwords, new).await.unwrap().id;
        if member {
            memberships::add(&house.db, &self.ctx(), self.group, id).await.unwrap();
        }
        id
    }

    /// Signs in, in a browser that had been there before.
    pub async fn sign_in(&self, browser: &mut Browser, username: &str) {
        let house = &self.installation;
        let attempt = SignIn {
            login: username.to_owned(),
            password: SecretString::from(PASSWORD),
            remember: false,
            replaces: None,
        };
        let new = sign_in(&house.db, &house.disk, &self.ctx(), &house.vault, &house.passwords, attempt)
            .await
            .unwrap();
        browser.user = Some(new.session.user_id);
        browser.cookies.insert("__Host-tessera".to_owned(), new.token.expose_secret().to_owned());
    }

    /// A session of a person, without a browser.
    pub async fn session(&self, username: &str) -> SessionView {
        let house = &self.installation;
        let attempt = SignIn {
            login: username.to_owned(),
            password: SecretString::from(PASSWORD),
            remember: false,
            replaces: None,
        };
        sign_in(&house.db, &house.disk, &self.ctx(), &house.vault, &house.passwords, attempt)
            .await
            .unwrap()
            .session
    }

    /// Signed metadata of the application, of which the certificates are, ends at this instant.
    pub async fn metadata_ends(&self, application: &Application, at: Timestamp) {
        let mut tx = self.installation.db.begin().await.unwrap();
        let gone = sql("DELETE FROM sp_metadata_sources WHERE application_id = $1");
        tx.run(gone.bind_text(application.id)).await.unwrap();
        let source = sql("INSERT INTO sp_metadata_sources (application_id, url, certificate, revision, \
             fetched_at, valid_until, tried_at, due_at, leased_until) \
             VALUES ($1, 'https://sp.example/metadata', 'a certificate', 'r', 0, $2, 0, 0, 0)");
        tx.run(source.bind_text(application.id).bind(at)).await.unwrap();
        bump(&mut tx, Scope::Applications).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A member of the group, signed in.
    pub async fn member(&self, username: &str) -> Browser {
        self.person(username, true).await;
        let mut browser = Browser::default();
        self.sign_in(&mut browser, username).await;
        browser
    }

    pub async fn send(&self, browser: &mut Browser, request: Request<Body>) -> Answered {
        let (mut parts, body) = request.into_parts();
        let cookies: Vec<String> =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            parts.headers.insert("cookie", cookies.join("; ").parse().unwrap());
        }
        let source = browser.source.unwrap_or_else(|| [192, 0, 2, 7].into());
        parts.extensions.insert(Peer((source, 4000).into()));
        let response = self.router.clone().oneshot(Request::from_parts(parts, body)).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                browser.cookies.remove(name);
            } else {
                browser.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A link of our own, or an address typed in.
    pub async fn get(&self, browser: &mut Browser, path: &str) -> Answered {
        let request = Request::get(path).header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
        self.send(browser, request).await
    }

    /// A link on another site.
    pub async fn get_from_elsewhere(&self, browser: &mut Browser, path: &str) -> Answered {
        let request = Request::get(path).header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap();
        self.send(browser, request).await
    }

    /// A form on another site: Lax cookies do not come along.
    pub async fn post_from_elsewhere(&self, browser: &mut Browser, path: &str, body: String) -> Answered {
        let mut stripped = Browser::default();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "https://sp.example")
            .header("sec-fetch-site", "cross-site")
            .body(Body::from(body))
            .unwrap();
        let answered = self.send(&mut stripped, request).await;
        // What the answer sets, the browser keeps.
        browser.cookies.extend(stripped.cookies);
        answered
    }

    /// A form of our own page.
    pub async fn post(&self, browser: &mut Browser, path: &str, body: String) -> Answered {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", BASE)
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .unwrap();
        self.send(browser, request).await
    }

    /// Opens the sign-in page that a redirect leads to, and signs in there.
    pub async fn log_in(&self, browser: &mut Browser, location: &str, username: &str) -> Answered {
        let page = self.get(browser, location).await;
        self.type_into(browser, &page, username).await
    }

    /// Fills in a sign-in page, as the person who types it would.
    pub async fn type_into(&self, browser: &mut Browser, page: &Answered, username: &str) -> Answered {
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let body = format!(
            "csrf={}&handle={}&username={username}&password={}",
            escaped(&hidden(&page.body, "csrf")),
            escaped(&hidden(&page.body, "handle")),
            escaped(PASSWORD),
        );
        let form = if page.body.contains("action=\"/login/confirm\"") { "/login/confirm" } else { "/login" };
        self.post(browser, form, body).await
    }

    /// What the REST API answers an owner's token.
    pub async fn api(&self, method: &str, path: &str, media_type: &str, body: impl Into<Body>) -> Answered {
        let installation = &self.installation;
        let new = NewApiToken {
            name: "owner".to_owned(),
            role: Some(Role::Owner.to_string()),
            expires_in_days: None,
        };
        let token = api_token::create(&installation.db, &self.ctx(), new).await.unwrap();
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", token.expose()))
            .header("content-type", media_type)
            .body(body.into())
            .unwrap();
        self.send(&mut Browser::default(), request).await
    }

    /// Whether it is on SQLite, of which every byte can be read.
    pub fn is_on_disk(&self) -> bool {
        self.folder.is_some()
    }

    /// Every byte that is on disk, on SQLite.
    pub fn disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.as_ref().expect("on SQLite").path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// The codes of all refusals so far; of those told of together, as often as they came.
    pub async fn refusal_codes(&self) -> Vec<String> {
        let events = self.events("sso_refused").await;
        let times = |event: &EventView| event.details.get("count").map_or(1, |n| n.as_u64().unwrap());
        let code = |event: &EventView| event.details["code"].as_str().unwrap_or_default().to_owned();
        events.iter().flat_map(|event| (0..times(event)).map(move |_| code(event))).collect()
    }

    /// The events, newest first.
    pub async fn events(&self, name: &str) -> Vec<EventView> {
        self.installation.refusals.flush(&self.installation.db, &self.ctx()).await.unwrap();
        let filter = EventFilter { name: Some(name.parse().unwrap()), ..EventFilter::default() };
        let page = tessera::base::paging::PageRequest { limit: 200, after: None };
        list(&mut self.installation.db.reader(), &filter, &page).await.unwrap().items
    }
}
