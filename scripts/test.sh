#!/usr/bin/env bash
# All that CI runs, in the order in which it fails soonest. With TESSERA_SOAK set, the long rounds too.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n==> %s (%d s so far)\n' "$1" "$SECONDS"; }

step "Packages"
scripts/debian.sh build test
scripts/peers.sh

step "Format and lints"
make --no-print-directory lint

step "Licences, sources and banned crates"
scripts/deny.sh

step "Build"
cargo build --profile ci --bin tessera

# One cluster for the whole run: it ends when this shell does, since its standard input closes then.
step "A private PostgreSQL"
coproc POSTGRES { exec tests/support/postgres.sh; }
read -r TESSERA_TEST_POSTGRES <&"${POSTGRES[0]}" || { echo "PostgreSQL did not start" >&2; exit 1; }
export TESSERA_TEST_POSTGRES

# The short rounds are the same each time, of properties and of fuzzing; what nobody has seen yet is looked for in the
# long ones.
if [ -z "${TESSERA_SOAK:-}" ]; then export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}" FUZZ_SEED="${FUZZ_SEED:-1}"; fi

step "Tests"
if cargo nextest --version >/dev/null 2>&1; then
  if [ -n "${TESSERA_SOAK:-}" ]; then profile=soak; else profile=default; fi
  cargo nextest run --workspace --cargo-profile ci --profile "$profile" --no-fail-fast
else
  cargo test --workspace --profile ci --no-fail-fast
fi

step "Fuzzing"
if [ -n "${TESSERA_SOAK:-}" ]; then long=3600; else long=15; fi
scripts/fuzz.sh "${FUZZ_SECONDS:-$long}"

step "Browser"
scripts/browser.sh

step "Done"
