//! SC-24: services as they really are, each by its own connector: whatever is peculiar about them, in the end they hold
//! what they should, nobody twice, and nothing is sent that is not needed.

use serde_json::json;
use tessera::base::id::UserId;
use tessera::directory::{GroupPatch, groups, people};
use tessera::lab::scim::{Case, ConfigAnswer, Conflict, Fault, PatchAnswer, Quirks, Rule, profile};
use tessera::provisioning::connection::{self, ConnectionPatch};
use tessera::provisioning::model::{Origin, State};

use crate::held::own;
use crate::world::World;

/// A life: people come, change, leave, return; a group is renamed.
async fn lives(world: World, told: &str) {
    let group = world.group("Sales").await;
    let (ada, bob, cid) = (world.person("ada").await, world.person("bob").await, world.person("cid").await);
    world.join(group, &[ada, bob, cid]).await;
    world.bind(group).await;
    world.connect(true).await;
    let settle = async || {
        world.turn().await;
        world.service.lab.approve(None);
        // What waits to be approved there is looked at again.
        world.clock.advance(2 * 3_600_000);
        world.turn().await;
    };
    let holds = |expected: [(&str, bool); 3], name: &str| {
        let users = world.service.lab.users();
        for (who, active) in expected {
            let named: Vec<_> = users
                .iter()
                .filter(|user| {
                    let name = user["userName"].as_str().unwrap().to_lowercase();
                    name == who || name == format!("{who}@example.com")
                })
                .collect();
            if !active && world.service.lab.quirks().inactive_is_gone {
                assert!(named.is_empty(), "{told}: {who} is not to be seen: {users:?}");
                continue;
            }
            assert_eq!(named.len(), 1, "{told}: {who} is there once: {users:?}");
            let is_active = named[0]["active"] == json!(true) || named[0]["active"] == json!("True");
            assert_eq!(is_active, active, "{told}: {who}");
        }
        let members: Vec<String> =
            world.members(name).iter().map(|name| name.trim_end_matches("@example.com").to_owned()).collect();
        let active: Vec<String> =
            expected.iter().filter(|(_, active)| *active).map(|(who, _)| (*who).to_owned()).collect();
        assert_eq!(members, active, "{told}: members of {name}");
    };
    settle().await;
    holds([("ada", true), ("bob", true), ("cid", true)], "Sales");

    world.patch(ada, json!({ "last_name": "Augusta" })).await;
    world.leave(group, &[bob]).await;
    people::suspend(&world.db, &world.ctx(), cid).await.unwrap();
    settle().await;
    holds([("ada", true), ("bob", false), ("cid", false)], "Sales");
    let found = world.service.lab.users();
    let found = found.iter().find(|user| user["userName"].as_str().unwrap().starts_with("ada")).unwrap();
    assert_eq!(found["name"]["familyName"], json!("Augusta"), "{told}");

    people::activate(&world.db, &world.ctx(), cid).await.unwrap();
    world.join(group, &[bob]).await;
    let patch = GroupPatch { name: Some("Field sales".to_owned()), ..GroupPatch::default() };
    groups::update(&world.db, &world.ctx(), group, None, patch).await.unwrap();
    settle().await;
    holds([("ada", true), ("bob", true), ("cid", true)], "Field sales");
    assert_eq!(world.service.lab.groups().len(), 1, "{told}");
    for name in ["ada", "bob", "cid", "Field sales"] {
        let entry = world.standing(name).await;
        assert_eq!(entry.state, State::Synced, "{told}: {name}: {:?} {:?}", entry.code, entry.message);
    }
    assert_eq!(world.turn().await, [] as [&str; 0], "{told}: nothing is different");
}

async fn by_connector(quirks: &str, connector: &str) {
    lives(World::with(profile(quirks).unwrap(), connector).await, quirks).await;
}

#[tokio::test]
async fn sc_09_sc_24_aws_iam_identity_center() {
    by_connector("aws", "aws-iam-identity-center").await;
}

#[tokio::test]
async fn sc_24_slack() {
    by_connector("slack", "slack").await;
}

#[tokio::test]
async fn sc_24_github() {
    by_connector("github", "github-enterprise-managed-users").await;
}

#[tokio::test]
async fn sc_24_atlassian() {
    by_connector("atlassian", "atlassian-cloud").await;
}

#[tokio::test]
async fn sc_24_zoom() {
    by_connector("zoom", "zoom").await;
}

#[tokio::test]
async fn sc_20_sc_24_keeper() {
    by_connector("keeper", "keeper-cloud").await;
}

#[tokio::test]
async fn sc_24_heap() {
    by_connector("heap", "heap").await;
}

#[tokio::test]
async fn sc_24_interact() {
    by_connector("interact", "interact").await;
}

#[tokio::test]
async fn sc_04_services_that_say_taken_in_other_words() {
    for quirks in
        ["sentry", "fusionauth", "lightdash", "scimmy", "scim2-server", "django-scim2", "canaille", "miro"]
    {
        by_connector(quirks, "custom-saml").await;
    }
}

#[tokio::test]
async fn sc_07_dialects_of_patch_and_no_patch_at_all() {
    let entra = "{patch_dialect: entra, member_removal: list}";
    lives(World::by(profile("entra").unwrap(), own(entra), "own").await, "entra").await;
    let no_patch = "{no_patch: true}";
    lives(World::by(Quirks::default(), own(no_patch), "own").await, "no patch").await;
    let no_filter = "{no_filter: true, no_external_id: true, page_limit: 2}";
    lives(World::by(Quirks::default(), own(no_filter), "own").await, "no filter").await;
}

#[tokio::test]
async fn sc_04_a_taken_name_that_the_filter_overlooks_is_looked_for_among_all() {
    for conflict in [Conflict::Uniqueness, Conflict::NoType] {
        let quirks = Quirks { conflict, user_name_filter: Case::Sensitive, ..Quirks::default() };
        let world = World::with(quirks, "custom-saml").await;
        let there = world.service.lab.seed_user(json!({ "userName": "ADA", "active": true })).unwrap();
        let (group, ada) = (world.group("Sales").await, world.person("ada").await);
        world.join(group, &[ada]).await;
        world.bind(group).await;
        world.connect(false).await;
        let asked = world.turn().await;
        assert_eq!(asked.iter().filter(|one| *one == "POST /Users").count(), 1, "{asked:?}");
        let entry = world.standing("ada").await;
        assert_eq!((entry.state, entry.remote_id), (State::Synced, Some(there)));
        assert_eq!(world.service.lab.users().len(), 1);
    }
}

#[tokio::test]
async fn sc_01_services_that_say_nothing_of_themselves_or_a_page_are_connected_all_the_same() {
    for config in [ConfigAnswer::Missing, ConfigAnswer::Plural, ConfigAnswer::Html] {
        let world = World::with(Quirks { config, ..Quirks::default() }, "custom-saml").await;
        let (group, ada) = (world.group("Sales").await, world.person("ada").await);
        world.join(group, &[ada]).await;
        world.bind(group).await;
        world.connect(true).await;
        world.turn().await;
        assert_eq!(world.members("Sales"), ["ada"], "{config:?}");
    }
}

async fn settled(quirks: &str, connector: &str, count: usize) -> (World, Vec<UserId>) {
    let world = World::with(profile(quirks).unwrap(), connector).await;
    let (_, all) = world.bound("Sales", count).await;
    world.connect(true).await;
    (world, all)
}

#[tokio::test]
async fn sc_09_sc_24_members_that_aws_never_shows_are_not_taken_for_missing() {
    let (world, all) = settled("aws", "aws-iam-identity-center", 60).await;
    world.turn().await;
    let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((drift.read, drift.missing_members, drift.missing), (61, 0, 0), "in pages of fifty");
    assert_eq!(world.turn().await, [] as [&str; 0]);
    world.service.lab.add_fault(Rule::new(Fault::AppliedThenReset).on("PATCH", "Groups").times(1));
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    world.clock.advance(2 * 3_600_000);
    world.turn().await;
    assert_eq!((world.members("Sales").len(), world.standing("Sales").await.state), (59, State::Synced));
}

#[tokio::test]
async fn sc_13_sc_24_slack_and_github_are_asked_at_their_pace() {
    for (quirks, connector, people, burst) in
        [("slack", "slack", 40, 20), ("github", "github-enterprise-managed-users", 120, 100)]
    {
        let (world, _) = settled(quirks, connector, people).await;
        let first = world.turn().await.len();
        assert!((burst..burst + 4).contains(&first), "{connector}: {first}");
        assert_eq!(world.turn().await, [] as [&str; 0], "{connector}: then it is left alone");
        world.clock.advance(60_000);
        let minute = world.turn().await.len();
        assert!(minute < 190, "{connector}: {minute}");
        assert!(world.service.lab.requests().iter().all(|one| one.status != Some(429)), "{connector}");
    }
}

#[tokio::test]
async fn sc_24_accounts_that_atlassian_hides_are_not_taken_for_missing() {
    let (world, all) = settled("atlassian", "atlassian-cloud", 2).await;
    world.turn().await;
    people::suspend(&world.db, &world.ctx(), all[0]).await.unwrap();
    world.turn().await;
    let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((drift.missing, drift.changed), (0, 0));
    assert_eq!(world.turn().await, [] as [&str; 0]);
}

#[tokio::test]
async fn sc_19_sc_24_zoom_says_yes_and_does_nothing_and_that_is_seen() {
    let (world, all) = settled("zoom", "zoom", 2).await;
    world.turn().await;
    // Zoom never changes the address of somebody who is there, and says yes.
    world.patch(all[0], json!({ "email": "other@example.com" })).await;
    world.turn().await;
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Drift, Some("not_applied")));
    assert_eq!(world.turn().await, [] as [&str; 0], "it is not asked all the time");
    // It answers a change with nothing at all, so it is read.
    world.service.lab.set_quirks(Quirks { patch_user: PatchAnswer::NoContent, ..profile("zoom").unwrap() });
    world.service.lab.add_fault(Rule::new(Fault::Lie { echo: true }).on("PATCH", "Users").times(1));
    world.patch(all[1], json!({ "last_name": "Augusta" })).await;
    let asked = world.turn().await;
    assert_eq!(asked, ["PATCH /Users/{id}", "GET /Users/{id}"]);
    let entry = world.standing("p001").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Drift, Some("not_applied")));
}

#[tokio::test]
async fn sc_24_what_interact_has_no_use_for_is_not_sent_and_not_missed() {
    let (world, all) = settled("interact", "interact", 1).await;
    let row =
        |scim: &str, source: &str| serde_json::from_value(json!({ "scim": scim, "source": source })).unwrap();
    let mut mappings =
        connection::require(&mut world.db.reader(), world.id()).await.unwrap().settings.mappings;
    mappings.extend([row("timezone", "timezone"), row("nickName", "middle_name")]);
    world.change(ConnectionPatch { mappings: Some(mappings), ..ConnectionPatch::default() }).await;
    world.patch(all[0], json!({ "timezone": "Europe/Rome", "middle_name": "Ada" })).await;
    world.turn().await;
    let sent: Vec<_> = world.service.lab.requests().into_iter().map(|one| one.body).collect();
    assert!(sent.iter().any(|body| body["nickName"] == json!("Ada")), "{sent:?}");
    assert!(sent.iter().all(|body| !body.to_string().contains("Europe/Rome")), "{sent:?}");
    // What its connector does not know it drops is seen to be dropped.
    let entry = world.standing("p000").await;
    assert_eq!((entry.state, entry.code.as_deref()), (State::Drift, Some("not_applied")));
    assert!(entry.message.unwrap().contains("nickName"));
}

#[tokio::test]
async fn sc_18_sc_24_aws_takes_one_number_of_a_person() {
    let world = World::with(profile("aws").unwrap(), "aws-iam-identity-center").await;
    let (_, all) = world.bound("Sales", 1).await;
    let numbers = json!([{ "type": "work", "value": "+39 06 1" }, { "type": "mobile", "value": "+39 06 2" }]);
    world.patch(all[0], json!({ "phone_numbers": numbers })).await;
    let mut mappings = connection::starting(&world.application).mappings;
    let mobile =
        json!({ "scim": "phoneNumbers[type eq \"mobile\"].value", "source": "phone_numbers.mobile" });
    mappings.push(serde_json::from_value(mobile).unwrap());
    world.configure(ConnectionPatch { mappings: Some(mappings), ..ConnectionPatch::default() }).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.turn().await;
    let user = world.service.lab.user_named("p000@example.com").unwrap();
    assert_eq!(user["phoneNumbers"], json!([{ "type": "work", "value": "+39 06 1" }]));
    assert_eq!(world.standing("p000").await.state, State::Synced);
}

#[tokio::test]
async fn sc_11_a_service_that_goes_on_by_cursor_and_does_not_say_so() {
    let there =
        Quirks { cursor_paging: true, page_max: 3, config: ConfigAnswer::Missing, ..Quirks::default() };
    let world = World::by(there, own("{cursor_paging: true, page_limit: 3}"), "own").await;
    world.bound("Sales", 10).await;
    world.connect(false).await;
    world.turn().await;
    world.service.lab.clear_requests();
    let drift = world.engine.reconcile(&world.ctx(), world.id()).await.unwrap();
    assert_eq!((drift.read, drift.missing), (10, 0));
    let lists: Vec<_> = world.service.lab.requests().into_iter().filter(|one| one.path == "/Users").collect();
    assert!(lists.len() >= 4 && lists.iter().all(|one| one.query.contains("cursor=")), "{lists:?}");
}

#[tokio::test]
async fn sc_04_whoever_is_made_there_by_somebody_else_in_between_is_taken_over() {
    for conflict in [Conflict::Uniqueness, Conflict::NoType, Conflict::BadRequest, Conflict::ServerError] {
        let world = World::with(Quirks { conflict, ..Quirks::default() }, "custom-saml").await;
        world.bound("Sales", 1).await;
        world.connect(false).await;
        let lab = &world.service.lab;
        lab.clear_requests();
        let made = async {
            // Both looks found nobody.
            while lab.requests().iter().filter(|one| one.method == "GET" && one.path == "/Users").count() < 2
            {
                tokio::task::yield_now().await;
            }
            lab.seed_user(json!({ "userName": "p000", "active": true })).unwrap()
        };
        let (made, turned) = tokio::join!(biased; made, world.engine.turn());
        turned.unwrap();
        let posts = lab.requests().iter().filter(|one| one.method == "POST").count();
        let entry = world.standing("p000").await;
        assert_eq!(
            (posts, entry.state, entry.remote_id, entry.origin),
            (1, State::Synced, Some(made), Some(Origin::Adopted)),
            "{conflict:?}: {:?}",
            entry.message
        );
        assert_eq!(lab.users().len(), 1, "{conflict:?}");
    }
}
