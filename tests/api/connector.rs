//! A later version of an application's connector, as programs meet it.

use serde_json::{Value, json};
use tessera::auth::Role;
use tessera::catalog::Connector;

use crate::support::{Api, House};

const OLD_ACS: &str = "https://heapanalytics.com/saml/finish/YOUR_ID/";

/// Heap as it was: another ACS URL, and no step that tests the sign-on.
fn earlier(connector: &mut Connector) {
    let patch = serde_json::to_value(&connector.sso).unwrap();
    let mut patch = patch.as_object().unwrap().clone();
    patch.insert("acs_urls".to_owned(), json!([OLD_ACS]));
    connector.sso = serde_json::from_value(Value::Object(patch)).unwrap();
    connector.setup.sso = Some("1. Paste {idp_url}.".to_owned());
}

async fn acs(api: &Api, id: &str) -> Value {
    api.get(&format!("/applications/{id}/sso")).await.expect(200)["acs_urls"][0]["url"]["template"].clone()
}

#[tokio::test]
async fn a_later_version_of_a_connector_is_shown_and_taken_over_on_demand() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let id = house.heap(&owner).await;
    let path = format!("/applications/{id}/connector");
    let fresh = owner.get(&path).await.expect(200);
    assert_eq!(
        (&fresh["connector"], &fresh["version"], &fresh["offer"]),
        (&json!("heap"), &json!(1), &Value::Null)
    );
    owner.post(&path, json!({ "revision": "x" })).await.refused(409, "connector_nothing_newer");

    house.was_made_from(&id, earlier).await;
    assert_eq!(acs(&owner, &id).await, json!(OLD_ACS), "nothing changes by itself");
    let shown = owner.get(&path).await;
    let tag = shown.header("etag").to_owned();
    let offer = shown.expect(200)["offer"].clone();
    let told: Vec<(&str, &str)> = offer["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["field"].as_str().unwrap(), d["standing"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("sso.acs_urls", "untouched"), ("setup.sso", "fixed")]);
    assert_eq!(offer["differences"][0]["own"][0]["url"], json!(OLD_ACS));
    let findings = owner.get(&format!("/applications/{id}/findings")).await.expect(200);
    assert!(findings["items"].to_string().contains("connector_newer"), "{findings}");

    let revision = &offer["revision"];
    owner.post(&path, json!({ "revision": "another" })).await.refused(409, "connector_changed_meanwhile");
    let unknown = owner.post(&path, json!({ "revision": revision, "take": ["setup.sso"] })).await;
    assert_eq!(unknown.refused(422, "invalid_input")["errors"][0]["code"], "unknown_difference");
    owner.post(&path, json!({ "revision": revision, "all": true })).await.refused(422, "unknown_field");
    owner.post(&path, json!({})).await.refused(422, "invalid_input");
    let other = ("if-match", "\"99\"");
    let stale = owner.json("POST", &path, &[other], &json!({ "revision": revision })).await;
    stale.refused(412, "changed_meanwhile");
    house
        .api(Role::Auditor)
        .await
        .post(&path, json!({ "revision": revision }))
        .await
        .refused(403, "not_allowed");
    assert_eq!(acs(&owner, &id).await, json!(OLD_ACS));

    let now =
        owner.json("POST", &path, &[("if-match", &tag)], &json!({ "revision": revision })).await.expect(200);
    assert_eq!((&now["version"], &now["offer"]), (&json!(1), &Value::Null));
    assert_eq!(acs(&owner, &id).await, json!("https://heapanalytics.com/saml/finalize/YOUR_ID/"));
}
