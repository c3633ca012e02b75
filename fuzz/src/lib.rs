//! What the fuzz targets share: the pure rooms, compiled from the product's own sources; generators and the service
//! provider of `tests/attacks`; libxml2 as a second opinion; a count of memory.
//!
//! A target is a file in `targets/`, a `[[bin]]` in `Cargo.toml` and a folder under `corpus/`, whose seeds
//! `tests/attacks/seeds.rs` writes.

// The rooms know themselves as `crate::base`, `crate::saml` and `crate::scim`, the files of `tests/attacks` know them as `tessera::…`:
// here both are this crate.
extern crate self as tessera;

#[path = "../../src/base/mod.rs"]
pub mod base;
#[path = "../../src/saml/mod.rs"]
pub mod saml;

#[path = "../../src/scim/mod.rs"]
pub mod scim;

#[path = "../../src/provisioning/plan.rs"]
pub mod plan;

#[path = "../../tests/attacks/choice.rs"]
pub mod choice;
#[path = "../../tests/attacks/document.rs"]
pub mod document;
#[path = "../../tests/attacks/mutate.rs"]
pub mod mutate;
#[path = "../../tests/attacks/peer.rs"]
pub mod peer;

pub mod libxml2;
pub mod memory;

/// A text as the value of an XML attribute; `None` when XML can't carry it.
pub fn attribute_value(text: &str) -> Option<String> {
    if !saml::xml::is_xml_text(text) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '"' | '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            _ => out.push(c),
        }
    }
    Some(out)
}

/// What this thread has had of the processor.
#[must_use]
pub fn processor_time() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    std::time::Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
