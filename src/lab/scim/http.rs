//! The lab's addresses: credentials, the log, faults, then the resources.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::post;
use futures_util::stream;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::base::Timestamp;
use crate::scim::discovery::resource_types;
use crate::scim::{Capabilities, ErrorKind, ListResponse, PageRequest, Projection, ScimError, schema};

use super::answer::Answer;
use super::credentials::TOKEN_SECONDS;
use super::faults::{Fault, RetryAfter};
use super::list::{Asked, list};
use super::log::Logged;
use super::quirks::{ConfigAnswer, FilterSupport, PatchAnswer, Quirks};
use super::state::{Kind, State};
use super::{BASE_PATH, Inner, Shared, control, groups, users};

/// Largest body in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;
const PAGE: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

/// Whether the answer pretends that something was done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lying {
    pub(super) echo: bool,
}

/// What a request brings beside its body.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) quirks: &'a Quirks,
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
    pub(super) if_match: Option<&'a str>,
    pub(super) projection: Projection,
    pub(super) lie: Option<Lying>,
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .nest("/lab", control::router(&shared))
        .route("/oauth/token", post(issue_token))
        .fallback(answer)
        .with_state(shared)
}

/// A connection that ends: the body fails before its first byte, so the head is never sent.
fn broken() -> Response<Body> {
    let cut = || io::Error::new(io::ErrorKind::ConnectionReset, "the lab ends this connection on request");
    Response::new(Body::from_stream(stream::once(async move { Err::<Vec<u8>, _>(cut()) })))
}

fn text_of<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A request, taken apart.
struct Asking {
    method: String,
    /// `Users`, and what follows it.
    segments: Vec<String>,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Value,
    is_authorized: bool,
}

impl Asking {
    fn resource(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    fn id(&self) -> Option<&str> {
        self.segments.get(1).map(String::as_str)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

async fn answer(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(path) = parts.uri.path().strip_prefix(BASE_PATH) else {
        return Answer::page(404, "text/plain; charset=utf-8", "The lab serves /scim/v2.").into_response();
    };
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Answer::error(&Quirks::default(), &ScimError::plain(413, "The body is too large."))
            .into_response();
    };
    let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let query = parts.uri.query().unwrap_or_default();
    let asking = Asking {
        method: parts.method.as_str().to_owned(),
        segments: path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        body: match serde_json::from_slice(&body) {
            Ok(value) => value,
            Err(_) => Value::String(String::from_utf8_lossy(&body).into_owned()),
        },
        is_authorized: false,
        headers: parts.headers,
    };
    let body = if body.is_empty() { Value::Null } else { asking.body.clone() };
    let asking = Asking { body, ..asking };
    serve(&shared, asking, path, query).await
}

async fn serve(shared: &Shared, mut asking: Asking, path: &str, query: &str) -> Response<Body> {
    let (number, fault, latency) = {
        let mut inner = shared.lock();
        let now = shared.clock.now();
        let authorization = text_of(&asking.headers, &header::AUTHORIZATION);
        asking.is_authorized = authorization.is_some_and(|header| inner.credentials.allow(header, now));
        let fault = inner.faults.strike(&shared.random, &asking.method, asking.resource(), asking.id());
        let number = note(&mut inner, &asking, path, query, fault, now);
        (number, fault, inner.latency)
    };
    pause(latency).await;
    let answered = |status: Option<u16>| shared.lock().log.answered(number, status);
    let told = match fault {
        None => perform(shared, &asking, None),
        Some(Fault::Slow { millis }) => {
            let answer = perform(shared, &asking, None);
            pause(Duration::from_millis(millis)).await;
            answer
        }
        Some(Fault::Lie { echo }) => perform(shared, &asking, Some(Lying { echo })),
        Some(Fault::AppliedThenReset) => {
            perform(shared, &asking, None);
            return broken();
        }
        Some(Fault::Drop) => return broken(),
        Some(Fault::Hang { millis }) => {
            pause(Duration::from_millis(millis)).await;
            return broken();
        }
        Some(Fault::Html) => Answer::page(502, "text/html; charset=utf-8", PAGE),
        Some(Fault::Garbage) => Answer::page(200, crate::scim::MEDIA_TYPE, "{\"schemas\":[\"urn:ietf:par"),
        Some(Fault::TooMany { retry_after }) => refusal(shared, 429, retry_after),
        Some(Fault::Status { status, retry_after }) => refusal(shared, status, retry_after),
    };
    answered(Some(told.status));
    told.into_response()
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn note(
    inner: &mut Inner,
    asking: &Asking,
    path: &str,
    query: &str,
    fault: Option<Fault>,
    at: Timestamp,
) -> u64 {
    let header = |name| text_of(&asking.headers, &name).map(str::to_owned);
    let size = match &asking.body {
        Value::Null => 0,
        body => body.to_string().len(),
    };
    let request = Logged {
        number: 0,
        at,
        method: asking.method.clone(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: asking.body.clone(),
        has_authorization: asking.headers.contains_key(header::AUTHORIZATION),
        is_authorized: asking.is_authorized,
        user_agent: header(header::USER_AGENT),
        content_type: header(header::CONTENT_TYPE),
        accept: header(header::ACCEPT),
        if_match: header(header::IF_MATCH),
        fault: fault.map(|fault| fault.name().to_owned()),
        status: None,
    };
    inner.log.add(format!("{} /{}", asking.method, asking.resource()), size, request)
}

/// A refusal that a fault asks for.
fn refusal(shared: &Shared, status: u16, retry_after: Option<RetryAfter>) -> Answer {
    let inner = shared.lock();
    let error = ScimError::plain(status, "The lab fails on request.");
    let retry_after = retry_after.map(|when| match when {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(seconds) => http_date(shared.clock.now().plus(i64::from(seconds) * 1000)),
    });
    Answer { retry_after, ..Answer::error(&inner.quirks, &error) }
}

/// `Sun, 29 Nov 2026 12:00:00 GMT` (RFC 9110 §5.6.7).
fn http_date(at: Timestamp) -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    printer.timestamp_to_rfc9110_string(&instant).unwrap_or_default()
}

fn perform(shared: &Shared, asking: &Asking, lie: Option<Lying>) -> Answer {
    let mut inner = shared.lock();
    let Inner { quirks, state, .. } = &mut *inner;
    let base = format!("{}{BASE_PATH}", shared.origin);
    let outcome = dispatch(state, quirks, &base, shared.clock.now(), asking, lie);
    outcome.unwrap_or_else(|error| Answer::error(quirks, &error))
}

fn dispatch(
    state: &mut State,
    quirks: &Quirks,
    base: &str,
    now: Timestamp,
    asking: &Asking,
    lie: Option<Lying>,
) -> Result<Answer, ScimError> {
    if quirks.user_agent_required && text_of(&asking.headers, &header::USER_AGENT).is_none_or(str::is_empty) {
        return Err(ScimError::plain(403, "Requests need a User-Agent."));
    }
    if !asking.is_authorized {
        return Err(ScimError::plain(401, "The token is not valid."));
    }
    let projection =
        Projection::read(asking.parameter("attributes"), asking.parameter("excludedAttributes"))?;
    let if_match = text_of(&asking.headers, &header::IF_MATCH);
    let call = Call { quirks, base, now, if_match, projection, lie };
    let kind = match asking.resource() {
        "Users" => Kind::User,
        "Groups" => Kind::Group,
        _ => return discovery(quirks, base, asking),
    };
    match (asking.method.as_str(), asking.segments.get(1..).unwrap_or_default()) {
        ("GET", []) => {
            let asked = Asked {
                filter: asking.parameter("filter"),
                start_index: asking.parameter("startIndex"),
                count: asking.parameter("count"),
                cursor: asking.parameter("cursor"),
            };
            Ok(Answer::json(200, list(state, quirks, base, kind, &asked, &call.projection)?))
        }
        ("POST", []) => {
            let body = object(asking)?.clone();
            match kind {
                Kind::User => users::create(state, &call, body),
                Kind::Group => groups::create(state, &call, body),
            }
        }
        ("GET", [id]) => read(state, &call, kind, id, asking),
        ("PUT", [id]) => {
            let body = object(asking)?.clone();
            match kind {
                Kind::User => users::replace(state, &call, id, body),
                Kind::Group => groups::replace(state, &call, id, body),
            }
        }
        ("PATCH", [id]) => match kind {
            Kind::User => users::patch(state, &call, id, object(asking)?),
            Kind::Group => groups::patch(state, &call, id, object(asking)?),
        },
        ("DELETE", [id]) => users::delete(state, &call, kind, id),
        (_, [] | [_]) => Err(ScimError::plain(405, "This is not done here.")),
        _ => Err(ScimError::plain(404, "There is nothing here.")),
    }
}

fn object(asking: &Asking) -> Result<&Value, ScimError> {
    let is_object = asking.body.is_object();
    is_object
        .then_some(&asking.body)
        .ok_or_else(|| ScimError::new(400, ErrorKind::InvalidSyntax, "The body must be a JSON object."))
}

fn read(state: &State, call: &Call<'_>, kind: Kind, id: &str, asking: &Asking) -> Result<Answer, ScimError> {
    let row = state.table(kind).find(id).ok_or_else(|| users::not_found(kind, id))?;
    let is_known =
        text_of(&asking.headers, &header::IF_NONE_MATCH).is_some_and(|tag| tag.trim() == row.etag());
    if is_known && !call.quirks.no_etags {
        return Ok(Answer { etag: Some(row.etag()), ..Answer::new(304) });
    }
    Ok(users::shown(state, call, kind, row, 200))
}

fn discovery(quirks: &Quirks, base: &str, asking: &Asking) -> Result<Answer, ScimError> {
    let segments: Vec<&str> = asking.segments.iter().map(String::as_str).collect();
    if matches!(segments.as_slice(), ["Me" | "Bulk", ..] | [".search"]) {
        return Err(ScimError::plain(501, "This is not implemented."));
    }
    let nothing = || ScimError::plain(404, "There is nothing here.");
    let is_discovery = matches!(
        segments.as_slice(),
        ["ServiceProviderConfig" | "ServiceProviderConfigs" | "ResourceTypes" | "Schemas", ..]
    );
    if is_discovery && asking.method != "GET" {
        return Err(ScimError::plain(405, "What the server is can only be read."));
    }
    if is_discovery && asking.parameter("filter").is_some() {
        // RFC 7644 §4.
        return Err(ScimError::plain(403, "What the server is can't be filtered."));
    }
    let is_plural = quirks.config == ConfigAnswer::Plural;
    match segments.as_slice() {
        ["ServiceProviderConfig"] if !is_plural => config(quirks, base),
        ["ServiceProviderConfigs"] if is_plural => config(quirks, base),
        ["ResourceTypes"] => Ok(Answer::json(200, listed(resource_types(base, !quirks.no_enterprise)))),
        ["ResourceTypes", name] => found(resource_types(base, !quirks.no_enterprise), name),
        ["Schemas"] => Ok(Answer::json(200, listed(schemas(quirks, base)))),
        ["Schemas", urn] => found(schemas(quirks, base), urn),
        _ => Err(nothing()),
    }
}

fn config(quirks: &Quirks, base: &str) -> Result<Answer, ScimError> {
    match quirks.config {
        ConfigAnswer::Missing => return Err(ScimError::plain(404, "There is nothing here.")),
        ConfigAnswer::Html => {
            return Ok(Answer::page(200, "text/html; charset=utf-8", "<html><h1>Sign in</h1></html>"));
        }
        ConfigAnswer::Shown | ConfigAnswer::Plural => {}
    }
    let filters = !matches!(quirks.filter, FilterSupport::Unsupported | FilterSupport::Ignored);
    let capabilities = Capabilities {
        patch: Some(quirks.patch_user != PatchAnswer::Unsupported),
        filter: Some(filters && !quirks.claims_no_filter),
        filter_max_results: Some(quirks.page_max),
        etag: !quirks.no_etags,
        cursor_paging: quirks.cursor_paging,
        index_paging: Some(true),
        default_page_size: Some(quirks.page_default),
        max_page_size: Some(quirks.page_max),
        authentication_schemes: ["oauthbearertoken", "oauth2", "httpbasic"].map(str::to_owned).into(),
        ..Capabilities::default()
    };
    Ok(Answer::json(200, capabilities.to_json(&format!("{base}/ServiceProviderConfig"))))
}

fn schemas(quirks: &Quirks, base: &str) -> Vec<Value> {
    let shown =
        schema::ALL.iter().filter(|schema| !quirks.no_enterprise || schema.id != schema::ENTERPRISE_URN);
    // Passwords are taken and forgotten: nobody is told that they can be set.
    let keep = |attribute: &schema::Attribute| attribute.mutability != schema::Mutability::WriteOnly;
    shown.map(|schema| schema.to_json(&format!("{base}/Schemas/{}", schema.id), keep)).collect()
}

fn listed(resources: Vec<Value>) -> Value {
    let count = resources.len() as u64;
    ListResponse::page(resources, PageRequest { start_index: 1, count }, count).to_json()
}

fn found(resources: Vec<Value>, id: &str) -> Result<Answer, ScimError> {
    let found = resources.into_iter().find(|one| one.get("id").and_then(Value::as_str) == Some(id));
    found.map(|one| Answer::json(200, one)).ok_or_else(|| ScimError::plain(404, "There is nothing here."))
}

/// OAuth 2 client credentials (RFC 6749 §4.4).
async fn issue_token(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let refused = |status: StatusCode, code: &str| {
        Answer::page(status.as_u16(), "application/json", &json!({ "error": code }).to_string())
            .into_response()
    };
    let Ok(body) = to_bytes(body, 16 * 1024).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request");
    };
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut inner = shared.lock();
    let now = shared.clock.now();
    if let Some(fault) = inner.faults.strike(&shared.random, "POST", "token", None) {
        return match fault {
            Fault::Status { status, .. } => {
                Answer::page(status, "application/json", "{\"error\":\"server_error\"}").into_response()
            }
            _ => broken(),
        };
    }
    if field("grant_type") != "client_credentials" {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let client = form.contains_key("client_id").then(|| (field("client_id"), field("client_secret")));
    let header = text_of(&parts.headers, &header::AUTHORIZATION);
    match inner.credentials.issue(client, header, &shared.random, now) {
        None => refused(StatusCode::UNAUTHORIZED, "invalid_client"),
        Some(token) => {
            let answer =
                json!({ "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS });
            Answer::page(200, "application/json", &answer.to_string()).into_response()
        }
    }
}
