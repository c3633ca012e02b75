//! `/static/…`: the files built into the binary, compressed on the way (they hold no secret, so BREACH has nothing to
//! find), kept by browsers for ever under a URL with their version.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::web::assets::{cache_control, find_asset};
use crate::web::error::{Answer, Failure};
use crate::web::extract::{Anyone, Queried};
use crate::web::headers::{Cacheable, Policy};
use crate::web::routes::Routes;

/// The route of all files.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/static/{*name}", send_file).compressed()
}

#[derive(serde::Deserialize)]
struct Asked {
    v: Option<String>,
}

async fn send_file(
    _: Anyone,
    Path(name): Path<String>,
    Queried(asked): Queried<Asked>,
    headers: HeaderMap,
) -> Answer {
    let asset = find_asset(&name).ok_or_else(Failure::no_such_page)?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static(asset.content_type);
        ([(header::CONTENT_TYPE, kind)], asset.body.clone()).into_response()
    };
    let kept = HeaderValue::from_static(cache_control(asset, asked.v.as_deref()));
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    let tag = HeaderValue::from_str(&asset.etag).map_err(crate::base::Error::internal)?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(as_file(response))
}

/// Marks an answer as a file: it may be kept, and never runs anything.
#[must_use]
pub fn as_file(mut response: Response) -> Response {
    response.extensions_mut().insert(Cacheable);
    response.extensions_mut().insert(Policy::File);
    response
}
