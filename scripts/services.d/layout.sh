# shellcheck shell=bash
# Names, ports and folders.
#
#   .services/tools/      installs, one folder a pinned version      } shared by all bases
#   .services/tls/        the throwaway CA, NAME.crt, NAME.key       }
#   .services/secrets/    one secret a file                          }
#   .services/            env.json, run/ (pids), log/, data/ of base 0
#   .services/base-N/     the same four of base N

readonly ALL_SERVICES='kafka s3 s3-second kms postgres redis'
readonly KAFKA_PRINCIPALS='broker edge worker operator reader admin intruder'
readonly S3_ROLES='root worker operator edge intruder'
readonly KMS_ROLES='root worker operator auditor recovery intruder'
readonly POSTGRES_ROLES='owner worker operator reader'
readonly BUCKETS='calls edge-eu'
readonly REGION=us-east-1

# The ports of testing.md. SeaweedFS is seven servers in one process; only its 8344 is for clients.
declare -rA PORT_AT_BASE_0=(
  [kafka]=19093 [kafka-1]=19093 [kafka-2]=19193 [kafka-3]=19293
  [s3]=7443 [s3-second]=8344 [kms]=7445 [postgres]=15432 [redis]=16379
)

choose_layout() {
  local shared=$checkout/.services
  tools=$shared/tools tls=$shared/tls secrets=$shared/secrets
  home=$shared
  [ "$1" = 0 ] || home=$shared/base-$1
  run=$home/run log=$home/log data=$home/data
  brokers=${brokers:-$(recorded_brokers)}
}

port_of() { echo $((PORT_AT_BASE_0[$1] + base)); }

# processes_of SERVICE: the names of the processes that make it up
processes_of() {
  if [ "$1" = kafka ]; then seq -f 'kafka-%.0f' "$brokers"; else echo "$1"; fi
}

chosen_services() {
  local service chosen=
  for service in ${1//,/ }; do
    [[ " $ALL_SERVICES " == *" $service "* ]] || wrong_usage "there is no service '$service'; there are: $ALL_SERVICES"
    chosen="$chosen $service"
  done
  [ -n "$chosen" ] || wrong_usage '--only takes names with commas between them'
  echo "${chosen# }"
}

# Two of us at once would race for installs and pid files.
only_one_at_a_time() {
  mkdir -p "$tools" "$run" "$log" "$data"
  exec {lock}>"$checkout/.services/lock"
  flock -n "$lock" || {
    say 'waiting for another scripts/services of this checkout'
    flock "$lock"
  }
}
