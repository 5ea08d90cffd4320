# shellcheck shell=bash
# One secret a file, made once, readable by its owner only. Access keys are files of the shape that AWS clients read.

make_secrets() {
  local role
  mkdir -p "$secrets" && chmod 700 "$secrets"
  for role in superuser $POSTGRES_ROLES; do make_secret "postgres-$role"; done
  for role in callseal admin; do make_secret "redis-$role"; done
  for role in $S3_ROLES; do make_access_key s3 "$role"; done
  for role in $KMS_ROLES; do make_access_key kms "$role"; done
  make_secret kms-admin
}

make_secret() { [ -s "$secrets/$1" ] || write_once "$secrets/$1" "$(random_hex)"; }

# make_access_key SERVICE ROLE
make_access_key() {
  local id=callseal$1$2
  [ -s "$secrets/$1-$2" ] || write_once "$secrets/$1-$2" "$(
    printf '[default]\naws_access_key_id=%s\naws_secret_access_key=%s' "${id^^}" "$(random_hex)"
  )"
}

random_hex() { openssl rand -hex 24; }

# Beside its name first, so that an interrupted run leaves no empty secret.
write_once() {
  (umask 077 && printf '%s' "$2" >"$1.new")
  mv "$1.new" "$1"
}

access_key_id() { sed -n 's/^aws_access_key_id=//p' "$secrets/$1-$2"; }
secret_access_key() { sed -n 's/^aws_secret_access_key=//p' "$secrets/$1-$2"; }
