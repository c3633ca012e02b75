//! What the tests share: processes that end with the test, a private PostgreSQL, the `tessera` binary, a client
//! that keeps cookies as browsers do, and real service providers. It knows nothing of the crate it tests.
//!
//! Everything here panics where it cannot go on: to a test that is the clearest report.

mod api;
mod browser;
mod cookies;
mod html;
mod postgres;
mod process;
mod provider;
mod sign_on;
mod tessera;
mod web_server;

pub use api::{Answer, Api};
pub use browser::{Browser, Page};
pub use html::Form;
pub use postgres::PrivatePostgres;
pub use process::{Tethered, until};
pub use provider::{Kind, Prepared, ServiceProvider};
pub use sign_on::{Person, accepted, sign_in, sign_on, sign_out};
pub use tessera::{Setup, Tessera};
pub use web_server::{Authority, ClientIdentity, Received, Reply, WebServer};

use std::path::{Path, PathBuf};

/// The top folder of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().and_then(Path::parent).expect("this crate lies in tests/support").to_path_buf()
}

/// How often a repeated test runs: `long` with `TESSERA_SOAK` set, as `make soak` does, and `short` otherwise.
pub fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("TESSERA_SOAK").is_some() { long } else { short }
}
