#!/usr/bin/env bash
# The oracle with real processes: readings of their own kind each go to a topic of a real broker while the pipeline that stores them is
# killed with -9 again and again, and so is the server it stores them in; a broker restart is among it. When the faults stop, one more
# reading passes, every reading that the broker has is stored, and nothing else is, each value as it was issued. In turn into
# the embedded engine, into `levada serve` and into a real Apache IoTDB 2.0.1-beta.
#
# Needs what nodes.sh and kafka.sh need. FULL=1 kills the pipeline 20 times and each server 20, a real IoTDB 5 times; KILLS, SINKS and
# SEED say otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/debug/levada}")
export LEVADA_REAL_HOME=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$LEVADA_REAL_HOME"
root=$(cd "$LEVADA_REAL_HOME" && pwd)
port=${LEVADA_ORACLE_PORT:-26850} kafka_port=${KAFKA_PORT:-29192}
brokers=127.0.0.1:$kafka_port
kills=${KILLS:-$([ -n "${FULL:-}" ] && echo 20 || echo 3)}
seed=${SEED:-$RANDOM}
RANDOM=$seed
rate=${RATE:-1000}
job=oracle
. "$scripts/live.sh"
run='' serving='' issuing=''
trap 'kill -9 $run $serving $issuing 2>/dev/null || true; stop TERM' EXIT

# A sink is started, killed and asked by these; what `iotdb` is told of it is in $store.
embedded_start() { store='embedded: data'; }
embedded_kill() { :; }
embedded_ask() { "$levada" sql --data "$work/data" --zone UTC --format csv -e "$1"; }

serve_start() {
  store="nodes: [\"127.0.0.1:$port\"]"
  "$levada" serve --data "$work/data" --rpc "127.0.0.1:$port" >>"$work/serve.log" 2>&1 &
  serving=$!
  await "$port" "$serving" "$work/serve.log"
}
serve_kill() { kill -9 "$serving"; wait "$serving" 2>/dev/null || true; }
serve_ask() { theirs "$1"; }

iotdb_start() {
  store="nodes: [\"127.0.0.1:$port\"]"
  start
}
iotdb_kill() { stop KILL; }
iotdb_ask() { theirs "$1"; }

pipelines() {
  cat >"$work/issue.yaml" <<Y
name: issue
sources:
  readings:
    file: {paths: ["$work/\${ISSUED}"]}
    decode: {json: {}}
transforms:
  slowly:
    inputs: [readings]
    rate_limit: {count: $rate}
sinks:
  topic: {inputs: [slowly], kafka: {brokers: $brokers, topic: $topic}, batch: {rows: 200, linger: 50ms}}
Y
  for end in '' latest; do
    cat >"$work/store$end.yaml" <<Y
name: store
sources:
  readings:
    kafka:
      brokers: $brokers
      topics: [$topic]
      group: $topic
      start: earliest${end:+
      end: $end}
      properties: {session.timeout.ms: "6000", heartbeat.interval.ms: "500"}
    decode: {json: {cast: {b: BOOLEAN, i: INT32, l: INT64, d: DOUBLE, t: TEXT}}}
sinks:
  store: {inputs: [readings], iotdb: {$store, database: root.plant}, batch: {rows: 500, linger: 100ms}}
errors:
  dead_letter: {file: "$work/dead.jsonl"}
Y
  done
}

issue() { # file
  (cd "$work" && ISSUED=$1 exec "$levada" run --quiet --state "$work/issue-$1" issue.yaml 2>>issue.log)
}

issue_on() { # readings, some seconds' worth at a time, until the faults are over
  local at=0
  while [ ! -e "$work/over" ]; do
    python3 "$scripts/oracle.py" issue "$work/issued-$at.jsonl" "$at" $((rate * 2))
    issue "issued-$at.jsonl" || exit 1
    at=$((at + rate * 2))
  done
  python3 "$scripts/oracle.py" issue "$work/issued-fresh.jsonl" "$at" 1
}

begin() { # end
  (cd "$work" && exec "$levada" run --quiet --grace 2m --state "$work/state" "store${1:-}.yaml" 2>>store.log) &
  run=$!
}

oracle() { # sink, kills of the sink
  local sink=$1 sink_kills=$2 kill hit=0 met=0 fallen=0
  version=2.0
  if [ "$sink" = iotdb ]; then
    prepare 2.0
  else
    work=$root/$job-$sink
    rm -rf "$work"
    mkdir -p "$work"
  fi
  "${sink}_start"
  topic=oracle-$sink-$$-$RANDOM
  pipelines
  "$levada" bench fill --brokers "$brokers" --topic "$topic" --partitions 4 --messages 0 >/dev/null
  issue_on &
  issuing=$!
  for kill in $(seq "$kills"); do
    begin
    sleep "$((RANDOM % 2)).$((5 + RANDOM % 5))"
    # So many kills of the sink, spread over those of the pipeline.
    while [ $((fallen * kills)) -lt $((kill * sink_kills)) ]; do
      "${sink}_kill"
      fallen=$((fallen + 1))
      sleep "0.$((RANDOM % 10))"
      "${sink}_start"
      sleep "0.$((5 + RANDOM % 5))"
    done
    [ "$kill" != $(((kills + 1) / 2)) ] || "$scripts/kafka.sh" restart >/dev/null
    if kill -9 "$run" 2>/dev/null; then hit=$((hit + 1)); fi
    ! kill -0 "$issuing" 2>/dev/null || met=$((met + 1))
    wait "$run" 2>/dev/null || true
  done
  touch "$work/over"
  wait "$issuing" || { echo "FAIL  $sink: not all readings were issued:"; tail -n 5 "$work/issue.log"; failed=1; }
  issuing=
  issue issued-fresh.jsonl
  begin latest
  wait "$run" || { echo "FAIL  $sink: the last run failed:"; tail -n 5 "$work/store.log"; failed=1; }
  run=
  [ "$hit" = "$kills" ] && [ "$met" = "$kills" ] ||
    { echo "FAIL  $sink: $hit of $kills kills met a running pipeline, $met while readings came"; failed=1; }
  [ ! -s "$work/dead.jsonl" ] || { echo "FAIL  $sink: dead letters:"; head -n 3 "$work/dead.jsonl"; failed=1; }
  "${sink}_ask" 'select b, i, l, d, t from root.plant.* align by device' >"$work/stored.csv"
  python3 "$scripts/oracle.py" judge "$work" "$sink: $kills kills of the pipeline, $met while readings came, $fallen of the store" || failed=1
  "${sink}_kill"
}

(exec 3<>"/dev/tcp/127.0.0.1/$kafka_port") 2>/dev/null || "$scripts/kafka.sh" start "$kafka_port" >/dev/null
echo "      SEED=$seed"
failed=0 all_failed=0
for sink in ${SINKS:-$([ -n "${FULL:-}" ] && echo embedded serve iotdb || echo serve)}; do
  case $sink in
    embedded) sink_kills=0 ;;
    serve) sink_kills=$kills ;;
    iotdb) sink_kills=$(((kills + 3) / 4)) ;;
  esac
  oracle "$sink" "$sink_kills"
  all_failed=$((all_failed + failed))
  failed=0
done
[ "$all_failed" = 0 ]
