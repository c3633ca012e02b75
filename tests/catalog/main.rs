//! The catalog from outside: every built-in connector, what is pasted and typed, folders of one's own, the facts that the
//! connectors were written from, and the manual's figures.

mod built_in;
mod facts;
mod folder;
mod manual;
mod most_used;
mod new;
mod pasted;

use std::path::Path;

use tessera::catalog::Connector;
use tessera::catalog::placeholder::Values;

pub(crate) fn catalog_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog"))
}

pub(crate) fn examples(connector: &Connector) -> Values {
    connector
        .placeholders
        .iter()
        .map(|(token, placeholder)| (token.clone(), placeholder.example.clone()))
        .collect()
}

/// Forms to be filled in, which are of no application.
pub(crate) fn is_blank(connector: &Connector) -> bool {
    matches!(connector.id.as_str(), "custom-saml" | "bookmark")
}

/// Whether entity ID and ACS URLs are known.
pub(crate) fn is_complete(connector: &Connector) -> bool {
    let settings = connector.sso_settings().unwrap();
    let is_asked = |text: &str| connector.placeholders.contains_key(text);
    !is_blank(connector)
        && settings.sp_entity_id.is_some_and(|id| !is_asked(&id))
        && settings.acs_urls.iter().all(|acs| !is_asked(&acs.url))
}
