//! Real service providers sign a person on through the real server, both ways round, and hold what they get against
//! the standard in their strictest settings.

use serde_json::{Value, json};
use support::{Api, Browser, Kind, Person, ServiceProvider, Tessera, accepted, sign_on, sign_out};

const ADA: Person<'static> = Person { username: "ada", password: "bronze abacus under the arch" };
const EMAIL: &str = "ada@example.org";

/// A server with one person in one group, and an API token of an owner.
struct House {
    tessera: Tessera,
    api: Api,
    group: String,
}

fn house() -> House {
    // Where the providers are told of sign-outs by SOAP.
    let setup = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).arg("--outbound-allow=127.0.0.1/32");
    let tessera = setup.start();
    let user =
        ["user", "create", "--username", "ada", "--email", EMAIL, "--role", "owner", "--password-stdin"];
    let ada = tessera.ok(&user, ADA.password);
    let token = tessera.ok(&["token", "create", "--name", "tests", "--role", "owner"], "");
    let mut api = Api::new(&tessera.base(), &token);
    let group = api.post("/groups", &json!({"name": "R&D", "description": ""})).expect(201);
    let group = text(&group, "id");
    let joined = api.put(&format!("/groups/{group}/members/{ada}"), &Value::Null);
    assert!(joined.status < 300, "{}", joined.page.text());
    House { tessera, api, group }
}

/// Starts a provider and registers it as an active application, bound to the group.
fn connect(house: &mut House, kind: Kind, slug: &str, options: &[&str]) -> ServiceProvider {
    let provider = ServiceProvider::prepare(kind, options);
    let wanted = json!({"connector": "custom-saml", "label": slug, "slug": slug});
    let application = house.api.post("/applications", &wanted).expect(201);
    let (id, metadata) = (text(&application, "id"), text(&application, "metadata_url"));
    let path = format!("/applications/{id}");
    let document = house.api.put_document(
        &format!("{path}/sp-metadata"),
        "application/samlmetadata+xml",
        &provider.metadata,
    );
    document.expect(200);
    let attributes = json!([{"name": "mail", "source": "email"}, {"name": "groups", "groups": {}}]);
    let settings =
        json!({"name_id": {"format": "emailAddress", "source": "email"}, "attributes": attributes});
    house.api.patch(&format!("{path}/sso"), &settings).expect(200);
    house.api.post(&format!("{path}/sso/activate"), &Value::Null).expect(200);
    let bound = house.api.put(&format!("{path}/groups/{}", house.group), &Value::Null);
    assert!(bound.status < 300, "{}", bound.page.text());
    provider.start(&metadata)
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {value}")).to_owned()
}

/// What every provider must have read out of the assertion, whichever way the sign-on began.
fn assert_is_ada(provider: &ServiceProvider, told: &Value) {
    let kind = provider.kind();
    assert_eq!(told["name_id"], EMAIL, "{kind:?}");
    assert_eq!(told["attributes"]["mail"], json!([EMAIL]), "{kind:?}");
    // lasso hands attributes on as they stand in the XML, so `&` arrives escaped: the provider's fault, not ours.
    let group = if kind == Kind::Mellon { "R&amp;D" } else { "R&D" };
    assert_eq!(told["attributes"]["groups"], json!(["Everyone", group]), "{kind:?}");
    assert!(told["session_index"].as_str().is_some_and(|index| !index.is_empty()), "{kind:?}: {told}");
}

#[test]
fn sp_initiated_by_redirect_and_post_signed_and_unsigned() {
    let mut house = house();
    for kind in Kind::ALL {
        for binding in ["redirect", "post"] {
            for signed in [false, true] {
                let slug = format!("{kind:?}-{binding}-{signed}").to_lowercase();
                let mut options = if signed { vec!["--sign-requests"] } else { vec![] };
                if kind == Kind::Mellon {
                    options.extend(["--binding", binding]);
                }
                let provider = connect(&mut house, kind, &slug, &options);
                let start = provider.login_url(&[("binding", binding), ("relay_state", "a b/%C3?ä='<>&+")]);
                let mut browser = Browser::new();
                let told = accepted(&sign_on(&mut browser, &start, Some(ADA)));
                assert_is_ada(&provider, &told);
                assert!(told["in_response_to"].is_string(), "{slug}: {told}");
                if kind != Kind::Mellon {
                    assert_eq!(told["relay_state"], "a b/%C3?ä='<>&+", "{slug}");
                }
                // The session lives, so the second time nobody is asked for a password.
                accepted(&sign_on(&mut browser, &provider.login_url(&[("binding", binding)]), None));
            }
        }
    }
}

#[test]
fn idp_initiated_answers_no_request() {
    let mut house = house();
    for kind in Kind::ALL {
        let slug = format!("{kind:?}").to_lowercase();
        let provider = connect(&mut house, kind, &slug, &["--allow-unsolicited"]);
        let start = house.tessera.url(&format!("/saml2/{slug}"));
        let told = accepted(&sign_on(&mut Browser::new(), &start, Some(ADA)));
        assert_is_ada(&provider, &told);
        assert!(told["in_response_to"].is_null(), "{slug}: {told}");
    }
}

#[test]
fn force_authn_asks_again_and_moves_the_instant() {
    let mut house = house();
    for kind in [Kind::Pysaml2, Kind::NodeSaml] {
        let provider = connect(&mut house, kind, &format!("{kind:?}").to_lowercase(), &[]);
        let mut browser = Browser::new();
        accepted(&sign_on(&mut browser, &provider.login_url(&[]), Some(ADA)));
        let forced = provider.login_url(&[("force_authn", "1")]);
        let page = sign_on(&mut browser, &forced, None);
        assert!(
            page.form_with("password").is_some(),
            "{kind:?} was let in without a password: {}",
            page.text()
        );
        accepted(&sign_on(&mut browser, &forced, Some(ADA)));
    }
}

#[test]
fn is_passive_without_a_session_answers_no_passive() {
    let mut house = house();
    for kind in [Kind::Pysaml2, Kind::NodeSaml] {
        let provider = connect(&mut house, kind, &format!("{kind:?}").to_lowercase(), &[]);
        let page = sign_on(&mut Browser::new(), &provider.login_url(&[("is_passive", "1")]), None);
        // Unsigned to somebody who is not signed in, so these strict providers refuse it; but it must say why.
        assert_eq!(page.status, 403, "{kind:?}: {}", page.text());
        assert_eq!(page.json()["status"], "NoPassive", "{kind:?}: {}", page.text());
    }
}

#[test]
fn saml_210_encrypted_assertions_are_opened_by_all() {
    let mut house = house();
    for kind in Kind::ALL {
        for algorithm in ["aes256-gcm", "aes128-gcm"] {
            let slug = format!("{kind:?}-{algorithm}").to_lowercase();
            let provider = connect(&mut house, kind, &slug, &["--allow-unsolicited"]);
            let applications = house.api.get("/applications?limit=100").expect(200);
            let mut items = applications["items"].as_array().expect("a list").iter();
            let application = items.find(|item| item["slug"] == slug.as_str()).expect("it was made");
            let encryption = json!({"encrypt_assertion": true, "encryption_algorithm": algorithm});
            house
                .api
                .patch(&format!("/applications/{}/sso", text(application, "id")), &encryption)
                .expect(200);
            let mut browser = Browser::new();
            for start in [provider.login_url(&[]), house.tessera.url(&format!("/saml2/{slug}"))] {
                let told = accepted(&sign_on(&mut browser, &start, Some(ADA)));
                assert_eq!(told["encrypted"], true, "{slug}: {told}");
                assert_eq!(told["name_id"], EMAIL, "{slug}");
                assert_eq!(told["attributes"]["mail"], json!([EMAIL]), "{slug}");
            }
        }
    }
}

#[test]
fn art_601_mellon_fetches_what_an_artifact_stands_for() {
    let mut house = house();
    for signed in [false, true] {
        let slug = format!("artifact-{signed}");
        let options = if signed { vec!["--artifact", "--sign-requests"] } else { vec!["--artifact"] };
        let provider = connect(&mut house, Kind::Mellon, &slug, &options);
        let mut browser = Browser::new();
        for start in [provider.login_url(&[]), house.tessera.url(&format!("/saml2/{slug}"))] {
            let told = accepted(&sign_on(&mut browser, &start, Some(ADA)));
            assert_eq!(told["name_id"], EMAIL, "{slug}");
            assert_eq!(told["attributes"]["mail"], json!([EMAIL]), "{slug}");
        }
    }
}

/// What stands between two pieces of a message.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    let length = text[from..].find(end).unwrap_or_else(|| panic!("no {end} in {text}"));
    &text[from..from + length]
}

/// The element of this name, whatever its prefix, as it stands.
fn element<'a>(text: &'a str, name: &str) -> &'a str {
    let at = text.find(&format!(":{name}")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let start = text[..at].rfind('<').expect("a tag");
    let close = format!("</{}:{name}>", &text[start + 1..at]);
    let end = text[start..].find(&close).unwrap_or_else(|| panic!("no {close} in {text}"));
    &text[start..start + end + close.len()]
}

#[test]
fn ecp_610_a_client_without_a_browser_signs_in_to_mellon() {
    const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
    const ECP: &str = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp";
    let mut house = house();
    for signed in [false, true] {
        let slug = format!("client-{signed}");
        let options: &[&str] = if signed { &["--sign-requests"] } else { &[] };
        let provider = connect(&mut house, Kind::Mellon, &slug, options);
        let ecp = house.tessera.url(&format!("/saml2/{slug}/ecp"));
        // What the provider wants to know.
        let mut client = Browser::new();
        let paos = format!("ver=\"urn:liberty:paos:2003-08\";\"{ECP}\"");
        let headers = [("accept", "text/html, application/vnd.paos+xml"), ("paos", paos.as_str())];
        let asked = client.send("GET", &provider.private_url(), &headers, None);
        assert_eq!(asked.status, 200, "{}", asked.text());
        let asked = asked.text();
        let consumer = between(&asked, "responseConsumerURL=\"", "\"").to_owned();
        // What was for the client goes no further.
        let request = asked.replace(element(&asked, "Header"), "");
        let ask = |client: &mut Browser, headers: &[(&str, &str)]| {
            client.send("POST", &ecp, headers, Some(request.as_bytes()))
        };
        // Off until somebody wants it.
        let soap = ("content-type", "text/xml");
        assert!(ask(&mut client, &[soap]).text().contains("ecp_off"));
        let applications = house.api.get("/applications?limit=100").expect(200);
        let mut items = applications["items"].as_array().expect("a list").iter();
        let application = text(items.find(|item| item["slug"] == slug.as_str()).expect("it was made"), "id");
        house.api.patch(&format!("/applications/{application}/sso"), &json!({"ecp": true})).expect(200);
        assert_eq!(ask(&mut client, &[soap]).status, 401);
        let basic = "Basic YWRhOmJyb256ZSBhYmFjdXMgdW5kZXIgdGhlIGFyY2g=";
        let answered = ask(&mut client, &[soap, ("authorization", basic)]);
        assert_eq!(answered.status, 200, "{}", answered.text());
        let answered = answered.text();
        assert_eq!(between(&answered, "AssertionConsumerServiceURL=\"", "\""), consumer, "ECP 2.3.7");
        assert_eq!(answered.contains("RequestAuthenticated"), signed);
        // The provider gets it back with what it gave along.
        let header = element(&asked, "RelayState");
        let body = between(&answered, "<soap11:Body>", "</soap11:Body>");
        let back = format!(
            "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:ecp=\"{ECP}\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        );
        let headers = [("content-type", "application/vnd.paos+xml")];
        let taken = client.send("POST", &consumer, &headers, Some(back.as_bytes()));
        assert!(matches!(taken.status, 200 | 303), "{}: {}", taken.status, taken.text());
        let told = accepted(&client.get(&provider.private_url()));
        assert_eq!(told["name_id"], EMAIL, "{slug}: {told}");
    }
}

#[test]
fn slo_503_mellon_is_told_by_soap_and_ends_its_session() {
    let mut house = house();
    let mut browser = Browser::new();
    let mellon = connect(&mut house, Kind::Mellon, "quiet", &["--soap-logout"]);
    let other = connect(&mut house, Kind::Pysaml2, "other", &[]);
    accepted(&sign_on(&mut browser, &mellon.login_url(&[]), Some(ADA)));
    accepted(&sign_on(&mut browser, &other.login_url(&[]), None));
    assert_eq!(browser.get(&mellon.private_url()).status, 200);
    let begun = browser.get(&other.logout_url());
    let page = sign_out(&mut browser, begun);
    assert_eq!(page.json()["event"], "signed_out", "{}", page.text());
    assert_signed_out_everywhere(&house, &mut browser, &[mellon, other]);
}

/// Three providers, and a browser that is signed in to all of them.
fn signed_in_everywhere(house: &mut House, round: &str) -> (Browser, Vec<ServiceProvider>) {
    let mut browser = Browser::new();
    let mut person = Some(ADA);
    let mut providers = Vec::new();
    for kind in Kind::ALL {
        let provider = connect(house, kind, &format!("{kind:?}-{round}").to_lowercase(), &[]);
        accepted(&sign_on(&mut browser, &provider.login_url(&[]), person.take()));
        assert_eq!(browser.get(&provider.private_url()).status, 200, "{kind:?}");
        providers.push(provider);
    }
    (browser, providers)
}

fn assert_signed_out_everywhere(house: &House, browser: &mut Browser, providers: &[ServiceProvider]) {
    for provider in providers {
        let page = browser.get(&provider.private_url());
        assert_ne!(page.status, 200, "{:?} has kept its session", provider.kind());
    }
    assert_eq!(browser.get(&house.tessera.url("/")).status, 303, "the portal has kept its session");
}

#[test]
fn slo_501_502_a_service_provider_signs_out_of_tessera_and_of_the_others() {
    let mut house = house();
    for (number, first) in Kind::ALL.into_iter().enumerate() {
        let (mut browser, providers) = signed_in_everywhere(&mut house, &format!("sp{number}"));
        let asks = providers.iter().find(|provider| provider.kind() == first).expect("it is there");
        let begun = browser.get(&asks.logout_url());
        let page = sign_out(&mut browser, begun);
        assert_eq!(page.status, 200, "{first:?} at {}: {}", page.url, page.text());
        assert_eq!(page.json()["event"], "signed_out", "{first:?}");
        assert_signed_out_everywhere(&house, &mut browser, &providers);
    }
}

#[test]
fn slo_503_signing_out_of_the_portal_signs_out_of_every_service_provider() {
    let mut house = house();
    let (mut browser, providers) = signed_in_everywhere(&mut house, "portal");
    let portal = browser.get(&house.tessera.url("/"));
    let forms = portal.forms();
    let form = forms.iter().find(|form| form.action.path() == "/logout").expect("a button to sign out");
    let begun = browser.submit(&portal, form);
    let page = sign_out(&mut browser, begun);
    let text = page.text();
    assert!(text.contains("your applications say that they have signed you out"), "{}: {text}", page.url);
    assert_signed_out_everywhere(&house, &mut browser, &providers);
}
