//! One application while its entries are looked at: where it is, what it can, how often it may be asked, and how it
//! answers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::Semaphore;

use crate::applications::Application;
use crate::base::clock::{HOUR, MINUTE};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result, Timestamp};
use crate::catalog::mapping::Mapping;
use crate::catalog::model::{PatchDialect, Quirks};
use crate::db::Db;
use crate::db::group_commit::Step;
use crate::outbound::Method;
use crate::provisioning::client::{Client, Fault, FaultKind, Reply, encoded};
use crate::provisioning::engine::lookup::Scan;
use crate::provisioning::engine::membership::members_in;
use crate::provisioning::engine::pace;
use crate::provisioning::engine::pages::PAGE;
use crate::provisioning::engine::planned::Plan;
use crate::provisioning::model::{Connection, Entry};
use crate::provisioning::store::ledger;
use crate::provisioning::verify;
use crate::scim::{AttributePath, Capabilities, Operation, PatchOp, resource};

/// Requests at the same time unless a connector says otherwise.
const CONCURRENCY: u32 = 4;
/// Different entries that fail in a row before nothing more is sent for a while.
const BREAKS_AT: u32 = 5;
/// Times that a resource is read again because somebody else changed it meanwhile (SC-12).
const RETRIES: usize = 3;

/// Why nothing more is sent for now.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    pub(super) until: Timestamp,
    pub(super) reason: Reason,
}

/// Why nothing more is sent.
#[derive(Clone, Debug)]
pub(super) enum Reason {
    /// It takes so many requests in a time. Who leaves may go on.
    Pace,
    /// It wants to be left alone.
    Busy,
    /// It fails, with a stable code and in words.
    Fault(&'static str, String),
}

/// An application whose entries are looked at.
#[derive(Debug)]
pub(in crate::provisioning) struct Target<'a> {
    pub(super) application: Application,
    pub(super) connection: Connection,
    pub(super) quirks: Quirks,
    pub(super) capabilities: Capabilities,
    client: Client<'a>,
    db: &'a Db,
    slots: Semaphore,
    /// Consecutive entries that failed in passing.
    failing: AtomicU32,
    stopped: AtomicBool,
    pause: Mutex<Option<Pause>>,
    /// Who is there, where it was worth looking through all.
    pub(super) people: Option<Arc<Scan>>,
    /// Which groups are there.
    pub(super) groups: Option<Arc<Scan>>,
    /// How many leave, as it was counted last.
    pub(super) leaving: tokio::sync::Mutex<Option<Leaving>>,
    /// Something was written.
    pub(super) wrote: AtomicBool,
    /// How many names have become free there since this was made.
    freed: AtomicU64,
    /// Nothing is to be written: what would be is noted here.
    pub(super) plan: Option<Plan>,
}

/// Who leaves because nothing gives them the application any more.
#[derive(Debug)]
pub(super) struct Leaving {
    /// How many are managed.
    pub(super) managed: i64,
    /// How many of them leave.
    pub(super) going: i64,
    /// How often it was asked since it was counted.
    pub(super) asked: i64,
    /// That so many leave was told.
    pub(super) told: bool,
}

impl<'a> Target<'a> {
    pub(super) fn new(
        application: Application,
        connection: Connection,
        quirks: Quirks,
        client: Client<'a>,
        db: &'a Db,
    ) -> Self {
        let capabilities = connection.capabilities.clone();
        let capabilities =
            capabilities.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
        let places = usize::try_from(quirks.concurrency.unwrap_or(CONCURRENCY).clamp(1, 64)).unwrap_or(1);
        Self {
            application,
            connection,
            capabilities,
            client,
            db,
            slots: Semaphore::new(places),
            failing: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
            pause: Mutex::new(None),
            people: None,
            groups: None,
            leaving: tokio::sync::Mutex::default(),
            wrote: AtomicBool::new(false),
            freed: AtomicU64::new(0),
            plan: None,
            quirks,
        }
    }

    /// A name became free there, which this entry had: to be written with what became of it. Whoever is refused meanwhile
    /// sees by [`Self::freed`] that they may have missed it.
    pub(super) fn frees(&self, entry: &Entry, now: Timestamp) -> Step {
        self.freed.fetch_add(1, Ordering::SeqCst);
        Step::Any(ledger::wake_refused(entry, now))
    }

    /// How many names have become free there since this was made.
    pub(super) fn freed(&self) -> u64 {
        self.freed.load(Ordering::SeqCst)
    }

    /// Requests at the same time.
    pub(super) fn concurrency(&self) -> usize {
        usize::try_from(self.quirks.concurrency.unwrap_or(CONCURRENCY).clamp(1, 64)).unwrap_or(1)
    }

    /// Whether it takes so many requests a minute and no more.
    pub(super) fn is_paced(&self) -> bool {
        self.quirks.pace.is_some()
    }

    /// Members in one request.
    pub(super) fn membership_limit(&self) -> usize {
        usize::try_from(self.quirks.membership_limit.unwrap_or(PAGE).max(1)).unwrap_or(1)
    }

    /// Its base URL.
    pub(super) fn address(&self) -> &str {
        &self.client.base
    }

    /// Whose it is.
    pub(in crate::provisioning) fn id(&self) -> ApplicationId {
        self.application.id
    }

    /// The version of the connection.
    pub(in crate::provisioning) fn version(&self) -> i64 {
        self.connection.version
    }

    /// What is sent of a person.
    pub(in crate::provisioning) fn mappings(&self) -> &[Mapping] {
        &self.connection.settings.mappings
    }

    /// The attributes that it should show and does not.
    pub(in crate::provisioning) fn not_shown(&self, wanted: &Json, shown: &Json) -> Vec<String> {
        super::account::not_shown(&self.quirks, wanted, shown)
    }

    /// Whether groups are kept in step.
    pub(in crate::provisioning) fn manages_groups(&self) -> bool {
        self.connection.settings.manage_groups
    }

    /// Whether groups never show who is in them.
    pub(in crate::provisioning) fn hides_members(&self) -> bool {
        self.quirks.members_hidden
    }

    /// Who is in a group there.
    pub(in crate::provisioning) async fn members_of(
        &self,
        ctx: &Ctx,
        group: &str,
    ) -> Result<HashSet<String>, Fault> {
        let path = format!("/Groups/{}", encoded(group));
        let reply = self.send(ctx, Method::Get, &path, None, None).await?;
        Ok(reply.body.as_ref().and_then(members_in).unwrap_or_default())
    }

    /// Whether accounts that are inactive are not shown.
    pub(in crate::provisioning) fn hides_inactive(&self) -> bool {
        self.quirks.inactive_hidden
    }

    /// Whether nothing more is to be sent now.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Why, and for how long.
    pub(super) fn take_pause(&self) -> Option<Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn stop(&self, pause: Pause) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut held = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|held| held.until < pause.until) {
            *held = Some(pause);
        }
    }

    /// What a failure means for all that is still to be sent here.
    pub(super) fn note(&self, ctx: &Ctx, fault: &Fault) {
        let now = ctx.now();
        let told = || Reason::Fault(fault.code, fault.message.clone());
        match fault.kind {
            FaultKind::Throttled => {
                let wait = fault.retry_after.unwrap_or(5_000).max(1_000);
                self.stop(Pause { until: now.plus(wait), reason: Reason::Busy });
            }
            FaultKind::Unauthenticated => {
                self.stop(Pause { until: now.plus(15 * MINUTE), reason: told() });
            }
            FaultKind::Ours => self.stop(Pause { until: now.plus(15 * MINUTE), reason: told() }),
            FaultKind::Lost | FaultKind::Passing => {
                let in_a_row = self.failing.fetch_add(1, Ordering::Relaxed) + 1;
                if fault.retry_after.is_some() || in_a_row >= BREAKS_AT {
                    let times = self.connection.failing.as_ref().map_or(0, |failing| failing.times);
                    let wait = backoff(ctx, times, 5 * MINUTE).max(fault.retry_after.unwrap_or(0)).min(HOUR);
                    self.stop(Pause { until: now.plus(wait), reason: told() });
                }
            }
            _ => {}
        }
    }

    /// What the other side says of itself; `None`: nothing.
    pub(super) async fn discover(&self, ctx: &Ctx) -> Result<Option<Json>, Fault> {
        verify::discover(ctx, &self.client).await
    }

    /// An entry went well.
    pub(super) fn note_well(&self) {
        self.failing.store(0, Ordering::Relaxed);
    }

    /// Whether an entry may be begun by the pace that the other side takes. What is begun comes to its end, on credit: half of
    /// it would be begun again and again.
    pub(super) async fn may_begin(&self, ctx: &Ctx, leaves: bool) -> Result<bool> {
        let Some(limits) = self.quirks.pace.filter(|_| self.plan.is_none()) else { return Ok(true) };
        let wait = pace::wait(self.db, self.address(), limits, leaves, ctx.now()).await?;
        if let Some(wait) = wait {
            self.stop(Pause { until: ctx.now().plus(wait), reason: Reason::Pace });
        }
        Ok(wait.is_none())
    }

    /// Waits until the pace that the other side takes leaves room for a page of a list, a minute at most.
    pub(super) async fn wait_for_pace(&self, ctx: &Ctx) -> Result<(), Fault> {
        let Some(limits) = self.quirks.pace.filter(|_| self.plan.is_none()) else { return Ok(()) };
        let wait = pace::wait(self.db, self.address(), limits, false, ctx.now()).await.map_err(unpaced)?;
        if let Some(wait) = wait {
            let wait = u64::try_from(wait.min(MINUTE)).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        Ok(())
    }

    /// Sends a request when there is a place for it and the other side may be asked.
    pub(super) async fn send(
        &self,
        ctx: &Ctx,
        method: Method,
        path: &str,
        body: Option<&Json>,
        if_match: Option<&str>,
    ) -> Result<Reply, Fault> {
        let stopped = || Fault {
            kind: FaultKind::Throttled,
            code: "scim_paused",
            message: "Nothing is sent for a while. We go on by ourselves.".to_owned(),
            retry_after: Some(1_000),
        };
        if self.is_stopped() {
            return Err(stopped());
        }
        let _place = self.slots.acquire().await.map_err(|_| stopped())?;
        if self.is_stopped() {
            return Err(stopped());
        }
        if let Some(plan) = self.plan.as_ref().filter(|_| method != Method::Get) {
            return Ok(plan.answer(method, path, body));
        }
        if let Some(limits) = self.quirks.pace {
            pace::take(self.db, self.address(), limits, ctx.now()).await.map_err(unpaced)?;
        }
        let reply = self.client.send(ctx, method, path, body, if_match).await;
        if reply.is_ok() && method != Method::Get {
            self.wrote.store(true, Ordering::Relaxed);
        }
        reply
    }

    /// Changes a resource: by PATCH where that is understood, else by putting it back whole (SC-07). Where the change was
    /// made out of what was read, `read` is that. Answers the resource as it was echoed.
    pub(super) async fn change(
        &self,
        ctx: &Ctx,
        path: &str,
        operations: &[Operation],
        read: Option<&Json>,
    ) -> Result<Option<Json>, Fault> {
        let patches = !self.quirks.no_patch && self.capabilities.patch != Some(false);
        if patches {
            match self.patch(ctx, path, operations, read).await {
                Err(fault) if fault.kind == FaultKind::NotImplemented => {}
                other => return other,
            }
        }
        self.put(ctx, path, operations).await
    }

    /// PATCH. Where somebody else was first, the same attributes are set in what is there now (SC-12).
    async fn patch(
        &self,
        ctx: &Ctx,
        path: &str,
        operations: &[Operation],
        read: Option<&Json>,
    ) -> Result<Option<Json>, Fault> {
        let body = self.patch_body(operations);
        let mut etag = read.and_then(version).filter(|_| self.capabilities.etag);
        for _ in 0..RETRIES {
            match self.send(ctx, Method::Patch, path, Some(&body), etag.as_deref()).await {
                Err(fault) if fault.kind == FaultKind::Changed => {
                    etag = self.send(ctx, Method::Get, path, None, None).await?.etag;
                }
                other => return other.map(|reply| reply.body),
            }
        }
        // Some never take the weak tags that they give. What is set is named one by one, so nobody else's is lost.
        match self.send(ctx, Method::Patch, path, Some(&body), None).await {
            Err(fault) if fault.kind == FaultKind::Changed => Err(contended()),
            other => other.map(|reply| reply.body),
        }
    }

    fn patch_body(&self, operations: &[Operation]) -> Json {
        let mut body = PatchOp::from(operations.to_vec()).to_json();
        if self.quirks.patch_dialect == PatchDialect::Entra
            && let Some(list) = body.get_mut("Operations").and_then(Json::as_array_mut)
        {
            for operation in list {
                for name in ["Add", "Replace", "Remove"] {
                    if operation.get("op").and_then(Json::as_str) == Some(name.to_lowercase().as_str()) {
                        operation["op"] = name.into();
                    }
                }
                if let Some(Json::Bool(value)) = operation.get("value") {
                    operation["value"] = if *value { "True" } else { "False" }.into();
                }
            }
        }
        body
    }

    /// Reads a resource, changes it, puts it back: what is not ours in it stays.
    pub(super) async fn put(
        &self,
        ctx: &Ctx,
        path: &str,
        operations: &[Operation],
    ) -> Result<Option<Json>, Fault> {
        for _ in 0..RETRIES {
            let reply = self.send(ctx, Method::Get, path, None, None).await?;
            let Some(mut resource) = reply.body else { return Err(incomplete("It shows nothing of it.")) };
            PatchOp::from(operations.to_vec()).apply(&mut resource).map_err(|error| Fault {
                kind: FaultKind::Refused,
                code: "scim_not_applicable",
                message: format!("What it shows can't be changed as it should: {error}"),
                retry_after: None,
            })?;
            let etag = reply.etag.filter(|_| self.capabilities.etag);
            match self.send(ctx, Method::Put, path, Some(&resource), etag.as_deref()).await {
                Err(fault) if fault.kind == FaultKind::Changed => {}
                other => return other.map(|reply| reply.body),
            }
        }
        Err(contended())
    }
}

/// The version of a resource as a header takes it.
fn version(read: &Json) -> Option<String> {
    let version = resource::text(read, &AttributePath::of("meta").with_sub("version"))?;
    let is_tag = version.len() <= 256 && version.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (is_tag && version.ends_with('"')).then(|| version.to_owned())
}

/// Our own records are out of reach, so nothing was sent.
fn unpaced(error: Error) -> Fault {
    tracing::error!(code = error.code, cause = ?error.internal_cause(), "the pace of an application is not known");
    Fault {
        kind: FaultKind::Throttled,
        code: "provisioning_unread",
        message: error.message.to_string(),
        retry_after: None,
    }
}

fn contended() -> Fault {
    Fault {
        kind: FaultKind::Passing,
        code: "scim_changed",
        message: "Somebody else changes it all the time.".to_owned(),
        retry_after: None,
    }
}

pub(super) fn incomplete(message: &str) -> Fault {
    Fault {
        kind: FaultKind::NotScim,
        code: "scim_incomplete",
        message: message.to_owned(),
        retry_after: None,
    }
}

/// How long to wait after so many failures: from two seconds on twice as long each time, any part of it (SC-13).
pub(super) fn backoff(ctx: &Ctx, times: i64, longest: i64) -> i64 {
    let most = 2_000_i64.saturating_mul(1 << times.clamp(0, 20)).min(longest);
    let part = i64::from(u16::from_be_bytes(ctx.random.bytes()));
    most / 2 + most / 2 * part / i64::from(u16::MAX)
}

/// A fault of the database, not of the other side.
pub(super) fn lost_lease() -> Error {
    Error::new(
        crate::base::Kind::Unavailable,
        "provisioning_lease_lost",
        "Another node provisions this application by now.",
    )
}
