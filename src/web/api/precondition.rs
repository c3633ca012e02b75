//! `If-Match`: a change is refused when the caller saw another version (RFC 9110 13.1.1).

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::base::{Error, Kind};
use crate::web::error::Failure;

/// What `If-Match` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing, or `*`: any version.
    #[default]
    Any,
    /// This tag, without its quotes.
    Tag(String),
    /// A weak tag: in a strong comparison it matches nothing (RFC 9110, 8.8.3.2).
    Weak,
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if parts.headers.contains_key(header::IF_MATCH) {
                Err(unreadable())
            } else {
                Ok(Self::Any)
            };
        };
        let text = value.to_str().map_err(|_| unreadable())?.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        let opaque = text.strip_prefix("W/").unwrap_or(text);
        let tag = opaque.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        match tag.filter(|tag| !tag.contains('"')) {
            Some(_) if opaque.len() < text.len() => Ok(Self::Weak),
            Some(tag) => Ok(Self::Tag(tag.to_owned())),
            None => Err(unreadable()),
        }
    }
}

fn unreadable() -> Failure {
    Error::new(
        Kind::Malformed,
        "if_match_unreadable",
        "If-Match can't be read. Give the one ETag that you were given, quotes and all.",
    )
    .into()
}

impl IfMatch {
    /// The version asked for; a tag that is none matches nothing.
    pub fn version(&self) -> Result<Option<i64>, Error> {
        match self {
            Self::Any => Ok(None),
            Self::Tag(tag) => tag.parse().map(Some).map_err(|_| Error::changed_meanwhile()),
            Self::Weak => Err(Error::changed_meanwhile()),
        }
    }

    /// For what has no version: a tag matches nothing.
    pub fn unversioned(&self) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::Tag(_) | Self::Weak => Err(Error::changed_meanwhile()),
        }
    }

    /// Refuses unless `current` is the version that was seen.
    pub fn check(&self, current: &str) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::Tag(tag) if tag == current => Ok(()),
            Self::Tag(_) | Self::Weak => Err(Error::changed_meanwhile()),
        }
    }
}
