//! What a whole export comes to: the document and the report, as they grow. It owns what must be unique in a document
//! (labels, slugs, names of groups) and how much is told; it must not know any format.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, MAX_LEFT_EACH};
use super::words::{cleaned, list};
use super::{Fault, Hint, Imported, Left, MAX_APPLICATIONS};

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
    hints: BTreeMap<String, Hint>,
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
        let slug = self.free_slug(&label);
        if let Some(mut hint) = draft.hint.take() {
            hint.otherwise.iter_mut().for_each(|left| left.application.clone_from(&label));
            self.hints.insert(slug.clone(), hint);
        }
        let sso = draft.sso();
        self.patterns |= sso.as_ref().is_some_and(has_patterns);
        let mut whole = Map::from_iter([
            ("slug".to_owned(), json!(slug)),
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
            "No application is active. Look at each, try a sign-on, then activate it: until then nobody can use it.",
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
        Ok(Imported { document: Json::Object(document), left, hints: self.hints })
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
#[path = "report_tests.rs"]
pub(super) mod tests;
