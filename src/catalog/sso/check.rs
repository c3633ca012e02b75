//! What must hold of settings whatever their placeholders: sizes, one default consumer service, distinct indexes
//! and attribute names, and what is fixed of each address (MD-303). What placeholders make of it is checked where they
//! are filled.

use std::collections::BTreeSet;

use super::super::placeholder::{LocationRules, check_template, is_location};
use super::attribute::{AcsUrl, AcsUrlForm};
use super::request::{check_classes, check_services};
use super::value::{ValueFrom, is_sendable, value_fault};
use super::{NameId, SsoSettings};
use crate::base::{Error, FieldError, Result};

/// Longest text of one field, in bytes (MD-303, decision 8).
const MAX_TEXT: usize = 2048;
/// Longest entity ID, in characters (Core 8.3.6).
const MAX_ENTITY_ID: usize = 1024;
/// Longest RelayState that is sent from here, in bytes.
const MAX_RELAY_STATE: usize = 80;
/// Longest certificate, PEM.
const MAX_CERTIFICATE: usize = 32 * 1024;

pub(super) fn fault(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), code: code.into(), message: message.into() }
}

/// A fault of the parser as a sentence.
pub(super) fn sentence(fault: &str) -> String {
    let mut out = fault[..1].to_uppercase();
    out.push_str(&fault[1..]);
    out.push('.');
    out
}

/// Fills in indexes (the lowest free one) and the default (the first that a browser brings responses to), and refuses
/// what contradicts itself.
pub(super) fn numbered(forms: Vec<AcsUrlForm>) -> Result<Vec<AcsUrl>> {
    let mut taken = BTreeSet::new();
    for (i, form) in forms.iter().enumerate() {
        if form.index.is_some_and(|index| !taken.insert(index)) {
            let field = format!("acs_urls.{i}.index");
            return Err(Error::field(
                field,
                "duplicate_index",
                "Two ACS URLs have this index. Give each its own.",
            ));
        }
    }
    let mut defaults = forms.iter().enumerate().filter(|(_, form)| form.default == Some(true));
    let default = defaults.next().map(|(i, _)| i);
    if let Some((i, _)) = defaults.next() {
        let field = format!("acs_urls.{i}.default");
        return Err(Error::field(field, "several_defaults", "Two ACS URLs are the default. Choose one."));
    }
    let is_of_browsers = |form: &AcsUrlForm| form.binding.unwrap_or_default().is_of_browsers();
    if let Some(i) = default.filter(|i| !is_of_browsers(&forms[*i])) {
        let field = format!("acs_urls.{i}.default");
        let message =
            "An ACS URL by PAOS can’t be the default: no browser brings responses to it. Choose another.";
        return Err(Error::field(field, "paos_default", message));
    }
    let default = default
        .or_else(|| forms.iter().position(|form| form.default.is_none() && is_of_browsers(form)))
        .or_else(|| forms.iter().position(is_of_browsers));
    if default.is_none() && !forms.is_empty() {
        let message =
            "An ACS URL by PAOS is for clients without a browser. Add one that takes responses by POST.";
        return Err(Error::field("acs_urls", "paos_only", message));
    }
    let mut free = 0..=u16::MAX;
    let mut out = Vec::with_capacity(forms.len().min(100));
    for (i, form) in forms.into_iter().enumerate() {
        let index = form.index.or_else(|| free.find(|index| !taken.contains(index)));
        let Some(index) = index else {
            return Err(Error::field("acs_urls", "too_many", "Too many ACS URLs. Use at most 100."));
        };
        out.push(AcsUrl {
            url: form.url,
            index,
            default: Some(i) == default,
            binding: form.binding.unwrap_or_default(),
        });
    }
    Ok(out)
}

impl SsoSettings {
    /// Everything that can't be accepted, whatever the placeholders. Empty when all is well.
    #[must_use]
    pub fn check(&self) -> Vec<FieldError> {
        let mut faults = self.check_texts();
        faults.extend(self.check_sp_entity_id());
        faults.extend(self.check_default_relay_state());
        faults.extend(self.check_acs_urls());
        faults.extend(self.check_attributes());
        faults.extend(check_name_id(&self.name_id));
        faults.extend(check_classes(&self.authn_contexts));
        faults.extend(check_services(&self.attribute_services));
        faults.extend(self.slo.lacks().map(|field| {
            let message =
                "Give the address for logout requests, too: the one for answers only stands beside it.";
            fault(field, "required", message)
        }));
        if self.relay_states.len() > 50 {
            faults.push(fault("relay_states", "too_many", "Too many RelayStates. Use at most 50."));
        }
        for (field, certificates) in [
            ("sp_certificates", &self.sp_certificates),
            ("sp_encryption_certificates", &self.sp_encryption_certificates),
        ] {
            let unusable = |pem: &String| pem.len() > MAX_CERTIFICATE || pem.trim().is_empty();
            if certificates.len() > 10 || certificates.iter().any(unusable) {
                let message = "Use at most 10 certificates of at most 32 KiB each.";
                faults.push(fault(field, "too_large", message));
            }
        }
        faults
    }

    fn check_texts(&self) -> Vec<FieldError> {
        let idp = self.idp_entity_id.as_deref().map(|text| ("idp_entity_id".to_owned(), text));
        let mut faults = Vec::new();
        for (field, text) in idp.into_iter().chain(self.templates()) {
            if text.len() > MAX_TEXT {
                faults.push(fault(field, "too_long", "Too long. Use at most 2,048 characters."));
            } else if !is_sendable(text) {
                let message = "This has a line break or another control character in it. Remove it.";
                faults.push(fault(field, "control_character", message));
            } else if is_location(&field)
                && !text.is_empty()
                && let Err(wrong) = check_template(text, LocationRules::of(&field))
            {
                faults.push(fault(field, wrong.code(), wrong.to_string()));
            }
        }
        faults
    }

    fn check_sp_entity_id(&self) -> Option<FieldError> {
        let id = self.sp_entity_id.as_deref()?;
        let (code, message) = if id.chars().count() > MAX_ENTITY_ID {
            ("too_long", "Too long. An entity ID has at most 1,024 characters.")
        } else if id.chars().any(char::is_whitespace) {
            (
                "blank_inside",
                "There is a blank in this entity ID. Copy it exactly as the application states it.",
            )
        } else {
            return None;
        };
        Some(fault("sp_entity_id", code, message))
    }

    /// What we begin ourselves keeps to the standard (Bindings 3.4.3, SAML-127). Placeholders may make it longer, so
    /// it is asked again once they are filled.
    #[must_use]
    pub fn check_default_relay_state(&self) -> Option<FieldError> {
        let state = self.default_relay_state.as_deref()?;
        (state.len() > MAX_RELAY_STATE).then(|| {
            let message = "Too long. A RelayState that is sent from here has at most 80 bytes; many applications cut or refuse longer ones.";
            fault("default_relay_state", "too_long", message)
        })
    }

    fn check_acs_urls(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.acs_urls.len() > 100 {
            faults.push(fault("acs_urls", "too_many", "Too many ACS URLs. Use at most 100."));
        }
        for (i, acs) in self.acs_urls.iter().enumerate() {
            if acs.url.trim().is_empty() {
                let message = "Fill in the ACS URL, or remove this row.";
                faults.push(fault(format!("acs_urls.{i}.url"), "required", message));
            }
        }
        faults
    }

    fn check_attributes(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.attributes.len() > 100 {
            faults.push(fault("attributes", "too_many", "Too many attributes. Use at most 100."));
        }
        let mut names = BTreeSet::new();
        for (i, attribute) in self.attributes.iter().enumerate() {
            let name = &attribute.name;
            let bad = |text: &str| text.len() > 256 || !is_sendable(text);
            if name.trim().is_empty() || bad(name) || attribute.friendly_name.as_deref().is_some_and(bad) {
                let message = "Give the attribute a name of 1 to 256 characters.";
                faults.push(fault(format!("attributes.{i}.name"), "bad_name", message));
            }
            if attribute.enabled && !names.insert(name) {
                let message = format!("{name} stands here twice. Remove or switch off one of the two.");
                faults.push(fault(format!("attributes.{i}.name"), "duplicate_attribute", message));
            }
            if let Some((code, message)) = value_fault(&attribute.value, &attribute.transforms) {
                faults.push(fault(format!("attributes.{i}"), code, message));
            }
        }
        faults
    }
}

fn check_name_id(name_id: &NameId) -> Option<FieldError> {
    if matches!(name_id.value, ValueFrom::Groups(_)) {
        let message = "A NameID is one value. Use a property, a constant or a value by group.";
        return Some(fault("name_id.source", "not_a_single_value", message));
    }
    value_fault(&name_id.value, &name_id.transforms).map(|(code, message)| fault("name_id", code, message))
}
