//! What `tessera import` writes can be applied.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tessera::catalog::placeholder::{Scope, Values};
use tessera::catalog::sso::{Attribute, Jit};
use tessera::catalog::{Catalog, Connector};
use tessera::transfer::importers::{self, Format, Imported};
use tessera::transfer::{self, Options};

use crate::world::World;

/// An application of this connector as an export has it, with those of the connector's attributes that are wanted;
/// `None`: it has no entity ID or no address.
fn exported(connector: &Connector, is_wanted: impl Fn(&Attribute) -> bool) -> Option<Json> {
    let settings = connector.sso_settings().ok()?;
    let examples = connector.placeholders.iter();
    let examples: Values =
        examples.map(|(token, placeholder)| (token.clone(), placeholder.example.clone())).collect();
    let scope = Scope::new(&connector.placeholders, &examples);
    let entity_id = scope.fill(settings.sp_entity_id.as_deref()?).ok()?;
    let url = scope.fill(&settings.acs_urls.first()?.url).ok()?;
    let wanted = settings.attributes.iter().filter(|row| is_wanted(row));
    let rows: Vec<Json> = wanted
        .map(|row| json!({ "name": row.name, "name_format": "unspecified", "source": "email" }))
        .collect();
    let mut sso = json!({ "sp_entity_id": entity_id, "acs_urls": [url], "sign": "assertion" });
    if !rows.is_empty() {
        sso["attributes"] = json!(rows);
    }
    Some(json!({
        "slug": format!("i-{}", connector.id), "connector": "custom-saml", "label": connector.name,
        "status": "inactive", "sso": sso,
    }))
}

/// Names of the attributes that are sent.
fn sent(application: &Json) -> Vec<&str> {
    let rows = application["sso"]["attributes"].as_array().into_iter().flatten();
    rows.filter(|row| row["enabled"] != json!(false)).filter_map(|row| row["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_connector_is_recognised_its_application_can_be_applied() {
    let (here, catalog) = (World::sqlite().await, Catalog::built_in());
    for which in ["none", "required", "all"] {
        let is_wanted = |row: &Attribute| match which {
            "none" => false,
            "required" => row.jit == Some(Jit::Required),
            _ => true,
        };
        let before: Vec<Json> =
            catalog.list().filter_map(|connector| exported(connector, is_wanted)).collect();
        let document = json!({ "tessera": 1, "applications": before });
        let imported = Imported { document, left: Vec::new(), hints: BTreeMap::new() };
        let fitted = transfer::fitted(&catalog, imported);
        let after = fitted.document["applications"].as_array().unwrap();
        for (before, after) in before.iter().zip(after) {
            assert_eq!(sent(before), sent(after), "{which} {}", after["slug"]);
        }
        let is_made = |one: &&Json| one["connector"] != json!("custom-saml");
        let made: Vec<&Json> = after.iter().filter(is_made).collect();
        assert!(made.len() > 200, "{which}: {}", made.len());
        let text = transfer::written(&json!({ "tessera": 1, "applications": made })).unwrap();
        if let Err(refusals) = here.rehearse(&text, Options::default()).await {
            let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            panic!("{which}: {}", told.join("\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_of_oktas_catalog_come_filled_in_or_as_drafts() {
    let here = World::sqlite().await;
    let one = |name: &str, label: &str, settings: Json| {
        json!({ "name": name, "label": label, "signOnMode": "SAML_2_0",
            "credentials": { "userNameTemplate": { "template": "${source.email}" } },
            "settings": { "app": settings, "signOn": { "ssoAcsUrlOverride": null, "attributeStatements": [] } } })
    };
    let export = json!([
        one("slack", "Chat", json!({ "domain": "acme" })),
        one("salesforce", "CRM", json!({ "instanceType": "PRODUCTION", "integrationType": "STANDARD" })),
        one("amazon_aws", "Cloud", json!({ "loginURL": "https://console.aws.amazon.com/ec2/home" })),
        one("servicenow_ud", "Tickets", json!({ "loginURL": "https://acme.service-now.com/" })),
        one("acme_wiki_1", "Wiki", json!({})),
    ]);
    let imported = importers::read(Format::Okta, &serde_json::to_vec(&export).unwrap()).unwrap();
    let fitted = transfer::fitted(&Catalog::built_in(), imported);
    let text = transfer::written(&fitted.document).unwrap();
    assert_eq!(
        here.apply(&text).await,
        [
            "create application chat (from slack, inactive)",
            "create application crm (from salesforce, draft)",
            "create application cloud (from amazon-web-services, inactive)",
            "create application tickets (from servicenow, inactive)",
            "create application wiki (from custom-saml, inactive)",
        ]
    );
    let made = fitted.document["applications"].as_array().unwrap();
    let filled: Vec<&Json> = made.iter().map(|one| &one["sso"]["placeholders"]).collect();
    let acme = json!({ "YOUR_SUBDOMAIN": "acme" });
    assert_eq!(filled, [&acme, &Json::Null, &Json::Null, &acme, &Json::Null]);
    let told: Vec<String> =
        fitted.left.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
    assert!(told.contains(&"CRM: YOUR_SUBDOMAIN".to_owned()), "{told:?}");
    assert!(told.contains(&"Wiki: settings.signOn.ssoAcsUrl".to_owned()), "{told:?}");
    assert!(fitted.document["applications"].as_array().unwrap()[..4].iter().all(|one| sent(one).is_empty()));
    // Once more changes nothing.
    assert!(here.apply(&text).await.iter().all(|line| line.starts_with("unchanged ")));
}
