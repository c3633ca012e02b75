//! Failures at the edge: [`base::Error`](crate::base::Error) becomes a status here and nowhere else. A handler returns
//! a [`Failure`]; [`draw`] turns it into a problem document under `/api`, into an error of SCIM under `/scim`, and into a
//! page for people, with the reference of the request, when it knows who asked.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::base::{Ctx, Error, FieldError, Kind, urls};
use crate::directory::inbound::Refusal;
use crate::scim::{ErrorKind, ScimError};
use crate::web::context::Notes;
use crate::web::metrics::METRICS;
use crate::web::pages::parts::{Fact, When};

use crate::web::pages::{RefusalPage, Shell, Theme};
use crate::web::paths::is_under;
use crate::web::render::html;
use crate::web::scim::error as scim;
use crate::web::state::{Shared, Web};

/// What a handler returns.
pub type Answer<T = Response> = Result<T, Failure>;

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub enum Failure {
    /// With an error; drawn at the edge.
    Refused(Arc<Refused>),
    /// With an answer that is ready: a redirect to the sign-in page.
    Instead(Box<Response>),
}

/// An error with its status.
#[derive(Debug)]
pub struct Refused {
    error: Error,
    status: StatusCode,
    /// What the standard calls it, where it was refused by SCIM's own rules.
    scim: Option<ErrorKind>,
}

/// The status of each kind of failure.
pub(in crate::web) fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Gone => StatusCode::GONE,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
    }
}

impl Failure {
    /// The error, where one is to be drawn.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Refused(refused) => Some(&refused.error),
            Self::Instead(_) => None,
        }
    }

    /// An error under another status than its kind's, for what only HTTP knows.
    #[must_use]
    pub fn with_status(status: StatusCode, error: Error) -> Self {
        Self::Refused(Arc::new(Refused { error, status, scim: None }))
    }

    /// An error of SCIM's own rules.
    #[must_use]
    pub fn of_scim(error: ScimError) -> Self {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
        let code = error.kind.map_or("scim_refused", scim::code_of);
        let scim = error.kind;
        let error = Error::new(Kind::Malformed, code, error.detail);
        Self::Refused(Arc::new(Refused { error, status, scim }))
    }

    /// The path leads nowhere.
    #[must_use]
    pub fn no_such_page() -> Self {
        Error::new(
            Kind::NotFound,
            "not_found",
            "The address has a typing error in it, or what stood there has been deleted.",
        )
        .into()
    }

    /// The path is right, the method is not; `Allow` says which are.
    #[must_use]
    pub fn wrong_method() -> Self {
        let error = Error::new(
            Kind::Malformed,
            "method_not_allowed",
            "This address does not answer requests of this kind. Go back and try again.",
        );
        Self::with_status(StatusCode::METHOD_NOT_ALLOWED, error)
    }

    /// The body is of a media type that is not taken here.
    #[must_use]
    pub fn wrong_media_type(expected: &'static str) -> Self {
        let error = Error::new(
            Kind::Malformed,
            "unsupported_media_type",
            format!("The body has to be {expected}, and its content-type has to say so."),
        );
        Self::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, error)
    }

    /// The body is larger than what is taken here.
    #[must_use]
    pub fn too_large() -> Self {
        Error::new(Kind::TooLarge, "body_too_large", "This is larger than what can be taken. Send less.")
            .into()
    }

    /// The body came too slowly.
    #[must_use]
    pub fn too_slow() -> Self {
        let error = Error::new(Kind::Malformed, "body_too_slow", "The request came too slowly. Try again.");
        Self::with_status(StatusCode::REQUEST_TIMEOUT, error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::with_status(status_of(error.kind), error)
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self::of_scim(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::House(error) => error.into(),
            Refusal::Scim(error) => error.into(),
        }
    }
}

impl From<Response> for Failure {
    fn from(response: Response) -> Self {
        Self::Instead(Box::new(response))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Instead(response) => *response,
            Self::Refused(refused) => {
                let mut response = refused.status.into_response();
                response.extensions_mut().insert(refused);
                response
            }
        }
    }
}

/// Draws the failures that handlers and extractors returned.
pub async fn draw<F: Future<Output = Response>>(
    web: &Shared,
    request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response {
    let face = Face::of(request.uri().path());
    let head = request.method() == Method::HEAD;
    let ctx = request.extensions().get::<Ctx>().cloned();
    let notes = request.extensions().get::<Notes>().cloned().unwrap_or_default();
    let theme = web.cookies.theme(request.headers());
    let mut response = inner(request).await;
    let Some(refused) = response.extensions_mut().remove::<Arc<Refused>>() else { return response };
    let Some(ctx) = ctx else { return response };
    report(&refused, &ctx);
    let mut drawn = match face {
        Face::Problem => problem(&refused, &ctx),
        Face::Scim => scim::drawn(&refused.error, refused.status, refused.scim),
        Face::Page => page(web, &refused, &ctx, &notes, theme).await,
    };
    if face != Face::Page && drawn.status() == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer realm=\"tessera\"");
        drawn.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    if head {
        *drawn.body_mut() = axum::body::Body::empty();
    }
    for (name, value) in response.headers() {
        let is_of_the_empty_body = name == header::CONTENT_TYPE || name == header::CONTENT_LENGTH;
        if !is_of_the_empty_body {
            drawn.headers_mut().append(name, value.clone());
        }
    }
    if let Some(seconds) = refused.error.retry_after {
        drawn.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    drawn
}

/// In what form a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Page,
    Problem,
    Scim,
}

impl Face {
    fn of(path: &str) -> Self {
        match path {
            path if is_api(path) => Self::Problem,
            path if is_under(path, urls::scim()) => Self::Scim,
            _ => Self::Page,
        }
    }
}

/// Whether programs ask here, for the REST API or the metrics.
#[must_use]
pub fn is_api(path: &str) -> bool {
    (is_under(path, "/api") && !is_under(path, urls::api_docs())) || path == METRICS
}

/// What is our fault goes to the log with its cause.
fn report(refused: &Refused, ctx: &Ctx) {
    let error = &refused.error;
    if refused.status.is_server_error() {
        let cause = error.internal_cause().map(ToString::to_string).unwrap_or_default();
        tracing::error!(request_id = %ctx.request_id, code = error.code, cause, "a request failed on our side");
    }
}

/// RFC 9457, with our members `code`, `errors` and `request_id`.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    request_id: &'a str,
}

fn problem(refused: &Refused, ctx: &Ctx) -> Response {
    let Refused { error, status, .. } = refused;
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: &error.message,
        code: error.code,
        errors: &error.fields,
        request_id: &ctx.request_id,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (*status, body).into_response();
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::GONE => "This is not here any more",
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "You can't do this",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => "We can't do this now",
        status if status.is_server_error() => "Something went wrong on our side",
        _ => "This did not work",
    }
}

/// The small line in the doorway.
fn door(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => "No such door",
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "Not open to you",
        _ => "",
    }
}

async fn page(web: &Web, refused: &Refused, ctx: &Ctx, notes: &Notes, theme: Theme) -> Response {
    let Refused { error, status, .. } = refused;
    let heading = heading(*status);
    let mut shell = match notes.known() {
        Some(live) => web.shell_of(&live, heading).await,
        None => web.shell_of_nobody(heading).await,
    };
    shell.theme = theme;
    shell.reference = ctx.request_id.to_string();
    let page = RefusalPage {
        shell,
        heading: heading.to_owned(),
        lead: error.message.to_string(),
        advice: error
            .fields
            .iter()
            .map(|field| field.message.clone())
            .filter(|m| *m != error.message)
            .collect(),
        application: None,
        door: door(*status).to_owned(),
        again: None,
        when: When { iso: ctx.now().to_rfc3339(), text: ctx.now().to_xs_date_time() },
        technical: vec![Fact::mono("Code", error.code), Fact::new("Status", status.as_str())],
    };
    html(*status, &page).unwrap_or_else(|_| bare(*status, error, &page.shell))
}

/// When even the page can't be drawn.
fn bare(status: StatusCode, error: &Error, shell: &Shell) -> Response {
    (status, format!("{}\n\nReference: {}\n", error.message, shell.reference)).into_response()
}
