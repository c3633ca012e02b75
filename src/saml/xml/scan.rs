//! The pass before the parser: one linear walk over the octets that refuses what is too large, too deep, too wide or
//! forbidden altogether (document types, entities, processing instructions), so that the DOM is only ever built
//! over something small and plain (SAML-102, A-07, A-09). It refuses only; what it lets through is still parsed
//! strictly.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{is_nc_name, is_xml_text};

/// How much of everything a document may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole.
    pub total: usize,
    /// Nesting of elements.
    pub depth: usize,
    /// Elements of the whole.
    pub elements: usize,
    /// Attributes of one element, namespace declarations apart.
    pub attributes: usize,
    /// Namespace declarations of one element.
    pub namespaces: usize,
    /// Namespace declarations in force at one place: looking up a prefix takes that long.
    pub namespaces_in_scope: usize,
    /// Bytes of one text node or attribute value.
    pub text: usize,
    /// Whether processing instructions are tolerated before and after the root element, and passed over.
    pub outer_instructions: bool,
}

impl Limits {
    /// For protocol messages.
    pub const MESSAGE: Self = Self {
        total: 128 * 1024,
        depth: 32,
        elements: 2000,
        attributes: 64,
        namespaces: 32,
        namespaces_in_scope: 256,
        text: 64 * 1024,
        outer_instructions: false,
    };
    /// For uploaded metadata (MD-302).
    pub const METADATA: Self = Self {
        total: 2 * 1024 * 1024,
        depth: 48,
        elements: 50_000,
        attributes: 64,
        namespaces: 64,
        namespaces_in_scope: 256,
        text: 512 * 1024,
        outer_instructions: true,
    };
    /// For aggregates of metadata, which are read in a process of their own (MD-302).
    pub const AGGREGATE: Self = Self { total: 64 * 1024 * 1024, elements: 4_000_000, ..Self::METADATA };
}

/// Why octets are not a document that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum XmlFault {
    /// Larger than [`Limits::total`].
    TooLarge,
    /// Not UTF-8, or declared as something else.
    NotUtf8,
    /// Not XML 1.0, or not well-formed.
    NotWellFormed,
    /// It has a document type.
    Doctype,
    /// It refers to an entity other than the five predefined ones.
    Entity,
    /// It has a processing instruction where none may be.
    ProcessingInstruction,
    /// Nested too deep.
    TooDeep,
    /// Too many elements.
    TooManyElements,
    /// Too many attributes on one element.
    TooManyAttributes,
    /// Too many namespace declarations on one element.
    TooManyNamespaces,
    /// A text or attribute value is too long.
    TextTooLong,
    /// Two elements have one ID.
    DuplicateId,
    /// An ID by another name: `xml:id`, or an ID attribute in a namespace.
    ForeignId,
    /// Comments, CDATA or elements inside what must be plain text.
    MixedContent,
    /// It can't be canonicalised.
    NotCanonical,
}

impl XmlFault {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::TooLarge,
        Self::NotUtf8,
        Self::NotWellFormed,
        Self::Doctype,
        Self::Entity,
        Self::ProcessingInstruction,
        Self::TooDeep,
        Self::TooManyElements,
        Self::TooManyAttributes,
        Self::TooManyNamespaces,
        Self::TextTooLong,
        Self::DuplicateId,
        Self::ForeignId,
        Self::MixedContent,
        Self::NotCanonical,
    ];

    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "xml_too_large",
            Self::NotUtf8 => "xml_not_utf8",
            Self::NotWellFormed => "xml_not_well_formed",
            Self::Doctype => "xml_doctype",
            Self::Entity => "xml_entity",
            Self::ProcessingInstruction => "xml_processing_instruction",
            Self::TooDeep => "xml_too_deep",
            Self::TooManyElements => "xml_too_many_elements",
            Self::TooManyAttributes => "xml_too_many_attributes",
            Self::TooManyNamespaces => "xml_too_many_namespaces",
            Self::TextTooLong => "xml_text_too_long",
            Self::DuplicateId => "xml_duplicate_id",
            Self::ForeignId => "xml_foreign_id",
            Self::MixedContent => "xml_mixed_content",
            Self::NotCanonical => "xml_not_canonical",
        }
    }

    /// What is wrong, as the end of a sentence: "… because it is not UTF-8".
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "it is too large",
            Self::NotUtf8 => "it is not UTF-8",
            Self::NotWellFormed => "it is not well-formed XML",
            Self::Doctype => "it has a document type declaration",
            Self::Entity => "it uses entities",
            Self::ProcessingInstruction => "it has a processing instruction",
            Self::TooDeep => "its elements are nested too deep",
            Self::TooManyElements => "it has too many elements",
            Self::TooManyAttributes => "an element has too many attributes",
            Self::TooManyNamespaces => "an element declares too many namespaces",
            Self::TextTooLong => "a value in it is too long",
            Self::DuplicateId => "two elements have the same ID",
            Self::ForeignId => "it uses ID attributes that SAML does not have",
            Self::MixedContent => "a value in it is mixed with comments or mark-up",
            Self::NotCanonical => "it can't be brought into canonical form",
        }
    }
}

impl fmt::Display for XmlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for XmlFault {}

/// Decodes, normalises line ends (XML 1.0, 2.11) and checks the limits.
pub(super) fn prepare(octets: &[u8], limits: &Limits) -> Result<String, XmlFault> {
    if octets.len() > limits.total {
        return Err(XmlFault::TooLarge);
    }
    let text = std::str::from_utf8(octets).map_err(|_| XmlFault::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // One mark of the byte order may stand there. The parser would take a second one away, which is a character.
    if text.starts_with('\u{feff}') || !is_xml_text(text) {
        return Err(XmlFault::NotWellFormed);
    }
    let text =
        if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() };
    Scan { text: &text, at: 0, limits, scopes: Vec::new(), in_scope: 0, elements: 0 }.run()?;
    Ok(text)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    limits: &'a Limits,
    /// Namespace declarations of each open element.
    scopes: Vec<usize>,
    in_scope: usize,
    elements: usize,
}

impl<'a> Scan<'a> {
    fn run(mut self) -> Result<(), XmlFault> {
        self.declaration()?;
        while let Some(ahead) = self.rest().find('<') {
            self.check_text(&self.rest()[..ahead])?;
            self.at += ahead;
            self.mark_up()?;
        }
        self.check_text(self.rest())?;
        if self.elements == 0 || !self.scopes.is_empty() { Err(XmlFault::NotWellFormed) } else { Ok(()) }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes behind the next `end` and answers what came before it.
    fn pass(&mut self, start: &str, end: &str) -> Result<&'a str, XmlFault> {
        let inner = &self.rest()[start.len()..];
        let length = inner.find(end).ok_or(XmlFault::NotWellFormed)?;
        self.at += start.len() + length + end.len();
        Ok(&inner[..length])
    }

    fn declaration(&mut self) -> Result<(), XmlFault> {
        if !self.text.starts_with("<?xml") || !self.text[5..].starts_with([' ', '\t', '\n']) {
            return Ok(());
        }
        // To the letter (XML 1.0, 2.8): a reader that finds another encoding in it reads another document.
        let mut rest = self.pass("<?xml", "?>")?;
        if pseudo_attribute(&mut rest, "version") != Some("1.0") {
            return Err(XmlFault::NotWellFormed);
        }
        if pseudo_attribute(&mut rest, "encoding").is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
            return Err(XmlFault::NotUtf8);
        }
        let standalone = pseudo_attribute(&mut rest, "standalone");
        let is_whole = rest.trim_matches(SPACE).is_empty() && matches!(standalone, None | Some("yes" | "no"));
        if is_whole { Ok(()) } else { Err(XmlFault::NotWellFormed) }
    }

    fn mark_up(&mut self) -> Result<(), XmlFault> {
        let rest = self.rest();
        if rest.starts_with("<!--") {
            self.pass("<!--", "-->").map(|_| ())
        } else if rest.starts_with("<![CDATA[") {
            let inner = self.pass("<![CDATA[", "]]>")?;
            if inner.len() > self.limits.text { Err(XmlFault::TextTooLong) } else { Ok(()) }
        } else if rest.starts_with("<!") {
            Err(XmlFault::Doctype)
        } else if rest.starts_with("<?") {
            if !self.limits.outer_instructions || !self.scopes.is_empty() {
                return Err(XmlFault::ProcessingInstruction);
            }
            // The parser takes anything for a target (XML 1.0, 2.6).
            let target = self.pass("<?", "?>")?.split(SPACE).next().unwrap_or_default();
            let is_plain = is_nc_name(target) && !target.eq_ignore_ascii_case("xml");
            if is_plain { Ok(()) } else { Err(XmlFault::NotWellFormed) }
        } else if rest.starts_with("</") {
            self.in_scope -= self.scopes.pop().ok_or(XmlFault::NotWellFormed)?;
            let name = self.pass("</", ">")?;
            if is_qualified(name.trim_end_matches(SPACE)) { Ok(()) } else { Err(XmlFault::NotWellFormed) }
        } else {
            self.start_tag()
        }
    }

    fn start_tag(&mut self) -> Result<(), XmlFault> {
        let bytes = self.text.as_bytes();
        let (mut attributes, mut declared) = (0, Vec::new());
        // What stands between two quoted values holds the next attribute's name.
        let mut between = self.at;
        let mut at = self.at + 1;
        let name = self.text[at..].split([' ', '\t', '\n', '/', '>']).next().unwrap_or_default();
        if !is_qualified(name) || name.starts_with("xmlns:") {
            return Err(XmlFault::NotWellFormed);
        }
        loop {
            match bytes.get(at) {
                None | Some(b'<') => return Err(XmlFault::NotWellFormed),
                Some(b'>') => break,
                Some(&quote @ (b'"' | b'\'')) => {
                    let name = &self.text[between..at];
                    let name = name.trim_end_matches(['=', ' ', '\t', '\n']);
                    let name = name.rsplit([' ', '\t', '\n']).next().unwrap_or_default();
                    let declares = name == "xmlns" || name.starts_with("xmlns:");
                    // The parser lets the default namespace be declared twice.
                    if !is_qualified(name) || (declares && declared.contains(&name)) {
                        return Err(XmlFault::NotWellFormed);
                    }
                    if !declares {
                        attributes += 1;
                    } else if declared.len() < self.limits.namespaces {
                        declared.push(name);
                    } else {
                        return Err(XmlFault::TooManyNamespaces);
                    }
                    let value = &self.text[at + 1..];
                    let length = value.find(char::from(quote)).ok_or(XmlFault::NotWellFormed)?;
                    // A prefix can't be undeclared (Namespaces in XML 1.0, section 5); not every parser minds.
                    if length == 0 && name.starts_with("xmlns:") {
                        return Err(XmlFault::NotWellFormed);
                    }
                    self.check_value(&value[..length])?;
                    at += length + 2;
                    between = at;
                }
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        self.elements += 1;
        let (limits, namespaces) = (self.limits, declared.len());
        for (count, limit, fault) in [
            (self.scopes.len() + 1, limits.depth, XmlFault::TooDeep),
            (self.elements, limits.elements, XmlFault::TooManyElements),
            (attributes, limits.attributes, XmlFault::TooManyAttributes),
            (self.in_scope + namespaces, limits.namespaces_in_scope, XmlFault::TooManyNamespaces),
        ] {
            if count > limit {
                return Err(fault);
            }
        }
        if bytes[at - 1] != b'/' {
            self.scopes.push(namespaces);
            self.in_scope += namespaces;
        }
        Ok(())
    }

    fn check_text(&self, text: &str) -> Result<(), XmlFault> {
        if text.contains("]]>") { Err(XmlFault::NotWellFormed) } else { self.check_value(text) }
    }

    /// A text or attribute value: its length, and that it refers to nothing but characters.
    fn check_value(&self, value: &str) -> Result<(), XmlFault> {
        if value.len() > self.limits.text {
            return Err(XmlFault::TextTooLong);
        }
        for after in value.split('&').skip(1) {
            let name = after.split_once(';').map_or("", |(name, _)| name);
            let character = match name.strip_prefix('#') {
                None if matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") => continue,
                None => return Err(XmlFault::Entity),
                Some(_) if name.len() > 12 => None,
                Some(number) => match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                },
            };
            let legal =
                character.and_then(char::from_u32).is_some_and(|c| is_xml_text(c.encode_utf8(&mut [0; 4])));
            if !legal {
                return Err(XmlFault::NotWellFormed);
            }
        }
        Ok(())
    }
}

/// White space, once line ends are normalised.
const SPACE: [char; 3] = [' ', '\t', '\n'];

/// Takes ` name = "value"` off the front of what is left of a declaration.
fn pseudo_attribute<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let value = rest.strip_prefix(SPACE)?.trim_start_matches(SPACE).strip_prefix(name)?;
    let value = value.trim_start_matches(SPACE).strip_prefix('=')?.trim_start_matches(SPACE);
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, after) = value[1..].split_once(quote)?;
    *rest = after;
    Some(value)
}

/// Whether a name has one colon at most, and something on either side of it (Namespaces in XML 1.0, section 4). The
/// parser takes `:ID` for `ID` and `p:xmlns` for `xmlns`, which others don't.
fn is_qualified(name: &str) -> bool {
    name.split_once(':').is_none_or(|(prefix, local)| {
        !prefix.is_empty() && !local.is_empty() && !local.contains(':') && local != "xmlns"
    })
}
