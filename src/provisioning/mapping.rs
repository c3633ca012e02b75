//! What a person's resource should be at an application, by its mapping. Pure.

use serde_json::{Value as Json, json};

use crate::applications::subject::Subject;
use crate::applications::value;
use crate::base::id::UserId;
use crate::base::property::{Property, Source};
use crate::base::{Error, FieldError, Result};
use crate::catalog::mapping::Mapping;
use crate::catalog::model::{Provisioning, Quirks};
use crate::catalog::sso::ValueFrom;
use crate::scim::filter::Filter;
use crate::scim::path::AttributePath;
use crate::scim::resource;
use crate::scim::schema::{ENTERPRISE_URN, USER_URN};

/// Most rows of a mapping.
const MAX_ROWS: usize = 100;
/// Attributes that are ours to set, or the other side's.
const NOT_MAPPED: [&str; 7] = ["id", "schemas", "meta", "active", "groups", "members", "password"];

/// The mapping that a connection starts with: the connector's, else what most services know.
#[must_use]
pub fn starting(template: Option<&Provisioning>) -> Vec<Mapping> {
    let rows = template.map(|template| template.user_attributes.as_slice()).unwrap_or_default();
    if !rows.is_empty() {
        return rows.iter().map(Mapping::from).collect();
    }
    let row = |scim: &str, property: Property, required: bool| Mapping {
        scim: scim.to_owned(),
        remote: None,
        enabled: true,
        required,
        value: ValueFrom::Property(Source::Property(property)),
        transforms: Vec::new(),
    };
    vec![
        row("userName", Property::Username, true),
        row("emails[type eq \"work\"].value", Property::Email, true),
        row("name.givenName", Property::FirstName, false),
        row("name.familyName", Property::LastName, false),
        row("displayName", Property::DisplayName, false),
        row("title", Property::JobTitle, false),
        row("preferredLanguage", Property::PreferredLanguage, false),
        row("locale", Property::Locale, false),
        row("timezone", Property::Timezone, false),
        row(&format!("{ENTERPRISE_URN}:department"), Property::Department, false),
        row(&format!("{ENTERPRISE_URN}:employeeNumber"), Property::EmployeeIdentifier, false),
    ]
}

/// Refuses a mapping that can't be sent; `template` says which rows can't be removed.
pub fn check(rows: &[Mapping], template: Option<&Provisioning>) -> Result<()> {
    let mut faults = Vec::new();
    let mut fault = |field: String, code: &'static str, message: String| {
        faults.push(FieldError { field, code: code.into(), message });
    };
    if rows.len() > MAX_ROWS {
        fault("mappings".to_owned(), "too_many", format!("Use at most {MAX_ROWS} rows."));
    }
    let mut seen: Vec<String> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let field = format!("mappings.{at}");
        match AttributePath::parse(&row.scim) {
            Err(error) => fault(format!("{field}.scim"), "scim_path_invalid", error.detail.clone()),
            Ok(path) if is_ours(&path) => fault(
                format!("{field}.scim"),
                "scim_attribute_reserved",
                format!("{} is set by Tessera or by the application. Choose another attribute.", row.scim),
            ),
            Ok(path) => {
                let name = path.to_string().to_lowercase();
                if seen.contains(&name) {
                    fault(
                        format!("{field}.scim"),
                        "scim_attribute_twice",
                        format!("{} has two rows. Keep one of them.", row.scim),
                    );
                }
                seen.push(name);
                let sample = match &row.value {
                    ValueFrom::Constant(text) => text.clone(),
                    // Whatever may hold more than one kind of text takes this.
                    _ => "true".to_owned(),
                };
                if let Err(unusable) = put(&mut json!({}), &path, vec![sample]) {
                    let message = format!(
                        "{}. Name a part that takes a text, such as name.givenName, or give another value.",
                        unusable.message.trim_end_matches('.')
                    );
                    fault(format!("{field}.scim"), unusable.code, message);
                }
            }
        }
        if row.value == ValueFrom::Constant(String::new()) {
            let message = "Give the text that everybody has, or take the row out.".to_owned();
            fault(format!("{field}.constant"), "required", message);
        }
        if let Some((code, message)) = row.value_fault() {
            fault(field.clone(), code, message.to_owned());
        }
    }
    let needed = starting(template).into_iter().filter(|row| row.required);
    for row in needed {
        if !rows.iter().any(|given| given.enabled && given.scim.eq_ignore_ascii_case(&row.scim)) {
            fault(
                "mappings".to_owned(),
                "mapping_required",
                format!(
                    "{} is required: the application makes no account without it. Put its row back.",
                    row.scim
                ),
            );
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

fn is_ours(path: &AttributePath) -> bool {
    path.is_extension()
        || path.extension().is_none()
            && NOT_MAPPED.iter().any(|name| name.eq_ignore_ascii_case(&path.attribute))
}

/// A person's resource can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapFault {
    /// Stable code.
    pub code: &'static str,
    /// What is missing and where to mend it.
    pub message: String,
}

/// The external id of a person: opaque, no number, never changed and the same at every application (SC-06).
#[must_use]
pub fn external_id(user: UserId) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hex: String = user.to_string().chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&hex, 16).unwrap_or_default();
    let digits = (0..26).rev().map(|place| {
        let five = (number >> (place * 5)) & 31;
        char::from(ALPHABET[usize::try_from(five).unwrap_or_default()])
    });
    format!("tsr_{}", digits.collect::<String>())
}

/// What the resource of an active person should be. `manager` is the application's id of their manager, if it has one.
pub fn resource(
    rows: &[Mapping],
    quirks: &Quirks,
    subject: &Subject,
    manager: Option<&str>,
) -> Result<Json, MapFault> {
    let mut out = json!({ "schemas": [USER_URN] });
    if !quirks.no_external_id {
        out["externalId"] = json!(external_id(subject.person.id));
    }
    for row in rows.iter().filter(|row| row.enabled) {
        let path = AttributePath::parse(&row.scim)
            .map_err(|error| MapFault { code: "scim_path_invalid", message: error.detail.clone() })?;
        let is_enterprise = path.extension().is_some_and(|urn| urn.eq_ignore_ascii_case(ENTERPRISE_URN));
        let is_unused = quirks.unused.iter().any(|name| name.eq_ignore_ascii_case(&row.scim));
        if is_unused || (is_enterprise && quirks.no_enterprise_extension) {
            continue;
        }
        let values = if row.value == ValueFrom::Property(Source::Property(Property::Manager)) {
            manager.map(str::to_owned).into_iter().collect()
        } else {
            value::values(&row.value, &row.transforms, subject)
                .map_err(|error| MapFault { code: error.code(), message: error.to_string() })?
        };
        if values.is_empty() {
            if row.required {
                return Err(MapFault {
                    code: "attribute_missing",
                    message: format!(
                        "{} has no value for {}, and the application makes no account without it. Fill it in for this person, or map another property.",
                        subject.person.shown_name(),
                        row.scim
                    ),
                });
            }
            continue;
        }
        put(&mut out, &path, values)?;
    }
    for (name, value) in out.as_object_mut().into_iter().flatten() {
        if let Some(list) = value.as_array_mut().filter(|_| quirks.has_one_value(name)) {
            list.truncate(1);
        }
    }
    if quirks.username_equals_email {
        out["userName"] = json!(subject.person.email);
    }
    if resource::text(&out, &AttributePath::of("userName")).is_none_or(str::is_empty) {
        return Err(MapFault {
            code: "attribute_missing",
            message: "The mapping gives no userName. Add a row for it.".to_owned(),
        });
    }
    out["active"] = json!(true);
    Ok(out)
}

/// Puts values at a path. An e-mail address, number or address without a type is the one at work.
fn put(out: &mut Json, path: &AttributePath, values: Vec<String>) -> Result<(), MapFault> {
    let wrong = |error: crate::scim::error::ScimError| MapFault {
        code: "attribute_unusable",
        message: format!("{path}: {}", error.detail),
    };
    let is_several = path.known().is_some_and(|known| known.is_multi_valued);
    let typed = ["emails", "phoneNumbers", "addresses"]
        .iter()
        .any(|name| path.extension().is_none() && name.eq_ignore_ascii_case(&path.attribute));
    let mut path = path.clone();
    if typed && path.filter.is_none() {
        if path.sub.is_none() {
            path = path.with_sub("value");
        }
        path = path.filtered(Filter::equals("type", "work"));
    }
    let known = path.known_target();
    let value = match (values.as_slice(), is_several && path.sub.is_none(), known) {
        ([one], false, _) => json!(one),
        (several, false, None) => json!(several),
        (several, false, Some(_)) => json!(several.first()),
        (several, true, _) => Json::Array(several.iter().map(|text| json!({ "value": text })).collect()),
    };
    let value = resource::coerce(known, value).map_err(wrong)?;
    resource::set(out, &path, value);
    let is_email = path.attribute.eq_ignore_ascii_case("emails") && path.extension().is_none();
    if let Some(list) = out.get_mut("emails").and_then(Json::as_array_mut).filter(|_| is_email)
        && !list.iter().any(|email| email.get("primary").is_some())
        && let Some(first) = list.first_mut().and_then(Json::as_object_mut)
    {
        first.insert("primary".to_owned(), json!(true));
    }
    Ok(())
}
