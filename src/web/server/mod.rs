//! The accept loop: connections with deadlines, caps and an orderly end (AV-07, AV-08).
//!
//! `axum::serve` sets no timer, so hyper's own time-outs never fire there. Here every connection has a watch beside
//! it (`watch`): first byte, head, idle and stalled writes have deadlines; bodies must come at a minimum rate
//! ([`body`]); addresses and the whole have caps ([`caps`]). It must not know what a request means.

pub mod body;
pub mod caps;
mod connection;
pub mod files;
mod watch;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::{Receiver, channel};
use tokio::task::JoinSet;

use crate::metrics::Gauge;
use crate::web::server::caps::Caps;

/// Limits of the accept loop. Every value is a key of `tessera.toml`.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Time for the first byte of a connection.
    pub first_byte: Duration,
    /// Time for the head of a request, from its first byte.
    pub head: Duration,
    /// Time between two requests of one connection.
    pub idle: Duration,
    /// Time in which a client must take at least something of an answer.
    pub write_stall: Duration,
    /// Time a body may take on top of what its size allows.
    pub body_grace: Duration,
    /// Fewest bytes of a body in a second.
    pub body_rate: u64,
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one IPv4 address or one IPv6 /64.
    pub connections_per_source: usize,
    /// Whom the cap for one source does not hold: reverse proxies, and this machine.
    pub uncapped: Vec<IpNet>,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams: u32,
    /// Time to finish what is under way when the server stops.
    pub drain: Duration,
    /// Counts the connections that are open.
    pub open: Arc<Gauge>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let loopback = [IpNet::from(ipnet::Ipv4Net::new_assert([127, 0, 0, 0].into(), 8)), this_host_v6()];
        Self {
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            write_stall: Duration::from_secs(30),
            body_grace: Duration::from_secs(10),
            body_rate: 16 * 1024,
            connections: 16_000,
            connections_per_source: 512,
            uncapped: loopback.into(),
            streams: 100,
            drain: Duration::from_secs(10),
            open: Arc::default(),
        }
    }
}

fn this_host_v6() -> IpNet {
    IpNet::from(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128))
}

/// Largest head of a request in bytes (W-13).
pub const MAX_HEAD: usize = 32 * 1024;
/// Most headers of a request (W-13).
pub const MAX_HEADERS: usize = 100;

/// The other end of the connection, an extension of every request. Behind a reverse proxy this is the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves `router` on `listener` until `shutdown` is ready, then finishes what is under way and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let options = Arc::new(options);
    let caps = Caps::new(&options);
    let (stop, stopping) = channel(false);
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    welcome(&mut tasks, stream, peer, &caps, &router, &options, &stopping);
                }
                Err(error) => pause_after(&error).await,
            },
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => report(ended),
        }
    }
    drop(listener);
    // Nobody listening any more is no failure: then every connection has ended already.
    let _ = stop.send(true);
    drain(&mut tasks, options.drain).await;
    Ok(())
}

fn welcome(
    tasks: &mut JoinSet<()>,
    stream: TcpStream,
    peer: SocketAddr,
    caps: &Caps,
    router: &Router,
    options: &Arc<ServerOptions>,
    stopping: &Receiver<bool>,
) {
    let Some(place) = caps.enter(peer.ip()) else {
        tracing::warn!(peer = %caps::prefix(peer.ip()), "a connection was turned away: too many at once");
        turn_away(stream);
        return;
    };
    // Answers are written whole; waiting for more to send would only add delay.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection ended before it began");
        return;
    }
    let (router, options, stopping) = (router.clone(), Arc::clone(options), stopping.clone());
    let present = options.open.enter();
    tasks.spawn(async move {
        connection::run(stream, peer, router, options, stopping).await;
        drop((place, present));
    });
}

/// Says so in one write if the socket takes it at once, and closes.
fn turn_away(mut stream: TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n\
        cache-control: no-store\r\nconnection: close\r\n\r\n";
    if let Some(Err(error)) = futures_util::FutureExt::now_or_never(stream.write_all(ANSWER)) {
        tracing::debug!(%error, "the connection that was turned away had gone");
    }
}

/// Out of file descriptors, accepting again at once would only burn a core.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

async fn drain(tasks: &mut JoinSet<()>, limit: Duration) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(limit, all).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections were cut when the server stopped");
        tasks.shutdown().await;
    }
}
