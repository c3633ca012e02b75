//! Mail, by a mail server that others wrote: over TLS and on this machine, with the password asked for, kept while the
//! server is away, and given up in the end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secrecy::SecretString;
use serde_json::Value;
use support::{Tethered, repository};
use tempfile::TempDir;
use tessera::base::clock::{DAY, HOUR, MINUTE};
use tessera::base::paging::PageRequest;
use tessera::base::{Actor, Clock, Ctx, Error, Random, Timestamp};
use tessera::db::Db;
use tessera::events::query::{EventFilter, list};
use tessera::mail::{Mailer, Message, Setup, queue};

const SECRET: &str = "tessera:p%40ss%20word";

/// A mail server.
struct Server {
    _process: Tethered,
    lines: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(mode: &str, files: &[&Path]) -> Self {
        let root = repository();
        let python = root.join(".cache/scim-venv/bin/python");
        assert!(python.exists(), "run scripts/peers.sh");
        let mut command = Command::new(python);
        command.arg(root.join("tests/mail/server.py")).arg(mode).args(files).stdout(Stdio::piped());
        let mut process = Tethered::spawn(&mut command);
        let mut lines = BufReader::new(process.child().stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        Self { _process: process, lines, port: first.trim().parse().expect(&first) }
    }

    fn take(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// A database with a queue.
struct House {
    folder: TempDir,
    db: Db,
    ctx: Ctx,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let clock = Clock::frozen(Timestamp(1_795_334_400_000));
        let ctx = Ctx::background(Actor::CommandLine, clock, Random::seeded(3));
        Self { folder, db, ctx }
    }

    async fn queue(&self, to: &str) {
        let message = Message::ImportDone {
            application: "Zoë’s\nApp",
            whole: true,
            imported: 148,
            skipped: 2,
            failed: 0,
            page: "https://id.example.com/admin/x",
        };
        let mut tx = self.db.begin().await.unwrap();
        queue(&mut tx, &self.ctx, to, &message).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn send(&self, mailer: &Mailer) {
        mailer.turn(&self.db, &self.ctx).await.unwrap();
    }

    async fn given_up(&self) -> Vec<String> {
        let page = PageRequest::parse(Some(200), None).unwrap();
        let found = list(&mut self.db.reader(), &EventFilter::default(), &page).await.unwrap();
        found.items.iter().map(|event| format!("{} {}", event.name, event.details["code"])).collect()
    }

    /// A certificate authority, and a certificate of `localhost` by it.
    fn certificates(&self) -> (Vec<u8>, std::path::PathBuf, std::path::PathBuf) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &authority)
            .unwrap();
        let (file, key_file) = (self.folder.path().join("cert.pem"), self.folder.path().join("key.pem"));
        std::fs::write(&file, own.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        (authority.pem().into_bytes(), file, key_file)
    }
}

fn setup(url: &str, authorities: Option<Vec<u8>>) -> Setup {
    Setup {
        from: Some("Tessera <tessera@id.example.com>".to_owned()),
        smtp: Some(SecretString::from(url)),
        authorities,
        ..Setup::default()
    }
}

fn refused(setup: Setup) -> Error {
    Mailer::new(setup).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_on_this_machine_takes_it_as_it_was_meant() {
    let house = House::open().await;
    let mut server = Server::start("plain", &[]);
    let mailer = Mailer::new(setup(&format!("smtp://localhost:{}", server.port), None)).unwrap();
    mailer.check().await.unwrap();
    house.queue("ada@example.com").await;
    house.send(&mailer).await;
    let mail = server.take();
    assert_eq!(
        (&mail["from"], &mail["to"][0]),
        (&"tessera@id.example.com".into(), &"ada@example.com".into())
    );
    let content = mail["content"].as_str().unwrap();
    assert!(content.contains("Auto-Submitted: auto-generated"), "{content}");
    assert_eq!(
        content.lines().filter(|line| line.starts_with("Subject:")).count(),
        1,
        "a name adds no header"
    );
    assert!(!content.contains("\nApp"), "a name adds no line: {content}");
    assert!(content.contains("Date: "), "{content}");
    house.queue("bob@example.com").await;
    house.send(&mailer).await;
    assert_eq!(server.take()["to"][0], "bob@example.com", "the first was not sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_only_over_tls_to_whom_the_authorities_know() {
    let house = House::open().await;
    let (authority, file, key) = house.certificates();
    for (mode, scheme) in [("starttls", "smtp"), ("smtps", "smtps")] {
        let mut server = Server::start(mode, &[&file, &key]);
        let url = format!("{scheme}://{SECRET}@localhost:{}", server.port);
        house.queue("ada@example.com").await;
        let stranger = Mailer::new(setup(&url, None)).unwrap();
        assert_eq!(stranger.check().await.unwrap_err().code, "mail_failed", "{mode}: nobody vouches for it");
        house.send(&stranger).await;
        let wrong = Mailer::new(setup(&url.replace("word", "wort"), Some(authority.clone()))).unwrap();
        house.ctx.clock.advance(HOUR);
        house.send(&wrong).await;
        house.ctx.clock.advance(HOUR);
        house.send(&Mailer::new(setup(&url, Some(authority.clone()))).unwrap()).await;
        let mail = server.take();
        assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &"tessera".into()), "{mode}");
    }
    // A server that offers no TLS gets no password.
    let plain = Server::start("plain", &[]);
    let url = format!("smtp://{SECRET}@localhost:{}", plain.port);
    assert_eq!(Mailer::new(setup(&url, None)).unwrap().check().await.unwrap_err().code, "mail_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_waits_for_its_server_and_is_given_up_after_three_days_with_an_event() {
    let house = House::open().await;
    house.queue("ada@example.com").await;
    let nowhere = Mailer::new(setup("smtp://127.0.0.1:1", None)).unwrap();
    house.send(&nowhere).await;
    let mut server = Server::start("plain", &[]);
    let there = Mailer::new(setup(&format!("smtp://127.0.0.1:{}", server.port), None)).unwrap();
    house.send(&there).await;
    house.ctx.clock.advance(3 * MINUTE);
    house.send(&there).await;
    assert_eq!(server.take()["to"][0], "ada@example.com", "tried again after minutes, and not at once");
    house.queue("bob@example.com").await;
    for _ in 0..80 {
        house.send(&nowhere).await;
        house.ctx.clock.advance(HOUR);
    }
    assert_eq!(house.given_up().await, ["mail_undelivered \"mail_failed\""]);
    house.ctx.clock.advance(DAY);
    house.queue("cid@example.com").await;
    house.send(&there).await;
    assert_eq!(server.take()["to"][0], "cid@example.com", "what was given up is gone");
}

#[tokio::test]
async fn what_cannot_send_is_refused_at_the_start_and_says_what_to_do() {
    let with = |url: &str| refused(setup(url, None)).code;
    for url in [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtps://mail.example.com/path",
        "smtps://u@mail.example.com",
    ] {
        assert_eq!(with(url), "smtp_url_invalid", "{url}");
    }
    let error = refused(setup("smtps://u:hunter2@mail.example.com?tls=none", None));
    assert!(!format!("{error:?}").contains("hunter2"), "a refusal tells no password");
    let folder = tempfile::tempdir().unwrap();
    let both = Setup { folder: Some(folder.path().to_owned()), ..setup("smtp://localhost", None) };
    assert_eq!(refused(both).code, "mail_two_ways");
    let nobody = Setup { from: None, ..setup("smtp://localhost", None) };
    assert_eq!(refused(nobody).code, "mail_from_missing");
    let odd = Setup { from: Some("nobody".to_owned()), ..setup("smtp://localhost", None) };
    assert_eq!(refused(odd).code, "mail_from_invalid");
    let missing = Setup { folder: Some(folder.path().join("missing")), smtp: None, ..setup("", None) };
    assert_eq!(refused(missing).code, "mail_folder_missing");
    assert!(!Mailer::new(Setup::default()).unwrap().is_set_up());
}
