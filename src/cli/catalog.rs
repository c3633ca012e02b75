//! `tessera catalog`: needs no data folder.

use std::io::{BufRead, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::base::{Error, Result};
use crate::catalog::model::Category;
use crate::catalog::placeholder::{LocationRules, check_location};
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
                Some(dir) => {
                    let report = lint::lint_folder(&dir)?;
                    if report.files == 0 {
                        let message = format!(
                            "There is no connector in {}: <id>.yaml, or <letter>/<id>.yaml.",
                            dir.display()
                        );
                        return Err(Error::field("dir", "no_connectors", message));
                    }
                    report
                }
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

/// Where answers come from: somebody at a terminal, or nobody.
struct Answers<R> {
    from: Option<R>,
}

impl<R: BufRead> Answers<R> {
    /// What was given; else what somebody answers, asked again until it can be used; else nothing.
    fn known(
        &mut self,
        given: Option<String>,
        question: &str,
        check: impl Fn(&str) -> Result<()>,
    ) -> Result<String> {
        let answer = match (given, &mut self.from) {
            (Some(given), _) => given.trim().to_owned(),
            (None, None) => String::new(),
            (None, Some(from)) => loop {
                output::complain(question);
                let mut answer = String::new();
                if from.read_line(&mut answer).map_err(Error::internal)? == 0 {
                    return Err(Error::field(
                        "answer",
                        "unanswered",
                        "There was no answer. Nothing was written.",
                    ));
                }
                let answer = answer.trim();
                match check(answer) {
                    Ok(()) => return Ok(answer.to_owned()),
                    Err(error) => {
                        output::complain(
                            error.fields.first().map_or(&*error.message, |field| &field.message),
                        );
                    }
                }
            },
        };
        check(&answer).map(|()| answer)
    }
}

fn new(args: NewArgs) -> Result<()> {
    let stdin = std::io::stdin();
    let from = stdin.is_terminal().then(|| stdin.lock());
    let dir = args.dir.clone();
    let (file, text) = written(args, &mut Answers { from })?;
    let id = file.trim_end_matches(".yaml").rsplit('/').next().unwrap_or_default();
    if Catalog::built_in().find(id).is_some() {
        output::complain("The built-in connectors have one of this id: yours takes its place, whole.");
    }
    write(&dir.join(file), &text)
}

/// Asks for what was not given, when somebody is there to answer: a file that the linter accepts.
fn written(args: NewArgs, answers: &mut Answers<impl BufRead>) -> Result<(String, String)> {
    let any = |_: &str| Ok(());
    // Each by itself, as the linter will see it.
    let fits = |draft: Draft| {
        let (file, text) = Draft { id: "acme".to_owned(), ..draft }.write();
        judged(&file, &text, "")
    };
    let id = answers.known(args.id, "Id of the connector (small letters, digits and hyphens):", |id| {
        if id.is_empty() {
            return Err(Error::field(
                "id",
                "required",
                "Give the connector an id: tessera catalog new my-app",
            ));
        }
        crate::applications::slug::check(id)
    })?;
    let name = answers.known(args.name, "Name of the application:", |name| {
        if name.is_empty() {
            Ok(())
        } else {
            fits(Draft { name: name.to_owned(), ..Draft::named("acme", "Acme") })
        }
    })?;
    let name = if name.is_empty() { id.clone() } else { name };
    let draft = Draft {
        description: answers.known(args.description, "What it is for, in one sentence:", |text| {
            fits(Draft { description: text.to_owned(), ..Draft::named("acme", "Acme") })
        })?,
        homepage: answers.known(args.homepage, "Site of its maker:", location)?,
        category: category(&answers.known(
            args.category,
            &format!("Category, one of {}:", categories()),
            |text| category(text).map(drop),
        )?)?,
        sp_entity_id: answers.known(
            args.entity_id,
            "Entity ID, as the application shows it (empty: not known):",
            |text| fits(Draft { sp_entity_id: text.to_owned(), ..Draft::named("acme", "Acme") }),
        )?,
        acs_url: answers.known(
            args.acs_url,
            "ACS URL, as the application shows it (empty: not known):",
            |text| {
                location(text)?;
                fits(Draft { acs_url: text.to_owned(), ..Draft::named("acme", "Acme") })
            },
        )?,
        own_part: answers.known(
            args.own_part,
            "Which part of these addresses is your own, and another customer's different (empty: none)?",
            any,
        )?,
        scim_url: answers.known(args.scim_url, "Base URL of its SCIM service (empty: none):", |text| {
            location(text)?;
            fits(Draft { scim_url: text.to_owned(), ..Draft::named("acme", "Acme") })
        })?,
        id,
        name,
    };
    let (file, text) = draft.write();
    judged(&file, &text, "Nothing was written: ")?;
    Ok((file, text))
}

fn judged(file: &str, text: &str, before: &str) -> Result<()> {
    let lines: Vec<String> = lint::lint_text(file, text).into_iter().map(|fault| fault.message).collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(Error::field("connector", "connector_faulty", format!("{before}{}", lines.join(" "))))
}

/// An address, or nothing.
fn location(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    check_location(text, LocationRules::default())
        .map_err(|fault| Error::field("address", fault.code(), fault.to_string()))
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
    fn an_answer_that_can_t_be_used_is_asked_for_again_and_loses_no_other() {
        let args = || NewArgs {
            id: None,
            name: None,
            description: None,
            homepage: None,
            category: None,
            entity_id: None,
            acs_url: None,
            own_part: Some(String::new()),
            scim_url: None,
            dir: PathBuf::new(),
        };
        let typed = "Acme Corp\nacme\nAcme\nThings\nacme\nhttps://acme.example\nthings\nsecurity\nurn:ac me\nurn:acme\nacme.example/acs\nhttp://acme.example/acs\nhttps://acme.example/acs\n\n";
        let (file, text) = written(args(), &mut Answers { from: Some(typed.as_bytes()) }).unwrap();
        assert_eq!(file, "a/acme.yaml");
        for line in
            ["description: \"Things\"", "categories: [security]", "acs_urls: [\"https://acme.example/acs\"]"]
        {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let ended = written(args(), &mut Answers { from: Some("acme\n".as_bytes()) });
        assert_eq!(ended.unwrap_err().fields[0].code, "unanswered");
        let nobody = written(args(), &mut Answers::<&[u8]> { from: None });
        assert_eq!(nobody.unwrap_err().fields[0].code, "required");
    }

    #[test]
    fn one_connector_is_one_connector() {
        assert_eq!(faultless(1), "1 connector, no faults");
        assert_eq!(faultless(2), "2 connectors, no faults");
    }
}
