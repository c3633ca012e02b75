//! What to do at an application whose connector has no steps of its own: the same for every application that speaks SAML,
//! with what is known of this one. In Markdown as [`super::steps`] reads it.

use std::fmt::Write as _;

use super::model::{Connector, ConnectorKind, Provisioning};
use super::placeholder::{Part, parts};

/// Fills in the steps that a connector does not have.
pub(super) fn complete(connector: &mut Connector) {
    if connector.kind == ConnectorKind::Bookmark {
        return;
    }
    if connector.setup.sso.is_none() {
        connector.setup.sso = Some(sso(connector));
    }
    if connector.setup.provisioning.is_none()
        && let Some(provisioning) = &connector.provisioning
    {
        connector.setup.provisioning = Some(scim(&plain(&connector.name), provisioning));
    }
}

fn sso(connector: &Connector) -> String {
    let name = plain(&connector.name);
    let mut steps = vec![
        format!("As an administrator of {name}, open its settings of single sign-on with SAML."),
        "Where it asks for the address of the identity provider (sign-in URL, SSO URL), paste {idp_url}.".to_owned(),
        "Where it asks for the entity ID or issuer of the identity provider, paste {idp_entity_id}.".to_owned(),
        "Where it asks for a certificate, paste {certificate_pem}. If it reads metadata instead of single values, give it {metadata_url}."
            .to_owned(),
    ];
    steps.push(match (asks(connector, "sp_entity_id"), asks(connector, "acs_urls.")) {
        (true, true) => format!(
            "Copy the entity ID and the ACS URL that it shows for itself into this page. Or take in the metadata of {name} here, which has both."
        ),
        (false, true) => format!(
            "Copy the ACS URL that it shows for itself into this page, or take in the metadata of {name} here. Its entity ID should be {{sp_entity_id}}."
        ),
        (true, false) => format!(
            "Copy the entity ID that it shows for itself into this page, or take in the metadata of {name} here. Its ACS URL should be {{acs_url}}."
        ),
        (false, false) => {
            "Compare what it shows for itself: its entity ID should be {sp_entity_id}, its ACS URL {acs_url}. Where it shows something else, take that over here."
                .to_owned()
        }
    });
    let left: Vec<String> = connector
        .differs
        .keys()
        .filter_map(|key| key.strip_prefix("attributes."))
        .filter(|name| !has_attribute(connector, name))
        .map(|name| format!("`{}`", name.replace('`', "")))
        .collect();
    if !left.is_empty() {
        steps.push(format!(
            "It also reads {}, whose value only you know. Add what you need of it to the attributes here.",
            left.join(", ")
        ));
    }
    steps.push("Save, and sign on with one account before everybody has to.".to_owned());
    let mut out = numbered(&steps);
    for note in connector.notes.values() {
        let _ = write!(out, "\n{}\n", plain(note));
    }
    out
}

fn scim(name: &str, provisioning: &Provisioning) -> String {
    let token = match &provisioning.base_url {
        Some(_) => "Paste the token here.",
        None => "Paste the token here, together with the base URL that is shown there.",
    };
    numbered(&[
        format!("As an administrator of {name}, switch on provisioning with SCIM, and make a token for it."),
        token.to_owned(),
        "Activate. Nothing is sent before it has answered.".to_owned(),
    ])
}

fn numbered(steps: &[String]) -> String {
    steps.iter().enumerate().fold(String::new(), |mut out, (at, step)| {
        let _ = writeln!(out, "{}. {step}", at + 1);
        out
    })
}

/// Whether the whole of a setting is asked for.
fn asks(connector: &Connector, place: &str) -> bool {
    let Ok(settings) = connector.unchecked_settings() else { return false };
    settings.templates().iter().any(|(at, text)| {
        at.starts_with(place) && matches!(parts(text, &connector.placeholders).as_slice(), [Part::Token(_)])
    })
}

fn has_attribute(connector: &Connector, name: &str) -> bool {
    let attributes = connector.sso.attributes.set_value();
    attributes.is_some_and(|rows| rows.iter().any(|row| row.name == name))
}

/// Text that stays text in Markdown.
fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if matches!(c, '\\' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
