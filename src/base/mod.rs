//! The ground floor: clock, randomness, ids, errors, paging, request context, URL paths and the closed
//! vocabularies every room shares. It must not know any other room, and does no I/O.
//!
//! Start with [`context::Ctx`] and [`error::Error`]: every operation takes the first and answers the second.

pub mod accent;
pub mod binding;
pub mod clock;
pub mod context;
pub mod encryption;
pub mod error;
pub mod id;
pub mod name_id;
pub mod paging;
pub mod property;
pub mod random;
pub mod rate;
pub mod signature;
pub mod subject_id;
pub mod urls;
pub(crate) mod vocabulary;

pub use clock::{Clock, Timestamp};
pub use context::{Actor, Ctx};
pub use error::{Error, FieldError, Kind, Result};
pub use random::Random;
