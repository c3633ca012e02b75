//! Names to addresses, with the verdict in between: the addresses that were judged are the very ones that are connected
//! to, so a name that means something else a moment later gains nothing (DNS rebinding).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolving};

use crate::outbound::failure::Reason;
use crate::outbound::guard::Guard;

/// Looks names up.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of a name.
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// As the machine does.
#[derive(Debug)]
pub(super) struct OfMachine;

impl Resolve for OfMachine {
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// What the HTTP client asks: names go in, only addresses that may be connected to come out.
pub(super) struct Judged {
    pub(super) names: Arc<dyn Resolve>,
    pub(super) guard: Guard,
    /// For plain http, which is only for what was allowed.
    pub(super) plain: bool,
}

/// Why no address came out; found again in what the client reports.
#[derive(Debug)]
pub(super) struct NoAddress(pub(super) Reason);

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

impl std::error::Error for NoAddress {}

impl reqwest::dns::Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let (found, guard, plain) = (self.names.resolve(host.clone()), self.guard.clone(), self.plain);
        Box::pin(async move {
            let addresses = found.await.unwrap_or_default();
            if addresses.is_empty() {
                return Err(NoAddress(Reason::NameUnknown).into());
            }
            // One bad address spoils the name: who sets it decides which one is tried.
            for address in &addresses {
                if let Err(reason) = guard.check(*address, plain) {
                    tracing::warn!(%host, %address, code = reason.code(), "refused to connect");
                    return Err(NoAddress(reason).into());
                }
            }
            let sockets: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(sockets)
        })
    }
}
