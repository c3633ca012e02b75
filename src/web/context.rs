//! Around every request: its context with reference and client address, what handlers note about it, and one line in
//! the log at its end. The line never holds a query, a cookie or a body.

use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use ipnet::IpNet;

use crate::base::Actor;
use crate::web::extract::session::Live;
use crate::web::server::Peer;
use crate::web::state::Shared;

/// Name of the header that carries the reference of the request.
pub const REQUEST_ID: &str = "x-request-id";
/// Hops of `X-Forwarded-For` that are looked at.
const MAX_HOPS: usize = 16;

#[derive(Debug, Default)]
struct Noted {
    route: Option<MatchedPath>,
    actor: Option<Actor>,
    live: Option<Live>,
    cookies: Vec<HeaderValue>,
}

/// What is noted while a request is worked on, for what comes after: an extension of every request.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

impl Notes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The template of the route.
    pub(in crate::web) fn route(&self, template: &MatchedPath) {
        self.noted().route = Some(template.clone());
    }

    /// Who acts.
    pub(in crate::web) fn actor(&self, actor: &Actor) {
        self.noted().actor = Some(actor.clone());
    }

    /// Whose session it is, for error pages.
    pub(in crate::web) fn live(&self, live: &Live) {
        self.noted().live = Some(live.clone());
    }

    pub(in crate::web) fn known(&self) -> Option<Live> {
        self.noted().live.clone()
    }

    /// A cookie to be set by the answer, whatever it is.
    pub fn set_cookie(&self, cookie: HeaderValue) {
        self.noted().cookies.push(cookie);
    }
}

/// Gives the request its [`Ctx`](crate::base::Ctx) and [`Notes`], and logs it when it is answered.
pub async fn surround<F: Future<Output = Response>>(
    web: &Shared,
    mut request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response {
    // Only for the log and the metrics; everything that decides reads the installation's clock.
    let started = Instant::now();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let source = peer.map(|peer| client_address(peer, request.headers(), &web.options.trusted_proxies));
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let mut ctx = web.installation.request_ctx(source, user_agent);
    ctx.embedded = request.headers().get("sec-fetch-dest").is_some_and(|place| place != "document");
    let notes = Notes::default();
    let method = request.method().clone();
    request.extensions_mut().insert(ctx.clone());
    request.extensions_mut().insert(notes.clone());
    let mut response = inner(request).await;
    let seen = std::mem::take(&mut *notes.noted());
    for cookie in seen.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if let Ok(id) = HeaderValue::from_str(&ctx.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let (route, took) = (seen.route.as_ref().map(MatchedPath::as_str), started.elapsed());
    web.requests.count(method.as_str(), route, response.status().as_u16(), took);
    tracing::info!(
        method = %method,
        route = route.unwrap_or("-"),
        status = response.status().as_u16(),
        ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        request_id = %ctx.request_id,
        actor = %describe(seen.actor.as_ref()),
        "request answered"
    );
    response
}

fn describe(actor: Option<&Actor>) -> String {
    match actor {
        Some(Actor::User { id, .. }) => format!("user:{id}"),
        Some(Actor::Token { id, .. }) => format!("token:{id}"),
        _ => "-".to_owned(),
    }
}

/// The client's address: the peer, or behind trusted proxies the rightmost hop that is none of them. What
/// stands left of it was written by the client itself.
fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |ip: IpAddr| proxies.iter().any(|net| net.contains(&ip));
    let mut address = peer.to_canonical();
    let hops = headers.get_all("x-forwarded-for").iter().rev();
    let hops = hops.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    for hop in hops.take(MAX_HOPS) {
        if !trusted(address) {
            break;
        }
        match read_hop(hop.trim()) {
            Some(ip) => address = ip.to_canonical(),
            None => break,
        }
    }
    address
}

/// An address, with or without a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let headers: HeaderMap = forwarded
            .iter()
            .map(|v| (header::HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(v).unwrap()))
            .collect();
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn a_32_a_forwarded_address_counts_only_from_a_trusted_proxy() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("::ffff:10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn a_32_what_the_client_wrote_itself_does_not_count() {
        let proxies = &["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, 198.51.100.1"], proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"], proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4", "198.51.100.1"], proxies), "198.51.100.1", "two headers");
        assert_eq!(seen("10.0.0.1", &["127.0.0.1, nonsense"], proxies), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:443"], proxies), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1:9000"], proxies), "198.51.100.1");
    }
}
