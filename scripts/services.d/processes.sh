# shellcheck shell=bash
# Starting and stopping by pid. run/NAME.pid holds "PID START BOOT": a process is ours only while its kernel start time
# and the machine's boot id are the recorded ones, so a pid that the kernel gave to somebody else is never signalled.

readonly STOP_SECONDS=15
readonly ANSWER_SECONDS=90

# start_process NAME COMMAND...: in a session of its own, so a Ctrl-C meant for the caller never reaches it
start_process() {
  setsid "${@:2}" </dev/null >>"$log/$1.log" 2>&1 {lock}>&- &
  printf '%s %s %s\n' "$!" "$(start_time_of "$!")" "$(boot_id)" >"$run/$1.pid"
}

start_time_of() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The second field is the command in brackets and may hold blanks: count from the last bracket.
  read -ra stat <<<"${stat##*) }"
  [ "${stat[0]}" = Z ] || echo "${stat[19]}"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

pid_of() { [ ! -f "$run/$1.pid" ] || cut -d' ' -f1 "$run/$1.pid"; }

is_ours() {
  local pid start boot
  read -r pid start boot 2>/dev/null <"$run/$1.pid" || return 1
  [ -n "$boot" ] && [ "$boot" = "$(boot_id)" ] && [ "$start" = "$(start_time_of "$pid")" ]
}

# stop_process NAME SIGNAL: what does not end in STOP_SECONDS is killed
stop_process() {
  local pid tenth
  pid=$(pid_of "$1")
  if ! is_ours "$1"; then
    rm -f "$run/$1.pid"
    return 0
  fi
  kill "-$2" "$pid" 2>/dev/null || true
  for ((tenth = 0; tenth < STOP_SECONDS * 10; tenth++)); do
    is_ours "$1" || break
    sleep 0.1
  done
  if is_ours "$1"; then
    say "$1 (pid $pid) did not stop in $STOP_SECONDS s and was killed"
    kill -KILL "$pid" 2>/dev/null || true
    while is_ours "$1"; do sleep 0.05; done
  fi
  rm -f "$run/$1.pid"
}

# recorded_processes_of SERVICE: what has a pid file, whatever --brokers says today
recorded_processes_of() {
  local file
  for file in "$run/$1.pid" "$run/$1"-[0-9].pid; do
    [ ! -f "$file" ] || basename "$file" .pid
  done
}

# wait_until_answers NAME COMMAND...
wait_until_answers() {
  local deadline=$(($(now_ms) + ANSWER_SECONDS * 1000))
  until "${@:2}" >/dev/null 2>&1; do
    is_ours "$1" || process_failed "$1" 'ended instead of answering'
    [ "$(now_ms)" -lt "$deadline" ] || process_failed "$1" "did not answer in $ANSWER_SECONDS s"
    sleep 0.1
  done
}

process_failed() {
  say "last lines of $log/$1.log:"
  tail -n 15 "$log/$1.log" >&2
  fail 1 "$1 $2"
}
