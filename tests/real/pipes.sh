#!/usr/bin/env bash
# A pipe from `levada serve` into a real Apache IoTDB 2.0.1-beta and 0.12.0 on the loopback: every type, aligned devices where the
# server has them, deletions, kill -9 of the sender or the receiver at random moments while rows are written (SEED repeats them). Then a pipe of the 2.0.1-beta into `levada
# serve`: what it had stored, what is written, every type, deletions, kill -9 of the receiver. Fails on any difference between both ends.
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
port=${LEVADA_PIPES_PORT:-26720} edge=127.0.0.1:$((${LEVADA_PIPES_PORT:-26720} + 10)) cloud=127.0.0.1:$((${LEVADA_PIPES_PORT:-26720} + 11))
kills=${KILLS:-$([ -n "${FULL:-}" ] && echo 30 || echo 3)} rows=$([ -n "${FULL:-}" ] && echo 100000 || echo 5000)
job=pipes
. "$scripts/live.sh"
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
echo "SEED=$seed"
moment() {
  # Drawn here: a subshell has a chance of its own.
  local milliseconds=$((RANDOM % 1000))
  sleep "$(printf '0.%03d' "$milliseconds")"
}

edge_pid=
begin() { # the sender
  "$levada" serve --data "$work/edge" --rpc "$edge" >>"$work/edge.log" 2>&1 &
  edge_pid=$!
  await "${edge##*:}" "$edge_pid" "$work/edge.log"
}
end() { # signal
  [ -n "$edge_pid" ] || return 0
  kill "-$1" "$edge_pid" 2>/dev/null || true
  wait "$edge_pid" 2>/dev/null || true
  edge_pid=
}
cloud_pid=
receive() { # the receiver of their pipe
  "$levada" serve --data "$work/cloud" --rpc "$cloud" >>"$work/cloud.log" 2>&1 &
  cloud_pid=$!
  await "${cloud##*:}" "$cloud_pid" "$work/cloud.log"
}
leave() { # signal
  [ -n "$cloud_pid" ] || return 0
  kill "-$1" "$cloud_pid" 2>/dev/null || true
  wait "$cloud_pid" 2>/dev/null || true
  cloud_pid=
}
trap 'end TERM; leave TERM; stop TERM' EXIT
here() { "$levada" sql --node "$edge" --zone UTC --format csv -e "$1"; }

there() { "$levada" sql --node "$cloud" --zone UTC --format csv -e "$1"; }

same() { # what, query, ours: waits until both ends answer alike
  local _
  for _ in $(seq 1 240); do
    "${3:-here}" "$2" >"$work/ours.csv" 2>/dev/null || true
    theirs "$2" >"$work/theirs.csv" 2>/dev/null || true
    if [ -s "$work/ours.csv" ] && cmp -s "$work/ours.csv" "$work/theirs.csv"; then
      echo "ok    $version: $1, $(($(wc -l <"$work/ours.csv") - 1)) rows"
      return
    fi
    sleep 0.5
  done
  echo "FAIL  $version: $1"
  diff "$work/ours.csv" "$work/theirs.csv" | head -n 6 || true
  here "show pipes" || true
  failed=1
}

types() {
  local new='' dt=''
  [ "$version" != 2.0 ] || new=', ts, s, bl' dt=", 1700000000000, 'str', X'cafe'"
  here "create timeseries root.t.d.b BOOLEAN; create timeseries root.t.d.i INT32 encoding=RLE; create timeseries root.t.d.l INT64;
    create timeseries root.t.d.f FLOAT; create timeseries root.t.d.x DOUBLE; create timeseries root.t.d.t TEXT" >/dev/null
  [ "$version" != 2.0 ] || here "create timeseries root.t.d.ts TIMESTAMP; create timeseries root.t.d.s STRING;
    create timeseries root.t.d.bl BLOB; create aligned timeseries root.t.a(x DOUBLE, y INT32);
    insert into root.t.a(time, x, y) aligned values (1, 1.5, null), (2, null, 7)" >/dev/null
  here "insert into root.t.d(time, b, i, l, f, x, t$new) values (1, true, -7, 12345678901, 1.5, 2.25, 'ä'$dt);
    insert into root.t.d(time, b, t) values (2, false, 'x')" >/dev/null
  local one
  for one in b i l f x t; do same "type $one" "select $one from root.t.d"; done
  [ "$version" != 2.0 ] || { for one in ts s bl; do same "type $one" "select $one from root.t.d"; done; same aligned "select x, y from root.t.a"; }
}

deletions() {
  here "insert into root.t.g(time, n) values (1, 1.5), (2, 2.5), (3, 3.5)" >/dev/null
  same "before a deletion" "select n from root.t.g"
  here "delete from root.t.g.n where time <= 2" >/dev/null
  same "after a deletion" "select n from root.t.g"
}

kills() {
  local round device from=0
  for round in $(seq 1 "$kills"); do
    python3 -c "for n in range($from, $from + $rows): print('{\"device\":\"root.t.k%d\",\"timestamp\":%d,\"n\":%d.5}' % (n % 5, 1700000000000 + n, n))" >"$work/rows.jsonl"
    from=$((from + rows))
    "$levada" import "$work/rows.jsonl" --node "$edge" >/dev/null 2>>"$work/import.log" &
    local writer=$!
    moment
    # A real server takes seconds to start.
    if [ $((RANDOM % 3)) = 0 ]; then
      stop KILL
      start
    else
      end KILL
      begin
    fi
    # Who was not told that the rows are stored writes them again.
    wait "$writer" || "$levada" import "$work/rows.jsonl" --node "$edge" >/dev/null 2>>"$work/import.log"
  done
  for device in k0 k1 k2 k3 k4; do same "rows of $device after $kills kills" "select n from root.t.$device"; done
}

# Their pipe sends sealed files, and says nothing of what is in memory: it is flushed.
theirs_to_ours() {
  local one round device from=0
  theirs "create database root.p; create timeseries root.p.d.b BOOLEAN; create timeseries root.p.d.i INT32 encoding=RLE;
    create timeseries root.p.d.l INT64; create timeseries root.p.d.f FLOAT; create timeseries root.p.d.x DOUBLE;
    create timeseries root.p.d.t TEXT; create timeseries root.p.d.ts TIMESTAMP; create timeseries root.p.d.s STRING;
    create timeseries root.p.d.bl BLOB; create timeseries root.p.d.da DATE; create aligned timeseries root.p.a(x DOUBLE, y INT32)" >/dev/null
  write() { # time, live: a row of every type, and three of which one goes
    theirs "insert into root.p.d(time, b, i, l, f, x, t, ts, s, bl, da) values ($1, true, -7, 12345678901, 1.5, 2.25, 'ä', 1700000000000, 'str', X'cafe', '2024-02-29');
      insert into root.p.d(time, b, t) values ($(($1 + 1)), false, 'x');
      insert into root.p.a(time, x, y) aligned values ($1, 1.5, null), ($(($1 + 1)), null, 7);
      insert into root.p.g(time, n) values ($1, 1.5), ($(($1 + 1)), 2.5), ($(($1 + 2)), 3.5); flush" >/dev/null
    # Their pipe may send a deletion while it still sends the file with the row.
    [ "${2:-}" != live ] || same "before the deletion" "select n from root.p.g" there
    theirs "delete from root.p.g.n where time = $1; flush" >/dev/null
  }
  alike() { # when
    for one in b i l f x t ts s bl da; do same "$1, type $one" "select $one from root.p.d" there; done
    same "$1, aligned" "select x, y from root.p.a" there
    same "$1, deletions" "select n from root.p.g" there
  }
  write 1
  receive
  theirs "create pipe up with source ('inclusion'='all', 'mods.enable'='true') with sink ('node-urls'='$cloud')" >/dev/null
  alike "their history"
  there "show timeseries root.p.**" | grep -q '^root.p.d.i,.*,INT32,RLE,' || { echo "FAIL  $version: the encoding of a series" && failed=1; }
  write 100 live
  theirs "delete from root.p.g.n where time = 2" >/dev/null
  alike "their rows"
  there "show pipes" | grep -q ",receiver,127.0.0.1,RUNNING,Database='root.p',NORMAL" || { echo "FAIL  $version: show pipes" && there "show pipes" && failed=1; }
  for round in $(seq 1 "$kills"); do
    python3 -c "for n in range($from, $from + $rows): print('{\"device\":\"root.p.k%d\",\"timestamp\":%d,\"n\":%d.5}' % (n % 5, 1700000000000 + n, n))" >"$work/rows.jsonl"
    from=$((from + rows))
    "$levada" import "$work/rows.jsonl" --node "127.0.0.1:$port" >/dev/null 2>>"$work/import.log"
    theirs flush >/dev/null &
    local flushing=$!
    moment
    leave KILL
    wait "$flushing" || true
    receive
    # Left alone, it comes back within minutes.
    theirs "start pipe up" >/dev/null
  done
  for device in k0 k1 k2 k3 k4; do same "their rows of $device after $kills kills" "select n from root.p.$device" there; done
  there "show pipes"
  theirs "show pipes; drop pipe up"
  leave TERM
}

all_failed=0 failed=0
for each in ${VERSIONS:-2.0 0.12}; do
  prepare "$each"
  failed=0
  start
  begin
  here "create pipesink real as IoTDB (ip='127.0.0.1', port=$port); create pipe p to real with SyncDelOp=true; start pipe p" >/dev/null
  types
  deletions
  kills
  here "show pipes"
  end TERM
  [ "$version" != 2.0 ] || theirs_to_ours
  stop TERM
  all_failed=$((all_failed + failed))
done
[ "$all_failed" = 0 ]
