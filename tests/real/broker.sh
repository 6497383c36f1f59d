#!/usr/bin/env bash
# The main job against a real broker: everything arrives once, malformed messages are dead-lettered, a second run has
# nothing to do, SIGTERM and broker restarts in the middle lose nothing. What a query gives goes to a topic and comes back the same.
set -euo pipefail
. "$(dirname "$0")/job.sh"
count=${COUNT:-$([ -n "${FULL:-}" ] && echo 2000000 || echo 300000)}

job_begin broker
job_pipeline
job_fill "$count" --malformed-every 100
echo "  one run:"
time job_run
job_compare
dead_letters $((count / 100))

echo "  a second run finds nothing new:"
job_run
job_compare

echo "  SIGTERM in the middle, then on to the end:"
job_begin broker-term
job_pipeline
job_fill $((count * 2))
job_start
job_reading
kill -TERM "$pid"
wait "$pid"
grep -q ' stopped ' "$job/run.log" || { echo "the signal came too late: nothing was tested" >&2; exit 1; }
job_run
job_compare

echo "  the broker restarts in the middle:"
job_begin broker-restart
job_pipeline
job_fill $((count * 2))
job_start
job_reading
"$here/kafka.sh" restart >/dev/null
wait "$pid"
job_compare

echo "  what is stored, as messages of another topic, and from there into another store:"
job_begin broker-sink
job_pipeline
job_fill "$count"
job_run
job_compare
cat >"$job/pipeline.yaml" <<Y
name: out
sources:
  rows:
    iotdb: {embedded: $job/data, query: 'select * from root.plant.** align by device'}
sinks:
  topic:
    inputs: [rows]
    kafka: {brokers: $brokers, topic: $topic-out, compression: zstd}
Y
time job_run
topic=$topic-out
mv "$job/data" "$job/before"
cat >"$job/pipeline.yaml" <<Y
name: back
sources:
  readings:
    kafka: {brokers: $brokers, topics: [$topic], group: $topic, end: latest}
    decode: {json: {}}
sinks:
  store: {inputs: [readings], iotdb: {embedded: $job/data, database: root.plant}}
Y
job_run
job_compare
