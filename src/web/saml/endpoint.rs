//! `/saml2/{slug}`: with a `SAMLRequest` the service provider begins, without one Tessera does.

use axum::extract::{Path, RawQuery, State};
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;

use crate::base::{Error, Kind, Result};
use crate::signon::Epochs;
use crate::signon::idp_initiated::{self, Visit};
use crate::signon::pending::Waiting;
use crate::signon::receive::{self, Visitor};
use crate::signon::target;
use crate::web::csrf::{FIELD, check_origin, check_token};
use crate::web::error::{Answer, Failure};
use crate::web::extract::body::is_media_type;
use crate::web::extract::{Gate, Queried, RawBody};
use crate::web::form::Fields;
use crate::web::saml::show::show;
use crate::web::state::{Shared, Web};

fn visitor(gate: &Gate, epochs: Epochs) -> Visitor<'_> {
    Visitor { session: gate.live.as_ref().map(|live| &live.session), browser: &gate.browser, epochs }
}

/// Whether a query or form holds a parameter of this name, however often.
fn names(raw: &str, name: &str) -> bool {
    raw.split('&').any(|pair| pair.split('=').next() == Some(name))
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
    let epochs = installation.epochs().await?;
    if names(&raw_query, "SAMLRequest") || names(&raw_query, "SAMLResponse") {
        let waiting = Waiting::Redirect { raw_query };
        let outcome =
            receive::arrive(installation, &gate.ctx, visitor(&gate, epochs), &slug, waiting).await?;
        return show(&web, &gate, epochs, &slug, outcome).await;
    }
    let mut fields = Fields::parse(&raw_query)?;
    let relay_state = checked_relay_state(fields.take("RelayState"))?;
    let asks = match target::load(installation, epochs, &slug).await? {
        Some(target) => idp_initiated::always_asks(&target),
        None => false,
    };
    let visit =
        Visit { relay_state: relay_state.as_deref(), ask_first: asks || !gate.is_own_navigation(&web) };
    let outcome = idp_initiated::visit(installation, &gate.ctx, visitor(&gate, epochs), &slug, visit).await?;
    show(&web, &gate, epochs, &slug, outcome).await
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
    State(web): State<Shared>,
    Path(slug): Path<String>,
    headers: axum::http::HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    if !is_media_type(&headers, "application/x-www-form-urlencoded") {
        return Err(Failure::wrong_media_type("application/x-www-form-urlencoded"));
    }
    let raw_body = String::from_utf8(body.into()).map_err(|_| {
        Error::new(Kind::Malformed, "form_encoding", "This form is not encoded as it should be.")
    })?;
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    if names(&raw_body, "SAMLRequest") || names(&raw_body, "SAMLResponse") {
        let waiting = Waiting::Post { raw_body };
        let outcome =
            receive::arrive(installation, &gate.ctx, visitor(&gate, epochs), &slug, waiting).await?;
        return show(&web, &gate, epochs, &slug, outcome).await;
    }
    confirmed(&web, &gate, &headers, epochs, &slug, &raw_body).await
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
    check_origin(web, headers)?;
    let mut fields = Fields::parse(raw_body)?;
    let token = fields.take(FIELD);
    let secret = gate.live.as_ref().map_or(gate.browser.as_str(), |live| live.token.as_str());
    check_token(web, Some(secret), token.as_deref())?;
    let relay_state = checked_relay_state(fields.take("RelayState"))?;
    let visit = Visit { relay_state: relay_state.as_deref(), ask_first: false };
    let outcome =
        idp_initiated::visit(&web.installation, &gate.ctx, visitor(gate, epochs), slug, visit).await?;
    show(web, gate, epochs, slug, outcome).await
}

/// The handle of a stored request.
#[derive(Deserialize)]
pub(super) struct Handle {
    request: String,
}

/// Goes on with a stored request.
pub(super) async fn go_on(
    gate: Gate,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    Queried(handle): Queried<Handle>,
) -> Answer<Response> {
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    let outcome =
        receive::resume(installation, &gate.ctx, visitor(&gate, epochs), &slug, &handle.request).await?;
    show(&web, &gate, epochs, &slug, outcome).await
}
