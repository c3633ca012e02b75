//! Texts and values of an export, one at a time: what is an address, what can be sent or shown, and what stands at a
//! path of JSON. It must not know what an application is.

use serde_json::Value as Json;
use url::{Host, Url};

/// What is wrong with an address, as a sentence.
pub(super) fn address_fault(text: &str, fragment: bool) -> Option<&'static str> {
    const USUAL: &str = "This is not an address in its usual form. Copy it in full from the application, with https:// and a host.";
    let odd = |b: u8| {
        !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`' | b'^' | b'{' | b'|' | b'}')
    };
    let Ok(url) = Url::parse(text) else { return Some(USUAL) };
    let Some((scheme, rest)) = text.split_once("://") else { return Some(USUAL) };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let host =
        authority.rsplit_once(':').filter(|_| !authority.ends_with(']')).map_or(authority, |(host, _)| host);
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Some(USUAL),
    };
    if text.bytes().any(odd)
        || authority.contains('@')
        || authority.ends_with(':')
        || !url.scheme().eq_ignore_ascii_case(scheme)
        || !url.host_str().is_some_and(|parsed| parsed.eq_ignore_ascii_case(host))
    {
        return Some(USUAL);
    }
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => {
            return Some(
                "Plain http lets others on the way read and change the sign-on. Ask the application for an address with https.",
            );
        }
        _ => return Some(USUAL),
    }
    (url.fragment().is_some() && !fragment)
        .then_some("An address for messages has no part that begins with #. Copy it without.")
}

/// Whether an assertion can carry a text.
pub(super) fn is_sendable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// Whether something in a text would be taken for a placeholder of a connector.
pub(super) fn has_placeholder(text: &str) -> bool {
    text.match_indices("YOUR_").any(|(at, mark)| {
        let run = text.as_bytes()[at + mark.len()..].iter();
        run.take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'_').any(|b| *b != b'_')
    })
}

/// Letters and digits alone, in lower case: `RSA_SHA256` and `rsa-sha256` are the same.
pub(super) fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(256).collect()
}

/// The text without what stands before an `@` in the host of an address: it may be a password.
fn without_user(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("://").map(|at| at + 3) {
        let end = rest[at..].find(['/', '?', '#', ' ']).map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..at]);
        let host = &rest[at..end];
        out.push_str(host.rsplit_once('@').map_or(host, |(_, host)| host));
        rest = &rest[end..];
    }
    out + rest
}

/// On one line, without what changes how a terminal shows it, and at most so many characters.
pub(super) fn cleaned(text: &str, most: usize) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    // More than enough of it: what is cut away need not be looked at.
    let plain: String =
        text.trim().chars().take(most * 4).map(|c| if hostile(c) { ' ' } else { c }).collect();
    let plain = without_user(&plain);
    let mut words = String::new();
    for word in plain.split(' ').filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    if words.chars().count() <= most {
        return words;
    }
    let cut: String = words.chars().take(most - 1).collect();
    format!("{}…", cut.trim_end())
}

/// The last part of a NameID format's URN; `None`: none that is known.
pub(super) fn name_id_format(urn: &str) -> Option<&'static str> {
    let last = letters(urn.trim().rsplit(':').next().unwrap_or(urn));
    Some(match last.as_str() {
        "unspecified" => "unspecified",
        "emailaddress" | "email" => "emailAddress",
        "persistent" => "persistent",
        "transient" => "transient",
        "x509subjectname" => "X509SubjectName",
        "windowsdomainqualifiedname" => "WindowsDomainQualifiedName",
        "kerberos" => "kerberos",
        "entity" => "entity",
        _ => return None,
    })
}

/// Whether a key of an export says anything: `null`, `false`, blank and empty don't.
pub(super) fn says_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !matches!(text.trim(), "" | "false"),
        Json::Array(list) => !list.is_empty(),
        Json::Object(map) => !map.is_empty(),
        Json::Bool(true) | Json::Number(_) => true,
    }
}

/// The text at a path; numbers count as texts.
pub(super) fn text(value: &Json, path: &[&str]) -> Option<String> {
    let mut value = value;
    for key in path {
        value = value.get(key)?;
    }
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A switch at a path, as such or as the words for it.
pub(super) fn switch(value: &Json, path: &[&str]) -> Option<bool> {
    let mut value = value;
    for key in path {
        value = value.get(key)?;
    }
    match value {
        Json::Bool(yes) => Some(*yes),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The list under a key; anything else is an empty one.
pub(super) fn list<'a>(value: &'a Json, key: &str) -> &'a [Json] {
    value.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a group can have this name.
pub(super) fn is_group_name(name: &str) -> bool {
    let name = name.trim();
    (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}
