//! `/metrics` of the real server: to a token that may read events, or on a listener of its own; counts that move with a
//! real sign-on, and nobody's name among them.

use support::{Browser, Page, Person, Tessera, sign_in};

const PERSON: Person<'_> = Person { username: "agrippina", password: "violet tram on the ninth hill" };
const CONFIGURATION: &str = "tessera: 1\napplications:\n\
    - slug: own\n  connector: custom-saml\n  status: active\n  groups: [Everyone]\n  sso:\n    \
    sp_entity_id: https://sp.example\n    acs_urls: [https://sp.example/acs]\n\
    - {slug: off, connector: bookmark, bookmark_url: 'https://b.example'}\n";

fn filled(tessera: &Tessera) {
    tessera.ok(&["apply", "-"], CONFIGURATION);
    let (name, email) = (PERSON.username, "agrippina@people.example");
    let create = ["user", "create", "--username", name, "--email", email, "--password-stdin"];
    tessera.ok(&create, PERSON.password);
}

fn by_token(tessera: &Tessera, role: &str) -> Page {
    let token = tessera.ok(&["token", "create", "--name", "prometheus", "--role", role], "");
    let authorization = format!("Bearer {token}");
    Browser::new().send("GET", &tessera.url("/metrics"), &[("authorization", &authorization)], None)
}

/// The value of a sample, by its name with labels.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().expect("a number")
}

#[test]
fn counts_move_with_a_real_sign_on_and_name_nobody() {
    let tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).start();
    filled(&tessera);
    let issued = "tessera_signons_total{initiator=\"idp\",outcome=\"issued\"}";
    let first = by_token(&tessera, "auditor");
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let before = first.text();
    assert!(value(&before, issued).abs() < f64::EPSILON, "{before}");

    let mut browser = Browser::new();
    let visit = browser.get(&tessera.url("/saml2/own"));
    let login = browser.follow(visit);
    let wrong = Person { password: "not the password at all", ..PERSON };
    let again = sign_in(&mut browser, &login, wrong);
    let answer = sign_in(&mut browser, &again, PERSON);
    assert!(answer.form_with("SAMLResponse").is_some(), "{}", answer.text());
    assert_eq!(browser.get(&tessera.url("/saml2/off")).status, 403);
    assert_eq!(browser.get(&tessera.url("/saml2/agrippina")).status, 404);
    browser.get(&tessera.url("/agrippina"));

    let text = by_token(&tessera, "owner").text();
    for (sample, least) in [
        (issued, 1.0),
        ("tessera_signon_refusals_total{code=\"application_not_active\"}", 1.0),
        ("tessera_signon_refusals_total{code=\"unknown_idp_url\"}", 1.0),
        ("tessera_sign_in_attempts_total{outcome=\"success\"}", 1.0),
        ("tessera_sign_in_attempts_total{outcome=\"denied\"}", 1.0),
        ("tessera_http_requests_total{method=\"GET\",route=\"/saml2/{slug}\",status=\"3xx\"}", 1.0),
        ("tessera_http_requests_total{method=\"-\",route=\"-\",status=\"4xx\"}", 1.0),
        ("tessera_http_request_duration_seconds_count{method=\"POST\",route=\"/login\"}", 2.0),
        ("tessera_http_request_duration_seconds_bucket{method=\"POST\",route=\"/login\",le=\"+Inf\"}", 2.0),
        ("tessera_sessions", 1.0),
        ("tessera_open_connections", 1.0),
        ("tessera_certificate_expiry_days{application=\"own\"}", 1094.0),
        ("tessera_database_info{kind=\"sqlite\"}", 1.0),
        ("tessera_database_up", 1.0),
        ("process_start_time_seconds", 1.6e9),
    ] {
        assert!(value(&text, sample) >= least, "{sample} in\n{text}");
    }
    assert!(value(&text, "tessera_pending_requests") >= 0.0);
    assert!(text.contains("tessera_build_info{version=\""), "{text}");
    // W-14 and A-46: nobody's name, address or id.
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
    for personal in ["agrippina", "people.example", "127.0.0.1", "0190", "019a", "prometheus"] {
        assert!(!names.iter().any(|name| name.contains(personal)), "{personal} in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, number) = line.rsplit_once(' ').expect("a value");
        assert!(number.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn a_token_is_needed_that_may_read_events() {
    let tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).start();
    let stranger = Browser::new().get(&tessera.url("/metrics"));
    assert_eq!((stranger.status, stranger.json()["code"].as_str()), (401, Some("token_missing")));
    assert_eq!(stranger.header("www-authenticate"), Some("Bearer realm=\"tessera\""));
    let refused = by_token(&tessera, "application-admin");
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("not_allowed")));
}

#[test]
fn the_listener_of_its_own_serves_metrics_and_nothing_else() {
    let setup = Tessera::setup(env!("CARGO_BIN_EXE_tessera"));
    let mut tessera = setup.env("TESSERA_METRICS_LISTEN", "127.0.0.1:0").start();
    filled(&tessera);
    let log = tessera.log();
    let (_, rest) = log.split_once("Metrics are served on ").expect("it says where");
    let url = rest.split_whitespace().next().expect("an address").to_owned();
    let mut browser = Browser::new();
    let page = browser.get(&url);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("tessera_certificate_expiry_days{application=\"own\"} "));
    for path in ["/", "/login", "/healthz", "/api/v1/me", "/saml2/own/metadata"] {
        assert_eq!(browser.get(&url.replace("/metrics", path)).status, 404, "{path}");
    }
    assert_eq!(Browser::new().get(&tessera.url("/metrics")).status, 401, "the server itself still asks");
    assert!(tessera.stop(), "{}", tessera.log());
}

#[test]
fn metrics_of_postgresql() {
    let cluster = support::PrivatePostgres::start();
    let tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).database(&cluster.create_database()).start();
    filled(&tessera);
    let text = by_token(&tessera, "auditor").text();
    assert!(value(&text, "tessera_database_info{kind=\"postgres\"}") > 0.0);
    assert!(value(&text, "tessera_database_up") > 0.0, "{text}");
    assert!(value(&text, "tessera_certificate_expiry_days{application=\"own\"}") > 1000.0);
}
