//! What to do at an application whose connector has no steps of its own: the same for every application that speaks SAML,
//! with what is known of this one. In Markdown as [`super::steps`] reads it.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::model::{Connector, ConnectorKind, Provisioning, ScimAuth};
use super::placeholder::{Part, parts};

impl Connector {
    /// What to do at the application for single sign-on, in Markdown: its own steps, else the general ones. `None` for a
    /// bookmark.
    #[must_use]
    pub fn sso_steps(&self) -> Option<Cow<'_, str>> {
        match &self.setup.sso {
            Some(own) => Some(Cow::Borrowed(own)),
            None if self.kind == ConnectorKind::Bookmark => None,
            None => Some(Cow::Owned(sso(self))),
        }
    }

    /// The same for identity management. `None` where there is none.
    #[must_use]
    pub fn provisioning_steps(&self) -> Option<Cow<'_, str>> {
        match (&self.setup.provisioning, &self.provisioning) {
            (Some(own), _) => Some(Cow::Borrowed(own)),
            (None, Some(provisioning)) => Some(Cow::Owned(scim(self, provisioning))),
            (None, None) => None,
        }
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
    let from_metadata = connector.sso.sp_metadata_url.set_value().is_some();
    steps.push(match (asks(connector, "sp_entity_id"), asks(connector, "acs_urls.")) {
        _ if from_metadata => format!("Take in the metadata of {name} on this page: it has its entity ID and its ACS URL."),
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
        .map(plain)
        .collect();
    if !left.is_empty() {
        steps.push(format!(
            "It also reads {}, whose value only you know. Add what you need of it to the attributes here.",
            left.join(", ")
        ));
    }
    steps.push("Save, and sign on with one account before everybody has to.".to_owned());
    numbered(&steps) + &minded(connector, |field| !field.starts_with("provisioning"))
}

/// What is odd about the fields that are asked for.
fn minded(connector: &Connector, wanted: impl Fn(&str) -> bool) -> String {
    connector.notes.iter().filter(|(field, _)| wanted(field)).fold(String::new(), |mut out, (_, note)| {
        let _ = write!(out, "\nMind: {}\n", plain(note));
        out
    })
}

fn scim(connector: &Connector, provisioning: &Provisioning) -> String {
    let name = plain(&connector.name);
    let secret = match provisioning.auth {
        ScimAuth::Bearer => "a token",
        ScimAuth::Basic => "a user name and a password",
        ScimAuth::Oauth2ClientCredentials => "the id and the secret of a client",
    };
    let too = match &provisioning.base_url {
        Some(_) => "",
        None => ", together with the base URL that is shown there",
    };
    numbered(&[
        format!(
            "As an administrator of {name}, switch on provisioning with SCIM, and have {secret} made for it."
        ),
        format!("Give that here{too}."),
        "Activate. Nothing is sent before it has answered.".to_owned(),
    ]) + &minded(connector, |field| field.starts_with("provisioning"))
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

/// Text that has no meaning in Markdown, and names no placeholder: what would have one is left out.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !"\\*_`[]<>#{}".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::super::steps;

    #[test]
    fn whatever_a_connector_is_called_its_general_steps_can_be_shown() {
        let text = r#"
id: acme
name: "Acme *[x](y) {idp_url} <b> #1 `code`"
description: Things
categories: [other]
accent: lapis
version: 1
differs: {"attributes.ro`le": "**", "attributes.YOUR_ROLE": no}
notes: {sso.acs_urls: "- 1. Ends in `azure` and {nothing} of YOUR_TENANT **", provisioning: "1. One **token** each"}
sso: {sp_entity_id: "urn:acme", acs_urls: [https://acme.example/acs]}
provisioning: {auth: basic}
"#;
        let connector = parse("a/acme.yaml", text.as_bytes()).unwrap();
        let (sso, scim) = (connector.sso_steps().unwrap(), connector.provisioning_steps().unwrap());
        let (of_sso, of_scim) = ("Mind: - 1. Ends in azure", "Mind: 1. One token each");
        assert!(sso.contains(of_sso) && !sso.contains(of_scim), "{sso}");
        assert!(scim.contains(of_scim) && !scim.contains(of_sso), "{scim}");
        for text in [sso, scim] {
            let read = steps::parse(&text, &connector.placeholders);
            assert!(read.is_ok(), "{read:?}\n{text}");
        }
    }
}
