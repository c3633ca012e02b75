//! Bodies of requests: forms that prove where they come from, uploads, queries.

use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::base::{Error, Kind};
use crate::web::csrf::{self, check_origin, check_token};
use crate::web::error::Failure;
use crate::web::form::Fields;
use crate::web::shed::unreadable;
use crate::web::state::Shared;

const FORM: &str = "application/x-www-form-urlencoded";

/// A form shown to a signed-in person: origin and token are checked. Use it after [`crate::web::extract::Person`] and
/// its kin.
#[derive(Clone, Debug)]
pub struct SignedForm<T>(pub T);

/// A form of the gate, shown to a browser before anybody signed in: the same checks against the browser's secret.
#[derive(Clone, Debug)]
pub struct GateForm<T>(pub T);

/// The query, read as strictly as a form.
#[derive(Clone, Debug)]
pub struct Queried<T>(pub T);

/// The body as it came, within the route's limit: for SAML messages, metadata and certificates, which are no forms of
/// ours. It carries no proof of where it comes from.
#[derive(Clone, Debug)]
pub struct RawBody(pub Bytes);

/// A multipart form shown to a signed-in person, with the same checks as [`SignedForm`].
#[derive(Clone, Debug)]
pub struct SignedUpload(pub Upload);

/// The parts of a multipart form.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// Its text fields.
    pub fields: Fields,
    /// Its files, by the names of their inputs; an input that was left empty is absent.
    pub files: Vec<(String, Bytes)>,
}

impl Upload {
    /// The file of an input.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.iter().find(|(input, _)| input == name).map(|(_, bytes)| bytes)
    }
}

/// Whether the content type is this one, whatever its parameters.
pub(in crate::web) fn is_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(expected))
}

/// The whole body, within the route's limit.
pub(in crate::web) async fn read(request: Request) -> Result<Bytes, Failure> {
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(fault) if fault.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::too_large()
        }
        other => unreadable(&other),
    })
}

async fn checked_form<T: DeserializeOwned>(
    request: Request,
    web: &Shared,
    secret: Option<String>,
) -> Result<T, Failure> {
    check_origin(web, request.headers())?;
    if !is_media_type(request.headers(), FORM) {
        return Err(Failure::wrong_media_type(FORM));
    }
    let body = read(request).await?;
    let text = std::str::from_utf8(&body).map_err(|_| {
        Error::new(Kind::Malformed, "form_encoding", "This form is not encoded as it should be.")
    })?;
    let mut fields = Fields::parse(text)?;
    // A proof that comes twice is none.
    let token = fields.take(csrf::FIELD).ok().flatten();
    check_token(web, secret.as_deref(), token.as_deref())?;
    Ok(fields.read()?)
}

impl<T: DeserializeOwned> FromRequest<Shared> for SignedForm<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Failure> {
        let secret = web.cookies.session(request.headers());
        checked_form(request, web, secret).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for GateForm<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Failure> {
        let secret = web.cookies.browser(request.headers());
        checked_form(request, web, secret).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequestParts<Shared> for Queried<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        Ok(Self(Fields::parse(parts.uri.query().unwrap_or_default())?.read()?))
    }
}

impl FromRequest<Shared> for RawBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Failure> {
        read(request).await.map(Self)
    }
}

impl FromRequest<Shared> for SignedUpload {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Failure> {
        check_origin(web, request.headers())?;
        let secret = web.cookies.session(request.headers());
        let mut multipart = Multipart::from_request(request, &())
            .await
            .map_err(|_| Failure::wrong_media_type("multipart/form-data"))?;
        let mut upload = Upload::default();
        while let Some(part) = multipart.next_field().await.map_err(|error| broken(&error))? {
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(|error| broken(&error))?;
            if is_file {
                let repeated = upload.file(&name).is_some();
                if repeated {
                    return Err(
                        Error::new(Kind::Malformed, "form_unreadable", "Send one file at a time.").into()
                    );
                }
                if !bytes.is_empty() {
                    upload.files.push((name, bytes));
                }
            } else {
                let text = String::from_utf8(bytes.into()).map_err(|_| {
                    Error::new(Kind::Malformed, "form_encoding", "This form is not encoded as it should be.")
                })?;
                upload.fields.push(name, text)?;
            }
        }
        let token = upload.fields.take(csrf::FIELD).ok().flatten();
        check_token(web, secret.as_deref(), token.as_deref())?;
        Ok(Self(upload))
    }
}

fn broken(error: &MultipartError) -> Failure {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Failure::too_large() } else { unreadable(error) }
}
