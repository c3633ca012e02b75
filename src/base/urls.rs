//! Every URL path of Tessera, built in one place. No handler and no template writes one by hand.

use std::fmt;

use url::Url;

use crate::base::id::ApplicationId;
use crate::base::{Error, Result};

/// The external address of this installation: scheme, host and port, no path, no trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    secure: bool,
}

impl BaseUrl {
    /// Reads and checks it. `http` is accepted for loopback, or with `allow_insecure` (`--insecure-http`).
    pub fn parse(text: &str, allow_insecure: bool) -> Result<Self> {
        let fail = |why: &str| {
            Error::field("base_url", "unusable_base_url", format!("{text} can't be the base URL: {why}"))
        };
        let url = Url::parse(text).map_err(|_| fail("write it like https://id.example.com."))?;
        let host = url.host().ok_or_else(|| fail("it has no host."))?;
        let loopback = match &host {
            url::Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(ip) => ip.is_loopback(),
            url::Host::Ipv6(ip) => ip.is_loopback(),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback || allow_insecure => {}
            "http" => {
                return Err(fail(
                    "plain http is only for this machine. Use https, or say --insecure-http if you know what you do.",
                ));
            }
            _ => return Err(fail("use https.")),
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(fail("leave out the path, the query and the fragment."));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("leave out the user name and password."));
        }
        Ok(Self { secure: url.scheme() == "https", text: url.as_str().trim_end_matches('/').to_owned() })
    }

    /// `https://id.example.com`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is `https`: then cookies are `__Host-` and `Secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The absolute URL of a path that begins with `/`.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text is an absolute URI without white space: what an entity ID should be (Core 8.3.6).
#[must_use]
pub fn is_absolute_uri(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || c.is_control()) && Url::parse(text).is_ok()
}

/// `/saml2/{slug}`: the IdP URL.
#[must_use]
pub fn idp(slug: &str) -> String {
    format!("/saml2/{slug}")
}

/// `/saml2/{slug}/metadata`, also the default IdP entity ID.
#[must_use]
pub fn idp_metadata(slug: &str) -> String {
    format!("/saml2/{slug}/metadata")
}

/// `/saml2/{slug}/certificate.pem`
#[must_use]
pub fn idp_certificate(slug: &str) -> String {
    format!("/saml2/{slug}/certificate.pem")
}

/// `/saml2/{slug}/logout`
#[must_use]
pub fn idp_logout(slug: &str) -> String {
    format!("/saml2/{slug}/logout")
}

/// `/admin/applications/{id}/{tab}`
#[must_use]
pub fn admin_application(id: ApplicationId, tab: &str) -> String {
    format!("/admin/applications/{id}/{tab}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_is_https_or_this_machine() {
        for good in [
            "https://id.example.com",
            "https://id.example.com/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
        ] {
            assert!(BaseUrl::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.com",
            "https://x/y",
            "ftp://x",
            "https://u:p@x",
            "https://x?y",
            "x",
            "http://localhost.evil.example",
        ] {
            assert!(BaseUrl::parse(bad, false).is_err(), "{bad}");
        }
        assert!(BaseUrl::parse("http://id.example.com", true).is_ok());
        assert_eq!(
            BaseUrl::parse("https://id.example.com:443/", false).unwrap().as_str(),
            "https://id.example.com"
        );
    }
}
