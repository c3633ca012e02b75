//! Whatever an installation can hold comes back from its text: configurations made by chance are applied, exported,
//! and applied elsewhere.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tessera::transfer::Options;

use crate::world::World;

/// Words that YAML would like to read as something else, and letters that writing them down could lose.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 ]{1,12}",
        "\\PC{1,30}",
        "[-:#'\"\\[\\]{}&*!|>%@`,? ~=<]{1,6}",
        prop::sample::select(vec![
            "null",
            "~",
            "yes",
            "No",
            "true",
            "1",
            "1e3",
            "0x10",
            "0o7",
            ".inf",
            "-",
            "---",
            "...",
            "<<",
            "=",
            "2024-01-01",
            "12:30",
            "1_000",
            "'",
            "\"",
            "a: b",
            "a #b",
            "\u{feff}x",
            "x\u{2028}y",
            "\u{a0}",
            "x\u{85}y",
            "\u{fffe}",
            "🦀",
            "e\u{301}",
            "% x",
            "@x",
            "- - a",
            "? x",
            "\\n"
        ])
        .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"source": "email"})),
        Just(json!({"source": "custom.badge"})),
        text().prop_map(|constant| json!({"constant": constant})),
        (prop::collection::vec(text(), 0..3), prop::collection::vec(text(), 0..2))
            .prop_map(|(include, exclude)| json!({"groups": {"include": include, "exclude": exclude}})),
        (prop::collection::vec((text(), text()), 0..3), prop::option::of(text()), any::<bool>()).prop_map(
            |(rules, default, all)| {
                let rules: Vec<Value> =
                    rules.into_iter().map(|(group, value)| json!({"group": group, "value": value})).collect();
                let mut out = json!({"by_group": rules, "all": all});
                if let Some(default) = default {
                    out["default"] = json!(default);
                }
                out
            }
        ),
    ]
}

fn transform() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec!["lower", "upper", "local_part"]).prop_map(|name| json!(name)),
        (prop::sample::select(vec!["prefix", "suffix", "join", "split"]), text())
            .prop_map(|(name, text)| json!({ name: text })),
        prop::collection::btree_map(text(), text(), 0..3).prop_map(|map| json!({ "map": map })),
    ]
}

fn attribute() -> impl Strategy<Value = Value> {
    (
        text(),
        value(),
        prop::collection::vec(transform(), 0..3),
        any::<bool>(),
        prop::option::of(text()),
        prop::sample::select(vec!["basic", "uri", "unspecified"]),
    )
        .prop_map(|(name, mut value, transforms, enabled, friendly, format)| {
            value["name"] = json!(name);
            value["name_format"] = json!(format);
            value["transforms"] = json!(transforms);
            value["enabled"] = json!(enabled);
            if let Some(friendly) = friendly {
                value["friendly_name"] = json!(friendly);
            }
            value
        })
}

fn sso() -> impl Strategy<Value = Value> {
    (
        prop::collection::vec(attribute(), 0..4),
        prop::option::of(text()),
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(text(), 0..3),
        any::<[bool; 6]>(),
        prop::sample::select(vec!["emailAddress", "persistent", "transient", "unspecified"]),
        prop::collection::vec(transform(), 0..2),
    )
        .prop_map(|(attributes, entity, acs, relay_states, switches, format, transforms)| {
            json!({
                "attributes": attributes,
                "sp_entity_id": entity,
                "acs_urls": acs,
                "relay_states": relay_states,
                "allow_missing_destination": switches[0],
                "sign_error_responses": switches[1],
                "strict_relay_state": switches[2],
                "redirect_enveloped_signature": switches[3],
                "omit_name_id": switches[4],
                "ecp": switches[5],
                "name_id": {"format": format, "constant": entity, "transforms": transforms},
                "login_url": null,
            })
        })
}

/// The rows that every mapping needs, and perhaps one more.
fn provisioning() -> impl Strategy<Value = Value> {
    (
        prop::option::of((
            prop::sample::select(vec!["title", "nickName", "addresses.locality"]),
            value(),
            transform(),
            any::<bool>(),
            prop::option::of(text()),
        )),
        prop::collection::vec(prop::sample::select(vec!["create", "update", "delete"]), 0..3),
        prop::sample::select(vec!["delete", "suspend", "nothing"]),
        any::<bool>(),
        (0_u32..50, 0_u32..101),
    )
        .prop_map(|(row, approval, on_user_delete, groups, (count, percent))| {
            let mut rows = vec![
                json!({"scim": "userName", "source": "username"}),
                json!({"scim": "emails[type eq \"work\"].value", "source": "email"}),
            ];
            if let Some((scim, mut value, transform, enabled, remote)) = row {
                value["scim"] = json!(scim);
                value["transforms"] = json!([transform]);
                value["enabled"] = json!(enabled);
                value["remote"] = json!(remote);
                rows.push(value);
            }
            json!({
                "base_url": if groups { Some("https://a.example/scim") } else { None },
                "manage_groups": groups,
                "on_user_delete": on_user_delete,
                "require_approval": approval,
                "mass_change": {"count": count, "percent": percent},
                "mappings": rows,
            })
        })
}

fn configuration() -> impl Strategy<Value = Value> {
    let groups = prop::collection::vec((text(), text()), 0..4);
    (groups, text(), text(), sso(), provisioning(), text(), any::<bool>()).prop_map(
        |(groups, label, description, sso, provisioning, organisation, shown)| {
            let mut names = Vec::new();
            let mut entries = Vec::new();
            for (i, (name, description)) in groups.into_iter().enumerate() {
                // Unique in any case.
                let name = format!("{i}{name}");
                entries.push(json!({"name": name, "description": description}));
                names.push(name);
            }
            json!({
                "tessera": 1,
                "settings": {"organisation_name": organisation},
                "groups": entries,
                "applications": [
                    {"slug": "a", "connector": "custom-saml", "label": label, "description": description, "groups": names,
                     "show_in_portal": shown, "sso": sso, "provisioning": provisioning},
                    {"slug": "b", "connector": "bookmark", "bookmark_url": "https://b.example", "label": description},
                ],
            })
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_stored_comes_back_from_its_text() {
    let (here, there) = (World::sqlite().await, World::sqlite().await);
    let prune = Options { prune: true, reuse: false };
    let mut runner = TestRunner::deterministic();
    let mut taken = 0;
    for _ in 0..support::rounds(150, 3000) {
        let made = configuration().new_tree(&mut runner).unwrap().current();
        // JSON is YAML. What an operation refuses is no configuration.
        if here.try_apply(&made.to_string(), prune).await.is_err() {
            continue;
        }
        taken += 1;
        let text = here.export().await;
        let plan = there.try_apply(&text, prune).await;
        assert!(plan.is_ok(), "{plan:?}\n{text}");
        assert_eq!(there.export().await, text, "made from {made}");
        assert!(!there.rehearse(&text, prune).await.unwrap().changes_anything(), "{text}");
    }
    assert!(taken > support::rounds(15, 300), "only {taken} were taken");
}
