//! Opening an installation: data folder, database, master key, catalog, address. The order matters: nothing is
//! written before everything that can be refused has been looked at.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;

use crate::auth::{Blocklist, PasswordOptions, Passwords};
use crate::base::urls::BaseUrl;
use crate::base::{Actor, Clock, Ctx, Error, Kind, Random, Result};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::db::Db;
use crate::db::reserve::DiskReserve;
use crate::directory;
use crate::settings;
use crate::signon::Installation;
use crate::vault::Vault;

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

/// Opens everything. `create_key`: make a master key when there is none (the server's first start).
pub async fn installation(config: &Config, create_key: bool) -> Result<Installation> {
    let (clock, random) = (Clock::System, Random::System);
    let catalog = match &config.catalog {
        Some(folder) => Catalog::with_folder(folder)?,
        None => Catalog::built_in(),
    };
    let vault = match &config.master_key {
        Some(text) => Vault::from_text(text)?,
        None => Vault::from_file(&config.master_key_file, create_key, &random)?,
    };
    let db = Db::open(&config.database_url).await?;
    vault.check(&db, &random).await?;
    let ctx = Ctx::background(Actor::System("start"), clock.clone(), random.clone());
    let base_url = base_url(config, &db, &ctx).await?;
    directory::groups::ensure_everyone(&db, &ctx).await?;
    let blocklist = match &config.password_blocklist {
        Some(path) => Blocklist::from_file(path)?,
        None => Blocklist::default(),
    };
    let passwords = Passwords::new(PasswordOptions { blocklist, ..PasswordOptions::default() }, &random)?;
    let mut installation = Installation::new(db, vault, catalog, base_url, clock, random, passwords);
    installation.disk = DiskReserve::of(&config.database_url, config.limits.disk_reserve_mib << 20);
    Ok(installation)
}

/// The base URL in force: the one said, else the one stored, else `localhost` with the port. A server that was
/// started with another one stops, because every service provider knows the old one (decision 20).
async fn base_url(config: &Config, db: &Db, ctx: &Ctx) -> Result<BaseUrl> {
    let stored = settings::stored_base_url(db).await?;
    let said = config.base_url.clone();
    let wanted = said
        .clone()
        .or_else(|| stored.clone())
        .unwrap_or_else(|| format!("http://localhost:{}", config.listen.port()));
    let wanted = BaseUrl::parse(&wanted, config.insecure_http)?;
    match &stored {
        Some(stored) if stored == wanted.as_str() => return Ok(wanted),
        Some(stored) if !config.change_base_url => {
            return Err(Error::new(
                Kind::Conflict,
                "base_url_differs",
                format!(
                    "This installation is known as {stored}, and you gave {wanted}. Every application knows the old \
                     address. If you mean it, start once with --change-base-url: it lists the applications to tell."
                ),
            ));
        }
        _ => {}
    }
    let mut tx = db.begin().await?;
    settings::store_base_url(&mut tx, wanted.as_str()).await?;
    tx.commit().await?;
    if stored.is_some() {
        announce_change(db, &wanted, ctx).await?;
    }
    Ok(wanted)
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
