#!/usr/bin/env bash
# The browser's main flows against the built binary. Arguments go to node's test runner, for example
# --test-name-pattern='placeholder'.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(cargo metadata --format-version 1 --no-deps --offline | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
export TESSERA_TEST_BINARY="${TESSERA_TEST_BINARY:-$target/ci/tessera}"
export TESSERA_TEST_SCREENSHOTS="${TESSERA_TEST_SCREENSHOTS:-$target/screenshots}"
if [ ! -x "$TESSERA_TEST_BINARY" ]; then
  echo "No $TESSERA_TEST_BINARY: build it with cargo build --profile ci" >&2
  exit 1
fi
exec node --test --test-reporter=spec --test-concurrency=1 "$@" tests/browser/*.test.mjs
