#!/usr/bin/env bash
# A pipe between two `levada serve`, and one between two real Apache IoTDB 2.0.1-beta, one after the other: what is stored in values a second and for
# each CPU-second of both ends, how far the receiver is behind live writes, what the pipe costs the sender's ingest, how long one row takes,
# how far behind live values are while what is stored is sent, and how long after kill -9 of either end all is there (not of an IoTDB, which takes
# minutes). Servers and client, bench/pipes/Pipes.java, are processes of their own; both ends are compared value by value.
#
#   bench/pipes.sh [VALUES [ROUNDS]]       SYSTEMS="levada iotdb" and PARTS="history live row both kill" choose; LEVADA is the binary, target/release/levada unless given
#
# Needs a JDK of version 17 with mvn, a C compiler, and 6 GiB of memory. What it installs goes to ${LEVADA_REAL_HOME:-target/real}.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/release/levada}")
root=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$root"
root=$(cd "$root" && pwd)
values=${1:-10000000} rounds=${2:-3}
base=${LEVADA_PIPES_PORT:-26900}
export SENDER=$base RECEIVER=$((base + 10))
port=$SENDER job=bench-sender
. "$scripts/live.sh"
trap 'kill $(cat "$root"/bench-levada/*.pid 2>/dev/null) 2>/dev/null || true; stop TERM' EXIT

prepare 2.0
javac -nowarn -cp "$home/lib/*" -d "$home/classes" bench/pipes/Pipes.java 2> >(grep -v "^Note: " >&2)
# The client's log goes to standard output.
cat >"$root/quiet.xml" <<'X'
<configuration><root level="OFF"/></configuration>
X
client() {
  java -Xmx2g "${opens[@]}" -Dlogback.configurationFile="$root/quiet.xml" -cp "$home/classes:$home/lib/*" Pipes "$@"
}

wanted() { [[ " ${PARTS:-history live row both kill} " == *" $1 "* ]]; }

measure() { # threads, milliseconds between flushes of live values
  ! wanted history || client history "$values" "$rounds"
  ! wanted live || client live "$((5 * values))" "$rounds" "$1" "$2"
  ! wanted row || client row 200 5
}

levada_again() { # sender or receiver: kill -9, and serve the folder anew
  cat <<S
kill -9 \$(cat $root/bench-levada/$1.pid)
# Until it is gone its address is taken.
while (exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null; do sleep 0.01; done
nohup $levada serve --data $root/bench-levada/$1 --rpc 127.0.0.1:$2 >>$root/bench-levada/$1.log 2>&1 </dev/null &
echo \$! >$root/bench-levada/$1.pid
until (exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null; do sleep 0.02; done
S
}

measure_levada() {
  rm -rf "$root/bench-levada"
  mkdir -p "$root/bench-levada"
  local end
  for end in sender receiver; do
    local at=$SENDER
    [ "$end" = sender ] || at=$RECEIVER
    "$levada" serve --data "$root/bench-levada/$end" --rpc "127.0.0.1:$at" >"$root/bench-levada/$end.log" 2>&1 </dev/null &
    echo $! >"$root/bench-levada/$end.pid"
    await "$at" $! "$root/bench-levada/$end.log"
  done
  SENDER_PIDS=$(cat "$root/bench-levada/sender.pid") RECEIVER_PIDS=$(cat "$root/bench-levada/receiver.pid")
  export SENDER_PIDS RECEIVER_PIDS
  measure 1 0
  ! wanted both || client both 1000000 10
  ! wanted kill || client kill "$values" receiver "$(levada_again receiver "$RECEIVER")"
  ! wanted kill || client kill "$values" sender "$(levada_again sender "$SENDER")"
  kill $(cat "$root"/bench-levada/*.pid)
}

measure_iotdb() {
  local end
  for end in sender receiver; do
    job=bench-$end port=$SENDER
    [ "$end" = sender ] || port=$RECEIVER
    pids=()
    prepare 2.0
    # As it comes.
    sed -i '/^wal_mode=/d' "$server/conf/iotdb-system.properties"
    start
    [ "$end" = receiver ] || SENDER_PIDS="${pids[*]}"
    [ "$end" = sender ] || RECEIVER_PIDS="${pids[*]}"
  done
  export SENDER_PIDS RECEIVER_PIDS
  read -ra pids <<<"$SENDER_PIDS $RECEIVER_PIDS"
  # Its pipes send files: without a flush nothing comes.
  measure 1 1000
  stop TERM
}

for system in ${SYSTEMS:-levada iotdb}; do
  echo "== $system"
  "measure_$system"
done
