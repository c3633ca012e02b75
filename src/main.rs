//! The `tessera` program: see [`tessera::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tessera::cli::run()
}
