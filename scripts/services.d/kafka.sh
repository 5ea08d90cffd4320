# shellcheck shell=bash
# Kafka 4.3.1 in KRaft mode from Maven Central, with no download of a distribution: brokers are controllers too, mTLS
# everywhere, ACLs on, principals from the certificate's CN. A cluster of two brokers is another one than a cluster of one.

readonly KAFKA=4.3.1
readonly KAFKA_CLUSTER=MkU3OEVBNTcwNTJENDM2Qg

kafka_install() {
  local at=$tools/kafka-$KAFKA
  need java openjdk-17-jre-headless
  [ ! -d "$at" ] || return 0
  need mvn maven
  installing "Kafka $KAFKA" install_kafka "$at"
}

# The sums pin what the POM alone does not: the jars that Kafka itself pulls in.
install_kafka() {
  rm -rf "$1.new"
  mvn -q -B -C -Dstyle.color=never -f "$parts/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$1.new" || return
  (cd "$1.new" && sha256sum --quiet --strict -c "$parts/kafka/jars.sha256") || return
  mv "$1.new" "$1"
}

kafka_ports() { port_of "$1" && kafka_controller_port "${1#kafka-}"; }
kafka_controller_port() { echo $(($(port_of "kafka-$1") + 1)); }
kafka_stop_signal() { echo TERM; }
kafka_prepare() { :; }

recorded_brokers() { cat "$data/brokers" 2>/dev/null || echo 1; }

kafka_start() {
  local id=${1#kafka-} at=$data/kafka-of-$brokers/$1
  local java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxMetaspaceSize=128m
    -Dlog4j2.configurationFile="file:$parts/kafka/log4j2.properties" -cp "$tools/kafka-$KAFKA/*")
  echo "$brokers" >"$data/brokers"
  mkdir -p "$at"
  kafka_settings "$id" "$at" >"$at/server.properties"
  [ -f "$at/log/meta.properties" ] || "${java[@]}" kafka.tools.StorageTool format -t "$KAFKA_CLUSTER" -c "$at/server.properties" \
    >"$log/$1-format.log" 2>&1 || process_failed "$1-format" 'failed'
  start_process "$1" "${java[@]}" -Xms64m -Xmx256m kafka.Kafka "$at/server.properties"
}

# Before anything else, so that env.json never tells of brokers that were not started.
refuse_another_cluster() {
  local name
  if [[ " $only " != *' kafka '* ]]; then
    brokers=$(recorded_brokers)
    return
  fi
  for name in $(recorded_processes_of kafka); do
    ! is_ours "$name" || [ "$(recorded_brokers)" = "$brokers" ] ||
      fail 7 "Kafka runs as a cluster of $(recorded_brokers), not of $brokers" 'scripts/services down --only kafka, then up again'
  done
}

# kafka_settings ID FOLDER
kafka_settings() {
  local voters replicas=1 in_sync=1
  voters=$(for id in $(seq "$brokers"); do printf '%s@localhost:%s,' "$id" "$(kafka_controller_port "$id")"; done)
  [ "$brokers" -lt 3 ] || { replicas=3 && in_sync=2; }
  sed -e "s|@ID@|$1|g; s|@PORT@|$(port_of "kafka-$1")|g; s|@CONTROLLER_PORT@|$(kafka_controller_port "$1")|g" \
    -e "s|@VOTERS@|${voters%,}|; s|@REPLICAS@|$replicas|; s|@IN_SYNC@|$in_sync|; s|@FOLDER@|$2|; s|@TLS@|$tls|g" \
    "$parts/kafka/server.properties.in"
}

# Ready is: mutual TLS works and the cluster has as many brokers as it should. While nothing listens there is nobody to
# ask, and starting a Node for each look would take the cores that the broker starts on.
kafka_answers() {
  ! port_is_free "$(port_of "$1")" && use_node node "$checkout/test/services/kafka-ready.ts" --port "$(port_of "$1")" --brokers "$brokers" \
    --ca "$tls/ca.crt" --cert "$tls/admin.crt" --key "$tls/admin.key"
}
