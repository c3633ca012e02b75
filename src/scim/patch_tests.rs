//! PATCH: the dialects, the refusals, and that no operation harms.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::error::ErrorKind;
use super::*;

fn user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "1",
        "userName": "bjensen",
        "active": true,
        "name": { "givenName": "Barbara" },
        "emails": [{ "value": "b@w.test", "type": "work", "primary": true }, { "value": "b@h.test", "type": "home" }],
    })
}

fn group() -> Value {
    json!({ "id": "g", "displayName": "Tours", "members": [{ "value": "1" }, { "value": "2", "display": "B" }] })
}

fn patched(mut resource: Value, operations: Value) -> Value {
    let patch = PatchOp::read(&json!({ "schemas": [PATCH_URN], "Operations": operations })).unwrap();
    patch.apply(&mut resource).unwrap();
    resource
}

fn refused(mut resource: Value, operation: Value) -> Option<ErrorKind> {
    let before = resource.clone();
    let patch = PatchOp::read(
        &json!({ "Operations": [{ "op": "add", "path": "nickName", "value": "n" }, operation] }),
    );
    let error = match patch {
        Ok(patch) => patch.apply(&mut resource).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(resource, before, "all or nothing");
    assert_eq!(error.status, 400);
    error.kind
}

#[test]
fn members_are_added_once_and_removed_each_way() {
    let add = json!([{ "op": "Add", "path": "members", "value": [{ "value": "2" }, { "value": "3" }] }]);
    let more = patched(patched(group(), add.clone()), add);
    assert_eq!(
        more["members"],
        json!([{ "value": "1" }, { "value": "2", "display": "B" }, { "value": "3" }])
    );
    for remove in [
        json!({ "op": "remove", "path": "members[value eq \"1\"]" }),
        json!({ "op": "Remove", "PATH": "members", "Value": [{ "value": "1" }] }),
        json!({ "op": "remove", "path": "members", "value": { "value": "1" } }),
        json!({ "op": "remove", "path": "members", "value": "1" }),
        json!({ "op": "remove", "path": "members[value eq \"1\" or value eq \"9\"]" }),
    ] {
        assert_eq!(patched(group(), json!([remove]))["members"], json!([{ "value": "2", "display": "B" }]));
    }
    let none = patched(group(), json!([{ "op": "remove", "path": "members" }]));
    assert_eq!(none.get("members"), None);
    let other =
        patched(group(), json!([{ "op": "replace", "path": "members", "value": [{ "value": "9" }] }]));
    assert_eq!(other["members"], json!([{ "value": "9" }]));
    assert_eq!(
        patched(group(), json!([{ "op": "replace", "path": "members", "value": [] }])).get("members"),
        None
    );
    let gone_already = json!([{ "op": "remove", "path": "members[value eq \"77\"]" }]);
    assert_eq!(patched(group(), gone_already), group());
}

#[test]
fn sc_18_the_dialect_of_entra_is_understood() {
    let after = patched(
        user(),
        json!([
            { "op": "Replace", "path": "active", "value": "False" },
            { "op": "Add", "path": "emails[type eq \"other\"].value", "value": "b@o.test" },
            { "op": "Replace", "path": "name.familyName", "value": "Jensen" },
            { "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": "26" },
            { "op": "Add", "value": { "NickName": "Babs", "name.middleName": "J", "id": "9",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Tours" } } },
        ]),
    );
    assert_eq!(after["active"], json!(false));
    assert_eq!(after["emails"][2], json!({ "type": "other", "value": "b@o.test" }));
    assert_eq!(after["name"], json!({ "givenName": "Barbara", "familyName": "Jensen", "middleName": "J" }));
    assert_eq!((after["nickName"].as_str(), after["id"].as_str()), (Some("Babs"), Some("1")));
    assert_eq!(
        after["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        json!({ "manager": { "value": "26" }, "department": "Tours" })
    );
    assert_eq!(after["schemas"].as_array().unwrap().len(), 2);
}

#[test]
fn values_of_one_and_of_many_are_told_apart() {
    let name = json!([{ "op": "replace", "path": "name", "value": { "familyName": "J" } }]);
    assert_eq!(patched(user(), name)["name"], json!({ "givenName": "Barbara", "familyName": "J" }));
    let emails = json!([{ "op": "replace", "path": "emails", "value": { "value": "n@w.test" } }]);
    assert_eq!(patched(user(), emails)["emails"], json!([{ "value": "n@w.test" }]));
    let one =
        json!([{ "op": "replace", "path": "emails[type eq \"work\"]", "value": { "value": "n@w.test" } }]);
    assert_eq!(patched(user(), one)["emails"][0], json!({ "value": "n@w.test" }));
    let sub = json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "n@w.test" }]);
    assert_eq!(
        patched(user(), sub)["emails"][0],
        json!({ "value": "n@w.test", "type": "work", "primary": true })
    );
    let fresh = json!([{ "op": "replace", "path": "phoneNumbers", "value": [{ "value": "+49" }] }]);
    assert_eq!(patched(user(), fresh)["phoneNumbers"], json!([{ "value": "+49" }]));
    let gone = json!([{ "op": "remove", "path": "name.givenName" }, { "op": "replace", "path": "emails", "value": null }]);
    let gone = patched(user(), gone);
    assert!(gone.get("name").is_none() && gone.get("emails").is_none());
}

#[test]
fn one_element_is_primary() {
    let after = patched(
        user(),
        json!([{ "op": "add", "path": "emails", "value": [{ "value": "c@w.test", "primary": "true" }] }]),
    );
    assert_eq!(after["emails"][0]["primary"], json!(false));
    assert_eq!(after["emails"][2]["primary"], json!(true));
}

#[test]
fn refusals_have_the_kinds_of_the_standard() {
    for (operation, kind) in [
        (json!({ "op": "move", "path": "title", "value": "x" }), ErrorKind::InvalidSyntax),
        (json!({ "path": "title", "value": "x" }), ErrorKind::InvalidSyntax),
        (json!("x"), ErrorKind::InvalidSyntax),
        (json!({ "op": "add", "path": "title" }), ErrorKind::InvalidValue),
        (json!({ "op": "add", "path": "a b", "value": "x" }), ErrorKind::InvalidPath),
        (json!({ "op": "add", "path": 7, "value": "x" }), ErrorKind::InvalidPath),
        (json!({ "op": "add", "path": "userName.part", "value": "x" }), ErrorKind::InvalidPath),
        (json!({ "op": "add", "value": { "a b": 1 } }), ErrorKind::InvalidPath),
        (json!({ "op": "remove" }), ErrorKind::NoTarget),
        (
            json!({ "op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x" }),
            ErrorKind::NoTarget,
        ),
        (json!({ "op": "add", "value": "x" }), ErrorKind::InvalidValue),
        (json!({ "op": "replace", "path": "active", "value": "perhaps" }), ErrorKind::InvalidValue),
        (json!({ "op": "replace", "path": "userName", "value": {} }), ErrorKind::InvalidValue),
        (json!({ "op": "replace", "path": "addresses", "value": "x" }), ErrorKind::InvalidValue),
        (json!({ "op": "replace", "path": "id", "value": "2" }), ErrorKind::Mutability),
        (json!({ "op": "add", "path": "groups", "value": [{ "value": "g" }] }), ErrorKind::Mutability),
        (json!({ "op": "replace", "path": "meta.version", "value": "x" }), ErrorKind::Mutability),
        (json!({ "op": "remove", "path": "userName" }), ErrorKind::Mutability),
        (json!({ "op": "replace", "path": "schemas", "value": [] }), ErrorKind::Mutability),
    ] {
        assert_eq!(refused(user(), operation.clone()), Some(kind), "{operation}");
    }
    let settled = json!({ "op": "replace", "path": "members[value eq \"1\"].value", "value": "2" });
    assert_eq!(refused(group(), settled), Some(ErrorKind::Mutability));
    for body in [json!(null), json!({}), json!({ "Operations": [] }), json!({ "Operations": {} })] {
        assert_eq!(PatchOp::read(&body).unwrap_err().kind, Some(ErrorKind::InvalidSyntax));
    }
    let many: Vec<Value> = vec![json!({ "op": "remove", "path": "title" }); MAX_OPERATIONS + 1];
    assert_eq!(PatchOp::read(&json!({ "Operations": many })).unwrap_err().kind, Some(ErrorKind::TooMany));
}

#[test]
fn what_the_client_builds_is_what_servers_read() {
    let patch = PatchOp::from(vec![
        Operation::replace(AttributePath::of("active"), json!(false)),
        Operation::add_members(["1", "2"]),
        Operation::remove_member("a\"b"),
        Operation::remove_member_values(["3"]),
    ]);
    assert_eq!(
        patch.to_json(),
        json!({ "schemas": [PATCH_URN], "Operations": [
            { "op": "replace", "path": "active", "value": false },
            { "op": "add", "path": "members", "value": [{ "value": "1" }, { "value": "2" }] },
            { "op": "remove", "path": "members[value eq \"a\\\"b\"]" },
            { "op": "remove", "path": "members", "value": [{ "value": "3" }] },
        ]})
    );
    assert_eq!(PatchOp::read(&patch.to_json()).unwrap(), patch);
    let changes: Vec<_> = patch.operations.iter().map(|one| one.members_change().unwrap()).collect();
    let of = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(changes[0], None);
    assert_eq!(changes[1], Some(MembersChange::Add(of(&["1", "2"]))));
    assert_eq!(changes[2], Some(MembersChange::Remove(of(&["a\"b"]))));
    assert_eq!(changes[3], Some(MembersChange::Remove(of(&["3"]))));
    let all = Operation::remove(AttributePath::of("MEMBERS")).members_change().unwrap();
    assert_eq!(all, Some(MembersChange::Replace(Vec::new())));
    assert!(member_ids(&json!([{ "display": "x" }])).is_err());
}

#[test]
fn a_large_group_takes_a_large_change() {
    let members = |from: u32, to: u32| -> Vec<Value> {
        (from..to).map(|id| json!({ "value": id.to_string() })).collect()
    };
    let group = json!({ "displayName": "g", "members": members(0, 20_000) });
    let after = patched(group, json!([{ "op": "add", "path": "members", "value": members(10_000, 30_000) }]));
    assert_eq!(after["members"].as_array().unwrap().len(), 30_000);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        prop_oneof!["[a-c]{0,2}", Just("True".to_owned()), Just("work".to_owned())].prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("value".to_owned()),
        Just("type".to_owned()),
        Just("primary".to_owned()),
        Just("emails".to_owned()),
        Just("EMAILS".to_owned()),
        Just("name".to_owned()),
        Just("members".to_owned()),
        Just("schemas".to_owned()),
        Just("x".to_owned()),
        Just(super::super::schema::ENTERPRISE_URN.to_owned()),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_path() -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(vec![
        None,
        Some("userName"),
        Some("emails"),
        Some("emails.value"),
        Some("emails[type eq \"work\"]"),
        Some("emails[type eq \"work\" and primary eq true].value"),
        Some("name"),
        Some("name.givenName"),
        Some("members"),
        Some("members[value eq \"a\"]"),
        Some("x"),
        Some("x.y"),
        Some("x[y pr].z"),
        Some("schemas"),
        Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
        Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"),
        Some("urn:ietf:params:scim:schemas:core:2.0:User"),
    ])
}

fn any_operation() -> impl Strategy<Value = Value> {
    (proptest::sample::select(vec!["add", "Replace", "REMOVE"]), any_path(), any_json()).prop_map(
        |(op, path, value)| {
            let mut out = json!({ "op": op, "value": value });
            if let Some(path) = path {
                out["path"] = json!(path);
            }
            out
        },
    )
}

proptest! {
    #[test]
    fn no_patch_harms(
        start in any_json(),
        operations in proptest::collection::vec(any_operation(), 1..6),
    ) {
        let mut resource = start.clone();
        if let Ok(patch) = PatchOp::read(&json!({ "Operations": operations })) {
            if patch.apply(&mut resource).is_err() {
                prop_assert_eq!(&resource, &start);
            }
            for one in &patch.operations {
                let _ = one.members_change();
            }
        }
        let _ = super::super::lacking(&start, &resource);
    }

    #[test]
    fn what_is_added_twice_is_there_once(start in any_json(), path in any_path(), value in any_json()) {
        let mut add = json!({ "op": "add", "value": value });
        if let Some(path) = path {
            add["path"] = json!(path);
        }
        let patch = PatchOp::read(&json!({ "Operations": [add] })).unwrap();
        let mut once = start;
        if patch.apply(&mut once).is_ok() {
            let mut twice = once.clone();
            // A value that changed away from its own filter is not found again.
            let _ = patch.apply(&mut twice);
            prop_assert_eq!(twice, once);
        }
    }
}
