//! Sign-outs that are told from server to server: service providers on loopback that take LogoutRequests by SOAP, and
//! all that they may answer.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use openssl::x509::X509;
use serde_json::json;
use support::{Reply, WebServer};
use tessera::base::{Clock, Timestamp};
use tessera::saml::binding::Carried;
use tessera::saml::logout::{LogoutMessage, LogoutResponseInput, receive};
use tessera::saml::sign::{OpensslSigner, SignatureAlgorithm, Signer};
use tessera::saml::soap::{self, envelope};
use tessera::saml::{Endpoint, ServiceProvider, Status, Timing, VerificationKey};

use crate::house::{Browser, House};
use crate::logout::{Hop, Seat, Sp, follow, is_signed_in, press, results, sp};
use crate::logout_sessions::{ask, copy_sessions, leave};
use crate::sp::{key_pair, unescaped};
use crate::sp_sources::authority;

on_both_databases!(
    slo_503_who_takes_soap_is_told_without_the_browser,
    slo_501_502_what_belongs_to_another_browser_is_told_from_server_to_server,
    slo_501_502_a_request_by_soap_is_handed_on_by_soap,
    slo_502_only_a_good_answer_counts_as_signed_out,
    slo_503_who_does_not_answer_by_soap_is_told_by_the_browser,
    slo_503_a_call_that_was_cut_off_can_be_made_again,
    slo_501_a_call_to_another_browsers_application_that_was_cut_off_is_made_again,
    slo_502_who_asks_is_never_told_of_its_own_sessions_that_are_too_many,
);

type Answering = dyn Fn(&str) -> Reply + Send + Sync;

/// A service provider that takes LogoutRequests by SOAP, and says to their IDs what a test wants.
struct Direct {
    sp: Sp,
    server: WebServer,
    says: Arc<Mutex<Arc<Answering>>>,
}

impl Direct {
    /// One that does as it is told; `redirect`: it can be told through the browser, too.
    async fn open(house: &House, slug: &'static str, redirect: bool) -> Self {
        let says: Arc<Mutex<Arc<Answering>>> =
            Arc::new(Mutex::new(Arc::new(|_: &str| Reply::new(500, &[], ""))));
        let saying = says.clone();
        let server = WebServer::https(authority(), move |received| {
            let text = String::from_utf8_lossy(&received.body).into_owned();
            let answering = saying.lock().unwrap().clone();
            answering(id_of(&text))
        });
        let mut slo = json!({ "soap_url": server.url("/soap") });
        if redirect {
            slo["redirect_url"] = format!("https://{slug}.example/slo").into();
        }
        let direct = Self { sp: sp(house, slug, slo).await, server, says };
        direct.now_says_status(house, Status::Success);
        direct
    }

    fn now_says(&self, answering: impl Fn(&str) -> Reply + Send + Sync + 'static) {
        *self.says.lock().unwrap() = Arc::new(answering);
    }

    fn now_says_status(&self, house: &House, status: Status) {
        let (issuer, clock) = (self.sp.entity_id(), house.clock.clone());
        let signer: Arc<dyn Signer> = Arc::new(self.sp.signer.clone());
        self.now_says(move |id| said(&clock, &issuer, id, status, Some(signer.as_ref())));
    }

    /// The requests so far, as text.
    fn asked(&self) -> Vec<String> {
        let all = self.server.received();
        all.iter().map(|received| String::from_utf8(received.body.clone()).unwrap()).collect()
    }
}

/// The ID of a message.
fn id_of(text: &str) -> &str {
    text.split(" ID=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

fn said(clock: &Clock, issuer: &str, to: &str, status: Status, sign: Option<&dyn Signer>) -> Reply {
    let input = LogoutResponseInput {
        id: "_answer",
        issued_at: clock.now(),
        issuer,
        destination: None,
        in_response_to: to,
        status,
    };
    enveloped(&input.write(sign).unwrap())
}

fn enveloped(message: &str) -> Reply {
    Reply::new(200, &[("content-type", "text/xml")], envelope(message))
}

async fn slo_503_who_takes_soap_is_told_without_the_browser(house: House) {
    let (ledger, diary) =
        (Direct::open(&house, "ledger", true).await, Direct::open(&house, "diary", false).await);
    let mut browser = house.member("livia").await;
    let seat = ledger.sp.sign_on(&house, &mut browser).await;
    diary.sp.sign_on(&house, &mut browser).await;
    let out = leave(&house, &mut browser, "").await;
    assert!(!is_signed_in(&house, &browser).await, "at once");
    assert!(ledger.asked().is_empty(), "the session ends before anybody else is told");
    let page = follow(&house, &mut browser, &out).await;
    assert_eq!(page.body.matches(">Signed out<").count(), 2, "{}", page.body);
    assert!(page.body.contains("your applications say that they have signed you out"), "{}", page.body);
    assert_eq!(results(&house).await, ["signed_out", "signed_out"]);
    let received = &ledger.server.received()[0];
    assert!(received.line.starts_with("POST /soap "), "{}", received.line);
    assert_eq!(received.header("content-type"), Some("text/xml; charset=utf-8"));
    let action = "\"http://www.oasis-open.org/committees/security\"";
    assert_eq!(received.header("soapaction"), Some(action));
    assert!(received.header("cookie").is_none() && received.header("authorization").is_none());
    // What came is ours by its signature, and means her session there.
    let pem = house.get(&mut Browser::default(), "/saml2/ledger/certificate.pem").await.body;
    let key =
        VerificationKey::from_certificate_der(&X509::from_pem(pem.as_bytes()).unwrap().to_der().unwrap());
    let entity_id = &ledger.sp.application.idp_entity_id;
    let us = ServiceProvider {
        entity_id,
        acs: &[],
        signing_keys: &[key.unwrap()],
        require_signed_requests: true,
        redirect_enveloped_signature: false,
        allow_missing_destination: false,
        strict_relay_state: false,
    };
    let url = ledger.server.url("/soap");
    let (there, timing) = (Endpoint { url: &url, entity_id: "" }, Timing::at(house.clock.now()));
    let message = soap::decode(received.body.clone(), Carried::Request);
    let read = receive(&message, &us, &there, &[], timing).unwrap();
    let LogoutMessage::Request(request) = read else { panic!("a request is one") };
    assert_eq!(request.session_indexes, [seat.index]);
    assert_eq!(request.name_id.value, seat.name_id.value);
    assert!(ledger.asked()[0].contains(&format!("Destination=\"{url}\"")));
    // Once is enough.
    house.get(&mut browser, &out.location()).await;
    assert_eq!((ledger.asked().len(), diary.asked().len()), (1, 1));
}

async fn slo_501_502_what_belongs_to_another_browser_is_told_from_server_to_server(house: House) {
    let a = sp(&house, "a", crate::logout::slo("a")).await;
    let ledger = Direct::open(&house, "ledger", true).await;
    let mut browser = house.member("livia").await;
    let mut marcus = house.member("marcus").await;
    for (id, status, expected) in
        [("_1", Status::Success, &["Success"][..]), ("_2", Status::Responder, &["Success", "PartialLogout"])]
    {
        house.sign_in(&mut browser, "livia").await;
        let seat = a.sign_on(&house, &mut browser).await;
        ledger.sp.sign_on(&house, &mut browser).await;
        ledger.now_says_status(&house, status);
        // Somebody else's browser brings the message.
        let asked = ask(&house, &mut marcus, &a, id, &seat).await;
        let mut page = follow(&house, &mut marcus, &asked).await;
        assert!(!unescaped(&page.body).contains("ledger"), "it learns of nobody: {}", page.body);
        if status != Status::Success {
            assert!(page.body.contains("Applications in another browser"), "{}", page.body);
            page = press(&house, &mut marcus, &page, "answer").await;
        }
        assert_eq!(Hop::read(&page).status(), expected);
    }
    assert_eq!(ledger.asked().len(), 2);
    assert_eq!(results(&house).await, ["failed", "signed_out", "sp", "sp"], "one word for each");
}

async fn slo_501_502_a_request_by_soap_is_handed_on_by_soap(house: House) {
    let (a, ledger) = (Direct::open(&house, "a", false).await, Direct::open(&house, "ledger", false).await);
    let quiet = sp(&house, "quiet", json!({})).await;
    let mut browser = house.member("livia").await;
    for (id, with_quiet) in [("_1", false), ("_2", true)] {
        house.sign_in(&mut browser, "livia").await;
        let seat = a.sp.sign_on(&house, &mut browser).await;
        ledger.sp.sign_on(&house, &mut browser).await;
        if with_quiet {
            quiet.sign_on(&house, &mut browser).await;
        }
        let here = format!("{}/soap", a.sp.here());
        let asked = envelope(&a.sp.request(&house, id, &seat, &here, Some(&a.sp.signer)));
        let request = HttpRequest::post("/saml2/a/logout/soap")
            .header("content-type", "text/xml")
            .body(Body::from(asked))
            .unwrap();
        let answered = house.send(&mut Browser::default(), request).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
        assert_eq!(answered.body.contains("status:PartialLogout"), with_quiet, "{}", answered.body);
        assert!(answered.body.contains("status:Success"));
    }
    assert_eq!((a.asked().len(), ledger.asked().len()), (0, 2), "who asked is not told");
    assert_eq!(results(&house).await, ["signed_out", "signed_out", "sp", "sp", "unreachable"]);
}

async fn slo_502_only_a_good_answer_counts_as_signed_out(house: House) {
    let ledger = Direct::open(&house, "ledger", false).await;
    let mut browser = house.member("livia").await;
    let (issuer, clock) = (ledger.sp.entity_id(), house.clock.clone());
    let (foreign, pem) = key_pair();
    let der = X509::from_pem(pem.as_bytes()).unwrap().to_der().unwrap();
    let foreign = OpensslSigner::new(foreign, &der, SignatureAlgorithm::RsaSha256).unwrap();
    let own: Arc<dyn Signer> = Arc::new(ledger.sp.signer.clone());
    let old = Clock::frozen(Timestamp(clock.now().0 - 3_600_000));
    let no = "Could not sign you out";
    let none = "Did not answer";
    let (i, c) = (issuer.clone(), clock.clone());
    let of = move |to: &'static str, issuer: &str, status, clock: &Clock, sign: Option<Arc<dyn Signer>>| {
        let (issuer, clock) = (issuer.to_owned(), clock.clone());
        Arc::new(move |id: &str| {
            said(&clock, &issuer, if to.is_empty() { id } else { to }, status, sign.as_deref())
        }) as Arc<Answering>
    };
    let fixed = |reply: Reply| Arc::new(move |_: &str| reply.clone()) as Arc<Answering>;
    let own = || Some(own.clone());
    let cases = [
        ("a failure", of("", &i, Status::Responder, &c, own()), no),
        ("a partial logout", of("", &i, Status::PartialLogout, &c, own()), no),
        ("an answer to another", of("_other", &i, Status::Success, &c, own()), none),
        ("another issuer", of("", "https://evil.example", Status::Success, &c, own()), none),
        ("a signature by another key", of("", &i, Status::Success, &c, Some(Arc::new(foreign))), none),
        ("an old answer", of("", &i, Status::Success, &old, own()), none),
        ("an error of HTTP", fixed(Reply::new(500, &[], "")), none),
        ("a page", fixed(Reply::new(200, &[], "<html><body>Success</body></html>")), none),
        ("too much", fixed(Reply::new(200, &[], vec![b'x'; 256 << 10])), none),
        ("nothing", fixed(Reply::Bytes(Vec::new())), none),
        ("a way to another", fixed(Reply::redirect(307, "https://evil.example/soap")), none),
        ("a way inside", fixed(Reply::redirect(302, "https://10.0.0.1/")), none),
        ("a bare answer without a signature", of("", &i, Status::Success, &c, None), ">Signed out<"),
    ];
    for (what, says, expected) in cases {
        house.sign_in(&mut browser, "livia").await;
        ledger.sp.sign_on(&house, &mut browser).await;
        *ledger.says.lock().unwrap() = says;
        let out = leave(&house, &mut browser, "").await;
        let page = follow(&house, &mut browser, &out).await;
        assert!(page.body.contains(expected), "{what}: {}", page.body);
    }
}

async fn slo_503_who_does_not_answer_by_soap_is_told_by_the_browser(house: House) {
    let hanging = [
        Direct::open(&house, "ledger", true).await,
        Direct::open(&house, "diary", false).await,
        Direct::open(&house, "atlas", false).await,
    ];
    let fine = Direct::open(&house, "fine", false).await;
    let mut browser = house.member("livia").await;
    for direct in hanging.iter().chain([&fine]) {
        direct.sp.sign_on(&house, &mut browser).await;
    }
    for direct in &hanging {
        direct.now_says(|_| Reply::Stall(Vec::new()));
    }
    let out = leave(&house, &mut browser, "").await;
    let began = Instant::now();
    let hop = Hop::read(&follow(&house, &mut browser, &out).await);
    assert!(began.elapsed().as_secs() < 10, "three that hang are waited for as long as one");
    assert_eq!(hop.url, "https://ledger.example/slo");
    assert_ne!(hop.id(), id_of(&hanging[0].asked()[0]), "who remembers IDs takes no message twice");
    let ledger = &hanging[0].sp;
    let path = ledger.answers(&house, &hop, Status::Success, &ledger.signer);
    let answered = house.get_from_elsewhere(&mut browser, &path).await;
    let page = follow(&house, &mut browser, &answered).await;
    assert_eq!(page.body.matches(">Signed out<").count(), 2, "{}", page.body);
    assert_eq!(page.body.matches("Did not answer: sign out there yourself").count(), 2, "{}", page.body);
    assert_eq!(results(&house).await, ["no_answer", "no_answer", "signed_out", "signed_out"]);
}

async fn slo_503_a_call_that_was_cut_off_can_be_made_again(house: House) {
    let ledger = Direct::open(&house, "ledger", false).await;
    let mut browser = house.member("livia").await;
    ledger.sp.sign_on(&house, &mut browser).await;
    ledger.now_says(|_| Reply::Stall(Vec::new()));
    let out = leave(&house, &mut browser, "").await;
    {
        // The person closes the page while it waits.
        let mut gone = browser.clone();
        cut_off(&ledger, follow(&house, &mut gone, &out)).await;
    }
    let page = house.get(&mut browser, "/logout").await;
    assert!(page.body.contains("Has not answered yet"), "{}", page.body);
    ledger.now_says_status(&house, Status::Success);
    let page = press(&house, &mut browser, &page, "again").await;
    assert!(page.body.contains(">Signed out<"), "{}", page.body);
    let asked = ledger.asked();
    assert_ne!(id_of(&asked[0]), id_of(&asked[1]), "who remembers IDs takes no message twice");
    assert_eq!(results(&house).await, ["signed_out"]);
}

/// Drops a request once its service provider has been asked.
async fn cut_off<T>(asked: &Direct, going: impl Future<Output = T>) {
    let before = asked.server.received().len();
    let mut going = std::pin::pin!(going);
    while asked.server.received().len() == before {
        let wait = tokio::time::timeout(std::time::Duration::from_millis(20), going.as_mut());
        assert!(wait.await.is_err(), "nobody answers");
    }
}

async fn slo_501_a_call_to_another_browsers_application_that_was_cut_off_is_made_again(house: House) {
    let a = sp(&house, "a", crate::logout::slo("a")).await;
    let ledger = Direct::open(&house, "ledger", false).await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    ledger.sp.sign_on(&house, &mut browser).await;
    let mut marcus = house.member("marcus").await;
    let asked = ask(&house, &mut marcus, &a, "_1", &seat).await;
    ledger.now_says(|_| Reply::Stall(Vec::new()));
    cut_off(&ledger, follow(&house, &mut marcus.clone(), &asked)).await;
    ledger.now_says_status(&house, Status::Success);
    let page = follow(&house, &mut marcus, &asked).await;
    assert!(!unescaped(&page.body).contains("ledger"), "{}", page.body);
    assert_eq!(Hop::read(&page).status(), ["Success"]);
    let asked = ledger.asked();
    assert_ne!(id_of(&asked[0]), id_of(&asked[1]));
    assert_eq!(results(&house).await, ["signed_out", "sp"]);
}

async fn slo_502_who_asks_is_never_told_of_its_own_sessions_that_are_too_many(house: House) {
    let a = Direct::open(&house, "a", true).await;
    let mut browser = house.member("livia").await;
    let seat = a.sp.sign_on(&house, &mut browser).await;
    copy_sessions(&house, &seat, 205).await;
    let all = Seat { index: String::new(), ..seat };
    let asked = ask(&house, &mut browser, &a.sp, "_1", &all).await;
    let page = follow(&house, &mut browser, &asked).await;
    let back = Hop::read(&press(&house, &mut browser, &page, "answer").await);
    assert_eq!(back.status(), ["Success", "PartialLogout"]);
    assert!(a.asked().is_empty(), "it has asked itself");
}
