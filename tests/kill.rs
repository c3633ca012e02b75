//! AV-01: the server is killed while people sign on. Whoever got a response finds its event, nothing is half
//! written, and the server is soon back.

mod crowd;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{PrivatePostgres, Setup, Tessera, rounds};

use crowd::{Begin, Forum, Visitor};

/// Those who sign on at the same time.
const VISITORS: usize = 8;
/// How long the server may take to be back (issue: within 5 s).
const BACK_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn av_01_no_sign_on_is_lost_when_sqlite_is_killed() {
    survive(Tessera::setup(env!("CARGO_BIN_EXE_tessera")), |tessera| {
        let file = tessera.data_dir().join("tessera.db");
        assert!(file.exists(), "the database is not where this test looks");
        let told = sqlite_check(&file);
        assert_eq!(told, "ok");
    });
}

#[test]
fn av_01_no_sign_on_is_lost_when_the_server_on_postgresql_is_killed() {
    let cluster = PrivatePostgres::start();
    let url = cluster.create_database();
    survive(Tessera::setup(env!("CARGO_BIN_EXE_tessera")).database(&url), |_| {});
}

/// What SQLite itself says of the file.
fn sqlite_check(file: &std::path::Path) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let db = tessera::db::Db::connect(&format!("sqlite://{}", file.display())).await.expect("it opens");
        let mut reader = db.reader();
        let row = tessera::db::Executor::one(&mut reader, tessera::db::sql("PRAGMA integrity_check"));
        let told = row.await.expect("the check runs").text("integrity_check").expect("a text");
        db.close().await;
        told
    })
}

fn survive(setup: Setup, intact: impl Fn(&Tessera)) {
    let mut forum = Forum::open(setup, 3, VISITORS);
    let mut visitors: Vec<Visitor> = (0..VISITORS).map(|number| forum.visitor(number)).collect();
    let mut answered: Vec<String> = Vec::new();
    for round in 0..rounds(10, 50) {
        // Every round is cut off elsewhere: from the first response on to many.
        let cut = 1 + (round * 37) % 120;
        answered.extend(storm(&mut forum.tessera, &mut visitors, cut));
        let down = Instant::now();
        forum.tessera.start_again();
        let took = down.elapsed();
        assert!(took < BACK_WITHIN, "round {round}: back after {took:?}");
        intact(&forum.tessera);
        forum.tessera.ok(&["events", "verify"], "");
    }
    assert!(answered.len() > rounds(10, 50) * 20, "too little happened: {} sign-ons", answered.len());
    let events = sign_on_events(&mut forum);
    for session_index in &answered {
        assert_eq!(events.get(session_index), Some(&1), "the events of the sign-on {session_index}");
    }
}

/// All sign on at once; after `cut` responses the server is killed. Tells every response that came, those that came
/// while it died included.
fn storm(tessera: &mut Tessera, visitors: &mut [Visitor], cut: usize) -> Vec<String> {
    let count = AtomicUsize::new(0);
    let (now, enough) = mpsc::channel();
    thread::scope(|scope| {
        let handles: Vec<_> = visitors
            .iter_mut()
            .map(|visitor| {
                let (count, now) = (&count, now.clone());
                scope.spawn(move || {
                    let mut answered = Vec::new();
                    for begin in [Begin::Sp, Begin::Idp].into_iter().cycle() {
                        // An error is the server's death, which ends this round.
                        let Ok(session_index) = visitor.sign_on(begin) else { break };
                        answered.push(session_index);
                        if count.fetch_add(1, Ordering::Relaxed) + 1 == cut {
                            now.send(()).expect("the killer waits");
                        }
                    }
                    answered
                })
            })
            .collect();
        enough.recv_timeout(Duration::from_mins(1)).expect("people sign on");
        tessera.kill();
        handles.into_iter().flat_map(|handle| handle.join().expect("a visitor ends well")).collect()
    })
}

/// How many sign-on events there are of each session index.
fn sign_on_events(forum: &mut Forum) -> HashMap<String, usize> {
    let exported = forum.api.export("/events/export?format=jsonl&name=sso_auth");
    let mut counts = HashMap::new();
    for line in exported.lines() {
        let event: Value = serde_json::from_str(line).expect("a line is JSON");
        let session_index =
            event["details"]["session_index"].as_str().expect("a sign-on has a session index");
        *counts.entry(session_index.to_owned()).or_default() += 1;
    }
    counts
}
