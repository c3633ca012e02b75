//! A person with their groups, as access and mappings ask for them.

use crate::base::Result;
use crate::base::id::{GroupId, UserId};
use crate::db::Executor;
use crate::directory::{self, Person, PersonState};

/// A person and the groups they are in.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The person.
    pub person: Person,
    /// Their groups by name, `Everyone` included for active people.
    pub groups: Vec<(GroupId, String)>,
}

impl Subject {
    /// Whether the account is active.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.person.state == PersonState::Active
    }

    /// The first of the person's groups that is among `bound`; without one there is no access.
    #[must_use]
    pub fn grant(&self, bound: &[GroupId]) -> Option<&(GroupId, String)> {
        if self.is_active() { self.groups.iter().find(|(id, _)| bound.contains(id)) } else { None }
    }
}

/// The person of this id as they are now; `None` when they are gone.
pub async fn find(executor: &mut impl Executor, user: UserId) -> Result<Option<Subject>> {
    let Some(person) = directory::people::find(executor, user).await? else { return Ok(None) };
    let groups = directory::groups::names_of_user(executor, user).await?;
    Ok(Some(Subject { person, groups }))
}
