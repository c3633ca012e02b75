//! Our canonicaliser against the one of xmlsec1, which is libxml2's: the same octets, or we refuse (F-03, A-04, A-06).

use tessera::base::Random;
use tessera::saml::xml::reader::Source;
use tessera::saml::xml::{Limits, c14n};

use crate::choice::Choice;
use crate::document::document;
use crate::libxml2::Libxml2;

const CASES: usize = 3000;
const PREFIX_LISTS: [&str; 6] = ["", "", "#default", "a", "a b #default", "b long-prefix.1 no-such"];

/// Our canonical forms of the root and of the marked element; `None` where we refuse.
fn ours(text: &str, prefixes: &str) -> Option<(String, String)> {
    let listed: Vec<&str> = prefixes.split_whitespace().collect();
    let source = Source::new(text.as_bytes(), &Limits::METADATA).ok()?;
    let tree = source.parse().ok()?;
    let marked = tree.descendants().find(|node| node.attribute("mark") == Some("apex")).expect("marked");
    let root = c14n::exclusive(tree.root_element(), &listed, None).ok()?;
    Some((root, c14n::exclusive(marked, &listed, None).ok()?))
}

#[test]
fn a_04_f_03_canonical_forms_are_those_of_libxml2_to_the_byte() {
    let mut libxml2 = Libxml2::start();
    let random = Random::seeded(3);
    let (mut agreed, mut with_subtree) = (0, 0);
    for case in 0..CASES {
        let octets = [random.bytes::<256>(), random.bytes::<256>()].concat();
        let length = 16 + case % 480;
        let text = document(&mut Choice::new(&octets[..length]));
        let prefixes = PREFIX_LISTS[case % PREFIX_LISTS.len()];
        let Some((root, marked)) = ours(&text, prefixes) else { panic!("we refuse {text}") };
        assert_eq!(Some(&root), libxml2.canonical(text.as_bytes(), prefixes).as_ref(), "[{prefixes}] {text}");
        agreed += 1;
        let theirs = libxml2.canonical_of_marked(text.as_bytes(), prefixes);
        assert_eq!(Some(&marked), theirs.as_ref(), "[{prefixes}] {text}");
        with_subtree += usize::from(root != marked);
        // What is canonical stays as it is.
        if prefixes.is_empty() {
            assert_eq!(ours(&root, "").map(|(again, _)| again).as_ref(), Some(&root), "{text}");
        }
    }
    assert!(agreed == CASES && with_subtree > CASES / 10, "{with_subtree} with a subtree");
}

#[test]
fn a_06_what_libxml2_can_not_canonicalise_we_refuse() {
    let mut libxml2 = Libxml2::start();
    for text in [
        "<a xmlns='relative' mark='apex'/>",
        "<n:a xmlns:n='../up' mark='apex'/>",
        "<a mark='apex' xmlns:n='n' n:b=''/>",
        "<a mark='apex'><b xmlns='r'/></a>",
        "<a mark='apex' xmlns='urn:\u{e9}'/>",
        "<a mark='apex' xmlns='urn:a b'/>",
        "<a mark='apex' xmlns='1rn:a'/>",
        "<a mark='apex'",
        "",
    ] {
        assert_eq!(ours(text, ""), None, "{text}");
        assert_eq!(libxml2.canonical(text.as_bytes(), ""), None, "{text}");
    }
    // We refuse more than it does, and never answer with nothing.
    for text in ["<a mark='apex'><?p q?></a>", "<!DOCTYPE a><a mark='apex'/>"] {
        assert_eq!(ours(text, ""), None, "{text}");
        assert!(libxml2.canonical(text.as_bytes(), "").is_some(), "{text}");
    }
}
