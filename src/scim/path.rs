//! Paths to attributes (RFC 7644 §3.10 and §3.5.2): `userName`, `name.givenName`, `emails[type eq "work"].value`,
//! `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::ScimError;
use super::filter::Filter;
use super::parse::Parser;
use super::schema::{self, Attribute, GROUP_URN, USER_URN};

/// Longest path in bytes.
pub const MAX_PATH: usize = 1024;

/// Where in a resource. Two paths are equal when they differ in the case of names only.
#[derive(Clone, Debug)]
pub struct AttributePath {
    /// URN of the schema that stands before the attribute.
    pub schema: Option<String>,
    /// The attribute; the URN of an extension when the path is the whole of it.
    pub attribute: String,
    /// Which of the attribute's values.
    pub filter: Option<Box<Filter>>,
    /// Which part of the value.
    pub sub: Option<String>,
}

impl AttributePath {
    /// The path of an attribute, `userName`; the name is not checked.
    #[must_use]
    pub fn of(attribute: &str) -> Self {
        Self { schema: None, attribute: attribute.to_owned(), filter: None, sub: None }
    }

    /// The same path, ending in this sub-attribute.
    #[must_use]
    pub fn with_sub(mut self, sub: &str) -> Self {
        self.sub = Some(sub.to_owned());
        self
    }

    /// The same path, to the values that match.
    #[must_use]
    pub fn filtered(mut self, filter: Filter) -> Self {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Reads a path.
    ///
    /// # Errors
    /// `invalidPath` when it is none, or longer than [`MAX_PATH`] bytes.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        if text.len() > MAX_PATH {
            return Err(ScimError::invalid_path("The path is too long."));
        }
        let mut parser = Parser::new(text.trim());
        parser
            .path()
            .and_then(|path| parser.end().map(|()| path))
            .map_err(|fault| ScimError::invalid_path(format!("{:?} is no path: {fault}", shortened(text))))
    }

    /// URN of the extension that holds the attribute; none for the attributes of users and groups themselves.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        let urn = self.schema.as_deref()?;
        let is_core = [USER_URN, GROUP_URN].iter().any(|core| core.eq_ignore_ascii_case(urn));
        (!is_core).then_some(urn)
    }

    /// Whether it is the whole of an extension.
    #[must_use]
    pub fn is_extension(&self) -> bool {
        self.schema.is_none() && is_urn(&self.attribute)
    }

    /// What the standard says of the attribute, without its sub-attribute.
    #[must_use]
    pub fn known(&self) -> Option<&'static Attribute> {
        schema::find(self.extension(), &self.attribute)
    }

    /// What the standard says of what the path leads to: the sub-attribute, if there is one.
    #[must_use]
    pub fn known_target(&self) -> Option<&'static Attribute> {
        match &self.sub {
            Some(sub) => self.known()?.find_sub(sub),
            None => self.known(),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

pub(super) fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

impl FromStr for AttributePath {
    type Err = ScimError;
    fn from_str(text: &str) -> Result<Self, ScimError> {
        Self::parse(text)
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

fn same(a: Option<&String>, b: Option<&String>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (None, None) => true,
        _ => false,
    }
}

impl PartialEq for AttributePath {
    fn eq(&self, other: &Self) -> bool {
        same(self.schema.as_ref(), other.schema.as_ref())
            && self.attribute.eq_ignore_ascii_case(&other.attribute)
            && same(self.sub.as_ref(), other.sub.as_ref())
            && self.filter == other.filter
    }
}

impl Eq for AttributePath {}

impl Hash for AttributePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.attribute.to_ascii_lowercase().hash(state);
        self.sub.as_ref().map(|sub| sub.to_ascii_lowercase()).hash(state);
    }
}

impl Serialize for AttributePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttributePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_and_print_the_same() {
        for text in [
            "userName",
            "name.givenName",
            "emails[type eq \"work\"].value",
            "emails[type eq \"work\" and primary eq true]",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "members[value eq \"2819c223\"]",
            "members.$ref",
            "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"home\"].value",
        ] {
            assert_eq!(AttributePath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_urn_is_parted_from_its_attribute() {
        let path =
            AttributePath::parse("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value")
                .unwrap();
        assert_eq!(path.extension(), Some(schema::ENTERPRISE_URN));
        assert_eq!((path.attribute.as_str(), path.sub.as_deref()), ("manager", Some("value")));
        assert!(path.known_target().unwrap().is_case_exact);
        // Some write a dot between schema and attribute.
        let dotted = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department";
        let path = AttributePath::parse(dotted).unwrap();
        assert_eq!((path.extension(), path.attribute.as_str()), (Some(schema::ENTERPRISE_URN), "department"));
        assert!(AttributePath::parse(schema::ENTERPRISE_URN).unwrap().is_extension());
        let core = AttributePath::parse("urn:ietf:params:scim:schemas:core:2.0:User:userName").unwrap();
        assert_eq!((core.extension(), core.attribute.as_str()), (None, "userName"));
    }

    #[test]
    fn sc_18_names_compare_without_case() {
        let path = |text| AttributePath::parse(text).unwrap();
        assert_eq!(path("EMAILS[TYPE EQ \"work\"].Value"), path("emails[type eq \"work\"].value"));
        assert_ne!(path("emails[type eq \"work\"].value"), path("emails[type eq \"home\"].value"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "a.",
            ".a",
            "a..b",
            "a.b.c",
            "a[",
            "a[]",
            "a[b eq]",
            "a[b eq 1].",
            "a b",
            "9a",
            "urn:",
        ] {
            let error = AttributePath::parse(text).unwrap_err();
            assert_eq!(error.kind, Some(super::super::ErrorKind::InvalidPath), "{text}");
        }
        assert!(AttributePath::parse(&"a".repeat(5000)).is_err());
    }
}
