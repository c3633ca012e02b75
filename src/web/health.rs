//! Liveness and readiness, for load balancers: no detail for strangers (decision 19).

use axum::extract::State;
use axum::http::StatusCode;

use crate::web::extract::Anyone;
use crate::web::routes::Routes;
use crate::web::state::Shared;

/// Path of the liveness check.
pub const HEALTHZ: &str = "/healthz";
/// Path of the readiness check.
pub const READYZ: &str = "/readyz";

/// Their routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get(HEALTHZ, check_liveness).get(READYZ, check_readiness)
}

async fn check_liveness(_: Anyone) -> &'static str {
    "ok\n"
}

/// Ready means that the database answers in the shape of today: reading the epochs takes both.
async fn check_readiness(_: Anyone, State(web): State<Shared>) -> (StatusCode, &'static str) {
    match web.installation.epochs().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(code = error.code, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}
