//! What a record says was checked: never more than was. Everything is wrong at first and is put right one thing after
//! another, so that a check that is said to have held too early is found to fail later.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};
use tessera::applications::{Application, sso};
use tessera::base::clock::{DAY, HOUR};
use tessera::db::sql;
use tessera::directory::memberships;
use tessera::signon::recorder;

use crate::house::{Browser, House, hidden};
use crate::sp::{self, Posted, Request, escaped, key_pair};

const MFA: &str = "https://refeds.org/profile/mfa";

/// The code of each refusal, in the order in which they must come while all that follow are still due.
const ORDER: &[&str] = &[
    "application_not_active",
    "relay_state_too_long",
    "xml_doctype",
    "not_an_authn_request",
    "issuer_unknown",
    "signature_invalid",
    "id_invalid",
    "destination_mismatch",
    "request_stale",
    "relay_state_over_80",
    "acs_unregistered",
    "version_too_low",
    "binding_unsupported",
    "request_invalid",
    "idp_not_listed",
    "sp_metadata_ended",
    "authn_context",
    "passive",
    "not_bound",
    "name_id_policy",
    "name_id_empty",
    "subject_mismatch",
    "attribute_service_unknown",
    "sp_encryption_key_ended",
    "request_replayed",
];

/// The request in which the first so many things of [`ORDER`] are right.
struct Draft<'a> {
    right: usize,
    key: &'a PKey<Private>,
    other: &'a PKey<Private>,
}

impl Draft<'_> {
    fn wrong(&self, code: &str) -> bool {
        ORDER.iter().position(|step| *step == code).unwrap() >= self.right
    }

    fn pick<'t>(&self, code: &str, wrong: &'t str, right: &'t str) -> &'t str {
        if self.wrong(code) { wrong } else { right }
    }

    fn xml(&self) -> String {
        let root = self.pick("not_an_authn_request", "LogoutRequest", "AuthnRequest");
        let attributes = [
            self.pick("id_invalid", "ID=\"1\"", "ID=\"_r\""),
            self.pick("version_too_low", "Version=\"1.1\"", "Version=\"2.0\""),
            self.pick("request_stale", "IssueInstant=\"2020-01-01T00:00:00Z\"", ""),
            self.pick(
                "destination_mismatch",
                "Destination=\"https://evil.example\"",
                "Destination=\"https://id.example/saml2/app\"",
            ),
            self.pick("acs_unregistered", "AssertionConsumerServiceURL=\"https://evil.example\"", ""),
            self.pick("binding_unsupported", "ProtocolBinding=\"urn:none\"", ""),
            self.pick("request_invalid", "ForceAuthn=\"maybe\"", ""),
            self.pick("passive", "IsPassive=\"true\"", ""),
            self.pick("attribute_service_unknown", "AttributeConsumingServiceIndex=\"9\"", ""),
        ];
        let mut attributes = attributes.join(" ");
        if !self.wrong("request_stale") {
            attributes.push_str(&format!(" IssueInstant=\"{}\"", sp::NOW));
        }
        // Only a page could bring that.
        if self.wrong("passive") && !self.wrong("request_invalid") {
            attributes.push_str(" ForceAuthn=\"true\"");
        }
        let context = format!(
            "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{MFA}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        );
        let children = [
            self.pick("subject_mismatch", "<saml:Subject><saml:NameID>nobody</saml:NameID></saml:Subject>", ""),
            self.pick(
                "name_id_policy",
                "<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\"/>",
                "",
            ),
            self.pick("authn_context", &context, ""),
            self.pick(
                "idp_not_listed",
                "<samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID=\"urn:other\"/></samlp:IDPList></samlp:Scoping>",
                "",
            ),
        ];
        format!(
            "{}<samlp:{root} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" {attributes}><saml:Issuer>{}</saml:Issuer>{}</samlp:{root}>",
            self.pick("xml_doctype", "<!DOCTYPE x>", ""),
            self.pick("issuer_unknown", "https://evil.example", sp::ENTITY_ID),
            children.concat(),
        )
    }

    fn query(&self) -> String {
        let mut out = sp::query_of(self.xml());
        if self.wrong("relay_state_too_long") {
            out.push_str(&format!("&RelayState={}", "x".repeat(3000)));
        } else if self.wrong("relay_state_over_80") {
            out.push_str(&format!("&RelayState={}", "x".repeat(81)));
        }
        // Past the end of the metadata that its key is out of, the request goes on without a signature, until that has
        // been put right for the encryption too.
        if !self.wrong("sp_metadata_ended") && self.wrong("sp_encryption_key_ended") {
            return out;
        }
        out.push_str(&format!("&SigAlg={}", escaped("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")));
        let key = if self.wrong("signature_invalid") { self.other } else { self.key };
        let signature =
            Signer::new(MessageDigest::sha256(), key).unwrap().sign_oneshot_to_vec(out.as_bytes()).unwrap();
        format!("{out}&Signature={}", escaped(&STANDARD.encode(signature)))
    }
}

/// The only record that is not yet among the known ones: its code, and what the API says of the checks.
async fn newest(
    house: &House,
    application: &Application,
    known: &mut Vec<String>,
) -> (Option<String>, Vec<(String, String)>) {
    let lines = recorder::list(&house.installation, &house.ctx(), application.id).await.unwrap();
    let line = lines.into_iter().find(|line| !known.contains(&line.reference)).expect("it is recorded");
    known.push(line.reference.clone());
    let path = format!("/applications/{}/exchanges/{}", application.id, line.reference);
    let told = house.api("GET", &path, "application/json", "").await;
    let told: Value = serde_json::from_str(&told.body).unwrap();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = told["checks"].as_array().unwrap();
    (line.code, checks.iter().map(|check| (text(check, "title"), text(check, "verdict"))).collect())
}

/// Puts right what is no matter of the request.
async fn put_right(house: &House, application: &Application, code: &str, browser: &Browser) {
    let (db, ctx) = (&house.installation.db, house.ctx());
    match code {
        "application_not_active" => {
            sso::activate(db, &ctx, application.id, None).await.unwrap();
        }
        "not_bound" => {
            memberships::add(db, &ctx, house.group, browser.user.unwrap()).await.unwrap();
        }
        "name_id_empty" => {
            let name_id = json!({ "name_id": { "format": "emailAddress", "source": "email" } });
            house.patch(application, name_id).await;
        }
        "sp_encryption_key_ended" => house.metadata_ends(application, house.clock.now().plus(DAY)).await,
        "request_replayed" => {
            let mut tx = db.begin().await.unwrap();
            tx.run(sql("DELETE FROM seen_requests")).await.unwrap();
            tx.commit().await.unwrap();
        }
        _ => {}
    }
}

#[tokio::test]
async fn decision_11_no_check_is_said_to_have_held_that_was_not_made() {
    let house = House::open().await;
    let ((key, pem), (other, _)) = (key_pair(), key_pair());
    let application = house
        .application(
            "app",
            json!({
                "sp_certificates": [&pem],
                "sp_encryption_certificates": [&pem],
                "encrypt_assertion": true,
                "strict_relay_state": true,
                "name_id": { "format": "unspecified", "source": "cost_center" },
                "attribute_services": [{ "index": 1, "attributes": [{ "name": "mail" }] }],
            }),
        )
        .await;
    let db = &house.installation.db;
    recorder::switch(db, &house.ctx(), application.id, 60).await.unwrap();
    sso::deactivate(db, &house.ctx(), application.id, None).await.unwrap();
    house.metadata_ends(&application, house.clock.now()).await;
    let mut tx = db.begin().await.unwrap();
    let seen =
        sql("INSERT INTO seen_requests (application_id, request_id, expires_at) VALUES ($1, '_r', $2)");
    tx.run(seen.bind_text(application.id).bind(house.clock.now().plus(HOUR))).await.unwrap();
    tx.commit().await.unwrap();
    house.person("livia", false).await;
    let mut browser = Browser::default();
    house.sign_in(&mut browser, "livia").await;

    let mut known = Vec::new();
    // Which checks were said to have held, and when first.
    let mut claimed: BTreeMap<String, &str> = BTreeMap::new();
    for (right, expected) in ORDER.iter().enumerate() {
        let draft = Draft { right, key: &key, other: &other };
        // The latest are kept.
        house.clock.advance(1);
        house.get(&mut browser, &format!("/saml2/app?{}", draft.query())).await;
        let (code, checks) = newest(&house, &application, &mut known).await;
        assert_eq!(code.as_deref(), Some(*expected), "{checks:?}");
        let failed: Vec<_> = checks.iter().filter(|(_, verdict)| verdict == "failed").collect();
        let [(failed, _)] = failed.as_slice() else { panic!("{expected}: {checks:?}") };
        assert!(!claimed.contains_key(failed), "{failed:?} had held of {:?}", claimed[failed]);
        let at = checks.iter().position(|(title, _)| title == failed).unwrap();
        assert!(checks[at..].iter().all(|(_, verdict)| verdict != "passed"), "{expected}: {checks:?}");
        for (title, _) in checks.iter().filter(|(_, verdict)| verdict == "passed") {
            claimed.entry(title.clone()).or_insert(expected);
        }
        put_right(&house, &application, expected, &browser).await;
    }
    house.clock.advance(1);
    let draft = Draft { right: ORDER.len(), key: &key, other: &other };
    let answered = house.get(&mut browser, &format!("/saml2/app?{}", draft.query())).await;
    assert!(Posted::read(&answered.body).is_some(), "{}", answered.body);
    let (code, checks) = newest(&house, &application, &mut known).await;
    assert!(code.is_none() && checks.len() > ORDER.len() - 3);
    assert!(checks.iter().all(|(_, verdict)| verdict == "passed"), "{checks:?}");
}

#[tokio::test]
async fn decision_11_of_who_never_signed_in_nothing_is_said_and_where_none_came_nothing_of_a_request() {
    let house = House::open().await;
    let (key, pem) = key_pair();
    let application = house.application("app", json!({ "sp_certificates": [pem] })).await;
    let mut known = Vec::new();
    let passed = |checks: &[(String, String)]| -> Vec<String> {
        checks.iter().filter(|(_, verdict)| verdict == "passed").map(|(title, _)| title.clone()).collect()
    };
    // A form that comes twice is found out before anybody is looked at.
    let canonical = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         Destination=\"https://id.example/saml2/app\" ID=\"_p\" IssueInstant=\"{}\" Version=\"2.0\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:Issuer></samlp:AuthnRequest>",
        sp::NOW,
        sp::ENTITY_ID
    );
    let request = sp::enveloped(&canonical, "_p", &key);
    let mut stranger = Browser::default();
    for _ in 0..2 {
        house.post_from_elsewhere(&mut stranger, "/saml2/app", sp::body_of(&request)).await;
    }
    let (code, checks) = newest(&house, &application, &mut known).await;
    assert_eq!(code.as_deref(), Some("request_replayed"));
    let held = passed(&checks);
    assert!(held.iter().any(|title| title.contains("signature")), "{checks:?}");
    assert!(held.iter().all(|title| !title.contains("person") && !title.contains("Name ID")), "{checks:?}");
    // Who turns back has shown nothing of themselves; and that is recorded.
    let sent = house.get(&mut stranger, &format!("/saml2/app?{}", Request::new("_g").query(None))).await;
    let page = house.get(&mut stranger, &sent.location()).await;
    let (csrf, handle) = (hidden(&page.body, "csrf"), hidden(&page.body, "request"));
    let body = format!("csrf={}&request={}", escaped(&csrf), escaped(&handle));
    let answered = house.post(&mut stranger, "/saml2/app/give-up", body).await;
    assert_eq!(
        Posted::read(&answered.body).expect("the application is told").status(),
        ["Responder", "AuthnFailed"]
    );
    let (code, checks) = newest(&house, &application, &mut known).await;
    assert_eq!(code.as_deref(), Some("given_up"));
    assert!(passed(&checks).iter().all(|title| !title.contains("person") && !title.contains("signed, ")));
    // A tile brings no message.
    house.person("marco", false).await;
    let mut browser = Browser::default();
    house.sign_in(&mut browser, "marco").await;
    house.get(&mut browser, "/saml2/app").await;
    let (code, checks) = newest(&house, &application, &mut known).await;
    assert_eq!(code.as_deref(), Some("not_bound"));
    assert_eq!(passed(&checks), ["The application is in use", "The person signed in"]);
    assert!(checks.iter().all(|(title, _)| !title.contains("message") && !title.contains("signature")));
}
