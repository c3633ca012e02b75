#!/usr/bin/env bash
# Installs what is absent of the Debian packages that a purpose needs, and says so.
#   scripts/debian.sh build    what the product needs to be built
#   scripts/debian.sh test     what its tests need beside
# No service is started, and no database cluster made. Without apt-get it only tells what is missing.
set -euo pipefail

wanted=()
present() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
want() { for package in "$@"; do present "$package" || wanted+=("$package"); done; }
want_command() { command -v "$1" >/dev/null || wanted+=("${@:2}"); }

for purpose in "$@"; do
  case $purpose in
    build)
      want_command cc gcc libc6-dev
      want pkg-config libssl-dev
      ;;
    test)
      # samael, an independent service provider in the tests, is built on libxmlsec1 by way of libclang.
      want libxmlsec1-dev libclang1-14 libclang-common-14-dev
      # libFuzzer is built from its source, beside libxml2 (which comes with libxmlsec1).
      want_command c++ g++
      # Oracles for what we sign, and the schemas that SAML messages are held against.
      want opensaml-schemas xmltooling-schemas
      want_command xmlsec1 xmlsec1
      want_command xmllint libxml2-utils
      want_command openssl openssl
      # Real service providers, a real browser and a real database.
      want apache2-bin libapache2-mod-auth-mellon
      want_command chromium chromium fonts-liberation
      compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || wanted+=(postgresql)
      python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3 python3-venv)
      want_command node nodejs
      want_command npm npm
      ;;
    *)
      echo "usage: scripts/debian.sh [build] [test]" >&2
      exit 2
      ;;
  esac
done

[ ${#wanted[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "Missing, under Debian's names: ${wanted[*]}. Install them and try again." >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
echo "Installing from Debian: ${wanted[*]}"

# 101 is "forbidden by policy" (invoke-rc.d): packages that bring a service do not start it.
policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/tessera-tests.conf
written=()
leave_no_trace() { [ ${#written[@]} -eq 0 ] || "${as_root[@]}" rm -f "${written[@]}"; }
trap leave_no_trace EXIT
if [ ! -e "$policy" ]; then
  written+=("$policy")
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
fi
if ! present postgresql-common && [[ " ${wanted[*]} " == *" postgresql "* ]]; then
  written+=("$clusters")
  "${as_root[@]}" mkdir -p "${clusters%/*}"
  echo 'create_main_cluster = false' | "${as_root[@]}" install -m 644 /dev/stdin "$clusters"
fi

export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${wanted[@]}" </dev/null
