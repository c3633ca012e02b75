//! Each fault of a file has its place, its code and a sentence.

use crate::world::World;

#[tokio::test]
async fn each_fault_is_told_where_it_stands() {
    let here = World::sqlite().await;
    here.apply("tessera: 1\napplications: [{slug: old, connector: heap}]\n").await;
    let app = |rest: &str| format!("tessera: 1\napplications:\n- slug: new\n  connector: heap\n{rest}");
    let mut wrong = Vec::new();
    for (text, faults) in [
        ("", vec!["1:1 malformed"]),
        ("groups: []\n", vec!["1:1 missing_field"]),
        ("tessera: 2\n", vec!["1:10 unknown_version"]),
        ("tessera: 1\nusers: []\n", vec!["2:1 unknown_field"]),
        ("tessera: 1\ntessera: 1\n", vec!["2:1 duplicate_key"]),
        ("tessera: 1\ngroups: [{name: a, members: []}]\n", vec!["2:20 unknown_field"]),
        ("tessera: 1\ngroups:\n- name: a\n- name: A\n", vec!["4:9 declared_twice"]),
        ("tessera: 1\ngroups:\n- name: everyone\n", vec!["3:9 built_in_group"]),
        ("tessera: 1\ngroups:\n- name: ''\n", vec!["3:9 required"]),
        ("tessera: 1\nsettings:\n  session_idle: 5\n", vec!["3:17 unknown_field"]),
        (
            "tessera: 1\nsettings:\n  session_idle_minutes: long\n  remember_days: -1\n",
            vec!["3:25 wrong_type", "4:18 wrong_type"],
        ),
        ("tessera: 1\nsettings:\n  remember_days: 5000\n", vec!["3:18 out_of_range"]),
        ("[{\"name\": \"slack\"}]\n", vec!["1:1 not_a_configuration"]),
        ("tessera: 1\na: &x 1\n", vec!["2:7 alias"]),
        ("tessera: !!int 1\n", vec!["1:16 tag"]),
        ("tessera: 1\n---\ntessera: 1\n", vec!["2:1 several_documents"]),
        (&app("- slug: new\n  connector: heap\n"), vec!["5:9 declared_twice"]),
        (&app("  label: null\n"), vec!["5:10 malformed"]),
        (&app("  status: on\n"), vec!["5:11 unknown_value"]),
        (&app("  color: pink\n"), vec!["5:10 unknown_value"]),
        (&app("  groups: [Nobody, Everyone]\n"), vec!["5:12 unknown_group"]),
        (&app("  bookmark_url: https://a.example\n"), vec!["5:17 not_a_bookmark"]),
        (
            &app("  sso:\n    placeholders: {YOUR_ID: x, YOUR_OTHER: y}\n"),
            vec!["6:29 placeholder_value", "6:44 unknown_placeholder"],
        ),
        (&app("  sso:\n    artifact: {}\n"), vec!["6:5 unknown_field"]),
        (&app("  sso:\n    encrypt_assertion: true\n"), vec!["6:24 encryption_certificate_missing"]),
        (&app("  sso:\n    initiation: [idp]\n"), vec!["6:17 unknown_field"]),
        (&app("  sso:\n    attributes: []\n"), vec!["6:17 jit_attribute_fixed"]),
        (
            "tessera: 1\napplications:\n- {slug: Bad, connector: heap}\n- {slug: x, connector: nowhere}\n",
            vec!["3:10 unusable_slug", "4:24 unknown_connector"],
        ),
        (
            "tessera: 1\napplications:\n- {slug: old, connector: custom-saml}\n",
            vec!["3:26 connector_differs"],
        ),
        (
            "tessera: 1\napplications:\n- {slug: b, connector: bookmark, bookmark_url: 'javascript:x'}\n",
            vec!["3:48 unusable_url"],
        ),
        (
            "tessera: 1\napplications:\n- {slug: b, connector: bookmark, bookmark_url: 'https://a.example', sso: {}}\n",
            vec!["3:74 not_saml"],
        ),
    ] {
        let told = here.refused(text).await;
        if told != faults {
            wrong.push(format!("{text}\n  {told:?} and not {faults:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!here.export().await.contains("slug: new"));
}

#[test]
fn a_44_a_hostile_file_costs_no_more_than_its_size() {
    let code = |text: String| {
        let refusals = tessera::transfer::read([("t.yaml".to_owned(), text.into_bytes())]).unwrap_err();
        refusals[0].code.clone()
    };
    assert_eq!(code("#".repeat(16 * 1024 * 1024 + 1)), "file_too_large");
    assert_eq!(code(format!("tessera: {}{}", "[".repeat(40), "]".repeat(40))), "too_deep");
    assert_eq!(code("[".repeat(100_000)), "malformed");
    assert_eq!(code(format!("tessera: [{}]", "1,".repeat(500_001))), "too_many_nodes");
    let laughs = "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n".to_owned();
    assert_eq!(code(laughs), "alias");
    let not_text = tessera::transfer::read([("t.yaml".to_owned(), vec![0xff, 0xfe])]).unwrap_err();
    assert_eq!(not_text[0].code, "not_utf8");
}

#[test]
fn files_are_read_together() {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    let refusals = tessera::transfer::read([
        file("a.yaml", "tessera: 1\nsettings: {}\ngroups: [{name: a}]\n"),
        file("b.yaml", "tessera: 1\nsettings: {}\ngroups: [{name: A}]\n"),
    ])
    .unwrap_err();
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "b.yaml:2:11: Another file declares settings already. Keep them in one file. [declared_twice]",
            "b.yaml:3:17: The group \"A\" is declared twice. Remove one of the two. [declared_twice]",
        ]
    );
}
