//! The password again: after idle time, before what weighs heavily, without losing what was typed.

use axum::http::StatusCode;
use tessera::base::clock::MINUTE;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn w_09_settings_that_weigh_ask_again_and_keep_what_was_typed() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = crate::applications::add(&mut owner, "custom-saml", &[("label", "Ledger")]).await;
    let sso = format!("{app}/sso");
    owner.get(&sso).await;
    world.clock.advance(6 * MINUTE);
    // What weighs little goes through.
    owner.submit(&sso, &[("login_url", "https://ledger.example/start"), ("action", "save")]).await;
    owner.says("Saved.");
    let change = [
        ("sp_entity_id", "https://ledger.example"),
        ("acs_urls.0.url", "https://ledger.example/acs"),
        ("relay_states", "/a\r\n/b"),
        ("action", "save"),
    ];
    owner.submit(&sso, &change).await;
    owner.says("Enter your password again").says("what Ledger is sent");
    let before = owner.cookies["__Host-tessera"].clone();
    owner.submit(&sso, &[("step_up_password", "wrong wrong wrong wrong")]).await;
    owner.says("That is not your password.");
    assert_eq!(owner.value("step_up_password").as_deref(), Some(""));
    owner.submit(&sso, &[("step_up_password", PASSWORD)]).await;
    owner.says("Saved.");
    assert_eq!(owner.value("acs_urls.0.url").as_deref(), Some("https://ledger.example/acs"));
    assert_eq!(owner.value("relay_states").unwrap().trim(), "/a\n/b");
    assert_ne!(owner.cookies["__Host-tessera"], before, "a new token (A-25)");
    // Within five minutes it does not ask again.
    owner.submit(&sso, &[("acs_urls.0.url", "https://ledger.example/acs2"), ("action", "save")]).await;
    owner.says("Saved.");
    // Where people are sent when they sign out, what a class of authentication means, and what is asked of requests.
    for change in [
        ("slo.redirect_url", "https://elsewhere.example/out"),
        ("authn_contexts", "https://refeds.org/profile/mfa"),
        ("redirect_enveloped_signature", "on"),
    ] {
        world.clock.advance(6 * MINUTE);
        owner.get(&sso).await;
        owner.submit(&sso, &[change, ("action", "save")]).await;
        owner.says("Enter your password again");
    }
    for change in [("ecp", "on"), ("omit_name_id", "on"), ("subject_identifier", "subject-id")] {
        world.clock.advance(6 * MINUTE);
        owner.get(&sso).await;
        owner.submit(&sso, &[change, ("action", "save")]).await;
        owner.says("Enter your password again");
    }
    owner.get("/admin/settings").await;
    owner.submit("/admin/settings", &[("organisation", "Acme")]).await;
    owner.says("Saved.");
    owner.submit("/admin/settings", &[("allow_key_import", "on"), ("organisation", "Acme & Sons")]).await;
    owner.says("Enter your password again").says("made elsewhere");
    owner.submit("/admin/settings", &[("step_up_password", PASSWORD)]).await;
    owner.says("Saved.");
    assert_eq!(owner.value("organisation").as_deref(), Some("Acme & Sons"));
}

#[tokio::test]
async fn w_09_roles_and_reset_links_ask_again_and_lead_back() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/users?q=mara").await;
    let page = owner.link("/admin/users/0").unwrap();
    owner.get(&page).await;
    world.clock.advance(6 * MINUTE);
    for form in ["role", "reset-link"] {
        owner.get(&page).await;
        owner.submit(&format!("{page}/{form}"), &[("role", "auditor")]).await;
        assert_eq!(owner.here(), "/login/confirm", "{form}");
    }
    owner.submit("/login/confirm", &[("password", "wrong wrong wrong wrong")]).await;
    assert_eq!(owner.status, StatusCode::UNAUTHORIZED);
    owner.submit("/login/confirm", &[("password", PASSWORD)]).await;
    assert_eq!(owner.here(), page, "back where it began");
    owner.submit(&format!("{page}/role"), &[("role", "auditor")]).await;
    owner.says("Saved.").says("Auditor");
}

#[tokio::test]
async fn w_09_the_names_by_which_applications_know_a_person_ask_again() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/users?q=mara").await;
    let page = owner.link("/admin/users/0").unwrap();
    let edit = format!("{page}/edit");
    world.clock.advance(6 * MINUTE);
    owner.get(&edit).await;
    owner.submit(&edit, &[("department", "Research")]).await;
    owner.says("Saved.").says("Research");
    owner.get(&edit).await;
    owner.submit(&edit, &[("email", "m.new@example.org"), ("department", "Sales")]).await;
    owner.says("Enter your password again").says("by which name applications know");
    owner.submit(&edit, &[("step_up_password", PASSWORD)]).await;
    owner.says("Saved.").says("m.new@example.org").says("Sales");
}

#[tokio::test]
async fn w_09_the_console_asks_after_idle_minutes_and_the_portal_does_not() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/users").await;
    world.clock.advance(16 * MINUTE);
    owner.get("/").await;
    assert_eq!(owner.path, "/");
    owner.get("/admin/users?q=mara").await;
    assert_eq!(owner.here(), "/login/confirm");
    owner.submit("/login/confirm", &[("password", PASSWORD)]).await;
    assert_eq!(owner.path, "/admin/users?q=mara");
}

#[tokio::test]
async fn a_22_the_way_back_is_a_page_of_ours() {
    let world = World::new().await;
    for hostile in ["//evil.example", "https://evil.example", "/%0d%0ax", "/logout"] {
        let mut owner = world.signed_in("olivia").await;
        let encoded: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        owner.get(&format!("/login/confirm?next={encoded}")).await;
        owner.submit("/login/confirm", &[("password", PASSWORD)]).await;
        assert_eq!(owner.path, "/", "{hostile}");
    }
}
