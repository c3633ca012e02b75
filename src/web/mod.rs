//! HTTP: extractors, handlers, pages and assets. A handler decodes a request, calls one operation of a lower room and
//! encodes the answer; it never touches the database.
//!
//! Start with [`router`], which shows what every request passes through, then [`extract`] for what handlers ask for
//! and [`routes`] for how they are added. [`server`] is the accept loop below all of it.

pub mod account;
pub mod admin;
pub mod api;
pub mod assets;
pub mod context;
pub mod cookies;
pub mod csrf;
pub mod error;
mod event_export;
pub mod extract;
pub mod files;
pub mod form;
pub mod headers;
pub mod health;
pub mod metrics;
pub mod pages;
pub mod paths;
pub mod portal;
pub mod render;
pub mod routes;
pub mod saml;
pub mod scim;
pub mod server;
pub mod shed;
pub mod shown;
pub mod state;

pub use error::{Answer, Failure};
pub use render::{html, page, see_other};
pub use routes::{Route, Routes, route_table};
pub use state::{Shared, Web, WebOptions};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

/// All routes. Each module of pages or endpoints adds its own here.
#[must_use]
pub fn all_routes() -> Routes {
    Routes::new()
        .with(health::routes())
        .with(metrics::routes())
        .with(files::routes())
        .with(saml::routes())
        .with(account::routes())
        .with(portal::routes())
        .with(admin::routes())
        .with(api::routes())
        .with(scim::routes())
}

/// The whole HTTP side.
pub fn router(web: &Shared) -> Router {
    assemble(all_routes(), web)
}

/// These routes with all that surrounds them.
pub fn assemble(routes: Routes, web: &Shared) -> Router {
    routes
        .into_router()
        .fallback(|| async { Failure::no_such_page().into_response() })
        .method_not_allowed_fallback(|| async { Failure::wrong_method().into_response() })
        .layer(from_fn_with_state(web.clone(), surround))
        .with_state(web.clone())
}

/// What every request passes, from outside to inside: headers, context and log, drawing of failures, panics, strict
/// paths, admission; then its route. One layer, since each costs allocations at every request.
async fn surround(State(web): State<Shared>, request: Request, next: Next) -> Response {
    let routed = |request| shed::contain_panics(shed::admit(&web, request, next));
    let drawn = |request| error::draw(&web, request, routed);
    headers::protect(&web, context::surround(&web, request, drawn).await)
}
