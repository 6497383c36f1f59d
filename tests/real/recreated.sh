#!/usr/bin/env bash
# Topics that are deleted and made anew, between two runs and during one, with fewer messages and with more: an error by
# default, and by option read from their start. A partition that is added during a run is read from its beginning.
# Needs python3 with venv; the package `confluent-kafka` goes to ${LEVADA_REAL_HOME:-target/real}.
set -euo pipefail
. "$(dirname "$0")/job.sh"

venv=${LEVADA_REAL_HOME:-target/real}/python-kafka
[ -x "$venv/ready" ] || {
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install confluent-kafka
  ln -sf bin/python "$venv/ready"
}

admin() { "$venv/bin/python" - "$brokers" "$topic" "$@" <<'P'
import json, sys, time
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
brokers, topic, what, *rest = sys.argv[1:]
admin = AdminClient({"bootstrap.servers": brokers})
def done(futures):
    for future in futures.values():
        future.result()
if what in ("create", "anew"):
    if what == "anew":
        done(admin.delete_topics([topic]))
        while topic in admin.list_topics(timeout=10).topics:
            time.sleep(0.1)
    for attempt in range(100):
        try:
            done(admin.create_topics([NewTopic(topic, 1, 1)]))
            break
        except Exception:
            if attempt == 99: raise
            time.sleep(0.1)
if what == "partitions":
    done(admin.create_partitions([NewPartitions(topic, int(rest[0]))]))
if what == "send":
    partition, device, count = int(rest[0]), rest[1], int(rest[2])
    producer = Producer({"bootstrap.servers": brokers})
    for n in range(count):
        value = json.dumps({"device": device, "timestamp": 1700000000000 + n, "v": n})
        producer.produce(topic, value=value, partition=partition)
    assert producer.flush(30) == 0
P
}
have() { # have DEVICE COUNT
  local found
  found=$(job_sql "select count(v) from root.plant.$1" | tail -n 1)
  [ "$found" = "$2" ] || { echo "  $1 has $found rows, $2 expected" >&2; cat "$job/run.log" >&2; exit 1; }
}
until_log() { # until_log TEXT: the run in the background has logged it
  for _ in $(seq 1 300); do grep -qs "$1" "$job/run.log" && return; sleep 0.1; done
  echo "  the run never said: $1" >&2; cat "$job/run.log" >&2; exit 1
}

for count in 5 25; do
  echo "  made anew with $count messages, between two runs:"
  job_begin "anew-$count"
  job_pipeline
  admin create; admin send 0 old 10
  job_run; have old 10
  admin anew; admin send 0 new "$count"
  if job_run; then echo "  no error" >&2; exit 1; fi
  grep -q 'was deleted and made anew' "$job/run.log"
  job_pipeline '      end: latest
      recreated: earliest'
  job_run; have new "$count"; have old 10

  echo "  made anew with $count messages, during a run:"
  for recreated in error earliest; do
    job_begin "anew-running-$count-$recreated"
    job_pipeline "      recreated: $recreated"
    admin create; admin send 0 old 10
    job_start
    until_log 'partitions assigned'
    sleep 2
    admin anew; admin send 0 new "$count"
    until_log 'was deleted and made anew'
    if [ "$recreated" = error ]; then
      if wait "$pid"; then echo "  no error" >&2; exit 1; fi
      have old 10
    else
      sleep 8
      kill -TERM "$pid"; wait "$pid"
      have new "$count"; have old 10
    fi
  done
done

echo "  a partition is added during a run from the end:"
job_begin added
job_pipeline '      properties: {topic.metadata.refresh.interval.ms: 3000}'
sed -i 's/start: earliest/start: latest/' "$job/pipeline.yaml"
admin create; admin send 0 old 5
job_start
until_log 'partitions assigned'
sleep 1
admin partitions 2
sleep 0.5
admin send 1 new 5
sleep 12
admin send 1 late 5
sleep 6
kill -TERM "$pid"; wait "$pid"
have new 5; have late 5
