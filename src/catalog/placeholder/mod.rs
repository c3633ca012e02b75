//! Placeholders: finding tokens in a template, checking values, filling templates, telling what is missing, and
//! reading values back out of a pasted address (decision 27).
//!
//! A value is checked for where it lands, and after filling the scheme and every fixed host must be those of the
//! template: no value can send an assertion to another host than the connector's author wrote.

mod check;
mod extract;
mod fill;
mod token;

use std::collections::BTreeMap;

use serde::Serialize;

pub use check::{MAX_VALUE, check_value, compiled, is_invisible};
pub use extract::{extract_one, is_everybodys, unfilled};
pub use fill::{Fault, LocationRules, check_location, check_template, is_location};
pub use token::{Part, is_token, parts};

use super::model::Placeholders;
use super::sso::SsoSettings;
use crate::base::FieldError;

/// Values of placeholders, by token.
pub type Values = BTreeMap<String, String>;

/// What a template is read against: the placeholders that are declared and the values that are there.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Declared placeholders.
    pub declared: &'a Placeholders,
    /// Their values; a missing or empty one counts as not filled.
    pub values: &'a Values,
}

/// A placeholder that has no value yet, and where it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Missing {
    /// The token, for example `YOUR_ID`.
    pub placeholder: String,
    /// Its label, or the token itself where nothing declares it.
    pub label: String,
    /// Dotted names of the fields that hold it.
    pub used_in: Vec<String>,
}

/// A part of a template as the live preview shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Piece {
    /// Text of the template.
    Literal {
        /// The text.
        text: String,
    },
    /// A placeholder with a usable value.
    Filled {
        /// The token.
        token: String,
        /// The value as it stands in the address.
        text: String,
    },
    /// A placeholder whose value is not there, or can't be used.
    Empty {
        /// The token.
        token: String,
        /// Its label.
        label: String,
    },
}

impl<'a> Scope<'a> {
    /// A scope.
    pub fn new(declared: &'a Placeholders, values: &'a Values) -> Self {
        Self { declared, values }
    }

    /// The value of a token, where there is one.
    pub(super) fn value(&self, token: &str) -> Option<&'a str> {
        self.values.get(token).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    pub(super) fn label(&self, token: &str) -> String {
        self.declared.get(token).map_or_else(|| token.to_owned(), |placeholder| placeholder.label.clone())
    }

    /// Fills one template. An address keeps its scheme and its fixed host, or the filling fails.
    pub fn fill(&self, template: &str) -> Result<String, Fault> {
        fill::fill(self, template)
    }

    /// Fills every template of the settings. Fields that are addresses must be usable ones (MD-303); each failure
    /// names its field.
    pub fn fill_settings(
        &self,
        settings: &SsoSettings,
        rules: LocationRules,
    ) -> Result<SsoSettings, Vec<FieldError>> {
        settings.filled(|field, template| {
            self.fill_field(field, template, rules).map_err(|fault| FieldError {
                field: field.to_owned(),
                code: fault.code().into(),
                message: fault.to_string(),
            })
        })
    }

    /// Fills the template of one field, by its dotted name.
    pub fn fill_field(&self, field: &str, template: &str, rules: LocationRules) -> Result<String, Fault> {
        let filled = self.fill(template)?;
        if is_location(field) {
            let rules = LocationRules { fragment: LocationRules::of(field).fragment, ..rules };
            check_location(&filled, rules)?;
        }
        Ok(filled)
    }

    /// What has no value yet, in the order it is needed. Tokens that nothing declares count too.
    #[must_use]
    pub fn missing(&self, settings: &SsoSettings) -> Vec<Missing> {
        self.missing_in(settings.templates().iter().map(|(field, text)| (field.as_str(), *text)))
    }

    /// The same for any fields.
    pub fn missing_in<'t>(&self, fields: impl IntoIterator<Item = (&'t str, &'t str)>) -> Vec<Missing> {
        let mut out: Vec<Missing> = Vec::new();
        for (field, template) in fields {
            for part in parts(template, self.declared) {
                let (Part::Token(token) | Part::Undeclared(token)) = part else { continue };
                if matches!(part, Part::Token(_)) && self.value(token).is_some() {
                    continue;
                }
                let at = out.iter().position(|missing| missing.placeholder == token).unwrap_or_else(|| {
                    let (placeholder, label) = (token.to_owned(), self.label(token));
                    out.push(Missing { placeholder, label, used_in: Vec::new() });
                    out.len() - 1
                });
                if !out[at].used_in.iter().any(|known| known == field) {
                    out[at].used_in.push(field.to_owned());
                }
            }
        }
        out
    }

    /// The template as the live preview shows it.
    #[must_use]
    pub fn pieces(&self, template: &str) -> Vec<Piece> {
        let encoded = fill::is_address(template);
        let shown = |token: &str| {
            let placeholder = self.declared.get(token)?;
            let value = check_value(placeholder, self.value(token)?).ok()?;
            Some(if encoded { check::encoded(placeholder.kind, &value) } else { value })
        };
        parts(template, self.declared)
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Piece::Literal { text: text.to_owned() },
                Part::Token(token) | Part::Undeclared(token) => match shown(token) {
                    Some(text) => Piece::Filled { token: token.to_owned(), text },
                    None => Piece::Empty { token: token.to_owned(), label: self.label(token) },
                },
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
