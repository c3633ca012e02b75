//! Floods that must not reach those who are signed in: slow connections (AV-07, AV-08) and deflate bombs.
//! Short rounds here; `make soak` has the long ones, whose figures stand in `docs/performance.md`.

mod crowd;
mod lab_service;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value, json};
use support::{Browser, Tessera, rounds, until};
use tessera::lab::scim::{Fault, Rule};

use crowd::{Begin, Forum, Visitor};

/// What a slow client has sent of its request.
const BEGINNINGS: [&str; 5] = [
    "",
    "GET / HT",
    "GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\nusername=",
    "POST /saml2/stall-0 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\nSAMLRequest=",
];

#[test]
#[expect(clippy::print_stdout, reason = "the long rounds' figures are for docs/performance.md")]
fn av_07_av_08_people_sign_on_while_slow_connections_hang() {
    let forum = Forum::open(Tessera::setup(env!("CARGO_BIN_EXE_tessera")), 4, 4);
    let connections = rounds(600, 10_000);
    assert!(tessera::web::server::files::room_for(connections + 200) >= connections, "too few open files");
    let address = forum.tessera.address();
    let mut slow: Vec<TcpStream> = Vec::with_capacity(connections);
    for number in 0..connections {
        let mut stream = TcpStream::connect(address).expect("the server takes the connection");
        let beginning = BEGINNINGS[number % BEGINNINGS.len()];
        stream.write_all(beginning.as_bytes()).expect("it takes a few bytes");
        if beginning.ends_with("SAMLRequest=") {
            stream.write_all(&vec![b'A'; 20_000]).expect("it takes a little more");
        }
        slow.push(stream);
    }
    let mut visitors: Vec<_> = (0..8).map(|number| forum.visitor(number)).collect();
    let each = rounds(25, 250);
    let times = sign_ons(&mut visitors, each);
    assert_eq!(Browser::new().get(&forum.tessera.url("/healthz")).status, 200);
    println!("{connections} slow connections: p50 {:?}, p99 {:?}", times[times.len() / 2], p99(&times));
    println!("{} MiB at most", peak_kib(&forum.tessera) / 1024);
    // Coarse, for machines differ: whoever waits behind the slow ones waits for ten seconds and more.
    assert!(p99(&times) < Duration::from_secs(5), "p99 {:?}", p99(&times));
    assert!(peak_kib(&forum.tessera) < 1024 * 1024, "the server took {} KiB", peak_kib(&forum.tessera));
    // Each of them is ended by the server in the end: no byte, no whole head, no body in time.
    for stream in slow.iter_mut().take(BEGINNINGS.len()) {
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time-out can be set");
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "a slow connection was kept"),
        }
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 408") || answer.starts_with(b"HTTP/1.1 503"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[test]
fn a_08_two_hundred_bombs_take_little_memory() {
    let forum = Forum::open(Tessera::setup(env!("CARGO_BIN_EXE_tessera")), 1, 1);
    let mut visitor = forum.visitor(0);
    visitor.sign_on(Begin::Sp).expect("an answer");
    let url = forum.tessera.url(&format!("/saml2/stall-0?SAMLRequest={}", bomb()));
    let before = peak_kib(&forum.tessera);
    thread::scope(|scope| {
        for _ in 0..200 {
            let url = &url;
            scope.spawn(move || {
                let page = Browser::new().get(url);
                // Refused as what it is, or as one of too many.
                assert!(matches!(page.status, 400 | 429 | 503), "{}: {}", page.status, page.text());
            });
        }
    });
    let grown = peak_kib(&forum.tessera) - before;
    assert!(grown < 50 * 1024, "200 bombs took {grown} KiB");
    visitor.sign_on(Begin::Sp).expect("the others go on");
    visitor.sign_on(Begin::Idp).expect("by a tile too");
}

#[test]
fn av_08_w_07_a_thousand_sign_ins_at_once_take_bounded_memory() {
    let forum = Forum::open(Tessera::setup(env!("CARGO_BIN_EXE_tessera")), 1, 1);
    let mut visitor = forum.visitor(0);
    let before = peak_kib(&forum.tessera);
    let url = forum.tessera.url("/login");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let attempts: Vec<_> = (0..1_000)
            .map(|number| {
                let url = &url;
                let attempt = move || {
                    let mut browser = Browser::new();
                    let page = browser.get(url);
                    let Some(form) = page.form_with("password") else { return page.status };
                    let name = format!("nobody-{number}");
                    let form = form.with("username", &name).with("password", "not that of anybody here");
                    browser.submit(&page, &form).status
                };
                thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, attempt).expect("a thread")
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect()
    });
    // Refused as what they are, or as too many.
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    assert!(statuses.contains(&401), "some were looked at");
    let grown = peak_kib(&forum.tessera) - before;
    // One hash takes 19 MiB; a thousand at once would take 19 GiB.
    assert!(grown < 400 * 1024, "a thousand sign-ins took {grown} KiB");
    visitor.sign_on(Begin::Sp).expect("the others go on");
}

/// How long each sign-on takes, the quickest first, of some people who sign on over and over.
fn sign_ons(visitors: &mut [Visitor], each: usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let handles: Vec<_> = visitors
            .iter_mut()
            .map(|visitor| {
                scope.spawn(move || {
                    let time = |_| {
                        let start = Instant::now();
                        visitor.sign_on(Begin::Sp).expect("an answer");
                        start.elapsed()
                    };
                    (0..each).map(time).collect::<Vec<_>>()
                })
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("everybody is signed on")).collect()
    });
    times.sort();
    times
}

/// Of times in order, that which one in a hundred exceeds.
fn p99(times: &[Duration]) -> Duration {
    times[times.len() * 99 / 100]
}

#[test]
#[expect(clippy::print_stdout, reason = "the long rounds' figures are for docs/performance.md")]
fn av_12_se_06_a_dead_service_slows_no_sign_on_and_holds_up_no_other_application() {
    // One token is good for 600 calls a minute.
    let people = rounds(60, 250);
    let setup = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).arg("--outbound-allow").arg("127.0.0.1/32");
    let mut forum = Forum::open(setup, 2, people);
    let mut visitors: Vec<_> = (0..4).map(|number| forum.visitor(number)).collect();
    let each = rounds(50, 500);
    let before = sign_ons(&mut visitors, each);
    let runtime = lab_service::runtime();
    let (dead, dead_url) = lab_service::start(&runtime, Duration::ZERO);
    let (alive, alive_url) = lab_service::start(&runtime, Duration::from_millis(20));
    for (slug, url) in [("stall-0", &dead_url), ("stall-1", &alive_url)] {
        let found = forum.api.get(&format!("/applications?q={slug}")).expect(200);
        let app = format!("/applications/{}", found["items"][0]["id"].as_str().expect("an id"));
        let connection = json!({ "base_url": url, "token": lab_service::TOKEN, "manage_groups": true });
        forum.api.put(&format!("{app}/provisioning"), &connection).expect(200);
        forum.api.post(&format!("{app}/provisioning/activate"), &Value::Null).expect(200);
        if url == &dead_url {
            // From now on it takes every request and answers none.
            dead.add_fault(Rule::new(Fault::Hang { millis: 600_000 }));
        }
    }
    let meanwhile = sign_ons(&mut visitors, each);
    until("everybody at the other", Duration::from_mins(3), || alive.users().len() == people);
    let mut after = sign_ons(&mut visitors, each);
    assert!(dead.users().len() < people, "it is dead");
    println!(
        "sign-on, p99: {:?} alone, {:?} while both are provisioned, {:?} beside the dead one",
        p99(&before),
        p99(&meanwhile),
        p99(&after)
    );
    // In the long round it stays dead for an hour. Somebody comes each minute, and the other application has them soon.
    for minute in 0..rounds(0, 60) {
        let next = Instant::now() + Duration::from_mins(1);
        forum.add_person(people + minute);
        after = sign_ons(&mut visitors, each / 10);
        until("a newcomer at the other", Duration::from_mins(1), || {
            alive.users().len() == people + minute + 1
        });
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    println!("sign-on, p99: {:?} at the end of the dead one's time", p99(&after));
    // Coarse, for machines differ: whoever waited for the dead one would wait for seconds.
    let bound = (p99(&before) * 4).max(Duration::from_millis(250));
    assert!(p99(&after) < bound && p99(&meanwhile) < bound, "{before:?} {meanwhile:?} {after:?}");
}

/// 20 MiB of nothing, a thousand times smaller on the way.
fn bomb() -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 20 << 20]).expect("memory takes all");
    let small = encoder.finish().expect("memory takes all");
    assert!(small.len() < 32 << 10, "the bomb is {} bytes", small.len());
    STANDARD.encode(small).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// Most memory that the server has had resident.
fn peak_kib(tessera: &Tessera) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", tessera.id())).expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it has a peak");
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number")
}
