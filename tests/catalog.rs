//! The catalog from outside: every built-in connector, the loader's limits, the linter's faults and places, and the
//! facts that the connectors were written from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tessera::catalog::load::parse;
use tessera::catalog::model::{ConnectorKind, PlaceholderKind, ScimSource, Verified};
use tessera::catalog::placeholder::{LocationRules, Scope, Values, extract_one};
use tessera::catalog::search::folded;
use tessera::catalog::skeleton::Draft;
use tessera::catalog::sso::{Initiation, Jit, SignMode, ValueFrom};
use tessera::catalog::{Catalog, Connector, glyphs, lint, schema, skeleton, steps};
use tessera::provisioning::mapping;

fn catalog_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog"))
}

fn examples(connector: &Connector) -> Values {
    connector
        .placeholders
        .iter()
        .map(|(token, placeholder)| (token.clone(), placeholder.example.clone()))
        .collect()
}

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
fn what_is_pasted_is_taken_apart_as_the_templates_were_put_together() {
    let (mut found, mut asked) = (0, 0);
    for connector in Catalog::built_in().list() {
        let examples: Values =
            connector.placeholders.iter().map(|(token, p)| (token.clone(), p.example.clone())).collect();
        let scope = Scope::new(&connector.placeholders, &examples);
        let templates = connector.templates().unwrap();
        for (place, template) in &templates {
            let Ok(address) = scope.fill(template) else { continue };
            let Some((scheme, rest)) = address.split_once("://") else { continue };
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            // The address itself, and some other page of the same host.
            for pasted in [address.clone(), format!("{scheme}://{host}/admin/settings")] {
                for (token, example) in &examples {
                    let texts = templates.iter().map(|(_, text)| text.as_str());
                    let value = extract_one(&pasted, token, texts, &connector.placeholders);
                    assert!(
                        value.as_ref().is_none_or(|value| value.eq_ignore_ascii_case(example)
                            || connector.placeholders[token].kind == PlaceholderKind::Host
                            || connector.placeholders[token].kind == PlaceholderKind::HostPort),
                        "{} {place}: {pasted} says {token} is {value:?} and not {example:?}",
                        connector.id
                    );
                    if pasted == address && template.contains(token.as_str()) {
                        asked += 1;
                        found += usize::from(value.is_some());
                    }
                }
            }
        }
    }
    assert!(asked > 500 && found * 100 >= asked * 70, "{found} of {asked}");
}

#[test]
fn what_stands_in_the_address_bar_of_an_administrator_is_taken_apart_or_left_alone() {
    let catalog = Catalog::built_in();
    for (id, token, pasted, value) in [
        (
            "github-enterprise-cloud",
            "YOUR_ORGANIZATION",
            "https://github.com/organizations/forum/settings/security",
            Some("forum"),
        ),
        (
            "github-enterprise-cloud",
            "YOUR_ORGANIZATION",
            "https://github.com/orgs/forum/people",
            Some("forum"),
        ),
        ("github-enterprise-cloud", "YOUR_ORGANIZATION", "https://github.com/settings/profile", None),
        ("sentry", "YOUR_ORGANIZATION", "https://forum.sentry.io/settings/auth/", Some("forum")),
        ("sentry", "YOUR_ORGANIZATION", "https://sentry.io/settings/account/", None),
        ("hubspot", "YOUR_ID", "https://app.hubspot.com/settings/12345678/security", Some("12345678")),
        ("hubspot", "YOUR_ID", "https://app-eu1.hubspot.com/home?portalId=12345678", Some("12345678")),
        ("workday", "YOUR_TENANT", "https://wd5.myworkday.com/forum/d/home.htmld", Some("forum")),
        ("workday", "YOUR_DOMAIN", "https://wd5.myworkday.com/forum/d/home.htmld", Some("wd5.myworkday.com")),
        (
            "salesforce",
            "YOUR_SUBDOMAIN",
            "https://forum.my.salesforce-setup.com/lightning/setup/SingleSignOn/home",
            Some("forum"),
        ),
        (
            "salesforce",
            "YOUR_SUBDOMAIN",
            "https://forum.lightning.force.com/lightning/page/home",
            Some("forum"),
        ),
        ("salesforce", "YOUR_SUBDOMAIN", "https://login.salesforce.com/", None),
        (
            "aws-iam-identity-center",
            "YOUR_REGION",
            "https://eu-west-1.console.aws.amazon.com/singlesignon/home",
            Some("eu-west-1"),
        ),
        ("box", "YOUR_SUBDOMAIN", "https://forum.app.box.com/master/settings", Some("forum")),
        ("box", "YOUR_SUBDOMAIN", "https://app.box.com/folder/0", None),
        ("slack", "YOUR_SUBDOMAIN", "https://forum.slack.com/admin/auth/saml", Some("forum")),
        ("slack", "YOUR_SUBDOMAIN", "https://app.slack.com/client/T123", None),
        ("zoom", "YOUR_SUBDOMAIN", "https://us02web.zoom.us/account", None),
        ("zendesk", "YOUR_SUBDOMAIN", "https://support.zendesk.com/hc", None),
        ("heap", "YOUR_ID", "https://heapanalytics.com/saml/finalize/42/", Some("42")),
    ] {
        let connector = catalog.find(id).unwrap();
        let templates = connector.templates().unwrap();
        let texts = templates.iter().map(|(_, text)| text.as_str());
        let found = extract_one(pasted, token, texts, &connector.placeholders);
        assert_eq!(found.as_deref(), value, "{id} {token}: {pasted}");
    }
}

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

/// Connectors whose row has another id.
const ROWS: &[(&str, &str)] = &[
    ("keeper-cloud", "keeper-security"),
    ("keeper-on-premises", "keeper-sso-connect-on-prem"),
    ("interact", "interact-software"),
    ("github-enterprise-cloud", "github-enterprise-cloud-organization"),
    ("grafana", "grafana-enterprise-and-cloud"),
];

/// Forms to be filled in, which are of no application.
fn is_blank(connector: &Connector) -> bool {
    matches!(connector.id.as_str(), "custom-saml" | "bookmark")
}

fn row_of(connector: &Connector) -> &str {
    ROWS.iter().find(|(id, _)| *id == connector.id).map_or(connector.id.as_str(), |(_, row)| row)
}

/// Whether entity ID and ACS URLs are known.
fn is_complete(connector: &Connector) -> bool {
    let settings = connector.sso_settings().unwrap();
    let is_asked = |text: &str| connector.placeholders.contains_key(text);
    !is_blank(connector)
        && settings.sp_entity_id.is_some_and(|id| !is_asked(&id))
        && settings.acs_urls.iter().all(|acs| !is_asked(&acs.url))
}

#[test]
fn the_catalog_is_as_large_as_it_says() {
    let catalog = Catalog::built_in();
    let complete = catalog.list().filter(|connector| is_complete(connector)).count();
    assert!(complete >= 490 && catalog.list().len() >= 879, "{complete} of {}", catalog.list().len());
}

/// What the manual says in figures, made from the data.
fn figures() -> String {
    use std::fmt::Write as _;
    let catalog = Catalog::built_in();
    let all: Vec<_> = catalog.list().filter(|connector| !is_blank(connector)).collect();
    let of = |wanted: &dyn Fn(&Connector) -> bool| all.iter().filter(|connector| wanted(connector)).count();
    let mut out = String::from("## Counts\n\n| | connectors |\n| --- | --- |\n");
    let rows: [(&str, usize); 7] = [
        ("all", all.len()),
        ("entity ID and ACS URL known", of(&is_complete)),
        ("one or both are asked for", of(&|connector| !is_complete(connector))),
        ("SCIM", of(&|connector| connector.provisioning.is_some())),
        ("checked against documentation", of(&|connector| connector.verified == Verified::Documentation)),
        ("verified live", of(&|connector| connector.verified == Verified::Live)),
        ("not checked", of(&|connector| connector.verified == Verified::None)),
    ];
    for (what, count) in rows {
        writeln!(out, "| {what} | {count} |").unwrap();
    }
    let mut categories: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for connector in &all {
        for category in &connector.categories {
            let counted = categories.entry(category.as_str().to_owned()).or_default();
            counted.0 += 1;
            counted.1 += usize::from(is_complete(connector));
        }
    }
    out.push_str("\n| category | connectors | entity ID and ACS URL known |\n| --- | --- | --- |\n");
    for (category, (count, complete)) in categories {
        writeln!(out, "| {category} | {count} | {complete} |").unwrap();
    }
    out.push_str("\n## Where connectors say otherwise than the facts\n\n");
    out.push_str("| connector | field | why |\n| --- | --- | --- |\n");
    for connector in &all {
        for (field, why) in &connector.differs {
            let why = why.replace('|', "\\|");
            writeln!(out, "| {} | {field} | {why} |", connector.id).unwrap();
        }
    }
    out
}

#[test]
fn the_manual_says_in_figures_what_the_data_says() {
    const BEGINS: &str = "<!-- made from the data: TESSERA_UPDATE_CATALOG=1 cargo test --test catalog -->\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/catalog.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGINS).unwrap();
    let (stored, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("TESSERA_UPDATE_CATALOG").is_some() {
        std::fs::write(&file, format!("{before}{BEGINS}{}<!-- end -->{after}", figures())).unwrap();
    } else {
        assert!(
            stored == figures(),
            "docs/catalog.md is stale: run this test once with TESSERA_UPDATE_CATALOG=1"
        );
    }
}

#[test]
fn connectors_say_what_their_facts_say_or_why_not() {
    let facts: BTreeMap<String, serde_json::Value> =
        std::fs::read_to_string(catalog_folder().join("facts.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|row| (row["id"].as_str().unwrap().to_owned(), row))
            .collect();
    let mut used = 0;
    for connector in Catalog::built_in().list().filter(|connector| !is_blank(connector)) {
        let row = row_of(connector);
        let row = facts.get(row).unwrap_or_else(|| panic!("no facts for {}", connector.id));
        agrees(connector, row);
        used += 1;
    }
    assert_eq!(used, facts.len(), "facts that no connector uses");
}

fn text<'a>(row: &'a serde_json::Value, key: &str) -> Option<&'a str> {
    row[key].as_str()
}

fn agrees(connector: &Connector, row: &serde_json::Value) {
    let settings = connector.sso_settings().expect("settings");
    let same = |field: &str, ours: Option<String>, theirs: Option<&str>| {
        assert!(
            ours.as_deref() == theirs || connector.differs.contains_key(field),
            "{} {field}: {ours:?} is not {theirs:?}",
            connector.id
        );
    };
    // What the facts do not have is asked for.
    let from_metadata = connector.sso.sp_metadata_url.set_value().is_some();
    let entity_id = text(row, "entity_id").or((!from_metadata).then_some("YOUR_ENTITY_ID"));
    same("sp_entity_id", settings.sp_entity_id.clone(), entity_id);
    let acs: Vec<&str> = settings.acs_urls.iter().map(|acs| acs.url.as_str()).collect();
    let mut theirs: Vec<&str> =
        row["acs_urls"].as_array().expect("a list").iter().filter_map(|url| url.as_str()).collect();
    if theirs.is_empty() && !from_metadata {
        theirs.push("YOUR_ACS_URL");
    }
    assert!(acs == theirs || connector.differs.contains_key("acs_urls"), "{}: {acs:?}", connector.id);
    assert!(row["encryption"] != true || settings.encrypt_assertion, "{}", connector.id);
    if let Some(login_url) = &settings.login_url {
        same("login_url", Some(login_url.clone()), text(row, "sign_on_url"));
    }
    same("default_relay_state", settings.default_relay_state.clone(), text(row, "relay_state"));
    if let Some(format) = text(row, "nameid_format") {
        same("name_id.format", Some(settings.name_id.format.urn().to_owned()), Some(format));
    }
    if let Some(source) = text(row, "nameid_source") {
        let ours = if let ValueFrom::Property(property) = &settings.name_id.value {
            Some(property.to_string())
        } else {
            None
        };
        same("name_id.source", ours, Some(source));
    }
    if let Some(sign) = text(row, "sign") {
        let sign = if sign == "response and assertion" { "both" } else { sign };
        same("sign", Some(settings.sign.as_str().to_owned()), Some(sign));
    }
    if connector.sso.initiation.set_value().is_some_and(|who| !who.contains(&Initiation::Idp)) {
        // Where only the application begins, the tile needs to know where.
        same("login_url", settings.login_url.clone(), text(row, "sign_on_url"));
    }
    let begins: Vec<&str> = [("idp", "idp_initiated"), ("sp", "sp_initiated")]
        .iter()
        .filter(|(_, key)| row[key] == true)
        .map(|(who, _)| *who)
        .collect();
    if !begins.is_empty() {
        let ours = connector.sso.initiation.set_value().cloned().unwrap_or_default();
        let ours: Vec<&str> = ours.iter().map(|who| who.as_str()).collect();
        same("initiation", Some(ours.join(", ")), Some(&begins.join(", ")));
    }
    attributes_agree(connector, row);
    scim_agrees(connector, row);
    described_alike(connector, row);
    assert!(
        row["jit"] != true || connector.makes_accounts() || connector.differs.contains_key("jit"),
        "{}",
        connector.id
    );
    let expected =
        if text(row, "confidence") == Some("low") { Verified::None } else { Verified::Documentation };
    assert_eq!(connector.verified, expected, "{}", connector.id);
    let theirs: Vec<&str> = text(row, "source").expect("a source").split("; ").collect();
    let joined = connector.sources.join("; ");
    assert!(theirs.iter().all(|source| joined.contains(source)), "{}: {joined}", connector.id);
}

/// Name, site of its maker, and what the facts warn of.
fn described_alike(connector: &Connector, row: &serde_json::Value) {
    let name = folded(text(row, "name").expect("a name"));
    let mut names = std::iter::once(&connector.name).chain(&connector.aliases).map(|name| folded(name));
    assert!(
        names.any(|ours| ours == name) || row_of(connector) != connector.id,
        "{} is no {name}",
        connector.id
    );
    let host = |address: &str| {
        let url = url::Url::parse(address).expect("an address");
        url.host_str().expect("a host").trim_start_matches("www.").to_owned()
    };
    if let Some(theirs) = text(row, "homepage").filter(|_| !connector.differs.contains_key("homepage")) {
        assert_eq!(connector.homepage.as_deref().map(host), Some(host(theirs)), "{}", connector.id);
    }
    let warns = !row["notes"].as_array().expect("a list").is_empty();
    let asks = |token: &str| connector.placeholders.contains_key(token);
    let told = !connector.notes.is_empty()
        || !connector.differs.is_empty()
        || connector.setup.sso.is_some()
        || asks("YOUR_ENTITY_ID")
        || asks("YOUR_ACS_URL");
    assert!(!warns || told, "{}: nothing of {}", connector.id, row["notes"]);
}

fn scim_agrees(connector: &Connector, row: &serde_json::Value) {
    let id = &connector.id;
    let says_why = |field: &str| connector.differs.contains_key(field);
    let theirs = &row["scim"];
    if theirs.is_null() {
        return;
    }
    let Some(ours) = &connector.provisioning else {
        assert!(says_why("provisioning"), "{id} lacks SCIM");
        return;
    };
    let base_url = theirs["base_url"].as_str();
    assert!(ours.base_url.as_deref() == base_url || says_why("provisioning.base_url"), "{id}: {base_url:?}");
    let auth = match theirs["auth"].as_str().expect("a way") {
        "oauth2" => "oauth2_client_credentials",
        other => other,
    };
    assert!(ours.auth.as_str() == auth || says_why("provisioning.auth"), "{id}: {auth}");
    let groups = theirs["groups"].as_bool();
    assert!(groups.is_none_or(|groups| groups == ours.groups) || says_why("provisioning.groups"), "{id}");
    let sent = mapping::starting(Some(ours));
    for attribute in theirs["attributes"].as_array().expect("a list") {
        let attribute = attribute.as_str().expect("a name");
        // With everybody, whatever the mapping.
        let is_sent =
            ["active", "externalId"].contains(&attribute) || sent.iter().any(|row| row.scim == attribute);
        assert!(is_sent || says_why(&format!("scim.{attribute}")), "{id} does not send {attribute}");
    }
}

/// Those that most people use: each has been gone through by hand.
const MOST_USED: &[&str] = &[
    "1password",
    "adobe-creative-cloud",
    "airtable",
    "amazon-web-services",
    "asana",
    "atlassian-cloud",
    "aws-iam-identity-center",
    "bamboohr",
    "box",
    "canva",
    "cisco-webex",
    "claude-anthropic",
    "cloudflare-access-zero-trust",
    "databricks",
    "datadog",
    "docker-business-docker-hub",
    "docusign",
    "dropbox",
    "figma",
    "freshworks",
    "github-enterprise-cloud",
    "github-enterprise-managed-users",
    "gitlab",
    "google-cloud",
    "google-workspace",
    "grafana",
    "hcp-terraform-terraform-cloud",
    "heap",
    "hubspot",
    "interact",
    "intercom",
    "jenkins",
    "keeper-cloud",
    "keeper-on-premises",
    "kibana-elastic-stack",
    "knowbe4-security-awareness-training",
    "lucid-all-products",
    "mattermost",
    "microsoft-365-domain-federation",
    "miro",
    "monday-com",
    "mongodb-atlas",
    "moodle-auth-saml2",
    "new-relic-by-organization",
    "nextcloud",
    "notion",
    "okta-as-service-provider",
    "opsgenie",
    "pagerduty",
    "rocket-chat",
    "salesforce",
    "sentry",
    "servicenow",
    "slack",
    "smartsheet",
    "snowflake",
    "sonarqube",
    "splunk-enterprise-self-hosted",
    "stripe",
    "tableau-cloud",
    "tableau-server",
    "wordpress-onelogin-saml-sso-plugin",
    "workday",
    "zabbix",
    "zendesk",
    "zoho-one",
    "zoom",
];

#[test]
fn the_most_used_connectors_say_how_it_is_done_and_what_is_asked_for() {
    let catalog = Catalog::built_in();
    assert!(MOST_USED.len() >= 60);
    for id in MOST_USED {
        let connector = catalog.find(id).unwrap_or_else(|| panic!("no {id}"));
        let steps = connector.setup.sso.as_deref().unwrap_or_default();
        assert!(
            steps.contains("1. ") && (steps.contains("{idp_") || steps.contains("{metadata_url}")),
            "{id}: steps"
        );
        let scim = connector.provisioning.is_some();
        assert!(!scim || connector.setup.provisioning.is_some(), "{id}: steps of SCIM");
        for (token, placeholder) in &connector.placeholders {
            assert!(!placeholder.help.is_empty(), "{id} {token}: where is it found?");
            // Hosts have one form, and what is asked for whole has none that is known before.
            let of_any_form = matches!(
                placeholder.kind,
                PlaceholderKind::Label | PlaceholderKind::Host | PlaceholderKind::HostPort
            );
            let is_whole = ["YOUR_ENTITY_ID", "YOUR_ACS_URL"].contains(&token.as_str());
            assert!(of_any_form || is_whole || placeholder.pattern.is_some(), "{id} {token}: a pattern");
        }
    }
}

#[test]
fn sc_06_github_finds_by_the_name_id_whom_scim_gave() {
    let catalog = Catalog::built_in();
    let github = catalog.find("github-enterprise-managed-users").unwrap();
    let rows = &github.provisioning.as_ref().unwrap().user_attributes;
    let user_name = rows.iter().find(|row| row.scim == "userName").unwrap();
    let Some(ScimSource::Property(property)) = &user_name.source else { panic!("a property") };
    let name_id = github.sso_settings().unwrap().name_id;
    assert!(
        matches!(name_id.value, ValueFrom::Property(source) if source.to_string() == property.to_string())
    );
    assert_ne!(name_id.format.short(), "persistent", "a persistent one is of another value");
}

/// What sources call a property, and what we call it.
const NAMES: &[(&str, &str)] = &[
    ("email", "email"),
    ("username", "username"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("displayName", "display_name"),
    ("department", "department"),
    ("phone", "phone_numbers.work"),
    ("title", "job_title"),
    ("quota", "custom.nextcloud_quota"),
    ("employeeId", "employee_identifier"),
    ("immutableId", "employee_identifier"),
    ("company", "company"),
    ("organization", "company"),
    ("country", "addresses.work.country"),
    ("state", "addresses.work.region"),
    // Before the @.
    ("emailLocalPart", "email"),
];

fn attributes_agree(connector: &Connector, row: &serde_json::Value) {
    let settings = connector.sso_settings().expect("settings");
    let theirs = row["attributes"].as_array().expect("a list");
    for fact in theirs {
        let name = fact["name"].as_str().expect("a name");
        if connector.differs.contains_key(&format!("attributes.{name}")) {
            continue;
        }
        let ours = settings.attributes.iter().find(|attribute| attribute.name == name);
        let ours = ours.unwrap_or_else(|| panic!("{} lacks the attribute {name}", connector.id));
        assert_eq!(Some(ours.name_format.urn()), fact["name_format"].as_str(), "{} {name}", connector.id);
        let makes_accounts = row["jit"] == true && fact["required"] == true;
        assert!(!makes_accounts || ours.jit == Some(Jit::Required), "{} {name}", connector.id);
        let source = fact["source"].as_str().expect("a source");
        match &ours.value {
            ValueFrom::Groups(_) => assert_eq!(source, "groups", "{} {name}", connector.id),
            ValueFrom::ByGroup(_) => {
                assert!(["awsRoles", "roles", "role"].contains(&source), "{} {name}", connector.id);
            }
            ValueFrom::Property(property) => {
                let known =
                    NAMES.iter().find(|(theirs, _)| *theirs == source).map(|(_, ours)| (*ours).to_owned());
                assert_eq!(Some(property.to_string()), known, "{} {name}", connector.id);
            }
            ValueFrom::Constant(_) => panic!("{} {name}: no fact is a constant", connector.id),
        }
    }
    let more = settings.attributes.len() > theirs.len();
    assert!(
        !more || connector.differs.contains_key("attributes"),
        "{} has attributes of its own",
        connector.id
    );
}

#[test]
fn a_thousand_files_are_read_in_a_moment() {
    let (_, text) = Draft::named("acme", "Acme").write();
    for _ in 0..1000 {
        parse("a/acme.yaml", text.as_bytes()).unwrap();
    }
}

#[test]
fn a_folder_lies_over_the_built_in_connectors() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = Draft::named("heap", "Our Heap").write();
    std::fs::create_dir(folder.path().join("h")).unwrap();
    std::fs::write(folder.path().join("h/heap.yaml"), text).unwrap();
    let (_, text) = Draft::named("acme", "Acme").write();
    std::fs::write(folder.path().join("acme.yaml"), text).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a connector").unwrap();
    let catalog = Catalog::with_folder(folder.path()).unwrap();
    assert_eq!(catalog.list().len(), Catalog::built_in().list().len() + 1);
    assert_eq!(catalog.find("heap").unwrap().name, "Our Heap");
    assert!(catalog.find("heap").unwrap().provisioning.is_none(), "replaced whole");
    assert!(catalog.is_own("heap") && !catalog.is_own("slack"));
    assert_eq!(catalog.search("acme", None)[0].id, "acme");
    // Mounted configuration is links to a folder with a dot; what lies outside is nobody's.
    let code = |folder: &Path| Catalog::with_folder(folder).unwrap_err().code;
    let mounted = tempfile::tempdir().unwrap();
    std::fs::create_dir(mounted.path().join("..data")).unwrap();
    std::fs::write(mounted.path().join("..data/acme.yaml"), Draft::named("acme", "Acme").write().1).unwrap();
    std::os::unix::fs::symlink("..data/acme.yaml", mounted.path().join("acme.yaml")).unwrap();
    assert_eq!(Catalog::with_folder(mounted.path()).unwrap().find("acme").unwrap().name, "Acme");
    std::os::unix::fs::symlink("/dev/zero", mounted.path().join("zero.yaml")).unwrap();
    assert_eq!(code(mounted.path()), "catalog_link");
    // Nobody may be taken for a built-in one.
    let posing = tempfile::tempdir().unwrap();
    let (_, text) = Draft::named("slacky", "SLACK").write();
    std::fs::write(posing.path().join("slacky.yaml"), text).unwrap();
    assert_eq!(code(posing.path()), "catalog_faulty");
    let (_, text) = Draft::named("slack", "Slack").write();
    std::fs::write(posing.path().join("slack.yaml"), text).unwrap();
    assert_eq!(code(posing.path()), "catalog_faulty", "two of one folder");
    std::fs::remove_file(posing.path().join("slacky.yaml")).unwrap();
    assert!(Catalog::with_folder(posing.path()).is_ok(), "replaced whole");
    std::fs::write(folder.path().join("bad.yaml"), "id: bad\nnope: 1\n").unwrap();
    let error = Catalog::with_folder(folder.path()).unwrap_err();
    assert_eq!(error.code, "catalog_faulty");
    assert!(error.message.contains("bad.yaml:2:1"), "{}", error.message);
    assert_eq!(Catalog::with_folder(Path::new("no such folder")).unwrap_err().code, "catalog_unreadable");
}
