//! `tessera apply`, `tessera export` and `tessera key list` as an operator meets them, beside a running server.

use std::fs;

use support::Tessera;

use crate::round_trip::EVERYTHING;

fn server() -> Tessera {
    Tessera::setup(env!("CARGO_BIN_EXE_tessera")).start()
}

#[test]
fn apply_and_export_beside_a_running_server() {
    let here = server();
    let file = here.folder().join("all.yaml");
    fs::write(&file, EVERYTHING).unwrap();
    let path = file.to_str().unwrap();
    let planned = here.ok(&["apply", path, "--dry-run"], "");
    assert!(planned.contains("create application heap (from heap, active)\n"), "{planned}");
    assert!(
        planned
            .ends_with("Dry run: 7 to create, 1 to update, 0 to delete, 0 unchanged. Nothing was written.")
    );
    assert!(here.ok(&["export"], "").ends_with("applications: []"));
    let applied = here.ok(&["apply", path], "");
    assert!(applied.ends_with("Applied: 7 created, 1 updated, 0 deleted, 0 unchanged."), "{applied}");
    let text = here.ok(&["export"], "");
    let again = here.ok(&["apply", "-"], &text);
    assert!(again.ends_with("Nothing to change: the installation is as the files say."), "{again}");
    assert_eq!(here.ok(&["export"], ""), text);
    let other = server();
    other.ok(&["apply", "-"], &text);
    assert_eq!(other.ok(&["export"], ""), text);
    // The running server knows at once.
    let mut browser = support::Browser::new();
    assert_eq!(browser.get(&here.url("/saml2/heap/metadata")).status, 200);
}

#[test]
fn exit_codes_and_refusals() {
    let here = server();
    assert_eq!(here.run(&["apply"], "").status.code(), Some(2));
    let told = |arguments: &[&str], input: &str| {
        let output = here.run(arguments, input);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = told(&["apply", "absent.yaml"], "");
    assert_eq!(code, Some(1));
    assert!(text.contains("absent.yaml can't be read"), "{text}");
    let (code, text) = told(&["apply", "-", "--dry-run"], "tessera: 1\ngroups:\n- nme: x\n");
    assert_eq!(code, Some(1));
    assert!(text.starts_with("-:3:3: There is no key nme here."), "{text}");
    assert!(text.ends_with("[unknown_field]\nNothing was applied: 1 fault.\n"), "{text}");
    here.ok(
        &["apply", "-"],
        "tessera: 1\napplications: [{slug: b, connector: bookmark, bookmark_url: https://b.example}]\n",
    );
    let none = "tessera: 1\napplications: []\n";
    let (code, text) = told(&["apply", "-", "--prune"], none);
    assert_eq!(code, Some(1));
    assert!(text.contains("b would be deleted") && text.contains("--yes"), "{text}");
    assert!(here.ok(&["export"], "").contains("slug: b"));
    assert!(here.ok(&["apply", "-", "--prune", "--dry-run"], none).starts_with("delete application b"));
    here.ok(&["apply", "-", "--prune", "--yes"], none);
    assert!(!here.ok(&["export"], "").contains("slug: b"));
}

#[test]
fn addresses_of_identity_management_may_be_where_the_server_may_go() {
    let here = server();
    let file = "tessera: 1\napplications: [{slug: in, connector: custom-saml, provisioning: {base_url: \
                'http://10.1.2.3/scim'}}]\n";
    let output = here.run(&["apply", "-"], file);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("[outbound_address_refused]"));
    here.ok(&["apply", "-", "--outbound-allow", "10.1.0.0/16"], file);
    assert!(here.ok(&["export"], "").contains("base_url: http://10.1.2.3/scim"));
}

#[test]
fn keys_are_listed_by_slug_or_id() {
    let here = server();
    here.ok(
        &["apply", "-"],
        "tessera: 1\napplications: [{slug: heap, connector: heap}, {slug: own, connector: custom-saml}, \
         {slug: b, connector: bookmark, bookmark_url: https://b.example}]\n",
    );
    let all = here.ok(&["key", "list"], "");
    let rows: Vec<Vec<&str>> = all.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(all.starts_with("application  key "), "{all}");
    assert_eq!(rows.len(), 3, "{all}");
    for (row, slug) in rows[1..].iter().zip(["own", "heap"]) {
        assert_eq!((row[0], row[2], row[3]), (slug, "current", "rsa-2048"), "{all}");
        assert_eq!((row[4], row[6].split(':').count()), ("yes", 32), "{all}");
    }
    let one = here.ok(&["key", "list", "heap"], "");
    assert_eq!(one.lines().count(), 2);
    assert_eq!(one.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(), rows[2]);
    for absent in ["nothing", "0190a5c0-0000-7000-8000-000000000000", "b"] {
        let output = here.run(&["key", "list", absent], "");
        assert_eq!(output.status.code(), Some(1), "{absent}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn another_key_is_made_switched_to_and_gone_back_from() {
    let here = server();
    here.ok(&["apply", "-"], "tessera: 1\napplications: [{slug: heap, connector: heap}]\n");
    let first_too_soon = here.run(&["key", "rotate", "heap", "--switch"], "");
    assert_eq!(first_too_soon.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&first_too_soon.stderr).contains("tessera key rotate heap"));
    let made = here.ok(&["key", "rotate", "heap", "--key-type", "ecdsa-p256"], "");
    assert!(made.contains("BEGIN CERTIFICATE") && made.contains("--switch"), "{made}");
    let states = || {
        let all = here.ok(&["key", "list", "heap"], "");
        let of = |line: &str| line.split_whitespace().skip(2).take(2).collect::<Vec<_>>().join(" ");
        all.lines().skip(1).map(of).collect::<Vec<String>>()
    };
    assert_eq!(states(), ["current rsa-2048", "next ecdsa-p256"]);
    here.ok(&["key", "rotate", "heap", "--switch"], "");
    assert_eq!(states(), ["current ecdsa-p256", "retired rsa-2048"]);
    here.ok(&["key", "rotate", "heap", "--back"], "");
    assert_eq!(states(), ["current rsa-2048", "next ecdsa-p256"]);
    let none = here.run(&["key", "rotate", "heap", "--back"], "");
    assert!(String::from_utf8_lossy(&none.stderr).contains("no key to go back to"));
    let wrong = here.run(&["key", "rotate", "heap", "--key-type", "dsa"], "");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("ecdsa-p384"));
    let missing = here.run(&["key", "import", "heap", "--private-key", "none", "--certificate", "none"], "");
    assert_eq!(missing.status.code(), Some(1));
}
