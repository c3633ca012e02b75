//! What the command line prints of the catalog: the text of one connector, and the text of a new one to begin with.
//! What is known of a new one is written down, and what is not is asked for by a placeholder or stands there as an example.

use super::model::{Category, Connector};
use super::schema::EDITOR_LINE;
use super::sites;
use crate::base::{Error, Result};

/// A connector as YAML, with what was left out left out.
pub fn shown(connector: &Connector) -> Result<String> {
    serde_saphyr::to_string(connector).map_err(|cause| Error::internal(cause.to_string()))
}

/// What is known of a new connector; an empty text is not known.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// Name of the application.
    pub name: String,
    /// What it is for, in one sentence.
    pub description: String,
    /// Site of its maker.
    pub homepage: String,
    /// Shelf it stands on.
    pub category: Category,
    /// Entity ID as the application shows it.
    pub sp_entity_id: String,
    /// ACS URL as the application shows it.
    pub acs_url: String,
    /// The part of these addresses that each customer has otherwise.
    pub own_part: String,
    /// Base URL of its SCIM service.
    pub scim_url: String,
}

/// A placeholder of a new connector.
struct Asked {
    token: &'static str,
    label: &'static str,
    help: &'static str,
    kind: &'static str,
    example: String,
}

impl Draft {
    /// Of an application of which nothing but the name is known.
    #[must_use]
    pub fn named(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    /// Its path in a folder, and its text, to be changed line by line. Free of faults where the addresses are.
    #[must_use]
    pub fn write(&self) -> (String, String) {
        let letter: String = self.id.chars().take(1).collect();
        (format!("{letter}/{}.yaml", self.id), self.text())
    }

    fn text(&self) -> String {
        let name = self.name.replace(char::is_control, " ");
        let described = or(&self.description, || format!("What {name} is for, in one sentence"));
        // Beside real addresses an example would be another site.
        let homepage = match self.homepage.as_str() {
            "" if self.has_address() => String::new(),
            "" => "homepage: https://example.com\n".to_owned(),
            given => format!("homepage: {}\n", quoted(given)),
        };
        let mut asked = Vec::new();
        let (entity_id, acs_url, scim_url) = self.addresses(&mut asked);
        let placeholders: Vec<String> = asked.iter().map(Asked::written).collect();
        let placeholders = match placeholders.concat() {
            none if none.is_empty() => none,
            some => format!("placeholders:\n{some}"),
        };
        let elsewhere =
            sites::of(&acs_url).zip(sites::named(&entity_id).or_else(|| sites::of(&self.homepage)));
        let notes = match elsewhere {
            Some((acs, home)) if acs != home => {
                format!(
                    "notes:\n  sso.acs_urls: Sign-ons are received at {acs} and not at {home}. Say why.\n"
                )
            }
            _ => String::new(),
        };
        format!(
            "{EDITOR_LINE}
id: {}
name: {}
description: {}
{homepage}categories: [{}]
keywords: []
aliases: []
accent: basalt
version: 1
verified: none
sources: []
{notes}{placeholders}sso:
  sp_entity_id: {}
  acs_urls: [{}]
  name_id: {{format: emailAddress, source: email}}
  attributes:
    - {{name: email, source: email}}
  initiation: [idp, sp]
{}setup:
  sso: |
    1. Open the settings of single sign-on in the application.
    2. *Sign-in address*: paste {{idp_url}}.
    3. *Entity ID*: paste {{idp_entity_id}}.
    4. *Certificate*: paste {{certificate_pem}}.
",
            quoted(&self.id),
            quoted(&name),
            quoted(&described),
            self.category.as_str(),
            quoted(&entity_id),
            quoted(&acs_url),
            scim_url.map(|url| provisioning(&url)).unwrap_or_default(),
        )
    }

    fn has_address(&self) -> bool {
        !(self.sp_entity_id.is_empty() && self.acs_url.is_empty())
    }

    /// Entity ID, ACS URL and base URL of SCIM as templates, and the placeholders in them.
    fn addresses(&self, asked: &mut Vec<Asked>) -> (String, String, Option<String>) {
        if !self.has_address() && self.own_part.is_empty() {
            asked.push(subdomain("acme"));
            let at = |path: &str| format!("https://YOUR_SUBDOMAIN.example.com{path}");
            return (at(""), at("/saml/acs"), Some(self.scim_url.clone()).filter(|url| !url.is_empty()));
        }
        let given = [&self.sp_entity_id, &self.acs_url, &self.scim_url];
        let in_host = given
            .iter()
            .filter_map(|text| host(text))
            .any(|host| with_token(host, &self.own_part, "YOUR_SUBDOMAIN") != host);
        let own = if in_host { subdomain(&self.own_part) } else { tenant(&self.own_part) };
        let filled = |text: &str| with_token(text, &self.own_part, own.token);
        let (mut entity_id, mut acs_url) = (filled(&self.sp_entity_id), filled(&self.acs_url));
        let scim_url = Some(filled(&self.scim_url)).filter(|url| !url.is_empty());
        if [&entity_id, &acs_url].into_iter().chain(&scim_url).any(|text| text.contains(own.token)) {
            asked.push(own);
        }
        if entity_id.is_empty() {
            asked.push(Asked {
                token: "YOUR_ENTITY_ID",
                label: "Entity ID",
                help: "The entity ID that the application shows where single sign-on is set up.",
                kind: "opaque",
                example: "https://app.example.com/saml".to_owned(),
            });
            "YOUR_ENTITY_ID".clone_into(&mut entity_id);
        }
        if acs_url.is_empty() {
            asked.push(Asked {
                token: "YOUR_ACS_URL",
                label: "ACS URL",
                help: "The consumer (ACS) address that the application shows where single sign-on is set up, whole.",
                kind: "url",
                example: "https://app.example.com/saml/acs".to_owned(),
            });
            "YOUR_ACS_URL".clone_into(&mut acs_url);
        }
        (entity_id, acs_url, scim_url)
    }
}

impl Asked {
    fn written(&self) -> String {
        let Self { token, label, help, kind, example } = self;
        let example = quoted(example);
        format!(
            "  {token}:\n    label: {label}\n    help: {help}\n    kind: {kind}\n    example: {example}\n"
        )
    }
}

fn provisioning(base_url: &str) -> String {
    format!(
        "provisioning:
  base_url: {}
  auth: bearer
  groups: true
  user_attributes:
    - {{scim: userName, source: email, required: true}}
    - {{scim: name.givenName, source: first_name}}
    - {{scim: name.familyName, source: last_name}}
",
        quoted(base_url)
    )
}

fn subdomain(example: &str) -> Asked {
    Asked {
        token: "YOUR_SUBDOMAIN",
        label: "Subdomain",
        help: "The first part of the address at which you open the application.",
        kind: "label",
        example: example.to_owned(),
    }
}

fn tenant(example: &str) -> Asked {
    Asked {
        token: "YOUR_ID",
        label: "ID",
        help: "Your own part of the address that the application shows where single sign-on is set up.",
        kind: "segment",
        example: example.to_owned(),
    }
}

fn or(text: &str, otherwise: impl FnOnce() -> String) -> String {
    if text.is_empty() { otherwise() } else { text.to_owned() }
}

/// A text in the double quotes of YAML, which are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The host of an address, with whatever stands around it.
fn host(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// The text with each whole occurrence of `own`, in any case, put behind a token: not the `acme` in `acmecorp`.
fn with_token(text: &str, own: &str, token: &str) -> String {
    // Of the same length as the text, so that a place in one is a place in the other.
    let (folded, own) = (text.to_ascii_lowercase(), own.to_ascii_lowercase());
    if own.is_empty() {
        return text.to_owned();
    }
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (mut out, mut done) = (String::new(), 0);
    while let Some(at) = folded[done..].find(&own).map(|at| done + at) {
        let end = at + own.len();
        let is_part = is_word(text[..at].chars().last()) || is_word(text[end..].chars().next());
        out.push_str(&text[done..at]);
        out.push_str(if is_part { &text[at..end] } else { token });
        done = end;
    }
    out + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_parts_are_ones_own() {
        let filled = |text: &str| with_token(text, "acme", "YOUR_SUBDOMAIN");
        assert_eq!(
            filled("https://acme.acmecorp.example/acme"),
            "https://YOUR_SUBDOMAIN.acmecorp.example/YOUR_SUBDOMAIN"
        );
        assert_eq!(filled("acme_acme"), "acme_acme");
        assert_eq!(with_token("https://a.example", "", "YOUR_ID"), "https://a.example");
        assert_eq!(with_token("https://ÄÖ.example/Acme", "acme", "YOUR_ID"), "https://ÄÖ.example/YOUR_ID");
    }
}
