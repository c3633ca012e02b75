//! Refusals in SCIM's form (RFC 7644 §3.12). The form is closed, so that our own stable code goes in a header beside it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::base::{Ctx, Error, Kind};
use crate::directory::inbound::{Outcome, Refusal};
use crate::scim::{ErrorKind, MEDIA_TYPE, ScimError};
use crate::web::error::Failure;
use crate::web::extract::permission::note_denial;
use crate::web::state::Web;

/// The header with the stable code of a refusal.
pub const CODE: &str = "tessera-code";

const RECENTLY_USED: &str = "Somebody else had this name less than 90 days ago. Send another, or have an administrator of Tessera make or rename this person in the console.";

/// The stable code of what SCIM's own rules refuse.
#[must_use]
pub fn code_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidFilter => "invalid_filter",
        ErrorKind::TooMany => "too_many",
        ErrorKind::Uniqueness => "uniqueness",
        ErrorKind::Mutability => "mutability",
        ErrorKind::InvalidSyntax => "invalid_syntax",
        ErrorKind::InvalidPath => "invalid_path",
        ErrorKind::NoTarget => "no_target",
        ErrorKind::InvalidValue => "invalid_value",
        ErrorKind::InvalidVers => "invalid_version",
        ErrorKind::Sensitive => "sensitive",
        ErrorKind::InvalidCursor => "invalid_cursor",
        ErrorKind::ExpiredCursor => "expired_cursor",
        ErrorKind::InvalidCount => "invalid_count",
    }
}

/// What the standard calls a refusal by a rule of the house.
fn kind_of(error: &Error) -> Option<ErrorKind> {
    match error.code {
        "username_taken" | "email_taken" | "name_taken" | "recently_used" => Some(ErrorKind::Uniqueness),
        "malformed_json" => Some(ErrorKind::InvalidSyntax),
        _ => (error.kind == Kind::Invalid).then_some(ErrorKind::InvalidValue),
    }
}

/// What came of a change. Where somebody or something is out of the client's reach an event tells of it (W-14).
pub(super) async fn noted<T>(
    web: &Web,
    ctx: &Ctx,
    [method, route]: [&str; 2],
    outcome: Outcome<T>,
) -> Result<T, Failure> {
    let is_denied = matches!(&outcome, Err(Refusal::House(error)) if error.kind == Kind::Forbidden);
    if is_denied {
        note_denial(web, ctx, method, route).await?;
    }
    Ok(outcome?)
}

/// The refusal as it is sent. What REST calls 422 is 400 here.
pub(in crate::web) fn drawn(error: &Error, status: StatusCode, kind: Option<ErrorKind>) -> Response {
    let status = if status == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { status };
    let fields: Vec<String> =
        error.fields.iter().map(|field| format!("{}: {}", field.field, field.message)).collect();
    let detail = match error.code {
        // What the REST API lets its clients say, no SCIM client can.
        "recently_used" => RECENTLY_USED.to_owned(),
        _ if fields.is_empty() => error.message.to_string(),
        _ => fields.join(" "),
    };
    let body = ScimError { status: status.as_u16(), kind: kind.or_else(|| kind_of(error)), detail }.to_json();
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CODE, HeaderValue::from_static(error.code));
    response
}
