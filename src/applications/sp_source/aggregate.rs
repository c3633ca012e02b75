//! Aggregates of a federation (decision 12): documents of up to 64 MiB, too large to be read among others. A process of
//! its own, this very program, reads one with bounded memory and time, verifies its signature, and hands back the one
//! entity that is wanted; it holds no secret and no connection. One at a time is read.
//!
//! Start with [`Aggregates::pick`]; what the other process does is [`serve`].

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::applications::sp_metadata::refusal;
use crate::applications::sp_source::fetch::trust;
use crate::base::{Error, Kind, Result, Timestamp};
use crate::saml::metadata::{MetadataFault, Picked, Wanted, pick_sp_metadata};
use crate::saml::xml::Limits;

/// Largest aggregate, in bytes.
pub const MAX_AGGREGATE: usize = Limits::AGGREGATE.total;
/// The hidden command of this program that reads one.
pub const COMMAND: &str = "read-aggregate";

/// Address space of the process that reads, in bytes: several times what an aggregate of the largest size takes.
const MEMORY: u64 = 1 << 30;
/// Time of a core that it may take, in seconds.
const CPU_SECONDS: u64 = 60;
/// Time that it may take altogether.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long somebody waits for the one before.
const PATIENCE: Duration = Duration::from_mins(3);
/// Bytes that it may hand back: an entity, escaped once more.
const MAX_ANSWER: u64 = 8 << 20;

/// What the process is asked, one line of JSON before the document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) entity_id: Option<String>,
    pub(super) search: Option<String>,
    /// PEM of the certificate whose key must have signed the root.
    pub(super) certificate: Option<String>,
    pub(super) now: Timestamp,
}

/// Where aggregates are read.
#[derive(Debug)]
pub struct Aggregates {
    program: PathBuf,
    turn: Semaphore,
}

impl Default for Aggregates {
    /// By this program itself, which on Linux can be started even after its file was replaced by a newer one.
    fn default() -> Self {
        let running = PathBuf::from("/proc/self/exe");
        Self::by(if running.exists() { running } else { std::env::current_exe().unwrap_or(running) })
    }
}

impl Aggregates {
    /// By this file of the program: for what is not the program itself.
    #[must_use]
    pub fn by(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), turn: Semaphore::new(1) }
    }

    /// Waits until no other aggregate is in memory. 503 `overloaded` when that takes long.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        let place = tokio::time::timeout(PATIENCE, self.turn.acquire()).await;
        place.map_err(|_| busy())?.map_err(Error::internal)
    }

    /// Has a process of its own pick an entity.
    pub(super) async fn pick(&self, ask: Ask, document: Vec<u8>) -> Result<Picked> {
        let program = self.program.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let head = serde_json::to_vec(&ask).map_err(io::Error::other)?;
            ask_child(&mut child(&program)?, &head, &document)
        });
        let (answer, status) = asked.await.map_err(Error::internal)?.map_err(Error::internal)?;
        match serde_json::from_slice::<Result<Picked, MetadataFault>>(&answer) {
            Ok(answer) => answer.map_err(|fault| refusal(&fault)),
            Err(_) if status.code().is_none() => Err(too_costly()),
            Err(error) => Err(Error::internal(format!("reading an aggregate ended with {status}: {error}"))),
        }
    }
}

/// The process, with nothing of our environment, where the master key may stand.
fn child(program: &Path) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.arg(COMMAND).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.spawn()
}

/// Feeds the process and takes what it says within the deadline; then it is ended, whatever it does.
fn ask_child(child: &mut Child, head: &[u8], document: &[u8]) -> io::Result<(Vec<u8>, ExitStatus)> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("a process was started without its pipes"));
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            // Who has seen enough stops reading: what counts is the answer.
            let _ = stdin
                .write_all(head)
                .and_then(|()| stdin.write_all(b"\n"))
                .and_then(|()| stdin.write_all(document));
        });
        let (done, answered) = mpsc::channel();
        scope.spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.take(MAX_ANSWER).read_to_end(&mut answer);
            // Nobody waits any more after the deadline.
            let _ = done.send(read.map(|_| answer));
        });
        let answer = answered.recv_timeout(DEADLINE);
        if answer.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        // The process is gone, so a reading that was not done by the deadline is of no use.
        Ok((answer.unwrap_or_else(|_| Ok(Vec::new()))?, status))
    })
}

/// What the process does: reads the question and the document from standard input, and writes the answer. Call it before
/// there are threads.
#[must_use]
pub fn serve() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        // Standard error leads nowhere; the parent has the status.
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer() -> Result<(), Box<dyn std::error::Error>> {
    for (resource, most) in
        [(Resource::As, MEMORY), (Resource::Cpu, CPU_SECONDS), (Resource::Fsize, 0), (Resource::Core, 0)]
    {
        let most = Some(getrlimit(resource).maximum.map_or(most, |known| known.min(most)));
        setrlimit(resource, Rlimit { current: most, maximum: most })?;
    }
    let mut input = io::stdin().lock();
    let mut head = String::new();
    input.read_line(&mut head)?;
    let ask: Ask = serde_json::from_str(&head)?;
    let mut document = Vec::new();
    input.take(MAX_AGGREGATE as u64 + 1).read_to_end(&mut document)?;
    let trust = ask.certificate.as_deref().map(trust).transpose()?;
    let wanted = Wanted { entity_id: ask.entity_id.as_deref(), search: ask.search.as_deref() };
    let picked = pick_sp_metadata(&document, wanted, ask.now, trust.as_ref());
    io::stdout().write_all(&serde_json::to_vec(&picked)?)?;
    Ok(())
}

fn too_costly() -> Error {
    Error::field(
        "url",
        "metadata_too_costly",
        "The metadata takes more memory or time to read than it may. Ask its publisher for a smaller document, or for that of the one service provider.",
    )
    .with_code("metadata_too_costly")
}

fn busy() -> Error {
    Error::new(
        Kind::Unavailable,
        "overloaded",
        "Other large metadata is being read at this moment. Try again in a minute.",
    )
    .retry_after(60)
}
