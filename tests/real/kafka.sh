#!/usr/bin/env bash
# A real Apache Kafka broker (KRaft, one node) on the loopback, from its package registry.
#
#   kafka.sh start [PORT]   fetch it if need be, start it, wait until it answers; prints host:port (default port 29192)
#   kafka.sh stop           end it
#   kafka.sh restart        end it and start it again on the same data and port
#   kafka.sh wipe           end it and forget its data
#
# Beside PORT (and PORT + 1, its controller) it listens with TLS and SASL at PORT + 2: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 for
# the user `levada` with the password `mountain-water`. Its authority's certificate is ca.pem in its folder.
#
# Needs java 17 or later and mvn. Everything lives under ${LEVADA_REAL_HOME:-target/real}/kafka.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${LEVADA_REAL_HOME:-$here/../../target/real}/kafka
mkdir -p "$home"
home=$(cd "$home" && pwd)

jvm() { java -Xms512m -Xmx1g -Djava.net.preferIPv4Stack=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$home/lib/*" "$@"; }

fetch() {
  [ -d "$home/lib" ] && return
  rm -rf "$home/lib.part"
  mvn -q -B -f "$here/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib.part" >"$home/fetch.log" 2>&1 ||
    { tail -n 20 "$home/fetch.log" >&2; exit 1; }
  mv "$home/lib.part" "$home/lib"
}

# An authority that is trusted by nobody but who is told to, and the broker's certificate.
certificates() {
  [ -f "$home/ca.pem" ] && return
  rm -f "$home/broker.p12"
  keytool -genkeypair -keystore "$home/broker.p12" -storetype PKCS12 -storepass levada-tests -alias broker -keyalg EC \
    -dname CN=127.0.0.1 -ext san=ip:127.0.0.1,dns:localhost -ext bc=ca:true -validity 3650 2>"$home/keytool.log"
  keytool -exportcert -rfc -keystore "$home/broker.p12" -storepass levada-tests -alias broker -file "$home/ca.pem.part" 2>>"$home/keytool.log"
  mv "$home/ca.pem.part" "$home/ca.pem"
}

start() {
  local port=${1:-29192}
  # Two brokers on one folder would damage it.
  if [ -f "$home/pid" ] && kill -0 "$(cat "$home/pid")" 2>/dev/null; then
    echo "127.0.0.1:$(cat "$home/port")"
    return
  fi
  fetch
  certificates
  mkdir -p "$home/data"
  cat >"$home/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),SASL_SSL://127.0.0.1:$((port + 2))
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_SSL://127.0.0.1:$((port + 2))
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_levada="mountain-water";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PKCS12
listener.name.sasl_ssl.ssl.keystore.location=$home/broker.p12
listener.name.sasl_ssl.ssl.keystore.password=levada-tests
listener.name.sasl_ssl.ssl.key.password=levada-tests
inter.broker.listener.name=PLAINTEXT
log.dirs=$home/data
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=33554432
replica.fetch.max.bytes=33554432
P
  [ -f "$home/data/meta.properties" ] ||
    jvm kafka.tools.StorageTool format -t bGV2YWRhLXRlc3RzLTAwMA -c "$home/server.properties" \
      --add-scram 'SCRAM-SHA-256=[name=levada,password=mountain-water]' \
      --add-scram 'SCRAM-SHA-512=[name=levada,password=mountain-water]' >"$home/format.log" 2>&1
  echo "$port" >"$home/port"
  setsid nohup java -Xms512m -Xmx1g -Djava.net.preferIPv4Stack=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$home/lib/*" kafka.Kafka "$home/server.properties" >"$home/broker.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$home/pid"
  for _ in $(seq 1 600); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && { echo "127.0.0.1:$port"; return; }
    kill -0 "$pid" 2>/dev/null || { echo "the broker ended at its start:" >&2; tail -n 20 "$home/broker.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "the broker does not answer on port $port" >&2
  tail -n 20 "$home/broker.log" >&2
  exit 1
}

stop() {
  [ -f "$home/pid" ] || return 0
  local pid
  pid=$(cat "$home/pid")
  rm -f "$home/pid"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 1 200); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
}

case ${1:-} in
  start) start "${2:-29192}" ;;
  stop) stop ;;
  restart) stop; start "$(cat "$home/port" 2>/dev/null || echo 29192)" ;;
  wipe) stop; rm -rf "$home/data" ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
