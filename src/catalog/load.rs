//! The catalog in memory: connectors built into the program, and over them those of a folder (`--catalog DIR`),
//! where a file of the same id replaces the built-in one whole (decision 28).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rust_embed::RustEmbed;

use super::model::Connector;
use super::search::Index;
use super::yaml::{self, Position};
use crate::base::{Error, Kind, Result};

/// Most files of a folder.
const MAX_FILES: usize = 20_000;

#[derive(RustEmbed)]
#[folder = "catalog/"]
#[include = "*/*.yaml"]
struct BuiltIn;

/// What is wrong with a connector, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file.
    pub at: Position,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, as a sentence.
    pub message: String,
}

/// What is odd about a connector that can be used all the same.
const ADVICE: [&str; 19] = [
    "acs_on_another_site",
    "bad_quirk",
    "built_in_name",
    "duplicate_acs_url",
    "initiation_twice",
    "invisible_character",
    "marked_value",
    "metadata_on_another_site",
    "missing_evidence",
    "no_such_field",
    "no_such_successor",
    "scim_on_another_site",
    "scim_path_invalid",
    "scim_url_with_query",
    "test_system",
    "tile_leads_nowhere",
    "unknown_glyph",
    "unused_placeholder",
    "value_not_there",
];

impl Fault {
    /// Whether the connector can be used all the same: the linter names it, and no program stays down for it. What a later
    /// version judges anew is advice, or it could not be installed where a folder was good until then.
    #[must_use]
    pub fn is_advice(&self) -> bool {
        ADVICE.contains(&self.code)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {} [{}]", self.file, self.at.line, self.at.column, self.message, self.code)
    }
}

impl std::error::Error for Fault {}

/// Reads one connector. Only its form is judged here; [`super::lint`] judges the rest.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Connector, Fault> {
    let located = |fault: yaml::YamlFault| Fault {
        file: file.to_owned(),
        at: fault.at,
        code: fault.code,
        message: fault.message,
    };
    let (text, positions) = yaml::survey(bytes, &yaml::CONNECTOR).map_err(located)?;
    yaml::read(text, &positions, &yaml::CONNECTOR).map_err(located)
}

/// All connectors that are there, by id, with an index for searching. Immutable; share it by `Arc`.
#[derive(Debug)]
pub struct Catalog {
    connectors: BTreeMap<String, Arc<Connector>>,
    own: BTreeSet<String>,
    advice: Vec<Fault>,
    index: Index,
}

impl Catalog {
    /// The built-in connectors. They are read once in the life of the process.
    ///
    /// # Panics
    /// Never in a build whose tests pass: they read every built-in connector.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: OnceLock<Arc<Catalog>> = OnceLock::new();
        let read = || {
            let connectors = built_in_files().map(|(file, bytes)| {
                let connector = parse(&file, &bytes).expect("built-in connectors are read by a test");
                (connector.id.clone(), Arc::new(connector))
            });
            Arc::new(Self::of(connectors.collect()))
        };
        Arc::clone(BUILT_IN.get_or_init(read))
    }

    /// The built-in connectors with those of a folder over them. A connector that can't be used is refused with all its
    /// faults, and the program does not start with half a catalog; what is only odd is kept as [`Self::advice`].
    pub fn with_folder(folder: &Path) -> Result<Arc<Self>> {
        let report = super::lint::lint_folder(folder)?;
        let (advice, faults): (Vec<Fault>, Vec<Fault>) =
            report.faults.into_iter().partition(Fault::is_advice);
        if !faults.is_empty() {
            let lines: Vec<String> = faults.iter().take(20).map(Fault::to_string).collect();
            let noun = if faults.len() == 1 { "fault" } else { "faults" };
            let message = format!(
                "The catalog in {} has {} {noun}. Mend what is named here, then start again:\n{}",
                folder.display(),
                faults.len(),
                lines.join("\n")
            );
            return Err(Error::new(Kind::Invalid, "catalog_faulty", message));
        }
        let mut connectors = Self::built_in().connectors.clone();
        let mut own = BTreeSet::new();
        for connector in report.connectors {
            own.insert(connector.id.clone());
            connectors.insert(connector.id.clone(), Arc::new(connector));
        }
        Ok(Arc::new(Self { own, advice, ..Self::of(connectors) }))
    }

    /// What the linter says of the folder's connectors that can be used all the same.
    #[must_use]
    pub fn advice(&self) -> &[Fault] {
        &self.advice
    }

    /// A catalog of these connectors alone.
    #[must_use]
    pub fn from_connectors(connectors: impl IntoIterator<Item = Connector>) -> Self {
        let connectors = connectors.into_iter().map(|connector| (connector.id.clone(), Arc::new(connector)));
        Self::of(connectors.collect())
    }

    fn of(connectors: BTreeMap<String, Arc<Connector>>) -> Self {
        let index = Index::new(connectors.values().cloned());
        Self { connectors, own: BTreeSet::new(), advice: Vec::new(), index }
    }

    /// The connector of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Arc<Connector>> {
        self.connectors.get(id)
    }

    /// All connectors, by id.
    pub fn list(&self) -> impl ExactSizeIterator<Item = &Arc<Connector>> {
        self.connectors.values()
    }

    /// Whether this connector comes from the operator's folder.
    #[must_use]
    pub fn is_own(&self, id: &str) -> bool {
        self.own.contains(id)
    }

    /// Looks for connectors by name, alias, keyword and category, tolerant of typing errors; best first. An empty
    /// query gives all, by name.
    #[must_use]
    pub fn search(&self, query: &str, category: Option<super::model::Category>) -> Vec<Arc<Connector>> {
        self.index.search(query, category)
    }
}

/// Path and bytes of each built-in connector, in order.
pub(super) fn built_in_files() -> impl Iterator<Item = (String, std::borrow::Cow<'static, [u8]>)> {
    let mut names: Vec<_> = BuiltIn::iter().filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    names.into_iter().filter_map(|name| Some((name.to_string(), BuiltIn::get(&name)?.data)))
}

/// The YAML files of a folder and the folders in it, one level deep, with paths relative to it, in order. Links
/// are followed to what lies inside the folder only, as mounted configuration has them; names that begin with a dot are
/// left out, as editors and file systems make them; large files are cut at one byte over the limit, for the linter to name.
pub(super) fn folder_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let root = folder.canonicalize().map_err(|cause| unreadable(folder, cause))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            let inner = entries(&path)?;
            // Where there are no connectors it may lead anywhere.
            if inner.iter().any(|path| is_yaml(path)) {
                within(&root, &path)?;
                paths.extend(inner);
            }
        } else {
            paths.push(path);
        }
    }
    paths.retain(|path| is_yaml(path) && !path.is_dir());
    paths.sort();
    if paths.len() > MAX_FILES {
        let message = format!("{} holds more than {MAX_FILES} connectors.", folder.display());
        return Err(Error::new(Kind::TooLarge, "catalog_too_large", message));
    }
    let read = |path: PathBuf| {
        let leads_to = within(&root, &path)?;
        if !leads_to.is_file() {
            return Err(link(&path));
        }
        let bytes = bounded_read(&leads_to).map_err(|cause| unreadable(&path, cause))?;
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        Ok((name, bytes))
    };
    paths.into_iter().map(read).collect()
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Kind::NotFound, "catalog_unreadable", format!("{} can't be read: {cause}.", path.display()))
        .because(cause)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["yaml", "yml"].iter().any(|known| end.eq_ignore_ascii_case(known)))
}

fn link(path: &Path) -> Error {
    let message = format!(
        "{} leads to no file or folder of the catalog's folder. Put there what is meant, or take it away.",
        path.display()
    );
    Error::new(Kind::Invalid, "catalog_link", message)
}

/// Where a path leads to, if that is inside the catalog's folder.
fn within(root: &Path, path: &Path) -> Result<PathBuf> {
    let leads_to = path.canonicalize().map_err(|cause| unreadable(path, cause))?;
    if leads_to.starts_with(root) { Ok(leads_to) } else { Err(link(path)) }
}

/// What is in a folder, but for names that begin with a dot.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || {
        let mut out = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                out.push(entry.path());
            }
        }
        Ok(out)
    };
    read().map_err(|cause| unreadable(folder, cause))
}

fn bounded_read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut out = Vec::new();
    std::fs::File::open(path)?.take(yaml::CONNECTOR.bytes() as u64 + 1).read_to_end(&mut out)?;
    Ok(out)
}
