//! The lab as `tessera lab scim` serves it, driven over HTTP.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use support::Tethered;

use crate::house::{GROUP, USER};

struct Lab {
    process: Tethered,
    base: String,
    token: String,
    http: Client,
}

impl Lab {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        command.args(["lab", "scim"]).args(arguments).stdout(Stdio::piped());
        let mut process = Tethered::spawn(&mut command);
        let mut lines = BufReader::new(process.child().stdout.take().unwrap()).lines();
        let mut told =
            |label: &str| lines.next().unwrap().unwrap().strip_prefix(label).unwrap().trim().to_owned();
        let (base, token) = (told("Base URL:"), told("Token:"));
        Self { process, base, token, http: Client::new() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let origin = self.base.strip_suffix("/scim/v2").unwrap();
        let mut request = self.http.request(method, format!("{origin}{path}")).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn the_binary_is_driven_over_http() {
    let mut lab =
        Lab::start(&["--quirks", "keeper", "--quirk", "page_max=2", "--token", "t0", "--seed", "7"]);
    assert_eq!(lab.token, "t0");
    let (status, quirks) = lab.send(Method::GET, "/lab/quirks", None).await;
    assert_eq!((status, &quirks["page_max"], &quirks["pending_members"]), (200, &json!(2), &json!(true)));
    let user = |name: &str| json!({ "schemas": [USER], "userName": name, "emails": [{ "value": name }] });
    let seeds = json!({ "users": [user("a@b.test"), user("c@d.test"), user("e@f.test")] });
    let (status, seeded) = lab.send(Method::POST, "/lab/state", Some(seeds)).await;
    assert_eq!(status, 200, "{seeded}");
    let (_, page) = lab.send(Method::GET, "/scim/v2/Users", None).await;
    assert_eq!(page["Resources"].as_array().unwrap().len(), 2);
    let members = json!([{ "value": seeded["users"][0] }]);
    let group = json!({ "schemas": [GROUP], "displayName": "g", "members": members });
    let (status, _) = lab.send(Method::POST, "/scim/v2/Groups", Some(group)).await;
    assert_eq!(status, 201);
    assert_eq!(lab.send(Method::POST, "/lab/approve", Some(json!({}))).await.1, json!({ "approved": 1 }));
    let rule =
        json!({ "fault": { "kind": "status", "status": 503, "retry_after": { "seconds": 2 } }, "times": 1 });
    assert_eq!(lab.send(Method::POST, "/lab/faults", Some(rule)).await.1, json!({ "number": 1 }));
    assert_eq!(lab.send(Method::GET, "/scim/v2/Users", None).await.0, 503);
    assert_eq!(lab.send(Method::GET, "/lab/faults", None).await.1[0]["struck"], json!(1));
    let (_, requests) = lab.send(Method::GET, "/lab/requests", None).await;
    assert_eq!((requests.as_array().unwrap().len(), &requests[1]["body"]["displayName"]), (3, &json!("g")));
    assert_eq!(lab.send(Method::GET, "/lab/counts", None).await.1["GET /Users"], json!(2));
    let id = seeded["users"][1].as_str().unwrap();
    let patch = json!({ "Operations": [{ "op": "replace", "path": "title", "value": "out of band" }] });
    assert_eq!(lab.send(Method::POST, &format!("/lab/state/{id}"), Some(patch)).await.0, 204);
    assert_eq!(
        lab.send(Method::DELETE, &format!("/lab/state/{}", seeded["users"][0].as_str().unwrap()), None)
            .await
            .0,
        204
    );
    let (_, state) = lab.send(Method::GET, "/lab/state", None).await;
    assert_eq!(
        (&state["users"][0]["title"], state["groups"][0].get("members")),
        (&json!("out of band"), None)
    );
    assert_eq!(state["deleted"].as_array().unwrap().len(), 1);
    assert_eq!(lab.send(Method::PUT, "/lab/quirks/aws", None).await.0, 204);
    assert_eq!(lab.send(Method::PUT, "/lab/quirks/nobody", None).await.0, 404);
    assert_eq!(lab.send(Method::PUT, "/lab/quirks", Some(json!({ "odd": 1 }))).await.0, 400);
    assert_eq!(lab.send(Method::PUT, "/lab/latency", Some(json!({ "millis": 1 }))).await.0, 204);
    assert_eq!(lab.send(Method::DELETE, "/lab/state", None).await.0, 204);
    assert_eq!(lab.send(Method::PUT, "/lab/token", Some(json!({ "token": "t1" }))).await.0, 204);
    assert_eq!(lab.send(Method::GET, "/scim/v2/Users", None).await.0, 401);
    "t1".clone_into(&mut lab.token);
    assert_eq!(lab.send(Method::GET, "/scim/v2/Users", None).await.0, 200);
    assert_eq!(
        lab.send(Method::GET, "/lab/quirks", None).await.0,
        401,
        "the lab itself keeps its first token"
    );
    lab.process.signal("TERM");
    assert!(lab.process.wait(Duration::from_secs(10)).success());
}

#[test]
fn scim2_tester_finds_nothing_wrong() {
    let root = support::repository();
    let python = root.join(".cache/scim-venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/peers.sh", python.display());
    let lab = Lab::start(&["--token", "t0"]);
    let mut command = Command::new(python);
    let told = command.arg(root.join("tests/scim/tester.py")).args([&lab.base, &lab.token]).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
}

#[test]
fn what_the_lab_would_ignore_is_refused() {
    for arguments in [
        &["--data-dir", "x", "lab", "scim"][..],
        &["lab", "scim", "--quirks", "nobody"],
        &["lab", "scim", "--listen", "nowhere"],
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_tessera")).args(arguments).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
    }
    let ended = Command::new(env!("CARGO_BIN_EXE_tessera"))
        .args(["lab", "scim", "--quirk", "odd=1"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("unknown field `odd`"));
}
