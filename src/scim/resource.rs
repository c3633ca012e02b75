//! Reading and changing a resource by paths, with names in any case.

use serde_json::{Map, Value, json};

use super::error::ScimError;
use super::evaluate::{self, as_boolean};
use super::filter::Filter;
use super::path::AttributePath;
use super::schema::{Attribute, Schema, Type};

/// The member of an object, its name in any case.
#[must_use]
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The name as it is spelt in the object, if it is there.
pub(super) fn spelling(object: &Map<String, Value>, name: &str) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// The member's value, made null first when it is missing.
pub(super) fn member_mut<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let name = spelling(object, name).unwrap_or_else(|| name.to_owned());
    object.entry(name).or_insert(Value::Null)
}

pub(super) fn remove_member(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let name = spelling(object, name)?;
    object.shift_remove(&name)
}

/// The value itself as an object; what is none becomes an empty one.
pub(super) fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was made an object"),
    }
}

/// The name as the standard writes it.
pub(super) fn canonical<'a>(known: Option<&'static Attribute>, name: &'a str) -> &'a str {
    known.map_or(name, |known| known.name)
}

/// The object that holds the path's attribute: the resource, or the extension in it. With `create` a missing extension
/// is made, and named in `schemas`.
pub(super) fn holder_mut<'a>(
    resource: &'a mut Value,
    path: &AttributePath,
    create: bool,
) -> Option<&'a mut Map<String, Value>> {
    let root = as_object(resource);
    let Some(urn) = path.extension() else { return Some(root) };
    let urn = Schema::find(urn).map_or_else(|| urn.to_owned(), |schema| schema.id.to_owned());
    if create {
        name_schema(root, &urn);
    } else {
        spelling(root, &urn)?;
    }
    Some(as_object(member_mut(root, &urn)))
}

/// Names an extension in `schemas`.
pub(super) fn name_schema(root: &mut Map<String, Value>, urn: &str) {
    let schemas = member_mut(root, "schemas");
    if !schemas.is_array() {
        *schemas = json!([]);
    }
    if let Some(list) = schemas.as_array_mut()
        && !list.iter().any(|known| known.as_str().is_some_and(|known| known.eq_ignore_ascii_case(urn)))
    {
        list.push(json!(urn));
    }
}

/// What stands at a path: the whole attribute, or with a value filter or a sub-attribute the first value that it leads to.
/// Null is nothing.
#[must_use]
pub fn get<'a>(resource: &'a Value, path: &AttributePath) -> Option<&'a Value> {
    if path.filter.is_some() || path.sub.is_some() {
        return all(resource, path).into_iter().next();
    }
    let holder = match path.extension() {
        Some(urn) => member(resource, urn)?,
        None => resource,
    };
    member(holder, &path.attribute).filter(|value| !value.is_null())
}

/// Every value that a path leads to, of every element where an attribute holds several.
#[must_use]
pub fn all<'a>(resource: &'a Value, path: &AttributePath) -> Vec<&'a Value> {
    let mut values = evaluate::values(resource, path, None);
    values.retain(|value| !value.is_null());
    values
}

/// The text at a path.
#[must_use]
pub fn text<'a>(resource: &'a Value, path: &AttributePath) -> Option<&'a str> {
    get(resource, path)?.as_str()
}

/// Octets of the longest `id` that is taken for one: it becomes part of addresses and of keys.
pub const MAX_ID: usize = 512;

/// `id`, also where it was sent as a number. What is too long, or has control characters, is none.
#[must_use]
pub fn id(resource: &Value) -> Option<String> {
    match member(resource, "id")? {
        Value::String(text) if is_id(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID && !text.contains(char::is_control)
}

/// `active`, also where it was sent as the text `True`. None when the resource does not say.
#[must_use]
pub fn is_active(resource: &Value) -> Option<bool> {
    as_boolean(member(resource, "active")?)
}

/// Puts a value at a path and makes what leads there: parents, the extension and its URN in `schemas`, an element of the
/// type that a value filter names. A value filter that matches changes the elements it matches; a sub-attribute of a
/// multi-valued attribute without one changes the primary element, or the first.
pub fn set(resource: &mut Value, path: &AttributePath, value: Value) {
    if path.is_extension() {
        let root = as_object(resource);
        let urn = Schema::find(&path.attribute).map_or(path.attribute.as_str(), |schema| schema.id);
        name_schema(root, urn);
        *member_mut(root, urn) = value;
        return;
    }
    let known = path.known();
    let Some(holder) = holder_mut(resource, path, true) else { return };
    let slot = member_mut(holder, canonical(known, &path.attribute));
    let is_many =
        known.is_some_and(|known| known.is_multi_valued) || slot.is_array() || path.filter.is_some();
    if path.filter.is_none() && path.sub.is_none() {
        *slot = coerce(known, value.clone()).unwrap_or(value);
        return;
    }
    if !is_many {
        put(slot, known, path.sub.as_deref(), value);
        return;
    }
    if !slot.is_array() {
        let alone = slot.take();
        *slot = if alone.is_null() { json!([]) } else { Value::Array(vec![alone]) };
    }
    let Some(elements) = slot.as_array_mut() else { return };
    let chosen: Vec<usize> = if let Some(filter) = &path.filter {
        matching(elements, filter, known)
    } else {
        let is_primary = |element: &Value| member(element, "primary").and_then(as_boolean) == Some(true);
        let primary = elements.iter().position(is_primary);
        primary.or_else(|| (!elements.is_empty()).then_some(0)).into_iter().collect()
    };
    if chosen.is_empty() {
        let mut element = path.filter.as_ref().map_or_else(|| json!({}), |filter| element_of(filter, known));
        put(&mut element, known, path.sub.as_deref(), value);
        elements.push(element);
        return;
    }
    for at in chosen {
        if let Some(element) = elements.get_mut(at) {
            put(element, known, path.sub.as_deref(), value.clone());
        }
    }
}

/// Puts a value into one element: at its sub-attribute, or over it.
pub(super) fn put(element: &mut Value, known: Option<&'static Attribute>, sub: Option<&str>, value: Value) {
    match sub {
        Some(sub) => {
            let known = known.and_then(|known| known.find_sub(sub));
            let value = coerce(known, value.clone()).unwrap_or(value);
            *member_mut(as_object(element), canonical(known, sub)) = value;
        }
        None => match coerce_one(known, value.clone()).unwrap_or(value) {
            Value::Object(parts) => {
                for (name, part) in parts {
                    *member_mut(as_object(element), &name) = part;
                }
            }
            other => *element = other,
        },
    }
}

/// Which elements a value filter matches.
pub(super) fn matching(elements: &[Value], filter: &Filter, known: Option<&'static Attribute>) -> Vec<usize> {
    let is_match = |element: &Value| evaluate::matches_element(filter, element, known);
    elements.iter().enumerate().filter(|(_, element)| is_match(element)).map(|(at, _)| at).collect()
}

/// A new element that the filter matches, as far as it asks for equal values.
pub(super) fn element_of(filter: &Filter, known: Option<&'static Attribute>) -> Value {
    let mut element = Map::new();
    for (path, value) in filter.equalities().unwrap_or_default() {
        if path.sub.is_none() && path.filter.is_none() {
            let known = known.and_then(|known| known.find_sub(&path.attribute));
            element.insert(canonical(known, &path.attribute).to_owned(), value.clone());
        }
    }
    Value::Object(element)
}

/// Takes away what stands at a path; what is left empty by it goes too. True when something went.
pub fn remove(resource: &mut Value, path: &AttributePath) -> bool {
    if path.is_extension() {
        return remove_member(as_object(resource), &path.attribute).is_some();
    }
    let known = path.known();
    let Some(holder) = holder_mut(resource, path, false) else { return false };
    let Some(name) = spelling(holder, &path.attribute) else { return false };
    let removed = remove_from(holder, &name, path, known);
    if holder.is_empty()
        && let Some(urn) = path.extension()
    {
        let urn = urn.to_owned();
        remove_member(as_object(resource), &urn);
    }
    removed
}

fn remove_from(
    holder: &mut Map<String, Value>,
    name: &str,
    path: &AttributePath,
    known: Option<&'static Attribute>,
) -> bool {
    if path.filter.is_none() && path.sub.is_none() {
        return holder.shift_remove(name).is_some();
    }
    let Some(slot) = holder.get_mut(name) else { return false };
    let removed = match slot {
        Value::Array(elements) => {
            let chosen = path.filter.as_ref().map(|filter| matching(elements, filter, known));
            remove_elements(elements, chosen, path.sub.as_deref())
        }
        Value::Object(parts) => path.sub.as_ref().is_some_and(|sub| remove_member(parts, sub).is_some()),
        _ => false,
    };
    let is_empty = match slot {
        Value::Array(elements) => elements.is_empty(),
        Value::Object(parts) => parts.is_empty(),
        _ => false,
    };
    if is_empty {
        holder.shift_remove(name);
    }
    removed
}

fn remove_elements(elements: &mut Vec<Value>, chosen: Option<Vec<usize>>, sub: Option<&str>) -> bool {
    let mut removed = false;
    let mut at = 0;
    let mut chosen = chosen.map(|list| list.into_iter().peekable());
    elements.retain_mut(|element| {
        let is_chosen = match &mut chosen {
            Some(list) => list.next_if_eq(&at).is_some(),
            None => true,
        };
        at += 1;
        if !is_chosen {
            return true;
        }
        let Some(sub) = sub else {
            removed = true;
            return false;
        };
        let Value::Object(parts) = element else { return true };
        removed |= remove_member(parts, sub).is_some();
        !parts.is_empty()
    });
    removed
}

/// The value in the form that its attribute has: an array where it holds several, a boolean for the text `True`, an object
/// with `value` for a bare text, names as the standard writes them. Unknown attributes keep what they get.
///
/// # Errors
/// `invalidValue` when it can't have that form.
pub fn coerce(known: Option<&'static Attribute>, value: Value) -> Result<Value, ScimError> {
    match known {
        Some(attribute) if attribute.is_multi_valued => {
            let list = match value {
                Value::Null => return Ok(Value::Null),
                Value::Array(list) => list,
                alone => vec![alone],
            };
            let list: Result<Vec<Value>, _> =
                list.into_iter().map(|element| coerce_one(known, element)).collect();
            Ok(Value::Array(list?))
        }
        _ => coerce_one(known, value),
    }
}

/// One value of an attribute.
pub(super) fn coerce_one(known: Option<&'static Attribute>, value: Value) -> Result<Value, ScimError> {
    let Some(attribute) = known else { return Ok(value) };
    let wrong = |form: &str| Err(ScimError::invalid_value(format!("{} must be {form}.", attribute.name)));
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Type::Complex, Value::Object(parts)) => {
            let mut out = Map::new();
            for (name, part) in parts {
                let sub = attribute.find_sub(&name);
                out.insert(canonical(sub, &name).to_owned(), coerce(sub, part)?);
            }
            Ok(Value::Object(out))
        }
        (Type::Complex, scalar @ (Value::String(_) | Value::Number(_))) => {
            match attribute.find_sub("value") {
                Some(sub) => Ok(json!({ "value": coerce_one(Some(sub), scalar)? })),
                None => wrong("an object"),
            }
        }
        (Type::Complex, _) => wrong("an object"),
        (Type::Boolean, value) => match as_boolean(&value) {
            Some(value) => Ok(Value::Bool(value)),
            None => wrong("true or false"),
        },
        (_, text @ Value::String(_)) => Ok(text),
        (_, Value::Number(number)) => Ok(Value::String(number.to_string())),
        _ => wrong("text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    #[test]
    fn values_are_put_where_the_path_leads() {
        let mut user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "USERNAME": "a" });
        for (at, value) in [
            ("userName", json!("b")),
            ("name.givenName", json!("Barbara")),
            ("ACTIVE", json!("False")),
            ("emails[type eq \"work\"].value", json!("b@w.test")),
            ("emails[type eq \"home\"].value", json!("b@h.test")),
            ("emails[type eq \"work\"].primary", json!(true)),
            ("emails[type eq \"work\"].value", json!("c@w.test")),
            ("emails.display", json!("C")),
            ("phoneNumbers.value", json!("+49")),
            ("roles", json!("admin")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:Department", json!("Tours")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", json!("26")),
        ] {
            set(&mut user, &path(at), value);
        }
        assert_eq!(
            user,
            json!({
                "schemas": [
                    "urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                ],
                "USERNAME": "b",
                "name": { "givenName": "Barbara" },
                "active": false,
                "emails": [
                    { "type": "work", "value": "c@w.test", "primary": true, "display": "C" },
                    { "type": "home", "value": "b@h.test" },
                ],
                "phoneNumbers": [{ "value": "+49" }],
                "roles": [{ "value": "admin" }],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                    { "department": "Tours", "manager": { "value": "26" } },
            })
        );
        assert_eq!(text(&user, &path("emails[type eq \"HOME\"].value")), Some("b@h.test"));
        assert_eq!(all(&user, &path("emails.value")).len(), 2);
        assert_eq!(get(&user, &path("emails")).unwrap().as_array().unwrap().len(), 2);
        assert_eq!(is_active(&user), Some(false));
        for at in [
            "emails[type eq \"work\"]",
            "emails[type eq \"home\"].value",
            "name.givenName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ] {
            assert!(remove(&mut user, &path(at)), "{at}");
        }
        assert_eq!(user["emails"], json!([{ "type": "home" }]));
        assert_eq!(member(&user, "name"), None);
        assert!(!remove(&mut user, &path("nickName")));
        assert!(!remove(&mut user, &path("emails[type eq \"work\"]")));
    }

    #[test]
    fn ids_are_read_also_as_numbers() {
        assert_eq!(id(&json!({ "ID": 7 })).as_deref(), Some("7"));
        for none in ["", "a\u{0}", "a\nb", &"x".repeat(MAX_ID + 1)] {
            assert_eq!(id(&json!({ "id": none })), None, "{none:?}");
        }
        assert!(id(&json!({ "id": "x".repeat(MAX_ID) })).is_some());
        assert_eq!(id(&json!("x")), None);
    }
}
