//! SC-22: authorities of an application's own, and the certificate that it knows Tessera by.

use std::sync::Arc;

use serde_json::{Value, json};
use support::{Authority, ClientIdentity};
use tessera::auth::Role;
use tessera::catalog::Catalog;
use tessera::catalog::load::parse;
use tessera::saml::certificate::parse_certificate;

use crate::support::{House, id};

#[tokio::test]
async fn sc_22_authorities_are_judged_before_they_are_trusted_and_read_back_as_certificates_alone() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let path = format!("/applications/{}/provisioning", house.heap(&owner).await);
    let put = async |pem: String| {
        let body = json!({ "ca_certificate": pem }).to_string();
        owner.put(&path, "application/json", body).await
    };
    let (authority, ended) = (Authority::default(), Authority::until(2026));
    let ClientIdentity { pem: with_key, .. } = ClientIdentity::default();
    let cut = authority.pem().replace("-----END CERTIFICATE-----", "");
    for (pem, code) in [
        ("no PEM".to_owned(), "ca_certificate_unreadable"),
        (cut, "ca_certificate_unreadable"),
        (authority.pem().replace("CERTIFICATE", "X509 CRL"), "ca_certificate_unreadable"),
        (with_key, "ca_certificate_private_key"),
        (ended.pem().to_owned(), "ca_certificate_ended"),
        ([authority.pem(), ended.pem()].concat(), "ca_certificate_ended"),
        (authority.pem().repeat(200), "ca_certificate_too_large"),
    ] {
        let refused = put(pem).await.refused(422, "invalid_input");
        let error = &refused["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!("ca_certificate"), &json!(code)));
        assert!(error["message"].as_str().unwrap().ends_with('.'), "{error}");
    }
    owner.get(&path).await.refused(404, "provisioning_not_configured");
    let connection = json!({ "base_url": "https://scim.example.com/v2", "token": "of-heap" });
    let told = owner.json("PUT", &path, &[], &connection).await.expect(200);
    assert_eq!((&told["ca_certificate"], &told["certificate"]), (&Value::Null, &Value::Null));
    // What stands around the certificate is kept nowhere.
    let noted = format!("# the laboratory's\r\n{}", authority.pem().replace('\n', "\r\n"));
    let told = put(noted).await.expect(200);
    assert_eq!(told["ca_certificate"].as_str().unwrap().trim(), authority.pem().replace('\r', "").trim());
    assert_eq!(told["token_set_at"], Value::Null, "another authority needs the token again");
    assert_eq!(owner.get(&path).await.expect(200)["ca_certificate"], told["ca_certificate"]);
    let same = put(authority.pem().to_owned()).await.expect(200);
    assert_eq!(same["ca_certificate"], told["ca_certificate"]);
    let auditor = house.api(Role::Auditor).await;
    let events = auditor.get("/events?name=idm_integration_update").await.expect(200);
    let events = events["items"].as_array().unwrap();
    let told_of = events.iter().filter_map(|event| event["details"]["ca_certificate"].as_str());
    let told_of: Vec<&str> = told_of.collect();
    assert_eq!(told_of.len(), 1, "the same once more is no change: {events:?}");
    assert_eq!(told_of[0].len(), 95, "SHA-256, in pairs: {told_of:?}");
    assert!(!format!("{events:?}").contains("BEGIN CERTIFICATE"));
    // Later its end is no reason to refuse another change.
    let told = put(String::new()).await.expect(200);
    assert_eq!(told["ca_certificate"], Value::Null);
}

#[tokio::test]
async fn sc_22_a_client_certificate_is_made_downloaded_and_made_anew_where_it_is_asked_for() {
    let text = "id: own\nname: Own\ndescription: Our own\ncategories: [other]\naccent: lapis\nversion: 1\n\
         sso:\n  sp_entity_id: https://own.example.com\n  acs_urls: [https://own.example.com/acs]\n\
         provisioning:\n  auth: bearer\n  quirks: {certificate: true}\nsetup: {}\n";
    let heap = Catalog::built_in().find("heap").unwrap().as_ref().clone();
    let own = parse("own.yaml", text.as_bytes()).unwrap();
    let house = House::with_catalog(Arc::new(Catalog::from_connectors([heap, own]))).await;
    let (owner, auditor) = (house.api(Role::Owner).await, house.api(Role::Auditor).await);
    let app = id(&owner.post("/applications", json!({ "connector": "own" })).await.expect(201));
    let (path, file) = (
        format!("/applications/{app}/provisioning"),
        format!("/applications/{app}/provisioning/certificate"),
    );
    owner.get(&file).await.refused(404, "provisioning_not_configured");
    owner.post(&file, Value::Null).await.refused(404, "provisioning_not_configured");
    let told = owner.json("PUT", &path, &[], &json!({ "manage_groups": false })).await.expect(200);
    let made = told["certificate"].clone();
    let end = made["not_after"].as_str().unwrap();
    assert!(end.starts_with("2036-11-"), "ten years: {end}");
    let download = auditor.get(&file).await;
    assert_eq!((download.status, download.header("content-type")), (200, "application/x-pem-file"));
    assert_eq!(json!(download.text()), made["certificate_pem"]);
    assert!(download.text().starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert_eq!(download.text().matches("-----BEGIN").count(), 1, "the key is given to nobody");
    let read = parse_certificate(download.text().as_bytes()).unwrap();
    assert_eq!((read.subject.as_str(), read.key_kind.as_str()), ("CN=Own", "EC 256"));
    // Configuring it once more leaves it.
    let connection = json!({ "base_url": "https://scim.example.com/v2", "token": "of-own" });
    let told = owner.json("PUT", &path, &[], &connection).await.expect(200);
    assert_eq!(told["certificate"], made);
    auditor.post(&file, Value::Null).await.refused(403, "not_allowed");
    let renewed = owner.post(&file, Value::Null).await.expect(201);
    assert_ne!(renewed["fingerprint"], made["fingerprint"]);
    assert_eq!(owner.get(&path).await.expect(200)["certificate"], renewed);
    assert_eq!(json!(auditor.get(&file).await.text()), renewed["certificate_pem"]);
    let events = auditor.get("/events?name=idm_certificate_create").await.expect(200);
    let fingerprints: Vec<&Value> =
        events["items"].as_array().unwrap().iter().map(|event| &event["details"]["fingerprint"]).collect();
    assert_eq!(fingerprints, [&renewed["fingerprint"], &made["fingerprint"]]);
    // Another connector asks for none, and is shown none.
    let other = format!("/applications/{}/provisioning", house.heap(&owner).await);
    owner.json("PUT", &other, &[], &json!({ "manage_groups": true })).await.expect(200);
    owner.get(&format!("{other}/certificate")).await.refused(404, "certificate_not_asked_for");
    owner.post(&format!("{other}/certificate"), Value::Null).await.refused(404, "certificate_not_asked_for");
    assert!(!house.disk().windows(11).any(|part| part == b"PRIVATE KEY"));
}
