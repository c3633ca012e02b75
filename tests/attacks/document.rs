//! Random documents with everything that makes canonicalisation hard: prefixes declared again, defaults undeclared,
//! attributes out of order and in namespaces, references, CDATA, comments, odd white space, characters beyond the BMP.

use std::fmt::Write as _;

use crate::choice::Choice;

/// Each prefix with the namespaces that it may be bound to; two prefixes share one now and then.
const PREFIXES: [(&str, [&str; 3]); 4] = [
    ("a", ["urn:a", "urn:shared", "http://a.example/x?y=z#w"]),
    ("b", ["urn:b", "urn:shared", "urn:b:%C3%A9"]),
    ("long-prefix.1", ["urn:a", "urn:l2", "mailto:l@example.com"]),
    ("\u{e9}", ["urn:e", "urn:b", "urn:E"]),
];
const DEFAULTS: [&str; 4] = ["", "urn:a", "urn:default", "urn:shared"];
const LOCALS: [&str; 6] = ["x", "y", "Z", "long-name.1", "_", "\u{f6}\u{10400}"];
const SPACES: [&str; 6] = [" ", "\n", "\t", " \r\n", "\r", "  \t\n "];
const VALUES: [&str; 14] = [
    "",
    "v",
    "a\tb\nc\rd\r\ne",
    "&lt;&amp;&quot;&apos;&gt;",
    "&#9;&#xA;&#xd;&#32;",
    " lead and  trail ",
    "\u{e9}\u{1d11e}\u{10ffff}",
    "&#x1F600;&#xe9;&#133;\u{85}\u{2028}",
    "]]>",
    ">",
    "<!---->",
    "&#38;lt;",
    "\u{feff}\u{fffd}\u{d7ff}\u{e000}",
    "xmlns:a=&#34;urn:no&#34;",
];
const TEXTS: [&str; 16] = [
    "t",
    "\r\n",
    "a\rb\r\r\nc",
    "&amp;&lt;&gt;&quot;&apos;",
    "&#13;&#xD;\r&#10;",
    "<![CDATA[<&>\"']]>",
    "<![CDATA[]]>",
    "<![CDATA[a\r\nb\rc]]>]<![CDATA[]]>",
    "]]&gt;",
    "\u{e9}\u{1d11e}\u{85}\u{2028}",
    "\t \n",
    "<!-- comment -->",
    "a<!---->b<!--<x>&y;-->",
    "&#x10000;&#xFFFD;",
    "\"'=",
    "]",
];

/// One document. Exactly one of its elements, often not the root, carries `mark="apex"`.
pub fn document(choice: &mut Choice<'_>) -> String {
    let mut out = String::new();
    match choice.below(5) {
        1 => out.push_str("<?xml version='1.0'?>"),
        2 => out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes'?>\r\n"),
        3 => out.push_str("<!-- before --> \n"),
        _ => {}
    }
    let mark_after = choice.below(8);
    Elements { out: &mut out, choice, until_mark: Some(mark_after), scopes: Vec::new() }.element(0);
    if !out.contains("mark=\"apex\"") {
        let at = first_tag_end(&out);
        out.insert_str(at, " mark=\"apex\"");
    }
    if out.len().is_multiple_of(3) {
        out.push_str("\n<!-- after -->\r\n");
    }
    out
}

/// Where the name of the first element ends.
fn first_tag_end(text: &str) -> usize {
    let mut from = 0;
    loop {
        let start = from + text[from..].find('<').expect("an element");
        if text[start + 1..].starts_with(['?', '!']) {
            from = start + 1 + text[start + 1..].find('>').expect("its end");
            continue;
        }
        let rest = &text[start..];
        return start + rest.find([' ', '\t', '\r', '\n', '/', '>']).expect("its name ends");
    }
}

struct Elements<'a, 'c, 'o> {
    out: &'a mut String,
    choice: &'c mut Choice<'o>,
    until_mark: Option<usize>,
    /// For each open element, what each prefix is bound to there.
    scopes: Vec<[&'static str; PREFIXES.len()]>,
}

impl Elements<'_, '_, '_> {
    fn space(&mut self) {
        let space = self.choice.of(&SPACES);
        self.out.push_str(space);
    }

    fn quoted(&mut self, name: &str, value: &str) {
        self.space();
        let around = self.choice.of(&["", "", " ", "\n"]);
        let quote = if self.choice.one_in(2) && !value.contains('\'') { '\'' } else { '"' };
        let value = if quote == '"' { value.replace('"', "&quot;") } else { value.to_owned() };
        write!(self.out, "{name}{around}={around}{quote}{}{quote}", value.replace('<', "&lt;"))
            .expect("a string");
    }

    fn element(&mut self, depth: usize) {
        let prefix = self.choice.below(PREFIXES.len() + 2);
        let local = self.choice.of(&LOCALS);
        let name = PREFIXES.get(prefix).map_or_else(|| local.to_owned(), |(p, _)| format!("{p}:{local}"));
        write!(self.out, "<{name}").expect("a string");
        self.namespaces();
        self.attributes();
        if self.until_mark == Some(0) {
            self.out.push_str(" mark=\"apex\"");
        }
        self.until_mark = self.until_mark.and_then(|left| left.checked_sub(1));
        if self.choice.one_in(5) {
            let end = self.choice.of(&["/>", " />", "\n/>"]);
            self.out.push_str(end);
        } else {
            let end = self.choice.of(&[">", " >", "\r\n>"]);
            self.out.push_str(end);
            for _ in 0..self.choice.below(5) {
                if depth < 6 && self.choice.one_in(2) {
                    self.element(depth + 1);
                } else {
                    let text = self.choice.of(&TEXTS);
                    self.out.push_str(text);
                }
            }
            let end = self.choice.of(&["", " ", "\t\n"]);
            write!(self.out, "</{name}{end}>").expect("a string");
        }
        self.scopes.pop();
    }

    fn namespaces(&mut self) {
        let mut bound = self.scopes.last().copied().unwrap_or([""; PREFIXES.len()]);
        for (at, (prefix, uris)) in PREFIXES.iter().enumerate() {
            if bound[at].is_empty() || self.choice.one_in(5) {
                bound[at] = self.choice.of(uris);
                self.quoted(&format!("xmlns:{prefix}"), bound[at]);
            }
        }
        if self.choice.one_in(3) {
            let uri = self.choice.of(&DEFAULTS);
            self.quoted("xmlns", uri);
        }
        if self.choice.one_in(12) {
            self.quoted("xmlns:xml", "http://www.w3.org/XML/1998/namespace");
        }
        self.scopes.push(bound);
    }

    fn attributes(&mut self) {
        // Two prefixes of one namespace may not carry the same name.
        let bound = *self.scopes.last().expect("inside an element");
        let mut taken: Vec<(&str, &str)> = Vec::new();
        for _ in 0..self.choice.below(6) {
            let prefix = self.choice.below(PREFIXES.len() + 2);
            let local = self.choice.of(&LOCALS);
            let (namespace, name) = match PREFIXES.get(prefix) {
                Some((p, _)) => (bound[prefix], format!("{p}:{local}")),
                None => ("", local.to_owned()),
            };
            if !taken.contains(&(namespace, local)) {
                taken.push((namespace, local));
                let value = self.choice.of(&VALUES);
                self.quoted(&name, value);
            }
        }
        if self.choice.one_in(4) {
            let name = self.choice.of(&["xml:lang", "xml:space", "xml:base", "xml:id"]);
            let value = self.choice.of(&["en", "preserve", "default", "i\u{e9}"]);
            self.quoted(name, value);
        }
    }
}
