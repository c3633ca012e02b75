//! Who comes into a group and who goes, by a SCIM client. It puts in and takes out only people who are its own: whoever
//! is in a group has the applications that the group opens, so that putting somebody in is a change of them. Who is in
//! already may be named, and one who is not to be taken out stays where all are replaced.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Outcome, person_id, protected_person, unknown_member};
use crate::base::Ctx;
use crate::base::id::UserId;
use crate::db::Tx;
use crate::db::epoch::{Scope, bump};
use crate::directory::groups::Group;
use crate::directory::memberships::MAX_CHANGE;
use crate::directory::store::groups as group_store;
use crate::directory::store::inbound::{self as store, Candidate};
use crate::events::{Event, EventName, record};
use crate::jobs::{Notice, notify_all};
use crate::scim::patch::MembersDelta;

/// Changes who is in a group that is held.
pub(super) async fn change(tx: &mut Tx, ctx: &Ctx, group: &Group, delta: MembersDelta) -> Outcome<()> {
    let mut wanted: BTreeSet<UserId> = BTreeSet::new();
    for id in &delta.added {
        wanted.insert(person_id(id)?);
    }
    // Who is no id is in no group.
    let unwanted: BTreeSet<UserId> = delta.removed.iter().filter_map(|id| id.parse().ok()).collect();
    let named: Vec<UserId> = wanted.union(&unwanted).copied().collect();
    let found = store::candidates(tx, group.id, &named).await?;
    let known: BTreeSet<UserId> = found.iter().map(|person| person.id).collect();
    if let Some(unknown) = wanted.difference(&known).next() {
        return Err(unknown_member(&unknown.to_string()).into());
    }
    let (mut joining, mut leaving) = (Vec::new(), Vec::new());
    for person in &found {
        let comes = wanted.contains(&person.id) && !person.is_member;
        let goes = unwanted.contains(&person.id) && person.is_member;
        if !comes && !goes {
            continue;
        }
        if !person.is_managed {
            return Err(protected_person().into());
        }
        if comes { joining.push(person.id) } else { leaving.push(person.id) }
    }
    if delta.clears {
        let stays = |person: &&Candidate| wanted.contains(&person.id) || !person.is_managed;
        let all = store::members(tx, group.id).await?;
        leaving = all.iter().filter(|person| !stays(person)).map(|person| person.id).collect();
    }
    if joining.is_empty() && leaving.is_empty() {
        return Ok(());
    }
    store::insert_members(tx, group.id, &joining, ctx.now()).await?;
    store::delete_members(tx, group.id, &leaving).await?;
    group_store::touch_members(tx, group.id, ctx.now()).await?;
    tell(tx, ctx, group, &joining, &leaving).await?;
    bump(tx, Scope::Directory).await?;
    Ok(())
}

/// Events of a bounded size, and a notice of each.
async fn tell(tx: &mut Tx, ctx: &Ctx, group: &Group, joined: &[UserId], left: &[UserId]) -> Outcome<()> {
    let ids = |users: &[UserId]| -> Vec<Json> { users.iter().map(|user| user.to_string().into()).collect() };
    let event = |added: &[UserId], removed: &[UserId]| {
        Event::new(EventName::GroupMembershipChange)
            .target("group", group.id, &group.name)
            .detail("added", ids(added))
            .detail("removed", ids(removed))
    };
    if joined.len() + left.len() <= MAX_CHANGE {
        record(tx, ctx, event(joined, left)).await?;
    } else {
        for some in joined.chunks(MAX_CHANGE) {
            record(tx, ctx, event(some, &[])).await?;
        }
        for some in left.chunks(MAX_CHANGE) {
            record(tx, ctx, event(&[], some)).await?;
        }
    }
    let joining = joined.iter().map(|user| Notice::Member { group: group.id, user: *user, leaving: false });
    let leaving = left.iter().map(|user| Notice::Member { group: group.id, user: *user, leaving: true });
    notify_all(tx, &joining.chain(leaving).collect::<Vec<_>>()).await?;
    Ok(())
}
