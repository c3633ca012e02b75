//! What is odd about an application, told with its repair.

use serde_json::{Value, json};
use tessera::auth::Role;
use tessera::base::clock::DAY;

use crate::support::{Api, House, id};

async fn codes(owner: &Api, app: &str) -> Vec<(String, String)> {
    let told = owner.get(&format!("/applications/{app}/findings")).await.expect(200);
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let items = told["items"].as_array().unwrap();
    for finding in items {
        assert!(!text(finding, "message").is_empty() && !text(finding, "repair").is_empty(), "{finding}");
    }
    items.iter().map(|finding| (text(finding, "severity"), text(finding, "code"))).collect()
}

fn holds(found: &[(String, String)], severity: &str, code: &str) -> bool {
    found.contains(&(severity.to_owned(), code.to_owned()))
}

#[tokio::test]
async fn each_oddity_of_an_application_is_found_and_goes_with_its_repair() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made =
        owner.post("/applications", json!({ "connector": "custom-saml", "label": "Own" })).await.expect(201);
    let app = id(&made);
    let sso = format!("/applications/{app}/sso");
    let fresh = codes(&owner, &app).await;
    for (severity, code) in
        [("fault", "no_audience"), ("fault", "no_acs"), ("warning", "nobody_bound"), ("note", "not_active")]
    {
        assert!(holds(&fresh, severity, code), "{code}: {fresh:?}");
    }
    assert!(
        fresh.is_sorted_by_key(|(severity, _)| ["fault", "warning", "note"]
            .iter()
            .position(|s| s == severity))
    );

    // Once it is in order, nothing grave is left.
    let group = id(&owner.post("/groups", json!({ "name": "Sales" })).await.expect(201));
    owner.put(&format!("/applications/{app}/groups/{group}"), "application/json", "").await;
    let settled = json!({
        "sp_entity_id": "https://sp.example", "acs_urls": ["https://sp.example/acs"], "relay_states": [],
        "name_id": { "format": "persistent" }
    });
    owner.patch(&sso, settled).await.expect(200);
    owner.post(&format!("/applications/{app}/sso/activate"), Value::Null).await.expect(200);
    assert_eq!(codes(&owner, &app).await, []);

    let keys = owner.get(&format!("/applications/{app}/keys")).await.expect(200);
    let pem = keys["items"][0]["certificate_pem"].clone();
    let odd = json!({
        "sp_certificates": [pem], "sp_encryption_certificates": [pem], "relay_states": ["*"], "sign": "response",
        "allow_missing_destination": true, "redirect_enveloped_signature": true, "sign_error_responses": true,
        "name_id": { "format": "emailAddress", "source": "username" },
        "authn_contexts": [{ "class": "https://refeds.org/profile/mfa" }],
        "attribute_services": [{ "index": 0, "attributes": [{ "name": "mail", "required": true }] }],
        "attributes": [{ "name": "groups", "groups": {} }], "ecp": true
    });
    owner.patch(&sso, odd).await.expect(200);
    let user = id(&owner
        .post(
            "/users",
            json!({ "username": "u", "email": "u@example.org", "password": "a long enough phrase for this" }),
        )
        .await
        .expect(201));
    for n in 0..51 {
        let group = id(&owner.post("/groups", json!({ "name": format!("G{n}") })).await.expect(201));
        owner.put(&format!("/groups/{group}/members/{user}"), "application/json", "").await;
    }
    let other =
        owner.post("/applications", json!({ "connector": "custom-saml", "label": "Two" })).await.expect(201);
    let twin = json!({ "sp_entity_id": "https://sp.example" });
    owner.patch(&format!("/applications/{}/sso", id(&other)), twin).await.expect(200);
    let found = codes(&owner, &app).await;
    for (severity, code) in [
        ("warning", "group_attribute_large"),
        ("warning", "destination_not_demanded"),
        ("warning", "enveloped_on_redirect"),
        ("warning", "errors_signed_for_anybody"),
        ("warning", "authn_context_overstated"),
        ("warning", "name_id_not_email"),
        ("warning", "required_attribute_missing"),
        ("note", "any_relay_state"),
        ("note", "ecp_without_acs"),
        ("note", "assertion_unsigned"),
        ("note", "unsigned_requests_accepted"),
        ("note", "encryption_not_used"),
        ("note", "entity_id_shared"),
    ] {
        assert!(holds(&found, severity, code), "{code}: {found:?}");
    }
    owner.patch(&sso, json!({ "attributes": [], "omit_name_id": true })).await.expect(200);
    assert!(holds(&codes(&owner, &app).await, "warning", "nobody_named"));
    owner.patch(&sso, json!({ "subject_identifier": "pairwise-id" })).await.expect(200);
    assert!(!holds(&codes(&owner, &app).await, "warning", "nobody_named"));
    // Time passes.
    for (days, code) in [(3 * 365 - 30, "certificate_ends_soon"), (60, "certificate_expired")] {
        house.clock.advance(days * DAY);
        let owner = house.api(Role::Owner).await;
        let found = codes(&owner, &app).await;
        let severity = if code == "certificate_expired" { "fault" } else { "warning" };
        assert!(holds(&found, severity, code), "{code}: {found:?}");
    }
    assert!(holds(&codes(&house.api(Role::Owner).await, &app).await, "warning", "sp_certificate_expired"));
}

#[tokio::test]
async fn where_a_click_on_the_tile_leads_is_told_until_it_is_known() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let made = async |connector: &str| {
        let new = json!({ "connector": connector, "label": connector });
        id(&owner.post("/applications", new).await.expect(201))
    };
    let app = made("dropbox-sign").await;
    let sso = format!("/applications/{app}/sso");
    assert!(holds(&codes(&owner, &app).await, "note", "tile_not_known"));
    owner.patch(&sso, json!({ "idp_initiated": "off" })).await.expect(200);
    let found = codes(&owner, &app).await;
    assert!(holds(&found, "warning", "tile_leads_nowhere") && !holds(&found, "note", "tile_not_known"));
    owner.patch(&sso, json!({ "login_url": "https://app.hellosign.com/" })).await.expect(200);
    assert!(codes(&owner, &app).await.iter().all(|(_, code)| !code.starts_with("tile_")));
    // What is known to refuse a sign-on that it did not begin is sent none.
    let loom = made("loom").await;
    let shown = owner.get(&format!("/applications/{loom}/sso")).await.expect(200);
    assert_eq!(shown["idp_initiated"], "off");
    assert!(codes(&owner, &loom).await.iter().all(|(_, code)| !code.starts_with("tile_")));
}
