//! Identity management in the text: what of it goes out and comes back, what an apply takes away, and what no text holds.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tessera::applications;
use tessera::base::Random;
use tessera::base::id::ApplicationId;
use tessera::directory::{GroupPatch, groups};
use tessera::keys;
use tessera::lab::scim::{LabScim, Quirks, ScimLabOptions};
use tessera::outbound::Outbound;
use tessera::provisioning::connection::{self, Connections, NewSecret, bearer};
use tessera::provisioning::model::{Connection, ConnectionStatus};
use tessera::transfer::Options;
use tokio::net::TcpListener;

use crate::on_both_databases;
use crate::world::{World, lines};

const TOKEN: &str = "of-the-service";

const CONNECTED: &str = r#"
tessera: 1
groups: [{name: Sales}, {name: Support}]
applications:
- slug: crm
  connector: custom-saml
  provisioning:
    base_url: https://crm.example/scim/v2
    mappings:
    - {scim: userName, source: username}
    - {scim: 'emails[type eq "work"].value', source: email}
    - {scim: title, by_group: [{group: sales, value: Seller}, {group: Support, value: Helper}], default: Guest}
"#;

impl World {
    fn connections(&self) -> Connections<'_> {
        Connections {
            db: &self.installation.db,
            vault: &self.installation.vault,
            outbound: &self.installation.outbound,
        }
    }

    async fn application(&self, slug: &str) -> ApplicationId {
        applications::find_by_slug(&mut self.installation.db.reader(), slug).await.unwrap().unwrap().id
    }

    async fn connection(&self, slug: &str) -> Option<Connection> {
        let id = self.application(slug).await;
        connection::find(&mut self.installation.db.reader(), id).await.unwrap()
    }

    async fn give_token(&self, slug: &str) {
        let secret = NewSecret { credentials: bearer(SecretString::from(TOKEN)), expires_at: None };
        let id = self.application(slug).await;
        self.connections().set_secret(&self.ctx, id, secret).await.unwrap();
    }
}

/// A SCIM service that takes the token, and its base URL.
async fn service(here: &World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (token, quirks, latency) = (TOKEN.to_owned(), Quirks::default(), Duration::ZERO);
    let options = ScimLabOptions { origin, token, quirks, latency };
    let lab = Arc::new(LabScim::new(options, here.installation.clock.clone(), Random::seeded(3)));
    let (url, router) = (lab.base_url(), lab.router());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn it_goes_into_an_empty_installation_by_the_names_of_groups<F: Future<Output = World>>(
    another: impl Fn() -> F,
    here: World,
) {
    here.apply(CONNECTED).await;
    assert_eq!(here.apply(CONNECTED).await.iter().filter(|line| !line.starts_with("unchanged")).count(), 0);
    // A rule follows its group.
    let mut reader = here.installation.db.reader();
    let sales = groups::find_by_name(&mut reader, "Sales").await.unwrap().unwrap();
    let renamed = GroupPatch { name: Some("Vertrieb".to_owned()), ..GroupPatch::default() };
    groups::update(&here.installation.db, &here.ctx, sales.id, None, renamed).await.unwrap();
    let text = here.export().await;
    assert!(
        text.ends_with(
            r#"
  provisioning:
    base_url: https://crm.example/scim/v2
    manage_groups: false
    on_user_delete: suspend
    require_approval: []
    mass_change:
      count: 20
      percent: 10
    mappings:
    - scim: userName
      enabled: true
      required: true
      source: username
    - scim: emails[type eq "work"].value
      enabled: true
      required: true
      source: email
    - scim: title
      enabled: true
      by_group:
      - group: Vertrieb
        value: Seller
      - group: Support
        value: Helper
      default: Guest
    ca_certificate: null
"#
        ),
        "{text}"
    );
    let there = another().await;
    there.apply(&text).await;
    assert_eq!(there.export().await, text);
    let made = there.connection("crm").await.unwrap();
    assert_eq!((made.status, made.auth), (ConnectionStatus::Draft, None));
    let refused = there.connections().activate(&there.ctx, made.application).await.unwrap_err();
    assert_eq!(refused.code, "needs_token");
    // Held on to there by its id too.
    let mut reader = there.installation.db.reader();
    let sales = groups::find_by_name(&mut reader, "Vertrieb").await.unwrap().unwrap();
    let renamed = GroupPatch { name: Some("Ventes".to_owned()), ..GroupPatch::default() };
    groups::update(&there.installation.db, &there.ctx, sales.id, None, renamed).await.unwrap();
    assert!(there.export().await.contains("- group: Ventes\n"));
}

async fn changes_are_told_field_by_field_before_they_are_made<F>(_: impl Fn() -> F, here: World) {
    here.apply(
        "tessera: 1\ngroups: [{name: Sales}]\napplications: [{slug: crm, connector: custom-saml}, {slug: t, \
         connector: slack}]\n",
    )
    .await;
    let first =
        "tessera: 1\napplications: [{slug: t, connector: slack, provisioning: {on_user_delete: delete}}]\n";
    let told = lines(&here.rehearse(first, Options::default()).await.unwrap());
    assert!(here.connection("t").await.is_none() && !here.export().await.contains("provisioning"));
    let (mappings, told): (Vec<String>, Vec<String>) =
        told.into_iter().partition(|l| l.contains(".mappings "));
    assert_eq!(
        told,
        [
            "update application t: provisioning.status nothing → \"draft\"",
            "update application t: provisioning.manage_groups nothing → false",
            "update application t: provisioning.on_user_delete nothing → \"delete\"",
            "update application t: provisioning.require_approval nothing → []",
            "update application t: provisioning.mass_change nothing → {count: 20, percent: 10}",
        ]
    );
    assert!(mappings[0].contains("provisioning.mappings nothing → [{scim: \"userName\""), "{mappings:?}");
    here.apply(CONNECTED).await;
    let (text, events) = (here.export().await, here.events().await.len());
    let changed = CONNECTED.replace("value: Seller", "value: Rep").replace(
        "    mappings:",
        "    manage_groups: true\n    mass_change: {count: 20, percent: 11}\n    require_approval: [delete]\n    mappings:",
    );
    let plan = here.rehearse(&changed, Options::default()).await.unwrap();
    assert_eq!(
        lines(&plan)[2..],
        [
            "update application crm: provisioning.manage_groups false → true",
            "update application crm: provisioning.require_approval [] → [\"delete\"]",
            "update application crm: provisioning.mass_change.percent 10 → 11",
            "update application crm: provisioning.mappings.2.by_group.0.value \"Seller\" → \"Rep\"",
        ]
    );
    assert_eq!((here.export().await, here.events().await.len()), (text.clone(), events));
    assert_eq!(here.apply(&changed).await, lines(&plan));
    assert_ne!(here.export().await, text);
    let events = here.events().await;
    let told = events.iter().find(|event| event.name == "idm_integration_update").unwrap();
    assert_eq!(told.actor_kind, "command_line");
}

async fn what_is_left_out_of_it_is_left_alone_and_null_clears<F>(_: impl Fn() -> F, here: World) {
    here.apply(CONNECTED).await;
    let text = here.export().await;
    let entry =
        |rest: &str| format!("tessera: 1\napplications: [{{slug: crm, connector: custom-saml{rest}}}]\n");
    for untouched in ["", ", label: Custom SAML application", ", provisioning: {}"] {
        assert_eq!(here.apply(&entry(untouched)).await, ["unchanged application crm"], "{untouched}");
    }
    assert_eq!(here.export().await, text);
    let told = here.apply(&entry(", provisioning: {base_url: null}")).await;
    assert_eq!(
        told,
        ["update application crm: provisioning.base_url \"https://crm.example/scim/v2\" → nothing"]
    );
    let address = "    base_url: https://crm.example/scim/v2\n";
    assert_eq!(here.export().await, text.replace(address, "    base_url: null\n"));
}

async fn a_token_is_not_in_the_text_and_goes_with_its_address<F>(_: impl Fn() -> F, mut here: World) {
    let allowed = vec!["127.0.0.1/32".parse().unwrap()];
    here.installation.outbound = Arc::new(Outbound::new(allowed, None).unwrap());
    let url = service(&here).await;
    let connected = CONNECTED.replace("https://crm.example/scim/v2", &url);
    here.apply(&connected).await;
    here.give_token("crm").await;
    let id = here.application("crm").await;
    here.connections().activate(&here.ctx, id).await.unwrap();
    let sealed = here.connection("crm").await.unwrap().sealed_secret;
    let text = here.export().await;
    let provisioning = text.split_once("  provisioning:\n").unwrap().1;
    for word in [TOKEN, "token", "auth", "secret", "active", "draft"] {
        assert!(!provisioning.contains(word), "{word}: {provisioning}");
    }
    for same_address in [text.clone(), connected.replace("Seller", "Rep")] {
        here.apply(&same_address).await;
        let kept = here.connection("crm").await.unwrap();
        assert_eq!((kept.status, &kept.sealed_secret), (ConnectionStatus::Active, &sealed));
    }
    let elsewhere = "tessera: 1\napplications: [{slug: crm, connector: custom-saml, provisioning: \
                     {base_url: 'https://other.example/scim'}}]\n";
    let plan = here.rehearse(elsewhere, Options::default()).await.unwrap();
    assert_eq!(here.connection("crm").await.unwrap().sealed_secret, sealed);
    let told = [
        "update application crm: provisioning.status \"active\" → \"draft\"".to_owned(),
        format!("update application crm: provisioning.base_url {url:?} → \"https://other.example/scim\""),
        "update application crm: provisioning.auth \"bearer\" → nothing".to_owned(),
    ];
    assert_eq!(lines(&plan), told);
    assert_eq!(here.apply(elsewhere).await, told);
    let moved = here.connection("crm").await.unwrap();
    assert_eq!((moved.status, moved.auth, moved.sealed_secret), (ConnectionStatus::Draft, None, None));
    assert!(here.events().await.iter().any(|event| event.name == "idm_integration_delete"));
    assert_eq!(here.apply(elsewhere).await, ["unchanged application crm"]);
}

async fn authorities_are_told_by_their_digest_and_stay_a_block<F: Future<Output = World>>(
    another: impl Fn() -> F,
    here: World,
) {
    here.apply(CONNECTED).await;
    here.give_token("crm").await;
    let id = here.application("crm").await;
    let pem = keys::list(&mut here.installation.db.reader(), id).await.unwrap()[0].certificate_pem();
    let block = format!("      {}\n", pem.lines().collect::<Vec<_>>().join("\n      "));
    let trusting = format!("{CONNECTED}    ca_certificate: |\n{block}");
    let told = here.apply(&trusting).await;
    assert!(
        told[2].starts_with(
            "update application crm: provisioning.ca_certificate nothing → certificate (SHA-256 of its text "
        ),
        "{told:?}"
    );
    assert_eq!(told[3], "update application crm: provisioning.auth \"bearer\" → nothing");
    let text = here.export().await;
    assert!(text.ends_with(&format!("    ca_certificate: |\n{block}")), "{text}");
    let there = another().await;
    there.apply(&text).await;
    assert_eq!(there.export().await, text);
    assert!(there.apply(&text).await.iter().all(|line| line.starts_with("unchanged ")));
}

async fn a_fault_of_it_is_told_where_it_stands_and_nothing_is_applied<F>(_: impl Fn() -> F, here: World) {
    here.apply(CONNECTED).await;
    let (text, events) = (here.export().await, here.events().await.len());
    let mut wrong = Vec::new();
    for (lines, fault) in [
        ("token: x", "7:5 unknown_field"),
        ("auth: {type: bearer, token: x}", "7:5 unknown_field"),
        ("status: active", "7:5 unknown_field"),
        ("manage_groups: null", "7:20 malformed"),
        ("on_user_delete: keep", "7:21 unknown_value"),
        ("require_approval: [remove]", "7:24 unknown_value"),
        ("require_approval: [deactivate]", "7:23 unknown_change"),
        ("mass_change: {count: 1000001, percent: 1}", "7:26 out_of_range"),
        ("mass_change: {count: 1, percent: 101}", "7:38 out_of_range"),
        ("base_url: http://crm.example/scim", "7:15 outbound_not_https"),
        ("base_url: https://10.0.0.1/scim", "7:15 outbound_address_refused"),
        ("base_url: https://crm.example/scim?a=b", "7:15 unusable_address"),
        ("ca_certificate: none", "7:21 ca_certificate_unreadable"),
        ("mappings: []", "7:15 mapping_required"),
        ("mappings: [{scim: userName}]", "7:16 malformed"),
    ] {
        let file = format!(
            "tessera: 1\nsettings: {{organisation_name: New}}\napplications:\n- slug: crm\n  \
             connector: custom-saml\n  provisioning:\n    {lines}\n"
        );
        let told = here.refused(&file).await;
        if told.first().map(String::as_str) != Some(fault) {
            wrong.push(format!("{lines}\n  {told:?} and not {fault:?}"));
        }
    }
    let rows = CONNECTED.replace(
        "    - {scim: title, by_group: [{group: sales,",
        "    - {scim: groups, source: email}\n    - {scim: 'a[', source: email}\n    - {scim: username, source: email}\n    \
         - {scim: name, constant: Ada}\n    - {scim: title, by_group: [{group: Nobody,",
    );
    let told = here.refused(&rows).await;
    if told
        != [
            "12:14 scim_attribute_reserved",
            "13:14 scim_path_invalid",
            "14:14 scim_attribute_twice",
            "15:14 attribute_unusable",
        ]
    {
        wrong.push(format!("rows: {told:?}"));
    }
    let told = here.refused(&CONNECTED.replace("group: sales", "group: Nobody")).await;
    if told != ["12:40 unknown_group"] {
        wrong.push(format!("group: {told:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((here.export().await, here.events().await.len()), (text, events));
}

on_both_databases!(
    it_goes_into_an_empty_installation_by_the_names_of_groups,
    changes_are_told_field_by_field_before_they_are_made,
    what_is_left_out_of_it_is_left_alone_and_null_clears,
    a_token_is_not_in_the_text_and_goes_with_its_address,
    authorities_are_told_by_their_digest_and_stay_a_block,
    a_fault_of_it_is_told_where_it_stands_and_nothing_is_applied,
);

#[tokio::test]
async fn an_address_is_filled_in_by_the_placeholders_beside_it() {
    let here = World::sqlite().await;
    let entry = |tenant: &str| {
        format!(
            "tessera: 1\napplications: [{{slug: heap, connector: heap, sso: {{placeholders: {{YOUR_TENANT: {tenant}}}}}, \
             provisioning: {{}}}}]\n"
        )
    };
    here.apply(&entry("null")).await;
    assert!(here.export().await.contains("    base_url: null\n"), "the connector's address stays out");
    here.apply(&entry("acme")).await;
    here.give_token("heap").await;
    assert_eq!(
        here.connection("heap").await.unwrap().secret_for.as_deref(),
        Some("https://heapanalytics.com/scim/v2/acme")
    );
    // Another tenant is another address.
    let told = here.apply(&entry("umbrella")).await;
    assert_eq!(
        told,
        [
            "update application heap: sso.placeholders.YOUR_TENANT \"acme\" → \"umbrella\"",
            "update application heap: provisioning.auth \"bearer\" → nothing",
        ]
    );
}
