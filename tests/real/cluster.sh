#!/usr/bin/env bash
# A pipeline with `nodes:` into a real cluster of Apache IoTDB 2.0.1-beta on the loopback: a node that knows the others, and those that
# hold data: two with one replica of each region, then three with two. A pipeline that is told one address finds the others by what
# servers recommend. Then a data node is killed with -9 in the middle of a run: with one replica its devices wait for it, with two
# they go on without it; it comes back and is used again, and no row is lost.
#
# Run by hand: it takes some minutes. Needs cargo, ss, a JDK of version 17 with mvn, a C compiler, and 6 GiB of memory. What it
# installs goes to ${LEVADA_REAL_HOME:-target/real}. LEVADA is the binary; target/debug/levada unless given. REPLICAS are those of the regions.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=$PWD/tests/real
levada=$(realpath "${LEVADA:-target/debug/levada}")
root=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$root"
root=$(cd "$root" && pwd)
base=${LEVADA_CLUSTER_PORT:-26800} devices=20 seconds=${SECONDS_OF_ROWS:-20} rate=2000
job=cluster
port=$base
. "$scripts/live.sh"
trap 'kill $(jobs -p) 2>/dev/null || true; stop TERM' EXIT

# Data node N answers on base + 10 N; the node that knows them on base.
address() { echo $((base + 10 * $1)); }

configure() { # folder, data node
  mkdir -p "$1/conf"
  cp "$server/conf/logback.xml" "$1/conf"
  local own
  own=$(address "$2")
  cat >"$1/conf/iotdb-system.properties" <<P
cluster_name=defaultCluster
cn_internal_address=127.0.0.1
cn_internal_port=$base
cn_consensus_port=$((base + 1))
cn_seed_config_node=127.0.0.1:$base
dn_rpc_address=127.0.0.1
dn_rpc_port=$own
dn_internal_address=127.0.0.1
dn_internal_port=$((own + 1))
dn_mpp_data_exchange_port=$((own + 2))
dn_schema_region_consensus_port=$((own + 3))
dn_data_region_consensus_port=$((own + 4))
dn_seed_config_node=127.0.0.1:$base
schema_replication_factor=$((replicas == 1 ? 1 : 3))
data_replication_factor=$replicas
disk_space_warning_threshold=0.0001
wal_mode=SYNC
P
}

node_options() { # folder: as words of ${options[@]}
  options=(-Djava.net.preferIPv4Stack=true -Djava.awt.headless=true -Dlogback.configurationFile="$1/conf/logback.xml"
    -DIOTDB_HOME="$1" -DIOTDB_CONF="$1/conf" -DTSFILE_HOME="$1" -DTSFILE_CONF="$1/conf" "${opens[@]}" -cp "$1/conf:$home/lib/*")
}

declare -A node=()
start_node() { # data node
  local folder=$work/node-$1 options
  node_options "$folder"
  server=$folder launch "$work/node-$1.log" -Xms700m -Xmx700m -XX:MaxDirectMemorySize=512m -DOFF_HEAP_MEMORY=512M \
    -DIOTDB_DATA_HOME="$folder" -DIOTDB_LOG_DIR="$folder/logs" "${options[@]}" org.apache.iotdb.db.service.DataNode -s
  node[$1]=$!
  await "$(address "$1")" $! "$work/node-$1.log"
}

running() { # how many data nodes
  port=$(address 1)
  for _ in $(seq 1 240); do
    [ "$(theirs 'show datanodes' 2>/dev/null | grep -c Running)" != "$1" ] || return 0
    sleep 0.5
  done
  echo "FAIL  $1 data nodes were to run:" >&2
  theirs 'show datanodes' >&2 || true
  exit 1
}

cluster() { # replicas
  replicas=$1
  # What is known of series is agreed upon by a majority: it takes three nodes to do without one.
  nodes=($(seq 1 $((replicas + 1))))
  prepare 2.0
  local each options
  configure "$work/known" 1
  for each in "${nodes[@]}"; do configure "$work/node-$each" "$each"; done
  node_options "$work/known"
  server=$work/known launch "$work/known.log" -Xmx512m -DCONFIGNODE_HOME="$work/known" -DCONFIGNODE_CONF="$work/known/conf" "${options[@]}" \
    org.apache.iotdb.confignode.service.ConfigNode -s
  await "$base" $! "$work/known.log"
  for each in "${nodes[@]}"; do start_node "$each"; done
  running ${#nodes[@]}
}

pipeline() { # name, nodes, rows of all devices; without an end where none are said
  cat >"$work/$1.yaml" <<Y
name: $1
sources:
  plant:
    sensor: {device: "$1{n}", devices: $devices, ${3:+rows: $3, }start: 2026-05-01T00:00:00Z, rate: $((rate / devices)), seed: 7}
sinks:
  store:
    inputs: [plant]
    iotdb: {nodes: [$2], database: root.plant}
    batch: {rows: 500, linger: 100ms}
errors:
  dead_letter: {file: "$work/$1.dead"}
Y
}

begin() { (cd "$work" && exec "$levada" run "$1.yaml" --quiet --grace 2m 2>>"$1.log") & run=$!; }

sent() { # data node: bytes that the run has sent to it
  ss -tinHp state established "dport = :$(address "$1")" | awk -v pid="pid=$run," '
    /pid=/ { ours = index($0, pid) } ours && match($0, /bytes_sent:[0-9]+/) { sum += substr($0, RSTART + 11, RLENGTH - 11) } END { print sum + 0 }'
}

leads() { # data node: how many regions of rows it leads
  theirs "show data regions of database root.plant" | grep -c ",$(address "$1"),.*Leader" || true
}

whole() { # name, rows, what
  local counts
  counts=$(theirs "select count(temperature) from root.plant.$1* align by device" | tail -n +2 | tr -d '\r' | cut -d, -f2 | sort | uniq -c | xargs)
  if [ "$counts" = "$devices $(($2 / devices))" ] && [ ! -s "$work/$1.dead" ]; then
    echo "ok    $replicas of each region: $3: $2 rows of $devices devices"
  else
    echo "FAIL  $replicas of each region: $3: devices with so many rows: $counts; $devices with $(($2 / devices)) expected"
    tail -n 5 "$work/$1.log"
    failed=1
  fi
}

found() { # told one address, a run finds the other nodes
  local rows=$((rate * seconds / 2)) each now told=()
  pipeline found "\"127.0.0.1:$(address 1)\"" "$rows"
  begin found
  # As long as it runs: how much it has sent to each. At its end connections close one after the other.
  for each in "${!nodes[@]}"; do told[$each]=0; done
  while kill -0 "$run" 2>/dev/null; do
    for each in "${!nodes[@]}"; do
      now=$(sent "${nodes[$each]}")
      [ "$now" -le "${told[$each]}" ] || told[$each]=$now
    done
    sleep 0.5
  done
  wait "$run" || { echo "FAIL  the run failed:"; tail -n 5 "$work/found.log"; failed=1; }
  whole found "$rows" "one address given"
  local led=()
  for each in "${nodes[@]}"; do led+=("$(leads "$each")"); done
  for each in "${!nodes[@]}"; do
    [ "${led[$each]}" = 0 ] || [ "${told[$each]:-0}" != 0 ] || { echo "FAIL  data node ${nodes[$each]} leads regions and was not found"; failed=1; }
  done
  local all=0
  for each in "${told[@]}"; do all=$((all + each)); done
  for each in "${!nodes[@]}"; do
    # Who has none of them gets what comes before anything is known of a device.
    [ "${led[$each]}" != 0 ] || [ $((${told[$each]:-0} * 5)) -lt "$all" ] || { echo "FAIL  data node ${nodes[$each]} leads nothing and gets rows"; failed=1; }
  done
  [ "$(printf '%s\n' "${led[@]}" | grep -vc '^0$')" -gt 1 ] || { echo "FAIL  one node leads all regions: nothing was tested"; failed=1; }
  echo "      data nodes lead ${led[*]} regions of rows, and were sent ${told[*]} bytes"
}

killed() { # a data node ends in the middle of a run and comes back
  local before each answer lost
  pipeline killed "$(for each in "${nodes[@]}"; do printf '"127.0.0.1:%s", ' "$(address "$each")"; done)" ''
  begin killed
  sleep 4
  kill -9 "${node[2]}"
  wait "${node[2]}" 2>/dev/null || true
  sleep 6
  kill -0 "$run" || { echo "FAIL  the run ended without its node:"; tail -n 5 "$work/killed.log"; failed=1; }
  if [ "$replicas" = 2 ]; then
    # The others have all of it, and go on.
    before=$(theirs "select count(temperature) from root.plant.killed*" | tail -n 1)
    sleep 4
    [ "$(theirs "select count(temperature) from root.plant.killed*" | tail -n 1)" != "$before" ] ||
      { echo "FAIL  2 of each region: nothing was stored while one node was away"; failed=1; }
  fi
  start_node 2
  running ${#nodes[@]}
  for _ in $(seq 1 120); do
    ! grep -q 'the node is back' "$work/killed.log" || break
    sleep 0.5
  done
  grep -q 'the node is back' "$work/killed.log" || { echo "FAIL  $replicas of each region: the node was not taken back"; failed=1; }
  sleep 3
  kill -TERM "$run"
  wait "$run" || { echo "FAIL  the run failed:"; tail -n 5 "$work/killed.log"; failed=1; }
  # A device's rows are so many milliseconds apart: where none is lost, their number says how far they go.
  theirs "select count(temperature), min_time(temperature), max_time(temperature) from root.plant.killed* align by device" | tail -n +2 |
    tr -d '\r' >"$work/killed.csv"
  answer=$(awk -F, -v step=$((1000 * devices / rate)) '{ rows += $2; lost += ($4 - $3) / step + 1 - $2 } END { print NR, rows, lost + 0 }' "$work/killed.csv")
  read -r each before lost <<<"$answer"
  if [ "$each" = "$devices" ] && [ "$lost" = 0 ] && [ ! -s "$work/killed.dead" ]; then
    echo "ok    $replicas of each region: a data node killed in the middle, and back: $before rows of $each devices, none lost"
  else
    echo "FAIL  $replicas of each region: a data node killed in the middle, and back: $before rows of $each devices, $lost lost"
    failed=1
  fi
}

all_failed=0
for each in ${REPLICAS:-1 2}; do
  cluster "$each"
  found
  killed
  stop TERM
  all_failed=$((all_failed + failed))
done
[ "$all_failed" = 0 ]
