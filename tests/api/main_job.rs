//! From the catalog to the assertion that would be sent.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::support::{Api, House, PASSWORD, id};

async fn person(owner: &Api) -> String {
    let body = json!({ "username": "livia", "email": "livia@example.com", "first_name": "Livia", "password": PASSWORD });
    id(&owner.post("/users", body).await.expect(201))
}

#[tokio::test]
async fn heap_goes_from_the_catalog_to_a_preview() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let found = owner.get("/catalog?q=heep").await.expect(200);
    assert_eq!(found["items"][0]["id"], "heap", "typing errors are forgiven");
    let connector = owner.get("/catalog/heap").await.expect(200);
    assert!(connector["placeholders"]["YOUR_ID"]["label"].is_string());

    let made = owner
        .post("/applications", json!({ "connector": "heap", "label": "Heap EU", "color": "ochre" }))
        .await;
    assert_eq!(
        made.header("location"),
        format!("/api/v1/applications/{}", made.body["id"].as_str().unwrap())
    );
    assert_eq!(made.header("etag"), "\"1\"");
    let made = made.expect(201);
    let app = id(&made);
    assert_eq!(made["slug"], "heap-eu");
    assert_eq!(made["idp_url"], "https://id.example.com/saml2/heap-eu");
    assert_eq!(made["metadata_url"], "https://id.example.com/saml2/heap-eu/metadata");
    assert_eq!(made["certificate_url"], "https://id.example.com/saml2/heap-eu/certificate.pem");
    assert_eq!((&made["status"], &made["color"]), (&json!("draft"), &json!("ochre")));

    let sso = owner.get(&format!("/applications/{app}/sso")).await.expect(200);
    assert_eq!(sso["placeholders"]["YOUR_ID"], Value::Null);
    assert_eq!(sso["missing"][0]["placeholder"], "YOUR_ID");
    let acs = &sso["acs_urls"][0]["url"];
    assert_eq!(acs["template"], "https://heapanalytics.com/saml/finalize/YOUR_ID/");
    assert_eq!(acs["value"], Value::Null);
    let refused = owner.post(&format!("/applications/{app}/sso/activate"), Value::Null).await;
    let refused = refused.refused(422, "placeholders_unfilled");
    assert_eq!(refused["errors"][0]["field"], "placeholders.YOUR_ID");

    let wrong = json!({ "placeholders": { "YOUR_ID": "a/b" } });
    let wrong = owner.patch(&format!("/applications/{app}/sso"), wrong).await.refused(422, "invalid_input");
    assert_eq!(wrong["errors"][0]["field"], "placeholders.YOUR_ID");
    let sso = json!({ "placeholders": { "YOUR_ID": "1234567890" } });
    let sso = owner.patch(&format!("/applications/{app}/sso"), sso).await.expect(200);
    assert_eq!(sso["missing"], json!([]));
    assert_eq!(sso["acs_urls"][0]["url"]["value"], "https://heapanalytics.com/saml/finalize/1234567890/");
    let active = owner.post(&format!("/applications/{app}/sso/activate"), Value::Null).await.expect(200);
    assert_eq!(active["status"], "active");

    let user = person(&owner).await;
    let path = format!("/applications/{app}/preview");
    let preview = |body| owner.post(&path, body);
    let seen = preview(json!({ "user_id": user })).await;
    let seen = seen.expect(200);
    assert_eq!(seen["refusal"]["code"], "not_bound", "implicit deny");
    let group = id(&owner.post("/groups", json!({ "name": "Analysts" })).await.expect(201));
    owner.put(&format!("/groups/{group}/members/{user}"), "", "").await.expect(204);
    owner.put(&format!("/applications/{app}/groups/{group}"), "", "").await.expect(204);
    let bound = owner.get(&format!("/applications/{app}/groups")).await.expect(200);
    assert_eq!(
        (&bound["items"][0]["name"], &bound["items"][0]["member_count"]),
        (&json!("Analysts"), &json!(1))
    );
    let reverse = owner.get(&format!("/groups/{group}/applications")).await.expect(200);
    assert_eq!(reverse["items"][0]["id"], json!(app));

    let seen = preview(json!({ "user_id": user })).await.expect(200);
    assert_eq!((&seen["refusal"], &seen["by_group"]), (&Value::Null, &json!("Analysts")));
    assert_eq!(seen["groups"], json!(["Analysts", "Everyone"]));
    assert_eq!(seen["bound_groups"], json!(["Analysts"]));
    assert_eq!(seen["name_id"], json!({ "format": "emailAddress", "value": "livia@example.com" }));
    assert_eq!(seen["recipient"], "https://heapanalytics.com/saml/finalize/1234567890/");
    assert_eq!(seen["audience"], "https://heapanalytics.com");
    let email = json!("livia@example.com");
    let attributes = seen["attributes"].as_array().unwrap();
    assert!(attributes.iter().any(|a| a["name"] == "email" && a["values"][0] == email), "{attributes:?}");
    let xml = seen["xml"].as_str().unwrap();
    assert!(xml.contains("<saml:Assertion") && !xml.contains("Signature"), "{xml}");
    preview(json!({ "user_id": "nobody" })).await.refused(422, "invalid_input");

    owner.delete(&format!("/applications/{app}/groups/{group}")).await.expect(204);
    assert_eq!(preview(json!({ "user_id": user })).await.expect(200)["refusal"]["code"], "not_bound");
    let inactive = owner.post(&format!("/applications/{app}/sso/deactivate"), Value::Null).await.expect(200);
    assert_eq!(inactive["status"], "inactive");
    owner.delete(&format!("/applications/{app}")).await.expect(204);
    owner.get(&format!("/applications/{app}")).await.refused(404, "not_found");
    let again = json!({ "connector": "heap", "slug": "heap-eu" });
    owner.post("/applications", again).await.refused(409, "recently_used");
    let again = json!({ "connector": "heap", "slug": "heap-eu", "reuse": true });
    owner.post("/applications", again).await.expect(201);
}

#[tokio::test]
async fn the_slug_never_changes() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = house.heap(&owner).await;
    for slug in [json!("other"), json!("heap"), Value::Null, json!(["x"])] {
        let told =
            owner.patch(&format!("/applications/{app}"), json!({ "slug": slug, "label": "New" })).await;
        told.refused(409, "idp_url_immutable");
    }
    assert_eq!(owner.get(&format!("/applications/{app}")).await.expect(200)["slug"], "heap");
}

#[tokio::test]
async fn bookmarks_need_an_address_and_have_no_settings() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let refused = owner.post("/applications", json!({ "connector": "bookmark", "label": "Wiki" })).await;
    assert_eq!(refused.refused(422, "invalid_input")["errors"][0]["field"], "bookmark_url");
    let made =
        json!({ "connector": "bookmark", "label": "Wiki", "bookmark_url": "https://wiki.example.com/" });
    let made = owner.post("/applications", made).await.expect(201);
    assert_eq!((&made["kind"], &made["metadata_url"]), (&json!("bookmark"), &Value::Null));
    let app = id(&made);
    owner.get(&format!("/applications/{app}/sso")).await.refused(409, "not_saml");
    owner.post(&format!("/applications/{app}/sso/activate"), Value::Null).await.expect(200);
    let script = json!({ "bookmark_url": "javascript:alert(1)" });
    owner.patch(&format!("/applications/{app}"), script).await.refused(422, "invalid_input");
}

fn metadata(entity: &str, acs: &str, certificate: &str) -> String {
    let body: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}"><SPSSODescriptor
        protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" AuthnRequestsSigned="true"><KeyDescriptor
        use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{body}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><AssertionConsumerService
        Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{acs}" index="0"/></SPSSODescriptor></EntityDescriptor>"#
    )
}

#[tokio::test]
async fn metadata_fills_in_what_follows_from_it_and_nothing_else() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let keeper = json!({ "connector": "keeper-cloud", "label": "Keeper" });
    let app = format!("/applications/{}", id(&owner.post("/applications", keeper).await.expect(201)));
    let keys = owner.get(&format!("{app}/keys")).await.expect(200);
    let pem = keys["items"][0]["certificate_pem"].as_str().unwrap().to_owned();
    let path = format!("{app}/sp-metadata");
    let at = |entity: &str, acs: &str| {
        let host = "https://keepersecurity.com/api/rest/sso";
        metadata(&format!("{host}/saml/{entity}"), &format!("{host}/saml/sso/{acs}"), &pem)
    };
    let token = "YOUR_ID";
    let told = |answer: &Value| {
        let changes = answer["changes"].as_array().unwrap().clone();
        changes.into_iter().find(|change| change["field"] == format!("placeholders.{token}"))
    };

    let torn = owner.put(&format!("{path}?dry_run=true"), "text/xml", at("4711", "4712")).await.expect(200);
    assert_eq!(told(&torn), None, "two that disagree tell nothing");
    let dry = owner.put(&format!("{path}?dry_run=true"), "text/xml", at("4711", "4711")).await.expect(200);
    assert_eq!(told(&dry).unwrap()["new"], "4711");
    let sso = owner.get(&format!("{app}/sso")).await.expect(200);
    assert_eq!(sso["placeholders"][token], Value::Null, "nothing is stored");
    owner.put(&path, "text/xml", at("4711", "4711")).await.expect(200);
    let sso = owner.get(&format!("{app}/sso")).await.expect(200);
    assert_eq!((&sso["placeholders"][token], &sso["missing"]), (&json!("4711"), &json!([])));
    owner.post(&format!("{app}/sso/activate"), Value::Null).await.expect(200);

    let other = owner.put(&path, "text/xml", at("4712", "4712")).await.expect(200);
    assert_eq!(told(&other), None, "what somebody may have typed stays");
    let sso = owner.get(&format!("{app}/sso")).await.expect(200);
    assert_eq!(sso["placeholders"][token], "4711");

    // A whole host may lead elsewhere, too: it has to stand in both.
    let gitlab = json!({ "connector": "gitlab", "label": "GitLab" });
    let app = format!("/applications/{}", id(&owner.post("/applications", gitlab).await.expect(201)));
    let path = format!("{app}/sp-metadata?dry_run=true");
    let (ours, acs) = ("https://git.acme.example", "/users/auth/saml/callback");
    for (entity, host, host_is_told) in [
        (ours, ours, true),
        (ours, "https://evil.example", false),
        ("https://git.acme.example/", ours, false),
        ("urn:gitlab", "https://evil.example", false),
    ] {
        let xml = metadata(entity, &format!("{host}{acs}"), &pem);
        let dry = owner.put(&path, "text/xml", xml).await.expect(200);
        assert_eq!(
            dry["changes"].to_string().contains("placeholders."),
            host_is_told,
            "{entity} {host}: {dry}"
        );
    }
}

#[tokio::test]
async fn metadata_certificate_keys_and_logo_are_taken() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made =
        owner.post("/applications", json!({ "connector": "custom-saml", "label": "Own" })).await.expect(201);
    let app = format!("/applications/{}", id(&made));
    let keys = owner.get(&format!("{app}/keys")).await.expect(200);
    let pem = keys["items"][0]["certificate_pem"].as_str().unwrap().to_owned();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && !keys.to_string().contains("PRIVATE"));
    let xml = metadata("https://sp.example", "https://sp.example/acs", &pem);
    let path = format!("{app}/sp-metadata");

    let dry = owner
        .put(&format!("{path}?dry_run=true"), "application/samlmetadata+xml", xml.clone())
        .await
        .expect(200);
    assert_eq!(dry["dry_run"], true);
    let fields: Vec<&str> =
        dry["changes"].as_array().unwrap().iter().map(|c| c["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"sp_entity_id") && fields.contains(&"acs_urls"), "{fields:?}");
    assert_eq!(
        owner.get(&format!("{app}/sso")).await.expect(200)["sp_entity_id"],
        Value::Null,
        "nothing is stored"
    );

    let stale = [("content-type", "text/xml"), ("if-match", "W/\"9\"")];
    owner.send("PUT", &path, &stale, xml.clone().into()).await.refused(412, "changed_meanwhile");
    let done = owner.put(&path, "application/xml", xml.clone()).await.expect(200);
    assert_eq!(done["sso"]["sp_entity_id"]["value"], "https://sp.example");
    assert_eq!(done["sso"]["require_signed_requests"], true);
    assert_eq!(owner.put(&path, "text/xml", xml).await.expect(200)["changes"], json!([]), "the same again");

    owner
        .put(&path, "application/json", r#"{"url": "https://10.0.0.1/md"}"#)
        .await
        .refused(422, "outbound_address_refused");
    owner.put(&path, "application/json", r#"{"uri": "x"}"#).await.refused(422, "unknown_field");
    owner.put(&path, "text/plain", "<x/>").await.refused(415, "unsupported_media_type");
    assert_eq!(owner.put(&path, "text/xml", "<!DOCTYPE x>").await.status, 422);
    owner.put(&path, "text/xml", vec![b' '; (2 << 20) + 1]).await.refused(413, "body_too_large");

    let told =
        owner.put(&format!("{app}/sp-certificate"), "application/x-pem-file", pem.clone()).await.expect(200);
    assert_eq!(told["sso"]["sp_certificates"].as_array().unwrap().len(), 1);
    let refused = owner.put(&format!("{app}/sp-certificate"), "text/plain", "nonsense").await;
    assert_eq!(refused.refused(422, "invalid_input")["errors"][0]["field"], "certificate");

    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbaImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let logo = format!("{app}/logo");
    owner.get(&logo).await.refused(404, "not_found");
    owner.put(&logo, "image/svg+xml", "<svg/>").await.refused(415, "unsupported_media_type");
    owner.put(&logo, "image/png", "<svg/>").await.refused(422, "invalid_input");
    owner.put(&logo, "image/png", png.into_inner()).await.expect(204);
    let shown = owner.get(&logo).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
    assert!(shown.header("content-security-policy").contains("sandbox"), "A-35");
    assert_eq!(owner.get(&app).await.expect(200)["logo_url"], json!(format!("/api/v1{logo}")));
    owner.delete(&logo).await.expect(204);
    owner.get(&logo).await.refused(404, "not_found");
}
