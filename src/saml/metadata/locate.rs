//! Which URLs may be an endpoint of a service provider (MD-303). The same rule holds for metadata, REST, connector
//! templates and whatever else stores one: build a [`Location`] or have none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest URL of an endpoint, in bytes.
const MAX_LENGTH: usize = 2048;

/// The URL of an endpoint, kept to the letter: it is compared and sent as it was registered (SAML-113).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location(String);

/// Why a URL is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocationFault {
    /// Longer than 2048 bytes.
    TooLong,
    /// Not an absolute URL, or with spaces or control characters.
    Malformed,
    /// Neither `https`, nor `http` where that is allowed.
    Scheme,
    /// With a user name or password.
    UserInfo,
    /// With a fragment.
    Fragment,
}

impl LocationFault {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "url_too_long",
            Self::Malformed => "url_malformed",
            Self::Scheme => "url_scheme",
            Self::UserInfo => "url_user_info",
            Self::Fragment => "url_fragment",
        }
    }

    /// Sentence for the admin.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::TooLong => "The URL is longer than 2048 bytes. Use a shorter one.",
            Self::Malformed => "This is not a URL. Write it in full, like https://sp.example.com/saml/acs.",
            Self::Scheme => "The URL must begin with https://. Plain http is only for this machine.",
            Self::UserInfo => "The URL holds a user name. Leave it out.",
            Self::Fragment => "The URL holds a fragment. Leave out # and what follows.",
        }
    }
}

impl fmt::Display for LocationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for LocationFault {}

impl Location {
    /// Checks a URL. `http` is for loopback hosts, or everywhere with `allow_http`.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, LocationFault> {
        if text.len() > MAX_LENGTH {
            return Err(LocationFault::TooLong);
        }
        // The parser would quietly drop or turn these; we keep the text to the letter, so it may hold none.
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '"' | '<' | '>' | '`');
        if text.chars().any(odd) {
            return Err(LocationFault::Malformed);
        }
        let (scheme, rest) = text.split_once(':').ok_or(LocationFault::Malformed)?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(LocationFault::Scheme);
        }
        let url = url::Url::parse(text).map_err(|_| LocationFault::Malformed)?;
        // `https:example.com` and `https:///example.com` are URLs only to a forgiving parser.
        let authority = rest.strip_prefix("//").unwrap_or_default();
        if authority.is_empty() || authority.starts_with('/') || url.host().is_none() {
            return Err(LocationFault::Malformed);
        }
        if authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(LocationFault::UserInfo);
        }
        if text.contains('#') {
            return Err(LocationFault::Fragment);
        }
        if !secure && !allow_http && !is_loopback(&url) {
            return Err(LocationFault::Scheme);
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL, to the letter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL, to the letter.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
