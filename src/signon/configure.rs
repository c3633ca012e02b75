//! Changing what holds for the whole installation, with its event.

use serde_json::Value as Json;

use crate::base::id::KeyId;
use crate::base::{Ctx, Error, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, record};
use crate::keys::NewKey;
use crate::keys::metadata::{self, MetadataKey};
use crate::settings::{self, Settings};
use crate::signon::Installation;
use crate::vault::Vault;

/// Stores the settings that `change` makes of those of now. Nothing happens when nothing changes. `key`: what [`metadata_key`] made when metadata is to be signed.
pub async fn change_settings(
    installation: &Installation,
    ctx: &Ctx,
    key: Option<&NewKey>,
    change: impl FnOnce(&mut Settings) + Send,
) -> Result<Settings> {
    let mut tx = installation.db.begin().await?;
    let settings = change_settings_in(&mut tx, ctx, &installation.vault, key, change).await?;
    tx.commit().await?;
    Ok(settings)
}

/// The key that signing metadata needs, when that is wanted and there is none yet.
pub async fn metadata_key(installation: &Installation, ctx: &Ctx, wanted: bool) -> Result<Option<NewKey>> {
    if !wanted || metadata::current(&mut installation.db.reader()).await?.is_some() {
        return Ok(None);
    }
    make_metadata_key(installation, ctx).await.map(Some)
}

async fn make_metadata_key(installation: &Installation, ctx: &Ctx) -> Result<NewKey> {
    let host = installation.base_url.authority().to_owned();
    let ctx = ctx.clone();
    installation.on_cpu(move || metadata::make(&ctx, &format!("Metadata of {host}"))).await?
}

/// Makes another key to sign metadata with, to be switched to when its certificate is known to those who verify.
pub async fn stage_metadata_key(installation: &Installation, ctx: &Ctx) -> Result<MetadataKey> {
    let key = make_metadata_key(installation, ctx).await?;
    let mut tx = held(&installation.db).await?;
    let staged = metadata::stage(&mut tx, ctx, &installation.vault, &key).await?;
    bump(&mut tx, Scope::Settings).await?;
    tx.commit().await?;
    Ok(staged)
}

/// Signs metadata with the other key from now on.
pub async fn promote_metadata_key(db: &Db, ctx: &Ctx, id: KeyId) -> Result<MetadataKey> {
    let mut tx = held(db).await?;
    let promoted = metadata::promote(&mut tx, ctx, id).await?;
    bump(&mut tx, Scope::Settings).await?;
    tx.commit().await?;
    Ok(promoted)
}

/// Deletes the key that does not sign metadata.
pub async fn delete_metadata_key(db: &Db, ctx: &Ctx, id: KeyId) -> Result<()> {
    let mut tx = held(db).await?;
    metadata::delete(&mut tx, ctx, id).await?;
    bump(&mut tx, Scope::Settings).await?;
    tx.commit().await
}

/// A transaction in which nobody else changes settings or keys for metadata.
async fn held(db: &Db) -> Result<Tx> {
    let mut tx = db.begin().await?;
    settings::read_for_change(&mut tx).await?;
    Ok(tx)
}

/// [`change_settings`] in the caller's transaction.
pub async fn change_settings_in(
    tx: &mut Tx,
    ctx: &Ctx,
    vault: &Vault,
    key: Option<&NewKey>,
    change: impl FnOnce(&mut Settings) + Send,
) -> Result<Settings> {
    let old = settings::read_for_change(tx).await?;
    let mut new = old.clone();
    change(&mut new);
    new.organisation_name = new.organisation_name.trim().to_owned();
    if new == old {
        return Ok(old);
    }
    settings::store(tx, &new).await?;
    if new.sign_metadata && metadata::current(tx).await?.is_none() {
        let key = key.ok_or_else(|| Error::internal("metadata is to be signed, and no key was made"))?;
        metadata::stage(tx, ctx, vault, key).await?;
    }
    let event = Event::new(EventName::SettingsUpdate).detail("changed", differences(&old, &new)?);
    record(tx, ctx, event).await?;
    Ok(new)
}

fn differences(old: &Settings, new: &Settings) -> Result<Vec<Json>> {
    let (old, new) = (
        serde_json::to_value(old).map_err(Error::internal)?,
        serde_json::to_value(new).map_err(Error::internal)?,
    );
    let Json::Object(fields) = new else { return Err(Error::internal("settings are not an object")) };
    let changed = fields.into_iter().filter(|(field, value)| old.get(field) != Some(value));
    Ok(changed
        .map(|(field, value)| serde_json::json!({ "field": field, "old": old.get(&field), "new": value }))
        .collect())
}
