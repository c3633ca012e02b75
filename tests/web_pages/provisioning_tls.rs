//! Whom a connection trusts, and what it is known by, as an administrator without JavaScript meets them.

use std::sync::Arc;

use axum::http::StatusCode;
use support::{Authority, ClientIdentity};
use tessera::base::clock::{DAY, MINUTE};
use tessera::catalog::Catalog;
use tessera::catalog::load::parse;

use crate::applications::add;
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn sc_22_authorities_are_given_on_the_tab_with_the_password_and_take_the_token_away() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let tab = format!("{}/provisioning", add(&mut admin, "custom-saml", &[("label", "Ledger")]).await);
    let authority = Authority::default();
    admin.get(&tab).await;
    admin.says("an authority of our own").says_not("Client certificate");
    let settings = [("base_url", "https://scim.example.com/v2"), ("token", "of-ledger"), ("action", "save")];
    for (pem, told) in [
        ("nonsense".to_owned(), "-----BEGIN CERTIFICATE-----"),
        (ClientIdentity::default().pem, "private key"),
        (Authority::until(2026).pem().to_owned(), "ended on 2026-01-01"),
    ] {
        let typed = [settings.as_slice(), &[("ca_certificate", pem.as_str())]].concat();
        admin.submit(&tab, &typed).await;
        assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(admin.error_at("ca_certificate").unwrap().contains(told), "{told}");
        assert!(!admin.body.contains("of-ledger"));
    }
    admin.get(&tab).await;
    admin.submit(&tab, &settings).await;
    admin.says("Saved.").says("Set today");
    world.clock.advance(6 * MINUTE);
    admin.get(&tab).await;
    let sent = authority.pem().replace('\n', "\r\n");
    admin.submit(&tab, &[("ca_certificate", &sent), ("action", "save")]).await;
    admin.says("Enter your password again").says("who is trusted there");
    admin.submit(&tab, &[("step_up_password", PASSWORD)]).await;
    admin.says("Saved.").says_not("Set today");
    let stored = admin.value("ca_certificate").unwrap();
    assert_eq!(stored.trim(), authority.pem().replace('\r', "").trim());
    // What is not touched asks for no password.
    world.clock.advance(6 * MINUTE);
    admin.get(&tab).await;
    admin.submit(&tab, &[("on_user_delete", "nothing"), ("action", "save")]).await;
    admin.says("Saved.");
    assert_eq!(admin.value("ca_certificate").unwrap(), stored);
    assert!(admin.link("certificate.pem").is_none());
    admin.get(&format!("{tab}/certificate.pem")).await;
    assert_eq!(admin.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn before_an_authority_ends_the_tab_says_so() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let tab = format!("{}/provisioning", add(&mut admin, "custom-saml", &[("label", "Ledger")]).await);
    let authority = Authority::until(2027);
    admin.get(&tab).await;
    let typed = [
        ("base_url", "https://scim.example.com/v2"),
        ("token", "of-ledger"),
        ("ca_certificate", authority.pem()),
        ("action", "save"),
    ];
    admin.submit(&tab, &typed).await;
    admin.says("Saved.").says_not("ends soon");
    world.clock.advance(20 * DAY);
    let mut admin = world.signed_in("adam").await;
    admin.get(&tab).await;
    admin.says("An authority that is trusted for Ledger ends soon").says("It ends on 1 January 2027.");
    world.clock.advance(30 * DAY);
    let mut admin = world.signed_in("adam").await;
    admin.get(&tab).await;
    admin.says("An authority that is trusted for Ledger has ended");
}

#[tokio::test]
async fn sc_22_a_client_certificate_is_shown_downloaded_and_made_anew_on_the_tab() {
    let text = "id: own\nname: Own\ndescription: Our own\ncategories: [other]\naccent: lapis\nversion: 1\n\
         sso:\n  sp_entity_id: https://own.example.com\n  acs_urls: [https://own.example.com/acs]\n\
         provisioning:\n  auth: bearer\n  quirks: {certificate: true}\nsetup: {}\n";
    let own = parse("own.yaml", text.as_bytes()).unwrap();
    let world = World::by(Arc::new(Catalog::from_connectors([own]))).await;
    let mut admin = world.signed_in("adam").await;
    let tab = format!("{}/provisioning", add(&mut admin, "own", &[]).await);
    admin.get(&tab).await;
    admin.says("which is made when you configure this");
    assert!(admin.link("certificate.pem").is_none(), "there is none yet");
    let settings = [("base_url", "https://scim.example.com/v2"), ("token", "of-own"), ("action", "save")];
    admin.submit(&tab, &settings).await;
    admin.says("Client certificate").says("2036");
    let file = admin.link("certificate.pem").expect("it can be downloaded");
    let mut auditor = world.signed_in("audrey").await;
    auditor.get(&tab).await;
    assert!(auditor.link("certificate.pem").is_some() && !auditor.has_form(&format!("{tab}/certificate")));
    auditor.get(&file).await;
    assert_eq!(auditor.headers["content-type"], "application/x-pem-file");
    assert!(auditor.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let before = auditor.body.clone();
    assert!(before.starts_with("-----BEGIN CERTIFICATE-----"), "{before}");
    let make = format!("{tab}/certificate");
    world.clock.advance(6 * MINUTE);
    admin.submit(&make, &[]).await;
    assert_eq!(admin.here(), "/login/confirm");
    admin.submit("/login/confirm", &[("password", PASSWORD)]).await;
    admin.get(&tab).await;
    admin.submit(&make, &[]).await;
    admin.says("Make a new certificate for Own?").says("The one before is gone for good");
    admin.submit(&make, &[("confirmed", "yes")]).await;
    admin.says("The new certificate is made");
    auditor.get(&file).await;
    assert_ne!(auditor.body, before);
}
