//! Whose sessions a sign-out means: those of the person in that browser, also where one took another's place, and none
//! that began later; and that a sign-out which stops half way is neither lost nor forgotten.

use axum::http::StatusCode;
use serde_json::json;
use tessera::base::clock::{HOUR, MINUTE};
use tessera::db::{Executor as _, sql};
use tessera::saml::Status;
use tessera::signon::logout::run::sweep;

use crate::house::{Answered, Browser, House, PASSWORD, hidden};
use crate::logout::{Hop, Seat, Sp, follow, is_signed_in, press, slo, sp};
use crate::sp::{escaped, key_pair, unescaped};

on_both_databases!(
    slo_502_the_session_that_is_open_in_this_browser_ends_too,
    slo_502_a_session_in_place_of_another_takes_its_applications_along,
    slo_502_who_was_never_told_of_an_end_is_told_later_or_named,
    slo_501_a_request_is_taken_once_and_means_no_session_that_began_later,
    slo_503_one_refused_answer_strands_nobody,
    slo_503_a_late_answer_to_a_request_that_was_sent_again_counts,
    slo_503_the_newest_sessions_of_an_application_are_named,
    slo_501_whom_an_application_knows_encrypted_is_named_to_it_encrypted,
    slo_504_what_was_not_told_stands_in_the_events_with_the_person,
    slo_501_nobody_is_signed_on_in_a_session_that_has_ended,
    slo_501_all_sessions_of_a_name_are_found_behind_many_sign_ons,
    slo_502_more_sessions_than_one_request_ends_are_never_said_to_have_ended,
);

async fn csrf(house: &House, browser: &mut Browser) -> String {
    escaped(&hidden(&house.get(browser, "/account").await.body, "csrf"))
}

/// Signs out in the portal.
pub async fn leave(house: &House, browser: &mut Browser, more: &str) -> Answered {
    let csrf = csrf(house, browser).await;
    house.post(browser, "/logout", format!("csrf={csrf}{more}")).await
}

/// Signs in at the door, whoever was signed in before.
async fn by_the_form(house: &House, browser: &mut Browser, username: &str) {
    let page = house.get(browser, "/login").await;
    let csrf = escaped(&hidden(&page.body, "csrf"));
    let body = format!("csrf={csrf}&username={username}&password={}", escaped(PASSWORD));
    let answered = house.post(browser, "/login", body).await;
    assert_eq!(answered.location(), "/", "{}", answered.body);
}

pub async fn ask(house: &House, browser: &mut Browser, sp: &Sp, id: &str, seat: &Seat) -> Answered {
    house.get_from_elsewhere(browser, &sp.asks(house, id, seat, &sp.signer)).await
}

async fn answer(house: &House, browser: &mut Browser, sp: &Sp, hop: &Hop) -> Answered {
    let path = sp.answers(house, hop, Status::Success, &sp.signer);
    house.get_from_elsewhere(browser, &path).await
}

async fn slo_502_the_session_that_is_open_in_this_browser_ends_too(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    for (id, by_post) in [("_redirect", false), ("_post", true)] {
        let mut browser = Browser::default();
        if !by_post {
            house.person("livia", true).await;
        }
        house.sign_in(&mut browser, "livia").await;
        let seat = a.sign_on(&house, &mut browser).await;
        // The first session ends, and its application is not told; she signs in again and goes on working.
        leave(&house, &mut browser, "&only=tessera").await;
        house.sign_in(&mut browser, "livia").await;
        b.sign_on(&house, &mut browser).await;
        let asked = if by_post {
            use base64::Engine as _;
            let xml = a.request(&house, id, &seat, &a.here(), Some(&a.signer));
            let body = escaped(&base64::engine::general_purpose::STANDARD.encode(xml));
            house.post_from_elsewhere(&mut browser, "/saml2/a/logout", format!("SAMLRequest={body}")).await
        } else {
            ask(&house, &mut browser, &a, id, &seat).await
        };
        let page = follow(&house, &mut browser, &asked).await;
        assert!(
            !is_signed_in(&house, &browser).await,
            "who walks away from this browser leaves nothing open"
        );
        let hop = Hop::read(&page);
        assert_eq!(hop.url, "https://b.example/slo", "and the application of that session is told");
        let done = answer(&house, &mut browser, &b, &hop).await;
        let page = follow(&house, &mut browser, &done).await;
        assert!(unescaped(&page.body).contains("https://a.example/slo"), "{}", page.body);
    }
    // Somebody else's session in that browser stays.
    let mut marcus = house.member("marcus").await;
    let mut livia = Browser::default();
    house.sign_in(&mut livia, "livia").await;
    let seat = a.sign_on(&house, &mut livia).await;
    let asked = ask(&house, &mut marcus, &a, "_elsewhere", &seat).await;
    follow(&house, &mut marcus, &asked).await;
    assert!(is_signed_in(&house, &marcus).await && !is_signed_in(&house, &livia).await);
    // So does one that she begins afterwards, while the sign-out still waits for an answer.
    house.sign_in(&mut livia, "livia").await;
    let seat = a.sign_on(&house, &mut livia).await;
    b.sign_on(&house, &mut livia).await;
    let asked = ask(&house, &mut livia, &a, "_again", &seat).await;
    Hop::read(&follow(&house, &mut livia, &asked).await);
    house.clock.advance(MINUTE);
    house.sign_in(&mut livia, "livia").await;
    let page = house.get(&mut livia, "/logout").await;
    assert!(page.body.contains("Has not answered yet"), "{}", page.body);
    assert!(is_signed_in(&house, &livia).await);
}

async fn slo_502_a_session_in_place_of_another_takes_its_applications_along(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    // Idle for too long: she signs in again, by the form, and opens another application.
    house.clock.advance(9 * HOUR);
    by_the_form(&house, &mut browser, "livia").await;
    assert!(is_signed_in(&house, &browser).await);
    b.sign_on(&house, &mut browser).await;
    let left = leave(&house, &mut browser, "").await;
    let first = Hop::read(&follow(&house, &mut browser, &left).await);
    assert_eq!(first.url, "https://a.example/slo", "the one from before is told too");
    assert_eq!(first.value("<samlp:SessionIndex>"), seat.index);
    let done = answer(&house, &mut browser, &a, &first).await;
    let second = Hop::read(&follow(&house, &mut browser, &done).await);
    assert_eq!(second.url, "https://b.example/slo");
    let done = answer(&house, &mut browser, &b, &second).await;
    let page = follow(&house, &mut browser, &done).await;
    assert!(page.body.contains("your applications say that they have signed you out"), "{}", page.body);
    // Another person who signs in there takes nothing along, and nothing that has ended comes along.
    by_the_form(&house, &mut browser, "livia").await;
    a.sign_on(&house, &mut browser).await;
    house.person("marcus", true).await;
    house.clock.advance(9 * HOUR);
    by_the_form(&house, &mut browser, "marcus").await;
    let left = leave(&house, &mut browser, "").await;
    assert_eq!(left.status, StatusCode::OK, "he has used no application: {}", left.location());
}

async fn slo_502_who_was_never_told_of_an_end_is_told_later_or_named(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    b.sign_on(&house, &mut browser).await;
    leave(&house, &mut browser, "&only=tessera").await;
    let asked = ask(&house, &mut browser, &a, "_1", &seat).await;
    let page = follow(&house, &mut browser, &asked).await;
    assert!(
        unescaped(&page.body).contains("Can’t be told from here: sign out there yourself"),
        "{}",
        page.body
    );
    let back = Hop::read(&press(&house, &mut browser, &page, "answer").await);
    assert_eq!(back.status(), ["Success", "PartialLogout"], "the other one is still open");
    // Past the end of the session, which the other was told with its assertion, there is nothing to tell.
    house.clock.advance(25 * HOUR);
    let asked = ask(&house, &mut browser, &a, "_2", &seat).await;
    assert_eq!(Hop::read(&follow(&house, &mut browser, &asked).await).status(), ["Success"]);
}

async fn slo_501_a_request_is_taken_once_and_means_no_session_that_began_later(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    let all = Seat { index: String::new(), ..seat.clone() };
    leave(&house, &mut browser, "&only=tessera").await;
    // Nobody of that name is known here: it is answered, and remembered.
    let nobody = Seat {
        name_id: tessera::saml::NameId { value: "x".to_owned(), ..seat.name_id.clone() },
        ..all.clone()
    };
    let path = a.asks(&house, "_nobody", &nobody, &a.signer);
    let told = house.get_from_elsewhere(&mut browser, &path).await;
    assert_eq!(Hop::read(&told).status(), ["Requester", "UnknownPrincipal"]);
    let again = house.get_from_elsewhere(&mut browser, &path).await;
    assert!(again.body.contains("request_replayed"), "no second signature for it: {}", again.body);
    // Caught on its way, and brought once she has signed in again.
    let caught = a.asks(&house, "_caught", &all, &a.signer);
    let settings = tessera::settings::read(&mut house.installation.db.reader()).await.unwrap();
    house.clock.advance(i64::from(settings.clock_skew_seconds) * 1000 + 30_000);
    house.sign_in(&mut browser, "livia").await;
    a.sign_on(&house, &mut browser).await;
    let brought = house.get_from_elsewhere(&mut Browser::default(), &caught).await;
    assert_eq!(brought.status, StatusCode::SEE_OTHER, "it means the session before: {}", brought.body);
    assert!(is_signed_in(&house, &browser).await, "and not the one that began after it");
}

async fn slo_503_one_refused_answer_strands_nobody(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let c = sp(&house, "c", slo("c")).await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    b.sign_on(&house, &mut browser).await;
    c.sign_on(&house, &mut browser).await;
    let asked = ask(&house, &mut browser, &a, "_out", &seat).await;
    let hop = Hop::read(&follow(&house, &mut browser, &asked).await);
    // B signs nothing, as some do by default.
    let unsigned = b.answers(&house, &hop, Status::Success, &b.signer);
    let unsigned = unsigned.split("&SigAlg").next().unwrap().to_owned();
    let refused = house.get_from_elsewhere(&mut browser, &unsigned).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("href=\"/logout\">Go on signing out"), "{}", refused.body);
    let page = house.get(&mut browser, "/logout").await;
    assert!(page.body.contains("Go on without B") || page.body.contains("Go on without b"), "{}", page.body);
    let next = Hop::read(&press(&house, &mut browser, &page, "skip").await);
    assert_eq!(next.url, "https://c.example/slo");
    // A form brings no cookie: whether there is something to go on with shows at the link.
    let posted =
        house.post_from_elsewhere(&mut browser, "/saml2/c/logout", "SAMLResponse=x".to_owned()).await;
    assert!(posted.body.contains("Go on signing out"), "{}", posted.body);
    let stranger = house.get_from_elsewhere(&mut Browser::default(), &unsigned).await;
    assert!(!stranger.body.contains("Go on signing out"), "{}", stranger.body);
}

async fn slo_503_a_late_answer_to_a_request_that_was_sent_again_counts(house: House) {
    let b = sp(&house, "b", slo("b")).await;
    let mut browser = house.member("livia").await;
    b.sign_on(&house, &mut browser).await;
    let left = leave(&house, &mut browser, "").await;
    let first = Hop::read(&follow(&house, &mut browser, &left).await);
    let page = house.get(&mut browser, "/logout").await;
    let second = Hop::read(&press(&house, &mut browser, &page, "again").await);
    assert_ne!(first.id(), second.id());
    let late = answer(&house, &mut browser, &b, &first).await;
    let page = follow(&house, &mut browser, &late).await;
    assert!(page.body.contains("your applications say that they have signed you out"), "{}", page.body);
}

async fn slo_503_the_newest_sessions_of_an_application_are_named(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    let mut last = String::new();
    for _ in 0..55 {
        house.clock.advance(1000);
        last = b.sign_on(&house, &mut browser).await.index;
    }
    let asked = ask(&house, &mut browser, &a, "_out", &seat).await;
    let hop = Hop::read(&follow(&house, &mut browser, &asked).await);
    assert_eq!(hop.xml.matches("<samlp:SessionIndex>").count(), 50);
    assert!(hop.xml.contains(&last), "the session that it has now is among them");
}

async fn slo_501_whom_an_application_knows_encrypted_is_named_to_it_encrypted(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    let there = b.sign_on(&house, &mut browser).await;
    let (_, pem) = key_pair();
    let wanted = json!({ "encrypt_assertion": true, "sp_encryption_certificates": [pem] });
    house.patch(&b.application, wanted).await;
    let asked = ask(&house, &mut browser, &a, "_out", &seat).await;
    let hop = Hop::read(&follow(&house, &mut browser, &asked).await);
    assert!(hop.xml.contains("<saml:EncryptedID ") && hop.xml.contains(&there.index), "{}", hop.xml);
    assert!(
        !hop.xml.contains(&there.name_id.value),
        "no address in a browser's history says it: {}",
        hop.xml
    );
}

async fn slo_504_what_was_not_told_stands_in_the_events_with_the_person(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let c = sp(&house, "c", slo("c")).await;
    let quiet = sp(&house, "quiet", json!({})).await;
    let mut browser = house.member("livia").await;
    let livia = browser.user.unwrap().to_string();
    let seat = a.sign_on(&house, &mut browser).await;
    for other in [&b, &c, &quiet] {
        other.sign_on(&house, &mut browser).await;
    }
    let asked = ask(&house, &mut browser, &a, "_out", &seat).await;
    Hop::read(&follow(&house, &mut browser, &asked).await);
    // She closes the tab while B hangs. Half an hour later the sign-out is over, and nobody was told of C.
    house.clock.advance(31 * MINUTE);
    let installation = &house.installation;
    for _ in 0..2 {
        sweep(&installation.db, &house.ctx()).await.unwrap();
    }
    let mut told: Vec<(String, String)> = Vec::new();
    let mut sessions = Vec::new();
    for event in house.events("sso_logout").await {
        let target = (event.target_kind.as_deref(), event.target_id.as_deref());
        assert_eq!(target, (Some("user"), Some(livia.as_str())));
        sessions.push(event.details["session"].clone());
        let Some(result) = event.details.get("result") else { continue };
        let application = event.application_id.unwrap();
        let slug = [&b, &c, &quiet]
            .into_iter()
            .find(|sp| sp.application.id.to_string() == application)
            .unwrap()
            .slug;
        told.push((slug.to_owned(), result.as_str().unwrap().to_owned()));
    }
    told.sort_unstable();
    let expected = [("b", "no_answer"), ("c", "unreachable"), ("quiet", "unreachable")];
    assert_eq!(told, expected.map(|(slug, result)| (slug.to_owned(), result.to_owned())));
    sessions.dedup();
    assert_eq!(sessions.len(), 1, "all of them of one session");
    assert_eq!(house.get(&mut browser, &asked.location()).await.status, StatusCode::GONE);
}

async fn slo_501_nobody_is_signed_on_in_a_session_that_has_ended(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let mut browser = house.member("livia").await;
    a.sign_on(&house, &mut browser).await;
    // It ends in the moment between: what this node has in memory still counts as running.
    let mut tx = house.installation.db.begin().await.unwrap();
    tx.run(sql("UPDATE sessions SET ended_at = 1")).await.unwrap();
    tx.commit().await.unwrap();
    let before = house.events("sso_auth").await.len();
    let mut request = crate::sp::Request::new("_late");
    "https://a.example".clone_into(&mut request.issuer);
    let refused = house.get(&mut browser, &format!("/saml2/a?{}", request.query(None))).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
    assert!(!refused.body.contains("SAMLResponse"), "{}", refused.body);
    assert_eq!(house.events("sso_auth").await.len(), before);
}

async fn slo_501_all_sessions_of_a_name_are_found_behind_many_sign_ons(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let mut laptop = house.member("livia").await;
    let seat = a.sign_on(&house, &mut laptop).await;
    let mut desk = Browser::default();
    house.sign_in(&mut desk, "livia").await;
    for _ in 0..205 {
        a.sign_on(&house, &mut desk).await;
    }
    let all = Seat { index: String::new(), ..seat };
    let asked = ask(&house, &mut desk, &a, "_all", &all).await;
    assert_eq!(Hop::read(&follow(&house, &mut desk, &asked).await).status(), ["Success"]);
    assert!(!is_signed_in(&house, &desk).await && !is_signed_in(&house, &laptop).await);
}

#[tokio::test]
async fn a_17_one_application_asks_for_so_many_sign_outs_and_no_more() {
    let house = House::open().await;
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    let there = b.sign_on(&house, &mut browser).await;
    let nobody = Seat { index: "_nobody".to_owned(), ..seat };
    let mut stranger = Browser::default();
    let mut refused = None;
    for n in 0..1_201 {
        let asked = ask(&house, &mut stranger, &a, &format!("_{n}"), &nobody).await;
        if asked.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(n);
            break;
        }
    }
    assert_eq!(refused, Some(1_200));
    // Nobody else is kept waiting by it, and it is over in a minute.
    let other = ask(&house, &mut browser, &b, "_other", &there).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER, "{}", other.body);
    house.clock.advance(MINUTE + 1);
    let later = ask(&house, &mut stranger, &a, "_later", &nobody).await;
    assert_ne!(later.status, StatusCode::TOO_MANY_REQUESTS, "{}", later.body);
}

/// Makes so many more sessions of the same person and name, each with a seat like this one.
pub async fn copy_sessions(house: &House, seat: &Seat, count: usize) {
    let mut tx = house.installation.db.begin().await.unwrap();
    for n in 0..count {
        let id = format!("0190b0a0-0000-7000-8000-{n:012}");
        let copy = sql(
            "INSERT INTO sessions (id, token_hash, user_id, user_epoch, created_at, authenticated_at, last_seen_at, \
             expires_at, remembered) SELECT $1, $2, s.user_id, s.user_epoch, s.created_at, s.authenticated_at, s.last_seen_at, \
             s.expires_at, s.remembered FROM sessions s JOIN sp_sessions p ON p.session_id = s.id WHERE p.session_index = $3",
        );
        tx.run(copy.bind(id.as_str()).bind(id.as_str()).bind(seat.index.as_str())).await.unwrap();
        let there = sql(
            "INSERT INTO sp_sessions (session_id, session_index, application_id, name_id, name_id_format, \
             name_id_encrypted, created_at) SELECT $1, $2, p.application_id, p.name_id, p.name_id_format, p.name_id_encrypted, \
             p.created_at FROM sp_sessions p WHERE p.session_index = $3",
        );
        tx.run(there.bind(id.as_str()).bind(format!("_{n}")).bind(seat.index.as_str())).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn slo_502_more_sessions_than_one_request_ends_are_never_said_to_have_ended(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    copy_sessions(&house, &seat, 205).await;
    let all = Seat { index: String::new(), ..seat };
    let asked = ask(&house, &mut browser, &a, "_1", &all).await;
    let page = follow(&house, &mut browser, &asked).await;
    let back = Hop::read(&press(&house, &mut browser, &page, "answer").await);
    assert_eq!(back.status(), ["Success", "PartialLogout"], "some of them are still open");
    let asked = ask(&house, &mut browser, &a, "_2", &all).await;
    let page = follow(&house, &mut browser, &asked).await;
    assert_eq!(Hop::read(&page).status(), ["Success"], "none of those that are left is too much");
    let left = sql("SELECT COUNT(*) AS n FROM sessions WHERE ended_at IS NULL");
    assert_eq!(
        house.installation.db.reader().one(left).await.unwrap().int("n").unwrap(),
        0,
        "once more ends the rest"
    );
}

/// Waits until so many statements wait for a lock of another transaction.
pub async fn blocked(house: &House, count: i64) {
    for _ in 0..10_000 {
        let query = sql("SELECT COUNT(*) AS n FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'");
        if house.installation.db.reader().one(query).await.unwrap().int("n").unwrap() >= count {
            return;
        }
    }
    panic!("nothing waits")
}

#[tokio::test]
async fn slo_502_on_postgres_a_sign_on_waits_for_a_sign_out_and_is_refused() {
    let house = House::on_postgres().await;
    let a = sp(&house, "a", slo("a")).await;
    let mut browser = house.member("livia").await;
    a.sign_on(&house, &mut browser).await;
    let mut tx = house.installation.db.begin().await.unwrap();
    tx.run(sql("UPDATE sessions SET ended_at = 1")).await.unwrap();
    let mut request = crate::sp::Request::new("_meanwhile");
    "https://a.example".clone_into(&mut request.issuer);
    let path = format!("/saml2/a?{}", request.query(None));
    let (answered, ()) = tokio::join!(house.get(&mut browser, &path), async {
        blocked(&house, 1).await;
        tx.commit().await.unwrap();
    });
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{}", answered.body);
    assert!(!answered.body.contains("SAMLResponse"));
}

#[tokio::test]
async fn slo_502_on_postgres_a_sign_out_waits_for_a_sign_on_and_tells_its_application() {
    let house = House::on_postgres().await;
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    let csrf = csrf(&house, &mut browser).await;
    // A sign-on to the other application, written and not yet committed.
    let mut tx = house.installation.db.begin().await.unwrap();
    let there = sql(
        "INSERT INTO sp_sessions (session_id, session_index, application_id, name_id, name_id_format, \
         name_id_encrypted, created_at) SELECT s.id, '_there', $1, p.name_id, p.name_id_format, p.name_id_encrypted, \
         p.created_at FROM sessions s JOIN sp_sessions p ON p.session_id = s.id WHERE p.session_index = $2",
    );
    let there = there.for_share().bind(b.application.id.to_string()).bind(seat.index.as_str());
    tx.run(there).await.unwrap();
    let (left, ()) = tokio::join!(house.post(&mut browser, "/logout", format!("csrf={csrf}")), async {
        blocked(&house, 1).await;
        tx.commit().await.unwrap();
    });
    let first = Hop::read(&follow(&house, &mut browser, &left).await);
    let told = [first.url.clone(), {
        let sp = if first.url.contains("a.example") { &a } else { &b };
        let done = answer(&house, &mut browser, sp, &first).await;
        Hop::read(&follow(&house, &mut browser, &done).await).url
    }];
    assert!(told.contains(&"https://b.example/slo".to_owned()), "{told:?}");
}

#[tokio::test]
async fn slo_501_on_postgres_two_requests_that_end_one_session_do_not_wait_for_each_other() {
    let house = House::on_postgres().await;
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut first = house.member("livia").await;
    let seat = a.sign_on(&house, &mut first).await;
    house.clock.advance(1000);
    let mut second = Browser::default();
    house.sign_in(&mut second, "livia").await;
    a.sign_on(&house, &mut second).await;
    let there = b.sign_on(&house, &mut second).await;
    let all = Seat { index: String::new(), ..seat };
    let (mut one, mut other) = (first.clone(), second.clone());
    // While somebody holds the epochs, the first has ended what comes first, and the second the session of both.
    let mut tx = house.installation.db.begin().await.unwrap();
    tx.run(sql("UPDATE cache_epochs SET id = id")).await.unwrap();
    let (at_a, at_b, ()) = tokio::join!(
        ask(&house, &mut one, &a, "_all", &all),
        async {
            blocked(&house, 1).await;
            ask(&house, &mut other, &b, "_one", &there).await
        },
        async {
            blocked(&house, 2).await;
            tx.commit().await.unwrap();
        }
    );
    for answered in [at_a, at_b] {
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.body);
    }
    assert!(!is_signed_in(&house, &first).await && !is_signed_in(&house, &second).await);
}
