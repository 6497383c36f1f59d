#!/usr/bin/env bash
# A second levada, with a folder of its own, joins and leaves the group while messages keep coming: nothing is lost, and
# nothing is read into both folders.
set -euo pipefail
. "$(dirname "$0")/job.sh"
count=${COUNT:-$([ -n "${FULL:-}" ] && echo 2000000 || echo 400000)}

job_begin rebalance
job_pipeline '      properties: {session.timeout.ms: "6000", heartbeat.interval.ms: "500", topic.metadata.refresh.interval.ms: "1000"}'
sed "s#$job/data#$job/data-b#; s#$job/dead.jsonl#$job/dead-b.jsonl#" "$job/pipeline.yaml" >"$job/second.yaml"

"$LEVADA" run --quiet --state "$job/state" "$job/pipeline.yaml" >>"$job/run.log" 2>&1 & first=$!
job_fill "$count" --rate $((count / 12)) & fill=$!
# assigned NTH: the second levada has got partitions that often.
assigned() {
  for _ in $(seq 1 300); do
    [ "$(grep -cs 'partitions assigned.*partitions=[1-9]' "$job/second.log")" -ge "$1" ] && return
    sleep 0.1
  done
  echo "  the second levada got no partition" >&2; cat "$job/second.log" >&2; exit 1
}
for nth in 1 2; do
  sleep 1.5
  "$LEVADA" run --quiet --state "$job/state-b" "$job/second.yaml" >>"$job/second.log" 2>&1 & other=$!
  assigned "$nth"
  sleep 1
  kill -TERM "$other"
  wait "$other"
done
wait "$fill"
kill -TERM "$first"
wait "$first"
# What had not been read yet, with an end.
sed -i "s#start: earliest#start: earliest\n      end: latest#" "$job/pipeline.yaml"
job_run
query='select count(temperature), sum(temperature), sum(sequence) from root.plant.** align by device'
job_sql "$query" "$job/data" >"$job/a.csv"
job_sql "$query" "$job/data-b" >"$job/b.csv"
python3 - "$job/expect.csv" "$job/a.csv" "$job/b.csv" <<'P'
import csv, sys
def add(path, into, skip_empty=True):
    rows = 0
    for row in list(csv.reader(open(path)))[1:]:
        if not row: continue
        known = into.setdefault(row[0], [0, 0.0, 0.0])
        for i in range(3): known[i] += float(row[i + 1] or 0)
        rows += int(float(row[1]))
    return rows
want, have = {}, {}
total = add(sys.argv[1], want)
a, b = add(sys.argv[2], have), add(sys.argv[3], have)
wrong = [d for d in want if want[d] != have.get(d)]
print(f"  {a} rows in the first folder, {b} in the second, {total} sent, {len(wrong)} devices differ")
for d in wrong[:5]: print(f"  {d}: stored {have.get(d)}, expected {want[d]}", file=sys.stderr)
sys.exit(1 if wrong or b == 0 else 0)
P
