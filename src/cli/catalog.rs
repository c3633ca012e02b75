//! `tessera catalog`: needs no data folder.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::base::{Error, Result};
use crate::catalog::{Catalog, lint, skeleton};
use crate::cli::output;
use crate::config::{Config, DataArgs, ServeArgs};

#[derive(Subcommand, Debug)]
pub(super) enum CatalogCommand {
    /// List all connectors
    List,
    /// Look for connectors by name, alias or keyword; typing errors are forgiven
    Search {
        /// What to look for
        query: Vec<String>,
    },
    /// Show one connector as YAML
    Show {
        /// Its id
        id: String,
    },
    /// Check connectors; exit 1 with <file:line:column> for each fault
    Lint {
        /// A folder of your own [default: the built-in connectors]
        dir: Option<PathBuf>,
    },
    /// Write the skeleton of a connector
    New {
        /// Its id: small letters, digits and hyphens
        id: Option<String>,
        /// Its name
        #[arg(long)]
        name: Option<String>,
        /// Folder to write into
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
}

pub(super) fn run(data: &DataArgs, command: CatalogCommand) -> Result<ExitCode> {
    match command {
        CatalogCommand::List => list(&open(data)?.search("", None))?,
        CatalogCommand::Search { query } => {
            let found = open(data)?.search(&query.join(" "), None);
            if found.is_empty() {
                output::complain(
                    "No connector goes by that name. Custom SAML application (custom-saml) fits any other.",
                );
                return Ok(ExitCode::FAILURE);
            }
            list(&found)?;
        }
        CatalogCommand::Show { id } => {
            let catalog = open(data)?;
            let connector = catalog.find(&id).ok_or_else(|| Error::not_found("connector"))?;
            output::line(skeleton::shown(connector)?.trim_end())?;
        }
        CatalogCommand::Lint { dir } => {
            let report = match dir {
                Some(dir) => lint::lint_folder(&dir)?,
                None => lint::lint_built_in(),
            };
            for fault in &report.faults {
                output::line(&fault.to_string())?;
            }
            if !report.faults.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            output::line(&faultless(report.files))?;
        }
        CatalogCommand::New { id, name, dir } => new(id, name, &dir)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn open(data: &DataArgs) -> Result<std::sync::Arc<Catalog>> {
    match Config::resolve(data, &ServeArgs::default())?.catalog {
        Some(folder) => Catalog::with_folder(&folder),
        None => Ok(Catalog::built_in()),
    }
}

fn list(connectors: &[std::sync::Arc<crate::catalog::model::Connector>]) -> Result<()> {
    let rows: Vec<Vec<String>> = connectors
        .iter()
        .map(|connector| vec![connector.id.clone(), connector.name.clone(), connector.description.clone()])
        .collect();
    output::table(&rows)
}

fn ask(question: &str) -> Result<String> {
    output::complain(question);
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(Error::internal)?;
    Ok(answer.trim().to_owned())
}

/// Asks for what was not given, when somebody is there to answer; writes a file that the linter accepts.
fn new(id: Option<String>, name: Option<String>, dir: &std::path::Path) -> Result<()> {
    let somebody = std::io::stdin().is_terminal();
    let id = match id {
        Some(id) => id,
        None if somebody => ask("Id of the connector (small letters, digits and hyphens):")?,
        None => {
            return Err(Error::field(
                "id",
                "required",
                "Give the connector an id: tessera catalog new my-app",
            ));
        }
    };
    crate::applications::slug::check(&id)?;
    let name = match name {
        Some(name) => name,
        None if somebody => ask("Name of the application:")?,
        None => id.clone(),
    };
    let (file, text) = skeleton::new(&id, &name);
    let path = dir.join(file);
    if path.exists() {
        return Err(Error::conflict(
            "already_exists",
            format!("{} is there already. Nothing was written.", path.display()),
        ));
    }
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
    written.map_err(|error| {
        Error::new(
            crate::base::Kind::Internal,
            "not_written",
            format!("{} can't be written: {error}", path.display()),
        )
    })?;
    output::line(&path.display().to_string())
}

/// "1 connector, no faults"
fn faultless(files: usize) -> String {
    let noun = if files == 1 { "connector" } else { "connectors" };
    format!("{files} {noun}, no faults")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connector_is_one_connector() {
        assert_eq!(faultless(1), "1 connector, no faults");
        assert_eq!(faultless(2), "2 connectors, no faults");
    }
}
