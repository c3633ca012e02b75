//! A whole Tessera without a port, on either database.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tessera::auth::{NewApiToken, PasswordOptions, Passwords, Role, api_token, password};
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx};
use tessera::catalog::Catalog;
use tessera::db::Db;
use tessera::directory::groups;
use tessera::signon::Installation;
use tessera::vault::Vault;
use tessera::web::server::Peer;
use tessera::web::{Shared, Web, WebOptions, router};
use tower::ServiceExt as _;

use crate::both::{Both, Guard, context};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The id of nothing.
pub const NOTHING: &str = "0190a5c0-0000-7000-8000-000000000000";

/// The installation.
pub struct House {
    router: Router,
    pub web: Shared,
    pub clock: Clock,
    _guard: Option<Guard>,
}

/// A program with a token.
#[derive(Clone)]
pub struct Client {
    router: Router,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Told {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Holds a refusal to its status, to what the standard calls it, and to our own code.
    #[track_caller]
    pub fn refused(self, status: u16, scim_type: &str, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/scim+json");
        assert_eq!(self.header("tessera-code"), code, "{}", self.text);
        assert_eq!(self.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(self.body["status"], status.to_string());
        assert_eq!(self.body["scimType"].as_str().unwrap_or_default(), scim_type, "{}", self.text);
        assert!(self.body["detail"].as_str().is_some_and(|text| text.len() > 10), "{}", self.text);
        self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl House {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        Self::of(db, Some(Guard::Folder(folder))).await
    }

    /// One on each database.
    pub async fn both() -> Vec<Self> {
        let mut out = Vec::new();
        for (guard, db) in Both::open().await.each() {
            out.push(Self::of(db, Some(guard)).await);
        }
        out
    }

    async fn of(db: Db, guard: Option<Guard>) -> Self {
        let Ctx { clock, random, .. } = context();
        let options = PasswordOptions { cost: password::Cost::trifling(), ..PasswordOptions::default() };
        let passwords = Passwords::new(options, &random).unwrap();
        let base_url = BaseUrl::parse("https://id.example.com", false).unwrap();
        let vault = Vault::new([7; 32]);
        let installation =
            Installation::new(db, vault, Catalog::built_in(), base_url, clock.clone(), random, passwords)
                .unwrap();
        let web = Web::new(Arc::new(installation), WebOptions::default());
        let house = Self { router: router(&web), web, clock, _guard: guard };
        groups::ensure_everyone(&house.web.installation.db, &house.ctx()).await.unwrap();
        house
    }

    pub fn db(&self) -> &Db {
        &self.web.installation.db
    }

    pub fn ctx(&self) -> Ctx {
        let installation = &self.web.installation;
        Ctx::background(Actor::CommandLine, installation.clock.clone(), installation.random.clone())
    }

    /// A program with a token of this role.
    pub async fn client(&self, role: Role) -> Client {
        let new = NewApiToken { name: role.to_string(), role: Some(role.to_string()), expires_in_days: None };
        let made = api_token::create(self.db(), &self.ctx(), new).await.unwrap();
        self.with(made.expose())
    }

    /// The personnel system.
    pub async fn scim(&self) -> Client {
        self.client(Role::Scim).await
    }

    /// A program with this token.
    pub fn with(&self, token: &str) -> Client {
        Client { router: self.router.clone(), token: token.to_owned() }
    }

    /// The events of programs, of which there may be 200 at most. The clock stands still, so they have no order.
    pub async fn events(&self, owner: &Client) -> Vec<Value> {
        let all = owner.rest("GET", "/events?limit=200", Value::Null).await.expect(200);
        let all = all["items"].as_array().unwrap().iter().filter(|event| event["actor_kind"] == "token");
        all.cloned().collect()
    }

    /// Their names, sorted.
    pub async fn event_names(&self, owner: &Client) -> Vec<String> {
        let events = self.events(owner).await;
        let mut names: Vec<String> =
            events.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

impl Client {
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Told {
        let mut request = Request::builder().method(method).uri(path);
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
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Told { status: parts.status.as_u16(), headers: parts.headers, body, text }
    }

    /// A request under `/scim/v2`, with headers.
    pub async fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Told {
        let full = format!("/scim/v2{path}");
        if body.is_null() {
            return self.send(method, &full, headers, Vec::new()).await;
        }
        let headers = [&[("content-type", "application/scim+json")], headers].concat();
        self.send(method, &full, &headers, body.to_string().into_bytes()).await
    }

    pub async fn get(&self, path: &str) -> Told {
        self.ask_with("GET", path, &[], &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Told {
        self.ask_with("POST", path, &[], &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Told {
        self.ask_with("PUT", path, &[], &body).await
    }

    /// A PATCH of these operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Told {
        self.ask_with("PATCH", path, &[], &patch(operations)).await
    }

    pub async fn delete(&self, path: &str) -> Told {
        self.ask_with("DELETE", path, &[], &Value::Null).await
    }

    /// A request to the REST API.
    pub async fn rest(&self, method: &str, path: &str, body: Value) -> Told {
        let full = format!("/api/v1{path}");
        if body.is_null() {
            return self.send(method, &full, &[], Vec::new()).await;
        }
        let headers = [("content-type", "application/json")];
        self.send(method, &full, &headers, body.to_string().into_bytes()).await
    }

    /// Makes a person over SCIM; answers the id.
    pub async fn person(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        let user = json!({ "schemas": [USER], "userName": name, "emails": [{ "value": email }] });
        id(&self.post("/Users", user).await.expect(201))
    }

    /// Makes a group with these members over SCIM; answers the id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let group = json!({ "schemas": [GROUP], "displayName": name, "members": values(members) });
        id(&self.post("/Groups", group).await.expect(201))
    }

    /// The ids of a group's members.
    pub async fn members(&self, group: &str) -> Vec<String> {
        let told = self.get(&format!("/Groups/{group}")).await.expect(200);
        let members = told["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }

    /// The user names that a filter finds.
    pub async fn find(&self, filter: &str) -> Vec<String> {
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let told = self.get(&format!("/Users?filter={query}")).await.expect(200);
        let found = told["Resources"].as_array().unwrap();
        assert_eq!(told["totalResults"], found.len());
        found.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
    }
}

/// A PATCH of these operations.
pub fn patch(operations: Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

/// The id in a body.
pub fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// Members as they are sent.
pub fn values(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({ "value": id })).collect()
}
