//! An answer before it is HTTP.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::scim::{MEDIA_TYPE, ScimError};

use super::quirks::Quirks;

/// Status, headers, body.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    /// A body that is no JSON, with its media type.
    pub(super) page: Option<(&'static str, String)>,
    pub(super) location: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) retry_after: Option<String>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, body: None, page: None, location: None, etag: None, retry_after: None }
    }

    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(status) }
    }

    pub(super) fn page(status: u16, media_type: &'static str, text: &str) -> Self {
        Self { page: Some((media_type, text.to_owned())), ..Self::new(status) }
    }

    /// An error in the form that this server gives it.
    pub(super) fn error(quirks: &Quirks, error: &ScimError) -> Self {
        let mut body = error.to_json();
        if let Some(object) = body.as_object_mut() {
            if quirks.error_status_number {
                object.insert("status".to_owned(), Value::from(error.status));
            }
            if quirks.error_key_schema
                && let Some(urns) = object.shift_remove("schemas")
            {
                object.insert("schema".to_owned(), urns);
            }
        }
        Self::json(error.status, body)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (media_type, body) = match (self.page, self.body) {
            (Some((media_type, text)), _) => (Some(media_type), Body::from(text)),
            (None, Some(body)) => (Some(MEDIA_TYPE), Body::from(body.to_string())),
            (None, None) => (None, Body::empty()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let texts = [
            (header::CONTENT_TYPE, media_type.map(str::to_owned)),
            (header::LOCATION, self.location),
            (header::ETAG, self.etag),
            (header::RETRY_AFTER, self.retry_after),
            (header::WWW_AUTHENTICATE, (self.status == 401).then(|| "Bearer".to_owned())),
        ];
        for (name, text) in texts {
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
