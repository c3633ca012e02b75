//! Writes XML directly in exclusive canonical form (exc-c14n without comments), so that what is digested is what is
//! sent and nothing is ever parsed or serialised again (SAML-208, A-04, A-11).
//!
//! The caller names elements, namespaces and attributes with literals and keeps their order (namespace
//! declarations by prefix, then attributes by name; checked in debug builds); values are data and are escaped
//! here. There is no way to write raw mark-up but [`Writer::insert`] and [`Writer::written`], which take what another
//! writer made.

use super::is_xml_text;

/// Text with a character that XML 1.0 can't carry, such as U+0000 (A-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalCharacter {
    /// The element or attribute it was meant for.
    pub place: &'static str,
}

impl std::fmt::Display for IllegalCharacter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the value of {} holds a character that XML can't carry", self.place)
    }
}

impl std::error::Error for IllegalCharacter {}

/// An XML document in the making.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    open: Vec<&'static str>,
    in_tag: bool,
    last_attribute: &'static str,
    fault: Option<IllegalCharacter>,
}

impl Writer {
    /// An empty document with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), open: Vec::with_capacity(8), ..Self::default() }
    }

    /// Opens an element: `open("saml:Issuer")`.
    pub fn open(&mut self, name: &'static str) -> &mut Self {
        self.finish_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.open.push(name);
        self.in_tag = true;
        self.last_attribute = "";
        self
    }

    /// Declares a namespace on the element just opened. Only where exclusive canonicalisation would render it:
    /// the prefix is used by this element and by no ancestor, or stands in an `InclusiveNamespaces` list.
    pub fn namespace(&mut self, prefix: &'static str, uri: &'static str) -> &mut Self {
        debug_assert!(self.in_tag && self.last_attribute.is_empty(), "namespaces come before attributes");
        self.out.push_str(" xmlns:");
        self.out.push_str(prefix);
        self.out.push_str("=\"");
        self.out.push_str(uri);
        self.out.push('"');
        self
    }

    /// An attribute of the element just opened, in the order of names.
    pub fn attribute(&mut self, name: &'static str, value: &str) -> &mut Self {
        debug_assert!(
            self.in_tag && self.last_attribute < name,
            "attributes come in the order of their names"
        );
        self.last_attribute = name;
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.escape(value, name, attribute_escape);
        self.out.push('"');
        self
    }

    /// An attribute that may be absent.
    pub fn attribute_if(&mut self, name: &'static str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.attribute(name, value);
        }
        self
    }

    /// Text inside the open element.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.finish_tag();
        let place = self.open.last().copied().unwrap_or("the document");
        self.escape(value, place, text_escape);
        self
    }

    /// Closes the innermost open element; canonical form has no `<a/>`.
    pub fn close(&mut self) -> &mut Self {
        self.finish_tag();
        if let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        self
    }

    /// An element that holds only text.
    pub fn leaf(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.open(name).text(text).close()
    }

    /// Where the next byte goes, with the open tag finished: for digests over what comes between two positions.
    pub fn position(&mut self) -> usize {
        self.finish_tag();
        self.out.len()
    }

    /// What was written from a position on.
    #[must_use]
    pub fn written_from(&self, position: usize) -> &str {
        &self.out[position..]
    }

    /// Puts finished mark-up of another writer at a position: the signature, after the digest was taken.
    pub fn insert(&mut self, position: usize, written: &str) {
        self.out.insert_str(position, written);
    }

    /// Appends finished mark-up of another writer inside the open element.
    pub fn written(&mut self, written: &str) -> &mut Self {
        self.finish_tag();
        self.out.push_str(written);
        self
    }

    /// The document, unless a value held a character that XML can't carry.
    ///
    /// # Panics
    /// In debug builds, when an element was left open.
    pub fn finish(self) -> Result<String, IllegalCharacter> {
        debug_assert!(self.open.is_empty() && !self.in_tag, "an element was left open");
        match self.fault {
            None => Ok(self.out),
            Some(fault) => Err(fault),
        }
    }

    /// The first value that XML can't carry so far.
    pub fn fault(&self) -> Option<IllegalCharacter> {
        self.fault
    }

    fn finish_tag(&mut self) {
        if self.in_tag {
            self.out.push('>');
            self.in_tag = false;
        }
    }

    fn escape(&mut self, value: &str, place: &'static str, entity: impl Fn(u8) -> Option<&'static str>) {
        if !is_xml_text(value) {
            self.fault.get_or_insert(IllegalCharacter { place });
            return;
        }
        push_escaped(&mut self.out, value, entity);
    }
}

/// Appends `value` with the bytes that `entity` knows replaced.
pub(super) fn push_escaped(out: &mut String, value: &str, entity: impl Fn(u8) -> Option<&'static str>) {
    // Most values hold none, and a loop without an early end looks at many bytes at once.
    if !value.bytes().fold(false, |found, byte| found | entity(byte).is_some()) {
        out.push_str(value);
        return;
    }
    let mut copied = 0;
    for (at, byte) in value.bytes().enumerate() {
        if let Some(entity) = entity(byte) {
            out.push_str(&value[copied..at]);
            out.push_str(entity);
            copied = at + 1;
        }
    }
    out.push_str(&value[copied..]);
}

/// Canonical XML 1.0, 2.3: escapes of text nodes.
pub(super) fn text_escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    }
}

/// Canonical XML 1.0, 2.3: escapes of attribute values.
pub(super) fn attribute_escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_11_values_never_become_mark_up() {
        let mut w = Writer::default();
        w.open("a").attribute("b", "\"><x y='&\t\n\r").text("]]></a><a>&amp;\r\"").close();
        assert_eq!(
            w.finish().unwrap(),
            "<a b=\"&quot;>&lt;x y='&amp;&#x9;&#xA;&#xD;\">]]&gt;&lt;/a&gt;&lt;a&gt;&amp;amp;&#xD;\"</a>"
        );
    }

    #[test]
    fn a_11_characters_outside_xml_are_refused_with_their_place() {
        for bad in ["\0", "a\u{1}", "\u{b}", "\u{fffe}", "x\u{ffff}y", "\u{1f}"] {
            let mut w = Writer::default();
            w.open("saml:NameID").text(bad).close();
            assert_eq!(w.finish(), Err(IllegalCharacter { place: "saml:NameID" }), "{bad:?}");
        }
        for good in ["\t\n\r", "\u{7f}", "\u{85}", "\u{2028}", "\u{fffd}", "\u{10000}", "\u{10ffff}", "é"] {
            assert!(is_xml_text(good), "{good:?}");
        }
    }

    #[test]
    fn empty_elements_have_an_end_tag() {
        let mut w = Writer::default();
        w.open("a").open("b").namespace("n", "urn:n").attribute_if("c", None).close().close();
        assert_eq!(w.finish().unwrap(), "<a><b xmlns:n=\"urn:n\"></b></a>");
    }
}
