//! A PostgreSQL cluster of the tests' own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use url::Url;

/// Names the administrator's URL of a cluster that already runs, so that one serves a whole test run.
const RUNNING: &str = "TESSERA_TEST_POSTGRES";

/// A cluster with trust authentication on a Unix socket: ended and removed on drop, and when the process dies.
#[derive(Debug)]
pub struct PrivatePostgres {
    admin: Url,
    /// Absent when somebody else's cluster is used.
    script: Option<Child>,
}

impl PrivatePostgres {
    /// The cluster that `TESSERA_TEST_POSTGRES` names, or one of this process.
    pub fn start() -> Self {
        match std::env::var(RUNNING) {
            Ok(url) if !url.is_empty() => {
                let admin = Url::parse(&url).unwrap_or_else(|error| panic!("{RUNNING} is no URL: {error}"));
                Self { admin, script: None }
            }
            _ => Self::own(false),
        }
    }

    /// A cluster of this process alone that writes through to the disk: for tests that end it by force.
    pub fn start_durable() -> Self {
        Self::own(true)
    }

    fn own(fsync: bool) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/postgres.sh");
        let mut child = Command::new("bash")
            .arg(script)
            .env("FSYNC", if fsync { "on" } else { "off" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash can be started");
        let mut line = String::new();
        let output = child.stdout.take().expect("standard output is piped");
        BufReader::new(output).read_line(&mut line).expect("the script's output can be read");
        let admin = Url::parse(line.trim()).expect("PostgreSQL started; what went wrong stands above");
        Self { admin, script: Some(child) }
    }

    /// Makes an empty database and tells its URL, which no other test has.
    pub fn create_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}"));
        let mut url = self.admin.clone();
        url.set_path(&name);
        url.to_string()
    }

    /// Runs one statement as the administrator.
    pub fn execute(&self, statement: &str) {
        let output = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .arg(format!("--dbname={}", self.admin))
            .stdin(Stdio::null())
            .output()
            .expect("psql can be started");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Some(mut script) = self.script.take() {
            drop(script.stdin.take());
            drop(script.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_is_another_and_the_folder_goes_with_the_cluster() {
        let postgres = PrivatePostgres::own(false);
        assert_ne!(postgres.create_database(), postgres.create_database());
        let (_, folder) = postgres.admin.query_pairs().next().expect("the URL names the socket's folder");
        let folder = std::path::PathBuf::from(folder.into_owned());
        assert!(folder.exists());
        drop(postgres);
        assert!(!folder.exists());
    }
}
