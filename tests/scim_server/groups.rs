//! Groups and their members.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::house::{GROUP, House, NOTHING, id, values};

#[tokio::test]
async fn a_group_lives_over_scim() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let (ada, bob, cleo) = (hr.person("ada").await, hr.person("bob").await, hr.person("cleo").await);
        let sent = json!({
            "schemas": [GROUP], "displayName": "Sales", "externalId": "g-1", "members": values(&[&ada, &bob]),
        });
        let told = hr.post("/Groups", sent).await;
        let location = told.header("location").to_owned();
        let made = told.expect(201);
        let sales = id(&made);
        assert_eq!(location, format!("https://id.example.com/scim/v2/Groups/{sales}"));
        assert_eq!((&made["displayName"], &made["externalId"]), (&json!("Sales"), &json!("g-1")));
        let first = &made["members"][0];
        assert_eq!(first["type"], "User");
        assert_eq!(
            first["$ref"],
            format!("https://id.example.com/scim/v2/Users/{}", first["value"].as_str().unwrap())
        );
        let group = owner.rest("GET", &format!("/groups/{sales}"), Value::Null).await.expect(200);
        assert_eq!((&group["member_count"], &group["scim_managed"]), (&json!(2), &json!(true)));

        let path = format!("/Groups/{sales}");
        hr.patch(&path, json!([{ "op": "Add", "path": "members", "value": values(&[&cleo, &ada]) }]))
            .await
            .expect(200);
        assert_eq!(hr.members(&sales).await.len(), 3, "who is in already may be named");
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }]);
        hr.patch(&path, remove).await.expect(200);
        let listed = json!([{ "op": "Remove", "path": "members", "value": values(&[&bob]) }]);
        hr.patch(&path, listed).await.expect(200);
        assert_eq!(hr.members(&sales).await, [cleo.as_str()]);
        let several = json!([
            { "op": "replace", "path": "displayName", "value": "Field sales" },
            { "op": "replace", "path": "members", "value": values(&[&ada]) },
            { "op": "add", "value": { "members": values(&[&bob]) } },
            { "op": "remove", "path": format!("members[value eq \"{ada}\"]") },
        ]);
        let told = hr.patch(&path, several).await.expect(200);
        assert_eq!(told["displayName"], "Field sales");
        assert_eq!(hr.members(&sales).await, [bob.as_str()], "one after the other, as they stand");
        hr.patch(&path, json!([{ "op": "remove", "path": "members[type eq \"User\"]" }])).await.expect(200);
        assert!(hr.members(&sales).await.is_empty());

        let whole = json!({ "schemas": [GROUP], "displayName": "Sales", "members": values(&[&cleo, &ada]) });
        let told = hr.put(&path, whole).await.expect(200);
        assert_eq!((told.get("externalId"), told["members"].as_array().unwrap().len()), (None, 2));
        hr.put(&path, json!({ "schemas": [GROUP], "displayName": "Sales" })).await.expect(200);
        assert!(hr.members(&sales).await.is_empty(), "what is not sent goes");

        hr.delete(&path).await.expect(204);
        hr.get(&path).await.refused(404, "", "not_found");
        let names = house.event_names(&owner).await;
        let count = |name: &str| names.iter().filter(|known| *known == name).count();
        assert_eq!(
            (count("group_create"), count("group_delete"), count("group_update")),
            (1, 1, 2),
            "{names:?}"
        );
        assert_eq!(count("group_membership_change"), 8, "{names:?}");
    }
}

#[tokio::test]
async fn groups_are_found_by_name_and_by_member() {
    for house in House::both().await {
        let hr = house.scim().await;
        let (ada, bob) = (hr.person("ada").await, hr.person("bob").await);
        hr.group("Sales", &[&ada]).await;
        let staff = hr.group("Staff", &[&ada, &bob]).await;
        let find = async |filter: &str| {
            let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
            let told =
                hr.get(&format!("/Groups?excludedAttributes=members&filter={query}")).await.expect(200);
            let found = told["Resources"].as_array().unwrap();
            assert!(found.iter().all(|group| group.get("members").is_none()));
            found.iter().map(|group| group["displayName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (filter, names) in [
            ("displayName eq \"SALES\"", &["Sales"][..]),
            ("displayName sw \"s\"", &["Sales", "Staff"]),
            (&format!("id eq \"{staff}\""), &["Staff"]),
            (&format!("members eq \"{bob}\""), &["Everyone", "Staff"]),
            (&format!("members.value eq \"{ada}\""), &["Everyone", "Sales", "Staff"]),
            (&format!("members[value eq \"{ada}\"]"), &["Everyone", "Sales", "Staff"]),
            (&format!("id eq \"{staff}\" and members eq \"{ada}\""), &["Staff"]),
            (&format!("id eq \"{staff}\" and members eq \"{NOTHING}\""), &[]),
            ("externalId eq \"x\"", &[]),
        ] {
            assert_eq!(find(filter).await, names, "{filter}");
        }
        let all = hr.get("/Groups?count=2&startIndex=2").await.expect(200);
        assert_eq!((&all["totalResults"], &all["Resources"][1]["displayName"]), (&json!(3), &json!("Staff")));
    }
}

#[tokio::test]
async fn what_a_group_can_not_be_is_refused() {
    let house = House::open().await;
    let hr = house.scim().await;
    let (ada, sales) = (hr.person("ada").await, hr.group("Sales", &[]).await);
    let group =
        |name: &str, members: Value| json!({ "schemas": [GROUP], "displayName": name, "members": members });
    hr.post("/Groups", group("sales", json!([]))).await.refused(409, "uniqueness", "name_taken");
    hr.post("/Groups", group("everyone", json!([]))).await.refused(409, "uniqueness", "name_taken");
    hr.post("/Groups", group("", json!([]))).await.refused(400, "invalidValue", "invalid_value");
    for members in
        [json!([{ "value": NOTHING }]), json!([{ "value": "ada" }]), json!([{ "value": sales }]), json!([{}])]
    {
        hr.post("/Groups", group("New", members)).await.refused(400, "invalidValue", "invalid_value");
    }
    assert_eq!(hr.get("/Groups").await.expect(200)["totalResults"], 2, "nothing half made is left");
    let path = format!("/Groups/{sales}");
    let half = json!([
        { "op": "add", "path": "members", "value": values(&[&ada]) },
        { "op": "replace", "path": "displayName", "value": "everyone" },
    ]);
    hr.patch(&path, half).await.refused(409, "uniqueness", "name_taken");
    assert!(hr.members(&sales).await.is_empty(), "all or nothing");
    hr.patch(&path, json!([{ "op": "remove", "path": "displayName" }])).await.refused(
        400,
        "invalidValue",
        "invalid_value",
    );
    hr.patch(&path, json!([{ "op": "remove" }])).await.refused(400, "noTarget", "no_target");
    hr.patch(&path, json!([{ "op": "add", "path": "id", "value": NOTHING }])).await.refused(
        400,
        "mutability",
        "mutability",
    );
    hr.patch(&path, json!([])).await.refused(400, "invalidSyntax", "invalid_syntax");
    hr.patch(&path, json!([{ "op": "move", "path": "members" }])).await.refused(
        400,
        "invalidSyntax",
        "invalid_syntax",
    );
    let absent = json!([{ "op": "remove", "path": format!("members[value eq \"{NOTHING}\"]") }]);
    hr.patch(&path, absent).await.expect(200);
}

#[tokio::test]
async fn a_thousand_and_more_members_come_and_go_at_once() {
    for house in House::both().await {
        let (hr, owner) = (house.scim().await, house.client(Role::Owner).await);
        let people = crate::limits::crowd(&house, 1_200).await;
        let ids: Vec<&str> = people.iter().map(String::as_str).collect();
        let all = hr.group("All of us", &ids).await;
        assert_eq!(hr.members(&all).await.len(), 1_200);
        let path = format!("/Groups/{all}");
        let fewer = json!({ "schemas": [GROUP], "displayName": "All of us", "members": values(&ids[..7]) });
        assert_eq!(hr.put(&path, fewer).await.expect(200)["members"].as_array().unwrap().len(), 7);
        let path = "/events?name=group_membership_change&limit=200";
        let events = owner.rest("GET", path, Value::Null).await.expect(200);
        let changed = |event: &Value| {
            let count = |key: &str| event["details"][key].as_array().map_or(0, Vec::len);
            (count("added"), count("removed"))
        };
        let mut changes: Vec<(usize, usize)> =
            events["items"].as_array().unwrap().iter().map(changed).collect();
        changes.sort_unstable();
        assert_eq!(changes, [(0, 193), (0, 1000), (200, 0), (1000, 0)]);
    }
}
