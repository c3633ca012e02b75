//! Puts a profile into its stored form and says, field by field, what can't be accepted.

use unicode_normalization::UnicodeNormalization as _;

use crate::base::FieldError;
use crate::base::id::UserId;
use crate::base::property::{Property, is_key};
use crate::directory::person::{Address, PhoneNumber, Profile};

/// Most characters of one value.
const MAX_TEXT: usize = 256;
/// Most characters of a custom value.
const MAX_CUSTOM: usize = 1024;
/// Most custom attributes.
const MAX_CUSTOM_KEYS: usize = 64;
/// Most telephone numbers, and most addresses.
const MAX_LIST: usize = 16;

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), code: code.into(), message: message.into() });
    }

    pub(super) fn take<T>(
        &mut self,
        field: &str,
        checked: Result<T, (&'static str, &'static str)>,
    ) -> Option<T> {
        checked.map_err(|(code, message)| self.add(field, code, message)).ok()
    }

    pub(super) fn finish(self) -> crate::base::Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(crate::base::Error::invalid(self.0)) }
    }
}

/// Whether a character may stand in a value: XML 1.0 can carry it, it is no control character, and it does
/// not turn the direction of the text around it.
fn is_usable(c: char) -> bool {
    !c.is_control()
        && !matches!(u32::from(c), 0xFFFE | 0xFFFF | 0x2028 | 0x2029 | 0x202A..=0x202E | 0x2066..=0x2069)
}

/// The text trimmed and in NFC; `None` when nothing is left.
pub(super) fn text(faults: &mut Faults, field: &str, value: &str, max: usize) -> Option<String> {
    let value: String = value.trim().nfc().collect();
    if value.chars().count() > max {
        faults.add(field, "too_long", format!("Too long. Use at most {max} characters."));
    } else if !value.chars().all(is_usable) {
        faults.add(field, "control_character", "Leave out control characters and line breaks.");
    }
    if value.is_empty() { None } else { Some(value) }
}

fn optional(faults: &mut Faults, field: &str, value: &mut Option<String>) {
    *value = value.take().and_then(|value| text(faults, field, &value, MAX_TEXT));
}

/// What a SCIM client calls a person or a group.
pub(super) fn external_id(faults: &mut Faults, value: Option<String>) -> Option<String> {
    value.and_then(|value| text(faults, "external_id", &value, MAX_TEXT))
}

/// Normalises the whole profile in place.
pub(super) fn profile(faults: &mut Faults, profile: &mut Profile) {
    for (property, value) in profile.texts_mut() {
        optional(faults, property.as_str(), value);
        let Some(value) = value else { continue };
        match property {
            Property::Locale | Property::PreferredLanguage if !is_language_tag(value) => {
                faults.add(property.as_str(), "language_shape", "Write a language tag like en or en-GB.");
            }
            Property::Timezone if !is_time_zone(value) => {
                faults.add("timezone", "timezone_shape", "Write an IANA time zone like Europe/Paris.");
            }
            Property::Manager if value.parse::<UserId>().is_err() => {
                faults.add("manager", "unknown_manager", "Give the id of a person.");
            }
            _ => {}
        }
    }
    phones(faults, &mut profile.phone_numbers);
    addresses(faults, &mut profile.addresses);
    if profile.custom.len() > MAX_CUSTOM_KEYS {
        faults.add("custom", "too_many", format!("Use at most {MAX_CUSTOM_KEYS} custom attributes."));
        return;
    }
    let custom = std::mem::take(&mut profile.custom);
    for (key, value) in custom {
        let field = format!("custom.{key}");
        if !is_key(&key) {
            faults.add(&field, "key_shape", "Name a custom attribute with 1 to 64 letters, digits, _ and -.");
        }
        if let Some(value) = text(faults, &field, &value, MAX_CUSTOM) {
            profile.custom.insert(key, value);
        }
    }
}

fn phones(faults: &mut Faults, list: &mut [PhoneNumber]) {
    types(faults, "phone_numbers", list.iter().map(|phone| phone.kind.as_str()));
    for (index, phone) in list.iter_mut().take(MAX_LIST).enumerate() {
        let field = format!("phone_numbers.{index}.value");
        match text(faults, &field, &phone.value, 64) {
            Some(value) => phone.value = value,
            None => faults.add(field, "required", "Give a number, or leave the entry out."),
        }
    }
}

fn addresses(faults: &mut Faults, list: &mut [Address]) {
    types(faults, "addresses", list.iter().map(|address| address.kind.as_str()));
    for (index, address) in list.iter_mut().take(MAX_LIST).enumerate() {
        let field = |part: &str| format!("addresses.{index}.{part}");
        optional(faults, &field("street_address"), &mut address.street_address);
        optional(faults, &field("locality"), &mut address.locality);
        optional(faults, &field("region"), &mut address.region);
        optional(faults, &field("postal_code"), &mut address.postal_code);
        optional(faults, &field("country"), &mut address.country);
    }
}

fn types<'a>(faults: &mut Faults, list: &str, kinds: impl ExactSizeIterator<Item = &'a str>) {
    if kinds.len() > MAX_LIST {
        faults.add(list, "too_many", format!("Use at most {MAX_LIST} entries."));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, kind) in kinds.enumerate().take(MAX_LIST) {
        let field = format!("{list}.{index}.type");
        if !is_key(kind) {
            faults.add(field, "key_shape", "Name the type with 1 to 64 letters, digits, _ and -: work.");
        } else if !seen.insert(kind) {
            faults.add(field, "duplicate_type", "There is one entry for each type.");
        }
    }
}

/// The shape of a BCP 47 tag (RFC 5646 2.1): letters, then short parts.
fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_time_zone(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.split('/').count() <= 3
        && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: serde_json::Value) -> Vec<String> {
        let mut faults = Faults::default();
        let mut value: Profile = serde_json::from_value(json).unwrap();
        profile(&mut faults, &mut value);
        faults.0.into_iter().map(|fault| format!("{}:{}", fault.field, fault.code)).collect()
    }

    #[test]
    fn a_11_values_xml_can_not_carry_are_refused_by_field() {
        for bad in ["a\u{0}", "a\u{8}b", "a\u{FFFE}", "a\u{202E}b", "a\nb"] {
            assert_eq!(
                codes(serde_json::json!({"first_name": bad})),
                ["first_name:control_character"],
                "{bad:?}"
            );
        }
        assert!(codes(serde_json::json!({"first_name": "Zoë 🦉", "last_name": "  "})).is_empty());
    }

    #[test]
    fn shapes_are_checked() {
        let faulty = serde_json::json!({
            "locale": "english please", "timezone": "Mars/Olympus Mons", "manager": "bob",
            "phone_numbers": [{"type": "work", "value": "1"}, {"type": "work", "value": ""}],
            "addresses": [{"type": "at home"}], "custom": {"a.b": "1"},
        });
        assert_eq!(
            codes(faulty),
            [
                "manager:unknown_manager",
                "locale:language_shape",
                "timezone:timezone_shape",
                "phone_numbers.1.type:duplicate_type",
                "phone_numbers.1.value:required",
                "addresses.0.type:key_shape",
                "custom.a.b:key_shape",
            ]
        );
        let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("k{n}"), "v".into())).collect();
        assert_eq!(codes(serde_json::json!({"custom": many})), ["custom:too_many"]);
        assert!(
            codes(serde_json::json!({"locale": "de_CH", "timezone": "America/Argentina/Ushuaia"})).is_empty()
        );
    }
}
