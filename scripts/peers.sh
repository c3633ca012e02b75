#!/usr/bin/env bash
# Installs the tests' peers from PyPI and npm at their pinned versions, into folders that git ignores. Does
# nothing where they already stand as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."

current() { [ -f "$2" ] && [ "$(cat "$2")" = "$(sha256sum <"$1")" ]; }

environment() {
  if ! current "$1" "$2/installed"; then
    echo "Installing what $1 names into $2"
    rm -rf "$2"
    python3 -m venv "$2"
    "$2/bin/pip" install --quiet --no-deps --only-binary :all: --requirement "$1" </dev/null
    sha256sum <"$1" >"$2/installed"
  fi
}
environment tests/sp/pysaml2/requirements.txt .cache/test-venv
environment tests/scim/requirements.txt .cache/scim-venv

for folder in tests/sp/node tests/scim/scimmy tests/browser; do
  if ! current "$folder/package-lock.json" "$folder/node_modules/installed"; then
    echo "Installing the packages of $folder"
    (cd "$folder" && npm ci --no-audit --no-fund </dev/null)
    sha256sum <"$folder/package-lock.json" >"$folder/node_modules/installed"
  fi
done
