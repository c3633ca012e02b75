//! Writing a connector for an application that the catalog does not have: what is known goes in, a file comes out. Nothing
//! is stored.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::applications::slug;
use crate::auth::Permission;
use crate::base::{FieldError, urls};
use crate::catalog::lint::lint_own;
use crate::catalog::model::Category;
use crate::catalog::skeleton::Draft;
use crate::web::admin::catalog::category_name;
use crate::web::admin::frame;
use crate::web::error::Answer;
use crate::web::extract::permission::CatalogRead;
use crate::web::extract::{Console, Queried};
use crate::web::html;
use crate::web::pages::connector_new::{ConnectorForm, ConnectorNewPage, WrittenConnector};
use crate::web::pages::parts::{Choice, Crumbs, Link};
use crate::web::pages::shell::Nav;
use crate::web::state::Shared;

/// Longest text of one field, in characters.
const LONGEST: usize = 2048;

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Known {
    name: String,
    id: String,
    description: String,
    homepage: String,
    category: String,
    entity_id: String,
    acs_url: String,
    own_part: String,
    scim_url: String,
}

impl Known {
    fn draft(&self) -> Draft {
        let text = |text: &String| text.trim().chars().take(LONGEST).collect::<String>();
        let id = if self.id.trim().is_empty() { slug::derive(&self.name) } else { text(&self.id) };
        Draft {
            id,
            name: text(&self.name),
            description: text(&self.description),
            homepage: text(&self.homepage),
            category: self.category.parse().unwrap_or_default(),
            sp_entity_id: text(&self.entity_id),
            acs_url: text(&self.acs_url),
            own_part: text(&self.own_part),
            scim_url: text(&self.scim_url),
        }
    }

    fn form(self) -> ConnectorForm {
        let chosen: Category = self.category.parse().unwrap_or_default();
        let mut categories: Vec<Choice> = Category::ALL
            .iter()
            .map(|one| Choice::new(one.as_str(), category_name(*one), *one == chosen))
            .collect();
        categories.sort_by(|a, b| a.label.cmp(&b.label));
        ConnectorForm {
            name: self.name,
            id: self.id,
            description: self.description,
            homepage: self.homepage,
            categories,
            entity_id: self.entity_id,
            acs_url: self.acs_url,
            own_part: self.own_part,
            scim_url: self.scim_url,
        }
    }
}

fn fault(draft: &Draft) -> Option<FieldError> {
    let fault = |field: &str, message: String| FieldError {
        field: field.to_owned(),
        code: "unusable".into(),
        message,
    };
    if draft.name.is_empty() {
        return Some(fault("name", "Give the name of the application.".to_owned()));
    }
    slug::check(&draft.id).err().map(|error| fault("id", error.message.into_owned()))
}

/// `GET /admin/connectors/new`: the form, and the file once a name is given.
pub async fn show(
    console: Console<CatalogRead>,
    State(web): State<Shared>,
    Queried(known): Queried<Known>,
) -> Answer {
    let title = "Write a connector";
    let mut shell =
        frame::shell(&web, &console.person, title, Nav::Catalog, Permission::ApplicationsWrite).await;
    let draft = known.draft();
    let is_asked =
        ![&known.name, &known.id, &known.acs_url, &known.entity_id].iter().all(|text| text.is_empty());
    let fault = fault(&draft).filter(|_| is_asked);
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let written = (is_asked && fault.is_none()).then(|| {
        let (path, text) = draft.write();
        let faults = lint_own(&path, &text);
        let faults = faults.into_iter().map(|fault| format!("Line {}: {}", fault.at.line, fault.message));
        WrittenConnector { faults: faults.collect(), path, text }
    });
    shell.errors.extend(fault);
    let page = ConnectorNewPage {
        shell,
        crumbs: Crumbs { way: vec![Link::new("Catalog", urls::admin_catalog())], here: title.to_owned() },
        form: known.form(),
        written,
    };
    html(status, &page)
}
