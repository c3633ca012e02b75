//! The command line: arguments, exit codes, and what each command prints. Exit 0 done, 1 failed with one clear line
//! on standard error, 2 wrong usage. Commands that touch the database work beside a running server.

mod apply;
mod catalog;
mod demo;
mod demo_content;
mod doctor;
mod events;
mod import;
mod key;
mod lab;
mod output;
mod serve;
mod setup_link;
mod token;
mod user;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use rustix::fs::Mode;

use crate::applications::sp_source::aggregate;
use crate::base::{Actor, Ctx, Error, Result};
use crate::config::open::{self, Opening};
use crate::config::{Config, DataArgs, ServeArgs};
use crate::signon::Installation;

/// A self-hosted SAML 2.0 identity provider with a catalog of applications.
#[derive(Parser, Debug)]
#[command(name = "tessera", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    data: DataArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Run a filled server on a throw-away folder, to look around
    Demo(demo::DemoArgs),
    /// Print a new set-up link for the owner account, while there is no owner
    SetupLink,
    /// Create and look after people
    #[command(subcommand)]
    User(user::UserCommand),
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Look into the catalog of connectors, and check your own
    #[command(subcommand)]
    Catalog(catalog::CatalogCommand),
    /// Bring the installation to what YAML files declare: settings, groups and applications
    Apply(apply::ApplyArgs),
    /// Print the whole configuration, people aside, as YAML that apply takes
    Export,
    /// Turn the export of another identity provider into YAML that apply takes
    Import(import::ImportArgs),
    /// Look at signing keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Say what is odd about an application's single sign-on, and what to do
    Doctor(doctor::DoctorArgs),
    /// Verify the chain of events
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Run the other side of a connection, to try things against
    #[command(subcommand)]
    Lab(lab::LabCommand),
    /// What `serve` starts to read large metadata
    #[command(hide = true)]
    ReadAggregate,
}

/// Arguments of every command that the demo, which has a folder of its own, and the lab, which has none, have no use for.
const OF_AN_INSTALLATION: [(&str, &str); 5] = [
    ("data_dir", "--data-dir"),
    ("database_url", "--database-url"),
    ("master_key_file", "--master-key-file"),
    ("master_key", "--master-key"),
    ("password_blocklist", "--password-blocklist"),
];

/// Reads the process's arguments. What is given and would be ignored is refused.
fn parse() -> std::result::Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    let why = match arguments.command {
        Command::Demo(_) => Some("the demo runs on a folder of its own"),
        Command::Lab(_) => Some("the lab keeps nothing"),
        _ => None,
    };
    for (id, flag) in OF_AN_INSTALLATION {
        if let Some(why) = why
            && matches.value_source(id) == Some(ValueSource::CommandLine)
        {
            return Err(command.error(ErrorKind::ArgumentConflict, format!("{why} and takes no {flag}")));
        }
    }
    Ok(arguments)
}

/// Runs the command of the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // A closed standard output is nobody's fault here.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if matches!(arguments.command, Command::ReadAggregate) {
        return aggregate::serve();
    }
    if !matches!(arguments.command, Command::Catalog(_)) {
        // SQLite makes its files as the process's mask allows, also in a folder that others may read.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("The asynchronous runtime can't be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(arguments)) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The failure as one line: what happened, the other fields at fault, and the cause, which an operator can use.
fn told(error: &Error) -> String {
    let mut line = error.message.clone().into_owned();
    for field in error.fields.iter().filter(|field| field.message != error.message) {
        line = format!("{line} {}: {}", field.field, field.message);
    }
    if let Some(cause) = error.internal_cause() {
        line = format!("{line} (cause: {cause})");
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn execute(arguments: Arguments) -> Result<ExitCode> {
    let data = arguments.data;
    match arguments.command {
        Command::Serve(serve) => serve::run(&Config::resolve(&data, &serve)?).await,
        Command::Demo(demo) => demo::run(&data, &demo).await,
        Command::SetupLink => setup_link::run(&data).await,
        Command::User(command) => user::run(&data, command).await,
        Command::Token(command) => token::run(&data, command).await,
        Command::Catalog(command) => catalog::run(&data, command),
        Command::Apply(apply) => apply::run(&data, apply).await,
        Command::Export => apply::export(&data).await,
        Command::Import(arguments) => import::run(&data, &arguments),
        Command::Key(command) => key::run(&data, command).await,
        Command::Doctor(arguments) => doctor::run(&data, arguments).await,
        Command::Events(command) => events::run(&data, command).await,
        Command::Lab(command) => lab::run(command).await,
        Command::ReadAggregate => Ok(aggregate::serve()),
    }
}

/// Opens the installation for a command beside the server. `opening`: [`Opening::Making`] only for a command that an
/// operator may want before the first start.
async fn open_beside(data: &DataArgs, opening: Opening) -> Result<(Installation, Ctx)> {
    open_beside_serving(data, &ServeArgs::default(), opening).await
}

/// The same for a command that goes by something of what the server was started with.
async fn open_beside_serving(
    data: &DataArgs,
    serve: &ServeArgs,
    opening: Opening,
) -> Result<(Installation, Ctx)> {
    let config = Config::resolve(data, serve)?;
    if opening == Opening::Making {
        open::data_dir(&config)?;
    }
    let installation = open::installation(&config, opening).await?;
    let ctx = Ctx::background(Actor::CommandLine, installation.clock.clone(), installation.random.clone());
    Ok((installation, ctx))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{FieldError, Kind};

    #[test]
    fn a_failure_is_one_line() {
        let field = |field: &str, message: &str| FieldError {
            field: field.to_owned(),
            code: "x".into(),
            message: message.to_owned(),
        };
        let error = Error::invalid(vec![field("username", "Give a username."), field("email", "Give one.")]);
        assert_eq!(told(&error), "Give a username. email: Give one.");
        let error = Error::new(Kind::Internal, "x", "It failed.").because("line 1\n  line 2");
        assert_eq!(told(&error), "It failed. (cause: line 1 line 2)");
    }
}
