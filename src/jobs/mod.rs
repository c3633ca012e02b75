//! Notices of change: who changes people, groups, memberships, bindings or applications leaves one in the same
//! transaction, and whoever keeps others in step with them takes it up (decision 23). A notice says that something
//! may be different, never what: its reader looks at what is so now, and one too many does no harm.
//!
//! It must not know what is done about a notice. Start with [`notify`].

mod store;

use crate::base::Result;
use crate::base::id::{ApplicationId, GroupId, UserId};
use crate::db::group_commit::Step;
use crate::db::{Executor, Tx};

/// What may be different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// What is known of a person.
    Profile {
        /// Who.
        user: UserId,
    },
    /// That there is a person, or their state.
    Person {
        /// Who.
        user: UserId,
        /// They were suspended: they come before all others.
        leaving: bool,
    },
    /// That there is no person any more: they come before all others too.
    Deleted {
        /// Who it was.
        user: UserId,
    },
    /// Whether a person is in a group.
    Member {
        /// Which.
        group: GroupId,
        /// Who.
        user: UserId,
        /// They are not in it any more.
        leaving: bool,
    },
    /// A group's name, or that there is one.
    Group {
        /// Which.
        group: GroupId,
    },
    /// Whether a group is bound to an application.
    Binding {
        /// To which.
        application: ApplicationId,
        /// Which.
        group: GroupId,
        /// It is not bound any more.
        leaving: bool,
    },
    /// That there is an application.
    Application {
        /// Which.
        application: ApplicationId,
    },
    /// Everything at an application.
    Sweep {
        /// At which.
        application: ApplicationId,
    },
    /// What account a person has at an application.
    Account {
        /// At which.
        application: ApplicationId,
        /// Whose.
        user: UserId,
    },
}

/// Leaves a notice in the transaction of the change.
pub async fn notify(tx: &mut Tx, notice: Notice) -> Result<()> {
    notify_all(tx, &[notice]).await
}

/// Leaves notices in the transaction of the changes.
pub async fn notify_all(tx: &mut Tx, notices: &[Notice]) -> Result<()> {
    store::insert(tx, notices).await
}

/// The notice as a step of a group commit.
#[must_use]
pub fn step(notice: Notice) -> Step {
    Step::Row(store::row(&notice))
}

/// Takes up to `limit` notices, oldest first. They are gone once the transaction commits, which is when everything
/// that they speak of can be seen: who acts on them in this transaction misses nothing.
pub async fn take(tx: &mut Tx, limit: i64) -> Result<Vec<Notice>> {
    store::take(tx, limit).await
}

/// Whether any notice waits.
pub async fn is_any(executor: &mut impl Executor) -> Result<bool> {
    store::is_any(executor).await
}
