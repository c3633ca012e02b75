//! Each quirk, alone or as the profile that has it.

use serde_json::{Value, json};
use tessera::lab::scim::{
    Case, ConfigAnswer, Conflict, ExternalIdFilter, FilterSupport, ImmutableChange, Members, PatchAnswer,
    Quirks, UnknownMember, profile, profile_names,
};

use crate::house::{ENTERPRISE, House, USER, refs, user};

fn total(body: &Value) -> u64 {
    body["totalResults"].as_u64().unwrap()
}

#[tokio::test]
async fn sc_24_aws_as_it_is_documented() {
    let house = House::of("aws").await;
    let ids = house.users(120);
    let list = house.get("/Users?count=1000").await.body;
    assert_eq!((total(&list), list["Resources"].as_array().unwrap().len()), (120, 100));
    assert_eq!(house.get("/Users").await.body["Resources"].as_array().unwrap().len(), 50);
    let refused = house.find("Users", "userName sw \"p\"").await.expect(400);
    assert!(refused.body.get("schemas").is_none() && refused.body["schema"].is_array(), "{}", refused.text);
    house.find("Users", "userName eq \"p1@example.com\" and active eq true").await.expect(200);
    // Cursors follow one another, without a total.
    let first = house.get("/Users?cursor=&count=70").await.expect(200).body;
    assert_eq!(first.get("totalResults"), None);
    let next = first["nextCursor"].as_str().unwrap();
    let second = house.get(&format!("/Users?cursor={next}&count=70")).await.body;
    assert_eq!((second["Resources"].as_array().unwrap().len(), second.get("nextCursor")), (50, None));
    house.lab.expire_cursors();
    let expired = house.get(&format!("/Users?cursor={next}")).await.expect(400);
    assert_eq!(expired.scim_type(), "expiredCursor");
    assert_eq!(house.get("/Users?cursor=x").await.expect(400).scim_type(), "invalidCursor");
    // A hundred memberships a request, and members that nobody sees.
    house.group("too many", &ids[..101]).await.expect(400);
    let group = house.group("g", &ids[..100]).await.expect(201);
    let path = format!("/Groups/{}", group.id());
    assert_eq!(group.body.get("members"), None);
    assert_eq!(house.get(&path).await.body.get("members"), None);
    assert_eq!(house.lab.members(&group.id()).len(), 100);
    let add = |ids: &[String]| json!([{ "op": "add", "path": "members", "value": refs(ids) }]);
    house.patch(&path, add(&ids[..101])).await.expect(400);
    house.patch(&path, add(&ids[100..])).await.expect(204);
    house.patch(&path, json!([{ "op": "remove", "path": "members" }])).await.expect(400);
    house.patch(&path, json!([{ "op": "replace", "path": "members", "value": [] }])).await.expect(400);
    // One address, and the names that it wants.
    let mut two = user("two@example.com");
    two["emails"] = json!([{ "value": "a@b.test" }, { "value": "c@d.test" }]);
    house.post("/Users", two).await.expect(400);
    let mut nameless = user("nameless@example.com");
    nameless["name"] = json!({ "familyName": "F" });
    house.post("/Users", nameless).await.expect(400);
    let path = format!("/Users/{}", ids[0]);
    house
        .patch(&path, json!([{ "op": "replace", "value": { "title": "a", "locale": "b" } }]))
        .await
        .expect(400);
    house.patch(&path, json!([{ "op": "replace", "value": { "title": "a" } }])).await.expect(200);
    house.close().await;
}

#[tokio::test]
async fn sc_24_slack_deactivates_and_limits_writes() {
    let house = House::of("slack").await;
    let id = house.user("a").await;
    house.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(house.get(&format!("/Users/{id}")).await.expect(200).body["active"], json!(false));
    house.get("/ServiceProviderConfig").await.expect(404);
    house.get("/ServiceProviderConfigs").await.expect(200);
    let mut limited = None;
    for number in 0..30 {
        let answer = house.post("/Users", user(&format!("u{number}"))).await;
        if answer.status == 429 {
            limited = Some((number, answer.header("retry-after").unwrap().to_owned()));
            break;
        }
    }
    // Twenty at once, of which two were used before.
    assert_eq!(limited, Some((18, "1".to_owned())));
    house.clock.advance(1000);
    house.user("later").await;
    let group = house.group("g", &[]).await.expect(201).id();
    house.delete(&format!("/Groups/{group}")).await.expect(204);
    house.get(&format!("/Groups/{group}")).await.expect(404);
    house.close().await;
}

#[tokio::test]
async fn sc_24_keeper_locks_lets_wait_and_takes_no_extension() {
    let house = House::of("keeper").await;
    let mut extended = user("a@example.com");
    extended[ENTERPRISE] = json!({ "department": "Tours" });
    house.post("/Users", extended).await.expect(400);
    house.post("/Users", user("no-email")).await.expect(400);
    let mut other = user("a@example.com");
    other["emails"] = json!([{ "value": "b@example.com" }]);
    house.post("/Users", other).await.expect(400);
    let mut odd = user("a@example.com");
    odd["shoeSize"] = json!(42);
    let made = house.post("/Users", odd).await.expect(201);
    assert_eq!(made.body.get("shoeSize"), None);
    let team = house.group("team", &[made.id()]).await.expect(201);
    let path = format!("/Groups/{}", team.id());
    assert_eq!(house.get(&path).await.body.get("members"), None, "who joins waits");
    assert_eq!(house.lab.approve(Some(&team.id())), 1);
    assert_eq!(house.get(&path).await.body["members"][0]["value"], json!(made.id()));
    house.delete(&format!("/Users/{}", made.id())).await.expect(204);
    assert_eq!(house.get(&format!("/Users/{}", made.id())).await.body["active"], json!(false));
    house.close().await;
}

#[tokio::test]
async fn sc_24_heap_makes_a_second_account() {
    let house = House::of("heap").await;
    let id = house.user("old@example.com").await;
    let rename = json!([{ "op": "replace", "path": "userName", "value": "new@example.com" }]);
    let answer = house.patch(&format!("/Users/{id}"), rename).await.expect(200);
    assert_ne!(answer.id(), id);
    let names: Vec<Value> = house.lab.users().iter().map(|user| user["userName"].clone()).collect();
    assert_eq!(names, ["old@example.com", "new@example.com"]);
    house.close().await;
}

#[tokio::test]
async fn sc_24_interact_drops_what_it_has_no_use_for() {
    let house = House::of("interact").await;
    let mut sent = user("a");
    sent["timezone"] = json!("Europe/Berlin");
    sent[ENTERPRISE] = json!({ "department": "Tours", "manager": { "value": "1" } });
    let made = house.post("/Users", sent.clone()).await.expect(201);
    let lacking = tessera::scim::lacking(&sent, &made.body);
    assert_eq!(lacking.len(), 2, "{lacking:?}");
    house.close().await;
}

#[tokio::test]
async fn sc_24_github_wants_a_user_agent_and_replaces_all() {
    let house = House::of("github").await;
    let path = format!("/Users/{}", house.user("a@example.com").await);
    let without_active = json!({ "schemas": [USER], "userName": "a@example.com", "externalId": "1",
        "displayName": "A", "emails": [{ "value": "a@example.com" }] });
    let put = house.put(&path, without_active).await.expect(200);
    assert_eq!((&put.body["active"], put.body.get("name")), (&json!(false), None));
    house.put(&path, json!({ "schemas": [USER], "userName": "a@example.com" })).await.expect(400);
    house.delete(&path).await.expect(204);
    house.get(&path).await.expect(404);
    assert_eq!(house.lab.deleted().len(), 1);
    let house = house.without_user_agent();
    house.get("/Users").await.expect(403);
    house.close().await;
}

#[tokio::test]
async fn sc_24_atlassian_forgets_who_is_inactive() {
    let house = House::of("atlassian").await;
    house.find("Users", "emails.value eq \"a\"").await.expect(400);
    house.find("Users", "userName eq \"a\" and active eq true").await.expect(400);
    let id = house.user("a@example.com").await;
    assert_eq!(total(&house.find("Users", "externalId eq \"ext-a@example.com\"").await.expect(200).body), 1);
    let path = format!("/Users/{id}");
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    let answer = house.patch(&path, off.clone()).await.expect(200);
    assert_eq!(answer.body["active"], json!(false));
    house.get(&path).await.expect(404);
    house.patch(&path, off).await.expect(404);
    house.delete(&path).await.expect(404);
    assert_ne!(house.user("a@example.com").await, id, "made anew, it is another one");
    house.close().await;
}

#[tokio::test]
async fn sc_24_zoom_says_yes_and_does_nothing() {
    let house = House::of("zoom").await;
    let path = format!("/Users/{}", house.user("a@example.com").await);
    let change = json!([
        { "op": "replace", "path": "userName", "value": "b@example.com" },
        { "op": "replace", "path": "title", "value": "Boss" },
    ]);
    let answer = house.patch(&path, change).await.expect(200);
    assert_eq!((&answer.body["userName"], &answer.body["title"]), (&json!("a@example.com"), &json!("Boss")));
    house.close().await;
}

#[tokio::test]
async fn sc_24_the_dialect_that_entra_speaks() {
    let house = House::of("entra").await;
    let ids = house.users(2);
    let path = format!("/Users/{}", ids[0]);
    house.patch(&path, json!([{ "op": "replace", "path": "active", "value": "False" }])).await.expect(501);
    house.patch(&path, json!([{ "op": "Replace", "path": "active", "value": false }])).await.expect(400);
    house.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "False" }])).await.expect(204);
    assert_eq!(house.get(&path).await.body["active"], json!("False"));
    let group = format!("/Groups/{}", house.group("g", &ids).await.expect(201).id());
    let by_filter = json!([{ "op": "Remove", "path": format!("members[value eq \"{}\"]", ids[0]) }]);
    house.patch(&group, by_filter).await.expect(501);
    house
        .patch(&group, json!([{ "op": "Remove", "path": "members", "value": refs(&ids[..1]) }]))
        .await
        .expect(204);
    house.close().await;
}

#[tokio::test]
async fn members_removed_by_filter_only() {
    let house = House::of("scim2-server").await;
    let ids = house.users(1);
    let group = format!("/Groups/{}", house.group("g", &ids).await.expect(201).id());
    house
        .patch(&group, json!([{ "op": "remove", "path": "members", "value": refs(&ids) }]))
        .await
        .expect(400);
    let by_filter = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[0]) }]);
    let answer = house.patch(&group, by_filter).await.expect(200);
    assert_eq!(answer.body.get("members"), None);
    house.close().await;
}

#[tokio::test]
async fn a_new_group_may_lose_its_members() {
    let house = House::of("django-scim2").await;
    let ids = house.users(1);
    let group = house.group("g", &ids).await.expect(201);
    assert!(house.lab.members(&group.id()).is_empty());
    house.group("g", &[]).await.expect(201);
    let refused = house
        .patch(&format!("/Groups/{}", group.id()), json!([{ "op": "Add", "path": "members", "value": [] }]))
        .await;
    assert_eq!((refused.status, &refused.body["status"]), (501, &json!(501)));
    house.close().await;
}

#[tokio::test]
async fn conflicts_are_told_in_each_way() {
    for (conflict, status, kind) in [
        (Conflict::Uniqueness, 409, "uniqueness"),
        (Conflict::NoType, 409, ""),
        (Conflict::BadRequest, 400, ""),
        (Conflict::ServerError, 500, ""),
    ] {
        let house = House::open(Quirks { conflict, ..Quirks::default() }).await;
        house.user("a").await;
        let refused = house.post("/Users", user("A")).await.expect(status);
        assert_eq!(refused.scim_type(), kind);
        house.close().await;
    }
}

#[tokio::test]
async fn unknown_members_are_told_in_each_way() {
    for (unknown_member, status) in [
        (UnknownMember::Refused, 400),
        (UnknownMember::Ignored, 201),
        (UnknownMember::NotFound, 404),
        (UnknownMember::ServerError, 500),
    ] {
        let house = House::open(Quirks { unknown_member, ..Quirks::default() }).await;
        house.group("g", &["nobody".to_owned()]).await.expect(status);
        house.close().await;
    }
}

#[tokio::test]
async fn filters_fail_in_each_way() {
    let house = House::open(Quirks::default()).await;
    house.users(3);
    let count = |filter: &'static str| {
        let house = &house;
        async move { total(&house.find("Users", filter).await.expect(200).body) }
    };
    house.lab.set_quirks(Quirks { user_name_filter: Case::Sensitive, ..Quirks::default() });
    assert_eq!(
        (count("userName eq \"P1@example.com\"").await, count("userName eq \"p1@example.com\"").await),
        (0, 1)
    );
    house.lab.set_quirks(Quirks { filter: FilterSupport::Ignored, ..Quirks::default() });
    assert_eq!(count("userName eq \"p1@example.com\"").await, 3);
    house.lab.set_quirks(Quirks { external_id_filter: ExternalIdFilter::Nothing, ..Quirks::default() });
    assert_eq!(count("externalId eq \"ext-p1@example.com\"").await, 0);
    house.lab.set_quirks(Quirks { external_id_filter: ExternalIdFilter::All, ..Quirks::default() });
    assert_eq!(count("externalId eq \"nobody\"").await, 3);
    house.lab.set_quirks(Quirks { filter: FilterSupport::Unsupported, ..Quirks::default() });
    house.find("Users", "userName pr").await.expect(400);
    house.close().await;
}

#[tokio::test]
async fn patch_answers_in_each_way() {
    let house =
        House::open(Quirks { patch_user: PatchAnswer::NoContent, no_location: true, ..Quirks::default() })
            .await;
    let made = house.post("/Users", user("a")).await.expect(201);
    assert_eq!(made.header("location"), None);
    let path = format!("/Users/{}", made.id());
    let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    assert!(house.patch(&path, title.clone()).await.expect(204).text.is_empty());
    house.lab.set_quirks(Quirks {
        patch_user: PatchAnswer::Unsupported,
        patch_group: PatchAnswer::Unsupported,
        ..Quirks::default()
    });
    house.patch(&path, title).await.expect(501);
    let config = house.get("/ServiceProviderConfig").await.body;
    assert_eq!(config["patch"]["supported"], json!(false));
    house.close().await;
}

#[tokio::test]
async fn the_configuration_may_be_missing_or_a_page() {
    let house = House::open(Quirks { config: ConfigAnswer::Missing, ..Quirks::default() }).await;
    house.get("/ServiceProviderConfig").await.expect(404);
    house.lab.set_quirks(Quirks { config: ConfigAnswer::Html, ..Quirks::default() });
    let page = house.get("/ServiceProviderConfig").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    house.lab.set_quirks(Quirks { claims_no_filter: true, ..Quirks::default() });
    assert_eq!(house.get("/ServiceProviderConfig").await.body["filter"]["supported"], json!(false));
    house.find("Users", "userName pr").await.expect(200);
    house.close().await;
}

#[tokio::test]
async fn immutable_attributes_may_be_refused_and_groups_have_an_end() {
    let quirks = Quirks {
        immutable_attributes: vec!["userName".to_owned()],
        immutable_change: ImmutableChange::Refused,
        members_max: Some(2),
        members_on_create: Members::Kept,
        no_etags: true,
        ..Quirks::default()
    };
    let house = House::open(quirks).await;
    let ids = house.users(3);
    let rename = json!([{ "op": "replace", "path": "userName", "value": "x" }]);
    let path = format!("/Users/{}", ids[0]);
    assert_eq!(house.patch(&path, rename).await.expect(400).scim_type(), "mutability");
    let read = house.get(&path).await;
    assert_eq!((read.header("etag"), read.body["meta"].get("version")), (None, None));
    house.group("three", &ids).await.expect(413);
    let two = house.group("two", &ids[..2]).await.expect(201);
    let add = json!([{ "op": "add", "path": "members", "value": refs(&ids[2..]) }]);
    house.patch(&format!("/Groups/{}", two.id()), add).await.expect(413);
    house.close().await;
}

#[test]
fn profiles_are_data() {
    for name in profile_names() {
        let quirks = profile(name).unwrap();
        let written = serde_json::to_string(&quirks).unwrap();
        assert_eq!(serde_json::from_str::<Quirks>(&written).unwrap(), quirks, "{name}");
    }
    assert!(profile("nobody").unwrap_err().message.contains("keeper"));
    assert_eq!(serde_json::from_str::<Quirks>("{}").unwrap(), profile("none").unwrap());
}
