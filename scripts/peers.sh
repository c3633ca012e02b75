#!/usr/bin/env bash
# Installs the tests' peers from PyPI and npm at their pinned versions, into folders that git ignores. Does
# nothing where they already stand as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."

current() { [ -f "$2" ] && [ "$(cat "$2")" = "$(sha256sum <"$1")" ]; }

requirements=tests/sp/pysaml2/requirements.txt
venv=.cache/test-venv
if ! current "$requirements" "$venv/installed"; then
  echo "Installing pysaml2 into $venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-deps --only-binary :all: --requirement "$requirements" </dev/null
  sha256sum <"$requirements" >"$venv/installed"
fi

for folder in tests/sp/node tests/browser; do
  if ! current "$folder/package-lock.json" "$folder/node_modules/installed"; then
    echo "Installing the packages of $folder"
    (cd "$folder" && npm ci --no-audit --no-fund </dev/null)
    sha256sum <"$folder/package-lock.json" >"$folder/node_modules/installed"
  fi
done
