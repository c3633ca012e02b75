//! Octets → checked text → one DOM that verification and reading share. The text is owned by [`Source`], the
//! tree borrows it.

use roxmltree::{Document, Node, ParsingOptions};

use super::scan::{self, Limits, XmlFault};

/// The text of a document that passed the limits.
#[derive(Debug)]
pub struct Source {
    text: String,
    limits: Limits,
}

impl Source {
    /// Checks octets against the limits and forbidden things.
    pub fn new(octets: &[u8], limits: &Limits) -> Result<Self, XmlFault> {
        Ok(Self { text: scan::prepare(octets, limits)?, limits: *limits })
    }

    /// The tree.
    pub fn parse(&self) -> Result<Document<'_>, XmlFault> {
        // Each element may bring a text before and after it; comments count too.
        let nodes_limit = u32::try_from(self.limits.elements * 4).unwrap_or(u32::MAX);
        let options = ParsingOptions { allow_dtd: false, nodes_limit, entity_resolver: None };
        Document::parse_with_options(&self.text, options).map_err(|error| match error {
            roxmltree::Error::NodesLimitReached => XmlFault::TooManyElements,
            _ => XmlFault::NotWellFormed,
        })
    }
}

/// Refuses two elements with one ID, and IDs by names that SAML does not know: an attacker's way of making one
/// reference mean two things.
pub fn check_ids(document: &Document<'_>) -> Result<(), XmlFault> {
    let mut seen = std::collections::HashSet::new();
    for attribute in document.descendants().flat_map(|node| node.attributes()) {
        if !attribute.name().eq_ignore_ascii_case("id") {
            continue;
        }
        if attribute.namespace().is_some() {
            return Err(XmlFault::ForeignId);
        }
        if !seen.insert(attribute.value()) {
            return Err(XmlFault::DuplicateId);
        }
    }
    Ok(())
}

/// The text of an element that must hold plain text only. A comment, CDATA section or element in it is refused: two
/// readers could disagree on where the value ends (A-05, CVE-2017-11428).
pub fn plain_text<'a>(element: Node<'a, '_>) -> Result<&'a str, XmlFault> {
    let source = &element.document().input_text()[element.range()];
    let mut children = element.children();
    match (children.next(), children.next()) {
        (None, _) => Ok(""),
        (Some(only), None) if only.is_text() && !source.contains("<!") => {
            only.text().ok_or(XmlFault::MixedContent)
        }
        _ => Err(XmlFault::MixedContent),
    }
}

/// Whether the element has this name.
pub fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The direct children of this name.
pub fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The one direct child of this name, if there is one; two are refused.
pub fn child<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, XmlFault> {
    let mut found = children(node, namespace, name);
    let first = found.next();
    if found.next().is_some() { Err(XmlFault::MixedContent) } else { Ok(first) }
}

/// An attribute without namespace.
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|a| a.namespace().is_none() && a.name() == name).map(|a| a.value())
}

/// `xs:boolean`: both spellings of each (SAML-107).
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim_matches([' ', '\t', '\n']) {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: impl AsRef<[u8]>) -> Option<XmlFault> {
        let source = match Source::new(text.as_ref(), &Limits::MESSAGE) {
            Ok(source) => source,
            Err(fault) => return Some(fault),
        };
        source.parse().and_then(|document| check_ids(&document)).err()
    }

    #[test]
    fn saml_102_document_types_entities_and_instructions_are_refused() {
        let doctypes = [
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a []><a/>",
            "<!DOCTYPE a SYSTEM 'http://evil.example/x.dtd'><a/>",
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<!DOCTYPE a PUBLIC '-//X//Y' 'http://evil.example/x.dtd'><a/>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://evil.example/'> %x;]><a/>",
            "<!DOCTYPE a [<!ENTITY a '1234567890'><!ENTITY b '&a;&a;&a;'>]><a>&b;</a>",
            "<!DOCTYPE a [<!ATTLIST a ID ID #IMPLIED>]><a ID='x'/>",
            "<!DOCTYPE a [<!ELEMENT a ANY>]><a/>",
            "<!DOCTYPE a [<!NOTATION n SYSTEM 'x'>]><a/>",
            "<?xml version='1.0'?><!DOCTYPE a><a/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE a><a/>",
            "\u{feff}<!DOCTYPE a><a/>",
            "  <!DOCTYPE a><a/>",
            "<!-- decoy --><!DOCTYPE a><a/>",
            "<!-- <!DOCTYPE b> --><!DOCTYPE a><a/>",
            "<!doctype a><a/>",
            "<!Doctype a><a/>",
            "<!DOCTYPE><a/>",
            "<!DOCTYPE\na><a/>",
            "<! DOCTYPE a><a/>",
            "<a/><!DOCTYPE a>",
            "<a><!DOCTYPE a></a>",
            "<a><b/><!ENTITY x 'y'></a>",
            "<!ENTITY x 'y'><a/>",
            "<!ELEMENT a ANY><a/>",
            "<!DOCTYPE a [<!ENTITY lt '&#38;#60;'>]><a/>",
            "<!DOCTYPE html><html/>",
        ];
        assert!(doctypes.len() >= 30);
        for text in doctypes {
            assert_eq!(fault(text), Some(XmlFault::Doctype), "{text}");
        }
        for text in ["<a>&x;</a>", "<a b='&x;'/>", "<a>&;</a>", "<a>&amp</a>", "<a>& </a>", "<a>&AMP;</a>"] {
            assert_eq!(fault(text), Some(XmlFault::Entity), "{text}");
        }
        for text in [
            "<?p q?><a/>",
            "<a><?p?></a>",
            "<a/><?p?>",
            "<?xml-stylesheet href='x'?><a/>",
            "<a b='1'>x<?p q?></a>",
        ] {
            assert_eq!(fault(text), Some(XmlFault::ProcessingInstruction), "{text}");
        }
        let utf16: Vec<u8> = "\u{feff}<!DOCTYPE a><a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(fault(utf16), Some(XmlFault::NotUtf8));
        assert_eq!(fault("<?xml version='1.0' encoding='UTF-16'?><a/>"), Some(XmlFault::NotUtf8));
        assert_eq!(fault("<?xml version='1.0' encoding='ISO-8859-1'?><a/>"), Some(XmlFault::NotUtf8));
        for declaration in [
            "version='1.1'",
            "version--='1.0'",
            "version='1.0'encoding='utf-8'",
            "version='1.0' standalone=\"encoding='utf-8'\" encoding='utf-16'",
            "version='1.0' standalone='maybe'",
            "version='1.0' xencoding='utf-8'",
            "encoding='utf-8' version='1.0'",
            "encoding='utf-8'",
            "version='1.0\"",
        ] {
            let text = format!("<?xml {declaration}?><a/>");
            assert_eq!(fault(&text), Some(XmlFault::NotWellFormed), "{declaration}");
        }
        assert_eq!(fault("<?xml\tversion = '1.0'\nencoding\t=\"Utf-8\" standalone='no' ?><a/>"), None);
        assert_eq!(
            fault("<?xml version='1.0' encoding=\"utf-8\"?><a>&amp;&#x41;&#65;<!-- <!DOCTYPE x> --></a>"),
            None
        );
        assert_eq!(fault("\u{feff}<a/>"), None, "one mark of the byte order may stand before it");
    }

    #[test]
    fn saml_102_metadata_tolerates_instructions_outside_the_root_only() {
        let read = |text: &str| Source::new(text.as_bytes(), &Limits::METADATA).err();
        assert_eq!(read("<?xml version='1.0'?><?xml-stylesheet href='x'?><a/><?p?>"), None);
        assert_eq!(read("<a><?p?></a>"), Some(XmlFault::ProcessingInstruction));
        // Found by fuzzing: what is a number to Unicode need not be of a name.
        assert_eq!(read("<?xa\u{b9}b?><a/>"), Some(XmlFault::NotWellFormed));
        assert_eq!(read("<?\u{aa}?><a/>"), Some(XmlFault::NotWellFormed));
        assert_eq!(read("<?\u{e9}\u{b7}\u{301}1?><a/>"), None);
        for odd in ["<?p]]>q?><a/>", "<??><a/>", "<? p?><a/>", "<?XML x?><a/>", "<a/><?xml version='1.0'?>"] {
            assert_eq!(read(odd), Some(XmlFault::NotWellFormed), "{odd}");
        }
        assert_eq!(read("<!DOCTYPE a><a/>"), Some(XmlFault::Doctype));
    }

    #[test]
    fn a_09_complexity_is_bounded_before_the_tree_is_built() {
        let many = |n: usize, f: &dyn Fn(usize) -> String| (0..n).map(f).collect::<String>();
        let cases = [
            ("<a>".repeat(33) + &"</a>".repeat(33), XmlFault::TooDeep),
            ("<a>".repeat(40_000), XmlFault::TooDeep),
            (format!("<a>{}</a>", "<b/>".repeat(2000)), XmlFault::TooManyElements),
            (format!("<a{}/>", many(65, &|n| format!(" a{n}=''"))), XmlFault::TooManyAttributes),
            (format!("<a{}/>", many(33, &|n| format!(" xmlns:a{n}='u:'"))), XmlFault::TooManyNamespaces),
            (
                many(9, &|d| format!("<a{}>", many(30, &|n| format!(" xmlns:a{d}x{n}='u:'")))),
                XmlFault::TooManyNamespaces,
            ),
            (format!("<a>{}</a>", "x".repeat(65_537)), XmlFault::TextTooLong),
            (format!("<a b='{}'/>", "x".repeat(65_537)), XmlFault::TextTooLong),
            (format!("<a><![CDATA[{}]]></a>", "x".repeat(65_537)), XmlFault::TextTooLong),
            (format!("<a>{}</a>", "x<!---->".repeat(16_384)), XmlFault::TooLarge),
            (format!("<a>{}</a>", "x<!---->".repeat(16_000)), XmlFault::TooManyElements),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(&text), Some(expected), "{}", &text[..40]);
        }
        assert_eq!(fault("<a>".repeat(32) + &"</a>".repeat(32)), None);
        assert_eq!(fault(format!("<a{}/>", many(64, &|n| format!(" a{n}=''")))), None);
    }

    #[test]
    fn a_10_broken_documents_are_refused_without_panic() {
        for text in [
            "",
            " ",
            "x",
            "<",
            "<a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a b/>",
            "<a b=c/>",
            "<a b='c/>",
            "<a 'b'/>",
            "<!",
            "<!-",
            "<!--",
            "<![CDATA[",
            "<?",
            "<?xml",
            "<?xml ",
            "<?xml?><a/>",
            "<a b='' b=''/>",
            "<a><b></a></b>",
            "<x:a/>",
            "<a>\u{0}</a>",
            "<a>&#0;</a>",
            "<a>&#xFFFE;</a>",
            "<a>&#x110000;</a>",
            "<a>&#xD800;</a>",
            "<a b='<'/>",
            "\u{feff}\u{feff}<a/>",
            "<a/>x",
            "<><a/>",
            "<a xmlns:x=''/>",
            "<a>]]></a>",
            "<a>&#99999999999999999999;</a>",
            "<a>&#;</a>",
            "<a>&#x;</a>",
            "<a><!-- -- --></a>",
            "<a :ID='x'/>",
            "<a ID:='x'/>",
            "<:a/>",
            "<a></:a>",
            "<a xmlns:p='u:p' p:xmlns='u:a'/>",
            "<a p:xmlns='u:a'/>",
            "<a xmlns:xmlns='u:a'/>",
            "<xmlns:a xmlns:xmlns='u:a'/>",
            "<xmlns:a/>",
            "<a xmlns='u:a' xmlns='u:b'/>",
            "<a xmlns='u:a' xmlns='u:a'/>",
            "<a xmlns:p='u:a' xmlns:p='u:b'/>",
            "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
            "<a:/>",
            "<a xmlns:b='u:b'><b:c:d/></a>",
            "<a xmlns:b='u:b' b:c:d=''/>",
            "<a xmlns:='u:b'/>",
        ] {
            assert!(fault(text).is_some(), "{text}");
        }
        assert_eq!(fault([b'<', b'a', 0xff, b'/', b'>']), Some(XmlFault::NotUtf8));
    }

    #[test]
    fn a_02_ids_are_unique_and_plain() {
        assert_eq!(fault("<a ID='x'><b ID='y'/></a>"), None);
        assert_eq!(fault("<a ID='x'><b ID='x'/></a>"), Some(XmlFault::DuplicateId));
        assert_eq!(fault("<a ID='x'><b Id='x'/></a>"), Some(XmlFault::DuplicateId));
        assert_eq!(fault("<a ID='x'><b xml:id='y'/></a>"), Some(XmlFault::ForeignId));
        assert_eq!(fault("<a ID='x' xmlns:n='u:n' n:ID='y'/>"), Some(XmlFault::ForeignId));
    }

    #[test]
    fn a_05_mixed_content_is_not_text() {
        let read = |text: &str| {
            let source = Source::new(text.as_bytes(), &Limits::MESSAGE).unwrap();
            let document = source.parse().unwrap();
            plain_text(document.root_element()).map(str::to_owned)
        };
        assert_eq!(read("<a>https://sp.example&amp;x</a>").as_deref(), Ok("https://sp.example&x"));
        assert_eq!(read("<a></a>").as_deref(), Ok(""));
        for text in [
            "<a>a@x<!---->.evil</a>",
            "<a><!-- -->a</a>",
            "<a>a<!----></a>",
            "<a>a<![CDATA[b]]></a>",
            "<a><![CDATA[b]]></a>",
            "<a>a<b/></a>",
            "<a><b/></a>",
        ] {
            assert_eq!(read(text), Err(XmlFault::MixedContent), "{text}");
        }
    }
}
