#!/usr/bin/env bash
# Functions of users: in the host alone, and in whole queries beside what is built in.
#
#   bench/udf.sh [ROWS] [RUNS]     default 10,000,000 and 3
#
# Prints rows/s on one thread of the examples' functions (the best of RUNS), then of queries over ROWS rows of two INT64 series,
# whose answers a pipeline throws away: wall and CPU seconds, peak memory. LEVADA names the binary, MODULE another module.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-10000000} runs=${2:-3}
levada=$(realpath "${LEVADA:-target/release/levada}")
module=$(realpath "${MODULE:-examples/udf/rust/example_functions.wasm}")
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
cd "$job"
bench() { "$levada" udf bench "$module" --rows "$rows" --repeat "$runs" --function "org.example.$1" "${@:2}"; }
bench Adder --inputs INT64,INT64
bench Counter --attribute time_interval=1000
bench Max --inputs INT32
bench Span

cat > fill.yaml <<Y
name: fill
sources:
  plant:
    sensor:
      {device: root.b.d, rows: $rows, start: 2026-05-01T00:00:00Z, interval: 1s, measurements: {
        s1: {wave: random_walk, noise: 5, type: INT64}, s2: {wave: random_walk, noise: 50, type: INT64},
        s3: {wave: random_walk, noise: 5, type: INT32}}}
sinks: {store: {inputs: [plant], iotdb: {embedded: data}}}
Y
"$levada" run --quiet --state fill fill.yaml 2> fill.log || { cat fill.log; exit 1; }
mkdir -p data/ext/udf && cp "$module" data/ext/udf
for name in Adder Counter Max; do echo "create function $name as 'org.example.$name';"; done > functions.sql
"$levada" sql --data data -f functions.sql > /dev/null
"$levada" sql --data data -e flush > /dev/null
number=0
for query in "s1 + s2" "adder(s1, s2)" "count(s1 + s2)" "count(adder(s1, s2))" "max(s3)" "counter(s1, 'time_interval'='1000000')"; do
  number=$((number + 1))
  cat > "query$number.yaml" <<Y
name: query$number
sources: {rows: {iotdb: {embedded: data, query: "select $query from root.b.d"}}}
sinks: {nowhere: {inputs: [rows], blackhole: {}}}
Y
  python3 - "$rows" "$runs" "$levada" "query$number" "$query" <<'P'
import os, resource, subprocess, sys, time
rows, runs, levada, name, query = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
walls, used = [], []
for run in range(runs):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with open(f"{name}.log", "w") as log:
        code = subprocess.call([levada, "run", "--quiet", "--state", f"{name}-{run}", f"{name}.yaml"], stdout=log, stderr=log)
    if code:
        sys.exit(open(f"{name}.log").read())
    walls.append(time.monotonic() - start)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print(f"select {query}: {rows / min(walls) / 1e6:.1f} M rows/s, {min(walls):.2f} s, CPU {min(used):.2f} s, "
      f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")
P
done
