//! What a resource that was sent does not show when it is read back (SC-19).

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::evaluate::as_boolean;
use super::filter::Filter;
use super::path::AttributePath;
use super::resource::member;
use super::schema::{self, Attribute, Mutability, Type};

/// The parts of `expected` that `got` does not have. Arrays are sets; names and URNs have no case, nor have user names and
/// e-mail addresses; booleans may be texts. Null and empty values expect nothing, and what only the service provider sets, or
/// never shows, is not asked for.
#[must_use]
pub fn lacking(expected: &Value, got: &Value) -> Vec<AttributePath> {
    let mut out = Vec::new();
    let Some(expected) = expected.as_object() else { return out };
    for (name, value) in expected {
        if super::path::is_urn(name) {
            let inner = member(got, name).unwrap_or(&Value::Null);
            for (attribute, value) in value.as_object().into_iter().flatten() {
                let path = AttributePath { schema: Some(name.clone()), ..AttributePath::of(attribute) };
                attribute_lacks(&path, value, member(inner, attribute), &mut out);
            }
        } else {
            attribute_lacks(&AttributePath::of(name), value, member(got, name), &mut out);
        }
    }
    out
}

fn is_shown(known: Option<&Attribute>) -> bool {
    known.is_none_or(|known| {
        known.name != "schemas"
            && known.returned != "never"
            && matches!(known.mutability, Mutability::ReadWrite | Mutability::Immutable)
    })
}

fn attribute_lacks(
    path: &AttributePath,
    expected: &Value,
    got: Option<&Value>,
    out: &mut Vec<AttributePath>,
) {
    let known = path.known();
    if !is_shown(known) {
        return;
    }
    match expected {
        Value::Array(elements) => elements_lack(path, known, elements, got, out),
        Value::Object(parts) => {
            // Where one value was sent, one of several is as good.
            let first = got.map(|got| got.as_array().and_then(|list| list.first()).unwrap_or(got));
            for sub in parts_lacking(known, parts, first) {
                out.push(path.clone().with_sub(&sub));
            }
        }
        scalar => {
            let got = match got {
                Some(Value::Object(_)) => got.and_then(|got| member(got, "value")),
                other => other,
            };
            if !is_nothing(scalar) && !got.is_some_and(|got| is_same(known, scalar, got)) {
                out.push(path.clone());
            }
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(parts) => parts.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn elements_lack(
    path: &AttributePath,
    known: Option<&'static Attribute>,
    expected: &[Value],
    got: Option<&Value>,
    out: &mut Vec<AttributePath>,
) {
    let alone;
    let got: &[Value] = match got {
        Some(Value::Array(list)) => list,
        Some(Value::Null) | None => &[],
        Some(other) => {
            alone = [other.clone()];
            &alone
        }
    };
    let mut index: HashMap<String, Vec<&Value>> = HashMap::new();
    for element in got {
        index.entry(value_key(element)).or_default().push(element);
    }
    for element in expected.iter().filter(|element| !is_nothing(element)) {
        let with_value = index.get(&value_key(element)).map(Vec::as_slice).unwrap_or_default();
        let is_there = with_value.iter().any(|got| element_matches(known, element, got));
        if !is_there && with_value.is_empty() {
            out.push(element_path(path, known, element));
        } else if !is_there {
            // The value is there; say what about it is not.
            let subs =
                element.as_object().map(|parts| parts_lacking(known, parts, with_value.first().copied()));
            let at = value_path(path, element);
            out.extend(subs.into_iter().flatten().map(|sub| at.clone().with_sub(&sub)));
        }
    }
}

/// What elements are found by: their value, without case.
fn value_key(element: &Value) -> String {
    match element {
        Value::Object(_) => member(element, "value").map(value_key).unwrap_or_default(),
        Value::String(text) => text.to_lowercase(),
        other => other.to_string(),
    }
}

fn element_matches(known: Option<&'static Attribute>, expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(parts), Value::Object(_)) => parts_lacking(known, parts, Some(got)).is_empty(),
        (Value::Object(_), scalar) => {
            member(expected, "value").is_some_and(|value| is_same(known, value, scalar))
        }
        (scalar, Value::Object(_)) => member(got, "value").is_some_and(|value| is_same(known, scalar, value)),
        (expected, got) => is_same(known, expected, got),
    }
}

/// Names of the parts that are not there. Of a member only who it is counts, and nobody sends back what is not primary.
fn parts_lacking(
    known: Option<&'static Attribute>,
    expected: &Map<String, Value>,
    got: Option<&Value>,
) -> Vec<String> {
    let is_members = known.is_some_and(|known| known.name == "members");
    let lacks = |(name, value): &(&String, &Value)| {
        let sub = known.and_then(|known| known.find_sub(name));
        if is_nothing(value) || !is_shown(sub) || (is_members && !name.eq_ignore_ascii_case("value")) {
            return false;
        }
        let found = got.and_then(|got| if got.is_object() { member(got, name) } else { Some(got) });
        let is_default = name.eq_ignore_ascii_case("primary") && as_boolean(value) == Some(false);
        match found {
            Some(found) => !is_same_part(known, name, sub, value, found),
            None => !is_default,
        }
    };
    expected.iter().filter(lacks).map(|(name, _)| name.clone()).collect()
}

fn is_same_part(
    parent: Option<&Attribute>,
    name: &str,
    sub: Option<&Attribute>,
    expected: &Value,
    got: &Value,
) -> bool {
    let has_no_case = name.eq_ignore_ascii_case("type")
        || (name.eq_ignore_ascii_case("value") && parent.is_some_and(|parent| parent.name == "emails"));
    if has_no_case && let (Some(expected), Some(got)) = (expected.as_str(), got.as_str()) {
        return expected.to_lowercase() == got.to_lowercase();
    }
    is_same(sub, expected, got)
}

fn is_same(known: Option<&Attribute>, expected: &Value, got: &Value) -> bool {
    let is_boolean = expected.is_boolean() || known.is_some_and(|known| known.kind == Type::Boolean);
    if is_boolean && let Some(expected) = as_boolean(expected) {
        return as_boolean(got) == Some(expected);
    }
    match (expected, got) {
        (Value::String(expected), Value::String(got)) => {
            let has_no_case = known.is_some_and(|known| matches!(known.name, "userName" | "emails"))
                || super::path::is_urn(expected);
            expected == got || (has_no_case && expected.to_lowercase() == got.to_lowercase())
        }
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            number.to_string() == *text
        }
        _ => expected == got,
    }
}

/// `emails[value eq "a@b"]`: an element whose value is there.
fn value_path(path: &AttributePath, element: &Value) -> AttributePath {
    let value = match element {
        Value::Object(_) => member(element, "value").cloned(),
        other => Some(other.clone()),
    };
    match value {
        Some(value @ (Value::String(_) | Value::Number(_))) => {
            let filter = Filter::Compare(AttributePath::of("value"), super::Comparison::Equal, value);
            path.clone().filtered(filter)
        }
        _ => path.clone(),
    }
}

/// `emails[type eq "work"]` where elements have types, else by their value.
fn element_path(path: &AttributePath, known: Option<&Attribute>, element: &Value) -> AttributePath {
    let kind = member(element, "type").and_then(Value::as_str).filter(|kind| !kind.is_empty());
    let is_members =
        schema::find(path.extension(), &path.attribute).is_some_and(|known| known.name == "members");
    match kind {
        Some(kind) if !is_members => {
            let at = path.clone().filtered(Filter::equals("type", kind));
            let has_value =
                member(element, "value").is_some() && known.is_none_or(|k| k.find_sub("value").is_some());
            if has_value { at.with_sub("value") } else { at }
        }
        _ => value_path(path, element),
    }
}

/// What [`lacking`] finds, as texts.
#[must_use]
pub fn lacking_paths(expected: &Value, got: &Value) -> Value {
    let paths: Vec<String> = lacking(expected, got).iter().map(ToString::to_string).collect();
    json!(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "externalId": "tsr_1", "userName": "Bjensen", "active": true, "displayName": "Babs", "password": "x",
            "name": { "givenName": "Barbara", "familyName": "" },
            "emails": [{ "value": "B@w.test", "type": "work", "primary": true }, { "value": "b@h.test", "type": "home" }],
            "title": null,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                { "department": "Tours", "manager": { "value": "26" } },
        })
    }

    #[test]
    fn sc_19_what_is_echoed_otherwise_is_no_lack() {
        let got = json!({
            "ID": "1", "ExternalId": "tsr_1", "username": "bjensen", "Active": "True", "displayName": "Babs",
            "NAME": { "GivenName": "Barbara" },
            "emails": [{ "value": "b@h.test", "type": "home" }, { "Value": "b@w.test", "Type": "WORK", "primary": "true" }],
            "URN:IETF:params:scim:schemas:extension:enterprise:2.0:User":
                { "Department": "Tours", "manager": { "value": "26", "displayName": "Boss" } },
        });
        assert_eq!(lacking_paths(&sent(), &got), json!([]));
    }

    #[test]
    fn sc_19_each_lack_is_named() {
        let got = json!({
            "externalId": "TSR_1", "userName": "other", "active": false, "displayName": "babs",
            "emails": [{ "value": "b@w.test", "type": "work" }],
        });
        assert_eq!(
            lacking_paths(&sent(), &got),
            json!([
                "externalId",
                "userName",
                "active",
                "displayName",
                "name.givenName",
                "emails[value eq \"B@w.test\"].primary",
                "emails[type eq \"home\"].value",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            ])
        );
        assert!(lacking(&json!("x"), &got).is_empty());
    }

    #[test]
    fn sc_19_a_boolean_that_is_none_is_compared_as_it_stands() {
        let odd = json!({ "active": "Tr~e", "emails": [{ "value": "b@w.test", "primary": "x" }] });
        assert_eq!(lacking_paths(&odd, &odd), json!([]));
        assert_eq!(lacking_paths(&odd, &json!({ "active": true, "emails": [] }))[0], "active");
    }

    #[test]
    fn sc_19_members_are_a_set() {
        let members = |ids: std::ops::Range<u32>| -> Vec<Value> {
            ids.map(|id| json!({ "value": id.to_string(), "display": "x" })).collect()
        };
        let sent = json!({ "displayName": "g", "members": members(0..8000) });
        let mut got = members(1..9000);
        got.reverse();
        let got = json!({ "displayName": "g", "members": got });
        assert_eq!(lacking_paths(&sent, &got), json!(["members[value eq \"0\"]"]));
    }
}
