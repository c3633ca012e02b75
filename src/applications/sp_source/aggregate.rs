//! Aggregates of a federation (decision 12): documents of up to 64 MiB, too large to be read among others. A process of
//! its own, this very program, reads one with bounded memory and time, verifies its signature, and hands back the one
//! entity that is wanted; it holds no secret and no connection. One at a time is read.
//!
//! Start with [`Aggregates::pick`]; what the other process does is [`serve`].

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    deadline: Duration,
    turn: Arc<Semaphore>,
}

/// The right to hold an aggregate in memory. It is given back when the process that reads it is gone, also when nobody
/// waits for that any more.
#[derive(Debug)]
pub(super) struct Turn(
    #[expect(dead_code, reason = "held, and given back by being dropped")] OwnedSemaphorePermit,
);

impl Default for Aggregates {
    /// By this program itself, which on Linux can be started even after its file was replaced by a newer one.
    fn default() -> Self {
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() { running } else { std::env::current_exe().unwrap_or(running) };
        Self { program, deadline: DEADLINE, turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Aggregates {
    /// Waits until no other aggregate is in memory. 503 `overloaded` when that takes long.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let place = tokio::time::timeout(PATIENCE, self.turn.clone().acquire_owned()).await;
        place.map_err(|_| busy())?.map(Turn).map_err(Error::internal)
    }

    /// Has a process of its own pick an entity. When this is given up, so is the process.
    pub(super) async fn pick(&self, turn: Turn, ask: Ask, document: Vec<u8>) -> Result<Picked> {
        let (program, deadline) = (self.program.clone(), self.deadline);
        let (tell, heard) = mpsc::channel();
        let asker = Asker(tell.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let head = serde_json::to_vec(&ask).map_err(io::Error::other)?;
            Reader::start(&program)?.ask(&head, &document, (tell, heard), deadline)
        });
        let (answer, status) = asked.await.map_err(Error::internal)?.map_err(Error::internal)?;
        drop(asker);
        judge(&answer, status)
    }
}

/// What an answer is worth: only what a process said that ended well. One that was ended by a signal, by us or by its
/// limits, took more than it may.
fn judge(answer: &[u8], status: ExitStatus) -> Result<Picked> {
    if status.success() {
        let answer = serde_json::from_slice::<Result<Picked, MetadataFault>>(answer);
        return answer.map_err(Error::internal)?.map_err(|fault| refusal(&fault));
    }
    match status.code() {
        None => Err(too_costly()),
        Some(_) => Err(Error::internal(format!("reading an aggregate ended with {status}"))),
    }
}

/// What is heard of a process.
enum Heard {
    /// All it had to say.
    Answer(io::Result<Vec<u8>>),
    /// Nobody wants to know any more.
    Unasked,
}

/// Whoever waits for an answer.
struct Asker(mpsc::Sender<Heard>);

impl Drop for Asker {
    fn drop(&mut self) {
        // With an answer given there is nobody to be told.
        let _ = self.0.send(Heard::Unasked);
    }
}

/// The process that reads. However it is left, it is ended and reaped.
struct Reader(Child);

impl Drop for Reader {
    fn drop(&mut self) {
        // Both fail only when it was reaped before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Reader {
    /// Starts it with nothing of our environment, where the master key may stand.
    fn start(program: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(COMMAND).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.spawn().map(Self)
    }

    /// Feeds it and takes what it says within the deadline; then it is ended, whatever it does.
    fn ask(
        mut self,
        head: &[u8],
        document: &[u8],
        (tell, heard): (mpsc::Sender<Heard>, mpsc::Receiver<Heard>),
        deadline: Duration,
    ) -> io::Result<(Vec<u8>, ExitStatus)> {
        let end = Instant::now() + deadline;
        let (Some(mut stdin), Some(stdout)) = (self.0.stdin.take(), self.0.stdout.take()) else {
            return Err(io::Error::other("a process was started without its pipes"));
        };
        thread::scope(|scope| {
            // Dropped before the scope waits for the threads, whose pipes end with the process.
            let mut reader = self;
            scope.spawn(move || {
                // Who has seen enough stops reading: what counts is the answer.
                let _ = stdin
                    .write_all(head)
                    .and_then(|()| stdin.write_all(b"\n"))
                    .and_then(|()| stdin.write_all(document));
            });
            scope.spawn(move || {
                let mut answer = Vec::new();
                let read = stdout.take(MAX_ANSWER).read_to_end(&mut answer);
                // After the deadline nobody listens.
                let _ = tell.send(Heard::Answer(read.map(|_| answer)));
            });
            match heard.recv_timeout(deadline) {
                Ok(Heard::Answer(answer)) => Ok((answer?, reader.ended_by(end)?)),
                Ok(Heard::Unasked) | Err(_) => Ok((Vec::new(), reader.ended_by(Instant::now())?)),
            }
        })
    }

    /// How it ended, by itself until then or by force.
    fn ended_by(&mut self, end: Instant) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                self.0.kill()?;
                return self.0.wait();
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    const PICKED: &str =
        r#"{"Ok":{"entity_id":"https://sp.example","xml":"<a/>","valid_until":null,"cache_duration":null}}"#;

    /// A program in the place of ours, which notes its process id first.
    struct Program {
        dir: TempDir,
        aggregates: Aggregates,
    }

    impl Program {
        fn that(does: &str, deadline: Duration) -> Self {
            let dir = TempDir::new().unwrap();
            let (program, noted) = (dir.path().join("program"), dir.path().join("pid"));
            let script = format!("#!/bin/sh\necho $$ > {}\n{does}\n", noted.display());
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
            Self { dir, aggregates: Aggregates { program, deadline, ..Aggregates::default() } }
        }

        async fn pick(&self) -> Result<Picked> {
            let ask = Ask { entity_id: None, search: None, certificate: None, now: Timestamp(0) };
            let turn = self.aggregates.turn().await?;
            self.aggregates.pick(turn, ask, vec![b' '; 1 << 20]).await
        }

        /// Whether the process is gone, and was reaped too.
        fn is_gone(&self) -> bool {
            let Ok(id) = fs::read_to_string(self.dir.path().join("pid")) else { return false };
            !id.trim().is_empty() && !Path::new("/proc").join(id.trim()).exists()
        }
    }

    #[tokio::test]
    async fn md_302_a_process_that_hangs_is_ended_and_reaped_at_the_deadline() {
        let say = format!("cat > /dev/null; echo '{PICKED}'");
        for does in [
            // It reads nothing, so that whoever writes to it hangs as well.
            "exec /bin/sleep 1000".to_owned(),
            format!("{say}; exec >&-; exec /bin/sleep 1000"),
        ] {
            let program = Program::that(&does, Duration::from_secs(1));
            let begun = Instant::now();
            assert_eq!(program.pick().await.unwrap_err().code, "metadata_too_costly", "{does}");
            assert!(begun.elapsed() < Duration::from_mins(1), "{does}");
            assert!(program.is_gone(), "{does}");
            assert!(program.aggregates.turn().await.is_ok(), "the next one has its turn");
        }
    }

    #[tokio::test]
    async fn md_302_an_answer_counts_only_from_a_process_that_ended_well() {
        let say = format!("cat > /dev/null; echo '{PICKED}'");
        for (then, code) in [
            ("", None),
            ("; exit 3", Some("internal")),
            ("; kill -SEGV $$", Some("metadata_too_costly")),
            ("; echo more", Some("internal")),
        ] {
            let program = Program::that(&format!("{say}{then}"), DEADLINE);
            assert_eq!(program.pick().await.err().map(|error| error.code), code, "{then}");
            assert!(program.is_gone(), "{then}");
        }
        let silent = Program::that("exit 0", DEADLINE);
        assert_eq!(silent.pick().await.unwrap_err().code, "internal");
    }

    #[tokio::test]
    async fn md_302_a_process_that_nobody_waits_for_is_ended_and_gives_its_turn_back() {
        let program = Program::that("exec /bin/sleep 1000", DEADLINE);
        let given_up = tokio::time::timeout(Duration::from_millis(500), program.pick()).await;
        assert!(given_up.is_err());
        let turn = tokio::time::timeout(Duration::from_mins(1), program.aggregates.turn()).await;
        assert!(turn.is_ok() && program.is_gone());
    }
}
