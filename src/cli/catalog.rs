//! `tessera catalog`: needs no data folder.

use std::io::{BufRead, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::base::{Error, Result};
use crate::catalog::model::Category;
use crate::catalog::placeholder::{LocationRules, check_location};
use crate::catalog::skeleton::{self, Draft};
use crate::catalog::{Catalog, lint, schema};
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
    /// Print the JSON Schema of connector files, for editors
    Schema,
    /// Write a connector to begin with: asks for what is not given, or reads the answers line by line
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

impl NewArgs {
    /// Whether nothing is known but perhaps the id.
    fn is_bare(&self) -> bool {
        let known = [
            &self.name,
            &self.description,
            &self.homepage,
            &self.category,
            &self.entity_id,
            &self.acs_url,
            &self.own_part,
            &self.scim_url,
        ];
        known.into_iter().all(Option::is_none)
    }
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
        CatalogCommand::Schema => output::line(schema::text().trim_end())?,
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

/// Where answers come from: somebody at a terminal, lines that are piped in, or nobody.
struct Answers<R> {
    from: Option<R>,
    /// Somebody is there, who is asked, and asked again.
    is_asking: bool,
}

impl<R: BufRead> Answers<R> {
    /// What was given; else the next answer, which somebody at a terminal is asked for until it can be used; else nothing.
    fn known(
        &mut self,
        given: Option<String>,
        question: &str,
        check: impl Fn(&str) -> Result<()>,
    ) -> Result<String> {
        if let Some(given) = given {
            let given = given.trim().to_owned();
            return check(&given).map(|()| given);
        }
        loop {
            if self.from.is_some() {
                output::complain(question);
            }
            let answer = self.next()?;
            match check(&answer) {
                Ok(()) => return Ok(answer),
                Err(error) if self.is_asking => {
                    output::complain(error.fields.first().map_or(&*error.message, |field| &field.message));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next line; nothing once piped answers have come to their end.
    fn next(&mut self) -> Result<String> {
        let mut answer = String::new();
        let read = self.from.as_mut().map_or(Ok(0), |from| from.read_line(&mut answer));
        let read = read.map_err(|error| {
            let message = "What was read is no text. Give the answers in UTF-8.";
            Error::field("answer", "not_text", message).because(error)
        })?;
        if read == 0 {
            if self.is_asking {
                return Err(Error::field(
                    "answer",
                    "unanswered",
                    "There was no answer. Nothing was written.",
                ));
            }
            self.from = None;
        }
        Ok(answer.trim().to_owned())
    }
}

fn new(args: NewArgs) -> Result<()> {
    let stdin = std::io::stdin();
    let is_asking = stdin.is_terminal();
    // A script that gives options says all it knows with them, and what it reads from is its own.
    let from = (is_asking || args.is_bare()).then(|| stdin.lock());
    let dir = args.dir.clone();
    let (file, text) = written(args, &mut Answers { from, is_asking })?;
    let id = file.trim_end_matches(".yaml").rsplit('/').next().unwrap_or_default();
    if Catalog::built_in().find(id).is_some() {
        output::complain("The built-in connectors have one of this id: yours takes its place, whole.");
    }
    write(&dir.join(file), &text)?;
    let schema = dir.join(schema::FILE);
    if !schema.exists() {
        // The first line of the file tells editors to look there.
        put(&schema, &schema::text())?;
    }
    Ok(())
}

/// A name that no connector has, for what is checked by itself.
const PLAIN: &str = "An application of one's own";

/// Asks for what was not given, when somebody is there to answer: a file that the linter accepts.
fn written(args: NewArgs, answers: &mut Answers<impl BufRead>) -> Result<(String, String)> {
    let any = |_: &str| Ok(());
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
    // Each by itself, as the linter will see it.
    let fits = |draft: Draft| {
        let (file, text) = Draft { id: id.clone(), ..draft }.write();
        judged(&file, &text, "")
    };
    let name = answers.known(args.name, "Name of the application:", |name| {
        if name.is_empty() {
            Ok(())
        } else {
            fits(Draft { name: name.to_owned(), ..Draft::named(&id, PLAIN) })
        }
    })?;
    let name = if name.is_empty() { id.clone() } else { name };
    let draft = Draft {
        description: answers.known(args.description, "What it is for, in one sentence:", |text| {
            fits(Draft { description: text.to_owned(), ..Draft::named(&id, PLAIN) })
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
            |text| fits(Draft { sp_entity_id: text.to_owned(), ..Draft::named(&id, PLAIN) }),
        )?,
        acs_url: answers.known(
            args.acs_url,
            "ACS URL, as the application shows it (empty: not known):",
            |text| {
                location(text)?;
                fits(Draft { acs_url: text.to_owned(), ..Draft::named(&id, PLAIN) })
            },
        )?,
        own_part: answers.known(
            args.own_part,
            "Which part of these addresses is your own, and another customer's different (empty: none)?",
            any,
        )?,
        scim_url: answers.known(args.scim_url, "Base URL of its SCIM service (empty: none):", |text| {
            location(text)?;
            fits(Draft { scim_url: text.to_owned(), ..Draft::named(&id, PLAIN) })
        })?,
        id: id.clone(),
        name,
    };
    let (file, text) = draft.write();
    judged(&file, &text, "Nothing was written: ")?;
    Ok((file, text))
}

fn judged(file: &str, text: &str, before: &str) -> Result<()> {
    let lines: Vec<String> = lint::lint_own(file, text).into_iter().map(|fault| fault.message).collect();
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
    put(path, text)?;
    output::line(&path.display().to_string())
}

fn put(path: &std::path::Path, text: &str) -> Result<()> {
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|error| {
        Error::new(
            crate::base::Kind::Internal,
            "not_written",
            format!("{} can't be written: {error}", path.display()),
        )
    })
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
        let (file, text) =
            written(args(), &mut Answers { from: Some(typed.as_bytes()), is_asking: true }).unwrap();
        assert_eq!(file, "a/acme.yaml");
        for line in
            ["description: \"Things\"", "categories: [security]", "acs_urls: [\"https://acme.example/acs\"]"]
        {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let ended = written(args(), &mut Answers { from: Some("acme\n".as_bytes()), is_asking: true });
        assert_eq!(ended.unwrap_err().fields[0].code, "unanswered");
        // Piped answers are taken as they are; what does not come is not known.
        let piped = |lines: &'static str| {
            written(args(), &mut Answers { from: Some(lines.as_bytes()), is_asking: false })
        };
        let (_, text) = piped("acme\nAcme Corp\nThings\n").unwrap();
        assert!(text.contains("name: \"Acme Corp\"") && text.contains("description: \"Things\""), "{text}");
        assert_eq!(piped("acme\nAcme\nThings\nacme.example\n").unwrap_err().fields[0].field, "address");
        let taken = piped("acme\nSlack\n").unwrap_err().fields[0].message.clone();
        assert!(taken.contains("slack.yaml"), "{taken}");
        assert!(piped("slack\nSlack\n").is_ok(), "it takes the place of the built-in one");
        let nobody = written(args(), &mut Answers::<&[u8]> { from: None, is_asking: false });
        assert_eq!(nobody.unwrap_err().fields[0].code, "required");
    }

    #[test]
    fn one_connector_is_one_connector() {
        assert_eq!(faultless(1), "1 connector, no faults");
        assert_eq!(faultless(2), "2 connectors, no faults");
    }
}
