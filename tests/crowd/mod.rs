//! People who sign on over and over, at a server that may be killed, flooded or measured meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::{Api, Browser, Page, Person, Setup, Tessera, sign_in};
use tessera::base::Clock;

/// Everybody's password here.
const PASSWORD: &str = "bronze abacus under the arch";
/// Entity ID and ACS of the one who only counts what would arrive.
const ENTITY_ID: &str = "https://sp.example/metadata";
const ACS: &str = "https://sp.example/acs";

/// A server with active applications, bound to one group, and people in it.
#[derive(Debug)]
pub struct Forum {
    pub tessera: Tessera,
    pub api: Api,
    /// The people's group.
    pub group: String,
    /// Slugs.
    pub applications: Vec<String>,
    people: usize,
}

impl Forum {
    /// Starts the server and sets it up.
    pub fn open(setup: Setup, applications: usize, people: usize) -> Self {
        let tessera = setup.start();
        let token = tessera.ok(&["token", "create", "--name", "tests", "--role", "owner"], "");
        let mut api = Api::new(&tessera.base(), &token);
        // A few people here do the work of thousands.
        let limits = json!({"sign_ons_per_session_minute": 1_000_000, "sign_ons_per_account_minute": 1_000_000,
            "sign_ons_per_application_minute": 10_000_000});
        api.patch("/settings", &limits).expect(200);
        let group = text(&api.post("/groups", &json!({"name": "Forum"})).expect(201), "id");
        let mut forum = Self { tessera, api, group, applications: Vec::new(), people };
        for number in 0..people {
            forum.add_person(number);
        }
        for number in 0..applications {
            let slug = format!("stall-{number}");
            forum.add_application(&slug);
            forum.applications.push(slug);
        }
        forum
    }

    pub fn add_person(&mut self, number: usize) {
        let (username, email) = (format!("person-{number}"), format!("person-{number}@example.org"));
        let person = json!({"username": username, "email": email, "first_name": "Livia",
            "last_name": format!("No {number}"), "department": "Sales", "password": PASSWORD});
        let id = text(&self.api.post("/users", &person).expect(201), "id");
        let joined = self.api.put(&format!("/groups/{}/members/{id}", self.group), &Value::Null);
        assert!(joined.status < 300, "{}", joined.page.text());
    }

    pub fn add_application(&mut self, slug: &str) {
        let wanted = json!({"connector": "custom-saml", "label": slug, "slug": slug});
        let path =
            format!("/applications/{}", text(&self.api.post("/applications", &wanted).expect(201), "id"));
        let attributes = json!([{"name": "email", "source": "email"}, {"name": "first", "source": "first_name"},
            {"name": "department", "source": "department"}, {"name": "groups", "groups": {}}]);
        let settings = json!({"sp_entity_id": ENTITY_ID, "acs_urls": [{"url": ACS, "index": 0, "default": true}],
            "name_id": {"format": "emailAddress", "source": "email"}, "sign": "both", "attributes": attributes});
        self.api.patch(&format!("{path}/sso"), &settings).expect(200);
        self.api.post(&format!("{path}/sso/activate"), &Value::Null).expect(200);
        let bound = self.api.put(&format!("{path}/groups/{}", self.group), &Value::Null);
        assert!(bound.status < 300, "{}", bound.page.text());
    }

    /// A browser in which this person is signed in.
    pub fn visitor(&self, number: usize) -> Visitor {
        let username = format!("person-{}", number % self.people);
        let mut browser = Browser::new();
        let page = browser.get(&self.tessera.url("/login"));
        let page = sign_in(&mut browser, &page, Person { username: &username, password: PASSWORD });
        assert_eq!(page.url.path(), "/", "{}", page.text());
        Visitor {
            browser,
            base: self.tessera.base(),
            applications: self.applications.clone(),
            number,
            count: 0,
        }
    }
}

/// One person with a live session, who opens one application after the other, in turn by tile and by the
/// application's own request.
#[derive(Debug, Clone)]
pub struct Visitor {
    browser: Browser,
    base: String,
    applications: Vec<String>,
    number: usize,
    count: usize,
}

/// Who begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// The service provider, by Redirect.
    Sp,
    /// A tile.
    Idp,
}

impl Visitor {
    /// Signs on at the next application and tells the SessionIndex of the assertion that came; what went wrong when
    /// the connection broke. Any other answer than a response is a panic.
    pub fn sign_on(&mut self, begin: Begin) -> Result<String, String> {
        self.count += 1;
        let slug = &self.applications[(self.number + self.count) % self.applications.len()];
        let idp_url = format!("{}/saml2/{slug}", self.base);
        let url = match begin {
            Begin::Idp => idp_url,
            Begin::Sp => format!("{idp_url}?SAMLRequest={}", self.request(&idp_url)),
        };
        let page = self.browser.try_get(&url)?;
        let message = message_of(&page).unwrap_or_else(|| panic!("{} {url}: {}", page.status, page.text()));
        let (_, rest) = message.split_once("SessionIndex=\"").expect("a success has a SessionIndex");
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }

    /// An AuthnRequest for the Redirect binding, escaped for a query.
    fn request(&self, idp_url: &str) -> String {
        // The server is a process of its own, with the real clock.
        let instant = Clock::System.now().to_xs_date_time();
        let (number, count) = (self.number, self.count);
        let xml = format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_crowd-{number}-{count}" Version="2.0" IssueInstant="{instant}" Destination="{idp_url}" AssertionConsumerServiceURL="{ACS}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>{ENTITY_ID}</saml:Issuer></samlp:AuthnRequest>"#
        );
        STANDARD
            .encode(stored_deflate(xml.as_bytes()))
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D")
    }
}

/// Raw DEFLATE without compression: one stored block (RFC 1951, 3.2.4).
fn stored_deflate(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a request is shorter than 64 KiB");
    let mut out = vec![1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    out
}

/// The response in the form that posts itself, decoded.
fn message_of(page: &Page) -> Option<String> {
    if page.status != 200 {
        return None;
    }
    let text = page.text();
    let (_, rest) = text.split_once("name=\"SAMLResponse\" value=\"")?;
    let encoded = rest.split('"').next()?.replace("&#43;", "+").replace("&#x2B;", "+");
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {value}")).to_owned()
}
