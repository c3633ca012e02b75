//! An SCIM 2.0 service provider in memory, for tests, for authors of connectors and for demos: it behaves by the standard,
//! or as one of the services that connectors know ([`Quirks`]), and fails on request ([`Rule`]).
//!
//! It must not know the identity provider's rooms. Start with [`LabScim::new`]; whoever made it serves its
//! [`LabScim::router`] on a port of its own. What it holds and was asked is read and changed by the methods of
//! [`LabScim`], or over HTTP under `/lab/…` with the token that it was made with.

mod answer;
mod control;
mod credentials;
mod faults;
mod groups;
mod http;
mod list;
mod log;
mod profiles;
mod quirks;
mod rules;
mod state;
mod users;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;

pub use faults::{Fault, RetryAfter, Rule, RuleState};
pub use log::Logged;
pub use quirks::{
    Case, ConfigAnswer, Conflict, DeleteUser, ExternalIdFilter, FilterSupport, ImmutableChange,
    MemberRemoval, Members, OperationCase, PatchAnswer, PathLess, Quirks, UnknownAttributes, UnknownMember,
    UserName,
};

use crate::base::{Clock, Random, Result};
use crate::scim::ScimError;
use credentials::Credentials;
use state::State;

/// The path before `/Users`.
pub const BASE_PATH: &str = "/scim/v2";

/// What a lab begins with.
#[derive(Clone, Debug)]
pub struct ScimLabOptions {
    /// `http://127.0.0.1:4000`: where clients reach it, for the addresses in its answers.
    pub origin: String,
    /// The bearer token; also the password of `lab` for HTTP Basic and the secret of the client `lab` for OAuth 2, and what
    /// `/lab/…` asks for.
    pub token: String,
    /// How it behaves.
    pub quirks: Quirks,
    /// Time that every answer takes.
    pub latency: Duration,
}

#[derive(Debug)]
struct Shared {
    origin: String,
    clock: Clock,
    random: Random,
    control_token: String,
    inner: Mutex<Inner>,
}

/// What changes.
#[derive(Debug)]
struct Inner {
    quirks: Quirks,
    latency: Duration,
    credentials: Credentials,
    state: State,
    faults: faults::Faults,
    log: log::Log,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lab. Its clones are the same lab.
#[derive(Clone, Debug)]
pub struct LabScim {
    shared: Arc<Shared>,
}

impl LabScim {
    /// A lab without users and groups.
    #[must_use]
    pub fn new(options: ScimLabOptions, clock: Clock, random: Random) -> Self {
        let inner = Inner {
            quirks: options.quirks,
            latency: options.latency,
            credentials: Credentials::new(options.token.clone()),
            state: State::new(random.clone()),
            faults: faults::Faults::default(),
            log: log::Log::default(),
        };
        let shared = Shared {
            origin: options.origin,
            clock,
            random,
            control_token: options.token,
            inner: Mutex::new(inner),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Its addresses, for an accept loop with deadlines.
    pub fn router(&self) -> Router {
        http::router(Arc::clone(&self.shared))
    }

    /// `http://127.0.0.1:4000/scim/v2`: what a connection is set up with.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{BASE_PATH}", self.shared.origin)
    }

    /// How it behaves now.
    #[must_use]
    pub fn quirks(&self) -> Quirks {
        self.shared.lock().quirks.clone()
    }

    /// Makes it behave otherwise from the next request on.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.shared.lock().quirks = quirks;
    }

    /// Time that every answer takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.lock().latency = latency;
    }

    /// Takes another token from now on, and none of those given out before. `/lab/…` keeps the first one.
    pub fn set_token(&self, token: &str) {
        self.shared.lock().credentials = Credentials::new(token.to_owned());
    }

    /// Ends the access tokens that `/oauth/token` gave out.
    pub fn revoke_access_tokens(&self) {
        self.shared.lock().credentials.revoke();
    }

    /// Adds a fault; answers its number.
    pub fn add_fault(&self, rule: Rule) -> u64 {
        self.shared.lock().faults.add(rule)
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// The faults, each with how often it was met and struck.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleState> {
        self.shared.lock().faults.list()
    }

    /// The requests that were made, oldest first; the log is bounded, see [`LabScim::counts`].
    #[must_use]
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.lock().log.list()
    }

    /// How many requests there were of each kind (`POST /Users`), the log's bounds aside.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.shared.lock().log.counts()
    }

    /// Empties the log and the counts.
    pub fn clear_requests(&self) {
        self.shared.lock().log.clear();
    }

    /// All users as they are, whatever the quirks show, in the order in which they were made.
    #[must_use]
    pub fn users(&self) -> Vec<Value> {
        let inner = self.shared.lock();
        inner.state.users.rows().map(|row| inner.state.user_json(&self.base_url(), row)).collect()
    }

    /// All groups as they are, members and all.
    #[must_use]
    pub fn groups(&self) -> Vec<Value> {
        let inner = self.shared.lock();
        inner.state.groups.rows().map(|row| inner.state.group_json(&self.base_url(), row, true)).collect()
    }

    /// The user of this user name, in any case.
    #[must_use]
    pub fn user_named(&self, user_name: &str) -> Option<Value> {
        let inner = self.shared.lock();
        let row = inner.state.users.named(user_name).next()?;
        Some(inner.state.user_json(&self.base_url(), row))
    }

    /// The group of this name, in any case.
    #[must_use]
    pub fn group_named(&self, display_name: &str) -> Option<Value> {
        let inner = self.shared.lock();
        let row = inner.state.groups.named(display_name).next()?;
        Some(inner.state.group_json(&self.base_url(), row, true))
    }

    /// The ids of a group's members, those who wait for approval left out.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<String> {
        let inner = self.shared.lock();
        let row = inner.state.groups.find(group);
        row.map(|row| row.shown_members().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// What was deleted, as it was then.
    #[must_use]
    pub fn deleted(&self) -> Vec<Value> {
        self.shared.lock().state.deleted.iter().cloned().collect()
    }

    /// Puts a user there as if somebody else had made it; no quirk hinders it. Answers its id.
    ///
    /// # Errors
    /// When it is no user, or the user name is taken.
    pub fn seed_user(&self, user: Value) -> std::result::Result<String, ScimError> {
        let now = self.shared.clock.now();
        self.shared.lock().state.seed_user(user, now)
    }

    /// Puts a group there, with members, as if somebody else had made it. Answers its id.
    ///
    /// # Errors
    /// When it is no group, or a member is unknown.
    pub fn seed_group(&self, group: Value) -> std::result::Result<String, ScimError> {
        let now = self.shared.clock.now();
        self.shared.lock().state.seed_group(group, now)
    }

    /// Changes a user or a group behind the client's back, by a PATCH. False when there is none of this id.
    ///
    /// # Errors
    /// As of a PATCH.
    pub fn change(&self, id: &str, patch: &Value) -> std::result::Result<bool, ScimError> {
        let now = self.shared.clock.now();
        self.shared.lock().state.change(id, patch, now)
    }

    /// Takes a user or a group away behind the client's back. False when there is none of this id.
    pub fn remove(&self, id: &str) -> bool {
        let now = self.shared.clock.now();
        let base = self.base_url();
        self.shared.lock().state.remove(&base, id, now)
    }

    /// Lets in everybody who waits to be a member, of this group or of all; answers how many.
    pub fn approve(&self, group: Option<&str>) -> usize {
        let now = self.shared.clock.now();
        self.shared.lock().state.approve(group, now)
    }

    /// Makes every cursor given out so far an expired one.
    pub fn expire_cursors(&self) {
        self.shared.lock().state.cursor_epoch += 1;
    }

    /// Forgets users, groups, faults and requests.
    pub fn clear(&self) {
        let mut inner = self.shared.lock();
        inner.state = State::new(self.shared.random.clone());
        inner.faults.clear();
        inner.log.clear();
    }
}

/// The quirks of this name.
///
/// # Errors
/// When there are none of this name; the message lists the names.
pub fn profile(name: &str) -> Result<Quirks> {
    profiles::find(name)
}

/// The names of all profiles.
#[must_use]
pub fn profile_names() -> Vec<&'static str> {
    profiles::names()
}
