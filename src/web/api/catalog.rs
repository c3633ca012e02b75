//! The catalog.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use crate::base::Error;
use crate::base::accent::Accent;
use crate::base::paging::{Page, PageRequest};
use crate::catalog::Catalog;
use crate::catalog::model::{Category, Connector, ConnectorKind, Setup, Verified};
use crate::web::api::answer::Listing;
use crate::web::api::input::{Query, choice, page};
use crate::web::api::section::{Section, operations};
use crate::web::error::Answer;
use crate::web::extract::ApiToken;
use crate::web::extract::permission::CatalogRead;
use crate::web::state::Shared;

/// The operations.
pub fn section() -> Section {
    operations!(search, show)
}

/// What to look for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CatalogQuery {
    /// Name, other name, keyword or category; typing errors are forgiven. Without it, all by name.
    q: Option<String>,
    /// Only connectors on this shelf.
    #[param(value_type = Option<Category>)]
    category: Option<String>,
    /// Most items, 1 to 200.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A connector in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConnectorSummary {
    /// Id, for `POST /applications`.
    id: String,
    /// Name as its maker writes it.
    name: String,
    /// One sentence.
    description: String,
    /// Site of its maker.
    homepage: Option<String>,
    /// Shelves it stands on.
    categories: Vec<Category>,
    /// What becomes of it.
    kind: ConnectorKind,
    /// Colour of its tile.
    accent: Accent,
    /// How its facts were checked.
    verified: Verified,
    /// Version of the connector.
    version: u32,
    /// Whether it comes from the operator's own folder.
    own: bool,
}

impl ConnectorSummary {
    fn of(catalog: &Catalog, connector: &Connector) -> Self {
        Self {
            id: connector.id.clone(),
            name: connector.name.clone(),
            description: connector.description.clone(),
            homepage: connector.homepage.clone(),
            categories: connector.categories.clone(),
            kind: connector.kind,
            accent: connector.accent,
            verified: connector.verified,
            version: connector.version,
            own: catalog.is_own(&connector.id),
        }
    }
}

/// Look for connectors
///
/// Best match first.
#[utoipa::path(get, path = "/catalog", tag = "Catalog", params(CatalogQuery),
    responses((status = 200, description = "Connectors", body = Listing<ConnectorSummary>)))]
async fn search(
    _: ApiToken<CatalogRead>,
    State(web): State<Shared>,
    Query(query): Query<CatalogQuery>,
) -> Answer<Listing<ConnectorSummary>> {
    let request = page(query.limit.as_deref(), query.cursor.as_deref())?;
    // An empty choice of a form means none.
    let category = query.category.as_deref().filter(|text| !text.is_empty());
    let category: Option<Category> = choice("category", category, "the shelves of the catalog")?;
    let catalog = &web.installation.catalog;
    let found = catalog.search(query.q.as_deref().unwrap_or_default(), category);
    let rest = after(&found, &request)?;
    let wanted = rest.iter().take(request.limit as usize + 1);
    let summaries = wanted.map(|connector| ConnectorSummary::of(catalog, connector)).collect();
    Ok(Page::cut(summaries, &request, |summary| summary.id.clone()).into())
}

/// What follows the cursor, in the order of the search.
fn after<'a, T: AsRef<Connector>>(found: &'a [T], request: &PageRequest) -> Result<&'a [T], Error> {
    let Some(last) = &request.after else { return Ok(found) };
    let at = found.iter().position(|connector| connector.as_ref().id == *last).ok_or_else(|| {
        Error::field(
            "cursor",
            "unknown_cursor",
            "Use the next_cursor of the page before, with the same search.",
        )
    })?;
    Ok(&found[at + 1..])
}

/// Show a connector
///
/// Everything that is known of it: placeholders, templates, set-up steps; where it has no steps of its own, the general
/// ones.
#[utoipa::path(get, path = "/catalog/{connector}", tag = "Catalog",
    params(("connector" = String, Path, description = "Id of the connector, such as `heap`")),
    responses((status = 200, description = "The connector", body = Connector)))]
async fn show(
    _: ApiToken<CatalogRead>,
    State(web): State<Shared>,
    Path(id): Path<String>,
) -> Answer<impl IntoResponse> {
    let connector = web.installation.catalog.find(&id).ok_or_else(|| Error::not_found("connector"))?;
    let mut shown = connector.as_ref().clone();
    shown.setup = Setup {
        sso: connector.sso_steps().map(Cow::into_owned),
        provisioning: connector.provisioning_steps().map(Cow::into_owned),
    };
    Ok(Json(shown))
}
