//! `Idempotency-Key`: a POST that is sent again, because its answer was lost, gives the first answer again. The other
//! methods come to the same however often they are sent, so a key changes nothing there.

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use openssl::sha::sha256;

use crate::auth::idempotency::{self, Begun, Kept};
use crate::base::{Error, Kind};
use crate::web::error::{Answer, Failure};
use crate::web::extract::ApiToken;
use crate::web::state::Shared;

const HEADER: &str = "idempotency-key";
/// Headers of an answer that are kept with it.
const KEPT: [&str; 3] = ["content-type", "location", "etag"];
/// Most bytes of an answer that is kept.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The key of a POST, if it has one, with what the request was.
#[derive(Clone, Debug, Default)]
pub struct Key {
    key: Option<String>,
    target: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let target = format!("{} {}", parts.method, parts.uri);
        Ok(Self { key: usable(&parts.headers)?.map(str::to_owned), target })
    }
}

/// The key of a request, if it has one. One that can't be used is refused on every call, also where a call may be sent
/// again without one: its sender would go on believing that it counts.
pub(in crate::web) fn usable(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|text| {
        (1..=255).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic())
            && values.next().is_none()
    });
    key.map(Some).ok_or_else(|| {
        Error::new(
            Kind::Malformed,
            "idempotency_key_unusable",
            "Give one Idempotency-Key of 1 to 255 visible ASCII characters.",
        )
    })
}

impl Key {
    /// Does the work, or gives the answer that it gave before. `body` is the request's body. Once begun, the work and
    /// the keeping of its answer go on even when the caller goes away.
    pub async fn once<P, T: IntoResponse>(
        self,
        web: Shared,
        caller: &ApiToken<P>,
        body: &[u8],
        work: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Answer<Response> {
        let Some(key) = self.key else { return Ok(work.await.into_response()) };
        let installation = &web.installation;
        let request = sha256(&[self.target.as_bytes(), b"\n", body].concat());
        let (ctx, token) = (caller.ctx.clone(), caller.token.id);
        let begun =
            idempotency::begin(&installation.db, &ctx, &installation.vault, token, &key, &request).await?;
        let claim = match begun {
            Begun::Again(kept) => return replay(kept),
            Begun::Fresh(claim) => claim,
        };
        let done = tokio::spawn(async move {
            let response = work.await.into_response();
            let installation = &web.installation;
            if !response.status().is_success() {
                // Nothing came of it: the key is free for another attempt.
                idempotency::release(&installation.db, claim).await?;
                return Ok(response);
            }
            let (response, kept) = split(response).await?;
            idempotency::keep(&installation.db, &ctx, &installation.vault, claim, &kept).await?;
            Ok(response)
        });
        done.await.map_err(Error::internal)?
    }
}

async fn split(response: Response) -> Result<(Response, Kept), Error> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await.map_err(Error::internal)?;
    let header = |name: &&str| {
        let value = parts.headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    };
    let kept = Kept {
        status: parts.status.as_u16(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: body.to_vec(),
    };
    Ok((Response::from_parts(parts, Body::from(body)), kept))
}

fn replay(kept: Kept) -> Answer<Response> {
    let status = StatusCode::from_u16(kept.status).map_err(Error::internal)?;
    let mut response = (status, kept.body).into_response();
    for (name, value) in kept.headers {
        let name = HeaderName::try_from(name).map_err(Error::internal)?;
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(Error::internal)?);
    }
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
