# shellcheck shell=bash
# A taken port is refused with a sentence before anything is installed or started.

refuse_taken_ports() {
  local service name port refused=0
  for service in $only; do
    for name in $(processes_of "$service"); do
      ! is_ours "$name" || continue
      for port in $("${service//-/_}_ports" "$name"); do
        port_is_free "$port" || { say "error: port $port is taken by $(holder_of "$port"), and $name needs it" && refused=1; }
      done
    done
  done
  [ "$refused" = 0 ] || fail 7 'nothing was started' 'stop what holds the port, or move all ports: scripts/services up --base 1000'
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

holder_of() {
  local line
  line=$(ss -H -ltnp "sport = :$1" 2>/dev/null | head -n 1) || true
  if [[ $line =~ \(\(\"([^\"]+)\",pid=([0-9]+) ]]; then
    echo "${BASH_REMATCH[1]} (pid ${BASH_REMATCH[2]})"
  else
    echo 'another process'
  fi
}
