//! A web server on loopback that answers as a test says: over TLS by an authority that the test makes, or plainly.
//! Every connection carries one request. It ends with the value.

use std::fmt;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

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
        Self::until(FAR)
    }
}

impl Authority {
    /// An authority whose certificate ends with the beginning of this year.
    pub fn until(year: i32) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params.not_after = date_time_ymd(year, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("a certificate can be made").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// The authority's certificate, as `--outbound-ca` takes it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What a server of these names (or addresses) proves itself with.
    fn server(&self, names: &[&str], until_year: i32, clients: &Clients) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(names).expect("names for a certificate");
        params.not_after = date_time_ymd(until_year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from(certificate)];
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("TLS can be set up");
        let builder = match clients {
            Clients::Any => builder.with_no_client_auth(),
            Clients::Asked(known) | Clients::Known(known) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(known.clone())).expect("a certificate to know clients by");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let is_asked = matches!(clients, Clients::Asked(_));
                let verifier = if is_asked { verifier.allow_unauthenticated() } else { verifier };
                builder.with_client_cert_verifier(verifier.build().expect("clients can be verified"))
            }
        };
        let mut config = builder.with_single_cert(chain, private).expect("TLS can be set up");
        config.time_provider = Arc::new(In2027);
        Arc::new(config)
    }
}

/// A time that certificates of clients are valid at: those of Tessera are made by the clock of the test.
#[derive(Debug)]
struct In2027;

impl TimeProvider for In2027 {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_hours(500_000)))
    }
}

/// Whom a server lets in, certificates in DER.
enum Clients {
    /// Anybody, unasked.
    Any,
    /// Anybody who shows none, or this one.
    Asked(Vec<u8>),
    /// Who shows this one.
    Known(Vec<u8>),
}

/// A certificate to be shown by a client, with its key.
pub struct ClientIdentity {
    /// Both as PEM.
    pub pem: String,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

impl Default for ClientIdentity {
    fn default() -> Self {
        let params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a certificate can be made");
        Self { pem: certificate.pem() + &key.serialize_pem(), certificate: certificate.der().to_vec() }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
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
    /// The certificate that the client showed, DER.
    pub client: Option<Vec<u8>>,
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
        Self::start("127.0.0.1:0", Some(authority.server(&OWN_NAMES, FAR, &Clients::Any)), say)
    }

    /// The same for those alone who show this certificate (DER).
    pub fn https_demanding(
        authority: &Authority,
        client: &[u8],
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let clients = Clients::Known(client.to_vec());
        Self::start("127.0.0.1:0", Some(authority.server(&OWN_NAMES, FAR, &clients)), say)
    }

    /// The same for all, who are asked for this certificate (DER).
    pub fn https_asking(
        authority: &Authority,
        client: &[u8],
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let clients = Clients::Asked(client.to_vec());
        Self::start("127.0.0.1:0", Some(authority.server(&OWN_NAMES, FAR, &clients)), say)
    }

    /// The same with a certificate that has ended.
    pub fn https_ended(
        authority: &Authority,
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start("127.0.0.1:0", Some(authority.server(&OWN_NAMES, 2020, &Clients::Any)), say)
    }

    /// The same on an address of choice, and for names of choice.
    pub fn https_as(
        authority: &Authority,
        names: &[&str],
        address: &str,
        say: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(address, Some(authority.server(names, FAR, &Clients::Any)), say)
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
                        let shown = |tls: &StreamOwned<ServerConnection, TcpStream>| {
                            tls.conn.peer_certificates().map(|chain| chain[0].to_vec())
                        };
                        serve(StreamOwned::new(connection, stream), shown, &seen, &*say);
                    }
                    None => serve(stream, |_| None, &seen, &*say),
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
fn serve<S: Read + Write>(
    stream: S,
    shown: impl Fn(&S) -> Option<Vec<u8>>,
    seen: &Mutex<Vec<Received>>,
    say: &Say,
) {
    let mut stream = BufReader::new(stream);
    let Some(mut received) = read_request(&mut stream) else { return };
    received.client = shown(stream.get_ref());
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
    Some(Received { line, headers, body, client: None })
}
