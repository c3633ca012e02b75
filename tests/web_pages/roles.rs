//! Who may open which page, and send which form: every route of the console against every role.

use axum::http::StatusCode;
use tessera::auth::Role;
use tessera::signon::recorder;
use tessera::web::extract::Access;
use tessera::web::route_table;

use crate::world::World;

/// A sign-on that was refused, and so recorded.
async fn exchange(world: &World, application: &str) -> String {
    let mut stranger = world.signed_in("mara").await;
    stranger.ask("GET", "/saml2/heap", None, Vec::new()).await;
    let id = application.parse().unwrap();
    recorder::list(&world.web.installation, &world.ctx(), id).await.unwrap()[0].reference.clone()
}

/// A route with real things in its place.
fn filled(template: &str, application: &str, user: &str, group: &str, key: &str, exchange: &str) -> String {
    template
        .replace("{application}", application)
        .replace("{user}", user)
        .replace("{group}", group)
        .replace("{connector}", "heap")
        .replace("{session}", user)
        .replace("{certificate}", "00")
        .replace("{key}", key)
        .replace("{exchange}", exchange)
        .replace("{token}", user)
}

#[tokio::test]
async fn a_36_each_role_opens_its_pages_and_no_other() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = crate::applications::add(&mut owner, "heap", &[]).await;
    let application = app.rsplit('/').next().unwrap().to_owned();
    let keys = tessera::keys::list(&mut world.db().reader(), application.parse().unwrap()).await.unwrap();
    let key = keys[0].id.to_string();
    let exchange = exchange(&world, &application).await;
    let user = world.person("target", None).await.to_string();
    let group = world.group("Target").await.to_string();
    let visitors = [
        ("olivia", Some(Role::Owner)),
        ("adam", Some(Role::ApplicationAdmin)),
        ("audrey", Some(Role::Auditor)),
        ("mara", None),
    ];
    for (name, role) in visitors {
        let mut browser = world.signed_in(name).await;
        for route in route_table().iter().filter(|route| route.path.starts_with("/admin")) {
            let (Access::Console(needed) | Access::Fresh(needed)) = route.access else {
                panic!("{} {} lets {:?} in", route.method, route.path, route.access);
            };
            let path = filled(&route.path, &application, &user, &group, &key, &exchange);
            let allowed = role.is_some_and(|role| needed.is_none_or(|permission| role.allows(permission)));
            if route.method == "GET" {
                browser.ask("GET", &path, None, Vec::new()).await;
                let expected = if route.path.ends_with("/provisioning/certificate.pem") {
                    // Heap asks for none, so that whoever may look finds nothing.
                    browser.status == StatusCode::NOT_FOUND
                } else {
                    matches!(browser.status, StatusCode::OK | StatusCode::SEE_OTHER)
                };
                assert_eq!(expected, allowed, "{name} GET {path}: {}", browser.status);
            } else if !allowed {
                // Even with a good token of the person's own.
                let token = {
                    let mut own = world.signed_in(name).await;
                    own.get("/account").await;
                    browser.cookies.clone_from(&own.cookies);
                    own.value("csrf").unwrap()
                };
                let body = format!("csrf={token}").into_bytes();
                browser.ask("POST", &path, Some("application/x-www-form-urlencoded"), body).await;
                assert_eq!(browser.status, StatusCode::FORBIDDEN, "{name} POST {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_23_no_form_of_the_console_works_without_its_token() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = crate::applications::add(&mut owner, "heap", &[]).await;
    let application = app.rsplit('/').next().unwrap().to_owned();
    let keys = tessera::keys::list(&mut world.db().reader(), application.parse().unwrap()).await.unwrap();
    let key = keys[0].id.to_string();
    let exchange = exchange(&world, &application).await;
    let user = world.person("target", None).await.to_string();
    let group = world.group("Target").await.to_string();
    let posts = route_table();
    let posts = posts.iter().filter(|route| {
        route.method == "POST" && (route.path.starts_with("/admin") || route.path.starts_with("/account"))
    });
    for route in posts {
        let path = filled(&route.path, &application, &user, &group, &key, &exchange);
        for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=xyz"] {
            let body =
                if kind.starts_with('m') { b"--xyz--\r\n".to_vec() } else { b"confirmed=yes".to_vec() };
            owner.ask("POST", &path, Some(kind), body).await;
            let refused = matches!(owner.status, StatusCode::FORBIDDEN | StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert!(refused, "{path} {kind}: {}", owner.status);
        }
    }
    owner.get(&format!("/admin/users/{user}")).await;
    owner.says("Active");
}

#[tokio::test]
async fn an_auditor_sees_no_buttons_and_nobody_sees_doors_that_are_closed() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = crate::applications::add(&mut owner, "heap", &[]).await;
    let mut auditor = world.signed_in("audrey").await;
    for path in [
        "/admin/applications".to_owned(),
        format!("{app}/general"),
        format!("{app}/sso"),
        format!("{app}/groups"),
        format!("{app}/provisioning"),
        format!("{app}/provisioning/state"),
        format!("{app}/provisioning/comparison"),
        format!("{app}/provisioning/import"),
        "/admin/users".to_owned(),
        "/admin/groups".to_owned(),
        "/admin/settings".to_owned(),
        "/admin/tokens".to_owned(),
    ] {
        auditor.get(&path).await;
        assert_eq!(auditor.status, StatusCode::OK, "{path}");
        let elements = auditor.elements();
        let usable = elements.iter().filter(|e| e.tag == "button" && e.attr("disabled").is_none());
        let shut = |e: &&crate::html::Element| {
            let form = elements.iter().find(|form| Some(form.number) == e.form);
            form.is_some_and(|form| {
                form.attr("method") == Some("post") && form.attr("action") != Some("/logout")
            })
        };
        let fieldsets =
            elements.iter().filter(|e| e.tag == "fieldset" && e.attr("disabled").is_some()).count();
        assert!(usable.filter(shut).count() == 0 || fieldsets > 0, "{path} has a button that posts");
    }
    auditor.get(&format!("{app}/general")).await;
    assert!(auditor.link(&format!("{app}/activity")).is_some());
    let mut adam = world.signed_in("adam").await;
    adam.get(&format!("{app}/general")).await;
    assert!(adam.link(&format!("{app}/activity")).is_none(), "who may not read events sees no door to them");
    adam.get("/admin/applications").await;
    for closed in ["/admin/events", "/admin/settings", "/admin/tokens"] {
        assert!(adam.link(closed).is_none(), "{closed}");
    }
    assert!(adam.link("/admin/users").is_some());
    let mut mara = world.signed_in("mara").await;
    assert!(mara.link("/admin").is_none());
    mara.get("/admin").await;
    assert_eq!(mara.status, StatusCode::FORBIDDEN);
}
