//! Sign-on by clients without a browser: the envelope, the password, and the same doors as for everybody (ECP-610).

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use serde_json::{Value, json};
use tessera::applications::{Application, binding};
use tessera::base::name_id::NameIdFormat;
use tessera::db::{Executor as _, sql};
use tessera::saml::logout::LogoutRequestInput;
use tessera::saml::soap::envelope;
use tessera::saml::{NameId, OpensslSigner, SignatureAlgorithm};

use crate::encryption::opened;
use crate::house::{Answered, BASE, Browser, House, PASSWORD};
use crate::logout_sessions::blocked;
use crate::recorder::references;
use crate::sp::{ENTITY_ID, NOW, Posted, enveloped, key_pair};

const PAOS: &str = "https://sp.example/paos";
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

on_both_databases!(
    ecp_610_a_client_signs_a_person_in_and_the_session_can_be_ended,
    ecp_610_the_doors_are_the_same_as_for_browsers,
    ecp_610_guessing_is_slowed_down_like_anywhere,
    ecp_610_the_answer_is_tied_to_the_connection_and_carries_a_key,
);

/// An application that takes clients, with this certificate.
async fn application_of(house: &House, slug: &str, pem: &str, more: Value) -> Application {
    let mut settings = json!({ "sp_certificates": [pem], "ecp": true, "acs_urls": [
        { "url": "https://sp.example/acs" }, { "url": PAOS, "binding": "paos" }] });
    for (field, value) in more.as_object().unwrap() {
        settings[field] = value.clone();
    }
    house.application(slug, settings).await
}

/// The same, and its service provider's key.
async fn application(house: &House, slug: &str, more: Value) -> (Application, PKey<Private>) {
    let (key, pem) = key_pair();
    (application_of(house, slug, &pem, more).await, key)
}

/// A request in canonical form.
fn request(id: &str, attributes: &str, children: &str) -> String {
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"{attributes} ID=\"{id}\" \
         IssueInstant=\"{NOW}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
         {ENTITY_ID}</saml:Issuer>{children}</samlp:AuthnRequest>"
    )
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

async fn send(house: &House, slug: &str, authorization: Option<&str>, body: String) -> Answered {
    let mut request =
        HttpRequest::post(format!("/saml2/{slug}/ecp")).header("content-type", "text/xml; charset=utf-8");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    house.send(&mut Browser::default(), request.body(Body::from(body)).unwrap()).await
}

/// The response in an envelope that has one.
fn response(answered: &Answered) -> Posted {
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    assert!(answered.header("content-type").starts_with("text/xml"));
    assert!(answered.header("set-cookie").is_empty(), "a client has no session here");
    let header = format!(
        "<ecp:Response xmlns:ecp=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" AssertionConsumerServiceURL=\"{PAOS}\""
    );
    assert!(answered.body.contains(&header), "{}", answered.body);
    let body = answered.body.split_once("<soap11:Body>").unwrap().1;
    let xml = body.split_once("</soap11:Body>").unwrap().0.to_owned();
    Posted { action: PAOS.to_owned(), xml, relay_state: None }
}

async fn ecp_610_a_client_signs_a_person_in_and_the_session_can_be_ended(house: House) {
    let (key, pem) = key_pair();
    application_of(&house, "a", &pem, json!({})).await;
    house.member("livia").await;
    let metadata = house.get(&mut Browser::default(), "/saml2/a/metadata").await.body;
    let service = format!(
        "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\" Location=\"{BASE}/saml2/a/ecp\" cb:supportsChannelBindings=\"true\""
    );
    assert!(metadata.contains(&service), "{metadata}");
    let asked = envelope(&enveloped(&request("_1", "", ""), "_1", &key));
    // First it learns what is wanted, and nothing is used up.
    let who = send(&house, "a", None, asked.clone()).await;
    assert_eq!(who.status, StatusCode::UNAUTHORIZED, "{}", who.body);
    assert_eq!(who.header("www-authenticate"), "Basic realm=\"Tessera\", charset=\"UTF-8\"");
    let answered = send(&house, "a", Some(&basic("livia", PASSWORD)), asked.clone()).await;
    let posted = response(&answered);
    assert!(answered.body.contains("<ecp:RequestAuthenticated"), "the request was signed");
    assert!(posted.is_signed() && posted.holds_assertion(), "{}", posted.xml);
    assert_eq!(posted.in_response_to().as_deref(), Some("_1"));
    assert!(posted.xml.contains(&format!("Recipient=\"{PAOS}\"")) && posted.xml.contains("cm:bearer"));
    let events = house.events("sso_auth").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["binding"], "paos");
    assert_eq!(house.events("user_login_attempt").await.len(), 2, "one of them made the house's own session");
    let again = send(&house, "a", Some(&basic("livia", PASSWORD)), asked).await;
    assert!(again.body.contains("request_replayed"), "{}", again.body);
    // An unsigned one says so by what is not there.
    let unsigned = send(&house, "a", Some(&basic("livia", PASSWORD)), envelope(&request("_2", "", ""))).await;
    assert!(response(&unsigned).holds_assertion() && !unsigned.body.contains("RequestAuthenticated"));
    // The service provider may end what it was given.
    let format = NameIdFormat::from_urn(&posted.value("<saml:NameID Format=\"", "\"").unwrap());
    let name_id = NameId {
        format: format.unwrap(),
        value: posted.name_id().unwrap(),
        name_qualifier: None,
        sp_name_qualifier: None,
    };
    let der = X509::from_pem(pem.as_bytes()).unwrap().to_der().unwrap();
    let signer = OpensslSigner::new(key, &der, SignatureAlgorithm::RsaSha256).unwrap();
    let index = [posted.value("SessionIndex=\"", "\"").unwrap()];
    let input = LogoutRequestInput {
        id: "_out",
        issued_at: house.clock.now(),
        not_on_or_after: house.clock.now().plus(60_000),
        issuer: ENTITY_ID,
        destination: &format!("{BASE}/saml2/a/logout/soap"),
        name_id: &name_id,
        session_indexes: &index,
        encryption: None,
    };
    let signed = input.write(Some(&signer)).unwrap();
    let post = HttpRequest::post("/saml2/a/logout/soap").header("content-type", "text/xml");
    let out = house.send(&mut Browser::default(), post.body(Body::from(envelope(&signed))).unwrap()).await;
    assert!(out.body.contains("status:Success"), "{}", out.body);
    assert_eq!(house.events("sso_logout").await.len(), 1);
}

async fn ecp_610_the_doors_are_the_same_as_for_browsers(house: House) {
    let (application, _) = application(&house, "a", json!({})).await;
    house.member("livia").await;
    house.person("outsider", false).await;
    let plain = || envelope(&request("_1", "", ""));
    let livia = basic("livia", PASSWORD);
    // Nobody is asked for a password for a request that can't be answered, and nothing is issued for a wrong one.
    for (body, code) in [
        (String::new(), "xml_not_well_formed"),
        (request("_1", "", ""), "soap_invalid"),
        (envelope("<x/>"), "not_an_authn_request"),
        (envelope(&request("_1", " Destination=\"https://id.example/saml2/a\"", "")), "destination_mismatch"),
        (
            envelope(&request("_1", " AssertionConsumerServiceURL=\"https://sp.example/acs\"", "")),
            "acs_unregistered",
        ),
        (envelope(&request("_1", "", "").replace("2026-11-22T08", "2026-11-22T07")), "request_stale"),
        (envelope(&request("_1", "", "").replace(ENTITY_ID, "https://evil.example")), "issuer_unknown"),
        (envelope(&enveloped(&request("_1", "", ""), "_1", &key_pair().0)), "signature_invalid"),
    ] {
        for authorization in [None, Some(livia.as_str())] {
            let refused = send(&house, "a", authorization, body.clone()).await;
            assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR, "{code}: {}", refused.body);
            assert!(
                refused.body.contains("soap11:Client") && refused.body.contains(code),
                "{code}: {}",
                refused.body
            );
        }
    }
    let class = "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
        urn:oasis:names:tc:SAML:2.0:ac:classes:X509</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>";
    let stronger = send(&house, "a", None, envelope(&request("_1", "", class))).await;
    assert_eq!(
        response(&stronger).status(),
        ["Responder", "NoAuthnContext"],
        "said before a password is asked for"
    );
    // Who is not let in is told so where the client can hand it on, and leaves no session behind.
    for username in ["livia", "outsider"] {
        let answered = send(&house, "a", Some(&basic(username, PASSWORD)), plain()).await;
        let posted = response(&answered);
        assert_eq!(posted.holds_assertion(), username == "livia", "{}", posted.xml);
        if username == "outsider" {
            assert_eq!(posted.status(), ["Responder", "RequestDenied"]);
            let open = sql("SELECT COUNT(*) AS n FROM sessions s JOIN users u ON u.id = s.user_id \
                 WHERE u.username = 'outsider' AND s.ended_at IS NULL");
            assert_eq!(house.installation.db.reader().one(open).await.unwrap().int("n").unwrap(), 0);
        }
    }
    for bad in
        ["Bearer x", "Basic !!!", "Basic bm9jb2xvbg==", &basic("livia", "wrong"), &basic("nobody", PASSWORD)]
    {
        let refused = send(&house, "a", Some(bad), plain()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{bad}: {}", refused.body);
        assert!(!refused.body.contains("samlp:Response"));
    }
    let form = HttpRequest::post("/saml2/a/ecp")
        .header("content-type", "text/plain")
        .header("authorization", &livia)
        .body(Body::from(plain()))
        .unwrap();
    let form = house.send(&mut Browser::default(), form).await;
    assert_eq!(form.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "what a form of another site can send");
    // A passive or forced request is met by the password that comes with it.
    for attributes in [" ForceAuthn=\"true\"", " IsPassive=\"true\""] {
        let xml = request("_p", "", "").replace(" ID=", &format!("{attributes} ID="));
        assert!(
            response(&send(&house, "a", Some(&livia), envelope(&xml)).await).holds_assertion(),
            "{attributes}"
        );
    }
    // Access is decided now.
    binding::unbind(&house.installation.db, &house.ctx(), application.id, house.group).await.unwrap();
    let gone = send(&house, "a", Some(&livia), plain()).await;
    assert_eq!(response(&gone).status(), ["Responder", "RequestDenied"]);
    assert!(house.refusal_codes().await.contains(&"not_bound".to_owned()));
    // Off until somebody wants it, whatever addresses there are.
    house.patch(&application, json!({ "ecp": null })).await;
    let off = send(&house, "a", Some(&livia), plain()).await;
    assert!(off.body.contains("ecp_off"), "{}", off.body);
    let metadata = house.get(&mut Browser::default(), "/saml2/a/metadata").await.body;
    assert!(!metadata.contains("/ecp"), "{metadata}");
    let unknown = send(&house, "nothing", Some(&livia), plain()).await;
    assert!(unknown.body.contains("unknown_idp_url"), "{}", unknown.body);
}

async fn ecp_610_guessing_is_slowed_down_like_anywhere(house: House) {
    application(&house, "a", json!({})).await;
    house.member("livia").await;
    let plain = || envelope(&request("_1", "", ""));
    let mut waits = false;
    for _ in 0..30 {
        let refused = send(&house, "a", Some(&basic("livia", "guess")), plain()).await;
        if refused.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(refused.body.contains("too_many_attempts"), "{}", refused.body);
            waits = true;
            break;
        }
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    assert!(waits, "guesses are counted");
    let right = send(&house, "a", Some(&basic("livia", PASSWORD)), plain()).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS, "the right one waits as well");
}

async fn ecp_610_the_answer_is_tied_to_the_connection_and_carries_a_key(house: House) {
    let (private, encryption) = key_pair();
    let (_, key) = application(&house, "a", json!({ "sp_encryption_certificates": [encryption] })).await;
    let (_, other) = application(&house, "b", json!({})).await;
    house.member("livia").await;
    let livia = basic("livia", PASSWORD);
    let binding = |attributes: &str| {
        format!(
            "<cb:ChannelBindings xmlns:cb=\"urn:oasis:names:tc:SAML:protocol:ext:channel-binding\" \
             Type=\"tls-server-end-point\"{attributes}>YQ==</cb:ChannelBindings>"
        )
    };
    let next = " s:actor=\"http://schemas.xmlsoap.org/soap/actor/next\" s:mustUnderstand=\"1\"";
    let wrapped = |header: &str, message: &str| {
        format!(
            "<s:Envelope xmlns:s=\"{SOAP}\"><s:Header>{header}</s:Header><s:Body>{message}</s:Body></s:Envelope>"
        )
    };
    let extended =
        |id: &str| request(id, "", &format!("<samlp:Extensions>{}</samlp:Extensions>", binding("")));
    let signed = enveloped(&extended("_1"), "_1", &key);
    let answered = send(&house, "a", Some(&livia), wrapped(&binding(next), &signed)).await;
    let posted = response(&answered);
    let advice = format!("<saml:Advice>{}</saml:Advice>", binding(""));
    assert!(posted.xml.contains(&advice), "under our signature: {}", posted.xml);
    let header = answered.body.split_once("</soap11:Header>").unwrap().0;
    assert!(header.contains("<cb:ChannelBindings"), "and for the client: {header}");
    let refused = send(&house, "a", Some(&livia), wrapped(&binding(next), &request("_2", "", ""))).await;
    assert_eq!(response(&refused).status(), ["Responder", "RequestDenied"]);
    assert!(!refused.body.contains("<cb:ChannelBindings"));
    // A key for both: for the client in the header, for the service provider inside what is encrypted for it.
    let session_key =
        format!("<k:SessionKey xmlns:k=\"urn:ietf:params:xml:ns:samlec\"{next}></k:SessionKey>");
    let keyed = send(&house, "a", Some(&livia), wrapped(&session_key, &request("_3", "", ""))).await;
    let posted = response(&keyed);
    assert!(
        posted.xml.contains("<saml:EncryptedAssertion") && !posted.xml.contains("GeneratedKey"),
        "{}",
        posted.xml
    );
    let key_of = |answered: &Answered| {
        let text = answered.body.split_once("<samlec:GeneratedKey").unwrap().1;
        STANDARD.decode(text.split_once('>').unwrap().1.split_once('<').unwrap().0).unwrap()
    };
    let inside = opened(&posted.xml, &private).expect("its key opens it");
    let theirs = inside.split_once("<samlec:GeneratedKey").unwrap().1;
    let theirs = theirs.split_once('>').unwrap().1.split_once('<').unwrap().0;
    assert_eq!(STANDARD.decode(theirs).unwrap(), key_of(&keyed), "both have the same");
    let another = send(&house, "a", Some(&livia), wrapped(&session_key, &request("_4", "", ""))).await;
    assert!(key_of(&keyed).len() == 32 && key_of(&keyed) != key_of(&another), "fresh each time");
    let nobody = enveloped(&request("_5", "", ""), "_5", &other);
    let nobody = send(&house, "b", Some(&livia), wrapped(&session_key, &nobody)).await;
    assert_eq!(response(&nobody).status(), ["Responder"], "never plain instead");
    assert!(!nobody.body.contains("GeneratedKey"));
}

#[tokio::test]
async fn ecp_610_saml_129_access_is_decided_once_the_password_is_right() {
    let house = House::on_postgres().await;
    let (application, _) = application(&house, "a", json!({})).await;
    house.member("livia").await;
    // While the sign-in is held up, the group is unbound.
    let mut tx = house.installation.db.begin().await.unwrap();
    tx.all(sql("SELECT id FROM users ORDER BY id").for_update()).await.unwrap();
    let livia = basic("livia", PASSWORD);
    let (answered, ()) =
        tokio::join!(send(&house, "a", Some(&livia), envelope(&request("_1", "", ""))), async {
            blocked(&house, 1).await;
            binding::unbind(&house.installation.db, &house.ctx(), application.id, house.group).await.unwrap();
            tx.commit().await.unwrap();
        });
    assert_eq!(response(&answered).status(), ["Responder", "RequestDenied"]);
}

#[tokio::test]
async fn a_46_what_a_client_says_beside_its_message_is_not_recorded() {
    let house = House::open().await;
    let (application, _) = application(&house, "a", json!({})).await;
    let header = "<w:Security xmlns:w=\"urn:w\"><w:Password>only for somebody else</w:Password></w:Security>";
    let sent = |message: &str| {
        format!(
            "<s:Envelope xmlns:s=\"{SOAP}\"><s:Header>{header}</s:Header><s:Body>{message}</s:Body></s:Envelope>"
        )
    };
    send(
        &house,
        "a",
        None,
        sent(&request("_1", " AssertionConsumerServiceURL=\"https://evil.example\"", "")),
    )
    .await;
    send(&house, "a", None, sent("<a/><b/>")).await;
    let known = references(&house, &application).await;
    assert_eq!(known.len(), 2, "{known:?}");
    let mut requests = Vec::new();
    for (reference, _) in &known {
        let exchange = crate::recorder::opened(&house, &application, reference).await;
        assert_eq!(exchange.binding, "soap");
        requests.extend(exchange.request);
    }
    assert_eq!(requests.len(), 1, "what can't be read is not kept: {requests:?}");
    assert!(requests[0].contains("ID=\"_1\"") && !requests[0].contains("somebody else"), "{requests:?}");
}
