#!/usr/bin/env bash
# A private PostgreSQL cluster in a temporary folder, reachable by a Unix socket in it and by nothing else.
# Prints the administrator's URL, then runs until its standard input closes: so it ends with whoever started it,
# however that one ended. It sorts as people do, not by octets, as most clusters out there. FSYNC=on makes it as durable as a real one; the tests that kill servers want that.
set -euo pipefail

programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$programs" ]; then
  echo "No PostgreSQL programs under /usr/lib/postgresql: run scripts/debian.sh test" >&2
  exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/tessera-postgres-XXXXXX")
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
  # PostgreSQL refuses to run as root.
  owner=$(getent passwd postgres >/dev/null && echo postgres || echo nobody)
  chown "$owner" "$folder"
  as_owner=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups --)
fi

server=
finish() {
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

cd "$folder"
"${as_owner[@]}" "$programs/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C \
  --locale-provider=icu --icu-locale=en-US --no-sync >initdb.log 2>&1 </dev/null || { cat initdb.log >&2; exit 1; }

"${as_owner[@]}" "$programs/postgres" -D data -c listen_addresses= -c unix_socket_directories="$folder" \
  -c fsync="${FSYNC:-off}" -c full_page_writes="${FSYNC:-off}" -c max_connections=300 -c shared_buffers=64MB \
  -c lc_messages=C >server.log 2>&1 </dev/null &
server=$!

for _ in $(seq 300); do
  if "$programs/pg_isready" -q -h "$folder" -U postgres; then
    echo "postgres://postgres@localhost:5432/postgres?host=$folder"
    # Ends at end of file; nothing that is sent means anything.
    cat >/dev/null
    exit 0
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
cat server.log >&2
exit 1
