//! `tessera key`: signing keys as they are, the next one, and switching to it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use zeroize::Zeroizing;

use crate::applications::rotation::{self, Act};
use crate::applications::{self, Application, Kind};
use crate::base::id::ApplicationId;
use crate::base::paging::{MAX_LIMIT, PageRequest};
use crate::base::signature::KeyType;
use crate::base::{Ctx, Error, Result};
use crate::cli::{open_beside, output};
use crate::config::open::{self, Opening};
use crate::config::{Config, DataArgs, ServeArgs};
use crate::events::{Event, EventName, record};
use crate::keys::{self, KeyState};
use crate::signon::Installation;
use crate::vault::MasterKey;

#[derive(Subcommand, Debug)]
pub(super) enum KeyCommand {
    /// List signing keys with their certificates' ends and fingerprints
    List {
        /// Slug or id of one application [default: all]
        #[arg(value_name = "APP")]
        application: Option<String>,
    },
    /// Make the next key, or switch to it: first without an option, then, once the application has the new certificate,
    /// with --switch
    Rotate {
        /// Slug or id of the application
        #[arg(value_name = "APP")]
        application: String,
        /// Kind of the next key: rsa-2048, rsa-3072, rsa-4096, ecdsa-p256 or ecdsa-p384 [default: that of the current one]
        #[arg(long, value_name = "TYPE", value_parser = key_type, conflicts_with_all = ["switch", "back"])]
        key_type: Option<KeyType>,
        /// Sign with the next key from now on
        #[arg(long, conflicts_with = "back")]
        switch: bool,
        /// Sign with the key before again
        #[arg(long)]
        back: bool,
    },
    /// Put the data under another master key. Servers go on; the next start needs the new one
    Rewrap {
        /// File of the new master key; made when it is not there
        #[arg(long, value_name = "FILE")]
        new_master_key_file: PathBuf,
    },
    /// Take over a key and certificate that were made elsewhere, as the next one; the settings have to allow it
    Import {
        /// Slug or id of the application
        #[arg(value_name = "APP")]
        application: String,
        /// The private key, PEM without a passphrase
        #[arg(long, value_name = "FILE")]
        private_key: PathBuf,
        /// Its certificate, PEM
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
}

fn key_type(text: &str) -> Result<KeyType, String> {
    let all = || KeyType::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    text.parse().map_err(|()| format!("there is no such kind of key; use one of {}", all()))
}

const COLUMNS: [&str; 7] =
    ["application", "key", "state", "kind", "in metadata", "not after", "SHA-256 fingerprint"];

pub(super) async fn run(data: &DataArgs, command: KeyCommand) -> Result<ExitCode> {
    let (installation, ctx) = open_beside(data, Opening::Existing).await?;
    match command {
        KeyCommand::List { application } => list(&installation, application).await?,
        KeyCommand::Rotate { application, key_type, switch, back } => {
            let application = find(&installation, &application).await?;
            if switch || back {
                promote(&installation, &ctx, &application, back).await?;
            } else {
                stage(&installation, &ctx, &application, key_type).await?;
            }
        }
        KeyCommand::Rewrap { new_master_key_file } => {
            rewrap(data, &installation, &ctx, &new_master_key_file).await?;
        }
        KeyCommand::Import { application, private_key, certificate } => {
            let application = find(&installation, &application).await?;
            let private = Zeroizing::new(read(&private_key)?);
            let key = keys::import(&private, &read(&certificate)?)?;
            add(&installation, &ctx, &application, &key).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rewrap(data: &DataArgs, installation: &Installation, ctx: &Ctx, file: &Path) -> Result<()> {
    let config = Config::resolve(data, &ServeArgs::default())?;
    let old = open::master_key(&config, &ctx.random)?;
    let old = old.ok_or_else(|| Error::internal("an installation was opened without its master key"))?;
    let new = MasterKey::from_file(file, true, &ctx.random)?;
    let mut tx = installation.db.begin().await?;
    old.rewrap_in(&mut tx, &new, &ctx.random).await?;
    record(&mut tx, ctx, Event::new(EventName::MasterKeyChange)).await?;
    tx.commit().await?;
    let overridden = if config.master_key.is_some() {
        " TESSERA_MASTER_KEY is set and would be taken instead of that file: unset it, or set it to what the file holds."
    } else {
        ""
    };
    output::line(&format!(
        "The data is under the master key in {0} now. Start every server with --master-key-file {0} from here on, or put it in the place of the old one, then \
         destroy the old key; backups made before still need it.{overridden}",
        file.display()
    ))
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!("{} can't be read: {error}", file.display());
        Error::new(crate::base::Kind::Invalid, "file_unreadable", message)
    })
}

async fn stage(
    installation: &Installation,
    ctx: &Ctx,
    application: &Application,
    key_type: Option<KeyType>,
) -> Result<()> {
    let known = keys::list(&mut installation.db.reader(), application.id).await?;
    let key_type = key_type.or(known.first().map(|key| key.key_type)).unwrap_or_default();
    let key = installation.make_key(ctx, key_type, &application.label).await?;
    add(installation, ctx, application, &key).await
}

async fn add(
    installation: &Installation,
    ctx: &Ctx,
    application: &Application,
    key: &keys::NewKey,
) -> Result<()> {
    let (db, vault) = (&installation.db, &installation.vault);
    let staged = rotation::stage(db, ctx, vault, application.id, key, true).await?;
    output::line(&format!(
        "The next key of {0} is {1}, {2}. Its certificate stands in the metadata now:\n{3}\nGive it to the application, then run: tessera key rotate {0} --switch",
        application.slug,
        staged.id,
        staged.key_type.label(),
        staged.certificate_pem().trim_end()
    ))
}

/// Switches to the next key, or back to the one that was retired last and still stands in the metadata.
async fn promote(
    installation: &Installation,
    ctx: &Ctx,
    application: &Application,
    back: bool,
) -> Result<()> {
    let known = keys::list(&mut installation.db.reader(), application.id).await?;
    let wanted = if back { KeyState::Retired } else { KeyState::Next };
    let key = known.iter().find(|key| key.state == wanted && (!back || key.published_at.is_some()));
    let key = key.ok_or_else(|| {
        if back {
            Error::conflict(
                "no_key_before",
                "There is no key to go back to in the metadata of this application.",
            )
        } else {
            Error::conflict(
                "no_next_key",
                format!("There is no next key yet. Make one first: tessera key rotate {}", application.slug),
            )
        }
    })?;
    let now = rotation::act(&installation.db, ctx, application.id, key.id, Act::Promote).await?;
    output::line(&format!("{} is signed for with {} from now on.", application.slug, now.id))
}

async fn list(installation: &Installation, application: Option<String>) -> Result<()> {
    let applications = match application {
        Some(which) => vec![find(installation, &which).await?],
        None => all(installation).await?,
    };
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
    for application in &applications {
        rows.extend(keys_of(installation, application).await?);
    }
    output::table(&rows)
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

/// The application of this slug or id.
pub(super) async fn find(installation: &Installation, which: &str) -> Result<Application> {
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
            key.state.as_str().to_owned(),
            key.key_type.as_str().to_owned(),
            if key.published_at.is_some() { "yes" } else { "no" }.to_owned(),
            key.not_after.to_rfc3339(),
            key.fingerprint,
        ]
    };
    Ok(keys.into_iter().map(row).collect())
}
