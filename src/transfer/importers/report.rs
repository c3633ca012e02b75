//! What a whole export comes to: the document and the report, as they grow. It owns what must be unique in a document
//! (labels, slugs, names of groups) and how much is told; it must not know any format.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, MAX_LEFT_EACH};
use super::words::{cleaned, list};
use super::{Fault, Imported, Left, MAX_APPLICATIONS};

/// Most entries of a report; the last one says how many more there were.
const MAX_LEFT: usize = 20_000;
/// Most kinds of what is no application.
const MAX_KINDS: usize = 50;
/// The group of all, which is built in: it can be named and not declared.
const EVERYONE: &str = "Everyone";
/// Last parts of the IdP URL that applications can't have.
const RESERVED: &[&str] = &["metadata", "logout", "artifact", "certificate", "admin", "api", "static"];

/// The key by which names of groups are the same in upper and lower case.
fn fold(name: &str) -> String {
    name.trim().chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The document and the report, as they grow.
#[derive(Debug, Default)]
pub(super) struct Report {
    applications: Vec<Json>,
    labels: BTreeSet<String>,
    slugs: BTreeSet<String>,
    /// How often a label or a slug was asked for, so that the next number is found at once.
    asked: BTreeMap<String, usize>,
    /// Names of groups by their keys, as they were first written.
    groups: BTreeMap<String, String>,
    whole: Vec<Left>,
    left: Vec<Left>,
    more: usize,
    /// How many there are of a kind, and the first of their names.
    others: BTreeMap<String, (usize, Vec<String>)>,
    patterns: bool,
}

impl Report {
    /// Something of the whole.
    pub(super) fn leave(&mut self, what: &str, why: &str) {
        let left = Left { application: String::new(), what: cleaned(what, 120), why: cleaned(why, 600) };
        if !self.whole.contains(&left) && self.whole.len() < MAX_LEFT_EACH {
            self.whole.push(left);
        }
    }

    /// Something of the export that is no application for here: counted by its kind, with its name.
    pub(super) fn other(&mut self, kind: &str, name: &str) {
        let kinds = self.others.len();
        let kind = cleaned(kind, 120);
        let kind =
            if kinds >= MAX_KINDS && !self.others.contains_key(&kind) { "others".to_owned() } else { kind };
        let (count, names) = self.others.entry(kind).or_default();
        *count += 1;
        if names.len() < 5 {
            names.push(cleaned(name, 40));
        }
    }

    /// A whole application.
    pub(super) fn push(&mut self, mut draft: Draft) -> Result<(), Fault> {
        if self.applications.len() >= MAX_APPLICATIONS {
            return Err(Fault::new(
                "too_large",
                "There are more than 5,000 applications. Export fewer at a time.",
            ));
        }
        let label = self.free_label(&draft.label);
        if label != draft.label {
            draft.leave(
                "label",
                format!("Another application is called {} too, so this one got a number.", draft.label),
            );
        }
        let sso = draft.sso();
        self.patterns |= sso.as_ref().is_some_and(has_patterns);
        let mut whole = Map::from_iter([
            ("slug".to_owned(), json!(self.free_slug(&label))),
            ("connector".to_owned(), json!(draft.connector())),
            ("label".to_owned(), json!(label)),
        ]);
        whole.extend(draft.general());
        let groups = self.known_groups(&draft.groups);
        if !groups.is_empty() {
            whole.insert("groups".to_owned(), json!(groups));
        }
        whole.extend(sso.map(|sso| ("sso".to_owned(), sso)));
        self.applications.push(Json::Object(whole));
        self.take_left(&label, draft);
        Ok(())
    }

    fn take_left(&mut self, label: &str, draft: Draft) {
        let more = (draft.more > 0).then(|| ("…".to_owned(), format!("And {} more.", draft.more)));
        for (what, why) in draft.left.into_iter().chain(more) {
            if self.left.len() < MAX_LEFT {
                self.left.push(Left { application: label.to_owned(), what, why });
            } else {
                self.more += 1;
            }
        }
    }

    fn known_groups(&mut self, names: &[String]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for name in names {
            let key = fold(name);
            if !seen.insert(key.clone()) {
                continue;
            }
            if key == fold(EVERYONE) {
                out.push(EVERYONE.to_owned());
            } else {
                out.push(self.groups.entry(key).or_insert_with(|| name.clone()).clone());
            }
        }
        out
    }

    fn free_label(&mut self, label: &str) -> String {
        let key = fold(label);
        if self.labels.insert(key.clone()) {
            return label.to_owned();
        }
        let asked = self.asked.entry(format!("label {key}")).or_insert(1);
        loop {
            *asked += 1;
            let tail = format!(" ({asked})");
            let kept: String = label.chars().take(80 - tail.len()).collect();
            let candidate = format!("{}{tail}", kept.trim_end());
            if self.labels.insert(fold(&candidate)) {
                return candidate;
            }
        }
    }

    fn free_slug(&mut self, label: &str) -> String {
        let derived = slug_of(label);
        let base = match derived.as_str() {
            "" => "app".to_owned(),
            taken if RESERVED.contains(&taken) => format!("app-{taken}"),
            _ => derived,
        };
        if self.slugs.insert(base.clone()) {
            return base;
        }
        let asked = self.asked.entry(format!("slug {base}")).or_insert(1);
        loop {
            *asked += 1;
            let tail = format!("-{asked}");
            let kept = base[..base.len().min(64 - tail.len())].trim_end_matches('-');
            let candidate = format!("{kept}{tail}");
            if self.slugs.insert(candidate.clone()) {
                return candidate;
            }
        }
    }

    /// What all of it comes to. `whose` is the name of the former identity provider.
    pub(super) fn finish(mut self, whose: &str) -> Result<Imported, Fault> {
        self.tell_others();
        if self.applications.is_empty() {
            let message = "There is no application in the export that signs on by SAML, and no bookmark.";
            return Err(Fault::new("nothing_in_it", message));
        }
        self.leave(
            "status",
            "Every application is inactive. Look at each, try a sign-on, then activate it: until then nobody can use it.",
        );
        self.leave(
            "identity provider",
            &format!(
                "Entity ID, addresses, certificates and keys of {whose} are not carried: every application has its own here. Give each application those of its page."
            ),
        );
        if self.patterns {
            self.leave("group patterns", "Patterns of group names take upper and lower case for the same here. Check that they send no group too many.");
        }
        let mut document = Map::from_iter([("tessera".to_owned(), json!(1))]);
        if !self.groups.is_empty() {
            let mut groups: Vec<Json> = self.groups.values().map(|name| json!({ "name": name })).collect();
            groups.sort_by_key(|group| fold(group["name"].as_str().unwrap_or_default()));
            document.insert("groups".to_owned(), Json::Array(groups));
        }
        document.insert("applications".to_owned(), Json::Array(self.applications));
        let mut left = self.whole;
        left.append(&mut self.left);
        if self.more > 0 {
            let why = format!("And {} more. Import fewer applications at a time to see them.", self.more);
            left.push(Left { application: String::new(), what: "…".to_owned(), why });
        }
        Ok(Imported { document: Json::Object(document), left })
    }

    fn tell_others(&mut self) {
        for (kind, (count, names)) in std::mem::take(&mut self.others) {
            let shown = names.join(", ");
            let rest = count - names.len();
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let why = format!(
                "{count} of this kind: {shown}{rest}. Only SAML applications and bookmarks are carried."
            );
            self.leave(&kind, &why);
        }
    }
}

fn has_patterns(sso: &Json) -> bool {
    list(sso, "attributes").iter().any(|row| row.pointer("/groups/include").is_some())
}

/// A label in URL form.
fn slug_of(label: &str) -> String {
    let mut out = String::new();
    for c in label.chars().flat_map(plain_letter).map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') && c != '\'' {
            out.push('-');
        }
        if out.len() == 64 {
            break;
        }
    }
    out.trim_matches('-').to_owned()
}

/// The usual letters of Europe without their marks; what is no letter or digit of ASCII then is a gap.
fn plain_letter(c: char) -> Vec<char> {
    let plain = match c {
        'À'..='Å' | 'à'..='å' | 'Ā' | 'ā' | 'Ă' | 'ă' | 'Ą' | 'ą' => "a",
        'Ç' | 'ç' | 'Ć' | 'ć' | 'Č' | 'č' => "c",
        'Ď' | 'ď' | 'Đ' | 'đ' => "d",
        'È'..='Ë' | 'è'..='ë' | 'Ē' | 'ē' | 'Ę' | 'ę' | 'Ě' | 'ě' => "e",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ī' | 'ī' | 'ı' => "i",
        'Ł' | 'ł' | 'Ľ' | 'ľ' => "l",
        'Ñ' | 'ñ' | 'Ń' | 'ń' | 'Ň' | 'ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō' | 'ō' | 'Ő' | 'ő' => "o",
        'Ŕ' | 'ŕ' | 'Ř' | 'ř' => "r",
        'Ś' | 'ś' | 'Š' | 'š' | 'Ş' | 'ş' => "s",
        'ß' => "ss",
        'Ť' | 'ť' => "t",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ū' | 'ū' | 'Ů' | 'ů' | 'Ű' | 'ű' => "u",
        'Ý' | 'ý' | 'ÿ' => "y",
        'Ź' | 'ź' | 'Ż' | 'ż' | 'Ž' | 'ž' => "z",
        'Æ' | 'æ' => "ae",
        '’' => "'",
        _ => return vec![c],
    };
    plain.chars().collect()
}

#[cfg(test)]
pub(super) mod tests {
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
            let (slug, label) =
                (application["slug"].as_str().unwrap(), application["label"].as_str().unwrap());
            let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(
                (1..=64).contains(&slug.len()) && slug.bytes().all(fine) && !slug.contains("--"),
                "{slug}"
            );
            assert!(!slug.starts_with('-') && !slug.ends_with('-') && !RESERVED.contains(&slug), "{slug}");
            assert!(
                (1..=80).contains(&label.chars().count()) && !label.chars().any(char::is_control),
                "{label:?}"
            );
            assert!(slugs.insert(slug.to_owned()) && labels.insert(fold(label)), "{slug} {label}");
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
        let made = labels(&[
            "Zoë's Café & Bar",
            "A",
            "a",
            "a-2",
            "admin",
            "日本",
            "",
            "\u{7}\u{202e}",
            &long,
            &long,
        ]);
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
}
