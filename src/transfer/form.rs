//! The form that configuration has in a file, made of what is stored. Export writes it, and what changes is told by
//! comparing it before and after.

use serde_json::{Map, Value as Json, json};

use crate::applications::{Application, Kind};
use crate::base::urls::{self, BaseUrl};
use crate::base::{Error, Result};
use crate::directory::Group;
use crate::provisioning::model::Connection;
use crate::settings::Settings;
use crate::transfer::read::group_key;

/// Settings as in a file.
pub(in crate::transfer) fn settings(settings: &Settings) -> Result<Json> {
    serde_json::to_value(settings).map_err(Error::internal)
}

/// A group as in a file.
pub(in crate::transfer) fn group(group: &Group) -> Json {
    json!({ "name": group.name, "description": group.description })
}

/// An application as in a file, with the names of its groups and its connection.
pub(in crate::transfer) fn application(
    base_url: &BaseUrl,
    a: &Application,
    mut groups: Vec<String>,
    connection: Option<&Connection>,
) -> Result<Json> {
    groups.sort_by_cached_key(|name| group_key(name));
    let mut out = Map::new();
    out.insert("slug".into(), json!(a.slug));
    out.insert("connector".into(), json!(a.made_from.id));
    out.insert("connector_version".into(), json!(a.made_from.version));
    out.insert("label".into(), json!(a.label));
    out.insert("description".into(), json!(a.description));
    out.insert("color".into(), json!(a.accent));
    out.insert("show_in_portal".into(), json!(a.show_in_portal));
    if let Some(url) = &a.bookmark_url {
        out.insert("bookmark_url".into(), json!(url));
    }
    out.insert("status".into(), json!(a.status));
    out.insert("groups".into(), json!(groups));
    if a.kind == Kind::Saml {
        out.insert("sso".into(), sso(base_url, a)?);
    }
    if let Some(connection) = connection {
        out.insert("provisioning".into(), provisioning(connection)?);
    }
    Ok(Json::Object(out))
}

/// The same for telling what changes. A connection has with it what no file holds and another address takes away, and
/// one that is not there is empty, so that its beginning is told field by field.
pub(in crate::transfer) fn compared(
    base_url: &BaseUrl,
    a: &Application,
    groups: Vec<String>,
    connection: Option<&Connection>,
) -> Result<Json> {
    let mut out = application(base_url, a, groups, connection)?;
    let mut told = Map::new();
    if let Some(connection) = connection {
        told.insert("status".into(), json!(connection.status));
        told.insert("auth".into(), json!(connection.auth));
    }
    if let Some(Json::Object(settings)) = out.get_mut("provisioning").map(Json::take) {
        told.extend(settings);
    }
    told.retain(|_, value| !value.is_null());
    out["provisioning"] = Json::Object(told);
    Ok(out)
}

/// The body of a `PUT …/provisioning` that brings any connection to these settings.
fn provisioning(connection: &Connection) -> Result<Json> {
    serde_json::to_value(&connection.settings).map_err(Error::internal)
}

/// The body of a `PATCH …/sso` that brings any application to these settings.
fn sso(base_url: &BaseUrl, a: &Application) -> Result<Json> {
    let Json::Object(settings) = serde_json::to_value(&a.sso).map_err(Error::internal)? else {
        return Err(Error::internal("settings are not an object"));
    };
    let mut out = Map::new();
    if !a.placeholders.is_empty() {
        out.insert("placeholders".into(), json!(a.placeholders));
    }
    // The entity ID that every installation would write by itself stays out, so that a file fits another address.
    if a.idp_entity_id != base_url.join(&urls::idp_metadata(&a.slug)) {
        out.insert("idp_entity_id".into(), json!(a.idp_entity_id));
    }
    // A group of settings of which none is set says so in one word.
    let bare = |value: Json| match &value {
        Json::Object(group) if group.values().all(Json::is_null) => Json::Null,
        _ => value,
    };
    out.extend(
        settings.into_iter().filter(|(key, _)| key != "idp_entity_id").map(|(key, value)| (key, bare(value))),
    );
    // Objects merge, so a NameID without transforms has to say so.
    if let Some(Json::Object(name_id)) = out.get_mut("name_id") {
        name_id.entry("transforms").or_insert_with(|| json!([]));
    }
    Ok(Json::Object(out))
}
