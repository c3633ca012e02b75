//! Real service providers, each a process of its own: see `tests/sp` and `docs/testing.md`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::process::ended_within;

/// How long a provider has to tidy up after its standard input has closed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Which software answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// pysaml2 (Python).
    Pysaml2,
    /// node-saml (Node).
    NodeSaml,
    /// `mod_auth_mellon` (Apache, lasso).
    Mellon,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pysaml2, Self::NodeSaml, Self::Mellon];

    fn command(self) -> Command {
        let folder = crate::repository().join("tests/sp");
        match self {
            Self::Pysaml2 => {
                let mut command = Command::new(python());
                command.arg(folder.join("pysaml2/sp.py"));
                command
            }
            Self::NodeSaml => {
                let packages = folder.join("node/node_modules");
                assert!(packages.exists(), "{} is missing: run scripts/peers.sh", packages.display());
                let mut command = Command::new("node");
                command.arg(folder.join("node/sp.js"));
                command
            }
            Self::Mellon => {
                let mut command = Command::new("python3");
                command.arg(folder.join("mellon/sp.py"));
                command
            }
        }
    }
}

fn python() -> PathBuf {
    let python = crate::repository().join(".cache/test-venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/peers.sh", python.display());
    python
}

/// A provider that has its address, keys and metadata, and waits to be told its identity provider.
#[derive(Debug)]
pub struct Prepared {
    process: Child,
    lines: BufReader<ChildStdout>,
    /// Its entity ID.
    pub entity_id: String,
    /// Where it takes responses.
    pub acs: String,
    /// Its metadata.
    pub metadata: String,
    base: Url,
    kind: Kind,
}

impl Prepared {
    /// Tells it the identity provider, as the URL or file of its metadata, and waits until it answers.
    pub fn start(mut self, idp_metadata: &str) -> ServiceProvider {
        let stdin = self.process.stdin.as_mut().expect("standard input is piped");
        writeln!(stdin, "{idp_metadata}").expect("the provider reads its input");
        let ready = read_line(&mut self.lines, "ready");
        let idp = ready["idp"].as_str().unwrap_or_default().to_owned();
        ServiceProvider { idp, prepared: self }
    }
}

/// A provider ends, with all that it started, when its standard input closes: here, or by this process's death.
impl Drop for Prepared {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        if !ended_within(&mut self.process, STOP_LIMIT) {
            drop(self.process.kill());
            drop(self.process.wait());
        }
    }
}

/// A running provider.
#[derive(Debug)]
pub struct ServiceProvider {
    prepared: Prepared,
    /// The entity ID of the identity provider, as it read it.
    pub idp: String,
}

impl ServiceProvider {
    /// Starts the software with these options, such as `--sign-requests`; the rest stands in `docs/testing.md`.
    pub fn prepare(kind: Kind, options: &[&str]) -> Prepared {
        let mut command = kind.command();
        command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut lines = BufReader::new(process.stdout.take().expect("standard output is piped"));
        let told = read_line(&mut lines, "metadata");
        let text = |field: &str| told[field].as_str().expect("a string").to_owned();
        let metadata = std::fs::read_to_string(text("file")).expect("the provider has written its metadata");
        let base = Url::parse(&text("base")).expect("a URL");
        Prepared { process, lines, entity_id: text("entity_id"), acs: text("acs"), metadata, base, kind }
    }

    /// Which software it is.
    pub fn kind(&self) -> Kind {
        self.prepared.kind
    }

    /// Its entity ID.
    pub fn entity_id(&self) -> &str {
        &self.prepared.entity_id
    }

    /// Where a person begins at this provider. Parameters: `binding` (`redirect`, `post`), `sign`, `force_authn`,
    /// `is_passive` (`0`, `1`) and `relay_state`; mellon knows `is_passive` alone and takes the others as options.
    pub fn login_url(&self, parameters: &[(&str, &str)]) -> String {
        let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mut url = self.prepared.base.join("/login").expect("a path");
        url.set_query(Some(&query).filter(|query| !query.is_empty()).map(String::as_str));
        url.to_string()
    }

    /// Where a person who is signed in at this provider signs out of everything.
    pub fn logout_url(&self) -> String {
        self.prepared.base.join("/logout").expect("a path").to_string()
    }

    /// The page that only a signed-in person sees.
    pub fn private_url(&self) -> String {
        self.prepared.base.join("/private").expect("a path").to_string()
    }
}

fn read_line(lines: &mut BufReader<ChildStdout>, event: &str) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).expect("the provider's output can be read");
    let value: Value =
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the provider ended early: {line}"));
    assert_eq!(value["event"], event, "{value}");
    value
}
