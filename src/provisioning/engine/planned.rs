//! What would be sent, noted in place of being sent: the requests of a dry run, and what would be there after them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;

use crate::base::id::{GroupId, UserId};
use crate::outbound::Method;
use crate::provisioning::client::Reply;
use crate::provisioning::model::{Change, State};

/// A request that would be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// How.
    pub method: Method,
    /// Where, below the base URL.
    pub path: String,
    /// What.
    pub body: Option<Json>,
}

/// What is in the way of an entry.
#[derive(Clone, Debug)]
pub struct Held {
    /// How it would stand.
    pub state: State,
    /// What waits.
    pub change: Option<Change>,
    /// Stable code.
    pub code: String,
    /// The same in words.
    pub message: String,
}

/// What would be sent, and which accounts there would be then.
#[derive(Debug, Default)]
pub(in crate::provisioning) struct Plan {
    requests: Mutex<Vec<Planned>>,
    accounts: Mutex<HashMap<UserId, String>>,
    members: Mutex<HashSet<(GroupId, UserId)>>,
    /// Who would be taken out of a group.
    gone: Mutex<HashSet<(GroupId, UserId)>>,
    /// What the entry that is looked at waits for.
    held: Mutex<Option<Held>>,
    made: AtomicU32,
}

impl Plan {
    /// Answers a request as if it had been sent and done.
    pub(super) fn answer(&self, method: Method, path: &str, body: Option<&Json>) -> Reply {
        let planned = Planned { method, path: path.to_owned(), body: body.cloned() };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(planned);
        let echo = body.filter(|_| method == Method::Post).map(|body| {
            let mut echo = body.clone();
            let nth = self.made.fetch_add(1, Ordering::Relaxed) + 1;
            echo["id"] = format!("new-{nth}").into();
            echo
        });
        Reply { status: 200, body: echo, etag: None }
    }

    /// The requests since the last time.
    pub(super) fn take(&self) -> Vec<Planned> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a yes is needed first. The first is the one that is asked for.
    pub(super) fn note_held(&self, change: Change, code: &str, message: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| Held {
            state: State::AwaitingApproval,
            change: Some(change),
            code: code.to_owned(),
            message: message.to_owned(),
        });
    }

    /// What was noted so since the last time.
    pub(super) fn take_held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes what account a person would have.
    pub(super) fn note_account(&self, user: UserId, remote_id: String) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(user, remote_id);
    }

    /// Notes who would be in a group.
    pub(super) fn note_members(&self, group: GroupId, users: impl Iterator<Item = UserId>) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.extend(users.map(|user| (group, user)));
    }

    /// Notes who would be out of a group.
    pub(super) fn note_gone(&self, group: GroupId, users: impl Iterator<Item = UserId>) {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.extend(users.map(|user| (group, user)));
    }

    /// Whether a person would be out of a group.
    pub(super) fn is_gone(&self, group: GroupId, user: UserId) -> bool {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).contains(&(group, user))
    }

    /// Whether a person would be in a group.
    pub(super) fn has_member(&self, group: GroupId, user: UserId) -> bool {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).contains(&(group, user))
    }

    /// What account a person would have.
    pub(super) fn account(&self, user: UserId) -> Option<String> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(&user).cloned()
    }
}
