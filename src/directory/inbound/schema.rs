//! What a user and a group have here, as `/Schemas` says it: what there is no place for is not in it.

use serde_json::Value;

use crate::base::urls;
use crate::scim::schema::{self, Attribute, Schema};

/// Attributes of users, groups and the enterprise extension that have a place here.
const KEPT: &[&str] = &[
    "userName",
    "name",
    "displayName",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "active",
    "emails",
    "phoneNumbers",
    "addresses",
    "groups",
    "members",
    "employeeNumber",
    "costCenter",
    "organization",
    "department",
    "manager",
];
/// Parts of them that have none.
const WITHOUT: &[(&str, &str)] = &[
    ("name", "formatted"),
    ("name", "honorificPrefix"),
    ("name", "honorificSuffix"),
    ("emails", "display"),
    ("phoneNumbers", "display"),
    ("phoneNumbers", "primary"),
    ("addresses", "formatted"),
    ("addresses", "primary"),
    ("members", "display"),
    ("manager", "displayName"),
];
const LANGUAGES: &[&str] = &["en", "de", "es", "fr", "it", "ja", "nl", "pt", "zh"];
const LOCALES: &[&str] =
    &["en-GB", "en-US", "de-DE", "es-ES", "fr-FR", "it-IT", "ja-JP", "nl-NL", "pt-BR", "zh-CN"];
const ZONES: &[&str] = &[
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Europe/Berlin",
    "Europe/London",
];

/// The attribute as it is here. Every person has an address and is active or not; languages and time zones have a form;
/// members and managers are people.
fn view(is_group: bool, parent: Option<&str>, attribute: Attribute) -> Option<Attribute> {
    let name = attribute.name;
    let is_kept = match parent {
        None => KEPT.contains(&name),
        Some(parent) => !WITHOUT.contains(&(parent, name)),
    };
    let shown = match (parent, name) {
        (None, "displayName") if is_group => Attribute { uniqueness: "server", ..attribute },
        (None, "active" | "emails") | (Some("emails"), "value") => {
            Attribute { is_required: true, ..attribute }
        }
        (None, "preferredLanguage") => Attribute { canonical: LANGUAGES, ..attribute },
        (None, "locale") => Attribute { canonical: LOCALES, ..attribute },
        (None, "timezone") => Attribute { canonical: ZONES, ..attribute },
        (Some("members"), "$ref") => Attribute { references: &["User"], ..attribute },
        (Some("members"), "type") => Attribute { canonical: &["User"], ..attribute },
        (Some("groups"), "$ref") => Attribute { references: &["Group"], ..attribute },
        (Some("groups"), "type") => Attribute { canonical: &["direct"], ..attribute },
        _ => attribute,
    };
    is_kept.then_some(shown)
}

/// The schemas; `origin` is where this installation is reached.
#[must_use]
pub fn all(origin: &str) -> Vec<Value> {
    let shown = |schema: &Schema| {
        let is_group = schema.id == schema::GROUP_URN;
        let location = format!("{origin}{}", urls::scim_schema(schema.id));
        schema.shown_as(&location, &|parent, attribute| view(is_group, parent, attribute))
    };
    schema::ALL.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn im_03_nothing_is_offered_that_can_not_come_in() {
        let text = json!(all("https://id.example.com")).to_string();
        for absent in ["password", "roles", "entitlements", "x509Certificates", "nickName", "formatted"] {
            assert!(!text.contains(&format!("\"name\":\"{absent}\"")), "{absent}");
        }
        let user = &all("https://id.example.com")[0];
        let find = |name: &str| {
            user["attributes"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
        };
        assert_eq!((&find("emails")["required"], &find("active")["required"]), (&json!(true), &json!(true)));
        assert_eq!(find("emails")["subAttributes"].as_array().unwrap().len(), 3);
        assert_eq!(
            user["meta"]["location"],
            format!("https://id.example.com/scim/v2/Schemas/{}", schema::USER_URN)
        );
    }
}
