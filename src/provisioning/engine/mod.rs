//! The reconciler: takes notices of change, looks at what is due, and does the least that makes each application hold
//! what it should. It is triggered by what is so, never by what happened: it reads the state of now and the ledger, so
//! that a notice too many does no harm and one look is enough for many changes (SE-04). One node sends to an
//! application at a time (SC-23); a change is noted as begun before anything is sent (SE-01).
//!
//! Start with [`Engine::turn`], which does all that is due, or [`Engine::run`], which goes on for ever.

mod account;
mod departure;
pub mod dry_run;
mod group;
mod lease;
mod lookup;
mod membership;
mod outcome;
mod pace;
mod pages;
mod planned;
mod reading;
pub mod reconcile;
mod takeover;
mod target;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::Value as Json;

pub(in crate::provisioning) use target::Target;
use target::{Pause, Reason};

use crate::applications;
use crate::base::clock::MINUTE;
use crate::base::id::ApplicationId;
use crate::base::urls::BaseUrl;
use crate::base::{Actor, Clock, Ctx, Error, Kind, Random, Result, Timestamp};
use crate::db::Db;
use crate::db::group_commit::{GroupCommit, Step};
use crate::events::{EventName, Outcome as EventOutcome, record};
use crate::outbound::Outbound;
use crate::provisioning::client::{Client, Tokens};
use crate::provisioning::connection::{self, Connections, event};
use crate::provisioning::engine::lease::Watched;
use crate::provisioning::engine::outcome::{Outcome, lost};
use crate::provisioning::engine::reading::Ahead;
use crate::provisioning::model::{Change, Connection, Entry, Local, ResourceKind};
use crate::provisioning::store::{connections, ledger, reconcile as reconciliations};
use crate::provisioning::{address, notices, tls};
use crate::vault::Vault;

/// Entries that are looked at between two looks at what is due.
const BATCH: i64 = 1_000;
/// Entries that are looked at while one is sent: reading what should be there and writing what came of it take
/// longer than many an answer.
const AHEAD: usize = 6;
/// Between two looks for something to do.
const TICK: Duration = Duration::from_millis(500);
/// Batches of notices between two looks.
const ROUNDS: usize = 20;

/// The reconciler of one process.
#[derive(Debug)]
pub struct Engine {
    pub(in crate::provisioning) db: Db,
    vault: Vault,
    outbound: Arc<Outbound>,
    clock: Clock,
    random: Random,
    /// Where people find this installation: what is mailed leads there.
    base: BaseUrl,
    commits: GroupCommit,
    tokens: Arc<Tokens>,
    /// Who holds the leases: this process.
    holder: String,
    watched: Watched,
    ahead: Ahead,
    busy: Mutex<HashSet<ApplicationId>>,
}

impl Engine {
    /// A reconciler; starts the task that writes its results.
    #[must_use]
    pub fn new(
        db: Db,
        vault: Vault,
        outbound: Arc<Outbound>,
        clock: Clock,
        random: Random,
        base: BaseUrl,
    ) -> Self {
        Self {
            commits: GroupCommit::start(db.clone()),
            holder: random.token(),
            watched: Watched::default(),
            ahead: Ahead::default(),
            db,
            vault,
            outbound,
            clock,
            random,
            base,
            tokens: Arc::new(Tokens::default()),
            busy: Mutex::new(HashSet::new()),
        }
    }

    /// Operations on connections.
    #[must_use]
    pub fn connections(&self) -> Connections<'_> {
        Connections { db: &self.db, vault: &self.vault, outbound: &self.outbound }
    }

    /// A context of the reconciler's own.
    #[must_use]
    pub fn ctx(&self) -> Ctx {
        Ctx::background(Actor::System("provisioning"), self.clock.clone(), self.random.clone())
    }

    /// Does all that is due at every application, one after the other, until nothing is due any more. Answers whether
    /// anything was.
    pub async fn turn(&self) -> Result<bool> {
        let mut any = false;
        loop {
            let ctx = self.ctx();
            let mut more = notices::take(&self.db, &ctx, usize::MAX).await?;
            for id in self.list_waiting(ctx.now()).await? {
                more |= self.drain(id).await?;
            }
            any |= more;
            if !more {
                return Ok(any);
            }
        }
    }

    /// Goes on for ever: each application in a task of its own, so that one that hangs holds up none of the others
    /// (SE-06).
    pub async fn run(self: Arc<Self>) {
        if let Err(error) = self.forget_leases().await {
            told(&error, "leases of an earlier server were not forgotten; they end by themselves");
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            tick.tick().await;
            while tasks.try_join_next().is_some() {}
            let ctx = self.ctx();
            if let Err(error) = notices::take(&self.db, &ctx, ROUNDS).await {
                told(&error, "notices of change were not taken; they are taken again");
                continue;
            }
            match self.list_waiting(ctx.now()).await {
                Ok(waiting) => {
                    for id in waiting.into_iter().filter(|id| !self.is_busy(*id)) {
                        let engine = self.clone();
                        tasks.spawn(async move {
                            if let Err(error) = engine.drain(id).await {
                                told(&error, "an application was not provisioned; it is tried again");
                            }
                        });
                    }
                }
                Err(error) => told(&error, "what is to be provisioned was not read; it is tried again"),
            }
        }
    }

    /// The applications where something is due and nobody else is.
    async fn list_waiting(&self, now: Timestamp) -> Result<Vec<ApplicationId>> {
        let waiting = connections::list_with_work(&mut self.db.reader(), now).await?;
        // The leases of others are watched before anything is due there too.
        let free = waiting.into_iter().filter(|one| self.may_take(one.application, one.lease.as_ref()));
        Ok(free.filter(|one| one.is_due).map(|one| one.application).collect())
    }

    /// Reconciles every application whose night has come, one after the other.
    pub async fn reconcile_due(&self) -> Result<()> {
        let ctx = self.ctx();
        pace::tidy(&self.db, ctx.now()).await?;
        for id in reconciliations::list_due(&mut self.db.reader(), ctx.now()).await? {
            if let Err(error) = self.reconcile(&ctx, id).await {
                told(&error, "an application was not reconciled; it is tried again");
            }
        }
        Ok(())
    }

    /// Takes the lease of an application and looks at what is due there until nothing is, or nothing more may be sent.
    /// Answers whether anything was looked at.
    async fn drain(&self, id: ApplicationId) -> Result<bool> {
        let Some(_busy) = self.take_up(id) else { return Ok(false) };
        if !self.lease(id).await? {
            return Ok(false);
        }
        self.leased(id, Box::pin(self.drain_leased(id))).await
    }

    async fn drain_leased(&self, id: ApplicationId) -> Result<bool> {
        let mut any = false;
        loop {
            let ctx = self.ctx();
            let Some(mut target) = self.target(&ctx, id).await? else { return Ok(any) };
            let due = ledger::list_due(&mut self.db.reader(), id, ctx.now(), BATCH).await?;
            if due.is_empty() {
                self.ahead.forget(id);
                return Ok(any);
            }
            any = true;
            // Who leaves comes before all others, and people before groups: a group is sent with those who have an account
            // by then (SE-03, SC-16).
            let leaving = due.iter().any(|(_, turn)| *turn == 0);
            let is_person = |local: &Local| local.kind() == ResourceKind::User;
            let comes = |turn: i64| !leaving || turn == 0;
            let people_first = due.iter().any(|(local, turn)| comes(*turn) && is_person(local));
            let kind = if people_first { ResourceKind::User } else { ResourceKind::Group };
            let batch = due.into_iter().filter(|(local, turn)| local.kind() == kind && comes(*turn));
            let batch = batch.map(|(local, _)| local).collect();
            if !leaving {
                self.look_ahead(&ctx, &mut target, kind).await?;
            }
            let worked = self.work(&ctx, &target, batch, leaving).await;
            // How the other side did is noted whatever became of us.
            let paused = self.note_health(&ctx, &target).await?;
            worked?;
            if paused {
                return Ok(any);
            }
            // Whoever got an account marks the groups they are in.
            notices::take(&self.db, &ctx, ROUNDS).await?;
        }
    }

    async fn work(&self, ctx: &Ctx, target: &Target<'_>, batch: Vec<Local>, leaving: bool) -> Result<()> {
        // While some send, others read and write; one after the other where each request counts.
        let at_once = if target.is_paced() { 1 } else { target.concurrency() * AHEAD };
        let mut results = stream::iter(batch)
            .map(|local| async move {
                if target.is_stopped() || self.is_overtaken(ctx, target, leaving).await? {
                    return Ok(());
                }
                self.look(ctx, target, local, leaving).await
            })
            .buffer_unordered(at_once);
        let mut failed = None;
        while let Some(result) = results.next().await {
            match result {
                Ok(()) => {}
                // Marked or taken over meanwhile: whoever has it looks again.
                Err(error) if lost(&error) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether somebody leaves meanwhile and comes first, or the connection has been changed: what is left of a batch is
    /// taken up again.
    async fn is_overtaken(&self, ctx: &Ctx, target: &Target<'_>, leaving: bool) -> Result<bool> {
        let (id, known) = (target.application.id, target.connection.version);
        let now = connections::look(&mut self.db.reader(), id, ctx.now()).await?;
        Ok(now.is_none_or(|now| now.version != known || (now.leaving && !leaving)))
    }

    async fn look(&self, ctx: &Ctx, target: &Target<'_>, local: Local, leaving: bool) -> Result<()> {
        let Some(entry) = ledger::find(&mut self.db.reader(), target.application.id, local).await? else {
            return Ok(());
        };
        if !target.may_begin(ctx, leaving).await? {
            return Ok(());
        }
        let freed = target.freed();
        let (entry, outcome) = self.look_at(ctx, target, entry).await?;
        if outcome.finish.failing_since.is_none() {
            target.note_well();
        }
        self.write(target, outcome.steps(ctx, &entry, &self.holder)?).await?;
        if target.freed() != freed {
            // It may have been refused for a name that became free before this was written, and nobody woke it.
            self.write(target, vec![Step::Any(ledger::wake_if_refused(&entry, ctx.now()))]).await?;
        }
        Ok(())
    }

    /// Looks at an entry and does what is to be done, but for writing what came of it.
    async fn look_at(&self, ctx: &Ctx, target: &Target<'_>, entry: Entry) -> Result<(Entry, Outcome)> {
        match entry.local {
            Local::User(user) => account::look(self, target, ctx, entry, user).await,
            Local::Group(id) => group::look(self, target, ctx, entry, id).await,
        }
    }

    /// Notes a change as begun, durably, before anything of it is sent (SE-01).
    async fn begin(
        &self,
        target: &Target<'_>,
        entry: &Entry,
        change: Change,
        wanted: Option<&Json>,
    ) -> Result<()> {
        self.write(target, vec![self.fence(entry, Some(change), wanted)?]).await
    }

    /// A step that holds only while the lease is ours.
    fn fence(&self, entry: &Entry, attempt: Option<Change>, wanted: Option<&Json>) -> Result<Step> {
        Ok(Step::One(ledger::begin(entry, &self.holder, attempt, wanted)?, target::lost_lease))
    }

    async fn write(&self, target: &Target<'_>, steps: Vec<Step>) -> Result<()> {
        if target.plan.is_some() {
            return Ok(());
        }
        self.commits.write(steps).await
    }

    /// How the other side did. Answers whether nothing more is to be sent for now.
    async fn note_health(&self, ctx: &Ctx, target: &Target<'_>) -> Result<bool> {
        let id = target.application.id;
        let wrote = target.wrote.load(Ordering::Relaxed) && target.connection.written_at.is_none();
        let pause = target.take_pause();
        // Whoever only has to wait for the pace, and took something, is well.
        let is_well = match &pause {
            None => true,
            Some(pause) => matches!(pause.reason, Reason::Pace) && target.wrote.load(Ordering::Relaxed),
        };
        let recovers = is_well && target.connection.failing.is_some();
        if pause.is_none() && !recovers && !wrote {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        if wrote {
            tx.run(connections::note_written(id, ctx.now())).await?;
        }
        if recovers {
            tx.run(connections::recover(id)).await?;
        }
        match &pause {
            Some(Pause { until, reason: Reason::Fault(code, message) }) => {
                tx.run(connections::pause(id, code, message, ctx.now(), *until)).await?;
                if target.connection.failing.as_ref().is_none_or(|failing| failing.code != *code) {
                    let event = event(EventName::IdmIntegrationFailure, &target.application)
                        .outcome(EventOutcome::Failure)
                        .detail("code", *code);
                    record(&mut tx, ctx, event).await?;
                }
            }
            Some(Pause { until, reason: Reason::Busy }) => drop(tx.run(connections::wait(id, *until)).await?),
            Some(Pause { until, reason: Reason::Pace }) => {
                tx.run(connections::keep_pace(id, *until)).await?;
            }
            None => {}
        }
        tx.commit().await?;
        Ok(pause.is_some())
    }

    /// The application as it is to be provisioned now; `None`: not at all.
    pub(in crate::provisioning) async fn target(
        &self,
        ctx: &Ctx,
        id: ApplicationId,
    ) -> Result<Option<Target<'_>>> {
        let mut reader = self.db.reader();
        let Some(application) = applications::find(&mut reader, id).await? else { return Ok(None) };
        let Some(connection) = connections::find(&mut reader, id).await? else { return Ok(None) };
        if !connection.is_active() {
            return Ok(None);
        }
        let is_known = |url: &String| connection.ledger_for.as_ref() == Some(url);
        let url = address::base_url(&self.outbound, &application, &connection.settings);
        if url.as_ref().is_ok_and(|url| connection.secret_for.as_ref() == Some(url) && !is_known(url)) {
            // Its ids are of another address: it is to be activated again.
            return Ok(None);
        }
        match self.reach(application.clone(), connection.clone(), &self.tokens) {
            Ok(target) => Ok(Some(target)),
            // It is for an administrator to mend: nothing is sent until then.
            Err(error) if error.kind != Kind::Internal => {
                self.stand_still(ctx, &application, &connection, &error).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// An application with its address and secret, active or not.
    fn reach<'a>(
        &'a self,
        application: applications::Application,
        connection: Connection,
        tokens: &'a Tokens,
    ) -> Result<Target<'a>> {
        let quirks = connection::quirks(&application);
        let base = address::base_url(&self.outbound, &application, &connection.settings)?;
        let credentials = address::credentials(&self.vault, &connection, &base)?;
        let (id, plain_json) = (application.id, quirks.plain_json);
        let outbound = &*self.outbound;
        let secret = address::secret_digest(&connection);
        let tls = tls::of(&self.vault, &connection, &quirks)?;
        let client = Client { outbound, tokens, application: id, base, credentials, secret, plain_json, tls };
        Ok(Target::new(application, connection, quirks, client, &self.db))
    }

    async fn stand_still(
        &self,
        ctx: &Ctx,
        application: &applications::Application,
        connection: &Connection,
        error: &Error,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let until = ctx.now().plus(15 * MINUTE);
        tx.run(connections::pause(application.id, error.code, &error.message, ctx.now(), until)).await?;
        if connection.failing.as_ref().is_none_or(|failing| failing.code != error.code) {
            let event = event(EventName::IdmIntegrationFailure, application)
                .outcome(EventOutcome::Failure)
                .detail("code", error.code);
            record(&mut tx, ctx, event).await?;
        }
        tx.commit().await
    }
}

fn told(error: &Error, what: &str) {
    tracing::error!(code = error.code, cause = ?error.internal_cause(), "{what}");
}
