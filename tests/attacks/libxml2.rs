//! libxml2 in a process of its own that lives as long as the test (`libxml2.py`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub struct Libxml2 {
    child: Child,
    asked: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Libxml2 {
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks/libxml2.py");
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed");
        let asked = child.stdin.take();
        let said = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, asked, said }
    }

    /// `None` when libxml2 refuses.
    fn ask(&mut self, operation: &str, document: &[u8], argument: &str) -> Option<Vec<u8>> {
        let asked = self.asked.as_mut().expect("it runs");
        writeln!(asked, "{operation} {} {}", STANDARD.encode(document), STANDARD.encode(argument))
            .expect("it reads");
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it answers");
        match line.trim_end() {
            "error" => None,
            "" => panic!("libxml2 ended at {operation}"),
            answer => Some(STANDARD.decode(answer).expect("base64")),
        }
    }

    fn text(&mut self, operation: &str, document: &[u8], argument: &str) -> Option<String> {
        self.ask(operation, document, argument).map(|octets| String::from_utf8(octets).expect("UTF-8"))
    }

    /// The exclusive canonical form of the whole document.
    pub fn canonical(&mut self, document: &[u8], prefixes: &str) -> Option<String> {
        self.text("canonical", document, prefixes)
    }

    /// The exclusive canonical form of the element marked `mark="apex"`.
    pub fn canonical_of_marked(&mut self, document: &[u8], prefixes: &str) -> Option<String> {
        self.text("subtree", document, prefixes)
    }

    /// The values of the elements of this name.
    pub fn texts(&mut self, document: &[u8], name: &str) -> Option<Vec<String>> {
        self.list("texts", document, name)
    }

    /// The values of the attributes of this name.
    pub fn values(&mut self, document: &[u8], name: &str) -> Option<Vec<String>> {
        self.list("values", document, name)
    }

    fn list(&mut self, operation: &str, document: &[u8], name: &str) -> Option<Vec<String>> {
        let joined = self.text(operation, document, name)?;
        let mut values: Vec<String> = joined.split('\0').map(str::to_owned).collect();
        values.pop();
        Some(values)
    }
}

impl Drop for Libxml2 {
    fn drop(&mut self) {
        // Its standard input closes, and with it the loop ends.
        self.asked = None;
        self.child.wait().expect("it ends");
    }
}
