//! The HTTP side as a stranger, a person and a program meet it: an installation on a temporary database, asked through
//! its router.

mod house;

use axum::Json;
use axum::http::StatusCode;
use house::{Asked, House, Sent};
use tessera::auth::{Permission, Role};
use tessera::base::clock::MINUTE;
use tessera::base::{Error, Kind};
use tessera::web::api::Input;
use tessera::web::extract::{
    Access, Anyone, ApiToken, Console, Fresh, Gate, GateForm, Person, RawBody, SignedForm, permission,
};
use tessera::web::headers::{CSP, Policy};
use tessera::web::{Answer, Failure, Routes, route_table};

/// One route of every kind.
fn samples() -> Routes {
    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }
    async fn gate(gate: Gate) -> String {
        gate.browser
    }
    async fn gate_form(_: Gate, GateForm(form): GateForm<Named>) -> String {
        form.name
    }
    async fn person(person: Person) -> String {
        person.live.session.username
    }
    async fn person_form(_: Person, SignedForm(form): SignedForm<Named>) -> String {
        form.name
    }
    async fn console(console: Console<permission::PeopleWrite>) -> String {
        console.person.live.session.username
    }
    async fn fresh(_: Fresh<permission::ApplicationsWrite>) -> &'static str {
        "fresh"
    }
    async fn token(token: ApiToken<permission::ApplicationsRead>) -> String {
        token.token.name
    }
    async fn token_body(
        _: ApiToken<permission::ApplicationsWrite>,
        Input(body, _): Input<Named>,
    ) -> Json<Named> {
        Json(body)
    }
    async fn raw(_: Anyone, RawBody(body): RawBody) -> String {
        body.len().to_string()
    }
    async fn panics(_: Anyone) -> &'static str {
        panic!("the ceiling came down");
    }
    async fn fails(_: Anyone) -> Answer<&'static str> {
        Err(Failure::from(Error::internal("secret detail")))
    }
    async fn busy(_: Anyone) -> Answer<&'static str> {
        Err(Error::new(Kind::Unavailable, "overloaded", "Come back later.").retry_after(7).into())
    }
    async fn posting(_: Anyone) -> axum::response::Response {
        let mut response = axum::response::IntoResponse::into_response("<form>");
        response.extensions_mut().insert(Policy::Post { only_to: None });
        response
    }
    Routes::new()
        .get("/gate", gate)
        .post("/gate", gate_form)
        .get("/account", person)
        .post("/account", person_form)
        .get("/admin/users", console)
        .get("/admin/keys", fresh)
        .get("/api/v1/things", token)
        .post("/api/v1/things", token_body)
        .post("/raw", raw)
        .get("/panics", panics)
        .get("/fails", fails)
        .get("/api/v1/fails", fails)
        .get("/busy", busy)
        .get("/posting", posting)
}

#[tokio::test]
async fn w_02_a_34_every_answer_carries_the_headers() {
    let house = House::open("https://id.example.com").await.with(samples());
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/static/app.css", 200),
        ("/static/none.css", 404),
        ("/nothing", 404),
        ("/admin//users", 404),
        ("/account", 303),
        ("/api/v1/things", 401),
        ("/panics", 500),
        ("/busy", 503),
        ("/posting", 200),
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(answer.header("permissions-policy").contains("camera=()"), "{path}");
        assert!(answer.header("strict-transport-security").contains("max-age=31536000"), "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-request-id").len(), 10, "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
        let kept = answer.header("cache-control") != "no-store";
        assert_eq!(kept, path == "/static/app.css", "{path}");
    }
    assert_eq!(house.get("/gate").await.header("content-security-policy"), CSP);
    assert!(!house.get("/posting").await.header("content-security-policy").contains("form-action"));
    let plain = House::open("http://localhost:8080").await.with(samples());
    assert_eq!(plain.get("/gate").await.header("strict-transport-security"), "");
}

#[tokio::test]
async fn w_03_cookies_by_scheme() {
    for (base, name, secure) in [
        ("https://id.example.com", "__Host-tessera-browser=", true),
        ("http://localhost:8080", "tessera-browser=", false),
    ] {
        let house = House::open(base).await.with(samples());
        let answer = house.get("/gate").await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with(name) && cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        let again = house.ask(Asked::get("/gate").cookie(cookie.split(';').next().unwrap())).await;
        assert_eq!(again.header("set-cookie"), "", "a browser keeps its secret");
        assert_eq!(again.body, answer.body);
        assert_eq!(house.get("/healthz").await.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn a_23_forms_need_their_own_token_and_origin() {
    let house = House::open("https://id.example.com").await.with(samples());
    let (owner, _) = house.sign_in("livia", Some(Role::Owner)).await;
    let (other, _) = house.sign_in("marcus", None).await;
    let form = |token: &str| format!("csrf={token}&name=x");
    let post = |cookie: &str, body: String| Asked::post("/account", body).cookie(cookie);
    let token = house.csrf(&owner);
    assert_eq!(house.ask(post(&owner.pair(), form(&token))).await.status, 200);
    let same = post(&owner.pair(), form(&token)).header("origin", "https://id.example.com");
    assert_eq!(house.ask(same).await.status, 200);
    for (what, asked) in [
        ("no token", post(&owner.pair(), "name=x".into())),
        ("another person's token", post(&owner.pair(), form(&house.csrf(&other)))),
        ("two tokens", post(&owner.pair(), format!("csrf={token}&csrf={token}&name=x"))),
        ("another origin", post(&owner.pair(), form(&token)).header("origin", "https://evil.example")),
        ("another site", post(&owner.pair(), form(&token)).header("sec-fetch-site", "cross-site")),
    ] {
        let answer = house.ask(asked).await;
        assert_eq!(answer.status, 403, "{what}");
        assert!(answer.header("content-type").starts_with("text/html"), "{what}");
    }
    let json = post(&owner.pair(), "{}".into()).header("content-type", "application/json");
    assert_eq!(house.ask(json).await.status, 415);
    assert_eq!(house.ask(post(&owner.pair(), format!("csrf={token}&name=x&name=y"))).await.status, 400);
}

#[tokio::test]
async fn a_23_the_gate_has_its_own_secret() {
    let house = House::open("https://id.example.com").await.with(samples());
    let (owner, _) = house.sign_in("livia", None).await;
    let browser = house.get("/gate").await;
    let cookie = browser.header("set-cookie").split(';').next().unwrap().to_owned();
    let gate = Sent { name: "", value: browser.body.clone() };
    let good = Asked::post("/gate", format!("csrf={}&name=x", house.csrf(&gate))).cookie(&cookie);
    assert_eq!(house.ask(good).await.status, 200);
    let bare = Asked::post("/gate", format!("csrf={}&name=x", house.csrf(&gate)));
    assert_eq!(house.ask(bare).await.status, 403, "login CSRF: a browser without the cookie");
    let crossed = Asked::post("/gate", format!("csrf={}&name=x", house.csrf(&owner)))
        .cookie(&format!("{cookie}; {}", owner.pair()));
    assert_eq!(house.ask(crossed).await.status, 403, "the session's token is none of the gate's");
}

#[tokio::test]
async fn a_22_strangers_are_led_to_the_sign_in_page_and_back() {
    let house = House::open("https://id.example.com").await.with(samples());
    assert_eq!(
        house.get("/admin/users?q=a%20b").await.header("location"),
        "/login?next=%2Fadmin%2Fusers%3Fq%3Da%2520b"
    );
    assert_eq!(house.get("/account").await.header("location"), "/login?next=%2Faccount");
    let post = house.ask(Asked::post("/account", "name=x")).await;
    assert_eq!((post.status, post.header("location").as_str()), (StatusCode::SEE_OTHER, "/login"));
    let stale = house.ask(Asked::get("/account").cookie(&format!("__Host-tessera={}", "A".repeat(43)))).await;
    assert!(
        stale.header("set-cookie").starts_with("__Host-tessera=; "),
        "a dead session's cookie is taken away"
    );
}

#[tokio::test]
async fn w_09_the_console_wants_a_role_and_a_recent_password() {
    let house = House::open("https://id.example.com").await.with(samples());
    let (owner, _) = house.sign_in("livia", Some(Role::Owner)).await;
    let (auditor, _) = house.sign_in("marcus", Some(Role::Auditor)).await;
    let (nobody, _) = house.sign_in("gaius", None).await;
    let see = |who: &Sent, path: &str| house.ask(Asked::get(path).cookie(&who.pair()));
    assert_eq!(see(&owner, "/admin/users").await.body, "livia");
    assert_eq!(see(&auditor, "/admin/users").await.status, 403);
    let refused = see(&nobody, "/admin/users").await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("Go to my applications"), "the page knows who asks");
    assert_eq!(see(&owner, "/admin/keys").await.body, "fresh");
    house.clock.advance(6 * MINUTE);
    assert_eq!(see(&owner, "/admin/users").await.status, 200);
    let stale = see(&owner, "/admin/keys").await;
    assert_eq!(
        (stale.status, stale.header("location").as_str()),
        (StatusCode::SEE_OTHER, "/login/confirm?next=%2Fadmin%2Fkeys")
    );
    house.clock.advance(16 * MINUTE);
    for _ in 0..2 {
        let idle = see(&owner, "/admin/users").await;
        assert_eq!(
            idle.header("location"),
            "/login/confirm?next=%2Fadmin%2Fusers",
            "asking twice opens nothing"
        );
    }
    assert_eq!(see(&owner, "/account").await.status, 200, "the portal goes on");
}

#[tokio::test]
async fn w_11_the_api_takes_tokens_and_no_cookies() {
    let house = House::open("https://id.example.com").await.with(samples());
    let (owner, _) = house.sign_in("livia", Some(Role::Owner)).await;
    let reader = house.token(Role::Auditor).await;
    let admin = house.token(Role::ApplicationAdmin).await;
    let get = |token: &str| Asked::get("/api/v1/things").header("authorization", &format!("Bearer {token}"));
    assert_eq!(house.ask(get(&reader)).await.status, 200);
    let with_cookie = house.ask(Asked::get("/api/v1/things").cookie(&owner.pair())).await;
    assert_eq!(with_cookie.status, 401);
    assert_eq!(with_cookie.header("www-authenticate"), "Bearer realm=\"tessera\"");
    assert_eq!(with_cookie.header("content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&with_cookie.body).unwrap();
    assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some("token_missing"), Some(401)));
    assert_eq!(problem["request_id"].as_str().unwrap(), with_cookie.header("x-request-id"));
    assert_eq!(house.ask(get("tsr_nonsense")).await.status, 401);
    let post = |token: &str, body: &str, kind: &str| {
        Asked::post("/api/v1/things", body.to_owned())
            .header("content-type", kind)
            .header("authorization", &format!("Bearer {token}"))
    };
    let json = "application/json";
    assert_eq!(house.ask(post(&admin, r#"{"name":"x"}"#, json)).await.body, r#"{"name":"x"}"#);
    assert_eq!(house.ask(post(&reader, r#"{"name":"x"}"#, json)).await.status, 403);
    assert_eq!(house.ask(post(&admin, r#"{"name":"x"}"#, "text/plain")).await.status, 415);
    let unknown = house.ask(post(&admin, r#"{"name":"x","owner":1}"#, json)).await;
    assert_eq!(unknown.status, 422);
    assert!(unknown.body.contains(r#""code":"unknown_field""#), "{}", unknown.body);
}

#[tokio::test]
async fn w_12_a_token_that_floods_is_told_to_wait() {
    let house = House::open("https://id.example.com").await.with(samples());
    let token = house.token(Role::Auditor).await;
    let get = || Asked::get("/api/v1/things").header("authorization", &format!("Bearer {token}"));
    for _ in 0..600 {
        assert_eq!(house.ask(get()).await.status, 200);
    }
    let refused = house.ask(get()).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() <= 60);
    house.clock.advance(MINUTE);
    assert_eq!(house.ask(get()).await.status, 200);
}

#[tokio::test]
async fn w_14_failures_say_nothing_of_their_cause() {
    let house = House::open("https://id.example.com").await.with(samples());
    for path in ["/fails", "/api/v1/fails", "/panics"] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.body.contains("secret") && !answer.body.contains("ceiling"), "{}", answer.body);
        assert!(answer.body.contains(&answer.header("x-request-id")), "{path}: the reference is told");
    }
    let busy = house.get("/busy").await;
    assert_eq!((busy.status.as_u16(), busy.header("retry-after").as_str()), (503, "7"));
    assert!(busy.body.contains("Come back later."));
}

#[tokio::test]
async fn a_33_other_spellings_of_a_path_lead_nowhere() {
    let house = House::open("https://id.example.com").await.with(samples());
    for path in [
        "/admin//users",
        "/admin/users/",
        "/admin;x/users",
        "/admin/%2e%2e/account",
        "/account.",
        "/%61ccount%2f",
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("There is nothing here"), "{path}");
    }
    assert_eq!(house.get("/api/v1/nothing").await.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn w_13_other_methods_are_refused_with_those_allowed() {
    let house = House::open("https://id.example.com").await.with(samples());
    for method in ["PUT", "DELETE", "TRACE", "OPTIONS", "FOO"] {
        let answer = house.ask(Asked::new(method, "/account")).await;
        assert_eq!(answer.status, 405, "{method}");
        let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::to_owned).collect();
        allowed.sort();
        assert_eq!(allowed, ["GET", "HEAD", "POST"], "{method}");
    }
    let head = house.ask(Asked::new("HEAD", "/gate")).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(house.ask(Asked::new("HEAD", "/nothing")).await.body, "");
}

#[tokio::test]
async fn w_12_bodies_have_limits() {
    let house = House::open("https://id.example.com").await.with(samples());
    let post = |size: usize| Asked::post("/raw", "x".repeat(size));
    assert_eq!(house.ask(post(1024 * 1024)).await.body, (1024 * 1024).to_string());
    assert_eq!(house.ask(post(1024 * 1024 + 1)).await.status, 413);
    let announced = Asked::post("/raw", String::new()).header("content-length", "999999999");
    let answer = house.ask(announced).await;
    assert_eq!(answer.status, 413);
    assert!(answer.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn av_08_beyond_the_places_requests_are_told_to_come_back() {
    let house = House::open_with("https://id.example.com", 0).await.with(samples());
    let answer = house.get("/gate").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after").as_str()), (503, "2"));
    assert_eq!(house.get("/healthz").await.status, 200, "it passes by all queues");
}

/// A body that has begun with so many bytes and goes on when told.
fn begun(bytes: usize) -> (axum::body::Body, tokio::sync::mpsc::UnboundedSender<String>) {
    let (more, coming) = tokio::sync::mpsc::unbounded_channel::<String>();
    more.send("x".repeat(bytes)).unwrap();
    let parts = futures_util::stream::unfold(coming, async |mut coming| {
        let part = coming.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(part), coming))
    });
    (axum::body::Body::from_stream(parts), more)
}

#[tokio::test]
async fn av_07_av_08_slow_bodies_hold_no_place() {
    let house = House::open_with("https://id.example.com", 2).await.with(samples());
    // Long ones and short ones, more than there are places: none of them is whole.
    let slow: Vec<_> = [20_000; 40].into_iter().chain([5; 40]).map(begun).collect();
    let (bodies, more): (Vec<_>, Vec<_>) = slow.into_iter().unzip();
    let asked = bodies.into_iter().map(|body| house.ask(Asked::post("/raw", body)));
    let mut all = std::pin::pin!(futures_util::future::join_all(asked));
    assert!(futures_util::FutureExt::now_or_never(&mut all).is_none());
    assert_eq!(house.get("/gate").await.status, 200, "others are served meanwhile");
    assert_eq!(house.ask(Asked::post("/raw", "quick".to_owned())).await.body, "5");
    drop(more);
    let statuses: Vec<u16> = all.await.into_iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses[..40].iter().filter(|status| **status == 503).count(), 8, "32 long ones at a time");
    assert!(statuses[40..].iter().all(|status| *status == 200), "{statuses:?}");
}

#[tokio::test]
async fn w_08_whoever_is_signed_out_while_a_form_comes_does_nothing_with_it() {
    let house = House::open("https://id.example.com").await.with(samples());
    let (cookie, session) = house.sign_in("livia", None).await;
    let form = format!("csrf={}&name=Livia", house.csrf(&cookie));
    let sent = async |body: axum::body::Body| {
        let form = Asked::post("/account", body).header("origin", "https://id.example.com");
        house.ask(form.cookie(&cookie.pair())).await
    };
    assert_eq!(sent(form.clone().into()).await.body, "Livia");
    let (body, more) = begun(0);
    let mut late = std::pin::pin!(sent(body));
    assert!(futures_util::FutureExt::now_or_never(&mut late).is_none());
    house.suspend(&session).await;
    more.send(form).unwrap();
    drop(more);
    let answer = late.await;
    assert_eq!((answer.status.as_u16(), answer.header("location").starts_with("/login")), (303, true));
}

#[tokio::test]
async fn files_are_compressed_and_kept_and_pages_are_not() {
    let house = House::open("https://id.example.com").await.with(samples());
    let file = house.ask(Asked::get("/static/app.css").header("accept-encoding", "gzip")).await;
    assert_eq!(file.header("content-encoding"), "gzip");
    let tag = file.header("etag");
    let again = house.ask(Asked::get("/static/app.css").header("if-none-match", &tag)).await;
    assert_eq!((again.status.as_u16(), again.header("cache-control").as_str()), (304, "public, no-cache"));
    let page = house.ask(Asked::get("/nothing").header("accept-encoding", "gzip")).await;
    assert_eq!(page.header("content-encoding"), "", "BREACH");
    let version = tag.trim_matches('"');
    let kept = house.get(&format!("/static/app.css?v={version}")).await;
    assert!(kept.header("cache-control").contains("immutable"));
    assert!(kept.header("content-security-policy").contains("sandbox"));
}

#[tokio::test]
async fn every_route_has_its_authorisation_case() {
    let samples = samples();
    let case = |method: &str, path: &str| {
        samples.table().iter().find(|r| r.method == method && &*r.path == path).map(|route| route.access)
    };
    assert_eq!(case("GET", "/gate"), Some(Access::Public));
    assert_eq!(case("POST", "/account"), Some(Access::Person));
    assert_eq!(case("GET", "/admin/users"), Some(Access::Console(Some(Permission::PeopleWrite))));
    assert_eq!(case("GET", "/admin/keys"), Some(Access::Fresh(Some(Permission::ApplicationsWrite))));
    assert_eq!(case("POST", "/api/v1/things"), Some(Access::Token(Some(Permission::ApplicationsWrite))));
    for route in route_table() {
        let public =
            ["/healthz", "/readyz", "/login", "/setup/", "/reset/", "/static/", "/saml2/", "/logout"];
        let may_be_public = public.iter().any(|start| route.path.starts_with(start));
        assert!(route.access != Access::Public || may_be_public, "{} {} is public", route.method, route.path);
        let api = ["/api/v1/", "/scim/v2/"].iter().any(|start| route.path.starts_with(start))
            || &*route.path == "/metrics";
        assert_eq!(api, matches!(route.access, Access::Token(_)), "{} {}", route.method, route.path);
        let console = route.path.starts_with("/admin");
        let case = matches!(route.access, Access::Console(_) | Access::Fresh(_));
        assert_eq!(console, case, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn nobody_else_gets_through_any_route() {
    let house = House::open("https://id.example.com").await.with(Routes::new());
    let (person, _) = house.sign_in("gaius", None).await;
    for route in route_table() {
        let path = house::filled(&route.path);
        let stranger = house.ask(Asked::new(route.method, &path)).await;
        let signed_in = house.ask(Asked::new(route.method, &path).cookie(&person.pair())).await;
        match route.access {
            Access::Public => {}
            Access::PersonOrToken => {
                assert_eq!(stranger.status, 401, "{} {path}", route.method);
                assert_eq!(signed_in.status, 200, "{} {path}", route.method);
            }
            Access::Person => assert_eq!(stranger.status, 303, "{} {path}", route.method),
            Access::Console(_) | Access::Fresh(_) => {
                assert_eq!(stranger.status, 303, "{} {path}", route.method);
                assert_eq!(signed_in.status, 403, "{} {path}", route.method);
            }
            Access::Token(needed) => {
                assert_eq!(stranger.status, 401, "{} {path}", route.method);
                assert_eq!(signed_in.status, 401, "{} {path}", route.method);
                let refused = Role::ALL.iter().filter(|role| !role.allows_if_any(needed));
                for role in refused {
                    let token = format!("Bearer {}", house.token(*role).await);
                    let answer =
                        house.ask(Asked::new(route.method, &path).header("authorization", &token)).await;
                    assert_eq!(answer.status, 403, "{} {path} as {role}", route.method);
                }
            }
        }
    }
}
