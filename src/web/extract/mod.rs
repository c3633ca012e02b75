//! What handlers ask for. The first argument of each is a [`Credential`]: the type says who may come in, and the
//! extractor sees to it before the handler runs. Bodies come through [`SignedForm`], [`GateForm`], [`SignedUpload`]
//! or [`crate::web::api`]'s own, never raw.

pub mod api;
pub mod body;
pub mod console;
pub mod either;
pub mod permission;
pub mod public;
pub mod session;

pub use api::ApiToken;
pub use body::{GateForm, Queried, RawBody, SignedForm, SignedUpload, Upload};
pub use console::{Console, Fresh};
pub use either::PersonOrToken;
pub use permission::Needs;
pub use public::{Anyone, Gate};
pub use session::Person;

use crate::auth::Permission;

/// Who may come in by a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody (decision 19 lists these paths).
    Public,
    /// A person with a running session.
    Person,
    /// A person whose role allows this, or any role; the password was given not long ago.
    Console(Option<Permission>),
    /// The same, and the password was given within five minutes (W-09).
    Fresh(Option<Permission>),
    /// A program whose token's role allows this, or any role that a person can have.
    Token(Option<Permission>),
    /// A person with a running session, or a program with a token.
    PersonOrToken,
}

/// An extractor that says who may come in. Only the types of this module are.
pub trait Credential: sealed::Sealed {
    /// Who may.
    const ACCESS: Access;
}

mod sealed {
    pub trait Sealed {}
}
