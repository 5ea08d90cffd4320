# shellcheck shell=bash
# The strict S3 server: versitygw, built from its Go module, checked against the Go checksum database and the sum below.

readonly VERSITYGW=1.8.0
readonly VERSITYGW_SUM='h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc='

s3_install() {
  local at=$tools/versitygw-$VERSITYGW
  [ ! -x "$at/versitygw" ] || return 0
  need go golang
  installing "versitygw $VERSITYGW, built from source: about 2 minutes" build_versitygw "$at"
}

build_versitygw() {
  rm -rf "$1.new"
  GOBIN=$1.new GOSUMDB=sum.golang.org GONOSUMDB='' GOPRIVATE='' \
    go install "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW" || return
  go version -m "$1.new/versitygw" | grep -qF "v$VERSITYGW	$VERSITYGW_SUM" || {
    say 'the module is not the one that was pinned'
    return 1
  }
  mv "$1.new" "$1"
}

s3_ports() { port_of s3 && s3_admin_port; }
s3_admin_port() { echo $(($(port_of s3) + 1)); }
s3_stop_signal() { echo TERM; }

# It changes its working directory: every path is absolute.
s3_start() {
  local at=$data/s3
  mkdir -p "$at/buckets" "$at/versions" "$at/iam"
  ROOT_ACCESS_KEY=$(access_key_id s3 root) ROOT_SECRET_KEY=$(secret_access_key s3 root) \
    start_process s3 "$tools/versitygw-$VERSITYGW/versitygw" \
    --port "127.0.0.1:$(port_of s3)" --cert "$tls/server.crt" --key "$tls/server.key" \
    --admin-port "127.0.0.1:$(s3_admin_port)" --admin-cert "$tls/server.crt" --admin-cert-key "$tls/server.key" \
    --region "$REGION" --health /health --keep-alive --quiet --iam-dir "$at/iam" \
    posix --versioning-dir "$at/versions" "$at/buckets"
}

s3_answers() { curl -fsS -m 5 -o /dev/null --cacert "$tls/ca.crt" "https://localhost:$(port_of s3)/health"; }

# Root ignores policies, so everybody else is a user that has what a bucket policy names. `intruder` is in none.
s3_prepare() {
  [ ! -f "$data/s3/prepared" ] || return 0
  local role bucket
  for role in $S3_ROLES; do [ "$role" = root ] || s3_make_user "$role"; done
  for bucket in $BUCKETS; do
    s3_make_bucket "$(port_of s3)" "$bucket"
    s3_request "$(port_of s3)" "/$bucket?policy=" -X PUT --data-binary "$(s3_policy "$bucket")"
  done
  touch "$data/s3/prepared"
}

s3_make_user() {
  ADMIN_ACCESS_KEY_ID=$(access_key_id s3 root) ADMIN_SECRET_ACCESS_KEY=$(secret_access_key s3 root) ADMIN_REGION=$REGION \
    ADMIN_ENDPOINT_URL=https://localhost:$(s3_admin_port) "$tools/versitygw-$VERSITYGW/versitygw" admin --ai \
    create-user -a "$(access_key_id s3 "$1")" -s "$(secret_access_key s3 "$1")" -r user >/dev/null 2>"$log/s3-users.log" ||
    grep -qi 'already exists' "$log/s3-users.log" || process_failed s3-users "could not make the user $1"
}

s3_policy() {
  case $1 in
    calls) s3_statements "$1" worker '"s3:*"' operator '"s3:*"' ;;
    edge-eu) s3_statements "$1" edge '"s3:*"' operator '"s3:*"' worker \
      '"s3:GetObject","s3:GetObjectVersion","s3:ListBucket","s3:ListBucketVersions","s3:GetBucketVersioning"' ;;
  esac
}

# s3_statements BUCKET ROLE ACTIONS [ROLE ACTIONS]...: a policy that allows each role its actions
s3_statements() {
  local bucket=$1 statements=
  shift
  while [ $# -gt 0 ]; do
    statements+=${statements:+,}$(
      printf '{"Effect":"Allow","Principal":{"AWS":["%s"]},"Action":[%s],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}' \
        "$(access_key_id s3 "$1")" "$2" "$bucket" "$bucket"
    )
    shift 2
  done
  printf '{"Version":"2012-10-17","Statement":[%s]}' "$statements"
}

# s3_make_bucket PORT BUCKET
s3_make_bucket() { s3_request "$1" "/$2" -I 2>/dev/null || s3_request "$1" "/$2" -X PUT; }

# s3_request PORT PATH CURL-OPTION...: signed by root. The secret goes in by stdin, not on the command line.
# Debian 12's curl needs the payload header spelled out, and `?policy=` with its `=`: it signs what it is given.
s3_request() {
  printf 'user = "%s:%s"\n' "$(access_key_id s3 root)" "$(secret_access_key s3 root)" |
    curl -fsS -m 20 -o /dev/null -K - --cacert "$tls/ca.crt" --aws-sigv4 "aws:amz:$REGION:s3" \
      -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "${@:3}" "https://localhost:$1$2"
}
