//! Every connector that has SCIM, against a service of the lab with just the peculiarities that the connector tells of:
//! activated; somebody is made there, changed, and in a group; and set inactive when they leave.

use serde_json::{Value, json};
use tessera::catalog::model::{
    MemberRemoval, PatchDialect, Provisioning, Quirks as Told, RemoteDeactivation,
};
use tessera::catalog::{Catalog, Connector};
use tessera::lab::scim::{
    DeleteUser, FilterSupport, MemberRemoval as Removed, OperationCase, PatchAnswer, Quirks,
    UnknownAttributes, UserName,
};
use tessera::provisioning::model::{ResourceKind, State};
use tessera::provisioning::state;

use crate::world::World;

/// A service as the connector describes it, and as strict about it as can be.
fn service(scim: &Provisioning) -> Quirks {
    let usual = Quirks::default();
    // What it would take to tell these apart is not of one account and one group: each has tests of its own.
    let Told {
        privileged_groups: _,
        adopt_groups: _,
        missing_account: _,
        jit_off: _,
        deactivate_to_change_token: _,
        certificate: _,
        read_back: _,
        no_external_id: _,
        plain_json: _,
        concurrency: _,
        ref immutable,
        remote_deactivation,
        username_equals_email,
        groups_need_approval,
        no_enterprise_extension,
        unknown_attributes_ignored,
        ref unused,
        ref single_valued,
        no_patch,
        patch_dialect,
        member_removal,
        membership_limit,
        page_limit,
        cursor_paging,
        members_hidden,
        no_filter,
        inactive_hidden,
        pace,
    } = scim.quirks;
    let sends_emails = scim.user_attributes.iter().any(|row| row.scim.starts_with("emails"));
    Quirks {
        filter: if no_filter { FilterSupport::Ignored } else { usual.filter },
        page_max: page_limit.map_or(usual.page_max, u64::from),
        cursor_paging,
        members_hidden,
        member_changes_max: membership_limit.map(|most| most as usize),
        member_removal: match member_removal {
            MemberRemoval::Filter => usual.member_removal,
            MemberRemoval::List => Removed::Values,
        },
        pending_members: groups_need_approval,
        single_valued: !single_valued.is_empty(),
        delete_user: match remote_deactivation {
            RemoteDeactivation::Lock => DeleteUser::Deactivate,
            RemoteDeactivation::Deactivate | RemoteDeactivation::Delete => usual.delete_user,
        },
        inactive_is_gone: inactive_hidden,
        no_enterprise: no_enterprise_extension,
        unknown_attributes: if unknown_attributes_ignored {
            UnknownAttributes::Ignored
        } else {
            usual.unknown_attributes
        },
        dropped_attributes: unused.clone(),
        user_name: match username_equals_email {
            true if sends_emails => UserName::FirstEmail,
            true => UserName::Email,
            false => usual.user_name,
        },
        immutable_attributes: immutable.clone(),
        patch_user: if no_patch { PatchAnswer::Unsupported } else { usual.patch_user },
        patch_group: if no_patch { PatchAnswer::Unsupported } else { usual.patch_group },
        operation_case: match patch_dialect {
            PatchDialect::Rfc => OperationCase::Lower,
            PatchDialect::Entra => OperationCase::Capitalised,
        },
        boolean_texts: patch_dialect == PatchDialect::Entra,
        user_writes_per_minute: pace.map(|pace| pace.per_minute),
        ..usual
    }
}

fn is_active(account: &Value) -> bool {
    account["active"] != json!(false) && account["active"] != json!("False")
}

/// What goes wrong with a connector at such a service.
async fn tried(connector: &Connector) -> Vec<String> {
    let scim = connector.provisioning.as_ref().unwrap();
    let mut faults = Vec::new();
    let mut expect = |is_so: bool, what: String| {
        if !is_so {
            faults.push(format!("{}: {what}", connector.id));
        }
    };
    let world = World::with(service(scim), &connector.id).await;
    let (group, everybody) = world.bound("Sales", 1).await;
    let everything = json!({ "display_name": "Livia Drusilla", "job_title": "Empress",
        "department": "Palatine", "employee_identifier": "42", "preferred_language": "it", "locale": "it-IT" });
    world.patch(everybody[0], everything).await;
    world.connect(scim.groups).await;
    // Where few requests are taken, each waits for its time.
    let turns = if scim.quirks.pace.is_some() { 12 } else { 1 };
    let turn = async || {
        for _ in 0..turns {
            world.turn().await;
            world.clock.advance(5_000);
        }
    };
    turn().await;
    let accounts = world.service.lab.users();
    expect(accounts.len() == 1 && is_active(&accounts[0]), format!("made {accounts:?}"));
    let groups = world.service.lab.groups();
    let members: Vec<usize> =
        groups.iter().map(|group| group["members"].as_array().map_or(0, Vec::len)).collect();
    let there = usize::from(!scim.quirks.groups_need_approval);
    let wanted = if scim.groups { vec![there] } else { Vec::new() };
    expect(
        members == wanted && groups.iter().all(|group| group["displayName"] == "Sales"),
        format!("{groups:?}"),
    );

    let names = ["name.familyName", "name.formatted", "displayName"];
    let is_named = scim.user_attributes.is_empty()
        || scim.user_attributes.iter().any(|row| names.contains(&row.scim.as_str()));
    world.patch(everybody[0], json!({ "display_name": "Julia Augusta", "last_name": "Augusta" })).await;
    turn().await;
    let accounts = world.service.lab.users();
    let is_changed = accounts.iter().any(|account| account.to_string().contains("Augusta"));
    expect(is_changed == is_named, format!("changed {accounts:?}"));

    world.leave(group, &everybody).await;
    turn().await;
    let accounts = world.service.lab.users();
    expect(!accounts.iter().any(is_active), format!("left {accounts:?}"));
    for kind in [ResourceKind::User, ResourceKind::Group] {
        let counts = state::counts(&mut world.db.reader(), world.id()).await.unwrap();
        let failed = counts.of(kind, State::Failed);
        expect(failed == 0, format!("{failed} failed"));
    }
    faults
}

#[tokio::test]
async fn every_connector_with_scim_keeps_an_account_and_a_group_in_step() {
    let catalog = Catalog::built_in();
    let connectors: Vec<_> = catalog.list().filter(|one| one.provisioning.is_some()).collect();
    assert!(connectors.len() > 60, "{}", connectors.len());
    let mut faults = Vec::new();
    for connector in connectors {
        faults.extend(tried(connector).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
