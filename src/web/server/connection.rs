//! One connection: HTTP/1.1, or HTTP/2 when it begins with that protocol's preface.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::watch::Receiver;
use tower::ServiceExt as _;

use crate::web::server::body::{RatedBody, holding};
use crate::web::server::watch::{Watch, Watched};
use crate::web::server::{MAX_HEAD, MAX_HEADERS, Peer, ServerOptions};

/// Serves one connection to its end.
pub(super) async fn run<S>(
    mut stream: S,
    peer: SocketAddr,
    router: Router,
    options: Arc<ServerOptions>,
    stopping: Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some((ahead, http2)) = sniff(&mut stream, &options).await else { return };
    let watch = Watch::new(!http2);
    watch.has_read();
    let io = TokioIo::new(Watched { stream, ahead, watch: watch.clone() });
    let per_request = Arc::clone(&options);
    let requests = watch.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        answer(request, peer, router.clone(), Arc::clone(&per_request), requests.begin())
    });
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.streams)
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(20);
        let connection = builder.serve_connection(io, service);
        drive(
            connection,
            hyper::server::conn::http2::Connection::graceful_shutdown,
            &watch,
            &options,
            stopping,
        )
        .await;
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        // hyper counts the time between two requests as time for a head, so the watch does both instead.
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .max_buf_size(4 * MAX_HEAD);
        let connection = builder.serve_connection(io, service);
        drive(
            connection,
            hyper::server::conn::http1::Connection::graceful_shutdown,
            &watch,
            &options,
            stopping,
        )
        .await;
    }
}

/// The first two bytes tell HTTP/2's preface `PRI * …` from every method of HTTP/1. Reading them ourselves puts them
/// under a deadline, which hyper's own look has not.
async fn sniff<S: AsyncRead + Unpin>(stream: &mut S, options: &ServerOptions) -> Option<(Vec<u8>, bool)> {
    let mut first = [0; 2];
    match tokio::time::timeout(options.first_byte, stream.read_exact(&mut first)).await {
        Ok(Ok(_)) => Some((first.to_vec(), &first == b"PR")),
        Ok(Err(_)) => None,
        Err(_) => {
            tracing::debug!("a connection was ended: nothing came");
            None
        }
    }
}

/// Runs a connection until it ends, takes too long over something, or the server stops and it has finished.
async fn drive<C, E>(
    connection: C,
    finish: impl Fn(Pin<&mut C>),
    watch: &Watch,
    options: &ServerOptions,
    mut stopping: Receiver<bool>,
) where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    tokio::pin!(connection);
    let mut told = false;
    let overdue = watch.overdue(options);
    tokio::pin!(overdue);
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            what = &mut overdue => {
                tracing::debug!(?what, "a connection was ended: it took too long");
                return;
            }
            _ = stopping.wait_for(|stop| *stop), if !told => {
                told = true;
                finish(connection.as_mut());
            }
        }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    options: Arc<ServerOptions>,
    under_way: impl Send + Unpin + 'static,
) -> Result<Response, Infallible> {
    if let Some(fault) = misframed(&request) {
        let mut response = Response::new(Body::from(fault));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return Ok(response);
    }
    let mut request =
        request.map(|body| Body::new(RatedBody::new(Body::new(body), options.body_grace, options.body_rate)));
    request.extensions_mut().insert(Peer(peer));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| holding(body, under_way)))
}

/// What a proxy before us may read in another way than we do (W-13): a request for no host or for two (RFC 9112, section
/// 3.2). Of a length beside `transfer-encoding` nothing is seen here: hyper goes by the latter alone (section 6.3).
fn misframed(request: &hyper::Request<Incoming>) -> Option<&'static str> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    (hosts != 1).then_some("A request names exactly one host.\n")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
