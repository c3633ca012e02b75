//! Numbers for Prometheus: to a token that may read events, or to whoever reaches a listener of its own (decision 19).

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::metrics::text::{MEDIA_TYPE, Text};
use crate::provisioning;
use crate::signon::measured;
use crate::web::extract::permission::EventsRead;
use crate::web::extract::{Anyone, ApiToken};
use crate::web::routes::Routes;
use crate::web::state::Shared;

/// Their path, on either listener.
pub const METRICS: &str = "/metrics";

/// The route of the server itself.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get(METRICS, show)
}

/// All that the separate listener serves; who reaches it is the operator's decision.
pub fn listener(web: &Shared) -> Router {
    crate::web::assemble(Routes::new().get(METRICS, show_to_neighbours), web)
}

async fn show(_: ApiToken<EventsRead>, State(web): State<Shared>) -> impl IntoResponse {
    written(&web).await
}

async fn show_to_neighbours(_: Anyone, State(web): State<Shared>) -> impl IntoResponse {
    written(&web).await
}

async fn written(web: &Shared) -> impl IntoResponse + use<> {
    let mut text = Text::default();
    measured::write(&web.installation, &mut text).await;
    let (db, now) = (&web.installation.db, web.installation.clock.now());
    if let Err(error) = provisioning::measured::write(db, now, &mut text).await {
        tracing::warn!(code = error.code, "metrics lack provisioning: the database does not answer");
    }
    web.requests.write(&mut text);
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text.finish())
}
