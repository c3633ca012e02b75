//! One operation of a PATCH, done to a resource.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::error::ScimError;
use super::evaluate::{as_boolean, matches_element};
use super::patch::{Operation, OperationKind};
use super::path::AttributePath;
use super::resource::{
    self, as_object, canonical, coerce, coerce_one, element_of, holder_mut, matching, member, member_mut, put,
};
use super::schema::{Attribute, Mutability, Type};

impl Operation {
    /// Does it. The resource may be half changed after an error: [`super::PatchOp::apply`] works on a copy.
    pub(super) fn apply(&self, resource: &mut Value) -> Result<(), ScimError> {
        for operation in self.expanded()? {
            let Some(path) = &operation.path else { continue };
            check_mutability(path, &operation, resource)?;
            let value = operation.value.clone().unwrap_or(Value::Null);
            match operation.kind {
                OperationKind::Remove => remove(resource, path, &value)?,
                OperationKind::Replace if is_unassigned(&value) => remove(resource, path, &Value::Null)?,
                OperationKind::Add if is_unassigned(&value) => {}
                OperationKind::Add => write(resource, path, value, false)?,
                OperationKind::Replace => write(resource, path, value, true)?,
            }
        }
        Ok(())
    }
}

/// Null and the empty array are no value (RFC 7643 §2.5).
fn is_unassigned(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn check_mutability(path: &AttributePath, operation: &Operation, resource: &Value) -> Result<(), ScimError> {
    let refused = |attribute: &Attribute| {
        Err(ScimError::mutability(format!("{} can't be changed so.", attribute.name)))
    };
    let Some(known) = path.known() else { return Ok(()) };
    if known.mutability == Mutability::ReadOnly || known.name == "schemas" {
        return refused(known);
    }
    let sub = path.sub.as_ref().map(|sub| known.find_sub(sub));
    if let Some(None) = sub
        && known.kind != Type::Complex
    {
        return Err(ScimError::invalid_path(format!("{} has no parts.", known.name)));
    }
    if let Some(Some(sub)) = sub {
        let is_set = resource::get(resource, path).is_some();
        let is_settled = sub.mutability == Mutability::Immutable && is_set;
        if sub.mutability == Mutability::ReadOnly || is_settled {
            return refused(sub);
        }
    }
    let unassigns = match operation.kind {
        OperationKind::Add => false,
        OperationKind::Remove => true,
        OperationKind::Replace => operation.value.as_ref().is_none_or(is_unassigned),
    };
    if unassigns && known.is_required && path.sub.is_none() && path.filter.is_none() {
        return refused(known);
    }
    Ok(())
}

fn remove(resource: &mut Value, path: &AttributePath, value: &Value) -> Result<(), ScimError> {
    if is_unassigned(value) || path.filter.is_some() || path.sub.is_some() {
        // What is not there is gone already: a repeated removal does no harm.
        resource::remove(resource, path);
        return Ok(());
    }
    // Some name the elements to remove in a value.
    let known = path.known();
    let unwanted = coerce(known, value.clone())?;
    let Some(holder) = holder_mut(resource, path, false) else { return Ok(()) };
    let slot = member_mut(holder, &path.attribute);
    if let (Value::Array(elements), Value::Array(unwanted)) = (&mut *slot, &unwanted) {
        let keys: Vec<Key> = unwanted.iter().map(|element| Key::of(element, known)).collect();
        let exact: std::collections::HashSet<&Key> = keys.iter().collect();
        elements.retain(|element| {
            let key = Key::of(element, known);
            // A value without a type means all of its types.
            !exact.contains(&key) && !exact.contains(&Key { kind: None, ..key })
        });
        if elements.is_empty() {
            *slot = Value::Null;
        }
    } else {
        *slot = Value::Null;
    }
    if slot.is_null() {
        resource::remove(resource, path);
    }
    Ok(())
}

/// `add` and, with `replaces`, `replace`.
fn write(resource: &mut Value, path: &AttributePath, value: Value, replaces: bool) -> Result<(), ScimError> {
    if path.is_extension() {
        return Err(ScimError::invalid_value("The value of an extension must be an object."));
    }
    let known = path.known();
    let target = path.known_target();
    let is_many = known.is_some_and(|known| known.is_multi_valued)
        || resource::get(resource, &AttributePath { filter: None, sub: None, ..path.clone() })
            .is_some_and(Value::is_array)
        || path.filter.is_some()
        || (path.sub.is_none() && value.is_array());
    let value = match (&path.filter, &path.sub) {
        (None, None) => coerce(known, value)?,
        (Some(_), None) => coerce_one(known, value)?,
        (_, Some(_)) => coerce(target, value)?,
    };
    let Some(holder) = holder_mut(resource, path, true) else { return Ok(()) };
    let slot = member_mut(holder, canonical(known, &path.attribute));
    if is_many {
        write_elements(slot, path, known, value, replaces)
    } else {
        write_single(slot, path, known, value);
        Ok(())
    }
}

fn write_single(slot: &mut Value, path: &AttributePath, known: Option<&'static Attribute>, value: Value) {
    match (&path.sub, value) {
        (Some(sub), value) => put(slot, known, Some(sub), value),
        // The parts that are named change, the others stay (RFC 7644 §3.5.2.3).
        (None, Value::Object(parts)) if slot.is_object() => {
            for (name, part) in parts {
                *member_mut(as_object(slot), &name) = part;
            }
        }
        (None, value) => *slot = value,
    }
}

fn write_elements(
    slot: &mut Value,
    path: &AttributePath,
    known: Option<&'static Attribute>,
    value: Value,
    replaces: bool,
) -> Result<(), ScimError> {
    if !slot.is_array() {
        let alone = slot.take();
        *slot = if alone.is_null() { json!([]) } else { Value::Array(vec![alone]) };
    }
    let Some(elements) = slot.as_array_mut() else { return Ok(()) };
    let touched = match (&path.filter, &path.sub) {
        (None, None) => {
            let given = if let Value::Array(list) = value { list } else { vec![value] };
            if replaces {
                elements.clear();
            }
            add_elements(elements, given, known)
        }
        (filter, sub) => {
            let chosen = match filter {
                Some(filter) => matching(elements, filter, known),
                None => (0..elements.len()).collect(),
            };
            if !chosen.is_empty() {
                for at in &chosen {
                    if let Some(element) = elements.get_mut(*at) {
                        if replaces && sub.is_none() {
                            *element = json!({});
                        }
                        put(element, known, sub.as_deref(), value.clone());
                    }
                }
                chosen
            } else if replaces && filter.is_some() {
                return Err(ScimError::no_target("No value matches the filter of the path."));
            } else {
                let mut element =
                    filter.as_ref().map_or_else(|| json!({}), |filter| element_of(filter, known));
                put(&mut element, known, sub.as_deref(), value);
                if filter.as_ref().is_some_and(|filter| !matches_element(filter, &element, known)) {
                    return Err(ScimError::no_target(
                        "No value matches the filter of the path, nor would a new one.",
                    ));
                }
                elements.push(element);
                vec![elements.len() - 1]
            }
        }
    };
    settle_primary(elements, &touched);
    Ok(())
}

/// Adds what is not there yet; an element of the same value and type takes on the other parts. Answers which were touched.
fn add_elements(
    elements: &mut Vec<Value>,
    given: Vec<Value>,
    known: Option<&'static Attribute>,
) -> Vec<usize> {
    let mut index: HashMap<Key, usize> =
        elements.iter().enumerate().map(|(at, element)| (Key::of(element, known), at)).collect();
    let mut touched = Vec::new();
    for element in given.into_iter().filter(|element| !element.is_null()) {
        let key = Key::of(&element, known);
        let at = *index.entry(key).or_insert(elements.len());
        match elements.get_mut(at) {
            Some(there) => put(there, known, None, element),
            None => elements.push(element),
        }
        touched.push(at);
    }
    touched
}

/// What makes two elements the same: their value and type; of members the value alone; of what has no value, all of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    value: String,
    kind: Option<String>,
}

impl Key {
    fn of(element: &Value, known: Option<&'static Attribute>) -> Self {
        let has_case = known.is_some_and(|known| known.find_sub("value").unwrap_or(known).is_case_exact);
        let fold = |text: &str| if has_case { text.to_owned() } else { text.to_lowercase() };
        let value = if element.is_object() { member(element, "value") } else { Some(element) };
        match value {
            Some(value) if !value.is_null() => {
                let kind = if known.is_some_and(|known| known.name == "members") {
                    None
                } else {
                    member(element, "type").and_then(Value::as_str).map(str::to_lowercase)
                };
                Self { value: value.as_str().map_or_else(|| value.to_string(), fold), kind }
            }
            _ => Self { value: sorted(element), kind: None },
        }
    }
}

/// The element as text, its parts in the order of their names.
fn sorted(element: &Value) -> String {
    let Some(parts) = element.as_object() else { return element.to_string() };
    let mut parts: Vec<String> =
        parts.iter().map(|(name, part)| format!("\u{0}{}={part}", name.to_ascii_lowercase())).collect();
    parts.sort();
    parts.concat()
}

/// One element is primary at most: the one that was made so last (RFC 7643 §2.4).
fn settle_primary(elements: &mut [Value], touched: &[usize]) {
    let is_primary = |element: &Value| member(element, "primary").and_then(as_boolean) == Some(true);
    let winner = touched.iter().rev().find(|at| elements.get(**at).is_some_and(is_primary)).copied();
    let Some(winner) = winner else { return };
    for (at, element) in elements.iter_mut().enumerate() {
        if at != winner && is_primary(element) {
            *member_mut(as_object(element), "primary") = Value::Bool(false);
        }
    }
}
