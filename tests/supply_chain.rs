//! What may be compiled in: the lock file is held against the bans of `deny.toml` at every run of the tests, since
//! cargo-deny itself runs only where it is installed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// First versions without a flaw that the design names, by crate.
const AT_LEAST: [(&str, [u64; 3]); 2] = [
    // RUSTSEC-2026-0258.
    ("h2", [0, 4, 16]),
    // RUSTSEC-2026-0194 and -0195.
    ("quick-xml", [0, 41, 0]),
];

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn banned(deny: &Table) -> BTreeSet<String> {
    let list = deny["bans"]["deny"].as_array().unwrap();
    list.iter().map(|entry| entry["crate"].as_str().unwrap().to_owned()).collect()
}

fn version(text: &str) -> [u64; 3] {
    let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse().unwrap_or_default());
    [(); 3].map(|()| numbers.next().unwrap_or_default())
}

/// Everything in a lock file that must not be there.
fn faults(lock: &str, banned: &BTreeSet<String>) -> Vec<String> {
    let lock: Table = lock.parse().unwrap();
    let mut out = Vec::new();
    for package in lock["package"].as_array().unwrap() {
        let text = |field: &str| package.get(field).and_then(Value::as_str);
        let name = text("name").unwrap();
        if banned.contains(name) {
            out.push(format!("{name} is banned"));
        }
        match text("source") {
            // Ours.
            None if matches!(name, "tessera" | "support" | "tessera-fuzz") => {}
            None => out.push(format!("{name} comes from a path")),
            Some(CRATES_IO) if text("checksum").is_some_and(|sum| sum.len() == 64) => {}
            Some(CRATES_IO) => out.push(format!("{name} has no checksum")),
            Some(source) => out.push(format!("{name} comes from {source}")),
        }
        let floor = AT_LEAST.iter().find(|(known, _)| *known == name);
        if floor.is_some_and(|(_, floor)| version(text("version").unwrap()) < *floor) {
            out.push(format!("{name} is of a version with a known flaw"));
        }
    }
    out
}

#[test]
fn alg_406_a_50_the_lock_file_holds_nothing_banned_and_nothing_from_elsewhere() {
    let deny: Table = file("deny.toml").parse().unwrap();
    let banned = banned(&deny);
    // RUSTSEC-2023-0071: its private-key operations leak by timing, and no version mends it.
    assert!(banned.contains("rsa"), "{banned:?}");
    for unsound in ["serde_yml", "serde_yaml"] {
        assert!(banned.contains(unsound), "{banned:?}");
    }
    assert_eq!(deny["sources"]["unknown-registry"].as_str(), Some("deny"));
    assert_eq!(deny["sources"]["unknown-git"].as_str(), Some("deny"));
    assert!(deny["sources"].get("allow-git").is_none() && deny["sources"].get("allow-registry").is_none());
    assert_eq!(faults(&file("Cargo.lock"), &banned), Vec::<String>::new());
    assert_eq!(faults(&file("fuzz/Cargo.lock"), &banned), Vec::<String>::new());
}

#[test]
fn what_is_fuzzed_is_what_is_shipped() {
    let versions = |lock: &str, name: &str| -> BTreeSet<String> {
        let lock: Table = file(lock).parse().unwrap();
        let packages = lock["package"].as_array().unwrap().iter();
        let named = packages.filter(|package| package["name"].as_str() == Some(name));
        named.map(|package| package["version"].as_str().unwrap().to_owned()).collect()
    };
    for name in ["base64", "flate2", "miniz_oxide", "openssl", "percent-encoding", "roxmltree", "url"] {
        // What only the tests use may bring another version beside.
        let (fuzzed, shipped) = (versions("fuzz/Cargo.lock", name), versions("Cargo.lock", name));
        let agree = !fuzzed.is_empty() && fuzzed.is_subset(&shipped);
        assert!(agree, "{name}: {fuzzed:?} is fuzzed, {shipped:?} shipped. Update fuzz/Cargo.lock.");
    }
}

#[test]
fn a_43_the_only_engine_of_regular_expressions_is_the_linear_one() {
    let manifest: Table = file("Cargo.toml").parse().unwrap();
    let ours = manifest["dependencies"].as_table().unwrap();
    assert!(ours.contains_key("regex"));
    for backtracks in ["fancy-regex", "pcre", "pcre2", "onig", "regress"] {
        assert!(!ours.contains_key(backtracks), "{backtracks}");
    }
    // zxcvbn has a backtracking one of its own for its own patterns, over passwords of bounded length.
    let lock: Table = file("Cargo.lock").parse().unwrap();
    let engines = ["fancy-regex", "pcre2", "onig", "regress"];
    let users: Vec<&str> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| {
            let of = package.get("dependencies").and_then(Value::as_array);
            of.is_some_and(|of| {
                of.iter().any(|name| engines.iter().any(|engine| name.as_str() == Some(engine)))
            })
        })
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(users, ["zxcvbn"]);
}

#[test]
fn a_50_a_planted_crate_is_found_whichever_way_it_comes() {
    let banned = banned(&file("deny.toml").parse().unwrap());
    let lock = file("Cargo.lock");
    let sum = "0".repeat(64);
    let planted = |package: &str| faults(&format!("{lock}\n[[package]]\n{package}\n"), &banned);
    for (package, fault) in [
        (
            format!("name = \"rsa\"\nversion = \"0.9.8\"\nsource = \"{CRATES_IO}\"\nchecksum = \"{sum}\""),
            "rsa is banned",
        ),
        (
            "name = \"x\"\nversion = \"1.0.0\"\nsource = \"git+https://git.example/x#0\"".to_owned(),
            "x comes from git+https://git.example/x#0",
        ),
        (
            "name = \"x\"\nversion = \"1.0.0\"\nsource = \"registry+https://crates.example/index\""
                .to_owned(),
            "x comes from registry+https://crates.example/index",
        ),
        (format!("name = \"x\"\nversion = \"1.0.0\"\nsource = \"{CRATES_IO}\""), "x has no checksum"),
        ("name = \"x\"\nversion = \"1.0.0\"".to_owned(), "x comes from a path"),
        (
            format!("name = \"h2\"\nversion = \"0.4.15\"\nsource = \"{CRATES_IO}\"\nchecksum = \"{sum}\""),
            "h2 is of a version with a known flaw",
        ),
    ] {
        assert_eq!(planted(&package), [fault]);
    }
}

#[test]
fn a_50_all_builds_take_the_lock_file_and_the_bans_as_they_are() {
    let scripts = ["scripts/test.sh", "scripts/deny.sh"].map(file).concat();
    assert!(scripts.contains("scripts/deny.sh"), "the run of all tests holds the crates against deny.toml");
    assert!(scripts.contains("check bans licenses sources"));
    // A patched or vendored crate would pass the lock file by.
    let manifest: Table = file("Cargo.toml").parse().unwrap();
    assert!(manifest.get("patch").is_none() && manifest.get("replace").is_none());
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join(".cargo/config.toml").exists());
}
