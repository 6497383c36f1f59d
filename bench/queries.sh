#!/usr/bin/env bash
# The same queries of the same 10,000,000 readings, asked of the embedded engine and of real servers, in one run: Apache IoTDB
# 2.0.1-beta and 0.12.0 over Levada's client.
#
#   bench/queries.sh [RUNS]     default 20
#
# LEVADA names the binary, PORT the server's port (the six behind it are its parts'), VERSIONS the servers (2.0, 0.12). Needs what
# the scripts in tests/real need.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/release/levada}")
root=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$root"
root=$(cd "$root" && pwd)
port=${PORT:-26880} runs=${1:-20}
job=queries
. "$scripts/live.sh"

for each in ${VERSIONS:-2.0 0.12}; do
  prepare "$each"
  start
  echo "Apache IoTDB $each"
  prefixes=$([ "$each" = 2.0 ] || echo --prefixes)
  "$levada" bench queries --node "127.0.0.1:$port" --runs "$runs" $prefixes
  stop TERM
done
echo "embedded engine"
rm -rf "$root/queries-embedded"
"$levada" bench queries --data "$root/queries-embedded" --runs "$runs"
