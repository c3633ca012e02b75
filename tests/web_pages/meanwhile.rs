//! Two people at the same form (W-15), and an application that broke behind its administrators' backs.

use axum::http::StatusCode;
use serde_json::json;
use tessera::applications::{Application, find_by_slug, sso};
use tessera::base::clock::MINUTE;
use tessera::db::epoch::{Scope, bump};
use tessera::db::sql;

use crate::applications::add;
use crate::world::{Browser, World};

const MEANWHILE: &str = "Somebody else changed this while you were writing";

async fn stored(world: &World) -> Application {
    find_by_slug(&mut world.db().reader(), "ledger").await.unwrap().unwrap()
}

/// What somebody else does by the API.
async fn patch(world: &World, patch: serde_json::Value) {
    let (id, patch) = (stored(world).await.id, serde_json::from_value(patch).unwrap());
    sso::patch(world.db(), &world.ctx(), id, patch, None).await.unwrap();
}

async fn ledger(browser: &mut Browser) -> String {
    add(browser, "custom-saml", &[("label", "Ledger"), ("slug", "ledger")]).await
}

#[tokio::test]
async fn w_15_a_stale_sso_form_undoes_nothing_and_loses_nothing() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let sso = format!("{}/sso", ledger(&mut owner).await);
    owner.get(&sso).await;
    let keys = tessera::keys::list(&mut world.db().reader(), stored(&world).await.id).await.unwrap();
    let pem = keys[0].certificate_pem();
    patch(&world, json!({ "sp_certificates": [pem], "require_signed_requests": true })).await;
    for action in ["save", "activate"] {
        owner.submit(&sso, &[("login_url", "https://ledger.example/start"), ("action", action)]).await;
        if action == "save" {
            assert_eq!(owner.status, StatusCode::CONFLICT);
            owner.says(MEANWHILE).says("Refuse unsigned requests").says("Login URL");
            let typed = owner.value("login_url");
            assert_eq!(typed.as_deref(), Some("https://ledger.example/start"), "nothing is lost");
            assert!(stored(&world).await.sso.require_signed_requests, "and nothing undone");
            assert_eq!(stored(&world).await.sso.login_url, None);
            // A third person comes in between once more.
            patch(&world, json!({ "deny_to": "sp" })).await;
        }
    }
    assert_eq!(owner.status, StatusCode::CONFLICT);
    // Whoever saves a second time knows what they do.
    owner.submit(&sso, &[("require_signed_requests", "on"), ("action", "save")]).await;
    owner.says("Saved.");
    let now = stored(&world).await.sso;
    assert_eq!(
        (now.login_url.as_deref(), now.require_signed_requests),
        (Some("https://ledger.example/start"), true)
    );
    // A form without the version was not drawn by us.
    owner.submit(&sso, &[("login_url", ""), ("version", "-"), ("action", "save")]).await;
    assert_eq!(owner.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn w_15_the_other_forms_hold_it_too() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = ledger(&mut owner).await;
    owner.get("/admin/users?q=mara").await;
    let user = owner.link("/admin/users/0").unwrap();
    owner.get("/admin/groups?q=Marketing").await;
    let group = owner.link("/admin/groups/0").unwrap();
    let mark =
        add(&mut owner, "bookmark", &[("label", "Two"), ("bookmark_url", "https://two.example")]).await;
    for (page, field) in [
        (format!("{app}/general"), "label"),
        (format!("{user}/edit"), "department"),
        (format!("{group}/edit"), "description"),
        (format!("{mark}/sso"), "bookmark_url"),
    ] {
        let mut other = world.signed_in("olivia").await;
        owner.get(&page).await;
        other.get(&page).await;
        other.submit(&page, &[(field, "https://first.example")]).await;
        other.says("Saved.");
        owner.submit(&page, &[(field, "https://second.example")]).await;
        assert_eq!(owner.status, StatusCode::CONFLICT, "{page}");
        owner.says(MEANWHILE);
        assert_eq!(owner.value(field).as_deref(), Some("https://second.example"), "{page}");
        other.get(&page).await;
        assert_eq!(other.value(field).as_deref(), Some("https://first.example"), "{page}");
        owner.submit(&page, &[]).await;
        owner.says("Saved.");
        other.get(&page).await;
        assert_eq!(other.value(field).as_deref(), Some("https://second.example"), "{page}");
    }
}

#[tokio::test]
async fn w_15_metadata_is_accepted_against_what_was_shown() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let sso = format!("{}/sso", ledger(&mut owner).await);
    let metadata = format!("{sso}/metadata");
    let xml = r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://ledger.example"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://ledger.example/acs" index="0"/></md:SPSSODescriptor></md:EntityDescriptor>"#;
    owner.get(&sso).await;
    owner.submit(&metadata, &[("metadata", xml)]).await;
    owner.says("What the metadata changes");
    patch(&world, json!({ "sp_entity_id": "https://other.example" })).await;
    owner.submit(&metadata, &[]).await;
    assert_eq!(owner.status, StatusCode::CONFLICT);
    owner.says(MEANWHILE).says("https://other.example");
    owner.submit(&metadata, &[]).await;
    owner.says("Saved.");
    assert_eq!(stored(&world).await.sso.sp_entity_id.as_deref(), Some("https://ledger.example"));
}

#[tokio::test]
async fn w_09_audience_and_signed_requests_weigh_too() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let sso = format!("{}/sso", ledger(&mut owner).await);
    let keys = tessera::keys::list(&mut world.db().reader(), stored(&world).await.id).await.unwrap();
    let pem = keys[0].certificate_pem();
    patch(&world, json!({ "sp_certificates": [pem], "require_signed_requests": true })).await;
    for change in [("sp_entity_id", "https://ledger.example"), ("require_signed_requests", "-")] {
        owner.get(&sso).await;
        world.clock.advance(6 * MINUTE);
        owner.submit(&sso, &[change, ("action", "save")]).await;
        owner.says("Enter your password again");
    }
}

#[tokio::test]
async fn an_application_that_broke_says_so_in_the_list_and_on_its_pages() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "heap", &[]).await;
    let sso = format!("{app}/sso");
    owner.get(&sso).await;
    owner.submit(&sso, &[("placeholders.YOUR_ID", "42"), ("action", "activate")]).await;
    owner.says("Switched on.");
    // An active application stays complete, and what is missing is named in words.
    owner.submit(&sso, &[("placeholders.YOUR_ID", ""), ("action", "save")]).await;
    assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY);
    owner.says("It stands in: ACS URL").says_not("acs_urls.0.url");
    // As when a later Tessera asks for more than the one under which it was activated.
    let mut tx = world.db().begin().await.unwrap();
    tx.run(sql("UPDATE applications SET placeholders = '{}' WHERE slug = 'heap'")).await.unwrap();
    bump(&mut tx, Scope::Applications).await.unwrap();
    tx.commit().await.unwrap();
    owner.get("/admin/applications").await;
    owner.says("Incomplete");
    for tab in ["general", "sso", "groups", "activity"] {
        owner.get(&format!("{app}/{tab}")).await;
        owner.says("nobody can sign in to it now").says("Fill in what is missing");
    }
}

#[tokio::test]
async fn test_is_offered_only_where_the_browser_reaches_the_lab() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let sso = format!("{}/sso", ledger(&mut owner).await);
    owner.get(&sso).await;
    assert!(!owner.has_form(&format!("{sso}/test")), "this installation has none");
    owner.says("--lab-listen and --lab-url");
}

#[tokio::test]
async fn w_15_a_stale_form_of_the_settings_undoes_nothing() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/settings").await;
    let tighten = |settings: &mut tessera::settings::Settings| settings.session_idle_minutes = 30;
    tessera::signon::configure::change_settings(&world.web.installation, &world.ctx(), None, tighten)
        .await
        .unwrap();
    owner.submit("/admin/settings", &[("organisation", "Acme")]).await;
    assert_eq!(owner.status, StatusCode::CONFLICT);
    owner.says(MEANWHILE);
    assert_eq!(owner.value("organisation").as_deref(), Some("Acme"), "nothing is lost");
    let stored = async || tessera::settings::read(&mut world.db().reader()).await.unwrap();
    let now = stored().await;
    assert_eq!((now.session_idle_minutes, now.organisation_name.as_str()), (30, "Tessera"), "nothing undone");
    owner.submit("/admin/settings", &[("session_idle_minutes", "30"), ("allow_key_import", "on")]).await;
    owner.says("Saved.");
    let now = stored().await;
    assert_eq!((now.organisation_name.as_str(), now.allow_key_import), ("Acme", true));
}
