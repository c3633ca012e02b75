//! What is exported can be applied, here and elsewhere, and comes out as it went in.

use tessera::applications::{self, binding};
use tessera::directory::groups;
use tessera::keys;
use tessera::transfer::Options;

use crate::on_both_databases;
use crate::world::{World, lines};

/// A bit of everything that configuration holds.
pub const EVERYTHING: &str = r#"
tessera: 1
settings:
  organisation_name: "Acme & Söhne: \"the\" company"
  session_idle_minutes: 60
groups:
- name: Sales
  description: Those who sell
- name: ärzte
- name: Zebra
applications:
- slug: heap
  connector: heap
  label: Heap (EU)
  color: ochre
  groups: [Sales, Everyone]
  status: active
  sso:
    placeholders: {YOUR_ID: "0042"}
    attributes:
    - {name: email, source: email}
    - {name: "on", constant: "yes", name_format: uri, friendly_name: 'It''s on'}
    - {name: roles, groups: {include: ["app-*"], exclude: ["*-admin"]}, transforms: [lower, {prefix: "x-"}, {map: {a: "1", "*": "null"}}]}
    - {name: role, by_group: [{group: Sales, value: "~"}], default: "- none", all: true, enabled: false}
- slug: intranet
  connector: custom-saml
  label: "2024"
  description: "no: #comment"
  show_in_portal: false
  status: inactive
  groups: []
  sso:
    idp_entity_id: urn:acme:idp
    sp_entity_id: https://sp.example/metadata
    acs_urls:
    - {url: https://sp.example/acs, index: 3}
    - {url: https://sp.example/other, index: 0, default: true}
    name_id: {format: persistent}
    default_relay_state: https://sp.example/start
    relay_states: []
    sign_error_responses: true
    idp_initiated: confirm
    deny_to: sp
    slo: {redirect_url: https://sp.example/slo, redirect_response_url: https://sp.example/slo-answer}
  provisioning:
    base_url: https://sp.example/scim/v2
    manage_groups: true
    on_user_delete: nothing
    require_approval: [delete, create]
    mass_change: {count: 5, percent: 50}
    mappings:
    - {scim: userName, source: username}
    - {scim: 'emails[type eq "work"].value', source: email, transforms: [lower]}
    - {scim: title, remote: Role, by_group: [{group: SALES, value: "~"}, {group: ärzte, value: 'yes'}], default: '', enabled: false}
- slug: wiki
  connector: bookmark
  label: Wiki
  bookmark_url: https://wiki.example/?a=b#c
  status: active
  groups: [ärzte]
- slug: zz-draft
  connector: custom-saml
"#;

async fn export_apply_export_is_byte_identical<F: Future<Output = World>>(
    another: impl Fn() -> F,
    here: World,
) {
    here.apply(EVERYTHING).await;
    let text = here.export().await;
    let there = another().await;
    there.apply(&text).await;
    assert_eq!(there.export().await, text);
    let epochs = here.installation.epochs().await.unwrap();
    let events = here.events().await.len();
    let plan = here.try_apply(&text, Options { prune: true, reuse: false }).await.unwrap();
    assert!(!plan.changes_anything(), "{:#?}", lines(&plan));
    assert!(lines(&plan).iter().all(|line| line.starts_with("unchanged ")));
    assert_eq!(here.events().await.len(), events);
    assert_eq!(here.installation.epochs().await.unwrap(), epochs);
}

async fn the_text_is_the_promised_one<F>(_: impl Fn() -> F, here: World) {
    here.apply(EVERYTHING).await;
    insta::assert_snapshot!("everything", here.export().await);
}

async fn a_group_that_is_gone_is_in_no_file<F: Future<Output = World>>(another: impl Fn() -> F, here: World) {
    here.apply(EVERYTHING).await;
    let db = &here.installation.db;
    let sales = groups::find_by_name(&mut db.reader(), "Sales").await.unwrap().unwrap().id;
    binding::delete_group(db, &here.ctx, sales, None).await.unwrap();
    let text = here.export().await;
    assert!(!text.contains(&sales.to_string()) && text.contains("by_group: []"), "{text}");
    let there = another().await;
    there.apply(&text).await;
    assert_eq!(there.export().await, text);
}

async fn a_certificate_stays_a_block<F: Future<Output = World>>(another: impl Fn() -> F, here: World) {
    here.apply("tessera: 1\napplications: [{slug: a, connector: custom-saml}]\n").await;
    let mut reader = here.installation.db.reader();
    let a = applications::find_by_slug(&mut reader, "a").await.unwrap().unwrap();
    let pem = keys::list(&mut reader, a.id).await.unwrap()[0].certificate_pem();
    let block = format!("      {}\n", pem.lines().collect::<Vec<_>>().join("\n      "));
    let file = format!(
        "tessera: 1\napplications:\n- slug: a\n  connector: custom-saml\n  sso:\n    sp_certificates:\n    - |\n{block}    require_signed_requests: true\n"
    );
    let told = here.apply(&file).await;
    assert!(told[0].contains("sso.require_signed_requests false → true"), "{told:?}");
    assert!(told[1].contains("sso.sp_certificates [] → [certificate (SHA-256 of its text "), "{told:?}");
    assert_eq!(here.apply(&file).await, ["unchanged application a"]);
    let text = here.export().await;
    assert!(text.contains("|\n") && text.contains("-----END CERTIFICATE-----\n"), "{text}");
    let there = another().await;
    there.apply(&text).await;
    assert_eq!(there.export().await, text);
}

on_both_databases!(
    export_apply_export_is_byte_identical,
    the_text_is_the_promised_one,
    a_group_that_is_gone_is_in_no_file,
    a_certificate_stays_a_block
);
