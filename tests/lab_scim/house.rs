//! A lab that is served, and a client of it.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tessera::base::{Clock, Random, Timestamp};
use tessera::lab::scim::{LabScim, Quirks, ScimLabOptions, profile};
use tessera::web::server::{ServerOptions, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const TOKEN: &str = "lab-token";

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    pub fn scim_type(&self) -> &str {
        self.body["scimType"].as_str().unwrap_or_default()
    }
}

/// The lab while it is served.
pub struct House {
    pub lab: LabScim,
    pub clock: Clock,
    http: Client,
    authorization: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

impl House {
    pub async fn open(quirks: Quirks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let clock = Clock::frozen(Timestamp(1_796_000_000_000));
        let options = ScimLabOptions { origin, token: TOKEN.to_owned(), quirks, latency: Duration::ZERO };
        let lab = LabScim::new(options, clock.clone(), Random::seeded(1));
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = ServerOptions { drain: Duration::from_millis(100), ..ServerOptions::default() };
        let running = tokio::spawn(serve(listener, lab.router(), limits, async { drop(stopped.await) }));
        let http = Client::builder().timeout(Duration::from_secs(20)).user_agent("lab-test").build().unwrap();
        Self { lab, clock, http, authorization: format!("Bearer {TOKEN}"), stop, running }
    }

    pub async fn of(name: &str) -> Self {
        Self::open(profile(name).unwrap()).await
    }

    pub async fn close(self) {
        drop(self.http);
        drop(self.stop);
        self.running.await.unwrap().unwrap();
    }

    pub fn origin(&self) -> String {
        self.lab.base_url().trim_end_matches("/scim/v2").to_owned()
    }

    pub fn with_authorization(mut self, authorization: &str) -> Self {
        authorization.clone_into(&mut self.authorization);
        self
    }

    pub fn without_user_agent(mut self) -> Self {
        self.http = Client::builder().build().unwrap();
        self
    }

    /// A request to an address under the base; an error is a connection that ended or took too long.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.lab.base_url()) };
        let mut request = self.http.request(method, url);
        if !self.authorization.is_empty() {
            request = request.header("authorization", &self.authorization);
        }
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, body })
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.try_send(method, path, &[], body.as_ref()).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Resources that a filter finds.
    pub async fn find(&self, resource: &str, filter: &str) -> Answer {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
        self.get(&format!("/{resource}?{query}")).await
    }

    pub async fn user(&self, name: &str) -> String {
        self.post("/Users", user(name)).await.expect(201).id()
    }

    pub fn users(&self, count: usize) -> Vec<String> {
        (0..count).map(|at| self.lab.seed_user(user(&format!("p{at}@example.com"))).unwrap()).collect()
    }

    pub async fn group(&self, name: &str, members: &[String]) -> Answer {
        self.post("/Groups", group(name, members)).await
    }
}

pub fn user(name: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": name,
        "externalId": format!("ext-{name}"),
        "displayName": name,
        "name": { "givenName": "G", "familyName": "F" },
        "emails": [{ "value": name, "type": "work", "primary": true }],
        "active": true,
    })
}

pub fn group(name: &str, members: &[String]) -> Value {
    json!({ "schemas": [GROUP], "displayName": name, "members": refs(members) })
}

pub fn refs(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "value": id })).collect()
}
