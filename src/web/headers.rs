//! Headers of every answer (W-01, W-02). Handlers say what differs by an extension of the response: a [`Policy`], or
//! [`Cacheable`]; whatever else they set is overwritten, so that none can forget or loosen one.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use url::Url;

use crate::web::state::Shared;

/// The policy that all pages pass.
pub const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Another content security policy than [`CSP`], as an extension of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The page that posts a SAML message. Chromium holds `form-action` against every redirect after the post too, and
    /// where the application leads on is its own affair, so by default there is none; with `None` any target goes.
    Post {
        /// The application's origin, when it is known to lead nowhere else: [`origin_of`] its ACS URL.
        only_to: Option<String>,
    },
    /// Files, which never run anything, whoever opens them.
    File,
}

impl Policy {
    fn text(&self) -> String {
        const BARE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
            base-uri 'none'; frame-ancestors 'none'";
        match self {
            Self::Post { only_to: None } => BARE.to_owned(),
            Self::Post { only_to: Some(origin) } => format!("{BARE}; form-action {origin}"),
            Self::File => {
                "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'".to_owned()
            }
        }
    }
}

/// The origin of an http(s) URL in the form that a policy takes. Its host has been through IDNA and holds nothing that
/// could end a directive.
#[must_use]
pub fn origin_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    (!origin.contains([';', ',', ' ', '\''])).then_some(origin)
}

/// As an extension of the response: its own `cache-control` stands. Without it an answer is never kept.
#[derive(Clone, Copy, Debug)]
pub struct Cacheable;

/// Puts the headers on.
pub fn protect(web: &Shared, mut response: Response) -> Response {
    let policy = response.extensions_mut().remove::<Policy>();
    let cacheable = response.extensions_mut().remove::<Cacheable>().is_some();
    set(response.headers_mut(), policy.as_ref(), cacheable, web.installation.base_url.is_secure());
    response
}

fn set(headers: &mut HeaderMap, policy: Option<&Policy>, cacheable: bool, secure: bool) {
    const FIXED: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // SAML requests and one-time links stand in addresses.
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
             microphone=(), midi=(), payment=(), serial=(), usb=()",
        ),
    ];
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy =
        policy.map_or_else(|| Ok(HeaderValue::from_static(CSP)), |own| HeaderValue::try_from(own.text()));
    // A policy that can't be written must not leave the page without one.
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if !cacheable || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if secure {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers.remove(header::SERVER);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(own: Option<&Policy>) -> String {
        let mut headers = HeaderMap::new();
        set(&mut headers, own, false, false);
        headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[test]
    fn w_01_the_policy_of_pages_allows_no_other_origin() {
        assert_eq!(
            policy(None),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
    }

    #[test]
    fn w_01_only_the_page_that_posts_may_post_elsewhere() {
        assert!(!policy(Some(&Policy::Post { only_to: None })).contains("form-action"));
        let origin = origin_of("https://sp.example:8443/acs?x=1").unwrap();
        let own = policy(Some(&Policy::Post { only_to: Some(origin) }));
        assert!(own.ends_with("; form-action https://sp.example:8443"), "{own}");
        assert_eq!(origin_of("javascript:alert(1)"), None);
        assert_eq!(origin_of("https://a;script-src *"), None);
        assert!(
            !policy(Some(&Policy::Post { only_to: Some("x\r\ny: z".into()) })).contains("self"),
            "fails closed"
        );
    }

    #[test]
    fn w_02_hsts_only_where_there_is_https_and_nothing_is_kept_unsaid() {
        let (mut plain, mut secure) = (HeaderMap::new(), HeaderMap::new());
        plain.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        set(&mut plain, None, false, false);
        set(&mut secure, None, true, true);
        assert!(!plain.contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert!(secure[header::STRICT_TRANSPORT_SECURITY].to_str().unwrap().starts_with("max-age=31536000"));
        assert_eq!(plain[header::CACHE_CONTROL], "no-store", "without the extension");
        assert_eq!(secure[header::CACHE_CONTROL], "no-store", "without a value");
    }
}
