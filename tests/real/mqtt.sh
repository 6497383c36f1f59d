#!/usr/bin/env bash
# MQTT against mosquitto: every message is stored, also where the pipeline is killed with kill -9 and the broker restarts in
# the middle; a message is acknowledged when it is stored, and so none is left at the broker in the end. TLS=1 encrypts the pipeline's
# connection, which needs openssl.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${LEVADA_REAL_HOME:=$here/../../target/real}"
: "${LEVADA:=$here/../../target/debug/levada}"
: "${MQTT_PORT:=29883}"
count=${COUNT:-$([ -n "${FULL:-}" ] && echo 200000 || echo 20000)}
kills=${KILLS:-5}
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null && command -v mosquitto_pub >/dev/null ||
  { echo "mosquitto is missing: install the packages mosquitto and mosquitto-clients" >&2; exit 1; }

job=$LEVADA_REAL_HOME/jobs/mqtt
rm -rf "$job"
mkdir -p "$job/broker"
cat >"$job/mosquitto.conf" <<Y
listener $MQTT_PORT 127.0.0.1
allow_anonymous true
persistence true
persistence_location $job/broker/
max_queued_messages 0
Y
[ "$(id -u)" != 0 ] || echo "user root" >>"$job/mosquitto.conf"
at=$MQTT_PORT tls=
if [ -n "${TLS:-}" ]; then
  at=$((MQTT_PORT + 2)) tls="tls: {ca_file: $job/ca.pem}"
  new=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  openssl req -x509 "${new[@]}" -days 2 -subj /CN=authority -keyout "$job/ca.key" -out "$job/ca.pem" 2>"$job/openssl.log"
  openssl req "${new[@]}" -subj /CN=broker -keyout "$job/broker.key" -out "$job/broker.csr" 2>>"$job/openssl.log"
  openssl x509 -req -in "$job/broker.csr" -CA "$job/ca.pem" -CAkey "$job/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$job/broker.pem" 2>>"$job/openssl.log"
  cat >>"$job/mosquitto.conf" <<Y
listener $at 127.0.0.1
allow_anonymous true
certfile $job/broker.pem
keyfile $job/broker.key
Y
fi
cat >"$job/pipeline.yaml" <<Y
name: mqtt
sources:
  readings:
    mqtt:
      broker: 127.0.0.1:$at
      $tls
      topics: [plant/#]
      device: root.{topic}
      topic_column: topic
    decode: {json: {}}
sinks:
  store:
    inputs: [readings]
    iotdb: {embedded: $job/data, database: root.plant}
    batch: {linger: 20ms}
errors:
  dead_letter: {file: $job/dead.jsonl}
Y

broker() {
  mosquitto -c "$job/mosquitto.conf" >>"$job/mosquitto.log" 2>&1 &
  broker_pid=$!
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$MQTT_PORT") 2>/dev/null && return
    sleep 0.1
  done
  echo "mosquitto does not start: see $job/mosquitto.log" >&2
  exit 1
}
pipeline() {
  "$LEVADA" run --quiet --http "127.0.0.1:$((MQTT_PORT + 1))" --state "$job/state" "$job/pipeline.yaml" >>"$job/run.log" 2>&1 &
  pid=$!
}
stored() {
  "$LEVADA" sql --data "$job/data" --format csv -e 'select count(n) from root.plant.line1.d7' | tail -1
}
publish() { # publish FROM TO
  seq "$1" "$2" | sed 's/.*/{"timestamp":&,"n":&}/' |
    mosquitto_pub -p "$MQTT_PORT" -t plant/line1/d7 -q 1 -l
}
trap 'kill "$broker_pid" ${pid:+"$pid"} 2>/dev/null || true' EXIT

broker
# The first connection makes the session, which keeps what comes from then on.
pipeline
for _ in $(seq 200); do grep -q 'source connected' "$job/run.log" && break; sleep 0.1; done
publish 1 "$((count / 2))" & publisher=$!
hit=0
for _ in $(seq "$kills"); do
  sleep "0.$(printf %03d $((200 + RANDOM % 300)))"
  if kill -9 "$pid" 2>/dev/null; then hit=$((hit + 1)); fi
  wait "$pid" 2>/dev/null || true
  pipeline
done
wait "$publisher"
echo "  $hit of $kills kills met a running pipeline"
kill "$broker_pid"
wait "$broker_pid" 2>/dev/null || true
broker
publish "$((count / 2 + 1))" "$count"
# All that came is stored when nothing is under way and nothing comes any more. The broker was away: it may take seconds until it is
# tried again.
idle=0
for _ in $(seq 600); do
  now=$(curl -sf "127.0.0.1:$((MQTT_PORT + 1))/metrics" | grep -E '^levada_(input_received|output_sent)' || true)
  [ -n "$now" ] && [ "$now" = "${before:-}" ] && idle=$((idle + 1)) || idle=0
  before=$now
  [ "$idle" -lt 40 ] || break
  sleep 0.2
done
kill "$pid"
wait "$pid"
pid=
[ "$(stored)" = "$count" ] || { echo "$(stored) of $count messages are stored" >&2; exit 1; }
[ ! -s "$job/dead.jsonl" ] || { echo "messages were dead-lettered: see $job/dead.jsonl" >&2; exit 1; }
topics=$("$LEVADA" sql --data "$job/data" --format csv -e 'select count(topic) from root.plant.line1.d7' | tail -1)
[ "$topics" = "$count" ] || { echo "$topics of $count rows have their topic" >&2; exit 1; }
# 27 is its exit code where nothing comes for two seconds.
left=$({ mosquitto_sub -p "$MQTT_PORT" -i levada-mqtt-readings -c -q 1 -t 'plant/#' -W 2 || [ $? = 27 ]; } | wc -l)
[ "$left" = 0 ] || { echo "$left messages were stored and not acknowledged" >&2; exit 1; }
echo "  $count messages stored, none left at the broker"
