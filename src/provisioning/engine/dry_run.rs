//! What would be sent, before anything is: the very code that sends, with an answer made up for whatever writes. What
//! reads is really asked, so that take-overs and conflicts show as they are. What waits for a yes shows what would follow
//! the yes.

use std::sync::Arc;

use crate::base::id::ApplicationId;
use crate::base::{Ctx, Result};
use crate::provisioning::client::Tokens;
use crate::provisioning::connection::ConnectionPatch;
use crate::provisioning::engine::Engine;
use crate::provisioning::engine::planned::Plan;
pub use crate::provisioning::engine::planned::{Held, Planned};
use crate::provisioning::engine::reading::WORTH_SCANNING;
use crate::provisioning::model::{Entry, Local, ResourceKind, State};
use crate::provisioning::store::ledger;

/// Requests that are shown; the others are counted.
pub const SHOWN: usize = 1000;

/// What would happen to one person or group.
#[derive(Clone, Debug)]
pub struct Step {
    /// Who or which.
    pub local: Local,
    /// What they are called.
    pub name: String,
    /// What would be sent, in order.
    pub requests: Vec<Planned>,
    /// What is in the way: of all of it where the state is that a yes is awaited, else of what is not among the requests.
    pub held: Option<Held>,
}

/// What would happen.
#[derive(Clone, Debug, Default)]
pub struct DryRun {
    /// Each person and group for which something would be sent or is in the way; up to [`SHOWN`].
    pub steps: Vec<Step>,
    /// People and groups that were looked at.
    pub looked_at: usize,
    /// Requests that would be sent.
    pub requests: usize,
    /// People and groups for which nothing is to be done.
    pub unchanged: usize,
    /// People and groups for which something is in the way.
    pub held: usize,
}

/// An entry of somebody who is in no ledger yet.
fn fresh(ctx: &Ctx, application: ApplicationId, local: Local, name: String) -> Entry {
    Entry {
        application,
        local,
        name,
        remote_id: None,
        origin: None,
        active: false,
        kept: false,
        owed: false,
        former_id: None,
        sent: None,
        marks: 1,
        due_at: None,
        state: State::Pending,
        attempt: None,
        attempts: 0,
        failing_since: None,
        change: None,
        asked: None,
        asked_for: None,
        approved: None,
        code: None,
        message: None,
        changed_at: ctx.now(),
    }
}

impl Engine {
    /// What would be sent if the connection were changed like this and active. Nothing is stored and nothing is written at
    /// the other side.
    pub async fn dry_run(&self, ctx: &Ctx, id: ApplicationId, patch: ConnectionPatch) -> Result<DryRun> {
        let (application, connection) = self.connections().planned(ctx, id, patch).await?;
        // What a dry run fetches is good for nothing else.
        let tokens = Tokens::default();
        let known_for = connection.ledger_for.clone();
        let mut target = self.reach(application, connection, &tokens)?;
        let mut reader = self.db.reader();
        let mut entries = ledger::list_all(&mut reader, id).await?;
        if known_for.is_some_and(|known| known != target.address()) {
            // The ledger is of another address, and would be given up.
            entries = entries.into_iter().map(|entry| fresh(ctx, id, entry.local, entry.name)).collect();
        }
        let people = ledger::list_new_people(&mut reader, id).await?;
        entries.extend(people.into_iter().map(|(user, name)| fresh(ctx, id, Local::User(user), name)));
        if target.connection.settings.manage_groups {
            let groups = ledger::list_new_groups(&mut reader, id).await?;
            entries.extend(groups.into_iter().map(|(group, name)| fresh(ctx, id, Local::Group(group), name)));
        }
        // People before groups, as it would be.
        entries.sort_by_key(|entry| entry.local.kind() == ResourceKind::Group);
        let fresh_of = |kind: ResourceKind| {
            let fresh =
                entries.iter().filter(|entry| entry.local.kind() == kind && entry.remote_id.is_none());
            i64::try_from(fresh.count()).unwrap_or(i64::MAX)
        };
        if fresh_of(ResourceKind::User) >= WORTH_SCANNING {
            target.people = self.scan(ctx, &target, ResourceKind::User, false).await?.whole().map(Arc::new);
        }
        if fresh_of(ResourceKind::Group) >= WORTH_SCANNING {
            target.groups = self.scan(ctx, &target, ResourceKind::Group, false).await?.whole().map(Arc::new);
        }
        target.plan = Some(Plan::default());
        let mut out = DryRun::default();
        for entry in entries {
            let step = self.would(ctx, &target, entry).await?;
            out.looked_at += 1;
            out.requests += step.requests.len();
            out.held += usize::from(step.held.is_some());
            if step.requests.is_empty() && step.held.is_none() {
                out.unchanged += 1;
            } else if out.steps.len() < SHOWN {
                out.steps.push(step);
            }
        }
        Ok(out)
    }

    async fn would(&self, ctx: &Ctx, target: &super::Target<'_>, entry: Entry) -> Result<Step> {
        let (entry, outcome) = self.look_at(ctx, target, entry).await?;
        let requests = target.plan.as_ref().map(Plan::take).unwrap_or_default();
        let finish = outcome.finish;
        if let (Local::User(user), Some(plan), Some(id), true) =
            (entry.local, &target.plan, &finish.remote_id, finish.active)
        {
            plan.note_account(user, id.clone());
        }
        let is_held = matches!(finish.state, State::Failed | State::Conflict | State::AwaitingApproval)
            || (finish.state == State::Pending && finish.code.is_some());
        let asked = target.plan.as_ref().and_then(Plan::take_held);
        let fails = is_held.then(|| Held {
            state: finish.state,
            change: finish.change,
            code: finish.code.unwrap_or_default(),
            message: finish.message.unwrap_or_default(),
        });
        Ok(Step { local: entry.local, name: entry.name, requests, held: fails.or(asked) })
    }
}
