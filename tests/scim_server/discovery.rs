//! What the server says of itself is true, and can't be changed.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::house::{ENTERPRISE, GROUP, House, USER, patch};

#[tokio::test]
async fn the_server_says_what_it_does() {
    let house = House::open().await;
    let hr = house.scim().await;
    let told = hr.get("/ServiceProviderConfig").await;
    assert_eq!(told.header("content-type"), "application/scim+json");
    let config = told.expect(200);
    for (name, supported) in [
        ("patch", true),
        ("filter", true),
        ("etag", true),
        ("bulk", false),
        ("sort", false),
        ("changePassword", false),
    ] {
        assert_eq!(config[name]["supported"], supported, "{name}");
    }
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    let types = hr.get("/ResourceTypes").await.expect(200);
    assert_eq!(types["totalResults"], 2);
    for (kind, endpoint, schema) in [("User", "/Users", USER), ("Group", "/Groups", GROUP)] {
        let one = hr.get(&format!("/ResourceTypes/{kind}")).await.expect(200);
        assert_eq!((&one["endpoint"], &one["schema"]), (&json!(endpoint), &json!(schema)));
        assert_eq!(one["meta"]["location"], format!("https://id.example.com/scim/v2/ResourceTypes/{kind}"));
    }
    assert_eq!(hr.get("/Schemas").await.expect(200)["totalResults"], 3);
    for urn in [USER, GROUP, ENTERPRISE] {
        let schema = hr.get(&format!("/Schemas/{urn}")).await.expect(200);
        assert_eq!(schema["id"], urn);
        let encoded = urn.replace(':', "%3A");
        assert_eq!(hr.get(&format!("/Schemas/{encoded}")).await.expect(200), schema);
    }
    for nothing in ["/ResourceTypes/Role", "/Schemas/urn:x", "/Roles", "/Users/a/b", "/", "/Users/"] {
        hr.get(nothing).await.refused(404, "", "not_found");
    }
    hr.get("").await.refused(404, "", "not_found");
    hr.get("/Schemas?filter=id%20pr").await.refused(403, "", "not_filterable");
}

#[tokio::test]
async fn everything_that_a_schema_offers_is_kept() {
    let house = House::open().await;
    let hr = house.scim().await;
    let made = hr.person("ada").await;
    let schema = hr.get(&format!("/Schemas/{USER}")).await.expect(200);
    let mut names = Vec::new();
    for attribute in schema["attributes"].as_array().unwrap() {
        if attribute["mutability"] == "readWrite" && attribute["type"] == "string" {
            names.push(attribute["name"].as_str().unwrap().to_owned());
        }
    }
    assert!(names.len() >= 7, "{names:?}");
    for name in names.iter().filter(|name| *name != "userName") {
        let value = match name.as_str() {
            "locale" => "de-CH",
            "preferredLanguage" => "rm",
            "timezone" => "Europe/Zurich",
            _ => "Something",
        };
        let change = json!([{ "op": "add", "path": name, "value": value }]);
        assert_eq!(hr.patch(&format!("/Users/{made}"), change).await.expect(200)[name], value);
    }
}

#[tokio::test]
async fn what_the_server_is_can_only_be_read() {
    let house = House::open().await;
    let hr = house.scim().await;
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let told = hr.ask_with(method, path, &[], &json!({})).await;
            assert!(told.header("allow").contains("GET"), "{method} {path}");
            told.refused(405, "", "method_not_allowed");
        }
    }
    hr.ask_with("PUT", "/Users", &[], &json!({})).await.refused(405, "", "method_not_allowed");
    hr.post("/Bulk", json!({})).await.refused(501, "", "not_implemented");
    hr.post("/.search", json!({})).await.refused(501, "", "not_implemented");
    hr.get("/Me").await.refused(501, "", "not_implemented");
}

#[tokio::test]
async fn nobody_without_a_right_token_learns_or_does_anything() {
    let house = House::open().await;
    let hr = house.scim().await;
    let ada = hr.person("ada").await;
    let (nobody, wrong) = (house.with(""), house.with("tsr_wrong"));
    let auditor = house.client(Role::Auditor).await;
    let admin = house.client(Role::ApplicationAdmin).await;
    let user = format!("/Users/{ada}");
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    for (method, path, body) in [
        ("GET", "/Users", Value::Null),
        ("GET", user.as_str(), Value::Null),
        ("PATCH", user.as_str(), patch(off)),
        ("DELETE", user.as_str(), Value::Null),
        ("POST", "/Groups", json!({ "displayName": "x" })),
        ("GET", "/Schemas", Value::Null),
        ("GET", "/ServiceProviderConfig", Value::Null),
    ] {
        for (client, status, code) in [
            (&nobody, 401, "token_missing"),
            (&wrong, 401, "token_unknown"),
            (&auditor, 403, "not_allowed"),
            (&admin, 403, "not_allowed"),
        ] {
            let told = client.ask_with(method, path, &[], &body).await;
            let challenge = if status == 401 { "Bearer realm=\"tessera\"" } else { "" };
            assert_eq!(told.header("www-authenticate"), challenge);
            told.refused(status, "", code);
        }
    }
    assert_eq!(hr.get(&user).await.expect(200)["active"], true);
}
