//! Whom and what a SCIM client may change (decision 35): its own, and what it was given; never anyone with a role.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::house::{Client, GROUP, House, USER, id, patch, values};

/// A person made by hand.
async fn by_hand(owner: &Client, name: &str) -> String {
    let new = json!({ "username": name, "email": format!("{name}@example.com") });
    id(&owner.rest("POST", "/users", new).await.expect(201))
}

/// Every write of a person is refused, and nothing comes of it.
async fn is_protected(client: &Client, person: &str) {
    let path = format!("/Users/{person}");
    let before = client.get(&path).await.expect(200);
    let put = json!({ "schemas": [USER], "userName": "mallory", "emails": [{ "value": "m@example.com" }] });
    let off = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    let mail = patch(json!([{ "op": "replace", "path": "emails", "value": [{ "value": "m@example.com" }] }]));
    let nothing = patch(json!([{ "op": "add", "path": "nickName", "value": "x" }]));
    for (method, body) in
        [("PUT", put), ("PATCH", off), ("PATCH", mail), ("PATCH", nothing), ("DELETE", Value::Null)]
    {
        client.ask_with(method, &path, &[], &body).await.refused(403, "", "protected_person");
    }
    assert_eq!(client.get(&path).await.expect(200), before);
}

#[tokio::test]
async fn im_03_only_people_that_are_its_own_or_were_given_are_changed() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let (mine, theirs) = (hr.person("ada").await, by_hand(&owner, "bob").await);
        is_protected(&hr, &theirs).await;
        is_protected(&owner, &theirs).await;
        let rename = json!([{ "op": "add", "path": "displayName", "value": "x" }]);
        owner.patch(&format!("/Users/{mine}"), rename.clone()).await.expect(200);

        let given = json!({ "scim_managed": true });
        owner.rest("PATCH", &format!("/users/{theirs}"), given).await.expect(200);
        hr.patch(&format!("/Users/{theirs}"), rename.clone()).await.expect(200);
        let taken = json!({ "scim_managed": false });
        owner.rest("PATCH", &format!("/users/{mine}"), taken).await.expect(200);
        is_protected(&hr, &mine).await;

        let names = house.event_names(&owner).await;
        let managed: Vec<&String> = names.iter().filter(|name| name.starts_with("scim_")).collect();
        assert_eq!(managed, ["scim_management_give", "scim_management_take"]);
        let auditor = house.client(Role::Auditor).await;
        let path = format!("/users/{mine}");
        let told = auditor.rest("PATCH", &path, json!({ "scim_managed": true })).await;
        assert_eq!((told.status, told.body["code"].as_str()), (403, Some("not_allowed")));
    }
}

#[tokio::test]
async fn whom_an_administrator_keeps_out_is_not_let_in_by_a_program() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let ada = hr.person("ada").await;
        let path = format!("/Users/{ada}");
        let active = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
        let act = async |act: &str| {
            owner.rest("POST", &format!("/users/{ada}/{act}"), Value::Null).await.expect(200);
        };
        act("suspend").await;
        assert_eq!(hr.patch(&path, active(true)).await.expect(200)["active"], false);
        act("activate").await;
        hr.patch(&path, active(false)).await.expect(200);
        assert_eq!(hr.patch(&path, active(true)).await.expect(200)["active"], true, "its own it takes back");
        // Suspended by both, it is the administrator's word that counts.
        hr.patch(&path, active(false)).await.expect(200);
        act("suspend").await;
        assert_eq!(hr.patch(&path, active(true)).await.expect(200)["active"], false);
        let staged = by_hand(&owner, "bob").await;
        owner.rest("PATCH", &format!("/users/{staged}"), json!({ "scim_managed": true })).await.expect(200);
        assert_eq!(hr.patch(&format!("/Users/{staged}"), active(true)).await.expect(200)["active"], false);
    }
}

#[tokio::test]
async fn whoever_has_a_role_is_out_of_reach_even_when_given() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let (ada, boss) = (hr.person("ada").await, hr.person("boss").await);
        for (person, role) in [(&ada, "auditor"), (&boss, "owner")] {
            let path = format!("/users/{person}/role");
            owner.rest("PUT", &path, json!({ "role": role })).await.expect(200);
        }
        for client in [&hr, &owner] {
            is_protected(client, &ada).await;
            is_protected(client, &boss).await;
        }
        owner.rest("DELETE", &format!("/users/{ada}/role"), Value::Null).await.expect(204);
        hr.delete(&format!("/Users/{ada}")).await.expect(204);
        is_protected(&hr, &boss).await;
    }
}

#[tokio::test]
async fn a_36_nothing_that_is_sent_becomes_a_right() {
    let house = House::open().await;
    let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
    let mut user = json!({
        "schemas": [USER, "urn:tessera:admin"], "userName": "eve", "emails": [{ "value": "eve@example.com" }],
        "password": "violet tram on the ninth hill", "roles": [{ "value": "owner", "primary": true }],
        "role": "owner", "entitlements": [{ "value": "admin" }], "groups": [{ "value": "x", "display": "Everyone" }],
        "email_verified": true, "scim_managed": false, "urn:tessera:admin": { "role": "owner" },
    });
    let made = hr.post("/Users", user.clone()).await.expect(201);
    let eve = id(&made);
    let path = format!("/Users/{eve}");
    user["displayName"] = json!("Eve");
    hr.put(&path, user).await.expect(200);
    for operation in [
        json!({ "op": "add", "path": "roles", "value": [{ "value": "owner" }] }),
        json!({ "op": "replace", "path": "roles[primary eq true].value", "value": "owner" }),
        json!({ "op": "add", "path": "entitlements", "value": [{ "value": "admin" }] }),
        json!({ "op": "replace", "path": "password", "value": "violet tram on the ninth hill" }),
        json!({ "op": "add", "path": "groups", "value": [{ "value": "x" }] }),
        json!({ "op": "add", "value": { "role": "owner", "password": "x", "roles": ["owner"] } }),
        json!({ "op": "add", "path": "urn:tessera:admin:role", "value": "owner" }),
        json!({ "op": "replace", "path": "scim_managed", "value": false }),
        json!({ "op": "replace", "path": "id", "value": "x" }),
        json!({ "op": "replace", "path": "meta.created", "value": "2001-01-01T00:00:00Z" }),
    ] {
        let told = hr.patch(&path, json!([operation])).await;
        assert!(matches!(told.status, 200 | 400), "{operation}: {}", told.text);
    }
    let shown = hr.get(&path).await.expect(200);
    for absent in ["password", "roles", "entitlements", "role", "urn:tessera:admin", "scim_managed"] {
        assert_eq!(shown.get(absent), None, "{absent}");
    }
    assert_eq!(shown["meta"]["created"], made["meta"]["created"]);
    let role = owner.rest("GET", &format!("/users/{eve}/role"), Value::Null).await.expect(200);
    assert_eq!(role["role"], Value::Null);
    let person = owner.rest("GET", &format!("/users/{eve}"), Value::Null).await.expect(200);
    assert_eq!(person["scim_managed"], true);
    let password =
        tessera::auth::account::password_changed_at(&mut house.db().reader(), eve.parse().unwrap()).await;
    assert_eq!(password.unwrap(), None, "no password came in");
    assert_eq!(shown["groups"].as_array().unwrap().len(), 1, "Everyone alone");
}

#[tokio::test]
async fn groups_that_are_not_its_own_are_out_of_reach() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let ada = hr.person("ada").await;
        let admins = id(&owner.rest("POST", "/groups", json!({ "name": "Admins" })).await.expect(201));
        let everyone = hr.get("/Groups?filter=displayName%20eq%20%22Everyone%22").await.expect(200);
        let everyone = id(&everyone["Resources"][0]);
        for group in [&admins, &everyone] {
            let path = format!("/Groups/{group}");
            let put = json!({ "schemas": [GROUP], "displayName": "Mine", "members": values(&[&ada]) });
            let join = patch(json!([{ "op": "add", "path": "members", "value": values(&[&ada]) }]));
            for (method, body) in [("PUT", put), ("PATCH", join), ("DELETE", Value::Null)] {
                hr.ask_with(method, &path, &[], &body).await.refused(403, "", "protected_group");
                owner.ask_with(method, &path, &[], &body).await.refused(403, "", "protected_group");
            }
        }
        assert!(hr.members(&admins).await.is_empty());
        assert_eq!(hr.members(&everyone).await, [ada.as_str()]);
        owner.rest("PATCH", &format!("/groups/{admins}"), json!({ "scim_managed": true })).await.expect(200);
        let join = json!([{ "op": "add", "path": "members", "value": values(&[&ada]) }]);
        hr.patch(&format!("/Groups/{admins}"), join).await.expect(200);
        let told = owner.rest("PATCH", &format!("/groups/{everyone}"), json!({ "scim_managed": true })).await;
        assert_eq!(told.body["code"], "built_in_group");
    }
}

#[tokio::test]
async fn nobody_elses_person_is_put_in_or_taken_out() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let (ada, bob) = (hr.person("ada").await, by_hand(&owner, "bob").await);
        let group = hr.group("Sales", &[&ada]).await;
        let path = format!("/Groups/{group}");
        let add = json!([{ "op": "add", "path": "members", "value": values(&[&bob]) }]);
        hr.patch(&path, add.clone()).await.refused(403, "", "protected_person");
        let new = json!({ "schemas": [GROUP], "displayName": "New", "members": values(&[&ada, &bob]) });
        hr.post("/Groups", new).await.refused(403, "", "protected_person");
        assert!(hr.find("userName eq \"bob\"").await.len() == 1, "but everybody is seen");

        owner.rest("PUT", &format!("/groups/{group}/members/{bob}"), Value::Null).await.expect(204);
        hr.patch(&path, add).await.expect(200);
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{bob}\"]") }]);
        hr.patch(&path, remove).await.refused(403, "", "protected_person");
        let none = json!({ "schemas": [GROUP], "displayName": "Sales", "members": [] });
        assert_eq!(hr.put(&path, none).await.expect(200)["members"].as_array().unwrap().len(), 1);
        assert_eq!(hr.members(&group).await, [bob.as_str()], "who was put in by hand stays");
        hr.patch(&path, json!([{ "op": "remove", "path": "members" }])).await.expect(200);
        assert_eq!(hr.members(&group).await, [bob.as_str()]);
        hr.delete(&path).await.refused(403, "", "protected_person");
        owner.rest("DELETE", &format!("/groups/{group}/members/{bob}"), Value::Null).await.expect(204);
        hr.delete(&path).await.expect(204);

        let events = house.events(&owner).await;
        let denied: Vec<&Value> = events.iter().filter(|e| e["name"] == "authorization_denied").collect();
        let mut routes: Vec<String> = denied
            .iter()
            .map(|e| format!("{} {}", e["details"]["method"], e["details"]["route"]).replace('"', ""))
            .collect();
        routes.sort();
        let expected = ["DELETE /scim/v2/Groups/{id}", "PATCH /scim/v2/Groups/{id}", "POST /scim/v2/Groups"];
        assert_eq!(routes, expected, "W-14: each kind once a minute");
    }
}

#[tokio::test]
async fn a_token_for_scim_opens_nothing_else_and_nobody_can_have_its_role() {
    let house = House::open().await;
    let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
    let ada = hr.person("ada").await;
    for (method, path) in [
        ("GET", "/users"),
        ("GET", "/groups"),
        ("GET", "/events"),
        ("GET", "/tokens"),
        ("GET", "/settings"),
        ("GET", "/applications"),
        ("GET", "/me"),
        ("POST", "/tokens"),
        ("PUT", "/users/x/role"),
    ] {
        let told = hr.rest(method, path, Value::Null).await;
        assert_eq!((told.status, told.body["code"].as_str()), (403, Some("not_allowed")), "{method} {path}");
    }
    let told = owner.rest("PUT", &format!("/users/{ada}/role"), json!({ "role": "scim" })).await;
    assert_eq!((told.status, &told.body["errors"][0]["code"]), (422, &json!("not_of_people")));
    let made = owner.rest("POST", "/tokens", json!({ "name": "hr", "role": "scim" })).await.expect(201);
    let other = house.with(made["token"].as_str().unwrap());
    other.get("/Users").await.expect(200);
    let path = format!("/tokens/{}", made["id"].as_str().unwrap());
    owner.rest("DELETE", &path, Value::Null).await.expect(204);
    other.get("/Users").await.refused(401, "", "token_unknown");
}
