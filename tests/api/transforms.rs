//! Values of attributes come through a closed list of transforms, in texts that an assertion can carry.

use serde_json::{Value, json};
use tessera::auth::{Permission, Role};
use tessera::web::extract::Access;
use tessera::web::route_table;

use crate::support::{House, PASSWORD, id};

#[tokio::test]
async fn a_42_no_expression_can_be_stored_or_tried() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = id(&owner.post("/applications", json!({ "connector": "custom-saml" })).await.expect(201));
    let sso = format!("/applications/{app}/sso");
    let before = owner.get(&sso).await.expect(200);
    for transform in [
        json!({ "exec": "id" }),
        json!({ "template": "{{ env }}" }),
        json!({ "regex_replace": ["(a+)+$", "b"] }),
        json!({ "prefix": { "constant": "x" } }),
        json!({ "prefix": "x", "suffix": "y" }),
        json!("reverse"),
        json!(7),
    ] {
        let attribute = json!([{ "name": "a", "source": "email", "transforms": [transform] }]);
        let refused = owner.patch(&sso, json!({ "attributes": attribute })).await;
        assert!(matches!(refused.status, 400 | 422), "{transform}: {}", refused.text());
    }
    for attribute in [
        json!({ "name": "a", "expression": "user.email" }),
        json!({ "name": "a", "source": "email.toUpperCase()" }),
        json!({ "name": "a", "source": "password" }),
        json!({ "name": "a", "source": "email", "transforms": vec![json!("lower"); 17] }),
    ] {
        let refused = owner.patch(&sso, json!({ "attributes": [attribute] })).await;
        assert_eq!(refused.status, 422, "{attribute}: {}", refused.text());
    }
    assert_eq!(owner.get(&sso).await.expect(200), before, "nothing was stored");
    // A preview shows what is stored; it takes no mapping, and so nothing to try out.
    let person = json!({ "username": "livia", "email": "livia@example.com", "password": PASSWORD });
    let user = id(&owner.post("/users", person).await.expect(201));
    let auditor = house.api(Role::Auditor).await;
    for extra in ["attributes", "transforms", "expression", "sso"] {
        let mut body = json!({ "user_id": user });
        body[extra] = json!([{ "name": "a", "source": "email" }]);
        owner.post(&format!("/applications/{app}/preview"), body).await.refused(422, "unknown_field");
    }
    // Whoever may only look changes no mapping, and signs nothing by way of a test.
    let attribute = json!({ "attributes": [{ "name": "a", "source": "email" }] });
    assert_eq!(auditor.patch(&sso, attribute).await.status, 403);
    let preview = auditor.post(&format!("/applications/{app}/preview"), json!({ "user_id": user })).await;
    assert_eq!(preview.status, 403);
    let test = route_table().into_iter().find(|route| route.path.ends_with("/sso/test")).unwrap();
    assert_eq!(test.access, Access::Console(Some(Permission::ApplicationsWrite)));
}

#[tokio::test]
async fn a_11_what_an_assertion_can_not_carry_is_refused_where_it_is_typed() {
    let house = House::open().await;
    let owner = house.api(Role::Owner).await;
    let app = id(&owner.post("/applications", json!({ "connector": "custom-saml" })).await.expect(201));
    let sso = format!("/applications/{app}/sso");
    for bad in ["\u{0}", "\u{1}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        let text = format!("a{bad}b");
        let by_group = json!([{ "group": "g", "value": text }]);
        for mapping in [
            json!({ "constant": text }),
            json!({ "by_group": by_group }),
            json!({ "by_group": [{ "group": "g", "value": "v" }], "default": text }),
            json!({ "source": "email", "transforms": [{ "prefix": text }] }),
            json!({ "source": "email", "transforms": [{ "suffix": text }] }),
            json!({ "groups": {}, "transforms": [{ "join": text }] }),
            json!({ "source": "email", "transforms": [{ "map": { "*": text } }] }),
        ] {
            let mut attribute = mapping.clone();
            attribute["name"] = json!("a");
            let bodies = [json!({ "attributes": [attribute] }), json!({ "name_id": mapping })];
            for body in bodies {
                let refused = owner.patch(&sso, body).await;
                assert_eq!(refused.status, 422, "{bad:?}: {}", refused.text());
            }
        }
        let named = json!({ "attributes": [{ "name": text, "source": "email" }] });
        assert_eq!(owner.patch(&sso, named).await.status, 422, "{bad:?}");
        for field in ["first_name", "department"] {
            let mut person = json!({ "username": "livia", "email": "livia@example.com" });
            person[field] = Value::String(text.clone());
            assert_eq!(owner.post("/users", person).await.status, 422, "{field}: {bad:?}");
        }
        assert_eq!(owner.post("/groups", json!({ "name": text })).await.status, 422, "{bad:?}");
    }
    let tame = json!({ "attributes": [{ "name": "a", "constant": "𝄞 \"><]]>&" }] });
    owner.patch(&sso, tame).await.expect(200);
}
