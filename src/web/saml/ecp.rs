//! `/saml2/{slug}/ecp`: sign-in requests of enhanced clients, with username and password by HTTP Basic (RFC 7617).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::saml::soap::fault;
use crate::signon::ecp::{Answer as ToClient, Credentials, arrive};
use crate::web::error::{Answer, Failure};
use crate::web::extract::body::is_media_type;
use crate::web::extract::{Anyone, RawBody};
use crate::web::saml::logout::{faulty, xml};
use crate::web::state::Shared;

/// POST: an envelope with an AuthnRequest.
pub(super) async fn by_client(
    caller: Anyone,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    // No form of another site can send this type, so that no browser brings its credentials along unasked.
    if !is_media_type(&headers, "text/xml") {
        return Err(Failure::wrong_media_type("text/xml"));
    }
    let credentials = basic(&headers);
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    let answer = arrive(installation, &caller.ctx, epochs, &slug, body.into(), credentials).await?;
    Ok(match answer {
        ToClient::Envelope(envelope) => xml(StatusCode::OK, envelope),
        ToClient::Refused(refused) => faulty(&refused),
        ToClient::Unauthenticated(error) => {
            let text = error.map_or_else(
                || "sign_in_required: Send username and password by HTTP Basic.".to_owned(),
                |error| format!("{}: {}", error.code, error.message),
            );
            challenge(&text)
        }
    })
}

/// What stands in `Authorization`, if it is Basic in UTF-8. Anything else proves nothing.
fn basic(headers: &HeaderMap) -> Option<Credentials> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (login, password) = decoded.split_once(':')?;
    Some(Credentials { login: login.to_owned(), password: SecretString::from(password) })
}

fn challenge(text: &str) -> Response {
    let mut response = xml(StatusCode::UNAUTHORIZED, fault(text));
    let value = HeaderValue::from_static("Basic realm=\"Tessera\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    response
}
