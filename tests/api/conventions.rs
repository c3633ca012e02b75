//! What holds for every call: problems, versions, repeats, pages, limits.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::support::{House, NOTHING, id};

#[tokio::test]
async fn problems_have_their_shape() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let missing = owner.get(&format!("/applications/{NOTHING}")).await;
    assert_eq!(missing.header("cache-control"), "no-store");
    let reference = missing.header("x-request-id").to_owned();
    let body = missing.refused(404, "not_found");
    assert_eq!(
        (&body["type"], &body["title"], &body["status"]),
        (&json!("about:blank"), &json!("Not Found"), &json!(404))
    );
    assert_eq!(body["request_id"], json!(reference));
    assert!(body["detail"].as_str().unwrap().ends_with('.'));

    let send = |kind: &'static str, text: &'static str| {
        let owner = owner.clone();
        async move { owner.send("POST", "/groups", &[("content-type", kind)], text.into()).await }
    };
    send("application/json", "{\"name\":").await.refused(400, "malformed_json");
    send("application/json", "").await.refused(400, "malformed_json");
    send("text/plain", "{}").await.refused(415, "unsupported_media_type");
    send("application/json; charset=utf-8", "{\"name\":\"A\"}").await.expect(201);
    for (text, code, field, of_field) in [
        (r#"{"name":"B","nam":"x"}"#, "unknown_field", "nam", "unknown_field"),
        (r#"{"description":"x"}"#, "invalid_input", "name", "required"),
        (r#"{"name":1}"#, "invalid_input", "name", "wrong_type"),
        (r#"{"name":"B","name":"C"}"#, "invalid_input", "name", "duplicate_field"),
        (r#"{"name":""}"#, "invalid_input", "name", "required"),
    ] {
        let refused = send("application/json", text).await.refused(422, code);
        assert_eq!(
            (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
            (&json!(field), &json!(of_field)),
            "{text}"
        );
    }
    let app = house.heap(&owner).await;
    let null = owner.patch(&format!("/applications/{app}"), json!({ "label": null })).await;
    assert_eq!(null.refused(422, "invalid_input")["errors"][0]["code"], "wrong_type", "null is not ignored");
    let sso = format!("/applications/{app}/sso");
    let refused = owner.patch(&sso, json!({ "sign": "everything" })).await.refused(422, "invalid_input");
    assert_eq!(
        (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
        (&json!("sign"), &json!("unknown_value"))
    );
    let refused = owner.patch(&sso, json!({ "encrypt_assertion": true })).await.refused(422, "invalid_input");
    assert_eq!(refused["errors"][0]["code"], "encryption_certificate_missing");
    owner
        .patch(&sso, json!({ "slo": { "artifact_url": "https://sp.example" } }))
        .await
        .refused(422, "unknown_field");
    owner.patch(&sso, json!({ "name_id": { "formt": "x" } })).await.refused(422, "unknown_field");
    owner.get("/users?stat=active").await.refused(422, "unknown_field");
    owner.get("/users?q=a&q=b").await.refused(422, "invalid_input");
    owner.get("/nothing").await.refused(404, "not_found");
    let wrong = owner.delete("/groups").await;
    assert!(wrong.header("allow").contains("GET"));
    wrong.refused(405, "method_not_allowed");
    let long = json!({ "name": "x".repeat(1 << 20) });
    owner.post("/groups", long).await.refused(413, "body_too_large");
}

#[tokio::test]
async fn a_23_cookies_open_nothing() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let cookie = format!("__Host-tessera={}", owner.token);
    house.with("").send("GET", "/me", &[("cookie", &cookie)], Vec::new()).await.refused(401, "token_missing");
}

#[tokio::test]
async fn a_change_over_another_is_refused() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = format!("/applications/{}", house.heap(&owner).await);
    let person = json!({ "username": "ada", "email": "ada@example.com" });
    let user = format!("/users/{}", id(&owner.post("/users", person).await.expect(201)));
    let group =
        format!("/groups/{}", id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201)));
    for (path, change) in [
        (&app, json!({ "label": "New" })),
        (&user, json!({ "department": "Sales" })),
        (&group, json!({ "name": "Crew" })),
    ] {
        let seen = owner.get(path).await.header("etag").to_owned();
        assert_eq!(seen, "\"1\"");
        let changed = owner.json("PATCH", path, &[("if-match", &seen)], &change).await;
        assert_eq!(changed.header("etag"), "\"2\"");
        for stale in [seen.as_str(), "\"x\"", "W/\"2\""] {
            let headers = [("if-match", stale)];
            assert_eq!(owner.json("PATCH", path, &headers, &change).await.status, 412, "{path} {stale}");
            assert_eq!(owner.send("DELETE", path, &headers, Vec::new()).await.status, 412, "{path} {stale}");
        }
        owner.json("PATCH", path, &[("if-match", "2")], &change).await.refused(400, "if_match_unreadable");
        owner.json("PATCH", path, &[("if-match", "*")], &change).await.expect(200);
        owner.send("DELETE", path, &[("if-match", "\"2\"")], Vec::new()).await.expect(204);
    }
}

#[tokio::test]
async fn a_creation_sent_again_gives_the_first_answer() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let send = |key: &'static str, body: Value| {
        let owner = owner.clone();
        async move { owner.json("POST", "/groups", &[("idempotency-key", key)], &body).await }
    };
    let first = send("one", json!({ "name": "Staff" })).await;
    let second = send("one", json!({ "name": "Staff" })).await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (201, "true"));
    for name in ["location", "etag", "content-type"] {
        assert_eq!(second.header(name), first.header(name), "{name}");
    }
    assert_eq!(second.body, first.body);
    send("one", json!({ "name": "Other" })).await.refused(422, "idempotency_key_reused");
    send("two", json!({ "name": "Staff" })).await.refused(409, "name_taken");
    send("two", json!({ "name": "Crew" })).await.expect(201);
    send("a b", json!({ "name": "X" })).await.refused(400, "idempotency_key_unusable");
    let other = house.api(Role::Owner).await;
    let mine = other.json("POST", "/groups", &[("idempotency-key", "one")], &json!({ "name": "Mine" })).await;
    mine.expect(201);
    let app = json!({ "connector": "heap" });
    let key = [("idempotency-key", "app")];
    let made = owner.json("POST", "/applications", &key, &app).await.expect(201);
    assert_eq!(owner.json("POST", "/applications", &key, &app).await.expect(201), made);
    let tokens = [("idempotency-key", "token")];
    let token = owner.json("POST", "/tokens", &tokens, &json!({ "name": "t" })).await.expect(201);
    assert_eq!(owner.json("POST", "/tokens", &tokens, &json!({ "name": "t" })).await.expect(201), token);
    assert_eq!(owner.get("/applications").await.expect(200)["items"].as_array().unwrap().len(), 1);
    house.clock.advance(25 * 3_600_000);
    send("one", json!({ "name": "Later" })).await.expect(201);
}

#[tokio::test]
async fn w_15_of_two_at_once_with_one_key_one_is_done() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (key, body) = ([("idempotency-key", "race")], json!({ "name": "Staff" }));
    let send = || owner.json("POST", "/groups", &key, &body);
    let answers = tokio::join!(send(), send(), send(), send());
    let statuses = [answers.0.status, answers.1.status, answers.2.status, answers.3.status];
    assert!(
        statuses.contains(&201) && statuses.iter().all(|status| matches!(status, 201 | 409)),
        "{statuses:?}"
    );
    let made = owner.get("/events?name=group_create").await.expect(200);
    assert_eq!(made["items"].as_array().unwrap().len(), 2, "Everyone and one more");
    send().await.expect(201);
}

#[tokio::test]
async fn lists_come_in_pages_without_gaps() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    for n in 0..7 {
        owner.post("/groups", json!({ "name": format!("Group {n}") })).await.expect(201);
        let bookmark = json!({ "connector": "bookmark", "label": format!("App {n}"), "bookmark_url": "https://a.example" });
        owner.post("/applications", bookmark).await.expect(201);
        let person = json!({ "username": format!("user{n}"), "email": format!("u{n}@example.com") });
        owner.post("/users", person).await.expect(201);
    }
    let apps = owner.get("/applications").await.expect(200);
    let group = owner.get("/groups?q=Group%200").await.expect(200);
    let group = id(&group["items"][0]);
    for app in apps["items"].as_array().unwrap() {
        owner.put(&format!("/applications/{}/groups/{group}", id(app)), "", "").await.expect(204);
    }
    let bound = format!("/groups/{group}/applications");
    for (path, total) in [
        ("/groups", 8),
        ("/applications", 7),
        ("/users", 7),
        ("/catalog", 26),
        (bound.as_str(), 7),
        ("/tokens", 1),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = owner.get(&format!("{path}?limit=3{cursor}")).await.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 3);
            seen.extend(items.iter().map(id));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "{path}");
        assert!(count == total || (path == "/catalog" && count >= 20), "{path}: {count}");
    }
    owner.get("/groups?limit=0").await.refused(422, "invalid_input");
    owner.get("/groups?limit=x").await.refused(422, "invalid_input");
    owner.get("/groups?cursor=%21").await.refused(422, "invalid_input");
}

#[tokio::test]
async fn w_12_a_token_is_held_to_its_calls_a_minute() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    owner.patch("/settings", json!({ "api_calls_per_token_minute": 10 })).await.expect(200);
    let auditor = house.api(Role::Auditor).await;
    for _ in 0..10 {
        auditor.get("/me").await.expect(200);
    }
    let refused = auditor.get("/me").await;
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    refused.refused(429, "too_many_calls");
    owner.get("/me").await.expect(200);
    house.clock.advance(60_000);
    auditor.get("/me").await.expect(200);
}
