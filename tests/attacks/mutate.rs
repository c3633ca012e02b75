//! A mutator that knows XML: it moves, wraps, doubles and renames parts of a validly signed message, which random
//! octets would never hit upon.

use roxmltree::Document;

use crate::choice::Choice;

/// What gets between parts of text: nothing that may change what is read.
const BETWEEN: [&str; 8] =
    ["<!---->", "<!-- x -->", "<?p q?>", "<![CDATA[]]>", "<![CDATA[x]]>", " ", "\n", "&#x20;"];
const WRAPPERS: [(&str, &str); 5] = [
    ("<samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">", "</samlp:Extensions>"),
    ("<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">", "</ds:Object>"),
    ("<saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</saml:Subject>"),
    ("<x xmlns=\"urn:x\">", "</x>"),
    ("<x>", "</x>"),
];
const VALUES: [&str; 16] = [
    "",
    "_evil",
    "#_evil",
    "#_honest",
    "_honest",
    "true",
    "0",
    "2.0",
    "https://sp.example.com/second",
    "https://evil.example/acs",
    "admin@example.com",
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "urn:oasis:names:tc:SAML:2.0:protocol",
    "http://www.w3.org/2000/09/xmldsig#",
];
const ATTRIBUTES: [&str; 10] = [
    " ID=\"_evil\"",
    " xml:id=\"_honest\"",
    " Id=\"_honest\"",
    " ForceAuthn=\"false\"",
    " IsPassive=\"true\"",
    " AssertionConsumerServiceURL=\"https://sp.example.com/second\"",
    " AssertionConsumerServiceIndex=\"7\"",
    " xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
    " xmlns:samlp=\"urn:x\"",
    " xmlns:ds=\"urn:x\"",
];

/// Applies as many mutations as the choices last for, eight at most. `evil` is an unsigned message that would like to
/// be read.
pub fn mutated(signed: &str, evil: &str, choice: &mut Choice<'_>) -> String {
    let mut text = signed.to_owned();
    for _ in 0..8 {
        if choice.is_spent() {
            break;
        }
        text = once(&text, evil, choice);
        if text.len() > 64 * 1024 {
            break;
        }
    }
    text
}

fn once(text: &str, evil: &str, choice: &mut Choice<'_>) -> String {
    let kind = choice.below(20);
    // What can't be parsed any more is only scratched further.
    let Ok(document) = Document::parse(text) else { return scratched(text, choice) };
    let elements: Vec<_> = document.descendants().filter(roxmltree::Node::is_element).collect();
    let one = elements[choice.below(elements.len())].range();
    let two = elements[choice.below(elements.len())].range();
    let tag_end = |range: &std::ops::Range<usize>| {
        let name = text[range.start + 1..].find([' ', '\t', '\n', '/', '>']).unwrap_or(0);
        range.start + 1 + name
    };
    match kind {
        // Doubled, behind itself or somewhere else.
        0 => spliced(text, one.end..one.end, &text[one.clone()]),
        1 => spliced(text, two.end..two.end, &text[one]),
        2 => spliced(text, two.start..two.start, &text[one]),
        // Moved before another, or behind it.
        3 | 4 if one.end <= two.start || two.end <= one.start => {
            let at = if kind == 3 { two.start } else { two.end };
            let moved = text[one.clone()].to_owned();
            if at >= one.end {
                format!("{}{}{moved}{}", &text[..one.start], &text[one.end..at], &text[at..])
            } else {
                format!("{}{moved}{}{}", &text[..at], &text[at..one.start], &text[one.end..])
            }
        }
        5 => spliced(text, one, ""),
        // Put into something, or in the place of something.
        6 | 7 => {
            let (open, close) = choice.of(&WRAPPERS);
            spliced(text, one.clone(), &format!("{open}{}{close}", &text[one]))
        }
        8 => spliced(text, two, &text[one]),
        // The whole inside of what the attacker wrote, or the other way round.
        9 => {
            let at = evil.rfind("</").unwrap_or(evil.len());
            spliced(evil, at..at, text)
        }
        10 => spliced(text, one.end..one.end, evil),
        11 => {
            let signature = text.find("<ds:Signature ").zip(text.find("</ds:Signature>"));
            let at = evil.find("</saml:Issuer>").map_or(0, |at| at + "</saml:Issuer>".len());
            match signature {
                Some((start, end)) => spliced(evil, at..at, &text[start..end + "</ds:Signature>".len()]),
                None => evil.to_owned(),
            }
        }
        12 => spliced(text, tag_end(&one)..tag_end(&one), choice.of(&ATTRIBUTES)),
        // The value of some attribute.
        13 | 14 => {
            let values: Vec<_> =
                elements.iter().flat_map(|e| e.attributes().map(|a| a.range_value())).collect();
            match values.get(choice.below(values.len())) {
                Some(value) => spliced(text, value.clone(), choice.of(&VALUES)),
                None => text.to_owned(),
            }
        }
        // Another prefix for the same namespace, over the whole text.
        15 => {
            let (from, to) =
                choice.of(&[("ds:", "d:"), ("samlp:", "p:"), ("saml:", "samlp:"), ("saml:", "ds:")]);
            let named = |text: &str, prefix: &str, with: &str| {
                text.replace(&format!("<{prefix}"), &format!("<{with}"))
                    .replace(&format!("</{prefix}"), &format!("</{with}"))
            };
            let out = named(text, from, to);
            let (from, to) = (from.trim_end_matches(':'), to.trim_end_matches(':'));
            out.replace(&format!("xmlns:{from}="), &format!("xmlns:{to}="))
        }
        // Something in the midst of a text.
        16 | 17 => {
            let texts: Vec<_> =
                document.descendants().filter(roxmltree::Node::is_text).map(|t| t.range()).collect();
            let Some(range) = texts.get(choice.below(texts.len())) else { return text.to_owned() };
            let mut at = range.start + choice.below(range.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            spliced(text, at..at, choice.of(&BETWEEN))
        }
        _ => scratched(text, choice),
    }
}

fn spliced(text: &str, at: std::ops::Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..at.start], &text[at.end..])
}

/// One character replaced, taken out or put in.
fn scratched(text: &str, choice: &mut Choice<'_>) -> String {
    let Some((at, old)) = text.char_indices().nth(choice.below(text.chars().count())) else {
        return text.to_owned();
    };
    let new =
        choice.of(&["<", ">", "\"", "'", "&", "/", "=", ":", " ", "A", "b", "1", "#", "\u{e9}", "\r", ""]);
    let end = if choice.one_in(2) { at } else { at + old.len_utf8() };
    spliced(text, at..end, new)
}
