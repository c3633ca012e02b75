//! Reading what callers send: JSON bodies, documents, queries and ids, each with its own refusal. Unknown fields are
//! refused by name, never ignored (A-38).

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::base::id::{ApplicationId, GroupId, ImportId, KeyId, TokenId, UserId};
use crate::base::paging::PageRequest;
use crate::base::{Error, FieldError, Kind, Timestamp};
use crate::web::error::Failure;
use crate::web::extract::body::read;
use crate::web::state::Shared;

/// A JSON body, and the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Input<T>(pub T, pub Bytes);

impl<T: DeserializeOwned> FromRequest<Shared> for Input<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Failure> {
        require_type(
            request.headers(),
            "application/json",
            &["application/json", "application/merge-patch+json"],
        )?;
        let bytes = read(request).await?;
        Ok(Self(object(&bytes)?, bytes))
    }
}

/// The media type of a request, in lower case and without parameters; empty when there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body of another type than these (415); `expected` names them.
pub fn require_type(headers: &HeaderMap, expected: &'static str, accepted: &[&str]) -> Result<(), Failure> {
    if accepted.contains(&media_type(headers).as_str()) {
        return Ok(());
    }
    Err(Failure::wrong_media_type(expected))
}

/// Reads JSON: 400 when it is none, 422 with the field when it says something that can't be.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() { refusal(&path, &inner.to_string()) } else { malformed(&inner) }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Reads an object. A list would be read as the fields of one, in their order.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::field("body", "wrong_type", "Write an object, with the names of the fields."));
    }
    parse(bytes)
}

/// Reads a body that may be left out.
pub fn optional<T: Default + DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if bytes.is_empty() { Ok(T::default()) } else { object(bytes) }
}

fn malformed(error: &serde_json::Error) -> Error {
    let message = if error.line() == 0 {
        "The body is not JSON.".to_owned()
    } else {
        format!("The body is not JSON: it goes wrong at line {}, column {}.", error.line(), error.column())
    };
    Error::new(Kind::Malformed, "malformed_json", message)
}

/// The text between the first pair of back-ticks.
fn quoted(message: &str) -> &str {
    message.split('`').nth(1).unwrap_or_default()
}

/// Turns serde's message into the field at fault.
fn refusal(path: &str, message: &str) -> Error {
    let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    let path = if path == "." { "" } else { path };
    let inside = |name: &str| match path {
        "" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    };
    let expected =
        || message.rsplit_once("expected ").map_or("another value", |(_, what)| what).replace('`', "");
    let (field, code, sentence) = if message.starts_with("unknown field") {
        let name = quoted(message);
        let sentence = format!("There is no field {name} here, or it can't be written.");
        (inside(name), "unknown_field", sentence)
    } else if message.starts_with("missing field") {
        (inside(quoted(message)), "required", format!("Give {}.", quoted(message)))
    } else if message.starts_with("duplicate field") {
        (inside(quoted(message)), "duplicate_field", format!("Give {} once.", quoted(message)))
    } else if message.starts_with("unknown variant") {
        (path.to_owned(), "unknown_value", format!("Write {}.", expected()))
    } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
        // An object is named after our own type of it.
        let is_object = expected().starts_with("struct ");
        let field = if path.is_empty() { "body" } else { path };
        let what = if is_object { "an object, with the names of the fields".to_owned() } else { expected() };
        (field.to_owned(), "wrong_type", format!("Write {what}."))
    } else {
        (path.to_owned(), "invalid_value", sentence_case(message))
    };
    Error::invalid(vec![FieldError { field, code: code.into(), message: sentence }])
}

fn sentence_case(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// A query string: each parameter at most once, unknown ones refused.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut map = Map::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if map.insert(name.to_string(), Json::String(value.into_owned())).is_some() {
                return Err(Error::field(name, "duplicate_field", "Give this parameter once.").into());
            }
        }
        let value = serde_path_to_error::deserialize(Json::Object(map)).map_err(|error| {
            let path = error.path().to_string();
            refusal(&path, &error.into_inner().to_string())
        })?;
        Ok(Self(value))
    }
}

/// The page that `limit` and `cursor` ask for.
pub fn page(limit: Option<&str>, cursor: Option<&str>) -> Result<PageRequest, Error> {
    let limit = limit.map(|text| {
        text.parse().map_err(|_| Error::field("limit", "wrong_type", "Write a whole number from 1 to 200."))
    });
    PageRequest::parse(limit.transpose()?, cursor)
}

/// A parameter of a closed list, or none.
pub fn choice<T: FromStr>(field: &'static str, text: Option<&str>, known: &str) -> Result<Option<T>, Error> {
    let parsed = text.map(|text| {
        text.parse().map_err(|_| Error::field(field, "unknown_value", format!("Write one of {known}.")))
    });
    parsed.transpose()
}

/// An instant, or none.
pub fn instant(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let parsed = text.map(|text| {
        Timestamp::parse_rfc3339(text)
            .ok_or_else(|| Error::field(field, "wrong_type", "Write a time such as 2026-11-22T08:00:00Z."))
    });
    parsed.transpose()
}

/// `true`, `false` or none.
pub fn switch(field: &'static str, text: Option<&str>) -> Result<bool, Error> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::field(field, "wrong_type", "Write true or false.")),
    }
}

/// Ids that stand in paths, with the noun for "there is no such …".
pub trait PathId: FromStr {
    /// The noun.
    const NOUN: &'static str;
}

macro_rules! path_ids {
    ($($type:ty = $noun:literal),+) => { $(impl PathId for $type { const NOUN: &'static str = $noun; })+ };
}
path_ids!(
    ApplicationId = "application",
    UserId = "person",
    GroupId = "group",
    TokenId = "token",
    KeyId = "key",
    ImportId = "import",
    crate::signon::recorder::Reference = "exchange"
);

fn id<T: PathId>(text: &str) -> Result<T, Failure> {
    // What is no id is the id of nothing.
    text.parse().map_err(|_| Error::not_found(T::NOUN).into())
}

/// The one id of a path.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

impl<T: PathId, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Failure::no_such_page())?;
        Ok(Self(id(&text)?))
    }
}

/// The two ids of a path.
#[derive(Clone, Copy, Debug)]
pub struct Ids<A, B>(pub A, pub B);

impl<A: PathId, B: PathId, S: Send + Sync> FromRequestParts<S> for Ids<A, B> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path((a, b)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| Failure::no_such_page())?;
        Ok(Self(id(&a)?, id(&b)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{NewPerson, PersonState};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read from JSON")]
    struct Sample {
        name: String,
        state: Option<PersonState>,
        count: Option<u32>,
        people: Option<Vec<NewPerson>>,
    }

    fn fault(text: &str) -> (String, String) {
        let error = parse::<Sample>(text.as_bytes()).unwrap_err();
        match error.fields.first() {
            Some(field) => (field.field.clone(), field.code.to_string()),
            None => (String::new(), error.code.to_owned()),
        }
    }

    #[test]
    fn each_fault_of_a_body_names_its_field() {
        for (text, field, code) in [
            ("{", "", "malformed_json"),
            (r#"{"name": "a"} x"#, "", "malformed_json"),
            ("", "", "malformed_json"),
            ("{}", "name", "required"),
            (r#"{"name": "a", "role": "owner"}"#, "role", "unknown_field"),
            (r#"{"name": "a", "state": "gone"}"#, "state", "unknown_value"),
            (r#"{"name": "a", "count": "1"}"#, "count", "wrong_type"),
            (r#"{"name": "a", "name": "b"}"#, "name", "duplicate_field"),
            (r#"{"name": 1}"#, "name", "wrong_type"),
            ("\"name\"", "body", "wrong_type"),
            (
                r#"{"name": "a", "people": [{"username": "u", "email": "e", "id": 1}]}"#,
                "people[0].id",
                "unknown_field",
            ),
        ] {
            assert_eq!(fault(text), (field.to_owned(), code.to_owned()), "{text}");
        }
    }
}
