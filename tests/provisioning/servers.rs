//! SCIM servers that others wrote: scimmy (Node) and scim2-server (Python), each a process of its own, reached through a
//! relay that writes down every request and its answer.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use support::{Tethered, repository};
use tessera::applications::binding;
use tessera::base::paging::PageRequest;
use tessera::base::urls::BaseUrl;
use tessera::directory::{GroupPatch, groups, people};
use tessera::provisioning::connection::ConnectionPatch;
use tessera::provisioning::import::{self, Chosen, RowStatus};
use tessera::provisioning::model::{OnUserDelete, State as Standing};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::world::World;

const TOKEN: &str = "of-the-server";
/// Where the relay takes requests.
const BASE: &str = "/scim/v2";

/// A request and the status of its answer.
#[derive(Clone, Debug)]
struct Exchange {
    method: String,
    path: String,
    body: Value,
    status: u16,
}

#[derive(Clone)]
struct Relay {
    to: String,
    client: reqwest::Client,
    log: Arc<Mutex<Vec<Exchange>>>,
}

async fn relay(State(relay): State<Relay>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 16 << 20).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().as_str().trim_start_matches(BASE).to_owned();
    let method = parts.method.clone();
    let mut asking = relay.client.request(method.clone(), format!("{}{path}", relay.to));
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length")
    {
        asking = asking.header(name, value);
    }
    let answer = asking.body(body.clone()).send().await.unwrap();
    let status = answer.status();
    let media = answer.headers().get("content-type").cloned();
    let told = answer.bytes().await.unwrap();
    relay.log.lock().unwrap().push(Exchange {
        method: method.to_string(),
        path,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        status: status.as_u16(),
    });
    let mut response = (StatusCode::from_u16(status.as_u16()).unwrap(), told).into_response();
    if let Some(media) = media {
        response.headers_mut().insert("content-type", media);
    }
    response
}

/// A server and the relay before it.
struct Server {
    _process: Tethered,
    relay: Relay,
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Copy, Debug)]
enum Software {
    Scimmy,
    Scim2Server,
}

impl Software {
    fn command(self, port: u16) -> Command {
        match self {
            Self::Scimmy => {
                let folder = repository().join("tests/scim/scimmy");
                assert!(folder.join("node_modules").exists(), "run scripts/peers.sh");
                let mut command = Command::new("node");
                command.arg(folder.join("server.js")).arg(port.to_string()).arg(TOKEN).stdin(Stdio::piped());
                command
            }
            Self::Scim2Server => {
                let program = repository().join(".cache/scim-venv/bin/scim2-server");
                assert!(program.exists(), "run scripts/peers.sh");
                let mut command = Command::new(program);
                command.args(["--bearer-token", TOKEN, "--port"]).arg(port.to_string());
                command
            }
        }
    }

    /// Where it serves.
    fn base(self) -> &'static str {
        match self {
            Self::Scimmy => "/scim/v2",
            Self::Scim2Server => "/v2",
        }
    }
}

async fn start(software: Software) -> Server {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut command = software.command(port);
    let process = Tethered::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let mut tries = 0;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tries += 1;
        assert!(tries < 2000, "{software:?} does not listen");
        tokio::task::spawn_blocking(|| std::thread::park_timeout(std::time::Duration::from_millis(10)))
            .await
            .unwrap();
    }
    let to = format!("http://127.0.0.1:{port}{}", software.base());
    let relay_state = Relay { to, client: reqwest::Client::new(), log: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{BASE}", listener.local_addr().unwrap());
    let router = Router::new().fallback(relay).with_state(relay_state.clone());
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { _process: process, relay: relay_state, url, task }
}

impl Server {
    fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.relay.log.lock().unwrap())
    }

    /// What it holds of a kind, by itself and not by us.
    async fn all(&self, kind: &str) -> Vec<Value> {
        let url = format!("{}/{kind}?count=200", self.relay.to);
        let answer = self.relay.client.get(url).bearer_auth(TOKEN).send().await.unwrap();
        let list: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        list["Resources"].as_array().cloned().unwrap_or_default()
    }

    async fn make(&self, kind: &str, body: Value) -> String {
        let url = format!("{}/{kind}", self.relay.to);
        let asking =
            self.relay.client.post(url).bearer_auth(TOKEN).header("content-type", "application/scim+json");
        let answer = asking.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let made: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    async fn active(&self) -> Vec<(String, bool)> {
        let mut out: Vec<(String, bool)> = self
            .all("Users")
            .await
            .iter()
            .map(|user| (user["userName"].as_str().unwrap().to_owned(), user["active"] == json!(true)))
            .collect();
        out.sort();
        out
    }

    async fn members(&self, name: &str) -> Vec<String> {
        let users = self.all("Users").await;
        let groups = self.all("Groups").await;
        let Some(group) = groups.iter().find(|group| group["displayName"] == json!(name)) else {
            return Vec::new();
        };
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> = members
            .iter()
            .filter_map(|member| users.iter().find(|user| user["id"] == member["value"]))
            .map(|user| user["userName"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

/// Methods of a turn, with the kind they are of.
fn shape(exchanges: &[Exchange]) -> Vec<String> {
    exchanges
        .iter()
        .map(|one| {
            let kind = one.path.split(['/', '?']).nth(1).unwrap_or_default();
            format!("{} {kind}", one.method)
        })
        .collect()
}

async fn goes_through_all(software: Software) {
    let server = start(software).await;
    let mut world = World::open().await;
    world.address = (server.url.clone(), TOKEN.to_owned());
    let staff = world.group("Staff").await;
    let (ada, bob, cid) = (world.person("ada").await, world.person("bob").await, world.person("cid").await);
    // Somebody and something is there already.
    server.make("Users", json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "cid", "active": true })).await;
    let stranger = server.make("Users", json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "stranger", "active": true })).await;
    let theirs = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales", "members": [{ "value": stranger }] });
    server.make("Groups", theirs).await;
    let sales = world.group("Sales").await;
    world.join(staff, &[ada, bob]).await;
    world.join(sales, &[cid]).await;
    world.bind(staff).await;
    world.bind(sales).await;
    let settings = ConnectionPatch {
        manage_groups: Some(true),
        on_user_delete: Some(OnUserDelete::Delete),
        ..ConnectionPatch::default()
    };
    world.configure(settings).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    let asked = server.take();
    assert!(asked.iter().all(|one| one.method == "GET"), "activation only reads: {asked:?}");
    let turn = async || {
        world.engine.turn().await.unwrap();
        let asked = server.take();
        for one in &asked {
            let lookup = one.method == "GET" && one.status == 404;
            assert!((200..300).contains(&one.status) || lookup, "{software:?} refused {one:?}");
            let writes = ["POST", "PUT", "PATCH"].contains(&one.method.as_str());
            assert!(one.body["schemas"].is_array() == writes, "RFC 7644 3.1: {one:?}");
        }
        asked
    };
    turn().await;
    let on = |name: &str, active| (name.to_owned(), active);
    assert_eq!(
        server.active().await,
        [on("ada", true), on("bob", true), on("cid", true), on("stranger", true)]
    );
    assert_eq!(
        (server.members("Staff").await, server.members("Sales").await),
        (vec!["ada".into(), "bob".into()], vec!["cid".to_owned(), "stranger".into()])
    );
    assert!(turn().await.is_empty(), "nothing is different");

    world
        .patch(ada, json!({ "username": "augusta", "last_name": "Augusta", "department": "Counting" }))
        .await;
    assert_eq!(shape(&turn().await), ["PATCH Users"]);
    let found = server.all("Users").await;
    let found = found.iter().find(|user| user["userName"] == json!("augusta")).expect("she is renamed");
    assert_eq!(found["name"]["familyName"], json!("Augusta"));
    let enterprise = &found["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert_eq!(enterprise["department"], json!("Counting"));

    world.join(sales, &[bob]).await;
    assert_eq!(shape(&turn().await), ["PATCH Groups"]);
    assert_eq!(server.members("Sales").await, ["bob", "cid", "stranger"]);
    world.leave(sales, &[cid]).await;
    turn().await;
    assert_eq!(server.members("Sales").await, ["bob", "stranger"], "whom we did not add is left");
    assert_eq!(server.active().await[2], on("cid", false));
    let patch = GroupPatch { name: Some("All staff".to_owned()), ..GroupPatch::default() };
    groups::update(&world.db, &world.ctx(), staff, None, patch).await.unwrap();
    turn().await;
    assert_eq!(server.members("All staff").await, ["augusta", "bob"]);

    // Unbound, the group stays; bob is still in another.
    world.unbind(staff).await;
    turn().await;
    assert_eq!(server.members("All staff").await, ["augusta", "bob"]);
    assert_eq!(server.active().await[..2], [on("augusta", false), on("bob", true)]);
    people::delete(&world.db, &world.ctx(), ada).await.unwrap();
    turn().await;
    assert_eq!(server.active().await, [on("bob", true), on("cid", false), on("stranger", true)]);
    binding::delete_group(&world.db, &world.ctx(), sales, None).await.unwrap();
    turn().await;
    assert_eq!(server.members("Sales").await, ["stranger"], "taken over, so it is only cleared of ours");
    assert_eq!(server.active().await, [on("bob", false), on("cid", false), on("stranger", true)]);
    assert!(turn().await.is_empty());
    imported(&world, &server).await;
    let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((drift.missing, drift.changed), (0, 0), "{drift:?}");
    assert_eq!(world.standing("bob").await.state, Standing::Synced);
}

/// Whoever is there and not here is brought in, and nothing is sent for it.
async fn imported(world: &World, server: &Server) {
    let emails = json!([{ "value": "newcomer@example.com", "type": "work", "primary": true }]);
    let newcomer = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "newcomer", "active": true, "emails": emails });
    let id = server.make("Users", newcomer).await;
    server.take();
    world.clock.advance(1000);
    world.engine.scan_people(&world.ctx(), world.id()).await.unwrap();
    let page = PageRequest::parse(Some(200), None).unwrap();
    let rows = import::list(&mut world.db.reader(), world.id(), None, &page).await.unwrap().items;
    let status = |name: &str| rows.iter().find(|row| row.user_name == name).map(|row| row.status);
    assert_eq!(
        (status("newcomer"), status("bob")),
        (Some(RowStatus::New), Some(RowStatus::Imported)),
        "{rows:?}"
    );
    let job = import::begin(&world.db, &world.ctx(), world.id(), Chosen::These(vec![id])).await.unwrap();
    let base = BaseUrl::parse("https://id.example.com", false).unwrap();
    import::turn(&world.db, &world.ctx(), &base).await.unwrap();
    let done = import::find(&mut world.db.reader(), world.id(), job.id).await.unwrap().unwrap();
    assert_eq!((done.imported, done.failed), (1, 0));
    let made = people::find_by_login_name(&mut world.db.reader(), "newcomer@example.com").await.unwrap();
    assert_eq!(made.expect("she is here").username, "newcomer");
    assert!(server.take().iter().all(|one| one.method == "GET" && one.status == 200), "it is only read");
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_holds_what_it_should() {
    goes_through_all(Software::Scimmy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_holds_what_it_should() {
    goes_through_all(Software::Scim2Server).await;
}
