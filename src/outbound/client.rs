//! One hop: the clients of the HTTP library as they must be set up, and what their failures mean. Redirects are not
//! theirs to follow, nor is the environment to name a proxy.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

use crate::outbound::failure::Reason;
use crate::outbound::guard::Guard;
use crate::outbound::resolve::{Judged, NoAddress, Resolve};

/// To look the name up, connect, and agree on TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// Fields in the head of an answer.
const MAX_FIELDS: usize = 100;
/// An idle connection is kept for the next request to the same address.
const IDLE: Duration = Duration::from_secs(30);

/// The two clients: what a name may resolve to depends on the scheme.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) https: Client,
    pub(super) http: Client,
}

impl Clients {
    pub(super) fn build(
        guard: &Guard,
        names: &Arc<dyn Resolve>,
        authorities: &[Certificate],
    ) -> Result<Self, Reason> {
        let client = |plain: bool| {
            Client::builder()
                .user_agent(concat!("Tessera/", env!("CARGO_PKG_VERSION")))
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .https_only(!plain)
                .http1_only()
                .http1_max_headers(MAX_FIELDS)
                .connect_timeout(CONNECT)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(16)
                .tls_certs_merge(authorities.iter().cloned())
                .dns_resolver(Judged { names: names.clone(), guard: guard.clone(), plain })
                .build()
                .map_err(|error| {
                    tracing::error!(cause = %Chain(&error), "no client for outbound requests could be made");
                    Reason::NoRoots
                })
        };
        Ok(Self { https: client(false)?, http: client(true)? })
    }
}

/// What a failure of the library means.
pub(super) fn reason_of(error: &reqwest::Error) -> Reason {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(no_address) = cause.downcast_ref::<NoAddress>() {
            return no_address.0;
        }
        if cause.is::<rustls::Error>() {
            return Reason::Untrusted;
        }
        next = cause_of(cause);
    }
    if error.is_timeout() {
        Reason::Timeout
    } else if error.is_connect() {
        Reason::Unreachable
    } else {
        Reason::Broken
    }
}

/// What an error wraps. Asked for its source, one of input and output skips it.
fn cause_of<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped))
}

/// An error with its causes, for the log.
pub(super) struct Chain<'a>(pub(super) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
