//! What of a user becomes a person, and what is told of it again.

use serde_json::json;

use super::*;
use crate::base::Timestamp;
use crate::scim::sent;

const ORIGIN: &str = "https://id.example.com";
const MANAGER: &str = "01890000-0000-7000-8000-000000000001";

fn nobody() -> Person {
    Person {
        id: "01890000-0000-7000-8000-000000000000".parse().unwrap(),
        username: String::new(),
        email: String::new(),
        profile: Profile::default(),
        state: PersonState::Active,
        scim_managed: true,
        external_id: None,
        email_marks: EmailMarks::default(),
        version: 3,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn applied(user: Value) -> (Person, Option<bool>) {
    let mut person = nobody();
    let written = sent::written(USER_URN, "userName", user).unwrap();
    let active = apply(&written, &mut person).unwrap();
    (person, active)
}

fn full() -> Value {
    json!({
        "schemas": [USER_URN, ENTERPRISE_URN],
        "id": "01890000-0000-7000-8000-000000000000",
        "externalId": "hr-7",
        "userName": "ada",
        "name": { "familyName": "Lovelace", "givenName": "Ada", "middleName": "King" },
        "displayName": "Ada",
        "title": "Analyst",
        "userType": "Employee",
        "preferredLanguage": "en",
        "locale": "en-GB",
        "timezone": "Europe/London",
        "active": true,
        "emails": [{ "value": "ada@example.com", "type": "home", "primary": false }],
        "phoneNumbers": [{ "value": "+44 1", "type": "work" }, { "value": "+44 2", "type": "mobile" }],
        "addresses": [{
            "streetAddress": "12 St James's Square", "locality": "London", "region": "London", "postalCode": "SW1Y",
            "country": "GB", "type": "work",
        }],
        ENTERPRISE_URN: {
            "employeeNumber": "7", "costCenter": "42", "organization": "Engines", "department": "Analysis",
            "manager": { "value": MANAGER, "$ref": format!("{ORIGIN}/scim/v2/Users/{MANAGER}") },
        },
        "meta": {
            "resourceType": "User", "created": "1970-01-01T00:00:00Z", "lastModified": "1970-01-01T00:00:00Z",
            "location": format!("{ORIGIN}/scim/v2/Users/01890000-0000-7000-8000-000000000000"), "version": "W/\"3\"",
        },
    })
}

#[test]
fn a_user_comes_back_as_it_was_sent() {
    let (person, active) = applied(full());
    assert_eq!(active, Some(true));
    assert_eq!(to_json(ORIGIN, &person, None), full());
    let profile = &person.profile;
    assert_eq!(profile.employee_identifier.as_deref(), Some("7"));
    assert_eq!(profile.company.as_deref(), Some("Engines"));
}

#[test]
fn im_03_nothing_but_a_profile_comes_in() {
    let before = nobody();
    let (person, active) = applied(json!({
        "userName": "eve", "emails": [{ "value": "eve@example.com" }], "id": MANAGER, "password": "secret",
        "roles": [{ "value": "owner" }], "role": "owner", "groups": [{ "value": MANAGER }], "scim_managed": false,
        "emailVerified": true, "state": "active", "version": 9, "entitlements": ["all"],
        "meta": { "created": "2001-01-01T00:00:00Z" }, "urn:x:y": { "role": "owner" },
    }));
    let expected = Person { username: "eve".to_owned(), email: "eve@example.com".to_owned(), ..before };
    assert_eq!((person, active), (expected, None));
}

#[test]
fn of_several_addresses_the_primary_one_counts() {
    let email = |emails: Value| applied(json!({ "userName": "ada@sign.in", "emails": emails })).0.email;
    let list = json!([
        { "value": "first@x.test", "type": "home" }, { "value": "work@x.test", "type": "work" },
        { "value": "primary@x.test", "type": "other", "primary": "True" },
    ]);
    assert_eq!(email(list.clone()), "primary@x.test");
    assert_eq!(email(json!([list[0], list[1]])), "work@x.test");
    assert_eq!(email(json!([list[0]])), "first@x.test");
    assert_eq!(email(json!("plain@x.test")), "plain@x.test");
    assert_eq!(email(json!([])), "ada@sign.in", "a userName that is an address");
    let without = sent::written(USER_URN, "userName", json!({ "userName": "ada" })).unwrap();
    assert!(apply(&without, &mut nobody()).is_err());
}

#[test]
fn lists_keep_the_first_of_each_type() {
    let (person, _) = applied(json!({
        "userName": "a@x.test",
        "phoneNumbers": [{ "value": "1", "type": "work" }, { "value": "2", "type": "work" }, { "value": "3" },
            { "value": "", "type": "home" }, { "value": "4", "type": "back office" }],
        "addresses": [{ "type": "work" }, { "type": "work", "locality": "Bath" }, { "locality": "York" }],
    }));
    let phones: Vec<(&str, &str)> = person
        .profile
        .phone_numbers
        .iter()
        .map(|phone| (phone.kind.as_str(), phone.value.as_str()))
        .collect();
    assert_eq!(phones, [("work", "1"), ("other", "3")]);
    assert_eq!(person.profile.addresses.len(), 2);
    assert_eq!(person.profile.addresses[0].locality.as_deref(), Some("Bath"));
}

#[test]
fn a_manager_is_named_by_id_or_reference() {
    let manager = |manager: Value| {
        let user = json!({ "userName": "a@x.test", ENTERPRISE_URN: { "manager": manager } });
        let written = sent::written(USER_URN, "userName", user).unwrap();
        let mut person = nobody();
        apply(&written, &mut person).map(|_| person.profile.manager)
    };
    let known = Some(MANAGER.to_owned());
    assert_eq!(manager(json!(MANAGER)).unwrap(), known);
    assert_eq!(manager(json!({ "value": MANAGER })).unwrap(), known);
    assert_eq!(manager(json!({ "$ref": format!("../Users/{MANAGER}") })).unwrap(), known);
    assert_eq!(manager(json!({ "value": "" })).unwrap(), None);
    assert!(manager(json!({ "value": "bob" })).is_err());
}
