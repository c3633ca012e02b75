//! Tessera, a self-hosted SAML 2.0 identity provider with a catalog of applications.
//!
//! The rooms of the house and who may use whom stand in `ARCHITECTURE.md`; `tests/architecture.rs` holds the
//! imports against that table. Follow one sign-on through `ARCHITECTURE.md`, or start at the ground in [`base`].

// In the product an `unwrap` needs a reason, and then it is an `expect`; tests fail loudly by it.
#![warn(clippy::unwrap_used)]

pub mod applications;
pub mod auth;
pub mod base;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod db;
pub mod directory;
pub mod events;
pub mod jobs;
pub mod keys;
pub mod lab;
pub mod mail;
pub mod metrics;
pub mod outbound;
pub mod provisioning;
pub mod saml;
pub mod scim;
pub mod settings;
pub mod signon;
pub mod threads;
pub mod transfer;
pub mod vault;
pub mod web;
