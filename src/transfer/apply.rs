//! Applying what files declare: rehearsed first, in a transaction that is taken back, so that a plan is what would
//! happen and not a guess; then carried out in one transaction, all or nothing, if it still comes to the same.

use std::collections::HashMap;
use std::sync::Arc;

use crate::applications;
use crate::base::{Ctx, Error, Result};
use crate::catalog::model::{Connector, ConnectorKind};
use crate::keys::NewKey;
use crate::signon::{Installation, configure};
use crate::transfer::perform::{Keys, Performance};
use crate::transfer::plan::Plan;
use crate::transfer::read::{Declared, Refusal};

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Delete what the sections of the files leave out.
    pub prune: bool,
    /// Take addresses that other applications had in the last 90 days (decision 18).
    pub reuse: bool,
}

/// Why nothing was applied.
#[derive(Debug)]
pub enum Refused {
    /// The files say what can't be.
    Files(Vec<Refusal>),
    /// Something else.
    Other(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// What applying would come to, every check and every write included. Nothing is left of it in the database.
pub async fn rehearse(
    installation: &Installation,
    ctx: &Ctx,
    declared: &Declared,
    options: Options,
) -> Result<Plan, Refused> {
    let news = new_applications(installation, declared).await?;
    let keys = match news.first() {
        None => Keys::default(),
        // Whichever key it is, it is taken back with the rest.
        Some((_, connector)) => Keys::ForAll(first_key(installation, ctx, connector).await?),
    };
    let signs = metadata_key(installation, ctx, declared).await?;
    let mut tx = installation.db.begin().await?;
    let performance = Performance::new(installation, ctx, declared, options, &keys, signs.as_ref());
    let plan = performance.run(&mut tx).await?;
    tx.rollback().await?;
    Ok(plan)
}

/// Carries out what was rehearsed, all or nothing.
pub async fn carry_out(
    installation: &Installation,
    ctx: &Ctx,
    declared: &Declared,
    options: Options,
    rehearsed: &Plan,
) -> Result<(), Refused> {
    if !rehearsed.changes_anything() {
        return Ok(());
    }
    let mut keys = HashMap::new();
    for (slug, connector) in new_applications(installation, declared).await? {
        keys.insert(slug, first_key(installation, ctx, &connector).await?);
    }
    let keys = Keys::Each(keys);
    let signs = metadata_key(installation, ctx, declared).await?;
    let mut tx = installation.db.begin().await?;
    let performance = Performance::new(installation, ctx, declared, options, &keys, signs.as_ref());
    let plan = performance.run(&mut tx).await?;
    if plan != *rehearsed {
        tx.rollback().await?;
        return Err(changed_meanwhile().into());
    }
    tx.commit().await?;
    Ok(())
}

/// The refusal that the installation is not what the plan was made for.
pub(in crate::transfer) fn changed_meanwhile() -> Error {
    Error::conflict(
        "changed_meanwhile",
        "Someone else has changed the configuration meanwhile, so the plan no longer holds. Nothing was applied; run \
         the command again.",
    )
}

/// The key that signing metadata needs, when the files want that and there is none.
async fn metadata_key(installation: &Installation, ctx: &Ctx, declared: &Declared) -> Result<Option<NewKey>> {
    let wanted = declared.settings.as_ref().and_then(|(_, patch)| patch.get("sign_metadata"));
    configure::metadata_key(installation, ctx, wanted == Some(&true.into())).await
}

async fn first_key(installation: &Installation, ctx: &Ctx, connector: &Connector) -> Result<NewKey> {
    installation.make_first_key(ctx, connector, &connector.name).await
}

/// Slug and connector of each declared application that is not there and wants a key.
async fn new_applications(
    installation: &Installation,
    declared: &Declared,
) -> Result<Vec<(String, Arc<Connector>)>> {
    let mut out = Vec::new();
    for (_, entry) in declared.applications.iter().flatten() {
        let Some(connector) = installation.catalog.find(&entry.connector) else { continue };
        let known = applications::find_by_slug(&mut installation.db.reader(), &entry.slug).await?;
        if connector.kind == ConnectorKind::Saml && known.is_none() {
            out.push((entry.slug.clone(), connector.clone()));
        }
    }
    Ok(out)
}
