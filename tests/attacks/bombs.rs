//! Messages that are small to send and large to read: every wrapping of compressed octets, and XML that is costly by
//! its shape. Refused early, in bounded time (SAML-103, A-08, A-09, A-10).

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use tessera::saml::xml::XmlFault;
use tessera::saml::{Reason, decode_post, decode_redirect};

use crate::peer::{DSIG, Plain, SP, Setup, deflated, percent, redirect};

/// What must hold for any one message however busy the machine is; measured it is some milliseconds. What is not bounded
/// takes minutes.
const PATIENCE: Duration = Duration::from_secs(10);

fn quickly<T>(name: &str, act: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let out = act();
    assert!(began.elapsed() < PATIENCE, "{name} took {:?}", began.elapsed());
    out
}

fn query(octets: &[u8]) -> String {
    format!("SAMLRequest={}", percent(&STANDARD.encode(octets)))
}

fn zlib(octets: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// A raw stream of stored blocks, empty but for the last.
fn empty_blocks(count: usize, last: &[u8]) -> Vec<u8> {
    let mut out = [0, 0, 0, 0xff, 0xff].repeat(count);
    let length = u16::try_from(last.len()).unwrap();
    out.push(1);
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(last);
    out
}

#[test]
fn saml_103_a_08_only_a_bare_stream_that_fills_its_octets_is_inflated() {
    let xml = Plain::honest("AuthnRequest", "_honest").xml();
    let raw = deflated(&xml);
    let mut cases = vec![
        ("zlib", zlib(xml.as_bytes())),
        ("gzip", gzip(xml.as_bytes())),
        ("two gzip members", [gzip(xml.as_bytes()), gzip(b"<a/>")].concat()),
        ("deflated twice", deflated(&raw)),
        ("zlib in deflate", deflated(zlib(xml.as_bytes()))),
        ("stored octets without a stream", xml.clone().into_bytes()),
        ("an octet before", [&[0], raw.as_slice()].concat()),
        ("a second stream behind", [raw.as_slice(), &deflated("<a/>")].concat()),
        ("a checksum behind", [raw.as_slice(), &[0; 4]].concat()),
        ("reserved block type", vec![0b0000_0111]),
        ("stored block with a wrong length", vec![1, 4, 0, 0, 0, 1, 2, 3, 4]),
        ("a distance before the beginning", vec![0x4b, 0x04, 0x02, 0x00]),
        ("no end", empty_blocks(40, b"x")[..200].to_vec()),
    ];
    cases.extend((1..raw.len()).step_by(17).map(|cut| ("cut short", raw[..cut].to_vec())));
    for (name, octets) in cases {
        let reason = quickly(name, || Setup::default().redirect(&query(&octets))).expect_err(name);
        // A stream within a stream inflates to octets that are no XML.
        let expected =
            matches!(reason, Reason::BadDeflate | Reason::Xml(XmlFault::NotUtf8 | XmlFault::NotWellFormed));
        assert!(expected, "{name}: {reason:?}");
        if !octets.starts_with(b"<") {
            assert!(
                quickly(name, || decode_post(&query(&octets))).is_err() || reason != Reason::BadDeflate,
                "{name}"
            );
        }
    }
    assert!(Setup::default().redirect(&query(&raw)).is_ok());
    assert!(
        Setup::default().redirect(&query(&empty_blocks(50, xml.as_bytes()))).is_ok(),
        "odd, but a stream"
    );
}

#[test]
fn a_08_bombs_of_every_make_stop_at_the_cap() {
    let huge = vec![b' '; 32 * 1024 * 1024];
    let plain = deflated(&huge);
    let bombs = [
        ("1000:1", plain.clone()),
        ("just over the ratio", deflated(&huge[..200 * 1024])),
        ("cut in the midst", plain[..plain.len() / 2].to_vec()),
        ("with rubbish behind", [plain.as_slice(), b"rubbish"].concat()),
        ("a bomb within a bomb", deflated(&plain)),
        ("an element that never ends", deflated([b"<a b='".as_slice(), &huge].concat())),
    ];
    for (name, octets) in bombs {
        for turn in 0..20 {
            let query = query(&octets);
            for reason in [decode_redirect(&query), decode_post(&query)].map(|r| r.err().map(|r| r.reason)) {
                let nested = name == "a bomb within a bomb" && reason.is_none();
                assert!(reason == Some(Reason::RequestTooLarge) || nested, "{name}, {turn}: {reason:?}");
            }
        }
    }
    // What is not inflated a second time is no XML.
    let reason = Setup::default().redirect(&query(&deflated(&plain))).err();
    assert!(reason == Some(Reason::RequestTooLarge) || matches!(reason, Some(Reason::Xml(_))), "{reason:?}");
    // Many empty blocks: long to send, nothing to read.
    let idle = empty_blocks(8000, b"");
    assert!(quickly("empty blocks", || Setup::default().redirect(&query(&idle))).is_err());
}

#[test]
fn a_09_a_10_xml_that_is_costly_by_its_shape_is_refused_or_read_in_no_time() {
    let message = Plain::honest("AuthnRequest", "_honest");
    let many = |count: usize, f: &dyn Fn(usize) -> String| {
        (0..count).fold(String::new(), |mut out, n| {
            write!(out, "{}", f(n)).unwrap();
            out
        })
    };
    let extension =
        |inner: &str| message.around("", &format!("<samlp:Extensions>{inner}</samlp:Extensions>"), "");
    let deep = |n: usize| format!("{}{}", "<d>".repeat(n), "</d>".repeat(n));
    let bound = many(30, &|n| format!(" xmlns:n{n}=\"urn:{n}\""));
    let cases = [
        ("depth", extension(&deep(100)), Some(XmlFault::TooDeep)),
        ("depth without end", extension(&"<d>".repeat(20_000)), Some(XmlFault::TooDeep)),
        ("elements", extension(&"<e/>".repeat(5000)), Some(XmlFault::TooManyElements)),
        (
            "attributes",
            extension(&format!("<e{}/>", many(5000, &|n| format!(" a{n}=''")))),
            Some(XmlFault::TooManyAttributes),
        ),
        (
            "namespaces",
            extension(&format!("<e{}/>", many(3000, &|n| format!(" xmlns:a{n}='u'")))),
            Some(XmlFault::TooManyNamespaces),
        ),
        (
            "namespaces in each other",
            extension(&many(25, &|_| format!("<e{bound}>"))),
            Some(XmlFault::TooManyNamespaces),
        ),
        ("one long text", extension(&"x".repeat(70_000)), Some(XmlFault::TextTooLong)),
        (
            "one long attribute",
            extension(&format!("<e a='{}'/>", "x".repeat(70_000))),
            Some(XmlFault::TextTooLong),
        ),
        ("one long name", extension(&format!("<{}/>", "n".repeat(60_000))), None),
        ("references", extension(&"&#x26;".repeat(10_000)), None),
        ("comments", extension(&"<!---->".repeat(8000)), Some(XmlFault::TooManyElements)),
        (
            "elements with as much as is allowed",
            extension(&many(60, &|n| format!("<e{n}{}/>", many(60, &|a| format!(" a{a}='{n}'"))))),
            None,
        ),
        ("white space", extension(&" ".repeat(60_000)), None),
    ];
    for (name, xml, fault) in cases {
        let found = quickly(name, || Setup::default().post(&xml));
        let too_large = matches!(found, Err(Reason::RequestTooLarge | Reason::Xml(XmlFault::TooLarge)));
        match fault {
            None => assert!(found.is_ok() || too_large, "{name}: {:?}", found.err()),
            Some(fault) => assert!(too_large || found.err() == Some(Reason::Xml(fault)), "{name}"),
        }
    }
}

#[test]
fn a_09_a_stranger_makes_us_canonicalise_nothing_but_signed_info() {
    // As much as a message may hold, under a signature that nobody's key made.
    let filler: String = (0..1500).map(|n| format!("<f{n} b=\"&lt;&amp;\" a=\"x\"/>")).collect();
    let mut plain = Plain::honest("AuthnRequest", "_honest");
    plain.children.push_str(&format!("<samlp:Extensions>{filler}</samlp:Extensions>"));
    let signed = plain.signed(&SP);
    let forged = signed.replace("<ds:SignatureValue>", "<ds:SignatureValue>AAAA");
    assert!(signed.contains(DSIG) && signed.len() < 48 * 1024, "{}", signed.len());
    quickly("a hundred forged messages", || {
        for _ in 0..100 {
            assert_eq!(Setup::REQUIRED.post(&forged).err(), Some(Reason::SignatureInvalid));
        }
    });
    assert!(quickly("the honest one", || Setup::REQUIRED.post(&signed)).is_ok());
    assert_eq!(Setup::REQUIRED.redirect(&redirect(&signed)).err(), Some(Reason::SignatureEnveloped));
}
