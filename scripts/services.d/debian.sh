# shellcheck shell=bash
# PostgreSQL and Redis come from Debian. Their packages start daemons of their own: that must not happen here.

postgres_bin() {
  local bins=(/usr/lib/postgresql/*/bin)
  [ -x "${bins[-1]}/postgres" ] && echo "${bins[-1]}"
}

debian_install_missing() {
  local packages=() service
  need openssl
  need setsid
  for service in $only; do
    case $service in
      postgres) postgres_bin >/dev/null || packages+=(postgresql) ;;
      redis) { has redis-server && has redis-cli; } || packages+=(redis-server redis-tools) ;;
      s3 | s3-second | kms) has curl || packages+=(curl) ;;
    esac
  done
  [ ${#packages[@]} = 0 ] && return
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    fail 8 "missing: ${packages[*]}" "as root: apt-get install ${packages[*]}"
  fi
  installing "${packages[*]} from Debian" apt_install "${packages[@]}"
}

has() { command -v "$1" >/dev/null 2>&1; }

need() { has "$1" || fail 8 "$1 is missing" "as root: apt-get install ${2:-$1}"; }

apt_install() (
  export DEBIAN_FRONTEND=noninteractive
  forbid_daemon_starts
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" || exit
  # Nor at the next boot. Only on packages that this run has just installed.
  [ ! -d /run/systemd/system ] || systemctl disable --quiet --now redis-server postgresql 2>/dev/null || true
)

# invoke-rc.d(8): exit 101 from policy-rc.d means "do not start". A policy that is already there is left alone.
forbid_daemon_starts() {
  local policy=/usr/sbin/policy-rc.d
  [ ! -e "$policy" ] || return 0
  # shellcheck disable=SC2064 # the path is wanted as it is now
  trap "rm -f $policy" EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}
