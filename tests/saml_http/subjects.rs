//! Who a response speaks of: nobody chooses their own name, and a name is never given to somebody else.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tessera::directory::{NewPerson, people};
use tessera::signon::preview::preview;
use tessera::web::extract::Access;
use tessera::web::route_table;

use crate::house::{Browser, House, hidden};
use crate::sp::{Posted, Request, escaped};

/// Every property that a mapping can send, under the names that forms and JSON have for it.
const PROPERTIES: &[&str] = &[
    "username",
    "email",
    "first_name",
    "last_name",
    "display_name",
    "department",
    "job_title",
    "company",
    "employee_id",
    "manager",
    "locale",
    "timezone",
    "custom.badge",
    "state",
    "role",
];

#[tokio::test]
async fn saml_215_nobody_changes_what_applications_are_told_of_them() {
    let house = House::open().await;
    house.application("app", json!({ "attributes": [{ "name": "dept", "source": "department" }] })).await;
    let mut browser = house.member("livia").await;
    let livia = browser.user.unwrap();
    let before = people::find(&mut house.installation.db.reader(), livia).await.unwrap().unwrap();
    let told = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
    let own: Vec<_> = route_table()
        .into_iter()
        .filter(|route| route.access == Access::Person && route.method != "GET" && &*route.path != "/logout")
        .collect();
    // The list only grows by somebody who has looked at this test.
    let paths: Vec<&str> = own.iter().map(|route| &*route.path).collect();
    assert_eq!(
        paths,
        [
            "/login/confirm",
            "/account/password",
            "/account/sessions/end-others",
            "/account/sessions/{session}/end",
            "/account/theme"
        ]
    );
    for path in paths {
        let page = house.get(&mut browser, "/account").await;
        let mut body = format!("csrf={}", escaped(&hidden(&page.body, "csrf")));
        for name in PROPERTIES {
            body.push_str(&format!("&{name}=mallory@evil.example"));
        }
        let path = path.replace("{session}", "01890000-0000-7000-8000-000000000000");
        let answered = house.post(&mut browser, &path, body).await;
        assert!(answered.status.as_u16() < 500, "{path}: {}", answered.body);
        for method in ["PATCH", "PUT"] {
            let request = axum::http::Request::builder()
                .method(method)
                .uri(&path)
                .header("content-type", "application/json")
                .body(json!({ "email": "mallory@evil.example" }).to_string().into())
                .unwrap();
            let answered = house.send(&mut browser, request).await;
            assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    let after = people::find(&mut house.installation.db.reader(), livia).await.unwrap().unwrap();
    assert_eq!(after, before);
    let again = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
    assert_eq!(again.name_id(), told.name_id());
    assert_eq!(
        again.value("<saml:AttributeStatement>", "</saml:Attr"),
        told.value("<saml:AttributeStatement>", "</saml:Attr")
    );
}

#[tokio::test]
async fn saml_215_a_name_id_of_format_email_address_is_an_address() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let name_id = |constant: &str| json!({ "name_id": { "format": "emailAddress", "constant": constant } });
    for good in ["o'hara+x@example.com", "first.last@mail.example.co.uk"] {
        house.patch(&application, name_id(good)).await;
        let posted = Posted::read(&house.get(&mut browser, "/saml2/app").await.body);
        assert_eq!(posted.and_then(|posted| posted.name_id()).as_deref(), Some(good));
    }
    let long = format!("{}@example.com", "a".repeat(65));
    for bad in [
        "livia",
        "@example.com",
        "livia@",
        "livia@example.com@evil.example",
        "a b@example.com",
        ".livia@example.com",
        "li..via@example.com",
        "livia@example..com",
        "livia@-example.com",
        "livia@example.com,mallory@evil.example",
        "Livia <livia@example.com>",
        "<livia@example.com>",
        "livia(comment)@example.com",
        "livia@[192.0.2.1]",
        "livia@exa mple.com",
        long.as_str(),
    ] {
        house.patch(&application, name_id(bad)).await;
        for path in ["/saml2/app".to_owned(), format!("/saml2/app?{}", Request::new("_r").query(None))] {
            let answered = house.get(&mut browser, &path).await;
            assert_eq!(answered.status, StatusCode::FORBIDDEN, "{bad}");
            assert!(Posted::read(&answered.body).is_none(), "{bad}");
            assert!(answered.body.contains("name_id_not_an_address"), "{bad}: {}", answered.body);
        }
    }
    assert!(house.refusal_codes().await.iter().all(|code| code == "name_id_not_an_address"));
}

#[tokio::test]
async fn a_40_saml_214_somebody_with_a_name_used_before_inherits_nothing() {
    let house = House::open().await;
    let wants = json!({ "name_id": { "format": "persistent" } });
    house.application("app", wants).await;
    let mut first = house.member("livia").await;
    let old = Posted::read(&house.get(&mut first, "/saml2/app").await.body).unwrap().name_id().unwrap();
    let deleted = first.user.unwrap();
    people::delete(&house.installation.db, &house.ctx(), deleted).await.unwrap();
    // The name, by itself, is held back; an administrator may say that it is to be used again.
    let again = |reuse: bool| NewPerson {
        username: "livia".to_owned(),
        email: "livia@example.com".to_owned(),
        reuse,
        ..NewPerson::default()
    };
    let held = people::create(&house.installation.db, &house.ctx(), again(false)).await.unwrap_err();
    assert_eq!(held.code, "recently_used");
    let second = people::create(&house.installation.db, &house.ctx(), again(true)).await.unwrap();
    assert_ne!(second.id, deleted);
    // Nothing of the first one is the second one's: no group, no session, no password, no identifier.
    let groups = house.api("GET", &format!("/users/{}/groups", second.id), "application/json", "").await;
    assert!(!groups.body.contains("Sales"), "{}", groups.body);
    assert_eq!(house.get(&mut first, "/").await.status, StatusCode::SEE_OTHER, "the old session is dead");
    let password = json!({ "password": crate::house::PASSWORD }).to_string();
    let path = format!("/users/{}/password", second.id);
    let set = house.api("POST", &path, "application/json", password).await;
    assert!(set.status.is_success(), "{}", set.body);
    people::activate(&house.installation.db, &house.ctx(), second.id).await.unwrap();
    assert_eq!(house.get(&mut first, "/").await.status, StatusCode::SEE_OTHER);
    let mut browser = Browser::default();
    house.sign_in(&mut browser, "livia").await;
    let answered = house.get(&mut browser, "/saml2/app").await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN, "in no group that is bound");
    tessera::directory::memberships::add(&house.installation.db, &house.ctx(), house.group, second.id)
        .await
        .unwrap();
    let new = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap().name_id().unwrap();
    assert_ne!(new.to_lowercase(), old.to_lowercase(), "SAML-214: never given to anybody else");
}

#[tokio::test]
async fn a_40_an_application_at_an_address_used_before_inherits_nothing() {
    let house = House::open().await;
    let wants = json!({ "name_id": { "format": "persistent" } });
    let old = house.application("app", wants).await;
    let mut browser = house.member("livia").await;
    let told = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
    let parked = house.post_from_elsewhere(&mut browser, "/saml2/app", Request::new("_p").body()).await;
    let path = format!("/applications/{}", old.id);
    let gone = house.api("DELETE", &path, "application/json", "").await;
    assert!(gone.status.is_success(), "{}", gone.body);
    let again = json!({ "connector": "custom-saml", "label": "app", "slug": "app" });
    let held = house.api("POST", "/applications", "application/json", again.to_string()).await;
    assert_eq!(held.status, StatusCode::CONFLICT);
    let mut reused = again;
    reused["reuse"] = json!(true);
    let made = house.api("POST", "/applications", "application/json", reused.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_ne!(id, old.id.to_string());
    // Bound to nobody: the wall shows no tile, and a request that waited for the old one is not answered.
    assert!(!house.get(&mut browser, "/").await.body.contains("/saml2/app\""));
    let resumed = house.get(&mut browser, &parked.location()).await;
    assert!(Posted::read(&resumed.body).is_none());
    let bound = house.api("GET", &format!("/applications/{id}/groups"), "application/json", "").await;
    assert!(!bound.body.contains("Sales"), "{}", bound.body);
    let settings = json!({ "sp_entity_id": crate::sp::ENTITY_ID, "acs_urls": [crate::sp::ACS],
        "name_id": { "format": "persistent" } });
    let set = house
        .api("PATCH", &format!("/applications/{id}/sso"), "application/json", settings.to_string())
        .await;
    assert!(set.status.is_success(), "{}", set.body);
    let on = house.api("POST", &format!("/applications/{id}/sso/activate"), "application/json", "").await;
    assert!(on.status.is_success(), "{}", on.body);
    let group = format!("/applications/{id}/groups/{}", house.group);
    assert!(house.api("PUT", &group, "application/json", "").await.status.is_success());
    let resumed = house.get(&mut browser, &parked.location()).await;
    assert!(Posted::read(&resumed.body).is_none(), "the request was for the old one");
    let new = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).expect("the new one signs on");
    let certificate = |posted: &Posted| posted.value("<ds:X509Certificate>", "<").unwrap();
    assert_ne!(certificate(&new), certificate(&told), "a key of its own");
    assert_ne!(new.name_id(), told.name_id());
}

on_both_databases!(
    saml_216_an_assertion_may_name_nobody_unless_a_name_is_asked_for,
    saml_216_an_identifier_goes_along_as_an_attribute,
);

async fn saml_216_an_assertion_may_name_nobody_unless_a_name_is_asked_for(house: House) {
    let settings =
        json!({ "omit_name_id": true, "attributes": [{ "name": "dept", "source": "department" }] });
    let application = house.application("app", settings).await;
    let mut browser = house.member("livia").await;
    let told = async |browser: &mut Browser, request: Request| {
        let answered = house.get(browser, &format!("/saml2/app?{}", request.query(None))).await;
        Posted::read(&answered.body).unwrap_or_else(|| panic!("{}", answered.body))
    };
    let policy = |format: &str| format!("<samlp:NameIDPolicy Format=\"{format}\"/>");
    let unspecified = policy("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified");
    for request in [Request::new("_1"), Request::new("_2").child(&unspecified)] {
        let posted = told(&mut browser, request).await;
        assert!(posted.holds_assertion() && !posted.xml.contains("NameID"), "{}", posted.xml);
        assert!(posted.xml.contains("<saml:Subject><saml:SubjectConfirmation "), "{}", posted.xml);
    }
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let posted = told(&mut browser, Request::new("_3").child(&policy(transient))).await;
    assert!(posted.name_id().is_some(), "who asks for a name needs one");
    // Nobody is made for it, so nothing forbids it; and who asks for somebody is answered by name.
    let persistent = house
        .application("other", json!({ "omit_name_id": true, "name_id": { "format": "persistent" } }))
        .await;
    let query = Request::new("_4").child("<samlp:NameIDPolicy AllowCreate=\"false\"/>").query(None);
    let answered = house.get(&mut browser, &format!("/saml2/{}?{query}", persistent.slug)).await;
    assert!(Posted::read(&answered.body).unwrap().holds_assertion(), "{}", answered.body);
    let subject = "<saml:Subject><saml:NameID>livia@example.com</saml:NameID></saml:Subject>";
    let posted = told(&mut browser, Request::new("_5").child(subject)).await;
    assert_eq!(posted.name_id().as_deref(), Some("livia@example.com"));
    // The console shows the same, and the events say so.
    let events = house.events("sso_auth").await;
    let formats: Vec<&str> = events.iter().map(|e| e.details["name_id_format"].as_str().unwrap()).collect();
    let told_as = |name: &str| formats.iter().filter(|format| **format == name).count();
    assert_eq!((told_as("none"), told_as("transient")), (3, 1), "{formats:?}");
    let (ctx, livia) = (house.ctx(), browser.user.unwrap());
    let preview = preview(&house.installation, &ctx, &application, livia).await.unwrap().unwrap();
    assert!(preview.name_id.is_none() && preview.xml.unwrap().contains("dept"));
    // It can't be told of a sign-out, and that is said.
    let page = crate::logout_sessions::leave(&house, &mut browser, "").await;
    let page = crate::logout::follow(&house, &mut browser, &page).await;
    assert!(
        page.body.contains("Can&#8217;t be told") || page.body.contains("Can’t be told"),
        "{}",
        page.body
    );
}

async fn saml_216_an_identifier_goes_along_as_an_attribute(house: House) {
    let named = |kind: &str| {
        format!(
            "Name=\"urn:oasis:names:tc:SAML:attribute:{kind}\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\""
        )
    };
    let mut browser = house.member("livia").await;
    let mut seen = std::collections::BTreeMap::new();
    for (slug, kind) in [("a", "subject-id"), ("b", "subject-id"), ("c", "pairwise-id"), ("d", "pairwise-id")]
    {
        house.application(slug, json!({ "subject_identifier": kind })).await;
        let mut values = Vec::new();
        for _ in 0..2 {
            let posted =
                Posted::read(&house.get(&mut browser, &format!("/saml2/{slug}")).await.body).unwrap();
            assert!(posted.xml.contains(&named(kind)), "{}", posted.xml);
            values.push(posted.value("xsi:type=\"xs:string\">", "<").unwrap());
        }
        assert_eq!(values[0], values[1], "it stays");
        let (unique, scope) = values[0].split_once('@').unwrap();
        assert!(scope == "id.example" && unique.len() <= 127, "{}", values[0]);
        assert!(unique.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'=')));
        let metadata = house.get(&mut Browser::default(), &format!("/saml2/{slug}/metadata")).await.body;
        assert!(metadata.contains("regexp=\"false\">id.example</shibmd:Scope>"), "{metadata}");
        seen.insert(slug, values[0].clone());
    }
    assert_eq!(seen["a"], seen["b"], "the same everywhere");
    assert_ne!(seen["c"], seen["d"], "another one at each");
    assert_ne!(seen["a"], seen["c"]);
}
