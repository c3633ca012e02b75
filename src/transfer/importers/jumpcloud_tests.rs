//! Reading JumpCloud's applications.

use serde_json::json;

use super::super::{Format, read};
use super::*;

const EXPORT: &str = r#"{
        "totalCount": 7,
        "results": [
            {
                "_id": "65a", "name": "saml2", "displayName": "SAML 2.0", "displayLabel": "Heap (EU)", "active": true,
                "beta": false, "color": "", "description": "Product analytics", "logo": { "url": "x" },
                "organization": "o", "ssoUrl": "https://sso.jumpcloud.com/saml2/heap-eu",
                "sso": { "type": "saml", "beta": false, "jit": true, "hidden": true, "idpCertExpirationAt": "2030-01-01T00:00:00Z" },
                "userGroups": [{ "id": "g", "name": "Analysts" }, { "name": "analysts" }],
                "config": {
                    "idpEntityId": { "value": "JumpCloud", "type": "text" },
                    "idpPrivateKey": { "value": "-----BEGIN RSA PRIVATE KEY-----" },
                    "idpCertificate": { "value": "x" },
                    "spEntityId": { "label": "SP Entity ID", "value": "https://heap.example", "required": true },
                    "acsUrl": { "value": "https://heap.example/acs" },
                    "signAssertion": { "value": true },
                    "signResponse": { "value": false },
                    "subjectField": { "value": "email" },
                    "subjectFormat": { "value": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" },
                    "signatureAlgorithm": { "value": "RSA-SHA256" },
                    "defaultRelayState": { "value": "start" },
                    "loginUrl": { "value": "https://heap.example/login#sso" },
                    "includeGroups": { "value": true },
                    "groupsAttributeName": { "value": "memberOf" },
                    "constantAttributes": { "value": [{ "name": "plan", "value": "pro", "visible": true }, { "name": "", "value": "" }] },
                    "databaseAttributes": { "value": [
                        { "name": "mail", "value": "email" }, { "name": "given", "value": "firstname" },
                        { "name": "title", "value": "jobTitle" }, { "name": "phone", "value": "phoneNumbers[type=work].number" },
                        { "name": "city", "value": "addresses.work.locality" }, { "name": "badge", "value": "attributes.badge" }
                    ] }
                }
            },
            {
                "name": "aws", "displayLabel": "AWS\u0007", "newThing": { "on": true },
                "ssoUrl": "https://sso.jumpcloud.com/saml2/aws",
                "config": {
                    "acsUrl": { "value": "https://YOUR_DOMAIN.example/acs" },
                    "spEntityId": { "value": "" },
                    "signAssertion": { "value": false },
                    "signatureAlgorithm": { "value": "RSA-SHA1" },
                    "sessionDuration": { "value": 3600 },
                    "databaseAttributes": { "position": 3 }
                },
                "databaseAttributes": [{ "name": "mgr", "value": "manager" }]
            },
            { "name": "bookmark", "displayLabel": "Handbook", "ssoUrl": "https://handbook.example/", "config": {} },
            { "name": "oidc", "displayLabel": "Chat", "sso": { "type": "oidc" }, "config": {} }
        ]
    }"#;

#[test]
fn applications_become_a_document() {
    let imported = read(Format::JumpCloud, EXPORT.as_bytes()).unwrap();
    let row =
        |name: &str, source: &str| json!({ "name": name, "name_format": "unspecified", "source": source });
    let wanted = json!({
        "tessera": 1,
        "groups": [{ "name": "Analysts" }],
        "applications": [
            {
                "slug": "heap-eu", "connector": "custom-saml", "label": "Heap (EU)", "description": "Product analytics",
                "show_in_portal": false, "status": "inactive", "groups": ["Analysts"],
                "sso": {
                    "sp_entity_id": "https://heap.example",
                    "login_url": "https://heap.example/login#sso",
                    "default_relay_state": "start",
                    "sign": "assertion",
                    "signature_algorithm": "rsa-sha256",
                    "name_id": { "format": "emailAddress", "source": "email" },
                    "acs_urls": ["https://heap.example/acs"],
                    "attributes": [
                        { "name": "plan", "name_format": "unspecified", "constant": "pro" },
                        row("mail", "email"), row("given", "first_name"), row("title", "job_title"),
                        row("phone", "phone_numbers.work"), row("city", "addresses.work.locality"),
                        row("badge", "custom.badge"),
                        { "name": "memberOf", "name_format": "unspecified", "groups": { "include": ["Analysts", "analysts"] } },
                    ],
                },
            },
            {
                "slug": "aws", "connector": "custom-saml", "label": "AWS", "status": "inactive",
                "sso": { "sign": "response" },
            },
            {
                "slug": "handbook", "connector": "bookmark", "label": "Handbook", "status": "inactive",
                "bookmark_url": "https://handbook.example/",
            },
        ],
    });
    assert_eq!(imported.document, wanted, "{:#}", imported.document);
    let told: Vec<String> =
        imported.left.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
    assert_eq!(
        told,
        [
            ": totalCount",
            ": oidc",
            ": status",
            ": identity provider",
            ": group patterns",
            "Heap (EU): attribute badge",
            "Heap (EU): sso.jit",
            "Heap (EU): logo",
            "AWS: label",
            "AWS: config.sessionDuration",
            "AWS: config.spEntityId",
            "AWS: config.acsUrl",
            "AWS: config.acsUrl",
            "AWS: config.signatureAlgorithm",
            "AWS: NameID",
            "AWS: attribute mgr",
            "AWS: newThing",
        ]
    );
    assert!(imported.left.iter().all(|left| !left.why.contains("PRIVATE")));
}

#[test]
fn what_is_only_looked_at_is_told_too() {
    let application = json!({
        "displayLabel": "A", "ssoUrl": "https://a.example/", "name": "bookmark", "config": {},
        "sso": { "jit": false }, "logo": { "url": "", "color": null }, "logoUrl": "https://a.example/logo.png",
        "color": "#ff0000", "logoColor": "", "provision": { "beta": false },
    });
    let imported = read(Format::JumpCloud, &serde_json::to_vec(&application).unwrap()).unwrap();
    let of_it = imported.left.iter().filter(|left| left.application == "A");
    let mut told: Vec<(&str, &str)> = of_it.map(|left| (left.what.as_str(), left.why.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["color", "logoUrl", "provision"]);
    assert!(told[2].1.contains("Set up identity management"), "{told:?}");
}

#[test]
fn properties_are_known_by_their_names() {
    for (name, wanted) in [
        ("employeeIdentifier", Some("employee_identifier")),
        ("costCenter", Some("cost_center")),
        ("fullname", Some("display_name")),
        ("phone_numbers.mobile", Some("phone_numbers.mobile")),
        ("custom.x_1", Some("custom.x_1")),
        ("custom.a b", None),
        ("alternateEmail", None),
        ("manager", None),
        ("", None),
    ] {
        assert_eq!(source(name), wanted.map(Value::source), "{name}");
    }
}

#[test]
fn hostile_exports_do_no_harm() {
    super::super::report::tests::mangled(Format::JumpCloud, EXPORT);
}
