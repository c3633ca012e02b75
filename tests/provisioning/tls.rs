//! A service behind TLS of its own: by an authority that nobody else trusts, and for those alone whom it knows.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use support::{Authority, Received, Reply, WebServer};
use tessera::catalog::Catalog;
use tessera::catalog::load::parse;
use tessera::lab::scim::Quirks;
use tessera::provisioning::connection::{self, ConnectionPatch};
use tessera::provisioning::model::{Connection, ConnectionStatus};

use crate::world::World;

/// By a connector that asks for a certificate, which none of the catalog does.
fn asking() -> Arc<Catalog> {
    let text = "id: own\nname: Own\ndescription: Our own\ncategories: [other]\naccent: lapis\nversion: 1\n\
         sso:\n  sp_entity_id: https://own.example.com\n  acs_urls: [https://own.example.com/acs]\n\
         provisioning:\n  auth: bearer\n  groups: true\n  quirks: {certificate: true}\nsetup: {}\n";
    Arc::new(Catalog::from_connectors([parse("own.yaml", text.as_bytes()).unwrap()]))
}

/// Passes a request on to the service of the lab, which speaks no TLS.
fn passed_on(to: SocketAddr, received: &Received) -> Reply {
    let mut sent = format!("{}\r\nhost: {to}\r\nconnection: close\r\n", received.line);
    let ours = |name: &str| matches!(name, "host" | "connection" | "accept-encoding");
    for (name, value) in received.headers.iter().filter(|(name, _)| !ours(name)) {
        sent.extend([name, ": ", value, "\r\n"]);
    }
    let mut stream = TcpStream::connect(to).unwrap();
    stream.write_all(&[sent.as_bytes(), b"\r\n", &received.body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Reply::Bytes(answer)
}

/// The service of a world behind TLS; those alone are let in who show this certificate, where there is one.
fn behind_tls(world: &World, authority: &Authority, client: Option<&[u8]>) -> (WebServer, String) {
    let url = world.service.url.strip_prefix("http://").unwrap();
    let (address, path) = url.split_once('/').unwrap();
    let to = address.parse().unwrap();
    let say = move |received: &Received| passed_on(to, received);
    let front = match client {
        Some(client) => WebServer::https_demanding(authority, client, say),
        None => WebServer::https(authority, say),
    };
    let url = front.url(&format!("/{path}"));
    (front, url)
}

fn trusting(pem: &str) -> ConnectionPatch {
    ConnectionPatch { ca_certificate: Some(pem.to_owned()), ..ConnectionPatch::default() }
}

async fn stored(world: &World) -> Connection {
    connection::require(&mut world.db.reader(), world.id()).await.unwrap()
}

/// Activates, or answers the code of what was in the way.
async fn activate(world: &World) -> Result<(), String> {
    let connections = world.engine.connections();
    let told = connections.activate(&world.ctx(), world.id()).await;
    told.map(drop).map_err(|error| error.code.to_string())
}

#[tokio::test]
async fn sc_22_a_service_of_a_private_authority_is_provisioned_by_it_alone() {
    let mut world = World::open().await;
    let (own, stranger) = (Authority::default(), Authority::default());
    let (front, url) = behind_tls(&world, &own, None);
    world.address.0.clone_from(&url);
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.configure(ConnectionPatch::default()).await;
    assert_eq!(activate(&world).await.unwrap_err(), "outbound_untrusted");
    world.configure(trusting(stranger.pem())).await;
    assert_eq!(activate(&world).await.unwrap_err(), "outbound_untrusted");
    assert!(front.received().is_empty());
    world.configure(trusting(own.pem())).await;
    activate(&world).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(true));
    // The same once more, as a form sends it, changes nothing.
    let before = stored(&world).await;
    world.change(trusting(&own.pem().replace('\n', "\r\n"))).await;
    let after = stored(&world).await;
    assert_eq!((after.version, after.status), (before.version, ConnectionStatus::Active));
    let dry = world.engine.dry_run(&world.ctx(), world.id(), ConnectionPatch::default()).await.unwrap();
    assert_eq!((dry.held, dry.unchanged), (0, dry.looked_at), "a dry run reads by the same authority");
    let tokens = front.received().iter().filter(|r| r.header("authorization").is_some()).count();
    assert_eq!(tokens, front.received().len());
}

#[tokio::test]
async fn sc_22_the_token_goes_to_nobody_who_is_trusted_only_now() {
    let mut world = World::open().await;
    let (own, stranger) = (Authority::default(), Authority::default());
    let (_front, url) = behind_tls(&world, &own, None);
    world.address.0.clone_from(&url);
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    for (n, change) in [stranger.pem(), &[own.pem(), stranger.pem()].concat(), ""].into_iter().enumerate() {
        world.configure(trusting(own.pem())).await;
        activate(&world).await.unwrap();
        world.change(trusting(change)).await;
        let now = stored(&world).await;
        assert_eq!((now.status, now.auth, now.secret_for), (ConnectionStatus::Draft, None, None));
        let later = world.person(&format!("later{n}")).await;
        world.join(group, &[later]).await;
        assert!(world.turn().await.is_empty(), "nothing at all is sent");
        assert_eq!(activate(&world).await.unwrap_err(), "needs_token");
        let dry = world.engine.dry_run(&world.ctx(), world.id(), ConnectionPatch::default()).await;
        assert_eq!(dry.unwrap_err().code, "needs_token");
    }
}

#[tokio::test]
async fn sc_22_a_connector_that_asks_for_a_certificate_is_shown_one_at_every_request() {
    let mut world = World::by(Quirks::default(), asking(), "own").await;
    let own = Authority::default();
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.configure(ConnectionPatch::default()).await;
    let made = stored(&world).await.client.unwrap();
    assert!(openssl::pkey::PKey::private_key_from_der(&made.sealed_key).is_err(), "the key is sealed");
    let (front, url) = behind_tls(&world, &own, Some(&made.certificate));
    world.address.0.clone_from(&url);
    world.configure(trusting(own.pem())).await;
    assert_eq!(stored(&world).await.client, Some(made.clone()), "it is made once");
    activate(&world).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(true));
    assert!(front.received().iter().all(|received| received.client.as_ref() == Some(&made.certificate)));
    let count = world.events().await.iter().filter(|name| *name == "idm_certificate_create").count();
    assert_eq!(count, 1);
    // Made anew, it is unknown there; nothing is taken until it is put there.
    let before = front.received().len();
    world.engine.connections().make_certificate(&world.ctx(), world.id()).await.unwrap();
    let renewed = stored(&world).await.client.unwrap();
    assert_ne!(renewed.certificate, made.certificate);
    world.leave(group, &[ada]).await;
    assert!(world.turn().await.is_empty());
    assert_eq!((front.received().len(), world.is_active("ada")), (before, Some(true)));
    let count = world.events().await.iter().filter(|name| *name == "idm_certificate_create").count();
    assert_eq!(count, 2);
    let (front, url) = behind_tls(&world, &own, Some(&renewed.certificate));
    world.address.0.clone_from(&url);
    world.configure(ConnectionPatch::default()).await;
    activate(&world).await.unwrap();
    assert!(!front.received().is_empty());
}

#[tokio::test]
async fn sc_22_a_connector_that_asks_for_no_certificate_gets_none() {
    let world = World::open().await;
    let connections = world.engine.connections();
    let refused = connections.make_certificate(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "provisioning_not_configured");
    world.configure(ConnectionPatch::default()).await;
    assert_eq!(stored(&world).await.client, None);
    let refused = connections.make_certificate(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "certificate_not_asked_for");
    assert!(!world.events().await.iter().any(|name| name == "idm_certificate_create"));
}
