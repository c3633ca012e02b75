//! Another signing key without a failed sign-on (MD-310), on one node and two, on both databases.

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::Id;
use openssl::sign::Verifier;
use openssl::x509::X509;
use serde_json::json;
use tessera::applications::rotation::{self, Act};
use tessera::applications::{Application, find};
use tessera::base::clock::DAY;
use tessera::base::signature::KeyType;
use tessera::keys::{self, KeyState, KeyView, expiry};
use tessera::settings::Settings;
use tessera::signon::configure::change_settings;

use crate::house::{Browser, House, PASSWORD};
use crate::sp::{Posted, key_pair};

/// Whether the first signature in a message was made by the key of the certificate it carries.
pub fn verifies(xml: &str, certificate: &X509) -> bool {
    let between = |start: &str, end: &str| {
        let from = xml.find(start).unwrap() + start.len();
        &xml[from..from + xml[from..].find(end).unwrap()]
    };
    // Inside its signature the prefix is declared already; what is signed stands alone.
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{}</ds:SignedInfo>",
        between("<ds:SignedInfo>", "</ds:SignedInfo>")
    );
    let value = STANDARD.decode(between("<ds:SignatureValue>", "</ds:SignatureValue>")).unwrap();
    let key = certificate.public_key().unwrap();
    let digest = if info.contains("sha384\"") { MessageDigest::sha384() } else { MessageDigest::sha256() };
    let signature = if key.id() == Id::EC {
        let (r, s) = value.split_at(value.len() / 2);
        let number = |bytes| BigNum::from_slice(bytes).unwrap();
        EcdsaSig::from_private_components(number(r), number(s)).unwrap().to_der().unwrap()
    } else {
        value
    };
    Verifier::new(digest, &key).unwrap().verify_oneshot(&signature, info.as_bytes()).unwrap()
}

async fn stage(house: &House, application: &Application, kind: KeyType, publish: bool) -> KeyView {
    let installation = &house.installation;
    let key = keys::generate(&house.ctx(), kind, "next").unwrap();
    rotation::stage(&installation.db, &house.ctx(), &installation.vault, application.id, &key, publish)
        .await
        .unwrap()
}

async fn act(house: &House, application: &Application, key: &KeyView, act: Act) -> KeyView {
    rotation::act(&house.installation.db, &house.ctx(), application.id, key.id, act).await.unwrap()
}

/// What a program reads in the metadata.
async fn published(house: &House, slug: &str) -> Vec<String> {
    let path = format!("/saml2/{slug}/metadata");
    let request = HttpRequest::get(path).header("user-agent", "sp-toolkit/7").body(Body::empty()).unwrap();
    let answered = house.send(&mut Browser::default(), request).await;
    let parts = answered.body.split("<ds:X509Certificate>").skip(1);
    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

fn base64_of(key: &KeyView) -> String {
    key.certificate_pem().lines().filter(|line| !line.starts_with('-')).collect()
}

/// Signs on; answers the certificate that the response carries and whether it verifies with it.
async fn signed_with(house: &House, browser: &mut Browser, slug: &str) -> String {
    let answered = house.get(browser, &format!("/saml2/{slug}")).await;
    let posted = Posted::read(&answered.body).unwrap_or_else(|| panic!("{}", answered.body));
    assert!(posted.holds_assertion());
    let xml = posted.xml.as_str();
    let carried = xml.split("<ds:X509Certificate>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let certificate = X509::from_der(&STANDARD.decode(&carried).unwrap()).unwrap();
    assert!(verifies(xml, &certificate));
    carried
}

async fn av_05_09_md_310_every_step_can_be_taken_back_and_none_locks_out(house: House) {
    let application = house.application("app", json!({})).await;
    let other = house.another_node().await;
    let mut livia = house.member("livia").await;
    let db = &house.installation.db;
    let first = keys::list(&mut db.reader(), application.id).await.unwrap().remove(0);
    assert_eq!(published(&house, "app").await, [base64_of(&first)]);

    // Staged, not published: nothing shows and nothing can be switched to.
    let next = stage(&house, &application, KeyType::Rsa2048, false).await;
    assert_eq!((next.state, next.published_at), (KeyState::Next, None));
    assert_eq!(published(&house, "app").await.len(), 1);
    let refused = rotation::act(db, &house.ctx(), application.id, next.id, Act::Promote).await.unwrap_err();
    assert_eq!(refused.code, "key_not_published");
    let again = keys::generate(&house.ctx(), KeyType::Rsa2048, "x").unwrap();
    let vault = &house.installation.vault;
    let refused = rotation::stage(db, &house.ctx(), vault, application.id, &again, true).await.unwrap_err();
    assert_eq!(refused.code, "next_key_exists");

    act(&house, &application, &next, Act::Publish).await;
    assert_eq!(
        published(&other, "app").await,
        [base64_of(&first), base64_of(&next)],
        "on the other node too"
    );
    assert_eq!(signed_with(&house, &mut livia, "app").await, base64_of(&first), "the first still signs");

    act(&house, &application, &next, Act::Promote).await;
    for node in [&house, &other] {
        assert_eq!(signed_with(node, &mut livia, "app").await, base64_of(&next), "at once, on every node");
        assert_eq!(published(node, "app").await, [base64_of(&next), base64_of(&first)]);
    }
    // And back again: the other way round.
    act(&house, &application, &first, Act::Promote).await;
    assert_eq!(signed_with(&other, &mut livia, "app").await, base64_of(&first));
    let states: Vec<KeyState> =
        keys::list(&mut db.reader(), application.id).await.unwrap().iter().map(|key| key.state).collect();
    assert_eq!(states, [KeyState::Current, KeyState::Next]);
    act(&house, &application, &next, Act::Promote).await;

    // What signs can't be taken away; what has signed can, step by step.
    for refused in [
        rotation::act(db, &house.ctx(), application.id, next.id, Act::Withdraw).await.map(drop),
        rotation::delete(db, &house.ctx(), application.id, next.id).await,
    ] {
        assert_eq!(refused.unwrap_err().code, "key_in_use");
    }
    act(&house, &application, &first, Act::Withdraw).await;
    assert_eq!(published(&other, "app").await, [base64_of(&next)]);
    rotation::delete(db, &house.ctx(), application.id, first.id).await.unwrap();
    assert_eq!(keys::list(&mut db.reader(), application.id).await.unwrap().len(), 1);
    let gone = rotation::act(db, &house.ctx(), application.id, first.id, Act::Promote).await.unwrap_err();
    assert_eq!(gone.code, "not_found");
    house.clock.advance(1000);
    assert_eq!(signed_with(&house, &mut livia, "app").await, base64_of(&next));
    let events = house.events("sso_auth").await;
    assert_eq!(events[0].details["key"], next.id.to_string(), "the use of a key is told (A-18)");
    for (name, times) in [
        ("certificate_rotate", 3),
        ("certificate_publish", 1),
        ("certificate_withdraw", 1),
        ("certificate_delete", 1),
    ] {
        assert_eq!(house.events(name).await.len(), times, "{name}");
    }
}

#[tokio::test]
async fn av_05_09_md_310_on_sqlite() {
    av_05_09_md_310_every_step_can_be_taken_back_and_none_locks_out(House::open().await).await;
}

#[tokio::test]
async fn av_05_09_md_310_on_postgresql() {
    av_05_09_md_310_every_step_can_be_taken_back_and_none_locks_out(House::on_postgres().await).await;
}

#[tokio::test]
async fn alg_401_403_a_key_of_another_kind_signs_in_its_own_way() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut livia = house.member("livia").await;
    let db = &house.installation.db;
    let first = keys::list(&mut db.reader(), application.id).await.unwrap().remove(0);
    for (kind, algorithm) in [
        (KeyType::EcdsaP384, "ecdsa-sha384"),
        (KeyType::Rsa3072, "rsa-sha256"),
        (KeyType::EcdsaP256, "ecdsa-sha256"),
    ] {
        let next = stage(&house, &application, kind, true).await;
        act(&house, &application, &next, Act::Promote).await;
        let now = find(&mut db.reader(), application.id).await.unwrap().unwrap();
        assert_eq!(now.sso.signature_algorithm.as_str(), algorithm);
        assert_eq!(signed_with(&house, &mut livia, "app").await, base64_of(&next));
    }
    let patch = serde_json::from_value(json!({ "signature_algorithm": "rsa-sha256" })).unwrap();
    let ctx = house.ctx();
    let refused = tessera::applications::sso::patch(db, &ctx, application.id, patch, None).await;
    assert_eq!(refused.unwrap_err().fields[0].code, "key_type_mismatch");
    act(&house, &application, &first, Act::Promote).await;
    assert_eq!(signed_with(&house, &mut livia, "app").await, base64_of(&first));
}

#[tokio::test]
async fn a_19_a_key_made_elsewhere_is_taken_only_where_an_owner_allows_it() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let (pkey, certificate) = key_pair();
    let private = String::from_utf8(pkey.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let body = json!({ "private_key_pem": private, "certificate_pem": certificate }).to_string();
    let path = format!("/applications/{}/keys", application.id);
    let refused = house.api("POST", &path, "application/json", body.clone()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("key_import_off"), "{}", refused.body);
    let allow = |settings: &mut Settings| settings.allow_key_import = true;
    change_settings(&house.installation, &house.ctx(), None, allow).await.unwrap();
    let taken = house.api("POST", &path, "application/json", body).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.body);
    assert!(taken.body.contains("\"imported\":true"), "{}", taken.body);
    assert!(!taken.body.contains("PRIVATE"), "{}", taken.body);
    let events = house.events("certificate_import").await;
    assert_eq!(events.len(), 1);
    let on_disk = house.disk();
    // The end of the DER is secret, the modulus before it is not.
    let der = pkey.private_key_to_pkcs8().unwrap();
    let secret = &der[der.len() - 200..der.len() - 136];
    assert!(!on_disk.windows(64).any(|window| window == secret), "A-18: never in the clear");
}

#[tokio::test]
async fn a_20_the_end_of_a_certificate_is_told_once_at_each_step() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let db = &house.installation.db;
    let mut told = Vec::new();
    for left in [100, 60, 59, 45, 30, 29, 29, 13, 6, 1, 0, -5] {
        let end = 3 * 365;
        let target = tessera::base::Timestamp(1_795_334_400_000).plus((end - left) * DAY + 1000);
        house.clock.advance(target.since(house.clock.now()));
        if expiry::warn(db, &house.ctx()).await.unwrap() == 1 {
            told.push(left);
        }
    }
    assert_eq!(told, [60, 30, 13, 6, 1, 0]);
    let events = house.events("certificate_expiring").await;
    let steps: Vec<i64> = events.iter().rev().map(|event| event.details["days"].as_i64().unwrap()).collect();
    assert_eq!(steps, [60, 30, 14, 7, 1, 0]);
}

#[tokio::test]
async fn who_has_fetched_the_metadata_is_known_and_bounded() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let next = stage(&house, &application, KeyType::Rsa2048, true).await;
    let db = &house.installation.db;
    let since = async || {
        house.installation.fetches.flush(db, house.clock.now()).await.unwrap();
        tessera::signon::fetches::since(&mut db.reader(), application.id, next.published_at.unwrap())
            .await
            .unwrap()
    };
    // A person who looks at it is no service provider.
    let looks = HttpRequest::get("/saml2/app/metadata").header("sec-fetch-mode", "navigate");
    house.send(&mut Browser::default(), looks.body(Body::empty()).unwrap()).await;
    assert!(since().await.is_empty());
    published(&house, "app").await;
    let known = since().await;
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].source.as_str(), known[0].user_agent.as_str()), ("192.0.2.7", "sp-toolkit/7"));
    for host in 0..40_u8 {
        house.clock.advance(1000);
        let mut program = Browser { source: Some([198, 51, 100, host].into()), ..Browser::default() };
        let request = HttpRequest::get("/saml2/app/metadata").body(Body::empty()).unwrap();
        house.send(&mut program, request).await;
    }
    let known = since().await;
    assert_eq!(known.len(), 20, "bounded");
    assert_eq!(known[0].source, "198.51.100.39", "the latest first");
    house.clock.advance(91 * DAY);
    published(&house, "app").await;
    assert_eq!(since().await.len(), 1, "the others are forgotten");
}

#[tokio::test]
async fn decision_1_a_key_is_not_tried_where_sign_ons_begin_at_the_application() {
    let house = House::open().await;
    let installation = &house.installation;
    house.person("livia", true).await;
    let attempt = tessera::auth::SignIn {
        login: "livia".to_owned(),
        password: PASSWORD.into(),
        remember: false,
        replaces: None,
    };
    let (db, ctx) = (&installation.db, house.ctx());
    let passwords = &installation.passwords;
    let session =
        tessera::auth::sign_in(db, &installation.disk, &ctx, &installation.vault, passwords, attempt);
    let session = session.await.unwrap().session;
    for (slug, settings) in [
        ("off", json!({ "idp_initiated": "off" })),
        ("there", json!({ "login_url": "https://sp.example/login" })),
    ] {
        let application = house.application(slug, settings).await;
        let next = stage(&house, &application, KeyType::Rsa2048, true).await;
        let epochs = installation.epochs().await.unwrap();
        let tried =
            tessera::signon::trial::try_key(installation, &ctx, epochs, &session, application.id, next.id);
        assert_eq!(tried.await.unwrap_err().code, "begins_there", "{slug}");
    }
    assert!(house.events("sso_auth").await.is_empty());
}
