//! Deployment profiles: what a federation demands of an identity provider's settings towards one application, as a list
//! of rules. Declaring a profile sets, in one act, every setting that departs from it and was not named beside it; what
//! departs later is told by [`SsoSettings::departures`] and never refused.

use serde_json::Value as Json;

use super::{NameFormat, SsoSettings};
use crate::base::urls::is_absolute_uri;
use crate::base::vocabulary::vocabulary;
use crate::base::{Error, Result};

vocabulary! {
    /// A deployment profile.
    Profile {
        /// None: the connector's and the administrator's choices.
        #[default]
        None = "none",
        /// Kantara's SAML V2.0 Deployment Profile for Federation Interoperability (saml2int).
        Saml2int = "saml2int",
    }
}

/// What a setting must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Text(&'static str),
    Is(bool),
}

impl Expected {
    fn holds(self, value: &Json) -> bool {
        match self {
            Self::Text(text) => value == text,
            Self::Is(on) => value == on,
        }
    }

    fn json(self) -> Json {
        match self {
            Self::Text(text) => text.into(),
            Self::Is(on) => on.into(),
        }
    }
}

/// A rule about one setting.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// Its id in the profile, or the section of the standard.
    id: &'static str,
    /// The setting, dotted.
    field: &'static str,
    /// What it may be; the first is what it is set to.
    accepted: &'static [Expected],
    /// What it demands, as a sentence.
    demand: &'static str,
}

/// What saml2int demands that is a choice here. What it demands beside that (one assertion, verified signatures, exact
/// consumer services, fresh proof of presence) holds for every application.
const SAML2INT: &[Rule] = &[
    Rule {
        id: "SDP-IDP09",
        field: "sign",
        accepted: &[Expected::Text("both"), Expected::Text("response")],
        demand: "The response itself is signed.",
    },
    Rule {
        id: "SDP-IDP11",
        field: "encrypt_assertion",
        accepted: &[Expected::Is(true)],
        demand: "Assertions that pass through the browser are encrypted.",
    },
    Rule {
        id: "SDP-IDP11",
        field: "encrypt_name_id",
        accepted: &[Expected::Is(false)],
        demand: "Nothing inside the assertion is encrypted once more.",
    },
    Rule {
        id: "SDP-IDP12",
        field: "name_id.format",
        accepted: &[Expected::Text("transient")],
        demand: "The Name ID is transient; who a person is stands in attributes.",
    },
    Rule {
        id: "Bindings 3.4.3",
        field: "strict_relay_state",
        accepted: &[Expected::Is(true)],
        demand: "A RelayState has 80 bytes at most.",
    },
    Rule {
        id: "Bindings 3.4.4.1",
        field: "redirect_enveloped_signature",
        accepted: &[Expected::Is(false)],
        demand: "A request by redirect is signed in its address, not in its XML.",
    },
    Rule {
        id: "Bindings 3.4.5.2",
        field: "allow_missing_destination",
        accepted: &[Expected::Is(false)],
        demand: "A signed request says which address it is for.",
    },
];
/// The rule about attributes, of which there may be any number.
const ATTRIBUTE_FORMAT: (&str, &str) =
    ("SDP-IDP18", "Attributes are named by URIs, and their name format says so.");

/// A setting that is not as the profile demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Id of the rule in the profile, or the section of the standard.
    pub rule: &'static str,
    /// The setting, dotted.
    pub field: String,
    /// What the profile demands, as a sentence.
    pub demand: &'static str,
}

impl Profile {
    fn rules(self) -> &'static [Rule] {
        match self {
            Self::None => &[],
            Self::Saml2int => SAML2INT,
        }
    }
}

impl SsoSettings {
    /// What of the settings is not as their profile demands.
    pub fn departures(&self) -> Result<Vec<Departure>> {
        let stored = serde_json::to_value(self).map_err(Error::internal)?;
        let departs = |rule: &&Rule| !holds(rule, &stored);
        let mut out: Vec<Departure> = self
            .profile
            .rules()
            .iter()
            .filter(departs)
            .map(|rule| Departure { rule: rule.id, field: rule.field.to_owned(), demand: rule.demand })
            .collect();
        if self.profile == Profile::Saml2int {
            let (rule, demand) = ATTRIBUTE_FORMAT;
            let rows = self.attributes.iter().enumerate();
            out.extend(
                rows.filter(|(_, row)| row.enabled && row.name_format != NameFormat::Uri)
                    .map(|(at, _)| Departure { rule, field: format!("attributes.{at}"), demand }),
            );
        }
        Ok(out)
    }

    /// These settings with everything set that their profile demands, except for what `named` sets itself: the patch that
    /// declared the profile, as JSON. What can't be (nobody to encrypt for, or no way that it knows; names that are no URIs) is left, and departs.
    pub(super) fn conforming(self, named: &Json) -> Result<Self> {
        let mut settings = serde_json::to_value(&self).map_err(Error::internal)?;
        for rule in self.profile.rules() {
            let can_encrypt =
                !self.sp_encryption_certificates.is_empty() && !self.listed_algorithms.forbids_encryption();
            if (can_encrypt || rule.field != "encrypt_assertion")
                && !names(named, rule.field)
                && !holds(rule, &settings)
            {
                let place = settings.pointer_mut(&pointer(rule.field));
                *place.ok_or_else(|| Error::internal(format!("there is no setting {}", rule.field)))? =
                    rule.accepted[0].json();
            }
        }
        let mut new: Self = serde_json::from_value(settings).map_err(Error::internal)?;
        if self.profile == Profile::Saml2int && !names(named, "attributes") {
            for row in new.attributes.iter_mut().filter(|row| is_absolute_uri(&row.name)) {
                row.name_format = NameFormat::Uri;
            }
        }
        Ok(new)
    }
}

fn holds(rule: &Rule, settings: &Json) -> bool {
    settings
        .pointer(&pointer(rule.field))
        .is_some_and(|value| rule.accepted.iter().any(|accepted| accepted.holds(value)))
}

fn pointer(field: &str) -> String {
    format!("/{}", field.replace('.', "/"))
}

/// Whether a patch says something of a setting; `null` for the object that holds it does.
fn names(patch: &Json, field: &str) -> bool {
    let whole = field.split('.').next().unwrap_or(field);
    patch.pointer(&pointer(field)).is_some() || patch.get(whole).is_some_and(Json::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::sso::SsoPatch;

    fn patched(settings: &SsoSettings, patch: Json) -> SsoSettings {
        let patch: SsoPatch = serde_json::from_value(patch).unwrap();
        settings.merged(patch).unwrap()
    }

    fn departing(settings: &SsoSettings) -> Vec<(&'static str, String)> {
        settings
            .departures()
            .unwrap()
            .into_iter()
            .map(|departure| (departure.rule, departure.field))
            .collect()
    }

    #[test]
    fn sdp_rules_name_settings_and_values_that_there_are() {
        let settings = serde_json::to_value(SsoSettings::default()).unwrap();
        for rule in SAML2INT {
            let place = settings.pointer(&pointer(rule.field)).unwrap_or_else(|| panic!("{}", rule.field));
            for accepted in rule.accepted {
                let mut changed = settings.clone();
                *changed.pointer_mut(&pointer(rule.field)).unwrap() = accepted.json();
                let read: SsoSettings = serde_json::from_value(changed).unwrap();
                assert!(holds(rule, &serde_json::to_value(read).unwrap()), "{}", rule.field);
                assert_eq!(place.is_boolean(), accepted.json().is_boolean(), "{}", rule.field);
            }
        }
    }

    #[test]
    fn sdp_declaring_saml2int_sets_what_departs_and_was_not_named() {
        let plain = SsoSettings { sign: crate::catalog::sso::SignMode::Assertion, ..SsoSettings::default() };
        assert!(plain.departures().unwrap().is_empty(), "nothing is demanded of who declares nothing");
        let attributes = serde_json::json!([
            { "name": "urn:oid:0.9.2342.19200300.100.1.3", "name_format": "basic", "source": "email" },
            { "name": "mail", "name_format": "basic", "source": "email" },
        ]);
        let new = patched(&plain, serde_json::json!({ "profile": "saml2int", "attributes": attributes }));
        assert_eq!(departing(&new).len(), 3, "attributes were named, and there is no certificate: {new:?}");
        let new = patched(&new, serde_json::json!({ "profile": "saml2int" }));
        assert_eq!(new.sign.as_str(), "both");
        assert_eq!(new.name_id.format.short(), "transient");
        assert!(new.strict_relay_state && !new.encrypt_assertion);
        assert_eq!(
            departing(&new),
            [("SDP-IDP11", "encrypt_assertion".to_owned()), ("SDP-IDP18", "attributes.1".to_owned())]
        );
        // What is named beside it is the administrator's; and what conforms already is left.
        let named = serde_json::json!({ "profile": "saml2int", "name_id": { "format": "persistent" } });
        let new = patched(&SsoSettings { sign: crate::catalog::sso::SignMode::Response, ..plain }, named);
        assert_eq!((new.name_id.format.short(), new.sign.as_str()), ("persistent", "response"));
        assert!(departing(&new).contains(&("SDP-IDP12", "name_id.format".to_owned())));
        // Departing later is not refused, and leaving it sets nothing back.
        let new = patched(&new, serde_json::json!({ "strict_relay_state": false }));
        assert!(departing(&new).contains(&("Bindings 3.4.3", "strict_relay_state".to_owned())));
        let left = patched(&new, serde_json::json!({ "profile": null }));
        assert_eq!(left, SsoSettings { profile: Profile::None, ..new });
    }
}
