//! What SCIM clients are answered.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::scim::{ListResponse, MEDIA_TYPE, PageRequest};

/// A body.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// A list that is whole.
pub(super) fn whole(resources: Vec<Value>) -> Response {
    let count = resources.len() as u64;
    let list = ListResponse::page(resources, PageRequest { start_index: 1, count }, count);
    json(StatusCode::OK, &list.to_json())
}

/// A page of a list.
pub(super) fn page(resources: Vec<Value>, page: PageRequest, total: u64) -> Response {
    json(StatusCode::OK, &ListResponse::page(resources, page, total).to_json())
}

/// A resource with its version, and with its address where it is new.
pub(super) fn resource(status: StatusCode, body: &Value, tag: &str, location: &str) -> Response {
    let mut response = json(status, body);
    set_tag(&mut response, tag);
    if let Ok(location) = HeaderValue::from_str(location) {
        let name = if status == StatusCode::CREATED { header::LOCATION } else { header::CONTENT_LOCATION };
        response.headers_mut().insert(name, location);
    }
    response
}

/// The caller has it already.
pub(super) fn unchanged(tag: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    set_tag(&mut response, tag);
    response
}

fn set_tag(response: &mut Response, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("W/\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// Done, and nothing to say.
pub(super) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
