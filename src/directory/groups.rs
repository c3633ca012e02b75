//! Operations on groups, and the built-in group `Everyone`, which has all active people in it and can't be changed.

use serde::{Deserialize, Serialize};

use crate::base::id::{GroupId, UserId};
use crate::base::paging::{Page, PageRequest};
use crate::base::{Ctx, Error, FieldError, Result, Timestamp};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor, Tx, is_unique_violation};
use crate::directory::login_name::fold;
use crate::directory::people::check_version;
use crate::directory::store::groups as store;
use crate::directory::validate::{self, Faults};
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify, notify_all};

/// Name of the built-in group.
pub const EVERYONE: &str = "Everyone";

/// A group of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// The id, never reused.
    #[schema(value_type = String)]
    pub id: GroupId,
    /// Name, unique in any case.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it is `Everyone`: all active people, not editable.
    pub built_in: bool,
    /// How many people are in it.
    pub member_count: i64,
    /// Whether inbound SCIM may change it.
    pub scim_managed: bool,
    /// What the SCIM client that manages it calls it.
    pub external_id: Option<String>,
    /// Raised by each change of who is in it.
    #[serde(skip)]
    pub members_version: i64,
    /// When it was last changed who is in it.
    #[serde(skip)]
    pub members_at: Timestamp,
    /// Raised by each change of name or description; the `ETag`.
    pub version: i64,
    /// When it was created.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When its name or description was last changed.
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
}

/// A group to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// 1 to 128 characters.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

/// Changes to a group (RFC 7396): what is absent stays; an empty description clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupPatch {
    /// 1 to 128 characters.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<String>,
    /// What it is for; `null` or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    pub description: Option<String>,
    /// Whether inbound SCIM may change it.
    #[serde(default, deserialize_with = "switched")]
    pub scim_managed: Option<bool>,
}

/// Reads `null` as the empty text, so that it clears where absence keeps.
fn nullable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| Some(text.unwrap_or_default()))
}

/// A group always has a name, so `null` is no value for it.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Nor is `null` yes or no.
fn switched<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    bool::deserialize(deserializer).map(Some)
}

/// Makes the built-in group unless it is there; answers its id. Called at each start.
pub async fn ensure_everyone(db: &Db, ctx: &Ctx) -> Result<GroupId> {
    if let Some(id) = store::find_built_in(&mut db.reader()).await? {
        return Ok(id);
    }
    let mut tx = db.begin().await?;
    let now = ctx.now();
    let group = Group {
        id: GroupId::generate(now, &ctx.random),
        name: EVERYONE.to_owned(),
        description: "All active people.".to_owned(),
        built_in: true,
        member_count: 0,
        scim_managed: false,
        external_id: None,
        members_version: 1,
        members_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if store::insert(&mut tx, &group).await? {
        let event =
            Event::new(EventName::GroupCreate).target("group", group.id, EVERYONE).detail("built_in", true);
        record(&mut tx, ctx, event).await?;
        bump(&mut tx, Scope::Directory).await?;
    }
    tx.commit().await?;
    store::find_built_in(&mut db.reader())
        .await?
        .ok_or_else(|| Error::internal("the name Everyone belongs to a group that is not the built-in one"))
}

/// Creates a group.
pub async fn create(db: &Db, ctx: &Ctx, new: NewGroup) -> Result<Group> {
    let mut tx = db.begin().await?;
    let group = create_in(&mut tx, ctx, new).await?;
    tx.commit().await?;
    Ok(group)
}

/// [`create`] in the caller's transaction.
pub async fn create_in(tx: &mut Tx, ctx: &Ctx, new: NewGroup) -> Result<Group> {
    let now = ctx.now();
    let group = Group {
        id: GroupId::generate(now, &ctx.random),
        name: new.name,
        description: new.description.unwrap_or_default(),
        built_in: false,
        member_count: 0,
        scim_managed: false,
        external_id: None,
        members_version: 1,
        members_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    insert(tx, ctx, group).await
}

/// Writes a new group with its event.
pub(in crate::directory) async fn insert(tx: &mut Tx, ctx: &Ctx, mut group: Group) -> Result<Group> {
    normalise(&mut group)?;
    if !store::insert(tx, &group).await? {
        return Err(name_taken());
    }
    let event = Event::new(EventName::GroupCreate).target("group", group.id, &group.name);
    record(tx, ctx, event).await?;
    bump(tx, Scope::Directory).await?;
    Ok(group)
}

/// The group with this id.
pub async fn find(executor: &mut impl Executor, id: GroupId) -> Result<Option<Group>> {
    store::find(executor, id).await
}

/// The group of this name, in any case.
pub async fn find_by_name(executor: &mut impl Executor, name: &str) -> Result<Option<Group>> {
    match store::find_id_by_name(executor, name).await? {
        Some(id) => store::find(executor, id).await,
        None => Ok(None),
    }
}

/// The name of a group, without counting who is in it.
pub async fn find_name(executor: &mut impl Executor, id: GroupId) -> Result<Option<String>> {
    store::find_name(executor, id).await
}

/// Id of the group of this name, in any case, without counting who is in it.
pub async fn find_id_by_name(executor: &mut impl Executor, name: &str) -> Result<Option<GroupId>> {
    store::find_id_by_name(executor, name).await
}

/// A page of groups in the order of their names; `search` is a part of the name.
pub async fn list(db: &Db, search: Option<&str>, page: &PageRequest) -> Result<Page<Group>> {
    list_in(&mut db.reader(), search, page).await
}

/// [`list`] as a transaction sees it.
pub async fn list_in(
    executor: &mut impl Executor,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let rows = store::list(executor, search, page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, |group| fold(&group.name)))
}

/// A page of the groups a person is in, `Everyone` among them when the person is active.
pub async fn of_user(db: &Db, user: UserId, page: &PageRequest) -> Result<Page<Group>> {
    let rows = store::of_user(&mut db.reader(), user, page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, |group| fold(&group.name)))
}

/// Ids of all groups a person is in, `Everyone` among them when the person is active.
pub async fn ids_of_user(executor: &mut impl Executor, user: UserId) -> Result<Vec<GroupId>> {
    store::ids_of_user(executor, user).await
}

/// Ids and names of all groups of a person, by name, `Everyone` among them while the person is active.
pub async fn names_of_user(executor: &mut impl Executor, user: UserId) -> Result<Vec<(GroupId, String)>> {
    store::names_of_user(executor, user).await
}

/// Renames or describes a group. `if_match` is the version the caller saw.
pub async fn update(
    db: &Db,
    ctx: &Ctx,
    id: GroupId,
    if_match: Option<i64>,
    patch: GroupPatch,
) -> Result<Group> {
    let mut tx = db.begin().await?;
    let group = update_in(&mut tx, ctx, id, if_match, patch).await?;
    tx.commit().await?;
    Ok(group)
}

/// [`update`] in the caller's transaction.
pub async fn update_in(
    tx: &mut Tx,
    ctx: &Ctx,
    id: GroupId,
    if_match: Option<i64>,
    patch: GroupPatch,
) -> Result<Group> {
    let before = locked(tx, id).await?;
    check_version(before.version, if_match)?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        after.name = name;
    }
    if let Some(description) = patch.description {
        after.description = description;
    }
    if let Some(managed) = patch.scim_managed {
        after.scim_managed = managed;
    }
    store_change(tx, ctx, before, after).await
}

/// Writes what a group that is held has become, with its events.
pub(in crate::directory) async fn store_change(
    tx: &mut Tx,
    ctx: &Ctx,
    before: Group,
    mut after: Group,
) -> Result<Group> {
    normalise(&mut after)?;
    if after == before {
        return Ok(before);
    }
    after.version += 1;
    after.updated_at = ctx.now();
    store::update(tx, &after)
        .await
        .map_err(|error| if is_unique_violation(&error) { name_taken() } else { error })?;
    if after.scim_managed != before.scim_managed {
        let name =
            if after.scim_managed { EventName::ScimManagementGive } else { EventName::ScimManagementTake };
        record(tx, ctx, Event::new(name).target("group", after.id, &after.name)).await?;
    }
    let described =
        |group: &Group| (group.name.clone(), group.description.clone(), group.external_id.clone());
    if described(&after) != described(&before) {
        let event = Event::new(EventName::GroupUpdate)
            .target("group", after.id, &after.name)
            .personal("before", serde_json::json!({"name": before.name, "description": before.description}))
            .personal("after", serde_json::json!({"name": after.name, "description": after.description}));
        record(tx, ctx, event).await?;
        notify(tx, Notice::Group { group: after.id }).await?;
    }
    bump(tx, Scope::Directory).await?;
    Ok(after)
}

/// Deletes a group with its memberships and its bindings to applications. The name is free at once.
pub async fn delete(tx: &mut Tx, ctx: &Ctx, group: &Group) -> Result<()> {
    let members = store::member_ids(tx, group.id).await?;
    let left = members.into_iter().map(|user| Notice::Member { group: group.id, user, leaving: true });
    notify_all(tx, &left.chain([Notice::Group { group: group.id }]).collect::<Vec<_>>()).await?;
    store::delete(tx, group.id).await?;
    let event = Event::new(EventName::GroupDelete)
        .target("group", group.id, &group.name)
        .detail("members", group.member_count);
    record(tx, ctx, event).await?;
    bump(tx, Scope::Directory).await
}

/// A group that is about to be deleted, kept from other writers. `if_match` is the version the caller saw.
pub async fn hold(tx: &mut Tx, id: GroupId, if_match: Option<i64>) -> Result<Group> {
    let group = locked(tx, id).await?;
    check_version(group.version, if_match)?;
    Ok(group)
}

/// The group, kept from other writers, unless it is the built-in one.
pub(in crate::directory) async fn locked(tx: &mut Tx, id: GroupId) -> Result<Group> {
    if !store::lock(tx, id).await? {
        return Err(Error::not_found("group"));
    }
    let group = store::find(tx, id).await?.ok_or_else(|| Error::not_found("group"))?;
    if group.built_in {
        return Err(Error::conflict(
            "built_in_group",
            "Everyone has all active people in it and can't be changed or deleted.",
        ));
    }
    Ok(group)
}

fn normalise(group: &mut Group) -> Result<()> {
    let mut faults = Faults::default();
    match validate::text(&mut faults, "name", &group.name, 128) {
        Some(name) => group.name = name,
        None => faults.add("name", "required", "Give the group a name."),
    }
    group.external_id = validate::external_id(&mut faults, group.external_id.take());
    group.description =
        validate::text(&mut faults, "description", &group.description, 1024).unwrap_or_default();
    faults.finish()
}

fn name_taken() -> Error {
    let message = "There is a group of this name. Choose another.";
    let mut error = Error::conflict("name_taken", message);
    error.fields.push(FieldError {
        field: "name".to_owned(),
        code: "name_taken".into(),
        message: message.to_owned(),
    });
    error
}
