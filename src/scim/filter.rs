//! Filters (RFC 7644 §3.4.2.2): read, written, and asked of a resource.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::error::{ErrorKind, ScimError};
use super::parse::Parser;
use super::path::AttributePath;

/// Longest filter in bytes.
pub const MAX_FILTER: usize = 4096;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    /// The operator, `eq`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparison| comparison.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether it compares with such a value: booleans have no order and no parts, nothing is greater than null.
    pub(super) fn takes(self, value: &Value) -> bool {
        match value {
            Value::String(_) => true,
            Value::Number(_) => !matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith),
            Value::Bool(_) | Value::Null => matches!(self, Self::Equal | Self::NotEqual),
            Value::Array(_) | Value::Object(_) => false,
        }
    }
}

/// A filter. Build conjunctions by [`Filter::all_of`] and [`Filter::any_of`], which keep them flat.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// `path pr`: there is a value.
    Present(AttributePath),
    /// `path eq value` and its like.
    Compare(AttributePath, Comparison, Value),
    /// `emails[type eq "work"]`: a value matches the path's own filter.
    Has(AttributePath),
    /// All hold.
    And(Vec<Filter>),
    /// One holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
}

impl Filter {
    /// All of these hold.
    #[must_use]
    pub fn all_of(parts: Vec<Self>) -> Self {
        let open = |part| if let Self::And(inner) = part { inner } else { vec![part] };
        let mut flat: Vec<Self> = parts.into_iter().flat_map(open).collect();
        if flat.len() == 1 { flat.remove(0) } else { Self::And(flat) }
    }

    /// One of these holds.
    #[must_use]
    pub fn any_of(parts: Vec<Self>) -> Self {
        let open = |part| if let Self::Or(inner) = part { inner } else { vec![part] };
        let mut flat: Vec<Self> = parts.into_iter().flat_map(open).collect();
        if flat.len() == 1 { flat.remove(0) } else { Self::Or(flat) }
    }

    /// `attribute eq "value"`, escaped as it must be: `Filter::equals("userName", name).to_string()`.
    #[must_use]
    pub fn equals(attribute: &str, value: &str) -> Self {
        Self::Compare(AttributePath::of(attribute), Comparison::Equal, Value::String(value.to_owned()))
    }

    /// Reads a filter.
    ///
    /// # Errors
    /// `invalidFilter` when it is none, too long, or nested too deeply.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        if text.len() > MAX_FILTER {
            return Err(ScimError::new(400, ErrorKind::InvalidFilter, "The filter is too long."));
        }
        let mut parser = Parser::new(text);
        parser.disjunction().and_then(|filter| parser.end().map(|()| filter)).map_err(|fault| {
            ScimError::new(400, ErrorKind::InvalidFilter, format!("The filter can't be read: {fault}"))
        })
    }

    /// Whether the resource matches. Names have no case; values have none unless the standard says so.
    #[must_use]
    pub fn matches(&self, resource: &Value) -> bool {
        super::evaluate::matches(self, resource, None)
    }

    /// The values of `attribute eq "value"` pairs that a conjunction asks for; none when it is anything else. For those who
    /// look values up in an index.
    #[must_use]
    pub fn equalities(&self) -> Option<Vec<(&AttributePath, &Value)>> {
        match self {
            Self::Compare(path, Comparison::Equal, value) => Some(vec![(path, value)]),
            Self::And(parts) => {
                let pairs: Option<Vec<_>> = parts.iter().map(Self::equalities).collect();
                pairs.map(|pairs| pairs.into_iter().flatten().collect())
            }
            _ => None,
        }
    }
}

impl FromStr for Filter {
    type Err = ScimError;
    fn from_str(text: &str) -> Result<Self, ScimError> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, comparison, value) => write!(f, "{path} {} {value}", comparison.as_str()),
            Self::Has(path) => write!(f, "{path}"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::And(parts) => join(f, parts, " and ", |part| matches!(part, Self::Or(_))),
            Self::Or(parts) => join(f, parts, " or ", |_| false),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    parts: &[Filter],
    word: &str,
    in_parentheses: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        if in_parentheses(part) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
