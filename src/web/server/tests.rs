//! Connections over a pipe in memory, on a clock that jumps: what is slow is cut, what is quick is served.

use std::time::Duration;

use axum::routing::{get, post};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch::{Sender, channel};
use tokio::time::Instant;

use super::*;

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "fine" }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_secs(5)).await;
                "at last"
            }),
        )
        .route("/big", get(|| async { vec![b'x'; 1 << 20] }))
        .route("/echo", post(|body: axum::body::Bytes| async move { format!("{} bytes", body.len()) }))
}

/// A client at one end of a pipe, the server at the other. Time stands still but for what they wait for.
fn connect() -> (DuplexStream, Sender<bool>, tokio::task::JoinHandle<()>) {
    let (client, server) = duplex(256 * 1024);
    let (stop, stopping) = channel(false);
    let options = Arc::new(ServerOptions::default());
    let peer = ([192, 0, 2, 1], 4000).into();
    (client, stop, tokio::spawn(run(server, peer, router(), options, stopping)))
}

async fn exchange(client: &mut DuplexStream, request: &str) -> String {
    client.write_all(request.as_bytes()).await.unwrap();
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let wait = tokio::time::timeout(Duration::from_secs(30), client.read(&mut buffer)).await;
        match wait {
            Ok(Ok(count)) if count > 0 => out.extend_from_slice(&buffer[..count]),
            _ => break,
        }
        let text = String::from_utf8_lossy(&out);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break;
            }
        }
    }
    String::from_utf8(out).unwrap()
}

async fn closes_after(task: tokio::task::JoinHandle<()>) -> u64 {
    let start = Instant::now();
    task.await.unwrap();
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn av_07_a_connection_without_a_byte_ends_after_ten_seconds() {
    let (_client, _stop, task) = connect();
    assert_eq!(closes_after(task).await, 10);
    let (mut client, _stop, task) = connect();
    client.write_all(b"P").await.unwrap();
    assert_eq!(closes_after(task).await, 10, "half a preface is no protocol");
}

#[tokio::test(start_paused = true)]
async fn av_07_a_head_that_drips_ends_after_ten_seconds() {
    let (mut client, _stop, task) = connect();
    let drip = tokio::spawn(async move {
        for byte in b"GET / HTTP/1.1\r\nhost: a\r\nx-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let seconds = closes_after(task).await;
    assert!((10..=12).contains(&seconds), "{seconds}");
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn av_07_a_second_head_that_drips_ends_as_soon() {
    let (mut client, _stop, task) = connect();
    assert!(exchange(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.ends_with("fine"));
    tokio::time::sleep(Duration::from_secs(40)).await;
    client.write_all(b"GET / HT").await.unwrap();
    let seconds = closes_after(task).await;
    assert!((10..=11).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn av_07_an_idle_connection_ends_after_a_minute_and_a_busy_one_does_not() {
    let (mut client, _stop, task) = connect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert!(exchange(&mut client, "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.ends_with("at last"));
    }
    let seconds = closes_after(task).await;
    assert!((60..=61).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn av_07_a_body_that_drips_is_given_up() {
    let (mut client, _stop, task) = connect();
    client.write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
    let start = Instant::now();
    let drip = async {
        for _ in 0..60 {
            if client.write_all(b"x").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! { () = drip => {}, result = task => result.unwrap() }
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn av_07_a_client_that_takes_nothing_is_given_up() {
    let (mut client, _stop, task) = connect();
    client.write_all(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let seconds = closes_after(task).await;
    assert!((30..=41).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn w_13_heads_have_bounds() {
    let (mut client, _stop, _task) = connect();
    let many = "x: y\r\n".repeat(101);
    let answer = exchange(&mut client, &format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let (mut client, _stop, _task) = connect();
    let long = "y".repeat(MAX_HEAD);
    let answer = exchange(&mut client, &format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn w_13_a_request_that_can_be_read_in_two_ways_is_refused() {
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        let (mut client, _stop, task) = connect();
        let answer = exchange(&mut client, head).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head}{answer}");
        assert_eq!(closes_after(task).await, 0, "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_what_is_under_way() {
    let (mut client, stop, task) = connect();
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.send(true).unwrap();
    let answer = exchange(&mut client, "").await;
    assert!(answer.ends_with("at last"), "{answer}");
    assert_eq!(closes_after(task).await, 0);
}

#[tokio::test]
async fn serves_a_listener_and_http_2_by_its_preface() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        tokio::spawn(crate::web::server::serve(listener, router(), ServerOptions::default(), async move {
            stopped.await.unwrap();
        }));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("fine"), "{answer}");
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    // Preface and an empty SETTINGS frame; the server answers with its own SETTINGS.
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    client.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame: {frame:?}");
    drop(client);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}
