//! The one HTTP client of Tessera. Whatever goes out to an address that somebody typed, or that metadata named,
//! goes through [`Outbound::send`]: https only, to public addresses or to networks that were allowed at start, each
//! redirect judged anew, everything capped. A target may have a TLS of its own, which goes no further than it. Only this
//! room imports the HTTP library; it knows nothing of what is fetched, or why. Start at [`Outbound::send`]; the verdict on addresses is in `guard`.

mod client;
mod failure;
mod guard;
mod resolve;
mod tls;

#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::base::{Error, Kind, Result};
use crate::outbound::client::{Chain, Clients};
pub use crate::outbound::failure::{Failure, Reason};
use crate::outbound::guard::Guard;
pub use crate::outbound::resolve::Resolve;
use crate::outbound::tls::OwnClients;
pub use crate::outbound::tls::Tls;

/// Redirects that are followed (IIP-MD02 wants them, ASVS 15.3.2 wants few).
const MAX_REDIRECTS: usize = 3;
/// Bytes of names and values in the head of an answer.
const MAX_HEAD: usize = 32 << 10;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// From the first lookup to the last byte, redirects included.
    pub total: Duration,
    /// Bytes of the answer's body, as sent and as decompressed.
    pub body: usize,
}

impl Default for Caps {
    /// SC-22: 30 s and 16 MiB.
    fn default() -> Self {
        Self { total: Duration::from_secs(30), body: 16 << 20 }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or sends a message.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is asked for.
    pub method: Method,
    /// Where, as it was typed.
    pub url: &'a str,
    /// Header fields, names in lower case. `authorization`, `cookie`, `host` and what the client itself writes are
    /// refused here.
    pub headers: Vec<(&'static str, String)>,
    /// The whole value of `Authorization`. Another origin never gets it, whoever sends the request there.
    pub authorization: Option<SecretString>,
    /// The TLS of the target. Another origin is asked as any other is, whoever sends the request there.
    pub tls: Option<&'a Tls>,
    /// The body; none when empty.
    pub body: Vec<u8>,
    /// What it may cost.
    pub caps: Caps,
}

impl<'a> Request<'a> {
    /// A request without fields and body, under the usual caps.
    #[must_use]
    pub fn new(method: Method, url: &'a str) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            authorization: None,
            tls: None,
            body: Vec::new(),
            caps: Caps::default(),
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status, never a redirect that was followed.
    pub status: u16,
    /// Where it came from in the end.
    pub url: Url,
    /// The body, decompressed.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    /// A header field, if it is there and plain text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The guarded client. Cheap until it is used first, when the machine's certificate authorities are read.
#[derive(Debug)]
pub struct Outbound {
    guard: Guard,
    names: Arc<dyn Resolve>,
    authorities: Vec<Certificate>,
    clients: OnceLock<Result<Clients, Reason>>,
    own: OwnClients,
}

impl Default for Outbound {
    /// To public addresses only.
    fn default() -> Self {
        Self::with_names(Vec::new(), Vec::new(), Arc::new(resolve::OfMachine))
    }
}

impl Outbound {
    /// A client that reaches these networks beside the public ones, and trusts these authorities (PEM) beside those of
    /// the machine.
    pub fn new(allow: Vec<IpNet>, authorities: Option<&[u8]>) -> Result<Self> {
        let authorities = authorities.map_or_else(|| Ok(Vec::new()), read_authorities)?;
        Ok(Self::with_names(allow, authorities, Arc::new(resolve::OfMachine)))
    }

    fn with_names(allow: Vec<IpNet>, authorities: Vec<Certificate>, names: Arc<dyn Resolve>) -> Self {
        let (clients, own) = (OnceLock::new(), OwnClients::default());
        Self { guard: Guard::new(allow), names, authorities, clients, own }
    }

    /// Whether this URL could be asked at all, by what is written in it: for the moment when it is stored. The names
    /// are judged at each request.
    pub fn check(&self, url: &str) -> Result<(), Failure> {
        self.guard.target(url).map(drop)
    }

    /// Sends a request and reads the whole answer. GET follows up to three redirects; other methods follow only those
    /// that keep method, body and origin (307, 308).
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let first = self.guard.target(request.url)?;
        let host = host_of(&first);
        let within = tokio::time::timeout(request.caps.total, self.follow(&request, first));
        within.await.unwrap_or_else(|_| Err(Failure::new(Reason::Timeout, &host)))
    }

    async fn follow(&self, request: &Request<'_>, first: Url) -> Result<Answer, Failure> {
        let mut url = first.clone();
        let mut trusted = true;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask(request, &url, trusted).await?;
            let Some(next) = self.next(request, &url, &answer)? else {
                return read(answer, url, request.caps.body).await;
            };
            // Once somebody else had a say, the secret stays here, even if the way leads back.
            trusted &= next.origin() == first.origin();
            url = next;
        }
        Err(Failure::new(Reason::TooManyRedirects, &host_of(&first)))
    }

    async fn ask(&self, request: &Request<'_>, url: &Url, trusted: bool) -> Result<Response, Failure> {
        let host = host_of(url);
        let client = self.client(url.scheme() == "http", request.tls.filter(|_| trusted));
        let client = client.map_err(|reason| Failure::new(reason, &host))?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut asking = client.request(method, url.clone()).headers(fields(request, trusted, &host)?);
        if !request.body.is_empty() {
            asking = asking.body(request.body.clone());
        }
        asking.send().await.map_err(|error| failed(error, &host))
    }

    /// The client for an address, by the TLS of the target where it has one.
    fn client(&self, plain: bool, tls: Option<&Tls>) -> Result<Client, Reason> {
        if let (false, Some(tls)) = (plain, tls) {
            if let Some(known) = self.own.find(tls) {
                return Ok(known);
            }
            let client = client::build(&self.guard, &self.names, false, &self.authorities, tls)?;
            self.own.keep(tls, client.clone());
            return Ok(client);
        }
        let clients =
            self.clients.get_or_init(|| Clients::build(&self.guard, &self.names, &self.authorities));
        let clients = clients.as_ref().map_err(|reason| *reason)?;
        Ok(if plain { clients.http.clone() } else { clients.https.clone() })
    }

    /// Where an answer sends the request on to, if it does; judged like the URL before it.
    fn next(&self, request: &Request<'_>, url: &Url, answer: &Response) -> Result<Option<Url>, Failure> {
        let keeps_method = matches!(answer.status().as_u16(), 307 | 308);
        if !keeps_method && !matches!(answer.status().as_u16(), 301..=303) {
            return Ok(None);
        }
        let refused = || Failure::new(Reason::RedirectRefused, &host_of(url));
        let Some(location) = answer.headers().get(LOCATION) else { return Ok(None) };
        let location = location.to_str().map_err(|_| refused())?;
        let next = url.join(location).map_err(|_| refused())?;
        let next = self.guard.target(next.as_str())?;
        let downgrade = url.scheme() == "https" && next.scheme() != "https";
        let carries = request.method != Method::Get && !(keeps_method && next.origin() == url.origin());
        if downgrade || carries { Err(refused()) } else { Ok(Some(next)) }
    }
}

/// The header fields of one hop.
fn fields(request: &Request<'_>, trusted: bool, host: &str) -> Result<HeaderMap, Failure> {
    const OURS: [&str; 9] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "te",
        "transfer-encoding",
        "user-agent",
    ];
    let invalid = || Failure::new(Reason::UrlInvalid, host);
    let mut fields = HeaderMap::new();
    for (name, value) in &request.headers {
        debug_assert!(!OURS.contains(name), "{name} is written by the client alone");
        if !OURS.contains(name) {
            let value = HeaderValue::from_str(value).map_err(|_| invalid())?;
            fields.append(HeaderName::from_static(name), value);
        }
    }
    if let Some(secret) = request.authorization.as_ref().filter(|_| trusted) {
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| invalid())?;
        value.set_sensitive(true);
        fields.insert(reqwest::header::AUTHORIZATION, value);
    }
    Ok(fields)
}

/// Reads an answer under its caps. The body counts as it comes out of decompression, piece by piece, so that a small
/// one can't grow in memory.
async fn read(mut answer: Response, url: Url, cap: usize) -> Result<Answer, Failure> {
    let host = host_of(&url);
    let head = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    if head.sum::<usize>() > MAX_HEAD {
        return Err(Failure::new(Reason::HeadTooLarge, &host));
    }
    let too_large = || Failure::new(Reason::TooLarge, &host);
    let announced = answer.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |announced| announced > cap) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| failed(error, &host))? {
        if body.len() + piece.len() > cap {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status: answer.status().as_u16(), url, body, headers: answer.headers().clone() })
}

/// The log has the host, and never the address: that may hold a token.
fn failed(error: reqwest::Error, host: &str) -> Failure {
    let reason = client::reason_of(&error);
    let error = error.without_url();
    tracing::info!(host, code = reason.code(), cause = %Chain(&error), "an outbound request failed");
    Failure::new(reason, host)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn read_authorities(pem: &[u8]) -> Result<Vec<Certificate>> {
    let read = Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
    read.ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "outbound_ca_unreadable",
            "The file of --outbound-ca holds no certificates in PEM. Give the authorities that sign your servers' certificates.",
        )
    })
}
