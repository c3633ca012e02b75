//! An installation with a few people and groups, and a browser without JavaScript that walks through its pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tessera::auth::{NewAccount, PasswordOptions, Passwords, Role, account, link, password};
use tessera::base::id::{GroupId, UserId};
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::catalog::Catalog;
use tessera::db::Db;
use tessera::directory::{NewGroup, NewPerson, groups, memberships};
use tessera::events::chain;
use tessera::signon::Installation;
use tessera::vault::Vault;
use tessera::web::server::Peer;
use tessera::web::{Shared, Web, WebOptions, router};
use tower::ServiceExt as _;

use crate::html::{self, Element};

pub const PASSWORD: &str = "violet tram on the ninth hill";

pub struct World {
    _folder: TempDir,
    router: Router,
    pub web: Shared,
    pub clock: Clock,
}

impl World {
    /// Nobody in it yet.
    pub async fn empty() -> Self {
        Self::empty_by(Catalog::built_in()).await
    }

    async fn empty_by(catalog: Arc<Catalog>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let random = Random::seeded(7);
        let db = Db::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let options = PasswordOptions { cost: password::Cost::trifling(), ..PasswordOptions::default() };
        let passwords = Passwords::new(options, &random).unwrap();
        let base_url = BaseUrl::parse("https://id.example.com", false).unwrap();
        let mut installation =
            Installation::new(db, Vault::new([7; 32]), catalog, base_url, clock.clone(), random, passwords)
                .unwrap();
        installation.outbound = std::sync::Arc::new(crate::sp_source::outbound());
        let web = Web::new(Arc::new(installation), WebOptions::default());
        let world = Self { _folder: folder, router: router(&web), web, clock };
        groups::ensure_everyone(world.db(), &world.ctx()).await.unwrap();
        let mut tx = world.db().begin().await.unwrap();
        chain::begin(&mut tx, &world.web.installation.vault, world.ctx().now()).await.unwrap();
        tx.commit().await.unwrap();
        world
    }

    /// An owner `olivia`, an application admin `adam`, an auditor `audrey`, and `mara` and `otto` without a role; `mara`
    /// is in the group Marketing.
    pub async fn new() -> Self {
        Self::by(Catalog::built_in()).await
    }

    /// The same, with connectors of the test's own.
    pub async fn by(catalog: Arc<Catalog>) -> Self {
        let world = Self::empty_by(catalog).await;
        for (name, role) in [
            ("olivia", Some(Role::Owner)),
            ("adam", Some(Role::ApplicationAdmin)),
            ("audrey", Some(Role::Auditor)),
            ("otto", None),
        ] {
            world.person(name, role).await;
        }
        let mara = world.person("mara", None).await;
        let group = world.group("Marketing").await;
        memberships::add(world.db(), &world.ctx(), group, mara).await.unwrap();
        world
    }

    pub fn db(&self) -> &Db {
        &self.web.installation.db
    }

    pub fn ctx(&self) -> Ctx {
        let installation = &self.web.installation;
        Ctx::background(Actor::CommandLine, installation.clock.clone(), installation.random.clone())
    }

    pub async fn person(&self, username: &str, role: Option<Role>) -> UserId {
        let person = NewPerson {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            ..NewPerson::default()
        };
        let new = NewAccount { person, password: Some(SecretString::from(PASSWORD)), role };
        account::create(self.db(), &self.ctx(), &self.web.installation.passwords, new).await.unwrap().id
    }

    pub async fn group(&self, name: &str) -> GroupId {
        let new = NewGroup { name: name.to_owned(), description: None };
        groups::create(self.db(), &self.ctx(), new).await.unwrap().id
    }

    pub async fn setup_path(&self) -> String {
        let link = link::create_setup(self.db(), &self.ctx()).await.unwrap();
        format!("/setup/{}", link.token.expose_secret())
    }

    pub fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
            path: String::new(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    /// A browser in which this person has signed in by the form.
    pub async fn signed_in(&self, username: &str) -> Browser {
        let mut browser = self.browser();
        browser.get("/login").await;
        browser.submit("/login", &[("username", username), ("password", PASSWORD)]).await;
        assert_eq!(browser.path, "/", "{username} is in: {}", browser.status);
        browser
    }
}

/// A browser without JavaScript: cookies, pages, forms, redirects.
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    pub path: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> &mut Self {
        self.follow("GET", path, None, Vec::new()).await
    }

    /// One request, no redirect followed.
    pub async fn ask(&mut self, method: &str, path: &str, kind: Option<&str>, body: Vec<u8>) -> &mut Self {
        let mut request =
            Request::builder().method(method).uri(path).header("user-agent", "Firefox/130.0 Linux");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        if let Some(kind) = kind {
            request = request.header("content-type", kind).header("origin", "https://id.example.com");
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(Peer(([192, 0, 2, 7], 4000).into()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        path.clone_into(&mut self.path);
        self.status = parts.status;
        self.headers = parts.headers;
        let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        self.body = String::from_utf8_lossy(&bytes).into_owned();
        self
    }

    async fn follow(&mut self, method: &str, path: &str, kind: Option<&str>, body: Vec<u8>) -> &mut Self {
        self.ask(method, path, kind, body).await;
        for _ in 0..5 {
            if self.status != StatusCode::SEE_OTHER {
                return self;
            }
            let location = self.header("location");
            assert!(location.starts_with('/') && !location.starts_with("//"), "off to {location}");
            self.ask("GET", &location, None, Vec::new()).await;
        }
        panic!("too many redirects, the last to {}", self.path);
    }

    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Path without its query.
    pub fn here(&self) -> &str {
        self.path.split('?').next().unwrap()
    }

    pub fn elements(&self) -> Vec<Element> {
        html::read(&self.body).unwrap_or_else(|fault| panic!("{}: {fault}", self.path))
    }

    pub fn text(&self) -> String {
        let words: Vec<String> = self
            .elements()
            .iter()
            .find(|element| element.tag == "body")
            .map(|body| body.text.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default();
        words.join(" ")
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(
            self.text().contains(text),
            "{} ({}) does not say {text:?}:\n{}",
            self.path,
            self.status,
            self.text()
        );
        self
    }

    #[track_caller]
    pub fn says_not(&self, text: &str) -> &Self {
        assert!(!self.text().contains(text), "{} says {text:?}", self.path);
        self
    }

    /// The value of the input of this name.
    pub fn value(&self, name: &str) -> Option<String> {
        let elements = self.elements();
        let input = elements.iter().find(|element| element.attr("name") == Some(name))?;
        match input.tag.as_str() {
            "textarea" => Some(input.text.clone()),
            _ => Some(input.attr("value").unwrap_or_default().to_owned()),
        }
    }

    /// The message beside an input: what `aria-describedby` leads to.
    pub fn error_at(&self, name: &str) -> Option<String> {
        let elements = self.elements();
        let input = elements.iter().find(|element| element.attr("name") == Some(name))?;
        input.attr("aria-invalid").filter(|invalid| *invalid == "true")?;
        let described = input.attr("aria-describedby").unwrap_or_default().to_owned();
        let ids: Vec<&str> = described.split(' ').collect();
        elements
            .iter()
            .find(|element| element.attr("id").is_some_and(|id| ids.contains(&id) && id.ends_with("-e")))
            .map(|element| element.text.trim().to_owned())
    }

    /// The fields that a form would post as it stands.
    pub fn form_fields(&self, action: &str) -> Vec<(String, String)> {
        let elements = self.elements();
        let form = elements
            .iter()
            .find(|e| e.tag == "form" && e.attr("method") == Some("post") && e.attr("action") == Some(action))
            .unwrap_or_else(|| panic!("{} has no form to {action}", self.path));
        let mut out = Vec::new();
        let mut select: Option<(String, Option<String>, Option<String>)> = None;
        let close = |select: &mut Option<(String, Option<String>, Option<String>)>, out: &mut Vec<_>| {
            if let Some((name, chosen, first)) = select.take()
                && let Some(value) = chosen.or(first)
            {
                out.push((name, value));
            }
        };
        for element in elements.iter().filter(|e| e.form == Some(form.number)) {
            if element.tag != "option" {
                close(&mut select, &mut out);
            }
            let value = || element.attr("value").unwrap_or_default().to_owned();
            match (element.tag.as_str(), element.attr("name")) {
                ("option", _) => {
                    if let Some((_, chosen, first)) = &mut select {
                        first.get_or_insert_with(value);
                        if element.attr("selected").is_some() {
                            *chosen = Some(value());
                        }
                    }
                }
                ("select", Some(name)) => select = Some((name.to_owned(), None, None)),
                ("textarea", Some(name)) => {
                    let text = element.text.strip_prefix('\n').unwrap_or(&element.text);
                    out.push((name.to_owned(), text.to_owned()));
                }
                ("input", Some(name)) => match element.attr("type").unwrap_or("text") {
                    "checkbox" | "radio" if element.attr("checked").is_none() => {}
                    "checkbox" => {
                        out.push((name.to_owned(), element.attr("value").unwrap_or("on").to_owned()));
                    }
                    "file" | "submit" | "button" => {}
                    _ => out.push((name.to_owned(), value())),
                },
                _ => {}
            }
        }
        close(&mut select, &mut out);
        out
    }

    /// Whether the page has a form to this path.
    pub fn has_form(&self, action: &str) -> bool {
        self.elements().iter().any(|e| e.tag == "form" && e.attr("action") == Some(action))
    }

    /// Fills a form in and sends it. A change to `-` leaves the field out (an unticked box); a name that the form does not
    /// have is a button or a box that is ticked.
    pub async fn submit(&mut self, action: &str, changes: &[(&str, &str)]) -> &mut Self {
        let fields = self.filled(action, changes);
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let body = body.finish().into_bytes();
        let multipart = self.elements().iter().any(|e| {
            e.tag == "form"
                && e.attr("action") == Some(action)
                && e.attr("enctype") == Some("multipart/form-data")
        });
        if multipart {
            return self.upload(action, changes, &[]).await;
        }
        self.follow("POST", action, Some("application/x-www-form-urlencoded"), body).await
    }

    fn filled(&self, action: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.form_fields(action);
        for (name, value) in changes {
            if let Some(at) = fields.iter().position(|(known, _)| known == name) {
                fields.retain(|(known, _)| known != name);
                if *value != "-" {
                    fields.insert(at, ((*name).to_owned(), (*value).to_owned()));
                }
            } else if *value != "-" {
                fields.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        fields
    }

    /// The same for a form with files.
    pub async fn upload(
        &mut self,
        action: &str,
        changes: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> &mut Self {
        let mut body = Vec::new();
        for (name, value) in self.filled(action, changes) {
            let head = format!("--xyz\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        for (name, bytes) in files {
            let head = format!(
                "--xyz\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\
                 content-type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--xyz--\r\n");
        self.follow("POST", action, Some("multipart/form-data; boundary=xyz"), body).await
    }

    /// Links whose address contains this.
    pub fn link(&self, part: &str) -> Option<String> {
        let elements = self.elements();
        let links = elements.iter().filter(|e| e.tag == "a").filter_map(|e| e.attr("href"));
        links.filter(|href| href.contains(part)).map(str::to_owned).next()
    }
}
