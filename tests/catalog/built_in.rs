//! Every connector of the program: free of faults, filled with its examples, found by what people type.

use std::collections::BTreeSet;

use tessera::catalog::load::parse;
use tessera::catalog::model::{ConnectorKind, ScimSource};
use tessera::catalog::placeholder::{LocationRules, Scope, Values, extract_one};
use tessera::catalog::sso::SignMode;
use tessera::catalog::{Catalog, glyphs, lint, schema, skeleton, steps};

use crate::{catalog_folder, examples, is_complete};

#[test]
fn every_built_in_connector_is_free_of_faults() {
    let report = lint::lint_built_in();
    let lines: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
    assert_eq!(report.files, report.connectors.len());
    assert!(report.files >= 879, "{}", report.files);
    let folder = lint::lint_folder(catalog_folder()).unwrap();
    assert_eq!(folder.files, report.files, "the program holds the files of the folder");
}

#[test]
fn every_built_in_connector_fills_with_its_examples() {
    for connector in Catalog::built_in().list() {
        let values = examples(connector);
        let scope = Scope::new(&connector.placeholders, &values);
        let settings = connector.sso_settings().unwrap();
        assert!(scope.missing(&settings).is_empty(), "{}", connector.id);
        let filled = scope.fill_settings(&settings, LocationRules::default()).unwrap();
        for (field, text) in filled.templates() {
            assert!(!text.contains("YOUR_"), "{} {field}: {text}", connector.id);
        }
        // Without values, everything that holds a placeholder is named.
        let empty = Values::new();
        let bare = Scope::new(&connector.placeholders, &empty);
        let templated = settings.templates().iter().any(|(_, text)| text.contains("YOUR_"));
        assert_eq!(!bare.missing(&settings).is_empty(), templated, "{}", connector.id);
    }
}

#[test]
fn every_built_in_connector_has_steps_an_editor_line_and_a_round_trip() {
    for connector in Catalog::built_in().list() {
        let file = catalog_folder().join(&connector.id[..1]).join(format!("{}.yaml", connector.id));
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.lines().next(), Some(schema::EDITOR_LINE), "{}", connector.id);
        if connector.kind == ConnectorKind::Saml {
            let blocks = steps::parse(&connector.sso_steps().unwrap(), &connector.placeholders).unwrap();
            assert!(matches!(blocks[0], steps::Block::Steps { .. }), "{}", connector.id);
        }
        let shown = skeleton::shown(connector).unwrap();
        let again = parse(&connector.id, shown.as_bytes()).unwrap_or_else(|fault| panic!("{fault}\n{shown}"));
        assert_eq!(again, **connector);
    }
}

#[test]
fn heap_is_as_decided() {
    let catalog = Catalog::built_in();
    let heap = catalog.find("heap").unwrap();
    let settings = heap.sso_settings().unwrap();
    assert_eq!(settings.sign, SignMode::Assertion);
    assert_eq!(settings.sp_entity_id.as_deref(), Some("https://heapanalytics.com"));
    assert_eq!(settings.acs_urls[0].url, "https://heapanalytics.com/saml/finalize/YOUR_ID/");
    let user_name = &heap.provisioning.as_ref().unwrap().user_attributes[0];
    assert_eq!(
        (user_name.scim.as_str(), user_name.source.clone()),
        ("userName", Some(ScimSource::Property("email".parse().unwrap())))
    );
    let values = Values::from([("YOUR_ID".to_owned(), "42".to_owned())]);
    let scope = Scope::new(&heap.placeholders, &values);
    assert!(scope.missing(&settings).is_empty(), "signing on does not need the tenant");
    let shown = "https://heapanalytics.com/saml/finalize/3816204975/";
    let found = extract_one(shown, "YOUR_ID", [], &heap.placeholders);
    assert_eq!(found.as_deref(), Some("3816204975"));
}

#[test]
fn what_people_type_finds_what_they_mean() {
    let catalog = Catalog::built_in();
    for (typed, meant) in [
        ("heap", "heap"),
        ("haep", "heap"),
        ("keper", "keeper-cloud"),
        ("jira", "atlassian-cloud"),
        ("gsuite", "google-workspace"),
        ("o365", "microsoft-365-domain-federation"),
        ("azure ad", "microsoft-365-domain-federation"),
        ("entra", "microsoft-365-domain-federation"),
        ("active directory", "microsoft-365-domain-federation"),
        ("microsoft teams", "microsoft-365-domain-federation"),
        ("aws", "amazon-web-services"),
        ("github", "github-enterprise-cloud"),
        ("interact", "interact"),
        ("contentsquare", "heap"),
        ("salesforec", "salesforce"),
        ("saml", "custom-saml"),
        ("link", "bookmark"),
        ("sfdc", "salesforce"),
        ("ad", "microsoft-365-domain-federation"),
        ("teams", "microsoft-365-domain-federation"),
        ("power bi", "microsoft-365-domain-federation"),
        ("onedrive", "microsoft-365-domain-federation"),
        ("intune", "microsoft-365-domain-federation"),
        ("google", "google-workspace"),
        ("gmail", "google-workspace"),
        ("snow", "servicenow"),
        ("lucidchart", "lucid-all-products"),
        ("trello", "atlassian-cloud"),
    ] {
        assert_eq!(catalog.search(typed, None).first().map(|c| c.id.as_str()), Some(meant), "{typed}");
    }
    assert_eq!(catalog.search("", None).len(), catalog.list().len());
}

#[test]
fn the_glyphs_in_the_program_are_those_that_connectors_name() {
    let catalog = Catalog::built_in();
    let named: BTreeSet<&str> = catalog.list().filter_map(|connector| connector.glyph.as_deref()).collect();
    let listed: BTreeSet<&str> = glyphs::NAMES.iter().copied().collect();
    assert_eq!(named, listed);
}

#[test]
fn the_catalog_is_as_large_as_it_says() {
    let catalog = Catalog::built_in();
    let complete = catalog.list().filter(|connector| is_complete(connector)).count();
    assert!(complete >= 490 && catalog.list().len() >= 879, "{complete} of {}", catalog.list().len());
}
