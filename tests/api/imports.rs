//! People brought in from an application over REST: listed, chosen, followed to the end.

use std::time::Duration;

use serde_json::{Value, json};
use tessera::auth::Role;
use tessera::base::Random;
use tessera::lab::scim::{Fault, LabScim, Quirks, Rule, ScimLabOptions};
use tokio::net::TcpListener;

use crate::support::{Api, House, NOTHING};

const TOKEN: &str = "of-the-lab";

/// An application whose identity management is active, and its service.
pub async fn connected(house: &House, owner: &Api) -> (String, LabScim) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let options = ScimLabOptions {
        origin,
        token: TOKEN.to_owned(),
        quirks: Quirks::default(),
        latency: Duration::ZERO,
    };
    let lab = LabScim::new(options, house.clock.clone(), Random::seeded(11));
    let (url, router) = (lab.base_url(), lab.router());
    // It ends with the runtime of the test.
    drop(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    let made = owner
        .post("/applications", json!({ "connector": "custom-saml", "label": "Ledger" }))
        .await
        .expect(201);
    let app = format!("/applications/{}", made["id"].as_str().unwrap());
    let connection = json!({ "base_url": url, "token": TOKEN });
    owner.json("PUT", &format!("{app}/provisioning"), &[], &connection).await.expect(200);
    owner.post(&format!("{app}/provisioning/activate"), Value::Null).await.expect(200);
    (app, lab)
}

fn there(lab: &LabScim, name: &str, active: bool) -> String {
    let mail = json!([{ "value": format!("{name}@example.com"), "primary": true }]);
    lab.seed_user(
        json!({ "userName": name, "active": active, "emails": mail, "roles": [{ "value": "owner" }] }),
    )
    .unwrap()
}

#[tokio::test]
async fn im_02_people_are_listed_chosen_and_made() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (app, lab) = connected(&house, &owner).await;
    let users = format!("{app}/import/users");
    let (ada, bob) = (there(&lab, "ada", true), there(&lab, "bob", false));
    owner.post("/users", json!({ "username": "cid", "email": "cid@example.com" })).await.expect(201);
    let cid = there(&lab, "cid", true);
    let first = owner.get(&format!("{users}?limit=2")).await.expect(200);
    let row = &first["items"][0];
    assert_eq!(
        (&row["remote_id"], &row["status"], &row["active"]),
        (&json!(ada), &json!("new"), &json!(true))
    );
    assert_eq!(first["items"][1]["active"], json!(false));
    let reads = lab.requests().len();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = owner.get(&format!("{users}?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((second["items"][0]["remote_id"].clone(), &second["next_cursor"]), (json!(cid), &Value::Null));
    assert_eq!(lab.requests().len(), reads, "the second page shows what was read for the first");
    let new = owner.get(&format!("{users}?status=new")).await.expect(200);
    assert_eq!(new["items"].as_array().unwrap().len(), 2);
    owner.get(&format!("{users}?status=odd")).await.refused(422, "invalid_input");

    let chosen = json!({ "remote_ids": [ada, bob, cid] });
    let began = owner.json("POST", &format!("{app}/import"), &[("idempotency-key", "1")], &chosen).await;
    let place = began.header("location").to_owned();
    let job = began.expect(202);
    assert_eq!((&job["status"], &job["total"]), (&json!("running"), &json!(3)));
    let again =
        owner.json("POST", &format!("{app}/import"), &[("idempotency-key", "1")], &chosen).await.expect(202);
    assert_eq!(again["id"], job["id"], "sent again, it is the same import");
    owner.post(&format!("{app}/import"), chosen.clone()).await.refused(409, "import_running");
    house.turn().await;
    let done = owner.get(&place).await.expect(200);
    assert_eq!(
        (&done["status"], &done["imported"], &done["skipped"]),
        (&json!("done"), &json!(1), &json!(2))
    );
    let codes: Vec<&Value> = done["problems"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["remote_suspended", "already_here"]);
    let made = owner.get("/users?q=ada").await.expect(200);
    assert_eq!(made["items"][0]["state"], "staged");
    let user = made["items"][0]["id"].as_str().unwrap();
    assert!(owner.get(&format!("/users/{user}")).await.expect(200)["role"].is_null(), "IM-03");
    let events =
        owner.get(&format!("/events?application={}", app.rsplit('/').next().unwrap())).await.expect(200);
    let names: Vec<&str> =
        events["items"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"user_import") && names.contains(&"user_import_end"), "{names:?}");
    let whole = owner.post(&format!("{app}/import"), json!({ "all_new": true })).await;
    whole.refused(422, "invalid_input");
}

#[tokio::test]
async fn an_import_is_stopped_and_says_so() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let (app, lab) = connected(&house, &owner).await;
    there(&lab, "ada", true);
    owner.get(&format!("{app}/import/users")).await.expect(200);
    let job = owner.post(&format!("{app}/import"), json!({ "all_new": true })).await.expect(202);
    let place = format!("{app}/import/{}", job["id"].as_str().unwrap());
    let admin = house.api(Role::ApplicationAdmin).await;
    admin.post(&format!("{place}/cancel"), Value::Null).await.expect(403);
    let stopped = owner.post(&format!("{place}/cancel"), Value::Null).await.expect(200);
    assert_eq!((&stopped["status"], &stopped["imported"]), (&json!("cancelled"), &json!(0)));
    owner.post(&format!("{place}/cancel"), Value::Null).await.refused(409, "import_ended");
    house.turn().await;
    assert_eq!(owner.get(&place).await.expect(200)["status"], "cancelled");
    assert!(owner.get("/users?q=ada").await.expect(200)["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_import_that_cannot_be_is_refused_whole() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let bare = owner.post("/applications", json!({ "connector": "custom-saml" })).await.expect(201);
    let bare = format!("/applications/{}", bare["id"].as_str().unwrap());
    owner.get(&format!("{bare}/import/users")).await.refused(404, "provisioning_not_configured");
    let (app, lab) = connected(&house, &owner).await;
    let ada = there(&lab, "ada", true);
    let import = format!("{app}/import");
    for body in [
        json!({}),
        json!({ "remote_ids": [] }),
        json!({ "remote_ids": [ada] }),
        json!({ "remote_ids": ["\u{0}"] }),
    ] {
        owner.post(&import, body.clone()).await.expect(422);
    }
    owner.get(&format!("{app}/import/users")).await.expect(200);
    owner.post(&import, json!({ "remote_ids": [ada, "nobody"] })).await.expect(422);
    owner.post(&import, json!({ "remote_ids": [ada], "all_new": true })).await.expect(422);
    owner.get(&format!("{import}/{NOTHING}")).await.refused(404, "not_found");
    lab.add_fault(Rule::new(Fault::Garbage).on("GET", "Users"));
    let unread = owner.get(&format!("{app}/import/users")).await;
    assert!((400..=503).contains(&unread.status), "{}", unread.text());
    assert!(unread.text().contains("could not be read whole"), "{}", unread.text());
    lab.clear_faults();
    owner.post(&format!("{app}/provisioning/deactivate"), Value::Null).await.expect(200);
    owner.get(&format!("{app}/import/users")).await.refused(409, "provisioning_inactive");
    house.turn().await;
    let people = owner.get("/users").await.expect(200);
    assert!(people["items"].as_array().unwrap().is_empty(), "nobody was made by any of it");
}
