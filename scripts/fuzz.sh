#!/usr/bin/env bash
# Fuzzes what strangers send: scripts/fuzz.sh SECONDS [TARGET…], each target for so long, from its committed seeds.
# What is found lies in fuzz/target/findings; the tree stays as it was. `scripts/fuzz.sh 0` only runs the seeds.
#
# A stable compiler has no address sanitizer, and the rooms that are fuzzed hold no unsafe code: what is looked for are
# panics, broken promises, slow inputs and large ones. Coverage comes from LLVM's own pass; with the target named,
# build scripts and macros are built without it. FUZZ_SEED makes the rounds the same each time.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:?"usage: scripts/fuzz.sh SECONDS [TARGET…]"}
shift

host=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
  coverage+=" -Cllvm-args=-sanitizer-coverage-$option"
done
RUSTFLAGS="$coverage" cargo build --release --locked --target "$host" --bins

targets=("$@")
[ ${#targets[@]} -gt 0 ] || for folder in corpus/*/; do targets+=("$(basename "$folder")"); done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p target/findings
failed=()
for target in "${targets[@]}"; do
  mkdir -p "$work/$target"
  # Zero seconds would mean for ever.
  if [ "$seconds" -gt 0 ]; then rounds=(-max_total_time="$seconds"); else rounds=(-runs=0); fi
  log="$work/$target.log"
  if "target/$host/release/$target" "${rounds[@]}" -seed="${FUZZ_SEED:-0}" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -dict=xml.dict \
    -artifact_prefix="target/findings/$target-" "$work/$target" "corpus/$target" >"$log" 2>&1; then
    printf '%s: %s, %s inputs kept\n' "$target" "$(grep -a '^Done' "$log" || echo "seeds run")" "$(find "$work/$target" -type f | wc -l)"
  else
    failed+=("$target")
    grep -av '^#[0-9]' "$log" | tail -n 40
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "Found something: ${failed[*]}. The inputs lie in fuzz/target/findings." >&2
  exit 1
fi
