//! SQL of sign-in, sessions, roles, tokens and links. Only this room's modules use it.

pub(super) mod credentials;
pub(super) mod idempotency;
pub(super) mod links;
pub(super) mod roles;
pub(super) mod sessions;
pub(super) mod throttles;
pub(super) mod tokens;
