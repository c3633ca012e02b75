//! Metadata by address, as an administrator without JavaScript sets it and decides on what a later copy changes.

use std::sync::{Arc, Mutex, OnceLock};

use axum::http::StatusCode;
use support::{Authority, Reply, WebServer};
use tessera::base::clock::DAY;
use tessera::outbound::Outbound;

use crate::applications::add;
use crate::world::World;

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::default)
}

/// The client of these worlds: reaches 127.0.0.1 and nothing else inside.
pub fn outbound() -> Outbound {
    let allow = vec!["127.0.0.1/32".parse().unwrap()];
    Outbound::new(allow, Some(authority().pem().as_bytes())).unwrap()
}

fn entity(acs: &str) -> String {
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example/saml"><SPSSODescriptor
        protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><AssertionConsumerService
        Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{acs}" index="0"/></SPSSODescriptor></EntityDescriptor>"#
    )
}

/// A server whose answer a test changes.
fn publisher(first: &str) -> (WebServer, Arc<Mutex<Reply>>) {
    let says = Arc::new(Mutex::new(Reply::new(200, &[], first)));
    let said = says.clone();
    (WebServer::https(authority(), move |_| said.lock().unwrap().clone()), says)
}

#[tokio::test]
async fn md_302_md_308_each_change_is_seen_before_it_counts() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "custom-saml", &[("label", "Ledger")]).await;
    let (sso, url) = (format!("{app}/sso"), format!("{app}/sso/metadata/url"));
    let (server, says) = publisher(&entity("https://sp.example/acs/1"));
    let address = server.url("/metadata.xml");

    admin.get(&sso).await;
    let link = admin.link(&url).expect("the tab leads there");
    admin.get(&link).await;
    admin.submit(&url, &[]).await;
    assert!(admin.error_at("metadata_url").is_some());
    admin.submit(&url, &[("metadata_url", "https://10.0.0.1/metadata"), ("certificate", "")]).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("metadata_url").unwrap().contains("not public"), "A-31");
    assert_eq!(
        admin.value("metadata_url").as_deref(),
        Some("https://10.0.0.1/metadata"),
        "nothing typed is lost"
    );
    admin.submit(&url, &[("metadata_url", &address), ("certificate", "nonsense")]).await;
    assert!(admin.error_at("certificate").is_some());
    admin.submit(&url, &[("metadata_url", &address), ("certificate", "")]).await;
    admin.says("Nothing is saved yet.").says("https://sp.example/acs/1 (index 0, default)");

    // Another document between the look and the act is shown anew.
    *says.lock().unwrap() = Reply::new(200, &[], entity("https://sp.example/acs/2"));
    admin.submit(&url, &[]).await;
    assert_eq!(admin.status, StatusCode::CONFLICT);
    admin.says("https://sp.example/acs/2 (index 0, default)").says("asks for something else by now");
    admin.submit(&url, &[]).await;
    assert_eq!(admin.here(), sso, "{}", admin.text());
    assert_eq!(admin.value("acs_urls.0.url").as_deref(), Some("https://sp.example/acs/2"));
    admin.says("From its address").says("Not signed").says(&address);

    // A later copy waits; the list and the tab say so.
    *says.lock().unwrap() = Reply::new(200, &[], entity("https://sp.example/acs/3"));
    world.clock.advance(DAY);
    world.web.installation.sp_sources().refresh_due(&world.ctx()).await.unwrap();
    let mut admin = world.signed_in("adam").await;
    admin.get("/admin/applications").await;
    admin.says("Metadata changed");
    admin.get(&sso).await;
    assert_eq!(admin.value("acs_urls.0.url").as_deref(), Some("https://sp.example/acs/2"));
    admin.says("metadata asks for something else").says("See what changes, then accept or discard it.");
    let changes = format!("{app}/sso/metadata/changes");
    let link = admin.link(&changes).expect("the banner leads to the changes");
    admin.get(&link).await;
    admin
        .says("https://sp.example/acs/2 (index 0, default)")
        .says("https://sp.example/acs/3 (index 0, default)");
    let mut auditor = world.signed_in("audrey").await;
    auditor.get(&changes).await;
    auditor.says("https://sp.example/acs/3");
    assert!(
        !auditor.elements().iter().any(|element| element.tag == "button" && element.text.contains("Save"))
    );

    // It was something else by the time that it is accepted.
    *says.lock().unwrap() = Reply::new(200, &[], entity("https://sp.example/acs/4"));
    let mut other = world.signed_in("adam").await;
    other.get(&sso).await;
    other.submit(&format!("{app}/sso/metadata/refresh"), &[]).await;
    other.says("Asked for.");
    admin.submit(&format!("{app}/sso/metadata/accept"), &[]).await;
    assert_eq!(admin.status, StatusCode::CONFLICT);
    admin.says("https://sp.example/acs/4 (index 0, default)");
    admin.submit(&format!("{app}/sso/metadata/accept"), &[]).await;
    assert_eq!(admin.here(), sso, "{}", admin.text());
    assert_eq!(admin.value("acs_urls.0.url").as_deref(), Some("https://sp.example/acs/4"));
    admin.says_not("metadata asks for something else");

    // Discarded is discarded.
    *says.lock().unwrap() = Reply::new(200, &[], entity("https://sp.example/acs/5"));
    admin.submit(&format!("{app}/sso/metadata/refresh"), &[]).await;
    admin.get(&changes).await;
    admin.submit(&format!("{app}/sso/metadata/discard"), &[]).await;
    admin.says("Discarded.").says_not("metadata asks for something else");
    admin.get(&changes).await;
    assert_eq!(admin.here(), sso, "nothing waits");

    // A failure stands there in words, with nothing of the other side's.
    *says.lock().unwrap() = Reply::new(500, &[], "<h1>what the server keeps to itself</h1>");
    admin.submit(&format!("{app}/sso/metadata/refresh"), &[]).await;
    admin.says("can’t be fetched since today at").says("answered with status 500").says("stays in use");
    admin.says("See to the address, then fetch it again.");
    admin.says_not("keeps to itself");
    assert_eq!(admin.value("acs_urls.0.url").as_deref(), Some("https://sp.example/acs/4"));

    let remove = format!("{app}/sso/metadata/remove");
    admin.submit(&remove, &[]).await;
    admin.says("Stop fetching Ledger’s metadata?");
    admin.submit(&remove, &[]).await;
    admin.says_not("From its address");
    assert_eq!(admin.value("acs_urls.0.url").as_deref(), Some("https://sp.example/acs/4"));
}

#[tokio::test]
async fn md_302_of_several_entities_one_is_chosen_on_a_page() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "custom-saml", &[("label", "Ledger")]).await;
    let (one, two) = (entity("https://sp.example/acs"), entity("https://two.example/acs"));
    let list = format!(
        r#"<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{one}{}</EntitiesDescriptor>"#,
        two.replace("https://sp.example/saml", "https://two.example/saml")
    );
    let (server, _says) = publisher(&list);
    let url = format!("{app}/sso/metadata/url");
    admin.get(&url).await;
    admin.submit(&url, &[("metadata_url", &server.url("/"))]).await;
    admin.says("The metadata describes several service providers.");
    admin.submit(&url, &[("entity_id", "https://two.example/saml")]).await;
    admin.says("https://two.example/acs (index 0, default)");
    admin.submit(&url, &[]).await;
    assert_eq!(admin.value("sp_entity_id").as_deref(), Some("https://two.example/saml"));
}

#[tokio::test]
async fn the_address_that_a_connector_knows_is_filled_in() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "interact", &[]).await;
    let (sso, url) = (format!("{app}/sso"), format!("{app}/sso/metadata/url"));
    admin.get(&url).await;
    assert_eq!(admin.value("metadata_url").as_deref(), Some(""), "while its placeholder is empty");
    admin.get(&sso).await;
    admin.submit(&sso, &[("placeholders.YOUR_SUBDOMAIN", "intranet.example.com")]).await;
    admin.get(&url).await;
    assert_eq!(admin.value("metadata_url").as_deref(), Some("https://intranet.example.com/saml/metadata"));
}
