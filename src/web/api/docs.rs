//! The reference: the OpenAPI document, and a page for people made from it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::auth::Permission;
use crate::base::urls;
use crate::web::admin::frame;
use crate::web::api::openapi::{by_tag, document};
use crate::web::error::Answer;
use crate::web::extract::{Person, PersonOrToken};
use crate::web::pages::{ApiDocsPage, Nav};
use crate::web::render::page;
use crate::web::routes::Routes;
use crate::web::state::Shared;

/// The routes, for a signed-in person or a token (decision 19).
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get(urls::api_openapi(), show_document).get(urls::api_docs(), show_page)
}

async fn show_document(_: PersonOrToken) -> Answer<Json<Value>> {
    Ok(Json(document()?.as_ref().clone()))
}

async fn show_page(person: Person, State(web): State<Shared>) -> Answer<Response> {
    page(&ApiDocsPage {
        areas: by_tag(&*document()?),
        base: web.installation.base_url.join(super::ROOT),
        shell: frame::shell(&web, &person, "REST API", Nav::Api, Permission::TokensRead).await,
    })
}
