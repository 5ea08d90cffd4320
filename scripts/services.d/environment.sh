# shellcheck shell=bash
# shellcheck disable=SC2086 # lists of names are split on purpose
# .services/env.json: where everything is. Read by tests through test/services/env.ts; holds paths of secrets, no secret.

write_environment() {
  environment >"$home/env.json.new"
  mv "$home/env.json.new" "$home/env.json"
}

environment() {
  cat <<JSON
{
  "base": $base,
  "run": "$run",
  "tls": { "ca": "$tls/ca.crt", "cert": "$tls/server.crt", "key": "$tls/server.key" },
  "kafka": {
    "brokers": [$(kafka_addresses | quoted_list)],
    "principals": { $(for role in $KAFKA_PRINCIPALS; do printf '"%s": { "cert": "%s", "key": "%s" }\n' "$role" "$tls/$role.crt" "$tls/$role.key"; done | joined) }
  },
  "s3": $(s3_environment s3),
  "s3Second": $(s3_environment s3-second),
  "kms": {
    "endpoint": "https://localhost:$(port_of kms)",
    "region": "$REGION",
    "credentialsFiles": { $(for role in $KMS_ROLES; do printf '"%s": "%s"\n' "$role" "$secrets/kms-$role"; done | joined) },
    "adminSecretFile": "$secrets/kms-admin"
  },
  "postgres": {
    "host": "localhost",
    "port": $(port_of postgres),
    "database": "callseal",
    "users": {
      "superuser": { "user": "postgres", "passwordFile": "$secrets/postgres-superuser" },
      $(for role in $POSTGRES_ROLES; do printf '"%s": { "user": "callseal_%s", "passwordFile": "%s" }\n' "$role" "$role" "$secrets/postgres-$role"; done | joined)
    }
  },
  "redis": {
    "host": "localhost",
    "port": $(port_of redis),
    "users": {
      "callseal": { "user": "callseal", "passwordFile": "$secrets/redis-callseal" },
      "admin": { "user": "admin", "passwordFile": "$secrets/redis-admin" }
    }
  }
}
JSON
}

s3_environment() {
  printf '{ "endpoint": "https://localhost:%s", "region": "%s", "buckets": [%s],\n    "credentialsFiles": { %s } }' \
    "$(port_of "$1")" "$REGION" "$(printf '%s\n' $BUCKETS | quoted_list)" \
    "$(for role in $S3_ROLES; do printf '"%s": "%s"\n' "$role" "$secrets/s3-$role"; done | joined)"
}

kafka_addresses() {
  local name
  for name in $(processes_of kafka); do echo "localhost:$(port_of "$name")"; done
}

quoted_list() { sed 's/.*/"&"/' | joined; }
joined() { paste -sd, | sed 's/,/, /g'; }
