//! A child process that never outlives the test that started it.

use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Kills the process it is given unless it is told `done`: also when this test process is itself killed, since
/// its end of the pipe closes then.
const TETHER: &str = r#"read -r line; [ "$line" = done ] || kill -9 "$1""#;

/// How often a condition of another process is looked at while a test waits for it.
const GLANCE: Duration = Duration::from_millis(20);

/// A running child: ended on drop, and also when the test process dies in whatever way.
#[derive(Debug)]
pub struct Tethered {
    child: Child,
    tether: Child,
}

impl Tethered {
    /// Starts the command as it is configured.
    pub fn spawn(command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let tether = Command::new("sh")
            .args(["-c", TETHER, "tether", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        Self { child, tether }
    }

    /// The child, to reach its standard streams.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        // An error here means that it has already gone, which is what was asked for.
        drop(self.child.kill());
        self.child.wait().expect("a killed child can be waited for");
    }

    /// Sends a signal by name, such as `TERM` or `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} could not be sent to {}", self.id());
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        until("the process to end", limit, || {
            status = self.ended();
            status.is_some()
        });
        status.expect("the loop above ends with a status")
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if let Some(mut line) = self.tether.stdin.take() {
            drop(line.write_all(b"done\n"));
        }
        drop(self.tether.wait());
    }
}

/// Waits for a child that was asked to end, and tells whether it did.
pub(crate) fn ended_within(child: &mut Child, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::park_timeout(GLANCE);
    }
    false
}

/// Looks at a condition outside this process until it holds, and panics past the limit.
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::park_timeout(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_child_is_gone() {
        let child = Tethered::spawn(Command::new("sleep").arg("600"));
        let path = format!("/proc/{}", child.id());
        assert!(std::path::Path::new(&path).exists());
        drop(child);
        assert!(!std::path::Path::new(&path).exists());
    }

    #[test]
    fn a_child_goes_when_its_tether_loses_the_test_process() {
        let mut child = Tethered::spawn(Command::new("sleep").arg("600"));
        drop(child.tether.stdin.take());
        assert!(!child.wait(Duration::from_secs(10)).success());
    }
}
