//! The facts that the connectors were written from: each field agrees, or the connector says why not.

use std::collections::BTreeMap;

use tessera::catalog::model::Verified;
use tessera::catalog::search::folded;
use tessera::catalog::sso::{IdpInitiated, Initiation, Jit, ValueFrom};
use tessera::catalog::{Catalog, Connector};
use tessera::provisioning::mapping;

use crate::{catalog_folder, is_blank};

/// Connectors whose row has another id.
const ROWS: &[(&str, &str)] = &[
    ("keeper-cloud", "keeper-security"),
    ("keeper-on-premises", "keeper-sso-connect-on-prem"),
    ("interact", "interact-software"),
    ("github-enterprise-cloud", "github-enterprise-cloud-organization"),
    ("grafana", "grafana-enterprise-and-cloud"),
];

fn row_of(connector: &Connector) -> &str {
    ROWS.iter().find(|(id, _)| *id == connector.id).map_or(connector.id.as_str(), |(_, row)| row)
}

#[test]
fn connectors_say_what_their_facts_say_or_why_not() {
    let facts: BTreeMap<String, serde_json::Value> =
        std::fs::read_to_string(catalog_folder().join("facts.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|row| (row["id"].as_str().unwrap().to_owned(), row))
            .collect();
    let mut used = 0;
    for connector in Catalog::built_in().list().filter(|connector| !is_blank(connector)) {
        let row = row_of(connector);
        let row = facts.get(row).unwrap_or_else(|| panic!("no facts for {}", connector.id));
        agrees(connector, row);
        used += 1;
    }
    assert_eq!(used, facts.len(), "facts that no connector uses");
}

fn text<'a>(row: &'a serde_json::Value, key: &str) -> Option<&'a str> {
    row[key].as_str()
}

fn agrees(connector: &Connector, row: &serde_json::Value) {
    let settings = connector.sso_settings().expect("settings");
    let same = |field: &str, ours: Option<String>, theirs: Option<&str>| {
        assert!(
            ours.as_deref() == theirs || connector.differs.contains_key(field),
            "{} {field}: {ours:?} is not {theirs:?}",
            connector.id
        );
    };
    // What the facts do not have is asked for.
    let from_metadata = connector.sso.sp_metadata_url.set_value().is_some();
    let entity_id = text(row, "entity_id").or((!from_metadata).then_some("YOUR_ENTITY_ID"));
    same("sp_entity_id", settings.sp_entity_id.clone(), entity_id);
    let acs: Vec<&str> = settings.acs_urls.iter().map(|acs| acs.url.as_str()).collect();
    let mut theirs: Vec<&str> =
        row["acs_urls"].as_array().expect("a list").iter().filter_map(|url| url.as_str()).collect();
    if theirs.is_empty() && !from_metadata {
        theirs.push("YOUR_ACS_URL");
    }
    assert!(acs == theirs || connector.differs.contains_key("acs_urls"), "{}: {acs:?}", connector.id);
    assert!(row["encryption"] != true || settings.encrypt_assertion, "{}", connector.id);
    if let Some(login_url) = &settings.login_url {
        same("login_url", Some(login_url.clone()), text(row, "sign_on_url"));
    }
    same("default_relay_state", settings.default_relay_state.clone(), text(row, "relay_state"));
    if let Some(format) = text(row, "nameid_format") {
        same("name_id.format", Some(settings.name_id.format.urn().to_owned()), Some(format));
    }
    if let Some(source) = text(row, "nameid_source") {
        let ours = if let ValueFrom::Property(property) = &settings.name_id.value {
            Some(property.to_string())
        } else {
            None
        };
        same("name_id.source", ours, Some(source));
    }
    if let Some(sign) = text(row, "sign") {
        let sign = if sign == "response and assertion" { "both" } else { sign };
        same("sign", Some(settings.sign.as_str().to_owned()), Some(sign));
    }
    if connector.sso.initiation.set_value().is_some_and(|who| !who.contains(&Initiation::Idp)) {
        // Where only the application begins, the tile needs to know where.
        same("login_url", settings.login_url.clone(), text(row, "sign_on_url"));
    }
    let refuses = |note: &serde_json::Value| note == "IdP-initiated sign-on is not supported";
    if row["notes"].as_array().expect("a list").iter().any(refuses) {
        assert_eq!(settings.idp_initiated, IdpInitiated::Off, "{}", connector.id);
    }
    let begins: Vec<&str> = [("idp", "idp_initiated"), ("sp", "sp_initiated")]
        .iter()
        .filter(|(_, key)| row[key] == true)
        .map(|(who, _)| *who)
        .collect();
    if !begins.is_empty() {
        let ours = connector.sso.initiation.set_value().cloned().unwrap_or_default();
        let ours: Vec<&str> = ours.iter().map(|who| who.as_str()).collect();
        same("initiation", Some(ours.join(", ")), Some(&begins.join(", ")));
    }
    attributes_agree(connector, row);
    scim_agrees(connector, row);
    described_alike(connector, row);
    assert!(
        row["jit"] != true || connector.makes_accounts() || connector.differs.contains_key("jit"),
        "{}",
        connector.id
    );
    let expected =
        if text(row, "confidence") == Some("low") { Verified::None } else { Verified::Documentation };
    assert_eq!(connector.verified, expected, "{}", connector.id);
    let theirs: Vec<&str> = text(row, "source").expect("a source").split("; ").collect();
    let joined = connector.sources.join("; ");
    assert!(theirs.iter().all(|source| joined.contains(source)), "{}: {joined}", connector.id);
}

/// Name, site of its maker, and what the facts warn of.
fn described_alike(connector: &Connector, row: &serde_json::Value) {
    let name = folded(text(row, "name").expect("a name"));
    let mut names = std::iter::once(&connector.name).chain(&connector.aliases).map(|name| folded(name));
    assert!(
        names.any(|ours| ours == name) || row_of(connector) != connector.id,
        "{} is no {name}",
        connector.id
    );
    let host = |address: &str| {
        let url = url::Url::parse(address).expect("an address");
        url.host_str().expect("a host").trim_start_matches("www.").to_owned()
    };
    if let Some(theirs) = text(row, "homepage").filter(|_| !connector.differs.contains_key("homepage")) {
        assert_eq!(connector.homepage.as_deref().map(host), Some(host(theirs)), "{}", connector.id);
    }
    let warns = !row["notes"].as_array().expect("a list").is_empty();
    let asks = |token: &str| connector.placeholders.contains_key(token);
    let told = !connector.notes.is_empty()
        || !connector.differs.is_empty()
        || connector.setup.sso.is_some()
        || asks("YOUR_ENTITY_ID")
        || asks("YOUR_ACS_URL");
    assert!(!warns || told, "{}: nothing of {}", connector.id, row["notes"]);
}

fn scim_agrees(connector: &Connector, row: &serde_json::Value) {
    let id = &connector.id;
    let says_why = |field: &str| connector.differs.contains_key(field);
    let theirs = &row["scim"];
    if theirs.is_null() {
        return;
    }
    let Some(ours) = &connector.provisioning else {
        assert!(says_why("provisioning"), "{id} lacks SCIM");
        return;
    };
    let base_url = theirs["base_url"].as_str();
    assert!(ours.base_url.as_deref() == base_url || says_why("provisioning.base_url"), "{id}: {base_url:?}");
    let auth = match theirs["auth"].as_str().expect("a way") {
        "oauth2" => "oauth2_client_credentials",
        other => other,
    };
    assert!(ours.auth.as_str() == auth || says_why("provisioning.auth"), "{id}: {auth}");
    let groups = theirs["groups"].as_bool();
    assert!(groups.is_none_or(|groups| groups == ours.groups) || says_why("provisioning.groups"), "{id}");
    let sent = mapping::starting(Some(ours));
    for attribute in theirs["attributes"].as_array().expect("a list") {
        let attribute = attribute.as_str().expect("a name");
        // With everybody, whatever the mapping.
        let is_sent =
            ["active", "externalId"].contains(&attribute) || sent.iter().any(|row| row.scim == attribute);
        assert!(is_sent || says_why(&format!("scim.{attribute}")), "{id} does not send {attribute}");
    }
}

/// What sources call a property, and what we call it.
const NAMES: &[(&str, &str)] = &[
    ("email", "email"),
    ("username", "username"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("displayName", "display_name"),
    ("department", "department"),
    ("phone", "phone_numbers.work"),
    ("title", "job_title"),
    ("quota", "custom.nextcloud_quota"),
    ("employeeId", "employee_identifier"),
    ("immutableId", "employee_identifier"),
    ("company", "company"),
    ("organization", "company"),
    ("country", "addresses.work.country"),
    ("state", "addresses.work.region"),
    // Before the @.
    ("emailLocalPart", "email"),
];

fn attributes_agree(connector: &Connector, row: &serde_json::Value) {
    let settings = connector.sso_settings().expect("settings");
    let theirs = row["attributes"].as_array().expect("a list");
    for fact in theirs {
        let name = fact["name"].as_str().expect("a name");
        if connector.differs.contains_key(&format!("attributes.{name}")) {
            continue;
        }
        let ours = settings.attributes.iter().find(|attribute| attribute.name == name);
        let ours = ours.unwrap_or_else(|| panic!("{} lacks the attribute {name}", connector.id));
        assert_eq!(Some(ours.name_format.urn()), fact["name_format"].as_str(), "{} {name}", connector.id);
        let makes_accounts = row["jit"] == true && fact["required"] == true;
        assert!(!makes_accounts || ours.jit == Some(Jit::Required), "{} {name}", connector.id);
        let source = fact["source"].as_str().expect("a source");
        match &ours.value {
            ValueFrom::Groups(_) => assert_eq!(source, "groups", "{} {name}", connector.id),
            ValueFrom::ByGroup(_) => {
                assert!(["awsRoles", "roles", "role"].contains(&source), "{} {name}", connector.id);
            }
            ValueFrom::Property(property) => {
                let known =
                    NAMES.iter().find(|(theirs, _)| *theirs == source).map(|(_, ours)| (*ours).to_owned());
                assert_eq!(Some(property.to_string()), known, "{} {name}", connector.id);
            }
            ValueFrom::Constant(_) => panic!("{} {name}: no fact is a constant", connector.id),
        }
    }
    let more = settings.attributes.len() > theirs.len();
    assert!(
        !more || connector.differs.contains_key("attributes"),
        "{} has attributes of its own",
        connector.id
    );
}
