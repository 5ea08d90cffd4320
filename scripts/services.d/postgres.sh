# shellcheck shell=bash
# PostgreSQL from Debian: TLS 1.3 and passwords only, no Unix socket, fsync on. Superuser `postgres`, database `callseal`,
# and the four roles of docs/settings: none of them superuser or BYPASSRLS.

postgres_install() { :; } # debian.sh
postgres_ports() { port_of postgres; }
postgres_stop_signal() { echo INT; } # "fast": TERM would wait for every client to leave

postgres_start() {
  local at=$data/postgres
  mkdir -p "$at/tls"
  cp "$tls/ca.crt" "$tls/server.crt" "$tls/server.key" "$at/tls/"
  echo 'hostssl all all 127.0.0.1/32 scram-sha-256' >"$at/pg_hba.conf"
  own_by_postgres "$at"
  [ -d "$at/cluster" ] || new_cluster "$at"
  start_process postgres "${as_postgres[@]}" "$(postgres_bin)/postgres" -D "$at/cluster" \
    -c "hba_file=$at/pg_hba.conf" -c listen_addresses=127.0.0.1 -c "port=$(port_of postgres)" -c unix_socket_directories= \
    -c ssl=on -c "ssl_ca_file=$at/tls/ca.crt" -c "ssl_cert_file=$at/tls/server.crt" -c "ssl_key_file=$at/tls/server.key" \
    -c ssl_min_protocol_version=TLSv1.3 -c max_connections=100 -c shared_buffers=64MB
}

# PostgreSQL refuses to run as root. Sets as_postgres, the words in front of a command.
own_by_postgres() {
  as_postgres=()
  [ "$(id -u)" = 0 ] || return 0
  as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  chown -R postgres: "$1"
  "${as_postgres[@]}" test -x "$1" && return
  # A checkout below a closed folder (/root): let it pass closed folders, which is all that this capability is used for.
  as_postgres+=(--inh-caps=+dac_override --ambient-caps=+dac_override)
}

# Made beside its name, so that an interrupted initdb is not taken for a cluster.
new_cluster() {
  rm -rf "$1/cluster.new"
  install -m 600 "$secrets/postgres-superuser" "$1/password"
  own_by_postgres "$1"
  "${as_postgres[@]}" "$(postgres_bin)/initdb" -D "$1/cluster.new" -U postgres --pwfile="$1/password" \
    --auth=scram-sha-256 -E UTF8 --locale=C --no-sync >"$log/initdb.log" 2>&1 || process_failed initdb 'failed'
  rm -f "$1/password"
  mv "$1/cluster.new" "$1/cluster"
}

postgres_answers() { [ "$(superuser_psql -d postgres -Atc 'select 1')" = 1 ]; }

superuser_psql() {
  PGPASSWORD=$(cat "$secrets/postgres-superuser") PGCONNECT_TIMEOUT=5 PGSSLMODE=verify-full PGSSLROOTCERT=$tls/ca.crt \
    "$(postgres_bin)/psql" -X -q -h localhost -p "$(port_of postgres)" -U postgres -v ON_ERROR_STOP=1 "$@"
}

postgres_prepare() {
  SECRETS=$secrets superuser_psql -d postgres -f "$parts/postgres/roles.sql" >/dev/null ||
    fail 1 'the roles could not be made'
}
