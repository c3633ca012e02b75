//! Each action leaves its events, no fewer and no others; reading and trying leave none.

use serde_json::{Value, json};
use tessera::auth::Role;

use crate::support::{Answer, Api, House, PASSWORD, id};

/// What there is to say of all events, newest first.
async fn told(auditor: &Api) -> Vec<Value> {
    auditor.get("/events?limit=200").await.expect(200)["items"].as_array().unwrap().clone()
}

/// Does something; answers what came, once these events and no others have been added.
async fn leaves(
    house: &House,
    auditor: &Api,
    expected: &[&str],
    action: impl Future<Output = Answer>,
) -> Answer {
    let before = told(auditor).await.len();
    house.clock.advance(1000);
    let answer = action.await;
    assert!(answer.status < 300, "{}", answer.text());
    let after = told(auditor).await;
    let mut names: Vec<&str> =
        after[..after.len() - before].iter().map(|event| event["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, expected);
    for event in &after[..names.len()] {
        assert_eq!(
            (&event["actor_kind"], &event["outcome"]),
            (&json!("token"), &json!("success")),
            "{event}"
        );
        assert!(!event.to_string().contains(PASSWORD), "{event}");
    }
    answer
}

#[tokio::test]
async fn w_14_each_action_leaves_exactly_its_events() {
    let house = House::open().await;
    let (owner, auditor) = (house.api(Role::Owner).await, house.api(Role::Auditor).await);
    let did = async |expected: &'static [&'static str], method: &'static str, path: String, body: Value| {
        let action = async { owner.json(method, &path, &[], &body).await };
        leaves(&house, &auditor, expected, action).await
    };
    let none = || Value::Null;
    let new = json!({ "username": "ada", "email": "ada@example.com" });
    let ada = id(&did(&["user_create"], "POST", "/users".to_owned(), new).await.body);
    let user = |rest: &str| format!("/users/{ada}{rest}");
    did(&["user_update"], "PATCH", user(""), json!({ "department": "Sales" })).await;
    did(&["user_password_change"], "POST", user("/password"), json!({ "password": PASSWORD })).await;
    did(&["user_activate"], "POST", user("/activate"), none()).await;
    did(&["user_reset_link_create"], "POST", user("/reset-link"), none()).await;
    did(&["admin_role_change"], "PUT", user("/role"), json!({ "role": "auditor" })).await;
    did(&["admin_role_change"], "DELETE", user("/role"), none()).await;

    let group =
        id(&did(&["group_create"], "POST", "/groups".to_owned(), json!({ "name": "Staff" })).await.body);
    let staff = |rest: &str| format!("/groups/{group}{rest}");
    did(&["group_update"], "PATCH", staff(""), json!({ "description": "All of us" })).await;
    did(&["group_membership_change"], "PUT", staff(&format!("/members/{ada}")), none()).await;
    did(&["group_membership_change"], "DELETE", staff(&format!("/members/{ada}")), none()).await;

    let heap = json!({ "connector": "heap" });
    let made =
        did(&["application_create", "certificate_create"], "POST", "/applications".to_owned(), heap).await;
    let app = id(&made.body);
    let heap = |rest: &str| format!("/applications/{app}{rest}");
    did(&["application_update"], "PATCH", heap(""), json!({ "label": "Analytics" })).await;
    did(&["application_update"], "PATCH", heap("/sso"), json!({ "placeholders": { "YOUR_ID": "42" } })).await;
    did(&["application_activate"], "POST", heap("/sso/activate"), none()).await;
    house.was_made_from(&app, |earlier| earlier.setup.sso = None).await;
    let offered = owner.get(&format!("/applications/{app}/connector")).await.expect(200);
    let revision = json!({ "revision": offered["offer"]["revision"] });
    did(&["application_upgrade"], "POST", heap("/connector"), revision).await;
    did(&["application_bind"], "PUT", heap(&format!("/groups/{group}")), none()).await;
    did(&["application_unbind"], "DELETE", heap(&format!("/groups/{group}")), none()).await;
    did(&["application_deactivate"], "POST", heap("/sso/deactivate"), none()).await;
    did(&["application_update"], "PATCH", heap("/sso"), json!({ "placeholders": { "YOUR_TENANT": "acme" } }))
        .await;
    let connection = json!({ "token": "of-heap", "manage_groups": true });
    let both = &["idm_integration_reauth", "idm_integration_update"];
    did(both, "PUT", heap("/provisioning"), connection).await;
    did(&["idm_integration_reauth"], "PUT", heap("/provisioning/token"), json!({ "token": "another" })).await;
    did(&[], "PUT", heap("/provisioning"), json!({ "ca_certificate": "" })).await;
    let authority = json!({ "ca_certificate": support::Authority::default().pem(), "token": "a-third" });
    did(both, "PUT", heap("/provisioning"), authority).await;
    did(&[], "POST", heap("/provisioning/deactivate"), none()).await;
    did(&["exchange_record"], "PUT", heap("/recorder"), json!({ "minutes": 15 })).await;

    let key = json!({ "publish": false });
    let key = id(&did(&["certificate_create"], "POST", heap("/keys"), key).await.body);
    let key = |rest: &str| heap(&format!("/keys/{key}{rest}"));
    did(&["certificate_publish"], "POST", key("/publish"), none()).await;
    did(&[], "POST", key("/publish"), none()).await;
    did(&["certificate_withdraw"], "POST", key("/withdraw"), none()).await;
    did(&["certificate_publish"], "POST", key("/publish"), none()).await;
    let before = owner.get(&heap("/keys")).await.body["items"][0]["id"].as_str().unwrap().to_owned();
    did(&["certificate_rotate"], "POST", key("/promote"), none()).await;
    did(&["certificate_delete"], "DELETE", heap(&format!("/keys/{before}")), none()).await;

    let token = json!({ "name": "import" });
    let token = id(&did(&["token_create"], "POST", "/tokens".to_owned(), token).await.body);
    did(&["token_revoke"], "DELETE", format!("/tokens/{token}"), none()).await;
    did(&["settings_update"], "PATCH", "/settings".to_owned(), json!({ "organisation_name": "Acme" })).await;

    let sign = json!({ "sign_metadata": true });
    did(&["metadata_key_create", "settings_update"], "PATCH", "/settings".to_owned(), sign).await;
    let keys = "/metadata-keys".to_owned();
    let made = id(&did(&["metadata_key_create"], "POST", keys.clone(), none()).await.body);
    did(&["metadata_key_rotate"], "POST", format!("{keys}/{made}/promote"), none()).await;
    let before = owner.get(&keys).await.body["items"][1]["id"].as_str().unwrap().to_owned();
    did(&["metadata_key_delete"], "DELETE", format!("{keys}/{before}"), none()).await;

    // What changes nothing leaves none, and neither does looking.
    for path in ["/users", "/groups", "/applications", "/events", "/settings", "/tokens", "/catalog", "/me"] {
        leaves(&house, &auditor, &[], owner.get(path)).await;
    }
    did(&[], "PATCH", "/settings".to_owned(), json!({ "organisation_name": "Acme" })).await;
    leaves(&house, &auditor, &["event_export"], owner.get("/events/export?format=jsonl")).await;

    did(&["application_delete"], "DELETE", heap(""), none()).await;
    did(&["group_delete"], "DELETE", staff(""), none()).await;
    did(&["user_suspend"], "POST", user("/suspend"), none()).await;
    did(&["user_delete"], "DELETE", user(""), none()).await;

    // What a change was.
    let update = told(&auditor).await.into_iter().rfind(|event| event["name"] == "user_update").unwrap();
    assert!(update["details"].to_string().contains("Sales"), "{update}");
}
