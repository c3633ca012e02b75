//! The real binary, on a port and a folder of its own.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::browser::Browser;
use crate::process::{Tethered, until};

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// A free port is free only until somebody else takes it; so a start is tried on this many.
const START_TRIES: usize = 3;

/// What a server is to be started with.
#[derive(Debug, Clone)]
pub struct Setup {
    binary: PathBuf,
    command: String,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    database: Option<String>,
}

impl Setup {
    /// `tessera demo` instead of `tessera serve`; it has a folder of its own.
    #[must_use]
    pub fn demo(mut self) -> Self {
        "demo".clone_into(&mut self.command);
        self
    }

    /// Another database than the SQLite file in the data folder.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server and waits until `/healthz` answers.
    pub fn start(self) -> Tessera {
        let folder = tempfile::Builder::new().prefix("tessera-test-").tempdir().expect("a temporary folder");
        let mut tessera = Tessera { setup: self, folder, port: 0, process: None };
        for attempt in 1..=START_TRIES {
            tessera.port = free_port();
            match tessera.try_start() {
                Ok(()) => break,
                Err(taken) => assert!(taken && attempt < START_TRIES, "tessera ended:\n{}", tessera.log()),
            }
        }
        tessera
    }
}

/// A running server with its folder; both go on drop.
#[derive(Debug)]
pub struct Tessera {
    setup: Setup,
    folder: TempDir,
    port: u16,
    process: Option<Tethered>,
}

impl Tessera {
    /// A server from this binary: `Tessera::setup(env!("CARGO_BIN_EXE_tessera"))`.
    pub fn setup(binary: impl Into<PathBuf>) -> Setup {
        let command = "serve".to_owned();
        Setup { binary: binary.into(), command, arguments: vec![], environment: vec![], database: None }
    }

    /// Its base URL, without a slash at the end. The name is `localhost`, while the providers listen on
    /// `127.0.0.1`: so they are different sites, as in life.
    pub fn base(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        self.base() + path
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// All it has printed, over all its starts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The first URL in what it has printed whose path begins so, such as `/setup/`.
    pub fn printed_url(&self, path: &str) -> Option<String> {
        let log = self.log();
        let start = log.find(&self.url(path))?;
        let url =
            log[start..].split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\u{1b}'));
        url.into_iter().next().map(|url| url.trim_end_matches(['.', ',']).to_owned())
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.take().expect("the server runs").kill();
    }

    /// Ends it as an operator does, and tells whether it ended well.
    pub fn stop(&mut self) -> bool {
        let mut process = self.process.take().expect("the server runs");
        process.signal("TERM");
        process.wait(STOP_LIMIT).success()
    }

    /// Starts it again on the same port, folder and database.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        assert!(self.try_start().is_ok(), "tessera ended:\n{}", self.log());
    }

    /// Runs another command of the binary on the same data, with this standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // A command that does not read its input may have closed it already.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        child.wait_with_output().expect("the command ends")
    }

    /// As `run`, for a command that must succeed: its standard output, trimmed.
    pub fn ok(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tessera {arguments:?} ended with {}: {told}", output.status);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Settings go by the environment, so that they hold for every command alike.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.setup.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TESSERA_") {
                command.env_remove(name);
            }
        }
        command.env("NO_COLOR", "1").current_dir(self.folder.path());
        if self.setup.command == "serve" {
            command.env("TESSERA_DATA_DIR", self.data_dir());
        }
        if let Some(url) = &self.setup.database {
            command.env("TESSERA_DATABASE_URL", url);
        }
        command.envs(self.setup.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `Err(true)` where the port was taken, `Err(false)` where it ended for another reason.
    fn try_start(&mut self) -> Result<(), bool> {
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut command = self.command();
        command.arg(&self.setup.command).arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command.arg("--base-url").arg(self.base()).args(&self.setup.arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut process = Tethered::spawn(&mut command);
        let address = (Ipv4Addr::LOCALHOST, self.port);
        let mut ended = false;
        until("tessera to listen", START_LIMIT, || {
            ended = process.ended().is_some();
            ended || TcpStream::connect(address).is_ok()
        });
        if ended {
            return Err(self.log().to_lowercase().contains("in use"));
        }
        let mut browser = Browser::new();
        until("/healthz to answer 200", START_LIMIT, || browser.get(&self.url("/healthz")).status == 200);
        self.process = Some(process);
        Ok(())
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("tessera.log")
    }

    /// The folder that holds the data folder, for files that a test gives the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Tessera {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("The last lines of tessera on port {}:", self.port);
            for line in tail.into_iter().rev() {
                eprintln!("  {line}");
            }
        }
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    probe.local_addr().expect("a bound socket has an address").port()
}
