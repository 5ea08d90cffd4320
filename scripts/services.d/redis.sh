# shellcheck shell=bash
# Redis 7 from Debian: TLS 1.3 only, no default user, noeviction, nothing kept over a restart (all of it can be rebuilt).

redis_install() { :; } # debian.sh
redis_ports() { port_of redis; }
redis_stop_signal() { echo TERM; }
redis_prepare() { :; }

redis_start() {
  mkdir -p "$data/redis"
  (umask 077 && redis_settings >"$data/redis/redis.conf")
  start_process redis redis-server "$data/redis/redis.conf"
}

redis_settings() {
  cat <<CONF
port 0
tls-port $(port_of redis)
bind 127.0.0.1
tls-cert-file "$tls/server.crt"
tls-key-file "$tls/server.key"
tls-ca-cert-file "$tls/ca.crt"
tls-auth-clients no
tls-protocols "TLSv1.3"
maxmemory 64mb
maxmemory-policy noeviction
appendonly no
save ""
dir "$data/redis"
daemonize no
user default off
user admin on >$(cat "$secrets/redis-admin") ~* &* +@all
user callseal on >$(cat "$secrets/redis-callseal") ~callseal:* &callseal:* +@all -@dangerous +info +client -@admin +config|get
CONF
}

redis_answers() {
  [ "$(REDISCLI_AUTH=$(cat "$secrets/redis-callseal") redis-cli -h localhost -p "$(port_of redis)" --tls --cacert "$tls/ca.crt" \
    --user callseal --no-auth-warning ping)" = PONG ]
}
