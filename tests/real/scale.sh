#!/usr/bin/env bash
# Past one machine: four processes of one consumer group, each with a state folder of its own, write a topic of 12 partitions into one
# real Apache IoTDB 2.0.1-beta. They come one after the other while messages keep coming, and are killed with -9 and started
# again; in the end every message is there exactly once, by series and time. Then as many messages by one, two and four
# processes: how the rate grows, and who had the processors meanwhile.
#
# Needs what nodes.sh and kafka.sh need. FULL=1 sends 2,000,000 messages and kills 20 times; COUNT, KILLS and SEED say otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/debug/levada}")
export LEVADA_REAL_HOME=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$LEVADA_REAL_HOME"
root=$(cd "$LEVADA_REAL_HOME" && pwd)
port=${LEVADA_SCALE_PORT:-26740} http=$((${LEVADA_SCALE_PORT:-26740} + 10)) kafka_port=${KAFKA_PORT:-29192}
brokers=127.0.0.1:$kafka_port
count=${COUNT:-$([ -n "${FULL:-}" ] && echo 2000000 || echo 120000)}
kills=${KILLS:-$([ -n "${FULL:-}" ] && echo 20 || echo 3)}
seed=${SEED:-$RANDOM}
RANDOM=$seed
seconds=$((6 + kills * 4)) # about as long as joining and killing takes
job=scale
. "$scripts/live.sh"
declare -A member=()
trap 'kill -9 "${member[@]}" 2>/dev/null || true; kill $(jobs -p) 2>/dev/null || true; stop TERM' EXIT

pipeline() { # file, group, end
  cat >"$work/$1.yaml" <<Y
name: scale
sources:
  readings:
    kafka:
      brokers: $brokers
      topics: [$topic]
      group: $2
      start: earliest$3
      properties: {session.timeout.ms: "6000", heartbeat.interval.ms: "500"}
    decode: {json: {device: \$.device, time: \$.timestamp}}
sinks:
  store: {inputs: [readings], iotdb: {nodes: ["127.0.0.1:$port"], database: root.plant}}
errors:
  dead_letter: {file: "$work/\${MEMBER}.dead"}
Y
}

join() { # member, file, flags
  # A server that syncs its log for each device takes its time.
  MEMBER=$1 "$levada" run --quiet --grace 3m --state "$work/state-$1" "${@:3}" "$work/$2.yaml" >>"$work/$1.log" 2>&1 &
  member[$1]=$!
}

ended() { # member: it ends as it should
  local code=0
  wait "${member[$1]}" || code=$?
  [ "$code" = 0 ] || { echo "FAIL  $1 ended with $code:" >&2; tail -n 20 "$work/$1.log" >&2; exit 1; }
}

assigned() { # member: it has got partitions since it was last started
  for _ in $(seq 1 600); do
    ! awk '/ started pipeline/ { got = 0 } /partitions assigned.*partitions=[1-9]/ { got = 1 } END { exit !got }' "$work/$1.log" || return 0
    sleep 0.1
  done
  echo "FAIL  $1 got no partition:" >&2; tail -n 5 "$work/$1.log" >&2; exit 1
}

compare() { # what: every device has the rows that were sent, by number and by sums of what they hold
  theirs 'select count(temperature), sum(temperature), sum(sequence) from root.plant.** align by device' >"$work/stored.csv"
  python3 - "$work/expect.csv" "$work/stored.csv" "$1" <<'P'
import csv, sys
def rows(path):
    return {row[0]: tuple(float(value or 0) for value in row[1:]) for row in list(csv.reader(open(path)))[1:] if row}
want, have = rows(sys.argv[1]), rows(sys.argv[2])
wrong = [device for device in sorted(set(want) | set(have)) if want.get(device) != have.get(device)]
for device in wrong[:5]: print(f"      {device}: stored {have.get(device)}, sent {want.get(device)}", file=sys.stderr)
total, sent = (int(sum(row[0] for row in of.values())) for of in (have, want))
print(f"{'FAIL ' if wrong or not want else 'ok   '} {sys.argv[3]}: {total} of {sent} messages, {len(wrong)} of {len(want)} devices differ")
sys.exit(1 if wrong or not want else 0)
P
  ! cat "$work"/*.dead 2>/dev/null | head -n 3 | grep . || { echo "FAIL  $1: dead letters"; exit 1; }
}

comes_and_goes() {
  local names=(a b c d) name met=0 hit=0
  pipeline joined "$topic" ""
  fill=("$levada" bench fill --brokers "$brokers" --topic "$topic" --partitions 12 --devices 120)
  # The topic is there before who reads it.
  "${fill[@]}" --messages 0 >/dev/null
  "${fill[@]}" --messages "$count" --rate $((count / seconds)) --expect "$work/expect.csv" >/dev/null &
  local filling=$!
  for name in "${names[@]}"; do
    join "$name" joined
    sleep 1
  done
  for _ in $(seq "$kills"); do
    name=${names[RANDOM % 4]}
    if kill -9 "${member[$name]}" 2>/dev/null; then hit=$((hit + 1)); fi
    ! kill -0 "$filling" 2>/dev/null || met=$((met + 1))
    wait "${member[$name]}" 2>/dev/null || true
    sleep "0.$((RANDOM % 9))"
    join "$name" joined
    sleep "$((RANDOM % 2 + 2)).$((RANDOM % 9))"
  done
  [ "$hit" = "$kills" ] && [ "$met" -gt 0 ] ||
    { echo "FAIL  only $hit of $kills kills met a running process, $met while messages came" >&2; exit 1; }
  wait "$filling"
  for name in "${names[@]}"; do assigned "$name"; done
  for name in "${names[@]}"; do kill -TERM "${member[$name]}"; done
  for name in "${names[@]}"; do ended "$name"; done
  # What had not been read yet, with an end.
  pipeline rest "$topic" $'\n      end: latest'
  join a rest
  ended a
  compare "four processes, $kills times kill -9, $met of them while messages came (SEED=$seed)"
}

rate() { # processes: they share the partitions of an empty topic, then all messages come at once
  theirs 'delete database root.plant' >/dev/null
  rm -rf "$work"/state-*
  local before=$topic n
  topic=$topic-$1-$RANDOM
  "$levada" bench fill --brokers "$brokers" --topic "$topic" --partitions 12 --messages 0 >/dev/null
  pipeline "by-$1" "$topic" ""
  for n in $(seq "$1"); do
    join "by-$1-$n" "by-$1" --http "127.0.0.1:$((http + n))"
  done
  python3 "$scripts/scale.py" "$1" "$http" "$count" "${pids[*]} $(cat "$root/kafka/pid")" "$(for n in $(seq "$1"); do echo "${member["by-$1-$n"]}"; done)" \
    "$levada" bench fill --brokers "$brokers" --topic "$topic" --partitions 12 --devices 120 --messages "$count"
  for n in $(seq "$1"); do kill -TERM "${member["by-$1-$n"]}"; done
  for n in $(seq "$1"); do ended "by-$1-$n"; done
  topic=$before
  compare "by $1"
}

prepare 2.0
start
(exec 3<>"/dev/tcp/127.0.0.1/$kafka_port") 2>/dev/null || "$scripts/kafka.sh" start "$kafka_port" >/dev/null
topic=scale-$$-$RANDOM
comes_and_goes
for n in ${PROCESSES:-1 2 4}; do rate "$n"; done
