//! Nothing in a message is ever fetched. A listener on this machine would see whoever followed a reference.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::house::{BASE, Browser, House};
use crate::sp::{ENTITY_ID, NOW, body_of, query_of};

const PROTOCOL: &str = "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"";
const DS: &str = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";

/// Where a reference may stand in any document: what precedes the root, an attribute of it, a child of it.
struct Bait {
    prolog: String,
    attribute: String,
    child: String,
}

fn baits(url: &str) -> Vec<Bait> {
    let bait = |prolog: String, attribute: String, child: String| Bait { prolog, attribute, child };
    let prolog = |text: String| bait(text, String::new(), String::new());
    let child = |text: String| bait(String::new(), String::new(), text);
    let key_info = |inside: String| {
        child(format!(
            "<ds:Signature {DS}><ds:SignedInfo><ds:CanonicalizationMethod \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/><ds:SignatureMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#_r\">\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>AA==\
             </ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>AA==</ds:SignatureValue>\
             <ds:KeyInfo>{inside}</ds:KeyInfo></ds:Signature>"
        ))
    };
    vec![
        prolog(format!("<!DOCTYPE r SYSTEM \"{url}\">")),
        prolog(format!("<!DOCTYPE r PUBLIC \"-//X//Y\" \"{url}\">")),
        prolog(format!("<!DOCTYPE r [<!ENTITY x SYSTEM \"{url}\">]>")),
        prolog(format!("<!DOCTYPE r [<!ENTITY % x SYSTEM \"{url}\">%x;]>")),
        prolog(format!("<?xml-stylesheet type=\"text/xsl\" href=\"{url}\"?>")),
        bait(
            format!("<!DOCTYPE r [<!ENTITY x SYSTEM \"{url}\">]>"),
            String::new(),
            "<samlp:Extensions>&x;</samlp:Extensions>".to_owned(),
        ),
        bait(
            String::new(),
            format!(
                " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:schemaLocation=\"urn:oasis:names:tc:SAML:2.0:protocol {url}\" \
                 xsi:noNamespaceSchemaLocation=\"{url}\" xml:base=\"{url}\""
            ),
            String::new(),
        ),
        child(format!(
            "<samlp:Extensions><xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"{url}\" \
             parse=\"text\"/></samlp:Extensions>"
        )),
        key_info(format!(
            "<ds:RetrievalMethod URI=\"{url}\" Type=\"http://www.w3.org/2000/09/xmldsig#rawX509Certificate\"/>"
        )),
        key_info(format!(
            "<dsig11:KeyInfoReference xmlns:dsig11=\"http://www.w3.org/2009/xmldsig11#\" URI=\"{url}\"/>"
        )),
        key_info(format!(
            "<ds:X509Data><ds:X509SubjectName>{url}</ds:X509SubjectName><X509URL>{url}</X509URL></ds:X509Data>"
        )),
        child(format!(
            "<ds:Signature {DS}><ds:SignedInfo><ds:Reference URI=\"{url}\"><ds:Transforms><ds:Transform \
             Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet version=\"1.0\" \
             xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\"><xsl:template match=\"/\"><xsl:copy-of \
             select=\"document('{url}')\"/></xsl:template></xsl:stylesheet></ds:Transform></ds:Transforms>\
             </ds:Reference></ds:SignedInfo></ds:Signature>"
        )),
        child(format!(
            "<saml:Subject><saml:EncryptedID><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\">\
             <xenc:CipherData><xenc:CipherReference URI=\"{url}\"/></xenc:CipherData></xenc:EncryptedData>\
             </saml:EncryptedID></saml:Subject>"
        )),
        child(format!(
            "<samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID=\"{BASE}/saml2/app/metadata\" Loc=\"{url}\"/>\
             <samlp:GetComplete>{url}</samlp:GetComplete></samlp:IDPList></samlp:Scoping>"
        )),
        child(String::new()),
    ]
}

fn request(bait: &Bait, url: &str) -> String {
    let Bait { prolog, attribute, child } = bait;
    format!(
        "{prolog}<samlp:AuthnRequest {PROTOCOL} ID=\"_r\" Version=\"2.0\" IssueInstant=\"{NOW}\" \
         ProviderName=\"{url}\"{attribute}><saml:Issuer>{ENTITY_ID}</saml:Issuer>{child}</samlp:AuthnRequest>"
    )
}

fn metadata(bait: &Bait, url: &str) -> String {
    let Bait { prolog, attribute, child } = bait;
    format!(
        "{prolog}<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" {PROTOCOL} ID=\"_r\" \
         entityID=\"{ENTITY_ID}\"{attribute}>{child}<md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\" errorURL=\"{url}\">\
         <md:AssertionConsumerService index=\"0\" Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://sp.example/acs\"/></md:SPSSODescriptor><md:Organization><md:OrganizationURL \
         xml:lang=\"en\">{url}</md:OrganizationURL></md:Organization><md:AdditionalMetadataLocation \
         namespace=\"urn:x\">{url}</md:AdditionalMetadataLocation></md:EntityDescriptor>"
    )
}

#[tokio::test]
async fn a_07_nothing_that_a_message_refers_to_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/bait", listener.local_addr().unwrap());
    let house = House::open().await;
    let (_, certificate) = crate::sp::key_pair();
    let application = house.application("app", json!({ "sp_certificates": [certificate] })).await;
    house.application("enveloped", json!({ "redirect_enveloped_signature": true })).await;
    let path = format!("/applications/{}/sp-metadata?dry_run=true", application.id);
    let mut browser = house.member("livia").await;
    let (mut answers, mut uploads) = (0, 0);
    for bait in baits(&url) {
        let xml = request(&bait, &url);
        for slug in ["app", "enveloped"] {
            let path = format!("/saml2/{slug}");
            let by_post = house.post_from_elsewhere(&mut browser, &path, body_of(&xml)).await;
            let resumed = match by_post.location() {
                onward if onward.is_empty() => by_post,
                onward => house.get(&mut browser, &onward).await,
            };
            let by_redirect = house.get(&mut browser, &format!("{path}?{}", query_of(&xml))).await;
            let unknown = house.get(&mut Browser::default(), &format!("{path}?{}", query_of(&xml))).await;
            for answered in [resumed, by_redirect, unknown] {
                assert!(answered.status.as_u16() < 500, "{}", answered.body);
                answers += 1;
            }
        }
        let xml = metadata(&bait, &url);
        let put = house.api("PUT", &path, "application/samlmetadata+xml", xml).await;
        assert!(put.status.as_u16() < 500, "{}", put.body);
        uploads += usize::from(put.status.is_success());
    }
    assert!(answers >= 80 && uploads >= 1, "{answers} messages and {uploads} uploads were looked at");
    // A connection would wait in the queue of the listener by now: the answers are there, and nothing works on.
    let nobody = listener.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(nobody, Err(ErrorKind::WouldBlock), "somebody followed a reference");
    let _probe = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.set_nonblocking(false).unwrap();
    listener.accept().expect("the listener does hear those who come");
}
