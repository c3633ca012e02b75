//! The error of every operation: a kind, a stable code, a sentence for the person and, apart from it, what is
//! only for the log. It knows nothing of HTTP; `web` maps [`Kind`] to a status once, at the edge.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// `Result` with the house's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The bytes are not what they claim to be.
    Malformed,
    /// Nobody, or nobody any more.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// No such thing.
    NotFound,
    /// It contradicts what is stored.
    Conflict,
    /// It was here and is not any more.
    Gone,
    /// `If-Match` did not hold.
    PreconditionFailed,
    /// Larger than the limit.
    TooLarge,
    /// Well-formed, but a value can't be accepted; see the fields.
    Invalid,
    /// Too many; come back later.
    TooMany,
    /// Ours: a fault.
    Internal,
    /// Ours: not now.
    Unavailable,
    /// Ours: the disk is full.
    StorageFull,
}

/// One field that could not be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Name of the field, dotted for nested ones: `acs_urls.0.url`.
    pub field: String,
    /// Stable code.
    pub code: Cow<'static, str>,
    /// What is wrong and how it is right, for the person.
    pub message: String,
}

/// A failure. `Display` gives the public sentence; the internal cause is only in [`Error::internal`].
#[derive(Debug)]
pub struct Error {
    /// The sort of failure.
    pub kind: Kind,
    /// Stable code, the same in REST, events and pages.
    pub code: &'static str,
    /// Sentence for the person: what happened, then what to do.
    pub message: Cow<'static, str>,
    /// The fields at fault, for [`Kind::Invalid`].
    pub fields: Vec<FieldError>,
    /// Seconds to wait, for [`Kind::TooMany`] and [`Kind::Unavailable`].
    pub retry_after: Option<u32>,
    internal: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure with its code and public sentence.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code, message: message.into(), fields: Vec::new(), retry_after: None, internal: None }
    }

    /// No such thing: `what` is a noun, "application".
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("There is no such {what}. It may have been deleted."))
    }

    /// It contradicts what is stored.
    pub fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }

    /// The caller saw another version than the stored one (RFC 9110 13.1.1).
    pub fn changed_meanwhile() -> Self {
        Self::new(
            Kind::PreconditionFailed,
            "changed_meanwhile",
            "Someone else has changed this meanwhile. Load it again, then make your change.",
        )
    }

    /// The caller may not do this.
    pub fn forbidden(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, code, message)
    }

    /// One field can't be accepted.
    pub fn field(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), code: code.into(), message: message.into() }])
    }

    /// Several fields can't be accepted. The code of the whole is `invalid_input`, unless one of them has a code that
    /// programs act on whatever the field.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        const TELLING: [&str; 2] = ["unknown_field", "not_available"];
        let telling = TELLING.into_iter().find(|code| fields.iter().any(|field| field.code == *code));
        let message =
            fields.first().map_or_else(|| "A value can't be accepted.".to_owned(), |f| f.message.clone());
        Self { fields, ..Self::new(Kind::Invalid, telling.unwrap_or("invalid_input"), message) }
    }

    /// A fault of ours; the cause goes to the log, never to the person.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(
            Kind::Internal,
            "internal",
            "Something went wrong on our side. Try again; if it goes on, tell your administrator the reference.",
        )
        .because(cause)
    }

    /// The same failure under a code of its own.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// Adds the internal cause, for the log only.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.internal = Some(cause.into());
        self
    }

    /// Says how long to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same failure for one more who waited for it; the cause as text.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            kind: self.kind,
            code: self.code,
            message: self.message.clone(),
            fields: self.fields.clone(),
            retry_after: self.retry_after,
            internal: self.internal.as_ref().map(|cause| cause.to_string().into()),
        }
    }

    /// The cause for the log.
    pub fn internal_cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.internal.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.internal.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}
