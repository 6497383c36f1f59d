#!/usr/bin/env bash
# A query as a source: rows of three measurements, from the embedded engine and from `levada serve`, into a sink that stores
# nothing.
#
#   bench/query.sh [ROWS] [RUNS]     default 1,000,000 and 3
#
# Prints rows/s of whole processes, CPU seconds per million rows and peak memory. LEVADA names the binary, PORT the server's port.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-1000000} runs=${2:-3} port=${PORT:-27290}
levada=$(realpath "${LEVADA:-target/release/levada}")
job=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$job"' EXIT
cd "$job"
cat > fill.yaml <<Y
name: fill
sources:
  plant:
    sensor:
      {device: "root.b.d{n}", devices: 100, rows: $rows, start: 2026-05-01T00:00:00Z, interval: 1s, measurements: {
        a: {wave: random_walk, noise: 0.5, decimals: 2, type: DOUBLE}, b: {wave: sine, type: FLOAT}, c: {wave: square, type: INT64}}}
sinks: {store: {inputs: [plant], iotdb: {embedded: data}}}
Y
read_from() {
  cat <<Y
name: $1
sources: {rows: {iotdb: {$2, query: "select * from root.b.** align by device"}}}
sinks: {nowhere: {inputs: [rows], blackhole: {}}}
Y
}
read_from embedded "embedded: data" > embedded.yaml
read_from server "nodes: ['127.0.0.1:$port']" > server.yaml
"$levada" run --quiet --state fill fill.yaml 2> fill.log || { cat fill.log; exit 1; }
measure() {
  python3 - "$rows" "$levada" "$1" <<'P'
import resource, subprocess, sys, time
rows, levada, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
start = time.monotonic()
with open(f"{name}.log", "w") as log:
    code = subprocess.call([levada, "run", "--quiet", "--state", f"{name}-{start}", f"{name}.yaml"], stdout=log, stderr=log)
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{name}: {rows / wall:,.0f} rows/s, {wall:.2f} s, CPU {(used.ru_utime + used.ru_stime) / rows * 1e6:.2f} s per million, "
      f"peak {used.ru_maxrss / 1024:.0f} MiB, exit {code}")
sys.exit(code)
P
}
for _ in $(seq "$runs"); do measure embedded; done
"$levada" serve --data data --rpc "127.0.0.1:$port" > serve.log 2>&1 &
server=$!
for _ in $(seq 100); do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
for _ in $(seq "$runs"); do measure server; done
