//! Reading Okta's applications.

use serde_json::{Value as Json, json};

use super::super::certificate::{self, tests::bare};
use super::super::{Format, read};

const EXPORT: &str = r#"[
            {
                "id": "0oa1", "name": "acme_wiki_1", "label": "Wiki", "status": "ACTIVE", "signOnMode": "SAML_2_0",
                "created": "2024-01-01T00:00:00.000Z", "features": [],
                "accessibility": { "selfService": false, "errorRedirectUrl": null, "loginRedirectUrl": null },
                "visibility": { "autoSubmitToolbar": false, "hide": { "iOS": false, "web": true } },
                "credentials": { "userNameTemplate": { "template": "${source.email}", "type": "BUILT_IN" }, "signing": { "kid": "x" } },
                "settings": {
                    "app": {},
                    "notifications": { "vpn": { "network": { "connection": "DISABLED" } } },
                    "signOn": {
                        "defaultRelayState": "/start",
                        "ssoAcsUrl": "https://wiki.example/acs", "recipient": "https://wiki.example/acs",
                        "destination": "https://wiki.example/acs", "audience": "https://wiki.example/",
                        "subjectNameIdTemplate": "${user.userName}",
                        "subjectNameIdFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
                        "responseSigned": true, "assertionSigned": true,
                        "signatureAlgorithm": "RSA_SHA256", "digestAlgorithm": "SHA256",
                        "honorForceAuthn": true, "requestCompressed": false,
                        "authnContextClassRef": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
                        "samlSignedRequestEnabled": true,
                        "slo": { "enabled": true, "issuer": "https://wiki.example/", "logoutUrl": "https://wiki.example/slo" },
                        "spCertificate": { "x5c": ["SHAPE"] },
                        "allowMultipleAcsEndpoints": true,
                        "acsEndpoints": [{ "url": "https://wiki.example/acs", "index": 3 }, { "url": "https://wiki.example/b", "index": 0 }],
                        "attributeStatements": [
                            { "type": "EXPRESSION", "name": "email", "namespace": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic", "values": ["user.email"] },
                            { "type": "EXPRESSION", "name": "nick", "namespace": "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified", "values": ["String.substringBefore(user.email, \"@\")"] },
                            { "type": "EXPRESSION", "name": "tier", "namespace": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri", "values": ["gold", "silver"] },
                            { "type": "EXPRESSION", "name": "badge", "namespace": "", "values": ["user.badge_no"] },
                            { "type": "GROUP", "name": "groups", "namespace": "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified", "filterType": "STARTS_WITH", "filterValue": "wiki-" },
                            { "type": "GROUP", "name": "all", "filterType": "REGEX", "filterValue": ".*" }
                        ]
                    }
                },
                "_embedded": { "groups": [{ "profile": { "name": "Staff" } }, { "profile": { "name": "everyone" } }] }
            },
            {
                "name": "acme_old_1", "label": "Wiki", "signOnMode": "SAML_2_0", "features": ["PUSH_NEW_USERS"],
                "credentials": { "userNameTemplate": { "template": "${source.login}" } },
                "settings": { "signOn": {
                    "ssoAcsUrl": "http://old.example/acs", "recipient": "https://other.example", "audience": "old",
                    "subjectNameIdTemplate": "${user.a == 'b' ? 'c' : 'd'}",
                    "subjectNameIdFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
                    "responseSigned": false, "assertionSigned": false,
                    "signatureAlgorithm": "RSA_SHA1", "digestAlgorithm": "SHA1", "honorForceAuthn": false,
                    "authnContextClassRef": "urn:federation:authentication:windows",
                    "samlSignedRequestEnabled": true, "inlineHooks": [{ "id": "h" }],
                    "assertionEncryption": { "enabled": true, "encryptionAlgorithm": "AES256_CBC", "keyTransportAlgorithm": "RSA_15" },
                    "somethingNew": true,
                    "attributeStatements": [
                        { "type": "EXPRESSION", "name": "role", "values": ["isMemberOfGroupName(\"x\") ? \"a\" : \"b\""] },
                        { "type": "GROUP", "name": "g", "filterType": "REGEX", "filterValue": "[a-z]+" },
                        { "type": "OTHER", "name": "o" }
                    ]
                } }
            },
            { "label": "Intranet", "signOnMode": "BOOKMARK", "settings": { "app": { "url": "http://intranet.example/?a=b" } } },
            { "label": "Chat", "signOnMode": "OPENID_CONNECT" },
            { "label": "Script", "signOnMode": "BOOKMARK", "settings": { "app": { "url": "javascript:x" } } }
        ]"#;

fn export() -> String {
    EXPORT.replace("SHAPE", &bare())
}

#[test]
fn applications_become_a_document() {
    let imported = read(Format::Okta, export().as_bytes()).unwrap();
    let pem = certificate::pem(&bare(), true).unwrap();
    let wanted = json!({
        "tessera": 1,
        "groups": [{ "name": "Staff" }],
        "applications": [
            {
                "slug": "wiki", "connector": "custom-saml", "label": "Wiki", "show_in_portal": false, "status": "inactive",
                "groups": ["Staff", "Everyone"],
                "sso": {
                    "sp_entity_id": "https://wiki.example/",
                    "default_relay_state": "/start",
                    "sign": "both",
                    "signature_algorithm": "rsa-sha256",
                    "sp_certificates": [pem],
                    "require_signed_requests": true,
                    "name_id": { "format": "unspecified", "source": "email" },
                    "slo": { "post_url": "https://wiki.example/slo" },
                    "acs_urls": [{ "url": "https://wiki.example/acs", "index": 3 }, { "url": "https://wiki.example/b", "index": 0 }],
                    "attributes": [
                        { "name": "email", "name_format": "basic", "source": "email" },
                        { "name": "nick", "name_format": "unspecified", "source": "email", "transforms": ["local_part"] },
                        { "name": "tier", "name_format": "uri", "constant": "gold,silver", "transforms": [{ "split": "," }] },
                        { "name": "badge", "name_format": "unspecified", "source": "custom.badge_no" },
                        { "name": "groups", "name_format": "unspecified", "groups": { "include": ["wiki-*"] } },
                        { "name": "all", "name_format": "unspecified", "groups": {} },
                    ],
                },
            },
            {
                "slug": "wiki-2", "connector": "custom-saml", "label": "Wiki (2)", "status": "inactive",
                "sso": { "sp_entity_id": "old", "sign": "both", "name_id": { "format": "persistent" } },
            },
            {
                "slug": "intranet", "connector": "bookmark", "label": "Intranet", "status": "inactive",
                "bookmark_url": "http://intranet.example/?a=b",
            },
        ],
    });
    assert_eq!(imported.document, wanted, "{:#}", imported.document);
    let told: Vec<String> =
        imported.left.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
    let s = "settings.signOn.";
    assert_eq!(
        told,
        [
            ": BOOKMARK".to_owned(),
            ": OPENID_CONNECT".to_owned(),
            ": status".to_owned(),
            ": identity provider".to_owned(),
            ": group patterns".to_owned(),
            "Wiki: attribute badge".to_owned(),
            format!("Wiki (2): {s}somethingNew"),
            format!("Wiki (2): {s}ssoAcsUrl"),
            format!("Wiki (2): {s}recipient"),
            format!("Wiki (2): {s}ssoAcsUrl"),
            format!("Wiki (2): {s}assertionSigned"),
            format!("Wiki (2): {s}signatureAlgorithm"),
            format!("Wiki (2): {s}digestAlgorithm"),
            format!("Wiki (2): {s}samlSignedRequestEnabled"),
            format!("Wiki (2): {s}assertionEncryption"),
            format!("Wiki (2): {s}assertionEncryption"),
            format!("Wiki (2): {s}assertionEncryption"),
            format!("Wiki (2): {s}subjectNameIdTemplate"),
            format!("Wiki (2): {s}subjectNameIdTemplate"),
            "Wiki (2): attribute role".to_owned(),
            "Wiki (2): attribute g".to_owned(),
            "Wiki (2): attribute o".to_owned(),
            format!("Wiki (2): {s}honorForceAuthn"),
            format!("Wiki (2): {s}authnContextClassRef"),
            format!("Wiki (2): {s}inlineHooks"),
            "Wiki (2): features".to_owned(),
            "Wiki (2): label".to_owned(),
        ]
    );
}

#[test]
fn the_name_of_a_person_at_the_application_is_looked_up() {
    for (template, name, wanted) in [
        (
            "${fn:substringBefore(source.login, \"@\")}",
            "${user.userName}",
            json!({ "source": "username", "transforms": ["local_part"] }),
        ),
        ("${source.login}", "${user.email}", json!({ "source": "email" })),
        ("", "", json!({ "source": "username" })),
        (
            "${source.email}",
            "${fn:substringBefore(source.login, \"@\")}",
            json!({ "source": "username", "transforms": ["local_part"] }),
        ),
    ] {
        let application = json!({ "label": "A", "signOnMode": "SAML_2_0",
                "credentials": { "userNameTemplate": { "template": template } },
                "settings": { "signOn": { "subjectNameIdTemplate": name } } });
        let bytes = serde_json::to_vec(&application).unwrap();
        let imported = read(Format::Okta, &bytes).unwrap();
        assert_eq!(imported.document["applications"][0]["sso"]["name_id"], wanted, "{template} {name}");
    }
}

#[test]
fn notes_and_links_are_carried_or_told() {
    let read_one = |visibility: Json, notes: Json| {
        let application = json!({ "label": "A", "signOnMode": "BOOKMARK", "visibility": visibility,
            "settings": { "app": { "url": "https://a.example/" }, "notes": notes } });
        let imported = read(Format::Okta, &serde_json::to_vec(&application).unwrap()).unwrap();
        let told: Vec<String> = imported
            .left
            .iter()
            .filter(|left| !left.application.is_empty())
            .map(|left| format!("{}: {}", left.what, left.why))
            .collect();
        (imported.document["applications"][0].clone(), told.join("\n"))
    };
    let (one, told) = read_one(
        json!({ "appLinks": { "calendar": false, "mail": true } }),
        json!({ "admin": "Ask Joe", "enduser": "Where we read" }),
    );
    assert_eq!((&one["description"], &one["show_in_portal"]), (&json!("Where we read"), &Json::Null));
    assert!(told.contains("visibility.appLinks: Of its links people did not see calendar."), "{told}");
    assert!(told.contains("settings.notes.admin: ") && !told.contains("Joe"), "{told}");
    let (one, told) =
        read_one(json!({ "appLinks": { "login": false } }), json!({ "admin": null, "enduser": "" }));
    assert_eq!((&one["show_in_portal"], told.as_str()), (&json!(false), ""));
    let (one, told) = read_one(json!({ "appLinks": { "login": true } }), Json::Null);
    assert_eq!((&one["show_in_portal"], told.as_str()), (&Json::Null, ""));
}

#[test]
fn hostile_exports_do_no_harm() {
    super::super::report::tests::mangled(Format::Okta, &export());
}
