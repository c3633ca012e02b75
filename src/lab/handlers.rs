//! The lab's addresses.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha256;
use serde::Deserialize;

use crate::base::Error;
use crate::lab::judge::{Expected, Received, judge};
use crate::lab::pages::{IndexPage, MessagePage, ReceivedPage, Row, SendPage};
use crate::lab::request::{Wish, authn_request, metadata, post_field, redirect_url};
use crate::lab::{MAX_RELAY_STATE, Sent, Shared};
use crate::saml::pretty::pretty;

/// The page that posts to the identity provider can't say where that leads on to, so it has no `form-action`.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";
/// Says in one word how a Response was taken, for tests.
const VERDICT: HeaderName = HeaderName::from_static("x-lab-verdict");
const TOKENS: &str = include_str!("../../assets/tokens.css");
const STYLE: &str = include_str!("../../assets/app.css");
const ICON: &str = include_str!("../../assets/favicon.svg");
const GRAIN: &str = include_str!("../../assets/art/grain.svg");
const POST: &str = include_str!("../../assets/post.js");

type Lab = State<Arc<Shared>>;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(list_applications))
        .route("/start/{name}", get(start_sign_on))
        .route("/acs/{name}", post(receive_response))
        .route("/metadata/{name}", get(show_metadata))
        .route("/static/tokens.css", get(|| async { file("text/css; charset=utf-8", TOKENS) }))
        .route("/static/app.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/static/favicon.svg", get(|| async { file("image/svg+xml", ICON) }))
        .route("/static/art/grain.svg", get(|| async { file("image/svg+xml", GRAIN) }))
        .route("/static/post.js", get(|| async { file("text/javascript; charset=utf-8", POST) }))
        .fallback(|| async { missing() })
        .layer(DefaultBodyLimit::max(512 * 1024))
        .layer(from_fn(protect))
        .with_state(shared)
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the lab could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn missing() -> Response {
    let text = "The lab has no such application. It may have been started anew.".to_owned();
    html(StatusCode::NOT_FOUND, &MessagePage { title: "There is nothing here".to_owned(), text })
}

fn failed(error: &Error) -> Response {
    tracing::error!(%error, "the lab failed");
    let text = error.to_string();
    html(StatusCode::INTERNAL_SERVER_ERROR, &MessagePage { title: "This did not work".to_owned(), text })
}

async fn list_applications(State(lab): Lab) -> Response {
    let rows = {
        let all = lab.applications.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let row = |sp: &super::LabSp| Row {
            name: sp.name.clone(),
            label: sp.label.clone(),
            entity_id: sp.entity_id.clone(),
            idp_url: sp.idp_url.clone(),
        };
        all.values().map(|application| row(&application.sp)).collect()
    };
    html(StatusCode::OK, &IndexPage { title: "Applications to try".to_owned(), applications: rows })
}

async fn start_sign_on(State(lab): Lab, Path(name): Path<String>, Query(wish): Query<Wish>) -> Response {
    let Some(application) = lab.find(&name) else { return missing() };
    if wish.relay_state.as_ref().is_some_and(|state| state.len() > MAX_RELAY_STATE) {
        let text = format!("A RelayState has at most {MAX_RELAY_STATE} bytes here.");
        let title = "This RelayState is too long".to_owned();
        return html(StatusCode::BAD_REQUEST, &MessagePage { title, text });
    }
    let id = lab.random.saml_id();
    let relay_state = wish.relay_state.clone();
    let sent = Sent { application: name.clone(), relay_state: relay_state.clone() };
    let sp = &application.sp;
    let acs = lab.acs_url(&name);
    let answer = authn_request(sp, &acs, &id, lab.clock.now(), &wish).and_then(|request| {
        if wish.binding.as_deref() == Some("post") {
            let page = SendPage {
                title: format!("Signing in to {}", sp.label),
                action: sp.idp_url.clone(),
                message: post_field(&request),
                relay_state: relay_state.clone(),
            };
            return Ok(html(StatusCode::OK, &page));
        }
        let url = redirect_url(sp, &request, relay_state.as_deref())?;
        Ok((StatusCode::FOUND, [(header::LOCATION, url)]).into_response())
    });
    lab.sent.insert(id, sent);
    answer.unwrap_or_else(|error| failed(&error))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Posted {
    #[serde(rename = "SAMLResponse")]
    saml_response: String,
    relay_state: Option<String>,
}

async fn receive_response(
    State(lab): Lab,
    Path(name): Path<String>,
    posted: Result<Form<Posted>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Some(application) = lab.find(&name) else { return missing() };
    let Ok(Form(posted)) = posted else {
        let text = "There is no SAMLResponse in what was sent.".to_owned();
        return html(StatusCode::BAD_REQUEST, &MessagePage { title: "This is no response".to_owned(), text });
    };
    let application = lab.up_to_date(application).await;
    let compact: String = posted.saml_response.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let xml = STANDARD.decode(compact).unwrap_or_default();
    let waiting = |id: &str| lab.sent.get(id).is_some_and(|sent| sent.application == name);
    let seen = |id: &str| lab.seen.contains_key(&memory_key(&name, id));
    let acs = lab.acs_url(&name);
    let expected = Expected { acs_url: &acs, now: lab.clock.now(), is_waiting: &waiting, was_seen: &seen };
    let mut received = judge(&application, &expected, &xml);
    if let Some(sent) = lab.sent.remove(&received.in_response_to) {
        received.check_relay_state(sent.relay_state.as_deref(), posted.relay_state.as_deref());
    }
    let accepted = received.is_accepted();
    if accepted {
        lab.seen.insert(memory_key(&name, &received.assertion_id), ());
    }
    let page = ReceivedPage {
        title: if accepted {
            format!("Signed in to {}", application.sp.label)
        } else {
            "Not signed in".to_owned()
        },
        name,
        label: application.sp.label.clone(),
        accepted,
        note: application.sp.note.clone(),
        facts: facts(&received),
        relay_state: posted.relay_state,
        xml: pretty(&String::from_utf8_lossy(&xml)),
        received,
    };
    let status = if accepted { StatusCode::OK } else { StatusCode::FORBIDDEN };
    let mut response = html(status, &page);
    let word = HeaderValue::from_static(if accepted { "accepted" } else { "refused" });
    response.headers_mut().insert(VERDICT, word);
    response
}

/// What an accepted assertion is remembered by: always 32 bytes, however long its ID.
fn memory_key(name: &str, assertion_id: &str) -> [u8; 32] {
    sha256(format!("{name} {assertion_id}").as_bytes())
}

impl Received {
    fn check_relay_state(&mut self, sent: Option<&str>, came: Option<&str>) {
        use crate::lab::judge::{Check, Verdict};
        let verdict = if sent == came { Verdict::Passed } else { Verdict::Failed };
        let found = came.unwrap_or("None").to_owned();
        self.checks.push(Check { what: "RelayState is the one sent", verdict, found });
    }
}

/// What the application learned, as it is shown.
fn facts(received: &Received) -> Vec<(&'static str, String)> {
    let all = [
        ("Subject", &received.name_id),
        ("NameID format", &received.name_id_format),
        ("Session index", &received.session_index),
        ("Signed in at", &received.authn_instant),
        ("Session ends", &received.session_end),
        ("Kind of sign-in", &received.authn_context),
        ("Issuer", &received.issuer),
        ("In response to", &received.in_response_to),
        ("Message", &received.status_message),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.clone()))
        .collect()
}

async fn show_metadata(State(lab): Lab, Path(name): Path<String>, _: HeaderMap) -> Response {
    let Some(application) = lab.find(&name) else { return missing() };
    match metadata(&application.sp, &lab.acs_url(&name)) {
        Ok(xml) => ([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response(),
        Err(error) => failed(&error),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
