//! Who may come in and what they may do: passwords, throttling, sessions, roles, API tokens and one-time links.
//!
//! The sign-in attempt is a state machine on the server: reserve a slot, compute the hash, check again and issue. It
//! must not know HTTP, cookies or applications. Start with [`sign_in()`] and [`session`].

pub mod account;
pub mod api_token;
pub mod cache;
pub mod csrf;
pub mod idempotency;
pub mod link;
pub mod password;
pub mod policy;
pub mod reauthenticate;
pub mod role;
pub mod roles;
pub mod session;
pub mod sign_in;
mod store;
pub mod throttle;

pub use account::NewAccount;
pub use api_token::{ApiToken, CreatedToken, NewApiToken, TokenView};
pub use cache::SessionCache;
pub use password::{Cost, PasswordOptions, Passwords};
pub use policy::Blocklist;
pub use role::{Permission, Role};
pub use session::{NewSession, SessionSummary, SessionView};
pub use sign_in::{SignIn, sign_in};

use openssl::sha::sha256;

/// The form in which a secret token is stored: SHA-256 in hexadecimal. The tokens have 160 bits and more, so that
/// no salt and no slow hash is needed.
fn token_hash(token: &str) -> String {
    use std::fmt::Write as _;
    sha256(token.as_bytes()).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
