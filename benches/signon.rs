//! What a sign-on costs beside its RSA operations (3-architecture, *Cost*): the CPU time of the server for each
//! sign-on over HTTP with a live session, over the CPU time of the RSA-2048 operations in it, both from one run.
//!
//! `cargo bench --bench signon` runs both sizes; `-- small` or `-- large` one of them. The table it prints stands
//! in `docs/performance.md`.

#[path = "../tests/crowd/mod.rs"]
mod crowd;

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::json;
use support::Tessera;
use tessera::db::{Db, sql};

use crowd::{Begin, Forum, Visitor};

/// Requests at the same time (decision 38).
const CONCURRENT: usize = 64;
/// Clock ticks of `/proc` in a second: fixed by the kernel for user space (`USER_HZ`).
const TICKS: f64 = 100.0;

/// How much there is.
struct Size {
    name: &'static str,
    applications: usize,
    people: usize,
    memberships: usize,
    sign_ons: usize,
}

const SIZES: [Size; 2] = [
    Size { name: "small", applications: 10, people: 10, memberships: 10, sign_ons: 6_000 },
    Size { name: "large", applications: 1_000, people: 100_000, memberships: 1_000_000, sign_ons: 6_000 },
];

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]
fn main() -> ExitCode {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut table = String::from(
        "| size | began at | sign-ons a second | server CPU for each | RSA CPU for each | ratio |\n|---|---|---|---|---|---|\n",
    );
    let mut notes = String::new();
    let mut worst: f64 = 0.0;
    for size in SIZES.iter().filter(|size| wanted.is_empty() || wanted.iter().any(|name| name == size.name)) {
        eprintln!("{}: setting up", size.name);
        let (forum, mut visitors) = prepare(size, &mut notes);
        for begin in [Begin::Sp, Begin::Idp] {
            let measured = measure(&forum.tessera, &mut visitors, begin, size.sign_ons);
            worst = worst.max(measured.ratio());
            let _ = writeln!(
                table,
                "| {} applications, {} people, {} memberships | {} | {:.0} | {:.0} µs | {:.0} µs | {:.2} |",
                size.applications,
                size.people,
                size.memberships,
                if begin == Begin::Sp { "the SP" } else { "a tile" },
                measured.rate,
                measured.server * 1e6,
                measured.rsa * 1e6,
                measured.ratio()
            );
        }
        let _ = writeln!(
            notes,
            "{}: {:.1} MiB resident after the load.",
            size.name,
            resident_mib(&forum.tessera)
        );
    }
    println!("{table}\n{notes}");
    if worst > 1.33 {
        println!("A ratio is above 1.33.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn prepare(size: &Size, notes: &mut String) -> (Forum, Vec<Visitor>) {
    // Everybody who signs on needs a session; ten people have several browsers each.
    let mut forum = Forum::open(Tessera::setup(env!("CARGO_BIN_EXE_tessera")), 10, 10);
    let limits = json!({"api_calls_per_token_minute": 1_000_000});
    forum.api.patch("/settings", &limits).expect(200);
    let mut more = size.applications - forum.applications.len();
    while more > 0 {
        let slug = format!("stand-{more}");
        forum.add_application(&slug);
        forum.applications.push(slug);
        more -= 1;
    }
    if size.people > 10 {
        let file = forum.tessera.data_dir().join("tessera.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(crowd_in(&file, size));
    }
    assert!(forum.tessera.stop(), "the server ends well");
    let start = Instant::now();
    forum.tessera.start_again();
    let _ = writeln!(
        notes,
        "{}: {:.2} s to start, {:.1} MiB resident when idle.",
        size.name,
        start.elapsed().as_secs_f64(),
        resident_mib(&forum.tessera)
    );
    let visitors = (0..CONCURRENT).map(|number| forum.visitor(number)).collect();
    (forum, visitors)
}

/// Fills the tables of people and memberships directly: one by one they would take an hour.
async fn crowd_in(file: &std::path::Path, size: &Size) {
    let db = Db::connect(&format!("sqlite://{}", file.display())).await.expect("the database opens");
    let groups = 1_000;
    let each = size.memberships / size.people;
    let mut tx = db.begin().await.expect("a transaction");
    for number in 0..groups {
        let insert = sql("INSERT INTO groups (id, name, name_key, description, built_in, scim_managed, \
             members_version, members_at, version, created_at, updated_at) \
             VALUES ($1, $1, $1, '', FALSE, FALSE, 1, 0, 1, 0, 0)");
        tx.run(insert.bind(format!("00000000-0000-7000-9000-{number:012}"))).await.expect("a group");
    }
    for number in 0..size.people - 10 {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        let insert = sql(
            "INSERT INTO users (id, username, username_key, email, email_key, display_name, search_key, \
             profile, state, epoch, scim_managed, version, created_at, updated_at) \
             VALUES ($1, $2, $2, $3, $3, $2, $2, '{}', 'active', 1, FALSE, 1, 0, 0)",
        );
        let insert = insert.bind(id.as_str()).bind(format!("crowd-{number}"));
        tx.run(insert.bind(format!("crowd-{number}@example.org"))).await.expect("a person");
        for nth in 0..each {
            let group = (number * 7 + nth * 101) % groups;
            let insert = sql("INSERT INTO memberships (user_id, group_id, created_at) VALUES ($1, $2, 0) \
                 ON CONFLICT (user_id, group_id) DO NOTHING");
            let insert = insert.bind(id.as_str()).bind(format!("00000000-0000-7000-9000-{group:012}"));
            tx.run(insert).await.expect("a membership");
        }
    }
    // Those who sign on are in as many groups as the others.
    let join = sql("INSERT INTO memberships (user_id, group_id, created_at) \
         SELECT u.id, g.id, 0 FROM users u, (SELECT id FROM groups WHERE built_in = FALSE AND name LIKE '0%' LIMIT $1) g \
         WHERE u.username LIKE 'person-%' ON CONFLICT (user_id, group_id) DO NOTHING");
    tx.run(join.bind(i64::try_from(each).expect("fits"))).await.expect("memberships");
    tx.commit().await.expect("all is written");
    db.close().await;
}

/// Figures of one run, in seconds of CPU.
struct Measured {
    rate: f64,
    server: f64,
    rsa: f64,
}

impl Measured {
    fn ratio(&self) -> f64 {
        self.server / self.rsa
    }
}

fn measure(tessera: &Tessera, visitors: &mut [Visitor], begin: Begin, sign_ons: usize) -> Measured {
    // Caches fill, and the code is in memory.
    run(visitors, begin, visitors.len() * 8);
    let before = rsa_seconds();
    let (cpu, start) = (cpu_seconds(tessera.id()), Instant::now());
    run(visitors, begin, sign_ons);
    let (cpu, took) = (cpu_seconds(tessera.id()) - cpu, start.elapsed().as_secs_f64());
    let after = rsa_seconds();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = sign_ons as f64;
    // Response and assertion are both signed.
    Measured { rate: count / took, server: cpu / count, rsa: before + after }
}

fn run(visitors: &mut [Visitor], begin: Begin, sign_ons: usize) {
    let left = AtomicUsize::new(sign_ons);
    thread::scope(|scope| {
        for visitor in visitors {
            let left = &left;
            scope.spawn(move || {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                    visitor.sign_on(begin).expect("the server answers");
                }
            });
        }
    });
}

/// CPU seconds that this process has used.
fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux tells");
    let (_, fields) = stat.rsplit_once(')').expect("the name ends with a bracket");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |nth: usize| fields[nth].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}

/// CPU seconds of one RSA-2048 signature, with all cores at it.
fn rsa_seconds() -> f64 {
    const EACH: u32 = 1_000;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let sign = || {
        let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
        signer.update(b"what is signed is short").expect("it takes it");
        signer.sign_to_vec().expect("a signature").len()
    };
    assert_eq!(sign(), 256);
    let before = cpu_seconds(std::process::id());
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| (0..EACH).for_each(|_| assert_eq!(sign(), 256)));
        }
    });
    let used = cpu_seconds(std::process::id()) - before;
    used / f64::from(EACH * u32::try_from(cores).expect("not that many"))
}

/// Resident memory of the server in MiB.
fn resident_mib(tessera: &Tessera) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", tessera.id())).expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has a size");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    kib / 1024.0
}
