//! Who may do what: every route of the register is held against this table. A route that is not in it fails.

use std::collections::BTreeMap;

use serde_json::json;
use tessera::auth::{Permission, Role};
use tessera::web::route_table;

use crate::support::{House, NOTHING, PASSWORD, id};

const ALL: &[Role] = &[Role::Owner, Role::ApplicationAdmin, Role::Auditor];
const ADMINS: &[Role] = &[Role::Owner, Role::ApplicationAdmin];
const READERS: &[Role] = &[Role::Owner, Role::Auditor];
const OWNER: &[Role] = &[Role::Owner];

fn table() -> BTreeMap<&'static str, &'static [Role]> {
    BTreeMap::from([
        ("GET /catalog", ALL),
        ("GET /catalog/{connector}", ALL),
        ("GET /applications", ALL),
        ("POST /applications", ADMINS),
        ("GET /applications/{id}", ALL),
        ("PATCH /applications/{id}", ADMINS),
        ("DELETE /applications/{id}", ADMINS),
        ("GET /applications/{id}/logo", ALL),
        ("PUT /applications/{id}/logo", ADMINS),
        ("DELETE /applications/{id}/logo", ADMINS),
        ("GET /applications/{id}/keys", ALL),
        ("POST /applications/{id}/keys", ADMINS),
        ("POST /applications/{id}/keys/{key}/publish", ADMINS),
        ("POST /applications/{id}/keys/{key}/withdraw", ADMINS),
        ("POST /applications/{id}/keys/{key}/promote", ADMINS),
        ("DELETE /applications/{id}/keys/{key}", ADMINS),
        ("POST /applications/{id}/preview", ADMINS),
        ("GET /applications/{id}/sso", ALL),
        ("GET /applications/{id}/findings", ALL),
        ("GET /applications/{id}/connector", ALL),
        ("POST /applications/{id}/connector", ADMINS),
        ("GET /applications/{id}/exchanges", ADMINS),
        ("GET /applications/{id}/exchanges/{reference}", ADMINS),
        ("PUT /applications/{id}/recorder", ADMINS),
        ("PATCH /applications/{id}/sso", ADMINS),
        ("POST /applications/{id}/sso/activate", ADMINS),
        ("POST /applications/{id}/sso/deactivate", ADMINS),
        ("GET /applications/{id}/sp-metadata", ALL),
        ("PUT /applications/{id}/sp-metadata", ADMINS),
        ("DELETE /applications/{id}/sp-metadata", ADMINS),
        ("POST /applications/{id}/sp-metadata/refresh", ADMINS),
        ("POST /applications/{id}/sp-metadata/accept", ADMINS),
        ("POST /applications/{id}/sp-metadata/discard", ADMINS),
        ("PUT /applications/{id}/sp-certificate", ADMINS),
        ("GET /applications/{id}/provisioning", ALL),
        ("PUT /applications/{id}/provisioning", ADMINS),
        ("PUT /applications/{id}/provisioning/token", ADMINS),
        ("GET /applications/{id}/provisioning/certificate", ALL),
        ("POST /applications/{id}/provisioning/certificate", ADMINS),
        ("POST /applications/{id}/provisioning/activate", ADMINS),
        ("POST /applications/{id}/provisioning/deactivate", ADMINS),
        ("POST /applications/{id}/provisioning/dry-run", ADMINS),
        ("POST /applications/{id}/provisioning/preview", ADMINS),
        ("POST /applications/{id}/provisioning/reconcile", ADMINS),
        ("GET /applications/{id}/provisioning/state", ALL),
        ("POST /applications/{id}/provisioning/retry", ADMINS),
        ("GET /applications/{id}/import/users", ADMINS),
        ("POST /applications/{id}/import", OWNER),
        ("GET /applications/{id}/import/{job}", ALL),
        ("POST /applications/{id}/import/{job}/cancel", OWNER),
        ("GET /applications/{id}/provisioning/approvals", ALL),
        ("POST /applications/{id}/provisioning/approvals", ADMINS),
        ("GET /applications/{id}/groups", ALL),
        ("PUT /applications/{id}/groups/{group}", ADMINS),
        ("DELETE /applications/{id}/groups/{group}", ADMINS),
        ("GET /groups/{id}/applications", ALL),
        ("GET /users", ALL),
        ("POST /users", OWNER),
        ("GET /users/{id}", ALL),
        ("PATCH /users/{id}", OWNER),
        ("DELETE /users/{id}", OWNER),
        ("POST /users/{id}/suspend", OWNER),
        ("POST /users/{id}/activate", OWNER),
        ("POST /users/{id}/password", OWNER),
        ("POST /users/{id}/reset-link", OWNER),
        ("GET /users/{id}/groups", ALL),
        ("DELETE /users/{id}/sessions", OWNER),
        ("GET /users/{id}/role", READERS),
        ("PUT /users/{id}/role", OWNER),
        ("DELETE /users/{id}/role", OWNER),
        ("GET /groups", ALL),
        ("POST /groups", OWNER),
        ("GET /groups/{id}", ALL),
        ("PATCH /groups/{id}", OWNER),
        ("DELETE /groups/{id}", OWNER),
        ("GET /groups/{id}/members", ALL),
        ("PUT /groups/{id}/members/{user}", OWNER),
        ("DELETE /groups/{id}/members/{user}", OWNER),
        ("GET /events", READERS),
        ("GET /events/export", READERS),
        ("GET /tokens", READERS),
        ("POST /tokens", OWNER),
        ("DELETE /tokens/{id}", OWNER),
        ("GET /me", ALL),
        ("GET /settings", READERS),
        ("PATCH /settings", OWNER),
        ("GET /metadata-keys", READERS),
        ("POST /metadata-keys", OWNER),
        ("POST /metadata-keys/{id}/promote", OWNER),
        ("DELETE /metadata-keys/{id}", OWNER),
    ])
}

/// What is recorded is of applications and of people, so it takes both rights, as in the console. No role of today has the
/// one without the other; with one that does, this table and so the routes have to follow.
#[test]
fn a_36_what_is_recorded_takes_the_rights_of_the_console() {
    let both =
        |role: &&Role| role.allows(Permission::ApplicationsWrite) && role.allows(Permission::PeopleRead);
    let expected: Vec<&Role> = Role::ALL.iter().filter(both).collect();
    for route in [
        "GET /applications/{id}/exchanges",
        "GET /applications/{id}/exchanges/{reference}",
        "PUT /applications/{id}/recorder",
    ] {
        assert_eq!(table()[route].iter().collect::<Vec<_>>(), expected, "{route}");
    }
}

fn filled(template: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { NOTHING.to_owned() } else { part.to_owned() };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_36_every_role_gets_through_its_own_routes_and_no_others() {
    let house = House::open().await;
    let mut table = table();
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((*role, house.api(*role).await));
    }
    for route in route_table() {
        let Some(path) = route.path.strip_prefix("/api/v1") else { continue };
        let case = format!("{} {path}", route.method);
        let allowed =
            table.remove(case.as_str()).unwrap_or_else(|| panic!("{case} has no case in the table"));
        let stranger = house.with("").send(route.method, &filled(path), &[], Vec::new()).await;
        assert_eq!(stranger.header("www-authenticate"), "Bearer realm=\"tessera\"", "{case}");
        stranger.refused(401, "token_missing");
        for (role, api) in &tokens {
            let told = api.send(route.method, &filled(path), &[], Vec::new()).await;
            if allowed.contains(role) {
                assert!(!matches!(told.status, 401 | 403 | 500), "{case} refused {role}: {}", told.text());
            } else {
                assert_eq!(told.status, 403, "{case} let {role} in");
            }
        }
    }
    assert!(table.is_empty(), "no such routes: {:?}", table.keys());
    let noted = tokens[0].1.get("/events?name=authorization_denied&limit=200").await.expect(200);
    let noted = noted["items"].as_array().unwrap();
    assert!(noted.len() > 30, "W-14: each refusal is an event");
    assert!(noted.iter().all(|event| event["outcome"] == "denied" && event["actor_kind"] == "token"));
}

#[tokio::test]
async fn w_14_who_asks_again_and_again_fills_no_disk() {
    let house = House::open().await;
    let (owner, auditor) = (house.api(Role::Owner).await, house.api(Role::Auditor).await);
    for _ in 0..20 {
        auditor.post("/groups", json!({ "name": "Mine" })).await.refused(403, "not_allowed");
    }
    auditor.post("/tokens", json!({ "name": "mine" })).await.refused(403, "not_allowed");
    let noted = async || {
        let events = owner.get("/events?name=authorization_denied").await.expect(200);
        events["items"].as_array().unwrap().len()
    };
    assert_eq!(noted().await, 2, "one a minute for each kind of action");
    house.clock.advance(60_000);
    auditor.post("/groups", json!({ "name": "Mine" })).await.refused(403, "not_allowed");
    assert_eq!(noted().await, 3);
}

#[tokio::test]
async fn a_36_no_token_makes_or_gives_more_than_it_has() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let body = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    let user = id(&owner.post("/users", body).await.expect(201));
    for role in [Role::ApplicationAdmin, Role::Auditor, Role::Scim] {
        let api = house.api(role).await;
        for wanted in Role::ALL {
            let new = json!({ "name": "more", "role": wanted.as_str() });
            api.post("/tokens", new).await.refused(403, "not_allowed");
            let give = json!({ "role": wanted.as_str() }).to_string();
            api.put(&format!("/users/{user}/role"), "application/json", give)
                .await
                .refused(403, "not_allowed");
        }
    }
    owner.post("/tokens", json!({ "name": "t", "role": "help-desk" })).await.refused(422, "not_available");
    let made = owner.post("/tokens", json!({ "name": "t" })).await.expect(201);
    assert_eq!(made["role"], "auditor", "decision 19");
}

#[tokio::test]
async fn a_38_nothing_that_is_read_only_can_be_written_back() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = house.heap(&owner).await;
    let person = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    let user = id(&owner.post("/users", person).await.expect(201));
    let group = id(&owner.post("/groups", json!({ "name": "Staff" })).await.expect(201));
    let auditor = house.api(Role::Auditor).await;
    let writable = |path: &str| -> &[&str] {
        match path.split('/').nth(1) {
            Some("applications") => {
                &["label", "description", "color", "show_in_portal", "bookmark_url", "slug"]
            }
            Some("groups") => &["name", "description", "scim_managed"],
            _ => &["id", "kind", "state", "external_id", "version", "created_at", "updated_at"],
        }
    };
    for path in [format!("/applications/{app}"), format!("/users/{user}"), format!("/groups/{group}")] {
        let before = owner.get(&path).await.expect(200);
        auditor.patch(&path, before.clone()).await.refused(403, "not_allowed");
        for (field, value) in before.as_object().unwrap() {
            let one = json!({ field.as_str(): value });
            auditor.patch(&path, one.clone()).await.refused(403, "not_allowed");
            let listed = writable(&path).contains(&field.as_str());
            let may_write = if path.starts_with("/users") { !listed } else { listed };
            if !may_write {
                let refused = owner.patch(&path, one).await.refused(422, "unknown_field");
                assert_eq!(refused["errors"][0]["field"], field.as_str());
            }
        }
        for field in ["role", "owner", "password_hash", "email_verified", "built_in", "tenant"] {
            owner.patch(&path, json!({ field: true })).await.refused(422, "unknown_field");
        }
        assert_eq!(owner.get(&path).await.expect(200), before);
    }
    let create = json!({ "username": "x", "email": "x@example.com", "state": "active" });
    owner.post("/users", create).await.refused(422, "unknown_field");
    let create = json!({ "username": "x", "email": "x@example.com", "role": "owner" });
    owner.post("/users", create).await.refused(422, "unknown_field");
}
