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

/// Whether the text is an `NCName` (Namespaces in XML 1.0, production 4; XML 1.0, productions 4 and 4a).
#[must_use]
pub fn is_nc_name(text: &str) -> bool {
    let starts = |c: char| {
        matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |c: char| matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}');
    let mut chars = text.chars();
    chars.next().is_some_and(starts) && chars.all(|c| starts(c) || goes_on(c))
}
