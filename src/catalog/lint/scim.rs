//! What a connector says of identity management: addresses and attributes that the application could not use.

use super::super::model::{Connector, Provisioning};
use super::Linter;
use crate::scim::AttributePath;

impl Linter<'_> {
    pub(super) fn provisioning(&mut self, connector: &Connector) {
        let Some(provisioning) = &connector.provisioning else { return };
        if provisioning.base_url.as_deref().is_some_and(|url| url.contains('?')) {
            let message = "Leave out what begins with a question mark: paths are put behind the base URL.";
            self.at_value("provisioning.base_url", "scim_url_with_query", message);
        }
        self.quirks(provisioning);
        for (i, mapping) in provisioning.user_attributes.iter().enumerate() {
            let path = format!("provisioning.user_attributes.{i}");
            self.text(&format!("{path}.scim"), &mapping.scim, 100);
            self.attribute(&format!("{path}.scim"), &mapping.scim);
            if mapping.source.is_some() == mapping.constant.is_some() {
                self.at_value(&path, "ambiguous_source", "Name either a source or a constant.");
            }
            let earlier = &provisioning.user_attributes[..i];
            if earlier.iter().any(|other| other.scim == mapping.scim) {
                self.at_value(
                    &format!("{path}.scim"),
                    "duplicate_attribute",
                    format!("{} is mapped twice.", mapping.scim),
                );
            }
        }
    }

    fn attribute(&mut self, path: &str, name: &str) {
        if let Err(error) = AttributePath::parse(name) {
            self.at_value(path, "scim_path_invalid", error.detail.clone());
        }
    }

    /// Quirks that could not be kept to.
    fn quirks(&mut self, provisioning: &Provisioning) {
        let quirks = &provisioning.quirks;
        for (key, names) in [
            ("immutable", &quirks.immutable),
            ("single_valued", &quirks.single_valued),
            ("unused", &quirks.unused),
        ] {
            for (at, name) in names.iter().enumerate() {
                self.attribute(&format!("provisioning.quirks.{key}.{at}"), name);
            }
        }
        let pace = quirks.pace.as_ref();
        for (key, value) in [
            ("membership_limit", quirks.membership_limit),
            ("page_limit", quirks.page_limit),
            ("concurrency", quirks.concurrency),
            ("pace.per_minute", pace.map(|pace| pace.per_minute)),
        ] {
            if value == Some(0) {
                let message = "With none at all nothing can be sent. Give at least 1, or leave the key out.";
                self.at_value(&format!("provisioning.quirks.{key}"), "bad_quirk", message);
            }
        }
    }
}
