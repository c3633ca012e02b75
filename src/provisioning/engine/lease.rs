//! Who has an application to itself: one task of one process sends there at a time (SC-23), and gives it back.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::base::id::ApplicationId;
use crate::base::{Error, Result};
use crate::provisioning::engine::{Engine, TICK, target};
use crate::provisioning::store::connections;

/// For how long a node that is gone keeps an application, and how often one that is there says so, in milliseconds.
/// It is longer than a request can be under way.
const LEASE: i64 = 45_000;
const RENEWAL: Duration = Duration::from_secs(5);
/// How long somebody who wants an application to themselves waits for it.
const TURN_COMES: Duration = Duration::from_secs(5);

impl Engine {
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
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let ours = connections::lease(&mut tx, id, &self.holder, now, now.plus(LEASE)).await?;
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
