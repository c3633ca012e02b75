//! Attacks that are generated here, each refused with the right code: wrapping, document types, bombs, cut text,
//! confused algorithms, polluted queries, hostile characters; and our canonicaliser against libxml2's.
//!
//! `choice`, `document`, `mutate` and `peer` know nothing of the test harness: the fuzz targets use
//! them too (`fuzz/src/lib.rs`).

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "messages are small, and put together as they are read"
)]

mod bombs;
mod canonical;
mod characters;
mod choice;
mod confusion;
mod doctypes;
mod document;
mod libxml2;
mod mutate;
mod mutations;
mod peer;
mod pollution;
mod seeds;
mod text;
mod wrapping;
