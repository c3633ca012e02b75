#!/usr/bin/env bash
# Holds the dependencies against deny.toml. cargo-deny takes minutes to build, so it is installed by `make soak`
# alone; without it this says that the check was left out. Nothing is fetched: advisories are looked at only where
# a copy of the advisory database lies at hand, and which one is said.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=.cache/cargo-deny/bin/cargo-deny
if command -v cargo-deny >/dev/null; then
  tool=cargo-deny
elif [ ! -x "$tool" ] && [ -n "${TESSERA_SOAK:-}" ]; then
  cargo install cargo-deny --version 0.20.2 --locked --root .cache/cargo-deny
elif [ ! -x "$tool" ]; then
  echo "Left out: cargo-deny is not installed (make soak installs it, or: cargo install cargo-deny --locked)"
  exit 0
fi

"$tool" --offline --all-features check bans licenses sources
database="${CARGO_HOME:-$HOME/.cargo}/advisory-dbs"
if [ -d "$database" ]; then
  echo "Advisories as of $(find "$database" -name FETCH_HEAD -printf '%TY-%Tm-%Td ' | head -n 1), from $database"
  "$tool" --offline --all-features check --disable-fetch advisories
else
  echo "Left out: advisories, since there is no copy of the advisory database"
fi
