//! Many who would lose their accounts at once wait for a person, as many as was set (SC-17, decision 34), and a dry run
//! shows what would follow the yes.

use tessera::auth::role::Role;
use tessera::auth::roles;
use tessera::base::id::{GroupId, UserId};
use tessera::directory::people;
use tessera::provisioning::connection::ConnectionPatch;
use tessera::provisioning::model::{Change, MassChange, State};

use crate::world::World;

async fn five(world: &World) -> (GroupId, Vec<UserId>) {
    let group = world.group("Sales").await;
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(world.person(&format!("p{n}")).await);
    }
    world.join(group, &all).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    (group, all)
}

fn guard(count: u32, percent: u32) -> ConnectionPatch {
    ConnectionPatch { mass_change: Some(MassChange { count, percent }), ..ConnectionPatch::default() }
}

#[tokio::test]
async fn sc_17_how_many_are_many_is_as_it_was_set_and_the_owners_are_told_by_mail() {
    for world in [World::open().await, World::on_postgres().await] {
        let boss = world.person("boss").await;
        roles::set_role(&world.db, &world.ctx(), boss, Some(Role::Owner)).await.unwrap();
        let (group, all) = five(&world).await;
        world.change(guard(1, 20)).await;
        world.leave(group, &all[..1]).await;
        world.turn().await;
        assert_eq!(world.is_active("p0"), Some(false), "one is not more than one");
        world.leave(group, &all[1..3]).await;
        world.turn().await;
        for name in ["p1", "p2"] {
            let entry = world.standing(name).await;
            assert_eq!((entry.state, entry.code.as_deref()), (State::AwaitingApproval, Some("mass_change")));
        }
        let folder = tempfile::tempdir().unwrap();
        let mails = world.mails(folder.path()).await;
        assert_eq!(mails.len(), 1, "once, to one owner");
        let page = format!("https://id.example.com/admin/applications/{}/provisioning", world.id());
        for part in ["boss@example.com", "3 people lose Aqueduct at once", &page] {
            let mail = mails[0].replace("=\r\n", "").replace("=\n", "");
            assert!(mail.contains(part), "{part} is not in {mail}");
        }
        world.change(guard(1, 100)).await;
        world.turn().await;
        assert_eq!((world.is_active("p1"), world.is_active("p2")), (Some(false), Some(false)));
        world.leave(group, &all[3..]).await;
        world.turn().await;
        assert_eq!(world.is_active("p4"), Some(false), "with a hundred of a hundred nobody is held");
    }
}

#[tokio::test]
async fn sc_17_a_number_that_is_none_is_refused() {
    let world = World::open().await;
    world.connect(false).await;
    for (patch, field) in
        [(guard(1_000_001, 10), "mass_change.count"), (guard(20, 101), "mass_change.percent")]
    {
        let connections = world.engine.connections();
        let refused = connections.configure(&world.ctx(), world.id(), patch, None).await.unwrap_err();
        assert_eq!(refused.fields[0].field, field);
    }
}

#[tokio::test]
async fn a_dry_run_shows_what_follows_a_yes_and_that_it_is_needed() {
    let world = World::open().await;
    let (group, all) = five(&world).await;
    world.leave(group, &all[..2]).await;
    let new = world.person("new").await;
    world.join(group, &[new]).await;
    let patch = ConnectionPatch { require_approval: Some(vec![Change::Create]), ..guard(1, 0) };
    world.service.lab.clear_requests();
    let run = world.engine.dry_run(&world.ctx(), world.id(), patch).await.unwrap();
    let told: Vec<(&str, &str, &str)> = run
        .steps
        .iter()
        .map(|step| {
            let held = step.held.as_ref().unwrap();
            assert_eq!(held.state, State::AwaitingApproval);
            assert_eq!(step.requests.len(), 1, "{}", step.name);
            (step.name.as_str(), step.requests[0].method.as_str(), held.code.as_str())
        })
        .collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ("new", "POST", "approval_required"),
            ("p0", "PATCH", "mass_change"),
            ("p1", "PATCH", "mass_change")
        ]
    );
    assert_eq!((run.requests, run.held), (3, 3));
    assert!(world.service.lab.requests().iter().all(|request| request.method == "GET"));
    let folder = tempfile::tempdir().unwrap();
    assert!(world.mails(folder.path()).await.is_empty(), "nobody is told of what was only asked");
    assert!(!world.events().await.contains(&"idm_mass_change".to_owned()));
}

#[tokio::test]
async fn a_dry_run_takes_a_member_out_once() {
    let world = World::open().await;
    let (_, all) = world.bound("Sales", 2).await;
    world.connect(true).await;
    world.turn().await;
    world.engine.connections().deactivate(&world.ctx(), world.id()).await.unwrap();
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    let run = world.engine.dry_run(&world.ctx(), world.id(), ConnectionPatch::default()).await.unwrap();
    let planned: Vec<_> = run
        .steps
        .iter()
        .flat_map(|step| &step.requests)
        .map(|one| format!("{} {}", one.method.as_str(), one.path))
        .collect();
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.service.lab.clear_requests();
    world.engine.turn().await.unwrap();
    let sent = world.service.lab.requests().into_iter().filter(|one| one.method != "GET");
    let sent: Vec<_> = sent.map(|one| format!("{} {}", one.method, one.path)).collect();
    assert_eq!(planned, sent, "exactly what would be sent");
}
