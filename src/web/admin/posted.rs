//! A posted form whose names carry a row's number, and what a form may tell of a decision.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::FieldError;

/// Names and values of a form; a name may come several times.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Posted(BTreeMap<String, Vec<String>>);

impl Posted {
    /// A form of these pairs.
    #[must_use]
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            map.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        Self(map)
    }

    /// The value of this name as it came; empty when there is none.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// The value of this name, without the blanks around it.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same, owned.
    #[must_use]
    pub fn owned(&self, name: &str) -> String {
        self.text(name).to_owned()
    }

    /// Whether the form had a field of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the box of this name was ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        self.raw(name) == "on"
    }

    /// Whether a decision was confirmed, on its page or in its dialog.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        self.raw("confirmed") == "yes"
    }

    /// All values of this name.
    #[must_use]
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every pair but those of the named fields, to be carried through another page.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        kept.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone()))).collect()
    }

    /// The highest row number of names like `{prefix}.{n}.{part}`, plus one; numbers from `most` on do not count.
    #[must_use]
    pub fn rows(&self, prefix: &str, most: usize) -> usize {
        let number = |name: &String| -> Option<usize> {
            name.strip_prefix(prefix)?.strip_prefix('.')?.split('.').next()?.parse().ok()
        };
        self.0.keys().filter_map(number).filter(|at| *at < most).max().map_or(0, |at| at + 1)
    }
}

/// A fault of one field.
pub fn fault(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), code: code.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_their_numbers_and_bounded() {
        let posted = Posted::new(&[
            ("a.0.x", "1"),
            ("a.7.x", " 2 "),
            ("a.9999.x", "3"),
            ("a.n.x", "4"),
            ("ab.8.x", "5"),
        ]);
        assert_eq!(posted.rows("a", 200), 8);
        assert_eq!(posted.rows("none", 200), 0);
        assert_eq!((posted.text("a.7.x"), posted.raw("a.7.x"), posted.text("b")), ("2", " 2 ", ""));
        assert_eq!(posted.without(&["a.0.x"]).len(), 4);
    }
}
