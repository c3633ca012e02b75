//! The person of a sign-on, with their groups: read once, kept while the directory stands still.

use std::sync::Arc;

use crate::base::Result;
use crate::base::id::{GroupId, UserId};
use crate::db::epoch::Epochs;
use crate::directory::{self, Person, PersonState};
use crate::signon::Installation;

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
pub async fn load(installation: &Installation, epochs: Epochs, user: UserId) -> Result<Option<Arc<Subject>>> {
    if let Some(subject) = installation.cache.subject(epochs, user) {
        return Ok(Some(subject));
    }
    let mut reader = installation.db.reader();
    let Some(person) = directory::people::find(&mut reader, user).await? else { return Ok(None) };
    let groups = directory::groups::names_of_user(&mut reader, user).await?;
    let subject = Arc::new(Subject { person, groups });
    installation.cache.put_subject(epochs, user, subject.clone());
    Ok(Some(subject))
}
