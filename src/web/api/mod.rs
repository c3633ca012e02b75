//! The REST API under `/api/v1`: bearer tokens, JSON, problems. A handler reads its input, calls one operation of a
//! lower room and shows what came of it; cookies are never looked at.
//!
//! Start with `section`, which lists the sections; each has its operations with their descriptions,
//! from which the OpenAPI document is made.

mod answer;
mod applications;
mod bindings;
mod catalog;
mod connector;
mod docs;
mod events;
mod exchanges;
mod groups;
mod imports;
pub(in crate::web) mod input;
mod keys;
mod metadata_keys;
pub(in crate::web) mod once;
mod openapi;
mod precondition;
mod provisioned;
mod provisioning;
mod provisioning_certificate;
mod provisioning_dry_run;
mod provisioning_input;
mod section;
mod settings;
mod sp_source;
mod sso;
mod tokens;
mod users;

pub use input::Input;
pub use openapi::document;

use crate::web::api::section::Section;
use crate::web::routes::Routes;

/// Where all of it lies.
pub const ROOT: &str = "/api/v1";

fn section() -> Section {
    Section::default()
        .with(catalog::section())
        .with(applications::section())
        .with(connector::section())
        .with(sso::section())
        .with(exchanges::section())
        .with(sp_source::section())
        .with(provisioning::section())
        .with(provisioning_certificate::section())
        .with(provisioning_dry_run::section())
        .with(provisioned::section())
        .with(imports::section())
        .with(bindings::section())
        .with(keys::section())
        .with(users::section())
        .with(groups::section())
        .with(events::section())
        .with(tokens::section())
        .with(settings::section())
        .with(metadata_keys::section())
}

/// The routes of the API and of its reference.
#[must_use]
pub fn routes() -> Routes {
    section().into_routes().with(docs::routes())
}
