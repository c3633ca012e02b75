//! Applications of which an export says what they are called and what of them is the customer's, but no address: the
//! connector that is called so, and what its placeholders are. Nobody looks at what is filled in here, so that only what is
//! certain is.

use std::collections::BTreeMap;

use crate::catalog::model::{ConnectorKind, Placeholder, PlaceholderKind};
use crate::catalog::placeholder::{check_value, extract_one, is_everybodys};
use crate::catalog::search::folded;
use crate::catalog::{Catalog, Connector};
use crate::transfer::fitted::BLANK;
use crate::transfer::importers::Hint;

/// Connectors by what they are called.
pub(in crate::transfer) struct Named<'c> {
    by_name: BTreeMap<String, &'c Connector>,
    /// Also by their second names, for what everybody calls an application.
    by_any: BTreeMap<String, &'c Connector>,
}

impl<'c> Named<'c> {
    /// Those of a catalog. An id goes before a name, and a name before another one's second name.
    pub(in crate::transfer) fn of(catalog: &'c Catalog) -> Self {
        let connectors: Vec<&Connector> = catalog
            .list()
            .map(|connector| &**connector)
            .filter(|one| one.kind == ConnectorKind::Saml && !BLANK.contains(&one.id.as_str()))
            // What has a successor is somebody's to choose.
            .filter(|one| one.superseded_by.is_none())
            .collect();
        let ids = connectors.iter().map(|one| (&one.id, *one));
        let names = connectors.iter().map(|one| (&one.name, *one));
        let aliases = connectors.iter().flat_map(|one| one.aliases.iter().map(move |alias| (alias, *one)));
        let mut by_name = BTreeMap::new();
        for (name, connector) in ids.chain(names) {
            by_name.entry(joined(name)).or_insert(connector);
        }
        let mut by_any = by_name.clone();
        for (name, connector) in aliases {
            by_any.entry(joined(name)).or_insert(connector);
        }
        Self { by_name, by_any }
    }

    /// The one that a hint speaks of.
    pub(in crate::transfer) fn find(&self, hint: &Hint) -> Option<&'c Connector> {
        match &hint.usual {
            Some(usual) => self.by_any.get(&joined(usual)).copied(),
            None => self.by_name.get(&joined(&hint.name)).copied(),
        }
    }
}

/// `New_Relic`, `new-relic` and `NewRelic` are the same.
fn joined(name: &str) -> String {
    folded(name).replace(' ', "")
}

/// A placeholder's value, and the setting that it was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::transfer) struct Read {
    pub(in crate::transfer) token: String,
    pub(in crate::transfer) value: String,
    pub(in crate::transfer) key: String,
}

/// The values of placeholders that are certain. A whole host, or a whole name, may be anybody's: those are asked for.
pub(in crate::transfer) fn values(connector: &Connector, hint: &Hint) -> Vec<Read> {
    let declared = &connector.placeholders;
    let templates: Vec<String> =
        connector.templates().unwrap_or_default().into_iter().map(|(_, text)| text).collect();
    let is_address = |value: &str| value.contains("://") || value.contains('.');
    let extracted = |value: &str, token: &String| {
        extract_one(value, token, templates.iter().map(String::as_str), declared)
    };
    // An address that is none of the connector's: which application it is nobody knows for certain.
    let is_of_it = |value: &str| declared.keys().any(|token| extracted(value, token).is_some());
    let is_strange = hint.settings.iter().any(|(_, value)| value.contains("://") && !is_of_it(value));
    let read = |(token, placeholder): (&String, &Placeholder)| {
        let is_part = matches!(
            placeholder.kind,
            PlaceholderKind::Label | PlaceholderKind::Segment | PlaceholderKind::Query
        );
        let may_be_secret = ["KEY", "TOKEN", "SECRET"].iter().any(|word| token.contains(word));
        if !is_part || may_be_secret {
            return None;
        }
        let read = |(key, value): &(String, String)| {
            let value = if is_address(value) {
                extracted(value, token)?
            } else {
                let is_it = !is_strange && declared.len() == 1 && is_called_as(token, key);
                check_value(placeholder, value).ok().filter(|value| is_it && is_a_name(value))?
            };
            Some(Read { token: token.clone(), value, key: key.clone() })
        };
        only(hint.settings.iter().filter_map(read))
    };
    declared.iter().filter_map(read).collect()
}

/// Whether it looks like what somebody calls an account: no address has it for everybody, and no two read alike.
fn is_a_name(value: &str) -> bool {
    value.is_ascii() && !value.starts_with("xn--") && !is_everybodys(value)
}

/// Whether a setting has the name of what a placeholder stands for: `companySubDomain` that of `YOUR_SUBDOMAIN`.
fn is_called_as(token: &str, key: &str) -> bool {
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let key = key.strip_suffix("name").unwrap_or(&key);
    let names: &[&str] = match token {
        "YOUR_SUBDOMAIN" => &["companydomain", "companysubdomain", "domain", "site", "subdomain"],
        "YOUR_ORGANIZATION" => &["githuborg", "org", "organization"],
        "YOUR_TENANT" => &["tenant"],
        "YOUR_WORKSPACE" => &["workspace"],
        "YOUR_ACCOUNT" => &["account"],
        "YOUR_INSTANCE" => &["instance"],
        _ => &[],
    };
    names.contains(&key)
}

/// What all of them say.
fn only(read: impl Iterator<Item = Read>) -> Option<Read> {
    let read: Vec<Read> = read.collect();
    let first = read.first()?;
    read.iter().all(|one| one.value == first.value).then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::importers::{Format, read};

    /// Name and value.
    type Setting = (&'static str, &'static str);

    #[test]
    fn names_of_okta_are_those_of_connectors() {
        let catalog = Catalog::built_in();
        let named = Named::of(&catalog);
        for (name, id) in [
            ("amazon_aws", "amazon-web-services"),
            ("boxnet", "box"),
            ("docusign", "docusign"),
            ("dropbox_for_business", "dropbox"),
            ("githubcloud", "github-enterprise-cloud"),
            ("google", "google-workspace"),
            ("googleapps", "google-workspace"),
            ("office365", "microsoft-365-domain-federation"),
            ("pagerduty", "pagerduty"),
            ("salesforce", "salesforce"),
            ("servicenow_ud", "servicenow"),
            ("slack", "slack"),
            ("workday", "workday"),
            ("zendesk", "zendesk"),
            ("zoomus", "zoom"),
        ] {
            let export = format!(r#"{{"name": "{name}", "label": "X", "signOnMode": "SAML_2_0"}}"#);
            let imported = read(Format::Okta, export.as_bytes()).unwrap();
            let found = named.find(&imported.hints["x"]).map(|connector| connector.id.as_str());
            assert_eq!(found, Some(id), "{name}");
        }
        // Nor by what people call something for short.
        for name in ["", "bookmark", "custom_saml", "acme_wiki_1", "snow", "teams", "exchange", "trello"] {
            let hint = Hint { name: name.to_owned(), ..Hint::default() };
            assert!(named.find(&hint).is_none(), "{name}");
        }
    }

    #[test]
    fn only_what_is_certain_is_filled_in() {
        let catalog = Catalog::built_in();
        let filled = |id: &str, settings: &[(&str, &str)]| {
            let settings =
                settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let hint = Hint { settings, ..Hint::default() };
            let read = values(catalog.find(id).unwrap(), &hint).into_iter();
            read.map(|read| format!("{}={}", read.token, read.value)).collect::<Vec<_>>().join(" ")
        };
        let login = "https://acme.service-now.com/";
        let cases: [(&str, &[Setting], &str); 24] = [
            ("slack", &[("domain", "acme")], "YOUR_SUBDOMAIN=acme"),
            ("slack", &[("companySubDomain", "acme"), ("emailDomain", "corp")], "YOUR_SUBDOMAIN=acme"),
            ("slack", &[("domain", "acme"), ("site", "other")], ""),
            ("slack", &[("domain", "no label")], ""),
            ("slack", &[("url", "https://acme.slack.com/")], "YOUR_SUBDOMAIN=acme"),
            ("slack", &[("url", "https://acme.slack.com/"), ("domain", "other")], ""),
            ("slack", &[("url", "acme.slack.com.evil.example")], ""),
            ("servicenow", &[("loginURL", login)], "YOUR_SUBDOMAIN=acme"),
            ("servicenow", &[("loginURL", login), ("url", "other.service-now.com")], ""),
            ("github-enterprise-cloud", &[("githubOrg", "acme")], "YOUR_ORGANIZATION=acme"),
            // Of several nobody knows which one is meant.
            ("docusign", &[("domain", "acme")], ""),
            ("amazon-web-services", &[("loginURL", "https://console.aws.amazon.com/ec2/home")], ""),
            // A whole host may be anybody's, and what is no address may be a secret.
            ("gitlab", &[("domain", "acme.example"), ("baseURL", "https://git.acme.example/")], ""),
            ("sonarqube", &[("logoURL", "https://cdn.evil.example/l.png")], ""),
            ("google-workspace", &[("domain", "acme.example")], ""),
            // Nor is an ID, what is everybody's, or what only reads alike; and an address elsewhere tells of another.
            ("slack", &[("siteId", "778899")], ""),
            ("slack", &[("domain", "www")], ""),
            ("slack", &[("domain", "аcme")], ""),
            ("slack", &[("domain", "acme"), ("url", "https://acme.example/slack")], ""),
            ("boomi", &[("parentTenant", "acme")], ""),
            ("crowd-log", &[("url", "https://app.crowdlog.jp/login.cgi?auth_code=TopSecret")], ""),
            // A name of the customer's is no ID of somebody's.
            ("atlassian-cloud", &[("subDomain", "acme")], ""),
            ("notion", &[("workspace", "acme")], ""),
            ("heap", &[("domain", "acme")], ""),
        ];
        for (id, settings, wanted) in cases {
            assert_eq!(filled(id, settings), wanted, "{id} {settings:?}");
        }
    }
}
