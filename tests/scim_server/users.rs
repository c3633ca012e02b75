//! People: what is mapped, how they are found, and that what comes of it is what comes of the console.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::house::{ENTERPRISE, House, NOTHING, USER, id};

fn full() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "hr-7",
        "userName": "ada",
        "name": { "familyName": "Lovelace", "givenName": "Ada" },
        "displayName": "Ada Lovelace",
        "title": "Analyst",
        "locale": "en-GB",
        "active": true,
        "emails": [{ "value": "ada@example.com", "type": "work", "primary": true }],
        "phoneNumbers": [{ "value": "+44 1", "type": "work" }],
        "addresses": [{ "locality": "London", "type": "work" }],
        ENTERPRISE: { "employeeNumber": "7", "department": "Analysis" },
    })
}

#[tokio::test]
async fn a_person_lives_over_scim_from_hiring_to_leaving() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let told = hr.post("/Users", full()).await;
        let location = told.header("location").to_owned();
        let tag = told.header("etag").to_owned();
        let made = told.expect(201);
        let ada = id(&made);
        assert_eq!(location, format!("https://id.example.com/scim/v2/Users/{ada}"));
        assert_eq!((&made["meta"]["location"], &made["meta"]["version"]), (&json!(location), &json!(tag)));
        for (name, sent) in full().as_object().unwrap() {
            assert_eq!(&made[name], sent, "{name}");
        }
        assert_eq!(hr.get(&format!("/Users/{ada}")).await.expect(200), made);

        let person = owner.rest("GET", &format!("/users/{ada}"), Value::Null).await.expect(200);
        for (field, value) in [
            ("username", "ada"),
            ("email", "ada@example.com"),
            ("first_name", "Ada"),
            ("job_title", "Analyst"),
            ("employee_identifier", "7"),
            ("external_id", "hr-7"),
            ("state", "active"),
        ] {
            assert_eq!(person[field], value, "{field}");
        }
        assert_eq!(person["scim_managed"], true);

        let path = format!("/Users/{ada}");
        let changes = json!([
            { "op": "Replace", "path": "name.familyName", "value": "King" },
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "king@example.com" },
            { "op": "remove", "path": "title" },
            { "op": "add", "value": { (format!("{ENTERPRISE}:department")): "Engines" } },
        ]);
        let changed = hr.patch(&path, changes).await.expect(200);
        assert_eq!(
            (&changed["name"]["familyName"], &changed["name"]["givenName"]),
            (&json!("King"), &json!("Ada"))
        );
        assert_eq!(changed["emails"][0]["value"], "king@example.com");
        assert_eq!((changed.get("title"), &changed[ENTERPRISE]["department"]), (None, &json!("Engines")));

        let suspended =
            hr.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "False" }])).await;
        assert_eq!(suspended.expect(200)["active"], false);
        let person = owner.rest("GET", &format!("/users/{ada}"), Value::Null).await.expect(200);
        assert_eq!(person["state"], "suspended");
        let back = json!([{ "op": "replace", "value": { "active": true } }]);
        assert_eq!(hr.patch(&path, back).await.expect(200)["active"], true);

        let less =
            json!({ "schemas": [USER], "userName": "ada", "emails": [{ "value": "ada@example.com" }] });
        let replaced = hr.put(&path, less).await.expect(200);
        for gone in ["externalId", "name", "displayName", "phoneNumbers", "addresses", "locale", ENTERPRISE] {
            assert_eq!(replaced.get(gone), None, "{gone}");
        }
        assert_eq!(replaced["active"], true, "who does not say so suspends nobody");

        hr.delete(&path).await.expect(204);
        hr.get(&path).await.refused(404, "", "not_found");
        hr.delete(&path).await.refused(404, "", "not_found");

        let expected =
            ["user_activate", "user_create", "user_delete", "user_suspend", "user_update", "user_update"];
        assert_eq!(house.event_names(&owner).await, expected);
    }
}

#[tokio::test]
async fn who_is_not_active_yet_waits_and_is_let_in_once() {
    let house = House::open().await;
    let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
    let mut user = full();
    user["active"] = json!(false);
    let ada = id(&hr.post("/Users", user.clone()).await.expect(201));
    let state =
        async || owner.rest("GET", &format!("/users/{ada}"), Value::Null).await.expect(200)["state"].clone();
    assert_eq!(state().await, "staged");
    hr.put(&format!("/Users/{ada}"), user.clone()).await.expect(200);
    assert_eq!(state().await, "staged", "who was never let in is not suspended");
    user["active"] = json!(true);
    assert_eq!(hr.put(&format!("/Users/{ada}"), user).await.expect(200)["active"], true);
    assert_eq!(state().await, "active");
}

#[tokio::test]
async fn names_and_addresses_are_unique_and_kept_for_a_while() {
    for house in House::both().await {
        let hr = house.scim().await;
        let ada = hr.person("ada").await;
        let bob = hr.person("bob").await;
        let user = |name: &str, email: &str| json!({ "schemas": [USER], "userName": name, "emails": [{ "value": email }] });
        for (name, email, code) in [
            ("ADA", "x@example.com", "username_taken"),
            ("x", "Ada@Example.com", "email_taken"),
            ("bob@example.com", "x@example.com", "username_taken"),
        ] {
            hr.post("/Users", user(name, email)).await.refused(409, "uniqueness", code);
        }
        let rename = json!([{ "op": "replace", "path": "userName", "value": "ada" }]);
        hr.patch(&format!("/Users/{bob}"), rename).await.refused(409, "uniqueness", "username_taken");
        hr.delete(&format!("/Users/{ada}")).await.expect(204);
        hr.post("/Users", user("ada", "new@example.com")).await.refused(409, "uniqueness", "recently_used");
        house.clock.advance(91 * 24 * 3600 * 1000);
        house.scim().await.post("/Users", user("ada", "new@example.com")).await.expect(201);
    }
}

#[tokio::test]
async fn filters_find_by_index_and_by_looking_at_each() {
    for house in House::both().await {
        let hr = house.scim().await;
        let ada = id(&hr.post("/Users", full()).await.expect(201));
        for name in ["bob", "cleo", "dora"] {
            hr.person(name).await;
        }
        let off = json!([{ "op": "replace", "path": "active", "value": false }]);
        let cleo =
            hr.get("/Users?filter=userName%20eq%20%22cleo%22").await.expect(200)["Resources"][0].clone();
        hr.patch(&format!("/Users/{}", id(&cleo)), off).await.expect(200);
        let group = hr.group("Sales", &[&ada]).await;
        for (filter, names) in [
            ("userName eq \"ADA\"", &["ada"][..]),
            ("userName eq \"ad\"", &[]),
            (&format!("id eq \"{ada}\""), &["ada"]),
            (&format!("id eq \"{}\"", ada.to_uppercase()), &[]),
            ("externalId eq \"hr-7\"", &["ada"]),
            ("externalId eq \"HR-7\"", &[]),
            ("emails.value eq \"Bob@example.com\"", &["bob"]),
            ("emails eq \"bob@example.com\"", &["bob"]),
            ("emails[type eq \"work\"].value eq \"bob@example.com\"", &["bob"]),
            ("emails[type eq \"home\"].value eq \"bob@example.com\"", &[]),
            ("userName eq \"ada\" and active eq false", &[]),
            ("active eq false", &["cleo"]),
            ("active eq true", &["ada", "bob", "dora"]),
            ("not (active eq true)", &["cleo"]),
            ("userName sw \"d\" or name.familyName co \"love\"", &["ada", "dora"]),
            (&format!("{ENTERPRISE}:department eq \"analysis\""), &["ada"]),
            (&format!("groups.value eq \"{group}\""), &["ada"]),
            ("groups.display eq \"Everyone\"", &["ada", "bob", "dora"]),
            ("title pr", &["ada"]),
            ("meta.lastModified gt \"2100-01-01T00:00:00Z\"", &[]),
            ("password eq \"x\" or roles pr", &[]),
        ] {
            assert_eq!(hr.find(filter).await, names, "{filter}");
        }
        for bad in ["userName", "userName eq", "eq \"x\"", "userName xx \"y\"", "(userName pr"] {
            let query: String = url::form_urlencoded::byte_serialize(bad.as_bytes()).collect();
            hr.get(&format!("/Users?filter={query}")).await.refused(400, "invalidFilter", "invalid_filter");
        }
    }
}

#[tokio::test]
async fn lists_are_paged_from_one() {
    for house in House::both().await {
        let hr = house.scim().await;
        for name in ["a", "b", "c", "d", "e"] {
            hr.person(name).await;
        }
        let page = async |query: &str| {
            let told = hr.get(&format!("/Users?{query}")).await.expect(200);
            assert_eq!(told["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
            let names =
                told["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap());
            let names: String = names.collect();
            assert_eq!(told["itemsPerPage"], names.len());
            (told["totalResults"].as_u64().unwrap(), told["startIndex"].as_u64().unwrap(), names)
        };
        let told = |total, start, names: &str| (total, start, names.to_owned());
        assert_eq!(page("").await, told(5, 1, "abcde"));
        assert_eq!(page("count=2").await, told(5, 1, "ab"));
        assert_eq!(page("startIndex=3&count=2").await, told(5, 3, "cd"));
        assert_eq!(page("startIndex=-4&count=1").await, told(5, 1, "a"));
        assert_eq!(page("startIndex=6").await, told(5, 6, ""));
        assert_eq!(page("count=0").await, told(5, 1, ""));
        assert_eq!(page("count=-1").await, told(5, 1, ""));
        assert_eq!(page("filter=userName%20gt%20%22b%22&startIndex=2&count=1").await, told(3, 2, "d"));
        assert_eq!(
            page("active&unknown=1&sortBy=userName").await,
            told(5, 1, "abcde"),
            "what is not known is let be"
        );
        hr.get("/Users?startIndex=x").await.refused(400, "invalidValue", "invalid_value");
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_shown() {
    let house = House::open().await;
    let hr = house.scim().await;
    let ada = id(&hr.post("/Users", full()).await.expect(201));
    let shown = async |query: &str| {
        let told = hr.get(&format!("/Users/{ada}?{query}")).await.expect(200);
        told.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown("attributes=userName").await, ["schemas", "id", "userName"]);
    assert_eq!(shown("attributes=emails.value,name.givenName").await, ["schemas", "id", "emails", "name"]);
    let without = shown("excludedAttributes=groups,emails,id").await;
    assert!(without.contains(&"id".to_owned()) && !without.contains(&"emails".to_owned()), "{without:?}");
    assert!(!without.contains(&"groups".to_owned()));
    assert!(shown("").await.contains(&"groups".to_owned()), "Everyone");
    hr.get(&format!("/Users/{ada}?attributes=a..b")).await.refused(400, "invalidPath", "invalid_path");
}

#[tokio::test]
async fn a_manager_is_somebody_who_is_known() {
    let house = House::open().await;
    let hr = house.scim().await;
    let (ada, bob) = (hr.person("ada").await, hr.person("bob").await);
    let manager = |id: &str| json!([{ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": id }]);
    let path = format!("/Users/{ada}");
    let told = hr.patch(&path, manager(&bob)).await.expect(200);
    assert_eq!(told[ENTERPRISE]["manager"]["$ref"], format!("https://id.example.com/scim/v2/Users/{bob}"));
    for nobody in [NOTHING, "bob", &ada] {
        let told = hr.patch(&path, manager(nobody)).await;
        assert_eq!((told.status, told.body["scimType"].as_str()), (400, Some("invalidValue")), "{nobody}");
    }
    hr.delete(&format!("/Users/{bob}")).await.expect(204);
    assert_eq!(hr.get(&path).await.expect(200).get(ENTERPRISE), None, "a manager who is gone is forgotten");
}

#[tokio::test]
async fn what_can_not_be_a_value_is_refused_by_name() {
    let house = House::open().await;
    let hr = house.scim().await;
    for (field, value) in [
        ("userName", json!("a b")),
        ("userName", json!("")),
        ("userName", json!(["a"])),
        ("emails", json!([{ "value": "nowhere" }])),
        ("emails", json!([])),
        ("locale", json!("english please")),
        ("timezone", json!("Mars/Olympus Mons")),
        ("displayName", json!("a\u{202e}b")),
        ("displayName", json!("x".repeat(300))),
        ("externalId", json!("x\u{0}")),
        ("active", json!("perhaps")),
        ("name", json!(["Ada"])),
    ] {
        let mut user = full();
        user[field] = value.clone();
        let told = hr.post("/Users", user).await;
        assert_eq!(told.status, 400, "{field} {value}: {}", told.text);
        assert_eq!(told.body["scimType"], "invalidValue", "{field} {value}: {}", told.text);
    }
    assert_eq!(hr.get("/Users").await.expect(200)["totalResults"], 0);
}
