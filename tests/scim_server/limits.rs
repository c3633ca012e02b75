//! What is too much, too deep or too large, and what is not JSON.

use serde_json::{Value, json};
use tessera::auth::Role;
use tessera::directory::{NewPerson, people};

use crate::house::{House, USER, values};

/// So many people, given to SCIM; their ids.
pub async fn crowd(house: &House, count: usize) -> Vec<String> {
    let owner = house.client(Role::Owner).await;
    owner.rest("PATCH", "/settings", json!({ "api_calls_per_token_minute": 100_000 })).await.expect(200);
    let mut ids = Vec::new();
    for number in 0..count {
        let new = NewPerson {
            username: format!("p{number}"),
            email: format!("p{number}@example.com"),
            ..NewPerson::default()
        };
        let person = people::create(house.db(), &house.ctx(), new).await.unwrap();
        let given = serde_json::from_value(json!({ "scim_managed": true })).unwrap();
        people::update(house.db(), &house.ctx(), person.id, None, given).await.unwrap();
        ids.push(person.id.to_string());
    }
    ids
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_in_its_place() {
    let house = House::open().await;
    let hr = house.scim().await;
    let ada = hr.person("ada").await;
    let path = format!("/Users/{ada}");
    let long = |text: String| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for filter in [
        format!("userName eq \"{}\"", "x".repeat(5000)),
        format!("{}userName pr{}", "(".repeat(900), ")".repeat(900)),
        format!("{}userName pr{}", "not (".repeat(400), ")".repeat(400)),
    ] {
        hr.get(&format!("/Users?filter={}", long(filter))).await.refused(
            400,
            "invalidFilter",
            "invalid_filter",
        );
    }
    let operations: Vec<Value> = (0..2001).map(|_| json!({ "op": "remove", "path": "title" })).collect();
    hr.patch(&path, Value::Array(operations)).await.refused(400, "tooMany", "too_many");
    let deep = json!([{ "op": "add", "path": "x".repeat(2000), "value": 1 }]);
    hr.patch(&path, deep).await.refused(400, "invalidPath", "invalid_path");
    let huge = json!({ "schemas": [USER], "userName": "eve", "displayName": "x".repeat(1_100_000) });
    hr.post("/Users", huge).await.refused(413, "", "body_too_large");
    let nested = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let scim = [("content-type", "application/scim+json")];
    hr.send("POST", "/scim/v2/Users", &scim, nested.into_bytes()).await.refused(
        400,
        "invalidSyntax",
        "malformed_json",
    );
    let group = format!("/Groups/{}", hr.group("Sales", &[&ada]).await);
    let looks: Vec<Value> =
        (0..11).map(|_| json!({ "op": "remove", "path": "members[type eq \"Group\"]" })).collect();
    hr.patch(&group, Value::Array(looks.clone())).await.refused(400, "tooMany", "too_many");
    hr.patch(&group, Value::Array(looks[1..].to_vec())).await.expect(200);
    let many: Vec<String> = (0..20_000).map(|number| format!("no-{number}")).collect();
    let ids: Vec<&str> = many.iter().map(String::as_str).collect();
    let group = json!({ "displayName": "g", "members": values(&ids) });
    hr.post("/Groups", group).await.refused(400, "invalidValue", "invalid_value");
    assert_eq!(hr.get(&path).await.expect(200)["userName"], "ada");
}

#[tokio::test]
async fn what_is_no_scim_is_refused() {
    let house = House::open().await;
    let hr = house.scim().await;
    let json_type = [("content-type", "application/json; charset=utf-8")];
    let body = json!({ "userName": "ada@example.com" }).to_string();
    hr.send("POST", "/scim/v2/Users", &json_type, body.clone().into_bytes()).await.expect(201);
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let told =
            hr.send("POST", "/scim/v2/Users", &[("content-type", media)], body.clone().into_bytes()).await;
        told.refused(415, "", "unsupported_media_type");
    }
    hr.send("POST", "/scim/v2/Users", &[], body.into_bytes()).await.refused(
        415,
        "",
        "unsupported_media_type",
    );
    let scim = [("content-type", "application/scim+json")];
    for text in ["", "{", "{} x", "\u{feff}{}", "{\"userName\": \"\\ud800\"}"] {
        let told = hr.send("POST", "/scim/v2/Users", &scim, text.as_bytes().to_vec()).await;
        told.refused(400, "invalidSyntax", "malformed_json");
    }
    for body in [json!([]), json!("x"), json!(7)] {
        hr.post("/Users", body).await.refused(400, "invalidSyntax", "invalid_syntax");
    }
    let other =
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "userName": "b@example.com" });
    hr.post("/Users", other).await.refused(400, "invalidSyntax", "invalid_syntax");
}

#[tokio::test]
async fn a_token_that_calls_too_often_waits() {
    let house = House::open().await;
    let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
    owner.rest("PATCH", "/settings", json!({ "api_calls_per_token_minute": 10 })).await.expect(200);
    for _ in 0..10 {
        hr.get("/Users").await.expect(200);
    }
    let told = hr.get("/Users").await;
    assert!(!told.header("retry-after").is_empty());
    told.refused(429, "", "too_many_calls");
    house.clock.advance(60_000);
    hr.get("/Users").await.expect(200);
}

#[tokio::test]
async fn hostile_words_are_data() {
    for house in House::both().await {
        let hr = house.scim().await;
        hr.person("ada").await;
        for word in ["' OR 1=1 --", "\\\"", "%", "_", "\u{0}", "x\" or userName pr", "{{7*7}}"] {
            let quoted = Value::String(word.to_owned()).to_string();
            for attribute in ["userName", "externalId", "id", "emails.value", "displayName"] {
                assert!(
                    hr.find(&format!("{attribute} eq {quoted}")).await.is_empty(),
                    "{attribute} {word:?}"
                );
            }
        }
        let told = hr.post("/Users", json!({ "userName": "<script>", "emails": ["x@example.com"] })).await;
        assert_eq!((told.status, told.header("x-content-type-options")), (400, "nosniff"));
        assert_eq!(told.header("content-type"), "application/scim+json");
    }
}
