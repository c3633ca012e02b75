//! How it stands with people and groups at an application, as an administrator without JavaScript meets it: what waits for
//! a yes, what failed, what would be sent, what is different.

use axum::http::StatusCode;
use tessera::base::clock::MINUTE;
use tessera::lab::scim::{Fault, Rule};

use crate::scene::{Figures, Scene};

#[tokio::test]
async fn what_waits_for_a_yes_is_approved_and_rejected() {
    let mut scene = Scene::active().await;
    scene.submit("", &[("require_approval", "create"), ("action", "save")]).await;
    scene.admin.says("Saved.");
    for name in ["second", "third"] {
        scene.join(name).await;
    }
    scene.turn().await;
    scene.reload().await;
    scene.admin.says("2 changes wait for your yes").says("Make the account").shows("To approve", "2");
    let mut tickets: Vec<(String, String)> = scene
        .admin
        .elements()
        .iter()
        .filter(|e| e.attr("name") == Some("entry"))
        .map(|e| (e.attr("data-name").unwrap().to_owned(), e.attr("value").unwrap().to_owned()))
        .collect();
    tickets.sort();
    let tickets: Vec<String> = tickets.into_iter().map(|(_, ticket)| ticket).collect();
    scene.submit("/approvals", &[("action", "approve")]).await;
    assert_eq!(scene.admin.status, StatusCode::CONFLICT);
    scene.admin.says("nothing was ticked");
    scene.submit("/approvals", &[("approve", &tickets[0])]).await;
    scene.admin.says("Approved. It is sent now.").says("1 change waits for your yes");
    scene.submit("/approvals", &[("approve", &tickets[0])]).await;
    assert_eq!(scene.admin.status, StatusCode::CONFLICT);
    scene.admin.says("Nothing was decided: something of it has changed meanwhile");
    scene.submit("/approvals", &[("entry", &tickets[1]), ("action", "reject")]).await;
    scene.admin.says("Rejected. Nothing of it is sent.").says("1 person could not be kept in sync");
    scene.turn().await;
    assert_eq!([scene.service.is_active("second"), scene.service.is_active("third")], [Some(true), None]);
}

#[tokio::test]
async fn all_that_waits_is_decided_on_at_once_and_what_came_later_is_not() {
    let mut scene = Scene::active().await;
    scene.submit("", &[("require_approval", "create"), ("action", "save")]).await;
    for name in ["second", "third"] {
        scene.join(name).await;
    }
    scene.turn().await;
    scene.reload().await;
    scene.admin.says("Approve all 2").says("Reject all 2");
    let seen = scene.world.clock.now().0.to_string();
    scene.world.clock.advance(MINUTE);
    scene.join("fourth").await;
    scene.turn().await;
    // The state page offers each by itself.
    scene.admin.get(&format!("{}/state?status=awaiting_approval", scene.tab)).await;
    scene.admin.says("fourth").says("What exactly").says("Approve");
    scene.reload().await;
    scene.submit("/approvals", &[("action", "approve_all"), ("until", &seen)]).await;
    scene.admin.says("Approve all 2 changes that wait?").says("also what this page does not show");
    scene.submit("/approvals", &[("action", "approve_all"), ("until", &seen), ("confirmed", "yes")]).await;
    scene.admin.says("Approved. It is sent now.").says("1 change waits for your yes");
    scene.turn().await;
    let names = ["second", "third", "fourth"];
    assert_eq!(names.map(|name| scene.service.is_active(name)), [Some(true), Some(true), None]);
    let now = scene.world.clock.now().0.to_string();
    scene.submit("/approvals", &[("action", "reject_all"), ("until", &now), ("confirmed", "yes")]).await;
    scene.admin.says("Rejected. Nothing of it is sent.").says("1 person could not be kept in sync");
}

#[tokio::test]
async fn how_many_are_many_is_set_on_the_page() {
    let mut scene = Scene::active().await;
    scene.submit("", &[("mass_change_count", "many"), ("action", "save")]).await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(scene.admin.error_at("mass_change_count").is_some());
    scene.submit("", &[("mass_change_percent", "101"), ("action", "save")]).await;
    assert!(scene.admin.error_at("mass_change_percent").is_some());
    scene.submit("", &[("mass_change_count", "0"), ("mass_change_percent", "0"), ("action", "save")]).await;
    scene.admin.says("Saved.");
    scene.leave().await;
    scene.turn().await;
    scene.reload().await;
    scene.admin.says("1 change waits for your yes").says("Many people would lose their accounts at once.");
}

#[tokio::test]
async fn what_failed_is_told_in_words_and_tried_again() {
    let mut scene = Scene::active().await;
    scene
        .service
        .lab
        .add_fault(Rule::new(Fault::Status { status: 400, retry_after: None }).on("POST", "Users"));
    scene.join("second").await;
    scene.turn().await;
    scene.reload().await;
    scene.admin.says("1 person could not be kept in sync").says("second").says("It waits for you.");
    scene.admin.says("Make the account");
    let list = scene.admin.link(&format!("{}/state", scene.tab)).expect("the list is a link away");
    scene.admin.get(&list).await;
    scene.admin.says("second").says("Failed").says("maria").says("In sync");
    scene.admin.get(&format!("{}/state?status=failed", scene.tab)).await;
    scene.admin.says("second").says_not("maria");
    scene.admin.get(&format!("{}/state?kind=group", scene.tab)).await;
    scene.admin.says_not("second");
    scene.service.lab.clear_faults();
    scene.reload().await;
    scene.submit("/retry", &[]).await;
    scene.admin.says("It is tried again now.").says_not("could not be kept in sync");
    scene.turn().await;
    scene.reload().await;
    scene.admin.shows("People in sync", "2");
    assert_eq!(scene.service.is_active("second"), Some(true));
}

#[tokio::test]
async fn a_dry_run_shows_each_request_before_activation() {
    let mut scene = Scene::new().await;
    scene.configure(&[("manage_groups", "on"), ("action", "save")]).await;
    scene.submit("/dry-run", &[]).await;
    scene
        .admin
        .says("What would be sent")
        .says("POST /Users")
        .says("POST /Groups")
        .says("\"userName\": \"maria\"");
    scene.admin.shows("Looked at", "2").shows("Requests", "2");
    assert!(scene.service.lab.users().is_empty() && scene.service.lab.groups().is_empty());
    scene.service.lab.add_fault(Rule::new(Fault::Status { status: 401, retry_after: None }));
    scene.reload().await;
    scene.submit("/dry-run", &[]).await;
    scene.admin.says("401");
}

#[tokio::test]
async fn comparing_names_what_somebody_else_changed() {
    let mut scene = Scene::active().await;
    scene.service.lab.seed_user(serde_json::json!({"userName": "stranger"})).unwrap();
    let id = scene.service.lab.user_named("maria").unwrap()["id"].as_str().unwrap().to_owned();
    let off = serde_json::json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    scene.service.lab.change(&id, &off).unwrap();
    scene.submit("/comparison", &[]).await;
    scene
        .admin
        .says("Compared. What was found stands below.")
        .shows("Changed there", "1")
        .shows("Not ours", "1");
    scene.admin.says("Somebody changed active in Ledger.").says("stranger");
    scene.turn().await;
    assert_eq!(scene.service.is_active("maria"), Some(true));
    scene.submit("/comparison", &[]).await;
    scene.admin.shows("Changed there", "0");
}
