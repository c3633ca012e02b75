//! What differs between two forms of the same thing, leaf by leaf, each side as a short text that a terminal can show.

use openssl::sha::sha256;
use serde_json::Value as Json;

use crate::transfer::plan::FieldChange;

/// Longest text shown of one value, in characters.
const SHOWN: usize = 160;

/// All leaves that differ.
pub(in crate::transfer) fn between(before: &Json, after: &Json) -> Vec<FieldChange> {
    let mut out = Vec::new();
    descend(String::new(), Some(before), Some(after), &mut out);
    out
}

fn descend(path: String, before: Option<&Json>, after: Option<&Json>, out: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            for key in new.keys().chain(gone) {
                descend(below(key), old.get(key), new.get(key), out);
            }
        }
        (Some(Json::Array(old)), Some(Json::Array(new))) if old.iter().chain(new).any(Json::is_object) => {
            for i in 0..old.len().max(new.len()) {
                descend(below(&i.to_string()), old.get(i), new.get(i), out);
            }
        }
        _ => out.push(FieldChange { field: path, old: shown(before), new: shown(after) }),
    }
}

fn shown(value: Option<&Json>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), described);
    if text.chars().count() <= SHOWN {
        return text;
    }
    // Two long texts that differ at their ends must not look alike.
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}… ({} characters, SHA-256 {})", text.chars().count(), digest(&text))
}

fn described(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::String(text) if text.starts_with("-----BEGIN CERTIFICATE") => {
            format!("certificate (SHA-256 of its text {})", digest(text))
        }
        // Debug escapes what would move the cursor or turn the writing around.
        Json::String(text) => format!("{text:?}"),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(described).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}: {}", described(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    sha256(text.as_bytes())[..8].iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(before: &Json, after: &Json) -> Vec<String> {
        between(before, after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn leaves_are_compared_one_by_one() {
        let before = json!({"label": "A", "sso": {"acs_urls": [{"url": "https://a", "index": 0}], "sign": "both"}, "groups": ["X"]});
        let after = json!({"label": "B", "sso": {"acs_urls": [{"url": "https://b", "index": 0}, {"url": "https://c", "index": 1}], "sign": "both"}, "groups": ["X", "Y"]});
        assert_eq!(
            lines(&before, &after),
            [
                "label \"A\" → \"B\"",
                "sso.acs_urls.0.url \"https://a\" → \"https://b\"",
                "sso.acs_urls.1 nothing → {url: \"https://c\", index: 1}",
                "groups [\"X\"] → [\"X\", \"Y\"]",
            ]
        );
        assert!(lines(&before, &before).is_empty());
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        let told = lines(&json!({"a": "x"}), &json!({"a": "\u{1b}[2J\n\u{202e}"}));
        assert!(!told[0].chars().any(|c| c.is_control() || c == '\u{202e}'), "{told:?}");
        let long = "y".repeat(5000);
        let told = lines(&json!({"a": format!("{long}1")}), &json!({"a": format!("{long}2")}));
        let (old, new) = told[0].split_once(" → ").unwrap();
        assert!(told[0].len() < 600 && !old.ends_with(new), "{told:?}");
    }
}
