//! The command line: arguments, exit codes, and what each command prints. Exit 0 done, 1 failed with one clear line
//! on standard error, 2 wrong usage. Commands that touch the database work beside a running server.

mod apply;
mod catalog;
mod demo;
mod demo_content;
mod events;
mod key;
mod output;
mod serve;
mod setup_link;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::base::{Actor, Ctx, Result};
use crate::config::open;
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
    /// Look at signing keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Verify the chain of events
    #[command(subcommand)]
    Events(events::EventsCommand),
}

/// Runs the command of the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // A closed standard output is nobody's fault here.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
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
            output::complain(&error.message);
            for field in error.fields.iter().filter(|field| field.message != error.message) {
                output::complain(&format!("  {}: {}", field.field, field.message));
            }
            if let Some(cause) = error.internal_cause() {
                output::complain(&format!("  cause: {cause}"));
            }
            ExitCode::FAILURE
        }
    }
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
        Command::Key(command) => key::run(&data, command).await,
        Command::Events(command) => events::run(&data, command).await,
    }
}

/// Opens the installation for a command beside the server.
async fn open_beside(data: &DataArgs) -> Result<(Installation, Ctx)> {
    let config = Config::resolve(data, &ServeArgs::default())?;
    open::data_dir(&config)?;
    let installation = open::installation(&config, true).await?;
    let ctx = Ctx::background(Actor::CommandLine, installation.clock.clone(), installation.random.clone());
    Ok((installation, ctx))
}
