//! Tests of metadata, written and read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::base::Timestamp;
use crate::base::name_id::NameIdFormat;
use crate::base::subject_id::SubjectIdentifier;
use crate::saml::certificate::{CertificateFault, CertificateWarning, VerificationKey};
use crate::saml::receive::{AcsBinding, AssertionConsumer, default_acs};
use crate::saml::testing::{self, IDP, SP};
use crate::saml::xml::XmlFault;

const NOW: Timestamp = Timestamp(1_795_334_400_000);

fn read(text: &str) -> Result<SpMetadata, MetadataFault> {
    read_sp_metadata(text.as_bytes(), None, NOW, false)
}

fn entity(id: &str, role: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata' entityID='{id}'>{role}</md:EntityDescriptor>"
    )
}

fn role(attributes: &str, inner: &str) -> String {
    format!(
        "<md:SPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol' {attributes}>{inner}</md:SPSSODescriptor>"
    )
}

fn acs(url: &str, rest: &str) -> String {
    format!(
        "<md:AssertionConsumerService Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' Location='{url}' {rest}/>"
    )
}

fn simple(role_attributes: &str, inner: &str) -> String {
    entity(
        "https://sp.example",
        &role(role_attributes, &format!("{inner}{}", acs("https://sp.example/acs", "index='0'"))),
    )
}

fn key(usage: &str, der: &[u8]) -> String {
    format!(
        "<md:KeyDescriptor {usage}><ds:KeyInfo xmlns:ds='http://www.w3.org/2000/09/xmldsig#'><ds:X509Data>\
         <ds:X509Certificate>\n{}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        STANDARD.encode(der)
    )
}

#[test]
fn md_302_metadata_of_a_service_provider_is_read() {
    let text = format!(
        "<?xml version='1.0'?><?xml-stylesheet href='x'?><!-- hello -->{}",
        entity(
            "https://sp.example",
            &format!(
                "<md:Extensions><x xmlns='u:x'><md:EntityDescriptor entityID='decoy'/></x></md:Extensions>{}",
                role(
                    "AuthnRequestsSigned='1' WantAssertionsSigned='true' validUntil='2027-01-01T00:00:00Z' cacheDuration='PT6H'",
                    &format!(
                        "{}<md:SingleLogoutService Binding='urn:b' Location='https://sp.example/slo' ResponseLocation='https://sp.example/slor'/>\
                         <md:NameIDFormat> urn:x:unknown </md:NameIDFormat><md:NameIDFormat>{}</md:NameIDFormat>\
                         <md:AssertionConsumerService Binding='urn:oasis:names:tc:SAML:2.0:bindings:PAOS' Location='https://sp.example/paos' index='9'/>\
                         {}{}\
                         <md:AttributeConsumingService index='0'><md:ServiceName xml:lang='en'>x</md:ServiceName>\
                         <md:RequestedAttribute Name='mail' isRequired='true' FriendlyName='Mail'/></md:AttributeConsumingService>",
                        key("use='signing'", &SP.certificate),
                        NameIdFormat::Transient.urn(),
                        acs("https://sp.example/a", "index='0' isDefault='false'"),
                        acs("https://sp.example/b", ""),
                    )
                )
            )
        )
    );
    let found = read(&text).unwrap();
    assert_eq!(found.entity_id, "https://sp.example");
    assert_eq!((found.authn_requests_signed, found.want_assertions_signed), (Some(true), Some(true)));
    assert_eq!(found.preferred_name_id_format(), Some(NameIdFormat::Transient));
    let addresses: Vec<_> = found.acs.iter().map(|acs| (acs.url.as_str(), acs.index, acs.binding)).collect();
    assert_eq!(
        addresses,
        [
            ("https://sp.example/paos", Some(9), Some(AcsBinding::Paos)),
            ("https://sp.example/a", Some(0), Some(AcsBinding::Post)),
            ("https://sp.example/b", None, Some(AcsBinding::Post)),
        ]
    );
    let is_of_browsers = |acs: &&AssertionConsumer| acs.binding.is_some_and(AcsBinding::is_of_browsers);
    let of_browsers: Vec<_> = found.acs.iter().filter(is_of_browsers).cloned().collect();
    assert_eq!(default_acs(&of_browsers).unwrap().url, "https://sp.example/b");
    assert_eq!(found.single_logout[0].response_location.as_deref(), Some("https://sp.example/slor"));
    assert_eq!(found.attribute_services.len(), 1);
    assert!(found.attribute_services[0].attributes[0].is_required);
    assert_eq!(found.certificates[0].usage, KeyUse::Signing);
    assert_eq!(found.valid_until, Timestamp::parse_rfc3339("2027-01-01T00:00:00Z"));
}

#[test]
fn md_302_of_several_entities_the_admin_picks_one() {
    let list = |inner: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata'>{inner}</md:EntitiesDescriptor>"
        )
    };
    let one = simple("", "");
    let two = one.replace("entityID='https://sp.example'", "entityID='https://two.example'");
    let idp = entity("https://idp.example", "<md:IDPSSODescriptor protocolSupportEnumeration='x'/>");
    let text = list(&format!("{one}{}{idp}", list(&two)));
    let both = vec!["https://sp.example".to_owned(), "https://two.example".to_owned()];
    let both = Choices { total: both.len(), described: both.len(), entity_ids: both };
    assert_eq!(read(&text).err(), Some(MetadataFault::EntityIdRequired(both.clone())));
    let pick = |wanted| read_sp_metadata(text.as_bytes(), Some(wanted), NOW, false);
    assert_eq!(pick("https://two.example").unwrap().entity_id, "https://two.example");
    assert_eq!(pick("https://idp.example").err(), Some(MetadataFault::EntityUnknown(both)));
    assert_eq!(read(&list(&one)).unwrap().entity_id, "https://sp.example");
    assert_eq!(read(&list(&idp)).err(), Some(MetadataFault::NoServiceProvider));
    assert_eq!(read(&idp).err(), Some(MetadataFault::NoServiceProvider));
    assert_eq!(read("<a/>").err(), Some(MetadataFault::NotMetadata));
    // Deep lists end in a named refusal, not in a crash.
    let deep = (0..600).fold(one, |inner, _| list(&inner));
    assert_eq!(read(&deep).err(), Some(MetadataFault::Xml(XmlFault::TooDeep)));
    let large = format!("{}{}", simple("", ""), " ".repeat(2 * 1024 * 1024));
    assert_eq!(read(&large).err(), Some(MetadataFault::Xml(XmlFault::TooLarge)));
}

#[test]
fn md_303_endpoints_are_https_urls_and_nothing_else() {
    let bad = [
        "javascript:alert(1)",
        "JavaScript://x/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://sp.example/",
        "about:blank",
        "blob:https://sp.example/x",
        "//sp.example/acs",
        "/acs",
        "",
        "https:",
        "https://",
        "https:///acs",
        "https:sp.example/acs",
        "https:/sp.example/acs",
        "http://sp.example/acs",
        "http://localhost.evil.example/acs",
        "http://127.0.0.1.evil.example/acs",
        "https://user@sp.example/acs",
        "https://user:pass@sp.example/acs",
        "https://@sp.example/acs",
        "https://sp.example/acs#x",
        "https://sp.example/a b",
        "https://sp.example/\tacs",
        " https://sp.example/acs",
        "https://sp.example/acs\n",
        "https://sp.example\\@evil.example/",
        "https://sp.example/\u{0}",
        "https://sp.example/\u{2028}",
        "https://sp.example/\"><script>",
        "https://[::1",
        "https://sp.example:99999/",
    ];
    for url in bad {
        assert!(Location::parse(url, false).is_err(), "{url:?}");
    }
    assert!(Location::parse(&format!("https://sp.example/{}", "a".repeat(2048)), false).is_err());
    for url in ["javascript:alert(1)", "data:x", "ftp://x/"] {
        assert_eq!(Location::parse(url, true), Err(LocationFault::Scheme), "{url}");
    }
    assert!(Location::parse("http://sp.example/acs", true).is_ok());
    for url in [
        "https://sp.example/acs?x=1&y=%20",
        "HTTPS://SP.example:8443/Acs;x",
        "http://localhost:8080/acs",
        "http://127.0.0.1/acs",
        "http://[::1]:1/acs",
        "https://münchen.example/acs",
        "https://sp.example/a@b",
    ] {
        assert_eq!(Location::parse(url, false).map(Location::into_string).as_deref(), Ok(url));
    }
    let text = entity("x", &role("", &acs("javascript:alert(1)", "")));
    assert!(matches!(read(&text), Err(MetadataFault::Location { fault: LocationFault::Scheme, .. })));
    let text = simple(
        "",
        "<md:SingleLogoutService Binding='b' Location='https://ok.example/' ResponseLocation='data:x'/>",
    );
    assert!(
        matches!(read(&text), Err(MetadataFault::Location { element, .. }) if element == "SingleLogoutService")
    );
}

#[test]
fn md_304_a_key_without_use_is_for_both() {
    let found = read(&simple("", &key("", &SP.certificate))).unwrap();
    assert_eq!(found.certificates[0].usage, KeyUse::Both);
    assert!(read(&simple("", &key("use='other'", &SP.certificate))).is_err());
}

#[test]
fn md_306_odd_certificates_warn_and_weak_ones_are_left_out() {
    let old = testing::identity(SP.key.clone(), openssl::hash::MessageDigest::sha1(), 1_600_000_000);
    let weak = testing::rsa(1024);
    let text = simple(
        "",
        &format!("{}{}{}", key("", &old.certificate), key("", &weak.certificate), key("", b"junk")),
    );
    let found = read(&text).unwrap();
    assert_eq!(
        found.certificates[0].certificate.warnings(NOW),
        [CertificateWarning::Expired, CertificateWarning::WeakSignature]
    );
    assert_eq!(found.refused_certificates, [CertificateFault::WeakKey, CertificateFault::Unreadable]);
}

#[test]
fn metadata_past_its_end_is_refused() {
    let expired = simple("validUntil='2026-11-22T07:59:59Z'", "");
    assert!(matches!(read(&expired), Err(MetadataFault::Expired(_))));
    assert_eq!(read(&simple("validUntil='soon'", "")).err(), Some(MetadataFault::Value("validUntil".into())));
    assert!(read(&simple("validUntil='2026-11-22T08:00:01Z'", "")).is_ok());
}

#[test]
fn saml_107_authn_requests_signed_has_two_spellings_of_each() {
    for (text, expected) in [("true", true), ("1", true), ("false", false), ("0", false)] {
        let found = read(&simple(&format!("AuthnRequestsSigned='{text}'"), "")).unwrap();
        assert_eq!(found.authn_requests_signed, Some(expected));
    }
    assert!(matches!(read(&simple("AuthnRequestsSigned='TRUE'", "")), Err(MetadataFault::Value(_))));
    assert_eq!(read(&simple("", "")).unwrap().authn_requests_signed, None);
}

#[test]
fn an_address_by_post_is_needed() {
    let only_paos = "<md:AssertionConsumerService Binding='urn:oasis:names:tc:SAML:2.0:bindings:PAOS' Location='https://x/' index='0'/>";
    assert_eq!(read(&entity("x", &role("", only_paos))).err(), Some(MetadataFault::NoAcs));
    assert_eq!(read(&entity("", &role("", ""))).err(), Some(MetadataFault::EntityId));
}

#[test]
fn md_301_our_metadata_says_only_what_works() {
    let certificates = vec![IDP.certificate.clone(), SP.certificate.clone()];
    let metadata = IdpMetadata {
        logout_url: Some("https://idp.example/saml2/app/logout".into()),
        client_sso_url: Some("https://idp.example/saml2/app/ecp".into()),
        scope: Some("idp.example".into()),
        artifact_url: Some("https://idp.example/saml2/app/artifact".into()),
        entity_id: "https://idp.example/saml2/heap/metadata".into(),
        sso_url: "https://idp.example/saml2/heap".into(),
        certificates: certificates.clone(),
        encryption_certificate: Some(IDP.certificate.clone()),
        name_id_formats: vec![NameIdFormat::EmailAddress, NameIdFormat::Persistent],
        want_authn_requests_signed: true,
        error_url: Some("https://idp.example/help?a=1&b=2".into()),
        organisation: Some(("R&D <x>".into(), "https://idp.example".into())),
    };
    let text = metadata.write().unwrap();
    for der in &certificates {
        assert!(VerificationKey::from_certificate_der(der).is_ok());
    }
    let text = text
        .replace(&STANDARD.encode(&IDP.certificate), "(active)")
        .replace(&STANDARD.encode(&SP.certificate), "(next)");
    assert!(!text.contains("SignatureValue"));
    insta::assert_snapshot!(text.replace("><", ">\n<"));
}

#[test]
fn alg_405_md_304_what_metadata_lists_of_algorithms_is_read() {
    let methods = "<md:EncryptionMethod Algorithm='http://www.w3.org/2009/xmlenc11#aes128-gcm'/>\
                   <md:EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p'/>";
    let listed = key("use='encryption'", &SP.certificate)
        .replace("</md:KeyDescriptor>", &format!("{methods}</md:KeyDescriptor>"));
    let extensions = "<md:Extensions xmlns:alg='urn:oasis:names:tc:SAML:metadata:algsupport'>\
                      <alg:SigningMethod Algorithm='http://www.w3.org/2001/04/xmldsig-more#rsa-sha512'/>\
                      <alg:DigestMethod Algorithm='http://www.w3.org/2001/04/xmlenc#sha512'/></md:Extensions>";
    let found = read(&simple("", &format!("{extensions}{listed}{}", key("", &IDP.certificate)))).unwrap();
    assert_eq!(found.signing_methods, ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"]);
    assert_eq!(found.certificates[0].usage, KeyUse::Encryption);
    assert_eq!(found.certificates[0].encryption_methods.len(), 2);
    assert_eq!(found.certificates[1].usage, KeyUse::Both);
    assert!(found.certificates[1].encryption_methods.is_empty());
    // What the entity says holds for its role, unless that says something itself.
    let of_entity = entity(
        "https://sp.example",
        &format!("{extensions}{}", role("", &acs("https://sp.example/acs", "index='0'"))),
    );
    assert_eq!(read(&of_entity).unwrap().signing_methods, found.signing_methods);
}

#[test]
fn saml_216_what_an_entity_needs_to_know_people_by_is_read() {
    let said = |values: &[&str]| {
        let values: Vec<String> = values
            .iter()
            .map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>"))
            .collect();
        let values = values.concat();
        let extensions = format!(
            "<md:Extensions><mda:EntityAttributes xmlns:mda='urn:oasis:names:tc:SAML:metadata:attribute' \
             xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion'><saml:Attribute Name='urn:other'/>\
             <saml:Attribute Name='urn:oasis:names:tc:SAML:profiles:subject-id:req' \
             NameFormat='urn:oasis:names:tc:SAML:2.0:attrname-format:uri'>{values}</saml:Attribute>\
             </mda:EntityAttributes></md:Extensions>"
        );
        let text = entity(
            "https://sp.example",
            &format!("{extensions}{}", role("", &acs("https://sp.example/acs", "index='0'"))),
        );
        read(&text).unwrap().subject_identifier
    };
    for (value, expected) in [
        ("subject-id", SubjectIdentifier::Subject),
        (" pairwise-id ", SubjectIdentifier::Pairwise),
        ("any", SubjectIdentifier::Pairwise),
        ("none", SubjectIdentifier::None),
    ] {
        assert_eq!(said(&[value]), Some(expected), "{value}");
    }
    for unclear in [&[][..], &["other"], &["any", "none"]] {
        assert_eq!(said(unclear), None, "{unclear:?}");
    }
}

#[test]
fn ecp_610_an_address_for_clients_is_read_beside_one_for_browsers() {
    let paos = "<md:AssertionConsumerService Binding='urn:oasis:names:tc:SAML:2.0:bindings:PAOS' \
                Location='https://sp.example/paos' index='1' isDefault='true'/>";
    let found = read(&entity(
        "https://sp.example",
        &role("", &format!("{paos}{}", acs("https://sp.example/acs", "index='0'"))),
    ));
    let found = found.unwrap();
    assert_eq!(found.acs[0].binding, Some(AcsBinding::Paos));
    assert_eq!(found.acs[1].binding, Some(AcsBinding::Post));
}
