//! Tests of the bindings: pollution, encodings, bombs.

use std::io::Write as _;

use super::*;
use crate::saml::sign::Signer as _;
use crate::saml::testing::{self, MALLORY, P256, RequestXml, SP, deflate, percent, redirect, sign_query};

fn key(identity: &testing::Identity) -> VerificationKey {
    VerificationKey::from_certificate_der(&identity.certificate).unwrap()
}

fn reason(query: &str) -> Option<Reason> {
    decode_redirect(query).err().map(|refusal| refusal.reason)
}

fn verify(query: &str, keys: &[VerificationKey]) -> Result<(), Reason> {
    let message = decode_redirect(query).map_err(|refusal| refusal.reason)?;
    verify_redirect_signature(&message.redirect_signature.expect("signed"), keys)
}

fn signer() -> crate::saml::sign::OpensslSigner {
    SP.signer(SignatureAlgorithm::RsaSha256)
}

#[test]
fn saml_103_redirect_is_query_then_base64_then_raw_deflate() {
    let xml = RequestXml::default().unsigned();
    let query = redirect(&xml);
    assert_eq!(decode_redirect(&query).unwrap().xml, xml.as_bytes());
    let declared = format!("{query}&SAMLEncoding={}", percent(ENCODING_DEFLATE));
    assert_eq!(decode_redirect(&declared).unwrap().xml, xml.as_bytes());
    assert_eq!(reason(&format!("{query}&SAMLEncoding=urn%3Ax")), Some(Reason::UnknownEncoding));
    assert_eq!(reason(&format!("{query}&SAMLEncoding=")), Some(Reason::UnknownEncoding));

    let wrap = |octets: &[u8]| format!("SAMLRequest={}", percent(&STANDARD.encode(octets)));
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(xml.as_bytes()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(xml.as_bytes()).unwrap();
    let raw = STANDARD.decode(deflate(xml.as_bytes())).unwrap();
    let mut trailing = raw.clone();
    trailing.push(0);
    for octets in [
        &zlib.finish().unwrap(),
        &gzip.finish().unwrap(),
        &trailing,
        &raw[..raw.len() - 1].to_vec(),
        &vec![],
        &vec![7],
    ] {
        assert_eq!(reason(&wrap(octets)), Some(Reason::BadDeflate));
    }
    assert_eq!(reason(&wrap(xml.as_bytes())), Some(Reason::BadDeflate), "not deflated");
    let twice = format!("SAMLRequest={}", percent(&percent(&deflate(xml.as_bytes()))));
    assert_eq!(reason(&twice), Some(Reason::BadEncoding), "percent-encoded twice");
    for query in ["SAMLRequest=%zz", "SAMLRequest=%4", "SAMLRequest=%ff", "SAMLRequest=*", "SAMLRequest=a"] {
        assert_eq!(reason(query), Some(Reason::BadEncoding), "{query}");
    }
    for query in ["", "x=y", "&&", "samlrequest=x", "RelayState=x"] {
        assert_eq!(reason(query), Some(Reason::MissingRequest), "{query}");
    }
}

#[test]
fn saml_104_pollution_of_the_query_is_refused() {
    let good = redirect(&RequestXml::default().unsigned());
    let signed = sign_query(&format!("{good}&RelayState=x"), &signer());
    let vectors = [
        format!("{signed}&SAMLRequest=x"),
        format!("{signed}&SAMLRequest="),
        format!("SAMLRequest=x&{signed}"),
        format!("{signed}&RelayState=y"),
        format!("{signed}&SigAlg=x"),
        format!("{signed}&Signature=x"),
        format!("{signed}&SAMLResponse=x"),
        format!("SAMLResponse=&{signed}"),
        format!("{signed}&SAMLart=x"),
        format!("{signed}&SAML%52equest=x"),
        signed.replacen("SAMLRequest", "%53AMLRequest", 1),
        format!("{signed}&Relay%53tate=y"),
        format!("{signed}&SAMLRe%73ponse=y"),
        format!("{signed}&S%69gnature=y"),
    ];
    for query in &vectors {
        assert_eq!(reason(query), Some(Reason::ParameterPollution), "{query}");
    }
    let without =
        |name: &str| signed.split('&').filter(|pair| !pair.starts_with(name)).collect::<Vec<_>>().join("&");
    assert_eq!(reason(&without("Signature")), Some(Reason::SignatureIncomplete));
    assert_eq!(reason(&without("SigAlg")), Some(Reason::SignatureIncomplete));
    assert_eq!(verify(&without("RelayState"), &[key(&SP)]), Err(Reason::SignatureInvalid));
    assert_eq!(verify(&format!("{signed}&utm=1"), &[key(&SP)]), Ok(()), "foreign parameters are passed over");
}

#[test]
fn saml_104_the_signature_is_over_the_octets_received() {
    let deflated = deflate(RequestXml::default().unsigned().as_bytes());
    let lower_hex = percent(&deflated).replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
    let minimal = deflated.replace('+', "%2B");
    for (request, relay_state) in [
        (percent(&deflated), "a%20b"),
        (lower_hex, "a+b"),
        (minimal, "a%2fb"),
        (percent(&deflated), ""),
        (percent(&deflated), "%c3%a9%27!~()*"),
    ] {
        let query = sign_query(&format!("SAMLRequest={request}&RelayState={relay_state}"), &signer());
        assert_eq!(verify(&query, &[key(&SP)]), Ok(()), "{relay_state}");
        // The order on the wire does not matter, that of the signature is fixed.
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.reverse();
        assert_eq!(verify(&pairs.join("&"), &[key(&SP)]), Ok(()));
        assert_eq!(
            verify(&query.replace("RelayState=", "RelayState=z"), &[key(&SP)]),
            Err(Reason::SignatureInvalid)
        );
    }
}

#[test]
fn saml_104_one_retry_takes_the_form_of_encode_uri_component() {
    // Signed over encodeURIComponent's form, sent in the form of URLSearchParams.
    let deflated = deflate(RequestXml::default().unsigned().as_bytes());
    let relay_state = "it's (a) ~ *test*!";
    let signer = signer();
    let strict = |text: &str| encode_uri_component(text);
    let octets = format!(
        "SAMLRequest={}&RelayState={}&SigAlg={}",
        strict(&deflated),
        strict(relay_state),
        strict(signer.algorithm().uri())
    );
    let value = percent(&STANDARD.encode(signer.sign(octets.as_bytes()).unwrap()));
    let sent = format!(
        "SAMLRequest={}&RelayState={}&SigAlg={}&Signature={value}",
        percent(&deflated),
        "it%27s+%28a%29+%7E+*test*%21",
        percent(signer.algorithm().uri())
    );
    assert_eq!(verify(&sent, &[key(&SP)]), Ok(()));
    assert_eq!(decode_redirect(&sent).unwrap().relay_state.unwrap().as_str(), relay_state);
}

#[test]
fn alg_402_algorithms_are_listed_by_exact_uri() {
    let query = format!("{}&RelayState=x", redirect(&RequestXml::default().unsigned()));
    let with_algorithm = |uri: &str| {
        let query = format!("{query}&SigAlg={}", percent(uri));
        let value = signer().sign(query.as_bytes()).unwrap();
        format!("{query}&Signature={}", percent(&STANDARD.encode(value)))
    };
    assert_eq!(
        verify(&with_algorithm("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"), &[key(&SP)]),
        Ok(())
    );
    for uri in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 ",
        "https://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "rsa-sha256",
        "",
    ] {
        assert_eq!(verify(&with_algorithm(uri), &[key(&SP)]), Err(Reason::SignatureAlgorithm), "{uri}");
    }
}

#[test]
fn a_12_hmac_keyed_with_the_public_key_is_refused() {
    let query = format!(
        "{}&SigAlg={}",
        redirect(&RequestXml::default().unsigned()),
        percent("http://www.w3.org/2000/09/xmldsig#hmac-sha1")
    );
    let public = openssl::pkey::PKey::hmac(&SP.certificate).unwrap();
    let mut mac = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha1(), &public).unwrap();
    let value = mac.sign_oneshot_to_vec(query.as_bytes()).unwrap();
    let query = format!("{query}&Signature={}", percent(&STANDARD.encode(value)));
    assert_eq!(verify(&query, &[key(&SP)]), Err(Reason::SignatureAlgorithm));
}

#[test]
fn alg_403_the_algorithm_is_bound_to_the_type_of_the_key() {
    let query = redirect(&RequestXml::default().unsigned());
    for algorithm in SignatureAlgorithm::ALL {
        for identity in [&*SP, &*P256, &*testing::P384] {
            let made = crate::saml::sign::OpensslSigner::new(
                identity.key.clone(),
                &identity.certificate,
                *algorithm,
            );
            let fits = algorithm.is_ecdsa() == (identity.key.id() == openssl::pkey::Id::EC);
            assert_eq!(made.is_ok(), fits, "{algorithm}");
            if let Ok(signer) = made {
                let query = sign_query(&query, &signer);
                assert_eq!(verify(&query, &[key(identity)]), Ok(()), "{algorithm}");
                assert_eq!(verify(&query, &[key(&MALLORY)]), Err(Reason::SignatureInvalid));
                // The same octets under the name of another algorithm.
                let renamed = query.replace(
                    &percent(algorithm.uri()),
                    &percent(if algorithm.is_ecdsa() {
                        SignatureAlgorithm::RsaSha256.uri()
                    } else {
                        SignatureAlgorithm::EcdsaSha256.uri()
                    }),
                );
                assert_eq!(verify(&renamed, &[key(identity)]), Err(Reason::SignatureInvalid));
            }
        }
    }
}

#[test]
fn md_305_any_registered_key_verifies_but_at_most_ten_are_tried() {
    let query = sign_query(&redirect(&RequestXml::default().unsigned()), &signer());
    let (good, other) = (key(&SP), key(&MALLORY));
    assert_eq!(verify(&query, &[other.clone(), key(&P256), good.clone()]), Ok(()));
    assert_eq!(verify(&query, std::slice::from_ref(&other)), Err(Reason::SignatureInvalid));
    assert_eq!(verify(&query, &[]), Err(Reason::SignatureKeyUnknown));
    let mut many = vec![other; 9];
    many.push(good.clone());
    assert_eq!(verify(&query, &many), Ok(()));
    many.insert(0, key(&MALLORY));
    assert_eq!(verify(&query, &many), Err(Reason::SignatureInvalid));
}

#[test]
fn a_08_deflate_bombs_are_bounded() {
    let zeros = vec![b' '; 64 * 1024 * 1024];
    let bomb = format!("SAMLRequest={}", percent(&deflate(&zeros)));
    assert_eq!(reason(&bomb), Some(Reason::RequestTooLarge));
    assert_eq!(decode_post(&bomb).err().map(|r| r.reason), Some(Reason::RequestTooLarge));
    for _ in 0..200 {
        assert_eq!(
            inflate(&STANDARD.decode(deflate(&zeros[..1024 * 1024])).unwrap()),
            Err(Reason::RequestTooLarge)
        );
    }
    // At the edge: 128 KiB of what does not compress well passes, one octet more does not.
    let mixed: Vec<u8> = (0..=MAX_INFLATED).map(|n| u8::try_from(n * n / 7 % 251).unwrap()).collect();
    let at = |n: usize| inflate(&STANDARD.decode(deflate(&mixed[..n])).unwrap()).map(|out| out.len());
    assert_eq!(at(MAX_INFLATED), Ok(MAX_INFLATED));
    assert_eq!(at(MAX_INFLATED + 1), Err(Reason::RequestTooLarge));
    let long = format!("SAMLRequest={}", "A".repeat(MAX_ENCODED + 4));
    assert_eq!(reason(&long), Some(Reason::RequestTooLarge));
    assert_eq!(decode_post(&long).err().map(|r| r.reason), Some(Reason::RequestTooLarge));
    assert_eq!(reason(&"x".repeat(MAX_RAW + 1)), Some(Reason::RequestTooLarge));
}

#[test]
fn saml_101_post_reads_the_form() {
    let xml = RequestXml::default().unsigned();
    let message = decode_post(&testing::post(&xml)).unwrap();
    assert_eq!((message.xml.as_slice(), message.binding), (xml.as_bytes(), Binding::Post));
    let lines: Vec<String> = STANDARD
        .encode(&xml)
        .as_bytes()
        .chunks(76)
        .map(|c| String::from_utf8_lossy(c).into_owned())
        .collect();
    let wrapped = format!("SAMLRequest={}", percent(&lines.join("\r\n")));
    assert_eq!(decode_post(&wrapped).unwrap().xml, xml.as_bytes());
    let deflated = format!("SAMLRequest={}", percent(&deflate(xml.as_bytes())));
    assert_eq!(decode_post(&deflated).unwrap().xml, xml.as_bytes(), "inflated once");
    let twice = deflate(&STANDARD.decode(deflate(xml.as_bytes())).unwrap());
    assert_ne!(decode_post(&format!("SAMLRequest={}", percent(&twice))).unwrap().xml, xml.as_bytes());
    for (body, expected) in [
        ("", Reason::MissingRequest),
        ("SAMLRequest=PGE%2B&SAMLRequest=PGE%2B", Reason::ParameterPollution),
        ("SAMLRequest=PGE%2B&SAMLResponse=x", Reason::ParameterPollution),
        ("SAMLRequest=PGE%2B&RelayState=a&RelayState=b", Reason::ParameterPollution),
        ("SAMLRequest=PGE%2B&Signature=x&SigAlg=y", Reason::SimpleSign),
        ("SAMLRequest=%21", Reason::BadEncoding),
        ("SAMLRequest=", Reason::BadDeflate),
    ] {
        assert_eq!(decode_post(body).err().map(|r| r.reason), Some(expected), "{body}");
    }
}

#[test]
fn saml_126_relay_state_comes_back_to_the_byte() {
    let request = percent(&STANDARD.encode("<a/>"));
    let all: String = (1..=0x2ff).filter_map(char::from_u32).collect();
    for text in [
        "",
        " ",
        "a b+c",
        "\"'<>&amp;",
        "javascript:alert(1)",
        "\r\n",
        "\n",
        "%2B",
        "ünïcødé 𝄞",
        "https://sp.example/x?y=z#w",
        &all,
    ] {
        let body = format!("SAMLRequest={request}&RelayState={}", percent(text));
        assert_eq!(decode_post(&body).unwrap().relay_state.unwrap().as_str(), text);
    }
    assert_eq!(decode_post(&format!("SAMLRequest={request}")).unwrap().relay_state, None);
    let post = |value: &str| {
        decode_post(&format!("SAMLRequest={request}&RelayState={value}")).err().map(|r| r.reason)
    };
    assert_eq!(post("%00"), Some(Reason::RelayStateUnusable));
    assert_eq!(post("%ff"), Some(Reason::BadEncoding));
}

#[test]
fn saml_127_relay_state_is_bounded() {
    for (length, result) in [
        (79, Ok(false)),
        (80, Ok(false)),
        (81, Ok(true)),
        (2048, Ok(true)),
        (2049, Err(Reason::RelayStateTooLong)),
    ] {
        assert_eq!(RelayState::new("x".repeat(length)).map(|r| r.exceeds_standard()), result, "{length}");
    }
    assert_eq!(format!("{:?}", RelayState::new("secret".into()).unwrap()), "RelayState(6 bytes)");
}

#[test]
fn what_is_kept_of_a_message_reads_as_the_message_did() {
    let raw =
        "x=1&SAMLRequest=fVM%2B&&RelayState&SAMLRequestX=2&SigAlg=a%3Ab&Signature=c%3D&SAMLEncoding=d&y";
    let kept = "SAMLRequest=fVM%2B&RelayState&SigAlg=a%3Ab&Signature=c%3D&SAMLEncoding=d";
    assert_eq!(essential(raw), kept, "octet for octet, in order");
    assert_eq!(essential(kept), kept);
    assert_eq!(essential("x=SAMLRequest&y"), "");
}
