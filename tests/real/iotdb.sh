#!/usr/bin/env bash
# Files between Levada and a real Apache IoTDB 2.0.1-beta on the loopback, from its package registry: what `levada export`
# writes the server loads, what the server has flushed `levada import` reads, and queries of both give the same rows.
# Fails on any difference.
#
# Needs cargo, a JDK of version 17 with mvn, and a C compiler. What it installs goes to ${LEVADA_REAL_HOME:-target/real}.
# LEVADA is the binary; target/release/levada unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/real/iotdb
levada=$(realpath "${LEVADA:-target/release/levada}")
home=${LEVADA_REAL_HOME:-target/real}/iotdb
mkdir -p "$home"
home=$(cd "$home" && pwd)
server=$home/server work=$home/work port=${LEVADA_IOTDB_PORT:-26667}
pids=()
failed=0

stop() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 1 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
}
trap stop EXIT

fetch() {
  [ -d "$home/lib" ] || {
    rm -rf "$home/lib.part"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib.part" >"$home/fetch.log" 2>&1 ||
      { tail -n 20 "$home/fetch.log" >&2; exit 1; }
    mv "$home/lib.part" "$home/lib"
  }
  cc -shared -fPIC -O1 -o "$home/bind_loopback.so" "$here/bind_loopback.c" -ldl
  mkdir -p "$home/classes"
  javac -nowarn -cp "$home/lib/*" -d "$home/classes" "$here/Ask.java" 2> >(grep -v "^Note: " >&2)
}

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
  local package options=(-Djava.net.preferIPv4Stack=true -Djava.awt.headless=true
    -Dlogback.configurationFile="$server/conf/logback.xml" -DTSFILE_HOME="$server" -DTSFILE_CONF="$server/conf"
    -cp "$server/conf:$home/lib/*")
  for package in java.util.concurrent java.util.concurrent.atomic java.lang java.util java.nio java.io java.net sun.nio.ch jdk.internal.ref; do
    options+=("--add-opens=java.base/$package=ALL-UNNAMED")
  done
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

ours() { "$levada" sql --data "$1" --zone UTC --format csv -e "$2" | tail -n +2; }

compare() { # what, expected, found
  if [ -s "$2" ] && cmp -s "$2" "$3"; then
    echo "ok    $1: $(wc -l <"$2") rows"
  else
    echo "FAIL  $1: $(wc -l <"$2") rows expected, $(wc -l <"$3") found (< expected, > found)"
    diff "$2" "$3" | head -n 10 || true
    failed=1
  fi
}

fetch
rm -rf "$work"
mkdir -p "$work"
start

# Ours to theirs: sensors in several sealed files, and an aligned device of every type that both print alike, with nulls.
cat >"$work/sensors.yaml" <<'Y'
name: sensors
sources:
  plant:
    sensor: {device: "d{n}", devices: 5, rows: 50000, start: 2026-05-01T00:00:00Z, seed: 7}
sinks:
  store:
    inputs: [plant]
    iotdb: {embedded: data, database: root.plant}
Y
(cd "$work" && "$levada" run sensors.yaml --quiet 2>run.log)
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
  case $query in *count*) sed -i 's/^0,//' "$work/found.txt" ;; esac
  compare "ours, loaded by the server: $query" "$work/expected.txt" "$work/found.txt"
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
ask "${statements[@]}"
"$levada" import "$server/data/datanode/data" --data "$work/imported" --quiet
for query in \
  "select i, d, t from root.their.p" \
  "select f, b, l from root.their.a" \
  "select temperature, humidity, status from root.plant.d5"; do
  ours "$work/imported" "$query" >"$work/found.txt"
  ask "$query" >"$work/expected.txt"
  compare "the server's, imported: $query" "$work/expected.txt" "$work/found.txt"
done
ask "load '$work/ours.tsfile' onSuccess=none" && echo "ok    loading the same file again"
exit $failed
