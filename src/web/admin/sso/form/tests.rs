//! Tests of the SSO form: what is posted becomes a patch, and comes back as it was typed.

use super::*;
use crate::catalog::sso::SsoSettings;

fn settings(json: serde_json::Value) -> SsoSettings {
    SsoSettings::default().merged(serde_json::from_value(json).unwrap()).unwrap()
}

const SINGLE: &[(&str, &str)] = &[
    ("name_id.format", "emailAddress"),
    ("name_id.source", "email"),
    ("sign", "assertion"),
    ("signature_algorithm", "rsa-sha256"),
    ("encryption_algorithm", "aes256-gcm"),
    ("key_transport", "rsa-oaep-mgf1p"),
    ("idp_initiated", "on"),
    ("deny_to", "page"),
    ("subject_identifier", "none"),
];

fn posted(more: &[(&str, &str)]) -> Posted {
    Posted::new(&[SINGLE, more].concat())
}

#[test]
fn rows_that_are_empty_or_removed_are_gone_and_the_others_keep_their_order() {
    let form = SsoForm::read(
        &posted(&[
            ("acs_urls.default", "2"),
            ("acs_urls.0.url", "https://a.example/0"),
            ("acs_urls.0.remove", "on"),
            ("acs_urls.1.url", ""),
            ("acs_urls.1.index", "7"),
            ("acs_urls.2.url", "https://a.example/2"),
            ("acs_urls.2.index", "x"),
        ]),
        &[],
        &[],
    );
    assert_eq!(form.acs_urls.len(), 1);
    assert!(form.acs_urls[0].default);
    let faults = form.patch(&SsoSettings::default()).unwrap_err();
    assert_eq!(faults[0].field, "acs_urls.0.index", "the number of the row as it is drawn again");
}

#[test]
fn the_first_row_is_the_default_when_the_default_was_removed() {
    let form = SsoForm::read(
        &posted(&[
            ("acs_urls.default", "0"),
            ("acs_urls.0.url", "https://a.example/0"),
            ("acs_urls.0.remove", "on"),
            ("acs_urls.1.url", "https://a.example/1"),
        ]),
        &[],
        &[],
    );
    let new = SsoSettings::default().merged(form.patch(&SsoSettings::default()).unwrap()).unwrap();
    assert_eq!(new.acs_urls.len(), 1);
    assert!(new.acs_urls[0].default);
}

#[test]
fn an_untouched_row_keeps_what_the_form_cannot_show() {
    let stored = settings(serde_json::json!({"attributes": [
        {"name": "tier", "by_group": [{"group": "a = b", "value": "x"}]},
        {"name": "groups", "groups": {"include": ["heap-*"]}},
    ]}));
    let row = attribute_row(&stored.attributes[0]);
    let form = SsoForm::read(
        &posted(&[
            ("attributes.0.name", "tier"),
            ("attributes.0.enabled", "on"),
            ("attributes.0.kind", "by_group"),
            ("attributes.0.by_group.rows", &row.by_group),
            ("attributes.0.name_format", "basic"),
            ("attributes.1.name", "groups"),
            ("attributes.1.enabled", "on"),
            ("attributes.1.kind", "groups"),
            ("attributes.1.groups.include", "heap-*\r\nother"),
            ("attributes.1.name_format", "uri"),
        ]),
        &[],
        &[],
    );
    let new = stored.merged(form.patch(&stored).unwrap()).unwrap();
    assert_eq!(new.attributes[0], stored.attributes[0]);
    assert_eq!(new.attributes[1].name_format, NameFormat::Uri);
    let ValueFrom::Groups(filter) = &new.attributes[1].value else { panic!("groups stay groups") };
    assert_eq!(filter.include, ["heap-*", "other"]);
}

#[test]
fn faults_stand_at_the_row_and_the_part_they_are_in() {
    let form = SsoForm::read(
        &posted(&[
            ("attributes.0.name", "a"),
            ("attributes.0.kind", "by_group"),
            ("attributes.0.by_group.rows", "Marketing"),
            ("attributes.0.name_format", "basic"),
            ("attributes.1.name", "b"),
            ("attributes.1.kind", "source"),
            ("attributes.1.source", "shoe_size"),
            ("attributes.1.name_format", "basic"),
        ]),
        &[],
        &[],
    );
    let faults = form.patch(&SsoSettings::default()).unwrap_err();
    let named: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(named, ["attributes.0.by_group", "attributes.1.source"]);
}

#[test]
fn a_value_outside_a_closed_list_is_refused_at_its_field() {
    let mut pairs = SINGLE.to_vec();
    pairs.retain(|(key, _)| *key != "sign");
    pairs.push(("sign", "neither"));
    let faults = SsoForm::read(&Posted::new(&pairs), &[], &[]).patch(&SsoSettings::default()).unwrap_err();
    assert_eq!(faults[0].field, "sign");
}
