//! What handlers answer with: lists, bodies with their `ETag`, created things with their address. Problems are drawn
//! at the edge, by [`crate::web::error`]; here is only their description for the reference.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::base::paging::Page;

/// A problem as it is sent (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `about:blank`: the status says the type, `code` says the rest.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the status.
    pub title: String,
    /// The status.
    pub status: u16,
    /// Stable code, for programs.
    pub code: String,
    /// What happened and what to do, for people.
    pub detail: String,
    /// The fields that can't be accepted; absent when it is not about fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// Reference of the request, also in the log and in events.
    pub request_id: String,
}

/// A field that can't be accepted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemField {
    /// Name of the field, dotted for nested ones.
    pub field: String,
    /// Stable code.
    pub code: String,
    /// What is wrong and how it is right.
    pub message: String,
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Listing<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// `cursor` of the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

impl<T> From<Page<T>> for Listing<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next_cursor }
    }
}

impl<T: Serialize> IntoResponse for Listing<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// A body with the version it has, as `ETag`. The tag is strong, since `If-Match` compares strongly (RFC 9110, 13.1.1)
/// and a weak one could never match.
#[derive(Debug)]
pub struct Tagged<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        set_etag(&mut response, &self.0.to_string());
        response
    }
}

/// Puts `"tag"` on a response.
pub fn set_etag(response: &mut Response, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// Something just created: 201, its address, its version if it has one.
#[derive(Debug)]
pub struct Created<T> {
    /// Path of the new thing.
    pub location: String,
    /// Its version.
    pub version: Option<i64>,
    /// What it is.
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.body)).into_response();
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        if let Some(version) = self.version {
            set_etag(&mut response, &version.to_string());
        }
        response
    }
}

/// Done, and nothing to say.
#[derive(Clone, Copy, Debug)]
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
