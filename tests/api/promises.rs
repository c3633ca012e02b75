//! What the contract promises of writes and searches: strong versions, repeats on every POST, names in searches.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::support::{House, PASSWORD, id};

#[tokio::test]
async fn md_303_an_address_that_runs_a_script_is_refused_in_a_draft() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made = owner.post("/applications", json!({ "connector": "custom-saml", "label": "Ledger" })).await;
    let sso = format!("/applications/{}/sso", id(&made.expect(201)));
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://sp.example/acs",
        "https://u:p@sp.example/",
        "https:///acs",
        "https://YOUR_HOST/a b",
        "ftp://YOUR_HOST/acs",
        "javascript:YOUR_ID",
        "sp.example/acs",
    ] {
        let refused = owner.patch(&sso, json!({ "acs_urls": [bad] })).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["field"], "acs_urls.0.url", "{bad}");
        let refused = owner.patch(&sso, json!({ "login_url": bad })).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["field"], "login_url", "{bad}");
    }
    for good in ["https://sp.example/acs?x=1", "http://localhost:4000/acs", "https://YOUR_HOST/YOUR_ID/acs"] {
        owner.patch(&sso, json!({ "acs_urls": [good], "login_url": good })).await.expect(200);
    }
    owner.patch(&sso, json!({ "acs_urls": ["https://sp.example/#x"] })).await.refused(422, "invalid_input");
    owner.patch(&sso, json!({ "login_url": "https://sp.example/#x" })).await.expect(200);
}

#[tokio::test]
async fn w_15_every_state_change_honours_if_match() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = format!("/applications/{}", house.heap(&owner).await);
    owner.patch(&format!("{app}/sso"), json!({ "placeholders": { "YOUR_ID": "42" } })).await.expect(200);
    let person = json!({ "username": "ada", "email": "ada@example.com" });
    let user = format!("/users/{}", id(&owner.post("/users", person).await.expect(201)));
    owner.patch(&user, json!({ "department": "Sales" })).await.expect(200);
    let password = json!({ "password": PASSWORD });
    for (thing, action, body, expected) in [
        (&app, "sso/activate", Value::Null, 200),
        (&app, "sso/deactivate", Value::Null, 200),
        (&user, "activate", Value::Null, 200),
        (&user, "suspend", Value::Null, 200),
        (&user, "password", password, 204),
    ] {
        let path = format!("{thing}/{action}");
        let tag = owner.get(thing).await.header("etag").to_owned();
        assert!(tag.starts_with('"'), "a strong tag: {tag}");
        let send = async |tag: &str| {
            if body.is_null() {
                owner.send("POST", &path, &[("if-match", tag)], Vec::new()).await
            } else {
                owner.json("POST", &path, &[("if-match", tag)], &body).await
            }
        };
        for stale in ["\"1\"", "W/\"1\"", &format!("W/{tag}"), "\"x\""] {
            assert_eq!(send(stale).await.status, 412, "{path} {stale}");
        }
        send(&tag).await.expect(expected);
    }
}

#[tokio::test]
async fn every_post_gives_the_first_answer_again() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = format!("/applications/{}", house.heap(&owner).await);
    owner.patch(&format!("{app}/sso"), json!({ "placeholders": { "YOUR_ID": "42" } })).await.expect(200);
    let person = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    let ada = id(&owner.post("/users", person).await.expect(201));
    let user = format!("/users/{ada}");
    let password = json!({ "password": "amber ladle below the cliff" });
    for (at, (path, body)) in [
        (format!("{app}/sso/activate"), Value::Null),
        (format!("{app}/preview"), json!({ "user_id": ada })),
        (format!("{app}/sso/deactivate"), Value::Null),
        (format!("{user}/password"), password),
        (format!("{user}/reset-link"), Value::Null),
        (format!("{user}/suspend"), Value::Null),
        (format!("{user}/activate"), Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key-{at}");
        let send = async |key: &str| {
            if body.is_null() {
                owner.send("POST", &path, &[("idempotency-key", key)], Vec::new()).await
            } else {
                owner.json("POST", &path, &[("idempotency-key", key)], &body).await
            }
        };
        let first = send(&key).await;
        assert!(first.status < 300, "{path}: {}", first.text());
        let again = send(&key).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (first.status, "true"), "{path}");
        assert_eq!(again.bytes, first.bytes, "{path}");
        send("a b").await.refused(400, "idempotency_key_unusable");
    }
    let key = [("idempotency-key", "a b")];
    let patch = json!({ "description": "x" });
    owner.json("PATCH", &app, &key, &patch).await.refused(400, "idempotency_key_unusable");
    owner.send("DELETE", &app, &key, Vec::new()).await.refused(400, "idempotency_key_unusable");
    owner.get(&app).await.expect(200);
    // The digest of a request that holds a password is keyed.
    let bare = |body: &[u8]| {
        let digest = openssl::sha::sha256(body);
        digest.iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"))
    };
    let password = json!({ "password": "amber ladle below the cliff" }).to_string();
    let request = format!("POST /api/v1{user}/password\n{password}");
    let (disk, needle) = (house.disk(), bare(request.as_bytes()));
    assert!(!disk.windows(needle.len()).any(|window| window == needle.as_bytes()));
}

#[tokio::test]
async fn searches_take_empty_choices_and_names() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let all = owner.get("/catalog?q=heap").await.expect(200);
    assert_eq!(owner.get("/catalog?q=heap&category=").await.expect(200), all);
    owner.get("/catalog?category=nonsense").await.refused(422, "invalid_input");

    let app = house.heap(&owner).await;
    let missing = &owner.get(&format!("/applications/{app}/sso")).await.expect(200)["missing"][0];
    assert_eq!(
        (&missing["placeholder"], &missing["used_in"]),
        (&json!("YOUR_ID"), &json!(["acs_urls.0.url"]))
    );
    let person = json!({ "username": "ada", "email": "ada@example.com" });
    let ada = id(&owner.post("/users", person).await.expect(201));
    let group = id(&owner.post("/groups", json!({ "name": "Sta%f" })).await.expect(201));
    house.clock.advance(1000);
    owner.patch(&format!("/users/{ada}"), json!({ "username": "lovelace" })).await.expect(200);
    let names = async |query: &str| -> Vec<String> {
        let found = owner.get(&format!("/events?{query}")).await.expect(200);
        let items = found["items"].as_array().unwrap();
        items.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect()
    };
    let by_id = names(&format!("target={ada}")).await;
    assert_eq!(by_id, ["user_update", "user_create"]);
    assert_eq!(names("target=Lovelace").await, by_id, "the name of today, in any case, finds all");
    assert_eq!(names("target=ada@example.com").await, by_id);
    assert_eq!(names("target=ada").await, ["user_create"], "the name of then");
    assert_eq!(names("target=heap").await, names(&format!("target={app}")).await, "a slug");
    assert_eq!(names("target=Sta%25f").await, names(&format!("target={group}")).await);
    assert_eq!(names("target=Sta").await, Vec::<String>::new(), "whole names only");
    assert!(names("actor=owner").await.contains(&"user_create".to_owned()), "the name of a token");
    assert_eq!(names("actor=nobody").await, Vec::<String>::new());
    assert_eq!(names("actor=").await, names("target=").await);
}

#[tokio::test]
async fn an_address_in_the_place_of_a_value_is_taken_apart() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made = async |connector: &str| {
        id(&owner.post("/applications", json!({ "connector": connector })).await.expect(201))
    };
    let typed = async |id: &str, token: &str, text: &str| {
        owner.patch(&format!("/applications/{id}/sso"), json!({ "placeholders": { token: text } })).await
    };
    let slack = made("slack").await;
    for pasted in ["https://acme.slack.com/admin/settings", "acme.slack.com"] {
        let told = typed(&slack, "YOUR_SUBDOMAIN", pasted).await.expect(200);
        assert_eq!(told["placeholders"]["YOUR_SUBDOMAIN"], "acme", "{pasted}");
    }
    for pasted in ["https://acme.slack.com.evil.example/", "https://evil:x@globex.slack.com/", "globex/evil"]
    {
        typed(&slack, "YOUR_SUBDOMAIN", pasted).await.refused(422, "invalid_input");
    }

    let heap = made("heap").await;
    let told = typed(&heap, "YOUR_ID", "https://heapanalytics.com/saml/finalize/4711/?x=1").await.expect(200);
    assert_eq!(told["placeholders"]["YOUR_ID"], "4711");
    let wrong =
        typed(&heap, "YOUR_TENANT", "https://elsewhere.example/x").await.refused(422, "invalid_input");
    assert_eq!(wrong["errors"][0]["field"], "placeholders.YOUR_TENANT");
    assert!(wrong["errors"][0]["message"].as_str().unwrap().contains("Heap tenant"), "{wrong}");
    let told = typed(&heap, "YOUR_TENANT", "https://heapanalytics.com/scim/v2/acme").await.expect(200);
    assert_eq!(told["placeholders"], json!({ "YOUR_ID": "4711", "YOUR_TENANT": "acme" }));

    // So is what stands in a query, which could be an address and is none.
    let hubspot = made("hubspot").await;
    let address = "https://app.hubspot.com/settings/12345678/security";
    let told = typed(&hubspot, "YOUR_ID", address).await.expect(200);
    assert_eq!(told["placeholders"]["YOUR_ID"], "12345678");
    let snyk = made("snyk").await;
    let callback = "https://snyk.auth0.com/login/callback?connection=saml-acme";
    let told = typed(&snyk, "YOUR_ORGANIZATION", callback).await.expect(200);
    assert_eq!(told["placeholders"]["YOUR_ORGANIZATION"], "acme");
    typed(&snyk, "YOUR_ORGANIZATION", "https://elsewhere.example/x").await.refused(422, "invalid_input");

    // A whole host keeps its port, or is refused with it.
    let moodle = made("moodle-auth-saml2").await;
    for pasted in ["moodle.example.com:8443", "https://moodle.example.com:8443/", "example.com/moodle"] {
        typed(&moodle, "YOUR_DOMAIN", pasted).await.refused(422, "invalid_input");
    }
    let told = typed(&moodle, "YOUR_DOMAIN", "https://moodle.example.com/login").await.expect(200);
    assert_eq!(told["placeholders"]["YOUR_DOMAIN"], "moodle.example.com");
}
