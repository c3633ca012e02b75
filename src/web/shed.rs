//! What keeps the server standing: strict paths, a bounded number of requests at work, and a wall that panics don't
//! pass (AV-08, A-10, A-33). `/healthz` passes by all queues.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use crate::base::{Error, Kind};
use crate::web::error::Failure;
use crate::web::health::HEALTHZ;
use crate::web::paths::is_plain;
use crate::web::routes::METADATA_FORM_LIMIT;
use crate::web::server::body::{Ahead, is_too_slow};
use crate::web::state::Shared;

/// Bytes of a body that anybody may have under way. What is longer takes one of [`LARGE_BODIES`] while it comes.
const SMALL: usize = 16 * 1024;
/// Longer bodies under way at the same time: uploads, mostly.
pub(in crate::web) const LARGE_BODIES: usize = 32;
/// Largest body of all routes; each has its own limit below it.
const LARGEST: usize = METADATA_FORM_LIMIT;

/// Lets a bounded number of requests in; the others come back later (AV-08). A body is whole before its request takes a
/// place, so that slow senders hold none, and before anybody asks whose request it is, so that nobody goes on with rights
/// that were withdrawn meanwhile (W-08). Paths that are not written the one way we
/// write them are none of ours.
pub async fn admit(web: &Shared, request: Request, next: Next) -> Response {
    if !is_plain(request.uri().path()) {
        return Failure::no_such_page().into_response();
    }
    if request.uri().path() == HEALTHZ {
        return next.run(request).await;
    }
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LARGEST) {
        return Failure::too_large().into_response();
    }
    let (parts, body) = request.into_parts();
    let body = match whole(web, body).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let Ok(_place) = web.places.try_acquire() else { return overloaded().into_response() };
    next.run(Request::from_parts(parts, body)).await
}

async fn whole(web: &Shared, body: Body) -> Result<Body, Failure> {
    let mut body = Ahead::new(body);
    if !body.read_to(SMALL).await.map_err(|error| unreadable(&error))? {
        let _place = web.large_bodies.try_acquire().map_err(|_| overloaded())?;
        if !body.read_to(LARGEST).await.map_err(|error| unreadable(&error))? {
            return Err(Failure::too_large());
        }
    }
    Ok(body.into_body())
}

/// A body that broke off or came too slowly.
pub(in crate::web) fn unreadable(error: &(dyn std::error::Error + 'static)) -> Failure {
    if is_too_slow(error) {
        return Failure::too_slow();
    }
    Error::new(Kind::Malformed, "body_broken", "The request broke off. Try again.").into()
}

fn overloaded() -> Failure {
    Error::new(
        Kind::Unavailable,
        "overloaded",
        "Too much is going on at this moment. Try again in a few seconds.",
    )
    .retry_after(2)
    .into()
}

/// A panic becomes our own failure, with a line in the log, and ends nothing but its request.
pub fn contain_panics(answered: impl Future<Output = Response>) -> impl Future<Output = Response> {
    AssertUnwindSafe(answered).catch_unwind().map(|answered| {
        answered.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Failure::from(Error::internal(format!("a handler panicked: {text}"))).into_response()
        })
    })
}
