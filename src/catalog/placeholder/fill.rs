//! Filling a template, and proving afterwards that the address still leads where the template says.

use std::fmt;

use url::Url;

use super::super::model::{PlaceholderKind, Placeholders};
use super::Scope;
use super::check::{check_value, encoded};
use super::token::{Part, parts};

/// Longest address, in bytes (MD-303).
const MAX_ADDRESS: usize = 2048;

/// Why a template could not be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A placeholder has no value.
    Empty {
        /// Its token.
        token: String,
        /// Its label.
        label: String,
    },
    /// A token is not declared.
    Undeclared {
        /// The token.
        token: String,
    },
    /// A value is not usable.
    BadValue {
        /// The token.
        token: String,
        /// What is wrong with it.
        why: String,
    },
    /// A placeholder stands in the host but is not of a kind that may.
    NotForHosts {
        /// The token.
        token: String,
    },
    /// The address would lead to another host or scheme than the template says.
    Diverted,
    /// Plain http where https is due.
    PlainHttp,
    /// The filled text is no usable address.
    NotAnAddress {
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Fault {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "placeholder_unfilled",
            Self::Undeclared { .. } => "placeholder_undeclared",
            Self::BadValue { .. } => "placeholder_value",
            Self::NotForHosts { .. } => "placeholder_in_host",
            Self::Diverted => "address_diverted",
            Self::PlainHttp => "https_required",
            Self::NotAnAddress { .. } => "unusable_address",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { token, label } => write!(f, "{label} ({token}) is not filled in yet."),
            Self::Undeclared { token } => {
                write!(f, "{token} stands here and is not a placeholder of this application.")
            }
            Self::BadValue { why, .. } => f.write_str(why),
            Self::NotForHosts { token } => {
                write!(f, "{token} stands in a host name. Only the kinds label, host and host_port may.")
            }
            Self::Diverted => {
                f.write_str("With these values the address would lead to another host. Check them.")
            }
            Self::PlainHttp => {
                f.write_str("Use https. Plain http would let others on the way read and change the sign-on.")
            }
            Self::NotAnAddress { why } => f.write_str(why),
        }
    }
}

impl std::error::Error for Fault {}

/// What an address may be beyond https.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocationRules {
    /// Plain http to any host (an explicit, insecure switch); to this machine it is always accepted.
    pub plain_http: bool,
    /// A fragment.
    pub fragment: bool,
}

impl LocationRules {
    /// The rules of a field: a tile may lead to a fragment, an endpoint may not have one (MD-303).
    #[must_use]
    pub fn of(field: &str) -> Self {
        Self { fragment: field == "login_url", ..Self::default() }
    }
}

/// Whether the field of this dotted name holds an address rather than a name.
#[must_use]
pub fn is_location(field: &str) -> bool {
    let field = field.strip_prefix("sso.").unwrap_or(field);
    field.starts_with("acs_urls.")
        || field.starts_with("slo.")
        || matches!(field, "login_url" | "sp_metadata_url" | "provisioning.base_url")
}

/// MD-303: https (http only for loopback or an explicit switch), no user information, no fragment, nothing that a
/// browser or a parser reads in two ways, at most 2,048 bytes.
pub fn check_location(text: &str, rules: LocationRules) -> Result<(), Fault> {
    let fail = |why| Err(Fault::NotAnAddress { why });
    if text.len() > MAX_ADDRESS {
        return fail("This address is too long. Use at most 2,048 characters.");
    }
    let odd = |b: u8| {
        !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`' | b'^' | b'{' | b'|' | b'}')
    };
    if text.bytes().any(odd) {
        return fail(
            "This address has a space or another character that can't stand in one. Percent-encode it.",
        );
    }
    let Ok(url) = Url::parse(text) else {
        return fail("This is not an address. Write it in full, for example https://app.example.com/saml.");
    };
    // `https:///x` and `https:/x` are read as the host x by browsers and as no host by others.
    let written = split_address(text).map(|(scheme, authority, _)| (scheme, authority));
    let (Some(host), Some((scheme, authority))) = (url.host(), written) else {
        return fail("Write the address with https:// and a host.");
    };
    let loopback = match host {
        url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback || rules.plain_http => {}
        "http" => return Err(Fault::PlainHttp),
        _ => return fail("Only https addresses can be used here."),
    }
    if !url.username().is_empty() || url.password().is_some() || authority.contains('@') {
        return fail("Leave out the user name and password before the host.");
    }
    if leads_there(text, scheme, authority).is_err() {
        return fail("Write the host of this address in its usual form.");
    }
    if url.fragment().is_some() && !rules.fragment {
        return fail("Leave out what begins with #.");
    }
    Ok(())
}

/// Whether a template can come to a usable address at all (MD-303): what is fixed of it is held to the rules with a
/// stand-in for every placeholder. One that begins with a placeholder can be judged only when it is filled.
pub fn check_template(template: &str, rules: LocationRules) -> Result<(), Fault> {
    let nothing_declared = Placeholders::default();
    let cut = parts(template, &nothing_declared);
    if !matches!(cut.first(), Some(Part::Text(_))) {
        return Ok(());
    }
    let filled = cut.iter().fold(String::new(), |mut filled, part| {
        match part {
            Part::Text(text) => filled.push_str(text),
            // A port is a number.
            _ if filled.ends_with(':') => filled.push('1'),
            _ => filled.push('a'),
        }
        filled
    });
    let host_is_open = split_address(template).is_some_and(|(_, authority, _)| {
        parts(authority, &nothing_declared).iter().any(|part| !matches!(part, Part::Text(_)))
    });
    // The host to come may be this machine.
    check_location(&filled, LocationRules { plain_http: rules.plain_http || host_is_open, ..rules })
}

/// Whether the template is an address of scheme and host, so that values are encoded and the host is guarded.
pub(super) fn is_address(template: &str) -> bool {
    split_address(template).is_some()
}

/// Scheme, authority and the rest: `https`, `YOUR_X.example.com:8443`, `/saml?x`.
fn split_address(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, after) = text.split_once("://")?;
    let mut bytes = scheme.bytes();
    let letters = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !letters {
        return None;
    }
    let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
    Some((scheme, &after[..end], &after[end..]))
}

pub(super) fn fill(scope: &Scope<'_>, template: &str) -> Result<String, Fault> {
    let Some((scheme, authority, rest)) = split_address(template) else {
        return filled_parts(scope, template, Place::Text);
    };
    let authority = filled_parts(scope, authority, Place::Authority)?;
    let rest = filled_parts(scope, rest, Place::Rest)?;
    let text = format!("{scheme}://{authority}{rest}");
    if text.len() > MAX_ADDRESS {
        return Err(Fault::NotAnAddress {
            why: "With these values the address is longer than 2,048 characters.",
        });
    }
    leads_there(&text, scheme, &authority)?;
    Ok(text)
}

/// The parsed address must have the very scheme, host and port that were put together.
fn leads_there(text: &str, scheme: &str, authority: &str) -> Result<(), Fault> {
    let url =
        Url::parse(text).map_err(|_| Fault::NotAnAddress { why: "With these values it is no address." })?;
    // The port is what follows the last colon outside of an IPv6 literal.
    let (host, port) = match authority.rfind(':').filter(|_| !authority.ends_with(']')) {
        Some(at) => (&authority[..at], Some(&authority[at + 1..])),
        None => (authority, None),
    };
    let same_host = url.host_str().is_some_and(|parsed| parsed.eq_ignore_ascii_case(host));
    let same_port = port.is_none_or(|port| {
        port.parse::<u16>().is_ok_and(|port| url.port_or_known_default().is_none_or(|parsed| parsed == port))
    });
    let plain = url.username().is_empty() && url.password().is_none() && !authority.contains('@');
    if url.scheme().eq_ignore_ascii_case(scheme) && same_host && same_port && plain {
        Ok(())
    } else {
        Err(Fault::Diverted)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Not an address at all: an entity ID such as a URN, a constant, a RelayState.
    Text,
    /// Host and port of an address.
    Authority,
    /// Path and query of an address.
    Rest,
}

fn filled_parts(scope: &Scope<'_>, template: &str, place: Place) -> Result<String, Fault> {
    let mut out = String::with_capacity(template.len() + 32);
    for part in parts(template, scope.declared) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Undeclared(token) => return Err(Fault::Undeclared { token: token.to_owned() }),
            Part::Token(token) => out.push_str(&filled_token(scope, token, place)?),
        }
    }
    Ok(out)
}

fn filled_token(scope: &Scope<'_>, token: &str, place: Place) -> Result<String, Fault> {
    let Some(placeholder) = scope.declared.get(token) else {
        return Err(Fault::Undeclared { token: token.to_owned() });
    };
    let for_hosts = matches!(
        placeholder.kind,
        PlaceholderKind::Label | PlaceholderKind::Host | PlaceholderKind::HostPort
    );
    if place == Place::Authority && !for_hosts {
        return Err(Fault::NotForHosts { token: token.to_owned() });
    }
    let Some(value) = scope.value(token) else {
        return Err(Fault::Empty { token: token.to_owned(), label: placeholder.label.clone() });
    };
    let value =
        check_value(placeholder, value).map_err(|why| Fault::BadValue { token: token.to_owned(), why })?;
    Ok(if place == Place::Text { value } else { encoded(placeholder.kind, &value) })
}
