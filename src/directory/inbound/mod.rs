//! Inbound SCIM: what another directory, or a personnel system, does to people and groups here. It changes only those
//! that it created or that an administrator gave to it, and never anyone with a role (decision 35); whoever reads, reads
//! all.
//!
//! It must not know HTTP, tokens or passwords; nothing but a profile, names, whether somebody is active and who is in a
//! group comes in here. Start with [`users`] and [`groups`]; [`schema`] says what there is.

pub mod groups;
mod list;
mod members;
pub mod schema;
mod user;
pub mod users;

use crate::base::Error;
use crate::base::id::UserId;
use crate::db::Tx;
use crate::directory::person::Person;
use crate::directory::store::inbound as store;
use crate::scim::resource::member;
use crate::scim::{ErrorKind, ScimError};
use serde_json::Value;

pub use list::{Asked, Listed};

/// Most members that one answer, or one group that is searched by its members, may have.
pub const MAX_MEMBERS: usize = 50_000;
/// Most people, or groups, that one search goes through one by one.
pub const MAX_SEARCHED: usize = 20_000;

/// Why something is not done: by a rule of the house, or by one of the standard.
#[derive(Debug)]
pub enum Refusal {
    /// A rule of the house, or a fault of ours.
    House(Error),
    /// A rule of the standard.
    Scim(ScimError),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::House(error)
    }
}

impl From<ScimError> for Refusal {
    fn from(error: ScimError) -> Self {
        Self::Scim(error)
    }
}

/// What came of an operation.
pub type Outcome<T> = Result<T, Refusal>;

/// The versions that a caller saw, by the tags in `If-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// It does not say, or any will do.
    #[default]
    Any,
    /// One of these.
    Tags(Vec<String>),
}

impl Seen {
    /// Refuses when the caller saw another version than the stored one.
    fn check(&self, stored: &str) -> Result<(), Error> {
        match self {
            Self::Tags(tags) if tags.iter().all(|tag| tag != stored) => Err(Error::changed_meanwhile()),
            Self::Any | Self::Tags(_) => Ok(()),
        }
    }
}

fn invalid_value(detail: impl Into<String>) -> ScimError {
    ScimError::new(400, ErrorKind::InvalidValue, detail)
}

/// Refuses a resource that says it is another one. One that does not say is taken for what its address says.
fn check_schemas(urn: &str, sent: &Value) -> Result<(), ScimError> {
    let is_ours = |named: &Value| named.as_str().is_some_and(|named| named.eq_ignore_ascii_case(urn));
    match member(sent, "schemas") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(named)) if named.iter().any(is_ours) => Ok(()),
        Some(_) => Err(ScimError::new(400, ErrorKind::InvalidSyntax, format!("schemas must name {urn}."))),
    }
}

/// The refusal of whoever is not inbound SCIM's to change.
fn protected_person() -> Error {
    Error::forbidden(
        "protected_person",
        "This person has a role here, or is not managed by SCIM. An owner can give people without a role to SCIM, on \
         their page in the console.",
    )
}

/// Refuses unless inbound SCIM may change the person, who is held.
async fn require_managed(tx: &mut Tx, person: &Person) -> Result<(), Error> {
    let role = store::role_of(tx, person.id).await?;
    if person.scim_managed && role.is_none() { Ok(()) } else { Err(protected_person()) }
}

/// The id in a text; what is no id is the id of nobody.
fn person_id(text: &str) -> Result<UserId, ScimError> {
    text.parse().map_err(|_| unknown_member(text))
}

fn unknown_member(text: &str) -> ScimError {
    let text: String = text.chars().take(64).collect();
    invalid_value(format!("There is no person with the id {text:?}. Create the person first."))
}
