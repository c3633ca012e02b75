//! Time as a parameter. Instants are Unix milliseconds everywhere: in memory, in both databases, on the wire of
//! the REST API as RFC 3339 and in SAML as `xs:dateTime` with `Z`.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One minute in milliseconds.
pub const MINUTE: i64 = 60_000;
/// One hour in milliseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day in milliseconds.
pub const DAY: i64 = 24 * HOUR;

/// An instant: Unix milliseconds, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant moved by `millis` (negative: earlier). Saturates.
    #[must_use]
    pub fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant (negative when it is later).
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-22T08:00:00Z`, whole seconds (SAML `xs:dateTime`, Core 1.3.3).
    #[must_use]
    pub fn to_xs_date_time(self) -> String {
        let seconds = self.0.div_euclid(1000);
        jiff::Timestamp::from_second(seconds)
            .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |t| t.to_string())
    }

    /// RFC 3339 with milliseconds where there are any: the form of the REST API.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |t| t.to_string())
    }

    /// Reads RFC 3339, any offset. `None` when it is not one.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        if text.len() > 40 {
            return None;
        }
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// Reads the date of a header field (RFC 9110 5.6.7). `None` when it is not one.
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        if text.len() > 40 {
            return None;
        }
        jiff::fmt::rfc2822::parse(text).ok().map(|zoned| Self(zoned.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("expected an RFC 3339 time"))
    }
}

/// Where the time comes from: the system, or a hand that tests turn.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// Stands still until it is set.
    Frozen(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self::Frozen(Arc::new(AtomicI64::new(at.0)))
    }

    /// The instant now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(jiff::Timestamp::now().as_millisecond()),
            Self::Frozen(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Milliseconds since some instant of this process, which no setting of the wall clock moves: only differences say
    /// anything.
    #[must_use]
    pub fn steady(&self) -> i64 {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX),
            Self::Frozen(at) => at.load(Ordering::SeqCst),
        }
    }

    /// Moves a frozen clock by `millis`; the system's clock is left alone.
    pub fn advance(&self, millis: i64) {
        if let Self::Frozen(at) = self {
            at.fetch_add(millis, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_saml_and_rest_want_them() {
        let t = Timestamp(1_795_334_400_123);
        assert_eq!(t.to_xs_date_time(), "2026-11-22T08:00:00Z");
        assert_eq!(t.to_rfc3339(), "2026-11-22T08:00:00.123Z");
        assert_eq!(Timestamp::parse_rfc3339("2026-11-22T09:00:00.123+01:00"), Some(t));
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
        assert_eq!(Timestamp::from_http_date("Sun, 22 Nov 2026 08:00:00 GMT"), Some(t.plus(-123)));
        assert_eq!(Timestamp::from_http_date("120"), None);
    }
}
