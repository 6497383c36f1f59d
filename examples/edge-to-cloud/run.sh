#!/bin/sh
# Two servers on this machine, an edge and a cloud, and a pipe from the one to the other.
set -eu
cloud=${CLOUD:-127.0.0.1:6667} edge=${EDGE:-127.0.0.1:6668}

levada serve --data cloud --rpc "$cloud" 2>cloud.log &
servers=$!
levada serve --data edge --rpc "$edge" 2>edge.log &
servers="$servers $!"
# shellcheck disable=SC2064,SC2086 # The numbers as they are now, each a word.
trap "kill -INT $servers; wait" EXIT

sql() { levada sql --node "$1" --zone UTC -e "$2"; }
until sql "$cloud" "show version" && sql "$edge" "show version"; do sleep 0.2; done >/dev/null 2>&1

sql "$edge" "
  create pipesink cloud as IoTDB (ip='${cloud%:*}', port=${cloud##*:});
  create pipe to_cloud to cloud with SyncDelOp=true;
  start pipe to_cloud;
  insert into root.plant.d1(time, temperature, status) values (2024-05-01T08:00:00, 21.5, true);
  insert into root.plant.d1(time, temperature, status) values (2024-05-01T08:01:00, 21.75, true);
  show pipes"

until sql "$cloud" "select count(temperature) from root.plant.d1" | grep -q '| *2|'; do sleep 0.2; done
sql "$cloud" "select temperature, status from root.plant.d1; show pipes"
