//! A web server on loopback that answers as a test says: over TLS by an authority that the test makes, or plainly.
//! Every connection carries one request. It ends with the value.

use std::fmt;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a server on loopback is called.
const OWN_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];
/// A year that no test reaches.
const FAR: i32 = 4096;

/// A certificate authority of a test.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Default for Authority {
    fn default() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("a certificate can be made").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }
}

impl Authority {
    /// The authority's certificate, as `--outbound-ca` takes it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What a server of these names (or addresses) proves itself with.
    fn server(&self, names: &[&str], until_year: i32) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(names).expect("names for a certificate");
        params.not_after = date_time_ymd(until_year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let chain = vec![CertificateDer::from(certificate)];
                builder.with_no_client_auth().with_single_cert(chain, private)
            });
        Arc::new(config.expect("TLS can be set up"))
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its first line: method, target, version.
    pub line: String,
    /// Its header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Received {
    /// The path with its query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes, as they stand.
    Bytes(Vec<u8>),
    /// These bytes, and nothing more until the other side goes.
    Stall(Vec<u8>),
}

impl Reply {
    /// A whole answer.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut out = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n");
        for (name, value) in headers {
            out.extend([name, ": ", value, "\r\n"]);
        }
        if status != 304 {
            out.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        out.push_str("\r\n");
        Self::Bytes([out.as_bytes(), body].concat())
    }

    /// Sends the request on.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, &[("location", location)], "")
    }
}

type Say = dyn Fn(&Received) -> Reply + Send + Sync;

/// A running server.
pub struct WebServer {
    address: SocketAddr,
    scheme: &'static str,
    received: Arc<Mutex<Vec<Received>>>,
    stopping: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
}

impl fmt::Debug for WebServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl WebServer {
    /// Serves over TLS on a free port of 127.0.0.1, known by that address and by `localhost`.
    pub fn https(authority: &Authority, say: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0", Some(authority.server(&OWN_NAMES, FAR)), say)
    }

    /// The same with a certificate that has ended.
    pub fn https_ended(
        authority: &Authority,
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start("127.0.0.1:0", Some(authority.server(&OWN_NAMES, 2020)), say)
    }

    /// The same on an address of choice, and for names of choice.
    pub fn https_as(
        authority: &Authority,
        names: &[&str],
        address: &str,
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(address, Some(authority.server(names, FAR)), say)
    }

    /// Serves plain HTTP.
    pub fn plain(say: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0", None, say)
    }

    fn start(
        address: &str,
        tls: Option<Arc<ServerConfig>>,
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a port of loopback");
        let address = listener.local_addr().expect("a bound port");
        let received = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (seen, stop, say): (_, _, Arc<Say>) = (received.clone(), stopping.clone(), Arc::new(say));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let running = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (seen, tls, say) = (seen.clone(), tls.clone(), say.clone());
                // It ends with its connection, which the client closes.
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let connection = ServerConnection::new(config).expect("TLS can be set up");
                        serve(StreamOwned::new(connection, stream), &seen, &*say);
                    }
                    None => serve(stream, &seen, &*say),
                });
            }
        });
        Self { address, scheme, received, stopping, running: Some(running) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The requests that came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no handler panics holding it").clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept loop, which then ends.
        drop(TcpStream::connect(self.address));
        if let Some(running) = self.running.take() {
            drop(running.join());
        }
    }
}

/// Answers one request. A client that goes away in between, as tests make it, is nothing to report.
fn serve(stream: impl Read + Write, seen: &Mutex<Vec<Received>>, say: &Say) {
    let mut stream = BufReader::new(stream);
    let Some(received) = read_request(&mut stream) else { return };
    let reply = say(&received);
    seen.lock().expect("no handler panics holding it").push(received);
    let (bytes, stall) = match reply {
        Reply::Bytes(bytes) => (bytes, false),
        Reply::Stall(bytes) => (bytes, true),
    };
    let stream = stream.get_mut();
    if stream.write_all(&bytes).and_then(|()| stream.flush()).is_err() {
        return;
    }
    let mut rest = [0_u8; 64];
    while stall && stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

fn read_request(stream: &mut impl std::io::BufRead) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let line = lines.next()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Received { line, headers, body })
}
