//! Is a value usable for its placeholder, and how does it stand in an address?

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex::{Regex, RegexBuilder};

use super::super::model::{Placeholder, PlaceholderKind};
use super::fill::{LocationRules, check_location};

/// Longest value, in bytes.
pub const MAX_VALUE: usize = 512;

/// All but what is unreserved in a URL (RFC 3986 2.3), and the three that identifiers use and no part of a URL
/// takes for a separator.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b':')
    .remove(b',');
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// A pattern of a connector, to be matched whole. The `regex` crate runs in linear time; size and depth are bounded
/// so that neither compiling one costs much.
pub fn compiled(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > 256 {
        return Err("The pattern is longer than 256 characters.".to_owned());
    }
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(256 * 1024)
        .dfa_size_limit(256 * 1024)
        .nest_limit(16)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            format!(
                "The pattern can't be read: {}.",
                text.lines().last().unwrap_or_default().trim_end_matches('.')
            )
        })
}

/// The value as it is stored: trimmed, hosts in their ASCII form. The error is a sentence for the person.
pub fn check_value(placeholder: &Placeholder, value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() {
        return Err(format!("Fill in {}.", placeholder.label));
    }
    if value.len() > MAX_VALUE {
        return Err(format!("Too long: {} characters. Use at most {MAX_VALUE}.", value.chars().count()));
    }
    if value.chars().any(|c| c.is_control() || is_invisible(c) || is_joiner(c)) {
        return Err(
            "This has a character in it that can't be seen. Type the value instead of pasting it.".to_owned()
        );
    }
    let value = match placeholder.kind {
        PlaceholderKind::Label => label(value)?,
        PlaceholderKind::Host => host(value)?,
        PlaceholderKind::HostPort => host_port(value)?,
        PlaceholderKind::Segment => segment(value)?,
        PlaceholderKind::Path => path(value)?,
        PlaceholderKind::Query => value.to_owned(),
        PlaceholderKind::Opaque => opaque(value)?,
        PlaceholderKind::Url => url(value)?,
    };
    if let Some(pattern) = &placeholder.pattern
        && !compiled(pattern)?.is_match(&value)
    {
        return Err(format!(
            "This does not look like the {}. It looks like {}.",
            placeholder.label, placeholder.example
        ));
    }
    Ok(value)
}

/// A checked value as it stands in an address. Hosts and opaque values are never encoded.
pub(super) fn encoded(kind: PlaceholderKind, value: &str) -> String {
    match kind {
        PlaceholderKind::Label
        | PlaceholderKind::Host
        | PlaceholderKind::HostPort
        | PlaceholderKind::Opaque => value.to_owned(),
        PlaceholderKind::Segment | PlaceholderKind::Query | PlaceholderKind::Url => {
            utf8_percent_encode(value, SEGMENT).to_string()
        }
        PlaceholderKind::Path => utf8_percent_encode(value, PATH).to_string(),
    }
}

/// Zero-width and direction characters, which change nothing one can see (Unicode Cf, the common ones).
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// What joins or parts letters, as Persian and emoji need it.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn label(value: &str) -> Result<String, String> {
    let refuse = || {
        Err(format!(
            "{value} can't stand in a host name. Give only the one part, for example acme: letters, digits and hyphens."
        ))
    };
    if value.contains(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']) {
        return refuse();
    }
    match idna::domain_to_ascii_strict(value) {
        Ok(ascii) if is_label(&ascii) => Ok(ascii),
        _ => refuse(),
    }
}

fn is_label(ascii: &str) -> bool {
    (1..=63).contains(&ascii.len())
        && ascii.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !ascii.starts_with('-')
        && !ascii.ends_with('-')
}

/// A domain name or an IP address in its usual spelling. What a browser would read as another address, such as
/// `0x7f.1`, is refused.
fn host(value: &str) -> Result<String, String> {
    let refuse = || {
        format!(
            "{value} is not a host name. Give it without https:// and without a path, for example app.example.com."
        )
    };
    if value.parse::<std::net::Ipv4Addr>().is_ok() {
        return Ok(value.to_owned());
    }
    if let Some(inner) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = inner.parse().map_err(|_| refuse())?;
        // As addresses have it: two spellings of one would not be the same host.
        return Ok(url::Host::<String>::Ipv6(address).to_string());
    }
    let ascii = idna::domain_to_ascii_strict(value).map_err(|_| refuse())?;
    if ascii.len() > 253 || !ascii.split('.').all(is_label) {
        return Err(refuse());
    }
    match url::Host::parse(&ascii) {
        Ok(url::Host::Domain(name)) if name == ascii => Ok(ascii),
        _ => Err(refuse()),
    }
}

fn host_port(value: &str) -> Result<String, String> {
    if value.contains("//") {
        return host(value);
    }
    let colon = value.rfind(':').filter(|_| !value.ends_with(']'));
    let Some(at) = colon else { return host(value) };
    let port = &value[at + 1..];
    let plain = !port.is_empty()
        && port.len() <= 5
        && port.bytes().all(|b| b.is_ascii_digit())
        && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(port) if plain => Ok(format!("{}:{port}", host(&value[..at])?)),
        _ => Err(format!("{port} is not a port. Use a number from 1 to 65535, or leave it out.")),
    }
}

fn segment(value: &str) -> Result<String, String> {
    if is_dots(value) {
        return Err(format!("{value} leads to another place in the address. Give the value itself."));
    }
    Ok(value.to_owned())
}

fn path(value: &str) -> Result<String, String> {
    if value.split('/').any(|part| part.is_empty() || is_dots(part)) {
        return Err(
            "Give the path without a slash at its ends, without empty parts and without . or ..".to_owned()
        );
    }
    Ok(value.to_owned())
}

/// `.` and `..` in any spelling that a URL parser folds (RFC 3986 5.2.4, WHATWG URL).
fn is_dots(part: &str) -> bool {
    let plain = part.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

fn url(value: &str) -> Result<String, String> {
    check_location(value, LocationRules::default()).map_err(|fault| fault.to_string())?;
    Ok(value.to_owned())
}

fn opaque(value: &str) -> Result<String, String> {
    if value.chars().any(char::is_whitespace) {
        return Err("This has a space in it. Paste the value without spaces.".to_owned());
    }
    Ok(value.to_owned())
}
