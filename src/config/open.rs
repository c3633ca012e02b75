//! Opening an installation: data folder, database, master key, catalog, address. The order matters: nothing is
//! written before everything that can be refused has been looked at.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::auth::{Blocklist, PasswordOptions, Passwords};
use crate::base::urls::BaseUrl;
use crate::base::{Actor, Clock, Ctx, Error, Kind, Random, Result};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::db::reserve::DiskReserve;
use crate::db::{Db, dialect};
use crate::directory;
use crate::events::{Event, EventName, chain, record};
use crate::settings::{self, StoredBaseUrl};
use crate::signon::Installation;
use crate::vault::{self, MasterKey, Vault};

/// Lock of the first start: one node makes the installation.
const FIRST_START: i64 = 0x7e55_e7a2;

/// Makes the data folder, readable by its owner only.
pub fn data_dir(config: &Config) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data_dir).map_err(|error| {
        Error::new(
            Kind::Internal,
            "data_dir_unusable",
            format!("The data folder {} can't be made: {error}", config.data_dir.display()),
        )
    })
}

/// What a command may make where there is no installation yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The server: everything, and it says which base URL holds.
    Server,
    /// A command that makes something: database and key, but no base URL, which is the server's to know.
    Making,
    /// Any other command: nothing. A slip in `--data-dir` must not leave an installation behind.
    Existing,
}

/// Opens everything.
pub async fn installation(config: &Config, opening: Opening) -> Result<Installation> {
    let (clock, random) = (Clock::System, Random::System);
    let catalog = match &config.catalog {
        Some(folder) => Catalog::with_folder(folder)?,
        None => Catalog::built_in(),
    };
    if matches!(opening, Opening::Server) {
        for fault in catalog.advice() {
            tracing::warn!(code = fault.code, "a connector of the catalog's folder is odd: {fault}");
        }
    }
    let blocklist = match &config.password_blocklist {
        Some(path) => Blocklist::from_file(path)?,
        None => Blocklist::default(),
    };
    let outbound = config.outbound()?;
    let mailer = config.mailer()?;
    let (db, master) = data(config, opening, &random).await?;
    let ctx = Ctx::background(Actor::System("start"), clock.clone(), random.clone());
    let vault = claim(&db, &master, &ctx).await?;
    let base_url = base_url(config, opening, &db, &ctx).await?;
    directory::groups::ensure_everyone(&db, &ctx).await?;
    let passwords = Passwords::new(PasswordOptions { blocklist, ..PasswordOptions::default() }, &random)?;
    let mut installation = Installation::new(db, vault, catalog, base_url, clock, random, passwords)?;
    installation.disk = DiskReserve::of(&config.database_url, config.limits.disk_reserve_mib << 20);
    installation.outbound = Arc::new(outbound);
    installation.mailer = Arc::new(mailer);
    Ok(installation)
}

/// Opens database and master key. A key is made only for a database that has none: another one would be no use, and
/// would stand in the way of the right one.
async fn data(config: &Config, opening: Opening, random: &Random) -> Result<(Db, MasterKey)> {
    let key = master_key(config, random)?;
    let file = config.database_url.strip_prefix("sqlite://").map(Path::new);
    if opening == Opening::Existing && file.is_some_and(|file| !file.exists()) {
        return Err(nothing_there(file));
    }
    let db = Db::connect(&config.database_url).await?;
    let claimed = dialect::has_schema(&db).await? && vault::has_master_key(&mut db.reader()).await?;
    let key = match key {
        _ if opening == Opening::Existing && !claimed => return Err(nothing_there(file)),
        Some(key) => key,
        None if claimed => return Err(key_missing(config)),
        None => MasterKey::from_file(&config.master_key_file, true, random)?,
    };
    db.migrate().await?;
    Ok((db, key))
}

/// The master key that is given, if there is one.
pub fn master_key(config: &Config, random: &Random) -> Result<Option<MasterKey>> {
    match &config.master_key {
        Some(text) => MasterKey::from_text(text).map(Some),
        None if config.master_key_file.exists() => {
            MasterKey::from_file(&config.master_key_file, false, random).map(Some)
        }
        None => Ok(None),
    }
}

fn nothing_there(file: Option<&Path>) -> Error {
    // A URL of PostgreSQL may hold a password.
    let place = file.map_or_else(|| "in this database".to_owned(), |file| format!("at {}", file.display()));
    Error::new(
        Kind::NotFound,
        "no_installation",
        format!(
            "There is no Tessera {place}. Give the right --data-dir or --database-url; “tessera serve” makes a new one."
        ),
    )
}

fn key_missing(config: &Config) -> Error {
    Error::new(
        Kind::NotFound,
        "master_key_missing",
        format!(
            "The database was made with a master key, and {} is not there. Put the file back, or give the key by --master-key-file or TESSERA_MASTER_KEY.",
            config.master_key_file.display()
        ),
    )
}

/// Opens the vault of the database; a new one is put under this master key, and its chain of events begins.
async fn claim(db: &Db, master: &MasterKey, ctx: &Ctx) -> Result<Vault> {
    let mut tx = db.begin().await?;
    dialect::lock_for_transaction(&mut tx, FIRST_START).await?;
    let (vault, made) = master.unlock_in(&mut tx, &ctx.random).await?;
    if made {
        // Without this, whoever deletes the mark together with the events would have the chain begun anew.
        if directory::groups::find_by_name(&mut tx, "everyone").await?.is_some() {
            return Err(Error::new(
                Kind::Conflict,
                "master_key_mark_missing",
                "The database is in use, but the mark of its master key is gone: it was changed outside Tessera. Restore it from a backup.",
            ));
        }
        chain::begin(&mut tx, &vault, ctx.now()).await?;
    }
    tx.commit().await?;
    Ok(vault)
}

/// The base URL in force: the one said, else the one stored, else `localhost` with the port. A server that was
/// started with another one stops, because every service provider knows the old one (decision 20). One that nobody
/// gave follows the port as long as there is no application whose service provider could know it.
async fn base_url(config: &Config, opening: Opening, db: &Db, ctx: &Ctx) -> Result<BaseUrl> {
    let stored = settings::stored_base_url(db).await?;
    let said = config.base_url.is_some();
    let wanted = match (&config.base_url, &stored) {
        (Some(said), _) => said.clone(),
        (None, Some(stored)) if !stored.derived || opening != Opening::Server => stored.url.clone(),
        (None, _) => format!("http://localhost:{}", config.listen.port()),
    };
    let wanted = BaseUrl::parse(&wanted, config.insecure_http)?;
    let old = stored.as_ref().filter(|stored| stored.url != wanted.as_str());
    if let Some(old) = old
        && !config.change_base_url
        && (said || crate::applications::count(&mut db.reader()).await? > 0)
    {
        return Err(differs(&old.url, &wanted, said));
    }
    let derived = !said && stored.as_ref().is_none_or(|stored| stored.derived);
    let new = StoredBaseUrl { url: wanted.as_str().to_owned(), derived };
    if opening != Opening::Server || stored.as_ref() == Some(&new) {
        return Ok(wanted);
    }
    let mut tx = db.begin().await?;
    settings::store_base_url(&mut tx, &new).await?;
    if let Some(old) = old {
        let event = Event::new(EventName::BaseUrlChange)
            .detail("from", old.url.as_str())
            .detail("to", new.url.as_str());
        record(&mut tx, ctx, event).await?;
    }
    tx.commit().await?;
    if old.is_some() {
        announce_change(db, &wanted, ctx).await?;
    }
    Ok(wanted)
}

fn differs(old: &str, wanted: &BaseUrl, said: bool) -> Error {
    let why = if said { "you gave" } else { "by the port of --listen it would be" };
    let keep = if said { String::new() } else { format!(" Give --base-url {old} to keep it.") };
    Error::new(
        Kind::Conflict,
        "base_url_differs",
        format!(
            "This installation is known as {old}, and {why} {wanted}. Every application knows the old address.{keep} \
             If you mean the new one, start once with --change-base-url: it lists the applications to tell."
        ),
    )
}

async fn announce_change(db: &Db, base_url: &BaseUrl, ctx: &Ctx) -> Result<()> {
    use crate::base::paging::{MAX_LIMIT, PageRequest};
    let mut page = PageRequest { limit: MAX_LIMIT, after: None };
    loop {
        let applications = crate::applications::list(&mut db.reader(), "", &page).await?;
        for application in &applications.items {
            tracing::warn!(
                request_id = %ctx.request_id,
                application = %application.label,
                entity_id = %application.idp_entity_id,
                "tell {} its new IdP URL {}; the IdP entity ID stays as it is",
                application.label,
                base_url.join(&crate::base::urls::idp(&application.slug)),
            );
        }
        match applications.items.last() {
            Some(last) if applications.next_cursor.is_some() => page.after = Some(last.sort_key()),
            _ => return Ok(()),
        }
    }
}

/// The installation, shared.
pub type Shared = Arc<Installation>;
