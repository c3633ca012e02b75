//! Writing the configuration out: always the same text for the same configuration.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use crate::applications::binding;
use crate::base::id::{ApplicationId, GroupId};
use crate::base::{Error, Kind, Result};
use crate::db::epoch::Epochs;
use crate::provisioning::connection;
use crate::provisioning::model::Connection;
use crate::settings;
use crate::signon::Installation;
use crate::transfer::document::VERSION;
use crate::transfer::{form, stored};

/// How often a configuration that changes while it is read is read again.
const TRIES: usize = 5;

/// The configuration as one YAML document.
pub async fn export(installation: &Installation) -> Result<String> {
    for _ in 0..TRIES {
        let before = installation.epochs().await?;
        let document = document(installation).await?;
        if unchanged(before, installation.epochs().await?) {
            return written(&document);
        }
    }
    Err(Error::new(
        Kind::Unavailable,
        "changed_meanwhile",
        "The configuration changes faster than it can be read. Run the export again in a moment.",
    ))
}

/// Sessions come and go without being configuration.
fn unchanged(before: Epochs, after: Epochs) -> bool {
    Epochs { sessions: 0, ..before } == Epochs { sessions: 0, ..after }
}

async fn document(installation: &Installation) -> Result<Json> {
    let mut reader = installation.db.reader();
    let mut out = Map::new();
    out.insert("tessera".into(), json!(VERSION));
    out.insert("settings".into(), form::settings(&settings::read(&mut reader).await?)?);
    let groups = stored::groups(&mut reader).await?;
    out.insert("groups".into(), groups.iter().map(form::group).collect());
    let names_of_all: HashSet<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    // No epoch counts these, so they are read at once.
    let connections = connection::list(&mut reader).await?.into_iter();
    let connections: HashMap<ApplicationId, Connection> =
        connections.map(|connection| (connection.application, connection)).collect();
    let mut applications = Vec::new();
    for application in stored::applications(&mut reader).await? {
        let names = binding::names_of(&mut reader, application.id).await?;
        let connection = connections.get(&application.id);
        let mut written = form::application(&installation.base_url, &application, names, connection)?;
        leave_out_gone(&mut written, &names_of_all);
        applications.push(written);
    }
    out.insert("applications".into(), Json::Array(applications));
    Ok(Json::Object(out))
}

/// Takes out the rules of groups that are gone: they match nobody here, and elsewhere nobody knows their ids.
fn leave_out_gone(form: &mut Json, names: &HashSet<&str>) {
    match form {
        Json::Object(members) => {
            if let Some(Json::Array(rules)) = members.get_mut("by_group") {
                let is_gone = |group: &str| group.parse::<GroupId>().is_ok() && !names.contains(group);
                rules.retain(|rule| !rule["group"].as_str().is_some_and(is_gone));
            }
            members.values_mut().for_each(|value| leave_out_gone(value, names));
        }
        Json::Array(list) => list.iter_mut().for_each(|value| leave_out_gone(value, names)),
        _ => {}
    }
}

/// A configuration as YAML.
pub fn written(document: &Json) -> Result<String> {
    let options = serde_saphyr::ser_options! {
        // Folded lines would make a diff of a word a diff of a paragraph.
        folded_wrap_chars: usize::MAX,
    };
    serde_saphyr::to_string_with_options(document, options)
        .map_err(|cause| Error::internal(cause.to_string()))
}
