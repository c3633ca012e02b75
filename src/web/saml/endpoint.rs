//! `/saml2/{slug}`: with a `SAMLRequest` the service provider begins, without one Tessera does.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;

use crate::base::{Error, Kind, Result};
use crate::signon::Epochs;
use crate::signon::idp_initiated::{self, Visit};
use crate::signon::outcome::Outcome;
use crate::signon::pending::{self, Waiting};
use crate::signon::receive::{self, Visitor};
use crate::web::context::Notes;
use crate::web::csrf::{FIELD, check_origin, check_token};
use crate::web::error::{Answer, Failure};
use crate::web::extract::body::is_media_type;
use crate::web::extract::{Gate, Queried, RawBody};
use crate::web::form::Fields;
use crate::web::saml::show::show;
use crate::web::state::{Shared, Web};

pub(in crate::web) fn visitor(gate: &Gate, epochs: Epochs) -> Visitor<'_> {
    Visitor { session: gate.live.as_ref().map(|live| &live.session), browser: &gate.browser, epochs }
}

/// What is wrong with a request before anything is asked of sign-on leaves its event like any other refusal.
pub(super) async fn at_the_door(
    web: &Web,
    gate: &Gate,
    epochs: Epochs,
    slug: &str,
    refused: Failure,
) -> Failure {
    let Some(error) = refused.error() else { return refused };
    let noted = receive::note_error(&web.installation, &gate.ctx, visitor(gate, epochs), slug, error).await;
    noted.map_or_else(Failure::from, |()| refused)
}

/// Whether a query or form holds a message, by any spelling of the parameter's name.
fn has_message(raw: &str) -> bool {
    url::form_urlencoded::parse(raw.as_bytes())
        .any(|(name, _)| matches!(name.as_ref(), "SAMLRequest" | "SAMLResponse"))
}

/// A message in the query of a POST, whose binding takes it from the form alone (SAML-101).
fn mixed_sources() -> Error {
    Error::new(
        Kind::Malformed,
        "mixed_sources",
        "This sign-in request came by a form and by the address at once. Go back to the application and start again.",
    )
}

/// GET: an AuthnRequest by the Redirect binding, or a visit.
pub(super) async fn by_get(
    gate: Gate,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Answer {
    if method != Method::GET {
        return Err(Failure::wrong_method());
    }
    let raw_query = query.unwrap_or_default();
    let installation = &web.installation;
    let epochs = gate.epochs;
    if has_message(&raw_query) {
        let waiting = Waiting::Redirect { raw_query };
        let outcome =
            receive::arrive(installation, &gate.ctx, visitor(&gate, epochs), &slug, waiting).await?;
        return show(&web, &gate, epochs, &slug, outcome).await;
    }
    let relay_state = match linked_relay_state(&raw_query) {
        Ok(state) => state,
        Err(refused) => return Err(at_the_door(&web, &gate, epochs, &slug, refused).await),
    };
    let visit = Visit {
        relay_state: relay_state.as_deref(),
        ask_first: !gate.is_own_navigation(&web),
        confirmed: false,
    };
    let outcome = idp_initiated::visit(installation, &gate.ctx, visitor(&gate, epochs), &slug, visit).await?;
    show(&web, &gate, epochs, &slug, outcome).await
}

fn linked_relay_state(raw_query: &str) -> Result<Option<String>, Failure> {
    let mut fields = Fields::parse(raw_query)?;
    Ok(checked_relay_state(fields.take("RelayState")?)?)
}

fn checked_relay_state(text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let state = crate::saml::binding::RelayState::new(text)
        .map_err(|reason| Error::new(Kind::Malformed, reason.code(), reason.sentence()))?;
    Ok(Some(state.as_str().to_owned()))
}

/// POST: an AuthnRequest by the POST binding, or the button of the page that asks first.
pub(super) async fn by_post(
    gate: Gate,
    Extension(notes): Extension<Notes>,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    headers: axum::http::HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    let installation = &web.installation;
    let epochs = gate.epochs;
    let raw_body = match posted_form(&headers, query.as_deref(), body.into()) {
        Ok(raw_body) => raw_body,
        Err(refused) => return Err(at_the_door(&web, &gate, epochs, &slug, refused).await),
    };
    if has_message(&raw_body) {
        let waiting = Waiting::Post { raw_body };
        let outcome =
            receive::arrive(installation, &gate.ctx, visitor(&gate, epochs), &slug, waiting).await?;
        if let (Outcome::Resume { handle }, false) = (&outcome, gate.knows_browser) {
            notes.set_cookie(web.cookies.set_hop(handle, &gate.browser));
        }
        return show(&web, &gate, epochs, &slug, outcome).await;
    }
    confirmed(&web, &gate, &headers, epochs, &slug, &raw_body).await
}

/// The body of a POST as text; it comes alone, with nothing in the query.
pub(super) fn posted_form(
    headers: &axum::http::HeaderMap,
    query: Option<&str>,
    body: Vec<u8>,
) -> Result<String, Failure> {
    if !is_media_type(headers, "application/x-www-form-urlencoded") {
        return Err(Failure::wrong_media_type("application/x-www-form-urlencoded"));
    }
    if query.is_some_and(|query| !query.is_empty()) {
        return Err(mixed_sources().into());
    }
    String::from_utf8(body).map_err(|_| {
        let message = "This form is not encoded as it should be. Go back to the application and start again.";
        Error::new(Kind::Malformed, "form_encoding", message).into()
    })
}

/// The person pressed *Continue* on our own page: origin and token say so.
async fn confirmed(
    web: &Web,
    gate: &Gate,
    headers: &axum::http::HeaderMap,
    epochs: Epochs,
    slug: &str,
    raw_body: &str,
) -> Answer {
    let relay_state = match confirmed_relay_state(web, gate, headers, raw_body) {
        Ok(state) => state,
        Err(refused) => return Err(at_the_door(web, gate, epochs, slug, refused).await),
    };
    let visit = Visit { relay_state: relay_state.as_deref(), ask_first: false, confirmed: true };
    let outcome =
        idp_initiated::visit(&web.installation, &gate.ctx, visitor(gate, epochs), slug, visit).await?;
    show(web, gate, epochs, slug, outcome).await
}

fn confirmed_relay_state(
    web: &Web,
    gate: &Gate,
    headers: &axum::http::HeaderMap,
    raw_body: &str,
) -> Result<Option<String>, Failure> {
    check_origin(web, headers)?;
    let mut fields = Fields::parse(raw_body)?;
    // A proof that comes twice is none.
    let token = fields.take(FIELD).ok().flatten();
    let secret = gate.live.as_ref().map_or(gate.browser.as_str(), |live| live.token.as_str());
    check_token(web, Some(secret), token.as_deref())?;
    Ok(checked_relay_state(fields.take("RelayState")?)?)
}

/// The handle of a stored request.
#[derive(Deserialize)]
pub(super) struct Handle {
    request: String,
}

/// Goes on with a stored request.
pub(super) async fn go_on(
    gate: Gate,
    Extension(notes): Extension<Notes>,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    Queried(handle): Queried<Handle>,
) -> Answer<Response> {
    let installation = &web.installation;
    let mut epochs = gate.epochs;
    if let Some(secret) = gate.hop(&web, &handle.request) {
        pending::hand_over(&installation.db, &gate.ctx, &handle.request, &secret, &gate.browser).await?;
        notes.set_cookie(web.cookies.clear_hop(&handle.request));
        // That may have waited for a change of just what is decided next.
        epochs = installation.epochs().await?;
    }
    let outcome =
        receive::resume(installation, &gate.ctx, visitor(&gate, epochs), &slug, &handle.request).await?;
    show(&web, &gate, epochs, &slug, outcome).await
}

/// The person goes back to the application without signing in (SAML-128): origin and token say that it is their wish.
pub(super) async fn give_up(
    gate: Gate,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    headers: axum::http::HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    let epochs = gate.epochs;
    let handle = match given_up(&web, &gate, &headers, body.into()) {
        Ok(handle) => handle,
        Err(refused) => return Err(at_the_door(&web, &gate, epochs, &slug, refused).await),
    };
    let outcome =
        receive::give_up(&web.installation, &gate.ctx, visitor(&gate, epochs), &slug, &handle).await?;
    show(&web, &gate, epochs, &slug, outcome).await
}

fn given_up(
    web: &Web,
    gate: &Gate,
    headers: &axum::http::HeaderMap,
    body: Vec<u8>,
) -> Result<String, Failure> {
    check_origin(web, headers)?;
    let mut fields = Fields::parse(&posted_form(headers, None, body)?)?;
    let token = fields.take(FIELD)?;
    let secret = gate.live.as_ref().map_or(gate.browser.as_str(), |live| live.token.as_str());
    check_token(web, Some(secret), token.as_deref())?;
    Ok(fields.take("request")?.unwrap_or_default())
}
