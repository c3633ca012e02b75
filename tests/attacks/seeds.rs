//! The seeds of the fuzz targets: small, made by the same hands as the tests, the same at every run. What lies under
//! `fuzz/corpus` is held against them; `TESSERA_UPDATE_SEEDS=1` writes it. Inputs that once found something lie beside
//! them under names of their own.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tessera::base::Random;
use tessera::saml::names::{BINDING_POST, ENCODING_DEFLATE, METADATA, PROTOCOL};

use crate::peer::{
    ACS, DSIG, Plain, RSA_SHA256, SECOND_ACS, deflated, percent, post, redirect, signature_over,
};

fn all() -> Vec<(PathBuf, Vec<u8>)> {
    let text = |list: Vec<String>| list.into_iter().map(String::into_bytes).collect::<Vec<_>>();
    let targets = [
        ("redirect_decode", queries()),
        ("xml_parse", text([messages(), metadata()].concat())),
        ("c14n", choices(24, 192)),
        ("verify_authnrequest", mutations()),
        ("verify_logoutrequest", mutations()),
        ("xmlenc", people()),
        ("issue_assertion", people()),
        ("metadata_import", text(metadata())),
        ("acs_match", addresses()),
        ("scim_response", text(answers())),
        ("scim_patch_plan", choices(12, 64)),
    ];
    let named = |(target, seeds): (&str, Vec<Vec<u8>>)| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        seeds
            .into_iter()
            .enumerate()
            .map(move |(at, seed)| (folder.join(format!("seed-{at:02}")), seed))
            .collect::<Vec<_>>()
    };
    targets.into_iter().flat_map(named).collect()
}

#[test]
fn the_corpus_of_the_fuzz_targets_is_what_is_made_here() {
    if std::env::var_os("TESSERA_UPDATE_SEEDS").is_some() {
        for (path, seed) in all() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, seed).unwrap();
        }
    }
    for (path, seed) in all() {
        let name = path.display();
        assert_eq!(fs::read(&path).ok().as_ref(), Some(&seed), "{name}: TESSERA_UPDATE_SEEDS=1 writes it");
    }
}

/// What SCIM services answer, and what they are asked.
fn answers() -> Vec<String> {
    let texts = [
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":"3","startIndex":1,"itemsPerPage":2,"Resources":[{"id":"1","userName":"ada","active":"True"},{"id":2}]}"#,
        r#"{"totalResults":0,"nextCursor":"c1","Resources":null}"#,
        r#"{"schema":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":409,"scimType":"uniqueness","detail":"taken"}"#,
        r#"{"error":{"code":"429","message":"slow down"}}"#,
        "<html><body>Bad gateway</body></html>",
        r#"{"patch":{"supported":true},"filter":{"supported":"true","maxResults":200},"etag":{"supported":false},"pagination":{"cursor":true}}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x@y.example"},{"op":"add","value":{"active":"False"}},{"op":"remove","path":"members[value eq \"7\"]"}]}"#,
        r#"userName eq "ada" and (emails[type eq "work" and value co "@"] or not (active eq true)) and meta.lastModified gt "2026-11-22T08:00:00Z""#,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        "7 200",
    ];
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Octets that a generator takes its decisions from.
fn choices(count: u64, length: usize) -> Vec<Vec<u8>> {
    let drawn = |seed: u64| {
        let mut out = vec![0; length - usize::try_from(seed).expect("small") * 4];
        Random::seeded(seed).fill(&mut out);
        out
    };
    (0..count).map(drawn).collect()
}

/// One for each kind of mutation, and some of several.
fn mutations() -> Vec<Vec<u8>> {
    let one = (0..20).map(|kind| vec![0, 0, 0, kind, 3, 7, 1, 40]);
    one.chain(choices(10, 44)).collect()
}

/// Messages as they come, with a signature that looks like one.
fn messages() -> Vec<String> {
    let mut out = Vec::new();
    for root in ["AuthnRequest", "LogoutRequest"] {
        let plain = Plain::honest(root, "_honest");
        let signature = signature_over(&plain.xml(), "#_honest", RSA_SHA256, |_| vec![7; 256]);
        out.extend([
            plain.xml(),
            plain.around("", &signature, ""),
            Plain::evil(root, "_evil").around("<!-- x -->", "", &plain.xml()),
        ]);
    }
    out.push("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns='urn:a' b='&#x9;&lt;'>\r\n<![CDATA[<&]]>&amp;<b xmlns=''/></a>".to_owned());
    out
}

fn queries() -> Vec<Vec<u8>> {
    let xml = Plain::honest("AuthnRequest", "_honest").xml();
    let query = redirect(&xml);
    let with_mode = |mode: u8, rest: &[u8]| [&[mode], rest].concat();
    let raw = [
        format!("{query}&RelayState=a%20b+c"),
        format!("{query}&SAMLEncoding={}", percent(ENCODING_DEFLATE)),
        format!(
            "{query}&RelayState=x&SigAlg={}&Signature={}",
            percent(RSA_SHA256),
            percent(&STANDARD.encode([7; 64]))
        ),
        post(&xml),
        "SAMLRequest=x&SAMLRe%71uest=y&SAMLart=z".to_owned(),
    ];
    let mut out: Vec<Vec<u8>> = raw.iter().map(|text| with_mode(0, text.as_bytes())).collect();
    out.push(with_mode(2, &deflated(&xml)));
    out.push(with_mode(2, &deflated(vec![b' '; 200_000])));
    out.push(with_mode(3, xml.as_bytes()));
    out
}

fn people() -> Vec<Vec<u8>> {
    let texts = "a@example.com\0\0sp\0\0displayName\0\0Zo\u{eb} & <R&D> \"x\"\0\0groups\0\0one\0\0]]>\0\0\r\n\t\0\0\u{1d11e}";
    choices(12, 52).into_iter().map(|head| [&head[..8.min(head.len())], texts.as_bytes()].concat()).collect()
}

fn metadata() -> Vec<String> {
    let acs = |url: &str, rest: &str| {
        format!("<md:AssertionConsumerService Binding=\"{BINDING_POST}\" Location=\"{url}\"{rest}/>")
    };
    let entity = |id: &str, attributes: &str, inside: &str| {
        format!(
            "<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{id}\"><md:SPSSODescriptor \
             protocolSupportEnumeration=\"{PROTOCOL}\"{attributes}>{inside}</md:SPSSODescriptor></md:EntityDescriptor>"
        )
    };
    let full = format!(
        "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>AAAA\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleLogoutService Binding=\"{BINDING_POST}\" \
         Location=\"https://sp.example.com/slo\" ResponseLocation=\"https://sp.example.com/done\"/><md:NameIDFormat> \
         urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\n</md:NameIDFormat>{}{}<md:AttributeConsumingService \
         index=\"0\"><md:RequestedAttribute Name=\"mail\" isRequired=\"1\"/></md:AttributeConsumingService>",
        acs(ACS, " index=\"0\" isDefault=\"true\""),
        acs(SECOND_ACS, " index=\"7\"")
    );
    vec![
        entity("https://sp.example.com/metadata", "", &acs(ACS, "")),
        entity(
            "https://sp.example.com/metadata",
            " AuthnRequestsSigned=\"1\" WantAssertionsSigned=\"true\"",
            &full,
        ),
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"{METADATA}\" validUntil=\"2027-01-01T00:00:00Z\">{}</md:EntitiesDescriptor>",
            entity("a", "", &acs("https://\u{e9}.example/%41?x=y", ""))
        ),
        entity("x", "", &acs("http://localhost:8080/acs", " index=\"65535\"")),
    ]
}

fn addresses() -> Vec<Vec<u8>> {
    let lists = [
        vec![ACS, ACS],
        vec!["https://sp.example.com.evil.tld/acs", ACS, SECOND_ACS],
        vec!["https://sp.example.com@evil.tld/acs", ACS],
        vec!["https://sp.example.com/x/../acs", ACS],
        vec!["", ""],
        vec!["HTTPS://sp.example.com:443/acs", ACS],
        vec!["https:\\\\sp.example.com\\acs", ACS],
        vec!["https://sp.example.com/acs"],
    ];
    lists.iter().map(|list| list.join("\n").into_bytes()).collect()
}
