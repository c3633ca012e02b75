//! Tests of the settings: merging, short forms, refusals.

use serde_json::{Value, json};

use super::*;
use crate::base::binding::AcsBinding;
use crate::base::name_id::NameIdFormat;

fn patch(value: Value) -> SsoPatch {
    serde_json::from_value(value).expect("a patch")
}

fn refused(value: Value) -> String {
    serde_json::from_value::<SsoPatch>(value).expect_err("must be refused").to_string()
}

fn acs(url: &str, index: u16, default: bool) -> AcsUrl {
    AcsUrl { url: url.to_owned(), index, default, binding: AcsBinding::Post }
}

#[test]
fn absent_null_and_value_differ() {
    let old = SsoSettings::default()
        .merged(patch(json!({"sp_entity_id": "a", "login_url": "https://x.example", "sign": "assertion"})))
        .unwrap();
    let new = old.merged(patch(json!({"login_url": null, "sign": null}))).unwrap();
    assert_eq!(new.sp_entity_id.as_deref(), Some("a"));
    assert_eq!(new.login_url, None);
    assert_eq!(new.sign, SignMode::Both);
}

#[test]
fn objects_merge_and_arrays_replace() {
    let old = SsoSettings::default()
        .merged(patch(json!({
            "name_id": {"format": "persistent", "source": "username", "transforms": ["lower"]},
            "acs_urls": ["https://a.example/", "https://b.example/"],
        })))
        .unwrap();
    assert_eq!(old.acs_urls, [acs("https://a.example/", 0, true), acs("https://b.example/", 1, false)]);
    let new = old
        .merged(patch(
            json!({"name_id": {"constant": "x"}, "acs_urls": [{"url": "https://c.example/", "index": 7}]}),
        ))
        .unwrap();
    assert_eq!(new.name_id.format, NameIdFormat::Persistent);
    assert_eq!(new.name_id.value, ValueFrom::Constant("x".to_owned()));
    assert_eq!(new.name_id.transforms, [Transform::Lower]);
    assert_eq!(new.acs_urls, [acs("https://c.example/", 7, true)]);
}

#[test]
fn indexes_and_default_are_filled_in() {
    let new = SsoSettings::default()
        .merged(patch(json!({"acs_urls": [
            "https://a.example/", {"url": "https://b.example/", "index": 0, "default": true}, "https://c.example/"
        ]})))
        .unwrap();
    assert_eq!(
        new.acs_urls,
        [
            acs("https://a.example/", 1, false),
            acs("https://b.example/", 0, true),
            acs("https://c.example/", 2, false)
        ]
    );
    assert_eq!(new.default_acs().map(|acs| acs.index), Some(0));
    let code = |value| SsoSettings::default().merged(patch(value)).unwrap_err().fields[0].code.to_string();
    let by = |binding: &str| json!({"url": "https://c.example/", "binding": binding});
    let first = SsoSettings::default().merged(patch(json!({"acs_urls": [by("paos"), by("post")]}))).unwrap();
    assert_eq!(first.default_acs().map(|acs| acs.index), Some(1), "no browser brings anything by PAOS");
    assert_eq!(code(json!({"acs_urls": [by("paos")]})), "paos_only");
    let mut default = by("paos");
    default["default"] = json!(true);
    assert_eq!(code(json!({"acs_urls": [default, by("post")]})), "paos_default");
    assert_eq!(
        code(
            json!({"acs_urls": [{"url": "https://a.example/", "index": 1}, {"url": "https://b.example/", "index": 1}]})
        ),
        "duplicate_index"
    );
    assert_eq!(
        code(json!({"acs_urls": [{"url": "a", "default": true}, {"url": "b", "default": true}]})),
        "several_defaults"
    );
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    for value in [
        json!({"entity_id": "x"}),
        json!({"name_id": {"value": "x"}}),
        json!({"acs_urls": [{"url": "https://x.example", "method": "post"}]}),
        json!({"attributes": [{"name": "a", "source": "email", "expression": "1+1"}]}),
        json!({"attributes": [{"name": "a", "groups": {"only": ["x"]}}]}),
    ] {
        assert!(refused(value.clone()).contains("unknown field"), "{value}");
    }
}

#[test]
fn an_attribute_has_exactly_one_source() {
    assert!(refused(json!({"attributes": [{"name": "a"}]})).contains("needs a value"));
    assert!(
        refused(json!({"attributes": [{"name": "a", "source": "email", "constant": "x"}]}))
            .contains("only one")
    );
    assert!(
        refused(json!({"attributes": [{"name": "a", "source": "email", "all": true}]})).contains("by_group")
    );
    assert!(refused(json!({"attributes": [{"name": "a", "source": "mail"}]})).contains("unknown property"));
}

#[test]
fn all_shapes_of_attributes_read_and_print_the_same() {
    let list = json!([
        {"name": "email", "name_format": "uri", "enabled": true, "jit": "required", "source": "email"},
        {"name": "tel", "name_format": "basic", "friendly_name": "Phone", "enabled": false, "source": "phone_numbers.work"},
        {"name": "groups", "name_format": "unspecified", "enabled": true, "groups": {"include": ["app-*"]}},
        {"name": "role", "name_format": "basic", "enabled": true,
         "by_group": [{"group": "Admins", "value": "admin"}], "default": "user", "all": true,
         "transforms": ["lower", {"prefix": "r-"}]},
    ]);
    let settings = SsoSettings::default().merged(patch(json!({"attributes": list}))).unwrap();
    assert_eq!(serde_json::to_value(&settings.attributes).unwrap(), list);
    let stored = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<SsoSettings>(&stored).unwrap(), settings);
}

#[test]
fn what_is_too_much_or_twice_is_named() {
    let faults = |value| {
        let error = SsoSettings::default().merged(patch(value)).unwrap_err();
        error.fields.iter().map(|f| format!("{} {}", f.field, f.code)).collect::<Vec<_>>()
    };
    assert_eq!(
        faults(json!({"login_url": format!("https://x.example/{}", "a".repeat(2048))})),
        ["login_url too_long"]
    );
    assert_eq!(faults(json!({"default_relay_state": "a\nb"})), ["default_relay_state control_character"]);
    assert_eq!(
        faults(json!({"attributes": [{"name": "a", "constant": "1"}, {"name": "a", "constant": "2"}]})),
        ["attributes.1.name duplicate_attribute"]
    );
    assert_eq!(faults(json!({"acs_urls": [""]})), ["acs_urls.0.url required"]);
}

#[test]
fn relay_states_of_links_are_listed_or_any() {
    let settings = SsoSettings {
        relay_states: vec!["/a".to_owned()],
        default_relay_state: Some("/b".to_owned()),
        ..Default::default()
    };
    assert!(settings.allows_relay_state("/a") && settings.allows_relay_state("/b"));
    assert!(!settings.allows_relay_state("https://evil.example"));
    let any = SsoSettings { relay_states: vec!["*".to_owned()], ..Default::default() };
    assert!(any.allows_relay_state("anything"));
}

#[test]
fn templates_are_named_and_filled_in_place() {
    let settings = SsoSettings::default()
        .merged(patch(json!({
            "sp_entity_id": "1", "acs_urls": ["https://a.example/2"], "login_url": "https://a.example/3", "default_relay_state": "4", "relay_states": ["5"],
            "attributes": [{"name": "a", "constant": "6"}, {"name": "b", "by_group": [{"group": "g", "value": "7"}], "default": "8"}],
        })))
        .unwrap();
    let names: Vec<String> = settings.templates().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "sp_entity_id",
            "login_url",
            "acs_urls.0.url",
            "default_relay_state",
            "relay_states.0",
            "attributes.0.constant",
            "attributes.1.by_group.0.value",
            "attributes.1.default"
        ]
    );
    let filled = settings.filled(|name, text| Ok::<_, ()>(format!("{name}={text}"))).unwrap();
    let mut seen: Vec<String> = filled.templates().into_iter().map(|(_, text)| text.to_owned()).collect();
    assert_eq!(seen.len(), 8);
    seen.sort();
    assert_eq!(seen[0], "acs_urls.0.url=https://a.example/2");
    assert_eq!(settings.filled(|name, _| Err::<String, _>(name.to_owned())).unwrap_err().len(), 8);
}

#[test]
fn yaml_reads_words_that_older_yaml_took_for_booleans() {
    let patch: SsoPatch =
        serde_saphyr::from_str("{idp_initiated: off, deny_to: sp, initiation: [idp, sp]}").unwrap();
    assert_eq!(patch.idp_initiated, Change::Set(IdpInitiated::Off));
    assert_eq!(patch.initiation, Change::Set(vec![Initiation::Idp, Initiation::Sp]));
    assert_eq!(patch.connector_only(), ["initiation"]);
    assert!(patch.application_only().is_empty());
}

#[test]
fn slo_501_addresses_for_logout_merge_one_by_one_and_follow_the_rules_of_endpoints() {
    let patch = |json: serde_json::Value| serde_json::from_value::<SsoPatch>(json).unwrap();
    let both = serde_json::json!({ "slo": { "redirect_url": "https://YOUR_X.example.com/slo", "post_url": "https://a.example/p" } });
    let settings = SsoSettings::default().merged(patch(both)).unwrap();
    let one = serde_json::json!({ "slo": { "post_url": null, "soap_url": "https://a.example/soap" } });
    let settings = settings.merged(patch(one)).unwrap();
    assert_eq!(settings.slo.redirect_url.as_deref(), Some("https://YOUR_X.example.com/slo"));
    assert_eq!(
        (settings.slo.post_url.as_deref(), settings.slo.soap_url.as_deref()),
        (None, Some("https://a.example/soap"))
    );
    assert!(
        settings.templates().iter().any(|(name, _)| name == "slo.redirect_url"),
        "placeholders are filled in it"
    );
    for (slo, field) in [
        (serde_json::json!({ "redirect_url": "http://a.example/slo" }), "slo.redirect_url"),
        (serde_json::json!({ "soap_url": "https://a.example/slo#x" }), "slo.soap_url"),
        (serde_json::json!({ "post_response_url": "https://a.example/answers" }), "slo.post_url"),
    ] {
        let refused = settings.merged(patch(serde_json::json!({ "slo": slo }))).unwrap_err();
        assert_eq!(refused.fields[0].field, field);
    }
    let none = settings.merged(patch(serde_json::json!({ "slo": null }))).unwrap();
    assert_eq!(none.slo, Slo::default());
}
