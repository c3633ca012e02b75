//! What notices of change mean for the ledgers: which entries are to be looked at, and who is not in one yet. All in
//! the transaction that takes the notices, so that none is lost and none is acted on twice.

use std::collections::HashMap;

use crate::base::id::UserId;
use crate::base::{Ctx, Result};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, record};
use crate::jobs::{self, Notice};
use crate::provisioning::store::{connections, marks};

/// Notices that are taken in one transaction.
const AT_ONCE: i64 = 500;

/// Takes notices until none is left, at most `rounds` times five hundred. Answers whether any was there.
pub(in crate::provisioning) async fn take(db: &Db, ctx: &Ctx, rounds: usize) -> Result<bool> {
    let mut any = false;
    for _ in 0..rounds {
        if !jobs::is_any(&mut db.reader()).await? {
            break;
        }
        let mut tx = db.begin().await?;
        let notices = jobs::take(&mut tx, AT_ONCE).await?;
        if notices.is_empty() {
            break;
        }
        any = true;
        if connections::is_any(&mut tx).await? {
            act(&mut tx, ctx, &notices).await?;
        }
        tx.commit().await?;
    }
    Ok(any)
}

/// What concerns a person in a batch of notices, taken together.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
struct Concern {
    leaving: bool,
    /// Their accounts are to be taken away, whatever becomes of accounts of those who are deleted.
    owed: bool,
    may_join: bool,
    standing: bool,
}

/// What concerns each person, in one order, so that two nodes can't wait for each other.
fn concerns(notices: &[Notice]) -> Vec<(UserId, Concern)> {
    let mut people: HashMap<UserId, Concern> = HashMap::new();
    for notice in notices {
        match *notice {
            Notice::Profile { user } => drop(people.entry(user).or_default()),
            Notice::Person { user, leaving } => {
                let concern = people.entry(user).or_default();
                concern.leaving |= leaving;
                concern.owed |= leaving;
                concern.may_join |= !leaving;
                concern.standing = true;
            }
            Notice::Deleted { user } => {
                let concern = people.entry(user).or_default();
                (concern.leaving, concern.standing) = (true, true);
            }
            Notice::Member { user, leaving, .. } => {
                let concern = people.entry(user).or_default();
                concern.leaving |= leaving;
                concern.owed |= leaving;
                concern.may_join |= !leaving;
            }
            Notice::Group { .. }
            | Notice::Sweep { .. }
            | Notice::Binding { .. }
            | Notice::Application { .. }
            | Notice::Account { .. } => {}
        }
    }
    let mut people: Vec<(UserId, Concern)> = people.into_iter().collect();
    people.sort_unstable_by_key(|(user, _)| *user);
    people
}

async fn act(tx: &mut Tx, ctx: &Ctx, notices: &[Notice]) -> Result<()> {
    let now = ctx.now();
    for (user, concern) in concerns(notices) {
        marks::user(tx, user, concern.leaving, now).await?;
        if concern.owed {
            marks::owe(tx, user).await?;
        }
        if concern.may_join {
            marks::add_user(tx, user, now).await?;
        }
        if concern.standing {
            marks::groups_of_user(tx, user, now).await?;
        }
    }
    let (mut groups, mut unbound) = (Vec::new(), Vec::new());
    for notice in notices {
        match *notice {
            Notice::Member { group, .. } => groups.push(group),
            Notice::Group { group } => {
                groups.push(group);
                marks::people_of_group(tx, group, now).await?;
            }
            Notice::Binding { application, group, leaving } => {
                let everyone = marks::is_everyone(tx, group).await?;
                if everyone {
                    marks::people(tx, application, leaving, now).await?;
                } else {
                    marks::people_of_binding(tx, application, group, leaving, now).await?;
                }
                if leaving {
                    unbound.push(application);
                }
                match (leaving, everyone) {
                    (true, _) => marks::unmanage(tx, application, group, now).await?,
                    (false, true) => marks::add_people(tx, application, now).await?,
                    (false, false) => marks::add_people_of(tx, application, group, now).await?,
                }
                if !leaving {
                    marks::manage(tx, application, group).await?;
                }
                groups.push(group);
            }
            Notice::Application { application } => {
                let connection = connections::find(tx, application).await?;
                if connection.is_some_and(|connection| connection.is_active()) {
                    let told = Event::new(EventName::IdmIntegrationDelete)
                        .target("application", application, "")
                        .application(application)
                        .detail("because", "application_deleted");
                    record(tx, ctx, told).await?;
                }
                connections::forget(tx, application).await?;
            }
            Notice::Account { application, user } => {
                marks::groups_of_account(tx, application, user, now).await?;
                marks::reports_of(tx, application, user, now).await?;
            }
            Notice::Sweep { application } => {
                marks::all(tx, application, now).await?;
                marks::add_people(tx, application, now).await?;
                marks::add_groups(tx, application, now).await?;
            }
            Notice::Profile { .. } | Notice::Person { .. } | Notice::Deleted { .. } => {}
        }
    }
    unbound.sort_unstable();
    unbound.dedup();
    for application in unbound {
        marks::owe_at(tx, application).await?;
    }
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        marks::group(tx, group, now).await?;
        marks::add_group(tx, group, now).await?;
    }
    Ok(())
}
