//! Groups, and who is in them: a change of members costs what it changes, not what the group has.

use serde_json::{Value, json};

use crate::scim::resource;
use crate::scim::{
    AttributePath, ErrorKind, MembersChange, MembersDelta, Operation, OperationKind, PatchOp, ScimError,
};

use super::answer::Answer;
use super::http::Call;
use super::quirks::{MemberRemoval, Members, PatchAnswer, Quirks, UnknownMember};
use super::rules;
use super::state::{Kind, Row, State, take_members};
use super::users::{check_name, check_version, not_found, shown};

pub(super) fn create(state: &mut State, call: &Call<'_>, body: Value) -> Result<Answer, ScimError> {
    rules::check_schemas(Kind::Group, &body)?;
    let (mut value, members) = rules::normalise(Kind::Group, body)?;
    rules::bend(call.quirks, Kind::Group, &mut value)?;
    if call.quirks.unique_group_names {
        check_name(state, call, Kind::Group, &value, None)?;
    }
    check_count(call.quirks, members.len())?;
    let members = known_members(state, call.quirks, members)?;
    check_size(call.quirks, members.len())?;
    let mut row = state.new_row(value, call.now);
    if call.quirks.members_on_create == Members::Kept {
        row.members = members.into_iter().map(|id| (id, call.quirks.pending_members)).collect();
    }
    if call.lie.is_none() {
        state.insert(Kind::Group, row.clone());
    }
    Ok(shown(state, call, Kind::Group, &row, 201))
}

pub(super) fn replace(
    state: &mut State,
    call: &Call<'_>,
    id: &str,
    body: Value,
) -> Result<Answer, ScimError> {
    let row = state.groups.find(id).ok_or_else(|| not_found(Kind::Group, id))?;
    check_version(call, row)?;
    rules::check_schemas(Kind::Group, &body)?;
    let (value, members) = rules::normalise(Kind::Group, body)?;
    if call.quirks.no_replace_all_members {
        return Err(replaces_all());
    }
    let delta =
        MembersDelta { clears: true, added: members.into_iter().collect(), ..MembersDelta::default() };
    store(state, call, id, value, delta, true)
}

fn replaces_all() -> ScimError {
    ScimError::new(400, ErrorKind::InvalidValue, "All members can't be replaced at once.")
}

pub(super) fn patch(state: &mut State, call: &Call<'_>, id: &str, body: &Value) -> Result<Answer, ScimError> {
    if call.quirks.patch_group == PatchAnswer::Unsupported {
        return Err(ScimError::plain(501, "PATCH is not supported."));
    }
    let row = state.groups.find(id).ok_or_else(|| not_found(Kind::Group, id))?;
    check_version(call, row)?;
    let patch = rules::read_patch(call.quirks, body)?;
    let mut value = row.value.clone();
    let mut delta = MembersDelta::default();
    let mut changes = 0;
    for operation in &patch.operations {
        check_removal(call.quirks, operation)?;
        for one in operation.expanded()? {
            match one.members_change()? {
                Some(change) => changes += change_members(call.quirks, &mut delta, change)?,
                None => generic(row, &mut value, &mut delta, one)?,
            }
        }
    }
    check_count(call.quirks, changes)?;
    let (value, _) = rules::normalise(Kind::Group, value)?;
    store(state, call, id, value, delta, call.quirks.patch_group == PatchAnswer::Body)
}

fn check_removal(quirks: &Quirks, operation: &Operation) -> Result<(), ScimError> {
    let Some(path) = operation.path.as_ref().filter(|path| path.attribute.eq_ignore_ascii_case("members"))
    else {
        return Ok(());
    };
    if operation.kind != OperationKind::Remove {
        return Ok(());
    }
    let names_values = operation.value.as_ref().is_some_and(|value| !value.is_null());
    match (quirks.member_removal, &path.filter) {
        (MemberRemoval::Values, Some(_)) => {
            Err(ScimError::plain(501, "A filter in a path is not implemented."))
        }
        (MemberRemoval::Filter, None) if names_values => Err(ScimError::new(
            400,
            ErrorKind::InvalidPath,
            "Members are removed by members[value eq \"id\"].",
        )),
        _ => Ok(()),
    }
}

/// Adds a change to what the request does; answers how many memberships it names.
fn change_members(
    quirks: &Quirks,
    delta: &mut MembersDelta,
    change: MembersChange,
) -> Result<usize, ScimError> {
    if quirks.no_replace_all_members && matches!(change, MembersChange::Replace(_)) {
        return Err(replaces_all());
    }
    let count = change.ids().len();
    delta.take(change);
    Ok(count)
}

/// An operation that names members otherwise than by their ids, or none: done to the whole.
fn generic(
    row: &Row,
    value: &mut Value,
    delta: &mut MembersDelta,
    operation: Operation,
) -> Result<(), ScimError> {
    let path = operation.path.clone();
    let is_members = path.as_ref().is_some_and(|path| path.attribute.eq_ignore_ascii_case("members"));
    if !is_members {
        PatchOp::from(vec![operation]).apply(value)?;
        return Ok(());
    }
    let stays = |id: &&String| !delta.clears && !delta.removed.contains(*id);
    let ids = row.members.keys().filter(stays).chain(&delta.added);
    let members: Vec<Value> = ids.map(|id| json!({ "value": id })).collect();
    resource::set(value, &AttributePath::of("members"), Value::Array(members));
    PatchOp::from(vec![operation]).apply(value)?;
    let added = take_members(value)?.into_iter().collect();
    *delta = MembersDelta { clears: true, added, ..MembersDelta::default() };
    Ok(())
}

fn check_count(quirks: &Quirks, changes: usize) -> Result<(), ScimError> {
    match quirks.member_changes_max {
        Some(max) if changes > max => {
            let text = format!("One request changes at most {max} memberships.");
            Err(ScimError::new(400, ErrorKind::TooMany, text))
        }
        _ => Ok(()),
    }
}

fn check_size(quirks: &Quirks, size: usize) -> Result<(), ScimError> {
    match quirks.members_max {
        Some(max) if size > max => Err(ScimError::plain(413, format!("A group has at most {max} members."))),
        _ => Ok(()),
    }
}

/// The ids that there is somebody of.
fn known_members(state: &State, quirks: &Quirks, mut ids: Vec<String>) -> Result<Vec<String>, ScimError> {
    if quirks.unknown_member == UnknownMember::Ignored {
        ids.retain(|id| state.is_known(id));
        return Ok(ids);
    }
    let Some(unknown) = ids.iter().find(|id| !state.is_known(id)) else { return Ok(ids) };
    let text = format!("There is no member {unknown}.");
    Err(match quirks.unknown_member {
        UnknownMember::NotFound => ScimError::plain(404, text),
        UnknownMember::ServerError => ScimError::plain(500, "Internal error."),
        UnknownMember::Refused | UnknownMember::Ignored => ScimError::new(400, ErrorKind::InvalidValue, text),
    })
}

fn store(
    state: &mut State,
    call: &Call<'_>,
    id: &str,
    mut value: Value,
    mut delta: MembersDelta,
    with_body: bool,
) -> Result<Answer, ScimError> {
    rules::bend(call.quirks, Kind::Group, &mut value)?;
    if call.quirks.unique_group_names {
        check_name(state, call, Kind::Group, &value, Some(id))?;
    }
    let added: Vec<String> = delta.added.into_iter().collect();
    delta.added = known_members(state, call.quirks, added)?.into_iter().collect();
    let Some(row) = state.groups.find(id) else { return Err(not_found(Kind::Group, id)) };
    if call.quirks.members_max.is_some() {
        let stay = if delta.clears {
            0
        } else {
            row.members.keys().filter(|id| !delta.removed.contains(*id)).count()
        };
        let come = delta.added.iter().filter(|id| delta.clears || !row.members.contains_key(*id)).count();
        check_size(call.quirks, stay + come)?;
    }
    let after = if let Some(lying) = call.lie {
        let mut row = row.clone();
        if lying.echo {
            row.value = value;
            row.members.retain(|id, _| !delta.clears && !delta.removed.contains(id));
            row.members.extend(delta.added.iter().map(|id| (id.clone(), false)));
        }
        Some(row)
    } else {
        state.update(Kind::Group, id, value, call.now);
        state.change_members(id, &delta, call.quirks.pending_members, call.now);
        None
    };
    let Some(row) = after.as_ref().or_else(|| state.groups.find(id)) else {
        return Err(not_found(Kind::Group, id));
    };
    if with_body {
        return Ok(shown(state, call, Kind::Group, row, 200));
    }
    Ok(Answer { etag: (!call.quirks.no_etags).then(|| row.etag()), ..Answer::new(204) })
}
