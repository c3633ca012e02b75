//! Signing in and out, set-up, reset, and one's own account.

use axum::http::StatusCode;
use tessera::base::clock::{HOUR, MINUTE};

use crate::world::{Browser, PASSWORD, World};

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let world = World::new().await;
    let mut browser = world.signed_in("mara").await;
    assert!(browser.cookies.contains_key("__Host-tessera"));
    browser.says("No applications yet");
    let session = browser.cookies["__Host-tessera"].clone();
    browser.submit("/logout", &[]).await;
    browser.says("You are signed out");
    assert!(!browser.cookies.contains_key("__Host-tessera"));
    browser.cookies.insert("__Host-tessera".to_owned(), session);
    browser.get("/").await;
    assert_eq!(browser.here(), "/login", "the old cookie is worth nothing");
}

#[tokio::test]
async fn a_person_signs_in_by_e_mail_and_stays_signed_in_if_they_wish() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/login").await;
    let form = [("username", "MARA@example.com"), ("password", PASSWORD), ("remember", "on")];
    browser.submit("/login", &form).await;
    assert_eq!(browser.path, "/");
    world.clock.advance(13 * HOUR);
    browser.get("/").await;
    assert_eq!(browser.path, "/");
}

/// The page without what differs by design: tokens, the name that was typed, the reference.
fn bare(browser: &Browser, typed: &str) -> String {
    let csrf = browser.value("csrf").unwrap();
    let reference = browser.header("x-request-id");
    browser.body.replace(&csrf, "CSRF").replace(&reference, "REFERENCE").replace(typed, "NAME")
}

#[tokio::test]
async fn a_26_all_failures_look_the_same() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/users/new").await;
    owner.submit("/admin/users", &[("username", "staged1"), ("email", "staged1@example.com")]).await;
    owner.says("Staged");
    world.person("gone1", None).await;
    owner.get("/admin/users?q=gone1").await;
    let gone = owner.link("/admin/users/0").unwrap();
    owner.get(&gone).await;
    owner.submit(&format!("{gone}/suspend"), &[("confirmed", "yes")]).await;
    owner.says("Suspended");
    let mut seen = Vec::new();
    for (name, password) in [
        ("mara", "not the password at all"),
        ("nobody1", PASSWORD),
        ("gone1", PASSWORD),
        ("staged1", PASSWORD),
    ] {
        let mut browser = world.browser();
        browser.get("/login").await;
        browser.submit("/login", &[("username", name), ("password", password)]).await;
        browser.says("That username and password do not go together.");
        assert_eq!(browser.value("username").as_deref(), Some(name), "what was typed is kept");
        assert_eq!(browser.value("password").as_deref(), Some(""), "the password is not");
        let mut headers: Vec<String> = browser.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        seen.push((browser.status, headers, bare(&browser, name)));
    }
    assert_eq!(seen[0].0, StatusCode::UNAUTHORIZED);
    for other in &seen[1..] {
        assert_eq!(other, &seen[0]);
    }
}

#[tokio::test]
async fn a_27_after_too_many_failures_the_form_says_how_long_to_wait() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/login").await;
    for _ in 0..10 {
        browser.submit("/login", &[("username", "mara"), ("password", "not the password at all")]).await;
    }
    assert_eq!(browser.status, StatusCode::TOO_MANY_REQUESTS);
    browser.says("Too many attempts");
    assert!(browser.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(browser.has_form("/login"), "the form stays usable");
}

#[tokio::test]
async fn a_23_no_form_of_the_gate_works_without_its_token() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/login").await;
    let body = format!("username=mara&password={}", PASSWORD.replace(' ', "+")).into_bytes();
    browser.ask("POST", "/login", Some("application/x-www-form-urlencoded"), body).await;
    assert_eq!(browser.status, StatusCode::FORBIDDEN);
    assert!(!browser.cookies.contains_key("__Host-tessera"));
    // Another browser's token is worth nothing either: login CSRF.
    let mut other = world.browser();
    other.get("/login").await;
    let token = other.value("csrf").unwrap();
    let body = format!("csrf={token}&username=mara&password={}", PASSWORD.replace(' ', "+")).into_bytes();
    browser.ask("POST", "/login", Some("application/x-www-form-urlencoded"), body).await;
    assert_eq!(browser.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_25_each_sign_in_has_a_session_of_its_own_and_ends_the_one_before() {
    let world = World::new().await;
    let mut browser = world.signed_in("mara").await;
    let first = browser.cookies["__Host-tessera"].clone();
    // A planted cookie of somebody else's session does not survive a sign-in.
    let mut victim = world.browser();
    victim.cookies.insert("__Host-tessera".to_owned(), first.clone());
    victim.get("/login?next=%2Faccount").await;
    assert_eq!(victim.here(), "/account", "signed in already");
    browser.submit("/logout", &[]).await;
    victim.get("/").await;
    assert_eq!(victim.here(), "/login");
    victim.submit("/login", &[("username", "otto"), ("password", PASSWORD)]).await;
    assert_ne!(victim.cookies["__Host-tessera"], first);
}

#[tokio::test]
async fn a_22_a_sign_in_leads_to_our_own_pages_only() {
    let world = World::new().await;
    for hostile in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/%0d%0aLocation:%20https://evil.example",
        "@evil.example",
        "/admin@evil.example",
        "/admin/..//evil.example",
        "javascript:alert(1)",
        "/logout",
    ] {
        let mut browser = world.browser();
        let encoded: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        browser.get(&format!("/login?next={encoded}")).await;
        assert_eq!(browser.status, StatusCode::OK, "{hostile}");
        browser.submit("/login", &[("username", "mara"), ("password", PASSWORD)]).await;
        assert_eq!(browser.path, "/", "{hostile}");
        // And the same in the form's own field.
        let mut browser = world.browser();
        browser.get("/login").await;
        browser.submit("/login", &[("username", "mara"), ("password", PASSWORD), ("handle", hostile)]).await;
        assert_eq!(browser.path, "/", "{hostile}");
    }
    let mut browser = world.browser();
    browser.get("/account").await;
    assert_eq!(browser.here(), "/login");
    browser.submit("/login", &[("username", "mara"), ("password", PASSWORD)]).await;
    assert_eq!(browser.path, "/account", "back to where it began");
}

#[tokio::test]
async fn a_handle_that_does_not_count_says_so_and_leads_nowhere() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get(&format!("/login?request={}", "A".repeat(43))).await;
    assert_eq!(browser.status, StatusCode::GONE);
    browser.says("This sign-in has expired");
}

#[tokio::test]
async fn a_49_set_up_makes_the_owner_once() {
    let world = World::empty().await;
    let path = world.setup_path().await;
    let mut browser = world.browser();
    browser.get(&path).await;
    browser.says("This link works once, until today at 09:00 UTC");
    let owner = [
        ("organisation", "Meridian & Sons"),
        ("first_name", "Olivia"),
        ("last_name", "Owner"),
        ("email", "olivia@example.com"),
        ("username", "olivia"),
        ("password", "short"),
    ];
    browser.submit(&path, &owner).await;
    assert_eq!(browser.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(browser.error_at("password").unwrap().contains("15"), "{:?}", browser.error_at("password"));
    assert_eq!(browser.value("organisation").as_deref(), Some("Meridian & Sons"), "what was typed is kept");
    assert_eq!(browser.value("password").as_deref(), Some(""));
    browser.submit(&path, &[("password", PASSWORD)]).await;
    assert_eq!(browser.here(), "/login");
    browser.says("Your account is made.").says("Meridian & Sons");
    browser.submit("/login", &[("username", "olivia"), ("password", PASSWORD)]).await;
    browser.get("/admin").await;
    assert_eq!(browser.here(), "/admin/applications");
    let mut stranger = world.browser();
    stranger.get(&path).await;
    assert_eq!(stranger.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_29_a_reset_link_works_once_and_signs_nobody_in() {
    let world = World::new().await;
    let mara = world.signed_in("mara").await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/users?q=mara").await;
    let page = owner.link("/admin/users/0").unwrap();
    owner.get(&page).await;
    owner.submit(&format!("{page}/reset-link"), &[]).await;
    owner.says("Reset link for mara");
    let elements = owner.elements();
    let link = elements.iter().find_map(|e| {
        e.text.trim().strip_prefix("https://id.example.com/reset/").filter(|token| token.len() == 43)
    });
    let path = format!("/reset/{}", link.unwrap());
    let mut browser = world.browser();
    browser.get(&path).await;
    browser.submit(&path, &[("password", "maramaramaramara")]).await;
    assert!(browser.error_at("password").is_some(), "a password made of the username is refused");
    browser.submit(&path, &[("password", "seven quiet lamps over water")]).await;
    assert_eq!(browser.here(), "/login", "nobody is signed in by it");
    browser.says("Your password is set.");
    browser.get(&path).await;
    assert_eq!(browser.status, StatusCode::GONE);
    let mut mara = mara;
    mara.get("/").await;
    assert_eq!(mara.here(), "/login", "sessions before the reset have ended");
    world.clock.advance(MINUTE);
    owner.get(&page).await;
    owner.submit(&format!("{page}/reset-link"), &[]).await;
    world.clock.advance(61 * MINUTE);
    let elements = owner.elements();
    let late = elements.iter().find_map(|e| e.text.trim().strip_prefix("https://id.example.com/reset/"));
    browser.get(&format!("/reset/{}", late.unwrap())).await;
    assert_eq!(browser.status, StatusCode::GONE, "an hour is over");
}

#[tokio::test]
async fn a_person_changes_the_password_and_other_sessions_end() {
    let world = World::new().await;
    let mut here = world.signed_in("mara").await;
    let mut there = world.signed_in("mara").await;
    here.get("/account").await;
    here.says("This one").says("Firefox on Linux");
    here.submit("/account/password", &[("current_password", "wrong wrong wrong"), ("password", "x")]).await;
    assert!(here.error_at("current_password").unwrap().contains("not your password"));
    let new = "seven quiet lamps over water";
    here.submit("/account/password", &[("current_password", PASSWORD), ("password", "too short")]).await;
    assert!(here.error_at("password").is_some());
    let before = here.cookies["__Host-tessera"].clone();
    here.submit("/account/password", &[("current_password", PASSWORD), ("password", new)]).await;
    assert_eq!(here.here(), "/account");
    here.says("Saved.");
    assert_ne!(here.cookies["__Host-tessera"], before);
    there.get("/").await;
    assert_eq!(there.here(), "/login");
}

#[tokio::test]
async fn w_08_a_person_ends_a_session_and_all_others() {
    let world = World::new().await;
    let mut here = world.signed_in("mara").await;
    let mut there = world.signed_in("mara").await;
    let mut third = world.signed_in("mara").await;
    here.get("/account").await;
    let elements = here.elements();
    let end = elements.iter().find_map(|e| e.attr("action").filter(|a| a.contains("/account/sessions/0")));
    let end = end.unwrap().to_owned();
    here.submit(&end, &[]).await;
    there.get("/").await;
    third.get("/").await;
    assert_eq!([there.here(), third.here()].iter().filter(|path| **path == "/login").count(), 1);
    here.submit("/account/sessions/end-others", &[]).await;
    there.get("/").await;
    third.get("/").await;
    assert_eq!((there.here(), third.here()), ("/login", "/login"));
    here.get("/account").await;
    assert_eq!(here.here(), "/account");
    // Somebody else's session is as unknown as none (A-37).
    let mut otto = world.signed_in("otto").await;
    otto.get("/account").await;
    let token = otto.value("csrf").unwrap();
    let body = format!("csrf={token}").into_bytes();
    otto.ask("POST", &end, Some("application/x-www-form-urlencoded"), body).await;
    assert_eq!(otto.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_choice_of_colours_is_kept_in_this_browser() {
    let world = World::new().await;
    let mut browser = world.signed_in("mara").await;
    browser.get("/account").await;
    browser.submit("/account/theme", &[("theme", "dark")]).await;
    assert!(browser.body.contains(r#"<html lang="en" data-theme="dark">"#));
    browser.submit("/account/theme", &[("theme", "")]).await;
    assert!(browser.body.contains(r#"<html lang="en">"#));
    browser.submit("/account/theme", &[("theme", "\"><script>")]).await;
    assert!(!browser.body.contains("data-theme"));
}
