//! AV-01, SE-01: the server is killed in the middle of a thousand changes that are to reach an application. Nothing is lost,
//! nobody is there twice, and whoever was made was made once.

mod lab_service;

use std::time::Duration;

use lab_service::TOKEN;
use serde_json::{Value, json};
use support::{Api, PrivatePostgres, Setup, Tessera, rounds, until};

const PEOPLE: usize = 1000;
/// Of whom so many are given another name later, and so many others are suspended.
const RENAMED: usize = 150;
const LEAVING: usize = 100;
/// Requests that are under way at the same time.
const AT_ONCE: usize = 4;

#[test]
fn av_01_se_01_nothing_is_lost_or_made_twice_when_sqlite_is_killed() {
    survive(Tessera::setup(env!("CARGO_BIN_EXE_tessera")), rounds(10, 50), rounds(2, 10));
}

#[test]
fn av_01_05_se_01_nothing_is_lost_or_made_twice_when_the_server_on_postgresql_is_killed() {
    let cluster = PrivatePostgres::start();
    let url = cluster.create_database();
    // Another node waits until the lease of the one that is gone is over, and that takes a while each time.
    survive(Tessera::setup(env!("CARGO_BIN_EXE_tessera")).database(&url), rounds(1, 10), rounds(1, 3));
}

/// So many ends while all are made, and so many while they change and leave.
fn survive(setup: Setup, total: usize, later: usize) {
    let runtime = lab_service::runtime();
    let (lab, url) = lab_service::start(&runtime, Duration::from_millis(2));
    let mut tessera = setup.arg("--outbound-allow").arg("127.0.0.1/32").start();
    // One token is good for so many calls a minute, and this makes many.
    let mint = |tessera: &Tessera| tessera.ok(&["token", "create", "--name", "test", "--role", "owner"], "");
    let token = mint(&tessera);
    let mut api = Api::new(&tessera.base(), token.trim());
    let group = api.post("/groups", &json!({ "name": "Staff" })).expect(201)["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let app =
        api.post("/applications", &json!({ "connector": "custom-saml", "label": "Aqueduct" })).expect(201);
    let app = format!("/applications/{}", app["id"].as_str().expect("an id"));
    let mut people = Vec::with_capacity(PEOPLE);
    for n in 0..PEOPLE {
        if n % 200 == 100 {
            api = Api::new(&tessera.base(), mint(&tessera).trim());
        }
        let person = json!({ "username": format!("p{n:04}"), "email": format!("p{n:04}@example.com"), "password": "violet tram on the ninth hill" });
        let id = api.post("/users", &person).expect(201)["id"].as_str().expect("an id").to_owned();
        api.put(&format!("/groups/{group}/members/{id}"), &Value::Null).expect(204);
        people.push(id);
    }
    let connection = json!({ "base_url": url, "token": TOKEN, "manage_groups": true });
    api.put(&format!("{app}/provisioning"), &connection).expect(200);
    api.put(&format!("{app}/groups/{group}"), &Value::Null).expect(204);
    api.post(&format!("{app}/provisioning/activate"), &Value::Null).expect(200);
    for round in 1..=total {
        // Every round is cut off elsewhere.
        let count = (PEOPLE * round / (total + 1)).max(1);
        reached("the next cut", || lab.users().len() >= count);
        tessera.kill();
        tessera.start_again();
    }
    reached("everybody, in the group too", || {
        let group = lab.group_named("Staff").and_then(|group| group["id"].as_str().map(str::to_owned));
        lab.users().len() == PEOPLE && group.is_some_and(|group| lab.members(&group).len() == PEOPLE)
    });
    let mut api = Api::new(&tessera.base(), token.trim());
    reached("all noted", || {
        let body = api.get(&format!("{app}/provisioning")).expect(200);
        body["users"]["synced"] == json!(PEOPLE) && body["groups"]["synced"] == json!(1)
    });
    let mut names: Vec<String> = lab.users().iter().map(|user| user["userName"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(
        (names.len(), lab.users().len(), lab.groups().len()),
        (PEOPLE, PEOPLE, 1),
        "nobody is there twice"
    );
    assert!(lab.deleted().is_empty());
    let made = lab.counts().get("POST /Users").copied().unwrap_or_default();
    let twice = usize::try_from(made).expect("a count") - PEOPLE;
    assert!(twice <= total * AT_ONCE, "{twice} were asked for twice: at most what was under way at each end");
    lab.set_latency(Duration::from_millis(40));
    let mut api = Api::new(&tessera.base(), mint(&tessera).trim());
    for id in &people[..RENAMED] {
        api.patch(&format!("/users/{id}"), &json!({ "last_name": "Augusta" })).expect(200);
    }
    api.patch(&format!("/groups/{group}"), &json!({ "name": "All staff" })).expect(200);
    for id in &people[PEOPLE - LEAVING..] {
        api.post(&format!("/users/{id}/suspend"), &Value::Null).expect(200);
    }
    let inactive = || lab.users().iter().filter(|user| user["active"] == json!(false)).count();
    for round in 1..=later {
        reached("the next cut", || inactive() >= LEAVING * round / (later + 1));
        tessera.kill();
        tessera.start_again();
    }
    reached("every change, every departure, and the group", || {
        let renamed = lab.users().iter().filter(|user| user["name"]["familyName"] == "Augusta").count();
        let group = lab.group_named("All staff").and_then(|group| group["id"].as_str().map(str::to_owned));
        let members = group.map(|group| lab.members(&group).len());
        (inactive(), renamed, members) == (LEAVING, RENAMED, Some(PEOPLE - LEAVING))
    });
    assert_eq!((lab.users().len(), lab.groups().len()), (PEOPLE, 1), "nobody and nothing is there twice");
    tessera.ok(&["events", "verify"], "");
}

fn reached(what: &str, holds: impl FnMut() -> bool) {
    until(what, Duration::from_mins(3), holds);
}
