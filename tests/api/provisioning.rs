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
    owner.post(&format!("{app}/provisioning/retry"), json!({})).await.expect(200);
    assert!(names("").await.contains(&"application_create".to_owned()));
    let told = names("&provisioning=true").await;
    for name in ["idm_integration_activate", "idm_retry"] {
        assert!(told.contains(&name.to_owned()), "{told:?}");
    }
    assert!(told.iter().all(|name| name.starts_with("idm_")), "{told:?}");
    assert_eq!(names("&provisioning=false").await, names("").await);
    owner.get("/events?provisioning=perhaps").await.refused(422, "invalid_input");
    house.clock.advance(1_000);
    let exported = owner.get("/events/export?format=csv&provisioning=true").await;
    let text = String::from_utf8(exported.bytes).unwrap();
    assert!(text.contains("idm_integration_activate") && !text.contains("application_create"), "{text}");
}

#[tokio::test]
async fn what_is_no_object_or_names_an_unknown_placeholder_is_refused_and_changes_nothing() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (app, _lab) = connected(&house, &owner).await;
    let path = format!("{app}/provisioning");
    let before = owner.get(&path).await.expect(200);
    owner.json("PUT", &path, &[], &json!(["http://127.0.0.1:9/x"])).await.refused(422, "invalid_input");
    owner.json("PUT", &format!("{path}/token"), &[], &json!(["abc"])).await.refused(422, "invalid_input");
    owner.post("/groups", json!(["name", "description"])).await.refused(422, "invalid_input");
    let unknown = json!({ "base_url": "http://127.0.0.1:1/YOUR_FOO" });
    let refused = owner.json("PUT", &path, &[], &unknown).await.refused(422, "invalid_input");
    assert_eq!(refused["errors"][0]["code"], json!("placeholder_undeclared"));
    let ended = json!({ "token": "other", "token_expires_at": "2001-01-01T00:00:00Z" });
    for (path, body) in [(&path, &ended), (&format!("{path}/token"), &ended)] {
        let refused = owner.json("PUT", path, &[], body).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["code"], json!("token_expired"));
    }
    assert_eq!(owner.get(&path).await.expect(200), before);
    owner.post(&format!("{path}/deactivate"), json!({})).await.expect(200);
    owner.post(&format!("{path}/retry"), json!({})).await.refused(409, "provisioning_inactive");
}

#[tokio::test]
async fn the_reference_spells_values_as_they_are_sent() {
    let house = House::open().await;
    let reference = house.api(Role::Owner).await.get("/api/openapi.json").await;
    let schemas = &reference.expect(200)["components"]["schemas"];
    assert_eq!(schemas["OnUserDelete"]["enum"], json!(["delete", "suspend", "nothing"]));
    assert_eq!(schemas["Change"]["enum"], json!(["create", "update", "deactivate", "delete"]));
}

#[tokio::test]
async fn groups_and_conflicts_that_can_be_approved_are_among_the_approvals() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (app, lab) = connected(&house, &owner).await;
    let group = owner.post("/groups", json!({ "name": "Sales" })).await.expect(201)["id"].clone();
    let group = group.as_str().unwrap();
    for name in ["ada", "bob"] {
        let person = json!({ "username": name, "email": format!("{name}@example.com"), "password": "violet tram on the ninth hill" });
        let id = owner.post("/users", person).await.expect(201)["id"].clone();
        owner.put(&format!("/groups/{group}/members/{}", id.as_str().unwrap()), "application/json", "").await;
    }
    owner.put(&format!("{app}/groups/{group}"), "application/json", "").await;
    lab.seed_user(json!({ "userName": "ada", "active": true, "roles": [{ "value": "owner" }] })).unwrap();
    let asks = json!({ "manage_groups": true, "require_approval": ["create"] });
    owner.json("PUT", &format!("{app}/provisioning"), &[], &asks).await.expect(200);
    house.turn().await;
    let approvals = format!("{app}/provisioning/approvals");
    let waiting = owner.get(&approvals).await.expect(200);
    let of = |page: &Value| -> Vec<(String, String)> {
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (text(item, "name"), text(item, "code")))
            .collect()
    };
    assert_eq!(of(&waiting).len(), 2, "{waiting}");
    let decisions: Vec<Value> = waiting["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!({ "kind": item["kind"], "id": item["id"], "approval": item["approval"], "approve": true }))
        .collect();
    owner.post(&approvals, json!({ "items": decisions })).await.expect(200);
    house.turn().await;
    let all = owner.get(&approvals).await.expect(200);
    let first = owner.get(&format!("{approvals}?limit=1")).await.expect(200);
    let next = first["next_cursor"].as_str().unwrap();
    let second = owner.get(&format!("{approvals}?limit=1&cursor={next}")).await.expect(200);
    let paged = [of(&first), of(&second)].concat();
    assert_eq!(paged, of(&all));
    assert_eq!(
        paged,
        [
            ("ada".to_owned(), "account_privileged".to_owned()),
            ("Sales".to_owned(), "approval_required".to_owned())
        ]
    );
    assert_eq!(of(&owner.get(&format!("{approvals}?kind=group")).await.expect(200)).len(), 1);
}
