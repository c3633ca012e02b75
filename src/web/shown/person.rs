//! People on pages: initials, states, facts, sessions.

use crate::auth::{Role, SessionSummary};
use crate::base::Timestamp;
use crate::base::id::SessionId;
use crate::base::property::Property;
use crate::directory::{Person, PersonState, value_of};
use crate::web::pages::account::SessionRow;
use crate::web::pages::parts::{Fact, Facts, Status, Tone};
use crate::web::shown::{device, time};

/// One or two letters for the round token: "Livia Ferrante" gives "LF".
#[must_use]
pub fn initials(name: &str) -> String {
    let mut words =
        name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let (first, last) = (words.next(), words.next_back());
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).take(2).collect();
    if letters.is_empty() { "·".to_owned() } else { letters }
}

/// Active, staged, suspended.
#[must_use]
pub fn state(state: PersonState) -> Status {
    match state {
        PersonState::Active => Status::new(Tone::Ok, "Active"),
        PersonState::Staged => Status::new(Tone::Draft, "Staged"),
        PersonState::Suspended => Status::new(Tone::Off, "Suspended"),
    }
}

/// "Owner"; empty for none.
#[must_use]
pub fn role(role: Option<Role>) -> String {
    role.map_or_else(String::new, |role| role.label().to_owned())
}

/// Every property that has a value. `manager` is the manager's name, which the profile only has the id of.
#[must_use]
pub fn facts(person: &Person, manager: Option<&str>) -> Facts {
    let mut facts = Vec::new();
    for property in Property::ALL {
        let value = match property {
            Property::Manager => manager.map(str::to_owned),
            Property::DisplayName => None,
            _ => value_of(person, &crate::base::property::Source::Property(*property)),
        };
        if let Some(value) = value {
            let mono = matches!(property, Property::Username | Property::EmployeeIdentifier);
            facts.push(if mono {
                Fact::mono(property.label(), value)
            } else {
                Fact::new(property.label(), value)
            });
        }
    }
    if let Some(external) = &person.external_id {
        facts.push(Fact::mono("External ID", external.as_str()));
    }
    for phone in &person.profile.phone_numbers {
        facts.push(Fact::new(format!("Phone, {}", phone.kind), phone.value.as_str()));
    }
    for address in &person.profile.addresses {
        let parts = ["street_address", "postal_code", "locality", "region", "country"];
        let value: Vec<&str> = parts.iter().filter_map(|part| address.part(part)).collect();
        facts.push(Fact::new(format!("Address, {}", address.kind), value.join(", ")));
    }
    for (name, value) in &person.profile.custom {
        facts.push(Fact::new(name.as_str(), value.as_str()));
    }
    Facts { facts }
}

/// The rows of a list of sessions, the current one first. `end_action` says where ending one posts.
pub fn sessions(
    sessions: &[SessionSummary],
    current: Option<SessionId>,
    now: Timestamp,
    end_action: impl Fn(SessionId) -> String,
) -> Vec<SessionRow> {
    let mut rows: Vec<SessionRow> = sessions
        .iter()
        .map(|session| SessionRow {
            device: device::device(session.user_agent.as_deref()),
            phone: device::is_phone(session.user_agent.as_deref()),
            how: if session.remembered {
                "Signed in with a password, kept signed in".to_owned()
            } else {
                "Signed in with a password".to_owned()
            },
            address: session.source.clone().unwrap_or_default(),
            seen: time::when(session.last_seen_at, now),
            current: Some(session.id) == current,
            end_action: end_action(session.id),
        })
        .collect();
    rows.sort_by_key(|row| !row.current);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_first_and_last() {
        for (name, expected) in [
            ("Livia Ferrante", "LF"),
            ("ada", "A"),
            ("Jan van der Berg", "JB"),
            ("  ", "·"),
            ("(x) <script>", "XS"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
