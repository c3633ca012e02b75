//! What the command line prints of the catalog: the text of one connector, and the text of a new one to begin with.

use super::model::Connector;
use super::schema::EDITOR_LINE;
use crate::base::{Error, Result};

/// A connector as YAML, with what was left out left out.
pub fn shown(connector: &Connector) -> Result<String> {
    serde_saphyr::to_string(connector).map_err(|cause| Error::internal(cause.to_string()))
}

/// Path of a new connector in its folder, and its text: complete, free of faults, to be changed line by line.
#[must_use]
pub fn new(id: &str, name: &str) -> (String, String) {
    let letter: String = id.chars().take(1).collect();
    let name = name.replace(['"', '\\'], "").replace(|c: char| c.is_control(), " ");
    let text = format!(
        "{EDITOR_LINE}
id: {id}
name: \"{name}\"
description: \"What {name} is for, in one sentence\"
homepage: https://example.com
categories: [other]
keywords: []
aliases: []
accent: basalt
version: 1
verified: none
sources: []
placeholders:
  YOUR_SUBDOMAIN:
    label: Subdomain
    help: The first part of the address at which you open the application.
    kind: label
    example: acme
sso:
  sp_entity_id: https://YOUR_SUBDOMAIN.example.com
  acs_urls: [https://YOUR_SUBDOMAIN.example.com/saml/acs]
  name_id: {{format: emailAddress, source: email}}
  attributes:
    - {{name: email, source: email}}
  initiation: [idp, sp]
setup:
  sso: |
    1. Open the settings of single sign-on in the application.
    2. *Sign-in address*: paste {{idp_url}}.
    3. *Entity ID*: paste {{idp_entity_id}}.
    4. *Certificate*: paste {{certificate_pem}}.
"
    );
    (format!("{letter}/{id}.yaml"), text)
}
