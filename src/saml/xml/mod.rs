//! XML as far as SAML needs it: a writer that emits canonical form, a reader that refuses early, exclusive
//! canonicalisation. It knows nothing of SAML's own elements.

pub mod c14n;
pub mod reader;
mod scan;
pub mod writer;

pub use scan::{Limits, XmlFault};

/// Whether every character is one that XML 1.0 can carry at all (production `Char`, section 2.2).
#[must_use]
pub fn is_xml_text(text: &str) -> bool {
    // Most text is printable ASCII, which takes no decoding; without an early end the loop looks at many bytes at once.
    let plain = text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    plain || text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..))
}

/// Whether the text is an `NCName` as far as IDs need one: an ASCII letter, `_` or a non-ASCII letter, then those,
/// digits, `-` and `.` (Namespaces in XML 1.0, production 4).
#[must_use]
pub fn is_nc_name(text: &str) -> bool {
    let mut chars = text.chars();
    let starts = |c: char| c == '_' || c.is_alphabetic();
    chars.next().is_some_and(starts)
        && chars.all(|c| starts(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}'))
}
