//! Encryption for an application: what passes through the browser only it can read, and nothing is ever sent plain in
//! its place (SAML-210, SAML-211).

use axum::body::Body;
use axum::http::StatusCode;
use openssl::pkey::{PKey, Private};
use serde_json::json;
use tessera::applications::sso;
use tessera::base::Result;
use tessera::db::epoch::{Scope, bump};
use tessera::db::sql;
use tessera::lab::{Lab, LabSp};
use tessera::signon::outcome::Outcome;
use tessera::signon::trial::{TrialAddress, TrialApplication, TrialProvider, trial};
use tower::ServiceExt as _;

use crate::house::House;
use crate::sp::{Posted, Request, escaped, key_pair};

const ENCRYPTED: &str = "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted\"";

/// What the private key opens of a message, by an implementation of somebody else.
pub fn opened(xml: &str, key: &PKey<Private>) -> Option<String> {
    let pem = key.private_key_to_pem_pkcs8().unwrap();
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(bergshamra::keys::loader::load_pem_auto(&pem, None).unwrap());
    bergshamra::decrypt(&bergshamra::EncContext::new(keys), xml).ok()
}

#[tokio::test]
async fn saml_210_211_only_the_application_reads_the_assertion() {
    let house = House::open().await;
    let ((key, pem), (other, _)) = (key_pair(), key_pair());
    let settings =
        json!({ "sp_encryption_certificates": [pem], "encrypt_assertion": true, "sign": "assertion" });
    house.application("app", settings).await;
    let mut browser = house.member("livia").await;
    let query = Request::new("_r1").query(None);
    let answered = house.get_from_elsewhere(&mut browser, &format!("/saml2/app?{query}")).await;
    let posted = Posted::read(&answered.body).expect("a response");
    assert!(!posted.holds_assertion() && posted.name_id().is_none(), "{}", posted.xml);
    assert_eq!(posted.xml.matches("<saml:EncryptedAssertion").count(), 1);
    assert!(posted.is_signed(), "the response around it, whatever was set to be signed");
    let inside = opened(&posted.xml, &key).expect("its key opens it");
    assert!(inside.contains(">livia@example.com</saml:NameID>") && inside.contains("SignatureValue"));
    assert_eq!(opened(&posted.xml, &other), None);
    // The same from the tile.
    let answered = house.get(&mut browser, "/saml2/app").await;
    assert!(!Posted::read(&answered.body).unwrap().holds_assertion());
}

#[tokio::test]
async fn saml_211_without_a_key_to_encrypt_for_nothing_is_sent() {
    for house in [House::open().await, House::on_postgres().await] {
        let (_, pem) = key_pair();
        let settings = json!({ "sp_encryption_certificates": [pem], "encrypt_assertion": true });
        let application = house.application("app", settings).await;
        let mut browser = house.member("livia").await;
        let refused = |patch| async {
            let db = &house.installation.db;
            let patch = serde_json::from_value(patch).unwrap();
            let refused = sso::patch(db, &house.ctx(), application.id, patch, None).await.unwrap_err();
            refused.fields[0].code.to_string()
        };
        let gone = json!({ "sp_encryption_certificates": [] });
        assert_eq!(refused(gone).await, "encryption_certificate_missing");
        let elliptic = json!({ "sp_encryption_certificates": [elliptic()] });
        assert_eq!(refused(elliptic).await, "encryption_certificate_missing");

        // And should it be gone from the database, whoever did that.
        let mut settings = application.sso.clone();
        settings.sp_encryption_certificates.clear();
        let mut tx = house.installation.db.begin().await.unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        let update =
            sql("UPDATE applications SET sso = $2 WHERE id = $1").bind_text(application.id).bind(text);
        tx.run(update).await.unwrap();
        bump(&mut tx, Scope::Applications).await.unwrap();
        tx.commit().await.unwrap();
        for path in ["/saml2/app".to_owned(), format!("/saml2/app?{}", Request::new("_r").query(None))] {
            let answered = house.get(&mut browser, &path).await;
            assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(answered.body.contains("application_incomplete"), "{}", answered.body);
            assert!(!answered.body.contains("SAMLResponse"), "{}", answered.body);
        }
    }
}

/// A certificate that nothing can be encrypted for.
fn elliptic() -> String {
    use openssl::ec::{EcGroup, EcKey};
    let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut certificate = openssl::x509::X509::builder().unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&openssl::asn1::Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
    certificate.set_not_after(&openssl::asn1::Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
    certificate.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    String::from_utf8(certificate.build().to_pem().unwrap()).unwrap()
}

#[tokio::test]
async fn saml_117_210_an_encrypted_name_id_is_given_to_who_asks_and_can_read_it() {
    let house = House::open().await;
    let (key, pem) = key_pair();
    house.application("able", json!({ "sp_encryption_certificates": [elliptic(), pem] })).await;
    house.application("unable", json!({ "sp_entity_id": "https://unable.example" })).await;
    let mut browser = house.member("livia").await;
    let policy = format!("<samlp:NameIDPolicy {ENCRYPTED}/>");
    let ask = |slug: &str, issuer: &str| {
        let mut request = Request::new("_r").child(&policy);
        issuer.clone_into(&mut request.issuer);
        format!("/saml2/{slug}?{}", request.query(None))
    };
    let answered = house.get(&mut browser, &ask("able", crate::sp::ENTITY_ID)).await;
    let posted = Posted::read(&answered.body).expect("a response");
    assert_eq!(posted.status(), ["Success"]);
    assert!(posted.holds_assertion() && posted.xml.contains("<saml:EncryptedID>"));
    assert!(!posted.xml.contains("livia"), "{}", posted.xml);
    assert!(opened(&posted.xml, &key).unwrap().contains(">livia@example.com</saml:NameID>"));

    let answered = house.get(&mut browser, &ask("unable", "https://unable.example")).await;
    let posted = Posted::read(&answered.body).expect("a response");
    assert_eq!(posted.status(), ["Requester", "InvalidNameIDPolicy"]);
    // Nor by a cipher that the application does not list (ALG-405): encryption as such is off, so it was never chosen.
    let other = "https://other.example";
    let listed = json!({ "sp_entity_id": other, "sp_encryption_certificates": [pem],
        "listed_algorithms": { "ciphers": ["aes128-gcm"] } });
    let application = house.application("other", listed).await;
    let answered = house.get(&mut browser, &ask("other", other)).await;
    assert_eq!(Posted::read(&answered.body).expect("one").status(), ["Requester", "InvalidNameIDPolicy"]);
    house.patch(&application, json!({ "encryption_algorithm": "aes128-gcm" })).await;
    let answered = house.get(&mut browser, &ask("other", other)).await;
    assert_eq!(Posted::read(&answered.body).expect("one").status(), ["Success"]);
}

/// The built-in service provider as `tessera serve` has it.
#[derive(Debug)]
struct BuiltIn(Lab);

impl TrialProvider for BuiltIn {
    fn prepare(&self, application: TrialApplication) -> Result<TrialAddress> {
        let (acs_url, entity_id) = (self.0.acs_url("app"), self.0.metadata_url("app"));
        self.0.register(LabSp {
            name: "app".to_owned(),
            label: application.label,
            idp_url: application.idp_url,
            idp_entity_id: application.idp_entity_id,
            idp_certificate: application.certificate,
            entity_id: entity_id.clone(),
            note: application.note,
        })?;
        Ok(TrialAddress { acs_url, entity_id })
    }
}

/// Tests the sign-on and shows what the built-in service provider made of it.
async fn tested(house: &House, application: &tessera::applications::Application) -> (String, String) {
    let installation = &house.installation;
    let random = installation.random.clone();
    let lab = Lab::new(([127, 0, 0, 1], 4000).into(), None, house.clock.clone(), random, None);
    let built_in = BuiltIn(lab);
    let session = house.session("livia").await;
    let (ctx, epochs) = (house.ctx(), installation.epochs().await.unwrap());
    let tried = trial(installation, &ctx, epochs, &session, application.id, &built_in).await.unwrap();
    let Outcome::Post(form) = tried else { panic!("{tried:?}") };
    let sent = format!("SAMLResponse={}", escaped(&form.saml_response.to_string()));
    let request = axum::http::Request::post("/acs/app")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(sent))
        .unwrap();
    let shown = built_in.0.router().oneshot(request).await.unwrap();
    let verdict = shown.headers()["x-lab-verdict"].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(shown.into_body(), 1 << 20).await.unwrap();
    (verdict, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_test_of_an_application_that_encrypts_is_shown_and_says_what_differs() {
    let house = House::open().await;
    let (_, pem) = key_pair();
    let application = house.application("app", json!({ "sp_encryption_certificates": [pem] })).await;
    house.person("livia", true).await;
    let (verdict, page) = tested(&house, &application).await;
    assert_eq!(verdict, "accepted", "{page}");
    assert!(!page.contains("id=\"note\""), "nothing differs");
    for (setting, what) in [("encrypt_name_id", "Name ID"), ("encrypt_assertion", "assertion")] {
        house.patch(&application, json!({ setting: true })).await;
        let (verdict, page) = tested(&house, &application).await;
        assert_eq!(verdict, "accepted", "{page}");
        assert!(page.contains("livia@example.com"), "what is released is to be seen");
        assert!(page.contains(&format!("app itself gets the {what} encrypted.")), "{page}");
    }
    // Nothing rests on keys that may have been taken back; the application itself is not let off.
    house.metadata_ends(&application, house.clock.now()).await;
    let (verdict, page) = tested(&house, &application).await;
    assert_eq!(verdict, "accepted", "{page}");
    assert!(page.contains("its signed metadata has ended"), "{page}");
    let mut browser = house.member("marco").await;
    let answered = house.get(&mut browser, "/saml2/app").await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN, "{}", answered.body);
}
