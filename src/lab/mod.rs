//! A service provider to try sign-on against: `tessera demo` and the console's *Test* use it. It serves on a port, and
//! so an origin, of its own, and shows what an application receives and how each check of it went.
//!
//! It must not know the identity provider's rooms: all it has is an address, an entity ID and certificates, like any
//! other service provider. Start with [`Lab::new`]; whoever made it serves its [`Lab::router`], with deadlines and caps.

mod handlers;
mod judge;
mod pages;
mod request;
pub mod scim;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use moka::sync::Cache;

use crate::base::{Clock, Error, Random, Result, Timestamp};
use crate::lab::judge::{Expected, Verdict, judge};
use crate::saml::{VerificationKey, parse_certificate};

/// How long a request waits for its answer, and an assertion is remembered.
const MEMORY: Duration = Duration::from_mins(30);
/// Requests and assertions remembered at most.
const REMEMBERED: u64 = 10_000;
/// Longest RelayState in bytes; each is kept until its request is answered.
const MAX_RELAY_STATE: usize = 2048;

/// An application of the lab, with what it knows of its identity provider.
#[derive(Clone, Debug)]
pub struct LabSp {
    /// Its name in addresses: `/acs/{name}`; letters, digits and `-`.
    pub name: String,
    /// How it is shown.
    pub label: String,
    /// The IdP URL.
    pub idp_url: String,
    /// Entity ID of the identity provider.
    pub idp_entity_id: String,
    /// Certificate of the identity provider, PEM.
    pub idp_certificate: String,
    /// Its own entity ID.
    pub entity_id: String,
    /// Said above what it received.
    pub note: Option<String>,
}

/// An application with its key read.
#[derive(Clone, Debug)]
struct Application {
    sp: LabSp,
    keys: Vec<VerificationKey>,
}

impl Application {
    fn of(sp: LabSp) -> Result<Self> {
        let certificate = parse_certificate(sp.idp_certificate.as_bytes())
            .map_err(|fault| Error::field("idp_certificate", fault.code(), fault.sentence()))?;
        Ok(Self { sp, keys: vec![certificate.key] })
    }
}

/// What a careful application that knows this finds wrong with a Response that came to `acs_url` now: the checks that
/// failed, by their names. `request`: the ID of its request that waits for this answer.
pub fn faults(
    sp: LabSp,
    acs_url: &str,
    now: Timestamp,
    request: Option<&str>,
    response: &[u8],
) -> Result<Vec<String>> {
    let application = Application::of(sp)?;
    let expected = Expected { acs_url, now, is_waiting: &|id| request == Some(id), was_seen: &|_| false };
    let received = judge(&application, &expected, response);
    if request.is_some_and(|id| received.in_response_to != id) {
        return Ok(vec![format!("Answers the request: {}", received.in_response_to)]);
    }
    let failed = received.checks.into_iter().filter(|check| check.verdict == Verdict::Failed);
    Ok(failed.map(|check| format!("{}: {}", check.what, check.found)).collect())
}

/// Where the lab learns which certificates of its identity provider are published now, as other service providers do by
/// fetching metadata.
pub trait IdpCertificates: std::fmt::Debug + Send + Sync {
    /// The certificates for the application of this name, PEM; none when there is no such application any more.
    fn published<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;
}

/// A request that was sent and has not been answered.
#[derive(Clone, Debug)]
struct Sent {
    application: String,
    relay_state: Option<String>,
}

#[derive(Debug)]
struct Shared {
    origin: String,
    clock: Clock,
    random: Random,
    certificates: Option<Arc<dyn IdpCertificates>>,
    applications: RwLock<BTreeMap<String, Arc<Application>>>,
    sent: Cache<String, Sent>,
    /// Assertions that were accepted, each by the SHA-256 of application and ID: what was refused leaves nothing here.
    seen: Cache<[u8; 32], ()>,
}

impl Shared {
    fn new(
        origin: String,
        clock: Clock,
        random: Random,
        certificates: Option<Arc<dyn IdpCertificates>>,
    ) -> Self {
        let sent = Cache::builder().max_capacity(REMEMBERED).time_to_live(MEMORY).build();
        let seen = Cache::builder().max_capacity(REMEMBERED).time_to_live(MEMORY).build();
        Self { origin, clock, random, certificates, applications: RwLock::default(), sent, seen }
    }

    fn register(&self, sp: LabSp) -> Result<()> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if sp.name.is_empty() || !sp.name.chars().all(is_plain) {
            return Err(Error::field("name", "unusable_name", "Use letters, digits and hyphens."));
        }
        let application = Application::of(sp)?;
        let mut applications = self.applications.write().unwrap_or_else(PoisonError::into_inner);
        applications.insert(application.sp.name.clone(), Arc::new(application));
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Arc<Application>> {
        self.applications.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The application with the certificates that are published now; with those it was registered with when they can't
    /// be had.
    async fn up_to_date(&self, application: Arc<Application>) -> Arc<Application> {
        let Some(certificates) = &self.certificates else { return application };
        let published = match certificates.published(&application.sp.name).await {
            Ok(published) => published,
            Err(error) => {
                tracing::warn!(code = error.code, "the lab goes on with the certificates it knows");
                return application;
            }
        };
        let read = |pem: &String| parse_certificate(pem.as_bytes()).ok().map(|certificate| certificate.key);
        let keys: Vec<VerificationKey> = published.iter().filter_map(read).collect();
        if keys.is_empty() {
            return application;
        }
        Arc::new(Application { sp: application.sp.clone(), keys })
    }

    fn acs_url(&self, name: &str) -> String {
        format!("{}/acs/{name}", self.origin)
    }
}

/// A lab: its applications, and what it waits for.
#[derive(Debug)]
pub struct Lab {
    shared: Arc<Shared>,
}

impl Lab {
    /// A lab without applications, to be served on `address`. `origin` is where browsers reach it; left out, it is that
    /// address, so on a loopback address it is another site than `localhost`, as a real application would be. Without
    /// `certificates` it knows those that applications are registered with.
    #[must_use]
    pub fn new(
        address: SocketAddr,
        origin: Option<String>,
        clock: Clock,
        random: Random,
        certificates: Option<Arc<dyn IdpCertificates>>,
    ) -> Self {
        let host = if address.ip().is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { address.ip() };
        let own = || format!("http://{}", SocketAddr::from((host, address.port())));
        Self { shared: Arc::new(Shared::new(origin.unwrap_or_else(own), clock, random, certificates)) }
    }

    /// Its addresses, for an accept loop with deadlines: strangers may reach it.
    pub fn router(&self) -> Router {
        handlers::router(Arc::clone(&self.shared))
    }

    /// `http://127.0.0.1:4000`, or what was given
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// The assertion consumer service of an application, to be registered at the identity provider.
    #[must_use]
    pub fn acs_url(&self, name: &str) -> String {
        self.shared.acs_url(name)
    }

    /// The page that begins a sign-on at the application.
    #[must_use]
    pub fn start_url(&self, name: &str) -> String {
        format!("{}/start/{name}", self.shared.origin)
    }

    /// The metadata of an application.
    #[must_use]
    pub fn metadata_url(&self, name: &str) -> String {
        format!("{}/metadata/{name}", self.shared.origin)
    }

    /// Adds an application, or replaces the one of this name.
    pub fn register(&self, application: LabSp) -> Result<()> {
        self.shared.register(application)
    }
}
