//! `/saml2/{slug}/logout`: LogoutRequests and LogoutResponses through the browser; and what comes over SOAP, from server
//! to server: LogoutRequests, and requests for what an artifact stands for.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::base::{Error, Kind, urls};
use crate::saml::soap::fault;
use crate::signon::logout::run::is_open;
use crate::signon::logout::{self, Arrived, Outcome};
use crate::signon::outcome::Refused;
use crate::signon::soap::{Service, arrive as arrive_in_soap};
use crate::web::account::logout::show_progress;
use crate::web::context::Notes;
use crate::web::error::{Answer, Failure};
use crate::web::extract::body::is_media_type;
use crate::web::extract::{Anyone, Gate, RawBody};
use crate::web::headers::Policy;
use crate::web::pages::parts::{Link, Mark};
use crate::web::pages::{HandoverPage, PostPage};
use crate::web::render::{page, see_other};
use crate::web::saml::endpoint::{at_the_door, posted_form, visitor};
use crate::web::saml::show::refuse;
use crate::web::state::{Shared, Web};

/// GET: a message by the Redirect binding.
pub(super) async fn by_get(
    gate: Gate,
    Extension(notes): Extension<Notes>,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Answer {
    if method != Method::GET {
        return Err(Failure::wrong_method());
    }
    let arrived = Arrived::Redirect(query.unwrap_or_default());
    arrive(&web, &gate, &notes, &slug, arrived).await
}

/// POST: a message by the POST binding.
pub(super) async fn by_post(
    gate: Gate,
    Extension(notes): Extension<Notes>,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    let raw_body = match posted_form(&headers, query.as_deref(), body.into()) {
        Ok(raw_body) => raw_body,
        Err(refused) => return Err(at_the_door(&web, &gate, gate.epochs, &slug, refused).await),
    };
    arrive(&web, &gate, &notes, &slug, Arrived::Post(raw_body)).await
}

async fn arrive(web: &Web, gate: &Gate, notes: &Notes, slug: &str, arrived: Arrived) -> Answer {
    let begins_by_form = matches!(arrived, Arrived::Post(_)) && !gate.knows_browser;
    let visitor = visitor(gate, gate.epochs);
    let outcome = logout::arrive(&web.installation, &gate.ctx, visitor, slug, arrived).await?;
    if let (Outcome::GoOn { run }, true) = (&outcome, begins_by_form) {
        notes.set_cookie(web.cookies.set_hop(run, &gate.browser));
    }
    match outcome {
        // A form of another site brings no cookie: whether there is a sign-out to go on with shows only then.
        Outcome::Refused(refused) => show_refused(web, gate, slug, refused, begins_by_form).await,
        other => show(web, gate, slug, other).await,
    }
}

/// One message that is refused must not strand a sign-out that others wait for.
async fn show_refused(web: &Web, gate: &Gate, slug: &str, refused: Refused, may_go_on: bool) -> Answer {
    let name = refused.label.as_deref().unwrap_or("this application");
    let heading = format!("Signing out of {name} did not work");
    let goes_on = may_go_on || is_open(&web.installation, &gate.ctx, &gate.browser).await?;
    let onward = goes_on.then(|| Link::new("Go on signing out", urls::logout()));
    refuse(web, gate, gate.epochs, slug, refused, heading, onward).await
}

/// The answer to a step of signing out.
pub(in crate::web) async fn show(web: &Web, gate: &Gate, slug: &str, outcome: Outcome) -> Answer {
    match outcome {
        Outcome::GoOn { run } => Ok(see_other(&with_run(&run))),
        Outcome::HandOver { target, asks, url } => {
            let application = &target.application;
            let host = url::Url::parse(&url).map_err(Error::internal)?;
            let title = if asks { "Signing out of" } else { "Back to" };
            page(&HandoverPage {
                shell: gate.shell(web, &format!("{title} {}", application.label)).await,
                application: Mark::letter(&application.label, application.accent),
                target_host: host.host_str().unwrap_or_default().to_owned(),
                target: url,
                leaving: asks,
            })
        }
        Outcome::Post { label, asks, url, message, relay_state } => {
            let name = if asks { "SAMLRequest" } else { "SAMLResponse" };
            let page_of = PostPage { leaving: asks, ..PostPage::new(label, url, name, message, relay_state) };
            let mut response = page(&page_of)?;
            // As with sign-on: where the application leads on is its own affair.
            response.extensions_mut().insert(Policy::Post { only_to: None });
            Ok(response)
        }
        Outcome::Progress(progress) => show_progress(web, gate, *progress).await,
        Outcome::Refused(refused) => show_refused(web, gate, slug, refused, false).await,
    }
}

/// The page of a run.
pub(in crate::web) fn with_run(run: &str) -> String {
    // A run's id is base64url and needs no escaping.
    format!("{}?run={run}", urls::logout())
}

/// POST: a LogoutRequest over SOAP.
pub(super) async fn by_soap(
    caller: Anyone,
    web: State<Shared>,
    slug: Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Answer {
    in_soap(caller, web, slug, headers, body, Service::Logout).await
}

/// POST: an ArtifactResolve over SOAP (Bindings 3.6.5).
pub(super) async fn resolve_artifact(
    caller: Anyone,
    web: State<Shared>,
    slug: Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Answer {
    in_soap(caller, web, slug, headers, body, Service::Artifact).await
}

/// The answer is an envelope whatever happens (SOAP 1.1, 6.2).
async fn in_soap(
    caller: Anyone,
    State(web): State<Shared>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    RawBody(body): RawBody,
    service: Service,
) -> Answer {
    if !is_media_type(&headers, "text/xml") {
        return Err(Failure::wrong_media_type("text/xml"));
    }
    let installation = &web.installation;
    let epochs = installation.epochs().await?;
    Ok(match arrive_in_soap(installation, &caller.ctx, epochs, &slug, service, body.into()).await? {
        Ok(envelope) => xml(StatusCode::OK, envelope),
        Err(refused) => faulty(&refused),
    })
}

pub(super) fn faulty(refused: &Refused) -> Response {
    let status = match refused.kind {
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable | Kind::StorageFull => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = xml(status, fault(&format!("{}: {}", refused.code, refused.message)));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        // Limits are those of a minute.
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

pub(super) fn xml(status: StatusCode, envelope: String) -> Response {
    let kind = HeaderValue::from_static("text/xml; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], envelope).into_response()
}
