.DEFAULT_GOAL := help
.PHONY: help demo run check test soak fmt lint bench

# One profile for the binary and the tests, so that nothing is compiled twice.
PROFILE := --profile ci

help:  ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo:  ## Build and start a filled demonstration; it prints where to sign in and with what
	@scripts/debian.sh build
	cargo run $(PROFILE) --bin tessera -- demo

run:  ## Build and start the server on ./data
	@scripts/debian.sh build
	cargo run $(PROFILE) --bin tessera -- serve

fmt:  ## Format the Rust code
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

lint:  ## Format check and lints, no warning allowed
	cargo fmt --all --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy $(PROFILE) --workspace --all-targets -- -D warnings

check: lint  ## Fast, for every commit: lints and the unit tests
	@if cargo nextest --version >/dev/null 2>&1; \
	then set -x; cargo nextest run --cargo-profile ci --workspace --lib --bins; \
	else set -x; cargo test $(PROFILE) --workspace --lib --bins; fi

test:  ## Everything that CI runs (packages are installed where absent)
	@scripts/test.sh

soak:  ## The long rounds: more kills, more people, an hour of fuzzing each (FUZZ_SECONDS), cargo-deny
	@TESSERA_SOAK=1 scripts/test.sh

bench:  ## Benchmarks, with the release profile
	cargo bench
