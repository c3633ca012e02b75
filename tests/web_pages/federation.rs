//! What a federation asks for, by the console: signed metadata, the saml2int profile, and certificates before their end.

use axum::http::StatusCode;
use serde_json::json;
use tessera::applications::lint::lint;
use tessera::applications::{Application, create, sso};
use tessera::base::clock::DAY;
use tessera::base::signature::KeyType;
use tessera::keys;

use crate::world::World;

async fn application(world: &World, slug: &str) -> Application {
    let installation = &world.web.installation;
    let key = keys::generate(&world.ctx(), KeyType::Rsa2048, slug).unwrap();
    let new = create::NewApplication {
        connector: "custom-saml".to_owned(),
        label: Some(format!("App {slug}")),
        slug: Some(slug.to_owned()),
        ..create::NewApplication::default()
    };
    let around = create::Surroundings {
        catalog: &installation.catalog,
        vault: &installation.vault,
        base_url: &installation.base_url,
    };
    create::create(world.db(), &world.ctx(), around, new, Some(&key)).await.unwrap()
}

#[tokio::test]
async fn md_301_metadata_is_signed_by_a_switch_that_needs_the_password() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/settings").await.says("Not signed");
    owner.submit("/admin/settings/metadata", &[]).await.says("In use").says("Stop signing");
    owner.get("/saml2/metadata-certificate.pem").await;
    assert!(owner.body.starts_with("-----BEGIN CERTIFICATE-----"), "{}", owner.body);
    owner.get("/admin/settings").await;
    owner.submit("/admin/settings/metadata/keys", &[]).await.says("Next");
    assert!(!owner.has_form("/admin/settings/metadata/keys"), "two are enough");
    let promote = owner
        .elements()
        .iter()
        .filter_map(|element| element.attr("action").map(str::to_owned))
        .find(|action| action.ends_with("/promote"))
        .unwrap();
    owner.submit(&promote, &[("confirmed", "-")]).await.says("must know the certificate");
    owner.submit(&promote, &[]).await.says("Go back to this one");
    owner.submit("/admin/settings/metadata", &[]).await.says("Not signed");
    // Other settings are saved beside it, and don't touch it.
    owner.submit("/admin/settings/metadata", &[]).await.says("Stop signing");
    owner.submit("/admin/settings", &[("session_idle_minutes", "45")]).await.says("Stop signing");

    world.clock.advance(6 * 60_000);
    owner.get("/admin/settings").await;
    owner.submit("/admin/settings/metadata", &[]).await;
    assert_eq!(owner.here(), "/login/confirm", "{}", owner.text());
}

#[tokio::test]
async fn sdp_the_profile_is_applied_in_one_act_that_is_shown_first() {
    let world = World::new().await;
    let stored = application(&world, "ledger").await;
    let mut owner = world.signed_in("olivia").await;
    let tab = format!("/admin/applications/{}/sso", stored.id);
    let action = format!("{tab}/profile");
    owner.get(&tab).await;
    owner.submit(&action, &[("confirmed", "-")]).await;
    owner.says("Name ID format: transient instead of emailAddress.");
    let find = async || {
        let mut reader = world.db().reader();
        tessera::applications::require(&mut reader, stored.id).await.unwrap()
    };
    assert_eq!(find().await.sso.profile.as_str(), "none", "nothing is saved yet");
    owner.submit(&action, &[]).await;
    let now = find().await;
    assert_eq!((now.sso.profile.as_str(), now.sso.name_id.format.short()), ("saml2int", "transient"));
    assert!(now.sso.strict_relay_state && !now.sso.encrypt_assertion);
    owner.says("SDP-IDP11").says("certificate of the application to encrypt for");

    // What departs later is told, not refused.
    let patch = serde_json::from_value(json!({ "name_id": { "format": "persistent" } })).unwrap();
    let catalog = &world.web.installation.catalog;
    let now = sso::patch(world.db(), &world.ctx(), stored.id, patch, None).await.unwrap();
    let found = lint(&mut world.db().reader(), catalog, &now, world.ctx().now()).await.unwrap();
    let departs = found.iter().any(|f| f.code == "profile_departed" && f.field == "name_id.format");
    assert!(departs, "{found:?}");
    owner.get(&tab).await.says("saml2int, not kept to").says("SDP-IDP12");
    owner.submit(&tab, &[("action", "save")]).await;
    assert_eq!(find().await.sso.profile.as_str(), "saml2int", "the form of the tab leaves it alone");
}

#[tokio::test]
async fn a_20_a_certificate_is_spoken_of_a_week_and_a_day_before_its_end_and_after() {
    let world = World::new().await;
    let first = application(&world, "ledger").await;
    let tab = |tab: &str| format!("/admin/applications/{}/{tab}", first.id);
    let year = 365 * DAY;
    for (left, said, tone) in [
        (8 * DAY, None, ""),
        (7 * DAY, Some("Our certificate for App ledger ends on"), "banner--warn"),
        (DAY, Some("Our certificate for App ledger ends on"), "banner--danger"),
        (-DAY, Some("Our certificate for App ledger ended on"), "banner--danger"),
    ] {
        let end = first.created_at.plus(3 * year);
        let now = world.ctx().now();
        world.clock.advance(end.since(now) - left);
        let mut owner = world.signed_in("olivia").await;
        for page in ["general", "sso", "groups"] {
            owner.get(&tab(page)).await;
            assert_eq!(owner.status, StatusCode::OK);
            match said {
                None => drop(owner.says_not("Our certificate for App ledger")),
                Some(said) => {
                    owner.says(said).says("Make the next key");
                    assert!(owner.body.contains(tone), "{left}: {page}");
                    assert!(owner.link("/sso#h-cert").is_some(), "it leads to the repair");
                }
            }
        }
        owner.get("/admin/applications").await;
        if let Some(said) = said {
            owner.says(said);
            assert!(owner.body.contains(tone), "{left}: the list");
            assert!(owner.link("/sso#h-cert").is_some());
        }
    }
    let mut owner = world.signed_in("olivia").await;
    owner.get(&tab("sso")).await;
    owner.submit(&tab("sso/keys"), &[]).await.says("The next key is made");
}
