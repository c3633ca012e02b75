//! What the export of another identity provider came to, fitted to this catalog: an application whose entity ID and ACS URL
//! are those of a connector is made from it, with its placeholders read out of the addresses.

use serde_json::{Map, Value as Json, json};

use crate::catalog::model::{Placeholder, PlaceholderKind};
use crate::catalog::placeholder::{Values, unfilled};
use crate::catalog::search::folded;
use crate::catalog::sso::SsoSettings;
use crate::catalog::{Catalog, Connector};
use crate::transfer::importers::{Imported, Left};

/// Addresses of one application that are looked at.
const MOST_URLS: usize = 5;
/// Connectors that ask for everything fit everything.
const BLANK: [&str; 2] = ["custom-saml", "bookmark"];

/// Makes applications from connectors of the catalog, where one is certain; each is told of.
#[must_use]
pub fn fitted(catalog: &Catalog, mut imported: Imported) -> Imported {
    let known: Vec<Known<'_>> = catalog.list().filter_map(|connector| Known::of(connector)).collect();
    let applications = imported.document.get_mut("applications").and_then(Json::as_array_mut);
    for application in applications.into_iter().flatten() {
        let Some((connector, values)) = recognised(&known, application) else {
            if let Some(connector) = namesake(catalog, application) {
                let why = format!(
                    "Its addresses are not in the export. The catalog has one of this name: write connector: {} in the place of custom-saml, and fill in what that asks for.",
                    connector.id
                );
                let label = application["label"].as_str().unwrap_or_default().to_owned();
                imported.left.push(Left { application: label, what: connector.name.clone(), why });
            }
            continue;
        };
        let why = format!(
            "It is made from the connector {} of the catalog: its steps and what it knows of SCIM come with it, and nothing of its attributes.",
            connector.id
        );
        let label = application["label"].as_str().unwrap_or_default().to_owned();
        imported.left.push(Left { application: label, what: connector.name.clone(), why });
        application["connector"] = json!(connector.id);
        if let Some(sso) = application.get_mut("sso").and_then(Json::as_object_mut) {
            take_over(connector, &values, sso);
        }
    }
    imported
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
    let of = |settings: &SsoSettings| serde_json::to_value(settings).unwrap_or_default();
    let (bare, own) =
        (of(&SsoSettings::default()), connector.sso_settings().map(|own| of(&own)).unwrap_or_default());
    for (key, value) in bare.as_object().into_iter().flatten() {
        let is_silent = !sso.contains_key(key) && !["sp_entity_id", "acs_urls"].contains(&key.as_str());
        if is_silent && own.get(key) != Some(value) {
            sso.insert(key.clone(), value.clone());
        }
    }
    if !values.is_empty() {
        sso.insert("placeholders".to_owned(), json!(values));
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
fn namesake<'c>(catalog: &'c Catalog, application: &Json) -> Option<&'c Connector> {
    if application["sso"].get("acs_urls").is_some() || application.get("bookmark_url").is_some() {
        return None;
    }
    let label = folded(application["label"].as_str()?);
    catalog
        .list()
        .map(|connector| &**connector)
        .find(|one| !BLANK.contains(&one.id.as_str()) && is_called(one, &label))
}

fn url_of(entry: &Json) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("url")?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_of_the_catalog_is_made_from_its_connector_and_nothing_else_is() {
        let one = |label: &str, entity_id: &str, url: &str| {
            json!({ "slug": label, "connector": "custom-saml", "label": label,
                "sso": { "sp_entity_id": entity_id, "acs_urls": [{ "url": url }], "sign": "assertion" } })
        };
        let document = json!({ "tessera": 1, "applications": [
            one("heap", "https://heapanalytics.com", "https://heapanalytics.com/saml/finalize/42/"),
            one("slack", "https://slack.com", "https://acme.slack.com/sso/saml"),
            one("near", "https://slack.com", "https://acme.slack.com.evil.example/sso/saml"),
            one("own", "https://own.example/sp", "https://own.example/acs"),
            one("G Suite", "google.com/a/acme.example", "https://www.google.com/a/acme.example/acs"),
            json!({ "slug": "asana", "connector": "custom-saml", "label": "Asana", "sso": { "sign": "both" } }),
            one("gsuite-of-ours", "google.com/a/acme.example", "https://www.google.com/a/acme.example/acs"),
        ] });
        let out = fitted(&Catalog::built_in(), Imported { document, left: Vec::new() });
        let applications = out.document["applications"].as_array().unwrap();
        let connectors: Vec<_> = applications.iter().map(|one| one["connector"].as_str().unwrap()).collect();
        let blank = "custom-saml";
        assert_eq!(connectors, ["heap", "slack", blank, blank, "google-workspace", blank, blank]);
        assert_eq!(
            applications[0]["sso"],
            json!({ "placeholders": { "YOUR_ID": "42" }, "sign": "assertion", "attributes": [] }),
            "nothing is told that was not told before"
        );
        assert_eq!(applications[1]["sso"]["login_url"], Json::Null, "the tile begins where it began");
        assert_eq!(applications[1]["sso"]["placeholders"], json!({ "YOUR_SUBDOMAIN": "acme" }));
        assert_eq!(
            applications[2]["sso"]["acs_urls"][0]["url"],
            json!("https://acme.slack.com.evil.example/sso/saml")
        );
        assert_eq!(out.left.len(), 4);
        assert!(out.left[3].why.contains("connector: asana"), "{:?}", out.left[3]);
    }
}
