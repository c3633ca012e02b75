//! Lists of people and groups over SCIM. Where an index tells who can match, only they are looked at; any other filter is
//! asked of one after the other, up to a bound.

use serde_json::Value;

use super::groups::{self as inbound_groups, MembersOf};
use super::users::{self as inbound_users, GroupsOf};
use super::{MAX_SEARCHED, Outcome};
use crate::base::Result;
use crate::db::{Db, Executor};
use crate::directory::groups::Group;
use crate::directory::person::Person;
use crate::directory::store::inbound::{self as store, Key};
use crate::scim::{AttributePath, Comparison, ErrorKind, Filter, PageRequest, ScimError};

/// Resources that are looked at together.
const STEP: i64 = 500;

/// Which list is asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The filter.
    pub filter: Option<&'a Filter>,
    /// Which page of what matches.
    pub page: PageRequest,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// How many there are in all.
    pub total: u64,
    /// Those of the page.
    pub items: Vec<T>,
}

/// Whether the attribute of this name stands in the filter.
fn asks(filter: &Filter, name: &str) -> bool {
    let is_it = |path: &AttributePath| {
        path.attribute.eq_ignore_ascii_case(name)
            || path.filter.as_ref().is_some_and(|inner| asks(inner, name))
    };
    match filter {
        Filter::Present(path) | Filter::Has(path) | Filter::Compare(path, _, _) => is_it(path),
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| asks(part, name)),
        Filter::Not(inner) => asks(inner, name),
    }
}

/// The key that everything that matches has, if the filter asks for one that there is an index of.
fn key<'a>(filter: &'a Filter, name: &str, members: &str) -> Option<Key<'a>> {
    let is_of_value =
        |path: &AttributePath| path.sub.as_ref().is_none_or(|part| part.eq_ignore_ascii_case("value"));
    filter.equalities()?.into_iter().find_map(|(path, value)| {
        let text = value.as_str()?;
        if path.extension().is_some() {
            return None;
        }
        let is = |attribute: &str| path.attribute.eq_ignore_ascii_case(attribute);
        match () {
            () if is("id") => Some(Key::Id(text)),
            () if is(name) => Some(Key::Name(text)),
            () if is("externalId") => Some(Key::External(text)),
            () if is("emails") && is_of_value(path) => Some(Key::Email(text)),
            () if !members.is_empty() && is(members) && is_of_value(path) => Some(Key::Member(text)),
            () => None,
        }
    })
}

/// `active eq true`, alone.
fn asks_active(filter: &Filter) -> Option<bool> {
    match filter {
        Filter::Compare(path, Comparison::Equal, Value::Bool(active))
            if path.attribute.eq_ignore_ascii_case("active")
                && path.sub.is_none()
                && path.filter.is_none()
                && path.extension().is_none() =>
        {
            Some(*active)
        }
        _ => None,
    }
}

/// A page, as a limit and an offset.
fn limits(page: PageRequest) -> (i64, i64) {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    (number(page.count), number(page.start_index - 1))
}

/// Keeps a page of what passes by, and counts all.
struct Collecting<T> {
    page: PageRequest,
    listed: Listed<T>,
}

impl<T> Collecting<T> {
    fn new(page: PageRequest) -> Self {
        Self { page, listed: Listed { total: 0, items: Vec::new() } }
    }

    fn take(&mut self, item: T) {
        let at = self.listed.total;
        self.listed.total += 1;
        let first = self.page.start_index - 1;
        if at >= first && at - first < self.page.count {
            self.listed.items.push(item);
        }
    }
}

fn too_many(what: &str) -> ScimError {
    let text = format!(
        "There are more than {MAX_SEARCHED} {what} to look through for this filter. Ask by id, name, externalId or e-mail, \
         or page through all of them without a filter."
    );
    ScimError::new(400, ErrorKind::TooMany, text)
}

pub(super) async fn users(db: &Db, origin: &str, asked: &Asked<'_>) -> Outcome<Listed<Person>> {
    let mut reader = db.reader();
    let active = asked.filter.and_then(asks_active);
    let (limit, offset) = limits(asked.page);
    let Some(filter) = asked.filter.filter(|_| active.is_none()) else {
        let total = store::count_people(&mut reader, active).await?;
        let items = store::people_page(&mut reader, active, limit, offset).await?;
        return Ok(Listed { total: u64::try_from(total).unwrap_or(0), items });
    };
    let mut found = Collecting::new(asked.page);
    if let Some(key) = key(filter, "userName", "") {
        let people = store::people_by(&mut reader, key).await?;
        sift_people(&mut reader, origin, filter, people, &mut found).await?;
        return Ok(found.listed);
    }
    let mut at: i64 = 0;
    loop {
        let people = store::people_page(&mut reader, None, STEP, at).await?;
        let count = i64::try_from(people.len()).unwrap_or(STEP);
        at += count;
        if usize::try_from(at).is_ok_and(|at| at > MAX_SEARCHED) {
            return Err(too_many("people").into());
        }
        sift_people(&mut reader, origin, filter, people, &mut found).await?;
        if count < STEP {
            return Ok(found.listed);
        }
    }
}

async fn sift_people(
    executor: &mut impl Executor,
    origin: &str,
    filter: &Filter,
    people: Vec<Person>,
    found: &mut Collecting<Person>,
) -> Result<()> {
    let groups = if asks(filter, "groups") {
        inbound_users::groups_of(executor, &people).await?
    } else {
        GroupsOf::new()
    };
    for person in people {
        if filter.matches(&inbound_users::shown(origin, &person, Some(&groups))) {
            found.take(person);
        }
    }
    Ok(())
}

pub(super) async fn groups(db: &Db, origin: &str, asked: &Asked<'_>) -> Outcome<Listed<Group>> {
    let mut reader = db.reader();
    let (limit, offset) = limits(asked.page);
    let Some(filter) = asked.filter else {
        let total = store::count_groups(&mut reader).await?;
        let items = store::groups_page(&mut reader, limit, offset).await?;
        return Ok(Listed { total: u64::try_from(total).unwrap_or(0), items });
    };
    let mut found = Collecting::new(asked.page);
    if let Some(key) = key(filter, "displayName", "members") {
        let groups = store::groups_by(&mut reader, key).await?;
        sift_groups(&mut reader, origin, filter, groups, &mut found).await?;
        return Ok(found.listed);
    }
    let mut at: i64 = 0;
    loop {
        let groups = store::groups_page(&mut reader, STEP, at).await?;
        let count = i64::try_from(groups.len()).unwrap_or(STEP);
        at += count;
        if usize::try_from(at).is_ok_and(|at| at > MAX_SEARCHED) {
            return Err(too_many("groups").into());
        }
        sift_groups(&mut reader, origin, filter, groups, &mut found).await?;
        if count < STEP {
            return Ok(found.listed);
        }
    }
}

async fn sift_groups(
    executor: &mut impl Executor,
    origin: &str,
    filter: &Filter,
    groups: Vec<Group>,
    found: &mut Collecting<Group>,
) -> Outcome<()> {
    let members = if asks(filter, "members") {
        inbound_groups::members_of(executor, &groups).await?
    } else {
        MembersOf::new()
    };
    for group in groups {
        if filter.matches(&inbound_groups::shown(origin, &group, Some(&members))) {
            found.take(group);
        }
    }
    Ok(())
}
