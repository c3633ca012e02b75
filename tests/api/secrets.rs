//! Secrets go in, and never come out again (A-39, W-11).

use serde_json::{Value, json};
use tessera::auth::Role;
use tessera::web::route_table;

use crate::support::{House, PASSWORD, id};

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[tokio::test]
async fn a_39_no_get_gives_a_secret_away() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = house.heap(&owner).await;
    let person = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    let user = id(&owner.post("/users", person).await.expect(201));
    let group = id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201));
    let link = owner.post(&format!("/users/{user}/reset-link"), Value::Null).await.expect(200);
    let link = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let headers = [("idempotency-key", "once")];
    let made =
        owner.json("POST", "/tokens", &headers, &json!({ "name": "t", "role": "owner" })).await.expect(201);
    let token = made["token"].as_str().unwrap().to_owned();
    house.with(&token).get("/me").await.expect(200);
    let secrets = [PASSWORD, &link, &token, &owner.token, "PRIVATE KEY"];
    for route in route_table().iter().filter(|route| route.method == "GET" && route.path.starts_with("/api/"))
    {
        let (thing, connector) = match &*route.path {
            path if path.contains("/users/") => (&user, ""),
            path if path.contains("/groups/{id}") => (&group, ""),
            _ => (&app, "heap"),
        };
        let path = route.path.replace("{id}", thing).replace("{connector}", connector);
        let told = owner.get(&path).await;
        for secret in secrets {
            assert!(!holds(&told.bytes, secret), "{path} gives a secret away");
        }
    }
    let disk = house.disk();
    for secret in secrets {
        assert!(!holds(&disk, secret), "a secret is on disk in clear");
    }
    assert!(holds(&disk, "livia@example.com"), "what was looked at is the database");
}

#[tokio::test]
async fn w_11_a_token_is_good_until_it_is_revoked_or_ends() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made = owner.post("/tokens", json!({ "name": "t", "expires_in_days": 1 })).await.expect(201);
    let token = house.with(made["token"].as_str().unwrap());
    let me = token.get("/me").await.expect(200);
    assert_eq!((&me["name"], &me["role"], &me["id"]), (&json!("t"), &json!("auditor"), &made["id"]));
    let other = owner.post("/tokens", json!({ "name": "u", "expires_in_days": 1 })).await.expect(201);
    let other = house.with(other["token"].as_str().unwrap());
    owner.delete(&format!("/tokens/{}", id(&made))).await.expect(204);
    token.get("/me").await.refused(401, "token_unknown");
    other.get("/me").await.expect(200);
    house.clock.advance(24 * 3_600_000);
    other.get("/me").await.refused(401, "token_unknown");
    house.with("tsr_nonsense").get("/me").await.refused(401, "token_unknown");
    let in_query = house.with("").get(&format!("/me?access_token={}", owner.token)).await;
    in_query.refused(401, "token_missing");
}

#[tokio::test]
async fn w_11_a_token_made_with_a_token_goes_with_it() {
    let house = House::open().await;
    let (owner, other) = (house.api(Role::Owner).await, house.api(Role::Owner).await);
    let me = owner.get("/me").await.expect(200);
    let new = json!({ "name": "child", "role": "owner", "expires_in_days": 365 });
    let child = owner.post("/tokens", new).await.expect(201);
    assert_eq!(child["expires_at"], me["expires_at"], "it lives no longer than its maker");
    let program = house.with(child["token"].as_str().unwrap());
    let grandchild = program.post("/tokens", json!({ "name": "grandchild" })).await.expect(201);
    let last = house.with(grandchild["token"].as_str().unwrap());
    let listed = other.get("/tokens").await.expect(200);
    for (token, maker) in [(&me, &Value::Null), (&child, &me["id"]), (&grandchild, &child["id"])] {
        let mut rows = listed["items"].as_array().unwrap().iter();
        let row = rows.find(|row| row["id"] == token["id"]).unwrap();
        assert_eq!(&row["created_by_token"], maker, "{}", row["name"]);
    }
    last.get("/me").await.expect(200);
    other.delete(&format!("/tokens/{}", id(&me))).await.expect(204);
    for refused in [&owner, &program, &last] {
        refused.get("/me").await.refused(401, "token_unknown");
    }
    let events = other.get("/events?name=token_revoke").await.expect(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 3);
    other.get("/me").await.expect(200);
}

#[tokio::test]
async fn a_29_links_lead_to_the_base_url_whatever_host_is_claimed() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let person = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    let user = id(&owner.post("/users", person).await.expect(201));
    let app = house.heap(&owner).await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-forwarded-proto", "http"),
        ("x-original-url", "https://evil.example/"),
    ] {
        let path = format!("/users/{user}/reset-link");
        let link = owner.send("POST", &path, &[(name, value)], Vec::new()).await.expect(200);
        let url = link["url"].as_str().unwrap();
        assert!(url.starts_with("https://id.example.com/reset/"), "{name}: {url}");
        let told = owner.send("GET", &format!("/applications/{app}"), &[(name, value)], Vec::new()).await;
        let text = told.text();
        assert!(
            text.contains("https://id.example.com/saml2/") && !text.contains("evil.example"),
            "{name}: {text}"
        );
    }
}
