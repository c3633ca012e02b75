//! `tessera key`: what may be shown of signing keys.

use std::process::ExitCode;

use clap::Subcommand;

use crate::applications::{self, Application, Kind};
use crate::base::id::ApplicationId;
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::{Error, Result};
use crate::cli::{open_beside, output};
use crate::config::DataArgs;
use crate::config::open::Opening;
use crate::keys;
use crate::signon::Installation;

#[derive(Subcommand, Debug)]
pub(super) enum KeyCommand {
    /// List signing keys with their certificates' ends and fingerprints
    List {
        /// Slug or id of one application [default: all]
        #[arg(value_name = "APP")]
        application: Option<String>,
    },
}

const COLUMNS: [&str; 6] = ["application", "key", "state", "algorithm", "not after", "SHA-256 fingerprint"];

pub(super) async fn run(data: &DataArgs, command: KeyCommand) -> Result<ExitCode> {
    let (installation, _) = open_beside(data, Opening::Existing).await?;
    let KeyCommand::List { application } = command;
    let applications = match application {
        Some(which) => vec![find(&installation, &which).await?],
        None => all(&installation).await?,
    };
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
    for application in &applications {
        rows.extend(keys_of(&installation, application).await?);
    }
    output::table(&rows)?;
    Ok(ExitCode::SUCCESS)
}

async fn all(installation: &Installation) -> Result<Vec<Application>> {
    let mut out = Vec::new();
    let mut page = PageRequest { limit: MAX_LIMIT, after: None };
    loop {
        let found = applications::list(&mut installation.db.reader(), "", &page).await?;
        page.after = found.items.last().map(Application::sort_key);
        out.extend(found.items.into_iter().filter(|application| application.kind == Kind::Saml));
        if found.next_cursor.is_none() {
            return Ok(out);
        }
    }
}

async fn find(installation: &Installation, which: &str) -> Result<Application> {
    let mut reader = installation.db.reader();
    let found = match which.parse::<ApplicationId>() {
        Ok(id) => applications::find(&mut reader, id).await?,
        Err(_) => applications::find_by_slug(&mut reader, which).await?,
    };
    let application = found.ok_or_else(|| {
        Error::new(
            crate::base::Kind::NotFound,
            "not_found",
            format!("There is no application {which:?}. Give the slug or the id of one."),
        )
    })?;
    if application.kind == Kind::Bookmark {
        let message = format!("{} is a bookmark: it only opens an address and has no key.", application.slug);
        return Err(Error::conflict("not_saml", message));
    }
    Ok(application)
}

async fn keys_of(installation: &Installation, application: &Application) -> Result<Vec<Vec<String>>> {
    let keys = keys::list(&mut installation.db.reader(), application.id).await?;
    let row = |key: keys::KeyView| {
        vec![
            application.slug.clone(),
            key.id.to_string(),
            key.state,
            key.key_type,
            key.not_after.to_rfc3339(),
            key.fingerprint,
        ]
    };
    Ok(keys.into_iter().map(row).collect())
}
