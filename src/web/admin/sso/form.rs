//! The form of the SSO tab in its one shape between the two sides: drawn from what is stored, read from what was
//! posted, and turned into the patch that the API would take.

use std::collections::BTreeMap;

use crate::applications::Application;
use crate::base::FieldError;
use crate::base::binding::AcsBinding;
use crate::base::property::Source;
use crate::catalog::sso::{
    AcsUrlForm, Attribute, Change, GroupFilter, NameFormat, NameIdPatch, Slo, SloPatch, SsoPatch,
    SsoSettings, ValueFrom,
};
use crate::web::admin::posted::{Posted, fault};
use crate::web::admin::sso::text;
use crate::web::pages::application_sso::{AcsRow, AttributeRow, SloValues};

/// Most rows that are read; more are refused by the settings themselves at 100.
const MOST_ROWS: usize = 120;

/// What the form holds, as text.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a checkbox of its own")]
pub struct SsoForm {
    /// Values of placeholders by token.
    pub placeholders: BTreeMap<String, String>,
    /// `idp_entity_id`
    pub idp_entity_id: String,
    /// `sp_entity_id`
    pub sp_entity_id: String,
    /// Rows of `acs_urls`, without the spare one.
    pub acs_urls: Vec<AcsRow>,
    /// `name_id.format`
    pub name_id_format: String,
    /// `name_id.source`; empty for a source that the form can't show.
    pub name_id_source: String,
    /// `login_url`
    pub login_url: String,
    /// `default_relay_state`
    pub default_relay_state: String,
    /// `relay_states`, one a line.
    pub relay_states: String,
    /// `sign`
    pub sign: String,
    /// `signature_algorithm`
    pub signature_algorithm: String,
    /// `require_signed_requests`
    pub require_signed_requests: bool,
    /// `encrypt_assertion`
    pub encrypt_assertion: bool,
    /// `encrypt_name_id`
    pub encrypt_name_id: bool,
    /// `encryption_algorithm`
    pub encryption_algorithm: String,
    /// `key_transport`
    pub key_transport: String,
    /// `idp_initiated`
    pub idp_initiated: String,
    /// `deny_to`
    pub deny_to: String,
    /// `authn_contexts`, one a line.
    pub authn_contexts: String,
    /// `sign_error_responses`
    pub sign_error_responses: bool,
    /// `redirect_enveloped_signature`
    pub redirect_enveloped_signature: bool,
    /// `subject_identifier`
    pub subject_identifier: String,
    /// `omit_name_id`
    pub omit_name_id: bool,
    /// `ecp`
    pub ecp: bool,
    /// Rows of `attributes`, without the spare one.
    pub attributes: Vec<AttributeRow>,
    /// `slo`
    pub slo: SloValues,
}

impl SsoForm {
    /// The form of what is stored.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        let sso = &application.sso;
        let source = match &sso.name_id.value {
            ValueFrom::Property(source) => source.to_string(),
            _ => String::new(),
        };
        Self {
            placeholders: application.placeholders.clone(),
            idp_entity_id: application.idp_entity_id.clone(),
            sp_entity_id: sso.sp_entity_id.clone().unwrap_or_default(),
            acs_urls: acs_rows(sso),
            name_id_format: sso.name_id.format.short().to_owned(),
            name_id_source: source,
            login_url: sso.login_url.clone().unwrap_or_default(),
            default_relay_state: sso.default_relay_state.clone().unwrap_or_default(),
            relay_states: sso.relay_states.join("\n"),
            sign: sso.sign.as_str().to_owned(),
            signature_algorithm: sso.signature_algorithm.as_str().to_owned(),
            require_signed_requests: sso.require_signed_requests,
            encrypt_assertion: sso.encrypt_assertion,
            encrypt_name_id: sso.encrypt_name_id,
            encryption_algorithm: sso.encryption_algorithm.as_str().to_owned(),
            key_transport: sso.key_transport.as_str().to_owned(),
            idp_initiated: sso.idp_initiated.as_str().to_owned(),
            deny_to: sso.deny_to.as_str().to_owned(),
            authn_contexts: text::contexts_text(&sso.authn_contexts),
            sign_error_responses: sso.sign_error_responses,
            redirect_enveloped_signature: sso.redirect_enveloped_signature,
            subject_identifier: sso.subject_identifier.as_str().to_owned(),
            omit_name_id: sso.omit_name_id,
            ecp: sso.ecp,
            attributes: sso.attributes.iter().map(attribute_row).collect(),
            slo: SloValues::of(|name| slo_of(&sso.slo, name).unwrap_or_default()),
        }
    }

    /// The form as posted. Rows that are empty or ticked for removal are gone, so that what is left has the numbers
    /// of the patch. `fixed` marks the rows whose names are the application's.
    #[must_use]
    pub fn read(posted: &Posted, tokens: &[&str], fixed: &[&str]) -> Self {
        let value = |name: &str| posted.text(name).to_owned();
        Self {
            placeholders: tokens
                .iter()
                .map(|token| ((*token).to_owned(), format!("placeholders.{token}")))
                // What the form did not show stays as it is.
                .filter(|(_, name)| posted.has(name))
                .map(|(token, name)| (token, value(&name)))
                .collect(),
            idp_entity_id: value("idp_entity_id"),
            sp_entity_id: value("sp_entity_id"),
            acs_urls: read_acs(posted),
            name_id_format: value("name_id.format"),
            name_id_source: value("name_id.source"),
            login_url: value("login_url"),
            default_relay_state: value("default_relay_state"),
            relay_states: posted.raw("relay_states").to_owned(),
            sign: value("sign"),
            signature_algorithm: value("signature_algorithm"),
            require_signed_requests: posted.ticked("require_signed_requests"),
            encrypt_assertion: posted.ticked("encrypt_assertion"),
            encrypt_name_id: posted.ticked("encrypt_name_id"),
            encryption_algorithm: value("encryption_algorithm"),
            key_transport: value("key_transport"),
            idp_initiated: value("idp_initiated"),
            deny_to: value("deny_to"),
            authn_contexts: posted.raw("authn_contexts").to_owned(),
            sign_error_responses: posted.ticked("sign_error_responses"),
            redirect_enveloped_signature: posted.ticked("redirect_enveloped_signature"),
            subject_identifier: value("subject_identifier"),
            omit_name_id: posted.ticked("omit_name_id"),
            ecp: posted.ticked("ecp"),
            attributes: read_attributes(posted, fixed),
            slo: SloValues::of(|name| value(&format!("slo.{name}"))),
        }
    }

    /// The patch that says all this. Rows left as they are stored keep what the form can't show of them.
    pub fn patch(&self, stored: &SsoSettings) -> Result<SsoPatch, Vec<FieldError>> {
        let mut faults = Vec::new();
        let acs_urls = self.acs_patch(&mut faults);
        let attributes = self.attribute_patch(stored, &mut faults);
        let name_id = self.name_id_patch(&mut faults);
        let mut patch = SsoPatch {
            placeholders: self
                .placeholders
                .iter()
                .map(|(token, value)| (token.clone(), Some(value.clone()).filter(|value| !value.is_empty())))
                .collect(),
            idp_entity_id: Change::Set(self.idp_entity_id.clone()),
            sp_entity_id: Change::Set(self.sp_entity_id.clone()),
            acs_urls: Change::Set(acs_urls),
            name_id: name_id.map_or(Change::Keep, Change::Set),
            require_signed_requests: Change::Set(self.require_signed_requests),
            encrypt_assertion: Change::Set(self.encrypt_assertion),
            encrypt_name_id: Change::Set(self.encrypt_name_id),
            redirect_enveloped_signature: Change::Set(self.redirect_enveloped_signature),
            omit_name_id: Change::Set(self.omit_name_id),
            ecp: Change::Set(self.ecp),
            sign_error_responses: Change::Set(self.sign_error_responses),
            default_relay_state: Change::Set(self.default_relay_state.clone()),
            relay_states: Change::Set(text::lines(&self.relay_states)),
            login_url: Change::Set(self.login_url.clone()),
            attributes: Change::Set(attributes),
            slo: Change::Set(self.slo_patch()),
            ..SsoPatch::default()
        };
        patch.sign = chosen("sign", &self.sign, &mut faults);
        patch.signature_algorithm = chosen("signature_algorithm", &self.signature_algorithm, &mut faults);
        patch.encryption_algorithm = chosen("encryption_algorithm", &self.encryption_algorithm, &mut faults);
        patch.key_transport = chosen("key_transport", &self.key_transport, &mut faults);
        patch.idp_initiated = chosen("idp_initiated", &self.idp_initiated, &mut faults);
        patch.subject_identifier = chosen("subject_identifier", &self.subject_identifier, &mut faults);
        match text::read_contexts(&self.authn_contexts) {
            Ok(classes) => patch.authn_contexts = Change::Set(classes),
            Err(message) => faults.push(fault("authn_contexts", "unreadable_line", message)),
        }
        patch.deny_to = chosen("deny_to", &self.deny_to, &mut faults);
        if faults.is_empty() { Ok(patch) } else { Err(faults) }
    }

    fn acs_patch(&self, faults: &mut Vec<FieldError>) -> Vec<AcsUrlForm> {
        let row = |(at, row): (usize, &AcsRow)| {
            let index = row.index.parse::<u16>().ok();
            if index.is_none() && !row.index.is_empty() {
                let message = "Use a number from 0 to 65,535, or leave it empty.";
                faults.push(fault(format!("acs_urls.{at}.index"), "not_a_number", message));
            }
            let binding = row.binding.parse::<AcsBinding>().ok();
            if binding.is_none() && !row.binding.is_empty() {
                faults.push(fault(
                    format!("acs_urls.{at}.binding"),
                    "unknown_value",
                    "Choose one from the list.",
                ));
            }
            AcsUrlForm { url: row.url.clone(), index, default: Some(row.default), binding }
        };
        let mut forms: Vec<AcsUrlForm> = self.acs_urls.iter().enumerate().map(row).collect();
        // The default may have been the row that was removed: then the first one is it.
        if forms.iter().all(|form| form.default != Some(true)) {
            for form in &mut forms {
                form.default = None;
            }
        }
        forms
    }

    fn slo_patch(&self) -> SloPatch {
        let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let values = &self.slo;
        let slo = Slo {
            redirect_url: said(&values.redirect_url),
            redirect_response_url: said(&values.redirect_response_url),
            post_url: said(&values.post_url),
            post_response_url: said(&values.post_response_url),
            soap_url: said(&values.soap_url),
        };
        slo.replacing()
    }

    fn name_id_patch(&self, faults: &mut Vec<FieldError>) -> Option<NameIdPatch> {
        let mut json = serde_json::json!({ "format": self.name_id_format });
        if !self.name_id_source.is_empty() {
            json["source"] = self.name_id_source.as_str().into();
        }
        serde_json::from_value(json)
            .map_err(|_| {
                let message = "Choose a format and a source from the lists.";
                faults.push(fault("name_id.format", "unknown_value", message));
            })
            .ok()
    }

    fn attribute_patch(&self, stored: &SsoSettings, faults: &mut Vec<FieldError>) -> Vec<Attribute> {
        let mut out = Vec::with_capacity(self.attributes.len());
        for (at, row) in self.attributes.iter().enumerate() {
            let same = stored.attributes.iter().find(|known| says_the_same(row, known));
            match same.cloned().map_or_else(|| read_attribute(at, row), Ok) {
                Ok(attribute) => out.push(attribute),
                Err(fault) => faults.push(fault),
            }
        }
        out
    }
}

fn slo_of(slo: &Slo, name: &str) -> Option<String> {
    match name {
        "redirect_url" => slo.redirect_url.clone(),
        "redirect_response_url" => slo.redirect_response_url.clone(),
        "post_url" => slo.post_url.clone(),
        "post_response_url" => slo.post_response_url.clone(),
        _ => slo.soap_url.clone(),
    }
}

/// A value from a closed list.
fn chosen<T: serde::de::DeserializeOwned>(
    field: &str,
    text: &str,
    faults: &mut Vec<FieldError>,
) -> Change<T> {
    let read = serde_json::from_value(serde_json::Value::from(text)).ok();
    if read.is_none() {
        faults.push(fault(field, "unknown_value", "Choose one from the list."));
    }
    read.map_or(Change::Keep, Change::Set)
}

fn acs_rows(sso: &SsoSettings) -> Vec<AcsRow> {
    sso.acs_urls
        .iter()
        .map(|acs| AcsRow {
            url: acs.url.clone(),
            index: acs.index.to_string(),
            default: acs.default,
            binding: acs.binding.as_str().to_owned(),
        })
        .collect()
}

fn read_acs(posted: &Posted) -> Vec<AcsRow> {
    let default = posted.text("acs_urls.default").parse::<usize>().ok();
    (0..posted.rows("acs_urls", MOST_ROWS))
        .filter(|at| !posted.ticked(&format!("acs_urls.{at}.remove")))
        .map(|at| AcsRow {
            url: posted.text(&format!("acs_urls.{at}.url")).to_owned(),
            index: posted.text(&format!("acs_urls.{at}.index")).to_owned(),
            default: default == Some(at),
            binding: posted.text(&format!("acs_urls.{at}.binding")).to_owned(),
        })
        .filter(|row| !row.url.is_empty())
        .collect()
}

/// A stored attribute as the form shows it.
fn attribute_row(attribute: &Attribute) -> AttributeRow {
    let mut row = AttributeRow {
        name: attribute.name.clone(),
        fixed: attribute.jit.is_some(),
        jit: attribute.jit.is_some(),
        enabled: attribute.enabled,
        source: "email".to_owned(),
        name_format: attribute.name_format.as_str().to_owned(),
        friendly_name: attribute.friendly_name.clone().unwrap_or_default(),
        transforms: text::transforms_text(&attribute.transforms),
        ..AttributeRow::default()
    };
    match &attribute.value {
        ValueFrom::Property(source) => {
            "source".clone_into(&mut row.kind);
            row.source = source.to_string();
        }
        ValueFrom::Constant(constant) => {
            "constant".clone_into(&mut row.kind);
            row.constant.clone_from(constant);
        }
        ValueFrom::Groups(filter) => {
            "groups".clone_into(&mut row.kind);
            row.include = filter.include.join("\n");
            row.exclude = filter.exclude.join("\n");
        }
        ValueFrom::ByGroup(by) => {
            "by_group".clone_into(&mut row.kind);
            row.by_group = text::by_group_text(by);
            row.by_group_all = by.all;
        }
    }
    row
}

fn read_attributes(posted: &Posted, fixed: &[&str]) -> Vec<AttributeRow> {
    (0..posted.rows("attributes", MOST_ROWS))
        .filter(|at| !posted.ticked(&format!("attributes.{at}.remove")))
        .map(|at| {
            let value = |part: &str| posted.text(&format!("attributes.{at}.{part}")).to_owned();
            let raw = |part: &str| posted.raw(&format!("attributes.{at}.{part}")).replace("\r\n", "\n");
            let name = value("name");
            let is_fixed = fixed.contains(&name.as_str());
            AttributeRow {
                fixed: is_fixed,
                jit: is_fixed,
                enabled: posted.ticked(&format!("attributes.{at}.enabled")),
                kind: value("kind"),
                source: value("source"),
                constant: value("constant"),
                include: raw("groups.include"),
                exclude: raw("groups.exclude"),
                by_group: raw("by_group.rows"),
                by_group_all: posted.ticked(&format!("attributes.{at}.by_group.all")),
                name_format: value("name_format"),
                friendly_name: value("friendly_name"),
                transforms: raw("transforms"),
                name,
            }
        })
        .filter(|row| !row.name.is_empty())
        .collect()
}

/// Whether a row says just what is stored: then what its text can't hold is kept.
fn says_the_same(row: &AttributeRow, stored: &Attribute) -> bool {
    let known = attribute_row(stored);
    let value = |row: &AttributeRow| match row.kind.as_str() {
        "source" => vec![row.source.clone()],
        "constant" => vec![row.constant.clone()],
        "groups" => vec![row.include.clone(), row.exclude.clone()],
        _ => vec![row.by_group.clone(), row.by_group_all.to_string()],
    };
    let around = |row: &AttributeRow| {
        [&row.name, &row.kind, &row.name_format, &row.friendly_name, &row.transforms].map(Clone::clone)
    };
    row.enabled == known.enabled && around(row) == around(&known) && value(row) == value(&known)
}

fn read_attribute(at: usize, row: &AttributeRow) -> Result<Attribute, FieldError> {
    let wrong = |part: &str, code, message: String| fault(format!("attributes.{at}.{part}"), code, message);
    let value = match row.kind.as_str() {
        "source" => ValueFrom::Property(row.source.parse::<Source>().map_err(|()| {
            wrong("source", "unknown_property", "Choose a property from the list.".to_owned())
        })?),
        "constant" => ValueFrom::Constant(row.constant.clone()),
        "groups" => ValueFrom::Groups(GroupFilter {
            include: text::lines(&row.include),
            exclude: text::lines(&row.exclude),
        }),
        "by_group" => ValueFrom::ByGroup(
            text::read_by_group(&row.by_group, row.by_group_all)
                .map_err(|message| wrong("by_group", "unreadable_line", message))?,
        ),
        _ => return Err(wrong("source", "unknown_kind", "Choose a kind of value from the list.".to_owned())),
    };
    let name_format = NameFormat::ALL.iter().copied().find(|format| format.as_str() == row.name_format);
    Ok(Attribute {
        name: row.name.clone(),
        name_format: name_format.ok_or_else(|| {
            wrong("name_format", "unknown_value", "Choose a name format from the list.".to_owned())
        })?,
        friendly_name: Some(row.friendly_name.clone()).filter(|name| !name.is_empty()),
        enabled: row.enabled,
        jit: None,
        value,
        transforms: text::read_transforms(&row.transforms)
            .map_err(|message| wrong("transforms", "unreadable_line", message))?,
    })
}

#[cfg(test)]
mod tests;
