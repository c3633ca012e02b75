//! Every connector that has SCIM, against a service of the lab: activated, and somebody is made there.

use serde_json::json;
use tessera::catalog::Catalog;
use tessera::lab::scim::Quirks;
use tessera::provisioning::model::{ResourceKind, State};
use tessera::provisioning::state;

use crate::world::World;

#[tokio::test]
async fn every_connector_with_scim_is_activated_and_makes_an_account() {
    let catalog = Catalog::built_in();
    let connectors: Vec<_> = catalog.list().filter(|one| one.provisioning.is_some()).collect();
    assert!(connectors.len() > 60, "{}", connectors.len());
    for connector in connectors {
        let world = World::with(Quirks::default(), &connector.id).await;
        let everybody = world.bound("Sales", 1).await.1;
        let everything = json!({ "display_name": "Livia Drusilla", "job_title": "Empress",
            "department": "Palatine", "employee_identifier": "42", "preferred_language": "it", "locale": "it-IT" });
        world.patch(everybody[0], everything).await;
        let groups = connector.provisioning.as_ref().is_some_and(|scim| scim.groups);
        world.connect(groups).await;
        world.turn().await;
        let accounts = world.service.lab.users();
        assert_eq!(accounts.len(), 1, "{}: {:?}", connector.id, world.standing("p000").await);
        let counts = state::counts(&mut world.db.reader(), world.id()).await.unwrap();
        assert_eq!(counts.of(ResourceKind::User, State::Failed), 0, "{}", connector.id);
    }
}
