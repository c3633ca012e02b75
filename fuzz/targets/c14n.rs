//! F-03: our exclusive canonical form is libxml2's to the byte, or we refuse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_fuzz::choice::Choice;
use tessera_fuzz::document::document;
use tessera_fuzz::libxml2;
use tessera_fuzz::saml::xml::reader::Source;
use tessera_fuzz::saml::xml::{Limits, c14n};

const PREFIX_LISTS: [&[&str]; 5] =
    [&[], &["#default"], &["a"], &["a", "b", "#default"], &["long-prefix.1", "none"]];

fuzz_target!(|data: &[u8]| {
    let mut choice = Choice::new(data);
    let prefixes = choice.of(&PREFIX_LISTS);
    let text = document(&mut choice);
    let Ok(source) = Source::new(text.as_bytes(), &Limits::METADATA) else { return };
    let tree = source.parse().expect("the generator writes well-formed documents");
    let ours = c14n::exclusive(tree.root_element(), prefixes, None).expect("with a canonical form");
    let theirs = libxml2::Document::parse(text.as_bytes()).expect("well-formed");
    assert_eq!(Some(&ours), theirs.canonical(prefixes).as_ref(), "{prefixes:?} {text}");
    // The form of a part is a document whose form is itself.
    let marked = tree.descendants().find(|node| node.attribute("mark") == Some("apex")).expect("marked");
    let part = c14n::exclusive(marked, &[], None).expect("with a canonical form");
    let theirs = libxml2::Document::parse(part.as_bytes()).expect("well-formed");
    assert_eq!(Some(&part), theirs.canonical(&[]).as_ref(), "{text}");
});
