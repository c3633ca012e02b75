//! Requests that must not be answered: refused on a page of ours, each with its own code and its event.

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tessera::applications::Application;
use tessera::db::{Executor as _, sql};
use tessera::keys;

use crate::house::{Browser, House};
use crate::sp::{ACS, ENTITY_ID, Posted, Request, key_pair};

async fn refused(house: &House, browser: &mut Browser, path: &str, status: StatusCode, code: &str) {
    let answered = house.get(browser, path).await;
    assert_eq!(answered.status, status, "{code}: {}", answered.body);
    assert!(Posted::read(&answered.body).is_none(), "{code}");
    assert!(answered.body.contains(code), "{code} stands in the folded part: {}", answered.body);
    let events = house.events("sso_refused").await;
    assert!(events.iter().any(|event| event.details["code"] == code), "{code} left an event");
}

#[tokio::test]
async fn saml_108_109_111_112_113_hostile_requests_end_on_a_page_of_ours() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.application("other", json!({ "sp_entity_id": "https://other.example" })).await;
    let mut browser = house.member("livia").await;
    let cases: Vec<(Request, StatusCode, &str)> = vec![
        (
            Request { issuer: "https://sp.example/metadata/".to_owned(), ..Request::new("_a") },
            StatusCode::FORBIDDEN,
            "issuer_unknown",
        ),
        (
            Request { issuer: "https://other.example".to_owned(), ..Request::new("_b") },
            StatusCode::FORBIDDEN,
            "issuer_unknown",
        ),
        (
            Request::new("_c").with("AssertionConsumerServiceURL=\"https://sp.example.evil.example/acs\""),
            StatusCode::FORBIDDEN,
            "acs_unregistered",
        ),
        (
            Request::new("_d").with("AssertionConsumerServiceURL=\"https://sp.example/acs/\""),
            StatusCode::FORBIDDEN,
            "acs_unregistered",
        ),
        (
            Request::new("_e").with("AssertionConsumerServiceIndex=\"7\""),
            StatusCode::FORBIDDEN,
            "acs_index_unknown",
        ),
        (
            Request::new("_f").with("Destination=\"https://evil.example/saml2/app\""),
            StatusCode::FORBIDDEN,
            "destination_mismatch",
        ),
        (
            Request { issue_instant: "2026-11-22T07:40:00Z".to_owned(), ..Request::new("_g") },
            StatusCode::FORBIDDEN,
            "request_stale",
        ),
        (
            Request { issue_instant: "2026-11-22T08:10:00Z".to_owned(), ..Request::new("_h") },
            StatusCode::FORBIDDEN,
            "request_from_the_future",
        ),
        (Request::new("1bad"), StatusCode::BAD_REQUEST, "id_invalid"),
    ];
    for (request, status, code) in cases {
        refused(&house, &mut browser, &format!("/saml2/app?{}", request.query(None)), status, code).await;
    }
}

#[tokio::test]
async fn saml_112_destination_is_the_configured_address_whatever_host_is_claimed() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let query = Request::new("_h").with("Destination=\"https://evil.example/saml2/app\"").query(None);
    let request = HttpRequest::get(format!("/saml2/app?{query}"))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .body(Body::empty())
        .unwrap();
    let answered = house.send(&mut browser, request).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn saml_101_the_verb_fixes_the_binding() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let query = Request::new("_r").query(None);
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = HttpRequest::builder()
            .method(method)
            .uri(format!("/saml2/app?{query}"))
            .body(Body::empty())
            .unwrap();
        let answered = house.send(&mut browser, request).await;
        assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    // A POST reads its body only: a request in its query is not there.
    let answered = house.post(&mut browser, &format!("/saml2/app?{query}"), String::new()).await;
    assert!(Posted::read(&answered.body).is_none());
    assert_ne!(answered.status, StatusCode::OK);
}

#[tokio::test]
async fn saml_127_relay_state_of_81_bytes_is_taken_and_2049_refused() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    house.application("strict", json!({ "strict_relay_state": true })).await;
    let mut browser = house.member("livia").await;
    for (length, taken, taken_when_strict) in
        [(80, true, true), (81, true, false), (2048, true, false), (2049, false, false)]
    {
        let state = "r".repeat(length);
        for (slug, expected) in [("app", taken), ("strict", taken_when_strict)] {
            let query = Request::new("_r").query(Some(&state));
            let answered = house.get(&mut browser, &format!("/saml2/{slug}?{query}")).await;
            assert_eq!(Posted::read(&answered.body).is_some(), expected, "{slug} {length}");
        }
    }
}

#[tokio::test]
async fn saml_209_nobody_anonymous_gets_signed_xml() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut nobody = Browser::default();
    let paths = [
        "/saml2/app".to_owned(),
        "/saml2/app/metadata".to_owned(),
        "/saml2/app/certificate.pem".to_owned(),
        format!("/saml2/app?{}", Request::new("_a").query(None)),
        format!("/saml2/app?{}", Request::new("_b").with("IsPassive=\"1\"").query(None)),
        format!("/saml2/app?{}", Request::new("_c").with("Version=\"3.0\"").query(None)),
        format!(
            "/saml2/app?{}",
            Request::new("_d")
                .with("ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\"")
                .query(None)
        ),
    ];
    for path in paths {
        let answered = house.get(&mut nobody, &path).await;
        let xml = Posted::read(&answered.body).map(|posted| posted.xml).unwrap_or_default();
        assert!(!answered.body.contains("SignatureValue") && !xml.contains("SignatureValue"), "{path}");
    }
}

#[tokio::test]
async fn a_17_decision_17_a_flood_of_refusals_is_counted_bounded_and_slowed() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut nobody = Browser::default();
    let path = format!(
        "/saml2/app?{}",
        Request { issuer: "https://evil.example".to_owned(), ..Request::new("_a") }.query(None)
    );
    let mut slowed = 0;
    for _ in 0..150 {
        slowed += usize::from(house.get(&mut nobody, &path).await.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(slowed, 30, "120 a minute from one address");
    let events = house.events("sso_refused").await;
    let mut told: Vec<_> =
        events.iter().map(|event| (&event.details["code"], &event.details["count"])).collect();
    told.sort_by_key(|(_, count)| count.as_u64());
    assert_eq!(told.len(), 2, "one event for all of a kind: {told:?}");
    assert_eq!(told[0], (&json!("too_many_refusals"), &json!(30)));
    assert_eq!(told[1].1, &json!(120));
    // Waiting requests are bounded for each browser and source.
    house.clock.advance(120_000);
    for i in 0..60 {
        let request =
            Request { issue_instant: "2026-11-22T08:02:00Z".to_owned(), ..Request::new(&format!("_n{i}")) };
        house.get(&mut nobody, &format!("/saml2/app?{}", request.query(None))).await;
    }
    let row =
        house.installation.db.reader().one(sql("SELECT COUNT(*) AS n FROM pending_requests")).await.unwrap();
    assert!(row.int("n").unwrap() <= 20, "twenty for one browser");
}

#[tokio::test]
async fn a_17_what_one_network_parks_is_bounded_and_harms_no_other() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let neighbour: std::net::IpAddr = "203.0.113.9".parse().unwrap();
    let far: std::net::IpAddr = "198.51.100.9".parse().unwrap();
    let park = async |source: std::net::IpAddr, number: usize, size: usize| {
        let mut browser = Browser { source: Some(source), ..Browser::default() };
        let request = Request::new(&format!("_{number}")).query(Some(&"r".repeat(size)));
        // What means nothing is not kept.
        let padded = format!("/saml2/app?{request}&x={}", "y".repeat(20_000));
        assert_eq!(house.get(&mut browser, &padded).await.status, StatusCode::SEE_OTHER);
    };
    let kept = async |prefix: &str| {
        let query = sql("SELECT COUNT(*) AS n, SUM(LENGTH(request)) AS size FROM pending_requests \
             WHERE source_prefix = $1");
        let row = house.installation.db.reader().one(query.bind(prefix)).await.unwrap();
        (row.int("n").unwrap(), row.int("size").unwrap())
    };
    park(far, 0, 10).await;
    for number in 1..=510 {
        park(neighbour, number, 10).await;
    }
    let (rows, size) = kept("203.0.113.0/24").await;
    assert_eq!(rows, 500, "the newest of one network");
    assert!(size < 500 * 2_000, "{size}");
    assert_eq!(kept("198.51.100.0/24").await.0, 1, "the other network's is still there");
    for number in 1_000..1_050 {
        park(far, number, 2_000).await;
    }
    assert_eq!(kept("198.51.100.0/24").await.0, 51);
}

#[tokio::test]
async fn a_40_deleted_application_is_gone_and_its_address_is_kept_from_reuse() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    tessera::applications::delete::delete(&house.installation.db, &house.ctx(), &[application.id], 1)
        .await
        .unwrap();
    for path in ["/saml2/app".to_owned(), format!("/saml2/app?{}", Request::new("_r").query(None))] {
        assert_eq!(house.get(&mut browser, &path).await.status, StatusCode::GONE, "{path}");
    }
    assert_eq!(house.get(&mut browser, "/saml2/never").await.status, StatusCode::NOT_FOUND);
    house.clock.advance(91 * tessera::base::clock::DAY);
    house.sign_in(&mut browser, "livia").await;
    assert_eq!(house.get(&mut browser, "/saml2/app").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn md_301_metadata_and_certificate_are_there_before_activation() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut nobody = Browser::default();
    let answered = house.get(&mut nobody, "/saml2/app/metadata").await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.header("content-type"), "application/samlmetadata+xml");
    for text in [
        "entityID=\"https://id.example/saml2/app/metadata\"",
        "Location=\"https://id.example/saml2/app\"",
        "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
        "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        "nameid-format:emailAddress",
    ] {
        assert!(answered.body.contains(text), "{text}\n{}", answered.body);
    }
    let named = house.get(&mut nobody, "/saml2/app/metadata?download=1").await;
    assert_eq!(named.header("content-disposition"), "attachment; filename=\"tessera-app-metadata.xml\"");
    let pem = house.get(&mut nobody, "/saml2/app/certificate.pem").await;
    assert!(pem.body.starts_with("-----BEGIN CERTIFICATE-----\n"));
    let body: String = pem.body.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(answered.body.contains(&body), "the same certificate in both");
    let etag = answered.header("etag");
    let request =
        HttpRequest::get("/saml2/app/metadata").header("if-none-match", etag).body(Body::empty()).unwrap();
    assert_eq!(house.send(&mut nobody, request).await.status, StatusCode::NOT_MODIFIED);
}

/// Metadata of the service provider with a key that is for nothing in particular.
fn sp_metadata(flags: &str, certificate: &str) -> String {
    let body: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ENTITY_ID}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\" {flags}>\
         <md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:AssertionConsumerService index=\"0\" Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"{ACS}\"/></md:SPSSODescriptor></md:EntityDescriptor>"
    )
}

async fn upload(house: &House, application: &Application, metadata: String) {
    let path = format!("/applications/{}/sp-metadata", application.id);
    let put = house.api("PUT", &path, "application/samlmetadata+xml", metadata).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.body);
}

#[tokio::test]
async fn md_304_saml_107_a_key_without_use_verifies_and_its_absence_of_use_turns_nothing_off() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let (key, certificate) = key_pair();
    let (stranger, _) = key_pair();
    let mut browser = house.member("livia").await;
    let destination = format!("Destination=\"{}/saml2/app\"", crate::house::BASE);
    for (round, flag) in ["true", "1"].into_iter().enumerate() {
        upload(&house, &application, sp_metadata(&format!("AuthnRequestsSigned=\"{flag}\""), &certificate))
            .await;
        let request = |id: &str| Request::new(&format!("_{id}{round}")).with(&destination);
        let unsigned = format!("/saml2/app?{}", request("u").query(None));
        refused(&house, &mut browser, &unsigned, StatusCode::FORBIDDEN, "signature_missing").await;
        let forged = format!("/saml2/app?{}", request("f").signed_query(&stranger));
        refused(&house, &mut browser, &forged, StatusCode::FORBIDDEN, "signature_invalid").await;
        let signed = format!("/saml2/app?{}", request("s").signed_query(&key));
        assert!(Posted::read(&house.get(&mut browser, &signed).await.body).is_some());
    }
}

#[tokio::test]
async fn saml_207_whoever_wants_assertions_signed_gets_them_signed() {
    let house = House::open().await;
    let application = house.application("app", json!({ "sign": "response" })).await;
    let (_, certificate) = key_pair();
    let mut browser = house.member("livia").await;
    for (flags, signatures) in
        [("", 1), ("WantAssertionsSigned=\"false\"", 1), ("WantAssertionsSigned=\"1\"", 2)]
    {
        upload(&house, &application, sp_metadata(flags, &certificate)).await;
        let posted = Posted::read(&house.get(&mut browser, "/saml2/app").await.body).unwrap();
        assert_eq!(posted.xml.matches("<ds:SignatureValue>").count(), signatures, "{flags}");
        let assertion = posted.value("<saml:Assertion", "</saml:Assertion>").unwrap();
        assert_eq!(assertion.contains("<ds:SignatureValue>"), signatures == 2, "{flags}");
    }
}

#[tokio::test]
async fn a_18_neither_disk_nor_api_nor_page_holds_a_private_key() {
    let house = House::open().await;
    let application = house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    house.get(&mut browser, "/saml2/app").await;
    let db = &house.installation.db;
    let opened =
        keys::open_current(&mut db.reader(), &house.installation.vault, application.id).await.unwrap();
    let rsa = opened.private.rsa().unwrap();
    let mut pieces = vec![rsa.d().to_vec(), opened.private.private_key_to_der().unwrap()];
    pieces.extend([rsa.p(), rsa.q()].into_iter().flatten().map(openssl::bn::BigNumRef::to_vec));
    let mut told = vec![house.disk()];
    let id = application.id;
    for path in [
        format!("/applications/{id}"),
        format!("/applications/{id}/keys"),
        format!("/applications/{id}/sso"),
        "/events".to_owned(),
        "/events/export?format=jsonl".to_owned(),
    ] {
        let answered = house.api("GET", &path, "application/json", "").await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.body);
        told.push(answered.body.into_bytes());
    }
    for path in ["/saml2/app/metadata", "/saml2/app/certificate.pem"] {
        told.push(house.get(&mut browser, path).await.body.into_bytes());
    }
    let holds =
        |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    for piece in &pieces {
        // As octets, as base64 from any of its three alignments, and as hex.
        let mut shapes = vec![piece[..24].to_vec()];
        shapes.extend((0..3).map(|skip| STANDARD.encode(&piece[skip..skip + 24]).into_bytes()));
        shapes.push(
            piece[..24].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")).into_bytes(),
        );
        for shape in shapes {
            assert!(told.iter().all(|haystack| !holds(haystack, &shape)));
        }
    }
    let modulus = rsa.n().to_vec();
    assert!(holds(&told[0], &modulus[..24]), "the certificate is on the disk that was looked at");
}
