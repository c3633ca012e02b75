//! Many people into a service that takes 20 ms for each answer: how many requests, how fast, in how much memory. The
//! short run holds the number of requests; `make soak` has 10,000 people and holds pace and memory too.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use support::rounds;
use tessera::catalog::Catalog;
use tessera::catalog::load::parse;
use tessera::lab::scim::Quirks;
use tessera::scim::schema::USER_URN;

use crate::world::{Service, TOKEN, World};

const LATENCY: Duration = Duration::from_millis(20);
const AT_ONCE: usize = 10;
/// Members of one request.
const PORTION: usize = 100;

fn catalog() -> Arc<Catalog> {
    let text = format!(
        "id: own\nname: Own\ndescription: Our own\ncategories: [other]\naccent: lapis\nversion: 1\n\
         sso:\n  sp_entity_id: https://own.example.com\n  acs_urls: [https://own.example.com/acs]\n\
         provisioning:\n  auth: bearer\n  groups: true\n  quirks: {{concurrency: {AT_ONCE}}}\nsetup: {{}}\n"
    );
    Arc::new(Catalog::from_connectors([parse("own.yaml", text.as_bytes()).unwrap()]))
}

/// A user as large as those that are provisioned.
fn as_large(n: usize) -> Value {
    let name = format!("p{n:05}");
    json!({
        "schemas": [USER_URN], "externalId": format!("01900000-0000-7000-8000-0000000{name}"), "userName": name, "active": true,
        "displayName": format!("Livia {name}"), "name": { "givenName": "Livia", "familyName": name },
        "emails": [{ "type": "work", "value": format!("{name}@example.com"), "primary": true }],
    })
}

/// What a client does in a second that knows nothing but to make accounts, how much memory it and the service take for it,
/// and the service, which keeps what it has.
async fn bare(count: usize, world: &World) -> (f64, usize, Service) {
    let before = resident();
    let service = Service::start(Quirks::default(), &world.clock).await;
    service.lab.set_latency(LATENCY);
    let client = reqwest::Client::new();
    let begin = Instant::now();
    stream::iter(0..count)
        .for_each_concurrent(AT_ONCE, |n| {
            let asking = client
                .post(format!("{}/Users", service.url))
                .bearer_auth(TOKEN)
                .header("content-type", "application/scim+json")
                .body(as_large(n).to_string());
            async move { assert_eq!(asking.send().await.unwrap().status(), 201) }
        })
        .await;
    let pace = f64::from(u32::try_from(count).unwrap()) / begin.elapsed().as_secs_f64();
    (pace, resident().saturating_sub(before), service)
}

/// Memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_people_take_hardly_more_requests_than_there_are() {
    let (people, groups) = (rounds(300, 10_000), rounds(6, 200));
    let world = World::by(Quirks::default(), catalog(), "own").await;
    let mut all = Vec::with_capacity(people);
    for n in 0..people {
        all.push(world.person(&format!("p{n:05}")).await);
    }
    let each = people / groups;
    for (n, members) in all.chunks(each).enumerate() {
        let group = world.group(&format!("G{n:03}")).await;
        world.join(group, members).await;
        world.bind(group).await;
    }
    let made = all.chunks(each).count();
    let (pace, taken, _other) = bare(people, &world).await;
    world.connect(true).await;
    world.service.lab.set_latency(LATENCY);
    world.service.lab.clear_requests();
    let (before, begin) = (resident(), Instant::now());
    world.engine.turn().await.unwrap();
    let took = begin.elapsed();
    // The service, which keeps them all, is in this process too.
    let grown = resident().saturating_sub(before).saturating_sub(taken);
    assert_eq!((world.service.lab.users().len(), world.service.lab.groups().len()), (people, made));
    let sent: u64 = world.service.lab.counts().values().sum();
    let portions: usize = all.chunks(each).map(|members| members.len().div_ceil(PORTION) - 1).sum();
    let least = people + made + portions;
    let ratio = f64::from(u32::try_from(sent).unwrap()) / f64::from(u32::try_from(least).unwrap());
    assert!(ratio <= 1.05, "{sent} requests where {least} are the least");
    // One change in a synchronised set costs what it is, however many there are.
    let whole = world.group("All of them").await;
    world.bind(whole).await;
    for some in all.chunks(500) {
        world.join(whole, some).await;
    }
    world.turn().await;
    assert_eq!(world.members("All of them").len(), people);
    world.leave(whole, &all[..1]).await;
    assert!(world.turn().await.len() <= 3, "one who leaves is one change");
    world.join(whole, &all[..1]).await;
    assert!(world.turn().await.len() <= 3, "one who joins is one change");
    assert_eq!(world.members("All of them").len(), people);
    if rounds(0, 1) == 1 {
        let ours = f64::from(u32::try_from(least).unwrap()) / took.as_secs_f64();
        let share = ours / pace;
        let told = format!(
            "{sent} requests, least {least} ({ratio:.3}); pace {share:.2} of a bare client's; {grown} KiB"
        );
        writeln!(std::io::stderr(), "{told}").unwrap();
        assert!(share >= 0.8, "{share:.2} of what a bare client does");
        assert!(grown < 50 * 1024, "{grown} KiB");
    }
}
