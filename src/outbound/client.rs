//! One hop: the clients of the HTTP library as they must be set up, and what their failures mean. Redirects are not
//! theirs to follow, nor is the environment to name a proxy.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use rustls::AlertDescription;

use crate::outbound::failure::Reason;
use crate::outbound::guard::Guard;
use crate::outbound::resolve::{Judged, NoAddress, Resolve};
use crate::outbound::tls::Tls;

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
        let client = |plain| build(guard, names, plain, authorities, &Tls::default());
        Ok(Self { https: client(false)?, http: client(true)? })
    }
}

/// A client for https, or for what may be asked by `plain` http too. The target's TLS trusts its own authorities in
/// place of those of the machine and these.
pub(super) fn build(
    guard: &Guard,
    names: &Arc<dyn Resolve>,
    plain: bool,
    authorities: &[Certificate],
    tls: &Tls,
) -> Result<Client, Reason> {
    let mut builder = Client::builder()
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
        .dns_resolver(Judged { names: names.clone(), guard: guard.clone(), plain });
    builder = if tls.authorities().is_empty() {
        builder.tls_certs_merge(authorities.iter().cloned())
    } else {
        builder.tls_certs_only(tls.authorities().iter().cloned())
    };
    if let Some(identity) = tls.identity() {
        builder = builder.identity(identity.clone());
    }
    builder.build().map_err(|error| {
        tracing::error!(cause = %Chain(&error), "no client for outbound requests could be made");
        Reason::NoRoots
    })
}

/// What a failure of the library means.
pub(super) fn reason_of(error: &reqwest::Error) -> Reason {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(no_address) = cause.downcast_ref::<NoAddress>() {
            return no_address.0;
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return if is_about_ours(error) { Reason::ClientRefused } else { Reason::Untrusted };
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

/// Whether the other side did not take the certificate that it was shown, or wants one.
fn is_about_ours(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            // Its name is known, and its key is another one: it was made anew.
            | Alert::DecryptError
    )
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
