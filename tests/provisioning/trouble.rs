//! What goes wrong: lost answers, busy services, refusals, taken names, many leaving at once.

use secrecy::SecretString;
use serde_json::json;
use tessera::auth::{Role, roles};
use tessera::base::clock::{DAY, HOUR, MINUTE};
use tessera::directory::people;
use tessera::lab::scim::{Fault, Quirks, RetryAfter, Rule};
use tessera::provisioning::connection::{ConnectionPatch, NewSecret, bearer};
use tessera::provisioning::expiry;
use tessera::provisioning::model::{Change, Local, State};
use tessera::provisioning::state::{self, Decision};

use crate::world::{World, asked, base};

async fn one(world: &World) {
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
}

#[tokio::test]
async fn se_02_an_account_that_was_made_and_never_answered_is_found_and_not_made_again() {
    let world = World::open().await;
    one(&world).await;
    world.service.lab.add_fault(Rule::new(Fault::AppliedThenReset).on("POST", "Users").times(1));
    world.turn().await;
    assert_eq!(world.service.lab.users().len(), 1);
    assert_eq!(world.standing("ada").await.attempt, Some(Change::Create), "nobody knows what became of it");
    world.clock.advance(HOUR);
    let asked = world.turn().await;
    assert!(!asked.contains(&"POST /Users".to_owned()), "{asked:?}");
    let entry = world.standing("ada").await;
    assert_eq!((entry.state, world.service.lab.users().len()), (State::Synced, 1));
    assert_eq!(entry.origin, Some(tessera::provisioning::model::Origin::Created));
}

#[tokio::test]
async fn se_02_who_left_while_their_account_was_in_the_making_does_not_stay() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    world.connect(false).await;
    world.service.lab.add_fault(Rule::new(Fault::AppliedThenReset).on("POST", "Users").times(1));
    world.turn().await;
    world.leave(group, &[ada]).await;
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(false));
}

#[tokio::test]
async fn sc_13_a_busy_service_is_left_alone_for_as_long_as_it_says() {
    for after in [RetryAfter::Seconds(120), RetryAfter::Date(120)] {
        let world = World::open().await;
        one(&world).await;
        let busy = Fault::TooMany { retry_after: Some(after) };
        world.service.lab.add_fault(Rule::new(busy).times(1));
        assert_eq!(world.turn().await, ["GET /Users"]);
        world.clock.advance(MINUTE);
        assert_eq!(world.turn().await, [] as [&str; 0], "two minutes are not over");
        world.clock.advance(2 * MINUTE);
        assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "POST /Users"]);
        assert_eq!(world.failure().await, None, "to be busy is no failure");
    }
}

#[tokio::test]
async fn sc_14_a_refusal_is_not_repeated_until_somebody_says_so() {
    let world = World::open().await;
    one(&world).await;
    let rule = Rule::new(Fault::Status { status: 400, retry_after: None }).on("POST", "Users").times(1);
    world.service.lab.add_fault(rule);
    world.turn().await;
    let entry = world.standing("ada").await;
    assert_eq!((entry.state, entry.change), (State::Failed, Some(Change::Create)));
    assert!(entry.message.unwrap().contains("400"));
    world.clock.advance(24 * HOUR);
    assert_eq!(world.turn().await, [] as [&str; 0]);
    assert_eq!(state::retry(&world.db, &world.ctx(), world.id(), None).await.unwrap(), 1);
    assert_eq!(world.turn().await, ["GET /Users", "GET /Users", "POST /Users"]);
    assert_eq!(world.standing("ada").await.state, State::Synced);
}

#[tokio::test]
async fn sc_14_a_token_that_is_refused_stops_everything_and_says_so_once() {
    let world = World::open().await;
    one(&world).await;
    world.service.lab.set_token("another");
    assert_eq!(world.turn().await, ["GET /Users"]);
    assert_eq!(world.failure().await.as_deref(), Some("scim_unauthenticated"));
    world.clock.advance(HOUR);
    world.turn().await;
    let failures = world.events().await.iter().filter(|name| *name == "idm_integration_failure").count();
    assert_eq!(failures, 1);
    world.service.lab.set_token(crate::world::TOKEN);
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!((world.failure().await, world.is_active("ada")), (None, Some(true)));
}

#[tokio::test]
async fn se_06_a_service_that_is_down_is_asked_less_and_less_and_nothing_is_lost() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let mut all = Vec::new();
    for n in 0..12 {
        all.push(world.person(&format!("p{n}")).await);
    }
    world.join(group, &all).await;
    world.bind(group).await;
    world.connect(false).await;
    world.service.lab.add_fault(Rule::new(Fault::Status { status: 503, retry_after: None }));
    let first = world.turn().await.len();
    assert!((1..=12).contains(&first), "{first}");
    assert_eq!(world.failure().await.as_deref(), Some("scim_unavailable"));
    let mut asked = 0;
    for _ in 0..60 {
        world.clock.advance(MINUTE);
        asked += world.turn().await.len();
    }
    assert!(asked < 12 * 20, "an hour of it: {asked}");
    world.service.lab.clear_faults();
    world.clock.advance(2 * HOUR);
    world.turn().await;
    world.clock.advance(HOUR);
    world.turn().await;
    assert_eq!(world.service.lab.users().len(), 12);
    assert_eq!(world.failure().await, None);
}

#[tokio::test]
async fn sc_17_many_who_leave_at_once_wait_for_a_person_and_who_is_suspended_does_not() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let mut all = Vec::new();
    for n in 0..25 {
        all.push(world.person(&format!("p{n:02}")).await);
    }
    world.join(group, &all).await;
    world.bind(group).await;
    world.connect(false).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), all[24]).await.unwrap();
    world.unbind(group).await;
    assert_eq!(world.turn().await, ["PATCH /Users/{id}"], "decision 34: only the one who was named");
    assert_eq!(world.is_active("p24"), Some(false));
    let entry = world.standing("p03").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::AwaitingApproval, Some("mass_change")));
    let decision = |approve| Decision { local: entry.local, asked: entry.asked.clone().unwrap(), approve };
    state::decide(&world.db, &world.ctx(), world.id(), &[decision(true)]).await.unwrap();
    assert_eq!(world.turn().await, ["PATCH /Users/{id}"]);
    assert_eq!(world.is_active("p03"), Some(false));
    let again = state::decide(&world.db, &world.ctx(), world.id(), &[decision(true)]).await.unwrap_err();
    assert_eq!(again.code, "approval_changed", "once is enough");
    // Bound again, nothing waits any more.
    world.bind(group).await;
    world.turn().await;
    assert_eq!(world.standing("p05").await.state, State::Synced);
    assert_eq!((world.is_active("p03"), world.is_active("p05")), (Some(true), Some(true)));
}

#[tokio::test]
async fn sc_17_many_in_small_portions_are_many() {
    let world = World::open().await;
    let mut groups = Vec::new();
    for name in ["East", "West"] {
        let group = world.group(name).await;
        let mut all = Vec::new();
        for n in 0..15 {
            all.push(world.person(&format!("{}{n:02}", name.to_lowercase())).await);
        }
        world.join(group, &all).await;
        world.bind(group).await;
        groups.push(group);
    }
    world.connect(false).await;
    world.turn().await;
    world.unbind(groups[0]).await;
    assert_eq!(world.turn().await.len(), 15, "so few go");
    world.unbind(groups[1]).await;
    assert_eq!(world.turn().await, [] as [&str; 0], "30 within the hour are as many as 30 at once");
    let held = world.standing("west03").await;
    assert_eq!((held.state, held.code.as_deref()), (State::AwaitingApproval, Some("mass_change")));
    world.clock.advance(2 * HOUR);
    state::retry(&world.db, &world.ctx(), world.id(), Some(held.local)).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("west03"), Some(false), "an hour later they are 15");
}

#[tokio::test]
async fn sc_12_what_was_read_is_what_is_changed() {
    let world = World::open().await;
    let lab = &world.service.lab;
    let there = lab.seed_user(json!({ "userName": "ada", "active": false })).unwrap();
    let tag = lab.user_named("ada").unwrap()["meta"]["version"].as_str().unwrap().to_owned();
    one(&world).await;
    world.turn().await;
    let last = lab.requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("PATCH", format!("/Users/{there}").as_str()));
    assert_eq!(last.if_match, Some(tag), "who changes it in between is not overwritten unseen");
}

#[tokio::test]
async fn sc_12_who_was_second_reads_what_is_there_and_changes_that() {
    let world = World::open().await;
    one(&world).await;
    world.turn().await;
    let entry = world.standing("ada").await;
    let Local::User(ada) = entry.local else { panic!("a person") };
    let second = Fault::Status { status: 412, retry_after: None };
    world.service.lab.add_fault(Rule::new(second).on("PATCH", "Users").times(1));
    world.patch(ada, json!({ "first_name": "Augusta" })).await;
    assert_eq!(world.turn().await, ["PATCH /Users/{id}", "GET /Users/{id}", "PATCH /Users/{id}"]);
    assert_eq!(world.service.lab.user_named("ada").unwrap()["name"]["givenName"], json!("Augusta"));
    let last = world.service.lab.requests().pop().unwrap();
    assert!(last.if_match.is_some(), "what was read is what is changed");
    assert_eq!(world.standing("ada").await.state, State::Synced);
}

#[tokio::test]
async fn approvals_hold_what_they_are_asked_for_and_nothing_else() {
    let world = World::open().await;
    let (group, ada) = (world.group("Sales").await, world.person("ada").await);
    world.join(group, &[ada]).await;
    world.bind(group).await;
    let asks = vec![Change::Create, Change::Delete];
    world.configure(ConnectionPatch { require_approval: Some(asks), ..ConnectionPatch::default() }).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    assert_eq!(world.turn().await, [] as [&str; 0]);
    let entry = world.standing("ada").await;
    assert_eq!((entry.state, entry.change), (State::AwaitingApproval, Some(Change::Create)));
    let shown = entry.asked_for.as_ref().unwrap();
    assert_eq!((&shown["userName"], &shown["name"]["givenName"]), (&json!("ada"), &json!("Livia")));
    // What was shown is not what would be sent any more.
    let shown = Decision { local: entry.local, asked: entry.asked.unwrap(), approve: true };
    world.patch(ada, json!({ "first_name": "Augusta" })).await;
    world.turn().await;
    let stale = state::decide(&world.db, &world.ctx(), world.id(), &[shown]).await.unwrap_err();
    assert_eq!(stale.code, "approval_changed");
    let entry = world.standing("ada").await;
    let shown = Decision { local: entry.local, asked: entry.asked.unwrap(), approve: true };
    state::decide(&world.db, &world.ctx(), world.id(), &[shown]).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(true));
    world.leave(group, &[ada]).await;
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(true), "to be taken away waits too");
    people::suspend(&world.db, &world.ctx(), ada).await.unwrap();
    world.turn().await;
    assert_eq!(world.is_active("ada"), Some(false), "decision 34: a suspended person waits for nobody");
}

#[tokio::test]
async fn se_07_who_goes_after_a_yes_leaves_the_groups_too_and_after_a_no_keeps_them() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let (ada, bob, cid) = (world.person("ada").await, world.person("bob").await, world.person("cid").await);
    world.join(group, &[ada, bob]).await;
    world.bind(group).await;
    let asks = vec![Change::Delete];
    let patch = ConnectionPatch {
        require_approval: Some(asks),
        manage_groups: Some(true),
        ..ConnectionPatch::default()
    };
    world.configure(patch).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    world.leave(group, &[ada, bob]).await;
    assert_eq!(world.turn().await, [] as [&str; 0], "both wait");
    assert_eq!(world.members("Sales"), ["ada", "bob"]);
    for (name, approve) in [("ada", true), ("bob", false)] {
        let entry = world.standing(name).await;
        let decision = Decision { local: entry.local, asked: entry.asked.unwrap(), approve };
        state::decide(&world.db, &world.ctx(), world.id(), &[decision]).await.unwrap();
    }
    assert_eq!(world.turn().await, ["PATCH /Users/{id}", "PATCH /Groups/{id}"]);
    assert_eq!((world.is_active("ada"), world.is_active("bob")), (Some(false), Some(true)));
    assert_eq!(world.members("Sales"), ["bob"]);
    world.join(group, &[cid]).await;
    world.turn().await;
    assert_eq!(world.members("Sales"), ["bob", "cid"], "another change is no yes");
}

#[tokio::test]
async fn se_07_who_may_stay_after_all_keeps_only_what_is_theirs() {
    let world = World::open().await;
    let (sales, staff, ada) =
        (world.group("Sales").await, world.group("Staff").await, world.person("ada").await);
    for group in [sales, staff] {
        world.join(group, &[ada]).await;
        world.bind(group).await;
    }
    let patch = ConnectionPatch {
        require_approval: Some(vec![Change::Delete]),
        manage_groups: Some(true),
        ..ConnectionPatch::default()
    };
    world.configure(patch).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    for group in [sales, staff] {
        world.leave(group, &[ada]).await;
    }
    world.turn().await;
    assert_eq!(world.standing("ada").await.state, State::AwaitingApproval);
    world.join(sales, &[ada]).await;
    world.turn().await;
    assert_eq!(world.standing("ada").await.state, State::Synced);
    assert_eq!((world.members("Sales"), world.members("Staff")), (vec!["ada".to_owned()], vec![]));
}

#[tokio::test]
async fn sc_16_who_leaves_comes_before_whoever_reads_everybody() {
    let quirks = Quirks { page_max: 5, ..Quirks::default() };
    let world = World::with(quirks, "custom-saml").await;
    let (_, all) = world.bound("Sales", 12).await;
    world.connect(false).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), all[3]).await.unwrap();
    // The notice is taken before the list is read; the list waits.
    let other = world.another_engine();
    world
        .service
        .lab
        .add_fault(Rule::new(Fault::Status { status: 503, retry_after: None }).on("PATCH", "Users").times(1));
    world.engine.turn().await.unwrap();
    world.clock.advance(MINUTE);
    let refused = other.scan_people(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "provisioning_busy");
    world.turn().await;
    assert_eq!(world.is_active("p003"), Some(false));
    other.scan_people(&world.ctx(), world.id()).await.unwrap();
}

#[tokio::test]
async fn sc_13_a_service_that_wants_to_be_left_alone_is_read_by_nobody() {
    let world = World::open().await;
    one(&world).await;
    world.turn().await;
    world
        .service
        .lab
        .add_fault(Rule::new(Fault::TooMany { retry_after: Some(RetryAfter::Seconds(600)) }).times(1));
    let refused = world.engine.scan_people(&world.ctx(), world.id()).await.unwrap_err();
    assert_eq!(refused.code, "scim_throttled");
    world.service.lab.clear_requests();
    for refused in [
        world.engine.scan_people(&world.ctx(), world.id()).await.unwrap_err(),
        world.engine.reconcile(&world.ctx(), world.id()).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, "provisioning_paused");
    }
    assert!(world.service.lab.requests().is_empty());
    world.clock.advance(11 * MINUTE);
    world.engine.scan_people(&world.ctx(), world.id()).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_says_exactly_what_is_sent_then() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    world.service.lab.seed_user(json!({ "userName": "bob", "active": false })).unwrap();
    world.join(group, &[ada, bob]).await;
    world.bind(group).await;
    world.configure(ConnectionPatch { manage_groups: Some(true), ..ConnectionPatch::default() }).await;
    let run = world.engine.dry_run(&world.ctx(), world.id(), ConnectionPatch::default()).await.unwrap();
    let planned: Vec<(String, String)> = run
        .steps
        .iter()
        .flat_map(|step| &step.requests)
        .map(|request| (request.method.as_str().to_owned(), told(request.body.as_ref())))
        .collect();
    assert_eq!((run.looked_at, run.requests, run.held), (3, 3, 0));
    assert!(
        world.service.lab.requests().iter().all(|request| request.method == "GET"),
        "nothing was written"
    );
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    let made = world.service.lab.user_named("ada").unwrap()["id"].as_str().unwrap().to_owned();
    let sent: Vec<(String, String)> = world
        .service
        .lab
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET")
        // The id that the application gave stands where the dry run could not know it.
        .map(|request| (request.method, told(Some(&request.body)).replace(&made, "new-1")))
        .collect();
    let sorted = |mut list: Vec<(String, String)>| {
        list.sort();
        list
    };
    assert_eq!(sorted(planned), sorted(sent));
}

/// A body, its members in one order.
fn told(body: Option<&serde_json::Value>) -> String {
    let mut body = body.cloned().unwrap_or_default();
    if let Some(members) = body["members"].as_array_mut() {
        members.sort_by_key(|member| !member["value"].as_str().unwrap().starts_with("new-"));
        let ours = members.iter().map(|member| member["value"].as_str().unwrap().len()).collect::<Vec<_>>();
        assert_eq!(ours.len(), 2);
        body["members"] = json!(members.len());
    }
    body.to_string()
}

#[tokio::test]
async fn before_a_token_ends_it_is_said_once_at_each_step() {
    let world = World::open().await;
    let day = 24 * HOUR;
    let ends = |days: i64| Some(world.clock.now().plus(days * day));
    let secret = |days: i64| NewSecret {
        credentials: bearer(SecretString::from(crate::world::TOKEN)),
        expires_at: ends(days),
    };
    world.configure(ConnectionPatch::default()).await;
    let boss = world.person("boss").await;
    roles::set_role(&world.db, &world.ctx(), boss, Some(Role::Owner)).await.unwrap();
    world.engine.connections().set_secret(&world.ctx(), world.id(), secret(40)).await.unwrap();
    let warned = async || expiry::warn(&world.db, &world.ctx(), &base()).await.unwrap();
    assert_eq!((warned().await, warned().await), (1, 0), "sixty days, once");
    world.clock.advance(35 * day);
    assert_eq!((warned().await, warned().await), (1, 0));
    world.engine.connections().set_secret(&world.ctx(), world.id(), secret(365)).await.unwrap();
    assert_eq!(warned().await, 0, "another token is another matter");
    world.clock.advance(360 * day);
    assert_eq!(warned().await, 1);
    assert_eq!(world.events().await.iter().filter(|name| *name == "idm_token_expiring").count(), 3);
    let folder = tempfile::tempdir().unwrap();
    let mails = world.mails(folder.path()).await;
    assert_eq!(mails.len(), 3, "to the owner, each time");
    assert!(mails.iter().all(|mail| mail.contains("boss@example.com")));
    assert!(mails.iter().any(|mail| mail.contains("The token for Aqueduct ends within 60 days")));
}

#[tokio::test]
async fn sc_23_whoever_reads_everybody_waits_until_what_is_under_way_is_done() {
    let world = World::open().await;
    let group = world.group("Sales").await;
    let mut all = Vec::new();
    for n in 0..10 {
        all.push(world.person(&format!("p{n:02}")).await);
    }
    world.join(group, &all).await;
    world.bind(group).await;
    world.connect(false).await;
    world.service.lab.clear_requests();
    let ctx = world.ctx();
    let in_between = async {
        while world.service.lab.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        world.engine.scan_people(&ctx, world.id()).await
    };
    let (one, two) = tokio::join!(world.engine.turn(), in_between);
    one.unwrap();
    two.unwrap();
    let requests = asked(&world.service.lab.requests());
    assert_eq!(requests.iter().filter(|request| *request == "POST /Users").count(), 10);
    assert_eq!(requests.last().map(String::as_str), Some("GET /Users"), "{requests:?}");
}

#[tokio::test]
async fn se_07_the_owners_are_told_of_whoever_left_and_still_has_an_account() {
    for world in [World::open().await, World::on_postgres().await] {
        overdue(world).await;
    }
}

async fn overdue(world: World) {
    let boss = world.person("boss").await;
    roles::set_role(&world.db, &world.ctx(), boss, Some(Role::Owner)).await.unwrap();
    let (group, all) = world.bound("Sales", 3).await;
    world.connect(false).await;
    world.turn().await;
    let tell = async || tessera::provisioning::overdue::tell(&world.db, &world.ctx(), &base()).await.unwrap();
    let down = Rule::new(Fault::Status { status: 503, retry_after: None });
    world.service.lab.add_fault(down);
    world.patch(all[2], json!({ "last_name": "Augusta" })).await;
    world.turn().await;
    world.clock.advance(2 * HOUR);
    assert_eq!(tell().await, 0, "that a name is late is no danger");
    // Busy, and nothing else.
    world.service.lab.clear_faults();
    world.service.lab.add_fault(Rule::new(Fault::TooMany { retry_after: None }));
    for person in &all[..2] {
        people::suspend(&world.db, &world.ctx(), *person).await.unwrap();
    }
    // Whoever moves to another bound group stays.
    let other = world.group("Other").await;
    world.bind(other).await;
    world.join(other, &all[2..]).await;
    world.leave(group, &all[2..]).await;
    world.turn().await;
    assert_eq!(tell().await, 0, "they left a moment ago");
    world.clock.advance(30 * MINUTE);
    world.turn().await;
    world.clock.advance(31 * MINUTE);
    world.turn().await;
    assert_eq!((tell().await, tell().await), (1, 0), "after an hour, once");
    world.clock.advance(DAY + HOUR);
    assert_eq!((tell().await, tell().await), (1, 0), "and once a day");
    let folder = tempfile::tempdir().unwrap();
    let mails = world.mails(folder.path()).await;
    assert_eq!(mails.len(), 2);
    assert!(mails[0].contains("2 people who left can still get into Aqueduct"), "{}", mails[0]);
    assert_eq!(world.events().await.iter().filter(|name| *name == "idm_departure_overdue").count(), 2);
    world.service.lab.clear_faults();
    world.clock.advance(2 * HOUR);
    world.turn().await;
    assert_eq!((world.is_active("p000"), world.is_active("p001")), (Some(false), Some(false)));
    assert_eq!(tell().await, 0);
    // The next time does not wait for the day to be over.
    world.service.lab.add_fault(Rule::new(Fault::Status { status: 503, retry_after: None }));
    people::suspend(&world.db, &world.ctx(), all[2]).await.unwrap();
    world.turn().await;
    world.clock.advance(2 * HOUR);
    assert_eq!(tell().await, 1);
}
