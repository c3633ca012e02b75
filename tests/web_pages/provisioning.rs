//! Identity management as an administrator without JavaScript meets it, at a SCIM service of the lab.

use axum::http::StatusCode;
use tessera::base::clock::MINUTE;
use tessera::lab::scim::{Fault, Rule};

use crate::applications::add;
use crate::scene::{Figures, Scene, Service, TOKEN};
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn a_connection_is_configured_activated_and_deactivated() {
    let mut scene = Scene::new().await;
    scene.admin.says("Where Ledger’s SCIM service is").says_not("People in sync").says_not("Activate");
    scene.configure(&[("token_expires_at", "2026-12-01"), ("manage_groups", "on"), ("action", "save")]).await;
    scene.admin.says("Saved.").says("The token for Ledger ends soon: 9 days left").says_not("People in sync");
    assert!(!scene.admin.body.contains(TOKEN), "a token is never shown again");
    assert_eq!(scene.admin.value("base_url").as_deref(), Some(scene.service.url.as_str()));
    scene.submit("", &[("action", "activate")]).await;
    scene.admin.says("Connected, and verified.").says("Write access is not tried yet");
    assert!(scene.service.lab.users().is_empty(), "activation only reads");
    scene.turn().await;
    scene.reload().await;
    scene.admin.shows("People in sync", "1").shows("Groups in sync", "1").says("It takes our changes.");
    assert_eq!(scene.service.is_active("maria"), Some(true));
    scene.submit("/deactivate", &[]).await;
    scene.admin.says("Deactivate identity management of Ledger?").says("1 person and 1 group stays as it is");
    scene.submit("/deactivate", &[("confirmed", "yes")]).await;
    scene.admin.says("Deactivated. Nothing is sent any more.").says("Not connected to Ledger");
    scene.join("second").await;
    scene.turn().await;
    assert_eq!((scene.service.is_active("maria"), scene.service.is_active("second")), (Some(true), None));
    scene.submit("", &[("action", "activate")]).await;
    scene.turn().await;
    assert_eq!(scene.service.is_active("second"), Some(true), "the token was kept");
}

#[tokio::test]
async fn two_applications_at_one_address_are_told_of() {
    let mut scene = Scene::active().await;
    scene.admin.says_not("have the same SCIM address");
    let app = add(&mut scene.admin, "custom-saml", &[("label", "Ledger again")]).await;
    scene.tab = format!("{app}/provisioning");
    scene.reload().await;
    scene.configure(&[("action", "save")]).await;
    scene.admin.says("Ledger and Ledger again have the same SCIM address");
}

#[tokio::test]
async fn an_activation_that_fails_says_why_and_loses_nothing() {
    let mut scene = Scene::new().await;
    scene
        .configure(&[("token", "not-the-token"), ("on_user_delete", "nothing"), ("action", "activate")])
        .await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    scene.admin.says("Saved, but Ledger could not be activated").says("401");
    assert_eq!(scene.admin.value("base_url").as_deref(), Some(scene.service.url.as_str()));
    let fields = scene.admin.form_fields(&scene.tab);
    assert!(fields.contains(&("on_user_delete".into(), "nothing".into())), "{fields:?}");
    scene.service.lab.add_fault(Rule::new(Fault::Status { status: 503, retry_after: None }));
    scene.submit("", &[("token", TOKEN), ("action", "activate")]).await;
    assert_eq!(scene.admin.status, StatusCode::SERVICE_UNAVAILABLE);
    scene.admin.says("Saved, but Ledger could not be activated").says("503");
    scene.service.lab.clear_faults();
    scene.submit("", &[("action", "activate")]).await;
    scene.admin.says("Connected to Ledger, and verified");

    let mut scene = Scene::new().await;
    scene.submit("", &[("token", TOKEN), ("action", "save")]).await;
    assert!(scene.admin.error_at("base_url").is_some());
    scene.submit("", &[("base_url", "https://10.0.0.1/scim"), ("action", "save")]).await;
    assert!(scene.admin.error_at("base_url").unwrap().contains("not public"), "A-31");
    assert_eq!(
        scene.admin.value("base_url").as_deref(),
        Some("https://10.0.0.1/scim"),
        "what was typed is kept"
    );
    scene.configure(&[("token", "with a blank"), ("action", "save")]).await;
    assert!(scene.admin.error_at("token").is_some());
    scene.configure(&[("token", ""), ("token_expires_at", "2027-01-01"), ("action", "save")]).await;
    assert!(scene.admin.error_at("token_expires_at").is_some());
}

#[tokio::test]
async fn the_two_other_ways_to_prove_oneself_work_too() {
    let mut scene = Scene::new().await;
    let basic = [("auth", "basic"), ("token", ""), ("scim_username", "lab"), ("scim_password", TOKEN)];
    scene.configure(&[basic.as_slice(), &[("action", "activate")]].concat()).await;
    scene.admin.says("Connected to Ledger, and verified");
    let origin = scene.service.url.trim_end_matches("/scim/v2").to_owned();
    let token_url = format!("{origin}/oauth/token");
    let oauth = [
        ("auth", "oauth2_client_credentials"),
        ("token_url", token_url.as_str()),
        ("client_id", "lab"),
        ("client_secret", TOKEN),
    ];
    scene.submit("/token", &oauth).await;
    scene.admin.says("The new token is saved");
    assert!(!scene.admin.body.contains(TOKEN));
}

#[tokio::test]
async fn w_09_address_token_and_mapping_ask_for_the_password_and_the_rest_does_not() {
    let mut scene = Scene::active().await;
    scene.world.clock.advance(6 * MINUTE);
    scene.submit("", &[("on_user_delete", "nothing"), ("action", "save")]).await;
    scene.admin.says("Saved.");
    scene.submit("/token", &[("token", TOKEN)]).await;
    scene.admin.says("Enter your password again").says("how Tessera proves itself to Ledger");
    scene.submit("/token", &[("step_up_password", PASSWORD)]).await;
    scene.admin.says("The new token is saved");
    scene.world.clock.advance(6 * MINUTE);
    scene.reload().await;
    let row = scene.row("displayName");
    scene.submit("/mapping", &[(&format!("{row}.source"), "username"), ("action", "save")]).await;
    scene.admin.says("Enter your password again").says("what Ledger is sent of people");
    scene.submit("/mapping", &[("step_up_password", PASSWORD)]).await;
    scene.admin.says("Saved.");
    scene.world.clock.advance(6 * MINUTE);
    scene.reload().await;
    scene.submit("", &[("base_url", "http://127.0.0.1:1/scim"), ("action", "save")]).await;
    scene.admin.says("Enter your password again").says("where Ledger’s people are sent");
    scene.submit("", &[("step_up_password", PASSWORD)]).await;
    // Another address is another service: it is given its own token and activated.
    scene.admin.says("Saved.").says("Draft").says_not("Connected to Ledger");
}

#[tokio::test]
async fn another_token_is_tried_before_the_old_one_is_let_go() {
    let mut scene = Scene::active().await;
    scene.submit("/token", &[("token", "wrong")]).await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    scene.admin.says("The token was not changed; the one before stays in use").says("401");
    scene.join("second").await;
    scene.turn().await;
    assert_eq!(scene.service.is_active("second"), Some(true), "the old one is in use");
    scene.service.lab.set_token("another");
    scene.submit("/token", &[("token", "another"), ("token_expires_at", "2027-06-12")]).await;
    scene.admin.says("The new token is saved").says("It ends on 12 June 2027.");
    scene.submit("/token", &[("token", "")]).await;
    assert!(scene.admin.error_at("token").is_some());
}

#[tokio::test]
async fn the_mapping_is_edited_seen_before_it_counts_and_restored() {
    let mut scene = Scene::active().await;
    let (title, user_name) = (scene.row("title"), scene.row("userName"));
    let elements = scene.admin.elements();
    let removes = |row: &str| elements.iter().any(|e| e.attr("name") == Some(&format!("{row}.remove")));
    assert!(removes(&title) && !removes(&user_name), "a required row stays");
    let kind = format!("{title}.kind");
    let by_group = format!("{title}.by_group.rows");
    let change = [(kind.as_str(), "by_group"), (by_group.as_str(), "Ledger people = Keeper\n* = Guest")];
    scene.service.lab.clear_requests();
    scene.submit("/mapping", &[change.as_slice(), &[("action", "dry_run")]].concat()).await;
    scene
        .admin
        .says("What the changed mapping would send")
        .says("PATCH /Users/")
        .says("Keeper")
        .shows("Requests", "1");
    assert!(scene.service.lab.requests().iter().all(|request| request.method == "GET"), "nothing is written");
    scene.submit("/mapping", &[("action", "save")]).await;
    scene.admin.says("Saved.");
    scene.turn().await;
    assert_eq!(scene.service.lab.user_named("maria").unwrap()["title"], "Keeper");
    scene.admin.get(&format!("{}/preview?person=maria", scene.tab)).await;
    scene.admin.says("\"title\": \"Keeper\"");
    scene.reload().await;
    assert_eq!(scene.admin.value(&by_group).unwrap().trim(), "Ledger people = Keeper\n* = Guest");

    scene.submit("/mapping", &[(&by_group, "Nobody here = x"), ("action", "save")]).await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    scene.admin.says("Nobody here");
    assert_eq!(scene.admin.value(&by_group).unwrap().trim(), "Nobody here = x", "what was typed is kept");
    scene.submit("/mapping", &[(&by_group, "no rule"), ("action", "save")]).await;
    scene.admin.says("Line 1 has no = in it");

    scene.reload().await;
    scene.submit("/mapping", &[(&format!("{title}.remove"), "on"), ("action", "save")]).await;
    scene.admin.says("Saved.");
    assert!(!scene.has_row("title"));
    scene.submit("/mapping", &[("add", "title"), ("action", "add")]).await;
    scene.admin.says("Added below, and not saved yet");
    assert!(scene.has_row("title"));
    scene.submit("/mapping", &[("action", "save")]).await;
    scene.admin.says("Saved.");
    assert!(scene.has_row("title"));
    scene.submit("/mapping", &[("add_scim", "no path["), ("action", "add")]).await;
    assert!(scene.admin.error_at("add_scim").is_some());
    let name = scene.row("displayName");
    scene.submit("/mapping", &[(&format!("{name}.source"), "username"), ("action", "restore")]).await;
    scene.admin.says("This is the default, and not saved yet");
    assert!(!scene.admin.body.contains(">no path["));
}

#[tokio::test]
async fn a_required_row_can_not_be_left_out() {
    let mut scene = Scene::active().await;
    let row = scene.row("userName");
    let name = format!("{row}.scim");
    scene.submit("/mapping", &[(&name, "nickName"), ("action", "save")]).await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    scene.admin.says("userName is required");
}

#[tokio::test]
async fn w_15_two_administrators_do_not_undo_each_other() {
    let mut scene = Scene::active().await;
    let mut other = scene.world.signed_in("olivia").await;
    other.get(&scene.tab).await;
    other.submit(&scene.tab, &[("on_user_delete", "nothing"), ("action", "save")]).await;
    other.says("Saved.");
    scene.submit("", &[("on_user_delete", "nothing"), ("action", "save")]).await;
    assert_eq!(scene.admin.status, StatusCode::CONFLICT);
    scene.admin.says("Somebody else changed this while you were writing");
}

#[tokio::test]
async fn a_connector_asks_for_its_own_part_of_the_address() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "heap", &[]).await;
    let tab = format!("{app}/provisioning");
    admin.get(&tab).await;
    admin.says("Heap tenant").says("https://heapanalytics.com/scim/v2/YOUR_TENANT");
    admin
        .says("In Heap's account settings switch on SCIM")
        .says("Heap never changes userName and emails once set");
    assert_eq!(admin.value("base_url").as_deref(), Some("https://heapanalytics.com/scim/v2/YOUR_TENANT"));
    admin.submit(&tab, &[("action", "save")]).await;
    admin.says("Saved.").says("Heap Role").says("Heap never lets it change");
    admin.submit(&tab, &[("action", "activate")]).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("base_url").unwrap().contains("Heap tenant"));
    admin.submit(&tab, &[("placeholders.YOUR_TENANT", "acme"), ("token", TOKEN), ("action", "save")]).await;
    admin.says("Saved.").says("https://heapanalytics.com/scim/v2/acme");
    admin.submit(&tab, &[("placeholders.YOUR_TENANT", "other"), ("action", "save")]).await;
    admin.says("Saved.");
    assert!(!admin.text().contains("Leave it empty to keep it."), "another address needs its token again");
    let refused =
        [("placeholders.YOUR_TENANT", "third"), ("ca_certificate", "no certificate"), ("action", "save")];
    admin.submit(&tab, &refused).await;
    admin.says_not("Saved.");
    assert!(admin.error_at("ca_certificate").is_some());
    assert_eq!(admin.value("placeholders.YOUR_TENANT").as_deref(), Some("third"), "what was typed is kept");
    admin.get(&tab).await;
    let stored = admin.value("placeholders.YOUR_TENANT");
    assert_eq!(stored.as_deref(), Some("other"), "nothing of it was saved");

    let bookmark =
        add(&mut admin, "bookmark", &[("label", "Travel"), ("bookmark_url", "https://t.example")]).await;
    admin.get(&format!("{bookmark}/general")).await;
    admin.says_not("Identity management");
    admin.get(&format!("{bookmark}/provisioning")).await;
    assert_eq!(admin.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn where_the_application_wants_it_the_token_is_changed_only_after_deactivation() {
    let world = World::new().await;
    let service = Service::start(&world.clock).await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "interact", &[]).await;
    let tab = format!("{app}/provisioning");
    admin.get(&tab).await;
    admin.says("Deactivate the connection before you change its token.");
    let connect = [("base_url", service.url.as_str()), ("token", TOKEN), ("action", "save")];
    admin.submit(&tab, &connect).await;
    admin.submit(&tab, &[("action", "activate")]).await;
    admin.says("wants the connection to be deactivated before its token is changed");
    assert!(!admin.has_form(&format!("{tab}/token")));
    admin.submit(&format!("{tab}/deactivate"), &[("confirmed", "yes")]).await;
    service.lab.set_token("another");
    admin.submit(&tab, &[("token", "another"), ("action", "activate")]).await;
    admin.says("Connected, and verified.");
}

#[tokio::test]
async fn people_are_read_chosen_and_brought_in() {
    let mut scene = Scene::active().await;
    let import = format!("{}/import", scene.tab);
    scene.admin.get(&import).await;
    scene.submit("/import/scan", &[]).await;
    scene.admin.says("An owner brings them in").says_not("Import the ticked");
    scene.submit("/import", &[("action", "all_new")]).await;
    assert_eq!(scene.admin.status, StatusCode::FORBIDDEN, "A-36: who may not make people makes none so");
    scene.admin = scene.world.signed_in("olivia").await;
    for n in 0..4 {
        let name = format!("there{n}");
        let mail = serde_json::json!([{ "value": format!("{name}@example.com"), "primary": true }]);
        let user = serde_json::json!({ "userName": name, "displayName": format!("Person {n}"), "active": n != 3, "emails": mail });
        scene.service.lab.seed_user(user).unwrap();
    }
    scene.admin.get(&import).await;
    scene.admin.says("Read again").says_not("Person 0");
    scene.submit("/import/scan", &[]).await;
    scene
        .admin
        .says("Read. Choose who comes in.")
        .says("Person 0")
        .says("Suspended in Ledger: can’t be imported.");
    scene.admin.says("Import all 3 new people").says_not("maria");
    let ids: Vec<String> = scene
        .admin
        .elements()
        .iter()
        .filter(|e| e.attr("name") == Some("remote"))
        .map(|e| e.attr("value").unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 3, "who is suspended can't be ticked");
    scene.submit("/import", &[("action", "chosen")]).await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    scene.admin.says("Nobody was imported").says("Choose at least one person");
    scene.submit("/import", &[("action", "chosen"), ("remote", ids[0].as_str())]).await;
    scene.admin.says("Importing 1 person").says("0 of 1 done").says("Stop the import");
    let elements = scene.admin.elements();
    let job = elements.iter().find(|e| e.attr("name") == Some("job")).unwrap();
    let job = job.attr("value").unwrap().to_owned();
    scene.submit("/import/stop", &[("job", job.as_str())]).await;
    scene.admin.says("Import stopped: 0 of 1 person imported").says_not("Stop the import");
    scene.submit("/import", &[("action", "chosen"), ("remote", ids[0].as_str())]).await;
    scene.bring_in().await;
    scene.admin.get(&import).await;
    scene.admin.says("1 person was imported").says("They are staged").says("Import all 2 new people");
    scene.admin.get(&format!("{import}?status=imported")).await;
    scene.admin.says("Person 0").says("Their page here").says("maria");
    scene.submit("/import", &[("action", "all_new")]).await;
    scene.bring_in().await;
    scene.admin.get("/admin/users?q=there").await;
    scene.admin.says("Person 0").says("Person 1").says("Person 2").says_not("Person 3");
    scene.service.lab.add_fault(Rule::new(Fault::Status { status: 503, retry_after: None }));
    scene.admin.get(&import).await;
    scene.submit("/import/scan", &[]).await;
    assert_eq!(scene.admin.status, StatusCode::SERVICE_UNAVAILABLE);
    scene.admin.says("The people of Ledger could not be read").says("503");
}

#[tokio::test]
async fn sc_16_that_accounts_are_deleted_for_good_is_asked_once_more() {
    let mut scene = Scene::active().await;
    scene.submit("", &[("on_user_delete", "delete"), ("action", "save")]).await;
    assert_eq!(scene.admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    scene.admin.says("delete their account in Ledger for good").says("Tick this too");
    scene.submit("", &[("on_user_delete", "delete"), ("confirm_delete", "on"), ("action", "save")]).await;
    scene.admin.says("Saved.");
    // Once it is so, it is not asked again.
    scene.submit("", &[("require_approval", "create"), ("action", "save")]).await;
    scene.admin.says("Saved.");
}
