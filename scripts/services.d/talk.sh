# shellcheck shell=bash
# How the script speaks: stdout is data only, everything else goes to stderr; an error ends in what to type next.

# The service that the current (sub)shell works for; stands in front of its lines.
speaker=

say() { printf 'services: %s%s\n' "${speaker:+$speaker: }" "$*" >&2; }

# fail EXIT-CODE SENTENCE [HINT]
fail() {
  say "error: $2"
  [ -z "${3:-}" ] || say "hint: $3"
  exit "$1"
}

wrong_usage() { fail 2 "$1" 'scripts/services --help'; }

# whole_number OPTION VALUE LEAST MOST: prints the value, or ends with what was wrong about it
whole_number() {
  if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
    wrong_usage "$1 takes a whole number from $3 to $4, not '$2'"
  fi
  echo "$((10#$2))"
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# seconds_since MILLISECONDS: "12.3 s"
seconds_since() {
  local tenths=$((($(now_ms) - $1) / 100))
  echo "$((tenths / 10)).$((tenths % 10)) s"
}

# installing WHAT COMMAND...: says what is being installed before, and how long it took after; shows output of a failure only
installing() {
  local from output=$log/install${speaker:+-$speaker}.log
  from=$(now_ms)
  say "installing (once) $1"
  "${@:2}" >"$output" 2>&1 || {
    tail -n 30 "$output" >&2
    fail 1 "not installed: $1" "the whole output is in $output"
  }
  say "installed in $(seconds_since "$from")"
}
