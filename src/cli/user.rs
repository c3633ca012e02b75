//! `tessera user`.

use std::io::Read as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};

use crate::auth::account::{self, NewAccount};
use crate::auth::{link, roles};
use crate::base::id::UserId;
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Error, Result, urls};
use crate::cli::token::parse_role;
use crate::cli::{open_beside, output};
use crate::config::DataArgs;
use crate::config::open::Opening;
use crate::directory::{NewPerson, PeopleFilter, Person, people};
use crate::signon::Installation;

#[derive(Subcommand, Debug)]
pub(super) enum UserCommand {
    /// Create a person and print the id
    Create(CreateArgs),
    /// List people
    List {
        /// Only those whose name, username or e-mail holds this
        #[arg(long)]
        search: Option<String>,
    },
    /// Show a person as JSON
    Show {
        /// Username, e-mail or id
        who: String,
    },
    /// Suspend a person: no sign-in, every session ends at once
    Suspend {
        /// Username, e-mail or id
        who: String,
    },
    /// Make a suspended or staged person active
    Activate {
        /// Username, e-mail or id
        who: String,
    },
    /// Print a link by which a person sets a new password, once
    ResetPassword {
        /// Username, e-mail or id
        who: String,
        /// Read the new password from standard input instead of printing a link
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Args, Debug)]
pub(super) struct CreateArgs {
    /// Sign-in name
    #[arg(long)]
    username: String,
    /// E-mail address
    #[arg(long)]
    email: String,
    /// Given name
    #[arg(long)]
    first_name: Option<String>,
    /// Family name
    #[arg(long)]
    last_name: Option<String>,
    /// owner, application-admin or auditor
    #[arg(long)]
    role: Option<String>,
    /// Read the password from standard input; without it the person is staged
    #[arg(long)]
    password_stdin: bool,
}

fn read_password() -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut text).map_err(Error::internal)?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn find(installation: &Installation, who: &str) -> Result<Person> {
    let mut reader = installation.db.reader();
    let person = match who.parse::<UserId>() {
        Ok(id) => people::find(&mut reader, id).await?,
        Err(_) => people::find_by_login_name(&mut reader, who).await?,
    };
    person.ok_or_else(|| Error::not_found("person"))
}

pub(super) async fn run(data: &DataArgs, command: UserCommand) -> Result<ExitCode> {
    let making = matches!(command, UserCommand::Create(_));
    let opening = if making { Opening::Making } else { Opening::Existing };
    let (installation, ctx) = open_beside(data, opening).await?;
    let db = &installation.db;
    match command {
        UserCommand::Create(args) => {
            let password = if args.password_stdin { Some(read_password()?) } else { None };
            let role = args.role.as_deref().map(parse_role).transpose()?;
            let person = NewPerson {
                username: args.username,
                email: args.email,
                first_name: args.first_name,
                last_name: args.last_name,
                ..NewPerson::default()
            };
            let new = NewAccount { person, password, role };
            let person = account::create(db, &ctx, &installation.passwords, new).await?;
            output::line(&person.id.to_string())?;
        }
        UserCommand::List { search } => list(&installation, search).await?,
        UserCommand::Show { who } => {
            let person = find(&installation, &who).await?;
            output::line(&serde_json::to_string_pretty(&person).map_err(Error::internal)?)?;
        }
        UserCommand::Suspend { who } => {
            let person = find(&installation, &who).await?;
            people::suspend(db, &ctx, person.id).await?;
        }
        UserCommand::Activate { who } => {
            let person = find(&installation, &who).await?;
            people::activate(db, &ctx, person.id).await?;
        }
        UserCommand::ResetPassword { who, password_stdin } => {
            let person = find(&installation, &who).await?;
            if password_stdin {
                account::set_password(db, &ctx, &installation.passwords, person.id, &read_password()?)
                    .await?;
            } else {
                let link = link::create_reset(db, &ctx, person.id).await?;
                output::line(&installation.base_url.join(&urls::reset(link.token.expose_secret())))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(installation: &Installation, search: Option<String>) -> Result<()> {
    let holders = roles::holders(&installation.db).await?;
    let filter = PeopleFilter { search, state: None };
    let mut page = PageRequest { limit: MAX_LIMIT, after: None };
    let mut rows = vec![["id", "username", "email", "name", "state", "role"].map(str::to_owned).to_vec()];
    loop {
        let people = people::list(&installation.db, &filter, &page).await?;
        rows.extend(people.items.iter().map(|person| {
            let role = holders.iter().find(|(id, _)| *id == person.id).map_or("", |(_, role)| role.as_str());
            vec![
                person.id.to_string(),
                person.username.clone(),
                person.email.clone(),
                person.shown_name(),
                person.state.as_str().to_owned(),
                role.to_owned(),
            ]
        }));
        let Some(next) = people.next_cursor else { break };
        page = PageRequest::parse(Some(MAX_LIMIT), Some(&next))?;
    }
    output::table(&rows)
}
