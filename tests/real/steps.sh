#!/usr/bin/env bash
# Some hundred steps over the Python client of IoTDB — schema, every type, tablets, nulls, rejections, queries of every kind,
# deletions, templates, users, settings of a session — once against a real Apache IoTDB 2.0.1-beta and once against `levada serve`:
# headers, types, values and codes are the same.
#
# Needs cargo, python3 with venv, a JDK of version 17 with mvn, and a C compiler. What it installs goes to
# ${LEVADA_REAL_HOME:-target/real}. LEVADA is the binary; target/debug/levada unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/debug/levada}")
root=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$root"
root=$(cd "$root" && pwd)
port=${LEVADA_STEPS_PORT:-26860} ours=$((${LEVADA_STEPS_PORT:-26860} + 9))
job=steps
. "$scripts/live.sh"

venv=$root/clients/python-2.0.11
[ -x "$venv/ready" ] || {
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install apache-iotdb==2.0.11
  ln -sf bin/python "$venv/ready"
}

steps() { # port, name
  "$venv/bin/python" -W ignore "$scripts/clients/steps.py" "$1" >"$work/$2.jsonl" 2>"$work/$2.log" || { tail -n 20 "$work/$2.log" >&2; exit 1; }
}

prepare 2.0
start
steps "$port" theirs
stop TERM
"$levada" serve --data "$work/data" --rpc "127.0.0.1:$ours" >"$work/serve.log" 2>&1 &
pids+=($!)
await "$ours" $! "$work/serve.log"
steps "$ours" ours
"$venv/bin/python" "$scripts/clients/steps.py" compare "$work/theirs.jsonl" "$work/ours.jsonl"
