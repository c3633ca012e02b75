//! Document types in every disguise: made from parts, put into real messages, sent by both bindings (SAML-102, A-07).

use std::time::{Duration, Instant};

use tessera::saml::Reason;
use tessera::saml::xml::XmlFault;

use crate::peer::{Plain, SP, Setup, redirect};

/// Internal subsets: what a document type may be used for.
fn subsets() -> Vec<String> {
    let bomb: String =
        (1..30).map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10))).collect();
    let quadratic = format!("<!ENTITY e0 \"{}\">", "x".repeat(30_000));
    vec![
        String::new(),
        " []".to_owned(),
        " SYSTEM \"http://127.0.0.1:1/x.dtd\"".to_owned(),
        " SYSTEM 'file:///etc/passwd'".to_owned(),
        " PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"http://127.0.0.1:1/x.dtd\"".to_owned(),
        " [<!ENTITY e0 \"x\">]".to_owned(),
        format!(" [<!ENTITY e0 \"x\">{bomb}]"),
        format!(" [{quadratic}]"),
        " [<!ENTITY e0 SYSTEM \"file:///etc/passwd\">]".to_owned(),
        " [<!ENTITY e0 PUBLIC \"x\" \"http://127.0.0.1:1/\">]".to_owned(),
        " [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/\"> %p;]".to_owned(),
        " [<!ENTITY % p \"<!ENTITY e0 'x'>\"> %p;]".to_owned(),
        " [<!ENTITY lt \"&#38;#60;\">]".to_owned(),
        " [<!ATTLIST samlp:AuthnRequest ID ID #IMPLIED ForceAuthn CDATA \"false\">]".to_owned(),
        " [<!ATTLIST ds:Signature Id ID #FIXED \"_honest\">]".to_owned(),
        " [<!ELEMENT samlp:AuthnRequest ANY>]".to_owned(),
        " [<!NOTATION n SYSTEM \"n\"><!ENTITY e0 SYSTEM \"n\" NDATA n>]".to_owned(),
        " [<![INCLUDE[<!ENTITY e0 \"x\">]]>]".to_owned(),
        " [<!-- ]> --><!ENTITY e0 \"]>\">]".to_owned(),
        " [<?p ]>?>]".to_owned(),
    ]
}

/// What comes before the document type: nothing that would make it another thing.
const BEFORE: [&str; 7] = [
    "",
    "\u{feff}",
    " \n\t",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<!-- a decoy -->",
    "<!-- <!DOCTYPE decoy> -->\n",
    "<?xml version='1.0'?><!--><!DOCTYPE-->",
];
const WORDS: [&str; 4] = ["<!DOCTYPE ", "<!DOCTYPE\n", "<!doctype ", "<!DocType\t"];

#[test]
fn saml_102_a_07_no_document_type_passes_in_any_disguise() {
    let began = Instant::now();
    let (bare, signed) = (
        Plain::honest("AuthnRequest", "_honest").xml(),
        Plain::honest("AuthnRequest", "_honest").signed(&SP),
    );
    let mut sent = 0;
    for subset in subsets() {
        for (at, before) in BEFORE.iter().enumerate() {
            let word = WORDS[at % WORDS.len()];
            let head = format!("{before}{word}samlp:AuthnRequest{subset}>");
            for message in [&bare, &signed] {
                // Behind the declaration, and once with a reference to what it may have declared.
                let plain = format!("{head}{message}");
                let used = plain.replacen(
                    "https://sp.example.com/metadata",
                    "https://sp.example.com/metadata&e0;",
                    1,
                );
                for xml in [plain, used] {
                    for setup in [Setup::default(), Setup::REQUIRED] {
                        let faults = [setup.post(&xml), setup.redirect(&redirect(&xml))].map(Result::err);
                        for fault in faults {
                            assert_eq!(fault, Some(Reason::Xml(XmlFault::Doctype)), "{xml}");
                            sent += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(sent > 2000, "{sent}");
    assert!(began.elapsed() < Duration::from_mins(1), "{:?} for {sent} messages", began.elapsed());
}

#[test]
fn saml_102_a_document_type_inside_or_behind_the_message_is_refused_too() {
    let message = Plain::honest("AuthnRequest", "_honest");
    for declaration in
        ["<!DOCTYPE a>", "<!ENTITY x \"y\">", "<!ELEMENT a ANY>", "<![INCLUDE[x]]>", "<! DOCTYPE a>"]
    {
        for xml in [
            message.around(declaration, "", ""),
            message.around("", "", declaration),
            format!("{}{declaration}", message.xml()),
            format!("{declaration}{}", message.xml()),
        ] {
            assert_eq!(Setup::default().post(&xml).err(), Some(Reason::Xml(XmlFault::Doctype)), "{xml}");
        }
    }
}

fn utf_16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
        .collect()
}

#[test]
fn saml_102_other_encodings_hide_nothing() {
    let xml = format!("<!DOCTYPE a>{}", Plain::honest("AuthnRequest", "_honest").xml());
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for text in
        [xml.clone(), format!("\u{feff}{xml}"), format!("<?xml version='1.0' encoding='UTF-16'?>{xml}")]
    {
        for little in [true, false] {
            messages.push(utf_16(&text, little));
        }
        messages.push(text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect());
        messages.push(text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect());
    }
    for octets in &messages {
        // By POST it is inflated for want of a `<` at its beginning, by Redirect it reaches the reader.
        let by_redirect = Setup::default().redirect(&redirect(octets)).err();
        assert!(
            matches!(by_redirect, Some(Reason::Xml(XmlFault::NotUtf8 | XmlFault::NotWellFormed))),
            "{by_redirect:?}"
        );
        assert!(Setup::default().post(octets).is_err());
    }
    // Declared as something in which these octets would spell a document type.
    for encoding in
        ["UTF-7", "UTF-16", "UTF-32", "EBCDIC-CP-US", "ISO-8859-1", "ISO-2022-JP", "windows-1252", "x"]
    {
        let plain = Plain::honest("AuthnRequest", "_honest").xml();
        for quote in ['"', '\''] {
            let xml =
                format!("<?xml version=\"1.0\" encoding={quote}{encoding}{quote}?>{plain}+ADwAIQ-DOCTYPE");
            assert_eq!(Setup::default().post(&xml).err(), Some(Reason::Xml(XmlFault::NotUtf8)), "{encoding}");
        }
    }
    // Overlong UTF-8 of `<` and halves of surrogates are no UTF-8.
    for octets in [
        &b"\xc0\xbc!DOCTYPE a>"[..],
        b"\xe0\x80\xbc!DOCTYPE a>",
        b"\xed\xa0\x80",
        b"\xff\xfe",
        b"\xf8\x88\x80\x80\xbc",
    ] {
        let message = [octets, Plain::honest("AuthnRequest", "_honest").xml().as_bytes()].concat();
        let reason = Setup::default().redirect(&redirect(message)).err();
        assert_eq!(reason, Some(Reason::Xml(XmlFault::NotUtf8)));
    }
}

#[test]
fn saml_102_entities_and_instructions_have_no_place_in_a_message() {
    let message = Plain::honest("AuthnRequest", "_honest");
    for (inner, fault) in [
        ("&x;", XmlFault::Entity),
        ("&nbsp;", XmlFault::Entity),
        ("&LT;", XmlFault::Entity),
        ("&%x;", XmlFault::Entity),
        ("&amp", XmlFault::Entity),
        ("&#0;", XmlFault::NotWellFormed),
        ("&#xFFFE;", XmlFault::NotWellFormed),
        ("&#x1F600", XmlFault::Entity),
        ("<?x y?>", XmlFault::ProcessingInstruction),
        ("<?xml version='1.0'?>", XmlFault::ProcessingInstruction),
        ("<?xml-stylesheet href='http://127.0.0.1:1/'?>", XmlFault::ProcessingInstruction),
    ] {
        let extension = format!("<samlp:Extensions>{inner}</samlp:Extensions>");
        for xml in [message.around("", &extension, ""), message.around("", "", inner)] {
            assert_eq!(Setup::default().post(&xml).err(), Some(Reason::Xml(fault)), "{inner}");
        }
    }
    for (before, after) in [("<?x?>", ""), ("", "<?x?>"), (" <?xml version='1.0'?>", "")] {
        let xml = format!("{before}{}{after}", message.xml());
        assert_eq!(
            Setup::default().post(&xml).err(),
            Some(Reason::Xml(XmlFault::ProcessingInstruction)),
            "{xml}"
        );
    }
}
