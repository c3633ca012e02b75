//! Changing the general information of an application, and the one way in which any change is stored.

use serde::{Deserialize, Deserializer};
use url::Url;

use crate::applications::model::{Application, Kind};
use crate::applications::{group_rules, locked, store};
use crate::base::accent::Accent;
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Tx};
use crate::events::{Event, EventName, record};

/// What may change of the general information; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationPatch {
    /// Name on the tile.
    #[serde(default, deserialize_with = "present")]
    pub label: Option<String>,
    /// Sentence under it.
    #[serde(default, deserialize_with = "present")]
    pub description: Option<String>,
    /// Colour of the tile.
    #[serde(default, deserialize_with = "present")]
    pub color: Option<Accent>,
    /// Whether the portal shows it.
    #[serde(default, deserialize_with = "present")]
    pub show_in_portal: Option<bool>,
    /// Where a bookmark leads.
    #[serde(default, deserialize_with = "present")]
    pub bookmark_url: Option<String>,
    /// Refused with 409 `idp_url_immutable`, whatever it says: the IdP URL never changes.
    #[serde(default, deserialize_with = "present")]
    pub slug: Option<serde_json::Value>,
}

/// None of these fields can be taken away, so `null` is a value like another, and mostly a wrong one.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Changes the general information. `if_version`: refuse when the application has changed since.
pub async fn update(
    db: &Db,
    ctx: &Ctx,
    id: ApplicationId,
    patch: ApplicationPatch,
    if_version: Option<i64>,
) -> Result<Application> {
    let mut tx = db.begin().await?;
    let new = update_in(&mut tx, ctx, id, patch, if_version).await?;
    tx.commit().await?;
    Ok(new)
}

/// [`update`] in the caller's transaction.
pub async fn update_in(
    tx: &mut Tx,
    ctx: &Ctx,
    id: ApplicationId,
    patch: ApplicationPatch,
    if_version: Option<i64>,
) -> Result<Application> {
    if patch.slug.is_some() {
        return Err(Error::conflict(
            "idp_url_immutable",
            "The IdP URL can't be changed. Delete the application and create it again to get another one.",
        ));
    }
    let old = locked(tx, id).await?;
    check_version(&old, if_version)?;
    let mut new = old.clone();
    if let Some(label) = &patch.label {
        new.label = check_label(label)?;
    }
    if let Some(description) = &patch.description {
        new.description = check_description(description)?;
    }
    if let Some(color) = patch.color {
        new.accent = color;
    }
    if let Some(shown) = patch.show_in_portal {
        new.show_in_portal = shown;
    }
    if let Some(url) = &patch.bookmark_url {
        if new.kind != Kind::Bookmark {
            return Err(Error::field(
                "bookmark_url",
                "not_a_bookmark",
                "Only a bookmark has an address to open.",
            ));
        }
        new.bookmark_url = Some(check_bookmark_url(url)?);
    }
    save(tx, ctx, &old, new, EventName::ApplicationUpdate).await
}

/// Refuses when the caller's version is not the stored one.
pub fn check_version(application: &Application, if_version: Option<i64>) -> Result<()> {
    match if_version {
        Some(version) if version != application.version => Err(Error::changed_meanwhile()),
        _ => Ok(()),
    }
}

/// Stores a changed application with its event; the caller commits. Nothing happens when nothing changed. Answers it as
/// people see it.
pub(in crate::applications) async fn save(
    tx: &mut Tx,
    ctx: &Ctx,
    old: &Application,
    new: Application,
    name: EventName,
) -> Result<Application> {
    save_telling(tx, ctx, old, new, Event::new(name)).await
}

/// The same with an event that has something to say beside what changed.
pub(in crate::applications) async fn save_telling(
    tx: &mut Tx,
    ctx: &Ctx,
    old: &Application,
    mut new: Application,
    event: Event,
) -> Result<Application> {
    let changed = changed_fields(old, &new);
    if changed.is_empty() && old.made_from == new.made_from {
        return group_rules::shown(tx, new).await;
    }
    if !store::update(tx, &new, old.version, ctx.now()).await? {
        return Err(Error::conflict(
            "changed_meanwhile",
            "Someone else has changed this application meanwhile. Load it again, then make your change.",
        ));
    }
    bump(tx, Scope::Applications).await?;
    let event = event
        .target("application", new.id, new.label.as_str())
        .application(new.id)
        .detail("changed", changed);
    record(tx, ctx, event).await?;
    new.version += 1;
    new.updated_at = ctx.now();
    group_rules::shown(tx, new).await
}

/// Which fields differ, each with its values before and after. Certificates and keys are shown by size only.
fn changed_fields(old: &Application, new: &Application) -> Vec<serde_json::Value> {
    let (before, after) = (flat(old), flat(new));
    let mut out = Vec::new();
    for (field, value) in &after {
        let earlier = before.get(field);
        if earlier != Some(value) {
            out.push(serde_json::json!({ "field": field, "old": earlier, "new": value }));
        }
    }
    out
}

/// Names of the fields in which two states of an application differ.
#[must_use]
pub fn differing_fields(old: &Application, new: &Application) -> Vec<String> {
    let before = flat(old);
    flat(new)
        .into_iter()
        .filter(|(field, value)| before.get(field) != Some(value))
        .map(|(field, _)| field)
        .collect()
}

fn flat(a: &Application) -> serde_json::Map<String, serde_json::Value> {
    use serde_json::json;
    let mut out = serde_json::Map::new();
    out.insert("connector_version".into(), json!(a.made_from.version));
    out.insert("label".into(), json!(a.label));
    out.insert("description".into(), json!(a.description));
    out.insert("color".into(), json!(a.accent));
    out.insert("show_in_portal".into(), json!(a.show_in_portal));
    out.insert("status".into(), json!(a.status));
    out.insert("idp_entity_id".into(), json!(a.idp_entity_id));
    out.insert("bookmark_url".into(), json!(a.bookmark_url));
    out.insert("placeholders".into(), json!(a.placeholders));
    if let Ok(serde_json::Value::Object(sso)) = serde_json::to_value(&a.sso) {
        out.extend(sso.into_iter().map(|(key, value)| (format!("sso.{key}"), value)));
    }
    out
}

fn check_text(field: &str, text: &str, longest: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > longest {
        return Err(Error::field(field, "too_long", format!("Too long. Use at most {longest} characters.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::field(
            field,
            "control_character",
            "Write it on one line, without control characters.",
        ));
    }
    Ok(text.to_owned())
}

/// 1 to 80 characters on one line.
pub fn check_label(label: &str) -> Result<String> {
    let label = check_text("label", label, 80)?;
    if label.is_empty() {
        return Err(Error::field("label", "required", "Give the application a name for its tile."));
    }
    Ok(label)
}

/// At most 200 characters on one line.
pub fn check_description(description: &str) -> Result<String> {
    check_text("description", description, 200)
}

/// An http(s) address without credentials: a tile never runs a script.
pub fn check_bookmark_url(text: &str) -> Result<String> {
    let refuse = || {
        Error::field(
            "bookmark_url",
            "unusable_url",
            "Write a full web address that begins with https:// or http://, without a user name in it.",
        )
    };
    let text = text.trim();
    if text.len() > 2048 || text.chars().any(char::is_control) {
        return Err(refuse());
    }
    let url = Url::parse(text).map_err(|_| refuse())?;
    let fine = matches!(url.scheme(), "https" | "http")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    if fine { Ok(text.to_owned()) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md_303_bookmarks_open_web_addresses_only() {
        for good in ["https://a.example/x?y#z", "http://intranet/"] {
            assert!(check_bookmark_url(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil",
            "https://u:p@a.example",
            "ftp://a",
            "x",
            "",
            "https://a\n.example",
        ] {
            assert!(check_bookmark_url(bad).is_err(), "{bad}");
        }
    }
}
