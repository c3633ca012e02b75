//! scim2-tester, the standard's own tester, against a server that is really served.

use std::process::Command;

use serde_json::json;
use support::{Api, Tessera};

#[test]
fn scim2_tester_finds_nothing_wrong() {
    let root = support::repository();
    let python = root.join(".cache/scim-venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/peers.sh", python.display());
    let tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).start();
    let token = tessera.ok(&["token", "create", "--name", "personnel", "--role", "scim"], "");
    let owner = tessera.ok(&["token", "create", "--name", "test", "--role", "owner"], "");
    // It calls hundreds of times in a second.
    let often = json!({ "api_calls_per_token_minute": 100_000 });
    Api::new(&tessera.base(), &owner).patch("/settings", &often).expect(200);
    let mut command = Command::new(python);
    command.arg(root.join("tests/scim/tester.py")).args([&tessera.url("/scim/v2"), &token]);
    let told = command.output().unwrap();
    let printed = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{printed}\n{}", String::from_utf8_lossy(&told.stderr));
    assert!(printed.contains(", 0 not passed"), "{printed}");
}
