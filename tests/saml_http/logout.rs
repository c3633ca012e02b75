//! Single logout over HTTP: several service providers in one session, told the truth about; and all that must not sign
//! anybody out.

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use openssl::x509::X509;
use serde_json::{Value, json};
use tessera::applications::{Application, sso};
use tessera::base::Timestamp;
use tessera::base::name_id::NameIdFormat;
use tessera::saml::binding::{Carried, decode_redirect_either};
use tessera::saml::logout::{LogoutRequestInput, LogoutResponseInput, redirect_url};
use tessera::saml::sign::{OpensslSigner, SignatureAlgorithm, Signer};
use tessera::saml::soap::envelope;
use tessera::saml::{NameId, Status, VerificationKey, verify_redirect_signature};

use crate::house::{Answered, BASE, Browser, House, hidden};
use crate::sp::{Posted, Request, escaped, key_pair, unescaped};

on_both_databases!(
    slo_501_502_one_click_ends_the_session_and_signs_out_of_two_applications,
    slo_502_what_can_not_be_told_is_named_and_the_answer_says_partial,
    slo_503_who_never_answers_is_skipped_by_the_person,
    slo_501_nothing_but_the_service_providers_own_signed_word_ends_a_session,
    slo_501_a_post_without_cookies_goes_on_in_its_own_browser_only,
    slo_501_what_others_know_a_person_by_is_not_led_through_another_browser,
    slo_503_504_signing_out_of_the_portal_tells_applications_unless_it_is_not_wanted,
    slo_501_502_over_soap_the_answer_says_what_could_not_be_told,
);

/// An application with logout, and its service provider.
pub struct Sp {
    pub slug: &'static str,
    pub signer: OpensslSigner,
    pub application: Application,
}

/// A session at a service provider.
#[derive(Clone)]
pub struct Seat {
    pub name_id: NameId,
    /// Empty: all of that name.
    pub index: String,
}

pub fn slo(slug: &str) -> Value {
    json!({ "redirect_url": format!("https://{slug}.example/slo"), "post_url": format!("https://{slug}.example/slo-post") })
}

pub async fn sp(house: &House, slug: &'static str, slo: Value) -> Sp {
    let (key, pem) = key_pair();
    let der = X509::from_pem(pem.as_bytes()).unwrap().to_der().unwrap();
    let settings =
        json!({ "sp_entity_id": format!("https://{slug}.example"), "sp_certificates": [pem], "slo": slo });
    let application = house.application(slug, settings).await;
    Sp { slug, signer: OpensslSigner::new(key, &der, SignatureAlgorithm::RsaSha256).unwrap(), application }
}

impl Sp {
    pub fn entity_id(&self) -> String {
        format!("https://{}.example", self.slug)
    }

    pub async fn sign_on(&self, house: &House, browser: &mut Browser) -> Seat {
        // One after another, as people click.
        house.clock.advance(1);
        let mut request = Request::new(&format!("_{}", self.slug));
        request.issuer = self.entity_id();
        request.issue_instant = house.clock.now().to_xs_date_time();
        let answered = house.get(browser, &format!("/saml2/{}?{}", self.slug, request.query(None))).await;
        let posted = Posted::read(&answered.body).unwrap_or_else(|| panic!("signed on: {}", answered.body));
        let format = NameIdFormat::from_urn(&posted.value("<saml:NameID Format=\"", "\"").unwrap()).unwrap();
        let value = posted.name_id().unwrap();
        let name_id = NameId { format, value, name_qualifier: None, sp_name_qualifier: None };
        Seat { name_id, index: posted.value("SessionIndex=\"", "\"").unwrap() }
    }

    pub fn request(
        &self,
        house: &House,
        id: &str,
        seat: &Seat,
        at: &str,
        sign: Option<&dyn Signer>,
    ) -> String {
        let (issuer, indexes) = (self.entity_id(), [seat.index.clone()]);
        let indexes = if seat.index.is_empty() { &[][..] } else { &indexes[..] };
        let input = LogoutRequestInput {
            id,
            issued_at: house.ctx().now(),
            not_on_or_after: house.ctx().now().plus(60_000),
            issuer: &issuer,
            destination: at,
            name_id: &seat.name_id,
            session_indexes: indexes,
            encryption: None,
        };
        input.write(sign).unwrap()
    }

    pub fn here(&self) -> String {
        format!("{BASE}/saml2/{}/logout", self.slug)
    }

    /// The path of a LogoutRequest by Redirect.
    pub fn asks(&self, house: &House, id: &str, seat: &Seat, signer: &dyn Signer) -> String {
        let xml = self.request(house, id, seat, &self.here(), None);
        let url = redirect_url(&self.here(), Carried::Request, &xml, Some("back & forth"), signer).unwrap();
        url.strip_prefix(BASE).unwrap().to_owned()
    }

    pub fn answer(
        &self,
        now: Timestamp,
        in_response_to: &str,
        status: Status,
        sign: Option<&dyn Signer>,
    ) -> String {
        let (issuer, here) = (self.entity_id(), self.here());
        let input = LogoutResponseInput {
            id: "_answer",
            issued_at: now,
            issuer: &issuer,
            destination: Some(&here),
            in_response_to,
            status,
        };
        input.write(sign).unwrap()
    }

    /// The path of a LogoutResponse by Redirect.
    pub fn answers(&self, house: &House, hop: &Hop, status: Status, signer: &dyn Signer) -> String {
        let xml = self.answer(house.ctx().now(), &hop.id(), status, None);
        let url = redirect_url(&self.here(), Carried::Response, &xml, None, signer).unwrap();
        url.strip_prefix(BASE).unwrap().to_owned()
    }
}

/// A page that leads on to a service provider.
pub struct Hop {
    pub url: String,
    pub xml: String,
    pub relay_state: Option<String>,
}

impl Hop {
    pub fn read(answered: &Answered) -> Self {
        assert_eq!(answered.status, StatusCode::OK, "never a redirect to another origin: {}", answered.body);
        let start = "http-equiv=\"refresh\" content=\"0; url=";
        let from =
            answered.body.find(start).unwrap_or_else(|| panic!("leads on: {}", answered.body)) + start.len();
        let url = unescaped(&answered.body[from..from + answered.body[from..].find('"').unwrap()]);
        assert!(answered.body.contains("rel=\"noreferrer\">"), "a link does without the refresh");
        let message = decode_redirect_either(url.split_once('?').unwrap().1).unwrap();
        Self {
            url: url.split_once('?').unwrap().0.to_owned(),
            xml: String::from_utf8(message.xml.clone()).unwrap(),
            relay_state: message.relay_state.as_ref().map(|state| state.as_str().to_owned()),
        }
    }

    pub fn value(&self, start: &str) -> String {
        let from = self.xml.find(start).unwrap_or_else(|| panic!("{start} in {}", self.xml)) + start.len();
        self.xml[from..from + self.xml[from..].find(['"', '<']).unwrap()].to_owned()
    }

    pub fn id(&self) -> String {
        self.value(" ID=\"")
    }

    pub fn status(&self) -> Vec<String> {
        let codes = self.xml.split("StatusCode Value=\"").skip(1);
        codes.map(|rest| rest.split('"').next().unwrap().rsplit(':').next().unwrap().to_owned()).collect()
    }
}

/// Our signature over the query is that of the application's certificate.
async fn assert_ours(house: &House, slug: &str, answered: &Answered) {
    let pem = house.get(&mut Browser::default(), &format!("/saml2/{slug}/certificate.pem")).await.body;
    let der = X509::from_pem(pem.as_bytes()).unwrap().to_der().unwrap();
    let key = VerificationKey::from_certificate_der(&der).unwrap();
    let start = "content=\"0; url=";
    let from = answered.body.find(start).unwrap() + start.len();
    let url = unescaped(&answered.body[from..from + answered.body[from..].find('"').unwrap()]);
    let message = decode_redirect_either(url.split_once('?').unwrap().1).unwrap();
    verify_redirect_signature(message.redirect_signature.as_ref().unwrap(), &[key]).unwrap();
}

pub async fn is_signed_in(house: &House, browser: &Browser) -> bool {
    house.get(&mut browser.clone(), "/").await.status == StatusCode::OK
}

pub async fn follow(house: &House, browser: &mut Browser, answered: &Answered) -> Answered {
    assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.body);
    assert!(answered.location().starts_with("/logout?run="), "{}", answered.location());
    house.get(browser, &answered.location()).await
}

pub async fn press(house: &House, browser: &mut Browser, shown: &Answered, wish: &str) -> Answered {
    let body = format!(
        "csrf={}&run={}&wish={wish}",
        escaped(&hidden(&shown.body, "csrf")),
        escaped(&hidden(&shown.body, "run"))
    );
    house.post(browser, "/logout/next", body).await
}

/// The results that events tell of, by name: those of one instant have no order.
pub async fn results(house: &House) -> Vec<String> {
    let events = house.events("sso_logout").await;
    let mut told: Vec<String> = events
        .iter()
        .map(|event| event.details.get("result").or(event.details.get("initiated_by")).unwrap())
        .map(|text| text.as_str().unwrap().to_owned())
        .collect();
    told.sort_unstable();
    told
}

async fn slo_501_502_one_click_ends_the_session_and_signs_out_of_two_applications(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let other_node = house.another_node().await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    let there = b.sign_on(&house, &mut browser).await;
    assert!(is_signed_in(&other_node, &browser).await);
    let asked = house.get_from_elsewhere(&mut browser, &a.asks(&house, "_out", &seat, &a.signer)).await;
    assert!(!is_signed_in(&house, &browser).await, "the session has ended before anybody else is told");
    assert!(!is_signed_in(&other_node, &browser).await, "on every node");
    let page = follow(&house, &mut browser, &asked).await;
    assert_ours(&house, "b", &page).await;
    let hop = Hop::read(&page);
    assert_eq!(hop.url, "https://b.example/slo");
    assert!(hop.xml.starts_with("<samlp:LogoutRequest"), "{}", hop.xml);
    assert_eq!(hop.value("<samlp:SessionIndex>"), there.index);
    assert!(hop.xml.contains(&there.name_id.value));
    assert!(!hop.xml.contains(&seat.index), "each is told of its own session alone");
    let answered =
        house.get_from_elsewhere(&mut browser, &b.answers(&house, &hop, Status::Success, &b.signer)).await;
    let page = follow(&house, &mut browser, &answered).await;
    assert_ours(&house, "a", &page).await;
    let back = Hop::read(&page);
    assert_eq!(back.url, "https://a.example/slo");
    assert_eq!(back.status(), ["Success"]);
    assert_eq!(back.value("InResponseTo=\""), "_out");
    assert_eq!(back.relay_state.as_deref(), Some("back & forth"));
    assert_eq!(results(&house).await, ["signed_out", "sp"]);
    // Nothing of it counts twice; who loads the answer again sees how it stands.
    let again = b.answers(&house, &hop, Status::Responder, &b.signer);
    let again = house.get_from_elsewhere(&mut browser, &again).await;
    let page = follow(&house, &mut browser, &again).await;
    assert!(page.body.contains(">Signed out<"), "{}", page.body);
    let unasked = Hop { xml: hop.xml.replace(&hop.id(), "_other"), ..hop };
    for again in
        [a.asks(&house, "_out", &seat, &a.signer), b.answers(&house, &unasked, Status::Success, &b.signer)]
    {
        let refused = house.get_from_elsewhere(&mut browser, &again).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    }
    assert_eq!(results(&house).await, ["signed_out", "sp"]);
    let codes = house.refusal_codes().await;
    assert!(
        codes.contains(&"request_replayed".to_owned())
            && codes.contains(&"logout_response_unasked".to_owned()),
        "{codes:?}"
    );
    // A session that is over is over: that is what was asked for.
    let late = house.get_from_elsewhere(&mut browser, &a.asks(&house, "_late", &seat, &a.signer)).await;
    assert_eq!(Hop::read(&follow(&house, &mut browser, &late).await).status(), ["Success"]);
}

async fn slo_502_what_can_not_be_told_is_named_and_the_answer_says_partial(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let (quiet, c) = (sp(&house, "quiet", json!({})).await, sp(&house, "c", slo("c")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    quiet.sign_on(&house, &mut browser).await;
    c.sign_on(&house, &mut browser).await;
    let asked = house.get_from_elsewhere(&mut browser, &a.asks(&house, "_out", &seat, &a.signer)).await;
    let hop = Hop::read(&follow(&house, &mut browser, &asked).await);
    assert_eq!(hop.url, "https://c.example/slo", "who can't be told is passed over");
    let no =
        house.get_from_elsewhere(&mut browser, &c.answers(&house, &hop, Status::Responder, &c.signer)).await;
    let page = follow(&house, &mut browser, &no).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("You are signed out of Tessera"), "{}", page.body);
    assert!(unescaped(&page.body).contains("Can’t be told: sign out there yourself"), "{}", page.body);
    assert!(page.body.contains("Could not sign you out"), "{}", page.body);
    let back = Hop::read(&press(&house, &mut browser, &page, "answer").await);
    assert_eq!(back.status(), ["Success", "PartialLogout"], "the session here has ended, others have not");
    assert_eq!(
        (back.url.as_str(), back.relay_state.as_deref()),
        ("https://a.example/slo", Some("back & forth"))
    );
    assert_eq!(results(&house).await, ["failed", "sp", "unreachable"]);
    let again = press(&house, &mut browser, &page, "answer").await;
    assert!(!again.body.contains("http-equiv=\"refresh\""), "it is answered once");
}

async fn slo_503_who_never_answers_is_skipped_by_the_person(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let (b, c) = (sp(&house, "b", slo("b")).await, sp(&house, "c", slo("c")).await);
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    b.sign_on(&house, &mut browser).await;
    c.sign_on(&house, &mut browser).await;
    let asked = house.get_from_elsewhere(&mut browser, &a.asks(&house, "_out", &seat, &a.signer)).await;
    let hanging = Hop::read(&follow(&house, &mut browser, &asked).await);
    assert_eq!(hanging.url, "https://b.example/slo");
    // The person comes back, by whatever way.
    let page = house.get(&mut browser, "/logout").await;
    assert!(page.body.contains("Has not answered yet") && page.body.contains("Comes next"), "{}", page.body);
    let once_more = Hop::read(&press(&house, &mut browser, &page, "again").await);
    assert_eq!(once_more.url, "https://b.example/slo");
    assert_ne!(once_more.id(), hanging.id(), "who remembers IDs takes no message twice");
    let page = house.get(&mut browser, "/logout").await;
    let next = Hop::read(&press(&house, &mut browser, &page, "skip").await);
    assert_eq!(next.url, "https://c.example/slo");
    let fine =
        house.get_from_elsewhere(&mut browser, &c.answers(&house, &next, Status::Success, &c.signer)).await;
    let page = follow(&house, &mut browser, &fine).await;
    assert!(page.body.contains("Did not answer: sign out there yourself"), "{}", page.body);
    assert!(page.body.contains(">Signed out<"), "{}", page.body);
    let back = Hop::read(&press(&house, &mut browser, &page, "answer").await);
    assert_eq!(back.status(), ["Success", "PartialLogout"]);
    let page = house.get(&mut browser, "/logout").await;
    assert_eq!(page.location(), "/", "nothing is left to go on with");
    // Half an hour later nothing of it counts.
    house.clock.advance(31 * 60_000);
    let old = house.get(&mut browser, &asked.location()).await;
    assert_eq!(old.status, StatusCode::GONE, "{}", old.body);
}

async fn slo_501_nothing_but_the_service_providers_own_signed_word_ends_a_session(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let mut browser = house.member("livia").await;
    let mut victim = house.member("marcus").await;
    let (seat, there) = (a.sign_on(&house, &mut browser).await, b.sign_on(&house, &mut browser).await);
    let others = a.sign_on(&house, &mut victim).await;
    let unsigned = |seat: &Seat| {
        let path = a.asks(&house, "_x", seat, &a.signer);
        path.split("&SigAlg").next().unwrap().to_owned()
    };
    for (path, code) in [
        (unsigned(&seat), "signature_missing"),
        (a.asks(&house, "_x", &seat, &b.signer), "signature_invalid"),
        (a.asks(&house, "_x", &seat, &a.signer).replace("/saml2/a/", "/saml2/b/"), "issuer_unknown"),
        ("/saml2/a/logout".to_owned(), "request_missing"),
        (format!("{}&SAMLResponse=x", unsigned(&seat)), "parameter_pollution"),
        (unsigned(&seat).replace("SAMLRequest", "SAMLResponse"), "not_a_logout_message"),
    ] {
        let refused = house.get_from_elsewhere(&mut browser, &path).await;
        assert!(refused.status.is_client_error(), "{code}: {}", refused.body);
        assert!(refused.body.contains(code), "{code}: {}", refused.body);
        assert!(!unescaped(&refused.body).contains("sign-in request"), "{code}: {}", refused.body);
    }
    // Its own signature over what is not its own: another's session, another name, both.
    let named =
        |name: &Seat, index: &Seat| Seat { name_id: name.name_id.clone(), index: index.index.clone() };
    for (id, wrong) in
        [("_1", named(&seat, &there)), ("_2", named(&others, &seat)), ("_3", named(&seat, &others))]
    {
        let path = a.asks(&house, id, &wrong, &a.signer);
        let back = Hop::read(&house.get_from_elsewhere(&mut browser, &path).await);
        assert_eq!(back.status(), ["Requester", "UnknownPrincipal"], "{id}");
    }
    // what is switched off can't sign anybody out.
    let house_ref = &house.installation;
    sso::deactivate(&house_ref.db, &house.ctx(), b.application.id, None).await.unwrap();
    let off = house.get_from_elsewhere(&mut browser, &b.asks(&house, "_off", &there, &b.signer)).await;
    assert_eq!(off.status, StatusCode::FORBIDDEN);
    assert!(is_signed_in(&house, &browser).await && is_signed_in(&house, &victim).await);
    assert!(results(&house).await.is_empty());
}

async fn slo_501_a_post_without_cookies_goes_on_in_its_own_browser_only(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let b = sp(&house, "b", json!({ "post_url": "https://b.example/slo-post" })).await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    b.sign_on(&house, &mut browser).await;
    let body = |parameter: &str, xml: &str| {
        use base64::Engine as _;
        format!("{parameter}={}", escaped(&base64::engine::general_purpose::STANDARD.encode(xml)))
    };
    let request = a.request(&house, "_out", &seat, &a.here(), Some(&a.signer));
    let asked =
        house.post_from_elsewhere(&mut browser, "/saml2/a/logout", body("SAMLRequest", &request)).await;
    assert!(!is_signed_in(&house, &browser).await);
    let stranger = house.get(&mut Browser::default(), &asked.location()).await;
    assert_eq!(stranger.status, StatusCode::GONE, "{}", stranger.body);
    let page = follow(&house, &mut browser, &asked).await;
    let hop = crate::sp::unescaped(&page.body);
    assert!(
        hop.contains("action=\"https://b.example/slo-post\"") && hop.contains("name=\"SAMLRequest\""),
        "{hop}"
    );
    assert!(!page.header("content-security-policy").contains("form-action"), "the form leaves");
    let sent = hidden(&page.body, "SAMLRequest");
    let xml = {
        use base64::Engine as _;
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(unescaped(&sent)).unwrap())
            .unwrap()
    };
    assert!(xml.contains("SignatureValue"));
    let id = Hop { url: String::new(), xml, relay_state: None }.id();
    // Another's key first: nothing comes of it.
    for (signer, status) in [(&a.signer, StatusCode::FORBIDDEN), (&b.signer, StatusCode::SEE_OTHER)] {
        let response = b.answer(house.ctx().now(), &id, Status::Success, Some(signer));
        let answered =
            house.post_from_elsewhere(&mut browser, "/saml2/b/logout", body("SAMLResponse", &response)).await;
        assert_eq!(answered.status, status, "{}", answered.body);
    }
    let page = house.get(&mut browser, &asked.location()).await;
    let posted = Posted::read(&page.body).unwrap_or_else(|| panic!("answered by POST: {}", page.body));
    assert_eq!(posted.action, "https://a.example/slo-post");
    assert_eq!(posted.status(), ["Success"]);
    assert!(posted.is_signed() && posted.in_response_to().as_deref() == Some("_out"));
}

async fn slo_501_what_others_know_a_person_by_is_not_led_through_another_browser(house: House) {
    let (a, ledger) = (sp(&house, "a", slo("a")).await, sp(&house, "ledger", slo("ledger")).await);
    let diary = sp(&house, "diary", json!({})).await;
    let mut browser = house.member("livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    ledger.sign_on(&house, &mut browser).await;
    diary.sign_on(&house, &mut browser).await;
    // Whoever runs the first application knows its own session of her, and brings the message in a browser of theirs,
    // signed in or not.
    let mut marcus = house.member("marcus").await;
    let asked = house.get_from_elsewhere(&mut marcus, &a.asks(&house, "_out", &seat, &a.signer)).await;
    assert!(!is_signed_in(&house, &browser).await, "it may end the session");
    assert!(is_signed_in(&house, &marcus).await);
    for _ in 0..2 {
        let page = follow(&house, &mut marcus, &asked).await;
        let told = unescaped(&page.body);
        assert!(!told.contains("ledger") && !told.contains("diary"), "and learns of no other: {told}");
        assert!(told.contains("Applications in another browser"), "only that there are some: {told}");
    }
    let page = house.get(&mut marcus, "/logout").await;
    let back = Hop::read(&press(&house, &mut marcus, &page, "answer").await);
    assert_eq!(back.status(), ["Success", "PartialLogout"]);
    assert_eq!(results(&house).await, ["elsewhere", "elsewhere", "sp"]);
    // In her own browser they stand by name.
    house.sign_in(&mut browser, "livia").await;
    let seat = a.sign_on(&house, &mut browser).await;
    diary.sign_on(&house, &mut browser).await;
    let asked = house.get_from_elsewhere(&mut browser, &a.asks(&house, "_own", &seat, &a.signer)).await;
    assert!(follow(&house, &mut browser, &asked).await.body.contains("diary"));
}

async fn slo_503_504_signing_out_of_the_portal_tells_applications_unless_it_is_not_wanted(house: House) {
    let a = sp(&house, "a", slo("a")).await;
    let mut browser = house.member("livia").await;
    let account = async |browser: &mut Browser| {
        let page = house.get(browser, "/account").await;
        escaped(&hidden(&page.body, "csrf"))
    };
    let csrf = account(&mut browser).await;
    let nobody = house.post(&mut browser, "/logout", format!("csrf={csrf}")).await;
    assert_eq!(nobody.status, StatusCode::OK, "no application was used");
    house.sign_in(&mut browser, "livia").await;
    a.sign_on(&house, &mut browser).await;
    let csrf = account(&mut browser).await;
    let only = house.post(&mut browser, "/logout", format!("csrf={csrf}&only=tessera")).await;
    assert_eq!(only.status, StatusCode::OK, "{}", only.body);
    assert!(only.body.contains("You are signed out") && !is_signed_in(&house, &browser).await);
    house.sign_in(&mut browser, "livia").await;
    a.sign_on(&house, &mut browser).await;
    let csrf = account(&mut browser).await;
    let out = house.post(&mut browser, "/logout", format!("csrf={csrf}")).await;
    assert!(!is_signed_in(&house, &browser).await, "at once");
    let hop = Hop::read(&follow(&house, &mut browser, &out).await);
    assert_eq!(hop.url, "https://a.example/slo");
    let fine =
        house.get_from_elsewhere(&mut browser, &a.answers(&house, &hop, Status::Success, &a.signer)).await;
    let page = follow(&house, &mut browser, &fine).await;
    assert!(page.body.contains("your applications say that they have signed you out"), "{}", page.body);
    assert!(page.body.contains(">Signed out<"), "{}", page.body);
}

async fn slo_501_502_over_soap_the_answer_says_what_could_not_be_told(house: House) {
    let (a, b) = (sp(&house, "a", slo("a")).await, sp(&house, "b", slo("b")).await);
    let metadata = house.get(&mut Browser::default(), "/saml2/a/metadata").await.body;
    assert!(metadata.contains(&format!("<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{}\"", a.here())), "{metadata}");
    assert!(!metadata.contains("bindings:SOAP"), "who prefers SOAP is better served by the browser");
    let send = async |envelope: String| {
        let request = HttpRequest::post("/saml2/a/logout/soap")
            .header("content-type", "text/xml; charset=utf-8")
            .header("soapaction", "http://www.oasis-open.org/committees/security")
            .body(Body::from(envelope))
            .unwrap();
        house.send(&mut Browser::default(), request).await
    };
    let here = format!("{}/soap", a.here());
    let mut browser = house.member("livia").await;
    for (id, with_other, expected) in [("_1", false, 1), ("_2", true, 2)] {
        house.sign_in(&mut browser, "livia").await;
        let seat = a.sign_on(&house, &mut browser).await;
        if with_other {
            b.sign_on(&house, &mut browser).await;
        }
        for bad in [envelope(&a.request(&house, id, &seat, &here, None)), "<x/>".to_owned(), String::new()] {
            let refused = send(bad).await;
            assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", refused.body);
            assert!(refused.body.contains("<faultcode>soap11:Client</faultcode>"), "{}", refused.body);
        }
        assert!(is_signed_in(&house, &browser).await);
        let asked = envelope(&a.request(&house, id, &seat, &here, Some(&a.signer)));
        let answered = send(asked.clone()).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
        assert!(answered.header("content-type").starts_with("text/xml"));
        assert!(answered.body.contains("SignatureValue") && answered.body.contains("status:Success"));
        assert_eq!(answered.body.matches("StatusCode Value=").count(), expected, "{}", answered.body);
        assert_eq!(answered.body.contains("status:PartialLogout"), with_other);
        assert!(!is_signed_in(&house, &browser).await);
        let replayed = send(asked).await;
        assert!(replayed.body.contains("request_replayed"), "{}", replayed.body);
    }
}

#[tokio::test]
async fn md_304_slo_501_the_service_providers_metadata_fills_in_where_it_takes_logout() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let service = |binding: &str, rest: &str| {
        format!("<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" {rest}/>")
    };
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://sp.example\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}{}{}\
         <md:AssertionConsumerService index=\"0\" Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://sp.example/acs\"/></md:SPSSODescriptor></md:EntityDescriptor>",
        service("SOAP", "Location=\"https://sp.example/soap\""),
        service(
            "HTTP-Redirect",
            "Location=\"https://sp.example/slo\" ResponseLocation=\"https://sp.example/back\""
        ),
        service("HTTP-Redirect", "Location=\"https://sp.example/second\""),
    );
    let upload = format!("/applications/{}/sp-metadata", application.id);
    let done = house.api("PUT", &upload, "application/samlmetadata+xml", metadata).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert!(done.body.contains("\"slo\""), "the difference names it: {}", done.body);
    let told =
        house.api("GET", &format!("/applications/{}/sso", application.id), "application/json", "").await;
    let told: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(told["slo"]["redirect_url"]["value"], "https://sp.example/slo");
    assert_eq!(told["slo"]["redirect_response_url"]["value"], "https://sp.example/back");
    assert_eq!(told["slo"]["soap_url"]["value"], "https://sp.example/soap");
    assert_eq!(told["slo"]["post_url"], Value::Null);
    // Without a certificate no request of it could be checked, so our metadata names no address for them.
    let metadata = house.get(&mut Browser::default(), "/saml2/app/metadata").await.body;
    assert!(!metadata.contains("SingleLogoutService"), "{metadata}");
}
