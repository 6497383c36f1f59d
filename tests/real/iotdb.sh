#!/usr/bin/env bash
# Files between Levada and a real Apache IoTDB 2.0.1-beta on the loopback, from its package registry: what `levada export`
# writes the server loads, what the server has flushed and deleted `levada import` reads, and queries of both give the same rows.
# Fails on any difference.
#
# Needs cargo, a JDK of version 17 with mvn, and a C compiler. What it installs goes to ${LEVADA_REAL_HOME:-target/real}.
# LEVADA is the binary; target/debug/levada unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/real/iotdb
levada=$(realpath "${LEVADA:-target/debug/levada}")
home=${LEVADA_REAL_HOME:-target/real}/iotdb
mkdir -p "$home"
home=$(cd "$home" && pwd)
server=$home/server work=$home/work port=${LEVADA_IOTDB_PORT:-26667}
. tests/real/server.sh
pids=()

stop() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 1 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
}
trap stop EXIT

await() { # port, pid, log
  for _ in $(seq 1 900); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    kill -0 "$2" 2>/dev/null || { echo "the server ended at its start:" >&2; tail -n 20 "$3" >&2; exit 1; }
    sleep 0.1
  done
  echo "the server does not answer on port $1" >&2
  tail -n 20 "$3" >&2
  exit 1
}

start() { # a new server, on an empty folder
  rm -rf "$server"
  mkdir -p "$server/conf"
  cat >"$server/conf/iotdb-system.properties" <<P
cluster_name=defaultCluster
cn_internal_address=127.0.0.1
cn_internal_port=$((port + 1))
cn_consensus_port=$((port + 2))
cn_seed_config_node=127.0.0.1:$((port + 1))
dn_rpc_address=127.0.0.1
dn_rpc_port=$port
dn_internal_address=127.0.0.1
dn_internal_port=$((port + 3))
dn_mpp_data_exchange_port=$((port + 4))
dn_schema_region_consensus_port=$((port + 5))
dn_data_region_consensus_port=$((port + 6))
dn_seed_config_node=127.0.0.1:$((port + 1))
schema_replication_factor=1
data_replication_factor=1
P
  cat >"$server/conf/logback.xml" <<'X'
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %p %c{0} %m%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
X
  local options=(-Djava.net.preferIPv4Stack=true -Djava.awt.headless=true
    -Dlogback.configurationFile="$server/conf/logback.xml" -DTSFILE_HOME="$server" -DTSFILE_CONF="$server/conf"
    -cp "$server/conf:$home/lib/*" "${opens[@]}")
  # Without setsid, Ctrl-C in a terminal would reach the servers before the trap does.
  (cd "$server" && LD_PRELOAD=$home/bind_loopback.so exec setsid java -Xmx768m -DCONFIGNODE_HOME="$server" \
    -DCONFIGNODE_CONF="$server/conf" -DCONFIGNODE_LOGS="$server/logs" "${options[@]}" \
    org.apache.iotdb.confignode.service.ConfigNode -s) >"$home/confignode.log" 2>&1 </dev/null &
  pids+=($!)
  await $((port + 1)) $! "$home/confignode.log"
  (cd "$server" && LD_PRELOAD=$home/bind_loopback.so exec setsid java -Xms1500m -Xmx1500m -XX:MaxDirectMemorySize=1g \
    -DOFF_HEAP_MEMORY=1G -DIOTDB_HOME="$server" -DIOTDB_CONF="$server/conf" -DIOTDB_DATA_HOME="$server" \
    -DIOTDB_LOG_DIR="$server/logs" "${options[@]}" org.apache.iotdb.db.service.DataNode -s) >"$home/datanode.log" 2>&1 </dev/null &
  pids+=($!)
  await "$port" $! "$home/datanode.log"
  for _ in $(seq 1 60); do
    ask "show databases" >/dev/null 2>"$home/ask.err" && return
    sleep 0.5
  done
  echo "the server listens but does not answer:" >&2
  tail -n 5 "$home/ask.err" >&2
  exit 1
}

ask() { # statements; the rows of queries. What the server's client logs goes to standard output, too: it is left out
  java -Xmx256m -Djava.net.preferIPv4Stack=true -Dlogback.configurationFile="$server/conf/logback.xml" \
    -cp "$home/classes:$home/lib/*" Ask "$port" "$@" | sed -E '/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:,]+ [A-Z]+ /d'
}

fetch
rm -rf "$work"
mkdir -p "$work"
start

# Ours to theirs: sensors in several sealed files, and an aligned device of every type that both print alike, with nulls.
sensors 50000
ours "$work/data" "create aligned timeseries root.mixed.d(b BOOLEAN, i INT32, l INT64, f FLOAT, t TEXT, s STRING);
  insert into root.mixed.d(time,b,i,l,f,t,s) aligned values (1,true,-7,9000000000,1.5,'one','a'),(2,null,8,null,2.25,null,'b'),(5,false,null,-1,null,'five',null);
  create timeseries root.mixed.p.d DOUBLE encoding=GORILLA compressor=SNAPPY;
  insert into root.mixed.p(time,d) values (1,0.1),(3,1000000.125),(9,-2.5)" >/dev/null
"$levada" export --data "$work/data" --path 'root.**' --format tsfile -o "$work/ours.tsfile"
"$levada" fsck "$work/ours.tsfile"
ask "load '$work/ours.tsfile' onSuccess=none"
for query in \
  "select temperature, humidity, status from root.plant.d3" \
  "select count(temperature), max_value(humidity), max_time(status) from root.plant.*" \
  "select b, i, l, f, t, s from root.mixed.d" \
  "select d from root.mixed.p"; do
  ours "$work/data" "$query" >"$work/expected.txt"
  ask "$query" >"$work/found.txt"
  agree "ours, loaded by the server" "$query" "$work/expected.txt" "$work/found.txt"
done

# Theirs to ours: written through the server in order and late, flushed, and its folder read.
statements=("create timeseries root.their.p.i INT32 encoding=TS_2DIFF compressor=ZSTD"
  "create timeseries root.their.p.d DOUBLE encoding=CHIMP compressor=SNAPPY"
  "create timeseries root.their.p.t TEXT encoding=DICTIONARY compressor=GZIP"
  "create aligned timeseries root.their.a(f FLOAT encoding=RLE, b BOOLEAN, l INT64 encoding=SPRINTZ)")
values() { # from, to, factor
  local time rows=() aligned=()
  for time in $(seq "$1" "$2"); do
    rows+=("($time,$((time * $3 % 1000)),$((time * $3)).25,'t$((time % 7))')")
    aligned+=("($time,$((time * $3 % 50)).5,$([ $((time % 3)) = 0 ] && echo null || echo true),$((time * $3)))")
  done
  local IFS=,
  statements+=("insert into root.their.p(time,i,d,t) values ${rows[*]}"
    "insert into root.their.a(time,f,b,l) aligned values ${aligned[*]}" "flush")
}
values 1000 2000 3
values 2001 2500 5
values 1500 1600 7
# Deletions: from files, whose .mods2 they become; from what is in memory and from files at once; from files and then written
# anew, before and after the next flush; of a whole device; of all times of a series.
statements+=("create timeseries root.their.q.i INT64" "create timeseries root.their.q.gone DOUBLE" "create timeseries root.their.r.i INT32"
  "delete from root.their.p.i where time >= 1100 and time <= 1199" "flush"
  "delete from root.their.a.* where time >= 1300 and time < 1350" "flush")
values 2501 2600 5
unset 'statements[-1]'
statements+=("delete from root.their.p.d where time > 2450 and time <= 2550" "delete from root.their.a.l where time >= 2590")
values 1550 1560 11
statements+=("delete from root.their.*.* where time = 1555"
  "insert into root.their.q(time,i,gone) values (1,1,1.5),(2,2,2.5),(3,3,3.5)" "insert into root.their.r(time,i) values (1,1),(2,2)" "flush"
  "delete from root.their.q.gone" "delete from root.their.r.**" "insert into root.their.r(time,i) values (2,20)" "flush"
  "delete from root.their.q.i where time <= 1" "insert into root.their.q(time,i) values (1,100)" "flush")
ask "${statements[@]}"
# What the server has not flushed stands in its log only, and in files that have no end yet.
ask "create timeseries root.open.p.i INT32" "insert into root.open.p(time,i) values (1,1),(2,2)"
# It writes its log a while after it has answered.
for _ in $(seq 100); do
  [ -z "$(find "$server"/data/datanode/wal/root.open-* -name '*.wal' -size +64c)" ] || break
  sleep 0.2
done
[ -n "$(find "$server/data/datanode/data" -name '*.mods2')" ] || { echo "FAIL  the server has kept no deletions"; failed=1; }
[ -n "$(find "$server/data/datanode/data/unsequence" -name '*.tsfile')" ] || { echo "FAIL  the server has flushed no late rows"; failed=1; }
"$levada" import "$server/data/datanode/data" --data "$work/imported" --quiet 2>"$work/import.log"
grep -q "log is not read" "$work/import.log" || { echo "FAIL  nothing was said of the server's log"; cat "$work/import.log"; failed=1; }
queries=("select i, d, t from root.their.p" "select f, b, l from root.their.a" "select i from root.their.q"
  "select i from root.their.r" "select count(i), sum(i), count(d), last_value(t) from root.their.p"
  "select temperature, humidity, status from root.plant.d5")
for query in "${queries[@]}"; do
  ours "$work/imported" "$query" >"$work/found.txt"
  ask "$query" >"$work/expected.txt"
  agree "the server's, imported" "$query" "$work/expected.txt" "$work/found.txt"
done
[ "$(ours "$work/imported" "select count(gone) from root.their.q")" = "" ] || { echo "FAIL  deleted values came back"; failed=1; }
# Encodings and compression are those of the server's series, as far as its files tell.
kept=$(ours "$work/imported" "show timeseries root.their.**" | awk -F, '{print $1, $5, $6}' | sort)
for series in "root.their.p.i TS_2DIFF ZSTD" "root.their.p.d CHIMP SNAPPY" "root.their.p.t DICTIONARY GZIP" "root.their.a.f RLE LZ4" "root.their.a.l SPRINTZ LZ4"; do
  grep -qx "$series" <<<"$kept" && echo "ok    $series" || { echo "FAIL  not $series"; echo "$kept"; failed=1; }
done
# The same by SQL, into another folder.
ours "$work/loaded" "load '$server/data/datanode/data'" 2>>"$work/import.log" >/dev/null
for query in "${queries[@]:0:2}"; do
  ours "$work/loaded" "$query" >"$work/found.txt"
  ask "$query" >"$work/expected.txt"
  agree "the server's, loaded" "$query" "$work/expected.txt" "$work/found.txt"
done
ask "load '$work/ours.tsfile' onSuccess=none" && echo "ok    loading the same file again"
exit $failed
