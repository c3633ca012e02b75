//! People, groups, roles, settings and events.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::support::{House, NOTHING, PASSWORD, id};

#[tokio::test]
async fn people_are_created_changed_suspended_and_deleted() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let staged =
        owner.post("/users", json!({ "username": "ada", "email": "ada@example.com" })).await.expect(201);
    assert_eq!(staged["state"], "staged", "without a password");
    assert!(staged.get("password").is_none());
    let user = format!("/users/{}", id(&staged));
    owner.patch(&user, json!({ "department": "Sales", "custom": { "badge": "7" } })).await.expect(200);
    let cleared = owner.patch(&user, json!({ "department": null })).await.expect(200);
    assert_eq!((&cleared["department"], &cleared["custom"]["badge"]), (&Value::Null, &json!("7")));
    let short = owner.post(&format!("{user}/password"), json!({ "password": "short" })).await;
    assert_eq!(short.refused(422, "invalid_input")["errors"][0]["field"], "password");
    owner.post(&format!("{user}/password"), json!({ "password": PASSWORD })).await.expect(204);
    assert_eq!(owner.post(&format!("{user}/activate"), Value::Null).await.expect(200)["state"], "active");
    let link = owner.post(&format!("{user}/reset-link"), Value::Null).await.expect(200);
    assert!(link["url"].as_str().unwrap().starts_with("https://id.example.com/reset/"));
    let groups = owner.get(&format!("{user}/groups")).await.expect(200);
    assert_eq!(groups["items"][0]["name"], "Everyone");
    assert_eq!(owner.post(&format!("{user}/suspend"), Value::Null).await.expect(200)["state"], "suspended");
    owner.delete(&format!("{user}/sessions")).await.expect(204);
    let taken = json!({ "username": "ADA", "email": "other@example.com" });
    owner.post("/users", taken).await.refused(409, "username_taken");
    owner.delete(&user).await.expect(204);
    owner.get(&user).await.refused(404, "not_found");
    owner.get("/users/not-an-id").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_38_a_person_s_fields_come_once_each_and_are_named_when_they_are_wrong() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    for (text, code, field, of_field) in [
        (
            r#"{"username":"ada","username":"bob","email":"a@example.com"}"#,
            "invalid_input",
            "username",
            "duplicate_field",
        ),
        (
            r#"{"username":"ada","email":"a@example.com","password":null,"password":"x"}"#,
            "invalid_input",
            "password",
            "duplicate_field",
        ),
        (
            r#"{"username":"ada","email":"a@example.com","password":1}"#,
            "invalid_input",
            "password",
            "wrong_type",
        ),
        (r#"{"username":1,"email":"a@example.com"}"#, "invalid_input", "username", "wrong_type"),
        (r#"{"username":"ada"}"#, "invalid_input", "email", "required"),
        (
            r#"{"username":"ada","email":"a@example.com","role":"owner"}"#,
            "unknown_field",
            "role",
            "unknown_field",
        ),
    ] {
        let headers = [("content-type", "application/json")];
        let refused = owner.send("POST", "/users", &headers, text.into()).await.refused(422, code);
        assert_eq!(
            (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
            (&json!(field), &json!(of_field)),
            "{text}"
        );
    }
    assert_eq!(owner.get("/users").await.expect(200)["items"], json!([]), "nobody was made");
}

#[tokio::test]
async fn a_40_what_is_made_again_inherits_nothing() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let body = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    let ada = id(&owner.post("/users", body.clone()).await.expect(201));
    let group = id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201));
    let app = id(&owner.post("/applications", json!({ "connector": "heap" })).await.expect(201));
    let put =
        async |path: String| assert!(owner.put(&path, "application/json", "").await.status < 300, "{path}");
    put(format!("/groups/{group}/members/{ada}")).await;
    put(format!("/applications/{app}/groups/{group}")).await;
    let keys = owner.get(&format!("/applications/{app}/keys")).await.expect(200);

    // A group: its name is free at once, and the new one is another.
    owner.delete(&format!("/groups/{group}")).await.expect(204);
    let again = id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201));
    assert_ne!(again, group);
    for list in ["members", "applications"] {
        let items = owner.get(&format!("/groups/{again}/{list}")).await.expect(200);
        assert_eq!(items["items"], json!([]), "{list}");
    }
    // An application: only by saying so, with an id, a key and a certificate of its own.
    owner.delete(&format!("/applications/{app}")).await.expect(204);
    let heap = json!({ "connector": "heap", "slug": "heap" });
    owner.post("/applications", heap).await.refused(409, "recently_used");
    let heap = json!({ "connector": "heap", "slug": "heap", "reuse": true });
    let made = id(&owner.post("/applications", heap).await.expect(201));
    assert_ne!(made, app);
    let fresh = owner.get(&format!("/applications/{made}/keys")).await.expect(200);
    for member in ["id", "fingerprint"] {
        let of = |keys: &Value| keys["items"][0][member].as_str().expect(member).to_owned();
        assert_ne!(of(&keys), of(&fresh), "{member}");
    }
    assert_eq!(owner.get(&format!("/applications/{made}/groups")).await.expect(200)["items"], json!([]));
    // A person: likewise, without groups or password.
    owner.delete(&format!("/users/{ada}")).await.expect(204);
    owner.post("/users", body).await.refused(409, "recently_used");
    let body = json!({ "username": "ada", "email": "ada@example.com", "reuse": true });
    let person = owner.post("/users", body).await.expect(201);
    assert_ne!(id(&person), ada);
    assert_eq!(person["state"], "staged", "the old password is gone");
}

#[tokio::test]
async fn a_47_a_deleted_group_leaves_an_event_for_each_binding() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let group = id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201));
    let mut bound = Vec::new();
    for label in ["First", "Second"] {
        let new = json!({ "connector": "heap", "label": label });
        let app = id(&owner.post("/applications", new).await.expect(201));
        owner.put(&format!("/applications/{app}/groups/{group}"), "application/json", "").await;
        bound.push(app);
    }
    owner.delete(&format!("/groups/{group}")).await.expect(204);
    let events = owner.get("/events?name=application_unbind").await.expect(200);
    let mut told: Vec<&str> = Vec::new();
    for event in events["items"].as_array().unwrap() {
        assert_eq!(event["target_id"], group.as_str());
        told.push(event["application_id"].as_str().unwrap());
    }
    told.sort_unstable();
    bound.sort_unstable();
    assert_eq!(told, bound);
}

#[tokio::test]
async fn w_15_the_last_owner_stays() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let body = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    let user = format!("/users/{}", id(&owner.post("/users", body).await.expect(201)));
    assert_eq!(owner.get(&format!("{user}/role")).await.expect(200)["role"], Value::Null);
    let path = format!("{user}/role");
    let put = |role: &str| owner.put(&path, "application/json", json!({ "role": role }).to_string());
    put("help-desk").await.refused(422, "not_available");
    assert_eq!(put("king").await.refused(422, "invalid_input")["errors"][0]["code"], "unknown_role");
    assert_eq!(put("owner").await.expect(200)["role"], "owner");
    owner.delete(&user).await.refused(409, "last_owner");
    owner.post(&format!("{user}/suspend"), Value::Null).await.refused(409, "last_owner");
    owner.delete(&format!("{user}/role")).await.refused(409, "last_owner");
}

#[tokio::test]
async fn groups_hold_members_and_everyone_stands_alone() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let person = json!({ "username": "livia", "email": "livia@example.com" });
    let user = id(&owner.post("/users", person).await.expect(201));
    let group =
        format!("/groups/{}", id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201)));
    owner.put(&format!("{group}/members/{user}"), "", "").await.expect(204);
    owner.put(&format!("{group}/members/{user}"), "", "").await.expect(204);
    let members = owner.get(&format!("{group}/members")).await.expect(200);
    assert_eq!(members["items"][0]["username"], "livia");
    owner.put(&format!("{group}/members/{NOTHING}"), "", "").await.refused(404, "not_found");
    owner.delete(&format!("{group}/members/{user}")).await.expect(204);
    assert_eq!(owner.get(&format!("{group}/members")).await.expect(200)["items"], json!([]));
    let renamed =
        owner.patch(&group, json!({ "name": "Crew", "description": "All hands" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Crew"), &json!(2)));
    let everyone = owner.get("/groups?q=everyone").await.expect(200);
    let everyone = format!("/groups/{}", id(&everyone["items"][0]));
    owner.patch(&everyone, json!({ "name": "All" })).await.refused(409, "built_in_group");
    owner.delete(&everyone).await.refused(409, "built_in_group");
    owner.delete(&group).await.expect(204);
}

#[tokio::test]
async fn settings_merge_and_name_their_faults() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let before = owner.get("/settings").await;
    let tag = before.header("etag").to_owned();
    assert_eq!(before.expect(200)["organisation_name"], "Tessera");
    let changed = json!({ "organisation_name": "Engines Ltd", "remember_days": 7 });
    let changed = owner.json("PATCH", "/settings", &[("if-match", &tag)], &changed).await.expect(200);
    assert_eq!((&changed["remember_days"], &changed["console_idle_minutes"]), (&json!(7), &json!(15)));
    let stale = owner.json("PATCH", "/settings", &[("if-match", &tag)], &json!({ "remember_days": 8 })).await;
    stale.refused(412, "changed_meanwhile");
    let reset = owner.patch("/settings", json!({ "remember_days": null })).await.expect(200);
    assert_eq!((&reset["remember_days"], &reset["organisation_name"]), (&json!(30), &json!("Engines Ltd")));
    let refused =
        owner.patch("/settings", json!({ "remember_days": 900 })).await.refused(422, "invalid_input");
    assert_eq!(refused["errors"][0]["field"], "remember_days");
    let refused = owner.patch("/settings", json!({ "master_key": "x" })).await.refused(422, "unknown_field");
    assert_eq!(refused["errors"][0]["field"], "master_key");
    let refused =
        owner.patch("/settings", json!({ "remember_days": "7" })).await.refused(422, "invalid_input");
    assert_eq!(refused["errors"][0]["code"], "wrong_type");
    let events = owner.get("/events?name=settings_update").await.expect(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn events_are_filtered_paged_and_exported_whole() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    for n in 0..450 {
        owner.post("/groups", json!({ "name": format!("=Group {n}") })).await.expect(201);
        house.clock.advance(200);
    }
    let me = id(&owner.get("/me").await.expect(200));
    let page = owner.get(&format!("/events?name=group_create&actor={me}&limit=10")).await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 10);
    assert_eq!(page["items"][0]["target_name"], "=Group 449", "newest first");
    let group = page["items"][0]["target_id"].as_str().unwrap();
    let one = owner.get(&format!("/events?target={group}")).await.expect(200);
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    assert_eq!(owner.get("/events?until=2020-01-01T00:00:00Z").await.expect(200)["items"], json!([]));
    for (query, field) in
        [("name=nothing", "name"), ("since=yesterday", "since"), ("outcome=maybe", "outcome")]
    {
        let refused = owner.get(&format!("/events?{query}")).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["field"], field);
    }
    let lines = owner.get("/events/export?name=group_create&format=jsonl").await;
    assert!(lines.header("content-disposition").contains("events.jsonl"));
    let names: std::collections::BTreeSet<String> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["target_name"].to_string())
        .collect();
    assert!(names.len() >= 450, "{} lines over several pages", names.len());
    let csv = owner.get("/events/export?name=group_create&format=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert!(csv.text().starts_with("at,name,outcome") && csv.text().contains(",'=Group 1,"), "A-45");
    assert_eq!(csv.text().lines().filter(|line| line.starts_with("at,name")).count(), 1);
    owner.get("/events/export?format=xml").await.refused(422, "invalid_input");
    let exported = owner.get("/events?name=event_export").await.expect(200);
    assert_eq!(exported["items"].as_array().unwrap().len(), 2, "each export is an event");
}
