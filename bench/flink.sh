#!/usr/bin/env bash
# Kafka into a real Apache IoTDB 2.0.1-beta: `levada run` as it is and with batches of 50,000 rows, a consumer written by hand in Java
# that sends tablets of as many, and Flink 1.20 with IoTDB's connector, in turn, on the same topic, broker and server.
#
#   bench/flink.sh [MESSAGES] [RUNS] [KILLS]     default 1,000,000, 2 and 2
#
# Prints events/s of whole processes and without their start (what the same takes with nothing to read), CPU-seconds per million of
# their own and of the server, and peak memory; then how many events are missing after so many kill -9 on the way. LEVADA names the
# binary, KAFKA_PORT and LEVADA_FLINK_PORT (and the six behind it) the ports, BATCH Flink's events a call, ONLY which of levada,
# levada-large, consumer and flink run.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts=$PWD/tests/real beside=$PWD/bench/flink
levada=$(realpath "${LEVADA:-target/release/levada}")
export LEVADA_REAL_HOME=${LEVADA_REAL_HOME:-target/real}
mkdir -p "$LEVADA_REAL_HOME/flink"
root=$(cd "$LEVADA_REAL_HOME" && pwd)
messages=${1:-1000000} runs=${2:-2} kills=${3:-2}
port=${LEVADA_FLINK_PORT:-26760} kafka_port=${KAFKA_PORT:-29192} brokers=127.0.0.1:${KAFKA_PORT:-29192}
job=bench
. "$scripts/live.sh"

prepare 2.0
start
(exec 3<>"/dev/tcp/127.0.0.1/$kafka_port") 2>/dev/null || "$scripts/kafka.sh" start "$kafka_port" >/dev/null
[ -d "$root/flink/lib" ] || {
  mvn -q -B -f "$beside/pom.xml" dependency:copy-dependencies -DoutputDirectory="$root/flink/lib.part" >"$root/flink/fetch.log" 2>&1 ||
    { tail -n 20 "$root/flink/fetch.log" >&2; exit 1; }
  mv "$root/flink/lib.part" "$root/flink/lib"
}
mkdir -p "$work/flink" "$work/consumer"
consumer_jars="$root/kafka/lib/*:$root/iotdb/lib/*"
javac -nowarn -cp "$root/flink/lib/*" -d "$work/flink" "$beside/Job.java"
javac -nowarn -cp "$consumer_jars" -d "$work/consumer" "$beside/Consumer.java"

fill() { # topic, messages, flags
  "$levada" bench fill --brokers "$brokers" --topic "$1" --partitions 4 --devices 100 --messages "$2" "${@:3}" >/dev/null
}

command_of() { # who, topic, group: the command as words of ${command[@]}
  local opens_here=(--add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.time=ALL-UNNAMED)
  case $1 in
    levada | levada-large)
      local batch=''
      [ "$1" = levada ] || batch='batch: {rows: 50000, bytes: 32MiB, linger: 100ms}, '
      cat >"$work/$3.yaml" <<Y
name: bench
sources:
  readings:
    kafka: {brokers: $brokers, topics: [$2], group: $3, start: earliest, end: latest, ${batch}properties: {session.timeout.ms: "6000"}}
    decode: {json: {device: \$.device, time: \$.timestamp}}
sinks:
  store: {inputs: [readings], iotdb: {nodes: ["127.0.0.1:$port"], database: root.plant}}
Y
      command=("$levada" run --quiet --state "$work/state-$3" "$work/$3.yaml") ;;
    consumer)
      command=(java -Xmx512m -Djava.net.preferIPv4Stack=true -Dlogback.configurationFile="$server/conf/logback.xml"
        -cp "$work/consumer:$consumer_jars" Consumer "$brokers" "$2" "$3" "$port" 50000) ;;
    flink)
      command=(java -Xmx1700m -Djava.net.preferIPv4Stack=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn "${opens_here[@]}"
        -cp "$work/flink:$root/flink/lib/*" Job "$brokers" "$2" "$3" "$port" "${BATCH:-1000}" 2) ;;
  esac
}

topic=bench-$$-$RANDOM turn=0
fill "$topic" "$messages" --expect "$work/expect.csv"
fill "$topic-empty" 0
who=(${ONLY:-levada levada-large consumer flink})
# What is measured meets a server that is warm.
command_of levada "$topic" "$topic-warm"
"${command[@]}" >"$work/warm.log" 2>&1 || { tail -n 5 "$work/warm.log" >&2; exit 1; }
for turn in $(seq "$runs"); do
  for each in "${who[@]}"; do
    theirs 'delete database root.**' >/dev/null 2>&1 || true
    command_of "$each" "$topic-empty" "$topic-$turn-$each-empty"
    idle=$(python3 "$beside/run.py" start "$work/$each.log" "${command[@]}")
    command_of "$each" "$topic" "$topic-$turn-$each"
    python3 "$beside/run.py" run "$work/$each.log" "$each" "$messages" "$idle" "${pids[*]}" "${command[@]}"
    theirs 'select count(sequence), sum(temperature), sum(sequence) from root.plant.** align by device' >"$work/stored.csv"
    python3 "$beside/run.py" compare "$work/expect.csv" "$work/stored.csv" "$each"
  done
done
[ "$kills" != 0 ] || exit 0
for each in "${who[@]}"; do
  theirs 'delete database root.**' >/dev/null 2>&1 || true
  command_of "$each" "$topic" "$topic-killed-$each"
  python3 "$beside/run.py" kill "$work/$each.log" "$each" "$kills" "127.0.0.1:$port" "$messages" "$levada" "${command[@]}"
  theirs 'select count(sequence), sum(temperature), sum(sequence) from root.plant.** align by device' >"$work/stored.csv"
  python3 "$beside/run.py" compare "$work/expect.csv" "$work/stored.csv" "$each, killed"
done
