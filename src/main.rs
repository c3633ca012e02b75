//! The `tessera` program: see [`tessera::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Many short-lived threads' worth of small pieces: the system's allocator kept several times the memory after a load.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tessera::cli::run()
}
