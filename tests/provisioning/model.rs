//! The reconciler against a model (SE-01 to SE-04): random changes here, random faults there, the process gone in the
//! middle. In the end the service holds exactly what it should: nobody twice, nobody too many, nothing foreign touched.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use support::rounds;
use tessera::base::clock::{HOUR, MINUTE};
use tessera::base::id::{GroupId, UserId};
use tessera::directory::{GroupPatch, groups, people};
use tessera::lab::scim::{Fault, RetryAfter, Rule};
use tessera::provisioning::connection::ConnectionPatch;
use tessera::provisioning::model::OnUserDelete;
use tessera::provisioning::state;

use crate::world::World;

/// Steps of one life.
const STEPS: usize = 100;
const PEOPLE: usize = 6;
const GROUPS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Rename(usize, u8),
    /// Another user name.
    Renown(usize),
    Suspend(usize),
    Activate(usize),
    Delete(usize),
    Join(usize, usize),
    Leave(usize, usize),
    MakeGroup(usize),
    RenameGroup(usize, u8),
    DeleteGroup(usize),
    Bind(usize),
    Unbind(usize),
    /// Whether groups are managed.
    Manage(bool),
    Fault(Trouble),
    Calm,
    Turn,
    /// The process is gone once the service was asked so often.
    Killed(u64),
    Wait(u8),
}

#[derive(Clone, Debug)]
enum Trouble {
    Busy,
    Broken(u8),
    Reset(u8),
    Garbage,
    Gone,
    Lies,
}

fn step() -> impl Strategy<Value = Step> {
    let (person, group) = (0..PEOPLE, 0..GROUPS);
    let both = (person.clone(), group.clone());
    prop_oneof![
        3 => person.clone().prop_map(Step::Create),
        2 => (person.clone(), any::<u8>()).prop_map(|(p, n)| Step::Rename(p, n)),
        2 => person.clone().prop_map(Step::Renown),
        2 => person.clone().prop_map(Step::Suspend),
        2 => person.clone().prop_map(Step::Activate),
        1 => person.prop_map(Step::Delete),
        5 => both.clone().prop_map(|(p, g)| Step::Join(p, g)),
        3 => both.prop_map(|(p, g)| Step::Leave(p, g)),
        2 => group.clone().prop_map(Step::MakeGroup),
        1 => (group.clone(), any::<u8>()).prop_map(|(g, n)| Step::RenameGroup(g, n)),
        1 => group.clone().prop_map(Step::DeleteGroup),
        3 => group.clone().prop_map(Step::Bind),
        1 => group.prop_map(Step::Unbind),
        1 => any::<bool>().prop_map(Step::Manage),
        2 => trouble().prop_map(Step::Fault),
        1 => Just(Step::Calm),
        4 => Just(Step::Turn),
        2 => (0_u64..6).prop_map(Step::Killed),
        2 => any::<u8>().prop_map(Step::Wait),
    ]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        Just(Trouble::Busy),
        (1_u8..4).prop_map(Trouble::Broken),
        (1_u8..4).prop_map(Trouble::Reset),
        Just(Trouble::Garbage),
        Just(Trouble::Gone),
        Just(Trouble::Lies),
    ]
}

#[derive(Default)]
struct Person {
    id: Option<UserId>,
    active: bool,
    family: String,
    groups: BTreeSet<usize>,
    /// Counts lives and names: a name that was somebody's is not given again.
    life: usize,
    /// What they were called in this life.
    names: Vec<String>,
}

#[derive(Default)]
struct Group {
    id: Option<GroupId>,
    name: String,
    bound: bool,
    life: usize,
}

/// What should be so, as the product's pages say it.
#[derive(Default)]
struct Model {
    people: Vec<Person>,
    groups: Vec<Group>,
    /// User names of those who ever were active in a bound group: they may have an account.
    known: BTreeSet<String>,
    /// Groups, and which of their lives, that were bound and are not any more, or were there when groups were managed no
    /// more: what is there of them is left.
    left: BTreeSet<(usize, usize)>,
    /// Groups are not managed now.
    unmanaged: bool,
}

impl Model {
    fn username(&self, p: usize) -> String {
        format!("p{p}x{}", self.people[p].life)
    }

    /// What is there when groups are managed no more stays.
    async fn manage(&mut self, world: &World, groups: bool) {
        world.change(manage(groups)).await;
        self.unmanaged = !groups;
        let all = self.groups.iter().enumerate().filter(|_| !groups);
        self.left.extend(all.flat_map(|(g, group)| (1..=group.life).map(move |life| (g, life))));
    }

    fn in_scope(&self, p: usize) -> bool {
        let person = &self.people[p];
        person.id.is_some() && person.active && person.groups.iter().any(|g| self.groups[*g].bound)
    }

    fn remember(&mut self) {
        for p in 0..PEOPLE {
            if self.in_scope(p) {
                let name = self.username(p);
                self.known.insert(name);
            }
        }
    }
}

async fn live(steps: Vec<Step>) {
    let mut world = World::open().await;
    let mut model = Model::default();
    model.people.resize_with(PEOPLE, Person::default);
    model.groups.resize_with(GROUPS, Group::default);
    let (foreign, adopted) = foreign(&world);
    let delete = ConnectionPatch {
        manage_groups: Some(true),
        on_user_delete: Some(OnUserDelete::Delete),
        ..ConnectionPatch::default()
    };
    world.configure(delete).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    for step in steps {
        take(&mut world, &mut model, step).await;
        model.remember();
    }
    world.change(manage(true)).await;
    settle(&mut world).await;
    check(&world, &model, &foreign);
    taken_over(&world, &model, &adopted);
    world.service.lab.clear_requests();
    world.engine.turn().await.unwrap();
    assert!(world.service.lab.requests().is_empty(), "nothing is left to do");
}

fn manage(groups: bool) -> ConnectionPatch {
    ConnectionPatch { manage_groups: Some(groups), ..ConnectionPatch::default() }
}

/// What is none of ours, and the id of a group that has the name that the first of ours will have.
fn foreign(world: &World) -> (Vec<Value>, String) {
    let lab = &world.service.lab;
    let stranger = lab.seed_user(json!({ "userName": "stranger", "active": true })).unwrap();
    lab.seed_user(json!({ "userName": "sleeper", "active": false })).unwrap();
    let group = |name: &str| {
        lab.seed_group(json!({ "displayName": name, "members": [{ "value": stranger }] })).unwrap()
    };
    group("Theirs");
    let adopted = group("G0 1");
    (theirs(world), adopted)
}

fn theirs(world: &World) -> Vec<Value> {
    let mut found: Vec<Value> = world
        .service
        .lab
        .users()
        .into_iter()
        .filter(|user| ["stranger", "sleeper"].contains(&user["userName"].as_str().unwrap()))
        .collect();
    for user in &mut found {
        // That shows the names of groups, of which one may be ours by now.
        user.as_object_mut().unwrap().remove("groups");
    }
    found.extend(world.service.lab.group_named("Theirs"));
    found
}

async fn take(world: &mut World, model: &mut Model, step: Step) {
    let ctx = world.ctx();
    match step {
        Step::Create(p) if model.people[p].id.is_none() => {
            model.people[p].life += 1;
            let id = world.person(&model.username(p)).await;
            model.people[p].id = Some(id);
            model.people[p].active = true;
            model.people[p].family = model.username(p);
            model.people[p].names = vec![model.username(p)];
            model.people[p].groups.clear();
        }
        Step::Rename(p, n) => {
            if let Some(id) = model.people[p].id {
                model.people[p].family = format!("Family {n}");
                world.patch(id, json!({ "last_name": model.people[p].family })).await;
            }
        }
        Step::Renown(p) => {
            if let Some(id) = model.people[p].id {
                model.people[p].life += 1;
                let name = model.username(p);
                model.people[p].names.push(name.clone());
                world.patch(id, json!({ "username": name, "email": format!("{name}@example.com") })).await;
            }
        }
        Step::Suspend(p) => {
            if let Some(id) = model.people[p].id {
                people::suspend(&world.db, &ctx, id).await.unwrap();
                model.people[p].active = false;
            }
        }
        Step::Activate(p) => {
            if let Some(id) = model.people[p].id {
                people::activate(&world.db, &ctx, id).await.unwrap();
                model.people[p].active = true;
            }
        }
        Step::Delete(p) => {
            if let Some(id) = model.people[p].id.take() {
                people::delete(&world.db, &ctx, id).await.unwrap();
                model.people[p].groups.clear();
            }
        }
        Step::Join(p, g) => {
            if let (Some(user), Some(group)) = (model.people[p].id, model.groups[g].id) {
                world.join(group, &[user]).await;
                model.people[p].groups.insert(g);
            }
        }
        Step::Leave(p, g) => {
            if let (Some(user), Some(group)) = (model.people[p].id, model.groups[g].id) {
                world.leave(group, &[user]).await;
                model.people[p].groups.remove(&g);
            }
        }
        Step::MakeGroup(g) if model.groups[g].id.is_none() => {
            model.groups[g].life += 1;
            model.groups[g].name = format!("G{g} {}", model.groups[g].life);
            model.groups[g].id = Some(world.group(&model.groups[g].name).await);
            model.groups[g].bound = false;
        }
        Step::RenameGroup(g, n) => {
            if let Some(id) = model.groups[g].id {
                let name = format!("G{g} {} {n}", model.groups[g].life);
                let patch = GroupPatch { name: Some(name.clone()), ..GroupPatch::default() };
                groups::update(&world.db, &ctx, id, None, patch).await.unwrap();
                model.groups[g].name = name;
            }
        }
        Step::DeleteGroup(g) => {
            if let Some(id) = model.groups[g].id.take() {
                tessera::applications::binding::delete_group(&world.db, &ctx, id, None).await.unwrap();
                model.groups[g].bound = false;
                for person in &mut model.people {
                    person.groups.remove(&g);
                }
            }
        }
        Step::Bind(g) => {
            if let Some(id) = model.groups[g].id {
                world.bind(id).await;
                model.groups[g].bound = true;
                if !model.unmanaged {
                    model.left.remove(&(g, model.groups[g].life));
                }
            }
        }
        Step::Unbind(g) => {
            if let Some(id) = model.groups[g].id {
                world.unbind(id).await;
                model.groups[g].bound = false;
                model.left.insert((g, model.groups[g].life));
            }
        }
        Step::Manage(groups) => model.manage(world, groups).await,
        Step::Create(_) | Step::MakeGroup(_) => {}
        outside => around(world, outside).await,
    }
}

/// What happens to the service, the process and the time.
async fn around(world: &mut World, step: Step) {
    match step {
        Step::Fault(trouble) => trouble_begins(world, trouble),
        Step::Calm => world.service.lab.clear_faults(),
        Step::Turn => drop(world.engine.turn().await.unwrap()),
        Step::Killed(after) => killed(world, after).await,
        Step::Wait(minutes) => world.clock.advance(i64::from(minutes) * MINUTE),
        _ => unreachable!("it is of people and groups"),
    }
}

fn trouble_begins(world: &World, trouble: Trouble) {
    let lab = &world.service.lab;
    let rule = match trouble {
        Trouble::Busy => Rule::new(Fault::TooMany { retry_after: Some(RetryAfter::Seconds(30)) }).times(2),
        Trouble::Broken(every) => {
            Rule::new(Fault::Status { status: 500, retry_after: None }).every(every.into()).times(5)
        }
        Trouble::Reset(every) => Rule::new(Fault::AppliedThenReset).every(every.into()).times(5),
        Trouble::Garbage => Rule::new(Fault::Garbage).times(2),
        Trouble::Gone => Rule::new(Fault::Drop).times(4),
        Trouble::Lies => Rule::new(Fault::Lie { echo: false }).on("PATCH", "Users").times(2),
    };
    lab.add_fault(rule);
}

/// A turn that ends in the middle, as a process does; another one takes over when the lease is over.
async fn killed(world: &mut World, after: u64) {
    let lab = world.service.lab.clone();
    lab.clear_requests();
    let asked = async {
        while (lab.requests().len() as u64) < after {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = asked => {}
        done = world.engine.turn() => drop(done.unwrap()),
    }
    world.succeed().await;
}

async fn settle(world: &mut World) {
    world.service.lab.clear_faults();
    for _ in 0..6 {
        world.clock.advance(2 * HOUR);
        state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap();
        world.engine.turn().await.unwrap();
    }
    // A night passes.
    world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    world.engine.turn().await.unwrap();
}

fn check(world: &World, model: &Model, foreign: &[Value]) {
    assert_eq!(theirs(world), foreign, "what is not ours is as it was");
    let mut there: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for user in world.service.lab.users() {
        there.entry(user["userName"].as_str().unwrap().to_owned()).or_default().push(user);
    }
    there.remove("stranger");
    there.remove("sleeper");
    for (name, users) in &there {
        assert_eq!(users.len(), 1, "{name} is there once");
        assert!(model.known.contains(name), "{name} never was to be there");
    }
    for p in 0..PEOPLE {
        let (person, name) = (&model.people[p], model.username(p));
        if person.id.is_none() {
            continue;
        }
        let mut accounts: Vec<Value> =
            person.names.iter().filter_map(|name| there.remove(name)).flatten().collect();
        assert!(accounts.len() <= 1, "{name} has one account, whatever they are called: {accounts:?}");
        let account = accounts.pop();
        if model.in_scope(p) {
            let account = account.unwrap_or_else(|| panic!("{name} should be there"));
            assert_eq!((&account["userName"], &account["active"]), (&json!(name), &json!(true)));
            assert_eq!(account["name"]["familyName"], json!(person.family), "{name}");
            assert_eq!(account["emails"][0]["value"], json!(format!("{name}@example.com")), "{name}");
        } else if let Some(account) = account {
            assert_eq!(account["active"], json!(false), "{name} has nothing that gives it");
        }
    }
    assert!(there.is_empty(), "accounts of who was deleted are deleted: {:?}", there.keys());
    for (g, group) in model.groups.iter().enumerate().filter(|(_, group)| group.bound) {
        let members: Vec<String> = (0..PEOPLE)
            .filter(|p| model.in_scope(*p) && model.people[*p].groups.contains(&g))
            .map(|p| model.username(p))
            .collect();
        let exists = world.service.lab.group_named(&group.name).is_some();
        assert!(exists || members.is_empty(), "{} should be there", group.name);
        let mut there = world.members(&group.name);
        there.retain(|name| name != "stranger");
        assert_eq!(there, members, "{}", group.name);
    }
    let mut seen = BTreeSet::new();
    for group in world.service.lab.groups() {
        let name = group["displayName"].as_str().unwrap();
        let Some(rest) = name.strip_prefix('G') else { continue };
        let mut numbers = rest.split(' ').map(|number| number.parse::<usize>().unwrap());
        let (g, life) = (numbers.next().unwrap(), numbers.next().unwrap());
        if world.members(name).contains(&"stranger".to_owned()) {
            continue;
        }
        assert!(seen.insert((g, life)), "{name} is there twice");
        let known = &model.groups[g];
        let is_bound = known.bound && known.life == life && known.name == name;
        assert!(is_bound || model.left.contains(&(g, life)), "{name} should not be there");
    }
}

/// The group that was there before ours of the same name: whoever was in it still is, and once ours is deleted nobody else.
fn taken_over(world: &World, model: &Model, id: &str) {
    let group = world.service.lab.groups().into_iter().find(|group| group["id"] == json!(id));
    let group = group.expect("it was somebody else's too");
    let name = group["displayName"].as_str().unwrap();
    let members = world.members(name);
    assert!(members.contains(&"stranger".to_owned()), "{name} was somebody else's too: {members:?}");
    let is_gone = model.groups[0].life > 1 || (model.groups[0].life == 1 && model.groups[0].id.is_none());
    if is_gone && !model.left.contains(&(0, 1)) {
        assert_eq!(members, ["stranger"], "{name} is cleared of what we added");
    }
}

#[test]
fn se_01_02_03_04_whatever_happens_the_service_ends_as_the_model() {
    let cases = u32::try_from(rounds(2_000, 100_000) / STEPS).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&proptest::collection::vec(step(), STEPS), |steps| {
            let lived = runtime.block_on(async { tokio::spawn(live(steps)).await });
            lived.map_err(|error| TestCaseError::fail(panic_text(error)))
        })
        .unwrap();
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
