//! A posted form as it came: names and values in order, for forms whose names carry a row's number.

use crate::base::FieldError;

/// Names and values of a form.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Names and values in the order of the form.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The value of this name, without the blanks around it; empty when there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value of this name as it came.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether the form had a field of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Whether the box of this name was ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        self.raw(name) == "on"
    }

    /// Whether a decision was confirmed on its page or in its dialog.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        self.raw("confirmed") == "yes"
    }

    /// All values of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every field but the named ones, to be carried through another page.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(key, _)| !names.contains(&key.as_str())).cloned().collect()
    }

    /// The highest row number of names like `{prefix}.{n}.{part}`, plus one; at most `most`.
    #[must_use]
    pub fn rows(&self, prefix: &str, most: usize) -> usize {
        let number = |key: &str| -> Option<usize> {
            key.strip_prefix(prefix)?.strip_prefix('.')?.split('.').next()?.parse().ok()
        };
        let rows = self.0.iter().filter_map(|(key, _)| number(key)).filter(|at| *at < most);
        rows.max().map_or(0, |at| at + 1)
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
        let fields = Fields::new(
            [("a.0.x", "1"), ("a.7.x", "2"), ("a.9999.x", "3"), ("a.n.x", "4"), ("ab.8.x", "5")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
        );
        assert_eq!(fields.rows("a", 200), 8);
        assert_eq!(fields.rows("none", 200), 0);
        assert_eq!((fields.text("a.7.x"), fields.text("b")), ("2", ""));
    }
}
