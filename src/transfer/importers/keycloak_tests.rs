//! Reading Keycloak realms.

use serde_json::json;

use super::super::certificate::{self, tests::bare};
use super::super::{Format, read};

const EXPORT: &str = r#"{
        "realm": "acme", "enabled": true, "users": [{ "username": "ada" }],
        "clientScopes": [
            { "name": "role_list", "protocol": "saml", "protocolMappers": [
                { "name": "role list", "protocol": "saml", "protocolMapper": "saml-role-list-mapper", "config": { "single": "false", "attribute.name": "Role" } }
            ] },
            { "name": "names", "protocol": "saml", "protocolMappers": [
                { "name": "surname", "protocol": "saml", "protocolMapper": "saml-user-property-mapper",
                  "config": { "user.attribute": "lastName", "attribute.name": "urn:oid:2.5.4.4", "attribute.nameformat": "URI Reference", "friendly.name": "sn" } }
            ] },
            { "name": "profile", "protocol": "openid-connect", "protocolMappers": [{ "name": "x", "protocol": "openid-connect" }] }
        ],
        "clients": [
            { "clientId": "account", "name": "${client_account}", "protocol": "openid-connect" },
            { "clientId": "admin-cli" },
            {
                "clientId": "https://wiki.example/metadata", "name": "Wiki", "description": "Where we write", "enabled": true,
                "rootUrl": "https://wiki.example/", "baseUrl": "/start", "adminUrl": "https://wiki.example/all",
                "redirectUris": ["/other", "https://wiki.example/*"], "protocol": "saml", "frontchannelLogout": true,
                "attributes": {
                    "saml_assertion_consumer_url_post": "https://wiki.example/acs",
                    "saml_artifact_binding_url": "https://wiki.example/artifact",
                    "saml.assertion.signature": "true", "saml.server.signature": "true", "saml.client.signature": "true",
                    "saml.signature.algorithm": "RSA_SHA512", "saml.signing.certificate": "SHAPE",
                    "saml.encrypt": "true", "saml.encryption.certificate": "SHAPE",
                    "saml.encryption.algorithm": "http://www.w3.org/2009/xmlenc11#aes128-gcm",
                    "saml.encryption.keyAlgorithm": "http://www.w3.org/2009/xmlenc11#rsa-oaep",
                    "saml.encryption.digestMethod": "http://www.w3.org/2001/04/xmlenc#sha256",
                    "saml.encryption.maskGenerationFunction": "http://www.w3.org/2009/xmlenc11#mgf1sha256",
                    "saml_name_id_format": "email", "saml.authnstatement": "true", "saml.force.post.binding": "true",
                    "saml_signature_canonicalization_method": "http://www.w3.org/2001/10/xml-exc-c14n#",
                    "saml_single_logout_service_url_post": "https://wiki.example/slo",
                    "saml_single_logout_service_url_redirect": "https://wiki.example/slo-get",
                    "oauth2.device.authorization.grant.enabled": "true", "backchannel.logout.revoke.offline.tokens": "false"
                },
                "defaultClientScopes": ["names", "profile"],
                "protocolMappers": [
                    { "name": "mail", "protocol": "saml", "protocolMapper": "saml-user-property-mapper", "config": { "user.attribute": "email", "attribute.name": "mail", "attribute.nameformat": "Basic" } },
                    { "name": "team", "protocol": "saml", "protocolMapper": "saml-user-attribute-mapper", "config": { "user.attribute": "team", "attribute.name": "team", "attribute.nameformat": "Unspecified" } },
                    { "name": "groups", "protocol": "saml", "protocolMapper": "saml-group-membership-mapper", "config": { "attribute.name": "groups", "single": "true", "full.path": "false" } },
                    { "name": "tier", "protocol": "saml", "protocolMapper": "saml-hardcode-attribute-mapper", "config": { "attribute.name": "tier", "attribute.value": "gold" } }
                ]
            },
            {
                "clientId": "old", "protocol": "saml", "adminUrl": "https://old.example/saml", "consentRequired": true,
                "frontchannelLogout": false,
                "attributes": {
                    "saml.assertion.signature": "false", "saml.server.signature": "false", "saml.client.signature": "true",
                    "saml.signature.algorithm": "RSA_SHA1", "saml.signing.private.key": "MIIsecret", "saml.encrypt": "true",
                    "saml.encryption.algorithm": "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
                    "saml.encryption.keyAlgorithm": "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
                    "saml_name_id_format": "persistent", "saml_force_name_id_format": "true",
                    "saml_idp_initiated_sso_url_name": "old", "saml_idp_initiated_sso_relay_state": "home",
                    "saml_single_logout_service_url_redirect": "http://old.example/slo",
                    "saml.assertion.lifespan": "60", "saml.onetimeuse.condition": "false", "saml.strange": "on"
                },
                "defaultClientScopes": ["role_list", "lost"],
                "protocolMappers": [
                    { "name": "paths", "protocol": "saml", "protocolMapper": "saml-group-membership-mapper", "config": { "attribute.name": "paths", "single": "false" } },
                    { "name": "id", "protocol": "saml", "protocolMapper": "saml-user-property-mapper", "config": { "user.attribute": "id", "attribute.name": "id" } },
                    { "name": "js", "protocol": "saml", "protocolMapper": "saml-javascript-mapper", "config": {} }
                ]
            },
            {
                "clientId": "urn:small", "protocol": "saml",
                "attributes": { "saml_assertion_consumer_url_post": "https://small.example/acs", "saml.server.signature": "true" },
                "protocolMappers": [
                    { "name": "n", "protocol": "saml", "protocolMapper": "saml-user-attribute-nameid-mapper",
                      "config": { "user.attribute": "employeeNumber", "mapper.nameid.format": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" } }
                ]
            }
        ]
    }"#;

fn export() -> String {
    EXPORT.replace("SHAPE", &bare())
}

#[test]
fn clients_become_a_document() {
    let imported = read(Format::Keycloak, export().as_bytes()).unwrap();
    let pem = certificate::pem(&bare(), true).unwrap();
    let wiki = json!({
        "sp_entity_id": "https://wiki.example/metadata",
        "sp_certificates": [pem], "sp_encryption_certificates": [pem],
        "login_url": "https://wiki.example/start", "idp_initiated": "off",
        "sign": "both", "signature_algorithm": "rsa-sha512", "require_signed_requests": true,
        "encrypt_assertion": true, "encryption_algorithm": "aes128-gcm", "key_transport": "rsa-oaep-sha256",
        "name_id": { "format": "emailAddress", "source": "email" },
        "slo": { "post_url": "https://wiki.example/slo", "redirect_url": "https://wiki.example/slo-get" },
        "acs_urls": ["https://wiki.example/acs", "https://wiki.example/other", { "url": "https://wiki.example/artifact", "binding": "artifact" }],
        "attributes": [
            { "name": "mail", "name_format": "basic", "source": "email" },
            { "name": "team", "name_format": "unspecified", "source": "custom.team" },
            { "name": "groups", "name_format": "basic", "groups": {} },
            { "name": "tier", "name_format": "basic", "constant": "gold" },
            { "name": "urn:oid:2.5.4.4", "name_format": "uri", "friendly_name": "sn", "source": "last_name" },
        ],
    });
    let wanted = json!({
        "tessera": 1,
        "applications": [
            { "slug": "wiki", "connector": "custom-saml", "label": "Wiki", "description": "Where we write", "status": "inactive", "sso": wiki },
            { "slug": "old", "connector": "custom-saml", "label": "old", "status": "inactive", "sso": {
                "sp_entity_id": "old", "default_relay_state": "home", "sign": "both",
                "name_id": { "format": "persistent" }, "acs_urls": ["https://old.example/saml"],
                "attributes": [{ "name": "paths", "name_format": "basic", "groups": {}, "transforms": [{ "prefix": "/" }] }],
            } },
            { "slug": "urn-small", "connector": "custom-saml", "label": "urn:small", "status": "inactive", "sso": {
                "sp_entity_id": "urn:small", "idp_initiated": "off", "sign": "response",
                "name_id": { "format": "unspecified", "source": "employee_identifier" },
                "acs_urls": ["https://small.example/acs"],
            } },
        ],
    });
    assert_eq!(imported.document, wanted, "{:#}", imported.document);
    let told: Vec<String> =
        imported.left.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
    assert_eq!(
        told,
        [
            ": users",
            ": groups",
            ": clients that are not SAML",
            ": status",
            ": identity provider",
            "Wiki: redirectUris",
            "Wiki: mapper team",
            "old: saml.signing.private.key",
            "old: saml.server.signature",
            "old: saml.signature.algorithm",
            "old: saml.client.signature",
            "old: saml.encrypt",
            "old: saml.encryption.algorithm",
            "old: saml.encryption.keyAlgorithm",
            "old: saml_name_id_format",
            "old: saml_force_name_id_format",
            "old: mapper paths",
            "old: mapper paths",
            "old: mapper id",
            "old: mapper js",
            "old: mapper role list",
            "old: defaultClientScopes",
            "old: saml_single_logout_service_url_redirect",
            "old: frontchannelLogout",
            "old: saml.assertion.lifespan",
            "old: consentRequired",
            "old: saml.strange",
            "urn:small: saml_idp_initiated_sso_url_name",
        ]
    );
    assert!(
        imported.left[2].why.starts_with("2 of this kind: account, admin-cli."),
        "{}",
        imported.left[2].why
    );
    assert!(!format!("{imported:?}").contains("MIIsecret"));
}

#[test]
fn one_client_is_an_export_too() {
    let client = r#"{ "clientId": "a", "protocol": "saml", "defaultClientScopes": ["role_list"], "attributes": null }"#;
    let imported = read(Format::Keycloak, client.as_bytes()).unwrap();
    assert_eq!(imported.document["applications"][0]["slug"], "a");
    assert!(imported.left.iter().any(|left| left.what == "defaultClientScopes"));
}

#[test]
fn hostile_exports_do_no_harm() {
    super::super::report::tests::mangled(Format::Keycloak, &export());
}
