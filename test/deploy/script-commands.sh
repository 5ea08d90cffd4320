#!/usr/bin/env bash
# What scripts/services would start, one process a line: its name and the words of its command, with tabs between them.
# Starts nothing; all paths are below the folder given.
# usage: script-commands.sh CHECKOUT FOLDER
set -euo pipefail
checkout=$1 folder=$2 parts=$1/scripts/services.d
for part in talk layout processes ports debian node secrets certificates environment kafka s3 s3-second kms postgres redis; do
  # shellcheck source=/dev/null
  . "$parts/$part.sh"
done
base=0 brokers=1
tools=$folder/tools tls=$folder/run/secrets secrets=$folder/secrets
home=$folder run=$folder/run log=$folder/log data=$folder/data
mkdir -p "$tls" "$log" "$data/kafka-of-1/kafka-1/log" "$data/postgres/cluster"
touch "$data/kafka-of-1/kafka-1/log/meta.properties" "$tls/ca.crt" "$tls/server.crt" "$tls/server.key"
make_secrets

start_process() {
  local IFS=$'\t'
  printf '%s\n' "$*"
}
postgres_bin() { echo /bin; }
own_by_postgres() { as_postgres=(); }

for service in kafka s3-second kms postgres redis; do
  for name in $(processes_of "$service"); do ("${service//-/_}_start" "$name"); done
done
