//! Writing a connector for an application that the catalog does not have.

use askama::Template;

use crate::base::urls;
use crate::web::pages::parts::{Choice, Crumbs};
use crate::web::pages::shell::Shell;

/// `GET /admin/connectors/new?name=&id=&description=&homepage=&category=&entity_id=&acs_url=&own_part=&scim_url=`. Nothing
/// is stored.
#[derive(Template)]
#[template(path = "console/connector_new.html")]
pub struct ConnectorNewPage {
    /// Around the page.
    pub shell: Shell,
    /// The way here.
    pub crumbs: Crumbs,
    /// What is known.
    pub form: ConnectorForm,
    /// The file, once it is asked for.
    pub written: Option<WrittenConnector>,
}

/// The form as typed.
#[derive(Clone, Default)]
pub struct ConnectorForm {
    /// Name of the application.
    pub name: String,
    /// Id; made of the name when empty.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// Site of its maker.
    pub homepage: String,
    /// The shelves.
    pub categories: Vec<Choice>,
    /// Entity ID as the application shows it.
    pub entity_id: String,
    /// ACS URL as the application shows it.
    pub acs_url: String,
    /// The part of these that is the customer's own.
    pub own_part: String,
    /// Base URL of SCIM.
    pub scim_url: String,
}

/// A connector's file.
#[derive(Clone, Default)]
pub struct WrittenConnector {
    /// `a/acme.yaml`
    pub path: String,
    /// Its text.
    pub text: String,
    /// What the linter says of it.
    pub faults: Vec<String>,
}
