#!/usr/bin/env bash
# A pipeline with `nodes:` into a real Apache IoTDB 2.0.1-beta and 0.12.0 on the loopback: every type comes back as the embedded
# engine has it, asked, and read by a query as a source; kill -9 of the pipeline and of the server in the middle of a run lose no
# row. Fails on any difference.
#
# Needs cargo, python3, a JDK of version 17 with mvn, and a C compiler. What it installs goes to
# ${LEVADA_REAL_HOME:-target/real}. LEVADA is the binary; target/debug/levada unless given. VERSIONS are those of the server.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/debug/levada}")
root=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$root"
root=$(cd "$root" && pwd)
port=${LEVADA_NODES_PORT:-26700} kills=${KILLS:-$([ -n "${FULL:-}" ] && echo 20 || echo 4)}
rows=$([ -n "${FULL:-}" ] && echo 2000000 || echo 400000)
job=nodes
. "$scripts/live.sh"

pipeline() { # name, file, store
  cat >"$work/$1.yaml" <<Y
name: $1
sources:
  readings:
    file: {paths: ["$work/$2"]}
    decode: {json: {device: \$.device, time: \$.time, measurements: \$.measurements, values: \$.values, types: \$.types}}
sinks:
  store:
    inputs: [readings]
    iotdb: {$3, database: root.plant}
    batch: {rows: 5000}
errors:
  dead_letter: {file: "$work/$1.dead"}
Y
}

run() { (cd "$work" && "$levada" run "$1.yaml" --quiet 2>>"$1.log"); }

types() { # every type through a pipeline: what the server has is what the embedded engine has
  python3 - "$version" >"$work/types.jsonl" <<'P'
import json, sys
types = {"b": "BOOLEAN", "i": "INT32", "l": "INT64", "f": "FLOAT", "d": "DOUBLE", "t": "TEXT", "s": "STRING", "ts": "TIMESTAMP", "dt": "DATE"}
if sys.argv[1] != "2.0":
    del types["dt"]
for n in range(3000):
    values = {"b": n % 2 == 0, "i": -n, "l": n * 10**12 + 1, "f": n / 4, "d": n / 8, "t": f"t{n}ä", "s": f"s {n}", "ts": 1700000000000 + n, "dt": f"2024-02-{n % 28 + 1:02}"}
    values = {key: None if (n + at) % 7 == 0 else values[key] for at, key in enumerate(types)}
    # Late rows among them.
    print(json.dumps({"device": f"d{n % 3}", "time": 1700000000000 + (n ^ 5), "measurements": list(types), "types": list(types.values()), "values": list(values.values())}))
P
  pipeline types types.jsonl "nodes: [\"127.0.0.1:$port\"]"
  pipeline embedded types.jsonl "embedded: data"
  run types
  run embedded
  [ ! -s "$work/types.dead" ] || { echo "FAIL  $version: rows were rejected:" && head -n 3 "$work/types.dead" && failed=1; }
  local measurement
  for measurement in b i l f d t s ts $([ "$version" != 2.0 ] || echo dt); do
    theirs "select $measurement from root.plant.d1" | tail -n +2 >"$work/theirs.csv"
    ours "$work/data" "select $measurement from root.plant.d1" >"$work/ours.csv"
    agree "$version types" "select $measurement" "$work/ours.csv" "$work/theirs.csv"
  done
}

queries() { # what the server has, read by a query into another folder, is what the embedded engine has
  cat >"$work/back.yaml" <<Y
name: back
sources:
  rows: {iotdb: {nodes: ["127.0.0.1:$port"], query: "select * from root.plant.d0, root.plant.* align by device", slice: 1s}}
sinks:
  store: {inputs: [rows], iotdb: {embedded: back}}
Y
  run back
  local measurement
  for measurement in b i l f d t s ts $([ "$version" != 2.0 ] || echo dt); do
    ours "$work/back" "select $measurement from root.plant.* align by device" >"$work/theirs.csv"
    ours "$work/data" "select $measurement from root.plant.* align by device" >"$work/ours.csv"
    agree "$version queries" "select $measurement" "$work/ours.csv" "$work/theirs.csv"
  done
}

kills() { # kill -9 of the pipeline, then of the server, in the middle of a run: every row is there
  python3 - "$rows" >"$work/many.jsonl" <<'P'
import json, sys
for n in range(int(sys.argv[1])):
    print(json.dumps({"device": f"k{n % 10}", "time": 1700000000000 + n, "measurements": ["n"], "types": ["INT64"], "values": [n]}))
P
  pipeline many many.jsonl "nodes: [\"127.0.0.1:$port\"]"
  local kill run_pid done_at=0
  for kill in $(seq 1 "$kills"); do
    (cd "$work" && exec "$levada" run many.yaml --quiet 2>>many.log) &
    run_pid=$!
    sleep "0.$((RANDOM % 5 + 2))"
    kill -9 "$run_pid" 2>/dev/null || done_at=$kill
    wait "$run_pid" 2>/dev/null || true
  done
  echo "      $version: $kills kills of the pipeline$([ $done_at = 0 ] || echo ", done before kill $done_at")"
  (cd "$work" && exec "$levada" run many.yaml --quiet 2>>many.log) &
  run_pid=$!
  sleep 0.3
  stop KILL
  start
  wait "$run_pid" || { echo "FAIL  $version: the run failed:"; tail -n 5 "$work/many.log"; failed=1; }
  theirs "select count(n) from root.plant.k*" | tail -n 1 | tr ',' '\n' >"$work/theirs.csv"
  for _ in $(seq 1 10); do echo $((rows / 10)); done >"$work/ours.csv"
  agree "$version kills" "rows of each device" "$work/ours.csv" "$work/theirs.csv"
}

all_failed=0
for each in ${VERSIONS:-2.0 0.12}; do
  prepare "$each"
  start
  types
  queries
  kills
  stop TERM
  all_failed=$((all_failed + failed))
done
[ "$all_failed" = 0 ]
