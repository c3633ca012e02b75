//! Values by group hold on to the group, whatever it is called.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::support::{Api, House, id};

async fn role_of(owner: &Api, app: &str, person: &str) -> Value {
    let seen = owner.post(&format!("/applications/{app}/preview"), json!({ "user_id": person })).await;
    let attributes = seen.body["attributes"].as_array().cloned().unwrap_or_default();
    let role = attributes.iter().find(|attribute| attribute["name"] == "role").cloned();
    role.map_or(Value::Null, |role| role["values"][0].clone())
}

#[tokio::test]
async fn a_40_a_freed_group_name_hands_nothing_on() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let group = id(&owner.post("/groups", json!({ "name": "Sales" })).await.body);
    let person = json!({ "username": "ada", "email": "ada@example.com" });
    let ada = id(&owner.post("/users", person).await.body);
    owner.json("PUT", &format!("/groups/{group}/members/{ada}"), &[], &Value::Null).await;
    let app = id(&owner.post("/applications", json!({ "connector": "custom-saml" })).await.body);
    let sso = format!("/applications/{app}/sso");
    let with = |rules: Value| {
        json!({ "sp_entity_id": "https://sp.example", "acs_urls": ["https://sp.example/acs"],
            "attributes": [{ "name": "role", "by_group": rules, "default": "user" }] })
    };
    let unknown = with(json!([{ "group": "Nobody", "value": "admin" }]));
    let refused = owner.json("PATCH", &sso, &[], &unknown).await;
    assert_eq!(refused.status, 422);
    let fault = &refused.body["errors"][0];
    assert_eq!(
        (&fault["field"], &fault["code"]),
        (&json!("attributes.0.by_group.0.group"), &json!("unknown_group"))
    );
    // In any case, as everywhere.
    let rules = with(json!([{ "group": "SALES", "value": "admin" }]));
    assert_eq!(owner.json("PATCH", &sso, &[], &rules).await.status, 200);
    assert_eq!(role_of(&owner, &app, &ada).await, "admin");

    let renamed =
        owner.json("PATCH", &format!("/groups/{group}"), &[], &json!({ "name": "Sales EMEA" })).await;
    assert_eq!(renamed.status, 200);
    assert_eq!(role_of(&owner, &app, &ada).await, "admin", "the rule follows the group");
    let shown = owner.get(&sso).await.body;
    let rule = shown["attributes"][0]["by_group"][0].to_string();
    assert!(rule.contains("Sales EMEA"), "{shown}");

    owner.json("DELETE", &format!("/groups/{group}/members/{ada}"), &[], &Value::Null).await;
    let new = id(&owner.post("/groups", json!({ "name": "Sales" })).await.body);
    owner.json("PUT", &format!("/groups/{new}/members/{ada}"), &[], &Value::Null).await;
    assert_eq!(role_of(&owner, &app, &ada).await, "user", "the next group of that name has nothing");

    owner.json("DELETE", &format!("/groups/{group}"), &[], &Value::Null).await;
    let again = id(&owner.post("/groups", json!({ "name": "Sales EMEA" })).await.body);
    owner.json("PUT", &format!("/groups/{again}/members/{ada}"), &[], &Value::Null).await;
    assert_eq!(role_of(&owner, &app, &ada).await, "user", "neither has one that takes a deleted name");
    let kept = owner.json("PATCH", &sso, &[], &json!({ "default_relay_state": "x" })).await;
    assert_eq!(kept.status, 200, "a rule of a group that is gone stands in no one's way: {}", kept.text());
}

#[tokio::test]
async fn saml_127_what_is_sent_from_here_keeps_to_the_standard() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = id(&owner.post("/applications", json!({ "connector": "custom-saml" })).await.body);
    let sso = format!("/applications/{app}/sso");
    let set = async |patch: Value| owner.json("PATCH", &sso, &[], &patch).await;
    let long = set(json!({ "default_relay_state": "x".repeat(81) })).await;
    assert_eq!((long.status, &long.body["errors"][0]["code"]), (422, &json!("too_long")));
    assert_eq!(set(json!({ "default_relay_state": "x".repeat(80) })).await.status, 200);
    let trimmed = set(json!({ "sp_entity_id": " https://sp.example\n" })).await;
    assert_eq!(trimmed.body["sp_entity_id"]["value"], "https://sp.example", "{}", trimmed.text());
    for (bad, code) in [("https://sp.example/a b".to_owned(), "blank_inside"), ("x".repeat(1025), "too_long")]
    {
        let refused = set(json!({ "sp_entity_id": bad })).await;
        assert_eq!(refused.body["errors"][0]["code"], code, "{}", refused.text());
    }
}

#[tokio::test]
async fn md_309_an_entity_id_that_is_taken_is_named_and_gone_around() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let squat = owner.post("/applications", json!({ "connector": "custom-saml", "label": "Old one" })).await;
    let (app, metadata) = (id(&squat.body), squat.body["metadata_url"].as_str().unwrap().to_owned());
    let wanted = metadata.replace("old-one", "victim");
    let patch = json!({ "idp_entity_id": wanted });
    assert_eq!(owner.json("PATCH", &format!("/applications/{app}/sso"), &[], &patch).await.status, 200);
    let chosen = json!({ "connector": "custom-saml", "label": "Victim", "slug": "victim" });
    let refused = owner.post("/applications", chosen).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("entity_id_taken")));
    assert!(refused.text().contains("Old one"), "{}", refused.text());
    let derived = owner.post("/applications", json!({ "connector": "custom-saml", "label": "Victim" })).await;
    assert_eq!((derived.status, &derived.body["slug"]), (201, &json!("victim-2")));
}

#[tokio::test]
async fn saml_127_what_placeholders_make_too_long_is_found_before_it_goes_live() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = id(&owner.post("/applications", json!({ "connector": "grafana" })).await.body);
    let fill = async |domain: String| {
        let patch = json!({ "placeholders": { "YOUR_DOMAIN": domain } });
        assert_eq!(owner.json("PATCH", &format!("/applications/{app}/sso"), &[], &patch).await.status, 200);
        owner.post(&format!("/applications/{app}/sso/activate"), Value::Null).await
    };
    let refused = fill(format!("{}.{}.example", "a".repeat(60), "b".repeat(30))).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let fault = &refused.body["errors"][0];
    assert_eq!((&fault["field"], &fault["code"]), (&json!("default_relay_state"), &json!("too_long")));
    assert_eq!(fill("grafana.example".to_owned()).await.status, 200);
}
