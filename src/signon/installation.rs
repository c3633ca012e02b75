//! Everything an operation of this installation needs, wired once at start: database, vault, catalog, address,
//! clock, randomness, caches and bounded pools. `web` holds one of these and never names the database itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::applications::sp_source::Sources;
use crate::applications::sp_source::aggregate::Aggregates;
use crate::auth::{Passwords, SessionCache};
use crate::base::paging::{Page, PageRequest};
use crate::base::signature::KeyType;
use crate::base::urls::BaseUrl;
use crate::base::{Actor, Clock, Ctx, Error, Kind, Random, Result};
use crate::catalog::Catalog;
use crate::catalog::model::Connector;
use crate::db::Db;
use crate::db::epoch::{EpochReader, Epochs};
use crate::db::group_commit::GroupCommit;
use crate::db::reserve::DiskReserve;
use crate::events::query::{self, EventFilter, EventView};
use crate::keys::{self, NewKey};
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::outbound::Outbound;
use crate::settings::{self, Settings};
use crate::signon::admission::Admission;
use crate::signon::cache::SignonCache;
use crate::signon::fetches::Fetches;
use crate::signon::logout::direct;
use crate::signon::recorder::Recorder;
use crate::signon::refusal::RefusalCounts;
use crate::threads::CpuPool;
use crate::vault::Vault;

/// The wired installation. Share it as `Arc<Installation>`.
#[derive(Debug)]
pub struct Installation {
    /// The database.
    pub db: Db,
    /// Sealing and MACs.
    pub vault: Vault,
    /// The connectors.
    pub catalog: Arc<Catalog>,
    /// The external address.
    pub base_url: BaseUrl,
    /// The time.
    pub clock: Clock,
    /// The randomness.
    pub random: Random,
    /// Hashes and checks passwords, a bounded number at a time.
    pub passwords: Passwords,
    /// Sessions read lately.
    pub sessions: SessionCache,
    /// Durable writes that share a flush.
    pub commits: GroupCommit,
    /// Refusals counted and not yet written.
    pub refusals: RefusalCounts,
    /// Sign-ons counted against their limits.
    pub admission: Admission,
    /// Disk kept back for the events of those who are signed in.
    pub disk: DiskReserve,
    /// What is counted for monitoring.
    pub metrics: Metrics,
    /// Who fetched metadata, not yet written.
    pub fetches: Fetches,
    /// Exchanges, not yet written.
    pub recorder: Recorder,
    /// The client for everything that goes out.
    pub outbound: Arc<Outbound>,
    /// How mail leaves.
    pub mailer: Arc<Mailer>,
    /// Where large metadata is read.
    pub aggregates: Aggregates,
    pub(in crate::signon) cache: SignonCache,
    epoch_reader: EpochReader,
    cpu: CpuPool,
    searches: Semaphore,
    /// Places for sign-outs that are told from server to server.
    pub(in crate::signon) direct_calls: direct::Calls,
}

/// Searches through the events at the same time. They may take long, and sign-ons need the other readers.
const SEARCHES: usize = 2;

impl Installation {
    /// Wires an installation on an open database; starts its tasks on the current runtime, and its threads.
    pub fn new(
        db: Db,
        vault: Vault,
        catalog: Arc<Catalog>,
        base_url: BaseUrl,
        clock: Clock,
        random: Random,
        passwords: Passwords,
    ) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            commits: GroupCommit::start(db.clone()),
            epoch_reader: EpochReader::start(db.clone()),
            metrics: Metrics::new(clock.now()),
            db,
            vault,
            catalog,
            base_url,
            clock,
            random,
            passwords,
            sessions: SessionCache::default(),
            refusals: RefusalCounts::default(),
            admission: Admission::default(),
            disk: DiskReserve::default(),
            fetches: Fetches::default(),
            recorder: Recorder::default(),
            outbound: Arc::new(Outbound::default()),
            mailer: Arc::new(Mailer::default()),
            aggregates: Aggregates::default(),
            cache: SignonCache::default(),
            cpu: CpuPool::start(cores).map_err(Error::internal)?,
            searches: Semaphore::new(SEARCHES),
            direct_calls: direct::Calls::default(),
        })
    }

    /// A context for a request of somebody not yet known.
    #[must_use]
    pub fn request_ctx(&self, source: Option<IpAddr>, user_agent: Option<&str>) -> Ctx {
        let mut ctx = Ctx::background(Actor::Anonymous, self.clock.clone(), self.random.clone());
        ctx.source = source;
        ctx.user_agent = user_agent.map(|text| text.chars().take(256).collect::<String>().into());
        ctx
    }

    /// The cache epochs: read once for each request, before anything cached is trusted.
    pub async fn epochs(&self) -> Result<Epochs> {
        self.epoch_reader.read().await
    }

    /// The settings of now, from memory when the epoch allows.
    pub async fn settings(&self, epochs: Epochs) -> Result<Arc<Settings>> {
        if let Some(settings) = self.cache.settings(epochs) {
            return Ok(settings);
        }
        let settings = Arc::new(settings::read(&mut self.db.reader()).await?);
        self.cache.put_settings(epochs, settings.clone());
        Ok(settings)
    }

    /// One page of the events that pass a filter, newest first; a few searches at a time, the others wait a little.
    pub async fn search_events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<EventView>> {
        let place = tokio::time::timeout(Duration::from_secs(5), self.searches.acquire()).await;
        let _place = place.map_err(|_| searching())?.map_err(Error::internal)?;
        query::list(&mut self.db.reader(), filter, page).await
    }

    /// Makes a key with its certificate on the pool of cores.
    pub async fn make_key(&self, ctx: &Ctx, key_type: KeyType, common_name: &str) -> Result<NewKey> {
        let (ctx, name) = (ctx.clone(), common_name.to_owned());
        self.on_cpu(move || keys::generate(&ctx, key_type, &name)).await?
    }

    /// Makes the first key of an application of this connector: one that signs as its template says.
    pub async fn make_first_key(&self, ctx: &Ctx, connector: &Connector, name: &str) -> Result<NewKey> {
        self.make_key(ctx, connector.sso_settings()?.signature_algorithm.key_type(), name).await
    }

    /// Metadata by address.
    #[must_use]
    pub fn sp_sources(&self) -> Sources<'_> {
        Sources { db: &self.db, outbound: &self.outbound, cpu: &self.cpu, aggregates: &self.aggregates }
    }

    /// Runs work that keeps a core busy (RSA, XML, pictures) on a thread of its own kind, a bounded number at a time, so
    /// that the reactor stays free (AV-08).
    pub async fn on_cpu<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.cpu.run(work).await
    }

    /// The same for work that answers by itself.
    pub(in crate::signon) fn spawn_on_cpu(&self, work: impl FnOnce() + Send + 'static) {
        self.cpu.spawn(work);
    }
}

fn searching() -> Error {
    Error::new(
        Kind::Unavailable,
        "overloaded",
        "Others are searching the events at this moment. Try again, or ask for a shorter time.",
    )
    .retry_after(5)
}
