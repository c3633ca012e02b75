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

/// A word without what stands before an `@` in an address, with its scheme or without: it may be a password. What has no
/// colon in it is none: an e-mail address stays.
fn without_user(word: &str) -> String {
    if word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")) {
        return word.to_owned();
    }
    let (begins, rest) = match word.split_once("://") {
        Some((scheme, rest)) if !scheme.contains([':', '@']) => (&word[..scheme.len() + 3], rest),
        _ => word.strip_prefix("//").map_or(("", word), |rest| ("//", rest)),
    };
    match rest.rsplit_once('@') {
        // A password may have slashes in it, whatever an address makes of them.
        Some((user, host)) if user.contains(':') => format!("{begins}{host}"),
        Some(_) if !begins.is_empty() => {
            let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            format!("{begins}{}{path}", host.rsplit_once('@').map_or(host, |(_, host)| host))
        }
        _ => word.to_owned(),
    }
}

/// What changes how a terminal shows a text.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// On one line, without what changes how a terminal shows it, and at most so many characters.
pub(super) fn cleaned(text: &str, most: usize) -> String {
    // Whole words, and before anything is cut out of them: half a password is one too.
    let is_blank =
        |c: char| c.is_ascii_whitespace() || matches!(c, '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut words = String::new();
    for word in text.trim().split(is_blank) {
        for part in
            without_user(word).split(|c: char| c == ' ' || is_hostile(c)).filter(|part| !part.is_empty())
        {
            // More than enough of it: what is cut away need not be looked at.
            if words.len() > most * 4 {
                break;
            }
            if !words.is_empty() {
                words.push(' ');
            }
            words.extend(part.chars().take(most + 1));
        }
        if words.len() > most * 4 {
            break;
        }
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

/// The same, down to what it holds: an object or a list of nothing says nothing.
pub(super) fn says_anything(value: &Json) -> bool {
    match value {
        Json::Array(list) => list.iter().any(says_anything),
        Json::Object(map) => map.values().any(says_anything),
        _ => says_something(value),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_password_is_shown() {
        for (text, shown) in [
            ("https://joe:s3cr/et@intra.example/x", "https://intra.example/x"),
            ("joe:s3cret@intra.example", "intra.example"),
            ("//joe:s3cret@intra.example", "//intra.example"),
            ("The https://joe:s3@cr?et@intra.example one", "The https://intra.example one"),
            ("https://joe@intra.example/@x", "https://intra.example/@x"),
            ("https:/joe:s3cret@intra.example", "intra.example"),
            ("joe:s3\u{7}cr\u{200b}et@intra.example", "intra.example"),
            ("a://b,https://joe:s3cret@intra.example", "a://intra.example"),
            ("(joe:s3cret://x@intra.example)", "intra.example)"),
            ("joe@example.org", "joe@example.org"),
            ("mailto:help@example.org", "mailto:help@example.org"),
            ("Mail: joe@example.org", "Mail: joe@example.org"),
            ("https://intra.example/@joe", "https://intra.example/@joe"),
            ("https://matrix.example/#/@joe:example.org", "https://matrix.example/#/@joe:example.org"),
            ("Wiki: the one @ home", "Wiki: the one @ home"),
            ("joe:@", ""),
            ("", ""),
        ] {
            assert_eq!(cleaned(text, 80), shown, "{text}");
        }
        let long = format!("https://joe:{}@intra.example", "s3cret/".repeat(1_000));
        assert_eq!(cleaned(&long, 80), "https://intra.example");
    }

    #[test]
    fn texts_are_cut_to_one_line() {
        assert_eq!(cleaned(" a\u{7}b \r\n c\u{a0}d ", 80), "a b c\u{a0}d");
        assert_eq!(cleaned("äöü äöü", 7), "äöü äöü");
        assert_eq!(cleaned("äöü äöüß", 7), "äöü äö…");
        assert_eq!(cleaned(&"\u{1}x".repeat(10_000), 10).chars().count(), 10);
    }
}
