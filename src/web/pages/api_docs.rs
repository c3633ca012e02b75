//! What the REST API can do, in one page of words.

use askama::Template;

use crate::base::urls;
use crate::web::pages::shell::Shell;

/// `GET /api/docs`.
#[derive(Template)]
#[template(path = "console/api_docs.html")]
pub struct ApiDocsPage {
    /// Around the page.
    pub shell: Shell,
    /// `https://id.example.com/api/v1`
    pub base: String,
    /// Operations by area.
    pub areas: Vec<ApiArea>,
}

/// Operations on one sort of thing.
#[derive(Clone, Default)]
pub struct ApiArea {
    /// Letters and dashes, unique: `applications`.
    pub id: String,
    /// "Applications"
    pub name: String,
    /// A sentence; may be empty.
    pub lead: String,
    /// The operations.
    pub operations: Vec<ApiOperation>,
}

/// One operation.
#[derive(Clone, Default)]
pub struct ApiOperation {
    /// `GET`
    pub method: String,
    /// `/applications/{id}`
    pub path: String,
    /// What it does.
    pub summary: String,
}
