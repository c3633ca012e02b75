//! The OpenAPI document: whole, well-formed, and for those who may see it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tessera::auth::Role;
use tessera::web::route_table;

use crate::support::{House, PASSWORD};

async fn document(house: &House) -> Value {
    house.api(Role::Auditor).await.get("/api/openapi.json").await.expect(200)
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods
            .iter()
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    all.collect()
}

#[tokio::test]
async fn the_document_lists_every_route_and_no_other() {
    let house = House::open().await;
    let document = document(&house).await;
    let described: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let routed: BTreeSet<String> = route_table()
        .iter()
        .filter_map(|route| Some(format!("{} {}", route.method, route.path.strip_prefix("/api/v1")?)))
        .collect();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn the_document_is_well_formed() {
    let house = House::open().await;
    let document = document(&house).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}: its id is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        assert!(operation["tags"][0].is_string(), "{name} has no tag");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} has no success");
        assert!(responses["default"]["content"].get("application/problem+json").is_some(), "{name}");
        let declared: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let used: BTreeSet<&str> =
            name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, used, "{name}");
    }
    let logo =
        &document["paths"]["/applications/{id}/logo"]["get"]["responses"]["200"]["content"]["image/png"];
    assert_eq!(logo["schema"]["contentMediaType"], "image/png", "a picture is no list of numbers");
    let mut missing = BTreeSet::new();
    references(&document, &document, &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every `$ref` must lead somewhere.
fn references(value: &Value, document: &Value, missing: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let ("$ref", Some(target)) = (name.as_str(), value.as_str()) {
                    let found = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                    if found.is_none() {
                        missing.insert(target.to_owned());
                    }
                }
                references(value, document, missing);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, document, missing)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_not_built_is_not_described() {
    let house = House::open().await;
    let text = document(&house).await["paths"].to_string();
    for absent in ["/users/import", "/invite"] {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[tokio::test]
async fn people_read_the_reference_on_a_page() {
    let house = House::open().await;
    let person = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    house.api(Role::Owner).await.post("/users", person).await.expect(201);
    let cookie = house.cookie("livia").await;
    let get = |path: &'static str| {
        let (nobody, cookie) = (house.with(""), cookie.clone());
        async move { nobody.send("GET", path, &[("cookie", &cookie)], Vec::new()).await }
    };
    let page = get("/api/docs").await;
    assert_eq!(page.status, 200);
    for text in
        ["/applications/{id}/sso/activate", "Activate an application", "https://id.example.com/api/v1"]
    {
        assert!(page.text().contains(text), "{text}");
    }
    assert!(get("/api/openapi.json").await.expect(200)["paths"].is_object());
    get("/api/v1/me").await.refused(401, "token_missing");
}

#[tokio::test]
async fn the_reference_needs_somebody() {
    let house = House::open().await;
    let nobody = house.with("");
    nobody.get("/api/openapi.json").await.refused(401, "token_missing");
    let page = nobody.get("/api/docs").await;
    assert_eq!((page.status, page.header("location")), (303, "/login?next=%2Fapi%2Fdocs"));
}
