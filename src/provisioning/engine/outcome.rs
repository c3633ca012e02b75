//! What looking at an entry came to, and what a failure means for it: tried again, or left to a person (SC-14).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::sha::sha256;

use crate::base::clock::{DAY, HOUR};
use crate::base::{Ctx, Error, Result};
use crate::db::group_commit::Step;
use crate::events::{self, Event, EventName, Outcome as EventOutcome};
use crate::jobs::{self, Notice};
use crate::provisioning::client::{Fault, FaultKind};
use crate::provisioning::engine::target::{Target, backoff, lost_lease};
use crate::provisioning::model::{Change, Entry, Local, State};
use crate::provisioning::store::ledger::{self, Finish};

/// For how long a change is tried again.
const PATIENCE: i64 = DAY;
/// For how long an account is tried to be taken away (SE-07).
const PATIENCE_LEAVING: i64 = 30 * DAY;
/// The same answer of a fault of theirs so often: this change waits longer, the others go on.
const LONGEST_BACKOFF: i64 = HOUR;

/// What is to be written.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) finish: Finish,
    /// Nothing is left to remember: the entry goes.
    pub(super) forget: bool,
    pub(super) events: Vec<Event>,
    pub(super) notices: Vec<Notice>,
    pub(super) rows: Vec<Step>,
}

impl Outcome {
    /// It is as it should be.
    pub(super) fn synced(entry: &Entry) -> Self {
        let mut finish = Finish::from(entry);
        finish.state = State::Synced;
        (finish.attempt, finish.attempts, finish.failing_since) = (None, 0, None);
        (finish.change, finish.asked, finish.asked_for, finish.approved) = (None, None, None, None);
        (finish.code, finish.message) = (None, None);
        finish.owed = false;
        Self { finish, forget: false, events: Vec::new(), notices: Vec::new(), rows: Vec::new() }
    }

    /// Nothing of it is there, and nothing should be.
    pub(super) fn forgotten(entry: &Entry) -> Self {
        Self { forget: true, ..Self::synced(entry) }
    }

    /// Somebody has to say yes, or to put things right.
    pub(super) fn held(
        entry: &Entry,
        state: State,
        change: Change,
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        let mut out = Self::synced(entry);
        out.finish.state = state;
        out.finish.change = Some(change);
        out.finish.keep_approval(entry);
        out.finish.attempt = entry.attempt;
        out.finish.owed = entry.owed;
        (out.finish.code, out.finish.message) = (Some(code.to_owned()), Some(message.into()));
        out
    }

    /// A change failed. What is known to be there is still known.
    pub(super) fn failed(
        ctx: &Ctx,
        target: &Target<'_>,
        entry: &Entry,
        change: Change,
        fault: &Fault,
    ) -> Self {
        target.note(ctx, fault);
        let now = ctx.now();
        let mut out = Self::held(entry, State::Failed, change, fault.code, fault.message.as_str());
        // Another change, or one that was given up before, has its own time.
        let is_same = entry.change == Some(change) && entry.state != State::Failed;
        let since = entry.failing_since.filter(|_| is_same).unwrap_or(now);
        let attempts = if is_same { entry.attempts } else { 0 };
        out.finish.failing_since = Some(since);
        let leaves = matches!(change, Change::Deactivate | Change::Delete);
        let patience = if leaves { PATIENCE_LEAVING } else { PATIENCE };
        let goes_on = match fault.kind {
            // The connection is at fault, not this entry.
            FaultKind::Throttled | FaultKind::Unauthenticated | FaultKind::Ours => {
                out.finish.attempts = entry.attempts;
                out.finish.failing_since = entry.failing_since;
                true
            }
            // Whoever is to go is tried to be taken away whatever is said (decision 34).
            kind => {
                out.finish.attempts = attempts + 1;
                (kind.is_passing() || leaves) && now.since(since) < patience
            }
        };
        if goes_on {
            out.finish.state = State::Pending;
            if leaves && matches!(entry.local, Local::User(_)) {
                // They still come before all others.
                out.finish.turn = 0;
            }
            let wait = backoff(ctx, out.finish.attempts, LONGEST_BACKOFF).max(fault.retry_after.unwrap_or(0));
            out.finish.due_at = Some(now.plus(wait));
        }
        let is_first = entry.code.as_deref() != Some(fault.code);
        let counts =
            !matches!(fault.kind, FaultKind::Throttled | FaultKind::Unauthenticated | FaultKind::Ours);
        if counts && (is_first || !goes_on) {
            let event = event_of(target, entry, change)
                .outcome(EventOutcome::Failure)
                .detail("code", fault.code)
                .detail("goes_on", goes_on);
            out.events.push(event);
        }
        out
    }

    /// What is to be remembered of a change that was sent and did not go well: whether it may have been done all the same.
    pub(super) fn after(mut self, change: Change, fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::Lost | FaultKind::Passing | FaultKind::NotScim => self.finish.attempt = Some(change),
            // This time nothing was done; what was begun before is as unknown as it was.
            _ => {}
        }
        self
    }

    /// Adds an event of this change.
    pub(super) fn with_event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The steps of the write.
    pub(super) fn steps(self, ctx: &Ctx, entry: &Entry, holder: &str) -> Result<Vec<Step>> {
        let query = if self.forget {
            ledger::forget(entry, holder)
        } else {
            ledger::finish(entry, holder, &self.finish, ctx.now())?
        };
        let missing: fn() -> Error = if self.forget { marked_meanwhile } else { lost_lease };
        let mut steps = vec![Step::One(query, missing)];
        for event in self.events {
            steps.extend(events::steps(ctx, event)?);
        }
        steps.extend(self.notices.into_iter().map(jobs::step));
        steps.extend(self.rows);
        Ok(steps)
    }
}

/// The entry was marked while it was looked at: it is looked at again.
pub(super) fn marked_meanwhile() -> Error {
    Error::conflict("provisioning_marked", "Something has changed meanwhile.")
}

/// Whether an error only says that somebody else has the entry, or that it has changed.
pub(super) fn lost(error: &Error) -> bool {
    ["provisioning_marked", "provisioning_lease_lost"].contains(&error.code)
}

/// The event of a change.
pub(super) fn event_of(target: &Target<'_>, entry: &Entry, change: Change) -> Event {
    let name = match (entry.local, change) {
        (Local::User(_), Change::Create) => EventName::UserCreateProvision,
        (Local::User(_), Change::Update) => EventName::UserUpdateProvision,
        (Local::User(_), Change::Deactivate) => EventName::UserDeprovision,
        (Local::User(_), Change::Delete) => EventName::UserDeleteProvision,
        (Local::Group(_), Change::Create) => EventName::GroupCreateProvision,
        (Local::Group(_), Change::Update | Change::Deactivate) => EventName::GroupUpdateProvision,
        (Local::Group(_), Change::Delete) => EventName::GroupDeleteProvision,
    };
    named_event(target, entry, name)
}

/// An event about an entry.
pub(super) fn named_event(target: &Target<'_>, entry: &Entry, name: EventName) -> Event {
    let kind = entry.local.kind().as_str();
    Event::new(name)
        .target(kind, entry.local, entry.name.as_str())
        .application(target.application.id)
        .detail("application", target.application.label.as_str())
}

/// What was approved is this change with this content, and no other.
pub(super) fn approval_digest(change: Change, content: &serde_json::Value) -> String {
    let digest = sha256(format!("{}\n{content}", change.as_str()).as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}
