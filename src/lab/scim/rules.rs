//! What a resource that is sent must be: the standard's rules, then the quirks'.

use serde_json::{Map, Value};

use crate::scim::resource::{self, member};
use crate::scim::schema::{self, ENTERPRISE_URN, Schema, Type};
use crate::scim::{AttributePath, ErrorKind, Operation, OperationKind, PatchOp, ScimError, sent};

use super::quirks::{OperationCase, PathLess, Quirks, UnknownAttributes, UserName};
use super::state::{Kind, take_members};

fn invalid_value(text: impl Into<String>) -> ScimError {
    ScimError::new(400, ErrorKind::InvalidValue, text)
}

fn invalid_syntax(text: impl Into<String>) -> ScimError {
    ScimError::new(400, ErrorKind::InvalidSyntax, text)
}

/// The attributes that a client may write, spelt and typed as the standard says; of a group the ids of its members apart.
/// What only the server sets is left out.
pub(super) fn normalise(kind: Kind, sent: Value) -> Result<(Value, Vec<String>), ScimError> {
    let mut out = sent::written(kind.urn(), kind.name(), sent)?;
    let members = if kind == Kind::Group { take_members(&mut out)? } else { Vec::new() };
    Ok((out, members))
}

/// Whether `schemas` names the resource's own.
pub(super) fn check_schemas(kind: Kind, sent: &Value) -> Result<(), ScimError> {
    let list = member(sent, "schemas").and_then(Value::as_array);
    let names = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(kind.urn()));
    if list.is_some_and(|list| list.iter().any(names)) {
        Ok(())
    } else {
        Err(invalid_syntax(format!("schemas must name {}.", kind.urn())))
    }
}

/// Applies the quirks to a resource before it is stored.
pub(super) fn bend(quirks: &Quirks, kind: Kind, value: &mut Value) -> Result<(), ScimError> {
    if kind == Kind::Group {
        return unknown(quirks, value);
    }
    if quirks.no_enterprise && member(value, ENTERPRISE_URN).is_some() {
        return Err(invalid_syntax("The enterprise extension is not supported."));
    }
    for path in &quirks.dropped_attributes {
        resource::remove(value, &AttributePath::parse(path)?);
    }
    unknown(quirks, value)?;
    if quirks.single_valued {
        for name in ["emails", "phoneNumbers", "addresses"] {
            let count = member(value, name).and_then(Value::as_array).map_or(0, Vec::len);
            if count > 1 {
                return Err(invalid_value(format!("{name} takes one value.")));
            }
        }
    }
    for path in &quirks.required_attributes {
        if resource::get(value, &AttributePath::parse(path)?).is_none() {
            return Err(invalid_value(format!("{path} is required.")));
        }
    }
    check_user_name(quirks, value)
}

fn unknown(quirks: &Quirks, value: &mut Value) -> Result<(), ScimError> {
    let Some(object) = value.as_object_mut() else { return Ok(()) };
    if quirks.unknown_attributes == UnknownAttributes::Stored {
        return Ok(());
    }
    let is_known = |name: &str| schema::find(None, name).is_some() || Schema::find(name).is_some();
    if let Some(name) = object.keys().find(|name| !is_known(name))
        && quirks.unknown_attributes == UnknownAttributes::Refused
    {
        return Err(invalid_value(format!("{name} is not known here.")));
    }
    object.retain(|name, _| is_known(name));
    if let Some(schemas) = object.get_mut("schemas").and_then(Value::as_array_mut) {
        schemas.retain(|urn| urn.as_str().is_some_and(|urn| Schema::find(urn).is_some()));
    }
    Ok(())
}

fn check_user_name(quirks: &Quirks, value: &Value) -> Result<(), ScimError> {
    let name = member(value, "userName").and_then(Value::as_str).unwrap_or_default();
    let is_email =
        name.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    let first = AttributePath::of("emails").with_sub("value");
    let is_first = resource::text(value, &first).is_some_and(|email| email.eq_ignore_ascii_case(name));
    let wanted = match quirks.user_name {
        UserName::Email | UserName::FirstEmail if !is_email => "an e-mail address",
        UserName::FirstEmail if !is_first => "the first e-mail address",
        UserName::Any | UserName::Email | UserName::FirstEmail => return Ok(()),
    };
    Err(invalid_value(format!("userName must be {wanted}.")))
}

/// Reads a PATCH as this server takes it.
pub(super) fn read_patch(quirks: &Quirks, body: &Value) -> Result<PatchOp, ScimError> {
    let is_patch =
        |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(crate::scim::patch::PATCH_URN));
    let schemas = member(body, "schemas").and_then(Value::as_array);
    if !schemas.is_some_and(|list| list.iter().any(is_patch)) {
        return Err(invalid_syntax("schemas must name the PatchOp message."));
    }
    let raw = member(body, "Operations").and_then(Value::as_array);
    for operation in raw.into_iter().flatten() {
        check_spelling(quirks, operation)?;
    }
    let patch = PatchOp::read(body)?;
    for operation in &patch.operations {
        check_path_less(quirks, operation)?;
        if quirks.boolean_texts {
            check_boolean(operation)?;
        }
    }
    Ok(patch)
}

fn check_spelling(quirks: &Quirks, operation: &Value) -> Result<(), ScimError> {
    let op = member(operation, "op").and_then(Value::as_str).unwrap_or_default();
    let starts_upper = op.starts_with(|c: char| c.is_ascii_uppercase());
    let is_right = match quirks.operation_case {
        OperationCase::Any => true,
        OperationCase::Lower => !starts_upper,
        OperationCase::Capitalised => starts_upper,
    };
    if is_right { Ok(()) } else { Err(ScimError::plain(501, format!("{op:?} is not implemented."))) }
}

fn check_path_less(quirks: &Quirks, operation: &Operation) -> Result<(), ScimError> {
    if operation.path.is_some() || operation.kind == OperationKind::Remove {
        return Ok(());
    }
    let count = operation.value.as_ref().and_then(Value::as_object).map_or(0, Map::len);
    match quirks.path_less {
        PathLess::Any => Ok(()),
        PathLess::Single if count <= 1 => Ok(()),
        PathLess::Single => Err(invalid_syntax("Without a path there is one attribute at most.")),
        PathLess::Refused => Err(ScimError::new(400, ErrorKind::InvalidPath, "Each operation needs a path.")),
    }
}

fn check_boolean(operation: &Operation) -> Result<(), ScimError> {
    let path = operation.path.as_ref().and_then(AttributePath::known_target);
    let is_plain = operation.value.as_ref().is_some_and(Value::is_boolean);
    if is_plain && path.is_some_and(|known| known.kind == Type::Boolean) {
        return Err(invalid_value("A boolean must be the text True or False."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_is_spelt_as_the_standard_says() {
        let sent = json!({
            "Schemas": ["x"], "ID": "mine", "USERNAME": "b", "Active": "True", "emails": { "Value": "b@w.test" },
            "password": "secret", "groups": [{ "value": "g" }], "badge": 7, "title": null,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user": { "Manager": "26" },
        });
        let (value, _) = normalise(Kind::User, sent).unwrap();
        assert_eq!(
            value,
            json!({
                "userName": "b", "active": true, "emails": [{ "value": "b@w.test" }], "badge": 7,
                ENTERPRISE_URN: { "manager": { "value": "26" } },
                "schemas": [Kind::User.urn(), ENTERPRISE_URN],
            })
        );
        let (group, members) =
            normalise(Kind::Group, json!({ "displayName": "g", "Members": [{ "value": "1" }] })).unwrap();
        assert_eq!((member(&group, "members"), members), (None, vec!["1".to_owned()]));
        for sent in
            [json!([]), json!({}), json!({ "userName": "" }), json!({ "userName": "b", "active": "x" })]
        {
            assert!(normalise(Kind::User, sent).is_err());
        }
    }
}
