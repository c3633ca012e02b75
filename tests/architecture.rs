//! The house keeps its plan: every `crate::` path in the sources is held against the table of rooms in
//! `ARCHITECTURE.md`, SQL stands in stores only, and no file outgrows its room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Room → rooms it may use. The rows of the table in `ARCHITECTURE.md`.
fn plan() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    const GROUND: &[&str] = &["base", "db", "threads"];
    const FIRST: &[&str] =
        &["saml", "scim", "catalog", "events", "vault", "settings", "metrics", "outbound", "jobs", "mail"];
    let mut plan: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut room = |name: &'static str, parts: &[&[&'static str]]| {
        plan.insert(name, parts.iter().flat_map(|part| part.iter().copied()).collect());
    };
    room("base", &[]);
    room("db", &[&["base"]]);
    room("threads", &[&["base"]]);
    room("saml", &[&["base"]]);
    room("scim", &[&["base"]]);
    room("catalog", &[&["base"], &["scim"]]);
    room("metrics", &[&["base"]]);
    room("outbound", &[GROUND]);
    room("vault", &[GROUND]);
    room("events", &[GROUND, &["vault"]]);
    room("settings", &[GROUND]);
    room("jobs", &[GROUND]);
    room("mail", &[GROUND, &["vault", "events"]]);
    room("keys", &[GROUND, FIRST]);
    room("directory", &[GROUND, FIRST]);
    room("auth", &[GROUND, FIRST, &["directory"]]);
    room("applications", &[GROUND, FIRST, &["keys", "directory", "auth"]]);
    room("signon", &[GROUND, FIRST, &["keys", "directory", "auth", "applications"]]);
    room("provisioning", &[GROUND, FIRST, &["keys", "directory", "auth", "applications"]]);
    room(
        "web",
        &[&["base"], FIRST, &["keys", "directory", "auth", "applications", "signon", "provisioning"]],
    );
    room(
        "transfer",
        &[GROUND, FIRST, &["keys", "directory", "auth", "applications", "signon", "provisioning"]],
    );
    room("lab", &[&["base"], &["saml", "scim", "catalog"]]);
    let all: &[&str] = &[
        "base",
        "db",
        "saml",
        "scim",
        "catalog",
        "metrics",
        "outbound",
        "vault",
        "events",
        "settings",
        "jobs",
        "mail",
        "keys",
        "directory",
        "auth",
        "applications",
        "signon",
        "provisioning",
        "web",
        "lab",
        "transfer",
        "config",
    ];
    room("config", &[all]);
    room("cli", &[all]);
    plan
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The part of a file that is not its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn room_of(file: &str) -> Option<&str> {
    let first = file.split('/').next()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(room, "lib" | "main")).then_some(room)
}

/// First segments of every `crate::…` path, `use crate::{a::…, b}` included.
fn used_rooms(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + 7..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 && (c.is_alphanumeric() || c == '_') {
                    word.push(c);
                } else {
                    if depth == 0 && (c == ':' || c == ',') && !word.is_empty() {
                        out.insert(std::mem::take(&mut word));
                    }
                    if c == ',' {
                        word.clear();
                    }
                }
            }
        } else {
            out.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    out
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let plan = plan();
    let mut faults = Vec::new();
    for (file, text) in all_sources() {
        let Some(room) = room_of(&file) else { continue };
        let allowed = plan.get(room).unwrap_or_else(|| panic!("{file}: room {room} is not in the plan"));
        for used in used_rooms(code(&text)) {
            if used != room && plan.contains_key(used.as_str()) && !allowed.contains(used.as_str()) {
                faults.push(format!("{file} uses {used}"));
            }
        }
    }
    assert!(faults.is_empty(), "against the table of rooms:\n{}", faults.join("\n"));
}

#[test]
fn the_plan_is_the_one_in_the_document() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    for room in plan().keys() {
        assert!(document.contains(&format!("`{room}`")), "ARCHITECTURE.md does not name the room {room}");
    }
}

#[test]
fn sql_stands_in_stores_only() {
    let mut faults = Vec::new();
    for (file, text) in all_sources() {
        let at_home = file.starts_with("db/")
            || file.contains("/store")
            || file.starts_with("settings/")
            || file.starts_with("vault/");
        if !at_home && code(&text).contains("sql(\"") {
            faults.push(file);
        }
    }
    assert!(faults.is_empty(), "SQL outside a store: {faults:?}");
}

#[test]
fn pure_rooms_do_no_io() {
    let mut faults = Vec::new();
    for (file, text) in all_sources() {
        let pure = ["saml/", "scim/", "base/"].iter().any(|room| file.starts_with(room));
        for word in ["tokio::", "sqlx::", "axum::", "std::net::Tcp", "std::fs"] {
            if pure && code(&text).contains(word) {
                faults.push(format!("{file} uses {word}"));
            }
        }
        if code(&text).contains("samael") {
            faults.push(format!("{file} uses samael, which never sees untrusted XML in the product"));
        }
    }
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn a_31_one_room_goes_out() {
    let mut faults = Vec::new();
    for (file, text) in all_sources() {
        let at_home = room_of(&file) == Some("outbound") || file.ends_with("tests.rs");
        for word in ["reqwest::", "rustls::", "TcpStream::connect", "lookup_host", "hyper_util::client"] {
            if !at_home && code(&text).contains(word) {
                faults.push(format!("{file} uses {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "requests go out by `outbound` alone, which judges addresses: {faults:?}");
}

#[test]
fn no_file_outgrows_its_room() {
    let mut long = Vec::new();
    for (file, text) in all_sources() {
        if code(&text).lines().count() > 700 {
            long.push(file);
        }
    }
    assert!(long.is_empty(), "longer than 700 lines: {long:?}");
}

#[test]
fn every_module_says_what_it_owns() {
    let silent: Vec<String> = all_sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "without an opening //!: {silent:?}");
}
