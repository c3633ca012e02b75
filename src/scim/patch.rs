//! PATCH (RFC 7644 §3.5.2): read from whatever clients write, built for servers, applied to a resource.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::error::ScimError;
use super::filter::{Comparison, Filter};
use super::path::AttributePath;
use super::resource::member;
use super::schema::{GROUP_URN, Mutability, USER_URN};

/// URN of the PATCH message.
pub const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Most operations of one PATCH.
pub const MAX_OPERATIONS: usize = 2000;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// `add`
    Add,
    /// `replace`
    Replace,
    /// `remove`
    Remove,
}

impl OperationKind {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// One operation of a PATCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// Where; without a path the value is an object of attributes.
    pub path: Option<AttributePath>,
    /// With what.
    pub value: Option<Value>,
}

/// A change of a group's members, for those who keep members elsewhere than in the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MembersChange {
    /// These come in.
    Add(Vec<String>),
    /// These go.
    Remove(Vec<String>),
    /// These are all there are.
    Replace(Vec<String>),
}

impl MembersChange {
    /// Whom it names.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        match self {
            Self::Add(ids) | Self::Remove(ids) | Self::Replace(ids) => ids,
        }
    }
}

/// What several changes of a group's members come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersDelta {
    /// All that there were go first.
    pub clears: bool,
    /// These come in.
    pub added: BTreeSet<String>,
    /// These go.
    pub removed: BTreeSet<String>,
}

impl MembersDelta {
    /// These are all there are.
    #[must_use]
    pub fn all_of(ids: impl IntoIterator<Item = String>) -> Self {
        Self { clears: true, added: ids.into_iter().collect(), removed: BTreeSet::new() }
    }

    /// Another change, after those before it.
    pub fn take(&mut self, change: MembersChange) {
        match change {
            MembersChange::Add(ids) => {
                for id in ids {
                    self.removed.remove(&id);
                    self.added.insert(id);
                }
            }
            MembersChange::Remove(ids) => {
                for id in ids {
                    self.added.remove(&id);
                    self.removed.insert(id);
                }
            }
            MembersChange::Replace(ids) => *self = Self::all_of(ids),
        }
    }
}

impl Operation {
    /// `add`
    #[must_use]
    pub fn add(path: AttributePath, value: Value) -> Self {
        Self { kind: OperationKind::Add, path: Some(path), value: Some(value) }
    }

    /// `replace`
    #[must_use]
    pub fn replace(path: AttributePath, value: Value) -> Self {
        Self { kind: OperationKind::Replace, path: Some(path), value: Some(value) }
    }

    /// `remove`
    #[must_use]
    pub fn remove(path: AttributePath) -> Self {
        Self { kind: OperationKind::Remove, path: Some(path), value: None }
    }

    /// `add` of members to a group.
    #[must_use]
    pub fn add_members<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let members: Vec<Value> = ids.into_iter().map(|id| json!({ "value": id })).collect();
        Self::add(AttributePath::of("members"), Value::Array(members))
    }

    /// `remove` of one member, by `members[value eq "id"]`.
    #[must_use]
    pub fn remove_member(id: &str) -> Self {
        Self::remove(AttributePath::of("members").filtered(Filter::equals("value", id)))
    }

    /// `remove` of members by path `members` and a list of values, as some servers want it.
    #[must_use]
    pub fn remove_member_values<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let list = Self::add_members(ids);
        Self { kind: OperationKind::Remove, ..list }
    }

    /// Reads one operation: `op` and the names in any case.
    ///
    /// # Errors
    /// `invalidSyntax`, `invalidPath`, or `invalidValue` when `add` has no value.
    pub fn read(value: &Value) -> Result<Self, ScimError> {
        let op = member(value, "op").and_then(Value::as_str).unwrap_or_default();
        let kind = [OperationKind::Add, OperationKind::Replace, OperationKind::Remove]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(op.trim()))
            .ok_or_else(|| ScimError::invalid_syntax("op must be add, replace or remove."))?;
        let path = match member(value, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => Some(AttributePath::parse(text)?),
            Some(_) => return Err(ScimError::invalid_path("path must be text.")),
        };
        let value = member(value, "value").cloned();
        if kind == OperationKind::Add && value.is_none() {
            return Err(ScimError::invalid_value("add needs a value."));
        }
        Ok(Self { kind, path, value })
    }

    /// As it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("op".to_owned(), json!(self.kind.as_str()));
        if let Some(path) = &self.path {
            out.insert("path".to_owned(), json!(path.to_string()));
        }
        if let Some(value) = &self.value {
            out.insert("value".to_owned(), value.clone());
        }
        Value::Object(out)
    }

    /// The operation as operations with a path each: an object without a path, or at the path of an extension, is taken
    /// apart. What only the service provider sets is left out there.
    ///
    /// # Errors
    /// `noTarget` for `remove` without a path, `invalidValue` and `invalidPath`.
    pub fn expanded(&self) -> Result<Vec<Self>, ScimError> {
        let urn = match &self.path {
            Some(path) if !path.is_extension() => return Ok(vec![self.clone()]),
            Some(path) if self.kind == OperationKind::Remove => return Ok(vec![Self::remove(path.clone())]),
            Some(path) => {
                let is_core =
                    [USER_URN, GROUP_URN].iter().any(|core| core.eq_ignore_ascii_case(&path.attribute));
                (!is_core).then(|| path.attribute.clone())
            }
            None if self.kind == OperationKind::Remove => {
                return Err(ScimError::no_target("remove needs a path."));
            }
            None => None,
        };
        let Some(Value::Object(parts)) = &self.value else {
            return Err(ScimError::invalid_value(
                "Without the path of an attribute the value must be an object.",
            ));
        };
        let mut out = Vec::new();
        for (name, value) in parts {
            let path = AttributePath::parse(name)?;
            let path = match &urn {
                Some(urn) if path.schema.is_none() => AttributePath { schema: Some(urn.clone()), ..path },
                _ => path,
            };
            let is_settled = path
                .known()
                .is_some_and(|known| known.name == "schemas" || known.mutability == Mutability::ReadOnly);
            if is_settled {
                continue;
            }
            let one = Self { kind: self.kind, path: Some(path), value: Some(value.clone()) };
            // `{"urn:…:User": {"department": …}}`, once.
            if urn.is_none() && one.path.as_ref().is_some_and(AttributePath::is_extension) {
                out.extend(one.expanded()?);
            } else {
                out.push(one);
            }
        }
        Ok(out)
    }

    /// The change of members that this operation is, when it is one and names members by their ids.
    ///
    /// # Errors
    /// `invalidValue` when what should be members is something else.
    pub fn members_change(&self) -> Result<Option<MembersChange>, ScimError> {
        let Some(path) = &self.path else { return Ok(None) };
        let is_members = path.known().is_some_and(|known| known.name == "members") && path.sub.is_none();
        if !is_members {
            return Ok(None);
        }
        let ids = || member_ids(self.value.as_ref().unwrap_or(&Value::Null));
        Ok(match (self.kind, &path.filter) {
            (OperationKind::Add, None) => Some(MembersChange::Add(ids()?)),
            (OperationKind::Replace, None) => Some(MembersChange::Replace(ids()?)),
            (OperationKind::Remove, None) => {
                let ids = ids()?;
                Some(if ids.is_empty() { MembersChange::Replace(ids) } else { MembersChange::Remove(ids) })
            }
            (OperationKind::Remove, Some(filter)) => named_values(filter).map(MembersChange::Remove),
            _ => None,
        })
    }
}

/// The ids of `[{"value": "id"}]`, of `["id"]` and of one of them alone; null is none.
///
/// # Errors
/// `invalidValue` when there is something without an id.
pub fn member_ids(value: &Value) -> Result<Vec<String>, ScimError> {
    let one = |element: &Value| {
        let id = if element.is_object() { member(element, "value") } else { Some(element) };
        match id {
            Some(Value::String(id)) if !id.is_empty() => Ok(id.clone()),
            Some(Value::Number(id)) => Ok(id.to_string()),
            _ => Err(ScimError::invalid_value("Each member needs a value: the id of a user.")),
        }
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => list.iter().map(one).collect(),
        alone => Ok(vec![one(alone)?]),
    }
}

/// The ids of `value eq "1" or value eq "2"`.
fn named_values(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare(path, Comparison::Equal, Value::String(id))
            if path.attribute.eq_ignore_ascii_case("value")
                && path.sub.is_none()
                && path.schema.is_none() =>
        {
            Some(vec![id.clone()])
        }
        Filter::Or(parts) => {
            let ids: Option<Vec<Vec<String>>> = parts.iter().map(named_values).collect();
            ids.map(|ids| ids.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// A PATCH.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchOp {
    /// Its operations, done in this order, all or none.
    pub operations: Vec<Operation>,
}

impl PatchOp {
    /// Reads a PATCH.
    ///
    /// # Errors
    /// `invalidSyntax` when it is none, `tooMany` above [`MAX_OPERATIONS`], and what [`Operation::read`] says.
    pub fn read(body: &Value) -> Result<Self, ScimError> {
        let operations = match member(body, "Operations") {
            Some(Value::Array(operations)) if !operations.is_empty() => operations,
            _ => return Err(ScimError::invalid_syntax("A PATCH needs Operations.")),
        };
        if operations.len() > MAX_OPERATIONS {
            let text = format!("A PATCH has at most {MAX_OPERATIONS} operations.");
            return Err(ScimError::new(400, super::ErrorKind::TooMany, text));
        }
        let operations: Result<Vec<Operation>, ScimError> = operations.iter().map(Operation::read).collect();
        Ok(Self { operations: operations? })
    }

    /// As it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let operations: Vec<Value> = self.operations.iter().map(Operation::to_json).collect();
        json!({ "schemas": [PATCH_URN], "Operations": operations })
    }

    /// Applies all operations, or none when one fails. True when the resource is another one than before.
    ///
    /// # Errors
    /// With the `scimType` of RFC 7644 table 9.
    pub fn apply(&self, resource: &mut Value) -> Result<bool, ScimError> {
        let mut changed = resource.clone();
        for operation in &self.operations {
            operation.apply(&mut changed)?;
        }
        let is_other = changed != *resource;
        *resource = changed;
        Ok(is_other)
    }
}

impl From<Vec<Operation>> for PatchOp {
    fn from(operations: Vec<Operation>) -> Self {
        Self { operations }
    }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
