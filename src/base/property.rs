//! The properties of a person: one closed list of names for REST, mapping sources, CSV and the console
//! (`docs/` shows them; names are JumpCloud's, in snake case).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $label:literal;)+) => {
        /// A single-valued text property of a person.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Property {
            $($(#[$doc])* $name),+
        }

        impl Property {
            /// All of them, in the order of the forms.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name used everywhere outside the code.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The label of the form field.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label),+ }
            }
        }
    };
}

properties! {
    /// Sign-in name, unique.
    Username = "username", "Username";
    /// Address, unique.
    Email = "email", "E-mail";
    /// Given name.
    FirstName = "first_name", "First name";
    /// Middle name.
    MiddleName = "middle_name", "Middle name";
    /// Family name.
    LastName = "last_name", "Last name";
    /// How the person is shown; derived from the names when empty.
    DisplayName = "display_name", "Display name";
    /// The company's own number for the person.
    EmployeeIdentifier = "employee_identifier", "Employee ID";
    /// Employee, contractor ...
    EmployeeType = "employee_type", "Employee type";
    /// What they do.
    JobTitle = "job_title", "Job title";
    /// Where they do it, in the organisation.
    Department = "department", "Department";
    /// Company.
    Company = "company", "Company";
    /// Cost centre.
    CostCenter = "cost_center", "Cost centre";
    /// Where they do it, on the map.
    Location = "location", "Location";
    /// Id of the user who is their manager.
    Manager = "manager", "Manager";
    /// `en-GB`, for formats.
    Locale = "locale", "Locale";
    /// `en`, for texts.
    PreferredLanguage = "preferred_language", "Preferred language";
    /// IANA name.
    Timezone = "timezone", "Time zone";
}

impl FromStr for Property {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|property| property.as_str() == text).ok_or(())
    }
}

/// Parts of a postal address.
pub const ADDRESS_PARTS: &[&str] = &["street_address", "locality", "region", "postal_code", "country"];

/// Where a mapping takes its value from: a property, a typed phone number, a part of a typed address, or a
/// custom attribute. Written `first_name`, `phone_numbers.work`, `addresses.work.locality`, `custom.badge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A property.
    Property(Property),
    /// The phone number of this type.
    Phone(String),
    /// This part of the address of this type.
    Address(String, &'static str),
    /// The custom attribute of this name.
    Custom(String),
}

/// A token of a type or custom name: 1 to 64 letters, digits, `_` and `-`.
#[must_use]
pub fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl FromStr for Source {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(property) = text.parse() {
            return Ok(Self::Property(property));
        }
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            ["phone_numbers", kind] if is_key(kind) => Ok(Self::Phone((*kind).to_owned())),
            ["addresses", kind, part] if is_key(kind) => {
                let part = ADDRESS_PARTS.iter().find(|known| *known == part).ok_or(())?;
                Ok(Self::Address((*kind).to_owned(), part))
            }
            ["custom", key] if is_key(key) => Ok(Self::Custom((*key).to_owned())),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property(property) => f.write_str(property.as_str()),
            Self::Phone(kind) => write!(f, "phone_numbers.{kind}"),
            Self::Address(kind, part) => write!(f, "addresses.{kind}.{part}"),
            Self::Custom(key) => write!(f, "custom.{key}"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| {
            serde::de::Error::custom(format!(
                "unknown property {text:?}: use a property such as email, phone_numbers.work, \
                 addresses.work.locality or custom.name"
            ))
        })
    }
}

impl schemars::JsonSchema for Source {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PropertySource".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Property::ALL.iter().map(|p| p.as_str()).collect();
        schemars::json_schema!({
            "type": "string",
            "anyOf": [
                { "enum": names },
                { "pattern": "^phone_numbers\\.[A-Za-z0-9_-]+$" },
                { "pattern": "^addresses\\.[A-Za-z0-9_-]+\\.(street_address|locality|region|postal_code|country)$" },
                { "pattern": "^custom\\.[A-Za-z0-9_-]+$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_read_and_print_the_same() {
        for text in
            ["email", "first_name", "phone_numbers.work", "addresses.home.postal_code", "custom.badge"]
        {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "firstname",
            "phone_numbers",
            "addresses.home",
            "addresses.home.planet",
            "custom.",
            "custom.a.b",
        ] {
            assert_eq!(text.parse::<Source>(), Err(()), "{text}");
        }
    }
}
