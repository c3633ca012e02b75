//! A person as a SCIM user, and back. What a user has that a person has not is left out; what a person has that a user
//! has not stays as it is.

use serde_json::{Map, Value, json};

use super::invalid_value;
use crate::base::id::{GroupId, UserId};
use crate::base::property::is_key;
use crate::base::urls;
use crate::directory::person::{Address, EmailMarks, Person, PersonState, PhoneNumber, Profile};
use crate::scim::ScimError;
use crate::scim::resource::member;
use crate::scim::schema::{ENTERPRISE_URN, USER_URN};

/// Type of an address of which nothing is said.
const WORK: &str = "work";
/// Type of a telephone number or postal address of which nothing is said, or nothing that is a type here.
const OTHER: &str = "other";

/// Puts what there is.
fn put(out: &mut Map<String, Value>, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        out.insert(name.to_owned(), json!(value));
    }
}

/// The parts that there are, as one object; none when there are none.
fn complex(parts: &[(&str, Option<&String>)]) -> Option<Value> {
    let mut out = Map::new();
    for (name, value) in parts {
        put(&mut out, name, *value);
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The tag of the person's version, without quotes.
pub(super) fn tag(person: &Person) -> String {
    person.version.to_string()
}

/// The person as a user. `origin` is where this installation is reached; without `groups` they are left out.
pub(super) fn to_json(origin: &str, person: &Person, groups: Option<&[(GroupId, String)]>) -> Value {
    let profile = &person.profile;
    let enterprise = enterprise(origin, profile);
    let mut out = Map::new();
    let mut schemas = vec![USER_URN];
    schemas.extend(enterprise.is_some().then_some(ENTERPRISE_URN));
    out.insert("schemas".to_owned(), json!(schemas));
    out.insert("id".to_owned(), json!(person.id));
    put(&mut out, "externalId", person.external_id.as_ref());
    out.insert("userName".to_owned(), json!(person.username));
    let name = complex(&[
        ("familyName", profile.last_name.as_ref()),
        ("givenName", profile.first_name.as_ref()),
        ("middleName", profile.middle_name.as_ref()),
    ]);
    out.extend(name.map(|name| ("name".to_owned(), name)));
    for (name, value) in [
        ("displayName", &profile.display_name),
        ("title", &profile.job_title),
        ("userType", &profile.employee_type),
        ("preferredLanguage", &profile.preferred_language),
        ("locale", &profile.locale),
        ("timezone", &profile.timezone),
    ] {
        put(&mut out, name, value.as_ref());
    }
    out.insert("active".to_owned(), json!(person.state == PersonState::Active));
    let marks = &person.email_marks;
    let email = json!({
        "value": person.email,
        "type": marks.kind.as_deref().unwrap_or(WORK),
        "primary": marks.primary.unwrap_or(true),
    });
    out.insert("emails".to_owned(), json!([email]));
    let phones =
        profile.phone_numbers.iter().map(|phone| json!({ "value": phone.value, "type": phone.kind }));
    put_list(&mut out, "phoneNumbers", phones.collect());
    put_list(&mut out, "addresses", profile.addresses.iter().map(address_json).collect());
    let groups = groups.unwrap_or_default().iter().map(|(id, name)| {
        let reference = format!("{origin}{}", urls::scim_group(&id.to_string()));
        json!({ "value": id, "$ref": reference, "display": name, "type": "direct" })
    });
    put_list(&mut out, "groups", groups.collect());
    out.extend(enterprise.map(|enterprise| (ENTERPRISE_URN.to_owned(), enterprise)));
    let meta = json!({
        "resourceType": "User",
        "created": person.created_at,
        "lastModified": person.updated_at,
        "location": format!("{origin}{}", urls::scim_user(&person.id.to_string())),
        "version": format!("W/\"{}\"", tag(person)),
    });
    out.insert("meta".to_owned(), meta);
    Value::Object(out)
}

fn put_list(out: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        out.insert(name.to_owned(), Value::Array(list));
    }
}

fn address_json(address: &Address) -> Value {
    let mut out = Map::new();
    put(&mut out, "streetAddress", address.street_address.as_ref());
    put(&mut out, "locality", address.locality.as_ref());
    put(&mut out, "region", address.region.as_ref());
    put(&mut out, "postalCode", address.postal_code.as_ref());
    put(&mut out, "country", address.country.as_ref());
    out.insert("type".to_owned(), json!(address.kind));
    Value::Object(out)
}

fn enterprise(origin: &str, profile: &Profile) -> Option<Value> {
    let mut out = Map::new();
    put(&mut out, "employeeNumber", profile.employee_identifier.as_ref());
    put(&mut out, "costCenter", profile.cost_center.as_ref());
    put(&mut out, "organization", profile.company.as_ref());
    put(&mut out, "department", profile.department.as_ref());
    if let Some(manager) = &profile.manager {
        let reference = format!("{origin}{}", urls::scim_user(manager));
        out.insert("manager".to_owned(), json!({ "value": manager, "$ref": reference }));
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The text of an attribute; an empty one is none.
fn text(holder: &Value, name: &str) -> Option<String> {
    member(holder, name)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn elements<'a>(user: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    member(user, name).and_then(Value::as_array).into_iter().flatten()
}

/// Puts all that a user says into a person, and takes away what it does not say; answers whether the user says to be
/// active. `user` is what [`crate::scim::sent::written`] made of what was sent.
pub(super) fn apply(user: &Value, person: &mut Person) -> Result<Option<bool>, ScimError> {
    let nothing = Value::Null;
    person.username = text(user, "userName").ok_or_else(|| invalid_value("userName is required."))?;
    (person.email, person.email_marks) = email(user, &person.username)?;
    person.external_id = text(user, "externalId");
    let name = member(user, "name").unwrap_or(&nothing);
    let enterprise = member(user, ENTERPRISE_URN).unwrap_or(&nothing);
    let profile = &mut person.profile;
    profile.first_name = text(name, "givenName");
    profile.middle_name = text(name, "middleName");
    profile.last_name = text(name, "familyName");
    profile.display_name = text(user, "displayName");
    profile.job_title = text(user, "title");
    profile.employee_type = text(user, "userType");
    profile.preferred_language = text(user, "preferredLanguage");
    profile.locale = text(user, "locale");
    profile.timezone = text(user, "timezone");
    profile.employee_identifier = text(enterprise, "employeeNumber");
    profile.cost_center = text(enterprise, "costCenter");
    profile.company = text(enterprise, "organization");
    profile.department = text(enterprise, "department");
    profile.manager = manager(enterprise)?;
    profile.phone_numbers = phones(user);
    profile.addresses = addresses(user);
    Ok(member(user, "active").and_then(Value::as_bool))
}

/// The one address that a person has: the primary one, else the one for work, else the first; of a user without any the
/// name, where that is an address.
fn email(user: &Value, username: &str) -> Result<(String, EmailMarks), ScimError> {
    let is_primary = |email: &&Value| member(email, "primary").and_then(Value::as_bool) == Some(true);
    let is_work = |email: &&Value| text(email, "type").is_some_and(|kind| kind.eq_ignore_ascii_case(WORK));
    let emails: Vec<&Value> =
        elements(user, "emails").filter(|email| text(email, "value").is_some()).collect();
    let chosen = emails.iter().copied().find(|email| is_primary(email));
    let chosen = chosen.or_else(|| emails.iter().copied().find(|email| is_work(email)));
    let Some(chosen) = chosen.or_else(|| emails.first().copied()) else {
        if username.contains('@') {
            return Ok((username.to_owned(), EmailMarks::default()));
        }
        return Err(invalid_value(
            "emails is required: give the person an address, or a userName that is one.",
        ));
    };
    let marks = EmailMarks {
        kind: text(chosen, "type").filter(|kind| is_key(kind)),
        primary: member(chosen, "primary").and_then(Value::as_bool),
    };
    Ok((text(chosen, "value").unwrap_or_default(), marks))
}

/// The type of an element, where it can be one here.
fn kind(element: &Value) -> String {
    let kind = text(element, "type");
    kind.filter(|kind| is_key(kind)).unwrap_or_else(|| OTHER.to_owned())
}

/// The numbers, the first of each type: there is one of each here.
fn phones(user: &Value) -> Vec<PhoneNumber> {
    let mut out: Vec<PhoneNumber> = Vec::new();
    for element in elements(user, "phoneNumbers") {
        let kind = kind(element);
        let is_new = out.iter().all(|phone| phone.kind != kind);
        if let (true, Some(value)) = (is_new, text(element, "value")) {
            out.push(PhoneNumber { kind, value });
        }
    }
    out
}

/// The addresses, the first of each type.
fn addresses(user: &Value) -> Vec<Address> {
    let mut out: Vec<Address> = Vec::new();
    for element in elements(user, "addresses") {
        let address = Address {
            kind: kind(element),
            street_address: text(element, "streetAddress"),
            locality: text(element, "locality"),
            region: text(element, "region"),
            postal_code: text(element, "postalCode"),
            country: text(element, "country"),
        };
        let is_empty = address == Address { kind: address.kind.clone(), ..Address::default() };
        if !is_empty && out.iter().all(|known| known.kind != address.kind) {
            out.push(address);
        }
    }
    out
}

/// The manager, by id or by the end of the reference.
fn manager(enterprise: &Value) -> Result<Option<String>, ScimError> {
    let Some(manager) = member(enterprise, "manager").filter(|manager| manager.is_object()) else {
        return Ok(None);
    };
    let reference = || text(manager, "$ref").and_then(|path| path.rsplit('/').next().map(str::to_owned));
    let Some(id) = text(manager, "value").or_else(reference) else { return Ok(None) };
    match id.parse::<UserId>() {
        Ok(id) => Ok(Some(id.to_string())),
        Err(_) => Err(invalid_value("manager must be the id that a user has here.")),
    }
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
