#!/usr/bin/env bash
# How many rows a second `levada serve` takes by calls of records, in each sync mode, from clients of which each waits for its answer:
# bench/records.sh [SECONDS]. LEVADA is the binary; target/release/levada unless given. `cargo build --release` and `cargo build
# --release -p levada-rpc --example records` come first.
set -euo pipefail
cd "$(dirname "$0")/.."
levada=$(realpath "${LEVADA:-target/release/levada}")
records=$(realpath "${RECORDS:-target/release/examples/records}")
seconds=${1:-5} port=${LEVADA_RECORDS_PORT:-26660}
work=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
  pid=
}
trap 'stop; rm -rf "$work"' EXIT
for mode in group always interval; do
  rm -rf "$work/data"
  "$levada" serve --data "$work/data" --rpc "127.0.0.1:$port" --sync "$mode" --log-level warn 2>"$work/log" &
  pid=$!
  for _ in $(seq 1 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
  done
  echo "sync: $mode"
  for clients in 1 4 32; do
    "$records" "127.0.0.1:$port" "$clients" 1 "$seconds"
  done
  for form in records device strings; do
    "$records" "127.0.0.1:$port" 1 100 "$seconds" "$form"
  done
  stop
done
