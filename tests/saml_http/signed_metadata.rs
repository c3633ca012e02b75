//! Our metadata, signed by a key of its own: what a federation verifies, and what an application's key never signs.

use axum::http::StatusCode;
use openssl::x509::X509;
use serde_json::{Value, json};
use tessera::base::clock::HOUR;

use crate::house::{Browser, House};
use crate::keys::verifies;

const CERTIFICATES: &str = "/saml2/metadata-certificate.pem";

async fn get(house: &House, path: &str) -> (StatusCode, String) {
    let answered = house.get(&mut Browser::default(), path).await;
    (answered.status, answered.body)
}

async fn api(house: &House, method: &str, path: &str, body: Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answered = house.api(method, path, "application/json", body).await;
    assert!(answered.status.is_success(), "{method} {path}: {}", answered.body);
    serde_json::from_str(&answered.body).unwrap_or_default()
}

async fn refused(house: &House, method: &str, path: &str) -> String {
    let answered = house.api(method, path, "application/json", "").await;
    let problem: Value = serde_json::from_str(&answered.body).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

async fn certificates(house: &House) -> Vec<X509> {
    let (status, pem) = get(house, CERTIFICATES).await;
    assert_eq!(status, StatusCode::OK, "{pem}");
    X509::stack_from_pem(pem.as_bytes()).unwrap()
}

async fn document(house: &House) -> String {
    let (status, document) = get(house, "/saml2/app/metadata").await;
    assert_eq!(status, StatusCode::OK);
    document
}

#[tokio::test]
async fn md_301_saml_209_metadata_is_signed_on_wish_and_by_no_key_of_an_application() {
    for house in [House::open().await, House::on_postgres().await] {
        house.application("app", json!({})).await;
        assert!(!document(&house).await.contains("Signature"), "unsigned by default");
        assert_eq!(get(&house, CERTIFICATES).await.0, StatusCode::NOT_FOUND);
        assert!(house.events("metadata_key_create").await.is_empty());

        let set = api(&house, "PATCH", "/settings", json!({ "sign_metadata": true })).await;
        assert_eq!(set["sign_metadata"], true);
        assert_eq!(house.events("metadata_key_create").await.len(), 1);
        let [pinned] = certificates(&house).await.try_into().unwrap();
        assert_eq!(pinned.public_key().unwrap().bits(), 3072);
        let signed = document(&house).await;
        assert!(verifies(&signed, &pinned));
        assert_eq!(signed.matches("<ds:Signature ").count(), 1);
        let own = get(&house, "/saml2/app/certificate.pem").await.1;
        let own = X509::from_pem(own.as_bytes()).unwrap();
        assert!(!verifies(&signed, &own), "not by the key that signs assertions");
        let keys: String = signed.split("<md:KeyDescriptor").skip(1).collect();
        let base64: String = pinned
            .to_pem()
            .map(|pem| String::from_utf8(pem).unwrap())
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        assert!(!keys.contains(&base64), "nor is it a key for assertions");

        // A signature is made once, and is the same wherever it is asked for.
        assert_eq!(document(&house).await, signed);
        let other = house.another_node().await;
        assert_eq!(document(&other).await, signed);
        let until = |document: &str| document.split("validUntil=\"").nth(1).unwrap()[..20].to_owned();
        house.clock.advance(12 * HOUR);
        let later = document(&house).await;
        assert!(until(&later) > until(&signed) && verifies(&later, &pinned), "signed anew in time");

        api(&house, "PATCH", "/settings", json!({ "sign_metadata": false })).await;
        assert!(!document(&house).await.contains("Signature"));
        assert_eq!(get(&house, CERTIFICATES).await.0, StatusCode::NOT_FOUND);
        api(&house, "PATCH", "/settings", json!({ "sign_metadata": true })).await;
        assert_eq!(certificates(&house).await, [pinned], "the key that is pinned already");
        assert_eq!(house.events("metadata_key_create").await.len(), 1);
    }
}

#[tokio::test]
async fn av_09_md_310_another_key_for_metadata_is_given_out_first_and_can_be_gone_back_from() {
    for house in [House::open().await, House::on_postgres().await] {
        house.application("app", json!({})).await;
        api(&house, "PATCH", "/settings", json!({ "sign_metadata": true })).await;
        let made = api(&house, "POST", "/metadata-keys", Value::Null).await;
        assert_eq!((&made["state"], &made["key_type"]), (&json!("next"), &json!("rsa-3072")));
        assert!(!made.to_string().contains("PRIVATE"));
        let [first, second] = certificates(&house).await.try_into().unwrap();
        assert!(verifies(&document(&house).await, &first));
        assert_eq!(refused(&house, "POST", "/metadata-keys").await, "too_many_keys");
        let id = made["id"].as_str().unwrap();
        let promoted = api(&house, "POST", &format!("/metadata-keys/{id}/promote"), Value::Null).await;
        assert_eq!(promoted["state"], "current");
        assert!(verifies(&document(&house).await, &second));
        assert_eq!(certificates(&house).await, [second.clone(), first.clone()], "the one that signs first");
        assert_eq!(refused(&house, "POST", &format!("/metadata-keys/{id}/promote")).await, "key_current");
        assert_eq!(refused(&house, "DELETE", &format!("/metadata-keys/{id}")).await, "key_in_use");

        let keys = api(&house, "GET", "/metadata-keys", Value::Null).await;
        assert_eq!(keys["items"][1]["state"], "retired");
        let before = keys["items"][1]["id"].as_str().unwrap();
        api(&house, "POST", &format!("/metadata-keys/{before}/promote"), Value::Null).await;
        assert!(verifies(&document(&house).await, &first), "back again");
        api(&house, "DELETE", &format!("/metadata-keys/{id}"), Value::Null).await;
        assert_eq!(certificates(&house).await, [first]);
        for (event, count) in [("metadata_key_rotate", 2), ("metadata_key_delete", 1)] {
            assert_eq!(house.events(event).await.len(), count, "{event}");
        }
    }
}
