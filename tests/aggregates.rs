//! A federation's aggregate, as large as they come, against the real server: the one entity that is wanted comes out of
//! it, verified, while the server's own memory stays small.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::sign::Signer;
use openssl::x509::X509;
use serde_json::{Value, json};
use support::{Api, Authority, Reply, Tessera, WebServer};
use tessera::base::clock::DAY;
use tessera::base::{Clock, Timestamp};

const MIB: usize = 1 << 20;

/// The server, a publisher that it trusts, and an application.
struct House {
    tessera: Tessera,
    api: Api,
    path: String,
    says: Arc<Mutex<String>>,
    publisher: WebServer,
}

impl House {
    fn open() -> Self {
        let authority = Authority::default();
        let says = Arc::new(Mutex::new(String::new()));
        let said = says.clone();
        let publisher =
            WebServer::https(&authority, move |_| Reply::new(200, &[], said.lock().unwrap().clone()));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority.pem()).unwrap();
        let setup = Tessera::setup(env!("CARGO_BIN_EXE_tessera"));
        let setup = setup.arg("--outbound-allow").arg("127.0.0.1/32").arg("--outbound-ca").arg(file.path());
        let tessera = setup.start();
        let token = tessera.ok(&["token", "create", "--name", "tests", "--role", "owner"], "");
        let mut api = Api::new(&tessera.base(), &token);
        let wanted = json!({"connector": "custom-saml", "label": "App", "slug": "app"});
        let application = api.post("/applications", &wanted).expect(201);
        let path = format!("/applications/{}/sp-metadata", application["id"].as_str().unwrap());
        Self { tessera, api, path, says, publisher }
    }

    fn publish(&self, document: String) {
        *self.says.lock().unwrap() = document;
    }

    fn put(&mut self, query: &str, entity_id: Option<&str>, certificate: Option<&str>) -> (u16, Value) {
        let url = self.publisher.url("/aggregate.xml");
        let body = json!({"url": url, "entity_id": entity_id, "certificate": certificate});
        let answer = self.api.put(&format!("{}{query}", self.path), &body);
        (answer.status, answer.body)
    }

    /// The most memory that the server has held so far, in bytes.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.tessera.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }
}

/// An entity in canonical form.
fn entity(number: usize) -> String {
    format!(
        "<md:EntityDescriptor entityID=\"https://sp{number}.example/entity\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:Extensions><mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\">\
         <mdui:DisplayName xml:lang=\"en\">Museum of number {number}, open daily</mdui:DisplayName>\
         <mdui:Description xml:lang=\"en\">{}</mdui:Description></mdui:UIInfo></md:Extensions>\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://sp{number}.example/acs\" index=\"0\"></md:AssertionConsumerService>\
         </md:SPSSODescriptor></md:EntityDescriptor>\n",
        "What there is to be seen. ".repeat(40)
    )
}

/// Entities up to so many bytes, the last ones in a list of their own, in canonical form.
fn aggregate(attributes: &str, inner: &str, bytes: usize) -> (String, usize) {
    let mut out = String::with_capacity(bytes + 16 * 1024);
    write!(
        out,
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_a\"{attributes}>"
    )
    .unwrap();
    let mut count = 0;
    while out.len() < bytes {
        out.push_str(&entity(count));
        count += 1;
    }
    write!(
        out,
        "<md:EntitiesDescriptor{inner}>{}</md:EntitiesDescriptor></md:EntitiesDescriptor>",
        entity(count)
    )
    .unwrap();
    (out, count + 1)
}

fn in_days(days: i64) -> String {
    Clock::System.now().plus(days * DAY).to_xs_date_time()
}

fn pinned() -> (PKey<Private>, String) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut certificate = X509::builder().unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, String::from_utf8(certificate.build().to_pem().unwrap()).unwrap())
}

/// Signs a document in canonical form.
fn signed(document: &str, key: &PKey<Private>) -> String {
    let algorithm = |name: &str, uri: &str| format!("<ds:{name} Algorithm=\"{uri}\"></ds:{name}>");
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let digest = STANDARD.encode(sha256(document.as_bytes()));
    let info = [
        algorithm("CanonicalizationMethod", exclusive),
        algorithm("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        "<ds:Reference URI=\"#_a\"><ds:Transforms>".to_owned(),
        algorithm("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
        algorithm("Transform", exclusive),
        "</ds:Transforms>".to_owned(),
        algorithm("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"),
        format!("<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"),
    ]
    .concat();
    let namespace = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.update(format!("<ds:SignedInfo {namespace}>{info}</ds:SignedInfo>").as_bytes()).unwrap();
    let value = STANDARD.encode(signer.sign_to_vec().unwrap());
    let inside = document.find('>').unwrap() + 1;
    format!(
        "{}<ds:Signature {namespace}><ds:SignedInfo>{info}</ds:SignedInfo>\
         <ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>{}",
        &document[..inside],
        &document[inside..]
    )
}

fn choices(refused: &Value) -> Vec<&str> {
    let errors = refused["errors"].as_array().into_iter().flatten();
    errors.map(|error| error["message"].as_str().unwrap()).collect()
}

#[test]
fn md_302_an_entity_out_of_an_aggregate_of_fifty_mebibytes_in_bounded_memory() {
    let mut house = House::open();
    let (key, certificate) = pinned();
    let (document, count) = aggregate(&format!(" validUntil=\"{}\"", in_days(14)), "", 50 * MIB);
    let document = signed(&document, &key);
    assert!(count > 30_000, "{count}");
    house.publish(document.clone());
    let before = house.peak();

    let (status, refused) = house.put("", None, Some(&certificate));
    assert_eq!((status, &refused["code"]), (422, &json!("entity_id_required")), "{refused}");
    assert_eq!(choices(&refused).len(), 100);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("first 100 of {count}")), "{detail}");
    let (_, refused) = house.put("?q=NUMBER%2020202,", None, Some(&certificate));
    assert_eq!(choices(&refused), ["https://sp20202.example/entity"], "found by its name");
    let (_, refused) = house.put("?q=sp20203.exam", None, Some(&certificate));
    assert_eq!(choices(&refused), ["https://sp20203.example/entity"], "found by its entity ID");
    let (_, refused) = house.put("?q=nowhere", None, Some(&certificate));
    assert_eq!((&refused["code"], choices(&refused).len()), (&json!("entity_id_required"), 0));
    assert!(refused["detail"].as_str().unwrap().contains(&format!("None of its {count}")), "{refused}");

    let wanted = Some("https://sp20202.example/entity");
    let (status, taken) = house.put("", wanted, Some(&certificate));
    assert_eq!(status, 200, "{taken}");
    assert_eq!(taken["sso"]["acs_urls"][0]["url"]["value"], "https://sp20202.example/acs");
    assert_eq!(taken["sso"]["sp_entity_id"]["value"], "https://sp20202.example/entity");
    let source = house.api.get(&house.path.clone()).expect(200);
    assert_eq!(source["signed"], true);
    assert!(source["valid_until"].as_str().is_some_and(|end| !end.is_empty()), "{source}");

    // The document itself is held while it goes to the process that reads it, and nothing that grows out of it.
    let grown = house.peak().saturating_sub(before);
    assert!(grown < 3 * document.len(), "the server grew by {} MiB", grown / MIB);

    // One character, tens of mebibytes from the signature.
    let forged = document.replacen("https://sp20202.example/acs", "https://sp20202.example/acz", 1);
    house.publish(forged);
    let (status, refused) = house.put("", wanted, Some(&certificate));
    assert_eq!((status, &refused["code"]), (422, &json!("metadata_signature")), "{refused}");
    let (_, other) = pinned();
    house.publish(document);
    let (_, refused) = house.put("", wanted, Some(&other));
    assert_eq!(refused["code"], "metadata_signature");
}

#[test]
fn md_302_an_unsigned_aggregate_is_marked_so_and_each_list_may_set_an_end() {
    let mut house = House::open();
    let inner = format!(" cacheDuration=\"PT2H\" validUntil=\"{}\"", in_days(3));
    let (document, count) = aggregate(" cacheDuration=\"P1D\"", &inner, 3 * MIB);
    house.publish(document);
    let last = format!("https://sp{}.example/entity", count - 1);
    let (status, taken) = house.put("", Some(&last), None);
    assert_eq!(status, 200, "{taken}");
    let source = house.api.get(&house.path.clone()).expect(200);
    assert_eq!(source["signed"], false);
    assert_eq!(source["valid_until"].as_str().unwrap()[..13], in_days(3)[..13], "of the inner list");
    let at = |field: &str| Timestamp::parse_rfc3339(source[field].as_str().unwrap()).unwrap();
    let hours = at("due_at").since(at("fetched_at")) / 3_600_000;
    assert!((1..=2).contains(&hours), "the shorter of the two durations: {source}");
    let (status, _) = house.put("", Some("https://sp0.example/entity"), None);
    assert_eq!(status, 200);
    assert_eq!(house.api.get(&house.path.clone()).expect(200)["valid_until"], Value::Null);

    let (document, count) = aggregate("", " validUntil=\"2020-01-01T00:00:00Z\"", 3 * MIB);
    house.publish(document);
    let last = format!("https://sp{}.example/entity", count - 1);
    let (_, refused) = house.put("", Some(&last), None);
    assert_eq!(refused["code"], "metadata_expired");
    let (status, _) = house.put("", Some("https://sp0.example/entity"), None);
    assert_eq!(status, 200, "the end of another list is none of its business");
    let (_, refused) = house.put("", Some("https://nobody.example"), None);
    assert_eq!(refused["code"], "entity_id_unknown");
}

#[test]
fn md_302_what_takes_more_than_it_may_is_given_up_and_the_server_lives() {
    let mut house = House::open();
    let before = house.peak();
    // Millions of elements, texts and attributes: each a few bytes in the file, and many times that once it is read.
    let attributes = ('a'..='z').chain('A'..='Z').fold(String::new(), |mut out, name| {
        write!(out, " {name}=''").unwrap();
        out
    });
    let list = |inner: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{inner}</md:EntitiesDescriptor>"
        )
    };
    let wide = format!("<x{attributes}/>");
    house.publish(list(&("<x/>y".repeat(3_800_000) + &wide.repeat(43 * MIB / wide.len()))));
    let (status, refused) = house.put("", None, None);
    assert_eq!((status, &refused["code"]), (422, &json!("metadata_too_costly")), "{refused}");
    house.publish(list(&"<x/>".repeat(5_000_000)));
    let (_, refused) = house.put("", None, None);
    assert_eq!(refused["code"], "xml_too_many_elements");
    house.publish(" ".repeat(64 * MIB + 1));
    let (_, refused) = house.put("", None, None);
    assert_eq!(refused["code"], "outbound_too_large", "{refused}");
    house.publish(format!("<!DOCTYPE a>{}", list(&" ".repeat(3 * MIB))));
    let (_, refused) = house.put("", None, None);
    assert_eq!(refused["code"], "xml_doctype");
    let grown = house.peak().saturating_sub(before);
    assert!(grown < 200 * MIB, "the server grew by {} MiB", grown / MIB);
    assert_eq!(house.api.get("/applications").status, 200);
}
