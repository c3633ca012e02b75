//! A later version of a connector: nothing changes by itself, and what is taken over is taken over whole, by single
//! sign-on and identity management together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tessera::applications::{self, Application, resolved, sso};
use tessera::base::Error;
use tessera::catalog::Catalog;
use tessera::catalog::sso::ValueFrom;
use tessera::catalog::upgrade::Standing;
use tessera::lab::scim::Quirks as Lab;
use tessera::provisioning::connection::{self, ConnectionPatch, NewSecret, bearer};
use tessera::provisioning::model::{Connection, ConnectionStatus};
use tessera::provisioning::upgrade::{Offer, Wanted, offer};

use crate::world::World;

const FIRST: &str = r#"
version: 1
placeholders:
  YOUR_ID: {label: ID, kind: segment, example: "1"}
sso:
  sp_entity_id: https://own.example
  acs_urls: [https://own.example/acs/YOUR_ID]
  attributes:
    - {name: email, source: email}
    - {name: team, source: department}
    - {name: plan, constant: basic}
provisioning:
  base_url: https://own.example/scim/YOUR_ID
  user_attributes:
    - {scim: userName, source: username, required: true}
    - {scim: displayName, source: display_name}
"#;

const SECOND: &str = r#"
version: 2
placeholders:
  YOUR_TENANT: {label: Tenant, kind: segment, pattern: "[a-z]+", example: acme}
sso:
  sp_entity_id: https://own.example
  acs_urls: [https://own.example/saml/YOUR_TENANT]
  attributes:
    - {name: email, source: email}
    - {name: team, source: cost_center}
    - {name: login, source: username, jit: required}
provisioning:
  base_url: https://own.example/v2/YOUR_TENANT
  user_attributes:
    - {scim: userName, source: username, required: true}
    - {scim: displayName, source: last_name}
  quirks: {no_external_id: true}
"#;

fn catalog(version: &str) -> Arc<Catalog> {
    let folder = tempfile::tempdir().unwrap();
    let head = "id: own\nname: Own\ndescription: Own\ncategories: [other]\naccent: lapis";
    std::fs::write(folder.path().join("own.yaml"), format!("{head}{version}")).unwrap();
    Catalog::with_folder(folder.path()).unwrap()
}

/// An application of the first version, filled in and in use, whose team comes from another property than the connector
/// says.
async fn made(world: &World) -> Application {
    let attributes = json!([
        { "name": "email", "source": "email" },
        { "name": "team", "source": "location" },
        { "name": "plan", "constant": "basic" },
    ]);
    let patch = json!({ "placeholders": { "YOUR_ID": "42" }, "attributes": attributes });
    let patch = serde_json::from_value(patch).unwrap();
    sso::patch(&world.db, &world.ctx(), world.id(), patch, None).await.unwrap();
    sso::activate(&world.db, &world.ctx(), world.id(), None).await.unwrap()
}

async fn stored(world: &World) -> Application {
    applications::require(&mut world.db.reader(), world.id()).await.unwrap()
}

async fn connected(world: &World) -> Connection {
    connection::require(&mut world.db.reader(), world.id()).await.unwrap()
}

async fn offered(world: &World, catalog: &Catalog) -> Option<Offer> {
    offer(&mut world.db.reader(), catalog, &stored(world).await).await.unwrap()
}

/// Takes over what is named, or whatever is untouched.
async fn take(
    world: &World,
    catalog: &Catalog,
    take: Option<&[&str]>,
    placeholders: &[(&str, &str)],
) -> Result<Application, Error> {
    let wanted = Wanted {
        revision: offered(world, catalog).await.unwrap().revision,
        take: take.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect()),
        placeholders: placeholders.iter().map(|(t, v)| ((*t).to_owned(), Some((*v).to_owned()))).collect(),
    };
    let upgraded = world.engine.connections().upgrade(&world.ctx(), catalog, world.id(), wanted, None).await;
    upgraded.map(|upgraded| upgraded.application)
}

fn acs(application: &Application) -> String {
    resolved::resolve(application).unwrap().acs_urls[0].url.clone()
}

fn attributes(application: &Application) -> Vec<String> {
    application
        .sso
        .attributes
        .iter()
        .map(|row| {
            let row = serde_json::to_value(row).unwrap();
            let from = [&row["source"], &row["constant"]].into_iter().find_map(Value::as_str).unwrap();
            format!("{} {from}", row["name"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn an_application_stays_as_it_is_until_a_later_version_is_taken_over() {
    for world in [
        World::by(Lab::default(), catalog(FIRST), "own").await,
        World::on_postgres_by(catalog(FIRST), "own").await,
    ] {
        Box::pin(taken_over(world)).await;
    }
}

async fn taken_over(world: World) {
    let (before, second) = (made(&world).await, catalog(SECOND));
    assert_eq!(acs(&before), "https://own.example/acs/42");
    assert!(offered(&world, &catalog(FIRST)).await.is_none());
    let Offer { from, to, differences, .. } = offered(&world, &second).await.unwrap();
    assert_eq!((from, to), (1, 2));
    let told: Vec<(&str, Standing)> = differences.iter().map(|d| (d.field.as_str(), d.standing)).collect();
    assert_eq!(
        told,
        [
            ("sso.acs_urls", Standing::Untouched),
            ("sso.attributes.team", Standing::Own),
            ("sso.attributes.plan", Standing::Untouched),
            ("sso.attributes.login", Standing::Fixed),
            ("placeholders.YOUR_TENANT", Standing::Fixed),
            ("provisioning.quirks.no_external_id", Standing::Fixed),
            ("provisioning.base_url", Standing::Fixed),
            ("provisioning.mappings.displayname", Standing::Fixed),
        ]
    );
    let team = &differences[1];
    assert_eq!(
        (&team.before["source"], &team.after["source"], &team.own["source"]),
        (&json!("department"), &json!("cost_center"), &json!("location"))
    );

    // An active application would not be complete: nothing of it is stored.
    let error = take(&world, &second, None, &[]).await.unwrap_err();
    assert_eq!(error.code, "placeholders_unfilled");
    assert!(error.fields[0].message.contains("Tenant"), "{error:?}");
    let error = take(&world, &second, None, &[("YOUR_TENANT", "4")]).await.unwrap_err();
    assert_eq!(
        (&*error.fields[0].field, &*error.fields[0].code),
        ("placeholders.YOUR_TENANT", "placeholder_value")
    );
    for field in ["sso.login_url", "provisioning.base_url", "placeholders.YOUR_TENANT", "nothing"] {
        let error = take(&world, &second, Some(&[field]), &[("YOUR_TENANT", "acme")]).await.unwrap_err();
        assert_eq!(
            (&*error.fields[0].field, &*error.fields[0].code),
            ("take.0", "unknown_difference"),
            "{field}"
        );
    }
    assert_eq!(stored(&world).await, before);

    let after = take(&world, &second, None, &[("YOUR_TENANT", "acme")]).await.unwrap();
    assert_eq!(after, stored(&world).await);
    assert_eq!(acs(&after), "https://own.example/saml/acme");
    assert_eq!(attributes(&after), ["email email", "team location", "login username"]);
    assert_eq!(after.placeholders, BTreeMap::from([("YOUR_TENANT".to_owned(), "acme".to_owned())]));
    assert!(connection::quirks(&after).no_external_id && after.is_active());
    assert!(offered(&world, &second).await.is_none(), "what was left out is not offered again");
    assert!(offered(&world, &catalog(FIRST)).await.is_none(), "nor an earlier version");
}

#[tokio::test]
async fn what_is_left_out_works_on_with_its_own_placeholders() {
    let world = World::by(Lab::default(), catalog(FIRST), "own").await;
    made(&world).await;
    let second = catalog(SECOND);
    let after = take(&world, &second, Some(&["sso.attributes.team"]), &[]).await.unwrap();
    assert_eq!(acs(&after), "https://own.example/acs/42");
    assert_eq!(attributes(&after), ["email email", "team cost_center", "plan basic", "login username"]);
    assert!(offered(&world, &second).await.is_none());
    let other = json!({ "placeholders": { "YOUR_ID": "43" } });
    let other = serde_json::from_value(other).unwrap();
    let after = sso::patch(&world.db, &world.ctx(), world.id(), other, None).await.unwrap();
    assert_eq!(acs(&after), "https://own.example/acs/43");
}

#[tokio::test]
async fn only_what_was_shown_is_taken_over() {
    let world = World::by(Lab::default(), catalog(FIRST), "own").await;
    let before = made(&world).await;
    let (second, third) = (catalog(SECOND), catalog(&SECOND.replace("/saml/", "/elsewhere/")));
    let wanted = Wanted { revision: offered(&world, &second).await.unwrap().revision, ..Wanted::default() };
    let connections = world.engine.connections();
    let upgrade = async |catalog: &Catalog, wanted: Wanted, version| {
        let done = connections.upgrade(&world.ctx(), catalog, world.id(), wanted, version).await;
        done.unwrap_err().code
    };
    assert_eq!(upgrade(&third, wanted.clone(), None).await, "connector_changed_meanwhile");
    assert_eq!(upgrade(&second, wanted.clone(), Some(before.version - 1)).await, "changed_meanwhile");
    assert_eq!(upgrade(&catalog(FIRST), wanted, None).await, "connector_nothing_newer");
    assert_eq!(stored(&world).await, before);
}

/// A first version whose SCIM service is wherever the administrator says.
fn anywhere() -> String {
    let first = FIRST.replace("https://own.example/scim/YOUR_ID", "YOUR_SCIM_URL");
    first.replace(
        "placeholders:",
        "placeholders:\n  YOUR_SCIM_URL: {label: SCIM, kind: url, example: \"https://own.example/scim\"}",
    )
}

/// An application whose connection is active at the address that its connector has.
async fn active_by_the_connector() -> World {
    let world = World::by(Lab::default(), catalog(&anywhere()), "own").await;
    made(&world).await;
    let placeholders = BTreeMap::from([("YOUR_SCIM_URL".to_owned(), Some(world.address.0.clone()))]);
    let secret = NewSecret { credentials: bearer(world.address.1.clone().into()), expires_at: None };
    world.change(ConnectionPatch { secret: Some(secret), placeholders, ..ConnectionPatch::default() }).await;
    world.engine.connections().activate(&world.ctx(), world.id()).await.unwrap();
    world.bound("Sales", 1).await;
    world.turn().await;
    assert!(world.is_active("p000").unwrap());
    world
}

#[tokio::test]
async fn sc_22_a_token_does_not_follow_the_connector_to_another_address() {
    let world = active_by_the_connector().await;
    take(&world, &catalog(SECOND), None, &[("YOUR_TENANT", "acme")]).await.unwrap();
    let now = connected(&world).await;
    assert_eq!((now.sealed_secret, now.secret_for, now.settings.base_url), (None, None, None));
    assert_eq!(now.status, ConnectionStatus::Draft);
    let events = world.events().await;
    assert!(events.contains(&"idm_integration_delete".to_owned()), "{events:?}");

    let world = active_by_the_connector().await;
    let all_else = ["sso.acs_urls", "provisioning.mappings.displayname"];
    take(&world, &catalog(SECOND), Some(&all_else), &[("YOUR_TENANT", "acme")]).await.unwrap();
    let now = connected(&world).await;
    assert_eq!(now.settings.base_url.as_deref(), Some("YOUR_SCIM_URL"));
    assert_eq!(now.secret_for.as_ref(), Some(&world.address.0), "it stays with its address");
    assert!(now.is_active());
}

#[tokio::test]
async fn an_active_connection_is_never_left_without_an_address() {
    for later in [
        SECOND.replace("  base_url: https://own.example/v2/YOUR_TENANT\n", ""),
        SECOND[..SECOND.find("provisioning:").unwrap()].to_owned(),
    ] {
        let world = active_by_the_connector().await;
        let later = catalog(&later);
        let differences = offered(&world, &later).await.unwrap().differences;
        assert!(differences.iter().all(|d| d.field != "provisioning.base_url"), "{differences:?}");
        take(&world, &later, None, &[("YOUR_TENANT", "acme")]).await.unwrap();
        let now = connected(&world).await;
        assert!(now.is_active() && now.secret_for.as_ref() == Some(&world.address.0));
        world.turn().await;
        assert_eq!(world.failure().await, None);
    }
    // One that needs what nobody has given is refused whole.
    let world = active_by_the_connector().await;
    let later = catalog(&anywhere().replace("version: 1", "version: 2").replace("SCIM_URL", "NEW_URL"));
    let before = (stored(&world).await, connected(&world).await.version);
    let refused = take(&world, &later, None, &[]).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.fields[0].field),
        ("placeholders_unfilled", "placeholders.YOUR_NEW_URL")
    );
    assert_eq!((stored(&world).await, connected(&world).await.version), before);
}

#[tokio::test]
async fn what_somebody_else_has_set_meanwhile_is_not_overwritten() {
    let world = World::by(Lab::default(), catalog(FIRST), "own").await;
    made(&world).await;
    world.connect(false).await;
    let second = catalog(SECOND);
    let wanted = Wanted { revision: offered(&world, &second).await.unwrap().revision, ..Wanted::default() };
    let mut rows = connected(&world).await.settings.mappings;
    rows[1].value = ValueFrom::Constant("ours".to_owned());
    world.change(ConnectionPatch { mappings: Some(rows.clone()), ..ConnectionPatch::default() }).await;
    let refused = world.engine.connections().upgrade(&world.ctx(), &second, world.id(), wanted, None).await;
    assert_eq!(refused.unwrap_err().code, "connector_changed_meanwhile");
    take(&world, &second, None, &[("YOUR_TENANT", "acme")]).await.unwrap();
    assert_eq!(connected(&world).await.settings.mappings, rows, "and it stays one's own");
}

#[tokio::test]
async fn an_attribute_that_becomes_required_is_sent_from_then_on() {
    let world = World::by(Lab::default(), catalog(FIRST), "own").await;
    made(&world).await;
    world.connect(false).await;
    let second = SECOND.replace("source: last_name}", "source: display_name, required: true}");
    take(&world, &catalog(&second), Some(&[]), &[]).await.unwrap();
    let rows = connected(&world).await.settings.mappings;
    assert!(rows.iter().all(|row| row.required), "{rows:?}");
    assert!(offered(&world, &catalog(&second)).await.is_none());
}

#[tokio::test]
async fn what_a_service_is_sent_changes_with_the_version_that_is_taken_over() {
    let world = World::by(Lab::default(), catalog(FIRST), "own").await;
    made(&world).await;
    let (_, people) = world.bound("Sales", 1).await;
    world.patch(people[0], json!({ "display_name": "Ada", "last_name": "Augusta" })).await;
    world.connect(false).await;
    world.turn().await;
    let shown = || world.service.lab.user_named("p000").unwrap()["displayName"].clone();
    assert_eq!(shown(), json!("Ada"));
    let second = catalog(SECOND);
    let differences = offered(&world, &second).await.unwrap().differences;
    let standing = |field: &str| differences.iter().find(|d| d.field == field).map(|d| d.standing);
    assert_eq!(standing("provisioning.base_url"), Some(Standing::Own), "the address is the administrator's");
    assert_eq!(standing("provisioning.mappings.displayname"), Some(Standing::Untouched));
    world.turn().await;
    assert_eq!(shown(), json!("Ada"));
    take(&world, &second, None, &[("YOUR_TENANT", "acme")]).await.unwrap();
    assert!(connected(&world).await.is_active(), "the address is the same");
    world.turn().await;
    assert_eq!(shown(), json!("Augusta"));
}
