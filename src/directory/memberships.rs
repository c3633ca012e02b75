//! Who is in which group. Adding someone who is in, or removing someone who is not, changes nothing and leaves no
//! event.

use serde_json::Value as Json;

use crate::base::id::{GroupId, UserId};
use crate::base::paging::{Page, PageRequest};
use crate::base::{Ctx, Error, Result};
use crate::db::Db;
use crate::db::epoch::{Scope, bump};
use crate::directory::groups::{self, locked};
use crate::directory::login_name::login_key;
use crate::directory::people::{self, PeopleFilter};
use crate::directory::person::{Person, PersonState};
use crate::directory::store::{groups as store, people as people_store};
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify_all};

/// Most people in one change.
pub const MAX_CHANGE: usize = 1000;

/// What a change really changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembershipChange {
    /// Who is in and was not.
    pub added: Vec<UserId>,
    /// Who was in and is not.
    pub removed: Vec<UserId>,
}

/// Adds and removes members, idempotently, with one event for all that really changed.
pub async fn change(
    db: &Db,
    ctx: &Ctx,
    group: GroupId,
    add: &[UserId],
    remove: &[UserId],
) -> Result<MembershipChange> {
    if add.len() + remove.len() > MAX_CHANGE {
        return Err(Error::field("members", "too_many", "Change at most 1,000 members at once."));
    }
    let mut tx = db.begin().await?;
    let target = locked(&mut tx, group).await?;
    let mut change = MembershipChange::default();
    for user in add {
        if store::add_member(&mut tx, group, *user, ctx.now()).await? {
            change.added.push(*user);
        } else if !people_store::exists(&mut tx, &user.to_string()).await? {
            return Err(Error::not_found("person"));
        }
    }
    for user in remove {
        if store::remove_member(&mut tx, group, *user).await? {
            change.removed.push(*user);
        }
    }
    if change == MembershipChange::default() {
        return Ok(change);
    }
    store::touch_members(&mut tx, group, ctx.now()).await?;
    let ids = |users: &[UserId]| -> Vec<Json> { users.iter().map(|user| user.to_string().into()).collect() };
    let event = Event::new(EventName::GroupMembershipChange)
        .target("group", group, &target.name)
        .detail("added", ids(&change.added))
        .detail("removed", ids(&change.removed));
    record(&mut tx, ctx, event).await?;
    let joined = change.added.iter().map(|user| Notice::Member { group, user: *user, leaving: false });
    let left = change.removed.iter().map(|user| Notice::Member { group, user: *user, leaving: true });
    notify_all(&mut tx, &joined.chain(left).collect::<Vec<_>>()).await?;
    bump(&mut tx, Scope::Directory).await?;
    tx.commit().await?;
    Ok(change)
}

/// Puts one person into a group; answers whether they were not in it.
pub async fn add(db: &Db, ctx: &Ctx, group: GroupId, user: UserId) -> Result<bool> {
    Ok(!change(db, ctx, group, &[user], &[]).await?.added.is_empty())
}

/// Takes one person out of a group; answers whether they were in it.
pub async fn remove(db: &Db, ctx: &Ctx, group: GroupId, user: UserId) -> Result<bool> {
    Ok(!change(db, ctx, group, &[], &[user]).await?.removed.is_empty())
}

/// A page of a group's members in the order of their usernames; `search` as in the list of people.
pub async fn list(db: &Db, group: GroupId, search: Option<&str>, page: &PageRequest) -> Result<Page<Person>> {
    let found = groups::find(&mut db.reader(), group).await?.ok_or_else(|| Error::not_found("group"))?;
    if found.built_in {
        let search = search.map(str::to_owned);
        let filter = PeopleFilter { search, state: Some(PersonState::Active) };
        return people::list(db, &filter, page).await;
    }
    let rows = store::members(&mut db.reader(), group, search, page.after.as_deref(), page.fetch()).await?;
    Ok(Page::cut(rows, page, |person| login_key(&person.username)))
}
