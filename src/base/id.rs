//! Ids: UUIDv7 (RFC 9562), stored and shown as lower-case hyphenated text. Each kind of thing has its own type,
//! so that a user's id can't be passed where a group's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::{Random, Timestamp};

/// Text that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id")
    }
}

impl std::error::Error for NotAnId {}

/// A fresh UUIDv7 of this instant.
#[must_use]
pub fn new_uuid(now: Timestamp, random: &Random) -> Uuid {
    let millis = u64::try_from(now.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes()).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id of this instant.
            #[must_use]
            pub fn generate(now: Timestamp, random: &Random) -> Self {
                Self(new_uuid(now, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // Only the hyphenated lower-case form: one id, one spelling.
                let id = Uuid::try_parse(text).map_err(|_| NotAnId)?;
                if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Err(NotAnId) }
            }
        }
    )+};
}

ids! {
    /// A person.
    UserId,
    /// A group of people.
    GroupId,
    /// A configured application.
    ApplicationId,
    /// A signing key with its certificate.
    KeyId,
    /// People being brought in from an application.
    ImportId,
    /// A signed-in session at Tessera.
    SessionId,
    /// An API token (its id, not its secret).
    TokenId,
    /// One event.
    EventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_have_one_spelling() {
        let id = UserId::generate(Timestamp(1_795_334_400_123), &Random::seeded(1));
        let text = id.to_string();
        assert_eq!(text.parse::<UserId>(), Ok(id));
        assert_eq!(&text[14..15], "7");
        assert_eq!(text.to_uppercase().parse::<UserId>(), Err(NotAnId));
        assert_eq!(text.replace('-', "").parse::<UserId>(), Err(NotAnId));
    }
}
