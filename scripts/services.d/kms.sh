# shellcheck shell=bash
# The KMS stand-in of test/services/kms/, run like any server. Keys and rights come from its seed file, state is kept.

kms_install() { :; } # node.sh
kms_ports() { port_of kms; }
kms_stop_signal() { echo TERM; }
kms_prepare() { :; }

kms_start() {
  mkdir -p "$data/kms"
  start_process kms sh "$checkout/tools/node/use.sh" node "$checkout/test/services/kms/main.ts" \
    --port "$(port_of kms)" --cert "$tls/server.crt" --key "$tls/server.key" --region "$REGION" \
    --data "$data/kms" --seed "$checkout/test/services/kms/seed.json" --secrets "$secrets"
}

kms_answers() { curl -fsS -m 5 -o /dev/null --cacert "$tls/ca.crt" "https://localhost:$(port_of kms)/"; }
