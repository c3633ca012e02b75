//! Users: made, replaced, patched, deleted.

use serde_json::{Value, json};

use crate::scim::resource::{self, member};
use crate::scim::{AttributePath, ErrorKind, ScimError};

use super::answer::Answer;
use super::http::{Call, Lying};
use super::list::show;
use super::quirks::{Conflict, DeleteUser, ImmutableChange, PatchAnswer};
use super::rules;
use super::state::{Kind, Row, State};

/// Writes that a burst may have.
const BURST: f64 = 20.0;

/// The resource as it is answered after a write.
pub(super) fn shown(state: &State, call: &Call<'_>, kind: Kind, row: &Row, status: u16) -> Answer {
    let whole = show(state, call.quirks, call.base, kind, row, &call.projection);
    let location = format!("{}/{}/{}", call.base, kind.endpoint(), row.id);
    Answer {
        location: (status != 201 || !call.quirks.no_location).then_some(location),
        etag: (!call.quirks.no_etags).then(|| row.etag()),
        ..Answer::json(status, call.projection.apply(whole))
    }
}

/// A name that somebody else has, as this server says so.
pub(super) fn check_name(
    state: &State,
    call: &Call<'_>,
    kind: Kind,
    value: &Value,
    id: Option<&str>,
) -> Result<(), ScimError> {
    let name = member(value, kind.name()).and_then(Value::as_str).unwrap_or_default();
    if !state.table(kind).named(name).any(|row| Some(row.id.as_str()) != id) {
        return Ok(());
    }
    let text = format!("{} {name:?} is taken.", kind.name());
    Err(match call.quirks.conflict {
        Conflict::Uniqueness => ScimError::new(409, ErrorKind::Uniqueness, text),
        Conflict::NoType => ScimError::plain(409, text),
        Conflict::BadRequest => ScimError::plain(400, text),
        Conflict::ServerError => ScimError::plain(500, "Internal error."),
    })
}

pub(super) fn not_found(kind: Kind, id: &str) -> ScimError {
    ScimError::plain(404, format!("{} {id} not found.", kind.endpoint().trim_end_matches('s')))
}

/// `If-Match` (RFC 7644 §3.14).
pub(super) fn check_version(call: &Call<'_>, row: &Row) -> Result<(), ScimError> {
    let Some(wanted) = call.if_match.filter(|_| !call.quirks.no_etags) else { return Ok(()) };
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let holds = wanted.trim() == "*" || wanted.split(',').any(|tag| plain(tag) == plain(&row.etag()));
    if holds { Ok(()) } else { Err(ScimError::plain(412, "The resource was changed in between.")) }
}

/// The refusal of a write above the limit, where there is one.
fn limited(state: &mut State, call: &Call<'_>) -> Option<Answer> {
    let rate = f64::from(call.quirks.user_writes_per_minute?) / 60_000.0;
    let (left, at) = state.writes_left.unwrap_or((BURST, call.now));
    let elapsed = u32::try_from(call.now.since(at).max(0)).unwrap_or(u32::MAX);
    let left = (left + f64::from(elapsed) * rate).min(BURST);
    if left >= 1.0 {
        state.writes_left = Some((left - 1.0, call.now));
        return None;
    }
    state.writes_left = Some((left, call.now));
    let refused = Answer::error(call.quirks, &ScimError::plain(429, "Too many writes of users."));
    Some(Answer { retry_after: Some("1".to_owned()), ..refused })
}

pub(super) fn create(state: &mut State, call: &Call<'_>, body: Value) -> Result<Answer, ScimError> {
    if let Some(limited) = limited(state, call) {
        return Ok(limited);
    }
    rules::check_schemas(Kind::User, &body)?;
    let mut value = rules::normalise(Kind::User, body)?.0;
    if let Some(object) = value.as_object_mut() {
        object.entry("active").or_insert(json!(true));
    }
    rules::bend(call.quirks, Kind::User, &mut value)?;
    check_name(state, call, Kind::User, &value, None)?;
    let row = state.new_row(value, call.now);
    if call.lie.is_none() {
        state.insert(Kind::User, row.clone());
    }
    Ok(shown(state, call, Kind::User, &row, 201))
}

pub(super) fn replace(
    state: &mut State,
    call: &Call<'_>,
    id: &str,
    body: Value,
) -> Result<Answer, ScimError> {
    if let Some(limited) = limited(state, call) {
        return Ok(limited);
    }
    let row = state.users.find(id).ok_or_else(|| not_found(Kind::User, id))?;
    check_version(call, row)?;
    rules::check_schemas(Kind::User, &body)?;
    let was_active = member(&row.value, "active").cloned().unwrap_or(json!(true));
    let mut value = rules::normalise(Kind::User, body)?.0;
    let without = if call.quirks.put_without_active_suspends { json!(false) } else { was_active };
    if let Some(object) = value.as_object_mut() {
        object.entry("active").or_insert(without);
    }
    store(state, call, id, value, true)
}

pub(super) fn patch(state: &mut State, call: &Call<'_>, id: &str, body: &Value) -> Result<Answer, ScimError> {
    if let Some(limited) = limited(state, call) {
        return Ok(limited);
    }
    if call.quirks.patch_user == PatchAnswer::Unsupported {
        return Err(ScimError::plain(501, "PATCH is not supported."));
    }
    let row = state.users.find(id).ok_or_else(|| not_found(Kind::User, id))?;
    check_version(call, row)?;
    let mut whole = row.value.clone();
    rules::read_patch(call.quirks, body)?.apply(&mut whole)?;
    let value = rules::normalise(Kind::User, whole)?.0;
    store(state, call, id, value, call.quirks.patch_user == PatchAnswer::Body)
}

fn store(
    state: &mut State,
    call: &Call<'_>,
    id: &str,
    mut value: Value,
    with_body: bool,
) -> Result<Answer, ScimError> {
    let Some(row) = state.users.find(id) else { return Err(not_found(Kind::User, id)) };
    rules::bend(call.quirks, Kind::User, &mut value)?;
    let is_second = keep_immutable(call, row, &mut value)?;
    if is_second {
        check_name(state, call, Kind::User, &value, None)?;
        let second = state.new_row(value, call.now);
        if call.lie.is_none() {
            state.insert(Kind::User, second.clone());
        }
        return Ok(shown(state, call, Kind::User, &second, 200));
    }
    check_name(state, call, Kind::User, &value, Some(id))?;
    let is_inactive = resource::is_active(&value) == Some(false);
    let after = if let Some(Lying { echo }) = call.lie {
        let mut row = row.clone();
        if echo {
            row.value = value;
        }
        row
    } else {
        state.update(Kind::User, id, value, call.now);
        state.users.find(id).cloned().ok_or_else(|| not_found(Kind::User, id))?
    };
    let answer = if with_body {
        shown(state, call, Kind::User, &after, 200)
    } else {
        Answer { etag: (!call.quirks.no_etags).then(|| after.etag()), ..Answer::new(204) }
    };
    if is_inactive && call.quirks.inactive_is_gone && call.lie.is_none() {
        state.delete(call.base, Kind::User, id, call.now);
    }
    Ok(answer)
}

/// Puts immutable attributes back, or refuses. True when the change makes a second account.
fn keep_immutable(call: &Call<'_>, row: &Row, value: &mut Value) -> Result<bool, ScimError> {
    let mut is_second = false;
    for text in &call.quirks.immutable_attributes {
        let path = AttributePath::parse(text)?;
        let Some(before) = resource::get(&row.value, &path) else { continue };
        if resource::get(value, &path) == Some(before) {
            continue;
        }
        match call.quirks.immutable_change {
            ImmutableChange::Refused => {
                return Err(ScimError::new(400, ErrorKind::Mutability, format!("{text} can't be changed.")));
            }
            ImmutableChange::Ignored => resource::set(value, &path, before.clone()),
            ImmutableChange::SecondAccount => is_second = true,
        }
    }
    Ok(is_second)
}

pub(super) fn delete(state: &mut State, call: &Call<'_>, kind: Kind, id: &str) -> Result<Answer, ScimError> {
    if kind == Kind::User
        && let Some(limited) = limited(state, call)
    {
        return Ok(limited);
    }
    let row = state.table(kind).find(id).ok_or_else(|| not_found(kind, id))?;
    check_version(call, row)?;
    if call.lie.is_some() {
        return Ok(Answer::new(204));
    }
    let only_deactivates = kind == Kind::User && call.quirks.delete_user == DeleteUser::Deactivate;
    if only_deactivates && !call.quirks.inactive_is_gone {
        let mut value = row.value.clone();
        resource::set(&mut value, &AttributePath::of("active"), json!(false));
        state.update(kind, id, value, call.now);
    } else {
        state.delete(call.base, kind, id, call.now);
    }
    Ok(Answer::new(204))
}
