//! Whether a resource matches a filter.

use std::cmp::Ordering;

use serde_json::Value;

use super::filter::{Comparison, Filter};
use super::path::AttributePath;
use super::resource::member;
use super::schema::{Attribute, Type};
use crate::base::Timestamp;

/// `within`: the attribute whose values are asked, inside brackets.
pub(super) fn matches(filter: &Filter, value: &Value, within: Option<&'static Attribute>) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| matches(part, value, within)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, value, within)),
        Filter::Not(inner) => !matches(inner, value, within),
        Filter::Present(path) => values(value, path, within).iter().any(|value| !is_empty(value)),
        Filter::Has(path) => !values(value, path, within).is_empty(),
        Filter::Compare(path, comparison, wanted) => {
            let rule = rule(path, within);
            let holds = |comparison| {
                values(value, path, within).iter().any(|found| compare(found, comparison, wanted, rule))
            };
            let is_absent = || values(value, path, within).iter().all(|value| is_empty(value));
            match (comparison, wanted) {
                (Comparison::Equal, Value::Null) => is_absent(),
                (Comparison::NotEqual, Value::Null) => !is_absent(),
                (Comparison::NotEqual, _) => !holds(Comparison::Equal),
                _ => holds(*comparison),
            }
        }
    }
}

/// Whether one value of an attribute matches the filter in brackets.
pub(super) fn matches_element(filter: &Filter, element: &Value, known: Option<&'static Attribute>) -> bool {
    matches(filter, element, known.or(Some(&ANY)))
}

/// The values that a path leads to; those of every element where the attribute holds several.
pub(super) fn values<'a>(
    root: &'a Value,
    path: &AttributePath,
    within: Option<&'static Attribute>,
) -> Vec<&'a Value> {
    let holder = match path.extension() {
        Some(urn) => member(root, urn),
        None => Some(root),
    };
    let found = holder.and_then(|holder| match holder {
        Value::Object(_) => member(holder, &path.attribute),
        // `emails: ["a@b"]`, asked for `value`.
        scalar if within.is_some() && path.attribute.eq_ignore_ascii_case("value") => Some(scalar),
        _ => None,
    });
    let elements: Vec<&Value> = match found {
        Some(Value::Array(elements)) => elements.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    let known = if within.is_some() { None } else { path.known() };
    elements
        .into_iter()
        .filter(|element| path.filter.as_ref().is_none_or(|filter| matches_element(filter, element, known)))
        .filter_map(|element| match &path.sub {
            None => Some(element),
            Some(sub) => match element {
                Value::Object(_) => member(element, sub),
                scalar if sub.eq_ignore_ascii_case("value") => Some(scalar),
                _ => None,
            },
        })
        .collect()
}

/// An attribute of which nothing is known.
static ANY: Attribute = Attribute::new("", "", Type::Complex);

/// What is known of the values that a comparison reads: a complex attribute is compared by its `value`.
fn rule(path: &AttributePath, within: Option<&'static Attribute>) -> Option<&'static Attribute> {
    let known = match within {
        Some(attribute) => attribute.find_sub(&path.attribute),
        None => path.known_target(),
    }?;
    if known.kind == Type::Complex { known.find_sub("value") } else { Some(known) }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(Value::is_null),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A boolean, also from the text `True`.
pub(super) fn as_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn compare(found: &Value, comparison: Comparison, wanted: &Value, rule: Option<&Attribute>) -> bool {
    let found = match found {
        Value::Object(_) => match member(found, "value") {
            Some(value) => value,
            None => return false,
        },
        value => value,
    };
    let is_boolean = wanted.is_boolean() || rule.is_some_and(|rule| rule.kind == Type::Boolean);
    if is_boolean {
        let same = as_boolean(found).is_some() && as_boolean(found) == as_boolean(wanted);
        return comparison == Comparison::Equal && same;
    }
    match (found, wanted) {
        (Value::String(found), Value::String(wanted)) => {
            if rule.is_some_and(|rule| rule.kind == Type::DateTime)
                && let (Some(found), Some(wanted)) =
                    (Timestamp::parse_rfc3339(found), Timestamp::parse_rfc3339(wanted))
            {
                return ordered(found.cmp(&wanted), comparison);
            }
            if rule.is_some_and(|rule| rule.is_case_exact) {
                compare_text(found, comparison, wanted)
            } else {
                compare_text(&found.to_lowercase(), comparison, &wanted.to_lowercase())
            }
        }
        (Value::Number(found), Value::Number(wanted)) => {
            let ordering = found.as_f64().zip(wanted.as_f64()).and_then(|(a, b)| a.partial_cmp(&b));
            ordering.is_some_and(|ordering| ordered(ordering, comparison))
        }
        _ => false,
    }
}

fn compare_text(found: &str, comparison: Comparison, wanted: &str) -> bool {
    match comparison {
        Comparison::Contains => found.contains(wanted),
        Comparison::StartsWith => found.starts_with(wanted),
        Comparison::EndsWith => found.ends_with(wanted),
        _ => ordered(found.cmp(wanted), comparison),
    }
}

fn ordered(ordering: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => false,
    }
}
