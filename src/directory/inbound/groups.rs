//! Groups over SCIM. A change of members costs what it changes, not what the group has.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::list::{Asked, Listed};
use super::{MAX_MEMBERS, Outcome, Seen, check_schemas, list, members, protected_person};
use crate::base::id::{GroupId, UserId};
use crate::base::{Ctx, Error, Result, urls};
use crate::db::{Db, Executor, Tx};
use crate::directory::groups::{self, Group};
use crate::directory::store::groups as group_store;
use crate::directory::store::inbound as store;
use crate::scim::patch::{self, MembersDelta};
use crate::scim::resource::{self, member};
use crate::scim::schema::GROUP_URN;
use crate::scim::{AttributePath, ErrorKind, Operation, PatchOp, ScimError, sent};

/// Operations of one PATCH that look through all members.
const MAX_LOOKS: usize = 10;

/// Members of groups, by group.
pub type MembersOf = HashMap<GroupId, Vec<UserId>>;

/// The tag of the group's version, without quotes: another one when somebody came or went.
#[must_use]
pub fn tag(group: &Group) -> String {
    format!("{}.{}", group.version, group.members_version)
}

/// The group as SCIM has it; `origin` is where this installation is reached. Without `members` they are left out.
#[must_use]
pub fn shown(origin: &str, group: &Group, members: Option<&MembersOf>) -> Value {
    let mut out = Map::new();
    out.insert("schemas".to_owned(), json!([GROUP_URN]));
    out.insert("id".to_owned(), json!(group.id));
    if let Some(external) = &group.external_id {
        out.insert("externalId".to_owned(), json!(external));
    }
    out.insert("displayName".to_owned(), json!(group.name));
    let members = members.and_then(|members| members.get(&group.id)).map_or(&[][..], Vec::as_slice);
    if !members.is_empty() {
        let one = |id: &UserId| {
            let reference = format!("{origin}{}", urls::scim_user(&id.to_string()));
            json!({ "value": id, "$ref": reference, "type": "User" })
        };
        out.insert("members".to_owned(), members.iter().map(one).collect());
    }
    let meta = json!({
        "resourceType": "Group",
        "created": group.created_at,
        "lastModified": group.updated_at.max(group.members_at),
        "location": format!("{origin}{}", urls::scim_group(&group.id.to_string())),
        "version": format!("W/\"{}\"", tag(group)),
    });
    out.insert("meta".to_owned(), meta);
    Value::Object(out)
}

/// Who is in these groups.
///
/// # Errors
/// `tooMany` above [`MAX_MEMBERS`] in all.
pub async fn members_of(executor: &mut impl Executor, groups: &[Group]) -> Outcome<MembersOf> {
    let most = i64::try_from(MAX_MEMBERS).unwrap_or(i64::MAX);
    let found = store::members_of(executor, groups, most + 1).await?;
    if found.values().map(Vec::len).sum::<usize>() > MAX_MEMBERS {
        let text = format!(
            "There are more than {MAX_MEMBERS} members to show. Leave them out by excludedAttributes=members, or ask for \
             fewer groups at once."
        );
        return Err(ScimError::new(400, ErrorKind::TooMany, text).into());
    }
    Ok(found)
}

/// The group with this id.
pub async fn find(executor: &mut impl Executor, id: GroupId) -> Result<Group> {
    groups::find(executor, id).await?.ok_or_else(|| Error::not_found("group"))
}

/// A page of groups, by name.
///
/// # Errors
/// `invalidFilter`, and `tooMany` when there are more groups, or members, than one search goes through.
pub async fn list(db: &Db, origin: &str, asked: &Asked<'_>) -> Outcome<Listed<Group>> {
    list::groups(db, origin, asked).await
}

/// The group, held, unless it is not inbound SCIM's to change. `seen` is what the caller saw.
pub async fn hold(tx: &mut Tx, id: GroupId, seen: &Seen) -> Result<Group> {
    if !group_store::lock(tx, id).await? {
        return Err(Error::not_found("group"));
    }
    let group = find(tx, id).await?;
    if group.built_in || !group.scim_managed {
        return Err(Error::forbidden(
            "protected_group",
            "This group is not managed by SCIM. An owner can give it to SCIM, on its page in the console, unless it is \
             built in.",
        ));
    }
    seen.check(&tag(&group))?;
    Ok(group)
}

/// The group, held, about to be deleted: unless somebody is in it whom inbound SCIM takes out of no group.
pub async fn hold_to_delete(tx: &mut Tx, id: GroupId, seen: &Seen) -> Result<Group> {
    let group = hold(tx, id, seen).await?;
    let members = store::members(tx, id).await?;
    if members.iter().all(|member| member.is_managed) { Ok(group) } else { Err(protected_person()) }
}

/// The attributes of a group that was sent, and its members apart.
fn read(sent: Value) -> std::result::Result<(Value, Vec<String>), ScimError> {
    check_schemas(GROUP_URN, &sent)?;
    split(sent)
}

fn split(sent: Value) -> std::result::Result<(Value, Vec<String>), ScimError> {
    let mut group = sent::written(GROUP_URN, "displayName", sent)?;
    let members = match group.as_object_mut().and_then(|group| group.shift_remove("members")) {
        Some(members) => patch::member_ids(&members)?,
        None => Vec::new(),
    };
    Ok((group, members))
}

fn apply(sent: &Value, group: &mut Group) {
    let text = |name: &str| member(sent, name).and_then(Value::as_str).map(str::to_owned);
    group.name = text("displayName").unwrap_or_default();
    group.external_id = text("externalId");
}

/// Creates a group, which is inbound SCIM's, with its members.
pub async fn create(db: &Db, ctx: &Ctx, sent: Value) -> Outcome<Group> {
    let now = ctx.now();
    let (sent, people) = read(sent)?;
    let mut group = Group {
        id: GroupId::generate(now, &ctx.random),
        name: String::new(),
        description: String::new(),
        built_in: false,
        member_count: 0,
        scim_managed: true,
        external_id: None,
        members_version: 1,
        members_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    apply(&sent, &mut group);
    let mut tx = db.begin().await?;
    let group = groups::insert(&mut tx, ctx, group).await?;
    members::change(&mut tx, ctx, &group, MembersDelta::all_of(people)).await?;
    let group = find(&mut tx, group.id).await?;
    tx.commit().await?;
    Ok(group)
}

/// Puts what was sent in the place of a group, members and all. Members who are not inbound SCIM's to change stay.
pub async fn replace(db: &Db, ctx: &Ctx, id: GroupId, seen: &Seen, sent: Value) -> Outcome<Group> {
    let (sent, people) = read(sent)?;
    let mut tx = db.begin().await?;
    let before = hold(&mut tx, id, seen).await?;
    store_change(tx, ctx, before, &sent, MembersDelta::all_of(people)).await
}

/// Patches a group as it is at this moment; `origin` is where this installation is reached.
pub async fn patch(
    db: &Db,
    ctx: &Ctx,
    origin: &str,
    id: GroupId,
    seen: &Seen,
    patch: &PatchOp,
) -> Outcome<Group> {
    let operations = expanded(patch)?;
    let mut tx = db.begin().await?;
    let before = hold(&mut tx, id, seen).await?;
    let mut there = Vec::new();
    if needs_members(&operations)? {
        let members = members_of(&mut tx, std::slice::from_ref(&before)).await?;
        there.extend(members.into_values().flatten().map(|id| id.to_string()));
    }
    let (sent, delta) = patched(shown(origin, &before, None), &there, operations)?;
    store_change(tx, ctx, before, &sent, delta).await
}

async fn store_change(
    mut tx: Tx,
    ctx: &Ctx,
    before: Group,
    sent: &Value,
    delta: MembersDelta,
) -> Outcome<Group> {
    let mut after = before.clone();
    apply(sent, &mut after);
    let group = groups::store_change(&mut tx, ctx, before, after).await?;
    members::change(&mut tx, ctx, &group, delta).await?;
    let group = find(&mut tx, group.id).await?;
    tx.commit().await?;
    Ok(group)
}

fn expanded(patch: &PatchOp) -> std::result::Result<Vec<Operation>, ScimError> {
    let mut out = Vec::new();
    for operation in &patch.operations {
        out.extend(operation.expanded()?);
    }
    Ok(out)
}

fn is_of_members(operation: &Operation) -> bool {
    operation.path.as_ref().is_some_and(|path| path.attribute.eq_ignore_ascii_case("members"))
}

/// Whether an operation names members otherwise than by their ids, so that all have to be looked at; there may be
/// [`MAX_LOOKS`] of them.
fn needs_members(operations: &[Operation]) -> std::result::Result<bool, ScimError> {
    let mut looks = 0;
    for operation in operations.iter().filter(|operation| is_of_members(operation)) {
        looks += usize::from(operation.members_change()?.is_none());
    }
    if looks > MAX_LOOKS {
        let text = format!(
            "One PATCH looks through all members {MAX_LOOKS} times at most. Name members by their ids."
        );
        return Err(ScimError::new(400, ErrorKind::TooMany, text));
    }
    Ok(looks > 0)
}

/// What a group becomes by the operations, in their order, and what they do to its members. `there` are its members, where
/// an operation needs them.
fn patched(
    mut group: Value,
    there: &[String],
    operations: Vec<Operation>,
) -> std::result::Result<(Value, MembersDelta), ScimError> {
    let mut delta = MembersDelta::default();
    for operation in operations {
        if !is_of_members(&operation) {
            PatchOp::from(vec![operation]).apply(&mut group)?;
            continue;
        }
        if let Some(change) = operation.members_change()? {
            delta.take(change);
            continue;
        }
        let stays = |id: &&String| !delta.clears && !delta.removed.contains(*id);
        let ids = there.iter().filter(stays).chain(&delta.added);
        let members: Vec<Value> = ids.map(|id| json!({ "value": id, "type": "User" })).collect();
        resource::set(&mut group, &AttributePath::of("members"), Value::Array(members));
        PatchOp::from(vec![operation]).apply(&mut group)?;
        let (rest, ids) = split(group)?;
        group = rest;
        delta = MembersDelta::all_of(ids);
    }
    Ok((split(group)?.0, delta))
}
