//! Provisioning over SCIM 2.0: the connection to each application's service, the mapping of people to resources, the
//! ledger of what each is known to hold, and the reconciler that keeps it so.
//!
//! It must not know sign-on, pages or requests to Tessera. The ledger refers to nothing that may be deleted: what is
//! to be done about a person who is gone is decided by what is known of their account. Start with
//! [`connection::Connections`] and [`engine::Engine`].

mod activation;
pub mod address;
pub mod client;
mod configure;
pub mod connection;
pub mod engine;
pub mod expiry;
pub mod import;
pub mod mapping;
pub mod measured;
pub mod model;
mod notices;
pub mod overdue;
pub mod plan;
pub mod preview;
pub mod state;
mod store;
pub mod tls;
pub mod upgrade;
mod verify;

pub use address::Credentials;
