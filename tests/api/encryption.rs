//! Encryption and what metadata says of it, as the API takes it (MD-304, ALG-405).

use serde_json::json;
use tessera::auth::Role;

use crate::support::{House, id};

const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
const CBC: &str = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";

/// Metadata with one certificate: what it is for, what is listed with it, what is listed of signatures.
fn metadata(pem: &str, usage: &str, encryption: &[&str], signing: &[&str]) -> String {
    let certificate: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let list = |element: &str, uris: &[&str]| -> String {
        uris.iter().fold(String::new(), |out, uri| out + &format!("<{element} Algorithm='{uri}'/>"))
    };
    format!(
        "<md:EntityDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata' entityID='https://sp.example'>\
         <md:SPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol'>\
         <md:Extensions xmlns:alg='urn:oasis:names:tc:SAML:metadata:algsupport'>{}</md:Extensions>\
         <md:KeyDescriptor {usage}><ds:KeyInfo xmlns:ds='http://www.w3.org/2000/09/xmldsig#'><ds:X509Data>\
         <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{}</md:KeyDescriptor>\
         <md:AssertionConsumerService Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' \
         Location='https://sp.example/acs' index='0'/></md:SPSSODescriptor></md:EntityDescriptor>",
        list("alg:SigningMethod", signing),
        list("md:EncryptionMethod", encryption)
    )
}

#[tokio::test]
async fn md_304_a_certificate_is_for_what_it_is_given_for_and_without_a_word_for_both() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made =
        owner.post("/applications", json!({ "connector": "custom-saml", "label": "Own" })).await.expect(201);
    let app = format!("/applications/{}", id(&made));
    let keys = owner.get(&format!("{app}/keys")).await.expect(200);
    let pem = keys["items"][0]["certificate_pem"].as_str().unwrap().to_owned();
    let counts = |told: &serde_json::Value| {
        ["sp_certificates", "sp_encryption_certificates"]
            .map(|list| told["sso"][list].as_array().unwrap().len())
    };
    for (usage, expected) in [("use='signing'", [1, 0]), ("use='encryption'", [0, 1]), ("", [1, 1])] {
        let told =
            owner.put(&format!("{app}/sp-metadata"), "text/xml", metadata(&pem, usage, &[], &[])).await;
        assert_eq!(counts(&told.expect(200)), expected, "{usage}");
    }
    let none = json!({ "sp_certificates": [], "sp_encryption_certificates": [] });
    for (query, expected) in
        [("?use=signing", [1, 0]), ("?use=encryption", [0, 1]), ("?use=both", [1, 1]), ("", [1, 1])]
    {
        owner.patch(&format!("{app}/sso"), none.clone()).await.expect(200);
        let path = format!("{app}/sp-certificate{query}");
        let told = owner.put(&path, "application/x-pem-file", pem.clone()).await.expect(200);
        assert_eq!(counts(&told), expected, "{query}");
    }
    // A key that can't be encrypted for rolls over for signatures alone, and that is said.
    let next = owner.post(&format!("{app}/keys"), json!({ "key_type": "ecdsa-p256" })).await.expect(201);
    let elliptic = next["certificate_pem"].as_str().unwrap().to_owned();
    let path = format!("{app}/sp-certificate");
    let put = async |query: &str| {
        let path = format!("{path}{query}");
        owner.put(&path, "application/x-pem-file", elliptic.clone()).await.expect(200)
    };
    let told = put("").await;
    let lists = |told: &serde_json::Value| {
        ["sp_certificates", "sp_encryption_certificates"].map(|list| told["sso"][list][0].clone())
    };
    assert_eq!(lists(&told), [json!(elliptic), json!(pem)]);
    assert!(told["warnings"][0].as_str().unwrap().contains("still encrypted for"), "{told}");
    assert_eq!(put("?use=signing").await["warnings"], json!([]), "who says so knows");
    owner.patch(&format!("{app}/sso"), none).await.expect(200);
    assert_eq!(put("").await["warnings"], json!([]), "none was there before");
    let refused = owner.put(&format!("{app}/sp-certificate?use=fun"), "text/plain", pem).await;
    assert_eq!(refused.refused(422, "invalid_input")["errors"][0]["field"], "use");
}

#[tokio::test]
async fn alg_405_what_metadata_lists_is_kept_to_or_it_is_refused() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made =
        owner.post("/applications", json!({ "connector": "custom-saml", "label": "Own" })).await.expect(201);
    let app = format!("/applications/{}", id(&made));
    let keys = owner.get(&format!("{app}/keys")).await.expect(200);
    let pem = keys["items"][0]["certificate_pem"].as_str().unwrap().to_owned();
    let path = format!("{app}/sp-metadata");
    let sha512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512";
    let elliptic = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

    let told =
        owner.put(&path, "text/xml", metadata(&pem, "", &[CBC, GCM], &[elliptic, sha512])).await.expect(200);
    assert_eq!(told["sso"]["encryption_algorithm"], "aes128-gcm");
    assert_eq!(told["sso"]["signature_algorithm"], "rsa-sha512", "the first that the key makes");
    assert_eq!(told["warnings"], json!([]));

    let refused = owner.put(&path, "text/xml", metadata(&pem, "", &[], &[elliptic])).await;
    assert_eq!(refused.refused(422, "invalid_input")["errors"][0]["code"], "signing_method_unsupported");

    // Nothing that we speak: told of while nothing is encrypted, refused once something is.
    let broken = metadata(&pem, "", &[CBC, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"], &[]);
    let told = owner.put(&path, "text/xml", broken.clone()).await.expect(200);
    assert!(told["warnings"][0].as_str().unwrap().contains("can't be encrypted"), "{told}");
    let encrypts = json!({ "encrypt_assertion": true });
    let refused = owner.patch(&format!("{app}/sso"), encrypts.clone()).await;
    assert_eq!(refused.refused(422, "invalid_input")["errors"][0]["code"], "encryption_method_unsupported");
    owner.put(&path, "text/xml", metadata(&pem, "", &[], &[])).await.expect(200);
    owner.patch(&format!("{app}/sso"), encrypts).await.expect(200);
    let refused = owner.put(&path, "text/xml", broken).await;
    assert_eq!(refused.refused(422, "invalid_input")["errors"][0]["code"], "encryption_method_unsupported");
    let unencrypted = owner.put(&path, "text/xml", metadata(&pem, "use='signing'", &[], &[])).await;
    assert_eq!(
        unencrypted.refused(422, "invalid_input")["errors"][0]["code"],
        "encryption_certificate_missing"
    );
}

#[tokio::test]
async fn alg_405_what_metadata_listed_is_kept_to_by_what_is_changed_later() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made =
        owner.post("/applications", json!({ "connector": "custom-saml", "label": "Own" })).await.expect(201);
    let app = format!("/applications/{}", id(&made));
    let keys = owner.get(&format!("{app}/keys")).await.expect(200);
    let pem = keys["items"][0]["certificate_pem"].as_str().unwrap().to_owned();
    let (path, sso) = (format!("{app}/sp-metadata"), format!("{app}/sso"));
    let signature = |name: &str| format!("http://www.w3.org/2001/04/xmldsig-more#{name}");
    let (sha512, p384) = (signature("rsa-sha512"), signature("ecdsa-sha384"));
    let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    let patch = async |body: serde_json::Value| owner.patch(&sso, body).await;
    let refused = async |body: serde_json::Value, field: &str, code: &str| {
        let told = patch(body).await.refused(422, "invalid_input");
        assert_eq!((&told["errors"][0]["field"], &told["errors"][0]["code"]), (&json!(field), &json!(code)));
    };

    let lists = metadata(&pem, "", &[GCM, oaep], &[&sha512, &p384]);
    let told = owner.put(&path, "text/xml", lists).await.expect(200);
    let listed = json!({
        "signatures": ["rsa-sha512", "ecdsa-sha384"], "ciphers": ["aes128-gcm"], "transports": ["rsa-oaep-mgf1p"]
    });
    assert_eq!(told["sso"]["listed_algorithms"], listed);
    refused(json!({ "signature_algorithm": "rsa-sha256" }), "signature_algorithm", "algorithm_not_listed")
        .await;
    patch(json!({ "encryption_algorithm": "aes256-gcm" })).await.expect(200);
    refused(json!({ "encrypt_assertion": true }), "encryption_algorithm", "algorithm_not_listed").await;
    let other = json!({ "encrypt_name_id": true, "encryption_algorithm": "aes128-gcm", "key_transport": "rsa-oaep-sha256" });
    refused(other, "key_transport", "algorithm_not_listed").await;
    patch(json!({ "encrypt_assertion": true, "encryption_algorithm": "aes128-gcm" })).await.expect(200);
    refused(json!({ "encryption_algorithm": "aes256-gcm" }), "encryption_algorithm", "algorithm_not_listed")
        .await;
    patch(json!({ "encrypt_assertion": false })).await.expect(200);

    // Another kind of key signs with what is listed, not with what is usual; one that makes none of it does not sign.
    let staged = async |kind: &str| {
        let made = owner.post(&format!("{app}/keys"), json!({ "key_type": kind })).await.expect(201);
        format!("{app}/keys/{}", id(&made))
    };
    let key = staged("ecdsa-p256").await;
    owner.post(&format!("{key}/promote"), json!(null)).await.expect(200);
    let settings = async || owner.get(&sso).await.expect(200);
    assert_eq!(settings().await["signature_algorithm"], "ecdsa-sha384");
    let only = metadata(&pem, "", &[CBC], &[&p384]);
    owner.put(&path, "text/xml", only).await.expect(200);
    let back = owner.get(&format!("{app}/keys")).await.expect(200)["items"][1]["id"].clone();
    let back = format!("{app}/keys/{}/promote", back.as_str().unwrap());
    owner.post(&back, json!(null)).await.refused(409, "signing_method_unsupported");
    assert_eq!(settings().await["signature_algorithm"], "ecdsa-sha384");
    refused(json!({ "encrypt_assertion": true }), "encrypt_assertion", "encryption_method_unsupported").await;

    // A profile that demands encryption leaves it off where there is no way, and says so; an administrator who knows
    // better lets go of the list.
    patch(json!({ "profile": "saml2int" })).await.expect(200);
    assert_eq!(settings().await["encrypt_assertion"], false);
    patch(json!({ "listed_algorithms": null })).await.expect(200);
    patch(json!({ "encrypt_assertion": true })).await.expect(200);
    owner.post(&back, json!(null)).await.expect(200);
    assert_eq!(settings().await["signature_algorithm"], "rsa-sha256");
    // Metadata that lists nothing leaves the choice.
    let told = owner.put(&path, "text/xml", metadata(&pem, "", &[], &[])).await.expect(200);
    let free = json!({ "signatures": null, "ciphers": null, "transports": null });
    assert_eq!(told["sso"]["listed_algorithms"], free);
}
