//! Who has an application to itself: one task of one process sends there at a time (SC-23), and gives it back. Whoever
//! has it says so again and again; when that stops for long enough, by the watch of whoever waits and by nobody's clock
//! (AV-06), it is free.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::base::id::ApplicationId;
use crate::base::{Clock, Error, Result};
use crate::provisioning::engine::{Engine, TICK, target};
use crate::provisioning::store::connections::{self, Lease};

/// For how many milliseconds a node that is gone keeps an application: longer than a request can be under way.
const LEASE: i64 = 45_000;
/// How often one that is there says so.
const RENEWAL: Duration = Duration::from_secs(5);
/// How long somebody who wants an application to themselves waits for it.
const TURN_COMES: Duration = Duration::from_secs(5);

/// The leases of others, and since when each of them was not renewed.
#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<HashMap<ApplicationId, (Lease, i64)>>);

impl Watched {
    /// Whether a lease has not been renewed for so long that whoever had it is gone.
    fn is_over(&self, id: ApplicationId, lease: &Lease, clock: &Clock) -> bool {
        let now = clock.steady();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&id) {
            Some((seen, since)) if seen == lease => now - since >= LEASE,
            _ => {
                known.insert(id, (lease.clone(), now));
                false
            }
        }
    }
}

impl Engine {
    /// Whether an application that this lease is of may be taken up.
    pub(super) fn may_take(&self, id: ApplicationId, lease: Option<&Lease>) -> bool {
        lease.is_none_or(|lease| lease.holder == self.holder || self.watched.is_over(id, lease, &self.clock))
    }

    /// Keeps other tasks of this process away from an application for as long as it is held.
    pub(super) fn take_up(&self, id: ApplicationId) -> Option<Busy<'_>> {
        let is_free = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_free.then_some(Busy { engine: self, id })
    }

    pub(super) fn is_busy(&self, id: ApplicationId) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Has an application to itself while something is done there (SC-23). What is under way there may come to its end
    /// first; if that takes long, the answer is `provisioning_busy`.
    pub(in crate::provisioning) async fn alone<T>(
        &self,
        id: ApplicationId,
        work: BoxFuture<'_, Result<T>>,
    ) -> Result<T> {
        let until = tokio::time::Instant::now() + TURN_COMES;
        let _busy = loop {
            if let Some(busy) = self.take_up(id)
                && self.lease(id).await?
            {
                break busy;
            }
            if tokio::time::Instant::now() >= until {
                return Err(busy());
            }
            tokio::time::sleep(TICK).await;
        };
        self.leased(id, work).await
    }

    /// Keeps the lease while something is done, then gives it back.
    pub(super) async fn leased<T>(&self, id: ApplicationId, work: BoxFuture<'_, Result<T>>) -> Result<T> {
        let result = tokio::select! {
            result = work => result,
            error = self.keep_lease(id) => Err(error),
        };
        let mut tx = self.db.begin().await?;
        connections::release(&mut tx, id, &self.holder).await?;
        tx.commit().await?;
        result
    }

    /// Renews the lease until it can't be renewed any more.
    async fn keep_lease(&self, id: ApplicationId) -> Error {
        let mut tick = tokio::time::interval(RENEWAL);
        tick.tick().await;
        loop {
            tick.tick().await;
            match self.lease(id).await {
                Ok(true) => {}
                Ok(false) => return target::lost_lease(),
                Err(error) => return error,
            }
        }
    }

    /// Whoever held leases on this database before is gone: a file has one server at a time.
    pub(super) async fn forget_leases(&self) -> Result<()> {
        if !self.db.is_sqlite() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        connections::release_all(&mut tx).await?;
        tx.commit().await
    }

    pub(super) async fn lease(&self, id: ApplicationId) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let mut ours = connections::lease(&mut tx, id, &self.holder, None).await?;
        if !ours && let Some(lease) = connections::find_lease(&mut tx, id).await? {
            let is_over = self.watched.is_over(id, &lease, &self.clock);
            ours = is_over && connections::lease(&mut tx, id, &self.holder, Some(&lease)).await?;
        }
        tx.commit().await?;
        Ok(ours)
    }
}

/// An application that this process is at.
pub(super) struct Busy<'a> {
    engine: &'a Engine,
    id: ApplicationId,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.engine.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Something is sent there that comes first.
pub(super) fn busy() -> Error {
    Error::conflict(
        "provisioning_busy",
        "This application is being provisioned at this moment. Try again in a minute.",
    )
}
