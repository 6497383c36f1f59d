#!/usr/bin/env bash
# Hostile functions beside the queries of others on one `levada serve`: loops in each method and at a module's start, memory bombs,
# recursion, panics, wrong times and types, texts of a gibibyte, compile bombs, files that change while functions are made of them. Each
# ends with its error, all other answers are right, memory does not grow. Prints how long other answers take meanwhile.
#
# Needs python3 with venv. What it installs goes to ${LEVADA_REAL_HOME:-target/real}. LEVADA is the binary; target/debug/levada unless
# given.
set -euo pipefail
cd "$(dirname "$0")/../.."
levada=$(realpath "${LEVADA:-target/debug/levada}")
home=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$home/clients"
home=$(cd "$home" && pwd)
port=${LEVADA_HOSTILE_PORT:-26930} work=$home/hostile
rm -rf "$work"
mkdir -p "$work/data/ext/udf"

venv=$home/clients/python-2.0.11
[ -x "$venv/ready" ] || {
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install apache-iotdb==2.0.11
  ln -sf bin/python "$venv/ready"
}

XDG_CACHE_HOME=$work/cache "$levada" serve --data "$work/data" --rpc "127.0.0.1:$port" >"$work/serve.log" 2>&1 &
pid=$!
trap 'kill -KILL "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 1 300); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  kill -0 "$pid" 2>/dev/null || { tail -n 20 "$work/serve.log" >&2; exit 1; }
  sleep 0.1
done
"$venv/bin/python" -W ignore tests/real/clients/hostile.py "$port" "$pid" "$PWD/engine/udf/host/tests/modules" "$work/data/ext/udf" 2>"$work/client.log" ||
  { grep FAULT "$work/client.log" >&2 || tail -n 20 "$work/client.log" >&2; exit 1; }
