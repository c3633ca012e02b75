//! Changing what holds for the whole installation, with its event.

use serde_json::Value as Json;

use crate::base::{Ctx, Error, Result};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, record};
use crate::settings::{self, Settings};

/// Stores the settings that `change` makes of those of now. Nothing happens when nothing changes.
pub async fn change_settings(
    db: &Db,
    ctx: &Ctx,
    change: impl FnOnce(&mut Settings) + Send,
) -> Result<Settings> {
    let mut tx = db.begin().await?;
    let settings = change_settings_in(&mut tx, ctx, change).await?;
    tx.commit().await?;
    Ok(settings)
}

/// [`change_settings`] in the caller's transaction.
pub async fn change_settings_in(
    tx: &mut Tx,
    ctx: &Ctx,
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
