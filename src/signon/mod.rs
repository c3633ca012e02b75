//! The heart: sign-on from the portal and from the service provider, pending requests, authorisation at issue time,
//! attribute release, and the [`Installation`] that wires the rooms for `web`.
//!
//! It must not know HTTP: what arrives is bytes and a session, what leaves is an [`outcome::Outcome`]. A sign-on
//! passes through types that can't be skipped: bytes → `saml`'s unverified message → trusted request → authorised
//! subject → signed response.

pub mod admission;
pub mod artifact;
pub mod cache;
pub mod configure;
pub mod context_class;
pub mod ecp;
pub mod fetches;
pub mod idp_initiated;
pub mod installation;
pub mod issue;
mod last_uses;
pub mod logout;
pub mod measured;
mod name_id;
pub mod outcome;
pub mod pending;
pub mod preview;
pub mod published;
pub mod receive;
pub mod recorder;
pub mod refusal;
pub mod release;
mod signing;
pub mod soap;
mod store;
pub mod subject;
pub mod target;
pub mod trial;

pub use crate::db::epoch::Epochs;
pub use installation::Installation;
pub use last_uses::last_uses;
pub use outcome::Outcome;
