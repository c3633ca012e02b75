//! Reading what SCIM clients send. Parameters that the standard does not know are let be, as it says.

use std::collections::HashMap;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use serde_json::Value;

use crate::base::{Error, Kind};
use crate::directory::inbound::Seen;
use crate::scim::{ErrorKind, Filter, MEDIA_TYPE, PageRequest, PatchOp, Projection, ScimError};
use crate::web::api::input::{parse, require_type};
use crate::web::error::Failure;
use crate::web::extract::body::read;
use crate::web::state::Shared;

/// Resources of a page when nothing is said.
pub(super) const PAGE: u64 = 100;
/// Most resources of a page.
pub(super) const MAX_PAGE: u64 = 200;

/// A resource, or another message, as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent(pub(super) Value);

impl FromRequest<Shared> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Failure> {
        require_type(request.headers(), MEDIA_TYPE, &[MEDIA_TYPE, "application/json"])?;
        let body: Value = parse(&read(request).await?)?;
        if body.is_object() {
            return Ok(Self(body));
        }
        Err(ScimError::new(400, ErrorKind::InvalidSyntax, "The body must be a JSON object.").into())
    }
}

impl Sent {
    /// The PATCH that it is.
    pub(super) fn patch(&self) -> Result<PatchOp, ScimError> {
        PatchOp::read(&self.0)
    }
}

/// The parameters of a query, each as it comes first.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut all = HashMap::new();
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            all.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Ok(Self(all))
    }
}

impl Parameters {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    /// The filter.
    pub(super) fn filter(&self) -> Result<Option<Filter>, ScimError> {
        self.get("filter").map(Filter::parse).transpose()
    }

    /// Which page is asked for.
    pub(super) fn page(&self) -> Result<PageRequest, ScimError> {
        PageRequest::read(self.get("startIndex"), self.get("count"), PAGE, MAX_PAGE)
    }

    /// Which attributes are asked for.
    pub(super) fn projection(&self) -> Result<Projection, ScimError> {
        Projection::read(self.get("attributes"), self.get("excludedAttributes"))
    }
}

/// What the caller saw before a change, and what it has already.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    /// `If-Match`. Tags are weak, as in the standard's own examples, and count whether they say so or not (RFC 7644 §3.14).
    pub(super) seen: Seen,
    had: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let matching = tags(&parts.headers, &header::IF_MATCH)?;
        let seen = match matching {
            Some(tags) if tags.iter().all(|tag| tag != "*") => Seen::Tags(tags),
            _ => Seen::Any,
        };
        // What can't be read there does no harm: the whole is sent.
        let had = tags(&parts.headers, &header::IF_NONE_MATCH).ok().flatten().unwrap_or_default();
        Ok(Self { seen, had })
    }
}

impl Conditions {
    /// Whether the caller has this version already.
    pub(super) fn has(&self, tag: &str) -> bool {
        self.had.iter().any(|had| had == tag || had == "*")
    }
}

/// The tags of a header, without `W/` and quotes; none without the header.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Vec<String>>, Error> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let mut out = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| unreadable())?;
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            let plain = tag.strip_prefix("W/").unwrap_or(tag);
            let quoted = plain.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            out.push(if tag == "*" { "*" } else { quoted.ok_or_else(unreadable)? }.to_owned());
        }
    }
    if out.is_empty() { Err(unreadable()) } else { Ok(Some(out)) }
}

fn unreadable() -> Error {
    Error::new(
        Kind::Malformed,
        "if_match_unreadable",
        "If-Match can't be read. Give the version that you were given, quotes and all.",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn tags_are_read_weak_or_not_and_nothing_else_is_one() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, HeaderValue::from_static(value));
            }
            tags(&headers, &header::IF_MATCH).ok()
        };
        let some = |tags: &[&str]| Some(Some(tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>()));
        assert_eq!(read(&[]), Some(None));
        assert_eq!(read(&["W/\"1\""]), some(&["1"]));
        assert_eq!(read(&["\"1\", W/\"2.3\"", "\"4\""]), some(&["1", "2.3", "4"]));
        assert_eq!(read(&["*"]), some(&["*"]));
        for bad in ["", "1", "W/1", "\"1", "w/\"1\"", ",", "\"1\" \"2"] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }
}
