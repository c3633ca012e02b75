//! A later version of an application's connector, as an administrator without JavaScript sees it and decides on it.

use axum::http::StatusCode;
use tessera::applications::{Application, find_by_slug};
use tessera::base::clock::MINUTE;
use tessera::catalog::Connector;
use tessera::db::epoch::{Scope, bump};
use tessera::db::sql;

use crate::applications::add;
use crate::world::World;

async fn heap(world: &World) -> Application {
    find_by_slug(&mut world.db().reader(), "heap").await.unwrap().unwrap()
}

/// As if Heap had been made from a version that is earlier, with another placeholder and other attributes.
async fn age(world: &World) {
    let application = heap(world).await;
    let mut earlier = Connector::clone(&application.made_from);
    earlier.version -= 1;
    let tenant = earlier.placeholders.remove("YOUR_ID").unwrap();
    earlier.placeholders.insert("YOUR_NAME".to_owned(), tenant);
    let patch = serde_json::to_string(&earlier.sso).unwrap();
    earlier.sso = serde_json::from_str(&patch.replace("YOUR_ID", "YOUR_NAME")).unwrap();
    earlier.setup.sso = Some("1. Paste {idp_url}.".to_owned());
    let mut settings = earlier.sso_settings().unwrap();
    settings.sp_entity_id = Some("https://ours.example/<saml>".to_owned());
    let mut tx = world.db().begin().await.unwrap();
    let change =
        sql("UPDATE applications SET made_from = $1, sso = $2, placeholders = $3 WHERE slug = 'heap'");
    let change = change
        .bind(serde_json::to_string(&earlier).unwrap())
        .bind(serde_json::to_string(&settings).unwrap())
        .bind("{\"YOUR_NAME\":\"42\"}".to_owned());
    tx.run(change).await.unwrap();
    bump(&mut tx, Scope::Applications).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_later_version_is_offered_field_by_field_and_taken_over_when_somebody_says_so() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "heap", &[]).await;
    let (general, offer) = (format!("{app}/general"), format!("{app}/connector"));
    admin.get(&general).await;
    assert!(admin.link(&offer).is_none());
    admin.get(&offer).await;
    assert_eq!(admin.path, general, "there is nothing to decide");

    age(&world).await;
    for tab in ["general", "sso", "provisioning", "groups"] {
        admin.get(&format!("{app}/{tab}")).await.says("version 1 of Heap’s connector");
        assert!(admin.link(&offer).is_some(), "{tab}");
    }
    let before = heap(&world).await;
    admin.get(&offer).await;
    admin
        .says("From version 0 to version 1")
        .says("ACS URLs")
        .says("finalize/YOUR_NAME/")
        .says("finalize/YOUR_ID/");
    admin.says("The steps for single sign-on").says("Heap ID");
    assert!(!admin.body.contains("<saml>"));
    assert_eq!(heap(&world).await, before);

    // The ACS URL of an application in use needs its placeholder; nothing typed is lost.
    admin.submit(&offer, &[("placeholders.YOUR_ID", "forty")]).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("placeholders.YOUR_ID").is_some());
    assert_eq!(admin.value("placeholders.YOUR_ID").as_deref(), Some("forty"));
    assert_eq!(heap(&world).await, before);

    // What is decided on is what was shown.
    admin.submit(&offer, &[("placeholders.YOUR_ID", "42"), ("revision", "another")]).await;
    assert_eq!(admin.status, StatusCode::CONFLICT);
    admin.says("another version of the connector by now");
    assert_eq!(heap(&world).await, before);

    world.clock.advance(6 * MINUTE);
    admin.get(&offer).await;
    admin.submit(&offer, &[("placeholders.YOUR_ID", "42")]).await;
    assert_eq!(heap(&world).await, before, "it needs a fresh password");
    let mut admin = world.signed_in("adam").await;
    admin.get(&offer).await;
    admin.submit(&offer, &[("placeholders.YOUR_ID", "42")]).await;
    admin.says("Taken over.");
    let now = heap(&world).await;
    assert_eq!(now.sso.acs_urls[0].url, "https://heapanalytics.com/saml/finalize/YOUR_ID/");
    assert_eq!(now.sso.sp_entity_id, before.sso.sp_entity_id, "one’s own stays");
    assert_eq!(now.placeholders.get("YOUR_ID").map(String::as_str), Some("42"));
    assert!(admin.link(&offer).is_none());
}

#[tokio::test]
async fn whoever_may_only_read_sees_what_differs_and_has_nothing_to_send() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "heap", &[]).await;
    age(&world).await;
    let mut auditor = world.signed_in("audrey").await;
    auditor.get(&format!("{app}/connector")).await;
    auditor.says("From version 0 to version 1").says_not("Take version 1 over");
}
