//! A-31 and SC-22 against servers on loopback.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use support::{Authority, Received, Reply, WebServer};

use super::*;

const LOOPBACK: &str = "127.0.0.1/32";

/// Names as a test says; each name's answers in turn, the last one for ever.
#[derive(Debug)]
struct Names(Mutex<Vec<Known>>);

type Known = (&'static str, VecDeque<Vec<IpAddr>>);

impl Names {
    fn of(list: &[(&'static str, &[&[&str]])]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let list = list.iter().map(|(name, answers)| (*name, answers.iter().map(read).collect()));
        Arc::new(Self(Mutex::new(list.collect())))
    }
}

impl Resolve for Names {
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut names = self.0.lock().unwrap();
        let answers = names.iter_mut().find(|(name, _)| *name == host).map(|(_, answers)| answers);
        let answer = answers
            .map(|answers| if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() });
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

pub(super) fn outbound(authority: &Authority, allow: &[&str], names: Arc<dyn Resolve>) -> Outbound {
    let allow: Vec<IpNet> = allow.iter().map(|net| net.parse().unwrap()).collect();
    Outbound::with_names(allow, read_authorities(authority.pem().as_bytes()).unwrap(), names)
}

/// Reaches 127.0.0.1 and nothing else inside.
pub(super) fn local(authority: &Authority) -> Outbound {
    outbound(authority, &[LOOPBACK], Arc::new(resolve::OfMachine))
}

pub(super) fn ok(_: &Received) -> Reply {
    Reply::new(200, &[("content-type", "text/plain")], "here")
}

pub(super) fn get(url: &str) -> Request<'_> {
    let caps = Caps { total: Duration::from_secs(20), body: 1 << 20 };
    Request { caps, ..Request::new(Method::Get, url) }
}

async fn refused(outbound: &Outbound, url: &str) -> Reason {
    outbound.send(get(url)).await.expect_err(url).reason
}

#[tokio::test]
async fn a_31_an_answer_comes_with_status_fields_and_body_and_the_client_says_who_it_is() {
    let authority = Authority::default();
    let server = WebServer::https(&authority, |received| {
        Reply::new(404, &[("etag", "\"1\"")], [b"no: ", received.body.as_slice()].concat())
    });
    let url = server.url("/scim/Users?a=b#part");
    let request = Request {
        authorization: Some("Bearer of-news".to_owned().into()),
        body: b"{}".to_vec(),
        ..Request::new(Method::Patch, &url).header("content-type", "application/scim+json")
    };
    let answer = local(&authority).send(request).await.unwrap();
    assert_eq!((answer.status, answer.header("etag")), (404, Some("\"1\"")));
    assert_eq!(answer.body, b"no: {}");
    let received = &server.received()[0];
    assert_eq!(received.line, "PATCH /scim/Users?a=b HTTP/1.1");
    assert_eq!(received.header("user-agent"), Some(concat!("Tessera/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(received.header("authorization"), Some("Bearer of-news"));
    assert_eq!(received.header("content-type"), Some("application/scim+json"));
    for never in ["cookie", "referer", "proxy-authorization"] {
        assert_eq!(received.header(never), None);
    }
}

#[tokio::test]
async fn a_31_a_server_on_this_machine_is_never_reached_unless_allowed() {
    let authority = Authority::default();
    let (tls, plain) = (WebServer::https(&authority, ok), WebServer::plain(ok));
    let names = Names::of(&[
        ("inside.example", &[&["127.0.0.1"]]),
        // One public address does not make up for it.
        ("mixed.example", &[&["93.184.216.34", "127.0.0.1"]]),
        ("mapped.example", &[&["::ffff:127.0.0.1"]]),
    ]);
    let closed = outbound(&authority, &[], names.clone());
    let open = outbound(&authority, &[LOOPBACK], names);
    let (port, plain_port) = (tls.address().port(), plain.address().port());
    assert_eq!(refused(&closed, &tls.url("/")).await, Reason::AddressRefused);
    for name in ["inside.example", "mixed.example", "mapped.example"] {
        let url = format!("https://{name}:{port}/");
        assert_eq!(refused(&closed, &url).await, Reason::AddressRefused, "{name}");
    }
    assert_eq!(refused(&closed, &format!("https://nowhere.example:{port}/")).await, Reason::NameUnknown);
    assert_eq!(refused(&open, &format!("https://mapped.example:{port}/")).await, Reason::AddressRefused);
    // Plain http: only where every address of the name is allowed.
    let url = format!("http://mixed.example:{plain_port}/");
    assert_eq!(refused(&open, &url).await, Reason::NotHttps);
    assert!(tls.received().is_empty() && plain.received().is_empty());
    let url = format!("http://inside.example:{plain_port}/");
    assert_eq!(open.send(get(&url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_31_a_name_that_is_bound_anew_reaches_nothing() {
    let authority = Authority::default();
    let secret = WebServer::https_as(&authority, &["moving.example"], "127.0.0.1:0", ok);
    let port = secret.address().port();
    // Allowed and harmless, on the same port.
    let harmless = WebServer::https_as(&authority, &["moving.example"], &format!("127.0.0.2:{port}"), ok);
    let names = Names::of(&[("moving.example", &[&["127.0.0.2"], &["127.0.0.1"]])]);
    let outbound = outbound(&authority, &["127.0.0.2/32"], names);
    let url = format!("https://moving.example:{port}/");
    // Who checks by one lookup and connects by the next one would be at the secret already.
    assert_eq!(outbound.send(get(&url)).await.unwrap().status, 200);
    assert_eq!(harmless.received().len(), 1);
    assert_eq!(refused(&outbound, &url).await, Reason::AddressRefused);
    assert!(secret.received().is_empty());
}

#[tokio::test]
async fn a_31_a_redirect_to_an_address_inside_is_not_followed() {
    let authority = Authority::default();
    let secret = WebServer::plain(ok);
    let targets = [
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "//169.254.169.254/latest/meta-data/".to_owned(),
        "https://[::ffff:169.254.169.254]/".to_owned(),
        "https://0xa9fea9fe/".to_owned(),
        "https://metadata.example/".to_owned(),
        secret.url("/"),
        "file:///etc/passwd".to_owned(),
        "https://user:password@localhost/".to_owned(),
        "https://[".to_owned(),
    ];
    let expected = [
        Reason::AddressRefused,
        Reason::AddressRefused,
        Reason::AddressRefused,
        Reason::AddressRefused,
        Reason::AddressRefused,
        // Allowed by itself, but a step down from https.
        Reason::RedirectRefused,
        Reason::NotHttps,
        Reason::Userinfo,
        Reason::RedirectRefused,
    ];
    let names = Names::of(&[("metadata.example", &[&["169.254.169.254"]])]);
    let outbound = outbound(&authority, &[LOOPBACK], names);
    for (target, expected) in targets.into_iter().zip(expected) {
        let location = target.clone();
        let server = WebServer::https(&authority, move |_| Reply::redirect(302, &location));
        assert_eq!(refused(&outbound, &server.url("/")).await, expected, "{target}");
    }
    assert!(secret.received().is_empty());
}

#[tokio::test]
async fn a_31_three_redirects_are_followed_and_no_fourth() {
    let authority = Authority::default();
    let server = WebServer::https(&authority, |received| match received.path() {
        "/0" => Reply::redirect(301, "/1"),
        "/1" => Reply::redirect(302, "2"),
        "/2" => Reply::redirect(307, "?3"),
        "/2?3" => Reply::new(200, &[], "end"),
        _ => Reply::redirect(308, "/round"),
    });
    let outbound = local(&authority);
    let answer = outbound.send(get(&server.url("/0"))).await.unwrap();
    assert_eq!((answer.body.as_slice(), answer.url.as_str()), (&b"end"[..], server.url("/2?3").as_str()));
    assert_eq!(refused(&outbound, &server.url("/round")).await, Reason::TooManyRedirects);
    assert_eq!(server.received().len(), 8);
}

#[tokio::test]
async fn a_31_sc_22_a_secret_goes_to_no_other_origin_and_not_back_again() {
    let authority = Authority::default();
    let home = Arc::new(Mutex::new(String::new()));
    let back = home.clone();
    let other =
        WebServer::https(&authority, move |_| Reply::redirect(307, &format!("{}back", back.lock().unwrap())));
    let away = other.url("/");
    let server = WebServer::https(&authority, move |received| match received.path() {
        "/near" => Reply::redirect(307, "/end"),
        "/far" => Reply::redirect(307, &away),
        _ => ok(received),
    });
    *home.lock().unwrap() = server.url("/");
    let outbound = local(&authority);
    let secret = Some(SecretString::from("Bearer of-secrets".to_owned()));
    for path in ["/near", "/far"] {
        let url = server.url(path);
        let request = Request { authorization: secret.clone(), ..get(&url) };
        assert_eq!(outbound.send(request).await.unwrap().status, 200, "{path}");
    }
    let seen: Vec<_> = server
        .received()
        .into_iter()
        .map(|received| (received.path().to_owned(), received.header("authorization").is_some()))
        .collect();
    let expected = [("/near", true), ("/end", true), ("/far", true), ("/back", false)];
    assert_eq!(seen, expected.map(|(path, secret)| (path.to_owned(), secret)));
    assert_eq!(other.received()[0].header("authorization"), None);
    // What is written goes to another origin neither, nor does it become a GET.
    for (method, path) in [(Method::Post, "/far"), (Method::Put, "/far")] {
        let url = server.url(path);
        let request = Request { body: b"personal".to_vec(), ..Request::new(method, &url) };
        assert_eq!(outbound.send(request).await.unwrap_err().reason, Reason::RedirectRefused);
    }
    let url = server.url("/near");
    let request = Request { body: b"personal".to_vec(), ..Request::new(Method::Post, &url) };
    assert_eq!(outbound.send(request).await.unwrap().status, 200);
    assert_eq!(server.received().last().unwrap().body, b"personal");
    assert_eq!(other.received().len(), 1);
}

#[tokio::test]
async fn a_31_a_body_has_a_cap_as_announced_as_sent_and_as_decompressed() {
    let authority = Authority::default();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 100 << 10, "small on the wire: {}", bomb.len());
    let mut fitting = GzEncoder::new(Vec::new(), Compression::best());
    fitting.write_all(&vec![b' '; 1 << 20]).unwrap();
    let fitting = fitting.finish().unwrap();
    let server = WebServer::https(&authority, move |received| match received.path() {
        "/bomb" => Reply::new(200, &[("content-encoding", "gzip")], &bomb),
        "/fitting" => Reply::new(200, &[("content-encoding", "gzip")], &fitting),
        "/announced" => Reply::Stall(b"HTTP/1.1 200 Ok\r\ncontent-length: 1048577\r\n\r\n".to_vec()),
        "/endless" => {
            let piece = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
            let head = b"HTTP/1.1 200 Ok\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            Reply::Stall([head, piece.repeat(17)].concat())
        }
        _ => Reply::new(200, &[], vec![b'x'; 1 << 20]),
    });
    let outbound = local(&authority);
    for path in ["/bomb", "/announced", "/endless"] {
        assert_eq!(refused(&outbound, &server.url(path)).await, Reason::TooLarge, "{path}");
    }
    for path in ["/fitting", "/whole"] {
        assert_eq!(outbound.send(get(&server.url(path))).await.unwrap().body.len(), 1 << 20, "{path}");
    }
}

#[tokio::test]
async fn a_31_a_head_has_a_cap() {
    let authority = Authority::default();
    let server = WebServer::https(&authority, |received| {
        let fields = if received.path() == "/many" { vec![("a", 1); 200] } else { vec![("a", 9_000); 8] };
        let fields: Vec<_> = fields.into_iter().map(|(name, length)| (name, "v".repeat(length))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Reply::new(200, &fields, "")
    });
    let outbound = local(&authority);
    assert_eq!(refused(&outbound, &server.url("/large")).await, Reason::HeadTooLarge);
    assert_eq!(refused(&outbound, &server.url("/many")).await, Reason::Broken);
}

#[tokio::test]
async fn a_31_a_slow_server_is_left_when_the_time_is_over() {
    let authority = Authority::default();
    let server = WebServer::https(&authority, |received| match received.path() {
        "/silent" => Reply::Stall(Vec::new()),
        "/head" => Reply::Stall(b"HTTP/1.1 200 Ok\r\na: ".to_vec()),
        _ => Reply::Stall(b"HTTP/1.1 200 Ok\r\ncontent-length: 10\r\n\r\nabc".to_vec()),
    });
    let outbound = local(&authority);
    // The certificate authorities of the machine are read now, and not within the cap.
    outbound.send(Request { caps: tight(), ..get(&server.url("/silent")) }).await.unwrap_err();
    for path in ["/silent", "/head", "/body"] {
        let url = server.url(path);
        let failure = outbound.send(Request { caps: tight(), ..get(&url) }).await.unwrap_err();
        assert_eq!(failure.reason, Reason::Timeout, "{path}");
    }
}

fn tight() -> Caps {
    Caps { total: Duration::from_millis(300), body: 1 << 20 }
}

#[tokio::test]
async fn w_05_certificates_are_checked_and_broken_answers_are_told_apart() {
    let (authority, stranger) = (Authority::default(), Authority::default());
    let unknown = WebServer::https(&stranger, ok);
    let misnamed = WebServer::https_as(&authority, &["other.example"], "127.0.0.1:0", ok);
    let plain = WebServer::plain(|_| Reply::Bytes(b"<html>not HTTP</html>\r\n\r\n".to_vec()));
    let outbound = local(&authority);
    assert_eq!(refused(&outbound, &unknown.url("/")).await, Reason::Untrusted);
    assert_eq!(refused(&outbound, &misnamed.url("/")).await, Reason::Untrusted);
    let ended = WebServer::https_ended(&authority, ok);
    assert_eq!(refused(&outbound, &ended.url("/")).await, Reason::Untrusted);
    for server in [&unknown, &misnamed, &ended] {
        assert!(server.received().is_empty());
    }
    let spoken_to_by_tls = format!("https://{}/", plain.address());
    assert!(matches!(refused(&outbound, &spoken_to_by_tls).await, Reason::Untrusted | Reason::Unreachable));
    assert_eq!(refused(&outbound, &plain.url("/")).await, Reason::Broken);
    let closed = {
        let gone = WebServer::plain(ok);
        gone.url("/")
    };
    assert_eq!(refused(&outbound, &closed).await, Reason::Unreachable);
}

#[test]
fn a_31_every_failure_has_a_code_and_a_sentence_that_says_what_to_do() {
    let mut codes = std::collections::BTreeSet::new();
    for reason in Reason::ALL {
        assert!(codes.insert(reason.code()), "{reason:?} shares its code");
        let error = Failure::new(reason, "sp.example").of_field("url");
        assert_eq!((error.code, error.fields[0].field.as_str()), (reason.code(), "url"));
        assert!(error.message.ends_with('.') && error.message.matches(". ").count() >= 1, "{error}");
    }
    let error = Outbound::new(Vec::new(), Some(b"no PEM")).unwrap_err();
    assert_eq!(error.code, "outbound_ca_unreadable");
}
