//! `tessera token`: the new token stands alone on standard output, once.

use std::process::ExitCode;

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use crate::auth::Role;
use crate::auth::api_token::{self, NewApiToken};
use crate::base::id::TokenId;
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Error, Result};
use crate::cli::{open_beside, output};
use crate::config::DataArgs;
use crate::config::open::Opening;

#[derive(Subcommand, Debug)]
pub(super) enum TokenCommand {
    /// Make a token and print it, once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// owner, application-admin, auditor or scim [default: auditor]
        #[arg(long)]
        role: Option<String>,
        /// How long it lasts, in days, like 90d [default: 90d]
        #[arg(long, value_parser = days)]
        expires: Option<u32>,
    },
    /// List the tokens
    List,
    /// Revoke a token at once
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

fn days(text: &str) -> std::result::Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().map_err(|_| "write a number of days, like 90d".to_owned())
}

pub(super) async fn run(data: &DataArgs, command: TokenCommand) -> Result<ExitCode> {
    let making = matches!(command, TokenCommand::Create { .. });
    let opening = if making { Opening::Making } else { Opening::Existing };
    let (installation, ctx) = open_beside(data, opening).await?;
    match command {
        TokenCommand::Create { name, role, expires } => {
            let new = NewApiToken { name, role, expires_in_days: expires };
            let created = api_token::create(&installation.db, &ctx, new).await?;
            output::line(created.token.expose_secret())?;
        }
        TokenCommand::List => {
            let mut page = PageRequest { limit: MAX_LIMIT, after: None };
            let mut rows =
                vec![["id", "name", "role", "expires", "last used", "ends in"].map(str::to_owned).to_vec()];
            loop {
                let tokens = api_token::list(&installation.db, &page).await?;
                rows.extend(tokens.items.iter().map(|token| {
                    vec![
                        token.id.to_string(),
                        token.name.clone(),
                        token.role.as_str().to_owned(),
                        token.expires_at.to_rfc3339(),
                        token.last_used_at.map_or_else(
                            || "never".to_owned(),
                            super::super::base::clock::Timestamp::to_rfc3339,
                        ),
                        format!("…{}", token.last_four),
                    ]
                }));
                match tokens.items.last() {
                    Some(last) if tokens.next_cursor.is_some() => page.after = Some(last.id.to_string()),
                    _ => break,
                }
            }
            output::table(&rows)?;
        }
        TokenCommand::Revoke { id } => {
            let id: TokenId = id.parse().map_err(|_| Error::not_found("API token"))?;
            api_token::revoke(&installation.db, &ctx, id).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A role by its name, or the reason why not.
pub(super) fn parse_role(text: &str) -> Result<Role> {
    Role::parse(text)
}
