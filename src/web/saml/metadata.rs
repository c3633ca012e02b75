//! The application's IdP metadata and signing certificate, for everybody: what a service provider is set up with.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::base::Error;
use crate::signon::published;
use crate::web::error::Answer;
use crate::web::extract::{Anyone, Queried};
use crate::web::headers::Cacheable;
use crate::web::state::Shared;

/// The query of a download.
#[derive(Deserialize)]
pub(super) struct Download {
    #[serde(default)]
    download: Option<String>,
}

fn file(headers: &HeaderMap, kind: &'static str, name: Option<String>, body: String) -> Answer<Response> {
    let digest = openssl::sha::sha256(body.as_bytes());
    let tag = digest[..16].iter().fold(String::from("\""), |tag, byte| format!("{tag}{byte:02x}")) + "\"";
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { (StatusCode::OK, body).into_response() };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::ETAG, HeaderValue::try_from(tag).map_err(Error::internal)?);
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(name) = name {
        let disposition = format!("attachment; filename=\"{name}\"");
        answer.insert(
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(disposition).map_err(Error::internal)?,
        );
    }
    response.extensions_mut().insert(Cacheable);
    Ok(response)
}

/// The metadata; `?download=1` names the file.
pub(super) async fn metadata(
    visitor: Anyone,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    Queried(query): Queried<Download>,
    headers: HeaderMap,
) -> Answer {
    let epochs = web.installation.epochs().await?;
    // Browsers say how they come to ask.
    let by_program = !headers.contains_key("sec-fetch-mode");
    let xml = published::metadata(&web.installation, &visitor.ctx, epochs, &slug, by_program).await?;
    let name = query.download.map(|_| format!("tessera-{slug}-metadata.xml"));
    file(&headers, "application/samlmetadata+xml", name, xml)
}

/// The certificate, as a download.
pub(super) async fn certificate(
    visitor: Anyone,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let pem = published::certificate(&web.installation, &visitor.ctx, &slug).await?;
    file(&headers, "application/x-pem-file", Some("certificate.pem".to_owned()), pem)
}

/// The certificates of the keys that our metadata is signed with, as a download.
pub(super) async fn metadata_certificate(_: Anyone, State(web): State<Shared>, headers: HeaderMap) -> Answer {
    let epochs = web.installation.epochs().await?;
    let pem = published::metadata_certificates(&web.installation, epochs).await?;
    file(&headers, "application/x-pem-file", Some("metadata-certificate.pem".to_owned()), pem)
}
