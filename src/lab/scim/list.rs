//! Lists: filters by the quirks, paging by index and by cursor.

use serde_json::{Value, json};

use crate::scim::filter::MAX_FILTER;
use crate::scim::{AttributePath, ErrorKind, Filter, ListResponse, PageRequest, Projection, ScimError};

use super::quirks::{Case, ExternalIdFilter, FilterSupport, Quirks};
use super::state::{Kind, Row, State};

/// What a list was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) filter: Option<&'a str>,
    pub(super) start_index: Option<&'a str>,
    pub(super) count: Option<&'a str>,
    pub(super) cursor: Option<&'a str>,
}

/// The list as it is answered.
pub(super) fn list(
    state: &State,
    quirks: &Quirks,
    base: &str,
    kind: Kind,
    asked: &Asked<'_>,
    projection: &Projection,
) -> Result<Value, ScimError> {
    let filter = read_filter(quirks, kind, asked.filter)?;
    let page = PageRequest::read(asked.start_index, asked.count, quirks.page_default, quirks.page_max)?;
    let shown = |row: &Row| projection.apply(show(state, quirks, base, kind, row, projection));
    if let (true, Some(cursor)) = (quirks.cursor_paging, asked.cursor) {
        let after = read_cursor(state, cursor)?;
        let mut rows = state.table(kind).after(after).filter(|(_, row)| {
            filter.as_ref().is_none_or(|filter| holds(state, quirks, base, kind, row, filter))
        });
        let wanted = usize::try_from(page.count.max(1)).unwrap_or(usize::MAX);
        let chosen: Vec<(u64, &Row)> = rows.by_ref().take(wanted).collect();
        let next =
            rows.next().and(chosen.last()).map(|(place, _)| format!("c{}-{place}", state.cursor_epoch));
        let list = ListResponse {
            items_per_page: Some(chosen.len() as u64),
            resources: chosen.into_iter().map(|(_, row)| shown(row)).collect(),
            next_cursor: next,
            ..ListResponse::default()
        };
        return Ok(list.to_json());
    }
    let take = |rows: &mut dyn Iterator<Item = &Row>| -> Vec<Value> {
        let skip = usize::try_from(page.start_index - 1).unwrap_or(usize::MAX);
        let count = usize::try_from(page.count).unwrap_or(usize::MAX);
        rows.skip(skip).take(count).map(shown).collect()
    };
    let (resources, total) = match &filter {
        None => (take(&mut state.table(kind).rows()), state.table(kind).len()),
        Some(filter) => {
            let rows: Vec<&Row> = candidates(state, kind, filter)
                .unwrap_or_else(|| state.table(kind).rows().collect())
                .into_iter()
                .filter(|row| holds(state, quirks, base, kind, row, filter))
                .collect();
            (take(&mut rows.iter().copied()), rows.len())
        }
    };
    Ok(ListResponse::page(resources, page, total as u64).to_json())
}

/// A resource as clients see it.
pub(super) fn show(
    state: &State,
    quirks: &Quirks,
    base: &str,
    kind: Kind,
    row: &Row,
    projection: &Projection,
) -> Value {
    let mut shown = match kind {
        Kind::User => state.user_json(base, row),
        Kind::Group => state.group_json(base, row, !quirks.members_hidden && projection.shows_members()),
    };
    if quirks.boolean_texts
        && let Some(active) = shown.get_mut("active")
        && let Some(is_active) = active.as_bool()
    {
        *active = json!(if is_active { "True" } else { "False" });
    }
    if quirks.no_etags
        && let Some(meta) = shown.get_mut("meta").and_then(Value::as_object_mut)
    {
        meta.shift_remove("version");
    }
    shown
}

fn read_filter(quirks: &Quirks, kind: Kind, text: Option<&str>) -> Result<Option<Filter>, ScimError> {
    let refused = |text: &str| ScimError::new(400, ErrorKind::InvalidFilter, text);
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    match quirks.filter {
        FilterSupport::Ignored => return Ok(None),
        FilterSupport::Unsupported => return Err(refused("Filters are not supported.")),
        FilterSupport::Full | FilterSupport::EqAnd | FilterSupport::Identifiers => {}
    }
    if text.len() > MAX_FILTER {
        return Err(refused("The filter is too long."));
    }
    let filter = Filter::parse(text)?;
    let Some(pairs) = filter.equalities() else {
        return if quirks.filter == FilterSupport::Full {
            Ok(Some(filter))
        } else {
            Err(refused("Only eq is supported."))
        };
    };
    if quirks.filter == FilterSupport::Identifiers {
        let is_identifier = |path: &AttributePath| {
            path.sub.is_none()
                && [kind.name(), "externalId"].iter().any(|name| name.eq_ignore_ascii_case(&path.attribute))
        };
        if pairs.len() != 1 || !pairs.iter().all(|(path, _)| is_identifier(path)) {
            return Err(refused("Only one eq on userName, externalId or displayName is supported."));
        }
    }
    let asks_external = pairs.iter().any(|(path, _)| path.attribute.eq_ignore_ascii_case("externalId"));
    match quirks.external_id_filter {
        ExternalIdFilter::All if asks_external => Ok(None),
        ExternalIdFilter::Nothing if asks_external => Ok(Some(Filter::equals("id", ""))),
        _ => Ok(Some(filter)),
    }
}

/// The rows that can match, where an index tells.
fn candidates<'a>(state: &'a State, kind: Kind, filter: &Filter) -> Option<Vec<&'a Row>> {
    for (path, value) in filter.equalities()? {
        let Some(text) = value.as_str() else { continue };
        let table = state.table(kind);
        let is = |name: &str| path.attribute.eq_ignore_ascii_case(name) && path.extension().is_none();
        if is("id") {
            return Some(table.find(text).into_iter().collect());
        }
        if is("externalId") {
            return Some(table.with_external_id(text).collect());
        }
        if is(kind.name()) {
            return Some(table.named(text).collect());
        }
        if asks_member(kind, path) {
            return Some(state.groups_of(text).collect());
        }
    }
    None
}

fn asks_member(kind: Kind, path: &AttributePath) -> bool {
    kind == Kind::Group
        && path.attribute.eq_ignore_ascii_case("members")
        && path.filter.is_none()
        && path.sub.as_ref().is_none_or(|sub| sub.eq_ignore_ascii_case("value"))
}

fn holds(state: &State, quirks: &Quirks, base: &str, kind: Kind, row: &Row, filter: &Filter) -> bool {
    let equalities = filter.equalities().unwrap_or_default();
    if quirks.user_name_filter == Case::Sensitive
        && equalities.iter().any(|(path, value)| {
            path.attribute.eq_ignore_ascii_case("userName") && row.value.get("userName") != Some(*value)
        })
    {
        return false;
    }
    match kind {
        Kind::User => filter.matches(&state.user_json(base, row)),
        Kind::Group => {
            // A large group is not written out to find one of its members.
            let asked: Vec<&str> = equalities
                .iter()
                .filter(|(path, _)| asks_member(kind, path))
                .filter_map(|(_, value)| value.as_str())
                .collect();
            let mut whole = state.group_json(base, row, equalities.is_empty());
            let found = asked.iter().filter(|id| row.members.get(**id) == Some(&false));
            let found: Vec<Value> = found.map(|id| json!({ "value": id })).collect();
            if let (false, Some(object)) = (equalities.is_empty(), whole.as_object_mut()) {
                object.insert("members".to_owned(), Value::Array(found));
            }
            filter.matches(&whole)
        }
    }
}

/// `c{epoch}-{place}`; empty is the beginning.
fn read_cursor(state: &State, cursor: &str) -> Result<u64, ScimError> {
    if cursor.is_empty() {
        return Ok(0);
    }
    let parts = cursor.strip_prefix('c').and_then(|rest| rest.split_once('-'));
    let parts =
        parts.and_then(|(epoch, place)| Some((epoch.parse::<u64>().ok()?, place.parse::<u64>().ok()?)));
    match parts {
        Some((epoch, place)) if epoch == state.cursor_epoch => Ok(place),
        Some(_) => Err(ScimError::new(400, ErrorKind::ExpiredCursor, "This cursor is too old.")),
        None => Err(ScimError::new(400, ErrorKind::InvalidCursor, "This is no cursor of ours.")),
    }
}
