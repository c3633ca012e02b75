//! What every handler can reach: the installation, how this server is set up, and the few things `web` itself keeps.

use std::sync::Arc;

use ipnet::IpNet;
use moka::sync::Cache;
use tokio::sync::Semaphore;

use crate::base::Timestamp;
use crate::base::clock::{HOUR, MINUTE};
use crate::base::id::{SessionId, TokenId};
use crate::base::rate::Rate;
use crate::metrics::requests::Requests;
use crate::provisioning::engine::Engine;
use crate::signon::Installation;
use crate::signon::trial::TrialProvider;
use crate::web::cookies::Cookies;
use crate::web::routes::route_table;
use crate::web::shed::LARGE_BODIES;

/// The state of the router.
pub type Shared = Arc<Web>;

/// How the HTTP side is set up. Every value is a key of `tessera.toml`.
#[derive(Clone, Debug)]
pub struct WebOptions {
    /// Reverse proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests worked on at the same time; beyond it they are answered 503.
    pub concurrency: usize,
    /// The built-in service provider behind *Test*, where one runs.
    pub trial: Option<Arc<dyn TrialProvider>>,
}

impl Default for WebOptions {
    fn default() -> Self {
        Self { trusted_proxies: Vec::new(), concurrency: 1024, trial: None }
    }
}

/// What handlers share.
#[derive(Debug)]
pub struct Web {
    /// The wired rooms.
    pub installation: Arc<Installation>,
    /// What keeps applications in step with people and groups.
    pub provisioning: Arc<Engine>,
    /// How the HTTP side is set up.
    pub options: WebOptions,
    /// Names and attributes of our cookies.
    pub cookies: Cookies,
    pub(in crate::web) requests: Requests,
    pub(in crate::web) places: Semaphore,
    pub(in crate::web) large_bodies: Semaphore,
    pub(in crate::web) denials: Rate<(String, String)>,
    pub(in crate::web) token_calls: Rate<TokenId>,
    console_uses: Cache<SessionId, Timestamp>,
}

impl Web {
    /// Wires the HTTP side of an installation.
    #[must_use]
    pub fn new(installation: Arc<Installation>, options: WebOptions) -> Shared {
        Arc::new(Self {
            cookies: Cookies::new(installation.base_url.is_secure()),
            requests: Requests::of(route_table().into_iter().map(|route| (route.method, route.path))),
            places: Semaphore::new(options.concurrency.min(Semaphore::MAX_PERMITS)),
            large_bodies: Semaphore::new(LARGE_BODIES),
            denials: Rate::new(MINUTE),
            token_calls: Rate::new(MINUTE),
            console_uses: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(std::time::Duration::from_millis(HOUR.unsigned_abs()))
                .build(),
            provisioning: Arc::new(Engine::new(
                installation.db.clone(),
                installation.vault.clone(),
                installation.outbound.clone(),
                installation.clock.clone(),
                installation.random.clone(),
                installation.base_url.clone(),
            )),
            installation,
            options,
        })
    }

    /// When the session last used the console on this node. What is forgotten asks for the password again, so a
    /// restart and another node err on the safe side.
    pub(in crate::web) fn console_use(&self, session: SessionId) -> Option<Timestamp> {
        self.console_uses.get(&session)
    }

    pub(in crate::web) fn used_console(&self, session: SessionId, now: Timestamp) {
        self.console_uses.insert(session, now);
    }
}
