//! The program as it is started: what it refuses to start with, and what it never writes into its log.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value, json};
use support::{Api, Browser, Page, Person, Tessera, sign_in};
use tessera::base::Clock;
use tessera::config::open::{self, Opening};
use tessera::config::{Config, DataArgs, ServeArgs};

const BINARY: &str = env!("CARGO_BIN_EXE_tessera");
const ENTITY_ID: &str = "https://sp.example/metadata";
const EMAIL: &str = "canary-name-id@example.org";
const PERSON: Person<'static> = Person { username: "livia", password: "canary password under the arch" };
const WRONG: &str = "canary mistyped under the arch";
const RELAY_STATE: &str = "canary-relay-state";

#[test]
fn w_05_plain_http_is_for_this_machine_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = |base_url: &str, by: &str| {
        let mut command = Command::new(BINARY);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TESSERA_"))
        {
            command.env_remove(name);
        }
        command.current_dir(folder.path()).arg("serve").arg("--data-dir").arg(&data);
        command.args(["--listen", "127.0.0.1:0"]);
        match by {
            "flag" => drop(command.args(["--base-url", base_url])),
            "variable" => drop(command.env("TESSERA_BASE_URL", base_url)),
            _ => {
                let file = folder.path().join("tessera.toml");
                std::fs::write(&file, format!("base_url = \"{base_url}\"\n")).unwrap();
            }
        }
        command.output().unwrap()
    };
    for by in ["flag", "variable", "file"] {
        for base_url in [
            "http://id.example.com",
            "http://192.0.2.1:8080",
            "http://localhost.evil.example",
            "http://[2001:db8::1]",
        ] {
            let ended = start(base_url, by);
            let told = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(!ended.status.success(), "{base_url} by {by}");
            assert!(told.contains("plain http is only for this machine"), "{base_url} by {by}: {told}");
            assert!(told.contains("--insecure-http"), "what to do: {told}");
        }
    }
}

fn config(data_dir: PathBuf, base_url: Option<&str>, insecure_http: bool) -> Config {
    let data =
        DataArgs { data_dir: Some(data_dir), base_url: base_url.map(str::to_owned), ..DataArgs::default() };
    Config::resolve(&data, &ServeArgs { insecure_http, ..ServeArgs::default() }).unwrap()
}

#[tokio::test]
async fn w_05_whoever_means_it_says_so_at_every_start() {
    for (base_url, secure) in
        [("http://localhost:8080", false), ("http://127.0.0.1", false), ("https://id.example.com", true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let opened =
            open::installation(&config(folder.path().to_owned(), Some(base_url), false), Opening::Server)
                .await;
        assert_eq!(opened.unwrap().base_url.is_secure(), secure, "{base_url}");
    }
    let folder = tempfile::tempdir().unwrap();
    let plain = "http://id.example.com";
    let insecure = config(folder.path().to_owned(), Some(plain), true);
    let opened = open::installation(&insecure, Opening::Server).await.expect("--insecure-http was said");
    assert!(!opened.base_url.is_secure(), "so no cookie claims to be safe");
    opened.db.close().await;
    // The address is stored; the permission is not.
    for said in [Some(plain), None] {
        let again = open::installation(&config(folder.path().to_owned(), said, false), Opening::Server).await;
        let error = again.map(drop).unwrap_err();
        assert!(error.message.contains("--insecure-http"), "{said:?}: {error}");
    }
}

/// A server that logs everything there is, and an application on it.
fn house() -> (Tessera, Api, String) {
    let tessera = Tessera::setup(BINARY).env("TESSERA_LOG", "trace").start();
    let token = tessera.ok(&["token", "create", "--name", "tests", "--role", "owner"], "");
    let mut api = Api::new(&tessera.base(), &token);
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let group = text(&api.post("/groups", &json!({ "name": "Forum" })).expect(201));
    let person = json!({ "username": PERSON.username, "email": EMAIL, "password": PERSON.password });
    let user = text(&api.post("/users", &person).expect(201));
    let wanted = json!({ "connector": "custom-saml", "label": "app", "slug": "app" });
    let path = format!("/applications/{}", text(&api.post("/applications", &wanted).expect(201)));
    let settings = json!({ "sp_entity_id": ENTITY_ID, "acs_urls": ["https://sp.example/acs"],
        "attributes": [{ "name": "mail", "source": "email" }] });
    api.patch(&format!("{path}/sso"), &settings).expect(200);
    api.post(&format!("{path}/sso/activate"), &Value::Null).expect(200);
    for path in [format!("/groups/{group}/members/{user}"), format!("{path}/groups/{group}")] {
        let put = api.put(&path, &Value::Null);
        assert!(put.status < 300, "{}", put.page.text());
    }
    (tessera, api, user)
}

fn request(id: &str, attributes: &str) -> String {
    let instant = Clock::System.now().to_xs_date_time();
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{instant}\" {attributes}><saml:Issuer>{ENTITY_ID}</saml:Issuer></samlp:AuthnRequest>"
    )
}

fn deflated(xml: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

/// A piece from the middle of a secret or a message, long enough to be no accident, as it would stand in a log
/// whatever was cut off around it.
fn piece(text: &str) -> String {
    let from = text.len().saturating_sub(40) / 2;
    text.chars().skip(from).take(40).collect()
}

fn value(page: &Page, field: &str) -> String {
    let form = page.form_with(field).unwrap_or_else(|| panic!("no {field} at {}: {}", page.url, page.text()));
    form.value(field).unwrap().to_owned()
}

#[test]
fn a_46_no_secret_and_no_message_is_in_the_log_at_any_level() {
    let (tessera, mut api, user) = house();
    let mut canaries: Vec<(&str, String)> = Vec::new();
    let mut browser = Browser::new();
    // By POST, over a mistyped password, to the response.
    let posted = STANDARD.encode(request("_by-post", ""));
    let idp = tessera.url("/saml2/app");
    let parked = browser.post(&idp, &[("SAMLRequest", posted.as_str()), ("RelayState", RELAY_STATE)]);
    let login = browser.follow(parked);
    canaries.push(("a handle", value(&login, "handle")));
    canaries.push(("a form token", value(&login, "csrf")));
    let refused = sign_in(&mut browser, &login, Person { password: WRONG, ..PERSON });
    assert_eq!(refused.status, 401);
    let answered = sign_in(&mut browser, &refused, PERSON);
    canaries.push(("a response", piece(&value(&answered, "SAMLResponse"))));
    // By Redirect, to a response and to an error.
    for (id, attributes) in [("_again", ""), ("_passive", "IsPassive=\"1\" ForceAuthn=\"1\"")] {
        let message = deflated(&request(id, attributes));
        let escaped = message.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let page = browser.get(&format!("{idp}?SAMLRequest={escaped}&RelayState={RELAY_STATE}"));
        canaries.push(("a response", piece(&value(&page, "SAMLResponse"))));
        canaries.push(("a request", piece(&escaped)));
        canaries.push(("a request", piece(&message)));
    }
    // What is shown once, and what is sealed.
    let link = api.post(&format!("/users/{user}/reset-link"), &Value::Null).expect(200);
    let link = link["url"].as_str().unwrap().to_owned();
    assert_eq!(browser.get(&link).status, 200);
    canaries.push(("a reset link", link.rsplit('/').next().unwrap().to_owned()));
    let made = api.post("/tokens", &json!({ "name": "another", "role": "auditor" })).expect(201);
    let token = made["token"].as_str().unwrap().to_owned();
    Api::new(&tessera.base(), &token).get("/me").expect(200);
    canaries.push(("an API token", token));
    for cookie in ["tessera", "tessera-browser"] {
        canaries.push(("a cookie", browser.cookie(cookie).expect(cookie).to_owned()));
    }
    let key = std::fs::read_to_string(tessera.data_dir().join("master.key")).unwrap();
    canaries.push(("the master key", key.trim().to_owned()));
    canaries.push(("a request", piece(&posted)));
    for (what, text) in [
        ("a password", PERSON.password),
        ("a mistyped password", WRONG),
        ("a RelayState", RELAY_STATE),
        ("a NameID", EMAIL),
        ("a private key", "PRIVATE KEY"),
        ("a message", "<saml:"),
        ("an Authorization", "Bearer tsr"),
    ] {
        canaries.push((what, text.to_owned()));
    }
    let log = tessera.log();
    assert!(
        log.contains("\"level\":\"DEBUG\"") && log.contains("/saml2/{slug}"),
        "this is the log of that run, the statements of the database among it"
    );
    for (what, canary) in canaries {
        assert!(canary.len() >= 6, "{what} is {canary:?}");
        if let Some(line) = log.lines().find(|line| line.contains(&canary)) {
            panic!("{what} is in the log: {line}");
        }
    }
}

#[test]
fn a_45_nothing_that_is_sent_writes_a_line_of_the_log() {
    const FORGED: &str = "{\"level\":\"ERROR\",\"message\":\"forged\"}";
    let (tessera, mut api, user) = house();
    let hostile = format!("x\r\n{FORGED}\n\u{1b}[31mred\u{8}\u{2028}");
    let escaped: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
    let mut browser = Browser::new();
    let login = browser.get(&tessera.url("/login"));
    let typed = Person { username: &hostile, password: &hostile };
    assert_eq!(sign_in(&mut browser, &login, typed).status, 401);
    let request = request(&format!("_{}", hostile.replace(['<', '"', '&'], "")), "");
    let message = deflated(&request).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for path in [
        format!("/{escaped}"),
        format!("/saml2/{escaped}"),
        format!("/saml2/app?SAMLRequest={escaped}&RelayState={escaped}"),
        format!("/saml2/app?SAMLRequest={message}&RelayState={escaped}"),
        format!("/saml2/app/continue?request={escaped}"),
        format!("/login?next={escaped}"),
        format!("/reset/{escaped}"),
    ] {
        assert!(browser.get(&tessera.url(&path)).status < 500, "{path}");
    }
    for (path, body) in [
        (format!("/users/{user}"), json!({ "department": hostile, "custom": { hostile.as_str(): hostile } })),
        ("/groups".to_owned(), json!({ "name": hostile })),
        (format!("/{escaped}"), json!({ "name": hostile })),
    ] {
        assert!(api.patch(&path, &body).status < 500, "{path}");
        assert!(api.post(&path, &body).page.status < 500, "{path}");
    }
    let log = tessera.log();
    assert!(log.lines().count() > 20);
    // What the command itself says at its start is no part of the log.
    for line in log.lines().skip_while(|line| !line.contains("request answered")) {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no line of ours: {line:?}"));
        assert_ne!(read["message"], "forged");
        assert_ne!(read["fields"]["message"], "forged");
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
    }
}
