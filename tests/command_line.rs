//! The command line on the real binary and on real folders: what each command may make, what it prints, who may read
//! the files.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use support::{PrivatePostgres, Tessera};
use tempfile::TempDir;
use tessera::applications::create::{Surroundings, create};
use tessera::base::paging::PageRequest;
use tessera::base::{Actor, Ctx};
use tessera::config::open::{self, Opening};
use tessera::config::{Config, DataArgs, ServeArgs};
use tessera::events::query::{self, EventFilter};
use tessera::events::{EventName, chain};

const CREATE: [&str; 6] = ["user", "create", "--username", "ada", "--email", "ada@example.com"];

/// Runs the binary in a folder, with nothing of this process's own settings.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).stdin(Stdio::null()).output().expect("the binary runs")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TESSERA_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).args(arguments);
    command
}

/// With these lines on its standard input.
fn piped(folder: &Path, arguments: &[&str], lines: &str) -> Output {
    let mut command = command(folder, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that reads nothing may be gone before.
    stdin.write_all(lines.as_bytes()).ok();
    drop(stdin);
    child.wait_with_output().expect("the binary ends")
}

/// The one line of a command that failed.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(told.lines().count(), 1, "one clear line: {told}");
    told
}

#[test]
fn a_18_a_slip_in_the_data_folder_leaves_no_installation_behind() {
    let folder = TempDir::new().unwrap();
    for command in [
        vec!["user", "list"],
        vec!["user", "show", "ada"],
        vec!["token", "list"],
        vec!["setup-link"],
        vec!["events", "verify"],
    ] {
        let told = complaint(&run(folder.path(), &[&["--data-dir", "slip"], command.as_slice()].concat()));
        assert!(told.contains("There is no Tessera at slip/tessera.db"), "{told}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{command:?}");
    }
    // Who makes something may be first.
    assert!(run(folder.path(), &CREATE).status.success());
    assert!(run(folder.path(), &["user", "list"]).status.success());
}

#[test]
fn a_18_a_missing_master_key_is_never_made_again() {
    let (folder, cluster) = (TempDir::new().unwrap(), PrivatePostgres::start());
    let (url, unused) = (cluster.create_database(), cluster.create_database());
    let key = folder.path().join("data/master.key");
    for database in [vec![], vec!["--database-url", url.as_str()]] {
        let with = |command: &[&'static str]| run(folder.path(), &[database.as_slice(), command].concat());
        assert!(with(&CREATE).status.success());
        fs::remove_file(&key).unwrap();
        for command in [&["user", "list"][..], &["token", "create", "--name", "t"], &["serve"]] {
            let output = with(command);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("master key, and data/master.key is not there"), "{command:?}: {told}");
            assert!(!key.exists(), "{command:?} made a key");
        }
    }
    let told = complaint(&run(folder.path(), &["--database-url", &unused, "user", "list"]));
    assert!(told.contains("There is no Tessera in this database") && !told.contains("postgres:"), "{told}");
    assert!(!key.exists());
}

#[test]
fn a_18_the_files_are_private_in_a_folder_that_is_not() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    DirBuilder::new().mode(0o755).create(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let at = data.to_str().unwrap();
    let mut tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).env("TESSERA_DATA_DIR", at).start();
    tessera.ok(&CREATE, "");
    let mut names = Vec::new();
    for file in fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{name} is open to others");
        names.push(name);
    }
    for name in ["tessera.db", "tessera.db-wal", "tessera.db-shm", "master.key"] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
    }
    assert!(tessera.stop());
}

#[test]
fn the_demo_refuses_what_it_would_ignore() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        ["demo", "--data-dir", "x"],
        ["--data-dir", "x", "demo"],
        ["demo", "--database-url", "sqlite://x.db"],
        ["demo", "--master-key-file", "x"],
        ["demo", "--password-blocklist", "x"],
    ] {
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A configuration on this folder, as `serve` with a port of this number and perhaps a base URL makes it.
fn config(folder: &TempDir, port: u16, base_url: Option<&str>, change: bool) -> Config {
    let data = DataArgs {
        data_dir: Some(folder.path().to_owned()),
        base_url: base_url.map(str::to_owned),
        ..DataArgs::default()
    };
    let serve = ServeArgs {
        listen: Some(([127, 0, 0, 1], port).into()),
        change_base_url: change,
        ..ServeArgs::default()
    };
    Config::resolve(&data, &serve).unwrap()
}

/// The base URL that an opening comes to, or the code of its refusal.
async fn base_url(config: &Config, opening: Opening) -> Result<String, &'static str> {
    let installation = open::installation(config, opening).await.map_err(|error| error.code)?;
    let url = installation.base_url.as_str().to_owned();
    installation.db.close().await;
    Ok(url)
}

#[tokio::test]
async fn decision_20_a_derived_base_url_follows_the_port_until_an_application_knows_it() {
    let folder = TempDir::new().unwrap();
    let on = |port| config(&folder, port, None, false);
    // A command before the first start nails nothing.
    assert_eq!(base_url(&on(8080), Opening::Making).await.as_deref(), Ok("http://localhost:8080"));
    assert_eq!(base_url(&on(9090), Opening::Server).await.as_deref(), Ok("http://localhost:9090"));
    assert_eq!(base_url(&on(8080), Opening::Existing).await.as_deref(), Ok("http://localhost:9090"));
    assert_eq!(base_url(&on(9191), Opening::Server).await.as_deref(), Ok("http://localhost:9191"));

    let installation = open::installation(&on(9191), Opening::Server).await.unwrap();
    let (clock, random) = (installation.clock.clone(), installation.random.clone());
    let ctx = Ctx::background(Actor::CommandLine, clock, random);
    let page = PageRequest::first();
    let filter = EventFilter { name: Some(EventName::BaseUrlChange), ..EventFilter::default() };
    let events = query::list(&mut installation.db.reader(), &filter, &page).await.unwrap().items;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["from"], "http://localhost:9090");
    assert_eq!(events[0].details["to"], "http://localhost:9191");
    let new = serde_json::from_value(
        json!({ "connector": "bookmark", "bookmark_url": "https://wiki.example.com/" }),
    )
    .unwrap();
    let around = Surroundings {
        catalog: &installation.catalog,
        vault: &installation.vault,
        base_url: &installation.base_url,
    };
    create(&installation.db, &ctx, around, new, None).await.unwrap();
    chain::seal(&installation.db, &installation.vault, ctx.now()).await.unwrap();
    assert_eq!(chain::verify(&installation.db, &installation.vault).await.unwrap().broken, None);
    installation.db.close().await;

    assert_eq!(base_url(&on(9292), Opening::Server).await, Err("base_url_differs"));
    let change = config(&folder, 9292, None, true);
    assert_eq!(base_url(&change, Opening::Server).await.as_deref(), Ok("http://localhost:9292"));
}

#[tokio::test]
async fn decision_20_a_base_url_that_was_given_wins_over_the_port_and_is_not_changed_unasked() {
    let folder = TempDir::new().unwrap();
    let given = |url| config(&folder, 8080, Some(url), false);
    let (one, other) = ("https://id.example.com", "https://sso.example.com");
    assert_eq!(base_url(&given(one), Opening::Server).await.as_deref(), Ok(one));
    assert_eq!(base_url(&config(&folder, 9090, None, false), Opening::Server).await.as_deref(), Ok(one));
    assert_eq!(base_url(&given(other), Opening::Server).await, Err("base_url_differs"));
    let change = config(&folder, 8080, Some(other), true);
    assert_eq!(base_url(&change, Opening::Server).await.as_deref(), Ok(other));
}

#[tokio::test]
async fn a_47_a_database_in_use_does_not_begin_its_chain_anew() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder, 8080, None, false);
    base_url(&config, Opening::Server).await.unwrap();
    let db = tessera::db::Db::connect(&config.database_url).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.run(tessera::db::sql("DELETE FROM settings WHERE name = 'sealing_key'")).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    assert_eq!(base_url(&config, Opening::Server).await, Err("master_key_mark_missing"));
}

#[test]
fn av_09_the_data_goes_under_another_master_key_while_the_server_runs() {
    let mut tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).start();
    tessera.ok(&CREATE, "");
    let new = tessera.folder().join("new.key");
    let told = tessera.ok(&["key", "rewrap", "--new-master-key-file", new.to_str().unwrap()], "");
    assert!(told.contains("--master-key-file"), "{told}");
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    // The server that runs is not disturbed; whoever comes with the old key is refused.
    let healthy = support::Browser::new().get(&tessera.url("/readyz"));
    assert_eq!(healthy.status, 200);
    let refused = tessera.run(&["user", "list"], "");
    let told = complaint(&refused);
    assert!(told.contains("This master key is not the one that the database is under"), "{told}");
    let with_new = |command: &[&str]| {
        let arguments = [&["--master-key-file", new.to_str().unwrap()], command].concat();
        tessera.run(&arguments, "")
    };
    assert!(with_new(&["user", "list"]).status.success());
    assert!(with_new(&["events", "verify"]).status.success(), "the chain holds under the same sealing key");
    let again = with_new(&["key", "rewrap", "--new-master-key-file", new.to_str().unwrap()]);
    assert!(complaint(&again).contains("under this master key already"));
    assert!(tessera.stop());
}

#[test]
fn doctor_tells_what_is_odd_and_fails_where_it_is_more_than_a_note() {
    let tessera = Tessera::setup(env!("CARGO_BIN_EXE_tessera")).start();
    tessera.ok(&["user", "create", "--username", "ada", "--email", "ada@example.com", "--role", "owner"], "");
    let token = tessera.ok(&["token", "create", "--name", "t", "--role", "owner"], "");
    let mut api = support::Api::new(&tessera.base(), &token);
    let new = json!({ "connector": "custom-saml", "label": "App", "slug": "app" });
    let id = api.post("/applications", &new).expect(201)["id"].as_str().unwrap().to_owned();
    let sick = tessera.run(&["doctor", "app"], "");
    assert_eq!(sick.status.code(), Some(1));
    let told = String::from_utf8_lossy(&sick.stdout).into_owned();
    assert!(
        told.contains("app: fault: no_audience (sp_entity_id): ") && told.contains("nobody_bound"),
        "{told}"
    );
    let settled = json!({
        "sp_entity_id": "https://sp.example", "acs_urls": ["https://sp.example/acs"], "relay_states": [],
        "name_id": { "format": "persistent" }
    });
    api.patch(&format!("/applications/{id}/sso"), &settled).expect(200);
    let group = api.post("/groups", &json!({ "name": "G", "description": "" })).expect(201)["id"].clone();
    let bound =
        api.put(&format!("/applications/{id}/groups/{}", group.as_str().unwrap()), &serde_json::Value::Null);
    assert!(bound.status < 300);
    let well = tessera.run(&["doctor", &id], "");
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stdout));
    assert!(String::from_utf8_lossy(&well.stdout).contains("note: not_active"));
    let nobody = tessera.run(&["doctor", "nothing"], "");
    assert!(complaint(&nobody).contains("There is no application \"nothing\""));
}

/// One application of each other identity provider, as its export has it.
const EXPORTS: [(&str, &str); 4] = [
    (
        "jumpcloud",
        r#"{"totalCount": 1, "results": [{"_id": "1", "name": "heap", "displayLabel": "Heap", "active": true, "config": {
            "acsUrl": {"value": "https://heapanalytics.com/saml/finalize/42/"}, "spEntityId": {"value": "https://heapanalytics.com"},
            "idpEntityId": {"value": "JumpCloud"}, "idpPrivateKey": {"value": "-----BEGIN PRIVATE KEY-----"},
            "databaseAttributes": {"value": [{"name": "email", "value": "email"}]}}}]}"#,
    ),
    (
        "okta",
        r#"[{"label": "Wiki", "signOnMode": "SAML_2_0", "status": "ACTIVE", "settings": {"signOn": {
            "ssoAcsUrl": "https://wiki.example/acs", "audience": "https://wiki.example/", "recipient": "https://wiki.example/acs",
            "destination": "https://wiki.example/acs", "subjectNameIdTemplate": "${user.email}",
            "subjectNameIdFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "responseSigned": true,
            "assertionSigned": true, "signatureAlgorithm": "RSA_SHA256", "digestAlgorithm": "SHA256",
            "inlineHooks": [{"id": "h"}],
            "attributeStatements": [{"type": "EXPRESSION", "name": "mail", "values": ["user.email"]}]}}}]"#,
    ),
    (
        "keycloak",
        r#"{"realm": "acme", "clients": [{"clientId": "urn:acme:tickets", "name": "Tickets", "enabled": true, "protocol": "saml",
            "attributes": {"saml_assertion_consumer_url_post": "https://tickets.example/acs", "saml.assertion.signature": "true",
            "saml.server.signature": "true", "saml_name_id_format": "email"}, "protocolMappers": [
            {"name": "mail", "protocol": "saml", "protocolMapper": "saml-user-property-mapper",
            "config": {"user.attribute": "email", "attribute.name": "mail", "attribute.nameformat": "Basic"}}]}]}"#,
    ),
    (
        "authentik",
        "version: 1\nentries:\n- model: authentik_providers_saml.samlprovider\n  id: chat\n  identifiers: {name: Chat}\n  attrs:\n    \
         name: Chat\n    acs_url: https://chat.example/acs\n    audience: urn:acme:chat\n    sign_assertion: true\n    \
         sign_response: true\n- model: authentik_core.application\n  identifiers: {slug: chat}\n  attrs:\n    name: Chat\n    \
         slug: chat\n    provider: !KeyOf chat\n",
    ),
];

#[test]
fn a_connector_is_written_checked_found_and_shown() {
    let folder = TempDir::new().unwrap();
    let text = |output: Output| {
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let known = [
        "catalog",
        "new",
        "acme",
        "--name",
        "Acme",
        "--dir",
        "own",
        "--category",
        "finance",
        "--acs-url",
        "https://globex.acme.example/saml",
        "--own-part",
        "globex",
    ];
    assert_eq!(text(run(folder.path(), &known)), "own/a/acme.yaml\n");
    assert!(complaint(&run(folder.path(), &known)).contains("is there already"));
    // Editors find the schema where the first line says.
    let schema = fs::read_to_string(folder.path().join("own/connector.schema.json")).unwrap();
    assert_eq!(text(run(folder.path(), &["catalog", "schema"])), schema);
    let first = fs::read_to_string(folder.path().join("own/a/acme.yaml")).unwrap();
    assert!(first.starts_with("# yaml-language-server: $schema=../connector.schema.json\n"), "{first}");
    assert_eq!(text(run(folder.path(), &["catalog", "lint", "own"])), "1 connector, no faults\n");
    let own =
        |arguments: &[&str]| run(folder.path(), &[&["--catalog", "own", "catalog"], arguments].concat());
    assert!(text(own(&["search", "akme"])).starts_with("acme "));
    assert!(text(own(&["show", "acme"])).contains("https://YOUR_SUBDOMAIN.acme.example/saml"));
    assert!(text(own(&["list"])).lines().count() > 800);

    // Answers are read where nothing else is known; a script's input is its own.
    text(piped(folder.path(), &["catalog", "new", "beta", "--dir", "own"], "Beta One\nThings\n"));
    let beta = text(own(&["show", "beta"]));
    assert!(beta.contains("name: Beta One") && beta.contains("description: Things"), "{beta}");
    let named = ["catalog", "new", "gamma", "--name", "Gamma", "--dir", "own"];
    text(piped(folder.path(), &named, "delta\n"));
    assert!(!text(own(&["show", "gamma"])).contains("delta"));
    let taken = ["catalog", "new", "delta", "--name", "Slack"];
    assert!(complaint(&run(folder.path(), &taken)).contains("slack.yaml"));

    for (wrong, told) in [
        (["catalog", "new", "globex", "--acs-url", "http://acme.example"], "Use https"),
        (["catalog", "new", "Not An Id", "--name", "x"], "small letters"),
        (["catalog", "new", "globex", "--category", "none"], "Choose one of"),
    ] {
        let complaint = complaint(&run(folder.path(), &wrong));
        assert!(complaint.contains(told), "{complaint}");
    }
    assert!(!folder.path().join("g").exists());
    let file = folder.path().join("own/a/acme.yaml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("accent: basalt", "accent: pink")).unwrap();
    let faulty = run(folder.path(), &["catalog", "lint", "own"]);
    assert_eq!(faulty.status.code(), Some(1));
    assert!(String::from_utf8(faulty.stdout).unwrap().contains("acme.yaml:8:9: "));
}

#[test]
fn what_others_export_is_turned_into_a_file_that_apply_takes() {
    let folder = TempDir::new().unwrap();
    assert!(run(folder.path(), &CREATE).status.success());
    for (format, export) in EXPORTS {
        fs::write(folder.path().join("export"), export).unwrap();
        let out = run(folder.path(), &["import", format, "export"]);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{format}: {told}");
        assert!(told.contains("1 application. Read what is said above"), "{format}: {told}");
        if format == "okta" {
            assert!(told.contains("Wiki: settings.signOn.inlineHooks"), "{told}");
        }
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(!text.contains("PRIVATE KEY"), "{format}");
        fs::write(folder.path().join(format!("{format}.yaml")), text).unwrap();
        let applied = run(folder.path(), &["apply", &format!("{format}.yaml")]);
        assert!(applied.status.success(), "{format}: {applied:?}");
    }
    let all = String::from_utf8(run(folder.path(), &["export"]).stdout).unwrap();
    for line in [
        "slug: heap",
        "connector: heap",
        "YOUR_ID: \"42\"",
        "sp_entity_id: https://wiki.example/",
        "sp_entity_id: urn:acme:tickets",
        "sp_entity_id: urn:acme:chat",
        "status: inactive",
    ] {
        assert!(all.contains(line), "{line}: {all}");
    }
    fs::write(folder.path().join("export"), "nonsense").unwrap();
    assert!(complaint(&run(folder.path(), &["import", "okta", "export"])).contains("is not JSON"));
    assert_eq!(run(folder.path(), &["import", "other", "export"]).status.code(), Some(2));
}
