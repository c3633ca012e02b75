//! Writing a connector: the schema for editors, the skeleton, and the time that a thousand files take.

use tessera::catalog::load::parse;
use tessera::catalog::skeleton::Draft;
use tessera::catalog::{Connector, lint, schema};

use crate::catalog_folder;

#[test]
fn the_schema_file_is_what_the_types_say() {
    let file = catalog_folder().join("connector.schema.json");
    if std::env::var_os("TESSERA_UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, schema::text()).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(
        stored == schema::text(),
        "catalog/connector.schema.json is stale: run the tests once with TESSERA_UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_skeleton_of_a_new_connector_is_free_of_faults() {
    for (id, name) in [("acme", "Acme"), ("9-lives", "9 \"Lives\": {x} #\n")] {
        let (file, text) = Draft::named(id, name).write();
        let faults = lint::lint_text(&file, &text);
        assert!(faults.is_empty(), "{faults:?}\n{text}");
    }
}

#[test]
fn what_is_known_of_a_new_connector_stands_in_it_and_what_is_not_is_asked_for() {
    let written = |change: fn(&mut Draft)| {
        let mut draft = Draft::named("acme", "Acme");
        change(&mut draft);
        let (file, text) = draft.write();
        assert_eq!(lint::lint_text(&file, &text), [], "{text}");
        parse(&file, text.as_bytes()).unwrap()
    };
    let tokens = |connector: &Connector| connector.placeholders.keys().cloned().collect::<Vec<_>>().join(" ");
    let both = written(|draft| {
        draft.sp_entity_id = "https://globex.acme.example".into();
        draft.acs_url = "https://globex.acme.example/saml/globex".into();
        draft.scim_url = "https://scim.acme.example/globex/v2".into();
        draft.own_part = "globex".into();
    });
    let settings = both.sso_settings().unwrap();
    assert_eq!(settings.sp_entity_id.as_deref(), Some("https://YOUR_SUBDOMAIN.acme.example"));
    assert_eq!(settings.acs_urls[0].url, "https://YOUR_SUBDOMAIN.acme.example/saml/YOUR_SUBDOMAIN");
    assert_eq!(
        both.provisioning.as_ref().unwrap().base_url.as_deref(),
        Some("https://scim.acme.example/YOUR_SUBDOMAIN/v2")
    );
    assert_eq!(both.placeholders["YOUR_SUBDOMAIN"].example, "globex");
    let in_path = written(|draft| {
        draft.sp_entity_id = "urn:acme:sp".into();
        draft.acs_url = "https://acme.example/saml/4711/acs".into();
        draft.own_part = "4711".into();
    });
    assert_eq!(in_path.sso_settings().unwrap().acs_urls[0].url, "https://acme.example/saml/YOUR_ID/acs");
    let apart = written(|draft| {
        draft.sp_entity_id = "https://acme.example".into();
        draft.acs_url = "https://sso.elsewhere.example.org/acs".into();
    });
    assert!(
        apart.notes["sso.acs_urls"].contains("elsewhere")
            || apart.notes["sso.acs_urls"].contains("example.org")
    );
    assert_eq!(tokens(&written(|draft| draft.acs_url = "https://acme.example/acs".into())), "YOUR_ENTITY_ID");
    assert_eq!(tokens(&written(|draft| draft.sp_entity_id = "urn:acme".into())), "YOUR_ACS_URL");
}

#[test]
fn a_thousand_files_are_read_in_a_moment() {
    let (_, text) = Draft::named("acme", "Acme").write();
    for _ in 0..1000 {
        parse("a/acme.yaml", text.as_bytes()).unwrap();
    }
}
