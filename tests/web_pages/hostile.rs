//! Text from people that would be a script if it could: in every text field, on every page.

use axum::http::StatusCode;
use tessera::web::extract::Access;
use tessera::web::route_table;

use crate::html::Element;
use crate::world::World;

const PAYLOAD: &str = "\"'><script>alert(1)</script>&{{7*7}}";
const SHORT: &str = "'><img src=x onerror=alert(1)>";

#[tokio::test]
async fn a_21_stored_text_stays_text_on_every_page() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/settings").await;
    owner.submit("/admin/settings", &[("organisation", PAYLOAD)]).await;
    owner.says("Saved.");
    owner.get("/admin/users/new").await;
    let mut fields = vec![("username", "xss"), ("email", "xss@example.com")];
    for name in [
        "first_name",
        "middle_name",
        "last_name",
        "display_name",
        "employee_identifier",
        "employee_type",
        "job_title",
        "department",
        "company",
        "cost_center",
        "location",
    ] {
        fields.push((name, PAYLOAD));
    }
    fields.extend([
        ("phone_numbers.0.type", "work"),
        ("phone_numbers.0.value", SHORT),
        ("addresses.0.type", "work"),
        ("addresses.0.street_address", PAYLOAD),
        ("addresses.0.country", SHORT),
        ("password", crate::world::PASSWORD),
    ]);
    owner.submit("/admin/users", &fields).await;
    owner.says("Added.");
    let user = owner.here().rsplit('/').next().unwrap().to_owned();
    owner.get("/admin/groups/new").await;
    owner.submit("/admin/groups", &[("name", PAYLOAD), ("description", PAYLOAD)]).await;
    let group_page = owner.here().to_owned();
    let group = group_page.rsplit('/').next().unwrap().to_owned();
    owner.submit(&format!("{group_page}/members/add"), &[("user", "xss")]).await;
    let app = crate::applications::add(
        &mut owner,
        "custom-saml",
        &[("label", PAYLOAD), ("description", PAYLOAD), ("slug", "xss")],
    )
    .await;
    owner.get(&format!("{app}/sso")).await;
    let sso = [
        ("sp_entity_id", "urn:x:%22'><script>alert(1)</script>"),
        ("acs_urls.0.url", "https://sp.example/acs?x='&y=&quot;"),
        ("attributes.0.name", PAYLOAD),
        ("attributes.0.kind", "constant"),
        ("attributes.0.constant", PAYLOAD),
        ("attributes.0.friendly_name", SHORT),
        ("default_relay_state", PAYLOAD),
        ("relay_states", PAYLOAD),
        ("action", "save"),
    ];
    owner.submit(&format!("{app}/sso"), &sso).await;
    owner.says("Saved.");
    owner.get(&format!("{app}/groups")).await;
    owner.submit(&format!("{app}/groups/bind"), &[("group", &group)]).await;
    owner.get("/admin/tokens").await;
    owner.submit("/admin/tokens", &[("name", PAYLOAD)]).await;

    let pages = every_page(&app, &user, &group);
    for browser in [&mut owner, &mut world.signed_in("xss").await] {
        for path in &pages {
            browser.get(path).await;
            if browser.header("content-type").starts_with("text/html") {
                // The strict reader fails on anything that is not escaped as it should be.
                let elements = browser.elements();
                let scripts = elements.iter().filter(|e| e.tag == "script");
                assert!(
                    scripts.clone().all(|e| e.attr("src").is_some_and(|src| src.starts_with("/static/"))),
                    "{path}"
                );
                assert!(elements.iter().all(|e| e.attr("onerror").is_none()), "{path}");
                all_inputs_are_labelled(path, &elements);
                assert!(!browser.body.contains("<script>alert"), "{path}");
            } else {
                assert!(browser.header("content-disposition").starts_with("attachment"), "{path}");
            }
            assert_ne!(browser.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            // neither PEM nor the beginning of an RSA key in PKCS#8.
            for key in ["PRIVATE KEY", "MIIEv", "MIIEu", "MIIEw"] {
                assert!(!browser.body.contains(key), "{path} shows a private key");
            }
        }
    }
    // The gate of a stranger shows the organisation's name.
    let mut stranger = world.browser();
    stranger.get("/login").await;
    assert!(!stranger.body.contains("<script>alert"));
    stranger.submit("/login", &[("username", PAYLOAD), ("password", PAYLOAD)]).await;
    assert_eq!(stranger.value("username").as_deref(), Some(PAYLOAD));
    stranger.elements();
}

/// Every page of a signed-in person, with these things in it, and every search for the payload.
fn every_page(app: &str, user: &str, group: &str) -> Vec<String> {
    let application = app.rsplit('/').next().unwrap();
    let mut pages = vec!["/".to_owned(), "/account".to_owned(), "/login/confirm".to_owned()];
    for route in route_table() {
        if route.method == "GET" && matches!(route.access, Access::Console(_) | Access::Fresh(_)) {
            let path = route.path.replace("{application}", application).replace("{user}", user);
            pages.push(path.replace("{group}", group).replace("{connector}", "heap"));
        }
    }
    for search in
        ["/admin/applications", "/admin/users", "/admin/groups", "/admin/events", "/admin/catalog", "/"]
    {
        let query: String = url::form_urlencoded::byte_serialize(PAYLOAD.as_bytes()).collect();
        pages.push(format!("{search}?q={query}"));
    }
    let query: String = url::form_urlencoded::byte_serialize(PAYLOAD.as_bytes()).collect();
    pages.push(format!("{app}/groups?person={query}"));
    pages.push(format!("/admin/applications/new?connector={query}&category={query}"));
    pages
}

/// Whatever the data, a screen reader finds a name for every input.
fn all_inputs_are_labelled(path: &str, elements: &[Element]) {
    let inputs = elements.iter().filter(|e| matches!(e.tag.as_str(), "input" | "select" | "textarea"));
    for input in inputs.filter(|e| e.attr("type") != Some("hidden")) {
        let by_label = |id: &str| elements.iter().any(|e| e.tag == "label" && e.attr("for") == Some(id));
        let named =
            input.in_label || input.attr("aria-label").is_some() || input.attr("id").is_some_and(by_label);
        assert!(named, "{path}: {:?} has no label", input.attr("name"));
    }
}
