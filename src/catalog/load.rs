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
            Arc::new(Self::of(connectors.collect(), BTreeSet::new()))
        };
        Arc::clone(BUILT_IN.get_or_init(read))
    }

    /// The built-in connectors with those of a folder over them. Every file must pass the linter: a connector that
    /// does not is refused with all its faults, and the program does not start with half a catalog.
    pub fn with_folder(folder: &Path) -> Result<Arc<Self>> {
        let report = super::lint::lint_folder(folder)?;
        if !report.faults.is_empty() {
            let lines: Vec<String> = report.faults.iter().take(20).map(Fault::to_string).collect();
            let message = format!(
                "The catalog in {} has {} faults. Mend them, then start again:\n{}",
                folder.display(),
                report.faults.len(),
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
        Ok(Arc::new(Self::of(connectors, own)))
    }

    /// A catalog of these connectors alone.
    #[must_use]
    pub fn from_connectors(connectors: impl IntoIterator<Item = Connector>) -> Self {
        let connectors = connectors.into_iter().map(|connector| (connector.id.clone(), Arc::new(connector)));
        Self::of(connectors.collect(), BTreeSet::new())
    }

    fn of(connectors: BTreeMap<String, Arc<Connector>>, own: BTreeSet<String>) -> Self {
        let index = Index::new(connectors.values().cloned());
        Self { connectors, own, index }
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
/// are followed to files inside the folder only, as mounted configuration has them, and folders whose names begin with a
/// dot are left out; large files are cut at one byte over the limit, for the linter to name.
pub(super) fn folder_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let unreadable = |path: &Path, cause: std::io::Error| {
        Error::new(
            Kind::NotFound,
            "catalog_unreadable",
            format!("{} can't be read: {cause}.", path.display()),
        )
        .because(cause)
    };
    let root = folder.canonicalize().map_err(|cause| unreadable(folder, cause))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for (path, is_folder) in entries(folder).map_err(|cause| unreadable(folder, cause))? {
        if is_folder {
            let inner = entries(&path).map_err(|cause| unreadable(&path, cause))?;
            paths.extend(inner.into_iter().filter(|(_, is_folder)| !is_folder).map(|(path, _)| path));
        } else {
            paths.push(path);
        }
    }
    let is_yaml =
        |text: &std::ffi::OsStr| ["yaml", "yml"].iter().any(|known| text.eq_ignore_ascii_case(known));
    paths.retain(|path| path.extension().is_some_and(is_yaml));
    paths.sort();
    for path in &paths {
        let leads_to = path.canonicalize().map_err(|cause| unreadable(path, cause))?;
        if !leads_to.starts_with(&root) || !leads_to.is_file() {
            let message = format!(
                "{} is a link to what is no file of the catalog's folder. Copy the file there.",
                path.display()
            );
            return Err(Error::new(Kind::Invalid, "catalog_link", message));
        }
    }
    if paths.len() > MAX_FILES {
        let message = format!("{} holds more than {MAX_FILES} connectors.", folder.display());
        return Err(Error::new(Kind::TooLarge, "catalog_too_large", message));
    }
    paths
        .into_iter()
        .map(|path| {
            let bytes = bounded_read(&path).map_err(|cause| unreadable(&path, cause))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            Ok((name, bytes))
        })
        .collect()
}

fn entries(folder: &Path) -> std::io::Result<Vec<(PathBuf, bool)>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_file() || kind.is_symlink() || (kind.is_dir() && !is_hidden) {
            out.push((entry.path(), kind.is_dir()));
        }
    }
    Ok(out)
}

fn bounded_read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut out = Vec::new();
    std::fs::File::open(path)?.take(yaml::CONNECTOR.bytes() as u64 + 1).read_to_end(&mut out)?;
    Ok(out)
}
