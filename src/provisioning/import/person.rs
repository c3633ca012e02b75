//! What a person would be here, by the mapping read backwards. Pure. Only properties that a row of the mapping sends
//! unchanged can come in: never a role, a group, a state, or a password (IM-03).

use serde_json::{Map, Value as Json, json};

use crate::base::property::{Property, Source};
use crate::catalog::mapping::Mapping;
use crate::catalog::sso::ValueFrom;
use crate::directory::NewPerson;
use crate::scim::{AttributePath, resource};

/// Most characters of a text that is taken over; longer ones are no properties of people.
const LONGEST: usize = 1024;

/// What is known of somebody at the other side.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) remote_id: String,
    pub(super) user_name: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) active: bool,
    /// Who they would be.
    pub(super) person: NewPerson,
}

/// Reads a resource.
pub(super) fn read(rows: &[Mapping], found: &Json) -> Known {
    let text = |path: &str| {
        let path = AttributePath::parse(path).ok()?;
        resource::text(found, &path).map(str::trim).filter(|text| is_usable(text)).map(str::to_owned)
    };
    let mut person = Map::new();
    let mut lists: [(&str, Vec<Json>); 2] = [("phone_numbers", Vec::new()), ("addresses", Vec::new())];
    let mut custom = Map::new();
    for row in rows.iter().filter(|row| row.enabled && row.transforms.is_empty()) {
        let ValueFrom::Property(source) = &row.value else { continue };
        let Some(value) = text(&row.scim) else { continue };
        match source {
            // An id of ours means nothing there, and theirs nothing here.
            Source::Property(Property::Manager) => {}
            Source::Property(property) => {
                person.entry(property.as_str()).or_insert(Json::String(value));
            }
            Source::Phone(kind) => lists[0].1.push(json!({ "type": kind, "value": value })),
            Source::Address(kind, part) => add_part(&mut lists[1].1, kind, part, value),
            Source::Custom(key) => {
                custom.insert(key.clone(), Json::String(value));
            }
        }
    }
    let user_name = text("userName").unwrap_or_default();
    let email = text("emails[primary eq true].value").or_else(|| text("emails.value"));
    person.entry("username").or_insert_with(|| json!(user_name));
    let address = person.get("email").and_then(Json::as_str).map(str::to_owned).or(email);
    // Many have the address as the user name and nowhere else.
    let address = address.or_else(|| user_name.contains('@').then(|| user_name.clone())).unwrap_or_default();
    person.insert("email".to_owned(), json!(address));
    let given = |key: &str| person.get(key).and_then(Json::as_str).unwrap_or_default();
    let whole = format!("{} {}", given("first_name"), given("last_name"));
    let whole = whole.trim().to_owned();
    if given("display_name") == whole {
        person.remove("display_name");
    }
    let shown = person.get("display_name").and_then(Json::as_str).map(str::to_owned);
    let shown = shown.or_else(|| text("displayName")).or_else(|| text("name.formatted"));
    let name = shown.or(Some(whole).filter(|name| !name.is_empty())).unwrap_or_else(|| user_name.clone());
    for (key, list) in lists {
        person.insert(key.to_owned(), Json::Array(list));
    }
    person.insert("custom".to_owned(), Json::Object(custom));
    Known {
        remote_id: resource::id(found).unwrap_or_default(),
        name,
        email: address,
        active: resource::is_active(found).unwrap_or(true),
        user_name,
        // Every key is one that it has, and every value a text; if it is not so, they are nobody who could be made.
        person: serde_json::from_value(Json::Object(person)).unwrap_or_else(|error| {
            tracing::error!(%error, "what a mapping sends could not be read backwards");
            NewPerson::default()
        }),
    }
}

fn is_usable(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST && !text.contains('\0')
}

fn add_part(addresses: &mut Vec<Json>, kind: &str, part: &str, value: String) {
    if let Some(known) = addresses.iter_mut().find(|address| address["type"] == kind) {
        known[part] = Json::String(value);
    } else {
        addresses.push(json!({ "type": kind, part: value }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning::mapping;

    fn known(found: &Json) -> Known {
        read(&mapping::starting(None), found)
    }

    #[test]
    fn im_03_only_mapped_properties_come_in() {
        let found = json!({
            "id": "7", "userName": "ada", "active": true, "password": "secret", "title": "Analyst",
            "roles": [{"value": "owner"}], "groups": [{"value": "admins"}], "entitlements": [{"value": "all"}],
            "emails": [{"type": "work", "value": "ada@example.com", "primary": true}], "emailVerified": true,
            "name": {"givenName": "Ada", "familyName": "Lovelace"}, "displayName": "Ada Lovelace",
            "nickName": "Countess", "state": "active", "role": "owner", "manager": "1", "reuse": true,
        });
        let known = known(&found);
        let person = serde_json::to_value(&known.person).unwrap();
        let held: Vec<&String> = person
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !matches!(value, Json::Null | Json::Bool(false)))
            .filter(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()))
            .filter(|(_, value)| value.as_object().is_none_or(|map| !map.is_empty()))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(held, ["username", "email", "first_name", "last_name", "job_title"]);
        assert_eq!((known.name.as_str(), known.email.as_str()), ("Ada Lovelace", "ada@example.com"));
    }

    #[test]
    fn a_user_name_that_is_an_address_is_the_address() {
        let known = known(&json!({"id": "7", "userName": "ada@example.com"}));
        assert_eq!(
            (known.person.username.as_str(), known.person.email.as_str()),
            ("ada@example.com", "ada@example.com")
        );
        assert!(known.active, "who says nothing is active");
    }

    #[test]
    fn texts_that_are_too_long_and_values_of_another_kind_are_no_values() {
        let long = "x".repeat(LONGEST + 1);
        let known = known(
            &json!({"id": "7", "userName": "ada", "title": long, "displayName": {"a": 1}, "active": "False"}),
        );
        assert_eq!(known.person.job_title, None);
        assert_eq!(known.person.display_name, None);
        assert_eq!(known.name, "ada");
        assert!(!known.active, "booleans come as texts too");
    }
}
