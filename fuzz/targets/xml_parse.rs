//! F-02: octets become a tree within the limits that libxml2 would build too, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_fuzz::libxml2;
use tessera_fuzz::saml::xml::reader::{Source, check_ids, plain_text};
use tessera_fuzz::saml::xml::{Limits, c14n};

fuzz_target!(|data: &[u8]| {
    for limits in [Limits::MESSAGE, Limits::METADATA] {
        let Ok(source) = Source::new(data, &limits) else { continue };
        let Ok(document) = source.parse() else { continue };
        let elements = document.descendants().filter(roxmltree::Node::is_element);
        let deepest = elements.clone().map(|node| node.ancestors().count()).max();
        assert!(deepest <= Some(limits.depth + 1), "{deepest:?}");
        assert!(elements.clone().count() <= limits.elements);
        for node in elements.clone() {
            assert!(node.attributes().count() <= limits.attributes);
            // A text that is taken for plain is the whole of what stands in the element.
            if let Ok(text) = plain_text(node) {
                let whole: String =
                    node.descendants().filter_map(|n| if n.is_text() { n.text() } else { None }).collect();
                assert_eq!(text, whole);
            }
        }
        let _ = check_ids(&document);
        // A second reader takes it too, without a document type, and finds the same in it.
        let other = libxml2::Document::parse(data).expect("libxml2 takes what we take");
        assert!(!other.has_doctype());
        let Ok(canonical) = c14n::exclusive(document.root_element(), &[], None) else { continue };
        let without_instructions = limits.outer_instructions && canonical_has_instructions(data);
        if !without_instructions && let Some(theirs) = other.canonical(&[]) {
            // libxml2 writes `&` in a namespace as `&#38;`, against Canonical XML 2.3.
            assert_eq!(canonical.replace("&amp;", "&#38;"), theirs.replace("&amp;", "&#38;"));
        }
        // What we would write of it reads as itself.
        let again =
            Source::new(canonical.as_bytes(), &Limits { total: usize::MAX, text: usize::MAX, ..limits });
        let again = again.expect("canonical form is within the limits");
        let again = again.parse().expect("canonical form is well-formed");
        assert_eq!(c14n::exclusive(again.root_element(), &[], None).as_deref(), Ok(canonical.as_str()));
    }
});

/// Whether there are instructions beside the root, which are part of the canonical form of a whole document.
fn canonical_has_instructions(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    text.matches("<?").count() > usize::from(text.trim_start_matches('\u{feff}').starts_with("<?xml "))
}
