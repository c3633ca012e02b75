//! People, groups, settings, tokens and events in the console.

use axum::http::StatusCode;
use tessera::base::clock::MINUTE;

use crate::world::{Browser, World};

async fn page_of(admin: &mut Browser, name: &str) -> String {
    admin.get(&format!("/admin/users?q={name}")).await;
    admin.link("/admin/users/0").unwrap_or_else(|| panic!("no {name}"))
}

#[tokio::test]
async fn w_08_suspending_a_person_ends_their_sessions_at_once() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let mut mara = world.signed_in("mara").await;
    let page = page_of(&mut owner, "mara").await;
    owner.get(&page).await;
    owner.says("Firefox on Linux");
    owner.submit(&format!("{page}/suspend"), &[("confirmed", "-")]).await;
    owner.says("Suspend mara?");
    mara.get("/").await;
    assert_eq!(mara.here(), "/", "asking is not doing");
    owner.submit(&format!("{page}/suspend"), &[]).await;
    owner.says("Suspended");
    mara.get("/").await;
    assert_eq!(mara.here(), "/login");
    owner.submit(&format!("{page}/activate"), &[]).await;
    mara.get("/").await;
    assert_eq!(mara.here(), "/login", "the old session stays dead");
}

#[tokio::test]
async fn a_person_is_added_edited_and_deleted() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/users/new").await;
    let wrong =
        [("username", "mara"), ("email", "new@example.com"), ("first_name", "Nina"), ("manager", "ghost")];
    owner.submit("/admin/users", &wrong).await;
    assert!(owner.error_at("manager").is_some());
    owner.submit("/admin/users", &[("manager", "olivia")]).await;
    assert_eq!(owner.status, StatusCode::CONFLICT);
    assert!(owner.error_at("username").unwrap().contains("signs in with this name"));
    assert_eq!(owner.value("first_name").as_deref(), Some("Nina"));
    let right = [
        ("username", "nina"),
        ("phone_numbers.0.type", "work"),
        ("phone_numbers.0.value", "+44 1"),
        ("addresses.0.type", "work"),
        ("addresses.0.locality", "Leeds"),
        ("custom", "badge = 7\r\nshoe = 41"),
    ];
    owner.submit("/admin/users", &right).await;
    owner.says("Staged").says("olivia").says("Leeds").says("+44 1");
    let page = owner.here().to_owned();
    let edit = format!("{page}/edit");
    owner.get(&edit).await;
    assert_eq!(owner.value("custom").unwrap().trim(), "badge = 7\nshoe = 41");
    assert_eq!(owner.value("manager").as_deref(), Some("olivia"));
    owner.submit(&edit, &[("custom", "badge = 8"), ("first_name", ""), ("phone_numbers.0.value", "")]).await;
    owner.says("Saved.");
    owner.get(&edit).await;
    assert_eq!(owner.value("custom").unwrap().trim(), "badge = 8");
    assert_eq!(owner.value("first_name").as_deref(), Some(""));
    assert_eq!(owner.value("phone_numbers.0.value").as_deref(), Some(""), "only the free row is left");
    owner.get(&page).await;
    owner.submit(&format!("{page}/delete"), &[("confirmed", "-")]).await;
    owner.says("Delete nina?");
    owner.submit(&format!("{page}/delete"), &[]).await;
    assert_eq!(owner.here(), "/admin/users");
    owner.get("/admin/users/new").await;
    owner.submit("/admin/users", &[("username", "nina"), ("email", "nina@example.com")]).await;
    owner.says("Somebody else had this name lately");
    owner.submit("/admin/users", &[("reuse", "on")]).await;
    owner.says("Added.");
}

#[tokio::test]
async fn people_and_groups_are_given_to_scim_and_taken_back() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let page = page_of(&mut owner, "mara").await;
    owner.get(&page).await;
    owner.says("Programs that fill the directory over SCIM read mara and change nothing.");
    owner.submit(&format!("{page}/scim"), &[]).await;
    owner.says("Saved.").says("may change, suspend and delete mara.");
    owner.submit(&format!("{page}/scim"), &[]).await;
    owner.says("Saved.").says("change nothing.");
    let own = page_of(&mut owner, "olivia").await;
    owner.get(&own).await;
    owner.submit(&format!("{own}/scim"), &[]).await;
    owner.says("nobody with a role is changed over SCIM.");

    owner.get("/admin/groups/new").await;
    owner.submit("/admin/groups", &[("name", "Field sales")]).await;
    let group = owner.here().to_owned();
    owner.submit(&format!("{group}/scim"), &[]).await;
    owner.says("Saved.").says("Managed by SCIM").says("Take back from SCIM");
    owner.submit(&format!("{group}/scim"), &[]).await;
    owner.says("Give to SCIM");
    owner.submit(&format!("{group}/scim"), &[("managed", "perhaps")]).await;
    assert!(owner.status.is_client_error());
}

#[tokio::test]
async fn the_last_owner_can_be_neither_suspended_nor_demoted() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let page = page_of(&mut owner, "olivia").await;
    owner.get(&page).await;
    assert!(!owner.has_form(&format!("{page}/suspend")), "nobody suspends themselves");
    owner.submit(&format!("{page}/role"), &[("role", "none")]).await;
    assert_eq!(owner.status, StatusCode::CONFLICT);
    owner.says("This is the last active owner.");
}

#[tokio::test]
async fn groups_gain_members_and_applications_from_their_page() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/groups/new").await;
    owner.submit("/admin/groups", &[("name", "marketing")]).await;
    assert!(owner.error_at("name").unwrap().contains("Choose another"));
    owner.submit("/admin/groups", &[("name", "Field sales"), ("description", "Out and about")]).await;
    let group = owner.here().to_owned();
    owner.says("Out and about").says("0 people, 0 applications");
    owner.submit(&format!("{group}/members/add"), &[("user", "nobody")]).await;
    assert!(owner.error_at("user").is_some());
    assert_eq!(owner.value("user").as_deref(), Some("nobody"));
    owner.submit(&format!("{group}/members/add"), &[("user", "otto@example.com")]).await;
    owner.says("Added.").says("1 person");
    let app = crate::applications::add(
        &mut owner,
        "bookmark",
        &[("label", "Desk"), ("bookmark_url", "https://desk.example")],
    )
    .await;
    owner.get(&format!("{app}/sso")).await;
    owner.submit(&format!("{app}/sso"), &[("action", "activate")]).await;
    owner.get(&group).await;
    let id = app.rsplit('/').next().unwrap().to_owned();
    owner.submit(&format!("{group}/applications/bind"), &[("application", &id)]).await;
    owner.says("Bound.");
    let mut otto = world.signed_in("otto").await;
    otto.says("Desk");
    let page = page_of(&mut owner, "otto").await;
    owner.get(&page).await;
    owner.says("through Field sales");
    let elements = owner.elements();
    let remove = elements.iter().find_map(|e| e.attr("action").filter(|a| a.contains("/members/"))).unwrap();
    let remove = remove.to_owned();
    owner.submit(&remove, &[]).await;
    assert_eq!(owner.here(), page, "back on the person's page");
    owner.says("Removed.");
    otto.get("/").await;
    otto.says("No applications yet");
    owner.get(&group).await;
    owner.submit(&format!("{group}/delete"), &[]).await;
    owner.says("Delete the group Field sales?");
    owner.submit(&format!("{group}/delete"), &[]).await;
    owner.says("Deleted.");
}

#[tokio::test]
async fn settings_say_what_is_wrong_at_the_number() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/settings").await;
    owner.submit("/admin/settings", &[("organisation", "Meridian"), ("session_idle_minutes", "lots")]).await;
    assert!(owner.error_at("session_idle_minutes").is_some());
    assert_eq!(owner.value("session_idle_minutes").as_deref(), Some("lots"));
    owner.submit("/admin/settings", &[("session_idle_minutes", "1"), ("remember_days", "400")]).await;
    assert!(owner.error_at("session_idle_minutes").unwrap().contains("5 to 1440"));
    assert!(owner.error_at("remember_days").is_some());
    owner.submit("/admin/settings", &[("session_idle_minutes", "60"), ("remember_days", "0")]).await;
    owner.says("Saved.");
    let mut stranger = world.browser();
    stranger.get("/login").await;
    stranger.says("Meridian");
    assert_eq!(stranger.value("remember"), None, "the choice is taken away");
}

#[tokio::test]
async fn a_39_a_token_is_shown_once() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/tokens").await;
    owner.submit("/admin/tokens", &[("name", ""), ("role", "owner")]).await;
    assert!(owner.error_at("name").is_some());
    owner.submit("/admin/tokens", &[("name", "terraform"), ("role", "owner"), ("expires_days", "30")]).await;
    owner.says("it is not shown again").says_not("/scim/v2");
    let elements = owner.elements();
    let token = elements.iter().find_map(|e| e.text.trim().strip_prefix("tsr_").map(str::to_owned)).unwrap();
    owner.get("/admin/tokens").await;
    owner.says("terraform").says("Active").says_not(&token);
    let elements = owner.elements();
    let revoke = elements.iter().find_map(|e| e.attr("action").filter(|a| a.ends_with("/revoke"))).unwrap();
    let revoke = revoke.to_owned();
    owner.submit(&revoke, &[("confirmed", "-")]).await;
    owner.says("Revoke the token terraform?");
    owner.submit(&revoke, &[]).await;
    owner.says("Revoked");
    owner.submit("/admin/tokens", &[("name", "people"), ("role", "scim"), ("expires_days", "30")]).await;
    owner.says("https://id.example.com/scim/v2");
}

#[tokio::test]
async fn events_are_filtered_and_exported() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/events").await;
    owner.says("Chain unbroken").says("olivia signed in").says("Times are in UTC");
    owner.get("/admin/events?name=group_create").await;
    owner.says("Marketing").says_not("signed in");
    owner.get("/admin/events?q=nobodyatall").await;
    owner.says("No event matches.");
    owner.get("/admin/events?since=2027-01-01").await;
    owner.says("No event matches.");
    owner.get("/admin/events?name=group_create").await;
    let export = owner.link("format=csv").unwrap();
    world.clock.advance(1000);
    owner.get(&export).await;
    assert!(owner.header("content-type").starts_with("text/csv"));
    assert!(owner.body.starts_with("at,name,outcome"));
    assert!(owner.body.contains("group_create") && !owner.body.contains("user_login_attempt"));
    world.clock.advance(1000);
    owner.get("/admin/events/export?format=jsonl").await;
    assert!(owner.body.lines().count() > 5);
    assert!(owner.body.contains("\"event_export\""), "the export before this one is an event");
    // W-09: who went away from an open console leaves no export behind.
    world.clock.advance(5 * MINUTE);
    owner.get("/admin/events/export?format=jsonl").await;
    assert_eq!(owner.here(), "/login/confirm");
}
