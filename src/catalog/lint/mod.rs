//! Judging connectors: each fault with file, line and column, a stable code and a sentence. What the linter passes,
//! the rest of Tessera may rely on: templates that fill to usable addresses, steps that can be shown, names that
//! are unique.

mod elsewhere;
mod scim;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Catalog;
use super::load::{Fault, built_in_files, folder_files};
use super::model::{Connector, ConnectorKind, Verified};
use super::placeholder::{
    self, LocationRules, Part, Scope, Values, check_location, check_value, compiled, is_invisible, is_token,
    parts,
};
use super::sso::IdpInitiated;
use super::steps::{self, LiveValue};
use super::yaml::{self, Position, Positions};
use super::{glyphs, lenient, search};
use crate::base::Result;

/// What the linter found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many files were read.
    pub files: usize,
    /// The connectors that could be read, faulty or not.
    pub connectors: Vec<Connector>,
    /// The faults, by file and place. Empty when all is well.
    pub faults: Vec<Fault>,
}

/// Judges the built-in connectors.
#[must_use]
pub fn lint_built_in() -> Report {
    lint_files(built_in_files().map(|(file, bytes)| (file, bytes.into_owned())))
}

/// Judges the connectors of a folder: `<letter>/<id>.yaml`, or `<id>.yaml` beside each other. Names are those of no built-in
/// connector either, but of the ones that the folder replaces.
pub fn lint_folder(folder: &Path) -> Result<Report> {
    let files = folder_files(folder)?;
    let stem =
        |file: &str| file.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).map(str::to_owned);
    let own: BTreeSet<String> = files.iter().filter_map(|(file, _)| stem(file)).collect();
    Ok(judged(files, Others::built_in(|id| own.contains(id))))
}

/// Judges one text as a file of somebody's own folder: beside the built-in connectors, but for the one that it replaces.
#[must_use]
pub fn lint_own(file: &str, text: &str) -> Vec<Fault> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let others = Others::built_in(|id| name.strip_suffix(".yaml") == Some(id));
    judged([(file.to_owned(), text.as_bytes().to_vec())], others).faults
}

/// Judges files, each with its name, alone and against each other.
pub fn lint_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Report {
    judged(files, Others::default())
}

fn judged(files: impl IntoIterator<Item = (String, Vec<u8>)>, mut others: Others) -> Report {
    let mut report = Report::default();
    for (file, bytes) in files {
        report.files += 1;
        report.connectors.extend(judge(&file, &bytes, &mut others, &mut report.faults));
    }
    let superseded = |connector: &Connector| (connector.id.clone(), connector.superseded_by.is_some());
    others.ids.extend(report.connectors.iter().map(superseded));
    for (file, at, successor) in others.successors {
        let message = match others.ids.get(&successor) {
            Some(false) => continue,
            // Also itself, and those that would lead around.
            Some(true) => {
                format!("{successor} is superseded too. Name the connector that is to be used in the end.")
            }
            None => format!("There is no connector {successor} that could be used in its place."),
        };
        report.faults.push(Fault { file, at, code: "no_such_successor", message });
    }
    report.faults.sort();
    report.faults.dedup();
    report
}

/// Judges one text by itself.
#[must_use]
pub fn lint_text(file: &str, text: &str) -> Vec<Fault> {
    lint_files([(file.to_owned(), text.as_bytes().to_vec())]).faults
}

/// What is known of other connectors.
#[derive(Default)]
struct Others {
    /// Kind and folded name, and who is called so.
    names: BTreeMap<(&'static str, String), Holder>,
    /// Ids, and whether there is a successor.
    ids: BTreeMap<String, bool>,
    /// Which connector is named as a successor, and where.
    successors: Vec<(String, Position, String)>,
}

impl Others {
    /// The built-in connectors, but for those that are replaced.
    fn built_in(is_replaced: impl Fn(&str) -> bool) -> Self {
        let mut others = Self::default();
        for connector in Catalog::built_in().list() {
            others.ids.insert(connector.id.clone(), connector.superseded_by.is_some());
            if is_replaced(&connector.id) {
                continue;
            }
            for name in std::iter::once(&connector.name).chain(&connector.aliases) {
                let holder = Holder::BuiltIn(connector.id.clone());
                others.names.insert(("name", search::folded(name)), holder);
            }
        }
        others
    }
}

enum Holder {
    /// A file of the same folder.
    File(String),
    /// The built-in connector of this id.
    BuiltIn(String),
}

/// Judges one file. A fault of its form is no end: the rest is judged as far as it can be read.
fn judge(file: &str, bytes: &[u8], others: &mut Others, faults: &mut Vec<Fault>) -> Option<Connector> {
    let located = |fault: yaml::YamlFault| Fault {
        file: file.to_owned(),
        at: fault.at,
        code: fault.code,
        message: fault.message,
    };
    let (text, positions) = match yaml::survey(bytes, &yaml::CONNECTOR) {
        Ok(surveyed) => surveyed,
        Err(fault) => {
            faults.push(located(fault));
            return None;
        }
    };
    let read = lenient::read::<Connector>(text, &positions, &yaml::CONNECTOR);
    // An unknown word leaves nothing out; whatever else is wrong may have held a placeholder.
    let whole = read.faults.iter().all(|fault| fault.code == "unknown_value");
    faults.extend(read.faults.into_iter().map(located));
    let connector = read.value?;
    let mut linter = Linter { file, text, positions: &positions, unread: &read.unread, whole, faults };
    linter.connector(&connector);
    linter.unique(&connector, others);
    Some(connector)
}

/// The one connector that is a blank form by purpose.
const BLANK: &str = "custom-saml";

struct Linter<'a> {
    file: &'a str,
    text: &'a str,
    positions: &'a Positions,
    /// Places where something stands in for what can't be read.
    unread: &'a [String],
    /// Whether everything in the file was read.
    whole: bool,
    faults: &'a mut Vec<Fault>,
}

/// Whether this is the dotted name of a setting that a connector may leave out.
fn is_setting(field: &str) -> bool {
    let Some(key) = field.strip_prefix("sso.") else { return false };
    let settings = serde_json::to_value(super::sso::SsoSettings::default()).unwrap_or_default();
    settings.get(key).is_some()
}

/// Whether the dotted path `inner` is `outer` or lies in it.
fn lies_in(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Linter<'_> {
    fn fault(&mut self, at: Position, code: &'static str, message: impl Into<String>) {
        self.faults.push(Fault { file: self.file.to_owned(), at, code, message: message.into() });
    }

    fn at_value(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        if self.is_read(path) {
            self.fault(self.positions.value(path), code, message);
        }
    }

    fn at_key(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        if self.is_read(path) {
            self.fault(self.positions.key(path), code, message);
        }
    }

    /// Whether what stands here is the file's own and not a stand-in, which nothing must be said of.
    fn is_read(&self, path: &str) -> bool {
        !self.unread.iter().any(|unread| lies_in(path, unread) || lies_in(unread, path))
    }

    fn connector(&mut self, connector: &Connector) {
        self.identity(connector);
        self.texts(connector);
        self.evidence(connector);
        self.placeholders(connector);
        self.sso(connector);
        self.provisioning(connector);
        self.templates(connector);
        self.steps("setup.sso", connector.setup.sso.as_deref(), connector);
        self.steps("setup.provisioning", connector.setup.provisioning.as_deref(), connector);
    }

    fn identity(&mut self, connector: &Connector) {
        if connector.version == 0 {
            self.at_value("version", "bad_version", "Versions count from 1.");
        }
        let id = &connector.id;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=60).contains(&id.len())
            && id.bytes().all(plain)
            && !id.starts_with('-')
            && !id.ends_with('-')
            && !id.contains("--");
        if !fits {
            self.at_value(
                "id",
                "bad_id",
                "An id is lower-case letters, digits and single hyphens, at most 60.",
            );
            return;
        }
        let expected = format!("{}/{id}.yaml", &id[..1]);
        if self.file != expected && self.file != format!("{id}.yaml") {
            self.at_value("id", "path_mismatch", format!("A connector of this id belongs into {expected}."));
        }
    }

    fn texts(&mut self, connector: &Connector) {
        self.text("name", &connector.name, 80);
        self.text("description", &connector.description, 300);
        if let Some(homepage) = &connector.homepage
            && let Err(fault) = check_location(homepage, LocationRules::default())
        {
            self.at_value("homepage", fault.code(), fault.to_string());
        }
        if connector.categories.is_empty() || connector.categories.len() > 3 {
            self.at_value("categories", "categories", "Name one to three categories.");
        }
        for (key, list) in [("keywords", &connector.keywords), ("aliases", &connector.aliases)] {
            if list.len() > 30 {
                self.at_value(key, "too_many", format!("At most 30 {key}."));
            }
            for (i, word) in list.iter().enumerate() {
                self.text(&format!("{key}.{i}"), word, 60);
            }
        }
        if let Some(glyph) = &connector.glyph
            && glyphs::path(glyph).is_none()
        {
            self.at_value(
                "glyph",
                "unknown_glyph",
                "No glyph of this name is in the program. Leave it out: the tile shows a letter, or the picture that an administrator uploads.",
            );
        }
    }

    fn text(&mut self, path: &str, text: &str, most: usize) {
        if text.trim().is_empty() {
            self.at_value(path, "empty_text", "This is empty. Say something, or leave the key out.");
        } else if text.chars().count() > most {
            self.at_value(path, "text_too_long", format!("Longer than {most} characters. Say it shorter."));
        } else if text.chars().any(char::is_control) {
            self.at_value(path, "control_character", "This has a line break or a control character in it.");
        } else if text.chars().any(is_invisible) {
            self.at_value(path, "invisible_character", "This has a character in it that can't be seen.");
        }
    }

    fn evidence(&mut self, connector: &Connector) {
        if connector.verified != Verified::None && connector.sources.is_empty() {
            let message =
                "Facts that were checked need a source. Name it under sources, or say verified: none.";
            self.at_value("verified", "missing_evidence", message);
        }
        for (i, source) in connector.sources.iter().enumerate() {
            self.text(&format!("sources.{i}"), source, 500);
        }
        for (key, reasons) in [("differs", &connector.differs), ("notes", &connector.notes)] {
            for (field, reason) in reasons {
                self.text(&format!("{key}.{field}"), reason, 300);
            }
        }
        for field in connector.notes.keys() {
            // What is left out in the file may be noted too.
            if !self.positions.has_value(field) && !is_setting(field) {
                let message = format!(
                    "There is no {field} here. Name the field as its place in this file, for example sso.acs_urls."
                );
                self.at_key(&format!("notes.{field}"), "no_such_field", message);
            }
        }
    }

    fn placeholders(&mut self, connector: &Connector) {
        // Where the settings contradict themselves, that is the fault to report.
        let used = connector.templates().ok();
        for (token, placeholder) in &connector.placeholders {
            let path = format!("placeholders.{token}");
            if !is_token(token) {
                let message = "A placeholder is YOUR_ followed by capitals, digits and underscores, ending in a capital or digit.";
                self.fault(self.positions.key(&path), "bad_token", message);
            }
            self.text(&format!("{path}.label"), &placeholder.label, 60);
            if !placeholder.help.is_empty() {
                self.text(&format!("{path}.help"), &placeholder.help, 300);
            }
            for (key, pattern) in [("pattern", &placeholder.pattern), ("extract", &placeholder.extract)] {
                match pattern.as_deref().map(compiled) {
                    Some(Err(why)) => self.at_value(&format!("{path}.{key}"), "bad_pattern", why),
                    // What it finds is its first group; the whole is a group too.
                    Some(Ok(read)) if key == "extract" && read.captures_len() < 2 => {
                        let message = "Put what is the value into parentheses.";
                        self.at_value(&format!("{path}.extract"), "bad_pattern", message);
                    }
                    _ => {}
                }
            }
            let pattern_reads = self.is_read(&format!("{path}.pattern"))
                && placeholder.pattern.as_deref().is_none_or(|pattern| compiled(pattern).is_ok());
            if let Err(why) = check_value(placeholder, &placeholder.example)
                && pattern_reads
            {
                self.at_value(
                    &format!("{path}.example"),
                    "example_mismatch",
                    format!("The example can't be used. {why}"),
                );
            }
            let holds = |text: &str| parts(text, &connector.placeholders).contains(&Part::Token(token));
            let is_used = used.as_ref().is_none_or(|used| used.iter().any(|(_, text)| holds(text)));
            // It may stand in what could not be read.
            let may_be_used = !self.whole && self.text.matches(token.as_str()).count() > 1;
            if !is_used && !may_be_used {
                let message = format!("{token} is declared and stands nowhere.");
                self.fault(self.positions.key(&path), "unused_placeholder", message);
            }
        }
    }

    fn sso(&mut self, connector: &Connector) {
        for field in connector.sso.application_only() {
            let message = format!("{field} belongs to an application, not to a connector.");
            self.at_key(&format!("sso.{field}"), "not_for_connectors", message);
        }
        for field in connector.sso_settings().err().map(|error| error.fields).unwrap_or_default() {
            let code = match &*field.code {
                "https_required" => "https_required",
                "unusable_address" => "unusable_address",
                _ => "bad_sso",
            };
            self.at_value(&format!("sso.{}", field.field), code, field.message);
        }
        let Ok(settings) = connector.unchecked_settings() else { return };
        if connector.kind == ConnectorKind::Bookmark {
            if connector.sso != super::sso::SsoPatch::default() {
                self.at_key("sso", "bookmark_with_sso", "A bookmark has no single sign-on.");
            }
            return;
        }
        let blank = connector.id == BLANK;
        let from_metadata = connector.sso.sp_metadata_url.set_value().is_some();
        if !blank && !from_metadata {
            if settings.sp_entity_id.is_none() {
                self.at_key(
                    "sso",
                    "missing_sp_entity_id",
                    "Name the sp_entity_id, or where the metadata is.",
                );
            }
            if settings.acs_urls.is_empty() {
                self.at_key("sso", "missing_acs_url", "Name an ACS URL, or where the metadata is.");
            }
        }
        if connector.setup.sso.as_deref().is_some_and(|steps| steps.trim().is_empty()) {
            self.at_key(
                "setup.sso",
                "missing_steps",
                "Say what to do on the application's side, or leave the key out.",
            );
        }
        if connector.sso.initiation.set_value().is_some_and(Vec::is_empty) {
            let message = "Name who may begin a sign-on: idp, sp, or both. Or leave the key out.";
            self.at_value("sso.initiation", "bad_sso", message);
        }
        let is_twice =
            |who: &Vec<super::sso::Initiation>| (1..who.len()).any(|at| who[..at].contains(&who[at]));
        if connector.sso.initiation.set_value().is_some_and(is_twice) {
            self.at_value("sso.initiation", "initiation_twice", "Name each who may begin a sign-on once.");
        }
        let mut seen = BTreeSet::new();
        for (at, acs) in settings.acs_urls.iter().enumerate() {
            if !seen.insert((acs.url.as_str(), acs.binding.as_str())) {
                let message = "This ACS URL is there already. Leave one of them out.";
                self.at_value(&format!("sso.acs_urls.{at}"), "duplicate_acs_url", message);
            }
        }
        if settings.idp_initiated == IdpInitiated::Off && settings.login_url.is_none() {
            let message = "Nothing may begin here, so name the login_url at which people begin, or the tile leads nowhere.";
            self.at_key("sso.idp_initiated", "tile_leads_nowhere", message);
        }
        self.sites(connector, &settings);
    }

    /// Fills every template with the examples, as the administrator will with the real values.
    fn templates(&mut self, connector: &Connector) {
        let Ok(templates) = connector.templates() else { return };
        let values: Values =
            connector.placeholders.iter().map(|(token, p)| (token.clone(), p.example.clone())).collect();
        let scope = Scope::new(&connector.placeholders, &values);
        for (path, template) in templates {
            match scope.fill_field(
                path.strip_prefix("sso.").unwrap_or(&path),
                &template,
                LocationRules::default(),
            ) {
                // An example that can't be used was reported where it stands.
                Ok(_) | Err(placeholder::Fault::BadValue { .. } | placeholder::Fault::Empty { .. }) => {}
                Err(placeholder::Fault::Undeclared { token }) => {
                    let message = format!("{token} is not declared under placeholders.");
                    self.at_value(&path, "undeclared_placeholder", message);
                }
                // So was an address that is wrong whatever the values.
                Err(_) if self.has_fault(&path) => {}
                Err(fault) => self.at_value(&path, fault.code(), fault.to_string()),
            }
        }
    }

    fn has_fault(&self, path: &str) -> bool {
        let at = self.positions.value(path);
        self.faults.iter().any(|fault| fault.file == self.file && fault.at == at)
    }

    fn steps(&mut self, path: &str, markdown: Option<&str>, connector: &Connector) {
        let Some(markdown) = markdown.filter(|_| self.is_read(path)) else { return };
        if let Some(offset) = markdown.find(is_invisible) {
            let at = self.positions.inside(path, markdown, offset, self.text);
            self.fault(at, "invisible_character", "This has a character in it that can't be seen.");
        }
        for fault in steps::faults(markdown, &connector.placeholders) {
            let at = self.positions.inside(path, markdown, fault.offset, self.text);
            self.fault(at, fault.code, fault.message);
        }
        let Ok(settings) = connector.unchecked_settings() else { return };
        let from_metadata = connector.id == BLANK || connector.sso.sp_metadata_url.set_value().is_some();
        for (value, is_there) in [
            (LiveValue::LoginUrl, settings.login_url.is_some()),
            (LiveValue::AcsUrl, from_metadata || !settings.acs_urls.is_empty()),
            (LiveValue::SpEntityId, from_metadata || settings.sp_entity_id.is_some()),
        ] {
            let name = value.as_str();
            if let Some(offset) = markdown.find(&format!("{{{name}}}"))
                && !is_there
                && self.whole
            {
                let at = self.positions.inside(path, markdown, offset, self.text);
                self.fault(
                    at,
                    "value_not_there",
                    format!("This connector has no {name} that could be shown."),
                );
            }
        }
    }

    /// Ids, names and aliases must not stand for two connectors.
    fn unique(&mut self, connector: &Connector, others: &mut Others) {
        let aliases = connector.aliases.iter().enumerate().map(|(i, alias)| (format!("aliases.{i}"), alias));
        let called = std::iter::once(("name".to_owned(), &connector.name)).chain(aliases);
        let mut claim = |linter: &mut Self, kind, path: &str, name: String| {
            if !linter.is_read(path) {
                return;
            }
            let key = (kind, name);
            match others.names.get(&key) {
                Some(Holder::File(other)) => {
                    let code = if kind == "id" { "duplicate_id" } else { "duplicate_name" };
                    linter.at_value(path, code, format!("{other} has this already."));
                }
                Some(Holder::BuiltIn(id)) => {
                    let message = format!(
                        "The built-in {id} is called so. Choose another name, or call the file {id}.yaml to take its place."
                    );
                    linter.at_value(path, "built_in_name", message);
                }
                None => {
                    others.names.insert(key, Holder::File(linter.file.to_owned()));
                }
            }
        };
        claim(self, "id", "id", connector.id.clone());
        for (path, name) in called {
            claim(self, "name", &path, search::folded(name));
        }
        if let Some(successor) = &connector.superseded_by {
            let at = self.positions.value("superseded_by");
            others.successors.push((self.file.to_owned(), at, successor.clone()));
        }
    }
}
