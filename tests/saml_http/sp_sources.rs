//! Metadata of a service provider by address, against a publisher on loopback: fetched once as an explicit act, then
//! on schedule, when nothing is taken over without being accepted.

use std::sync::{Arc, Mutex, OnceLock};

use axum::http::StatusCode;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use serde_json::{Value, json};
use support::{Authority, Reply, WebServer};
use tessera::applications::Application;
use tessera::base::Timestamp;
use tessera::base::clock::{DAY, HOUR, MINUTE};
use tessera::outbound::Outbound;

use crate::house::{Browser, House};
use crate::sp::{self, enveloped_signature, key_pair};

const TYPE: &str = "application/json";
const ENTITY: &str = "https://sp.example/entity";

/// Whom the house trusts.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::default)
}

/// The client of the houses of these tests: reaches 127.0.0.1 and nothing else inside.
pub fn outbound() -> Outbound {
    let allow = vec!["127.0.0.1/32".parse().unwrap()];
    Outbound::new(allow, Some(authority().pem().as_bytes())).unwrap()
}

#[derive(Clone)]
enum Says {
    Document(String),
    Other(Reply),
}

/// A server that publishes metadata, with an `ETag`.
struct Publisher {
    says: Arc<Mutex<Says>>,
    server: WebServer,
}

impl Publisher {
    fn of(document: impl Into<String>) -> Self {
        let says = Arc::new(Mutex::new(Says::Document(document.into())));
        let said = says.clone();
        let server = WebServer::https(authority(), move |received| match said.lock().unwrap().clone() {
            Says::Other(reply) => reply,
            Says::Document(document) => {
                let etag = format!("\"{:x?}\"", &sha256(document.as_bytes())[..4]);
                let fields = [("etag", etag.as_str()), ("content-type", "application/samlmetadata+xml")];
                if received.header("if-none-match") == Some(etag.as_str()) {
                    Reply::new(304, &fields, "")
                } else {
                    Reply::new(200, &fields, document)
                }
            }
        });
        Self { says, server }
    }

    fn now_says(&self, document: impl Into<String>) {
        *self.says.lock().unwrap() = Says::Document(document.into());
    }

    fn now_answers(&self, reply: Reply) {
        *self.says.lock().unwrap() = Says::Other(reply);
    }

    fn url(&self) -> String {
        self.server.url("/metadata.xml")
    }

    fn asked(&self) -> usize {
        self.server.received().len()
    }
}

/// Metadata in canonical form, so that it can be signed as it stands.
fn entity(id: &str, attributes: &str, acs: &str, certificate: &str) -> String {
    let body: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    let key = format!(
        "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    );
    let key = if certificate.is_empty() { String::new() } else { key };
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\"{attributes} entityID=\"{id}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{key}\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"{acs}\" index=\"0\"></md:AssertionConsumerService></md:SPSSODescriptor></md:EntityDescriptor>"
    )
}

fn plain(acs: &str) -> String {
    entity(ENTITY, "", acs, "")
}

/// Metadata that is signed and valid until then.
fn signed(acs: &str, until: Option<Timestamp>, key: &PKey<Private>) -> String {
    sign(&entity(ENTITY, " ID=\"_m\"", acs, ""), until, key)
}

fn sign(document: &str, until: Option<Timestamp>, key: &PKey<Private>) -> String {
    let until = until.map(|until| format!(" validUntil=\"{}\"", until.to_xs_date_time())).unwrap_or_default();
    // Canonical form has attributes in the order of their names.
    let document = document.replacen("\"><md:SPSSODescriptor", &format!("\"{until}><md:SPSSODescriptor"), 1);
    let signature = enveloped_signature(&document, "_m", key);
    let inside = document.find('>').unwrap() + 1;
    format!("{}{signature}{}", &document[..inside], &document[inside..])
}

async fn both() -> [House; 2] {
    [House::open().await, House::on_postgres().await]
}

/// What the REST API answers.
async fn asked(house: &House, method: &str, application: &Application, rest: &str, body: Value) -> Told {
    let path = format!("/applications/{}{rest}", application.id);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answered = house.api(method, &path, TYPE, body).await;
    let body = serde_json::from_str(&answered.body).unwrap_or_default();
    Told { status: answered.status, body }
}

struct Told {
    status: StatusCode,
    body: Value,
}

impl Told {
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body
    }
}

async fn put(house: &House, application: &Application, body: Value) -> Told {
    asked(house, "PUT", application, "/sp-metadata", body).await
}

async fn source(house: &House, application: &Application) -> Value {
    asked(house, "GET", application, "/sp-metadata", Value::Null).await.expect(200)
}

/// What is odd about its metadata, by the API: how grave, and the code.
async fn odd(house: &House, application: &Application) -> Vec<(String, String)> {
    let told = asked(house, "GET", application, "/findings", Value::Null).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = told["items"].as_array().unwrap().iter();
    let all = items.map(|finding| (text(&finding["severity"]), text(&finding["code"])));
    all.filter(|(_, code)| code.starts_with("sp_metadata_")).collect()
}

fn finding(severity: &str, code: &str) -> (String, String) {
    (severity.to_owned(), code.to_owned())
}

async fn acs(house: &House, application: &Application) -> String {
    let sso = asked(house, "GET", application, "/sso", Value::Null).await.expect(200);
    sso["acs_urls"][0]["url"]["value"].as_str().unwrap().to_owned()
}

/// What the background work of `serve` does; a day later.
async fn next_day(house: &House) {
    house.clock.advance(DAY);
    house.installation.sp_sources().refresh_due(&house.ctx()).await.unwrap();
}

fn fields(changes: &Value) -> Vec<&str> {
    changes.as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn md_302_metadata_by_url_is_shown_first_then_taken_and_remembered() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let (_, certificate) = key_pair();
        let publisher = Publisher::of(entity(ENTITY, "", "https://sp.example/acs/2", &certificate));
        let wanted = json!({ "url": publisher.url() });
        let before = acs(&house, &application).await;
        let dry =
            asked(&house, "PUT", &application, "/sp-metadata?dry_run=true", wanted.clone()).await.expect(200);
        assert_eq!(dry["dry_run"], true);
        assert_eq!(fields(&dry["changes"]), ["sp_entity_id", "acs_urls", "sp_certificates"]);
        assert_eq!(acs(&house, &application).await, before, "nothing is stored");
        asked(&house, "GET", &application, "/sp-metadata", Value::Null).await.refused(404, "not_found");

        // What was shown is what is taken.
        let shown = json!({ "url": publisher.url(), "revision": dry["revision"] });
        publisher.now_says(plain("https://sp.example/acs/3"));
        put(&house, &application, shown.clone()).await.refused(409, "metadata_changed_meanwhile");
        publisher.now_says(entity(ENTITY, "", "https://sp.example/acs/2", &certificate));
        let done = put(&house, &application, shown).await.expect(200);
        assert_eq!(done["sso"]["acs_urls"][0]["url"]["value"], "https://sp.example/acs/2");
        let known = source(&house, &application).await;
        assert_eq!((&known["url"], &known["signed"]), (&json!(publisher.url()), &json!(false)));
        assert_eq!((&known["failure"], &known["revision"]), (&Value::Null, &Value::Null));
        assert_eq!(house.events("sp_metadata_source_set").await.len(), 1);

        // Unchanged: the time is noted, and nothing is sent twice.
        let asked_before = publisher.asked();
        next_day(&house).await;
        assert_eq!(publisher.asked(), asked_before + 1);
        let last = publisher.server.received().pop().unwrap();
        assert!(last.header("if-none-match").is_some(), "{last:?}");
        let later = source(&house, &application).await;
        assert_ne!(later["fetched_at"], known["fetched_at"]);
        assert_eq!(later["pending_changes"], json!([]));
        assert!(house.events("sp_metadata_change").await.is_empty());

        asked(&house, "DELETE", &application, "/sp-metadata", Value::Null).await.expect(204);
        asked(&house, "DELETE", &application, "/sp-metadata", Value::Null).await.refused(404, "not_found");
        assert_eq!(house.events("sp_metadata_source_remove").await.len(), 1);
        next_day(&house).await;
        assert_eq!(publisher.asked(), asked_before + 1, "it is not fetched any more");
        assert_eq!(acs(&house, &application).await, "https://sp.example/acs/2", "what was taken over stays");
    }
}

#[tokio::test]
async fn md_308_a_refresh_never_takes_over_an_acs_a_certificate_or_an_entity_id() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let (_, certificate) = key_pair();
        let publisher = Publisher::of(plain("https://sp.example/acs"));
        put(&house, &application, json!({ "url": publisher.url() })).await.expect(200);
        let before = asked(&house, "GET", &application, "/sso", Value::Null).await.expect(200);
        publisher.now_says(entity(
            "https://mallory.example",
            "",
            "https://mallory.example/acs",
            &certificate,
        ));
        next_day(&house).await;
        let after = asked(&house, "GET", &application, "/sso", Value::Null).await.expect(200);
        assert_eq!(before, after, "nothing changed by itself");
        let waiting = source(&house, &application).await;
        let changes = &waiting["pending_changes"];
        assert_eq!(fields(changes), ["sp_entity_id", "acs_urls", "sp_certificates"]);
        assert_eq!(changes[0]["old"], ENTITY);
        assert_eq!(changes[0]["new"], "https://mallory.example");
        assert_eq!(odd(&house, &application).await, [finding("note", "sp_metadata_waiting")]);
        let told = house.events("sp_metadata_change").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].details["fields"], json!(["sp_entity_id", "acs_urls", "sp_certificates"]));
        // Found again it is no news.
        next_day(&house).await;
        assert_eq!(house.events("sp_metadata_change").await.len(), 1);

        // Accepted is what was shown, or nothing.
        for unsaid in [Value::Null, json!({})] {
            let refused = asked(&house, "POST", &application, "/sp-metadata/accept", unsaid).await;
            let refused = refused.refused(422, "invalid_input");
            assert_eq!(
                (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
                (&json!("revision"), &json!("required"))
            );
        }
        let first = waiting["revision"].clone();
        publisher.now_says(plain("https://sp.example/acs/moved"));
        asked(&house, "POST", &application, "/sp-metadata/refresh", Value::Null).await.expect(200);
        let accept = |revision: &Value| json!({ "revision": revision });
        asked(&house, "POST", &application, "/sp-metadata/accept", accept(&first))
            .await
            .refused(409, "metadata_changed_meanwhile");
        assert_eq!(acs(&house, &application).await, "https://sp.example/acs");
        let second = source(&house, &application).await;
        assert_eq!(fields(&second["pending_changes"]), ["acs_urls"]);
        let done = asked(&house, "POST", &application, "/sp-metadata/accept", accept(&second["revision"]))
            .await
            .expect(200);
        assert_eq!(fields(&done["changes"]), ["acs_urls"]);
        assert_eq!(acs(&house, &application).await, "https://sp.example/acs/moved");
        assert_eq!(house.events("sp_metadata_accept").await.len(), 1);
        assert_eq!(source(&house, &application).await["revision"], Value::Null);
        asked(&house, "POST", &application, "/sp-metadata/accept", accept(&second["revision"]))
            .await
            .refused(409, "metadata_nothing_pending");

        // Discarded, it is not put forward again; something else is.
        publisher.now_says(plain("https://sp.example/acs/wrong"));
        next_day(&house).await;
        asked(&house, "POST", &application, "/sp-metadata/discard", Value::Null).await.expect(200);
        next_day(&house).await;
        assert_eq!(source(&house, &application).await["revision"], Value::Null);
        assert_eq!(house.events("sp_metadata_discard").await.len(), 1);
        publisher.now_says(plain("https://sp.example/acs/again"));
        next_day(&house).await;
        assert_eq!(fields(&source(&house, &application).await["pending_changes"]), ["acs_urls"]);
        // Back to what is stored: nothing waits any more.
        publisher.now_says(plain("https://sp.example/acs/moved"));
        next_day(&house).await;
        assert_eq!(source(&house, &application).await["revision"], Value::Null);
    }
}

#[tokio::test]
async fn md_307_a_failed_refresh_keeps_the_last_good_copy_and_says_so() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let good = plain("https://sp.example/acs");
        let publisher = Publisher::of(good.as_str());
        put(&house, &application, json!({ "url": publisher.url() })).await.expect(200);
        let large = format!("{}{}", plain("https://sp.example/other"), " ".repeat(64 << 20));
        let failures = [
            (Reply::new(500, &[], "<h1>secret of the server</h1>"), "metadata_not_there"),
            (Reply::new(404, &[], "no"), "metadata_not_there"),
            (Reply::new(200, &[], large), "outbound_too_large"),
            (Reply::redirect(302, "https://169.254.169.254/latest/meta-data/"), "outbound_address_refused"),
            (Reply::redirect(302, "https://10.0.0.1/"), "outbound_address_refused"),
            (Reply::new(200, &[], "<html>"), "xml_not_well_formed"),
            (Reply::new(200, &[], "<!DOCTYPE x><x/>"), "xml_doctype"),
            (Reply::Bytes(b"SSH-2.0\r\n\r\n".to_vec()), "outbound_broken"),
        ];
        let mut since = Value::Null;
        for (reply, code) in failures {
            publisher.now_answers(reply);
            next_day(&house).await;
            let known = source(&house, &application).await;
            assert_eq!(known["failure"]["code"], code, "{known}");
            assert!(!known.to_string().contains("secret of the server"), "A-31: {known}");
            if since.is_null() {
                since = known["failure"]["since"].clone();
            }
            assert_eq!(known["failure"]["since"], since, "since it first failed");
            assert_eq!(acs(&house, &application).await, "https://sp.example/acs");
            assert_eq!(known["pending_changes"], json!([]));
        }
        assert_eq!(odd(&house, &application).await, [finding("warning", "sp_metadata_failing")]);
        let told = house.events("sp_metadata_failure").await;
        assert_eq!(told.len(), 1, "the first of several in a row");
        assert_eq!(told[0].details["code"], "metadata_not_there");
        publisher.now_says(good);
        let known =
            asked(&house, "POST", &application, "/sp-metadata/refresh", Value::Null).await.expect(200);
        assert_eq!(known["failure"], Value::Null);
        assert_eq!(odd(&house, &application).await, []);
    }
}

#[tokio::test]
async fn md_302_a_31_what_can_not_be_fetched_stores_nothing() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let publisher = Publisher::of(plain("https://sp.example/acs"));
    publisher.now_answers(Reply::redirect(302, "https://169.254.169.254/latest/meta-data/"));
    let port = publisher.server.address().port();
    for (url, code) in [
        ("http://93.184.216.34/metadata".to_owned(), "outbound_not_https"),
        ("https://10.0.0.1/metadata".to_owned(), "outbound_address_refused"),
        ("https://169.254.169.254/".to_owned(), "outbound_address_refused"),
        (format!("https://user@127.0.0.1:{port}/"), "outbound_userinfo"),
        ("file:///etc/passwd".to_owned(), "outbound_not_https"),
        ("metadata.xml".to_owned(), "outbound_url_invalid"),
        (publisher.url(), "outbound_address_refused"),
    ] {
        let refused = put(&house, &application, json!({ "url": url })).await.refused(422, code);
        assert_eq!(refused["errors"][0]["field"], "url");
    }
    put(&house, &application, json!({ "uri": "x" })).await.refused(422, "unknown_field");
    let odd = json!({ "url": publisher.url(), "certificate": "nonsense" });
    assert_eq!(
        put(&house, &application, odd).await.refused(422, "invalid_input")["errors"][0]["field"],
        "certificate"
    );
    asked(&house, "GET", &application, "/sp-metadata", Value::Null).await.refused(404, "not_found");
    assert!(house.events("sp_metadata_source_set").await.is_empty());
}

#[tokio::test]
async fn md_302_of_several_entities_one_is_chosen_and_stays_the_chosen_one() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let list = |first: &str| {
            let own = entity("https://own.example", "", "https://own.example/acs", "");
            format!(
                "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}{own}</md:EntitiesDescriptor>",
                entity(first, "", "https://other.example/acs", "")
            )
        };
        let publisher = Publisher::of(list("https://other.example"));
        let refused = put(&house, &application, json!({ "url": publisher.url() })).await;
        let refused = refused.refused(422, "entity_id_required");
        let known: Vec<&str> = refused["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["message"].as_str().unwrap())
            .collect();
        assert_eq!(known, ["https://other.example", "https://own.example"]);
        let wanted = json!({ "url": publisher.url(), "entity_id": "https://own.example" });
        put(&house, &application, wanted).await.expect(200);
        assert_eq!(acs(&house, &application).await, "https://own.example/acs");
        publisher.now_says(list("https://third.example"));
        next_day(&house).await;
        let known = source(&house, &application).await;
        assert_eq!(
            (&known["revision"], &known["failure"]),
            (&Value::Null, &Value::Null),
            "the others don't matter"
        );
    }
}

#[tokio::test]
async fn md_307_signed_metadata_is_believed_by_the_pinned_key_alone_and_not_for_ever() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let ((key, certificate), (stranger, _)) = (key_pair(), key_pair());
        let now = house.clock.now();
        let until = |days: i64| Some(now.plus(days * DAY));
        let acs_url = "https://sp.example/acs";
        let publisher = Publisher::of(signed(acs_url, until(7), &key));
        let wanted = json!({ "url": publisher.url(), "certificate": certificate });
        let tampered = signed(acs_url, until(7), &key).replace(acs_url, "https://mallory.example/acs");
        let inner = signed("https://mallory.example/acs", until(7), &stranger);
        for (document, code) in [
            (plain(acs_url), "metadata_signature"),
            (signed(acs_url, until(7), &stranger), "metadata_signature"),
            (tampered, "metadata_signature"),
            (signed(acs_url, None, &key), "metadata_valid_until_missing"),
            (signed(acs_url, until(31), &key), "metadata_valid_until_too_far"),
            (signed(acs_url, until(-1), &key), "metadata_expired"),
            // A signature elsewhere than over the whole.
            (
                format!(
                    "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{inner}</md:EntitiesDescriptor>"
                ),
                "metadata_signature",
            ),
        ] {
            publisher.now_says(document.as_str());
            put(&house, &application, wanted.clone()).await.refused(422, code);
        }
        publisher.now_says(signed(acs_url, until(7), &key));
        put(&house, &application, wanted).await.expect(200);
        let known = source(&house, &application).await;
        assert_eq!((&known["signed"], acs(&house, &application).await.as_str()), (&json!(true), acs_url));
        // Signed anew for another week, it asks for nothing new.
        publisher.now_says(signed(acs_url, until(8), &key));
        next_day(&house).await;
        let known = source(&house, &application).await;
        assert_eq!((&known["revision"], &known["failure"]), (&Value::Null, &Value::Null));
        assert_eq!(known["valid_until"], json!(until(8).unwrap().to_rfc3339()));
        // Somebody who has the server and not the key changes nothing.
        publisher.now_says(signed("https://mallory.example/acs", until(8), &stranger));
        next_day(&house).await;
        let known = source(&house, &application).await;
        assert_eq!(known["failure"]["code"], "metadata_signature");
        assert_eq!(known["pending_changes"], json!([]));
        // What is signed waits all the same.
        publisher.now_says(signed("https://sp.example/acs/2", until(9), &key));
        next_day(&house).await;
        assert_eq!(acs(&house, &application).await, acs_url);
        assert_eq!(fields(&source(&house, &application).await["pending_changes"]), ["acs_urls"]);
        // Past its end a copy is not accepted, nor is it good for being unchanged.
        house.clock.advance(9 * DAY);
        let shown = json!({ "revision": source(&house, &application).await["revision"] });
        asked(&house, "POST", &application, "/sp-metadata/accept", shown)
            .await
            .refused(422, "metadata_expired");
        asked(&house, "POST", &application, "/sp-metadata/refresh", Value::Null).await.expect(200);
        assert_eq!(source(&house, &application).await["failure"]["code"], "metadata_expired");
        let all = [("fault", "ended"), ("warning", "failing"), ("note", "waiting")];
        let all = all.map(|(severity, what)| finding(severity, &format!("sp_metadata_{what}")));
        assert_eq!(odd(&house, &application).await, all);
    }
}

#[tokio::test]
async fn av_05_md_307_it_is_fetched_when_it_says_within_bounds_and_by_one_node() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let publisher = Publisher::of(plain("https://sp.example/acs"));
        let due = async || {
            let known = source(&house, &application).await;
            let instant = |field: &str| Timestamp::parse_rfc3339(known[field].as_str().unwrap()).unwrap();
            instant("due_at").since(instant("fetched_at"))
        };
        for (attributes, time) in [
            ("", 6 * HOUR),
            (" cacheDuration=\"PT3H\"", 3 * HOUR),
            (" cacheDuration=\"PT1S\"", HOUR),
            (" cacheDuration=\"P1Y2M\"", DAY),
            (" cacheDuration=\"often\"", 6 * HOUR),
        ] {
            publisher.now_says(entity(ENTITY, attributes, "https://sp.example/acs", ""));
            put(&house, &application, json!({ "url": publisher.url() })).await.expect(200);
            let due = due().await;
            assert!((due - time).abs() <= time / 20, "{attributes}: {} minutes", due / MINUTE);
        }
        let before = publisher.asked();
        house.clock.advance(HOUR / 2);
        assert_eq!(
            house.installation.sp_sources().refresh_due(&house.ctx()).await.unwrap(),
            0,
            "not due yet"
        );
        house.clock.advance(DAY);
        let other = house.another_node().await;
        let (ctx, other_ctx) = (house.ctx(), other.ctx());
        let (one, two) = (house.installation.sp_sources(), other.installation.sp_sources());
        let (one, two) = tokio::join!(one.refresh_due(&ctx), two.refresh_due(&other_ctx));
        assert!(one.unwrap() + two.unwrap() >= 1);
        assert_eq!(publisher.asked(), before + 1, "one of the two fetched");
    }
}

#[tokio::test]
async fn av_12_md_307_past_the_end_of_signed_metadata_its_keys_are_not_relied_on() {
    for house in both().await {
        let application = house.application("app", json!({})).await;
        let ((publishing, pinned), (key, certificate)) = (key_pair(), key_pair());
        let until = |days: i64| Some(house.clock.now().plus(days * DAY));
        let document = entity(sp::ENTITY_ID, " ID=\"_m\"", sp::ACS, &certificate);
        let publisher = Publisher::of(sign(&document, until(2), &publishing));
        let wanted = json!({ "url": publisher.url(), "certificate": pinned });
        put(&house, &application, wanted).await.expect(200);
        house.person("livia", true).await;
        let mut browser = Browser::default();
        house.sign_in(&mut browser, "livia").await;
        let destination = format!("Destination=\"{}/saml2/app\"", crate::house::BASE);
        let path = |id: &str, signed: bool| {
            let at = house.clock.now().to_xs_date_time();
            let request = sp::Request { issue_instant: at, ..sp::Request::new(id) }.with(&destination);
            let query = if signed { request.signed_query(&key) } else { request.query(None) };
            format!("/saml2/app?{query}")
        };
        let signed_on = |page: &str| sp::Posted::read(page).is_some();
        assert!(signed_on(&house.get(&mut browser, &path("_a", true)).await.body));
        publisher.now_answers(Reply::new(503, &[], ""));
        next_day(&house).await;
        house.sign_in(&mut browser, "livia").await;
        assert!(signed_on(&house.get(&mut browser, &path("_b", true)).await.body), "the last good copy");
        next_day(&house).await;
        house.sign_in(&mut browser, "livia").await;
        let refused = house.get(&mut browser, &path("_c", true)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(house.refusal_codes().await.contains(&"sp_metadata_ended".to_owned()));
        // Nor do they sign anybody out, or fetch anything: by no way is a message looked at.
        let form = |path: &str, media_type: &str, body: &str| {
            let request = axum::http::Request::post(path.to_owned()).header("content-type", media_type);
            request.body(axum::body::Body::from(body.to_owned())).unwrap()
        };
        let urlencoded = "application/x-www-form-urlencoded";
        for request in [
            axum::http::Request::get("/saml2/app/logout?SAMLRequest=x")
                .body(axum::body::Body::empty())
                .unwrap(),
            form("/saml2/app/logout", urlencoded, "SAMLResponse=x"),
            form("/saml2/app/logout/soap", "text/xml", "<x/>"),
            form("/saml2/app/artifact", "text/xml", "<x/>"),
        ] {
            let path = request.uri().to_string();
            let refused = house.send(&mut browser, request).await;
            assert!(refused.body.contains("sp_metadata_ended"), "{path}: {}", refused.body);
        }
        assert!(signed_on(&house.get(&mut browser, &path("_d", false)).await.body), "no key was relied on");
        publisher.now_says(sign(&document, until(2), &publishing));
        next_day(&house).await;
        house.sign_in(&mut browser, "livia").await;
        assert!(signed_on(&house.get(&mut browser, &path("_e", true)).await.body));
    }
}
