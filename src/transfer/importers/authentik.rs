//! authentik: a blueprint, written by hand or by its export. It owns authentik's models of applications, providers,
//! property mappings and bindings, and how their entries refer to each other. Flows, policies and people are not
//! carried.

#[path = "authentik_application.rs"]
mod application;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::authentik_mapping::{Mapped, expression_value, well_known};
use super::draft::{Attribute, Draft, Purpose, Value, custom};
use super::report::Report;
use super::words::{cleaned, name_id_format, says_something, switch, text};
use super::{Fault, Imported};

const APPLICATION: &str = "authentik_core.application";
const PROVIDER: &str = "authentik_providers_saml.samlprovider";
const MAPPING: &str = "authentik_providers_saml.samlpropertymapping";
const BINDING: &str = "authentik_policies.policybinding";
const KEY_PAIR: &str = "authentik_crypto.certificatekeypair";
/// Fields that entries are found by.
const FINDABLE: [&str; 4] = ["pk", "name", "managed", "slug"];
/// Longest text that `!Format` and `!Context` may come to, in bytes.
const MAX_TEXT: usize = 4096;

/// What is told of a field that nobody here knows.
const UNKNOWN: &str =
    "This setting is not known here. See what it does, and whether the application needs it.";

/// Fields of a provider that are read, or change nothing that is not the same for all applications here.
const KNOWN: &[&str] = &[
    "pk",
    "name",
    "acs_url",
    "audience",
    "issuer",
    "issuer_override",
    "sp_binding",
    "name_id_mapping",
    "property_mappings",
    "assertion_valid_not_before",
    "assertion_valid_not_on_or_after",
    "session_valid_not_on_or_after",
    "digest_algorithm",
    "signature_algorithm",
    "verification_kp",
    "signing_kp",
    "encryption_kp",
    "default_relay_state",
    "sign_assertion",
    "sign_response",
    "sign_logout_request",
    "sign_logout_response",
    "sls_url",
    "sls_binding",
    "logout_method",
    "default_name_id_policy",
    "authentication_flow",
    "authorization_flow",
    "invalidation_flow",
    "authn_context_class_ref_mapping",
    "backchannel_application",
    "is_backchannel",
    "component",
];

/// Reads the export.
pub(super) fn read(export: &Json) -> Result<Imported, Fault> {
    let Some(entries) = export.get("entries").and_then(Json::as_array) else {
        return Err(Fault::not_an_export("blueprint with entries"));
    };
    let mut report = Report::default();
    let blueprint = Blueprint::of(export, entries, &mut report);
    let mut used = vec![false; entries.len()];
    for application in blueprint.of_model(APPLICATION) {
        blueprint.application(application, &mut used, &mut report)?;
    }
    for provider in blueprint.of_model(PROVIDER) {
        if !used[provider] {
            let mut draft = Draft::new(&blueprint.text(provider, "name").unwrap_or_default());
            draft.leave(
                "application",
                "No application of the export has this provider. It became one of its own.",
            );
            blueprint.provider(&mut draft, provider, &mut report);
            report.push(draft)?;
        }
    }
    report.finish("authentik")
}

/// The entries and how to find them.
struct Blueprint<'a> {
    entries: &'a [Json],
    context: &'a Json,
    models: BTreeMap<String, Vec<usize>>,
    ids: BTreeMap<String, usize>,
    /// By model, a field that entries are found by, and its value.
    keys: BTreeMap<(String, &'static str, String), usize>,
    /// Bindings by the entry that they are of.
    bindings: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Blueprint<'a> {
    fn of(export: &'a Json, entries: &'a [Json], report: &mut Report) -> Self {
        let context = export.get("context").unwrap_or(&Json::Null);
        let (models, ids, keys, bindings) = Default::default();
        let mut blueprint = Self { entries, context, models, ids, keys, bindings };
        for (at, entry) in entries.iter().enumerate() {
            let model = text(entry, &["model"]).unwrap_or_default().to_ascii_lowercase();
            if text(entry, &["state"]).as_deref() == Some("absent") {
                report.other("entries that are absent", &model);
                continue;
            }
            if let Some(id) = text(entry, &["id"]) {
                blueprint.ids.insert(id, at);
            }
            for field in FINDABLE {
                if let Some(value) = blueprint.text(at, field) {
                    blueprint.keys.entry((model.clone(), field, value)).or_insert(at);
                }
            }
            blueprint.models.entry(model).or_default().push(at);
        }
        for binding in blueprint.of_model(BINDING) {
            let target =
                blueprint.field(binding, "target").and_then(|target| blueprint.entry(target, &[APPLICATION]));
            match target {
                Some(target) => blueprint.bindings.entry(target).or_default().push(binding),
                None => report.leave(
                    "policybinding",
                    "A binding is of something that is no application of the export. It is not carried.",
                ),
            }
        }
        blueprint
    }

    fn of_model(&self, model: &str) -> Vec<usize> {
        self.models.get(model).cloned().unwrap_or_default()
    }

    fn model(&self, at: usize) -> String {
        text(&self.entries[at], &["model"]).unwrap_or_default().to_ascii_lowercase()
    }

    /// A field of an entry, among what is set or what it is found by.
    fn field(&self, at: usize, name: &str) -> Option<&'a Json> {
        let entry = &self.entries[at];
        let of = |part: &str| entry.get(part).and_then(|part| part.get(name));
        of("attrs").or_else(|| of("identifiers")).filter(|value| !value.is_null())
    }

    fn text(&self, at: usize, name: &str) -> Option<String> {
        self.field(at, name).and_then(|value| self.resolved(value))
    }

    fn is_on(&self, at: usize, name: &str) -> Option<bool> {
        self.field(at, name).and_then(|value| switch(value, &[]))
    }

    /// The text of a value, with the tags that stand for one: what the blueprint itself says they are.
    fn resolved(&self, value: &Json) -> Option<String> {
        if let Some((tag, argument)) = tagged(value) {
            return match tag {
                "!Env" => {
                    argument.as_array().and_then(|pair| pair.get(1)).and_then(|default| text(default, &[]))
                }
                "!Context" => self.of_context(argument),
                "!Format" => self.formatted(argument),
                _ => None,
            };
        }
        text(value, &[])
    }

    /// Values of the context are texts as they stand: a tag inside them is not followed.
    fn of_context(&self, argument: &Json) -> Option<String> {
        let (name, default) = match argument.as_array().map(Vec::as_slice) {
            Some([name, default, ..]) => (name, Some(default)),
            Some([name]) => (name, None),
            _ => (argument, None),
        };
        let found = self.context.get(name.as_str()?);
        // It may be asked for as often as the file has room for.
        let short = found.filter(|value| value.as_str().is_none_or(|text| text.len() <= MAX_TEXT));
        let found = short.and_then(|value| text(value, &[]));
        found.or_else(|| default.and_then(|default| text(default, &[])))
    }

    fn formatted(&self, argument: &Json) -> Option<String> {
        let (pattern, arguments) = argument.as_array()?.split_first()?;
        let mut arguments = arguments.iter();
        let pattern = pattern.as_str()?;
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            rest = after.strip_prefix(['s', 'd'])?;
            out.push_str(&self.resolved(arguments.next()?)?);
            if out.len() > MAX_TEXT {
                return None;
            }
        }
        out.push_str(rest);
        (out.len() <= MAX_TEXT && arguments.next().is_none()).then_some(out)
    }

    /// The entry that a value refers to, of one of these models.
    fn entry(&self, value: &Json, models: &[&str]) -> Option<usize> {
        match tagged(value) {
            Some(("!KeyOf", id)) => self.ids.get(&text(id, &[])?).copied(),
            Some(("!Find", query)) => {
                let (model, conditions) = query.as_array()?.split_first()?;
                let model = self.resolved(model)?.to_ascii_lowercase();
                let asked =
                    conditions.iter().map(|condition| match condition.as_array().map(Vec::as_slice) {
                        Some([Json::String(field), wanted]) => Some((field.as_str(), self.resolved(wanted)?)),
                        _ => None,
                    });
                let asked: Vec<(&str, String)> = asked.collect::<Option<_>>()?;
                let found = asked.iter().find_map(|(field, wanted)| {
                    let field = FINDABLE.into_iter().find(|findable| findable == field)?;
                    self.keys.get(&(model.clone(), field, wanted.clone())).copied()
                })?;
                let holds =
                    asked.iter().all(|(field, wanted)| self.text(found, field).as_ref() == Some(wanted));
                holds.then_some(found)
            }
            Some(_) => None,
            None => {
                let key = text(value, &[])?;
                models
                    .iter()
                    .find_map(|model| self.keys.get(&((*model).to_owned(), "pk", key.clone())).copied())
            }
        }
    }

    /// What `!Find` asks of a field, where the entry is not in the export.
    fn found_by(&self, value: &Json, field: &str) -> Option<String> {
        let Some(("!Find", query)) = tagged(value) else { return None };
        let mut conditions = query.as_array()?.iter().skip(1).filter_map(Json::as_array);
        let condition =
            conditions.find(|condition| condition.first().and_then(Json::as_str) == Some(field))?;
        self.resolved(condition.get(1)?)
    }

    fn provider(&self, draft: &mut Draft, at: usize, report: &mut Report) {
        self.addresses(draft, at);
        self.signatures(draft, at);
        self.name_id(draft, at);
        let mappings = self.field(at, "property_mappings").and_then(Json::as_array);
        for mapping in mappings.into_iter().flatten() {
            self.attribute(draft, mapping);
        }
        self.others(draft, at, report);
    }

    fn addresses(&self, draft: &mut Draft, at: usize) {
        match self.text(at, "audience").filter(|text| !text.trim().is_empty()) {
            Some(audience) => draft.entity_id("audience", &audience),
            None => draft.leave(
                "audience",
                "The application's entity ID is not in the export. Take it from the application.",
            ),
        }
        if let Some(url) = self.text(at, "acs_url") {
            draft.acs_url("acs_url", &url, None);
        }
        if !draft.has_acs_url() {
            draft.leave(
                "acs_url",
                "There is no usable address for responses in the export. Take it from the application.",
            );
        }
        if self.text(at, "sp_binding").as_deref() != Some("post") {
            draft.leave("sp_binding", "Responses were brought by redirect, which the standard forbids. Here they are brought by POST: see that the application takes them so.");
        }
        if let Some(state) = self.text(at, "default_relay_state") {
            draft.relay_state("default_relay_state", &state);
        }
        if let Some(url) = self.text(at, "sls_url") {
            let post = self.text(at, "sls_binding").as_deref() == Some("post");
            draft.logout_url(if post { "post_url" } else { "redirect_url" }, "sls_url", &url);
        }
        if self.text(at, "logout_method").as_deref() == Some("backchannel") {
            draft.leave("logout_method", "Logout went from server to server. Here that is done by SOAP only; by POST and redirect the browser brings it.");
        }
    }

    fn signatures(&self, draft: &mut Draft, at: usize) {
        let signs = self.entries[at].pointer("/attrs/signing_kp").is_none_or(|key| !key.is_null());
        let assertion = signs && self.is_on(at, "sign_assertion").unwrap_or(true);
        let response = signs && self.is_on(at, "sign_response").unwrap_or(false);
        draft.sign("sign_assertion", response, assertion);
        if let Some(algorithm) = self.text(at, "signature_algorithm") {
            draft.signature_algorithm("signature_algorithm", &algorithm);
        }
        if let Some(algorithm) = self.text(at, "digest_algorithm") {
            draft.digest_algorithm("digest_algorithm", &algorithm);
        }
        for (name, purpose) in [("verification_kp", Purpose::Signing), ("encryption_kp", Purpose::Encryption)]
        {
            let Some(value) = self.field(at, name) else { continue };
            let pair = self.entry(value, &[KEY_PAIR]).filter(|pair| self.model(*pair) == KEY_PAIR);
            if let Some(certificate) = pair.and_then(|pair| self.text(pair, "certificate_data")) {
                draft.certificate(purpose, name, &certificate);
            }
            match purpose {
                Purpose::Signing => draft.require_signed_requests(name),
                Purpose::Encryption => draft.encrypt(name),
            }
        }
    }

    fn name_id(&self, draft: &mut Draft, at: usize) {
        const WHAT: &str = "name_id_mapping";
        let policy = self.text(at, "default_name_id_policy");
        let format = policy.as_deref().and_then(name_id_format);
        let Some(mapping) = self.field(at, WHAT) else {
            let by_format = match format {
                Some("emailAddress") => Some(Value::source("email")),
                Some("WindowsDomainQualifiedName") => custom("upn"),
                _ => None,
            };
            if by_format.is_none() && !matches!(format, Some("transient" | "persistent")) {
                draft.leave(WHAT, "People were called by the format that the application asked for, and otherwise by an identifier of authentik's. Here it is the e-mail address: see what the application knows them by.");
            }
            return draft.name_id("default_name_id_policy", format, by_format, &[]);
        };
        match self.mapping(mapping) {
            Ok(Mapped { value: value @ (Value::Source(_) | Value::Constant(_)), steps, .. }) => {
                draft.name_id(WHAT, format, Some(value), &steps);
            }
            Ok(_) => draft.leave(WHAT, "A NameID is one value, and this gives several. It is the e-mail address now: set its source."),
            Err(why) => {
                draft.leave(WHAT, format!("{why} The NameID is the e-mail address now: set its source."));
                draft.name_id(WHAT, format, None, &[]);
            }
        }
    }

    fn attribute(&self, draft: &mut Draft, reference: &Json) {
        let what = format!("property mapping {}", self.name_of(reference));
        match self.mapping(reference) {
            Ok(Mapped { name, friendly_name, value, steps, note }) => {
                if let Some(note) = note {
                    draft.leave(&what, note);
                }
                // authentik names no format.
                draft.attribute(
                    &what,
                    &Attribute { name, name_format: "unspecified", friendly_name, value, steps },
                );
            }
            Err(why) => draft.leave(what, format!("{why} Add the attribute by hand.")),
        }
    }

    /// How a mapping is called, for the report.
    fn name_of(&self, reference: &Json) -> String {
        let found = self
            .entry(reference, &[MAPPING])
            .and_then(|at| self.text(at, "name").or_else(|| self.text(at, "managed")));
        let asked = || self.found_by(reference, "managed").or_else(|| self.found_by(reference, "name"));
        let id = || text(reference, &[]).or_else(|| tagged(reference).and_then(|(_, id)| text(id, &[])));
        found.or_else(asked).or_else(id).unwrap_or_default()
    }

    fn mapping(&self, reference: &Json) -> Result<Mapped, String> {
        if let Some(at) = self.entry(reference, &[MAPPING]) {
            let name = self.text(at, "saml_name");
            let friendly_name = self.text(at, "friendly_name");
            if let Some(expression) = self.text(at, "expression") {
                let read = expression_value(&expression).ok_or_else(|| {
                    format!("Its expression says more than there is here: {}.", cleaned(&expression, 160))
                })?;
                let (value, steps) = read;
                return Ok(Mapped {
                    name: name.unwrap_or_default(),
                    friendly_name,
                    value,
                    steps,
                    note: None,
                });
            }
            let managed = self.text(at, "managed").or_else(|| self.text(at, "name")).unwrap_or_default();
            return well_known(&managed);
        }
        let asked = self.found_by(reference, "managed").or_else(|| self.found_by(reference, "name"));
        well_known(&asked.ok_or("The mapping is not in the export.")?)
    }

    fn others(&self, draft: &mut Draft, at: usize, report: &mut Report) {
        const SAME: &str = "It is the same for all applications here, and can't be set.";
        for (name, usual) in [
            ("assertion_valid_not_before", "minutes=-5"),
            ("assertion_valid_not_on_or_after", "minutes=5"),
            ("session_valid_not_on_or_after", "minutes=86400"),
        ] {
            if self.text(at, name).is_some_and(|value| value != usual) {
                draft.leave(name, SAME);
            }
        }
        if self.field(at, "authn_context_class_ref_mapping").is_some() {
            draft.leave(
                "authn_context_class_ref_mapping",
                "A class is only named here where it is true: see the classes of the application.",
            );
        }
        if ["authentication_flow", "authorization_flow"].iter().any(|flow| self.field(at, flow).is_some()) {
            report.leave("flows", "Flows are not carried: people sign in by the settings of sign-in here, and are not asked for consent.");
        }
        for part in ["attrs", "identifiers"] {
            for (name, value) in self.entries[at].get(part).and_then(Json::as_object).into_iter().flatten() {
                if !KNOWN.contains(&name.as_str()) && says_something(value) {
                    draft.leave(name, UNKNOWN);
                }
            }
        }
        for name in ["acs_url", "audience", "default_relay_state", "sls_url", "name"] {
            if self
                .field(at, name)
                .is_some_and(|value| tagged(value).is_some() && self.resolved(value).is_none())
            {
                draft.leave(
                    name,
                    "The blueprint takes this from elsewhere when it is applied. Write it out by hand.",
                );
            }
        }
    }
}

/// The tag and what follows it.
fn tagged(value: &Json) -> Option<(&str, &Json)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.iter().next().filter(|(key, _)| key.starts_with('!')).map(|(key, value)| (key.as_str(), value))
}

#[cfg(test)]
#[path = "authentik_tests.rs"]
mod tests;
