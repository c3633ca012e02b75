//! Which operations lead from one resource to another. Pure: of `scim` alone, so that it can be fuzzed alone.

use serde_json::{Map, Value as Json, json};

use crate::scim::filter::Filter;
use crate::scim::lacking::lacking;
use crate::scim::patch::Operation;
use crate::scim::path::AttributePath;
use crate::scim::resource;

/// What there is to compare with.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// What we sent last: what is not wanted any more is taken away.
    Sent(&'a Json),
    /// What the other side shows: what is not ours is left alone.
    Found(&'a Json),
}

/// The operations that make a resource as it should be: one for each attribute that differs (SC-07).
#[must_use]
pub fn operations(base: Base<'_>, wanted: &Json) -> Vec<Operation> {
    let (Base::Sent(from) | Base::Found(from)) = base;
    let mut out = Vec::new();
    for (name, value) in object(wanted) {
        if name == "schemas" {
            continue;
        }
        if name.contains(':') {
            let inner = resource::member(from, name).unwrap_or(&Json::Null);
            for (attribute, value) in object(value) {
                let path = AttributePath { schema: Some(name.clone()), ..AttributePath::of(attribute) };
                attribute_operations(base, &path, resource::member(inner, attribute), value, &mut out);
            }
        } else {
            let path = AttributePath::of(name);
            attribute_operations(base, &path, resource::member(from, name), value, &mut out);
        }
    }
    if let Base::Sent(sent) = base {
        out.extend(removals(sent, wanted));
    }
    out
}

fn object(value: &Json) -> impl Iterator<Item = (&String, &Json)> {
    value.as_object().into_iter().flatten()
}

/// Whether the other side already shows this value. Of what we sent ourselves we know every letter.
fn is_there(base: Base<'_>, name: &str, value: &Json, there: Option<&Json>) -> bool {
    match (base, there) {
        (_, Some(there)) if there == value => true,
        (Base::Sent(_), _) | (_, None) => false,
        (Base::Found(_), Some(there)) => lacking(&json!({ name: value }), &json!({ name: there })).is_empty(),
    }
}

fn attribute_operations(
    base: Base<'_>,
    path: &AttributePath,
    there: Option<&Json>,
    wanted: &Json,
    out: &mut Vec<Operation>,
) {
    let there = there.filter(|value| !value.is_null());
    if is_there(base, &path.attribute, wanted, there) {
        return;
    }
    match (wanted, there) {
        (Json::Object(parts), Some(Json::Object(known))) => {
            let known = Json::Object(known.clone());
            let other = parts.iter().filter(|(sub, value)| resource::member(&known, sub) != Some(value));
            if path.schema.is_some() {
                // Some can't read a part of an attribute of an extension; the parts that are not named stay (RFC 7644 3.5.2.3).
                let parts: Map<_, _> = other.map(|(sub, value)| (sub.clone(), value.clone())).collect();
                if !parts.is_empty() {
                    out.push(Operation::replace(path.clone(), Json::Object(parts)));
                }
            } else {
                out.extend(
                    other.map(|(sub, value)| Operation::replace(path.clone().with_sub(sub), value.clone())),
                );
            }
        }
        (Json::Array(elements), Some(Json::Array(known))) if elements.iter().all(has_type) => {
            for element in elements {
                element_operations(path, known, element, out);
            }
        }
        (Json::Array(elements), None) => {
            out.push(Operation::add(path.clone(), Json::Array(elements.clone())));
        }
        // Roles and the like that others gave stay.
        (Json::Array(elements), Some(Json::Array(known))) if matches!(base, Base::Found(_)) => {
            let new: Vec<Json> = elements
                .iter()
                .filter(|one| !known.iter().any(|known| same_value(known, one)))
                .cloned()
                .collect();
            if !new.is_empty() {
                out.push(Operation::add(path.clone(), Json::Array(new)));
            }
        }
        (value, _) => out.push(Operation::replace(path.clone(), value.clone())),
    }
}

fn same_value(one: &Json, other: &Json) -> bool {
    resource::member(one, "value").is_some_and(|value| resource::member(other, "value") == Some(value))
}

fn has_type(element: &Json) -> bool {
    kind_of(element).is_some()
}

fn kind_of(element: &Json) -> Option<&str> {
    resource::member(element, "type").and_then(Json::as_str)
}

/// One value of several, by its type; the others are left alone.
fn element_operations(path: &AttributePath, known: &[Json], element: &Json, out: &mut Vec<Operation>) {
    let kind = kind_of(element).unwrap_or_default();
    let there = known.iter().find(|one| kind_of(one).is_some_and(|known| known.eq_ignore_ascii_case(kind)));
    let Some(there) = there else {
        // Some show no types.
        if !known.iter().any(|one| kind_of(one).is_none() && same_value(one, element)) {
            out.push(Operation::add(path.clone(), json!([element])));
        }
        return;
    };
    for (sub, value) in object(element).filter(|(sub, _)| sub.as_str() != "type") {
        if resource::member(there, sub) != Some(value) {
            let at = path.clone().filtered(Filter::equals("type", kind)).with_sub(sub);
            out.push(Operation::replace(at, value.clone()));
        }
    }
}

/// What was sent before and is not wanted any more.
fn removals(sent: &Json, wanted: &Json) -> Vec<Operation> {
    let mut out = Vec::new();
    for (name, value) in object(sent).filter(|(name, _)| name.as_str() != "schemas") {
        let now = resource::member(wanted, name);
        if name.contains(':') {
            for (attribute, value) in object(value) {
                let path = AttributePath { schema: Some(name.clone()), ..AttributePath::of(attribute) };
                let now = now.and_then(|now| resource::member(now, attribute));
                attribute_removals(&path, value, now, &mut out);
            }
        } else {
            attribute_removals(&AttributePath::of(name), value, now, &mut out);
        }
    }
    out
}

fn attribute_removals(path: &AttributePath, sent: &Json, now: Option<&Json>, out: &mut Vec<Operation>) {
    let of_kind = |kind: &str| Operation::remove(path.clone().filtered(Filter::equals("type", kind)));
    match (sent, now) {
        // Of several values only ours go.
        (Json::Array(elements), None) if elements.iter().all(has_type) => {
            out.extend(elements.iter().filter_map(kind_of).map(of_kind));
        }
        (_, None) => out.push(Operation::remove(path.clone())),
        (Json::Object(parts), Some(now)) => {
            let gone = parts.keys().filter(|sub| resource::member(now, sub).is_none());
            out.extend(gone.map(|sub| Operation::remove(path.clone().with_sub(sub))));
        }
        (Json::Array(elements), Some(Json::Array(now))) if elements.iter().all(has_type) => {
            let is_gone = |kind: &&str| !now.iter().any(|one| kind_of(one) == Some(*kind));
            out.extend(elements.iter().filter_map(kind_of).filter(is_gone).map(of_kind));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URN: &str = "urn:example:scim:schemas:extension:acme:2.0:User";

    fn patched(sent: &Json, wanted: &Json) -> Json {
        let mut there = sent.clone();
        crate::scim::PatchOp::from(operations(Base::Sent(sent), wanted)).apply(&mut there).unwrap();
        there
    }

    #[test]
    fn sc_07_parts_of_an_extension_change_go_and_stay() {
        let sent =
            json!({ URN: { "manager": { "value": "1", "displayName": "Ada" }, "department": "Tours" } });
        let wanted = json!({ URN: { "manager": { "value": "2" } } });
        assert_eq!(patched(&sent, &wanted)[URN], wanted[URN]);
        let found =
            json!({ URN: { "manager": { "value": "1", "displayName": "Ada" }, "department": "Tours" } });
        let change = operations(Base::Found(&found), &wanted);
        assert_eq!(change.len(), 1, "what is not ours is left alone");
        assert_eq!(change[0].value, Some(json!({ "value": "2" })));
    }
}
