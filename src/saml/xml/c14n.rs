//! Exclusive XML Canonicalization 1.0 without comments over a subtree. Anything that it can't represent for certain
//! is an error, never an empty result.

use std::collections::BTreeMap;

use roxmltree::{Node, NodeId, NodeType};

use super::scan::XmlFault;
use super::writer::{attribute_escape, push_escaped, text_escape};
use crate::saml::names::XML;

const MAX_DEPTH: usize = 64;

/// The canonical form of the element `apex`, leaving out the subtree `except`. `inclusive` is the PrefixList of
/// `InclusiveNamespaces`; `#default` stands for no prefix.
pub fn exclusive(apex: Node<'_, '_>, inclusive: &[&str], except: Option<NodeId>) -> Result<String, XmlFault> {
    let inclusive = inclusive.iter().map(|prefix| if *prefix == "#default" { "" } else { *prefix }).collect();
    let mut form = Form { out: String::with_capacity(4096), rendered: Vec::new(), inclusive, except };
    if !apex.is_element() {
        return Err(XmlFault::NotCanonical);
    }
    form.element(apex, 0)?;
    Ok(form.out)
}

struct Form<'a> {
    out: String,
    /// Namespaces rendered on the way down, innermost last.
    rendered: Vec<(&'a str, &'a str)>,
    inclusive: Vec<&'a str>,
    except: Option<NodeId>,
}

impl<'a> Form<'a> {
    fn element<'i: 'a>(&mut self, node: Node<'a, 'i>, depth: usize) -> Result<(), XmlFault> {
        if depth > MAX_DEPTH {
            return Err(XmlFault::NotCanonical);
        }
        let name = qualified_name(node)?;
        let outer = self.rendered.len();
        self.out.push('<');
        self.out.push_str(name);
        self.namespaces(node, name)?;
        self.attributes(node)?;
        self.out.push('>');
        for child in node.children() {
            if Some(child.id()) == self.except {
                continue;
            }
            match child.node_type() {
                NodeType::Element => self.element(child, depth + 1)?,
                NodeType::Text => {
                    push_escaped(&mut self.out, child.text().ok_or(XmlFault::NotCanonical)?, text_escape);
                }
                NodeType::Comment => {}
                NodeType::PI | NodeType::Root => return Err(XmlFault::NotCanonical),
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.rendered.truncate(outer);
        Ok(())
    }

    /// Renders the declarations that are visibly used here, or asked for by name, and not in force already
    /// (exc-c14n, section 3).
    fn namespaces<'i: 'a>(&mut self, node: Node<'a, 'i>, name: &'a str) -> Result<(), XmlFault> {
        let mut wanted: BTreeMap<&'a str, &'a str> = BTreeMap::new();
        let prefix = prefix_of(name);
        wanted.insert(prefix, in_scope(node, prefix).unwrap_or_default());
        for attribute in node.attributes() {
            let prefix = prefix_of(attribute_name(node, &attribute)?);
            if !prefix.is_empty() {
                wanted.insert(prefix, in_scope(node, prefix).ok_or(XmlFault::NotCanonical)?);
            }
        }
        for prefix in &self.inclusive {
            match in_scope(node, prefix) {
                Some(uri) => drop(wanted.insert(prefix, uri)),
                None if prefix.is_empty() => drop(wanted.insert("", "")),
                None => {}
            }
        }
        wanted.remove("xml");
        for (prefix, uri) in wanted {
            let in_force =
                self.rendered.iter().rev().find(|(known, _)| *known == prefix).map(|(_, uri)| *uri);
            if in_force == Some(uri) || (uri.is_empty() && in_force.is_none()) {
                continue;
            }
            if !uri.is_empty() && !is_absolute(uri) {
                return Err(XmlFault::NotCanonical);
            }
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(prefix);
            self.out.push_str("=\"");
            push_escaped(&mut self.out, uri, attribute_escape);
            self.out.push('"');
            self.rendered.push((prefix, uri));
        }
        Ok(())
    }

    fn attributes<'i: 'a>(&mut self, node: Node<'a, 'i>) -> Result<(), XmlFault> {
        let mut attributes: Vec<_> = node.attributes().collect();
        attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
        for attribute in attributes {
            self.out.push(' ');
            self.out.push_str(attribute_name(node, &attribute)?);
            self.out.push_str("=\"");
            push_escaped(&mut self.out, attribute.value(), attribute_escape);
            self.out.push('"');
        }
        Ok(())
    }
}

/// The element's name with its prefix, which the tree does not keep: read from the source and held against the
/// resolved name.
fn qualified_name<'a>(node: Node<'a, '_>) -> Result<&'a str, XmlFault> {
    let source = &node.document().input_text()[node.range()];
    let source = source.strip_prefix('<').ok_or(XmlFault::NotCanonical)?;
    let end = source.find([' ', '\t', '\n', '\r', '/', '>']).ok_or(XmlFault::NotCanonical)?;
    let name = &source[..end];
    let resolved = node.tag_name();
    let agrees = local_of(name) == resolved.name()
        && in_scope(node, prefix_of(name)).unwrap_or_default() == resolved.namespace().unwrap_or_default();
    if agrees { Ok(name) } else { Err(XmlFault::NotCanonical) }
}

fn attribute_name<'a>(
    node: Node<'a, '_>,
    attribute: &roxmltree::Attribute<'a, '_>,
) -> Result<&'a str, XmlFault> {
    let name = node.document().input_text().get(attribute.range_qname()).ok_or(XmlFault::NotCanonical)?;
    let prefix = prefix_of(name);
    let namespace = if prefix.is_empty() { None } else { in_scope(node, prefix) };
    if local_of(name) == attribute.name() && namespace == attribute.namespace() {
        Ok(name)
    } else {
        Err(XmlFault::NotCanonical)
    }
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn local_of(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn in_scope<'a>(node: Node<'a, '_>, prefix: &str) -> Option<&'a str> {
    if prefix == "xml" {
        return Some(XML);
    }
    node.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix)).filter(|uri| !uri.is_empty())
}

/// Whether a namespace name is a URI with a scheme: relative ones have no canonical form (Canonical XML 1.0, section
/// 1.3), and what is no URI (RFC 3986, section 2) is refused by other canonicalisers.
fn is_absolute(uri: &str) -> bool {
    let of_uris = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    uri.bytes().all(of_uris)
        && uri.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::xml::reader::Source;
    use crate::saml::xml::scan::Limits;

    fn canonical(text: &str, inclusive: &[&str]) -> Result<String, XmlFault> {
        let source = Source::new(text.as_bytes(), &Limits::METADATA)?;
        exclusive(source.parse()?.root_element(), inclusive, None)
    }

    #[test]
    fn a_04_exclusive_form_of_awkward_documents() {
        let cases = [
            ("<a/>", "<a></a>"),
            ("<a  b = 'x' a=\"y\" ></a >", "<a a=\"y\" b=\"x\"></a>"),
            ("<a\tb='&#9;&#10;&#13;&lt;\"'/>", "<a b=\"&#x9;&#xA;&#xD;&lt;&quot;\"></a>"),
            ("<a b='1\t2\r\n3\r4'/>", "<a b=\"1 2 3 4\"></a>"),
            ("<a>1\r\n2\r3&#13;<![CDATA[<&]]></a>", "<a>1\n2\n3&#xD;&lt;&amp;</a>"),
            ("<a><!-- c -->x</a>", "<a>x</a>"),
            (
                "<n:a xmlns:n='u:n' xmlns:m='u:m'><m:b/><m:b/></n:a>",
                "<n:a xmlns:n=\"u:n\"><m:b xmlns:m=\"u:m\"></m:b><m:b xmlns:m=\"u:m\"></m:b></n:a>",
            ),
            (
                "<a xmlns='u:a'><b xmlns=''><c xmlns='u:a'/></b></a>",
                "<a xmlns=\"u:a\"><b xmlns=\"\"><c xmlns=\"u:a\"></c></b></a>",
            ),
            (
                "<a xmlns='u:a' xmlns:z='u:z' xmlns:b='u:b' z:x='1' b:y='2' c='3'/>",
                "<a xmlns=\"u:a\" xmlns:b=\"u:b\" xmlns:z=\"u:z\" c=\"3\" b:y=\"2\" z:x=\"1\"></a>",
            ),
            ("<a xml:lang='en'><b xml:lang='de'/></a>", "<a xml:lang=\"en\"><b xml:lang=\"de\"></b></a>"),
            ("<n:a\n xmlns:n='u:n'\n/>", "<n:a xmlns:n=\"u:n\"></n:a>"),
            ("<n:a xmlns:n='u:n&amp;x'/>", "<n:a xmlns:n=\"u:n&amp;x\"></n:a>"),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text, &[]).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(
            canonical(
                "<n:a xmlns:n='u:n' xmlns:xs='u:xs' xmlns='u:d'><n:b/></n:a>",
                &["xs", "#default", "no"]
            )
            .as_deref(),
            Ok("<n:a xmlns=\"u:d\" xmlns:n=\"u:n\" xmlns:xs=\"u:xs\"><n:b></n:b></n:a>")
        );
    }

    #[test]
    fn a_06_what_has_no_canonical_form_is_an_error() {
        for text in [
            "<a xmlns='relative'/>",
            "<n:a xmlns:n='../x'/>",
            "<a xmlns:n='n' n:b=''/>",
            "<a xmlns='u:\u{e9}'/>",
        ] {
            assert_eq!(canonical(text, &[]), Err(XmlFault::NotCanonical), "{text}");
        }
    }

    #[test]
    fn a_subtree_carries_the_namespaces_of_its_ancestors_and_leaves_out_the_exception() {
        let source = Source::new(b"<r xmlns:n='u:n'><n:a><s/><t/></n:a></r>", &Limits::MESSAGE).unwrap();
        let document = source.parse().unwrap();
        let a = document.root_element().first_element_child().unwrap();
        let s = a.first_element_child().unwrap().id();
        assert_eq!(exclusive(a, &[], Some(s)).unwrap(), "<n:a xmlns:n=\"u:n\"><t></t></n:a>");
    }
}
