//! Whether a request that changes something was sent by a page of ours: where it comes from, and the token of
//! its form. The cookies' `SameSite` is the third lock.

use axum::http::HeaderMap;

use crate::base::{Error, Kind};
use crate::web::error::Failure;
use crate::web::state::Web;

/// Name of the form's field.
pub const FIELD: &str = "csrf";

/// Checks the origin that the browser states.
pub fn check_origin(web: &Web, headers: &HeaderMap) -> Result<(), Failure> {
    let base_url = &web.installation.base_url;
    if is_same_origin(headers, base_url.as_str(), base_url.is_secure()) { Ok(()) } else { Err(foreign()) }
}

/// Our pages send no referrer, and browsers then say `Origin: null` even to ourselves; `Sec-Fetch-Site` tells these
/// from a sandboxed frame elsewhere. Over plain http browsers say neither, and the token decides alone.
fn is_same_origin(headers: &HeaderMap, base: &str, secure: bool) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site");
    let site_fits = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_fits = match text("origin") {
        None => true,
        Some("null") => site.is_some() || !secure,
        // A browser that says same-origin may know us by another name than the base URL: localhost, 127.0.0.1.
        Some(origin) => origin == base || site == Some("same-origin"),
    };
    site_fits && origin_fits && headers.get_all("origin").iter().count() <= 1
}

/// Checks the token of a form that was shown to the browser that holds `secret`.
pub fn check_token(web: &Web, secret: Option<&str>, token: Option<&str>) -> Result<(), Failure> {
    let good = secret
        .zip(token)
        .is_some_and(|(secret, token)| crate::auth::csrf::check(&web.installation.vault, secret, token));
    if good { Ok(()) } else { Err(outdated()) }
}

fn foreign() -> Failure {
    Error::new(
        Kind::Forbidden,
        "cross_site_request",
        "This came from another site, so nothing was done. Open the page here and try again.",
    )
    .into()
}

fn outdated() -> Failure {
    Error::new(
        Kind::Forbidden,
        "form_outdated",
        "This form is from an earlier visit, so nothing was done. Open the page again and repeat it.",
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const BASE: &str = "https://id.example.com";

    fn passes(pairs: &[(&'static str, &'static str)], secure: bool) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        is_same_origin(&headers, BASE, secure)
    }

    #[test]
    fn a_23_what_comes_from_elsewhere_is_refused() {
        for foreign in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "https://id.example.com.evil.example")],
            &[("origin", "http://id.example.com")],
            &[("origin", "https://id.example.com:8443")],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://id.example.com"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "none")],
            &[("origin", "https://id.example.com"), ("origin", "https://evil.example")],
        ] {
            assert!(!passes(foreign, true), "{foreign:?}");
        }
    }

    #[test]
    fn a_23_what_our_own_pages_send_passes() {
        for own in [
            &[][..],
            &[("origin", "https://id.example.com")],
            &[("origin", "https://id.example.com"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(passes(own, true), "{own:?}");
        }
        assert!(passes(&[("origin", "null")], false), "plain http");
    }
}
