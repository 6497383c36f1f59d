#!/usr/bin/env bash
# Files between Levada and a real Apache IoTDB 0.12.0 on the loopback, from its package registry: TsFiles of version 3 that
# `levada export` writes the server loads, the data folder it leaves behind `levada import` reads (every type, encoding and
# compressor it has, late rows, nulls, deletions), and queries of both give the same rows. Fails on any difference.
#
# Needs cargo, a JDK of version 17 with mvn, and a C compiler. What it installs goes to ${LEVADA_REAL_HOME:-target/real}.
# LEVADA is the binary; target/debug/levada unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/real/iotdb-0.12
levada=$(realpath "${LEVADA:-target/debug/levada}")
home=${LEVADA_REAL_HOME:-target/real}/iotdb-0.12
mkdir -p "$home"
home=$(cd "$home" && pwd)
server=$home/server work=$home/work port=${LEVADA_IOTDB_012_PORT:-26687}
. tests/real/server.sh
pid=

stop() {
  [ -n "$pid" ] || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 1 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  pid=
}
trap stop EXIT

start() { # a new server, on an empty folder
  ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "port $port is taken" >&2; exit 1; }
  rm -rf "$server"
  mkdir -p "$server/conf"
  # Small pages, so that chunks of one page and of several are there. Nothing is compacted: what is read is what was flushed.
  cat >"$server/conf/iotdb-engine.properties" <<P
rpc_address=127.0.0.1
rpc_port=$port
system_dir=$server/data/system
data_dirs=$server/data/data
wal_dir=$server/data/wal
query_dir=$server/data/query
sync_dir=$server/data/sync
tracing_dir=$server/data/tracing
index_root_dir=$server/data/index
udf_root_dir=$server/ext/udf
trigger_root_dir=$server/ext/trigger
compaction_strategy=NO_COMPACTION
max_number_of_points_in_page=300
P
  cat >"$server/conf/logback.xml" <<'X'
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target><encoder><pattern>%d %p %c{0} %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
X
  # Without setsid, Ctrl-C in a terminal would reach the server before the trap does.
  (cd "$server" && LD_PRELOAD=$home/bind_loopback.so exec setsid java -Xms1g -Xmx1g -XX:MaxDirectMemorySize=512m \
    -Djava.net.preferIPv4Stack=true -Djava.awt.headless=true -Dlogback.configurationFile="$server/conf/logback.xml" \
    -DIOTDB_HOME="$server" -DIOTDB_CONF="$server/conf" -DTSFILE_HOME="$server" -DTSFILE_CONF="$server/conf" \
    "${opens[@]}" -cp "$server/conf:$home/lib/*" org.apache.iotdb.db.service.IoTDB) >"$home/server.log" 2>&1 </dev/null &
  pid=$!
  local until=$((SECONDS + 40))
  while [ $SECONDS -lt $until ]; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && ask <<<"show storage group" >/dev/null 2>"$home/ask.err" && return
    kill -0 "$pid" 2>/dev/null || { echo "the server ended at its start:" >&2; tail -n 20 "$home/server.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "the server does not answer on port $port" >&2
  tail -n 20 "$home/server.log" "$home/ask.err" >&2
  exit 1
}

ask() { # statements, each a line of standard input; the rows of queries, of the nth in a file n.txt where a folder is given
  timeout 30 java -Xmx256m -Djava.net.preferIPv4Stack=true -Dlogback.configurationFile="$server/conf/logback.xml" \
    -cp "$home/classes:$home/lib/*" Ask "$port" "$@" || {
    echo "the server rejected, or did not answer; its log ends with:" >&2
    tail -n 5 "$home/server.log" >&2
    return 1
  }
}

theirs() { # folder, queries
  mkdir "$1"
  printf '%s\n' "${@:2}" | ask "$1"
}

all_agree() { # what, our data, folder of the server's answers, queries
  local what=$1 data=$2 folder=$3 query n=0
  for query in "${@:4}"; do
    n=$((n + 1))
    ours "$data" "$query" >"$folder/$n.ours.txt"
    agree "$what" "$query" "$folder/$n.txt" "$folder/$n.ours.txt"
  done
}

fetch
rm -rf "$work"
mkdir -p "$work"
start

# Ours to theirs: sensors in several sealed files, and a device of every type, with nulls.
sensors 20000
ours "$work/data" "create timeseries root.mixed.d.b BOOLEAN encoding=RLE compressor=LZ4;
  create timeseries root.mixed.d.i INT32 encoding=TS_2DIFF compressor=GZIP;
  create timeseries root.mixed.d.l INT64 encoding=GORILLA compressor=SNAPPY;
  create timeseries root.mixed.d.f FLOAT encoding=RLE compressor=UNCOMPRESSED;
  create timeseries root.mixed.d.d DOUBLE encoding=GORILLA compressor=SNAPPY;
  create timeseries root.mixed.d.t TEXT encoding=PLAIN compressor=LZ4;
  insert into root.mixed.d(time,b,i,l,f,d,t) values (1,true,-7,9000000000,1.5,0.1,'one'),(2,null,8,null,2.25,null,null),
    (5,false,null,-1,null,1000000.125,'five')" >/dev/null
mkdir "$work/load"
for database in plant mixed; do # a file is loaded into one storage group, that of its first device; the server moves it there
  "$levada" export --data "$work/data" --path "root.$database.**" --format tsfile --tsfile-version 3 -o "$work/$database.tsfile"
  "$levada" fsck "$work/$database.tsfile"
  cp "$work/$database.tsfile" "$work/load/1-1-0.tsfile"
  ask <<<"load '$work/load/1-1-0.tsfile' true 1"
done
loaded=("select temperature, humidity, status from root.plant.d3"
  "select count(temperature), max_value(humidity), max_time(status) from root.plant.d2"
  "select b, i, l, f, d, t from root.mixed.d")
theirs "$work/loaded" "${loaded[@]}"
all_agree "ours, loaded by the server" "$work/data" "$work/loaded" "${loaded[@]}"

# Theirs to ours. A device for each compressor, on it a series of every type in every encoding: b_PLAIN, i_RLE, …
compressors=(UNCOMPRESSED SNAPPY GZIP LZ4)
series=(b_PLAIN b_RLE t_PLAIN {i,l,f,d}_{PLAIN,RLE,TS_2DIFF,GORILLA})
declare -A types=([b]=BOOLEAN [i]=INT32 [l]=INT64 [f]=FLOAT [d]=DOUBLE [t]=TEXT)
rows() { # from, to, factor: every fifth row lacks the first half of the values, every seventh the rest
  local compressor
  for compressor in "${compressors[@]}"; do
    awk -v from="$1" -v to="$2" -v by="$3" -v device="root.real.$compressor" -v series="${series[*]}" '
      function value(kind, t) {
        if (device ~ /GZIP/) t -= t % 64 # this server cannot flush a page that GZIP makes longer
        if (kind == "b") return (t * by) % 3 ? "true" : "false"
        if (kind == "i") return (t * by) % 1000 - 500
        if (kind == "l") return t * by * 1000000 - 1000000000
        if (kind == "f") return ((t * by) % 400) - 200 + 0.25
        if (kind == "d") return t * by + 0.75
        return sprintf("\"t%d of %s\"", (t * by) % 11, device)
      }
      function emit(from_column, to_column, keep,  k, t, head, row) {
        head = "insert into " device "(timestamp"
        for (k = from_column; k <= to_column; k++) head = head "," names[k]
        head = head ") values ("
        for (t = from; t <= to; t++) {
          if ((t % 5 ? t % 7 ? 0 : 2 : 1) != keep) continue
          row = t
          for (k = from_column; k <= to_column; k++) row = row "," value(substr(names[k], 1, 1), t)
          print head row ")"
        }
      }
      BEGIN {
        CONVFMT = "%.15g"
        count = split(series, names, " ")
        emit(1, count, 0)
        emit(int(count / 2) + 1, count, 1)
        emit(1, int(count / 2), 2)
      }'
  done
}
{
  echo "set storage group to root.real"
  for compressor in "${compressors[@]}"; do
    for name in "${series[@]}"; do
      echo "create timeseries root.real.$compressor.$name with datatype=${types[${name%%_*}]}, encoding=${name#*_}, compression=$compressor"
    done
  done
  # In order, in two files. One deletion strikes what is in memory, the others a file, whose .mods they become.
  rows 1000 1600 3
  echo "delete from root.real.SNAPPY.i_PLAIN where time >= 1010 and time <= 1019"
  echo "flush"
  echo "delete from root.real.GZIP.* where time >= 1100 and time <= 1149"
  rows 1601 2000 5
  echo "flush"
  echo "delete from root.real.LZ4.t_PLAIN where time <= 1200"
  # Late: between and over rows that are there, and into a range that was deleted.
  rows 1120 1130 7
  rows 1500 1700 11
  rows 500 560 13
  echo "flush"
  echo "delete from root.real.UNCOMPRESSED.d_GORILLA where time >= 1550 and time <= 1650"
  echo "delete from root.real.SNAPPY.l_RLE"
  rows 2001 2010 3
  echo "flush"
} >"$work/statements.sql"
ask <"$work/statements.sql"
queries=("${loaded[@]}")
for compressor in "${compressors[@]}"; do
  for kind in b t i l f d; do
    queries+=("select $(printf '%s\n' "${series[@]}" | grep "^${kind}_" | paste -sd,) from root.real.$compressor")
  done
  queries+=("select count(i_PLAIN), sum(i_TS_2DIFF), min_time(t_PLAIN), max_value(f_RLE), min_value(d_GORILLA), last_value(i_GORILLA) from root.real.$compressor")
done
theirs "$work/expected" "${queries[@]}"
stop
find "$server/data/data" -name '*.tsfile' | sed "s|$server/data/data/||" | sort
[ -n "$(find "$server/data/data/unsequence" -name '*.tsfile')" ] || { echo "FAIL  the server has flushed no late rows"; failed=1; }
[ -n "$(find "$server/data/data" -name '*.mods')" ] || { echo "FAIL  the server has kept no deletions"; failed=1; }
"$levada" import "$server/data/data" --data "$work/imported" --quiet
all_agree "the server's, imported" "$work/imported" "$work/expected" "${queries[@]}"
exit $failed
