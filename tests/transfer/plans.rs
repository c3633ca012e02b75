//! What a plan says, and what carrying it out does and does not do.

use tessera::applications::{self, Status};
use tessera::base::Actor;
use tessera::directory::{GroupPatch, NewGroup, groups};
use tessera::events::query::EventView;
use tessera::transfer::{self, Options, Refused};

use crate::on_both_databases;
use crate::round_trip::EVERYTHING;
use crate::world::{World, lines};

const PRUNE: Options = Options { prune: true, reuse: false };

async fn a_dry_run_writes_nothing<F>(_: impl Fn() -> F, here: World) {
    let (text, events) = (here.export().await, here.events().await.len());
    let epochs = here.installation.epochs().await.unwrap();
    let plan = here.rehearse(EVERYTHING, PRUNE).await.unwrap();
    assert_eq!(
        lines(&plan),
        [
            "update settings: organisation_name \"Tessera\" → \"Acme & Söhne: \\\"the\\\" company\"",
            "update settings: session_idle_minutes 480 → 60",
            "create group \"Sales\"",
            "create group \"ärzte\"",
            "create group \"Zebra\"",
            "create application heap (from heap, active)",
            "create application intranet (from custom-saml, inactive)",
            "create application wiki (from bookmark, active)",
            "create application zz-draft (from custom-saml, draft)",
        ]
    );
    assert_eq!(here.export().await, text);
    assert_eq!(here.events().await.len(), events);
    assert_eq!(here.installation.epochs().await.unwrap(), epochs);
}

async fn changes_are_told_field_by_field_and_leave_events<F>(_: impl Fn() -> F, here: World) {
    here.apply(EVERYTHING).await;
    let before = here.events().await;
    let epochs = here.installation.epochs().await.unwrap();
    let told = here
        .apply(
            "tessera: 1\nsettings: {session_idle_minutes: null}\ngroups: [{name: SALES, description: }]\n\
             applications: [{slug: heap, connector: heap, label: Heap, groups: [everyone, Zebra], status: inactive, \
             sso: {placeholders: {YOUR_ID: null}}}]\n",
        )
        .await;
    assert_eq!(
        told,
        [
            "update settings: session_idle_minutes 60 → 480",
            "update group \"Sales\": name \"Sales\" → \"SALES\"",
            "update group \"Sales\": description \"Those who sell\" → \"\"",
            "update application heap: label \"Heap (EU)\" → \"Heap\"",
            "update application heap: status \"active\" → \"inactive\"",
            "update application heap: groups [\"Everyone\", \"SALES\"] → [\"Everyone\", \"Zebra\"]",
            "update application heap: sso.placeholders nothing → nothing",
        ]
        .map(|line| line
            .replace("sso.placeholders nothing → nothing", "sso.placeholders {YOUR_ID: \"0042\"} → nothing"))
    );
    let events = here.events().await;
    for name in [
        "settings_update",
        "group_update",
        "application_update",
        "application_deactivate",
        "application_bind",
        "application_unbind",
    ] {
        let count = |events: &[EventView]| events.iter().filter(|event| event.name == name).count();
        assert!(count(&events) > count(&before), "{name}");
    }
    assert!(events.iter().all(|event| event.actor_kind == "command_line"));
    let now = here.installation.epochs().await.unwrap();
    assert!(
        now.settings > epochs.settings
            && now.directory > epochs.directory
            && now.applications > epochs.applications
    );
}

async fn what_is_left_out_is_left_alone<F>(_: impl Fn() -> F, here: World) {
    here.apply(EVERYTHING).await;
    let text = here.export().await;
    let told =
        here.apply("tessera: 1\ngroups: []\napplications: [{slug: wiki, connector: bookmark}]\n").await;
    assert_eq!(told, ["unchanged application wiki"]);
    assert_eq!(here.apply("tessera: 1\n").await, Vec::<String>::new());
    assert_eq!(here.export().await, text);
}

async fn prune_deletes_what_its_sections_leave_out<F>(_: impl Fn() -> F, here: World) {
    here.apply(EVERYTHING).await;
    // Zebra is mentioned by an application, and so stays.
    let plan = here
        .try_apply(
            "tessera: 1\ngroups: [{name: sales}]\n\
             applications: [{slug: wiki, connector: bookmark, groups: [zebra]}]\n",
            PRUNE,
        )
        .await
        .unwrap();
    assert_eq!(plan.deleted_applications(), ["heap", "intranet", "zz-draft"]);
    assert_eq!(
        lines(&plan),
        [
            "delete application heap (\"Heap (EU)\")",
            "delete application intranet (\"2024\")",
            "delete application zz-draft (\"Custom SAML application\")",
            "update group \"Sales\": name \"Sales\" → \"sales\"",
            "update application wiki: groups [\"ärzte\"] → [\"Zebra\"]",
            "delete group \"ärzte\" (0 people in it)",
        ]
    );
    let (text, settings) = (here.export().await, "organisation_name: \"Acme");
    assert!(!text.contains("slug: heap") && !text.contains("ärzte") && text.contains(settings), "{text}");
    // A section that is not there prunes nothing.
    let plan = here.try_apply("tessera: 1\nsettings: {}\n", PRUNE).await.unwrap();
    assert!(!plan.changes_anything());
    // Its address is kept from reuse by accident.
    let again = "tessera: 1\napplications: [{slug: heap, connector: heap}]\n";
    assert_eq!(here.refused(again).await, ["2:16 recently_used"]);
    let reuse = Options { reuse: true, ..Options::default() };
    assert_eq!(
        lines(&here.try_apply(again, reuse).await.unwrap()),
        ["create application heap (from heap, draft)"]
    );
}

async fn one_refusal_and_nothing_is_done<F>(_: impl Fn() -> F, here: World) {
    let (text, events) = (here.export().await, here.events().await.len());
    let told = here
        .refused(
            "tessera: 1\nsettings: {organisation_name: New}\ngroups: [{name: New}]\napplications:\n\
             - {slug: good, connector: bookmark, bookmark_url: https://a.example}\n\
             - {slug: bad, connector: heap, status: active}\n",
        )
        .await;
    assert_eq!(told, ["6:3 placeholders_unfilled"]);
    assert_eq!(here.export().await, text);
    assert_eq!(here.events().await.len(), events);
}

async fn a_plan_that_no_longer_holds_is_not_carried_out<F>(_: impl Fn() -> F, here: World) {
    let db = &here.installation.db;
    let new = NewGroup { name: "Sales".to_owned(), description: None };
    let group = groups::create(db, &here.ctx, new).await.unwrap();
    let file = || {
        let text = b"tessera: 1\ngroups: [{name: Sales, description: Mine}]\n".to_vec();
        transfer::read([("t.yaml".to_owned(), text)]).unwrap()
    };
    let options = Options::default();
    let plan = transfer::rehearse(&here.installation, &here.ctx, &file(), options).await.unwrap();
    let theirs = GroupPatch { description: Some("Theirs".to_owned()), ..GroupPatch::default() };
    groups::update(db, &here.ctx, group.id, None, theirs).await.unwrap();
    let refused = transfer::carry_out(&here.installation, &here.ctx, &file(), options, &plan).await;
    assert!(
        matches!(&refused, Err(Refused::Other(error)) if error.code == "changed_meanwhile"),
        "{refused:?}"
    );
    let now = groups::find(&mut db.reader(), group.id).await.unwrap().unwrap();
    assert_eq!(now.description, "Theirs");
}

async fn an_application_in_use_changes_and_goes_out_of_use_in_one_go<F>(_: impl Fn() -> F, here: World) {
    here.apply(EVERYTHING).await;
    // In use it could not lose its ACS URL.
    let incomplete = "sso: {acs_urls: []}}]\n";
    let stays = format!("tessera: 1\napplications: [{{slug: heap, connector: heap, {incomplete}");
    assert_eq!(here.refused(&stays).await, ["2:62 sso_incomplete"]);
    let goes =
        format!("tessera: 1\napplications: [{{slug: heap, connector: heap, status: inactive, {incomplete}");
    here.apply(&goes).await;
    let found =
        applications::find_by_slug(&mut here.installation.db.reader(), "heap").await.unwrap().unwrap();
    assert_eq!((found.status, found.sso.acs_urls.len()), (Status::Inactive, 0));
    let back = "tessera: 1\napplications: [{slug: heap, connector: heap, status: draft}]\n";
    assert_eq!(here.refused(back).await, ["2:54 status_unreachable"]);
    assert_eq!(here.ctx.actor, Actor::CommandLine);
}

async fn another_version_of_a_connector_is_told<F>(_: impl Fn() -> F, here: World) {
    let file = "tessera: 1\napplications: [{slug: heap, connector: heap, connector_version: 7}]\n";
    let told = here.apply(file).await;
    assert_eq!(told, ["create application heap (from heap in version 1, not 7 as in the file, draft)"]);
    assert_eq!(here.apply(file).await, ["unchanged application heap"], "it keeps the one that it has");
}

on_both_databases!(
    a_dry_run_writes_nothing,
    another_version_of_a_connector_is_told,
    changes_are_told_field_by_field_and_leave_events,
    what_is_left_out_is_left_alone,
    prune_deletes_what_its_sections_leave_out,
    one_refusal_and_nothing_is_done,
    a_plan_that_no_longer_holds_is_not_carried_out,
    an_application_in_use_changes_and_goes_out_of_use_in_one_go,
);

#[tokio::test]
async fn settings_that_sign_metadata_bring_the_key_along_once() {
    for world in [World::sqlite().await, World::postgres().await] {
        let text = "tessera: 1\nsettings: {sign_metadata: true}\n";
        let keys = async || {
            let keys = tessera::keys::metadata::list(&mut world.installation.db.reader()).await.unwrap();
            keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
        };
        let plan = world.rehearse(text, Options::default()).await.unwrap();
        assert_eq!(lines(&plan), ["update settings: sign_metadata false → true"]);
        assert!(keys().await.is_empty(), "a rehearsal leaves nothing");
        world.apply(text).await;
        let made = keys().await;
        assert_eq!(made.len(), 1);
        assert!(world.export().await.contains("sign_metadata: true"));
        assert!(!world.export().await.contains("PRIVATE"));
        assert_eq!(world.apply(text).await, ["unchanged settings"]);
        assert_eq!(keys().await, made);
    }
}

#[tokio::test]
async fn a_profile_sets_what_is_not_named_beside_it_and_is_exported_with_all_it_set() {
    let world = World::sqlite().await;
    let entry =
        "{slug: library, connector: custom-saml, sso: {profile: saml2int, strict_relay_state: false}}";
    let text = format!("tessera: 1\napplications: [{entry}]\n");
    world.apply(&text).await;
    let export = world.export().await;
    assert!(export.contains("profile: saml2int"), "{export}");
    assert!(export.contains("format: transient") && export.contains("strict_relay_state: false"), "{export}");
    let again = World::sqlite().await;
    again.apply(&export).await;
    assert_eq!(again.export().await, export);
    assert!(world.apply(&export).await.iter().all(|line| line.starts_with("unchanged")));
}
