//! What is told of an import.

use super::super::{Format, read};
use super::*;

/// Reads an export cut off everywhere, and with every value replaced by one of every other kind; what is read
/// must hold what every document holds.
pub(in crate::transfer::importers) fn mangled(format: Format, text: &str) {
    for end in (0..text.len()).step_by(5) {
        sound(read(format, &text.as_bytes()[..end]));
    }
    let export: Json = serde_json::from_str(text).unwrap();
    let mut paths = Vec::new();
    walk(&export, String::new(), &mut paths);
    let long = "é".repeat(5_000);
    let kinds = [
        json!(null),
        json!(true),
        json!(-1.5e300),
        json!(""),
        json!("\u{0}\u{202e}x\n"),
        json!(long),
        json!("YOUR_X"),
        json!("https://u:p@a.example/"),
        json!([]),
        json!([[], {}, null, 1]),
        json!({}),
        json!({ "a": { "value": [1] } }),
    ];
    for path in &paths {
        for kind in &kinds {
            let mut changed = export.clone();
            if let Some(place) = changed.pointer_mut(path) {
                *place = kind.clone();
            }
            sound(read(format, &serde_json::to_vec(&changed).unwrap()));
        }
    }
}

fn walk(value: &Json, path: String, out: &mut Vec<String>) {
    match value {
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(at, inner)| walk(inner, format!("{path}/{at}"), out));
        }
        Json::Object(map) => map.iter().for_each(|(key, inner)| {
            walk(inner, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), out);
        }),
        _ => {}
    }
    out.push(path);
}

fn sound(read: Result<Imported, Fault>) {
    let imported = match read {
        Ok(imported) => imported,
        Err(fault) => {
            let codes = ["not_json", "not_yaml", "not_an_export", "nothing_in_it"];
            assert!(codes.contains(&fault.code), "{fault}");
            return;
        }
    };
    let (mut slugs, mut labels) = (BTreeSet::new(), BTreeSet::new());
    for application in imported.document["applications"].as_array().unwrap() {
        let (slug, label) = (application["slug"].as_str().unwrap(), application["label"].as_str().unwrap());
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!((1..=64).contains(&slug.len()) && slug.bytes().all(fine) && !slug.contains("--"), "{slug}");
        assert!(!slug.starts_with('-') && !slug.ends_with('-') && !RESERVED.contains(&slug), "{slug}");
        assert!(
            (1..=80).contains(&label.chars().count()) && !label.chars().any(char::is_control),
            "{label:?}"
        );
        assert!(slugs.insert(slug.to_owned()) && labels.insert(fold(label)), "{slug} {label}");
        assert!(!label.contains("u:p@") && !slug.contains("u-p-a"), "{slug} {label}");
        assert_eq!(application["status"], "inactive");
        let sso = &application["sso"];
        for address in [&application["bookmark_url"], &sso["login_url"], &sso["acs_urls"], &sso["slo"]] {
            assert!(!address.to_string().contains("u:p@"), "{address}");
        }
    }
    let text = imported.document.to_string();
    for template in ["constant", "sp_entity_id", "default_relay_state", "login_url", "post_url"] {
        assert!(!text.contains(&format!("\"{template}\":\"YOUR_X")), "{text}");
    }
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    assert!(imported.hints.keys().all(|slug| slugs.contains(slug)), "{:?}", imported.hints);
    assert!(imported.left.iter().all(|left| {
        !format!("{}{}{}", left.application, left.what, left.why).chars().any(char::is_control)
    }));
}

fn labels(names: &[&str]) -> Vec<(String, String)> {
    let mut report = Report::default();
    for name in names {
        report.push(Draft::new(name)).unwrap();
    }
    let document = report.finish("X").unwrap().document;
    let entries = document["applications"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            (entry["slug"].as_str().unwrap().to_owned(), entry["label"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn labels_and_slugs_are_of_one_application_each() {
    let long = "ab ".repeat(80);
    let made =
        labels(&["Zoë's Café & Bar", "A", "a", "a-2", "admin", "日本", "", "\u{7}\u{202e}", &long, &long]);
    let slugs: Vec<&str> = made.iter().map(|(slug, _)| slug.as_str()).collect();
    assert_eq!(
        slugs[..8],
        ["zoes-cafe-bar", "a", "a-2", "a-2-2", "app-admin", "app", "application", "application-2"]
    );
    assert_eq!(made[2].1, "a (2)");
    assert_eq!(made[6].1, "Application");
    assert!(made.iter().all(|(slug, label)| slug.len() <= 64 && label.chars().count() <= 80));
    assert!(made[9].1.ends_with(" (2)"));
}

#[test]
fn neither_label_nor_slug_has_a_password_in_it() {
    let made = labels(&[
        "https://joe:s3cr/et@intra.example",
        "joe:s3cret@wiki.example",
        "//joe:s3cret@chat.example",
        "joe@example.org",
    ]);
    let wanted = [
        ("https-intra-example", "https://intra.example"),
        ("wiki-example", "wiki.example"),
        ("chat-example", "//chat.example"),
        ("joe-example-org", "joe@example.org"),
    ];
    assert_eq!(made, wanted.map(|(slug, label)| (slug.to_owned(), label.to_owned())));
}

#[test]
fn thousands_of_one_name_take_no_quadratic_time() {
    let made = labels(&vec!["same"; MAX_APPLICATIONS]);
    assert_eq!(made.last().unwrap().0, format!("same-{MAX_APPLICATIONS}"));
    let mut report = Report::default();
    for _ in 0..MAX_APPLICATIONS {
        report.push(Draft::new("x")).unwrap();
    }
    assert_eq!(report.push(Draft::new("x")).unwrap_err().code, "too_large");
}

#[test]
fn a_report_ends() {
    let mut report = Report::default();
    for _ in 0..200 {
        let mut draft = Draft::new("x");
        (0..1_000).for_each(|n| draft.leave(format!("k{n}"), "Why."));
        report.push(draft).unwrap();
    }
    let left = report.finish("X").unwrap().left;
    assert!(left.len() <= MAX_LEFT + MAX_LEFT_EACH + 1);
    assert!(left.last().unwrap().why.starts_with("And "));
}
