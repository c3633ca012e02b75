//! Reading authentik blueprints.

use serde_json::json;

use super::super::certificate::{self, tests::bare};
use super::super::draft::Step;
use super::super::{Format, read};
use super::*;

const EXPORT: &str = r#"
version: 1
metadata:
  name: Ours
context:
  domain: example
entries:
- model: authentik_core.group
  id: staff
  identifiers: {name: Staff}
- model: authentik_crypto.certificatekeypair
  id: wiki-certificate
  identifiers: {name: wiki}
  attrs:
    certificate_data: SHAPE
    key_data: top secret
- model: authentik_providers_saml.samlpropertymapping
  id: nick
  identifiers: {name: Nick}
  attrs:
    saml_name: nick
    friendly_name: Nick
    expression: |
      # The part before the sign
      return request.user.email.split("@")[0].lower()
- model: authentik_providers_saml.SAMLPropertyMapping
  identifiers: {pk: 7f1e, name: Badge}
  attrs: {saml_name: badge, expression: "return user.attributes.get('badge', None)"}
- model: authentik_providers_saml.samlpropertymapping
  id: clever
  identifiers: {name: Clever}
  attrs: {saml_name: clever, expression: "if user.is_superuser:\n    return 'a'\nreturn 'b'"}
- model: authentik_providers_saml.samlprovider
  id: wiki-provider
  identifiers: {name: wiki}
  attrs:
    acs_url: !Format ["https://wiki.%s/acs", !Context domain]
    audience: https://wiki.example/
    issuer: authentik
    sp_binding: post
    authorization_flow: !Find [authentik_flows.flow, [slug, default]]
    signing_kp: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]
    verification_kp: !KeyOf wiki-certificate
    encryption_kp: !Find [authentik_crypto.certificatekeypair, [name, wiki]]
    sign_assertion: true
    sign_response: true
    signature_algorithm: http://www.w3.org/2001/04/xmldsig-more#rsa-sha384
    digest_algorithm: http://www.w3.org/2001/04/xmlenc#sha256
    default_relay_state: !Env [RELAY, home]
    sls_url: https://wiki.example/slo
    sls_binding: post
    default_name_id_policy: urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified
    name_id_mapping: !Find [authentik_providers_saml.samlpropertymapping, [managed, goauthentik.io/providers/saml/username]]
    property_mappings:
    - !KeyOf nick
    - 7f1e
    - !KeyOf clever
    - !Find [authentik_providers_saml.samlpropertymapping, [managed, goauthentik.io/providers/saml/groups]]
    - !Find [authentik_providers_saml.samlpropertymapping, [name, "authentik default SAML Mapping: Email"]]
    - !Find [authentik_providers_saml.samlpropertymapping, [managed, goauthentik.io/providers/saml/uid]]
    - 0000
- model: authentik_core.application
  id: wiki-application
  identifiers: {slug: wiki}
  attrs:
    name: Wiki
    meta_description: Where we write
    meta_launch_url: https://wiki.example/start
    policy_engine_mode: any
    provider: !KeyOf wiki-provider
- model: authentik_policies.policybinding
  identifiers: {target: !KeyOf wiki-application, group: !KeyOf staff, order: 0}
- model: authentik_policies.policybinding
  identifiers: {target: !KeyOf wiki-application, order: 1}
  attrs: {group: !Find [authentik_core.group, [name, Guests]]}
- model: authentik_policies.policybinding
  identifiers: {target: !KeyOf wiki-application, order: 2}
  attrs: {policy: 1234}
- model: authentik_providers_saml.samlprovider
  identifiers: {pk: 12, name: old}
  attrs:
    acs_url: !Env OLD_URL
    signing_kp: null
    signature_algorithm: http://www.w3.org/2000/09/xmldsig#rsa-sha1
    digest_algorithm: http://www.w3.org/2000/09/xmldsig#sha1
    verification_kp: 99
    encryption_kp: 99
    assertion_valid_not_on_or_after: minutes=60
    brand_new: yes
- model: authentik_core.application
  id: old-application
  identifiers: {pk: 5, slug: old}
  attrs: {name: Old, provider: 12, policy_engine_mode: all, meta_launch_url: "blank://blank"}
- model: authentik_policies.policybinding
  identifiers: {target: 5}
  attrs: {group: !KeyOf staff}
- model: authentik_policies.policybinding
  identifiers: {target: 5}
  attrs: {group: !Find [authentik_core.group, [name, Guests]]}
- model: authentik_core.application
  identifiers: {slug: handbook}
  attrs: {name: Handbook, meta_launch_url: https://handbook.example/}
- model: authentik_providers_oauth2.oauth2provider
  id: chat
  identifiers: {name: chat}
- model: authentik_core.application
  identifiers: {slug: chat}
  attrs: {name: Chat, provider: !KeyOf chat}
- model: authentik_core.application
  state: absent
  identifiers: {slug: gone}
- model: authentik_providers_saml.samlprovider
  identifiers: {name: Lonely}
  attrs: {acs_url: https://lonely.example/acs, audience: lonely, sp_binding: post}
"#;

fn export() -> String {
    EXPORT.replace("SHAPE", &bare())
}

#[test]
fn a_blueprint_becomes_a_document() {
    let imported = read(Format::Authentik, export().as_bytes()).unwrap();
    let pem = certificate::pem(&bare(), true).unwrap();
    let wiki = json!({
        "sp_entity_id": "https://wiki.example/",
        "default_relay_state": "home",
        "slo": { "post_url": "https://wiki.example/slo" },
        "sign": "both", "signature_algorithm": "rsa-sha384",
        "sp_certificates": [pem], "require_signed_requests": true,
        "sp_encryption_certificates": [pem], "encrypt_assertion": true,
        "name_id": { "format": "unspecified", "source": "username" },
        "login_url": "https://wiki.example/start",
        "acs_urls": ["https://wiki.example/acs"],
        "attributes": [
            { "name": "nick", "name_format": "unspecified", "friendly_name": "Nick", "source": "email", "transforms": ["local_part", "lower"] },
            { "name": "badge", "name_format": "unspecified", "source": "custom.badge" },
            { "name": "http://schemas.xmlsoap.org/claims/Group", "name_format": "unspecified", "groups": {} },
            { "name": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "name_format": "unspecified", "source": "email" },
        ],
    });
    let wanted = json!({
        "tessera": 1,
        "groups": [{ "name": "Guests" }, { "name": "Staff" }],
        "applications": [
            { "slug": "wiki", "connector": "custom-saml", "label": "Wiki", "description": "Where we write", "status": "inactive", "groups": ["Staff", "Guests"], "sso": wiki },
            { "slug": "old", "connector": "custom-saml", "label": "Old", "show_in_portal": false, "status": "inactive", "sso": { "sign": "both" } },
            { "slug": "handbook", "connector": "bookmark", "label": "Handbook", "status": "inactive", "bookmark_url": "https://handbook.example/" },
            { "slug": "lonely", "connector": "custom-saml", "label": "Lonely", "status": "inactive",
              "sso": { "sp_entity_id": "lonely", "sign": "assertion", "acs_urls": ["https://lonely.example/acs"] } },
        ],
    });
    assert_eq!(imported.document, wanted, "{:#}", imported.document);
    let told: Vec<String> =
        imported.left.iter().map(|left| format!("{}: {}", left.application, left.what)).collect();
    assert_eq!(
        told,
        [
            ": flows",
            ": authentik_providers_oauth2.oauth2provider",
            ": entries that are absent",
            ": status",
            ": identity provider",
            "Wiki: property mapping Badge",
            "Wiki: property mapping Clever",
            "Wiki: property mapping goauthentik.io/providers/saml/uid",
            "Wiki: property mapping 0",
            "Wiki: policybinding",
            "Old: audience",
            "Old: acs_url",
            "Old: sp_binding",
            "Old: sign_assertion",
            "Old: signature_algorithm",
            "Old: digest_algorithm",
            "Old: verification_kp",
            "Old: encryption_kp",
            "Old: name_id_mapping",
            "Old: assertion_valid_not_on_or_after",
            "Old: brand_new",
            "Old: acs_url",
            "Old: policybinding",
            "Handbook: policybinding",
            "Lonely: application",
            "Lonely: name_id_mapping",
        ]
    );
    assert!(!format!("{imported:?}").contains("top secret"));
}

#[test]
fn what_an_application_has_no_place_for_is_told() {
    let text = "entries:\n- model: authentik_core.application\n  identifiers: {slug: handbook, brand_new: 1}\n  attrs:\n    name: Handbook\n    meta_launch_url: https://handbook.example/\n    group: Reading\n    meta_icon: /media/book.png\n    meta_publisher: Us\n    open_in_new_tab: true\n    newer: {on: true}\n";
    let told = |text: &str| {
        let imported = read(Format::Authentik, text.as_bytes()).unwrap();
        let of_it = imported.left.into_iter().filter(|left| left.application == "Handbook");
        let mut told: Vec<String> = of_it.map(|left| left.what).collect();
        told.sort();
        told
    };
    let wanted =
        ["brand_new", "group", "meta_icon", "meta_publisher", "newer", "open_in_new_tab", "policybinding"];
    assert_eq!(told(text), wanted);
    let silent = text
        .replace("open_in_new_tab: true", "open_in_new_tab: false")
        .replace("group: Reading", "group: ''")
        .replace("newer: {on: true}", "newer: null");
    assert_eq!(told(&silent), ["brand_new", "meta_icon", "meta_publisher", "policybinding"]);
}

#[test]
fn expressions_that_say_one_thing_are_read() {
    let email = || Value::source("email");
    for (expression, wanted) in [
        ("return request.user.email", Some((email(), vec![]))),
        ("return user.email.upper()\n", Some((email(), vec![Step::Upper]))),
        ("return 'gold'", Some((Value::Constant(vec!["gold".to_owned()]), vec![]))),
        ("for g in user.groups.all():\n    yield g.name", Some((Value::Groups(vec![]), vec![]))),
        (
            "return [group.name for group in request.user.ak_groups.all()]",
            Some((Value::Groups(vec![]), vec![])),
        ),
        ("return user.attributes[\"x\"]", Some((Value::source("custom.x"), vec![]))),
        ("return user.attributes.get('x', 'y')", None),
        ("return user.pk", None),
        ("return 'a' + 'b'", None),
        ("return user.email if user.email else 'x'", None),
        ("return", None),
        ("", None),
        ("import os", None),
    ] {
        assert_eq!(expression_value(expression), wanted, "{expression}");
    }
}

#[test]
fn references_that_lead_in_circles_or_nowhere_do_no_harm() {
    let text = "context: {a: !Context a}\nentries:\n- model: authentik_core.application\n  id: x\n  identifiers: {name: !Context a, slug: !Format [\"%s%s\", !Context a]}\n  attrs: {provider: !KeyOf x, meta_launch_url: !Format [\"%\"]}\n";
    assert_eq!(read(Format::Authentik, text.as_bytes()).unwrap_err().code, "nothing_in_it");
}

#[test]
fn hostile_exports_do_no_harm() {
    for end in (0..export().len()).step_by(3) {
        let _ = read(Format::Authentik, &export().as_bytes()[..end]);
    }
    // What is JSON is YAML, too; tags are objects of one key there, so that they are mangled as well.
    let tree = super::super::blueprint::parse(export().as_bytes()).unwrap();
    super::super::report::tests::mangled(Format::Authentik, &tree.to_string());
}
