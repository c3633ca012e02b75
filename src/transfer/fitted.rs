//! What the export of another identity provider came to, fitted to this catalog: an application whose entity ID and ACS URL
//! are those of a connector is made from it, with its placeholders read out of the addresses. One of which the export says
//! no address is made from the connector that is called as it ([`hinted`]).

use serde_json::{Map, Value as Json, json};

use crate::applications::sso;
use crate::base::name_id::NameIdFormat;
use crate::catalog::model::{Placeholder, PlaceholderKind};
use crate::catalog::placeholder::{Missing, Scope, Values, unfilled};
use crate::catalog::search::folded;
use crate::catalog::sso::{SsoPatch, SsoSettings};
use crate::catalog::{Catalog, Connector};
use crate::transfer::hinted::{self, Named};
use crate::transfer::importers::{Hint, Imported, Left};

/// Addresses of one application that are looked at.
const MOST_URLS: usize = 5;
/// Connectors that ask for everything fit everything.
pub(in crate::transfer) const BLANK: [&str; 2] = ["custom-saml", "bookmark"];

/// Makes applications from connectors of the catalog, where one is certain; each is told of.
#[must_use]
pub fn fitted(catalog: &Catalog, mut imported: Imported) -> Imported {
    let known: Vec<Known<'_>> = catalog.list().filter_map(|connector| Known::of(connector)).collect();
    let named = Named::of(catalog);
    let applications = imported.document.get_mut("applications").and_then(Json::as_array_mut);
    for application in applications.into_iter().flatten() {
        let hint = application["slug"].as_str().and_then(|slug| imported.hints.remove(slug));
        let mut told = of_addresses(&known, application);
        if told.is_none()
            && let Some(hint) = &hint
        {
            told = of_hint(&named, hint, application);
        }
        imported.left.extend(told.unwrap_or_else(|| {
            let otherwise = hint.map(|hint| hint.otherwise).unwrap_or_default();
            otherwise.into_iter().chain(advice(catalog, application)).collect()
        }));
    }
    imported
}

/// Made from the connector whose addresses it has. What is told of that; `None`: there is none.
fn of_addresses(known: &[Known<'_>], application: &mut Json) -> Option<Vec<Left>> {
    let (connector, values) = recognised(known, application)?;
    let mut sso = said(application);
    take_over(connector, &values, &mut sso);
    let attributes = if connector_rows(connector).any(|row| row.get("jit").is_some()) {
        "Of its attributes there are those from which it makes accounts, switched off where the export has none of that name."
    } else {
        "Nothing of its attributes does."
    };
    let why = format!(
        "It is made from the connector {} of the catalog: its steps and what it knows of SCIM come with it. {attributes}",
        connector.id
    );
    made(connector, &values, sso, application, why)
}

/// Made from the connector that is called so. What is told of that; `None`: there is none, or the export says where the
/// application is.
fn of_hint(named: &Named<'_>, hint: &Hint, application: &mut Json) -> Option<Vec<Left>> {
    let mut sso = said(application);
    if application.get("bookmark_url").is_some()
        || ["sp_entity_id", "acs_urls"].iter().any(|key| sso.contains_key(*key))
    {
        return None;
    }
    let connector = named.find(hint)?;
    let read = hinted::values(connector, hint);
    let values: Values = read.iter().map(|one| (one.token.clone(), one.value.clone())).collect();
    complete(connector, &values, &mut sso);
    let to_compare = to_compare(connector, hint, &read, &sso);
    let why = format!(
        "It is made from the connector {} of the catalog, which is called as it is in the export. What the export does not say is as the catalog has it; attributes of which it does not say that they were sent are there, switched off. Compare both with the former settings, and switch on what the application needs.",
        connector.id
    );
    let mut told = made(connector, &values, sso, application, why)?;
    let label = application["label"].as_str().unwrap_or_default();
    let left = |(what, why)| Left { application: label.to_owned(), what, why };
    told.extend(to_compare.into_iter().map(left));
    Some(told)
}

/// What somebody should look at before such an application is switched on, and why.
fn to_compare(
    connector: &Connector,
    hint: &Hint,
    read: &[hinted::Read],
    said: &Map<String, Json>,
) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for one in read {
        let why = format!(
            "It was taken from settings.app.{}. Compare it with the application's own settings before you activate.",
            one.key
        );
        out.push((one.token.clone(), why));
    }
    let settings = connector.sso_settings().unwrap_or_default();
    if let [first, _, ..] = settings.acs_urls.as_slice() {
        let why = format!(
            "It has {} ACS URLs, and the export does not say which one is yours: the default is {}. Make the one that the application shows the default before you activate.",
            settings.acs_urls.len(),
            first.url
        );
        out.push(("acs_urls".to_owned(), why));
    }
    let format = settings.name_id.format;
    let is_made_here = matches!(format, NameIdFormat::Persistent | NameIdFormat::Transient);
    let says_another = said.get("name_id").is_some_and(|name_id| name_id.get("format").is_none());
    if is_made_here && says_another {
        let why = format!(
            "The application takes {} identifiers, which are made anew here, and not what the export has: it takes people for new ones. Link or rename its accounts.",
            format.short()
        );
        out.push(("name_id".to_owned(), why));
    }
    // What says the same was carried over too.
    let is_read = |key: &String| {
        let value = hint.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        read.iter().any(|one| one.key == *key || Some(&one.value) == value)
    };
    let unread: Vec<&str> = hint.keys.iter().filter(|key| !is_read(key)).map(String::as_str).collect();
    if !unread.is_empty() {
        let why = format!(
            "Not carried over: {}. See in the former settings whether the application needs them.",
            unread.join(", ")
        );
        out.push(("settings.app".to_owned(), why));
    }
    out
}

/// What the export says of single sign-on.
fn said(application: &Json) -> Map<String, Json> {
    application.get("sso").and_then(Json::as_object).cloned().unwrap_or_default()
}

/// Makes the application, where the connector takes what is said. One that is not filled in is a draft.
fn made(
    connector: &Connector,
    values: &Values,
    sso: Map<String, Json>,
    application: &mut Json,
    why: String,
) -> Option<Vec<Left>> {
    let missing = missing(connector, values, &sso)?;
    let label = application["label"].as_str().unwrap_or_default().to_owned();
    let mut left = vec![Left { application: label.clone(), what: connector.name.clone(), why }];
    left.extend(missing.iter().map(|missing| Left {
        application: label.clone(),
        what: missing.placeholder.clone(),
        why: format!(
            "The export does not say it. Fill in {} ({}); until then the application is a draft.",
            missing.placeholder, missing.label
        ),
    }));
    application["connector"] = json!(connector.id);
    application["sso"] = Json::Object(sso);
    if !missing.is_empty()
        && let Some(application) = application.as_object_mut()
    {
        // It begins as a draft, and stays what it is by then when the file is applied again.
        application.remove("status");
    }
    Some(left)
}

/// What is not filled in of the application that comes of this; `None`: it can't be.
fn missing(connector: &Connector, values: &Values, said: &Map<String, Json>) -> Option<Vec<Missing>> {
    let patch: SsoPatch = serde_json::from_value(Json::Object(said.clone())).ok()?;
    let settings = connector.sso_settings().ok()?.merged(patch).ok()?;
    // A certificate that the connector wants and the export does not have.
    sso::check_signing(&settings).and_then(|()| sso::recipient(&settings)).ok()?;
    Some(Scope::new(&connector.placeholders, values).missing(&settings))
}

/// What the connector says of addresses need not be said; of all else only what the export says counts, so that nobody is
/// told more, and nothing begins elsewhere, than before.
fn take_over(connector: &Connector, values: &Values, sso: &mut Map<String, Json>) {
    sso.remove("sp_entity_id");
    let is_plain = |urls: &Json| match urls.as_array().map(Vec::as_slice) {
        Some([one]) => {
            one.is_string() || one.as_object().is_some_and(|one| one.keys().all(|key| key == "url"))
        }
        _ => false,
    };
    let says_all = connector.sso_settings().is_ok_and(|settings| settings.acs_urls.len() == 1);
    if says_all && sso.get("acs_urls").is_some_and(is_plain) {
        sso.remove("acs_urls");
    }
    add_rows(connector, sso, |row| row.get("jit").is_some());
    whole_name_id(connector, sso);
    let (bare, own) = (written(&SsoSettings::default()), own(connector));
    // What refuses to be sent a sign-on that it did not begin refused it before.
    let refuses = own.get("idp_initiated") == Some(&json!("off"));
    let known: &[&str] = if refuses {
        &["sp_entity_id", "acs_urls", "idp_initiated", "login_url"]
    } else {
        &["sp_entity_id", "acs_urls"]
    };
    for (key, value) in bare.as_object().into_iter().flatten() {
        if known.contains(&key.as_str()) || own.get(key) == Some(value) {
            continue;
        }
        match (sso.get_mut(key), value) {
            (None, _) => drop(sso.insert(key.clone(), value.clone())),
            // Objects merge: what is left out of them would be the connector's.
            (Some(Json::Object(said)), Json::Object(bare)) => {
                for (key, value) in bare {
                    if key != "source" || !said.contains_key("constant") {
                        said.entry(key).or_insert_with(|| value.clone());
                    }
                }
            }
            _ => {}
        }
    }
    if !values.is_empty() {
        sso.insert("placeholders".to_owned(), json!(values));
    }
}

/// What the export does not say is the connector's, but that nobody is told what it does not say.
fn complete(connector: &Connector, values: &Values, sso: &mut Map<String, Json>) {
    add_rows(connector, sso, |_| true);
    whole_name_id(connector, sso);
    if !values.is_empty() {
        sso.insert("placeholders".to_owned(), json!(values));
    }
}

fn written(settings: &SsoSettings) -> Json {
    serde_json::to_value(settings).unwrap_or_default()
}

fn own(connector: &Connector) -> Json {
    connector.sso_settings().map(|own| written(&own)).unwrap_or_default()
}

fn connector_rows(connector: &Connector) -> impl Iterator<Item = Json> {
    match own(connector).get_mut("attributes").map(Json::take) {
        Some(Json::Array(rows)) => rows.into_iter(),
        _ => Vec::new().into_iter(),
    }
}

/// Adds these attributes of the connector that the export does not name, switched off. An application can't do without those
/// from which it makes accounts, and their names stay in the format that it has for them.
fn add_rows(connector: &Connector, sso: &mut Map<String, Json>, is_wanted: impl Fn(&Json) -> bool) {
    let mut rows = connector_rows(connector).peekable();
    if rows.peek().is_none() {
        return;
    }
    let Some(said) = sso.entry("attributes").or_insert_with(|| json!([])).as_array_mut() else { return };
    for mut row in rows.filter(is_wanted) {
        match said.iter_mut().find(|one| one["name"] == row["name"]) {
            Some(one) if row.get("jit").is_some() => one["name_format"] = row["name_format"].take(),
            Some(_) => {}
            None => {
                row["enabled"] = json!(false);
                said.push(row);
            }
        }
    }
}

/// A value of the export comes without the connector's steps.
fn whole_name_id(connector: &Connector, sso: &mut Map<String, Json>) {
    let Some(said) = sso.get_mut("name_id").and_then(Json::as_object_mut) else { return };
    let is_said = said.contains_key("source") || said.contains_key("constant");
    if is_said && own(connector).pointer("/name_id/transforms").is_some() {
        said.entry("transforms").or_insert_with(|| json!([]));
    }
}

/// A connector by which applications can be recognised, and its templates.
struct Known<'c> {
    connector: &'c Connector,
    entity_id: String,
    acs_url: String,
}

impl<'c> Known<'c> {
    fn of(connector: &'c Connector) -> Option<Self> {
        let settings = connector.sso_settings().ok()?;
        let (entity_id, acs_url) = (settings.sp_entity_id?, settings.acs_urls.into_iter().next()?.url);
        // A whole host, or a whole address, that is asked for comes to anything.
        let is_whole = |one: &Placeholder| {
            matches!(one.kind, PlaceholderKind::Host | PlaceholderKind::HostPort | PlaceholderKind::Url)
        };
        let host = acs_url.split_once("://").map_or(acs_url.as_str(), |(_, rest)| rest);
        let host = &host[..host.find(['/', '?', '#']).unwrap_or(host.len())];
        let is_open = |token: &String| {
            *token == entity_id || (host.contains(token.as_str()) && is_whole(&connector.placeholders[token]))
        };
        let is_open = BLANK.contains(&connector.id.as_str()) || connector.placeholders.keys().any(is_open);
        (!is_open).then_some(Self { connector, entity_id, acs_url })
    }

    /// The values with which the connector comes to this entity ID and this address.
    fn values(&self, entity_id: &str, url: &str) -> Option<Values> {
        let declared = &self.connector.placeholders;
        let mut values = unfilled(entity_id, &self.entity_id, declared)?;
        for (token, value) in unfilled(url, &self.acs_url, declared)? {
            if values.get(&token).is_some_and(|known| *known != value) {
                return None;
            }
            values.insert(token, value);
        }
        Some(values)
    }
}

fn is_called(connector: &Connector, label: &str) -> bool {
    std::iter::once(&connector.name).chain(&connector.aliases).any(|name| folded(name) == label)
}

/// The one connector whose templates come to this entity ID and to one of these ACS URLs.
fn recognised<'c>(known: &[Known<'c>], application: &Json) -> Option<(&'c Connector, Values)> {
    let sso = application.get("sso")?;
    let entity_id = sso.get("sp_entity_id")?.as_str()?;
    let urls: Vec<&str> =
        sso.get("acs_urls")?.as_array()?.iter().filter_map(url_of).take(MOST_URLS).collect();
    let mut fits: Vec<(&Connector, Values)> = known
        .iter()
        .filter_map(|known| {
            urls.iter().find_map(|url| Some((known.connector, known.values(entity_id, url)?)))
        })
        .collect();
    // Of several that fit, the one that is called so.
    if fits.len() > 1 {
        let label = folded(application["label"].as_str().unwrap_or_default());
        fits.retain(|(connector, _)| is_called(connector, &label));
    }
    fits.pop().filter(|_| fits.is_empty())
}

/// The connector that is called as an application of which no address is known.
fn advice(catalog: &Catalog, application: &Json) -> Option<Left> {
    if application["sso"].get("acs_urls").is_some() || application.get("bookmark_url").is_some() {
        return None;
    }
    let label = application["label"].as_str()?;
    let name = folded(label);
    let mut connectors = catalog.list().map(|connector| &**connector);
    let connector = connectors.find(|one| !BLANK.contains(&one.id.as_str()) && is_called(one, &name))?;
    let why = format!(
        "Its addresses are not in the export. The catalog has one of this name: write connector: {} in the place of custom-saml, and fill in what that asks for.",
        connector.id
    );
    Some(Left { application: label.to_owned(), what: connector.name.clone(), why })
}

fn url_of(entry: &Json) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("url")?.as_str())
}

#[cfg(test)]
#[path = "fitted_tests.rs"]
mod tests;
