//! A resource as a client sent it, in the form in which a server takes it.

use serde_json::{Map, Value, json};

use super::error::ScimError;
use super::resource::{coerce, member};
use super::schema::{self, Mutability, Schema};

/// The attributes that a client may write, spelt and typed as the standard says; attributes that the standard does not
/// know are kept. What only the server sets, and what nobody reads, is left out. `urn` is the resource's own schema and
/// `name` the attribute that it can't be without.
///
/// # Errors
/// `invalidSyntax` when it is no object, `invalidValue` when a value has another type or the name is missing.
pub fn written(urn: &str, name: &str, sent: Value) -> Result<Value, ScimError> {
    let Value::Object(sent) = sent else {
        return Err(ScimError::invalid_syntax("A resource must be an object."));
    };
    let mut out = Map::new();
    let mut extensions: Vec<String> = Vec::new();
    for (name, value) in sent {
        if value.is_null() {
            continue;
        }
        if name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
            let urn = Schema::find(&name).map_or(name, |schema| schema.id.to_owned());
            let value = extension(&urn, value)?;
            if value.as_object().is_some_and(|parts| !parts.is_empty()) {
                extensions.push(urn.clone());
                out.insert(urn, value);
            }
            continue;
        }
        let known = schema::find(None, &name);
        match known {
            Some(known) if known.mutability == Mutability::ReadOnly || known.name == "schemas" => {}
            // Nobody reads it, so nobody needs it here.
            Some(known) if known.mutability == Mutability::WriteOnly => {}
            Some(attribute) => {
                let value = coerce(known, value)?;
                if !value.as_array().is_some_and(Vec::is_empty) {
                    out.insert(attribute.name.to_owned(), value);
                }
            }
            None => drop(out.insert(name, value)),
        }
    }
    let mut schemas = vec![urn.to_owned()];
    schemas.append(&mut extensions);
    out.insert("schemas".to_owned(), json!(schemas));
    let out = Value::Object(out);
    let is_named = member(&out, name).and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if is_named { Ok(out) } else { Err(ScimError::invalid_value(format!("{name} is required."))) }
}

fn extension(urn: &str, value: Value) -> Result<Value, ScimError> {
    let Value::Object(parts) = value else {
        return Err(ScimError::invalid_value("An extension must be an object."));
    };
    let mut out = Map::new();
    for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_null()) {
        let known = schema::find(Some(urn), &name);
        out.insert(known.map_or(name, |known| known.name.to_owned()), coerce(known, part)?);
    }
    Ok(Value::Object(out))
}
