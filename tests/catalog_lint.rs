//! The linter: one fixture for each fault, with its code and its place, and files made to hurt (A-44).

use tessera::catalog::lint::{lint_files, lint_own, lint_text};
use tessera::catalog::load::parse;

const GOOD: &str = r#"id: acme
name: Acme
description: Things
homepage: https://acme.example
categories: [other]
accent: lapis
version: 1
verified: documentation
sources: [Acme manual]
placeholders:
  YOUR_ID: {label: Acme ID, kind: segment, pattern: "[0-9]+", example: "42"}
sso:
  sp_entity_id: https://acme.example/YOUR_ID
  acs_urls: [https://acme.example/acs/YOUR_ID]
  attributes:
    - {name: email, source: email}
setup:
  sso: |
    1. Open **Settings**.
    2. Paste {idp_url} for YOUR_ID.
"#;

fn found(text: &str) -> Vec<String> {
    let faults = lint_text("a/acme.yaml", text);
    faults.iter().map(|fault| format!("{}:{} {}", fault.at.line, fault.at.column, fault.code)).collect()
}

/// The good file with one thing changed, and what the linter must say of it.
fn changed(from: &str, to: &str, expected: &[&str]) {
    assert!(GOOD.contains(from), "{from}");
    assert_eq!(found(&GOOD.replacen(from, to, 1)), expected, "{from} -> {to}");
}

/// The good file with several things changed at once.
fn all_changed(changes: &[(&str, &str)], expected: &[&str]) {
    let mut text = GOOD.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    assert_eq!(found(&text), expected, "{text}");
}

#[test]
fn a_good_file_has_no_fault() {
    assert!(found(GOOD).is_empty(), "{:?}", found(GOOD));
}

#[test]
fn what_is_odd_is_a_fault_unless_it_is_said_to_be_meant() {
    let acs = ("https://acme.example/acs/YOUR_ID", "https://sso.elsewhere.example.com/acs/YOUR_ID");
    changed(acs.0, acs.1, &["14:14 acs_on_another_site"]);
    let noted =
        ("version: 1", "version: 1\nnotes: {sso.acs_urls: Its sign-on is at a host of another maker.}");
    all_changed(&[acs, noted], &[]);
    // A name is of no site: the maker's counts.
    let named = ("sp_entity_id: https://acme.example/YOUR_ID", "sp_entity_id: urn:acme:YOUR_ID");
    all_changed(&[named], &[]);
    all_changed(&[named, acs], &["14:14 acs_on_another_site"]);
    changed("https://acme.example/acs/", "https://sso.uat2.acme.example/acs/", &["14:14 test_system"]);
    let meant = ("version: 1", "version: 1\nnotes: {sso.acs_urls.0: It is for trials.}");
    all_changed(&[("https://acme.example/acs/", "https://uat.acme.example/acs/"), meant], &[]);
    let scim = "provisioning: {base_url: 'https://api.staging.acme.example/scim'}\nsetup:\n";
    changed("setup:\n", scim, &["17:26 test_system"]);
    let elsewhere = "provisioning: {base_url: 'https://scim.elsewhere.example.com/v2'}\nsetup:\n";
    changed("setup:\n", elsewhere, &["17:26 scim_on_another_site"]);
    let read = "  sp_metadata_url: https://elsewhere.example.com/md\n  attributes:\n";
    changed("  attributes:\n", read, &["15:20 metadata_on_another_site"]);
    changed("  attributes:\n", "  idp_initiated: off\n  attributes:\n", &["15:3 tile_leads_nowhere"]);
    let begun = "  idp_initiated: off\n  login_url: https://acme.example/login\n  attributes:\n";
    changed("  attributes:\n", begun, &[]);
    // As browsers read it.
    changed(
        "https://acme.example/acs/",
        "HTTPS://acme.elsewhere.example.com/acs/",
        &["14:14 acs_on_another_site"],
    );
    let twice = "acs_urls: [https://acme.example/acs/YOUR_ID, https://acme.example/acs/YOUR_ID]";
    changed("acs_urls: [https://acme.example/acs/YOUR_ID]", twice, &["14:48 duplicate_acs_url"]);
    changed("  attributes:\n", "  initiation: [sp, sp]\n  attributes:\n", &["15:15 initiation_twice"]);
    let no_field = "version: 1\nnotes: {sso.acs_url: A slip.}";
    changed("version: 1", no_field, &["8:9 no_such_field"]);
    changed("version: 1", "version: 1\nnotes: {sso.login_url: It has none.}", &[]);
    changed("version: 1", "version: 1\nsuperseded_by: acme-two", &["8:16 no_such_successor"]);
    changed("version: 1", "version: 1\nsuperseded_by: acme", &["8:16 no_such_successor"]);
    let base = "provisioning: {base_url: 'https://acme.example/scim?v=2'}\nsetup:\n";
    changed("setup:\n", base, &["17:26 scim_url_with_query"]);
    let mapped = "provisioning: {user_attributes: [{scim: 'r ole!', source: email}]}\nsetup:\n";
    changed("setup:\n", mapped, &["17:41 scim_path_invalid"]);
    let peculiar = "provisioning: {quirks: {concurrency: 0, immutable: ['user name']}}\nsetup:\n";
    changed("setup:\n", peculiar, &["17:38 bad_quirk", "17:53 scim_path_invalid"]);
    changed("{idp_url}", "{login_url}", &["20:14 value_not_there"]);
    changed("{idp_url}", "{acs_url}", &[]);
    changed("accent: lapis", "glyph: of-nobody\naccent: lapis", &["6:8 unknown_glyph"]);
    changed("accent: lapis", "glyph: stripe\naccent: lapis", &[]);
    // Nobody knows the address before: it is asked for whole.
    let asked = ("acs_urls: [https://acme.example/acs/YOUR_ID]", "acs_urls: [YOUR_ACS_URL]");
    let declared = "YOUR_ACS_URL: {label: ACS URL, kind: url, example: ";
    let whole = format!("placeholders:\n  {declared}'https://acme.example/acs'}}");
    all_changed(&[asked, ("placeholders:", &whole)], &[]);
    let plain = format!("placeholders:\n  {declared}'http://acme.example/acs'}}");
    all_changed(&[asked, ("placeholders:", &plain)], &["11:54 example_mismatch"]);
}

#[test]
fn keys_and_values_must_be_known() {
    changed("version: 1", "version: 1\nlogo: x", &["8:1 unknown_field"]);
    changed("  sp_entity_id:", "  entity_id: x\n  sp_entity_id:", &["13:3 unknown_field"]);
    changed("source: email", "source: mail", &["16:29 unknown_property"]);
    changed("lapis", "pink", &["6:9 unknown_value"]);
    changed("accent: lapis\n", "", &["1:1 missing_field"]);
    changed("version: 1", "version: 1\nversion: 2", &["8:1 duplicate_key"]);
    changed("version: 1", "version: one", &["7:10 malformed"]);
    changed("version: 1", "version: 0", &["7:10 bad_version"]);
    changed("name: Acme", "name: [Acme", &["3:12 malformed"]);
}

#[test]
fn one_run_names_every_fault() {
    let bad_urls = "[http://acme.example/acs/YOUR_ID, https://acme.example/acs/YOUR_KEY]";
    all_changed(
        &[
            ("categories: [other]", "categories: [misc]"),
            ("version: 1", "version: 1\nlogo: x"),
            ("[https://acme.example/acs/YOUR_ID]", bad_urls),
            ("example: \"42\"", "example: abc"),
        ],
        &[
            "5:14 unknown_value",
            "8:1 unknown_field",
            "12:72 example_mismatch",
            "15:14 https_required",
            "15:47 undeclared_placeholder",
        ],
    );
    let text = GOOD.replacen("[other]", "[misc]", 1).replacen("version: 1", "version: 1\nlogo: x", 1);
    let lines: Vec<String> = lint_text("a/acme.yaml", &text).iter().map(ToString::to_string).collect();
    assert!(
        lines[0].starts_with("a/acme.yaml:5:14: There is no misc here. Known are analytics, "),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("a/acme.yaml:8:1: There is no key logo here. Known are id, "), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn what_can_t_be_read_does_not_hide_the_rest() {
    all_changed(
        &[
            ("homepage: https:", "homepage: http:"),
            ("accent: lapis\n", ""),
            ("version: 1", "version: one\nname: Again"),
            ("source: email", "source: mail"),
        ],
        &[
            "1:1 missing_field",
            "4:11 https_required",
            "6:10 malformed",
            "7:1 duplicate_key",
            "16:29 unknown_property",
        ],
    );
    all_changed(
        &[
            ("homepage: https:", "homepage: http:"),
            (", example: \"42\"", ""),
            ("[https://acme.example/acs/YOUR_ID]", "[{url: https://acme.example/acs/YOUR_ID, idx: 1}]"),
            ("source: email", "source: email, transforms: [lowr, {exec: rm}]"),
            ("setup:\n", "    - {name: role}\nsetup:\n"),
        ],
        &[
            "4:11 https_required",
            "11:44 missing_field",
            "14:54 unknown_field",
            "16:49 unknown_value",
            "16:56 unknown_value",
            "17:7 malformed",
        ],
    );
    // What is left out is no reason to call a placeholder unused.
    changed(
        "  sp_entity_id: https://acme.example/YOUR_ID\n  acs_urls: [https://acme.example/acs/YOUR_ID]\n",
        "  sp_entity_id: acme\n  acs_url: https://acme.example/acs/YOUR_ID\n",
        &["12:1 missing_acs_url", "14:3 unknown_field"],
    );
    changed(
        "placeholders:\n",
        "placeholders:\n  YOUR_KEY: {label: Key, exmple: x}\n",
        &["11:3 unused_placeholder", "11:26 missing_field", "11:26 unknown_field"],
    );
}

#[test]
fn templates_must_fill_to_usable_addresses() {
    changed("[https://acme.example/acs/YOUR_ID]", "[acme.example/acs/YOUR_ID]", &["14:14 unusable_address"]);
    changed("[https://acme.example/acs/", "[http://acme.example/acs/", &["14:14 https_required"]);
    changed(
        "[https://acme.example/acs/",
        "[https://YOUR_ID.acme.example/acs/",
        &["14:14 placeholder_in_host"],
    );
    changed(
        "https://acme.example/acs/YOUR_ID",
        "https://acme.example/acs/YOUR_KEY",
        &["14:14 undeclared_placeholder"],
    );
    changed("https://acme.example/acs/", "https://u@acme.example/acs/", &["14:14 unusable_address"]);
    changed("homepage: https:", "homepage: http:", &["4:11 https_required"]);
    changed("  acs_urls: [https://acme.example/acs/YOUR_ID]\n", "", &["12:1 missing_acs_url"]);
    changed("  sp_entity_id: https://acme.example/YOUR_ID\n", "", &["12:1 missing_sp_entity_id"]);
}

#[test]
fn placeholders_must_be_used_and_have_fitting_examples() {
    changed(
        "placeholders:\n",
        "placeholders:\n  YOUR_KEY: {label: Key, example: x}\n",
        &["11:3 unused_placeholder"],
    );
    changed("example: \"42\"", "example: abc", &["11:72 example_mismatch"]);
    changed("\"[0-9]+\"", "\"[0-9\"", &["11:53 bad_pattern"]);
    changed(
        "placeholders:\n",
        "placeholders:\n  KEY: {label: Key, example: x}\n",
        &["11:3 bad_token", "11:3 unused_placeholder"],
    );
    changed("kind: segment", "kind: segment, extract: 'acme/[0-9]+'", &["11:53 bad_pattern"]);
    changed("kind: segment", "kind: segment, extract: 'acme/([0-9]+)'", &[]);
    changed("label: Acme ID", "label: \"Acme\u{200b} ID\"", &["11:20 invisible_character"]);
    changed("label: Acme ID", "label: ''", &["11:20 empty_text"]);
}

#[test]
fn identity_and_evidence_are_checked() {
    changed("id: acme", "id: other", &["1:5 path_mismatch"]);
    changed("id: acme", "id: Acme Corp", &["1:5 bad_id"]);
    changed("sources: [Acme manual]\n", "", &["8:11 missing_evidence"]);
    changed("categories: [other]", "categories: []", &["5:13 categories"]);
    changed("categories: [other]", "categories: [misc]", &["5:14 unknown_value"]);
    changed("description: Things", &format!("description: {}", "x".repeat(301)), &["3:14 text_too_long"]);
    changed("  attributes:\n", "  initiation: []\n  attributes:\n", &["15:15 bad_sso"]);
    changed("sso:\n", "sso:\n  idp_entity_id: https://x.example\n", &["13:3 not_for_connectors"]);
    changed(
        "    - {name: email, source: email}",
        "    - {name: a, source: email}\n    - {name: a, source: email}",
        &["17:14 bad_sso"],
    );
}

#[test]
fn steps_are_read_and_faults_pointed_at() {
    changed("Settings", "Set\u{202e}tings", &["19:18 invisible_character"]);
    changed("{idp_url}", "`{idp_url}`", &["20:14 marked_value"]);
    changed("{idp_url}", "{idp_uri}", &["20:14 unknown_live_value"]);
    changed("for YOUR_ID", "for YOUR_KEY", &["20:28 undeclared_placeholder"]);
    changed("**Settings**", "**Settings", &["19:13 unclosed_markup"]);
    changed("**Settings**", "<b>Settings</b>", &["19:13 raw_html", "19:24 raw_html"]);
    changed("**Settings**", "[help](http://acme.example)", &["19:13 bad_link"]);
    changed("Open **", &format!("{} **", "x".repeat(16 * 1024)), &["19:5 steps_too_long"]);
    changed("setup:\n  sso: |", "setup:\n  provisioning: |", &[]);
    let empty = &GOOD[..GOOD.find("  sso: |").unwrap()];
    assert_eq!(found(&format!("{empty}  sso: ''\n")), ["18:3 missing_steps"]);
}

#[test]
fn bookmarks_have_no_sign_on_and_mappings_one_source() {
    changed("version: 1", "version: 1\nkind: bookmark", &["13:1 bookmark_with_sso"]);
    let provisioning = "setup:\n";
    let with = |mapping: &str| {
        format!(
            "provisioning:\n  base_url: https://acme.example/scim\n  user_attributes:\n    - {mapping}\nsetup:\n"
        )
    };
    changed(provisioning, &with("{scim: userName}"), &["20:7 ambiguous_source"]);
    changed(provisioning, &with("{scim: userName, source: {by_group: false}}"), &["20:32 malformed"]);
    changed(provisioning, &with("{scim: role, source: {by_group: true}}"), &[]);
    changed(
        provisioning,
        &with("{scim: a, source: email}\n  quirks: {fast: true}"),
        &["21:12 unknown_field"],
    );
}

#[test]
fn ids_and_names_are_unique_over_all_files() {
    let file = |name: &str, text: String| (name.to_owned(), text.into_bytes());
    let report = lint_files([
        file("a/acme.yaml", GOOD.to_owned()),
        file("acme.yaml", GOOD.replace("name: Acme", "name: Other")),
        file(
            "b/beta.yaml",
            GOOD.replace("id: acme", "id: beta").replace("name: Acme", "name: Beta\naliases: [ACME]"),
        ),
    ]);
    let lines: Vec<String> = report
        .faults
        .iter()
        .map(|f| format!("{}:{}:{} {}", f.file, f.at.line, f.at.column, f.code))
        .collect();
    assert_eq!(lines, ["acme.yaml:1:5 duplicate_id", "b/beta.yaml:3:11 duplicate_name"]);
    assert_eq!(report.connectors.len(), 3);
}

#[test]
fn a_44_hostile_yaml_is_refused_early() {
    let code = |text: &str| parse("x.yaml", text.as_bytes()).map_err(|fault| fault.code).unwrap_err();
    let laughs: Vec<String> = (1..30).map(|i| format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}]", i - 1)).collect();
    assert_eq!(code(&format!("a0: &a0 [lol, lol]\n{}\n", laughs.join("\n"))), "alias");
    assert_eq!(code("id: &x a\nname: *x\n"), "alias");
    assert_eq!(code("id: *nobody\n"), "malformed");
    for n in [40, 5_000, 30_000] {
        assert!(matches!(code(&format!("x: {}", "[".repeat(n))), "too_deep" | "malformed"), "{n}");
        assert!(matches!(code(&format!("x: {}", "{a: ".repeat(n / 2))), "too_deep" | "malformed"), "{n}");
        assert!(matches!(code(&"- ".repeat(n)), "too_deep" | "malformed"), "{n}");
    }
    let nested: Vec<String> = (0..60).map(|depth| format!("{}a:", " ".repeat(depth))).collect();
    assert_eq!(code(&nested.join("\n")), "too_deep");
    assert_eq!(code(&format!("id: {}", "x".repeat(64 * 1024))), "file_too_large");
    assert_eq!(code(&format!("x: [{}]", "1,".repeat(20_000))), "too_many_nodes");
    assert_eq!(code("id: !!binary aGk=\n"), "tag");
    assert_eq!(code("id: !ruby/object:Foo {}\n"), "tag");
    assert_eq!(code("id: a\n---\nid: b\n"), "several_documents");
    assert_eq!(parse("x.yaml", b"id: \xff\n").unwrap_err().code, "not_utf8");
    assert!(parse("x.yaml", b"").is_err());
    let merged = GOOD.replace("sso:\n", "sso:\n  <<: {sign: both}\n");
    assert!(parse("x.yaml", merged.as_bytes()).is_err());
}

#[test]
fn a_file_of_ones_own_is_called_as_no_built_in_connector_but_the_one_it_replaces() {
    let named = |file: &str, id: &str, name: &str| {
        let text = GOOD.replacen("id: acme", &format!("id: {id}"), 1);
        let faults = lint_own(file, &text.replacen("name: Acme", &format!("name: {name}"), 1));
        faults.into_iter().map(|fault| (fault.code, fault.is_advice())).collect::<Vec<_>>()
    };
    assert_eq!(named("a/acme.yaml", "acme", "Acme"), []);
    assert_eq!(named("a/acme.yaml", "acme", "SLACK"), [("built_in_name", true)]);
    assert_eq!(named("a/acme.yaml", "acme", "Microsoft Teams"), [("built_in_name", true)], "an alias");
    assert_eq!(named("s/slack.yaml", "slack", "Slack"), []);
}
