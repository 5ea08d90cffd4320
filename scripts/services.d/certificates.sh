# shellcheck shell=bash
# A throwaway CA and one EC P-256 certificate a role: `server` for the servers on loopback, and the Kafka principals,
# whose name is the CN. PEM, no passphrase. NAME.pem is Kafka's PEM keystore: PKCS#8 key and chain in one file.

readonly CERTIFICATE_DAYS=90
readonly LOOPBACK='subjectAltName=DNS:localhost,IP:127.0.0.1'

make_certificates() {
  certificates_are_good && return
  ! any_process_runs || fail 1 'the test certificates are missing or end within a week' 'stop every base with scripts/services down, then up again'
  say "making a throwaway CA and certificates for $CERTIFICATE_DAYS days"
  local fresh=$tls.new principal
  rm -rf "$fresh" && mkdir -p "$fresh"
  (
    cd "$fresh" || exit
    umask 077
    make_authority
    make_leaf server serverAuth "$LOOPBACK"
    make_leaf broker serverAuth,clientAuth "$LOOPBACK"
    for principal in $KAFKA_PRINCIPALS; do
      [ "$principal" = broker ] || make_leaf "$principal" clientAuth "subjectAltName=DNS:$principal.test"
    done
    rm -f ca.srl
  )
  # Certificates are public and PostgreSQL runs under another user; keys stay closed.
  chmod 755 "$fresh" && chmod 644 "$fresh"/*.crt
  rm -rf "$tls" && mv "$fresh" "$tls"
}

certificates_are_good() {
  [ -f "$tls/ca.crt" ] && openssl x509 -in "$tls/ca.crt" -noout -checkend $((7 * 86400)) >/dev/null
}

any_process_runs() {
  local file
  for file in "$checkout"/.services/run/*.pid "$checkout"/.services/base-*/run/*.pid; do
    [ ! -f "$file" ] || ! run=$(dirname "$file") is_ours "$(basename "$file" .pid)" || return 0
  done
  return 1
}

make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days "$CERTIFICATE_DAYS" \
    -subj '/CN=callseal test CA' -keyout ca.key -out ca.crt \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
}

# make_leaf NAME EXTENDED-KEY-USAGE SUBJECT-ALT-NAME
make_leaf() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n%s\n' "$2" "$3" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$CERTIFICATE_DAYS" -sha256 \
    -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  cat "$1.key" "$1.crt" ca.crt >"$1.pem"
  rm -f "$1.csr" "$1.ext"
}
