//! Which rule is held by which test. Tests carry the ids of the rules in their names (`saml_105_…`, `a_01_saml_113_…`,
//! `md_304_…`); here they are found, held against the list of rules (`docs/conformance.toml`) and written down as
//! `docs/conformance.md`. `TESSERA_UPDATE_CONFORMANCE=1` writes the page anew.
//!
//! A rule without a test and without a reason fails, so does a reason for a rule that has a test, and a test that
//! names a rule which is not in the list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Families of rules, and how many digits their numbers have.
const FAMILIES: [(&str, usize); 11] = [
    ("saml", 3),
    ("md", 3),
    ("alg", 3),
    ("slo", 3),
    ("art", 3),
    ("ecp", 3),
    ("a", 2),
    ("sc", 2),
    ("se", 2),
    ("im", 2),
    ("av", 2),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The ids in a test's name: a family, then numbers, as often as they come.
fn ids(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let mut out = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some((family, digits)) = FAMILIES.iter().find(|(family, _)| family == word) else { continue };
        let is_number = |word: &&&str| word.len() == *digits && word.bytes().all(|b| b.is_ascii_digit());
        for number in words[at + 1..].iter().take_while(is_number) {
            out.push(format!("{}-{number}", family.to_uppercase()));
        }
    }
    out
}

/// The names of a file's functions that are tests: under an attribute, or handed to a macro that makes tests of them.
fn tests(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut before = "";
    for line in text.lines().map(str::trim) {
        let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        let name = declared.and_then(|rest| rest.split(['(', '<']).next());
        if let Some(name) = name.filter(|name| !ids(name).is_empty()) {
            let under_attribute = before.starts_with("#[");
            let handed_on =
                text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| *w == name).count() > 1;
            if under_attribute || handed_on {
                out.push(name);
            }
        }
        if !line.is_empty() {
            before = line;
        }
    }
    out
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

/// Rule → tests, each as file and function.
fn found() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        sources(&root().join(folder), &mut files);
    }
    let mut out: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for path in files {
        let file = path.strip_prefix(root()).unwrap().display().to_string();
        for name in tests(&fs::read_to_string(&path).unwrap()) {
            for id in ids(name) {
                out.entry(id).or_default().insert((file.clone(), name.to_owned()));
            }
        }
    }
    out
}

fn list() -> Table {
    fs::read_to_string(root().join("docs/conformance.toml")).unwrap().parse().unwrap()
}

fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(Value::as_str)
}

fn chapters(list: &Table) -> Vec<(&str, &Table)> {
    let chapters = list["chapter"].as_array().unwrap().iter().map(|chapter| chapter.as_table().unwrap());
    chapters.map(|chapter| (text(chapter, "title").unwrap(), chapter["rules"].as_table().unwrap())).collect()
}

/// What is wrong between the list and the tests.
fn faults(list: &Table, found: &BTreeMap<String, BTreeSet<(String, String)>>) -> Vec<String> {
    let mut out = Vec::new();
    let open = list["open"].as_table().unwrap();
    let known: BTreeSet<&String> = chapters(list).iter().flat_map(|(_, rules)| rules.keys()).collect();
    for id in &known {
        match (found.contains_key(*id), text(open, id)) {
            (true, Some(reason)) => out.push(format!("{id} has a test, and yet it says: {reason}")),
            (false, None) => out.push(format!("{id} has neither a test nor a reason")),
            (false, Some(reason)) if !is_reason(reason) => out.push(format!("{id}: {reason:?} is no reason")),
            _ => {}
        }
    }
    out.extend(open.keys().filter(|id| !known.contains(id)).map(|id| format!("{id} is open, but no rule")));
    for (id, tests) in found.iter().filter(|(id, _)| !known.contains(id)) {
        out.push(format!(
            "{id} is no rule, but {:?} name it",
            tests.iter().map(|(_, name)| name).collect::<Vec<_>>()
        ));
    }
    for (id, entry) in list["profile"].as_table().unwrap() {
        let rules = rests_on(entry);
        out.extend(
            rules
                .iter()
                .filter(|rule| !known.contains(*rule))
                .map(|rule| format!("{id} rests on {rule}, which is no rule")),
        );
        let reason = text(entry.as_table().unwrap(), "open");
        if rules.is_empty() != reason.is_some_and(is_reason) {
            out.push(format!("{id} rests on rules, or says why not"));
        }
    }
    out
}

fn is_reason(reason: &str) -> bool {
    reason.starts_with("not built: ") || reason.starts_with("no test: ")
}

fn rests_on(entry: &Value) -> Vec<String> {
    let rules = entry["rests_on"].as_array().unwrap().iter();
    rules.map(|rule| rule.as_str().unwrap().to_owned()).collect()
}

fn page(list: &Table, found: &BTreeMap<String, BTreeSet<(String, String)>>) -> String {
    let open = list["open"].as_table().unwrap();
    let rules = chapters(list).iter().map(|(_, rules)| rules.len()).sum::<usize>();
    let mut out = format!(
        "# Conformance\n\nWhich rule is held by which test. Made by `tests/conformance.rs` from the names of the tests and \
         `docs/conformance.toml`; don't edit it by hand. {} of {rules} rules have tests, {} are open.\n",
        rules - open.len(),
        open.len()
    );
    for (title, rules) in chapters(list) {
        write!(out, "\n## {title}\n\n| rule | says | held by |\n|---|---|---|\n").unwrap();
        for (id, says) in rules {
            let held = match (found.get(id), text(open, id)) {
                (Some(tests), _) => tests
                    .iter()
                    .map(|(file, name)| format!("`{file}` {name}"))
                    .collect::<Vec<_>>()
                    .join("<br>"),
                (None, reason) => format!("*{}*", reason.unwrap_or_default()),
            };
            writeln!(out, "| {id} | {} | {held} |", says.as_str().unwrap()).unwrap();
        }
    }
    out.push_str(
        "\n## Kantara: implementation profile for federation interoperability\n\nWhat binds an identity provider (IIP-), and \
         the rules above that it rests on.\n\n| requirement | about | rests on | state |\n|---|---|---|---|\n",
    );
    for (id, entry) in list["profile"].as_table().unwrap() {
        let rules = rests_on(entry);
        let missing: Vec<&str> =
            rules.iter().filter(|rule| !found.contains_key(*rule)).map(String::as_str).collect();
        let state = match text(entry.as_table().unwrap(), "open") {
            Some(reason) => format!("*{reason}*"),
            None if missing.is_empty() => "held".to_owned(),
            None => format!("*open: {}*", missing.join(", ")),
        };
        let title = text(entry.as_table().unwrap(), "title").unwrap();
        writeln!(out, "| {id} | {title} | {} | {state} |", rules.join(", ")).unwrap();
    }
    out
}

#[test]
fn every_rule_has_a_test_or_says_why_not() {
    let faults = faults(&list(), &found());
    assert!(faults.is_empty(), "between tests and docs/conformance.toml:\n{}", faults.join("\n"));
}

#[test]
fn the_page_is_what_the_tests_say() {
    let path = root().join("docs/conformance.md");
    let page = page(&list(), &found());
    if std::env::var_os("TESSERA_UPDATE_CONFORMANCE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/conformance.md is out of date: TESSERA_UPDATE_CONFORMANCE=1 writes it anew"
    );
}

#[test]
fn the_manual_of_attacks_names_tests_that_are_there() {
    let manual = fs::read_to_string(root().join("src/saml/attacks.rs")).unwrap();
    let known: BTreeSet<String> = found().into_values().flatten().map(|(_, name)| name).collect();
    let quoted = manual.split('`').skip(1).step_by(2);
    let named: Vec<&str> = quoted.filter(|word| !ids(word).is_empty() && !word.contains(' ')).collect();
    assert!(named.len() > 40, "{}", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn ids_are_read_out_of_names() {
    for (name, expected) in [
        ("saml_105_only_one_shape", &["SAML-105"][..]),
        (
            "saml_202_203_204_205_207_the_golden_response",
            &["SAML-202", "SAML-203", "SAML-204", "SAML-205", "SAML-207"],
        ),
        ("a_01_saml_113_near_misses", &["A-01", "SAML-113"]),
        ("a_27_never_more_than_the_hard_cap_in_a_row_and_a_28_it_ends", &["A-27", "A-28"]),
        ("saml_207_saml_208_xmlsec1_accepts", &["SAML-207", "SAML-208"]),
        ("a_15_of_50_who_answer_one_request", &["A-15"]),
        ("saml_127_relay_state_of_81_bytes_is_taken", &["SAML-127"]),
        ("a_17_decision_17_a_flood", &["A-17"]),
        ("md_310_on_postgresql", &["MD-310"]),
        ("av_05_09_md_310_on_sqlite", &["AV-05", "AV-09", "MD-310"]),
        ("a_4_b", &[]),
        ("nothing", &[]),
    ] {
        assert_eq!(ids(name), expected, "{name}");
    }
    let text = "#[test]\nfn a_01_x() {}\nfn a_02_x() {}\nmake!(a_03_x);\nasync fn a_03_x(x: X) {}\n#[test]\nfn x() {}\n\
                #[tokio::test]\nasync fn a_04_x() {}";
    assert_eq!(tests(text), ["a_01_x", "a_03_x", "a_04_x"], "no helper, and nothing without an id");
}

#[test]
fn what_is_wrong_is_found() {
    let list: Table = "
        [[chapter]]
        title = 'x'
        [chapter.rules]
        MD-301 = 'held'
        MD-302 = 'neither'
        MD-303 = 'both'
        MD-304 = 'open'
        MD-305 = 'without a reason worth the name'
        [open]
        MD-303 = 'not built: x'
        MD-304 = 'not built: x'
        MD-305 = 'later'
        MD-399 = 'not built: x'
        [profile]
        IIP-A = { title = 'x', rests_on = ['MD-301', 'MD-398'] }
        IIP-B = { title = 'x', rests_on = [] }
    "
    .parse()
    .unwrap();
    let test = |name: &str| BTreeSet::from([("tests/x.rs".to_owned(), name.to_owned())]);
    let found = ["MD-301", "MD-303", "MD-397"].map(|id| (id.to_owned(), test("x"))).into();
    let faults = faults(&list, &found);
    for id in ["MD-302", "MD-303", "MD-305", "MD-399", "MD-397", "MD-398", "IIP-B"] {
        assert!(faults.iter().any(|fault| fault.contains(id)), "{id}: {faults:?}");
    }
    assert_eq!(faults.len(), 7, "{faults:?}");
}
