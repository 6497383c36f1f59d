# Sourced by the tests that run the main job: a topic with known readings, a pipeline, a comparison.
#
#   job_begin NAME          a fresh folder $job and topic $topic, the broker up
#   job_pipeline [EXTRA]    $job/pipeline.yaml from $topic into $job/data; EXTRA lines go below `kafka:`
#   job_fill COUNT [FLAGS]  fill the topic; $job/expect.csv is what the store must hold
#   job_run [FLAGS]         levada run on it, its log in $job/run.log
#   job_start [FLAGS]       the same in the background; its process is $pid
#   job_reading             until that process reads
#   job_compare             every reading is there exactly once, or the differences and exit 1
#   dead_letters COUNT      so many messages were dead-lettered, each with its bytes and its origin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${LEVADA_REAL_HOME:=$here/../../target/real}"
: "${LEVADA:=$here/../../target/debug/levada}"
: "${KAFKA_PORT:=29192}"
export LEVADA_REAL_HOME
brokers=127.0.0.1:$KAFKA_PORT

job_begin() {
  job=$LEVADA_REAL_HOME/jobs/$1
  topic=$1-$$-$RANDOM
  rm -rf "$job"
  mkdir -p "$job"
  (exec 3<>"/dev/tcp/127.0.0.1/$KAFKA_PORT") 2>/dev/null || "$here/kafka.sh" start "$KAFKA_PORT" >/dev/null
}

job_pipeline() {
  cat >"$job/pipeline.yaml" <<Y
name: $(basename "$job")
sources:
  readings:
    kafka:
      brokers: $brokers
      topics: [$topic]
      group: $topic
      start: earliest
${1:-      end: latest}
    decode: {json: {device: \$.device, time: \$.timestamp}}
sinks:
  store:
    inputs: [readings]
    iotdb: {embedded: $job/data, database: root.plant}
errors:
  dead_letter: {file: $job/dead.jsonl}
Y
}

job_fill() {
  local count=$1
  shift
  "$LEVADA" bench fill --brokers "$brokers" --topic "$topic" --messages "$count" --expect "$job/expect.csv" "$@"
}

job_start() { # as job_run, in the background: $pid
  "$LEVADA" run --quiet --state "$job/state" "$@" "$job/pipeline.yaml" >>"$job/run.log" 2>&1 &
  pid=$!
}

job_reading() { # until that process has partitions to read from
  for _ in $(seq 1 3000); do
    grep -qs 'partitions assigned' "$job/run.log" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.02
  done
  echo "it got no partition:" >&2; cat "$job/run.log" >&2; exit 1
}

# Whatever a test leaves running when it fails ends with it.
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

job_run() { "$LEVADA" run --quiet --state "$job/state" "$@" "$job/pipeline.yaml" >>"$job/run.log" 2>&1; }

job_sql() { "$LEVADA" sql --data "${2:-$job/data}" --format csv -e "$1"; }

job_compare() {
  local data=${1:-$job/data}
  job_sql 'select count(temperature), sum(temperature), sum(sequence) from root.plant.** align by device' "$data" >"$job/stored.csv"
  python3 - "$job/expect.csv" "$job/stored.csv" <<'P'
import csv, sys
def rows(path):
    with open(path) as f:
        lines = list(csv.reader(f))[1:]
    return {r[0]: (int(float(r[1])), float(r[2]), float(r[3])) for r in lines if r}
want, have = rows(sys.argv[1]), rows(sys.argv[2])
wrong = [d for d in sorted(set(want) | set(have)) if want.get(d) != have.get(d)]
for d in wrong[:10]:
    print(f"  {d}: stored {have.get(d)}, expected {want.get(d)}", file=sys.stderr)
total = sum(v[0] for v in have.values())
print(f"  {len(have)} devices, {total} rows, {len(wrong)} devices differ")
sys.exit(1 if wrong or not want else 0)
P
}

dead_letters() {
  python3 - "$job/dead.jsonl" "$1" <<'P'
import json, sys
origins = {}
for line in open(sys.argv[1]):
    letter = json.loads(line)
    assert letter.get("text") is not None or letter.get("base64"), letter
    assert letter["error"] and letter["stage"] and "attempts" in letter, letter
    origins[(letter["split"], letter["position"])] = letter
print(f"  {len(origins)} dead letters, {sys.argv[2]} expected")
sys.exit(0 if len(origins) == int(sys.argv[2]) else 1)
P
}
