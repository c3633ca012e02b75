//! Addresses that are not where the application is, as far as their names tell: the assertion, or a token, may be meant for
//! somebody else. What is meant so has a note.

use super::super::model::Connector;
use super::super::sites;
use super::super::sso::SsoSettings;
use super::Linter;

/// The field under which a note speaks of all of a list.
fn listed(field: &str) -> &str {
    if field.starts_with("sso.acs_urls") { "sso.acs_urls" } else { field }
}

fn is_noted(connector: &Connector, field: &str) -> bool {
    connector.notes.contains_key(field) || connector.notes.contains_key(listed(field))
}

impl Linter<'_> {
    /// Whether addresses are where the application is, as far as their names tell.
    pub(super) fn sites(&mut self, connector: &Connector, settings: &SsoSettings) {
        // An entity ID need not be an address; the application is at the site of its maker then.
        let entity_id = settings.sp_entity_id.as_deref().and_then(sites::named);
        let homepage = connector.homepage.as_deref().and_then(sites::of);
        let home = entity_id
            .map(|site| (site, "the entity ID"))
            .or_else(|| homepage.clone().map(|site| (site, "the site of its maker")));
        if let Some((home, what)) = &home {
            self.sites_of_acs_urls(connector, settings, home, what);
        }
        // An ACS URL that is elsewhere and meant so is one more place where the application is.
        let is_home = |at: usize| home.is_none() || is_noted(connector, &format!("sso.acs_urls.{at}"));
        let acs_urls = settings.acs_urls.iter().enumerate().filter(|(at, _)| is_home(*at));
        let of_acs_urls: Vec<String> = acs_urls.filter_map(|(_, acs)| sites::of(&acs.url)).collect();
        let homes: Vec<String> =
            home.map(|(site, _)| site).into_iter().chain(homepage).chain(of_acs_urls).collect();
        if !homes.is_empty() {
            self.sites_of_partners(connector, &homes);
        }
        self.test_systems(connector);
    }

    /// Where the assertion goes should be where the application is: else it may be somebody else's.
    fn sites_of_acs_urls(&mut self, connector: &Connector, settings: &SsoSettings, home: &str, what: &str) {
        for (at, acs) in settings.acs_urls.iter().enumerate() {
            let field = format!("sso.acs_urls.{at}");
            if sites::of(&acs.url).is_some_and(|site| site != home) && !is_noted(connector, &field) {
                let message =
                    format!("This is not at {home}, where {what} is. Say under notes why, as sso.acs_urls.");
                self.at_value(&field, "acs_on_another_site", message);
            }
        }
    }

    /// A token should go to where the application is, and what decides where assertions go should come from there.
    fn sites_of_partners(&mut self, connector: &Connector, homes: &[String]) {
        let base_url = connector.provisioning.as_ref().and_then(|scim| scim.base_url.as_deref());
        let metadata_url = connector.sso.sp_metadata_url.set_value().map(String::as_str);
        for (field, url, code) in [
            ("provisioning.base_url", base_url, "scim_on_another_site"),
            ("sso.sp_metadata_url", metadata_url, "metadata_on_another_site"),
        ] {
            let Some(site) = url.and_then(sites::of) else { continue };
            if !homes.contains(&site) && !is_noted(connector, field) {
                let message = format!("This is not at {}. Say under notes why, as {field}.", homes[0]);
                self.at_value(field, code, message);
            }
        }
    }

    fn test_systems(&mut self, connector: &Connector) {
        for (field, text) in connector.templates().unwrap_or_default() {
            let field = field.trim_end_matches(".url").to_owned();
            if let Some(label) = sites::of_a_test_system(&text)
                && !is_noted(connector, &field)
            {
                let message = format!(
                    "Its host is called {label}, as test systems are. Take the address that customers have, or say under notes why, as {}.",
                    listed(&field)
                );
                self.at_value(&field, "test_system", message);
            }
        }
    }
}
