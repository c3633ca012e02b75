//! Every connector of the catalog, as an administrator and a member meet it: made with its examples, activated, signed on to
//! from here and from there. The other side has the connector's own entity ID and ACS URLs.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tessera::applications::create::{NewApplication, Surroundings, create};
use tessera::applications::{Application, binding, sso};
use tessera::base::signature::KeyType;
use tessera::catalog::model::ConnectorKind;
use tessera::catalog::placeholder::{LocationRules, Scope, Values};
use tessera::catalog::sso::{Attribute, IdpInitiated, Initiation, SsoSettings, ValueFrom};
use tessera::catalog::{Catalog, Connector};
use tessera::directory::{PersonPatch, people};
use tessera::keys;
use tessera::lab::{self, LabSp};

use crate::house::{Browser, House};
use crate::sp::{Posted, Request, key_pair, unescaped};

/// The catalog is gone through in so many parts, each a test.
const PARTS: usize = 4;

fn examples(connector: &Connector) -> Values {
    connector.placeholders.iter().map(|(token, one)| (token.clone(), one.example.clone())).collect()
}

/// An active application of the connector, bound to the group, and its settings with every placeholder filled.
async fn made(house: &House, connector: &Connector, certificate: &str) -> (Application, SsoSettings) {
    let (installation, ctx) = (&house.installation, house.ctx());
    let (db, catalog) = (&installation.db, &installation.catalog);
    let key = keys::generate(&ctx, KeyType::Rsa2048, &connector.id).unwrap();
    let around = Surroundings { catalog, vault: &installation.vault, base_url: &installation.base_url };
    let new = NewApplication { connector: connector.id.clone(), ..NewApplication::default() };
    let made = create(db, &ctx, around, new, Some(&key)).await.unwrap();
    let values = examples(connector);
    let mut settings = connector.sso_settings().unwrap();
    let mut patch = json!({ "placeholders": values });
    if settings.sp_entity_id.is_none() {
        // What its metadata would say.
        let metadata =
            json!({ "sp_entity_id": "https://sp.example/metadata", "acs_urls": ["https://sp.example/acs"] });
        settings = settings.merged(serde_json::from_value(metadata.clone()).unwrap()).unwrap();
        patch.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    }
    if settings.encrypt_assertion {
        patch["sp_encryption_certificates"] = json!([certificate]);
    }
    house.patch(&made, patch).await;
    binding::bind(db, &ctx, made.id, house.group).await.unwrap();
    let active = sso::activate(db, &ctx, made.id, None).await;
    let active = active.unwrap_or_else(|error| panic!("{}: {error:?}", connector.id));
    let filled =
        Scope::new(&connector.placeholders, &values).fill_settings(&settings, LocationRules::default());
    (active, filled.unwrap())
}

/// The built-in service provider in the place of the connector's own.
fn as_lab(application: &Application, settings: &SsoSettings, certificate: String) -> LabSp {
    LabSp {
        name: application.slug.clone(),
        label: application.label.clone(),
        idp_url: format!("https://id.example.com/saml2/{}", application.slug),
        idp_entity_id: application.idp_entity_id.clone(),
        idp_certificate: certificate,
        entity_id: settings.sp_entity_id.clone().unwrap(),
        note: None,
    }
}

/// What was posted is for this application, and says so where it can be read; a careful application takes it.
fn is_for(
    house: &House,
    settings: &SsoSettings,
    posted: &Posted,
    acs: &str,
    sp: &LabSp,
    request: Option<&str>,
) {
    let id = &sp.name;
    assert_eq!(posted.action, acs, "{id}");
    assert_eq!(posted.value("Destination=\"", "\"").as_deref(), Some(escaped_xml(acs).as_str()), "{id}");
    if settings.encrypt_assertion {
        assert!(posted.xml.contains("EncryptedAssertion") && !posted.xml.contains("<saml:Audience>"), "{id}");
        return;
    }
    let faults = lab::faults(sp.clone(), acs, house.clock.now(), request, posted.xml.as_bytes()).unwrap();
    assert!(faults.is_empty(), "{id}: {faults:?}");
    let entity_id = settings.sp_entity_id.as_deref().unwrap();
    let audience = posted.value("<saml:Audience>", "<");
    assert_eq!(audience.as_deref(), Some(escaped_xml(entity_id).as_str()), "{id}");
    assert!(posted.name_id().is_some_and(|name| !name.is_empty()), "{id}");
    // Values by group are the administrator's to write.
    let is_sure =
        |attribute: &&Attribute| attribute.jit.is_some() && !matches!(attribute.value, ValueFrom::ByGroup(_));
    for attribute in settings.attributes.iter().filter(is_sure) {
        let name = format!("Name=\"{}\"", escaped_xml(&attribute.name));
        assert!(posted.xml.contains(&name), "{id} needs {name}: {}", posted.xml);
    }
}

fn escaped_xml(text: &str) -> String {
    text.replace('&', "&amp;")
}

async fn signs_on(house: &House, browser: &mut Browser, connector: &Connector, certificate: &str) {
    let (application, settings) = made(house, connector, certificate).await;
    let keys = keys::list(&mut house.installation.db.reader(), application.id).await.unwrap();
    let sp = as_lab(&application, &settings, keys[0].certificate_pem());
    let path = format!("/saml2/{}", application.slug);
    let begins = connector.sso.initiation.set_value().cloned();
    let begins_there = begins.as_ref().is_none_or(|who| who.contains(&Initiation::Sp));
    if let Some(login_url) = &settings.login_url {
        let answered = house.get(browser, &path).await;
        assert_eq!(answered.status, StatusCode::OK, "{}: {}", connector.id, answered.body);
        assert!(Posted::read(&answered.body).is_none(), "{}", connector.id);
        assert!(unescaped(&answered.body).contains(login_url), "{}: the tile begins there", connector.id);
        house.patch(&application, json!({ "login_url": null })).await;
    }
    if settings.idp_initiated == IdpInitiated::On {
        let answered = house.get(browser, &path).await;
        let posted = Posted::read(&answered.body);
        let posted = posted.unwrap_or_else(|| panic!("{}: {}", connector.id, answered.body));
        is_for(house, &settings, &posted, &settings.acs_urls[0].url, &sp, None);
        assert_eq!(posted.relay_state, settings.default_relay_state, "{}", connector.id);
    } else {
        // It is known to refuse what it did not ask for.
        let answered = house.get(browser, &path).await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN, "{}", connector.id);
        assert!(Posted::read(&answered.body).is_none(), "{}", connector.id);
    }
    for acs in settings.acs_urls.iter().filter(|_| begins_there) {
        let mut request =
            Request::new("_r1").with(&format!("AssertionConsumerServiceURL=\"{}\"", escaped_xml(&acs.url)));
        request.issuer = escaped_xml(&sp.entity_id);
        let answered =
            house.get_from_elsewhere(browser, &format!("{path}?{}", request.query(Some("state")))).await;
        let posted = Posted::read(&answered.body);
        let posted = posted.unwrap_or_else(|| panic!("{} {}: {}", connector.id, acs.url, answered.body));
        is_for(house, &settings, &posted, &acs.url, &sp, Some("_r1"));
        assert_eq!(posted.in_response_to().as_deref(), Some("_r1"), "{}", connector.id);
        assert_eq!(posted.relay_state.as_deref(), Some("state"), "{}", connector.id);
    }
}

/// Whoever has everything that an attribute may be of.
fn everything() -> Value {
    json!({
        "first_name": "Livia", "middle_name": "Augusta", "last_name": "Drusilla", "display_name": "Livia Drusilla",
        "employee_identifier": "42", "employee_type": "staff", "job_title": "Empress", "department": "Palatine",
        "company": "Rome", "cost_center": "1", "location": "Rome", "locale": "it-IT", "preferred_language": "it",
        "timezone": "Europe/Rome", "phone_numbers": [{ "type": "work", "value": "+39 06 1" }],
        "addresses": [{ "type": "work", "street_address": "Via Sacra", "locality": "Rome", "region": "RM",
            "postal_code": "00186", "country": "IT" }],
    })
}

async fn part(nth: usize) {
    let house = House::open().await;
    let livia = house.person("livia", true).await;
    let patch: PersonPatch = serde_json::from_value(everything()).unwrap();
    people::update(&house.installation.db, &house.ctx(), livia, None, patch).await.unwrap();
    let mut browser = Browser::default();
    house.sign_in(&mut browser, "livia").await;
    let (_, certificate) = key_pair();
    let catalog = Catalog::built_in();
    let connectors = catalog.list().filter(|one| one.kind == ConnectorKind::Saml && one.id != "custom-saml");
    for connector in connectors.skip(nth).step_by(PARTS) {
        signs_on(&house, &mut browser, connector, &certificate).await;
        // Nobody signs on to hundreds of applications within minutes.
        house.clock.advance(1_000);
    }
}

#[tokio::test]
async fn every_connector_signs_on_first_part() {
    part(0).await;
}

#[tokio::test]
async fn every_connector_signs_on_second_part() {
    part(1).await;
}

#[tokio::test]
async fn every_connector_signs_on_third_part() {
    part(2).await;
}

#[tokio::test]
async fn every_connector_signs_on_fourth_part() {
    part(3).await;
}
