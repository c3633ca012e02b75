//! What the lab holds: users and groups, found by id, by name and by externalId without looking at all of them, and who is
//! in which group.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Map, Value, json};

use crate::base::{Random, Timestamp};
use crate::scim::resource::{self, member};
use crate::scim::schema::{GROUP_URN, USER_URN};
use crate::scim::{ErrorKind, MembersDelta, PatchOp, ScimError, patch};

use super::rules;

/// Deleted resources remembered at most.
const MAX_DELETED: usize = 10_000;

/// Users or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Group,
}

impl Kind {
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    pub(super) fn urn(self) -> &'static str {
        match self {
            Self::User => USER_URN,
            Self::Group => GROUP_URN,
        }
    }

    /// The attribute that names a resource.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }

    fn resource_type(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

/// A user or a group. Its members are not in the value, so that a change of one costs the same in any group.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    /// The attributes that clients write.
    pub(super) value: Value,
    /// Ids of members, with whether they wait for approval.
    pub(super) members: BTreeMap<String, bool>,
    pub(super) version: u64,
    created: Timestamp,
    modified: Timestamp,
}

impl Row {
    pub(super) fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    /// Members who need no approval any more.
    pub(super) fn shown_members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|(_, is_pending)| !**is_pending).map(|(id, _)| id.as_str())
    }

    fn text(&self, name: &str) -> Option<&str> {
        member(&self.value, name).and_then(Value::as_str)
    }
}

/// Rows of one kind.
#[derive(Debug)]
pub(super) struct Table {
    kind: Kind,
    last: u64,
    rows: BTreeMap<u64, Row>,
    by_id: HashMap<String, u64>,
    by_name: HashMap<String, BTreeSet<u64>>,
    by_external: HashMap<String, BTreeSet<u64>>,
}

impl Table {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            last: 0,
            rows: BTreeMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            by_external: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows in the order in which they were made.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Rows made after this one, each with its place.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = (u64, &Row)> {
        self.rows.range(place.saturating_add(1)..).map(|(place, row)| (*place, row))
    }

    pub(super) fn find(&self, id: &str) -> Option<&Row> {
        self.rows.get(self.by_id.get(id)?)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Row> {
        self.rows.get_mut(self.by_id.get(id)?)
    }

    /// Rows of this name, in any case.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Row> {
        self.by_name.get(&name.to_lowercase()).into_iter().flatten().filter_map(|place| self.rows.get(place))
    }

    pub(super) fn with_external_id(&self, id: &str) -> impl Iterator<Item = &Row> {
        self.by_external.get(id).into_iter().flatten().filter_map(|place| self.rows.get(place))
    }

    fn enter(&mut self, place: u64, enters: bool) {
        let Some(row) = self.rows.get(&place) else { return };
        let name = row.text(self.kind.name()).map(str::to_lowercase);
        let external = row.text("externalId").map(str::to_owned);
        for (index, key) in [(&mut self.by_name, name), (&mut self.by_external, external)] {
            let Some(key) = key else { continue };
            if enters {
                index.entry(key).or_default().insert(place);
            } else if let Some(places) = index.get_mut(&key) {
                places.remove(&place);
                if places.is_empty() {
                    index.remove(&key);
                }
            }
        }
    }

    fn insert(&mut self, row: Row) {
        self.last += 1;
        self.by_id.insert(row.id.clone(), self.last);
        self.rows.insert(self.last, row);
        self.enter(self.last, true);
    }

    /// Puts the value into the row of this id. False when it had it already.
    fn update(&mut self, id: &str, value: Value, now: Timestamp) -> bool {
        let Some(place) = self.by_id.get(id).copied() else { return false };
        if self.rows.get(&place).is_none_or(|row| row.value == value) {
            return false;
        }
        self.enter(place, false);
        if let Some(row) = self.rows.get_mut(&place) {
            row.value = value;
            touch(row, now);
        }
        self.enter(place, true);
        true
    }

    fn delete(&mut self, id: &str) -> Option<Row> {
        let place = self.by_id.remove(id)?;
        self.enter(place, false);
        self.rows.remove(&place)
    }
}

fn touch(row: &mut Row, now: Timestamp) {
    row.version += 1;
    row.modified = now;
}

#[derive(Debug)]
pub(super) struct State {
    random: Random,
    pub(super) users: Table,
    pub(super) groups: Table,
    /// Groups of each member.
    memberships: HashMap<String, BTreeSet<String>>,
    pub(super) deleted: VecDeque<Value>,
    pub(super) cursor_epoch: u64,
    /// Tokens left for writes of users, and when they were counted.
    pub(super) writes_left: Option<(f64, Timestamp)>,
}

impl State {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            users: Table::new(Kind::User),
            groups: Table::new(Kind::Group),
            memberships: HashMap::new(),
            deleted: VecDeque::new(),
            cursor_epoch: 0,
            writes_left: None,
        }
    }

    pub(super) fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
        }
    }

    /// A row that is not stored yet.
    pub(super) fn new_row(&self, value: Value, now: Timestamp) -> Row {
        let id = uuid::Builder::from_random_bytes(self.random.bytes()).into_uuid().to_string();
        Row { id, value, members: BTreeMap::new(), version: 1, created: now, modified: now }
    }

    pub(super) fn insert(&mut self, kind: Kind, row: Row) {
        for id in row.members.keys() {
            self.memberships.entry(id.clone()).or_default().insert(row.id.clone());
        }
        self.table_mut(kind).insert(row);
    }

    pub(super) fn update(&mut self, kind: Kind, id: &str, value: Value, now: Timestamp) -> bool {
        self.table_mut(kind).update(id, value, now)
    }

    /// Deletes it, and takes it out of the groups that it was in.
    pub(super) fn delete(&mut self, base: &str, kind: Kind, id: &str, now: Timestamp) -> bool {
        let Some(row) = self.table(kind).find(id) else { return false };
        let shown = match kind {
            Kind::User => self.user_json(base, row),
            Kind::Group => self.group_json(base, row, true),
        };
        self.deleted.push_back(shown);
        if self.deleted.len() > MAX_DELETED {
            self.deleted.pop_front();
        }
        for group in self.memberships.remove(id).unwrap_or_default() {
            if let Some(row) = self.groups.find_mut(&group) {
                row.members.remove(id);
                touch(row, now);
            }
        }
        if let Some(row) = self.table_mut(kind).delete(id) {
            for member in row.members.keys() {
                self.leave(member, &row.id);
            }
        }
        true
    }

    fn leave(&mut self, member: &str, group: &str) {
        if let Some(groups) = self.memberships.get_mut(member) {
            groups.remove(group);
            if groups.is_empty() {
                self.memberships.remove(member);
            }
        }
    }

    /// Changes members; who comes in waits when `waits`. True when something changed.
    pub(super) fn change_members(
        &mut self,
        group: &str,
        delta: &MembersDelta,
        waits: bool,
        now: Timestamp,
    ) -> bool {
        let Some(row) = self.groups.find_mut(group) else { return false };
        let mut gone: Vec<String> = Vec::new();
        if delta.clears {
            gone.extend(row.members.keys().filter(|id| !delta.added.contains(*id)).cloned());
        } else {
            gone.extend(delta.removed.iter().filter(|id| row.members.contains_key(*id)).cloned());
        }
        let come: Vec<String> =
            delta.added.iter().filter(|id| !row.members.contains_key(*id)).cloned().collect();
        if gone.is_empty() && come.is_empty() {
            return false;
        }
        for id in &gone {
            row.members.remove(id);
        }
        for id in &come {
            row.members.insert(id.clone(), waits);
        }
        touch(row, now);
        for id in gone {
            self.leave(&id, group);
        }
        for id in come {
            self.memberships.entry(id).or_default().insert(group.to_owned());
        }
        true
    }

    /// Groups that somebody is in.
    pub(super) fn groups_of(&self, member: &str) -> impl Iterator<Item = &Row> {
        self.memberships.get(member).into_iter().flatten().filter_map(|id| self.groups.find(id))
    }

    /// Whether there is a user or a group of this id.
    pub(super) fn is_known(&self, id: &str) -> bool {
        self.users.find(id).is_some() || self.groups.find(id).is_some()
    }

    pub(super) fn user_json(&self, base: &str, row: &Row) -> Value {
        let mut out = framed(Kind::User, row);
        let groups: Vec<Value> = self
            .groups_of(&row.id)
            .filter(|group| group.members.get(&row.id) == Some(&false))
            .map(|group| {
                json!({
                    "value": group.id,
                    "$ref": format!("{base}/Groups/{}", group.id),
                    "display": group.text("displayName").unwrap_or_default(),
                    "type": "direct",
                })
            })
            .collect();
        if !groups.is_empty() {
            out.insert("groups".to_owned(), Value::Array(groups));
        }
        meta(&mut out, base, Kind::User, row)
    }

    pub(super) fn group_json(&self, base: &str, row: &Row, with_members: bool) -> Value {
        let mut out = framed(Kind::Group, row);
        if with_members {
            let members: Vec<Value> = row.shown_members().map(|id| self.member_json(base, id)).collect();
            if !members.is_empty() {
                out.insert("members".to_owned(), Value::Array(members));
            }
        }
        meta(&mut out, base, Kind::Group, row)
    }

    fn member_json(&self, base: &str, id: &str) -> Value {
        let kind = if self.users.find(id).is_some() { Kind::User } else { Kind::Group };
        json!({
            "value": id,
            "$ref": format!("{base}/{}/{id}", kind.endpoint()),
            "type": kind.resource_type(),
        })
    }

    pub(super) fn seed_user(&mut self, user: Value, now: Timestamp) -> Result<String, ScimError> {
        let value = rules::normalise(Kind::User, user)?.0;
        let name = member(&value, "userName").and_then(Value::as_str).unwrap_or_default();
        if self.users.named(name).next().is_some() {
            return Err(ScimError::new(409, ErrorKind::Uniqueness, "This user name is taken."));
        }
        let row = self.new_row(value, now);
        let id = row.id.clone();
        self.insert(Kind::User, row);
        Ok(id)
    }

    pub(super) fn seed_group(&mut self, group: Value, now: Timestamp) -> Result<String, ScimError> {
        let (value, members) = rules::normalise(Kind::Group, group)?;
        if members.iter().any(|id| !self.is_known(id)) {
            return Err(ScimError::new(400, ErrorKind::InvalidValue, "A member is unknown."));
        }
        let mut row = self.new_row(value, now);
        row.members = members.into_iter().map(|id| (id, false)).collect();
        let id = row.id.clone();
        self.insert(Kind::Group, row);
        Ok(id)
    }

    pub(super) fn change(&mut self, id: &str, patch: &Value, now: Timestamp) -> Result<bool, ScimError> {
        let kind = if self.users.find(id).is_some() { Kind::User } else { Kind::Group };
        let Some(row) = self.table(kind).find(id) else { return Ok(false) };
        let mut whole = row.value.clone();
        if kind == Kind::Group {
            let members: Vec<Value> = row.members.keys().map(|id| json!({ "value": id })).collect();
            resource::set(&mut whole, &crate::scim::AttributePath::of("members"), Value::Array(members));
        }
        PatchOp::read(patch)?.apply(&mut whole)?;
        let (value, members) = rules::normalise(kind, whole)?;
        self.update(kind, id, value, now);
        if kind == Kind::Group {
            let delta = MembersDelta {
                clears: true,
                added: members.into_iter().collect(),
                ..MembersDelta::default()
            };
            self.change_members(id, &delta, false, now);
        }
        Ok(true)
    }

    pub(super) fn remove(&mut self, base: &str, id: &str, now: Timestamp) -> bool {
        self.delete(base, Kind::User, id, now) || self.delete(base, Kind::Group, id, now)
    }

    pub(super) fn approve(&mut self, group: Option<&str>, now: Timestamp) -> usize {
        let mut approved = 0;
        for row in self.groups.rows.values_mut().filter(|row| group.is_none_or(|group| row.id == group)) {
            let before = approved;
            for is_pending in row.members.values_mut().filter(|is_pending| **is_pending) {
                *is_pending = false;
                approved += 1;
            }
            if approved > before {
                touch(row, now);
            }
        }
        approved
    }
}

/// `schemas` and `id` first, then what clients wrote.
fn framed(kind: Kind, row: &Row) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("schemas".to_owned(), json!([kind.urn()]));
    out.insert("id".to_owned(), json!(row.id));
    for (name, value) in row.value.as_object().into_iter().flatten() {
        out.insert(name.clone(), value.clone());
    }
    out
}

fn meta(out: &mut Map<String, Value>, base: &str, kind: Kind, row: &Row) -> Value {
    let meta = json!({
        "resourceType": kind.resource_type(),
        "created": row.created,
        "lastModified": row.modified,
        "location": format!("{base}/{}/{}", kind.endpoint(), row.id),
        "version": row.etag(),
    });
    out.insert("meta".to_owned(), meta);
    Value::Object(std::mem::take(out))
}

/// The ids of members in a resource that was sent, taken out of it.
pub(super) fn take_members(value: &mut Value) -> Result<Vec<String>, ScimError> {
    let Some(object) = value.as_object_mut() else { return Ok(Vec::new()) };
    let Some(name) = object.keys().find(|name| name.eq_ignore_ascii_case("members")).cloned() else {
        return Ok(Vec::new());
    };
    patch::member_ids(&object.shift_remove(&name).unwrap_or(Value::Null))
}
