//! Identity management over REST: what an account would hold, and the events that tell of it.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::imports::connected;
use crate::support::House;

#[tokio::test]
async fn what_an_account_would_hold_is_seen_before_anything_is_sent() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (app, lab) = connected(&house, &owner).await;
    let preview = format!("{app}/provisioning/preview");
    let ada = json!({ "username": "ada", "email": "ada@example.com", "last_name": "Lovelace" });
    let ada = owner.post("/users", ada).await.expect(201)["id"].clone();
    let shown = owner.post(&preview, json!({ "user_id": ada })).await.expect(200);
    let resource = &shown["resource"];
    assert_eq!(
        (&resource["userName"], &resource["name"]["familyName"], &resource["active"], &shown["code"]),
        (&json!("ada"), &json!("Lovelace"), &json!(true), &Value::Null)
    );
    assert!(resource["externalId"].as_str().unwrap().starts_with("tsr_"));
    for unknown in [json!("nobody"), json!("01900000-0000-7000-8000-000000000000")] {
        let refused = owner.post(&preview, json!({ "user_id": unknown })).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["code"], json!("unknown_person"));
    }
    owner.post(&preview, json!({})).await.expect(422);
    assert!(lab.users().is_empty());
}

#[tokio::test]
async fn what_an_account_lacks_is_said_in_a_preview() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app =
        owner.post("/applications", json!({ "connector": "aws-iam-identity-center", "label": "AWS" })).await;
    let app = format!("/applications/{}", app.expect(201)["id"].as_str().unwrap());
    let ada =
        owner.post("/users", json!({ "username": "ada", "email": "ada@example.com" })).await.expect(201);
    let shown =
        owner.post(&format!("{app}/provisioning/preview"), json!({ "user_id": ada["id"] })).await.expect(200);
    assert_eq!((&shown["resource"], &shown["code"]), (&Value::Null, &json!("attribute_missing")));
    assert!(shown["message"].as_str().unwrap().contains("ada"), "{shown}");
}

#[tokio::test]
async fn events_of_identity_management_are_told_apart_from_the_others() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (app, _lab) = connected(&house, &owner).await;
    let id = app.rsplit('/').next().unwrap();
    let names = async |query: &str| {
        let page = owner.get(&format!("/events?application={id}{query}")).await.expect(200);
        let names =
            page["items"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert!(names("").await.contains(&"application_create".to_owned()));
    let told = names("&provisioning=true").await;
    assert!(told.contains(&"idm_integration_activate".to_owned()), "{told:?}");
    assert!(told.iter().all(|name| name.starts_with("idm_")), "{told:?}");
    assert_eq!(names("&provisioning=false").await, names("").await);
    owner.get("/events?provisioning=perhaps").await.refused(422, "invalid_input");
    house.clock.advance(1_000);
    let exported = owner.get("/events/export?format=csv&provisioning=true").await;
    let text = String::from_utf8(exported.bytes).unwrap();
    assert!(text.contains("idm_integration_activate") && !text.contains("application_create"), "{text}");
}
