//! Each fault, seen from a client.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tessera::lab::scim::{Fault, RetryAfter, Rule};

use crate::house::{House, user};

#[tokio::test]
async fn sc_13_too_many_says_when_to_come_back() {
    let house = House::of("none").await;
    let fault = |when| Rule::new(Fault::TooMany { retry_after: when }).times(1);
    house.lab.add_fault(fault(Some(RetryAfter::Seconds(7))));
    house.lab.add_fault(fault(Some(RetryAfter::Date(60))));
    house.lab.add_fault(fault(None));
    assert_eq!(house.get("/Users").await.expect(429).header("retry-after"), Some("7"));
    let dated = house.get("/Users").await.expect(429);
    assert_eq!(dated.header("retry-after"), Some("Mon, 30 Nov 2026 00:54:20 GMT"));
    assert_eq!(house.get("/Users").await.expect(429).header("retry-after"), None);
    house.get("/Users").await.expect(200);
    house.close().await;
}

#[tokio::test]
async fn errors_pages_and_garbage() {
    let house = House::of("none").await;
    for (fault, status) in [
        (Fault::Status { status: 500, retry_after: None }, 500),
        (Fault::Status { status: 503, retry_after: Some(RetryAfter::Seconds(1)) }, 503),
        (Fault::Html, 502),
        (Fault::Garbage, 200),
    ] {
        house.lab.add_fault(Rule::new(fault).times(1));
        let answer = house.get("/Users").await.expect(status);
        assert_eq!(answer.body.is_null(), matches!(fault, Fault::Html | Fault::Garbage), "{}", answer.text);
    }
    house.get("/Users").await.expect(200);
    let struck: Vec<Option<String>> = house.lab.requests().into_iter().map(|one| one.fault).collect();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(struck, [named("status"), named("status"), named("html"), named("garbage"), None]);
    house.close().await;
}

#[tokio::test]
async fn se_02_a_lost_answer_may_have_been_done_or_not() {
    let house = House::of("none").await;
    house.lab.add_fault(Rule::new(Fault::AppliedThenReset).on("POST", "Users").times(1));
    house.lab.add_fault(Rule::new(Fault::Drop).on("POST", "Users").times(1));
    let post = |name: &'static str| {
        let house = &house;
        async move { house.try_send(Method::POST, "/Users", &[], Some(&user(name))).await }
    };
    assert!(post("a").await.is_err());
    assert!(house.lab.user_named("a").is_some());
    assert!(post("b").await.is_err());
    assert!(house.lab.user_named("b").is_none());
    post("b").await.unwrap().expect(201);
    let statuses: Vec<Option<u16>> = house.lab.requests().into_iter().map(|one| one.status).collect();
    assert_eq!(statuses, [None, None, Some(201)]);
    house.close().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_left() {
    let house = House::of("none").await;
    house.lab.add_fault(Rule::new(Fault::Hang { millis: 600_000 }).times(1));
    let waiting = house.try_send(Method::GET, "/Users", &[], None);
    assert!(tokio::time::timeout(Duration::from_millis(200), waiting).await.is_err());
    house.get("/Users").await.expect(200);
    house.close().await;
}

#[tokio::test]
async fn a_server_may_be_slow() {
    let house = House::of("none").await;
    house.lab.add_fault(Rule::new(Fault::Slow { millis: 60 }).times(1));
    let start = Instant::now();
    house.get("/Users").await.expect(200);
    assert!(start.elapsed() >= Duration::from_millis(60));
    house.close().await;
}

#[tokio::test]
async fn sc_19_a_server_may_lie() {
    let house = House::of("none").await;
    let id = house.user("a").await;
    let path = format!("/Users/{id}");
    let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    house.lab.add_fault(Rule::new(Fault::Lie { echo: false }).on("PATCH", "Users").times(1));
    house.lab.add_fault(Rule::new(Fault::Lie { echo: true }).on("PATCH", "Users").times(1));
    assert_eq!(house.patch(&path, title.clone()).await.expect(200).body.get("title"), None);
    assert_eq!(house.patch(&path, title.clone()).await.expect(200).body["title"], json!("x"));
    assert_eq!(house.get(&path).await.body.get("title"), None);
    house.lab.add_fault(Rule::new(Fault::Lie { echo: false }));
    let made = house.post("/Users", user("b")).await.expect(201);
    house.delete(&path).await.expect(204);
    let group = house.group("g", std::slice::from_ref(&id)).await.expect(201);
    house.lab.clear_faults();
    house.get(&format!("/Users/{}", made.id())).await.expect(404);
    house.get(&format!("/Groups/{}", group.id())).await.expect(404);
    house.get(&path).await.expect(200);
    house.close().await;
}

#[tokio::test]
async fn chance_and_counting_repeat() {
    let run = || async {
        let house = House::of("none").await;
        house.lab.add_fault(Rule::new(Fault::Html).on("GET", "Users").with_probability(0.5));
        let mut seen = Vec::new();
        for _ in 0..30 {
            seen.push(house.get("/Users").await.status);
        }
        let state = house.lab.faults().remove(0);
        assert_eq!(state.met, 30);
        assert_eq!(
            usize::try_from(state.struck).unwrap(),
            seen.iter().filter(|status| **status == 502).count()
        );
        house.close().await;
        seen
    };
    assert_eq!(run().await, run().await);
}
