//! `tessera catalog`: needs no data folder.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::base::{Error, Result};
use crate::catalog::model::Category;
use crate::catalog::skeleton::{self, Draft};
use crate::catalog::{Catalog, lint};
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
    /// Write a connector to begin with: asks for what is not given
    New(Box<NewArgs>),
}

/// What is known of a new connector.
#[derive(clap::Args, Debug)]
pub(super) struct NewArgs {
    /// Its id: small letters, digits and hyphens
    id: Option<String>,
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// What it is for, in one sentence
    #[arg(long)]
    description: Option<String>,
    /// Site of its maker
    #[arg(long)]
    homepage: Option<String>,
    /// What shelf it stands on, for example `analytics`
    #[arg(long)]
    category: Option<String>,
    /// Entity ID, as the application shows it
    #[arg(long)]
    entity_id: Option<String>,
    /// ACS URL, as the application shows it
    #[arg(long)]
    acs_url: Option<String>,
    /// The part of these addresses that each customer has otherwise
    #[arg(long)]
    own_part: Option<String>,
    /// Base URL of its SCIM service
    #[arg(long)]
    scim_url: Option<String>,
    /// Folder to write into
    #[arg(long, default_value = ".")]
    dir: PathBuf,
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
        CatalogCommand::New(args) => new(*args)?,
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

/// What was given; else what somebody answers, if there is somebody; else nothing.
fn known(given: Option<String>, question: &str) -> Result<String> {
    match given {
        Some(given) => Ok(given.trim().to_owned()),
        None if std::io::stdin().is_terminal() => ask(question),
        None => Ok(String::new()),
    }
}

/// Asks for what was not given, when somebody is there to answer; writes a file that the linter accepts, or nothing.
fn new(args: NewArgs) -> Result<()> {
    let id = known(args.id, "Id of the connector (small letters, digits and hyphens):")?;
    if id.is_empty() {
        return Err(Error::field("id", "required", "Give the connector an id: tessera catalog new my-app"));
    }
    crate::applications::slug::check(&id)?;
    let name = known(args.name, "Name of the application:")?;
    let name = if name.is_empty() { id.clone() } else { name };
    let draft = Draft {
        description: known(args.description, "What it is for, in one sentence:")?,
        homepage: known(args.homepage, "Site of its maker:")?,
        category: category(&known(args.category, &format!("Category, one of {}:", categories()))?)?,
        sp_entity_id: known(args.entity_id, "Entity ID, as the application shows it (empty: not known):")?,
        acs_url: known(args.acs_url, "ACS URL, as the application shows it (empty: not known):")?,
        own_part: known(
            args.own_part,
            "Which part of these addresses is your own, and another customer's different (empty: none)?",
        )?,
        scim_url: known(args.scim_url, "Base URL of its SCIM service (empty: none):")?,
        id,
        name,
    };
    let (file, text) = draft.write();
    let faults = lint::lint_text(&file, &text);
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(|fault| fault.message.clone()).collect();
        return Err(Error::field(
            "connector",
            "connector_faulty",
            format!("Nothing was written: {}", lines.join(" ")),
        ));
    }
    write(&args.dir.join(file), &text)
}

fn categories() -> String {
    Category::ALL.iter().map(|category| category.as_str()).collect::<Vec<_>>().join(", ")
}

fn category(text: &str) -> Result<Category> {
    if text.is_empty() {
        return Ok(Category::default());
    }
    text.parse().map_err(|()| {
        Error::field("category", "unknown_category", format!("Choose one of {}.", categories()))
    })
}

fn write(path: &std::path::Path, text: &str) -> Result<()> {
    if path.exists() {
        return Err(Error::conflict(
            "already_exists",
            format!("{} is there already. Nothing was written.", path.display()),
        ));
    }
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
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
