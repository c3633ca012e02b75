//! What is known of a person, in the three shapes it takes: as stored and shown, as asked for, and as a patch.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::base::Timestamp;
use crate::base::id::UserId;
use crate::base::property::{Property, Source};

/// Where a person stands: only active people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersonState {
    /// Known, not yet let in.
    Staged,
    /// May sign in.
    Active,
    /// Kept out until activated again.
    Suspended,
}

impl PersonState {
    /// The stored text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for PersonState {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "staged" => Ok(Self::Staged),
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            _ => Err(()),
        }
    }
}

/// A telephone number of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneNumber {
    /// `work`, `mobile` …: one number for each type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The number, as the company writes it.
    pub value: String,
}

/// A postal address of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// `work`, `home` …: one address for each type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    /// Town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// State or county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Address {
    /// A part by its name in [`crate::base::property::ADDRESS_PARTS`].
    #[must_use]
    pub fn part(&self, part: &str) -> Option<&str> {
        match part {
            "street_address" => self.street_address.as_deref(),
            "locality" => self.locality.as_deref(),
            "region" => self.region.as_deref(),
            "postal_code" => self.postal_code.as_deref(),
            "country" => self.country.as_deref(),
            _ => None,
        }
    }
}

/// Tells a field that is `null` (cleared) from one that is absent (kept), as RFC 7396 has it.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

macro_rules! profile {
    ($($(#[doc = $doc:literal])+ $name:ident = $property:ident;)+) => {
        /// Everything about a person but username and e-mail. `None` is "not known".
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        pub struct Profile {
            $($(#[doc = $doc])+ #[serde(default)] pub $name: Option<String>,)+
            /// Telephone numbers by type.
            #[serde(default)]
            pub phone_numbers: Vec<PhoneNumber>,
            /// Postal addresses by type.
            #[serde(default)]
            pub addresses: Vec<Address>,
            /// Custom attributes.
            #[serde(default)]
            pub custom: BTreeMap<String, String>,
        }

        /// A person to be created.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct NewPerson {
            /// 1 to 128 letters, digits and `._%+@-`.
            pub username: String,
            /// Address.
            pub email: String,
            $($(#[doc = $doc])+ #[serde(default)] pub $name: Option<String>,)+
            /// Telephone numbers by type.
            #[serde(default)]
            pub phone_numbers: Vec<PhoneNumber>,
            /// Postal addresses by type.
            #[serde(default)]
            pub addresses: Vec<Address>,
            /// Custom attributes.
            #[serde(default)]
            pub custom: BTreeMap<String, String>,
            /// Take a username or e-mail that someone else gave up less than 90 days ago.
            #[serde(default)]
            pub reuse: bool,
        }

        /// Changes to a person (RFC 7396): what is absent stays, `null` clears, lists replace.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct PersonPatch {
            /// 1 to 128 letters, digits and `._%+@-`.
            #[serde(default, deserialize_with = "present")]
            pub username: Option<String>,
            /// Address.
            #[serde(default, deserialize_with = "present")]
            pub email: Option<String>,
            $($(#[doc = $doc])+ #[serde(default, deserialize_with = "present")] pub $name: Option<Option<String>>,)+
            /// Telephone numbers by type: the whole list.
            #[serde(default, deserialize_with = "present")]
            pub phone_numbers: Option<Option<Vec<PhoneNumber>>>,
            /// Postal addresses by type: the whole list.
            #[serde(default, deserialize_with = "present")]
            pub addresses: Option<Option<Vec<Address>>>,
            /// Custom attributes, merged; `null` for one removes it.
            #[serde(default, deserialize_with = "present")]
            pub custom: Option<Option<BTreeMap<String, Option<String>>>>,
            /// Whether inbound SCIM may change the person.
            #[serde(default, deserialize_with = "present")]
            pub scim_managed: Option<bool>,
            /// Take a username or e-mail that someone else gave up less than 90 days ago.
            #[serde(default)]
            pub reuse: bool,
        }

        impl Profile {
            /// The text properties by name.
            pub(in crate::directory) fn texts_mut(&mut self) -> Vec<(Property, &mut Option<String>)> {
                vec![$((Property::$property, &mut self.$name)),+]
            }

            fn text(&self, property: Property) -> Option<&str> {
                match property {
                    $(Property::$property => self.$name.as_deref(),)+
                    Property::Username | Property::Email => None,
                }
            }
        }

        impl NewPerson {
            /// The part that is neither username nor e-mail.
            pub(in crate::directory) fn into_profile(self) -> Profile {
                Profile {
                    $($name: self.$name,)+
                    phone_numbers: self.phone_numbers,
                    addresses: self.addresses,
                    custom: self.custom,
                }
            }
        }

        impl PersonPatch {
            /// Merges the patch into a profile.
            pub(in crate::directory) fn apply(self, profile: &mut Profile) {
                $(if let Some(value) = self.$name { profile.$name = value; })+
                if let Some(list) = self.phone_numbers { profile.phone_numbers = list.unwrap_or_default(); }
                if let Some(list) = self.addresses { profile.addresses = list.unwrap_or_default(); }
                match self.custom {
                    None => {}
                    Some(None) => profile.custom.clear(),
                    Some(Some(changes)) => {
                        for (key, value) in changes {
                            match value {
                                Some(value) => { profile.custom.insert(key, value); }
                                None => { profile.custom.remove(&key); }
                            }
                        }
                    }
                }
            }
        }
    };
}

profile! {
    /// Given name.
    first_name = FirstName;
    /// Middle name.
    middle_name = MiddleName;
    /// Family name.
    last_name = LastName;
    /// How the person is shown; derived from the names when empty.
    display_name = DisplayName;
    /// The company's own number for the person.
    employee_identifier = EmployeeIdentifier;
    /// Employee, contractor …
    employee_type = EmployeeType;
    /// What they do.
    job_title = JobTitle;
    /// Where they do it, in the organisation.
    department = Department;
    /// Company.
    company = Company;
    /// Cost centre.
    cost_center = CostCenter;
    /// Where they do it, on the map.
    location = Location;
    /// Id of the user who is their manager.
    manager = Manager;
    /// `en-GB`, for formats.
    locale = Locale;
    /// `en`, for texts.
    preferred_language = PreferredLanguage;
    /// IANA name of the time zone.
    timezone = Timezone;
}

/// What SCIM clients said of a person's address beside the address itself: Tessera has one of each person, and these
/// are told back to whoever said them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailMarks {
    /// `work`, `home` …
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is the preferred one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// A person as stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// The id, never reused.
    #[schema(value_type = String)]
    pub id: UserId,
    /// Sign-in name.
    pub username: String,
    /// Address.
    pub email: String,
    /// Everything else that is known.
    #[serde(flatten)]
    pub profile: Profile,
    /// Where the person stands.
    pub state: PersonState,
    /// Whether inbound SCIM may change the person, as long as they have no role.
    pub scim_managed: bool,
    /// What the SCIM client that manages the person calls them.
    pub external_id: Option<String>,
    /// What that client said of the address.
    #[serde(skip)]
    pub email_marks: EmailMarks,
    /// Raised by each change; the `ETag`.
    pub version: i64,
    /// When the person was created.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When the person was last changed.
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
}

impl Person {
    /// How the person is shown: the display name, else first and last name, else the username.
    #[must_use]
    pub fn shown_name(&self) -> String {
        shown_name(&self.username, &self.profile)
    }
}

pub(in crate::directory) fn shown_name(username: &str, profile: &Profile) -> String {
    if let Some(name) = &profile.display_name {
        return name.clone();
    }
    let parts: Vec<&str> =
        [&profile.first_name, &profile.last_name].into_iter().filter_map(|part| part.as_deref()).collect();
    if parts.is_empty() { username.to_owned() } else { parts.join(" ") }
}

/// The value a mapping source has for this person; `None` when it is not known.
#[must_use]
pub fn value_of(person: &Person, source: &Source) -> Option<String> {
    let profile = &person.profile;
    match source {
        Source::Property(Property::Username) => Some(person.username.clone()),
        Source::Property(Property::Email) => Some(person.email.clone()),
        Source::Property(Property::DisplayName) => Some(person.shown_name()),
        Source::Property(property) => profile.text(*property).map(str::to_owned),
        Source::Phone(kind) => {
            profile.phone_numbers.iter().find(|phone| phone.kind == *kind).map(|phone| phone.value.clone())
        }
        Source::Address(kind, part) => profile
            .addresses
            .iter()
            .find(|address| address.kind == *kind)
            .and_then(|address| address.part(part))
            .map(str::to_owned),
        Source::Custom(key) => profile.custom.get(key).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        let new: NewPerson = serde_json::from_value(serde_json::json!({
            "username": "ada", "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace",
            "phone_numbers": [{"type": "work", "value": "+44 1"}],
            "addresses": [{"type": "home", "locality": "London"}], "custom": {"badge": "7"},
        }))
        .unwrap();
        Person {
            id: "01890000-0000-7000-8000-000000000000".parse().unwrap(),
            username: new.username.clone(),
            email: new.email.clone(),
            profile: new.into_profile(),
            state: PersonState::Active,
            scim_managed: false,
            external_id: None,
            email_marks: EmailMarks::default(),
            version: 1,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn every_kind_of_source_has_its_value() {
        let person = person();
        for (source, value) in [
            ("username", Some("ada")),
            ("display_name", Some("Ada Lovelace")),
            ("phone_numbers.work", Some("+44 1")),
            ("phone_numbers.home", None),
            ("addresses.home.locality", Some("London")),
            ("addresses.home.country", None),
            ("custom.badge", Some("7")),
            ("department", None),
        ] {
            assert_eq!(value_of(&person, &source.parse().unwrap()).as_deref(), value, "{source}");
        }
    }

    #[test]
    fn patch_keeps_the_absent_and_clears_the_null() {
        let mut profile = person().profile;
        let patch: PersonPatch = serde_json::from_value(serde_json::json!({
            "last_name": null, "department": "Sales", "phone_numbers": null, "custom": {"badge": null, "desk": "4"},
        }))
        .unwrap();
        patch.apply(&mut profile);
        assert_eq!(profile.first_name.as_deref(), Some("Ada"));
        assert_eq!((profile.last_name, profile.department.as_deref()), (None, Some("Sales")));
        assert!(profile.phone_numbers.is_empty());
        assert_eq!(profile.custom, BTreeMap::from([("desk".to_owned(), "4".to_owned())]));
    }

    #[test]
    fn a_38_read_only_fields_are_refused() {
        for field in ["id", "state", "version", "created_at", "role", "password_hash", "email_verified"] {
            let body = serde_json::json!({"username": "a", "email": "a@example.com", field: "x"});
            assert!(serde_json::from_value::<NewPerson>(body.clone()).is_err(), "{field}");
            assert!(serde_json::from_value::<PersonPatch>(body).is_err(), "{field}");
        }
    }
}
