//! Reading configuration files, and what can be refused without looking at an installation: their form, their
//! version, and what they say twice.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::catalog::yaml::{self, Bounds, Position, Positions, YamlFault};
use crate::directory::groups::EVERYONE;
use crate::transfer::document::{ApplicationEntry, Document, GroupEntry, VERSION};

/// A thousand applications with long settings are a tenth of this.
pub const BOUNDS: Bounds = Bounds { kib: 16 * 1024, nodes: 500_000, noun: "configuration file" };

/// Where something was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    file: usize,
    path: String,
}

impl Origin {
    /// Something inside it.
    pub(in crate::transfer) fn inside(&self, path: &str) -> Self {
        Self { file: self.file, path: format!("{}.{path}", self.path) }
    }
}

/// What all files together declare.
#[derive(Debug, Default)]
pub struct Declared {
    files: Vec<(String, Positions)>,
    /// Settings.
    pub settings: Option<(Origin, Map<String, Json>)>,
    /// Groups; `None` when no file has the section.
    pub groups: Option<Vec<(Origin, GroupEntry)>>,
    /// Applications; `None` when no file has the section.
    pub applications: Option<Vec<(Origin, ApplicationEntry)>>,
}

impl Declared {
    /// A fault at the value that was declared there.
    #[must_use]
    pub fn fault(&self, origin: &Origin, code: impl Into<String>, message: impl Into<String>) -> Refusal {
        let (file, positions) = &self.files[origin.file];
        let at = positions.value(&origin.path);
        Refusal { file: file.clone(), at, code: code.into(), message: message.into() }
    }

    fn add(&mut self, file: usize, document: Document) -> Vec<(Origin, &'static str, String)> {
        let mut faults = Vec::new();
        let origin = |path: String| Origin { file, path };
        if document.tessera != VERSION {
            let message = format!(
                "This Tessera reads version {VERSION} of configuration files. Write {VERSION}, or use the Tessera that wrote the file."
            );
            faults.push((origin("tessera".to_owned()), "unknown_version", message));
            return faults;
        }
        if let Some(settings) = document.settings {
            let here = origin("settings".to_owned());
            if self.settings.is_some() {
                let message = "Another file declares settings already. Keep them in one file.".to_owned();
                faults.push((here, "declared_twice", message));
            } else {
                self.settings = Some((here, settings));
            }
        }
        if let Some(groups) = document.groups {
            let entries =
                groups.into_iter().enumerate().map(|(i, entry)| (origin(format!("groups.{i}")), entry));
            self.groups.get_or_insert_default().extend(entries);
        }
        if let Some(applications) = document.applications {
            let entries = applications
                .into_iter()
                .enumerate()
                .map(|(i, entry)| (origin(format!("applications.{i}")), entry));
            self.applications.get_or_insert_default().extend(entries);
        }
        faults
    }

    /// What the files say twice, or of the group that is not theirs.
    fn contradictions(&self) -> Vec<(Origin, &'static str, String)> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for (origin, group) in self.groups.iter().flatten() {
            let key = group_key(&group.name);
            let here = origin.inside("name");
            if key == group_key(EVERYONE) {
                let message = format!(
                    "{EVERYONE} is built in: refer to it in an application's groups, but don't declare it. Remove this entry."
                );
                faults.push((here, "built_in_group", message));
            } else if !seen.insert(key) {
                let message = format!("The group {:?} is declared twice. Remove one of the two.", group.name);
                faults.push((here, "declared_twice", message));
            }
        }
        let mut seen = BTreeSet::new();
        for (origin, application) in self.applications.iter().flatten() {
            if !seen.insert(&application.slug) {
                let message = format!(
                    "The application {:?} is declared twice. Remove one of the two.",
                    application.slug
                );
                faults.push((origin.inside("slug"), "declared_twice", message));
            }
        }
        faults
    }
}

/// The key by which a group's name is one with the same in another case.
pub(in crate::transfer) fn group_key(name: &str) -> String {
    crate::directory::login_name::fold(name.trim())
}

/// Something in a file that can't be accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file.
    pub at: Position,
    /// Stable code.
    pub code: String,
    /// What is wrong and how it is right.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: {} [{}]", self.file, self.at.line, self.at.column, self.message, self.code)
    }
}

/// Reads files, each with its name, into what they declare together, or says everything that is wrong with them.
pub fn read(
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> std::result::Result<Declared, Vec<Refusal>> {
    let mut declared = Declared::default();
    let mut refusals = Vec::new();
    for (name, bytes) in files {
        match parse(&bytes) {
            Ok((document, positions)) => {
                declared.files.push((name, positions));
                let faults = declared.add(declared.files.len() - 1, document);
                refusals.extend(faults.into_iter().map(|(at, code, text)| declared.fault(&at, code, text)));
            }
            Err(fault) => refusals.push(Refusal {
                file: name,
                at: fault.at,
                code: fault.code.to_owned(),
                message: fault.message,
            }),
        }
    }
    let faults = declared.contradictions();
    refusals.extend(faults.into_iter().map(|(at, code, text)| declared.fault(&at, code, text)));
    refusals.sort();
    if refusals.is_empty() { Ok(declared) } else { Err(refusals) }
}

fn parse(bytes: &[u8]) -> std::result::Result<(Document, Positions), YamlFault> {
    let (text, positions) = yaml::survey(bytes, &BOUNDS)?;
    if text.trim_start().starts_with('[') {
        let message = "A list is no configuration. What another identity provider has exported is turned into one by `tessera import FORMAT FILE`.";
        let at = Position::START;
        return Err(YamlFault { at, code: "not_a_configuration", message: message.to_owned() });
    }
    let document = yaml::read(text, &positions, &BOUNDS)?;
    Ok((document, positions))
}
