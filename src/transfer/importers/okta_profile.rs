//! What the names of Okta's profile of a person mean here.

use serde_json::Value as Json;

use super::draft::{Step, Value, custom};
use super::expression::{self, Expression};
use super::words::text;

/// What `user.userName` means in a template: the name by which the application knows the person.
pub(super) struct UserName {
    read: Option<(Value, Vec<Step>)>,
    is_said: bool,
}

impl UserName {
    /// What the application's settings say.
    pub(super) fn of(application: &Json) -> Self {
        let template = application.pointer("/credentials/userNameTemplate").unwrap_or(&Json::Null);
        let written = text(template, &["template"]).unwrap_or_default();
        if written.trim().is_empty() {
            return Self { read: Some((Value::source("username"), Vec::new())), is_said: false };
        }
        let suffix = text(template, &["suffix"])
            .or_else(|| text(template, &["userSuffix"]))
            .filter(|text| !text.is_empty());
        let read = match expression::parse(&written) {
            Some(Expression::Path(path, mut steps)) => profile(&path).map(|value| {
                steps.extend(suffix.map(Step::Suffix));
                (value, steps)
            }),
            _ => None,
        };
        Self { read, is_said: true }
    }

    /// Whether the export says it, or it is what is usual.
    pub(super) fn is_said(&self) -> bool {
        self.is_said
    }

    /// A path with its steps as a value with its steps.
    pub(super) fn value(&self, path: &str, steps: Vec<Step>) -> Option<(Value, Vec<Step>)> {
        if matches!(path, "user.userName" | "appuser.userName" | "source.userName") {
            let (value, mut first) = self.read.clone()?;
            first.extend(steps);
            return Some((value, first));
        }
        profile(path).map(|value| (value, steps))
    }
}

/// A path of Okta's profile as a property. `None`: of nothing that people have here.
pub(super) fn profile(path: &str) -> Option<Value> {
    let (owner, name) = path.split_once('.')?;
    if !matches!(owner, "user" | "source" | "appuser" | "idpuser") {
        return None;
    }
    let property = match name {
        "login" | "userName" => "username",
        "email" => "email",
        "firstName" | "givenName" => "first_name",
        "middleName" => "middle_name",
        "lastName" | "familyName" => "last_name",
        "displayName" => "display_name",
        "title" => "job_title",
        "department" => "department",
        "organization" => "company",
        "costCenter" => "cost_center",
        "employeeNumber" => "employee_identifier",
        "userType" => "employee_type",
        "preferredLanguage" => "preferred_language",
        "locale" => "locale",
        "timezone" => "timezone",
        "primaryPhone" => "phone_numbers.work",
        "mobilePhone" => "phone_numbers.mobile",
        "streetAddress" => "addresses.work.street_address",
        "city" => "addresses.work.locality",
        "state" => "addresses.work.region",
        "zipCode" => "addresses.work.postal_code",
        "countryCode" => "addresses.work.country",
        // These are made by Okta and mean nothing elsewhere.
        "id" | "status" | "created" | "lastLogin" => return None,
        other => return custom(other),
    };
    Some(Value::source(property))
}
