//! An installation with an application that is connected to a SCIM service of the lab. Time stands still; what is due is
//! done by turns, one after the other.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use support::PrivatePostgres;
use tempfile::TempDir;
use tessera::applications::create::{NewApplication, Surroundings, create};
use tessera::applications::{Application, binding};
use tessera::base::id::{ApplicationId, GroupId, UserId};
use tessera::base::paging::PageRequest;
use tessera::base::signature::KeyType;
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::catalog::Catalog;
use tessera::db::Db;
use tessera::directory::{NewGroup, NewPerson, groups, memberships, people};
use tessera::events::query::{EventFilter, list};
use tessera::keys;
use tessera::lab::scim::{LabScim, Logged, Quirks, ScimLabOptions};
use tessera::mail::{Mailer, Setup};
use tessera::outbound::Outbound;
use tessera::provisioning::connection::{ConnectionPatch, NewSecret, bearer};
use tessera::provisioning::engine::Engine;
use tessera::provisioning::model::{Entry, ResourceKind};
use tessera::provisioning::{connection, state};
use tessera::vault::Vault;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The token of the lab.
pub const TOKEN: &str = "of-the-lab";

/// A SCIM service of the lab on a port of its own.
pub struct Service {
    pub lab: Arc<LabScim>,
    pub url: String,
    task: JoinHandle<()>,
}

impl Service {
    pub async fn start(quirks: Quirks, clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let options = ScimLabOptions {
            origin: origin.clone(),
            token: TOKEN.to_owned(),
            quirks,
            latency: Duration::ZERO,
        };
        let lab = Arc::new(LabScim::new(options, clock.clone(), Random::seeded(11)));
        let url = lab.base_url();
        let router = lab.router();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { lab, url, task }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An installation, an application of it, and the service that the application is at.
pub struct World {
    _folder: Option<TempDir>,
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub catalog: Arc<Catalog>,
    pub vault: Vault,
    pub engine: Engine,
    pub service: Service,
    /// Where the application takes SCIM, and by which token.
    pub address: (String, String),
    pub application: Application,
}

impl World {
    /// On SQLite, at a service without peculiarities.
    pub async fn open() -> Self {
        Self::with(Quirks::default(), "custom-saml").await
    }

    /// On SQLite, at a service with these peculiarities, by this connector.
    pub async fn with(quirks: Quirks, connector: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self::on(Some(folder), &url, quirks, connector, Catalog::built_in()).await
    }

    /// On SQLite, by a connector of the test's own.
    pub async fn by(quirks: Quirks, catalog: Arc<Catalog>, connector: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self::on(Some(folder), &url, quirks, connector, catalog).await
    }

    /// On PostgreSQL.
    pub async fn on_postgres() -> Self {
        Self::on_postgres_by(Catalog::built_in(), "custom-saml").await
    }

    /// On PostgreSQL, by a connector of the test's own.
    pub async fn on_postgres_by(catalog: Arc<Catalog>, connector: &str) -> Self {
        static CLUSTER: OnceLock<PrivatePostgres> = OnceLock::new();
        let url = CLUSTER.get_or_init(PrivatePostgres::start).create_database();
        Self::on(None, &url, Quirks::default(), connector, catalog).await
    }

    async fn on(
        folder: Option<TempDir>,
        url: &str,
        quirks: Quirks,
        connector: &str,
        catalog: Arc<Catalog>,
    ) -> Self {
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let random = Random::seeded(5);
        let db = Db::open(url).await.unwrap();
        let vault = Vault::new([7; 32]);
        let ctx = Ctx::background(Actor::CommandLine, clock.clone(), random.clone());
        groups::ensure_everyone(&db, &ctx).await.unwrap();
        let service = Service::start(quirks, &clock).await;
        let base_url = base();
        let key = keys::generate(&ctx, KeyType::Rsa2048, "app").unwrap();
        let around = Surroundings { catalog: &catalog, vault: &vault, base_url: &base_url };
        let new = NewApplication {
            connector: connector.to_owned(),
            label: Some("Aqueduct".to_owned()),
            slug: Some("aqueduct".to_owned()),
            ..NewApplication::default()
        };
        let application = create(&db, &ctx, around, new, Some(&key)).await.unwrap();
        let engine = engine(&db, &vault, &clock, &random);
        let address = (service.url.clone(), TOKEN.to_owned());
        Self { _folder: folder, db, clock, random, catalog, vault, engine, service, address, application }
    }

    pub fn ctx(&self) -> Ctx {
        Ctx::background(Actor::CommandLine, self.clock.clone(), self.random.clone())
    }

    pub fn id(&self) -> ApplicationId {
        self.application.id
    }

    /// Another process on the same data.
    pub fn another_engine(&self) -> Engine {
        self.engine_by(&self.clock)
    }

    /// Another process on the same data, by a clock of its own.
    pub fn engine_by(&self, clock: &Clock) -> Engine {
        engine(&self.db, &self.vault, clock, &self.random)
    }

    /// The process is gone; another one sees what it had in hand, and waits until it may be sure of that.
    pub async fn succeed(&mut self) {
        self.engine = self.another_engine();
        self.engine.turn().await.unwrap();
        self.clock.advance(60_000);
    }

    /// So many people, `p000` and on, in a group of this name that is bound.
    pub async fn bound(&self, group: &str, count: usize) -> (GroupId, Vec<UserId>) {
        let group = self.group(group).await;
        let mut all = Vec::new();
        for n in 0..count {
            all.push(self.person(&format!("p{n:03}")).await);
        }
        self.join(group, &all).await;
        self.bind(group).await;
        (group, all)
    }

    /// Configures and activates the connection.
    pub async fn connect(&self, manage_groups: bool) {
        self.configure(ConnectionPatch { manage_groups: Some(manage_groups), ..ConnectionPatch::default() })
            .await;
        self.engine.connections().activate(&self.ctx(), self.id()).await.unwrap();
    }

    /// Another application by the same connector at the same service, for this group; active.
    pub async fn connect_another(&self, group: GroupId) {
        let base_url = base();
        let key = keys::generate(&self.ctx(), KeyType::Rsa2048, "another").unwrap();
        let around = Surroundings { catalog: &self.catalog, vault: &self.vault, base_url: &base_url };
        let new = NewApplication {
            connector: self.application.made_from.id.clone(),
            label: Some("Cistern".to_owned()),
            slug: Some("cistern".to_owned()),
            ..NewApplication::default()
        };
        let id = create(&self.db, &self.ctx(), around, new, Some(&key)).await.unwrap().id;
        binding::bind(&self.db, &self.ctx(), id, group).await.unwrap();
        let (url, token) = self.address.clone();
        let secret = NewSecret { credentials: bearer(SecretString::from(token)), expires_at: None };
        let patch =
            ConnectionPatch { base_url: Some(url), secret: Some(secret), ..ConnectionPatch::default() };
        let connections = self.engine.connections();
        connections.configure(&self.ctx(), id, patch, None).await.unwrap();
        connections.activate(&self.ctx(), id).await.unwrap();
    }

    /// Configures the connection, with the address and token of the service.
    pub async fn configure(&self, patch: ConnectionPatch) {
        let (url, token) = self.address.clone();
        let secret = NewSecret { credentials: bearer(SecretString::from(token)), expires_at: None };
        let patch = ConnectionPatch { base_url: Some(url), secret: Some(secret), ..patch };
        self.change(patch).await;
    }

    /// Changes the connection.
    pub async fn change(&self, patch: ConnectionPatch) {
        self.engine.connections().configure(&self.ctx(), self.id(), patch, None).await.unwrap();
    }

    pub async fn person(&self, username: &str) -> UserId {
        let new = NewPerson {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            first_name: Some("Livia".to_owned()),
            last_name: Some(username.to_owned()),
            ..NewPerson::default()
        };
        let id = people::create(&self.db, &self.ctx(), new).await.unwrap().id;
        people::activate(&self.db, &self.ctx(), id).await.unwrap();
        id
    }

    pub async fn group(&self, name: &str) -> GroupId {
        let new = NewGroup { name: name.to_owned(), description: None };
        groups::create(&self.db, &self.ctx(), new).await.unwrap().id
    }

    pub async fn join(&self, group: GroupId, people: &[UserId]) {
        memberships::change(&self.db, &self.ctx(), group, people, &[]).await.unwrap();
    }

    pub async fn leave(&self, group: GroupId, people: &[UserId]) {
        memberships::change(&self.db, &self.ctx(), group, &[], people).await.unwrap();
    }

    pub async fn bind(&self, group: GroupId) {
        binding::bind(&self.db, &self.ctx(), self.id(), group).await.unwrap();
    }

    pub async fn unbind(&self, group: GroupId) {
        binding::unbind(&self.db, &self.ctx(), self.id(), group).await.unwrap();
    }

    pub async fn patch(&self, user: UserId, patch: Value) {
        let patch = serde_json::from_value(patch).unwrap();
        people::update(&self.db, &self.ctx(), user, None, patch).await.unwrap();
    }

    /// Does what is due, and answers what the service was asked for it: `POST /Users`.
    pub async fn turn(&self) -> Vec<String> {
        self.service.lab.clear_requests();
        self.engine.turn().await.unwrap();
        asked(&self.service.lab.requests())
    }

    /// How it stands with one of a kind.
    pub async fn standing(&self, name: &str) -> Entry {
        for kind in [ResourceKind::User, ResourceKind::Group] {
            let page = PageRequest::parse(Some(200), None).unwrap();
            let page = state::list(&mut self.db.reader(), self.id(), kind, None, &page).await.unwrap();
            if let Some(entry) = page.items.into_iter().find(|entry| entry.name == name) {
                return entry;
            }
        }
        panic!("{name} is not in the ledger");
    }

    /// Why nothing is sent now.
    pub async fn failure(&self) -> Option<String> {
        let connection = connection::require(&mut self.db.reader(), self.id()).await.unwrap();
        connection.failing.map(|failing| failing.code)
    }

    /// Names of events about the application's provisioning, oldest first.
    pub async fn events(&self) -> Vec<String> {
        let filter = EventFilter { application: Some(self.id()), ..EventFilter::default() };
        let page = PageRequest::parse(Some(200), None).unwrap();
        let mut names: Vec<String> = list(&mut self.db.reader(), &filter, &page)
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|event| event.name.clone())
            .filter(|name| name.contains("provision") || name.starts_with("idm_"))
            .collect();
        names.reverse();
        names
    }

    /// The mails that are queued go into this folder: all that it holds then.
    pub async fn mails(&self, folder: &std::path::Path) -> Vec<String> {
        let from = Some("Tessera <tessera@example.com>".to_owned());
        let setup = Setup { from, folder: Some(folder.to_owned()), ..Setup::default() };
        Mailer::new(setup).unwrap().turn(&self.db, &self.ctx()).await.unwrap();
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }

    /// Whether the account of this user name is active there; `None`: there is none.
    pub fn is_active(&self, username: &str) -> Option<bool> {
        self.service.lab.user_named(username).map(|user| user["active"] == json!(true))
    }

    /// The user names of a group's members there.
    pub fn members(&self, group: &str) -> Vec<String> {
        let Some(group) = self.service.lab.group_named(group) else { return Vec::new() };
        let ids = self.service.lab.members(group["id"].as_str().unwrap());
        let mut names: Vec<String> = self
            .service
            .lab
            .users()
            .into_iter()
            .filter(|user| ids.iter().any(|id| user["id"] == json!(id)))
            .map(|user| user["userName"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

/// Where people find this installation.
pub fn base() -> BaseUrl {
    BaseUrl::parse("https://id.example.com", false).unwrap()
}

fn engine(db: &Db, vault: &Vault, clock: &Clock, random: &Random) -> Engine {
    let outbound = Outbound::new(vec!["127.0.0.1/32".parse().unwrap()], None).unwrap();
    Engine::new(db.clone(), vault.clone(), Arc::new(outbound), clock.clone(), random.clone(), base())
}

/// Requests as method and path.
pub fn asked(requests: &[Logged]) -> Vec<String> {
    requests.iter().map(|request| format!("{} {}", request.method, without_id(&request.path))).collect()
}

/// `/Users/{id}` for any id.
fn without_id(path: &str) -> String {
    let mut parts = path.splitn(3, '/');
    let (_, kind, id) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
    if id.is_some() { format!("/{kind}/{{id}}") } else { format!("/{kind}") }
}
