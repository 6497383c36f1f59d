#!/usr/bin/env bash
# A real Apache IoTDB of version 2.0 or 0.12 that is started and killed: for scripts that set $scripts, $root and $port, and take
# `theirs` to ask it. What it works with is in $work.
pids=()

stop() { # signal
  local pid
  for pid in "${pids[@]}"; do kill "-$1" "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 1 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  pids=()
}
trap 'stop TERM' EXIT

await() { # port, pid, log
  for _ in $(seq 1 900); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    kill -0 "$2" 2>/dev/null || { echo "the server ended at its start:" >&2; tail -n 20 "$3" >&2; exit 1; }
    sleep 0.1
  done
  echo "the server does not answer on port $1" >&2
  exit 1
}

java_common=()
prepare() { # version: jars, an empty folder, what every Java needs
  version=$1
  here=$scripts/iotdb home=$root/iotdb
  [ "$version" = 2.0 ] || here=$scripts/iotdb-0.12 home=$root/iotdb-0.12
  mkdir -p "$home"
  . "$scripts/server.sh"
  fetch
  work=$root/$job-$version server=$root/$job-$version/server
  rm -rf "$work"
  mkdir -p "$server/conf"
  cat >"$server/conf/logback.xml" <<'X'
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %p %c{0} %m%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
X
  java_common=(-Djava.net.preferIPv4Stack=true -Djava.awt.headless=true -Dlogback.configurationFile="$server/conf/logback.xml"
    -DIOTDB_HOME="$server" -DIOTDB_CONF="$server/conf" -DTSFILE_HOME="$server" -DTSFILE_CONF="$server/conf"
    "${opens[@]}" -cp "$server/conf:$home/lib/*")
  if [ "$version" = 2.0 ]; then
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
# A machine whose disk is nearly full is no read-only server.
disk_space_warning_threshold=0.0001
# Acknowledged is on disk: what a killed server must not lose.
wal_mode=SYNC
P
  else
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
# Acknowledged is on disk: what a killed server must not lose.
flush_wal_threshold=1
force_wal_period_in_ms=0
P
  fi
}

launch() { # log, class, arguments
  local log=$1
  shift
  # Without setsid, Ctrl-C in a terminal would reach the servers before the trap does.
  (cd "$server" && LD_PRELOAD=$home/bind_loopback.so exec setsid java "$@") >>"$log" 2>&1 </dev/null &
  pids+=($!)
}

start() {
  if [ "$version" = 2.0 ]; then
    launch "$work/confignode.log" -Xmx768m -DCONFIGNODE_HOME="$server" -DCONFIGNODE_CONF="$server/conf" "${java_common[@]}" \
      org.apache.iotdb.confignode.service.ConfigNode -s
    await $((port + 1)) $! "$work/confignode.log"
    launch "$work/server.log" -Xms1500m -Xmx1500m -XX:MaxDirectMemorySize=1g -DOFF_HEAP_MEMORY=1G -DIOTDB_DATA_HOME="$server" \
      -DIOTDB_LOG_DIR="$server/logs" "${java_common[@]}" org.apache.iotdb.db.service.DataNode -s
  else
    launch "$work/server.log" -Xms1g -Xmx1g -XX:MaxDirectMemorySize=512m "${java_common[@]}" org.apache.iotdb.db.service.IoTDB
  fi
  await "$port" $! "$work/server.log"
  for _ in $(seq 1 60); do
    theirs "show version" >/dev/null 2>&1 && return
    sleep 0.5
  done
  echo "the server listens but does not answer" >&2
  exit 1
}

theirs() { "$levada" sql --node "127.0.0.1:$port" --zone UTC --format csv -e "$1"; }

